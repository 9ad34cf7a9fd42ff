use alloc::string::ToString;

use expect_test::{Expect, expect};

use super::super::{Report, Settings, lower, parse};

#[expect(clippy::needless_pass_by_value, reason = "expect! makes a value")]
fn check(source: &str, expected: Expect) {
    let text = match parse(source) {
        Ok(workload) => match lower(&workload, &Settings::default()) {
            Ok(_) if workload.warnings.is_empty() => "fine\n".into(),
            Ok(_) => Report::new("w.kdl", source, &workload.warnings).to_string(),
            Err(mistakes) => Report::new("w.kdl", source, &mistakes).to_string(),
        },
        Err(mistakes) => Report::new("w.kdl", source, &mistakes).to_string(),
    };
    expected.assert_eq(&text);
}

#[test]
fn the_example() {
    check(
        include_str!("../../../../../workloads/waiters.kdl"),
        expect![[r#"
        fine
    "#]],
    );
}

#[test]
fn misspelt_names() {
    check(
        r#"tittle "x"
param "tables" 5 mim=1
resource "waiter" capacity=1
task "a" conut=3 {
    wiat "4s"
    hold "waitr" { raed "x" }
    param "late" 1
    teleport "x"
}
wait "1s"
teleport 3
compare "native/thraeds" "nativ/threads" "threads" "native/threads:4" "native/thread-pool:0" "native/threads" "native/threads"
"#,
        expect![[r#"
            w.kdl:1:1: unknown node `tittle`
              1 | tittle "x"
                | ^^^^^^
                = did you mean `title`?

            w.kdl:2:18: unknown property `mim` of `param`
              2 | param "tables" 5 mim=1
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

            w.kdl:6:10: unknown resource `waitr`
              6 |     hold "waitr" { raed "x" }
                |          ^^^^^^^
                = did you mean `waiter`?

            w.kdl:6:20: unknown step `raed`
              6 |     hold "waitr" { raed "x" }
                |                    ^^^^
                = did you mean `read`?

            w.kdl:7:5: `param` stands outside tasks
              7 |     param "late" 1
                |     ^^^^^

            w.kdl:8:5: unknown step `teleport`
              8 |     teleport "x"
                |     ^^^^^^^^
                = there are `cpu`, `wait`, `block`, `hold`, `send`, `receive`, `read`, `write`, `update`, `http`, `call`, `run`, `allocate`, `repeat`, `yield`, `fail` and `crash`

            w.kdl:10:1: `wait` stands inside a `task`
              10 | wait "1s"
                 | ^^^^

            w.kdl:11:1: unknown node `teleport`
              11 | teleport 3
                 | ^^^^^^^^
                 = there are `title`, `about`, `param`, `resource`, `var`, `channel`, `server`, `task`, `expect` and `compare`

            w.kdl:12:9: unknown strategy `thraeds`
              12 | compare "native/thraeds" "nativ/threads" "threads" "native/threads:4" "native/thread-pool:0" "na …
                 |         ^^^^^^^^^^^^^^^^
                 = did you mean `threads`?

            w.kdl:12:26: unknown runtime `nativ`
              12 | compare "native/thraeds" "nativ/threads" "threads" "native/threads:4" "native/thread-pool:0" "na …
                 |                          ^^^^^^^^^^^^^^^
                 = did you mean `native`?

            w.kdl:12:42: `threads` is not a model: write RUNTIME/STRATEGY, as in native/threads
              12 | compare "native/thraeds" "nativ/threads" "threads" "native/threads:4" "native/thread-pool:0" "na …
                 |                                          ^^^^^^^^^
                 = did you mean `native/threads`?

            w.kdl:12:52: `threads` takes no number of workers
              12 | … pare "native/thraeds" "nativ/threads" "threads" "native/threads:4" "native/thread-pool:0" "nativ …
                 |                                                   ^^^^^^^^^^^^^^^^^^
                 = write native/threads

            w.kdl:12:71: `0` is not a number of workers from 1 to 65536
              12 | … s" "nativ/threads" "threads" "native/threads:4" "native/thread-pool:0" "native/threads" "native/ …
                 |                                                   ^^^^^^^^^^^^^^^^^^^^^^

            w.kdl:12:111: `native/threads` is named twice
              12 | … eads:4" "native/thread-pool:0" "native/threads" "native/threads"
                 |                                                   ^^^^^^^^^^^^^^^^

            16 mistakes in w.kdl
        "#]],
    );
}

#[test]
fn wrong_values() {
    check(
        r#"param "n" 5 min=7
param "m" 5 min=8 max=6
param "t" "4s" max=3
param "b" #true
resource "waiter" capacity=0
resource "x" capacity="many"
channel "c"
channel 5 capacity=1
var "v" 1.5
task "a" count="$nope" {
    wait "-4s"
    wait 4
    wait "4"
    wait "4 parsecs"
    wait "1s1m"
    wait "$n"
    wait (exponentail)"4s"
    wait (uniform)"4s..1s"
    wait (lognormal)"4s"
    wait
    wait "1s" "2s"
    allocate 10
    allocate "10Mb"
    repeat 0 { yield }
    repeat 3
    yield { yield }
    hold "waiter"
    write "v"
    write "v" add="a lot"
    http "GTE" "localhost"
    http "GET" "$api/x"
    call "resize"
    run ""
    cpu "400d"
}
task "a" count=0
task "b" count=10000001 rate="5" every="0s"
task "c" count="5"
task "d" count=3 inputs="x"
expect failures="x"
expect var="w" equals=3
expect "failurs" at-most=3
expect "failures"
expect equals=3
"#,
        expect![[r#"
            w.kdl:1:11: `n` is at least 7
              1 | param "n" 5 min=7
                |           ^

            w.kdl:2:23: `max` is less than `min`
              2 | param "m" 5 min=8 max=6
                |                       ^

            w.kdl:3:20: `max` must be a duration, as the default is
              3 | param "t" "4s" max=3
                |                    ^

            w.kdl:4:11: a parameter is a number, a duration, a size or a text
              4 | param "b" #true
                |           ^^^^^
                = as in: param "think" "4s"

            w.kdl:5:28: a capacity is at least 1
              5 | resource "waiter" capacity=0
                |                            ^

            w.kdl:6:23: a capacity must be a whole number
              6 | resource "x" capacity="many"
                |                       ^^^^^^
                = as in 5, or "$name" for a parameter

            w.kdl:7:9: `channel` needs a capacity
              7 | channel "c"
                |         ^^^
                = as in: channel "orders" capacity=10

            w.kdl:8:9: expected a name
              8 | channel 5 capacity=1
                |         ^
                = names are texts, as in "table"

            w.kdl:9:9: a variable must be a whole number
              9 | var "v" 1.5
                |         ^^^
                = as in 5, or "$name" for a parameter

            w.kdl:10:16: unknown parameter `nope`
              10 | task "a" count="$nope" {
                 |                ^^^^^^^
                 = declare it at the top: param "nope" 1

            w.kdl:11:10: a duration cannot be negative
              11 |     wait "-4s"
                 |          ^^^^^

            w.kdl:12:10: a duration has a unit: write "4s" or "4ms"
              12 |     wait 4
                 |          ^

            w.kdl:13:10: the unit is missing; units are ns, us, ms, s, m, h and d
              13 |     wait "4"
                 |          ^^^

            w.kdl:14:10: the unit is missing; units are ns, us, ms, s, m, h and d
              14 |     wait "4 parsecs"
                 |          ^^^^^^^^^^^

            w.kdl:15:10: `m` cannot follow there: long units come first
              15 |     wait "1s1m"
                 |          ^^^^^^

            w.kdl:16:10: a duration has a unit: write "5s" or "5ms" (`$n` is 5)
              16 |     wait "$n"
                 |          ^^^^

            w.kdl:17:23: unknown distribution `exponentail`, did you mean `exponential`?
              17 |     wait (exponentail)"4s"
                 |                       ^^^^

            w.kdl:18:19: 4s is more than 1s
              18 |     wait (uniform)"4s..1s"
                 |                   ^^^^^^^^

            w.kdl:19:21: a lognormal duration is written mean±deviation, as in "10ms±4ms"
              19 |     wait (lognormal)"4s"
                 |                     ^^^^

            w.kdl:20:5: `wait` needs a duration
              20 |     wait
                 |     ^^^^
                 = as in: wait "4s"

            … and 26 more
            46 mistakes in w.kdl
        "#]],
    );
}
