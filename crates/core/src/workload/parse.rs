//! From the tree of nodes to a [`Workload`]: every node by its shape, and names used once.
//! What values mean, and whether names exist, is not looked at here.

use alloc::boxed::Box;
use alloc::format;
use alloc::vec::Vec;

use super::ast::{
    Action, Claim, Figure, Object, Param, Relation, Request, Server, Step, Sweep, Task, Workload,
};
use super::diagnostic::Diagnostic;
use super::expectation;
use super::limits::MISTAKES_MAX;
use super::quantity::nearest;
use super::shape::{CLAIM, Form, REQUEST, STEPS, Shape, TOP, list};
use super::syntax::{Name, Node, Value};

/// Reads the nodes of a file; adds the mistakes to those known.
pub(super) fn parse(nodes: &[Node], mistakes: &mut Vec<Diagnostic>) -> Workload {
    let mut parser = Parser { workload: Workload::default(), mistakes };
    for node in nodes {
        if parser.mistakes.len() < MISTAKES_MAX {
            parser.top(node);
        }
    }
    parser.unique();
    parser.workload
}

struct Parser<'a> {
    workload: Workload,
    mistakes: &'a mut Vec<Diagnostic>,
}

impl Parser<'_> {
    fn top(&mut self, node: &Node) {
        let Some(shape) = TOP.iter().find(|shape| shape.name == node.name.text) else {
            let is_figure = CLAIM.iter().any(|shape| shape.name == node.name.text);
            let (others, place): (&[Shape], _) = match is_figure {
                true => (&CLAIM, "stands inside a `claim`"),
                false => (&STEPS, "stands inside a `task`"),
            };
            self.mistakes.push(unknown(node, &TOP, "node", others, place));
            return;
        };
        let known = self.mistakes.len();
        let Some(form) = shape.form(node, self.mistakes) else { return };
        match shape.name {
            "title" => self.once(&form, |workload| &mut workload.title),
            "about" => self.once(&form, |workload| &mut workload.about),
            "compare" => {
                let models = form.arguments.iter().map(|&value| value.clone());
                self.workload.compare.extend(models);
            }
            "sweep" => self.workload.sweeps.push(Sweep {
                param: form.argument(0),
                values: form.arguments[1..].iter().map(|&value| value.clone()).collect(),
            }),
            // One whose parts are wrong says no more than that.
            "expect" if self.mistakes.len() == known => match expectation::read(&form) {
                Ok(expectations) => self.workload.expectations.extend(expectations),
                Err(mistake) => self.mistakes.push(mistake),
            },
            "claim" if self.mistakes.len() == known => {
                let figures = form.children.iter().filter_map(|node| self.figure(node)).collect();
                self.workload.claims.push(Claim { says: form.argument(0), figures });
            }
            "expect" | "claim" => {}
            _ => self.named(shape.name, &form),
        }
    }

    /// `title` and `about`, of which there is one.
    fn once(&mut self, form: &Form<'_>, field: impl Fn(&mut Workload) -> &mut Option<Value>) {
        let known = field(&mut self.workload).replace(form.argument(0));
        if known.is_some() {
            self.mistakes.push(Diagnostic::mistake(form.span.clone(), "this is given twice"));
        }
    }

    fn named(&mut self, kind: &str, form: &Form<'_>) {
        let dollar = matches!(kind, "param" | "server");
        let Some(name) = form.name(dollar, self.mistakes) else {
            if kind == "task" {
                self.steps(form.children);
            }
            return;
        };
        let workload = &mut self.workload;
        match kind {
            "param" => workload.params.push(Param {
                name,
                default: form.argument(1),
                min: form.property("min"),
                max: form.property("max"),
            }),
            "resource" => {
                workload.resources.push(Object { name, number: form.property("capacity") });
            }
            "var" => workload.vars.push(Object { name, number: Some(form.argument(1)) }),
            "channel" => {
                let number = form.property("capacity");
                if number.is_none() {
                    let mistake =
                        Diagnostic::mistake(name.span.clone(), "`channel` needs a capacity");
                    self.mistakes.push(mistake.help("as in: channel \"orders\" capacity=10"));
                }
                workload.channels.push(Object { name, number });
            }
            "server" => workload.servers.push(Server {
                name,
                strategy: form.property("strategy"),
                workers: form.property("workers"),
                delay: form.property("delay"),
                max_requests: form.property("max-requests"),
                max_memory: form.property("max-memory"),
            }),
            _ => {
                let steps = self.steps(form.children);
                self.workload.tasks.push(Task {
                    name,
                    count: form.property("count"),
                    rate: form.property("rate"),
                    every: form.property("every"),
                    inputs: form.property("inputs"),
                    steps,
                });
            }
        }
    }

    fn steps(&mut self, nodes: &[Node]) -> Vec<Step> {
        nodes.iter().filter_map(|node| self.step(node)).collect()
    }

    fn figure(&mut self, node: &Node) -> Option<Figure> {
        if self.mistakes.len() >= MISTAKES_MAX {
            return None;
        }
        let Some(shape) = CLAIM.iter().find(|shape| shape.name == node.name.text) else {
            self.mistakes.push(unknown(node, &CLAIM, "part of a claim", &TOP, "stands outside"));
            return None;
        };
        let form = shape.form(node, self.mistakes)?;
        let given = |name: &'static str| Some((name, form.property(name)?));
        let bound = |comparison: Relation| Some((comparison, form.property(comparison.name())?));
        Some(Figure {
            span: form.span.clone(),
            name: form.argument(0),
            of: form.property("of"),
            over: form.property("over"),
            part: ["step", "var", "server"].into_iter().filter_map(given).collect(),
            bounds: Relation::ALL.into_iter().filter_map(bound).collect(),
        })
    }

    fn step(&mut self, node: &Node) -> Option<Step> {
        if self.mistakes.len() >= MISTAKES_MAX {
            return None;
        }
        let Some(shape) = STEPS.iter().find(|shape| shape.name == node.name.text) else {
            self.mistakes.push(unknown(node, &STEPS, "step", &TOP, "stands outside tasks"));
            // Its block is looked at all the same, for the mistakes in it.
            self.steps(node.children.as_deref().unwrap_or_default());
            return None;
        };
        let form = shape.form(node, self.mistakes);
        let Some(form) = form else {
            self.steps(node.children.as_deref().unwrap_or_default());
            return None;
        };
        let first = || form.argument(0);
        let add = || form.property("add");
        let action = match shape.name {
            "cpu" => Action::Cpu(first()),
            "wait" => Action::Wait(first()),
            "block" => Action::Block(first()),
            "hold" => Action::Hold { resource: first(), steps: self.steps(form.children) },
            "send" => Action::Send { channel: first() },
            "receive" => Action::Receive { channel: first() },
            "read" => Action::Read { var: first() },
            "write" => Action::Write { var: first(), add: add() },
            "update" => Action::Update { var: first(), add: add() },
            "http" => Action::Http(Box::new(Request {
                headers: self.headers(form.children),
                body: form.property("body"),
                timeout: form.property("timeout"),
                follow: form.property("follow"),
                ..Request::plain(first(), form.argument(1))
            })),
            "call" => Action::Call { function: first() },
            "run" => {
                let args = form.arguments[1..].iter().map(|&value| value.clone()).collect();
                Action::Run { program: first(), args }
            }
            "allocate" => Action::Allocate { size: first() },
            "repeat" => Action::Repeat { count: first(), steps: self.steps(form.children) },
            "yield" => Action::Yield,
            "fail" => Action::Fail { why: first() },
            _ => Action::Crash,
        };
        Some(Step { span: form.span, action })
    }

    /// The headers of a request.
    fn headers(&mut self, nodes: &[Node]) -> Vec<(Value, Value)> {
        let mut headers = Vec::new();
        for node in nodes.iter().take(MISTAKES_MAX) {
            let Some(shape) = REQUEST.iter().find(|shape| shape.name == node.name.text) else {
                self.mistakes.push(unknown(
                    node,
                    &REQUEST,
                    "part of a request",
                    &TOP,
                    "stands outside",
                ));
                continue;
            };
            if let Some(form) = shape.form(node, self.mistakes) {
                headers.push((form.argument(0), form.argument(1)));
            }
        }
        headers
    }

    /// No two things of a kind have one name; `$` names parameters and servers.
    fn unique(&mut self) {
        let workload = &self.workload;
        let dollar: Vec<&Name> = workload
            .params
            .iter()
            .map(|param| &param.name)
            .chain(workload.servers.iter().map(|server| &server.name))
            .collect();
        let objects = |objects: &'_ [Object]| -> Vec<Name> {
            objects.iter().map(|object| object.name.clone()).collect()
        };
        let kinds: [(&str, Vec<Name>); 5] = [
            ("parameter or server", dollar.into_iter().cloned().collect()),
            ("resource", objects(&workload.resources)),
            ("variable", objects(&workload.vars)),
            ("channel", objects(&workload.channels)),
            ("task", workload.tasks.iter().map(|task| task.name.clone()).collect()),
        ];
        for (kind, mut names) in kinds {
            names.sort_by(|a, b| a.text.cmp(&b.text).then(a.span.start.cmp(&b.span.start)));
            for pair in names.windows(2).filter(|pair| pair[0].text == pair[1].text) {
                let message = format!("there is another {kind} `{}`", pair[1].text);
                let mistake = Diagnostic::mistake(pair[1].span.clone(), message);
                self.mistakes.push(mistake.help("give it a name of its own"));
            }
        }
    }
}

/// A node that is not in the table.
fn unknown(node: &Node, known: &[Shape], what: &str, others: &[Shape], place: &str) -> Diagnostic {
    let name = &node.name.text;
    let span = node.name.span.clone();
    if others.iter().any(|shape| shape.name == name) {
        return Diagnostic::mistake(span, format!("`{name}` {place}"));
    }
    let names: Vec<&str> = known.iter().map(|shape| shape.name).collect();
    let mistake = Diagnostic::mistake(span, format!("unknown {what} `{name}`"));
    mistake.help(match nearest(name, names.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("there are {}", list(&names)),
    })
}
