//! The exit codes, which are part of the interface: see `docs/exit-codes.md`.

use crate::exec::Left;
use crate::run::RunStatus;

/// How a command of ours ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// It was done; a run passed.
    Passed = 0,
    /// We have a bug.
    Bug = 1,
    /// It was asked for in a way that cannot be done.
    Usage = 2,
    /// A workflow file has problems.
    Problems = 3,
    /// The run failed.
    Failed = 4,
    /// The run waits for somebody.
    Waiting = 5,
    /// A guard, policy, block or lock refused it.
    Refused = 6,
    /// The run was cancelled.
    Cancelled = 7,
    /// The state could not be read or written.
    State = 8,
    /// The run passed with failures.
    PassedWithFailures = 9,
}

impl Exit {
    /// The exit of a run that was driven.
    pub(super) fn of(left: Left, lenient: bool) -> Self {
        match left {
            Left::Killed => Self::Cancelled,
            Left::Status(status) => Self::of_status(status, lenient),
        }
    }

    /// The exit of a run in this status.
    pub(super) fn of_status(status: RunStatus, lenient: bool) -> Self {
        match status {
            RunStatus::Passed => Self::Passed,
            RunStatus::PassedWithFailures if lenient => Self::Passed,
            RunStatus::PassedWithFailures => Self::PassedWithFailures,
            RunStatus::Failed => Self::Failed,
            RunStatus::Waiting | RunStatus::Running => Self::Waiting,
            RunStatus::Refused | RunStatus::Blocked => Self::Refused,
            RunStatus::Cancelled => Self::Cancelled,
        }
    }
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
