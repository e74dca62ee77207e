//! Which runs may be let go, and why the others stay: rules and facts in, a fate for each run out. Pure; the time is given.
#![deny(clippy::disallowed_methods)]

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};

use crate::ids::RunId;
use crate::run::RunStatus;
use crate::value::Time;
use crate::workflow::Millis;

/// How long runs are kept, by how they ended: `[retention]` in `ostler.toml`. What has no rule stays for ever.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Retention {
    /// Runs that passed.
    #[serde(deserialize_with = "age")]
    pub passed: Option<Millis>,
    /// Runs that failed, passed with failures, or were blocked or refused.
    #[serde(deserialize_with = "age")]
    pub failed: Option<Millis>,
    /// Runs that were cancelled.
    #[serde(deserialize_with = "age")]
    pub cancelled: Option<Millis>,
    /// What steps wrote, of whatever run: it may go before the record does.
    #[serde(deserialize_with = "age")]
    pub logs: Option<Millis>,
    /// How many of the latest runs of each verb always stay whole.
    pub last: usize,
}

fn age<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Millis>, D::Error> {
    let text = String::deserialize(from)?;
    Millis::parse_age(&text).map(Some).map_err(serde::de::Error::custom)
}

impl Retention {
    /// Whether nothing is ever let go.
    pub fn is_empty(&self) -> bool {
        [self.passed, self.failed, self.cancelled, self.logs].iter().all(Option::is_none)
    }

    /// How long a run that ended like this is kept; none if for ever.
    fn of(&self, status: RunStatus) -> Option<Millis> {
        match status {
            RunStatus::Passed => self.passed,
            RunStatus::PassedWithFailures
            | RunStatus::Failed
            | RunStatus::Blocked
            | RunStatus::Refused => self.failed,
            RunStatus::Cancelled => self.cancelled,
            RunStatus::Running | RunStatus::Waiting => None,
        }
    }
}

/// That a run is kept, or that pruning is paused: by whom, since when, and until when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Hold {
    /// When it is over; never if none.
    pub until: Option<Time>,
    /// Who said so.
    pub by: String,
    /// When.
    pub since: Time,
    /// Why.
    pub note: Option<String>,
}

impl Hold {
    /// Whether it still counts.
    pub fn counts(&self, now: Time) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

/// What is known of a run that may be let go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The run.
    pub run: RunId,
    /// Its verb.
    pub workflow: String,
    /// How it ended, or what it is.
    pub status: RunStatus,
    /// When it was opened.
    pub opened_at: Time,
    /// When it ended.
    pub ended_at: Option<Time>,
    /// Whether `finally` steps are owed.
    pub owes_finally: bool,
    /// Whether somebody drives it, or something of it is alive.
    pub driven: bool,
    /// Whether somebody keeps it.
    pub kept: Option<Hold>,
    /// Whether a veto stands on it.
    pub vetoed: bool,
    /// How many bytes its steps' output takes.
    pub output: u64,
    /// The run that called it, where one did.
    pub parent: Option<RunId>,
}

/// What becomes of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// Its record goes, and its output.
    Goes,
    /// Its output goes, its record stays.
    OutputGoes,
    /// It has not ended.
    Unfinished,
    /// It owes its `finally`.
    OwesFinally,
    /// Its lock is held: something of it is alive.
    Driven,
    /// Somebody keeps it.
    Kept,
    /// A veto stands on it.
    Vetoed,
    /// It is one of the latest of its verb.
    Latest,
    /// It is too young.
    Young,
    /// No rule lets runs go that ended like this.
    NoRule,
    /// The run that called it stays.
    Called,
}

/// What becomes of each run at a given time. The order of the runs does not matter.
pub fn decide(rules: &Retention, runs: &[Candidate], now: Time) -> Vec<Fate> {
    let latest = latest(runs, rules.last);
    let own = runs.iter().map(|run| (run, fate(rules, run, latest.contains(&&run.run), now)));
    let own: BTreeMap<&RunId, (&Candidate, Fate)> = own.map(|one| (&one.0.run, one)).collect();
    runs.iter().map(|run| with_caller(run, &own)).collect()
}

/// What becomes of a run beside those that called it: as much of it stays as of them.
fn with_caller(run: &Candidate, own: &BTreeMap<&RunId, (&Candidate, Fate)>) -> Fate {
    let is_kept = |fate| !matches!(fate, Fate::Goes | Fate::OutputGoes);
    let mut fate = own.get(&run.run).map_or(Fate::Young, |(_, fate)| *fate);
    let mut parent = run.parent.as_ref().and_then(|parent| own.get(parent));
    // No run can be among those that called it; a log that says so does not keep us here.
    for _ in 0..own.len() {
        let Some((caller, theirs)) = parent.filter(|_| !is_kept(fate)) else { break };
        if is_kept(*theirs) {
            return Fate::Called;
        }
        fate = fate.max(*theirs);
        parent = caller.parent.as_ref().and_then(|parent| own.get(parent));
    }
    if fate == Fate::OutputGoes && run.output == 0 { Fate::Called } else { fate }
}

/// The last few runs of each verb.
fn latest(runs: &[Candidate], last: usize) -> std::collections::BTreeSet<&RunId> {
    let mut verbs: BTreeMap<&str, Vec<(Time, &RunId)>> = BTreeMap::new();
    for run in runs {
        verbs.entry(&run.workflow).or_default().push((run.opened_at, &run.run));
    }
    let of_one = |mut all: Vec<(Time, _)>| {
        all.sort_unstable_by(|a, b| b.cmp(a));
        all.into_iter().take(last).map(|(_, run)| run)
    };
    verbs.into_values().flat_map(of_one).collect()
}

fn fate(rules: &Retention, run: &Candidate, is_latest: bool, now: Time) -> Fate {
    let ended = match run.ended_at {
        _ if run.owes_finally => return Fate::OwesFinally,
        Some(at) if run.status.is_final() => at,
        _ => return Fate::Unfinished,
    };
    if run.driven {
        return Fate::Driven;
    }
    if run.kept.as_ref().is_some_and(|kept| kept.counts(now)) {
        return Fate::Kept;
    }
    if run.vetoed {
        return Fate::Vetoed;
    }
    if is_latest {
        return Fate::Latest;
    }
    let old = |age: Millis| now.since(ended) >= age.0;
    match rules.of(run.status) {
        Some(age) if old(age) => Fate::Goes,
        _ if run.output > 0 && rules.logs.is_some_and(old) => Fate::OutputGoes,
        Some(_) => Fate::Young,
        None => Fate::NoRule,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use RunStatus::{Blocked, Cancelled, Failed, PassedWithFailures, Refused};

    const DAY: i64 = 86_400_000;

    fn rules() -> Retention {
        let days = |n: u64| Some(Millis(n * 86_400_000));
        Retention { passed: days(30), failed: days(90), cancelled: None, logs: days(7), last: 0 }
    }

    /// A run that ended on day 0.
    fn run(n: u8, status: RunStatus) -> Candidate {
        Candidate {
            run: RunId::from_random([n; 8]),
            workflow: "v".to_owned(),
            status,
            opened_at: Time(-1_000 + i64::from(n)),
            ended_at: status.is_final().then_some(Time(0)),
            owes_finally: false,
            driven: false,
            kept: None,
            vetoed: false,
            output: 0,
            parent: None,
        }
    }

    fn at(day: i64, run: &Candidate) -> Fate {
        decide(&rules(), std::slice::from_ref(run), Time(day * DAY))[0]
    }

    #[test]
    fn each_class_has_its_own_age_to_the_millisecond() {
        let passed = run(1, RunStatus::Passed);
        let decided = |now: i64| decide(&rules(), std::slice::from_ref(&passed), Time(now))[0];
        assert_eq!(decided(30 * DAY - 1), Fate::Young);
        assert_eq!(decided(30 * DAY), Fate::Goes);
        // A clock that was set back makes nothing older.
        assert_eq!(decided(-400 * DAY), Fate::Young);
        for status in [Failed, PassedWithFailures, Blocked, Refused] {
            assert_eq!(at(89, &run(1, status)), Fate::Young, "{status:?}");
            assert_eq!(at(90, &run(1, status)), Fate::Goes, "{status:?}");
        }
        assert_eq!(at(10_000, &run(1, Cancelled)), Fate::NoRule);
    }

    #[test]
    fn what_has_not_ended_owes_or_lives_never_goes() {
        for status in [RunStatus::Running, RunStatus::Waiting] {
            let mut one = Candidate { output: 9, ..run(1, status) };
            assert_eq!(at(10_000, &one), Fate::Unfinished);
            one.owes_finally = true;
            assert_eq!(at(10_000, &one), Fate::OwesFinally);
        }
        let driven = Candidate { driven: true, output: 9, ..run(1, RunStatus::Passed) };
        assert_eq!(at(10_000, &driven), Fate::Driven);
        let vetoed = Candidate { vetoed: true, output: 9, ..run(1, RunStatus::Passed) };
        assert_eq!(at(10_000, &vetoed), Fate::Vetoed);
        let owing = Candidate { owes_finally: true, ..run(1, RunStatus::Passed) };
        assert_eq!(at(10_000, &owing), Fate::OwesFinally);
    }

    #[test]
    fn output_may_go_before_the_record() {
        let one = Candidate { output: 1, ..run(1, RunStatus::Cancelled) };
        assert_eq!(at(6, &one), Fate::NoRule);
        assert_eq!(at(7, &one), Fate::OutputGoes);
        let passed = Candidate { output: 1, ..run(1, RunStatus::Passed) };
        assert_eq!((at(7, &passed), at(30, &passed)), (Fate::OutputGoes, Fate::Goes));
        assert_eq!(at(7, &run(1, RunStatus::Passed)), Fate::Young);
    }

    #[test]
    fn a_keep_counts_until_it_ends() {
        let hold = |until| Hold { until, by: "a@b".to_owned(), since: Time(0), note: None };
        let kept =
            |until| Candidate { kept: Some(hold(until)), output: 1, ..run(1, RunStatus::Passed) };
        assert_eq!(at(10_000, &kept(None)), Fate::Kept);
        assert_eq!(at(39, &kept(Some(Time(40 * DAY)))), Fate::Kept);
        assert_eq!(at(40, &kept(Some(Time(40 * DAY)))), Fate::Goes);
    }

    #[test]
    fn the_latest_of_each_verb_stay_whole() {
        let other = Candidate { workflow: "w".to_owned(), ..run(1, RunStatus::Passed) };
        let runs = [2, 4, 3].map(|n| Candidate { output: 1, ..run(n, RunStatus::Passed) });
        let runs = [&runs[..], &[other]].concat();
        let rules = Retention { last: 2, ..rules() };
        let fates = decide(&rules, &runs, Time(40 * DAY));
        assert_eq!(fates, [Fate::Goes, Fate::Latest, Fate::Latest, Fate::Latest]);
    }

    #[test]
    fn a_called_run_stays_as_long_as_its_caller() {
        let caller = Candidate { output: 1, ..run(1, Failed) };
        let called = |n, by: &Candidate| Candidate {
            output: 1,
            parent: Some(by.run.clone()),
            ..run(n, RunStatus::Passed)
        };
        let child = called(2, &caller);
        let all = [caller.clone(), child.clone(), called(3, &child)];
        let at = |day: i64| decide(&rules(), &all, Time(day * DAY));
        assert_eq!(at(6), [Fate::Young; 3]);
        assert_eq!(at(40), [Fate::OutputGoes; 3]);
        assert_eq!(at(90), [Fate::Goes; 3]);
        let open = Candidate { ended_at: None, ..run(1, RunStatus::Running) };
        let all = [open, child.clone(), called(3, &child)];
        let fates = decide(&rules(), &all, Time(90 * DAY));
        assert_eq!(fates, [Fate::Unfinished, Fate::Called, Fate::Called]);
        assert_eq!(decide(&rules(), &[child], Time(90 * DAY)), [Fate::Goes]);
    }

    #[test]
    fn without_rules_nothing_ever_goes() {
        let all = [RunStatus::Passed, RunStatus::Failed, RunStatus::Cancelled];
        let runs = all.map(|status| Candidate { output: 5, ..run(1, status) });
        let fates = decide(&Retention::default(), &runs, Time(i64::MAX));
        assert_eq!(fates, [Fate::NoRule; 3]);
        assert!(Retention::default().is_empty() && !rules().is_empty());
    }
}
