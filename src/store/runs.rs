//! Finding runs, and reading what is kept beside their logs.

use rusqlite::{OptionalExtension, Params, params};

use super::{Error, Store};
use crate::ids::RunId;
use crate::value::Time;

/// One run in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Its id.
    pub id: RunId,
    /// Its verb.
    pub workflow: String,
    /// Its status, as in the report.
    pub status: String,
    /// When it was opened.
    pub opened_at: Time,
    /// When it ended.
    pub ended_at: Option<Time>,
    /// Who opened it.
    pub actor: String,
    /// Whether its `finally` steps are owed.
    pub owes_finally: bool,
}

impl Store {
    /// The latest runs, newest first.
    pub fn list(&self, limit: u32) -> Result<Vec<Summary>, Error> {
        self.summaries(
            "SELECT id, workflow, status, opened_at, ended_at, actor, owes_finally
             FROM runs ORDER BY opened_at DESC, id LIMIT ?",
            params![limit],
        )
    }

    /// The runs that have not ended, newest first.
    pub fn unfinished(&self) -> Result<Vec<Summary>, Error> {
        self.summaries(
            "SELECT id, workflow, status, opened_at, ended_at, actor, owes_finally
             FROM runs WHERE status IN ('running', 'waiting') ORDER BY opened_at DESC, id",
            [],
        )
    }

    fn summaries(&self, query: &str, with: impl Params) -> Result<Vec<Summary>, Error> {
        let mut select = self.db.prepare_cached(query)?;
        let rows = select.query_map(with, |row| {
            Ok((
                row.get::<_, String>(0)?,
                Summary {
                    id: RunId::from_random([0; 8]),
                    workflow: row.get(1)?,
                    status: row.get(2)?,
                    opened_at: Time(row.get(3)?),
                    ended_at: row.get::<_, Option<i64>>(4)?.map(Time),
                    actor: row.get(5)?,
                    owes_finally: row.get(6)?,
                },
            ))
        })?;
        let mut runs = Vec::new();
        for row in rows {
            let (id, summary) = row?;
            let id = RunId::parse(&id).ok_or(Error::NoRun(id))?;
            runs.push(Summary { id, ..summary });
        }
        Ok(runs)
    }

    /// The run whose id begins like this; the latest where nothing is said.
    pub fn find(&self, text: Option<&str>) -> Result<RunId, Error> {
        let Some(text) = text else {
            let latest = self.list(1)?.pop().map(|run| run.id);
            return latest.ok_or_else(|| Error::NoRun("latest".to_owned()));
        };
        let mut select = self
            .db
            .prepare_cached("SELECT id FROM runs WHERE substr(id, 1, length(?1)) = ?1 LIMIT 2")?;
        let ids = select.query_map([text], |row| row.get::<_, String>(0))?;
        let ids: Vec<String> = ids.collect::<Result<_, _>>()?;
        match ids.as_slice() {
            [id] if !text.is_empty() => {
                RunId::parse(id).ok_or_else(|| Error::NoRun(text.to_owned()))
            }
            [_, _] => Err(Error::Ambiguous(text.to_owned())),
            _ => Err(Error::NoRun(text.to_owned())),
        }
    }

    /// The lines of a run's log, as they were hashed.
    pub fn lines(&self, run: &RunId) -> Result<Vec<Vec<u8>>, Error> {
        let mut select =
            self.db.prepare_cached("SELECT line FROM events WHERE run = ? ORDER BY seq")?;
        let lines = select.query_map([run.as_str()], |row| row.get(0))?;
        Ok(lines.collect::<Result<_, _>>()?)
    }

    /// A short output, by name.
    pub fn output(&self, run: &RunId, name: &str) -> Result<Option<Vec<u8>>, Error> {
        let select = "SELECT bytes FROM output WHERE run = ? AND name = ?";
        Ok(self.db.query_row(select, params![run.as_str(), name], |row| row.get(0)).optional()?)
    }
}
