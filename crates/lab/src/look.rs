//! What is known of a cell before it runs: its parameters, models and claims, every mistake with
//! its place, and what it would start that is not ours. Nothing runs here.

use maitred_core::workload::ast::{Action, Data, Step, Value, Workload};
use maitred_core::workload::{self, Choices, Diagnostic, Lowered, Place};
use maitred_engine::claims::BuiltIn;
use maitred_engine::subject::claimed;
use serde::Serialize;

use crate::knob::{self, Knob};
use crate::limits;
use crate::notebook::{Cell, Kind};

/// What can be said of a source.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Look {
    pub title: Option<String>,
    pub knobs: Vec<Knob>,
    /// The models that it compares if nobody chooses.
    pub first: Vec<String>,
    /// The sentences that it claims.
    pub claims: Vec<String>,
    pub mistakes: Vec<Mistake>,
    /// `None`: it starts nothing but what is ours.
    pub asks: Option<Asks>,
    /// How many tasks a run has.
    pub tasks: u32,
    /// The text of claims that are only named.
    pub reads: Option<String>,
}

/// A mistake with its place in the cell.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Mistake {
    /// Counted from 1; 0: it has no place in the cell.
    pub line: usize,
    /// In characters, counted from 1.
    pub column: usize,
    /// In characters.
    pub length: usize,
    pub message: String,
    pub help: Option<String>,
}

impl Mistake {
    fn of_cell(message: String) -> Self {
        Self { line: 0, column: 0, length: 0, message, help: None }
    }
}

/// What a cell would start, for a person to read before it may.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Asks {
    pub what: &'static str,
    /// All of it: who agrees, agrees to this text.
    pub text: String,
}

/// Looks at a source in the place of this cell. `servers` are those declared above it.
pub(crate) fn look(cell: &Cell, source: &str, servers: &str, set: &[(String, String)]) -> Look {
    let mut look = match cell.kind {
        Kind::Python => python(cell, source),
        Kind::Claim => match named(source) {
            Some(claims) => of_claims(claims),
            None => of_workload(source, "", set),
        },
        Kind::Workload => of_workload(source, servers, set),
        Kind::Server => of_servers(source),
    };
    if let Some(title) = &cell.directives.title {
        look.title = Some(title.clone());
    }
    look
}

/// The claims that a source names, one a line; `None`: it is a workload.
pub(crate) fn named(source: &str) -> Option<Vec<&str>> {
    let words: Vec<&str> = source.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let is_name = |word: &&str| word.chars().all(|one| one.is_ascii_alphanumeric() || one == '-');
    (!words.is_empty() && words.iter().all(is_name)).then_some(words)
}

fn of_claims(names: Vec<&str>) -> Look {
    let mut look = Look::default();
    let mut texts = Vec::new();
    for name in names {
        match BuiltIn::find(name) {
            Ok(found) => texts.extend(found.iter().map(|one| one.text)),
            Err(error) => look.mistakes.push(Mistake::of_cell(error.to_string())),
        }
    }
    for text in &texts {
        if let Ok(lowered) = lower(text, &[]) {
            look.title = look.title.or(lowered.title);
            look.claims.extend(lowered.claims.into_iter().map(|claim| claim.says));
        }
    }
    look.reads = Some(texts.join("\n"));
    look
}

/// What a source comes to with these values of its parameters.
///
/// # Errors
/// Every mistake in it.
pub(crate) fn lower(source: &str, set: &[(String, String)]) -> Result<Lowered, Vec<Diagnostic>> {
    lowered(&workload::parse(source)?, set)
}

fn lowered(workload: &Workload, set: &[(String, String)]) -> Result<Lowered, Vec<Diagnostic>> {
    workload::lower(workload, &Choices { seed: 1, set: set.to_vec(), ..Choices::default() })
}

fn of_workload(source: &str, servers: &str, set: &[(String, String)]) -> Look {
    let whole = format!("{servers}{source}");
    let place = |mistakes: Vec<Diagnostic>| {
        mistakes.iter().map(|one| located(one, &whole, servers.len())).collect()
    };
    let workload = match workload::parse(&whole) {
        Ok(workload) => workload,
        Err(mistakes) => return Look { mistakes: place(mistakes), ..Look::default() },
    };
    let mut look = Look {
        knobs: knob::knobs(&workload),
        asks: asks(&workload),
        mistakes: limits::forbidden(&workload).into_iter().map(Mistake::of_cell).collect(),
        ..Look::default()
    };
    match lowered(&workload, set) {
        Ok(lowered) => {
            look.tasks = lowered.task_count();
            look.title = lowered.title;
            look.first = lowered.compare.iter().map(ToString::to_string).collect();
            look.claims = lowered.claims.into_iter().map(|claim| claim.says).collect();
        }
        Err(mistakes) => look.mistakes.extend::<Vec<_>>(place(mistakes)),
    }
    look
}

/// A cell of servers declares some, and nothing else.
fn of_servers(source: &str) -> Look {
    let probe = format!("{source}\ntask \"probe\" {{ wait \"1ms\" }}");
    let mut look = of_workload(&probe, "", &[]);
    look.title = Some("Servers for the cells below".to_owned());
    look.claims.clear();
    let others =
        workload::parse(&probe).is_ok_and(|it| it.tasks.len() != 1 || it.servers.is_empty());
    if others {
        let message = "a cell of servers declares servers and nothing else; tasks belong into a \
                       workload cell below";
        look.mistakes.push(Mistake::of_cell(message.to_owned()));
    }
    look
}

fn python(cell: &Cell, source: &str) -> Look {
    let mut look = Look {
        asks: Some(Asks {
            what: "This cell runs Python code with your rights:",
            text: source.to_owned(),
        }),
        claims: cell.directives.claims.iter().map(|it| claimed::sentence(it).to_owned()).collect(),
        ..Look::default()
    };
    match function_of(cell, source) {
        Some(function) => look.title = Some(format!("The function `{function}`")),
        None => look.mistakes.push(Mistake::of_cell(
            "there is no function here; write one, as in: def work(): …".to_owned(),
        )),
    }
    look
}

/// Which function of a source of Python is meant: the one on the fence, else the last.
pub(crate) fn function_of<'a>(cell: &'a Cell, source: &'a str) -> Option<&'a str> {
    let defined = |line: &'a str| {
        let rest = line.strip_prefix("async def ").or_else(|| line.strip_prefix("def "))?;
        rest.split(['(', ' ', ':']).next()
    };
    let mut all = source.lines().filter_map(defined);
    match cell.directives.call.as_deref() {
        Some(named) => all.find(|name| *name == named),
        None => all.next_back(),
    }
}

/// The programs and functions that are not ours.
fn asks(workload: &Workload) -> Option<Asks> {
    let mut lines = Vec::new();
    for task in &workload.tasks {
        foreign(&task.steps, &mut lines);
    }
    let inputs = workload.tasks.iter().filter_map(|task| task.inputs.as_ref());
    lines.extend(inputs.map(|path| format!("reads the file {}", shown(path))));
    lines.sort();
    lines.dedup();
    let what = "This cell starts what is not part of maitred, with your rights:";
    (!lines.is_empty()).then(|| Asks { what, text: lines.join("\n") })
}

fn foreign(steps: &[Step], lines: &mut Vec<String>) {
    for step in steps {
        match &step.action {
            Action::Run { program, args } => {
                let words: Vec<String> = [program].into_iter().chain(args).map(shown).collect();
                lines.push(format!("runs the program {}", words.join(" ")));
            }
            Action::Call { function } => {
                lines.push(format!("calls the function {}", shown(function)));
            }
            Action::Hold { steps, .. } | Action::Repeat { steps, .. } => foreign(steps, lines),
            _ => {}
        }
    }
}

fn shown(value: &Value) -> String {
    match &value.data {
        Data::Text(text) => format!("{text:?}"),
        other => format!("{other:?}"),
    }
}

/// A mistake with line and column, counted in the cell, above which `skipped` bytes stand.
fn located(diagnostic: &Diagnostic, whole: &str, skipped: usize) -> Mistake {
    let (message, help) = (diagnostic.message.clone(), diagnostic.help.clone());
    let span = match &diagnostic.place {
        Place::Source(span) if span.start >= skipped => span.clone(),
        Place::Source(_) => {
            let message = format!("in the servers above: {message}");
            return Mistake { help, ..Mistake::of_cell(message) };
        }
        Place::File | Place::Option { .. } => return Mistake { help, ..Mistake::of_cell(message) },
    };
    let before = &whole[skipped..span.start.min(whole.len())];
    let line_start = before.rfind('\n').map_or(0, |end| end + 1);
    let marked = whole.get(span).unwrap_or_default();
    Mistake {
        line: before.matches('\n').count() + 1,
        column: before[line_start..].chars().count() + 1,
        length: marked.lines().next().unwrap_or_default().chars().count().max(1),
        message,
        help,
    }
}
