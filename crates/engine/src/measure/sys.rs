//! The kernel interfaces that the standard library does not have, each behind a safe function.
//! All unsafe code of this crate is here, and no decision is.
#![expect(unsafe_code, reason = "prctl, wait4, pidfd, memfd, mmap, poll and signals need libc")]

use std::ffi::CStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, ExitStatus};
use std::sync::atomic::{AtomicI32, Ordering};

use libc::c_int;
use maitred_core::trace::Usage;

/// `CLOCK_MONOTONIC` in nanoseconds; see clock_gettime(2).
pub(crate) fn monotonic_ns() -> u64 {
    clock_ns(libc::CLOCK_MONOTONIC).expect("Linux always has a monotonic clock")
}

/// CPU time of the calling thread in nanoseconds.
pub(crate) fn thread_cpu_ns() -> u64 {
    clock_ns(libc::CLOCK_THREAD_CPUTIME_ID).expect("Linux always has a thread's CPU clock")
}

/// CPU time of another process, all its threads, without its children; clock_getcpuclockid(3).
pub(crate) fn process_cpu_ns(pid: u32) -> Option<u64> {
    let mut clock = 0;
    // SAFETY: the kernel writes one clockid_t into `clock`, which outlives the call.
    let error = unsafe { libc::clock_getcpuclockid(pid_t(pid), &raw mut clock) };
    if error == 0 { clock_ns(clock) } else { None }
}

fn clock_ns(clock: libc::clockid_t) -> Option<u64> {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the kernel writes one timespec into `time`, which outlives the call.
    let result = unsafe { libc::clock_gettime(clock, &raw mut time) };
    (result == 0).then(|| time.tv_sec.unsigned_abs() * 1_000_000_000 + time.tv_nsec.unsigned_abs())
}

/// Whose process this is; geteuid(2).
pub(crate) fn user() -> u32 {
    // SAFETY: the call takes nothing and cannot fail.
    unsafe { libc::geteuid() }
}

/// Makes orphaned descendants of this process its children instead of init's;
/// PR_SET_CHILD_SUBREAPER(2const).
pub(crate) fn adopt_orphans() -> io::Result<()> {
    // SAFETY: this prctl takes plain numbers.
    checked(unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) }).map(drop)
}

/// Gives this process a name of its own, so that `pkill` by that of the program does not find it;
/// see `PR_SET_NAME` in prctl(2): at most 15 bytes.
pub(crate) fn rename_process(name: &CStr) {
    // SAFETY: the kernel copies the text, which ends in a zero.
    unsafe { libc::prctl(libc::PR_SET_NAME, name.as_ptr(), 0, 0, 0) };
}

/// Lets a child's end be waited for: ignored SIGCHLD, which a parent may have left to us, would
/// make the kernel throw away exit status and resource use; wait4(2), NOTES.
pub(crate) fn keep_exit_statuses() {
    // SAFETY: restoring the default disposition installs no code.
    unsafe { libc::signal(libc::SIGCHLD, libc::SIG_DFL) };
}

/// Takes the status and the resource use of a child that has ended, those of the children that it
/// waited for included; `None` while it runs. ECHILD where it is not our child; wait4(2).
pub(crate) fn wait4(pid: u32) -> io::Result<Option<(ExitStatus, Usage)>> {
    let mut status = 0;
    // SAFETY: rusage is plain numbers, for which all bits zero is a value.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: the kernel writes into `status` and `usage`, which outlive the call.
    let waited = unsafe {
        libc::wait4(pid_t(pid), &raw mut status, libc::WNOHANG | libc::__WALL, &raw mut usage)
    };
    if checked(waited)? == 0 {
        return Ok(None);
    }
    let usage = Usage {
        user_ns: timeval_ns(usage.ru_utime),
        system_ns: timeval_ns(usage.ru_stime),
        voluntary: usage.ru_nvcsw.unsigned_abs(),
        involuntary: usage.ru_nivcsw.unsigned_abs(),
        major_faults: usage.ru_majflt.unsigned_abs(),
    };
    Ok(Some((ExitStatus::from_raw(status), usage)))
}

/// Starts a process that ends at once, and waits for it; fork(2).
pub(crate) fn fork_and_wait() -> io::Result<()> {
    // SAFETY: the child does nothing but end, which is async-signal-safe.
    let child = checked(unsafe { libc::fork() })?;
    if child == 0 {
        // SAFETY: _exit(2) does not return.
        unsafe { libc::_exit(0) };
    }
    // SAFETY: the call takes plain numbers, and no status is asked for.
    checked(unsafe { libc::waitpid(child, std::ptr::null_mut(), 0) }).map(drop)
}

/// A descriptor that becomes readable when the process ends; pidfd_open(2).
pub(crate) fn pidfd(pid: u32) -> io::Result<OwnedFd> {
    // SAFETY: the call takes plain numbers.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid_t(pid), 0) };
    owned(c_int::try_from(fd).expect("a descriptor is an int"))
}

/// Open files that a runner may have at least, if the hard limit lets it: with the usual 1024, a
/// pool of 500 processes with a pipe or two each would fail. No more, since there are programs that
/// try to close every descriptor that they may have.
const OPEN_FILES: u64 = 4096;

/// How many open files a runner may have; `None`: no limit.
pub(crate) fn runner_files() -> Option<u64> {
    let limit = rlimit(libc::RLIMIT_NOFILE)?;
    let files = limit.rlim_cur.max(OPEN_FILES.min(limit.rlim_max));
    (files != libc::RLIM_INFINITY).then_some(files)
}

/// How many open files a process that raises its own limit may have; `None`: no limit.
pub(crate) fn files_at_most() -> Option<u64> {
    rlimit(libc::RLIMIT_NOFILE)
        .map(|limit| limit.rlim_max)
        .filter(|&files| files != libc::RLIM_INFINITY)
}

/// Lets this process open as many files as the hard limit allows: a connection is a file.
pub fn raise_open_files() {
    if let Some(limit) = rlimit(libc::RLIMIT_NOFILE) {
        let limit = libc::rlimit { rlim_cur: limit.rlim_max, ..limit };
        // SAFETY: the limit is read only. Where it is refused, the old one stays.
        unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit) };
    }
}

/// Before `command` becomes its program: it dies with the thread that started it, is the first
/// victim when memory runs out, has default signal dispositions, no inherited descriptors but the
/// standard ones, and may open [`runner_files`].
///
/// PR_SET_PDEATHSIG(2const) is about the *thread* that forks: it must outlive the child.
pub(crate) fn prepare_child(command: &mut Command) {
    let parent = std::process::id();
    let files = rlimit(libc::RLIMIT_NOFILE).zip(runner_files());
    let before_exec = move || {
        // SAFETY: only async-signal-safe system calls, on plain numbers and a constant string;
        // nothing allocates between fork and exec.
        unsafe {
            for signal in 1..32 {
                libc::signal(signal, libc::SIG_DFL);
            }
            checked(libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL, 0, 0, 0))?;
            if libc::getppid() != pid_t(parent) {
                // The parent died before the line above could take effect.
                libc::_exit(1);
            }
            let file = libc::open(c"/proc/self/oom_score_adj".as_ptr(), libc::O_WRONLY);
            if file >= 0 {
                libc::write(file, c"1000".as_ptr().cast(), 4);
                libc::close(file);
            }
            if let Some((limit, files)) = files {
                let limit = libc::rlimit { rlim_cur: files, ..limit };
                libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit);
            }
            // Closed at exec only: the standard library still has to report a failing exec.
            let flags = libc::CLOSE_RANGE_CLOEXEC;
            libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, flags);
        }
        Ok(())
    };
    // SAFETY: the closure keeps to what may be done between fork and exec, see above.
    unsafe { command.pre_exec(before_exec) };
}

/// A file that lives in memory and has no name in any directory, open in this process alone;
/// memfd_create(2), for which glibc 2.17 (manylinux2014) has no function.
pub(crate) fn memory_file(name: &CStr) -> io::Result<File> {
    let flags = libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING;
    // SAFETY: `name` ends with a zero byte.
    let file = unsafe { libc::syscall(libc::SYS_memfd_create, name.as_ptr(), flags) };
    owned(file as RawFd).map(File::from)
}

/// Fixes the size of a memory file for good, so that nobody who has it open can cut it short under
/// a mapping of it; F_ADD_SEALS(2const).
pub(crate) fn seal_size(file: &File) -> io::Result<()> {
    let seals = libc::F_SEAL_SHRINK | libc::F_SEAL_GROW;
    // SAFETY: the call takes plain numbers.
    checked(unsafe { libc::fcntl(file.as_raw_fd(), libc::F_ADD_SEALS, seals) }).map(drop)
}

/// A shared, readable mapping of a whole memory file; mmap(2).
#[derive(Debug)]
pub(crate) struct Mapping {
    address: *const u8,
    length: usize,
}

// SAFETY: the mapping belongs to the process, not to a thread, and is only read through `&self`.
unsafe impl Send for Mapping {}
// SAFETY: as above.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Maps `length` bytes, more than 0, of a file whose size is at least that and sealed.
    pub(crate) fn new(file: &File, length: usize) -> io::Result<Self> {
        // SAFETY: a new mapping at an address that the kernel chooses touches no other memory.
        let address = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                length,
                libc::PROT_READ,
                libc::MAP_SHARED,
                file.as_raw_fd(),
                0,
            )
        };
        if address == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        Ok(Self { address: address.cast(), length })
    }

    /// The bytes, once nobody writes them any more.
    pub(crate) fn bytes(&self) -> &[u8] {
        // SAFETY: the range is mapped as long as `self` lives and cannot shrink (sealed); callers
        // ask only after every process that could write it was reaped.
        unsafe { std::slice::from_raw_parts(self.address, self.length) }
    }

    /// The little-endian `u32` at `offset`, a multiple of 4, while others may write it.
    pub(crate) fn load_u32(&self, offset: usize) -> u32 {
        assert!(offset.is_multiple_of(4) && offset + 4 <= self.length, "outside of the mapping");
        // SAFETY: within the mapping and aligned (mappings start at pages), by the line above; a
        // volatile read takes whatever another process has put there.
        u32::from_le(unsafe { self.address.add(offset).cast::<u32>().read_volatile() })
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: exactly what mmap gave; no reference outlives `self`.
        unsafe { libc::munmap(self.address.cast_mut().cast(), self.length) };
    }
}

/// One descriptor to watch and, afterwards, whether it is ready.
#[derive(Debug)]
pub(crate) struct Watched<'a> {
    pub(crate) fd: Option<BorrowedFd<'a>>,
    pub(crate) for_writing: bool,
    pub(crate) ready: bool,
}

/// Waits until one is ready or `timeout_ns` have passed. A signal ends the wait early; poll(2).
pub(crate) fn poll(watched: &mut [Watched<'_>], timeout_ns: u64) -> io::Result<()> {
    let mut fds: Vec<libc::pollfd> = watched
        .iter()
        .map(|watched| libc::pollfd {
            fd: watched.fd.map_or(-1, |fd| fd.as_raw_fd()),
            events: if watched.for_writing { libc::POLLOUT } else { libc::POLLIN },
            revents: 0,
        })
        .collect();
    let timeout = libc::timespec {
        tv_sec: libc::time_t::try_from(timeout_ns / 1_000_000_000).unwrap_or(libc::time_t::MAX),
        tv_nsec: (timeout_ns % 1_000_000_000).cast_signed(),
    };
    let count = fds.len() as libc::nfds_t;
    // SAFETY: `fds` and `timeout` outlive the call, `count` is the length of `fds`.
    let ready =
        unsafe { libc::ppoll(fds.as_mut_ptr(), count, &raw const timeout, std::ptr::null()) };
    if ready < 0 {
        let error = io::Error::last_os_error();
        return if error.kind() == io::ErrorKind::Interrupted { Ok(()) } else { Err(error) };
    }
    for (watched, fd) in watched.iter_mut().zip(&fds) {
        watched.ready = fd.revents != 0;
    }
    Ok(())
}

/// Makes reads and writes return at once with `WouldBlock`; fcntl(2).
pub(crate) fn set_nonblocking(fd: BorrowedFd<'_>) -> io::Result<()> {
    // SAFETY: the call takes plain numbers.
    let flags = checked(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_GETFL) })?;
    // SAFETY: as above.
    checked(unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_SETFL, flags | libc::O_NONBLOCK) })
        .map(drop)
}

/// A counter that is readable once it was raised; eventfd(2).
pub(crate) fn event() -> io::Result<OwnedFd> {
    // SAFETY: the call takes plain numbers.
    owned(unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) })
}

/// Makes an [`event`] readable.
pub(crate) fn raise_event(event: RawFd) {
    let one = 1_u64.to_ne_bytes();
    // SAFETY: eight bytes of a live array; a full counter is raised as well.
    unsafe { libc::write(event, one.as_ptr().cast(), one.len()) };
}

/// Soft limit of a resource for this process; `None`: unlimited. getrlimit(2).
pub(crate) fn limit(resource: libc::__rlimit_resource_t) -> Option<u64> {
    rlimit(resource).map(|limit| limit.rlim_cur).filter(|&limit| limit != libc::RLIM_INFINITY)
}

fn rlimit(resource: libc::__rlimit_resource_t) -> Option<libc::rlimit> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the kernel writes one rlimit into `limit`, which outlives the call.
    let result = unsafe { libc::getrlimit(resource, &raw mut limit) };
    (result == 0).then_some(limit)
}

/// Between two ticks of the kernel, nanoseconds: the grain of its coarse clock; clock_getres(2).
pub(crate) fn tick_ns() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the kernel writes one timespec into `time`, which outlives the call.
    unsafe { libc::clock_getres(libc::CLOCK_MONOTONIC_COARSE, &raw mut time) };
    time.tv_sec.unsigned_abs() * 1_000_000_000 + time.tv_nsec.unsigned_abs()
}

/// The signals by which a person or a system asks a program to end.
const ENDING: [c_int; 3] = [libc::SIGINT, libc::SIGTERM, libc::SIGHUP];

static FIRST_SIGNAL: AtomicI32 = AtomicI32::new(0);
static SIGNAL_EVENT: AtomicI32 = AtomicI32::new(-1);
static RUNNER_GROUP: AtomicI32 = AtomicI32::new(0);

/// From now on the first SIGINT, SIGTERM or SIGHUP raises `event`; the second kills the process
/// group of [`set_runner_group`] and ends this process with 128 + its number. Signals that were
/// ignored from the start (nohup, a shell's background job) stay ignored.
pub(crate) fn route_signals(event: RawFd) -> io::Result<()> {
    SIGNAL_EVENT.store(event, Ordering::SeqCst);
    for signal in ENDING {
        // SAFETY: sigaction is plain numbers, for which all bits zero is a value.
        let mut before: libc::sigaction = unsafe { std::mem::zeroed() };
        // SAFETY: the kernel writes into `before`, which outlives the call.
        checked(unsafe { libc::sigaction(signal, std::ptr::null(), &raw mut before) })?;
        if before.sa_sigaction == libc::SIG_IGN {
            continue;
        }
        before.sa_sigaction = on_signal as *const () as libc::sighandler_t;
        before.sa_flags = libc::SA_RESTART;
        // SAFETY: `on_signal` makes only async-signal-safe calls; `before` outlives the call.
        checked(unsafe { libc::sigaction(signal, &raw const before, std::ptr::null_mut()) })?;
    }
    Ok(())
}

/// The process group that the second signal kills; `None`: there is none now.
pub(crate) fn set_runner_group(group: Option<u32>) {
    RUNNER_GROUP.store(group.map_or(0, pid_t), Ordering::SeqCst);
}

/// The number of the first signal that asked this process to end.
pub(crate) fn first_signal() -> Option<i32> {
    Some(FIRST_SIGNAL.load(Ordering::SeqCst)).filter(|&signal| signal != 0)
}

extern "C" fn on_signal(signal: c_int) {
    let first = FIRST_SIGNAL.compare_exchange(0, signal, Ordering::SeqCst, Ordering::SeqCst);
    if first.is_ok() {
        // SAFETY: errno belongs to this thread; the code that was interrupted must not see the
        // errno of the write below.
        let errno = unsafe { *libc::__errno_location() };
        raise_event(SIGNAL_EVENT.load(Ordering::SeqCst));
        // SAFETY: as above.
        unsafe { *libc::__errno_location() = errno };
        return;
    }
    let group = RUNNER_GROUP.load(Ordering::SeqCst);
    if group > 1 {
        // SAFETY: kill(2) is async-signal-safe and takes plain numbers.
        unsafe { libc::kill(-group, libc::SIGKILL) };
    }
    // SAFETY: _exit(2) is async-signal-safe and does not return.
    unsafe { libc::_exit(128 + signal) };
}

fn checked(result: c_int) -> io::Result<c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

fn owned(fd: c_int) -> io::Result<OwnedFd> {
    let fd = checked(fd)?;
    // SAFETY: the kernel has just made this descriptor for us; nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

fn pid_t(pid: u32) -> libc::pid_t {
    libc::pid_t::try_from(pid).expect("a process id is a positive int")
}

fn timeval_ns(time: libc::timeval) -> u64 {
    time.tv_sec.unsigned_abs() * 1_000_000_000 + time.tv_usec.unsigned_abs() * 1000
}
