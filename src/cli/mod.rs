//! The command line: it calls `ops`, prints, and decides nothing.
#![expect(clippy::print_stderr, reason = "the one place that prints")]

mod args;
mod exit;
mod plan;
mod problems;
mod progress;
mod runs;
mod terminal;
mod verb;

use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;

use clap::Parser;

use crate::ops::{self, Error, Workspace};
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
    let cwd = match args.directory.clone().map_or_else(std::env::current_dir, std::fs::canonicalize)
    {
        Ok(cwd) => cwd,
        Err(error) => {
            eprintln!("error: the folder cannot be used: {error}");
            return Exit::Usage;
        }
    };
    let context = Workspace::find(&cwd).map(|workspace| Context {
        workspace,
        cwd,
        out: Terminal::stdout(),
        err: Terminal::stderr(),
    });
    match context {
        Ok(context) => match context.dispatch(args.command) {
            Ok(exit) => exit,
            Err(error) => context.failed(&error),
        },
        Err(error) => {
            eprintln!("error: {error}");
            exit_of(&error)
        }
    }
}

/// What every command needs.
struct Context {
    workspace: Workspace,
    cwd: PathBuf,
    out: Terminal,
    err: Terminal,
}

impl Context {
    fn dispatch(&self, command: Command) -> Result<Exit, Error> {
        match command {
            Command::Run(args) => self.run(&args),
            Command::Check(args) => self.check(&args),
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

    /// Prints a result. A reader that goes away is no error of ours.
    #[expect(clippy::unused_self, reason = "reads better where it is called")]
    fn print(&self, text: &str) {
        let mut out = std::io::stdout().lock();
        let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    }

    /// Says why something was not done.
    fn failed(&self, error: &Error) -> Exit {
        let word = self.err.bad("error");
        match error {
            Error::Problems(all, sources) => eprint!("{}", problems::text(all, sources, &self.err)),
            Error::Params(refused) => {
                for bad in refused {
                    eprintln!("{word}: {}", bad.message);
                    if let Some(hint) = &bad.hint {
                        eprintln!("  {hint}");
                    }
                }
            }
            Error::NoVerb { near, dir, .. } => {
                eprintln!("{word}: {error} in {dir}");
                if let Some(near) = near {
                    eprintln!("  did you mean `{near}`?");
                }
            }
            _ => eprintln!("{word}: {error}"),
        }
        if let Some(hint) = hint(error) {
            eprintln!("  {hint}");
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
        Error::Store(store::Error::NoRun(_) | store::Error::Ambiguous(_)) => Exit::Usage,
        Error::Problems(..) | Error::Config(_) => Exit::Problems,
        Error::Refused(_) => Exit::Refused,
        Error::Store(_) | Error::Io { .. } => Exit::State,
    }
}
