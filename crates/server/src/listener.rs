//! The listening socket: binds, accepts, and still answers when there are no descriptors left.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsRawFd, RawFd};

use crate::error::ServeError;
use crate::options::Options;
use crate::sys;

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
    socket: TcpListener,
    spare: Option<File>,
}

impl Listener {
    pub(crate) fn bind(options: &Options, port: u16) -> Result<Self, ServeError> {
        let address = SocketAddr::new(options.host, port);
        let bind = || {
            let socket = TcpListener::bind(address)?;
            sys::set_backlog(&socket, options.backlog)?;
            sys::set_nodelay(&socket)?;
            socket.set_nonblocking(true)?;
            Ok(Self { socket, spare: spare() })
        };
        bind().map_err(|cause| ServeError::Bind { address, cause })
    }

    /// The same socket for another process or thread, with a spare descriptor of its own.
    pub(crate) fn share(&self) -> io::Result<Self> {
        Ok(Self { socket: self.socket.try_clone()?, spare: spare() })
    }

    pub(crate) fn address(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// The next connection. Clients for whom there is no descriptor are answered 503 meanwhile.
    pub(crate) fn accept(&mut self, nonblocking: bool) -> io::Result<Accepted> {
        loop {
            match self.socket.accept() {
                Ok((stream, _)) => {
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
    pub(crate) fn refuse_handshakes(&self) {
        // Without the filter a handshake can still fall between the last accept and the close.
        let _ = sys::refuse_handshakes(&self.socket);
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
        if let Ok((mut stream, _)) = client {
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
        self.socket.as_raw_fd()
    }
}
