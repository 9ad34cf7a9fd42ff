//! One request after another.
//!
//! Clients that are silent cost nothing: the kernel tells which socket has something to say. But
//! from the moment a request is complete until its answer is made, nobody else is served, whether
//! the time goes into computing or into mere waiting. Ten requests that wait a second take ten seconds.

use std::io;
use std::time::Duration;

use crate::board::Word;
use crate::listener::Listener;
use crate::reactor::Reactor;
use crate::service::Service;
use crate::signals::Signals;

pub(crate) fn serve(service: &Service, listener: Listener, signals: &Signals) -> io::Result<()> {
    let mut reactor = Reactor::new(service, listener, signals)?;
    while reactor.is_open() {
        reactor.wait(Duration::MAX)?;
        perform_all(&mut reactor, service);
    }
    reactor.close();
    Ok(())
}

/// Everything a request asks for is done here and now, by the only thread there is.
pub(super) fn perform_all(reactor: &mut Reactor<'_>, service: &Service) {
    while let Some((key, first)) = reactor.next_act() {
        let mut act = Some(first);
        while let Some(now) = act {
            service.board.set(service.slot, Word::Acting, 1);
            now.perform();
            service.board.set(service.slot, Word::Acting, 0);
            act = reactor.resume(key);
        }
    }
}
