//! What a run waits for that its reader can do nothing about.

use schemars::JsonSchema;
use serde::Serialize;

use crate::report::ActorReport;
use crate::run::{Actor, Node, Run, State, may_do};

/// Something that the run waits for, and that the reader can do nothing about.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Wait {
    /// The step.
    pub step: String,
    /// What for.
    pub what: Awaited,
    /// Who holds it, if somebody does.
    pub by: Option<ActorReport>,
    /// The lock that it needs, and which step holds that.
    pub lock: Option<String>,
    /// Until when at most, where that is known.
    pub until: Option<String>,
}

/// What a run waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Awaited {
    /// A person, since nobody else may do or answer it.
    Person,
    /// Somebody who holds it.
    Holder,
    /// The time at which it is tried again.
    Time,
    /// The engine, which runs it.
    Engine,
    /// A lock that another step holds.
    Lock,
    /// Somebody who says what became of it, since it may have run.
    Answer,
}

/// What the run waits for, but for what the reader may take or holds, and the chosen one.
pub(super) fn waits(run: &Run, actor: &Actor, chosen: Option<&Node>) -> Vec<Wait> {
    let is_chosen = |node: &&Node| chosen.is_some_and(|c| c.instance == node.instance);
    let wait = |node: &Node| {
        let mut lock = None;
        let (what, by, until) = match (node.state, &node.lease) {
            _ if run.is_due(node) && run.locked_by(node).is_some() => {
                lock = run
                    .locked_by(node)
                    .map(|(lock, by)| format!("the lock `{lock}`, which `{}` holds", by.instance));
                (Awaited::Lock, None, None)
            }
            (State::Held, Some(lease)) if lease.by != *actor => {
                (Awaited::Holder, Some(ActorReport::of(&lease.by)), Some(lease.until))
            }
            (State::Delayed(until), _) => (Awaited::Time, None, Some(until)),
            (State::Running, _) => (Awaited::Engine, None, None),
            (State::Asked, _) if !may_do(run.step(node).actor, actor) => {
                (Awaited::Person, None, None)
            }
            // Under a veto nothing is due, also what nobody began with.
            (State::Asked, _) if !run.may_begin() && run.step(node).is_asked() => return None,
            (State::Asked, _) if !run.is_due(node) => (Awaited::Answer, None, None),
            _ => return None,
        };
        let until = until.map(|until| until.to_string());
        Some(Wait { step: node.instance.to_string(), what, by, lock, until })
    };
    run.nodes().iter().filter(|node| !is_chosen(node)).filter_map(wait).collect()
}
