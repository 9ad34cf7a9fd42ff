//! From a cell and what a reader turned to work for the engine, within the limits of this program.

use std::fs;

use maitred_core::result::{Check, SCHEMA};
use maitred_core::view::units;
use maitred_engine::claims::{self, BuiltIn};
use maitred_engine::measure::machine;
use maitred_engine::request::{Calls, Subject, Work};
use maitred_engine::subject;
use serde_json::Value;
use tempfile::TempDir;

use super::rounds::{self, Rounds};
use super::{Cancel, Found};
use crate::describe;
use crate::limits;
use crate::look::{self, Look};
use crate::notebook::{Cell, Kind};
use crate::session::{Session, Wish};
use crate::shown;

/// A cell that may run.
#[derive(Debug)]
pub(crate) struct Ready {
    cell: Cell,
    servers: String,
    look: Look,
    folder: Option<std::path::PathBuf>,
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
    if cell.directives.count.is_some_and(|count| count > limits::CALLS) {
        return Err(format!(
            "a cell calls a function {} times at most",
            units::count(limits::CALLS.into())
        ));
    }
    Ok(Ready { cell, servers, look, folder })
}

/// What a cell would start that is not ours; `None`: nothing.
pub(crate) fn asked(session: &Session, wish: &Wish) -> Option<String> {
    let (cell, servers, _) = find(session, wish).ok()?;
    Some(look::look(&cell, &wish.source, &servers, &wish.set).asks?.text)
}

type Place = (Cell, String, Option<std::path::PathBuf>);

fn find(session: &Session, wish: &Wish) -> Result<Place, String> {
    let book = session.book(&wish.book)?;
    let notebook = book.read()?;
    let cell = notebook.cell(&wish.cell).cloned();
    let cell = cell
        .ok_or_else(|| format!("there is no cell `{}` any more; open the page again", wish.cell))?;
    let servers = notebook.servers_above(&cell.id);
    Ok((cell, servers, book.folder().map(std::path::Path::to_owned)))
}

impl Ready {
    /// Does what the cell asks.
    pub(super) fn run(
        &self,
        wish: &Wish,
        cancel: &Cancel,
        tell: &dyn Fn(Value),
    ) -> Result<Found, String> {
        let work = self.work(wish);
        let mut found = Found::default();
        match self.cell.kind {
            Kind::Server => {
                return Err("servers are started with the cells that ask them".to_owned());
            }
            Kind::Claim => found.check = Some(self.check(wish, &work, cancel, tell)?),
            Kind::Python => {
                let place = folder()?;
                let subject = self.function(wish, &place)?;
                self.compare(&subject, wish, &work, cancel, tell, &mut found)?;
            }
            Kind::Workload => {
                let subject = self.text(format!("{}{}", self.servers, wish.source), &self.cell.id);
                self.compare(&subject, wish, &work, cancel, tell, &mut found)?;
                if !self.look.claims.is_empty() && !cancel.is_wished() {
                    found.check = Some(self.judge(&subject, &work, cancel, tell)?);
                }
            }
        }
        Ok(found)
    }

    fn work(&self, wish: &Wish) -> Work {
        Work {
            set: wish.set.clone(),
            speed: wish.speed,
            timeout_ns: shown::nanos(limits::RUN),
            memory_limit_bytes: Some(limits::MEMORY_BYTES),
            ..Work::default()
        }
    }

    fn rounds<'a>(&self, cancel: &'a Cancel, tell: &'a dyn Fn(Value), share: u64) -> Rounds<'a> {
        Rounds {
            budget_ns: describe::budget_ns(&self.cell) / share,
            rounds: self.cell.directives.rounds,
            cancel,
            tell,
        }
    }

    fn text(&self, text: String, name: &str) -> Subject {
        Subject::WorkloadText { name: name.to_owned(), text, folder: self.folder.clone() }
    }

    fn function(&self, wish: &Wish, place: &TempDir) -> Result<Subject, String> {
        let file = place.path().join(format!("{}.py", self.cell.id.replace('-', "_")));
        fs::write(&file, &wish.source)
            .map_err(|error| format!("there is no place for the function: {error}"))?;
        let function = look::function_of(&self.cell, &wish.source).unwrap_or("work");
        let calls = Calls::Count(self.cell.directives.count.unwrap_or(20).min(limits::CALLS));
        Ok(Subject::Function { name: format!("{}:{function}", file.display()), calls })
    }

    fn compare(
        &self,
        subject: &Subject,
        wish: &Wish,
        work: &Work,
        cancel: &Cancel,
        tell: &dyn Fn(Value),
        found: &mut Found,
    ) -> Result<(), String> {
        let share = if self.look.claims.is_empty() { 1 } else { 2 };
        let job = subject::prepare(subject, work).map_err(|error| error.to_string())?;
        let (comparison, traces) =
            rounds::compare(job, &wish.models, work, &self.rounds(cancel, tell, share))?;
        found.comparison = Some(comparison);
        found.traces = traces;
        Ok(())
    }

    /// The claims of a cell that only names some, or of its own workload.
    fn check(
        &self,
        wish: &Wish,
        work: &Work,
        cancel: &Cancel,
        tell: &dyn Fn(Value),
    ) -> Result<Check, String> {
        let Some(names) = look::named(&wish.source) else {
            return self.judge(&self.text(wish.source.clone(), &self.cell.id), work, cancel, tell);
        };
        let place = folder()?;
        claims::put_functions(place.path())
            .map_err(|error| format!("there is no place for the functions: {error}"))?;
        let mut all = Vec::new();
        for name in names {
            all.extend(BuiltIn::find(name).map_err(|error| error.to_string())?);
        }
        let mut check = begin();
        for one in &all {
            if cancel.is_wished() {
                break;
            }
            let subject = Subject::WorkloadText {
                name: one.name.to_owned(),
                text: one.text.to_owned(),
                folder: Some(place.path().to_owned()),
            };
            let rounds = self.rounds(cancel, tell, all.len() as u64);
            check.experiments.push(rounds::experiment(&subject, work, &rounds)?);
        }
        Ok(check)
    }

    fn judge(
        &self,
        subject: &Subject,
        work: &Work,
        cancel: &Cancel,
        tell: &dyn Fn(Value),
    ) -> Result<Check, String> {
        let share = if self.cell.kind == Kind::Claim { 1 } else { 2 };
        let mut check = begin();
        check.experiments.push(rounds::experiment(
            subject,
            work,
            &self.rounds(cancel, tell, share),
        )?);
        Ok(check)
    }
}

fn begin() -> Check {
    Check {
        schema_version: SCHEMA,
        program_version: env!("CARGO_PKG_VERSION").to_owned(),
        machine: machine::describe(),
        started: humantime::format_rfc3339_seconds(std::time::SystemTime::now()).to_string(),
        experiments: Vec::new(),
    }
}

fn folder() -> Result<TempDir, String> {
    let made = tempfile::Builder::new().prefix("maitred-lab-").tempdir();
    made.map_err(|error| format!("there is no place for the files of a cell: {error}"))
}
