//! Running a run's plan again.

use super::args::{Driving, Format};
use super::formats::ReportFormat;
use super::{Context, Exit, completion};
use crate::ids::RunId;
use crate::ops::{self, Act, Again, Error, Retry};
use crate::report::lines::one_line;

#[derive(Debug, clap::Args)]
pub(super) struct RetryArgs {
    /// The run [default: the latest]
    #[arg(add = completion::runs())]
    run: Option<String>,
    /// Take over the steps that passed, and run the others and all that come after them
    #[arg(long)]
    failed: bool,
    /// Run this step and all that comes after it, and take over what else passed; may be given again
    #[arg(long, value_name = "STEP")]
    from: Vec<String>,
    /// Take the verb's file as it is now, also if it has changed
    #[arg(long)]
    changed: bool,
    #[command(flatten)]
    driving: Driving,
}

impl Context {
    pub(super) fn retry(&self, args: RetryArgs) -> Result<Exit, Error> {
        let RetryArgs { run, failed, from, changed, driving } = args;
        let how = Retry { failed, from, changed };
        let again = ops::again(&self.workspace, run.as_deref(), &how)?;
        if !driving.showing.quiet {
            again.doubted.iter().for_each(|(run, why)| super::say(&doubted(run, why)));
            if !again.cleaned.is_empty() {
                super::say(&cleaned(&again));
            }
        }
        if again.is_stepped() {
            return self.step_again(again, &driving);
        }
        self.driven(&driving, |options, show| ops::retry(&self.workspace, again, options, show))
    }

    /// What was stepped through is stepped through again.
    fn step_again(&self, again: Again, driving: &Driving) -> Result<Exit, Error> {
        let showing = &driving.showing;
        let format = match showing.format {
            None | Some(ReportFormat::Text) => Format::Text,
            Some(ReportFormat::Json) => Format::Json,
            Some(_) => return Err(no_report(&again)),
        };
        if !showing.report.is_empty() {
            return Err(no_report(&again));
        }
        let act = Act::named(None, None)?;
        let brief = ops::open_again(&self.workspace, again, &driving.options(), &act)?;
        Ok(self.tell(&brief, Some(format)))
    }
}

/// That a run which is only opened has no report yet.
fn no_report(again: &Again) -> Error {
    let run = &again.run;
    let why = format!(
        "run {run} was stepped through, and so is its retry, which has no report before its end: leave out --report, and \
         --format but for text and json; `ostler runs show` makes it later"
    );
    Error::NotNow(why)
}

/// That `finally` has tidied up behind the steps that are taken over.
fn cleaned(again: &Again) -> String {
    let names: Vec<String> = again.cleaned.iter().map(|name| format!("`{name}`")).collect();
    let they = if names.len() == 1 { "it" } else { "they" };
    format!(
        "{} ran in run {}: what {they} removed is not made again; `--from STEP` or a retry without `--failed` runs more",
        names.join(", "),
        again.run
    )
}

/// That what passed in an earlier run counts no more.
fn doubted(run: &RunId, why: &str) -> String {
    format!("run {run} {}: what passed in it runs again", one_line(why))
}
