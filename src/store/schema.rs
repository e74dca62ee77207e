//! The database's schema and its migrations, which only go forward.

use rusqlite::{Connection, ErrorCode, TransactionBehavior};

use super::Error;

/// One script for each version of the schema.
const MIGRATIONS: &[&str] = &[
    "
    CREATE TABLE plans (
        digest TEXT PRIMARY KEY,
        body TEXT NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE runs (
        id TEXT PRIMARY KEY,
        workflow TEXT NOT NULL,
        plan TEXT NOT NULL REFERENCES plans (digest),
        opened_at INTEGER NOT NULL,
        ended_at INTEGER,
        status TEXT NOT NULL,
        owes_finally INTEGER NOT NULL DEFAULT 0,
        actor TEXT NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX runs_by_time ON runs (opened_at);
    CREATE TABLE events (
        run TEXT NOT NULL,
        seq INTEGER NOT NULL,
        line BLOB NOT NULL,
        PRIMARY KEY (run, seq)
    ) WITHOUT ROWID;
    CREATE TABLE output (
        run TEXT NOT NULL,
        name TEXT NOT NULL,
        bytes BLOB NOT NULL,
        PRIMARY KEY (run, name)
    ) WITHOUT ROWID;
    CREATE TABLE locks (
        name TEXT PRIMARY KEY,
        run TEXT NOT NULL,
        step TEXT,
        since INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE forced (times INTEGER NOT NULL);
    INSERT INTO forced VALUES (0);
",
    "
    CREATE TABLE keeps (
        run TEXT PRIMARY KEY,
        until INTEGER,
        actor TEXT NOT NULL,
        since INTEGER NOT NULL,
        note TEXT
    ) WITHOUT ROWID;
    CREATE TABLE pauses (
        what TEXT PRIMARY KEY,
        until INTEGER,
        actor TEXT NOT NULL,
        since INTEGER NOT NULL,
        note TEXT
    ) WITHOUT ROWID;
    CREATE TABLE pruned (
        run TEXT NOT NULL,
        what TEXT NOT NULL,
        workflow TEXT NOT NULL,
        status TEXT NOT NULL,
        opened_at INTEGER NOT NULL,
        records INTEGER NOT NULL,
        head TEXT NOT NULL,
        at INTEGER NOT NULL,
        actor TEXT NOT NULL,
        files INTEGER NOT NULL,
        PRIMARY KEY (run, what)
    ) WITHOUT ROWID;
",
    "
    ALTER TABLE runs ADD COLUMN vetoes TEXT;
",
];

/// The schema that this program writes.
pub(super) fn known() -> i64 {
    i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX)
}

/// Brings the database to this program's schema, or refuses one that is newer.
pub(super) fn prepare(db: &mut Connection) -> Result<(), Error> {
    let known = known();
    let version =
        |db: &Connection| db.pragma_query_value(None, "user_version", |r| r.get::<_, i64>(0));
    if version(db)? != known {
        use_wal(db)?;
        let tx = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let found = version(&tx)?;
        if found > known {
            return Err(Error::Newer { found, known });
        }
        for script in MIGRATIONS.iter().skip(usize::try_from(found).unwrap_or(0)) {
            tx.execute_batch(script)?;
        }
        tx.pragma_update(None, "user_version", known)?;
        tx.commit()?;
    }
    // Commits are forced by `Store::force`, when something that outlives us depends on them.
    db.pragma_update(None, "synchronous", "NORMAL")?;
    db.pragma_update(None, "wal_autocheckpoint", 4_000)?;
    Ok(())
}

/// Switches to the write-ahead log. `SQLite` does not ask the busy handler when several switch at once.
fn use_wal(db: &Connection) -> Result<(), Error> {
    let mut tries = 0;
    loop {
        match db.pragma_update(None, "journal_mode", "WAL") {
            Err(error)
                if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy)
                    && super::wait_for_others(tries) =>
            {
                tries += 1;
            }
            switched => return Ok(switched?),
        }
    }
}
