//! A run as files that can be read and checked elsewhere, without us.

use std::io::Write;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::verify::{Parts, of_store, outputs};
use super::{Error, Workspace, signature};
use crate::ids::RunId;
use crate::run::{Event, RunStatus};
use crate::store::{self, Chain};

/// What was exported.
#[derive(Debug, Serialize)]
pub struct Exported {
    /// The run.
    pub run: RunId,
    /// The plan and the records.
    pub file: PathBuf,
    /// How many records.
    pub records: u64,
    /// The SHA-256 of the last of them.
    pub head: String,
    /// How the run ended, if it did.
    pub ended: Option<RunStatus>,
    /// The folder of what its steps wrote.
    pub outputs: PathBuf,
    /// How many outputs are in it.
    pub count: usize,
    /// The runs that its steps called, each of which is exported by itself.
    pub called: Vec<RunId>,
    /// The signature of the head, if it was to be signed.
    pub signature: Option<PathBuf>,
}

/// Writes a run to `to`: a file if it ends in `.jsonl`, else a folder, in which the file has the run's name.
pub fn export(
    workspace: &Workspace,
    run: Option<&str>,
    to: &Path,
    key: Option<&Path>,
) -> Result<Exported, Error> {
    let store = workspace.existing_store()?;
    let id = store.find(run)?;
    let found = of_store(&store, &id)?;
    if let Some(problem) = found.problems.into_iter().next() {
        let (seq, why) = (problem.record.unwrap_or(0), problem.what);
        return Err(store::Error::Damaged { run: id.to_string(), seq, why }.into());
    }
    let is_file = to.extension().is_some_and(|ending| ending == "jsonl");
    let file = if is_file { to.to_owned() } else { to.join(format!("{id}.jsonl")) };
    if file.exists() {
        let why = format!("{} exists already: name another place by --to", file.display());
        return Err(Error::NotNow(why));
    }
    let parts = Parts::of(&file);
    let mut text = store.plan_text(&id)?.into_bytes();
    text.push(b'\n');
    let (mut chain, mut named, mut called) = (Chain::of(Some(id.clone())), Vec::new(), Vec::new());
    for line in store.lines(&id)? {
        let record = chain.read(&line)?;
        if let Event::StepFinished { ending, .. } = &record.event {
            called.extend(ending.called.as_ref().map(|called| called.run.clone()));
        }
        named.extend(outputs(&record).into_iter().map(|output| output.name));
        text.extend(line);
    }
    // What may fail comes first, and the file itself last: where it is, the export is whole.
    let signed = key.map(|key| signature::sign(key, chain.head())).transpose()?;
    if let Some(folder) = file.parent() {
        made(folder, std::fs::create_dir_all(folder))?;
    }
    let named = if found.outputs.let_go.is_some() { Vec::new() } else { named };
    if !named.is_empty() {
        made(&parts.outputs, std::fs::create_dir_all(&parts.outputs))?;
    }
    for name in &named {
        let path = parts.outputs.join(name);
        match store.output(&id, name)? {
            Some(bytes) => written(&path, &bytes)?,
            None => made(&path, std::fs::copy(store.folder(&id).join(name), &path).map(drop))?,
        }
    }
    if let Some(signed) = &signed {
        written(&parts.signature, signed)?;
    }
    let unfinished = file.with_extension("part");
    written(&unfinished, &text)?;
    made(&file, std::fs::rename(&unfinished, &file))?;
    Ok(Exported {
        run: id,
        records: chain.records(),
        head: chain.head().to_owned(),
        ended: found.ended,
        count: named.len(),
        outputs: parts.outputs,
        called,
        signature: signed.map(|_| parts.signature),
        file,
    })
}

fn made(path: &Path, result: std::io::Result<()>) -> Result<(), Error> {
    result.map_err(|error| Error::Io { what: path.display().to_string(), error })
}

fn written(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let write = || {
        let mut file = std::fs::File::create(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    made(path, write())
}
