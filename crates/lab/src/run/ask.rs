//! From a cell and what a reader turned to requests of the engine, within the limits of this
//! program.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Instant;

use maitred_core::result::Check;
use maitred_core::trace::{RunEnd, Trace};
use maitred_core::view::units;
use maitred_core::workload;
use maitred_engine::request::{self, Calls, Claims, Compare, Subject, Work};
use maitred_engine::{Cancel, Engine, Event, Outcome, Purpose, Request};
use maitred_wire::Model;
use tempfile::TempDir;

use super::pace::Pace;
use super::told;
use crate::describe;
use crate::found::Found;
use crate::limits;
use crate::look::{self, Look};
use crate::notebook::{Cell, Kind};
use crate::session::Session;
use crate::shown;
use crate::wish::Wish;

/// A cell that may run.
#[derive(Debug)]
pub(crate) struct Ready {
    cell: Cell,
    servers: String,
    look: Look,
    folder: Option<PathBuf>,
    /// In which rounds are begun, nanoseconds.
    budget_ns: u64,
    /// What one run may take, nanoseconds.
    timeout_ns: u64,
}

/// Looks whether a cell may run.
///
/// # Errors
/// A lowercase sentence: the first mistake in it, or that nobody agreed to what it starts.
pub(crate) fn prepare(session: &Session, wish: &Wish) -> Result<Ready, String> {
    let (cell, servers, folder) = find(session, wish)?;
    let look = look::look(&cell, &wish.source, &servers, &wish.set);
    if let Some(mistake) = look.mistakes.first() {
        let place =
            if mistake.line > 0 { format!("line {}: ", mistake.line) } else { String::new() };
        return Err(format!("{place}{}", mistake.message));
    }
    if let Some(asks) = &look.asks {
        if wish.agreed.as_ref() == Some(&asks.text) {
            session.agree(&asks.text);
        }
        if !session.is_agreed(&asks.text) {
            return Err(
                "this cell starts what is not part of maitred, and nobody agreed to it yet"
                    .to_owned(),
            );
        }
    }
    if !(1e-6..=1e6).contains(&wish.speed) {
        return Err("a speed lies between 0.000001 and 1000000".to_owned());
    }
    if wish.models.len() > limits::MODELS {
        return Err(format!("a cell compares {} models at most; choose fewer", limits::MODELS));
    }
    let named = if wish.models.is_empty() { &look.first } else { &wish.models };
    if let Some(model) = named.iter().find(|model| threads(model, look.tasks) > limits::THREADS) {
        return Err(format!(
            "under {model} this would start more than {} threads or processes; turn it down, or compare it on \
             the command line",
            units::count(limits::THREADS.into())
        ));
    }
    if cell.directives.count.is_some_and(|count| count > limits::CALLS) {
        return Err(format!(
            "a cell calls a function {} times at most",
            units::count(limits::CALLS.into())
        ));
    }
    let budget_ns = match wish.budget_ns {
        Some(chosen) => chosen.min(shown::nanos(limits::BUDGET_MAX)),
        None => (describe::budget_ns(&cell) as f64 * session.share) as u64,
    };
    Ok(Ready { cell, servers, look, folder, budget_ns, timeout_ns: session.timeout_ns })
}

/// How many threads or processes a model has that says so, or has one for each task.
fn threads(model: &str, tasks: u32) -> u32 {
    match model.parse::<Model>() {
        Ok(Model { workers: Some(workers), .. }) => workers,
        Ok(model) => model.strategy.facts().workers(tasks, 1),
        Err(_) => 1,
    }
}

/// What a cell would start that is not ours; `None`: nothing.
pub(crate) fn asked(session: &Session, wish: &Wish) -> Option<String> {
    let (cell, servers, _) = find(session, wish).ok()?;
    Some(look::look(&cell, &wish.source, &servers, &wish.set).asks?.text)
}

type Place = (Cell, String, Option<PathBuf>);

fn find(session: &Session, wish: &Wish) -> Result<Place, String> {
    let book = session.book(&wish.book)?;
    let notebook = book.read()?;
    let cell = notebook.cell(&wish.cell).cloned();
    let cell = cell
        .ok_or_else(|| format!("there is no cell `{}` any more; open the page again", wish.cell))?;
    let servers = notebook.servers_above(&cell.id);
    Ok((cell, servers, book.folder().map(Path::to_owned)))
}

/// The engine at work for one cell.
struct Runs<'a> {
    engine: &'a Engine,
    cancel: &'a Cancel,
    send: &'a mut dyn FnMut(String),
    pace: Pace,
}

impl Ready {
    /// Does what the cell asks; `send` hears every event of the engine as a line of JSON.
    pub(super) fn run(
        &self,
        engine: &Engine,
        wish: &Wish,
        cancel: &Cancel,
        send: &mut dyn FnMut(String),
    ) -> Result<Found, String> {
        let mut runs = Runs { engine, cancel, send, pace: Pace::default() };
        let mut found = Found::default();
        match self.cell.kind {
            Kind::Server => {
                return Err("servers are started with the cells that ask them".to_owned());
            }
            Kind::Claim => {
                let claims = match look::named(&wish.source) {
                    Some(names) => {
                        names.iter().map(|name| Claims::Named((*name).to_owned())).collect()
                    }
                    None => vec![self.claims(wish.source.clone())],
                };
                found.check = Some(runs.check(self.asked(claims, 1))?);
            }
            Kind::Python => {
                let place = self.place(wish)?;
                let (subject, says) = (self.function(wish, &place), &self.cell.directives.claims);
                let share = if says.is_empty() { 1 } else { 2 };
                runs.compare(self.compare(subject.clone(), wish, share), &mut found)?;
                if let Some(comparison) = &mut found.comparison {
                    // A function is known by its name, which others may have; a cell by what is in it.
                    let known = format!("{}\n{}", comparison.subject.name, wish.source);
                    comparison.subject.fingerprint = workload::fingerprint(&known);
                }
                if share > 1 && !cancel.is_cancelled() {
                    let claims = self.about(subject, 1.0, says.clone());
                    found.check = Some(runs.check(self.asked(vec![claims], share))?);
                }
            }
            Kind::Workload => {
                let text = format!("{}{}", self.servers, wish.source);
                let has_claims = !self.look.claims.is_empty();
                let share = if has_claims { 2 } else { 1 };
                // Claims about what is compared have the rounds of that, and need no share of the time.
                let own = if told::is_about(&text, &wish.models) { 1 } else { share };
                let (name, folder) = (self.cell.id.clone(), self.folder.clone());
                let subject = Subject::WorkloadText { name, text: text.clone(), folder };
                runs.compare(self.compare(subject.clone(), wish, own), &mut found)?;
                let is_as_meant = wish.speed == self.speed() || told::bears_speed(&text);
                if !wish.set.is_empty() || !is_as_meant {
                    found.untested.clone_from(&self.look.claims);
                } else if has_claims && !cancel.is_cancelled() {
                    let measured = found.comparison.as_ref();
                    found.check = match measured.and_then(|it| told::by_rounds(&text, it)) {
                        Some(check) => Some(check),
                        None => {
                            let claims = self.about(subject, wish.speed, Vec::new());
                            Some(runs.check(self.asked(vec![claims], share))?)
                        }
                    };
                }
            }
        }
        Ok(found)
    }

    /// The speed at which the cell is written, and its claims are meant.
    fn speed(&self) -> f64 {
        self.cell.directives.speed.unwrap_or(1.0)
    }

    /// Work as a cell may do it.
    fn limited(&self, speed: f64) -> Work {
        Work {
            speed,
            timeout_ns: self.timeout_ns,
            memory_limit_bytes: Some(limits::MEMORY_BYTES),
            ..Work::default()
        }
    }

    fn compare(&self, subject: Subject, wish: &Wish, share: u64) -> Compare {
        Compare {
            models: wish.models.clone(),
            work: Work { set: wish.set.clone(), ..self.limited(wish.speed) },
            rounds: request::Rounds {
                exactly: self.cell.directives.rounds.filter(|_| wish.budget_ns.is_none()),
                budget_ns: Some(self.budget_ns / share),
                warmup: 0,
                ..request::Rounds::default()
            },
            ..Compare::of(subject)
        }
    }

    /// What is asked of the claims: the time of the cell is for all of them.
    fn asked(&self, claims: Vec<Claims>, share: u64) -> request::Check {
        request::Check {
            budget_ns: self.budget_ns / share / claims.len().max(1) as u64,
            timeout_ns: self.timeout_ns,
            claims,
            ..request::Check::default()
        }
    }

    fn claims(&self, text: String) -> Claims {
        Claims::Text { name: self.cell.id.clone(), text, folder: self.folder.clone() }
    }

    /// Claims about this work, besides those that it makes itself.
    fn about(&self, subject: Subject, speed: f64, says: Vec<String>) -> Claims {
        Claims::About { subject: Box::new(subject), work: Box::new(self.limited(speed)), says }
    }

    /// The file of a cell of Python.
    fn file(&self) -> String {
        format!("{}.py", self.cell.id.replace('-', "_"))
    }

    /// A folder with that file, and what it can import: the modules that lie beside its notebook.
    fn place(&self, wish: &Wish) -> Result<TempDir, String> {
        let none = |error| format!("there is no place for the files of a cell: {error}");
        let place = tempfile::Builder::new().prefix("maitred-lab-").tempdir().map_err(none)?;
        fs::write(place.path().join(self.file()), &wish.source).map_err(none)?;
        let folder = self.folder.as_deref().map(|it| Path::new(".").join(it).canonicalize());
        let beside = folder.and_then(|folder| fs::read_dir(folder.ok()?).ok());
        for path in beside.into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path())) {
            let is_module = path.extension().is_some_and(|end| end == "py")
                || path.join("__init__.py").is_file();
            if let Some(name) = path.file_name().filter(|_| is_module) {
                // One that is called as the file of the cell is not what is meant.
                let _ = symlink(&path, place.path().join(name));
            }
        }
        Ok(place)
    }

    fn function(&self, wish: &Wish, place: &TempDir) -> Subject {
        let function = look::function_of(&self.cell, &wish.source).unwrap_or("work");
        let calls = Calls::Count(self.cell.directives.count.unwrap_or(20).min(limits::CALLS));
        let name = format!("{}:{function}", self.file());
        let folder = Some(place.path().to_owned());
        Subject::Function { name, also: Vec::new(), calls, folder }
    }
}

impl Runs<'_> {
    /// Compares models; of each the last run that was recorded is kept, to be replayed.
    fn compare(&mut self, request: Compare, found: &mut Found) -> Result<(), String> {
        let mut traces: BTreeMap<usize, Trace> = BTreeMap::new();
        let mut keep = |event: &Event<'_>| {
            let Event::RunEnded { contestant, purpose, trace, .. } = event else { return };
            let is_first = !traces.contains_key(contestant);
            let is_good = trace.end == RunEnd::Finished && *purpose != Purpose::Warmup;
            if !trace.spans.is_empty() && (is_good || is_first) {
                traces.insert(*contestant, (*trace).clone());
            }
        };
        let outcome = self.ask(&Request::Compare(request), &mut keep)?;
        if let Outcome::Compared(comparison) = outcome {
            found.comparison = Some(*comparison);
        }
        found.traces = traces.into_values().collect();
        Ok(())
    }

    fn check(&mut self, request: request::Check) -> Result<Check, String> {
        match self.ask(&Request::Check(request), &mut |_| {})? {
            Outcome::Checked(check) => Ok(check),
            _ => Err("the engine answered something else".to_owned()),
        }
    }

    fn ask(
        &mut self,
        request: &Request,
        see: &mut dyn FnMut(&Event<'_>),
    ) -> Result<Outcome, String> {
        let (send, pace) = (&mut *self.send, &mut self.pace);
        let mut on_event = |event: Event<'_>| {
            see(&event);
            // What was measured is shown by us, in the words of the page.
            let is_told = match event {
                Event::Result(_) | Event::RoundsEnded { .. } => false,
                Event::Progress { .. } => pace.allows(Instant::now()),
                _ => true,
            };
            if is_told && let Ok(line) = serde_json::to_string(&event) {
                send(line);
            }
        };
        let outcome = self.engine.run(request, self.cancel, &mut on_event);
        outcome.map_err(|error| error.to_string())
    }
}
