//! The short conversation: what a runner is and what it can do, without a run.

use std::os::fd::AsFd as _;
use std::time::Duration;

use maitred_kernel::procfs;
use maitred_wire::{Command, Ready, Reply};

use super::death;
use super::dialogue::Dialogue;
use super::interrupt::Interrupt;
use super::runner::RunnerCommand;
use super::session::{SessionError, alone, start};
use super::startup::StartLimit;
use super::watch::EXIT_LIMIT;
use crate::measure::clock::{nanos, now_ns};
use crate::measure::tree::Tree;

/// Asks a runner what it is and what it can do, calibration included.
///
/// # Errors
/// When it cannot be started, dies, or says anything but `ready` within `limit`, in which time that it
/// waits for a processor does not count.
pub fn describe(
    runner: &RunnerCommand,
    limit: Duration,
    interrupt: &Interrupt,
) -> Result<Ready, SessionError> {
    let _alone = alone();
    let (_, processes, mut dialogue) = start(runner)?;
    dialogue.say(&Command::Describe {});
    let answer = listen(&mut dialogue, processes.tree(), limit, interrupt)?;
    let died_by_itself = dialogue.exited;
    let status = processes.end().status.filter(|_| died_by_itself);
    let how = match (answer, status) {
        (Ok(Reply::Ready(ready)), _) => match death::other_protocol(&ready) {
            None => return Ok(ready),
            Some(how) => how,
        },
        (Ok(Reply::Error(error)), _) => format!("refused to say what it is: {}", error.text),
        (Ok(Reply::Done(_)), _) => "said `done` when asked what it is".into(),
        (Err(_), Some(status)) => {
            format!("{} before it said what it is", death::describe(status))
        }
        (Err(how), None) => how,
    };
    let log = dialogue.log();
    Err(SessionError::NoAnswer { program: runner.program.clone(), how, log })
}

/// The first thing that it says, or why it said nothing.
fn listen(
    dialogue: &mut Dialogue,
    tree: &Tree,
    limit: Duration,
    interrupt: &Interrupt,
) -> Result<Result<Reply, String>, SessionError> {
    let mut start = StartLimit::new(now_ns(), limit);
    let mut silent_ns = None;
    loop {
        if let Some(reply) = dialogue.next_reply() {
            return Ok(reply);
        }
        if dialogue.is_silent() {
            silent_ns.get_or_insert_with(|| now_ns() + nanos(EXIT_LIMIT));
        }
        if interrupt.is_raised() {
            return Ok(Err("was interrupted".into()));
        }
        let is_over = start.is_over(now_ns(), || procfs::longest_queued_ns(&tree.members()));
        if silent_ns.is_some_and(|limit_ns| dialogue.exited || now_ns() >= limit_ns) {
            return Ok(Err("closed its standard output before it said what it is".into()));
        }
        if dialogue.exited || is_over {
            return Ok(Err(format!("did not say what it is {}", start.words())));
        }
        let next_ns = start.next_ns().min(silent_ns.unwrap_or(u64::MAX));
        dialogue.wait(Some(interrupt.as_fd()), next_ns).map_err(SessionError::Watch)?;
    }
}
