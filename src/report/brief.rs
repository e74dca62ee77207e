//! What somebody who steps through a run is told: the step in hand or the next one, and how it is reported. Short, the
//! same for the same state, and the same on every surface.

mod calls;
mod text;
mod waits;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

pub use calls::Calls;
pub use waits::{Awaited, Wait};

use self::waits::waits;
use super::clauses::{ClauseReport, clauses};
use super::data::marked;
use super::pass::requirements;
use super::people::{filled_in, filled_with};
use super::{CheckReport, StepReport, VetoReport, step as step_report};
use crate::expr::Template;
use crate::expr::template::{Form, Part, Placeholder};
use crate::ids::Instance;
use crate::plan::{Action, quoted};
use crate::run::{Actor, ActorKind, Node, Run, RunStatus, State, may_do};
use crate::value::to_text;
use crate::workflow::{self, Effect};

/// The longest word of a command that is shown with its values, in bytes.
const WORD: usize = 200;

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
    /// What should hold before and nobody has attested; only as long as nothing was done.
    pub preconditions: Vec<ClauseReport>,
    /// What should hold now that it has passed, and nobody has attested.
    pub postconditions: Vec<ClauseReport>,
    /// The call that attests these.
    pub attest: Option<String>,
    /// The conditions that this answers for: they are attested.
    pub attested: Vec<String>,
    /// What became of the step that this answers for.
    pub last: Option<Last>,
    /// The step in hand, or the next one.
    pub step: Option<Work>,
    /// Other steps that the reader may take now.
    pub also: Vec<String>,
    /// What the run waits for beside that.
    pub waits: Vec<Wait>,
    /// The call that runs once more what did not pass, once what is wrong was mended.
    pub again: Option<String>,
    /// The call that comes next, if there is one.
    pub next: Option<String>,
}

/// What became of a step.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
pub struct Last {
    /// Its id.
    pub step: String,
    /// Its state; of an attempt that failed and is followed by another, `failed`; of one that was given back, `released`.
    pub status: String,
    /// Whether another attempt follows.
    pub again: bool,
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
    /// Why somebody is asked what became of it.
    pub reason: Option<String>,
    /// Why its attempt before this one did not pass, or who gave it back, and what they noted.
    pub before: Option<String>,
    /// What others noted who did the steps that it comes after.
    pub after: Vec<String>,
    /// The host on which it is done, if not here.
    pub host: Option<String>,
    /// The folder in which it is done, if not the workspace.
    pub folder: Option<String>,
    /// What it runs, with the placeholders of shell text as they were written; several where it is several checks.
    pub runs: Vec<String>,
    /// The values of the placeholders in it.
    pub with: BTreeMap<String, Value>,
    /// What a pass requires.
    pub passes: Vec<String>,
    /// What it hands on: names and types.
    pub outputs: BTreeMap<String, String>,
    /// What is forbidden.
    pub forbidden: Vec<String>,
    /// The fencing token of the reader's lease on it.
    pub token: Option<u64>,
    /// When that lease ends.
    pub until: Option<String>,
    /// The calls that it takes now.
    pub calls: Calls,
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
    let asked = asked.filter(|_| run.may_begin() || actor.kind != ActorKind::Agent);
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
    let [preconditions, postconditions] = open_clauses(run);
    let also = mine.filter(|node| chosen.is_none_or(|c| c.instance != node.instance));
    Brief {
        run: run.id().to_owned(),
        verb: run.plan().workflow.to_string(),
        task: run.task().map(str::to_owned),
        status,
        reason: run.reason().map(str::to_owned),
        vetoes: run.vetoes().iter().map(|veto| VetoReport::of(veto).says()).collect(),
        done: leaves().filter(|node| node.state.is_final()).count(),
        steps: leaves().count(),
        attest: attest(run, preconditions.iter().chain(&postconditions)),
        attested: Vec::new(),
        preconditions,
        postconditions,
        last,
        step: chosen.map(|node| work(run, node, actor)),
        also: also.map(|node| node.instance.to_string()).collect(),
        waits: waits(run, actor, chosen),
        again: again(run),
        next: next(run, chosen.is_some()),
    }
}

/// What somebody should make sure of now, and has not said that they did.
fn open_clauses(run: &Run) -> [Vec<ClauseReport>; 2] {
    let passed = run.status().has_passed();
    let [mut before, mut after] = clauses(run);
    before.retain(|one| one.attested.is_empty() && !run.has_begun() && !run.status().is_final());
    after.retain(|one| one.attested.is_empty() && passed);
    [before, after]
}

/// The call that attests them. Who cannot say so of all leaves some out.
fn attest<'c>(run: &Run, clauses: impl Iterator<Item = &'c ClauseReport>) -> Option<String> {
    let names: Vec<&str> = clauses.map(|one| one.name.as_str()).collect();
    (!names.is_empty()).then(|| format!("ostler step attest {} {}", run.id(), names.join(" ")))
}

/// What became of a step, with the end of what it wrote.
pub fn last(run: &Run, node: &Node, output: Option<&[u8]>) -> Last {
    let report = step_report(run, node);
    let why = why(&report);
    let StepReport { id, status, outputs, .. } = report;
    let output = output.filter(|bytes| !bytes.is_empty()).map(marked);
    let ended = node.ending().is_some_and(|ending| !ending.passed);
    let again = ended && matches!(node.state, State::Delayed(_) | State::Ready | State::Held);
    let status = if again { State::Failed.name().to_owned() } else { status };
    Last { step: id, status, again, why, outputs, output }
}

/// That a step was given back.
pub fn released(step: &Instance) -> Last {
    Last { step: step.to_string(), status: "released".to_owned(), ..Last::default() }
}

/// Why a step did not pass.
fn why(step: &StepReport) -> Option<String> {
    let mut why: Vec<String> = step.checks.iter().filter_map(CheckReport::unmet).collect();
    if why.is_empty() && step.status != "passed" {
        let last = step.attempts.last();
        let ended = last.and_then(|a| a.bad_output.clone().or_else(|| a.detail.clone()));
        why.extend(step.reason.clone().or(ended));
    }
    (!why.is_empty()).then(|| why.join("; "))
}

/// What those did who had a step before: gave it back, or tried.
fn before(run: &Run, node: &Node, is_tried: bool) -> Option<String> {
    let given_back = node.given_back.as_ref();
    let given_back = given_back.map(|(by, note)| format!("{by} gave it back: {note}"));
    // Why it is as it is now is another question.
    let tried = || why(&StepReport { reason: None, ..step_report(run, node) });
    given_back.or_else(|| is_tried.then(tried).flatten())
}

/// What others than the reader noted when they did what a node comes after.
fn noted(run: &Run, node: &Node, reader: &Actor) -> Vec<String> {
    let before = run.step(node).edges.iter();
    let before = before.filter_map(|edge| run.node(&Instance::only(edge.step.value.clone())));
    let noted = before.filter_map(|before| {
        let last = before.last()?;
        let by = last.reporter().filter(|by| *by != reader)?;
        let note = last.note.as_ref()?;
        Some(format!("{}, {} by {by}: {note}", before.instance, before.state.name()))
    });
    noted.collect()
}

/// The call that runs once more what did not pass, in a run of its own.
fn again(run: &Run) -> Option<String> {
    let failed = matches!(run.status(), RunStatus::Failed | RunStatus::PassedWithFailures);
    let stands = run.vetoes().is_empty();
    (failed && stands).then(|| format!("ostler runs retry {} --failed", run.id()))
}

fn next(run: &Run, has_step: bool) -> Option<String> {
    let id = run.id();
    if run.status().is_final() {
        return Some(format!("ostler runs show {id}"));
    }
    (!has_step).then(|| format!("ostler step next {id}"))
}

fn work(run: &Run, node: &Node, actor: &Actor) -> Work {
    let step = run.step(node);
    let params = run.next_params(node);
    // Of what may have run somebody asks what became of it; else the next attempt is meant.
    let is_over = node.state == State::Asked && !step.is_asked();
    let attempt = run.attempt_of_report(node);
    let value = |found: &Placeholder| run.value_of(Some(node), attempt, &params, found);
    let fill = |text: &str| filled_with(run, &value, text);
    let (runs, open) = step.run.as_ref().map(|action| command(action, &value)).unwrap_or_default();
    let open = open.into_iter().chain(step.verify.iter().flat_map(|check| &check.run.values));
    let with = open.filter_map(|found| Some((found.braced(), value(found)?))).collect();
    let lease = node.lease.as_ref().filter(|lease| lease.by == *actor);
    let host = run.host(node, attempt, &params).ok().flatten();
    let outputs = step.outputs.iter().map(|(name, spec)| (name.to_string(), spec.kind.to_string()));
    Work {
        id: node.instance.to_string(),
        attempt: (attempt > 1).then_some(attempt),
        actor: step.actor.to_string(),
        action: step.action.as_deref().map(fill),
        note: step.note.as_deref().map(fill),
        reason: node.reason.clone().filter(|_| !step.is_asked()),
        before: before(run, node, attempt > 1 && !is_over),
        after: noted(run, node, actor),
        host: host.map(|host| host.name.to_string()),
        folder: step.cwd.as_ref().map(|folder| filled_in(&value, folder)),
        runs,
        with,
        passes: requirements(step, &value),
        outputs: outputs.collect(),
        forbidden: forbidden(step.effect, actor),
        token: lease.map(|lease| lease.token),
        until: lease.map(|lease| lease.until.to_string()),
        calls: Calls::of(run, node, actor),
    }
}

/// What a step runs, and which placeholders stand in it. The words of a program are as they will be handed over; into shell
/// text no value is put.
fn command<'a>(
    action: &'a Action,
    value: &dyn Fn(&Placeholder) -> Option<Value>,
) -> (Vec<String>, Vec<&'a Placeholder>) {
    let open = action.placeholders();
    match action {
        Action::Checks(checks) => {
            let all = checks.iter().map(|check| format!("{}: {}", check.name, check.run.shown()));
            (all.collect(), open)
        }
        Action::Argv(words) => match words.iter().map(|word| resolved(word, value)).collect() {
            Some::<Vec<String>>(words) => (vec![words.join(" ")], Vec::new()),
            None => (action.shown().into_iter().collect(), open),
        },
        action => (action.shown().into_iter().collect(), open),
    }
}

/// A word with its values, as one would type it; none where one is unknown, or is put in in another way.
fn resolved(word: &Template, value: &dyn Fn(&Placeholder) -> Option<Value>) -> Option<String> {
    let part = |part: &Part| match part {
        Part::Text(text) => Some(text.clone()),
        Part::Ref(found) if found.form == Form::Plain => value(found).map(|value| to_text(&value)),
        Part::Ref(_) => None,
    };
    let word: String = word.0.iter().map(part).collect::<Option<_>>()?;
    (word.len() <= WORD).then(|| quoted(&word))
}

/// What whoever does a step must not do.
fn forbidden(effect: Effect, actor: &Actor) -> Vec<String> {
    let mut all = Vec::new();
    if effect == Effect::Read {
        all.push("change anything, for this step only looks");
    }
    if actor.kind == ActorKind::Agent {
        all.extend([
            "report what you have not seen",
            "do steps you do not hold",
            "answer for a person",
        ]);
    }
    all.into_iter().map(str::to_owned).collect()
}

/// The JSON Schema (2020-12) of a brief.
pub fn schema() -> Value {
    schemars::schema_for!(Brief).to_value()
}
