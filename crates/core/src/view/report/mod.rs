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

/// Where it will be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// As a file of its own, with everything.
    Page,
    /// Inside of another page, as below a notebook's cell: what is read first, without styles,
    /// scripts or elements that a page that trusts nobody takes out.
    Fragment,
}
