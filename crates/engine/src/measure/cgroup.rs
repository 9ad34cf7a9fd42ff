//! What the control groups of this process allow, version 1 or 2; cgroups(7). Every group from
//! ours up to the root counts: the tightest holds.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use maitred_core::result::Quota;
use maitred_core::trace::Throttled;

use super::procfs;

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

/// The directories of our group and those above it, for one controller.
fn groups(controller: &str) -> Vec<PathBuf> {
    let text = |path| procfs::text(path).unwrap_or_default();
    groups_in(&text("/proc/self/cgroup"), &text("/proc/self/mountinfo"), controller)
}

/// The same from the text of /proc/PID/cgroup, cgroups(7), and of /proc/PID/mountinfo,
/// proc_pid_mountinfo(5). Where a container hides its own place, what is mounted is all that can
/// be seen.
fn groups_in(ours: &str, mounts: &str, controller: &str) -> Vec<PathBuf> {
    let mut groups = Vec::new();
    for line in ours.lines() {
        let mut parts = line.splitn(3, ':');
        let (_, Some(controllers), Some(path)) = (parts.next(), parts.next(), parts.next()) else {
            continue;
        };
        let is_unified = controllers.is_empty();
        if !is_unified && !controllers.split(',').any(|name| name == controller) {
            continue;
        }
        let Some((root, place)) = mounts.lines().find_map(|mount| {
            let (place, kind) = mount.split_once(" - ")?;
            let mut words = place.split(' ').skip(3);
            let (root, place) = (words.next()?, words.next()?);
            let mut kind = kind.split(' ');
            let is_it = match kind.next()? {
                "cgroup2" => is_unified,
                "cgroup" => kind.nth(1)?.split(',').any(|name| name == controller) && !is_unified,
                _ => false,
            };
            is_it.then_some((root, place))
        }) else {
            continue;
        };
        let below = Path::new(path).strip_prefix(root).unwrap_or(Path::new(""));
        groups.extend(below.ancestors().map(|above| Path::new(place).join(above)));
    }
    groups
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
    fn groups_are_found_where_they_are_mounted() {
        let ours = "4:memory:/box/inner\n2:cpu,cpuacct:/box\n0::/user/run\n";
        let mounts = "\
            30 23 0:26 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n\
            31 23 0:27 /box /sys/fs/cgroup/memory rw shared:9 - cgroup cgroup rw,memory\n\
            32 23 0:28 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n";
        let found = |controller| groups_in(ours, mounts, controller);
        let unified =
            ["user/run", "user", ""].map(|at| Path::new("/sys/fs/cgroup/unified").join(at));
        let memory = ["inner", ""].map(|at| Path::new("/sys/fs/cgroup/memory").join(at));
        assert_eq!(found("memory"), [&memory[..], &unified].concat());
        let cpu = ["box", ""].map(|at| Path::new("/sys/fs/cgroup/cpu,cpuacct").join(at));
        assert_eq!(found("cpu"), [&cpu[..], &unified].concat());
        assert_eq!(found("pids"), unified);
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
