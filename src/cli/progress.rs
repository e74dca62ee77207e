//! What is said while a run goes on, on standard error: a line for each end, and on a terminal what runs now.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use super::Context;
use super::args::Showing;
use super::hands::{handed, told};
use super::live::{Live, Row};
use crate::ids::{Instance, RunId, StepId};
use crate::ops::{Growing, output_end};
use crate::report::graph::Graph;
use crate::report::lines::{columns, command, one_line};
use crate::report::{self, Detail, Look, Paint, SKIPPED, Tone};
use crate::run::{Event, Node, Outcome, Parting, Probe, Record, Run, State};
use crate::store::Store;
use crate::workflow::Millis;

/// Says how a run goes on.
pub(super) struct Progress<'c> {
    context: &'c Context,
    detail: Detail,
    /// Whether the report will stand right below: then it need not repeat what was said.
    together: bool,
    live: Option<Live>,
    shape: OnceCell<Shape>,
    /// For each step, its wave.
    waves: OnceCell<BTreeMap<StepId, usize>>,
    /// Whether something was tried before this began.
    earlier: OnceCell<bool>,
    /// The states in which steps were shown.
    said: BTreeMap<String, String>,
    /// How many steps were skipped for each reason.
    skipped: BTreeMap<String, usize>,
}

/// What the lines of a run depend on.
struct Shape {
    /// The longest name's columns.
    width: usize,
    /// The steps that others come after.
    followed: BTreeSet<StepId>,
}

impl Shape {
    fn of(run: &Run) -> Self {
        let plan = run.plan();
        let all = || plan.steps.iter().chain(&plan.finally);
        Self {
            width: all().map(|step| columns(step.id.as_str())).max().unwrap_or(0),
            followed: plan.followed().into_iter().cloned().collect(),
        }
    }
}

fn waves(run: &Run) -> BTreeMap<StepId, usize> {
    let graph = Graph::of(run.plan());
    let waves = graph.waves().into_iter().enumerate();
    waves
        .flat_map(|(at, wave)| wave.into_iter().map(move |node| (node, at)))
        .map(|(node, at)| (graph.nodes[node].id.clone(), at))
        .collect()
}

impl<'c> Progress<'c> {
    pub(super) fn new(context: &'c Context, showing: &Showing) -> Self {
        let detail = showing.detail();
        let is_live = context.err.is_terminal && detail != Detail::Quiet;
        Self {
            context,
            detail,
            together: super::terminal::same_place(),
            live: is_live.then(Live::new),
            shape: OnceCell::new(),
            waves: OnceCell::new(),
            earlier: OnceCell::new(),
            said: BTreeMap::new(),
            skipped: BTreeMap::new(),
        }
    }

    /// Says what a record means to somebody who watches; nothing for most.
    pub(super) fn record(&mut self, record: &Record, run: &Run, store: &Store) {
        if self.detail == Detail::Quiet {
            return;
        }
        let before = |node: &Node| node.attempts.iter().any(|attempt| attempt.seq < record.seq);
        self.earlier.get_or_init(|| run.nodes().iter().any(before));
        if self.live.is_some() {
            self.follow(record, run);
        }
        if let Some(text) = self.line(record, run, store) {
            self.say(text);
        }
    }

    fn say(&self, text: String) {
        match &self.live {
            Some(live) => live.view().lines.push(text),
            None => super::say(&text),
        }
    }

    /// Shows what runs of a run that somebody else began to drive.
    pub(super) fn begin(&mut self, run: &Run) {
        let running = run.nodes().iter().filter(|node| node.state == State::Running);
        for node in running {
            if let Some(last) = node.last() {
                self.start(run, &node.instance, last.n);
            }
        }
        for (node, _) in run.held().filter(|_| self.detail != Detail::Quiet) {
            let held = report::step(run, node).hands().unwrap_or_default();
            self.say(self.of_step(run, ("▸", Tone::Strong), &node.instance.to_string(), &held));
        }
    }

    /// Ends it. What need not be said again: steps, and the states in which they were shown.
    pub(super) fn end(mut self) -> BTreeMap<String, String> {
        let mut is_there = self.together;
        if let Some(live) = &mut self.live {
            live.end();
            is_there &= !live.view().disturbed;
        }
        // What ended before would come below what followed it.
        is_there &= !self.earlier.get().is_some_and(|earlier| *earlier);
        if is_there { self.said } else { BTreeMap::new() }
    }

    fn follow(&self, record: &Record, run: &Run) {
        match &record.event {
            Event::StepStarted { step, attempt, .. } => self.start(run, step, *attempt),
            Event::StepFinished { step, .. }
            | Event::StepInterrupted { step, .. }
            | Event::StepAnswered { step, .. } => {
                if let Some(live) = &self.live {
                    live.view().running.remove(step);
                }
            }
            _ => {}
        }
        if let Some(live) = &self.live {
            let mut view = live.view();
            view.done = (run.nodes().len() - run.unended(), run.nodes().len());
        }
    }

    fn start(&self, run: &Run, step: &Instance, attempt: u32) {
        let Some(live) = &self.live else { return };
        let waves = self.waves.get_or_init(|| waves(run));
        let dir = self.context.workspace.run_dir(run.id());
        let row = Row {
            since: Instant::now(),
            wave: waves.get(&step.step).copied(),
            output: Growing::new(&dir, step, attempt),
        };
        let mut view = live.view();
        view.waves = 1 + waves.values().max().copied().unwrap_or(0);
        run.id().clone_into(&mut view.run);
        view.running.insert(step.clone(), row);
    }

    fn shape(&self, run: &Run) -> &Shape {
        self.shape.get_or_init(|| Shape::of(run))
    }

    fn line(&mut self, record: &Record, run: &Run, store: &Store) -> Option<String> {
        let to = &self.context.err;
        Some(match &record.event {
            Event::RunOpened { .. } if self.live.is_none() => {
                to.paint(Tone::Faint, &format!("run {}", record.run))
            }
            Event::StepStarted { step, .. } if self.detail == Detail::Verbose => {
                let node = run.node(step)?;
                let what = run.step(node).run.as_ref().and_then(crate::plan::Action::shown);
                let indent = columns(&step.to_string()) + 4;
                let what = command(&what.unwrap_or_default()).join(&format!("\n{:indent$}", ""));
                let what = to.paint(Tone::Faint, &what);
                format!("{} {step}  {what}", to.paint(Tone::Strong, "▸")).trim_end().to_owned()
            }
            Event::StepFinished { step, .. }
            | Event::StepFailed { step, .. }
            | Event::StepAsked { step, .. }
            | Event::StepUnproven { step, .. } => return self.ended(step, run, store),
            Event::StepReported { step, .. } | Event::StepAnswered { step, .. }
                if run.is_stepped() && run.node(step)?.state.is_final() =>
            {
                return self.ended(step, run, store);
            }
            event if told(event) => self.handed(record, run)?,
            Event::StepSkipped { step, reason } => {
                let alike = self.skipped.entry(reason.clone()).or_default();
                *alike += 1;
                // Of many, the report says how many.
                return if *alike <= SKIPPED { self.ended(step, run, store) } else { None };
            }
            Event::StepTakenOver { step, .. } => return self.ended(step, run, store),
            Event::StepInterrupted { step, cause, .. } => {
                let outcome = Outcome::Interrupted { cause: *cause };
                format!("{} {step}  interrupted: {outcome}", to.paint(Tone::Warn, "!"))
            }
            Event::ProbeFinished { probe: Probe::Guard(id), outcome }
                if outcome.exit_code() != Some(0) =>
            {
                format!("{} guard {id}  {outcome}", to.paint(Tone::Warn, "!"))
            }
            Event::ConvergeReset { iteration, steps } => {
                let sign = to.paint(Tone::Strong, "↻");
                format!("{sign} iteration {iteration}: {} steps again", steps.len())
            }
            Event::FinallyStarted { steps } if !steps.is_empty() => {
                to.paint(Tone::Faint, "finally")
            }
            Event::CancelRequested { by } => {
                let sign = to.paint(Tone::Warn, "■");
                format!("{sign} cancelled by {by}: ending what runs, then `finally`")
            }
            Event::Vetoed { note } => {
                let (sign, by) = (to.paint(Tone::Bad, "✗"), &record.actor);
                format!("{sign} vetoed by {by}: {}; nothing new starts", one_line(note))
            }
            Event::Attested { clause, .. } => {
                let sign = to.paint(Tone::Faint, "·");
                format!("{sign} {clause} attested by {}", record.actor)
            }
            Event::VetoLifted { note, .. } => {
                let sign = to.paint(Tone::Strong, "▸");
                format!("{sign} {} lifts a veto: {}", record.actor, one_line(note))
            }
            Event::DeadlinePassed { after_ms } => {
                let sign = to.paint(Tone::Bad, "■");
                format!("{sign} the deadline of {} passed: ending what runs", Millis(*after_ms))
            }
            _ => return None,
        })
    }

    /// What somebody did who steps through the run.
    fn handed(&self, record: &Record, run: &Run) -> Option<String> {
        let (sign, tone) = match &record.event {
            Event::StepTaken { .. } => ("▸", Tone::Strong),
            Event::LeaseEnded { how: Parting::Expired | Parting::Revoked, .. }
            | Event::Refused { .. } => ("!", Tone::Warn),
            _ => ("-", Tone::Faint),
        };
        let (step, says) = handed(record)?;
        Some(self.of_step(run, (sign, tone), &step, &says))
    }

    /// What is said of a step, in its column.
    fn of_step(&self, run: &Run, (sign, tone): (&str, Tone), step: &str, says: &str) -> String {
        let to = &self.context.err;
        let gap = self.shape(run).width.saturating_sub(columns(step)) + 2;
        let says = to.paint(Tone::Faint, says);
        format!("{} {step}{}{says}", to.paint(tone, sign), " ".repeat(gap))
    }

    /// The line of a step that ended, as the report would have it.
    fn ended(&mut self, instance: &Instance, run: &Run, store: &Store) -> Option<String> {
        let step = report::step(run, run.node(instance)?);
        let shape = self.shape(run);
        let is_last = !shape.followed.contains(&instance.step);
        let id = RunId::parse(run.id());
        let output = |step: &report::StepReport, attempt: u32, stream: &str| {
            let found = |id| output_end(store, id, &step.id, attempt, stream);
            id.as_ref().map(found).unwrap_or_default()
        };
        let to = &self.context.err;
        // What steps wrote is a result: unless both go to the same place, the report has it.
        let detail = if self.together { self.detail } else { Detail::Quiet };
        let look = Look { paint: to, width: to.room(), detail, output: &output };
        let text = report::entry(&step, shape.width, is_last, &look);
        self.said.insert(step.id, step.status);
        Some(text.trim_end().to_owned())
    }
}
