//! One connection without its socket: bytes in, bytes out, and what is needed to go on.
//!
//! A [`Conversation`] never reads, writes, waits or looks at a clock to decide, so every strategy
//! can drive it, and all of them give the same bytes.

use std::time::{Duration, Instant};

use crate::client::Client;
use crate::codec::{
    BodyProgress, BodyReader, Framing, Head, Refusal, ResponseHead, head_space, parse_head,
    write_last_chunk,
};
use crate::endpoints;
use crate::reply::{Act, Body, Fault, Next, PIECE_BYTES, Reply};
use crate::service::{Line, Service};

/// What a conversation needs before it can go on. Output comes first in every case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    Read,
    /// Only that its output is sent.
    Flush,
    Act(Act),
    /// The connection is to be reset.
    Reset,
    /// `linger`: the client may still be sending, so that closing at once would destroy the answer.
    Close {
        linger: bool,
    },
}

/// What the client is expected to do; each has its own patience.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Idle,
    Head,
    Body,
    Answer,
}

/// A request under way.
#[derive(Debug)]
struct Exchange {
    /// The part of the body that is still to come.
    body: Option<BodyReader>,
    reply: Reply,
    head_sent: bool,
    /// HEAD: the answer has no content.
    no_content: bool,
    minor: u8,
    keep_alive: bool,
    chunked: bool,
    bytes: u64,
    /// Method and target, and the time of arrival, where there is a log.
    log: Option<(String, Instant)>,
}

/// One client, from connecting to leaving.
#[derive(Debug, Default)]
pub(crate) struct Conversation {
    client: Client,
    /// Received, and not understood yet.
    pending: Vec<u8>,
    exchange: Option<Box<Exchange>>,
    requests: u32,
    /// The client sends nothing more.
    input_ended: bool,
    /// No further request is read.
    closing: bool,
    linger: bool,
}

impl Conversation {
    pub(crate) fn new(client: Client) -> Self {
        Self { client, ..Self::default() }
    }

    /// Goes on with what a sibling had received and not understood.
    pub(crate) fn with_pending(client: Client, pending: Vec<u8>) -> Self {
        // The first request may be long past: the sibling must have answered some.
        Self { client, pending, requests: 1, ..Self::default() }
    }

    pub(crate) fn phase(&self) -> Phase {
        match &self.exchange {
            None if self.pending.is_empty() => Phase::Idle,
            None => Phase::Head,
            Some(exchange) if exchange.body.is_some() => Phase::Body,
            Some(_) => Phase::Answer,
        }
    }

    /// Requests begun so far.
    pub(crate) fn requests(&self) -> u32 {
        self.requests
    }

    /// What was received and not understood, if the connection is between two requests.
    pub(crate) fn unread_between_requests(&self) -> Option<&[u8]> {
        (self.exchange.is_none() && !self.closing && !self.input_ended).then_some(&self.pending)
    }

    /// The client has closed its direction.
    pub(crate) fn end_input(&mut self) {
        self.input_ended = true;
    }

    /// The client's time is over: answers 408 if it had begun a request.
    pub(crate) fn time_out(&mut self, out: &mut Vec<u8>, service: &Service) -> Need {
        match self.phase() {
            Phase::Head | Phase::Body => {
                self.refuse(Refusal::TIMEOUT, out, service);
                Need::Close { linger: true }
            }
            Phase::Idle | Phase::Answer => Need::Close { linger: false },
        }
    }

    /// Takes what was just received, and goes on as far as possible. Output is appended to `out`.
    pub(crate) fn advance(&mut self, fresh: &[u8], out: &mut Vec<u8>, service: &Service) -> Need {
        if self.pending.is_empty() {
            let (used, need) = self.advance_in(fresh, out, service);
            self.pending.extend_from_slice(&fresh[used..]);
            return need;
        }
        let mut input = std::mem::take(&mut self.pending);
        input.extend_from_slice(fresh);
        let (used, need) = if self.must_wait(&input, fresh, service) {
            (0, Need::Read)
        } else {
            self.advance_in(&input, out, service)
        };
        input.drain(..used);
        if !input.is_empty() {
            self.pending = input;
        }
        need
    }

    /// A head that got no further line feed is not complete: without this, a client that sends byte
    /// by byte would have its head parsed anew for every byte.
    fn must_wait(&self, input: &[u8], fresh: &[u8], service: &Service) -> bool {
        self.exchange.is_none()
            && !fresh.is_empty()
            && !self.input_ended
            && input.len() < service.options.sizes.target_bytes
            && !fresh.contains(&b'\n')
    }

    fn advance_in(&mut self, input: &[u8], out: &mut Vec<u8>, service: &Service) -> (usize, Need) {
        let mut used = 0;
        loop {
            if out.len() >= PIECE_BYTES {
                return (used, Need::Flush);
            }
            let step = match self.exchange.take() {
                Some(exchange) => self.proceed(exchange, &input[used..], out, service),
                None => self.begin(&input[used..], out, service),
            };
            match step {
                Step::Used(bytes) => used += bytes,
                Step::Stop(bytes, need) => {
                    let rest = if self.closing { input.len() } else { used + bytes };
                    return (rest, need);
                }
            }
        }
    }

    /// Between two requests: reads the next head.
    fn begin(&mut self, input: &[u8], out: &mut Vec<u8>, service: &Service) -> Step {
        if self.closing {
            return Step::Stop(0, Need::Close { linger: self.linger || !input.is_empty() });
        }
        if service.is_paused() {
            return Step::Stop(0, Need::Read);
        }
        if input.is_empty() {
            return self.ask_for_more();
        }
        let mut space = head_space();
        match parse_head(input, &mut space, &service.options.sizes) {
            Ok(None) => self.ask_for_more(),
            Ok(Some((head, length))) => {
                let exchange = self.open(&head, length < input.len(), out, service);
                self.exchange = Some(exchange);
                Step::Used(length)
            }
            Err(refusal) => {
                self.refuse(refusal, out, service);
                Step::Stop(0, Need::Close { linger: true })
            }
        }
    }

    fn ask_for_more(&mut self) -> Step {
        match self.input_ended {
            true => Step::Stop(0, Need::Close { linger: false }),
            false => Step::Stop(0, Need::Read),
        }
    }

    fn open(
        &mut self,
        head: &Head<'_, '_>,
        body_has_begun: bool,
        out: &mut Vec<u8>,
        service: &Service,
    ) -> Box<Exchange> {
        self.requests = self.requests.saturating_add(1);
        let reply = endpoints::reply(head, &self.client, service);
        let body = BodyReader::new(head.framing, service.options.sizes.body_bytes);
        if body.is_some() && head.expects_continue && !body_has_begun {
            out.extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n");
        }
        Box::new(Exchange {
            body,
            reply,
            head_sent: false,
            no_content: head.method == crate::codec::Method::Head,
            minor: head.minor,
            keep_alive: head.keep_alive,
            chunked: false,
            bytes: 0,
            log: service
                .logs()
                .then(|| (format!("{} {}", head.method_name, head.target), Instant::now())),
        })
    }

    fn proceed(
        &mut self,
        mut exchange: Box<Exchange>,
        input: &[u8],
        out: &mut Vec<u8>,
        service: &Service,
    ) -> Step {
        if let Some(body) = &mut exchange.body {
            let keep = exchange.reply.body.received();
            return match body.read(input, keep) {
                Ok(BodyProgress::End(used)) => {
                    exchange.body = None;
                    self.exchange = Some(exchange);
                    Step::Used(used)
                }
                Ok(BodyProgress::More) if self.input_ended => {
                    Step::Stop(input.len(), Need::Close { linger: false })
                }
                Ok(BodyProgress::More) => {
                    self.exchange = Some(exchange);
                    Step::Stop(input.len(), Need::Read)
                }
                Err(refusal) => {
                    self.refuse(refusal, out, service);
                    Step::Stop(0, Need::Close { linger: true })
                }
            };
        }
        if let Some(act) = exchange.reply.before.take() {
            self.exchange = Some(exchange);
            return Step::Stop(0, Need::Act(act));
        }
        let start = out.len();
        if let Body::Fault(fault) = exchange.reply.body {
            return self.fail(&exchange, fault, out, service);
        }
        let next = self.answer(&mut exchange, out, service);
        exchange.bytes += (out.len() - start) as u64;
        match next {
            Next::End => {
                self.finish(&exchange, service);
                Step::Used(0)
            }
            Next::More => {
                self.exchange = Some(exchange);
                Step::Used(0)
            }
            Next::Pause(time) => {
                self.exchange = Some(exchange);
                Step::Stop(0, Need::Act(Act::Wait(time)))
            }
        }
    }

    /// Breaks the rules, as was asked for.
    fn fail(
        &mut self,
        exchange: &Exchange,
        fault: Fault,
        out: &mut Vec<u8>,
        service: &Service,
    ) -> Step {
        self.closing = true;
        let start = out.len();
        if fault.has_head() {
            let length = exchange.reply.body.length();
            let head = ResponseHead {
                status: exchange.reply.status,
                content_type: &exchange.reply.content_type,
                framing: Some(length.map_or(Framing::Chunked, Framing::Length)),
                connection: None,
                extra: &exchange.reply.extra,
            };
            head.write(out);
        }
        fault.write_content(out);
        let status = fault.has_head().then_some(exchange.reply.status);
        Self::log(exchange, status, (out.len() - start) as u64, service);
        match fault {
            Fault::Reset => Step::Stop(0, Need::Reset),
            _ => Step::Stop(0, Need::Close { linger: false }),
        }
    }

    /// Writes the head, if that was not done, and the next piece of content.
    fn answer(&mut self, exchange: &mut Exchange, out: &mut Vec<u8>, service: &Service) -> Next {
        let reply = &mut exchange.reply;
        // RFC 9112, 6.3: these never have content, whatever their header lines say.
        let bodiless = matches!(reply.status, 100..200 | 204 | 304);
        if !exchange.head_sent {
            reply.body.complete();
            exchange.head_sent = true;
            let framing = match reply.body.length() {
                _ if bodiless => None,
                Some(bytes) => Some(Framing::Length(bytes)),
                None if exchange.minor == 1 => Some(Framing::Chunked),
                None => {
                    exchange.keep_alive = false;
                    None
                }
            };
            exchange.chunked = framing == Some(Framing::Chunked);
            if !exchange.keep_alive || service.says_farewell() {
                self.linger = exchange.keep_alive;
                self.closing = true;
            }
            let connection = match (self.closing, exchange.minor) {
                (true, _) => Some("close"),
                (false, 0) => Some("keep-alive"),
                (false, _) => None,
            };
            let content_type = if bodiless { "" } else { &reply.content_type };
            let head = ResponseHead {
                status: reply.status,
                content_type,
                framing,
                connection,
                extra: &reply.extra,
            };
            head.write(out);
        }
        if bodiless || exchange.no_content {
            return Next::End;
        }
        let next = reply.body.write_piece(out, exchange.chunked);
        if next == Next::End && exchange.chunked {
            write_last_chunk(out);
        }
        next
    }

    fn finish(&mut self, exchange: &Exchange, service: &Service) {
        service.answered(exchange.reply.status, exchange.bytes);
        Self::log(exchange, Some(exchange.reply.status), exchange.bytes, service);
    }

    fn log(exchange: &Exchange, status: Option<u16>, bytes: u64, service: &Service) {
        if let Some((request, start)) = &exchange.log {
            service.log(&Line { request, status, bytes, took: start.elapsed() });
        }
    }

    /// Answers with an error and ends the conversation: after it nobody knows where a request starts.
    fn refuse(&mut self, refusal: Refusal, out: &mut Vec<u8>, service: &Service) {
        self.closing = true;
        self.exchange = None;
        let start = out.len();
        let text = endpoints::refusal_text(refusal, &service.options.sizes);
        let head = ResponseHead {
            status: refusal.status,
            content_type: "text/plain; charset=utf-8",
            framing: Some(Framing::Length(text.len() as u64)),
            connection: Some("close"),
            extra: &[],
        };
        head.write(out);
        out.extend_from_slice(text.as_bytes());
        let bytes = (out.len() - start) as u64;
        service.answered(refusal.status, bytes);
        service.log(&Line {
            request: refusal.rule,
            status: Some(refusal.status),
            bytes,
            took: Duration::ZERO,
        });
    }
}

#[cfg(test)]
mod tests;

/// How one step of a conversation ended: it used so many bytes of the input, and goes on or stops.
enum Step {
    Used(usize),
    Stop(usize, Need),
}
