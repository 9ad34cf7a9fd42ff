//! What the kernel itself counts for each thread, read again and again: time on a processor and
//! time waiting for one, from /proc/PID/task/TID/schedstat (Documentation/scheduler/sched-stats.rst).
//! Beside recorded switches that is the second source; where switches are refused it is the only
//! one, and then slices are made of it, which are estimates. The main type is [`Looks`].

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt as _;

use maitred_core::trace::{Scheduling, Source, Thread};
use rustc_hash::FxHashMap;

use super::procfs;
use super::samples::{Sample, Samples};
use crate::measure::clock;

/// So many files are kept open, which makes a look five times as cheap; others are opened anew.
const FILES: usize = 400;

/// All threads that were ever seen, and what they were last seen with.
#[derive(Debug, Default)]
pub(super) struct Looks {
    accounts: Vec<Account>,
    /// Of living threads, by process and thread.
    living: FxHashMap<(u32, u32), usize>,
    files: usize,
    number: u64,
    first_ns: u64,
    last_ns: u64,
    /// `None`: the slices are recorded by somebody else.
    samples: Option<Samples>,
}

/// What is known of one thread.
#[derive(Debug)]
struct Account {
    pid: u32,
    tid: u32,
    name: String,
    schedstat: Option<File>,
    stat: Option<File>,
    first_ns: u64,
    /// When the figures were read.
    read_ns: u64,
    /// 0: it is there.
    gone_ns: u64,
    figures: Figures,
    is_ready: bool,
    cpu: u16,
}

/// The three numbers of schedstat.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Figures {
    cpu_ns: u64,
    run_delay_ns: u64,
    /// How often it came onto a processor.
    turns: u64,
}

impl Looks {
    /// Looks of which slices are made.
    pub(super) fn sampling() -> Self {
        Self { samples: Some(Samples::default()), ..Self::default() }
    }

    pub(super) fn is_sampling(&self) -> bool {
        self.samples.is_some()
    }

    /// Reads the figures of all threads of these processes.
    pub(super) fn look(&mut self, pids: &[u32]) {
        let now_ns = clock::now_ns();
        let before_ns = if self.number == 0 { now_ns } else { self.last_ns };
        for &pid in pids {
            let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else { continue };
            let ids = threads.filter_map(|one| one.ok()?.file_name().to_str()?.parse().ok());
            for tid in ids {
                if !self.living.contains_key(&(pid, tid)) {
                    self.meet(pid, tid, now_ns);
                }
            }
        }
        let mut seen = Vec::new();
        let living: Vec<usize> = self.living.values().copied().collect();
        for number in living {
            let is_new = self.accounts[number].read_ns == 0;
            let before = self.accounts[number].figures;
            if !self.read(number, now_ns) {
                self.bury(number, now_ns);
            }
            let account = &self.accounts[number];
            // Of a thread that was there before the first look nobody knows when it ran.
            let ran_ns = match is_new && self.number == 0 {
                true => 0,
                false => account.figures.cpu_ns.saturating_sub(before.cpu_ns),
            };
            seen.push(Sample {
                thread: number,
                cpu: account.cpu,
                ran_ns,
                is_ready: account.is_ready,
                is_gone: account.gone_ns != 0,
            });
        }
        if let Some(samples) = &mut self.samples {
            samples.take(before_ns, now_ns, seen);
        }
        if self.number == 0 {
            self.first_ns = now_ns;
        }
        self.number += 1;
        self.last_ns = now_ns;
    }

    fn meet(&mut self, pid: u32, tid: u32, now_ns: u64) {
        let keep = self.files + 2 <= FILES;
        let open = |name| {
            let file = File::open(format!("/proc/{pid}/task/{tid}/{name}"));
            file.ok().filter(|_| keep)
        };
        let schedstat = open("schedstat");
        let stat = if self.is_sampling() { open("stat") } else { None };
        self.files += usize::from(schedstat.is_some()) + usize::from(stat.is_some());
        self.living.insert((pid, tid), self.accounts.len());
        self.accounts.push(Account {
            pid,
            tid,
            name: String::new(),
            schedstat,
            stat,
            first_ns: now_ns,
            read_ns: 0,
            gone_ns: 0,
            figures: Figures::default(),
            is_ready: false,
            cpu: 0,
        });
    }

    /// Whether the thread is still there.
    fn read(&mut self, number: usize, now_ns: u64) -> bool {
        let is_sampling = self.is_sampling();
        let account = &mut self.accounts[number];
        let mut buffer = [0; 512];
        let Some(figures) = account.text("schedstat", &mut buffer).and_then(figures) else {
            return false;
        };
        // Who has not had a turn since and waited then still does: there is no need to ask.
        let is_same = account.read_ns != 0 && figures == account.figures && !account.is_ready;
        account.figures = figures;
        account.read_ns = now_ns;
        if (is_sampling && !is_same) || account.name.is_empty() {
            let Some(stat) = account.text("stat", &mut buffer) else { return false };
            let (name, is_ready, cpu) = state(stat);
            let name = name.to_owned();
            (account.name, account.is_ready, account.cpu) = (name, is_ready, cpu);
        }
        true
    }

    fn bury(&mut self, number: usize, now_ns: u64) {
        let account = &mut self.accounts[number];
        account.gone_ns = now_ns;
        self.living.remove(&(account.pid, account.tid));
        let open = usize::from(account.schedstat.take().is_some())
            + usize::from(account.stat.take().is_some());
        self.files -= open;
    }

    /// Adds the kernel's figures to threads whose switches were recorded.
    pub(super) fn add_to(&self, scheduling: &mut Scheduling) {
        // A number may have belonged to several threads: of each the one that was there then.
        let mut by_id: FxHashMap<(u32, u32), Vec<&Account>> = FxHashMap::default();
        for account in self.accounts.iter().filter(|account| account.read_ns != 0) {
            by_id.entry((account.pid, account.tid)).or_default().push(account);
        }
        for thread in &mut scheduling.threads {
            let end_ns = if thread.end_ns == 0 { u64::MAX } else { thread.end_ns };
            let during = |account: &&&Account| {
                account.read_ns >= thread.start_ns && account.first_ns <= end_ns
            };
            let accounts = by_id.get(&(thread.pid, thread.tid));
            if let Some(account) = accounts.and_then(|all| all.iter().find(during)) {
                thread.cpu_ns = Some(account.figures.cpu_ns);
                thread.run_delay_ns = Some(account.figures.run_delay_ns);
                thread.counted_ns = account.read_ns;
            }
        }
    }

    /// All that is known where switches were refused, for the reason that is given.
    pub(super) fn finish(self, cpus: Vec<u16>, refusal: String) -> Scheduling {
        let thread = |account: &Account| Thread {
            pid: account.pid,
            tid: account.tid,
            name: account.name.clone(),
            start_ns: account.first_ns,
            end_ns: account.gone_ns,
            run_delay_ns: Some(account.figures.run_delay_ns),
            cpu_ns: Some(account.figures.cpu_ns),
            counted_ns: account.read_ns,
            ..Thread::default()
        };
        let pauses = self.number.saturating_sub(1).max(1);
        let samples = self.samples.unwrap_or_default();
        let mut missing = vec![refusal];
        if self.accounts.is_empty() {
            missing.push("/proc/PID/task/TID/schedstat could not be read either".to_owned());
        } else {
            missing.push(
                "threads that lived for less than a few looks are not in the samples; nor is the \
                 number of switches"
                    .to_owned(),
            );
        }
        missing.extend(samples.left_out());
        let slices = samples.finish();
        let mut threads: Vec<Thread> = self.accounts.iter().map(thread).collect();
        // A thread that came between two looks is there from its first slice on.
        for slice in &slices {
            let thread = &mut threads[slice.thread as usize];
            thread.start_ns = thread.start_ns.min(slice.start_ns);
        }
        Scheduling {
            source: Source::Samples { every_ns: (self.last_ns - self.first_ns) / pauses },
            cpus,
            threads,
            slices,
            records: if self.accounts.is_empty() { 0 } else { self.number },
            missing,
            ..Scheduling::default()
        }
    }
}

impl Account {
    /// The text of one of its files; `None`: the thread is gone.
    fn text<'a>(&self, name: &str, buffer: &'a mut [u8]) -> Option<&'a str> {
        let kept = if name == "stat" { &self.stat } else { &self.schedstat };
        let length = match kept {
            Some(file) => file.read_at(buffer, 0),
            None => open_and_read(&format!("/proc/{}/task/{}/{name}", self.pid, self.tid), buffer),
        };
        let text = buffer.get(..length.ok().filter(|&length| length > 0)?)?;
        // A name may hold any bytes; what is asked for stands around it.
        Some(std::str::from_utf8(text).unwrap_or_else(|error| {
            std::str::from_utf8(&text[..error.valid_up_to()]).unwrap_or_default()
        }))
    }
}

fn open_and_read(path: &str, buffer: &mut [u8]) -> io::Result<usize> {
    File::open(path)?.read_at(buffer, 0)
}

fn figures(schedstat: &str) -> Option<Figures> {
    let mut words = schedstat.split_whitespace().map(|word| word.parse().ok());
    let mut next = || words.next().flatten();
    Some(Figures { cpu_ns: next()?, run_delay_ns: next()?, turns: next()? })
}

/// The name of a thread, whether it is ready or on a processor, and the last one it was on:
/// fields 2, 3 and 39 of proc_pid_stat(5).
fn state(stat: &str) -> (&str, bool, u16) {
    let name = stat.split_once('(').and_then(|(_, rest)| rest.rsplit_once(')'));
    let mut words = procfs::stat_words(stat);
    let is_ready = words.next() == Some("R");
    let cpu = words.nth(35).and_then(|word| word.parse().ok()).unwrap_or(0);
    (name.map_or("", |(name, _)| name), is_ready, cpu)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_of_the_kernel_are_read() {
        let stat = "77 (a b) c) R 1 77 77 0 -1 4194560 1 0 0 0 1 2 0 0 20 0 1 0 5 6 7 8 9 10 11 12 \
                    13 14 15 16 17 18 19 20 17 1 0 0 0";
        assert_eq!(state(stat), ("a b) c", true, 1));
        let expected = Figures { cpu_ns: 12, run_delay_ns: 34, turns: 5 };
        assert_eq!(figures("12 34 5\n"), Some(expected));
        assert_eq!(figures("12 34"), None);
        let own = fs::read_to_string("/proc/thread-self/stat").unwrap();
        assert!(state(&own).1, "who reads is on a processor");
    }

    #[test]
    fn a_thread_keeps_its_figures_when_it_is_gone() {
        let mut looks = Looks::sampling();
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let (pid, other) = (child.id(), std::process::id());
        // While it is on a processor the kernel counts it at its ticks only.
        let is_asleep =
            || fs::read_to_string(format!("/proc/{pid}/stat")).unwrap().contains(") S ");
        while !is_asleep() {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        looks.look(&[pid]);
        assert_eq!(looks.files, 2);
        child.kill().unwrap();
        child.wait().unwrap();
        looks.look(&[pid]);
        assert_eq!((looks.files, looks.living.len()), (0, 0));
        looks.look(&[other]);
        let scheduling = looks.finish(vec![0], "refused".to_owned());
        let thread = &scheduling.threads[0];
        assert_eq!((thread.pid, thread.name.as_str()), (pid, "sleep"));
        assert!(thread.end_ns > thread.start_ns && thread.cpu_ns > Some(0));
        assert_eq!(scheduling.records, 3);
    }

    #[test]
    fn figures_go_to_the_thread_that_was_there_then() {
        let mut looks = Looks::default();
        looks.look(&[std::process::id()]);
        let (pid, tid) = (looks.accounts[0].pid, looks.accounts[0].tid);
        let read_ns = looks.accounts[0].read_ns;
        let thread = |start_ns, end_ns| Thread { pid, tid, start_ns, end_ns, ..Thread::default() };
        let mut scheduling = Scheduling {
            threads: vec![thread(1, read_ns - 1), thread(read_ns - 1, 0)],
            ..Scheduling::default()
        };
        looks.add_to(&mut scheduling);
        assert_eq!(scheduling.threads[0].cpu_ns, None, "it had ended before");
        assert_eq!(scheduling.threads[1].counted_ns, read_ns);
    }
}
