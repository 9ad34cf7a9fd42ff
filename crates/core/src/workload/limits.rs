//! How much a workload may ask for. A mistake that goes over a limit says the limit.

/// The longest file, in bytes.
pub const SOURCE_MAX: usize = 1 << 20;
/// After so many mistakes the rest of the file is not looked at.
pub const MISTAKES_MAX: usize = 100;
/// How deep blocks may be nested.
pub const DEPTH_MAX: usize = 32;
/// Tasks of all kinds together.
pub const TASKS_MAX: u64 = 10_000_000;
/// Threads or processes.
pub const WORKERS_MAX: u32 = 65_536;
/// Models in `compare`.
pub const MODELS_MAX: usize = 100;
/// Units of a resource, places in a channel.
pub const CAPACITY_MAX: u64 = 1_000_000_000;
/// Steps that one task executes, repetitions counted.
pub const STEPS_PER_TASK_MAX: u64 = 1_000_000_000;
/// Steps that all tasks together execute.
pub const STEPS_MAX: u64 = 100_000_000_000;
/// Random durations of all tasks together; eight bytes each.
pub const DRAWS_MAX: u64 = 100_000_000;
/// The longest duration is also the latest arrival.
pub use maitred_wire::DURATION_MAX_NS;
/// The most memory of one `allocate`, in bytes: 1 TiB.
pub const ALLOCATE_MAX: u64 = 1 << 40;
/// Threads or processes of a test server.
pub(crate) const SERVER_WORKERS_MAX: u32 = 1024;
