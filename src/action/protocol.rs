//! What engine and keeper say to each other: frames of JSON over one socket.

use std::io;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::redact::Secret;
use crate::run::{Leak, Outcome};
use crate::value::Bytes;

/// The largest frame: arguments and environment are limited by the system to less.
pub(super) const MAX_FRAME: usize = 64 * 1024 * 1024;

/// What the engine says.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Order {
    /// Start this command.
    Start(Box<Start>),
    /// End it: politely first.
    End,
    /// End it now.
    Kill,
}

/// A command to start.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Start {
    /// Its words; the first is the program.
    pub(super) argv: Vec<Bytes>,
    /// Environment on top of the keeper's.
    pub(super) env: Vec<(String, Bytes)>,
    /// Variables on top of that, whose values are masked in what it writes.
    #[serde(default)]
    pub(super) secrets: Vec<Secret>,
    /// Whether what it writes is a secret, and so goes into no file.
    #[serde(default)]
    pub(super) private: bool,
    /// Its folder.
    pub(super) cwd: Bytes,
    /// What it reads.
    pub(super) stdin: Option<Bytes>,
    /// Whether it is an engine of ours: then only it is asked to end, for as long as it takes to end what it runs; and
    /// if our own engine dies, it is killed, for its run is to go on later and not to be cancelled.
    pub(super) engine: bool,
    /// The folder for output that is too large for a message.
    pub(super) dir: String,
    /// What output files are called, without their ending.
    pub(super) name: String,
    /// How long it may take.
    pub(super) limits: Limits,
}

/// How long a command may take, in milliseconds.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Limits {
    /// Until it is ended.
    pub deadline_ms: Option<u64>,
    /// Without output until it is ended.
    pub stall_ms: Option<u64>,
    /// Between the polite signal and the other one.
    pub grace_ms: u64,
}

/// What the keeper says: how the command ended.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Report {
    /// How.
    pub(super) outcome: Outcome,
    /// Its standard output.
    pub(super) stdout: Kept,
    /// Its standard error.
    pub(super) stderr: Kept,
    /// What it left behind.
    pub(super) leaked: Vec<Leak>,
    /// Whether it may have written outputs.
    pub(super) may_have_outputs: bool,
}

impl Report {
    /// Of a command that wrote nothing.
    pub(super) fn of(outcome: Outcome) -> Self {
        let (stdout, stderr) = (Kept::default(), Kept::default());
        Self { outcome, stdout, stderr, leaked: Vec::new(), may_have_outputs: true }
    }
}

/// What was kept of a stream.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Kept {
    /// How many bytes were written.
    pub(super) bytes: u64,
    /// How many of them were kept, as they are or masked.
    pub(super) kept: u64,
    /// The SHA-256 of what is kept.
    pub(super) sha256: Option<String>,
    /// All of it, if it is short.
    pub(super) inline: Option<Bytes>,
    /// The file that holds it, if it is not.
    pub(super) file: Option<String>,
    /// Why some of it could not be kept.
    pub(super) lost: Option<String>,
}

/// A message as it goes over the socket: its length in four bytes, then its JSON.
pub(super) fn frame(message: &impl Serialize) -> io::Result<Vec<u8>> {
    let mut frame = vec![0; 4];
    serde_json::to_writer(&mut frame, message)?;
    let length = u32::try_from(frame.len() - 4).map_err(io::Error::other)?;
    frame[..4].copy_from_slice(&length.to_le_bytes());
    Ok(frame)
}

/// Takes one whole message off the front of `buffer`, if there is one.
pub(super) fn take<T: DeserializeOwned>(buffer: &mut Vec<u8>) -> io::Result<Option<T>> {
    let Some(head) = buffer.first_chunk::<4>() else { return Ok(None) };
    let length = u32::from_le_bytes(*head) as usize;
    if length > MAX_FRAME {
        return Err(io::Error::other("a message that is too long"));
    }
    if buffer.len() < 4 + length {
        return Ok(None);
    }
    let message = serde_json::from_slice(&buffer[4..4 + length])?;
    buffer.drain(..4 + length);
    Ok(Some(message))
}
