//! Names that are no verb's: which verb or command may be meant.

use std::ffi::OsString;

use super::args::{Args, Driving, RunArgs, Words};
use super::{Context, Exit};
use crate::diagnostic::closest;
use crate::ops::{self, Error};
use clap::CommandFactory;

/// What is said where no workspace is.
pub(super) const NOWHERE: &str = "no workspace here: `ostler init` begins one";
/// Words that other programs have for commands of ours.
const ELSEWHERE: [(&str, &str); 6] = [
    ("logs", "runs log"),
    ("status", "runs show"),
    ("rerun", "runs retry"),
    ("done", "step report"),
    ("begin", "start"),
    ("open", "start"),
];

impl Context {
    /// A first word that is no command of ours: a verb's name or file.
    pub(super) fn verb(&self, words: Vec<OsString>) -> Result<Exit, Error> {
        let done = self.run(
            &RunArgs { driving: Driving::default(), words: Some(Words::Verb(words)) },
            "ostler",
        );
        done.map_err(|error| match error {
            Error::NoVerb { name, near, dir } => {
                let near = below(&name).or(near).or_else(|| command(&name));
                Error::NoVerb { name, near, dir }
            }
            error => error,
        })
    }

    /// Which verbs there are, for somebody who named none.
    pub(super) fn which_verb(&self, command: &str) -> Result<Exit, Error> {
        let word = self.err.bad("error");
        super::say(&format!(
            "{word}: which verb?\n\nUsage: ostler {command} [OPTIONS] <VERB> [PARAMS]...\n"
        ));
        let verbs = ops::offered(&self.workspace)?;
        super::write_err(&self.listing(&verbs, &[]));
        Ok(Exit::Usage)
    }
}

/// The command whose last word this is.
fn below(name: &str) -> Option<String> {
    let ours = Args::command();
    let parents = ours.get_subcommands().filter(|parent| parent.find_subcommand(name).is_some());
    let named = parents.map(|parent| format!("{} {name}", parent.get_name()));
    let elsewhere = ELSEWHERE.iter().filter(|(word, _)| *word == name);
    let mut found = named.chain(elsewhere.map(|(_, ours)| (*ours).to_owned()));
    found.next().map(|command| format!("ostler {command}"))
}

/// The command of a similar name.
fn command(name: &str) -> Option<String> {
    let ours = Args::command();
    let all = || ours.get_subcommands();
    let first = closest(name, all().map(clap::Command::get_name)).map(str::to_owned);
    let inner = all().flat_map(clap::Command::get_subcommands).map(clap::Command::get_name);
    first.or_else(|| closest(name, inner).and_then(below))
}
