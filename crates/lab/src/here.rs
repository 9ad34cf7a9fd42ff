//! What this machine is and has, as a page says it.

use maitred_core::result::Machine;
use maitred_core::view::units;
use maitred_engine::runtime::languages::Language;
use serde::Serialize;

/// The machine and its runtimes.
#[derive(Clone, Debug)]
pub struct Here {
    /// In a line.
    pub machine: String,
    /// Models that a workload can be run under, the native ones first.
    pub models: Vec<String>,
    pub missing: Vec<Missing>,
    /// Whether all runtimes were asked.
    pub complete: bool,
}

/// A runtime that is here.
#[derive(Clone, Debug)]
pub struct Present {
    pub name: String,
    /// Whether it has a global lock, as it says itself; `None`: it is no interpreter.
    pub gil: Option<bool>,
    /// Models that a workload can be run under.
    pub models: Vec<String>,
}

/// A runtime that could be here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Missing {
    pub name: String,
    /// How to get it.
    pub how: String,
}

/// Interpreters of Python by the beginning of their names in models, and how to get each.
const PYTHONS: &[(&str, &str, &str)] = &[
    ("python3", "Python", "install python3, as in: apt install python3"),
    (
        "python3t",
        "Python without a GIL",
        "install a free-threaded build, as in: uv python install 3.14t",
    ),
    ("pypy3", "PyPy", "install pypy3, as in: apt install pypy3"),
];

/// What other languages lack here; one that has all it needs and did not answer is missing too.
fn languages(is_here: impl Fn(&str) -> bool) -> impl Iterator<Item = Missing> {
    let absent = Language::ALL.into_iter().filter(move |language| !is_here(language.name()));
    absent.map(|language| Missing {
        name: title(language).to_owned(),
        how: match language.tool() {
            Err(why) => why,
            Ok(_) => format!(
                "it is installed, but its runner did not answer; `maitred runtimes` says why {} is not offered",
                language.name()
            ),
        },
    })
}

fn title(language: Language) -> &'static str {
    match language {
        Language::Node => "Node",
        Language::Bun => "Bun",
        Language::Go => "Go",
        Language::Java => "Java",
        Language::Erlang => "Erlang",
    }
}

impl Here {
    /// Before anybody was asked: the models that are part of this program.
    pub fn at_first(machine: &Machine, native: &[String]) -> Self {
        let native = [Present { name: "native".to_owned(), gil: None, models: native.to_vec() }];
        Self { missing: Vec::new(), complete: false, ..Self::new(machine, &native) }
    }

    /// From the facts of a machine, and its runtimes.
    pub fn new(machine: &Machine, runtimes: &[Present]) -> Self {
        let is_here = |known: &str| {
            runtimes.iter().any(|Present { name, gil, .. }| match known {
                "python3" => name.starts_with("python3") && *gil != Some(false),
                "python3t" => name.starts_with("python3") && *gil == Some(false),
                _ => name.starts_with(known),
            })
        };
        let pythons = PYTHONS.iter().filter(|(known, ..)| !is_here(known));
        let pythons = pythons
            .map(|(_, name, how)| Missing { name: (*name).to_owned(), how: (*how).to_owned() });
        let missing = pythons.chain(languages(is_here));
        Self {
            machine: format!(
                "{} × {} · {} · Linux {}",
                machine.cores,
                machine.cpu,
                units::bytes(machine.memory_bytes),
                machine.kernel
            ),
            models: runtimes.iter().flat_map(|one| one.models.clone()).collect(),
            missing: missing.collect(),
            complete: true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interpreter_without_a_lock_is_missing_until_one_says_that_it_has_none() {
        let machine: Machine = serde_json::from_str(
            r#"{"id": "", "cpu": "x", "cores": 2, "memory_bytes": 1, "kernel": "6", "architecture": "x86_64"}"#,
        )
        .unwrap();
        let missing = |name: &str, gil| {
            let present = Present { name: name.to_owned(), gil, models: Vec::new() };
            let names = Here::new(&machine, &[present]).missing.into_iter().map(|one| one.name);
            names.filter(|name| name.starts_with("Python")).collect::<Vec<_>>()
        };
        assert_eq!(missing("python3.14", Some(true)), ["Python without a GIL"]);
        assert_eq!(missing("python3.14t", Some(true)), ["Python without a GIL"]);
        assert_eq!(missing("python3.14.0t-2", Some(false)), ["Python"]);
    }
}
