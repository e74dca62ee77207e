//! Files to typed workflows, with places: every language goes through one tree and one decoder.

mod decode;
mod expect;
mod files;
mod nickel;
mod step;
mod toml;
pub mod tree;
mod workflow;

use std::path::{Path, PathBuf};

use crate::diagnostic::{Code, Diagnostic, Sources};
use crate::workflow::Workflow;
pub use files::MAX_FILE;
use nickel::Nickel;

/// The endings of workflow files.
pub const ENDINGS: [&str; 2] = ["toml", "ncl"];

/// What reading a file gave.
#[derive(Debug, Default)]
pub struct Loaded {
    /// The workflows that could be read.
    pub workflows: Vec<Workflow>,
    /// What was wrong.
    pub problems: Vec<Diagnostic>,
    /// The texts that places point into; the first is the file itself.
    pub sources: Sources,
}

/// Reads workflow files of one workspace. What Nickel needs is prepared once, with the first file that needs it.
pub struct Loader {
    roots: Roots,
    nickel: Option<Nickel>,
}

/// Where files may be read from.
#[derive(Debug, Clone, Default)]
pub struct Roots {
    /// The workspace's folder, from which files' names are shown.
    pub workspace: PathBuf,
    /// Folders that imports are looked for in, after the workspace's own.
    pub imports: Vec<PathBuf>,
    /// Files outside of these that may be read all the same, because the caller named them.
    pub files: Vec<PathBuf>,
}

impl Roots {
    /// Everything below which may be read, links followed. What does not exist is left out.
    pub fn readable(&self) -> Vec<PathBuf> {
        let all = std::iter::once(&self.workspace).chain(&self.imports).chain(&self.files);
        all.filter_map(|path| path.canonicalize().ok()).collect()
    }
}

impl Loader {
    /// A reader of files below `roots`.
    pub fn new(roots: Roots) -> Self {
        Self { roots, nickel: None }
    }

    /// Reads a workflow file. `name` is how it is shown.
    pub fn load(&mut self, path: &Path, name: &str) -> Loaded {
        match files::read(path, &self.roots.readable()) {
            Ok(text) => self.read(path, name, text),
            Err(why) => {
                let mut loaded = Loaded::default();
                loaded.sources.add(name.to_owned(), String::new());
                loaded.problems.push(Diagnostic::new(Code::File, format!("{name}: {why}")));
                loaded
            }
        }
    }

    fn read(&mut self, path: &Path, name: &str, text: String) -> Loaded {
        if path.extension().is_none_or(|ending| ending != "ncl") {
            return from_text(name, text);
        }
        let mut loaded = Loaded::default();
        let file = loaded.sources.add(name.to_owned(), text.clone());
        let Roots { workspace, imports, .. } = &self.roots;
        let nickel = self.nickel.get_or_insert_with(|| Nickel::new(workspace, imports));
        match nickel.read(path, &text, file, &mut loaded.sources) {
            Ok(tree) => loaded.workflows = workflow::workflows(&tree, &mut loaded.problems),
            Err(problems) => loaded.problems = problems,
        }
        loaded
    }
}

/// Reads workflows from TOML text. `name` is how it is shown.
pub fn from_text(name: &str, text: String) -> Loaded {
    let mut loaded = Loaded::default();
    match toml::read(&text, 0) {
        Ok(tree) => loaded.workflows = workflow::workflows(&tree, &mut loaded.problems),
        Err(problems) => loaded.problems = problems,
    }
    loaded.sources.add(name.to_owned(), text);
    loaded
}
