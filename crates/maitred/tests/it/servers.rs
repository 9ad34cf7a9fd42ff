//! The test servers of a workload: what is told of one that dies, and that none is left behind.

use crate::http::runs;
use crate::program::{Place, STRATEGIES, stderr};

/// A server of one process is gone with its first crash: every later request is refused.
#[test]
fn a_server_that_dies_is_noted() {
    let source = r#"
server "site" strategy="event-loop"
server "other" strategy="threads"
task "visit" {
    http "GET" "$other/bytes/1"
    http "GET" "$site/crash"
}
"#;
    let place = Place::new().file("work.kdl", source);
    let models = format!("{},python3", STRATEGIES.join(","));
    for (model, run) in runs(&place, &format!("compare work.kdl --models {models}")) {
        assert_eq!(run["failures"][0]["kind"], "lost", "{model}: {run}");
        let (site, other) = (&run["servers"][0], &run["servers"][1]);
        assert_eq!((&site["name"], &other["name"]), (&"site".into(), &"other".into()));
        assert!(site["died"].as_str().unwrap().contains("signal"), "{model}: {site}");
        assert!(site["grown_bytes"]["unknown"].is_string(), "{model}: {site}");
        assert!(other["died"].is_null(), "{model}: {other}");
        let notes = run["notes"].to_string();
        assert!(notes.contains("the server `site` ended during the run"), "{model}: {notes}");
        assert!(!notes.contains("`other`"), "{model}: {notes}");
    }
}

/// A worker process that dies is replaced, and its server goes on.
#[test]
fn a_server_of_processes_outlives_its_workers() {
    let source = r#"
server "site" strategy="processes" workers=2
task "crash" { http "GET" "$site/crash" }
task "visit" count=20 { wait "5ms"; http "GET" "$site/bytes/1" }
expect failures=1
"#;
    let place = Place::new().file("work.kdl", source);
    for (model, run) in runs(&place, "compare work.kdl --models sequential") {
        assert_eq!(
            (&run["tasks"]["failed"], &run["tasks"]["done"]),
            (&1.into(), &20.into()),
            "{run}"
        );
        assert!(run["servers"][0]["died"].is_null(), "{model}: {run}");
    }
}

/// A worker that leaks is replaced between two requests, by its memory or by its requests, and no
/// request fails of it: without a limit the sixty leaks of 1 MiB stay.
#[test]
fn a_server_of_processes_replaces_workers_that_leak() {
    let grown = |limit: &str| {
        let source = format!(
            r#"
server "site" strategy="processes" workers=1 {limit}
task "visit" {{ repeat 60 {{ http "GET" "$site/leak/1MiB" }} }}
"#
        );
        let place = Place::new().file("work.kdl", &source);
        let (_, run) = runs(&place, "compare work.kdl --models event-loop").remove(0);
        assert_eq!(run["tasks"]["done"], 1, "{limit}: {run}");
        run["servers"][0]["grown_bytes"]["known"].as_u64().unwrap() >> 20
    };
    assert!(grown("") >= 59);
    assert!(grown("max-requests=10") < 40);
    assert!(grown("max-memory=\"24MiB\"") < 50);
}

#[test]
fn a_server_that_cannot_start_ends_the_comparison_with_its_words() {
    let source =
        "server \"s\" strategy=\"thread-pool\" workers=64\ntask \"t\" { http \"GET\" \"$s/\" }\n";
    let place = Place::new().file("work.kdl", source);
    // Too little room for the program itself.
    let output = place.shell("ulimit -n 8; \"$M\" run work.kdl -q");
    assert!(!output.status.success());
    assert!(!stderr(&output).is_empty(), "{output:?}");
}

/// maitred's end, however it comes, is that of its servers.
#[test]
fn no_server_is_left_behind() {
    let source = r#"
server "one" strategy="processes" workers=2
server "two" strategy="event-loop"
task "t" { http "GET" "$one/delay/50s"; http "GET" "$two/delay/50s" }
"#;
    let place = Place::new().file("work.kdl", source);
    // The runner, the master and its two workers, the other server.
    let started = |words: &str| {
        let running = place.start(words);
        running.wait_for_processes(5);
        running
    };
    for words in ["run work.kdl -q", "compare work.kdl -q --models threads --warmup 0"] {
        for (signal, code) in [("INT", 130), ("TERM", 143), ("HUP", 129)] {
            let running = started(words);
            running.signal(signal);
            let output = running.end();
            assert_eq!(output.status.code(), Some(code), "{words}, {signal}: {output:?}");
        }
        started(words).kill();
    }
    let output = started("run work.kdl -q --timeout 10s").end();
    assert_eq!(output.status.code(), Some(1), "{output:?}");
}
