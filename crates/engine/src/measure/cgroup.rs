//! What the control groups of this process allow, version 1 or 2; cgroups(7). Every group from
//! ours up to the root counts: the tightest holds.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use maitred_core::result::Quota;
use maitred_core::trace::Throttled;
use maitred_kernel::cgroup::groups;
use maitred_kernel::procfs;

/// A limit and how much of it is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Room {
    pub(super) limit: u64,
    pub(super) used: u64,
}

impl Room {
    /// What is left.
    pub(super) fn left(self) -> u64 {
        self.limit.saturating_sub(self.used)
    }
}

/// The tightest limit on threads and processes, and the file that sets it.
pub(super) fn pids() -> Option<(Room, PathBuf)> {
    groups("pids")
        .into_iter()
        .filter_map(|group| {
            let limit = number(&group, "pids.max")?;
            let used = number(&group, "pids.current")?;
            Some((Room { limit, used }, group.join("pids.max")))
        })
        .min_by_key(|(room, _)| room.left())
}

/// The tightest limit on memory, in bytes. Pages of files that can be dropped are not taken.
pub(super) fn memory() -> Option<Room> {
    groups("memory")
        .into_iter()
        .filter_map(|group| {
            let (limit, used, idle) = match number(&group, "memory.max") {
                Some(limit) => (limit, "memory.current", "inactive_file "),
                None => {
                    let limit = number(&group, "memory.limit_in_bytes")?;
                    (limit, "memory.usage_in_bytes", "total_inactive_file ")
                }
            };
            let statistics = procfs::text(group.join("memory.stat").to_str()?).unwrap_or_default();
            let idle = procfs::field_number(&statistics, idle).unwrap_or(0);
            Some(Room { limit, used: number(&group, used)?.saturating_sub(idle) })
        })
        .min_by_key(|room| room.left())
}

/// The tightest limit on processor time, and how the kernel enforced it until now. Which group sets
/// it is looked for once: a program is hardly moved while it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CpuLimit {
    pub(super) quota: Quota,
    group: PathBuf,
}

impl CpuLimit {
    /// `None`: no limit.
    pub(super) fn here() -> Option<&'static Self> {
        static LIMIT: OnceLock<Option<CpuLimit>> = OnceLock::new();
        LIMIT.get_or_init(|| Self::tightest(groups("cpu"))).as_ref()
    }

    fn tightest(groups: Vec<PathBuf>) -> Option<Self> {
        let limits = groups.into_iter().filter_map(|group| {
            let micros = match procfs::text(group.join("cpu.max").to_str()?) {
                Some(pair) => {
                    let (quota, period) = pair.split_once(' ')?;
                    (quota.parse().ok()?, period.parse().ok()?)
                }
                // -1 (no limit) does not parse as a number without sign.
                None => (number(&group, "cpu.cfs_quota_us")?, number(&group, "cpu.cfs_period_us")?),
            };
            let quota = Quota { cpu_ns: micros.0 * 1000, period_ns: micros.1 * 1000 };
            (quota.period_ns > 0).then_some(Self { quota, group })
        });
        limits.min_by(|a, b| a.quota.processors().total_cmp(&b.quota.processors()))
    }

    /// How the group was throttled since it was made.
    pub(super) fn throttled(&self) -> Option<Throttled> {
        let text = procfs::text(self.group.join("cpu.stat").to_str()?)?;
        let ns = match procfs::field_number::<u64>(&text, "throttled_usec ") {
            Some(micros) => micros * 1000,
            None => procfs::field_number(&text, "throttled_time ")?,
        };
        Some(Throttled { periods: procfs::field_number(&text, "nr_throttled ")?, ns })
    }
}

/// How often the kernel has killed for want of memory, group by group from ours upwards.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct OomKills(Vec<(PathBuf, u64)>);

impl OomKills {
    /// Until now.
    pub(super) fn here() -> Self {
        Self::of(groups("memory"))
    }

    fn of(groups: Vec<PathBuf>) -> Self {
        let count = |group: &Path| {
            // The first counts kills in groups below, too.
            let files = ["memory.events", "memory.oom_control"];
            let text = files.iter().find_map(|file| procfs::text(group.join(file).to_str()?))?;
            procfs::field_number(&text, "oom_kill ")
        };
        Self(groups.into_iter().filter_map(|group| count(&group).map(|n| (group, n))).collect())
    }

    /// The nearest group with a limit in which the kernel has killed since then, the file that sets
    /// the limit, and the limit in bytes.
    pub(super) fn ran_out_since(&self, before: &Self) -> Option<(PathBuf, u64)> {
        self.0.iter().find_map(|(group, now)| {
            let (_, then) = before.0.iter().find(|(other, _)| other == group)?;
            let limit = ["memory.max", "memory.limit_in_bytes"].iter().find_map(|file| {
                Some((group.join(file), number(group, file).filter(|bytes| *bytes < UNLIMITED)?))
            });
            limit.filter(|_| now > then)
        })
    }
}

/// Version 1 says the largest number of pages where there is no limit.
const UNLIMITED: u64 = 1 << 60;

fn number(group: &Path, file: &str) -> Option<u64> {
    procfs::number(group.join(file).to_str()?)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// A folder with these files in place of what the kernel shows.
    fn recorded(files: &[(&str, &str)]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        folder
    }

    #[test]
    fn the_tightest_quota_of_either_version_counts() {
        let at = recorded(&[
            ("a/cpu.max", "150000 100000\n"),
            ("a/cpu.stat", "usage_usec 9\nnr_periods 7\nnr_throttled 4\nthrottled_usec 20\n"),
            ("b/cpu.max", "max 100000\n"),
            ("c/cpu.cfs_quota_us", "50000\n"),
            ("c/cpu.cfs_period_us", "100000\n"),
            ("c/cpu.stat", "nr_periods 11\nnr_throttled 11\nthrottled_time 541789439\n"),
            ("d/cpu.cfs_quota_us", "-1\n"),
            ("d/cpu.cfs_period_us", "100000\n"),
        ]);
        let limit = |names: &[&str]| {
            let groups = names.iter().map(|name| at.path().join(name)).collect();
            CpuLimit::tightest(groups)
        };
        let half = limit(&["a", "b", "c", "d"]).unwrap();
        assert_eq!(half.quota, Quota { cpu_ns: 50_000_000, period_ns: 100_000_000 });
        assert_eq!(half.throttled(), Some(Throttled { periods: 11, ns: 541_789_439 }));
        let more = limit(&["b", "a"]).unwrap();
        assert_eq!((more.quota.processors(), more.throttled().unwrap().ns), (1.5, 20_000));
        assert_eq!(limit(&["b", "d"]), None);
    }

    #[test]
    fn who_ran_out_of_memory_is_the_nearest_group_with_a_limit() {
        let at = recorded(&[
            ("memory.events", "oom 3\noom_kill 3\n"),
            ("memory.max", "max\n"),
            ("box/memory.events", "low 0\nmax 9\noom 1\noom_kill 1\noom_group_kill 0\n"),
            ("box/memory.max", "67108864\n"),
            ("old/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 0\n"),
            ("old/memory.limit_in_bytes", "9223372036854771712\n"),
        ]);
        let groups = ["box", "old", ""].map(|name| at.path().join(name));
        let before = OomKills::of(groups.to_vec());
        assert_eq!(before.ran_out_since(&before), None);
        fs::write(at.path().join("box/memory.events"), "oom 2\noom_kill 2\n").unwrap();
        fs::write(at.path().join("memory.events"), "oom_kill 4\n").unwrap();
        let after = OomKills::of(groups.to_vec());
        let limit = (at.path().join("box/memory.max"), 64 << 20);
        assert_eq!(after.ran_out_since(&before), Some(limit));
        fs::write(at.path().join("box/memory.events"), "oom_kill 1\n").unwrap();
        let elsewhere = OomKills::of(groups.to_vec());
        assert_eq!(elsewhere.ran_out_since(&before), None, "no limit: the machine ran out");
    }

    #[test]
    fn what_is_said_of_this_machine_is_possible() {
        assert!(CpuLimit::here().is_none_or(|limit| limit.quota.cpu_ns > 0));
        assert!(pids().is_none_or(|(room, _)| room.used >= 1));
        assert!(memory().is_none_or(|room| room.limit > 0));
    }

    #[test]
    fn more_used_than_allowed_leaves_no_room() {
        assert_eq!(Room { limit: 5, used: 9 }.left(), 0);
    }
}
