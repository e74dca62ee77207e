//! Running a run's plan again, all of it or what did not pass.

use std::path::Path;
use std::sync::Arc;

use serde_json::Value;

use super::start::{Occasion, Session, StartOptions, begin};
use super::{Act, Error, Workspace, check_verb, plan, step};
use crate::exec::Show;
use crate::ids::RunId;
use crate::plan::{Given, Origin, Plan};
use crate::reader::Checked;
use crate::run::{Event, Node, Run};
use crate::store::{self, Journal, Store};
use crate::value;

/// How a run is retried.
#[derive(Debug, Clone, Default)]
pub struct Retry {
    /// Take over what passed, and run the rest.
    pub failed: bool,
    /// Take over what passed, but run these and all that comes after them.
    pub from: Vec<String>,
    /// Take the verb's file as it is now, though the plan differs.
    pub changed: bool,
}

/// What a retry will be.
#[derive(Debug)]
pub struct Again {
    /// The run that is retried.
    pub run: RunId,
    /// The `finally` steps that ran in it, where steps are taken over: what these removed is not made again.
    pub cleaned: Vec<String>,
    /// The runs that passed on steps to it, of which nothing is taken over any more, and why.
    pub doubted: Vec<(RunId, String)>,
    plan: Arc<Plan>,
    taken: Vec<Event>,
    stepped: bool,
    task: Option<String>,
}

impl Again {
    /// Whether it is stepped through, as the run was that it retries.
    pub fn is_stepped(&self) -> bool {
        self.stepped
    }
}

/// Says what a retry of an ended run, with the same params, will be.
pub fn again(workspace: &Workspace, run: Option<&str>, how: &Retry) -> Result<Again, Error> {
    let store = workspace.existing_store()?;
    let id = store.find(run)?;
    let journal = store.load(&id)?;
    let old = journal.run();
    if !old.status().is_final() {
        let way = if old.is_stepped() { "step next" } else { "runs resume" };
        let why = format!("run {id} has not ended: `ostler {way} {id}` goes on with it");
        return Err(Error::NotNow(why));
    }
    let plan = Arc::new(planned(workspace, &id, old.plan(), how.changed)?);
    let anew = plan.steps_named(&how.from).map_err(Error::NotNow)?;
    let takes = how.failed || !anew.is_empty();
    if let Some(veto) = old.vetoes().first().filter(|_| takes) {
        let why = format!(
            "run {id} is vetoed by {}: {}; what passed in it is taken over once that is lifted \
             (`ostler runs veto {id} --lift --note WHY`); without --failed and --from all of it runs anew",
            veto.by, veto.note
        );
        let act = Act::named(None, None)?;
        return Err(step::refuse(workspace, store, journal, &act, "retry", why));
    }
    let Origins { there, doubted } =
        if takes { Origins::of(&store, old)? } else { Origins::default() };
    let origins: Vec<&Run> = there.iter().map(Journal::run).collect();
    let taken: Vec<Event> = if takes { old.lend(&plan, &anew, &origins) } else { Vec::new() };
    let over = taken.iter().filter(|event| matches!(event, Event::StepTakenOver { .. })).count();
    let all = old.leaves().filter(|node| !node.finally).count();
    if takes && over == all && plan.steps.len() == old.plan().steps.len() {
        let why = format!("every step of run {id} passed: without --failed, all of it runs anew");
        return Err(Error::NotNow(why));
    }
    let ran = |node: &&Node| node.finally && node.holder.is_none() && !node.attempts.is_empty();
    let cleaned = old.nodes().iter().filter(|node| ran(node) && !taken.is_empty());
    let cleaned = cleaned.map(|node| node.instance.to_string()).collect();
    let (stepped, task) = (old.is_stepped(), old.task().map(str::to_owned));
    Ok(Again { run: id, cleaned, doubted, plan, taken, stepped, task })
}

/// The runs in which what a run took over passed.
#[derive(Default)]
struct Origins {
    /// Those that are still there.
    there: Vec<Journal>,
    /// Those of which nothing can be taken over any more, and why.
    doubted: Vec<(RunId, String)>,
}

impl Origins {
    fn of(store: &Store, run: &Run) -> Result<Self, Error> {
        let mut all = Self::default();
        for id in run.origins() {
            let origin = match store.load(id) {
                Ok(origin) => origin,
                Err(store::Error::NoRun(_)) => {
                    all.doubted.push((id.clone(), "is gone".to_owned()));
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            if let Some(veto) = origin.run().vetoes().first() {
                let why = format!("is vetoed by {}: {}", veto.by, veto.note);
                all.doubted.push((id.clone(), why));
            }
            all.there.push(origin);
        }
        Ok(all)
    }
}

/// Starts a new run of what an ended run was.
pub fn retry(
    workspace: &Workspace,
    again: Again,
    options: &StartOptions,
    show: Show<'_>,
) -> Result<Session, Error> {
    let Again { run: of, plan, taken: taken_over, stepped, task, .. } = again;
    let act = Act::named(None, None)?;
    if let Err(why) = options.permitted(&act.actor) {
        let store = workspace.existing_store()?;
        let journal = store.load(&of)?;
        return Err(step::refuse(workspace, store, journal, &act, "retry", why));
    }
    let occasion = Occasion::Retry { of, taken_over, stepped, task };
    begin(workspace, plan, occasion, options, show)
}

/// The plan of an earlier run, made anew of the verb as it is now.
fn planned(workspace: &Workspace, id: &RunId, old: &Plan, changed: bool) -> Result<Plan, Error> {
    let root: &Path = &workspace.root;
    let found = check_verb(workspace, old.workflow.as_str(), root);
    let (workflow, checked) = match found {
        // It was run by the path to its file.
        Err(Error::NoVerb { .. }) if !root.join(&old.file).exists() => {
            return Err(Error::NotNow(format!("{} is gone", old.file)));
        }
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
