//! Whose threads and loops a runner has, which is the name of its runtime.

use maitred_wire::Strategy;

use crate::calls::Functions;

/// What a runner has beside others of its kind.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Own {
    pub(crate) functions: Option<&'static dyn Functions>,
    pub(crate) library: Library,
}

/// One runner, or for a program with functions of its own one of three, as its author would say it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Library {
    /// All that there is.
    #[default]
    Native,
    /// Threads and processes alone.
    Std,
    /// Loops.
    Tokio,
    /// A pool that steals.
    #[cfg(feature = "rayon")]
    Rayon,
}

impl Library {
    /// Those by which functions are called.
    pub const OF_FUNCTIONS: &[Self] = &[
        Self::Std,
        Self::Tokio,
        #[cfg(feature = "rayon")]
        Self::Rayon,
    ];

    /// The name of the runtime.
    pub fn name(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::Std => "std",
            Self::Tokio => "tokio",
            #[cfg(feature = "rayon")]
            Self::Rayon => "rayon",
        }
    }

    /// The library of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::OF_FUNCTIONS.iter().copied().find(|library| library.name() == name)
    }

    /// What can be done with it.
    pub fn strategies(self) -> &'static [Strategy] {
        use Strategy as S;
        match self {
            Self::Native => &[
                S::Sequential,
                S::Threads,
                S::ThreadPool,
                S::Processes,
                S::EventLoop,
                S::AsyncPool,
                S::Hybrid,
            ],
            Self::Std => &[S::Sequential, S::Threads, S::ThreadPool, S::Processes],
            Self::Tokio => &[S::EventLoop, S::AsyncPool, S::Hybrid],
            #[cfg(feature = "rayon")]
            Self::Rayon => &[S::ThreadPool],
        }
    }
}
