//! A cluster of Dask that is there already, on two hosts: network namespaces, joined by a cable. Its
//! scheduler and a worker are in one, another worker in the other.

mod ray;
mod shared;

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use crate::needs::{SmallDisk, have};
use crate::program::{PATIENCE, Place, eventually, stderr, stdout};
use crate::pythons;

/// Two hosts and what runs on them; all of it is gone when this is dropped.
struct Hosts {
    /// Names of the namespaces.
    names: [String; 2],
    /// Their first three numbers.
    net: String,
    scheduler: Option<Child>,
    workers: Vec<Child>,
}

impl Hosts {
    /// `number` tells those of one test apart from those of another.
    fn new(place: &Place, number: u32) -> Self {
        let id = std::process::id();
        let names = ["a", "b"].map(|end| format!("mt{id}x{number}{end}"));
        let net = format!("10.{}.{}", 64 + id % 128, number);
        let hosts = Self { names, net, scheduler: None, workers: Vec::new() };
        let [a, b] = &hosts.names;
        let net = &hosts.net;
        let lines = format!(
            "ip netns add {a}; ip netns add {b}; ip -n {a} link add {a} type veth peer name {b} netns {b}
             ip -n {a} addr add {net}.1/24 dev {a}; ip -n {b} addr add {net}.2/24 dev {b}
             ip -n {a} link set {a} up; ip -n {b} link set {b} up; ip -n {a} link set lo up; ip -n {b} link set lo up"
        );
        let made = place.shell(&lines);
        assert!(made.status.success(), "{}", stderr(&made));
        hosts
    }

    /// On one of them, counted from 0.
    fn on(&self, host: usize, program: &Path) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.names[host]]).arg(program);
        command.stdin(Stdio::null());
        command
    }

    fn address(&self) -> String {
        format!("tcp://{}.1:8786", self.net)
    }

    /// Something of Dask's. A host that does not answer is given up after as few seconds as it allows.
    fn dask(&self, place: &Place, on: &Dask<'_>, host: usize, words: &[&str]) -> Child {
        let ip = format!("{}.{}", self.net, host + 1);
        let log = fs::File::create(place.path(&format!("log-{host}-{}", words.len()))).unwrap();
        let mut command = self.on(host, on.python);
        command.arg("-m").args(words).args(["--host", &ip, "--no-dashboard"]);
        command.env("DASK_DISTRIBUTED__COMM__TIMEOUTS__TCP", "11s");
        command.envs(on.packages.map(|folder| ("PYTHONPATH", folder)));
        command.current_dir(place.path(".")).stdout(log.try_clone().unwrap()).stderr(log);
        command.spawn().unwrap()
    }

    /// Starts a scheduler and a worker on each host, and waits until they are there.
    fn with_cluster(self, place: &Place) -> Self {
        let python = pythons::with_libraries();
        let scratch = place.path(".");
        self.with(place, &Dask { python: &python, packages: None, scratch: &scratch })
    }

    fn with(mut self, place: &Place, on: &Dask<'_>) -> Self {
        let address = self.address();
        let words = ["distributed.cli.dask_scheduler", "--port", "8786"];
        self.scheduler = Some(self.dask(place, on, 0, &words));
        let scratch = on.scratch.display().to_string();
        for host in [0, 1] {
            let run = ["distributed.cli.dask_worker", &address, "--nthreads", "1", "--no-nanny"];
            let words = [&run[..], &["--local-directory", &scratch]].concat();
            self.workers.push(self.dask(place, on, host, &words));
        }
        let script = format!(
            "from distributed import Client; Client('{address}', timeout=300).wait_for_workers(2, timeout=300)"
        );
        let mut ask = self.on(0, on.python);
        ask.args(["-c", &script]).envs(on.packages.map(|folder| ("PYTHONPATH", folder)));
        assert!(ask.status().unwrap().success(), "no cluster came up");
        self
    }

    /// `maitred` on the first of them, not yet started.
    fn maitred(&self, place: &Place, line: &str) -> Command {
        let python = pythons::with_libraries().display().to_string();
        let line = format!(
            "exec env --default-signal ip netns exec {} $M --details {line} --python {python}",
            self.names[0]
        );
        let mut command = place.shell_command(&line);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }
}

/// By what a cluster is run: an interpreter, a folder of packages beside its own, and where its workers
/// keep their files.
struct Dask<'a> {
    python: &'a Path,
    packages: Option<&'a str>,
    scratch: &'a Path,
}

impl Drop for Hosts {
    fn drop(&mut self) {
        for child in self.workers.iter_mut().chain(&mut self.scheduler) {
            let _ = child.kill();
            let _ = child.wait();
        }
        for name in &self.names {
            let _ = Command::new("ip").args(["netns", "delete", name]).status();
        }
    }
}

fn can() -> bool {
    have("dask") && have("network-namespaces")
}

/// A function that says on which host it is, in a file, and what it imports from beside it.
const WORK: &str = "import os, time\nimport beside\n\ndef work(value):\n    \
    open(os.path.join(FOLDER, 'seen'), 'a').write(os.readlink('/proc/self/ns/net') + '\\n')\n    \
    time.sleep(beside.PAUSE)\n    return value * 2\n";

fn place(pause: f64) -> Place {
    let place = Place::new();
    let folder = place.path("").display().to_string();
    let inputs: String = (0..40).map(|value| format!("{value}\n")).collect();
    place
        .file("work.py", format!("FOLDER = {folder:?}\n{WORK}"))
        .file("beside.py", format!("PAUSE = {pause}\n"))
        .file("inputs.jsonl", inputs)
}

/// How many hosts have begun tasks.
fn seen(place: &Place) -> usize {
    let text = fs::read_to_string(place.path("seen")).unwrap_or_default();
    text.lines().collect::<std::collections::BTreeSet<_>>().len()
}

fn run(hosts: &Hosts) -> String {
    format!(
        "run work.py:work --inputs inputs.jsonl --model dask/processes:2 --cluster {}",
        hosts.address()
    )
}

/// Offset and uncertainty of each clock, in milliseconds, as the note says them.
fn clocks(text: &str) -> Vec<(f64, f64)> {
    let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let note =
        flat.split("round trips: ").nth(1).unwrap_or_default().split(" note ").next().unwrap();
    let words: Vec<&str> = note.split(' ').collect();
    let number = |at: usize| words[at].parse().unwrap();
    let signs = words.iter().enumerate().filter(|(_, word)| **word == "±");
    signs.map(|(at, _)| (number(at - 2), number(at + 1))).collect()
}

/// What a run said, on one line, and that it ended with this code.
fn said(output: &Output, code: i32) -> String {
    let text = stdout(output) + &stderr(output);
    assert_eq!(output.status.code(), Some(code), "{text}");
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A run of the work, of which each of two hosts has begun some.
fn begun(hosts: &Hosts, place: &Place) -> Child {
    let child = hosts.maitred(place, &run(hosts)).spawn().unwrap();
    assert!(eventually(PATIENCE, || seen(place) == 2), "no task began on both hosts");
    child
}

/// The second host is named as lost, and what it had is done by the first.
fn others_do_all(run: Child, hosts: &Hosts) {
    let text = said(&run.wait_with_output().unwrap(), 0);
    let lost = format!("lost during the work: the worker at tcp://{}.2:", hosts.net);
    assert!(text.contains(&lost) && text.contains("40 done"), "{text}");
}

#[test]
#[ignore = "slow: hosts of their own"]
fn a_cluster_of_two_hosts_is_used_by_its_address() {
    if !can() {
        return;
    }
    let place = place(0.02);
    let hosts = Hosts::new(&place, 1).with_cluster(&place);
    let output = hosts.maitred(&place, &run(&hosts)).output().unwrap();
    let text = stdout(&output);
    assert!(output.status.success(), "{text}{}", stderr(&output));
    assert_eq!(seen(&place), 2, "both did some: {text}");
    assert!(text.contains("40 done"), "{text}");
    for end in [1, 2] {
        assert!(text.contains(&format!("{}.{end} process {end}", hosts.net)), "{text}");
    }
    // What is on the way to each has a row, and is told of each.
    let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for end in [1, 2] {
        assert!(text.contains(&format!("{}.{end} on the way", hosts.net)), "{text}");
        assert!(
            flat.contains(&format!(
                "to {}.{end}, median / nine in ten / longest: in the client",
                hosts.net
            )),
            "{text}"
        );
    }
    // One kernel has one clock, so that the truth is 0.
    let clocks = clocks(&text);
    assert_eq!(clocks.len(), 2, "{text}");
    assert!(clocks.iter().all(|(offset, within)| offset.abs() <= *within), "{clocks:?}");
    // The cluster is as it was: what was brought is taken back, and it does the same again. What the client
    // itself keeps of the cluster, and renews all the time, names no workers.
    let mut again = hosts.maitred(&place, &run(&hosts));
    let again =
        again.env("DASK_DISTRIBUTED__CLIENT__SCHEDULER_INFO_INTERVAL", "1ms").output().unwrap();
    assert!(again.status.success(), "{}{}", stdout(&again), stderr(&again));
    // Ten at a time, each task is told of as if it had come alone.
    fs::remove_file(place.path("seen")).unwrap();
    let parcels = hosts.maitred(&place, &format!("{} --chunk 10", run(&hosts))).output().unwrap();
    let text = said(&parcels, 0);
    assert!(text.contains("40 done") && seen(&place) == 2, "{text}");
    assert!(text.contains("of the time of a parcel of up to 10 tasks (mean of 4)"), "{text}");
}

#[test]
#[ignore = "slow: hosts of their own"]
fn a_host_that_is_lost_is_named_and_its_tasks_are_done_by_others() {
    if !can() {
        return;
    }
    let place = place(0.2);
    let mut hosts = Hosts::new(&place, 2).with_cluster(&place);
    let child = begun(&hosts, &place);
    hosts.workers[1].kill().unwrap();
    others_do_all(child, &hosts);
}

#[test]
#[ignore = "slow: hosts of their own"]
fn a_scheduler_that_is_lost_ends_the_run_with_a_sentence() {
    if !can() {
        return;
    }
    let place = place(0.2);
    let mut hosts = Hosts::new(&place, 3).with_cluster(&place);
    let child = begun(&hosts, &place);
    hosts.scheduler.as_mut().unwrap().kill().unwrap();
    let text = said(&child.wait_with_output().unwrap(), 1);
    assert!(text.contains(&format!("the scheduler at {} was lost", hosts.address())), "{text}");
}

/// What a run of the work says that ends with this code.
fn refused(hosts: &Hosts, place: &Place, code: i32) -> String {
    said(&hosts.maitred(place, &run(hosts)).output().unwrap(), code)
}

/// A worker that imports what the function needs is in set-up for sure, and there it does this.
fn in_set_up(line: &str) -> Place {
    let text = format!(
        "import os\nPAUSE = 0\nif b'dask_worker' in open('/proc/self/cmdline', 'rb').read():\n    {line}\n"
    );
    place(0.0).file("beside.py", text)
}

#[test]
#[ignore = "slow: hosts of their own"]
fn who_is_lost_in_set_up_is_named_and_it_is_no_matter_of_fewer_workers() {
    if !can() {
        return;
    }
    let other = place(0.0);
    let hosts = Hosts::new(&other, 5).with_cluster(&other);
    let place = in_set_up("os.kill(os.getpid(), 9)");
    let text = refused(&hosts, &place, 1);
    assert!(text.contains("lost in set-up: the worker at tcp://"), "{text}");
    let hosts = Hosts::new(&other, 6).with_cluster(&other);
    let place = in_set_up(&format!("os.kill({}, 9)", hosts.scheduler.as_ref().unwrap().id()));
    let text = refused(&hosts, &place, 1);
    let lost = format!("the scheduler at {} was lost in set-up", hosts.address());
    assert!(text.contains(&lost) && !text.contains("use fewer"), "{text}");
}

#[test]
#[ignore = "slow: hosts of their own"]
fn a_cluster_on_another_version_of_python_is_refused_with_both_named() {
    if !can() {
        return;
    }
    let ours = pythons::with_libraries();
    let asked = |script: &str| {
        let output = Command::new(&ours).args(["-c", script]).output().unwrap();
        stdout(&output).trim().to_owned()
    };
    let own = asked("import sys; print('%d.%d' % sys.version_info[:2])");
    let is_other = |name: &str| name.starts_with("python3.") && !name.ends_with('t');
    let mut found = pythons::found().iter().filter(|(name, _)| is_other(name));
    let Some((other, python)) = found.find(|(name, _)| *name != format!("python{own}")) else {
        return;
    };
    let place = place(0.0);
    // What Dask needs is written in Python, or can do without what is not.
    let packages = asked("import sysconfig; print(sysconfig.get_path('purelib'))");
    let scratch = place.path(".");
    let on = Dask { python, packages: Some(&packages), scratch: &scratch };
    let hosts = Hosts::new(&place, 7).with(&place, &on);
    let text = refused(&hosts, &place, 1);
    let other = other.trim_start_matches("python");
    let both = format!("the scheduler runs Python {other} and this is Python {own}");
    assert!(text.contains(&both), "{text}");
}

#[test]
#[ignore = "slow: hosts of their own"]
fn a_full_disk_of_workers_is_told_with_whose_it_is() {
    if !can() || !have("mount") {
        return;
    }
    let place = place(0.0);
    let scratch = place.path("scratch");
    // There is room for what Dask itself writes, and for our modules, but not for a record.
    let disk = SmallDisk::mount(&scratch, 1 << 20).unwrap();
    let python = pythons::with_libraries();
    let on = Dask { python: &python, packages: None, scratch: &scratch };
    let hosts = Hosts::new(&place, 8).with(&place, &on);
    let text = refused(&hosts, &place, 1);
    let told = format!("the worker at tcp://{}.", hosts.net);
    let cause = "No space left on device";
    assert!(text.contains(&told) && text.contains(cause) && text.contains("make room"), "{text}");
    drop(hosts);
    drop(disk);
}

/// The host is there and does what it was given, but nobody hears of it.
#[test]
#[ignore = "slow: hosts of their own"]
fn a_host_whose_link_is_cut_is_named_and_its_tasks_are_done_by_others() {
    if !can() {
        return;
    }
    let place = place(0.2);
    let hosts = Hosts::new(&place, 9).with_cluster(&place);
    let child = begun(&hosts, &place);
    let cut = format!("ip -n {b} link set {b} down", b = hosts.names[1]);
    assert!(place.shell(&cut).status.success());
    others_do_all(child, &hosts);
}

#[test]
#[ignore = "slow: hosts of their own"]
fn an_address_where_nobody_is_and_a_number_that_cannot_be_had_are_refused() {
    if !can() {
        return;
    }
    let place = place(0.0);
    let hosts = Hosts::new(&place, 4);
    let said = |line: &str, hosts: &Hosts| {
        let output = hosts.maitred(&place, line).output().unwrap();
        let text = stdout(&output) + &stderr(&output);
        assert!(!output.status.success(), "{text}");
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let text = said(&run(&hosts), &hosts);
    assert!(
        text.contains(&format!("no scheduler of Dask answers at {}", hosts.address())),
        "{text}"
    );
    let hosts = hosts.with_cluster(&place);
    let text = said(&run(&hosts).replace("processes:2", "processes:3"), &hosts);
    let threads = format!("by host: {net}.1: 1; {net}.2: 1: ask", net = hosts.net);
    assert!(text.contains(&threads) && text.contains("dask/processes:2"), "{text}");
}

/// Each takes what the other wants next, when the other has what it wants.
const CROSSED: &str = r#"
resource "fork" capacity=1
resource "knife" capacity=1
task "left" { hold "fork" { run "sh" "-c" "touch left; until [ -e right ]; do sleep 0.1; done"; hold "knife" { wait "1ms" } } }
task "right" { hold "knife" { run "sh" "-c" "touch right; until [ -e left ]; do sleep 0.1; done"; hold "fork" { wait "1ms" } } }
"#;

/// Two that were within at once would be found out: one could not make the folder.
const ONE_BY_ONE: &str = r#"
resource "database" capacity=1
task "query" count=20 { hold "database" { run "mkdir" "within"; wait "5ms"; run "rmdir" "within" } }
"#;

#[test]
#[ignore = "slow: hosts of their own"]
fn a_resource_is_one_for_all_hosts_and_a_deadlock_leaves_nobody_waiting() {
    if !can() {
        return;
    }
    let place = place(0.0).file("crossed.kdl", CROSSED).file("one.kdl", ONE_BY_ONE);
    let hosts = Hosts::new(&place, 10).with_cluster(&place);
    let run = |file: &str| {
        let line = format!("run {file} --model dask/processes:2 --cluster {}", hosts.address());
        hosts.maitred(&place, &line).output().unwrap()
    };
    let text = said(&run("crossed.kdl"), 1);
    assert!(text.contains("deadlock: 2 tasks wait for ever"), "{text}");
    // Both threads of the cluster are free again.
    let text = said(&run("one.kdl"), 0);
    assert!(text.contains("20 done"), "{text}");
    let clocks = clocks(&text);
    assert_eq!(clocks.len(), 2, "{text}");
}
