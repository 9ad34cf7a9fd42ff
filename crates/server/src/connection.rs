//! One connection with its socket: moves bytes between the socket and a [`Conversation`].
//!
//! It never decides who waits where: it says what it wants, and the strategy sees to it. It works
//! with blocking and non-blocking sockets alike. Main type: [`Connection`].

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::os::fd::{AsRawFd, RawFd};
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use crate::board::Word;
use crate::conversation::{Conversation, Need, Phase};
use crate::plan::{Act, PIECE_BYTES};
use crate::service::Service;
use crate::sys;

/// How long a closed connection is read on, so that the client gets the answer and not a reset.
const LINGER: Duration = Duration::from_secs(2);
/// Pieces that one connection may send before others get their turn.
const PIECES_AT_ONCE: usize = 16;

/// What a connection wants of the strategy that drives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wants {
    Read,
    Write,
    Act(Act),
    /// It is done with; drop it.
    Gone,
}

/// What a connection is doing, for whoever wants to end it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Doing {
    /// Nothing is under way, not even a part of a head.
    Idle,
    /// The client is owed an answer, or is asking for one.
    Answering,
    /// All was said; it only waits for the client to hang up.
    Leaving,
}

/// Buffers that connections need only while they are driven: one set a thread is enough.
#[derive(Debug)]
pub(crate) struct Buffers {
    input: Box<[u8]>,
    output: Vec<u8>,
}

impl Buffers {
    pub(crate) fn new() -> Self {
        Self::with_input(PIECE_BYTES)
    }

    pub(crate) fn with_input(bytes: usize) -> Self {
        Self { input: vec![0; bytes].into(), output: Vec::new() }
    }
}

/// A client and its socket. Idle, it owns no buffer.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: TcpStream,
    conversation: Conversation,
    /// Output that the socket did not take.
    unsent: Vec<u8>,
    /// What comes after `unsent` is sent.
    then: Need,
    lingering: bool,
    /// Which step of which request the deadline is for.
    waits_for: (Phase, u32, bool),
    pub(crate) deadline: Instant,
    /// The last read left the socket's buffer empty.
    pub(crate) drained_input: bool,
}

impl Connection {
    pub(crate) fn new(stream: TcpStream, service: &Service) -> Self {
        Self::with_patience(stream, Conversation::default(), service.options.times.head)
    }

    /// A connection that a sibling gave away between two requests.
    pub(crate) fn taken_over(stream: TcpStream, unread: &[u8], service: &Service) -> Self {
        let conversation = Conversation::with_pending(unread.to_vec());
        Self::with_patience(stream, conversation, service.options.times.idle)
    }

    fn with_patience(stream: TcpStream, conversation: Conversation, patience: Duration) -> Self {
        Self {
            stream,
            waits_for: (conversation.phase(), conversation.requests(), false),
            conversation,
            unsent: Vec::new(),
            then: Need::Read,
            lingering: false,
            deadline: Instant::now() + patience,
            drained_input: false,
        }
    }

    pub(crate) fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// What was read and not understood, if the connection can be given to a sibling now.
    pub(crate) fn unread_between_requests(&self) -> Option<&[u8]> {
        let free = self.unsent.is_empty() && !self.lingering;
        self.conversation.unread_between_requests().filter(|_| free)
    }

    pub(crate) fn doing(&self) -> Doing {
        match self.lingering {
            true => Doing::Leaving,
            false if self.is_idle() => Doing::Idle,
            false => Doing::Answering,
        }
    }

    fn is_idle(&self) -> bool {
        self.unread_between_requests().is_some_and(<[u8]>::is_empty)
    }

    /// The socket is ready: sends what is left, reads what came, and answers as far as possible.
    pub(crate) fn turn(&mut self, buffers: &mut Buffers, service: &Service) -> Wants {
        let wants = self.try_turn(buffers, service).unwrap_or(Wants::Gone);
        self.set_deadline(service);
        wants
    }

    /// An act is done, or the pause is over: goes on without reading.
    pub(crate) fn resume(&mut self, buffers: &mut Buffers, service: &Service) -> Wants {
        let wants = self.converse(0, buffers, service).unwrap_or(Wants::Gone);
        self.set_deadline(service);
        wants
    }

    /// Somebody's patience is over: the client's answer is 408, or just the end.
    pub(crate) fn time_out(&mut self, buffers: &mut Buffers, service: &Service) -> Wants {
        if self.lingering || !self.unsent.is_empty() {
            return Wants::Gone;
        }
        buffers.output.clear();
        let need = self.conversation.time_out(&mut buffers.output, service);
        match self.send(&buffers.output) {
            Ok(true) => self.close(need == Need::Close { linger: true }),
            Ok(false) | Err(_) => Wants::Gone,
        }
    }

    /// Whether the client's time is over. While input waits to be read it is not the client who is late.
    pub(crate) fn is_late(&self, now: Instant) -> bool {
        let is_our_turn = || {
            self.unsent.is_empty()
                && !self.lingering
                && self.conversation.phase() != Phase::Answer
                && sys::has_input(&self.stream)
        };
        self.deadline <= now && !is_our_turn()
    }

    /// If the connection is between two requests, it has only so long to begin another one. Who has
    /// begun keeps the time that he has anyway.
    pub(crate) fn hurry(&mut self, time: Duration) {
        if self.is_idle() {
            self.deadline = self.deadline.min(Instant::now() + time);
        }
    }

    fn try_turn(&mut self, buffers: &mut Buffers, service: &Service) -> io::Result<Wants> {
        if !self.unsent.is_empty() {
            let unsent = std::mem::take(&mut self.unsent);
            let had = unsent.len();
            if !self.send(&unsent)? {
                if self.unsent.len() < had {
                    self.deadline = Instant::now() + service.options.times.write;
                }
                return Ok(Wants::Write);
            }
            return match self.then {
                Need::Act(act) => Ok(Wants::Act(act)),
                Need::Close { linger } => Ok(self.close(linger)),
                Need::Read => Ok(Wants::Read),
                Need::Flush => self.converse(0, buffers, service),
            };
        }
        if service.is_paused() && !self.lingering && self.unread_between_requests().is_some() {
            return Ok(Wants::Read);
        }
        let read = match self.stream.read(&mut buffers.input) {
            Ok(read) => read,
            Err(error) if is_not_yet(&error) => {
                self.drained_input = true;
                return Ok(Wants::Read);
            }
            Err(error) => return Err(error),
        };
        self.drained_input = read < buffers.input.len();
        if self.lingering {
            return Ok(if read == 0 { Wants::Gone } else { Wants::Read });
        }
        if read == 0 {
            self.conversation.end_input();
        }
        self.converse(read, buffers, service)
    }

    /// Lets the conversation go on with the first `read` bytes of the input buffer.
    fn converse(
        &mut self,
        read: usize,
        buffers: &mut Buffers,
        service: &Service,
    ) -> io::Result<Wants> {
        let mut fresh = &buffers.input[..read];
        for _ in 0..PIECES_AT_ONCE {
            buffers.output.clear();
            let need = self.conversation.advance(fresh, &mut buffers.output, service);
            fresh = &[];
            if !self.send(&buffers.output)? {
                self.then = need;
                return Ok(Wants::Write);
            }
            match need {
                Need::Read => return Ok(Wants::Read),
                Need::Act(act) => return Ok(Wants::Act(act)),
                Need::Close { linger } => return Ok(self.close(linger)),
                Need::Flush => {}
            }
        }
        // Nothing is unsent, but the next turn must not wait for input.
        Ok(Wants::Act(Act::Wait(Duration::ZERO)))
    }

    /// Sends as much as the socket takes and keeps the rest. Whether all was sent.
    fn send(&mut self, mut output: &[u8]) -> io::Result<bool> {
        while !output.is_empty() {
            match self.stream.write(output) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(sent) => output = &output[sent..],
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.unsent = output.to_vec();
                    return Ok(false);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    fn close(&mut self, linger: bool) -> Wants {
        if !linger || self.stream.shutdown(Shutdown::Write).is_err() {
            return Wants::Gone;
        }
        self.lingering = true;
        self.deadline = Instant::now() + LINGER;
        Wants::Read
    }

    /// A new deadline for every new thing that the client has to do, and none for the same: so
    /// a client that sends a byte now and then gains nothing by it.
    fn set_deadline(&mut self, service: &Service) {
        let times = &service.options.times;
        let writes = !self.unsent.is_empty();
        let waits_for = (self.conversation.phase(), self.conversation.requests(), writes);
        if self.lingering || waits_for == self.waits_for {
            return;
        }
        let patience = match waits_for.0 {
            _ if writes => times.write,
            Phase::Idle if service.is_draining() => times.drain_idle,
            Phase::Idle => times.idle,
            Phase::Head => times.head,
            Phase::Body => times.body,
            Phase::Answer => times.write,
        };
        self.waits_for = waits_for;
        self.deadline = Instant::now() + patience;
    }

    /// The connection is closed by force. Counts it if an answer was due.
    pub(crate) fn cut(self, service: &Service) {
        if self.doing() == Doing::Answering {
            service.board.word(service.slot, Word::Cut).fetch_add(1, Relaxed);
        }
    }
}

impl AsRawFd for Connection {
    fn as_raw_fd(&self) -> RawFd {
        self.stream.as_raw_fd()
    }
}

fn is_not_yet(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted)
}
