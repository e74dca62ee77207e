//! What is said of a run after it, as a report, and before it, as an outlook and a picture; in all their forms. Pure.
#![deny(clippy::disallowed_methods)]

pub mod brief;
mod called;
mod check;
mod claims;
mod clauses;
pub mod data;
mod diff;
mod failed;
pub mod graph;
mod junit;
mod lease;
pub(crate) mod lines;
mod markdown;
mod notes;
mod outlook;
mod output;
mod pass;
mod people;
mod plan;
mod text;

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

pub use brief::{Brief, brief};
pub use called::{CalledReport, ParentReport};
pub use check::CheckReport;
pub use claims::{ActorReport, LookReport, RecheckReport, VetoReport};
pub use clauses::{AttestationReport, ClauseReport, worded};
pub use diff::{Both, Changed, CheckDiff, Diff, PlanDiff, Side, StepDiff, diff};
pub use junit::junit;
pub use lease::LeaseReport;
pub use markdown::markdown;
pub use outlook::{Outlook, outlook};
pub use output::Output;
pub use plan::plan;
pub use text::{Detail, Look, Paint, Plain, SKIPPED, Tone, entry, text};

use crate::expr::template::Placeholder;
use crate::plan::Action;
use crate::run::{Event, Node, Outcome, Run, RunStatus};

/// A run's report. Times are RFC 3339 in UTC; spans are milliseconds.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Report {
    /// The run's id.
    pub run: String,
    /// The verb.
    pub workflow: String,
    /// How it ended, or what it is now.
    pub status: RunStatus,
    /// The first cause, where it did not pass.
    pub reason: Option<String>,
    /// The SHA-256 of its plan.
    pub plan_digest: String,
    /// The run that it retries, where it does.
    pub retries: Option<String>,
    /// The attempt in another run that called it, where one did.
    pub parent: Option<ParentReport>,
    /// What started it: `cli`, `agent`, `schedule`, `api` or `parent`.
    pub trigger: String,
    /// Who started it.
    pub actor: ActorReport,
    /// Whether its steps are handed out one by one, rather than run by the engine.
    pub stepped: bool,
    /// What it is for, in the words of who opened it.
    pub task: Option<String>,
    /// When it was opened.
    pub started_at: String,
    /// When it ended.
    pub ended_at: Option<String>,
    /// How long that was, waits for somebody included.
    pub duration_ms: Option<u64>,
    /// Its params.
    pub params: BTreeMap<String, Value>,
    /// What it handed to its caller.
    pub outputs: BTreeMap<String, Value>,
    /// Guards that failed without blocking it.
    pub warnings: Vec<String>,
    /// What should have held before, and who says that it did.
    pub preconditions: Vec<ClauseReport>,
    /// What should hold after, and who says that it does.
    pub postconditions: Vec<ClauseReport>,
    /// The vetoes that stand.
    pub vetoes: Vec<VetoReport>,
    /// Whether `finally` steps are still to be run.
    pub owes_finally: bool,
    /// The steps, in the order of the file.
    pub steps: Vec<StepReport>,
    /// The instances of the `finally` steps.
    pub finally: Vec<StepReport>,
}

/// One step's part of the report.
#[derive(Debug, Serialize, JsonSchema)]
pub struct StepReport {
    /// Its id; an instance's key stands in brackets.
    pub id: String,
    /// The step that it is an instance of, where that fans out; its own line then says what all instances came to.
    pub instance_of: Option<String>,
    /// What it is about, its placeholders filled as far as their values are known.
    pub action: Option<String>,
    /// What whoever does it should know, filled alike.
    pub note: Option<String>,
    /// The steps it comes after.
    pub after: Vec<String>,
    /// What it runs, its placeholders as they were written; none where nothing is run, or several checks are.
    pub command: Option<String>,
    /// The values that its last attempt had for the placeholders in it.
    pub with: BTreeMap<String, Value>,
    /// Its state, such as `passed`, `failed`, `skipped` or `asked`.
    pub status: String,
    /// The answers that `ostler step answer` takes for it now; none unless it is asked.
    pub answers: Vec<&'static str>,
    /// Why, where there is more to say.
    pub reason: Option<String>,
    /// The lease under which somebody does it now.
    pub lease: Option<LeaseReport>,
    /// Whether somebody may take it now.
    pub offered: bool,
    /// Its attempts.
    pub attempts: Vec<AttemptReport>,
    /// The attempt in another run whose pass counts here: then it did not run in this one.
    pub taken_over: Option<TakenOverReport>,
    /// What was expected and observed in the last attempt.
    pub checks: Vec<CheckReport>,
    /// What it handed on.
    pub outputs: BTreeMap<String, Value>,
    /// The claim about its result, in words.
    pub verify: Option<String>,
    /// Who looked again at what it claims, and what they saw.
    pub rechecks: Vec<RecheckReport>,
}

/// An attempt in another run.
#[derive(Debug, Serialize, JsonSchema)]
pub struct TakenOverReport {
    /// The run.
    pub run: String,
    /// The attempt's number there.
    pub attempt: u32,
    /// When its end was recorded.
    pub ended_at: Option<String>,
    /// How long it took.
    pub duration_ms: Option<u64>,
}

impl StepReport {
    /// Why it failed, in a line: the first expectation that was not met, or how its last attempt ended.
    pub fn cause(&self) -> String {
        let failed = self.checks.iter().find_map(CheckReport::unmet);
        let cause = failed.or_else(|| {
            let last = self.attempts.last();
            let why = last.and_then(|a| a.bad_output.clone().or_else(|| a.detail.clone()));
            why.or_else(|| self.reason.clone())
        });
        lines::one_line(cause.as_deref().unwrap_or("failed"))
    }
}

/// One attempt.
#[derive(Debug, Serialize, JsonSchema)]
pub struct AttemptReport {
    /// Its number, from 1.
    pub n: u32,
    /// The host it ran on; none for the machine of the run.
    pub host: Option<String>,
    /// How it ended, by name; none while it runs.
    pub outcome: Option<String>,
    /// The same in words.
    pub detail: Option<String>,
    /// Its exit code, where there was one.
    pub exit: Option<i32>,
    /// Whether it passed.
    pub passed: bool,
    /// When it started; none if it only may have.
    pub started_at: Option<String>,
    /// When its end was recorded.
    pub ended_at: Option<String>,
    /// How long it took.
    pub duration_ms: Option<u64>,
    /// Who reported it, where it was not the engine.
    pub by: Option<ActorReport>,
    /// What they noted.
    pub note: Option<String>,
    /// What they reported: `pass`, `fail` or `skip`.
    pub said: Option<&'static str>,
    /// The fencing token of the lease under which they did.
    pub token: Option<u64>,
    /// Why its outputs were refused.
    pub bad_output: Option<String>,
    /// What it wrote to standard output.
    pub stdout: StreamReport,
    /// What it wrote to standard error.
    pub stderr: StreamReport,
    /// Processes it left behind.
    pub leaked: Vec<LeakReport>,
    /// Params that differed from the run's.
    pub params: BTreeMap<String, Value>,
    /// The run that it called, if it is a call.
    pub called: Option<CalledReport>,
}

/// One stream of an attempt.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub struct StreamReport {
    /// Bytes written.
    pub bytes: u64,
    /// Bytes kept.
    pub kept: u64,
    /// The SHA-256 of what is kept.
    pub sha256: Option<String>,
    /// Why some of it could not be kept.
    pub lost: Option<String>,
}

/// A process left behind.
#[derive(Debug, Serialize, JsonSchema)]
pub struct LeakReport {
    /// Its process id.
    pub pid: i32,
    /// Its command line, shortened.
    pub command: String,
    /// Whether it could not be ended.
    pub survived: bool,
}

/// A run's report.
pub fn report(run: &Run) -> Report {
    let steps = |finally: bool| run.in_order(finally).map(|node| step(run, node)).collect();
    Report { steps: steps(false), finally: steps(true), ..head(run) }
}

/// A run's report without its steps, which are many.
fn head(run: &Run) -> Report {
    let (digest, trigger, retries) = match run.opening() {
        Some((Event::RunOpened { plan_digest, trigger, retries, .. }, ..)) => {
            let name =
                serde_json::to_value(trigger).ok().and_then(|v| v.as_str().map(str::to_owned));
            let retries = retries.as_ref().map(ToString::to_string);
            (plan_digest.clone(), name.unwrap_or_default(), retries)
        }
        _ => (String::new(), String::new(), None),
    };
    let opened = run.opening().map(|(_, at, actor)| (at.to_string(), ActorReport::of(actor)));
    let (started_at, actor) = opened.unwrap_or_default();
    let params = run.plan().params.iter().map(|(n, p)| (n.to_string(), p.value.clone()));
    let [preconditions, postconditions] = clauses::clauses(run);
    Report {
        run: run.id().to_owned(),
        workflow: run.plan().workflow.to_string(),
        status: run.status(),
        reason: run.reason().map(str::to_owned),
        plan_digest: digest,
        retries,
        parent: run.parent().map(ParentReport::of),
        trigger,
        actor,
        stepped: run.is_stepped(),
        task: run.task().map(str::to_owned),
        started_at,
        ended_at: run.ended_at().map(|t| t.to_string()),
        duration_ms: run.opening().zip(run.ended_at()).map(|((_, at, _), end)| end.since(at)),
        params: params.collect(),
        outputs: run.outputs().iter().map(|(n, v)| (n.to_string(), v.clone())).collect(),
        warnings: run.warnings().iter().map(|(id, outcome)| warning(run, id, outcome)).collect(),
        preconditions,
        postconditions,
        vetoes: run.vetoes().iter().map(VetoReport::of).collect(),
        owes_finally: run.owes_finally(),
        steps: Vec::new(),
        finally: Vec::new(),
    }
}

/// What a guard that only warns says: its reason, if its author gave one.
fn warning(run: &Run, id: &crate::ids::Name, outcome: &Outcome) -> String {
    let guard = run.plan().guards.iter().find(|guard| guard.id == *id);
    match guard.map(|guard| guard.reason.as_str()).filter(|reason| !reason.is_empty()) {
        Some(reason) => format!("guard `{id}`: {reason} ({outcome})"),
        None => format!("guard `{id}`: {outcome}"),
    }
}

/// The values of the placeholders in what a node ran last.
fn with(run: &Run, node: &Node) -> BTreeMap<String, Value> {
    let Some((last, action)) = node.last().zip(run.step(node).run.as_ref()) else {
        return BTreeMap::new();
    };
    let value = |found: &Placeholder| run.value_of(Some(node), last.n, &last.params, found);
    let found = action.placeholders().into_iter();
    found.filter_map(|found| Some((found.braced(), value(found)?))).collect()
}

/// One step's part of a run's report.
pub fn step(run: &Run, node: &Node) -> StepReport {
    let step = run.step(node);
    let checks = node.ending().map(|e| e.checks.as_slice()).unwrap_or_default();
    let taken_over = node.taken_over.as_ref().map(|from| TakenOverReport {
        run: from.run.to_string(),
        attempt: from.attempt,
        ended_at: from.ended_at.map(|at| at.to_string()),
        duration_ms: from.started_at.zip(from.ended_at).map(|(start, end)| end.since(start)),
    });
    StepReport {
        id: node.instance.to_string(),
        instance_of: node.is_instance().then(|| node.instance.step.to_string()),
        action: step.action.as_deref().map(|text| people::filled(run, node, text)),
        note: step.note.as_deref().map(|text| people::filled(run, node, text)),
        after: step.edges.iter().map(|edge| edge.step.to_string()).collect(),
        command: step.run.as_ref().and_then(Action::shown),
        with: with(run, node),
        status: node.state.name().to_owned(),
        answers: people::answers(run, node),
        reason: node.reason.clone(),
        lease: LeaseReport::of(node),
        offered: run.is_offered(node),
        attempts: node.attempts.iter().map(|attempt| self::attempt(run, node, attempt)).collect(),
        taken_over,
        checks: checks.iter().map(CheckReport::of).collect(),
        outputs: node.outputs.iter().map(|(n, v)| (n.to_string(), v.clone())).collect(),
        verify: step.verify_prose.clone(),
        rechecks: claims::rechecks(node),
    }
}

fn attempt(run: &Run, node: &Node, attempt: &crate::run::Attempt) -> AttemptReport {
    let ending = attempt.ending.as_ref();
    let outcome = ending.map(|e| &e.outcome);
    let stream = |s: Option<&crate::run::Stream>| {
        s.map_or_else(StreamReport::default, |s| StreamReport {
            bytes: s.bytes,
            kept: s.kept,
            sha256: s.sha256.clone(),
            lost: s.lost.clone(),
        })
    };
    AttemptReport {
        n: attempt.n,
        host: attempt.host.clone(),
        outcome: outcome.map(|o| o.name().to_owned()),
        detail: outcome.map(|outcome| people::detail(attempt, outcome)),
        exit: outcome.and_then(crate::run::Outcome::exit_code),
        passed: ending.is_some_and(|e| e.passed),
        started_at: attempt.started_at.map(|t| t.to_string()),
        ended_at: attempt.ended_at.map(|t| t.to_string()),
        duration_ms: attempt.started_at.zip(attempt.ended_at).map(|(s, e)| e.since(s)),
        by: attempt.reporter().map(ActorReport::of),
        note: attempt.note.clone(),
        said: attempt.said.map(crate::run::Said::name),
        token: attempt.token,
        bad_output: ending.and_then(|e| e.bad_output.clone()),
        stdout: stream(ending.map(|e| &e.stdout)),
        stderr: stream(ending.map(|e| &e.stderr)),
        leaked: ending
            .iter()
            .flat_map(|e| &e.leaked)
            .map(|l| LeakReport { pid: l.pid, command: l.command.clone(), survived: l.survived })
            .collect(),
        params: attempt.params.iter().map(|(n, v)| (n.to_string(), v.clone())).collect(),
        called: CalledReport::of(run, node, attempt),
    }
}

/// The JSON Schema (2020-12) of the report.
pub fn schema() -> Value {
    schemars::schema_for!(Report).to_value()
}
