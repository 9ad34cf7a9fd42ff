//! What processes that go on have used so far. A process that is gone counts as nothing.

use super::{procfs, sys};

/// Processor time of all threads of these processes, nanoseconds.
pub(crate) fn cpu_ns(pids: &[u32]) -> u64 {
    pids.iter().filter_map(|&pid| sys::process_cpu_ns(pid)).sum()
}

/// The sum of their resident sizes, in bytes; `None`: none of them can be read.
pub(crate) fn resident_bytes(pids: &[u32]) -> Option<u64> {
    sum(pids, "VmRSS:")
}

/// The sum of the largest resident size that each has had, in bytes; `None`: none can be read.
pub(crate) fn peak_bytes(pids: &[u32]) -> Option<u64> {
    sum(pids, "VmHWM:")
}

/// A field of proc_pid_status(5) in KiB, added up.
fn sum(pids: &[u32], field: &str) -> Option<u64> {
    let size = |pid: &u32| {
        let status = procfs::text(&format!("/proc/{pid}/status"))?;
        Some(procfs::field_number::<u64>(&status, field)? << 10)
    };
    pids.iter().filter_map(size).reduce(|a, b| a + b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_computes_and_allocates_is_seen_to() {
        let me = [std::process::id()];
        let before = cpu_ns(&me);
        let memory = std::hint::black_box(vec![1_u8; 16 << 20]);
        let total: u64 = memory.iter().map(|&byte| u64::from(byte)).sum();
        assert_eq!(total, 16 << 20);
        assert!(cpu_ns(&me) > before);
        assert!(resident_bytes(&me).unwrap() >= 16 << 20);
        // Other tests of this process allocate and free meanwhile, and both figures are inexact: the kernel adds
        // up only now and then what each thread or processor has counted (proc_pid_status(5)).
        let resident = resident_bytes(&me).unwrap();
        assert!(peak_bytes(&me).unwrap() + (1 << 20) >= resident);
    }

    #[test]
    fn nobody_has_no_memory_and_not_zero() {
        assert_eq!(resident_bytes(&[]), None);
    }
}
