//! How the Python runner is started: its text is part of this program and lies in the user's
//! cache, so that each interpreter keeps the compiled form beside it and starts quickly. Where
//! there is no cache, in a folder that goes when the program ends.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use maitred_wire::RunnerError;
use serde::Deserialize;

use super::runner::RunnerCommand;
use crate::measure::machine::stable_hash;

macro_rules! modules {
    ($($name:literal)*) => {
        [$((
            concat!("maitred_", $name, ".py"),
            include_str!(concat!("../../shipped/runtimes/python/", $name, ".py")),
        ),)*]
    };
}

/// Its modules: the first is started, the others are imported when they are needed.
const MODULES: [(&str, &str); 24] = modules!(
    "runner" "attempts" "client" "conversation" "executor" "failures" "functions" "harness" "hosts" "interpreter" "library"
    "luggage" "muster" "outpost" "parcels" "results" "semaphores" "state" "steps" "strategies" "tasks" "trace_file" "work" "workers"
);

/// Further programs, which hand the same steps to the workers of a library.
const OF_LIBRARIES: [(&str, &str); 10] = [
    ("maitred_joblib.py", include_str!("../../shipped/runtimes/joblib/runner.py")),
    ("maitred_ray.py", include_str!("../../shipped/runtimes/ray/runner.py")),
    ("maitred_ray_cluster.py", include_str!("../../shipped/runtimes/ray/cluster.py")),
    ("maitred_ray_worker.py", include_str!("../../shipped/runtimes/ray/worker.py")),
    ("maitred_dask.py", include_str!("../../shipped/runtimes/dask/runner.py")),
    ("maitred_cluster.py", include_str!("../../shipped/runtimes/dask/cluster.py")),
    ("maitred_coordination.py", include_str!("../../shipped/runtimes/dask/coordination.py")),
    ("maitred_paths.py", include_str!("../../shipped/runtimes/dask/paths.py")),
    ("maitred_plugins.py", include_str!("../../shipped/runtimes/dask/plugins.py")),
    ("maitred_worker.py", include_str!("../../shipped/runtimes/dask/worker.py")),
];

/// A library of Python's whose workers do the tasks: a runtime of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Library {
    Joblib,
    Dask,
    Ray,
}

impl Library {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 3] = [Self::Joblib, Self::Dask, Self::Ray];

    /// The name that models use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Joblib => "joblib",
            Self::Dask => "dask",
            Self::Ray => "ray",
        }
    }

    fn module(self) -> &'static str {
        match self {
            Self::Joblib => "maitred_joblib",
            Self::Dask => "maitred_dask",
            Self::Ray => "maitred_ray",
        }
    }
}

/// It is imported as a module, because workers that are started anew import it by its name. What
/// is too old to read it says so itself: this line is understood by every Python.
const START: &str = "\
import sys
if sys.version_info < (3, 9):
    print('{\"error\": {\"code\": \"unsupported\", \"text\": \"Python %s is too old: 3.9 or later is needed\"}}' % sys.version.split()[0])
    sys.exit(1)
sys.path[:] = [sys.argv[1]] + [folder for folder in sys.path if folder]
import maitred_runner
maitred_runner.main()
";

/// The same for the module of a [`Library`].
const START_LIBRARY: &str = "\
import importlib, sys
sys.path[:] = [sys.argv[1]] + [folder for folder in sys.path if folder]
importlib.import_module(sys.argv[2]).main()
";

/// Says how many inputs a function makes, and ends.
const COUNT: &str = "\
import sys
sys.path[:] = [sys.argv[1]] + [folder for folder in sys.path if folder]
import maitred_functions
maitred_functions.count_inputs(sys.argv[2])
";

/// The same of the workers of an executor.
const COUNT_WORKERS: &str = "\
import sys
sys.path[:] = [sys.argv[1]] + [folder for folder in sys.path if folder]
import maitred_executor
maitred_executor.count_workers(sys.argv[2])
";

/// What they say.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Counted {
    Inputs(u32),
    Workers(Option<u32>),
    Error(RunnerError),
}

/// What changes how fast an interpreter computes without changing its file.
const SWITCHES: [&str; 3] = ["PYTHON_GIL", "PYTHON_JIT", "PYTHONOPTIMIZE"];

/// The runner as a module in a folder.
#[derive(Debug)]
pub struct PythonRunner {
    folder: PathBuf,
    /// Nobody will want it again.
    is_ours: bool,
}

impl PythonRunner {
    /// Puts it where interpreters find it.
    ///
    /// # Errors
    /// When neither the cache nor the folder for temporary files can be written.
    pub fn unpack(cache: Option<&Path>) -> io::Result<Self> {
        let text: String = files().map(|(_, text)| text).collect();
        let name = format!("runner-{:016x}", stable_hash(&text));
        if let Some(folder) = cache.map(|cache| cache.join(&name))
            && put(&folder).is_ok()
        {
            return Ok(Self { folder, is_ours: false });
        }
        let folder = std::env::temp_dir().join(format!("maitred-{}", std::process::id()));
        put(&folder)?;
        Ok(Self { folder, is_ours: true })
    }

    /// How many inputs a function of the user's makes, as this interpreter says.
    ///
    /// # Errors
    /// What it said instead, a sentence's end.
    pub(crate) fn count_inputs(&self, interpreter: &Path, maker: &str) -> Result<u32, String> {
        match self.count(interpreter, COUNT, maker)? {
            Counted::Inputs(count) => Ok(count),
            _ => Err(format!("{} answered something else", interpreter.display())),
        }
    }

    /// How many workers an executor of the user's says that it has; `None`: it does not say.
    ///
    /// # Errors
    /// What was said instead, a sentence's end.
    pub(crate) fn count_workers(
        &self,
        interpreter: &Path,
        maker: &str,
    ) -> Result<Option<u32>, String> {
        match self.count(interpreter, COUNT_WORKERS, maker)? {
            Counted::Workers(count) => Ok(count),
            _ => Err(format!("{} answered something else", interpreter.display())),
        }
    }

    fn count(&self, interpreter: &Path, script: &str, maker: &str) -> Result<Counted, String> {
        let output = Command::new(interpreter)
            .args(["-c", script])
            .arg(&self.folder)
            .arg(maker)
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .output()
            .map_err(|error| format!("{}: {error}", interpreter.display()))?;
        match serde_json::from_slice(&output.stdout) {
            Ok(Counted::Error(error)) => Err(error.text),
            Ok(count) => Ok(count),
            Err(_) => Err(format!(
                "{} ended without an answer ({})",
                interpreter.display(),
                output.status
            )),
        }
    }

    /// This runner on an interpreter.
    pub fn on(&self, interpreter: &Path) -> RunnerCommand {
        self.started(interpreter, START, None)
    }

    /// A library on an interpreter, with the steps of this runner.
    pub fn library_on(&self, library: Library, interpreter: &Path) -> RunnerCommand {
        self.started(interpreter, START_LIBRARY, Some(library.module()))
    }

    fn started(&self, interpreter: &Path, start: &str, module: Option<&str>) -> RunnerCommand {
        let folder = self.folder.as_os_str();
        let words = ["-c".as_ref(), start.as_ref(), folder];
        let mut command =
            RunnerCommand::new(interpreter, words.into_iter().chain(module.map(AsRef::as_ref)));
        let set = |name: &str| Some((name.into(), std::env::var_os(name)?));
        command.env = SWITCHES.into_iter().filter_map(set).collect();
        command
    }
}

impl Drop for PythonRunner {
    fn drop(&mut self) {
        if self.is_ours {
            // What cannot be removed was not left by carelessness.
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

/// All that is written: names, texts.
fn files() -> impl Iterator<Item = (&'static str, &'static str)> {
    MODULES.into_iter().chain(OF_LIBRARIES)
}

/// Leaves each file alone that is as it should be: a newer one would be compiled anew.
fn put(folder: &Path) -> io::Result<()> {
    for (name, text) in files() {
        let file = folder.join(name);
        if fs::read(&file).is_ok_and(|there| there == text.as_bytes()) {
            continue;
        }
        fs::create_dir_all(folder)?;
        let draft = folder.join(format!("{}.tmp", std::process::id()));
        fs::write(&draft, text)?;
        fs::rename(&draft, &file)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spoilt_file_is_replaced_and_a_good_one_is_kept() {
        let cache = tempfile::tempdir().unwrap();
        let runner = PythonRunner::unpack(Some(cache.path())).unwrap();
        let file = runner.folder.join(MODULES[0].0);
        let written = fs::metadata(&file).unwrap().modified().unwrap();
        PythonRunner::unpack(Some(cache.path())).unwrap();
        assert_eq!(fs::metadata(&file).unwrap().modified().unwrap(), written);
        fs::write(&file, "print('spoilt')").unwrap();
        PythonRunner::unpack(Some(cache.path())).unwrap();
        assert_eq!(fs::read_to_string(&file).unwrap(), MODULES[0].1);
    }

    #[test]
    fn without_a_cache_nothing_is_left() {
        let runner = PythonRunner::unpack(Some(Path::new("/proc/no-such-place"))).unwrap();
        let folder = runner.folder.clone();
        assert!(folder.join(MODULES[0].0).is_file());
        drop(runner);
        assert!(!folder.exists());
    }
}
