//! What somebody says of a step that they did, judged like what the engine did.

use sha2::{Digest, Sha256};

use super::attempt::Doing;
use super::protocol::{Kept, Report};
use super::secrets;
use super::work::{Part, Reported};
use crate::plan::hex;
use crate::run::Outcome;
use crate::value::Bytes;

impl Doing<'_> {
    /// A step that somebody did: its files, and what they say its command did.
    pub(super) async fn reported(&mut self, said: &Reported) {
        let part = Part {
            name: self.attempt.name.clone(),
            argv: Vec::new(),
            env: Vec::new(),
            stdin: None,
            expect: said.expect.clone(),
            engine: false,
        };
        let mut report = Report::of(Outcome::Exited { code: said.exit.unwrap_or(0) });
        report.stdout = self.kept(said.stdout.as_ref(), "stdout");
        report.stderr = self.kept(said.stderr.as_ref(), "stderr");
        let judged = self.judge(&part, &mut report, &[]).await;
        // Where nobody says how a command ended, there may have been none.
        self.ending.outcome = match (said.exit, report.outcome.clone()) {
            (None, Outcome::Exited { .. }) => Outcome::Answered,
            (_, outcome) => outcome,
        };
        (self.ending.passed, self.ending.checks) = (judged.passed, judged.checks);
        self.ending.outputs.clone_from(&said.outputs);
        if let Some(masks) = &self.masks {
            let why = secrets::take_out(&mut self.ending.outputs, masks);
            self.ending.passed &= why.is_empty();
            self.ending.bad_output = (!why.is_empty()).then(|| why.join("\n"));
        }
        self.show(&report);
    }

    /// What they say it wrote, without secrets.
    fn kept(&mut self, said: Option<&Bytes>, stream: &str) -> Kept {
        let Some(said) = said else { return Kept::default() };
        let bytes = self.masks.as_ref().map_or_else(|| said.0.clone(), |masks| masks.hide(&said.0));
        let size = bytes.len() as u64;
        let sha256 = (size > 0).then(|| hex(&Sha256::digest(&bytes)));
        let inline = Some(Bytes(bytes));
        self.inline.extend(inline.clone().map(|b| (format!("{}.{stream}", self.attempt.name), b)));
        Kept { bytes: size, kept: size, sha256, inline, file: None, lost: None }
    }
}
