//! `maitred compare -- COMMAND`: any program, with any arguments, measured and not disturbed.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::process::{Output, Stdio};

use serde_json::Value;

use crate::form;
use crate::program::{Place, stderr, stdout};

const ONCE: [&str; 9] =
    ["compare", "--runs", "1", "--warmup", "0", "--export-json", "r.json", "--models", "processes"];

fn compare(place: &Place, count: u32, words: &[&str]) -> Output {
    let count = count.to_string();
    let line = [&ONCE[..], &["--count", &count, "--"], words].concat();
    place.command(&line).output().unwrap()
}

fn first_run(place: &Place) -> Value {
    form::valid_json(&place.read("r.json"))["contestants"][0]["runs"][0].clone()
}

#[test]
fn a_command_is_run_as_often_as_asked() {
    let place = Place::new();
    let output = compare(&place, 7, &["sh", "-c", "echo x >> count"]);
    assert!(output.status.success(), "{output:?}");
    let rounds = form::valid_json(&place.read("r.json"))["contestants"][0]["runs"].clone();
    let rounds = rounds.as_array().unwrap().len();
    let traced = 1;
    assert_eq!(place.read("count").lines().count(), 7 * (rounds + traced));
    assert_eq!(first_run(&place)["tasks"]["done"], 7);
}

#[test]
fn a_ranked_model_runs_once_more_to_be_traced_unless_that_is_refused() {
    let place = Place::new();
    for (option, runs) in [("", 3 + 1), ("--no-trace", 3)] {
        let line = "compare --runs 3 --warmup 0 --count 1 --models processes --export-json r.json";
        let mut line: Vec<&str> = line.split(' ').chain([option]).collect();
        line.retain(|word| !word.is_empty());
        line.extend(["--", "sh", "-c", "echo x >> count"]);
        let output = place.command(&line).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let saved = form::valid_json(&place.read("r.json"));
        let one = &saved["contestants"][0];
        let dirty = one["runs"].as_array().unwrap().len() - 3;
        assert_eq!(place.read("count").lines().count(), runs + dirty, "{option}");
        assert_eq!(one.get("traced").is_some(), runs > 3, "{option}");
        assert_eq!(stdout(&output).contains("What the threads did"), runs > 3, "{output:?}");
        fs::remove_file(place.path("count")).unwrap();
    }
}

#[test]
fn all_strategies_of_a_command_are_compared_by_default() {
    let place = Place::new();
    let output = place.run("compare --runs 3 --warmup 0 --count 4 --export-json r.json -- true");
    assert!(output.status.success(), "{output:?}");
    let saved = form::valid_json(&place.read("r.json"));
    assert_eq!(saved["subject"]["kind"], "command");
    // A number of processes that the formula wants may have joined, by what the rounds were like.
    let all = saved["contestants"].as_array().unwrap().iter();
    let asked = all.filter(|one| one["chosen"]["by"] != "formula");
    let names: Vec<&Value> = asked.map(|one| &one["model"]).collect();
    assert_eq!(names, ["command/sequential", "command/processes"]);
    assert!(stdout(&output).starts_with("true\n"), "{output:?}");
}

#[test]
fn what_a_failing_command_says_is_shown() {
    let place = Place::new();
    let output = compare(&place, 2, &["sh", "-c", "echo the disk is in the drawer >&2; exit 3"]);
    let text = stdout(&output);
    assert!(text.contains("standard error: the disk is in the drawer"), "{text}");
    let output = compare(&place, 2, &["sh", "-c", "echo all is $0 >&2", "well"]);
    assert!(!stdout(&output).contains("all is well"), "{output:?}");
}

#[test]
fn a_command_that_fails_is_told_with_its_exit_code() {
    let place = Place::new();
    let output = compare(&place, 2, &["sh", "-c", "exit 3"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stdout(&output).contains("2 of 2 tasks failed: `sh` ended with exit code 3"));
    let output = compare(&place, 2, &["sh", "-c", "kill -SEGV $$"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stdout(&output).contains("signal 11"), "{}", stdout(&output));
}

#[test]
fn a_command_that_cannot_be_run_is_refused() {
    let place = Place::new().file("text", "no program");
    fs::create_dir(place.path("folder")).unwrap();
    for (name, why) in [
        ("no-such-program", "check its name"),
        ("./text", "not executable"),
        ("./folder", "a directory"),
        ("sh -c true", "write the words apart"),
        ("", "no program"),
    ] {
        let output = compare(&place, 2, &[name]);
        assert_eq!(output.status.code(), Some(2), "{name}: {output:?}");
        let errors = stderr(&output);
        assert!(errors.contains(why) && errors.lines().count() == 1, "{name}: {errors}");
    }
    // Executable, but nothing that can be executed: found when it is tried.
    let place = place.file("broken", "\u{0}\u{1}");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(place.path("broken"), mode).unwrap();
    let output = compare(&place, 2, &["./broken"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(stdout(&output).contains("cannot start `./broken`: Exec format error"), "{output:?}");
}

#[test]
fn what_a_command_prints_does_not_disturb_the_table() {
    let place = Place::new();
    let noisy = "echo LOUD; echo LOUDER >&2; head -c 200000 /dev/zero";
    let output = compare(&place, 3, &["sh", "-c", noisy]);
    assert!(output.status.success(), "{output:?}");
    let text = stdout(&output);
    assert!(!text.lines().any(|line| line.starts_with("LOUD")), "{text}");
    assert!(!text.contains('\0'), "{text}");
    assert_eq!(stderr(&output), "");
    assert_eq!(first_run(&place)["tasks"]["done"], 3);
}

#[test]
fn a_command_that_reads_finds_an_end() {
    let place = Place::new();
    let count = "2".to_owned();
    let line = [&ONCE[..], &["--count", &count, "--", "sh", "-c", "cat > got"]].concat();
    let mut child =
        place.command(&line).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    // Kept open: a command that were given our input would wait for ever.
    let input = child.stdin.take();
    assert!(child.wait().unwrap().success());
    drop(input);
    assert_eq!(place.read("got"), "");
}

#[test]
fn arguments_arrive_as_they_were_written() {
    let place = Place::new();
    let odd = [
        "two words",
        "\"quoted\"",
        "it's",
        "$HOME",
        "${x}",
        "$$",
        "back\\slash",
        "\\n",
        "new\nline",
        "tab\there",
        "\u{1}\u{1b}[31m",
        "ünïcödé ✓",
        "",
        "-",
        "--",
        "--help",
        "*",
        "\u{200e}\u{202e}\u{feff}",
        "{",
        "}",
        "//",
        "/*",
        ";",
        "#true",
        "\r",
        "\u{85}\u{2028}\u{7f}",
    ];
    let script = "printf '%s\\0' \"$@\" > got";
    let words = [&["sh", "-c", script, "sh"], &odd[..]].concat();
    let output = compare(&place, 1, &words);
    assert!(output.status.success(), "{output:?}");
    let got = place.read("got");
    let got: Vec<&str> = got.strip_suffix('\0').unwrap().split('\0').collect();
    assert_eq!(got, odd);
}

#[test]
fn arguments_that_are_not_text_are_refused() {
    let place = Place::new();
    let words = [&ONCE[..], &["--", "printf"]].concat();
    let mut words: Vec<&OsStr> = words.iter().map(OsStr::new).collect();
    words.push(OsStr::from_bytes(b"\xff\xfe"));
    let output = place.command(&words).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(stderr(&output).contains("UTF-8"), "{output:?}");
}

#[test]
fn a_command_sees_the_environment_and_the_folder_of_its_user() {
    let place = Place::new();
    let line = [&ONCE[..], &["--count", "1", "--", "sh", "-c", "echo $NAME $(pwd) > got"]].concat();
    let output = place.command(&line).env("NAME", "value").output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let folder = fs::canonicalize(place.path(".")).unwrap();
    assert_eq!(place.read("got"), format!("value {}\n", folder.display()));
}

#[test]
fn what_a_command_leaves_behind_is_ended() {
    let place = Place::new();
    let running = place.start_words(&[
        "compare",
        "--runs",
        "1",
        "--warmup",
        "0",
        "--count",
        "2",
        "--",
        "sh",
        "-c",
        "setsid sleep 1000 > /dev/null 2>&1 &",
    ]);
    let output = running.end();
    assert!(output.status.success(), "{output:?}");
    assert!(stdout(&output).contains("outlived"), "it is said: {output:?}");
}

#[test]
fn the_warm_up_lets_commands_end() {
    let place = Place::new();
    // Whoever is killed while it holds the lock is in the way of all that follow.
    let script = "mkdir lock || exit 1; sleep 0.6; rmdir lock";
    let words =
        ["compare", "--runs", "1", "--count", "2", "--models", "sequential", "--export-json"];
    let words = [&words[..], &["r.json", "--no-trace", "--", "sh", "-c", script]].concat();
    let output = place.command(&words).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert_eq!(first_run(&place)["tasks"]["done"], 2, "{output:?}");
    assert!(!place.path("lock").exists());
}

#[test]
fn a_command_that_takes_too_long_is_asked_to_end_first() {
    let place = Place::new();
    let script = "trap ': > cleaned; exit 1' TERM; sleep 1000 & wait";
    let line =
        ["run", "--no-scheduling", "--timeout", "2s", "--count", "1", "--", "sh", "-c", script];
    // On a busy machine it may get no processor in the time that it has, but not every time.
    let cleaned = (0..10).any(|_| {
        let output = place.start_words(&line).end();
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        place.path("cleaned").exists()
    });
    assert!(cleaned, "it had no time to clean up");
}

#[test]
fn one_copy_at_a_time_is_one_contestant() {
    let place = Place::new();
    let line = "compare --runs 1 --warmup 0 --no-trace --models sequential,processes --workers 1,2 \
                --export-json r.json -- true";
    let output = place.run(line);
    assert!(output.status.success(), "{output:?}");
    let result = form::valid_json(&place.read("r.json"));
    let models = result["contestants"].as_array().unwrap().iter().map(|one| one["model"].clone());
    assert_eq!(models.collect::<Vec<_>>(), ["command/sequential", "command/processes:2"]);
}

/// Two rounds of one model, of which nothing but the files is looked at that they leave.
fn twice(place: &Place, options: &[&str]) -> Output {
    let line = "compare --runs 2 --warmup 0 --no-trace --models sequential --export-json r.json";
    let words: Vec<&str> = line.split(' ').chain(options.iter().copied()).collect();
    place.command(&words).output().unwrap()
}

#[test]
fn what_stands_around_a_run_is_run_in_its_place() {
    let place = Place::new().file("in", "read\n");
    let run = ["--prepare", "echo prepared >> log", "--cleanup", "echo cleaned >> log"];
    let rest = ["--input", "in", "--count", "2", "--", "sh", "-c", "cat >> log"];
    let output = twice(&place, &[&run[..], &rest].concat());
    assert!(output.status.success(), "{output:?}");
    let round = "prepared\nread\nread\n";
    assert_eq!(place.read("log"), format!("{round}{round}cleaned\n"));
    let saved = form::valid_json(&place.read("r.json"));
    let named = |name: &str| {
        let all = saved["settings"]["parameters"].as_array().unwrap();
        all.iter().find(|pair| pair[0] == name).map(|pair| pair[1].clone())
    };
    assert_eq!(named("prepare").unwrap(), "echo prepared >> log");
    assert_eq!(named("input").unwrap(), "in");
    let failing = twice(&place, &["--prepare", "echo no room >&2; exit 7", "--", "true"]);
    assert_eq!(failing.status.code(), Some(1), "{failing:?}");
    let said = stderr(&failing);
    assert!(said.contains("exited with code 7 and said `no room`"), "{said}");
}

#[test]
fn several_commands_are_compared_and_can_be_repeated() {
    let place = Place::new();
    let both = ["--command", "one=sh -c 'echo 1 >> one'", "--command", "two=echo {j} >> two"];
    let output = twice(&place, &[&both[..], &["--count", "1", "--sweep", "j=5,7"]].concat());
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert_eq!(place.read("one"), "1\n".repeat(4));
    let mut said: Vec<String> = place.read("two").lines().map(str::to_owned).collect();
    said.sort();
    assert_eq!(said, ["5", "5", "7", "7"]);
    let saved = form::valid_json(&place.read("r.json"));
    let all = saved["contestants"].as_array().unwrap().iter();
    let models: Vec<&str> = all.map(|one| one["model"].as_str().unwrap()).collect();
    let expected = ["one j=5", "one j=7", "two j=5", "two j=7"];
    let expected = expected.map(|name| format!("command/sequential command={name}"));
    assert_eq!(models, expected);
    let page = place.run("report r.json -o page.html");
    assert!(page.status.success(), "{page:?}");
    let page = place.read("page.html");
    let line = "--sweep j=5,7 --command &#39;one=sh -c";
    assert!(page.contains(line) || page.contains(&line.replace("&#39;", "'")), "{page}");
}

#[test]
fn exit_codes_are_ignored_where_that_is_asked() {
    let place = Place::new();
    for (option, code) in [
        ("--ignore-failure", Some(0)),
        ("--ignore-failure=1,3", Some(0)),
        ("--ignore-failure=1", Some(1)),
    ] {
        let output = twice(&place, &[option, "--count", "1", "--", "sh", "-c", "exit 3"]);
        assert_eq!(output.status.code(), code, "{option}: {output:?}");
    }
}

#[test]
fn a_sweep_that_no_word_takes_is_refused() {
    let place = Place::new();
    let output = twice(&place, &["--sweep", "j=1,2", "--", "echo", "$j", "{i}"]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(stderr(&output).contains("no word of a command has {j}"), "{output:?}");
    let output = place.run("compare waiters --prepare true");
    assert!(stderr(&output).contains("--prepare is for commands"), "{output:?}");
}

#[test]
fn one_runner_has_many_rounds_until_something_is_left_behind() {
    let place = Place::new();
    let rounds = |line: &str| {
        let runs = "compare --runs 3 --warmup 0 --count 1 --no-trace --models sequential";
        let words: Vec<&str> = runs.split(' ').collect();
        let rest = ["--export-json", "r.json", "--", "sh", "-c", line];
        let output = place.command(&[&words[..], &rest].concat()).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        let runners: Vec<String> = place.read("runners").lines().map(str::to_owned).collect();
        fs::remove_file(place.path("runners")).unwrap();
        assert_eq!(runners.len(), 3);
        std::collections::BTreeSet::from_iter(runners).len()
    };
    assert_eq!(rounds("echo $PPID >> runners"), 1);
    let saved = form::valid_json(&place.read("r.json"));
    for run in saved["contestants"][0]["runs"].as_array().unwrap() {
        let used = &run["usage"]["known"];
        assert!(used["user_ns"].as_u64().unwrap() + used["system_ns"].as_u64().unwrap() > 0);
        assert!(run["memory"]["known"]["bytes"].as_u64().unwrap() > 0, "{run}");
    }
    // What a round leaves behind ends with its runner, as before.
    let left = "echo $PPID >> runners; sleep 98765 & echo $! >> left";
    assert_eq!(rounds(left), 3);
    for pid in place.read("left").lines() {
        assert!(!fs::exists(format!("/proc/{pid}")).unwrap(), "{pid} is left");
    }
}
