//! The verbs that the steps of others call: found and read by the confined child, as any file is.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::check::{self, Called, Known};
use crate::diagnostic::Diagnostic;
use crate::ids::WorkflowId;
use crate::plan::Callee;
use crate::source::{ENDINGS, Loader, Roots};
use crate::workflow::Workflow;

/// The verbs of the workspace, and of those above it, that were asked for.
pub(super) struct Verbs {
    /// The folders of workflows, nearest first, and how they are shown.
    folders: Vec<(PathBuf, String)>,
    /// What was read so far.
    known: Known,
    /// The names of all verbs, once one was not found.
    names: Option<Vec<String>>,
}

impl Verbs {
    pub(super) fn new(roots: &Roots) -> Self {
        let own = (roots.workspace.join("workflows"), "workflows".to_owned());
        let above = roots.parents.iter();
        let above = above.map(|p| (p.folder.join("workflows"), format!("{}/workflows", p.shown)));
        let folders = std::iter::once(own).chain(above).collect();
        Self { folders, known: Known::new(), names: None }
    }

    /// The names of all verbs, as far as somebody had to look for them.
    pub(super) fn names(&self) -> &[String] {
        self.names.as_deref().unwrap_or_default()
    }

    /// All that these workflows of one file call, and what that calls.
    pub(super) fn called(&mut self, loader: &mut Loader, own: &[Workflow], file: &str) -> Known {
        let mut found = Known::new();
        let mut todo: Vec<WorkflowId> = calls(own.iter());
        while let Some(verb) = todo.pop() {
            if found.contains_key(&verb) {
                continue;
            }
            let beside = own.iter().find(|workflow| workflow.id.value == verb);
            let called = match beside {
                Some(workflow) => {
                    Some(Called { workflow: workflow.clone(), errors: 0, file: file.to_owned() })
                }
                None => self.find(loader, &verb),
            };
            if let Some(called) = called {
                todo.extend(calls(std::iter::once(&called.workflow)));
                found.insert(verb, called);
            }
        }
        // A verb also has the errors of its own calls.
        let more: Vec<(WorkflowId, usize)> = found
            .iter()
            .map(|(verb, called)| (verb, check::calls(&called.workflow, &found, &[])))
            .map(|(verb, problems)| (verb.clone(), errors(&problems)))
            .collect();
        for (verb, count) in more {
            found.entry(verb).and_modify(|called| called.errors += count);
        }
        found
    }

    /// A verb by its file's name, or else in a file of several.
    fn find(&mut self, loader: &mut Loader, verb: &WorkflowId) -> Option<Called> {
        if !self.known.contains_key(verb) {
            let named = self.folders.iter().flat_map(|(folder, shown)| {
                let file = |ending| format!("{verb}.{ending}");
                ENDINGS.map(|e| (folder.join(file(e)), format!("{shown}/{}", file(e))))
            });
            let named: Option<(PathBuf, String)> = named.into_iter().find(|(p, _)| p.exists());
            match named {
                Some((path, shown)) => drop(self.read(loader, &path, &shown)),
                None => self.read_all(loader),
            }
        }
        self.known.get(verb).cloned()
    }

    /// Reads the workspace's own files, which is done once: only a verb that has no file of its own is looked for so.
    fn read_all(&mut self, loader: &mut Loader) {
        if self.names.is_some() {
            return;
        }
        let (folder, shown) = self.folders[0].clone();
        let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
        paths.sort();
        let mut names = Vec::new();
        for path in paths {
            let ending = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
            let Some(name) = path.file_name().filter(|_| ENDINGS.contains(&ending)) else {
                continue;
            };
            let name = format!("{shown}/{}", name.to_string_lossy());
            names.extend(self.read(loader, &path, &name).iter().map(ToString::to_string));
        }
        self.names = Some(names);
    }

    /// Reads a file, and says which verbs it has.
    fn read(&mut self, loader: &mut Loader, path: &Path, shown: &str) -> Vec<WorkflowId> {
        let loaded = loader.load(path, shown);
        let unread = errors(&loaded.problems);
        let mut verbs = Vec::new();
        for workflow in loaded.workflows {
            let own = errors(&check::check(&workflow, &loaded.sources).problems);
            let verb = workflow.id.value.clone();
            verbs.push(verb.clone());
            let called = Called { workflow, errors: unread + own, file: shown.to_owned() };
            self.known.entry(verb).or_insert(called);
        }
        verbs
    }
}

fn calls<'w>(workflows: impl Iterator<Item = &'w Workflow>) -> Vec<WorkflowId> {
    workflows.flat_map(Workflow::calls).map(|call| call.verb.value.clone()).collect()
}

fn errors(problems: &[Diagnostic]) -> usize {
    problems.iter().filter(|problem| problem.is_error()).count()
}

/// Verbs as their callers see them: those first that call nothing, then those that call them.
pub(super) fn callees(known: &Known) -> BTreeMap<WorkflowId, Callee> {
    let mut done = BTreeMap::new();
    let mut open: BTreeSet<&WorkflowId> = known.keys().collect();
    while !open.is_empty() {
        let is_next = |verb: &&&WorkflowId| {
            known[**verb].workflow.calls().all(|call| !open.contains(&call.verb.value))
        };
        // In a circle there is none, and nothing of it runs.
        let Some(verb) = open.iter().find(is_next).copied() else { break };
        open.remove(verb);
        let Called { workflow, file, .. } = &known[verb];
        done.insert(verb.clone(), Callee::of(workflow, file, &done));
    }
    done
}
