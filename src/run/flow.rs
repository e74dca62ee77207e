//! How an end spreads: edges that hold or cannot, roads that are taken or not, the stop of a run.

use super::node::{Node, State};
use super::state::{Note, Road, Run};
use crate::expr::Condition;
use crate::plan;
use crate::workflow::{Edge, EdgeKind, Join, OnError};

impl Run {
    pub(super) fn plan_step(&self, n: usize) -> &plan::Step {
        self.step(&self.nodes[n])
    }

    /// Changes a node's state and keeps the queues in step with it. All changes go through here.
    pub(super) fn set(&mut self, n: usize, state: State, reason: Option<String>) {
        let node = &self.nodes[n];
        let (was, key) = (node.state, (std::cmp::Reverse(node.rank), n));
        let queue = usize::from(self.step(node).is_on_host());
        match was {
            State::Ready => drop(self.ready[queue].remove(&key)),
            State::Running => {
                self.running.remove(&n);
                self.unlock(n);
            }
            State::Held => {
                self.holding.remove(&n);
                self.nodes[n].lease = None;
                self.unlock(n);
            }
            State::Asked => drop(self.asked.remove(&n)),
            State::Delayed(until) => drop(self.delayed.remove(&(until, n))),
            State::Unsure => drop(self.unsure.remove(&n)),
            _ => {}
        }
        match state {
            State::Ready => drop(self.ready[queue].insert(key)),
            State::Running => {
                self.running.insert(n);
                self.lock(n);
            }
            State::Held => {
                self.holding.insert(n);
                self.lock(n);
            }
            State::Asked => drop(self.asked.insert(n)),
            State::Delayed(until) => drop(self.delayed.insert((until, n))),
            State::Unsure => drop(self.unsure.insert(n)),
            _ => {}
        }
        let node = &mut self.nodes[n];
        node.state = state;
        node.reason = reason;
        let finally = node.finally;
        match (was.is_final(), state.is_final()) {
            (false, true) => *self.open(finally) -= 1,
            (true, false) => *self.open(finally) += 1,
            _ => {}
        }
        self.pending.remove(&n);
    }

    /// How many nodes of a phase have not ended.
    pub(super) fn open(&mut self, finally: bool) -> &mut usize {
        if finally { &mut self.open_finally } else { &mut self.open_steps }
    }

    /// A node failed and will not be tried again: what its error strategy says follows.
    pub(super) fn fail(&mut self, n: usize, reason: Option<String>) {
        let on_error = self.plan_step(n).on_error.finally().clone();
        let finally = self.nodes[n].finally;
        let winding_up = self.is_winding_up() && !finally;
        match on_error {
            OnError::Fallback { .. } if self.nodes[n].whole.is_some() && !winding_up => {
                self.set(n, State::Failed, reason);
                self.nodes[n].standby = true;
                *self.open(finally) += 1;
                self.stand_in(n);
            }
            // What an instance's failure leads to is decided by the whole.
            _ if self.nodes[n].whole.is_some() => self.end(n, State::Failed, reason),
            OnError::Fallback { .. } if !winding_up => {
                self.set(n, State::Failed, reason);
                // It is decided only when its fallback is: neither open to others nor ended.
                self.nodes[n].standby = true;
                *self.open(finally) += 1;
                self.take_road(n, Road::Fallback);
                let ended = self.targets[n].iter().copied().find(|t| self.nodes[*t].ended());
                if let Some(fallback) = ended {
                    self.settle_standby(n, fallback);
                    self.spread(n);
                }
            }
            OnError::Stop | OnError::Fallback { .. } if !finally => {
                self.nodes[n].stops = true;
                self.end(n, State::Failed, reason);
                self.stop(n);
            }
            _ => self.end(n, State::Failed, reason),
        }
    }

    /// A node ended.
    pub(super) fn end(&mut self, n: usize, state: State, reason: Option<String>) {
        self.set(n, state, reason);
        self.spread(n);
    }

    /// Spreads the end of a node to its roads, its edges, and to the step it stands in for.
    fn spread(&mut self, n: usize) {
        let mut todo = vec![n];
        while let Some(n) = todo.pop() {
            self.settle_roads(n);
            for (next, edge) in self.after[n].clone() {
                // The edges to its own fallback were decided when that road was taken.
                let decided = self.target_of[next] == Some((n, Road::Fallback))
                    && self.nodes[next].taken == Some(true);
                if !decided {
                    self.decide_edge(n, next, edge);
                }
            }
            if let Some((source, Road::Fallback)) = self.target_of[n]
                && self.nodes[source].standby
            {
                self.settle_standby(source, n);
                todo.push(source);
            }
            self.instance_ended(n);
        }
    }

    /// A fallback ended: the step it stood in for is recovered or failed for good.
    fn settle_standby(&mut self, source: usize, fallback: usize) {
        let passed = self.nodes[fallback].state.is_pass();
        let outputs = self.nodes[fallback].outputs.clone();
        let by = self.nodes[fallback].instance.to_string();
        let finally = self.nodes[source].finally;
        self.nodes[source].standby = false;
        if passed {
            self.set(source, State::Recovered, Some(format!("`{by}` stood in for it")));
            self.nodes[source].outputs = outputs;
        } else if !finally && self.nodes[source].whole.is_none() {
            self.nodes[source].stops = true;
            self.stop(source);
        }
        *self.open(finally) -= 1;
    }

    /// Takes or closes the roads that begin at a node that ended.
    fn settle_roads(&mut self, n: usize) {
        if self.targets[n].is_empty() {
            return;
        }
        let state = self.nodes[n].state;
        let taken = match state {
            _ if self.is_winding_up() && !self.nodes[n].finally => None,
            state if state.is_pass() => Some(Road::OnSuccess),
            State::Failed => Some(Road::OnFailure),
            _ => None,
        };
        if let Some(road) = taken {
            self.take_road(n, road);
        }
        let why = not_taken(&self.nodes[n]);
        for target in self.targets[n].clone() {
            let node = &self.nodes[target];
            if node.members.is_some() && node.state == State::Waiting {
                // It stood in for instances of this one, which all have ended.
                self.end_whole(target);
            } else if node.taken == Some(false) && node.state == State::Waiting {
                self.pending.entry(target).or_insert_with(|| Note::Skip(why.clone()));
            }
        }
    }

    fn take_road(&mut self, n: usize, road: Road) {
        for target in self.targets[n].clone() {
            if self.target_of[target] != Some((n, road)) || self.nodes[target].taken == Some(true) {
                continue;
            }
            self.nodes[target].taken = Some(true);
            if road == Road::Fallback {
                // Its edges to the step it stands in for are decided by the failure itself.
                let own: Vec<usize> =
                    self.after[n].iter().filter(|(t, _)| *t == target).map(|(_, e)| *e).collect();
                own.into_iter().for_each(|edge| self.decide_edge(n, target, edge));
            }
            self.gate(target);
        }
    }

    /// Decides one edge of `next` now that `before` ended.
    fn decide_edge(&mut self, before: usize, next: usize, edge: usize) {
        self.recount_edge(before, next, edge);
        self.gate(next);
    }

    /// Counts one edge of `next` as holding or not, as `before` ended.
    pub(super) fn recount_edge(&mut self, before: usize, next: usize, edge: usize) {
        let verdict = self.holds(&self.plan_step(next).edges[edge], before);
        let node = &mut self.nodes[next];
        node.undecided = node.undecided.saturating_sub(1);
        match verdict {
            Ok(None) => node.holding += 1,
            Ok(Some(why)) => drop(node.broken.get_or_insert(why)),
            Err(error) => drop(node.unclear.get_or_insert(error)),
        }
    }

    /// Whether an edge holds: nothing if it does, else why not.
    fn holds(&self, edge: &Edge, before: usize) -> Result<Option<String>, String> {
        let state = self.nodes[before].state;
        let kind = match edge.kind {
            EdgeKind::Always => true,
            EdgeKind::OnSuccess => state.is_pass(),
            EdgeKind::OnFailure => state == State::Failed,
        };
        if !kind {
            let before = &self.nodes[before].instance;
            let what = match (edge.kind, state) {
                (EdgeKind::OnFailure, _) => "did not fail",
                (_, State::Failed) => "failed",
                (_, State::Skipped) => "was skipped",
                (_, State::Cancelled) => "was cancelled",
                _ => "is unproven",
            };
            return Ok(Some(format!("`{before}` {what}")));
        }
        let Some(text) = &edge.condition else { return Ok(None) };
        let true_ = self.condition(text, None)?;
        Ok((!true_).then(|| format!("the condition `{}` is false", text.value)))
    }

    fn condition(&self, text: &str, node: Option<&Node>) -> Result<bool, String> {
        let parsed = Condition::parse(text)?;
        let variables = self.variables(&parsed.names(), node);
        parsed
            .holds(&variables)
            .map_err(|why| format!("the condition `{text}` cannot be evaluated: {why}"))
    }

    /// Whether nothing new may start among the steps.
    pub(super) fn is_winding_up(&self) -> bool {
        self.stopped.is_some() || self.is_ending()
    }

    /// Whether the run was cancelled, ran out of time, or was blocked.
    pub fn is_ending(&self) -> bool {
        self.cancelled.is_some() || self.deadline.is_some() || self.blocked.is_some()
    }

    /// Decides whether a waiting node can run, cannot any more, or must wait on.
    pub(super) fn gate(&mut self, n: usize) {
        let node = &self.nodes[n];
        if node.state != State::Waiting || self.pending.contains_key(&n) {
            return;
        }
        if let Some(error) = node.unclear.clone() {
            let barred = if node.finally { None } else { self.barred(n) };
            self.pending.insert(n, barred.unwrap_or(Note::Fail(error)));
            return;
        }
        let any = self.plan_step(n).join == Join::Any;
        if let Some(why) =
            node.broken.clone().filter(|_| !any || node.undecided == 0 && node.holding == 0)
        {
            self.pending.insert(n, Note::Skip(why));
            return;
        }
        if node.taken == Some(false) {
            // It may come back here after its road was closed: run again after an interrupt, or by `converge`.
            let source = self.target_of[n].map(|(source, _)| &self.nodes[source]);
            if let Some(source) = source.filter(|s| s.ended()) {
                let why = not_taken(source);
                self.pending.insert(n, Note::Skip(why));
            }
            return;
        }
        if node.undecided > 0 {
            return;
        }
        let note = self.admit(n);
        match note {
            Some(note) => drop(self.pending.insert(n, note)),
            None => self.set(n, State::Ready, None),
        }
    }

    /// What keeps a node whose edges hold from being started by the engine.
    fn admit(&self, n: usize) -> Option<Note> {
        let node = &self.nodes[n];
        if !node.finally
            && let Some(note) = self.barred(n)
        {
            return Some(note);
        }
        let step = self.plan_step(n);
        let fan = step.fan.as_ref().filter(|_| node.whole.is_none());
        // What may depend on the item is asked for each instance.
        for when in step.when.iter().filter(|_| fan.is_none()) {
            match self.condition(&when.condition, Some(node)) {
                Ok(true) => {}
                Ok(false) => {
                    let otherwise = || format!("`{}` is false", when.condition.value);
                    return Some(Note::Skip(when.reason.clone().unwrap_or_else(otherwise)));
                }
                Err(error) => return Some(Note::Fail(error)),
            }
        }
        if let Some(unmet) = &step.unmet {
            return Some(Note::Unproven(unmet.clone()));
        }
        if let Some(fan) = fan {
            return Some(self.items(n, fan).map_or_else(Note::Fail, Note::Expand));
        }
        self.asks(node).then(|| {
            let human = step.actor == crate::workflow::Actor::Human;
            let why = if human { "a person does this step" } else { "there is nothing to run" };
            Note::Ask(why.to_owned())
        })
    }

    /// What the end of the run does to a node that has not started.
    pub(super) fn barred(&self, n: usize) -> Option<Note> {
        let node = &self.nodes[n];
        if let Some(why) = &self.blocked {
            return Some(Note::Skip(why.clone()));
        }
        if self.is_ending() {
            return Some(Note::Cancel);
        }
        let stopper = self.stopped.map(|s| &self.nodes[s])?;
        let follows = |n: &Node| n.stops || !n.ended();
        if self.follows_failure(n, follows)
            && !matches!(node.state, State::Delayed(_) | State::Asked)
        {
            let decided = node.undecided == 0;
            if !decided || self.follows_failure(n, |before| before.stops) {
                return None;
            }
        }
        let why = format!("`{}` failed and stopped the run", stopper.instance);
        Some(if node.untried() { Note::Skip(why) } else { Note::Fail(why) })
    }

    /// Whether a node has an `OnFailure` edge from a step of which `is` holds.
    fn follows_failure(&self, n: usize, is: impl Fn(&Node) -> bool) -> bool {
        self.plan_step(n).edges.iter().any(|edge| {
            let before = self.index.get(&crate::ids::Instance::only(edge.step.value.clone()));
            edge.kind == EdgeKind::OnFailure && before.is_some_and(|b| is(&self.nodes[*b]))
        })
    }

    /// The run is stopped by node `n`: what has not started is barred, but for what follows a failure.
    pub(super) fn stop(&mut self, n: usize) {
        if self.stopped.is_none() {
            self.stopped = Some(n);
            self.bar_steps();
        }
    }

    /// Bars every step that has not started, as the end of the run demands.
    pub(super) fn bar_steps(&mut self) {
        for n in 0..self.nodes.len() {
            let node = &self.nodes[n];
            if node.finally {
                continue;
            }
            let waits = match node.state {
                State::Waiting | State::Ready | State::Delayed(_) => true,
                // Somebody who is asked what became of a step must still say so, unless the run is cancelled.
                State::Asked | State::Unsure => {
                    node.untried() || self.is_ending() || self.step(node).is_asked()
                }
                State::Held => self.is_ending(),
                _ => false,
            };
            if !waits {
                continue;
            }
            if let Some(note) = self.barred(n) {
                self.pending.insert(n, note);
            }
        }
    }
}

/// Why the target of an ended node is skipped.
fn not_taken(source: &Node) -> String {
    format!("not taken: `{}` {}", source.instance, source.state.name())
}
