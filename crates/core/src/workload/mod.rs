//! The workload language: what is to be done, never how. `crates/maitred/GRAMMAR.md` is its
//! reference.
//!
//! [`parse`] reads a file and says every mistake at once; [`lower`] puts in the parameters,
//! draws what is random and gives what runners can do. Nothing here reads a file or a clock.
//! The main types are [`Workload`] and [`Lowered`].

pub mod ast;
mod check;
mod claim;
mod diagnostic;
mod draft;
mod draw;
mod expectation;
mod fill;
mod least;
pub mod limits;
mod lower;
mod needs;
mod param;
mod parse;
mod quantity;
mod shape;
mod step;
mod syntax;
#[cfg(test)]
mod tests;
mod value;

use alloc::format;
use alloc::vec::Vec;

use limits::SOURCE_MAX;

pub use ast::{Counted, Relation, Workload};
pub use claim::{Claim, Figure, Part, Quantity, Unit};
pub use diagnostic::{Diagnostic, Place, Report, SHOWN, Severity, Style};
pub use draft::{ARCHITECTURES, Server};
pub use expectation::{Expect, Expected};
pub use lower::{Choices, Lowered, address, fingerprint, input_files, lower};
pub use quantity::{Nanos, nearest, parse_size};
pub use step::{StepInfo, StepKind};

/// Nanoseconds of a duration such as `1m30s`.
///
/// # Errors
/// A few words on what is wrong with it.
pub fn parse_duration(text: &str) -> Result<u64, alloc::string::String> {
    Nanos::parse(text).map(|Nanos(nanoseconds)| nanoseconds)
}

/// Reads a workload.
///
/// # Errors
/// Every mistake in it, down the file. A mistake of syntax hides those of meaning.
pub fn parse(source: &str) -> Result<Workload, Vec<Diagnostic>> {
    if source.len() > SOURCE_MAX {
        let message =
            format!("this file has {} bytes, and a workload at most {SOURCE_MAX}", source.len());
        return Err([Diagnostic::whole(message)].into());
    }
    let nodes = syntax::read(source).map_err(diagnostic::in_order)?;
    let mut mistakes = Vec::new();
    let mut workload = parse::parse(&nodes, &mut mistakes);
    let params = param::Params::resolve(&workload, &[], &mut mistakes);
    let draft = draft::draft(&workload, &params, None, &mut mistakes);
    check::check(&draft, &mut mistakes);
    if !mistakes.is_empty() {
        return Err(diagnostic::in_order(mistakes));
    }
    workload.warnings = check::warnings(&workload, &draft);
    Ok(workload)
}
