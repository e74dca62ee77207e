//! One attempt at a step: its commands under the keeper, then what they did against what was expected.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

use tokio::sync::watch;

use super::expect::{self, Judged};
use super::outputs;
use super::pool::{Pool, Urge};
use super::protocol::{Kept, Limits, Report, Start};
use super::secrets::{self, Fetch, Wanted};
use super::wait::Wait;
use crate::ids::Name;
use crate::redact::{Masks, Secret};
use crate::run::{Check, Ending, Outcome, Stream};
use crate::value::Bytes;
use crate::workflow::{Expect, OutputSpec};

/// An attempt with every value in place.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// What its output is called.
    pub name: String,
    /// What it runs.
    pub work: Work,
    /// Environment on top of the run's.
    pub env: Vec<(String, Bytes)>,
    /// Its secrets, which are fetched anew for each attempt.
    pub secrets: Vec<Wanted>,
    /// Its folder.
    pub cwd: PathBuf,
    /// How long it may take, all its parts together.
    pub limits: Limits,
    /// The file it may write outputs to.
    pub output_file: PathBuf,
    /// The outputs it must write.
    pub outputs: BTreeMap<Name, OutputSpec>,
    /// The claim that is checked once it has passed.
    pub verify: Option<Part>,
    /// Values that are handed over as files: path and content.
    pub value_files: Vec<(PathBuf, Bytes)>,
}

/// What an attempt runs.
#[derive(Debug, Clone)]
pub enum Work {
    /// One command.
    One(Box<Part>),
    /// Several, each with its own result.
    Checks(Vec<Part>),
    /// Waiting until something holds.
    Wait(Wait),
}

/// One command and what is expected of it.
#[derive(Debug, Clone)]
pub struct Part {
    /// Its name in the report.
    pub name: String,
    /// Its words.
    pub argv: Vec<Bytes>,
    /// Environment on top of the attempt's.
    pub env: Vec<(String, Bytes)>,
    /// What it reads.
    pub stdin: Option<Bytes>,
    /// What is expected.
    pub expect: Option<Expected>,
    /// Whether it is an engine of ours, which ends what it runs by itself.
    pub engine: bool,
}

/// An expectation with its paths in place.
#[derive(Debug, Clone)]
pub struct Expected {
    /// What was written.
    pub that: Expect,
    /// The paths of `that.file`.
    pub files: Vec<PathBuf>,
    /// The paths of `that.unchanged`.
    pub unchanged: Vec<PathBuf>,
}

/// An attempt that ended, and its output that is short enough for the database, by name.
#[derive(Debug)]
pub struct Done {
    /// How it ended.
    pub ending: Ending,
    /// Names (`build.1.stdout`) and contents.
    pub inline: Vec<(String, Bytes)>,
}

impl Attempt {
    /// Makes the attempt. Everything that can go wrong is in the ending.
    pub async fn make(self, pool: &Pool, urge: watch::Receiver<Urge>) -> Done {
        let mut doing = Doing {
            started: Instant::now(),
            pool,
            urge,
            inline: Vec::new(),
            ending: Ending::of(Outcome::Exited { code: 0 }, true),
            attempt: &self,
            secrets: Vec::new(),
            masks: None,
        };
        if let Err(error) = doing.write_values() {
            let outcome = Outcome::CouldNotStart { reason: format!("a value's file: {error}") };
            return Done { ending: Ending::of(outcome, false), inline: Vec::new() };
        }
        if let Err(outcome) = doing.fetch().await {
            return Done { ending: Ending::of(outcome, false), inline: Vec::new() };
        }
        match &self.work {
            Work::One(part) => doing.one(part).await,
            Work::Checks(parts) => doing.checks(parts).await,
            Work::Wait(wait) => doing.wait(wait).await,
        }
        if let Some(verify) = self.verify.as_ref().filter(|_| doing.ending.passed) {
            doing.check(verify, "verify").await;
        }
        let _ = std::fs::remove_file(&self.output_file);
        if let Some(masks) = &doing.masks {
            secrets::hide(&mut doing.ending, masks);
        }
        Done { ending: doing.ending, inline: doing.inline }
    }
}

/// An attempt under way.
pub(super) struct Doing<'a> {
    pub(super) started: Instant,
    pub(super) pool: &'a Pool,
    pub(super) urge: watch::Receiver<Urge>,
    pub(super) inline: Vec<(String, Bytes)>,
    pub(super) ending: Ending,
    pub(super) attempt: &'a Attempt,
    secrets: Vec<Secret>,
    masks: Option<Masks>,
}

impl Doing<'_> {
    fn write_values(&self) -> std::io::Result<()> {
        self.attempt.value_files.iter().try_for_each(|(path, value)| std::fs::write(path, &value.0))
    }

    /// Fetches the secrets; or says how the attempt ends without them.
    async fn fetch(&mut self) -> Result<(), Outcome> {
        if self.attempt.secrets.is_empty() {
            return Ok(());
        }
        let mut fetch = Fetch {
            pool: self.pool,
            urge: &mut self.urge,
            env: &self.attempt.env,
            left_ms: self.attempt.limits.deadline_ms,
        };
        self.secrets = fetch.all(&self.attempt.secrets).await?;
        self.masks =
            secrets::masks(&self.secrets).map_err(|reason| Outcome::CouldNotStart { reason })?;
        Ok(())
    }

    /// A step that is one command.
    async fn one(&mut self, part: &Part) {
        let before = expect::snapshot(part.expect.as_ref()).await;
        let mut report = self.run(part, &self.attempt.name).await;
        let judged = self.judge(part, &mut report, &before).await;
        self.ending.outcome = report.outcome.clone();
        self.ending.passed = judged.passed;
        self.ending.checks = judged.checks;
        self.ending.leaked.extend(std::mem::take(&mut report.leaked));
        self.show(&report);
        self.hand_on(&report);
    }

    /// What a command wrote is what the step wrote.
    pub(super) fn show(&mut self, report: &Report) {
        self.ending.stdout = stream(&report.stdout);
        self.ending.stderr = stream(&report.stderr);
    }

    /// The outputs of a command are those of the step.
    pub(super) fn hand_on(&mut self, report: &Report) {
        let found = outputs::collect(&self.attempt.output_file, &self.attempt.outputs, || {
            expect::text(&report.stdout, &self.pool.setting().dir)
        });
        let (mut values, mut why) = match found {
            Ok(values) => (values, Vec::new()),
            Err((values, why)) => (values, vec![why]),
        };
        if let Some(masks) = &self.masks {
            why.extend(secrets::take_out(&mut values, masks));
        }
        self.ending.outputs = values;
        if self.ending.passed && !why.is_empty() {
            self.ending.bad_output = Some(why.join("\n"));
            self.ending.passed = false;
        }
    }

    /// A step that is several checks: all are made, whatever the others gave.
    async fn checks(&mut self, parts: &[Part]) {
        for (nth, part) in parts.iter().enumerate() {
            let name = format!("{}.check{}", self.attempt.name, nth + 1);
            if !self.check(part, &name).await {
                break;
            }
        }
    }

    /// One check; `false` if the attempt is at its end.
    async fn check(&mut self, part: &Part, name: &str) -> bool {
        let before = expect::snapshot(part.expect.as_ref()).await;
        let mut report = self.run(part, name).await;
        let judged = self.judge(part, &mut report, &before).await;
        let failed: Vec<String> = judged
            .checks
            .iter()
            .filter(|c| !c.passed)
            .map(|c| format!("{} {}, expected {}", c.what, c.observed, c.expected))
            .collect();
        let observed =
            if failed.is_empty() { report.outcome.to_string() } else { failed.join("; ") };
        let expected = part.expect.as_ref().map_or_else(|| "exit 0".to_owned(), expect::shown);
        let what = part.name.clone();
        self.ending.checks.push(Check { what, expected, observed, passed: judged.passed });
        self.ending.passed &= judged.passed;
        self.ending.leaked.extend(report.leaked);
        let over = !matches!(report.outcome, Outcome::Exited { .. } | Outcome::Signaled { .. });
        if over || (!judged.passed && self.ending.outcome == (Outcome::Exited { code: 0 })) {
            self.ending.outcome = report.outcome;
        }
        !over || matches!(self.ending.outcome, Outcome::CouldNotStart { .. })
    }

    pub(super) async fn run(&mut self, part: &Part, name: &str) -> Report {
        let mut limits = self.attempt.limits;
        let spent = u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        limits.deadline_ms = limits.deadline_ms.map(|ms| ms.saturating_sub(spent).max(1));
        let mut env = self.attempt.env.clone();
        env.extend(part.env.iter().cloned());
        env.push(("OSTLER_OUTPUT".to_owned(), path_bytes(&self.attempt.output_file)));
        let setting = self.pool.setting();
        let start = Start {
            argv: part.argv.clone(),
            env,
            secrets: self.secrets.clone(),
            private: false,
            cwd: path_bytes(&self.attempt.cwd),
            stdin: part.stdin.clone(),
            engine: part.engine,
            dir: setting.dir.to_string_lossy().into_owned(),
            name: name.to_owned(),
            limits,
        };
        let mut report = match self.pool.run(start, &mut self.urge).await {
            Ok(report) => report,
            Err(lost) => Report::of(Outcome::Lost { reason: lost.to_string() }),
        };
        if let Outcome::TimedOut { after_ms } = &mut report.outcome {
            *after_ms = self.attempt.limits.deadline_ms.unwrap_or(*after_ms);
        }
        for (kept, ending) in [(&report.stdout, "stdout"), (&report.stderr, "stderr")] {
            self.inline
                .extend(kept.inline.clone().map(|bytes| (format!("{name}.{ending}"), bytes)));
        }
        report
    }

    /// Judges what a command did. Waiting for files to become as expected ends when the attempt shall.
    async fn judge(
        &self,
        part: &Part,
        report: &mut Report,
        before: &[(PathBuf, String)],
    ) -> Judged {
        let mut urge = self.urge.clone();
        let judged = tokio::select! {
            biased;
            judged = expect::judge(part.expect.as_ref(), report, before, &self.pool.setting().dir, self.masks.as_ref()) => Some(judged),
            _ = urge.wait_for(|urge| *urge > Urge::None) => None,
        };
        judged.unwrap_or_else(|| {
            report.outcome = Outcome::Cancelled;
            Judged { passed: false, checks: Vec::new() }
        })
    }
}

fn stream(kept: &Kept) -> Stream {
    Stream {
        bytes: kept.bytes,
        kept: kept.kept,
        sha256: kept.sha256.clone(),
        file: kept.file.clone(),
        lost: kept.lost.clone(),
    }
}

pub(super) fn path_bytes(path: &std::path::Path) -> Bytes {
    use std::os::unix::ffi::OsStrExt;
    path.as_os_str().as_bytes().into()
}
