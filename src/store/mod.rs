//! The record: one `SQLite` database that holds every run's events, plans, locks and short output.
//!
//! *Invariant:* a record is never rewritten; an event is committed before the effect it announces.

mod chain;
mod error;
mod journal;
mod lock;
mod retain;
mod runs;
mod schema;

use std::path::{Path, PathBuf};

use rusqlite::{Connection, OpenFlags};

pub use chain::Chain;
pub use error::Error;
pub use journal::{Append, Journal};
pub use lock::{DriverLock, Holder};
pub use retain::{LetGo, What};
pub use runs::{Filter, Summary};

/// An open database and the folder it is in.
#[derive(Debug)]
pub struct Store {
    db: Connection,
    dir: PathBuf,
    /// Which file the database is, to notice when it is removed or replaced.
    file: (u64, u64),
    /// Whether something was committed since it was last forced.
    unforced: bool,
}

impl Store {
    /// Opens the store in `dir`, making it if there is none.
    pub fn open(dir: &Path) -> Result<Self, Error> {
        let io = |error| Error::Io { path: dir.display().to_string(), error };
        std::fs::create_dir_all(dir.join("runs")).map_err(io)?;
        let ignore = dir.join(".gitignore");
        if !ignore.exists() {
            std::fs::write(&ignore, "*\n").map_err(io)?;
        }
        let mut db = Connection::open(dir.join("state.db"))?;
        db.busy_handler(Some(wait_for_others))?;
        db.set_prepared_statement_cache_capacity(32);
        schema::prepare(&mut db)?;
        let file = identity(dir)?;
        Ok(Self { db, dir: dir.to_owned(), file, unforced: false })
    }

    /// Opens the store in `dir` if there is one.
    pub fn open_existing(dir: &Path) -> Result<Option<Self>, Error> {
        let io = |error| Error::Io { path: dir.display().to_string(), error };
        let found = dir.join("state.db").try_exists().map_err(io)?;
        if found { Self::open(dir).map(Some) } else { Ok(None) }
    }

    /// Opens the store in `dir`, if there is one, only to look at it: nothing is made or brought forward.
    pub fn look(dir: &Path) -> Result<Option<Self>, Error> {
        let io = |error| Error::Io { path: dir.display().to_string(), error };
        let path = dir.join("state.db");
        if !path.try_exists().map_err(io)? {
            return Ok(None);
        }
        // One that is opened for reading only leaves the files of its write-ahead log behind.
        let mut db = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        db.pragma_update(None, "query_only", true)?;
        db.busy_handler(Some(wait_for_others))?;
        let store = Self { file: identity(dir)?, db, dir: dir.to_owned(), unforced: false };
        let (found, known) = (store.schema()?, schema::known());
        match found.cmp(&known) {
            std::cmp::Ordering::Less => Err(Error::Older { found, known }),
            std::cmp::Ordering::Equal => Ok(Some(store)),
            std::cmp::Ordering::Greater => Err(Error::Newer { found, known }),
        }
    }

    /// The version of the schema.
    pub fn schema(&self) -> Result<i64, Error> {
        Ok(self.db.pragma_query_value(None, "user_version", |row| row.get(0))?)
    }

    /// What is wrong with the database file itself: nothing, or lines by `SQLite`.
    pub fn quick_check(&self) -> Result<Vec<String>, Error> {
        let mut select = self.db.prepare("PRAGMA quick_check(5)")?;
        let lines = select.query_map([], |row| row.get::<_, String>(0))?;
        let lines: Vec<String> = lines.collect::<Result<_, _>>()?;
        Ok(if lines == ["ok"] { Vec::new() } else { lines })
    }

    /// The locks that are held, and the runs that hold them.
    pub fn locks(&self) -> Result<Vec<(String, String)>, Error> {
        let mut select = self.db.prepare("SELECT name, run FROM locks ORDER BY name")?;
        let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Where the folders of all runs are.
    pub fn folder_of_runs(&self) -> PathBuf {
        self.dir.join("runs")
    }

    /// Where a run's files are, if it has any.
    pub fn folder(&self, run: &crate::ids::RunId) -> PathBuf {
        self.folder_of_runs().join(run.as_str())
    }

    /// The folder of a run's files, made if it is missing.
    pub fn run_dir(&self, run: &crate::ids::RunId) -> Result<PathBuf, Error> {
        let dir = self.folder(run);
        std::fs::create_dir_all(&dir)
            .map_err(|error| Error::Io { path: dir.display().to_string(), error })?;
        Ok(dir)
    }

    /// Forces all that was committed to disk. After a failure nothing may be called durable.
    ///
    /// A commit under `synchronous = FULL` forces the log with all commits before it
    /// (`docs/decisions/0004-commits.md`); it must change a byte, or nothing is written.
    pub fn force(&mut self) -> Result<(), Error> {
        if !self.unforced {
            return Ok(());
        }
        if identity(&self.dir).ok() != Some(self.file) {
            return Err(Error::Gone);
        }
        self.db.pragma_update(None, "synchronous", "FULL")?;
        let forced = self.db.execute("UPDATE forced SET times = times + 1", []);
        self.db.pragma_update(None, "synchronous", "NORMAL")?;
        match forced.map_err(Error::from) {
            Ok(_) => {
                self.unforced = false;
                Ok(())
            }
            Err(Error::Full) => Err(Error::Full),
            Err(error) => Err(Error::NotDurable { error: Box::new(error) }),
        }
    }

    /// Whether something was committed and not yet forced to disk.
    pub fn is_unforced(&self) -> bool {
        self.unforced
    }
}

/// Waits a little for another process to finish its transaction; gives up after half a minute.
///
/// `SQLite`'s own waits grow to 100 ms, in which several other writers may slip in.
fn wait_for_others(tries: i32) -> bool {
    std::thread::sleep(std::time::Duration::from_micros(500));
    tries < 60_000
}

/// Which file a store's database is: device and inode.
fn identity(dir: &Path) -> Result<(u64, u64), Error> {
    use std::os::unix::fs::MetadataExt;
    let path = dir.join("state.db");
    let facts = std::fs::metadata(&path)
        .map_err(|error| Error::Io { path: path.display().to_string(), error })?;
    Ok((facts.dev(), facts.ino()))
}
