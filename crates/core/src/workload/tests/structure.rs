//! Mistakes in how a workload is put together: parts that are missing, too many, or too much.

use expect_test::expect;

use super::diagnostics::check;

#[test]
#[expect(clippy::too_many_lines, reason = "a table of what is wrong and what is said")]
fn parts_that_are_missing_or_too_many() {
    check(
        r#"
task
resource
task "a" {
    wait
    wait "1s" "2s"
    repeat 0 { yield }
    repeat 3
    yield { yield }
    hold "r"
    hold { wait }
    call "resize"
    run ""
    run
}
expect
expect failures at-most=1
expect failures
expect var="v" failures=0
compare
"#,
        expect![[r#"
            w.kdl:2:1: `task` needs a name
              2 | task
                | ^^^^
                = as in: task "table" count=5 { wait "4s" }

            w.kdl:3:1: `resource` needs a name
              3 | resource
                | ^^^^^^^^
                = as in: resource "waiter" capacity=1

            w.kdl:5:5: `wait` needs a duration
              5 |     wait
                |     ^^^^
                = as in: wait "4s"

            w.kdl:6:15: `wait` takes nothing more
              6 |     wait "1s" "2s"
                |               ^^^^
                = as in: wait "4s"

            w.kdl:7:12: the number of repetitions is at least 1
              7 |     repeat 0 { yield }
                |            ^

            w.kdl:8:5: `repeat` needs a block of steps
              8 |     repeat 3
                |     ^^^^^^
                = as in: repeat 3 { wait "1s" }

            w.kdl:9:11: `yield` has no block
              9 |     yield { yield }
                |           ^
                = as in: yield

            w.kdl:10:5: `hold` needs a block of steps
              10 |     hold "r"
                 |     ^^^^
                 = as in: hold "waiter" { wait "1s" }

            w.kdl:10:10: unknown resource `r`
              10 |     hold "r"
                 |          ^^^
                 = declare it at the top: resource "r" capacity=1

            w.kdl:11:5: `hold` needs a resource
              11 |     hold { wait }
                 |     ^^^^
                 = as in: hold "waiter" { wait "1s" }

            w.kdl:11:12: `wait` needs a duration
              11 |     hold { wait }
                 |            ^^^^
                 = as in: wait "4s"

            w.kdl:12:10: `resize` is not a function of a file
              12 |     call "resize"
                 |          ^^^^^^^^
                 = write file.py:function, as in "work.py:resize"

            w.kdl:13:9: the program is empty
              13 |     run ""
                 |         ^^

            w.kdl:14:5: `run` needs a program
              14 |     run
                 |     ^^^
                 = as in: run "gzip" "-k" "file"

            w.kdl:16:1: `expect` looks at one thing
              16 | expect
                 | ^^^^^^
                 = as in: expect var="counter" equals=2000

            w.kdl:18:1: `expect` needs equals=, at-least= or at-most=
              18 | expect failures
                 | ^^^^^^
                 = as in: expect var="counter" equals=2000

            w.kdl:19:1: `expect` looks at one thing
              19 | expect var="v" failures=0
                 | ^^^^^^
                 = as in: expect var="counter" equals=2000

            w.kdl:20:1: `compare` needs a model
              20 | compare
                 | ^^^^^^^
                 = as in: compare "native/threads" "native/event-loop"

            18 mistakes in w.kdl
        "#]],
    );
}

#[test]
fn a_deadlock_that_the_text_shows() {
    check(
        r#"
param "units" 2
resource "lock"
resource "pair" capacity="$units"
var "v" 0
task "a" {
    hold "lock" {
        wait "1s"
        repeat 2 { hold "lock" { yield } }
        hold "pair" { hold "pair" { hold "pair" { write "v" } } }
    }
}
task "b" {
    write "v"
    read "v"
    write "v"
}
"#,
        expect![[r#"
            w.kdl:9:20: this waits for ever: the task already holds the only unit of `lock`
              9 |         repeat 2 { hold "lock" { yield } }
                |                    ^^^^
                = omit the inner `hold`, or raise the capacity

            w.kdl:10:37: this waits for ever: the task already holds all 2 units of `pair`
              10 |         hold "pair" { hold "pair" { hold "pair" { write "v" } } }
                 |                                     ^^^^
                 = omit the inner `hold`, or raise the capacity

            w.kdl:14:5: `write` without a `read` before it
              14 |     write "v"
                 |     ^^^^^
                 = `write` stores what was read, plus `add`: put read "v" before it

            3 mistakes in w.kdl
        "#]],
    );
}

#[test]
fn a_channel_into_which_nobody_sends_is_a_warning() {
    check(
        "channel \"c\" capacity=1\ntask \"t\" { receive \"c\" }",
        expect![[r#"
        w.kdl:1:9: warning: nobody sends into `c`
          1 | channel "c" capacity=1
            |         ^^^
            = whoever receives from it waits for ever

        1 warning in w.kdl
    "#]],
    );
}

#[test]
fn too_much_in_all() {
    check(
        "task \"a\" count=9999999\ntask \"b\" count=9999999\n",
        expect![[r#"
            w.kdl:2:6: there are 19,999,998 tasks in all, and at most 10,000,000
              2 | task "b" count=9999999
                |      ^^^

            1 mistake in w.kdl
        "#]],
    );
    check(
        r#"
task "a" count=10000000 {
    repeat 1000000 { repeat 1000000 { } }
}
task "b" {
    repeat 1000000000 { repeat 1000000000 { wait (uniform)"1ms..2ms" } }
}
"#,
        expect![[r#"
            w.kdl:2:6: one `a` executes more than 1,000,000,000 steps
              2 | task "a" count=10000000 {
                |      ^^^
                = repeat less, or make more tasks

            w.kdl:5:6: one `b` executes more than 1,000,000,000 steps
              5 | task "b" {
                |      ^^^
                = repeat less, or make more tasks

            w.kdl:5:6: there are 10,000,001 tasks in all, and at most 10,000,000
              5 | task "b" {
                |      ^^^

            w.kdl:5:6: 4,294,967,295 random durations would be drawn, and at most 100,000,000
              5 | task "b" {
                |      ^^^
                = make fewer tasks, repeat less, or use a fixed duration

            4 mistakes in w.kdl
        "#]],
    );
    check(
        "task \"a\" count=1000001 { repeat 100 { wait (uniform)\"1s..2s\" } }",
        expect![[r#"
            w.kdl:1:6: 100,000,100 random durations would be drawn, and at most 100,000,000
              1 | task "a" count=1000001 { repeat 100 { wait (uniform)"1s..2s" } }
                |      ^^^
                = make fewer tasks, repeat less, or use a fixed duration

            1 mistake in w.kdl
        "#]],
    );
}
