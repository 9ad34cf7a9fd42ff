//! An answer that comes line by line while a run goes on.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use http_body::Frame;
use tokio::sync::mpsc::UnboundedReceiver;

use crate::session::Session;

/// Lines of JSON. When nobody reads them any more, the run that tells them is cancelled: a page that was
/// closed must not keep the machine.
#[derive(Debug)]
pub(super) struct Lines {
    lines: UnboundedReceiver<String>,
    session: Arc<Session>,
    run: u64,
    ended: bool,
}

impl Lines {
    pub(super) fn body(lines: UnboundedReceiver<String>, session: Arc<Session>, run: u64) -> Body {
        Body::new(Self { lines, session, run, ended: false })
    }
}

impl HttpBody for Lines {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.lines.poll_recv(context).map(|line| {
            self.ended |= line.is_none();
            line.map(|line| Ok(Frame::data(Bytes::from(line + "\n"))))
        })
    }
}

impl Drop for Lines {
    fn drop(&mut self) {
        if !self.ended {
            self.session.cancel(self.run);
        }
    }
}
