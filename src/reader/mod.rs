//! Reading strangers' files: parsing and checking, in a child process of our own that can do nothing else.
//!
//! A workflow file is not trusted: CI checks a stranger's pull request. A parser can be made to read other files, to
//! eat memory, to never end and to overflow its stack, and four of them see the text of a workflow. So the child gives
//! up everything it does not need before it reads, and its end, whatever it is, is a diagnostic.

mod cache;
mod calls;
pub mod child;
mod confine;
mod protocol;

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use crate::diagnostic::{Code, Diagnostic};
use crate::source::Parent;
pub use confine::confinement;
use protocol::{Answer, File, Request, from_path};
pub use protocol::{Checked, Verb};

/// How long one file may take. With what starting and reporting need it stays below ten seconds.
const TIME: Duration = Duration::from_millis(9_500);

/// All of its environment. The C library is told to ask the kernel for memory in large pieces: parsing takes much of
/// it once, and asking page by page took a tenth of the time.
const ENV: [(&str, &str); 1] =
    [("GLIBC_TUNABLES", "glibc.malloc.arena_max=1:glibc.malloc.top_pad=16777216")];

/// How many files one child reads: what they and their imports hold is only freed with it.
const BATCH: usize = 100;

/// What is to be read, and how.
#[derive(Debug, Clone, Default)]
pub struct Reading {
    /// The workspace's folder.
    pub workspace: PathBuf,
    /// Folders that imports are looked for in as well.
    pub imports: Vec<PathBuf>,
    /// The workspaces above, nearest first.
    pub parents: Vec<Parent>,
    /// Whether to refuse where reading cannot be confined.
    pub untrusted: bool,
    /// Whether the workflows themselves are wanted, or only what is wrong with them.
    pub workflows: bool,
    /// The folder for answers that may be given again, if there may be one.
    pub cache: Option<PathBuf>,
}

/// Why nothing could be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It cannot be confined, and was asked to be.
    #[error("refused: {0}")]
    Refused(String),
    /// The child could not be started.
    #[error("the reader could not be started: {0}")]
    Start(#[from] std::io::Error),
}

/// Reads and checks files: their paths, and how they are shown. One answer for each, in order.
pub fn read(how: &Reading, files: &[(PathBuf, String)]) -> Result<Vec<Checked>, Error> {
    let [(path, shown)] = files else { return read_anew(how, files) };
    let entry = cache::Entry::of(how, path, shown);
    if let Some(known) = entry.as_ref().and_then(cache::Entry::load) {
        return Ok(vec![known]);
    }
    let answers = read_anew(how, files)?;
    if let (Some(entry), [checked]) = (entry, answers.as_slice()) {
        entry.store(checked);
    }
    Ok(answers)
}

fn read_anew(how: &Reading, files: &[(PathBuf, String)]) -> Result<Vec<Checked>, Error> {
    let mut answers = Vec::with_capacity(files.len());
    while answers.len() < files.len() {
        let rest = &files[answers.len()..];
        let batch = &rest[..rest.len().min(BATCH)];
        let done = batch_of(how, batch, &mut answers)?;
        if let Err(why) = done {
            answers.push(unread(&files[answers.len()].1, &why));
        }
    }
    Ok(answers)
}

/// Has one child read as many files as it can; the inner error is why it did not come to the end.
fn batch_of(
    how: &Reading,
    files: &[(PathBuf, String)],
    answers: &mut Vec<Checked>,
) -> Result<Result<(), String>, Error> {
    let request = request(how, files);
    let request = serde_json::to_vec(&request).map_err(std::io::Error::from)?;
    let program = duct::cmd(std::env::current_exe()?, ["__reader"]).full_env(ENV);
    let child = program.stdin_bytes(request).stderr_capture().unchecked().reader()?;
    std::thread::scope(|scope| {
        let (send, lines) = channel();
        scope.spawn(|| {
            let mut out = BufReader::new(&child);
            let mut line = Vec::new();
            while out.read_until(b'\n', &mut line).is_ok_and(|n| n > 0) {
                if send.send(std::mem::take(&mut line)).is_err() {
                    break;
                }
            }
            drop(send);
        });
        let taken = take(&lines, files.len(), answers);
        let ended = match taken {
            Ok(Taken::All) => Ok(()),
            Ok(Taken::TooLong) => {
                Err(format!("reading it took longer than {} seconds", TIME.as_secs_f32().ceil()))
            }
            Ok(Taken::Ended) => Err(why_it_ended(&child)),
            Err(error) => {
                child.kill()?;
                return Err(error);
            }
        };
        child.kill()?;
        Ok(ended)
    })
}

/// How taking answers ended.
enum Taken {
    All,
    TooLong,
    Ended,
}

fn take(
    lines: &Receiver<Vec<u8>>,
    count: usize,
    answers: &mut Vec<Checked>,
) -> Result<Taken, Error> {
    for _ in 0..count {
        match lines.recv_timeout(TIME) {
            Ok(line) => match serde_json::from_slice(&line) {
                Ok(Answer::Checked(checked)) => answers.push(*checked),
                Ok(Answer::Refused(why)) => return Err(Error::Refused(why)),
                Err(_) => return Ok(Taken::Ended),
            },
            Err(RecvTimeoutError::Timeout) => return Ok(Taken::TooLong),
            Err(RecvTimeoutError::Disconnected) => return Ok(Taken::Ended),
        }
    }
    Ok(Taken::All)
}

fn request(how: &Reading, files: &[(PathBuf, String)]) -> Request {
    let parents = how.parents.iter().map(|parent| &parent.folder);
    let known: Vec<&PathBuf> = parents.chain([&how.workspace]).collect();
    let outside = files.iter().filter(|(path, _)| !known.iter().any(|root| path.starts_with(root)));
    Request {
        workspace: from_path(&how.workspace),
        imports: how.imports.iter().map(|path| from_path(path)).collect(),
        parents: how.parents.iter().map(|p| (from_path(&p.folder), p.shown.clone())).collect(),
        named: outside.map(|(path, _)| from_path(path)).collect(),
        untrusted: how.untrusted,
        workflows: how.workflows,
        files: files
            .iter()
            .map(|(path, shown)| File { path: from_path(path), shown: shown.clone() })
            .collect(),
    }
}

/// Why a child ended before it had answered. What it wrote is not shown: it may quote what it read.
fn why_it_ended(child: &duct::ReaderHandle) -> String {
    use std::os::unix::process::ExitStatusExt;
    // After the end of its output `duct` has waited for it.
    let Ok(Some(ended)) = child.try_wait() else { return "reading it broke off".to_owned() };
    let said = String::from_utf8_lossy(&ended.stderr);
    if said.contains("memory allocation") {
        let limit = confine::MEMORY / 1024 / 1024 / 1024;
        return format!("reading it takes more than {limit} GiB of memory");
    }
    if said.contains("overflowed its stack") {
        return "it is nested too deeply to be read".to_owned();
    }
    match ended.status.signal() {
        Some(signal) => format!("reading it was ended by signal {signal}"),
        None => "reading it failed: this is a fault of ostler, please report it".to_owned(),
    }
}

/// The answer for a file that no child could read.
fn unread(shown: &str, why: &str) -> Checked {
    let problem = Diagnostic::new(Code::Limit, format!("{shown}: {why}")).hint(
        "a workflow is data: it needs no recursion, no long computation and no large imports",
    );
    Checked { file: shown.to_owned(), problems: vec![problem], ..Checked::default() }
}
