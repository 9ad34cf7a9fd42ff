//! What the kernel's scheduler did in a run, as lines for people. The main function is [`lines`].

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::analyse::units::{count, duration, percent};
use crate::result::{Run, Shares, Split};
use crate::trace::StepKind;

/// Label and text of each line; none for a run whose switches were not recorded.
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
    lines.extend(lock_wait(shares).map(|text| ("GIL", text)));
    if let Some(ns) = shares.wakeup_ns.filter(|&ns| ns > 0) {
        let text = "were awake and not yet on a processor, which switches do not show";
        lines.push(("", format!("for {} threads {text}", duration(ns))));
    }
    if !shares.at_once.is_empty() {
        lines.push(("at once", at_once(&shares.at_once)));
    }
    lines.push(("kernel", recorded(shares)));
    lines
}

fn parts(split: &Split) -> Option<String> {
    let Split { running_ns, ready_ns, blocked_ns, unknown_ns } = *split;
    let whole = split.whole_ns();
    if whole == 0 {
        return None;
    }
    let share = |ns: u64| percent(ns as f64 / whole as f64);
    let mut text = format!(
        "{} on a processor, {} waiting for one, {} blocked",
        share(running_ns),
        share(ready_ns),
        share(blocked_ns)
    );
    if unknown_ns > whole / 1000 {
        text.push_str(&format!(", {} not recorded", share(unknown_ns)));
    }
    Some(text)
}

/// The share of the computing steps' time that may have been waiting for the lock of the
/// interpreter; `None`: there is no such lock, or nothing computed.
pub(super) fn lock_share(shares: &Shares) -> Option<f64> {
    let cpu = shares.steps.iter().find(|step| step.kind == StepKind::Cpu)?.split;
    let whole = cpu.whole_ns();
    (shares.gil == Some(true) && whole > 0).then(|| cpu.blocked_ns as f64 / whole as f64)
}

/// Computing steps do no input or output, so under a lock of the interpreter what blocks them is
/// that lock, as far as switches can tell.
fn lock_wait(shares: &Shares) -> Option<String> {
    if shares.gil != Some(true) {
        return None;
    }
    let cpu = shares.steps.iter().find(|step| step.kind == StepKind::Cpu)?.split;
    let whole = cpu.whole_ns();
    (whole > 0).then(|| {
        format!(
            "{} of the computing steps' time ({}) was waiting for the lock, inferred: they were \
             blocked, and computing waits for nothing else",
            percent(cpu.blocked_ns as f64 / whole as f64),
            duration(cpu.blocked_ns)
        )
    })
}

fn at_once(shares: &[f64]) -> String {
    let mean: f64 = shares.iter().enumerate().map(|(threads, share)| threads as f64 * share).sum();
    let each: Vec<String> = shares
        .iter()
        .enumerate()
        .filter(|(_, share)| **share > 0.0005)
        .map(|(threads, share)| format!("{threads} for {} of the work", percent(*share)))
        .collect();
    format!("threads on processors: {mean:.2} on average; {}", each.join(", "))
}

fn recorded(shares: &Shares) -> String {
    let lost = match shares.lost {
        0 => "none lost".into(),
        lost => format!("{} lost", count(lost)),
    };
    let coverage = shares
        .coverage
        .map_or_else(String::new, |share| format!(", {} of the processor time", percent(share)));
    format!("{} records, {lost}{coverage}; these times include recording", count(shares.records))
}
