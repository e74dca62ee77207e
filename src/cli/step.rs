//! Looking at a step of a run, and answering for it.

use clap::Subcommand;

use super::args::{Driving, Format};
use super::runs::pretty;
use super::{Context, Exit, completion};
use crate::diagnostic::printable;
use crate::ops::{self, Error, Said};
use crate::plan::quoted;
use crate::report::{self, Paint, StepReport, Tone};
use crate::run::{Answer, Run};

const ANSWERS: &str = "\
Answers:
  passed  it is done, or was done: the run goes on from it
  failed  it is not to be, or went wrong: what its `on_error` says follows
  rerun   it may have run when the engine died, and may run once more";

#[derive(Debug, Subcommand)]
pub(super) enum StepCommand {
    /// What there is to do now, and how it is reported; takes nothing
    Next(super::stepping::NextArgs),
    /// Take a step, or renew the lease of one that is held
    Take(super::stepping::TakeArgs),
    /// Let the engine do a step
    #[command(override_usage = "ostler step run [OPTIONS] [RUN] <STEP>")]
    Run(super::stepping::RunStepArgs),
    /// Report what became of a step; a pass is one only if what can be seen of it says so too
    #[command(
        override_usage = "ostler step report [OPTIONS] --status <pass|fail|skip> [RUN] <STEP>"
    )]
    Report(super::stepping::ReportArgs),
    /// Give a step back that is held; a person so ends what an agent holds
    #[command(override_usage = "ostler step release [OPTIONS] [RUN] <STEP>")]
    Release(super::stepping::ReleaseArgs),
    /// Say that conditions written in prose hold: under your name, in the report
    #[command(override_usage = "ostler step attest [OPTIONS] <RUN> <CONDITION>…")]
    Attest(super::stepping::AttestArgs),
    /// Show a step: what it is, what became of it, what it waits for
    #[command(override_usage = "ostler step show [OPTIONS] [RUN] <STEP>")]
    Show {
        /// The run, or four letters or more of the start of its id [default: the latest in which somebody is asked about the step]; the step
        #[arg(required = true, num_args = 1..=2, value_names = ["RUN", "STEP"], add = completion::asked())]
        what: Vec<String>,
        /// How it is printed
        #[arg(long, value_name = "FORMAT", default_value = "text")]
        format: Format,
    },
    /// Say what became of a step that somebody was asked about
    #[command(
        override_usage = "ostler step answer [OPTIONS] [RUN] <STEP> <passed|failed|rerun>",
        after_help = ANSWERS,
    )]
    Answer {
        /// The run, or four letters or more of the start of its id [default: the latest in which somebody is asked about the step]; the step;
        /// the answer
        #[arg(required = true, num_args = 2..=3, value_names = ["RUN", "STEP", "ANSWER"], add = completion::asked())]
        what: Vec<String>,
        /// A note for the report
        #[arg(long)]
        note: Option<String>,
        /// An output that the step hands on
        #[arg(long = "output", value_name = "NAME=VALUE")]
        outputs: Vec<String>,
        /// Who answers: agent, human, agent:NAME or human:NAME [default: as `OSTLER_ACTOR` says, else you]
        #[arg(long = "as", value_name = "ACTOR")]
        actor: Option<String>,
        #[command(flatten)]
        driving: Driving,
    },
}

impl Context {
    pub(super) fn step(&self, command: StepCommand) -> Result<Exit, Error> {
        match command {
            StepCommand::Next(args) => self.next_step(&args),
            StepCommand::Take(args) => self.take(&args),
            StepCommand::Run(args) => self.run_step(&args),
            StepCommand::Report(args) => self.report_step(args),
            StepCommand::Release(args) => self.release(args),
            StepCommand::Attest(args) => self.attest(&args),
            StepCommand::Show { what, format } => {
                let (run, step) = run_and_step(&what)?;
                self.show_step(run, step, format)
            }
            StepCommand::Answer { what, note, outputs, actor, driving } => {
                let (run, step, word) = match what.as_slice() {
                    [run, step, word] => (Some(run.as_str()), step, word),
                    [step, word] => (None, step, word),
                    _ => return Err(Error::NotNow("say which step, and its answer".to_owned())),
                };
                let answer = match word.as_str() {
                    "passed" => Answer::Passed,
                    "failed" => Answer::Failed,
                    "rerun" => Answer::Rerun,
                    other => {
                        let why = format!("`{other}` is no answer: say passed, failed or rerun");
                        return Err(Error::NotNow(why));
                    }
                };
                let outputs = pairs(&outputs)?;
                let said = Said { step: step.clone(), answer, outputs, note };
                let act = ops::Act::named(actor.as_deref(), None)?;
                self.driven(&driving, |options, show| {
                    ops::answer(&self.workspace, run, said, &act, options, show)
                })
            }
        }
    }

    fn show_step(&self, run: Option<&str>, step: &str, format: Format) -> Result<Exit, Error> {
        let store = self.workspace.existing_store()?;
        let journal = store.load(&ops::run_of_step(&store, run, step)?)?;
        let run = journal.run();
        let found = &report::step(run, run.named(step).map_err(Error::NotNow)?);
        if format == Format::Json {
            self.print(&format!("{}\n", pretty(found)));
            return Ok(Exit::Passed);
        }
        let name = self.out.paint(Tone::Strong, &found.id);
        self.print(&format!("{name}  {}\n", found.status));
        for (label, text) in rows(run, found) {
            let label = self.out.paint(Tone::Faint, &format!("{label:8}"));
            for (nth, line) in text.lines().enumerate() {
                let label = if nth == 0 { label.clone() } else { " ".repeat(8) };
                self.print(&format!("  {label}  {}\n", printable(line)));
            }
        }
        Ok(Exit::Passed)
    }
}

/// What there is to say of a step, each with a label.
fn rows(run: &Run, step: &StepReport) -> Vec<(&'static str, String)> {
    let mut rows = Vec::new();
    let mut row = |label, text: Option<String>| rows.extend(text.map(|text| (label, text)));
    row("action", step.action.clone());
    row("note", step.note.clone());
    row("why", step.why().map(str::to_owned));
    row("now", step.hands());
    row("after", (!step.after.is_empty()).then(|| step.after.join(", ")));
    row("runs", step.command.clone());
    for (name, value) in &step.with {
        row("with", Some(format!("{name} = {value}")));
    }
    for attempt in &step.attempts {
        let detail = attempt.detail.as_deref().unwrap_or("running");
        let said = match attempt.outcome.as_deref() {
            Some("answered") if attempt.passed => "passed, ",
            Some("answered") => "failed, ",
            _ => "",
        };
        row("attempt", Some(format!("{}  {said}{detail}", attempt.n)));
    }
    for (name, value) in &step.outputs {
        row("output", Some(format!("{name} = {value}")));
    }
    row("seen", step.verified());
    let open = step.offered || step.lease.is_some() || !step.answers.is_empty();
    if run.is_stepped() && open {
        row("say", Some(format!("ostler step next {}", run.id())));
    } else if !step.answers.is_empty() {
        let answers = step.answers.join("|");
        row("say", Some(format!("ostler step answer {} {} {answers}", run.id(), quoted(&step.id))));
    }
    rows
}

/// A run, if one is named, and a step.
pub(super) fn run_and_step(what: &[String]) -> Result<(Option<&str>, &str), Error> {
    match what {
        [run, step] => Ok((Some(run), step)),
        [step] => Ok((None, step)),
        _ => Err(Error::NotNow("say which step".to_owned())),
    }
}

/// Outputs as they are typed: NAME=VALUE.
pub(super) fn pairs(all: &[String]) -> Result<Vec<(String, String)>, Error> {
    let pair = |text: &String| {
        let pair = text.split_once('=').map(|(n, v)| (n.to_owned(), v.to_owned()));
        pair.ok_or_else(|| Error::NotNow(format!("`{text}` is not NAME=VALUE")))
    };
    all.iter().map(pair).collect()
}
