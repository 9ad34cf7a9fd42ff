//! What tasks on Dask have in common: channels and variables, which its scheduler keeps for all workers.

use std::fs;
use std::path::Path;

use super::{Hosts, can, place, said};
use crate::needs::have;
use crate::program::{Place, Running, stderr, stdout};
use crate::pythons;

/// Two change one variable all the time, and neither could go on without the other.
const BELT: &str = r#"
channel "belt" capacity=2
var "sum" 5
task "maker" { repeat 20 { update "sum" add=3; send "belt" } }
task "taker" count=4 { repeat 5 { receive "belt"; update "sum" add=2 } }
expect var="sum" equals=105
"#;

/// Nobody sends.
const NEVER: &str = r#"
channel "never" capacity=1
var "seen" 0
task "taker" count=2 { receive "never" }
"#;

/// One waits for what nobody sends, and one for its child.
const LONG: &str = r#"
channel "never" capacity=1
task "taker" { receive "never" }
task "sleeper" { run "sh" "-c" "echo begun > begun; until [ -e over ]; do sleep 0.1; done" }
"#;

/// Until nothing of ours is left on the scheduler.
const LEFT: &str = "
import time
from distributed import Client
def left(dask_scheduler):
    kept = dask_scheduler.extensions
    names = [*kept['queues'].queues, *kept['variables'].variables, *kept['semaphores'].max_leases]
    return [name for name in names if name.startswith('maitred-')]
client = Client(ADDRESS, timeout=300)
while client.run_on_scheduler(left):
    time.sleep(0.1)
";

fn nothing_is_left(hosts: &Hosts) {
    let script = LEFT.replace("ADDRESS", &format!("{:?}", hosts.address()));
    let mut ask = hosts.on(0, Path::new("timeout"));
    let output = ask.arg("300").arg(pythons::with_libraries()).args(["-c", &script]).output();
    let output = output.unwrap();
    assert!(output.status.success(), "{}{}", stdout(&output), stderr(&output));
}

#[test]
#[ignore = "slow: hosts of their own"]
fn channels_and_variables_are_one_for_all_hosts_and_nobody_is_left_waiting() {
    if !can() {
        return;
    }
    let files = [("belt.kdl", BELT), ("never.kdl", NEVER), ("long.kdl", LONG)];
    let place = files.iter().fold(place(0.0), |place, (name, text)| place.file(name, text));
    let hosts = Hosts::new(&place, 15).with_cluster(&place);
    let run = |file: &str| {
        let line = format!("run {file} --model dask/processes:2 --cluster {}", hosts.address());
        hosts.maitred(&place, &line)
    };
    let all_is_done = || {
        let text = said(&run("belt.kdl").output().unwrap(), 0);
        assert!(text.contains("5 done") && text.contains("sum = 105 holds"), "{text}");
        nothing_is_left(&hosts);
    };
    all_is_done();
    // What waits for ever is told; both threads of the cluster are free again after it.
    let text = said(&run("never.kdl").output().unwrap(), 1);
    assert!(text.contains("deadlock: 2 tasks wait for ever"), "{text}");
    all_is_done();
    // So is the one that waited in a channel when the run was stopped.
    let running = Running::of(run("long.kdl").spawn().unwrap()).wait_for(&place, "begun");
    running.signal("INT");
    let text = said(&running.end(), 130);
    assert!(text.contains("interrupted"), "{text}");
    nothing_is_left(&hosts);
    fs::write(place.path("over"), "").unwrap();
    all_is_done();
}

/// What a run on a cluster of its own says, which ends with this code.
fn on_own_cluster(work: &str, workers: &str, code: i32) -> String {
    let place = Place::new().file("work.kdl", work);
    let python = pythons::with_libraries().display().to_string();
    let line = format!("run work.kdl --model dask/{workers} --python {python}");
    said(&place.run(&line), code)
}

/// Its worker is killed while another thread of that waits in the channel, whose request stays behind.
const LOST: &str = r#"
channel "belt" capacity=1
task "taker" { run "touch" "there"; receive "belt" }
task "killer" { run "sh" "-c" "until [ -e there ]; do sleep 0.1; done; sleep 0.5; mkdir once && kill -9 $PPID; true" }
task "giver" { run "sh" "-c" "until [ -e once ]; do sleep 0.1; done"; send "belt" }
"#;

#[test]
#[ignore = "slow: another runtime"]
fn an_item_is_not_given_to_a_worker_of_dask_that_is_lost() {
    if !have("dask") {
        return;
    }
    let text = on_own_cluster(LOST, "thread-pool:2", 0);
    assert!(text.contains("3 done"), "{text}");
}

/// Two wait for each other for ever, and a third for one of them: its worker is killed, whose request stays
/// behind while the task is begun again.
const LOCKED: &str = r#"
resource "a" capacity=1
resource "b" capacity=1
task "first" { hold "a" { run "sh" "-c" "touch a; until [ -e b ]; do sleep 0.1; done"; hold "b" { wait "1ms" } } }
task "second" { hold "b" { run "sh" "-c" "touch b; until [ -e a ]; do sleep 0.1; done"; hold "a" { wait "1ms" } } }
task "third" { run "sh" "-c" "until [ -e a ]; do sleep 0.1; done; echo $PPID > new; mv new third"; hold "a" { wait "1ms" } }
task "killer" { run "sh" "-c" "until [ -e third ]; do sleep 0.1; done; sleep 0.5; mkdir once && kill -9 $(cat third); true" }
"#;

#[test]
#[ignore = "slow: another runtime"]
fn a_worker_of_dask_that_is_lost_while_it_waits_hides_no_deadlock() {
    if !have("dask") {
        return;
    }
    let text = on_own_cluster(LOCKED, "processes:4", 1);
    assert!(text.contains("deadlock: 3 tasks wait for ever"), "{text}");
}
