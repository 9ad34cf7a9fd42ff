//! The workload language.
