//! What all connections of a process share: options, counters, log and the flags that end work.
//! Main type: [`Service`].

use std::cell::Cell;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::fd::AsFd as _;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use maitred_kernel::page_bytes;
use rustls::ServerConfig;

use crate::board::{Board, Word, encode};
use crate::event::Departure;
use crate::options::{AccessLog, Options};

thread_local! {
    /// Which slot behind the first one this thread counts answers in: threads that count in the same one would take
    /// its cache line from each other with every answer.
    pub(crate) static LANE: Cell<usize> = const { Cell::new(0) };
}

/// What a worker process may use up before it asks to be replaced.
#[derive(Debug)]
pub(crate) struct Allowance {
    pub(crate) requests_max: Option<u64>,
    pub(crate) memory_max: Option<u64>,
    statm: Mutex<File>,
}

impl Allowance {
    pub(crate) fn new(requests_max: Option<u64>, memory_max: Option<u64>) -> io::Result<Self> {
        Ok(Self { requests_max, memory_max, statm: Mutex::new(File::open("/proc/self/statm")?) })
    }
}

/// One process of the server, as its connections see it.
#[derive(Debug)]
pub(crate) struct Service {
    pub(crate) options: Options,
    pub(crate) board: Board,
    pub(crate) slot: usize,
    /// Whether this is the process behind the admin socket.
    pub(crate) is_admin: bool,
    /// Every answer closes its connection from now on.
    pub(crate) draining: AtomicBool,
    /// The same, in a worker process that another one has replaced.
    pub(crate) retiring: AtomicBool,
    pub(crate) tls: Option<Arc<ServerConfig>>,
    /// No further request is begun.
    pub(crate) paused: AtomicBool,
    pub(crate) allowance: Option<Allowance>,
    /// The board that this process shows: on the admin socket, that of the workers.
    pub(crate) shown: Board,
    log: Option<Log>,
    /// Requests to `/flaky`, which fails an exact share of them.
    pub(crate) flaky_asked: AtomicU64,
}

impl Service {
    pub(crate) fn new(
        options: Options,
        tls: Option<Arc<ServerConfig>>,
        board: Board,
        slot: usize,
    ) -> io::Result<Self> {
        let log = Log::open(&options.access_log)?;
        board.set(slot, Word::Pid, u64::from(std::process::id()));
        board.set(slot, Word::Started, monotonic_ns());
        Ok(Self {
            options,
            board,
            slot,
            is_admin: false,
            draining: AtomicBool::new(false),
            retiring: AtomicBool::new(false),
            tls,
            paused: AtomicBool::new(false),
            allowance: None,
            shown: board,
            log,
            flaky_asked: AtomicU64::new(0),
        })
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Relaxed)
    }

    /// Whether every answer is the last one of its connection.
    pub(crate) fn says_farewell(&self) -> bool {
        self.is_draining() || self.retiring.load(Relaxed)
    }

    pub(crate) fn is_paused(&self) -> bool {
        self.paused.load(Relaxed)
    }

    /// Begins no further request.
    pub(crate) fn pause(&self) {
        self.paused.store(true, Relaxed);
    }

    pub(crate) fn logs(&self) -> bool {
        self.log.is_some()
    }

    pub(crate) fn count(&self, word: Word, by: u64) {
        self.board.word(self.slot, word).fetch_add(by, Relaxed);
    }

    pub(crate) fn opened(&self) {
        self.count(Word::Open, 1);
    }

    pub(crate) fn closed(&self) {
        self.board.word(self.slot, Word::Open).fetch_sub(1, Relaxed);
    }

    /// A sign of life, for the master, and how large this process is, for whoever asks why it left.
    pub(crate) fn beat(&self) {
        self.board.set(self.slot, Word::Beat, monotonic_ns());
        if let Some(allowance) = &self.allowance {
            self.board.set(self.slot, Word::Resident, resident_bytes(&allowance.statm));
        }
    }

    /// Counts an answer, and asks to leave if this was the last one allowed.
    pub(crate) fn answered(&self, status: u16, bytes: u64) {
        let word = match status {
            ..300 => Word::Status2xx,
            300..400 => Word::Status3xx,
            400..500 => Word::Status4xx,
            500.. => Word::Status5xx,
        };
        let slot = self.slot + LANE.get();
        self.board.word(slot, word).fetch_add(1, Relaxed);
        self.board.word(slot, Word::BytesOut).fetch_add(bytes, Relaxed);
        let served = self.board.word(slot, Word::Served).fetch_add(1, Relaxed) + 1;
        let Some(allowance) = &self.allowance else { return };
        if allowance.requests_max.is_some_and(|max| served >= max) {
            self.ask_to_leave(Departure::Requests);
        } else if let Some(max) = allowance.memory_max {
            let resident = resident_bytes(&allowance.statm);
            self.board.set(self.slot, Word::Resident, resident);
            if resident > max {
                self.ask_to_leave(Departure::Memory);
            }
        }
    }

    fn ask_to_leave(&self, why: Departure) {
        // Who says farewell anyway must go on until the last one has left.
        if !self.says_farewell() && !self.paused.swap(true, Relaxed) {
            self.board.set(self.slot, Word::Reason, encode(why));
        }
    }

    pub(crate) fn log(&self, line: &Line<'_>) {
        if let Some(log) = &self.log {
            log.write(line);
        }
    }
}

/// Resident bytes of this process: the second number of /proc/self/statm, in pages (proc(5)).
fn resident_bytes(statm: &Mutex<File>) -> u64 {
    let mut text = [0; 64];
    let Ok(mut file) = statm.lock() else { return 0 };
    let read = file.seek(SeekFrom::Start(0)).and_then(|_| file.read(&mut text)).unwrap_or(0);
    let text = str::from_utf8(&text[..read]).unwrap_or("");
    let pages: u64 = text.split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap_or(0);
    pages * page_bytes()
}

/// CLOCK_MONOTONIC since the first call in this family of processes, in nanoseconds; never 0.
pub(crate) fn monotonic_ns() -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    let elapsed = START.get_or_init(Instant::now).elapsed().as_nanos();
    u64::try_from(elapsed).unwrap_or(u64::MAX) + 1
}

/// One answered request.
#[derive(Debug)]
pub(crate) struct Line<'a> {
    pub(crate) request: &'a str,
    /// `None`: none was sent.
    pub(crate) status: Option<u16>,
    pub(crate) bytes: u64,
    pub(crate) took: Duration,
}

#[derive(Debug)]
struct Log(File);

impl Log {
    fn open(place: &AccessLog) -> io::Result<Option<Self>> {
        Ok(match place {
            AccessLog::Off => None,
            // The same description, not /dev/stdout opened anew: whoever else writes there goes on
            // behind us and not over us, and a socket cannot be opened.
            AccessLog::Stdout => Some(Self(io::stdout().as_fd().try_clone_to_owned()?.into())),
            AccessLog::File(path) => {
                Some(Self(File::options().append(true).create(true).open(path)?))
            }
        })
    }

    /// One write a line, so that lines of several threads and processes never mix.
    fn write(&self, line: &Line<'_>) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let (method, target) = line.request.split_once(' ').unwrap_or((line.request, ""));
        let value = serde_json::json!({
            "time": now.as_secs_f64(),
            "pid": std::process::id(),
            "method": method,
            "target": target,
            "status": line.status,
            "bytes": line.bytes,
            "took_us": u64::try_from(line.took.as_micros()).unwrap_or(u64::MAX),
        });
        // A full disk must not stop the server.
        let _ = (&self.0).write_all(format!("{value}\n").as_bytes());
    }
}
