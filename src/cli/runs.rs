//! Running verbs, and looking at runs.

use std::io::IsTerminal;

use serde_json::json;

use super::args::{Driving, Format, RunArgs, RunsCommand, StepCommand};
use super::{Context, Exit, progress, verb};
use crate::ids::RunId;
use crate::ops::{self, Error, Said, Session, StartOptions};
use crate::report::{self, AttemptReport, Paint, StepReport, Tone};
use crate::run::{Answer, Record, Run};
use crate::store::Store;

/// How many lines of a failed step's output are shown.
const TAIL: usize = 15;

impl Context {
    pub(super) fn run(&self, args: &RunArgs) -> Result<Exit, Error> {
        let (verb, words) = verb::split(&args.words);
        let (workflow, checked) = ops::check_verb(&self.workspace, &verb, &self.cwd)?;
        let (given, after) = match verb::parse(&workflow, words, "run") {
            Ok(parsed) => parsed,
            Err(error) => return Ok(self.usage(&error)),
        };
        let driving = merged(&args.driving, &after);
        let warnings: Vec<_> = checked.problems.iter().filter(|p| !p.is_error()).cloned().collect();
        if !warnings.is_empty() {
            super::say(&super::problems::text(&warnings, &checked.sources, &self.err));
        }
        let plan = ops::plan(&self.workspace, &workflow, &checked, &given)?;
        // The plan is all that a run needs, and a run may be long.
        drop((workflow, checked));
        let options = StartOptions { jobs: driving.jobs.map(usize::from), no_ask: driving.no_ask };
        let session = ops::start(&self.workspace, plan, &options, &mut |r, run| self.show(r, run))?;
        Ok(self.ended(&session, &driving))
    }

    /// Prints clap's own words on the verb's arguments.
    #[expect(clippy::unused_self, reason = "reads better where it is called")]
    pub(super) fn usage(&self, error: &clap::Error) -> Exit {
        let _ = error.print();
        if error.use_stderr() { Exit::Usage } else { Exit::Passed }
    }

    /// Says what happens, unless the report will stand right below.
    fn show(&self, record: &Record, run: &Run) {
        let same_screen =
            self.out.is_terminal && self.err.is_terminal && run.plan().steps.len() <= 3;
        if same_screen {
            return;
        }
        if let Some(line) = progress::line(record, run, &self.err) {
            super::say(&line);
        }
    }

    /// Prints the report of a run that was driven.
    fn ended(&self, session: &Session, driving: &Driving) -> Exit {
        let run = session.journal.run();
        self.report(&session.store, run, driving.format.unwrap_or(Format::Text));
        Exit::of(session.left, driving.lenient)
    }

    fn report(&self, store: &Store, run: &Run, format: Format) {
        let whole = report::report(run);
        match format {
            Format::Json => self.print(&format!("{}\n", pretty(&whole))),
            Format::Text => {
                let id = RunId::parse(run.id());
                let mut tail = |step: &StepReport, attempt: &AttemptReport| {
                    id.as_ref().map(|id| self.tail(store, id, step, attempt)).unwrap_or_default()
                };
                self.print(&report::text(&whole, &self.out, &mut tail));
            }
        }
    }

    /// The last lines that an attempt wrote, standard error before standard output.
    fn tail(
        &self,
        store: &Store,
        id: &RunId,
        step: &StepReport,
        attempt: &AttemptReport,
    ) -> Vec<String> {
        for ending in ["stderr", "stdout"] {
            let bytes = output(store, id, &step.id, attempt.n, ending).unwrap_or_default();
            let text = String::from_utf8_lossy(&bytes[bytes.len().saturating_sub(64 * 1024)..])
                .into_owned();
            let lines: Vec<&str> = text.lines().collect();
            if !lines.is_empty() {
                let width = self.out.width.saturating_sub(6);
                let last = lines[lines.len().saturating_sub(TAIL)..].iter();
                return last.map(|line| line.chars().take(width).collect()).collect();
            }
        }
        Vec::new()
    }

    pub(super) fn runs(&self, command: RunsCommand) -> Result<Exit, Error> {
        let mut show = |record: &Record, run: &Run| self.show(record, run);
        match command {
            RunsCommand::List { limit, format } => self.list(limit, format),
            RunsCommand::Show { run, format } => {
                let store = self.workspace.existing_store()?;
                let journal = store.load(&store.find(run.as_deref())?)?;
                self.report(&store, journal.run(), format);
                if format == Format::Text && !ops::is_moving(journal.run()) {
                    self.print(&format!(
                        "  nobody drives it: ostler runs resume {}\n",
                        journal.id()
                    ));
                }
                Ok(Exit::Passed)
            }
            RunsCommand::Log { run, step, attempt, stderr } => self.log(run, step, attempt, stderr),
            RunsCommand::Resume { run, driving } => {
                let options =
                    StartOptions { jobs: driving.jobs.map(usize::from), no_ask: driving.no_ask };
                let session = ops::resume(&self.workspace, run.as_deref(), &options, &mut show)?;
                Ok(self.ended(&session, &driving))
            }
            RunsCommand::Cancel { run, driving } => {
                let session = ops::cancel(&self.workspace, run.as_deref(), &mut show)?;
                self.ended(&session, &driving);
                Ok(Exit::Passed)
            }
        }
    }

    fn list(&self, limit: u32, format: Format) -> Result<Exit, Error> {
        let runs = match self.workspace.existing_store() {
            Ok(store) => store.list(limit)?,
            Err(Error::NoState) => Vec::new(),
            Err(error) => return Err(error),
        };
        if format == Format::Json {
            let rows = runs.iter().map(|r| {
                json!({
                    "run": r.id, "workflow": r.workflow, "status": r.status, "actor": r.actor,
                    "started_at": r.opened_at, "ended_at": r.ended_at, "owes_finally": r.owes_finally,
                })
            });
            self.print(&format!("{:#}\n", json!({ "runs": rows.collect::<Vec<_>>() })));
            return Ok(Exit::Passed);
        }
        let width = runs.iter().map(|r| r.workflow.len()).max().unwrap_or(0);
        for run in &runs {
            let tone = match run.status.as_str() {
                "passed" => Tone::Good,
                "failed" | "blocked" | "refused" => Tone::Bad,
                _ => Tone::Warn,
            };
            let owed = if run.owes_finally { "  owes its `finally`" } else { "" };
            let status = format!("{:20}", run.status.replace('_', " "));
            let at = run.opened_at.to_string();
            let at = at.get(..19).unwrap_or(&at).replace('T', " ");
            self.print(&format!(
                "{}  {:width$}  {} {}{owed}\n",
                run.id,
                run.workflow,
                self.out.paint(tone, &status),
                self.out.paint(Tone::Faint, &at),
            ));
        }
        Ok(Exit::Passed)
    }

    fn log(
        &self,
        run: Option<String>,
        step: Option<String>,
        attempt: Option<u32>,
        only_stderr: bool,
    ) -> Result<Exit, Error> {
        let store = self.workspace.existing_store()?;
        // With one word, it may be a step of the latest run.
        let (run, step) = match (run, step) {
            (Some(word), None) if store.find(Some(&word)).is_err() => (None, Some(word)),
            both => both,
        };
        let id = store.find(run.as_deref())?;
        let Some(step) = step else {
            store.lines(&id)?.iter().for_each(|line| self.print(&String::from_utf8_lossy(line)));
            return Ok(Exit::Passed);
        };
        let whole = report::report(store.load(&id)?.run());
        let found = whole.steps.iter().chain(&whole.finally).find(|s| s.id == step);
        let Some(found) = found else {
            return Err(Error::NotNow(format!("run {id} has no step `{step}`")));
        };
        let Some(n) = attempt.or(found.attempts.last().map(|a| a.n)) else {
            return Err(Error::NotNow(format!("`{step}` has not run: it is {}", found.status)));
        };
        let to_terminal = std::io::stdout().is_terminal();
        for ending in if only_stderr { &["stderr"][..] } else { &["stdout", "stderr"] } {
            let bytes = output(&store, &id, &step, n, ending).unwrap_or_default();
            if to_terminal {
                self.print(&crate::diagnostic::printable(&String::from_utf8_lossy(&bytes)));
            } else {
                self.print_bytes(&bytes);
            }
        }
        Ok(Exit::Passed)
    }

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
                let options =
                    StartOptions { jobs: driving.jobs.map(usize::from), no_ask: driving.no_ask };
                let mut show = |record: &Record, run: &Run| self.show(record, run);
                let session = ops::answer(&self.workspace, run, said, &options, &mut show)?;
                Ok(self.ended(&session, &driving))
            }
        }
    }

    fn show_step(&self, run: Option<&str>, step: &str, format: Format) -> Result<Exit, Error> {
        let store = self.workspace.existing_store()?;
        let journal = store.load(&store.find(run)?)?;
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
        let planned = run.plan().steps.iter().chain(&run.plan().finally);
        let planned =
            planned.into_iter().find(|s| found.id.split('[').next() == Some(s.id.as_str()));
        let mut lines =
            vec![format!("{}  {}", self.out.paint(Tone::Strong, &found.id), found.status)];
        lines.extend(found.reason.iter().map(|r| format!("  why       {r}")));
        lines.extend(found.action.iter().map(|a| format!("  action    {a}")));
        lines.extend(planned.and_then(|s| s.note.as_ref()).map(|n| format!("  note      {n}")));
        for attempt in &found.attempts {
            let detail = attempt.detail.as_deref().unwrap_or("running");
            lines.push(format!("  attempt {} {detail}", attempt.n));
        }
        for (name, value) in &found.outputs {
            lines.push(format!("  output    {name} = {value}"));
        }
        if found.status == "asked" {
            let asked = planned.is_some_and(super::super::plan::Step::is_asked);
            let words = if asked { "passed|failed" } else { "passed|failed|rerun" };
            lines.push(format!("  say       ostler step answer {} {} {words}", run.id(), found.id));
        }
        let text =
            lines.iter().map(|l| crate::diagnostic::printable(l)).collect::<Vec<_>>().join("\n");
        self.print(&format!("{text}\n"));
        Ok(Exit::Passed)
    }
}

/// What an attempt wrote: from the database, or from its file.
fn output(store: &Store, id: &RunId, step: &str, n: u32, ending: &str) -> Option<Vec<u8>> {
    let stem = crate::ids::Instance::parse(step)?.file_stem();
    let name = format!("{stem}.{n}.{ending}");
    if let Ok(Some(bytes)) = store.output(id, &name) {
        return Some(bytes);
    }
    std::fs::read(store.run_dir(id).ok()?.join(name)).ok()
}

fn pretty(value: &impl serde::Serialize) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

/// Options may stand before the verb or after it.
fn merged(before: &Driving, after: &Driving) -> Driving {
    Driving {
        jobs: after.jobs.or(before.jobs),
        no_ask: after.no_ask || before.no_ask,
        lenient: after.lenient || before.lenient,
        format: after.format.or(before.format),
    }
}
