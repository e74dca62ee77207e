//! How an attempt ended, as data: no failure of a step is an error of ours.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::linked::Called;
use crate::ids::Name;

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Outcome {
    /// The command exited.
    Exited {
        /// Its exit code.
        code: i32,
    },
    /// The command was killed by a signal that we did not send.
    Signaled {
        /// The signal's number.
        signal: i32,
    },
    /// It ran past its deadline and was ended.
    TimedOut {
        /// The deadline in milliseconds.
        after_ms: u64,
    },
    /// It was silent for too long and was ended.
    Stalled {
        /// The limit of silence in milliseconds.
        after_ms: u64,
    },
    /// The engine did it itself, without a command.
    Done,
    /// The engine tried to do it itself, and could not.
    Failed {
        /// Why.
        reason: String,
    },
    /// The command could not be started.
    CouldNotStart {
        /// Why.
        reason: String,
    },
    /// No connection to its host could be made, so it was never started.
    NoConnection {
        /// What kind of obstacle it was.
        why: NoConnection,
        /// What was said of it, for people.
        said: String,
    },
    /// It was ended because the run was cancelled.
    Cancelled,
    /// The engine died, or the machine rebooted, while it may have run.
    Interrupted {
        /// Which of the two.
        cause: Interruption,
    },
    /// The process that watched over it died, so how it ended is not known.
    Lost {
        /// What is known.
        reason: String,
    },
    /// Somebody said how it ended.
    Answered,
    /// It was interrupted, and its probe found it done.
    Probed,
}

/// Why there is no connection to a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoConnection {
    /// Its address is unknown, or nobody answered there in time.
    Unreachable,
    /// Its address answered that nobody listens there.
    Refused,
    /// Nobody vouches for the key that it showed.
    HostKeyUnknown,
    /// It showed another key than the one that is known.
    HostKeyChanged,
    /// It does not let us in.
    AuthFailed,
    /// It let us in, and no shell could be started there.
    NoShell,
    /// It let us in, and has no room to record an attempt.
    DiskFull,
}

impl NoConnection {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Unreachable,
        Self::Refused,
        Self::HostKeyUnknown,
        Self::HostKeyChanged,
        Self::AuthFailed,
        Self::NoShell,
        Self::DiskFull,
    ];

    /// Its name, as authors write it in `on_error.on`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Refused => "refused",
            Self::HostKeyUnknown => "host_key_unknown",
            Self::HostKeyChanged => "host_key_changed",
            Self::AuthFailed => "auth_failed",
            Self::NoShell => "no_shell",
            Self::DiskFull => "host_disk_full",
        }
    }

    /// Whether it may be gone a little later without anybody doing something about it.
    pub fn may_pass(self) -> bool {
        matches!(self, Self::Unreachable | Self::Refused | Self::DiskFull)
    }

    /// What somebody can do about it, where there is more to it than its name says.
    pub fn way_out(self) -> Option<&'static str> {
        match self {
            Self::Unreachable | Self::Refused | Self::DiskFull => None,
            Self::HostKeyUnknown => Some(
                "compare its key, and log in once by hand, or write it as `host_key` in the host's file",
            ),
            Self::HostKeyChanged => Some(
                "if it is a new machine: `ssh-keygen -R ADDRESS`, or its new `host_key` in the host's file",
            ),
            Self::AuthFailed => Some(
                "`ssh -o BatchMode=yes ADDRESS true` must work by hand: the user, and a key or an agent",
            ),
            Self::NoShell => Some("the account needs a shell there, and its key no forced command"),
        }
    }

    /// Its name, as people read it.
    pub fn words(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Refused => "connection refused",
            Self::HostKeyUnknown => "host key unknown",
            Self::HostKeyChanged => "host key changed",
            Self::AuthFailed => "authentication failed",
            Self::NoShell => "no shell on the host",
            Self::DiskFull => "the host's disk is full",
        }
    }
}

/// What interrupted an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Interruption {
    /// The engine's process ended without recording how the attempt did.
    EngineDied,
    /// The machine restarted, and records of the last second may be missing.
    Rebooted,
    /// The connection to its host was lost, and the host does not say how it ended.
    ConnectionLost,
    /// The host says that it never started, and now never will.
    NeverStarted,
    /// The lease of who did it was over before they reported.
    LeaseExpired,
    /// A person ended the lease of the agent that did it.
    LeaseRevoked,
}

impl Outcome {
    /// Its name, as authors write it in `on_error.on`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Exited { .. } => "exited",
            Self::Signaled { .. } => "signaled",
            Self::TimedOut { .. } => "timed_out",
            Self::Stalled { .. } => "stalled",
            Self::Done => "done",
            Self::Failed { .. } => "failed",
            Self::CouldNotStart { .. } => "could_not_start",
            Self::NoConnection { why, .. } => why.name(),
            Self::Cancelled => "cancelled",
            Self::Interrupted { .. } => "interrupted",
            Self::Lost { .. } => "lost",
            Self::Answered => "answered",
            Self::Probed => "probed",
        }
    }

    /// Its exit code as a shell would say it: 128 and the signal where a signal ended it.
    pub fn exit_code(&self) -> Option<i32> {
        match self {
            Self::Exited { code } => Some(*code),
            Self::Signaled { signal } => Some(128 + signal),
            _ => None,
        }
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        use crate::workflow::Millis;
        match self {
            Self::Exited { code } => write!(f, "exit {code}"),
            Self::Signaled { signal } => write!(f, "killed by signal {signal}"),
            Self::TimedOut { after_ms } => write!(f, "timed out after {}", Millis(*after_ms)),
            Self::Stalled { after_ms } => write!(f, "no output for {}", Millis(*after_ms)),
            Self::Done => f.write_str("done"),
            Self::Failed { reason } => f.write_str(reason),
            Self::CouldNotStart { reason } => write!(f, "could not start: {reason}"),
            Self::Cancelled => f.write_str("cancelled"),
            Self::NoConnection { why, said } if said.is_empty() => f.write_str(why.words()),
            Self::NoConnection { why, said } => write!(f, "{}: {said}", why.words()),
            Self::Interrupted { cause } => f.write_str(match cause {
                Interruption::EngineDied => "the engine died",
                Interruption::Rebooted => "the machine rebooted",
                Interruption::ConnectionLost => "the connection was lost",
                Interruption::NeverStarted => "it never started",
                Interruption::LeaseExpired => "the lease was over before it was reported",
                Interruption::LeaseRevoked => "a person ended the lease before it was reported",
            }),
            Self::Lost { reason } => write!(f, "lost: {reason}"),
            Self::Answered => f.write_str("answered"),
            Self::Probed => f.write_str("done, as its probe found"),
        }
    }
}

/// One expectation: what was expected, what was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// What was looked at: `exit`, `stdout`, a file, a check by its name.
    pub what: String,
    /// What would have passed.
    pub expected: String,
    /// What was there.
    pub observed: String,
    /// Whether it passed.
    pub passed: bool,
}

impl Check {
    /// What is looked at where a check only says how the command or the wait itself ended.
    pub const ENDS: [&str; 2] = ["exit", "wait"];
}

/// What one stream of an attempt wrote, and where it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Stream {
    /// How many bytes were written, kept or not.
    pub bytes: u64,
    /// How many of them are kept.
    pub kept: u64,
    /// The SHA-256 of what is kept, in hexadecimal; none if nothing was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// The file under the run's folder that holds it; none if it is kept in the database.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Why some of it could not be kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost: Option<String>,
}

/// A process that a step left behind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leak {
    /// Its process id.
    pub pid: i32,
    /// Its command line, shortened.
    pub command: String,
    /// Whether it could not be ended.
    #[serde(default)]
    pub survived: bool,
}

/// All that is known of how an attempt ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ending {
    /// How.
    pub outcome: Outcome,
    /// Whether it counts as a pass: the outcome, every check, every output.
    pub passed: bool,
    /// What was expected and observed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<Check>,
    /// Why the outputs were refused, if they were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bad_output: Option<String>,
    /// What it handed on.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub outputs: BTreeMap<Name, Value>,
    /// Standard output.
    #[serde(default)]
    pub stdout: Stream,
    /// Standard error.
    #[serde(default)]
    pub stderr: Stream,
    /// Processes it left behind, which were then ended.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub leaked: Vec<Leak>,
    /// What became of the run that it called, if it is a call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub called: Option<Called>,
}

impl Ending {
    /// An ending of which only the outcome is known.
    pub fn of(outcome: Outcome, passed: bool) -> Self {
        Self {
            outcome,
            passed,
            checks: Vec::new(),
            bad_output: None,
            outputs: BTreeMap::new(),
            stdout: Stream::default(),
            stderr: Stream::default(),
            leaked: Vec::new(),
            called: None,
        }
    }

    /// The causes by which `on_error.on` may match it.
    pub fn causes(&self) -> Vec<&'static str> {
        let mut causes = Vec::new();
        if self.bad_output.is_some() {
            causes.push("bad_output");
        }
        if self.checks.iter().any(|c| !c.passed && !Check::ENDS.contains(&c.what.as_str())) {
            causes.push("check_failed");
        }
        causes.push(self.outcome.name());
        causes
    }
}
