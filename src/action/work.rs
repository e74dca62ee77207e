//! What an attempt runs, with every value in place.

use std::path::PathBuf;

use super::copy::Copy;
use super::reboot::Reboot;
use super::wait::Wait;
use crate::value::Bytes;
use crate::workflow::Expect;

/// What an attempt runs.
#[derive(Debug, Clone)]
pub enum Work {
    /// One command.
    One(Box<Part>),
    /// Several, each with its own result.
    Checks(Vec<Part>),
    /// Waiting until something holds.
    Wait(Wait),
    /// Files and folders brought to a place.
    Copy(Copy),
    /// A restart of the host.
    Reboot(Reboot),
}

/// One command and what is expected of it.
#[derive(Debug, Clone)]
pub struct Part {
    /// Its name in the report.
    pub name: String,
    /// Its words.
    pub argv: Vec<Bytes>,
    /// Environment on top of the attempt's.
    pub env: Vec<(String, Bytes)>,
    /// What it reads.
    pub stdin: Option<Bytes>,
    /// What is expected.
    pub expect: Option<Expected>,
}

/// An expectation with its paths in place.
#[derive(Debug, Clone)]
pub struct Expected {
    /// What was written.
    pub that: Expect,
    /// The paths of `that.file`.
    pub files: Vec<PathBuf>,
    /// The paths of `that.unchanged`.
    pub unchanged: Vec<PathBuf>,
}

impl Work {
    /// The commands in it.
    pub(super) fn parts(&mut self) -> &mut [Part] {
        match self {
            Self::One(part) => std::slice::from_mut(&mut **part),
            Self::Checks(parts) => parts,
            Self::Wait(wait) => wait.parts(),
            Self::Copy(_) | Self::Reboot(_) => &mut [],
        }
    }
}
