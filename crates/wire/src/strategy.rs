//! Who executes which task when: the closed set of strategies, and the model (runtime/strategy).

use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Serialize};

/// How tasks are given to threads, processes and loops. The names are the same everywhere:
/// in KDL, in the protocol, in file names, in legends and in tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Strategy {
    /// One after another, on one thread.
    Sequential,
    /// One thread a task.
    Threads,
    /// A fixed number of threads that take tasks from one queue.
    ThreadPool,
    /// A fixed number of processes that take tasks from one queue.
    Processes,
    /// One thread, many tasks: cooperative scheduling.
    EventLoop,
    /// A few threads, many tasks: cooperative scheduling with work stealing.
    AsyncPool,
    /// A loop that waits, and a pool of threads that computes and blocks.
    Hybrid,
    /// One interpreter a worker within one process (Python 3.14 and later).
    Interpreters,
    /// Whatever a function of the user's makes to which calls can be submitted: a pool of a library,
    /// or one written by hand. Who does them, threads or processes, is seen when they are done.
    Executor,
}

impl Strategy {
    /// All strategies, in the order in which they are shown.
    pub const ALL: [Self; 9] = [
        Self::Sequential,
        Self::Threads,
        Self::ThreadPool,
        Self::Processes,
        Self::EventLoop,
        Self::AsyncPool,
        Self::Hybrid,
        Self::Interpreters,
        Self::Executor,
    ];

    /// The name used in KDL, on the command line, in the protocol and in every view.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sequential => "sequential",
            Self::Threads => "threads",
            Self::ThreadPool => "thread-pool",
            Self::Processes => "processes",
            Self::EventLoop => "event-loop",
            Self::AsyncPool => "async-pool",
            Self::Hybrid => "hybrid",
            Self::Interpreters => "interpreters",
            Self::Executor => "executor",
        }
    }

    /// What programs and libraries call it: understood wherever a strategy is named.
    pub fn also_called(self) -> &'static [&'static str] {
        match self {
            Self::Threads => &["goroutines"],
            Self::ThreadPool => &["concurrent.futures", "ThreadPoolExecutor"],
            Self::Processes => &["multiprocessing", "ProcessPoolExecutor"],
            Self::EventLoop => &["asyncio"],
            Self::AsyncPool => &["tokio"],
            Self::Sequential | Self::Hybrid | Self::Interpreters | Self::Executor => &[],
        }
    }
}

impl fmt::Display for Strategy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Strategy {
    type Err = ModelError;

    fn from_str(text: &str) -> Result<Self, ModelError> {
        Self::ALL
            .into_iter()
            .find(|strategy| strategy.name() == text || strategy.also_called().contains(&text))
            .ok_or_else(|| ModelError::UnknownStrategy(text.into()))
    }
}

/// A runtime and a strategy, with the number of workers where one was asked for: written
/// `native/threads` or `python3.14t/thread-pool:8`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Model {
    /// Who executes steps: `native`, `python3.11`, …
    pub runtime: String,
    /// Who executes which task when.
    pub strategy: Strategy,
    /// The number of workers asked for; `None` where the default holds.
    pub workers: Option<u32>,
    /// What a sweep set for it, as `NAME=VALUE`, several of them with blanks between; `None`: the
    /// work was not swept.
    pub setting: Option<String>,
}

impl Model {
    /// A model with the default number of workers.
    pub fn new(runtime: &str, strategy: Strategy) -> Self {
        Self { runtime: runtime.into(), strategy, workers: None, setting: None }
    }
}

impl fmt::Display for Model {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut name = format!("{}/{}", self.runtime, self.strategy);
        if let Some(workers) = self.workers {
            name.push_str(&format!(":{workers}"));
        }
        if let Some(setting) = &self.setting {
            name.push_str(&format!(" {setting}"));
        }
        f.pad(&name)
    }
}

/// Why a text is not a model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModelError {
    /// There is no `/` between a runtime and a strategy.
    NoSlash(String),
    /// No strategy has this name.
    UnknownStrategy(String),
    /// What follows the colon is not a number of workers from 1 to 65,536.
    BadWorkers(String),
}

impl fmt::Display for ModelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSlash(text) => {
                write!(f, "`{text}` is not a model: write RUNTIME/STRATEGY, as in native/threads")
            }
            Self::UnknownStrategy(text) => write!(f, "unknown strategy `{text}`"),
            Self::BadWorkers(text) => {
                write!(f, "`{text}` is not a number of workers from 1 to 65536")
            }
        }
    }
}

impl std::error::Error for ModelError {}

impl FromStr for Model {
    type Err = ModelError;

    fn from_str(text: &str) -> Result<Self, ModelError> {
        let (text, setting) = match text.split_once(' ') {
            None => (text, None),
            Some((text, setting)) => (text, Some(setting.to_string())),
        };
        let (runtime, rest) =
            text.rsplit_once('/').ok_or_else(|| ModelError::NoSlash(text.into()))?;
        let (strategy, workers) = match rest.split_once(':') {
            None => (rest, None),
            Some((strategy, workers)) => {
                let count = workers.parse().ok().filter(|count| (1..=65_536).contains(count));
                (strategy, Some(count.ok_or_else(|| ModelError::BadWorkers(workers.into()))?))
            }
        };
        if runtime.is_empty() {
            return Err(ModelError::NoSlash(text.into()));
        }
        Ok(Self { runtime: runtime.into(), strategy: strategy.parse()?, workers, setting })
    }
}

impl Serialize for Model {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Model {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_strategy_survives_its_name() {
        for strategy in Strategy::ALL {
            assert_eq!(strategy.name().parse(), Ok(strategy));
            let json = serde_json::to_string(&strategy).unwrap();
            assert_eq!(json, format!("\"{}\"", strategy.name()));
        }
    }

    #[test]
    fn models_are_read_as_they_are_written() {
        for text in ["native/threads", "python3.14t/thread-pool:8", "/usr/bin/python3/processes:1"]
        {
            assert_eq!(text.parse::<Model>().map(|model| model.to_string()), Ok(text.to_owned()));
        }
        assert_eq!("threads".parse::<Model>(), Err(ModelError::NoSlash("threads".into())));
        assert_eq!("native/x".parse::<Model>(), Err(ModelError::UnknownStrategy("x".into())));
        for workers in ["0", "-1", "65537", "many", ""] {
            let text = format!("native/threads:{workers}");
            assert_eq!(text.parse::<Model>(), Err(ModelError::BadWorkers(workers.into())));
        }
    }
}
