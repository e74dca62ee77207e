//! What an attempt at a step is: its commands with every value in place, and what comes out of it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::Value;

use super::copy::Copy;
use super::protocol::Limits;
use super::reboot::Reboot;
use super::secrets::Wanted;
use super::ssh::Remote;
use super::wait::Wait;
use crate::ids::Name;
use crate::run::Ending;
use crate::value::Bytes;
use crate::workflow::{Expect, OutputSpec};

/// An attempt with every value in place.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// What its output is called.
    pub name: String,
    /// What it runs.
    pub work: Work,
    /// Environment on top of the run's.
    pub env: Vec<(String, Bytes)>,
    /// Its secrets, which are fetched anew for each attempt.
    pub secrets: Vec<Wanted>,
    /// Its folder.
    pub cwd: PathBuf,
    /// How long it may take, all its parts together.
    pub limits: Limits,
    /// The file it may write outputs to.
    pub output_file: PathBuf,
    /// The outputs it must write.
    pub outputs: BTreeMap<Name, OutputSpec>,
    /// The claim that is checked once it has passed.
    pub verify: Option<Part>,
    /// Values that are handed over as files: path and content. On a host they get another path, and so do all words
    /// that name it.
    pub value_files: Vec<(PathBuf, Bytes)>,
    /// The host it is made on; none is this machine.
    pub on: Option<Remote>,
}

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
    /// Nothing: only files are looked at, if any.
    Look(Option<Box<Expected>>),
    /// Nothing: somebody did it, and what they say of it is judged.
    Reported(Box<Reported>),
}

/// What somebody says of a step that they did.
#[derive(Debug, Clone)]
pub struct Reported {
    /// What is expected of it.
    pub expect: Option<Expected>,
    /// The exit code of its command.
    pub exit: Option<i32>,
    /// What that wrote to standard output.
    pub stdout: Option<Bytes>,
    /// What it wrote to standard error.
    pub stderr: Option<Bytes>,
    /// What it hands on.
    pub outputs: BTreeMap<Name, Value>,
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
    /// Whether it is an engine of ours, which ends what it runs by itself.
    pub engine: bool,
}

/// An expectation with its paths in place.
#[derive(Debug, Clone)]
pub struct Expected {
    /// What was written.
    pub that: Expect,
    /// The folder from which paths are named.
    pub folder: PathBuf,
    /// The paths of `that.file`.
    pub files: Vec<PathBuf>,
    /// The paths of `that.unchanged`.
    pub unchanged: Vec<PathBuf>,
}

/// An attempt that ended, and its output that is short enough for the database, by name.
#[derive(Debug)]
pub struct Done {
    /// How it ended.
    pub ending: Ending,
    /// Names (`build.1.stdout`) and contents.
    pub inline: Vec<(String, Bytes)>,
}
