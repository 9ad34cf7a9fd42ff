//! How it looks: widths, colours, the progress line, help, the manual page, completions.

use std::io::Write;
use std::process::{Command, Output, Stdio};

use crate::needs::have;
use crate::program::{Place, stderr, stdout};

const WORK: &str = "task \"t\" count=2 { wait \"20ms\" }\n";
const COMPARE: &str = "compare work.kdl --warmup 0 --runs 2 --models threads,event-loop";

fn place() -> Place {
    Place::new().file("work.kdl", WORK)
}

/// Runs a line of shell on a terminal with so many columns; what the terminal was sent.
fn on_a_terminal(place: &Place, columns: u32, line: &str) -> String {
    let output = place.shell(&format!(
        "script --quiet --return --command 'stty rows 24 cols {columns}; {line}' /dev/null"
    ));
    String::from_utf8(output.stdout).unwrap()
}

fn escapes(output: &Output) -> bool {
    output.stdout.contains(&0x1b) || output.stderr.contains(&0x1b)
}

#[test]
fn what_is_not_a_terminal_gets_no_escape_codes() {
    let place = place();
    for line in [COMPARE, "run work.kdl --model threads", "", "--help", "compare nope.kdl"] {
        assert!(!escapes(&place.run(line)), "{line}");
        assert!(!escapes(&place.run(&format!("--color never {line}"))), "{line}");
    }
    for line in [COMPARE, "run work.kdl --model threads", "", "compare nope.kdl"] {
        let output = place.run(&format!("--color always {line}"));
        assert!(escapes(&output), "{line}: {output:?}");
        let quiet = place.shell(&format!("NO_COLOR=1 $M {line}"));
        assert!(!escapes(&quiet), "{line}: {quiet:?}");
    }
}

#[test]
fn a_terminal_gets_colours_unless_told_otherwise() {
    if !have("script") {
        return;
    }
    let place = place();
    let colored = |text: &str| text.contains("\x1b[1m") || text.contains("\x1b[31m");
    assert!(colored(&on_a_terminal(&place, 80, "$M")));
    assert!(colored(&on_a_terminal(&place, 80, &format!("$M {COMPARE}"))));
    assert!(!colored(&on_a_terminal(&place, 80, &format!("NO_COLOR=1 $M {COMPARE}"))));
    assert!(!colored(&on_a_terminal(&place, 80, &format!("$M --color never {COMPARE}"))));
    assert!(colored(&on_a_terminal(&place, 80, "NO_COLOR= $M")), "an empty NO_COLOR is none");
}

#[test]
fn the_progress_line_is_for_terminals() {
    if !have("script") {
        return;
    }
    // Long enough for a line of progress, which comes ten times a second where there is a processor for it.
    let long = "task \"t\" count=2 { wait \"3s\" }\n";
    let place = place().file("long.kdl", long);
    let erase = "\r\x1b[2K";
    let compare = "compare long.kdl --warmup 0 --runs 1 --no-trace --models threads";
    let shown = shows(&place, &format!("$M {compare}"), &[erase, "round 1 · native/"]);
    let (_, after) = shown.rsplit_once(erase).unwrap();
    assert!(after.starts_with("long.kdl") || after.starts_with("\x1b[1mlong.kdl"), "{after:?}");
    let quiet = on_a_terminal(&place, 80, &format!("$M {COMPARE} --quiet"));
    assert!(!quiet.contains(erase) && !quiet.contains("round 1 ·"), "{quiet:?}");
    let piped = place.run(COMPARE);
    assert_eq!(stderr(&piped), "");
    shows(&place, "$M run long.kdl --model threads", &[erase, "of 2 tasks"]);
}

/// What a terminal is sent that is to show these words meanwhile: on a busy machine not every time.
fn shows(place: &Place, line: &str, words: &[&str]) -> String {
    let mut shown = String::new();
    let is_shown = (0..10).any(|_| {
        shown = on_a_terminal(place, 80, line);
        words.iter().all(|word| shown.contains(word))
    });
    assert!(is_shown, "{words:?} are never shown: {shown:?}");
    shown
}

/// The line as the terminal shows it: without escape codes, and in columns.
fn columns(line: &str) -> usize {
    let mut count = 0;
    let mut in_code = false;
    for character in line.trim_end().chars() {
        match character {
            '\x1b' => in_code = true,
            letter if in_code => in_code = !letter.is_ascii_alphabetic(),
            _ => count += 1,
        }
    }
    count
}

#[test]
fn nothing_is_wider_than_the_terminal() {
    if !have("script") {
        return;
    }
    let place = place();
    assert!(place.run(&format!("{COMPARE} --save r.json")).status.success());
    for width in [40, 57, 80, 100, 133, 200] {
        for line in ["$M compare r.json", "$M run work.kdl --quiet --model threads:2"] {
            let shown = on_a_terminal(&place, width, line);
            // A word of a command is not broken, so that it can be copied.
            for line in shown.lines().filter(|line| !line.contains('\\')) {
                assert!(columns(line) <= width as usize, "{width}: {line:?} in\n{shown}");
            }
        }
        let run = stdout(&place.run(&format!("run work.kdl --model threads --width {width}")));
        let widest = run.lines().map(columns).max().unwrap();
        assert!(widest <= width as usize, "{width}: {widest}\n{run}");
    }
    // A terminal that says nothing of its width, or says nonsense.
    for width in [0, 1, 7] {
        assert!(on_a_terminal(&place, width, "$M compare r.json").contains("native/threads"));
    }
}

#[test]
fn a_terminal_is_as_wide_as_it_says() {
    let place = place();
    let widest = |line: &str| {
        let text = stdout(&place.shell(line));
        // The thread that ends last is drawn to the right edge, whichever it is.
        text.lines().map(columns).max().unwrap()
    };
    let line = "$M run work.kdl --model threads --quiet";
    let [narrow, wide] = [60, 140].map(|width| widest(&format!("COLUMNS={width} {line}")));
    assert!(narrow <= 60 && wide > 100 && wide <= 140, "{narrow} {wide}");
    assert!(widest(&format!("COLUMNS=140 {line} --width 60")) <= 60, "what is asked for wins");
    assert!(widest(&format!("COLUMNS=wide {line}")) <= 100, "nonsense says nothing");
}

#[test]
fn ascii_is_ascii() {
    let place = place();
    for line in
        ["run work.kdl --model threads --ascii --width 80", "compare work.kdl --runs 1 --ascii"]
    {
        let text = stdout(&place.run(line));
        assert!(text.is_ascii(), "{text}");
    }
    // The locale says it by itself, unless it is one with more letters.
    let line = "$M run work.kdl --model threads --quiet";
    let text = stdout(&place.shell(&format!("LC_ALL=C {line}; LC_ALL= LANG=POSIX {line}")));
    assert!(text.is_ascii() && text.contains("|0"), "{text}");
    let text = stdout(&place.shell(&format!("LC_ALL= LC_CTYPE=C.UTF-8 LANG=C {line}")));
    assert!(text.contains("╷0"), "{text}");
}

#[test]
fn a_dumb_terminal_gets_no_escape_codes() {
    if !have("script") {
        return;
    }
    let line = format!("TERM=dumb $M {COMPARE}");
    let shown = on_a_terminal(&place(), 80, &line);
    assert!(shown.contains("native/threads") && !shown.contains('\x1b'), "{shown:?}");
    let coloured = on_a_terminal(&place(), 80, &line.replace("dumb", "xterm"));
    assert!(coloured.contains('\x1b'), "{coloured:?}");
}

#[test]
fn what_is_read_in_five_seconds_comes_first_and_the_rest_on_demand() {
    let place = place();
    let brief = stdout(&place.briefly(COMPARE));
    let whole = stdout(&place.run(COMPARE));
    for part in ["vs best", " rounds in ", "Next: maitred "] {
        assert!(brief.contains(part) && whole.contains(part), "no {part:?} in {brief}");
    }
    for part in ["At what cost", "Context switches", "seed 1"] {
        assert!(!brief.contains(part) && whole.contains(part), "{part:?} in {brief}");
    }
    assert!(brief.contains("more: --details") && !whole.contains("more: --details"));
    let run = "run work.kdl --model threads --width 80";
    let (brief, whole) = (stdout(&place.briefly(run)), stdout(&place.run(run)));
    for part in ["did 2 tasks in ", "Next: maitred compare work.kdl"] {
        assert!(brief.contains(part) && whole.contains(part), "no {part:?} in {brief}");
    }
    assert!(!brief.contains("tear-down") && whole.contains("tear-down"), "{brief}");
}

#[test]
fn the_next_command_can_be_typed() {
    let place = place().file("work.py", "def f():\n    return 1\n");
    for line in [
        "compare waiters --speed 100x --runs 1 --warmup 0 --set tables=2",
        "run cpu-bound --set tasks=2 --model threads",
        "compare --count 2 --runs 1 --models processes -- sh -c true",
        "compare work.py:f --count 3 --runs 1 --models threads",
    ] {
        let output = place.briefly(line);
        let text = stdout(&output);
        let (_, next) = text.split_once("Next: ").unwrap_or_else(|| panic!("{line}: {output:?}"));
        let next = next.replace("\\\n", " ");
        let next = next.split("  more: ").next().unwrap().lines().next().unwrap().trim();
        let shorter = next.replacen("maitred", "$M", 1).replace(" -- ", " --quiet -- ");
        // Whoever could not be told apart is to be given three minutes, which nobody here has.
        let shorter = match shorter.contains("--budget") {
            true => shorter.replace("--budget 180s", "--budget 2s"),
            false => shorter.replacen(" compare ", " compare --budget 2s --no-trace ", 1),
        };
        let typed = place.shell(&format!("timeout 300 {shorter}"));
        assert!(typed.status.success(), "{line}: {next}: {typed:?}");
    }
}

#[test]
fn shipped_workloads_have_names() {
    let place = place();
    let compare = "--models threads --runs 1 --warmup 0 --quiet --speed 100x";
    let text = stdout(&place.briefly(&format!("compare waiters {compare}")));
    assert!(text.starts_with("Waiters and tables\nFive tables"), "{text}");
    let wrong = stderr(&place.run("compare waiter"));
    assert!(wrong.contains("did you mean `waiters`?"), "{wrong}");
    let program = stderr(&place.run("compare ls"));
    assert!(program.contains("maitred compare -- ls"), "{program}");
    let own = Place::new().file("waiters", "task \"mine\" { wait \"1ms\" }");
    let text = stdout(&own.briefly(&format!("compare waiters {compare}")));
    assert!(text.starts_with("waiters\n"), "a file is nearer: {text}");
}

#[test]
fn strategies_have_the_names_that_libraries_use() {
    let place = place();
    let line = "compare work.kdl --runs 1 --warmup 0 --quiet --models asyncio,goroutines,tokio:2,multiprocessing,concurrent.futures";
    let text = stdout(&place.run(line));
    for model in ["event-loop", "threads", "async-pool:2", "processes", "thread-pool"] {
        assert!(text.contains(&format!("native/{model}")), "{model}: {text}");
    }
}

#[test]
fn help_names_every_command_and_the_exit_codes() {
    let place = Place::new();
    let help = stdout(&place.run("--help"));
    for word in ["compare", "run", "doctor", "completions", "man", "130", "Exit codes", "glossary"]
    {
        assert!(help.contains(word), "{word}: {help}");
    }
    assert!(!help.contains("runner"), "what is only for ourselves is hidden: {help}");
    for command in ["compare", "run", "doctor", "completions", "man"] {
        let output = place.run(&format!("{command} --help"));
        assert!(output.status.success() && output.stdout.len() > 100, "{command}");
        let widest = stdout(&output).lines().map(columns).max().unwrap();
        assert!(widest <= 100, "{command}: {widest}");
    }
    let version = stdout(&place.run("--version"));
    assert_eq!(version, format!("maitred {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn bare_maitred_says_what_to_try() {
    let output = Place::new().run("");
    assert!(output.status.success());
    assert!(stdout(&output).contains("maitred compare waiters"));
}

#[test]
fn the_manual_page_is_one() {
    let page = stdout(&Place::new().run("man"));
    assert!(page.starts_with(".ie") || page.contains(".TH maitred"), "{page}");
    for word in ["compare", "doctor", "budget", "Exit codes", "maitred compare waiters"] {
        assert!(page.to_lowercase().contains(&word.to_lowercase()), "{word}");
    }
    if !have("man") {
        return;
    }
    let place = Place::new().file("maitred.1", &page);
    let output = place.shell("MANWIDTH=80 man --warnings -l ./maitred.1 2>errors | cat");
    let text = stdout(&output);
    assert!(text.contains("NAME") && text.contains("maitred"), "{text}");
    assert_eq!(place.read("errors"), "", "roff without warnings");
}

#[test]
fn completions_are_code_of_their_shell() {
    let place = Place::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let output = place.run(&format!("completions {shell}"));
        assert!(output.status.success(), "{shell}");
        assert!(stdout(&output).contains("export-markdown"), "{shell}");
        if ["bash", "zsh", "fish"].contains(&shell) && have(shell) {
            parses(shell, &output.stdout);
        }
    }
    assert_eq!(place.run("completions tcsh").status.code(), Some(2));
    // It completes, not only parses.
    let line = "source <($M completions bash); COMP_WORDS=(maitred comp); COMP_CWORD=1; \
                _maitred maitred comp maitred; echo ${COMPREPLY[*]}";
    let completed = stdout(&place.shell(line));
    assert!(completed.contains("compare") && completed.contains("completions"), "{completed}");
    // A shipped workload, and a file of one's own.
    let place = place.file("waiters-of-mine.kdl", "");
    let line = "source <($M completions bash); COMP_WORDS=(maitred compare wait); COMP_CWORD=2; \
                _maitred_subjects maitred wait compare; echo ${COMPREPLY[*]}";
    let completed = stdout(&place.shell(line));
    assert_eq!(completed.trim(), "waiters waiters-of-mine.kdl");
    for shell in ["zsh", "fish"] {
        let code = stdout(&place.run(&format!("completions {shell}")));
        assert!(code.contains("hot-lock mixed"), "{shell}");
    }
}

fn parses(shell: &str, code: &[u8]) {
    let mut child =
        Command::new(shell).arg("-n").stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(code).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{shell}: {output:?}");
}
