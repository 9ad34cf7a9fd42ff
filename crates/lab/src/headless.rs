//! All cells of a notebook, one after another, without a page: a verdict each. Whoever runs a
//! notebook so has chosen it, as one chooses a program; nothing is asked.

use crate::describe;
use crate::notebook::{Cell, Finding, Kind};
use crate::run;
use crate::session::Session;
use crate::shown::{Claim, undecided};
use crate::wish::Wish;
use maitred_core::result::{Comparison, Run, Truth};
use maitred_core::trace::RunEnd;

/// What came of a cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It ran, and what was found is what the notebook says, or nothing that speaks against it.
    Agrees(String),
    /// It ran, and the finding is another than the notebook says.
    Differs(String),
    /// It could not be run.
    Failed(String),
    /// It is none that runs: servers for other cells.
    Declares,
}

impl Verdict {
    /// Whether the notebook can stand as it is.
    pub fn is_good(&self) -> bool {
        matches!(self, Self::Agrees(_) | Self::Declares)
    }

    /// In one line.
    pub fn text(&self) -> String {
        match self {
            Self::Agrees(said) => format!("agrees: {said}"),
            Self::Differs(said) => format!("differs: {said}"),
            Self::Failed(why) => format!("failed: {why}"),
            Self::Declares => "declares servers".to_owned(),
        }
    }
}

/// Runs every cell of a notebook in order; `tell` hears of each: its number, how many there are,
/// the cell, and at the end its verdict.
///
/// # Errors
/// A lowercase sentence: there is no such notebook, or it has mistakes on its fences.
pub fn run(
    session: &Session,
    book: &str,
    is_over: &dyn Fn() -> bool,
    tell: &mut dyn FnMut(&Cell, Option<&Verdict>),
) -> Result<Vec<Verdict>, String> {
    // Results are kept under the book's own name, which is not what it was asked for by.
    let book = session.book(book)?;
    let notebook = book.read()?;
    if let Some(mistake) = notebook.mistakes.first() {
        return Err(format!("line {}: {}", mistake.line, mistake.message));
    }
    let mut verdicts = Vec::new();
    for cell in notebook.cells() {
        if is_over() {
            break;
        }
        tell(cell, None);
        let verdict = match cell.kind {
            Kind::Server => Verdict::Declares,
            _ => one(session, &book.name, cell),
        };
        tell(cell, Some(&verdict));
        verdicts.push(verdict);
    }
    Ok(verdicts)
}

/// Which share of their time the cells of a notebook get, so that all of them together begin rounds
/// for so many nanoseconds at most.
///
/// # Errors
/// A lowercase sentence: there is no such notebook, or it cannot be read.
pub fn share(session: &Session, book: &str, budget_ns: u64) -> Result<f64, String> {
    let notebook = session.book(book)?.read()?;
    let running = notebook.cells().filter(|cell| cell.kind != Kind::Server);
    let all: u64 = running.map(describe::budget_ns).sum();
    Ok((budget_ns as f64 / all.max(1) as f64).min(1.0))
}

/// Runs a cell; one that differs runs once more, for a machine that was disturbed for a moment
/// refutes what holds, and does not do so twice.
fn one(session: &Session, book: &str, cell: &Cell) -> Verdict {
    match once(session, book, cell) {
        Verdict::Differs(first) => match once(session, book, cell) {
            Verdict::Agrees(said) => Verdict::Agrees(format!("{said} (not at first: {first})")),
            again => again,
        },
        verdict => verdict,
    }
}

fn once(session: &Session, book: &str, cell: &Cell) -> Verdict {
    let mut wish = Wish {
        book: book.to_owned(),
        cell: cell.id.clone(),
        source: cell.source.clone(),
        set: Vec::new(),
        models: cell.directives.models.clone(),
        speed: cell.directives.speed.unwrap_or(1.0),
        budget_ns: None,
        agreed: None,
    };
    wish.agreed = run::asked(session, &wish);
    let ready = match run::prepare(session, &wish) {
        Ok(ready) => ready,
        Err(why) => return Verdict::Failed(why),
    };
    let (id, cancel) = match session.begin() {
        Ok(place) => place,
        Err(why) => return Verdict::Failed(why),
    };
    let failure = std::cell::RefCell::new(None);
    run::cell(session, &wish, &ready, id, &cancel, &|line| {
        if let Some(text) = run::failure(&line) {
            *failure.borrow_mut() = Some(text);
        }
    });
    match (session.result(id), failure.into_inner()) {
        (_, Some(why)) => Verdict::Failed(why),
        (None, None) => Verdict::Failed("it came to no result".to_owned()),
        (Some(kept), None) => match nothing_begun(session, kept.found.comparison.as_ref()) {
            Some(why) => Verdict::Failed(format!("{} {why}", kept.shown.answer)),
            None => judge(cell, &kept.shown.claims, &kept.shown.answer),
        },
    }
}

/// Why no model could begin with the work, if that is not for want of a runtime.
fn nothing_begun(session: &Session, comparison: Option<&Comparison>) -> Option<String> {
    let here = session.here().models;
    let runtime = |model: &str| model.split('/').next().map(str::to_owned);
    let is_here = |name: &str| here.iter().any(|model| runtime(model) == runtime(name));
    let all = &comparison?.contestants;
    let first = all.iter().find(|one| is_here(&one.model.to_string()))?;
    let refused = |run: &Run| matches!(run.end, RunEnd::Refused { .. });
    let none_began = all.iter().all(|one| one.unranked.is_some() && one.runs.iter().all(refused));
    none_began.then(|| format!("{}: {}", first.model, first.unranked.clone().unwrap_or_default()))
}

/// Whether what was found is what the notebook says. What is undecided here speaks against
/// nothing, and is said.
fn judge(cell: &Cell, claims: &[Claim], answer: &str) -> Verdict {
    let directives = &cell.directives;
    let against = |place: u32| match directives.finding.unwrap_or(Finding::Holds) {
        Finding::Refuted => Truth::Holds,
        Finding::Holds if directives.refuted.contains(&place) => Truth::Holds,
        Finding::Holds => Truth::Refuted,
    };
    let mut counted = (1..).zip(claims);
    if let Some((place, claim)) = counted.find(|(place, claim)| claim.verdict == against(*place)) {
        let what = if against(place) == Truth::Refuted {
            "refuted"
        } else {
            "holds, but the notebook says refuted"
        };
        let figures = claim
            .evidence
            .iter()
            .map(|it| format!("{} is {}, predicted {}", it.figure, it.found, it.predicted));
        let figures: Vec<String> = figures.collect();
        return Verdict::Differs(format!("{} ({what}): {}", claim.says, figures.join("; ")));
    }
    let is_decided = |claim: &&Claim| matches!(claim.verdict, Truth::Holds | Truth::Refuted);
    let as_it_says =
        format!("{} of {} as it says", claims.iter().filter(is_decided).count(), claims.len());
    Verdict::Agrees(match undecided(claims) {
        _ if claims.is_empty() => answer.to_owned(),
        none if none.is_empty() => as_it_says,
        some => format!("{as_it_says}, {some}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notebook::parse;

    fn judged(fence: &str, verdicts: &[Truth]) -> Verdict {
        let notebook = parse("n", &format!("```claim id=a {fence}\nx\n```\n"), &|_| None);
        let claim = |&verdict: &Truth| Claim { says: "s".into(), verdict, evidence: Vec::new() };
        let claims: Vec<Claim> = verdicts.iter().map(claim).collect();
        judge(notebook.cell("a").unwrap(), &claims, "done")
    }

    #[test]
    fn a_refuted_claim_differs_unless_the_notebook_says_so() {
        assert!(!judged("", &[Truth::Holds, Truth::Refuted]).is_good());
        assert!(judged("finding=refuted", &[Truth::Refuted]).is_good());
        assert!(!judged("finding=refuted", &[Truth::Holds]).is_good());
        assert!(judged("refuted=2", &[Truth::Holds, Truth::Refuted, Truth::Holds]).is_good());
        assert!(!judged("refuted=2", &[Truth::Holds, Truth::Holds]).is_good());
        assert!(!judged("refuted=2", &[Truth::Refuted, Truth::Refuted]).is_good());
    }

    #[test]
    fn what_is_undecided_speaks_against_nothing_and_is_said() {
        let verdict = judged("", &[Truth::Holds, Truth::CannotBeTested]);
        assert_eq!(verdict, Verdict::Agrees("1 of 2 as it says, 1 cannot be tested here".into()));
        let verdict = judged("finding=refuted", &[Truth::Inconclusive, Truth::Refuted]);
        assert_eq!(verdict, Verdict::Agrees("1 of 2 as it says, 1 inconclusive".into()));
        let verdict = judged("", &[Truth::Holds, Truth::Holds]);
        assert_eq!(verdict, Verdict::Agrees("2 of 2 as it says".into()));
        assert_eq!(judged("", &[]), Verdict::Agrees("done".into()));
    }
}
