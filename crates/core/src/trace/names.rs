//! What to call the tasks, steps and lanes of a trace in a sentence. One place, so that a task
//! has the same name in a timeline, in an error and in a conclusion.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use maitred_wire::trace_file::Role;

use super::{Group, Lane, StepInfo, StepKind, Trace};

impl Trace {
    /// Its model, and that it was simulated if it was: `native/threads (simulated)`.
    pub fn name(&self) -> String {
        format!("{}{}", self.model, self.origin.mark())
    }

    /// `table 3`: the kind of task, and its place within the kind, counted from 1 as people do;
    /// without the number where there is only one.
    pub fn task_name(&self, task: u32) -> String {
        task_name(&self.groups, task)
    }

    /// The label of a step: `wait 4s`; `step 7` if the trace does not know it.
    pub fn step_name(&self, step: u32) -> String {
        self.step(step).map_or_else(|| format!("step {step}"), |info| info.label.clone())
    }

    /// `worker 1`, `loop`, `process 2`; counted from 1 within its role.
    pub fn lane_name(&self, lane: u32) -> String {
        let Some(this) = self.lanes.get(lane as usize) else {
            return format!("lane {lane}");
        };
        let alike = |until: usize| {
            self.lanes[..until].iter().filter(|other| other.role == this.role).count()
        };
        let (role, number) = (role_name(this.role), alike(lane as usize) + 1);
        let name = match alike(self.lanes.len()) {
            1 => role.to_owned(),
            _ => format!("{role} {number}"),
        };
        self.on_host(lane, name)
    }

    /// With the machine in front, where the lanes are on several or on another.
    pub(crate) fn on_host(&self, lane: u32, name: String) -> String {
        match self.done.as_ref().and_then(|done| done.host(lane)) {
            Some(host) => format!("{} {name}", host.name),
            None => name,
        }
    }

    /// The names of all lanes, in one pass.
    pub fn lane_names(&self) -> Vec<String> {
        let mut numbers = [0_u32; 3];
        let count = |role: Role| self.lanes.iter().filter(|lane| lane.role == role).count();
        let all = [Role::Worker, Role::Loop, Role::Process].map(count);
        let name = |(number, lane): (u32, &Lane)| {
            let role = lane.role as usize;
            numbers[role] += 1;
            let name = match all[role] {
                1 => role_name(lane.role).to_owned(),
                _ => format!("{} {}", role_name(lane.role), numbers[role]),
            };
            self.on_host(number, name)
        };
        (0..).zip(&self.lanes).map(name).collect()
    }

    /// Number of spans for which the trace had no room.
    pub fn spans_dropped(&self) -> u64 {
        self.lanes.iter().map(|lane| lane.dropped).sum()
    }

    /// What a step id stands for; `None` for one that the trace does not know.
    pub fn step(&self, step: u32) -> Option<&StepInfo> {
        self.steps.get(step as usize)
    }

    /// The name of the resource or channel that a step is about.
    pub fn object_name(&self, step: &StepInfo) -> Option<&str> {
        let object = step.object? as usize;
        match step.kind {
            StepKind::Acquire | StepKind::Hold => {
                self.resources.get(object).map(|resource| resource.name.as_str())
            }
            StepKind::Send | StepKind::Receive => self.channels.get(object).map(String::as_str),
            _ => None,
        }
    }
}

/// `table 3`: see [`Trace::task_name`].
pub fn task_name(groups: &[Group], task: u32) -> String {
    let group = groups
        .iter()
        .find(|group| task.checked_sub(group.first).is_some_and(|place| place < group.count));
    match group {
        None => format!("task {}", u64::from(task) + 1),
        Some(group) if group.count == 1 => group.name.clone(),
        Some(group) => format!("{} {}", group.name, task - group.first + 1),
    }
}

fn role_name(role: Role) -> &'static str {
    match role {
        Role::Worker => "worker",
        Role::Loop => "loop",
        Role::Process => "process",
    }
}
