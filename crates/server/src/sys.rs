//! Every system call that `std` has no safe form of. It decides nothing.
#![expect(unsafe_code, reason = "epoll, fork and descriptor passing have no safe form in std")]

use std::io;
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsRawFd, FromRawFd as _, OwnedFd, RawFd};
use std::sync::atomic::AtomicU64;
use std::time::Duration;

fn check(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

fn check_fd(result: libc::c_int) -> io::Result<OwnedFd> {
    let fd = check(result)?;
    // SAFETY: the kernel has just made this descriptor for us, and nobody else knows of it.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// A set of descriptors of which the kernel says who is ready: epoll(7).
#[derive(Debug)]
pub(crate) struct Epoll(OwnedFd);

/// What a descriptor is watched for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Interest(u32);

impl Interest {
    /// Only errors and hang-ups, which are always reported.
    pub(crate) const NOTHING: Self = Self(0);
    pub(crate) const READ: Self = Self(libc::EPOLLIN as u32);
    /// Reported once for what comes, and not again for what is left of it (edge-triggered, epoll(7)): the kernel
    /// need not look at a socket that was read empty another time. The end of input may come with the last of it.
    pub(crate) const READ_EDGE: Self =
        Self((libc::EPOLLIN | libc::EPOLLRDHUP | libc::EPOLLET) as u32);
    pub(crate) const WRITE: Self = Self(libc::EPOLLOUT as u32);
    /// Room, reported once when it comes, and no input meanwhile.
    pub(crate) const WRITE_EDGE: Self = Self(Self::WRITE.0 | libc::EPOLLET as u32);
    /// Only one of the processes that wait on a shared listener is woken (epoll_ctl(2)).
    pub(crate) const READ_EXCLUSIVE: Self = Self((libc::EPOLLIN | libc::EPOLLEXCLUSIVE) as u32);

    /// Reported once, to one thread; watched again only after [`Epoll::change`].
    pub(crate) fn once(self) -> Self {
        Self(self.0 | libc::EPOLLONESHOT as u32)
    }
}

/// Room for the events of one wait.
pub(crate) struct Events {
    room: Vec<libc::epoll_event>,
    filled: usize,
}

impl Events {
    pub(crate) fn with_capacity(capacity: usize) -> Self {
        Self { room: vec![libc::epoll_event { events: 0, u64: 0 }; capacity], filled: 0 }
    }

    pub(crate) fn len(&self) -> usize {
        self.filled
    }

    pub(crate) fn clear(&mut self) {
        self.filled = 0;
    }

    /// The token of the event, and what it says of the peer.
    pub(crate) fn get(&self, index: usize) -> (u64, Peer) {
        let event = self.room[index];
        let says = |flags: libc::c_int| event.events & flags as u32 != 0;
        let peer = match () {
            () if says(libc::EPOLLERR | libc::EPOLLHUP) => Peer::Gone,
            () if says(libc::EPOLLRDHUP) => Peer::Silent,
            () => Peer::Speaking,
        };
        (event.u64, peer)
    }
}

/// Whoever is at the other end, as an event knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Peer {
    Speaking,
    /// Has closed its direction, and may still read.
    Silent,
    /// Reset, or both directions closed.
    Gone,
}

impl std::fmt::Debug for Events {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Events").field("filled", &self.filled).finish_non_exhaustive()
    }
}

impl Epoll {
    pub(crate) fn new() -> io::Result<Self> {
        // SAFETY: takes no pointers.
        check_fd(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) }).map(Self)
    }

    pub(crate) fn add(&self, fd: &impl AsRawFd, interest: Interest, token: u64) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_ADD, fd.as_raw_fd(), interest, token)
    }

    pub(crate) fn change(
        &self,
        fd: &impl AsRawFd,
        interest: Interest,
        token: u64,
    ) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_MOD, fd.as_raw_fd(), interest, token)
    }

    pub(crate) fn remove(&self, fd: &impl AsRawFd) -> io::Result<()> {
        self.control(libc::EPOLL_CTL_DEL, fd.as_raw_fd(), Interest::NOTHING, 0)
    }

    fn control(
        &self,
        op: libc::c_int,
        fd: RawFd,
        interest: Interest,
        token: u64,
    ) -> io::Result<()> {
        let mut event = libc::epoll_event { events: interest.0, u64: token };
        // SAFETY: `event` lives through the call, which copies it.
        check(unsafe { libc::epoll_ctl(self.0.as_raw_fd(), op, fd, &raw mut event) }).map(drop)
    }

    /// Waits until somebody is ready or the time is over; rounded up to milliseconds.
    pub(crate) fn wait(&self, events: &mut Events, time: Duration) -> io::Result<()> {
        let millis = i32::try_from(time.as_nanos().div_ceil(1_000_000)).unwrap_or(i32::MAX);
        let room = i32::try_from(events.room.len()).unwrap_or(i32::MAX);
        // SAFETY: the kernel writes at most `room` events to a buffer of that many.
        let filled = check(unsafe {
            libc::epoll_wait(self.0.as_raw_fd(), events.room.as_mut_ptr(), room, millis)
        });
        events.filled = match filled {
            Ok(filled) => usize::try_from(filled).expect("not negative"),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => 0,
            Err(error) => return Err(error),
        };
        Ok(())
    }
}

impl AsRawFd for Epoll {
    /// It can be read while somebody of the set is ready.
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

/// Waits until one of the descriptors can be read or the time is over, rounded up to milliseconds: poll(2).
pub(crate) fn wait_readable(fds: &[RawFd], time: Duration) -> io::Result<()> {
    let mut polled: Vec<libc::pollfd> =
        fds.iter().map(|&fd| libc::pollfd { fd, events: libc::POLLIN, revents: 0 }).collect();
    let millis = i32::try_from(time.as_nanos().div_ceil(1_000_000)).unwrap_or(i32::MAX);
    // SAFETY: the pointer and the length are those of a living vector.
    match check(unsafe { libc::poll(polled.as_mut_ptr(), polled.len() as libc::nfds_t, millis) }) {
        Err(error) if error.kind() != io::ErrorKind::Interrupted => Err(error),
        _ => Ok(()),
    }
}

/// Sets how many connections may wait to be accepted; `std` has no argument for it. Calling
/// listen(2) again on Linux only changes that number.
pub(crate) fn set_backlog(listener: &impl AsRawFd, backlog: u32) -> io::Result<()> {
    let backlog = i32::try_from(backlog).unwrap_or(i32::MAX);
    // SAFETY: takes no pointers.
    check(unsafe { libc::listen(listener.as_raw_fd(), backlog) }).map(drop)
}

/// Makes every connection accepted from this listener send at once: on Linux they inherit it.
pub(crate) fn set_nodelay(listener: &TcpListener) -> io::Result<()> {
    let on: libc::c_int = 1;
    set_option(listener.as_raw_fd(), libc::IPPROTO_TCP, libc::TCP_NODELAY, &on)
}

/// When the socket is closed, what was not sent is dropped and the peer gets a reset: SO_LINGER of no
/// time (socket(7)).
pub(crate) fn reset_on_close(socket: &TcpStream) {
    let linger = libc::linger { l_onoff: 1, l_linger: 0 };
    // Failing that, the connection is closed as usual.
    let _ = set_option(socket.as_raw_fd(), libc::SOL_SOCKET, libc::SO_LINGER, &linger);
}

/// Who tells of the machine's sockets: sock_diag(7).
pub(crate) fn sock_diag() -> io::Result<OwnedFd> {
    let (kind, about) = (libc::SOCK_DGRAM | libc::SOCK_CLOEXEC, libc::NETLINK_SOCK_DIAG);
    // SAFETY: takes no pointers.
    check_fd(unsafe { libc::socket(libc::AF_NETLINK, kind, about) })
}

/// From now on the kernel ignores who wants to connect, so that the queue of accepted connections
/// can be emptied for good: a classic BPF filter (socket(7), SO_ATTACH_FILTER) that drops SYN without ACK.
/// The client's kernel tries again in a second and is then refused, before any request was sent.
pub(crate) fn refuse_handshakes(listener: &TcpListener) -> io::Result<()> {
    let op = |code: u32, jt, jf, k| libc::sock_filter {
        code: u16::try_from(code).expect("operation codes have 16 bits"),
        jt,
        jf,
        k,
    };
    let mut program = [
        // The byte of TCP flags, masked to SYN and ACK; only SYN alone is dropped.
        op(libc::BPF_LD | libc::BPF_B | libc::BPF_ABS, 0, 0, 13),
        op(libc::BPF_ALU | libc::BPF_AND | libc::BPF_K, 0, 0, 0x12),
        op(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 0, 1, 0x02),
        op(libc::BPF_RET | libc::BPF_K, 0, 0, 0),
        op(libc::BPF_RET | libc::BPF_K, 0, 0, u32::MAX),
    ];
    let filter = libc::sock_fprog {
        len: u16::try_from(program.len()).expect("five"),
        filter: program.as_mut_ptr(),
    };
    set_option(listener.as_raw_fd(), libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, &filter)
}

fn set_option<T>(fd: RawFd, level: libc::c_int, name: libc::c_int, value: &T) -> io::Result<()> {
    let size = libc::socklen_t::try_from(size_of::<T>()).expect("options are small");
    // SAFETY: the pointer and the size are those of `value`, and the kernel copies it (a filter program too).
    check(unsafe { libc::setsockopt(fd, level, name, std::ptr::from_ref(value).cast(), size) })
        .map(drop)
}

/// Receives what is there: recvfrom(2), asked of the kernel itself. The C library's function lets its thread be
/// cancelled meanwhile (pthreads(7), "Cancellation points") if there are several threads, which costs two locked
/// instructions a call; nobody cancels a thread here.
pub(crate) fn receive(socket: &impl AsRawFd, room: &mut [u8]) -> io::Result<usize> {
    let nobody = std::ptr::null_mut::<libc::sockaddr>();
    // SAFETY: the kernel writes at most `room.len()` bytes to `room`, and nothing about the sender.
    let received = unsafe {
        libc::syscall(
            libc::SYS_recvfrom,
            socket.as_raw_fd(),
            room.as_mut_ptr(),
            room.len(),
            0,
            nobody,
            nobody,
        )
    };
    usize::try_from(received).map_err(|_| io::Error::last_os_error())
}

/// Sends as much as the socket takes: sendto(2), as [`receive`] receives.
pub(crate) fn send(socket: &impl AsRawFd, bytes: &[u8]) -> io::Result<usize> {
    let nobody = std::ptr::null::<libc::sockaddr>();
    let flags = libc::MSG_NOSIGNAL;
    // SAFETY: the kernel reads at most `bytes.len()` bytes of `bytes`, and no address of length 0.
    let sent = unsafe {
        libc::syscall(
            libc::SYS_sendto,
            socket.as_raw_fd(),
            bytes.as_ptr(),
            bytes.len(),
            flags,
            nobody,
            0,
        )
    };
    usize::try_from(sent).map_err(|_| io::Error::last_os_error())
}

/// Lets whoever waits for input on this socket see its end, now and from now on: shutdown(2).
pub(crate) fn end_input(socket: RawFd) {
    // SAFETY: takes no pointers; a wrong descriptor is an error of the call and changes nothing.
    unsafe { libc::shutdown(socket, libc::SHUT_RD) };
}

/// Whether something was received and not read yet; the end of the input does not count: recv(2).
pub(crate) fn has_input(socket: &impl AsRawFd) -> bool {
    let mut byte = 0_u8;
    let flags = libc::MSG_PEEK | libc::MSG_DONTWAIT;
    // SAFETY: the kernel writes at most one byte to `byte`.
    unsafe { libc::recv(socket.as_raw_fd(), (&raw mut byte).cast(), 1, flags) > 0 }
}

/// Words that this process shares with those it will fork.
pub(crate) fn shared_words(count: usize) -> io::Result<&'static [AtomicU64]> {
    // SAFETY: an anonymous mapping has no other owner; the kernel fills it with zeros, which are
    // valid atomics, aligns it to a page, and it is never unmapped.
    unsafe {
        let memory = libc::mmap(
            std::ptr::null_mut(),
            count * size_of::<AtomicU64>(),
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_SHARED | libc::MAP_ANONYMOUS,
            -1,
            0,
        );
        if memory == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        Ok(std::slice::from_raw_parts(memory.cast::<AtomicU64>(), count))
    }
}

/// Which of the two processes this is after [`fork`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Forked {
    Parent { child: i32 },
    Child,
}

/// Copies this process. The caller has only one thread, so the child may do anything.
pub(crate) fn fork() -> io::Result<Forked> {
    // SAFETY: the caller has no second thread that could hold a lock for ever in the child
    // (`processes` checks the number of threads before the first fork).
    match check(unsafe { libc::fork() })? {
        0 => Ok(Forked::Child),
        child => Ok(Forked::Parent { child }),
    }
}

/// Has this process killed when its parent ends, however that happens: prctl(2).
pub(crate) fn die_with_parent() {
    // SAFETY: PR_SET_PDEATHSIG takes no pointer.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) };
}

/// Ends this process without running what was inherited from the parent.
pub(crate) fn exit_now(code: i32) -> ! {
    // SAFETY: never returns.
    unsafe { libc::_exit(code) }
}

pub(crate) fn parent_process() -> i32 {
    // SAFETY: cannot fail.
    unsafe { libc::getppid() }
}

/// A child that ended: its process id and its wait status.
pub(crate) fn reap() -> Option<(i32, i32)> {
    let mut status = 0;
    // SAFETY: the kernel writes to `status`.
    let process = unsafe { libc::waitpid(-1, &raw mut status, libc::WNOHANG) };
    (process > 0).then_some((process, status))
}

/// Seconds since 1970, as of the last tick of the kernel: time(2), which reads no hardware.
pub(crate) fn seconds() -> u64 {
    // SAFETY: without a place to put it, the time is only returned.
    let seconds = unsafe { libc::time(std::ptr::null_mut()) };
    u64::try_from(seconds).unwrap_or(0)
}

/// The processor time that this thread has used: clock_gettime(2).
pub(crate) fn thread_cpu_time() -> Duration {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the kernel writes to `time`.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut time) };
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// The thread id that the kernel and `top -H` show: gettid(2), for which glibc 2.17 (manylinux2014) has no
/// function.
pub(crate) fn thread_id() -> i32 {
    // SAFETY: no arguments; cannot fail.
    unsafe { libc::syscall(libc::SYS_gettid) as i32 }
}

/// A socket through which processes give each other open connections: unix(7), SCM_RIGHTS. Packets
/// that nobody took yet stay in it as long as any process has it open.
#[derive(Debug)]
pub(crate) struct FdChannel {
    give: OwnedFd,
    take: OwnedFd,
}

#[repr(C, align(8))]
struct Control([u8; 64]);

impl FdChannel {
    pub(crate) fn new() -> io::Result<Self> {
        let kind = libc::SOCK_SEQPACKET | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
        let mut fds = [-1; 2];
        // SAFETY: the kernel writes two descriptors, which are then ours alone.
        unsafe {
            check(libc::socketpair(libc::AF_UNIX, kind, 0, fds.as_mut_ptr()))?;
            Ok(Self { give: OwnedFd::from_raw_fd(fds[0]), take: OwnedFd::from_raw_fd(fds[1]) })
        }
    }

    /// Gives a connection away, together with what was read from it and not understood yet.
    pub(crate) fn give(&self, stream: &TcpStream, unread: &[u8]) -> io::Result<()> {
        // A packet without data could not be told from the end.
        let mark = [0_u8];
        let mut parts = [
            libc::iovec { iov_base: mark.as_ptr().cast_mut().cast(), iov_len: 1 },
            libc::iovec { iov_base: unread.as_ptr().cast_mut().cast(), iov_len: unread.len() },
        ];
        let mut control = Control([0; 64]);
        let fd_size = u32::try_from(size_of::<RawFd>()).expect("four");
        // SAFETY: all pointers lead to the locals above, which outlive the call; `control` is
        // aligned for a cmsghdr and larger than CMSG_SPACE of one descriptor.
        let sent = unsafe {
            let mut message: libc::msghdr = std::mem::zeroed();
            message.msg_iov = parts.as_mut_ptr();
            message.msg_iovlen = 2;
            message.msg_control = control.0.as_mut_ptr().cast();
            message.msg_controllen = libc::CMSG_SPACE(fd_size) as _;
            let header = libc::CMSG_FIRSTHDR(&raw const message);
            (*header).cmsg_level = libc::SOL_SOCKET;
            (*header).cmsg_type = libc::SCM_RIGHTS;
            (*header).cmsg_len = libc::CMSG_LEN(fd_size) as _;
            libc::CMSG_DATA(header).cast::<RawFd>().write_unaligned(stream.as_raw_fd());
            libc::sendmsg(self.give.as_raw_fd(), &raw const message, libc::MSG_NOSIGNAL)
        };
        if sent < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }

    /// Takes a connection that somebody gave, if there is one. `room` holds what was unread.
    pub(crate) fn take(&self, room: &mut [u8]) -> Option<(TcpStream, usize)> {
        let mut mark = [0_u8];
        let mut parts = [
            libc::iovec { iov_base: mark.as_mut_ptr().cast(), iov_len: 1 },
            libc::iovec { iov_base: room.as_mut_ptr().cast(), iov_len: room.len() },
        ];
        let mut control = Control([0; 64]);
        // SAFETY: as in `give`; the kernel writes at most the lengths stated, and a descriptor
        // received is ours alone.
        unsafe {
            let mut message: libc::msghdr = std::mem::zeroed();
            message.msg_iov = parts.as_mut_ptr();
            message.msg_iovlen = 2;
            message.msg_control = control.0.as_mut_ptr().cast();
            message.msg_controllen = control.0.len() as _;
            let received =
                libc::recvmsg(self.take.as_raw_fd(), &raw mut message, libc::MSG_CMSG_CLOEXEC);
            let length = usize::try_from(received).ok().filter(|&length| length > 0)?;
            let header = libc::CMSG_FIRSTHDR(&raw const message);
            if header.is_null() || (*header).cmsg_type != libc::SCM_RIGHTS {
                return None;
            }
            let fd = libc::CMSG_DATA(header).cast::<RawFd>().read_unaligned();
            Some((TcpStream::from_raw_fd(fd), length - 1))
        }
    }
}

impl AsRawFd for FdChannel {
    /// The end at which connections are taken.
    fn as_raw_fd(&self) -> RawFd {
        self.take.as_raw_fd()
    }
}
