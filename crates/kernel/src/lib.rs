//! What Linux says to every program of ours, read in one place: the files of /proc, the control groups,
//! the size of a page; and how a process is sent a signal. What the figures mean, whoever asks knows.

pub mod cgroup;
pub mod procfs;
mod sys;

pub use sys::{page_bytes, signal, signal_group, ticks_per_second};
