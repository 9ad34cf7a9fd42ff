//! A limit that was lowered for real is named before the run. The program with the lowered limit is
//! this test program, started again by a shell.
#![expect(clippy::unwrap_used, reason = "a test may fail at any line")]

use std::process::Command;

use maitred_engine::measure::limits::{Demand, check};

const PART: &str = "LIMITS_PART";

#[test]
fn part() {
    let Ok(part) = std::env::var(PART) else { return };
    let (threads, processes) = part.split_once(' ').unwrap();
    let (threads, processes) = (threads.parse().unwrap(), processes.parse().unwrap());
    eprintln!("answer: {:?}", check(&Demand { threads, processes, bytes: 0, connections: 0 }));
}

/// What `check` says after this command of the shell.
fn answer(before: &str, threads: u64, processes: u64) -> String {
    let script = format!(r#"{before} && exec "$0" --exact part --nocapture"#);
    let output = Command::new("bash")
        .args(["-c", &script])
        .arg(std::env::current_exe().unwrap())
        .env(PART, format!("{threads} {processes}"))
        .output()
        .unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    text.lines().find_map(|line| line.strip_prefix("answer: ")).expect(&text).to_owned()
}

#[test]
fn open_files_limit_worker_processes_and_not_threads() {
    let refused = answer("ulimit -n 100", 0, 200);
    assert!(refused.contains("open files of a process is limited to 100"), "{refused}");
    assert!(refused.starts_with("Err(\"200 processes are more than"), "{refused}");
    assert_eq!(answer("ulimit -n 100", 200, 0), "Ok(())");
    assert_eq!(answer("ulimit -n 100", 0, 10), "Ok(())");
    // A soft limit is raised for the runner.
    assert_eq!(answer("ulimit -Sn 100", 0, 200), "Ok(())");
}

#[test]
fn the_superuser_alone_may_exceed_the_limit_of_a_user() {
    let superuser = std::fs::read_to_string("/proc/self/status")
        .unwrap()
        .lines()
        .any(|line| line.starts_with("Uid:\t0\t"));
    let said = answer("ulimit -u 1000", 2000, 0);
    assert_eq!(said == "Ok(())", superuser, "{said}");
    assert!(superuser || said.contains("threads of this user is limited to 1000"), "{said}");
}
