//! The program `maitred`: see the library beside it.

use std::process::ExitCode;

fn main() -> ExitCode {
    maitred::main()
}
