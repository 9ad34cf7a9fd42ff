//! What changed since a saved result, as a small table on a terminal.

use alloc::format;
use alloc::string::{String, ToString as _};

use maitred_wire::Model;

use super::Options;
use super::columns::{self, Column};
use super::paint::{Ink, to_ascii, wrap};
use crate::analyse::change::Change;
use crate::analyse::units::{duration, ratio, significant};
use crate::result::Verdict;

/// A row a model that both results rank; where there is none, the `fastest` of each.
pub fn changes(
    changes: &[Change],
    fastest: Option<&(Model, Change)>,
    before: &str,
    options: &Options,
) -> String {
    let title = Ink::Bold.paint(&format!("Since {before}"), options);
    if changes.is_empty() {
        let text = format!("{title}\n{}\n", wrap(&none_in_both(fastest), options.width, 0));
        return if options.ascii { to_ascii(&text) } else { text };
    }
    let names = changes.iter().map(|change| (change.model.to_string(), Ink::Plain));
    let mut table = columns::names("model", names);
    let mut add = |title, number, cell: &dyn Fn(&Change) -> String| {
        let mut column = Column::new(title, number, 0);
        column.cells = changes.iter().map(|change| (cell(change), ink(change))).collect();
        table.push(column);
    };
    add("then", true, &|change| duration(change.before_ns));
    add("now", true, &|change| duration(change.after_ns));
    add("now ÷ then", true, &|change| ratio(change.ratio.median));
    add("99 %", true, &|change| {
        format!("{}–{}", significant(change.ratio.low), significant(change.ratio.high))
    });
    add("", false, &|change| word(change.verdict).into());
    let text = format!("{title}\n{}", columns::render(&table, options));
    if options.ascii { to_ascii(&text) } else { text }
}

fn none_in_both(fastest: Option<&(Model, Change)>) -> String {
    let Some((then, now)) = fastest else { return "No model is ranked in both results.".into() };
    let told = match now.verdict {
        Verdict::Faster => "faster",
        Verdict::Slower => "slower",
        Verdict::Same | Verdict::Reference => "the same",
        Verdict::Inconclusive => "inconclusive",
    };
    format!(
        "No model is ranked in both results. The fastest now, `{}` ({}), takes {} as long as the fastest then, `{then}` ({}); 99 % interval {}–{}: {told}.",
        now.model,
        duration(now.after_ns),
        ratio(now.ratio.median),
        duration(now.before_ns),
        significant(now.ratio.low),
        significant(now.ratio.high)
    )
}

/// The same as Markdown.
pub fn markdown(changes: &[Change], before: &str) -> String {
    let mut text = format!("### Since {before}\n\n");
    if changes.is_empty() {
        return text + "No model is ranked in both results.\n";
    }
    text.push_str(
        "| model | then | now | now ÷ then | 99 % | |\n| --- | ---: | ---: | ---: | ---: | --- |\n",
    );
    for change in changes {
        text.push_str(&format!(
            "| `{}` | {} | {} | {} | {}–{} | {} |\n",
            change.model,
            duration(change.before_ns),
            duration(change.after_ns),
            ratio(change.ratio.median),
            significant(change.ratio.low),
            significant(change.ratio.high),
            word(change.verdict)
        ));
    }
    text
}

/// `102 ms, 1.10× of 92.7 ms (1.08–1.12)`.
pub(super) fn figures(change: &Change) -> String {
    format!(
        "{}, {} of {} ({}–{})",
        duration(change.after_ns),
        ratio(change.ratio.median),
        duration(change.before_ns),
        significant(change.ratio.low),
        significant(change.ratio.high)
    )
}

pub(super) fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Faster => "better",
        Verdict::Slower => "regressed",
        Verdict::Same | Verdict::Reference => "same",
        Verdict::Inconclusive => "inconclusive",
    }
}

fn ink(change: &Change) -> Ink {
    match change.verdict {
        Verdict::Faster => Ink::Green,
        Verdict::Slower => Ink::Vermillion,
        Verdict::Same | Verdict::Reference => Ink::Plain,
        Verdict::Inconclusive => Ink::Orange,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyse::stats::Interval;

    #[test]
    fn results_without_a_model_in_common_rank_the_fastest_of_each() {
        let options = Options::default();
        let of = |model: &str| model.parse::<Model>().unwrap();
        let change = Change {
            model: of("native/threads"),
            workers: 5,
            before_ns: 184_000_000,
            after_ns: 368_000_000,
            ratio: Interval { low: 1.9, median: 2.0, high: 2.1 },
            verdict: Verdict::Slower,
        };
        let fastest = (of("native/event-loop"), change.clone());
        let text = changes(&[], Some(&fastest), "then", &options).replace('\n', " ");
        let said = "The fastest now, `native/threads` (368 ms), takes 2.00× as long as the fastest then, `native/event-loop` (184 ms); 99 % interval 1.90–2.10: slower.";
        assert!(text.contains(said), "{text}");
        let nobody = changes(&[], None, "then", &options);
        assert!(nobody.contains("No model is ranked in both") && !nobody.contains("fastest now"));
        let both = changes(&[change], Some(&fastest), "then", &options);
        assert!(!both.contains("The fastest now"), "{both}");
    }
}
