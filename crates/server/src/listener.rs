//! The listening socket: binds, accepts, and still answers when there are no descriptors left.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::fs::FileTypeExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::ServeError;
use crate::event::Address;
use crate::handshakes;
use crate::options::Options;
use crate::sys;

/// How long a handshake may take to end after no new one is begun: a lost packet of it is repeated
/// after a second (tcp(7), RFC 6298), and this allows for one.
const HANDSHAKE_MAX: Duration = Duration::from_millis(1500);
/// A handshake that another processor was beginning when the filter came shows after this, at the latest.
const HANDSHAKE_BEGINS: Duration = Duration::from_millis(10);

/// What came of accepting.
#[derive(Debug)]
pub(crate) enum Accepted {
    Connection(TcpStream),
    /// Nobody waits.
    Nobody,
}

/// A non-blocking listener with a spare descriptor, given up to tell a client that there are no more.
#[derive(Debug)]
pub(crate) struct Listener {
    socket: Socket,
    spare: Option<File>,
    /// Since when no new handshake is begun.
    closing_since: Option<Instant>,
}

#[derive(Debug)]
enum Socket {
    Tcp(TcpListener),
    Unix(UnixListener, SocketFile),
}

/// The name of a socket in the file system.
#[derive(Debug)]
struct SocketFile {
    path: PathBuf,
    /// The process that made it, and takes it away in the end; others only share the socket.
    owner: u32,
}

impl Socket {
    /// The next connection. One of a socket of the machine is used as those of TCP are: what is done with
    /// a connection here, the kernel does with both.
    fn accept(&self) -> io::Result<TcpStream> {
        match self {
            Self::Tcp(socket) => socket.accept().map(|(stream, _)| stream),
            Self::Unix(socket, _) => {
                socket.accept().map(|(stream, _)| TcpStream::from(OwnedFd::from(stream)))
            }
        }
    }
}

impl SocketFile {
    /// Lets nobody find the socket any more.
    fn remove(&mut self) {
        // Once: by the second time it may be that of another server.
        if std::mem::take(&mut self.owner) == std::process::id() {
            let _ = fs::remove_file(&self.path);
        }
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        self.remove();
    }
}

impl Listener {
    /// Where the options say that clients come in.
    pub(crate) fn open(options: &Options) -> Result<Self, ServeError> {
        match &options.unix {
            None => Self::bind(options, options.port),
            Some(path) => Self::bind_here(path, options.backlog)
                .map_err(|cause| ServeError::Socket { path: path.clone(), cause }),
        }
    }

    fn bind_here(path: &Path, backlog: u32) -> io::Result<Self> {
        // A file refuses connections as well, and is somebody's.
        let is_left_over = || {
            fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket())
                && UnixStream::connect(path)
                    .is_err_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
        };
        let socket = UnixListener::bind(path).or_else(|error| match error.kind() {
            // One whose server was killed is in nobody's way; anything else at that place is.
            io::ErrorKind::AddrInUse if is_left_over() => {
                fs::remove_file(path)?;
                UnixListener::bind(path)
            }
            _ => Err(error),
        })?;
        let entry = SocketFile { path: path.to_owned(), owner: std::process::id() };
        sys::set_backlog(&socket, backlog)?;
        socket.set_nonblocking(true)?;
        Ok(Self { socket: Socket::Unix(socket, entry), spare: spare(), closing_since: None })
    }

    pub(crate) fn bind(options: &Options, port: u16) -> Result<Self, ServeError> {
        let address = SocketAddr::new(options.host, port);
        let bind = || {
            let socket = TcpListener::bind(address)?;
            sys::set_backlog(&socket, options.backlog)?;
            sys::set_nodelay(&socket)?;
            socket.set_nonblocking(true)?;
            Ok(Self { socket: Socket::Tcp(socket), spare: spare(), closing_since: None })
        };
        bind().map_err(|cause| ServeError::Bind { address, cause })
    }

    /// The same socket for another process or thread, with a spare descriptor of its own.
    pub(crate) fn share(&self) -> io::Result<Self> {
        let socket = match &self.socket {
            Socket::Tcp(socket) => Socket::Tcp(socket.try_clone()?),
            Socket::Unix(socket, entry) => {
                // No process has this number, so that nobody removes it but whoever made it.
                let entry = SocketFile { path: entry.path.clone(), owner: 0 };
                Socket::Unix(socket.try_clone()?, entry)
            }
        };
        Ok(Self { socket, spare: spare(), closing_since: None })
    }

    pub(crate) fn address(&self) -> io::Result<Address> {
        match &self.socket {
            Socket::Tcp(socket) => socket.local_addr().map(Address::Tcp),
            Socket::Unix(_, entry) => Ok(Address::Unix(entry.path.clone())),
        }
    }

    /// The next connection. Clients for whom there is no descriptor are answered 503 meanwhile.
    pub(crate) fn accept(&mut self, nonblocking: bool) -> io::Result<Accepted> {
        loop {
            match self.socket.accept() {
                Ok(stream) => {
                    if nonblocking {
                        stream.set_nonblocking(true)?;
                    }
                    return Ok(Accepted::Connection(stream));
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Ok(Accepted::Nobody);
                }
                Err(error) => match error.raw_os_error() {
                    Some(libc::EMFILE | libc::ENFILE) if self.turn_away() => {}
                    Some(libc::EMFILE | libc::ENFILE) => return Ok(Accepted::Nobody),
                    Some(libc::EBADF | libc::EINVAL | libc::ENOTSOCK) => return Err(error),
                    // The client gave up, or its network did (accept(2) lists these).
                    _ => {}
                },
            }
        }
    }

    /// No further client is let in from now on; those that are in can still be accepted.
    pub(crate) fn refuse_handshakes(&mut self) {
        match &mut self.socket {
            // Without the filter a handshake can still fall between the last accept and the close.
            Socket::Tcp(socket) => drop(sys::refuse_handshakes(socket)),
            Socket::Unix(_, entry) => entry.remove(),
        }
        self.closing_since.get_or_insert_with(Instant::now);
    }

    /// Whether every handshake that was begun before [`Self::refuse_handshakes`] has ended. Whoever
    /// accepts until nobody waits *after* this was true can close, and loses nobody.
    ///
    /// The end of the queue does not show this: the client's kernel takes its side for connected, and sends the
    /// request, while its last packet still waits for a processor (softirq) on the way to ours.
    pub(crate) fn all_arrived(&self) -> bool {
        let since = self.closing_since.map_or(Duration::ZERO, |since| since.elapsed());
        let under_way = || match self.address() {
            Ok(Address::Tcp(address)) => handshakes::under_way(address.port()),
            // Who connects to a socket of the machine is in its queue at once (unix(7)).
            Ok(Address::Unix(_)) | Err(_) => false,
        };
        since >= HANDSHAKE_MAX || (since >= HANDSHAKE_BEGINS && !under_way())
    }

    /// Lets nobody in any more, and calls `admit`, which accepts one client and says whether
    /// there was one, until everybody who got in was accepted.
    pub(crate) fn accept_last(
        &mut self,
        mut admit: impl FnMut(&mut Self) -> io::Result<bool>,
    ) -> io::Result<()> {
        self.refuse_handshakes();
        loop {
            let is_last = self.all_arrived();
            while admit(self)? {}
            if is_last {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// Gives the spare descriptor to one client, just to say 503. Whether there was one.
    fn turn_away(&mut self) -> bool {
        const ANSWER: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n\
            Retry-After: 1\r\nContent-Length: 0\r\n\r\n";
        if self.spare.take().is_none() {
            self.spare = spare();
            return false;
        }
        // Without a descriptor accept(2) fails before it looks whether there is anybody.
        let client = self.socket.accept();
        let somebody = client.is_ok();
        if let Ok(mut stream) = client {
            let _ = stream.set_nonblocking(true);
            let _ = stream.write(ANSWER);
            let _ = stream.shutdown(Shutdown::Write);
            // What the client sent already would turn the close into a reset.
            let _ = stream.read(&mut [0; 4096]);
        }
        self.spare = spare();
        somebody
    }
}

fn spare() -> Option<File> {
    File::open("/dev/null").ok()
}

impl AsRawFd for Listener {
    fn as_raw_fd(&self) -> RawFd {
        match &self.socket {
            Socket::Tcp(socket) => socket.as_raw_fd(),
            Socket::Unix(socket, _) => socket.as_raw_fd(),
        }
    }
}
