//! The client against answers that no server of ours gives.

use maitred_wire::HttpManner;

use super::*;

fn composed(method: &str, headers: &[(&str, &str)], body: Option<&str>) -> Result<String, String> {
    let url = HttpUrl::parse("http://localhost:1/x?y").expect("it is well formed");
    let headers: Vec<_> =
        headers.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
    let (method, body) = (method.to_owned(), body.map(str::to_owned));
    let (manner, trust) = (HttpManner::default(), Trust::System);
    let message = Message { method, url, headers, body, manner, trust };
    message.bytes().map(|bytes| String::from_utf8(bytes).expect("it was made of texts"))
}

#[test]
fn a_request_says_what_was_asked_for_and_frames_its_body() {
    let agent = concat!("User-Agent: maitred/", env!("CARGO_PKG_VERSION"), "\r\n");
    for (request, expected) in [
        (
            composed("GET", &[], None),
            format!("GET /x?y HTTP/1.1\r\nHost: localhost:1\r\n{agent}Accept: */*\r\n\r\n"),
        ),
        (
            composed("POST", &[("accept", "a/b"), ("X", "1")], Some("{}")),
            format!(
                "POST /x?y HTTP/1.1\r\nHost: localhost:1\r\n{agent}accept: a/b\r\nX: 1\r\n\
                 Content-Length: 2\r\n\r\n{{}}"
            ),
        ),
    ] {
        assert_eq!(request, Ok(expected));
    }
}

#[test]
fn nothing_can_be_smuggled_into_a_request() {
    for request in [
        composed("GET /\r\nX", &[], None),
        composed("GET", &[("X\r\nY", "1")], None),
        composed("GET", &[("X", "1\r\nY: 2")], None),
        composed("GET", &[("Content-Length", "5")], None),
        composed("GET", &[("transfer-encoding", "chunked")], None),
        composed("GET", &[("", "1")], None),
    ] {
        assert!(request.is_err(), "{request:?}");
    }
}
