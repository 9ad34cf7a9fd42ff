//! What the tests need and a machine may lack. What is not tried for want of it is said, once, on
//! standard error, where a test that passes is heard as well; and it is a failure, unless the want
//! is named in `MAITRED_MAY_SKIP`.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use maitred_engine::runtime::languages::Language;

use crate::control_group::Group;
use crate::program::{Place, is_root, stdout};
use crate::pythons;

/// Something that a machine may lack.
struct Need {
    name: &'static str,
    /// What is not tried without it.
    untried: &'static str,
    is_met: fn() -> bool,
    wanted_by: Set,
}

/// The tests that are run at once.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Set {
    /// Those of `cargo test`; the slow ones want it too.
    Quick,
    /// Those that are ignored there.
    Slow,
}

const fn need(name: &'static str, untried: &'static str, is_met: fn() -> bool) -> Need {
    Need { name, untried, is_met, wanted_by: Set::Quick }
}

const fn slow(name: &'static str, untried: &'static str, is_met: fn() -> bool) -> Need {
    Need { name, untried, is_met, wanted_by: Set::Slow }
}

/// All of them. Interpreters come beside, from `pythons`.
const NEEDS: [Need; 24] = [
    need("script", "what a terminal is shown: colours, progress, widths", || starts("script")),
    need("man", "whether the manual page is read without a warning", has_manual),
    need("bash", "whether its completions are its code", || starts("bash")),
    need("zsh", "whether its completions are its code", || starts("zsh")),
    need("fish", "whether its completions are its code", || starts("fish")),
    need("setpriv", "the limits of an ordinary user", || starts("setpriv")),
    need("venv", "Python in a virtual environment", has_venv),
    need("root", "what needs another user", is_root),
    need("ordinary-user", "files and folders without permission", || !is_root()),
    need("mount", "a disk that fills up", can_mount),
    need("cgroup", "what a control group allows", Group::can_be_made),
    need("switches", "what the kernel records of switches", can_record),
    need("waits", "what the threads of a child wait for", can_look),
    slow("node", "the runner in Node", || Language::Node.tool().is_ok()),
    slow("bun", "Node's runner in Bun", || Language::Bun.tool().is_ok()),
    slow("go", "the runner in Go", || Language::Go.tool().is_ok()),
    slow("java", "the runner in Java", || Language::Java.tool().is_ok()),
    slow("erlang", "the runner in Erlang", || Language::Erlang.tool().is_ok()),
    slow("joblib", "the runner that hands tasks to joblib", || imports("joblib")),
    slow("dask", "the runner that hands tasks to Dask", || imports("distributed")),
    slow("ray", "the runner that hands tasks to Ray", || imports("ray, grpc")),
    need("numpy", "results that are arrays", || imports("numpy")),
    slow("network-namespaces", "a cluster on several hosts", has_network_namespaces),
    need("thread-limit", "more threads than the kernel allows", || too_many_threads().is_some()),
];

/// Whether there is what a test needs. The tests that ask are named by [`NEEDS`].
pub(crate) fn have(name: &str) -> bool {
    static MET: [OnceLock<bool>; NEEDS.len()] = [const { OnceLock::new() }; NEEDS.len()];
    let index = NEEDS.iter().position(|need| need.name == name);
    let index = index.unwrap_or_else(|| panic!("a need that nobody knows: {name}"));
    *MET[index].get_or_init(NEEDS[index].is_met)
}

fn starts(program: &str) -> bool {
    let mut command = Command::new(program);
    command.arg("--version").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// `man` shows nothing where there is no groff.
fn has_manual() -> bool {
    let place = Place::new().file("page.1", ".TH page 1\n.SH NAME\npage\n");
    let shown = place.shell("man -l ./page.1 2>/dev/null | cat");
    stdout(&shown).contains("NAME")
}

/// The kernel's record of switches, and not samples instead.
fn can_record() -> bool {
    let place = Place::new().file("work.kdl", "task \"t\" { cpu \"1ms\" }\n");
    let text = stdout(&place.run("run work.kdl --model native/threads --width 200"));
    !text.contains("the kernel refused to record")
}

/// At which system call a child is, which a policy of ptrace(2) may refuse.
fn can_look() -> bool {
    let mut child = Command::new("sleep").arg("600").spawn().unwrap();
    let call = fs::read(format!("/proc/{}/syscall", child.id()));
    child.kill().and_then(|()| child.wait()).unwrap();
    call.is_ok()
}

/// Whether the interpreter of libraries has this one.
fn imports(module: &str) -> bool {
    let line = format!("import {module}");
    let asked = Command::new(pythons::with_libraries()).args(["-c", &line]).output();
    asked.is_ok_and(|output| output.status.success())
}

fn has_network_namespaces() -> bool {
    let name = format!("maitred-{}", std::process::id());
    let ip = |what: &str| Command::new("ip").args(["netns", what, &name]).output();
    let made = ip("add").is_ok_and(|output| output.status.success());
    made && ip("delete").is_ok_and(|output| output.status.success())
}

fn can_mount() -> bool {
    let place = Place::new();
    SmallDisk::mount(&place.path("disk"), 64 << 10).is_some()
}

fn has_venv() -> bool {
    let place = Place::new();
    let python = &pythons::found()[0].1;
    let words = ["-m", "venv", "--without-pip", "--symlinks"];
    let made = Command::new(python).args(words).arg(place.path("venv")).output();
    made.is_ok_and(|output| output.status.success())
}

/// More threads than this kernel's limit on memory maps lets a process have, if there is such a
/// number that the language allows.
pub(crate) fn too_many_threads() -> Option<u64> {
    let maps = fs::read_to_string("/proc/sys/vm/max_map_count").unwrap();
    let maps: u64 = maps.trim().parse().unwrap();
    Some(maps / 2 + 1).filter(|threads| *threads <= 65_536)
}

/// A small file system, unmounted when it is dropped.
pub(crate) struct SmallDisk<'a>(&'a Path);

impl<'a> SmallDisk<'a> {
    pub(crate) fn mount(folder: &'a Path, bytes: usize) -> Option<Self> {
        fs::create_dir(folder).unwrap();
        let size = format!("size={bytes}");
        let status = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &size, "tmpfs"])
            .arg(folder)
            .stderr(Stdio::null())
            .status();
        status.is_ok_and(|status| status.success()).then_some(Self(folder))
    }
}

impl Drop for SmallDisk<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0).status();
    }
}

/// What a set of tests misses here: its name, what is not tried.
fn missing(set: Set) -> Vec<(&'static str, String)> {
    let unmet = NEEDS.iter().filter(|need| need.wanted_by == set && !have(need.name));
    let mut missing: Vec<_> = unmet.map(|need| (need.name, need.untried.to_owned())).collect();
    let found = pythons::found();
    for name in pythons::WANTED {
        if set == Set::Quick && !found.iter().any(|(known, _)| *known == name) {
            let untried = format!("what Python does there: no {name} on PATH or MAITRED_PYTHONS");
            missing.push((name, untried));
        }
    }
    missing
}

/// The sentences about what is skipped, and the names of what must not be.
fn judge<'a>(missing: &[(&'a str, String)], may_skip: &str) -> (String, Vec<&'a str>) {
    let allowed: BTreeSet<&str> = may_skip.split([' ', ',']).collect();
    let mut said = String::new();
    for (name, untried) in missing {
        writeln!(said, "skipped for want of {name}: {untried}").unwrap();
    }
    let wrong = missing.iter().map(|(name, _)| *name).filter(|name| !allowed.contains(name));
    (said, wrong.collect())
}

#[test]
fn nothing_is_skipped_that_is_not_named() {
    nothing_is_skipped(Set::Quick);
}

#[test]
#[ignore = "slow: another runtime"]
fn nothing_of_the_slow_tests_is_skipped_that_is_not_named() {
    nothing_is_skipped(Set::Slow);
}

fn nothing_is_skipped(set: Set) {
    let may_skip = std::env::var("MAITRED_MAY_SKIP").unwrap_or_default();
    let missing = missing(set);
    let (said, wrong) = judge(&missing, &may_skip);
    // Past the harness, which keeps to itself what a test prints that passes.
    std::io::stderr().write_all(said.as_bytes()).unwrap();
    assert_eq!(
        wrong, [""; 0],
        "these are missing here; install them, or name them in MAITRED_MAY_SKIP:\n{said}"
    );
}

#[test]
fn a_skip_that_is_not_named_is_wrong() {
    let missing = [("fish", "completions".to_owned()), ("zsh", "completions".to_owned())];
    let (said, wrong) = judge(&missing, "zsh,root");
    assert_eq!(wrong, ["fish"]);
    assert_eq!(said.lines().count(), 2, "what may be skipped is said too: {said}");
}
