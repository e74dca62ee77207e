//! Beginning: a workspace, and verbs that run as they stand.

use std::io::Write;
use std::path::{Path, PathBuf};

use super::verbs::{locate, verbs};
use super::{Error, Trust, Workspace};
use crate::ids::WorkflowId;

/// In which language a verb is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// TOML.
    Toml,
    /// Nickel.
    Nickel,
}

/// Writes a verb that checks and runs; what it is called and where it is.
pub fn new_verb(workspace: &Workspace, name: &str, language: Language) -> Result<PathBuf, Error> {
    WorkflowId::parse(name).map_err(|why| Error::NotNow(why.to_string()))?;
    match locate(workspace, name, &workspace.root) {
        Err(Error::NoVerb { .. }) => {}
        Ok(path) => {
            let shown = workspace.shown(&path);
            return Err(Error::NotNow(format!("there is a verb `{name}` already: {shown}")));
        }
        Err(error) => return Err(error),
    }
    let (text, ending) = match language {
        Language::Toml => (include_str!("new/verb.toml"), "toml"),
        Language::Nickel => (include_str!("new/verb.ncl"), "ncl"),
    };
    let path = workspace.root.join("workflows").join(format!("{name}.{ending}"));
    write_new(&path, &text.replace("VERB", name))?;
    Ok(path)
}

/// Makes a folder a workspace: settings, and a verb if there is none. What was written.
pub fn init(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let settings = folder.join("ostler.toml");
    let mut written = Vec::new();
    if !settings.exists() {
        write_new(&settings, include_str!("new/ostler.toml"))?;
        written.push(settings);
    }
    let root = folder.canonicalize().map_err(|error| cannot_write(folder, error))?;
    let workspace = Workspace::find(&root, Trust::default())?;
    if verbs(&workspace).is_empty() {
        written.push(new_verb(&workspace, "hello", Language::Toml)?);
    }
    Ok(written)
}

/// Writes a file that must not be there yet, and the folders it needs.
fn write_new(path: &Path, text: &str) -> Result<(), Error> {
    let made = path.parent().map_or(Ok(()), std::fs::create_dir_all);
    let file = made.and_then(|()| std::fs::File::create_new(path));
    file.and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|error| cannot_write(path, error))
}

fn cannot_write(path: &Path, error: std::io::Error) -> Error {
    Error::Io { what: format!("{} could not be written", path.display()), error }
}
