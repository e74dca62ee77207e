//! Running a run's plan again, all of it or what did not pass.

use std::path::Path;

use serde_json::Value;

use super::start::{Session, StartOptions, begin};
use super::{Error, Workspace, check_verb, plan};
use crate::ids::RunId;
use crate::plan::{Given, Origin, Plan};
use crate::reader::Checked;
use crate::run::{Event, Record, Run};
use crate::value;

/// How a run is retried.
#[derive(Debug, Clone, Copy, Default)]
pub struct Retry {
    /// Take over what passed, and run the rest.
    pub failed: bool,
    /// Take the verb's file as it is now, though the plan differs.
    pub changed: bool,
}

/// Starts a new run of what an ended run was, with the same params.
pub fn retry(
    workspace: &Workspace,
    run: Option<&str>,
    how: Retry,
    options: &StartOptions,
    show: &mut dyn FnMut(&Record, &Run),
) -> Result<Session, Error> {
    let store = workspace.existing_store()?;
    let id = store.find(run)?;
    let journal = store.load(&id)?;
    let old = journal.run();
    if !old.status().is_final() {
        let why = format!("run {id} has not ended: `ostler runs resume {id}` goes on with it");
        return Err(Error::NotNow(why));
    }
    let plan = again(workspace, &id, old.plan(), how.changed)?;
    let plan = std::sync::Arc::new(plan);
    let taken: Vec<Event> = if how.failed { old.lend(&plan) } else { Vec::new() };
    if how.failed && taken.len() == plan.steps.len() {
        let why = format!("every step of run {id} passed: without --failed, all of it runs anew");
        return Err(Error::NotNow(why));
    }
    drop(store);
    begin(workspace, plan, Some((id, taken)), options, show)
}

/// The plan of an earlier run, made anew of the verb as it is now.
fn again(workspace: &Workspace, id: &RunId, old: &Plan, changed: bool) -> Result<Plan, Error> {
    let root: &Path = &workspace.root;
    let found = check_verb(workspace, old.workflow.as_str(), root);
    let (workflow, checked) = match found {
        // It was run by the path to its file.
        Err(Error::NoVerb { .. }) => {
            check_verb(workspace, &root.join(&old.file).to_string_lossy(), root)?
        }
        found => found?,
    };
    let plan = plan(workspace, &workflow, &checked, &given(old))?;
    if changed || plan.digest() == old.digest() {
        return Ok(plan);
    }
    let what = what_changed(old, &checked);
    Err(Error::NotNow(format!(
        "{what} since run {id}: --changed takes it as it is now; `ostler run {}` begins anew",
        old.workflow
    )))
}

fn what_changed(old: &Plan, now: &Checked) -> String {
    if now.file != old.file {
        format!("`{}` is in {} and no more in {}", old.workflow, now.file, old.file)
    } else if now.sha256 != old.sha256 {
        format!("{} has changed", now.file)
    } else {
        format!("what {} imports, or finds on this machine, has changed", now.file)
    }
}

/// What the caller gave then.
fn given(old: &Plan) -> Given {
    let given = old.params.iter().filter(|(_, param)| param.from == Origin::Given);
    let texts = |value: &Value| match value {
        Value::Array(all) => all.iter().map(|one| value::to_bytes(one).into()).collect(),
        one => vec![value::to_bytes(one).into()],
    };
    given.map(|(name, param)| (name.to_string(), texts(&param.value))).collect()
}
