//! Whatever is written, the answer is a workload or mistakes with places in the file.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::super::shape::{CLAIM, STEPS, TOP};
use super::super::{Choices, Place, Quantity, Report, lower, parse};
use super::{SHIPPED, lowered};

/// A shipped workload with some pieces cut out, put in, or both.
fn mutated() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just(" "),
        Just("\n"),
        Just("{"),
        Just("}"),
        Just("\""),
        Just("$"),
        Just("${"),
        Just("="),
        Just("(uniform)"),
        Just("-"),
        Just("wait"),
        Just("count=0"),
        Just("*"),
        Just("é"),
        Just("#true"),
        Just("4s"),
        Just("/-"),
        Just("hold"),
        Just("repeat"),
        Just("\\"),
    ];
    let edit = (any::<prop::sample::Index>(), 0..12_usize, piece);
    (0..SHIPPED.len(), prop::collection::vec(edit, 1..5)).prop_map(|(file, edits)| {
        let mut text: Vec<char> = SHIPPED[file].1.chars().collect();
        for (at, cut, piece) in edits {
            let at = at.index(text.len() + 1);
            let end = (at + cut).min(text.len());
            text.splice(at..end, piece.chars());
        }
        text.into_iter().collect()
    })
}

fn holds_for(source: &str) -> Result<(), TestCaseError> {
    let mistakes = match parse(source).and_then(|workload| lower(&workload, &Choices::default())) {
        Ok(lowered) => {
            prop_assert!(lowered.task_count() > 0);
            prop_assert_eq!(lowered.steps.len(), lowered.places.len());
            return Ok(());
        }
        Err(mistakes) => mistakes,
    };
    prop_assert!(!mistakes.is_empty());
    for mistake in &mistakes {
        if let Place::Source(span) = &mistake.place {
            prop_assert!(source.get(span.clone()).is_some(), "{:?} in {:?}", mistake, source);
        }
    }
    let report = Report::new("w", source, &mistakes).to_string();
    prop_assert!(report.contains("mistake"), "{}", report);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_has_a_meaning_or_mistakes(source in any::<String>()) {
        holds_for(&source)?;
    }

    #[test]
    fn a_workload_gone_wrong_has_a_meaning_or_mistakes(source in mutated()) {
        holds_for(&source)?;
    }

    #[test]
    fn a_misspelt_node_is_corrected(index in 0..STEPS.len(), at in any::<prop::sample::Index>()) {
        let name = STEPS[index].name;
        let mut letters: Vec<char> = name.chars().collect();
        let at = at.index(letters.len() - 1);
        prop_assume!(letters[at] != letters[at + 1]);
        letters.swap(at, at + 1);
        let misspelt: String = letters.into_iter().collect();
        let source = format!("task \"t\" {{ {misspelt} }}");
        let mistakes = parse(&source).unwrap_err();
        prop_assert_eq!(mistakes[0].help.clone(), Some(format!("did you mean `{name}`?")));
    }
}

#[test]
fn every_example_in_a_message_is_right() {
    let declared = r#"
var "counter" 0
channel "orders" capacity=1
server "api"
resource "waiter"
"#;
    for shape in STEPS {
        let read = "read \"counter\"";
        let source = format!("{declared}task \"t\" {{ {read}; {} }}", shape.example);
        lowered(&source, &Choices::default());
    }
    for shape in TOP {
        let declared: String = declared
            .lines()
            .filter(|line| {
                !shape.example.starts_with(line.split_once('"').unwrap_or((line, "")).0)
                    || shape.name == "expect"
            })
            .map(|line| [line, "\n"].concat())
            .collect();
        let task = if shape.name == "task" { "" } else { "task \"t\"" };
        let param = if shape.name == "sweep" { "param \"waiters\" 1\n" } else { "" };
        lowered(&format!("{param}{declared}{}\n{task}", shape.example), &Choices::default());
    }
}

#[test]
fn every_node_stands_in_the_reference() {
    let reference = include_str!("../../../../maitred/GRAMMAR.md");
    for shape in TOP.iter().chain(&STEPS).chain(&CLAIM) {
        for word in [shape.name].iter().chain(shape.properties) {
            assert!(reference.contains(&format!("`{word}")), "{word} of {}", shape.name);
        }
    }
    let (_, claims) = reference.split_once("### `claim").unwrap();
    for quantity in Quantity::ALL {
        assert!(claims.contains(&format!("`{}`", quantity.name())), "{quantity:?}");
    }
}
