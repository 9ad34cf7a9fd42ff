//! Results that are kept: one SQLite database in a folder of the user's. Everything that was run is
//! a row with its figures; what it was made of (the result as JSON, the workload's text, traces)
//! stands beside it, compressed. Old traces leave when there is no room for them; figures never.
//! What an item says of itself is for [`Item`]; keeping and finding is [`Store`]'s.

mod error;
mod item;
mod pack;
mod place;
mod read;
mod schema;
#[cfg(test)]
mod tests;
mod write;

pub use error::Error;
pub use item::{CellPlace, Figure, Item, Kind, Part};
pub use place::{FILE, folder};
pub use read::{Filter, Kept, Selector, TraceRow};
pub use write::{Receipt, Store};

/// What traces may take together, bytes, where nothing else is said.
pub const TRACES_BYTES: u64 = 2 << 30;
