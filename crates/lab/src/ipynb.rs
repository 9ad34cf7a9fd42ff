//! Notebooks of Jupyter (nbformat 4): written from ours, and ours read back from those that were,
//! byte for byte. Cells of ours are code cells whose fence stands in their metadata; what is
//! between them is Markdown.

use serde_json::{Value, json};

use crate::notebook::{Notebook, Piece};

/// The notebook as JSON. `said` gives what a cell found, by its id.
pub fn write(notebook: &Notebook, said: &dyn Fn(&str) -> Option<String>) -> String {
    let cells: Vec<Value> = notebook.pieces().into_iter().map(|piece| cell(&piece, said)).collect();
    let whole = json!({
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": { "language_info": { "name": "text" }, "maitred": { "version": 1 } },
        "cells": cells,
    });
    format!("{whole:#}\n")
}

fn cell(piece: &Piece<'_>, said: &dyn Fn(&str) -> Option<String>) -> Value {
    match piece {
        Piece::Text { at, text } => json!({
            "id": format!("text-{at}"),
            "cell_type": "markdown",
            "metadata": {},
            "source": lines(text),
        }),
        Piece::Cell { id, open, body, close } => {
            let output = |text: String| json!([{ "output_type": "stream", "name": "stdout", "text": lines(&text) }]);
            json!({
                // nbformat wants letters, digits, `-` and `_`, at most 64.
                "id": id.chars().filter(char::is_ascii).take(64).collect::<String>(),
                "cell_type": "code",
                "execution_count": null,
                "metadata": { "maitred": { "open": open, "close": close } },
                "source": lines(body),
                "outputs": said(id).map_or_else(|| json!([]), output),
            })
        }
    }
}

/// A text as nbformat has it: a list of lines with their ends.
fn lines(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}

/// The Markdown of a notebook that [`write()`] made.
///
/// # Errors
/// A lowercase sentence: it is no notebook, or one of others.
pub fn read(text: &str) -> Result<String, String> {
    let whole: Value =
        serde_json::from_str(text).map_err(|error| format!("this is no .ipynb file: {error}"))?;
    let cells = whole["cells"].as_array().filter(|_| whole["metadata"]["maitred"]["version"] == 1);
    let cells = cells.ok_or(
        "this .ipynb was not made by `maitred notebook export`; write its cells as fenced blocks into a \
         Markdown file",
    )?;
    let source = |value: &Value| match value {
        Value::Array(lines) => lines.iter().filter_map(Value::as_str).collect(),
        other => other.as_str().unwrap_or_default().to_owned(),
    };
    let mut markdown = String::new();
    for cell in cells {
        let fence = &cell["metadata"]["maitred"];
        markdown.push_str(fence["open"].as_str().unwrap_or_default());
        let body: String = source(&cell["source"]);
        markdown.push_str(&body);
        // Jupyter takes the last line break of a cell away.
        if fence["open"].is_string() && !body.is_empty() && !body.ends_with('\n') {
            markdown.push('\n');
        }
        markdown.push_str(fence["close"].as_str().unwrap_or_default());
    }
    Ok(markdown)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::notebook::parse;

    #[test]
    fn what_was_found_stands_below_its_cell() {
        let notebook = parse("n", "# N\n```claim id=a\n02-amdahl\n```\n", &|_| None);
        let text = write(&notebook, &|id| (id == "a").then(|| "It holds.\n".to_owned()));
        let whole: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(whole["nbformat"], 4);
        assert_eq!(whole["cells"][1]["outputs"][0]["text"][0], "It holds.\n");
    }

    #[test]
    fn what_others_made_is_refused_with_the_next_step() {
        assert!(read("{").unwrap_err().contains("no .ipynb"));
        assert!(read("{\"cells\":[]}").unwrap_err().contains("was not made by"));
    }

    proptest! {
        #[test]
        fn it_comes_back_byte_for_byte(
            lines in proptest::collection::vec(prop_oneof![
                Just("```workload".to_owned()), Just("```".to_owned()), Just("~~~claim id=x".to_owned()),
                Just("~~~".to_owned()), Just("# A".to_owned()), "[ -~]{0,12}",
            ], 0..16)
        ) {
            let text = lines.iter().map(|line| format!("{line}\n")).collect::<String>();
            let notebook = parse("n", &text, &|_| None);
            prop_assert_eq!(read(&write(&notebook, &|_| None)).unwrap(), text);
        }
    }
}
