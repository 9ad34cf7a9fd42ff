//! What a control group allows, and what becomes of a run that wants more: real groups, made for it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

use crate::form;
use crate::needs;
use crate::program::{PATIENCE, Place, eventually, stdout};

/// Where groups of version 1 and of version 2 are mounted.
const ROOT: &str = "/sys/fs/cgroup";

/// A group of one controller; gone when it is dropped.
pub(crate) struct Group(PathBuf);

impl Group {
    /// With these limits, by version; `None`: this machine does not let us.
    fn make(controller: &str, first: &[(&str, &str)], second: (&str, &str)) -> Option<Self> {
        let name = format!("maitred-test-{}-{controller}", std::process::id());
        let old = Path::new(ROOT).join(controller);
        let is_old = old.join("cgroup.procs").exists();
        if !is_old {
            fs::write(Path::new(ROOT).join("cgroup.subtree_control"), format!("+{controller}"))
                .ok()?;
        }
        let group = Self(if is_old { old } else { ROOT.into() }.join(name));
        fs::create_dir(&group.0).ok()?;
        let limits = if is_old { first } else { &[second][..] };
        let set = |(file, value): &(&str, &str)| fs::write(group.0.join(file), value).is_ok();
        limits.iter().all(set).then_some(group)
    }

    /// So little processor time that whoever computes is held up, however busy the machine is: less than
    /// the scheduler gives at a time (some 3 ms).
    fn with_quota() -> Option<Self> {
        let first = [("cpu.cfs_period_us", "100000"), ("cpu.cfs_quota_us", "2000")];
        Self::make("cpu", &first, ("cpu.max", "2000 100000"))
    }

    fn with_memory() -> Option<Self> {
        let first = [("memory.limit_in_bytes", "134217728")];
        Self::make("memory", &first, ("memory.max", "134217728"))
    }

    fn with_processes(limit: &str) -> Option<Self> {
        Self::make("pids", &[("pids.max", limit)], ("pids.max", limit))
    }

    /// Whether such groups can be made here.
    pub(crate) fn can_be_made() -> bool {
        let made = [Self::with_quota(), Self::with_memory(), Self::with_processes("max")];
        made.iter().all(Option::is_some)
    }

    /// Runs the program in it.
    fn run(&self, place: &Place, line: &str) -> Output {
        let procs = self.0.join("cgroup.procs");
        place.shell(&format!("echo $$ > {} && exec $M {line}", procs.display()))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.0);
    }
}

#[test]
fn a_quota_is_shown_and_its_time_is_counted_apart() {
    if !needs::have("cgroup") {
        return;
    }
    let (place, group) = (Place::new(), Group::with_quota().unwrap());
    let output = group.run(
        &place,
        "compare --runs 2 --warmup 0 --count 1 --models sequential --no-trace --export-json r.json \
         -- sh -c 'i=0; while [ $i -lt 30000 ]; do i=$((i+1)); done'",
    );
    assert!(output.status.success(), "{output:?}");
    let text = stdout(&output);
    assert!(text.contains("of which a quota allows 0.02"), "{text}");
    let saved = form::valid_json(&place.read("r.json"));
    assert_eq!(saved["machine"]["quota"]["cpu_ns"], 2_000_000);
    let runs = saved["contestants"][0]["runs"].as_array().unwrap();
    let throttled = |run: &Value| run["noise"]["throttled"]["ns"].as_u64().unwrap();
    // On a machine that is busy enough a round may get less than the quota allows.
    assert!(runs.iter().any(|run| throttled(run) > 0), "{runs:?}");
}

#[test]
fn who_is_killed_for_want_of_memory_is_told_which_limit_it_was() {
    if !needs::have("cgroup") {
        return;
    }
    let (place, group) = (Place::new(), Group::with_memory().unwrap());
    // It keeps what it reads, for there is no line in it.
    let command = "tail /dev/zero";
    let line = format!("compare --runs 1 --warmup 0 --count 1 --models sequential -- {command}");
    let output = group.run(&place, &line);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let text = stdout(&output).split_whitespace().collect::<Vec<_>>().join(" ");
    // The kernel may kill the runner as well, if the command has not given its memory back in time.
    for part in ["signal 9 (SIGKILL)", "the control group ran out of memory", "allows 128 MiB"] {
        assert!(text.contains(part), "no {part:?} in: {text}");
    }
}

#[test]
fn a_server_without_a_process_to_spare_goes_on_with_those_it_has() {
    if !needs::have("cgroup") {
        return;
    }
    // The master and two workers; a third worker, which is to replace one of them, has no room.
    let (place, group) = (Place::new(), Group::with_processes("3").unwrap());
    let serve = "exec $M serve --strategy processes --workers 2 --port 0 2> said.txt";
    let line = format!("echo $$ > {} && {serve}", group.0.join("cgroup.procs").display());
    let mut server = place.shell_command(&line).stdout(Stdio::null()).spawn().unwrap();
    let says = |what: &str, times: usize| {
        let said = || fs::read_to_string(place.path("said.txt")).unwrap_or_default();
        let is_said = || said().matches(what).count() >= times;
        assert!(eventually(PATIENCE, is_said), "{what:?} is not said {times} times: {}", said());
    };
    let signal = |pid: u32, name: &str| {
        let sent = Command::new("kill").args([name, &pid.to_string()]).status();
        assert!(sent.unwrap().success());
    };
    says("is ready", 2);
    signal(server.id(), "-HUP");
    says("no process can be started", 2);
    fs::write(group.0.join("pids.max"), "max").unwrap();
    says("was renewed", 2);
    signal(server.id(), "-TERM");
    assert!(server.wait().unwrap().success());
}
