//! Running a run's plan again.

use super::args::Driving;
use super::{Context, Exit, completion};
use crate::ops::{self, Again, Error, Retry};

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
        if !again.cleaned.is_empty() && !driving.showing.quiet {
            super::say(&cleaned(&again));
        }
        self.driven(&driving, |options, show| ops::retry(&self.workspace, again, options, show))
    }
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
