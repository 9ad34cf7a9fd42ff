//! What each strategy is, in one table: how many lanes it has, what they are made of, which of them
//! are loops. Whoever plans, records, analyses or draws asks here; what a runtime does otherwise
//! than the table says, it announces ([`Offer`]).

use serde::{Deserialize, Serialize};

use crate::strategy::Strategy;
use crate::trace_file::Role;

/// How many lanes a strategy has, and so whether their number can be chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lanes {
    One,
    /// One for each task.
    ByTask,
    /// One for each worker.
    ByWorker,
    /// One that interleaves tasks, and one for each worker.
    LoopAndWorkers,
}

/// Which lanes interleave tasks: who waits there gives way to others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loops {
    None,
    First,
    Every,
}

/// What a lane is made of, and so what its workers share and what the machine has to allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Substance {
    Thread,
    /// A thread with an interpreter of its own: memory and locks of the language are not shared.
    Interpreter,
    Process,
}

/// What a strategy is by itself, whoever carries it out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    pub lanes: Lanes,
    pub loops: Loops,
    pub substance: Substance,
}

impl Facts {
    /// Of which number of tasks and workers follows how many workers: `asked` where that can be
    /// chosen, else what the strategy says.
    pub fn workers(self, tasks: u32, asked: u32) -> u32 {
        match self.lanes {
            Lanes::One => 1,
            Lanes::ByTask => tasks,
            Lanes::ByWorker | Lanes::LoopAndWorkers => asked,
        }
    }

    /// How many lanes there are with so many tasks and workers.
    pub fn lane_count(self, tasks: u32, workers: u32) -> u32 {
        match self.lanes {
            Lanes::One => 1,
            Lanes::ByTask => tasks,
            Lanes::ByWorker => workers,
            Lanes::LoopAndWorkers => workers + 1,
        }
    }

    /// Whether a number of workers can be chosen.
    pub fn has_workers(self) -> bool {
        matches!(self.lanes, Lanes::ByWorker | Lanes::LoopAndWorkers)
    }

    /// Whether several tasks can be under way on one lane at a time.
    pub fn interleaves(self) -> bool {
        self.loops != Loops::None
    }

    /// Whether several tasks can be under way, each with a lane for itself.
    pub fn is_one_task_a_lane(self) -> bool {
        self.loops == Loops::None && self.lanes != Lanes::One
    }

    /// Whether a lane of this role interleaves tasks.
    pub fn is_loop(self, role: Option<Role>) -> bool {
        match self.loops {
            Loops::None => false,
            Loops::First => role == Some(Role::Loop),
            Loops::Every => true,
        }
    }

    /// Whether workers have memory of their own: variables, objects and a lock of the language are
    /// not shared, and what is handed over has to travel.
    pub fn is_apart(self) -> bool {
        self.substance != Substance::Thread
    }
}

impl Strategy {
    /// What this strategy is.
    pub const fn facts(self) -> Facts {
        use {Lanes as L, Substance as S};
        let (lanes, loops, substance) = match self {
            Self::Sequential => (L::One, Loops::None, S::Thread),
            Self::Threads => (L::ByTask, Loops::None, S::Thread),
            Self::ThreadPool => (L::ByWorker, Loops::None, S::Thread),
            Self::Processes => (L::ByWorker, Loops::None, S::Process),
            Self::EventLoop => (L::One, Loops::Every, S::Thread),
            Self::AsyncPool => (L::ByWorker, Loops::Every, S::Thread),
            Self::Hybrid => (L::LoopAndWorkers, Loops::First, S::Thread),
            Self::Interpreters => (L::ByWorker, Loops::None, S::Interpreter),
            // Where its workers live, only it knows.
            Self::Executor => (L::ByWorker, Loops::None, S::Thread),
        };
        Facts { lanes, loops, substance }
    }

    /// Whether a number of workers can be chosen: for the others it follows from the strategy
    /// (one for `sequential` and `event-loop`, one a task for `threads`).
    pub fn has_workers(self) -> bool {
        self.facts().has_workers()
    }

    /// Whether several tasks can be under way on one lane at a time, because waiting gives way.
    pub fn interleaves(self) -> bool {
        self.facts().interleaves()
    }
}

/// A strategy as a runner offers it, with what is so only under this runtime.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Written")]
pub struct Offer {
    /// As in [`Strategy::name`]. One that this version does not know is left aside.
    pub name: String,
    #[serde(flatten)]
    pub properties: Properties,
}

/// How a strategy works under one runtime.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Properties {
    /// Whether several tasks can compute at one time; `None`: wherever there are several lanes and
    /// no lock of the interpreter is in the way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parallel: Option<bool>,
    /// Whether a step that blocks makes all other tasks of its loop stand still; `None`: on each
    /// loop but that of a hybrid, which hands such steps over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stalls: Option<bool>,
    /// Whether a lane is one thread of the kernel from start to end; `None`: it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fixed_thread: Option<bool>,
}

impl Properties {
    /// Whether several tasks can compute at one time under this strategy, with a lock of the
    /// interpreter (`gil`) or without.
    pub fn is_parallel(self, strategy: Strategy, gil: Option<bool>) -> bool {
        let facts = strategy.facts();
        let locked = gil == Some(true) && !facts.is_apart();
        self.parallel.unwrap_or(facts.lanes != Lanes::One && !locked)
    }

    /// Whether a step that blocks makes all other tasks of its loop stand still.
    pub fn stalls(self, strategy: Strategy) -> bool {
        self.stalls.unwrap_or(strategy.facts().loops == Loops::Every)
    }
}

/// The two ways in which an offer is written: runners of protocol 1 said the name alone.
#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Name(String),
    Offer {
        name: String,
        #[serde(flatten)]
        properties: Properties,
    },
}

impl From<Written> for Offer {
    fn from(written: Written) -> Self {
        match written {
            Written::Name(name) => Self { name, properties: Properties::default() },
            Written::Offer { name, properties } => Self { name, properties },
        }
    }
}

impl From<Strategy> for Offer {
    fn from(strategy: Strategy) -> Self {
        Self { name: strategy.name().into(), properties: Properties::default() }
    }
}

impl Offer {
    /// The strategy of this name; `None`: this version knows none.
    pub fn strategy(&self) -> Option<Strategy> {
        self.name.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_says_what_the_names_promise() {
        let lanes = |strategy: Strategy| strategy.facts().lane_count(100, 4);
        let counts = Strategy::ALL.map(lanes);
        assert_eq!(counts, [1, 100, 4, 4, 1, 4, 5, 4, 4]);
        let workers = Strategy::ALL.map(|one| one.facts().workers(100, 4));
        assert_eq!(workers, [1, 100, 4, 4, 1, 4, 4, 4, 4]);
        let hybrid = Strategy::Hybrid.facts();
        assert!(hybrid.is_loop(Some(Role::Loop)) && !hybrid.is_loop(Some(Role::Worker)));
        assert!(Strategy::AsyncPool.facts().is_loop(Some(Role::Worker)));
    }

    #[test]
    fn a_lock_keeps_threads_from_computing_at_one_time_and_not_what_lives_apart() {
        let table = Properties::default();
        assert!(!table.is_parallel(Strategy::ThreadPool, Some(true)));
        assert!(table.is_parallel(Strategy::ThreadPool, Some(false)));
        assert!(table.is_parallel(Strategy::Processes, Some(true)));
        assert!(table.is_parallel(Strategy::Interpreters, Some(true)));
        assert!(!table.is_parallel(Strategy::EventLoop, None));
        let own = Properties { parallel: Some(true), ..table };
        assert!(own.is_parallel(Strategy::ThreadPool, Some(true)), "what was announced counts");
    }

    #[test]
    fn an_offer_is_a_name_or_a_name_with_properties() {
        let text = r#"["threads", {"name": "async-pool", "stalls": false}, {"name": "grid"}]"#;
        let offers: Vec<Offer> = serde_json::from_str(text).unwrap();
        let known: Vec<_> = offers.iter().map(Offer::strategy).collect();
        assert_eq!(known, [Some(Strategy::Threads), Some(Strategy::AsyncPool), None]);
        assert!(!offers[1].properties.stalls(Strategy::AsyncPool));
        assert!(Properties::default().stalls(Strategy::AsyncPool));
        let again: Vec<Offer> =
            serde_json::from_str(&serde_json::to_string(&offers).unwrap()).unwrap();
        assert_eq!(again, offers);
    }
}
