//! The state: its database, the runs that have not ended, what is owed and what is kept.

use std::collections::BTreeSet;

use super::{Finding, Workspace};
use crate::action::is_alive;
use crate::ids::RunId;
use crate::retention::Retention;
use crate::run::RunStatus;
use crate::store::{self, Filter, Holder, Store, Summary};
use crate::value::Time;
use crate::workflow::Millis;

/// Less free space than this is worth a look; a tenth of it is a problem.
const LITTLE_SPACE: u64 = 200 * 1024 * 1024;

/// What is found of the state.
pub(super) fn findings(workspace: &Workspace, now: Time) -> Vec<Finding> {
    let mut all = Vec::new();
    all.extend(space(workspace));
    let store = match Store::look(&workspace.state_dir()) {
        Ok(Some(store)) => store,
        Ok(None) => {
            all.push(Finding::good("state", "nothing was run here yet"));
            all.push(retention(&workspace.config.retention));
            return all;
        }
        Err(error) => {
            all.push(unusable(&error));
            return all;
        }
    };
    match database(&store) {
        Ok(finding) => all.push(finding),
        Err(error) => all.push(unusable(&error)),
    }
    all.push(retention(&workspace.config.retention));
    match runs(&store, now) {
        Ok(findings) => all.extend(findings),
        Err(error) => all.push(unusable(&error)),
    }
    all
}

fn unusable(error: &store::Error) -> Finding {
    let finding = Finding::problem("state", error.to_string());
    match error {
        store::Error::Newer { .. } => finding.hint("use the newer ostler"),
        store::Error::Older { .. } => finding.hint("any other command brings it forward"),
        _ => finding.hint("move .ostler/ away and put a copy of it back, or begin anew without"),
    }
}

fn space(workspace: &Workspace) -> Option<Finding> {
    let facts = rustix::fs::statvfs(&workspace.root).ok()?;
    let free = facts.f_bavail.saturating_mul(facts.f_frsize);
    let says = format!("{} MiB free for the state", free / 1024 / 1024);
    let hint = "make room: without any, runs are ended; `ostler runs prune` lets old ones go";
    Some(if free < LITTLE_SPACE / 10 {
        Finding::problem("disk", says).hint(hint)
    } else if free < LITTLE_SPACE {
        Finding::warning("disk", says).hint(hint)
    } else {
        Finding::good("disk", says)
    })
}

fn database(store: &Store) -> Result<Finding, store::Error> {
    let wrong = store.quick_check()?;
    if let Some(first) = wrong.first() {
        let says = format!("the database is damaged: {first}");
        return Ok(Finding::problem("state", says)
            .hint("`ostler runs export` what can still be read, then begin anew"));
    }
    let (size, free) = store.size()?;
    let (schema, runs) = (store.schema()?, store.list(&Filter::default())?.len());
    let says = format!(
        "schema {schema}, {runs} runs, {} KiB of which {} are free, no damage",
        size / 1024,
        free / 1024
    );
    Ok(Finding::good("state", says))
}

fn retention(rules: &Retention) -> Finding {
    if rules.is_empty() {
        return Finding::good("retention", "no rules: runs stay for ever");
    }
    let rule = |name: &str, age: Option<Millis>| {
        age.map_or(format!("{name} for ever"), |age| format!("{name} {age}"))
    };
    let mut parts = vec![
        rule("passed", rules.passed),
        rule("failed", rules.failed),
        rule("cancelled", rules.cancelled),
    ];
    parts.extend(rules.logs.map(|age| format!("logs {age}")));
    if rules.last > 0 {
        parts.push(format!("the last {} of a verb always", rules.last));
    }
    Finding::good("retention", parts.join(", "))
}

/// The runs that have not ended or of which something is alive, and the locks that they hold.
fn runs(store: &Store, now: Time) -> Result<Vec<Finding>, store::Error> {
    let mut all = Vec::new();
    let (mut alive, mut dead) = (0, Vec::new());
    let mut unfinished = BTreeSet::new();
    for run in store.list(&Filter::default())? {
        let holder = store.holder(&run.id, is_alive)?;
        match (run.status, holder) {
            (RunStatus::Running, Holder::Driver(_)) => alive += 1,
            (RunStatus::Running, Holder::Nobody) => {
                all.push(engine_died(&run));
                dead.push(run.id.clone());
            }
            (_, Holder::Keepers) => all.push(still_ending(&run.id)),
            (RunStatus::Waiting, _) => {
                let why = match run.vetoes.first() {
                    Some(veto) => format!("is vetoed by {}", veto.by),
                    None => "waits for somebody".to_owned(),
                };
                let says = format!("run {} of {} {why}", run.id, run.workflow);
                let hint = format!("ostler runs show {}", run.id);
                all.push(Finding::warning("runs", says).hint(hint));
            }
            _ => {}
        }
        if !run.status.is_final() {
            unfinished.insert(run.id.to_string());
        }
    }
    for (lock, run) in store.locks()? {
        let says = |what: &str| format!("lock `{lock}` is held by run {run}, {what}");
        if dead.iter().any(|id| id.as_str() == run) {
            let hint = format!("ostler runs resume {run}, or cancel");
            all.push(Finding::warning("locks", says("whose engine died")).hint(hint));
        } else if !unfinished.contains(&run) {
            let hint = "this is a fault of ostler, please report it";
            all.push(Finding::problem("locks", says("which has ended or is gone")).hint(hint));
        }
    }
    let left = store.leftovers()?.len();
    if left > 0 {
        let says = format!("a killed prune left files of {left} runs");
        all.push(Finding::warning("retention", says).hint("ostler runs prune"));
    }
    if let Some(pause) = store.paused()?.filter(|pause| pause.counts(now)) {
        let says = format!("pruning is paused by {}", pause.by);
        all.push(Finding::warning("retention", says).hint("ostler runs prune --resume"));
    }
    if all.is_empty() {
        let at_work =
            if alive == 0 { "nothing is owed".to_owned() } else { format!("{alive} at work") };
        all.push(Finding::good("runs", at_work));
    }
    Ok(all)
}

fn engine_died(run: &Summary) -> Finding {
    let owes = if run.owes_finally { ", and it owes its `finally`" } else { "" };
    let says = format!("the engine of run {} of {} died{owes}", run.id, run.workflow);
    Finding::problem("runs", says).hint(format!("ostler runs resume {}, or cancel", run.id))
}

fn still_ending(run: &RunId) -> Finding {
    let says = format!("what the dead engine of run {run} had started is still being ended");
    Finding::warning("runs", says).hint("look again in a moment")
}
