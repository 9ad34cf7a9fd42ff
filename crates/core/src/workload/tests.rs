//! What is said about workloads, right and wrong, and what becomes of them.

mod claims;
mod diagnostics;
mod lowering;
mod properties;
mod quantities;
mod settings;
mod structure;
mod text;

use alloc::string::{String, ToString};

use super::{Choices, Lowered, Report, lower, parse};

/// The files in `workloads/`.
const SHIPPED: [(&str, &str); 11] = [
    ("amdahl", include_str!("../../../../workloads/amdahl.kdl")),
    ("blocking-call-on-a-loop", include_str!("../../../../workloads/blocking-call-on-a-loop.kdl")),
    ("counter-race", include_str!("../../../../workloads/counter-race.kdl")),
    ("cpu-bound", include_str!("../../../../workloads/cpu-bound.kdl")),
    ("crash", include_str!("../../../../workloads/crash.kdl")),
    ("five-requests", include_str!("../../../../workloads/five-requests.kdl")),
    ("hot-lock", include_str!("../../../../workloads/hot-lock.kdl")),
    ("mixed", include_str!("../../../../workloads/mixed.kdl")),
    ("open-loop", include_str!("../../../../workloads/open-loop.kdl")),
    ("producer-consumer", include_str!("../../../../workloads/producer-consumer.kdl")),
    ("waiters", include_str!("../../../../workloads/waiters.kdl")),
];

/// What is wrong with a workload, or `fine`.
fn report(source: &str, settings: &Choices) -> String {
    let lowered =
        parse(source).and_then(|workload| lower(&workload, settings).map(|_| workload.warnings));
    let diagnostics = lowered.unwrap_or_else(|mistakes| mistakes);
    if diagnostics.is_empty() {
        return "fine\n".into();
    }
    Report::new("w.kdl", source, &diagnostics).to_string()
}

/// A workload that has no mistakes.
#[track_caller]
fn lowered(source: &str, settings: &Choices) -> Lowered {
    match parse(source).and_then(|workload| lower(&workload, settings)) {
        Ok(lowered) => lowered,
        Err(mistakes) => panic!("{}", Report::new("w.kdl", source, &mistakes)),
    }
}
