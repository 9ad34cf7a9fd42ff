//! Talks with `maitred`: one JSON object a line (`runtimes/PROTOCOL.md`).
//!
//! It reads descriptor 0 without a buffer of the standard library, so that the same descriptor
//! can be polled during a run. The main types are [`Input`] and [`Output`].

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Write};

use maitred_wire::{Command, ErrorCode, Reply, RunnerError};

use crate::sys::kernel;

/// A command, or why a line was none.
pub(crate) type Line = Result<Command, RunnerError>;

/// What a read brought.
#[derive(Debug)]
pub(crate) enum Heard {
    /// The lines that became complete: none, one or several.
    Commands(Vec<Line>),
    Ended,
}

/// Commands from standard input.
#[derive(Debug, Default)]
pub(crate) struct Input {
    partial: Vec<u8>,
    lines: VecDeque<Line>,
}

impl Input {
    /// Waits for the next command; `None`: the input has ended.
    pub(crate) fn next(&mut self) -> Option<Line> {
        while self.lines.is_empty() {
            match self.hear() {
                Heard::Commands(lines) => self.lines.extend(lines),
                Heard::Ended => return None,
            }
        }
        self.lines.pop_front()
    }

    /// Takes in what has arrived since; waits if nothing has.
    pub(crate) fn hear(&mut self) -> Heard {
        let mut buffer = [0; 65536];
        let count = match kernel::read_standard_input(&mut buffer) {
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                return Heard::Commands(Vec::new());
            }
            Err(_) => 0,
        };
        if count == 0 {
            return Heard::Ended;
        }
        let mut lines: Vec<_> = self.lines.drain(..).collect();
        for byte in &buffer[..count] {
            match byte {
                b'\n' => lines.extend(parse(&std::mem::take(&mut self.partial))),
                byte => self.partial.push(*byte),
            }
        }
        Heard::Commands(lines)
    }
}

/// An empty line is nothing.
fn parse(line: &[u8]) -> Option<Line> {
    if line.trim_ascii().is_empty() {
        return None;
    }
    Some(serde_json::from_slice(line).map_err(|error| {
        let quoted: String = String::from_utf8_lossy(line).chars().take(200).collect();
        let text = format!("not a command: {error}: send one JSON object a line");
        RunnerError { code: ErrorCode::Protocol, text, place: Some(quoted) }
    }))
}

/// Replies to where standard output pointed when the runner was started.
#[derive(Debug)]
pub(crate) struct Output(File);

impl Output {
    /// Moves the real output aside, so that nothing that is printed can be taken for a reply.
    pub(crate) fn take() -> io::Result<Self> {
        Ok(Self(kernel::take_standard_output()?))
    }

    /// Sends a reply.
    ///
    /// # Errors
    /// When nobody reads it.
    pub(crate) fn say(&mut self, reply: &Reply) -> io::Result<()> {
        let mut line = serde_json::to_vec(reply)?;
        line.push(b'\n');
        self.0.write_all(&line)
    }
}
