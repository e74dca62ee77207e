//! Our own inability to keep the record.

use crate::run::IllegalEvent;
use crate::value::Time;

/// Why the record could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file or folder of the store.
    #[error("{path}: {error}")]
    Io {
        /// Which.
        path: String,
        /// What the system said.
        error: std::io::Error,
    },
    /// The database.
    #[error("the state database: {0}")]
    Database(rusqlite::Error),
    /// Somebody removed or replaced the database while it was in use.
    #[error(
        "the state database was removed or replaced while it was in use: what ran is not recorded any more"
    )]
    Gone,
    /// There is no room to write.
    #[error("the disk is full: the state database cannot be written")]
    Full,
    /// What was written may not survive a power cut.
    #[error("the record could not be forced to disk: {error}")]
    NotDurable {
        /// What the database said.
        error: Box<Error>,
    },
    /// The database was written by a newer version.
    #[error("the state is of a newer version of ostler (schema {found}, this one knows {known})")]
    Newer {
        /// The schema that was found.
        found: i64,
        /// The newest that this program knows.
        known: i64,
    },
    /// The database was written by an older version, and is only looked at.
    #[error("the state is of an older version of ostler (schema {found}, this one writes {known})")]
    Older {
        /// The schema that was found.
        found: i64,
        /// The one that this program writes.
        known: i64,
    },
    /// A log that is not what was written.
    #[error("the log of run {run} is damaged at record {seq}: {why}")]
    Damaged {
        /// The run.
        run: String,
        /// The record.
        seq: u64,
        /// What is wrong with it.
        why: String,
    },
    /// A record that cannot follow the ones before it.
    #[error("run {run}: {illegal}")]
    Illegal {
        /// The run.
        run: String,
        /// The record.
        illegal: IllegalEvent,
    },
    /// No run has this id.
    #[error("there is no run `{0}`")]
    NoRun(String),
    /// The run was there, and was let go.
    #[error("run {run} was let go on {at} by {by}; it was `{workflow}`, {status}")]
    Pruned {
        /// The run.
        run: String,
        /// Its verb.
        workflow: String,
        /// How it had ended.
        status: String,
        /// When it was let go.
        at: Time,
        /// By whom.
        by: String,
    },
    /// Several runs' ids begin like this.
    #[error("`{0}` is the beginning of several runs' ids")]
    Ambiguous(String),
    /// A lock that the run needs is held.
    #[error("lock `{lock}` is held by run {run}")]
    Locked {
        /// The lock.
        lock: String,
        /// Who holds it.
        run: String,
    },
    /// The driver is dead, and what it ran is still being ended.
    #[error("what the dead engine of run {run} had started is still being ended")]
    StillEnding {
        /// The run.
        run: String,
    },
    /// Another process drives the run.
    #[error("run {run} is driven by process {pid}")]
    Driven {
        /// The run.
        run: String,
        /// The driver's process id.
        pid: u32,
    },
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::DiskFull) => Self::Full,
            _ => Self::Database(error),
        }
    }
}
