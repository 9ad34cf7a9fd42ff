//! What a cell found is there after the program was ended and started again, with what it was before.

use std::fs;

use serde_json::json;

use crate::lab::Lab;
use crate::story::{READY, browser, run};

const BOOK: &str = "# A notebook\n\nProse.\n\n```workload id=work rounds=2\n\
    param \"tasks\" 3 min=1 max=9\n\
    task \"table\" count=\"$tasks\" { wait \"20ms\"\n cpu \"5ms\" }\n\
    compare \"native/threads\" \"native/sequential\"\n```\n";

#[test]
#[ignore = "slow: a browser"]
fn results_survive_the_program_and_become_a_history() {
    let Some(mut browser) = browser() else { return };
    let place = tempfile::tempdir().unwrap();
    let (book, store) = (place.path().join("book.md"), place.path().join("kept"));
    fs::write(&book, BOOK).unwrap();
    let subject = [book.to_str().unwrap()];
    let open = |browser: &mut crate::devtools::Browser| {
        let lab = Lab::again(&store, &subject);
        browser.open(&lab.address);
        browser.until(READY);
        lab
    };
    browser.look(1280, 900, "light");
    let lab = open(&mut browser);
    run(&mut browser, "work");
    let answer = "document.querySelector('#cell-work .answer').textContent";
    let found = browser.value(answer);
    assert!(found.as_str().unwrap().len() > 20, "{found}");
    drop(lab);

    let lab = open(&mut browser);
    browser.until("document.querySelectorAll('#cell-work canvas.lanes').length === 2");
    assert_eq!(browser.value(answer), found, "the answer of the program before");
    assert_eq!(browser.value("document.querySelector('#cell-work .badge')"), json!(null));
    run(&mut browser, "work");
    press(&mut browser, "History");
    browser.until("document.querySelectorAll('#cell-work .panel tbody tr').length === 2");
    browser.until("document.querySelector('#cell-work .panel img')?.naturalWidth > 0");
    browser.value("document.querySelector('#cell-work .panel').scrollIntoView({ block: 'end' })");
    browser.shot("12-history");

    // Down to a single switch, where the kernel lets switches be recorded.
    press(&mut browser, "Timeline");
    browser.until("document.querySelector('#cell-work .timeline canvas') !== null");
    browser.value("(() => { const s = document.querySelectorAll('#cell-work .panel select')[1]; s.value = 'switches'; s.dispatchEvent(new Event('change')); })()");
    let rows = "document.querySelectorAll('#cell-work .panel select')[1].value";
    let said = "document.querySelector('#cell-work .panel p.status').textContent";
    browser.until(&format!("{rows} === 'steps' ? {said}.includes('were not recorded') : document.querySelector('#cell-work .panel .legend').textContent.includes('running')"));
    if browser.value(rows) == json!("switches") {
        browser.value("document.querySelector('#cell-work .timeline canvas').focus()");
        assert!(rows_in_words(&mut browser).iter().any(|words| {
            words.starts_with("processor ") && words.contains(" has ") && words.ends_with(" on")
        }));
        for _ in 0..6 {
            browser.press("+", 0);
        }
        browser.value(
            "document.querySelector('#cell-work .timeline').scrollIntoView({ block: 'center' })",
        );
        browser.shot("13-switches");
    }

    // Work that was changed is other work, with a history of its own.
    browser.value("(() => { const s = document.querySelector('#cell-work .knob input'); s.value = 0; s.dispatchEvent(new Event('input')); s.dispatchEvent(new Event('change')); })()");
    run(&mut browser, "work");
    press(&mut browser, "History");
    browser.until("document.querySelectorAll('#cell-work .panel tbody tr').length === 1");
    drop(lab);
}

/// What the page says of a slice in each of the first rows. A processor that the run never came to has
/// none, and which that is the kernel decides.
fn rows_in_words(browser: &mut crate::devtools::Browser) -> Vec<String> {
    let said = "document.querySelector('#cell-work .panel .unseen').textContent";
    let mut words = Vec::new();
    for _ in 0..8 {
        browser.press("ArrowRight", 0);
        browser.until(&format!("{said} !== ''"));
        words.push(browser.value(said).as_str().unwrap().to_owned());
        browser.press("ArrowDown", 0);
    }
    words
}

fn press(browser: &mut crate::devtools::Browser, link: &str) {
    browser.value(&format!(
        "[...document.querySelectorAll('#cell-work .links button')].find(b => b.textContent.startsWith('{link}')).click()"
    ));
}
