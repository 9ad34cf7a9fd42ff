//! Remembers how fast a runtime computes on this machine, so that not every run has to find out.
//! One small file for each runtime under `$XDG_CACHE_HOME/maitred` (else `~/.cache/maitred`). A
//! cache that is missing, broken or unwritable costs time and is never a failure.

use std::fs;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::machine::stable_hash;

/// Where calibrations are kept; the main type.
#[derive(Clone, Debug)]
pub struct Calibrations {
    directory: Option<PathBuf>,
}

/// What is in a file. The words stand there beside the figure so that a collision of hashes
/// cannot give one runtime the figure of another.
#[derive(Debug, Serialize, Deserialize)]
struct CalibrationFile {
    runtime: String,
    machine: String,
    units_per_second: f64,
}

impl Calibrations {
    /// The cache of this user.
    pub fn of_user() -> Self {
        Self { directory: cache_folder().map(|cache| cache.join("calibration")) }
    }

    /// A cache in this directory, which need not exist.
    pub fn in_directory(directory: PathBuf) -> Self {
        Self { directory: Some(directory) }
    }

    /// Units of `cpu` work in a second, if they were measured. `runtime` must tell two builds
    /// apart ([`crate::runtime::RunnerCommand::identity`]); `machine` is the machine's id.
    pub fn get(&self, runtime: &str, machine: &str) -> Option<f64> {
        let entry: CalibrationFile =
            serde_json::from_slice(&fs::read(self.path(runtime, machine)?).ok()?).ok()?;
        let same = entry.runtime == runtime && entry.machine == machine;
        (same && is_speed(entry.units_per_second)).then_some(entry.units_per_second)
    }

    /// Keeps a figure for later. Says whether that worked.
    pub fn put(&self, runtime: &str, machine: &str, units_per_second: f64) -> bool {
        let keep = || {
            let path = self.path(runtime, machine).filter(|_| is_speed(units_per_second))?;
            let entry = CalibrationFile {
                runtime: runtime.into(),
                machine: machine.into(),
                units_per_second,
            };
            let text = serde_json::to_vec_pretty(&entry).ok()?;
            fs::create_dir_all(path.parent()?).ok()?;
            // Renamed into place: whoever reads at the same time sees the old or the new, whole.
            let draft = path.with_extension(format!("{}.tmp", std::process::id()));
            fs::write(&draft, text).and_then(|()| fs::rename(&draft, &path)).ok()
        };
        keep().is_some()
    }

    fn path(&self, runtime: &str, machine: &str) -> Option<PathBuf> {
        let name = format!("{:016x}.json", stable_hash(&format!("{runtime}\n{machine}")));
        Some(self.directory.as_ref()?.join(name))
    }
}

/// Where this program may keep what it can find out again (XDG Base Directory Specification).
pub(crate) fn cache_folder() -> Option<PathBuf> {
    let absolute =
        |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let cache = absolute("XDG_CACHE_HOME").or_else(|| Some(absolute("HOME")?.join(".cache")));
    Some(cache?.join("maitred"))
}

fn is_speed(units_per_second: f64) -> bool {
    units_per_second.is_finite() && units_per_second > 0.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_put_is_found_for_the_same_runtime_and_machine_only() {
        let directory = tempfile::tempdir().unwrap();
        let cache = Calibrations::in_directory(directory.path().join("not/yet/there"));
        assert_eq!(cache.get("native 1", "here"), None);
        assert!(cache.put("native 1", "here", 2.5e9));
        assert_eq!(cache.get("native 1", "here"), Some(2.5e9));
        assert_eq!(cache.get("native 2", "here"), None);
        assert_eq!(cache.get("native 1", "there"), None);
        assert!(cache.put("native 1", "here", 3.5), "recalibrated");
        assert_eq!(cache.get("native 1", "here"), Some(3.5));
    }

    #[test]
    fn broken_and_impossible_figures_are_as_good_as_none() {
        let directory = tempfile::tempdir().unwrap();
        let cache = Calibrations::in_directory(directory.path().into());
        assert!(!cache.put("a", "b", 0.0));
        assert!(!cache.put("a", "b", f64::NAN));
        fs::write(cache.path("a", "b").unwrap(), "{ not json").unwrap();
        assert_eq!(cache.get("a", "b"), None);
        let nowhere = Calibrations::in_directory("/proc/no-such-place".into());
        assert!(!nowhere.put("a", "b", 1.0));
    }
}
