//! Keeping, marking and deleting. Whatever is done is one transaction: all of it, or nothing.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, Transaction, TransactionBehavior, params};

use crate::error::Error;
use crate::item::Item;
use crate::place::FILE;
use crate::schema;

/// The database of one folder.
#[derive(Debug)]
pub struct Store {
    pub(crate) connection: Connection,
    pub(crate) path: PathBuf,
}

/// What became of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Its number; none is ever given twice.
    pub id: u64,
    /// So many traces left, the oldest ones, for there was no room for all.
    pub traces_left: u64,
}

impl Store {
    /// Opens the database of a folder; makes both where they are not there.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn open(folder: &Path) -> Result<Self, Error> {
        Ok(Self { connection: schema::open(folder)?, path: folder.join(FILE) })
    }

    /// Opens it to read only; `None`: nothing was kept there.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn open_to_read(folder: &Path) -> Result<Option<Self>, Error> {
        let connection = schema::open_to_read(folder)?;
        Ok(connection.map(|connection| Self { connection, path: folder.join(FILE) }))
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Keeps an item. Traces take `traces_bytes` together at most: the oldest ones leave.
    ///
    /// # Errors
    /// See [`Error`]; nothing of the item is kept then.
    pub fn keep(&mut self, item: &Item, traces_bytes: u64) -> Result<Receipt, Error> {
        self.change(|change| {
            let id = put(change, item)?;
            Ok(Receipt { id, traces_left: make_room(change, traces_bytes)? })
        })
    }

    /// Gives a number a name, which is taken from whatever had it.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn tag(&mut self, id: u64, name: &str) -> Result<(), Error> {
        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        let starts_well = name.starts_with(|first: char| first.is_ascii_alphabetic());
        if !starts_well || !name.bytes().all(is_word) || name == "last" {
            return Err(Error::Asked(format!(
                "`{name}` cannot be a tag: one begins with a letter, goes on with letters, digits, `-`, `_` \
                 or `.`, and is not `last`"
            )));
        }
        self.change(|change| {
            let sql = "insert into tag (name, run) values (?1, ?2)
                on conflict (name) do update set run = excluded.run";
            change.execute(sql, params![name, id as i64]).map(drop)
        })
    }

    /// Takes a name away; whether it was there.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn untag(&mut self, name: &str) -> Result<bool, Error> {
        self.change(|change| Ok(change.execute("delete from tag where name = ?1", [name])? > 0))
    }

    /// Deletes these; how many there were.
    ///
    /// # Errors
    /// See [`Error`]; then none of them is deleted.
    pub fn delete(&mut self, ids: &[u64]) -> Result<u64, Error> {
        let deleted = self.change(|change| {
            let mut deleted = 0;
            for &id in ids {
                deleted += change.execute("delete from run where id = ?1", [id as i64])? as u64;
            }
            Ok(deleted)
        })?;
        self.shrink()?;
        Ok(deleted)
    }

    fn change<T>(
        &mut self,
        make: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, Error> {
        let path = &self.path;
        let begun = self.connection.transaction_with_behavior(TransactionBehavior::Immediate);
        let made = begun.and_then(|change| {
            let made = make(&change)?;
            change.commit()?;
            Ok(made)
        });
        made.map_err(|error| Error::of(path, &error))
    }

    /// Gives pages that nothing stands in back to the disk.
    fn shrink(&self) -> Result<(), Error> {
        let freed = || -> rusqlite::Result<()> {
            let mut statement = self.connection.prepare("pragma incremental_vacuum")?;
            let mut rows = statement.query([])?;
            while rows.next()?.is_some() {}
            Ok(())
        };
        freed().map_err(|error| Error::of(&self.path, &error))
    }
}

fn put(change: &Transaction<'_>, item: &Item) -> rusqlite::Result<u64> {
    let machine = &item.machine;
    let place = format!("{}, {} cores, Linux {}", machine.cpu, machine.cores, machine.kernel);
    let (book, cell) = item.cell.as_ref().map(|at| (&at.book, &at.cell)).unzip();
    change.execute(
        "insert into run (kind, started, subject, title, fingerprint, machine, place, version, seed,
            book, cell, answer) values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        params![
            item.kind.name(),
            item.started,
            item.subject,
            item.title,
            item.fingerprint,
            machine.id,
            place,
            item.version,
            item.seed.map(signed),
            book,
            cell,
            item.answer,
        ],
    )?;
    let id = change.last_insert_rowid();
    let mut figures = change.prepare(
        "insert into figure (run, position, model, workers, work_ns, low_ns, high_ns, cpu_ns,
            memory_bytes) values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?;
    for (position, one) in (0_i64..).zip(&item.figures) {
        let numbers = [one.work_ns, one.low_ns, one.high_ns, one.cpu_ns, one.memory_bytes];
        let [work, low, high, cpu, memory] = numbers.map(|it| it.map(signed));
        figures.execute(params![
            id,
            position,
            one.model,
            one.workers,
            work,
            low,
            high,
            cpu,
            memory
        ])?;
    }
    let mut parts =
        change.prepare("insert into part (run, name, size, data) values (?1, ?2, ?3, ?4)")?;
    for (part, packed) in &item.parts {
        parts.execute(params![id, part.name(), signed(packed.size), packed.data])?;
    }
    let mut traces = change.prepare(
        "insert into trace (run, position, model, size, packed, data) values (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    for (position, (model, packed)) in (0_i64..).zip(&item.traces) {
        let length = packed.data.len() as i64;
        traces.execute(params![id, position, model, signed(packed.size), length, packed.data])?;
    }
    Ok(id as u64)
}

/// Lets the oldest traces go until the others have room; how many went.
fn make_room(change: &Transaction<'_>, bytes: u64) -> rusqlite::Result<u64> {
    let bytes = signed(bytes);
    let taken: i64 =
        change.query_row("select coalesce(sum(packed), 0) from trace", [], |row| row.get(0))?;
    if taken <= bytes {
        return Ok(0);
    }
    let gone = change.execute(
        "delete from trace where (run, position) in (
            select run, position from (
                select run, position, sum(packed) over (order by run desc, position) as room from trace
            ) where room > ?1)",
        [bytes],
    )?;
    Ok(gone as u64)
}

/// SQLite's numbers are signed; none of ours is as large as the largest.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
