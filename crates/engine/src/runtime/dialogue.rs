//! The pipes to and from a runner: whole lines in, whole lines out, the log drained on the side.
//! Never blocks but in [`Dialogue::wait`]; knows nothing of what is said when.

use std::collections::VecDeque;
use std::io::{self, Read, Write as _};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::process::{ChildStderr, ChildStdin, ChildStdout};

use maitred_wire::{Command, Reply};

use super::death;
use super::spawn::Started;
use crate::measure::clock;
use crate::measure::sys::{self, Watched};

/// The longest line that a runner may say, in bytes.
const LINE_LIMIT: usize = 16 << 20;
/// How much of the end of the log is kept, in bytes: enough for where a hundred threads hang.
const LOG_LIMIT: usize = 64 << 10;
/// How much is read from one pipe before the others have their turn.
const TURN: usize = 1 << 20;

/// Both ends of the conversation with one runner.
#[derive(Debug)]
pub(super) struct Dialogue {
    process: OwnedFd,
    input: Option<ChildStdin>,
    unsent: VecDeque<u8>,
    output: Option<ChildStdout>,
    unread: Lines,
    errors: Option<ChildStderr>,
    log: Vec<u8>,
    /// The runner's process has ended.
    pub(super) exited: bool,
}

impl Dialogue {
    /// Takes the pipes of a runner. Fails when the kernel cannot watch a process (before 5.3).
    pub(super) fn new(started: Started) -> io::Result<Self> {
        let Started { pid, at_ns: _, input, output, errors } = started;
        sys::set_nonblocking(input.as_fd())?;
        sys::set_nonblocking(output.as_fd())?;
        sys::set_nonblocking(errors.as_fd())?;
        Ok(Self {
            process: sys::pidfd(pid)?,
            input: Some(input),
            unsent: VecDeque::new(),
            output: Some(output),
            unread: Lines::default(),
            errors: Some(errors),
            log: Vec::new(),
            exited: false,
        })
    }

    /// Says something, now or as soon as the runner reads.
    pub(super) fn say(&mut self, command: &Command) {
        let line = serde_json::to_vec(command).expect("a command has only string keys");
        self.unsent.extend(line);
        self.unsent.push_back(b'\n');
        self.send();
    }

    /// Ends the runner's input: it should end too.
    pub(super) fn close_input(&mut self) {
        self.input = None;
        self.unsent.clear();
    }

    /// Whether the runner closed its output; lines that it said before may still be unread.
    pub(super) fn is_silent(&self) -> bool {
        self.output.is_none()
    }

    /// Waits until something happens or the clock says `until_ns`. Takes what was said.
    pub(super) fn wait(
        &mut self,
        interrupt: Option<BorrowedFd<'_>>,
        until_ns: u64,
    ) -> io::Result<()> {
        let input = self.input.as_ref().filter(|_| !self.unsent.is_empty());
        let watch = |fd, for_writing| Watched { fd, for_writing, ready: false };
        let mut watched = [
            watch((!self.exited).then(|| self.process.as_fd()), false),
            watch(self.output.as_ref().map(AsFd::as_fd), false),
            watch(self.errors.as_ref().map(AsFd::as_fd), false),
            watch(input.map(AsFd::as_fd), true),
            watch(interrupt, false),
        ];
        sys::poll(&mut watched, until_ns.saturating_sub(clock::now_ns()))?;
        let [exited, output, errors, input, _] = watched.map(|watched| watched.ready);
        if output || exited {
            self.hear();
        }
        if errors || exited {
            self.keep_log();
        }
        if input {
            self.send();
        }
        self.exited |= exited;
        Ok(())
    }

    /// The next thing the runner said; an error quotes what was no message.
    pub(super) fn next_reply(&mut self) -> Option<Result<Reply, String>> {
        if let Some(line) = self.unread.next() {
            return Some(
                serde_json::from_slice(&line).map_err(|error| death::not_a_message(&line, &error)),
            );
        }
        if self.unread.unfinished().len() <= LINE_LIMIT {
            return None;
        }
        let start = std::mem::take(&mut self.unread).bytes;
        let quoted = death::quote(&String::from_utf8_lossy(&start[..1000]));
        let mib = LINE_LIMIT >> 20;
        Some(Err(format!("wrote a line of more than {mib} MiB, which begins with {quoted}")))
    }

    /// Begins a new log: what the runner wrote belongs to a run that is over.
    pub(super) fn begin_log(&mut self) {
        self.keep_log();
        self.log.clear();
    }

    /// The last lines that the runner wrote to its standard error.
    pub(super) fn log(&mut self) -> String {
        self.keep_log();
        let skipped = self.log.len().saturating_sub(LOG_LIMIT);
        String::from_utf8_lossy(&self.log[skipped..]).into_owned()
    }

    fn send(&mut self) {
        let Some(input) = &mut self.input else { return };
        while !self.unsent.is_empty() {
            match input.write(self.unsent.as_slices().0) {
                Ok(sent) => drop(self.unsent.drain(..sent)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // It no longer reads: how it ended says more than this.
                Err(_) => return self.unsent.clear(),
            }
        }
    }

    fn hear(&mut self) {
        let lines = &mut self.unread;
        read_turn(&mut self.output, |bytes| {
            lines.feed(bytes);
            lines.unfinished().len() <= LINE_LIMIT
        });
    }

    fn keep_log(&mut self) {
        let log = &mut self.log;
        read_turn(&mut self.errors, |bytes| {
            log.extend_from_slice(bytes);
            if log.len() > 64 * LOG_LIMIT {
                log.drain(..log.len() - LOG_LIMIT);
            }
            true
        });
    }
}

/// Reads what is there, at most a turn's worth; at the end of the stream `pipe` becomes `None`.
fn read_turn(pipe: &mut Option<impl Read>, mut take: impl FnMut(&[u8]) -> bool) {
    let mut buffer = [0; 16 << 10];
    let mut room = TURN;
    while let Some(stream) = pipe {
        match stream.read(&mut buffer) {
            Ok(0) => *pipe = None,
            Ok(length) if take(&buffer[..length]) && room > length => room -= length,
            Ok(_) => return,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
            Err(_) => *pipe = None,
        }
    }
}

/// Bytes that become lines.
#[derive(Debug, Default)]
struct Lines {
    bytes: Vec<u8>,
    /// Up to here there is no line break.
    searched: usize,
}

impl Lines {
    fn feed(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The next whole line without its end.
    fn next(&mut self) -> Option<Vec<u8>> {
        match self.bytes[self.searched..].iter().position(|&byte| byte == b'\n') {
            None => {
                self.searched = self.bytes.len();
                None
            }
            Some(distance) => {
                let rest = self.bytes.split_off(self.searched + distance + 1);
                let mut line = std::mem::replace(&mut self.bytes, rest);
                line.pop();
                self.searched = 0;
                Some(line)
            }
        }
    }

    /// What came after the last line that was taken.
    fn unfinished(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn lines_do_not_depend_on_how_they_arrive(
            text in "[a-c\n]{0,60}",
            cuts in prop::collection::vec(1_usize..7, 1..40),
        ) {
            let mut lines = Lines::default();
            let mut heard = Vec::new();
            let mut rest = text.as_bytes();
            for cut in cuts.iter().cycle() {
                let (part, later) = rest.split_at((*cut).min(rest.len()));
                lines.feed(part);
                heard.extend(std::iter::from_fn(|| lines.next()));
                rest = later;
                if rest.is_empty() {
                    break;
                }
            }
            let mut expected: Vec<_> = text.as_bytes().split(|&byte| byte == b'\n').collect();
            let unfinished = expected.pop().unwrap();
            prop_assert_eq!(heard, expected);
            prop_assert_eq!(lines.unfinished(), unfinished);
        }
    }
}
