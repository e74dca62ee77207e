//! The state of a run: its nodes, their states, and the queues derived from them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::attest::Attestation;
use super::event::{Event, Probe};
use super::fan::Item;
use super::node::Node;
use super::record::Actor;
use super::status::RunStatus;
use super::veto::Veto;
use crate::ids::{Instance, Name, RunId, StepId};
use crate::plan::{self, Plan};
use crate::value::Time;
use crate::workflow::OnError;

/// How a target is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Road {
    /// It stands in for the step.
    Fallback,
    /// It follows the step's failure.
    OnFailure,
    /// It follows the step's success.
    OnSuccess,
}

/// What is decided about a node and not recorded yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Note {
    Skip(String),
    Fail(String),
    Unproven(String),
    Ask(String),
    Expand(Vec<Item>),
    Cancel,
}

/// Whether the run has converged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Converged {
    /// It was not asked since the last reset.
    Unknown,
    Yes,
    No,
}

/// The state of a run. Only `apply` changes it.
#[derive(Debug, Clone)]
pub struct Run {
    pub(super) plan: Arc<Plan>,
    pub(super) nodes: Vec<Node>,
    pub(super) index: HashMap<Instance, usize>,
    /// For each node, the nodes after it and which of their edges leads back.
    pub(super) after: Vec<Vec<(usize, usize)>>,
    /// For each node, whose target it is.
    pub(super) target_of: Vec<Option<(usize, Road)>>,
    /// For each node, its targets.
    pub(super) targets: Vec<Vec<usize>>,
    /// What can start: here, and on hosts. Each has room of its own, and so a queue.
    pub(super) ready: [BTreeSet<(std::cmp::Reverse<u32>, usize)>; 2],
    pub(super) delayed: BTreeSet<(Time, usize)>,
    pub(super) running: BTreeSet<usize>,
    pub(super) asked: BTreeSet<usize>,
    /// What somebody holds.
    pub(super) holding: BTreeSet<usize>,
    pub(super) unsure: BTreeSet<usize>,
    pub(super) pending: BTreeMap<usize, Note>,
    pub(super) held: HashMap<Name, usize>,
    pub(super) probing: Vec<Probe>,
    pub(super) next_seq: u64,
    pub(super) id: Option<RunId>,
    pub(super) opened: Option<Event>,
    pub(super) opened_at: Option<Time>,
    pub(super) opened_by: Option<Actor>,
    pub(super) ended_at: Option<Time>,
    pub(super) guards_done: usize,
    pub(super) warnings: Vec<(Name, super::Outcome)>,
    pub(super) blocked: Option<String>,
    /// The first failure that stopped the run.
    pub(super) stopped: Option<usize>,
    pub(super) cancelled: Option<String>,
    /// The vetoes that stand.
    pub(super) vetoes: Vec<Veto>,
    /// What was said to hold, under a name.
    pub(super) attestations: Vec<Attestation>,
    pub(super) deadline: Option<u64>,
    pub(super) iterations: u32,
    pub(super) converged: Converged,
    pub(super) open_steps: usize,
    pub(super) open_finally: usize,
    pub(super) finally_started: bool,
    pub(super) finished: Option<(RunStatus, Option<String>)>,
    /// What it hands to its caller, once it has ended.
    pub(super) handed_on: BTreeMap<Name, serde_json::Value>,
    /// The driver's boot, and when it took over and was last heard of.
    pub(super) driver: Option<(u32, String)>,
    /// Whether the driver forces every record to disk before its effect.
    pub(super) forced: bool,
    pub(super) driven_ms: u64,
    /// Whether it retries another run and nothing but that was recorded yet.
    pub(super) retrying: bool,
    pub(super) last_at: Option<Time>,
}

impl Run {
    /// How many of its nodes have not ended.
    pub fn unended(&self) -> usize {
        self.open_steps + self.open_finally
    }

    /// A run of which nothing is recorded yet.
    pub fn new(plan: Arc<Plan>) -> Self {
        let mut run = Self {
            nodes: Vec::new(),
            index: HashMap::new(),
            after: Vec::new(),
            target_of: Vec::new(),
            targets: Vec::new(),
            ready: [BTreeSet::new(), BTreeSet::new()],
            delayed: BTreeSet::new(),
            running: BTreeSet::new(),
            asked: BTreeSet::new(),
            holding: BTreeSet::new(),
            unsure: BTreeSet::new(),
            pending: BTreeMap::new(),
            held: HashMap::new(),
            probing: Vec::new(),
            next_seq: 0,
            id: None,
            opened: None,
            opened_at: None,
            opened_by: None,
            ended_at: None,
            guards_done: 0,
            warnings: Vec::new(),
            blocked: None,
            stopped: None,
            cancelled: None,
            vetoes: Vec::new(),
            attestations: Vec::new(),
            deadline: None,
            iterations: 0,
            converged: Converged::Unknown,
            open_steps: plan.steps.len(),
            open_finally: 0,
            finally_started: false,
            finished: None,
            handed_on: BTreeMap::new(),
            driver: None,
            forced: false,
            driven_ms: 0,
            retrying: false,
            last_at: None,
            plan,
        };
        let plan = run.plan.clone();
        for (i, step) in plan.steps.iter().enumerate() {
            run.add(Node::new(Instance::only(step.id.clone()), false, i));
        }
        run.link(0);
        (0..run.nodes.len()).for_each(|n| run.gate(n));
        run
    }

    pub(super) fn add(&mut self, node: Node) {
        self.index.insert(node.instance.clone(), self.nodes.len());
        self.nodes.push(node);
        self.after.push(Vec::new());
        self.target_of.push(None);
        self.targets.push(Vec::new());
    }

    /// Draws the edges and roads of the nodes from `first` on, and ranks them.
    pub(super) fn link(&mut self, first: usize) {
        let plan = self.plan.clone();
        let mut by_step: HashMap<&StepId, Vec<usize>> = HashMap::new();
        for n in first..self.nodes.len() {
            by_step.entry(&self.step_of(&plan, n).id).or_default().push(n);
        }
        let of = |id: &StepId| by_step.get(id).map_or(&[][..], Vec::as_slice);
        for n in first..self.nodes.len() {
            let step = self.step_of(&plan, n);
            for (e, edge) in step.edges.iter().enumerate() {
                for &before in of(&edge.step) {
                    self.after[before].push((n, e));
                    self.nodes[n].undecided += 1;
                }
            }
            for (id, road) in roads(&step.on_error) {
                for &target in of(id) {
                    self.target_of[target] = Some((n, road));
                    self.targets[n].push(target);
                    self.nodes[target].taken = Some(false);
                }
            }
        }
        self.rank(first);
    }

    /// Ranks by the longest path to the end, over edges and roads.
    fn rank(&mut self, first: usize) {
        let mut before = vec![Vec::new(); self.nodes.len()];
        let mut left = vec![0_usize; self.nodes.len()];
        let mut precede = |n: usize, next: usize| {
            before[next].push(n);
            left[n] += 1;
        };
        for n in first..self.nodes.len() {
            self.after[n].iter().for_each(|(next, _)| precede(n, *next));
            self.targets[n].iter().for_each(|target| precede(n, *target));
        }
        let mut todo: Vec<usize> = (first..self.nodes.len()).filter(|n| left[*n] == 0).collect();
        while let Some(n) = todo.pop() {
            for &b in &before[n] {
                self.nodes[b].rank = self.nodes[b].rank.max(self.nodes[n].rank + 1);
                left[b] -= 1;
                if left[b] == 0 {
                    todo.push(b);
                }
            }
        }
    }

    fn step_of<'p>(&self, plan: &'p Plan, n: usize) -> &'p plan::Step {
        let node = &self.nodes[n];
        if node.finally { &plan.finally[node.step] } else { &plan.steps[node.step] }
    }

    /// What can start, wherever.
    pub(super) fn all_ready(&self) -> impl Iterator<Item = usize> {
        self.ready.iter().flatten().map(|(_, n)| *n)
    }

    /// The plan it executes.
    pub fn plan(&self) -> &Arc<Plan> {
        &self.plan
    }

    /// A node's step.
    pub fn step(&self, node: &Node) -> &plan::Step {
        if node.finally { &self.plan.finally[node.step] } else { &self.plan.steps[node.step] }
    }

    /// All nodes: the steps in the order of the file, then the instances of `finally`.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// One node.
    pub fn node(&self, instance: &Instance) -> Option<&Node> {
        self.index.get(instance).map(|n| &self.nodes[*n])
    }

    /// The node of this name; else that there is no such step, and which may be meant.
    pub fn named(&self, step: &str) -> Result<&Node, String> {
        let found = Instance::parse(step).and_then(|instance| self.node(&instance));
        found.ok_or_else(|| {
            let names: Vec<String> = self.nodes.iter().map(|n| n.instance.to_string()).collect();
            let whose = format!("run {}", self.id());
            plan::no_step(&whose, step, names.iter().map(String::as_str))
        })
    }

    /// How many records it is the fold of.
    pub fn seq(&self) -> u64 {
        self.next_seq
    }

    /// Its id; empty before it was opened.
    pub fn id(&self) -> &str {
        self.id.as_ref().map_or("", RunId::as_str)
    }

    /// The record that opened it.
    pub fn opening(&self) -> Option<(&Event, Time, &Actor)> {
        Some((self.opened.as_ref()?, self.opened_at?, self.opened_by.as_ref()?))
    }

    /// The attempt that called it, where one did.
    pub fn parent(&self) -> Option<&super::Parent> {
        match &self.opened {
            Some(Event::RunOpened { parent, .. }) => parent.as_ref(),
            _ => None,
        }
    }

    /// What it handed to its caller.
    pub fn outputs(&self) -> &BTreeMap<Name, serde_json::Value> {
        &self.handed_on
    }

    /// When it ended.
    pub fn ended_at(&self) -> Option<Time> {
        self.ended_at
    }

    /// The process that drives it, and the boot of its machine; none once it left in good order.
    pub fn driver(&self) -> Option<(u32, &str)> {
        self.driver.as_ref().map(|(pid, boot)| (*pid, boot.as_str()))
    }

    /// How long it was driven so far, in milliseconds: stopped engines do not count.
    pub fn driven_ms(&self) -> u64 {
        self.driven_ms
    }

    /// Guards that failed without blocking the run.
    pub fn warnings(&self) -> &[(Name, super::Outcome)] {
        &self.warnings
    }

    /// Whether `finally` steps are owed: some step may have run, and they are not all done.
    pub fn owes_finally(&self) -> bool {
        let started = self.nodes.iter().any(|n| !n.finally && !n.attempts.is_empty());
        self.finished.is_none()
            && !self.plan.finally.is_empty()
            && started
            && (!self.finally_started || self.open_finally > 0)
    }

    /// The chance in it.
    pub(super) fn seed(&self) -> u64 {
        match self.opened {
            Some(Event::RunOpened { seed, .. }) => seed,
            _ => 0,
        }
    }
}

/// The targets of an error strategy and how each is reached.
pub(super) fn roads(on_error: &OnError) -> Vec<(&StepId, Road)> {
    match on_error.finally() {
        OnError::Fallback { target } => vec![(&target.value, Road::Fallback)],
        OnError::Branch { target, on_success } => {
            let success = on_success.iter().map(|s| (&s.value, Road::OnSuccess));
            std::iter::once((&target.value, Road::OnFailure)).chain(success).collect()
        }
        OnError::Stop | OnError::Continue | OnError::Retry(_) => Vec::new(),
    }
}
