//! The arguments as they are typed.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

use super::completion;
use super::formats::{CheckFormat, Planning, ReportFile, ReportFormat};
use crate::diagnostic::Code;
use crate::ops::StartOptions;
use crate::report::Detail;

/// Runs verbs: workflow files that are checked before they run and recorded as they run.
#[derive(Debug, Parser)]
#[command(
    name = "ostler", version, after_help = AFTER, override_usage = USAGE,
    disable_help_subcommand = true, subcommand_help_heading = "Commands",
)]
pub(super) struct Args {
    /// Work as if started in this folder
    #[arg(short = 'C', long, value_name = "DIR", global = true)]
    pub(super) directory: Option<PathBuf>,
    /// Look for imports of Nickel files here as well
    #[arg(long, value_name = "DIR", global = true)]
    pub(super) import_path: Vec<PathBuf>,
    /// Read strangers' files: refused unless the kernel confines the reader
    #[arg(long, global = true)]
    pub(super) untrusted: bool,
    #[command(subcommand)]
    pub(super) command: Option<Command>,
}

const USAGE: &str = "ostler                     list the verbs of this workspace
       ostler VERB [PARAMS]       run one; ostler VERB --help says what it takes
       ostler [OPTIONS] COMMAND";

const AFTER: &str = "\
A verb is a file, such as workflows/greet.toml. `ostler init` begins a
workspace, `ostler new greet` writes a verb that runs.

Exit codes: 0 passed, 2 usage, 3 problems in a file, 4 failed, 5 waiting for
somebody, 6 refused, 7 cancelled, 8 state trouble, 9 passed with failures.";

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List the verbs, and the runs that wait [default]
    List {
        /// How they are printed
        #[arg(long, value_name = "FORMAT", default_value = "text")]
        format: Format,
    },
    /// Run a verb; `run` may be left out
    #[command(override_usage = "ostler run [OPTIONS] VERB [PARAMS]...\n\n\
        VERB is a verb's name or a path to its file; `ostler VERB --help` lists its params")]
    Run(RunArgs),
    /// Check workflow files: everything that can be known before a run
    Check(CheckArgs),
    /// Explain what a code of `check` means, which files make a verb, or the format of these
    Explain(ExplainArgs),
    /// Say what a run would do, and run nothing
    #[command(override_usage = "ostler plan [OPTIONS] VERB [PARAMS]...\n\n\
        VERB is a verb's name or a path to its file; `ostler VERB --help` lists its params")]
    Plan(PlanArgs),
    /// List runs, look at them; resume, cancel, retry, verify, veto, export, keep or prune them
    Runs(RunsArgs),
    /// List the hosts of the fleet, look at them, check their files
    #[command(subcommand)]
    Fleet(super::fleet::FleetCommand),
    /// Say what is right and wrong here, and change nothing
    Doctor(super::doctor::DoctorArgs),
    /// Open a run whose steps are handed out one by one, to agents and people
    #[command(override_usage = "ostler start [OPTIONS] VERB [PARAMS]...")]
    Start(super::stepping::StartArgs),
    /// Step through a run: take a step, do it, report it; look at one, answer for it
    #[command(subcommand)]
    Step(super::step::StepCommand),
    /// Serve an agent over standard input and output, by MCP
    Mcp(super::mcp::McpArgs),
    /// Begin a workspace: settings, and a first verb that runs
    Init(InitArgs),
    /// Write a new verb that checks and runs, to be changed
    New(NewArgs),
    /// Print what makes a shell complete commands, verbs, params and runs
    #[command(after_help = COMPLETION)]
    Completion {
        /// The shell
        shell: Shell,
    },
    /// Say what a command or a verb takes
    Help {
        /// The command or verb
        #[arg(add = completion::helped())]
        words: Vec<OsString>,
    },
    #[command(external_subcommand)]
    Verb(Vec<OsString>),
}

const COMPLETION: &str = "\
bash, in ~/.bashrc:                     source <(ostler completion bash)
zsh, in ~/.zshrc, after compinit:       source <(ostler completion zsh)
fish, in ~/.config/fish/config.fish:    ostler completion fish | source";

/// A shell that can complete.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Shell {
    Bash,
    Zsh,
    Fish,
}

impl Shell {
    /// Its name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Bash => "bash",
            Self::Zsh => "zsh",
            Self::Fish => "fish",
        }
    }
}

impl Command {
    /// Whether it cannot do without the workspace's settings; what can, says what is wrong with them or needs none.
    pub(super) fn needs_settings(&self) -> bool {
        match self {
            // A session outlives what is wrong now.
            Self::Doctor(_) | Self::Completion { .. } | Self::Init(_) | Self::Mcp(_) => false,
            Self::Explain(args) => {
                args.name.as_deref().is_some_and(|n| n != "format" && Code::named(n).is_none())
            }
            Self::Runs(RunsArgs { command: Some(RunsCommand::Verify(of)), .. }) => {
                !of.is_of_export()
            }
            _ => true,
        }
    }
}

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For people
    Text,
    /// For programs
    Json,
}

/// How a run is driven and shown.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct Driving {
    /// How many commands may run at once [default: processors]
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(super) jobs: Option<u16>,
    /// How many steps may run at once on hosts [default: 64]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub(super) host_jobs: Option<u16>,
    /// Fail steps that somebody would have to do, instead of waiting for them
    #[arg(long)]
    pub(super) no_ask: bool,
    /// Exit with 0 also when the run passed with failures
    #[arg(long)]
    pub(super) lenient: bool,
    #[command(flatten)]
    pub(super) showing: Showing,
}

impl Driving {
    pub(super) fn options(&self) -> StartOptions {
        StartOptions {
            jobs: self.jobs.map(usize::from),
            host_jobs: self.host_jobs.map(usize::from),
            no_ask: self.no_ask,
            ..StartOptions::default()
        }
    }
}

/// How a run is shown.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct Showing {
    /// Say nothing but what failed and how it ended
    #[arg(short, long, conflicts_with = "verbose")]
    pub(super) quiet: bool,
    /// Show what each step runs and all that it writes
    #[arg(short, long)]
    pub(super) verbose: bool,
    /// How the report is printed [default: text]
    #[arg(long, value_name = "FORMAT")]
    pub(super) format: Option<ReportFormat>,
    /// Write the report to a file as well: .md, .xml for CI servers, or .json; may be given again
    #[arg(long, value_name = "FILE")]
    pub(super) report: Vec<ReportFile>,
}

impl Showing {
    /// How much is said of what goes well.
    pub(super) fn detail(&self) -> Detail {
        match (self.quiet, self.verbose) {
            (true, _) => Detail::Quiet,
            (_, true) => Detail::Verbose,
            _ => Detail::Usual,
        }
    }
}

#[derive(Debug, clap::Args)]
#[command(override_usage = "ostler run [OPTIONS] <VERB> [PARAMS]...")]
pub(super) struct RunArgs {
    #[command(flatten)]
    pub(super) driving: Driving,
    #[command(subcommand)]
    pub(super) words: Option<Words>,
}

/// The verb, or a path to its file; then its params, which `ostler VERB --help` lists.
#[derive(Debug, Subcommand)]
pub(super) enum Words {
    #[command(external_subcommand)]
    Verb(Vec<OsString>),
}

impl Words {
    /// The verb, and what follows it.
    pub(super) fn split(&self) -> (String, &[OsString]) {
        let Self::Verb(words) = self;
        let verb = words.first().map(|verb| verb.to_string_lossy().into_owned());
        (verb.unwrap_or_default(), words.get(1..).unwrap_or_default())
    }
}

#[derive(Debug, clap::Args)]
pub(super) struct InitArgs {
    /// The folder, made if it is missing [default: this one]
    pub(super) folder: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub(super) struct NewArgs {
    /// The verb's name
    pub(super) verb: String,
    /// Write it in Nickel rather than TOML
    #[arg(long)]
    pub(super) nickel: bool,
}

#[derive(Debug, clap::Args)]
pub(super) struct CheckArgs {
    /// Verbs or files [default: all of the workspace]
    #[arg(add = completion::verbs())]
    pub(super) names: Vec<String>,
    /// How problems are printed
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(super) format: CheckFormat,
}

#[derive(Debug, clap::Args)]
pub(super) struct ExplainArgs {
    /// A code, such as E0102, a verb, or `format`: every field of a workflow file [default: list all codes]
    #[arg(add = completion::explainable())]
    pub(super) name: Option<String>,
    /// How it is printed
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(super) format: Format,
}

#[derive(Debug, clap::Args)]
#[command(override_usage = "ostler plan [OPTIONS] <VERB> [PARAMS]...")]
pub(super) struct PlanArgs {
    #[command(flatten)]
    pub(super) planning: Planning,
    #[command(subcommand)]
    pub(super) words: Option<Words>,
}

#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct RunsArgs {
    #[command(flatten)]
    pub(super) list: super::list::ListArgs,
    #[command(subcommand)]
    pub(super) command: Option<RunsCommand>,
}

#[derive(Debug, Subcommand)]
pub(super) enum RunsCommand {
    /// List the latest runs
    List(super::list::ListArgs),
    /// Show a run's report
    Show {
        /// The run [default: the latest]
        #[arg(add = completion::runs())]
        run: Option<String>,
        /// How it is printed
        #[arg(long, value_name = "FORMAT", default_value = "text")]
        format: ReportFormat,
    },
    /// Show a run's events, or the output of one of its steps
    Log {
        /// The run, or four letters or more of the start of its id
        #[arg(add = completion::runs())]
        run: Option<String>,
        /// The step; without one, the events
        step: Option<String>,
        /// Which attempt [default: the last]
        #[arg(long, value_name = "N")]
        attempt: Option<u32>,
        /// Only what the step wrote to standard error
        #[arg(long)]
        stderr: bool,
        /// How the events are printed [default: text on a terminal, else json: the log's own lines]
        #[arg(long, value_name = "FORMAT", conflicts_with_all = ["step", "attempt", "stderr"])]
        format: Option<Format>,
    },
    /// Watch a run that another process drives, until it ends or waits
    Watch {
        /// The run [default: the latest]
        #[arg(add = completion::runs())]
        run: Option<String>,
        #[command(flatten)]
        showing: Showing,
    },
    /// Resume a run whose engine died or that waits
    Resume {
        /// The run [default: the latest]
        #[arg(add = completion::runs())]
        run: Option<String>,
        #[command(flatten)]
        driving: Driving,
    },
    /// Cancel a run: what runs is ended, `finally` is run
    Cancel {
        /// The run [default: the latest]
        #[arg(add = completion::runs())]
        run: Option<String>,
        #[command(flatten)]
        driving: Driving,
    },
    /// Run it again with the same params, all of it or what did not pass
    Retry(super::retry::RetryArgs),
    /// Say what differs between two runs
    Diff(super::diff::DiffArgs),
    /// Write a run to files that can be checked without us
    Export(super::export::ExportArgs),
    /// Check that a record is what was written, here or an export; look again at what its steps claim
    Verify(super::export::VerifyArgs),
    /// Veto a run, so that nothing new starts in it; or lift that
    Veto(super::veto::VetoArgs),
    /// Keep a run: no prune touches it
    Keep(super::housekeeping::KeepArgs),
    /// Keep a run no longer
    Unkeep(super::housekeeping::UnkeepArgs),
    /// Let old runs go, as `[retention]` in `ostler.toml` says; or pause that
    Prune(super::housekeeping::PruneArgs),
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::Args;

    #[test]
    fn check_knows_the_names_of_all_commands() {
        let ours = Args::command();
        let unknown: Vec<&str> = ours
            .get_subcommands()
            .map(clap::Command::get_name)
            .filter(|name| !crate::check::is_builtin(name))
            .collect();
        assert_eq!(unknown, [""; 0]);
    }
}
