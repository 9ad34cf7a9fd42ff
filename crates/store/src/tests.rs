//! The store under what may befall it: other writers, a program that is killed, a file that is not
//! what it was. (A disk that is full is in the tests of the program, which need a disk for that.)

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Barrier;
use std::thread;

use maitred_core::result::{Comparison, SCHEMA};
use rusqlite::Connection;
use serde_json::json;
use tempfile::{TempDir, tempdir};

use crate::pack::pack;
use crate::{CellPlace, Error, FILE, Filter, Item, Kind, Part, Selector, Store, TRACES_BYTES};

/// A comparison of two models, the first of which took so long.
fn comparison(work_ns: u64) -> Comparison {
    let contestant = |strategy: &str, work_ns: u64| {
        json!({
            "model": format!("native/{strategy}"),
            "workers": 5, "runtime": "native 0.1.0", "runs": [], "unranked": null,
            "summary": {
                "rounds": 3, "work_ns": work_ns, "work_min_ns": work_ns, "work_low_ns": work_ns - 1,
                "work_high_ns": work_ns + 1, "startup_ns": 0, "setup_ns": 0,
                "cpu_ns": { "known": 7 }, "cores_used": { "known": 0.5 },
                "memory_bytes": { "unknown": "nobody looked" }, "voluntary": { "known": 0 },
                "involuntary": { "known": 0 }, "throughput": 1.0,
                "latency": { "unknown": "nobody looked" },
            },
        })
    };
    let whole = json!({
        "schema_version": SCHEMA, "program_version": "0.1.0",
        "subject": { "name": "waiters", "kind": "workload", "title": "Waiters and tables", "tasks": 5,
            "fingerprint": "0123" },
        "machine": { "id": "fedc", "cpu": "Processor", "cores": 2, "memory_bytes": 1, "kernel": "6.18",
            "architecture": "x86_64", "virtualization": null },
        "settings": { "seed": 9, "speed": 1.0, "parameters": [], "warmup_rounds": 0, "budget_ns": null,
            "timeout_ns": null, "memory_limit_bytes": null, "minimum_effect": 0.03 },
        "started": "2026-01-02T03:04:05Z",
        "contestants": [contestant("threads", work_ns), contestant("sequential", work_ns * 3)],
        "ranking": [], "conclusion": { "warnings": [], "reasons": [], "details": [] }, "stopped": "rounds",
    });
    serde_json::from_value(whole).unwrap()
}

/// With a trace of so many bytes that cannot be packed.
fn with_trace(bytes: usize) -> Item {
    let mut noise = 1_u64;
    let mut byte = || {
        noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (noise >> 56) as u8
    };
    let bytes: Vec<u8> = (0..bytes).map(|_| byte()).collect();
    let mut item = Item::of_comparison(&comparison(100));
    item.traces.push(("native/threads".to_owned(), pack(&bytes).unwrap()));
    item
}

fn store() -> (TempDir, Store) {
    let folder = tempdir().unwrap();
    let store = Store::open(folder.path()).unwrap();
    (folder, store)
}

fn all(store: &Store) -> Vec<u64> {
    store.list(&Filter::default()).unwrap().iter().map(|kept| kept.id).collect()
}

fn is_sound(folder: &Path) -> bool {
    let connection = Connection::open(folder.join(FILE)).unwrap();
    connection.query_row("pragma integrity_check", [], |row| row.get(0)) == Ok("ok".to_owned())
}

#[test]
fn numbers_of_workers_are_of_a_kind_of_their_own() {
    let (_folder, mut store) = store();
    store.keep(&Item::of_comparison(&comparison(100)), TRACES_BYTES).unwrap();
    let swept = Comparison { scaling: Some(Vec::new()), ..comparison(100) };
    store.keep(&Item::of_comparison(&swept), TRACES_BYTES).unwrap();
    for kind in [Kind::Compare, Kind::Scale] {
        let filter = Filter { kind: Some(kind), ..Filter::default() };
        let kinds: Vec<Kind> = store.list(&filter).unwrap().iter().map(|kept| kept.kind).collect();
        assert_eq!(kinds, [kind]);
        assert_eq!(kind.name().parse(), Ok(kind));
    }
}

#[test]
fn what_is_kept_is_found_again_whole() {
    let (folder, mut store) = store();
    let comparison = comparison(100);
    let item = Item::of_comparison(&comparison).with(Part::Workload, b"task \"t\"");
    let receipt = store.keep(&item, TRACES_BYTES).unwrap();
    drop(store);
    let store = Store::open_to_read(folder.path()).unwrap().unwrap();
    let kept = store.find(&Selector::Last, &Filter::default()).unwrap();
    assert_eq!(
        (kept.id, kept.kind, kept.subject.as_str(), kept.seed, kept.place.as_str()),
        (receipt.id, Kind::Compare, "waiters", Some(9), "Processor, 2 cores, Linux 6.18")
    );
    let figures = store.figures(kept.id).unwrap();
    assert_eq!(figures[1].model, "native/sequential");
    assert_eq!((figures[1].work_ns, figures[1].cpu_ns), (Some(300), Some(7)));
    assert_eq!(figures[0].memory_bytes, None, "unknown is not zero");
    let text = store.part(kept.id, Part::Comparison).unwrap().unwrap();
    let back: Comparison = serde_json::from_slice(&text).unwrap();
    assert_eq!(back, comparison);
    assert_eq!(store.part(kept.id, Part::Workload).unwrap().unwrap(), b"task \"t\"");
    assert_eq!(store.part(kept.id, Part::Check).unwrap(), None);
}

#[test]
fn names_find_what_they_were_given_to() {
    let (_folder, mut store) = store();
    let keep = |store: &mut Store, ns| {
        store.keep(&Item::of_comparison(&comparison(ns)), TRACES_BYTES).unwrap().id
    };
    let (first, second) = (keep(&mut store, 100), keep(&mut store, 50));
    let find = |store: &Store, text: &str| {
        store.find(&text.parse().unwrap(), &Filter::default()).map(|kept| kept.id)
    };
    store.tag(first, "before").unwrap();
    assert_eq!(find(&store, "before").unwrap(), first);
    assert_eq!(find(&store, &second.to_string()).unwrap(), second);
    assert_eq!(find(&store, "last").unwrap(), second);
    store.tag(second, "before").unwrap();
    assert_eq!(find(&store, "before").unwrap(), second, "a name has one owner");
    for wrong in ["last", "7", "", "two words", "-x"] {
        let said = store.tag(first, wrong).unwrap_err().to_string();
        assert!(said.contains("cannot be a tag"), "{said}");
    }
    let said = find(&store, "nobody").unwrap_err().to_string();
    assert_eq!(said, "no result is tagged `nobody`; `maitred runs` lists those that are");
    assert!(store.untag("before").unwrap() && !store.untag("before").unwrap());
    let history = store.history("0123").unwrap();
    let times: Vec<u64> = history.iter().map(|point| point.times[0].ns).collect();
    assert_eq!(times, [100, 50], "the first one first");
    assert_eq!(store.delete(&[second, 99]).unwrap(), 1);
    assert_eq!(all(&store), [first]);
    assert!(keep(&mut store, 1) > second, "a number never comes back");
}

#[test]
fn a_filter_lets_through_what_it_says() {
    let (_folder, mut store) = store();
    let at = CellPlace { book: "story".into(), cell: "one".into() };
    let item = Item::of_comparison(&comparison(100));
    store.keep(&item.clone().in_cell(at.clone()), TRACES_BYTES).unwrap();
    store.keep(&item, TRACES_BYTES).unwrap();
    let count = |filter: Filter| store.list(&filter).unwrap().len();
    assert_eq!(count(Filter { kind: Some(Kind::Cell), ..Filter::default() }), 1);
    assert_eq!(count(Filter { cell: Some(at), ..Filter::default() }), 1);
    assert_eq!(count(Filter { subject: Some("tables".into()), ..Filter::default() }), 2);
    assert_eq!(count(Filter { subject: Some("table%".into()), ..Filter::default() }), 0);
    assert_eq!(count(Filter { machine: Some("other".into()), ..Filter::default() }), 0);
    assert_eq!(count(Filter { most: Some(1), ..Filter::default() }), 1);
}

#[test]
fn old_traces_leave_and_figures_never() {
    let (_folder, mut store) = store();
    let room = 25_000;
    let gone: Vec<u64> =
        (0..4).map(|_| store.keep(&with_trace(10_000), room).unwrap().traces_left).collect();
    assert_eq!(gone, [0, 0, 1, 1]);
    let ids = all(&store);
    let traces = |id: &u64| store.traces(*id).unwrap().len();
    assert_eq!(ids.iter().map(traces).collect::<Vec<_>>(), [1, 1, 0, 0], "the last one first");
    for id in &ids {
        assert_eq!(store.figures(*id).unwrap().len(), 2);
        assert!(store.part(*id, Part::Comparison).unwrap().is_some());
    }
    assert_eq!(store.trace(ids[0], 0).unwrap().unwrap().len(), 10_000);
    assert_eq!(store.trace(ids[3], 0).unwrap(), None);
    // One that has no room even alone leaves at once; what is known of the run does not.
    assert_eq!(store.keep(&with_trace(10_000), 5_000).unwrap().traces_left, 3);
    assert_eq!(all(&store).len(), 5);
}

#[test]
fn deleting_gives_room_back() {
    let (folder, mut store) = store();
    let id = store.keep(&with_trace(4 << 20), TRACES_BYTES).unwrap().id;
    let size = |store: &Store| {
        store.connection.query_row("pragma wal_checkpoint(truncate)", [], |_| Ok(())).unwrap();
        fs::metadata(folder.path().join(FILE)).unwrap().len()
    };
    let before = size(&store);
    store.delete(&[id]).unwrap();
    assert!(before > 4 << 20 && size(&store) < 1 << 20);
}

/// Two programs that both find nothing there, and then keep what they have.
#[test]
fn two_writers_at_once_lose_nothing() {
    let folder = tempdir().unwrap();
    let start = Barrier::new(2);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                start.wait();
                for _ in 0..20 {
                    let mut store = Store::open(folder.path()).unwrap();
                    store.keep(&with_trace(20_000), TRACES_BYTES).unwrap();
                }
            });
        }
    });
    let store = Store::open(folder.path()).unwrap();
    assert_eq!(all(&store).len(), 40);
    assert!(all(&store).iter().all(|&id| store.trace(id, 0).unwrap().unwrap().len() == 20_000));
    assert!(is_sound(folder.path()));
}

/// Names the folder to the program that keeps until it is killed: these tests, started again.
const KEEPS_IN: &str = "MAITRED_TEST_KEEPS_IN";

#[test]
fn keeps_until_it_is_killed() {
    let Some(folder) = std::env::var_os(KEEPS_IN) else { return };
    let mut store = Store::open(Path::new(&folder)).unwrap();
    loop {
        let receipt = store.keep(&with_trace(30_000), TRACES_BYTES).unwrap();
        println!("kept {}", receipt.id);
    }
}

#[test]
fn a_kill_at_any_moment_loses_nothing_that_was_kept() {
    let folder = tempdir().unwrap();
    // So many are awaited before the kill, which then falls at whatever the program is about.
    for awaited in [1, 2, 5, 9, 14] {
        let mut program = Command::new(std::env::current_exe().unwrap());
        program
            .args(["--exact", "tests::keeps_until_it_is_killed", "--nocapture", "--test-threads=1"])
            .env(KEEPS_IN, folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut child = program.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut told = Vec::new();
        while told.len() < awaited {
            let line = lines.next().expect("it keeps on").unwrap();
            told.extend(line.rsplit_once("kept ").and_then(|(_, id)| id.parse::<u64>().ok()));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        told.extend(
            lines
                .map_while(Result::ok)
                .filter_map(|line| line.rsplit_once("kept ")?.1.parse::<u64>().ok()),
        );
        let store = Store::open(folder.path()).unwrap();
        let kept = all(&store);
        assert!(told.iter().all(|id| kept.contains(id)), "{told:?} were told, {kept:?} are there");
        // Whatever is there is there whole.
        for id in kept {
            assert_eq!(store.trace(id, 0).unwrap().map(|it| it.len()), Some(30_000));
            assert!(store.part(id, Part::Comparison).unwrap().is_some());
        }
        drop(store);
        assert!(is_sound(folder.path()));
    }
}

#[test]
fn what_a_newer_program_wrote_is_left_alone() {
    let (folder, mut store) = store();
    store.keep(&Item::of_comparison(&comparison(100)), TRACES_BYTES).unwrap();
    store.connection.pragma_update(None, "user_version", 2).unwrap();
    drop(store);
    let said = Store::open(folder.path()).unwrap_err().to_string();
    assert!(said.contains("is of a newer maitred (form 2; this one knows 1)"), "{said}");
    let said = Store::open_to_read(folder.path()).unwrap_err().to_string();
    assert!(said.contains("newer maitred"), "{said}");
    let newer = Connection::open(folder.path().join(FILE)).unwrap();
    newer.pragma_update(None, "user_version", 1).unwrap();
    assert_eq!(all(&Store::open(folder.path()).unwrap()).len(), 1, "nothing of it was touched");
}

#[test]
fn a_damaged_file_is_named_and_left_as_it_is() {
    let folder = tempdir().unwrap();
    let path = folder.path().join(FILE);
    fs::write(&path, "no database at all, but somebody's only copy of something".repeat(99))
        .unwrap();
    let before = fs::read(&path).unwrap();
    let error = Store::open(folder.path()).unwrap_err();
    assert!(matches!(error, Error::Damaged(..)), "{error}");
    assert!(error.to_string().contains("move it away to begin anew"), "{error}");
    assert!(matches!(Store::open_to_read(folder.path()), Err(Error::Damaged(..))));
    assert_eq!(fs::read(&path).unwrap(), before);
}

/// Pages in the middle are overwritten: what stands elsewhere is still found.
#[test]
fn a_file_that_is_damaged_inside_gives_what_is_left() {
    let (folder, mut store) = store();
    let whole = store.keep(&Item::of_comparison(&comparison(100)), TRACES_BYTES).unwrap().id;
    let hit = store.keep(&with_trace(400_000), TRACES_BYTES).unwrap().id;
    store.connection.query_row("pragma wal_checkpoint(truncate)", [], |_| Ok(())).unwrap();
    drop(store);
    let path = folder.path().join(FILE);
    let mut bytes = fs::read(&path).unwrap();
    let end = bytes.len();
    bytes[end - 200_000..end - 100_000].fill(0xa5);
    fs::write(&path, bytes).unwrap();
    let store = Store::open(folder.path()).unwrap();
    assert!(store.part(whole, Part::Comparison).unwrap().is_some());
    let damaged = store.trace(hit, 0);
    assert!(matches!(damaged, Err(Error::Damaged(..))), "{damaged:?}");
}

#[test]
fn nothing_that_was_kept_is_no_mistake() {
    let folder = tempdir().unwrap();
    assert!(Store::open_to_read(folder.path()).unwrap().is_none());
    fs::write(folder.path().join(FILE), "").unwrap();
    assert!(Store::open_to_read(folder.path()).unwrap().is_none());
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let folder = tempdir().unwrap();
    fs::write(folder.path().join("file"), "").unwrap();
    let said = Store::open(&folder.path().join("file/inside")).unwrap_err().to_string();
    assert!(said.contains("file/inside cannot be made") && said.contains("--store"), "{said}");
}
