//! Processes and bare threads.
#![expect(unsafe_code, reason = "fork, prctl, wait and pthread_create")]

use std::ffi::c_void;
use std::io;

use super::kernel::{Usage, usage_of};

/// Has the kernel give this process the orphans of its descendants, so that none gets out of
/// sight, and not kill it when its parent dies: then its input ends, and it takes its
/// descendants with it, which a signal would leave alive.
pub(crate) fn answer_for_descendants() {
    // SAFETY: integers only; see prctl(2).
    unsafe {
        libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
        libc::prctl(libc::PR_SET_PDEATHSIG, 0, 0, 0, 0);
    }
}

fn die_with_parent() {
    // SAFETY: integers only; see prctl(2).
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL, 0, 0, 0) };
}

/// Runs `child` in a copy of this process, which dies with this one; its number.
///
/// To be called while this process has one thread only: of the others, the copy would have the
/// locks and not the threads that give them back.
pub(crate) fn fork(child: impl FnOnce()) -> io::Result<u32> {
    let parent = std::process::id();
    // SAFETY: there is one thread, so the copy is whole.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => {
            die_with_parent();
            // The parent may have died before the line above.
            let orphan = std::os::unix::process::parent_id() != parent;
            let run = std::panic::AssertUnwindSafe(child);
            let panicked = !orphan && std::panic::catch_unwind(run).is_err();
            leave(if panicked { 101 } else { 0 })
        }
        pid => Ok(pid as u32),
    }
}

/// Ends this process at once: no destructor runs, no thread is waited for.
pub(crate) fn leave(code: i32) -> ! {
    // SAFETY: takes an integer and does not return.
    unsafe { libc::_exit(code) }
}

/// Kills this process as the kernel would: with SIGKILL.
pub(crate) fn crash() -> ! {
    maitred_kernel::signal(std::process::id(), libc::SIGKILL);
    loop {
        // SAFETY: no arguments. The signal is on its way.
        unsafe { libc::pause() };
    }
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    Exited(i32),
    Killed(i32),
}

/// Takes note of a child that has ended, if one has. `pid` `None`: any child.
pub(crate) fn reap(pid: Option<u32>, wait: bool) -> Option<(u32, Ended, Usage)> {
    let wanted = pid.map_or(-1, |pid| pid as i32);
    let options = if wait { 0 } else { libc::WNOHANG };
    let mut status = 0;
    // SAFETY: all zeroes is a valid rusage; both places are valid.
    let (pid, usage) = unsafe {
        let mut usage = std::mem::zeroed();
        let pid = loop {
            let pid = libc::wait4(wanted, &raw mut status, options, &raw mut usage);
            if pid >= 0 || io::Error::last_os_error().kind() != io::ErrorKind::Interrupted {
                break pid;
            }
        };
        (pid, usage)
    };
    let ended = if libc::WIFSIGNALED(status) {
        Ended::Killed(libc::WTERMSIG(status))
    } else {
        Ended::Exited(libc::WEXITSTATUS(status))
    };
    (pid > 0).then(|| (pid as u32, ended, usage_of(&usage)))
}

type Body = Box<dyn FnOnce() + Send>;

/// The stack of a thread, in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Stack {
    /// Without a page behind it that nobody may touch.
    Bare(usize),
    Guarded(usize),
}

/// Starts a detached thread with such a stack.
///
/// `std::thread` maps a stack, a guard page and a signal stack for each thread. The kernel allows
/// 65,530 mappings, so at some 16,000 threads it fails, and in the new thread, where it can only
/// abort. Bare stacks lie side by side and count as one mapping.
pub(crate) fn start_thread(stack: Stack, body: Body) -> io::Result<()> {
    extern "C" fn enter(body: *mut c_void) -> *mut c_void {
        // SAFETY: made by `Box::into_raw` below, and given to this thread alone.
        let body = unsafe { Box::from_raw(body.cast::<Body>()) };
        body();
        std::ptr::null_mut()
    }
    let (stack_bytes, is_guarded) = match stack {
        Stack::Bare(bytes) => (bytes, false),
        Stack::Guarded(bytes) => (bytes, true),
    };
    let argument = Box::into_raw(Box::new(body));
    // SAFETY: the attributes are initialised before use and destroyed after it.
    let error = unsafe {
        let mut attributes = std::mem::zeroed();
        libc::pthread_attr_init(&raw mut attributes);
        libc::pthread_attr_setstacksize(&raw mut attributes, stack_bytes);
        if !is_guarded {
            libc::pthread_attr_setguardsize(&raw mut attributes, 0);
        }
        libc::pthread_attr_setdetachstate(&raw mut attributes, libc::PTHREAD_CREATE_DETACHED);
        let mut thread = std::mem::zeroed();
        let error =
            libc::pthread_create(&raw mut thread, &raw const attributes, enter, argument.cast());
        libc::pthread_attr_destroy(&raw mut attributes);
        error
    };
    if error == 0 {
        return Ok(());
    }
    // SAFETY: the thread does not exist, so the argument is still ours.
    drop(unsafe { Box::from_raw(argument) });
    Err(io::Error::from_raw_os_error(error))
}
