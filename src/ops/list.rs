//! Which runs there are, and whether anybody drives those that have not ended.

use std::collections::BTreeMap;

use serde_json::Value;

use super::hands::Hands;
use super::{Error, Workspace};
use crate::action::is_alive;
use crate::plan::Origin;
use crate::run::RunStatus;
use crate::store::{Filter, Holder, Summary};

/// Which runs are wanted.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Of this verb.
    pub workflow: Option<String>,
    /// With one of these statuses; with any if there are none.
    pub statuses: Vec<RunStatus>,
    /// Also, or if there are no statuses only, those whose engine is dead.
    pub dead: bool,
    /// How many at most.
    pub limit: u32,
}

/// Who drives a run that has not ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Engine {
    /// A living process.
    Alive,
    /// Nobody any more, though it could go on.
    Dead,
}

/// A run in a list.
#[derive(Debug)]
pub struct Listed {
    /// What it is.
    pub summary: Summary,
    /// Who drives it, if it runs.
    pub engine: Option<Engine>,
    /// In whose hands its steps are, if it waits.
    pub hands: Option<Hands>,
    /// The params that its caller gave.
    pub given: BTreeMap<String, Value>,
}

/// The runs that are wanted, newest first.
pub fn list(workspace: &Workspace, wanted: &Wanted) -> Result<Vec<Listed>, Error> {
    let store = match workspace.existing_store() {
        Err(Error::NoState) => return Ok(Vec::new()),
        store => store?,
    };
    let mut statuses = wanted.statuses.clone();
    if wanted.dead {
        statuses.push(RunStatus::Running);
    }
    let limit = (!wanted.dead).then_some(wanted.limit);
    let filter = Filter { workflow: wanted.workflow.clone(), statuses, limit, uncalled: false };
    let mut runs = Vec::new();
    for run in store.list(&filter)? {
        let engine = match run.status {
            RunStatus::Running => Some(match store.holder(&run.id, is_alive)? {
                Holder::Driver(_) => Engine::Alive,
                Holder::Keepers | Holder::Nobody => Engine::Dead,
            }),
            _ => None,
        };
        let named = wanted.statuses.contains(&run.status) || !wanted.dead;
        if named || engine == Some(Engine::Dead) {
            runs.push((run, engine));
        }
    }
    runs.truncate(wanted.limit as usize);
    let listed = runs.into_iter().map(|(summary, engine)| {
        let params = store.params(&summary.id)?.into_iter();
        let given = params.filter(|(_, param)| param.from == Origin::Given);
        let given = given.map(|(name, param)| (name, param.value)).collect();
        let hands = match summary.status {
            // One whose log cannot be read is listed all the same.
            RunStatus::Waiting => store.load(&summary.id).ok().map(|open| Hands::of(open.run())),
            _ => None,
        };
        Ok(Listed { summary, engine, hands, given })
    });
    listed.collect()
}
