//! What happened: spans by task, step and lane, resource use, outcome, and where it came from.
//! Every analysis and every view reads only this. The main type is [`Trace`].

mod model;

pub use model::{
    Group, Lane, LaneCounters, Noise, Observed, Origin, PeakMemory, RunEnd, Span, Task, Trace,
    Usage,
};

pub use crate::workload::{StepInfo, StepKind};
