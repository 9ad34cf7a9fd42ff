//! One HTTP test server in every architecture, for exercising clients and for seeing what an
//! architecture does: the same endpoints, the same handler and the same codec under six strategies,
//! and hyper beside them for reference.
//!
//! It parses no command line and prints nothing. Start with [`Options`] and [`serve`].

mod board;
mod client;
pub mod codec;
mod connection;
mod conversation;
mod endpoints;
mod error;
mod event;
mod handshakes;
mod listener;
mod options;
mod pages;
mod reactor;
mod reply;
mod roll;
mod service;
mod signals;
mod strategies;
mod sys;
mod tls;
mod transport;

pub use endpoints::{ENDPOINTS, Endpoint};
pub use error::ServeError;
pub use event::{Address, Departure, Event};
pub use options::{AccessLog, Architecture, Options, TimeLimits};
pub use tls::{Identity, TlsError};

use std::sync::Arc;

use board::{Board, Word};
use event::Ending;
use listener::Listener;
use service::Service;
use signals::Signals;

/// Serves until SIGTERM (answers what was accepted) or SIGINT (ends at once). Blocks the calling
/// thread, and takes SIGTERM, SIGHUP and SIGUSR1 (for `processes` SIGINT and
/// SIGCHLD too) for the whole process.
///
/// # Errors
/// An option needs workers and the strategy has none, the address cannot be had, the log cannot be
/// opened, or the kernel refuses something; and, after it has served, when an answer that was due
/// could not be given in the time allowed.
pub fn serve(options: Options) -> Result<(), ServeError> {
    let forks = options.architecture == Architecture::Processes;
    if let Some(option) = options.about_processes().filter(|_| !forks) {
        return Err(ServeError::NoWorkers { option, architecture: options.architecture });
    }
    if options.workers.is_some() && !options.has_pool() {
        return Err(ServeError::NoPool { architecture: options.architecture });
    }
    if options.tls.is_some() && options.architecture == Architecture::Hyper {
        return Err(ServeError::NoTls);
    }
    let tls = options.tls.as_ref().map(tls::configure).transpose()?;
    let listener = Listener::open(&options)?;
    let admin = options.admin_port.map(|port| Listener::bind(&options, port)).transpose()?;
    let signals = if forks { Signals::for_master() } else { Signals::new() }?;
    (options.tell)(&Event::Listening {
        address: listener.address()?,
        admin: admin.as_ref().map(Listener::address).transpose()?,
        is_tls: tls.is_some(),
    });
    service::monotonic_ns();
    let (tell, allowed) = (options.tell, options.graceful_timeout);
    let ending = match forks {
        true => strategies::processes::serve(&options, tls, listener, admin, signals)?,
        false => Ending { cut: serve_here(options, tls, listener, &signals)?, was_drained: true },
    };
    tell(&Event::Stopped { cut: ending.cut });
    match ending.cut {
        cut @ 1.. if ending.was_drained => Err(ServeError::Cut { cut, allowed }),
        _ => Ok(()),
    }
}

/// All strategies but `processes`: one process. Returns the number of connections cut.
fn serve_here(
    options: Options,
    tls: Option<Arc<rustls::ServerConfig>>,
    listener: Listener,
    signals: &Signals,
) -> Result<u64, ServeError> {
    let architecture = options.architecture;
    let board = Board::new(match architecture {
        Architecture::AsyncPool | Architecture::Hyper => 1 + options.workers_or_processors(),
        _ => 1,
    })?;
    let service = Service::new(options, tls, board, 0).map_err(ServeError::Log)?;
    match architecture {
        Architecture::Sequential => strategies::sequential::serve(&service, listener, signals),
        Architecture::EventLoop => strategies::event_loop::serve(&service, listener, signals),
        Architecture::Threads => strategies::threads::serve(service, listener, signals),
        Architecture::ThreadPool => strategies::thread_pool::serve(service, listener, signals),
        Architecture::AsyncPool => strategies::async_pool::serve(service, listener, signals),
        Architecture::Hyper => strategies::hyper::serve(service, listener, signals),
        Architecture::Processes => unreachable!("the caller forks"),
    }?;
    Ok(board.sum(Word::Cut))
}
