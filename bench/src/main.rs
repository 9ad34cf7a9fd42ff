//! Ratios of the native runner to the same work written by hand, and the bars that they must
//! keep. See `bench/README.md`.
//!
//! Each measurement is a process of its own (this program, started again with a role), so that
//! peak memory is its own too. Peer and ours alternate, so that noise hits both.
#![expect(clippy::print_stdout, reason = "the table is the purpose of this program")]

mod cases;
mod closures;
mod command;
mod ours;
mod peers;
mod scheduling;
mod traces;
mod usage;

use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["runner"] => ours::be_runner(),
        ["peer", name, tasks] => peers::be_peer(name, tasks),
        ["draw", form, path] => traces::be_drawer(form, path),
        [] => report(""),
        [part] => report(part),
        _ => ExitCode::from(2),
    }
}

/// Runs every case whose name contains this and prints a line for each.
fn report(part: &str) -> ExitCode {
    println!("{:<58} {:>10} {:>10} {:>7} {:>6}", "what", "peer", "ours", "ratio", "bar");
    let mut kept = true;
    for case in cases::all().into_iter().filter(|case| case.name.contains(part)) {
        for row in (case.measure)() {
            kept &= row.holds();
            println!("{row}");
        }
    }
    if kept { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
