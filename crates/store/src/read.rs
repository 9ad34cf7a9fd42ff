//! Finding what was kept.

use std::str::FromStr;

use maitred_core::view::history::{Point, Time};
use rusqlite::{OptionalExtension as _, Row, ToSql, named_params, params};

use crate::error::Error;
use crate::item::{CellPlace, Figure, Kind, Part};
use crate::pack::{Packed, unpack};
use crate::write::Store;

/// How one is named.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selector {
    /// The one that was kept last.
    Last,
    Id(u64),
    Tag(String),
}

impl FromStr for Selector {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(match text.parse() {
            Ok(id) => Self::Id(id),
            Err(_) if text == "last" => Self::Last,
            Err(_) => Self::Tag(text.to_owned()),
        })
    }
}

impl std::fmt::Display for Selector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Last => f.write_str("last"),
            Self::Id(id) => write!(f, "{id}"),
            Self::Tag(name) => f.write_str(name),
        }
    }
}

/// Which of all; what is `None` does not matter.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub kind: Option<Kind>,
    /// Its name or title has this in it.
    pub subject: Option<String>,
    pub cell: Option<CellPlace>,
    /// Equal work.
    pub fingerprint: Option<String>,
    /// The id of the machine.
    pub machine: Option<String>,
    /// So many at most, the last ones.
    pub most: Option<u32>,
}

/// One that was kept, without what stands beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    pub id: u64,
    pub kind: Kind,
    /// UTC, RFC 3339.
    pub started: String,
    pub subject: String,
    pub title: Option<String>,
    /// Empty: it is not of one piece of work.
    pub fingerprint: String,
    /// The id of the machine, and the machine in words.
    pub machine: String,
    pub place: String,
    /// Of `maitred`.
    pub version: String,
    pub seed: Option<u64>,
    pub cell: Option<CellPlace>,
    /// In one sentence.
    pub answer: String,
    pub tags: Vec<String>,
    /// How many are still there.
    pub traces: u32,
}

/// A trace that is still there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceRow {
    pub position: u32,
    pub model: String,
    /// As a file, bytes.
    pub size: u64,
}

const COLUMNS: &str = "id, kind, started, subject, title, fingerprint, machine, place, version, seed, book, \
    cell, answer, (select group_concat(name, ' ') from tag where tag.run = run.id), \
    (select count(*) from trace where trace.run = run.id)";

impl Store {
    /// Those that a filter lets through, the last one first.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn list(&self, filter: &Filter) -> Result<Vec<Kept>, Error> {
        let sql = format!(
            "select {COLUMNS} from run where (:kind is null or kind = :kind)
                and (:subject is null or instr(subject, :subject) or instr(coalesce(title, ''), :subject))
                and (:cell is null or (book = :book and cell = :cell))
                and (:fingerprint is null or fingerprint = :fingerprint)
                and (:machine is null or machine = :machine)
                order by id desc limit :most"
        );
        let at = filter.cell.as_ref();
        let values: &[(&str, &dyn ToSql)] = named_params! {
            ":kind": filter.kind.map(Kind::name),
            ":subject": filter.subject,
            ":book": at.map(|at| at.book.as_str()),
            ":cell": at.map(|at| at.cell.as_str()),
            ":fingerprint": filter.fingerprint,
            ":machine": filter.machine,
            ":most": filter.most.map_or(-1, i64::from),
        };
        self.ask(|| {
            let mut statement = self.connection.prepare(&sql)?;
            statement.query_map(values, kept)?.collect()
        })
    }

    /// The one that is named; of `last`, the last one that a filter lets through.
    ///
    /// # Errors
    /// See [`Error`]: also where there is none.
    pub fn find(&self, named: &Selector, filter: &Filter) -> Result<Kept, Error> {
        let by = |condition: &str, value: &dyn ToSql| {
            let sql = format!("select {COLUMNS} from run where {condition}");
            self.ask(|| self.connection.query_row(&sql, params![value], kept).optional())
        };
        let found = match named {
            Selector::Id(id) => by("id = ?1", &(*id as i64))?,
            Selector::Tag(name) => by("id = (select run from tag where name = ?1)", name)?,
            Selector::Last => {
                let filter = Filter { most: Some(1), ..filter.clone() };
                self.list(&filter)?.pop()
            }
        };
        found.ok_or_else(|| {
            let what = match named {
                Selector::Last => "nothing of this kind is kept".to_owned(),
                Selector::Id(id) => format!("no result number {id} is kept"),
                Selector::Tag(name) => format!("no result is tagged `{name}`"),
            };
            Error::Asked(format!("{what}; `maitred runs` lists those that are"))
        })
    }

    /// The figures of one, in its own order.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn figures(&self, id: u64) -> Result<Vec<Figure>, Error> {
        let sql =
            "select model, workers, work_ns, low_ns, high_ns, cpu_ns, memory_bytes from figure
            where run = ?1 order by position";
        let figure = |row: &Row<'_>| {
            let number = |index| {
                row.get::<_, Option<i64>>(index).map(|it| it.and_then(|it| it.try_into().ok()))
            };
            Ok(Figure {
                model: row.get(0)?,
                workers: row.get(1)?,
                work_ns: number(2)?,
                low_ns: number(3)?,
                high_ns: number(4)?,
                cpu_ns: number(5)?,
                memory_bytes: number(6)?,
            })
        };
        self.ask(|| self.connection.prepare(sql)?.query_map([id as i64], figure)?.collect())
    }

    /// All results of equal work, the first one first, wherever they were measured.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn history(&self, fingerprint: &str) -> Result<Vec<Point>, Error> {
        let filter = Filter { fingerprint: Some(fingerprint.to_owned()), ..Filter::default() };
        let mut all = self.list(&filter)?;
        all.reverse();
        let time = |figure: Figure| {
            Some(Time {
                ns: figure.work_ns?,
                model: figure.model,
                workers: figure.workers,
                low_ns: figure.low_ns,
                high_ns: figure.high_ns,
            })
        };
        let point = |kept: Kept| {
            let times = self.figures(kept.id)?.into_iter().filter_map(time).collect();
            let Kept { id, started: when, machine, place, version, .. } = kept;
            Ok(Point { id, when, machine, place, version, times })
        };
        all.into_iter().map(point).collect()
    }

    /// What stands beside one; `None`: it has no such part.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn part(&self, id: u64, part: Part) -> Result<Option<Vec<u8>>, Error> {
        let sql = "select size, data from part where run = ?1 and name = ?2";
        self.unpacked(sql, params![id as i64, part.name()])
    }

    /// Which traces of one are still there.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn traces(&self, id: u64) -> Result<Vec<TraceRow>, Error> {
        let sql = "select position, model, size from trace where run = ?1 order by position";
        let trace = |row: &Row<'_>| {
            let size: i64 = row.get(2)?;
            Ok(TraceRow { position: row.get(0)?, model: row.get(1)?, size: size.cast_unsigned() })
        };
        self.ask(|| self.connection.prepare(sql)?.query_map([id as i64], trace)?.collect())
    }

    /// A trace as the bytes of a file; `None`: it is not there any more.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn trace(&self, id: u64, position: u32) -> Result<Option<Vec<u8>>, Error> {
        let sql = "select size, data from trace where run = ?1 and position = ?2";
        self.unpacked(sql, params![id as i64, position])
    }

    fn unpacked(&self, sql: &str, values: &[&dyn ToSql]) -> Result<Option<Vec<u8>>, Error> {
        let packed = |row: &Row<'_>| {
            let size: i64 = row.get(0)?;
            Ok(Packed { size: size.cast_unsigned(), data: row.get(1)? })
        };
        let found = self.ask(|| self.connection.query_row(sql, values, packed).optional())?;
        let bytes = found.map(|packed| unpack(&packed)).transpose();
        bytes.map_err(|error| Error::Damaged(self.path.clone(), error.to_string()))
    }

    fn ask<T>(&self, ask: impl FnOnce() -> rusqlite::Result<T>) -> Result<T, Error> {
        ask().map_err(|error| Error::of(&self.path, &error))
    }
}

fn kept(row: &Row<'_>) -> rusqlite::Result<Kept> {
    let number =
        |index| row.get::<_, Option<i64>>(index).map(|it: Option<i64>| it.map(i64::cast_unsigned));
    let kind: String = row.get(1)?;
    let kind = kind.parse().map_err(|why: String| {
        let why = format!("`{kind}` is kept, but {why}");
        rusqlite::Error::FromSqlConversionFailure(1, rusqlite::types::Type::Text, why.into())
    })?;
    let (book, cell): (Option<String>, Option<String>) = (row.get(10)?, row.get(11)?);
    let tags: Option<String> = row.get(13)?;
    Ok(Kept {
        id: number(0)?.unwrap_or_default(),
        kind,
        started: row.get(2)?,
        subject: row.get(3)?,
        title: row.get(4)?,
        fingerprint: row.get(5)?,
        machine: row.get(6)?,
        place: row.get(7)?,
        version: row.get(8)?,
        seed: number(9)?,
        cell: book.zip(cell).map(|(book, cell)| CellPlace { book, cell }),
        answer: row.get(12)?,
        tags: tags.unwrap_or_default().split_whitespace().map(str::to_owned).collect(),
        traces: row.get(14)?,
    })
}
