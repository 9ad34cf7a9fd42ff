//! What recording the scheduler costs the program that is recorded: processes that do one thing
//! many times, each started with a recorder and without one, in turn. The entrance is [`measure`];
//! the processes are this program, started again to [`be_load`].

use std::io::{self, Read as _, Write as _};
use std::process::{Command, Stdio};
use std::time::Duration;

use maitred_core::trace::Usage;

use super::runner::RunnerCommand;
use crate::measure::recorder::SwitchRecorder;
use crate::measure::sys;
use crate::measure::tree::Tree;
use crate::measure::usage::{Reaped, reap};

/// How often each is started in both ways; odd, so that there is a median.
const PAIRS: usize = 5;
const ROUND_TRIPS: u32 = 10_000;
const THREADS: u32 = 1_000;
const FORKS: u32 = 300;

/// What a program does many times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Load {
    /// Two threads hand a byte to and fro.
    Switches,
    /// Threads are started and waited for, one at a time.
    Threads,
    /// The same of processes.
    Forks,
}

impl Load {
    pub const ALL: [Self; 3] = [Self::Switches, Self::Threads, Self::Forks];

    /// As it is named on the command line of the process that does it.
    fn name(self) -> &'static str {
        match self {
            Self::Switches => "switches",
            Self::Threads => "threads",
            Self::Forks => "forks",
        }
    }

    fn run(self) -> io::Result<()> {
        match self {
            Self::Switches => hand_to_and_fro(),
            Self::Threads => {
                (0..THREADS).for_each(|_| drop(std::thread::spawn(|| ()).join()));
                Ok(())
            }
            Self::Forks => (0..FORKS).try_for_each(|_| sys::fork_and_wait()),
        }
    }

    /// How often it was done.
    fn events(self, usage: &Usage) -> u64 {
        match self {
            Self::Switches => usage.voluntary + usage.involuntary,
            Self::Threads => THREADS.into(),
            Self::Forks => FORKS.into(),
        }
    }
}

fn hand_to_and_fro() -> io::Result<()> {
    let (mut here, mut from_there) = io::pipe()?;
    let (mut there, mut from_here) = io::pipe()?;
    let other = std::thread::spawn(move || {
        let mut byte = [0];
        (0..ROUND_TRIPS).try_for_each(|_| {
            there.read_exact(&mut byte)?;
            from_there.write_all(&byte)
        })
    });
    let mut byte = [0];
    for _ in 0..ROUND_TRIPS {
        from_here.write_all(&byte)?;
        here.read_exact(&mut byte)?;
    }
    other.join().unwrap_or_else(|_| Err(io::Error::other("the other thread panicked")))
}

/// Does what is named so; `None`: there is no such load.
pub fn be_load(name: &str) -> Option<io::Result<()>> {
    Load::ALL.into_iter().find(|load| load.name() == name).map(Load::run)
}

/// What recording one load costs.
#[derive(Debug)]
pub struct Overhead {
    /// Processor time a switch, a thread or a process, nanoseconds: the recorded run minus the
    /// other of its pair, the smallest first.
    pub differences_ns: Vec<f64>,
    /// Records that were read in all, and that were lost.
    pub records: u64,
    pub lost: u64,
    /// Of this process, to read them.
    pub reader_cpu_ns: u64,
}

/// Measures it with processes of this program.
///
/// # Errors
/// When they cannot be started or end otherwise than well.
pub fn measure(load: Load, program: &RunnerCommand) -> io::Result<Overhead> {
    let mut overhead =
        Overhead { differences_ns: Vec::new(), records: 0, lost: 0, reader_cpu_ns: 0 };
    for pair in 0..PAIRS {
        let mut cpu_ns = [0_u64; 2];
        let mut events = 1;
        // Whoever comes first meets colder caches: they take turns.
        for is_recorded in [pair % 2 == 0, pair % 2 == 1] {
            let mut recorder = is_recorded.then(SwitchRecorder::open);
            let usage = run(load, program, recorder.as_mut())?;
            cpu_ns[usize::from(is_recorded)] = usage.user_ns + usage.system_ns;
            if let Some(scheduling) = recorder.map(SwitchRecorder::finish) {
                events = load.events(&usage).max(1);
                overhead.records += scheduling.records;
                overhead.lost += scheduling.lost;
                overhead.reader_cpu_ns += scheduling.reader_cpu_ns.unwrap_or(0);
            }
        }
        let difference = cpu_ns[1] as f64 - cpu_ns[0] as f64;
        overhead.differences_ns.push(difference / events as f64);
    }
    overhead.differences_ns.sort_by(f64::total_cmp);
    Ok(overhead)
}

fn run(
    load: Load,
    program: &RunnerCommand,
    recorder: Option<&mut SwitchRecorder>,
) -> io::Result<Usage> {
    sys::keep_exit_statuses();
    let others = Tree::children_of_ours();
    let mut command = Command::new(&program.program);
    command.args(&program.args).arg(load.name()).stdin(Stdio::null());
    sys::prepare_child(&mut command);
    let pid = command.spawn()?.id();
    if let Some(recorder) = recorder {
        recorder.follow(Tree::new(pid, others));
    }
    loop {
        match reap(pid)? {
            Reaped::Ended(status, usage) if status.success() => return Ok(usage),
            Reaped::Ended(status, _) => return Err(io::Error::other(format!("it {status}"))),
            Reaped::NotOurs => return Err(io::Error::other("somebody else waited for it")),
            Reaped::Running => std::thread::sleep(Duration::from_millis(1)),
        }
    }
}
