//! Two pages and a command line at once: whoever is not the first waits, is told for whom, and comes to its
//! result; never do two measure at the same time.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;

use serde_json::json;

use crate::devtools::{Browser, patiently};
use crate::lab::Lab;
use crate::story::{READY, browser, click};

/// Work that notes when it begins and ends, and between that waits until it is let go, or nobody is
/// there any more who could do so.
fn work(name: &str, place: &Path) -> String {
    let place = place.display();
    let script = format!(
        "echo begin {name} >> {place}/log; while [ -e {place}/log -a ! -e {place}/go ]; do sleep 0.02; done; echo end {name} >> {place}/log"
    );
    format!("task \"t\" {{ run \"sh\" \"-c\" {script:?} }}\ncompare \"native/sequential\"\n")
}

/// The command line beside the lab, with its file in the same folder.
fn command(lab: &Lab, place: &Path) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_maitred"));
    command.current_dir(place).env("XDG_RUNTIME_DIR", lab.waiting_room());
    command.args(["compare", "c.kdl", "--no-keep", "--runs", "1", "--timeout", "1h"]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Whether it came to a result.
fn ended(child: Child) -> bool {
    let output = child.wait_with_output().unwrap();
    output.status.success() && String::from_utf8_lossy(&output.stdout).contains("sequential")
}

/// Waits until the log says that something began.
fn begun(place: &Path, name: &str) {
    let log = || fs::read_to_string(place.join("log")).unwrap_or_default();
    patiently(&format!("begin {name}"), || log().contains(&format!("begin {name}")));
}

/// Waits until the page says of this cell what it waits for. One that measures beside another run instead
/// never would: so nothing may have begun before the end of what goes on.
fn waits(browser: &mut Browser, place: &Path, cell: &str, what: &str) {
    let says = format!("{}.startsWith({what:?})", status(cell));
    patiently(what, || {
        assert_eq!(overlaps(place), Vec::<String>::new(), "while {cell} was to wait");
        browser.value(&says) == json!(true)
    });
}

fn status(cell: &str) -> String {
    format!("document.querySelector('#cell-{cell} .status').textContent")
}

/// Presses Run, and agrees if that is asked.
fn start(browser: &mut Browser, cell: &str) {
    browser.value(&format!("document.querySelector('#cell-{cell} .status').textContent = ''"));
    click(browser, &format!("#cell-{cell} > .knobs .run"));
    let asks = format!("!document.querySelector('#cell-{cell} .ask').hidden");
    let waits = format!("{}.includes('waiting')", status(cell));
    browser.until(&format!("{asks} || {waits}"));
    if browser.value(&asks) == json!(true) {
        click(browser, &format!("#cell-{cell} .ask .run"));
    }
}

#[test]
#[ignore = "slow: a browser"]
fn two_pages_and_a_command_line_measure_one_after_another() {
    let Some(mut browser) = browser() else { return };
    let place = tempfile::tempdir().unwrap();
    let place = place.path();
    let cell = |name| format!("```workload id={name} rounds=1\n{}```\n", work(name, place));
    let book = place.join("book.md");
    fs::write(&book, format!("# A notebook\n\nProse.\n\n{}\n{}", cell("a"), cell("b"))).unwrap();
    fs::write(place.join("c.kdl"), work("c", place)).unwrap();
    let lab = Lab::open(&[book.to_str().unwrap()]);
    browser.look(1280, 900, "light");
    browser.open(&lab.address);
    browser.until(READY);
    let mut other = browser.another();
    browser.look(1280, 900, "light");
    browser.open(&lab.address);
    browser.until(READY);

    // The command line measures; the first page waits for it, and the second one for the first.
    let first = command(&lab, place);
    begun(place, "c");
    browser.turn_to(&mut other);
    start(&mut browser, "a");
    let machine = format!(
        "another run has this machine (process {}), and two would disturb each other: waiting",
        first.id()
    );
    waits(&mut browser, place, "a", &machine);
    browser.turn_to(&mut other);
    let page = "another page runs a cell, and two would disturb each other: waiting for 1 run";
    start(&mut browser, "b");
    waits(&mut browser, place, "b", page);
    browser.shot("14-waits");
    // To give up in one page is nothing to the other one.
    click(&mut browser, "#cell-b > .knobs .run");
    browser.until(&format!("{}.startsWith('cancelled: nothing was measured')", status("b")));
    start(&mut browser, "b");
    waits(&mut browser, place, "b", page);
    fs::write(place.join("go"), "").unwrap();
    assert!(ended(first), "the command line has its result");
    let done = |cell| {
        format!(
            "{} === 'done' && document.querySelector('#cell-{cell} .answer').textContent.length > 20",
            status(cell)
        )
    };
    browser.until(&done("b"));
    browser.turn_to(&mut other);
    browser.until(&done("a"));

    // The other way round: a page measures, and the command line waits for the program that serves it.
    fs::remove_file(place.join("go")).unwrap();
    fs::remove_file(place.join("log")).unwrap();
    click(&mut browser, "#cell-a > .knobs .run");
    begun(place, "a");
    let mut second = command(&lab, place);
    let said = BufReader::new(second.stderr.take().unwrap()).lines().map(Result::unwrap);
    let (tell, lines) = mpsc::channel();
    let reads = thread::spawn(move || said.for_each(|line| drop(tell.send(line))));
    let says = format!("another run of maitred goes on (process {})", lab.process());
    patiently(&says, || {
        assert_eq!(overlaps(place), Vec::<String>::new(), "while the command line was to wait");
        lines.try_iter().any(|line| line.contains(&says))
    });
    fs::write(place.join("go"), "").unwrap();
    browser.until(&done("a"));
    assert!(ended(second), "the command line has its result");
    reads.join().unwrap();
    assert_eq!(overlaps(place), Vec::<String>::new());
    let log = fs::read_to_string(place.join("log")).unwrap();
    assert!(log.lines().count() >= 6, "{log}");
}

/// Where something began or ended between the begin and the end of something else, as far as it is noted.
fn overlaps(place: &Path) -> Vec<String> {
    let log = fs::read_to_string(place.join("log")).unwrap_or_default();
    let lines: Vec<&str> = log.lines().collect();
    let is_one = |pair: &&[&str]| pair[0].strip_prefix("begin ") == pair[1].strip_prefix("end ");
    lines.chunks_exact(2).filter(|pair| !is_one(pair)).map(|pair| pair.join(", ")).collect()
}
