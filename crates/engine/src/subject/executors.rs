//! Executors of the user's own: anything in Python to which calls can be submitted. A function makes one;
//! how many workers it has is asked of it before it takes part.

use maitred_core::result::SubjectKind;
use maitred_wire::{Model, Strategy};

use crate::error::Error;
use crate::request::Python;
use crate::runtime::interpreters::Interpreters;

/// The word of a model's setting that says which.
const AXIS: &str = "pool";
/// One that does not say how many workers it has may have so many, each with a lane of its own.
const LANES_MOST: u32 = 1000;

/// One of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Own {
    pub name: String,
    /// Who makes it: `FILE.py:NAME`.
    pub maker: String,
    /// How many workers it says that it has.
    workers: Option<u32>,
}

/// Asks each how many workers it has, on the interpreter that functions run on.
///
/// # Errors
/// [`Error::Usage`] where one cannot be made, or there is nothing for it to do.
pub(crate) fn look(python: &Python, kind: SubjectKind) -> Result<Vec<Own>, Error> {
    if python.executors.is_empty() {
        return Ok(Vec::new());
    }
    if kind == SubjectKind::Command {
        return Err(Error::Usage(
            "an executor does calls of Python, and a command is none; omit --executor, or name a \
             function (FILE.py:NAME)"
                .to_owned(),
        ));
    }
    let failed = |name: &str, why: String| Error::Usage(format!("the executor `{name}`: {why}"));
    let mut found: Vec<Own> = Vec::new();
    for (name, maker) in &python.executors {
        if found.iter().any(|one| one.name == *name) {
            let why = "two are called so; name them, as in --executor mine=pools.py:make";
            return Err(failed(name, why.to_owned()));
        }
        let mut interpreters = Interpreters::look(&python.interpreters)
            .map_err(|error| failed(name, error.to_string()))?;
        let workers = interpreters.count_workers(maker).map_err(|why| failed(name, why))?;
        found.push(Own { name: name.clone(), maker: maker.clone(), workers });
    }
    Ok(found)
}

impl Own {
    /// The contestant that it is.
    pub(crate) fn model(&self, like: &Model) -> Model {
        Model { setting: Some(format!("{AXIS}={}", self.name)), ..like.clone() }
    }

    /// How many workers it has, as far as that is known; else as many as there are tasks.
    pub(crate) fn workers(&self, tasks: u32) -> u32 {
        self.workers.unwrap_or_else(|| tasks.clamp(1, LANES_MOST))
    }
}

/// The one that a model names.
pub(crate) fn of<'a>(model: &Model, all: &'a [Own]) -> Option<&'a Own> {
    let mut words = model.setting.as_deref()?.split(' ').filter_map(|word| word.split_once('='));
    let (_, name) = words.find(|(axis, _)| *axis == AXIS)?;
    all.iter().find(|one| model.strategy == Strategy::Executor && one.name == name)
}

/// What else is set for a model.
pub(crate) fn rest(model: &Model) -> Option<String> {
    let setting = model.setting.as_deref()?;
    if model.strategy != Strategy::Executor {
        return Some(setting.to_owned());
    }
    let is_other = |word: &&str| word.split_once('=').is_none_or(|(axis, _)| axis != AXIS);
    Some(setting.split(' ').filter(is_other).collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(name: &str, workers: Option<u32>) -> Own {
        Own { name: name.into(), maker: format!("pools.py:{name}"), workers }
    }

    #[test]
    fn a_model_names_its_executor_beside_what_else_is_set() {
        let all = [own("mine", Some(4)), own("theirs", None)];
        let model = |text: &str| text.parse::<Model>().unwrap();
        let theirs = model("python3/executor call=get pool=theirs");
        assert_eq!(of(&theirs, &all), Some(&all[1]));
        assert_eq!(rest(&theirs), Some("call=get".into()));
        assert_eq!(rest(&all[0].model(&model("python3/executor"))), Some(String::new()));
        for other in
            ["python3/executor", "python3/executor pool=nobody", "python3/threads pool=mine"]
        {
            assert_eq!(of(&model(other), &all), None, "{other}");
        }
        assert_eq!(rest(&model("python3/threads pool=mine")), Some("pool=mine".into()));
    }

    #[test]
    fn who_does_not_say_how_many_workers_it_has_has_a_lane_for_each_task() {
        assert_eq!(own("mine", Some(4)).workers(100), 4);
        assert_eq!([0, 7, 5000].map(|tasks| own("mine", None).workers(tasks)), [1, 7, 1000]);
    }

    #[test]
    fn a_command_is_not_done_by_an_executor() {
        let executors = vec![("mine".to_owned(), "pools.py:make".to_owned())];
        let python = Python { executors, ..Python::default() };
        let why = look(&python, SubjectKind::Command).unwrap_err().to_string();
        assert!(why.contains("omit --executor"), "{why}");
        assert_eq!(look(&Python::default(), SubjectKind::Command).unwrap(), Vec::new());
    }
}
