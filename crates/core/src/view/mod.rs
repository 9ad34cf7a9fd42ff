//! Text for people and for programs, from traces and comparisons. Every view returns a `String`;
//! none prints, asks the terminal or reads a clock. What the terminal can do is said by
//! [`Options`].

pub mod changes;
mod chosen;
pub mod chrome;
pub mod ci;
pub mod claims;
mod columns;
pub mod csv;
pub mod fit;
pub mod history;
pub mod json;
pub mod kept;
pub mod markdown;
mod paint;
pub mod perfetto;
pub mod phases;
pub mod picture;
mod repeat;
pub mod replay;
pub mod report;
mod requests;
mod row;
mod scheduling;
#[cfg(test)]
mod schema_tests;
pub mod shell;
#[cfg(test)]
mod site_tests;
pub mod state;
mod state_times;
pub mod strategies;
pub mod table;
#[cfg(test)]
mod tests;
mod threads;
pub mod timeline;
mod tracks;
#[cfg(test)]
mod tracks_tests;
#[cfg(test)]
mod ways_tests;

pub use paint::to_ascii;

pub use crate::analyse::units;

/// What the place can show that a view is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Columns of the terminal. Views keep to it from 40 on.
    pub width: usize,
    /// Whether ANSI colours (256 of them) are understood.
    pub color: bool,
    /// Nothing beyond ASCII.
    pub ascii: bool,
    /// Rows of a timeline before "… and so many more".
    pub rows: usize,
    /// Everything that is known, and not only what is read in five seconds.
    pub details: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { width: 80, color: false, ascii: false, rows: 24, details: false }
    }
}
