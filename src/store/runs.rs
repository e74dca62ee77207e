//! Finding runs, and reading what is kept beside their logs.

use std::collections::BTreeMap;

use rusqlite::{OptionalExtension, Row, params};

use super::{Error, Store};
use crate::ids::RunId;
use crate::plan;
use crate::retention::Hold;
use crate::run::{Actor, Parent, RunStatus, Veto};
use crate::value::Time;

/// One run in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Its id.
    pub id: RunId,
    /// Its verb.
    pub workflow: String,
    /// Its status, as in the report.
    pub status: RunStatus,
    /// When it was opened.
    pub opened_at: Time,
    /// When it ended.
    pub ended_at: Option<Time>,
    /// Who opened it; none if the record does not say so any more.
    pub actor: Option<Actor>,
    /// Whether its `finally` steps are owed.
    pub owes_finally: bool,
    /// Whether somebody keeps it, perhaps until some time that has passed.
    pub kept: Option<Hold>,
    /// The attempt that called it, where one did.
    pub parent: Option<Parent>,
    /// The vetoes that stand.
    pub vetoes: Vec<Veto>,
}

/// Which runs are listed.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Of this verb.
    pub workflow: Option<String>,
    /// With one of these; with any if there are none.
    pub statuses: Vec<RunStatus>,
    /// How many at most.
    pub limit: Option<u32>,
    /// Whether those that other runs called are left out.
    pub uncalled: bool,
}

/// The fewest letters that stand for the whole of an id: fewer could as well be the name of a step.
const BEGINNING: usize = 4;

const SUMMARIES: &str = "SELECT id, workflow, status, opened_at, ended_at, 
        (SELECT json_extract(CAST(line AS TEXT), '$.actor')
            FROM events WHERE run = id AND seq = 0),
        owes_finally,
        keeps.actor, keeps.since, keeps.until, keeps.note,
        (SELECT json_extract(CAST(line AS TEXT), '$.event.parent')
            FROM events WHERE run = id AND seq = 0),
        vetoes
    FROM runs LEFT JOIN keeps ON keeps.run = id";

fn summary(row: &Row<'_>) -> Result<Summary, Error> {
    let (id, status): (String, String) = (row.get(0)?, row.get(2)?);
    let damaged = |why: &str| Error::Damaged { run: id.clone(), seq: 0, why: why.to_owned() };
    let kept_by: Option<String> = row.get(7)?;
    let kept = match kept_by {
        Some(by) => Some(Hold {
            by,
            since: Time(row.get(8)?),
            until: row.get::<_, Option<i64>>(9)?.map(Time),
            note: row.get(10)?,
        }),
        None => None,
    };
    let vetoes: Option<String> = row.get(12)?;
    let vetoes = vetoes.map_or(Ok(Vec::new()), |text| serde_json::from_str(&text));
    Ok(Summary {
        id: RunId::parse(&id).ok_or_else(|| damaged("its id is not one"))?,
        workflow: row.get(1)?,
        status: RunStatus::named(&status)
            .ok_or_else(|| damaged("its status is not one that we know"))?,
        opened_at: Time(row.get(3)?),
        ended_at: row.get::<_, Option<i64>>(4)?.map(Time),
        actor: row.get::<_, Option<String>>(5)?.and_then(|text| serde_json::from_str(&text).ok()),
        owes_finally: row.get(6)?,
        kept,
        parent: row.get::<_, Option<String>>(11)?.and_then(|text| serde_json::from_str(&text).ok()),
        vetoes: vetoes.map_err(|_| damaged("its vetoes are none"))?,
    })
}

impl Store {
    /// The latest runs, newest first.
    pub fn list(&self, filter: &Filter) -> Result<Vec<Summary>, Error> {
        let order =
            format!("{SUMMARIES} WHERE (?1 IS NULL OR workflow = ?1) ORDER BY opened_at DESC, id");
        let mut select = self.db.prepare_cached(&order)?;
        let mut rows = select.query([&filter.workflow])?;
        let most = filter.limit.map_or(usize::MAX, |n| n as usize);
        let mut runs = Vec::new();
        while let Some(row) = rows.next()?.filter(|_| runs.len() < most) {
            let run = summary(row)?;
            let is_meant = filter.statuses.is_empty() || filter.statuses.contains(&run.status);
            if is_meant && !(filter.uncalled && run.parent.is_some()) {
                runs.push(run);
            }
        }
        Ok(runs)
    }

    /// One run in a line.
    pub fn summary(&self, run: &RunId) -> Result<Summary, Error> {
        let mut select = self.db.prepare_cached(&format!("{SUMMARIES} WHERE id = ?"))?;
        let mut rows = select.query([run.as_str()])?;
        summary(rows.next()?.ok_or_else(|| Error::NoRun(run.to_string()))?)
    }

    /// The run whose id begins like this, in four letters or more; the latest where nothing is said.
    pub fn find(&self, text: Option<&str>) -> Result<RunId, Error> {
        let Some(text) = text else {
            // One that was called is part of another, which is meant then.
            let one = Filter { limit: Some(1), uncalled: true, ..Filter::default() };
            let latest = self.list(&one)?.pop().map(|run| run.id);
            return latest.ok_or_else(|| Error::NoRun("latest".to_owned()));
        };
        let mut select = self
            .db
            .prepare_cached("SELECT id FROM runs WHERE substr(id, 1, length(?1)) = ?1 LIMIT 2")?;
        let ids = select.query_map([text], |row| row.get::<_, String>(0))?;
        let ids: Vec<String> = ids.collect::<Result<_, _>>()?;
        match ids.as_slice() {
            [id] if text.len() >= BEGINNING => {
                RunId::parse(id).ok_or_else(|| Error::NoRun(text.to_owned()))
            }
            [_, _] if text.len() >= BEGINNING => Err(Error::Ambiguous(text.to_owned())),
            _ => Err(self.gone(text)?.unwrap_or_else(|| Error::NoRun(text.to_owned()))),
        }
    }

    /// The text of a run's plan, as it was hashed.
    pub fn plan_text(&self, run: &RunId) -> Result<String, Error> {
        let select = "SELECT body FROM plans JOIN runs ON plan = digest WHERE id = ?";
        let body = self.db.query_row(select, [run.as_str()], |row| row.get(0)).optional()?;
        body.ok_or_else(|| Error::NoRun(run.to_string()))
    }

    /// A run's params, by name.
    pub fn params(&self, run: &RunId) -> Result<BTreeMap<String, plan::Param>, Error> {
        let select = "SELECT json_extract(CAST(body AS TEXT), '$.params') FROM plans
            JOIN runs ON plan = digest WHERE id = ?";
        let mut select = self.db.prepare_cached(select)?;
        let params: Option<String> = select.query_row([run.as_str()], |row| row.get(0))?;
        Ok(params.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default())
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
