//! Comparing two runs.

use super::{Error, Workspace};
use crate::ids::RunId;
use crate::report::{self, Diff};
use crate::store::{Filter, Store};

/// What differs between two runs: of the latest and the one of its verb before, where none is named.
pub fn diff(workspace: &Workspace, a: Option<&str>, b: Option<&str>) -> Result<Diff, Error> {
    let store = workspace.existing_store()?;
    let (a, b) = match (a, b) {
        (Some(a), Some(b)) => (store.find(Some(a))?, store.find(Some(b))?),
        (one, _) => {
            let second = store.find(one)?;
            (before(&store, &second)?, second)
        }
    };
    let (a, b) = (store.load(&a)?, store.load(&b)?);
    Ok(report::diff([a.run(), b.run()]))
}

/// The run of the same verb before one.
fn before(store: &Store, run: &RunId) -> Result<RunId, Error> {
    let workflow = store.summary(run)?.workflow;
    let filter = Filter { workflow: Some(workflow.clone()), ..Filter::default() };
    let runs = store.list(&filter)?.into_iter().map(|run| run.id);
    let older = runs.skip_while(|id| id != run).nth(1);
    older.ok_or_else(|| {
        Error::NotNow(format!("there is no run of `{workflow}` before {run}: name two runs"))
    })
}
