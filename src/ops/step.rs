//! Stepping a run: a stub until the real one is merged.

use std::time::Duration;

use super::{Error, Workspace};
use crate::plan::Plan;
use crate::report::Brief;
use crate::run;

/// Who acts, and how long a lease they want.
#[derive(Debug, Clone)]
pub struct Act {
    /// Who.
    pub actor: run::Actor,
    /// How long a lease.
    pub lease: Option<Duration>,
}

/// What became of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It was done.
    Pass,
    /// It was not.
    Fail,
    /// It need not be.
    Skip,
}

/// What is reported of a step.
#[derive(Debug)]
pub struct Reported {
    /// The step.
    pub step: String,
    /// What became of it.
    pub status: Status,
    /// A note.
    pub note: Option<String>,
    /// Its outputs.
    pub outputs: Vec<(String, String)>,
    /// The lease's fencing token.
    pub token: Option<u64>,
    /// The report's own id.
    pub id: Option<String>,
    /// The exit code that was seen.
    pub exit: Option<i32>,
    /// What was written to standard output.
    pub stdout: Option<String>,
    /// What was written to standard error.
    pub stderr: Option<String>,
}

fn not_yet() -> Result<Brief, Error> {
    Err(Error::NotNow("stepping is not here yet".to_owned()))
}

/// Opens a run that is stepped.
pub fn open(_: &Workspace, _: Plan, _: Option<String>, _: &Act) -> Result<Brief, Error> {
    not_yet()
}

/// What is to be done next.
pub fn next(_: &Workspace, _: Option<&str>, _: &Act) -> Result<Brief, Error> {
    not_yet()
}

/// Takes a step, or renews its lease.
pub fn take(_: &Workspace, _: Option<&str>, _: Option<&str>, _: &Act) -> Result<Brief, Error> {
    not_yet()
}

/// Reports a step.
pub fn report_step(_: &Workspace, _: Option<&str>, _: Reported, _: &Act) -> Result<Brief, Error> {
    not_yet()
}

/// Has the engine do a step.
pub fn run_step(_: &Workspace, _: Option<&str>, _: &str, _: &Act) -> Result<Brief, Error> {
    not_yet()
}

/// Gives a step back.
pub fn release(
    _: &Workspace,
    _: Option<&str>,
    _: &str,
    _: Option<String>,
    _: &Act,
) -> Result<Brief, Error> {
    not_yet()
}
