//! What it takes to believe somebody who says that a step is done.

use super::{Action, Step};

/// Something of a command that only its end shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// Its exit code.
    Exit,
    /// What it wrote to standard output.
    Stdout,
    /// What it wrote to standard error.
    Stderr,
}

impl Seen {
    /// How a report brings it along.
    pub fn option(self) -> &'static str {
        match self {
            Self::Exit => "--exit CODE",
            Self::Stdout => "--stdout FILE",
            Self::Stderr => "--stderr FILE",
        }
    }
}

impl Step {
    /// What it does that the engine has to do, so that nobody's word makes it pass.
    pub fn only_engine(&self) -> Option<&'static str> {
        match &self.run {
            Some(Action::Call(_)) => Some("calls another verb"),
            Some(Action::Wait(_)) => Some("waits for something"),
            Some(Action::Copy(_)) => Some("copies files"),
            Some(Action::Reboot(_)) => Some("reboots its host"),
            _ => {
                let unchanged = self.expect.as_ref().is_some_and(|e| !e.unchanged.is_empty());
                let why = "must leave files unchanged, which is compared from before to after";
                unchanged.then_some(why)
            }
        }
    }

    /// What is judged of it that a report of its pass must bring along.
    pub fn evidence(&self) -> Vec<Seen> {
        let Some(expect) = self.expect.as_ref().map(|expect| &expect.that) else {
            return Vec::new();
        };
        let wanted = [
            (Seen::Exit, !expect.exit.is_empty()),
            (Seen::Stdout, expect.stdout.is_some() || expect.count.is_some()),
            (Seen::Stderr, expect.stderr.is_some()),
        ];
        wanted.into_iter().filter_map(|(seen, is_wanted)| is_wanted.then_some(seen)).collect()
    }
}
