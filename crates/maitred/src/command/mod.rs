//! What can be done: one file a command.

pub(crate) mod check;
pub(crate) mod compare;
pub(crate) mod doctor;
pub(crate) mod manual;
pub(crate) mod report;
pub(crate) mod run;
pub(crate) mod runtimes;
pub(crate) mod serve;
pub(crate) mod show;
pub(crate) mod strategies;
pub(crate) mod welcome;

use maitred_engine::job::Job;

use crate::terminal::Terminal;

/// Says what looks wrong in the workload, though it forbids nothing.
fn warn(job: &Job, terminal: &Terminal) {
    if let Some(report) = job.warnings() {
        terminal.say(&terminal.report(&report));
    }
}
