//! What a step that passed claims, and who looked at it again.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::apply::Legal;
use super::node::{Node, State};
use super::outcome::{Check, Outcome};
use super::record::{Actor, Record};
use super::state::Run;
use crate::ids::Instance;
use crate::plan::{Action, Step};
use crate::value::Time;
use crate::workflow::Effect;

/// What somebody saw who looked again at what a step claims.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recheck {
    /// Which step.
    pub step: Instance,
    /// The attempt whose pass it is: a later one claims anew.
    pub attempt: u32,
    /// Who claims it.
    pub claimed_by: Actor,
    /// The host on which it was looked at; none for this machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<String>,
    /// The values of the placeholders in what was run.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub with: BTreeMap<String, Value>,
    /// What was looked at, one by one.
    pub checks: Vec<Look>,
    /// Whether all of it is as it was claimed.
    pub passed: bool,
}

/// One look at a claim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Look {
    /// How: the command, or that a file is looked at.
    pub how: String,
    /// What was expected and observed.
    #[serde(flatten)]
    pub check: Check,
}

/// A recheck, who made it, and when.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// Who.
    pub by: Actor,
    /// When.
    pub at: Time,
    /// What they saw.
    pub recheck: Recheck,
}

impl Seen {
    /// Whether somebody else than the claimer looked.
    pub fn is_independent(&self) -> bool {
        self.by != self.recheck.claimed_by
    }
}

/// What there is to look at again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// The engine can look at it.
    Checkable,
    /// It is somebody's word, or prose.
    Attested,
    /// Nothing, and why.
    Not(String),
}

/// Whether the command of a step can be run again: it is one that only reads.
pub fn can_be_repeated(step: &Step) -> bool {
    let is_command = step.run.as_ref().is_some_and(Action::is_command);
    is_command && step.effect == Effect::Read && !step.is_asked()
}

impl Node {
    /// Who looked again at what it claims now, in order.
    pub fn rechecks(&self) -> impl DoubleEndedIterator<Item = &Seen> {
        let last = self.last().map_or(0, |last| last.n);
        self.seen.iter().filter(move |seen| seen.recheck.attempt == last)
    }

    /// Whether what it claims is as it was claimed, as far as anybody looked.
    pub fn still_holds(&self) -> bool {
        self.rechecks().next_back().is_none_or(|seen| seen.recheck.passed)
    }

    /// Who said that it is done, where it was not the engine.
    pub(super) fn reporter(&self) -> Option<&Actor> {
        self.last()?.reporter()
    }
}

impl Run {
    /// Who claims that a node passed: who said so, or else who started the run.
    pub fn claimer<'r>(&'r self, node: &'r Node) -> Option<&'r Actor> {
        node.reporter().or(self.opened_by.as_ref())
    }

    /// What there is to look at again of a node that passed.
    pub fn claim(&self, node: &Node) -> Claim {
        let step = self.step(node);
        let files = step.expect.as_ref().is_some_and(|expect| !expect.files.is_empty());
        if let (None, Some(from)) = (node.last(), &node.taken_over) {
            let (run, step) = (&from.run, &node.instance);
            let there = format!("ostler runs verify {run} {step} --recheck");
            return Claim::Not(format!("it passed in run {run}: {there}"));
        }
        if node.last().is_none() {
            return Claim::Not("nothing ran".to_owned());
        }
        if step.verify.is_some() || files || can_be_repeated(step) {
            return Claim::Checkable;
        }
        let is_word = node.last().is_some_and(|last| last.by.is_some())
            && node.ending().is_none_or(|ending| ending.outcome != Outcome::Probed);
        if is_word || step.verify_prose.is_some() {
            return Claim::Attested;
        }
        Claim::Not(match &step.run {
            Some(Action::Call(_)) => {
                let called = node.ending().and_then(|ending| ending.called.as_ref());
                let run = called.map(|called| called.run.to_string()).unwrap_or_default();
                format!("the run that it called has its own claims: ostler runs verify {run} --recheck")
            }
            Some(action) if !action.is_command() => {
                "what the engine does itself is not done twice, and it has no `verify`".to_owned()
            }
            _ => "its command may change something (it has no `effect = \"Read\"`), and it has neither \
                  `verify` nor `expect.file`"
                .to_owned(),
        })
    }

    /// Whether somebody may look again at what a node claims: not who said that it is done. Else why not.
    pub fn may_recheck(&self, node: &Node, who: &Actor) -> Result<(), String> {
        if node.reporter() == Some(who) {
            let step = &node.instance;
            return Err(format!(
                "{who} said that `{step}` is done: another must see whether it is"
            ));
        }
        Ok(())
    }

    pub(super) fn rechecked(&mut self, record: &Record, recheck: &Recheck) -> Legal {
        let n = self.find(&recheck.step, "be looked at again", |s| s == State::Passed)?;
        let node = &self.nodes[n];
        if node.last().map(|last| last.n) != Some(recheck.attempt) {
            return Err(format!(
                "attempt {} of `{}` is not its last",
                recheck.attempt, recheck.step
            ));
        }
        self.may_recheck(node, &record.actor)?;
        let (by, at, recheck) = (record.actor.clone(), record.at, recheck.clone());
        self.nodes[n].seen.push(Seen { by, at, recheck });
        Ok(())
    }
}
