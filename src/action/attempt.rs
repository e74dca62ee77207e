//! One attempt at a step: its commands under the keeper, then what they did against what was expected.

use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::expect::{self, Judged};
use super::outputs;
use super::place::Place;
use super::pool::{Pool, Urge};
use super::protocol::{Kept, Report, Start};
use super::secrets::{self, Fetch};
use super::ssh::{self, Hosts, Remote};
use super::work::{Attempt, Done, Expected, Part, Work};
use crate::redact::{Masks, Secret};
use crate::run::{Check, Ending, Interruption, Outcome, Stream};
use crate::value::Bytes;

impl Done {
    /// The end of what another engine left, if that is all that is known of it.
    pub fn interrupted() -> Self {
        let outcome = Outcome::Interrupted { cause: Interruption::EngineDied };
        Self { ending: Ending::of(outcome, false), inline: Vec::new() }
    }
}

impl Attempt {
    /// Makes the attempt. Everything that can go wrong is in the ending.
    pub async fn make(self, pool: &Pool, hosts: &Hosts, urge: watch::Receiver<Urge>) -> Done {
        self.go(pool, hosts, urge, None).await
    }

    /// Ends, or follows to its end, an attempt on a host that an engine left which is no more, begun so long ago. Where
    /// none of it had started, it is interrupted and never will; what of it had not started after its beginning is
    /// made now.
    pub async fn recover(
        self,
        pool: &Pool,
        hosts: &Hosts,
        age: Duration,
        urge: watch::Receiver<Urge>,
    ) -> Done {
        self.go(pool, hosts, urge, Some(age)).await
    }

    async fn go(
        mut self,
        pool: &Pool,
        hosts: &Hosts,
        urge: watch::Receiver<Urge>,
        left: Option<Duration>,
    ) -> Done {
        if let (Some(_), Work::Wait(_) | Work::Copy(_)) = (left, &self.work) {
            // To wait or copy once more does no harm.
            return Done::interrupted();
        }
        let values = std::mem::take(&mut self.value_files);
        if let Err(outcome) = self.hand_over(hosts, values, left.is_some()).await {
            return Done { ending: Ending::of(outcome, false), inline: Vec::new() };
        }
        let mut doing = Doing {
            started: Instant::now(),
            pool,
            hosts,
            urge,
            left,
            inline: Vec::new(),
            ending: Ending::of(Outcome::Exited { code: 0 }, true),
            attempt: &self,
            secrets: Vec::new(),
            masks: None,
            hidden: None,
        };
        if let Err(outcome) = doing.fetch().await {
            if left.is_none() {
                return Done { ending: Ending::of(outcome, false), inline: Vec::new() };
            }
            // It goes on all the same, and has an end.
            doing.hidden = Some(format!("its secrets are not known any more: {outcome}"));
        }
        match &self.work {
            Work::One(part) => doing.one(part).await,
            Work::Checks(parts) => doing.checks(parts).await,
            Work::Wait(wait) => doing.wait(wait).await,
            Work::Copy(copy) => doing.copy(copy).await,
            Work::Reboot(reboot) => doing.reboot(reboot).await,
            Work::Look(Some(expected)) => doing.look(expected).await,
            Work::Look(None) => {}
            Work::Reported(said) => doing.reported(said).await,
        }
        let goes_on = doing.ending.passed || matches!(self.work, Work::Look(_));
        if let Some(verify) = self.verify.as_ref().filter(|_| goes_on) {
            doing.check(verify, "verify").await;
        }
        let _ = std::fs::remove_file(&self.output_file);
        if let Some(masks) = &doing.masks {
            secrets::hide(&mut doing.ending, masks);
        }
        let is_known = !matches!(doing.ending.outcome, Outcome::Interrupted { .. });
        if let Some(on) = self.on.as_ref().filter(|_| is_known) {
            hosts.is_known(on);
        }
        Done { ending: doing.ending, inline: doing.inline }
    }

    /// Writes the values that are handed over as files, where the attempt is made.
    async fn hand_over(
        &mut self,
        hosts: &Hosts,
        values: Vec<(PathBuf, Bytes)>,
        is_there: bool,
    ) -> Result<(), Outcome> {
        let Some(on) = &self.on else {
            let written =
                values.iter().try_for_each(|(path, value)| std::fs::write(path, &value.0));
            return written.map_err(|error| Outcome::CouldNotStart {
                reason: format!("a value's file: {error}"),
            });
        };
        // What was left has its files already, and starts nothing that reads them again.
        if is_there || values.is_empty() {
            return Ok(());
        }
        let names = ssh::hand_over(hosts, on, &values).await?;
        let parts = match &mut self.work {
            Work::One(part) => std::slice::from_mut(&mut **part),
            Work::Checks(parts) => parts,
            Work::Wait(wait) => wait.parts(),
            Work::Copy(_) | Work::Reboot(_) | Work::Look(_) | Work::Reported(_) => &mut [],
        };
        for part in parts.iter_mut().chain(&mut self.verify) {
            let env = part.env.iter_mut().map(|(_, value)| value);
            let all = part.argv.iter_mut().chain(env).chain(&mut part.stdin);
            all.for_each(|word| ssh::rename(word, &names));
        }
        self.env.iter_mut().for_each(|(_, value)| ssh::rename(value, &names));
        Ok(())
    }
}

/// An attempt under way.
pub(super) struct Doing<'a> {
    pub(super) started: Instant,
    pub(super) pool: &'a Pool,
    pub(super) hosts: &'a Hosts,
    /// How long ago it was begun by another engine, as long as what that one started is met with.
    pub(super) left: Option<Duration>,
    pub(super) urge: watch::Receiver<Urge>,
    pub(super) inline: Vec<(String, Bytes)>,
    pub(super) ending: Ending,
    pub(super) attempt: &'a Attempt,
    secrets: Vec<Secret>,
    pub(super) masks: Option<Masks>,
    /// Why nobody may see what another engine's command wrote: it may hold secrets that we do not know.
    hidden: Option<String>,
}

impl Doing<'_> {
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
        let before = self.before(part).await;
        let mut report = self.run(part, &self.attempt.name).await;
        let judged = self.judge(part, &mut report, &before).await;
        self.ending.outcome = report.outcome.clone();
        self.ending.passed = judged.passed;
        self.ending.checks = judged.checks;
        self.ending.leaked.extend(std::mem::take(&mut report.leaked));
        self.show(&report);
        self.hand_on(&report).await;
    }

    /// What a command wrote is what the step wrote.
    pub(super) fn show(&mut self, report: &Report) {
        self.ending.stdout = stream(&report.stdout);
        self.ending.stderr = stream(&report.stderr);
    }

    /// The outputs of a command are those of the step.
    pub(super) async fn hand_on(&mut self, report: &Report) {
        let ran = matches!(report.outcome, Outcome::Exited { .. } | Outcome::Signaled { .. });
        if ran && self.hidden.is_some() && !self.attempt.outputs.is_empty() {
            // Neither it nor a failure of it can be told.
            self.ending.outcome = Outcome::Interrupted { cause: Interruption::EngineDied };
            self.ending.passed = false;
            return;
        }
        let ran = ran && report.may_have_outputs;
        if let Some(on) = self.attempt.on.as_ref().filter(|_| ran)
            && let Err(why) = ssh::fetch_outputs(self.hosts, on, &self.attempt.output_file).await
        {
            self.ending.bad_output = Some(why);
            self.ending.passed = false;
            return;
        }
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

    /// Files alone.
    async fn look(&mut self, expected: &Expected) {
        self.ending.checks = expect::files(expected, self.place(), self.masks.as_ref()).await;
        self.ending.passed = self.ending.checks.iter().all(|check| check.passed);
    }

    /// One check; `false` if the attempt is at its end.
    async fn check(&mut self, part: &Part, name: &str) -> bool {
        let before = self.before(part).await;
        let mut report = self.run(part, name).await;
        let judged = self.judge(part, &mut report, &before).await;
        let failed: Vec<String> = judged
            .checks
            .iter()
            .filter(|c| !c.passed)
            .map(|c| match c.what.as_str() {
                "exit" => c.observed.clone(),
                what => format!("{what} {}, expected {}", c.observed, c.expected),
            })
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
        let mut report = match &self.attempt.on {
            Some(on) => self.run_there(on, start, name).await,
            None => self
                .pool
                .run(start, &mut self.urge)
                .await
                .unwrap_or_else(|lost| Report::of(Outcome::Lost { reason: lost.to_string() })),
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

    /// Runs a command on the attempt's host. What another engine left of it is met with first.
    async fn run_there(&mut self, on: &Remote, start: Start, name: &str) -> Report {
        let part = name.strip_prefix(&self.attempt.name).unwrap_or(name).trim_start_matches('.');
        let mut command = ssh::Command { hosts: self.hosts, on: on.part(part), start };
        if let Some(age) = self.left {
            let recovered = command.recover(age, self.hidden.as_deref(), &mut self.urge).await;
            let report = recovered.report;
            self.hidden = recovered.hidden;
            let never = Outcome::Interrupted { cause: Interruption::NeverStarted };
            let is_first = self.ending.checks.is_empty() && name != "verify";
            if report.outcome != never || is_first {
                return report;
            }
            if self.hidden.is_some() {
                return Report::of(Outcome::Interrupted { cause: Interruption::EngineDied });
            }
            // Its id is void now.
            self.left = None;
            command.on = on.part(&format!("{part}-again"));
        }
        if !command.start.secrets.is_empty() {
            let mut urge = self.urge.clone();
            let sealed = tokio::select! {
                sealed = ssh::seal(self.hosts, &command.on, &command.start.secrets) => sealed,
                _ = urge.wait_for(|urge| *urge > Urge::None) => Err(Outcome::Cancelled),
            };
            if let Err(outcome) = sealed {
                return Report::of(outcome);
            }
        }
        command.run(&mut self.urge).await
    }

    /// What `unchanged` paths are before a command.
    async fn before(&self, part: &Part) -> Vec<(PathBuf, String)> {
        if self.left.is_some() {
            let paths = part.expect.iter().flat_map(|expect| &expect.unchanged);
            let unknown = "unknown: the engine died in between";
            return paths.map(|path| (path.clone(), unknown.to_owned())).collect();
        }
        expect::snapshot(part.expect.as_ref(), self.place()).await
    }

    /// Where its files are.
    pub(super) fn place(&self) -> Place<'_> {
        self.attempt.on.as_ref().map_or(Place::Here, |on| Place::There(self.hosts, &on.host))
    }

    /// Judges what a command did. Waiting for files to become as expected ends when the attempt shall.
    pub(super) async fn judge(
        &self,
        part: &Part,
        report: &mut Report,
        before: &[(PathBuf, String)],
    ) -> Judged {
        let mut urge = self.urge.clone();
        let judged = tokio::select! {
            biased;
            judged = expect::judge(part.expect.as_ref(), report, before, &self.pool.setting().dir, self.place(), self.masks.as_ref()) => Some(judged),
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
    path.as_os_str().as_bytes().into()
}
