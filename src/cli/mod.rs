//! The command line: it calls `ops`, prints, and decides nothing.

mod args;
mod call;
mod claims;
mod completion;
mod diff;
mod doctor;
mod exit;
mod explain;
mod export;
mod fleet;
mod formats;
mod hands;
mod housekeeping;
mod list;
mod live;
mod mcp;
mod names;
mod new;
mod plan;
mod probe;
mod problems;
mod progress;
mod reports;
mod retry;
mod runs;
mod step;
mod stepping;
mod terminal;
mod timeline;
mod usage;
mod verb;
mod verbs;
mod veto;

use std::cell::Cell;
use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{CommandFactory, Parser};

use crate::diagnostic::printable;
use crate::ops::{self, Error, Trust, Workspace};
use crate::reader;
use crate::store;
use args::{Args, CheckArgs, Command, Driving, Format, RunArgs, RunsArgs, RunsCommand, Words};
pub use call::call;
pub use exit::Exit;
use formats::CheckFormat;
use terminal::Terminal;

/// Runs the command line and says how it went.
pub fn main(args: impl IntoIterator<Item = OsString>) -> Exit {
    let args = args.into_iter().collect::<Vec<_>>();
    if let Some(exit) = completion::answer(&args) {
        return exit;
    }
    let args = match Args::try_parse_from(as_verb(args)) {
        Ok(args) => args,
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage } else { Exit::Passed };
        }
    };
    let named = args.directory.clone();
    let cwd = match named.clone().map_or_else(std::env::current_dir, std::fs::canonicalize) {
        Ok(cwd) if cwd.is_dir() => cwd,
        bad => {
            let which = named.map_or_else(|| "this folder".to_owned(), |d| d.display().to_string());
            let why = bad.map_or_else(|e| e.to_string(), |_| "it is no folder".to_owned());
            say(&format!("error: {} cannot be used: {why}", printable(&which)));
            return Exit::Usage;
        }
    };
    let trust = Trust::new(&args.import_path, args.untrusted, &cwd);
    let settled = args.command.as_ref().is_none_or(Command::needs_settings);
    let found =
        if settled { Workspace::find(&cwd, trust) } else { Ok(Workspace::look(&cwd, trust)) };
    match found.map(|workspace| Context::new(workspace, cwd)) {
        Ok(context) => {
            let done = context.dispatch(args.command);
            let exit = done.unwrap_or_else(|error| context.failed(&error));
            if context.lost.get() && exit == Exit::Passed { Exit::State } else { exit }
        }
        Err(error) => {
            say(&format!("error: {error}"));
            exit_of(&error)
        }
    }
}

/// The arguments, where we were called by a link that has a verb's name: that verb is meant.
fn as_verb(mut args: Vec<OsString>) -> Vec<OsString> {
    let called = args.first().and_then(|first| Path::new(first).file_name()?.to_str());
    if let Some(verb) = called.filter(|name| !name.starts_with("ostler")) {
        let verb = verb.to_owned();
        args.splice(..1, ["ostler".into(), "run".into(), verb.into()]);
    }
    args
}

/// Says something on standard error. Where that cannot be written, nobody can be told.
fn say(line: &str) {
    write_err(&format!("{line}\n"));
}

/// Writes to standard error, all at once.
fn write_err(text: &str) {
    let _ = std::io::stderr().write_all(text.as_bytes());
}

/// What every command needs.
struct Context {
    workspace: Workspace,
    cwd: PathBuf,
    out: Terminal,
    err: Terminal,
    /// Whether a result could not be printed.
    lost: Cell<bool>,
}

impl Context {
    fn new(workspace: Workspace, cwd: PathBuf) -> Self {
        let (out, err) = (Terminal::stdout(), Terminal::stderr());
        Self { workspace, cwd, out, err, lost: Cell::new(false) }
    }

    fn dispatch(&self, command: Option<Command>) -> Result<Exit, Error> {
        match command.unwrap_or(Command::List { format: Format::Text }) {
            Command::List { format } => self.verbs(format),
            Command::Run(args) => self.run(&args, "ostler run"),
            Command::Verb(words) => self.verb(words),
            Command::Completion { shell } => self.completion(shell),
            Command::Help { words } => self.help(words),
            Command::Init(args) => self.init(&args),
            Command::New(args) => self.new_verb(&args),
            Command::Check(args) => self.check(&args),
            Command::Explain(args) => self.explain(&args),
            Command::Plan(args) => self.plan(&args),
            Command::Runs(RunsArgs { list, command }) => {
                self.runs(command.unwrap_or(RunsCommand::List(list)))
            }
            Command::Fleet(command) => self.fleet(&command),
            Command::Doctor(args) => Ok(self.doctor(&args)),
            Command::Start(args) => self.start(&args),
            Command::Step(command) => self.step(command),
            Command::Mcp(args) => self.mcp(&args),
        }
    }

    /// What a command takes, or a verb.
    fn help(&self, mut words: Vec<OsString>) -> Result<Exit, Error> {
        let ours = Args::command();
        let named = words.first().and_then(|word| word.to_str());
        let command = named.is_none_or(|name| ours.find_subcommand(name).is_some());
        words.push("--help".into());
        if !command {
            return self.run(
                &RunArgs { driving: Driving::default(), words: Some(Words::Verb(words)) },
                "ostler",
            );
        }
        let whole = std::iter::once(OsString::from("ostler")).chain(words);
        Ok(Args::try_parse_from(whole).err().map_or(Exit::Passed, |error| self.usage(&error)))
    }

    fn check(&self, args: &CheckArgs) -> Result<Exit, Error> {
        let checked = ops::check_all(&self.workspace, &args.names, &self.cwd)?;
        // A job that looks in the wrong place would be green for ever.
        if checked.is_empty() {
            let here = self
                .workspace
                .exists()
                .then(|| format!("there is no workflow file in {}", self.workspace.root.display()));
            let why = here.unwrap_or_else(|| names::NOWHERE.to_owned());
            return Err(Error::NotNow(format!("nothing to check: {why}")));
        }
        let root = || {
            let checkout = std::env::var_os("GITHUB_WORKSPACE").map(PathBuf::from);
            problems::Root::new(&self.workspace.root, checkout)
        };
        match args.format {
            CheckFormat::Json => self.print(&problems::json(&checked)),
            CheckFormat::Text => {
                for one in &checked {
                    self.print(&problems::text(&one.problems, &one.sources, &self.out));
                }
                self.print(&problems::summary(&checked, &self.out));
            }
            CheckFormat::Github => self.print(&problems::github(&checked, &root())),
            CheckFormat::Sarif => self.print(&problems::sarif(&checked, &root())),
        }
        if matches!(args.format, CheckFormat::Github | CheckFormat::Sarif) {
            say(problems::summary(&checked, &self.err).trim_end());
        }
        Ok(if checked.iter().all(ops::Checked::is_sound) { Exit::Passed } else { Exit::Problems })
    }

    /// Prints a result.
    fn print(&self, text: &str) {
        self.print_bytes(text.as_bytes());
    }

    /// Prints a result. A reader that goes away is no error of ours; a full disk is, and is said once.
    fn print_bytes(&self, bytes: &[u8]) {
        let mut out = std::io::stdout().lock();
        match out.write_all(bytes).and_then(|()| out.flush()) {
            Ok(()) => {}
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => {}
            Err(error) => {
                if !self.lost.replace(true) {
                    say(&format!("error: the result could not be written: {error}"));
                }
            }
        }
    }

    /// Says why something was not done.
    fn failed(&self, error: &Error) -> Exit {
        let word = self.err.bad("error");
        match error {
            Error::Problems(all, sources) => {
                say(problems::text(all, sources, &self.err).trim_end());
            }
            Error::Params(refused) => {
                for bad in refused {
                    say(&format!("{word}: {}", printable(&bad.message)));
                    if let Some(hint) = &bad.hint {
                        say(&format!("  {hint}"));
                    }
                }
            }
            Error::NoVerb { near, dir, .. } => {
                say(&format!("{word}: {} in {dir}", printable(&error.to_string())));
                if let Some(near) = near {
                    say(&format!("  did you mean `{near}`?"));
                }
            }
            _ => say(&format!("{word}: {}", printable(&error.to_string()))),
        }
        let nowhere = matches!(error, Error::NoVerb { near: None, .. } | Error::NoState)
            && !self.workspace.exists();
        let nowhere = nowhere.then(|| names::NOWHERE.to_owned());
        if let Some(hint) = nowhere.or_else(|| hint(error)) {
            say(&format!("  {hint}"));
        }
        exit_of(error)
    }
}

/// A way out, where there is one to name.
fn hint(error: &Error) -> Option<String> {
    Some(match error {
        Error::NoState => "start with `ostler run VERB`".to_owned(),
        Error::Refused(store::Error::Locked { run, .. }) => {
            format!(
                "it is free once that run has ended: `ostler runs show {run}` says how it goes, \
                 `ostler runs resume {run}` goes on with it, `ostler runs cancel {run}` ends it"
            )
        }
        Error::Store(store::Error::NoRun(_) | store::Error::Ambiguous(_)) => {
            "see `ostler runs list`".to_owned()
        }
        Error::Paused(_) => "`ostler runs prune --resume` ends that".to_owned(),
        Error::Store(store::Error::Driven { run, .. }) => {
            format!("see `ostler runs show {run}`; `ostler runs cancel {run}` ends it")
        }
        Error::Store(store::Error::Full | store::Error::NotDurable { .. }) => {
            "what ran was ended; make room, then `ostler runs resume`".to_owned()
        }
        Error::Store(store::Error::StillEnding { .. }) => "try again in a moment".to_owned(),
        Error::Store(store::Error::Newer { .. }) => "use the newer ostler".to_owned(),
        _ => return None,
    })
}

fn exit_of(error: &Error) -> Exit {
    match error {
        Error::NoVerb { .. } | Error::Params(_) | Error::NotNow(_) | Error::NoState => Exit::Usage,
        Error::TwoFiles { .. } => Exit::Problems,
        Error::Rules(_) => Exit::Bug,
        Error::Store(
            store::Error::NoRun(_) | store::Error::Ambiguous(_) | store::Error::Pruned { .. },
        ) => Exit::Usage,
        Error::Problems(..) | Error::Config(_) => Exit::Problems,
        Error::Refused(_) | Error::Refusal(_) | Error::Paused(_) => Exit::Refused,
        Error::Reader(reader::Error::Refused(_)) => Exit::Refused,
        Error::Store(_) | Error::Io { .. } | Error::Reader(_) => Exit::State,
    }
}
