//! Mistakes and how they are said.

use expect_test::{Expect, expect};

use super::super::Choices;
use super::report;

#[expect(clippy::needless_pass_by_value, reason = "expect! makes a value")]
pub(super) fn check(source: &str, expected: Expect) {
    expected.assert_eq(&report(source, &Choices::default()));
}

#[test]
fn a_parameter_that_a_shell_would_take_for_its_own() {
    check(
        r#"
param "j" 1
task "a" {
    run "sh" "-c" "make -j $j && echo ${j} $$j $other"
    run "sh" "-c" "make -j ${j}; echo $$j" "$j"
}
"#,
        expect![[r#"
            w.kdl:4:19: `$j` stays as it is within a text, and a shell takes it for its own
              4 |     run "sh" "-c" "make -j $j && echo ${j} $$j $other"
                |                   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
                = write `${j}` for the parameter, `$$j` for the shell's variable

            1 mistake in w.kdl
        "#]],
    );
}

#[test]
fn misspelt_nodes() {
    check(
        r#"
tittle "x"
param "tables" 5 mim=1
task "a" conut=3 {
    wiat "4s"
    param "late" 1
    teleport "x"
}
wait "1s"
(big)task "b" count=(huge)5
"#,
        expect![[r#"
            w.kdl:2:1: unknown node `tittle`
              2 | tittle "x"
                | ^^^^^^
                = did you mean `title`?

            w.kdl:3:18: unknown property `mim` of `param`
              3 | param "tables" 5 mim=1
                |                  ^^^
                = did you mean `min`?

            w.kdl:4:10: unknown property `conut` of `task`
              4 | task "a" conut=3 {
                |          ^^^^^
                = did you mean `count`?

            w.kdl:5:5: unknown step `wiat`
              5 |     wiat "4s"
                |     ^^^^
                = did you mean `wait`?

            w.kdl:6:5: `param` stands outside tasks
              6 |     param "late" 1
                |     ^^^^^

            w.kdl:7:5: unknown step `teleport`
              7 |     teleport "x"
                |     ^^^^^^^^
                = there are `cpu`, `wait`, `block`, `hold`, `send`, `receive`, `read`, `write`, `update`, `http`, `call`, `run`, `allocate`, `repeat`, `yield`, `fail` and `crash`

            w.kdl:9:1: `wait` stands inside a `task`
              9 | wait "1s"
                | ^^^^

            w.kdl:10:1: a word in brackets means nothing here
              10 | (big)task "b" count=(huge)5
                 | ^^^^^

            w.kdl:10:21: `(huge)` means nothing here
              10 | (big)task "b" count=(huge)5
                 |                     ^^^^^^
                 = only durations of `cpu`, `wait` and `block` are drawn

            9 mistakes in w.kdl
        "#]],
    );
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of what is wrong and what is said")]
fn names_that_are_not_there() {
    check(
        r#"
param "tables" 5
resource "waiter"
task "a" count="$table" {
    hold "waitr" { raed "x" }
    send "x"
    read "x"
    wait "${think}s"
    http "GTE" "$tables/"
    http "GET" "$api/"
    http "GET" "localhost"
}
task "b" count="$nope"
expect var="counter" equals=1
expect failurs=1
expect "failurs" at-most=1
"#,
        expect![[r#"
            w.kdl:4:16: unknown parameter `table`
              4 | task "a" count="$table" {
                |                ^^^^^^^^
                = did you mean `$tables`?

            w.kdl:5:10: unknown resource `waitr`
              5 |     hold "waitr" { raed "x" }
                |          ^^^^^^^
                = did you mean `waiter`?

            w.kdl:5:20: unknown step `raed`
              5 |     hold "waitr" { raed "x" }
                |                    ^^^^
                = did you mean `read`?

            w.kdl:6:10: unknown channel `x`
              6 |     send "x"
                |          ^^^
                = declare it at the top: channel "x" capacity=10

            w.kdl:7:10: unknown variable `x`
              7 |     read "x"
                |          ^^^
                = declare it at the top: var "x" 0

            w.kdl:8:10: unknown parameter `think`
              8 |     wait "${think}s"
                |          ^^^^^^^^^^^
                = declare it at the top: param "think" 1

            w.kdl:9:10: unknown method `GTE`
              9 |     http "GTE" "$tables/"
                |          ^^^^^
                = did you mean `GET`?

            w.kdl:9:16: this is not a URL
              9 |     http "GTE" "$tables/"
                |                ^^^^^^^^^^
                = as in "http://localhost:8000/" or "$api/" for a server

            w.kdl:10:16: unknown server `api`
              10 |     http "GET" "$api/"
                 |                ^^^^^^^
                 = declare it at the top: server "api" strategy="threads"

            w.kdl:11:16: this is not a URL
              11 |     http "GET" "localhost"
                 |                ^^^^^^^^^^^
                 = as in "http://localhost:8000/" or "$api/" for a server

            w.kdl:13:16: unknown parameter `nope`
              13 | task "b" count="$nope"
                 |                ^^^^^^^
                 = declare it at the top: param "nope" 1

            w.kdl:14:12: unknown variable `counter`
              14 | expect var="counter" equals=1
                 |            ^^^^^^^^^
                 = declare it at the top: var "counter" 0

            w.kdl:15:8: unknown property `failurs` of `expect`
              15 | expect failurs=1
                 |        ^^^^^^^
                 = did you mean `failures`?

            w.kdl:16:8: this is not counted
              16 | expect "failurs" at-most=1
                 |        ^^^^^^^^^
                 = did you mean `failures`?

            14 mistakes in w.kdl
        "#]],
    );
}

#[test]
fn names_that_are_there_twice() {
    check(
        r#"
title "a"
title "b"
param "n" 1 min=1 min=2
server "n"
resource "r"
resource "r"
task "t" { wait "1s" }
task "t" { wait "1s" }
"#,
        expect![[r#"
            w.kdl:3:1: this is given twice
              3 | title "b"
                | ^^^^^

            w.kdl:4:19: `min` is given twice
              4 | param "n" 1 min=1 min=2
                |                   ^^^

            w.kdl:5:8: there is another parameter or server `n`
              5 | server "n"
                |        ^^^
                = give it a name of its own

            w.kdl:7:10: there is another resource `r`
              7 | resource "r"
                |          ^^^
                = give it a name of its own

            w.kdl:9:6: there is another task `t`
              9 | task "t" { wait "1s" }
                |      ^^^
                = give it a name of its own

            5 mistakes in w.kdl
        "#]],
    );
}

#[test]
fn models() {
    check(
        r#"
task "t"
compare "native/thraeds" "nativ/threads" "threads" "native/threads:4" "native/thread-pool:0"
compare "native/hybrid" "python3.14t/hybrid:3" "native/hybrid"
"#,
        expect![[r#"
            w.kdl:3:9: unknown strategy `thraeds`
              3 | compare "native/thraeds" "nativ/threads" "threads" "native/threads:4" "native/thread-pool:0"
                |         ^^^^^^^^^^^^^^^^
                = did you mean `threads`?

            w.kdl:3:26: unknown runtime `nativ`
              3 | compare "native/thraeds" "nativ/threads" "threads" "native/threads:4" "native/thread-pool:0"
                |                          ^^^^^^^^^^^^^^^
                = did you mean `native`?

            w.kdl:3:42: `threads` is not a model: write RUNTIME/STRATEGY, as in native/threads
              3 | compare "native/thraeds" "nativ/threads" "threads" "native/threads:4" "native/thread-pool:0"
                |                                          ^^^^^^^^^
                = did you mean `native/threads`?

            w.kdl:3:52: `threads` takes no number of workers
              3 | … pare "native/thraeds" "nativ/threads" "threads" "native/threads:4" "native/thread-pool:0"
                |                                                   ^^^^^^^^^^^^^^^^^^
                = write native/threads

            w.kdl:3:71: `0` is not a number of workers from 1 to 65536
              3 | … s" "nativ/threads" "threads" "native/threads:4" "native/thread-pool:0"
                |                                                   ^^^^^^^^^^^^^^^^^^^^^^

            w.kdl:4:48: `native/hybrid` is named twice
              4 | compare "native/hybrid" "python3.14t/hybrid:3" "native/hybrid"
                |                                                ^^^^^^^^^^^^^^^

            6 mistakes in w.kdl
        "#]],
    );
}

#[test]
fn durations_and_sizes() {
    check(
        r#"
task "a" {
    wait "-4s"
    wait 4
    wait "4"
    wait "4 parsecs"
    wait "1s1m"
    wait #true
    cpu "400d"
    wait (exponentail)"4s"
    wait (exponential)"0s"
    wait (uniform)"4s..1s"
    wait (lognormal)"4s"
    allocate 10
    allocate "10Mb"
    allocate "0B"
    repeat (uniform)"1..2" { yield }
}
"#,
        expect![[r#"
            w.kdl:3:10: a duration cannot be negative; omit the minus
              3 |     wait "-4s"
                |          ^^^^^

            w.kdl:4:10: a duration has a unit: write "4s" or "4ms"
              4 |     wait 4
                |          ^

            w.kdl:5:10: the unit is missing; units are ns, us, ms, s, m, h and d
              5 |     wait "4"
                |          ^^^

            w.kdl:6:10: `parsecs` is not a unit; units are ns, us, ms, s, m, h and d
              6 |     wait "4 parsecs"
                |          ^^^^^^^^^^^

            w.kdl:7:10: `m` cannot follow there: long units come first
              7 |     wait "1s1m"
                |          ^^^^^^

            w.kdl:8:10: expected a duration, as in "4s" or "150us"
              8 |     wait #true
                |          ^^^^^

            w.kdl:9:9: a duration is at most 365d
              9 |     cpu "400d"
                |         ^^^^^^

            w.kdl:10:10: unknown distribution `exponentail`, did you mean `exponential`?
              10 |     wait (exponentail)"4s"
                 |          ^^^^^^^^^^^^^

            w.kdl:11:23: the mean must be longer than 0
              11 |     wait (exponential)"0s"
                 |                       ^^^^

            w.kdl:12:19: 4s is more than 1s
              12 |     wait (uniform)"4s..1s"
                 |                   ^^^^^^^^

            w.kdl:13:21: a lognormal duration is written mean±deviation, as in "10ms±4ms"
              13 |     wait (lognormal)"4s"
                 |                     ^^^^

            w.kdl:14:14: a size has a unit: write "10MiB"
              14 |     allocate 10
                 |              ^^

            w.kdl:15:14: `Mb` is not a unit; units are B, kB, MB, GB, TB, KiB, MiB, GiB and TiB
              15 |     allocate "10Mb"
                 |              ^^^^^^

            w.kdl:16:14: memory is taken from 1B to 1TiB at a time
              16 |     allocate "0B"
                 |              ^^^^

            w.kdl:17:12: `(uniform)` means nothing here
              17 |     repeat (uniform)"1..2" { yield }
                 |            ^^^^^^^^^
                 = only durations of `cpu`, `wait` and `block` are drawn

            15 mistakes in w.kdl
        "#]],
    );
}

#[test]
fn parameters() {
    check(
        r#"
param "a" 5 min=7
param "b" 5 min=8 max=6
param "c" "4s" max=3
param "d" #true
param "e" "text" min=1
param "f" (uniform)"1ms..2ms"
param "2" 1
param "g"
task "t" count="$c" {
    wait "$a"
    wait "$f"
    repeat "$f" { yield }
    wait (exponential)"$c"
    wait "${a}ms"
    repeat "$a * ${b}" { yield }
    repeat "$a * x" { yield }
    fail "$$c is not put in, and ${a} is"
}
"#,
        expect![[r#"
            w.kdl:2:11: `a` is at least 7
              2 | param "a" 5 min=7
                |           ^

            w.kdl:3:23: `max` is less than `min`
              3 | param "b" 5 min=8 max=6
                |                       ^

            w.kdl:4:20: `max` must be a duration, as the default is
              4 | param "c" "4s" max=3
                |                    ^

            w.kdl:5:11: a parameter is a number, a duration, a size or a text
              5 | param "d" #true
                |           ^^^^^
                = as in: param "think" "4s"

            w.kdl:6:22: `min` means nothing for a text
              6 | param "e" "text" min=1
                |                      ^

            w.kdl:8:7: this cannot be a name
              8 | param "2" 1
                |       ^^^
                = a name begins with a letter and goes on with letters, digits, - and _

            w.kdl:9:1: `param` needs a default
              9 | param "g"
                | ^^^^^
                = as in: param "tables" 5 min=1

            w.kdl:10:16: `count` must be a whole number (`$c` is 4s)
              10 | task "t" count="$c" {
                 |                ^^^^
                 = as in 5, or "$name" for a parameter

            w.kdl:11:10: a duration has a unit: write "5s" or "5ms" (`$a` is 5)
              11 |     wait "$a"
                 |          ^^^^

            w.kdl:13:12: the number of repetitions must be a whole number (`$f` is (uniform)1ms..2ms)
              13 |     repeat "$f" { yield }
                 |            ^^^^
                 = as in 5, or "$name" for a parameter

            w.kdl:17:12: the number of repetitions must be a whole number
              17 |     repeat "$a * x" { yield }
                 |            ^^^^^^^^
                 = as in 5, or "$name" for a parameter

            11 mistakes in w.kdl
        "#]],
    );
}

#[test]
fn numbers_out_of_their_ranges() {
    check(
        r#"
resource "r" capacity=0
resource "s" capacity="many"
channel "c"
channel 5 capacity=-1
var "v" 1.5
task "a" count=0
task "b" count=10000001
task "c" count="5" rate="5" every="0s"
task "d" count=3 inputs="x"
task "e" every="0s" count=99999999999999999999
task "f" rate="0/s"
task "g" every="364d" count=2
"#,
        expect![[r#"
            w.kdl:2:23: a capacity is at least 1
              2 | resource "r" capacity=0
                |                       ^

            w.kdl:3:23: a capacity must be a whole number
              3 | resource "s" capacity="many"
                |                       ^^^^^^
                = as in 5, or "$name" for a parameter

            w.kdl:4:9: `channel` needs a capacity
              4 | channel "c"
                |         ^^^
                = as in: channel "orders" capacity=10

            w.kdl:5:9: expected a name
              5 | channel 5 capacity=-1
                |         ^
                = names are texts, as in "table"

            w.kdl:6:9: a variable must be a whole number
              6 | var "v" 1.5
                |         ^^^
                = as in 5, or "$name" for a parameter

            w.kdl:7:16: `count` is at least 1
              7 | task "a" count=0
                |                ^

            w.kdl:8:16: `count` is at most 10,000,000
              8 | task "b" count=10000001
                |                ^^^^^^^^

            w.kdl:9:16: `count` must be a whole number
              9 | task "c" count="5" rate="5" every="0s"
                |                ^^^
                = as in 5, or "$name" for a parameter

            w.kdl:9:35: `rate` and `every` exclude each other
              9 | task "c" count="5" rate="5" every="0s"
                |                                   ^^^^

            w.kdl:10:16: `inputs` makes one task a line, so `count` cannot be given
              10 | task "d" count=3 inputs="x"
                 |                ^

            w.kdl:11:16: `every` is longer than 0
              11 | task "e" every="0s" count=99999999999999999999
                 |                ^^^^
                 = leave it out, and all tasks arrive at once

            w.kdl:11:27: `count` is at most 10,000,000
              11 | task "e" every="0s" count=99999999999999999999
                 |                           ^^^^^^^^^^^^^^^^^^^^

            w.kdl:12:15: a rate is more than nothing
              12 | task "f" rate="0/s"
                 |               ^^^^^

            w.kdl:13:16: the last task would arrive after more than 365 days
              13 | task "g" every="364d" count=2
                 |                ^^^^^^

            14 mistakes in w.kdl
        "#]],
    );
}

#[test]
fn limits_of_servers() {
    check(
        r#"
server "a" max-requests=10
server "b" strategy="event-loop" max-memory="1MiB"
server "c" strategy="processes" max-requests=0 max-memory=5
server "d" strategy="procesess" max-memory="1MiB"
server "e" workers=2
server "f" strategy="event-loop" workers=1
server "g" strategy="thread-pool" workers=1
task "t" { http "GET" "$a/" }
"#,
        expect![[r#"
            w.kdl:2:25: only a server of processes can replace a worker
              2 | server "a" max-requests=10
                |                         ^^
                = say strategy="processes", or take the limit away

            w.kdl:3:45: only a server of processes can replace a worker
              3 | server "b" strategy="event-loop" max-memory="1MiB"
                |                                             ^^^^^^
                = say strategy="processes", or take the limit away

            w.kdl:4:46: `max-requests` is at least 1
              4 | server "c" strategy="processes" max-requests=0 max-memory=5
                |                                              ^

            w.kdl:4:59: a size has a unit: write "5MiB"
              4 | …  strategy="processes" max-requests=0 max-memory=5
                |                                                   ^

            w.kdl:5:21: a server has no strategy `procesess`
              5 | server "d" strategy="procesess" max-memory="1MiB"
                |                     ^^^^^^^^^^^
                = did you mean `processes`?

            w.kdl:6:20: a server of strategy `threads` takes no number of workers
              6 | server "e" workers=2
                |                    ^
                = say strategy="thread-pool", "processes" or "async-pool", or take it away

            w.kdl:7:42: a server of strategy `event-loop` takes no number of workers
              7 | server "f" strategy="event-loop" workers=1
                |                                          ^
                = say strategy="thread-pool", "processes" or "async-pool", or take it away

            7 mistakes in w.kdl
        "#]],
    );
}
