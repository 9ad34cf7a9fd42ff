//! Bad input, as a new user would try it: one error with place and next step, exit code 2, and
//! nothing is started.

use std::os::unix::fs::PermissionsExt;

use expect_test::{Expect, expect};

use crate::needs::have;
use crate::program::{Place, stderr};

fn check(source: &str, line: &str, expected: &Expect) {
    let place = Place::new().file("work.kdl", source);
    expected.assert_eq(&place.transcript(line));
}

fn refused(line: &str, expected: &Expect) {
    check("task \"t\" count=2 { wait \"1ms\" }\n", line, expected);
}

#[test]
fn an_empty_file() {
    check(
        "",
        "compare work.kdl",
        &expect![[r#"
        exit code 2
        work.kdl: the workload has no tasks
           = as in: task "table" count=5 { wait "4s" }

        1 mistake in work.kdl
    "#]],
    );
}

#[test]
fn a_binary_file() {
    let place = Place::new().file("work.kdl", [0x7f, b'E', b'L', b'F', 0xff, 0xfe, 0]);
    expect![[r#"
        exit code 2
        maitred: work.kdl is not text (byte 4 is not UTF-8); a workload is a KDL file, and a program is named behind `--`: maitred compare -- ./work.kdl
    "#]].assert_eq(&place.transcript("compare work.kdl"));
}

#[test]
fn a_file_of_100_mb() {
    let place = Place::new();
    let file = std::fs::File::create(place.path("work.kdl")).unwrap();
    file.set_len(100 << 20).unwrap();
    expect![[r#"
        exit code 2
        maitred: work.kdl is larger than 1 MiB, which no workload is; check that it is the right file
    "#]].assert_eq(&place.transcript("compare work.kdl"));
}

#[test]
fn a_cluster_that_no_model_works_on() {
    refused(
        "run work.kdl --model native/threads --cluster tcp://10.0.0.1:8786",
        &expect![[r#"
        exit code 2
        maitred: no model works on this cluster, and --cluster names tcp://10.0.0.1:8786: name one that does, as in dask/processes
    "#]],
    );
    refused(
        "run work.kdl --model native/threads --cluster ray://10.0.0.1:10001",
        &expect![[r#"
        exit code 2
        maitred: no model works on this cluster, and --cluster names ray://10.0.0.1:10001: name one that does, as in ray/processes
    "#]],
    );
}

#[test]
fn an_unknown_step_and_a_misspelt_one() {
    check(
        "task \"t\" count=2 {\n    wiat \"1ms\"\n    dance \"1ms\"\n}\n",
        "compare work.kdl",
        &expect![[r#"
            exit code 2
            work.kdl:2:5: unknown step `wiat`
              2 |     wiat "1ms"
                |     ^^^^
                = did you mean `wait`?

            work.kdl:3:5: unknown step `dance`
              3 |     dance "1ms"
                |     ^^^^^
                = there are `cpu`, `wait`, `block`, `hold`, `send`, `receive`, `read`, `write`, `update`, `http`, `call`, `run`, `allocate`, `repeat`, `yield`, `fail` and `crash`

            2 mistakes in work.kdl
        "#]],
    );
}

#[test]
fn a_negative_duration() {
    check(
        "task \"t\" count=2 { wait \"-1ms\" }\n",
        "compare work.kdl",
        &expect![[r#"
            exit code 2
            work.kdl:1:25: a duration cannot be negative; omit the minus
              1 | task "t" count=2 { wait "-1ms" }
                |                         ^^^^^^

            1 mistake in work.kdl
        "#]],
    );
}

#[test]
fn an_unknown_parameter() {
    check(
        "param \"tables\" 5\ntask \"t\" count=\"$nope\" { wait \"1ms\" }\n",
        "compare work.kdl",
        &expect![[r#"
            exit code 2
            work.kdl:2:16: unknown parameter `nope`
              2 | task "t" count="$nope" { wait "1ms" }
                |                ^^^^^^^
                = declare it at the top: param "nope" 1

            1 mistake in work.kdl
        "#]],
    );
}

#[test]
fn a_recursive_hold() {
    check(
        "resource \"waiter\" capacity=1\ntask \"t\" count=2 {\n    hold \"waiter\" {\n        hold \"waiter\" { wait \"1ms\" }\n    }\n}\n",
        "compare work.kdl",
        &expect![[r#"
            exit code 2
            work.kdl:4:9: this waits for ever: the task already holds the only unit of `waiter`
              4 |         hold "waiter" { wait "1ms" }
                |         ^^^^
                = omit the inner `hold`, or raise the capacity

            1 mistake in work.kdl
        "#]],
    );
}

#[test]
fn a_capacity_of_nothing() {
    check(
        "resource \"waiter\" capacity=0\ntask \"t\" count=2 { hold \"waiter\" { wait \"1ms\" } }\n",
        "compare work.kdl",
        &expect![[r#"
            exit code 2
            work.kdl:1:28: a capacity is at least 1
              1 | resource "waiter" capacity=0
                |                            ^

            1 mistake in work.kdl
        "#]],
    );
}

#[test]
fn a_saved_result_is_no_work() {
    let place = Place::new().file("r.json", "{\n  \"schema_version\": 1\n}\n");
    let output = place.run("run r.json");
    assert_eq!(output.status.code(), Some(2));
    let expected = "maitred: r.json is a saved result, and no work to be done: `maitred show r.json` shows it\n";
    assert_eq!(stderr(&output), expected);
}

#[test]
fn an_address_to_listen_on() {
    refused(
        "serve --host example.invalid",
        &expect![[r#"
            exit code 2
            error: invalid value 'example.invalid' for '--host <ADDRESS>': write an address in figures, as in 127.0.0.1, 0.0.0.0 or ::1

            For more information, try '--help'.
        "#]],
    );
}

#[test]
fn an_address_that_this_machine_does_not_have() {
    refused(
        "serve --host 192.0.2.1",
        &expect![[r#"
            exit code 2
            maitred: cannot listen on 192.0.2.1:8080: Cannot assign requested address (os error 99); this machine has no such address: give one of its own as --host, as in 127.0.0.1 or 0.0.0.0
        "#]],
    );
}

#[test]
fn a_certificate_without_its_key() {
    refused(
        "serve --tls --cert c.pem",
        &expect![[r#"
            exit code 2
            maitred: --cert says who the server is, but not its secret; give its --key too, or --tls alone for a certificate that is made for this start
        "#]],
    );
    refused(
        "serve --key k.pem",
        &expect![[r#"
            exit code 2
            maitred: --key is the secret of a certificate; give the --cert too
        "#]],
    );
    refused(
        "serve --save-cert c.pem",
        &expect![[r#"
            exit code 2
            maitred: --save-cert writes the certificate that --tls makes; say --tls, without --cert
        "#]],
    );
    refused(
        "serve --cert none.pem --key k.pem",
        &expect![[r#"
            exit code 2
            maitred: none.pem cannot be read: No such file or directory (os error 2); check its name and permissions
        "#]],
    );
}

#[test]
fn a_server_with_options_that_mean_nothing() {
    refused(
        "serve --strategy event-loop --workers 2 --port 0",
        &expect![[r#"
            exit code 2
            maitred: --workers says how many threads or processes serve, and `event-loop` has one thread; leave it out, or choose --strategy thread-pool, processes or async-pool
        "#]],
    );
    refused(
        "serve --delay 1x",
        &expect![[r#"
        exit code 2
        error: invalid value '1x' for '--delay <TIME>': write a time, as in 1s, 250ms, or 2 for seconds

        For more information, try '--help'.
    "#]],
    );
}

#[test]
fn an_unknown_model() {
    refused(
        "compare work.kdl --models native/thraeds",
        &expect![[r#"
            exit code 2
            maitred: unknown model `native/thraeds`, did you mean `native/threads`? there are native/sequential, native/threads, native/thread-pool, native/processes, native/event-loop, native/async-pool, native/hybrid
        "#]],
    );
    refused(
        "compare work.kdl --models nativ/threads",
        &expect![[r#"
            exit code 2
            maitred: unknown runtime `nativ`, did you mean `native`? there is native, and what `maitred runtimes` lists
        "#]],
    );
    refused(
        "compare work.kdl --models pizza",
        &expect![[r#"
            exit code 2
            maitred: unknown model `pizza`; there are native/sequential, native/threads, native/thread-pool, native/processes, native/event-loop, native/async-pool, native/hybrid
        "#]],
    );
    refused(
        "compare work.kdl --models native/thread-pool:0",
        &expect![[r#"
        exit code 2
        maitred: model `native/thread-pool:0`: `0` is not a number of workers from 1 to 65536
    "#]],
    );
    refused(
        "run work.kdl --model native/thraeds",
        &expect![[r#"
            exit code 2
            maitred: unknown model `native/thraeds`, did you mean `native/threads`? there are native/sequential, native/threads, native/thread-pool, native/processes, native/event-loop, native/async-pool, native/hybrid
        "#]],
    );
}

#[test]
fn a_baseline_that_does_not_take_part() {
    refused(
        "compare work.kdl --models threads --baseline native/event-loop",
        &expect![[r#"
        exit code 2
        maitred: the baseline `native/event-loop` does not take part; these do: native/threads
    "#]],
    );
}

#[test]
fn numbers_of_workers() {
    refused(
        "compare work.kdl --workers 0",
        &expect![[r#"
        exit code 2
        error: invalid value '0' for '--workers <LIST>': write numbers of workers from 1 to 65536, as in 4, 1,2,4 or 1..8

        For more information, try '--help'.
    "#]],
    );
    refused(
        "compare work.kdl --workers 8..1",
        &expect![[r#"
        exit code 2
        error: invalid value '8..1' for '--workers <LIST>': 8..1 runs backwards; write 1..8

        For more information, try '--help'.
    "#]],
    );
    refused(
        "run work.kdl --workers 0",
        &expect![[r#"
        exit code 2
        error: invalid value '0' for '--workers <N>': 0 is not in 1..=65536

        For more information, try '--help'.
    "#]],
    );
}

#[test]
fn options() {
    refused(
        "compare work.kdl --speed fast",
        &expect![[r#"
        exit code 2
        error: invalid value 'fast' for '--speed <FACTOR>': write a factor from 0.000001x to 1000000x, as in 10x

        For more information, try '--help'.
    "#]],
    );
    refused(
        "compare work.kdl --budget 10",
        &expect![[r#"
        exit code 2
        error: invalid value '10' for '--budget <TIME>': write a time with its unit, as in 30s, 250ms or 1m30s

        For more information, try '--help'.
    "#]],
    );
    refused(
        "compare work.kdl --memory-limit 12",
        &expect![[r#"
        exit code 2
        error: invalid value '12' for '--memory-limit <SIZE>': write a size with its unit, as in 512MiB or 2GB

        For more information, try '--help'.
    "#]],
    );
    refused(
        "compare work.kdl --set tables",
        &expect![[r#"
        exit code 2
        error: invalid value 'tables' for '--set <NAME=VALUE>': write NAME=VALUE, as in --set tables=8

        For more information, try '--help'.
    "#]],
    );
    refused(
        "compare work.kdl --set tables=5",
        &expect![[r#"
        exit code 2
        command line: unknown parameter `tables`
          $ | --set tables=5
            |       ^^^^^^
            = this workload has no parameters

        1 mistake in work.kdl
    "#]],
    );
}

#[test]
fn options_and_commands_that_are_misspelt_or_missing() {
    refused(
        "compare work.kdl --modles threads",
        &expect![[r#"
        exit code 2
        error: unexpected argument '--modles' found

          tip: a similar argument exists: '--models'
          tip: to pass '--modles' as a value, use '-- --modles'

        Usage: maitred compare --models <LIST> <SUBJECT>... [-- <COMMAND>...]

        For more information, try '--help'.
    "#]],
    );
    refused(
        "compare",
        &expect![[r#"
        exit code 2
        error: the following required arguments were not provided:
          <SUBJECT>...

        Usage: maitred compare --no-keep <SUBJECT>... [-- <COMMAND>...]

        For more information, try '--help'.
    "#]],
    );
    refused(
        "conpare work.kdl",
        &expect![[r#"
        exit code 2
        error: unrecognized subcommand 'conpare'

          tip: a similar subcommand exists: 'compare'

        Usage: maitred [OPTIONS] [COMMAND]

        For more information, try '--help'.
    "#]],
    );
}

#[test]
fn no_file_a_directory_no_permission() {
    refused(
        "compare nope.kdl",
        &expect![[r#"
        exit code 2
        maitred: nope.kdl: there is no such file; check the name
    "#]],
    );
    refused(
        "compare .",
        &expect![[r#"
        exit code 2
        maitred: . is a directory; name a workload file in it, as in ./NAME.kdl
    "#]],
    );
    let place = Place::new().file("work.kdl", "task \"t\" count=2 { wait \"1ms\" }\n");
    let mode = std::fs::Permissions::from_mode(0o000);
    std::fs::set_permissions(place.path("work.kdl"), mode).unwrap();
    // Root may read everything.
    if have("ordinary-user") {
        expect![[r#"
            exit code 2
            maitred: work.kdl cannot be read: Permission denied (os error 13)
        "#]]
        .assert_eq(&place.transcript("compare work.kdl"));
    }
}

#[test]
fn no_such_program() {
    refused(
        "compare -- no-such-program --flag",
        &expect![[r#"
        exit code 2
        maitred: there is no program `no-such-program` to run; check its name and the PATH
    "#]],
    );
}

#[test]
fn an_export_that_cannot_be_written() {
    refused(
        "compare work.kdl --export-json no/such/folder.json",
        &expect![[r#"
        exit code 2
        maitred: no/such/folder.json cannot be written: No such file or directory (os error 2); name a file in a folder where you may write
    "#]],
    );
    refused(
        "compare work.kdl --export-csv /proc/result.csv",
        &expect![[r#"
        exit code 2
        maitred: /proc/result.csv cannot be written: No such file or directory (os error 2); name a file in a folder where you may write
    "#]],
    );
}

#[test]
fn a_saved_result_of_another_kind() {
    let place = Place::new().file("old.json", "{\"schema_version\": 99}");
    expect![[r#"
        exit code 2
        maitred: old.json: this result has schema version 99, and this maitred reads 1: use the newer maitred that wrote it, or measure again
    "#]].assert_eq(&place.transcript("compare old.json"));
    let place = Place::new().file("old.json", "[1, 2");
    expect![[r#"
        exit code 2
        maitred: old.json: this is no result that maitred saved (trailing characters at line 1 column 5); `maitred compare … --save FILE` makes one
    "#]].assert_eq(&place.transcript("compare old.json"));
}

#[test]
fn a_picture_of_what_is_not_there() {
    refused(
        "run work.kdl --from 5ms --to 2ms",
        &expect![[r#"
        exit code 2
        maitred: --from 5.00 ms does not come before --to 2.00 ms; name the earlier time first
    "#]],
    );
    refused(
        "run work.kdl --from 5",
        &expect![[r#"
        exit code 2
        error: invalid value '5' for '--from <TIME>': write a time with its unit, as in 1s or 250ms

        For more information, try '--help'.
    "#]],
    );
    refused(
        "run work.kdl --to 0s",
        &expect![[r#"
        exit code 2
        error: invalid value '0s' for '--to <TIME>': it must be longer than nothing

        For more information, try '--help'.
    "#]],
    );
    refused(
        "run work.kdl --by thread",
        &expect![[r#"
        exit code 2
        error: invalid value 'thread' for '--by <WHAT>'
          [possible values: worker, task, core]

        For more information, try '--help'.
    "#]],
    );
    refused(
        "run work.kdl --by core --no-scheduling",
        &expect![[r#"
        exit code 2
        maitred: --by core shows who was on which processor, which --no-scheduling does not record; omit one of them
    "#]],
    );
    let place = Place::new().file("work.kdl", "task \"t\" count=2 { wait \"1ms\" }\n");
    let line = "run work.kdl --model threads --no-scheduling --trace run.trace";
    assert!(place.run(line).status.success());
    expect![[r#"
        exit code 2
        maitred: run.trace: --by core needs the kernel's record of who was on which processor, and there is none: it was not recorded in this run; `maitred run` records it, unless it is told --no-scheduling
    "#]].assert_eq(&place.transcript("show run.trace --by core"));
    // How long the work took is measured.
    let beyond = place.transcript("show run.trace --from 1h");
    assert!(beyond.starts_with("exit code 2\nmaitred: run.trace: --from 1 h"), "{beyond}");
    assert!(beyond.contains("is beyond the end: the work took "), "{beyond}");
    assert!(place.run("compare work.kdl --models threads --runs 1 --save r.json").status.success());
    expect![[r#"
        exit code 2
        maitred: --by is for a trace, but r.json is a result, which has none; `maitred run … --trace FILE` saves one
    "#]].assert_eq(&place.transcript("show r.json --by task"));
}

/// What was measured is not lost because it cannot be drawn as it was asked for.
#[test]
fn a_run_that_is_over_before_the_picture_begins_is_shown_whole() {
    let place = Place::new().file("work.kdl", "task \"t\" count=2 { wait \"1ms\" }\n");
    let output = place.run("run work.kdl --model threads --from 1h");
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let (text, errors) = (crate::program::stdout(&output), stderr(&output));
    assert!(text.contains("2 tasks, 2 lanes") && text.contains("start-up"), "{text}");
    assert!(errors.contains("is beyond the end") && errors.lines().count() == 1, "{errors}");
}
