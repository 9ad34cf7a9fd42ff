//! Reads a recording part by part: no more than a chunk of it is in memory at a time.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use maitred_core::recording::{Cut, Fault, MAGIC, Parser, Part};
use maitred_core::trace::{Slice, Span};

use crate::error::Error;

/// So much is asked of the file at a time.
const STEP_BYTES: usize = 1 << 20;

/// What a file may be, by how it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Recording,
    Json,
    Other,
}

/// A file that is being read.
#[derive(Debug)]
pub struct Reader {
    path: PathBuf,
    file: File,
    parser: Parser,
    /// What was read and not yet parsed begins at `parsed`.
    buffer: Vec<u8>,
    parsed: usize,
    /// Where in the file `parsed` is.
    at: u64,
}

impl Reader {
    /// Opens a file.
    ///
    /// # Errors
    /// [`Error::Usage`] when it cannot be read.
    pub fn open(path: &Path) -> Result<Self, Error> {
        let unreadable = |error| Error::unreadable(path, &error);
        let file = File::open(path).map_err(unreadable)?;
        if file.metadata().map_err(unreadable)?.is_dir() {
            return Err(Error::Usage(format!(
                "{} is a directory; name a trace in it that `maitred run … --trace FILE` saved",
                path.display()
            )));
        }
        Ok(Self {
            path: path.to_owned(),
            file,
            parser: Parser::default(),
            buffer: Vec::new(),
            parsed: 0,
            at: 0,
        })
    }

    /// What the file begins as. Reads no further than that needs.
    ///
    /// # Errors
    /// [`Error::Usage`] when it cannot be read.
    pub fn kind(&mut self) -> Result<Kind, Error> {
        self.fill(MAGIC.len()).map_err(|error| Error::unreadable(&self.path, &error))?;
        let first = self.buffer.iter().find(|byte| !byte.is_ascii_whitespace());
        Ok(match first {
            _ if self.buffer.starts_with(&MAGIC) => Kind::Recording,
            Some(b'{') => Kind::Json,
            _ => Kind::Other,
        })
    }

    /// Hands every part to `take`, to the end of the recording or of what can be read of it.
    /// Where that is not the same, says where it was.
    ///
    /// # Errors
    /// [`Error::Usage`] when the file cannot be read, or is no recording of this version.
    pub fn parts(
        &mut self,
        take: &mut dyn FnMut(Part<'_>) -> Result<(), Fault>,
    ) -> Result<Option<Cut>, Error> {
        let mut headed = false;
        loop {
            let parsed = self.parser.parse(&self.buffer[self.parsed..]);
            let fault = match parsed {
                Ok((part, used)) => {
                    let ended = matches!(part, Part::End(_));
                    headed |= matches!(part, Part::Head(_));
                    match take(part) {
                        Err(fault) => fault,
                        Ok(()) => {
                            self.parsed += used;
                            self.at += used as u64;
                            if ended {
                                return Ok(None);
                            }
                            continue;
                        }
                    }
                }
                Err(Fault::Short(least)) => {
                    let there = self.fill(least);
                    if there.map_err(|error| Error::unreadable(&self.path, &error))? {
                        continue;
                    }
                    match self.at == 0 && self.buffer.is_empty() {
                        true => Fault::Empty,
                        false => Fault::Short(least),
                    }
                }
                Err(fault) => fault,
            };
            if !headed {
                return Err(Error::Usage(format!("{}: {fault}", self.path.display())));
            }
            let damaged = !matches!(fault, Fault::Short(_));
            return Ok(Some(Cut { at: self.at, damaged }));
        }
    }

    /// Whether it can be read more than once: it is an ordinary file, no pipe.
    pub fn is_repeatable(&self) -> bool {
        self.file.metadata().is_ok_and(|facts| facts.is_file())
    }

    /// The next part that `pick` finds something in; `None`: there is none, or what follows
    /// cannot be read, which the first reading has told.
    fn find<T>(&mut self, pick: &impl Fn(Part<'_>) -> Option<T>) -> Option<T> {
        loop {
            match self.parser.parse(&self.buffer[self.parsed..]) {
                Ok((part, used)) => {
                    let is_last = matches!(part, Part::End(_));
                    let found = pick(part);
                    self.parsed += used;
                    self.at += used as u64;
                    if found.is_some() || is_last {
                        return found;
                    }
                }
                Err(Fault::Short(least)) => {
                    if !self.fill(least).unwrap_or(false) {
                        return None;
                    }
                }
                Err(_) => return None,
            }
        }
    }

    /// Brings bytes until there are at least so many to parse; false: there are no more. A length
    /// that the file only claims takes no memory: it grows with what is really there.
    fn fill(&mut self, least: usize) -> io::Result<bool> {
        self.buffer.drain(..self.parsed);
        self.parsed = 0;
        while self.buffer.len() < least {
            let before = self.buffer.len() as u64;
            let step = (&self.file).take(STEP_BYTES as u64);
            if step.chain(io::empty()).read_to_end(&mut self.buffer)? == 0 {
                return Ok(self.buffer.len() as u64 > before);
            }
        }
        Ok(true)
    }
}

/// The spans of a recording, chunk by chunk.
pub fn spans(path: &Path) -> impl Iterator<Item = Span> + use<> {
    chunks(path, |part| match part {
        Part::Spans(rows) => Some(rows.collect()),
        _ => None,
    })
}

/// The slices of a recording, chunk by chunk.
pub fn slices(path: &Path) -> impl Iterator<Item = Slice> + use<> {
    chunks(path, |part| match part {
        Part::Slices(rows) => Some(rows.collect()),
        _ => None,
    })
}

fn chunks<T, P: Fn(Part<'_>) -> Option<Vec<T>>>(
    path: &Path,
    pick: P,
) -> impl Iterator<Item = T> + use<T, P> {
    let mut reader = Reader::open(path).ok();
    std::iter::from_fn(move || reader.as_mut()?.find(&pick)).flatten()
}
