//! The chain of a log: each line holds the sum of the one before it. Needs no plan, so it reads a stranger's log too.

use sha2::{Digest, Sha256};

use super::Error;
use crate::ids::RunId;
use crate::plan::hex;
use crate::run::{Record, VERSION};

/// What the first record has in place of a sum.
const NO_SUM: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// What all records, also newer ones, begin with.
#[derive(serde::Deserialize)]
struct Version {
    v: u32,
}

/// A chain as far as it was read.
#[derive(Debug)]
pub struct Chain {
    run: Option<RunId>,
    records: u64,
    head: String,
}

impl Chain {
    /// The chain of a run; of whichever its first record says, where none is named.
    pub fn of(run: Option<RunId>) -> Self {
        Self { run, records: 0, head: NO_SUM.to_owned() }
    }

    /// The run, once it is known.
    pub fn run(&self) -> Option<&RunId> {
        self.run.as_ref()
    }

    /// How many records were read.
    pub fn records(&self) -> u64 {
        self.records
    }

    /// The SHA-256 of the last line.
    pub fn head(&self) -> &str {
        &self.head
    }

    /// Reads the next line, if it is the one that follows.
    pub fn read(&mut self, line: &[u8]) -> Result<Record, Error> {
        let run = self.run.as_ref().map_or("?", RunId::as_str).to_owned();
        let damaged = |seq, why| Error::Damaged { run, seq, why };
        // Of a newer record nothing but its version can be relied upon.
        if let Ok(Version { v }) = serde_json::from_slice(line)
            && v > VERSION
        {
            return Err(Error::Newer { found: v.into(), known: VERSION.into() });
        }
        let seq = self.records;
        let record: Record = match serde_json::from_slice(line) {
            Ok(record) => record,
            Err(_) if !line.ends_with(b"\n") => {
                return Err(damaged(seq, "its line is cut off".to_owned()));
            }
            Err(error) => return Err(damaged(seq, error.to_string())),
        };
        if self.run.as_ref().is_some_and(|run| *run != record.run) {
            return Err(damaged(seq, format!("it is of run {}", record.run)));
        }
        if record.seq != seq {
            return Err(damaged(seq, format!("record {} stands in its place", record.seq)));
        }
        if record.prev != self.head {
            let why = format!("its sum is not the one in record {seq}: one of the two was changed");
            return Err(damaged(seq.saturating_sub(1), why));
        }
        if !line.ends_with(b"\n") {
            return Err(damaged(seq, "its line is cut off".to_owned()));
        }
        self.wrote(line);
        self.run.get_or_insert_with(|| record.run.clone());
        Ok(record)
    }

    /// Goes on by a line that was just made.
    pub(super) fn wrote(&mut self, line: &[u8]) {
        self.head = hex(&Sha256::digest(line));
        self.records += 1;
    }
}
