//! Letting old runs go, and what keeps it from happening: keeps and pauses.

use std::collections::BTreeMap;
use std::path::Path;

use super::workspace::acting;
use super::{Error, Workspace};
use crate::action::is_alive;
use crate::exec;
use crate::ids::RunId;
use crate::retention::{self, Candidate, Fate, Hold};
use crate::store::{Filter, Holder, LetGo, Store, What};
use crate::value::Time;
use crate::workflow::Millis;

/// What a prune did, or would do.
#[derive(Debug, Default)]
pub struct Pruned {
    /// Every run, newest first, and what becomes of it.
    pub runs: Vec<(Candidate, Fate)>,
    /// Runs whose files an earlier prune had left, because it was killed.
    pub finished: usize,
    /// How many bytes were given back to the system.
    pub given_back: u64,
    /// How many bytes are free inside the database, for the runs that come.
    pub free_inside: u64,
}

/// Lets go what the workspace's rules let go now. With `dry`, says only what that will be so much later.
pub fn prune(workspace: &Workspace, now: Time, dry: Option<Millis>) -> Result<Pruned, Error> {
    let mut store = match workspace.existing_store() {
        Err(Error::NoState) => return Ok(Pruned::default()),
        store => store?,
    };
    if let Some(pause) = store.paused()?.filter(|pause| pause.counts(now)) {
        return Err(Error::Paused(pause));
    }
    let candidates = candidates(&store)?;
    let then = now.plus(dry.map_or(0, |later| later.0));
    let fates = retention::decide(&workspace.config.retention, &candidates, then);
    let mut runs: Vec<_> = candidates.into_iter().zip(fates).collect();
    if dry.is_some() {
        return Ok(Pruned { runs, finished: store.leftovers()?.len(), ..Pruned::default() });
    }
    let before = taken(&store)?;
    let left = store.leftovers()?.len();
    let by = acting(None)?.to_string();
    for (run, fate) in &mut runs {
        let what = match fate {
            Fate::Goes => What::Run,
            Fate::OutputGoes => What::Output,
            _ => continue,
        };
        match store.let_go(&run.run, what, &by, now)? {
            LetGo::Done => {}
            LetGo::Kept => *fate = Fate::Kept,
            LetGo::Vetoed => *fate = Fate::Vetoed,
            LetGo::Paused(pause) => return Err(Error::Paused(pause)),
        }
    }
    store.drop_plans()?;
    // A power cut must not bring back rows whose files are gone.
    store.force()?;
    for (run, what) in store.leftovers()? {
        let folder = store.folder(&run);
        remove(&folder, what).map_err(|error| Error::Io {
            what: format!("{} could not be removed", workspace.shown(&folder)),
            error,
        })?;
        store.swept(&run, what)?;
    }
    // Writing the database anew keeps other writers waiting: not while somebody drives a run, nor for a little.
    let (size, free) = store.size()?;
    if free * 4 >= size && !runs.iter().any(|(run, _)| run.driven) {
        store.compact()?;
    }
    let free_inside = store.size()?.1;
    let given_back = before.saturating_sub(taken(&store)?);
    Ok(Pruned { runs, finished: left, given_back, free_inside })
}

/// What is known of every run.
fn candidates(store: &Store) -> Result<Vec<Candidate>, Error> {
    let runs = store.list(&Filter::default())?.into_iter();
    runs.map(|run| {
        let driven = store.holder(&run.id, is_alive)? != Holder::Nobody;
        let output = store.output_bytes(&run.id)? + outputs(&store.folder(&run.id));
        Ok(Candidate {
            run: run.id,
            workflow: run.workflow,
            status: run.status,
            opened_at: run.opened_at,
            ended_at: run.ended_at,
            owes_finally: run.owes_finally,
            driven,
            kept: run.kept,
            vetoed: !run.vetoes.is_empty(),
            parent: run.parent.map(|parent| parent.run),
            output,
        })
    })
    .collect()
}

/// How many bytes of output a run's folder holds.
fn outputs(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .filter(|e| e.file_name() != "driver")
        .filter_map(|e| e.metadata().ok())
        .map(|m| m.len())
        .sum()
}

/// How many bytes the database and all output take.
fn taken(store: &Store) -> Result<u64, Error> {
    let runs = store.folder_of_runs();
    let folders = std::fs::read_dir(runs).into_iter().flatten().flatten();
    Ok(store.size()?.0 + folders.map(|entry| outputs(&entry.path())).sum::<u64>())
}

/// Removes a run's folder, or only the output in it.
fn remove(folder: &Path, what: What) -> std::io::Result<()> {
    let gone = |result: std::io::Result<()>| match result {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        result => result,
    };
    if what == What::Run {
        return gone(std::fs::remove_dir_all(folder));
    }
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let entry = entry?;
        if entry.file_name() != "driver" {
            gone(std::fs::remove_file(entry.path()))?;
        }
    }
    Ok(())
}

/// Somebody's hold from now on, for a time or until it is ended.
fn hold(span: Option<Millis>, note: Option<String>) -> Result<Hold, Error> {
    let since = exec::now();
    let by = acting(None)?.to_string();
    Ok(Hold { until: span.map(|span| since.plus(span.0)), by, since, note })
}

/// Keeps a run: no prune touches it.
pub fn keep(
    workspace: &Workspace,
    run: Option<&str>,
    span: Option<Millis>,
    note: Option<String>,
) -> Result<(RunId, Hold), Error> {
    let mut store = workspace.existing_store()?;
    let id = store.find(run)?;
    let hold = hold(span, note)?;
    store.keep(&id, &hold)?;
    store.force()?;
    Ok((id, hold))
}

/// Keeps a run no longer.
pub fn unkeep(workspace: &Workspace, run: Option<&str>) -> Result<RunId, Error> {
    let mut store = workspace.existing_store()?;
    let id = store.find(run)?;
    if !store.unkeep(&id)? {
        return Err(Error::NotNow(format!("run {id} is not kept")));
    }
    store.force()?;
    Ok(id)
}

/// Pauses pruning: the new pause, and the one in whose place it is.
pub fn pause(
    workspace: &Workspace,
    span: Option<Millis>,
    note: Option<String>,
) -> Result<(Hold, Option<Hold>), Error> {
    let mut store = workspace.store()?;
    let hold = hold(span, note)?;
    let old = store.paused()?.filter(|pause| pause.counts(hold.since));
    store.pause(&hold)?;
    store.force()?;
    Ok((hold, old))
}

/// Ends the pause of pruning, and says which it was.
pub fn unpause(workspace: &Workspace) -> Result<Hold, Error> {
    let not = || Error::NotNow("pruning is not paused".to_owned());
    let mut store = match workspace.existing_store() {
        Err(Error::NoState) => return Err(not()),
        store => store?,
    };
    let pause = store.paused()?.filter(|pause| pause.counts(exec::now())).ok_or_else(not)?;
    store.unpause()?;
    store.force()?;
    Ok(pause)
}

/// How many runs have which fate.
pub fn count(runs: &[(Candidate, Fate)]) -> BTreeMap<Fate, usize> {
    let mut counts = BTreeMap::new();
    for (_, fate) in runs {
        *counts.entry(*fate).or_default() += 1;
    }
    counts
}
