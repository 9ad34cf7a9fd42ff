//! What a model costs beside time, and whether another costs less by an amount that matters: a
//! tenth of a millisecond of processor time is no reason for anything.

use alloc::format;
use alloc::string::String;

use super::Case;
use crate::analyse::units::{bytes, duration, percent};

/// Cheaper means at most so much of the other's cost.
const CHEAPER: f64 = 0.8;
/// Less processor time matters from here on, and from this share of the work time.
const CPU_NS: f64 = 10e6;
const CPU_SHARE: f64 = 0.01;
/// Less memory matters from here on.
const MEMORY_BYTES: f64 = 8_388_608.0;

/// Two figures of which a smaller one is better.
#[derive(Clone, Copy)]
struct Costs {
    cpu_ns: Option<f64>,
    memory_bytes: Option<f64>,
}

fn costs(case: &Case<'_>, index: usize) -> Costs {
    let summary = case.summary(index);
    let cpu = summary.and_then(|summary| summary.cpu_ns.known());
    let memory = summary.and_then(|summary| summary.memory_bytes.known());
    Costs { cpu_ns: cpu.map(|&ns| ns as f64), memory_bytes: memory.map(|&bytes| bytes as f64) }
}

/// Whether one costs less than the other by an amount that matters, and in nothing more.
pub(super) fn saves(case: &Case<'_>, one: usize, other: usize) -> bool {
    less_cpu(case, one, other) && !less_memory(case, other, one)
        || less_memory(case, one, other) && !less_cpu(case, other, one)
}

fn less_cpu(case: &Case<'_>, one: usize, other: usize) -> bool {
    let floor = CPU_NS.max(CPU_SHARE * case.work_ns(other) as f64);
    is_less(costs(case, one).cpu_ns, costs(case, other).cpu_ns, floor)
}

fn less_memory(case: &Case<'_>, one: usize, other: usize) -> bool {
    is_less(costs(case, one).memory_bytes, costs(case, other).memory_bytes, MEMORY_BYTES)
}

/// What is not known is no reason.
fn is_less(one: Option<f64>, other: Option<f64>, floor: f64) -> bool {
    one.zip(other).is_some_and(|(one, other)| one <= CHEAPER * other && other - one >= floor)
}

/// `uses a tenth of the processor time (2.10 ms against 21.0 ms) and half the memory (…)`.
pub(super) fn cheaper_by(case: &Case<'_>, cheap: usize, dear: usize) -> String {
    let (one, other) = (costs(case, cheap), costs(case, dear));
    let cpu = less_cpu(case, cheap, dear)
        .then(|| saving(one.cpu_ns, other.cpu_ns, "processor time", duration));
    let memory = less_memory(case, cheap, dear)
        .then(|| saving(one.memory_bytes, other.memory_bytes, "memory", bytes));
    match (cpu, memory) {
        (Some(cpu), Some(memory)) => format!("uses {cpu} and {memory}"),
        (Some(one), None) | (None, Some(one)) => format!("uses {one}"),
        (None, None) => "costs less".into(),
    }
}

fn saving(one: Option<f64>, other: Option<f64>, what: &str, text: fn(u64) -> String) -> String {
    let (one, other) = (one.unwrap_or_default(), other.unwrap_or_default());
    let share = fraction(one / other);
    format!("{share} the {what} ({} against {})", text(one as u64), text(other as u64))
}

/// `half`, `a third of`, `a tenth of`; between them the nearest in words.
fn fraction(share: f64) -> String {
    const NAMES: [(f64, &str); 7] = [
        (0.75, "three quarters of"),
        (0.5, "half"),
        (0.333, "a third of"),
        (0.25, "a quarter of"),
        (0.2, "a fifth of"),
        (0.1, "a tenth of"),
        (0.01, "a hundredth of"),
    ];
    let distance = |named: f64| libm::log(share / named).abs();
    let nearest = NAMES.iter().min_by(|one, other| distance(one.0).total_cmp(&distance(other.0)));
    match nearest {
        Some((named, text)) if distance(*named) < 0.2 => (*text).into(),
        _ => format!("{} of", percent(share)),
    }
}
