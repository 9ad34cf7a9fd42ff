//! The kernel's interface: perf_event_open(2) and its ring buffers, one for each processor.
#![expect(unsafe_code, reason = "system calls, and memory that is shared with the kernel")]

use std::io;
use std::mem::offset_of;
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd, RawFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU64, Ordering};

use perf_event_open_sys::bindings::{
    PERF_COUNT_SW_DUMMY, PERF_FORMAT_LOST, PERF_SAMPLE_CPU, PERF_SAMPLE_TID, PERF_SAMPLE_TIME,
    PERF_TYPE_SOFTWARE, perf_event_attr, perf_event_mmap_page,
};

use maitred_kernel::page_bytes;

/// Opens an event that records every switch on this processor of what the calling thread will
/// have started and what that has exec'ed: it is inherited, and enabled by exec.
///
/// # Errors
/// As the kernel refuses it: EACCES, EPERM, ENOSYS where it is forbidden.
pub(super) fn open(cpu: u16, ring_bytes: usize) -> io::Result<OwnedFd> {
    let open = |read_format: u64| {
        let mut attr = perf_event_attr::default();
        attr.type_ = PERF_TYPE_SOFTWARE;
        attr.size = u32::try_from(size_of::<perf_event_attr>()).expect("it has some hundred bytes");
        attr.config = u64::from(PERF_COUNT_SW_DUMMY);
        attr.sample_type = u64::from(PERF_SAMPLE_TID | PERF_SAMPLE_TIME | PERF_SAMPLE_CPU);
        attr.read_format = read_format;
        attr.clockid = libc::CLOCK_MONOTONIC;
        attr.set_disabled(1);
        attr.set_inherit(1);
        attr.set_enable_on_exec(1);
        // Without the kernel's own doings it needs no privilege (perf_event_paranoid 2).
        attr.set_exclude_kernel(1);
        attr.set_exclude_hv(1);
        attr.set_context_switch(1);
        attr.set_task(1);
        attr.set_comm(1);
        attr.set_comm_exec(1);
        attr.set_sample_id_all(1);
        attr.set_use_clockid(1);
        attr.set_watermark(1);
        attr.__bindgen_anon_2.wakeup_watermark = u32::try_from(ring_bytes / 4).unwrap_or(u32::MAX);
        let close_on_exec =
            libc::c_ulong::from(perf_event_open_sys::bindings::PERF_FLAG_FD_CLOEXEC);
        // SAFETY: the kernel reads `attr`, whose size it is told.
        let fd = unsafe {
            perf_event_open_sys::perf_event_open(&raw mut attr, 0, cpu.into(), -1, close_on_exec)
        };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the kernel just made it, and nobody else has it.
        Ok(unsafe { OwnedFd::from_raw_fd(fd) })
    };
    match open(u64::from(PERF_FORMAT_LOST)) {
        // Linux before 6.0 does not count what it loses.
        Err(error) if error.raw_os_error() == Some(libc::EINVAL) => open(0),
        other => other,
    }
}

/// How many records the kernel had no room for; 0 where it does not count them.
pub(super) fn lost(event: &OwnedFd) -> u64 {
    let mut words = [0_u64; 2];
    // SAFETY: the kernel writes at most 16 bytes into `words`.
    let read = unsafe { libc::read(event.as_raw_fd(), words.as_mut_ptr().cast(), 16) };
    if read == 16 { words[1] } else { 0 }
}

/// The buffer that the kernel writes the records of one processor into.
#[derive(Debug)]
pub(super) struct Ring {
    page: NonNull<perf_event_mmap_page>,
    bytes: usize,
    mapped: usize,
}

// SAFETY: the mapping belongs to this value alone, wherever it is used.
unsafe impl Send for Ring {}

impl Ring {
    /// Maps a ring of so many bytes, a power of two.
    ///
    /// # Errors
    /// EPERM when the user may not lock so much memory.
    pub(super) fn map(event: &OwnedFd, bytes: usize) -> io::Result<Self> {
        let mapped = bytes + usize::try_from(page_bytes()).expect("a page is small");
        // SAFETY: a new mapping, which touches no other memory.
        let page = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                mapped,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_SHARED,
                event.as_raw_fd(),
                0,
            )
        };
        if page == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let page = NonNull::new(page.cast()).expect("the kernel maps nothing at address 0");
        Ok(Self { page, bytes, mapped })
    }

    /// Appends what the kernel has written since the last call, and gives the room back.
    pub(super) fn drain(&mut self, into: &mut Vec<u8>) {
        let head = self.word(offset_of!(perf_event_mmap_page, data_head));
        let tail = self.word(offset_of!(perf_event_mmap_page, data_tail));
        // The kernel's writes before it moved the head are seen after this (perf_event_open(2)).
        let (end, start) = (head.load(Ordering::Acquire), tail.load(Ordering::Relaxed));
        let length = usize::try_from(end.wrapping_sub(start)).expect("a ring is small");
        let at = usize::try_from(start).expect("64 bits") & (self.bytes - 1);
        let first = length.min(self.bytes - at);
        // SAFETY: both parts lie within the mapping behind its first page, and the kernel writes
        // there no more until the tail is moved.
        unsafe {
            let data = self.page.as_ptr().cast::<u8>().add(self.mapped - self.bytes);
            into.extend_from_slice(std::slice::from_raw_parts(data.add(at), first));
            into.extend_from_slice(std::slice::from_raw_parts(data, length - first));
        }
        tail.store(end, Ordering::Release);
    }

    fn word(&self, offset: usize) -> &AtomicU64 {
        // SAFETY: the page is mapped as long as this value lives, and its words are aligned and
        // shared with the kernel, which writes them as a whole.
        unsafe { AtomicU64::from_ptr(self.page.as_ptr().cast::<u8>().add(offset).cast()) }
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        // SAFETY: it was mapped with this length, and nothing refers to it any more.
        unsafe { libc::munmap(self.page.as_ptr().cast(), self.mapped) };
    }
}

/// Waits until one of them has something to read, or for so many milliseconds.
pub(super) fn wait(events: &[RawFd], millis: i32) {
    let ask = |&fd: &RawFd| libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
    let mut asked: Vec<libc::pollfd> = events.iter().map(ask).collect();
    let count = libc::nfds_t::try_from(asked.len()).expect("there are not so many processors");
    // SAFETY: `asked` holds so many entries.
    unsafe { libc::poll(asked.as_mut_ptr(), count, millis) };
}

/// The processors that this process, and so what it starts, may use; sched_getaffinity(2).
pub(super) fn allowed_cpus() -> Vec<u16> {
    // SAFETY: the kernel writes at most the size of the set, of which all bits may be zero.
    let set = unsafe {
        let mut set = std::mem::zeroed::<libc::cpu_set_t>();
        if libc::sched_getaffinity(0, size_of::<libc::cpu_set_t>(), &raw mut set) != 0 {
            return Vec::new();
        }
        set
    };
    let count = u16::try_from(libc::CPU_SETSIZE).expect("1024");
    // SAFETY: every number is below the size of the set.
    (0..count).filter(|&cpu| unsafe { libc::CPU_ISSET(cpu.into(), &set) }).collect()
}
