//! One job and the functions that do it: [`Compare`].

use std::fmt;
use std::future::Future;
use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher, Hash};
use std::time::Duration;

use maitred_engine::request::{self, Closure, Rounds, Subject};
use maitred_native::Awaited;

use crate::any::AnyCompare;
use crate::functions::{Call, Job, Place};

/// One job, its inputs, and the functions that do it, to be compared under several models.
///
/// Without a model named, those take part that suit: for a plain function `std/sequential`,
/// `std/thread-pool`, `std/processes` and `rayon/thread-pool`; for one that is awaited
/// `std/sequential`, `tokio/event-loop` and `tokio/async-pool`.
pub struct Compare<I: 'static, R: 'static> {
    name: String,
    job: Job<I, R>,
    models: Vec<String>,
    rounds: Rounds,
    timeout: Option<Duration>,
}

impl<I: Send + Sync + 'static, R: Send + 'static> Compare<I, R> {
    /// One of this name, by which it is chosen on the command line.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            job: Job { inputs: Vec::new(), calls: Vec::new(), hashing: None, check: None },
            models: Vec::new(),
            rounds: Rounds::default(),
            timeout: None,
        }
    }

    /// What the functions are called with: each input is a task. `[(); 100]` are a hundred calls of what
    /// needs none. They are made anew in the process of each round, before it begins.
    pub fn inputs(mut self, inputs: impl IntoIterator<Item = I>) -> Self {
        self.job.inputs.extend(inputs);
        self
    }

    /// The function. Several of them (see [`Compare::call_named`]) are compared with each other too.
    pub fn call(self, function: impl Fn(&'static I) -> R + Send + Sync + 'static) -> Self {
        self.call_named("call", function)
    }

    /// A function by its name.
    pub fn call_named(
        mut self,
        name: impl Into<String>,
        function: impl Fn(&'static I) -> R + Send + Sync + 'static,
    ) -> Self {
        self.job.calls.push((name.into(), Call::Plain(Box::new(function))));
        self
    }

    /// An async function. Its futures are polled by tokio, with its timers and its sockets; where a model
    /// has no loop, each is awaited by the thread that has the task.
    pub fn call_async<F>(self, function: impl Fn(&'static I) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = R> + Send + 'static,
    {
        self.call_async_named("call", function)
    }

    /// An async function by its name.
    pub fn call_async_named<F>(
        mut self,
        name: impl Into<String>,
        function: impl Fn(&'static I) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = R> + Send + 'static,
    {
        let begin = move |input, place: Place<R>| -> Awaited {
            let call = function(input);
            Box::pin(async move { place.put(call.await) })
        };
        self.job.calls.push((name.into(), Call::Awaited(Box::new(begin))));
        self
    }

    /// One task after another: `std/sequential`.
    pub fn sequential(self) -> Self {
        self.model("std/sequential")
    }

    /// A thread a task: `std/threads`.
    pub fn threads(self) -> Self {
        self.model("std/threads")
    }

    /// So many threads that take tasks from one queue: `std/thread-pool:N`.
    pub fn pool(self, workers: u32) -> Self {
        self.model(format!("std/thread-pool:{workers}"))
    }

    /// Processes that are copies of the runner: `std/processes`.
    pub fn processes(self) -> Self {
        self.model("std/processes")
    }

    /// A parallel iterator on as many threads as a pool has: `rayon/thread-pool`.
    #[cfg(feature = "rayon")]
    pub fn rayon(self) -> Self {
        self.model("rayon/thread-pool")
    }

    /// Tokio's runtime of one thread: `tokio/event-loop`.
    pub fn event_loop(self) -> Self {
        self.model("tokio/event-loop")
    }

    /// Tokio's runtime of several threads: `tokio/async-pool`.
    pub fn tokio(self) -> Self {
        self.model("tokio/async-pool")
    }

    /// Tokio's runtime of one thread, which hands plain functions to a pool: `tokio/hybrid`.
    pub fn hybrid(self) -> Self {
        self.model("tokio/hybrid")
    }

    /// A model by its name, as in `rayon/thread-pool:4`.
    pub fn model(mut self, name: impl Into<String>) -> Self {
        self.models.push(name.into());
        self
    }

    /// So many rounds, in the place of as many as decide the ranking.
    pub fn rounds(mut self, rounds: u32) -> Self {
        self.rounds.exactly = Some(rounds);
        self
    }

    /// No further round is started when this is spent; without it a minute.
    pub fn budget(mut self, time: Duration) -> Self {
        self.rounds.budget_ns = Some(nanos(time));
        self
    }

    /// A round that takes longer is stopped, and its model has failed; without it five minutes.
    pub fn timeout(mut self, time: Duration) -> Self {
        self.timeout = Some(time);
        self
    }

    /// Results are compared, between models and between functions, and it is said which differ.
    pub fn same(self) -> Self
    where
        R: Hash,
    {
        // With the same keys in every process; which function it is does not matter.
        self.same_by(|result| BuildHasherDefault::<DefaultHasher>::default().hash_one(result))
    }

    /// The same by what you make of each: results are equal where that is.
    pub fn same_by<K: Hash>(mut self, key: impl Fn(&R) -> K + Send + Sync + 'static) -> Self {
        let hasher = BuildHasherDefault::<DefaultHasher>::default();
        self.job.hashing = Some(Box::new(move |result| hasher.hash_one(key(result))));
        self
    }

    /// Each result is checked when the clock has stopped; it is said for how many inputs it is wrong.
    pub fn check(mut self, is_right: impl Fn(&I, &R) -> bool + Send + Sync + 'static) -> Self {
        self.job.check = Some(Box::new(is_right));
        self
    }

    pub(crate) fn into_any(self) -> AnyCompare {
        let closure = |(name, call): &(String, Call<I, R>)| Closure {
            name: name.clone(),
            is_awaited: matches!(call, Call::Awaited(_)),
        };
        let subject = Subject::Closures {
            name: self.name.clone(),
            closures: self.job.calls.iter().map(closure).collect(),
            // A plan has no room for more, and nobody the time.
            count: u32::try_from(self.job.inputs.len()).unwrap_or(u32::MAX),
        };
        let mut request = request::Compare {
            models: self.models,
            rounds: self.rounds,
            ..request::Compare::of(subject)
        };
        if let Some(timeout) = self.timeout {
            request.work.timeout_ns = nanos(timeout);
        }
        AnyCompare { name: self.name, request, job: Box::new(self.job) }
    }
}

impl<I, R> fmt::Debug for Compare<I, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Compare").field("name", &self.name).field("models", &self.models).finish()
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}
