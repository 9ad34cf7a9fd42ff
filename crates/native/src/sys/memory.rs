//! Mapped memory as slices of atomics, so that whoever shares it needs no `unsafe`.
#![expect(unsafe_code, reason = "mmap and the slices made from it")]

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, AtomicU64};

use maitred_wire::trace_file::PAGE_LEAST;

#[cfg(target_endian = "big")]
compile_error!("the trace file is little-endian and is written as native integers");

fn map(bytes: usize, protection: i32, flags: i32, fd: i32) -> io::Result<NonNull<u8>> {
    let anywhere = std::ptr::null_mut();
    // SAFETY: the kernel chooses the place, so no existing mapping is touched.
    let address = unsafe { libc::mmap(anywhere, bytes.max(1), protection, flags, fd, 0) };
    if address == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    NonNull::new(address.cast()).ok_or_else(|| io::Error::other("mmap gave address 0"))
}

const READ_WRITE: i32 = libc::PROT_READ | libc::PROT_WRITE;

fn slice<T>(bytes: NonNull<u8>, count: usize) -> &'static [T] {
    // SAFETY: only called below, with a page-aligned mapping of at least `count` elements that
    // is never unmapped, and with atomic integers, for which any bytes are a value.
    unsafe { std::slice::from_raw_parts(bytes.cast().as_ptr(), count) }
}

/// So many zeroes, kept for as long as the process lives, and shared with children forked later.
pub(crate) fn shared_u64(count: usize) -> io::Result<&'static [AtomicU64]> {
    let flags = libc::MAP_SHARED | libc::MAP_ANONYMOUS;
    Ok(slice(map(count * 8, READ_WRITE, flags, -1)?, count))
}

/// Like [`shared_u64`], in the size that a futex has.
pub(crate) fn shared_u32(count: usize) -> io::Result<&'static [AtomicU32]> {
    let flags = libc::MAP_SHARED | libc::MAP_ANONYMOUS;
    Ok(slice(map(count * 4, READ_WRITE, flags, -1)?, count))
}

/// The whole of a file, for reading and writing, for as long as the process lives.
pub(crate) fn map_file(file: &File) -> io::Result<&'static [AtomicU64]> {
    let bytes = file.metadata()?.len() as usize;
    Ok(slice(map(bytes, READ_WRITE, libc::MAP_SHARED, file.as_raw_fd())?, bytes / 8))
}

/// The whole of a file, for reading. (Atomics, since another process could write to it.)
pub(crate) fn map_file_to_read(file: &File) -> io::Result<&'static [AtomicU64]> {
    let bytes = file.metadata()?.len() as usize;
    Ok(slice(map(bytes, libc::PROT_READ, libc::MAP_SHARED, file.as_raw_fd())?, bytes / 8))
}

/// Memory that was taken and touched; given back when dropped.
#[derive(Debug)]
pub(crate) struct Pages {
    start: NonNull<u8>,
    bytes: usize,
}

// SAFETY: nobody but the owner has the address.
unsafe impl Send for Pages {}

impl Pages {
    /// Takes memory and writes to every page of it.
    ///
    /// # Errors
    /// When the kernel does not give it. (It may give it and later find that it has none: then
    /// it kills a process of its choice.)
    pub(crate) fn take(bytes: u64) -> io::Result<Self> {
        let bytes = usize::try_from(bytes).map_err(|_| io::ErrorKind::OutOfMemory)?;
        let start = map(bytes, READ_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, -1)?;
        for offset in (0..bytes).step_by(PAGE_LEAST) {
            // SAFETY: the offset lies within the mapping.
            unsafe { start.add(offset).write_volatile(1) };
        }
        Ok(Self { start, bytes })
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        // SAFETY: our own mapping, of this size, to which nothing points any more.
        unsafe { libc::munmap(self.start.as_ptr().cast(), self.bytes.max(1)) };
    }
}
