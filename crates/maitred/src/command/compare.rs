//! `maitred compare`: several models on one piece of work; or saved results beside each other.

use std::time::{Duration, Instant, SystemTime};

use maitred_core::analyse::advice;
use maitred_core::analyse::nature::Nature;
use maitred_core::result::{
    Comparison, Conclusion, Run, SCHEMA, Settings, Stopped, SubjectKind, Verdict,
};
use maitred_core::trace::RunEnd;
use maitred_core::view::{self, units};

use crate::cli::CompareArgs;
use crate::error::{Error, exit};
use crate::export::{self, Export};
use crate::progress::{self, ProgressLine};
use crate::saved;
use crate::terminal::Terminal;
use maitred_engine::contestants::{self, Entry, Wish};
use maitred_engine::job::Job;
use maitred_engine::measure::machine;
use maitred_engine::request::Work;
use maitred_engine::rounds::{self, Purpose, Rules, World};
use maitred_engine::runtime::Interrupt;
use maitred_engine::runtimes::{self, Runtimes};
use maitred_engine::subject::{self, url};
use maitred_engine::trial::Trial;

/// Runs the comparison, or shows saved ones; the number is the exit code.
///
/// # Errors
/// See [`Error`]; what was measured before is shown and written all the same.
pub(crate) fn run(args: &CompareArgs, terminal: &Terminal) -> Result<u8, Error> {
    let is_saved = |path: &std::path::PathBuf| path.extension().is_some_and(|end| end == "json");
    if args.words.is_empty() && args.subject.iter().all(is_saved) {
        return saved::show(args, terminal);
    }
    let work = args.work.work();
    let mut job = open(args, &work)?;
    job.sweep(&args.sweep, &work)?;
    let interrupt = Interrupt::on_signals()
        .map_err(|error| Error::failed(format!("signals cannot be caught: {error}")))?;
    let runtimes = job.runtimes(&args.models, &args.work.python.pythons, &interrupt)?;
    let wish =
        Wish { models: &args.models, workers: args.workers.as_ref().map(|counts| &counts.0[..]) };
    let entries = contestants::choose(&wish, &job, &runtimes)?;
    let baseline =
        args.baseline.as_deref().map(|name| find(name, &entries, &runtimes)).transpose()?;
    let old = args.against.as_deref().map(saved::load).transpose()?;
    let mut comparison = begin(args, &job, &entries);
    if let Some(old) = &old {
        saved::comparable(&comparison, old, args.across_machines)?;
    }
    let mut exports = export::open(args)?;
    super::warn(&job, terminal);
    let _guard = runtimes::guard()?;

    let rules = Rules {
        warmup: args.warmup,
        rounds: args.runs,
        least: 1,
        budget: args.budget.0,
        seed: args.work.seed,
        baseline: baseline.map(|index| entries[index].model.clone()),
        trace: !args.no_trace,
    };
    let mut session = Session {
        trial: Trial::new(&job, &work, &interrupt, contestants::SPANS),
        timeout: args.work.timeout.0,
        natures: entries.iter().map(|_| None).collect(),
        logs: vec![String::new(); entries.len()],
        entries: &entries,
        rules: &rules,
        exports: &mut exports,
        progress: ProgressLine::new(terminal, args.quiet),
        terminal,
        interrupt: &interrupt,
        started: Instant::now(),
        so_far: "no figure yet".to_owned(),
    };
    let outcome = rounds::run(&mut comparison, &rules, &mut session).map_err(Error::from);
    session.progress.clear();
    comparison.conclusion = advice::conclude(&comparison, &session.natures);
    if job.kind == SubjectKind::Url {
        for remark in url::remarks(&comparison) {
            comparison.conclusion.add(remark);
        }
    }
    let outputs = match args.work.python.show_output {
        true => outputs(&entries, &session.logs),
        false => String::new(),
    };
    finish(args, &comparison, old.as_ref(), exports, terminal, outcome, &outputs)
}

/// Shows and writes whatever was measured, then says how it ended.
fn finish(
    args: &CompareArgs,
    comparison: &Comparison,
    old: Option<&Comparison>,
    mut exports: Vec<Export>,
    terminal: &Terminal,
    outcome: Result<(), Error>,
    outputs: &str,
) -> Result<u8, Error> {
    let written = export::finish(&mut exports, comparison, terminal);
    let mut text = view::table::table(comparison, &options(terminal));
    text.push_str(outputs);
    if let Some(old) = old {
        text.push_str(&saved::changes(comparison, old, terminal));
    }
    if comparison.stopped == Stopped::Interrupted {
        terminal.complain("interrupted; what was measured until then is kept and shown");
    }
    let printed = terminal.print(&text);
    outcome?;
    match printed {
        Err(Error::NotWritten(sentence)) => return Err(Error::NotWritten(sentence)),
        Err(Error::ClosedPipe) | Ok(()) => {}
        Err(other) => return Err(other),
    }
    Ok(if written { exit_code(comparison, args.strict) } else { exit::NOT_WRITTEN })
}

/// What the last run of each model printed.
fn outputs(entries: &[Entry], logs: &[String]) -> String {
    let mut text = "\nOutput of the last round\n".to_owned();
    for (entry, log) in entries.iter().zip(logs) {
        let log = if log.is_empty() { "(nothing)" } else { log.trim_end() };
        text.push_str(&format!("{}\n", entry.model));
        text.extend(log.lines().map(|line| format!("  {line}\n")));
    }
    text
}

/// How pictures in this terminal are drawn.
pub(crate) fn options(terminal: &Terminal) -> view::Options {
    view::Options { width: terminal.width, color: terminal.color, ..view::Options::default() }
}

fn exit_code(comparison: &Comparison, strict: bool) -> u8 {
    let failed = comparison.contestants.iter().any(|one| one.unranked.is_some());
    let undecided = comparison.ranking.iter().any(|rank| rank.verdict == Verdict::CannotTell);
    match comparison.stopped {
        Stopped::Interrupted => Interrupt::exit_code().map_or(exit::SIGNAL, |code| code as u8),
        Stopped::NoneRan => exit::NOTHING_MEASURED,
        _ if strict && (failed || undecided) => exit::NOT_STRICT,
        _ => exit::OK,
    }
}

fn open(args: &CompareArgs, work: &Work) -> Result<Job, Error> {
    let subject = match (&args.subject[..], &args.words[..]) {
        ([], words) => args.work.command(words, &args.http)?,
        ([path], []) => args.work.named(path, &args.http)?,
        ([path], _) => {
            return Err(Error::usage(format!(
                "{} and a command behind `--` are two pieces of work; name one",
                path.display()
            )));
        }
        ([first, ..], _) => {
            return Err(Error::usage(format!(
                "one workload at a time: {} and one more were named; two saved results (.json) can \
                 be compared",
                first.display()
            )));
        }
    };
    Ok(subject::prepare(&subject, work)?)
}

fn find(name: &str, entries: &[Entry], runtimes: &Runtimes) -> Result<usize, Error> {
    let (known, rest) = name.split_once('/').unwrap_or_default();
    let known = runtimes.find(known).map(|runtime| format!("{}/{rest}", runtime.name));
    let name = known.as_deref().unwrap_or(name);
    let names: Vec<String> = entries.iter().map(|entry| entry.model.to_string()).collect();
    let bare = |full: &str| full.split('/').next_back() == Some(name);
    names.iter().position(|full| full == name || bare(full)).ok_or_else(|| {
        Error::usage(format!(
            "the baseline `{name}` does not take part; these do: {}",
            names.join(", ")
        ))
    })
}

fn begin(args: &CompareArgs, job: &Job, entries: &[Entry]) -> Comparison {
    Comparison {
        schema_version: SCHEMA,
        program_version: env!("CARGO_PKG_VERSION").to_owned(),
        subject: job.facts(),
        machine: machine::describe(),
        settings: settings(args, job),
        started: humantime::format_rfc3339_seconds(SystemTime::now()).to_string(),
        contestants: entries.iter().map(Entry::contestant).collect(),
        ranking: Vec::new(),
        conclusion: Conclusion::default(),
        stopped: Stopped::Running,
    }
}

fn settings(args: &CompareArgs, job: &Job) -> Settings {
    Settings {
        seed: args.work.seed,
        speed: args.work.speed.0,
        parameters: job.parameters(),
        warmup_rounds: args.warmup,
        budget_ns: args.runs.is_none().then_some(args.budget.0.as_nanos() as u64),
        timeout_ns: Some(args.work.timeout.0.as_nanos() as u64),
        memory_limit_bytes: args.work.memory_limit.map(|limit| limit.0),
        minimum_effect: args.min_effect.0,
    }
}

/// The world of the rounds: real runners, real files, a real clock.
struct Session<'a> {
    trial: Trial<'a>,
    timeout: Duration,
    /// What the first good run of each contestant showed of the work.
    natures: Vec<Option<Nature>>,
    /// What the last run of each contestant printed.
    logs: Vec<String>,
    entries: &'a [Entry],
    rules: &'a Rules,
    exports: &'a mut [Export],
    progress: ProgressLine,
    terminal: &'a Terminal,
    interrupt: &'a Interrupt,
    started: Instant,
    so_far: String,
}

impl Session<'_> {
    fn time_left(&self) -> String {
        match self.rules.rounds {
            Some(rounds) => format!("{} wanted", units::plural(u64::from(rounds), "round")),
            None => {
                let left = self.rules.budget.saturating_sub(self.started.elapsed());
                format!("at most {} s left", left.as_secs())
            }
        }
    }
}

impl World for Session<'_> {
    fn execute(
        &mut self,
        contestant: usize,
        purpose: Purpose,
    ) -> Result<Run, maitred_engine::Error> {
        let entry = &self.entries[contestant];
        let (limit, round) = (purpose.limit(self.timeout), purpose.round());
        self.trial.scheduling = purpose == Purpose::Trace;
        let left = self.time_left();
        let (progress, so_far) = (&mut self.progress, &self.so_far);
        let trace = self.trial.execute(entry, limit, &mut |at| {
            let share = at.finished as f64 / at.total.max(1) as f64 * 100.0;
            progress.show(|| {
                format!("{} · {} {share:.0} % · {so_far} · {left}", purpose.name(), entry.model)
            });
        })?;
        if purpose == Purpose::Trace {
            return Ok(self.trial.condense(&trace, round));
        }
        self.logs[contestant].clone_from(&trace.log);
        let nature = &mut self.natures[contestant];
        if nature.is_none() && purpose != Purpose::Warmup && trace.end == RunEnd::Finished {
            *nature = self.trial.nature(&trace);
        } else if let Some(nature) = nature {
            nature.interpreted.note_other_results(&trace);
        }
        Ok(self.trial.condense(&trace, round))
    }

    fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    fn round_done(&mut self, comparison: &Comparison) -> Result<(), maitred_engine::Error> {
        self.so_far = progress::estimate(comparison);
        for export in self.exports.iter_mut() {
            if let Some(failure) = export.update(comparison) {
                self.progress.clear();
                self.terminal.complain(&failure);
            }
        }
        Ok(())
    }

    fn interrupted(&self) -> bool {
        self.interrupt.is_raised()
    }
}
