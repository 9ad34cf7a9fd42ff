//! The page, served on this machine alone. Every route stands in one table, behind one gate; what
//! a route does is in `routes`. Connections and the time in which a request must have come are
//! limited, so that nobody who opens many keeps the reader out.

mod gate;
mod page;
mod routes;
mod stream;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use maitred_engine::Cancel;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

pub use gate::Gate;
pub use page::{PAGE, bundle};
pub use routes::ROUTES;

use crate::limits;
use crate::session::Session;

/// Connections at a time; more wait to be accepted.
const CONNECTIONS: usize = 64;

/// In which a request must have come with its head.
const HEAD: Duration = Duration::from_secs(10);

/// A server that listens and does not answer yet.
#[derive(Debug)]
pub struct Lab {
    listener: TcpListener,
    gate: Gate,
    session: Arc<Session>,
}

impl Lab {
    /// Listens on loopback, on this port; 0: a free one.
    ///
    /// # Errors
    /// The port is taken, or the system refuses.
    pub async fn listen(port: u16, session: Arc<Session>) -> io::Result<Self> {
        let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await?;
        let gate = Gate::new(listener.local_addr()?.port()).map_err(io::Error::other)?;
        Ok(Self { listener, gate, session })
    }

    /// Who may enter.
    pub fn gate(&self) -> &Gate {
        &self.gate
    }

    /// Answers until `until` is done, then ends what is under way.
    pub async fn serve(self, until: impl Future<Output = ()>) {
        let router = router(&self.gate, &self.session);
        let seats = Arc::new(Semaphore::new(CONNECTIONS));
        let accept = async {
            loop {
                let Ok(seat) = Arc::clone(&seats).acquire_owned().await else { return };
                let Ok((socket, _)) = self.listener.accept().await else {
                    // Out of descriptors: those of others come back.
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                };
                let service = TowerToHyperService::new(router.clone());
                tokio::spawn(async move {
                    let mut http = hyper::server::conn::http1::Builder::new();
                    http.timer(TokioTimer::new()).header_read_timeout(HEAD).max_buf_size(64 << 10);
                    // What a client breaks off is its own affair.
                    let _ = http.serve_connection(TokioIo::new(socket), service).await;
                    drop(seat);
                });
            }
        };
        tokio::select! {
            () = accept => {}
            () = until => self.session.stop(),
        }
    }
}

/// Listens on this port of loopback (0: a free one), says the address to be opened, and answers
/// until that is cancelled.
///
/// # Errors
/// The port is taken, or the system refuses.
pub fn serve(
    session: Arc<Session>,
    port: u16,
    until: &Cancel,
    opened: impl FnOnce(&str),
) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let lab = Lab::listen(port, session).await?;
        opened(&lab.gate().address());
        lab.serve(async {
            while !until.is_cancelled() {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        })
        .await;
        Ok(())
    })
}

fn router(gate: &Gate, session: &Arc<Session>) -> Router {
    let mut router = Router::new();
    for route in ROUTES {
        router = router.route(route.path, (route.handler)());
    }
    for file in PAGE {
        router = router.route(file.path, page::route(file));
    }
    router
        .with_state(Arc::clone(session))
        .layer(DefaultBodyLimit::max(limits::REQUEST_BYTES))
        .layer(axum::middleware::from_fn_with_state((gate.clone(), page::PATHS), gate::pass))
}
