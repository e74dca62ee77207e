//! The command line: it calls `ops`, prints, and decides nothing.

mod args;
mod exit;
mod explain;
mod plan;
mod problems;
mod progress;
mod runs;
mod terminal;
mod verb;

use std::cell::Cell;
use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;

use clap::Parser;

use crate::diagnostic::printable;
use crate::ops::{self, Error, Trust, Workspace};
use crate::reader;
use crate::store;
use args::{Args, CheckArgs, Command, Format};
pub use exit::Exit;
use terminal::Terminal;

/// Runs the command line and says how it went.
pub fn main(args: impl IntoIterator<Item = OsString>) -> Exit {
    let args = match Args::try_parse_from(args) {
        Ok(args) => args,
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage } else { Exit::Passed };
        }
    };
    let named = args.directory.clone().map_or_else(std::env::current_dir, std::fs::canonicalize);
    let cwd = match named.and_then(folder) {
        Ok(cwd) => cwd,
        Err(error) => {
            say(&format!("error: the folder cannot be used: {error}"));
            return Exit::Usage;
        }
    };
    let trust = Trust::new(&args.import_path, args.untrusted, &cwd);
    let context = Workspace::find(&cwd, trust).map(|workspace| Context {
        workspace,
        cwd,
        out: Terminal::stdout(),
        err: Terminal::stderr(),
        lost: Cell::new(false),
    });
    match context {
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

/// Says something on standard error. Where that cannot be written, nobody can be told.
fn say(line: &str) {
    let _ = std::io::stderr().write_all(format!("{line}\n").as_bytes());
}

fn folder(path: PathBuf) -> std::io::Result<PathBuf> {
    if path.is_dir() { Ok(path) } else { Err(std::io::ErrorKind::NotADirectory.into()) }
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
    fn dispatch(&self, command: Command) -> Result<Exit, Error> {
        match command {
            Command::Run(args) => self.run(&args),
            Command::Check(args) => self.check(&args),
            Command::Explain(args) => self.explain(&args),
            Command::Plan(args) => self.plan(&args),
            Command::Runs(command) => self.runs(command),
            Command::Step(command) => self.step(command),
        }
    }

    fn check(&self, args: &CheckArgs) -> Result<Exit, Error> {
        let checked = ops::check_all(&self.workspace, &args.names, &self.cwd)?;
        match args.format {
            Format::Json => self.print(&problems::json(&checked)),
            Format::Text => {
                for one in &checked {
                    self.print(&problems::text(&one.problems, &one.sources, &self.out));
                }
                self.print(&problems::summary(&checked, &self.out));
            }
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
        if let Some(hint) = hint(error) {
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
            format!("see `ostler runs show {run}`; `ostler runs resume {run}` or `cancel` frees it")
        }
        Error::Store(store::Error::NoRun(_) | store::Error::Ambiguous(_)) => {
            "see `ostler runs list`".to_owned()
        }
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
        Error::Store(store::Error::NoRun(_) | store::Error::Ambiguous(_)) => Exit::Usage,
        Error::Problems(..) | Error::Config(_) => Exit::Problems,
        Error::Refused(_) | Error::Reader(reader::Error::Refused(_)) => Exit::Refused,
        Error::Store(_) | Error::Io { .. } | Error::Reader(_) => Exit::State,
    }
}
