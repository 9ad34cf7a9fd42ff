//! A server in a process of its own, raw clients, and a load that counts what was lost.

use std::fs::File;
use std::io::{BufRead as _, BufReader, ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use std::{io, sync::Arc, sync::Mutex};

/// All strategies that use our codec.
pub(crate) const OWN: [&str; 6] =
    ["sequential", "threads", "thread-pool", "processes", "event-loop", "async-pool"];

/// The options about workers for a strategy that has some, and none for another.
pub(crate) fn workers<'a>(strategy: &str, options: &'a [&'a str]) -> &'a [&'a str] {
    let has_pool = ["thread-pool", "processes", "async-pool", "hyper"].contains(&strategy);
    if has_pool { options } else { &[] }
}

/// Longer than anything here takes on a busy machine; only a broken server meets it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// For servers that are stopped under load: a client may be kept from a processor between two requests for so
/// long. No stop takes longer for it, since the last answer to each client closes the connection.
pub(crate) const LOAD: [&str; 2] = ["--drain-idle", "20s"];

/// Does the same with every strategy of ours, at the same time: what only waits costs its time once.
pub(crate) fn each(check: impl Fn(&'static str) + Sync) {
    thread::scope(|scope| {
        for strategy in OWN {
            scope.spawn(|| check(strategy));
        }
    });
}

/// A running server; dropping it kills it.
pub(crate) struct Server {
    child: Child,
    pub(crate) address: SocketAddr,
    pub(crate) admin: Option<SocketAddr>,
    lines: Receiver<String>,
}

impl Server {
    pub(crate) fn start(strategy: &str, options: &[&str]) -> Self {
        Self::run(Self::command(strategy, options))
    }

    /// A server whose standard output is that file.
    pub(crate) fn start_into(strategy: &str, output: File, options: &[&str]) -> Self {
        let mut command = Self::command(strategy, options);
        command.stdout(output);
        Self::run(command)
    }

    /// A server that may have only so many descriptors.
    pub(crate) fn start_with_descriptors(strategy: &str, descriptors: u32) -> Self {
        let server = env!("CARGO_BIN_EXE_maitred-server-dev");
        let mut command = Command::new("sh");
        let script =
            format!("ulimit -n {descriptors}; exec {server} --strategy {strategy} --port 0");
        command.args(["-c", &script]);
        Self::run(command)
    }

    fn command(strategy: &str, options: &[&str]) -> Command {
        // A shell lets what it starts in the background ignore SIGINT, and so would the server.
        let mut command = Command::new("env");
        command.args(["--default-signal=INT", env!("CARGO_BIN_EXE_maitred-server-dev")]);
        command.args(["--strategy", strategy, "--port", "0", "--delay", "0"]).args(options);
        command
    }

    fn run(mut command: Command) -> Self {
        let mut child = command.stderr(Stdio::piped()).spawn().expect("the server starts");
        let output = child.stderr.take().expect("it is piped");
        let (sender, lines) = channel();
        thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        let first = lines.recv_timeout(PATIENCE).expect("the server says where it listens");
        let mut addresses = first.split("://").skip(1).map(|rest| {
            rest.split(',').next().expect("split gives one").parse().expect("an address")
        });
        let address = addresses.next().expect("one address");
        Self { child, address, admin: addresses.next(), lines }
    }

    pub(crate) fn pid(&self) -> i32 {
        i32::try_from(self.child.id()).expect("process ids have 31 bits")
    }

    pub(crate) fn signal(&self, name: &str) {
        kill(name, self.pid());
    }

    /// Waits until so many more lines of the server's output contained `part`.
    pub(crate) fn wait_for_lines(&self, part: &str, count: usize) {
        (0..count).for_each(|_| drop(self.wait_for_line(part)));
    }

    /// The next line of the server's output that contains `part`.
    pub(crate) fn wait_for_line(&self, part: &str) -> String {
        let end = Instant::now() + PATIENCE;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let line = self.lines.recv_timeout(left).unwrap_or_else(|_| panic!("no line `{part}`"));
            if line.contains(part) {
                return line;
            }
        }
    }

    /// What the server has said since it was asked last.
    pub(crate) fn said(&self) -> Vec<String> {
        self.lines.try_iter().collect()
    }

    /// The same of one that ends, to its last word.
    pub(crate) fn all_said(&mut self) -> Vec<String> {
        assert!(self.ended().is_some(), "it does not end");
        self.lines.iter().collect()
    }

    /// Waits for the server to end by itself. Whether it said that it went well.
    pub(crate) fn ended_well(&mut self) -> bool {
        self.ended().is_some_and(|status| status.success())
    }

    /// Waits for the server to end, and says how.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            if let Some(status) = self.child.try_wait().expect("it is our child") {
                return Some(status);
            }
            thread::sleep(Duration::from_millis(5));
        }
        None
    }

    pub(crate) fn connect(&self) -> TcpStream {
        connect(self.address).expect("the server accepts")
    }

    /// A connection of which the server hears at once: how long a client has, counts from the connection on.
    pub(crate) fn connect_saying(&self, words: &[u8]) -> TcpStream {
        let mut stream = self.connect();
        stream.write_all(words).expect("the server reads");
        stream
    }

    /// Sends `request` on a connection of its own, hangs up, and reads until the end: all answers without
    /// what differs from run to run.
    pub(crate) fn answers_to_all_of(&self, request: &[u8]) -> String {
        let mut stream = self.connect();
        // A server may refuse before it has read everything.
        let _ = stream.write_all(request);
        let _ = stream.shutdown(Shutdown::Write);
        // Whether the end comes as a reset depends on when the last bytes came.
        without_date(&read_to_end(&mut stream)).replace("<connection reset>", "")
    }

    /// Sends `request` on a connection of its own and reads until the end.
    pub(crate) fn talk(&self, request: &[u8]) -> Vec<u8> {
        let mut stream = self.connect();
        // A server may refuse before it has read everything.
        let _ = stream.write_all(request);
        read_to_end(&mut stream)
    }

    /// The answer to a GET, as text.
    pub(crate) fn get(&self, target: &str) -> String {
        get(self.address, target)
    }

    /// Fails unless the server answers a good client.
    pub(crate) fn assert_serves(&self) {
        assert!(is_served(&self.get("/bytes/13")));
    }

    /// Waits until the server answers a good client: it may not have seen yet that others are gone.
    pub(crate) fn wait_until_it_serves(&self) {
        let end = Instant::now() + PATIENCE;
        loop {
            let answer = self.get("/bytes/13");
            if is_served(&answer) {
                return;
            }
            assert!(Instant::now() < end, "it never serves again: {answer}");
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits until the server counts so many connections; the one that asks is among them.
    pub(crate) fn wait_for_connections(&self, count: u32) {
        let (end, line) = (Instant::now() + PATIENCE, format!("\nmaitred_connections {count}\n"));
        loop {
            let metrics = self.get("/metrics");
            if metrics.contains(&line) {
                return;
            }
            assert!(Instant::now() < end, "there are never {count} connections: {metrics}");
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// The workers as the admin socket lists them.
    pub(crate) fn workers(&self) -> serde_json::Value {
        let answer = get(self.admin.expect("started with --admin-port"), "/workers");
        let (_, body) = answer.split_once("\r\n\r\n").expect("an answer");
        serde_json::from_str(body).expect("JSON")
    }

    pub(crate) fn worker_pids(&self) -> Vec<i32> {
        let workers = self.workers();
        let list = workers["workers"].as_array().expect("a list").iter();
        list.filter(|worker| worker["stage"] == "ready")
            .map(|worker| worker["pid"].to_string().parse().expect("a number"))
            .collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn kill(signal: &str, pid: i32) {
    let _ = Command::new("kill").args([signal, &pid.to_string()]).status();
}

pub(crate) fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}

fn is_served(answer: &str) -> bool {
    answer.ends_with("\r\n\r\nHello, World!")
}

pub(crate) fn get(address: SocketAddr, target: &str) -> String {
    let mut stream = connect(address).expect("the server accepts");
    let request = format!("GET {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    // A server may refuse before it has read anything.
    let _ = stream.write_all(request.as_bytes());
    String::from_utf8_lossy(&read_to_end(&mut stream)).into_owned()
}

/// Everything up to the end of the connection; a reset or silence is an end with a mark.
pub(crate) fn read_to_end(stream: &mut TcpStream) -> Vec<u8> {
    let mut all = Vec::new();
    if let Err(error) = stream.read_to_end(&mut all) {
        all.extend_from_slice(format!("<{}>", error.kind()).as_bytes());
    }
    all
}

/// Reads one answer with a Content-Length. `None`: the connection ended instead.
pub(crate) fn read_answer(stream: &mut TcpStream) -> Option<String> {
    try_read_answer(stream).ok()
}

/// Reads one answer with a Content-Length, or says what came instead and after how many bytes.
fn try_read_answer(stream: &mut TcpStream) -> Result<String, (io::Error, usize)> {
    let mut bytes = Vec::new();
    let mut room = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "));
            let length: usize = length.map_or(0, |digits| digits.parse().expect("digits"));
            if body.len() >= length {
                return Ok(text.into_owned());
            }
        }
        match stream.read(&mut room) {
            Ok(0) => return Err((ErrorKind::UnexpectedEof.into(), bytes.len())),
            Err(error) => return Err((error, bytes.len())),
            Ok(read) => bytes.extend_from_slice(&room[..read]),
        }
    }
}

/// The answer without its Date, which differs from run to run.
pub(crate) fn without_date(answer: &[u8]) -> String {
    let text = String::from_utf8_lossy(answer);
    let lines = text.split_inclusive("\r\n");
    lines.filter(|line| !line.to_ascii_lowercase().starts_with("date: ")).collect()
}

/// How a client of the load behaves.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Manner {
    KeepAlive,
    Reconnect,
}

/// What came of a load.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) answered: AtomicU64,
    /// Sent, and never answered.
    pub(crate) lost: AtomicU64,
    /// Answered with something else than 200.
    pub(crate) failed: AtomicU64,
    /// Who lost a request, and how and when; and what the test did meanwhile.
    story: Mutex<Vec<String>>,
}

impl Tally {
    fn tell(&self, start: Instant, what: &str) {
        let line = format!("{:.4} s: {what}", start.elapsed().as_secs_f64());
        self.story.lock().expect("nobody panics with it").push(line);
    }

    /// Fails unless every request that was sent was answered with 200.
    pub(crate) fn assert_nothing_lost(&self, strategy: &str) {
        let bad = self.lost.load(Relaxed) + self.failed.load(Relaxed);
        assert_eq!(bad, 0, "{strategy} lost or refused requests: {self:#?}");
    }
}

/// Clients that send one request after another until stopped, or until nobody listens.
pub(crate) struct Load {
    start: Instant,
    pub(crate) tally: Arc<Tally>,
    stop: Arc<AtomicBool>,
    clients: Vec<JoinHandle<()>>,
}

impl Load {
    pub(crate) fn start(address: SocketAddr, target: &str, clients: &[(Manner, usize)]) -> Self {
        let (tally, stop) = (Arc::new(Tally::default()), Arc::new(AtomicBool::new(false)));
        let (mut threads, start) = (Vec::new(), Instant::now());
        for &(manner, count) in clients {
            for _ in 0..count {
                let (tally, stop) = (Arc::clone(&tally), Arc::clone(&stop));
                let target = target.to_owned();
                threads.push(thread::spawn(move || {
                    Client { address, manner, start, tally }.ask(&target, &stop);
                }));
            }
        }
        Self { start, tally, stop, clients: threads }
    }

    /// Writes down what the test does at this moment, for whoever reads about a loss.
    pub(crate) fn note(&self, what: &str) {
        self.tally.tell(self.start, what);
    }

    /// Waits until so many requests were answered.
    pub(crate) fn reach(&self, answered: u64) {
        let (mut seen, mut since) = (0, Instant::now());
        while seen < answered {
            let now = self.tally.answered.load(Relaxed);
            if now > seen {
                (seen, since) = (now, Instant::now());
            }
            assert!(since.elapsed() < PATIENCE, "the load made no progress: {:?}", self.tally);
            thread::sleep(Duration::from_millis(2));
        }
    }

    pub(crate) fn stop(self) -> Arc<Tally> {
        self.stop.store(true, Relaxed);
        self.join()
    }

    /// Waits until the clients find nobody who listens.
    pub(crate) fn join(self) -> Arc<Tally> {
        for client in self.clients {
            client.join().expect("clients do not panic");
        }
        self.tally
    }
}

/// One client of a load.
struct Client {
    address: SocketAddr,
    manner: Manner,
    start: Instant,
    tally: Arc<Tally>,
}

/// A connection and what it did so far.
struct Line {
    stream: TcpStream,
    connected: Instant,
    answers: u32,
    /// The end of the last answer.
    idle_since: Instant,
}

impl Client {
    fn ask(&self, target: &str, stop: &AtomicBool) {
        let closes = matches!(self.manner, Manner::Reconnect);
        let close = if closes { "Connection: close\r\n" } else { "" };
        let request = format!("GET {target} HTTP/1.1\r\nHost: a\r\n{close}\r\n");
        let mut kept: Option<Line> = None;
        while !stop.load(Relaxed) {
            let mut line = match kept.take().map_or_else(|| self.open(), Ok) {
                Ok(line) => line,
                // Nobody listens: no request was sent, so none is lost.
                Err(error) if error.kind() == ErrorKind::ConnectionRefused => return,
                // Reset during the handshake: neither.
                Err(_) => continue,
            };
            let idle = line.idle_since.elapsed();
            let sent = Instant::now();
            let answer = match line.stream.write_all(request.as_bytes()) {
                Ok(()) => try_read_answer(&mut line.stream),
                Err(error) => Err((error, 0)),
            };
            let Ok(answer) = answer.map_err(|(error, read)| {
                self.tally.lost.fetch_add(1, Relaxed);
                let what = format!(
                    "{:?} client lost request {} of a connection: {error} after {read} bytes, {:?} after \
                     sending, {:?} after connecting, idle for {idle:?} before",
                    self.manner,
                    line.answers + 1,
                    sent.elapsed(),
                    line.connected.elapsed(),
                );
                self.tally.tell(self.start, &what);
            }) else {
                continue;
            };
            self.tally.answered.fetch_add(1, Relaxed);
            if !answer.starts_with("HTTP/1.1 200") {
                self.tally.failed.fetch_add(1, Relaxed);
                self.tally.tell(self.start, &answer);
            }
            if answer.contains("\r\nConnection: close\r\n") {
                let _ = line.stream.shutdown(Shutdown::Both);
            } else {
                (line.answers, line.idle_since) = (line.answers + 1, Instant::now());
                kept = Some(line);
            }
        }
    }

    fn open(&self) -> io::Result<Line> {
        let connected = Instant::now();
        let stream = connect(self.address)?;
        Ok(Line { stream, connected, answers: 0, idle_since: Instant::now() })
    }
}
