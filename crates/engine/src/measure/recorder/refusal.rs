//! Why the kernel does not record switches for us, and what would allow it. The main type is
//! [`Refusal`].

use std::fmt;
use std::io;

use super::procfs;

/// What was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call {
    /// perf_event_open(2).
    Open,
    /// mmap(2) of the smallest ring that would do.
    Map,
    /// Anything of our own: a thread, a descriptor.
    Other,
}

/// A call that the kernel refused, and what this machine says about why.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) call: Call,
    pub(super) error: io::Error,
}

/// What this machine says about who may record.
#[derive(Clone, Copy, Debug, Default)]
struct Setting {
    /// kernel.perf_event_paranoid; `None`: there is none.
    paranoid: Option<i32>,
    /// Whether a filter of system calls is in force (proc_pid_status(5), `Seccomp`).
    filtered: bool,
}

impl Setting {
    fn here() -> Self {
        let status = procfs::text("/proc/self/status");
        let filter = status.as_deref().and_then(|text| procfs::field(text, "Seccomp:"));
        Self {
            paranoid: procfs::number("/proc/sys/kernel/perf_event_paranoid"),
            filtered: filter == Some("2"),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.explain(Setting::here()))
    }
}

impl Refusal {
    fn explain(&self, setting: Setting) -> String {
        let call = match self.call {
            Call::Open => "perf_event_open",
            Call::Map => "mmap of its ring",
            Call::Other => "what recording needs",
        };
        let paranoid = setting.paranoid.map_or_else(
            || "there is no kernel.perf_event_paranoid".to_owned(),
            |level| format!("kernel.perf_event_paranoid = {level}"),
        );
        let filter = if setting.filtered { ", a seccomp filter is in force" } else { "" };
        format!(
            "the kernel refused to record switches: {call}: {} ({}; {paranoid}{filter}); {}",
            name(&self.error),
            description(&self.error),
            self.cure(setting)
        )
    }

    /// The one command that allows it, as far as one can tell.
    fn cure(&self, setting: Setting) -> &'static str {
        let container = "to allow it, start the container with --cap-add PERFMON, or with \
                         --security-opt seccomp=unconfined where that is not enough";
        match (self.call, self.error.raw_os_error()) {
            (Call::Map, _) => {
                "to allow it: sysctl -w kernel.perf_event_mlock_kb=1028, or ulimit -l unlimited"
            }
            (_, Some(libc::EMFILE)) => "to allow it: ulimit -n 65536",
            (Call::Open, Some(libc::EACCES)) if setting.paranoid > Some(2) => {
                "to allow it: sysctl -w kernel.perf_event_paranoid=2"
            }
            (Call::Open, _) if setting.filtered => container,
            (Call::Open, Some(libc::ENOSYS)) if setting.paranoid.is_some() => container,
            (Call::Open, Some(libc::ENOSYS)) => "this kernel was built without CONFIG_PERF_EVENTS",
            (Call::Open, Some(libc::EACCES | libc::EPERM)) => {
                "neither that setting nor a seccomp filter forbids it: ask who set up the security \
                 module of this machine (SELinux, AppArmor, lockdown)"
            }
            _ => "this kernel cannot do it (Linux 5.8 and later can)",
        }
    }
}

/// As errno(3) calls it.
fn name(error: &io::Error) -> String {
    let name = match error.raw_os_error() {
        Some(libc::EPERM) => "EPERM",
        Some(libc::EACCES) => "EACCES",
        Some(libc::ENOSYS) => "ENOSYS",
        Some(libc::EINVAL) => "EINVAL",
        Some(libc::ENOENT) => "ENOENT",
        Some(libc::ENODEV) => "ENODEV",
        Some(libc::ENOMEM) => "ENOMEM",
        Some(libc::EMFILE) => "EMFILE",
        Some(libc::ENFILE) => "ENFILE",
        Some(libc::EBUSY) => "EBUSY",
        Some(libc::EAGAIN) => "EAGAIN",
        Some(libc::EOPNOTSUPP) => "EOPNOTSUPP",
        Some(number) => return format!("errno {number}"),
        None => "error",
    };
    name.to_owned()
}

/// What the system says of it, without its number.
fn description(error: &io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn explained(call: Call, errno: i32, paranoid: Option<i32>, filtered: bool) -> String {
        let refusal = Refusal { call, error: io::Error::from_raw_os_error(errno) };
        refusal.explain(Setting { paranoid, filtered })
    }

    #[test]
    fn a_refusal_names_the_error_the_setting_and_one_way_out() {
        let debian = explained(Call::Open, libc::EACCES, Some(3), false);
        assert_eq!(
            debian,
            "the kernel refused to record switches: perf_event_open: EACCES (permission denied; \
             kernel.perf_event_paranoid = 3); to allow it: sysctl -w kernel.perf_event_paranoid=2"
        );
        for (call, errno, paranoid, filtered, expected) in [
            (Call::Open, libc::EPERM, Some(2), true, "--cap-add PERFMON"),
            (Call::Open, libc::EACCES, Some(2), true, "--security-opt seccomp=unconfined"),
            (Call::Open, libc::EACCES, Some(4), true, "sysctl -w kernel.perf_event_paranoid=2"),
            (Call::Open, libc::ENOSYS, Some(2), true, "--cap-add PERFMON"),
            (Call::Open, libc::ENOSYS, None, false, "CONFIG_PERF_EVENTS"),
            (Call::Open, libc::EPERM, Some(2), false, "security module"),
            (Call::Open, libc::EMFILE, Some(2), false, "ulimit -n"),
            (Call::Map, libc::EPERM, Some(2), true, "perf_event_mlock_kb"),
        ] {
            let text = explained(call, errno, paranoid, filtered);
            assert!(text.contains(expected), "{text}");
        }
    }
}
