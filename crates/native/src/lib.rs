//! The native runner of `maitred`: executes one plan under one strategy and says what happened.
//!
//! [`main`] is the whole of a runner process; it speaks the protocol of `runtimes/PROTOCOL.md`
//! on standard input and output. How tasks become concurrent stands in `strategy/`, one file for
//! each way. This crate decides nothing about what is run, and draws no conclusion from it.

mod announcement;
mod awaiting;
mod blocking;
mod board;
mod calls;
mod child;
mod conversation;
mod descendants;
mod failure;
mod http;
mod ledger;
mod library;
mod limits;
mod meter;
mod pool;
mod program;
mod queue;
mod recorder;
mod reserve;
mod rounds;
mod run;
mod semaphore;
mod session;
mod strategy;
mod sys;
mod task;
mod timers;
mod watchdog;
mod work;

use std::ops::ControlFlow;
use std::process::ExitCode;

use maitred_wire::{Command, ErrorCode, Reply, RunnerError};

use conversation::{Input, Output};
use library::Own;
use session::RunnerSession;
use sys::process;

pub use announcement::span_cost_ns;
pub use calls::{Awaited, Functions, Judged};
pub use library::Library;

/// Is a runner: reads commands until the input ends, and runs plans.
///
/// It takes over the process: standard output is moved aside, and after a run of which anything
/// is still under way it ends the process itself, without coming back.
pub fn main() -> ExitCode {
    be(Own::default())
}

/// The same for a program that has functions of its own, which a step `call` names.
pub fn main_with(functions: &'static dyn Functions, library: Library) -> ExitCode {
    be(Own { functions: Some(functions), library })
}

fn be(own: Own) -> ExitCode {
    process::answer_for_descendants();
    match Output::take() {
        Ok(mut output) => converse(own, &mut Input::default(), &mut output),
        Err(_) => ExitCode::FAILURE,
    }
}

fn converse(own: Own, input: &mut Input, output: &mut Output) -> ExitCode {
    let mut session = None;
    while let Some(line) = input.next() {
        let reply = match line {
            Ok(Command::Go {}) if session.is_some() => {
                let session = session.take().expect("just seen");
                match run(session, input, output) {
                    ControlFlow::Continue(()) => continue,
                    ControlFlow::Break(code) => return code,
                }
            }
            Ok(Command::Describe {}) => Ok(announcement::describe(own)),
            Ok(Command::Plan(plan)) => RunnerSession::prepare(*plan, own).map(|prepared| {
                let calibration = prepared.calibration;
                session = Some(prepared);
                announcement::ready(own, calibration)
            }),
            Ok(Command::Go {} | Command::Stop {}) => Err(out_of_turn()),
            Err(error) => Err(error),
        };
        if output.say(&reply.map_or_else(Reply::Error, Reply::Ready)).is_err() {
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

/// After a run that went well another may follow.
fn run(
    session: &'static RunnerSession,
    input: &mut Input,
    output: &mut Output,
) -> ControlFlow<ExitCode> {
    let conclusion = run::run(session, input);
    let said = output.say(&conclusion.reply);
    if conclusion.clean {
        return if said.is_ok() {
            ControlFlow::Continue(())
        } else {
            ControlFlow::Break(ExitCode::FAILURE)
        };
    }
    descendants::end();
    // What the run has taken stays as it is until whoever measures it has seen it.
    while input.next().is_some() {}
    process::leave(i32::from(said.is_err()))
}

fn out_of_turn() -> RunnerError {
    RunnerError {
        code: ErrorCode::Protocol,
        text: "there is no plan to run or stop: send `plan` first".into(),
        place: None,
    }
}
