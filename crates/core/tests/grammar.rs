//! The reference and the shipped workloads are tests: what they show runs, and the mistakes that
//! they print are those that are found. `UPDATE_EXPECT=1` writes the mistakes anew.

use std::fs;
use std::path::Path;

use expect_test::expect_file;
use maitred_core::workload::{Choices, Report, input_files, lower, parse};

/// The mistakes in a workload, as they are printed; `None`: there are none.
fn mistakes(name: &str, source: &str) -> Option<String> {
    let report = |mistakes: Vec<_>| Report::new(name, source, &mistakes).to_string();
    let workload = match parse(source) {
        Ok(workload) => workload,
        Err(mistakes) => return Some(report(mistakes)),
    };
    let inputs = input_files(&workload, &[]).into_iter().map(|path| (path, 3)).collect();
    lower(&workload, &Choices { inputs, ..Choices::default() }).err().map(report)
}

/// The reference, with the mistakes as they are found.
fn checked(reference: &str) -> String {
    let mut checked = String::new();
    let mut lines = reference.lines();
    while let Some(line) = lines.next() {
        checked += &format!("{line}\n");
        if !line.starts_with("```kdl") {
            continue;
        }
        let block = lines.by_ref().take_while(|line| *line != "```");
        let source: String = block.map(|line| format!("{line}\n")).collect();
        checked += &format!("{source}```\n");
        match (line, mistakes("FILE", &source)) {
            ("```kdl", None) => {}
            ("```kdl error", Some(text)) => {
                assert_eq!(lines.next(), Some("```text"), "what follows {source}");
                lines.by_ref().find(|line| *line == "```");
                checked += &format!("```text\n{text}```\n");
            }
            (_, Some(text)) => panic!("{text}"),
            (_, None) => panic!("`{line}` is not `kdl`, or has no mistake: {source}"),
        }
    }
    checked
}

#[test]
fn every_block_of_the_reference_is_as_it_says() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../maitred/GRAMMAR.md");
    let reference = fs::read_to_string(&path).unwrap();
    assert!(reference.matches("```kdl").count() > 10, "the blocks were not found");
    expect_file![path].assert_eq(&checked(&reference));
}

#[test]
fn every_shipped_workload_is_right() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../workloads");
    let mut seen = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(path.extension().and_then(|extension| extension.to_str()), Some("kdl"));
        let source = fs::read_to_string(&path).unwrap();
        assert_eq!(mistakes(&path.display().to_string(), &source), None);
        assert!(source.starts_with("title "), "{}", path.display());
        seen += 1;
    }
    assert!(seen > 10, "the workloads were not found");
}
