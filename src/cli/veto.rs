//! Vetoing runs, and lifting vetoes.

use super::args::Driving;
use super::{Context, Exit};
use crate::diagnostic::printable;
use crate::ops::{self, Error};
use crate::report::{Paint, Tone};

#[derive(Debug, clap::Args)]
pub(super) struct VetoArgs {
    /// The run [default: the latest]
    run: Option<String>,
    /// Why
    #[arg(long, value_name = "TEXT")]
    note: String,
    /// Lift the vetoes on it, and go on with it
    #[arg(long)]
    lift: bool,
    /// Who says so: human:NAME or agent:NAME [default: what `OSTLER_ACTOR` says, or you]
    #[arg(long = "as", value_name = "NAME")]
    who: Option<String>,
    #[command(flatten)]
    driving: Driving,
}

impl Context {
    pub(super) fn veto(&self, args: &VetoArgs) -> Result<Exit, Error> {
        if args.lift {
            return self.lift(args);
        }
        let (run, who) = (args.run.as_deref(), args.who.as_deref());
        let (journal, who) = ops::veto(&self.workspace, run, &args.note, who)?;
        let (run, id) = (journal.run(), journal.id());
        let what = self.out.paint(Tone::Bad, "vetoed");
        let by = printable(&who.to_string());
        let mut said = format!("run {id} of {} is {what} by {by}\n", run.plan().workflow);
        said.push_str(if run.status().is_final() {
            "  it has ended; `runs verify` and its report say so until that is lifted\n"
        } else {
            "  what runs ends by itself, and nothing new starts until that is lifted\n"
        });
        let lift = format!("  ostler runs veto {id} --lift --note WHY\n");
        said.push_str(&self.out.paint(Tone::Faint, &lift));
        self.print(&said);
        Ok(Exit::Passed)
    }

    fn lift(&self, args: &VetoArgs) -> Result<Exit, Error> {
        let (run, who) = (args.run.as_deref(), args.who.as_deref());
        let mut goes_on = false;
        let exit = self.driven(&args.driving, |options, show| {
            let lifted = ops::lift(&self.workspace, run, &args.note, who, options, show)?;
            goes_on = lifted.goes_on;
            Ok(lifted.session)
        })?;
        Ok(if goes_on { exit } else { Exit::Passed })
    }
}
