//! Which thread was on which processor: a row a processor, a sign a thread. The main function is
//! [`cores`].

use alloc::format;
use alloc::string::{String, ToString as _};
use alloc::vec;
use alloc::vec::Vec;

use super::axis::Axis;
use super::legend::entries_of;
use super::row::is_worth_a_cell;
use crate::analyse::units::{count, percent};
use crate::trace::{Observed, Scheduling, Slice, Trace};
use crate::view::Options;
use crate::view::paint::{Ink, left};

/// Columns of `core 127  100 %`.
pub(super) const LABEL: usize = 15;

/// So many threads have a sign of their own; the others share one.
const SIGNS: &[u8; 15] = b"123456789abcdef";
const OTHERS: &str = "o";
const INKS: [Ink; 6] = [Ink::Green, Ink::SkyBlue, Ink::Orange, Ink::Purple, Ink::Blue, Ink::Yellow];

/// The rows and their legend.
pub(super) struct Cores {
    pub(super) rows: usize,
    pub(super) text: String,
}

/// # Errors
/// There is no record of the switches, and why.
pub(super) fn cores<J: Iterator<Item = Slice>>(
    trace: &Trace,
    slices: impl Fn() -> J,
    axis: &Axis,
    options: &Options,
) -> Result<Cores, String> {
    let scheduling = recorded(trace, slices().next().is_some())?;
    let times = times(scheduling, slices(), axis);
    let mut signs: Vec<usize> = vec![SIGNS.len(); times.len()];
    let mut order: Vec<usize> = (0..times.len()).filter(|&thread| times[thread] > 0).collect();
    order.sort_by_key(|&thread| core::cmp::Reverse(times[thread]));
    for (sign, &thread) in order.iter().take(SIGNS.len()).enumerate() {
        signs[thread] = sign;
    }
    let shown = scheduling.cpus.len().min(options.rows.max(1));
    let mut time = vec![vec![[0_u64; SIGNS.len() + 1]; axis.cells]; shown];
    let mut busy = vec![0_u64; shown];
    for slice in slices() {
        let row = scheduling.cpus.iter().take(shown).position(|&cpu| cpu == slice.cpu);
        let sign = signs.get(slice.thread as usize);
        let (Some(row), Some(&sign)) = (row, sign) else { continue };
        let (start, end) = (slice.start_ns.max(axis.origin), slice.end_ns.min(axis.end));
        if end <= start {
            continue;
        }
        busy[row] += end - start;
        for cell in axis.cell_at(start)..=axis.cell_at(end - 1) {
            let from = start.max(axis.start_of(cell));
            time[row][cell][sign] += end.min(axis.start_of(cell + 1)).saturating_sub(from);
        }
    }
    let whole = axis.end - axis.origin;
    let mut text = String::new();
    for (row, cells) in time.iter().enumerate() {
        let share = percent(busy[row] as f64 / whole as f64);
        let label = format!("core {}  {share}", scheduling.cpus[row]);
        let line = format!("{} {}", left(&label, LABEL), draw(cells, axis, options));
        text.push_str(line.trim_end());
        text.push('\n');
    }
    if scheduling.cpus.len() > shown {
        let more = count((scheduling.cpus.len() - shown) as u64);
        text.push_str(&Ink::Dim.paint(&format!("… and {more} more cores"), options));
        text.push('\n');
    }
    text.push_str(&legend(trace, scheduling, &order, &times, options));
    Ok(Cores { rows: scheduling.cpus.len(), text })
}

fn recorded(trace: &Trace, has_slices: bool) -> Result<&Scheduling, String> {
    let why = match &trace.scheduling {
        Observed::Known(scheduling) if has_slices => return Ok(scheduling),
        Observed::Known(scheduling) => match scheduling.missing.first() {
            Some(missing) => missing.clone(),
            None => "no thread was seen on a processor".to_string(),
        },
        Observed::Unknown(why) => why.clone(),
    };
    Err(format!(
        "--by core shows what the kernel recorded, and there is no such record: {why}; `maitred \
         doctor` says whether this machine allows it"
    ))
}

/// How long each thread was on processors.
fn times(scheduling: &Scheduling, slices: impl Iterator<Item = Slice>, axis: &Axis) -> Vec<u64> {
    let mut times = vec![0_u64; scheduling.threads.len()];
    for slice in slices {
        let (start, end) = (slice.start_ns.max(axis.origin), slice.end_ns.min(axis.end));
        if let Some(time) = times.get_mut(slice.thread as usize) {
            *time += end.saturating_sub(start);
        }
    }
    times
}

fn draw(cells: &[[u64; SIGNS.len() + 1]], axis: &Axis, options: &Options) -> String {
    let sign_of = |(cell, time): (usize, &[u64; SIGNS.len() + 1])| {
        let busy = time.iter().copied().fold(0, u64::saturating_add);
        let length = axis.start_of(cell + 1) - axis.start_of(cell);
        let longest = (0..time.len()).rev().max_by_key(|&sign| time[sign])?;
        is_worth_a_cell(busy, length.saturating_sub(busy)).then_some(longest)
    };
    let signs: Vec<Option<usize>> = cells.iter().enumerate().map(sign_of).collect();
    let paint = |run: &[Option<usize>]| match run[0] {
        None => " ".repeat(run.len()),
        Some(sign) => ink(sign).paint(&glyph(sign).repeat(run.len()), options),
    };
    signs.chunk_by(|one, next| one == next).map(paint).collect()
}

fn glyph(sign: usize) -> String {
    SIGNS.get(sign).map_or_else(|| OTHERS.to_string(), |&byte| char::from(byte).to_string())
}

fn ink(sign: usize) -> Ink {
    if sign < SIGNS.len() { INKS[sign % INKS.len()] } else { Ink::Dim }
}

/// Each sign, its thread, and its share of all time on processors.
fn legend(
    trace: &Trace,
    scheduling: &Scheduling,
    order: &[usize],
    times: &[u64],
    options: &Options,
) -> String {
    let whole = times.iter().copied().fold(0, u64::saturating_add).max(1);
    let share = |ns: u64| percent(ns as f64 / whole as f64);
    let names = trace.lane_names();
    let name = |thread: usize| {
        let one = &scheduling.threads[thread];
        let is_it = |lane: &crate::trace::Lane| lane.tid == one.tid && lane.pid == one.pid;
        let lane = trace.lanes.iter().position(is_it);
        lane.map_or_else(|| format!("{} ({})", one.name, one.tid), |lane| names[lane].clone())
    };
    let of = |(sign, &thread): (usize, &usize)| {
        (glyph(sign), ink(sign), format!("{} {}", name(thread), share(times[thread])))
    };
    let mut entries: Vec<(String, Ink, String)> =
        order.iter().take(SIGNS.len()).enumerate().map(of).collect();
    if let Some(more) = order.get(SIGNS.len()..).filter(|more| !more.is_empty()) {
        let ns = more.iter().map(|&thread| times[thread]).fold(0, u64::saturating_add);
        let threads = format!("{} more threads {}", count(more.len() as u64), share(ns));
        entries.push((OTHERS.to_string(), Ink::Dim, threads));
    }
    entries_of(entries.into_iter(), options)
}
