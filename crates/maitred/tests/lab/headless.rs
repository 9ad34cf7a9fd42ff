//! Notebooks without a page: what is run, kept, exported and brought back, and what is said where that fails.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

use crate::lab::Lab;

/// The program in a folder of its own, where it keeps its results as well.
fn maitred(place: &Path, words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_maitred"));
    command.current_dir(place).args(words);
    command.env("XDG_RUNTIME_DIR", place).env("MAITRED_STORE", place.join("kept"));
    command.env("XDG_CACHE_HOME", Path::new(env!("CARGO_TARGET_TMPDIR")).join("cache"));
    // The default interpreter is enough, and each further one is asked what it is.
    let bin = place.join("bin");
    if !bin.exists() {
        let own = ["-c", "import sys; print(sys.executable, end='')"];
        let python = Command::new("python3").args(own).output().unwrap().stdout;
        fs::create_dir(&bin).unwrap();
        symlink(text(&python), bin.join("python3")).unwrap();
    }
    command.env("PATH", bin).env_remove("MAITRED_NO_KEEP").output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn python(claim: &str, body: &str) -> String {
    format!(
        "# N\n\nProse.\n\n```python id=a-cell rounds=1 count=2 call=work models=python3/sequential \
         claim=\"{claim}\"\n{body}```\n"
    )
}

const BODY: &str = "from beside import answer\n\n\ndef work():\n    return answer()\n";

/// Fingerprints of what is kept, the newest first.
fn fingerprints(place: &Path) -> Vec<String> {
    let output = maitred(place, &["runs", "--json"]);
    let kept: Value =
        serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
    let all = kept.as_array().unwrap_or_else(|| panic!("{kept}")).iter();
    all.map(|one| one["fingerprint"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_function_imports_what_lies_beside_it_and_its_history_joins() {
    let place = tempfile::tempdir().unwrap();
    let (place, book) = (place.path(), place.path().join("book.md"));
    fs::write(place.join("beside.py"), "def answer():\n    return 42\n").unwrap();
    fs::write(&book, python("it ends well: done of sequential = 2", BODY)).unwrap();
    for _ in 0..2 {
        let output = maitred(place, &["notebook", "run", "book.md"]);
        assert!(output.status.success(), "{output:?}");
        assert!(text(&output.stdout).contains("a-cell: agrees: 1 of 1 as it says"), "{output:?}");
    }
    fs::remove_file(place.join("beside.py")).unwrap();
    let output = maitred(place, &["notebook", "run", "book.md"]);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let said = "a-cell: failed: No model did the work as asked, so none is ranked. python3";
    assert!(text(&output.stdout).contains(said), "{output:?}");
    assert!(text(&output.stdout).contains("No module named 'beside'"), "{output:?}");
    fs::write(place.join("beside.py"), "def answer():\n    return 7\n").unwrap();
    let edited = BODY.replace("return answer()", "return answer() + 1");
    fs::write(&book, python("it ends well: done of sequential = 2", &edited)).unwrap();
    maitred(place, &["notebook", "run", "book.md"]);
    let kept = fingerprints(place);
    assert_eq!(kept.len(), 4, "{kept:?}");
    assert_eq!(kept[2], kept[3], "the same source is the same work, wherever its file was");
    assert_ne!(kept[0], kept[1], "another source is other work");
}

#[test]
fn a_claim_about_a_function_that_is_refuted_differs_and_one_that_cannot_be_read_is_said() {
    let place = tempfile::tempdir().unwrap();
    let (place, book) = (place.path(), place.path().join("book.md"));
    let body = "def work():\n    return 1\n";
    fs::write(&book, python("it ends thrice: done of sequential = 3", body)).unwrap();
    let output = maitred(place, &["notebook", "run", "book.md"]);
    assert_eq!(output.status.code(), Some(4), "{output:?}");
    assert!(text(&output.stdout).contains("differs: it ends thrice (refuted): done"), "{output:?}");
    fs::write(&book, python("it is fast", body)).unwrap();
    let output = maitred(place, &["notebook", "run", "book.md"]);
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let said = text(&output.stderr);
    assert!(said.contains("line 5: the claim `it is fast`: behind `it` stands `of`"), "{said}");
}

#[test]
fn a_notebook_goes_to_jupyter_and_back_byte_for_byte() {
    let place = tempfile::tempdir().unwrap();
    let place = place.path();
    for name in ["story", "races", "your-function"] {
        let book = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../notebooks/{name}.md"));
        let (there, back) = (format!("{name}.ipynb"), format!("{name}.back.md"));
        let from = book.to_str().unwrap();
        let output = maitred(place, &["notebook", "export", from, "--no-run", "--output", &there]);
        assert!(output.status.success(), "{output:?}");
        let output = maitred(place, &["notebook", "import", &there, "--output", &back]);
        assert!(output.status.success(), "{output:?}");
        assert_eq!(fs::read(place.join(back)).unwrap(), fs::read(book).unwrap(), "{name}");
    }
}

#[test]
fn what_cannot_be_opened_is_said_with_the_next_step() {
    let place = tempfile::tempdir().unwrap();
    let place = place.path();
    fs::write(place.join("plain.md"), "# Prose alone\n").unwrap();
    let lab = Lab::open(&[]);
    let port = lab.port.to_string();
    for (words, code, said) in [
        (&["lab", "--no-open", "none.md"][..], 2, "none.md cannot be read: "),
        (&["lab", "--no-open", "."], 2, "no .md file in . has a cell; a cell is a fenced block"),
        (&["lab", "--no-open", "--port", &port], 1, "name another with --port"),
        (&["notebook", "run", "none.md"], 2, "none.md cannot be read: "),
        (&["notebook", "export", "plain.md", "--output", "x.txt"], 2, "ends in .html or .ipynb"),
        (&["notebook", "import", "plain.md", "--output", "x.md"], 2, "plain.md: "),
    ] {
        let output = maitred(place, words);
        let error = text(&output.stderr);
        assert!(error.contains(said), "{words:?}: {error}");
        assert_eq!(output.status.code(), Some(code), "{words:?}: {error}");
    }
}
