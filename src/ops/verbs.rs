//! Verbs: finding their files, checking them, planning them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::{Error, Workspace, facts, fleet};
use crate::diagnostic::{Code, Diagnostic, closest};
use crate::ids::StepId;
use crate::plan::{self, Given, Plan};
use crate::reader::{self, Checked, Reading};
use crate::report::graph::Graph;
use crate::report::{self, Outlook};
use crate::run;
use crate::shell::Scripts;
use crate::source::{self, Level};
use crate::workflow::Workflow;

/// The workflow files of a workspace, in order of their names.
pub fn verbs(workspace: &Workspace) -> Vec<PathBuf> {
    files(&workspace.root.join("workflows"))
}

pub(super) fn files(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries.map(|e| e.path()).filter(|p| is_workflow(p)).collect();
    files.sort();
    files
}

fn is_workflow(path: &Path) -> bool {
    let ending = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
    source::ENDINGS.contains(&ending)
}

/// How this workspace's files are read: only what is wrong with them, or with the workflows as well.
fn reading(workspace: &Workspace, workflows: bool) -> Reading {
    Reading {
        workspace: workspace.root.clone(),
        imports: workspace.trust.imports.clone(),
        parents: workspace.parents.clone(),
        untrusted: workspace.trust.untrusted,
        workflows,
        cache: workspace.cache_dir(),
    }
}

/// Has files read and checked.
pub(super) fn read(
    workspace: &Workspace,
    files: &[PathBuf],
    workflows: bool,
) -> Result<Vec<Checked>, Error> {
    read_so(workspace, files, &reading(workspace, workflows))
}

fn read_so(workspace: &Workspace, files: &[PathBuf], how: &Reading) -> Result<Vec<Checked>, Error> {
    let named: Vec<_> = files.iter().map(|path| (path.clone(), workspace.shown(path))).collect();
    Ok(reader::read(how, &named)?)
}

/// Checks the files or verbs that are named; all of the workspace if none is.
pub fn check_all(
    workspace: &Workspace,
    names: &[String],
    cwd: &Path,
) -> Result<Vec<Checked>, Error> {
    let files: Vec<PathBuf> = if names.is_empty() {
        verbs(workspace).into_iter().chain(fleet::hosts(workspace)).collect()
    } else {
        names.iter().map(|name| locate(workspace, name, cwd)).collect::<Result<_, _>>()?
    };
    let mut checked = read(workspace, &files, false)?;
    claimed_twice(&mut checked);
    fleet::beside_each_other(&mut checked);
    fleet::beside_the_verbs(workspace, &mut checked, names.is_empty())?;
    Ok(checked)
}

/// Reads all files of the workspace, their workflows as well, and keeps nothing of it.
pub(super) fn read_all(workspace: &Workspace) -> Result<Vec<Checked>, Error> {
    let how = Reading { cache: None, ..reading(workspace, true) };
    let mut checked = read_so(workspace, &verbs(workspace), &how)?;
    claimed_twice(&mut checked);
    Ok(checked)
}

/// Verbs that several files claim: which of them is meant, nobody could say.
fn claimed_twice(checked: &mut [Checked]) {
    let mut claimed: BTreeMap<String, String> = BTreeMap::new();
    for one in checked {
        for id in one.verbs.iter().map(|verb| &verb.id).collect::<BTreeSet<_>>() {
            let first = claimed.entry(id.clone()).or_insert_with(|| one.file.clone());
            if *first != one.file {
                let message = format!("{}: the verb `{id}` is in {first} too", one.file);
                one.problems.push(Diagnostic::new(Code::DuplicateId, message));
            }
        }
    }
}

/// The file of a verb: a path if it looks like one, else a file of that name in `workflows/`.
pub(super) fn locate(workspace: &Workspace, name: &str, cwd: &Path) -> Result<PathBuf, Error> {
    if name.contains('/') || is_workflow(Path::new(name)) {
        let path = cwd.join(name);
        if path.exists() {
            return Ok(path);
        }
    }
    let above = workspace.parents.iter().map(|parent| &parent.folder);
    let dirs: Vec<PathBuf> =
        std::iter::once(&workspace.root).chain(above).map(|root| root.join("workflows")).collect();
    for dir in dirs.iter().filter(|_| !name.contains('/')) {
        let both = source::ENDINGS.map(|ending| dir.join(format!("{name}.{ending}")));
        match both.into_iter().filter(|file| file.exists()).collect::<Vec<_>>().as_slice() {
            [] => {}
            [one] => return Ok(one.clone()),
            [one, other, ..] => {
                let (one, other) = (workspace.shown(one), workspace.shown(other));
                return Err(Error::TwoFiles { name: name.to_owned(), one, other });
            }
        }
    }
    let all = dirs.iter().flat_map(|dir| files(dir));
    let stems: Vec<String> =
        all.filter_map(|p| p.file_stem().map(|s| s.to_string_lossy().into_owned())).collect();
    Err(Error::NoVerb {
        name: name.to_owned(),
        near: closest(name, stems.iter().map(String::as_str)).map(str::to_owned),
        dir: workspace.shown(&dirs[0]),
    })
}

/// A verb's workflow, if it can be run; else everything that is wrong with it.
pub fn check_verb(
    workspace: &Workspace,
    name: &str,
    cwd: &Path,
) -> Result<(Workflow, Checked), Error> {
    let mut checked = match locate(workspace, name, cwd) {
        Ok(path) => read(workspace, &[path], true)?.swap_remove(0),
        Err(error @ Error::NoVerb { .. }) => shared_file(workspace, name)?.ok_or(error)?,
        Err(error) => return Err(error),
    };
    if !checked.is_sound() {
        return Err(Error::Problems(checked.problems, checked.sources));
    }
    let at = checked.workflows.iter().position(|w| w.id.as_str() == name).unwrap_or(0);
    if checked.workflows.is_empty() {
        let dir = checked.file;
        return Err(Error::NoVerb { name: name.to_owned(), near: None, dir });
    }
    Ok((checked.workflows.swap_remove(at), checked))
}

/// Which files make a verb, the lowest level first.
pub fn levels(workspace: &Workspace, name: &str, cwd: &Path) -> Result<Vec<Level>, Error> {
    let checked = match locate(workspace, name, cwd) {
        Ok(path) => read(workspace, &[path], false)?.swap_remove(0),
        Err(error @ Error::NoVerb { .. }) => shared_file(workspace, name)?.ok_or(error)?,
        Err(error) => return Err(error),
    };
    if checked.levels.is_empty() {
        return Err(Error::Problems(checked.problems, checked.sources));
    }
    let named = checked.levels.iter().any(|level| level.verb == name);
    Ok(checked.levels.into_iter().filter(|level| !named || level.verb == name).collect())
}

/// The file that holds a verb of this id among others.
fn shared_file(workspace: &Workspace, id: &str) -> Result<Option<Checked>, Error> {
    let holds = |c: &Checked| c.verbs.len() > 1 && c.verbs.iter().any(|own| own.id == id);
    Ok(read(workspace, &verbs(workspace), true)?.into_iter().find(holds))
}

/// Plans a verb with what was given.
pub fn plan(
    workspace: &Workspace,
    workflow: &Workflow,
    checked: &Checked,
    given: &Given,
) -> Result<Plan, Error> {
    let facts = facts::gather(workspace, workflow, checked, given)?;
    let none = Scripts::default();
    let scripts = checked.scripts.get(&workflow.id.value).unwrap_or(&none);
    plan::resolve(workflow, scripts, given, &facts).map_err(Error::Params)
}

/// What can be said of a plan's run, and, if that is asked for, how it goes if these steps fail.
pub fn outlook(
    plan: &Plan,
    graph: &Graph,
    failing: Option<&BTreeSet<StepId>>,
) -> Result<Outlook, run::IllegalEvent> {
    let rehearsal = failing.map(|failing| run::rehearse(plan, failing)).transpose()?;
    Ok(report::outlook(plan, graph, rehearsal.as_ref().zip(failing)))
}
