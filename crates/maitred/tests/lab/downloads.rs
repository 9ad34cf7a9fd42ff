//! Everything that a reader can take along is pressed in a browser, arrives, and is what it says.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as BASE64;
use serde_json::{Value, json};

use crate::devtools::{Browser, patiently};
use crate::lab::Lab;
use crate::story::{READY, browser, click};

/// The program among the files that were saved, by the name that it has for everybody.
fn shell(place: &Path, line: &str) -> Output {
    let program = Path::new(env!("CARGO_BIN_EXE_maitred")).parent().unwrap();
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
    let mut command = Command::new("sh");
    command.current_dir(place).args(["-c", line]).env("PATH", path);
    command.env("XDG_RUNTIME_DIR", place).env("MAITRED_NO_KEEP", "1").output().unwrap()
}

/// Presses every button at this place; the files that came of it.
fn saved(browser: &mut Browser, place: &Path, selector: &str) -> Vec<PathBuf> {
    let names = browser.value(&format!(
        "[...document.querySelectorAll({selector:?})].map((one) => one.dataset.file)"
    ));
    let names = names.as_array().unwrap().iter().map(|name| name.as_str().unwrap().to_owned());
    let names: Vec<String> = names.collect();
    for name in &names {
        // Chromium drops what is more than ten files a second: no reader presses so fast.
        let mut pressed: Option<Instant> = None;
        patiently(name, || {
            if pressed.is_none_or(|since| since.elapsed() > Duration::from_secs(5)) {
                click(browser, &format!("[data-file='{name}']"));
                pressed = Some(Instant::now());
            }
            place.join(name).exists()
        });
    }
    names.iter().map(|name| place.join(name)).collect()
}

/// How many colours a picture has, once the browser has read it.
fn colours(browser: &mut Browser, path: &Path) -> u64 {
    let media = if path.extension().unwrap() == "svg" { "svg+xml" } else { "png" };
    let data = BASE64.encode(fs::read(path).unwrap());
    let look = format!(
        "(async () => {{
            const image = new Image();
            image.src = 'data:image/{media};base64,{data}';
            await image.decode();
            const canvas = document.createElement('canvas');
            [canvas.width, canvas.height] = [image.naturalWidth, image.naturalHeight];
            const context = canvas.getContext('2d');
            context.drawImage(image, 0, 0);
            return new Set(new Uint32Array(context.getImageData(0, 0, canvas.width, canvas.height).data.buffer)).size;
        }})()"
    );
    browser.value(&look).as_u64().unwrap()
}

fn read(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

#[test]
#[ignore = "slow: a browser"]
fn what_is_saved_opens_and_the_copied_command_does_the_same_work() {
    let Some(mut browser) = browser() else { return };
    let place = tempfile::tempdir().unwrap();
    let place = place.path();
    let lab = Lab::open(&[]);
    browser.look(1280, 900, "light");
    let allowed = json!({ "behavior": "allow", "downloadPath": place.display().to_string() });
    browser.ask("Browser.setDownloadBehavior", &allowed);
    lab.ran_of_the_story("tables");
    browser.open(&lab.address);
    browser.until(READY);
    browser.until("document.querySelector('#cell-tables .replay') !== null");
    let press = |name: &str| {
        format!(
            "[...document.querySelectorAll('#cell-tables .links button')].find((one) => one.textContent === '{name}').click()"
        )
    };

    browser.value(&press("Downloads"));
    browser.until("document.querySelector('#cell-tables .files') !== null");
    browser
        .value("document.querySelector('#cell-tables .files').scrollIntoView({ block: 'center' })");
    browser.shot("15-downloads");
    let files = saved(&mut browser, place, "#cell-tables .files button");
    let of = |ending: &str| -> Vec<&PathBuf> {
        files.iter().filter(|path| path.extension().unwrap() == ending).collect()
    };
    assert_eq!([of("json").len(), of("trace").len()], [1, 3], "{files:?}");
    assert!(of("svg").len() >= 4 && of("png").len() > of("svg").len(), "{files:?}");
    for picture in of("svg").into_iter().chain(of("png")) {
        assert!(colours(&mut browser, picture) > 3, "{} shows nothing", picture.display());
    }
    for file in of("json").into_iter().chain(of("trace")) {
        let output = shell(place, &format!("maitred show '{}'", file.display()));
        assert!(output.status.success(), "{}: {output:?}", file.display());
    }

    browser.ask(
        "Browser.grantPermissions",
        &json!({ "permissions": ["clipboardReadWrite", "clipboardSanitizedWrite"] }),
    );
    browser.value(&press("Copy as command"));
    browser.until("document.querySelector('#cell-tables .panel pre') !== null");
    click(&mut browser, "#cell-tables .panel .plain");
    browser.until("document.querySelector('#cell-tables .status').textContent === 'copied'");
    let words = browser.value("navigator.clipboard.readText()");
    let line = words.as_str().unwrap().trim_end();
    let output = shell(place, &format!("{line} --runs 1 --against tables.json --save again.json"));
    assert!(output.status.success(), "{line}: {output:?}");
    let subject = |name: &str| read(&place.join(name))["subject"]["fingerprint"].clone();
    assert!(subject("again.json").is_string());
    assert_eq!(subject("again.json"), subject("tables.json"), "{line}");

    let whole = saved(&mut browser, place, ".along button");
    assert_eq!(whole.len(), 2, "{whole:?}");
    let jupyter = read(&whole[1]);
    let cells = jupyter["cells"].as_array().unwrap().iter();
    let outputs: String = cells.map(|cell| cell["outputs"].to_string()).collect();
    assert!(jupyter["nbformat"] == 4 && outputs.contains("native/threads"), "{outputs}");
    let output = shell(place, "maitred notebook import story.ipynb --output back.md");
    assert!(output.status.success(), "{output:?}");
    let story = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../notebooks/story.md");
    assert_eq!(fs::read(place.join("back.md")).unwrap(), fs::read(story).unwrap());
    browser.open(&format!("file://{}", whole[0].display()));
    browser.until(READY);
    browser.until("document.querySelectorAll('#cell-tables canvas.lanes').length === 3");
}
