//! `maitred scale`: which numbers of workers are tried, what is said of them, and that it can be
//! saved, shown and drawn.

use serde_json::Value;

use crate::form;
use crate::program::{Place, stderr, stdout};

const WAITS: &str = "title \"Waits\"\ntask \"t\" count=12 { wait \"4ms\" }\n";

fn workers(result: &Value) -> Vec<u64> {
    let points = result["scaling"][0]["fit"]["points"].as_array().unwrap();
    points.iter().map(|point| point["workers"].as_u64().unwrap()).collect()
}

#[test]
fn numbers_are_found_and_all_of_them_run_in_every_round() {
    let place = Place::new().file("waits.kdl", WAITS);
    let output = place
        .run("scale waits.kdl --runs 3 --save kept.json --export-svg kept.svg --events events");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let kept = form::valid_json(&place.read("kept.json"));
    let numbers = workers(&kept);
    assert!(numbers.len() >= 4 && numbers[0] == 1, "{numbers:?}");
    assert!(numbers.iter().all(|number| (1..=12).contains(number)), "{numbers:?}");
    let contestants = kept["contestants"].as_array().unwrap();
    assert_eq!(contestants.len(), numbers.len());
    assert!(contestants.iter().all(|one| one["runs"].as_array().unwrap().len() == 3), "{kept}");
    assert_eq!(kept["conclusion"]["answer"]["rule"], "best-workers");
    let text = stdout(&output);
    assert!(text.contains("tasks/s") && text.contains("throughput is highest"), "{text}");
    assert!(place.read("kept.svg").contains("More workers: Waits"), "curves by themselves");
    // Shown again, it says the same.
    assert_eq!(stdout(&place.run("show kept.json")), text);
    let page = place.run("report kept.json -o page.html");
    assert!(page.status.success() && place.read("page.html").contains("How it scales"));
    let events = place.read("events");
    let last: Value = serde_json::from_str(events.lines().last().unwrap()).unwrap();
    assert_eq!(
        (&last["event"], &last["comparison"]["scaling"]),
        (&"result".into(), &kept["scaling"])
    );
}

#[test]
fn exactly_the_numbers_that_were_asked_for() {
    let place = Place::new().file("waits.kdl", WAITS);
    let output = place.run("scale waits.kdl --workers 1,5 --runs 1 --save kept.json");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let kept = form::valid_json(&place.read("kept.json"));
    assert_eq!(workers(&kept), [1, 5]);
    let text = stdout(&output);
    let few = "2 numbers of workers were tried, and it takes 4";
    let uneven = "12 tasks do not divide evenly among 5 workers";
    assert!(text.contains(few) && text.contains(uneven), "{text}");
}

#[test]
fn copies_of_a_command_are_its_workers() {
    let output = Place::new().run("scale --workers 1,2 --count 4 --runs 1 -- true");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(stdout(&output).contains("copies/s"), "{output:?}");
}

#[test]
fn what_has_no_workers_or_is_swept_anyway_is_refused() {
    let place = Place::new().file("waits.kdl", WAITS);
    for (options, why) in [
        ("--models event-loop", "has no number of workers"),
        ("--models thread-pool:4", "names a number of workers"),
        ("--models thread-pool --workers 1,2 --most 4", "cannot be used with"),
    ] {
        let output = place.run(&format!("scale waits.kdl {options}"));
        assert_eq!(output.status.code(), Some(2), "{options}");
        assert!(stderr(&output).contains(why), "{options}: {}", stderr(&output));
    }
    let output = place.run("scale http://127.0.0.1:9/ --connections 5");
    assert!(stderr(&output).contains("is what is swept"), "{output:?}");
}

#[test]
fn figures_that_somebody_has_are_drawn() {
    let place = Place::new().file("own.csv", "workers,rate\n1,10\n2,19\n4,34\n8,56\n");
    let output = place.run("fit own.csv --export-svg own.svg --export-png own.png --json");
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let found: Value = serde_json::from_str(&stdout(&output)).unwrap();
    assert_eq!(found["law"]["name"], "amdahl", "{found}");
    assert!(place.read("own.svg").contains("Amdahl"));
    assert!(std::fs::read(place.path("own.png")).unwrap().starts_with(b"\x89PNG"));
    let output = place.run("fit own.csv --export-svg own.csv");
    assert_eq!(output.status.code(), Some(2), "{output:?}");
}
