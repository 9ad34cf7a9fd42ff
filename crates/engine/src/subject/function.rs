//! A function of the user's as the subject: how it is named, and under which models it is run if
//! none was named. What it does is known only to the interpreter that runs it.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use maitred_core::result::{SENT, SubjectKind};
use maitred_core::workload::ast::{Action, Task};
use maitred_wire::{Model, Strategy};

use crate::error::Error;
use crate::job::{Draft, Job, task, text};
use crate::request::{Calls, Python, Work};
use crate::runtime::interpreters::{Interpreters, fact};
use crate::runtimes::{Runtime, Runtimes};

/// Makes the work of a function: a call for each input, or so many.
///
/// # Errors
/// [`Error::Usage`] when there is no such file.
pub(super) fn prepare(
    name: &str,
    also: &[String],
    calls: &Calls,
    folder: Option<&Path>,
    given: &Work,
) -> Result<Job, Error> {
    let mut job = of_one(name, calls, folder, given)?;
    if also.is_empty() {
        return Ok(job);
    }
    let all: Vec<&str> = std::iter::once(name).chain(also.iter().map(String::as_str)).collect();
    for &one in &all {
        let twice = all.iter().filter(|&&other| bare(other) == bare(one)).count() > 1;
        let word = format!("call={}", if twice { one } else { bare(one) });
        if !is_async(one, folder) {
            job.unsuited.push((word.clone(), Strategy::EventLoop));
        }
        let variant = of_one(one, calls, folder, given)?;
        job.inputs.extend(variant.inputs);
        job.variants.push((word, variant.work));
    }
    job.asked.extend(also.iter().map(|one| ("also".to_owned(), one.clone())));
    Ok(job)
}

/// The work of one function.
fn of_one(name: &str, calls: &Calls, folder: Option<&Path>, given: &Work) -> Result<Job, Error> {
    check(name, folder)?;
    let action = Action::Call { function: text(name) };
    let task = match calls {
        Calls::Count(count) => task(bare(name), *count, action),
        Calls::Inputs(path) => Task {
            count: None,
            inputs: Some(text(&path.display().to_string())),
            ..task(bare(name), 1, action)
        },
        Calls::Made(maker) => task(bare(name), made(maker, &given.python)?, action),
    };
    let mut draft = Draft {
        folder: folder.map(Path::to_owned),
        ..Draft::of_one_step(name, SubjectKind::Function, task)
    };
    // Whoever wrote the function knows nothing of the parcel in which it travels.
    if let Some((SENT, own)) = name.split_once(':') {
        draft.written.title = Some(text(own));
    }
    let mut job = draft.lower(given, &given.set)?;
    job.asked = asked(&given.python, calls);
    if let Calls::Made(maker) = calls {
        job.maker = Some(maker.clone());
    }
    Ok(job)
}

/// Whether a subject is written as a function is: `file.py:name` or `package.module:name`.
pub fn is_function(text: &str) -> bool {
    text.rsplit_once(':').is_some_and(|(module, name)| {
        is_dotted(name)
            && (module.ends_with(".py") || is_dotted(module))
            && !Path::new(text).exists()
    })
}

fn is_dotted(text: &str) -> bool {
    text.split('.').all(|part| {
        let mut letters = part.chars();
        let begins = letters.next().is_some_and(|letter| letter.is_alphabetic() || letter == '_');
        begins && letters.all(|letter| letter.is_alphanumeric() || letter == '_')
    })
}

/// What was asked for, by the names of the options.
fn asked(python: &Python, calls: &Calls) -> Vec<(String, String)> {
    let inputs = match calls {
        Calls::Inputs(path) => Some(path.display().to_string()),
        Calls::Made(maker) => Some(maker.clone()),
        Calls::Count(_) => None,
    };
    let given = [
        ("inputs", inputs),
        ("args", python.args.clone()),
        ("setup", python.setup.clone()),
        ("worker-setup", python.worker_setup.clone()),
        ("worker-teardown", python.worker_teardown.clone()),
        ("warmup-calls", python.warmup_calls.map(|count| count.to_string())),
        ("chunk", python.chunk.map(|count| count.to_string())),
        ("expect", python.expect.clone()),
        ("spread", python.spread.then(|| "yes".to_owned())),
        ("concurrency", python.concurrency.map(|count| count.to_string())),
        ("discard-results", python.discard_results.then(|| "yes".to_owned())),
        ("start-method", python.start_method.map(|one| one.name().to_owned())),
        ("loop", python.event_loop.map(|one| one.name().to_owned())),
        ("cluster", python.cluster.clone()),
    ];
    given.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

/// How many inputs a function makes: asked of the interpreter on which functions run.
///
/// # Errors
/// [`Error::Usage`] with what the interpreter said.
fn made(maker: &str, python: &Python) -> Result<u32, Error> {
    check(maker, None)?;
    let failed =
        |why: String| Error::Usage(format!("the inputs of `{maker}` cannot be made: {why}"));
    let mut interpreters =
        Interpreters::look(&python.interpreters).map_err(|error| failed(error.to_string()))?;
    match interpreters.count_inputs(maker) {
        Ok(0) => Err(failed("it made none; return a list with one value for each call".into())),
        Ok(count) => Ok(count),
        Err(why) => Err(failed(why)),
    }
}

/// The last part of its name.
fn bare(name: &str) -> &str {
    name.rsplit([':', '.']).next().unwrap_or(name)
}

/// Looks whether its file is there; all else only the interpreter can say.
///
/// # Errors
/// [`Error::Usage`] when it is not.
fn check(name: &str, folder: Option<&Path>) -> Result<(), Error> {
    match name.rsplit_once(':') {
        Some((file, _)) if file.ends_with(".py") => {
            let path = folder.unwrap_or(Path::new("")).join(file);
            fs::read(&path).map_err(|error| Error::unreadable(&path, &error))?;
        }
        _ => {}
    }
    Ok(())
}

/// What is said of a file of Python that was named without a function in it.
pub fn unnamed(path: &Path) -> Error {
    let text = fs::read_to_string(path).unwrap_or_default();
    let defined = text.lines().filter_map(|line| {
        let line = line.strip_prefix("async ").unwrap_or(line);
        line.strip_prefix("def ")?.split('(').next()
    });
    let names: Vec<String> =
        defined.take(10).map(|name| format!("{}:{name}", path.display())).collect();
    let known = if names.is_empty() { String::new() } else { format!(": {}", names.join(", ")) };
    Error::Usage(format!(
        "{0} is a file of Python; name a function in it, as in {0}:NAME{known}",
        path.display()
    ))
}

/// How many workers an executor of the standard library takes by itself: `ThreadPoolExecutor` and
/// `InterpreterPoolExecutor` min(32, processors + 4), `ProcessPoolExecutor` one for each processor, as
/// the interpreter counts processors (docs.python.org, concurrent.futures). `None`: there is none for
/// this strategy, or the interpreter did not say.
pub(crate) fn library_default(runtime: &Runtime, strategy: Strategy) -> Option<u32> {
    let processors: u32 = fact(runtime.ready.as_ref()?, "processors")?.parse().ok()?;
    match strategy {
        Strategy::ThreadPool | Strategy::Interpreters => Some((processors + 4).min(32)),
        Strategy::Processes => Some(processors.max(1)),
        _ => None,
    }
}

/// The models that suit a function: those that wait in threads or compute apart, on the default
/// interpreter, and threads on one without a lock if there is one.
pub(crate) fn models(job: &Job, runtimes: &Runtimes) -> Vec<Model> {
    let all = runtimes.all().iter().filter(|runtime| runtime.ready.is_some());
    let mut models = Vec::new();
    for (index, runtime) in all.enumerate() {
        let no_lock = runtime.ready.as_ref().is_some_and(|ready| ready.gil == Some(false));
        let strategies: &[Strategy] = match index {
            0 if !job.unsuited.is_empty() => &EITHER,
            0 if is_async(&job.name, job.folder.as_deref()) => &AWAITED,
            0 => &PLAIN,
            _ if no_lock => &WITHOUT_LOCK,
            _ => &[],
        };
        models.extend(those_of(runtime, strategies));
        if index > 0 && no_lock {
            break; // one shows what there is to see
        }
    }
    models
}

/// No loop: a function that does not await stops it, which is `sequential` at a higher price.
const PLAIN: [Strategy; 4] =
    [Strategy::Sequential, Strategy::ThreadPool, Strategy::Processes, Strategy::Interpreters];
const AWAITED: [Strategy; 4] =
    [Strategy::Sequential, Strategy::EventLoop, Strategy::ThreadPool, Strategy::Processes];
/// Of several functions, each takes those that suit it.
const EITHER: [Strategy; 4] =
    [Strategy::Sequential, Strategy::EventLoop, Strategy::ThreadPool, Strategy::Processes];
const WITHOUT_LOCK: [Strategy; 2] = [Strategy::Sequential, Strategy::ThreadPool];

fn those_of(runtime: &Runtime, strategies: &[Strategy]) -> Vec<Model> {
    let has = |strategy: &&Strategy| runtime.strategies.contains(strategy);
    strategies.iter().filter(has).map(|one| Model::new(&runtime.name, *one)).collect()
}

/// Whether the text of its file has it as `async def`. Where that cannot be seen it is taken for
/// a plain one: an interpreter runs it rightly in either case.
fn is_async(name: &str, folder: Option<&Path>) -> bool {
    let (module, _) = name.rsplit_once(':').unwrap_or((name, ""));
    let here = folder.unwrap_or(Path::new(""));
    let text = match module.ends_with(".py") {
        true => fs::read_to_string(here.join(module)).unwrap_or_default(),
        false => text_of_module(module, here, env::var_os("PYTHONPATH").as_deref()),
    };
    let start = format!("async def {}(", bare(name));
    text.lines().any(|line| line.trim_start().starts_with(&start))
}

/// The text of a module, looked for `here` and on the path as an interpreter does; empty: it is not there.
fn text_of_module(module: &str, here: &Path, path: Option<&OsStr>) -> String {
    let file = module.replace('.', "/");
    let folders = env::split_paths(path.unwrap_or_default());
    let read = |folder: PathBuf| {
        let module = fs::read_to_string(folder.join(format!("{file}.py")));
        module.or_else(|_| fs::read_to_string(folder.join(&file).join("__init__.py"))).ok()
    };
    std::iter::once(here.to_owned()).chain(folders).find_map(read).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_told_from_files() {
        for text in ["a.py:f", "dir/a.py:f", "a:f", "pack.module:Class.method", "/x/a.py:_f"] {
            assert!(is_function(text), "{text}");
        }
        for text in ["a.kdl", "a.py", "a.py:", "a.py:2", "dir/a:f", "a.py:f g", "1a:f", ":f"] {
            assert!(!is_function(text), "{text}");
        }
    }

    #[test]
    fn what_was_sent_by_value_is_called_as_its_author_does() {
        let title = |name: &str| {
            let job = of_one(name, &Calls::Count(3), None, &Work::default()).unwrap();
            job.work.title.unwrap()
        };
        assert_eq!(
            (title("maitred_sent:fetch"), title("shop:fetch")),
            ("fetch".into(), "shop:fetch".into())
        );
    }

    #[test]
    fn a_module_is_looked_for_on_the_path() {
        let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::write(second.path().join("fetching.py"), "async def get(url): ...\n").unwrap();
        fs::create_dir_all(first.path().join("shop/till")).unwrap();
        fs::write(first.path().join("shop/till/__init__.py"), "def pay(): ...\n").unwrap();
        let path = env::join_paths([first.path(), second.path()]).unwrap();
        let nowhere = Path::new("");
        let text = |module| text_of_module(module, nowhere, Some(path.as_os_str()));
        assert_eq!(text("fetching"), "async def get(url): ...\n");
        assert_eq!(text("shop.till"), "def pay(): ...\n");
        assert_eq!(text("shop"), "");
        assert_eq!(text_of_module("fetching", nowhere, None), "");
        assert_eq!(text_of_module("fetching", second.path(), None), "async def get(url): ...\n");
    }
}
