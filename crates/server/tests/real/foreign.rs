//! Clients that others wrote: here that of Python's library, which every machine has that runs the
//! tests. The many others are in `bench/http/foreign`.

use std::process::Command;

use crate::support::{OWN, Server};

/// Keep-alive, HEAD, a body with a length, a chunked one, a chunked answer, an error, and one more.
const CLIENT: &str = r#"
import http.client, sys
connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=3600)
def ask(*request, **options):
    connection.request(*request, **options)
    answer = connection.getresponse()
    return answer.status, answer.read(), answer.getheader("Content-Length")
for n in range(30):
    assert ask("GET", f"/bytes/{n}") == (200, (b"Hello, World!" * 3)[:n], str(n)), n
first = connection.sock
assert ask("HEAD", "/bytes/9") == (200, b"", "9")
assert ask("POST", "/echo", b"hello")[:2] == (200, b"hello")
pieces = iter([b"one, ", b"two"])
assert ask("PUT", "/echo", pieces, encode_chunked=True, headers={"Transfer-Encoding": "chunked"})[:2] == (200, b"one, two")
status, body, length = ask("GET", "/stream/3")
assert (status, body.count(b"\n"), length) == (200, 3, None)
assert ask("GET", "/nope")[0] == 404
assert ask("DELETE", "/status/204") == (204, b"", None)
assert connection.sock is first, "it had to connect again"
"#;

#[test]
fn the_client_of_python_finds_everything_on_one_connection() {
    for strategy in OWN {
        let server = Server::start(strategy, &[]);
        let port = server.address.port().to_string();
        let output = Command::new("python3").args(["-c", CLIENT, &port]).output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{strategy}: {text}");
    }
}
