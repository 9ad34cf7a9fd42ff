//! What is said of how tasks came to the workers of an engine: for each host, how long they were in whose
//! hands, and how much travelled. Looks at one run.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::units::{bytes, duration, plural};
use crate::trace::{Leg, Outcome, Task};

/// One sentence a host, in the order of its lanes; none where nobody followed the tasks.
pub(super) fn sentences(done: &Outcome, tasks: &[Task]) -> Vec<String> {
    let Some(travelled) = &done.ways else { return Vec::new() };
    let mut by_host: Vec<(Option<&str>, Vec<[u64; 5]>)> = Vec::new();
    for way in done.ways(tasks) {
        let host = done.host(way.lane).map(|host| host.name.as_str());
        let task = tasks[way.task as usize];
        let [client, scheduler, wire, queue] = way.legs().map(|(_, from, to)| to - from);
        let running = task.end_ns.saturating_sub(task.start_ns);
        let parts = [client, scheduler, wire, queue, running];
        match by_host.iter_mut().find(|(name, _)| *name == host) {
            Some((_, all)) => all.push(parts),
            None => by_host.push((host, Vec::from([parts]))),
        }
    }
    by_host.sort_by_key(|(name, _)| done.hosts.iter().position(|host| Some(&*host.name) == *name));
    let said = |(host, all): (Option<&str>, Vec<[u64; 5]>)| {
        let to = host.map_or_else(String::new, |host| format!(" to {host}"));
        let part = |place: usize| {
            let mut values: Vec<u64> = all.iter().map(|parts| parts[place]).collect();
            values.sort_unstable();
            let last = values.len() - 1;
            format!(
                "{} {}",
                NAMES[place],
                [last / 2, last * 9 / 10, last].map(|at| duration(values[at])).join(" / ")
            )
        };
        let parts: Vec<String> = (0..NAMES.len()).map(part).collect();
        format!(
            "the way of {}{to}, median / nine in ten / longest: {}; {} to a task and {} back",
            plural(all.len() as u64, "task"),
            parts.join(", "),
            bytes(travelled.sent_bytes),
            bytes(travelled.returned_bytes)
        )
    };
    by_host.into_iter().map(said).collect()
}

/// Where a task is, in the order of [`Leg::ALL`], and then at its worker.
const NAMES: [&str; Leg::ALL.len() + 1] =
    ["in the client", "in the scheduler", "on the wire", "in the worker's queue", "running"];

#[cfg(test)]
mod tests {
    use maitred_wire::trace_file::TaskOutcome;
    use maitred_wire::{Host, Ways};

    use super::*;

    const MS: u64 = 1_000_000;

    /// A task of so many milliseconds on this lane, which begins ten after it was sent.
    fn task(lane: u32, ms: u64) -> Task {
        let (start_ns, end_ns) = (20 * MS, (20 + ms) * MS);
        Task { start_ns, end_ns, lane, step: None, outcome: TaskOutcome::Done }
    }

    fn host(name: &str, lane: u32) -> Host {
        let lanes = Vec::from([lane]);
        Host { name: name.into(), lanes, clock_offset_ns: 0, clock_uncertainty_ns: 0 }
    }

    fn followed(tasks: u32) -> Ways {
        let moments = [10 * MS, 11 * MS, 13 * MS, 16 * MS];
        let moments = (0..tasks).map(|task| (task, moments)).collect();
        Ways { moments, sent_bytes: 2048, returned_bytes: 100 }
    }

    #[test]
    fn the_way_of_tasks_is_told_for_each_host() {
        let hosts = Vec::from([host("a", 0), host("b", 1)]);
        let outcome = Outcome { hosts, ways: Some(followed(3)), ..Outcome::default() };
        let said = sentences(&outcome, &[task(1, 7), task(0, 5), task(1, 9)]);
        let legs = "in the client 1.00 ms / 1.00 ms / 1.00 ms, in the scheduler 2.00 ms / 2.00 ms / 2.00 ms, \
             on the wire 3.00 ms / 3.00 ms / 3.00 ms, in the worker's queue 4.00 ms / 4.00 ms / 4.00 ms";
        let ends = "2.00 KiB to a task and 100 B back";
        let way = "median / nine in ten / longest";
        let one = format!(
            "the way of 1 task to a, {way}: {legs}, running 5.00 ms / 5.00 ms / 5.00 ms; {ends}"
        );
        let two = format!(
            "the way of 2 tasks to b, {way}: {legs}, running 7.00 ms / 7.00 ms / 9.00 ms; {ends}"
        );
        assert_eq!(said, [one, two]);
    }

    #[test]
    fn of_tasks_that_nobody_followed_nothing_is_told() {
        assert!(sentences(&Outcome::default(), &[task(0, 5)]).is_empty());
        let outcome = Outcome { ways: Some(followed(1)), ..Outcome::default() };
        assert!(sentences(&outcome, &[]).is_empty(), "none began");
        let said = sentences(&outcome, &[task(0, 5)]);
        assert!(
            said[0].starts_with("the way of 1 task, median"),
            "one machine has no name: {said:?}"
        );
    }
}
