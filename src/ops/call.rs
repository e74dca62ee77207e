//! Driving a run that a step of another run called.

use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::Value;

use super::act::{cancel, resume, watch};
use super::start::{Occasion, Session, StartOptions, begin};
use super::verbs::{plan, read};
use super::{Error, Workspace};
use crate::exec::called::Request;
use crate::exec::{Left, Show};
use crate::ids::RunId;
use crate::plan::{Callee, Given, Plan};
use crate::run::{Run, RunStatus};
use crate::store::{self, Store};
use crate::value;

/// Drives a called run to its end: one that is there already goes on where it stood. What it hands on is handed over.
pub fn call(workspace: &Workspace, request: &Request, show: Show<'_>) -> Result<Session, Error> {
    let store = workspace.store()?;
    request.older.iter().try_for_each(|older| settle(workspace, &store, older))?;
    let options = StartOptions {
        jobs: Some(request.jobs),
        host_jobs: Some(request.host_jobs),
        no_ask: request.no_ask,
        stay: true,
        agent: None,
    };
    let session = loop {
        match store.summary(&request.run) {
            Err(store::Error::NoRun(_)) => {
                let plan = Arc::new(planned(workspace, request)?);
                let occasion = Occasion::Call(request.run.clone(), request.parent.clone());
                break begin(workspace, plan, occasion, &options, show)?;
            }
            Ok(found) if found.status.is_final() => {
                let journal = store.load(&request.run)?;
                break Session { store, journal, left: Left::Status(found.status) };
            }
            Ok(_) => {}
            Err(error) => return Err(error.into()),
        }
        let id = Some(request.run.as_str());
        match resume(workspace, id, &options, show) {
            // Somebody goes on with it already: when they are done, or leave it, it is our turn again.
            Err(Error::Store(store::Error::Driven { .. })) => {
                watch(workspace, id, &mut |_, _, _| {}).map(drop).or_else(not_gone)?;
            }
            session => break session?,
        }
    };
    hand_over(&session, request)?;
    Ok(session)
}

/// That the engine which is watched dies is no reason to give up.
fn not_gone(error: Error) -> Result<(), Error> {
    if matches!(error, Error::NotNow(_)) { Ok(()) } else { Err(error) }
}

/// The plan of the verb, if it is the one that its caller was planned with.
fn planned(workspace: &Workspace, request: &Request) -> Result<Plan, Error> {
    let mut checked = read(workspace, &[workspace.root.join(&request.file)], true)?.swap_remove(0);
    if !checked.is_sound() {
        return Err(Error::Problems(checked.problems, checked.sources));
    }
    let verb = &request.verb;
    let at = checked.workflows.iter().position(|workflow| workflow.id.value == *verb);
    let gone = || Error::NotNow(format!("the verb `{verb}` is no more in {}", request.file));
    let workflow = checked.workflows.swap_remove(at.ok_or_else(gone)?);
    if Callee::of(&workflow, &request.file, &checked.called).digest != request.digest {
        let run = &request.parent.run;
        let why = format!("`{verb}` has changed since run {run} was planned, or what it calls has");
        return Err(Error::NotNow(why));
    }
    plan(workspace, &workflow, &checked, &given(request))
}

/// The params as one would type them.
fn given(request: &Request) -> Given {
    let texts = |value: &Value| match value {
        Value::Array(all) => all.iter().map(|one| value::to_bytes(one).into()).collect(),
        one => vec![value::to_bytes(one).into()],
    };
    request.params.iter().map(|(name, value)| (name.to_string(), texts(value))).collect()
}

/// Writes what the caller takes to where a step writes its outputs.
fn hand_over(session: &Session, request: &Request) -> Result<(), Error> {
    let run = session.journal.run();
    let passed = run.status() == RunStatus::Passed
        || request.lenient && run.status() == RunStatus::PassedWithFailures;
    let Some(to) = std::env::var_os("OSTLER_OUTPUT").filter(|_| passed) else { return Ok(()) };
    let wanted = run.outputs().iter().filter(|(name, _)| request.outputs.contains(name));
    let line: serde_json::Map<_, _> = wanted.map(|(n, v)| (n.to_string(), v.clone())).collect();
    let to = PathBuf::from(to);
    let write =
        || std::fs::File::create(&to)?.write_all(Value::Object(line).to_string().as_bytes());
    write().map_err(|error| Error::Io { what: to.display().to_string(), error })
}

/// Ends a run that nobody waits for any more, its `finally` included.
fn settle(workspace: &Workspace, store: &Store, run: &RunId) -> Result<(), Error> {
    match store.summary(run) {
        Ok(found) if !found.status.is_final() => {
            cancel(workspace, Some(run.as_str()), &mut |_, _, _| {}).map(drop)
        }
        Ok(_) | Err(store::Error::NoRun(_)) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Ends what a run called and did not wait for, because it was cancelled or its engine died: of its steps, and once
/// it has ended of `finally` too.
pub(super) fn settle_all(workspace: &Workspace, store: &Store, run: &Run) -> Result<(), Error> {
    let over = run.status().is_final();
    let nodes = run.nodes().iter().filter(|node| over || !node.finally);
    nodes.flat_map(|node| run.linked_by(node)).try_for_each(|id| settle(workspace, store, &id))
}
