//! What is kept of a remote command while it runs, and when it is to end.

use std::time::Duration;

use tokio::time::Instant;

use super::words;
use crate::action::capture::Capture;
use crate::action::pool::Urge;
use crate::action::protocol::{Limits, Report, Start};
use crate::action::secrets;
use crate::run::{Leak, Outcome};

/// How long killing may take there until the line is given up.
const KILL_LIMIT: Duration = Duration::from_secs(10);
/// How long output may be in memory only.
const HIDDEN: Duration = Duration::from_millis(250);

/// A remote command as it is seen from here.
pub(super) struct Watch {
    limits: Limits,
    started: Instant,
    last_output: Instant,
    stdout: Capture,
    stderr: Capture,
    leaked: Vec<Leak>,
    /// Why it is being ended, and since when.
    ending: Option<(Why, Instant)>,
    killing: Option<Instant>,
    /// Why nobody may see what it writes, if so.
    hidden: Option<String>,
}

#[derive(Clone, Copy, PartialEq)]
enum Why {
    Deadline,
    Stall,
    Cancel,
}

/// What is to be done now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    /// The command is to be asked to end.
    Ask,
    /// It is to be killed.
    Kill,
    /// It was killed, and still there is no answer.
    GiveUp,
}

impl Watch {
    /// The error says why its secrets cannot be masked.
    pub(super) fn new(start: &Start) -> Result<Self, String> {
        let now = Instant::now();
        let masks = secrets::masks(&start.secrets)?;
        let capture = |ending| {
            let name = format!("{}.{ending}", start.name);
            Capture::new(None, &start.dir, name).masked(masks.clone()).private(start.private)
        };
        Ok(Self {
            limits: start.limits,
            started: now,
            last_output: now,
            stdout: capture("stdout"),
            stderr: capture("stderr"),
            leaked: Vec::new(),
            ending: None,
            killing: None,
            hidden: None,
        })
    }

    /// What it writes is not kept, for this reason.
    pub(super) fn hide(&mut self, why: &str) {
        self.hidden = Some(why.to_owned());
    }

    /// The command begins now: what came before was the connection.
    pub(super) fn begin(&mut self) {
        self.started = Instant::now();
        self.last_output = self.started;
    }

    /// Takes what it wrote.
    pub(super) fn heard(&mut self, out: &[u8], err: &[u8]) {
        if !out.is_empty() || !err.is_empty() {
            self.last_output = Instant::now();
        }
        if self.hidden.is_some() {
            return;
        }
        self.stdout.take(out);
        self.stderr.take(err);
    }

    /// Takes what the guard said of it.
    pub(super) fn note(&mut self, notes: &[String]) {
        for leak in notes.iter().filter_map(|note| words::leak(note)) {
            self.leaked.retain(|known| known.pid != leak.pid);
            self.leaked.push(leak);
        }
    }

    /// Whether something of it could not be ended.
    pub(super) fn has_survivors(&self) -> bool {
        self.leaked.iter().any(|leak| leak.survived)
    }

    /// What is to be done now, said once.
    pub(super) fn due(&mut self, urge: Urge) -> Option<Due> {
        let now = Instant::now();
        for stream in [&mut self.stdout, &mut self.stderr] {
            if stream.hidden_since().is_some_and(|at| at.elapsed() >= HIDDEN) {
                stream.spill();
            }
        }
        let over = |limit: Option<u64>, since: Instant| {
            limit.is_some_and(|ms| now - since >= Duration::from_millis(ms))
        };
        let why = if urge > Urge::None {
            Some(Why::Cancel)
        } else if over(self.limits.deadline_ms, self.started) {
            Some(Why::Deadline)
        } else if over(self.limits.stall_ms, self.last_output) {
            Some(Why::Stall)
        } else {
            None
        };
        match (self.ending, self.killing) {
            (_, Some(since)) => (now - since >= KILL_LIMIT).then_some(Due::GiveUp),
            (Some((_, since)), None) => {
                let kill = urge == Urge::Kill || over(Some(self.limits.grace_ms), since);
                kill.then(|| {
                    self.killing = Some(now);
                    Due::Kill
                })
            }
            (None, None) => why.map(|why| {
                self.ending = Some((why, now));
                Due::Ask
            }),
        }
    }

    /// When something may be due next.
    pub(super) fn next_look(&self) -> Instant {
        let at = |since: Instant, ms: Option<u64>| Some(since + Duration::from_millis(ms?));
        let hidden =
            |stream: &Capture| stream.hidden_since().map(|at| Instant::from_std(at + HIDDEN));
        let ending = match (self.ending, self.killing) {
            (_, Some(since)) => Some(since + KILL_LIMIT),
            (Some((_, since)), None) => at(since, Some(self.limits.grace_ms)),
            (None, None) => {
                let stall = at(self.last_output, self.limits.stall_ms);
                at(self.started, self.limits.deadline_ms).into_iter().chain(stall).min()
            }
        };
        let all = [ending, hidden(&self.stdout), hidden(&self.stderr)];
        all.into_iter().flatten().min().unwrap_or_else(|| Instant::now() + Duration::from_hours(1))
    }

    /// Its connection was lost: of its output the end is missing, unless it never started.
    pub(super) fn cut_off(&mut self, is_missing: bool) {
        if is_missing {
            let why = self.hidden.as_deref().unwrap_or("the connection was lost before its end");
            self.stdout.cut_off(why);
            self.stderr.cut_off(why);
        }
    }

    /// What is known of it in the end.
    pub(super) fn report(mut self, outcome: Outcome) -> Report {
        if self.hidden.is_some() {
            self.cut_off(outcome != words::never());
        }
        let ran = matches!(
            outcome,
            Outcome::Exited { .. } | Outcome::Signaled { .. } | Outcome::Interrupted { .. }
        );
        let outcome = match self.ending.filter(|_| ran) {
            Some((Why::Deadline, _)) => {
                Outcome::TimedOut { after_ms: self.limits.deadline_ms.unwrap_or_default() }
            }
            Some((Why::Stall, _)) => {
                Outcome::Stalled { after_ms: self.limits.stall_ms.unwrap_or_default() }
            }
            Some((Why::Cancel, _)) => Outcome::Cancelled,
            None => outcome,
        };
        Report {
            outcome,
            stdout: self.stdout.finish(),
            stderr: self.stderr.finish(),
            leaked: self.leaked,
            may_have_outputs: true,
        }
    }

    /// What is known of it where the guard says how it ended.
    pub(super) fn ended(self, words: &str, outcome: Outcome) -> Report {
        Report { may_have_outputs: words::may_have_outputs(words), ..self.report(outcome) }
    }
}
