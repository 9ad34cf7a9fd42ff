//! The lab: notebooks whose cells run here, and the page that shows them. Knows how a notebook is
//! written, what a cell asks of the engine, and how what comes back is shown; it starts no runner
//! itself.

pub mod notebook;
