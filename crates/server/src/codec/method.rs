//! The methods of HTTP that this server knows. The main type is [`Method`].

/// The methods that this server knows; any other is answered 501.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    Get,
    Head,
    Post,
    Put,
    Patch,
    Delete,
    Options,
    Trace,
    /// CONNECT, or a name that is no method of HTTP.
    Unknown,
}

impl Method {
    /// The method of that name; names are case-sensitive.
    pub fn from_name(name: &str) -> Self {
        match name {
            "GET" => Self::Get,
            "HEAD" => Self::Head,
            "POST" => Self::Post,
            "PUT" => Self::Put,
            "PATCH" => Self::Patch,
            "DELETE" => Self::Delete,
            "OPTIONS" => Self::Options,
            "TRACE" => Self::Trace,
            _ => Self::Unknown,
        }
    }

    /// Whether a request with this method usually carries content (RFC 9110, 9.3).
    pub fn has_content(self) -> bool {
        matches!(self, Self::Post | Self::Put | Self::Patch)
    }
}
