//! From a [`Workload`] and the settings of a run to work that runners can do: every duration in
//! nanoseconds, everything random drawn. The main type is [`Lowered`].

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

use maitred_wire as wire;

use super::ast::Workload;
use super::check::check;
use super::claim::Claim;
use super::diagnostic::{Diagnostic, in_order};
use super::draft::{Arrivals, Crowd, Draft, Server, draft};
use super::draw::{ARRIVALS, Table, generator};
use super::expectation::Expect;
use super::param::Params;
use super::quantity::Nanos;
use super::step::StepInfo;

/// What is chosen for a run beside the file.
#[derive(Clone, Debug, PartialEq)]
pub struct Choices {
    /// From which everything random follows.
    pub seed: u64,
    /// Divides every duration; above 0.
    pub speed: f64,
    /// Parameters by name, as written on the command line; the last of a name counts.
    pub set: Vec<(String, String)>,
    /// How many lines each input file has, by the path in the workload ([`input_files`]).
    pub inputs: Vec<(String, u64)>,
}

impl Default for Choices {
    fn default() -> Self {
        Self { seed: 0, speed: 1.0, set: Vec::new(), inputs: Vec::new() }
    }
}

/// Work that runners can do, and what is needed to understand what they did.
#[derive(Clone, Debug, PartialEq)]
pub struct Lowered {
    pub title: Option<String>,
    pub about: Option<String>,
    /// All of them, resolved.
    pub parameters: Vec<(String, String)>,
    pub programs: Vec<wire::Program>,
    pub groups: Vec<wire::TaskGroup>,
    pub resources: Vec<wire::Resource>,
    pub vars: Vec<wire::Var>,
    pub channels: Vec<wire::Channel>,
    /// In the URL of an `http` step, `${NAME}` stands for the address of the server `NAME`.
    pub servers: Vec<Server>,
    /// What the side file contains; empty: none is needed.
    pub columns: Vec<u64>,
    pub column_specs: Vec<wire::Column>,
    /// By step id. `repeat` records no span and is not among them: its ids come after.
    pub steps: Vec<StepInfo>,
    /// Where each step stands in the file, by step id.
    pub places: Vec<Range<usize>>,
    pub expectations: Vec<Expect>,
    /// In the order of the file; empty: the file says nothing.
    pub compare: Vec<wire::Model>,
    /// Parameters and the values that a comparison gives them one after another, as texts.
    pub sweeps: Vec<(String, Vec<String>)>,
    pub claims: Vec<Claim>,
    /// The models that the claims are about, each once.
    pub claimed: Vec<wire::Model>,
    pub seed: u64,
    pub speed: f64,
    /// A hash of the work: equal work, equal hash.
    pub fingerprint: String,
    spans_per_task: Vec<u64>,
}

/// Puts in parameters and draws what is random.
///
/// # Errors
/// Every mistake that the settings bring out, in the file or in the settings themselves.
pub fn lower(workload: &Workload, settings: &Choices) -> Result<Lowered, Vec<Diagnostic>> {
    let mut mistakes = Vec::new();
    mistakes.extend(wrong_speed(settings.speed));
    let params = Params::resolve(workload, &settings.set, &mut mistakes);
    let draft = draft(workload, &params, Some(&settings.inputs), &mut mistakes);
    check(&draft, &mut mistakes);
    if !mistakes.is_empty() {
        return Err(in_order(mistakes));
    }
    Ok(Lowered::new(draft, &params, settings))
}

/// The input files that the tasks name, whose lines the caller is to count for [`Choices`].
pub fn input_files(workload: &Workload, set: &[(String, String)]) -> Vec<String> {
    let mut mistakes = Vec::new();
    let params = Params::resolve(workload, set, &mut mistakes);
    let draft = draft(workload, &params, None, &mut mistakes);
    draft.crowds.into_iter().filter_map(|crowd| crowd.inputs).collect()
}

fn wrong_speed(speed: f64) -> Option<Diagnostic> {
    let text = format!("--speed {speed}");
    let span = "--speed ".len()..text.len();
    let wrong = !(1e-6..=1e6).contains(&speed);
    wrong.then(|| Diagnostic::option(text, span, "a speed lies between 0.000001 and 1000000"))
}

impl Lowered {
    fn new(draft: Draft, params: &Params, settings: &Choices) -> Self {
        let Choices { seed, speed, .. } = *settings;
        let mut groups = groups(&draft.crowds, speed);
        let table = table(&draft, &mut groups, settings);
        let mut lowered = Self {
            title: draft.title,
            about: draft.about,
            parameters: params.shown(),
            programs: draft.programs,
            groups,
            resources: draft.resources,
            vars: draft.vars,
            channels: draft.channels,
            servers: draft.servers,
            columns: table.values,
            column_specs: table.columns,
            steps: draft.steps,
            places: draft.spans,
            expectations: draft.expectations,
            compare: draft.compare,
            sweeps: draft.sweeps,
            claims: draft.claims,
            claimed: draft.claimed,
            seed,
            speed,
            fingerprint: String::new(),
            spans_per_task: draft.crowds.iter().map(|crowd| crowd.spans).collect(),
        };
        for program in &mut lowered.programs {
            hasten(&mut program.steps, speed);
        }
        for step in &mut lowered.steps {
            step.asked_ns = step.asked_ns.map(|ns| Nanos(ns).faster(speed).0);
        }
        for server in &mut lowered.servers {
            server.delay_ns = Nanos(server.delay_ns).faster(speed).0;
        }
        lowered.fingerprint = lowered.hash();
        lowered
    }

    /// The number of tasks in all groups.
    pub fn task_count(&self) -> u32 {
        self.groups.iter().map(|group| group.count).sum()
    }

    /// How many spans a task of each group records if it does all its steps, by group.
    pub fn spans_per_task(&self) -> &[u64] {
        &self.spans_per_task
    }

    /// How many spans all tasks together record at most.
    pub fn span_count(&self) -> u64 {
        let groups = self.groups.iter().zip(&self.spans_per_task);
        groups.map(|(group, spans)| u64::from(group.count) * spans).sum()
    }

    /// The plan for a runner. `columns_path` is where the columns were written; it is not used
    /// if there are none. `${NAME}` of servers is left in the URLs.
    pub fn plan(
        &self,
        strategy: wire::Strategy,
        workers: u32,
        calibration: Option<f64>,
        trace_path: String,
        columns_path: String,
    ) -> wire::Plan {
        let columns = wire::Columns { path: columns_path, columns: self.column_specs.clone() };
        wire::Plan {
            protocol: wire::PROTOCOL,
            strategy,
            workers,
            seed: self.seed,
            calibration,
            programs: self.programs.clone(),
            groups: self.groups.clone(),
            resources: self.resources.clone(),
            vars: self.vars.clone(),
            channels: self.channels.clone(),
            columns: (!self.column_specs.is_empty()).then_some(columns),
            trace_path,
            limits: wire::Limits::default(),
            rounds: 1,
            options: BTreeMap::new(),
        }
    }

    /// Equal work, equal hash: programs, tasks, objects and all that was drawn.
    fn hash(&self) -> String {
        let servers = self.servers.iter().map(|server| format!("{server:?}"));
        let servers: Vec<String> = servers.collect();
        // Where a file of inputs lies is not what the work is.
        let bare = |path: &String| String::from(path.rsplit('/').next().unwrap_or_default());
        let group = |group: &wire::TaskGroup| wire::TaskGroup {
            inputs: group.inputs.as_ref().map(bare),
            ..group.clone()
        };
        let groups: Vec<_> = self.groups.iter().map(group).collect();
        let work = (&self.programs, &groups, &self.resources, &self.vars, &self.channels);
        let text = serde_json::to_string(&(work, servers, &self.column_specs))
            .expect("a plan is numbers and texts");
        let mut hash = Hash::of(&text);
        self.columns.iter().for_each(|value| hash.add(*value));
        format!("{:016x}", hash.0)
    }
}

/// Of work that is known by a text: equal text, equal fingerprint.
pub fn fingerprint(text: &str) -> String {
    format!("{:016x}", Hash::of(text).0)
}

/// A running hash of words, each mixed in as SplitMix64 does (Steele, Lea and Flood, 2014).
#[derive(Default)]
struct Hash(u64);

impl Hash {
    fn of(text: &str) -> Self {
        let mut hash = Self::default();
        text.bytes().for_each(|byte| hash.add(byte.into()));
        hash
    }

    fn add(&mut self, word: u64) {
        let mut mixed = (self.0 ^ word).wrapping_add(0x9E37_79B9_7F4A_7C15);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        self.0 = mixed ^ (mixed >> 31);
    }
}

/// The groups, their tasks numbered through; the columns of arrivals are not drawn yet.
fn groups(crowds: &[Crowd], speed: f64) -> Vec<wire::TaskGroup> {
    let mut first = 0;
    let group = |(program, crowd): (usize, &Crowd)| {
        let arrivals = match crowd.arrivals {
            Arrivals::AtOnce | Arrivals::Poisson(_) => wire::Arrivals::AtOnce,
            Arrivals::Every(gap) => wire::Arrivals::EveryNs(gap.faster(speed).0),
        };
        let (program, count) = (program as u32, crowd.count);
        let inputs = crowd.inputs.clone();
        let group = wire::TaskGroup { program, first, count, arrivals, inputs };
        first += crowd.count;
        group
    };
    crowds.iter().enumerate().map(group).collect()
}

/// Draws the durations of the steps, then the arrivals, whose columns are put into the groups.
fn table(draft: &Draft, groups: &mut [wire::TaskGroup], settings: &Choices) -> Table {
    let Choices { seed, speed, .. } = *settings;
    let mut table = Table::default();
    for draw in &draft.draws {
        let group = &groups[draw.program as usize];
        let mut random = generator(seed, draw.program, draw.step);
        let tasks = (group.first, group.count, draw.per_task);
        table.draw(&mut random, draw.distribution, speed, tasks);
    }
    for (group, crowd) in groups.iter_mut().zip(&draft.crowds) {
        if let Arrivals::Poisson(gap) = crowd.arrivals {
            let mut random = generator(seed, group.program, ARRIVALS);
            let column = table.arrive(&mut random, gap / speed, group.first, group.count);
            group.arrivals = wire::Arrivals::Column(column);
        }
    }
    table
}

/// Divides the fixed durations by the speed.
fn hasten(steps: &mut [wire::Step], speed: f64) {
    for step in steps {
        match &mut step.action {
            wire::Action::Cpu(amount)
            | wire::Action::Wait(amount)
            | wire::Action::Block(amount) => {
                if let wire::Amount::Ns(ns) = amount {
                    *ns = Nanos(*ns).faster(speed).0;
                }
            }
            wire::Action::Hold { steps, .. } | wire::Action::Repeat { steps, .. } => {
                hasten(steps, speed);
            }
            _ => {}
        }
    }
}

/// Puts the addresses of the servers into the URLs of a plan.
pub fn address(plan: &mut wire::Plan, addresses: &[(String, String)]) {
    for program in &mut plan.programs {
        address_steps(&mut program.steps, addresses);
    }
}

fn address_steps(steps: &mut [wire::Step], addresses: &[(String, String)]) {
    for step in steps {
        match &mut step.action {
            wire::Action::Http { url, .. } => {
                for (name, address) in addresses {
                    *url = url.replace(&format!("${{{name}}}"), address);
                }
            }
            wire::Action::Hold { steps, .. } | wire::Action::Repeat { steps, .. } => {
                address_steps(steps, addresses);
            }
            _ => {}
        }
    }
}
