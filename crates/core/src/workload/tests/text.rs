//! Mistakes in the text itself, and where the underline stands.

use alloc::format;
use alloc::string::ToString;

use expect_test::expect;

use super::super::{Diagnostic, Report, SHOWN, limits, parse};
use super::diagnostics::check;

#[test]
fn syntax() {
    check(
        r#"
task "a" count=5 {
    wait "4s
    wait 4s
    wait "4\s\q"
    wait = "4s"
    wait "a"b
    wait true #nope [1]
    { wait "1s" }
}
}
task "b" { /* wait
"#,
        expect![[r#"
            w.kdl:3:10: this text has no end
              3 |     wait "4s
                |          ^^^
                = close it with "

            w.kdl:4:10: `4s` is not a number
              4 |     wait 4s
                |          ^^
                = put it into quotes: "4s"

            w.kdl:5:14: `\q` is not an escape
              5 |     wait "4\s\q"
                |              ^^
                = escapes are \n \r \t \\ \" \b \f \s and \u{1F600}; a plain \ is \\

            w.kdl:6:10: expected a value, found `=`
              6 |     wait = "4s"
                |          ^

            w.kdl:7:13: expected a blank, found `b`
              7 |     wait "a"b
                |             ^

            w.kdl:8:10: write #true for the value, or "true" for the text
              8 |     wait true #nope [1]
                |          ^^^^

            w.kdl:9:5: this block belongs to no node
              9 |     { wait "1s" }
                |     ^
                = a block begins on the line of its name: task "a" {

            w.kdl:11:1: this brace closes nothing
              11 | }
                 | ^
                 = take it away, or look for a missing { above

            w.kdl:12:12: this comment has no end
              12 | task "b" { /* wait
                 |            ^^
                 = end it with */

            9 mistakes in w.kdl
        "#]],
    );
    check(
        "task \"a\" {\n    hold \"b\" {\n        wait \"1s\"\n}\n",
        expect![[r#"
        w.kdl:1:10: this block has no end
          1 | task "a" {
            |          ^
            = close it with }

        1 mistake in w.kdl
    "#]],
    );
    check(
        "about \"\"\"\n    one\n  two\n    \"\"\"\n",
        expect![[r#"
        w.kdl:1:7: every line of this text must be indented as its closing quotes are
          1 | about """
            |       ^^^

        1 mistake in w.kdl
    "#]],
    );
}

#[test]
fn no_workload_at_all() {
    check(
        "",
        expect![[r#"
        w.kdl: the workload has no tasks
           = as in: task "table" count=5 { wait "4s" }

        1 mistake in w.kdl
    "#]],
    );
    check(
        "// nothing\n",
        expect![[r#"
        w.kdl: the workload has no tasks
           = as in: task "table" count=5 { wait "4s" }

        1 mistake in w.kdl
    "#]],
    );
    check(
        "\u{0}\u{1}ELF\u{0}",
        expect![[r#"
        w.kdl:1:1: this is not a workload: it contains the character U+0000
          1 | ··ELF·
            | ^
            = a workload is plain text in KDL

        1 mistake in w.kdl
    "#]],
    );
    check(
        "{\"tasks\": [1, 2]}",
        expect![[r#"
        w.kdl:1:1: this block belongs to no node
          1 | {"tasks": [1, 2]}
            | ^
            = a block begins on the line of its name: task "a" {

        w.kdl:1:9: expected a blank, found `:`
          1 | {"tasks": [1, 2]}
            |         ^

        2 mistakes in w.kdl
    "#]],
    );
    check(
        "def main():\n    print('x')\n",
        expect![[r#"
        w.kdl:1:9: expected a blank, found `(`
          1 | def main():
            |         ^

        w.kdl:2:10: expected a blank, found `(`
          2 |     print('x')
            |          ^

        2 mistakes in w.kdl
    "#]],
    );
    let long = "a".repeat(limits::SOURCE_MAX + 1);
    check(
        &long,
        expect![[r#"
        w.kdl: this file has 1048577 bytes, and a workload at most 1048576

        1 mistake in w.kdl
    "#]],
    );
    let deep = "a { ".repeat(100_000);
    check(
        &deep,
        expect![[r#"
        w.kdl:1:131: blocks are nested more than 32 deep
          1 | … { a { a { a { a { a { a { a { a { a { a { a { a { a { a { a { a { a { a { a { a { a { a { a { a  …
            |                                                   ^

        1 mistake in w.kdl
    "#]],
    );
}

#[test]
fn the_underline_stays_in_its_line() {
    let source = "\ttask \"größe 表\" cuont=1\ntask \"a\n";
    let one = |start, end| {
        let mistakes = [Diagnostic::mistake(start..end, "here").label("label")];
        Report::new("w", source, &mistakes).to_string()
    };
    let at = source.find("cuont").unwrap();
    expect![[r#"
        w:1:17: here
          1 |     task "größe 表" cuont=1
            |                     ^^^^^ label

        1 mistake in w
    "#]]
    .assert_eq(&one(at, at + 5));
    expect![[r#"
        w:1:17: here
          1 |     task "größe 表" cuont=1
            |                     ^^^^^^^ label

        1 mistake in w
    "#]]
    .assert_eq(&one(at, source.len()));
    expect![[r#"
        w:3:1: here
          3 | 
            | ^ label

        1 mistake in w
    "#]]
    .assert_eq(&one(usize::MAX, usize::MAX));
    let (wide, cut) = (source.find('表').unwrap(), source.find('ö').unwrap() + 1);
    expect![[r#"
        w:1:14: here
          1 |     task "größe 表" cuont=1
            |                 ^^ label

        1 mistake in w
    "#]]
    .assert_eq(&one(wide, wide + 3));
    expect![[r#"
        w:1:10: here
          1 |     task "größe 表" cuont=1
            |             ^ label

        1 mistake in w
    "#]]
    .assert_eq(&one(cut, cut + 1));
}

#[test]
fn a_long_line_is_cut_around_the_mistake() {
    let source = format!("{}task \"a\" {{ wiat \"1s\" }}{}", " ".repeat(300), "; yield".repeat(30));
    check(
        &source,
        expect![[r#"
        w.kdl:1:312: unknown step `wiat`
          1 | …                                      task "a" { wiat "1s" }; yield; yield; yield; yield; yield;  …
            |                                                   ^^^^
            = did you mean `wait`?

        w.kdl:1:325: `yield` stands inside a `task`
          1 | …                         task "a" { wiat "1s" }; yield; yield; yield; yield; yield; yield; yield; …
            |                                                   ^^^^^

        w.kdl:1:332: `yield` stands inside a `task`
          1 | …                  task "a" { wiat "1s" }; yield; yield; yield; yield; yield; yield; yield; yield; …
            |                                                   ^^^^^

        w.kdl:1:339: `yield` stands inside a `task`
          1 | …           task "a" { wiat "1s" }; yield; yield; yield; yield; yield; yield; yield; yield; yield; …
            |                                                   ^^^^^

        w.kdl:1:346: `yield` stands inside a `task`
          1 | …    task "a" { wiat "1s" }; yield; yield; yield; yield; yield; yield; yield; yield; yield; yield; …
            |                                                   ^^^^^

        w.kdl:1:353: `yield` stands inside a `task`
          1 | …  "a" { wiat "1s" }; yield; yield; yield; yield; yield; yield; yield; yield; yield; yield; yield; …
            |                                                   ^^^^^

        w.kdl:1:360: `yield` stands inside a `task`
          1 | … wiat "1s" }; yield; yield; yield; yield; yield; yield; yield; yield; yield; yield; yield; yield; …
            |                                                   ^^^^^

        w.kdl:1:367: `yield` stands inside a `task`
          1 | … s" }; yield; yield; yield; yield; yield; yield; yield; yield; yield; yield; yield; yield; yield; …
            |                                                   ^^^^^

        w.kdl:1:374: `yield` stands inside a `task`
          1 | … ield; yield; yield; yield; yield; yield; yield; yield; yield; yield; yield; yield; yield; yield; …
            |                                                   ^^^^^

        w.kdl:1:381: `yield` stands inside a `task`
          1 | … ield; yield; yield; yield; yield; yield; yield; yield; yield; yield; yield; yield; yield; yield; …
            |                                                   ^^^^^

        w.kdl:1:388: `yield` stands inside a `task`
          1 | … ield; yield; yield; yield; yield; yield; yield; yield; yield; yield; yield; yield; yield; yield; …
            |                                                   ^^^^^

        w.kdl:1:395: `yield` stands inside a `task`
          1 | … ield; yield; yield; yield; yield; yield; yield; yield; yield; yield; yield; yield; yield; yield; …
            |                                                   ^^^^^

        w.kdl:1:402: `yield` stands inside a `task`
          1 | … ield; yield; yield; yield; yield; yield; yield; yield; yield; yield; yield; yield; yield; yield; …
            |                                                   ^^^^^

        w.kdl:1:409: `yield` stands inside a `task`
          1 | … ield; yield; yield; yield; yield; yield; yield; yield; yield; yield; yield; yield; yield; yield; …
            |                                                   ^^^^^

        w.kdl:1:416: `yield` stands inside a `task`
          1 | … ield; yield; yield; yield; yield; yield; yield; yield; yield; yield; yield; yield; yield; yield; …
            |                                                   ^^^^^

        w.kdl:1:423: `yield` stands inside a `task`
          1 | … ield; yield; yield; yield; yield; yield; yield; yield; yield; yield; yield; yield; yield; yield; …
            |                                                   ^^^^^

        w.kdl:1:430: `yield` stands inside a `task`
          1 | … ield; yield; yield; yield; yield; yield; yield; yield; yield; yield; yield; yield; yield; yield; …
            |                                                   ^^^^^

        w.kdl:1:437: `yield` stands inside a `task`
          1 | … ield; yield; yield; yield; yield; yield; yield; yield; yield; yield; yield; yield; yield; yield; …
            |                                                   ^^^^^

        w.kdl:1:444: `yield` stands inside a `task`
          1 | … ield; yield; yield; yield; yield; yield; yield; yield; yield; yield; yield; yield; yield; yield; …
            |                                                   ^^^^^

        w.kdl:1:451: `yield` stands inside a `task`
          1 | … ield; yield; yield; yield; yield; yield; yield; yield; yield; yield; yield; yield; yield; yield; …
            |                                                   ^^^^^

        … and 11 more
        31 mistakes in w.kdl
    "#]],
    );
}

#[test]
fn the_first_mistakes_are_shown_and_the_others_counted() {
    let source = "task \"a\" { wiat \"1s\"; }\n".repeat(SHOWN + 2);
    let mistakes = parse(&source).unwrap_err();
    let text = Report::new("w.kdl", &source, &mistakes).to_string();
    assert_eq!(text.matches("unknown step").count() + text.matches("another task").count(), SHOWN);
    assert!(text.ends_with(&format!(
        "… and {} more\n{} mistakes in w.kdl\n",
        mistakes.len() - SHOWN,
        mistakes.len()
    )));
}
