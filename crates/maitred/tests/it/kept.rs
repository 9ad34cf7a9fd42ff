//! What is measured is kept, found again, and compared with; and what befalls the place where it is
//! kept hurts no result.

use std::fs;
use std::process::Output;

use crate::needs::{SmallDisk, have};
use crate::program::{Place, stderr, stdout};

const WORK: &str = "task \"t\" count=2 { wait \"2ms\" }\n";
const COMPARE: &str = "compare work.kdl --models threads,sequential --runs 2 --warmup 0 --quiet";

fn place() -> Place {
    Place::new().file("work.kdl", WORK)
}

/// With a store in this folder of the place.
fn keeping(place: &Place, store: &str, line: &str) -> Output {
    let words: Vec<&str> = line.split_whitespace().collect();
    let mut command = place.command(&words);
    command.env_remove("MAITRED_NO_KEEP").env("MAITRED_STORE", place.path(store));
    command.output().unwrap()
}

fn kept(place: &Place, line: &str) -> String {
    let output = keeping(place, "kept", line);
    assert_eq!(output.status.code(), Some(0), "{line}: {output:?}");
    assert_eq!(stderr(&output), "", "{line}");
    stdout(&output)
}

fn rows(place: &Place) -> Vec<serde_json::Value> {
    serde_json::from_str(&kept(place, "runs --json")).unwrap()
}

#[test]
fn every_kind_is_kept_listed_and_shown_again() {
    let place = place();
    let compared = kept(&place, COMPARE);
    let ran = kept(&place, "run work.kdl --model threads --quiet --no-scheduling --width 80");
    let claim = "title \"c\"\nabout \"a\"\ntask \"t\" { wait \"1ms\" }\ncompare \"native/threads\"\n\
                 claim \"it waits\" { figure \"time\" of=\"native/threads\" at-least=\"1us\" }\n";
    let place = place.file("claim.kdl", claim);
    let checked = kept(&place, "check claim.kdl --budget 1s --quiet");
    let rows = rows(&place);
    let kinds: Vec<&str> = rows.iter().filter_map(|row| row["kind"].as_str()).collect();
    assert_eq!(kinds, ["check", "run", "compare"], "{checked}");
    let row = rows.last().unwrap();
    assert_eq!(row["subject"], "work.kdl");
    assert_eq!(row["seed"], 1);
    assert_eq!(row["figures"][0]["model"], "native/threads");
    assert!(row["figures"][0]["work_ns"].as_u64().unwrap() >= 2_000_000, "{row}");
    assert_eq!(kept(&place, "runs show 1"), compared, "as it was shown when it was measured");
    let shown = kept(&place, "runs show 2 --width 80");
    assert!(shown.starts_with("recorded ") && shown.ends_with(&ran), "{shown}\n{ran}");
    let list = kept(&place, "runs");
    assert!(list.contains("compare  work.kdl") && list.contains("run      work.kdl"), "{list}");
    // What each model did is there as well, and the text of the work.
    let trace = kept(&place, "runs show 1 --model native/sequential --width 80");
    assert!(trace.contains("native/sequential  2 tasks"), "{trace}");
    kept(&place, "runs export 1 -o work-then.kdl");
    assert_eq!(place.read("work-then.kdl"), WORK);
    kept(&place, "runs export 2 -o then.trace");
    assert!(kept(&place, "show then.trace --width 80").ends_with(&ran));
}

#[test]
fn a_new_result_is_held_beside_one_that_is_kept() {
    let place = place();
    let first = keeping(&place, "kept", &format!("{COMPARE} --against last"));
    assert_eq!(first.status.code(), Some(2), "{first:?}");
    assert!(stderr(&first).contains("no result is kept in"), "{first:?}");
    kept(&place, COMPARE);
    kept(&place, "runs tag last before");
    // Other work in between is not what it is compared with.
    kept(&place, &format!("{COMPARE} --speed 2x"));
    for against in ["last", "before", "1"] {
        let text = kept(&place, &format!("{COMPARE} --no-keep --against {against}"));
        assert!(text.contains("now ÷ then") && text.contains("native/threads"), "{text}");
    }
    let wrong = keeping(&place, "kept", &format!("{COMPARE} --against nobody"));
    assert_eq!(wrong.status.code(), Some(2), "{wrong:?}");
    assert!(stderr(&wrong).contains("no result is tagged `nobody`"), "{wrong:?}");
    let other = keeping(&place, "kept", "runs diff before 2");
    assert!(stderr(&other).contains("they are different work"), "{other:?}");
    kept(&place, COMPARE);
    assert!(kept(&place, "runs diff before").contains("now ÷ then"));
    let history = kept(&place, "runs history before --export-svg history.svg");
    assert!(history.starts_with("work.kdl: 2 results\n"), "{history}");
    assert!(place.read("history.svg").contains("over time"));
    assert_eq!(kept(&place, "runs delete before 2"), "2 results deleted\n");
    assert_eq!(rows(&place).len(), 1);
    kept(&place, "runs export last -o last.json");
    assert!(kept(&place, &format!("{COMPARE} --against last.json")).contains("now ÷ then"));
}

#[test]
fn who_does_not_want_it_keeps_nothing() {
    let place = place();
    kept(&place, &format!("{COMPARE} --no-keep"));
    let unset = place.run(&format!("{COMPARE} --store kept"));
    assert!(unset.status.success(), "{unset:?}");
    assert!(!place.path("kept").exists());
    // What is measured is not kept by itself: it would measure that as well.
    let program = env!("CARGO_BIN_EXE_maitred");
    let line =
        format!("run --model sequential --count 1 --quiet -- {program} {COMPARE} --no-trace");
    kept(&place, &line);
    let rows = rows(&place);
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert_eq!(rows[0]["kind"], "run");
}

/// The result is shown, the exit code is that of the result, and one sentence says why it is not kept.
fn is_said_and_hurts_nothing(place: &Place, store: &str, why: &str) {
    let output = keeping(place, store, COMPARE);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(stdout(&output).contains("How fast"), "{output:?}");
    let errors = stderr(&output);
    assert!(errors.starts_with("maitred: this result is not kept: "), "{errors}");
    assert!(errors.contains(why) && errors.lines().count() == 1, "{errors}");
}

#[test]
fn a_place_that_keeps_nothing_is_said_and_hurts_no_result() {
    let place = place().file("a-file", "");
    is_said_and_hurts_nothing(&place, "a-file/kept", "cannot be made: Not a directory");
    is_said_and_hurts_nothing(&place, "/proc/kept", "cannot be made: ");
    fs::create_dir(place.path("damaged")).unwrap();
    let damaged = place.path("damaged/runs.sqlite");
    fs::write(&damaged, "somebody's only copy of something\n".repeat(200)).unwrap();
    let before = fs::read(&damaged).unwrap();
    is_said_and_hurts_nothing(&place, "damaged", "is damaged");
    assert_eq!(fs::read(&damaged).unwrap(), before, "it is left as it is");
    let output = keeping(&place, "damaged", "runs");
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(stderr(&output).contains("is damaged"), "{output:?}");
}

#[test]
fn a_full_disk_loses_nothing_that_was_kept() {
    if !have("mount") {
        return;
    }
    let place = place();
    let folder = place.path("disk");
    let _disk = SmallDisk::mount(&folder, 512 << 10).expect("it can be mounted");
    let kept = keeping(&place, "disk", COMPARE);
    assert_eq!((kept.status.code(), stderr(&kept).as_str()), (Some(0), ""), "{kept:?}");
    let ballast = fs::write(folder.join("ballast"), vec![7_u8; 1 << 20]);
    ballast.expect_err("the disk is smaller than that");
    is_said_and_hurts_nothing(&place, "disk", "is full");
    let rows = |place: &Place| -> usize {
        let output = keeping(place, "disk", "runs --json");
        serde_json::from_slice::<Vec<serde_json::Value>>(&output.stdout).unwrap().len()
    };
    assert_eq!(rows(&place), 1);
    fs::remove_file(folder.join("ballast")).unwrap();
    let again = keeping(&place, "disk", COMPARE);
    assert_eq!((again.status.code(), stderr(&again).as_str()), (Some(0), ""), "{again:?}");
    assert_eq!(rows(&place), 2);
}

#[test]
fn a_folder_where_one_may_not_write_can_be_read() {
    if !have("ordinary-user") && !have("mount") {
        return;
    }
    let place = place();
    assert!(keeping(&place, "disk/kept", COMPARE).status.success());
    let folder = place.path("disk");
    let bound = std::process::Command::new("mount")
        .args(["--bind", "-o", "ro"])
        .args([&folder, &folder])
        .status();
    if !bound.is_ok_and(|status| status.success()) {
        return;
    }
    let list = keeping(&place, "disk/kept", "runs");
    let refused = std::panic::catch_unwind(|| {
        is_said_and_hurts_nothing(&place, "disk/kept", "cannot be written here");
    });
    std::process::Command::new("umount").arg(&folder).status().unwrap();
    assert!(stdout(&list).contains("work.kdl"), "{list:?}");
    refused.unwrap();
}
