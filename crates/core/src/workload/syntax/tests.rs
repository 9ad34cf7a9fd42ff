//! The crate `kdl` is the oracle: both read the same tree, or both refuse.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use kdl::{KdlDocument, KdlEntry, KdlNode, KdlValue};
use proptest::prelude::*;

use super::{Data, Node, NodeEntry, read};

/// A tree as text, without spans.
fn ours(nodes: &[Node]) -> String {
    let show_entry = |NodeEntry { key, value }: &NodeEntry| {
        let key = key.as_ref().map(|key| &key.text);
        let annotation = value.annotation.as_ref().map(|annotation| &annotation.text);
        format!("{key:?} {annotation:?} {:?}", value.data)
    };
    let show = |node: &Node| {
        let annotation = node.annotation.as_ref().map(|annotation| &annotation.text);
        let entries: Vec<String> = node.entries.iter().map(show_entry).collect();
        let children = node.children.as_ref().map(|children| ours(children));
        format!("[{annotation:?} {:?} {entries:?} {children:?}]", node.name.text)
    };
    nodes.iter().map(show).collect()
}

fn theirs(document: &KdlDocument) -> String {
    let show_entry = |entry: &KdlEntry| {
        let key = entry.name().map(|name| name.value().to_string());
        let annotation = entry.ty().map(|ty| ty.value().to_string());
        let data = match entry.value() {
            KdlValue::String(text) => Data::Text(text.clone()),
            KdlValue::Integer(number) => Data::Integer(*number),
            KdlValue::Float(number) => Data::Float(*number),
            KdlValue::Bool(yes) => Data::Bool(*yes),
            KdlValue::Null => Data::Null,
        };
        format!("{key:?} {annotation:?} {data:?}")
    };
    let show = |node: &KdlNode| {
        let annotation = node.ty().map(|ty| ty.value().to_string());
        let entries: Vec<String> = node.entries().iter().map(show_entry).collect();
        let children = node.children().map(theirs);
        format!("[{annotation:?} {:?} {entries:?} {children:?}]", node.name().value())
    };
    document.nodes().iter().map(show).collect()
}

#[test]
fn what_is_slashdashed_is_left_out() {
    // The oracle refuses `/-a;`, and does not come to an end with nested blocks.
    let cases = [
        ("/-a; b", "b"),
        ("/- a { b }\nc", "c"),
        ("a /-1 2 /-k=3 /-{ b } { c } /-{ d }", "a 2 { c }"),
        ("a { /-b; c }", "a { c }"),
        ("/-a /-{ b }", ""),
        ("a /- // comment\n 1 2", "a 2"),
    ];
    for (source, meant) in cases {
        let tree = |source| ours(&read(source).unwrap());
        assert_eq!(tree(source), tree(meant), "{source}");
    }
    let nested = "a /-{ ".repeat(20);
    assert_eq!(read(&nested).unwrap_err().len(), 1);
}

#[test]
fn no_text_is_too_deep_or_too_strange() {
    for strange in ["a {", "}", ")(=", "\\\n", "/*", "#", "\"", "/-{", "a /-{ ", "(", "\"\"\"\n"] {
        // It would overflow the stack or take hours; two of these happen to be right.
        let mistakes = read(&strange.repeat(100_000)).err().unwrap_or_default();
        assert!(mistakes.len() <= 100, "{strange}");
    }
}

#[test]
fn the_characters_that_the_specification_forbids_are_refused() {
    for c in ['\0', '\u{7F}', '\u{202E}', '\u{FEFF}'] {
        let mistakes = read(&format!("a \"{c}\"")).unwrap_err();
        assert_eq!(mistakes.len(), 1, "{c:?}");
    }
    assert!(read("\u{FEFF}a").is_ok(), "a byte order mark at the beginning");
}

/// Documents of a few words, most of them nearly right.
fn document() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        6 => Just(" "), 4 => Just("\n"), 4 => Just("a"), 2 => Just("{"), 3 => Just("}"),
        2 => Just(";"), 2 => Just("="), 2 => Just("k=1"), 2 => Just("(t)"),
        1 => Just("//c\n"), 1 => Just("/*c*/"), 1 => Just("\\\n"), 1 => Just("#true"),
        1 => Just("-1.5e3"), 1 => Just("0x1_f"), 1 => Just("#\"r\\\"#"), 1 => Just("\"q\\n\\s\""),
        1 => Just("\"\"\"\n  x\n\n   y\\\n  z\n  \"\"\""), 1 => Just("+"), 1 => Just("\"\""),
        1 => Just("\u{3000}"), 1 => Just("\r\n"), 1 => Just("\u{e9}\u{1f37d}"), 1 => Just("12x"),
    ];
    proptest::collection::vec(word, 0..14).prop_map(|words| words.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_read_or_refused(source in any::<String>()) {
        let _ = read(&source);
    }

    #[test]
    fn the_oracle_reads_the_same(source in document()) {
        let read = read(&source).ok().map(|nodes| ours(&nodes));
        let oracle = KdlDocument::parse_v2(&source).ok().map(|document| theirs(&document));
        prop_assert_eq!(read, oracle, "{:?}", source);
    }
}
