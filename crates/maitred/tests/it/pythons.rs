//! Which Python interpreters the tests find: those of $MAITRED_PYTHONS, a list of folders as
//! PATH is one, and those on PATH. What is missing is said by `needs`.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

/// Those that the tests want to see, by file name.
pub(crate) const WANTED: [&str; 5] =
    ["python3", "python3.13", "python3.13t", "python3.14", "pypy3"];

/// PATH, straight to the interpreter that `python3` is. A version manager has a script there instead, which
/// looks for it anew each time: that takes longer than to start it, and is not what the tests are about.
pub(crate) fn straight() -> &'static str {
    static STRAIGHT: OnceLock<String> = OnceLock::new();
    STRAIGHT.get_or_init(|| {
        let path = std::env::var("PATH").unwrap();
        let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
        let is_script = |file: PathBuf| fs::read(file).is_ok_and(|text| text.starts_with(b"#!"));
        let first = folders.iter_mut().find(|folder| folder.join("python3").is_file());
        if let Some(folder) = first.filter(|folder| is_script(folder.join("python3"))) {
            let own = "import os, sys; print(os.path.dirname(sys.executable), end='')";
            let asked = Command::new(folder.join("python3")).args(["-c", own]).output().unwrap();
            *folder = String::from_utf8(asked.stdout).unwrap().into();
        }
        std::env::join_paths(folders).unwrap().into_string().unwrap()
    })
}

/// PATH with the folders of further interpreters before it.
pub(crate) fn path() -> String {
    let path = straight().to_owned();
    match std::env::var("MAITRED_PYTHONS") {
        Ok(more) if !more.is_empty() => format!("{more}:{path}"),
        _ => path,
    }
}

fn find(name: &str) -> Option<PathBuf> {
    let path = path();
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| {
        // A shim of a version manager is there for versions that are not.
        let run = || Command::new(file).args(["-c", "pass"]).output();
        file.is_file() && run().is_ok_and(|output| output.status.success())
    })
}

/// The interpreters that are here, by the name of their file.
pub(crate) fn found() -> &'static [(&'static str, PathBuf)] {
    static FOUND: OnceLock<Vec<(&str, PathBuf)>> = OnceLock::new();
    FOUND.get_or_init(|| {
        let mut found = Vec::new();
        for name in WANTED {
            found.extend(find(name).map(|file| (name, file)));
        }
        assert!(!found.is_empty(), "there is no Python at all: install python3");
        found
    })
}

/// The interpreter that has Dask, joblib and numpy, where there is one: $MAITRED_DASK, or the first.
pub(crate) fn with_libraries() -> PathBuf {
    std::env::var_os("MAITRED_DASK").map_or_else(|| found()[0].1.clone(), PathBuf::from)
}
