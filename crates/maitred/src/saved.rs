//! Saved results: shown again, or held beside newer ones. Refuses to rank what was measured on
//! different machines or is different work, unless it is told to.

use std::fs;
use std::path::Path;

use maitred_core::result::{Comparison, Machine, SubjectFacts};
use maitred_core::view::{self, units};
use maitred_store::Selector;

use crate::changed::Telling;
use crate::cli::{Against, CompareArgs, StoreArgs};
use crate::error::{Error, exit};
use crate::export;
use crate::keep;
use crate::terminal::Terminal;

/// Shows one saved result again, or what changed between two.
///
/// # Errors
/// [`Error::usage`] when one cannot be read, or they do not compare.
pub(crate) fn show(args: &CompareArgs, terminal: &Terminal) -> Result<u8, Error> {
    refuse_to_run(args)?;
    let first = load(&args.subject[0])?;
    let second = args.subject.get(1).map(|path| load(path)).transpose()?;
    let shown = second.as_ref().unwrap_or(&first);
    let mut text = view::table::table(shown, &terminal.options());
    let other = second.is_some().then_some(&first);
    let has_older = other.is_some() || args.against.is_some();
    let mut telling = Telling::open(&args.changes, has_older)?;
    let against = older(args)?.map(|old| old.find(&args.keep.place, facts(shown))).transpose()?;
    for old in other.into_iter().chain(&against) {
        comparable(facts(shown), facts(old), args.across_machines)?;
        text.push_str(&telling.tell(shown, old, terminal));
    }
    let mut exports = export::open(&args.results.files(), &args.charts)?;
    let written = export::finish(&mut exports, shown, terminal);
    terminal.print(&text)?;
    Ok(telling.code(if written { exit::OK } else { exit::NOT_WRITTEN }))
}

fn facts(one: &Comparison) -> (&Machine, &SubjectFacts) {
    (&one.machine, &one.subject)
}

/// Options that choose what is run mean nothing beside a result that was: better said than ignored.
fn refuse_to_run(args: &CompareArgs) -> Result<(), Error> {
    let chosen = [
        ("--models", !args.models.is_empty()),
        ("--workers", args.workers.is_some()),
        ("--runs", args.rounds.runs.is_some()),
        ("--baseline", args.baseline.is_some()),
        ("--set", !args.work.set.is_empty()),
        ("--count", args.work.count.is_some()),
        ("--memory-limit", args.work.memory_limit.is_some()),
        ("--inputs", args.work.python.inputs.is_some()),
        ("--python", !args.work.python.pythons.is_empty()),
    ];
    match chosen.iter().find(|(_, given)| *given) {
        None => Ok(()),
        Some((option, _)) => Err(Error::usage(format!(
            "{option} chooses what is run, but {} is a saved result, which is only shown; omit \
             {option}, or name the workload itself",
            args.subject[0].display()
        ))),
    }
}

/// Reads a saved result.
///
/// # Errors
/// [`Error::usage`] when it cannot be read or is of another kind or version.
pub(crate) fn load(path: &Path) -> Result<Comparison, Error> {
    let text = fs::read_to_string(path).map_err(|error| Error::unreadable(path, &error))?;
    view::json::from_json(&text)
        .map_err(|error| Error::usage(format!("{}: {error}", path.display())))
}

/// The result that a newer one is held beside.
#[derive(Debug)]
pub(crate) enum Older {
    Known(Box<Comparison>),
    /// The last one of the same work: which that is, is known when the work is.
    Last,
}

impl Older {
    /// It, if it is known which.
    pub(crate) fn known(&self) -> Option<&Comparison> {
        match self {
            Self::Known(comparison) => Some(comparison),
            Self::Last => None,
        }
    }

    /// It, beside this work on this machine.
    ///
    /// # Errors
    /// [`Error::usage`] where none is kept.
    pub(crate) fn find(
        self,
        place: &StoreArgs,
        new: (&Machine, &SubjectFacts),
    ) -> Result<Comparison, Error> {
        match self {
            Self::Known(comparison) => Ok(*comparison),
            Self::Last => keep::comparison(&place.read()?, &Selector::Last, Some(new)),
        }
    }
}

/// What `--against` names.
///
/// # Errors
/// [`Error::usage`] where there is no such result.
pub(crate) fn older(args: &CompareArgs) -> Result<Option<Older>, Error> {
    let found = match &args.against {
        None => return Ok(None),
        Some(Against::Kept(Selector::Last)) => return Ok(Some(Older::Last)),
        Some(Against::Kept(named)) => keep::comparison(&args.keep.place.read()?, named, None)?,
        Some(Against::File(path)) => load(path)?,
    };
    Ok(Some(Older::Known(Box::new(found))))
}

/// Whether two results may be held beside each other: where each was measured, and of what.
///
/// # Errors
/// [`Error::usage`] that says what differs and how to do it all the same.
pub(crate) fn comparable(
    (machine, subject): (&Machine, &SubjectFacts),
    (other_machine, other_subject): (&Machine, &SubjectFacts),
    anyway: bool,
) -> Result<(), Error> {
    let described = |one: &Machine| {
        let processors = units::processors(one.processors());
        format!("{}, {processors}, Linux {}", one.cpu, one.kernel)
    };
    let difference = if machine.id != other_machine.id {
        format!(
            "they were measured on different machines ({}; {})",
            described(other_machine),
            described(machine)
        )
    } else if subject.fingerprint != other_subject.fingerprint {
        format!("they are different work ({}; {})", other_subject.name, subject.name)
    } else {
        return Ok(());
    };
    if anyway {
        return Ok(());
    }
    Err(Error::usage(format!(
        "these results are not compared with each other: {difference}; add --across-machines to \
         do it all the same"
    )))
}
