//! Why a test may be left out of `cargo test`: it is slow, and that for one of a few reasons, which its
//! `#[ignore]` says. All of them are run by `cargo test-slow`, as `.ci/run` does.

use super::files;

/// What makes a test slow.
const REASONS: [&str; 5] = [
    // An interpreter or a compiler of another language, or a scheduler of tasks.
    "slow: another runtime",
    "slow: a browser",
    "slow: hosts of their own",
    // The same again and again, or all that there are of a kind.
    "slow: a sweep",
    "slow: a page with all its commands",
];

const SLOW: &str = concat!("#[", "ignore");

/// The attributes that leave a test out and say no reason that there is.
fn wrong_reasons(source: &str) -> Vec<&str> {
    let begins = |line: &&str| line.trim_start().starts_with(SLOW);
    let is_known = |line: &str| {
        REASONS.iter().any(|reason| line.trim() == format!("#[ignore = \"{reason}\"]"))
    };
    source.lines().filter(begins).filter(|line| !is_known(line)).collect()
}

/// No tests, though the harness starts them: they measure, or draw a picture of the documents.
const MEASURES: &str = "crates/maitred/tests/lab/measured.rs";

#[test]
fn tests_are_left_out_for_being_slow_and_for_nothing_else() {
    for (name, source) in files("crates", ".rs").into_iter().chain(files("bench", ".rs")) {
        if name == MEASURES {
            continue;
        }
        assert_eq!(wrong_reasons(&source), [""; 0], "{name}: {REASONS:#?}");
    }
    let planted = "#[test]\n#[ignore]\nfn f() {}\n    #[ignore = \"it fails\"]\n#[ignore = \"slow: a sweep\"]\n";
    assert_eq!(wrong_reasons(planted), ["#[ignore]", "    #[ignore = \"it fails\"]"]);
}
