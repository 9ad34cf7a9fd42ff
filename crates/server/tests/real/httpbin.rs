//! What httpbin's users know: its paths, its JSON, its redirects; and faults on purpose. Its own tests
//! are run by `bench/http/httpbin`.

use std::io::{ErrorKind, Read as _, Write as _};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Server, each, get};

/// Sends head lines and a body, and reads status line, header lines and body.
fn ask(server: &Server, line: &str, head: &str, body: &[u8]) -> (String, Vec<u8>) {
    let length =
        if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
    let request =
        format!("{line} HTTP/1.1\r\nHost: a:1\r\nConnection: close\r\n{head}{length}\r\n");
    let answer = server.talk(&[request.as_bytes(), body].concat());
    let end = answer.windows(4).position(|part| part == b"\r\n\r\n").expect("an answer");
    (String::from_utf8(answer[..end + 2].to_vec()).unwrap(), answer[end + 4..].to_vec())
}

fn told(server: &Server, line: &str, head: &str, body: &[u8]) -> Value {
    let (answer, content) = ask(server, line, head, body);
    assert!(answer.starts_with("HTTP/1.1 200 "), "{line}: {answer}");
    assert!(answer.contains("\r\nContent-Type: application/json\r\n"), "{line}: {answer}");
    serde_json::from_slice(&content).unwrap()
}

#[test]
fn a_request_is_told_back() {
    each(|strategy| {
        let server = Server::start(strategy, &[]);
        let value = told(&server, "GET /get?a=1&b=x%20y&a=2", "x-ab-c: d\r\nX-Ab-C: e\r\n", b"");
        assert_eq!(value["args"], json!({"a": ["1", "2"], "b": "x y"}), "{strategy}");
        assert_eq!(value["headers"]["X-Ab-C"], "d,e", "{strategy}");
        assert_eq!(value["origin"], "127.0.0.1", "{strategy}");
        assert_eq!(value["url"], "http://a:1/get?a=1&b=x%20y&a=2", "{strategy}");
        assert_eq!(value.as_object().unwrap().len(), 4, "{strategy}: {value}");

        let proxied = "X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-Proto: https\r\n";
        let value = told(&server, "GET /get", proxied, b"");
        assert_eq!(
            (&value["origin"], &value["url"]),
            (&"1.2.3.4".into(), &"https://a:1/get".into())
        );
        assert_eq!(told(&server, "GET /ip", "", b""), json!({"origin": "127.0.0.1"}));
        assert_eq!(
            told(&server, "GET /user-agent", "User-Agent: x\r\n", b""),
            json!({"user-agent": "x"})
        );
        assert_eq!(told(&server, "GET /headers", "", b"")["headers"]["Host"], "a:1");
        let value = told(&server, "DELETE /anything/x/y?z", "", b"");
        assert_eq!((&value["method"], &value["data"]), (&"DELETE".into(), &"".into()));
        let value = told(&server, "PATCH /delay/1ms", "", b"[7]");
        assert_eq!(value["json"], json!([7]), "{strategy}");
    });
}

#[test]
fn a_body_is_told_by_its_kind() {
    each(|strategy| {
        let server = Server::start(strategy, &[]);
        let value =
            told(&server, "POST /post", "Content-Type: application/json\r\n", b"{\"a\": 1}");
        assert_eq!((&value["json"], &value["data"]), (&json!({"a": 1}), &"{\"a\": 1}".into()));
        let form = "Content-Type: application/x-www-form-urlencoded\r\n";
        let value = told(&server, "PUT /put", form, b"a=1&b=%D1%8F+2");
        assert_eq!((&value["form"], &value["data"]), (&json!({"a": "1", "b": "я 2"}), &"".into()));
        let value = told(&server, "PATCH /patch", "", b"\x01\xff");
        assert_eq!(value["data"], "data:application/octet-stream;base64,Af8=", "{strategy}");
        assert_eq!(value["json"], Value::Null, "{strategy}");
        let parts = "--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\none\r\ntwo\r\n--x\r\n\
            content-disposition: form-data; name=\"f\"; filename=\"n.txt\"\r\nContent-Type: text/plain\r\n\r\n\
            hello\r\n--x--\r\n";
        let value = told(
            &server,
            "POST /post",
            "Content-Type: multipart/form-data; boundary=x\r\n",
            parts.as_bytes(),
        );
        assert_eq!(value["form"], json!({"a": "one\r\ntwo"}), "{strategy}");
        assert_eq!(value["files"], json!({"f": "hello"}), "{strategy}");
    });
}

/// Path, further head lines, status, and what the head or the content contains.
const ANSWERS: &[(&str, &str, &str, &str)] = &[
    ("GET /redirect/3", "", "302", "\r\nLocation: /relative-redirect/2\r\n"),
    ("GET /redirect/1", "", "302", "\r\nLocation: /get\r\n"),
    (
        "GET /redirect/2?absolute=true",
        "",
        "302",
        "\r\nLocation: http://a:1/absolute-redirect/1\r\n",
    ),
    (
        "GET /redirect/2?absolute=True",
        "",
        "302",
        "\r\nLocation: http://a:1/absolute-redirect/1\r\n",
    ),
    ("GET /redirect/2?absolute=no", "", "302", "\r\nLocation: /relative-redirect/1\r\n"),
    ("GET /redirect/0", "", "400", "from 1 to"),
    ("GET /redirect/1/2", "", "404", "less may follow"),
    ("GET /delay/0/1", "", "404", "less may follow"),
    ("GET /basic-auth/u/p/q", "", "404", "less may follow"),
    ("GET /anything/a/b/c", "", "200", "/anything/a/b/c"),
    (
        "GET /redirect-to?url=http%3A%2F%2Fb%2F%3Fx&status_code=307",
        "",
        "307",
        "\r\nLocation: http://b/?x\r\n",
    ),
    ("GET /redirect-to?url=a%0D%0AX:y", "", "400", "control characters"),
    ("GET /redirect-to", "", "400", "say where to"),
    ("GET /cookies", "Cookie: a=1; b=2\r\n", "200", "\"b\": \"2\""),
    ("GET /cookies/set?a=1&b=2", "", "302", "\r\nSet-Cookie: b=2; Path=/\r\n"),
    ("GET /cookies/set/n/v", "", "302", "\r\nSet-Cookie: n=v; Path=/\r\n"),
    ("GET /cookies/delete?a", "", "302", "\r\nSet-Cookie: a=; Path=/; Expires=Thu, 01 Jan 1970"),
    ("GET /cookies/set?a=1%3B%20Secure", "", "400", "without `;`"),
    ("GET /cookies/eat", "", "404", "write /cookies"),
    ("GET /basic-auth/u/p%21", "Authorization: basic dTpwIQ==\r\n", "200", "\"user\": \"u\""),
    (
        "GET /basic-auth/u/p",
        "Authorization: Basic dTpwIQ==\r\n",
        "401",
        "\r\nWWW-Authenticate: Basic realm=",
    ),
    ("GET /basic-auth/u/p", "", "401", "\r\nWWW-Authenticate: Basic realm="),
    ("GET /hidden-basic-auth/u/p", "", "404", "nothing here"),
    ("GET /bearer", "Authorization: Bearer t0\r\n", "200", "\"token\": \"t0\""),
    ("GET /bearer", "Authorization: Bearer\r\n", "401", "\r\nWWW-Authenticate: Bearer\r\n"),
    ("GET /etag/x", "If-None-Match: \"y\", W/\"x\"\r\n", "304", "\r\nETag: x\r\n"),
    ("GET /etag/x", "If-None-Match: \"y\"\r\n", "200", "\r\nETag: x\r\n"),
    ("GET /etag/x", "If-Match: y\r\n", "412", "another entity tag"),
    ("GET /cache", "", "200", "\r\nLast-Modified: "),
    ("GET /cache", "If-Modified-Since: x\r\n", "304", "\r\n"),
    ("GET /cache/7", "", "200", "\r\nCache-Control: public, max-age=7\r\n"),
    ("GET /range/26", "Range: bytes=3-5\r\n", "206", "\r\nContent-Range: bytes 3-5/26\r\n"),
    ("GET /range/26", "Range: bytes=-2\r\n", "206", "\r\n\r\nyz"),
    ("GET /range/26", "Range: bytes=20-\r\n", "206", "\r\n\r\nuvwxyz"),
    ("GET /range/5", "", "200", "\r\n\r\nabcde"),
    ("GET /range/26", "Range: bytes=30-40\r\n", "416", "\r\nContent-Range: bytes */26\r\n"),
    ("GET /status/302", "", "302", "\r\nLocation: /redirect/1\r\n"),
    ("TRACE /status/418", "", "418", "teapot"),
    ("GET /status/200,foo", "", "400", "`foo` is not a status"),
    ("GET /status/200:x,500", "", "400", "`x` is not a weight"),
    ("GET /response-headers?X-A=b&X-A=c", "", "200", "\r\nX-A: b\r\nX-A: c\r\n"),
    ("GET /response-headers?Content-Type=text/css", "", "200", "\r\nContent-Type: text/css\r\n"),
    ("GET /response-headers?A=b%0D%0AC:d", "", "400", "not a header line"),
    ("GET /response-headers?content-length=9", "", "400", "the server's own"),
    ("GET /base64/0JfQtNGA0LA=", "", "200", "\r\n\r\nЗдра"),
    ("GET /base64/_-8=", "", "200", "\r\n\r\n"),
    ("GET /base64/@", "", "400", "not base64"),
    ("GET /json", "", "200", "\"menu\""),
    ("GET /html", "", "200", "<h1>"),
    ("GET /xml", "", "200", "\r\nContent-Type: application/xml\r\n"),
    ("GET /robots.txt", "", "200", "Disallow: /deny"),
    ("GET /deny", "", "200", "not served"),
    ("GET /encoding/utf8", "", "200", "∀x"),
    ("GET /image/svg", "", "200", "<svg"),
    ("GET /image", "Accept: image/svg+xml\r\n", "200", "<svg"),
    ("GET /image", "Accept: image/webp\r\n", "406", "image/png"),
    ("GET /image/tiff", "", "404", "/image/png"),
    ("GET /get", "Origin: http://b\r\n", "200", "\r\nAccess-Control-Allow-Origin: http://b\r\n"),
    ("GET /get", "", "200", "\r\nAccess-Control-Allow-Origin: *\r\n"),
    (
        "OPTIONS /get",
        "Access-Control-Request-Headers: X-T\r\n",
        "204",
        "\r\nAccess-Control-Allow-Headers: X-T\r\n",
    ),
    ("GET /post", "", "405", "\r\nAllow: POST, OPTIONS\r\n"),
    ("DELETE /", "", "200", "answered by process"),
    ("GET /sse?count=2&duration=0", "", "200", "id: 1\ndata: {\"id\":1,\"of\":2}\n\n"),
    ("GET /stream-bytes/5?chunk_size=2", "", "200", "2\r\nHe\r\n2\r\nHe\r\n1\r\nH\r\n0\r\n\r\n"),
    ("GET /drip?numbytes=0", "", "400", "from 1 to"),
    ("GET /fault/none", "", "404", "there are /fault/reset"),
];

#[test]
fn known_paths_give_known_answers() {
    each(|strategy| {
        let server = Server::start(strategy, &[]);
        for (line, head, status, part) in ANSWERS {
            let (answer, content) = ask(&server, line, head, b"");
            let whole = format!("{answer}\r\n{}", String::from_utf8_lossy(&content));
            assert_eq!(&whole[9..12], *status, "{strategy}: {line}: {whole}");
            assert!(whole.contains(part), "{strategy}: {line}: no {part:?} in {whole}");
        }
        let png = ask(&server, "GET /image/png", "", b"").1;
        assert!(png.starts_with(b"\x89PNG\r\n\x1a\n"), "{strategy}");
    });
}

#[test]
fn statuses_come_as_often_as_they_weigh() {
    each(|strategy| {
        // Each worker process counts for itself.
        let one = crate::support::workers(strategy, &["--workers", "1"]);
        let server = Server::start(strategy, one);
        let failed = (0..100)
            .filter(|_| get(server.address, "/status/200:3,503:1").starts_with("HTTP/1.1 503"))
            .count();
        assert!((24..=26).contains(&failed), "{strategy}: {failed} of 100");
    });
}

#[test]
fn a_uuid_is_random_and_of_version_four() {
    let server = Server::start("event-loop", &[]);
    let uuid = || told(&server, "GET /uuid", "", b"")["uuid"].as_str().unwrap().to_owned();
    let (one, other) = (uuid(), uuid());
    assert_ne!(one, other);
    let lengths: Vec<_> = one.split('-').map(str::len).collect();
    assert_eq!(lengths, [8, 4, 4, 4, 12], "{one}");
    assert_eq!(&one[14..15], "4", "{one}");
    assert!("89ab".contains(&one[19..20]), "{one}");
}

#[test]
fn encodings_are_taken_apart_by_others() {
    const DECODE: &str = "import gzip, json, sys, zlib, urllib.request as u\n\
        ask = lambda path: u.urlopen(sys.argv[1] + path)\n\
        for path, coding, decode in [('/gzip', 'gzip', gzip.decompress), ('/deflate', 'deflate', zlib.decompress)]:\n\
        \x20   answer = ask(path)\n\
        \x20   assert answer.headers['Content-Encoding'] == coding\n\
        \x20   assert json.loads(decode(answer.read()))['method'] == 'GET'\n";
    each(|strategy| {
        let server = Server::start(strategy, &[]);
        let url = format!("http://{}", server.address);
        let python = std::process::Command::new("python3").args(["-c", DECODE, &url]).status();
        assert!(python.unwrap().success(), "{strategy}");
        let (answer, content) = ask(&server, "GET /brotli", "", b"");
        assert!(answer.contains("\r\nContent-Encoding: br\r\n"), "{strategy}: {answer}");
        // RFC 7932, 9.2: three bytes of header, the content, and a last block that is empty.
        let value: Value = serde_json::from_slice(&content[3..content.len() - 1]).unwrap();
        assert_eq!(value["brotli"], true, "{strategy}");
    });
}

#[test]
fn faults_are_what_they_say() {
    each(|strategy| {
        let server = Server::start(strategy, &["--max-delay", "200ms"]);
        let break_off = |kind: &str| {
            let mut stream = server.connect();
            write!(stream, "GET /fault/{kind} HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
            let mut all = Vec::new();
            let end = stream.read_to_end(&mut all);
            (String::from_utf8_lossy(&all).into_owned(), end.map_err(|error| error.kind()))
        };
        assert_eq!(
            break_off("reset"),
            (String::new(), Err(ErrorKind::ConnectionReset)),
            "{strategy}"
        );
        assert_eq!(break_off("close"), (String::new(), Ok(0)), "{strategy}");
        let start = Instant::now();
        assert_eq!(break_off("hang"), (String::new(), Ok(0)), "{strategy}");
        assert!(start.elapsed() >= Duration::from_millis(200), "{strategy} did not hang");
        let (text, end) = break_off("truncate");
        assert!(text.contains("\r\nContent-Length: 1000\r\n"), "{strategy}: {text}");
        let (_, body) = text.split_once("\r\n\r\n").unwrap();
        assert_eq!((body.len(), end.is_ok()), (500, true), "{strategy}");
        let (text, _) = break_off("chunk");
        assert!(text.ends_with("\r\n\r\n5\r\nhello\r\nthis is no size\r\n"), "{strategy}: {text}");
        let (text, _) = break_off("garbage");
        assert!(!text.is_empty() && !text.contains("HTTP/1"), "{strategy}: {text}");
        server.assert_serves();
    });
}
