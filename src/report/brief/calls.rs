//! The exact calls that a step takes now.

use std::fmt::Write as _;

use schemars::JsonSchema;
use serde::Serialize;

use crate::plan::quoted;
use crate::run::{Actor, ActorKind, Node, Run, State};
use crate::workflow::{self, ParamType, ValueType};

/// The calls that a step takes now, from its reader. What stands in capitals is filled in by them.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
pub struct Calls {
    /// Takes it: an agent that does it itself does that first.
    pub take: Option<String>,
    /// Lets the engine do it, which reports it as well; it need not be taken for that.
    pub run: Option<String>,
    /// Reports that it passed, which is looked at; none where only the engine can do it.
    pub pass: Option<String>,
    /// Reports that it failed.
    pub fail: Option<String>,
}

/// What stands for a value of a type; a list is JSON.
fn blank(kind: ParamType) -> String {
    let of = kind.of.to_string().to_uppercase();
    match kind.of {
        _ if !kind.list => of,
        ValueType::Int | ValueType::Number | ValueType::Bool | ValueType::Json => {
            format!("'[{of}]'")
        }
        _ => format!("'[\"{of}\"]'"),
    }
}

impl Calls {
    pub(super) fn of(run: &Run, node: &Node, actor: &Actor) -> Self {
        let step = run.step(node);
        let what = format!("{} {}", run.id(), quoted(&node.instance.to_string()));
        let lease = node.lease.as_ref().filter(|lease| lease.by == *actor);
        // Under a veto only what was begun, or is asked of a person, is reported.
        let is_asked = node.state == State::Asked && actor.kind != ActorKind::Agent;
        if !run.may_begin() && lease.is_none() && !is_asked {
            return Self::default();
        }
        let has_run = step.run.is_some() && step.actor != workflow::Actor::Human && run.may_begin();
        let let_run = has_run.then(|| format!("ostler step run {what}"));
        if lease.is_none() && actor.kind == ActorKind::Agent && run.is_offered(node) {
            let take = Some(format!("ostler step take {what}"));
            return Self { take, run: let_run, ..Self::default() };
        }
        let token = lease.map(|lease| format!(" --token {}", lease.token)).unwrap_or_default();
        let report = format!("ostler step report {what}{token} --status");
        let mut pass = format!("{report} pass");
        for seen in step.evidence() {
            let _ = write!(pass, " {}", seen.option());
        }
        for (name, spec) in &step.outputs {
            let _ = write!(pass, " --output {name}={}", blank(spec.kind));
        }
        Self {
            take: None,
            run: let_run,
            pass: step.only_engine().is_none().then_some(pass),
            fail: Some(format!("{report} fail --note WHY")),
        }
    }
}
