//! Stepping through a run: opening it, taking steps, reporting them.

use std::io::Read as _;

use clap::ValueEnum;

use super::args::{Format, Words};
use super::runs::pretty;
use super::step::{pairs, run_and_step};
use super::{Context, Exit, completion, verb};
use crate::exec::Evidence;
use crate::ops::{self, Act, Error, Reported};
use crate::report::Brief;
use crate::run::Said;
use crate::value::Bytes;
use crate::workflow::Millis;

/// The most that is read of what a command is said to have written, in bytes.
const MOST: u64 = 1024 * 1024;

/// Who acts, and how what they are told is printed.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct Acting {
    /// Who acts: agent, human, agent:NAME or human:NAME [default: as `OSTLER_ACTOR` says, else you]
    #[arg(long = "as", value_name = "ACTOR")]
    actor: Option<String>,
    /// How it is printed [default: text]
    #[arg(long, value_name = "FORMAT")]
    format: Option<Format>,
}

/// For how long a step is taken.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct Leasing {
    /// How long a step that is taken is yours, such as 90s or 2h; taking it again renews that [default: 15m]
    #[arg(long, value_name = "TIME", value_parser = Millis::parse)]
    lease: Option<Millis>,
}

#[derive(Debug, clap::Args)]
pub(super) struct StartArgs {
    #[command(flatten)]
    opening: Opening,
    #[command(subcommand)]
    words: Option<Words>,
}

/// How a run is opened.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct Opening {
    /// What the run is for, in your words
    #[arg(long, value_name = "TEXT")]
    task: Option<String>,
    #[command(flatten)]
    acting: Acting,
    #[command(flatten)]
    leasing: Leasing,
}

#[derive(Debug, clap::Args)]
pub(super) struct NextArgs {
    /// The run; or its verb, which means the one of its runs that is open, and where none is, the latest [default: the one
    /// in which you hold a step, or that waits]
    #[arg(add = completion::stepped())]
    run: Option<String>,
    #[command(flatten)]
    acting: Acting,
}

#[derive(Debug, clap::Args)]
pub(super) struct TakeArgs {
    /// The run, or its verb where only one of its runs is open [default: the one in which you hold a step, or that waits]
    #[arg(add = completion::stepped())]
    run: Option<String>,
    /// The step [default: the next]
    #[arg(add = completion::open_steps())]
    step: Option<String>,
    #[command(flatten)]
    leasing: Leasing,
    #[command(flatten)]
    acting: Acting,
}

#[derive(Debug, clap::Args)]
pub(super) struct RunStepArgs {
    /// The run, or its verb where only one of its runs is open; the step
    #[arg(required = true, num_args = 1..=2, value_names = ["RUN", "STEP"], add = completion::open_steps())]
    what: Vec<String>,
    #[command(flatten)]
    acting: Acting,
}

/// What is reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Status {
    /// It is done, and is as it should be
    Pass,
    /// It is not
    Fail,
    /// It is not to be done; --note says why
    Skip,
}

#[derive(Debug, clap::Args)]
pub(super) struct ReportArgs {
    /// The run, or its verb where only one of its runs is open; the step
    #[arg(required = true, num_args = 1..=2, value_names = ["RUN", "STEP"], add = completion::open_steps())]
    what: Vec<String>,
    /// What became of it
    #[arg(long)]
    status: Status,
    /// A note for the report
    #[arg(long)]
    note: Option<String>,
    /// An output that the step hands on
    #[arg(long = "output", value_name = "NAME=VALUE")]
    outputs: Vec<String>,
    /// The token of your lease: where it is over, the report is refused
    #[arg(long, value_name = "N")]
    token: Option<u64>,
    /// A name for this report: the same again changes nothing
    #[arg(long, value_name = "NAME")]
    id: Option<String>,
    /// The exit code of its command, if you ran it yourself
    #[arg(long, value_name = "CODE", allow_negative_numbers = true)]
    exit: Option<i32>,
    /// What that wrote to standard output; - for standard input
    #[arg(long, value_name = "FILE")]
    stdout: Option<String>,
    /// What it wrote to standard error
    #[arg(long, value_name = "FILE")]
    stderr: Option<String>,
    #[command(flatten)]
    acting: Acting,
}

#[derive(Debug, clap::Args)]
pub(super) struct ReleaseArgs {
    /// The run, or its verb where only one of its runs is open; the step
    #[arg(required = true, num_args = 1..=2, value_names = ["RUN", "STEP"], add = completion::open_steps())]
    what: Vec<String>,
    /// A note for who takes it next
    #[arg(long)]
    note: Option<String>,
    #[command(flatten)]
    acting: Acting,
}

#[derive(Debug, clap::Args)]
pub(super) struct AttestArgs {
    /// The run, or its verb where only one of its runs is open
    #[arg(add = completion::stepped())]
    run: String,
    /// What holds: pre-1 for the first precondition, post-1 for the first postcondition; these once the run has ended
    #[arg(required = true, value_name = "CONDITION")]
    conditions: Vec<String>,
    /// A note for the report
    #[arg(long)]
    note: Option<String>,
    #[command(flatten)]
    acting: Acting,
}

impl Context {
    /// Opens a run that is stepped through.
    pub(super) fn start(&self, args: &StartArgs) -> Result<Exit, Error> {
        let Some(words) = &args.words else { return self.which_verb("start") };
        let (verb, words) = words.split();
        let (workflow, checked) = ops::check_verb(&self.workspace, &verb, &self.cwd)?;
        let (given, after) = match verb::parse::<Opening>(&workflow, words, "ostler start") {
            Ok(parsed) => parsed,
            Err(error) => return Ok(self.usage(&error)),
        };
        let plan = ops::plan(&self.workspace, &workflow, &checked, &given)?;
        self.named_by_mistake(&workflow, &given);
        let Opening { task, acting, leasing } = args.opening.clone();
        let (task, lease) = (after.task.or(task), after.leasing.lease.or(leasing.lease));
        let acting = Acting {
            actor: after.acting.actor.or(acting.actor),
            format: after.acting.format.or(acting.format),
        };
        let brief = ops::open(&self.workspace, plan, task, &act(&acting, lease)?)?;
        Ok(self.told(&brief, &acting))
    }

    pub(super) fn next_step(&self, args: &NextArgs) -> Result<Exit, Error> {
        let brief = ops::next(&self.workspace, args.run.as_deref(), &act(&args.acting, None)?)?;
        Ok(self.told(&brief, &args.acting))
    }

    pub(super) fn take(&self, args: &TakeArgs) -> Result<Exit, Error> {
        let act = act(&args.acting, args.leasing.lease)?;
        let brief = ops::take(&self.workspace, args.run.as_deref(), args.step.as_deref(), &act)?;
        Ok(self.told(&brief, &args.acting))
    }

    pub(super) fn run_step(&self, args: &RunStepArgs) -> Result<Exit, Error> {
        let (run, step) = run_and_step(&args.what)?;
        let brief = ops::run_step(&self.workspace, run, step, &act(&args.acting, None)?)?;
        let told = self.told(&brief, &args.acting);
        Ok(match brief.last.as_ref().map(|last| last.status.as_str()) {
            Some("failed") => Exit::Failed,
            // It may have run, and somebody must say what became of it.
            Some("asked") => Exit::Waiting,
            Some("cancelled") => Exit::Cancelled,
            _ => told,
        })
    }

    pub(super) fn report_step(&self, args: ReportArgs) -> Result<Exit, Error> {
        let (run, step) = run_and_step(&args.what)?;
        let read = |path: &Option<String>| path.as_deref().map(|path| self.said(path)).transpose();
        let evidence =
            Evidence { exit: args.exit, stdout: read(&args.stdout)?, stderr: read(&args.stderr)? };
        let reported = Reported {
            step: step.to_owned(),
            said: match args.status {
                Status::Pass => Said::Passed,
                Status::Fail => Said::Failed,
                Status::Skip => Said::Skipped,
            },
            note: args.note,
            outputs: pairs(&args.outputs)?,
            token: args.token,
            id: args.id,
            evidence,
        };
        let brief = ops::report_step(&self.workspace, run, &reported, &act(&args.acting, None)?)?;
        Ok(self.told(&brief, &args.acting))
    }

    pub(super) fn release(&self, args: ReleaseArgs) -> Result<Exit, Error> {
        let (run, step) = run_and_step(&args.what)?;
        let act = act(&args.acting, None)?;
        let brief = ops::release(&self.workspace, run, step, args.note, &act)?;
        Ok(self.told(&brief, &args.acting))
    }

    pub(super) fn attest(&self, args: &AttestArgs) -> Result<Exit, Error> {
        let act = act(&args.acting, None)?;
        let (run, note) = (Some(args.run.as_str()), args.note.as_deref());
        let brief = ops::attest(&self.workspace, run, &args.conditions, note, &act)?;
        Ok(self.told(&brief, &args.acting))
    }

    fn told(&self, brief: &Brief, acting: &Acting) -> Exit {
        self.tell(brief, acting.format)
    }

    pub(super) fn tell(&self, brief: &Brief, format: Option<Format>) -> Exit {
        self.print(&match format {
            Some(Format::Json) => format!("{}\n", pretty(brief)),
            _ if self.out.has_colours() => brief.painted(&self.out),
            _ => brief.text(),
        });
        Exit::Passed
    }

    /// What a command is said to have written.
    fn said(&self, path: &str) -> Result<Bytes, Error> {
        let mut bytes = Vec::new();
        let read = if path == "-" {
            std::io::stdin().lock().take(MOST + 1).read_to_end(&mut bytes)
        } else {
            let file = std::fs::File::open(self.cwd.join(path));
            file.and_then(|file| file.take(MOST + 1).read_to_end(&mut bytes))
        };
        let what = crate::diagnostic::printable(path);
        match read {
            Ok(_) if bytes.len() as u64 <= MOST => Ok(Bytes(bytes)),
            Ok(_) => {
                let why = "more than 1 MiB; keep what is expected of it";
                Err(Error::NotNow(format!("{what}: {why}")))
            }
            Err(error) => Err(Error::Io { what, error }),
        }
    }
}

fn act(acting: &Acting, lease: Option<Millis>) -> Result<Act, Error> {
    Act::named(acting.actor.as_deref(), lease.map(Millis::duration))
}
