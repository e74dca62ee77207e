//! The arguments as they are typed.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};

/// Runs verbs: workflow files that are checked before they run and recorded as they run.
#[derive(Debug, Parser)]
#[command(name = "ostler", version, arg_required_else_help = true, after_help = EXITS)]
pub(super) struct Args {
    /// Work as if started in this folder
    #[arg(short = 'C', long, value_name = "DIR", global = true)]
    pub(super) directory: Option<PathBuf>,
    /// Look for imports of Nickel files here as well
    #[arg(long, value_name = "DIR", global = true)]
    pub(super) import_path: Vec<PathBuf>,
    /// Read strangers' files: only where the kernel confines the reader, and without `NICKEL_IMPORT_PATH`
    #[arg(long, global = true)]
    pub(super) untrusted: bool,
    #[command(subcommand)]
    pub(super) command: Command,
}

const EXITS: &str = "Exit codes: 0 passed, 2 usage, 3 problems in a file, 4 failed, 5 waiting for somebody,\n\
6 refused, 7 cancelled, 8 state trouble, 9 passed with failures.";

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run a verb
    Run(RunArgs),
    /// Check workflow files: everything that can be known before a run
    Check(CheckArgs),
    /// Explain what a code of `check` means, or which files make a verb
    Explain(ExplainArgs),
    /// Say what a run would do, and run nothing
    Plan(PlanArgs),
    /// Look at runs; resume, cancel, retry, export, keep or prune them
    #[command(subcommand)]
    Runs(RunsCommand),
    /// Say what is right and wrong here, and change nothing
    Doctor(super::doctor::DoctorArgs),
    /// Look at a step of a run, or answer for it
    #[command(subcommand)]
    Step(StepCommand),
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
    /// Fail steps that somebody would have to do, instead of waiting for them
    #[arg(long)]
    pub(super) no_ask: bool,
    /// Exit with 0 also when the run passed with failures
    #[arg(long)]
    pub(super) lenient: bool,
    /// How the report is printed [default: text]
    #[arg(long, value_name = "FORMAT")]
    pub(super) format: Option<Format>,
}

#[derive(Debug, clap::Args)]
pub(super) struct RunArgs {
    #[command(flatten)]
    pub(super) driving: Driving,
    /// The verb, or a path to its file; then its params, which `ostler run VERB --help` lists
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true, value_names = ["VERB", "PARAMS"])]
    pub(super) words: Vec<OsString>,
}

#[derive(Debug, clap::Args)]
pub(super) struct CheckArgs {
    /// Verbs or files [default: all of the workspace]
    pub(super) names: Vec<String>,
    /// How problems are printed
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(super) format: Format,
}

#[derive(Debug, clap::Args)]
pub(super) struct ExplainArgs {
    /// A code, such as E0102, or a verb [default: list all codes]
    pub(super) name: Option<String>,
    /// How it is printed
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(super) format: Format,
}

#[derive(Debug, clap::Args)]
pub(super) struct PlanArgs {
    /// How the plan is printed [default: text]
    #[arg(long, value_name = "FORMAT")]
    pub(super) format: Option<Format>,
    /// The verb, or a path to its file; then its params, which `ostler run VERB --help` lists
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true, value_names = ["VERB", "PARAMS"])]
    pub(super) words: Vec<OsString>,
}

#[derive(Debug, Subcommand)]
pub(super) enum RunsCommand {
    /// List the latest runs
    List(super::list::ListArgs),
    /// Show a run's report
    Show {
        /// The run [default: the latest]
        run: Option<String>,
        /// How it is printed
        #[arg(long, value_name = "FORMAT", default_value = "text")]
        format: Format,
    },
    /// Show a run's events, or the output of one of its steps
    Log {
        /// The run, or the start of its id
        run: Option<String>,
        /// The step; without one, the events
        step: Option<String>,
        /// Which attempt [default: the last]
        #[arg(long, value_name = "N")]
        attempt: Option<u32>,
        /// Only what the step wrote to standard error
        #[arg(long)]
        stderr: bool,
    },
    /// Resume a run whose engine died or that waits
    Resume {
        /// The run [default: the latest]
        run: Option<String>,
        #[command(flatten)]
        driving: Driving,
    },
    /// Cancel a run: what runs is ended, `finally` is run
    Cancel {
        /// The run [default: the latest]
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
    /// Check that a record is what was written: here, or an export
    Verify(super::export::VerifyArgs),
    /// Keep a run: no prune touches it
    Keep(super::housekeeping::KeepArgs),
    /// Keep a run no longer
    Unkeep(super::housekeeping::UnkeepArgs),
    /// Let old runs go, as `[retention]` in `ostler.toml` says; or pause that
    Prune(super::housekeeping::PruneArgs),
}

#[derive(Debug, Subcommand)]
pub(super) enum StepCommand {
    /// Show a step: what it is, what became of it, what it waits for
    Show {
        /// The run, if it is not the latest; then the step
        #[arg(required = true, num_args = 1..=2, value_names = ["RUN", "STEP"])]
        what: Vec<String>,
        /// How it is printed
        #[arg(long, value_name = "FORMAT", default_value = "text")]
        format: Format,
    },
    /// Say what became of a step that somebody was asked about
    Answer {
        /// The run, if it is not the latest; the step; and `passed`, `failed` or `rerun`
        #[arg(required = true, num_args = 2..=3, value_names = ["RUN", "STEP", "ANSWER"])]
        what: Vec<String>,
        /// A note for the report
        #[arg(long)]
        note: Option<String>,
        /// An output that the step hands on
        #[arg(long = "output", value_name = "NAME=VALUE")]
        outputs: Vec<String>,
        #[command(flatten)]
        driving: Driving,
    },
}
