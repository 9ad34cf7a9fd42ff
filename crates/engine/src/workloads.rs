//! The workloads that are shipped: the files of `workloads/`, by their names, from any folder.

use std::path::Path;

use crate::request::Subject;

macro_rules! workloads {
    ($($name:literal)*) => {
        &[$(($name, include_str!(concat!("../shipped/workloads/", $name, ".kdl")))),*]
    };
}

/// All of them: name and text.
#[rustfmt::skip]
pub const ALL: &[(&str, &str)] = workloads![
    "amdahl"
    "blocking-call-on-a-loop"
    "counter-race"
    "cpu-bound"
    "crash"
    "five-requests"
    "hot-lock"
    "mixed"
    "open-loop"
    "outgrow"
    "producer-consumer"
    "servers"
    "skynet"
    "sleepers"
    "waiters"
];

/// The one of this name. A file of the same name is nearer to who names it: `None`.
pub fn find(name: &Path) -> Option<Subject> {
    let (name, text) = ALL.iter().find(|(known, _)| Path::new(known) == name)?;
    let is_file = Path::new(name).is_file();
    let subject =
        Subject::WorkloadText { name: (*name).into(), text: (*text).into(), folder: None };
    (!is_file).then_some(subject)
}

/// The name that is most like this one; `None`: none is.
pub fn nearest(name: &str) -> Option<&'static str> {
    maitred_core::workload::nearest(name, ALL.iter().map(|(known, _)| *known))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_folder_is_shipped() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../workloads");
        let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name());
        let mut files: Vec<String> = files.map(|name| name.into_string().unwrap()).collect();
        files.sort();
        let shipped: Vec<String> = ALL.iter().map(|(name, _)| format!("{name}.kdl")).collect();
        assert_eq!(files, shipped);
    }

    #[test]
    fn a_shipped_workload_is_found_by_its_name_alone() {
        assert!(matches!(
            find(Path::new("waiters")),
            Some(Subject::WorkloadText { name, text, .. }) if name == "waiters" && text.contains("waiter")
        ));
        for other in ["waiters.kdl", "./waiters", "waiter", ""] {
            assert_eq!(find(Path::new(other)), None, "{other}");
        }
    }
}
