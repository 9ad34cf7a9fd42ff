//! What a front end asks for, as plain values: the main type is [`Request`]. Every default stands
//! here, in an `impl Default`. `docs/request.schema.json` describes the JSON.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Serialize};

mod command;
pub mod scale;

pub use command::{Around, IgnoreFailure, NamedCommand};
pub use scale::Scale;

/// How many copies of a command or calls of a function there are where no number was named.
pub const COUNT: u32 = 10;

/// The axis of [`Work::env`] that stands for all variables by which libraries take their number of
/// threads; `auto`: none of them is set.
pub const INNER_THREADS: &str = "inner-threads";

/// One run of the engine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case")]
pub enum Request {
    Compare(Compare),
    Run(Run),
    Scale(Scale),
    Check(Check),
    Strategies(Strategies),
}

/// One piece of work under several models, round by round.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Compare {
    pub subject: Subject,
    #[serde(default)]
    pub work: Work,
    /// `RUNTIME/STRATEGY`, `RUNTIME/STRATEGY:WORKERS`, `RUNTIME` or `STRATEGY`; empty: those that
    /// the workload names, or all that suit.
    #[serde(default)]
    pub models: Vec<String>,
    /// Numbers of workers for models that have any and name none; empty: what fits each.
    #[serde(default)]
    pub workers: Vec<u32>,
    /// Parameters and the values, separated by commas, under each of which the models are compared.
    /// Takes the place of a `sweep` of the workload over the same parameter.
    #[serde(default)]
    pub sweep: Vec<(String, String)>,
    /// Parameters that the workload sweeps and that keep their default here.
    #[serde(default)]
    pub no_sweep: Vec<String>,
    /// The model that all others are compared with; `None`: the fastest.
    #[serde(default)]
    pub baseline: Option<String>,
    #[serde(default)]
    pub rounds: Rounds,
}

impl Compare {
    /// Of this work, with every default.
    pub fn of(subject: Subject) -> Self {
        Self {
            subject,
            work: Work::default(),
            models: Vec::new(),
            workers: Vec::new(),
            sweep: Vec::new(),
            no_sweep: Vec::new(),
            baseline: None,
            rounds: Rounds::default(),
        }
    }
}

/// How many rounds there are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rounds {
    /// So many, if there is time for them; `None`: until the ranking is decided.
    pub exactly: Option<u32>,
    /// The ranking is not decided before so many, if there is time for them.
    pub at_least: u32,
    /// No further one is started when this is spent; `None`: a minute, or as long as it takes where
    /// their number is given.
    pub budget_ns: Option<u64>,
    /// Before the first one that counts.
    pub warmup: u32,
    /// The smallest difference that is worth a verdict, as a share: 0.03 is 3 %.
    pub minimum_effect: f64,
    /// Whether each ranked model runs once more at the end, with the kernel's switches recorded.
    pub trace: bool,
}

impl Default for Rounds {
    fn default() -> Self {
        Self {
            exactly: None,
            at_least: 1,
            budget_ns: None,
            warmup: 1,
            minimum_effect: 0.03,
            trace: true,
        }
    }
}

impl Rounds {
    /// How much time there is for them, nanoseconds; `None`: as much as they take.
    pub(crate) fn budget_ns(&self) -> Option<u64> {
        self.budget_ns.or_else(|| self.exactly.is_none().then_some(60_000_000_000))
    }
}

/// One piece of work under one model, once.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Run {
    pub subject: Subject,
    #[serde(default)]
    pub work: Work,
    /// `None`: the first that the workload compares, else threads.
    #[serde(default)]
    pub model: Option<String>,
    #[serde(default)]
    pub workers: Option<u32>,
    #[serde(default)]
    pub recording: Recording,
}

impl Run {
    /// Of this work, with every default.
    pub fn of(subject: Subject) -> Self {
        Self {
            subject,
            work: Work::default(),
            model: None,
            workers: None,
            recording: Recording::default(),
        }
    }
}

/// What is recorded of a run, and where that is saved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Recording {
    /// Whether it is recorded how the kernel schedules the threads, which slows the run a little.
    pub scheduling: bool,
    /// Where the trace is saved, while the run goes on and whatever comes of it; `None`: nowhere.
    pub path: Option<PathBuf>,
    /// What would make the file larger than this is left out, bytes.
    pub limit_bytes: u64,
}

impl Default for Recording {
    fn default() -> Self {
        Self { scheduling: true, path: None, limit_bytes: 256 << 20 }
    }
}

/// Claims about concurrency, tested on this machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Check {
    /// Which; empty: all that are built in.
    pub claims: Vec<Claims>,
    pub seed: u64,
    /// A run that takes longer is stopped.
    pub timeout_ns: u64,
    /// No further round of an experiment is started when this is spent.
    pub budget_ns: u64,
    /// Measure anew how fast this machine computes.
    pub recalibrate: bool,
    /// Further interpreters of Python.
    pub interpreters: Vec<PathBuf>,
}

impl Default for Check {
    fn default() -> Self {
        Self {
            claims: Vec::new(),
            seed: Work::default().seed,
            timeout_ns: 60_000_000_000,
            budget_ns: 15_000_000_000,
            recalibrate: false,
            interpreters: Vec::new(),
        }
    }
}

/// Where claims stand.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Claims {
    /// The number or the name of a file that is built in, a file (.kdl), or a folder of such.
    Named(String),
    /// At hand.
    Text {
        name: String,
        text: String,
        /// From where functions and inputs are looked for; `None`: the working directory.
        #[serde(default)]
        folder: Option<PathBuf>,
    },
    /// About a piece of work that makes none itself.
    About {
        subject: Box<Subject>,
        #[serde(default)]
        work: Box<Work>,
        /// As in `throughput of threads over sequential >= 3`.
        says: Vec<String>,
    },
}

/// What each strategy of a runtime is like on this machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Strategies {
    /// As `maitred runtimes` names them.
    pub runtimes: Vec<String>,
    /// No further round of an experiment is started when this is spent; three there are always.
    pub budget_ns: u64,
    /// Further interpreters of Python.
    pub interpreters: Vec<PathBuf>,
}

impl Default for Strategies {
    fn default() -> Self {
        Self {
            runtimes: vec!["native".to_owned()],
            budget_ns: 5_000_000_000,
            interpreters: Vec::new(),
        }
    }
}

/// The piece of work.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Subject {
    /// A workload file.
    Workload { path: PathBuf },
    /// A workload whose text is at hand.
    WorkloadText {
        /// As it is called in results and mistakes.
        name: String,
        text: String,
        /// From where its functions and inputs are looked for; `None`: the working directory.
        #[serde(default)]
        folder: Option<PathBuf>,
    },
    /// A command and its arguments, or several beside each other: so many copies of each.
    Command {
        /// The only command; empty: there are several.
        #[serde(default)]
        words: Vec<String>,
        #[serde(default)]
        named: Vec<NamedCommand>,
        #[serde(default)]
        around: Around,
        #[serde(default = "count")]
        count: u32,
    },
    /// An address, to which requests are sent.
    Url {
        address: String,
        #[serde(default)]
        http: Http,
    },
    /// A function of Python: `FILE.py:NAME` or `MODULE:NAME`.
    Function {
        name: String,
        /// Others that do the same job, each compared under the strategies that suit it.
        #[serde(default)]
        also: Vec<String>,
        #[serde(default)]
        calls: Calls,
        /// From where its file is looked for; `None`: the working directory. It is no part of what the
        /// work is: the same function elsewhere is the same work.
        #[serde(default)]
        folder: Option<PathBuf>,
    },
    /// Functions of the very program that asks: nobody else can name them.
    #[serde(skip)]
    Closures {
        /// The job that each of them does.
        name: String,
        closures: Vec<Closure>,
        /// How often each is called.
        count: u32,
    },
}

/// A function of the program that asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Closure {
    pub name: String,
    /// Whether it gives way where it waits.
    pub is_awaited: bool,
}

fn count() -> u32 {
    COUNT
}

/// How often a function is called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Calls {
    Count(u32),
    /// Once for each input of a file: lines of text, JSON values in .jsonl, rows in .csv.
    Inputs(PathBuf),
    /// Once for each input that a function of Python makes: `FILE.py:NAME`.
    Made(String),
}

impl Default for Calls {
    fn default() -> Self {
        Self::Count(COUNT)
    }
}

/// How the work is put in figures and how far a run may go.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Work {
    /// Parameters of the workload by name; the last of a name counts.
    pub set: Vec<(String, String)>,
    /// From which everything random follows.
    pub seed: u64,
    /// Divides every duration of the workload.
    pub speed: f64,
    /// A run that takes longer is stopped, and its model has failed.
    pub timeout_ns: u64,
    /// On the memory of all processes of a run together, bytes.
    pub memory_limit_bytes: Option<u64>,
    /// Measure anew how fast this machine computes, instead of using what was measured before.
    pub recalibrate: bool,
    /// Variables of the environment, each with the values under which every model is run.
    pub env: Vec<(String, Vec<String>)>,
    pub python: Python,
}

impl Default for Work {
    fn default() -> Self {
        Self {
            set: Vec::new(),
            seed: 1,
            speed: 1.0,
            timeout_ns: 300_000_000_000,
            memory_limit_bytes: None,
            recalibrate: false,
            env: Vec::new(),
            python: Python::default(),
        }
    }
}

impl Work {
    pub(crate) fn timeout(&self) -> Duration {
        Duration::from_nanos(self.timeout_ns)
    }
}

/// What only Python and functions of Python know.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Python {
    /// Further interpreters. The first is the one that functions run on.
    pub interpreters: Vec<PathBuf>,
    /// Arguments that follow the input: a JSON list, as text.
    pub args: Option<String>,
    /// A function to call in each process before the work: `FILE.py:NAME`.
    pub setup: Option<String>,
    /// Functions to call in each worker (thread, process, loop) before and after the work.
    pub worker_setup: Option<String>,
    pub worker_teardown: Option<String>,
    /// So many calls in each worker before the work, with the first inputs.
    pub warmup_calls: Option<u32>,
    /// So many tasks in a parcel to workers that live apart; `None`: fewer and fewer.
    pub chunk: Option<u32>,
    /// A function that is called with all results after the work, and says whether they are right.
    pub expect: Option<String>,
    /// An input that is a list or an object becomes several arguments.
    pub spread: bool,
    /// Drop what the function returns, instead of keeping it to the end of the work.
    pub discard_results: bool,
    /// How many tasks an event loop has under way at most; `None`: all.
    pub concurrency: Option<u32>,
    /// `None`: what the interpreter does by itself.
    pub start_method: Option<StartMethod>,
    /// `None`: asyncio's own.
    pub event_loop: Option<EventLoop>,
    /// Functions that make executors (anything with `submit`), `FILE.py:NAME`, by the name that each has
    /// in the table.
    pub executors: Vec<(String, String)>,
    /// Where Dask's scheduler is, as in `tcp://HOST:PORT`, or Ray's client server, as in `ray://HOST:PORT`; `None`: a cluster
    /// is started here for each run.
    pub cluster: Option<String>,
}

/// A closed set of words that front ends offer and runners are told.
macro_rules! choice {
    ($(#[$about:meta])* $name:ident { $($variant:ident $word:literal)* }) => {
        $(#[$about])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum $name { $($variant),* }

        impl $name {
            /// All words.
            pub const NAMES: &[&str] = &[$($word),*];

            /// The word.
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $word),* }
            }
        }

        impl FromStr for $name {
            type Err = String;

            fn from_str(text: &str) -> Result<Self, String> {
                match text {
                    $($word => Ok(Self::$variant),)*
                    _ => Err(format!("there are {}", Self::NAMES.join(", "))),
                }
            }
        }
    };
}

choice! {
    /// How Python starts a worker process.
    StartMethod { Fork "fork" Forkserver "forkserver" Spawn "spawn" }
}

choice! {
    /// A loop that asyncio can run on.
    EventLoop { Asyncio "asyncio" Uvloop "uvloop" }
}

/// What is asked of a server, and how.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Http {
    /// How many requests are under way at once: threads, processes, or tasks on a loop; `None`:
    /// [`Http::CONNECTIONS`]. With a rate, how many at most, one more when all others are busy; `None`:
    /// [`Http::CONNECTIONS_MAX`], and [`Http::PROCESSES_MAX`] processes.
    pub connections: Option<u32>,
    /// How many requests a round has, where `duration_ns` does not say how long it is.
    pub requests: u32,
    /// For how long requests are sent in a round.
    pub duration_ns: Option<u64>,
    /// Requests arrive by chance, so many in a second, and do not wait for each other.
    pub rate_per_second: Option<f64>,
    /// Names and values.
    pub headers: Vec<(String, String)>,
    pub body: Option<String>,
    /// The file that holds the body, where one was named: a command that repeats this names it again.
    pub body_file: Option<PathBuf>,
    /// `None`: GET, and POST with a body.
    pub method: Option<String>,
    /// A request without its whole answer after this time has failed; `None`: after 30 s.
    pub timeout_ns: Option<u64>,
    /// Go on to where an answer points, ten times at most.
    pub follow: bool,
    /// The socket of a server on this machine, to be asked instead of the host of the address.
    pub unix: Option<PathBuf>,
    /// Over https, believe every server that it is who it says.
    pub insecure: bool,
    /// Over https, trust these authorities (PEM) instead of those of the machine.
    pub authority: Option<PathBuf>,
}

impl Default for Http {
    fn default() -> Self {
        Self {
            connections: None,
            requests: 1000,
            duration_ns: None,
            rate_per_second: None,
            headers: Vec::new(),
            body: None,
            body_file: None,
            method: None,
            timeout_ns: None,
            follow: false,
            unix: None,
            insecure: false,
            authority: None,
        }
    }
}

impl Http {
    /// How many requests are under way at once, if nobody says how many.
    pub const CONNECTIONS: u32 = 10;
    /// How many may be where they arrive at a rate: enough for 1000/s of a quarter of a second each.
    pub const CONNECTIONS_MAX: u32 = 256;
    /// The same of processes.
    pub const PROCESSES_MAX: u32 = 32;

    pub(crate) fn duration(&self) -> Option<Duration> {
        self.duration_ns.map(Duration::from_nanos)
    }

    pub(crate) fn timeout(&self) -> Option<Duration> {
        self.timeout_ns.map(Duration::from_nanos)
    }
}
