//! The form of the database, and how one is opened so that nothing in it is ever lost: a log that
//! is written ahead (<https://www.sqlite.org/wal.html>), one transaction for each item, and no
//! touch of what a newer program has written.

use std::fs::{DirBuilder, OpenOptions};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use crate::error::Error;
use crate::place::FILE;

/// The version of the form. A change that an older program would misread raises it.
const FORM: i64 = 1;

/// So long another writer is waited for: it keeps one item at a time.
const PATIENCE: Duration = Duration::from_secs(5);

/// `mtrd`, by which file(1) may know such a database.
const APPLICATION: i64 = 0x6d74_7264;

const TABLES: &str = "
create table run (
    id integer primary key autoincrement, -- a number that was deleted never comes back
    kind text not null,
    started text not null,                -- UTC, RFC 3339
    subject text not null,
    title text,
    fingerprint text not null,            -- equal work, equal text; empty: it is not of one work
    machine text not null,                -- the id of the machine
    place text not null,                  -- the machine in words
    version text not null,
    seed integer,
    book text,                            -- the notebook and the cell in it
    cell text,
    answer text not null                  -- in one sentence
) strict;
create index run_of_work on run (fingerprint, machine);
create index run_of_cell on run (book, cell);
create table figure (
    run integer not null references run on delete cascade,
    position integer not null,
    model text not null,
    workers integer not null,
    work_ns integer,
    low_ns integer,
    high_ns integer,
    cpu_ns integer,
    memory_bytes integer,
    primary key (run, position)
) strict, without rowid;
create table part (
    run integer not null references run on delete cascade,
    name text not null,
    size integer not null,                -- unpacked, bytes
    data blob not null,                   -- DEFLATE
    primary key (run, name)
) strict;
create table trace (
    run integer not null references run on delete cascade,
    position integer not null,
    model text not null,
    size integer not null,
    packed integer not null,              -- bytes of data
    data blob not null,
    primary key (run, position)
) strict;
create index trace_room on trace (run, position, packed);
create table tag (
    name text primary key,
    run integer not null references run on delete cascade
) strict, without rowid;
";

/// Opens the database of a folder to write to it; makes both where they are not there.
///
/// # Errors
/// See [`Error`].
pub(crate) fn open(folder: &Path) -> Result<Connection, Error> {
    // What was typed and what was measured is nobody else's business.
    let made = DirBuilder::new().mode(0o700).recursive(true).create(folder);
    made.map_err(|error| Error::Folder(folder.to_owned(), error))?;
    let path = folder.join(FILE);
    let mut options = OpenOptions::new();
    let file = options.write(true).create(true).truncate(false).mode(0o600).open(&path);
    file.map_err(|error| Error::Unwritable(path.clone(), error.to_string()))?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection =
        Connection::open_with_flags(&path, flags).map_err(|e| Error::of(&path, &e))?;
    let version = prepare(&mut connection).map_err(|error| Error::of(&path, &error))?;
    known(&path, version)?;
    Ok(connection)
}

/// Opens the database of a folder to read it; `None`: nothing was kept there.
///
/// # Errors
/// See [`Error`].
pub(crate) fn open_to_read(folder: &Path) -> Result<Option<Connection>, Error> {
    let path = folder.join(FILE);
    if std::fs::metadata(&path).is_ok_and(|facts| facts.len() == 0) || !path.exists() {
        return Ok(None);
    }
    let version = |connection: &Connection| {
        connection.busy_timeout(PATIENCE)?;
        connection.query_row(
            "select form from (select user_version as form from pragma_user_version)",
            [],
            |row| row.get(0),
        )
    };
    let read = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let opened = Connection::open_with_flags(&path, read)
        .and_then(|connection| Ok((version(&connection)?, connection)));
    let opened = match opened {
        // A folder that takes no file beside it: nobody writes there, and the log is empty or absent.
        Err(_) if log_is_empty(&path) => {
            let address = format!("file:{}?immutable=1", address(&path));
            Connection::open_with_flags(address, read | OpenFlags::SQLITE_OPEN_URI)
                .and_then(|connection| Ok((version(&connection)?, connection)))
        }
        other => other,
    };
    let (version, connection) = opened.map_err(|error| Error::of(&path, &error))?;
    known(&path, version)?;
    Ok((version > 0).then_some(connection))
}

fn log_is_empty(path: &Path) -> bool {
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    std::fs::metadata(log).map_or(true, |facts| facts.len() == 0)
}

/// A path in an address (<https://www.sqlite.org/uri.html>).
fn address(path: &Path) -> String {
    let text = path.to_string_lossy();
    text.replace('%', "%25").replace('?', "%3f").replace('#', "%23")
}

fn known(path: &Path, found: i64) -> Result<(), Error> {
    match found > FORM {
        true => Err(Error::Newer { path: path.to_owned(), found, known: FORM }),
        false => Ok(()),
    }
}

/// Makes the tables where there are none; the version of the form.
fn prepare(connection: &mut Connection) -> rusqlite::Result<i64> {
    connection.busy_timeout(PATIENCE)?;
    // Moving the log into the file takes long, and is done now and then instead of after each item.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    let form = |connection: &Connection| {
        connection.pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0))
    };
    let mut version = form(connection)?;
    if version == 0 {
        connection.pragma_update(None, "auto_vacuum", "incremental")?;
        connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
        let making = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        // Another program may have made them meanwhile.
        version = form(&making)?;
        if version == 0 {
            making.execute_batch(TABLES)?;
            making.pragma_update(None, "application_id", APPLICATION)?;
            making.pragma_update(None, "user_version", FORM)?;
            version = FORM;
        }
        making.commit()?;
    }
    // A commit that a loss of power takes back leaves the others whole; that of a program that is
    // killed is never taken back.
    connection.pragma_update(None, "synchronous", "normal")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    Ok(version)
}
