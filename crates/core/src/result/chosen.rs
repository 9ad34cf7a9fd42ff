//! Why a contestant takes part as it does though nobody asked for that. The main type is [`Chosen`].

use serde::{Deserialize, Serialize};

/// What decided on a number of workers, or that there is this contestant at all.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "kebab-case")]
pub enum Chosen {
    /// So many workers an executor of the language's standard library takes by itself.
    LibraryDefault,
    /// A loop has all tasks under way at once, and so has this pool.
    EqualConcurrency,
    /// The formula for the size of a pool, with the figures of the first round.
    Formula {
        /// Of the tasks' own time.
        waiting_per_computing: f64,
    },
    /// One call was seen to keep several processors busy in the first round: here libraries take one
    /// thread each.
    OneInnerThread {
        /// By that call.
        cores_used: f64,
    },
}
