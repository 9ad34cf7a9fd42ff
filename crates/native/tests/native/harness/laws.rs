//! What must hold of every trace, whatever was run.

use std::collections::HashMap;

use maitred_wire::trace_file::TaskOutcome;
use maitred_wire::{Action, Step, Strategy};

use super::{Ran, Span, Work};

/// Checks the conservation laws of a run that came to `done`.
pub(crate) fn check(work: &Work, strategy: Strategy, ran: &Ran) {
    every_task_is_accounted_for(work, ran);
    spans_lie_within_their_task(ran);
    steps_of_a_task_do_not_overlap(work, ran);
    resources_are_not_exceeded(work, ran);
    if !strategy.interleaves() {
        lanes_do_one_thing_at_a_time(work, ran);
    }
}

fn every_task_is_accounted_for(work: &Work, ran: &Ran) {
    let count = |outcome| ran.trace.tasks.iter().filter(|task| task.outcome == outcome).count();
    let (failed, done) = (count(TaskOutcome::Failed), count(TaskOutcome::Done));
    let said = |crash: bool| -> u32 {
        let failures = ran.done().failures.iter();
        failures.filter(|f| (f.kind == "crash") == crash).map(|f| f.count).sum()
    };
    assert_eq!(failed as u32, said(false), "failures are counted as they are recorded");
    let lost = ran.trace.tasks.iter().filter(|task| task.start > 0 && task.end == 0).count();
    let never = ran.trace.tasks.iter().filter(|task| task.start == 0).count();
    assert_eq!(done + failed + lost + never, work.task_count() as usize);
    let ended: u32 = ran.trace.lanes.iter().map(|lane| lane.tasks_ended).sum();
    assert_eq!(ended as usize, done + failed, "lanes count what has ended");
}

fn spans_lie_within_their_task(ran: &Ran) {
    let work = ran.done().phases.work;
    for span in ran.trace.spans.iter().filter(|span| span.end > 0) {
        let task = &ran.trace.tasks[span.task as usize];
        assert!(task.start <= span.start && span.start <= span.end, "{span:?} {task:?}");
        assert!(task.end == 0 || span.end <= task.end, "{span:?} {task:?}");
        assert!(work.start_ns <= span.start && span.end <= work.end_ns, "{span:?} {work:?}");
    }
}

/// The spans of a task without those of holding, which enclose others.
fn simple_spans(work: &Work, ran: &Ran) -> Vec<Span> {
    let holds = holds(work);
    let all = ran.trace.spans.iter().copied();
    all.filter(|span| !holds.contains_key(&span.step)).collect()
}

fn steps_of_a_task_do_not_overlap(work: &Work, ran: &Ran) {
    do_not_overlap(simple_spans(work, ran), |span| span.task);
}

fn lanes_do_one_thing_at_a_time(work: &Work, ran: &Ran) {
    do_not_overlap(simple_spans(work, ran), |span| span.lane);
}

fn do_not_overlap(mut spans: Vec<Span>, key: impl Fn(&Span) -> u32) {
    spans.sort_by_key(|span| (key(span), span.start, span.end));
    for pair in spans.windows(2).filter(|pair| key(&pair[0]) == key(&pair[1])) {
        // One that has no end was cut off by the end of its process.
        assert!(pair[0].end <= pair[1].start, "{pair:?}");
    }
}

fn resources_are_not_exceeded(work: &Work, ran: &Ran) {
    let holds = holds(work);
    for (resource, &capacity) in work.resources.iter().enumerate() {
        let of_it = |span: &&Span| holds.get(&span.step) == Some(&(resource as u32));
        let mut changes: Vec<(u64, i32)> = Vec::new();
        for span in ran.trace.spans.iter().filter(of_it).filter(|span| span.end > 0) {
            changes.extend([(span.start, 1), (span.end, -1)]);
        }
        // A return comes before a grant at the same moment.
        changes.sort_unstable();
        let mut held = 0;
        for (_, change) in changes {
            held += change;
            assert!(held <= capacity as i32, "resource {resource} is held {held} times");
        }
    }
}

/// Steps under which holding is recorded, with their resource.
fn holds(work: &Work) -> HashMap<u32, u32> {
    fn walk(steps: &[Step], found: &mut HashMap<u32, u32>) {
        for step in steps {
            match &step.action {
                Action::Hold { resource, steps } => {
                    found.insert(step.id + 1, *resource);
                    walk(steps, found);
                }
                Action::Repeat { steps, .. } => walk(steps, found),
                _ => {}
            }
        }
    }
    let mut found = HashMap::new();
    work.kinds.iter().for_each(|kind| walk(&kind.steps, &mut found));
    found
}
