//! The claims that are built in: the files of `claims/`.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use crate::error::Error;

/// A file with claims.
#[derive(Clone, Copy, Debug)]
pub struct BuiltIn {
    /// Its number and its name, as the file is called: `02-amdahl`.
    pub name: &'static str,
    pub text: &'static str,
}

macro_rules! claims {
    ($($name:literal)*) => {
        &[$(BuiltIn {
            name: $name,
            text: include_str!(concat!("../shipped/claims/", $name, ".kdl")),
        }),*]
    };
}

/// All of them, by number.
#[rustfmt::skip]
pub const ALL: &[BuiltIn] = claims![
    "01-more-of-a-resource"
    "02-amdahl"
    "03-waiting-without-spinning"
    "04-a-program-that-answers"
    "05-concurrency-without-parallelism"
    "06-preemptive-and-cooperative"
    "07-python-threads-are-kernel-threads"
    "08-threads-and-blocking-requests"
    "09-memory-of-threads-and-processes"
    "10-handing-over"
    "11-one-thread-under-a-gil"
    "12-lost-updates"
    "13-races-hide"
    "14-a-hot-lock"
    "15-anywhere"
    "16-without-the-gil"
    "17-other-runtimes"
    "18-processes-use-all-cores"
    "19-one-process-crashes"
    "20-a-leaking-worker"
    "21-handing-over-between-processes"
    "22-ping-pong"
    "22-switching-processes"
    "23-starting"
    "24-switching-tasks-and-calling"
    "25-processor-time-of-waiting"
    "26-servers-and-connections"
    "27-how-many-fit"
    "28-one-call-stalls-the-loop"
    "29-a-slow-request-beside-a-ticker"
    "30-mixed-work"
    "31-runtimes-that-compute-in-parallel"
    "32-loops-and-goroutines"
    "33-many-tasks-few-threads"
    "34-handing-out-by-a-scheduler"
];

macro_rules! functions {
    ($($name:literal)*) => {
        &[$(($name, include_str!(concat!("../shipped/claims/", $name)))),*]
    };
}

/// The functions of Python that they call.
#[rustfmt::skip]
const FUNCTIONS: &[(&str, &str)] = functions![
    "10-handing-over.py"
    "16-without-the-gil.py"
    "22-ping-pong.py"
    "24-switching-tasks-and-calling.py"
];

impl BuiltIn {
    /// The number, without a zero before it.
    fn number(&self) -> &'static str {
        let number = self.name.split('-').next().unwrap_or_default();
        number.trim_start_matches('0')
    }

    /// The name without the number.
    fn word(&self) -> &'static str {
        self.name.split_once('-').map_or(self.name, |(_, word)| word)
    }

    /// Whether all these words stand in it, whatever their case.
    fn speaks_of(&self, words: &str) -> bool {
        let letters = |text: &str| -> Vec<String> {
            let words = text.split(|sign: char| !sign.is_alphanumeric());
            words.filter(|word| !word.is_empty()).map(str::to_lowercase).collect()
        };
        let (own, wanted) = (letters(self.text), letters(words));
        !wanted.is_empty() && wanted.iter().all(|word| own.contains(word))
    }

    /// Those of this number, or the one of this name, or those that speak of it.
    ///
    /// # Errors
    /// [`Error::Usage`] with the nearest name.
    pub fn find(text: &str) -> Result<Vec<Self>, Error> {
        let number = text.trim_start_matches('0');
        let is_it = |one: &&Self| one.number() == number || [one.name, one.word()].contains(&text);
        let found: Vec<Self> = ALL.iter().filter(is_it).copied().collect();
        if !found.is_empty() {
            return Ok(found);
        }
        let found: Vec<Self> = ALL.iter().filter(|one| one.speaks_of(text)).copied().collect();
        if !found.is_empty() {
            return Ok(found);
        }
        let hint = maitred_core::workload::nearest(text, ALL.iter().map(Self::word))
            .map_or_else(String::new, |near| format!("did you mean `{near}`? "));
        Err(Error::Usage(format!(
            "there is no claim `{text}`; {hint}`maitred check --list` lists those there are, and a \
             file of your own ends in .kdl"
        )))
    }
}

/// Writes the functions that built-in claims call into a folder.
///
/// # Errors
/// Those of the files. None is written over.
pub fn put_functions(folder: &Path) -> io::Result<()> {
    FUNCTIONS.iter().try_for_each(|(name, text)| put(folder, name, text))
}

/// Writes all claims and the functions that they call into a folder, which is made; how many files
/// with claims there are.
///
/// # Errors
/// [`Error::Usage`] when a file is there already or cannot be written.
pub fn unpack(folder: &Path) -> Result<usize, Error> {
    let written = fs::create_dir_all(folder).and_then(|()| {
        let mut claims = ALL.iter();
        claims.try_for_each(|one| put(folder, &format!("{}.kdl", one.name), one.text))?;
        put_functions(folder)
    });
    written.map_err(|error| {
        Error::Usage(format!(
            "the claims cannot be written into {}: {error}; name a folder where none of them is",
            folder.display()
        ))
    })?;
    Ok(ALL.len())
}

fn put(folder: &Path, name: &str, text: &str) -> io::Result<()> {
    let file = fs::File::create_new(folder.join(name));
    let written = file.and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| io::Error::new(error.kind(), format!("{name}: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_folder_is_built_in() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../claims");
        let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name());
        let mut files: Vec<String> = files.map(|name| name.into_string().unwrap()).collect();
        files.sort();
        let claims = ALL.iter().map(|one| format!("{}.kdl", one.name));
        let functions = FUNCTIONS.iter().map(|(name, _)| (*name).to_owned());
        let mut built_in: Vec<String> = claims.chain(functions).collect();
        built_in.sort();
        assert_eq!(files, built_in);
    }

    #[test]
    fn claims_are_found_by_number_and_by_name() {
        let names = |text| -> Vec<&str> {
            BuiltIn::find(text).unwrap().iter().map(|one| one.name).collect()
        };
        assert_eq!(names("2"), ["02-amdahl"]);
        assert_eq!(names("02"), ["02-amdahl"]);
        assert_eq!(names("amdahl"), ["02-amdahl"]);
        assert_eq!(names("02-amdahl"), ["02-amdahl"]);
        let gil = names("gil");
        assert!(gil.contains(&"11-one-thread-under-a-gil") && gil.len() < ALL.len() / 2, "{gil:?}");
        assert_eq!(names("gil"), names("GIL"));
        let sentence = BuiltIn::find("amdal").unwrap_err().to_string();
        assert!(sentence.contains("did you mean `amdahl`?"), "{sentence}");
    }

    #[test]
    fn what_is_there_is_not_written_over() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(unpack(folder.path()).unwrap(), ALL.len());
        let own = folder.path().join("02-amdahl.kdl");
        fs::write(&own, "mine").unwrap();
        assert!(unpack(folder.path()).is_err());
        assert_eq!(fs::read_to_string(own).unwrap(), "mine");
    }
}
