//! The documents are tests: what the README tells people to type works as it is written.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::program::Place;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The fenced blocks of a page with this info string.
fn blocks(page: &str, info: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        if let Some(fence) = line.strip_prefix("```") {
            let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            if fence == info {
                found.push(block.join("\n") + "\n");
            }
        }
    }
    found
}

/// The commands of a page that are ours, without the `$`.
fn commands(page: &str) -> Vec<String> {
    let lines = blocks(page, "console");
    let lines = lines.iter().flat_map(|block| block.lines());
    lines
        .filter_map(|line| line.strip_prefix("$ "))
        .filter_map(|line| {
            let typed = line.strip_prefix("cargo run --release -- ");
            typed.or_else(|| line.strip_prefix("maitred ")).map(str::to_owned)
        })
        .collect()
}

/// Runs a command of the README as it is written, in a folder that has the workloads; only less
/// patiently: one round, and ten times faster still.
fn run(place: &Place, line: &str) {
    let mut words = shell_words(line);
    let compared = words[0] == "compare";
    if let Some(at) = words.iter().position(|word| word == "--speed") {
        words[at + 1] = "100x".into();
    }
    if compared {
        let rest = words.split_off(1);
        words.extend(["--runs", "1", "--warmup", "0", "--quiet"].map(str::to_owned));
        words.extend(rest);
    }
    if words[0] == "check" {
        words.extend(["--budget", "1s"].map(str::to_owned));
    }
    let output = place.command(&words).stdin(Stdio::null()).output().unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{line}: {} {errors}", output.status);
    assert!(!output.stdout.is_empty(), "{line}");
}

/// The words as a shell would take them, with double quotes.
fn shell_words(line: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut quoted = false;
    for sign in line.chars() {
        match sign {
            '"' => quoted = !quoted,
            ' ' if !quoted => words.push(String::new()),
            other => words.last_mut().unwrap().push(other),
        }
    }
    words
}

#[test]
fn every_command_of_the_readme_runs() {
    let page = fs::read_to_string(root().join("README.md")).unwrap();
    let place = Place::new();
    for folder in ["workloads", "examples"] {
        std::os::unix::fs::symlink(root().join(folder), place.path(folder)).unwrap();
    }
    let commands = commands(&page);
    assert!(commands.len() >= 10, "the commands were not found: {commands:?}");
    for line in commands {
        run(&place, &line);
    }
}

#[test]
fn every_workload_of_the_readme_runs() {
    let page = fs::read_to_string(root().join("README.md")).unwrap();
    for source in blocks(&page, "kdl") {
        let place = Place::new().file("work.kdl", source);
        run(&place, "compare work.kdl");
    }
}

#[test]
fn the_readme_has_the_table_of_exit_codes() {
    let page = fs::read_to_string(root().join("README.md")).unwrap();
    let (_, codes) = maitred::cli::EXIT_CODES.split_once('\n').unwrap();
    let codes: Vec<&str> = codes.lines().map(str::trim).collect();
    let shown = blocks(&page, "text")
        .into_iter()
        .any(|block| block.lines().map(str::trim).collect::<Vec<_>>() == codes);
    assert!(shown, "the README's exit codes are not those of --help:\n{}", codes.join("\n"));
}

#[test]
fn the_readme_and_ci_name_the_same_test_command() {
    let page = fs::read_to_string(root().join("README.md")).unwrap();
    let ci = fs::read_to_string(root().join(".ci/run")).unwrap();
    let tests = "cargo test --workspace";
    assert!(page.contains(&format!("$ {tests}\n")) && ci.contains(tests));
}

#[test]
fn links_of_the_documents_lead_somewhere() {
    for name in ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "crates/maitred/GRAMMAR.md"] {
        let path = root().join(name);
        let page = fs::read_to_string(&path).unwrap();
        for part in page.split("](").skip(1) {
            let target = part.split(')').next().unwrap();
            if !target.starts_with("http") && !target.starts_with('#') {
                let target = target.split('#').next().unwrap();
                assert!(path.parent().unwrap().join(target).exists(), "{name}: {target}");
            }
        }
    }
}

#[test]
fn the_pictures_of_the_readme_are_there() {
    let page = fs::read_to_string(root().join("README.md")).unwrap();
    let named = page.split("\"docs/pictures/").skip(1).filter_map(|part| part.split('"').next());
    let named: Vec<&str> = named.collect();
    assert!(named.len() >= 4, "the pictures were not found: {named:?}");
    for name in named {
        let picture = fs::read_to_string(root().join("docs/pictures").join(name)).unwrap();
        roxmltree::Document::parse(&picture).unwrap();
    }
}

#[test]
fn the_manual_and_the_completions_are_made() {
    let place = Place::new();
    for line in ["completions bash", "completions zsh", "completions fish", "man", "--help"] {
        let output = place.run(line);
        assert!(output.status.success() && output.stdout.len() > 500, "{line}");
    }
    let bash = place.run("completions bash").stdout;
    let place = place.file("maitred.bash", bash);
    let checked = Command::new("bash").arg("-n").arg(place.path("maitred.bash")).status().unwrap();
    assert!(checked.success());
}
