//! The program `maitred`: see the library beside it.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(maitred::main())
}
