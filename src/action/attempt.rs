//! One attempt at a step: its commands under the keeper, then what they did against what was expected.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

use tokio::sync::watch;

use super::expect::{self, Judged};
use super::outputs;
use super::pool::{Pool, Urge};
use super::protocol::{Kept, Limits, Report, Start};
use crate::ids::Name;
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
        };
        if let Err(error) = doing.write_values() {
            let outcome = Outcome::CouldNotStart { reason: format!("a value's file: {error}") };
            return Done { ending: Ending::of(outcome, false), inline: Vec::new() };
        }
        match &self.work {
            Work::One(part) => doing.one(part).await,
            Work::Checks(parts) => doing.checks(parts).await,
        }
        if let Some(verify) = self.verify.as_ref().filter(|_| doing.ending.passed) {
            doing.check(verify, "verify").await;
        }
        let _ = std::fs::remove_file(&self.output_file);
        Done { ending: doing.ending, inline: doing.inline }
    }
}

/// An attempt under way.
struct Doing<'a> {
    started: Instant,
    pool: &'a Pool,
    urge: watch::Receiver<Urge>,
    inline: Vec<(String, Bytes)>,
    ending: Ending,
    attempt: &'a Attempt,
}

impl Doing<'_> {
    fn write_values(&self) -> std::io::Result<()> {
        self.attempt.value_files.iter().try_for_each(|(path, value)| std::fs::write(path, &value.0))
    }

    /// A step that is one command.
    async fn one(&mut self, part: &Part) {
        let before = expect::snapshot(part.expect.as_ref()).await;
        let mut report = self.run(part, &self.attempt.name).await;
        let judged = self.judge(part, &mut report, &before).await;
        self.ending.outcome = report.outcome.clone();
        self.ending.passed = judged.passed;
        self.ending.checks = judged.checks;
        self.ending.stdout = stream(&report.stdout);
        self.ending.stderr = stream(&report.stderr);
        self.ending.leaked = report.leaked;
        let found = outputs::collect(&self.attempt.output_file, &self.attempt.outputs, || {
            expect::text(&report.stdout, &self.pool.setting().dir)
        });
        match found {
            Ok(values) => self.ending.outputs = values,
            Err((values, why)) => {
                self.ending.outputs = values;
                if self.ending.passed {
                    self.ending.bad_output = Some(why);
                    self.ending.passed = false;
                }
            }
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

    async fn run(&mut self, part: &Part, name: &str) -> Report {
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
            cwd: path_bytes(&self.attempt.cwd),
            stdin: part.stdin.clone(),
            engine: part.engine,
            dir: setting.dir.to_string_lossy().into_owned(),
            name: name.to_owned(),
            limits,
        };
        let mut report = match self.pool.run(start, &mut self.urge).await {
            Ok(report) => report,
            Err(lost) => Report {
                outcome: Outcome::Lost { reason: lost.to_string() },
                stdout: Kept::default(),
                stderr: Kept::default(),
                leaked: Vec::new(),
            },
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
            judged = expect::judge(part.expect.as_ref(), report, before, &self.pool.setting().dir) => Some(judged),
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

fn path_bytes(path: &std::path::Path) -> Bytes {
    use std::os::unix::ffi::OsStrExt;
    path.as_os_str().as_bytes().into()
}
