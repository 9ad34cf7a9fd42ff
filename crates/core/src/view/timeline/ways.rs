//! How tasks came to the workers of an engine: before its steps, where a task has a row; else in a row
//! of the host that they came to, above its workers, in which many may be on their way at once.

use alloc::format;
use alloc::string::ToString as _;
use alloc::vec::Vec;

use super::super::state::State;
use super::axis::Axis;
use super::rows::Row;
use crate::trace::Trace;

/// Puts the row of each host that was followed above its first worker; how many there are. They are
/// filled by [`fill_ways`].
pub(in crate::view) fn add_hosts(trace: &Trace, rows: &mut Vec<Row>) -> usize {
    let Some(done) = trace.done.as_ref().filter(|done| done.ways.is_some()) else { return 0 };
    if rows.iter().all(|row| row.lane.is_none()) {
        return 0;
    }
    let before = rows.len();
    let mut hosts: Vec<Option<&str>> = Vec::new();
    for way in done.ways(&trace.tasks) {
        let host = done.host(way.lane).map(|host| host.name.as_str());
        if !hosts.contains(&host) {
            hosts.push(host);
        }
    }
    for host in hosts {
        let is_its = |lane| done.host(lane).map(|host| host.name.as_str()) == host;
        let Some(first) = rows.iter().position(|row| row.lane.is_some_and(is_its)) else {
            continue;
        };
        let label =
            host.map_or_else(|| ON_THE_WAY.to_string(), |host| format!("{host} {ON_THE_WAY}"));
        let on_way = Row { way_to: rows[first].lane, ..Row::new(label, Vec::new()) };
        rows.insert(first, on_way);
    }
    rows.len() - before
}

const ON_THE_WAY: &str = "on the way";

/// Adds where tasks were before they began.
pub(in crate::view) fn fill_ways(trace: &Trace, rows: &mut [Row], axis: &Axis) {
    let Some(done) = trace.done.as_ref().filter(|done| done.ways.is_some()) else { return };
    let name = |lane| done.host(lane).map(|host| host.name.as_str());
    let (mut of_task, mut of_host) = (Vec::new(), Vec::new());
    of_task.resize(trace.tasks.len(), None);
    for (number, row) in rows.iter().enumerate() {
        match (row.way_to, row.lane, &row.tasks[..]) {
            (Some(lane), ..) => of_host.push((name(lane), number)),
            (None, None, &[task]) => of_task[task as usize] = Some(number),
            _ => {}
        }
    }
    for way in done.ways(&trace.tasks) {
        let host = of_host.iter().find(|(host, _)| *host == name(way.lane)).map(|(_, row)| *row);
        for row in [host, of_task[way.task as usize]].into_iter().flatten() {
            for (leg, from, to) in way.legs() {
                rows[row].add(State::of_leg(leg), from, to, axis);
            }
        }
    }
}
