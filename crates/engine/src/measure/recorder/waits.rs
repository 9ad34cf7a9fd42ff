//! Looks at blocked threads: in which call of the kernel each waits, and on what. From
//! /proc/PID/task/TID/syscall (proc_pid_syscall(5)), which whoever may trace a process may read, as
//! a parent may its descendants. The main type is [`Watcher`].
//!
//! A thread that wants the lock of an interpreter waits on a futex within the state of the
//! interpreter, whose place the runner has said; on every other lock it waits elsewhere.

use std::fs::{self, File};
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;

use maitred_core::trace::{WaitCause, WaitLook, Waits};
use rustc_hash::FxHashMap;

use crate::measure::clock;

/// So many looks are kept: an hour's worth of samples tells no more than a minute's.
const LOOKS_MAX: usize = 20_000;
/// So many threads are looked at, whose files are kept open.
const THREADS_MAX: usize = 64;

/// Where the lock of an interpreter lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GilPlace {
    /// The process in which that is so.
    pub(crate) pid: u32,
    /// The state of the interpreter, addresses.
    pub(crate) state: Range<u64>,
}

impl GilPlace {
    /// From what a runner says of itself: `ADDRESS SIZE`, both decimal.
    pub(crate) fn parse(pid: u32, fact: &str) -> Option<Self> {
        let (address, size) = fact.split_once(' ')?;
        let address: u64 = address.parse().ok()?;
        Some(Self { pid, state: address..address.checked_add(size.parse().ok()?)? })
    }
}

/// Looks at threads and keeps what it saw.
#[derive(Debug, Default)]
pub(super) struct Watcher {
    /// `None`: the runner is no interpreter, or has no such lock.
    gil: Option<GilPlace>,
    files: FxHashMap<(u32, u32), File>,
    waits: Waits,
}

impl Watcher {
    /// From now on waits for this lock are told from others.
    pub(super) fn know(&mut self, gil: Option<GilPlace>) {
        self.gil = gil;
    }

    /// Looks at all threads of these processes.
    pub(super) fn look(&mut self, pids: &[u32]) {
        if self.waits.refused.is_some() {
            return;
        }
        for &pid in pids {
            let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else { continue };
            let ids = threads.filter_map(|one| one.ok()?.file_name().to_str()?.parse().ok());
            for tid in ids {
                self.look_at(pid, tid);
            }
        }
    }

    fn look_at(&mut self, pid: u32, tid: u32) {
        let mut buffer = [0; 256];
        if !self.files.contains_key(&(pid, tid)) {
            if self.files.len() >= THREADS_MAX {
                return;
            }
            match File::open(format!("/proc/{pid}/task/{tid}/syscall")) {
                Ok(file) => self.files.insert((pid, tid), file),
                Err(error) => return self.refuse(&error),
            };
        }
        let ns = clock::now_ns();
        match self.files[&(pid, tid)].read_at(&mut buffer, 0) {
            Ok(length) => {
                let text = std::str::from_utf8(&buffer[..length]).unwrap_or_default();
                if let Some(cause) = self.cause(pid, text) {
                    self.keep(WaitLook { ns, pid, tid, cause });
                }
            }
            Err(error) => {
                self.files.remove(&(pid, tid));
                self.refuse(&error);
            }
        }
    }

    /// That a thread has ended (ENOENT, ESRCH) is no refusal.
    fn refuse(&mut self, error: &io::Error) {
        let what = match error.raw_os_error() {
            Some(libc::EPERM | libc::EACCES) => {
                "needs the right to trace the process \
                                                 (kernel.yama.ptrace_scope at most 1)"
            }
            Some(libc::ENOSYS) => "this kernel has no such file (CONFIG_HAVE_ARCH_TRACEHOOK)",
            _ => return,
        };
        self.waits.refused = Some(format!(
            "for what threads waited could not be seen: /proc/PID/task/TID/syscall: {error}; it {what}"
        ));
    }

    fn keep(&mut self, look: WaitLook) {
        if self.waits.looks.len() < LOOKS_MAX {
            self.waits.looks.push(look);
        } else {
            self.waits.left_out += 1;
        }
    }

    /// What the text of the file says; `None`: the thread is not blocked.
    fn cause(&self, pid: u32, text: &str) -> Option<WaitCause> {
        let mut words = text.split_whitespace();
        let number: i64 = match words.next()? {
            "running" => return None,
            number => number.parse().ok()?,
        };
        let argument = words
            .next()
            .and_then(|word| u64::from_str_radix(word.trim_start_matches("0x"), 16).ok());
        Some(match number {
            libc::SYS_futex => self.lock(pid, argument?),
            libc::SYS_wait4 | libc::SYS_waitid | libc::SYS_clone | libc::SYS_clone3 => {
                WaitCause::Child
            }
            #[cfg(target_arch = "x86_64")]
            libc::SYS_vfork => WaitCause::Child,
            libc::SYS_nanosleep | libc::SYS_clock_nanosleep => WaitCause::Timer,
            libc::SYS_ppoll | libc::SYS_pselect6 | libc::SYS_epoll_pwait => WaitCause::Descriptors,
            #[cfg(target_arch = "x86_64")]
            libc::SYS_poll | libc::SYS_select | libc::SYS_epoll_wait => WaitCause::Descriptors,
            libc::SYS_connect
            | libc::SYS_accept
            | libc::SYS_accept4
            | libc::SYS_recvfrom
            | libc::SYS_recvmsg
            | libc::SYS_sendto
            | libc::SYS_sendmsg => WaitCause::Socket,
            libc::SYS_read | libc::SYS_readv | libc::SYS_write | libc::SYS_writev => {
                descriptor(pid, argument?)
            }
            libc::SYS_pread64 | libc::SYS_pwrite64 | libc::SYS_fsync | libc::SYS_fdatasync => {
                WaitCause::File
            }
            _ => WaitCause::Other,
        })
    }

    /// A futex at this address.
    fn lock(&self, pid: u32, address: u64) -> WaitCause {
        match &self.gil {
            Some(gil) if gil.pid == pid && gil.state.contains(&address) => WaitCause::Gil,
            // A worker process has its interpreter elsewhere, and did not say where.
            Some(gil) if gil.pid != pid => WaitCause::AnyLock,
            _ => WaitCause::Lock,
        }
    }

    /// All that was seen.
    pub(super) fn finish(self) -> Waits {
        self.waits
    }
}

/// What a descriptor of the process is.
fn descriptor(pid: u32, fd: u64) -> WaitCause {
    let target = fs::read_link(format!("/proc/{pid}/fd/{fd}"));
    match target.as_ref().map(|path| path.to_string_lossy()).as_deref() {
        Ok(path) if path.starts_with("socket:") => WaitCause::Socket,
        Ok(path) if path.starts_with("pipe:") => WaitCause::Pipe,
        Ok(path) if path.starts_with('/') => WaitCause::File,
        _ => WaitCause::Other,
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    fn watcher() -> Watcher {
        let mut watcher = Watcher::default();
        watcher.know(GilPlace::parse(7, "4096 1000"));
        watcher
    }

    #[test]
    fn a_futex_within_the_state_of_the_interpreter_is_its_lock() {
        let watcher = watcher();
        let futex = |address: u64| format!("{} 0x{address:x} 0x189 0x0", libc::SYS_futex);
        assert_eq!(watcher.cause(7, &futex(4096)), Some(WaitCause::Gil));
        assert_eq!(watcher.cause(7, &futex(5095)), Some(WaitCause::Gil));
        assert_eq!(watcher.cause(7, &futex(5096)), Some(WaitCause::Lock));
        assert_eq!(watcher.cause(8, &futex(4096)), Some(WaitCause::AnyLock));
        assert_eq!(Watcher::default().cause(7, &futex(4096)), Some(WaitCause::Lock));
    }

    #[test]
    fn calls_are_told_apart_and_who_runs_waits_for_nothing() {
        let watcher = watcher();
        assert_eq!(watcher.cause(7, "running\n"), None);
        let call = |number: i64| watcher.cause(7, &format!("{number} 0x3 0x0"));
        assert_eq!(call(libc::SYS_wait4), Some(WaitCause::Child));
        assert_eq!(call(libc::SYS_clock_nanosleep), Some(WaitCause::Timer));
        assert_eq!(call(libc::SYS_recvfrom), Some(WaitCause::Socket));
        assert_eq!(watcher.cause(7, "-1 0x7ffc 0x7f12"), Some(WaitCause::Other));
    }

    #[test]
    fn a_real_child_waits_for_its_pipe() {
        let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        let mut watcher = watcher();
        while watcher.waits.looks.iter().all(|look| look.cause != WaitCause::Pipe)
            && watcher.waits.refused.is_none()
        {
            watcher.look(&[child.id()]);
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        drop(child.stdin.take());
        child.wait().unwrap();
        let waits = watcher.finish();
        // Where it may not be looked at, that is said.
        assert!(waits.refused.is_some() || waits.looks.iter().any(|look| look.pid == child.id()));
    }
}
