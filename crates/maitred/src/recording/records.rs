//! What a trace has by the million, as those take it who draw it or write it for other programs.

use maitred_core::trace::{Slice, Span, Trace};

/// What comes by the million, from wherever it lies.
pub(crate) struct Records<'a> {
    pub(crate) spans: Box<dyn Iterator<Item = Span> + 'a>,
    pub(crate) slices: Box<dyn Iterator<Item = Slice> + 'a>,
}

impl<'a> Records<'a> {
    /// Those that the trace itself has.
    pub(crate) fn of(trace: &'a Trace) -> Self {
        let slices = trace.scheduling.known().map_or(&[][..], |it| &it.slices);
        Self {
            spans: Box::new(trace.spans.iter().copied()),
            slices: Box::new(slices.iter().copied()),
        }
    }
}
