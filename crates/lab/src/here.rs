//! What this machine is and has, as a page says it.

use maitred_core::result::Machine;
use maitred_core::view::units;
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

/// A runtime that could be here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Missing {
    pub name: &'static str,
    /// How to get it.
    pub how: &'static str,
}

/// Runtimes by the beginning of their names in models.
const KNOWN: &[(&str, Missing)] = &[
    ("python3", Missing { name: "Python", how: "install python3, as in: apt install python3" }),
    (
        "python3t",
        Missing {
            name: "Python without a GIL",
            how: "install a free-threaded build, as in: uv python install 3.14t",
        },
    ),
    ("pypy3", Missing { name: "PyPy", how: "install pypy3, as in: apt install pypy3" }),
];

impl Here {
    /// Before anybody was asked: the models that are part of this program.
    pub fn at_first(machine: &Machine, native: &[String]) -> Self {
        let native = [("native".to_owned(), native.to_vec())];
        Self { missing: Vec::new(), complete: false, ..Self::new(machine, &native) }
    }

    /// From the facts of a machine, and runtimes with their models by name.
    pub fn new(machine: &Machine, runtimes: &[(String, Vec<String>)]) -> Self {
        let is_here = |known: &str| {
            runtimes.iter().any(|(name, _)| match known {
                "python3" => name.starts_with("python3") && !name.ends_with('t'),
                "python3t" => name.starts_with("python3") && name.ends_with('t'),
                _ => name.starts_with(known),
            })
        };
        let missing = KNOWN.iter().filter(|(name, _)| !is_here(name)).map(|(_, it)| it.clone());
        Self {
            machine: format!(
                "{} × {} · {} · Linux {}",
                machine.cores,
                machine.cpu,
                units::bytes(machine.memory_bytes),
                machine.kernel
            ),
            models: runtimes.iter().flat_map(|(_, models)| models.clone()).collect(),
            missing: missing.collect(),
            complete: true,
        }
    }
}
