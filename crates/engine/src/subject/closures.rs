//! Functions of the program that asks, which is its own runner: several may do one job.

use maitred_core::result::SubjectKind;
use maitred_core::workload::ast::Action;
use maitred_wire::{Model, Strategy};

use crate::error::Error;
use crate::job::{Draft, Job, task, text};
use crate::request::{Closure, Work};
use crate::runtimes::Runtimes;

/// Where a function is looked for: among those of the program itself.
const PLACE: &str = "closure";

/// Makes the work: so many calls of each.
///
/// # Errors
/// [`Error::Usage`] when there is none, or two have one name.
pub(super) fn prepare(
    name: &str,
    closures: &[Closure],
    count: u32,
    given: &Work,
) -> Result<Job, Error> {
    let Some((first, others)) = closures.split_first() else {
        return Err(Error::Usage(format!("`{name}` has nothing to call; give it a function")));
    };
    let mut job = of_one(name, first, count, given)?;
    job.unsuited = unsuited(None, first);
    if others.is_empty() {
        return Ok(job);
    }
    job.unsuited.clear();
    for (at, closure) in closures.iter().enumerate() {
        if closures[..at].iter().any(|other| other.name == closure.name) {
            let twice = &closure.name;
            return Err(Error::Usage(format!(
                "`{name}` has two calls named `{twice}`; rename one"
            )));
        }
        let word = format!("call={}", closure.name);
        job.unsuited.extend(unsuited(Some(&word), closure));
        job.variants.push((word, of_one(name, closure, count, given)?.work));
    }
    Ok(job)
}

fn of_one(name: &str, closure: &Closure, count: u32, given: &Work) -> Result<Job, Error> {
    let action = Action::Call { function: text(&format!("{PLACE}:{}", closure.name)) };
    let task = task(&closure.name, count, action);
    Draft::of_one_step(name, SubjectKind::Closure, task).lower(given, &given.set)
}

/// The strategies that are left aside unless they are named: a loop gains nothing for what does not
/// give way, nor a thread for what does.
fn unsuited(word: Option<&str>, closure: &Closure) -> Vec<(String, Strategy)> {
    let strategies: &[Strategy] = match closure.is_awaited {
        true => &[Strategy::ThreadPool, Strategy::Processes],
        false => &[Strategy::EventLoop, Strategy::AsyncPool],
    };
    strategies.iter().map(|one| (word.unwrap_or_default().to_owned(), *one)).collect()
}

/// The models from which those are taken that suit a function.
const ALL: [Strategy; 5] = [
    Strategy::Sequential,
    Strategy::EventLoop,
    Strategy::AsyncPool,
    Strategy::ThreadPool,
    Strategy::Processes,
];

/// The models that may suit, of every library.
pub(crate) fn models(runtimes: &Runtimes) -> Vec<Model> {
    let mut models = runtimes.all_models();
    models.retain(|model| ALL.contains(&model.strategy));
    models
}
