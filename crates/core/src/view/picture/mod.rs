//! Drawings for documents, slides and pages: SVG, written by hand, 800 units wide. A picture says in
//! words what it shows (`<title>`, `<desc>`), needs no network and no script, never grows with the
//! number of slices, and never tells by colour alone what it tells. Turns nothing into pixels: that
//! needs fonts.

pub mod bars;
mod curve;
pub mod history;
mod kernel;
mod lanes;
pub mod latency;
mod look;
mod palette;
mod scale;
pub mod scaling;
mod svg;
#[cfg(test)]
mod tests;
pub mod timeline;

use alloc::string::String;

use crate::result::Comparison;

pub use look::Look;
pub use palette::Theme;
pub(super) use palette::{name as state_name, page_style};
pub(super) use svg::escaped;
#[cfg(test)]
pub(super) use tests::arbitrary_comparison;

/// What can be drawn of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chart {
    /// How fast, with intervals.
    Bars,
    /// Over numbers of workers, or else over the values of what was swept.
    Scaling,
    /// How long tasks took.
    Latency,
    /// How long requests took.
    Requests,
}

/// Draws one of them.
///
/// # Errors
/// A lowercase sentence: why this comparison has no such picture, and how to get one.
pub fn chart(comparison: &Comparison, chart: Chart, look: &Look) -> Result<String, &'static str> {
    match chart {
        Chart::Bars => Ok(bars::bars(comparison, look)),
        Chart::Scaling => scaling::workers(comparison, look)
            .or_else(|| scaling::settings(comparison, look))
            .ok_or(
                "no model was measured with several numbers of workers or under several values; \
                 compare with --workers or --sweep",
            ),
        Chart::Latency => latency::tasks(comparison, look)
            .ok_or("the latency of tasks is not known of any model that is ranked"),
        Chart::Requests => latency::requests(comparison, look).ok_or(
            "no model that is ranked made a request; a workload with `http` steps makes some",
        ),
    }
}
