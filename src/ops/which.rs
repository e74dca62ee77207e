//! Which run is meant where none is named: the latest that can take what is wanted of it.

use super::Error;
use crate::action::is_alive;
use crate::ids::RunId;
use crate::run::{Run, RunStatus, State};
use crate::store::{self, Filter, Holder, Store};

/// The runs that have not ended, newest first.
fn open(store: &Store) -> Result<Vec<RunId>, Error> {
    let statuses = vec![RunStatus::Running, RunStatus::Waiting];
    let runs = store.list(&Filter { statuses, ..Filter::default() })?;
    Ok(runs.into_iter().map(|run| run.id).collect())
}

fn asked(run: &Run) -> impl Iterator<Item = String> {
    run.nodes().iter().filter(|n| n.state == State::Asked).map(|n| n.instance.to_string())
}

/// The run in which somebody is asked about a step; where there is none, the latest, if it has the step.
fn asking(store: &Store, step: &str) -> Result<RunId, Error> {
    let mut others = Vec::new();
    for id in open(store)? {
        let journal = store.load(&id)?;
        if asked(journal.run()).any(|id| id == step) {
            return Ok(id);
        }
        others.extend(asked(journal.run()).map(|step| format!("`{step}` in run {id}")));
    }
    let latest = store.find(None)?;
    let has = |run: &Run| run.nodes().iter().any(|node| node.instance.to_string() == step);
    if others.is_empty() || has(store.load(&latest)?.run()) {
        return Ok(latest);
    }
    let others = others.join(", ");
    Err(Error::NotNow(format!("nobody is asked about `{step}`; somebody is about {others}")))
}

/// The latest run that waits or whose engine died; where there is none, the latest.
pub(super) fn resumable(store: &Store) -> Result<RunId, Error> {
    for id in open(store)? {
        if !matches!(store.holder(&id, is_alive)?, Holder::Driver(_)) {
            return Ok(id);
        }
    }
    Ok(store.find(None)?)
}

/// The run that is named, or that in which somebody is asked about a step.
pub fn run_of_step(store: &Store, run: Option<&str>, step: &str) -> Result<RunId, Error> {
    run.map_or_else(|| asking(store, step), |run| Ok(store.find(Some(run))?))
}

/// The run whose id begins like this; else the latest of the verb of this name.
pub fn run_named(store: &Store, text: &str) -> Result<RunId, Error> {
    match store.find(Some(text)) {
        Err(error @ (store::Error::NoRun(_) | store::Error::Ambiguous(_))) => {
            let workflow = Some(text.to_owned());
            let of_verb = Filter { workflow, limit: Some(1), ..Filter::default() };
            store.list(&of_verb)?.pop().map(|run| run.id).ok_or_else(|| error.into())
        }
        found => Ok(found?),
    }
}
