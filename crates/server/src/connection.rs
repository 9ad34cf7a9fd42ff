//! One connection with its socket: moves bytes between the socket and a [`Conversation`].
//!
//! It never decides who waits where: it says what it wants, and the strategy sees to it. It works
//! with blocking and non-blocking sockets alike. Main type: [`Connection`].

use std::io;
use std::net::{Shutdown, TcpStream};
use std::os::fd::{AsRawFd, RawFd};
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use crate::board::Word;
use crate::client::Client;
use crate::conversation::{Conversation, Need, Phase};
use crate::reply::{Act, PIECE_BYTES};
use crate::service::Service;
use crate::sys;
use crate::transport::{Transport, is_not_yet};

/// How long a closed connection is read on, so that the client gets the answer and not a reset.
const LINGER: Duration = Duration::from_secs(2);
/// What a client is told that speaks HTTP without TLS where TLS is spoken.
const SPEAKS_TLS: &[u8] = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\
    Content-Type: text/plain; charset=utf-8\r\nContent-Length: 56\r\n\r\n\
    this port speaks TLS: write https:// instead of http://\n";
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
    /// The moment that counts for all who are driven in this turn; `None`: each looks at the clock.
    pub(crate) now: Option<Instant>,
}

impl Buffers {
    pub(crate) fn new() -> Self {
        Self::with_input(PIECE_BYTES)
    }

    pub(crate) fn with_input(bytes: usize) -> Self {
        Self { input: vec![0; bytes].into(), output: Vec::new(), now: None }
    }
}

/// Output that the socket did not take, and what comes after it is sent.
#[derive(Debug)]
struct Unsent {
    bytes: Vec<u8>,
    then: Need,
}

/// A client and its socket. Idle, it owns no buffer.
#[derive(Debug)]
pub(crate) struct Connection {
    transport: Transport,
    conversation: Conversation,
    /// Boxed, because hardly a connection has some, and every one has room for it.
    unsent: Option<Box<Unsent>>,
    lingering: bool,
    /// Which step of which request the deadline is for.
    waits_for: (Phase, u32, bool),
    pub(crate) deadline: Instant,
}

impl Connection {
    pub(crate) fn new(stream: TcpStream, service: &Service) -> Self {
        let transport = Transport::new(stream, service.tls.as_ref());
        let conversation = Conversation::new(client(&transport));
        Self::with_patience(transport, conversation, service.options.times.head)
    }

    /// A connection that a sibling gave away between two requests.
    pub(crate) fn taken_over(stream: TcpStream, unread: &[u8], service: &Service) -> Self {
        let transport = Transport::new(stream, None);
        let conversation = Conversation::with_pending(client(&transport), unread.to_vec());
        Self::with_patience(transport, conversation, service.options.times.idle)
    }

    fn with_patience(transport: Transport, conversation: Conversation, patience: Duration) -> Self {
        Self {
            transport,
            waits_for: (conversation.phase(), conversation.requests(), false),
            conversation,
            unsent: None,
            lingering: false,
            deadline: Instant::now() + patience,
        }
    }

    pub(crate) fn stream(&self) -> &TcpStream {
        self.transport.stream()
    }

    /// The last read left the socket's buffer empty.
    pub(crate) fn drained_input(&self) -> bool {
        self.transport.drained_input
    }

    /// More input is there, or its end, and may not have been read yet.
    pub(crate) fn await_end(&mut self) {
        self.transport.drained_input = false;
    }

    /// What was read and not understood, if a sibling can go on with it. It could not with TLS, whose
    /// state is in this process.
    pub(crate) fn unread_to_give(&self) -> Option<&[u8]> {
        self.unread_between_requests().filter(|_| !self.transport.is_tls())
    }

    fn has_unsent(&self) -> bool {
        self.unsent.is_some() || self.transport.has_unsent()
    }

    /// What was read and not understood, if the connection is between two requests.
    pub(crate) fn unread_between_requests(&self) -> Option<&[u8]> {
        let free = !self.has_unsent() && !self.lingering;
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
        let wants = self.after_flush(wants);
        self.set_deadline(service, buffers.now);
        wants
    }

    /// An act is done, or the pause is over: goes on without reading.
    pub(crate) fn resume(&mut self, buffers: &mut Buffers, service: &Service) -> Wants {
        let wants = self.converse(0, buffers, service).unwrap_or(Wants::Gone);
        let wants = self.after_flush(wants);
        self.set_deadline(service, buffers.now);
        wants
    }

    /// Somebody's patience is over: the client's answer is 408, or just the end.
    pub(crate) fn time_out(&mut self, buffers: &mut Buffers, service: &Service) -> Wants {
        if self.lingering || self.has_unsent() {
            return Wants::Gone;
        }
        buffers.output.clear();
        let need = self.conversation.time_out(&mut buffers.output, service);
        match self.send(&buffers.output) {
            Ok(None) => self.close(need == Need::Close { linger: true }),
            Ok(Some(_)) | Err(_) => Wants::Gone,
        }
    }

    /// Whether the client's time is over. While input waits to be read it is not the client who is late.
    pub(crate) fn is_late(&self, now: Instant) -> bool {
        let is_our_turn = || {
            !self.has_unsent()
                && !self.lingering
                && self.conversation.phase() != Phase::Answer
                && sys::has_input(self.stream())
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
        if self.has_unsent() {
            // What TLS answered by itself is followed by nothing.
            let (bytes, then) = self
                .unsent
                .take()
                .map_or((Vec::new(), Need::Read), |unsent| (unsent.bytes, unsent.then));
            let before = self.transport.sent();
            if let Some(bytes) = self.send(&bytes)? {
                if self.transport.sent() > before {
                    self.deadline = Instant::now() + service.options.times.write;
                }
                return Ok(self.keep(bytes, then));
            }
            return match then {
                Need::Act(act) => Ok(Wants::Act(act)),
                Need::Close { linger } => Ok(self.close(linger)),
                Need::Reset => Ok(self.reset()),
                Need::Read => Ok(Wants::Read),
                Need::Flush => self.converse(0, buffers, service),
            };
        }
        if service.is_paused() && !self.lingering && self.unread_between_requests().is_some() {
            return Ok(Wants::Read);
        }
        let read = match self.transport.read(&mut buffers.input) {
            Ok(read) => read,
            Err(error) if is_not_yet(&error) => return Ok(Wants::Read),
            Err(_) if self.transport.is_spoken_to_plainly() => {
                self.transport.tell_plainly(SPEAKS_TLS, &mut buffers.input);
                return Ok(Wants::Gone);
            }
            Err(error) => return Err(error),
        };
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
            if let Some(bytes) = self.send(&buffers.output)? {
                return Ok(self.keep(bytes, need));
            }
            match need {
                Need::Read => return Ok(Wants::Read),
                Need::Act(act) => return Ok(Wants::Act(act)),
                Need::Close { linger } => return Ok(self.close(linger)),
                Need::Reset => return Ok(self.reset()),
                Need::Flush => {}
            }
        }
        // Nothing is unsent, but the next turn must not wait for input.
        Ok(Wants::Act(Act::Wait(Duration::ZERO)))
    }

    fn keep(&mut self, bytes: Vec<u8>, then: Need) -> Wants {
        self.unsent = Some(Box::new(Unsent { bytes, then }));
        Wants::Write
    }

    /// Sends as much as the socket takes. The rest, if it did not take all; with TLS, encrypted bytes may be
    /// left although that is empty.
    fn send(&mut self, mut output: &[u8]) -> io::Result<Option<Vec<u8>>> {
        while !output.is_empty() {
            match self.transport.write(output) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(sent) => output = &output[sent..],
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Ok(Some(output.to_vec()));
                }
                Err(error) => return Err(error),
            }
        }
        Ok((!self.transport.flush()?).then(Vec::new))
    }

    /// Who only waits for input may still have something to send: what TLS answered by itself.
    fn after_flush(&self, wants: Wants) -> Wants {
        if wants == Wants::Read && self.has_unsent() { Wants::Write } else { wants }
    }

    /// The close that follows sends RST and no FIN.
    fn reset(&self) -> Wants {
        sys::reset_on_close(self.stream());
        Wants::Gone
    }

    fn close(&mut self, linger: bool) -> Wants {
        self.transport.say_goodbye();
        if !linger || self.stream().shutdown(Shutdown::Write).is_err() {
            return Wants::Gone;
        }
        self.lingering = true;
        self.deadline = Instant::now() + LINGER;
        Wants::Read
    }

    /// A new deadline for every new thing that the client has to do, and none for the same: so
    /// a client that sends a byte now and then gains nothing by it.
    fn set_deadline(&mut self, service: &Service, now: Option<Instant>) {
        let times = &service.options.times;
        let writes = self.has_unsent();
        let waits_for = (self.conversation.phase(), self.conversation.requests(), writes);
        if self.lingering || waits_for == self.waits_for {
            return;
        }
        let patience = match waits_for.0 {
            _ if writes => times.write,
            Phase::Idle if service.says_farewell() => times.drain_idle,
            Phase::Idle => times.idle,
            Phase::Head => times.head,
            Phase::Body => times.body,
            Phase::Answer => times.write,
        };
        self.waits_for = waits_for;
        self.deadline = now.unwrap_or_else(Instant::now) + patience;
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
        self.transport.as_raw_fd()
    }
}

/// Whoever is at the other end; if the connection is broken already nobody will ask.
fn client(transport: &Transport) -> Client {
    let address = transport.stream().peer_addr().ok().map(|address| address.ip());
    Client { address, is_tls: transport.is_tls() }
}
