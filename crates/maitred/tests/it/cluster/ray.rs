//! A cluster of Ray's that is there already, on the same two hosts: its head is on the first, with the client
//! server that `--cluster` names, and another node is on the second. Each has one processor.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tempfile::TempDir;

use super::{Hosts, clocks, place, said, seen};
use crate::needs::have;
use crate::program::{PATIENCE, Place, Running, eventually, stderr, stdout};
use crate::pythons;

/// A node is half a dozen processes, which give each other up where the machine has too many.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// Ray waits for each part of itself, and that is seconds where nothing else is to be done. No token is
/// asked for: one would be written into the user's home. The last keeps the server that is started for a client
/// from dying now and then (ray-project/ray#63202).
const SETTINGS: [(&str, &str); 4] = [
    ("RAY_raylet_start_wait_time_s", "300"),
    ("RAY_AUTH_MODE", "disabled"),
    ("RAY_USAGE_STATS_ENABLED", "0"),
    ("GRPC_ENABLE_FORK_SUPPORT", "0"),
];

/// For the head: a server that it starts for a client dies at once, as often as the file beside says.
const DYING: &str = "import os\nif b'--mode=specific-server' in open('/proc/self/cmdline', 'rb').read():\n    \
    path = os.path.join(os.path.dirname(__file__), 'deaths')\n    left = int(open(path).read())\n    \
    if left:\n        open(path, 'w').write(str(left - 1))\n        os.abort()\n";

/// All processes on both hosts are gone when this is dropped.
struct Nodes {
    hosts: Hosts,
    /// With a short path, since sockets lie in it.
    folder: TempDir,
    _turn: MutexGuard<'static, ()>,
}

impl Nodes {
    /// `number` as for the hosts.
    fn new(place: &Place, number: u32) -> Self {
        Self::with(place, number, None)
    }

    /// `modules`: a folder in which the head's Python finds modules first, and where what dies is given up sooner.
    fn with(place: &Place, number: u32, modules: Option<&Path>) -> Self {
        let turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        let hosts = Hosts::new(place, number);
        let folder = tempfile::Builder::new().prefix("mtr").tempdir_in("/tmp").unwrap();
        let nodes = Self { hosts, folder, _turn: turn };
        let scratch = format!("--temp-dir={}", nodes.folder.path().display());
        let head = ["--head", "--port=6379", "--ray-client-server-port=10001", &scratch];
        nodes.start(0, &[&head[..], &["--include-dashboard=false"]].concat(), modules);
        nodes.join();
        nodes
    }

    /// The second node, beside the head.
    fn join(&self) {
        self.start(1, &[&format!("--address={}.1:6379", self.hosts.net)], None);
    }

    /// Ray's own command, which returns when what it started is there.
    fn start(&self, host: usize, words: &[&str], modules: Option<&Path>) {
        let ip = format!("--node-ip-address={}.{}", self.hosts.net, host + 1);
        let room = ["--num-cpus=1", "--object-store-memory=80000000"];
        let mut command = self.hosts.on(host, &pythons::with_libraries());
        command.args(["-m", "ray.scripts.scripts", "start", &ip]).args(room).args(words);
        command.envs(SETTINGS);
        if let Some(folder) = modules {
            command
                .env("PYTHONPATH", folder)
                .env("RAY_CLIENT_SERVER_CHECK_CHANNEL_TIMEOUT_S", "20");
        }
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
    }

    /// The numbers of all processes on a host.
    fn processes(&self, host: usize) -> Vec<String> {
        let name = &self.hosts.names[host];
        let output = Command::new("ip").args(["netns", "pids", name]).output().unwrap();
        stdout(&output).lines().map(str::to_owned).collect()
    }

    fn address(&self) -> String {
        format!("ray://{}.1:10001", self.hosts.net)
    }

    /// A run of the work there, not yet started.
    fn run(&self, place: &Place) -> Command {
        let line = format!(
            "run work.py:work --inputs inputs.jsonl --model ray/processes:2 --cluster {}",
            self.address()
        );
        self.maitred(place, &line)
    }

    fn maitred(&self, place: &Place, line: &str) -> Command {
        let mut command = self.hosts.maitred(place, line);
        command.envs(SETTINGS).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// A run of which each of the hosts has begun some.
    fn begun(&self, place: &Place) -> Running {
        self.begun_by(self.run(place), place)
    }

    fn begun_by(&self, mut run: Command, place: &Place) -> Running {
        let running = Running::of(run.spawn().unwrap());
        assert!(eventually(PATIENCE, || seen(place) == 2), "no task began on both hosts");
        running
    }
}

fn kill(processes: &[String]) {
    // One or another has ended meanwhile.
    let _ = Command::new("kill").arg("-KILL").args(processes).stderr(Stdio::null()).status();
}

impl Drop for Nodes {
    fn drop(&mut self) {
        for host in [0, 1] {
            eventually(PATIENCE, || {
                let processes = self.processes(host);
                kill(&processes);
                processes.is_empty()
            });
        }
    }
}

fn can() -> bool {
    have("ray") && have("network-namespaces")
}

#[test]
#[ignore = "slow: hosts of their own"]
fn a_cluster_of_ray_on_two_hosts_is_used_by_its_address() {
    if !can() {
        return;
    }
    let place = place(0.2);
    let nodes = Nodes::new(&place, 11);
    let text = said(&nodes.run(&place).output().unwrap(), 0);
    assert_eq!(seen(&place), 2, "both did some: {text}");
    assert!(text.contains("40 done"), "{text}");
    for end in [1, 2] {
        assert!(text.contains(&format!("{}.{end} process {end}", nodes.hosts.net)), "{text}");
    }
    // One kernel has one clock, so that the truth is 0.
    let clocks = clocks(&text);
    assert_eq!(clocks.len(), 2, "{text}");
    assert!(clocks.iter().all(|(offset, within)| offset.abs() <= *within), "{clocks:?}");
}

#[test]
#[ignore = "slow: hosts of their own"]
fn a_run_on_a_cluster_of_ray_that_is_stopped_tells_what_is_done_and_gives_back_its_processors() {
    if !can() {
        return;
    }
    let place = place(0.4);
    let nodes = Nodes::new(&place, 14);
    // Where the client is gone without a word, Ray itself gives back what it had after half a minute. Here
    // that is a day, so that the next one begins because it was given back before.
    let mut run = nodes.run(&place);
    run.env("RAY_CLIENT_RECONNECT_GRACE_PERIOD", "86400");
    let running = nodes.begun_by(run, &place);
    // Of so many some have ended, and that is known.
    assert!(eventually(PATIENCE, || place.read("seen").lines().count() >= 12));
    running.signal("INT");
    let text = said(&running.end(), 130);
    assert!(text.contains("interrupted") && text.contains(" done"), "{text}");
    assert!(!text.contains(" 0 done") && !text.contains("40 done"), "{text}");
    let text = said(&nodes.run(&place).output().unwrap(), 0);
    assert!(text.contains("40 done"), "{text}");
}

#[test]
#[ignore = "slow: hosts of their own"]
fn a_cluster_of_ray_that_has_not_what_is_asked_for_is_refused() {
    if !can() {
        return;
    }
    let place = place(0.0)
        .file("broken.py", "import os\nif 'ray::' in open('/proc/self/cmdline').read():\n    raise ValueError('no licence here')\n\ndef work(value):\n    return value\n");
    let nodes = Nodes::new(&place, 12);
    let (net, address) = (&nodes.hosts.net, nodes.address());
    let refused = |line: &str| said(&nodes.maitred(&place, line).output().unwrap(), 1);
    let line = format!("run work.py:work --inputs inputs.jsonl --cluster {address} --model ray/");
    let text = refused(&format!("{line}processes:3"));
    let told = format!("has not 3 processors for this; those of its nodes: {net}.1: 1; {net}.2: 1");
    assert!(text.contains(&told) && text.contains("ray/processes:2"), "{text}");
    let text = refused(&format!("{line}processes:2 --chunk 5"));
    assert!(text.contains("Ray hands out no parcels here (--chunk), which Dask does"), "{text}");
    let text = refused(&format!("{line}processes:2").replace("10001", "10002"));
    assert!(text.contains(&format!("no cluster of Ray answers at ray://{net}.1:10002")), "{text}");
    let text = refused(&format!("{line}processes:2").replace("work.py", "broken.py"));
    let cause = "cannot do this work (`broken:work` cannot be loaded: ValueError: no licence here";
    assert!(text.contains(cause), "{text}");
}

#[test]
#[ignore = "slow: hosts of their own"]
fn a_node_of_ray_that_is_lost_is_named_and_with_the_cluster_all_is() {
    if !can() {
        return;
    }
    let place = place(0.4);
    let nodes = Nodes::new(&place, 13);
    let head = nodes.processes(0);
    let running = nodes.begun(&place);
    kill(&nodes.processes(1));
    let text = said(&running.end(), 0);
    let lost = format!("lost during the work: the node at {}.2", nodes.hosts.net);
    assert!(text.contains(&lost) && text.contains("40 done"), "{text}");
    // What it was at was begun again.
    assert!(text.contains(" begun ") && text.contains(" 2 times"), "{text}");
    nodes.join();
    std::fs::remove_file(place.path("seen")).unwrap();
    let running = nodes.begun(&place);
    // Of the first host only what was there before the run is Ray's.
    kill(&[head, nodes.processes(1)].concat());
    let text = said(&running.end(), 1);
    assert!(text.contains(&format!("the cluster at {} was lost", nodes.address())), "{text}");
}

#[test]
#[ignore = "slow: hosts of their own"]
fn a_server_of_rays_client_that_dies_as_it_starts_is_asked_again_and_named_where_all_die() {
    if !can() {
        return;
    }
    let place = place(0.0).file("sitecustomize.py", DYING).file("deaths", "1");
    let nodes = Nodes::with(&place, 15, Some(&place.path("")));
    let text = said(&nodes.run(&place).output().unwrap(), 0);
    let died =
        format!("the server that the cluster at {} starts for a client died", nodes.address());
    assert!(text.contains("40 done") && text.contains("connected at try 2"), "{text}");
    assert!(text.contains(&died) && place.read("deaths") == "0", "{text}");
    let text = said(&nodes.run(&place).output().unwrap(), 0);
    assert!(text.contains("40 done") && !text.contains("connected at try"), "{text}");
    let place = place.file("deaths", "9");
    let text = said(&nodes.run(&place).output().unwrap(), 1);
    assert!(text.contains(&died) && text.contains("at each of 3 tries"), "{text}");
    assert_eq!(place.read("deaths"), "6", "{text}");
}
