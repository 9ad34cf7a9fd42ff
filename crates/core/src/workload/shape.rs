//! Which nodes there are, and what each may contain: one table, from which nodes are read,
//! misspelt names are corrected and the reference is tested. The main type is [`Shape`].

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

use super::diagnostic::Diagnostic;
use super::limits::MISTAKES_MAX;
use super::quantity::nearest;
use super::syntax::{Data, Name, Node, NodeEntry, Value};

/// What a node of this name looks like.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    pub(super) name: &'static str,
    /// What its arguments are called.
    arguments: &'static [&'static str],
    /// Whether more arguments may follow.
    more: bool,
    pub(super) properties: &'static [&'static str],
    block: Block,
    /// A complete node, for messages.
    pub(super) example: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Block {
    Never,
    Optional,
    Required,
}

const fn shape(
    name: &'static str,
    arguments: &'static [&'static str],
    properties: &'static [&'static str],
    example: &'static str,
) -> Shape {
    Shape { name, arguments, more: false, properties, block: Block::Never, example }
}

const fn with_block(shape: Shape, block: Block) -> Shape {
    Shape { block, ..shape }
}

const fn with_more(shape: Shape) -> Shape {
    Shape { more: true, ..shape }
}

/// What stands at the top level.
pub(super) const TOP: [Shape; 12] = [
    shape("title", &["a text"], &[], r#"title "Waiters and tables""#),
    shape("about", &["a text"], &[], r#"about "One waiter serves five tables.""#),
    shape("param", &["a name", "a default"], &["min", "max"], r#"param "tables" 5 min=1"#),
    shape("resource", &["a name"], &["capacity"], r#"resource "waiter" capacity=1"#),
    shape("var", &["a name", "a number to begin with"], &[], r#"var "counter" 0"#),
    shape("channel", &["a name"], &["capacity"], r#"channel "orders" capacity=10"#),
    shape(
        "server",
        &["a name"],
        &["strategy", "workers", "delay", "max-requests", "max-memory"],
        r#"server "api" strategy="threads""#,
    ),
    with_block(
        shape(
            "task",
            &["a name"],
            &["count", "rate", "every", "inputs"],
            r#"task "table" count=5 { wait "4s" }"#,
        ),
        Block::Optional,
    ),
    with_more(shape(
        "expect",
        &[],
        &["var", "failures", "tasks-done", "tasks-lost", "equals", "at-least", "at-most"],
        r#"expect var="counter" equals=2000"#,
    )),
    with_more(shape(
        "compare",
        &["a model"],
        &[],
        r#"compare "native/threads" "native/event-loop""#,
    )),
    with_more(shape("sweep", &["a parameter", "a value"], &[], r#"sweep "waiters" 1 2 5"#)),
    with_block(
        shape(
            "claim",
            &["a sentence"],
            &[],
            r#"claim "a thread computes" { figure "cores" of="native/sequential" at-most=1 }"#,
        ),
        Block::Required,
    ),
];

/// What stands inside a claim.
pub(super) const CLAIM: [Shape; 1] = [shape(
    "figure",
    &["a name"],
    &["of", "over", "step", "var", "server", "at-least", "at-most", "equals"],
    r#"figure "cores" of="python3/threads" at-most=1.1"#,
)];

/// What stands inside a request.
pub(super) const REQUEST: [Shape; 1] =
    [shape("header", &["a name", "a value"], &[], r#"header "Accept" "text/html""#)];

/// What stands inside a task.
pub(super) const STEPS: [Shape; 17] = [
    shape("cpu", &["a duration"], &[], r#"cpu "5ms""#),
    shape("wait", &["a duration"], &[], r#"wait "4s""#),
    shape("block", &["a duration"], &[], r#"block "10ms""#),
    with_block(
        shape("hold", &["a resource"], &[], r#"hold "waiter" { wait "1s" }"#),
        Block::Required,
    ),
    shape("send", &["a channel"], &[], r#"send "orders""#),
    shape("receive", &["a channel"], &[], r#"receive "orders""#),
    shape("read", &["a variable"], &[], r#"read "counter""#),
    shape("write", &["a variable"], &["add"], r#"write "counter" add=1"#),
    shape("update", &["a variable"], &["add"], r#"update "counter" add=1"#),
    with_block(
        shape(
            "http",
            &["a method", "a URL"],
            &["body", "timeout", "follow"],
            r#"http "GET" "$api/slow""#,
        ),
        Block::Optional,
    ),
    shape("call", &["a function"], &[], r#"call "work.py:resize""#),
    with_more(shape("run", &["a program"], &[], r#"run "gzip" "-k" "file""#)),
    shape("allocate", &["a size"], &[], r#"allocate "10MiB""#),
    with_block(shape("repeat", &["a number"], &[], r#"repeat 3 { wait "1s" }"#), Block::Required),
    shape("yield", &[], &[], "yield"),
    shape("fail", &["a reason"], &[], r#"fail "out of paper""#),
    shape("crash", &[], &[], "crash"),
];

/// A node that has the parts which its shape asks for.
pub(super) struct Form<'a> {
    /// Of its name.
    pub(super) span: Range<usize>,
    pub(super) arguments: Vec<&'a Value>,
    properties: Vec<(&'a Name, &'a Value)>,
    pub(super) children: &'a [Node],
}

impl<'a> Form<'a> {
    /// The value of a property.
    pub(super) fn property(&self, name: &str) -> Option<Value> {
        self.properties.iter().find(|(key, _)| key.text == name).map(|(_, value)| (*value).clone())
    }

    /// The argument at an index below the number that the shape asks for.
    pub(super) fn argument(&self, index: usize) -> Value {
        self.arguments[index].clone()
    }

    /// The first argument as a name; a mistake if it is not one. Where it is used as `$name`
    /// it must be one word.
    pub(super) fn name(&self, dollar: bool, mistakes: &mut Vec<Diagnostic>) -> Option<Name> {
        let Value { data, span, .. } = self.arguments[0];
        let mistake = |message: &str| Diagnostic::mistake(span.clone(), message);
        match data {
            Data::Text(text) if is_name(text) || (!dollar && !text.trim().is_empty()) => {
                Some(Name { text: text.clone(), span: span.clone() })
            }
            Data::Text(_) => {
                let help = "a name begins with a letter and goes on with letters, digits, - and _";
                mistakes.push(mistake("this cannot be a name").help(help));
                None
            }
            _ => {
                mistakes.push(mistake("expected a name").help("names are texts, as in \"table\""));
                None
            }
        }
    }
}

/// Whether `$` can stand before this text: a letter, then letters, digits, `-` and `_`.
pub(super) fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '_')
}

impl Shape {
    /// The parts of a node; `None`, with mistakes, if one is missing.
    pub(super) fn form<'a>(
        &self,
        node: &'a Node,
        mistakes: &mut Vec<Diagnostic>,
    ) -> Option<Form<'a>> {
        if let Some(annotation) = &node.annotation {
            mistakes.push(Diagnostic::mistake(
                annotation.span.clone(),
                "a word in brackets means nothing here",
            ));
        }
        let mut form = Form {
            span: node.name.span.clone(),
            arguments: Vec::new(),
            properties: Vec::new(),
            children: node.children.as_deref().unwrap_or_default(),
        };
        for NodeEntry { key, value } in &node.entries {
            match key {
                None => form.arguments.push(value),
                Some(_) if mistakes.len() >= MISTAKES_MAX => {}
                Some(key) => {
                    mistakes.extend(self.wrong_key(key, &form));
                    form.properties.push((key, value));
                }
            }
        }
        mistakes.extend(self.wrong_arguments(&form));
        mistakes.extend(self.wrong_block(node));
        let complete = form.arguments.len() >= self.arguments.len();
        complete.then_some(form)
    }

    fn wrong_key(&self, key: &Name, form: &Form<'_>) -> Option<Diagnostic> {
        let Self { name, properties, .. } = self;
        let mistake = |message: String| Diagnostic::mistake(key.span.clone(), message);
        let text = &key.text;
        if form.properties.iter().any(|(other, _)| other.text == *text) {
            return Some(mistake(format!("`{text}` is given twice")));
        }
        if properties.contains(&text.as_str()) {
            return None;
        }
        let help = match (nearest(text, properties.iter().copied()), properties.len()) {
            (Some(near), _) => format!("did you mean `{near}`?"),
            (None, 0) => format!("`{name}` has none, as in: {}", self.example),
            (None, _) => format!("`{name}` has {}", list(properties)),
        };
        Some(mistake(format!("unknown property `{text}` of `{name}`")).help(help))
    }

    fn wrong_arguments(&self, form: &Form<'_>) -> Option<Diagnostic> {
        let (given, wanted) = (form.arguments.len(), self.arguments.len());
        let example = format!("as in: {}", self.example);
        if let Some(missing) = self.arguments.get(given) {
            let message = format!("`{}` needs {missing}", self.name);
            return Some(Diagnostic::mistake(form.span.clone(), message).help(example));
        }
        if given > wanted && !self.more {
            let span = form.arguments[wanted].span.clone();
            let message = format!("`{}` takes nothing more", self.name);
            return Some(Diagnostic::mistake(span, message).help(example));
        }
        None
    }

    fn wrong_block(&self, node: &Node) -> Option<Diagnostic> {
        let Self { name, example, .. } = self;
        let mistake = match (&self.block, node.children.is_some()) {
            (Block::Never, true) => {
                let span = node.block.start..node.block.start + 1;
                Diagnostic::mistake(span, format!("`{name}` has no block"))
            }
            (Block::Required, false) => {
                let message = format!(
                    "`{name}` needs a block of {}",
                    if *name == "claim" { "figures" } else { "steps" }
                );
                Diagnostic::mistake(node.name.span.clone(), message)
            }
            _ => return None,
        };
        Some(mistake.help(format!("as in: {example}")))
    }
}

/// `a, b and c`, in backquotes.
pub(super) fn list(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => quoted.concat(),
    }
}
