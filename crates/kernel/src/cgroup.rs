//! Where the control groups of this process are, version 1 or 2; cgroups(7).

use std::path::{Path, PathBuf};

use crate::procfs;

/// The directories of our group and those above it, for one controller.
pub fn groups(controller: &str) -> Vec<PathBuf> {
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
    use super::*;

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
}
