//! Which run is meant where none is named: the latest that can take what is wanted of it.

use super::Error;
use crate::action::is_alive;
use crate::ids::RunId;
use crate::run::{Actor, Run, RunStatus, State};
use crate::store::{Filter, Holder, Store, Summary};

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
    if others.is_empty() || store.load(&latest)?.run().named(step).is_ok() {
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

/// The run of this id or verb; without one, the latest that goes on, and where none does, the latest.
pub(super) fn going(store: &Store, run: Option<&str>) -> Result<RunId, Error> {
    match run {
        Some(run) => run_named(store, run),
        None => open(store)?.into_iter().next().map_or_else(|| Ok(store.find(None)?), Ok),
    }
}

/// The run that somebody acts on: the one that is named by its id or by its verb; else the one in which they hold
/// something, or the only one that waits for somebody.
pub(super) fn on_desk(store: &Store, run: Option<&str>, actor: &Actor) -> Result<RunId, Error> {
    let statuses = vec![RunStatus::Running, RunStatus::Waiting];
    let open = store.list(&Filter { statuses, uncalled: true, ..Filter::default() })?;
    let Some(name) = run else {
        let mut waiting = Vec::new();
        for run in open {
            let journal = store.load(&run.id)?;
            if journal.run().held().any(|(_, lease)| lease.by == *actor) {
                return Ok(run.id);
            }
            // One whose engine died waits for whoever comes first.
            let is_left = journal.run().is_stepped()
                && !matches!(store.holder(&run.id, is_alive)?, Holder::Driver(_));
            if journal.run().status() == RunStatus::Waiting || is_left {
                waiting.push(run);
            }
        }
        return only(waiting, "no run waits for anybody");
    };
    let of_verb: Vec<Summary> = open.into_iter().filter(|run| run.workflow == name).collect();
    // Where none is open, the refusals of the latest belong to it.
    if of_verb.is_empty() { run_named(store, name) } else { only(of_verb, "") }
}

/// The only one of these runs.
fn only(mut runs: Vec<Summary>, none: &str) -> Result<RunId, Error> {
    if runs.len() > 1 {
        let names: Vec<String> =
            runs.iter().map(|run| format!("{} of {}", run.id, run.workflow)).collect();
        return Err(Error::NotNow(format!("say which run: {}", names.join(", "))));
    }
    runs.pop().map(|run| run.id).ok_or_else(|| Error::NotNow(none.to_owned()))
}

/// The run that is named, or that in which somebody is asked about a step.
pub fn run_of_step(store: &Store, run: Option<&str>, step: &str) -> Result<RunId, Error> {
    run.map_or_else(|| asking(store, step), |run| Ok(store.find(Some(run))?))
}

/// Whether one word is meant as a step of the latest run: it has one of that name, or no run is called so.
pub fn is_step_of_latest(store: &Store, word: &str) -> Result<bool, Error> {
    let latest = store.load(&store.find(None)?)?;
    Ok(latest.run().named(word).is_ok() || store.find(Some(word)).is_err())
}

/// The run of this id; else the latest of the verb of this name; else the one whose id begins like this.
pub fn run_named(store: &Store, text: &str) -> Result<RunId, Error> {
    if let Some(id) = RunId::parse(text).filter(|id| store.summary(id).is_ok()) {
        return Ok(id);
    }
    let workflow = Some(text.to_owned());
    let of_verb = Filter { workflow, limit: Some(1), ..Filter::default() };
    let latest = store.list(&of_verb)?.pop();
    latest.map_or_else(|| Ok(store.find(Some(text))?), |run| Ok(run.id))
}
