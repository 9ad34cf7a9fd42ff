//! Whether this machine can do what a run asks for, said before anything is started. A run that is
//! not refused here can still be refused by the kernel: others start threads too.

use std::fs;
use std::os::unix::fs::MetadataExt as _;

use super::{cgroup, procfs, sys};

/// What a run is about to ask for at most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Demand {
    /// In one process.
    pub threads: u64,
    /// Beside the runner's first.
    pub processes: u64,
    /// Open at once in one process: each is a file, in a server of ours too.
    pub connections: u64,
    /// Of memory that is sure to be used: trace, columns, plan, `allocate` steps.
    pub bytes: u64,
}

/// Kernel stack (16 KiB), its descriptor, and the touched part of the thread's own stack.
const BYTES_A_THREAD: u64 = 40 << 10;
/// What a forked worker that has run a little does not share with its parent.
const BYTES_A_PROCESS: u64 = 1 << 20;
/// A stack and its guard page; pthread_create(3) of the GNU library.
const MAPS_A_THREAD: u64 = 2;
/// The program, its libraries and the arenas of the allocator.
const MAPS_A_PROCESS: u64 = 1000;
/// The ends of two pipes for each worker process, in the process that leads them (Python's pools).
const FILES_A_PROCESS: u64 = 2;
/// Standard streams, the trace, an event loop.
const FILES_A_RUNNER: u64 = 32;
/// Nobody looks further for how many are allowed.
pub const MOST: u64 = 65_536;

/// Refuses what this machine cannot do, in one sentence that names the limit, its value and how
/// to raise it.
pub fn check(demand: &Demand) -> Result<(), String> {
    let tasks = demand.threads + demand.processes;
    let what = match (demand.threads, demand.processes) {
        (threads, 0) => format!("{threads} threads"),
        (0, processes) => format!("{processes} processes"),
        (threads, processes) => format!("{threads} threads and {processes} processes"),
    };
    if tasks > 0 {
        for limit in limits_on_tasks() {
            limit.allow(&what, tasks)?;
        }
    }
    if demand.threads > 0 {
        let maps = procfs::number("/proc/sys/vm/max_map_count").map(|value| Limit {
            name: "the number of memory maps of a process, vm.max_map_count,".into(),
            value,
            used: MAPS_A_PROCESS,
            raise: "sudo sysctl vm.max_map_count=1000000".into(),
        });
        maps.map_or(Ok(()), |limit| limit.allow(&what, demand.threads * MAPS_A_THREAD))?;
    }
    if demand.processes > 0 {
        let files = sys::runner_files().map(|value| Limit {
            name: "the number of open files of a process".into(),
            value,
            used: FILES_A_RUNNER,
            raise: "ulimit -Hn 65536".into(),
        });
        files.map_or(Ok(()), |limit| limit.allow(&what, demand.processes * FILES_A_PROCESS))?;
    }
    if demand.connections > 0 {
        let files = sys::files_at_most().map(|value| Limit {
            name: "the number of open files of a process (`ulimit -Hn`)".into(),
            value,
            used: FILES_A_RUNNER,
            raise: "ulimit -Hn 65536".into(),
        });
        let what = format!("{} connections", demand.connections);
        files.map_or(Ok(()), |limit| limit.allow(&what, demand.connections))?;
    }
    check_memory(demand)
}

/// The largest number up to [`MOST`] of which what is asked is allowed, given that everything below
/// it is too.
pub fn most(demand: impl Fn(u64) -> Demand) -> u64 {
    let allowed = |count| check(&demand(count)).is_ok();
    let (mut low, mut high) = (0, MOST);
    if allowed(high) {
        return high;
    }
    while high - low > 1 {
        let middle = u64::midpoint(low, high);
        if allowed(middle) { low = middle } else { high = middle }
    }
    low
}

/// What can be had without swapping, in bytes: the machine's or the control group's.
pub(crate) fn memory_available() -> Option<u64> {
    least(meminfo("MemAvailable:"), cgroup::memory().map(cgroup::Room::left))
}

/// What there is, in bytes: the machine's or the control group's.
pub(crate) fn memory_total() -> Option<u64> {
    least(meminfo("MemTotal:"), cgroup::memory().map(|room| room.limit))
}

fn check_memory(demand: &Demand) -> Result<(), String> {
    let needed =
        demand.bytes + demand.threads * BYTES_A_THREAD + demand.processes * BYTES_A_PROCESS;
    match memory_available() {
        Some(available) if needed > available => Err(format!(
            "this run needs at least {} MiB of memory, but {} MiB are available: \
             ask for fewer tasks or workers, or free memory",
            needed >> 20,
            available >> 20
        )),
        _ => Ok(()),
    }
}

/// One limit of this machine.
#[derive(Clone, Debug)]
struct Limit {
    name: String,
    value: u64,
    used: u64,
    /// What raises it.
    raise: String,
}

impl Limit {
    fn allow(&self, what: &str, needed: u64) -> Result<(), String> {
        let Self { name, value, used, raise } = self;
        if used.saturating_add(needed) <= *value {
            return Ok(());
        }
        Err(format!(
            "{what} are more than this machine allows: {name} is limited to {value}, \
             of which {used} are taken and {needed} would be needed; raise it with `{raise}`"
        ))
    }
}

/// The limits on threads and processes together; each thread counts as one in all of them.
fn limits_on_tasks() -> Vec<Limit> {
    let mut limits = Vec::new();
    let running = tasks_of_the_machine();
    for (file, name) in [("pid_max", "process ids"), ("threads-max", "threads")] {
        if let Some(value) = procfs::number(&format!("/proc/sys/kernel/{file}")) {
            limits.push(Limit {
                name: format!("the number of {name} of the machine, kernel.{file},"),
                value,
                used: running,
                raise: format!("sudo sysctl kernel.{file}=4194304"),
            });
        }
    }
    if let Some((room, file)) = cgroup::pids() {
        limits.push(Limit {
            name: format!("the number of tasks of the control group, {},", file.display()),
            value: room.limit,
            used: room.used,
            raise: format!("echo max | sudo tee {}", file.display()),
        });
    }
    if let Some(value) = sys::limit(libc::RLIMIT_NPROC).filter(|_| !may_exceed_user_limit()) {
        limits.push(Limit {
            name: "the number of threads of this user".into(),
            value,
            used: tasks_of_this_user(),
            raise: "ulimit -u unlimited".into(),
        });
    }
    limits
}

/// The number after the slash in `0.20 0.18 0.12 1/80 11206`; proc_loadavg(5).
fn tasks_of_the_machine() -> u64 {
    let running = || {
        let load = procfs::text("/proc/loadavg")?;
        load.split_whitespace().nth(3)?.split_once('/')?.1.parse().ok()
    };
    running().unwrap_or(0)
}

fn tasks_of_this_user() -> u64 {
    let Ok(me) = fs::metadata("/proc/self") else { return 0 };
    let Ok(entries) = fs::read_dir("/proc") else { return 0 };
    entries
        .filter_map(Result::ok)
        .filter(|entry| {
            entry.file_name().to_string_lossy().starts_with(|c: char| c.is_ascii_digit())
        })
        .filter(|entry| entry.metadata().is_ok_and(|process| process.uid() == me.uid()))
        .filter_map(|entry| {
            let stat = procfs::text(entry.path().join("stat").to_str()?)?;
            // Field 20 of proc_pid_stat(5), the number of threads.
            procfs::stat_words(&stat).nth(17)?.parse::<u64>().ok()
        })
        .sum()
}

/// The superuser and holders of CAP_SYS_ADMIN (21) or CAP_SYS_RESOURCE (24) are not held to
/// RLIMIT_NPROC; getrlimit(2).
fn may_exceed_user_limit() -> bool {
    let status = procfs::text("/proc/self/status").unwrap_or_default();
    let capabilities = procfs::field(&status, "CapEff:")
        .and_then(|mask| u64::from_str_radix(mask, 16).ok())
        .unwrap_or(0);
    let superuser = procfs::field_number::<u32>(&status, "Uid:") == Some(0);
    superuser || capabilities & (1 << 21 | 1 << 24) != 0
}

fn meminfo(name: &str) -> Option<u64> {
    let text = procfs::text("/proc/meminfo")?;
    procfs::field_number::<u64>(&text, name).map(|kib| kib << 10)
}

fn least(a: Option<u64>, b: Option<u64>) -> Option<u64> {
    a.into_iter().chain(b).min()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_small_run_is_allowed_and_an_impossible_one_is_not() {
        assert_eq!(
            check(&Demand { threads: 8, processes: 2, bytes: 1 << 20, connections: 8 }),
            Ok(())
        );
        assert_eq!(check(&Demand::default()), Ok(()));
        let too_much = [
            (Demand { threads: 1 << 23, ..Demand::default() }, "8388608 threads"),
            (Demand { processes: 1 << 23, ..Demand::default() }, "8388608 processes"),
            (Demand { bytes: 1 << 50, ..Demand::default() }, "1073741824 MiB"),
        ];
        for (demand, named) in too_much {
            let sentence = check(&demand).unwrap_err();
            assert!(sentence.contains(named), "{sentence}");
        }
    }

    #[test]
    fn we_are_among_the_tasks_that_are_counted() {
        assert!(tasks_of_this_user() >= 1);
        assert!(tasks_of_the_machine() >= 1);
    }

    proptest! {
        #[test]
        fn a_refusal_names_the_limit_and_its_value(value in 0_u64.., used in 0_u64.., needed in 1_u64..) {
            let limit = Limit { name: "the number of spoons".into(), value, used, raise: "buy some".into() };
            let fits = u128::from(used) + u128::from(needed) <= u128::from(value);
            match limit.allow("3 soups", needed) {
                Ok(()) => prop_assert!(fits || value == u64::MAX),
                Err(sentence) => {
                    prop_assert!(!fits);
                    for part in ["3 soups", "spoons", "buy some", &value.to_string()] {
                        prop_assert!(sentence.contains(part), "{}", sentence);
                    }
                }
            }
        }
    }
}
