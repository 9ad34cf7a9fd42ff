//! Which machine this is: what decides whether two results may be compared.

use std::path::Path;

use maitred_core::result::{Machine, Processors};

use super::cgroup::CpuLimit;
use super::{limits, procfs};

/// Describes this machine, as far as it lets itself be described.
pub fn describe() -> Machine {
    let mut machine = Machine {
        id: String::new(),
        cpu: cpu_model(),
        cores: allowed_cores(),
        quota: CpuLimit::here().map(|limit| limit.quota),
        memory_bytes: limits::memory_total().unwrap_or(0),
        kernel: procfs::text("/proc/sys/kernel/osrelease").unwrap_or_default(),
        architecture: std::env::consts::ARCH.into(),
        virtualization: virtualization(),
    };
    machine.id = id(&machine);
    machine
}

/// So many threads that compute use all that this process may: no more than its control group may
/// use at a time, cgroups(7). At least 1.
pub fn usable_cores() -> u32 {
    let quota = CpuLimit::here().map(|limit| limit.quota);
    Processors { count: allowed_cores(), quota }.whole()
}

/// Processors that the machine has switched on.
pub fn online_cores() -> Option<u32> {
    procfs::text("/sys/devices/system/cpu/online").as_deref().and_then(count_list)
}

/// Processors of the affinity mask of this process, sched_setaffinity(2), which a cpuset narrows,
/// cpuset(7). At least 1.
fn allowed_cores() -> u32 {
    let status = procfs::text("/proc/self/status").unwrap_or_default();
    let allowed = procfs::field(&status, "Cpus_allowed_list:").and_then(count_list);
    let allowed = allowed.or_else(|| {
        std::thread::available_parallelism().ok().and_then(|cores| u32::try_from(cores.get()).ok())
    });
    allowed.unwrap_or(1).max(1)
}

/// A number that stays the same from one build and one day to the next: FNV-1a, 64 bits.
pub(crate) fn stable_hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// The kernel's version is left out: an update does not make another machine.
fn id(machine: &Machine) -> String {
    let Machine { id: _, cpu, cores, quota, memory_bytes, kernel: _, architecture, virtualization } =
        machine;
    // To a GiB: what the firmware keeps for itself differs from boot to boot.
    let memory = memory_bytes.div_ceil(1 << 30);
    let facts = format!("{cpu}|{cores}|{memory}|{architecture}|{virtualization:?}");
    let quota = quota.map_or_else(String::new, |quota| format!("|{}", quota.processors()));
    format!("{:016x}", stable_hash(&(facts + &quota)))
}

/// The number of processors in a list like `0-3,8`.
fn count_list(list: &str) -> Option<u32> {
    list.split(',')
        .map(|range| {
            let (first, last) = range.split_once('-').unwrap_or((range, range));
            Some(last.parse::<u32>().ok()?.checked_sub(first.parse().ok()?)? + 1)
        })
        .sum()
}

/// x86 says `model name`; ARM only numbers, from which the device tree knows the board.
fn cpu_model() -> String {
    let cpuinfo = procfs::text("/proc/cpuinfo").unwrap_or_default();
    ["model name", "cpu model", "Model", "CPU part"]
        .into_iter()
        .find_map(|name| procfs::field(&cpuinfo, name))
        .and_then(|rest| rest.split_once(':'))
        .map(|(_, model)| model.split_whitespace().collect::<Vec<_>>().join(" "))
        .or_else(|| procfs::text("/proc/device-tree/model"))
        .unwrap_or_else(|| "unknown".into())
}

/// A hint, for people and for the machine's id: a container, a known hypervisor, or the
/// processor's own word that there is one.
fn virtualization() -> Option<String> {
    let container = procfs::text("/run/systemd/container")
        .or_else(|| Path::new("/.dockerenv").exists().then(|| "docker".into()))
        .or_else(|| Path::new("/run/.containerenv").exists().then(|| "podman".into()));
    let vendor = procfs::text("/sys/class/dmi/id/sys_vendor").unwrap_or_default();
    let product = procfs::text("/sys/class/dmi/id/product_name").unwrap_or_default();
    let known = [
        ("QEMU", "kvm"),
        ("Amazon EC2", "amazon"),
        ("Google", "google"),
        ("Microsoft Corporation Virtual", "hyper-v"),
        ("VMware", "vmware"),
        ("innotek", "virtualbox"),
        ("Xen", "xen"),
    ];
    let board = format!("{vendor} {product}");
    let named =
        known.into_iter().find(|(sign, _)| board.contains(sign)).map(|(_, name)| name.into());
    container.or(named).or_else(|| {
        let cpuinfo = procfs::text("/proc/cpuinfo")?;
        let flags = procfs::field(&cpuinfo, "flags")?;
        flags.split_whitespace().any(|flag| flag == "hypervisor").then(|| "hypervisor".into())
    })
}

#[cfg(test)]
mod tests {
    use maitred_core::result::Quota;

    use super::*;

    #[test]
    fn lists_of_processors_are_counted() {
        assert_eq!(count_list("0-3,8"), Some(5));
        assert_eq!(count_list("7"), Some(1));
        assert_eq!(count_list("3-1"), None);
        assert_eq!(count_list(""), None);
    }

    #[test]
    fn the_id_depends_on_the_machine_and_not_on_the_kernel() {
        let here = describe();
        assert_eq!(here, describe());
        assert!(here.cores >= 1 && here.memory_bytes > 0 && !here.cpu.is_empty());
        let updated = Machine { kernel: "99.0".into(), ..here.clone() };
        assert_eq!(id(&updated), here.id);
        let quota = Some(Quota { cpu_ns: 3, period_ns: 2 });
        let smaller = Machine { quota, ..here.clone() };
        assert_ne!(id(&smaller), here.id);
        let bigger = Machine { cores: here.cores + 1, ..here.clone() };
        assert_ne!(id(&bigger), here.id);
    }

    #[test]
    fn the_hash_is_the_published_one() {
        // Test vectors of FNV-1a, 64 bits, from its authors' page.
        assert_eq!(stable_hash(""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(stable_hash("a"), 0xaf63_dc4c_8601_ec8c);
    }
}
