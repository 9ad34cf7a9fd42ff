//! The whole program beside hyperfine: `true`, a hundred times. Both are started as a user would
//! start them, and what is measured is the wall time of all of it, so that the price of starting
//! ourselves, planning and printing is in it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use serde_json::Value;

/// Runs of the command.
const RUNS: u32 = 100;

/// Both programs, if they are there.
pub(crate) struct Pair {
    maitred: PathBuf,
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

    /// Milliseconds a run of hyperfine, and of ours.
    pub(crate) fn measure(&self) -> (f64, f64) {
        let mut hyperfine = Command::new("hyperfine");
        hyperfine.args(["-N", "--style", "none", "--runs", &RUNS.to_string(), "true"]);
        let mut ours = Command::new(&self.maitred);
        ours.args(["compare", "--quiet", "--runs", "1", "--warmup", "0"]);
        let result = tempfile::NamedTempFile::new().expect("a temporary file");
        ours.arg("--save").arg(result.path());
        ours.args(["--models", "command/sequential", "--count", &RUNS.to_string(), "--", "true"]);
        let (theirs_ms, ours_ms) = (wall_ms(hyperfine), wall_ms(ours));
        let runs = f64::from(RUNS) * rounds(result.path());
        (theirs_ms / f64::from(RUNS), ours_ms / runs)
    }
}

/// How many rounds there were: one, or two if the first was disturbed by others.
fn rounds(result: &Path) -> f64 {
    let text = std::fs::read_to_string(result).expect("maitred has saved its result");
    let result: Value = serde_json::from_str(&text).expect("it is JSON");
    result["contestants"][0]["runs"].as_array().map_or(1.0, |runs| runs.len() as f64)
}

fn wall_ms(mut program: Command) -> f64 {
    let before = Instant::now();
    let output = program.stdin(Stdio::null()).output().expect("it was found");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    before.elapsed().as_secs_f64() * 1e3
}
