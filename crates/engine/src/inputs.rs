//! The inputs of tasks, one a task: read from lines of text, JSON lines or CSV, and written to
//! memory as JSON lines, the one form that runners read.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::error::Error;
use crate::measure::trace_map::BytesFile;

/// No list of inputs that a person made is longer.
const MAX_BYTES: u64 = 256 << 20;

/// The inputs of one file; the main type.
#[derive(Debug)]
pub(crate) struct InputsFile {
    name: String,
    tasks: u64,
    /// Whether each is a row of arguments, not one argument.
    is_rows: bool,
    file: BytesFile,
}

impl InputsFile {
    /// Reads the file that is called `name` in the workload.
    ///
    /// # Errors
    /// [`Error::Usage`] with the line that is wrong.
    pub(crate) fn read(name: &str, path: &Path) -> Result<Self, Error> {
        let unreadable = |error| Error::unreadable(path, &error);
        if fs::metadata(path).map_err(unreadable)?.len() > MAX_BYTES {
            let limit = MAX_BYTES >> 20;
            return Err(Error::Usage(format!("{name} has more than {limit} MiB; split it")));
        }
        let bytes = fs::read(path).map_err(unreadable)?;
        let text = String::from_utf8(bytes).map_err(|error| {
            let place = error.utf8_error().valid_up_to();
            Error::Usage(format!("{name} is not text: byte {place} is not UTF-8"))
        })?;
        let kind = path.extension().and_then(|end| end.to_str()).unwrap_or_default();
        let json = |values: Vec<Value>| values.iter().map(Value::to_string).collect();
        let values: Vec<String> = match kind {
            "jsonl" | "ndjson" => json(json_lines(name, &text)?),
            "csv" => {
                let rows = rows(name, &text)?;
                named_columns(&rows).unwrap_or_else(|| json(rows))
            }
            _ => json(lines(&text).map(|(_, line)| Value::from(line)).collect()),
        };
        let mut content = values.join("\n");
        content.push_str(if values.is_empty() { "" } else { "\n" });
        let file = BytesFile::new(content.as_bytes())
            .map_err(|error| Error::Failed(format!("{name} cannot be kept in memory: {error}")))?;
        Ok(Self { name: name.into(), tasks: values.len() as u64, is_rows: kind == "csv", file })
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn tasks(&self) -> u64 {
        self.tasks
    }

    pub(crate) fn is_rows(&self) -> bool {
        self.is_rows
    }

    /// The JSON of one input.
    pub(crate) fn line(&self, number: usize) -> Option<String> {
        fs::read_to_string(self.path()).ok()?.lines().nth(number).map(str::to_owned)
    }

    /// Where a runner finds it.
    pub(crate) fn path(&self) -> String {
        self.file.path()
    }
}

/// The lines that are not empty, with their numbers.
fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let numbered = text.lines().enumerate().map(|(index, line)| (index + 1, line));
    numbered.filter(|(_, line)| !line.trim().is_empty())
}

fn json_lines(name: &str, text: &str) -> Result<Vec<Value>, Error> {
    let read = |(number, line)| {
        serde_json::from_str(line)
            .map_err(|error| Error::Usage(format!("{name}:{number} is not JSON: {error}")))
    };
    lines(text).map(read).collect()
}

/// Rows of a CSV file (RFC 4180). A cell that is written as a number is one.
fn rows(name: &str, text: &str) -> Result<Vec<Value>, Error> {
    let mut rows = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (row, after) = row(rest).ok_or_else(|| {
            let number = text[..text.len() - rest.len()].lines().count() + 1;
            Error::Usage(format!("{name}:{number}: a quoted cell does not end as it should"))
        })?;
        rest = after;
        if row.len() > 1 || row[0] != "" {
            rows.push(Value::from(row));
        }
    }
    Ok(rows)
}

/// Rows below a row of names as objects, which become keyword arguments where the function has
/// parameters of these names. A first row is one of names if each of its cells could be a name, none
/// twice, and in some column no other cell could.
/// `None`: there is no such row. The columns keep their order, which a map of JSON would not.
fn named_columns(rows: &[Value]) -> Option<Vec<String>> {
    let is_name = |cell: &Value| {
        cell.as_str().is_some_and(|text| {
            text.chars().all(|letter| letter.is_alphanumeric() || letter == '_')
                && text.starts_with(|letter: char| letter.is_alphabetic() || letter == '_')
        })
    };
    let cells = |row: &Value| row.as_array().cloned().unwrap_or_default();
    let (names, below) = rows.split_first().map(|(first, below)| (cells(first), below))?;
    let distinct = names.iter().enumerate().all(|(at, name)| !names[..at].contains(name));
    let is_filled = below.iter().all(|row| cells(row).len() == names.len());
    let differs = |column: usize| below.iter().all(|row| !is_name(&cells(row)[column]));
    let are_names = distinct && names.iter().all(is_name);
    if below.is_empty() || !are_names || !is_filled || !(0..names.len()).any(differs) {
        return None;
    }
    let named = |row: &Value| {
        let pairs: Vec<String> =
            names.iter().zip(cells(row)).map(|(name, cell)| format!("{name}:{cell}")).collect();
        format!("{{{}}}", pairs.join(","))
    };
    Some(below.iter().map(named).collect())
}

/// The cells up to the end of a row, and what follows it.
fn row(text: &str) -> Option<(Vec<Value>, &str)> {
    let (mut cells, mut rest) = (Vec::new(), text);
    loop {
        let after = match rest.strip_prefix('"') {
            Some(quoted) => {
                let (cell, after) = quoted_cell(quoted)?;
                cells.push(Value::from(cell));
                after
            }
            None => {
                let end = rest.find([',', '\r', '\n']).unwrap_or(rest.len());
                cells.push(plain_cell(&rest[..end]));
                &rest[end..]
            }
        };
        match after.strip_prefix(',') {
            Some(next) => rest = next,
            None if after.is_empty() => return Some((cells, after)),
            None => {
                let after = after.strip_prefix('\r').unwrap_or(after);
                return Some((cells, after.strip_prefix('\n')?));
            }
        }
    }
}

/// Up to the closing quote, two quotes being one of the text.
fn quoted_cell(text: &str) -> Option<(String, &str)> {
    let (mut cell, mut rest) = (String::new(), text);
    loop {
        let (part, after) = rest.split_once('"')?;
        cell.push_str(part);
        match after.strip_prefix('"') {
            Some(more) => {
                cell.push('"');
                rest = more;
            }
            None => return Some((cell, after)),
        }
    }
}

fn plain_cell(text: &str) -> Value {
    let number = serde_json::from_str::<serde_json::Number>(text.trim());
    number.map_or_else(|_| Value::from(text), Value::Number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, content: &str) -> Result<String, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        fs::write(&path, content).unwrap();
        let file = InputsFile::read(name, &path).map_err(|error| error.to_string())?;
        let text = fs::read_to_string(file.path()).unwrap();
        assert_eq!(text.lines().count() as u64, file.tasks());
        Ok(text)
    }

    #[test]
    fn a_line_of_text_is_an_input() {
        assert_eq!(read("a.txt", "one\n\n 2 \"x\"\n").unwrap(), "\"one\"\n\" 2 \\\"x\\\"\"\n");
    }

    #[test]
    fn json_lines_keep_their_types() {
        assert_eq!(read("a.jsonl", "1\n{\"a\": [2]}\n").unwrap(), "1\n{\"a\":[2]}\n");
        assert!(read("a.jsonl", "1\n{a\n").unwrap_err().starts_with("a.jsonl:2 is not JSON"));
    }

    #[test]
    fn a_row_of_csv_is_a_list_of_arguments() {
        let text = "a,1,2.5,007,\r\n\"x, \"\"y\"\"\nz\",-3\n\nlast";
        let rows = "[\"a\",1,2.5,\"007\",\"\"]\n[\"x, \\\"y\\\"\\nz\",-3]\n[\"last\"]\n";
        assert_eq!(read("a.csv", text).unwrap(), rows);
        assert!(read("a.csv", "a\nb\n\"c").unwrap_err().starts_with("a.csv:3: a quoted cell"));
    }

    #[test]
    fn a_first_row_of_names_is_no_input() {
        let named = "{\"url\":\"http://a\",\"n\":1}\n{\"url\":\"http://b\",\"n\":2}\n";
        assert_eq!(read("a.csv", "url,n\nhttp://a,1\nhttp://b,2\n").unwrap(), named);
        // A row that is like all others is one of them.
        let rows = "[\"anne\",\"bob\"]\n[\"carl\",\"dora\"]\n";
        assert_eq!(read("a.csv", "anne,bob\ncarl,dora\n").unwrap(), rows);
        assert_eq!(read("a.csv", "a,1\nb,2\n").unwrap(), "[\"a\",1]\n[\"b\",2]\n");
        assert_eq!(read("a.csv", "a,a\n1,2\n").unwrap(), "[\"a\",\"a\"]\n[1,2]\n");
    }
}
