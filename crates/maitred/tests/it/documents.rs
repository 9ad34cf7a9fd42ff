//! What the documents say of the program is so: links, pictures, exit codes. That their commands
//! work is tested in `pages`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

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

#[test]
fn the_reference_has_the_table_of_exit_codes() {
    let page = fs::read_to_string(root().join("docs/reference.md")).unwrap();
    let (_, codes) = maitred::cli::EXIT_CODES.split_once('\n').unwrap();
    let codes: Vec<&str> = codes.lines().map(str::trim).collect();
    let shown = blocks(&page, "text")
        .into_iter()
        .any(|block| block.lines().map(str::trim).collect::<Vec<_>>() == codes);
    assert!(
        shown,
        "the exit codes of the reference are not those of --help:\n{}",
        codes.join("\n")
    );
}

#[test]
fn the_readme_and_ci_name_the_same_test_commands() {
    let page = fs::read_to_string(root().join("README.md")).unwrap();
    let ci = fs::read_to_string(root().join(".ci/run")).unwrap();
    let (quick, slow) = ("cargo test --workspace", "cargo test-slow");
    assert!(page.contains(&format!("$ {quick}\n")) && page.contains(&format!("`{slow}`")));
    for line in [quick, slow].map(|tests| format!(" {tests}\n")) {
        assert!(ci.contains(&line), "{line}");
    }
    // Whatever it names is run by it.
    let cargo: toml::Table =
        fs::read_to_string(root().join(".cargo/config.toml")).unwrap().parse().unwrap();
    let alias = cargo["alias"]["test-slow"].as_str().unwrap();
    assert!(alias.starts_with("test --workspace ") && alias.contains(" -- --ignored "), "{alias}");
}

#[test]
fn links_of_the_documents_lead_somewhere() {
    let alone = [
        "README.md",
        "ARCHITECTURE.md",
        "CONTRIBUTING.md",
        "bench/README.md",
        "crates/maitred/GRAMMAR.md",
        "python/README.md",
        "runtimes/PROTOCOL.md",
    ];
    let pages = fs::read_dir(root().join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let pages = pages.filter(|path| path.extension().is_some_and(|ending| ending == "md"));
    let pages: Vec<PathBuf> = alone.iter().map(|name| root().join(name)).chain(pages).collect();
    assert!(pages.len() > alone.len() + 10, "{pages:?}");
    for path in pages {
        let name = path.display();
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
    assert!(named.len() >= 2, "the pictures were not found: {named:?}");
    for name in named {
        let picture = fs::read(root().join("docs/pictures").join(name)).unwrap();
        if name.ends_with(".png") {
            assert!(picture.starts_with(b"\x89PNG") && picture.len() < 150_000, "{name}");
        } else {
            roxmltree::Document::parse(str::from_utf8(&picture).unwrap()).unwrap();
        }
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
