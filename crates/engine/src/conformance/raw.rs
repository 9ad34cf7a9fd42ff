//! What is said to a runner that no run would ever say: what is no command, another protocol, a
//! strategy that it has not, the end of input in the midst of the work.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use maitred_core::workload::{Choices, lower, parse};
use maitred_kernel::{procfs, signal_group};
use maitred_wire::trace_file::Layout;
use maitred_wire::{Command as Said, ErrorCode, Plan, Reply, Strategy};

use super::words::message;
use super::{Fault, Paragraph};
use crate::measure::trace_map::TraceMap;
use crate::runtime::RunnerCommand;

/// What is killed is gone when the kernel has come to it.
const DYING: Duration = Duration::from_secs(10);

/// A runner as leader of a group of its own, killed with it.
struct Raw {
    child: Child,
    replies: Receiver<String>,
    /// For an answer, and for an end.
    limit: Duration,
}

impl Raw {
    fn start(runner: &RunnerCommand, limit: Duration) -> io::Result<Self> {
        let mut command = Command::new(&runner.program);
        command.args(&runner.args).envs(runner.env.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.process_group(0).spawn()?;
        let (say, replies) = channel();
        if let Some(output) = child.stdout.take() {
            std::thread::spawn(move || {
                let lines = BufReader::new(output).lines().map_while(Result::ok);
                // Nobody listens any more when the case is over.
                lines.for_each(|line| drop(say.send(line)));
            });
        }
        Ok(Self { child, replies, limit })
    }

    fn say(&mut self, line: &str) {
        if let Some(input) = &mut self.child.stdin {
            // One that is gone is found by its silence.
            let _ = writeln!(input, "{line}").and_then(|()| input.flush());
        }
    }

    fn hear(&self) -> Option<Reply> {
        serde_json::from_str(&self.replies.recv_timeout(self.limit).ok()?).ok()
    }

    /// Whether it ended within the time that there is.
    fn ends(&mut self) -> bool {
        let begun = Instant::now();
        while begun.elapsed() < self.limit {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return true;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        false
    }
}

impl Raw {
    /// What is left of its group, when there was time to die for all that it killed with itself.
    fn left(&self) -> Vec<u32> {
        let begun = Instant::now();
        loop {
            let left = procfs::group(self.child.id());
            if left.is_empty() || begun.elapsed() > DYING {
                return left;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        signal_group(self.child.id(), libc::SIGKILL);
        // Reaped, whatever its end.
        let _ = self.child.wait();
    }
}

/// It says `error` with this code, in answer to these lines.
fn refuses(started: io::Result<Raw>, lines: &[String], code: ErrorCode, what: &str) -> Vec<Fault> {
    let Ok(mut raw) = started else {
        return vec![Fault::new(Paragraph::Conversation, "it cannot be started")];
    };
    lines.iter().for_each(|line| raw.say(line));
    match raw.hear() {
        Some(Reply::Error(error)) if error.code == code => Vec::new(),
        said => {
            let said = said.map_or_else(|| "nothing".to_owned(), |reply| message(&reply));
            let code = message(&code);
            let text = format!("to {what} it says {said}, and no `error` with code {code}");
            vec![Fault::new(Paragraph::Error, text)]
        }
    }
}

pub(super) fn not_a_command(runner: &RunnerCommand, limit: Duration) -> Vec<Fault> {
    let (lines, what) = (["what is this?".to_owned()], "a line that is no command");
    refuses(Raw::start(runner, limit), &lines, ErrorCode::Protocol, what)
}

pub(super) fn other_protocol(
    runner: &RunnerCommand,
    strategy: Strategy,
    limit: Duration,
) -> Vec<Fault> {
    let Some((plan, _trace)) = plan(strategy) else { return Vec::new() };
    let plan = Plan { protocol: 99, ..plan };
    let raw = Raw::start(runner, limit);
    refuses(raw, &[line(plan)], ErrorCode::Protocol, "a plan of protocol 99")
}

pub(super) fn not_offered(
    runner: &RunnerCommand,
    strategy: Strategy,
    limit: Duration,
) -> Vec<Fault> {
    let Some((plan, _trace)) = plan(strategy) else { return Vec::new() };
    let what = format!("a plan for `{strategy}`, which it does not offer,");
    refuses(Raw::start(runner, limit), &[line(plan)], ErrorCode::Unsupported, &what)
}

/// When its input ends it ends at once, and leaves nothing.
pub(super) fn end_of_input(
    runner: &RunnerCommand,
    strategy: Strategy,
    limit: Duration,
) -> Vec<Fault> {
    let (Ok(mut raw), Some((plan, _trace))) = (Raw::start(runner, limit), plan(strategy)) else {
        return vec![Fault::new(Paragraph::Conversation, "it cannot be started")];
    };
    raw.say(&line(plan));
    if !matches!(raw.hear(), Some(Reply::Ready(_))) {
        let text = format!("to a plan it does not say `ready` within {limit:?}");
        return vec![Fault::new(Paragraph::Conversation, text)];
    }
    raw.say(&serde_json::to_string(&Said::Go {}).expect("a command has only string keys"));
    // Some in set-up, some at work: both have to end.
    std::thread::sleep(Duration::from_millis(300));
    raw.child.stdin = None;
    if !raw.ends() {
        let text = "in the midst of a run its input ended, and it went on";
        return vec![Fault::new(Paragraph::EndOfInput, text)];
    }
    let left = raw.left();
    match left.is_empty() {
        true => Vec::new(),
        false => {
            let text = format!("it ended with its input and left processes {left:?}");
            vec![Fault::new(Paragraph::EndOfInput, text)]
        }
    }
}

fn line(plan: Plan) -> String {
    serde_json::to_string(&Said::Plan(Box::new(plan))).expect("a plan has only string keys")
}

/// Tasks that wait for an hour, and the trace file that they would be recorded in.
fn plan(strategy: Strategy) -> Option<(Plan, TraceMap)> {
    let parsed = parse("task \"long\" count=3 { wait \"1h\" }").ok()?;
    let work = lower(&parsed, &Choices::default()).ok()?;
    let workers = strategy.facts().workers(work.task_count(), 2);
    let lanes = strategy.facts().lane_count(work.task_count(), workers);
    let trace = TraceMap::new(Layout { lanes, tasks: 3, spans_per_lane: 16 }).ok()?;
    Some((work.plan(strategy, workers, Some(1e8), trace.path(), String::new()), trace))
}
