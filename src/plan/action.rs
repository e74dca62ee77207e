//! What a step does, ready to run.

use serde::{Deserialize, Serialize};

use super::{Call, Check, Copy, Reboot, Shell, Wait};
use crate::expr::Template;
use crate::expr::template::Placeholder;

/// What a step runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Shell text.
    Cmd(Shell),
    /// A script file, after these words.
    Script {
        /// The words before the path; none if the file is started itself.
        prefix: Vec<String>,
        /// The file.
        path: Template,
    },
    /// A program and its arguments.
    Argv(Vec<Template>),
    /// Several commands, each with its own result.
    Checks(Vec<Check>),
    /// Another verb, in a run of its own.
    Call(Call),
    /// Waiting until something holds.
    Wait(Wait),
    /// Files and folders brought to a place.
    Copy(Copy),
    /// A restart of the step's host.
    Reboot(Reboot),
}

impl Action {
    /// What it runs, with its placeholders as they were written, for people; none for several checks, which have
    /// names.
    pub fn shown(&self) -> Option<String> {
        match self {
            Self::Cmd(shell) => Some(shell.shown()),
            Self::Script { prefix, path } => {
                let words = prefix.iter().cloned().chain([path.shown()]);
                Some(words.collect::<Vec<_>>().join(" "))
            }
            Self::Argv(words) => {
                let words: Vec<String> = words.iter().map(|word| quoted(&word.shown())).collect();
                Some(words.join(" "))
            }
            Self::Call(call) => Some(call.shown()),
            Self::Wait(wait) => Some(wait.shown()),
            Self::Checks(_) => None,
            Self::Copy(copy) => Some(copy.shown()),
            Self::Reboot(reboot) => Some(reboot.shown()),
        }
    }

    /// Whether it is a command of the author's, rather than something that the engine does itself.
    pub fn is_command(&self) -> bool {
        match self {
            Self::Cmd(_) | Self::Script { .. } | Self::Argv(_) | Self::Checks(_) => true,
            Self::Call(_) | Self::Wait(_) | Self::Copy(_) | Self::Reboot(_) => false,
        }
    }

    /// The placeholders in it.
    pub fn placeholders(&self) -> Vec<&Placeholder> {
        match self {
            Self::Cmd(shell) => shell.values.iter().collect(),
            Self::Script { path, .. } => path.placeholders().collect(),
            Self::Argv(words) => words.iter().flat_map(Template::placeholders).collect(),
            Self::Call(call) => call.placeholders(),
            Self::Checks(checks) => checks.iter().flat_map(|check| &check.run.values).collect(),
            Self::Wait(wait) => wait.placeholders(),
            Self::Copy(copy) => copy.placeholders(),
            Self::Reboot(reboot) => reboot.cmd.iter().flat_map(|cmd| &cmd.values).collect(),
        }
    }
}

/// A word as one would type it to a shell.
pub fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "%+,-./:=@_{}".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}
