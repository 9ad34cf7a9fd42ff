//! The conformance suite: `conformance.txt`, against every strategy, whose answers must not
//! differ by a byte.

use crate::support::{OWN, Server};

/// A line of the table.
struct Case {
    statuses: String,
    request: Vec<u8>,
    shown: &'static str,
}

fn cases() -> Vec<Case> {
    let lines = include_str!("conformance.txt").lines();
    let is_case = |line: &&str| !line.is_empty() && !line.starts_with(['#', '[']);
    let read = |line: &'static str| {
        // The request starts at a fixed column, since it may start with a space.
        let end = line.find(' ').expect("statuses end with a space");
        let start =
            line[end..].find(|c| c != ' ').map_or(9, |more| (end + more).min(9).max(end + 1));
        let shown = line.get(start..).expect("a request follows the statuses");
        Case { statuses: line[..end].into(), request: bytes(shown), shown }
    };
    lines.filter(is_case).map(read).collect()
}

/// The bytes that a line stands for. Repetitions may hold another one: the innermost is first.
fn bytes(line: &str) -> Vec<u8> {
    let mut text = line.replace('⏎', "\\r\\n");
    while let Some(end) =
        text.match_indices('}').map(|(at, _)| at).find(|&at| text[..at].contains('{'))
    {
        let start = text[..end].rfind('{').expect("it was found before");
        let inside = &text[start + 1..end];
        let (part, times) = inside.rsplit_once('*').unwrap_or((inside, "0"));
        let repeated = part.repeat(times.parse().expect("a number of times"));
        text.replace_range(start..=end, &repeated);
    }
    let mut bytes = Vec::new();
    let mut rest = text.as_str();
    while let Some((plain, escaped)) = rest.split_once('\\') {
        bytes.extend_from_slice(plain.as_bytes());
        let (byte, length) = match escaped.as_bytes()[0] {
            b'r' => (b'\r', 1),
            b'n' => (b'\n', 1),
            b't' => (b'\t', 1),
            b'0' => (0, 1),
            _ => (u8::from_str_radix(&escaped[1..3], 16).expect("\\xNN"), 3),
        };
        bytes.push(byte);
        rest = &escaped[length..];
    }
    bytes.extend_from_slice(rest.as_bytes());
    bytes
}

/// The statuses of all answers, commas between them; `-` if there are none.
fn statuses(answers: &str) -> String {
    let found: Vec<_> = answers
        .match_indices("HTTP/1.1 ")
        .filter_map(|(at, _)| answers.get(at + 9..at + 12))
        .collect();
    if found.is_empty() { "-".into() } else { found.join(",") }
}

#[test]
fn every_strategy_conforms_with_the_same_bytes() {
    let cases = cases();
    assert!(cases.len() >= 150, "only {} cases", cases.len());
    let servers: Vec<_> = OWN.iter().map(|it| (it, Server::start(it, &[]))).collect();
    let mut wrong = String::new();
    for case in &cases {
        let ask = |server: &Server| server.answers_to_all_of(&case.request);
        let answers: Vec<_> = servers.iter().map(|(it, server)| (it, ask(server))).collect();
        let expected = &answers[0].1;
        if statuses(expected) != case.statuses {
            let got = statuses(expected);
            wrong += &format!("{got} instead of {}: {:.90}\n", case.statuses, case.shown);
        }
        for (strategy, answer) in &answers[1..] {
            if answer != expected {
                wrong += &format!("{strategy} differs: {:.90}\n{answer:?}\n", case.shown);
            }
        }
    }
    assert!(wrong.is_empty(), "{} cases:\n{wrong}", cases.len());
}
