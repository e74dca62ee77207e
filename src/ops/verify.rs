//! Whether a record is what was written: its chain, its plan, the outputs it names, the signature over its end.
//!
//! Of an export nothing is evaluated: a stranger's plan holds expressions, and the sums need none of them.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use serde::Serialize;
use sha2::{Digest, Sha256};

use super::{Error, Workspace, signature};
use crate::ids::RunId;
use crate::plan::hex;
use crate::run::{Event, Record, RunStatus, Veto, fold_vetoes};
use crate::store::{self, Chain, Store};
use crate::value::Time;

/// What was checked, and what is wrong.
#[derive(Debug, Default, Serialize)]
pub struct Verified {
    /// The run, as far as it is known.
    pub run: Option<RunId>,
    /// Its verb.
    pub workflow: Option<String>,
    /// Whether nothing is wrong.
    pub sound: bool,
    /// How many records were read.
    pub records: u64,
    /// The SHA-256 of the last of them.
    pub head: String,
    /// The SHA-256 of the plan.
    pub plan_digest: String,
    /// How the run ended; nothing if its end is not there.
    pub ended: Option<RunStatus>,
    /// The vetoes that stand.
    pub vetoes: Vec<Veto>,
    /// What its steps wrote.
    pub outputs: Outputs,
    /// The signature over the head.
    pub signature: Signature,
    /// What is wrong.
    pub problems: Vec<Problem>,
}

/// The outputs that were checked.
#[derive(Debug, Default, Serialize)]
pub struct Outputs {
    /// How many are as they were recorded.
    pub whole: usize,
    /// How many could only be kept in part when they were written: what is there of them has no sum.
    pub partial: usize,
    /// How many an export names that has none at all: they were let go, or not handed on.
    pub absent: usize,
    /// When they were let go, if they were.
    pub let_go: Option<Time>,
}

/// What is known of a signature.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", content = "says", rename_all = "snake_case")]
pub enum Signature {
    /// There is none.
    #[default]
    None,
    /// There is one, and nobody said who may have made it.
    Unchecked,
    /// It is good: what `ssh-keygen` says.
    Good(String),
    /// It is not.
    Bad(String),
}

/// Something that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The record's number, where it is one.
    pub record: Option<u64>,
    /// What is wrong.
    pub what: String,
}

/// Who may have signed: a file of allowed signers, and the identity in it.
#[derive(Debug)]
pub struct Signers {
    /// The file.
    pub file: PathBuf,
    /// The identity.
    pub identity: String,
}

/// Checks a run of the workspace.
pub fn verify(workspace: &Workspace, run: Option<&str>) -> Result<Verified, Error> {
    let store = workspace.existing_store()?;
    let id = store.find(run)?;
    of_store(&store, &id)
}

/// Checks a run in the database and its files.
pub(super) fn of_store(store: &Store, id: &RunId) -> Result<Verified, Error> {
    let mut checking = Checking::new(&store.plan_text(id)?, Some(id.clone()));
    checking.said.outputs.let_go = store.output_gone(id)?.map(|(at, _)| at);
    let gone = checking.said.outputs.let_go.is_some();
    for line in store.lines(id)? {
        let Some(record) = checking.line(&line)? else { break };
        for output in outputs(&record).into_iter().filter(|_| !gone) {
            let kept = store.output(id, &output.name)?;
            let found = match kept {
                Some(bytes) => Ok(hex(&Sha256::digest(bytes))),
                None => sum_of(&store.folder(id).join(&output.name)),
            };
            checking.output(&record, &output, found);
        }
    }
    // The chain may be whole and tell what cannot have happened, or not what the list of runs says.
    if checking.said.problems.is_empty() {
        let before = store.summary(id)?;
        let listed = before.vetoes.clone();
        match store.load(id) {
            Ok(journal) => {
                let run = journal.run();
                // A run may end while we look: what was final before must be what the log says, and the other way round.
                let settled = before.status.is_final() || run.status().is_final();
                let row = if before.status.is_final() { before } else { store.summary(id)? };
                if settled && (row.status, row.ended_at) != (run.status(), run.ended_at()) {
                    let said = |status: RunStatus, ended: Option<Time>| match ended {
                        Some(at) => format!("{} on {at}", status.name()),
                        None => status.name().to_owned(),
                    };
                    let listed = said(row.status, row.ended_at);
                    let is = said(run.status(), run.ended_at());
                    checking.problem(None, format!("it is listed as {listed}, its log says {is}"));
                }
                let now = store.summary(id)?.vetoes;
                if listed != run.vetoes() && now != run.vetoes() {
                    let (listed, is) = (now.len(), run.vetoes().len());
                    let what = format!("it is listed with {listed} vetoes, its log says {is}");
                    checking.problem(None, what);
                }
            }
            Err(error) => checking.damage(error)?,
        }
    }
    Ok(checking.done())
}

/// What lies beside an export's file, whose first line is the plan and the others are the records.
#[derive(Debug)]
pub(super) struct Parts {
    /// The folder of the outputs.
    pub(super) outputs: PathBuf,
    /// The signature of the head.
    pub(super) signature: PathBuf,
}

impl Parts {
    pub(super) fn of(file: &Path) -> Self {
        Self { outputs: file.with_extension("outputs"), signature: file.with_extension("sig") }
    }
}

/// The longest line of an export, in bytes: a plan may be large, and a stranger's file larger.
const MAX_LINE: u64 = 256 * 1024 * 1024;

/// Checks an export. It needs no workspace.
pub fn verify_export(path: &Path, signers: Option<&Signers>) -> Result<Verified, Error> {
    let io = |error| Error::Io { what: path.display().to_string(), error };
    let parts = Parts::of(path);
    let mut lines = match open(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(Error::NotNow(format!("there is no file {}", path.display())));
        }
        file => BufReader::new(file.map_err(io)?),
    };
    let mut next = || -> Result<Vec<u8>, Error> {
        let mut line = Vec::new();
        // A longer line is taken for one that is cut off.
        lines.by_ref().take(MAX_LINE).read_until(b'\n', &mut line).map_err(io)?;
        Ok(line)
    };
    let plan = next()?;
    let plan = String::from_utf8_lossy(plan.strip_suffix(b"\n").unwrap_or(&plan)).into_owned();
    let mut checking = Checking::new(&plan, None);
    let (mut named, handed_on) = (BTreeSet::new(), parts.outputs.exists());
    loop {
        let line = next()?;
        if line.is_empty() {
            break;
        }
        let Some(record) = checking.line(&line)? else { break };
        for output in outputs(&record) {
            if handed_on {
                let found = sum_of(&parts.outputs.join(&output.name));
                checking.output(&record, &output, found);
            } else {
                checking.said.outputs.absent += 1;
            }
            named.insert(output.name);
        }
    }
    if checking.chain.records() == 0 && checking.said.problems.is_empty() {
        checking.problem(None, "there is no record in it".to_owned());
    }
    // After a break in the chain nothing is known of what the lost records name.
    if checking.said.problems.is_empty() {
        for name in names_in(&parts.outputs).into_iter().filter(|name| !named.contains(name)) {
            let what = format!("no record names the output {name}: the end may be cut off");
            checking.problem(None, what);
        }
    }
    checking.said.signature = match (parts.signature.exists(), signers) {
        (false, None) => Signature::None,
        (true, None) => Signature::Unchecked,
        (false, Some(_)) => Signature::Bad(format!("there is no {}", parts.signature.display())),
        (true, Some(signers)) => {
            signature::check(&parts.signature, signers, checking.chain.head())?
        }
    };
    if let Signature::Bad(why) = &checking.said.signature {
        let what = format!("the head is not signed as it should be: {why}");
        checking.problem(None, what);
    }
    Ok(checking.done())
}

/// Opens a file, and nothing else: what a stranger sent may be a pipe that never ends.
fn open(path: &Path) -> std::io::Result<File> {
    if !std::fs::metadata(path)?.is_file() {
        return Err(std::io::Error::other("not a regular file"));
    }
    File::open(path)
}

fn sum_of(path: &Path) -> std::io::Result<String> {
    let mut sum = Sha256::new();
    std::io::copy(&mut open(path)?, &mut Writes(&mut sum))?;
    Ok(hex(&sum.finalize()))
}

/// A sum that is written to.
struct Writes<'s>(&'s mut Sha256);

impl std::io::Write for Writes<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn names_in(folder: &Path) -> BTreeSet<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

/// An output that a record names.
#[derive(Debug)]
pub(super) struct Output {
    /// Its file's name, or its name in the database.
    pub(super) name: String,
    sha256: String,
    partial: bool,
}

/// The outputs that a record names.
pub(super) fn outputs(record: &Record) -> Vec<Output> {
    let Event::StepFinished { step, attempt, ending } = &record.event else { return Vec::new() };
    let streams = [("stdout", &ending.stdout), ("stderr", &ending.stderr)];
    let named = streams.into_iter().filter_map(|(of, stream)| {
        Some(Output {
            name: format!("{}.{attempt}.{of}", step.file_stem()),
            sha256: stream.sha256.clone()?,
            partial: stream.lost.is_some(),
        })
    });
    named.collect()
}

/// A check under way.
struct Checking {
    chain: Chain,
    said: Verified,
}

impl Checking {
    fn new(plan: &str, run: Option<RunId>) -> Self {
        let plan_digest = hex(&Sha256::digest(plan));
        Self { chain: Chain::of(run), said: Verified { plan_digest, ..Verified::default() } }
    }

    fn problem(&mut self, record: Option<u64>, what: String) {
        self.said.problems.push(Problem { record, what });
    }

    /// Notes damage; what is no damage is an error of ours.
    fn damage(&mut self, error: store::Error) -> Result<(), Error> {
        match error {
            store::Error::Damaged { seq, why, .. } => self.problem(Some(seq), why),
            store::Error::Illegal { illegal, .. } => self.problem(Some(illegal.seq), illegal.why),
            other => return Err(other.into()),
        }
        Ok(())
    }

    /// The next line; nothing where the chain is broken.
    fn line(&mut self, line: &[u8]) -> Result<Option<Record>, Error> {
        let record = match self.chain.read(line) {
            Ok(record) => record,
            Err(error) => return self.damage(error).map(|()| None),
        };
        fold_vetoes(&mut self.said.vetoes, &record);
        match &record.event {
            Event::RunOpened { workflow, plan_digest, .. } if record.seq == 0 => {
                self.said.workflow = Some(workflow.to_string());
                if *plan_digest != self.said.plan_digest {
                    self.problem(Some(0), "the plan is not the one that was run".to_owned());
                }
            }
            Event::RunFinished { status, .. } => self.said.ended = Some(*status),
            _ if record.seq == 0 => {
                self.problem(Some(0), "it does not open a run".to_owned());
            }
            _ => {}
        }
        Ok(Some(record))
    }

    /// An output, as it was found.
    fn output(&mut self, record: &Record, output: &Output, found: std::io::Result<String>) {
        let name = &output.name;
        let what = match found {
            _ if name.contains('/') => "it is no name of a file".to_owned(),
            Ok(_) if output.partial => return self.said.outputs.partial += 1,
            Ok(sum) if sum == output.sha256 => return self.said.outputs.whole += 1,
            Ok(_) => "it was changed".to_owned(),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                "it is missing".to_owned()
            }
            Err(error) => error.to_string(),
        };
        self.problem(Some(record.seq), format!("its output {name}: {what}"));
    }

    fn done(mut self) -> Verified {
        self.said.run = self.chain.run().cloned();
        self.said.records = self.chain.records();
        self.said.head = self.chain.head().to_owned();
        self.said.sound = self.said.problems.is_empty();
        self.said
    }
}
