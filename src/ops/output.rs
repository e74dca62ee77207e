//! What an attempt wrote: from the database while it is short, else from its file.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::PathBuf;

use super::Error;
use crate::ids::{Instance, RunId};
use crate::store::Store;

/// How much the end of an output is.
const END: u64 = 64 * 1024;

/// All that is kept of a stream, `stdout` or `stderr`, of an attempt; nothing where nothing is kept.
pub fn output(store: &Store, run: &RunId, step: &str, attempt: u32, stream: &str) -> Vec<u8> {
    kept(store, run, step, attempt, stream, None).unwrap_or_default()
}

/// The last 64 KiB of it.
pub fn output_end(store: &Store, run: &RunId, step: &str, attempt: u32, stream: &str) -> Vec<u8> {
    kept(store, run, step, attempt, stream, Some(END)).unwrap_or_default()
}

/// A piece of a stream.
#[derive(Debug, Default)]
pub struct Piece {
    /// Its bytes.
    pub bytes: Vec<u8>,
    /// How long the stream is, all that is kept of it.
    pub whole: u64,
}

/// At most so many bytes of it from one on; nothing where nothing is kept.
pub fn output_from(
    store: &Store,
    run: &RunId,
    (step, attempt, stream): (&str, u32, &str),
    from: u64,
    most: u64,
) -> Piece {
    let piece = || {
        let name = output_name(&Instance::parse(step)?, attempt, stream);
        if let Ok(Some(bytes)) = store.output(run, &name) {
            let kept = bytes.iter().skip(usize::try_from(from).unwrap_or(usize::MAX));
            let piece = kept.take(usize::try_from(most).unwrap_or(usize::MAX)).copied().collect();
            return Some(Piece { bytes: piece, whole: bytes.len() as u64 });
        }
        let mut file = File::open(store.folder(run).join(name)).ok()?;
        let whole = file.metadata().ok()?.len();
        file.seek(SeekFrom::Start(from)).ok()?;
        let mut bytes = Vec::new();
        file.take(most).read_to_end(&mut bytes).ok()?;
        Some(Piece { bytes, whole })
    };
    piece().unwrap_or_default()
}

/// Which attempt of a step is meant where its output is wanted, the last if none is named; or why there is no output.
pub fn attempt(store: &Store, run: &RunId, step: &str, attempt: Option<u32>) -> Result<u32, Error> {
    let journal = store.load(run)?;
    let found = journal.run().named(step).map_err(Error::NotNow)?;
    let Some(n) = attempt.or(found.attempts.last().map(|a| a.n)) else {
        if let Some(from) = &found.taken_over {
            let why = format!("`{step}` passed in run {0}: ostler runs log {0} {step}", from.run);
            return Err(Error::NotNow(why));
        }
        return Err(Error::NotNow(format!("`{step}` has not run: it is {}", found.state.name())));
    };
    if found.attempts.iter().all(|attempt| attempt.n != n) {
        let all = match found.attempts.len() {
            1 => "1 attempt".to_owned(),
            more => format!("{more} attempts"),
        };
        return Err(Error::NotNow(format!("`{step}` had {all} in run {run}, and none is {n}")));
    }
    if let Some((at, by)) = store.output_gone(run)? {
        return Err(Error::NotNow(format!("the output of run {run} was let go on {at} by {by}")));
    }
    Ok(n)
}

fn kept(
    store: &Store,
    run: &RunId,
    step: &str,
    attempt: u32,
    stream: &str,
    last: Option<u64>,
) -> Option<Vec<u8>> {
    let name = output_name(&Instance::parse(step)?, attempt, stream);
    if let Ok(Some(bytes)) = store.output(run, &name) {
        return Some(bytes);
    }
    end_of(&store.folder(run).join(name), last)
}

/// The end of a file, or all of it.
fn end_of(path: &PathBuf, last: Option<u64>) -> Option<Vec<u8>> {
    let mut file = File::open(path).ok()?;
    let size = file.metadata().ok()?.len();
    let from = last.map_or(0, |last| size.saturating_sub(last));
    file.seek(SeekFrom::Start(from)).ok()?;
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// What a stream of an attempt is called, in the database and as a file.
fn output_name(step: &Instance, attempt: u32, stream: &str) -> String {
    format!("{}.{attempt}.{stream}", step.file_stem())
}

/// The last line of what an attempt that still runs has written, as far as that can be seen yet.
#[derive(Debug)]
pub struct Growing {
    files: [PathBuf; 2],
}

impl Growing {
    /// The output of an attempt of a run whose files are in `dir`.
    pub fn new(dir: &std::path::Path, step: &Instance, attempt: u32) -> Self {
        Self { files: ["stdout", "stderr"].map(|s| dir.join(output_name(step, attempt, s))) }
    }

    /// Its last line, of the stream that was written to last; empty while there is none.
    pub fn last_line(&self) -> String {
        let written = |path: &&PathBuf| path.metadata().and_then(|m| m.modified()).ok();
        let Some(latest) = self.files.iter().filter(|p| p.exists()).max_by_key(written) else {
            return String::new();
        };
        let bytes = end_of(latest, Some(1024)).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        let mut lines = text.split(['\n', '\r']).map(str::trim);
        lines.rfind(|line| !line.is_empty()).unwrap_or_default().to_owned()
    }
}
