//! The client of a thread that waits: it keeps its connection from one request to the next.

use std::collections::HashMap;
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustls::{ClientConnection, StreamOwned};

use super::answer::Answer;
use super::socket::{Peer, Socket};
use super::{Attempt, PIECE_BYTES, Request};
use crate::failure::Failed;

/// The connections of one thread: one to each server, never shared.
#[derive(Debug, Default)]
pub(crate) struct Client {
    kept: HashMap<(Peer, &'static str), Connection>,
    piece: Vec<u8>,
    /// How often a kept connection turned out to be closed and the request was sent again.
    reconnects: u64,
}

#[derive(Debug)]
struct Connection {
    peer: Peer,
    carrier: Carrier,
    /// What its time-out of reading is now: to set it is a system call.
    patience: Duration,
}

/// What the bytes go through.
#[derive(Debug)]
enum Carrier {
    Plain(Socket),
    Tls(Box<StreamOwned<ClientConnection, Socket>>),
}

impl Client {
    /// Sends the request and reads the answer to its end, and so on to where it points if that is
    /// followed; the status of the last one.
    ///
    /// # Errors
    /// Everything that fails the task.
    pub(crate) fn send(&mut self, request: &Request) -> Result<u16, Failed> {
        let mut answer = self.ask(request)?;
        let mut last: Option<Arc<Request>> = None;
        while let Some(next) = last.as_deref().unwrap_or(request).redirected(&answer)? {
            answer = self.ask(&next)?;
            last = Some(next);
        }
        last.as_deref().unwrap_or(request).verdict(&answer)
    }

    fn ask(&mut self, request: &Request) -> Result<Answer, Failed> {
        self.piece.resize(PIECE_BYTES, 0);
        let peers = request.peers()?;
        let kept = peers.iter().find_map(|peer| self.kept.remove(&(*peer, request.place)));
        if let Some(connection) = kept {
            match self.exchange(request, connection, true) {
                Attempt::Answered(answer) => return Ok(answer),
                Attempt::Failed(failed) => return Err(failed),
                Attempt::Stale => self.reconnects += 1,
            }
        }
        let connection = connect(request, peers).map_err(|error| request.not_connected(&error))?;
        match self.exchange(request, connection, false) {
            Attempt::Answered(answer) => Ok(answer),
            Attempt::Failed(failed) => Err(failed),
            Attempt::Stale => unreachable!("a new connection is not stale"),
        }
    }

    /// How often it had to connect anew since this was asked last.
    pub(crate) fn take_reconnects(&mut self) -> u64 {
        std::mem::take(&mut self.reconnects)
    }

    /// One request on this connection, which is kept if it can be.
    fn exchange(&mut self, request: &Request, mut connection: Connection, kept: bool) -> Attempt {
        let deadline = Instant::now() + request.timeout;
        let mut answer = request.answer();
        if let Err(error) = connection.expect_within(request.timeout) {
            return Attempt::Failed(request.lost(&answer, Some(&error)));
        }
        // A server that refuses a long body answers and closes before it has read it, so what it
        // said is read although not all could be written.
        if let Err(error) = connection.write_all(&request.bytes)
            && matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
        {
            return Attempt::Failed(request.timed_out());
        }
        while !answer.is_over() {
            match connection.read(&mut self.piece, deadline, answer.has_started()) {
                Ok(0) => return request.cut(answer, kept, None),
                Ok(count) => {
                    if let Err(how) = answer.take(&self.piece[..count]) {
                        return Attempt::Failed(request.malformed(how));
                    }
                }
                Err(error) => match error.kind() {
                    ErrorKind::Interrupted => {}
                    ErrorKind::WouldBlock | ErrorKind::TimedOut => {
                        return Attempt::Failed(request.timed_out());
                    }
                    _ => return request.cut(answer, kept, Some(&error)),
                },
            }
        }
        if answer.keeps() {
            self.kept.insert((connection.peer, request.place), connection);
        }
        Attempt::Answered(answer)
    }
}

impl Connection {
    /// Reads, but not beyond the deadline.
    fn read(&mut self, piece: &mut [u8], deadline: Instant, again: bool) -> io::Result<usize> {
        // The first read of an answer may take all the time there is, which is what the socket
        // is set to already; only what comes in several pieces has to be measured.
        if again {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(ErrorKind::TimedOut.into());
            }
            self.expect_within(left)?;
        }
        match &mut self.carrier {
            Carrier::Plain(stream) => stream.read(piece),
            Carrier::Tls(stream) => match stream.read(piece) {
                // The end without the word for it; whether the answer is whole, HTTP tells.
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(0),
                read => read,
            },
        }
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.carrier {
            Carrier::Plain(stream) => stream.write_all(bytes),
            Carrier::Tls(stream) => stream.write_all(bytes).and_then(|()| stream.flush()),
        }
    }

    fn socket(&self) -> &Socket {
        match &self.carrier {
            Carrier::Plain(stream) => stream,
            Carrier::Tls(stream) => stream.get_ref(),
        }
    }

    /// The next read takes no longer than this.
    fn expect_within(&mut self, patience: Duration) -> io::Result<()> {
        if self.patience != patience {
            self.socket().read_within(patience)?;
            self.patience = patience;
        }
        Ok(())
    }
}

fn connect(request: &Request, peers: &[Peer]) -> io::Result<Connection> {
    let mut refusal = io::Error::from(ErrorKind::AddrNotAvailable);
    for peer in peers {
        match Socket::connect(*peer, request.timeout) {
            Ok(socket) => {
                let carrier = match &request.tls {
                    Some(tls) => Carrier::Tls(Box::new(tls.over(socket)?)),
                    None => Carrier::Plain(socket),
                };
                return Ok(Connection { peer: *peer, carrier, patience: request.timeout });
            }
            Err(error) => refusal = error,
        }
    }
    Err(refusal)
}
