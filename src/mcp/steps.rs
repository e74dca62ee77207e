//! Stepping a run: what is next, taking it, having it done, reporting it.

use std::time::Duration;

use super::args::Args;
use super::caller::Caller;
use super::tools::Said;
use super::verbs::planned;
use crate::exec::Evidence;
use crate::ops::{self, Reported};
use crate::run::Said as Word;
use crate::value::to_text;

/// Opens a run.
pub(super) fn start(caller: &Caller<'_>, args: &Args) -> Said {
    let (plan, _) = planned(caller, args)?;
    Ok(ops::open(&caller.workspace, plan, args.owned("task"), &caller.act(None))?.text())
}

/// Says what is to be done.
pub(super) fn next(caller: &Caller<'_>, args: &Args) -> Said {
    Ok(ops::next(&caller.workspace, args.text("run"), &caller.act(None))?.text())
}

/// Takes a step.
pub(super) fn take(caller: &Caller<'_>, args: &Args) -> Said {
    let act = caller.act(args.whole("lease_s").map(Duration::from_secs));
    Ok(ops::take(&caller.workspace, args.text("run"), args.text("step"), &act)?.text())
}

/// Has a step done.
pub(super) fn run_step(caller: &Caller<'_>, args: &Args) -> Said {
    let (run, step) = (args.text("run"), args.needed("step"));
    Ok(ops::run_step(&caller.workspace, run, step, &caller.act(None))?.text())
}

/// Reports a step.
pub(super) fn report(caller: &Caller<'_>, args: &Args) -> Said {
    let outputs = args.values("outputs").map(|(name, value)| (name.clone(), to_text(value)));
    let said = Reported {
        step: args.needed("step").to_owned(),
        said: match args.needed("status") {
            "pass" => Word::Passed,
            "skip" => Word::Skipped,
            _ => Word::Failed,
        },
        note: args.owned("note"),
        outputs: outputs.collect(),
        token: args.whole("token"),
        id: args.owned("id"),
        evidence: Evidence {
            exit: args.whole("exit"),
            stdout: args.owned("stdout").map(Into::into),
            stderr: args.owned("stderr").map(Into::into),
        },
    };
    let run = args.text("run");
    Ok(ops::report_step(&caller.workspace, run, &said, &caller.act(None))?.text())
}

/// Attests conditions.
pub(super) fn attest(caller: &Caller<'_>, args: &Args) -> Said {
    let (run, note) = (args.text("run"), args.text("note"));
    let conditions = args.texts("conditions");
    Ok(ops::attest(&caller.workspace, run, &conditions, note, &caller.act(None))?.text())
}

/// Gives a step back.
pub(super) fn release(caller: &Caller<'_>, args: &Args) -> Said {
    let (run, step, note) = (args.text("run"), args.needed("step"), args.owned("note"));
    Ok(ops::release(&caller.workspace, run, step, note, &caller.act(None))?.text())
}
