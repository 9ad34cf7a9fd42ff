//! The whole program beside hyperfine: `true` in a hundred rounds. Both are started as a user would
//! start them; what is measured is the wall time of all of it, so that the price of starting
//! ourselves, planning and printing is in it, and what each says a round takes.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use serde_json::Value;

/// Rounds of the command.
const RUNS: u32 = 100;

/// Both programs, if they are there.
pub(crate) struct Pair {
    maitred: PathBuf,
}

/// Milliseconds of hyperfine, and of ours.
pub(crate) struct Beside {
    /// Of the whole program, a round.
    pub(crate) wall: (f64, f64),
    /// The median that it reports.
    pub(crate) median: (f64, f64),
}

impl Pair {
    /// Finds them.
    ///
    /// # Errors
    /// What is missing, and how to get it.
    pub(crate) fn find() -> Result<Self, String> {
        let own = std::env::current_exe().map_err(|error| error.to_string())?;
        let maitred = own.with_file_name("maitred");
        if !maitred.exists() {
            return Err("there is no maitred beside this program: cargo build --release".into());
        }
        let found = Command::new("hyperfine").arg("--version").stdout(Stdio::null()).status();
        found.map_err(|_| "hyperfine is missing: apt-get install hyperfine")?;
        Ok(Self { maitred })
    }

    /// One after the other.
    pub(crate) fn measure(&self) -> Beside {
        let (theirs, ours) = (temporary(), temporary());
        let runs = RUNS.to_string();
        let mut hyperfine = Command::new("hyperfine");
        hyperfine.args(["-N", "--style", "none", "--runs", &runs, "--export-json"]);
        hyperfine.arg(theirs.path()).arg("true");
        let mut maitred = Command::new(&self.maitred);
        maitred.args([
            "compare",
            "--quiet",
            "--no-trace",
            "--no-keep",
            "--runs",
            &runs,
            "--warmup",
            "0",
            "--save",
        ]);
        maitred.arg(ours.path());
        maitred.args(["--models", "command/sequential", "--count", "1", "--", "true"]);
        let wall = [hyperfine, maitred].map(|program| wall_ms(program) / f64::from(RUNS));
        let theirs = read(theirs.path())["results"][0]["median"].as_f64();
        let ours = read(ours.path())["contestants"][0]["summary"]["work_ns"].as_f64();
        let known = "both have said what a round takes";
        let median = (theirs.expect(known) * 1e3, ours.expect(known) / 1e6);
        Beside { wall: wall.into(), median }
    }
}

fn temporary() -> tempfile::NamedTempFile {
    tempfile::NamedTempFile::new().expect("a temporary file")
}

fn read(result: &Path) -> Value {
    let text = std::fs::read_to_string(result).expect("it has saved its result");
    serde_json::from_str(&text).expect("it is JSON")
}

fn wall_ms(mut program: Command) -> f64 {
    let before = Instant::now();
    let output = program.stdin(Stdio::null()).output().expect("it was found");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    before.elapsed().as_secs_f64() * 1e3
}
