//! A notebook: Markdown that reads well anywhere, in which fenced blocks called `workload`,
//! `claim`, `python` and `server` are cells. [`parse`] reads one, [`Notebook::with_source`] puts an
//! edited cell back and leaves every other byte alone. Runs nothing and opens no file: pictures
//! are asked for by a function. The main type is [`Notebook`].

mod fence;
mod kind;
mod parse;
mod prose;
#[cfg(test)]
mod tests;

use std::ops::Range;

pub use fence::{Directives, Finding, View};
pub use kind::Kind;
pub use parse::parse;
pub use prose::Picture;

/// A file that was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Notebook {
    /// The heading of the first level, else the name of the file.
    pub title: String,
    /// Each begins with a heading of the first or second level, but perhaps the first.
    pub sections: Vec<Section>,
    /// What is wrong on fences, down the file.
    pub mistakes: Vec<Mistake>,
    /// The file itself.
    text: String,
}

/// A heading and what is below it.
#[derive(Clone, Debug, PartialEq)]
pub struct Section {
    /// Of the letters of the heading; no two are equal.
    pub id: String,
    pub heading: String,
    pub parts: Vec<Part>,
}

/// Something between two headings.
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    /// HTML without anything that runs, loads or leads elsewhere unasked.
    Prose(String),
    /// A quotation: for who presents; the same HTML.
    Note(String),
    Cell(Box<Cell>),
}

/// A block that can be run.
#[derive(Clone, Debug, PartialEq)]
pub struct Cell {
    /// As on the fence, else of the heading above and its number there.
    pub id: String,
    pub kind: Kind,
    /// Without the fence.
    pub source: String,
    pub directives: Directives,
    /// Counted from 1: of the fence.
    pub line: usize,
    /// Bytes of the file that are the source.
    body: Range<usize>,
    /// Bytes of the file that are fence and source.
    whole: Range<usize>,
}

/// A part of the file: all of them, one after another, are the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// What is between cells, and at which byte it begins.
    Text { at: usize, text: &'a str },
    /// The lines of a fence and what is between them.
    Cell { id: &'a str, open: &'a str, body: &'a str, close: &'a str },
}

/// Something on a fence that means nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// Counted from 1.
    pub line: usize,
    /// A lowercase sentence with the next step.
    pub message: String,
}

impl Notebook {
    /// All cells, down the file.
    pub fn cells(&self) -> impl Iterator<Item = &Cell> {
        let parts = self.sections.iter().flat_map(|section| &section.parts);
        parts.filter_map(|part| if let Part::Cell(cell) = part { Some(&**cell) } else { None })
    }

    /// The cell of this id.
    pub fn cell(&self, id: &str) -> Option<&Cell> {
        self.cells().find(|cell| cell.id == id)
    }

    /// The file.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The file in parts, none of them empty but perhaps what is between two fences.
    pub fn pieces(&self) -> Vec<Piece<'_>> {
        let mut pieces = Vec::new();
        let mut at = 0;
        for cell in self.cells() {
            let (whole, body) = (&cell.whole, &cell.body);
            if whole.start > at {
                pieces.push(Piece::Text { at, text: &self.text[at..whole.start] });
            }
            pieces.push(Piece::Cell {
                id: &cell.id,
                open: &self.text[whole.start..body.start],
                body: &self.text[body.clone()],
                close: &self.text[body.end..whole.end],
            });
            at = whole.end;
        }
        if at < self.text.len() {
            pieces.push(Piece::Text { at, text: &self.text[at..] });
        }
        pieces
    }

    /// The servers that are declared above a cell in its section.
    pub fn servers_above(&self, id: &str) -> String {
        let is_it = |part: &Part| matches!(part, Part::Cell(cell) if cell.id == id);
        let Some(section) = self.sections.iter().find(|one| one.parts.iter().any(is_it)) else {
            return String::new();
        };
        let above = section.parts.iter().take_while(|part| !is_it(part));
        let of = |part: &Part| match part {
            Part::Cell(cell) if cell.kind == Kind::Server => Some(cell.source.clone()),
            _ => None,
        };
        above.filter_map(of).collect()
    }

    /// The file with another source in the cell of this id; every byte outside of it as it was,
    /// but for a fence that has to grow because the source has such a line. `None`: there is none.
    pub fn with_source(&self, id: &str, source: &str) -> Option<String> {
        let cell = self.cell(id)?;
        // Its lines may be indented otherwise than an edited one's would be.
        if cell.source == source {
            return Some(self.text.clone());
        }
        Some(fence::spliced(&self.text, &cell.whole, &cell.body, source))
    }
}
