//! Nodes: a name, arguments and properties, and a block of nodes.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::super::diagnostic::Diagnostic;
use super::super::limits::DEPTH_MAX;
use super::scan::{Scanner, is_forbidden, is_newline};
use super::{Data, Name, Node, NodeEntry, Value};

/// Reads a document. With any mistake the nodes are worth nothing.
pub(in super::super) fn read(source: &str) -> Result<Vec<Node>, Vec<Diagnostic>> {
    let text = source.strip_prefix('\u{FEFF}').unwrap_or(source);
    let mut scanner = Scanner::new(source);
    scanner.at = source.len() - text.len();
    if let Some((at, c)) = text.char_indices().find(|(_, c)| is_forbidden(*c)) {
        let begin = scanner.at + at;
        let message =
            format!("this is not a workload: it contains the character U+{:04X}", c as u32);
        let help = "a workload is plain text in KDL";
        return Err(Vec::from([
            Diagnostic::mistake(begin..begin + c.len_utf8(), message).help(help)
        ]));
    }
    let nodes = scanner.nodes(0);
    if scanner.mistakes.is_empty() { Ok(nodes) } else { Err(scanner.mistakes) }
}

impl Scanner<'_> {
    /// Nodes up to the closing brace of their block, or to the end of the file.
    fn nodes(&mut self, depth: usize) -> Vec<Node> {
        let mut nodes = Vec::new();
        loop {
            self.line_space();
            match self.peek() {
                None => return nodes,
                Some('}') if depth > 0 => return nodes,
                Some('}') => {
                    let mistake = Diagnostic::mistake(self.here(), "this brace closes nothing");
                    self.mistake(mistake.help("take it away, or look for a missing { above"));
                    self.bump();
                }
                Some(_) => {
                    let known = self.mistakes.len();
                    let left_out = self.slashdash();
                    let node = self.node(depth);
                    nodes.extend(node.filter(|_| !left_out));
                    self.end_of_node(depth, known);
                }
            }
        }
    }

    /// `/-`: what follows is left out.
    fn slashdash(&mut self) -> bool {
        let here = self.eat("/-");
        if here {
            self.line_space();
        }
        here
    }

    fn node(&mut self, depth: usize) -> Option<Node> {
        let annotation = self.annotation();
        self.space();
        let name = self.node_name(depth)?;
        let (entries, mut spaced) = self.entries()?;
        let mut node = Node { annotation, name, entries, children: None, block: 0..0 };
        // At most one block counts; any number of them may be slash-dashed.
        loop {
            let left_out = spaced && self.slashdash();
            if !self.looking_at("{") {
                if left_out {
                    self.expected("a block after `/-`");
                }
                return Some(node);
            }
            let begin = self.at;
            let children = self.block(depth + 1);
            if !left_out {
                if node.children.is_some() {
                    let text = format!("`{}` has two blocks", node.name.text);
                    self.mistake(Diagnostic::mistake(begin..begin + 1, text));
                }
                node.children = Some(children);
                node.block = begin..self.at;
            }
            spaced = self.space();
        }
    }

    fn node_name(&mut self, depth: usize) -> Option<Name> {
        let begin = self.at;
        if self.looking_at("{") {
            let mistake = Diagnostic::mistake(self.here(), "this block belongs to no node");
            self.mistake(mistake.help("a block begins on the line of its name: task \"a\" {"));
            self.block(depth + 1);
            return None;
        }
        let text = self.text("a name")?;
        Some(Name { text, span: begin..self.at })
    }

    /// A text that is no number and no keyword.
    fn text(&mut self, what: &str) -> Option<String> {
        let begin = self.at;
        if self.at_quote() {
            return Some(self.quoted());
        }
        if !matches!(self.peek(), Some(c) if !r"\/(){};[]=".contains(c) && !is_newline(c)) {
            self.expected(what);
            return None;
        }
        match self.word()? {
            Data::Text(text) => Some(text),
            _ => {
                let message = format!("expected {what}, found `{}`", &self.source[begin..self.at]);
                self.mistake(Diagnostic::mistake(begin..self.at, message));
                None
            }
        }
    }

    /// Arguments and properties up to a block or the end of the node, and whether blanks stand
    /// before that end; `None` after a mistake from which only the end of the node helps.
    fn entries(&mut self) -> Option<(Vec<NodeEntry>, bool)> {
        let mut entries = Vec::new();
        loop {
            let spaced = self.space();
            let end = matches!(self.peek(), None | Some('{' | '}' | ';'))
                || self.peek().is_some_and(is_newline)
                || self.looking_at("//");
            if end {
                return Some((entries, spaced));
            }
            if !spaced {
                self.expected("a blank");
                return None;
            }
            let begin = self.at;
            let left_out = self.slashdash();
            if left_out && self.looking_at("{") {
                self.at = begin;
                return Some((entries, true));
            }
            let entry = self.entry()?;
            if !left_out {
                entries.push(entry);
            }
        }
    }

    fn entry(&mut self) -> Option<NodeEntry> {
        let begin = self.at;
        if self.looking_at("(") {
            return Some(NodeEntry { key: None, value: self.value()? });
        }
        let value = self.value()?;
        let end = self.at;
        self.space();
        let key = match value.data {
            Data::Text(text) if self.eat("=") => Name { text, span: begin..end },
            data => {
                self.at = end;
                return Some(NodeEntry { key: None, value: Value { data, ..value } });
            }
        };
        self.space();
        Some(NodeEntry { key: Some(key), value: self.value()? })
    }

    fn value(&mut self) -> Option<Value> {
        let annotation = self.annotation();
        self.space();
        let begin = self.at;
        let data = if self.at_quote() { Data::Text(self.quoted()) } else { self.word()? };
        Some(Value { data, annotation, span: begin..self.at })
    }

    /// `(word)`.
    fn annotation(&mut self) -> Option<Name> {
        let begin = self.at;
        if !self.eat("(") {
            return None;
        }
        self.space();
        let text = self.text("a word in brackets")?;
        self.space();
        if !self.eat(")") {
            self.expected("`)`");
        }
        Some(Name { text, span: begin..self.at })
    }

    /// `{ … }`.
    fn block(&mut self, depth: usize) -> Vec<Node> {
        let begin = self.at;
        self.eat("{");
        if depth > DEPTH_MAX {
            let message = format!("blocks are nested more than {DEPTH_MAX} deep");
            self.mistake(Diagnostic::mistake(begin..begin + 1, message));
            self.unclosed = true;
            self.give_up();
            return Vec::new();
        }
        let nodes = self.nodes(depth);
        if !self.eat("}") && !self.unclosed {
            self.unclosed = true;
            let mistake = Diagnostic::mistake(begin..begin + 1, "this block has no end");
            self.mistake(mistake.help("close it with }"));
        }
        nodes
    }

    /// After a node: its end, or what should not be there, which is skipped. A node in which a
    /// mistake was found (there were `known` before it) is not blamed for that again.
    fn end_of_node(&mut self, depth: usize, known: usize) {
        loop {
            self.space();
            match self.peek() {
                None | Some('}') => return,
                Some(';') => {
                    self.bump();
                    return;
                }
                Some(c) if is_newline(c) || self.looking_at("//") => return,
                _ => {}
            }
            if self.mistakes.len() == known {
                self.expected("the end of the line, or `;`");
            }
            if self.looking_at("{") {
                self.block(depth + 1);
            } else {
                self.junk();
            }
        }
    }

    /// Steps over a text, a word or a character, whatever is wrong with it.
    fn junk(&mut self) {
        let known = self.mistakes.len();
        let begin = self.at;
        if self.at_quote() {
            self.quoted();
        } else if self.skip(|c| c == '#').is_empty() {
            self.word();
        }
        self.mistakes.truncate(known);
        if self.at == begin {
            self.bump();
        }
    }

    fn expected(&mut self, what: &str) {
        let message = format!("expected {what}, found {}", self.found());
        self.mistake(Diagnostic::mistake(self.here(), message));
    }
}
