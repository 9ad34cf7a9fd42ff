//! What README.md and the pages of `docs/` tell people to type works as it is written, and prints
//! what they show. A page is run by one shell, block by block, in a folder that has the workloads
//! and examples; `maitred` and `cargo` are stand-ins there, which run the program with less patience
//! (one round, a hundred times faster) and keep what it prints.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU16, Ordering};

use crate::program::Place;
use crate::pythons;

/// Commands that are not run here, since something else does: where.
const ELSEWHERE: [(&str, &str); 2] = [
    ("cargo test --workspace", ".ci/run"),
    ("python3 examples/talk/all.py", "runtimes/python/tests/test_examples.py"),
];

/// Runs the program as it is written, but less patiently, and keeps what it prints in a file whose
/// first line is the command. An address gets the port that is free here.
const MAITRED: &str = r#"#!/bin/bash
shopt -s extglob
echo "maitred $*" > "$KEPT/$$"
words=() before=
for word in "$@"; do
    case $before in
        --speed) word=100x ;;
        --port) word=$PORT ;;
    esac
    words+=("${word/127.0.0.1:+([0-9])/127.0.0.1:$PORT}")
    before=$word
done
lacks() { [[ " ${words[*]} " != *" $1 "* ]]; }
case ${words[0]} in
    compare) if [[ ${words[1]} != *.json ]]; then
            more=(--quiet)
            lacks --runs && more+=(--runs 1)
            lacks --warmup && more+=(--warmup 0)
            words=(compare "${more[@]}" "${words[@]:1}")
        fi ;;
    scale) lacks --runs && words=(scale --quiet --runs 3 "${words[@]:1}") ;;
    check | strategies) lacks --budget && lacks --list && lacks --unpack && words+=(--budget 1s) ;;
    serve) exec "$M" "${words[@]}" ;;
esac
"$M" "${words[@]}" | tee -a "$KEPT/$$"
exit "${PIPESTATUS[0]}"
"#;

const CARGO: &str = r#"#!/bin/bash
[ "$1 $2 $3" = "run --release --" ] || { echo "not run by the tests: cargo $*" >&2; exit 1; }
exec maitred "${@:4}"
"#;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A piece of a page that can be tested.
#[derive(Debug, PartialEq, Eq)]
enum Block {
    /// Lines for a shell, and what stands below those that begin with `$`.
    Typed(String, String),
    Workload(String),
    /// What these commands print.
    Printed(Vec<String>, String),
}

/// The blocks of a page, in order.
fn blocks(page: &str) -> Vec<Block> {
    let (mut found, mut made_by) = (Vec::new(), String::new());
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        if let Some(rest) = line.strip_prefix("<!-- made by: ") {
            made_by = rest.to_owned();
            while !made_by.ends_with("-->") {
                made_by += &format!(" {}", lines.next().expect("a comment has an end").trim());
            }
        } else if let Some(info) = line.strip_prefix("```") {
            let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            found.extend(block_of(info, &block, &std::mem::take(&mut made_by)));
        } else if !line.is_empty() {
            made_by.clear();
        }
    }
    found
}

fn block_of(info: &str, lines: &[&str], made_by: &str) -> Option<Block> {
    let text = |lines: &[&str]| lines.iter().map(|line| format!("{line}\n")).collect();
    match info {
        "sh" => Some(Block::Typed(text(lines), String::new())),
        "console" => {
            let (typed, shown): (Vec<&str>, Vec<&str>) =
                lines.iter().partition(|line| line.starts_with("$ "));
            let typed: Vec<&str> = typed.iter().map(|line| &line[2..]).collect();
            Some(Block::Typed(text(&typed), text(&shown)))
        }
        "kdl" => Some(Block::Workload(text(lines))),
        _ if made_by.is_empty() => None,
        _ => {
            // In parentheses stands what was left out of it.
            let commands = made_by.trim_end_matches("-->").split(" (").next().unwrap_or_default();
            let commands = commands.replace(", then ", ";");
            let commands = commands.split(';').map(|command| command.trim().to_owned()).collect();
            Some(Block::Printed(commands, text(lines)))
        }
    }
}

/// The commands as one script, and every text with the commands that print it.
fn script(page: &str, place: &Place) -> (String, Vec<(Vec<String>, String)>) {
    let (mut script, mut shown) = (String::new(), Vec::new());
    for (number, block) in blocks(page).into_iter().enumerate() {
        match block {
            Block::Typed(typed, printed) => {
                let lines: Vec<&str> = typed.lines().filter(|line| !is_elsewhere(line)).collect();
                lines.iter().for_each(|line| script += &command(line));
                if !printed.is_empty() {
                    shown.push((lines.iter().map(|line| as_kept(line)).collect(), printed));
                }
            }
            Block::Workload(source) => {
                let name = format!("block-{number}.kdl");
                fs::write(place.path(&name), source).unwrap();
                script += &format!("maitred compare {name}\n");
            }
            Block::Printed(commands, text) => {
                let ours: Vec<String> =
                    commands.into_iter().filter(|one| !is_elsewhere(one)).collect();
                for line in &ours {
                    let known = script.lines().any(|known| is_same(&as_kept(known), line));
                    if !known {
                        script += &command(line);
                    }
                }
                if !ours.is_empty() {
                    shown.push((ours, text));
                }
            }
        }
    }
    (script, shown)
}

fn is_elsewhere(line: &str) -> bool {
    let known = ELSEWHERE.iter().find(|(command, _)| line.trim().ends_with(command));
    if let Some((command, file)) = known {
        let text = fs::read_to_string(root().join(file)).unwrap();
        let name = command.rsplit(['/', ' ']).next().unwrap();
        assert!(text.contains(name), "{file} does not run {command}");
    }
    known.is_some()
}

/// A line of the script. A server is left running, and everything waits until it listens, or has ended.
fn command(line: &str) -> String {
    if line.starts_with("maitred serve") && !line.contains('&') {
        let listens =
            "until (exec 3<>/dev/tcp/127.0.0.1/$PORT) 2>/dev/null; do kill -0 $!; sleep 0.05; done";
        return format!("{line} &\n{listens}\n");
    }
    format!("{line}\n")
}

fn as_kept(line: &str) -> String {
    line.replace("cargo run --release --", "maitred").replace('"', "")
}

/// Whether a command is the one that a page means, which may leave out what follows.
fn is_same(command: &str, meant: &str) -> bool {
    let meant = meant.replace('"', "");
    match meant.split_once('…') {
        Some((start, _)) => {
            let words: Vec<&str> = start.split_whitespace().take(3).collect();
            command.starts_with(&words.join(" "))
        }
        None => command == meant || command.starts_with(&format!("{meant} ")),
    }
}

/// Runs a page; fails where a command fails or prints another form than the page shows.
fn check(page: &Path) {
    let text = fs::read_to_string(page).unwrap();
    let place = Place::new()
        .file("fetch.py", "def fetch(url):\n    return len(url)\n")
        .file("urls.txt", "http://127.0.0.1/one\nhttp://127.0.0.1/two\n");
    for folder in ["workloads", "examples", "crates", "docs"] {
        std::os::unix::fs::symlink(root().join(folder), place.path(folder)).unwrap();
    }
    for folder in ["bin", "kept"] {
        fs::create_dir(place.path(folder)).unwrap();
    }
    for (name, program) in [("maitred", MAITRED), ("cargo", CARGO)] {
        let file = place.path("bin").join(name);
        fs::write(&file, program).unwrap();
        fs::set_permissions(file, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let (script, shown) = script(&text, &place);
    let port = quiet_port();
    // Whatever it leaves running ends with it.
    let script =
        format!("set -eu -o pipefail\ntrap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n{script}");
    let output = place
        .shell_command(&script)
        .env("PATH", format!("{}:{}", place.path("bin").display(), pythons::path()))
        .env("KEPT", place.path("kept"))
        .env_remove("MAITRED_NO_KEEP")
        .env("MAITRED_STORE", place.path("store"))
        .env("PORT", port.to_string())
        .stdout(Stdio::null())
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    let kept: Vec<String> = fs::read_dir(place.path("kept"))
        .unwrap()
        .map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap())
        .collect();
    let last = kept.iter().filter_map(|text| text.lines().next()).collect::<Vec<_>>();
    assert!(output.status.success(), "{}: {errors}\nof {last:#?}", page.display());
    for (commands, expected) in shown {
        let printed: Vec<&str> = commands
            .iter()
            .flat_map(|one| {
                kept.iter().filter(move |text| is_same(text.lines().next().unwrap(), one))
            })
            .filter_map(|text| Some(text.split_once('\n')?.1))
            .collect();
        let wrong = lines_of_another_form(&expected, &printed.concat(), is_judgement(&commands));
        assert_eq!(wrong, [""; 0], "{}: {commands:?} prints\n{}", page.display(), printed.concat());
    }
}

/// A port that nobody has, and nobody gets by chance until a page serves on it: the kernel gives out
/// those from 32768 on (ip_local_port_range of ip(7)).
fn quiet_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let own = u16::try_from(std::process::id() % 1000).unwrap() * 20;
    let ports = std::iter::repeat_with(|| 10_000 + own + NEXT.fetch_add(1, Ordering::Relaxed) % 20);
    let is_free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    ports.take(20).find(is_free).expect("one of twenty ports is free")
}

/// Whether what these commands say depends on what was measured in more than its figures.
fn is_judgement(commands: &[String]) -> bool {
    ["maitred check", "maitred strat", "maitred compare"]
        .iter()
        .any(|judge| commands.iter().any(|one| one.starts_with(judge)))
}

/// The lines of a page that a program did not print in that form. A line without a figure stands
/// there word for word, wherever it is broken. Of one with figures its first word begins a line.
/// What is concluded, and what a judgement says, depends on the figures: there too.
fn lines_of_another_form<'a>(shown: &'a str, printed: &str, judged: bool) -> Vec<&'a str> {
    let all = words(printed);
    let begins: Vec<&str> =
        printed.lines().filter_map(|line| line.split_whitespace().next()).collect();
    let has_form = |line: &&str, concluded: bool| {
        let own = words(line);
        let first = line.split_whitespace().next().unwrap_or_default();
        let is_drawn = !own.chars().any(char::is_alphabetic);
        let has_figure = own.contains(|sign: char| sign.is_ascii_digit()) || own.contains('–');
        let goes_on = line.starts_with(' ');
        let is_loose = has_figure || judged || concluded;
        is_drawn || all.contains(&own) || (is_loose && (goes_on || begins.contains(&first)))
    };
    let mut concluded = false;
    let mut wrong = Vec::new();
    for line in shown.lines() {
        concluded = (concluded || line == "Conclusion") && !line.is_empty();
        if !line.is_empty() && !has_form(&line, concluded) {
            wrong.push(line);
        }
    }
    wrong
}

/// The words with one space between them, without what is drawn.
fn words(text: &str) -> String {
    let is_word = |word: &&str| word.chars().any(|sign| sign.is_ascii() || sign == '–');
    text.split_whitespace().filter(is_word).collect::<Vec<_>>().join(" ")
}

/// A test for each page, so that several are run at once.
macro_rules! pages {
    ($($(#[$slow:meta])? $test:ident: $file:literal,)*) => {
        const PAGES: &[&str] = &[$($file),*];
        $(
            #[test]
            $(#[$slow])?
            fn $test() {
                check(&root().join($file));
            }
        )*
    };
}

pages! {
    #[ignore = "slow: a page with all its commands"]
    the_readme_works_as_it_is_written: "README.md",
    the_page_of_claims_works_as_it_is_written: "docs/claims.md",
    #[ignore = "slow: a page with all its commands"]
    the_page_of_functions_works_as_it_is_written: "docs/functions.md",
    the_glossary_works_as_it_is_written: "docs/glossary.md",
    #[ignore = "slow: a page with all its commands"]
    the_page_of_tasks_works_as_it_is_written: "docs/how-to.md",
    the_page_of_httpbin_works_as_it_is_written: "docs/httpbin.md",
    the_page_of_kept_results_works_as_it_is_written: "docs/kept.md",
    the_page_of_the_lab_works_as_it_is_written: "docs/lab.md",
    the_page_of_python_works_as_it_is_written: "docs/python.md",
    the_reference_works_as_it_is_written: "docs/reference.md",
    the_page_of_runtimes_works_as_it_is_written: "docs/runtimes.md",
    the_page_of_rust_works_as_it_is_written: "docs/rust.md",
    the_page_of_scale_works_as_it_is_written: "docs/scale.md",
    the_page_of_sentences_works_as_it_is_written: "docs/sentences.md",
    #[ignore = "slow: a page with all its commands"]
    the_start_works_as_it_is_written: "docs/start.md",
    #[ignore = "slow: a page with all its commands"]
    the_talk_works_as_it_is_written: "docs/talk.md",
}

#[test]
fn every_page_has_its_test() {
    let mut pages = vec!["README.md".to_owned()];
    for entry in fs::read_dir(root().join("docs")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        pages.extend(name.ends_with(".md").then(|| format!("docs/{name}")));
    }
    pages.sort();
    assert_eq!(pages, PAGES, "add the page to `pages!`");
}

#[test]
fn blocks_are_found_and_another_form_is_seen() {
    let page = "<!-- made by: maitred run w.kdl; maitred show\n     t (parts of it) -->\n```text\na\n```\n\
                ```console\n$ maitred doctor\nmachine\n```\n```rust\nfn f() {}\n```\n";
    let commands = ["maitred run w.kdl", "maitred show t"].map(str::to_owned).to_vec();
    let printed = Block::Printed(commands, "a\n".to_owned());
    let typed = Block::Typed("maitred doctor\n".to_owned(), "machine\n".to_owned());
    assert_eq!(blocks(page), [printed, typed]);
    let output = "model  work  verdict\nnative/threads  2 ms\nCPU: of all\nthreads together\n";
    let wrong = |shown| lines_of_another_form(shown, output, false);
    assert_eq!(
        wrong("model   work   verdict\nnative/threads  9 ms ▇▇\nCPU: of all threads\ntogether\n"),
        [""; 0]
    );
    assert_eq!(wrong("model  time  verdict\n"), ["model  time  verdict"]);
    assert_eq!(wrong("native/processes  2 ms\n"), ["native/processes  2 ms"]);
    assert_eq!(wrong("CPU: of one thread\n"), ["CPU: of one thread"]);
    let judged =
        |shown| lines_of_another_form(shown, "inconclusive: it holds\n", shown != "x: 1\n");
    assert_eq!((judged("inconclusive: what\n").len(), judged("x: 1\n").len()), (0, 1));
}
