//! A plot with two axes: grid, ticks, and marks whose shape tells the curves apart where colours
//! do not.

use alloc::format;
use alloc::string::String;

use super::scale::Scale;
use super::svg::{Anchor, LINE, SIZE, Svg, WIDTH, cut, number, width};

/// Where a plot is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame {
    pub(super) left: f64,
    pub(super) right: f64,
    pub(super) top: f64,
    pub(super) bottom: f64,
}

impl Frame {
    /// Vertical lines with their labels below, in the first place that is free.
    pub(super) fn columns(&self, svg: &mut Svg<'_>, scale: &Scale, label: &dyn Fn(f64) -> String) {
        let mut free = f64::NEG_INFINITY;
        for tick in scale.ticks(((self.right - self.left) / 80.0) as usize) {
            let x = scale.at(tick);
            svg.line((x, self.top), (x, self.bottom), "m-line m-grid");
            let text = cut(&label(tick), SIZE, 120.0);
            let half = width(&text, SIZE) / 2.0;
            let middle = x.min(WIDTH - 4.0 - half);
            if middle - half > free {
                svg.text(middle, self.bottom + LINE, "m-t m-dim", Anchor::Middle, &text);
                free = middle + half + 6.0;
            }
        }
    }

    /// Horizontal lines with their labels to the left.
    pub(super) fn rows(&self, svg: &mut Svg<'_>, scale: &Scale, label: &dyn Fn(f64) -> String) {
        for tick in scale.ticks(((self.bottom - self.top) / 34.0) as usize) {
            let y = scale.at(tick);
            svg.line((self.left, y), (self.right, y), "m-line m-grid");
            svg.text(
                self.left - 8.0,
                y + 4.0,
                "m-t m-dim",
                Anchor::End,
                &cut(&label(tick), SIZE, self.left - 12.0),
            );
        }
    }
}

/// A mark of a curve: each curve has a shape of its own.
pub(super) fn mark(svg: &mut Svg<'_>, series: usize, x: f64, y: f64) {
    let (x, y) = (number(x), number(y));
    let d = match series % 6 {
        0 => format!("M{x} {y}m-5 0a5 5 0 1 0 10 0a5 5 0 1 0 -10 0z"),
        1 => format!("M{x} {y}m-5 -5h10v10h-10z"),
        2 => format!("M{x} {y}m0 -6l6 11h-12z"),
        3 => format!("M{x} {y}m0 -6l6 6l-6 6l-6 -6z"),
        4 => format!("M{x} {y}m0 6l6 -11h-12z"),
        _ => format!("M{x} {y}m-2 -6h4v4h4v4h-4v4h-4v-4h-4v-4h4z"),
    };
    svg.path(&d, &format!("class=\"m-f{series}\""));
}
