//! Steps: numbered, their names looked up, their values read.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

use maitred_wire as wire;

use super::super::ast::{Action, Request, Step};
use super::super::limits::{ALLOCATE_MAX, STEPS_PER_TASK_MAX};
use super::super::quantity::{Distribution, Nanos, nearest};
use super::super::shape::list;
use super::super::step::{StepInfo, StepKind};
use super::super::syntax::{Data, Value};
use super::super::value::Timing;
use super::{Drafter, Draw, Place};

/// What a step id will stand for.
struct Leaf {
    kind: StepKind,
    label: String,
    object: Option<u32>,
    asked_ns: Option<u64>,
}

impl Leaf {
    fn new(kind: StepKind, label: String) -> Self {
        Self { kind, label, object: None, asked_ns: None }
    }
}

impl Drafter<'_> {
    pub(super) fn steps(&mut self, steps: &[Step]) -> Vec<wire::Step> {
        steps.iter().filter_map(|step| self.step(step)).collect()
    }

    fn step(&mut self, step: &Step) -> Option<wire::Step> {
        if !self.goes_on() {
            return None;
        }
        match &step.action {
            Action::Hold { resource, steps } => self.hold(step, resource, steps),
            Action::Repeat { count, steps } => Some(self.repeat(count, steps)),
            _ => {
                let (leaf, action) = self.leaf(step)?;
                let id = self.number(leaf, &step.span);
                Some(wire::Step { id, action })
            }
        }
    }

    /// Gives the next id, and counts its spans.
    fn number(&mut self, leaf: Leaf, span: &Range<usize>) -> u32 {
        let Place { program, parent, times } = self.place;
        let Leaf { kind, label, object, asked_ns } = leaf;
        let id = self.draft.steps.len() as u32;
        self.draft.steps.push(StepInfo { kind, label, program, parent, object, asked_ns });
        self.draft.spans.push(span.clone());
        let crowd = &mut self.draft.crowds[program as usize];
        crowd.spans = crowd.spans.saturating_add(times);
        crowd.executed = crowd.executed.saturating_add(times);
        id
    }

    /// Takes a unit of a resource and gives it back: two ids.
    fn hold(&mut self, step: &Step, resource: &Value, steps: &[Step]) -> Option<wire::Step> {
        let found = self.object(resource, "resource", &self.workload.resources);
        let name = found.map_or("", |(_, name)| name);
        let object = found.map(|(index, _)| index);
        let leaf = |kind| Leaf { object, ..Leaf::new(kind, format!("hold {name}")) };
        let id = self.number(leaf(StepKind::Acquire), &step.span);
        let hold = self.number(leaf(StepKind::Hold), &step.span);
        let parent = self.place.parent.replace(hold);
        let steps = self.steps(steps);
        self.place.parent = parent;
        Some(wire::Step { id, action: wire::Action::Hold { resource: object?, steps } })
    }

    /// Its id is given at the end, behind those that have spans.
    fn repeat(&mut self, count: &Value, steps: &[Step]) -> wire::Step {
        let range = 1..=STEPS_PER_TASK_MAX as i64;
        let count = self.values.integer(count, "the number of repetitions", range);
        let count = count.unwrap_or(1) as u64;
        let outer = self.place.times;
        self.place.times = outer.saturating_mul(count);
        let crowd = &mut self.draft.crowds[self.place.program as usize];
        crowd.executed = crowd.executed.saturating_add(self.place.times);
        let steps = self.steps(steps);
        self.place.times = outer;
        wire::Step { id: u32::MAX, action: wire::Action::Repeat { count, steps } }
    }

    /// A step without steps inside.
    fn leaf(&mut self, step: &Step) -> Option<(Leaf, wire::Action)> {
        match &step.action {
            Action::Cpu(value) => self.timed(StepKind::Cpu, value, wire::Action::Cpu),
            Action::Wait(value) => self.timed(StepKind::Wait, value, wire::Action::Wait),
            Action::Block(value) => self.timed(StepKind::Block, value, wire::Action::Block),
            Action::Send { channel } => {
                self.exchange(StepKind::Send, channel, |channel| wire::Action::Send { channel })
            }
            Action::Receive { channel } => self
                .exchange(StepKind::Receive, channel, |channel| wire::Action::Receive { channel }),
            Action::Read { var } => {
                self.shared(StepKind::Read, var, None, |var, _| wire::Action::Read { var })
            }
            Action::Write { var, add } => {
                let add = add.as_ref();
                self.shared(StepKind::Write, var, add, |var, add| wire::Action::Write { var, add })
            }
            Action::Update { var, add } => {
                let add = add.as_ref();
                let make = |var, add| wire::Action::Update { var, add };
                self.shared(StepKind::Update, var, add, make)
            }
            Action::Http(request) => self.http(request),
            Action::Call { function } => {
                let function = self.function(function)?;
                let leaf = Leaf::new(StepKind::Call, format!("call {function}"));
                Some((leaf, wire::Action::Call { function }))
            }
            Action::Run { program, args } => self.run(program, args),
            Action::Allocate { size } => self.allocate(size),
            Action::Fail { why } => {
                let why = self.values.text(why, "the reason")?;
                let leaf = Leaf::new(StepKind::Fail, format!("fail {why}"));
                Some((leaf, wire::Action::Fail { why }))
            }
            Action::Crash => {
                Some((Leaf::new(StepKind::Crash, "crash".into()), wire::Action::Crash))
            }
            Action::Yield | Action::Hold { .. } | Action::Repeat { .. } => {
                Some((Leaf::new(StepKind::Yield, "yield".into()), wire::Action::Yield))
            }
        }
    }

    fn timed(
        &mut self,
        kind: StepKind,
        value: &Value,
        make: fn(wire::Amount) -> wire::Action,
    ) -> Option<(Leaf, wire::Action)> {
        let timing = self.values.timing(value)?;
        let amount = match timing {
            Timing::Fixed(ns) => wire::Amount::Ns(ns.0),
            Timing::Drawn(distribution) => self.draw(distribution),
        };
        let word = match kind {
            StepKind::Cpu => "cpu",
            StepKind::Block => "block",
            _ => "wait",
        };
        let asked_ns = match &amount {
            wire::Amount::Ns(ns) => Some(*ns),
            wire::Amount::Column(_) => None,
        };
        Some((Leaf { asked_ns, ..Leaf::new(kind, format!("{word} {timing}")) }, make(amount)))
    }

    /// A column for the step that is numbered next.
    fn draw(&mut self, distribution: Distribution) -> wire::Amount {
        let column = self.draft.draws.len() as u32;
        let Place { program, times, .. } = self.place;
        let step = self.draft.steps.len() as u32;
        let per_task = u32::try_from(times).unwrap_or(u32::MAX);
        self.draft.draws.push(Draw { distribution, program, step, per_task });
        wire::Amount::Column(column)
    }

    fn exchange(
        &mut self,
        kind: StepKind,
        channel: &Value,
        make: fn(u32) -> wire::Action,
    ) -> Option<(Leaf, wire::Action)> {
        let (channel, name) = self.object(channel, "channel", &self.workload.channels)?;
        let word = if kind == StepKind::Send { "send" } else { "receive" };
        let leaf = Leaf { object: Some(channel), ..Leaf::new(kind, format!("{word} {name}")) };
        Some((leaf, make(channel)))
    }

    fn shared(
        &mut self,
        kind: StepKind,
        var: &Value,
        add: Option<&Value>,
        make: fn(u32, i64) -> wire::Action,
    ) -> Option<(Leaf, wire::Action)> {
        let var = self.object(var, "variable", &self.workload.vars);
        let add = match add {
            None => Some(1),
            Some(value) => self.values.integer(value, "`add`", i64::MIN..=i64::MAX),
        };
        let ((var, name), add) = (var?, add?);
        let word = match kind {
            StepKind::Read => "read",
            StepKind::Write => "write",
            _ => "update",
        };
        Some((Leaf::new(kind, format!("{word} {name}")), make(var, add)))
    }

    fn http(&mut self, request: &Request) -> Option<(Leaf, wire::Action)> {
        let Request { method, url, headers, body, timeout, follow } = request;
        let (method, url) = (self.method(method), self.values.url(url));
        let headers: Vec<_> =
            headers.iter().map(|(name, value)| self.header(name, value)).collect();
        let body = body.as_ref().map(|body| self.values.any_text(body, "the body"));
        let timeout = timeout.as_ref().map(|time| self.values.duration(time).map(|Nanos(ns)| ns));
        let follow = follow.as_ref().map(|value| self.follows(value));
        let (method, url, headers) = (method?, url?, headers.into_iter().collect::<Option<_>>()?);
        let (body, timeout) = (given(body)?, given(timeout)?);
        let leaf = Leaf::new(StepKind::Http, format!("http {method} {url}"));
        let follow = given(follow)?.unwrap_or(false).then_some(wire::HttpManner::REDIRECTS);
        let manner = wire::HttpManner { timeout, follow, unix: None };
        Some((leaf, wire::Action::Http { method, url, headers, body, manner }))
    }

    fn header(&mut self, name: &Value, value: &Value) -> Option<(String, String)> {
        let field = self.values.text(name, "the name of a header");
        let text = self.values.any_text(value, "the value of a header");
        let (field, text) = (field?, text?);
        let (message, help) = if wire::fields::is_framing(&field) {
            (format!("the header {field} follows from the body"), "omit it")
        } else if !wire::fields::is_field(&field, &text) {
            ("this is not a header of HTTP".into(), "a name is one word, a value one line")
        } else {
            return Some((field, text));
        };
        self.mistake(&name.span, message, Some(help.into()));
        None
    }

    /// Whether redirects are followed.
    fn follows(&mut self, value: &Value) -> Option<bool> {
        match value.data {
            Data::Bool(follows) => Some(follows),
            _ => {
                let message = "whether redirects are followed is #true or #false";
                self.mistake(&value.span, message, None);
                None
            }
        }
    }

    fn run(&mut self, program: &Value, args: &[Value]) -> Option<(Leaf, wire::Action)> {
        let program = self.values.text(program, "the program");
        let args: Vec<Option<String>> = args.iter().map(|arg| self.values.argument(arg)).collect();
        let (program, args) = (program?, args.into_iter().collect::<Option<_>>()?);
        let leaf = Leaf::new(StepKind::Run, format!("run {program}"));
        Some((leaf, wire::Action::Run { program, args }))
    }

    fn allocate(&mut self, size: &Value) -> Option<(Leaf, wire::Action)> {
        let bytes = self.values.size(size)?;
        if bytes == 0 || bytes > ALLOCATE_MAX {
            self.mistake(&size.span, "memory is taken from 1B to 1TiB at a time", None);
        }
        let leaf = Leaf::new(StepKind::Allocate, format!("allocate {}", shown_size(bytes)));
        Some((leaf, wire::Action::Allocate { bytes }))
    }

    fn method(&mut self, value: &Value) -> Option<String> {
        const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
        let text = self.values.text(value, "the method")?;
        if METHODS.contains(&text.as_str()) {
            return Some(text);
        }
        let help = match nearest(&text, METHODS) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("there are {}", list(&METHODS)),
        };
        self.mistake(&value.span, format!("unknown method `{text}`"), Some(help));
        None
    }

    fn function(&mut self, value: &Value) -> Option<String> {
        let text = self.values.text(value, "the function")?;
        let is_module = |place: &str| !place.is_empty() && !place.contains(['/', ' ']);
        let parts = text.rsplit_once(':');
        let found = parts.is_some_and(|(place, name)| {
            (place.ends_with(".py") || is_module(place)) && !name.is_empty()
        });
        if found {
            return Some(text);
        }
        let help = String::from("write file.py:function, as in \"work.py:resize\"");
        self.mistake(&value.span, format!("`{text}` is not a function of a file"), Some(help));
        None
    }
}

/// A size as people write it.
fn shown_size(bytes: u64) -> String {
    let units = [("TiB", 1_u64 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    match units.into_iter().find(|(_, size)| bytes >= *size && bytes.is_multiple_of(*size)) {
        Some((unit, size)) => format!("{}{unit}", bytes / size),
        None => format!("{bytes}B"),
    }
}

/// What was given, unless it was given wrongly.
fn given<T>(value: Option<Option<T>>) -> Option<Option<T>> {
    value.map_or(Some(None), |value| value.map(Some))
}
