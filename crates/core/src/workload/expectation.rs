//! `expect failures=0`, `expect failures at-most=3`, `expect var="counter" equals=2000`: one
//! subject, and one or more comparisons.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::ast::{Counted, Expectation, Measurand, Relation};
use super::diagnostic::Diagnostic;
use super::quantity::nearest;
use super::shape::{Form, list};
use super::syntax::{Data, Value};

/// What must hold after a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expect {
    pub of: Expected,
    pub comparison: Relation,
    pub value: i64,
}

/// What a number is expected of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    /// The variable of this name.
    Var(String),
    Counted(Counted),
}

impl Expect {
    /// Whether the expectation is met.
    pub fn holds(&self, actual: i64) -> bool {
        self.comparison.holds(actual, self.value)
    }
}

impl fmt::Display for Expect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = match &self.of {
            Expected::Var(name) => name,
            Expected::Counted(counted) => counted.name(),
        };
        write!(f, "{of} {} {}", self.comparison.sign(), self.value)
    }
}

/// Reads an `expect` whose properties are known.
pub(super) fn read(form: &Form<'_>) -> Result<Vec<Expectation>, Diagnostic> {
    let wrong = |message: &str| {
        let mistake = Diagnostic::mistake(form.span.clone(), message);
        mistake.help("as in: expect var=\"counter\" equals=2000")
    };
    let mut subjects: Vec<(Measurand, Option<Value>)> = Vec::new();
    for value in &form.arguments {
        subjects.push((Measurand::Counted(counted(value)?), None));
    }
    subjects.extend(form.property("var").map(|var| (Measurand::Var(var), None)));
    for counted in Counted::ALL {
        let value = form.property(counted.name());
        subjects.extend(value.map(|value| (Measurand::Counted(counted), Some(value))));
    }
    let given = |comparison: Relation| Some((comparison, form.property(comparison.name())?));
    let mut compared: Vec<(Relation, Value)> =
        Relation::ALL.into_iter().filter_map(given).collect();
    let (Some((subject, equals)), true) = (subjects.pop(), subjects.is_empty()) else {
        return Err(wrong("`expect` looks at one thing"));
    };
    compared.extend(equals.map(|value| (Relation::Equals, value)));
    if compared.is_empty() {
        return Err(wrong("`expect` needs equals=, at-least= or at-most="));
    }
    let expectation =
        |(comparison, value)| Expectation { subject: subject.clone(), comparison, value };
    Ok(compared.into_iter().map(expectation).collect())
}

fn counted(value: &Value) -> Result<Counted, Diagnostic> {
    let names = Counted::ALL.map(Counted::name);
    let text = match &value.data {
        Data::Text(text) => text.as_str(),
        _ => "",
    };
    Counted::ALL.into_iter().find(|counted| counted.name() == text).ok_or_else(|| {
        let help = match nearest(text, names) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("there are {}", list(&names)),
        };
        Diagnostic::mistake(value.span.clone(), "this is not counted").help(help)
    })
}
