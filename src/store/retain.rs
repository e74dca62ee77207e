//! Letting runs go, and what keeps them: keeps, pauses, and a line for each run that is gone.
//!
//! *Invariant:* rows first, then files. A kill in between leaves files that a row in `pruned` names, for the next prune
//! to remove; the other way round it would leave a run whose outputs are missing and nobody could say why.

use rusqlite::{ErrorCode, OptionalExtension, Row, TransactionBehavior, params};
use sha2::{Digest, Sha256};

use super::{Error, Store};
use crate::ids::RunId;
use crate::plan::hex;
use crate::retention::Hold;
use crate::value::Time;

/// What of a run is let go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// All of it.
    Run,
    /// What its steps wrote.
    Output,
}

impl What {
    fn name(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Output => "output",
        }
    }
}

/// Whether something could be let go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LetGo {
    /// Its rows are gone; its files are to be removed.
    Done,
    /// Meanwhile somebody keeps it.
    Kept,
    /// Meanwhile somebody vetoed it.
    Vetoed,
    /// Meanwhile pruning was paused.
    Paused(Hold),
}

fn hold(row: &Row<'_>) -> Result<Hold, rusqlite::Error> {
    Ok(Hold {
        by: row.get(0)?,
        since: Time(row.get(1)?),
        until: row.get::<_, Option<i64>>(2)?.map(Time),
        note: row.get(3)?,
    })
}

const PAUSED: &str = "SELECT actor, since, until, note FROM pauses WHERE what = 'prune'";
const KEPT: &str = "SELECT actor, since, until, note FROM keeps WHERE run = ?";

impl Store {
    /// Keeps a run from being let go.
    pub fn keep(&mut self, run: &RunId, hold: &Hold) -> Result<(), Error> {
        let insert =
            "INSERT OR REPLACE INTO keeps (run, actor, since, until, note) VALUES (?, ?, ?, ?, ?)";
        let until = hold.until.map(|t| t.0);
        self.db.execute(insert, params![run.as_str(), hold.by, hold.since.0, until, hold.note])?;
        self.unforced = true;
        Ok(())
    }

    /// Keeps a run no longer; `false` if it was not kept.
    pub fn unkeep(&mut self, run: &RunId) -> Result<bool, Error> {
        self.unforced = true;
        Ok(self.db.execute("DELETE FROM keeps WHERE run = ?", [run.as_str()])? > 0)
    }

    /// Pauses pruning.
    pub fn pause(&mut self, hold: &Hold) -> Result<(), Error> {
        let insert = "INSERT OR REPLACE INTO pauses (what, actor, since, until, note)
            VALUES ('prune', ?, ?, ?, ?)";
        let until = hold.until.map(|t| t.0);
        self.db.execute(insert, params![hold.by, hold.since.0, until, hold.note])?;
        self.unforced = true;
        Ok(())
    }

    /// Ends the pause of pruning, if there is one.
    pub fn unpause(&mut self) -> Result<(), Error> {
        self.db.execute("DELETE FROM pauses WHERE what = 'prune'", [])?;
        self.unforced = true;
        Ok(())
    }

    /// The pause of pruning; it may be over by now.
    pub fn paused(&self) -> Result<Option<Hold>, Error> {
        Ok(self.db.query_row(PAUSED, [], hold).optional()?)
    }

    /// How many bytes of a run's output are in the database.
    pub fn output_bytes(&self, run: &RunId) -> Result<u64, Error> {
        let select = "SELECT coalesce(sum(length(bytes)), 0) FROM output WHERE run = ?";
        let bytes: i64 = self.db.query_row(select, [run.as_str()], |row| row.get(0))?;
        Ok(bytes.cast_unsigned())
    }

    /// Removes the rows of a run, or of its output, unless somebody keeps it meanwhile. What is gone leaves a line.
    pub fn let_go(&mut self, run: &RunId, what: What, by: &str, now: Time) -> Result<LetGo, Error> {
        let id = run.as_str();
        let tx = self.db.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let counts = |hold: &Hold| hold.counts(now);
        if let Some(pause) = tx.query_row(PAUSED, [], hold).optional()?.filter(counts) {
            return Ok(LetGo::Paused(pause));
        }
        if tx.query_row(KEPT, [id], hold).optional()?.as_ref().is_some_and(counts) {
            return Ok(LetGo::Kept);
        }
        let vetoed = "SELECT 1 FROM runs WHERE id = ? AND vetoes IS NOT NULL";
        if tx.prepare_cached(vetoed)?.exists([id])? {
            return Ok(LetGo::Vetoed);
        }
        let last = "SELECT seq, line FROM events WHERE run = ? ORDER BY seq DESC LIMIT 1";
        let last: Option<(i64, Vec<u8>)> =
            tx.query_row(last, [id], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        let (records, head) =
            last.map_or((0, String::new()), |(seq, line)| (seq + 1, hex(&Sha256::digest(line))));
        tx.execute(
            "INSERT OR REPLACE INTO pruned
             SELECT id, ?2, workflow, status, opened_at, ?3, ?4, ?5, ?6, 1 FROM runs WHERE id = ?1",
            params![id, what.name(), records, head, now.0, by],
        )?;
        tx.execute("DELETE FROM output WHERE run = ?", [id])?;
        if what == What::Run {
            tx.execute("DELETE FROM events WHERE run = ?", [id])?;
            tx.execute("DELETE FROM keeps WHERE run = ?", [id])?;
            tx.execute("DELETE FROM runs WHERE id = ?", [id])?;
            tx.execute("DELETE FROM pruned WHERE run = ? AND what = 'output'", [id])?;
        }
        tx.commit()?;
        self.unforced = true;
        Ok(LetGo::Done)
    }

    /// Removes the plans that no run has any more.
    pub fn drop_plans(&mut self) -> Result<(), Error> {
        self.db.execute("DELETE FROM plans WHERE digest NOT IN (SELECT plan FROM runs)", [])?;
        self.unforced = true;
        Ok(())
    }

    /// What was let go and may still have files.
    pub fn leftovers(&self) -> Result<Vec<(RunId, What)>, Error> {
        let mut select = self.db.prepare_cached("SELECT run, what FROM pruned WHERE files")?;
        let rows = select.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let mut all = Vec::new();
        for row in rows {
            let (run, what): (String, String) = row?;
            let what = if what == What::Run.name() { What::Run } else { What::Output };
            // An id that is none names no folder of ours.
            all.extend(RunId::parse(&run).map(|run| (run, what)));
        }
        Ok(all)
    }

    /// Notes that the files are removed as well.
    pub fn swept(&mut self, run: &RunId, what: What) -> Result<(), Error> {
        let update = "UPDATE pruned SET files = 0 WHERE run = ? AND what = ?";
        self.db.execute(update, params![run.as_str(), what.name()])?;
        Ok(())
    }

    /// When the output of a run was let go, and by whom.
    pub fn output_gone(&self, run: &RunId) -> Result<Option<(Time, String)>, Error> {
        let select = "SELECT at, actor FROM pruned WHERE run = ? AND what = 'output'";
        let row = |row: &Row<'_>| Ok((Time(row.get(0)?), row.get(1)?));
        Ok(self.db.query_row(select, [run.as_str()], row).optional()?)
    }

    /// What is to be said of a run that was let go, if one's id begins like this.
    pub(super) fn gone(&self, text: &str) -> Result<Option<Error>, Error> {
        let select = "SELECT run, workflow, status, at, actor FROM pruned
            WHERE what = 'run' AND ?1 <> '' AND substr(run, 1, length(?1)) = ?1 LIMIT 1";
        let row = |row: &Row<'_>| {
            Ok(Error::Pruned {
                run: row.get(0)?,
                workflow: row.get(1)?,
                status: row.get::<_, String>(2)?.replace('_', " "),
                at: Time(row.get(3)?),
                by: row.get(4)?,
            })
        };
        Ok(self.db.query_row(select, [text], row).optional()?)
    }

    /// The size of the database and how much of it is free inside, in bytes.
    pub fn size(&self) -> Result<(u64, u64), Error> {
        let number = |name: &str| {
            self.db
                .pragma_query_value(None, name, |row| row.get::<_, i64>(0))
                .map(i64::cast_unsigned)
        };
        let page = number("page_size")?;
        Ok((number("page_count")? * page, number("freelist_count")? * page))
    }

    /// Gives free pages back to the system, by writing the database anew; leaves it where somebody else writes, or
    /// where there is no room for the copy.
    pub fn compact(&mut self) -> Result<(), Error> {
        let done = self.db.execute_batch("VACUUM; PRAGMA wal_checkpoint(TRUNCATE)");
        match done.as_ref().err().and_then(rusqlite::Error::sqlite_error_code) {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DiskFull) => Ok(()),
            _ => Ok(done?),
        }
    }
}
