//! The client of a loop: its tasks share a pool of connections that are idle, and the one used
//! last is taken first.

use std::cell::RefCell;
use std::collections::HashMap;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead as _, AsyncWrite as _, ReadBuf};
use tokio::time::timeout;
use tokio_rustls::client::TlsStream;

use super::answer::{Answer, Malformed};
use super::socket::{LoopSocket, Peer};
use super::{Attempt, PIECE_BYTES, Request};
use crate::failure::Failed;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Client {
    idle: Mutex<Idle>,
    /// How often a kept connection turned out to be closed and the request was sent again.
    reconnects: AtomicU64,
}

/// The connections to a server that are idle.
type Idle = HashMap<(Peer, &'static str), Vec<Carrier>>;

/// What the bytes go through.
#[derive(Debug)]
enum Carrier {
    Plain(LoopSocket),
    Tls(Box<TlsStream<LoopSocket>>),
}

impl Carrier {
    fn poll_write(&mut self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self {
            Self::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(_) => Poll::Ready(Ok(())),
            Self::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        piece: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(stream) => Pin::new(stream).poll_read(context, piece),
            Self::Tls(stream) => match ready!(Pin::new(stream).poll_read(context, piece)) {
                // The end without the word for it; whether the answer is whole, HTTP tells.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Poll::Ready(Ok(())),
                read => Poll::Ready(read),
            },
        }
    }
}

thread_local! {
    /// Where pieces of answers arrive: one of each thread, so that an idle connection needs none.
    static PIECE: RefCell<Vec<u8>> = RefCell::new(vec![0; PIECE_BYTES]);
}

impl Client {
    /// Sends the request and reads the answer to its end, and so on to where it points if that is
    /// followed, while the loop does something else; the status of the last one.
    ///
    /// # Errors
    /// Everything that fails the task.
    pub(crate) async fn send(&self, request: &Request) -> Result<u16, Failed> {
        let mut answer = self.ask(request).await?;
        let mut last: Option<Arc<Request>> = None;
        while let Some(next) = last.as_deref().unwrap_or(request).redirected(&answer)? {
            answer = self.ask(&next).await?;
            last = Some(next);
        }
        last.as_deref().unwrap_or(request).verdict(&answer)
    }

    async fn ask(&self, request: &Request) -> Result<Answer, Failed> {
        let peers = request.peers()?;
        while let Some((peer, stream)) = self.take(request, peers) {
            match self.exchange(request, peer, stream, true).await {
                Attempt::Answered(answer) => return Ok(answer),
                Attempt::Failed(failed) => return Err(failed),
                Attempt::Stale => {
                    self.reconnects.fetch_add(1, Relaxed);
                }
            }
        }
        let connected = timeout(request.timeout, connect(request, peers)).await;
        let connected = connected.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        let (peer, stream) = connected.map_err(|error| request.not_connected(&error))?;
        match self.exchange(request, peer, stream, false).await {
            Attempt::Answered(answer) => Ok(answer),
            Attempt::Failed(failed) => Err(failed),
            Attempt::Stale => unreachable!("a new connection is not stale"),
        }
    }

    /// How often it had to connect anew since this was asked last.
    pub(crate) fn take_reconnects(&self) -> u64 {
        if self.reconnects.load(Relaxed) == 0 { 0 } else { self.reconnects.swap(0, Relaxed) }
    }

    async fn exchange(
        &self,
        request: &Request,
        peer: Peer,
        mut stream: Carrier,
        kept: bool,
    ) -> Attempt {
        let mut answer = request.answer();
        let whole = timeout(request.timeout, converse(&mut stream, &request.bytes, &mut answer));
        match whole.await {
            Err(_) => return Attempt::Failed(request.timed_out()),
            Ok(Err(End::Malformed(how))) => return Attempt::Failed(request.malformed(how)),
            Ok(Err(End::Closed)) => return request.cut(answer, kept, None),
            Ok(Err(End::Broken(error))) => return request.cut(answer, kept, Some(&error)),
            Ok(Ok(())) => {}
        }
        if answer.keeps() {
            self.idle().entry((peer, request.place)).or_default().push(stream);
        }
        Attempt::Answered(answer)
    }

    fn take(&self, request: &Request, peers: &[Peer]) -> Option<(Peer, Carrier)> {
        let mut idle = self.idle();
        let mut found = peers.iter();
        found.find_map(|peer| Some((*peer, idle.get_mut(&(*peer, request.place))?.pop()?)))
    }

    fn idle(&self) -> MutexGuard<'_, Idle> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn connect(request: &Request, peers: &[Peer]) -> io::Result<(Peer, Carrier)> {
    let mut refusal = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for peer in peers {
        match LoopSocket::connect(*peer).await {
            Ok(stream) => {
                let carrier = match &request.tls {
                    Some(tls) => Carrier::Tls(Box::new(tls.over_awaited(stream).await?)),
                    None => Carrier::Plain(stream),
                };
                return Ok((*peer, carrier));
            }
            Err(error) => refusal = error,
        }
    }
    Err(refusal)
}

/// Why an answer did not arrive whole.
enum End {
    Closed,
    Broken(io::Error),
    Malformed(Malformed),
}

/// Writes the request and reads until the answer is over.
async fn converse(stream: &mut Carrier, bytes: &[u8], answer: &mut Answer) -> Result<(), End> {
    let mut left = bytes;
    while !left.is_empty() {
        let written = poll_fn(|context| stream.poll_write(context, left)).await;
        match written {
            Ok(count) => left = &left[count..],
            // A server that refuses a long body answers and closes before it has read it.
            Err(_) => break,
        }
    }
    // Failing that, the answer does not come, which is told then.
    let _ = poll_fn(|context| stream.poll_flush(context)).await;
    while !answer.is_over() {
        read_piece(stream, answer).await?;
    }
    Ok(())
}

/// Waits for the next piece. `poll_read` knows that a short piece was all there is, which saves
/// the system call that would only say so.
async fn read_piece(stream: &mut Carrier, answer: &mut Answer) -> Result<(), End> {
    poll_fn(|context| {
        PIECE.with_borrow_mut(|piece| {
            let mut piece = ReadBuf::new(piece);
            let read = ready!(stream.poll_read(context, &mut piece));
            Poll::Ready(match (read, piece.filled()) {
                (Err(error), _) => Err(End::Broken(error)),
                (Ok(()), []) => Err(End::Closed),
                (Ok(()), bytes) => answer.take(bytes).map_err(End::Malformed),
            })
        })
    })
    .await
}
