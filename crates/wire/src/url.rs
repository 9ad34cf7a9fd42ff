//! An `http://` or `https://` address taken apart, by one rule for those who check it and those who
//! connect.

use std::fmt;

/// The parts of an address that a client needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpUrl {
    /// A name, or an IP address without brackets.
    pub host: String,
    pub port: u16,
    /// `https`.
    pub is_tls: bool,
    /// Host and port as written: the value of the field `Host`.
    pub authority: String,
    /// Path and query, beginning with `/`.
    pub target: String,
}

/// Why a text is not such an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UrlError {
    /// There is no `scheme://` before it.
    NoScheme,
    Scheme(String),
    NoHost,
    /// A name and a password before the host.
    UserInfo,
    Port(String),
    /// A character that has to be percent-encoded.
    Character(char),
}

impl fmt::Display for UrlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoScheme => f.write_str("it begins with no scheme: write http://HOST:PORT/PATH"),
            Self::Scheme(scheme) => {
                write!(f, "unknown scheme `{scheme}`: use http:// or https://")
            }
            Self::NoHost => f.write_str("it names no host: write http://HOST:PORT/PATH"),
            Self::UserInfo => f.write_str(
                "a name before the host is not sent: omit it and give the header \
                 Authorization",
            ),
            Self::Port(port) => write!(f, "`{port}` is not a port: it is a number from 1 to 65535"),
            Self::Character(character) => write!(
                f,
                "{character:?} may not stand in an address: write it percent-encoded, as in %20"
            ),
        }
    }
}

impl std::error::Error for UrlError {}

impl HttpUrl {
    /// Takes an address apart (RFC 3986, section 3; RFC 9110, section 4.2.1). A fragment is not
    /// sent and left out.
    ///
    /// # Errors
    /// Those of [`UrlError`].
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        let (scheme, rest) = text.split_once("://").ok_or(UrlError::NoScheme)?;
        let is_tls = match scheme.to_ascii_lowercase().as_str() {
            "http" => false,
            "https" => true,
            _ => return Err(UrlError::Scheme(scheme.into())),
        };
        if let Some(wrong) = rest.chars().find(|one| !one.is_ascii_graphic()) {
            return Err(UrlError::Character(wrong));
        }
        let rest = rest.split('#').next().unwrap_or_default();
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, target) = rest.split_at(end);
        if authority.contains('@') {
            return Err(UrlError::UserInfo);
        }
        let (host, port) = split_port(authority, if is_tls { 443 } else { 80 })?;
        let slash = if target.starts_with('/') { "" } else { "/" };
        let target = format!("{slash}{target}");
        Ok(Self { host: host.into(), port, is_tls, authority: authority.into(), target })
    }

    /// Where a reference points that stands in an answer of this address (RFC 3986, section 5.2).
    ///
    /// # Errors
    /// Those of [`UrlError`].
    pub fn join(&self, reference: &str) -> Result<Self, UrlError> {
        let reference = reference.split('#').next().unwrap_or_default();
        let scheme = if self.is_tls { "https" } else { "http" };
        let begin = &reference[..reference.find(['/', '?']).unwrap_or(reference.len())];
        if begin.contains(':') {
            return Self::parse(reference);
        }
        if reference.starts_with("//") {
            return Self::parse(&format!("{scheme}:{reference}"));
        }
        let path = self.target.split('?').next().unwrap_or_default();
        let target = match reference.bytes().next() {
            None => self.target.clone(),
            Some(b'?') => format!("{path}{reference}"),
            Some(b'/') => without_dots(reference),
            Some(_) => {
                let folder = &path[..path.rfind('/').map_or(0, |slash| slash + 1)];
                without_dots(&format!("{folder}{reference}"))
            }
        };
        Self::parse(&format!("{scheme}://{}{target}", self.authority))
    }

    /// Whether both are of one origin (RFC 6454): what was meant for the one may be told the other.
    pub fn is_same_origin(&self, other: &Self) -> bool {
        self.is_tls == other.is_tls
            && self.port == other.port
            && self.host.eq_ignore_ascii_case(&other.host)
    }
}

impl fmt::Display for HttpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.is_tls { "https" } else { "http" };
        write!(f, "{scheme}://{}{}", self.authority, self.target)
    }
}

/// A path and query without `.` and `..` in the path (RFC 3986, section 5.2.4).
fn without_dots(target: &str) -> String {
    let (path, query) = target.split_at(target.find('?').unwrap_or(target.len()));
    let mut kept: Vec<&str> = Vec::new();
    for segment in path.split('/').skip(1) {
        match segment {
            "." => {}
            ".." => {
                kept.pop();
            }
            other => kept.push(other),
        }
    }
    let is_folder = ["/", "/.", "/.."].iter().any(|end| path.ends_with(end));
    let slash = if is_folder && !kept.is_empty() && kept.last() != Some(&"") { "/" } else { "" };
    format!("/{}{slash}{query}", kept.join("/"))
}

fn split_port(authority: &str, usual: u16) -> Result<(&str, u16), UrlError> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => rest.split_once(']').ok_or(UrlError::NoHost)?,
        None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
    };
    if host.is_empty() {
        return Err(UrlError::NoHost);
    }
    let digits = match port.strip_prefix(':') {
        None if port.is_empty() => return Ok((host, usual)),
        None => return Err(UrlError::Port(port.into())),
        Some("") => return Ok((host, usual)),
        Some(digits) => digits,
    };
    let number = digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok());
    match number.flatten() {
        None | Some(0) => Err(UrlError::Port(digits.into())),
        Some(port) => Ok((host, port)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_taken_apart() {
        for (text, host, port, target) in [
            ("http://localhost", "localhost", 80, "/"),
            ("HTTP://a:8080/x?y=1#z", "a", 8080, "/x?y=1"),
            ("http://a?q", "a", 80, "/?q"),
            ("https://a/", "a", 443, "/"),
            ("HTTPS://a:8443/", "a", 8443, "/"),
            ("http://[::1]:81/", "::1", 81, "/"),
            ("http://127.0.0.1:/", "127.0.0.1", 80, "/"),
        ] {
            let url = HttpUrl::parse(text).expect(text);
            assert_eq!((url.host.as_str(), url.port, url.target.as_str()), (host, port, target));
        }
    }

    #[test]
    fn a_reference_is_joined_as_the_standard_has_it() {
        // The examples of RFC 3986, section 5.4, as far as they are addresses of HTTP.
        let base = HttpUrl::parse("http://a/b/c/d;p?q").unwrap();
        for (reference, whole) in [
            ("g", "http://a/b/c/g"),
            ("./g", "http://a/b/c/g"),
            ("g/", "http://a/b/c/g/"),
            ("/g", "http://a/g"),
            ("//g", "http://g/"),
            ("?y", "http://a/b/c/d;p?y"),
            ("g?y", "http://a/b/c/g?y"),
            ("g#s", "http://a/b/c/g"),
            (";x", "http://a/b/c/;x"),
            ("", "http://a/b/c/d;p?q"),
            (".", "http://a/b/c/"),
            ("./", "http://a/b/c/"),
            ("..", "http://a/b/"),
            ("../g", "http://a/b/g"),
            ("../..", "http://a/"),
            ("../../g", "http://a/g"),
            ("../../../g", "http://a/g"),
            ("/./g", "http://a/g"),
            ("/../g", "http://a/g"),
            ("g.", "http://a/b/c/g."),
            ("..g", "http://a/b/c/..g"),
            ("./../g", "http://a/b/g"),
            ("g/./h", "http://a/b/c/g/h"),
            ("g/../h", "http://a/b/c/h"),
            ("g?y/../x", "http://a/b/c/g?y/../x"),
            ("https://h:8443/x", "https://h:8443/x"),
        ] {
            let joined = base.join(reference).expect(reference);
            assert_eq!(joined.to_string(), whole, "{reference}");
        }
        assert_eq!(base.join("mailto:x"), Err(UrlError::NoScheme));
        assert_eq!(base.join("ftp://x/"), Err(UrlError::Scheme("ftp".into())));
    }

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        let is_one = |a: &str, b: &str| {
            HttpUrl::parse(a).unwrap().is_same_origin(&HttpUrl::parse(b).unwrap())
        };
        assert!(is_one("http://a/x", "http://A:80/y"));
        assert!(!is_one("http://a/", "https://a/"));
        assert!(!is_one("http://a/", "http://a:81/"));
        assert!(!is_one("http://a/", "http://b/"));
    }

    #[test]
    fn what_is_no_address_is_refused_with_the_reason() {
        for (text, error) in [
            ("localhost:80", UrlError::NoScheme),
            ("ftp://a/", UrlError::Scheme("ftp".into())),
            ("http://", UrlError::NoHost),
            ("http://:80/", UrlError::NoHost),
            ("http://[::1/", UrlError::NoHost),
            ("http://u:p@a/", UrlError::UserInfo),
            ("http://a:0/", UrlError::Port("0".into())),
            ("http://a:65536/", UrlError::Port("65536".into())),
            ("http://a:+8/", UrlError::Port("+8".into())),
            ("http://[::1]8/", UrlError::Port("8".into())),
            ("http://a/b c", UrlError::Character(' ')),
            ("http://a/\r\nX: y", UrlError::Character('\r')),
        ] {
            assert_eq!(HttpUrl::parse(text), Err(error), "{text}");
        }
    }
}
