//! What the kernel can say about a run and about the machine. Reads; starts and ends nothing
//! (that is [`crate::runtime`]). A figure that this machine cannot give is unknown with a reason,
//! never zero.

pub mod calibration;
mod cgroup;
pub mod clock;
pub(crate) mod footprint;
pub mod limits;
pub mod machine;
pub(crate) mod mark;
pub(crate) mod memory;
pub(crate) mod noise;
pub mod recorder;
pub(crate) mod sys;
pub mod trace_map;
pub(crate) mod tree;
pub(crate) mod usage;
pub(crate) use maitred_kernel::procfs;
pub use mark::is_within_a_run;
pub use sys::raise_open_files;
