//! What the kernel's scheduler did in a run, as lines for people. The main function is [`lines`].

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec::Vec;

use crate::analyse::scheduling::average_running_threads;
use crate::analyse::units::{count, duration, percent, plural};
use crate::result::{LockWait, Run, Shares, Split, ThreadFigures, WaitShares};
use crate::trace::{Source, WaitCause};

/// So many threads are shown.
const THREADS: usize = 3;

/// Label and text of each line; none for a run whose scheduling nobody asked for.
pub(super) fn lines(run: &Run) -> Vec<(&'static str, String)> {
    let Some(shares) = &run.scheduling else { return Vec::new() };
    let mut lines = Vec::new();
    if let Some(text) = parts(&shares.total) {
        lines.push(("in steps", text));
    }
    if shares.steps.len() > 1 {
        for step in &shares.steps {
            if let Some(text) = parts(&step.split) {
                lines.push(("", format!("`{}`: {text}", step.kind.name())));
            }
        }
    }
    let seen = shares.waits.as_ref().filter(|waits| waits.is_known());
    lines.extend(seen.map(|waits| ("waits for", waited_for(waits))));
    let inferred = shares.lock.as_ref().filter(|_| seen.is_none());
    lines.extend(inferred.map(|lock| ("GIL", lock_wait(lock))));
    lines.extend(wakeup(shares).map(|text| ("wakeup", text)));
    lines.extend(
        average_running_threads(shares)
            .map(|mean| ("running", running_threads(mean, &shares.running_threads))),
    );
    let labels = core::iter::once("busiest").chain(core::iter::repeat(""));
    lines.extend(labels.zip(shares.threads.iter().take(THREADS).map(thread)));
    let more = shares.threads.len().saturating_sub(THREADS) + shares.threads_left_out as usize;
    if more > 0 {
        lines.push(("", format!("… and {} more threads", count(more as u64))));
    }
    lines.push(("kernel", recorded(shares)));
    lines.extend(shares.missing.iter().map(|why| ("not seen", why.clone())));
    lines
}

fn parts(split: &Split) -> Option<String> {
    let Split { running_ns, runnable_ns, throttled_ns, blocked_ns, unknown_ns } = *split;
    let whole = split.whole_ns();
    if whole == 0 {
        return None;
    }
    let share = |ns: u64| percent(ns as f64 / whole as f64);
    let mut text = format!(
        "{} running, {} runnable without a processor, {} blocked",
        share(running_ns),
        share(runnable_ns),
        share(blocked_ns)
    );
    if throttled_ns > 0 {
        text.push_str(&format!(", {} throttled by the CPU quota", share(throttled_ns)));
    }
    if unknown_ns > whole / 1000 {
        text.push_str(&format!(", {} not recorded", share(unknown_ns)));
    }
    Some(text)
}

/// The share of the computing steps' time that may have been waiting for the lock of the
/// interpreter; `None`: there is no such lock, or nothing can be said of it.
pub(super) fn lock_share(shares: &Shares) -> Option<f64> {
    let lock = shares.lock?;
    if let Some(waits) = shares.waits.as_ref()
        && let Some((share, ..)) = waits.share(WaitCause::Gil)
    {
        return Some(share * lock.at_most_ns as f64 / lock.of_ns.max(1) as f64);
    }
    let ns = lock.without_wakeup_ns.unwrap_or(lock.at_most_ns);
    Some(ns as f64 / lock.of_ns.max(1) as f64)
}

/// What looks at blocked threads saw, each share with how far it may be off.
fn waited_for(waits: &WaitShares) -> String {
    let each = waits.by.iter().filter_map(|count| {
        let (share, low, high) = waits.share(count.cause)?;
        Some(format!(
            "{} {} ({}–{})",
            percent(share),
            count.cause.words(),
            percent(low),
            percent(high)
        ))
    });
    let each: Vec<String> = each.collect();
    format!("{}, of {} at blocked threads", each.join(", "), plural(waits.looks(), "look"))
}

/// What it is based on, and no more: switches say that a thread was blocked, not on what.
fn lock_wait(lock: &LockWait) -> String {
    let share = |ns: u64| percent(ns as f64 / lock.of_ns.max(1) as f64);
    let (ns, wakeups) = match lock.without_wakeup_ns {
        Some(ns) => (ns, "left out"),
        None => (lock.at_most_ns, "included"),
    };
    format!(
        "waited for it in at most {} of the computing steps' time ({}; wakeup latency {wakeups}): blocked \
         while another thread of the process ran or was ready; page-ins, allocator locks and \
         output look the same",
        share(ns),
        duration(ns)
    )
}

fn wakeup(shares: &Shares) -> Option<String> {
    let ns = shares.wakeup_ns.filter(|&ns| ns > 0)?;
    let unread = match shares.wakeup_unread {
        0 => String::new(),
        some => format!("; not counted for {} that ended too soon", plural(some.into(), "thread")),
    };
    let what = "latency of all threads together: awake and not yet running; above that is blocked";
    Some(format!("{}, {what}{unread}", duration(ns)))
}

fn running_threads(mean: f64, shares: &[f64]) -> String {
    let each: Vec<String> = shares
        .iter()
        .enumerate()
        .filter(|(_, share)| **share > 0.0005)
        .map(|(threads, share)| format!("{threads} for {} of the work", percent(*share)))
        .collect();
    format!("{mean:.2} threads on average; {}", each.join(", "))
}

/// `python3 4711: 155 ms running, 61 ms runnable; switches: 157 voluntary, 85 involuntary; 3 migrations`.
fn thread(one: &ThreadFigures) -> String {
    let mut text = format!(
        "{} {}: {} running, {} in the run queue",
        if one.name.is_empty() { "thread" } else { &one.name },
        one.tid,
        duration(one.running_ns),
        duration(one.runnable_ns)
    );
    if let Some(ns) = one.wakeup_ns {
        text.push_str(&format!(", {} wakeup latency", duration(ns)));
    }
    let figures = [("voluntary", one.voluntary), ("involuntary switches", one.involuntary)];
    let known =
        figures.iter().filter_map(|(what, number)| Some(format!("{} {what}", count((*number)?))));
    let moved = one.migrations.map(|number| plural(number, "CPU migration"));
    let known: Vec<String> = known.chain(moved).collect();
    if !known.is_empty() {
        text.push_str(&format!("; {}", known.join(", ")));
    }
    text
}

/// A record of so much of the processor time is one of all of it.
const WHOLE: f64 = 0.995;
/// Which part the kernel records: from exec(2) until the thread has no more events, which is before its
/// memory and its parent are seen to (`do_exit` in kernel/exit.c of Linux).
const PART: &str = " (of each thread from where its program began until it began to end)";

fn recorded(shares: &Shares) -> String {
    let coverage = shares
        .coverage
        .map_or_else(String::new, |share| format!(", {} of the processor time", percent(share)));
    match shares.source {
        Source::Samples { .. } if shares.records == 0 => "nothing could be read".to_string(),
        Source::Samples { every_ns } => format!(
            "sampled, not recorded: {} about every {}{coverage}; a thread's totals are the kernel's \
             own, when it ran is estimated",
            plural(shares.records, "look"),
            duration(every_ns)
        ),
        Source::Switches => {
            let lost = match shares.lost {
                0 => "none lost".into(),
                lost => format!("{} lost", count(lost)),
            };
            let reader = shares
                .reader_cpu_ns
                .map_or_else(String::new, |ns| format!(", read in {}", duration(ns)));
            let part = match shares.coverage {
                Some(share) if share < WHOLE => PART,
                _ => "",
            };
            format!(
                "{}, {lost}{reader}{coverage}{part}; these times include recording",
                plural(shares.records, "record")
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;
    use std::fmt::Write as _;

    use expect_test::{Expect, expect};
    use maitred_wire::Strategy;

    use super::*;
    use crate::analyse::summary;
    use crate::result::StepSplit;
    use crate::trace::StepKind;
    use crate::trace::sample::tables;

    fn shares() -> Shares {
        let split =
            Split { running_ns: 200, runnable_ns: 100, blocked_ns: 700, ..Split::default() };
        let figures = |tid| ThreadFigures {
            pid: 7,
            tid,
            name: "python3".into(),
            running_ns: 155_000_000,
            runnable_ns: 61_000_000,
            wakeup_ns: Some(102_000_000),
            voluntary: Some(157),
            involuntary: Some(85),
            migrations: Some(3),
        };
        Shares {
            gil: Some(true),
            total: split,
            steps: vec![StepSplit { kind: StepKind::Cpu, split }],
            running_threads: vec![0.0, 0.95, 0.05],
            wakeup_ns: Some(5_000_000),
            threads: (1..6).map(figures).collect(),
            records: 2_000,
            reader_cpu_ns: Some(160_000),
            coverage: Some(0.98),
            lock: Some(LockWait { of_ns: 1000, at_most_ns: 700, without_wakeup_ns: Some(600) }),
            ..Shares::default()
        }
    }

    fn check(shares: Shares, expected: &Expect) {
        let run = summary::run(&tables(1, 1).run(Strategy::Threads, 1), 0, &[]);
        let mut text = String::new();
        for (label, line) in lines(&Run { scheduling: Some(shares), ..run }) {
            writeln!(text, "{label:<9}{line}").unwrap();
        }
        expected.assert_eq(&text);
    }

    #[test]
    fn what_was_recorded() {
        check(
            shares(),
            &expect![[r#"
                in steps 20 % running, 10 % runnable without a processor, 70 % blocked
                GIL      waited for it in at most 60 % of the computing steps' time (600 ns; wakeup latency left out): blocked while another thread of the process ran or was ready; page-ins, allocator locks and output look the same
                wakeup   5.00 ms, latency of all threads together: awake and not yet running; above that is blocked
                running  1.05 threads on average; 1 for 95 % of the work, 2 for 5.0 % of the work
                busiest  python3 1: 155 ms running, 61.0 ms in the run queue, 102 ms wakeup latency; 157 voluntary, 85 involuntary switches, 3 CPU migrations
                         python3 2: 155 ms running, 61.0 ms in the run queue, 102 ms wakeup latency; 157 voluntary, 85 involuntary switches, 3 CPU migrations
                         python3 3: 155 ms running, 61.0 ms in the run queue, 102 ms wakeup latency; 157 voluntary, 85 involuntary switches, 3 CPU migrations
                         … and 2 more threads
                kernel   2,000 records, none lost, read in 160 µs, 98 % of the processor time (of each thread from where its program began until it began to end); these times include recording
            "#]],
        );
    }

    #[test]
    fn a_whole_record_is_not_explained() {
        let whole = recorded(&Shares { coverage: Some(1.0), ..shares() });
        assert!(whole.contains("100 % of the processor time; these"), "{whole}");
        let unknown = recorded(&Shares { coverage: None, ..shares() });
        assert!(!unknown.contains("began to end"), "{unknown}");
    }

    #[test]
    fn what_is_not_known_is_said() {
        let mut shares = shares();
        shares.lost = 12;
        shares.wakeup_unread = 1;
        shares.lock = Some(LockWait { of_ns: 1000, at_most_ns: 700, without_wakeup_ns: None });
        shares.threads = vec![ThreadFigures { tid: 5, ..ThreadFigures::default() }];
        shares.missing = vec!["12 records had no room".into()];
        check(
            shares,
            &expect![[r#"
                in steps 20 % running, 10 % runnable without a processor, 70 % blocked
                GIL      waited for it in at most 70 % of the computing steps' time (700 ns; wakeup latency included): blocked while another thread of the process ran or was ready; page-ins, allocator locks and output look the same
                wakeup   5.00 ms, latency of all threads together: awake and not yet running; above that is blocked; not counted for 1 thread that ended too soon
                running  1.05 threads on average; 1 for 95 % of the work, 2 for 5.0 % of the work
                busiest  thread 5: 0 ns running, 0 ns in the run queue
                kernel   2,000 records, 12 lost, read in 160 µs, 98 % of the processor time (of each thread from where its program began until it began to end); these times include recording
                not seen 12 records had no room
            "#]],
        );
    }

    #[test]
    fn samples_are_marked_as_samples_and_the_refusal_is_shown() {
        let shares = Shares {
            source: Source::Samples { every_ns: 5_000_000 },
            running_threads: vec![],
            wakeup_ns: None,
            lock: None,
            records: 300,
            missing: vec!["the kernel refused: EACCES".into()],
            ..shares()
        };
        check(
            shares.clone(),
            &expect![[r#"
                in steps 20 % running, 10 % runnable without a processor, 70 % blocked
                busiest  python3 1: 155 ms running, 61.0 ms in the run queue, 102 ms wakeup latency; 157 voluntary, 85 involuntary switches, 3 CPU migrations
                         python3 2: 155 ms running, 61.0 ms in the run queue, 102 ms wakeup latency; 157 voluntary, 85 involuntary switches, 3 CPU migrations
                         python3 3: 155 ms running, 61.0 ms in the run queue, 102 ms wakeup latency; 157 voluntary, 85 involuntary switches, 3 CPU migrations
                         … and 2 more threads
                kernel   sampled, not recorded: 300 looks about every 5.00 ms, 98 % of the processor time; a thread's totals are the kernel's own, when it ran is estimated
                not seen the kernel refused: EACCES
            "#]],
        );
        check(
            Shares { records: 0, coverage: None, threads: vec![], ..shares },
            &expect![[r#"
                in steps 20 % running, 10 % runnable without a processor, 70 % blocked
                kernel   nothing could be read
                not seen the kernel refused: EACCES
            "#]],
        );
    }
}
