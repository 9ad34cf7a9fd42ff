//! Functions of the program that this runner is part of: what a step `call` executes.
//!
//! Such a program hands them over as [`Functions`]. What a panic in one of them says becomes the
//! failure of its task. What they return is looked at when the clock has stopped, by whoever has it:
//! a worker process has only what it returned itself, and writes that into the memory that all share.

use std::cell::{Cell, RefCell};
use std::fmt::Debug;
use std::future::Future;
use std::io;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll};

use maitred_wire::{Expected, Results};
use tokio::runtime::{Builder, Runtime};

use crate::failure::{Failed, Kind};
use crate::sys::memory;

/// A call that gives way where it waits.
pub type Awaited = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Functions, known by their place, and what they returned.
pub trait Functions: Debug + Send + Sync {
    /// The place of the function of this name.
    fn find(&self, name: &str) -> Option<u32>;

    /// Whether its calls are awaited.
    fn is_awaited(&self, function: u32) -> bool;

    /// Calls a plain function for this task, keeps what it returns, and may panic.
    fn call(&self, function: u32, task: u32);

    /// Begins a call that is awaited, which keeps what it returns, and may panic.
    fn begin(&self, function: u32, task: u32) -> Awaited;

    /// Says what was returned in this process, task by task.
    fn judge(&self, say: &mut dyn FnMut(u32, Judged));

    /// Whether each result is checked.
    fn checks(&self) -> bool;
}

/// What is known of a result.
#[derive(Clone, Copy, Debug, Default)]
pub struct Judged {
    /// Equal results, equal hashes; `None`: nobody said how they are compared.
    pub hash: Option<u64>,
    /// The user's own check says that it is not right.
    pub is_wrong: bool,
}

/// The functions of this process, with what is known of the results of all its workers.
#[derive(Debug)]
pub(crate) struct Calls {
    pub(crate) functions: &'static dyn Functions,
    /// By task; 0: nothing was returned, or nobody said how results are compared.
    hashes: &'static [AtomicU64],
    /// How many results are wrong, and the lowest task that returned one, plus one.
    wrong: &'static [AtomicU64],
}

impl Calls {
    /// For so many tasks.
    ///
    /// # Errors
    /// When there is no memory to share.
    pub(crate) fn new(functions: &'static dyn Functions, tasks: u32) -> io::Result<Self> {
        let words = memory::shared_u64(tasks as usize + 2)?;
        let (wrong, hashes) = words.split_at(2);
        Ok(Self { functions, hashes, wrong })
    }

    /// Takes down what was returned in this process.
    pub(crate) fn judge(&self) {
        self.functions.judge(&mut |task, judged| {
            // Zero says that there is nothing.
            let hash = judged.hash.map_or(0, |hash| hash.max(1));
            if let Some(place) = self.hashes.get(task as usize) {
                place.store(hash, Relaxed);
            }
            if judged.is_wrong {
                let number = u64::from(task) + 1;
                let lower = |first: u64| (first == 0 || number < first).then_some(number);
                self.wrong[0].fetch_add(1, Relaxed);
                // That it is higher than the lowest is as good.
                let _ = self.wrong[1].fetch_update(Relaxed, Relaxed, lower);
            }
        });
    }

    /// A hash over all results and those of each task; `None`: there are none.
    pub(crate) fn results(&self) -> Option<(String, Results)> {
        let hashes: Vec<u64> = self.hashes.iter().map(|hash| hash.load(Relaxed)).collect();
        if hashes.iter().all(|&hash| hash == 0) {
            return None;
        }
        // FNV-1a over the words (Fowler, Noll, Vo).
        let mix = |sum: u64, hash: &u64| (sum ^ hash).wrapping_mul(0x0000_0100_0000_01b3);
        let all = hashes.iter().fold(0xcbf2_9ce4_8422_2325, mix);
        let digits = hashes.iter().map(|hash| format!("{hash:016x}")).collect();
        let compared = hashes.iter().filter(|&&hash| hash != 0).count() as u64;
        let how = vec![("hash".to_owned(), compared)];
        Some((format!("{all:016x}"), Results { hashes: digits, how, ..Results::default() }))
    }

    /// What came of the check of each result; `None`: there is no check.
    pub(crate) fn expected(&self) -> Option<Expected> {
        let [wrong, first] = [&self.wrong[0], &self.wrong[1]].map(|word| word.load(Relaxed));
        self.functions.checks().then(|| Expected {
            text: "a right result for each input".into(),
            actual: match wrong {
                0 => "right for all".into(),
                _ => format!(
                    "wrong for {wrong} of {}, first for task {}",
                    self.hashes.len(),
                    first - 1
                ),
            },
            holds: wrong == 0,
        })
    }
}

thread_local! {
    /// Whether a function of the user's has this thread.
    static IN_CALL: Cell<bool> = const { Cell::new(false) };
    /// What its panic said.
    static SAID: RefCell<Option<String>> = const { RefCell::new(None) };
    /// For calls that are awaited by a thread that does nothing else meanwhile.
    static LOOP: RefCell<Option<Runtime>> = const { RefCell::new(None) };
}

/// Takes note of a panic; whether it was one of the user's functions.
pub(crate) fn note_panic(panic: &PanicHookInfo<'_>) -> bool {
    if !IN_CALL.get() {
        return false;
    }
    let payload = panic.payload();
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| payload.downcast_ref::<String>().cloned());
    let place = panic.location().map_or_else(String::new, |at| format!(", at {at}"));
    let text = format!("{}{place}", text.unwrap_or_else(|| "a value that is no text".into()));
    SAID.set(Some(text));
    true
}

/// Runs a piece of the user's code; what its panic said.
fn guarded<T>(code: impl FnOnce() -> T) -> Result<T, Failed> {
    let before = IN_CALL.replace(true);
    // What the code has left half done is its own: nothing of the runner is seen by it.
    let outcome = catch_unwind(AssertUnwindSafe(code));
    IN_CALL.set(before);
    outcome.map_err(|_| {
        let text = SAID.take().unwrap_or_else(|| "it said nothing".into());
        Failed::new(Kind::Panic, text)
    })
}

/// Calls a plain function.
///
/// # Errors
/// With what its panic said.
pub(crate) fn call(functions: &dyn Functions, function: u32, task: u32) -> Result<(), Failed> {
    guarded(|| functions.call(function, task))
}

/// A call that is awaited, whose panic is its result.
pub(crate) fn begin(
    functions: &'static dyn Functions,
    function: u32,
    task: u32,
) -> impl Future<Output = Result<(), Failed>> + Send {
    Guarded { function, task, functions, call: None }
}

/// Awaits a call on a loop of this thread's own.
///
/// # Errors
/// With what its panic said, or why there is no loop.
pub(crate) fn wait_for(
    functions: &'static dyn Functions,
    function: u32,
    task: u32,
) -> Result<(), Failed> {
    LOOP.with_borrow_mut(|known| {
        let own = match known {
            Some(own) => own,
            None => known.insert(Builder::new_current_thread().enable_all().build().map_err(
                |error| Failed::new(Kind::Fail, format!("no loop to await the call on: {error}")),
            )?),
        };
        own.block_on(begin(functions, function, task))
    })
}

/// A future that does not let a panic through.
struct Guarded {
    functions: &'static dyn Functions,
    function: u32,
    task: u32,
    /// Begun when it is first polled, for what makes a future may panic too.
    call: Option<Awaited>,
}

impl Future for Guarded {
    type Output = Result<(), Failed>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { functions, function, task, call } = &mut *self;
        let polled = guarded(|| {
            call.get_or_insert_with(|| functions.begin(*function, *task)).as_mut().poll(context)
        });
        match polled {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(())) => Poll::Ready(Ok(())),
            Err(failed) => Poll::Ready(Err(failed)),
        }
    }
}
