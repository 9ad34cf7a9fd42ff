//! Whether what was written has the form that its readers rely on. Each check is shown a fault.

use std::sync::LazyLock;

use serde_json::{Value, json};

static VALIDATOR: LazyLock<jsonschema::Validator> = LazyLock::new(|| {
    let schema = include_str!("../../../../docs/result.schema.json");
    jsonschema::draft202012::new(&serde_json::from_str(schema).unwrap()).unwrap()
});

/// The JSON, which must be as `docs/result.schema.json` says.
pub(crate) fn valid_json(text: &str) -> Value {
    let value: Value = serde_json::from_str(text).unwrap();
    let errors: Vec<String> = VALIDATOR
        .iter_errors(&value)
        .map(|error| format!("{} at {}", error, error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{errors:#?}\n{text}");
    value
}

/// The records of a CSV (RFC 4180), header first; all must have as many fields as the header.
pub(crate) fn valid_csv(text: &str) -> Vec<Vec<String>> {
    let mut records = vec![vec![String::new()]];
    let mut quoted = false;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let record = records.last_mut().unwrap();
        let field = record.last_mut().unwrap();
        match character {
            '"' if quoted && characters.peek() == Some(&'"') => field.extend(characters.next()),
            '"' if quoted || field.is_empty() => quoted = !quoted,
            ',' if !quoted => record.push(String::new()),
            '\r' if !quoted && characters.peek() == Some(&'\n') => {}
            '\n' if !quoted => records.push(vec![String::new()]),
            other => field.push(other),
        }
    }
    assert!(!quoted, "a quote is not closed:\n{text}");
    assert_eq!(records.pop(), Some(vec![String::new()]), "the last line is not ended:\n{text}");
    let columns = records[0].len();
    assert!(columns > 10 && records.iter().all(|record| record.len() == columns), "{text}");
    records
}

/// Every table of a Markdown page has a rule below its head and as many cells in each row.
pub(crate) fn valid_markdown(text: &str) {
    let cells = |line: &str| line.replace("\\|", "").matches('|').count();
    let lines: Vec<&str> = text.lines().collect();
    let mut tables = 0;
    for (number, line) in lines.iter().enumerate() {
        let begins = line.starts_with('|') && (number == 0 || !lines[number - 1].starts_with('|'));
        if begins {
            tables += 1;
            let rule = lines.get(number + 1).unwrap_or(&"");
            assert!(rule.starts_with('|') && rule.chars().all(|c| "|-: ".contains(c)), "{text}");
            let rows = lines[number..].iter().take_while(|line| line.starts_with('|'));
            rows.for_each(|row| assert_eq!(cells(row), cells(line), "{row} in\n{text}"));
        }
    }
    assert!(tables > 0, "there is no table in\n{text}");
    assert!(!text.contains('\x1b'), "{text}");
}

#[test]
fn faults_are_seen() {
    let fails = |check: fn()| std::panic::catch_unwind(check).is_err();
    assert!(fails(|| drop(valid_json(&json!({ "schema_version": 1 }).to_string()))));
    assert!(fails(|| drop(valid_csv("a,b,c,d,e,f,g,h,i,j,k\n1,2\n"))));
    assert!(fails(|| drop(valid_csv("a,b,c,d,e,f,g,h,i,j,k\n\"1,2,3,4,5,6,7,8,9,10,11\n"))));
    assert!(fails(|| valid_markdown("| a | b |\n|---|---|\n| 1 |\n")));
    assert!(fails(|| valid_markdown("| a | b |\n| 1 | 2 |\n")));
}
