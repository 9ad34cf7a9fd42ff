//! Claims, right and wrong.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use expect_test::expect;

use super::super::Choices;
use super::diagnostics::check;
use super::lowered;

#[test]
fn claims_are_read_with_models_settings_and_bounds() {
    let source = r#"
param "tasks" 4
param "work" "20ms"
var "counter" 0
server "api"
task "t" count="$tasks" { cpu "$work" }
task "client" { http "GET" "$api/" }
claim "one" {
    figure "cores" of="python3/threads" at-most=1.1
    figure "time" of="native/threads work=5ms  tasks=2" over="native/thread-pool:4" at-least=2 at-most=4
    figure "longest" step="cpu" of="native/threads" at-most="1s"
}
claim "two" {
    figure "var" var="counter" of="native/threads" equals="$tasks * 10"
    figure "server-memory" server="api" of="native/threads" at-most="2MiB"
    figure "run-queue-wait" step="http" of="native/threads" at-least=0.5
}
"#;
    let work = lowered(source, &Choices::default());
    let figures = work.claims.iter().flat_map(|claim| &claim.figures);
    let shown: Vec<String> =
        figures.map(|figure| format!("{figure}: {}\n", figure.bounds())).collect();
    expect![[r#"
        cores of python3/threads: at most 1.1
        time of native/threads work=5ms tasks=2 over native/thread-pool:4: 2 to 4
        longest cpu of native/threads: at most 1s
        var counter of native/threads: 40
        server-memory api of native/threads: at most 2MiB
        run-queue-wait http of native/threads: at least 0.5
    "#]]
    .assert_eq(&shown.concat());
    let models: Vec<String> = work.claimed.iter().map(|model| format!("{model}")).collect();
    expect![[r#"
        python3/threads
        native/threads work=5ms tasks=2
        native/thread-pool:4
        native/threads"#]]
    .assert_eq(&models.join("\n"));
}

#[test]
fn what_is_wrong_with_the_parts_of_a_claim_is_said() {
    check(
        r#"
task "t" { cpu "1ms" }
claim
claim "empty" { }
claim "no block"
claim "" { figure "time" of="native/threads" at-most="1s" }
claim "wrong" {
    task "t"
    figure
    figure "latency" of="native/threads" at-most="1s"
    figure "time" at-most="1s"
    figure "cores" of="native/threads" most=1
}
figure "cores" of="native/threads" at-most=1
"#,
        expect![[r#"
            w.kdl:3:1: `claim` needs a sentence
              3 | claim
                | ^^^^^
                = as in: claim "a thread computes" { figure "cores" of="native/sequential" at-most=1 }

            w.kdl:3:1: `claim` needs a block of figures
              3 | claim
                | ^^^^^
                = as in: claim "a thread computes" { figure "cores" of="native/sequential" at-most=1 }

            w.kdl:4:7: a claim needs a figure that it predicts
              4 | claim "empty" { }
                |       ^^^^^^^
                = as in: figure "cores" of="python3/threads" at-most=1.1

            w.kdl:5:1: `claim` needs a block of figures
              5 | claim "no block"
                | ^^^^^
                = as in: claim "a thread computes" { figure "cores" of="native/sequential" at-most=1 }

            w.kdl:6:7: a claim is empty
              6 | claim "" { figure "time" of="native/threads" at-most="1s" }
                |       ^^

            w.kdl:8:5: `task` stands outside
              8 |     task "t"
                |     ^^^^

            w.kdl:9:5: `figure` needs a name
              9 |     figure
                |     ^^^^^^
                = as in: figure "cores" of="python3/threads" at-most=1.1

            w.kdl:10:12: unknown figure `latency`
              10 |     figure "latency" of="native/threads" at-most="1s"
                 |            ^^^^^^^^^
                 = there are `time`, `elapsed`, `cpu`, `throughput`, `cores`, `memory`, `voluntary-switches`, `involuntary-switches`, `latency-p50`, `latency-p99`, `latency-max`, `queueing`, `longest`, `done`, `failed`, `lost`, `var`, `spread`, `serial-share` …

            w.kdl:11:5: the figure `time` needs the model of which it is
              11 |     figure "time" at-most="1s"
                 |     ^^^^^^
                 = as in: of="native/threads"

            w.kdl:12:5: a figure needs at-least=, at-most= or equals=
              12 |     figure "cores" of="native/threads" most=1
                 |     ^^^^^^

            w.kdl:12:40: unknown property `most` of `figure`
              12 |     figure "cores" of="native/threads" most=1
                 |                                        ^^^^
                 = `figure` has `of`, `over`, `step`, `var`, `server`, `at-least`, `at-most` and `equals`

            w.kdl:14:1: `figure` stands inside a `claim`
              14 | figure "cores" of="native/threads" at-most=1
                 | ^^^^^^

            12 mistakes in w.kdl
        "#]],
    );
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table of what is wrong and what is said")]
fn what_is_wrong_with_the_values_of_a_claim_is_said() {
    check(
        r#"
param "n" 4 max=10
var "counter" 0
server "api"
task "t" count="$n" { cpu "1ms" }
claim "wrong" {
    figure "longst" step="cpu" of="native/threads" at-most="1s"
    figure "time" of="native/thread" at-most="1s"
    figure "time" of="native/threads m=1" at-most="1s"
    figure "time" of="native/threads n=11" at-most="1s"
    figure "time" of="native/threads n" at-most="1s"
    figure "time" of="native/threads" at-most=1
    figure "time" of="native/threads" over="native/sequential" at-most="1s"
    figure "cores" of="native/threads"
    figure "cores" of="native/threads" at-least=2 at-most=1
    figure "cores" step="cpu" of="native/threads" at-most=1
    figure "longest" of="native/threads" at-most="1s"
    figure "longest" step="wiat" of="native/threads" at-most="1s"
    figure "var" var="count" of="native/threads" equals=1
    figure "var" var="counter" of="native/threads" equals=1.5
    figure "server-cpu" server="ape" of="native/threads" at-most="1s"
    figure "serial-share" of="native/threads" at-most=0.2
}
"#,
        expect![[r#"
            w.kdl:7:12: unknown figure `longst`
              7 |     figure "longst" step="cpu" of="native/threads" at-most="1s"
                |            ^^^^^^^^
                = did you mean `longest`?

            w.kdl:8:22: unknown strategy `thread`
              8 |     figure "time" of="native/thread" at-most="1s"
                |                      ^^^^^^^^^^^^^^^
                = did you mean `threads`?

            w.kdl:9:22: unknown parameter `m`
              9 |     figure "time" of="native/threads m=1" at-most="1s"
                |                      ^^^^^^^^^^^^^^^^^^^^
                = did you mean `n`?

            w.kdl:10:22: `n` is at most 10
              10 |     figure "time" of="native/threads n=11" at-most="1s"
                 |                      ^^^^^^^^^^^^^^^^^^^^^

            w.kdl:11:22: `n` gives no parameter a value
              11 |     figure "time" of="native/threads n" at-most="1s"
                 |                      ^^^^^^^^^^^^^^^^^^
                 = as in: of="native/threads tasks=10"

            w.kdl:12:47: a duration has a unit: write "1s" or "1ms"
              12 |     figure "time" of="native/threads" at-most=1
                 |                                               ^

            w.kdl:13:72: a bound must be a number
              13 | … ative/threads" over="native/sequential" at-most="1s"
                 |                                                   ^^^^
                 = as in 1.1

            w.kdl:14:5: a figure needs at-least=, at-most= or equals=
              14 |     figure "cores" of="native/threads"
                 |     ^^^^^^

            w.kdl:15:5: at-least is more than at-most
              15 |     figure "cores" of="native/threads" at-least=2 at-most=1
                 |     ^^^^^^

            w.kdl:16:25: the figure `cores` takes no `step`
              16 |     figure "cores" step="cpu" of="native/threads" at-most=1
                 |                         ^^^^^

            w.kdl:17:5: the figure `longest` needs a `step`
              17 |     figure "longest" of="native/threads" at-most="1s"
                 |     ^^^^^^
                 = as in: step="…"

            w.kdl:18:27: unknown step `wiat`
              18 |     figure "longest" step="wiat" of="native/threads" at-most="1s"
                 |                           ^^^^^^
                 = did you mean `wait`?

            w.kdl:19:22: unknown variable `count`
              19 |     figure "var" var="count" of="native/threads" equals=1
                 |                      ^^^^^^^
                 = declare it at the top: var "count" 0

            w.kdl:20:59: a bound must be a whole number
              20 | …  "var" var="counter" of="native/threads" equals=1.5
                 |                                                   ^^^
                 = as in 5, or "$name" for a parameter

            w.kdl:21:32: unknown server `ape`
              21 |     figure "server-cpu" server="ape" of="native/threads" at-most="1s"
                 |                                ^^^^^

            w.kdl:22:5: a serial share is that of a speed-up over another model
              22 |     figure "serial-share" of="native/threads" at-most=0.2
                 |     ^^^^^^
                 = as in: of="native/thread-pool" over="native/thread-pool:1"

            16 mistakes in w.kdl
        "#]],
    );
}
