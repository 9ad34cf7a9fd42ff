//! What is said about workloads, right and wrong.

mod diagnostics;
