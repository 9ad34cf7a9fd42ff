//! Time, futexes, descriptors and counters of the kernel.
#![expect(unsafe_code, reason = "system calls")]

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::sync::atomic::AtomicU32;

use maitred_wire::Cpu;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

const SECOND: u64 = 1_000_000_000;

/// CLOCK_MONOTONIC now, in nanoseconds.
#[inline]
pub(crate) fn now() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is a valid place for one timespec.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut time) };
    time.tv_sec as u64 * SECOND + time.tv_nsec as u64
}

fn timespec(ns: u64) -> libc::timespec {
    libc::timespec { tv_sec: (ns / SECOND) as i64, tv_nsec: (ns % SECOND) as i64 }
}

/// Blocks this thread until CLOCK_MONOTONIC reaches `deadline` (nanoseconds).
pub(crate) fn sleep_until(deadline: u64) {
    let until = timespec(deadline);
    let clock = libc::CLOCK_MONOTONIC;
    let absolute = libc::TIMER_ABSTIME;
    // SAFETY: `until` is a valid timespec; no remainder is asked for.
    while unsafe { libc::clock_nanosleep(clock, absolute, &raw const until, std::ptr::null_mut()) }
        == libc::EINTR
    {}
}

/// Whether the processes that map a futex are several. A private futex is cheaper.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sharing {
    Threads,
    Processes,
}

impl Sharing {
    fn flag(self) -> i32 {
        match self {
            Self::Threads => libc::FUTEX_PRIVATE_FLAG,
            Self::Processes => 0,
        }
    }
}

/// Sleeps while `word` is `expected`, at most until `deadline` (CLOCK_MONOTONIC nanoseconds).
/// May return early for no reason: the caller looks again. See futex(2).
pub(crate) fn futex_wait(word: &AtomicU32, expected: u32, deadline: Option<u64>, sharing: Sharing) {
    let until = deadline.map(timespec);
    let until = until.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
    let operation = libc::FUTEX_WAIT_BITSET | sharing.flag();
    let any = libc::FUTEX_BITSET_MATCH_ANY;
    let nothing = std::ptr::null::<u32>();
    // SAFETY: `word` outlives the call, `until` is null or a valid timespec.
    unsafe {
        libc::syscall(libc::SYS_futex, word.as_ptr(), operation, expected, until, nothing, any);
    }
}

/// Wakes everybody who sleeps on `word`.
pub(crate) fn futex_wake_all(word: &AtomicU32, sharing: Sharing) {
    let operation = libc::FUTEX_WAKE | sharing.flag();
    // SAFETY: waking does not read the word.
    unsafe { libc::syscall(libc::SYS_futex, word.as_ptr(), operation, i32::MAX) };
}

/// Gives up the processor once.
pub(crate) fn yield_now() {
    // SAFETY: no arguments.
    unsafe { libc::sched_yield() };
}

/// The kernel's number of this thread: gettid(2), for which glibc 2.17 (manylinux2014) has no function.
pub(crate) fn thread_id() -> u32 {
    // SAFETY: no arguments.
    unsafe { libc::syscall(libc::SYS_gettid) as u32 }
}

/// What the kernel counted for one thread or process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usage {
    pub(crate) cpu: Cpu,
    pub(crate) voluntary: u32,
    pub(crate) involuntary: u32,
    pub(crate) major_faults: u32,
}

/// Whose usage.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Who {
    Thread,
    Process,
    /// Children that have ended and were waited for.
    Children,
}

/// getrusage(2).
pub(crate) fn usage(who: Who) -> Usage {
    let who = match who {
        Who::Thread => libc::RUSAGE_THREAD,
        Who::Process => libc::RUSAGE_SELF,
        Who::Children => libc::RUSAGE_CHILDREN,
    };
    // SAFETY: all zeroes is a valid rusage, and a valid place for one.
    let usage = unsafe {
        let mut usage = std::mem::zeroed();
        libc::getrusage(who, &raw mut usage);
        usage
    };
    usage_of(&usage)
}

pub(crate) fn usage_of(usage: &libc::rusage) -> Usage {
    let ns = |time: libc::timeval| time.tv_sec as u64 * SECOND + time.tv_usec as u64 * 1000;
    Usage {
        cpu: Cpu { user_ns: ns(usage.ru_utime), system_ns: ns(usage.ru_stime) },
        voluntary: usage.ru_nvcsw as u32,
        involuntary: usage.ru_nivcsw as u32,
        major_faults: usage.ru_majflt as u32,
    }
}

fn owned(fd: RawFd) -> io::Result<OwnedFd> {
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel just gave us this descriptor; nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// A timer descriptor on CLOCK_MONOTONIC; see timerfd_create(2).
pub(crate) fn timer() -> io::Result<OwnedFd> {
    let flags = libc::TFD_CLOEXEC | libc::TFD_NONBLOCK;
    // SAFETY: no pointers.
    owned(unsafe { libc::timerfd_create(libc::CLOCK_MONOTONIC, flags) })
}

/// Lets a [`timer`] become readable at `deadline` (CLOCK_MONOTONIC nanoseconds, not 0).
pub(crate) fn arm(timer: &impl AsRawFd, deadline: u64) {
    let setting = libc::itimerspec { it_interval: timespec(0), it_value: timespec(deadline) };
    let absolute = libc::TFD_TIMER_ABSTIME;
    // SAFETY: `setting` is valid; the old setting is not asked for.
    unsafe {
        libc::timerfd_settime(timer.as_raw_fd(), absolute, &raw const setting, std::ptr::null_mut())
    };
}

/// A descriptor that becomes readable when the process ends; see pidfd_open(2).
pub(crate) fn pid_descriptor(pid: u32) -> io::Result<OwnedFd> {
    // SAFETY: no pointers. PIDFD_NONBLOCK is O_NONBLOCK.
    owned(unsafe { libc::syscall(libc::SYS_pidfd_open, pid, libc::O_NONBLOCK) as RawFd })
}

/// Lets the event loop of this thread watch a descriptor.
///
/// # Errors
/// When it cannot be watched.
pub(crate) fn watch(fd: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: the descriptor is owned, so it stays open, and the same, while it is watched.
    Ok(unsafe { AsyncFd::register_with_interest(fd, Interest::READABLE)? })
}

/// Moves the real standard output aside: what is printed on descriptor 1 goes to standard
/// error from now on, and what is written to the returned file goes to where 1 pointed.
pub(crate) fn take_standard_output() -> io::Result<File> {
    // SAFETY: no pointers.
    let real = owned(unsafe { libc::fcntl(1, libc::F_DUPFD_CLOEXEC, 3) })?;
    // SAFETY: no pointers.
    unsafe { libc::dup2(2, 1) };
    Ok(File::from(real))
}

/// Takes standard input away, so that a worker cannot read the runner's commands.
pub(crate) fn drop_standard_input() {
    if let Ok(nothing) = File::open("/dev/null") {
        // SAFETY: no pointers.
        unsafe { libc::dup2(nothing.as_raw_fd(), 0) };
    }
}

/// Reads what there is on standard input; 0 bytes: it has ended.
pub(crate) fn read_standard_input(buffer: &mut [u8]) -> io::Result<usize> {
    // SAFETY: the buffer is valid for its length.
    let count = unsafe { libc::read(0, buffer.as_mut_ptr().cast(), buffer.len()) };
    usize::try_from(count).map_err(|_| io::Error::last_os_error())
}

/// Sleeps until one of the descriptors is readable or closed, at most so long (milliseconds;
/// `None`: for ever). Says which are.
pub(crate) fn poll<const N: usize>(fds: [RawFd; N], timeout_ms: Option<u32>) -> [bool; N] {
    let mut polled = fds.map(|fd| libc::pollfd { fd, events: libc::POLLIN, revents: 0 });
    let timeout = timeout_ms.map_or(-1, |ms| ms.min(i32::MAX as u32) as i32);
    // SAFETY: `polled` has N valid entries; a negative descriptor in it is skipped.
    let ready = unsafe { libc::poll(polled.as_mut_ptr(), N as libc::nfds_t, timeout) };
    polled.map(|entry| ready > 0 && entry.revents != 0)
}

/// The soft limit on processes and threads of this user (`ulimit -u`); `None`: unlimited.
pub(crate) fn process_limit() -> Option<u64> {
    soft_limit(libc::RLIMIT_NPROC)
}

/// The soft limit on mapped memory (`ulimit -v`), in bytes; `None`: unlimited.
pub(crate) fn address_space_limit() -> Option<u64> {
    soft_limit(libc::RLIMIT_AS)
}

fn soft_limit(of: libc::__rlimit_resource_t) -> Option<u64> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: a valid place for one rlimit.
    let answer = unsafe { libc::getrlimit(of, &raw mut limit) };
    (answer == 0 && limit.rlim_cur != libc::RLIM_INFINITY).then_some(limit.rlim_cur)
}

/// Lets this process open as many files as the hard limit allows: a connection is a file.
pub(crate) fn raise_open_files() {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the pointer is to a structure of the right type; where raising is refused, the old
    // limit stays.
    unsafe {
        if libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) == 0 {
            limit.rlim_cur = limit.rlim_max;
            libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit);
        }
    }
}
