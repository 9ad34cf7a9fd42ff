//! The story in a real browser, from the first cell to a page that replays from a file.

use std::fs;
use std::io::Write as _;
use std::process::Command;

use serde_json::{Value, json};

use crate::devtools::{Browser, patiently, program};
use crate::lab::Lab;

/// What is not tried for want of something is a failure, unless `MAITRED_MAY_SKIP` names the want.
fn skip(name: &str, how: &str) {
    let may = std::env::var("MAITRED_MAY_SKIP").unwrap_or_default();
    let is_named = may.split_whitespace().any(|word| word == name);
    assert!(is_named, "there is no {name} here: {how}, or put it into MAITRED_MAY_SKIP");
    // Past the harness, which keeps to itself what a test prints that passes.
    let said = format!("skipped for want of {name}: the page in a browser\n");
    std::io::stderr().write_all(said.as_bytes()).unwrap();
}

pub(crate) fn browser() -> Option<Browser> {
    let Some(program) = program() else {
        skip("chromium", "apt install chromium, or name one in MAITRED_CHROMIUM");
        return None;
    };
    Some(Browser::start(&program))
}

pub(crate) const READY: &str = "document.body.dataset.ready === 'yes'";

pub(crate) fn click(browser: &mut Browser, selector: &str) {
    let found = browser.value(&format!(
        "(() => {{ const one = document.querySelector({selector:?}); one?.click(); return Boolean(one); }})()"
    ));
    assert_eq!(found, Value::Bool(true), "there is no {selector}");
}

/// Runs the cell and waits for its answer.
pub(crate) fn run(browser: &mut Browser, cell: &str) {
    // What an earlier run said is not what this one says.
    let status = format!("document.querySelector('#cell-{cell} .status')");
    browser.value(&format!("{status}.textContent = ''"));
    click(browser, &format!("#cell-{cell} .run"));
    browser.until(&format!(
        "document.querySelector('#cell-{cell} .run').textContent === 'Run it here' && {status}.textContent !== ''"
    ));
    let said = browser.value(&format!("{status}.textContent"));
    let said = said.as_str().unwrap();
    assert!(said.starts_with("done") || said.starts_with("cancelled"), "{cell}: {said}");
}

#[test]
#[ignore = "slow: a browser"]
fn the_waiters_run_replay_and_are_there_after_a_reload() {
    let Some(mut browser) = browser() else { return };
    let lab = Lab::open(&[]);
    browser.look(1280, 900, "light");
    browser.open(&lab.address);
    browser.until(READY);
    assert_eq!(browser.value("location.hash"), json!(""), "the token left the address");
    browser.shot("1-opened");

    run(&mut browser, "tables");
    browser.until("document.querySelectorAll('#cell-tables .rows .row').length === 3");
    let answer = browser.value("document.querySelector('#cell-tables .answer').textContent");
    assert!(answer.as_str().unwrap().len() > 20, "{answer}");
    browser.shot("2-ran");

    // The reader scrubs, steps and plays.
    let clock = "document.querySelector('#cell-tables .transport span').textContent";
    let end = browser.value(clock);
    browser.value("(() => { const s = document.querySelector('#cell-tables .transport input'); s.value = 300; s.dispatchEvent(new Event('input')); })()");
    browser.until(&format!("{clock} !== {end}"));
    let scrubbed = browser.value(clock);
    browser.shot("3-scrubbed");
    browser.value("document.querySelectorAll('#cell-tables .transport button')[1].click()");
    browser.until(&format!("{clock} !== {scrubbed}"));
    let stepped = browser.value(clock);
    click(&mut browser, "#cell-tables .transport button");
    browser.until(&format!("{clock} !== {stepped}"));
    browser.until(
        "document.querySelector('#cell-tables .transport button').textContent.includes('replay')",
    );

    // A slider turned makes the answer stale and runs nothing.
    browser.value("(() => { const s = document.querySelector('#cell-tables .knob input'); s.value = 2; s.dispatchEvent(new Event('input')); s.dispatchEvent(new Event('change')); })()");
    browser.until("document.querySelector('#cell-tables .badge')?.textContent === 'stale'");
    assert_eq!(
        browser.value("document.querySelector('#cell-tables .knob output').textContent"),
        json!("3")
    );
    run(&mut browser, "tables");
    browser.until("document.querySelector('#cell-tables .badge') === null");

    browser.reload();
    browser.until(READY);
    browser.until("document.querySelector('#cell-tables .answer').textContent.length > 20");
    assert_eq!(
        browser.value("document.querySelector('#cell-tables .knob output').textContent"),
        json!("3"),
        "the knobs are those of the result"
    );

    let (requests, complaints) = browser.asked();
    let own = format!("http://127.0.0.1:{}/", lab.port);
    let others: Vec<&String> = requests
        .iter()
        .filter(|it| {
            !it.starts_with(&own)
                && !it.starts_with("data:")
                && !it.starts_with("blob:")
                && *it != "about:blank"
        })
        .collect();
    assert_eq!(others, Vec::<&String>::new(), "nothing is asked of anybody else");
    assert!(
        requests.iter().all(|it| !it.contains(&lab.token)),
        "the token is never sent in an address"
    );
    assert_eq!(complaints, Vec::<String>::new());
}

#[test]
#[ignore = "slow: a browser"]
fn keys_zoom_the_timeline_and_say_what_is_there() {
    let Some(mut browser) = browser() else { return };
    let lab = Lab::open(&[]);
    browser.look(1280, 900, "dark");
    lab.ran_of_the_story("tables");
    browser.open(&lab.address);
    browser.until(READY);
    browser.value("[...document.querySelectorAll('#cell-tables .links button')].find(b => b.textContent.startsWith('Timeline')).click()");
    browser.until("document.querySelector('#cell-tables .timeline canvas') !== null");
    browser.value("document.querySelector('#cell-tables .timeline canvas').focus()");
    let range = "document.querySelector('#cell-tables .panel p.status').textContent";
    browser.until(&format!("{range} !== ''"));
    let whole = browser.value(range);
    browser.press("+", 0);
    browser.press("+", 0);
    browser.until(&format!("{range} !== {whole}"));
    browser.press("ArrowDown", 0);
    browser.press("ArrowRight", 0);
    browser.until(
        "document.querySelector('#cell-tables .panel .unseen').textContent.includes('table')",
    );
    browser.value(
        "document.querySelector('#cell-tables .timeline').scrollIntoView({ block: 'center' })",
    );
    browser.shot("4-timeline-dark");
    browser.press("Home", 0);
    browser.until(&format!("{range} === {whole}"));
}

#[test]
#[ignore = "slow: a browser"]
fn a_mistake_is_said_with_its_place_and_a_run_can_be_cancelled() {
    let Some(mut browser) = browser() else { return };
    let lab = Lab::open(&[]);
    browser.look(1280, 900, "light");
    browser.open(&lab.address);
    browser.until(READY);
    browser.value("[...document.querySelectorAll('#cell-tables .links button')].find(b => b.textContent === 'Source').click()");
    browser.until("document.querySelector('#cell-tables textarea') !== null");
    let edit = |text: &str| {
        format!(
            "(() => {{ const t = document.querySelector('#cell-tables textarea'); t.value = {text:?}; t.dispatchEvent(new Event('input')); }})()"
        )
    };
    browser.value(&edit("task \"t\" {\n    wiat \"4s\"\n}\n"));
    browser.until("document.querySelector('#cell-tables .mistakes')?.textContent.includes('line 2, column 5: unknown step `wiat`')");
    browser.value(
        "document.querySelector('#cell-tables textarea').scrollIntoView({ block: 'center' })",
    );
    browser.shot("5-mistake");
    click(&mut browser, "#cell-tables .run");
    browser.until("document.querySelector('#cell-tables .status').textContent.includes('wiat')");

    browser.value(&edit("task \"t\" count=3 { wait \"40s\" }\ncompare \"native/threads\"\n"));
    browser.until("document.querySelector('#cell-tables .mistakes').textContent === ''");
    browser.value("(() => { for (const chip of document.querySelectorAll('#cell-tables .chip[aria-pressed=true]')) if (chip.textContent !== 'threads') chip.click(); })()");
    browser.value("(() => { const s = document.querySelector('#cell-tables .go select'); s.value = '1'; s.dispatchEvent(new Event('change')); })()");
    click(&mut browser, "#cell-tables .run");
    browser.until(
        "document.querySelector('#cell-tables .status').textContent.includes('of 3 tasks done')",
    );
    browser.until("document.querySelector('#cell-tables canvas.lanes') !== null");
    browser.shot("6-live");
    click(&mut browser, "#cell-tables .run");
    browser.until("document.querySelector('#cell-tables .status').textContent.startsWith('cancelled') && document.querySelector('#cell-tables .run').textContent === 'Run it here'");
}

#[test]
#[ignore = "slow: a browser"]
fn a_cell_of_python_asks_before_it_runs() {
    let Some(mut browser) = browser() else { return };
    let lab = Lab::open(&[]);
    browser.look(390, 844, "light");
    browser.open(&lab.address);
    browser.until(READY);
    browser.value("document.querySelector('#cell-gil-race').scrollIntoView()");
    click(&mut browser, "#cell-gil-race .run");
    browser.until("!document.querySelector('#cell-gil-race .ask').hidden");
    assert!(
        browser
            .value("document.querySelector('#cell-gil-race .ask pre').textContent")
            .as_str()
            .unwrap()
            .contains("def race")
    );
    browser.shot("7-asks-phone");
    run_agreed(&mut browser);
    browser.shot("8-python-phone");
}

fn run_agreed(browser: &mut Browser) {
    click(browser, "#cell-gil-race .ask .run");
    browser.until("document.querySelector('#cell-gil-race > .knobs .run').textContent === 'Run it here' && document.querySelector('#cell-gil-race .status').textContent === 'done'");
}

#[test]
#[ignore = "slow: a browser"]
fn the_presenter_has_one_section_a_screen_and_keys_only() {
    let Some(mut browser) = browser() else { return };
    let lab = Lab::open(&[]);
    browser.look(1920, 1080, "light");
    lab.ran_of_the_story("tables");
    browser.open(&lab.address);
    browser.until(READY);
    browser.until("document.querySelector('#cell-tables .replay canvas') !== null");
    browser.press("p", 0);
    let shown = "[...document.querySelectorAll('.section')].filter(s => s.offsetParent).length";
    browser.until(&format!("{shown} === 1"));
    browser.shot("9-presenter");
    browser.press("ArrowRight", 0);
    browser.until("document.querySelector('#place').textContent.startsWith('2 of')");
    assert_eq!(
        browser.value("[...document.querySelectorAll('.note')].filter(n => n.offsetParent).length"),
        json!(0)
    );
    browser.press("Escape", 0);
    browser.until(&format!("{shown} > 10"));
}

#[test]
#[ignore = "slow: a browser"]
fn an_exported_notebook_replays_from_a_file() {
    let place = tempfile::tempdir().unwrap();
    let (book, page) = (place.path().join("n.md"), place.path().join("n.html"));
    let source =
        "task \"t\" count=3 { wait \"20ms\" }\ncompare \"native/sequential\" \"native/threads\"\n";
    fs::write(&book, format!("# A page\n\nProse.\n\n```workload id=a rounds=1\n{source}```\n"))
        .unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_maitred"));
    command.env("XDG_RUNTIME_DIR", place.path()).env("MAITRED_STORE", place.path().join("kept"));
    command.args(["notebook", "export"]).arg(&book).arg("--output").arg(&page);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(String::from_utf8_lossy(&output.stdout).contains("a: agrees"), "{output:?}");
    let Some(mut browser) = browser() else { return };
    browser.look(1280, 900, "light");
    browser.open(&format!("file://{}", page.display()));
    browser.until(READY);
    browser.until("document.querySelectorAll('#cell-a .rows .row').length === 2");
    let clock = "document.querySelector('#cell-a .transport span').textContent";
    let end = browser.value(clock);
    click(&mut browser, "#cell-a .transport button");
    browser.until(&format!("{clock} !== {end}"));
    browser.shot("10-exported");
    let (requests, complaints) = browser.asked();
    assert!(
        requests
            .iter()
            .all(|it| it.starts_with("file:") || it.starts_with("data:") || it == "about:blank"),
        "{requests:?}"
    );
    assert_eq!(complaints, Vec::<String>::new());
}

/// Faults of roles, names and contrast, by axe-core, where `MAITRED_AXE` names its script.
#[test]
#[ignore = "slow: a browser"]
fn nobody_is_kept_out_by_colour_name_or_role() {
    let Some(axe) = std::env::var_os("MAITRED_AXE") else {
        skip("axe", "npm install axe-core and name its axe.min.js in MAITRED_AXE");
        return;
    };
    let Some(mut browser) = browser() else { return };
    let axe = fs::read_to_string(axe).unwrap();
    let lab = Lab::open(&[]);
    browser.look(1280, 900, "light");
    lab.ran_of_the_story("one-more");
    lab.ran_of_the_story("tables");
    browser.open(&lab.address);
    browser.until(READY);
    browser.until("document.querySelector('#cell-tables .replay canvas') !== null");
    every_heading_is_told(&mut browser);
    for (width, height, scheme, presenting) in [
        (1280, 900, "light", false),
        (1280, 900, "dark", false),
        (390, 844, "light", false),
        (1920, 1080, "dark", true),
    ] {
        browser.look(width, height, scheme);
        if presenting {
            browser.press("p", 0);
        }
        for panel in ["Table", "Timeline", "Charts", "Source", "Downloads"] {
            browser.value(&format!(
                "[...document.querySelectorAll('#cell-tables .links button')].find(b => b.textContent.startsWith({panel:?})).click()"
            ));
            browser.until("document.querySelector('#cell-tables .panel .empty') === null");
            browser.value(&format!("{axe};1"));
            let found = browser.value(
                "axe.run(document, { resultTypes: ['violations'] }).then(found => found.violations.map(one => `${one.id}: ${one.nodes.slice(0, 3).map(node => node.html.slice(0, 160)).join(' ')}`))",
            );
            assert_eq!(found, json!([]), "{width} {scheme} {panel}");
        }
        browser.shot(&format!("axe-{width}-{scheme}"));
    }
}

/// Waits until a reader of screens can go from heading to heading down to the last one, also far below.
fn every_heading_is_told(browser: &mut Browser) {
    let all =
        "[...document.querySelectorAll('h1, h2, h3')].filter((one) => one.textContent).length";
    let all = browser.value(all).as_u64().unwrap();
    assert!(all > 50, "{all}");
    patiently("every heading in the tree of roles and names", || {
        let tree = browser.ask("Accessibility.getFullAXTree", &json!({}));
        let nodes = tree["nodes"].as_array().unwrap().iter();
        let is_told = |node: &&Value| {
            node["role"]["value"] == "heading"
                && node["ignored"] == false
                && node["name"]["value"].as_str().is_some_and(|name| !name.is_empty())
        };
        nodes.filter(is_told).count() as u64 == all
    });
}
