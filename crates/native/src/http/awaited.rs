//! The client of a loop: its tasks share a pool of connections that are idle, and the one used
//! last is taken first.

use std::cell::RefCell;
use std::future::poll_fn;
use std::io;
use std::pin::{Pin, pin};
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead as _, AsyncWrite as _, ReadBuf};
use tokio::task::coop::unconstrained;
use tokio::time::{Instant, Sleep, sleep, timeout};
use tokio_rustls::client::TlsStream;

use super::answer::{Answer, Malformed};
use super::socket::{LoopSocket, Peer};
use super::{Attempt, PIECE_BYTES, Request};
use crate::failure::Failed;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Client {
    idle: Mutex<Vec<Idle>>,
    /// How often a kept connection turned out to be closed and the request was sent again.
    reconnects: AtomicU64,
}

/// The connections to a server that are idle. There are few servers, so that looking for one is cheaper
/// than hashing.
#[derive(Debug)]
struct Idle {
    peer: Peer,
    place: &'static str,
    connections: Vec<Connection>,
}

#[derive(Debug)]
struct Connection {
    peer: Peer,
    carrier: Carrier,
    /// When waiting ends. It is set anew for each request: to put off a timer that is there costs a
    /// fraction of making one and taking it away.
    patience: Pin<Box<Sleep>>,
}

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
        let answer = self.ask(request).await?;
        match request.redirected(&answer)? {
            None => request.verdict(&answer),
            // Boxed, as connecting is below: who only waits for an answer needs no room for it.
            Some(next) => Box::pin(self.follow(next)).await,
        }
    }

    async fn follow(&self, mut request: Arc<Request>) -> Result<u16, Failed> {
        loop {
            let answer = self.ask(&request).await?;
            match request.redirected(&answer)? {
                None => return request.verdict(&answer),
                Some(next) => request = next,
            }
        }
    }

    async fn ask(&self, request: &Request) -> Result<Answer, Failed> {
        let peers = request.peers()?;
        while let Some(connection) = self.take(request, peers) {
            match self.exchange(request, connection, true).await {
                Attempt::Answered(answer) => return Ok(answer),
                Attempt::Failed(failed) => return Err(failed),
                Attempt::Stale => {
                    self.reconnects.fetch_add(1, Relaxed);
                }
            }
        }
        let connected = Box::pin(timeout(request.timeout, connect(request, peers))).await;
        let connected = connected.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
        let connection = connected.map_err(|error| request.not_connected(&error))?;
        match self.exchange(request, connection, false).await {
            Attempt::Answered(answer) => Ok(answer),
            Attempt::Failed(failed) => Err(failed),
            Attempt::Stale => unreachable!("a new connection is not stale"),
        }
    }

    /// How often it had to connect anew since this was asked last.
    pub(crate) fn take_reconnects(&self) -> u64 {
        if self.reconnects.load(Relaxed) == 0 { 0 } else { self.reconnects.swap(0, Relaxed) }
    }

    async fn exchange(&self, request: &Request, connection: Connection, kept: bool) -> Attempt {
        let (mut connection, mut answer) = (connection, request.answer());
        connection.patience.as_mut().reset(Instant::now() + request.timeout);
        match connection.converse(&request.bytes, &mut answer).await {
            Err(End::TimedOut) => return Attempt::Failed(request.timed_out()),
            Err(End::Malformed(how)) => return Attempt::Failed(request.malformed(how)),
            Err(End::Closed) => return request.cut(answer, kept, None),
            Err(End::Broken(error)) => return request.cut(answer, kept, Some(&error)),
            Ok(()) => {}
        }
        if answer.keeps() {
            self.keep(request.place, connection);
        }
        Attempt::Answered(answer)
    }

    fn take(&self, request: &Request, peers: &[Peer]) -> Option<Connection> {
        let mut idle = self.idle();
        peers.iter().find_map(|&peer| found(&mut idle, peer, request.place)?.connections.pop())
    }

    fn keep(&self, place: &'static str, connection: Connection) {
        let (mut idle, peer) = (self.idle(), connection.peer);
        match found(&mut idle, peer, place) {
            Some(known) => known.connections.push(connection),
            None => idle.push(Idle { peer, place, connections: vec![connection] }),
        }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Idle>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn found<'a>(idle: &'a mut [Idle], peer: Peer, place: &str) -> Option<&'a mut Idle> {
    idle.iter_mut().find(|known| known.peer == peer && known.place == place)
}

async fn connect(request: &Request, peers: &[Peer]) -> io::Result<Connection> {
    let mut refusal = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for &peer in peers {
        match LoopSocket::connect(peer).await {
            Ok(stream) => {
                let carrier = match &request.tls {
                    Some(tls) => Carrier::Tls(Box::new(tls.over_awaited(stream).await?)),
                    None => Carrier::Plain(stream),
                };
                let patience = Box::pin(sleep(request.timeout));
                return Ok(Connection { peer, carrier, patience });
            }
            Err(error) => refusal = error,
        }
    }
    Err(refusal)
}

/// Why an answer did not arrive whole.
enum End {
    TimedOut,
    Closed,
    Broken(io::Error),
    Malformed(Malformed),
}

impl Connection {
    /// Writes the request and reads until the answer is over.
    async fn converse(&mut self, bytes: &[u8], answer: &mut Answer) -> Result<(), End> {
        let mut left = bytes;
        poll_fn(|context| self.poll_send(context, &mut left)).await?;
        while !answer.is_over() {
            poll_fn(|context| self.poll_answer(context, answer)).await?;
        }
        Ok(())
    }

    fn poll_send(&mut self, context: &mut Context<'_>, left: &mut &[u8]) -> Poll<Result<(), End>> {
        while !left.is_empty() {
            match self.carrier.poll_write(context, left) {
                // A server that refuses a long body answers and closes before it has read it.
                Poll::Ready(Ok(0) | Err(_)) => *left = &[],
                Poll::Ready(Ok(count)) => *left = &left[count..],
                Poll::Pending => return self.poll_patience(context),
            }
        }
        match self.carrier.poll_flush(context) {
            // Failing that, the answer does not come, which is told then.
            Poll::Ready(_) => Poll::Ready(Ok(())),
            Poll::Pending => self.poll_patience(context),
        }
    }

    /// Waits for the next piece. `poll_read` knows that a short piece was all there is, which saves
    /// the system call that would only say so.
    fn poll_answer(
        &mut self,
        context: &mut Context<'_>,
        answer: &mut Answer,
    ) -> Poll<Result<(), End>> {
        PIECE.with_borrow_mut(|piece| {
            let mut piece = ReadBuf::new(piece);
            match (self.carrier.poll_read(context, &mut piece), piece.filled()) {
                (Poll::Pending, _) => self.poll_patience(context),
                (Poll::Ready(Err(error)), _) => Poll::Ready(Err(End::Broken(error))),
                (Poll::Ready(Ok(())), []) => Poll::Ready(Err(End::Closed)),
                (Poll::Ready(Ok(())), bytes) => {
                    Poll::Ready(answer.take(bytes).map_err(End::Malformed))
                }
            }
        })
    }

    /// Nothing came or went, or others are to have a turn: whether this has lasted too long. That counts
    /// for no turn of its own, so that who is never without something to read ends in time as well.
    fn poll_patience(&mut self, context: &mut Context<'_>) -> Poll<Result<(), End>> {
        let patience = pin!(unconstrained(self.patience.as_mut()));
        patience.poll(context).map(|()| Err(End::TimedOut))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::net::TcpListener;
    use std::time::Duration;

    use tokio::runtime::Builder;
    use tokio::task::coop::{consume_budget, has_budget_remaining};
    use tokio::task::yield_now;

    use super::*;

    /// From a server that never pauses this task reads until its turn is used up, turn for turn: whether its time
    /// is over is seen there, or never.
    #[test]
    fn time_is_seen_to_be_over_at_the_end_of_a_turn() {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let peer = Peer::Tcp(listener.local_addr().unwrap());
            let stream =
                tokio::net::TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
            listener.accept().unwrap().0.write_all(b"HTTP/1.1 200 OK\r\n\r\nand so on").unwrap();
            stream.readable().await.unwrap();
            let carrier = Carrier::Plain(LoopSocket::Tcp(stream));
            let mut connection =
                Connection { peer, carrier, patience: Box::pin(sleep(Duration::ZERO)) };
            connection.patience.as_mut().await;

            let mut answer = Answer::new(false);
            let at_the_end = poll_fn(|context| {
                while has_budget_remaining() {
                    let _ = pin!(consume_budget()).poll(context);
                }
                Poll::Ready(connection.poll_answer(context, &mut answer))
            });
            assert!(matches!(at_the_end.await, Poll::Ready(Err(End::TimedOut))));
            assert!(!answer.has_started());

            // In a turn that has just begun, what was there all the time is read first.
            yield_now().await;
            let read = poll_fn(|context| Poll::Ready(connection.poll_answer(context, &mut answer)));
            assert!(matches!(read.await, Poll::Ready(Ok(()))));
            assert!(answer.has_started());
        });
    }
}
