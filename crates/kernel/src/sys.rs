//! System calls that take and give plain numbers, and descriptors that become readable when a signal comes or when
//! somebody of ours says so.
#![expect(unsafe_code, reason = "system calls")]

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsRawFd, FromRawFd as _, RawFd};

/// Bytes in a page; sysconf(3).
pub fn page_bytes() -> u64 {
    // SAFETY: the call takes a plain number.
    unsafe { libc::sysconf(libc::_SC_PAGESIZE) }.max(1).unsigned_abs()
}

/// Ticks in a second of the figures in /proc; sysconf(3).
pub fn ticks_per_second() -> u64 {
    // SAFETY: the call takes a plain number.
    unsafe { libc::sysconf(libc::_SC_CLK_TCK) }.max(1).unsigned_abs()
}

/// Sends a signal to one process; whether there was one. kill(2).
///
/// # Panics
/// Of process 0 and 1: to kill(2) they are our own group, and init.
pub fn signal(process: u32, signal: i32) -> bool {
    send(process, 1, signal)
}

/// Sends a signal to every process of a group; whether there was one. kill(2).
///
/// # Panics
/// Of group 0 and 1: to kill(2) they are our own group, and everybody.
pub fn signal_group(group: u32, signal: i32) -> bool {
    send(group, -1, signal)
}

fn send(number: u32, sign: libc::pid_t, signal: i32) -> bool {
    assert!(number > 1, "neither our own group (0) nor init or everybody (1) is sent a signal");
    let number = libc::pid_t::try_from(number).expect("a process id is a positive int");
    // SAFETY: the call takes plain numbers.
    unsafe { libc::kill(sign * number, signal) == 0 }
}

/// The signals of `numbers`, and no others, blocked in this thread and those it starts from now on, and read from a
/// descriptor instead: signalfd(2). It is not inherited by programs, and reading it never blocks.
#[derive(Debug)]
pub struct SignalFd(File);

impl SignalFd {
    /// # Errors
    /// When the kernel has no descriptor to give.
    pub fn new(numbers: &[i32]) -> io::Result<Self> {
        let set = block(numbers);
        // SAFETY: `set` is a valid set of signals.
        own(unsafe { libc::signalfd(-1, &raw const set, libc::SFD_CLOEXEC | libc::SFD_NONBLOCK) })
            .map(Self)
    }

    /// The next signal that arrived, if one did.
    pub fn take(&self) -> Option<i32> {
        const SIZE: usize = size_of::<libc::signalfd_siginfo>();
        let mut info = [0; SIZE];
        let length = (&self.0).read(&mut info).ok()?;
        let number = info.first_chunk::<4>().filter(|_| length == SIZE)?;
        i32::try_from(u32::from_ne_bytes(*number)).ok()
    }
}

impl AsRawFd for SignalFd {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

/// Lets every signal come to this thread as usual, in a process that was forked while a [`SignalFd`] was there.
pub fn unblock_signals() {
    block(&[]);
}

/// Blocks these signals in this thread, and no others; pthread_sigmask(3).
fn block(numbers: &[i32]) -> libc::sigset_t {
    // SAFETY: an all-zero set is a valid argument of sigemptyset, which initialises it; the others read or write only that set.
    unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        for &number in numbers {
            libc::sigaddset(&raw mut set, number);
        }
        libc::pthread_sigmask(libc::SIG_SETMASK, &raw const set, std::ptr::null_mut());
        set
    }
}

/// A descriptor that becomes readable when [`Bell::ring`] is called in any process that has it: eventfd(2).
#[derive(Debug)]
pub struct Bell(File);

impl Bell {
    /// # Errors
    /// When the kernel has no descriptor to give.
    pub fn new() -> io::Result<Self> {
        // SAFETY: takes no pointers.
        own(unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) }).map(Self)
    }

    /// Makes it readable, until it is silenced.
    pub fn ring(&self) {
        // A full counter means that the bell rings already.
        let _ = (&self.0).write(&1_u64.to_ne_bytes());
    }

    /// Makes it unreadable until it is rung again.
    pub fn silence(&self) {
        let _ = (&self.0).read(&mut [0; 8]);
    }
}

impl AsRawFd for Bell {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

fn own(fd: RawFd) -> io::Result<File> {
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel has just made this descriptor for us, and nobody else knows of it.
    Ok(unsafe { File::from_raw_fd(fd) })
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
    use std::process::Command;

    use super::*;

    #[test]
    fn a_signal_comes_to_the_process_or_to_the_whole_group() {
        let mut child = Command::new("sleep").arg("600").spawn().unwrap();
        assert!(signal(child.id(), libc::SIGTERM));
        assert_eq!(child.wait().unwrap().signal(), Some(libc::SIGTERM));
        let mut leader = Command::new("sleep").arg("600").process_group(0).spawn().unwrap();
        let group = i32::try_from(leader.id()).unwrap();
        let mut member = Command::new("sleep").arg("600").process_group(group).spawn().unwrap();
        assert!(signal_group(leader.id(), libc::SIGKILL));
        for child in [&mut leader, &mut member] {
            assert_eq!(child.wait().unwrap().signal(), Some(libc::SIGKILL));
        }
        assert!(
            std::panic::catch_unwind(|| signal_group(1, 0)).is_err(),
            "that would be everybody"
        );
    }

    #[test]
    fn a_signal_is_read_where_it_is_blocked_and_a_bell_where_it_was_rung() {
        let signals = SignalFd::new(&[libc::SIGUSR2]).unwrap();
        assert_eq!(signals.take(), None);
        // SAFETY: a signal to this thread, which has it blocked.
        unsafe { libc::pthread_kill(libc::pthread_self(), libc::SIGUSR2) };
        assert_eq!([signals.take(), signals.take()], [Some(libc::SIGUSR2), None]);
        unblock_signals();
        let bell = Bell::new().unwrap();
        let rings = || {
            let mut one = libc::pollfd { fd: bell.as_raw_fd(), events: libc::POLLIN, revents: 0 };
            // SAFETY: one valid entry.
            unsafe { libc::poll(&raw mut one, 1, 0) == 1 }
        };
        assert!(!rings());
        bell.ring();
        bell.ring();
        assert!(rings());
        bell.silence();
        assert!(!rings());
    }

    #[test]
    fn a_page_is_a_power_of_two() {
        assert!(page_bytes().is_power_of_two() && page_bytes() >= 4096);
        assert!(ticks_per_second() >= 100);
    }
}
