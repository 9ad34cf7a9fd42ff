//! What Linux says to every program of ours, read in one place: the files of /proc, the control groups,
//! the size of a page; how a process is sent a
//! signal, and how it reads those that it was sent. What the figures mean, whoever asks knows.

pub mod cgroup;
pub mod procfs;
mod sys;

pub use sys::{
    Bell, SignalFd, page_bytes, signal, signal_group, ticks_per_second, unblock_signals,
};
