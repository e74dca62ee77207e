//! What a workspace offers: the verbs there are to run, and the runs that wait to be gone on with.

use std::collections::BTreeSet;

use super::hands::Hands;
use super::list::{Engine, Listed, Wanted, list};
use super::verbs::{files, read};
use super::{Error, Workspace};
use crate::run::RunStatus;
use crate::store::Summary;
use crate::workflow::Param;

/// A verb that can be run.
#[derive(Debug)]
pub struct Offered {
    /// Its name; the file's, where the file cannot be read.
    pub name: String,
    /// What it does, in a line.
    pub about: Option<String>,
    /// What it takes.
    pub params: Vec<Param>,
    /// Its file, as it is shown.
    pub file: String,
    /// How many errors its file has: with one, it cannot be run.
    pub errors: usize,
}

/// The verbs of a workspace and of those above it, by name.
pub fn offered(workspace: &Workspace) -> Result<Vec<Offered>, Error> {
    let mut seen = BTreeSet::new();
    let roots = std::iter::once(&workspace.root).chain(workspace.parents.iter().map(|p| &p.folder));
    let paths: Vec<_> = roots.flat_map(|root| files(&root.join("workflows"))).collect();
    // What a lower level has by the same name stands for what is above it.
    let own = paths.into_iter().filter(|p| seen.insert(p.file_stem().map(ToOwned::to_owned)));
    let own: Vec<_> = own.collect();
    let mut all = Vec::new();
    for (checked, path) in read(workspace, &own, false)?.into_iter().zip(&own) {
        let errors = checked.problems.iter().filter(|p| p.is_error()).count();
        let file = checked.file;
        if checked.verbs.is_empty() {
            let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let file = file.clone();
            all.push(Offered { name: stem, about: None, params: Vec::new(), file, errors });
        }
        all.extend(checked.verbs.into_iter().map(|verb| Offered {
            name: verb.id,
            about: verb.about,
            params: verb.params,
            file: file.clone(),
            errors,
        }));
    }
    all.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(all)
}

/// A run that has not ended.
#[derive(Debug)]
pub struct Open {
    /// What it is.
    pub summary: Summary,
    /// In whose hands its steps are.
    pub hands: Hands,
    /// Who drives it, if it runs; else it waits for somebody.
    pub engine: Option<Engine>,
}

/// The runs that have not ended, newest first.
pub fn open_runs(workspace: &Workspace) -> Result<Vec<Open>, Error> {
    let store = match workspace.existing_store() {
        Ok(store) => store,
        Err(Error::NoState) => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let statuses = vec![RunStatus::Running, RunStatus::Waiting];
    let wanted = Wanted { statuses, limit: u32::MAX, ..Wanted::default() };
    let mut open = Vec::new();
    for Listed { summary, engine, hands, .. } in list(workspace, &wanted)? {
        let hands = match hands {
            Some(hands) => hands,
            None => Hands::of(store.load(&summary.id)?.run()),
        };
        open.push(Open { summary, hands, engine });
    }
    Ok(open)
}
