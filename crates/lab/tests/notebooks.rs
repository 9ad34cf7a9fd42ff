//! The notebooks that are shipped: every fence is understood, every workload can be run, every
//! claim that is named exists, and the story leaves none of them out.
#![expect(clippy::unwrap_used, reason = "a test that cannot read its files has failed")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use maitred_core::workload;
use maitred_lab::notebook::{Kind, Notebook, Part, parse};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn names(folder: &str, ending: &str) -> BTreeSet<String> {
    let files = fs::read_dir(root().join(folder)).unwrap().map(|file| file.unwrap().file_name());
    let names = files.map(|name| name.into_string().unwrap());
    names.filter_map(|name| name.strip_suffix(ending).map(str::to_owned)).collect()
}

fn notebooks() -> Vec<(String, Notebook)> {
    let picture =
        |name: &str| Some((fs::read(root().join("notebooks").join(name)).ok()?, "image/svg+xml"));
    let read = |name: String| {
        let text = fs::read_to_string(root().join("notebooks").join(format!("{name}.md"))).unwrap();
        let notebook = parse(&name, &text, &picture);
        (name, notebook)
    };
    names("notebooks", ".md").into_iter().map(read).collect()
}

#[test]
fn every_fence_is_understood_and_every_workload_can_be_run() {
    for (name, notebook) in notebooks() {
        assert_eq!(notebook.mistakes, [], "{name}");
        assert!(notebook.cells().count() >= 1, "{name} has no cell");
        for cell in notebook.cells() {
            let place = format!("{name}.md:{} {}", cell.line, cell.id);
            assert!(cell.directives.id.is_some(), "{place}: results are kept by id");
            if cell.kind != Kind::Workload {
                continue;
            }
            let source = format!("{}{}", notebook.servers_above(&cell.id), cell.source);
            let work = workload::parse(&source);
            let said = work
                .as_ref()
                .err()
                .map(|it| workload::Report::new(&place, &source, it).to_string());
            assert_eq!(said, None);
            assert!(cell.source.contains("compare "), "{place}: which models?");
        }
    }
}

#[test]
fn every_claim_that_is_named_exists_and_the_story_leaves_none_out() {
    let there = names("claims", ".kdl");
    let mut told = BTreeSet::new();
    for (name, notebook) in notebooks() {
        for cell in notebook.cells().filter(|cell| cell.kind == Kind::Claim) {
            for claim in cell.source.split_whitespace() {
                assert!(there.contains(claim), "{name}.md:{}: there is no {claim}", cell.line);
                if name == "story" {
                    told.insert(claim.to_owned());
                }
            }
        }
    }
    assert_eq!(told, there);
}

/// What a sentence says can be refuted: no cell only shows.
#[test]
fn every_cell_carries_a_claim() {
    for (name, notebook) in notebooks() {
        for cell in notebook.cells() {
            let claims = match cell.kind {
                Kind::Server | Kind::Claim => continue,
                Kind::Python => cell.directives.claims.len(),
                Kind::Workload => cell.source.matches("\nclaim \"").count(),
            };
            assert!(claims > 0, "{name}.md:{} {} claims nothing", cell.line, cell.id);
        }
    }
}

#[test]
fn pictures_are_found_and_prose_is_beside_every_cell() {
    for (name, notebook) in notebooks() {
        for section in &notebook.sections {
            let html = section.parts.iter().filter_map(|part| match part {
                Part::Prose(html) => Some(html.as_str()),
                _ => None,
            });
            let html: String = html.collect();
            assert!(!html.is_empty(), "{name}: nothing is said under {}", section.heading);
            assert!(!html.contains("\"data:,\""), "{name}: a picture is missing");
        }
    }
}
