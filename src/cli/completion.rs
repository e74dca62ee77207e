//! Completion in shells: of commands, verbs, their params, and runs.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use clap::CommandFactory;
use clap_complete::env::{CompleteEnv, Shells};
use clap_complete::{ArgValueCompleter, CompletionCandidate};

use super::args::{Args, Driving, Shell};
use super::formats::Planning;
use super::stepping::Opening;
use super::{Context, Exit, verb};
use crate::diagnostic::Code;
use crate::fleet::Host;
use crate::ops::{self, Error, Hands, Offered, Open, Trust, Wanted, Workspace};
use crate::report::lines::one_line;

/// By this variable the shell's script asks for completions.
const ASKED: &str = "OSTLER_COMPLETE";
/// How many runs are offered.
const RUNS: u32 = 20;

/// Answers the shell's script, if it is that which called us.
pub(super) fn answer(args: &[OsString]) -> Option<Exit> {
    std::env::var_os(ASKED)?;
    let asked = CompleteEnv::with_factory(command).var(ASKED).completer("ostler");
    let done = asked.try_complete(args.iter().cloned(), std::env::current_dir().ok().as_deref());
    done.unwrap_or(true).then_some(Exit::Passed)
}

/// Our commands, and the verbs of the workspace as commands beside them.
fn command() -> clap::Command {
    let mut ours = Args::command();
    let verbs = listed();
    for listed in &verbs {
        let run = || verb_command::<Driving>(listed);
        let taken = ours.find_subcommand(&listed.name).is_some();
        ours = ours.mut_subcommand("run", |parent| parent.subcommand(run()));
        ours = ours.mut_subcommand("plan", |p| p.subcommand(verb_command::<Planning>(listed)));
        ours = ours.mut_subcommand("start", |p| p.subcommand(verb_command::<Opening>(listed)));
        if !taken {
            ours = ours.subcommand(run());
        }
    }
    ours
}

fn verb_command<Options: clap::Args>(verb: &Offered) -> clap::Command {
    verb::command::<Options>(&verb.name, verb.about.as_deref(), &verb.params)
}

fn listed() -> Vec<Offered> {
    let verbs = workspace().and_then(|workspace| ops::offered(&workspace).ok());
    verbs.unwrap_or_default()
}

/// The workspace that the words typed so far are about.
fn workspace() -> Option<Workspace> {
    let words: Vec<OsString> = std::env::args_os().collect();
    let named = words.iter().position(|word| word == "-C" || word == "--directory");
    let named = named.and_then(|at| words.get(at + 1)).map(PathBuf::from);
    let folder = named.map_or_else(std::env::current_dir, std::fs::canonicalize).ok()?;
    let trust = Trust::new(&[], false, &folder);
    Workspace::find(&folder, trust).ok()
}

/// Offers the workspace's verbs.
pub(super) fn verbs() -> ArgValueCompleter {
    ArgValueCompleter::new(|typed: &OsStr| candidates(typed, named_verbs()))
}

fn named_verbs() -> impl Iterator<Item = (String, String)> {
    listed().into_iter().map(|verb| (verb.name, verb.about.unwrap_or_default()))
}

/// Offers verbs, and what else can be explained.
pub(super) fn explainable() -> ArgValueCompleter {
    ArgValueCompleter::new(|typed: &OsStr| {
        let codes =
            Code::ALL.iter().map(|code| (code.as_str().to_owned(), code.title().to_owned()));
        let format = ("format".to_owned(), "every field of a workflow file".to_owned());
        candidates(typed, named_verbs().chain([format]).chain(codes))
    })
}

/// Offers commands and verbs.
pub(super) fn helped() -> ArgValueCompleter {
    ArgValueCompleter::new(|typed: &OsStr| {
        let ours = Args::command();
        let about = |own: &clap::Command| own.get_about().map(ToString::to_string);
        let ours = ours.get_subcommands().map(|own| (own.get_name(), about(own)));
        let ours: Vec<_> =
            ours.map(|(n, about)| (n.to_owned(), about.unwrap_or_default())).collect();
        candidates(typed, ours.into_iter().chain(named_verbs()))
    })
}

/// Offers the steps that somebody is asked about, and their runs.
pub(super) fn asked() -> ArgValueCompleter {
    steps(|hands| hands.asked.clone())
}

/// Offers the steps that somebody holds, may take, or is asked about, and their runs.
pub(super) fn open_steps() -> ArgValueCompleter {
    steps(|hands| {
        let held = hands.held.iter().map(|held| &held.step);
        held.chain(&hands.offered).chain(&hands.asked).cloned().collect()
    })
}

/// Offers these steps of the runs that have not ended, and the runs.
fn steps(of: fn(&Hands) -> Vec<String>) -> ArgValueCompleter {
    ArgValueCompleter::new(move |typed: &OsStr| {
        let all = open_runs().into_iter().flat_map(|open| {
            let (run, steps) = (open.summary, of(&open.hands));
            let about = format!("{} {}", run.workflow, run.id);
            let own = (!steps.is_empty()).then(|| (run.id.to_string(), run.workflow));
            let steps = steps.into_iter().map(move |step| (step, about.clone()));
            steps.chain(own).collect::<Vec<_>>()
        });
        candidates(typed, all)
    })
}

/// Offers the runs that can be stepped through, and what they are for.
pub(super) fn stepped() -> ArgValueCompleter {
    ArgValueCompleter::new(|typed: &OsStr| {
        let all = open_runs().into_iter().map(|open| {
            let (run, task) = (open.summary, open.hands.task.unwrap_or_default());
            (run.id.to_string(), format!("{} {}", run.workflow, one_line(&task)))
        });
        candidates(typed, all)
    })
}

fn open_runs() -> Vec<Open> {
    workspace().and_then(|workspace| ops::open_runs(&workspace).ok()).unwrap_or_default()
}

/// Offers the latest runs.
pub(super) fn runs() -> ArgValueCompleter {
    ArgValueCompleter::new(|typed: &OsStr| {
        let wanted = Wanted { limit: RUNS, ..Wanted::default() };
        let latest = workspace().and_then(|workspace| ops::list(&workspace, &wanted).ok());
        let all = latest.unwrap_or_default().into_iter().map(|listed| {
            let run = listed.summary;
            let what = format!("{} {}", run.workflow, run.status.name().replace('_', " "));
            (run.id.to_string(), what)
        });
        candidates(typed, all)
    })
}

/// Offers the hosts of the fleet.
pub(super) fn hosts() -> ArgValueCompleter {
    ArgValueCompleter::new(|typed: &OsStr| candidates(typed, fleet().into_iter().map(described)))
}

/// Offers what a selector can begin with: hosts, groups, and `all`.
pub(super) fn selectors() -> ArgValueCompleter {
    ArgValueCompleter::new(|typed: &OsStr| {
        let hosts = fleet();
        let groups: BTreeSet<String> = hosts.iter().flat_map(|host| host.groups.clone()).collect();
        let groups = groups.into_iter().map(|group| (format!("@{group}"), "a group".to_owned()));
        let all = ("all".to_owned(), "every host".to_owned());
        candidates(typed, [all].into_iter().chain(groups).chain(hosts.into_iter().map(described)))
    })
}

fn fleet() -> Vec<Host> {
    let fleet = workspace().and_then(|workspace| ops::read_fleet(&workspace).ok());
    fleet.map(|(fleet, _)| fleet.hosts.into_values().collect()).unwrap_or_default()
}

fn described(host: Host) -> (String, String) {
    (host.name.to_string(), host.description.unwrap_or(host.address))
}

fn candidates(
    typed: &OsStr,
    all: impl Iterator<Item = (String, String)>,
) -> Vec<CompletionCandidate> {
    let typed = typed.to_string_lossy();
    all.filter(|(name, _)| name.starts_with(&*typed))
        .map(|(name, about)| CompletionCandidate::new(name).help(Some(about.into())))
        .collect()
}

impl Context {
    /// Prints the script by which a shell asks us.
    pub(super) fn completion(&self, shell: Shell) -> Result<Exit, Error> {
        let shells = Shells::builtins();
        let mut script = Vec::new();
        let written = shells
            .completer(shell.name())
            .map(|one| one.write_registration(ASKED, "ostler", "ostler", "ostler", &mut script));
        match written {
            Some(Ok(())) => self.print_bytes(&script),
            _ => return Err(Error::NotNow(format!("no completion for {}", shell.name()))),
        }
        Ok(Exit::Passed)
    }
}
