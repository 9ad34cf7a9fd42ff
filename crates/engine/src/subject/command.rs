//! Commands: so many copies of one, or of each of several.

use std::path::Path;

use maitred_core::result::SubjectKind;
use maitred_core::view::shell;
use maitred_core::workload::ast::{Action, Data, Name, Param, Value, Workload};

use crate::error::Error;
use crate::job::{Draft, Job, task, text};
use crate::request::{Around, NamedCommand, Work};

/// What options of commands are called: a parameter of such a name could not be told from them.
const OPTIONS: [&str; 6] = ["command", "prepare", "cleanup", "input", "ignore-failure", "count"];

/// What is to be run, and how often.
#[derive(Clone, Copy, Debug)]
pub(super) struct Commands<'a> {
    /// The only one; empty: there are several.
    pub words: &'a [String],
    pub named: &'a [NamedCommand],
    pub count: u32,
    pub around: &'a Around,
}

/// Makes the work of commands. `{name}` in a word stands for what is set or swept by that name; all
/// other braces are the command's own.
///
/// # Errors
/// [`Error::Usage`] when a command cannot be found, or two have one name.
pub(super) fn prepare(
    commands: &Commands<'_>,
    given: &Work,
    sweep: &[(String, String)],
) -> Result<Job, Error> {
    let Commands { words, named, count, around } = *commands;
    // Of what is swept the first value, so that there is something to begin with.
    let first = |(name, values): &(String, String)| {
        let value = values.split(',').next().unwrap_or_default();
        (name.clone(), value.trim().to_owned())
    };
    let set: Vec<_> = given.set.iter().cloned().chain(sweep.iter().map(first)).collect();
    if let Some((name, _)) = set.iter().find(|(name, _)| OPTIONS.contains(&name.as_str())) {
        return Err(Error::Usage(format!(
            "`{name}` is an option of commands; call the parameter otherwise"
        )));
    }
    if let Some(path) = &around.input {
        std::fs::File::open(path).map_err(|error| Error::unreadable(path, &error))?;
    }
    let only = [NamedCommand { name: String::new(), words: words.to_vec() }];
    let all = if named.is_empty() { &only[..] } else { named };
    let mut works = Vec::new();
    for (at, command) in all.iter().enumerate() {
        if all[..at].iter().any(|other| other.name == command.name) {
            let name = &command.name;
            return Err(Error::Usage(format!("two commands are called `{name}`; rename one")));
        }
        works.push(draft(command, count, &set)?);
    }
    let lines: Vec<String> = named.iter().map(|one| shell::line(&one.words)).collect();
    let title = if named.is_empty() { shell::line(words) } else { lines.join(" | ") };
    let written = Workload { title: Some(text(&title)), ..works[0].clone() };
    let kind = SubjectKind::Command;
    let draft = Draft { name: title, kind, source: String::new(), folder: None, written };
    let mut job = draft.lower(given, &set)?;
    if !named.is_empty() {
        let name = |one: &NamedCommand| format!("command={}", one.name);
        job.alternatives = named.iter().map(name).zip(works).collect();
    }
    job.asked = asked(named, &lines, around);
    job.around = around.clone();
    Ok(job)
}

/// The work of one command.
fn draft(command: &NamedCommand, count: u32, set: &[(String, String)]) -> Result<Workload, Error> {
    let [program, args @ ..] = &command.words[..] else {
        return Err(Error::Usage("a command has at least one word: its program".to_owned()));
    };
    find_program(&filled(program, set))?;
    let word = |word: &String| with_parameters(word, set);
    let run = Action::Run { program: word(program), args: args.iter().map(word).collect() };
    let param = |(name, _): &(String, String)| Param {
        name: Name { text: name.clone(), span: 0..0 },
        // Of an empty text any value may take the place.
        default: text(""),
        min: None,
        max: None,
    };
    Ok(Workload {
        title: Some(text(&shell::line(&command.words))),
        params: set.iter().map(param).collect(),
        tasks: vec![task("copy", count, run)],
        ..Workload::default()
    })
}

/// A word in which the names of parameters in braces are parameters of the workload.
fn with_parameters(word: &str, set: &[(String, String)]) -> Value {
    let Value { data: Data::Text(mut own), .. } = text(word) else { return text(word) };
    for (name, _) in set {
        own = own.replace(&format!("{{{name}}}"), &format!("${{{name}}}"));
    }
    Value { data: Data::Text(own), ..text(word) }
}

/// A text with values in place of the names in braces.
pub(crate) fn filled(text: &str, values: &[(String, String)]) -> String {
    let put = |text: String, (name, value): &(String, String)| {
        text.replace(&format!("{{{name}}}"), value)
    };
    values.iter().fold(text.to_owned(), put)
}

/// The options that make the work what it is, as they are typed.
fn asked(named: &[NamedCommand], lines: &[String], around: &Around) -> Vec<(String, String)> {
    let commands = named.iter().zip(lines).map(|(one, line)| format!("{}={line}", one.name));
    let commands = commands.map(|line| ("command".to_owned(), line));
    let options = [
        ("prepare", around.prepare.clone()),
        ("cleanup", around.cleanup.clone()),
        ("input", around.input.as_ref().map(|path| path.display().to_string())),
        ("ignore-failure", around.ignore_failure.as_ref().map(ToString::to_string)),
    ];
    let options = options.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
    commands.chain(options).collect()
}

/// Whether the shell would find the program: a wrong name must not start anything.
///
/// # Errors
/// [`Error::Usage`] with what is in the way.
pub fn find_program(name: &str) -> Result<(), Error> {
    use std::os::unix::fs::PermissionsExt;
    let runnable = |path: &Path| {
        path.metadata()
            .is_ok_and(|facts| facts.is_file() && facts.permissions().mode() & 0o111 != 0)
    };
    let found = if name.contains('/') {
        runnable(Path::new(name))
    } else {
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path).any(|folder| runnable(&folder.join(name)))
    };
    if found {
        return Ok(());
    }
    let hint = if name.contains(' ') {
        "; write the words apart, without quotes around them all, or run a shell: -- sh -c '…'"
    } else if Path::new(name).is_dir() {
        "; it is a directory"
    } else if Path::new(name).exists() {
        "; it is not executable"
    } else {
        "; check its name and the PATH"
    };
    Err(Error::Usage(format!("there is no program `{name}` to run{hint}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn job(words: &[&str], set: &[(&str, &str)]) -> Job {
        let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
        let around = Around::default();
        let commands = Commands { words: &words, named: &[], count: 2, around: &around };
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let given = Work { set: set.iter().map(own).collect(), ..Work::default() };
        prepare(&commands, &given, &[]).unwrap()
    }

    #[test]
    fn only_names_that_are_set_are_parameters() {
        let job = job(&["sh", "-c", "{run} ${HOME} $$ {} {j}-{k}"], &[("j", "3"), ("run", "a b")]);
        let maitred_wire::Action::Run { program, args } = &job.work.programs[0].steps[0].action
        else {
            panic!("{:?}", job.work.programs);
        };
        assert_eq!(program, "sh");
        assert_eq!(args, &["-c", "a b ${HOME} $$ {} 3-{k}"]);
        assert_eq!(filled("x{j}{k}", &[("j".into(), "3".into())]), "x3{k}");
    }
}
