//! One step as its author wrote it: what it does, after what, and what follows a failure.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    Action, Actor, EdgeKind, Effect, Expect, ForEach, HostRef, Join, Millis, OnDisconnect,
    ParamType, Requires, Secret,
};
use crate::diagnostic::{At, Place};
use crate::ids::{Name, StepId};

/// A node of the graph.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Step {
    /// Unique in the workflow.
    pub id: At<StepId>,
    /// What it is about: prose or a tag.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// Prose for whoever does it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Who may do it.
    pub actor: Actor,
    /// What there is to run, if anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<At<Action>>,
    /// Where it runs, if not where the workflow says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<At<HostRef>>,
    /// Selectors of the hosts that it runs on, one instance each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<At<String>>,
    /// Over what it fans out, and how.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub for_each: Option<At<ForEach>>,
    /// What becomes of its command when the connection to its host ends.
    pub on_disconnect: OnDisconnect,
    /// How shell text is run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shell: Option<At<Shell>>,
    /// Environment, on top of the workflow's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<(At<String>, At<String>)>,
    /// Secrets, on top of the workflow's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<Secret>,
    /// Its folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cwd: Option<At<String>>,
    /// What it reads; nothing if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stdin: Option<At<Stdin>>,
    /// Its edges, `needs` included.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub depends_on: Vec<Edge>,
    /// How the edges combine.
    pub join: Join,
    /// Conditions under which it runs at all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub when: Vec<When>,
    /// What follows a failure.
    pub on_error: At<OnError>,
    /// Its deadline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Millis>,
    /// How long it may be silent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stall_timeout: Option<Millis>,
    /// What a pass is beyond the exit code.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expect: Option<At<Expect>>,
    /// A claim that somebody else can check again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verify: Option<Verify>,
    /// What it hands to later steps.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outputs: Vec<(At<Name>, OutputSpec)>,
    /// What it may do to the world.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effect: Option<At<Effect>>,
    /// Locks it holds while it runs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub locks: Vec<At<Name>>,
    /// The `finally` step that gives back what this one acquires.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub release: Option<At<StepId>>,
    /// What to do if the engine died while it ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_interrupt: Option<At<OnInterrupt>>,
    /// What the machine must have.
    #[serde(default, skip_serializing_if = "Requires::is_empty")]
    pub requires: Requires,
    /// All of it.
    #[serde(skip)]
    pub place: Place,
    /// The keys it was written with, for the checks of TOML's trap.
    #[serde(skip)]
    pub keys: Vec<At<String>>,
}

impl Step {
    /// What is expected of what it runs, of each of its checks and of its `verify`.
    pub fn expectations(&self) -> impl Iterator<Item = &At<Expect>> {
        let checks = match self.run.as_ref().map(|run| &run.value) {
            Some(Action::Checks(checks)) => checks.as_slice(),
            _ => &[],
        };
        let verify = match &self.verify {
            Some(Verify::Cmd { expect, .. }) => expect.as_deref(),
            _ => None,
        };
        let checks = checks.iter().filter_map(|check| check.expect.as_ref());
        self.expect.iter().chain(checks).chain(verify)
    }
}

/// How shell text is run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shell {
    /// `bash --noprofile --norc -eo pipefail -O inherit_errexit -c`.
    Bash,
    /// `sh -e -c`.
    Sh,
    /// `nu -c`.
    Nu,
    /// `python3 -c`.
    Python3,
    /// Any program and arguments, to which the text is added as the last one.
    Prefix(Vec<String>),
}

impl Shell {
    /// The shells that have a name.
    pub const NAMES: [(&'static str, Self); 4] =
        [("bash", Self::Bash), ("sh", Self::Sh), ("nu", Self::Nu), ("python3", Self::Python3)];

    /// The words before the text.
    pub fn argv(&self) -> Vec<String> {
        let words: &[&str] = match self {
            Self::Bash => {
                &["bash", "--noprofile", "--norc", "-eo", "pipefail", "-O", "inherit_errexit", "-c"]
            }
            Self::Sh => &["sh", "-e", "-c"],
            Self::Nu => &["nu", "-c"],
            Self::Python3 => &["python3", "-c"],
            Self::Prefix(words) => return words.clone(),
        };
        words.iter().map(|&w| w.to_owned()).collect()
    }
}

/// What a step reads.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stdin {
    /// Text with placeholders.
    Text(String),
    /// Bytes as they are.
    Bytes(crate::value::Bytes),
    /// A JSON value whose strings may hold placeholders; they are encoded, not pasted.
    Json(Value),
}

/// One edge: `step` comes before.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Edge {
    /// The step before.
    pub step: At<StepId>,
    /// When the edge holds.
    pub kind: EdgeKind,
    /// A CEL expression that must be true as well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<At<String>>,
}

/// A condition under which a step runs at all.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct When {
    /// A CEL expression.
    #[serde(rename = "if")]
    pub condition: At<String>,
    /// Why the step is skipped if it is false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What follows a failure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "strategy")]
pub enum OnError {
    /// Nothing new starts; the run fails.
    Stop,
    /// It is recorded, and the run goes on.
    Continue,
    /// The step is tried again.
    Retry(Retry),
    /// `target` stands in for it.
    Fallback {
        /// The step that stands in.
        target: At<StepId>,
    },
    /// Another road is taken.
    Branch {
        /// The road on failure.
        target: At<StepId>,
        /// The road on success.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        on_success: Option<At<StepId>>,
    },
}

impl OnError {
    /// The steps it may activate.
    pub fn targets(&self) -> Vec<&At<StepId>> {
        match self {
            Self::Stop | Self::Continue => Vec::new(),
            Self::Retry(retry) => retry.then.targets(),
            Self::Fallback { target } => vec![target],
            Self::Branch { target, on_success } => {
                std::iter::once(target).chain(on_success).collect()
            }
        }
    }

    /// What follows once all retries are used up.
    pub fn finally(&self) -> &Self {
        match self {
            Self::Retry(retry) => &retry.then,
            other => other,
        }
    }
}

/// How a step is tried again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Retry {
    /// How many retries there are; 1 means two tries.
    pub max: u32,
    /// Seconds before the first retry.
    pub backoff_s: f64,
    /// By how much the wait grows each time.
    pub factor: f64,
    /// The longest wait, in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_backoff_s: Option<f64>,
    /// The share of the wait that is left to chance, 0 to 1.
    pub jitter: f64,
    /// The exit codes that are worth another try; with `on_outcomes` empty too, all are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub on_exits: Vec<i32>,
    /// The outcomes that are worth another try, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub on_outcomes: Vec<At<String>>,
    /// Params that change with each try: the value after the current one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub escalate: Vec<(At<Name>, Vec<Value>)>,
    /// What follows when no retry is left.
    pub then: Box<OnError>,
}

/// A claim about a step's result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verify {
    /// In words.
    Prose(String),
    /// As a command.
    Cmd {
        /// Shell text.
        cmd: At<String>,
        /// What a pass is.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expect: Option<Box<At<Expect>>>,
    },
}

/// An output's type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputSpec {
    /// The type.
    #[serde(rename = "type")]
    pub kind: ParamType,
    /// Whether it may be empty.
    #[serde(default)]
    pub allow_empty: bool,
}

/// What to do about a step that ran when the engine died.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnInterrupt {
    /// Ask somebody.
    Ask,
    /// Run it again.
    Rerun,
    /// It failed.
    Fail,
    /// A command decides: exit 0 means the step was done.
    Probe(String),
}
