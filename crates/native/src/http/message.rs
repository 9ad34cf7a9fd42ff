//! What is asked of a server: as it is sent, and as it becomes where an answer points elsewhere
//! (RFC 9110, section 15.4). The main type is [`Message`].

use maitred_wire::{HttpManner, HttpUrl, fields};

use super::tls::Trust;

/// What one server alone was to be told: it is not told another (as in the Fetch standard).
const SECRETS: [&str; 4] = ["authorization", "cookie", "proxy-authorization", "host"];

/// What goes with a body that is omitted.
const OF_A_BODY: [&str; 4] =
    ["content-type", "content-encoding", "content-language", "content-location"];

/// What is asked, of whom, and how.
#[derive(Clone, Debug)]
pub(super) struct Message {
    pub(super) method: String,
    pub(super) url: HttpUrl,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Option<String>,
    pub(super) manner: HttpManner,
    pub(super) trust: Trust,
}

impl Message {
    /// As it is sent.
    ///
    /// # Errors
    /// In one sentence, when it is no request of HTTP.
    pub(super) fn bytes(&self) -> Result<Vec<u8>, String> {
        let Self { method, url, headers, body, .. } = self;
        let body = body.as_deref();
        if !fields::is_token(method) {
            return Err(format!("`{method}` is not a method of HTTP"));
        }
        let mut text = format!("{method} {} HTTP/1.1\r\n", url.target);
        let given = |name: &str| headers.iter().any(|(one, _)| one.eq_ignore_ascii_case(name));
        let own = [
            ("Host", url.authority.as_str()),
            ("User-Agent", concat!("maitred/", env!("CARGO_PKG_VERSION"))),
            ("Accept", "*/*"),
        ];
        for (name, value) in own.into_iter().filter(|(name, _)| !given(name)) {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        for (name, value) in headers {
            if !fields::is_field(name, value) {
                return Err(format!("`{name}: {}` is not a header of HTTP", value.escape_debug()));
            }
            if fields::is_framing(name) {
                return Err(format!("the header {name} is the client's own: omit it"));
            }
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        if body.is_some() || ["POST", "PUT", "PATCH"].contains(&method.as_str()) {
            text.push_str(&format!("Content-Length: {}\r\n", body.map_or(0, str::len)));
        }
        text.push_str("\r\n");
        text.push_str(body.unwrap_or_default());
        Ok(text.into_bytes())
    }

    /// What an answer with this status asks for instead, to be redirected so often again.
    ///
    /// # Errors
    /// In a few words, when that is no address.
    pub(super) fn redirected(&self, status: u16, to: &str, left: u32) -> Result<Self, String> {
        let mut next = self.clone();
        next.url = self.url.join(to).map_err(|error| error.to_string())?;
        next.manner.follow = Some(left);
        let becomes_get = match status {
            303 => self.method != "HEAD",
            301 | 302 => self.method == "POST",
            _ => false,
        };
        if becomes_get {
            "GET".clone_into(&mut next.method);
            next.body = None;
        }
        let is_same = self.url.is_same_origin(&next.url);
        let is_one_of =
            |name: &str, all: &[&str]| all.iter().any(|one| name.eq_ignore_ascii_case(one));
        next.headers.retain(|(name, _)| {
            let is_lost = becomes_get && is_one_of(name, &OF_A_BODY);
            let is_secret = !is_same && is_one_of(name, &SECRETS);
            !is_lost && !is_secret
        });
        Ok(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(method: &str) -> Message {
        let header = |name: &str| (name.to_owned(), "x".to_owned());
        Message {
            method: method.into(),
            url: HttpUrl::parse("http://a/b").unwrap(),
            headers: ["Authorization", "cookie", "Content-Type", "X-Own"].map(header).into(),
            body: Some("body".into()),
            manner: HttpManner { follow: Some(10), ..HttpManner::default() },
            trust: Trust::System,
        }
    }

    fn names(message: &Message) -> Vec<&str> {
        message.headers.iter().map(|(name, _)| name.as_str()).collect()
    }

    #[test]
    fn the_method_changes_as_browsers_have_it() {
        for (status, method, next) in [
            (301, "POST", "GET"),
            (302, "POST", "GET"),
            (301, "PUT", "PUT"),
            (303, "PUT", "GET"),
            (303, "HEAD", "HEAD"),
            (307, "POST", "POST"),
            (308, "POST", "POST"),
        ] {
            let redirected = message(method).redirected(status, "/c", 9).unwrap();
            assert_eq!(redirected.method, next, "{method} after {status}");
            assert_eq!(redirected.body.is_some(), method == next, "{method} after {status}");
            assert_eq!(names(&redirected).contains(&"Content-Type"), method == next);
        }
    }

    #[test]
    fn another_origin_is_not_told_what_is_secret() {
        let same = message("GET").redirected(302, "/c", 9).unwrap();
        assert_eq!(names(&same), ["Authorization", "cookie", "Content-Type", "X-Own"]);
        for other in ["http://b/", "https://a/", "http://a:81/", "//b/"] {
            let other = message("GET").redirected(302, other, 9).unwrap();
            assert_eq!(names(&other), ["Content-Type", "X-Own"], "{}", other.url);
        }
    }
}
