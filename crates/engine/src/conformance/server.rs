//! What a runner's own client asks in the cases of `http`: a server of this program that answers as
//! told by the path, also as no good server does. The main type is [`Server`].

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// Between the first part of the answer to `/slow` and the last.
pub(super) const PAUSE: Duration = Duration::from_millis(30);

/// A request, as far as the cases look at it.
#[derive(Clone, Debug)]
pub(super) struct Request {
    /// Which connection it came by, from 0.
    pub(super) connection: usize,
    pub(super) line: String,
    /// Names in small letters.
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: String,
}

impl Request {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(one, _)| one == name).map(|(_, value)| value.as_str())
    }

    fn path(&self) -> &str {
        self.line.split(' ').nth(1).unwrap_or("")
    }
}

/// Serves on a free port of the loopback until this program ends: a thread waits there for whoever
/// comes, and each connection has another, which ends with it.
pub(super) struct Server {
    pub(super) port: u16,
    seen: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    pub(super) fn start() -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let port = listener.local_addr()?.port();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let all = Arc::clone(&seen);
        thread::spawn(move || {
            for (connection, stream) in listener.incoming().flatten().enumerate() {
                let all = Arc::clone(&all);
                // Who hangs up in the midst of an answer is looked at by the case.
                thread::spawn(move || drop(converse(&stream, connection, &all)));
            }
        });
        Ok(Self { port, seen })
    }

    /// All requests that came.
    pub(super) fn seen(&self) -> Vec<Request> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn converse(stream: &TcpStream, connection: usize, seen: &Mutex<Vec<Request>>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut input = BufReader::new(stream);
    while let Some(request) = read(&mut input, connection)? {
        let path = request.path().to_owned();
        seen.lock().unwrap_or_else(PoisonError::into_inner).push(request);
        if !answer(stream, &path)? {
            break;
        }
    }
    Ok(())
}

/// `None`: the client hung up between two requests.
fn read(input: &mut BufReader<&TcpStream>, connection: usize) -> io::Result<Option<Request>> {
    let mut line = String::new();
    if input.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    let mut headers = Vec::new();
    loop {
        let mut field = String::new();
        input.read_line(&mut field)?;
        let Some((name, value)) = field.split_once(':') else { break };
        headers.push((name.to_lowercase(), value.trim().to_owned()));
    }
    let line = line.trim_end().to_owned();
    let mut request = Request { connection, line, headers, body: String::new() };
    let length = request.header("content-length").and_then(|text| text.parse().ok()).unwrap_or(0);
    input.take(length).read_to_string(&mut request.body)?;
    Ok(Some(request))
}

/// Whether the connection goes on.
fn answer(mut stream: &TcpStream, path: &str) -> io::Result<bool> {
    let mut say = |text: &str| stream.write_all(text.as_bytes());
    match path {
        "/slow" => {
            say("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n")?;
            thread::sleep(PAUSE);
            say("4\r\nlast\r\n0\r\n\r\n")?;
        }
        "/missing" => say("HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\ngone")?,
        "/moved" => {
            say("HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n")?;
        }
        // It does not say that it will hang up, and does.
        "/last" => {
            say("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlast")?;
            return Ok(false);
        }
        "/cut" => return Ok(false),
        "/garbage" => {
            say("this is no answer\r\n\r\n")?;
            return Ok(false);
        }
        // Nothing, until the client gives up.
        "/silent" => drop(stream.read(&mut [0; 1])?),
        _ => say("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine")?,
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_answers_as_the_path_says() {
        let server = Server::start().unwrap();
        let ask = |path: &str| {
            let mut stream = TcpStream::connect(("127.0.0.1", server.port)).unwrap();
            write!(stream, "POST {path} HTTP/1.1\r\nA: b\r\nContent-Length: 2\r\n\r\nhi").unwrap();
            stream.shutdown(std::net::Shutdown::Write).unwrap();
            let mut text = String::new();
            stream.read_to_string(&mut text).unwrap();
            text
        };
        assert!(ask("/slow").ends_with("last\r\n0\r\n\r\n"));
        assert!(ask("/missing").starts_with("HTTP/1.1 404"));
        assert_eq!(ask("/cut"), "");
        assert_eq!(ask("/silent"), "");
        assert!(ask("/any").ends_with("fine"));
        let seen = server.seen();
        assert_eq!(seen.len(), 5);
        assert_eq!((seen[4].connection, seen[4].line.as_str()), (4, "POST /any HTTP/1.1"));
        assert_eq!((seen[0].header("a"), seen[0].body.as_str()), (Some("b"), "hi"));
    }
}
