//! Running verbs, and looking at runs.

use std::collections::BTreeMap;
use std::io::IsTerminal;

use super::args::{Driving, Format, RunArgs, RunsCommand, Showing, StepCommand};
use super::formats::ReportFormat;
use super::progress::Progress;
use super::{Context, Exit, verb};
use crate::ops::{self, Error, Said, Session, StartOptions};
use crate::report::{self, Paint, Tone};
use crate::run::{Answer, Record, Run};

impl Context {
    /// Runs a verb. `before` is how it was called, for its help.
    pub(super) fn run(&self, args: &RunArgs, before: &str) -> Result<Exit, Error> {
        let (verb, words) = verb::split(&args.words);
        let (workflow, checked) = ops::check_verb(&self.workspace, &verb, &self.cwd)?;
        let (given, after) = match verb::parse(&workflow, words, before) {
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
        self.driven(&driving, |options, show| ops::start(&self.workspace, plan, options, show))
    }

    /// Drives a run, says how it goes on, and prints its report.
    pub(super) fn driven(
        &self,
        driving: &Driving,
        drive: impl FnOnce(&StartOptions, &mut dyn FnMut(&Record, &Run)) -> Result<Session, Error>,
    ) -> Result<Exit, Error> {
        let options = StartOptions { jobs: driving.jobs.map(usize::from), no_ask: driving.no_ask };
        let mut progress = Progress::new(self, &driving.showing);
        let session = drive(&options, &mut |record, run| progress.record(record, run));
        let said = progress.end();
        let session = session?;
        self.report(&session.store, session.journal.run(), &driving.showing, &said);
        Ok(Exit::of(session.left, driving.lenient))
    }

    /// Prints clap's own words on the verb's arguments.
    #[expect(clippy::unused_self, reason = "reads better where it is called")]
    pub(super) fn usage(&self, error: &clap::Error) -> Exit {
        let _ = error.print();
        if error.use_stderr() { Exit::Usage } else { Exit::Passed }
    }

    fn watch(&self, run: Option<&str>, showing: &Showing) -> Result<Exit, Error> {
        let mut progress = Progress::new(self, showing);
        let mut first = true;
        let session = ops::watch(&self.workspace, run, &mut |record, run| {
            if std::mem::take(&mut first) {
                progress.begin(run);
            }
            if let Some(record) = record {
                progress.record(record, run);
            }
        });
        let said = progress.end();
        let session = session?;
        self.report(&session.store, session.journal.run(), showing, &said);
        Ok(Exit::of(session.left, false))
    }

    pub(super) fn runs(&self, command: RunsCommand) -> Result<Exit, Error> {
        match command {
            RunsCommand::List(args) => self.list(&args),
            RunsCommand::Retry(args) => self.retry(&args),
            RunsCommand::Diff(args) => self.diff(&args),
            RunsCommand::Export(args) => self.export(&args),
            RunsCommand::Verify(args) => self.verify(&args),
            RunsCommand::Keep(args) => self.keep(args),
            RunsCommand::Unkeep(args) => self.unkeep(&args),
            RunsCommand::Prune(args) => self.prune(&args),
            RunsCommand::Show { run, format } => {
                let store = self.workspace.existing_store()?;
                let journal = store.load(&store.find(run.as_deref())?)?;
                let showing = Showing { format: Some(format), ..Showing::default() };
                self.report(&store, journal.run(), &showing, &BTreeMap::new());
                if format == ReportFormat::Text && !ops::is_moving(journal.run()) {
                    self.print(&format!(
                        "  nobody drives it: ostler runs resume {}\n",
                        journal.id()
                    ));
                }
                Ok(Exit::Passed)
            }
            RunsCommand::Log { run, step, attempt, stderr } => self.log(run, step, attempt, stderr),
            RunsCommand::Watch { run, showing } => self.watch(run.as_deref(), &showing),
            RunsCommand::Resume { run, driving } => self.driven(&driving, |options, show| {
                ops::resume(&self.workspace, run.as_deref(), options, show)
            }),
            RunsCommand::Cancel { run, driving } => {
                self.driven(&driving, |_, show| {
                    ops::cancel(&self.workspace, run.as_deref(), show)
                })?;
                Ok(Exit::Passed)
            }
        }
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
            if let Some(from) = &found.taken_over {
                let why =
                    format!("`{step}` passed in run {0}: ostler runs log {0} {step}", from.run);
                return Err(Error::NotNow(why));
            }
            return Err(Error::NotNow(format!("`{step}` has not run: it is {}", found.status)));
        };
        if let Some((at, by)) = store.output_gone(&id)? {
            let why = format!("the output of run {id} was let go on {at} by {by}");
            return Err(Error::NotNow(why));
        }
        let to_terminal = std::io::stdout().is_terminal();
        for ending in if only_stderr { &["stderr"][..] } else { &["stdout", "stderr"] } {
            let bytes = ops::output(&store, &id, &step, n, ending);
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
                self.driven(&driving, |options, show| {
                    ops::answer(&self.workspace, run, said, options, show)
                })
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

pub(super) fn pretty(value: &impl serde::Serialize) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

/// Options may stand before the verb or after it.
fn merged(before: &Driving, after: &Driving) -> Driving {
    Driving {
        jobs: after.jobs.or(before.jobs),
        no_ask: after.no_ask || before.no_ask,
        lenient: after.lenient || before.lenient,
        showing: Showing {
            quiet: after.showing.quiet || before.showing.quiet,
            verbose: after.showing.verbose || before.showing.verbose,
            format: after.showing.format.or(before.showing.format),
            report: before.showing.report.iter().chain(&after.showing.report).cloned().collect(),
        },
    }
}
