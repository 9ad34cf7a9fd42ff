//! What carries a connection: a socket, or TLS on one. Both are driven alike, blocking or not. Main
//! type: [`Transport`].

use std::io::{self, ErrorKind, Read, Write as _};
use std::net::{Shutdown, TcpStream};
use std::os::fd::{AsRawFd, RawFd};
use std::sync::Arc;

use rustls::{ServerConfig, ServerConnection};

use crate::sys;

/// A socket and what is spoken on it.
#[derive(Debug)]
pub(crate) struct Transport {
    stream: TcpStream,
    tls: Option<Box<Tls>>,
    /// Bytes that the socket took.
    sent: u64,
    /// The last read left the socket's buffer empty.
    pub(crate) drained_input: bool,
}

#[derive(Debug)]
struct Tls {
    session: ServerConnection,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Nothing was read yet.
    New,
    Speaking,
    /// The client speaks HTTP without TLS.
    Plain,
}

impl Transport {
    pub(crate) fn new(stream: TcpStream, config: Option<&Arc<ServerConfig>>) -> Self {
        let tls = config.map(|config| {
            let session = ServerConnection::new(Arc::clone(config))
                .expect("a session was made of this configuration when it was made");
            Box::new(Tls { session, stage: Stage::New })
        });
        Self { stream, tls, sent: 0, drained_input: false }
    }

    pub(crate) fn stream(&self) -> &TcpStream {
        &self.stream
    }

    pub(crate) fn is_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// So many bytes went out; it grows as long as the client takes some.
    pub(crate) fn sent(&self) -> u64 {
        self.sent
    }

    /// Whether something is encrypted and not sent.
    pub(crate) fn has_unsent(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.session.wants_write())
    }

    /// Whether the last read failed because the client speaks HTTP without TLS.
    pub(crate) fn is_spoken_to_plainly(&self) -> bool {
        self.tls.as_ref().is_some_and(|tls| tls.stage == Stage::Plain)
    }

    /// Reads content; 0 is its end. What TLS itself has to answer is answered on the way.
    ///
    /// With TLS all content that was received is given at once if `room` holds 64 KiB: nobody could tell
    /// from the socket that some is left.
    pub(crate) fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        if self.tls.is_none() {
            let read = sys::receive(&self.stream, room);
            self.drained_input = match &read {
                Ok(read) => *read < room.len(),
                Err(error) => error.kind() == ErrorKind::WouldBlock,
            };
            return read;
        }
        self.read_tls(room)
    }

    fn read_tls(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let Some(tls) = &mut self.tls else { return Ok(0) };
        loop {
            match tls.session.reader().read(room) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                // The end without the word for it: HTTP has its own ways to tell whether that was all.
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(0),
                read => return read,
            }
            if tls.stage == Stage::New {
                self.drained_input = true;
                let mut first = [0];
                let peeked = self.stream.peek(&mut first)?;
                // A handshake begins with the byte 22 (RFC 8446, 5.1), a request with a capital.
                let is_plain = peeked == 1 && first[0].is_ascii_uppercase();
                tls.stage = if is_plain { Stage::Plain } else { Stage::Speaking };
            }
            if tls.stage == Stage::Plain {
                return Err(ErrorKind::InvalidData.into());
            }
            let mut source = Noting { stream: &self.stream, was_short: false };
            let received = tls.session.read_tls(&mut source);
            self.drained_input = source.was_short || received.as_ref().is_err_and(is_not_yet);
            received?;
            let understood = tls.session.process_new_packets();
            // What TLS has to say comes before the error: then it is why the connection ends.
            let flushed = flush(&mut tls.session, &mut self.stream, &mut self.sent);
            understood.map_err(|error| io::Error::new(ErrorKind::InvalidData, error))?;
            flushed?;
        }
    }

    /// Takes some content. It may be kept, encrypted: see [`Self::flush`].
    pub(crate) fn write(&mut self, content: &[u8]) -> io::Result<usize> {
        let Some(tls) = &mut self.tls else {
            let written = sys::send(&self.stream, content)?;
            self.sent += written as u64;
            return Ok(written);
        };
        let taken = tls.session.writer().write(content)?;
        let is_flushed = flush(&mut tls.session, &mut self.stream, &mut self.sent)?;
        match taken {
            0 if is_flushed => Ok(tls.session.writer().write(content)?),
            0 => Err(ErrorKind::WouldBlock.into()),
            taken => Ok(taken),
        }
    }

    /// Sends what is encrypted. Whether that was all of it.
    pub(crate) fn flush(&mut self) -> io::Result<bool> {
        match &mut self.tls {
            Some(tls) => flush(&mut tls.session, &mut self.stream, &mut self.sent),
            None => Ok(true),
        }
    }

    /// Tells the client that no more content comes, as far as the socket takes that.
    pub(crate) fn say_goodbye(&mut self) {
        if let Some(tls) = self.tls.as_mut().filter(|tls| tls.stage == Stage::Speaking) {
            tls.session.send_close_notify();
            let _ = flush(&mut tls.session, &mut self.stream, &mut self.sent);
        }
    }

    /// Answers a client that speaks HTTP without TLS, in its own language, and ends.
    pub(crate) fn tell_plainly(&mut self, answer: &[u8], room: &mut [u8]) {
        // What is not read would turn the close into a reset, and the answer would be lost.
        let _ = self.stream.read(room);
        let _ = self.stream.write_all(answer);
        let _ = self.stream.shutdown(Shutdown::Write);
    }
}

fn flush(session: &mut ServerConnection, to: &mut TcpStream, sent: &mut u64) -> io::Result<bool> {
    while session.wants_write() {
        match session.write_tls(to) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(written) => *sent += written as u64,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}

/// Notes whether a read got less than there was room for, which means that nothing is left.
struct Noting<'a> {
    stream: &'a TcpStream,
    was_short: bool,
}

impl Read for Noting<'_> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let read = (&mut &*self.stream).read(room)?;
        self.was_short = read < room.len();
        Ok(read)
    }
}

pub(crate) fn is_not_yet(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

impl AsRawFd for Transport {
    fn as_raw_fd(&self) -> RawFd {
        self.stream.as_raw_fd()
    }
}
