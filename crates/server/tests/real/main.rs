//! Tests against real servers in processes of their own, over real sockets on loopback.
#![expect(clippy::unwrap_used, reason = "a test may fail at any line")]

mod abuse;
mod conformance;
mod foreign;
mod httpbin;
mod mutations;
mod prefork;
mod rules;
mod same_bytes;
mod stealing;
mod stopping;
mod support;
mod tls;
