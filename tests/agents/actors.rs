//! Those who act in these tests, each by the command line and under a name.

use std::cell::RefCell;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::history::History;
use crate::support::{Ran, Test};

/// Somebody, as `OSTLER_ACTOR` says.
#[derive(Clone, Copy)]
pub(crate) struct Who<'t> {
    pub(crate) test: &'t Test,
    pub(crate) name: &'t str,
}

impl Test {
    /// An agent or a person: `agent:x`, `human:ada`.
    pub(crate) fn who<'t>(&'t self, name: &'t str) -> Who<'t> {
        Who { test: self, name }
    }
}

impl Who<'_> {
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = self.test.command(args);
        command.env("OSTLER_ACTOR", self.name);
        command
    }

    pub(crate) fn runs(&self, args: &[&str]) -> Ran {
        Ran::new(&self.command(args).output().unwrap())
    }

    /// What they are told where all goes well.
    #[track_caller]
    pub(crate) fn told(&self, args: &[&str]) -> Value {
        self.runs(&[args, &["--format", "json"]].concat()).code(0).json()
    }

    /// Opens a run of a verb: its id.
    #[track_caller]
    pub(crate) fn opens(&self, verb: &str) -> String {
        self.told(&["start", verb])["run"].as_str().unwrap().to_owned()
    }

    /// Takes a step: the token.
    #[track_caller]
    pub(crate) fn takes(&self, run: &str, step: &str) -> String {
        let brief = self.told(&["step", "take", run, step]);
        assert_eq!(brief["step"]["id"], step, "{brief}");
        brief["step"]["token"].to_string()
    }

    /// Is refused with exit 6, told why, and the refusal is the last record of the run.
    #[track_caller]
    pub(crate) fn refused(&self, run: &str, args: &[&str], why: &str) {
        let ran = self.runs(args).code(6).complains(why);
        assert_eq!(ran.stdout, "", "nothing is handed to who is refused");
        let history = History::of(self.test, &[run]);
        let record = history.records.last().unwrap();
        let event = &record["event"];
        assert_eq!(event["type"], "refused", "{args:?}: {record}");
        let reason = event["reason"].as_str().unwrap();
        assert!(ran.stderr.contains(reason), "{reason} is recorded, and told is {}", ran.stderr);
        let (kind, name) = self.name.split_once(':').unwrap();
        assert_eq!(
            (&record["actor"]["kind"], &record["actor"]["name"]),
            (&kind.into(), &name.into())
        );
    }
}

/// A process of a test, which ends with it at the latest.
pub(crate) struct Until(RefCell<Option<Child>>);

impl Until {
    pub(crate) fn starts(mut command: Command) -> Self {
        let piped = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        Self(RefCell::new(Some(piped.spawn().unwrap())))
    }

    pub(crate) fn id(&self) -> u32 {
        self.0.borrow().as_ref().unwrap().id()
    }

    /// Whether it goes on.
    pub(crate) fn runs(&self) -> bool {
        self.0.borrow_mut().as_mut().unwrap().try_wait().unwrap().is_none()
    }

    /// Waits for its end.
    pub(crate) fn ends(self) -> Ran {
        let child = self.0.borrow_mut().take().unwrap();
        Ran::new(&child.wait_with_output().unwrap())
    }
}

impl Drop for Until {
    fn drop(&mut self) {
        if let Some(mut child) = self.0.borrow_mut().take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// The status of a step now.
#[track_caller]
pub(crate) fn status_of(test: &Test, run: &str, step: &str) -> String {
    let report = test.ostler(&["runs", "show", run, "--format", "json"]).code(0).json();
    crate::support::status(&report, step)
}
