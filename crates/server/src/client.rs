//! Who asks. The main type is [`Client`].

use std::net::IpAddr;

/// Who the client is, as far as its connection tells.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Client {
    /// `None`: it came through a unix socket.
    pub(crate) address: Option<IpAddr>,
    pub(crate) is_tls: bool,
}
