//! One instance of a step in a run: its state, its attempts, what it handed on.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::claim::Seen;
use super::event::Said;
use super::fan::{Item, Members};
use super::lease::Lease;
use super::outcome::{Ending, Outcome};
use super::record::{Actor, ActorKind, Record};
use crate::ids::{Instance, Name, RunId};
use crate::value::Time;

/// The state of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Its edges are not decided, or the road to it is not taken yet.
    Waiting,
    /// Everything it waits for holds; it starts when there is room.
    Ready,
    /// An attempt was started, and its end is not recorded.
    Running,
    /// It fanned out, and not all of its instances have ended.
    Fanned,
    /// Somebody does it, under a lease.
    Held,
    /// Somebody must act.
    Asked,
    /// It failed, and its next attempt starts at this time.
    Delayed(Time),
    /// It may have run when the engine died; what became of it is not known, and nobody was asked yet.
    Unsure,
    /// It passed.
    Passed,
    /// It failed, and its fallback passed.
    Recovered,
    /// It failed.
    Failed,
    /// It did not run, and will not.
    Skipped,
    /// It cannot be tried on this machine.
    Unproven,
    /// The run was cancelled.
    Cancelled,
}

impl State {
    /// Whether nothing more happens to it by itself.
    pub fn is_final(self) -> bool {
        use State::{Cancelled, Failed, Passed, Recovered, Skipped, Unproven};
        matches!(self, Passed | Recovered | Failed | Skipped | Unproven | Cancelled)
    }

    /// Whether it satisfies an `OnSuccess` edge.
    pub fn is_pass(self) -> bool {
        matches!(self, Self::Passed | Self::Recovered)
    }

    /// Its name, as in the report.
    pub fn name(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Ready => "ready",
            Self::Running | Self::Fanned => "running",
            Self::Held => "held",
            Self::Asked => "asked",
            Self::Delayed(_) => "delayed",
            Self::Unsure => "unsure",
            Self::Passed => "passed",
            Self::Recovered => "recovered",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::Unproven => "unproven",
            Self::Cancelled => "cancelled",
        }
    }
}

/// One try at a node.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// Its number, from 1.
    pub n: u32,
    /// When it started; none if it only may have.
    pub started_at: Option<Time>,
    /// When its end was recorded.
    pub ended_at: Option<Time>,
    /// How it ended, once it did.
    pub ending: Option<Ending>,
    /// Who reported it, where it was not the engine.
    pub by: Option<Actor>,
    /// What they noted.
    pub note: Option<String>,
    /// Params that differed from the plan's.
    pub params: BTreeMap<Name, Value>,
    /// The host it ran on, if it was not this machine.
    pub host: Option<String>,
    /// The record that started it, for `cause`.
    pub seq: u64,
    /// The fencing token of the lease under which it was made, if there was one.
    pub token: Option<u64>,
    /// The name that its holder gave to their report.
    pub report: Option<String>,
    /// What its holder reported.
    pub said: Option<Said>,
}

impl Attempt {
    /// Who said how it ended, where it was not the engine that saw it.
    pub fn reporter(&self) -> Option<&Actor> {
        let probed = self.ending.as_ref().is_some_and(|ending| ending.outcome == Outcome::Probed);
        self.by.as_ref().filter(|by| by.kind != ActorKind::Engine && !probed)
    }

    /// An attempt that this record begins.
    pub(super) fn new(n: u32, record: &Record) -> Self {
        Self {
            n,
            started_at: None,
            ended_at: None,
            ending: None,
            by: None,
            note: None,
            params: BTreeMap::new(),
            host: None,
            seq: record.seq,
            token: None,
            report: None,
            said: None,
        }
    }
}

/// A pass in another run that counts in this one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TakenOver {
    /// The run in which it ran.
    pub run: RunId,
    /// The number of its attempt there.
    pub attempt: u32,
    /// When that started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Time>,
    /// When its end was recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Time>,
    /// How it ended there. What it wrote is kept with that run.
    pub ending: Ending,
}

/// One instance of a step in the run.
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
#[derive(Debug, Clone)]
pub struct Node {
    /// Which instance.
    pub instance: Instance,
    /// Whether its step is a `finally` step.
    pub finally: bool,
    /// The step's place in the plan.
    pub(super) step: usize,
    /// What it is for, if it is one of several instances.
    pub item: Option<Item>,
    /// The node of the step as a whole, if it is one of several instances.
    pub(super) whole: Option<usize>,
    /// Its instances, if it is the whole of several.
    pub(super) members: Option<Box<Members>>,
    /// Its place among the instances.
    pub(super) place: usize,
    /// Whether instances that passed before run again when it fans out next.
    pub(super) anew: bool,
    /// Its state.
    pub state: State,
    /// Why it is in that state, where there is more to say.
    pub reason: Option<String>,
    /// Its attempts so far.
    pub attempts: Vec<Attempt>,
    /// The pass in another run that stands in for one here.
    pub taken_over: Option<TakenOver>,
    /// Who looked again at what it claims, or claimed then.
    pub(super) seen: Vec<Seen>,
    /// What it handed on.
    pub outputs: BTreeMap<Name, Value>,
    /// For a releaser: the node and attempt whose outputs it is given.
    pub holder: Option<(usize, u32)>,
    /// The lease under which somebody does it.
    pub lease: Option<Lease>,
    /// Who gave it back last without having done it, and what they noted.
    pub given_back: Option<(Actor, String)>,
    /// Whether the engine does it for somebody who could have.
    pub(super) handed_over: bool,
    /// How many of its attempts came before the last reset.
    pub(super) earlier: usize,
    /// How many retries were used since the last reset.
    pub(super) retries: u32,
    /// How many of its edges are undecided.
    pub(super) undecided: usize,
    /// How many hold.
    pub(super) holding: usize,
    /// Why the first edge that cannot hold cannot.
    pub(super) broken: Option<String>,
    /// Why the condition of an edge cannot be evaluated.
    pub(super) unclear: Option<String>,
    /// Whether the road to it was taken; none if it is nobody's target.
    pub(super) taken: Option<bool>,
    /// It failed and waits for its fallback.
    pub(super) standby: bool,
    /// Its failure stopped the run.
    pub(super) stops: bool,
    /// The length of the longest path from it to the end: what is longest goes first.
    pub(super) rank: u32,
}

impl Node {
    pub(super) fn new(instance: Instance, finally: bool, step: usize) -> Self {
        Self {
            instance,
            finally,
            step,
            item: None,
            whole: None,
            members: None,
            place: 0,
            anew: false,
            state: State::Waiting,
            reason: None,
            attempts: Vec::new(),
            taken_over: None,
            seen: Vec::new(),
            outputs: BTreeMap::new(),
            holder: None,
            lease: None,
            given_back: None,
            handed_over: false,
            earlier: 0,
            retries: 0,
            undecided: 0,
            holding: 0,
            broken: None,
            unclear: None,
            taken: None,
            standby: false,
            stops: false,
            rank: 0,
        }
    }

    /// Whether it is one of several instances of a step that fanned out.
    pub fn is_instance(&self) -> bool {
        self.whole.is_some()
    }

    /// The attempt that runs, or ran last.
    pub fn last(&self) -> Option<&Attempt> {
        self.attempts.last()
    }

    /// Adds an attempt. Most nodes have one, and the room for four that a list takes by itself adds up.
    pub(super) fn add_attempt(&mut self, attempt: Attempt) {
        self.attempts.reserve_exact(1);
        self.attempts.push(attempt);
    }

    /// How it ended last, here or where it was taken over from.
    pub fn ending(&self) -> Option<&Ending> {
        let lent = || self.taken_over.as_ref().map(|from| &from.ending);
        self.last().map_or_else(lent, |last| last.ending.as_ref())
    }

    /// How long that took, in milliseconds.
    pub fn duration_ms(&self) -> Option<u64> {
        let (start, end) = match (self.last(), &self.taken_over) {
            (Some(last), _) => (last.started_at?, last.ended_at?),
            (None, from) => from.as_ref().and_then(|from| from.started_at.zip(from.ended_at))?,
        };
        Some(end.since(start))
    }

    /// Whether it was not tried, since the last reset if there was one.
    pub(super) fn untried(&self) -> bool {
        self.attempts.len() == self.earlier
    }

    /// Whether its end is decided, so that what comes after it can be.
    pub(super) fn ended(&self) -> bool {
        self.state.is_final() && !self.standby
    }
}
