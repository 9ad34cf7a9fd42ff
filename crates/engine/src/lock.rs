//! One run at a time, whichever front end asks for it: a locked file in the user's folder for running
//! programs. The kernel lets go of it however the program ends. The main type is [`Lock`].

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::cancel::Cancel;
use crate::event::Event;
use crate::measure::clock::nanos;
use crate::measure::{mark, sys};

/// Between two looks whether the other run has ended.
const PAUSE: Duration = Duration::from_millis(50);
/// Between two events that say that it has not.
const REST: Duration = Duration::from_secs(1);

/// The right to measure, until it is dropped.
#[derive(Debug)]
pub(crate) struct Lock {
    _file: Option<File>,
}

impl Lock {
    /// Waits until no other run goes on, or until it is cancelled; says so meanwhile. Where no file
    /// can be locked, and within a run of another `maitred`, which waits for us, nobody waits.
    pub(crate) fn take(cancel: &Cancel, on_event: &mut dyn FnMut(Event<'_>)) -> Self {
        let Some(mut file) = path().filter(|_| !mark::is_within_a_run()).and_then(open) else {
            return Self { _file: None };
        };
        let began = Instant::now();
        let mut told = None;
        while let Err(TryLockError::WouldBlock) = file.try_lock() {
            if cancel.is_cancelled() {
                return Self { _file: None };
            }
            if told.is_none_or(|at: Instant| at.elapsed() >= REST) {
                told = Some(Instant::now());
                let (for_ns, holder) = (nanos(began.elapsed()), holder(&mut file));
                on_event(Event::Waiting { for_ns, holder });
            }
            std::thread::sleep(PAUSE);
        }
        // For whoever waits for us; that it cannot be written is no reason not to run.
        let _ = file.set_len(0).and_then(|()| file.rewind());
        let _ = write!(file, "{}", std::process::id());
        Self { _file: Some(file) }
    }
}

/// `$XDG_RUNTIME_DIR` (XDG Base Directory Specification), or a folder of the user's among the
/// temporary files.
fn path() -> Option<PathBuf> {
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    let folder = match runtime.filter(|path| path.is_absolute() && path.is_dir()) {
        Some(runtime) => runtime.join("maitred"),
        None => std::env::temp_dir().join(format!("maitred-{}", sys::user())),
    };
    let made = DirBuilder::new().mode(0o700).recursive(true).create(&folder);
    let is_ours = fs::symlink_metadata(&folder)
        .is_ok_and(|facts| facts.is_dir() && facts.uid() == sys::user());
    (made.is_ok() && is_ours).then(|| folder.join("lock"))
}

fn open(path: PathBuf) -> Option<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path).ok()
}

/// The process that has the lock, as it wrote down.
fn holder(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.rewind().and_then(|()| file.read_to_string(&mut text)).ok()?;
    text.trim().parse().ok()
}
