//! What the page costs, as `bench/lab` prints it. Nothing here is asserted: a time is a figure of the
//! machine that it was measured on. On a quiet one: the page opens in 300 ms, a frame of a million
//! slices takes 20 ms of the main thread, a live run is told five times a second and is 2 % slower
//! at most than one that nobody watches.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::devtools::Browser;
use crate::lab::Lab;
use crate::story::{READY, browser, run};

/// Tells when the page is ready, and when it is on the screen, by its own clock.
const CLOCK: &str = "new MutationObserver((_, watch) => {
        if (document.body?.dataset.ready !== 'yes') return;
        watch.disconnect();
        window.readyAt = performance.now();
        requestAnimationFrame(() => setTimeout(() => (window.paintedAt = performance.now())));
    }).observe(document, { subtree: true, attributes: true, childList: true })";

/// Draws a million slices of 64 rows in 60 frames that zoom and pan, as the timeline does, and with a
/// rectangle for each slice in sight; milliseconds of the main thread a frame, the median of each.
const FRAMES: &str = "(async () => {
    const { paint } = await import('/lanes.js');
    const [rows, each] = [64, 15625];
    const count = rows * each;
    const run = { rows: [], legend: ['running', 'waiting', 'queueing'].map((name) => ({ name, words: name, total_ns: 1 })),
        starts: new Uint32Array(count), lengths: new Uint32Array(count), states: new Uint8Array(count) };
    let seed = 1;
    const random = () => (seed = (seed * 1103515245 + 12345) & 0x7fffffff) / 0x7fffffff;
    for (let row = 0; row < rows; row++) {
        run.rows.push({ label: String(row), first: row * each, count: each });
        for (let at = row * each, tick = 0; at < (row + 1) * each; at++) {
            run.starts[at] = tick;
            run.lengths[at] = 1 + Math.floor(random() * 60);
            run.states[at] = Math.floor(random() * 3);
            tick += run.lengths[at] + Math.floor(random() * 8);
        }
    }
    const end = run.starts[each - 1];
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [1280, rows * 14];
    document.body.append(canvas);
    const context = canvas.getContext('2d');
    const plain = (lens) => {
        const scale = canvas.width / (lens.to - lens.from);
        context.clearRect(0, 0, canvas.width, canvas.height);
        run.rows.forEach((row, index) => {
            for (let at = row.first; at < row.first + row.count; at++) {
                const start = run.starts[at];
                if (start + run.lengths[at] < lens.from || start > lens.to) continue;
                context.fillStyle = ['#009e73', '#56b4e9', '#e69f00'][run.states[at]];
                context.fillRect((start - lens.from) * scale, index * 14, Math.max(1, run.lengths[at] * scale), 12);
            }
        });
    };
    const frames = async (draw, number) => {
        const took = [];
        for (let frame = 0; frame < number; frame++) {
            const span = end * (1 - 0.9 * Math.abs(Math.sin(frame / 20)));
            const from = (end - span) * (frame / number);
            await new Promise(requestAnimationFrame);
            const began = performance.now();
            draw({ from, to: from + span, lane: 12, gap: 2 });
            took.push(performance.now() - began);
        }
        return took.sort((a, b) => a - b)[number >> 1];
    };
    const ours = await frames((lens) => paint(canvas, run, lens), 60);
    const theirs = await frames(plain, 20);
    canvas.remove();
    return [ours, theirs];
})()";

/// Counts how often the clock of the model changes while the cell runs, which it does whenever its lanes fill.
const COUNT: &str = "(() => { window.told = []; new MutationObserver((seen) => seen.some((one) => one.target.className === 'time') && window.told.push(performance.now()))
    .observe(document.querySelector('#cell-work'), { childList: true, subtree: true }); })()";

/// The work time of one model in the last result of the cell, as the page has it from the program.
const WORK: &str = "fetch('/api/book', { headers: { Authorization: 'Bearer ' + sessionStorage.getItem('maitred-token') } })
    .then((answer) => answer.json()).then((book) => book.sections.flatMap((one) => one.parts).find((part) => part.cell).cell.result.rows[0].work_ns)";

/// Work of 100,000 steps, and a notebook that has it many times.
const LARGE: &str =
    "task \"t\" count=100 { repeat 1000 { yield } }\ncompare \"native/event-loop\"\n";
const LARGE_CELLS: usize = 20;

fn large() -> String {
    let cell = |number| format!("```workload id=c{number} rounds=1\n{LARGE}```\n");
    format!("# Large\n\nProse.\n\n{}", (0..LARGE_CELLS).map(cell).collect::<String>())
}

const BOOK: &str = "# Measured\n\nProse.\n\n```workload id=work rounds=1 models=native/threads\n\
    task \"t\" count=4 { repeat 80 { cpu \"5ms\"\n wait \"5ms\" } }\n\
    compare \"native/threads\"\n```\n";

#[test]
#[ignore = "it measures: bench/lab runs it on a machine that is otherwise idle"]
fn what_the_page_costs() {
    let Some(mut browser) = browser() else { return };
    browser.look(1280, 900, "light");
    let lab = Lab::open(&[]);
    let opened = (0..OPENINGS).map(|_| open(&mut browser, &lab));
    eprintln!("the story opens in {}", medians(opened.collect()));
    drop(lab);
    let place = tempfile::tempdir().unwrap();
    let (book, store) = (place.path().join("large.md"), place.path().join("kept"));
    fs::write(&book, large()).unwrap();
    let lab_of = || Lab::again(&store, &[book.to_str().unwrap()]);
    let lab = lab_of();
    for number in 0..LARGE_CELLS {
        work_of(&lab, "large", &format!("c{number}"), LARGE);
    }
    drop(lab);
    let opened = (0..OPENINGS).map(|_| open(&mut browser, &lab_of()));
    eprintln!(
        "after a restart, {LARGE_CELLS} cells with 100,000 slices each open in {}",
        medians(opened.collect())
    );
    let lab = Lab::open(&[]);
    open(&mut browser, &lab);
    let frames = browser.value(FRAMES);
    let (ours, plain) = (frames[0].as_f64().unwrap(), frames[1].as_f64().unwrap());
    eprintln!(
        "a frame of 1,000,000 slices takes {ours:.1} ms of the main thread (bar: 20 ms), {:.2} of a rectangle for each \
         ({plain:.1} ms)",
        ours / plain
    );
    drop(lab);

    let book = place.path().join("measured.md");
    fs::write(&book, BOOK).unwrap();
    let lab = Lab::open(&[book.to_str().unwrap()]);
    let (mut watched, mut alone, mut rates) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..PAIRS {
        open(&mut browser, &lab);
        browser.value(COUNT);
        run(&mut browser, "work");
        watched.push(browser.value(WORK).as_f64().unwrap());
        let told = browser.value("window.told");
        let told: Vec<f64> = told.as_array().unwrap().iter().filter_map(Value::as_f64).collect();
        let long = (told.last().unwrap() - told[0]).max(1.0);
        rates.push((told.len() - 1) as f64 / long * 1000.0);
        browser.open("about:blank");
        alone.push(unwatched(&lab));
    }
    let mut ratios: Vec<f64> =
        watched.iter().zip(&alone).map(|(watched, alone)| watched / alone).collect();
    ratios.sort_by(f64::total_cmp);
    rates.sort_by(f64::total_cmp);
    eprintln!("a live run is told {:.1} times a second (bar: 5)", rates[PAIRS / 2]);
    eprintln!(
        "a run that the page watches takes {:.3} of one that nobody watches (median of {PAIRS} pairs, half of them \
         {:.3} to {:.3}; bar: 1.02)",
        ratios[PAIRS / 2],
        ratios[PAIRS / 4],
        ratios[PAIRS * 3 / 4]
    );
}

#[test]
#[ignore = "it makes docs/pictures/lab.png anew"]
fn picture_of_the_readme() {
    let Some(mut browser) = browser() else { return };
    browser.look(900, 780, "light");
    let lab = Lab::open(&[]);
    browser.open(&lab.address);
    browser.until(READY);
    browser.value("(() => { const s = document.querySelector('#cell-tables .go select'); s.value = '100'; s.dispatchEvent(new Event('change')); })()");
    run(&mut browser, "tables");
    browser.value("scrollTo(0, document.querySelector('#cell-tables').offsetTop - 100)");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/pictures/lab.png");
    fs::write(path, browser.png()).unwrap();
}

/// How often the page is opened, and how many pairs of runs there are: odd, for the one in the middle.
const OPENINGS: usize = 9;
const PAIRS: usize = 11;

fn medians(mut opened: Vec<[f64; 2]>) -> String {
    let mut median = |of: usize| {
        opened.sort_by(|one, other| one[of].total_cmp(&other[of]));
        opened[OPENINGS / 2][of]
    };
    format!(
        "{:.0} ms and is on the screen after {:.0} (medians of {OPENINGS}; bar: 300 ms)",
        median(0),
        median(1)
    )
}

/// Opens the page anew; milliseconds until it is ready, and until it is on the screen.
fn open(browser: &mut Browser, lab: &Lab) -> [f64; 2] {
    browser.open("about:blank");
    browser.ask("Page.addScriptToEvaluateOnNewDocument", &json!({ "source": CLOCK }));
    browser.open(&lab.address);
    browser.until(&format!("{READY} && window.paintedAt > 0"));
    ["window.readyAt", "window.paintedAt"].map(|at| browser.value(at).as_f64().unwrap_or(f64::NAN))
}

/// Runs the same cell by one request, whose answer is read when it is whole; its work time.
fn unwatched(lab: &Lab) -> f64 {
    let source = BOOK.split("```").nth(1).and_then(|cell| cell.split_once('\n')).unwrap().1;
    work_of(lab, "measured", "work", source)
}

/// Runs a cell without a page; the work time of its first model.
fn work_of(lab: &Lab, book: &str, cell: &str, source: &str) -> f64 {
    let wish = json!({ "book": book, "cell": cell, "source": source, "set": [], "models": [],
        "speed": 1.0 });
    lab.ran(&wish)["rows"][0]["work_ns"].as_f64().unwrap()
}
