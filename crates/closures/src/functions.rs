//! The functions of one comparison, as the runner calls them. The main type is [`Job`].

use std::fmt;
use std::hint::black_box;
use std::sync::{Mutex, PoisonError};

use maitred_native::{Awaited, Functions, Judged};

/// A function of the user's.
pub(crate) enum Call<I: 'static, R: 'static> {
    Plain(Box<dyn Fn(&'static I) -> R + Send + Sync>),
    /// Gives a future that puts what it returns into its place: one box a call, as `tokio::spawn` makes.
    Awaited(Box<dyn Fn(&'static I, Place<R>) -> Awaited + Send + Sync>),
}

/// Where the result of a task is kept; `None`: nobody looks at it.
pub(crate) struct Place<R: 'static>(Option<&'static Mutex<Option<R>>>);

impl<R> Place<R> {
    /// Keeps what was returned, or has it made all the same.
    pub(crate) fn put(self, result: R) {
        match self.0 {
            Some(place) => *place.lock().unwrap_or_else(PoisonError::into_inner) = Some(result),
            None => drop(black_box(result)),
        }
    }
}

/// A hash by which results are compared.
pub(crate) type Hashing<R> = Box<dyn Fn(&R) -> u64 + Send + Sync>;
/// Whether a result is right for its input.
pub(crate) type Check<I, R> = Box<dyn Fn(&I, &R) -> bool + Send + Sync>;

/// Functions that do the same job, their inputs, and how results are judged.
pub(crate) struct Job<I: 'static, R: 'static> {
    pub(crate) inputs: Vec<I>,
    pub(crate) calls: Vec<(String, Call<I, R>)>,
    pub(crate) hashing: Option<Hashing<R>>,
    pub(crate) check: Option<Check<I, R>>,
}

/// The same when it is run: for the rest of this process.
struct Running<I: 'static, R: 'static> {
    inputs: &'static [I],
    calls: Vec<(String, Call<I, R>)>,
    hashing: Option<Hashing<R>>,
    check: Option<Check<I, R>>,
    /// By task; empty where nobody looks at results.
    results: Box<[Mutex<Option<R>>]>,
}

/// What is to be run, when it is known that this process runs it.
pub(crate) trait Runnable: Send {
    /// Its functions, for the rest of this process.
    fn start(self: Box<Self>) -> &'static dyn Functions;
}

impl<I: Send + Sync + 'static, R: Send + 'static> Runnable for Job<I, R> {
    fn start(self: Box<Self>) -> &'static dyn Functions {
        let Self { inputs, calls, hashing, check } = *self;
        let kept = if hashing.is_some() || check.is_some() { inputs.len() } else { 0 };
        let results = (0..kept).map(|_| Mutex::new(None)).collect();
        let inputs: &'static [I] = inputs.leak();
        let running: &'static Running<I, R> =
            Box::leak(Box::new(Running { inputs, calls, hashing, check, results }));
        Box::leak(Box::new(running))
    }
}

impl<I: Send + Sync + 'static, R: Send + 'static> Functions for &'static Running<I, R> {
    fn find(&self, name: &str) -> Option<u32> {
        let at = self.calls.iter().position(|(known, _)| known == name)?;
        u32::try_from(at).ok()
    }

    fn is_awaited(&self, function: u32) -> bool {
        matches!(self.calls[function as usize].1, Call::Awaited(_))
    }

    fn call(&self, function: u32, task: u32) {
        let input = &self.inputs[task as usize];
        if let (_, Call::Plain(call)) = &self.calls[function as usize] {
            self.place(task).put(call(black_box(input)));
        }
    }

    fn begin(&self, function: u32, task: u32) -> Awaited {
        let (own, input) = (*self, &self.inputs[task as usize]);
        match &self.calls[function as usize].1 {
            Call::Awaited(call) => call(black_box(input), self.place(task)),
            Call::Plain(_) => Box::pin(async move { own.call(function, task) }),
        }
    }

    fn judge(&self, say: &mut dyn FnMut(u32, Judged)) {
        for (task, (input, result)) in (0..).zip(self.inputs.iter().zip(&self.results)) {
            let result = result.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(result) = result.as_ref() else { continue };
            let hash = self.hashing.as_ref().map(|hashing| hashing(result));
            let is_wrong = self.check.as_ref().is_some_and(|check| !check(input, result));
            say(task, Judged { hash, is_wrong });
        }
    }

    fn checks(&self) -> bool {
        self.check.is_some()
    }
}

impl<I, R> Running<I, R> {
    fn place(&'static self, task: u32) -> Place<R> {
        Place(self.results.get(task as usize))
    }
}

impl<I, R> fmt::Debug for Running<I, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.calls.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("Running").field("calls", &names).field("tasks", &self.inputs.len()).finish()
    }
}
