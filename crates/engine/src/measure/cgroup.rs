//! What the control groups of this process allow, version 1 or 2; cgroups(7). Every group from
//! ours up to the root counts: the tightest holds.

use std::path::PathBuf;

use super::procfs;

/// A limit and how much of it is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Quota {
    pub(super) limit: u64,
    pub(super) used: u64,
}

impl Quota {
    /// What is left.
    pub(super) fn room(self) -> u64 {
        self.limit.saturating_sub(self.used)
    }
}

/// The tightest limit on threads and processes, and the file that sets it.
pub(super) fn pids() -> Option<(Quota, PathBuf)> {
    groups("pids")
        .into_iter()
        .filter_map(|group| {
            let limit = number(&group, "pids.max")?;
            let used = number(&group, "pids.current")?;
            Some((Quota { limit, used }, group.join("pids.max")))
        })
        .min_by_key(|(quota, _)| quota.room())
}

/// The tightest limit on memory, in bytes. Pages of files that can be dropped are not taken.
pub(super) fn memory() -> Option<Quota> {
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
            Some(Quota { limit, used: number(&group, used)?.saturating_sub(idle) })
        })
        .min_by_key(|quota| quota.room())
}

/// How many processors' worth of time we may use at most; `None`: no limit.
pub(super) fn cpu_quota() -> Option<f64> {
    groups("cpu")
        .into_iter()
        .filter_map(|group| {
            let (quota, period) = match procfs::text(group.join("cpu.max").to_str()?) {
                Some(pair) => {
                    let (quota, period) = pair.split_once(' ')?;
                    (quota.parse().ok()?, period.parse().ok()?)
                }
                // -1 (no limit) does not parse as a number without sign.
                None => (number(&group, "cpu.cfs_quota_us")?, number(&group, "cpu.cfs_period_us")?),
            };
            (period > 0).then(|| quota as f64 / period as f64)
        })
        .min_by(f64::total_cmp)
}

fn number(group: &std::path::Path, file: &str) -> Option<u64> {
    procfs::number(group.join(file).to_str()?)
}

/// The directories of our group and those above it, for one controller. Where a container hides
/// its own place, the path leads nowhere, and the directories above it are what we can see.
fn groups(controller: &str) -> Vec<PathBuf> {
    let ours = procfs::text("/proc/self/cgroup").unwrap_or_default();
    let mut groups = Vec::new();
    for line in ours.lines() {
        let mut parts = line.splitn(3, ':');
        let (_, Some(controllers), Some(path)) = (parts.next(), parts.next(), parts.next()) else {
            continue;
        };
        let root = match controllers {
            "" => "/sys/fs/cgroup".into(),
            list if list.split(',').any(|name| name == controller) => {
                format!("/sys/fs/cgroup/{controller}")
            }
            _ => continue,
        };
        let path = path.trim_matches('/');
        groups.extend(
            std::path::Path::new(path).ancestors().map(|above| PathBuf::from(&root).join(above)),
        );
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_lead_up_to_the_root() {
        for group in groups("memory") {
            assert!(group.starts_with("/sys/fs/cgroup"), "{}", group.display());
        }
    }

    #[test]
    fn what_is_said_of_this_machine_is_possible() {
        assert!(cpu_quota().is_none_or(|cores| cores > 0.0));
        assert!(pids().is_none_or(|(quota, _)| quota.used >= 1));
        assert!(memory().is_none_or(|quota| quota.limit > 0));
    }

    #[test]
    fn more_used_than_allowed_leaves_no_room() {
        assert_eq!(Quota { limit: 5, used: 9 }.room(), 0);
    }
}
