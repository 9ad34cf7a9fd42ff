//! `maitred lab`: the page, served on this machine until Ctrl-C.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread;

use maitred_engine::measure::machine;
use maitred_engine::runtimes::NATIVE;
use maitred_engine::{Cancel, Engine};
use maitred_lab::{Here, Present, Session, Shelf};
use tempfile::TempDir;

use crate::cli::LabArgs;
use crate::error::{Error, exit};
use crate::terminal::Terminal;

/// Serves until a signal comes; the number is the exit code.
///
/// # Errors
/// See [`Error`].
pub(crate) fn run(args: &LabArgs, terminal: &mut Terminal) -> Result<u8, Error> {
    let shelf = match &args.subject {
        Some(named) => Shelf::open(named).map_err(Error::usage)?,
        None => Shelf::shipped(),
    };
    let until = signals()?;
    let mut session = Session::new(shelf, at_first(), args.keep.keeping());
    if let Some(timeout) = args.timeout {
        session.timeout_ns = timeout.nanos();
    }
    let session = Arc::new(session);
    let asking = Arc::clone(&session);
    let pythons = args.pythons.clone();
    // To ask every interpreter what it is takes seconds; the page is open meanwhile.
    let patience = Cancel::new().map_err(|error| Error::failed(error.to_string()))?;
    thread::spawn(move || {
        if let Ok(here) = here(&pythons, &patience) {
            asking.learn(here);
        }
    });
    let mut page = None;
    let mut printed = Ok(());
    let served = maitred_lab::serve(session, args.port, &until, |address| {
        printed = terminal.print(&format!("The lab is open until Ctrl-C:\n\n  {address}\n\n"));
        if !args.no_open {
            page = open(address).ok();
        }
    });
    served.map_err(|error| {
        let port = args.port;
        Error::failed(format!(
            "no page can be served on port {port}: {error}; name another with --port"
        ))
    })?;
    printed?;
    Ok(exit::OK)
}

/// What this machine has without anybody being asked.
pub(super) fn at_first() -> Here {
    Here::at_first(&machine::describe(), &native_models())
}

/// What a workload can be run under without any interpreter.
fn native_models() -> Vec<String> {
    NATIVE.map(|strategy| maitred_wire::Model::new("native", strategy).to_string()).to_vec()
}

pub(super) fn signals() -> Result<Cancel, Error> {
    Cancel::on_signals()
        .map_err(|error| Error::failed(format!("signals cannot be caught: {error}")))
}

/// What this machine is and has.
pub(super) fn here(pythons: &[PathBuf], cancel: &Cancel) -> Result<Here, Error> {
    let found = Engine::of_this_program()?.runtimes(pythons, false, cancel)?;
    let models = found.all().iter().map(|runtime| {
        let of = |strategy| maitred_wire::Model::new(&runtime.name, strategy).to_string();
        Present {
            name: runtime.name.clone(),
            gil: runtime.ready.as_ref().and_then(|ready| ready.gil),
            models: runtime.strategies.iter().map(|&strategy| of(strategy)).collect(),
        }
    });
    Ok(Here::new(&machine::describe(), &models.collect::<Vec<_>>()))
}

/// Opens the reader's browser. Arguments of a process can be read by all users of a machine, so the
/// token goes into a file that only its owner reads, and the browser is led from there.
fn open(address: &str) -> io::Result<TempDir> {
    if std::env::var_os("DISPLAY").is_none() && std::env::var_os("WAYLAND_DISPLAY").is_none() {
        return Err(io::ErrorKind::NotFound.into());
    }
    let folder = tempfile::Builder::new().prefix("maitred-lab-").tempdir()?;
    let path = folder.path().join("open.html");
    let page =
        format!("<!doctype html><meta http-equiv=\"refresh\" content=\"0;url={address}\">\n");
    File::create_new(&path)?.write_all(page.as_bytes())?;
    let mut browser = Command::new("xdg-open");
    browser.arg(&path).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    browser.spawn().map(|_| folder)
}
