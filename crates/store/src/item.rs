//! One thing to keep, made of what was found: the main type is [`Item`].

use std::convert::Infallible;
use std::str::FromStr;

use maitred_core::analyse::units;
use maitred_core::recording::{self, Provenance};
use maitred_core::result::{
    Check, Comparison, Machine, Run, Settings, Strategies, SubjectFacts, Truth,
};
use maitred_core::trace::Trace;
use maitred_core::view::json;

use crate::pack::{Packed, Packer, pack};

/// A trace beyond this is cut, bytes, as `--trace-limit` cuts a file.
const TRACE_BYTES: u64 = 64 << 20;

/// What was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    Compare,
    /// A comparison of numbers of workers.
    Scale,
    Run,
    Check,
    Strategies,
    Cell,
}

impl Kind {
    pub const ALL: [Self; 6] =
        [Self::Compare, Self::Scale, Self::Run, Self::Check, Self::Strategies, Self::Cell];

    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Compare => "compare",
            Self::Scale => "scale",
            Self::Run => "run",
            Self::Check => "check",
            Self::Strategies => "strategies",
            Self::Cell => "cell",
        }
    }
}

impl FromStr for Kind {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let all = Self::ALL.map(Self::name).join(", ");
        let found = Self::ALL.into_iter().find(|kind| kind.name() == text);
        found.ok_or_else(|| format!("there are {all}"))
    }
}

/// What is kept beside the figures, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The result of a comparison, JSON (`docs/result.schema.json`).
    Comparison,
    /// What was found of claims, JSON.
    Check,
    /// What strategies are like, JSON.
    Strategies,
    /// The figures of one run, JSON: a [`Head`](recording::Head).
    Run,
    /// The text of the workload, or of the file in which a function stands.
    Workload,
    /// What a page needs to show a cell again, JSON.
    Cell,
}

impl Part {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Comparison => "comparison",
            Self::Check => "check",
            Self::Strategies => "strategies",
            Self::Run => "run",
            Self::Workload => "workload",
            Self::Cell => "cell",
        }
    }
}

/// A cell of a notebook.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CellPlace {
    pub book: String,
    pub cell: String,
}

/// What one model did, as a list or a history shows it; nanoseconds and bytes. `None`: not known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Figure {
    pub model: String,
    pub workers: u32,
    pub work_ns: Option<u64>,
    pub low_ns: Option<u64>,
    pub high_ns: Option<u64>,
    pub cpu_ns: Option<u64>,
    pub memory_bytes: Option<u64>,
}

/// Everything that is kept of one thing that was run.
#[derive(Clone, Debug)]
pub struct Item {
    pub kind: Kind,
    pub(crate) started: String,
    pub(crate) subject: String,
    pub(crate) title: Option<String>,
    pub(crate) fingerprint: String,
    pub(crate) machine: Machine,
    pub(crate) version: String,
    pub(crate) seed: Option<u64>,
    pub cell: Option<CellPlace>,
    pub(crate) answer: String,
    pub(crate) figures: Vec<Figure>,
    pub(crate) parts: Vec<(Part, Packed)>,
    /// Each with its model.
    pub(crate) traces: Vec<(String, Packed)>,
}

impl Item {
    /// Of several models on one piece of work.
    pub fn of_comparison(comparison: &Comparison) -> Self {
        let figures = comparison.contestants.iter().map(|one| {
            let model = one.model.to_string();
            let summary = one.summary.as_ref();
            Figure {
                model,
                workers: one.workers,
                work_ns: summary.map(|it| it.work_ns),
                low_ns: summary.map(|it| it.work_low_ns),
                high_ns: summary.map(|it| it.work_high_ns),
                cpu_ns: summary.and_then(|it| it.cpu_ns.known().copied()),
                memory_bytes: summary.and_then(|it| it.memory_bytes.known().copied()),
            }
        });
        let answer = comparison.conclusion.answer.as_ref().map(|answer| answer.text.clone());
        let item = Self {
            title: comparison.subject.title.clone(),
            fingerprint: comparison.subject.fingerprint.clone(),
            seed: Some(comparison.settings.seed),
            answer: answer.unwrap_or_default(),
            figures: figures.collect(),
            ..Self::new(
                if comparison.scaling.is_some() { Kind::Scale } else { Kind::Compare },
                &comparison.subject.name,
                (&comparison.machine, &comparison.program_version, &comparison.started),
            )
        };
        item.with(Part::Comparison, json::to_json(comparison).as_bytes())
    }

    /// Of one run under one model.
    pub fn of_run(from: &Provenance, trace: &Trace, run: &Run) -> Self {
        let model = trace.model.to_string();
        let figure = Figure {
            model: model.clone(),
            workers: trace.workers,
            work_ns: Some(run.work_ns),
            cpu_ns: run.work_cpu.known().map(|cpu| cpu.user_ns.saturating_add(cpu.system_ns)),
            memory_bytes: run.memory.known().map(|peak| peak.bytes),
            ..Figure::default()
        };
        let item = Self {
            title: from.subject.title.clone(),
            fingerprint: from.subject.fingerprint.clone(),
            seed: Some(from.settings.seed),
            answer: format!(
                "{model}: {} in {}",
                units::plural(run.tasks.done, "task"),
                units::duration(run.work_ns)
            ),
            figures: vec![figure],
            ..Self::new(
                Kind::Run,
                &from.subject.name,
                (&from.machine, &from.program_version, &from.started),
            )
        };
        let head = recording::Head {
            provenance: from.clone(),
            trace: trace.without_records(),
            run: Some(run.clone()),
        };
        let head = serde_json::to_vec(&head).unwrap_or_default();
        item.with(Part::Run, &head).with_trace(from, trace, Some(run))
    }

    /// Of claims that were tested.
    pub fn of_check(check: &Check) -> Self {
        let names: Vec<&str> = check.experiments.iter().map(|it| it.name.as_str()).collect();
        let all = || check.experiments.iter().flat_map(|experiment| &experiment.claims);
        let number = |truth| all().filter(|found| found.verdict == truth).count() as u64;
        let (holds, refuted) = (number(Truth::Holds), number(Truth::Refuted));
        let claims = all().count() as u64;
        let item = Self {
            answer: format!(
                "{}: {} hold, {} refuted, {} without a verdict",
                units::plural(claims, "claim"),
                units::count(holds),
                units::count(refuted),
                units::count(claims - holds - refuted)
            ),
            ..Self::new(
                Kind::Check,
                &several(&names, "experiment"),
                (&check.machine, &check.program_version, &check.started),
            )
        };
        item.with(Part::Check, json::check_to_json(check).as_bytes())
    }

    /// Of what strategies are like.
    pub fn of_strategies(strategies: &Strategies) -> Self {
        let names: Vec<&str> =
            strategies.runtimes.iter().map(|table| table.runtime.as_str()).collect();
        let item = Self {
            answer: format!("a table for {}", names.join(", ")),
            ..Self::new(
                Kind::Strategies,
                &several(&names, "runtime"),
                (&strategies.machine, &strategies.program_version, &strategies.started),
            )
        };
        item.with(Part::Strategies, json::strategies_to_json(strategies).as_bytes())
    }

    fn new(kind: Kind, subject: &str, from: (&Machine, &str, &str)) -> Self {
        let (machine, version, started) = from;
        Self {
            kind,
            started: started.to_owned(),
            subject: subject.to_owned(),
            title: None,
            fingerprint: String::new(),
            machine: machine.clone(),
            version: version.to_owned(),
            seed: None,
            cell: None,
            answer: String::new(),
            figures: Vec::new(),
            parts: Vec::new(),
            traces: Vec::new(),
        }
    }

    /// With one part more. What is empty is not kept.
    #[must_use]
    pub fn with(mut self, part: Part, bytes: &[u8]) -> Self {
        // Packing into memory does not fail.
        if let (false, Ok(packed)) = (bytes.is_empty(), pack(bytes)) {
            self.parts.push((part, packed));
        }
        self
    }

    /// With what was recorded of a run.
    #[must_use]
    pub fn with_trace(mut self, from: &Provenance, trace: &Trace, run: Option<&Run>) -> Self {
        let mut packer = Packer::new();
        let written: Result<_, Infallible> =
            recording::write(from, trace, run, TRACE_BYTES, |bytes| {
                // Packing into memory does not fail.
                let _ = packer.take(bytes);
                Ok(())
            });
        if let (Ok(_), Ok(packed)) = (written, packer.end()) {
            self.traces.push((trace.model.to_string(), packed));
        }
        self
    }

    /// With what was found of claims about the same work.
    #[must_use]
    pub fn with_check(self, check: &Check) -> Self {
        self.with(Part::Check, json::check_to_json(check).as_bytes())
    }

    /// As what was found in a cell of a notebook.
    #[must_use]
    pub fn in_cell(self, cell: CellPlace) -> Self {
        Self { kind: Kind::Cell, cell: Some(cell), ..self }
    }

    /// Where the traces of this comparison come from.
    pub fn provenance(comparison: &Comparison) -> Provenance {
        let subject: &SubjectFacts = &comparison.subject;
        let settings: &Settings = &comparison.settings;
        Provenance {
            program_version: comparison.program_version.clone(),
            started: comparison.started.clone(),
            heading: subject.title.clone().unwrap_or_else(|| subject.name.clone()),
            subject: subject.clone(),
            machine: comparison.machine.clone(),
            settings: settings.clone(),
        }
    }
}

fn several(names: &[&str], noun: &str) -> String {
    match names {
        [] => format!("no {noun}"),
        [one] => (*one).to_owned(),
        [first, .., last] => format!("{first} … {last} ({} {noun}s)", names.len()),
    }
}
