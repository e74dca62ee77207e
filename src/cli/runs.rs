//! Running verbs, and looking at runs.

use std::collections::BTreeMap;
use std::io::IsTerminal;

use super::args::{Driving, Format, RunArgs, RunsCommand, Showing};
use super::formats::ReportFormat;
use super::list::ITS_ENGINE_DIED;
use super::progress::Progress;
use super::timeline::timeline;
use super::{Context, Exit, verb};
use crate::exec::Show;
use crate::ops::{self, Error, Session, StartOptions};

impl Context {
    /// Runs a verb. `before` is how it was called, for its help.
    pub(super) fn run(&self, args: &RunArgs, before: &str) -> Result<Exit, Error> {
        let Some(words) = &args.words else { return self.which_verb("run") };
        let (verb, words) = words.split();
        let (workflow, checked) = ops::check_verb(&self.workspace, &verb, &self.cwd)?;
        let (given, after) = match verb::parse(&workflow, words, before) {
            Ok(parsed) => parsed,
            Err(error) => return Ok(self.usage(&error)),
        };
        let driving = merged(&args.driving, &after);
        let plan = ops::plan(&self.workspace, &workflow, &checked, &given)?;
        self.named_by_mistake(&workflow, &given);
        let warnings = checked.problems.iter().filter(|p| !p.is_error()).count();
        if warnings > 0 && !driving.showing.quiet {
            let them =
                if warnings == 1 { "1 warning".to_owned() } else { format!("{warnings} warnings") };
            super::say(&format!("{them} in {}: ostler check {verb}", checked.file));
        }
        // The plan is all that a run needs, and a run may be long.
        drop((workflow, checked));
        self.driven(&driving, |options, show| ops::start(&self.workspace, plan, options, show))
    }

    /// Drives a run, says how it goes on, and prints its report.
    pub(super) fn driven(
        &self,
        driving: &Driving,
        drive: impl FnOnce(&StartOptions, Show<'_>) -> Result<Session, Error>,
    ) -> Result<Exit, Error> {
        let options = driving.options();
        let mut progress = Progress::new(self, &driving.showing);
        let session =
            drive(&options, &mut |record, run, store| progress.record(record, run, store));
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
        let session = ops::watch(&self.workspace, run, &mut |record, run, store| {
            if std::mem::take(&mut first) {
                progress.begin(run);
            }
            if let Some(record) = record {
                progress.record(record, run, store);
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
            RunsCommand::Retry(args) => self.retry(args),
            RunsCommand::Diff(args) => self.diff(&args),
            RunsCommand::Export(args) => self.export(&args),
            RunsCommand::Verify(args) => self.verify(&args),
            RunsCommand::Veto(args) => self.veto(&args),
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
                        "  {ITS_ENGINE_DIED}: ostler runs resume {}\n",
                        journal.id()
                    ));
                }
                Ok(Exit::Passed)
            }
            RunsCommand::Log { run, step, attempt, stderr, format } => {
                self.log(run, step, attempt, stderr, format)
            }
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
        format: Option<Format>,
    ) -> Result<Exit, Error> {
        let store = self.workspace.existing_store()?;
        let (run, step) = match (run, step) {
            (Some(word), None) if ops::is_step_of_latest(&store, &word)? => (None, Some(word)),
            both => both,
        };
        let id = store.find(run.as_deref())?;
        let Some(step) = step else {
            let lines = store.lines(&id)?;
            if self.out.is_terminal && format != Some(Format::Json) || format == Some(Format::Text)
            {
                self.print(&timeline(&lines));
            } else {
                lines.iter().for_each(|line| self.print(&String::from_utf8_lossy(line)));
            }
            return Ok(Exit::Passed);
        };
        let n = ops::attempt(&store, &id, &step, attempt)?;
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
}

pub(super) fn pretty(value: &impl serde::Serialize) -> String {
    serde_json::to_string_pretty(value).unwrap_or_default()
}

/// Options may stand before the verb or after it.
fn merged(before: &Driving, after: &Driving) -> Driving {
    Driving {
        jobs: after.jobs.or(before.jobs),
        host_jobs: after.host_jobs.or(before.host_jobs),
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
