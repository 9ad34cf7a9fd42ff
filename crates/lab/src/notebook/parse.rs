//! From the events of Markdown to sections, prose and cells.

use std::collections::BTreeSet;
use std::ops::Range;

use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, Options, Parser, Tag, TagEnd};

use super::prose::{self, Picture};
use super::{Cell, Mistake, Notebook, Part, Section, fence};

/// Reads a notebook. `name` is its title if it has none; `picture` gives the bytes of a file
/// beside the notebook, with their media type.
pub fn parse(name: &str, text: &str, picture: Picture<'_>) -> Notebook {
    let options = Options::ENABLE_TABLES | Options::ENABLE_STRIKETHROUGH;
    let mut reader = Reader {
        notebook: Notebook {
            title: name.to_owned(),
            sections: Vec::new(),
            mistakes: Vec::new(),
            text: text.to_owned(),
        },
        titled: false,
        pending: Vec::new(),
        ids: BTreeSet::new(),
        picture,
    };
    let mut events = Parser::new_ext(text, options).into_offset_iter();
    while let Some((event, range)) = events.next() {
        match event {
            Event::Start(Tag::Heading { level, .. }) if level <= HeadingLevel::H2 => {
                let inside = until(&mut events, &|end| matches!(end, TagEnd::Heading(_)));
                reader.heading(level, &prose::plain(&inside));
            }
            Event::Start(Tag::BlockQuote(_)) => {
                let inside = until(&mut events, &|end| matches!(end, TagEnd::BlockQuote(_)));
                reader.prose();
                let html = prose::html(inside, reader.picture);
                reader.put(Part::Note(html));
            }
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(ref info)))
                if fence::kind(info).is_some() =>
            {
                let info = info.clone();
                until(&mut events, &|end| matches!(end, TagEnd::CodeBlock));
                reader.cell(&info, range);
            }
            Event::Start(tag) => {
                let end = tag.to_end();
                let inside = until(&mut events, &|other| *other == end);
                reader.pending.push(Event::Start(tag));
                reader.pending.extend(inside);
                reader.pending.push(Event::End(end));
            }
            other => reader.pending.push(other),
        }
    }
    reader.prose();
    reader.notebook
}

/// The events up to the end of what was just begun, without that end.
fn until<'a>(
    events: &mut impl Iterator<Item = (Event<'a>, Range<usize>)>,
    is_end: &dyn Fn(&TagEnd) -> bool,
) -> Vec<Event<'a>> {
    let mut inside = Vec::new();
    let mut depth = 0_usize;
    for (event, _) in events {
        match &event {
            Event::Start(_) => depth += 1,
            Event::End(end) if depth == 0 && is_end(end) => break,
            Event::End(_) => depth = depth.saturating_sub(1),
            _ => {}
        }
        inside.push(event);
    }
    inside
}

struct Reader<'a> {
    notebook: Notebook,
    /// Whether the title was seen.
    titled: bool,
    /// Prose that is not put yet.
    pending: Vec<Event<'a>>,
    ids: BTreeSet<String>,
    picture: Picture<'a>,
}

impl Reader<'_> {
    fn heading(&mut self, level: HeadingLevel, heading: &str) {
        self.prose();
        if level == HeadingLevel::H1 && !self.titled {
            self.titled = true;
            heading.clone_into(&mut self.notebook.title);
        }
        let id = self.unique(&slug(heading));
        let section = Section { id, heading: heading.to_owned(), parts: Vec::new() };
        self.notebook.sections.push(section);
    }

    fn prose(&mut self) {
        if !self.pending.is_empty() {
            let html = prose::html(std::mem::take(&mut self.pending), self.picture);
            self.put(Part::Prose(html));
        }
    }

    fn put(&mut self, part: Part) {
        if self.notebook.sections.is_empty() {
            let heading = self.notebook.title.clone();
            let id = self.unique(&slug(&heading));
            self.notebook.sections.push(Section { id, heading, parts: Vec::new() });
        }
        let last = self.notebook.sections.last_mut().expect("there is one");
        last.parts.push(part);
    }

    fn cell(&mut self, info: &str, whole: Range<usize>) {
        let Some(kind) = fence::kind(info) else { return };
        self.prose();
        let line = self.notebook.text[..whole.start].matches('\n').count() + 1;
        let (directives, wrong) = fence::directives(info);
        let mistake = |message| Mistake { line, message };
        self.notebook.mistakes.extend(wrong.into_iter().map(mistake));
        let wanted = directives.id.clone().unwrap_or_else(|| {
            let above = self.notebook.sections.last().map_or("cell", |section| &section.id);
            format!("{above}-{}", kind.name())
        });
        let id = self.unique(&wanted);
        if directives.id.is_some() && id != wanted {
            let message = format!("another cell is called `{wanted}`; this one is `{id}` here");
            self.notebook.mistakes.push(Mistake { line, message });
        }
        let body = body(&self.notebook.text, &whole);
        let source = unindented(&self.notebook.text, &whole, &body);
        let cell = Cell { id, kind, source, directives, line, body, whole };
        self.put(Part::Cell(Box::new(cell)));
    }

    /// This id, with a number where it is taken.
    fn unique(&mut self, id: &str) -> String {
        let mut unique = id.to_owned();
        let mut number = 2;
        while !self.ids.insert(unique.clone()) {
            unique = format!("{id}-{number}");
            number += 1;
        }
        unique
    }
}

/// The bytes between the two fences.
fn body(text: &str, whole: &Range<usize>) -> Range<usize> {
    let block = &text[whole.clone()];
    let start = block.find('\n').map_or(block.len(), |end| end + 1);
    let open = block.trim_start();
    let sign = open.chars().next().unwrap_or('`');
    let length = open.chars().take_while(|one| *one == sign).count();
    let inside = &block[start..];
    let last = inside.trim_end_matches(['\n', '\r']).rfind('\n').map_or(0, |end| end + 1);
    let line = inside[last..].trim();
    let closes = line.chars().count() >= length && line.chars().all(|one| one == sign);
    let end = if closes { last } else { inside.len() };
    whole.start + start..whole.start + start + end
}

/// The source without the indentation that its fence has.
fn unindented(text: &str, whole: &Range<usize>, body: &Range<usize>) -> String {
    let column = whole.start - text[..whole.start].rfind('\n').map_or(0, |end| end + 1);
    let own = text[whole.start..].chars().take_while(|one| *one == ' ').count();
    let indent = column + own;
    let line = |line: &str| {
        let blank = line.chars().take(indent).take_while(|one| *one == ' ').count();
        line[blank..].to_owned()
    };
    text[body.clone()].split_inclusive('\n').map(line).collect()
}

/// Letters and digits of a heading, with `-` between words.
fn slug(heading: &str) -> String {
    let word = |one: char| if one.is_alphanumeric() { one.to_ascii_lowercase() } else { ' ' };
    let text: String = heading.replace(['\'', '’'], "").chars().map(word).collect();
    let words: Vec<&str> = text.split_whitespace().collect();
    if words.is_empty() { "section".to_owned() } else { words.join("-") }
}
