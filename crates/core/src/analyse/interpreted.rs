//! What a trace shows of an interpreter: whether its lock was on, what handing tasks over cost,
//! whether the user's function let its loop go on; and where its code was when it ended, from the
//! words that faulthandler left in the log. Looks at one trace.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use maitred_wire::trace_file::Role;
use maitred_wire::{Handover, Results, Strategy};

use super::stats;
use crate::trace::{StepKind, Trace};

/// What concerns interpreters only.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Interpreted {
    /// Whether a global lock was on; `None`: the runtime has none, as native code.
    pub gil: Option<bool>,
    /// What handing tasks to workers took that live apart (processes, interpreters).
    pub handover: Option<Handover>,
    /// What each task returned.
    pub results: Option<Results>,
    /// The same in a later round in which it was not the same.
    pub other_results: Option<Results>,
    /// On an event loop: the call that no other task ever overlapped.
    pub lone_call: Option<LoneCall>,
}

impl Interpreted {
    /// Keeps what a later run returned, if it was not what this one did.
    pub fn note_other_results(&mut self, later: &Trace) {
        let results = later.done.as_ref().and_then(|done| done.results.as_ref());
        if self.other_results.is_none()
            && self.results.is_some()
            && results != self.results.as_ref()
        {
            self.other_results = results.cloned();
        }
    }
}

/// A function that does not give way.
#[derive(Clone, Debug, PartialEq)]
pub struct LoneCall {
    pub label: String,
    /// The median of its durations.
    pub ns: u64,
}

/// What this trace shows.
pub(super) fn interpreted(trace: &Trace) -> Interpreted {
    let gil = trace.origin.gil();
    let done = trace.done.as_ref();
    // Functions return something in every language.
    let results = done.and_then(|done| done.results.clone());
    if gil.is_none() {
        return Interpreted { results, ..Interpreted::default() };
    }
    Interpreted {
        gil,
        handover: done.and_then(|done| done.handover).filter(|handover| handover.tasks > 0),
        results,
        other_results: None,
        lone_call: lone_call(trace),
    }
}

fn lone_call(trace: &Trace) -> Option<LoneCall> {
    let is_loop =
        |lane: u32| trace.lanes.get(lane as usize).is_some_and(|lane| lane.role == Role::Loop);
    let is_call = |step| trace.step(step).is_some_and(|info| info.kind == StepKind::Call);
    let calls = || trace.spans.iter().filter(|span| is_loop(span.lane) && is_call(span.step));
    let mut spans: Vec<(u64, u64)> = calls().map(|span| (span.start_ns, span.end_ns)).collect();
    spans.sort_unstable();
    let apart = spans.windows(2).all(|pair| pair[0].1 <= pair[1].0);
    if spans.len() < 2 || !apart || trace.model.strategy != Strategy::EventLoop {
        return None;
    }
    let label = trace.step_name(calls().next()?.step);
    let ns = stats::median_u64(spans.into_iter().map(|(start, end)| end - start))?;
    Some(LoneCall { label, ns })
}

/// Where each thread was in the user's own code, from what Python's faulthandler wrote
/// (docs.python.org, `faulthandler.dump_traceback`): under a line that ends so, frames from the
/// innermost outwards. Distinct places, in order.
pub(super) fn places(log: &str) -> Vec<String> {
    let mut places = Vec::new();
    let mut open = false;
    for line in log.lines() {
        if line.ends_with("(most recent call first):") {
            open = true;
        } else if let Some(place) = frame(line).filter(|_| open) {
            open = false;
            if !places.contains(&place) {
                places.push(place);
            }
        }
    }
    places
}

/// `  File "/home/me/work.py", line 3 in compute` as `work.py:3 in compute`, if it is the user's.
fn frame(line: &str) -> Option<String> {
    let (file, rest) = line.trim().strip_prefix("File \"")?.split_once("\", line ")?;
    let (number, function) = rest.split_once(" in ")?;
    let foreign = ["/lib/python3", "/lib/pypy", "/fd/"];
    if file.starts_with('<') || foreign.iter().any(|part| file.contains(part)) {
        return None;
    }
    let (folder, name) = file.rsplit_once('/').unwrap_or(("", file));
    // The modules of the runner lie in a folder of ours, in the cache or among temporary files.
    let folder = folder.rsplit('/').next().unwrap_or_default();
    let is_ours = folder.starts_with("runner-") || folder.starts_with("maitred-");
    if is_ours && name.starts_with("maitred_") {
        return None;
    }
    Some(format!("{name}:{number} in {function}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_users_own_line_is_found_in_what_faulthandler_wrote() {
        let log = "\
Fatal Python error: Segmentation fault

Current thread 0x00007f1c (most recent call first):
  File \"/usr/lib/python3.11/ctypes/__init__.py\", line 519 in string_at
  File \"/home/me/work.py\", line 30 in segv
  File \"/home/me/.cache/maitred/runner-1/maitred_steps.py\", line 200 in call
  File \"<string>\", line 7 in <module>

Thread 0x00007f1d (most recent call first):
  File \"/usr/lib/python3.11/threading.py\", line 324 in wait
  File \"<string>\", line 7 in <module>

Thread 0x00007f1e (most recent call first):
  File \"/home/me/work.py\", line 30 in segv
";
        assert_eq!(places(log), ["work.py:30 in segv"]);
        assert_eq!(
            frame("File \"/home/me/maitred_work.py\", line 1 in f").unwrap(),
            "maitred_work.py:1 in f"
        );
        assert!(
            places("Traceback (most recent call last):\n  File \"x.py\", line 1, in f").is_empty()
        );
    }
}
