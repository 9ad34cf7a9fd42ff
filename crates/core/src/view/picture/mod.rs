//! Drawings for documents, slides and pages: SVG, written by hand, 800 units wide. A picture says in
//! words what it shows (`<title>`, `<desc>`), needs no network and no script, never grows with the
//! number of slices, and never tells by colour alone what it tells. Turns nothing into pixels: that
//! needs fonts.

pub mod bars;
mod curve;
mod lanes;
pub mod latency;
mod palette;
mod scale;
pub mod scaling;
mod svg;
#[cfg(test)]
mod tests;
pub mod timeline;

use alloc::string::String;

pub use palette::Theme;

/// How a picture is to look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Look {
    pub theme: Theme,
    /// Begins every id of the picture, so that several can stand in one page. Letters, digits, `-`.
    pub id: String,
    /// Rows of a kind before "and so many more".
    pub rows: usize,
}

impl Default for Look {
    fn default() -> Self {
        Self { theme: Theme::Auto, id: "maitred".into(), rows: 24 }
    }
}
