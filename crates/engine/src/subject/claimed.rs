//! A claim in one line, about a piece of work that makes none itself: `throughput of threads over
//! sequential >= 3`. It says what a `figure` of a workload file says, and means the same. A sentence may
//! stand before it, as in `threads pay: throughput of threads over sequential >= 3`.

use maitred_core::result::SubjectKind;
use maitred_core::workload::ast::{Action, Claim, Data, Figure, Relation, Value, Workload};
use maitred_core::workload::{self, Choices, Diagnostic, Lowered};

use crate::error::Error;
use crate::job::{Job, task, text, value};

const AS_IN: &str = "write it as in: throughput of threads over sequential >= 3; memory of \
                     processes:4 at most 200MiB";

/// Makes these claims those of the work.
///
/// # Errors
/// [`Error::Usage`] with what is wrong in which.
pub(crate) fn put(job: &mut Job, claims: &[String]) -> Result<(), Error> {
    for claim in claims {
        let Lowered { claims, claimed, .. } = read(claim, job.kind)?;
        job.work.claims.extend(claims);
        let new = claimed.into_iter().filter(|model| !job.work.claimed.contains(model));
        let new: Vec<_> = new.collect();
        job.work.claimed.extend(new);
    }
    Ok(())
}

/// What a claim says: the sentence before its figure, or the figure.
pub fn sentence(claim: &str) -> &str {
    claim.rsplit_once(": ").map_or(claim, |(sentence, _)| sentence)
}

/// Looks whether a claim about work of this kind can be read.
///
/// # Errors
/// [`Error::Usage`] with what is wrong in it.
pub fn check(claim: &str, kind: SubjectKind) -> Result<(), Error> {
    read(claim, kind).map(drop)
}

fn read(claim: &str, kind: SubjectKind) -> Result<Lowered, Error> {
    let runtime = match kind {
        SubjectKind::Function => "python3",
        SubjectKind::Command => "command",
        SubjectKind::Closure => "std",
        SubjectKind::Workload | SubjectKind::Url => "native",
    };
    let wrong = |why: &str| Error::Usage(format!("the claim `{claim}`: {why}"));
    let line = claim.rsplit_once(": ").map_or(claim, |(_, line)| line);
    let figure = figure(line, runtime).map_err(|why| wrong(&why))?;
    let claim = Claim { says: text(sentence(claim)), figures: vec![figure] };
    // What claims are of is not looked at here: next to nothing.
    let tasks = vec![task("t", 1, Action::Yield)];
    let work = Workload { tasks, claims: vec![claim], ..Workload::default() };
    let settings = Choices { seed: 1, speed: 1.0, set: Vec::new(), inputs: Vec::new() };
    workload::lower(&work, &settings).map_err(|mistakes| wrong(&first(&mistakes)))
}

/// What is wrong first, and the next step.
fn first(mistakes: &[Diagnostic]) -> String {
    let Some(mistake) = mistakes.first() else { return AS_IN.to_owned() };
    let help = mistake.help.as_ref().map_or_else(String::new, |help| format!("; {help}"));
    format!("{}{help}", mistake.message)
}

/// # Errors
/// What is not as it must be, and how it is written.
fn figure(line: &str, runtime: &str) -> Result<Figure, String> {
    let spaced = line.replace(">=", " >= ").replace("<=", " <= ");
    let mut words = spaced.split_whitespace();
    let mut next =
        |what: &str| words.next().map(str::to_owned).ok_or(format!("{what} is missing; {AS_IN}"));
    let quantity = next("the figure")?;
    let is_of = next("`of`")? == "of";
    if !is_of {
        return Err(format!("behind `{quantity}` stands `of` and a model; {AS_IN}"));
    }
    let model = |name: &str| match name.contains('/') {
        true => text(name),
        false => text(&format!("{runtime}/{name}")),
    };
    let of = Some(model(&next("the model")?));
    let mut words: Vec<String> = words.map(str::to_owned).collect();
    let mut over = None;
    if words.first().is_some_and(|word| word == "over") && words.len() > 1 {
        over = Some(model(&words.remove(1)));
        words.remove(0);
    }
    let bounds = words.split(|word| word == "and").map(bound).collect::<Result<_, _>>()?;
    Ok(Figure { span: 0..0, name: text(&quantity), of, over, part: Vec::new(), bounds })
}

/// # Errors
/// That it is none, and which there are.
fn bound(words: &[String]) -> Result<(Relation, Value), String> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let (comparison, amount) = match words[..] {
        [">=", amount] | ["at", "least", amount] => (Relation::AtLeast, amount),
        ["<=", amount] | ["at", "most", amount] => (Relation::AtMost, amount),
        ["=" | "==" | "is", amount] => (Relation::Equals, amount),
        _ => {
            return Err(format!(
                "`{}` is no bound; there are >= (at least), <= (at most) and =; {AS_IN}",
                words.join(" ")
            ));
        }
    };
    let number = amount.parse::<f64>().ok().filter(|number| number.is_finite());
    let amount = match (amount.parse(), number) {
        (Ok(whole), _) => value(Data::Integer(whole)),
        (Err(_), Some(number)) => value(Data::Float(number)),
        (Err(_), None) => text(amount),
    };
    Ok((comparison, amount))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn says(claim: &str) -> Result<Vec<String>, String> {
        let work = read(claim, SubjectKind::Function).map_err(|error| error.to_string())?;
        let figures = work.claims[0].figures.iter();
        Ok(figures.map(|figure| format!("{figure}: {}", figure.bounds())).collect())
    }

    #[test]
    fn a_line_is_read_as_a_figure() {
        for (claim, figure) in [
            (
                "throughput of threads over sequential >= 3",
                "throughput of python3/threads over python3/sequential: at least 3",
            ),
            ("time of native/thread-pool:8 <=20ms", "time of native/thread-pool:8: at most 20ms"),
            (
                "memory of processes:4 at most 200MiB",
                "memory of python3/processes:4: at most 200MiB",
            ),
            ("failed of threads = 0", "failed of python3/threads: 0"),
            (
                "cores of threads at least 0.9 and at most 1.1",
                "cores of python3/threads: 0.9 to 1.1",
            ),
        ] {
            assert_eq!(says(claim), Ok(vec![figure.to_owned()]), "{claim}");
        }
    }

    #[test]
    fn a_sentence_may_stand_before_it() {
        let says = |claim| read(claim, SubjectKind::Url).unwrap().claims[0].says.clone();
        assert_eq!(says("eight are enough: failed of thread-pool:8 = 0"), "eight are enough");
        assert_eq!(says("failed of thread-pool:8 = 0"), "failed of thread-pool:8 = 0");
        let odd = "it's \"$5\" \\ cheap\u{7}";
        assert_eq!(says(&format!("{odd}: failed of threads = 0")), odd);
    }

    #[test]
    fn what_is_no_claim_is_said_with_the_next_step() {
        for (claim, why) in [
            ("throughput", "`of` is missing"),
            ("it is fast", "behind `it` stands `of` and a model"),
            ("throughput of threads", "`` is no bound"),
            ("throughput of threads > 3", "`> 3` is no bound"),
            ("speed of threads >= 3", "unknown figure `speed`"),
            ("time of threads <= 3", "a duration"),
            ("throughput of treads >= 3", "did you mean `threads`?"),
            ("throughput of threads >= inf", "a bound"),
        ] {
            let said = says(claim).unwrap_err();
            assert!(said.contains(why), "{claim}: {said}");
        }
    }
}
