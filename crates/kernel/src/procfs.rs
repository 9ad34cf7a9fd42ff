//! Reading /proc and /sys: small text files whose absence is an answer, not an error.
//! Refuses to know what the figures mean.

use std::fs::{self, File};
use std::io::Read as _;
use std::str::FromStr;

/// Most of these files fit into this. Each is made anew as it is read, and says no size, so that
/// [`fs::read`] would ask for it and begin with 32 bytes.
const MOSTLY: usize = 4096;

/// The text of a file without surrounding white space; `None` if it cannot be read.
pub fn text(path: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(MOSTLY);
    File::open(path).ok()?.take(u64::MAX).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).trim().to_owned())
}

/// A file that is one number; `None` also where it says `max`.
pub fn number<T: FromStr>(path: &str) -> Option<T> {
    text(path)?.parse().ok()
}

/// The rest of the line that begins with `name`, as in `MemTotal:  24683 kB`.
pub fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| line.strip_prefix(name)).map(str::trim)
}

/// The first word of such a field, as a number.
pub fn field_number<T: FromStr>(text: &str, name: &str) -> Option<T> {
    field(text, name)?.split_whitespace().next()?.parse().ok()
}

/// What is in the parentheses of /proc/PID/stat may hold blanks and parentheses: the words after
/// the last one, counted from the state, which is field 3 of proc_pid_stat(5).
pub fn stat_words(stat: &str) -> impl Iterator<Item = &str> {
    stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace()
}

/// Whether a process is on its way out: the kernel closes its files, which its peers see, before
/// it can be waited for. `PF_EXITING` of include/linux/sched.h in the flags, which are field 9 of
/// proc_pid_stat(5).
pub fn is_exiting(pid: u32) -> bool {
    const PF_EXITING: u64 = 0x4;
    let stat = text(&format!("/proc/{pid}/stat")).unwrap_or_default();
    let flags = stat_words(&stat).nth(6).and_then(|flags| flags.parse::<u64>().ok());
    flags.is_some_and(|flags| flags & PF_EXITING != 0)
}

/// The living processes of a group.
pub fn group(leader: u32) -> Vec<u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let is_member = |pid: &u32| {
        let stat = text(&format!("/proc/{pid}/stat")).unwrap_or_default();
        // State, parent and group: proc_pid_stat(5).
        let mut words = stat_words(&stat);
        let is_alive = words.next().is_some_and(|state| !state.starts_with(['Z', 'X']));
        is_alive && words.nth(1).and_then(|group| group.parse().ok()) == Some(leader)
    };
    pids.filter(is_member).collect()
}

/// The run-queue wait of a thread or process: the second figure of its schedstat
/// (Documentation/scheduler/sched-stats.rst).
pub fn run_queue_wait_ns(schedstat: &str) -> Option<u64> {
    schedstat.split_whitespace().nth(1)?.parse().ok()
}

/// The longest run-queue wait of a thread of these processes, of those that are there. 0 where the kernel
/// does not say.
pub fn longest_queued_ns(pids: &[u32]) -> u64 {
    let tasks = pids.iter().filter_map(|pid| fs::read_dir(format!("/proc/{pid}/task")).ok());
    let queued = tasks
        .flatten()
        .flatten()
        .filter_map(|task| run_queue_wait_ns(&text(task.path().join("schedstat").to_str()?)?));
    queued.max().unwrap_or(0)
}

/// Whether a process handles this signal itself (SigCgt of proc_pid_status(5)).
pub fn catches(pid: u32, signal: i32) -> bool {
    let status = text(&format!("/proc/{pid}/status"));
    let caught = status.as_deref().and_then(|status| field(status, "SigCgt:"));
    let caught = caught.and_then(|mask| u64::from_str_radix(mask, 16).ok());
    caught.is_some_and(|mask| mask >> (signal - 1) & 1 == 1)
}
