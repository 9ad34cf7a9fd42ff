//! What happened: spans by task, step and lane, resource use, outcome, and where it came from.
//! Every analysis and every view reads only this. The main type is [`Trace`].

mod decode;
#[cfg(test)]
mod decode_tests;
mod laws;
#[cfg(test)]
mod laws_tests;
mod model;
mod names;
mod outcome;
#[cfg(test)]
pub(crate) mod sample;
mod scheduling;
mod waits;
mod ways;

pub use decode::{NotATraceFile, TraceFile};
pub use laws::violations;
pub use model::{
    Group, Lane, LaneCounters, Noise, Observed, PeakMemory, RunEnd, ServerUse, Span, Task,
    Throttled, Trace, Usage,
};
pub use names::task_name;
pub use outcome::{Executor, Origin, Outcome};
pub use scheduling::{Gap, Kinds, Scheduling, Slice, SliceEnd, Source, Thread};
pub use waits::{WaitCause, WaitLook, Waits};
pub use ways::{Leg, Way};

pub use crate::workload::{StepInfo, StepKind};
