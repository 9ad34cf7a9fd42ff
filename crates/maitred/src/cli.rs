//! What can be typed. Alone in naming clap; what the arguments mean is decided by the commands.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use maitred_engine::request::{Http, Recording, Rounds, Work};
use maitred_wire::Strategy;

use crate::amount::{Delay, FileSize, MemorySize, Period, Rate, Speed, WorkerCounts};

mod changes;
mod check;
mod claim;
mod command;
mod fit;
mod lab;
mod pictures;
mod python;
mod request;
mod results;
mod rounds;
mod runs;
mod scale;
mod serve;
mod strategies;
mod texts;

pub use changes::ChangeArgs;
pub use check::{CheckArgs, VerdictArgs};
pub use claim::ClaimArgs;
pub use command::CommandArgs;
pub use fit::FitArgs;
pub use lab::{LabArgs, NotebookAction, NotebookArgs};
pub use pictures::{ChartArgs, ChartName, DrawingArgs, ThemeName};
pub use python::PythonArgs;
pub use results::{FollowArgs, ResultArgs};
pub use rounds::RoundArgs;
pub use runs::{Against, KeepArgs, RunsAction, RunsArgs, StoreArgs};
pub use scale::ScaleArgs;
pub use serve::ServeArgs;
pub use strategies::StrategiesArgs;
pub use texts::EXIT_CODES;
use texts::{COMPARE_EXAMPLES, END, REPORT_EXAMPLES, RUN_EXAMPLES, SHOW_EXAMPLES};

/// hyperfine for concurrency models: runs one piece of work under every concurrency model,
/// measures what the processor and the kernel did, and says which model to use.
#[derive(Debug, Parser)]
#[command(name = "maitred", version, max_term_width = 100, after_help = END)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Option<Command>,

    #[command(flatten)]
    pub look: LookArgs,
}

/// How everything is shown.
#[derive(Clone, Copy, Debug, Args)]
#[command(next_help_heading = "Output")]
pub struct LookArgs {
    /// Show everything that is known, and not only what is read in five seconds
    #[arg(long, global = true)]
    pub details: bool,

    /// Use letters and signs of ASCII only; the locales C and POSIX mean that by themselves
    #[arg(long, global = true)]
    pub ascii: bool,

    /// Colour the output
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub color: Color,
}

/// One for each file in `command/`.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Open the lab: a page on this machine in which examples run, replay and can be changed
    Lab(LabArgs),
    /// Run one piece of work under several models and say which to use
    Compare(Box<CompareArgs>),
    /// Run one piece of work under one model and draw what each worker did
    Run(Box<RunArgs>),
    /// Show again what was saved: the trace of a run, or the result of a comparison
    Show(Box<ShowArgs>),
    /// List what was measured and kept; show it again, compare, export, name or delete it
    Runs(Box<RunsArgs>),
    /// Make a page of what was saved: tables, pictures, conclusion, and how to repeat it
    Report(ReportArgs),
    /// Test claims about concurrency on this machine: which hold, which are refuted
    Check(CheckArgs),
    /// Test claims about a Python function, an address or a command, without a file of claims
    Claim(Box<ClaimArgs>),
    /// Say what each strategy is like on this machine, in a table, and what it is for
    Strategies(StrategiesArgs),
    /// Run one piece of work with more and more workers and say how many to use, and why
    Scale(Box<ScaleArgs>),
    /// Fit a law of scaling to figures that you have: workers and throughput, or times
    Fit(FitArgs),
    /// Run the cells of a notebook without a page; export it with its results, import it
    Notebook(NotebookArgs),
    /// Say what this machine can measure, what it cannot, and why
    Doctor(DoctorArgs),
    /// List the runtimes that are here, and what each can do
    Runtimes(RuntimesArgs),
    /// Serve HTTP under one strategy, to exercise clients and to see server architectures
    Serve(Box<ServeArgs>),
    /// Print the completions for a shell
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page (roff)
    Man,
    /// Be a runner, or check a runner of your own: `maitred runner check ./my-runner`
    #[command(hide = true)]
    Runner {
        /// Which runtime to be: native; or `check`
        runtime: String,
        /// With `check`: look at this strategy only; may be repeated
        #[arg(long = "strategy", value_name = "NAME")]
        strategies: Vec<Strategy>,
        /// With `check`: look at this case only; may be repeated
        #[arg(long = "case", value_name = "NAME", value_parser = maitred_engine::conformance::case_names())]
        cases: Vec<String>,
        /// With `check`: give up a case that takes longer, as on a busy machine a good one may
        #[arg(long, value_name = "TIME", default_value_t = Period(maitred_engine::conformance::CASE_LIMIT))]
        timeout: Period,
        /// With `check`: the program that is a runner, and its arguments
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        program: Vec<std::ffi::OsString>,
    },
}

/// The piece of work, and how much of it.
#[derive(Debug, Args)]
#[command(next_help_heading = "Work")]
pub struct SubjectArgs {
    /// Set a parameter of the workload, or what {NAME} stands for in a command; may be repeated
    #[arg(long = "set", value_name = "NAME=VALUE", value_parser = parse_assignment)]
    pub set: Vec<(String, String)>,

    /// Seed of all random durations
    #[arg(long, value_name = "N", default_value_t = Work::default().seed)]
    pub seed: u64,

    /// Divide every duration of the workload by this, as in 10x
    #[arg(long, value_name = "FACTOR", default_value_t = Speed(Work::default().speed))]
    pub speed: Speed,

    /// How many times a command is to be run, or a function called, within a round [default: 10]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub count: Option<u32>,

    /// Stop a run that takes longer than this; its model counts as failed
    #[arg(long, value_name = "TIME", default_value_t = Period::of_nanos(Work::default().timeout_ns))]
    pub timeout: Period,

    /// Stop a run whose processes together take more memory than this
    #[arg(long, value_name = "SIZE")]
    pub memory_limit: Option<MemorySize>,

    /// Measure anew how fast this machine computes, instead of using what was measured before
    #[arg(long)]
    pub recalibrate: bool,

    /// Run every model under each value of a variable of the environment, as in
    /// OMP_NUM_THREADS=1,4; may be repeated
    #[arg(long, value_name = "NAME=A,B", value_parser = parse_values)]
    pub env: Vec<(String, Vec<String>)>,

    #[command(flatten)]
    pub commands: CommandArgs,

    #[command(flatten)]
    pub python: PythonArgs,
}

/// What is asked of a server, and how, when the subject is an address.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "HTTP request options")]
pub struct HttpArgs {
    /// How many requests are under way at once: threads, processes, or tasks on a loop; sequential
    /// has 1 [default: 10]. With --rate at most so many, one more whenever all others are busy
    /// [default: 256, and 32 processes]
    #[arg(long, short, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=65_536))]
    pub connections: Option<u32>,

    /// How many requests a round has
    #[arg(long, short = 'n', value_name = "N", default_value_t = Http::default().requests,
          value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub requests: u32,

    /// For how long requests are sent in a round, instead of how many; what is compared is then
    /// how many that were
    #[arg(long, value_name = "TIME", conflicts_with = "requests")]
    pub duration: Option<Period>,

    /// An open loop: requests arrive by chance (Poisson arrivals), so many in a time, as in 200/s, and
    /// do not wait for each other
    #[arg(long, value_name = "RATE")]
    pub rate: Option<Rate>,

    /// A header; may be repeated
    #[arg(long = "header", short = 'H', value_name = "NAME: VALUE", value_parser = parse_header)]
    pub headers: Vec<(String, String)>,

    /// The body, as it stands, or behind `@` the file that holds it; the method is POST if no other
    /// is given
    #[arg(long, short, value_name = "TEXT|@FILE", value_parser = parse_body)]
    pub data: Option<Content>,

    /// The method [default: GET]
    #[arg(long, short = 'X', value_name = "METHOD")]
    pub method: Option<String>,

    /// A request without its whole answer after this time has failed [default: 30s]
    #[arg(long, value_name = "TIME")]
    pub request_timeout: Option<Period>,

    /// Go on to where an answer points, ten times at most; another origin is not told Authorization
    /// and Cookie
    #[arg(long)]
    pub follow: bool,

    /// Ask over this socket of the machine; the host of the address is only named in the request
    #[arg(long, value_name = "PATH")]
    pub unix: Option<PathBuf>,

    /// A new connection for each request
    #[arg(long)]
    pub disable_keepalive: bool,

    /// Over https, trust these authorities (PEM) instead of those of this machine
    #[arg(long, value_name = "FILE")]
    pub cacert: Option<PathBuf>,

    /// Over https, believe every server that it is who it says
    #[arg(long, short = 'k')]
    pub insecure: bool,
}

/// Arguments of `maitred compare`.
#[derive(Debug, Args)]
#[command(after_help = COMPARE_EXAMPLES)]
pub struct CompareArgs {
    /// A shipped workload by its name (waiters), a workload file (.kdl), an address (http://…), a
    /// Python function (FILE.py:NAME or MODULE:NAME), or one or two saved results (.json)
    #[arg(value_name = "SUBJECT", required_unless_present_any = ["words", "named"], num_args = 1..=2)]
    pub subject: Vec<PathBuf>,

    /// A command and its arguments, behind `--`
    #[arg(last = true, value_name = "COMMAND")]
    pub words: Vec<String>,

    /// Which models, comma-separated: RUNTIME/STRATEGY or RUNTIME/STRATEGY:WORKERS, RUNTIME (all its strategies), or
    /// STRATEGY (on native; for a function, on its interpreter)
    #[arg(help_heading = "Models", long, short, value_name = "LIST", value_delimiter = ',')]
    pub models: Vec<String>,

    /// Numbers of workers to try for models that have them: 4, 1,2,4 or 1..8
    #[arg(help_heading = "Models", long, value_name = "LIST")]
    pub workers: Option<WorkerCounts>,

    /// Compare the models under each of these values of a parameter; may be repeated, then under
    /// each combination. Takes the place of the `sweep` that the workload has for this parameter
    #[arg(help_heading = "Models", long, value_name = "NAME=A,B,…", value_parser = parse_assignment)]
    pub sweep: Vec<(String, String)>,

    /// Omit the `sweep` that the workload has for a parameter; may be repeated
    #[arg(help_heading = "Models", long, value_name = "NAME")]
    pub no_sweep: Vec<String>,

    #[command(flatten)]
    pub rounds: RoundArgs,

    /// Rounds before the first one that counts; a run of them begins nothing more after 0.3 s
    #[arg(help_heading = "Rounds", long, value_name = "N", default_value_t = Rounds::default().warmup)]
    pub warmup: u32,

    /// Compare with this model instead of with the fastest
    #[arg(help_heading = "Models", long, value_name = "MODEL")]
    pub baseline: Option<String>,

    /// Compare every model with its figures in an older result as well: a file, `last` (the last one
    /// of the same work), or the number or tag of one that `maitred runs` lists
    #[arg(help_heading = "Results", long, value_name = "FILE|last|TAG|ID")]
    pub against: Option<Against>,

    #[command(flatten)]
    pub changes: ChangeArgs,

    /// Compare saved results although they come from different machines or are of different work
    #[arg(help_heading = "Results", long)]
    pub across_machines: bool,

    #[command(flatten)]
    pub results: ResultArgs,

    /// Make no further run of each model, after the rounds, in which the kernel's switches are recorded
    #[arg(help_heading = "Rounds", long)]
    pub no_trace: bool,

    #[command(flatten)]
    pub work: SubjectArgs,

    #[command(flatten)]
    pub http: HttpArgs,

    #[command(flatten)]
    pub charts: ChartArgs,

    #[command(flatten)]
    pub keep: KeepArgs,

    /// End with exit code 4 when a model failed or a verdict is missing
    #[arg(help_heading = "Output", long)]
    pub strict: bool,

    #[command(flatten)]
    pub follow: FollowArgs,
}

/// Arguments of `maitred run`.
#[derive(Debug, Args)]
#[command(after_help = RUN_EXAMPLES)]
pub struct RunArgs {
    /// A shipped workload by its name (waiters), a workload file (.kdl), an address (http://…) or a
    /// Python function (FILE.py:NAME or MODULE:NAME)
    #[arg(value_name = "SUBJECT", required_unless_present_any = ["words", "named"])]
    pub subject: Option<PathBuf>,

    /// A command and its arguments, behind `--`
    #[arg(last = true, value_name = "COMMAND")]
    pub words: Vec<String>,

    /// Under which model: RUNTIME/STRATEGY or RUNTIME/STRATEGY:WORKERS
    #[arg(help_heading = "Model", long, short, value_name = "MODEL")]
    pub model: Option<String>,

    /// How many workers
    #[arg(help_heading = "Model", long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=65_536))]
    pub workers: Option<u32>,

    #[command(flatten)]
    pub picture: PictureArgs,

    /// Save the trace, to be shown again by `maitred show FILE`; whatever comes of the run. While
    /// it goes on, what was recorded is in the file about a second later
    #[arg(help_heading = "Trace", long, value_name = "FILE")]
    pub trace: Option<PathBuf>,

    /// Leave out what would make the trace larger than this; how much that was is said
    #[arg(help_heading = "Trace", long, value_name = "SIZE", default_value_t = FileSize(Recording::default().limit_bytes),
          requires = "trace")]
    pub trace_limit: FileSize,

    #[command(flatten)]
    pub exports: TraceExportArgs,

    #[command(flatten)]
    pub work: SubjectArgs,

    #[command(flatten)]
    pub http: HttpArgs,

    #[command(flatten)]
    pub drawing: DrawingArgs,

    #[command(flatten)]
    pub keep: KeepArgs,

    /// Do not record how the kernel schedules the threads; `maitred doctor` says what that costs
    #[arg(help_heading = "Trace", long)]
    pub no_scheduling: bool,

    #[command(flatten)]
    pub follow: FollowArgs,
}

/// How a run is drawn.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Picture")]
pub struct PictureArgs {
    /// What the lanes are; by default workers, and tasks where they interleave
    #[arg(long, value_name = "WHAT")]
    pub by: Option<Lanes>,

    /// Draw from this time on, counted from the start of the work
    #[arg(long, value_name = "TIME")]
    pub from: Option<Delay>,

    /// Draw up to this time
    #[arg(long, value_name = "TIME")]
    pub to: Option<Period>,

    /// Width of the picture in columns; by default that of the terminal
    #[arg(long, value_name = "COLUMNS", value_parser = clap::value_parser!(u16).range(40..=500))]
    pub width: Option<u16>,

    /// Draw at most this many lanes
    #[arg(long, value_name = "N", default_value_t = 40)]
    pub lanes: u32,
}

/// What a lane of a picture is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Lanes {
    /// Threads and loops that execute steps
    Worker,
    /// A task
    Task,
    /// A processor, and which thread was on it when; needs the record of the kernel's scheduling
    Core,
}

/// The trace in the forms of other programs.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Other programs")]
pub struct TraceExportArgs {
    /// Write the trace for Perfetto (ui.perfetto.dev): processors, states of threads, steps
    #[arg(long, value_name = "FILE")]
    pub export_perfetto: Option<PathBuf>,

    /// Write the trace as Chrome's JSON, which many programs read
    #[arg(long, value_name = "FILE")]
    pub export_chrome: Option<PathBuf>,
}

/// Arguments of `maitred report`.
#[derive(Debug, Args)]
#[command(after_help = REPORT_EXAMPLES)]
pub struct ReportArgs {
    /// A result (`maitred compare … --save FILE`) or a trace (`maitred run … --trace FILE`)
    #[arg(value_name = "FILE")]
    pub file: PathBuf,

    /// Where to write the page: one file of HTML, which needs no network
    #[arg(long, short, value_name = "FILE")]
    pub output: PathBuf,

    /// Write what is read first as a part of somebody else's page, as a notebook shows it
    #[arg(long)]
    pub fragment: bool,
}

/// Arguments of `maitred show`.
#[derive(Debug, Args)]
#[command(after_help = SHOW_EXAMPLES)]
pub struct ShowArgs {
    /// A trace (`maitred run … --trace FILE`) or a result (`maitred compare … --save FILE`)
    #[arg(value_name = "FILE")]
    pub file: PathBuf,

    #[command(flatten)]
    pub picture: PictureArgs,

    #[command(flatten)]
    pub exports: TraceExportArgs,

    #[command(flatten)]
    pub charts: ChartArgs,
}

/// Arguments of `maitred runtimes`.
#[derive(Debug, Args)]
pub struct RuntimesArgs {
    /// A further Python interpreter; may be repeated
    #[arg(long = "python", value_name = "PATH")]
    pub pythons: Vec<PathBuf>,
}

/// Arguments of `maitred doctor`.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// A further Python interpreter; may be repeated
    #[arg(long = "python", value_name = "PATH")]
    pub pythons: Vec<PathBuf>,

    /// Measure anew how fast this machine computes
    #[arg(long)]
    pub recalibrate: bool,
}

/// When to colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Color {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    Always,
    Never,
}

fn parse_assignment(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write NAME=VALUE, as in --set tables=8".to_owned()),
    }
}

/// A body, and the file that holds it if one was named.
#[derive(Clone, Debug)]
pub struct Content {
    pub text: String,
    pub file: Option<PathBuf>,
}

fn parse_body(text: &str) -> Result<Content, String> {
    let Some(path) = text.strip_prefix('@') else {
        return Ok(Content { text: text.to_owned(), file: None });
    };
    let text = std::fs::read_to_string(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => "there is no such file; check the name".to_owned(),
        std::io::ErrorKind::InvalidData => "only text (UTF-8) can be sent as a body".to_owned(),
        _ => format!("this file cannot be read: {error}"),
    })?;
    Ok(Content { text, file: Some(path.into()) })
}

fn parse_header(text: &str) -> Result<(String, String), String> {
    match text.split_once(':') {
        Some((name, value)) if !name.trim().is_empty() => {
            Ok((name.trim().to_owned(), value.trim().to_owned()))
        }
        _ => Err("write NAME: VALUE, as in -H 'Accept: text/html'".to_owned()),
    }
}

/// A name and the values that it takes one after another.
fn parse_values(text: &str) -> Result<(String, Vec<String>), String> {
    let (name, values) = parse_assignment(text)
        .map_err(|_| "write NAME=A,B, as in --env OMP_NUM_THREADS=1,4".to_owned())?;
    match values.contains(char::is_whitespace) {
        true => Err("a value of --env has no blanks in it".to_owned()),
        false => Ok((name, values.split(',').map(str::to_owned).collect())),
    }
}
