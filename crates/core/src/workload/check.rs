//! What the text alone shows to be impossible: a deadlock that no schedule avoids, a write of a
//! value that was never read; and what looks wrong: a channel into which nobody sends.

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::vec::Vec;

use maitred_wire::{Action, Step};

use super::ast::{Object, Workload};
use super::diagnostic::{Diagnostic, Place};
use super::draft::Draft;
use super::limits::MISTAKES_MAX;

/// Adds what is certain to go wrong.
pub(super) fn check(draft: &Draft, mistakes: &mut Vec<Diagnostic>) {
    for (index, program) in draft.programs.iter().enumerate() {
        if mistakes.len() >= MISTAKES_MAX {
            return;
        }
        holds(draft, &program.steps, &mut Vec::new(), mistakes);
        // A step that could not be read may be the `read` that is missing.
        let begin = draft.crowds[index].span.start;
        let end = draft.crowds.get(index + 1).map_or(usize::MAX, |next| next.span.start);
        let unread = |mistake: &Diagnostic| match &mistake.place {
            Place::Source(span) => (begin..end).contains(&span.start),
            Place::Option { .. } | Place::File => true,
        };
        if !mistakes.iter().any(unread) {
            writes(draft, &program.steps, false, mistakes);
        }
    }
}

/// A task that holds all units of a resource and asks for one more waits for itself.
fn holds(draft: &Draft, steps: &[Step], held: &mut Vec<u32>, mistakes: &mut Vec<Diagnostic>) {
    for step in steps {
        match &step.action {
            Action::Hold { resource, steps } => {
                let units = held.iter().filter(|other| *other == resource).count();
                let named = &draft.resources[*resource as usize];
                if units >= named.capacity as usize {
                    let message = format!(
                        "this waits for ever: the task already holds {} of `{}`",
                        if units == 1 {
                            "the only unit".into()
                        } else {
                            format!("all {units} units")
                        },
                        named.name
                    );
                    let mistake =
                        Diagnostic::mistake(draft.spans[step.id as usize].clone(), message);
                    mistakes.push(mistake.help("omit the inner `hold`, or raise the capacity"));
                }
                held.push(*resource);
                holds(draft, steps, held, mistakes);
                held.pop();
            }
            Action::Repeat { steps, .. } => holds(draft, steps, held, mistakes),
            _ => {}
        }
    }
}

/// `write` stores the register, which `read` and `update` fill. Returns whether it is filled.
fn writes(draft: &Draft, steps: &[Step], filled: bool, mistakes: &mut Vec<Diagnostic>) -> bool {
    let mut filled = filled;
    for step in steps {
        match &step.action {
            Action::Read { .. } | Action::Update { .. } => filled = true,
            Action::Write { var, .. } if !filled => {
                let name = &draft.vars[*var as usize].name;
                let span = draft.spans[step.id as usize].clone();
                let mistake = Diagnostic::mistake(span, "`write` without a `read` before it");
                let help = format!(
                    "`write` stores what was read, plus `add`: put read \"{name}\" before it"
                );
                mistakes.push(mistake.help(help));
            }
            Action::Hold { steps, .. } | Action::Repeat { steps, .. } => {
                filled = writes(draft, steps, filled, mistakes);
            }
            _ => {}
        }
    }
    filled
}

/// Channels into which nobody sends: whoever receives from one waits for ever. That is found
/// while it runs, too, and may be what the workload is to show.
pub(super) fn warnings(workload: &Workload, draft: &Draft) -> Vec<Diagnostic> {
    let (mut sent, mut received) = (BTreeSet::new(), BTreeSet::new());
    for program in &draft.programs {
        visit(&program.steps, &mut |action| match action {
            Action::Send { channel } => drop(sent.insert(*channel)),
            Action::Receive { channel } => drop(received.insert(*channel)),
            _ => {}
        });
    }
    let silent = received.difference(&sent).map(|index| &workload.channels[*index as usize]);
    let warn = |channel: &Object| {
        let message = format!("nobody sends into `{}`", channel.name.text);
        let warning = Diagnostic::mistake(channel.name.span.clone(), message).as_warning();
        warning.help("whoever receives from it waits for ever")
    };
    silent.map(warn).collect()
}

/// Every step, those inside others too.
fn visit(steps: &[Step], see: &mut impl FnMut(&Action)) {
    for step in steps {
        see(&step.action);
        if let Action::Hold { steps, .. } | Action::Repeat { steps, .. } = &step.action {
            visit(steps, see);
        }
    }
}
