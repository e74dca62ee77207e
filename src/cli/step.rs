//! Looking at a step of a run, and answering for it.

use super::args::{Format, StepCommand};
use super::runs::pretty;
use super::{Context, Exit};
use crate::diagnostic::printable;
use crate::ops::{self, Error, Said};
use crate::plan::quoted;
use crate::report::{self, Paint, StepReport, Tone};
use crate::run::{Answer, Run};

impl Context {
    pub(super) fn step(&self, command: StepCommand) -> Result<Exit, Error> {
        match command {
            StepCommand::Show { what, format } => {
                let (run, step) = match what.as_slice() {
                    [run, step] => (Some(run.as_str()), step),
                    [step] => (None, step),
                    _ => return Err(Error::NotNow("say which step".to_owned())),
                };
                self.show_step(run, step, format)
            }
            StepCommand::Answer { what, note, outputs, driving } => {
                let (run, step, word) = match what.as_slice() {
                    [run, step, word] => (Some(run.as_str()), step, word),
                    [step, word] => (None, step, word),
                    _ => return Err(Error::NotNow("say which step, and its answer".to_owned())),
                };
                let answer = match word.as_str() {
                    "passed" => Answer::Passed,
                    "failed" => Answer::Failed,
                    "rerun" => Answer::Rerun,
                    other => {
                        let why = format!("`{other}` is no answer: say passed, failed or rerun");
                        return Err(Error::NotNow(why));
                    }
                };
                let pair = |text: &String| {
                    let pair = text.split_once('=').map(|(n, v)| (n.to_owned(), v.to_owned()));
                    pair.ok_or_else(|| Error::NotNow(format!("`{text}` is not NAME=VALUE")))
                };
                let outputs = outputs.iter().map(pair).collect::<Result<_, _>>()?;
                let said = Said { step: step.clone(), answer, outputs, note };
                self.driven(&driving, |options, show| {
                    ops::answer(&self.workspace, run, said, options, show)
                })
            }
        }
    }

    fn show_step(&self, run: Option<&str>, step: &str, format: Format) -> Result<Exit, Error> {
        let store = self.workspace.existing_store()?;
        let journal = store.load(&ops::run_of_step(&store, run, step)?)?;
        let run = journal.run();
        let whole = report::report(run);
        let found = whole.steps.iter().chain(&whole.finally).find(|s| s.id == step);
        let Some(found) = found else {
            return Err(Error::NotNow(format!("run {} has no step `{step}`", run.id())));
        };
        if format == Format::Json {
            self.print(&format!("{}\n", pretty(found)));
            return Ok(Exit::Passed);
        }
        let name = self.out.paint(Tone::Strong, &found.id);
        self.print(&format!("{name}  {}\n", found.status));
        for (label, text) in rows(run, found) {
            let label = self.out.paint(Tone::Faint, &format!("{label:8}"));
            for (nth, line) in text.lines().enumerate() {
                let label = if nth == 0 { label.clone() } else { " ".repeat(8) };
                self.print(&format!("  {label}  {}\n", printable(line)));
            }
        }
        Ok(Exit::Passed)
    }
}

/// What there is to say of a step, each with a label.
fn rows(run: &Run, step: &StepReport) -> Vec<(&'static str, String)> {
    let mut rows = Vec::new();
    let mut row = |label, text: Option<String>| rows.extend(text.map(|text| (label, text)));
    row("action", step.action.clone());
    row("note", step.note.clone());
    row("why", step.why().map(str::to_owned));
    row("after", (!step.after.is_empty()).then(|| step.after.join(", ")));
    row("runs", step.command.clone());
    for (name, value) in &step.with {
        row("with", Some(format!("{name} = {value}")));
    }
    for attempt in &step.attempts {
        let detail = attempt.detail.as_deref().unwrap_or("running");
        let said = match attempt.outcome.as_deref() {
            Some("answered") if attempt.passed => "passed, ",
            Some("answered") => "failed, ",
            _ => "",
        };
        row("attempt", Some(format!("{}  {said}{detail}", attempt.n)));
    }
    for (name, value) in &step.outputs {
        row("output", Some(format!("{name} = {value}")));
    }
    row("seen", step.verified());
    if !step.answers.is_empty() {
        let answers = step.answers.join("|");
        row("say", Some(format!("ostler step answer {} {} {answers}", run.id(), quoted(&step.id))));
    }
    rows
}
