//! Not a strategy but a yardstick: the same handler behind hyper on tokio, as most servers in Rust are built.
//!
//! What differs from `async-pool` is the codec and the runtime, so the difference between the two rows is their price.

use std::convert::Infallible;
use std::future::poll_fn;
use std::io;
use std::net::TcpStream;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::{Context, Poll, ready};

use hyper::body::{Body as _, Bytes, Frame, Incoming, SizeHint};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::runtime::{Builder, Runtime};
use tokio::time::{Sleep, sleep};

use super::async_pool::welcome;
use super::threads::see_out;
use crate::client::Client;
use crate::codec::{Framing, Head, Method, Refusal};
use crate::connection::Doing;
use crate::endpoints;
use crate::listener::Listener;
use crate::reply::{Act, Body, Next, Reply};
use crate::roll::{Attendance, Roll};
use crate::service::{LANE, Service};
use crate::signals::Signals;

pub(crate) fn serve(service: Service, listener: Listener, signals: &Signals) -> io::Result<()> {
    let service = Arc::new(service);
    let roll = Arc::new(Roll::default());
    let runtime = runtime(&service)?;
    welcome(&service, &roll, listener, signals, |stream, entry| {
        let service = Arc::clone(&service);
        runtime.spawn(async move {
            attend(stream, entry, Arc::clone(&service)).await;
            service.closed();
        });
    })?;
    see_out(&service, &roll);
    runtime.shutdown_background();
    Ok(())
}

fn runtime(service: &Service) -> io::Result<Runtime> {
    let workers = service.options.workers_or_processors();
    let started = AtomicUsize::new(0);
    Builder::new_multi_thread()
        .worker_threads(workers)
        .thread_name("worker")
        .on_thread_start(move || LANE.set(1 + started.fetch_add(1, Relaxed) % workers))
        .enable_all()
        .build()
}

async fn attend(stream: TcpStream, entry: Attendance, service: Arc<Service>) {
    let address = stream.peer_addr().ok().map(|address| address.ip());
    let client = Client { address, is_tls: false };
    let Ok(stream) = tokio::net::TcpStream::from_std(stream) else { return };
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(service.options.times.head)
        .half_close(true)
        .max_buf_size(service.options.sizes.head_bytes.max(8 << 10));
    let noted = &entry;
    let answer = service_fn(move |request| {
        let service = Arc::clone(&service);
        async move {
            noted.note(Doing::Answering);
            let answer = answer(request, client, service).await;
            noted.note(Doing::Idle);
            answer
        }
    });
    let connection = builder.serve_connection(TokioIo::new(stream), answer);
    let _ = connection.await;
    // hyper closes the socket a moment before; a roll that names it longer only ends the input of a
    // newcomer while the server stops.
    drop(entry);
}

async fn answer(
    request: Request<Incoming>,
    client: Client,
    service: Arc<Service>,
) -> Result<Response<Content>, Infallible> {
    let (parts, mut incoming) = request.into_parts();
    let headers: Vec<_> = parts
        .headers
        .iter()
        .map(|(name, value)| httparse::Header { name: name.as_str(), value: value.as_bytes() })
        .collect();
    let head = Head {
        method: Method::from_name(parts.method.as_str()),
        method_name: parts.method.as_str(),
        target: parts.uri.path_and_query().map_or("/", |target| target.as_str()),
        headers: &headers,
        minor: u8::from(parts.version == hyper::Version::HTTP_11),
        framing: Framing::None,
        keep_alive: true,
        expects_continue: false,
    };
    let mut reply = endpoints::reply(&head, &client, &service);
    let body_max = service.options.sizes.body_bytes;
    let mut received = 0;
    while let Some(frame) = poll_fn(|context| Pin::new(&mut incoming).poll_frame(context)).await {
        let Ok(data) = frame.map(|frame| frame.into_data().unwrap_or_default()) else {
            let sizes = &service.options.sizes;
            reply = Reply::text(400, endpoints::refusal_text(Refusal::CHUNKING, sizes));
            break;
        };
        received += data.len() as u64;
        if received > body_max {
            let sizes = &service.options.sizes;
            reply = Reply::text(413, endpoints::refusal_text(Refusal::BODY_TOO_LARGE, sizes));
            break;
        }
        if let Some(keep) = reply.body.received() {
            keep.extend_from_slice(&data);
        }
    }
    match reply.before {
        Some(Act::Wait(time)) => sleep(time).await,
        Some(act) => act.perform(),
        None => {}
    }
    reply.body.complete();
    if let Body::Fault(_) = reply.body {
        reply = Reply::text(501, "hyper cannot break HTTP: ask another --strategy\n");
    }
    service.answered(reply.status, reply.body.length().unwrap_or(0));
    Ok(respond(reply, service.is_draining()))
}

fn respond(reply: Reply, closes: bool) -> Response<Content> {
    let mut response = Response::builder().status(reply.status).header("Server", "maitred");
    if !reply.content_type.is_empty() && !matches!(reply.status, 204 | 304) {
        response = response.header("Content-Type", &*reply.content_type);
    }
    for (name, value) in reply.extra {
        response = response.header(&*name, value);
    }
    if closes {
        response = response.header("Connection", "close");
    }
    let content = Content { body: reply.body, pause: None, ended: false };
    response.body(content).expect("the handler makes only valid header lines")
}

/// A body as hyper pulls it.
struct Content {
    body: Body,
    pause: Option<Pin<Box<Sleep>>>,
    ended: bool,
}

impl hyper::body::Body for Content {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if let Some(pause) = &mut self.pause {
            ready!(pause.as_mut().poll(context));
            self.pause = None;
        }
        if self.ended {
            return Poll::Ready(None);
        }
        let mut piece = Vec::new();
        match self.body.write_piece(&mut piece, false) {
            Next::More => {}
            Next::Pause(time) => self.pause = Some(Box::pin(sleep(time))),
            Next::End => self.ended = true,
        }
        Poll::Ready(Some(Ok(Frame::data(Bytes::from(piece)))))
    }

    fn is_end_stream(&self) -> bool {
        self.ended || self.body.length() == Some(0)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.length().map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
