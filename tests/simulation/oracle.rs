//! The rules once more, written another way: fates computed backwards from durations, in two passes around the stop.

use std::cell::RefCell;
use std::collections::BTreeMap;

use ostler::plan::{Plan, Step};
use ostler::run::{Outcome, RunStatus};
use ostler::workflow::{ConvergeStrategy, Edge, EdgeKind, Join, OnError};

use crate::generate::BROKEN;
use crate::table::{End, Table};

#[derive(Debug, Clone)]
struct Fate {
    end: End,
    /// When that was decided for everybody else.
    at: u64,
    /// When it failed itself, if it did: its fallback starts then.
    failed_at: Option<u64>,
    /// Whether an attempt of its own was what ended it, or of the step that stood in for it.
    tried: bool,
    /// Whether its failure stops the run.
    stops: bool,
    /// How many attempts it had, in all rounds.
    attempts: usize,
}

/// What the oracle says of a run.
pub(crate) struct Foretold {
    pub(crate) steps: BTreeMap<String, (&'static str, usize)>,
    pub(crate) status: RunStatus,
}

/// Steps of one phase in one round.
struct Round<'p> {
    table: &'p Table,
    /// The steps and the names of their instances.
    nodes: Vec<(&'p Step, String)>,
    finally: bool,
    begin: u64,
    /// When the run is stopped; nothing new starts from then on.
    stop: u64,
    /// What was decided in earlier rounds, and how many attempts there were before this one.
    kept: BTreeMap<usize, Fate>,
    tries: Vec<usize>,
    fates: RefCell<BTreeMap<usize, Fate>>,
}

const NEVER: u64 = u64::MAX;

/// Foretells a run; none where the documents leave the order of two things at one instant open.
pub(crate) fn foretell(plan: &Plan, table: &Table) -> Option<Foretold> {
    let no = |text: &str| table.probe(text) != Outcome::Exited { code: 0 };
    let blocks = |g: &&ostler::plan::Guard| g.severity == ostler::workflow::Severity::Block;
    let blocked = plan.guards.iter().filter(blocks).any(|g| no(g.id.as_str()));
    if blocked {
        let skipped = plan.steps.iter().map(|s| (s.id.to_string(), ("skipped", 0)));
        return Some(Foretold { steps: skipped.collect(), status: RunStatus::Blocked });
    }
    let nodes: Vec<(&Step, String)> = plan.steps.iter().map(|s| (s, s.id.to_string())).collect();
    let mut round = Round::new(table, nodes, false);
    let mut fates = round.both_passes()?;
    let mut converged = plan.converge.is_none();
    if let Some(converge) = &plan.converge {
        for iteration in 0.. {
            converged = !no(&format!("converge {iteration}"));
            if converged || iteration >= converge.max_iterations {
                break;
            }
            let reset = round.reset(&fates, converge.strategy);
            if reset.is_empty() {
                break;
            }
            round.tries = fates.iter().map(|f| f.attempts).collect();
            round.begin = fates.iter().map(|f| f.at).max().unwrap_or(0);
            let kept = fates.into_iter().enumerate().filter(|(n, _)| !reset.contains(n));
            let begin = round.begin;
            round.kept = kept.map(|(n, f)| (n, Fate { at: begin, stops: false, ..f })).collect();
            fates = round.both_passes()?;
        }
    }
    let mut steps: BTreeMap<String, (&'static str, usize)> = BTreeMap::new();
    for (fate, (_, instance)) in fates.iter().zip(&round.nodes) {
        steps.insert(instance.clone(), (fate.end.name(), fate.attempts));
    }
    let mut last = Vec::new();
    if fates.iter().any(|f| f.attempts > 0) {
        let nodes = finally_nodes(plan, &fates);
        let round = Round::new(table, nodes, true);
        last = (0..round.nodes.len()).map(|n| round.fate(n)).collect();
        for (fate, (_, instance)) in last.iter().zip(&round.nodes) {
            steps.insert(instance.clone(), (fate.end.name(), fate.attempts));
        }
    }
    let any = |fates: &[Fate], end: End| fates.iter().any(|f| f.end == end);
    let status = if fates.iter().any(|f| f.stops) || !converged || any(&last, End::Failed) {
        RunStatus::Failed
    } else if any(&fates, End::Failed) || any(&fates, End::Unproven) || any(&last, End::Unproven) {
        RunStatus::PassedWithFailures
    } else {
        RunStatus::Passed
    };
    Some(Foretold { steps, status })
}

/// One node for each `finally` step, and for a releaser one for each attempt that may hold something.
fn finally_nodes<'p>(plan: &'p Plan, fates: &[Fate]) -> Vec<(&'p Step, String)> {
    let mut nodes = Vec::new();
    for step in &plan.finally {
        match plan.steps.iter().position(|s| s.release.as_ref() == Some(&step.id)) {
            None => nodes.push((step, step.id.to_string())),
            Some(holder) => nodes.extend((1..=fates[holder].attempts).map(|attempt| {
                (step, format!("{}[{}#{attempt}]", step.id, plan.steps[holder].id))
            })),
        }
    }
    nodes
}

impl<'p> Round<'p> {
    fn new(table: &'p Table, nodes: Vec<(&'p Step, String)>, finally: bool) -> Self {
        let tries = vec![0; nodes.len()];
        let (kept, fates) = (BTreeMap::new(), RefCell::default());
        Self { table, nodes, finally, begin: 0, stop: NEVER, kept, tries, fates }
    }

    /// First as if nothing ever stopped: the earliest failure that stops is the same either way.
    fn both_passes(&mut self) -> Option<Vec<Fate>> {
        self.stop = NEVER;
        self.fates = RefCell::default();
        let free: Vec<Fate> = (0..self.nodes.len()).map(|n| self.fate(n)).collect();
        let Some(stop) = free.iter().filter(|f| f.stops).map(|f| f.at).min() else {
            return Some(free);
        };
        // Whether what needs no time comes before a stop that needs none either is left open.
        let at_once = free.iter().any(|f| f.stops && f.at == stop && !f.tried);
        let others =
            |f: &&Fate| f.at == stop && !f.tried && matches!(f.end, End::Failed | End::Unproven);
        if at_once && free.iter().filter(others).count() > 1 {
            return None;
        }
        self.stop = stop;
        let origin = free.iter().position(|f| f.stops && f.at == stop)?;
        self.fates = RefCell::default();
        if at_once {
            self.fates.borrow_mut().insert(origin, free[origin].clone());
        }
        let fates = (0..self.nodes.len()).map(|n| self.fate(n)).collect();
        // So is whether a road that the very failure opens is taken, where its target may still start.
        let at_stop = |n: usize| self.road(n).is_some_and(|(at, _)| at == stop);
        let open = (0..self.nodes.len()).any(|n| at_stop(n) && self.follows_stop(self.nodes[n].0));
        (!open).then_some(fates)
    }

    fn find<'a>(&'a self, id: &'a str) -> impl Iterator<Item = usize> + 'a {
        let same = move |n: &usize| self.nodes[*n].0.id.as_str() == id;
        (0..self.nodes.len()).filter(same)
    }

    fn fate(&self, n: usize) -> Fate {
        if let Some(kept) = self.kept.get(&n) {
            return kept.clone();
        }
        if let Some(known) = self.fates.borrow().get(&n) {
            return known.clone();
        }
        let fate = self.work_out(n);
        self.fates.borrow_mut().insert(n, fate.clone());
        fate
    }

    fn work_out(&self, n: usize) -> Fate {
        let (step, _) = &self.nodes[n];
        let (edges_at, holds) = match self.edges(n) {
            Some((at, true)) => (at, true),
            Some((at, false)) => (at, false),
            None => {
                let at = self.first_edge(n);
                if at >= self.stop && !self.follows_stop(step) {
                    return self.skipped(n, at);
                }
                return self.failed(n, at, self.tries[n], false);
            }
        };
        let road = self.road(n);
        match road {
            Some((at, false)) if holds => return self.skipped(n, at),
            Some((at, false)) => return self.skipped(n, at.min(edges_at)),
            _ if !holds => return self.skipped(n, edges_at),
            _ => {}
        }
        let begin = edges_at.max(road.map_or(0, |(at, _)| at)).max(self.begin);
        if begin >= self.stop && !self.follows_stop(step) {
            return self.skipped(n, begin);
        }
        for when in &step.when {
            match self.truth(&when.condition) {
                Some(true) => {}
                Some(false) => return self.skipped(n, begin),
                None => return self.failed(n, begin, self.tries[n], false),
            }
        }
        if step.unmet.is_some() {
            return Fate { end: End::Unproven, ..self.skipped(n, begin) };
        }
        self.tried(n, begin)
    }

    /// The attempts of a step that begins.
    fn tried(&self, n: usize, begin: u64) -> Fate {
        let (step, instance) = &self.nodes[n];
        let (mut now, mut attempts, mut retries) = (begin, self.tries[n], 0_u32);
        loop {
            attempts += 1;
            let this = self.table.attempt(instance, attempts);
            let until = now + this.ms;
            // Somebody who is asked has not started.
            if step.is_asked() && now < self.stop && self.stop < until {
                return self.skipped(n, self.stop);
            }
            now = until;
            if this.code == 0 {
                let end = End::Passed;
                return Fate { end, at: now, failed_at: None, tried: true, stops: false, attempts };
            }
            let OnError::Retry(retry) = &step.on_error else {
                return self.failed(n, now, attempts, true);
            };
            let open = retry.on_exits.is_empty() && retry.on_outcomes.is_empty();
            let named = retry.on_exits.contains(&this.code)
                || retry.on_outcomes.iter().any(|o| o.value == "exited");
            let sizes = retry.escalate.first().map_or(9, |(_, sizes)| sizes.len() - 1);
            let left = retries < retry.max && (retries as usize) < sizes;
            if !left || !(open || named) || now > self.stop {
                return self.failed(n, now, attempts, true);
            }
            retries += 1;
            // All retries wait a second.
            if now < self.stop && self.stop <= now + 1_000 {
                return self.failed(n, self.stop, attempts, false);
            }
            now += 1_000;
        }
    }

    fn skipped(&self, n: usize, at: u64) -> Fate {
        let attempts = self.tries[n];
        Fate { end: End::Skipped, at, failed_at: None, tried: false, stops: false, attempts }
    }

    /// What follows a failure that is not tried again.
    fn failed(&self, n: usize, at: u64, attempts: usize, tried: bool) -> Fate {
        let stops = !self.finally;
        let plain = Fate { end: End::Failed, at, failed_at: Some(at), tried, stops, attempts };
        match self.nodes[n].0.on_error.finally() {
            OnError::Stop => plain,
            OnError::Fallback { .. } if at >= self.stop => plain,
            OnError::Fallback { target } => {
                // The target asks when this step failed, so that is said first.
                let waiting = Fate { stops: false, ..plain.clone() };
                self.fates.borrow_mut().insert(n, waiting);
                let target = self.find(target.value.as_str()).next().unwrap();
                let stand_in = self.fate(target);
                let (at, tried) = (stand_in.at.max(at), stand_in.tried);
                if stand_in.end.passed() {
                    return Fate { end: End::Recovered, stops: false, at, tried, ..plain };
                }
                Fate { at, tried, ..plain }
            }
            OnError::Continue | OnError::Branch { .. } | OnError::Retry(_) => {
                Fate { stops: false, ..plain }
            }
        }
    }

    /// When the edges were decided, and whether they hold; none if a condition on them cannot be evaluated.
    fn edges(&self, n: usize) -> Option<(u64, bool)> {
        let step = self.nodes[n].0;
        let mut verdicts = Vec::new();
        for edge in &step.edges {
            for before in self.find(edge.step.value.as_str()) {
                verdicts.push(self.edge(n, before, edge)?);
            }
        }
        let last = verdicts.iter().map(|v| v.0).max().unwrap_or(self.begin);
        let broken = verdicts.iter().filter(|v| !v.1).map(|v| v.0).min();
        match step.join {
            Join::All => Some(broken.map_or((last, true), |at| (at, false))),
            Join::Any => Some((last, verdicts.is_empty() || verdicts.iter().any(|v| v.1))),
        }
    }

    fn edge(&self, n: usize, before: usize, edge: &Edge) -> Option<(u64, bool)> {
        let own = self.is_stand_in(n, before);
        let fate = self.fate(before);
        let (end, at) = match fate.failed_at {
            Some(at) if own => (End::Failed, at),
            _ => (fate.end, fate.at),
        };
        let kind = match edge.kind {
            EdgeKind::Always => true,
            EdgeKind::OnSuccess => end.passed(),
            EdgeKind::OnFailure => end == End::Failed,
        };
        let holds = match &edge.condition {
            Some(text) if kind => self.truth(text)?,
            _ => kind,
        };
        Some((at, holds))
    }

    /// When the one edge was decided whose condition cannot be evaluated.
    fn first_edge(&self, n: usize) -> u64 {
        let before = self.find(self.nodes[n].0.edges[0].step.value.as_str()).next();
        before.map_or(self.begin, |b| {
            let fate = self.fate(b);
            fate.failed_at.filter(|_| self.is_stand_in(n, b)).unwrap_or(fate.at)
        })
    }

    fn is_stand_in(&self, n: usize, source: usize) -> bool {
        let on_error = self.nodes[source].0.on_error.finally();
        matches!(on_error, OnError::Fallback { target } if target.value == self.nodes[n].0.id)
    }

    /// For a target: when it was decided whether its road is taken, and whether it is.
    fn road(&self, n: usize) -> Option<(u64, bool)> {
        let id = &self.nodes[n].0.id;
        let leads = |s: &usize| self.nodes[*s].0.on_error.targets().iter().any(|t| t.value == *id);
        let source = (0..self.nodes.len()).find(leads)?;
        let fate = self.fate(source);
        let stopped = |at: u64| at >= self.stop;
        Some(match self.nodes[source].0.on_error.finally() {
            OnError::Fallback { .. } => match fate.failed_at {
                Some(at) => (at, !stopped(at)),
                None => (fate.at, false),
            },
            OnError::Branch { on_success: Some(s), .. } if s.value == *id => {
                (fate.at, fate.end.passed() && !stopped(fate.at))
            }
            _ => (fate.at, fate.end == End::Failed && !stopped(fate.at)),
        })
    }

    fn follows_stop(&self, step: &Step) -> bool {
        let stops = |e: &Edge| self.find(e.step.value.as_str()).any(|b| self.fate(b).stops);
        step.edges.iter().any(|e| e.kind == EdgeKind::OnFailure && stops(e))
    }

    /// The value of a condition over the end of a step before.
    fn truth(&self, text: &str) -> Option<bool> {
        if text == BROKEN {
            return None;
        }
        let words: Vec<&str> = text.split(['.', ' ', '"']).filter(|w| !w.is_empty()).collect();
        let ["steps", step, "status", sign, state] = words.as_slice() else {
            return Some(text != "false");
        };
        let all: Vec<usize> = self.find(step).collect();
        let [before] = all.as_slice() else { return None };
        if self.nodes[*before].1.contains('[') {
            return None;
        }
        let fate = self.fate(*before);
        Some((fate.end.name() == *state) == (*sign == "=="))
    }

    /// What another round runs again: the failed steps and what a stop skipped, or all but what people did, and all downstream.
    fn reset(&self, fates: &[Fate], strategy: ConvergeStrategy) -> Vec<usize> {
        let mut reset: Vec<usize> = Vec::new();
        let gets_chance = |n: usize| fates[n].end == End::Skipped && fates.iter().any(|f| f.stops);
        let first = |n: usize| match strategy {
            ConvergeStrategy::RetryFailed => fates[n].end == End::Failed || gets_chance(n),
            ConvergeStrategy::RetryAll => {
                !(self.nodes[n].0.is_asked() && fates[n].end == End::Passed)
            }
        };
        loop {
            let more = |n: &usize| {
                let step = self.nodes[*n].0;
                let again = |id: &str| self.find(id).any(|b| reset.contains(&b));
                let leads = |s: &usize| {
                    self.nodes[*s].0.on_error.targets().iter().any(|t| t.value == step.id)
                };
                let recovered_by = fates[*n].end == End::Recovered
                    && step.on_error.targets().iter().any(|t| again(t.value.as_str()));
                first(*n)
                    || step.edges.iter().any(|e| again(e.step.value.as_str()))
                    || reset.iter().any(leads)
                    || recovered_by
            };
            let next: Vec<usize> = (0..self.nodes.len()).filter(more).collect();
            if next.len() == reset.len() {
                return reset;
            }
            reset = next;
        }
    }
}
