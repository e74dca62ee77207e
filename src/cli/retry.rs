//! Running a run's plan again.

use super::args::Driving;
use super::{Context, Exit};
use crate::ops::{self, Error, Retry, StartOptions};
use crate::run::{Record, Run};

#[derive(Debug, clap::Args)]
pub(super) struct RetryArgs {
    /// The run [default: the latest]
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
        let jobs = args.driving.jobs.map(usize::from);
        let options = StartOptions { jobs, no_ask: args.driving.no_ask };
        let how = Retry { failed: args.failed, changed: args.changed };
        let mut show = |record: &Record, run: &Run| self.show(record, run);
        let run = args.run.as_deref();
        let session = ops::retry(&self.workspace, run, how, &options, &mut show)?;
        Ok(self.ended(&session, &args.driving))
    }
}
