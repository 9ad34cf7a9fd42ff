//! The one gate before every route, also before those that are not there. What is not allowed is
//! refused: the Host must be ours with its port (DNS rebinding), the Origin ours or absent (other
//! pages), Sec-Fetch-Site our own, and all but the page itself needs the token, compared in
//! constant time.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use subtle::ConstantTimeEq as _;

/// Who may enter.
#[derive(Clone, Debug)]
pub struct Gate {
    token: String,
    port: u16,
}

impl Gate {
    /// A gate of this port with a new token of 192 bits.
    ///
    /// # Errors
    /// The system has no random bytes to give.
    pub fn new(port: u16) -> Result<Self, getrandom::Error> {
        let mut bytes = [0_u8; 24];
        getrandom::fill(&mut bytes)?;
        Ok(Self { token: bytes.iter().map(|byte| format!("{byte:02x}")).collect(), port })
    }

    /// What is to be opened. The token stands in the fragment, which no browser sends and no
    /// server logs.
    pub fn address(&self) -> String {
        format!("http://127.0.0.1:{}/#token={}", self.port, self.token)
    }

    /// What opens every door.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Why a request is refused; `None`: it may pass. `is_page`: it is for the page itself, which
    /// holds no secret.
    fn refusal(
        &self,
        method: &Method,
        headers: &HeaderMap,
        is_page: bool,
    ) -> Option<(StatusCode, &'static str)> {
        let one = |name| {
            let mut all = headers.get_all(name).iter();
            let first = all.next().map(|value| value.to_str().unwrap_or("\u{fffd}"));
            if all.next().is_some() { Some("\u{fffd}") } else { first }
        };
        let host = one(header::HOST).unwrap_or_default();
        let ours = ["127.0.0.1", "localhost", "[::1]"];
        if !ours.iter().any(|name| host == format!("{name}:{}", self.port)) {
            return Some((
                StatusCode::MISDIRECTED_REQUEST,
                "this program answers to its own address only",
            ));
        }
        if one(header::ORIGIN).is_some_and(|origin| origin != format!("http://{host}")) {
            return Some((StatusCode::FORBIDDEN, "other pages may ask nothing here"));
        }
        let site = headers.get("sec-fetch-site").map(HeaderValue::as_bytes);
        // A link elsewhere may lead to the page: it shows nothing without the token.
        let follows_link = is_page
            && method == Method::GET
            && headers.get("sec-fetch-mode").is_some_and(|mode| mode == "navigate");
        if !matches!(site, None | Some(b"same-origin" | b"none")) && !follows_link {
            return Some((StatusCode::FORBIDDEN, "other sites may ask nothing here"));
        }
        if is_page {
            return None;
        }
        let given = one(header::AUTHORIZATION).and_then(|value| value.strip_prefix("Bearer "));
        let known = given.is_some_and(|given| given.as_bytes().ct_eq(self.token.as_bytes()).into());
        if !known {
            return Some((
                StatusCode::UNAUTHORIZED,
                "the token is missing or wrong; open the address that `maitred lab` printed",
            ));
        }
        let is_json = headers.get(header::CONTENT_TYPE).is_some_and(|it| it == "application/json");
        if method == Method::POST && !is_json {
            return Some((StatusCode::UNSUPPORTED_MEDIA_TYPE, "a request is JSON"));
        }
        None
    }
}

/// What a browser is told with every answer.
const HEADERS: &[(&str, &str)] = &[
    (
        "content-security-policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
         connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("cache-control", "no-store"),
];

/// Refuses, or lets through; says to the browser what holds here in either case.
pub(super) async fn pass(
    State((gate, pages)): State<(Gate, &'static [&'static str])>,
    request: Request,
    next: Next,
) -> Response {
    let is_page = request.method() == Method::GET && pages.contains(&request.uri().path());
    let named = request.uri().authority().is_some();
    let refusal = match named {
        true => Some((StatusCode::BAD_REQUEST, "a request names a path")),
        false => gate.refusal(request.method(), request.headers(), is_page),
    };
    let mut response = match refusal {
        Some((status, why)) => (status, why).into_response(),
        None => next.run(request).await,
    };
    for (name, value) in HEADERS {
        response.headers_mut().insert(*name, HeaderValue::from_static(value));
    }
    response
}
