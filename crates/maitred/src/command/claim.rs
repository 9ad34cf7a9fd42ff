//! `maitred claim`: claims about a piece of work that has no file with claims.

use crate::cli::ClaimArgs;
use crate::command::check;
use crate::error::Error;
use crate::terminal::Terminal;

/// Tests the claims; the number is the exit code.
///
/// # Errors
/// See [`Error`]; what was found before is shown and written all the same.
pub(crate) fn run(args: &ClaimArgs, terminal: &mut Terminal) -> Result<u8, Error> {
    check::test(args.request()?, &args.verdicts, terminal)
}
