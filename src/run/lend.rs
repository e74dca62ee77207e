//! What a run that ended lends to a new one: steps that passed there and need not run again.
//!
//! A step is lent if it passed and nobody saw since that it does not hold, is the same in both plans, acquires nothing,
//! and all that it comes after is lent too: what a failed step would have changed is not known of those behind it.
//! `finally` is never lent, nor to another plan what somebody said of this one. What it took over itself it passes on
//! only if the run in which that passed would still lend it.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::apply::Legal;
use super::event::Event;
use super::fan::Item;
use super::node::{Node, State, TakenOver};
use super::state::{Note, Run};
use crate::ids::{Instance, RunId, StepId};
use crate::plan::{self, Plan};

/// A run that lends, and what it looks at for that.
struct Lender<'a> {
    run: &'a Run,
    origins: &'a [&'a Run],
    same_plan: bool,
}

impl Lender<'_> {
    /// How a step passed here, or in the run that this one has it from.
    fn lent(&self, step: &Instance, new: &plan::Step) -> Option<TakenOver> {
        let node =
            self.run.node(step).filter(|node| !node.finally && node.state == State::Passed)?;
        if self.run.step(node) != new {
            return None;
        }
        let Some(from) = &node.taken_over else {
            return self.stands(node).then(|| passed(self.run.id.as_ref()?, node)).flatten();
        };
        let origin = self.origins.iter().find(|run| run.id.as_ref() == Some(&from.run))?;
        let stands = origin.vetoes.is_empty() && self.stands(origin.node(step)?);
        stands.then(|| from.clone())
    }

    /// Whether what a node claims counts: nobody saw otherwise, and a word counts for the plan of which it was given.
    fn stands(&self, node: &Node) -> bool {
        node.still_holds() && (self.same_plan || node.reporter().is_none())
    }
}

/// How a node passed in its run.
fn passed(run: &RunId, node: &Node) -> Option<TakenOver> {
    let last = node.last()?;
    let ending = last.ending.clone().filter(|ending| ending.passed)?;
    let (attempt, started_at, ended_at) = (last.n, last.started_at, last.ended_at);
    Some(TakenOver { run: run.clone(), attempt, started_at, ended_at, ending })
}

impl Run {
    /// The runs in which what it took over passed.
    pub fn origins(&self) -> BTreeSet<&RunId> {
        self.nodes.iter().filter_map(|node| Some(&node.taken_over.as_ref()?.run)).collect()
    }

    /// The events by which a new run of `plan` takes over what it can from this one, in an order in which they are legal;
    /// nothing of `anew`, and so of what comes after it. `origins` are those of its origins that are still there: of
    /// another nobody can say whether it stands by what passed in it.
    pub fn lend(&self, plan: &Arc<Plan>, anew: &BTreeSet<StepId>, origins: &[&Self]) -> Vec<Event> {
        let mut events = Vec::new();
        if !self.same_params(plan) {
            return events;
        }
        let lender = Lender { run: self, origins, same_plan: *self.plan == **plan };
        let mut draft = Self::new(plan.clone());
        draft.retrying = true;
        let mut tried = BTreeSet::new();
        loop {
            let ready = draft.all_ready().chain(draft.pending.keys().copied());
            let admitted = ready.filter(|n| draft.is_admitted(*n));
            let next: Vec<usize> = admitted.filter(|n| tried.insert(*n)).collect();
            if next.is_empty() {
                return events;
            }
            for n in next {
                if let Some(items) = draft.to_expand(n) {
                    events.extend(draft.lend_instances(&lender, n, items, anew));
                    continue;
                }
                let (step, new) = (draft.nodes[n].instance.clone(), draft.step(&draft.nodes[n]));
                let again = anew.contains(&step.step);
                let Some(from) = lender.lent(&step, new).filter(|_| !again) else { continue };
                if draft.take_over(&step, from.clone()).is_ok() {
                    events.push(Event::StepTakenOver { step, from: Box::new(from) });
                }
            }
        }
    }

    /// The items that a node is about to fan out over.
    fn to_expand(&self, n: usize) -> Option<Vec<Item>> {
        match self.pending.get(&n) {
            Some(Note::Expand(items)) => Some(items.clone()),
            _ => None,
        }
    }

    /// Fans a node of this draft out if an instance of it passed in `old`, and takes those over.
    fn lend_instances(
        &mut self,
        lender: &Lender<'_>,
        n: usize,
        items: Vec<Item>,
        anew: &BTreeSet<StepId>,
    ) -> Vec<Event> {
        let whole = self.nodes[n].instance.clone();
        let new = self.step(&self.nodes[n]).clone();
        let of = |item: &Item| Instance {
            step: whole.step.clone(),
            key: Some(item.key.as_str().into()),
        };
        let lent = items.iter().filter_map(|item| {
            let step = of(item);
            let was = lender.run.node(&step);
            let same = was.is_some_and(|node| node.item.as_ref() == Some(item));
            let from = lender.lent(&step, &new).filter(|_| same)?;
            Some(Event::StepTakenOver { step, from: Box::new(from) })
        });
        let lent: Vec<Event> = lent.collect();
        let acquires = new.release.is_some() || new.is_asked();
        if lent.is_empty() || anew.contains(&whole.step) || acquires {
            return Vec::new();
        }
        self.expand(n, &items);
        for event in &lent {
            if let Event::StepTakenOver { step, from } = event
                && self.take_over(step, (**from).clone()).is_err()
            {
                return Vec::new();
            }
        }
        std::iter::once(Event::StepExpanded { step: whole, items }).chain(lent).collect()
    }

    /// Whether a param has the same value wherever both plans have it.
    fn same_params(&self, plan: &Plan) -> bool {
        let other = |name| self.plan.params.get(name);
        plan.params.iter().all(|(name, p)| other(name).is_none_or(|q| q.value == p.value))
    }

    /// Whether the engine would start it now, or ask for it.
    fn is_admitted(&self, n: usize) -> bool {
        match self.nodes[n].state {
            State::Ready => true,
            State::Waiting if self.nodes[n].is_instance() => true,
            State::Waiting => matches!(self.pending.get(&n), Some(Note::Ask(_) | Note::Expand(_))),
            _ => false,
        }
    }

    /// Folds in that a step passed in another run.
    pub(super) fn take_over(&mut self, step: &Instance, from: TakenOver) -> Legal {
        if !self.retrying {
            return Err("only a retry takes over steps, before anything else happens".to_owned());
        }
        let n = self.find(step, "be taken over", |s| matches!(s, State::Ready | State::Waiting))?;
        if !self.is_admitted(n) {
            return Err(format!("`{step}` cannot be taken over: what it comes after is not"));
        }
        if self.step(&self.nodes[n]).release.is_some() {
            return Err(format!("`{step}` cannot be taken over: what it acquired was released"));
        }
        if !from.ending.passed {
            return Err(format!("`{step}` cannot be taken over: it did not pass"));
        }
        let reason = format!("passed in run {}", from.run);
        self.nodes[n].outputs.clone_from(&from.ending.outputs);
        self.nodes[n].taken_over = Some(from);
        self.end(n, State::Passed, Some(reason));
        Ok(())
    }
}
