//! Notebooks are read as they were written, stay inert, and keep every byte that was not edited.

use expect_test::expect;
use proptest::prelude::*;

use super::{Finding, Kind, Notebook, Part, View, parse};

fn read(text: &str) -> Notebook {
    parse("file.md", text, &|_| None)
}

/// One line a part.
fn shown(notebook: &Notebook) -> String {
    let mut text = format!("{}\n", notebook.title);
    for section in &notebook.sections {
        text.push_str(&format!("# {} ({})\n", section.heading, section.id));
        for part in &section.parts {
            match part {
                Part::Prose(html) => text.push_str(&format!("prose {html:?}\n")),
                Part::Note(html) => text.push_str(&format!("note {html:?}\n")),
                Part::Cell(cell) => text.push_str(&format!(
                    "{} {} at line {}: {:?}\n",
                    cell.kind.name(),
                    cell.id,
                    cell.line,
                    cell.source
                )),
            }
        }
    }
    text
}

const STORY: &str = "\
# Tables

Five *tables*.

## One waiter

Prose first.

> Ask the room.

```workload speed=10x models=native/threads,native/sequential
task \"table\" count=5 { wait \"4s\" }
```

```rust
fn text() {}
```

## One waiter

~~~claim finding=refuted budget=5s
02-amdahl
~~~
";

#[test]
fn sections_prose_notes_and_cells_are_found() {
    let notebook = read(STORY);
    expect![[r##"
        Tables
        # Tables (tables)
        prose "<p>Five <em>tables</em>.</p>\n"
        # One waiter (one-waiter)
        prose "<p>Prose first.</p>\n"
        note "<p>Ask the room.</p>\n"
        workload one-waiter-workload at line 11: "task \"table\" count=5 { wait \"4s\" }\n"
        prose "<pre><code class=\"language-rust\">fn text() {}\n</code></pre>\n"
        # One waiter (one-waiter-2)
        claim one-waiter-2-claim at line 21: "02-amdahl\n"
    "##]]
    .assert_eq(&shown(&notebook));
    let cell = notebook.cell("one-waiter-workload").unwrap();
    assert_eq!(cell.directives.models, ["native/threads", "native/sequential"]);
    assert_eq!((cell.directives.speed, cell.directives.view), (Some(10.0), View::Replay));
    let claim = notebook.cell("one-waiter-2-claim").unwrap();
    assert_eq!(claim.kind, Kind::Claim);
    assert_eq!(claim.directives.finding, Some(Finding::Refuted));
    assert_eq!(claim.directives.budget_ns, Some(5_000_000_000));
    assert!(notebook.mistakes.is_empty());
}

#[test]
fn a_directive_that_means_nothing_is_said_with_its_line() {
    let text = "\n```workload sped=10x view=film\n```\n```claim id=a\n```\n```claim id=a\n```\n";
    let said: Vec<String> =
        read(text).mistakes.iter().map(|one| format!("{}: {}", one.line, one.message)).collect();
    assert!(said[0].starts_with("2: `sped=10x` means nothing; a directive is one of id=,"));
    assert!(said[1].starts_with("2: `view=film` means nothing"));
    assert_eq!(said[2], "6: another cell is called `a`; this one is `a-2` here");
    assert_eq!(said.len(), 3);
}

#[test]
fn nothing_in_prose_runs_or_leads_elsewhere_unasked() {
    let text = "<script>steal()</script> and <b onclick=x>raw</b>\n\n<iframe src=x></iframe>\n\n\
         [good](https://example.org/?a=\"b\") [bad](javascript:alert(1)) [worse](//evil) \
         ![there](there.png) ![not](http://evil/x.png)\n";
    let picture = |name: &str| (name == "there.png").then(|| (b"png".to_vec(), "image/png"));
    let notebook = parse("x", text, &picture);
    expect![[r#"
        x
        # x (x)
        prose "&lt;script&gt;steal()&lt;/script&gt; and &lt;b onclick=x&gt;raw&lt;/b&gt;\n&lt;iframe src=x&gt;&lt;/iframe&gt;\n<p><a rel=\"noreferrer noopener\" href=\"https://example.org/?a=&quot;b&quot;\">good</a> bad worse <img src=\"data:image/png;base64,cG5n\" alt=\"there\" /> <img src=\"data:,\" alt=\"not\" /></p>\n"
    "#]]
    .assert_eq(&shown(&notebook));
}

#[test]
fn a_cell_knows_the_servers_above_it_in_its_section() {
    let text = "## A\n```server\nserver \"api\"\n```\n```workload\ntask \"a\"\n```\n## B\n```workload\ntask \"b\"\n```\n";
    let notebook = read(text);
    assert_eq!(notebook.servers_above("a-workload"), "server \"api\"\n");
    assert_eq!(notebook.servers_above("b-workload"), "");
}

#[test]
fn an_edited_cell_changes_its_own_lines_alone() {
    let notebook = read(STORY);
    let edited = notebook.with_source("one-waiter-workload", "task \"x\"").unwrap();
    let [before, after] = ["task \"table\" count=5 { wait \"4s\" }", "task \"x\""];
    assert_eq!(edited, STORY.replace(before, after));
    assert_eq!(notebook.with_source("nobody", ""), None);
}

#[test]
fn a_fence_grows_where_the_source_has_one() {
    let notebook = read("```workload id=a\nx\n```\n\nafter\n");
    let source = "before\n```\n````\n";
    let edited = notebook.with_source("a", source).unwrap();
    assert_eq!(edited, "`````workload id=a\nbefore\n```\n````\n`````\n\nafter\n");
    assert_eq!(read(&edited).cell("a").unwrap().source, source);
}

#[test]
fn what_is_edited_in_an_indented_block_keeps_its_own_indentation() {
    let notebook = read("  ```workload id=a\n  x\n  ```\n");
    let edited = notebook.with_source("a", "y\n    z\n").unwrap();
    assert_eq!(edited, "  ```workload id=a\n  y\n      z\n  ```\n");
    assert_eq!(read(&edited).cell("a").unwrap().source, "y\n    z\n");
}

#[test]
fn a_block_without_an_end_gets_one() {
    let notebook = read("```workload id=a\nx");
    assert_eq!(notebook.cell("a").unwrap().source, "x");
    let edited = notebook.with_source("a", "y\n").unwrap();
    assert_eq!(edited, "```workload id=a\ny\n```\n");
}

/// Markdown in which what could be taken for a fence is frequent.
fn markdown() -> impl Strategy<Value = String> {
    let line = prop_oneof![
        Just("```workload".to_owned()),
        Just("```claim id=a speed=2x".to_owned()),
        Just("   ```python call=f".to_owned()),
        Just("~~~~server".to_owned()),
        Just("```".to_owned()),
        Just("~~~~".to_owned()),
        Just("````".to_owned()),
        Just("- item".to_owned()),
        Just("  ```workload".to_owned()),
        Just("> quoted".to_owned()),
        Just("## Heading".to_owned()),
        Just(String::new()),
        Just("\ttab\u{e9}\r".to_owned()),
        "[ -~]{0,20}",
    ];
    proptest::collection::vec(line, 0..24).prop_map(|lines| lines.join("\n"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn every_byte_outside_of_the_edited_cell_stays(
        text in markdown(),
        source in "([ -~]{0,12}\n|`{3,5}\n|~~~~\n){0,5}",
    ) {
        let notebook = read(&text);
        for cell in notebook.cells() {
            let edited = notebook.with_source(&cell.id, &source).unwrap();
            prop_assert!(edited.starts_with(&text[..cell.whole.start]));
            prop_assert!(edited.ends_with(&text[cell.whole.end..]));
            let again = read(&edited);
            let found = again.cells().find(|one| one.whole.start == cell.whole.start).unwrap();
            prop_assert_eq!(&found.source, &source, "{:?}", edited);
            prop_assert_eq!(&found.directives, &cell.directives);
        }
    }

    #[test]
    fn the_same_source_changes_nothing(text in markdown()) {
        let notebook = read(&text);
        for cell in notebook.cells() {
            let closed = text[cell.body.end..cell.whole.end].contains(['`', '~']);
            if closed && !cell.source.contains("```") && !cell.source.contains("~~~") {
                prop_assert_eq!(notebook.with_source(&cell.id, &cell.source).unwrap(), &text[..]);
            }
        }
    }
}
