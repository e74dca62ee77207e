//! Running a run's plan again.

use super::args::Driving;
use super::{Context, Exit, completion};
use crate::ops::{self, Error, Retry};

#[derive(Debug, clap::Args)]
pub(super) struct RetryArgs {
    /// The run [default: the latest]
    #[arg(add = completion::runs())]
    run: Option<String>,
    /// Take over the steps that passed, and run the others and all that come after them
    #[arg(long)]
    failed: bool,
    /// Take the verb's file as it is now, also if it has changed
    #[arg(long)]
    changed: bool,
    #[command(flatten)]
    driving: Driving,
}

impl Context {
    pub(super) fn retry(&self, args: &RetryArgs) -> Result<Exit, Error> {
        let how = Retry { failed: args.failed, changed: args.changed };
        let run = args.run.as_deref();
        self.driven(&args.driving, |options, show| {
            ops::retry(&self.workspace, run, how, options, show)
        })
    }
}
