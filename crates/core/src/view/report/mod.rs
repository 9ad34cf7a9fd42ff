//! A page of what was saved: tables, pictures, conclusion, method, machine and how to repeat it, in
//! one file of HTML that needs no network and no script (and says so to the browser). It is
//! well-formed XML besides.

mod compared;
mod html;
mod recorded;
#[cfg(test)]
mod tests;

pub use compared::comparison;
pub use recorded::recording;
