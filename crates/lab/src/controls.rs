//! What the command line calls by an option, a page has a control for. Sentences of a result name the
//! option; a reader of the page is told the control, and where there is none, that it is an option.

use crate::shown::Shown;

/// A result in the words of a page.
pub(crate) fn on_page(shown: &Shown) -> Shown {
    let mut shown = shown.clone();
    let reasons = shown.claims.iter_mut().flat_map(|claim| &mut claim.evidence);
    let reasons = reasons.filter_map(|evidence| evidence.reason.as_mut());
    let texts = shown.why.iter_mut().chain(&mut shown.notes).chain(&mut shown.changes);
    for text in texts.chain(reasons).chain([&mut shown.answer]) {
        *text = sentence(text);
    }
    shown
}

/// A sentence in which backticks set off options.
fn sentence(text: &str) -> String {
    let mut parts = text.split('`');
    let mut told = parts.next().unwrap_or_default().to_owned();
    while let Some(code) = parts.next() {
        let Some(behind) = parts.next() else {
            // No pair: the last backtick is one of the sentence's own.
            return format!("{told}`{code}");
        };
        told.push_str(&control(code, told.ends_with('(') && behind.starts_with(')')));
        told.push_str(behind);
    }
    told
}

/// What stands for something between backticks; `alone`: it is all that stands in brackets.
fn control(code: &str, alone: bool) -> String {
    let (option, value) = code.split_once(' ').unwrap_or((code, ""));
    match option {
        "--runs" | "--budget" if alone => "choose the time beside Run".to_owned(),
        "--workers" if !value.is_empty() => format!("`:{value}` behind the model in the source"),
        option if option.starts_with("--") => format!("`{code}` on the command line"),
        _ => format!("`{code}`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_become_the_controls_of_the_page() {
        for (said, told) in [
            (
                "Run at least 3 rounds (`--runs 3`).",
                "Run at least 3 rounds (choose the time beside Run).",
            ),
            ("give it more time (`--budget`)", "give it more time (choose the time beside Run)"),
            ("Try `--workers 8`.", "Try `:8` behind the model in the source."),
            ("`--runs N` runs all of them.", "`--runs N` on the command line runs all of them."),
            (
                "Use `threads`: `native/threads` is best.",
                "Use `threads`: `native/threads` is best.",
            ),
            ("a ` alone", "a ` alone"),
            ("", ""),
        ] {
            assert_eq!(sentence(said), told);
        }
    }
}
