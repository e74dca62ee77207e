//! What somebody who steps through a run is told: the step in hand or the next one, and how it is reported. Short, the
//! same for the same state, and the same on every surface.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::data::marked;
use super::lines::one_line;
use super::pass::requirements;
use super::people::filled;
use super::{StepReport, VetoReport, step as step_report};
use crate::expr::template::Placeholder;
use crate::plan::{Action, quoted};
use crate::run::{Actor, ActorKind, Node, Run, RunStatus, State, may_do};
use crate::workflow::{self, Effect};

/// What somebody who steps through a run is told.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Brief {
    /// The run.
    pub run: String,
    /// The verb.
    pub verb: String,
    /// What the run is for, in the words of who opened it.
    pub task: Option<String>,
    /// What the run is now.
    pub status: RunStatus,
    /// Why, where it ended and did not pass.
    pub reason: Option<String>,
    /// The vetoes that stand: whose, and why. Nothing new begins until they are lifted.
    pub vetoes: Vec<String>,
    /// How many steps have ended.
    pub done: usize,
    /// How many there are so far.
    pub steps: usize,
    /// What should hold before, for whoever begins to attest; only as long as nothing was done.
    pub preconditions: Vec<String>,
    /// What should hold now that it has ended.
    pub postconditions: Vec<String>,
    /// What became of the step that this answers for.
    pub last: Option<Last>,
    /// The step in hand, or the next one.
    pub step: Option<Work>,
    /// Other steps that the reader may take now.
    pub also: Vec<String>,
    /// What the run waits for beside that.
    pub waits: Vec<Wait>,
    /// The call that comes next, if there is one.
    pub next: Option<String>,
}

/// What became of a step.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Last {
    /// Its id.
    pub step: String,
    /// Its state.
    pub status: String,
    /// Why, where there is more to say.
    pub why: Option<String>,
    /// What it handed on.
    pub outputs: BTreeMap<String, Value>,
    /// The end of what its command wrote, between marks: data, and no instructions.
    pub output: Option<String>,
}

/// A step to do.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Work {
    /// Its id.
    pub id: String,
    /// The number of the attempt, if it is not the first.
    pub attempt: Option<u32>,
    /// Who may do it: `Human`, `Agent` or `Both`.
    pub actor: String,
    /// What it is about.
    pub action: Option<String>,
    /// What whoever does it should know.
    pub note: Option<String>,
    /// Why somebody is asked, where there is more to say.
    pub reason: Option<String>,
    /// Where it is done, if not here.
    pub host: Option<String>,
    /// What it runs, its placeholders as they were written; several where it is several checks.
    pub runs: Vec<String>,
    /// The values of these placeholders.
    pub with: BTreeMap<String, Value>,
    /// What a pass requires.
    pub passes: Vec<String>,
    /// What is forbidden.
    pub forbidden: Vec<String>,
    /// The fencing token of the reader's lease on it.
    pub token: Option<u64>,
    /// When that lease ends.
    pub until: Option<String>,
    /// The calls for it: take it, let the engine run it, report it, give it back.
    pub calls: Vec<String>,
}

/// Something that the run waits for.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Wait {
    /// The step.
    pub step: String,
    /// Whom or what for.
    pub who: String,
}

/// What an actor is to do next: what they hold, else what they have to say the end of, else the first that they may take.
pub fn chosen<'r>(run: &'r Run, actor: &Actor) -> Option<&'r Node> {
    let own = run.held().find(|(_, lease)| lease.by == *actor).map(|(node, _)| node);
    own.or_else(|| unsure(run, actor).next()).or_else(|| open_to(run, actor).into_iter().next())
}

/// What an actor may take now, in the order in which they should: a person first what is for people.
pub fn open_to<'r>(run: &'r Run, actor: &Actor) -> Vec<&'r Node> {
    let mut open: Vec<&Node> =
        run.offered().filter(|node| may_do(run.step(node).actor, actor)).collect();
    let person = actor.kind == ActorKind::Human;
    open.sort_by_key(|node| person && run.step(node).actor == workflow::Actor::Agent);
    open
}

/// What may have run, and of which an actor can say what became.
fn unsure<'r>(run: &'r Run, actor: &Actor) -> impl Iterator<Item = &'r Node> {
    let asked = run.nodes().iter().filter(|n| n.state == State::Asked && !run.step(n).is_asked());
    asked.filter(|node| may_do(run.step(node).actor, actor))
}

/// What an actor is told of a run. `last` is what their call was about.
pub fn brief(run: &Run, actor: &Actor, last: Option<Last>) -> Brief {
    brief_of(run, actor, last, chosen(run, actor))
}

/// The same, about this step.
pub fn brief_of(run: &Run, actor: &Actor, last: Option<Last>, chosen: Option<&Node>) -> Brief {
    let status = run.status();
    let mine = open_to(run, actor).into_iter();
    let leaves = || run.leaves();
    let untouched = run.nodes().iter().all(|node| node.attempts.is_empty());
    let plan = run.plan();
    let also = mine.filter(|node| chosen.is_none_or(|c| c.instance != node.instance));
    Brief {
        run: run.id().to_owned(),
        verb: plan.workflow.to_string(),
        task: run.task().map(str::to_owned),
        status,
        reason: run.reason().map(str::to_owned),
        vetoes: run.vetoes().iter().map(|veto| VetoReport::of(veto).says()).collect(),
        done: leaves().filter(|node| node.state.is_final()).count(),
        steps: leaves().count(),
        preconditions: if untouched { plan.preconditions.clone() } else { Vec::new() },
        postconditions: if status.is_final() { plan.postconditions.clone() } else { Vec::new() },
        last,
        step: chosen.map(|node| work(run, node, actor)),
        also: also.map(|node| node.instance.to_string()).collect(),
        waits: waits(run, actor, chosen),
        next: next(run, chosen.is_some()),
    }
}

/// What became of a step, with the end of what it wrote.
pub fn last(run: &Run, node: &Node, output: Option<&[u8]>) -> Last {
    let StepReport { id, status, outputs, checks, reason, attempts, .. } = step_report(run, node);
    let failed = checks.iter().filter(|check| check.status == "failed");
    let failed =
        failed.map(|c| format!("{}: expected {}, observed {}", c.what, c.expected, c.observed));
    let mut why: Vec<String> = failed.collect();
    if why.is_empty() && status != "passed" {
        let ended = attempts.last().and_then(|a| a.bad_output.clone().or_else(|| a.detail.clone()));
        why.extend(reason.or(ended));
    }
    let why = (!why.is_empty()).then(|| why.join("; "));
    let output = output.filter(|bytes| !bytes.is_empty()).map(marked);
    Last { step: id, status, why, outputs, output }
}

fn next(run: &Run, has_step: bool) -> Option<String> {
    let id = run.id();
    if run.status().is_final() {
        return Some(format!("ostler runs show {id}"));
    }
    (!has_step).then(|| format!("ostler step next {id}"))
}

/// What the run waits for, but for what the reader may take or holds, and the chosen one.
fn waits(run: &Run, actor: &Actor, chosen: Option<&Node>) -> Vec<Wait> {
    let mut waits = Vec::new();
    let is_chosen = |node: &&Node| chosen.is_some_and(|c| c.instance == node.instance);
    for node in run.nodes().iter().filter(|node| !is_chosen(node)) {
        if let Some((lock, holder)) = run.locked_by(node).filter(|_| run.is_due(node)) {
            let who = format!("the lock `{lock}`, which `{}` holds", holder.instance);
            waits.push(Wait { step: node.instance.to_string(), who });
            continue;
        }
        let who = match (node.state, &node.lease) {
            (State::Held, Some(lease)) if lease.by != *actor => {
                format!("{} holds it until {}", lease.by.name, lease.until)
            }
            (State::Delayed(until), _) => format!("tried again from {until}"),
            (State::Running, _) => "the engine runs it".to_owned(),
            (State::Asked, _) if !may_do(run.step(node).actor, actor) => {
                "a person; nobody else may do or answer it".to_owned()
            }
            (State::Asked, _) if !run.is_due(node) => {
                format!(
                    "it may have run; see what became of it: ostler step show {} {}",
                    run.id(),
                    quoted(&node.instance.to_string())
                )
            }
            _ => continue,
        };
        waits.push(Wait { step: node.instance.to_string(), who });
    }
    waits
}

fn work(run: &Run, node: &Node, actor: &Actor) -> Work {
    let step = run.step(node);
    let params = run.next_params(node);
    let attempt = run.attempt_of_report(node);
    let value = |found: &Placeholder| run.value_of(Some(node), attempt, &params, found);
    let found = step.run.iter().flat_map(Action::placeholders);
    let with = found.filter_map(|found| Some((found.braced(), value(found)?))).collect();
    let runs = match &step.run {
        Some(Action::Checks(checks)) => {
            checks.iter().map(|check| format!("{}: {}", check.name, check.run.shown())).collect()
        }
        Some(action) => action.shown().into_iter().collect(),
        None => Vec::new(),
    };
    let lease = node.lease.as_ref().filter(|lease| lease.by == *actor);
    let mut forbidden = Vec::new();
    if step.effect == Effect::Read {
        forbidden.push("changing anything: this step only looks".to_owned());
    }
    if actor.kind == ActorKind::Agent {
        forbidden.push(
            "reporting pass for what you did not do and see; other steps; a person's answers"
                .to_owned(),
        );
    }
    let host = run.host(node, attempt, &params).ok().flatten();
    Work {
        id: node.instance.to_string(),
        attempt: (attempt > 1).then_some(attempt),
        actor: step.actor.to_string(),
        action: step.action.as_deref().map(|text| filled(run, node, text)),
        note: step.note.as_deref().map(|text| filled(run, node, text)),
        reason: node.reason.clone(),
        host: host.map(|host| host.name.to_string()),
        runs,
        with,
        passes: requirements(run, node, step),
        forbidden,
        token: lease.map(|lease| lease.token),
        until: lease.map(|lease| lease.until.to_string()),
        calls: calls(run, node, actor),
    }
}

/// The exact calls that a step takes now.
fn calls(run: &Run, node: &Node, actor: &Actor) -> Vec<String> {
    let step = run.step(node);
    let what = format!("{} {}", run.id(), quoted(&node.instance.to_string()));
    let lease = node.lease.as_ref().filter(|lease| lease.by == *actor);
    let mut calls = Vec::new();
    if lease.is_none() && actor.kind == ActorKind::Agent && node.state != State::Asked {
        return vec![format!("ostler step take {what}")];
    }
    if step.run.is_some() && step.actor != workflow::Actor::Human {
        calls.push(format!("ostler step run {what}"));
    }
    let token = lease.map(|lease| format!(" --token {}", lease.token)).unwrap_or_default();
    let mut pass = format!("ostler step report {what}{token} --status pass");
    for name in step.outputs.keys() {
        let _ = write!(pass, " --output {name}=VALUE");
    }
    calls.push(pass);
    calls.push(format!("ostler step report {what}{token} --status fail --note WHY"));
    calls
}

impl Brief {
    /// It as text, for language models and for people.
    pub fn text(&self) -> String {
        let mut out = String::new();
        let mut line = |text: String| {
            out.push_str(text.trim_end());
            out.push('\n');
        };
        let status = self.status.name().replace('_', " ");
        line(format!(
            "run {} of {}: {status}, {} of {} steps done",
            self.run, self.verb, self.done, self.steps
        ));
        self.vetoes.iter().for_each(|veto| line(format!("VETO {veto}; nothing new begins")));
        let why = self.reason.iter().map(|why| format!("why: {why}"));
        let task = self.task.iter().map(|task| format!("task: {}", one_line(task)));
        why.chain(task).for_each(&mut line);
        self.preconditions.iter().for_each(|text| line(format!("make sure first: {text}")));
        if let Some(last) = &self.last {
            last.lines().into_iter().for_each(&mut line);
        }
        if let Some(work) = &self.step {
            work.lines().into_iter().for_each(&mut line);
        }
        if !self.also.is_empty() {
            line(format!("also open to you: {}", self.also.join(", ")));
        }
        self.waits.iter().for_each(|wait| line(format!("waits: {}: {}", wait.step, wait.who)));
        self.postconditions.iter().for_each(|text| line(format!("make sure now: {text}")));
        self.next.iter().for_each(|call| line(format!("next: {call}")));
        out
    }
}

impl Last {
    fn lines(&self) -> Vec<String> {
        let why = self.why.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
        let mut lines = vec![format!("{} {}{why}", self.step, self.status)];
        lines.extend(self.outputs.iter().map(|(name, value)| format!("  {name} = {value}")));
        lines.extend(self.output.clone());
        lines
    }
}

impl Work {
    fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        let attempt = self.attempt.map(|n| format!(", attempt {n}")).unwrap_or_default();
        let held = self.until.as_ref().map(|until| format!(", yours until {until}"));
        lines.push(format!("step {}{attempt}{}", self.id, held.unwrap_or_default()));
        let mut add =
            |label: &str, text: &str| lines.push(format!("  {label}: {}", one_line(text)));
        let mut each = |label: &str, all: &[String]| all.iter().for_each(|text| add(label, text));
        each("do", self.action.as_slice());
        each("note", self.note.as_slice());
        each("why", self.reason.as_slice());
        each("on", self.host.as_slice());
        each("runs", &self.runs);
        let with: Vec<String> =
            self.with.iter().map(|(name, value)| format!("{name} = {value}")).collect();
        each("with", &with);
        each("passes if", &self.passes);
        each("forbidden", &self.forbidden);
        each("call", &self.calls);
        lines
    }
}
