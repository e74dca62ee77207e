//! Keeping runs and letting them go.

use serde_json::json;

use super::args::Format;
use super::list::{tone, when};
use super::{Context, Exit};
use crate::diagnostic::printable;
use crate::exec;
use crate::ops::{self, Error, Pruned};
use crate::report::{Paint, Tone};
use crate::retention::{Candidate, Fate, Hold};
use crate::workflow::Millis;

#[derive(Debug, clap::Args)]
pub(super) struct KeepArgs {
    /// The run [default: the latest]
    run: Option<String>,
    /// For how long, such as `30d` [default: until `runs unkeep`]
    #[arg(long = "for", value_name = "DURATION", value_parser = Millis::parse_age)]
    span: Option<Millis>,
    /// Why
    #[arg(long)]
    note: Option<String>,
    /// How it is printed
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

#[derive(Debug, clap::Args)]
pub(super) struct UnkeepArgs {
    /// The run [default: the latest]
    run: Option<String>,
    /// How it is printed
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

#[derive(Debug, clap::Args)]
pub(super) struct PruneArgs {
    /// Say what would go, and do nothing
    #[arg(long)]
    dry_run: bool,
    /// With --dry-run: what would go so much later
    #[arg(long = "in", value_name = "DURATION", value_parser = Millis::parse_age, requires = "dry_run")]
    later: Option<Millis>,
    /// Refuse to prune from now on
    #[arg(long, conflicts_with_all = ["dry_run", "resume"])]
    pause: bool,
    /// With --pause: for how long [default: until --resume]
    #[arg(long = "for", value_name = "DURATION", value_parser = Millis::parse_age, requires = "pause")]
    span: Option<Millis>,
    /// With --pause: why
    #[arg(long, requires = "pause")]
    note: Option<String>,
    /// End the pause
    #[arg(long, conflicts_with = "dry_run")]
    resume: bool,
    /// How it is printed
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

impl Context {
    pub(super) fn keep(&self, args: KeepArgs) -> Result<Exit, Error> {
        let (run, kept) = ops::keep(&self.workspace, args.run.as_deref(), args.span, args.note)?;
        if args.format == Format::Json {
            self.print(&format!("{:#}\n", json!({ "run": run, "kept": kept })));
        } else {
            self.print(&format!("run {run} is kept {}\n", until(&kept, "`ostler runs unkeep`")));
        }
        Ok(Exit::Passed)
    }

    pub(super) fn unkeep(&self, args: &UnkeepArgs) -> Result<Exit, Error> {
        let run = ops::unkeep(&self.workspace, args.run.as_deref())?;
        if args.format == Format::Json {
            self.print(&format!("{:#}\n", json!({ "run": run, "kept": null })));
        } else {
            self.print(&format!("run {run} is not kept any more\n"));
        }
        Ok(Exit::Passed)
    }

    pub(super) fn prune(&self, args: &PruneArgs) -> Result<Exit, Error> {
        if args.pause {
            let (pause, old) = ops::pause(&self.workspace, args.span, args.note.clone())?;
            if args.format == Format::Json {
                self.print(&format!("{:#}\n", json!({ "paused": pause, "instead_of": old })));
            } else {
                let until = until(&pause, "`ostler runs prune --resume`");
                self.print(&format!("pruning is paused {until}\n"));
                if let Some(old) = old {
                    self.print(&format!("  it was paused already, {}\n", by(&old)));
                }
            }
            return Ok(Exit::Passed);
        }
        if args.resume {
            let old = ops::unpause(&self.workspace)?;
            if args.format == Format::Json {
                self.print(&format!("{:#}\n", json!({ "paused": null, "instead_of": old })));
            } else {
                self.print(&format!("pruning goes on; it was paused {}\n", by(&old)));
            }
            return Ok(Exit::Passed);
        }
        let dry = args.dry_run.then(|| args.later.unwrap_or(Millis(0)));
        let pruned = ops::prune(&self.workspace, exec::now(), dry)?;
        if args.format == Format::Json {
            self.print(&format!("{:#}\n", as_json(&pruned, args.dry_run)));
        } else {
            self.pruned(&pruned, args.dry_run);
        }
        Ok(Exit::Passed)
    }

    fn pruned(&self, pruned: &Pruned, dry: bool) {
        let rules = &self.workspace.config.retention;
        if rules.is_empty() {
            self.print("ostler.toml has no [retention]: runs stay for ever\n");
        }
        let goes = |fate: &Fate| matches!(fate, Fate::Goes | Fate::OutputGoes);
        let going: Vec<_> = pruned.runs.iter().filter(|(_, fate)| goes(fate)).collect();
        let width = going.iter().map(|(run, _)| run.workflow.len()).max().unwrap_or(0);
        for (run, fate) in going {
            let status = format!("{:20}", run.status.name().replace('_', " "));
            self.print(&format!(
                "{}  {:width$}  {} {}  {}\n",
                run.run,
                run.workflow,
                self.out.paint(tone(run.status), &status),
                self.out.paint(Tone::Faint, &when(run.opened_at)),
                what(run, *fate),
            ));
        }
        let counts = ops::count(&pruned.runs);
        let parts = counts.iter().map(|(fate, n)| format!("{n} {}", said(*fate, *n)));
        let parts: Vec<String> = parts.collect();
        if !parts.is_empty() {
            self.print(&format!("{}\n", parts.join(", ")));
        }
        if pruned.finished > 0 {
            let n = pruned.finished;
            self.print(&format!("files that a killed prune had left: of {n} {}\n", runs(n)));
        }
        if dry {
            self.print("dry run: nothing was done\n");
        } else if pruned.given_back + pruned.free_inside > 0 {
            let (back, free) = (size(pruned.given_back), size(pruned.free_inside));
            self.print(&format!("{back} given back; {free} free in the database for new runs\n"));
        }
    }
}

fn as_json(pruned: &Pruned, dry: bool) -> serde_json::Value {
    let row = |(run, fate): &(Candidate, Fate)| {
        json!({
            "run": run.run, "workflow": run.workflow, "status": run.status,
            "ended_at": run.ended_at, "fate": fate, "output_bytes": run.output,
        })
    };
    json!({
        "dry_run": dry,
        "runs": pruned.runs.iter().map(row).collect::<Vec<_>>(),
        "finished": pruned.finished,
        "given_back_bytes": pruned.given_back,
        "free_bytes": pruned.free_inside,
    })
}

/// What goes of a run.
fn what(run: &Candidate, fate: Fate) -> String {
    match (fate, run.output) {
        (Fate::OutputGoes, bytes) => format!("its output, {}", size(bytes)),
        (_, 0) => "goes".to_owned(),
        (_, bytes) => format!("goes, {} of output", size(bytes)),
    }
}

/// So many runs have this fate.
fn said(fate: Fate, n: usize) -> &'static str {
    match (fate, n) {
        (Fate::Goes, 1) => "goes",
        (Fate::Goes, _) => "go",
        (Fate::OutputGoes, 1) => "loses its output",
        (Fate::OutputGoes, _) => "lose their output",
        (Fate::Unfinished, 1) => "has not ended",
        (Fate::Unfinished, _) => "have not ended",
        (Fate::OwesFinally, 1) => "owes its `finally`",
        (Fate::OwesFinally, _) => "owe their `finally`",
        (Fate::Driven, 1) => "is at work",
        (Fate::Driven, _) => "are at work",
        (Fate::Kept, 1) => "is kept",
        (Fate::Kept, _) => "are kept",
        (Fate::Vetoed, 1) => "is vetoed",
        (Fate::Vetoed, _) => "are vetoed",
        (Fate::Latest, 1) => "is of the latest",
        (Fate::Latest, _) => "are of the latest",
        (Fate::Young, 1) => "is young",
        (Fate::Young, _) => "are young",
        (Fate::Called, 1) => "was called by a run that stays",
        (Fate::Called, _) => "were called by runs that stay",
        (Fate::NoRule, 1) => "has no rule",
        (Fate::NoRule, _) => "have no rule",
    }
}

fn runs(n: usize) -> &'static str {
    if n == 1 { "run" } else { "runs" }
}

/// Until when something holds.
fn until(hold: &Hold, way_out: &str) -> String {
    hold.until.map_or_else(|| format!("until {way_out}"), |at| format!("until {}", when(at)))
}

/// Who holds something, since when and why.
fn by(hold: &Hold) -> String {
    let note = hold.note.as_ref().map(|note| format!(": {}", printable(note))).unwrap_or_default();
    format!("by {} on {}{note}", printable(&hold.by), when(hold.since))
}

/// A number of bytes for people.
#[expect(clippy::cast_precision_loss, reason = "shown with one digit after the point")]
pub(super) fn size(bytes: u64) -> String {
    let mut left = bytes as f64;
    let mut units = ["B", "KiB", "MiB", "GiB"].iter();
    let mut unit = units.next().copied().unwrap_or_default();
    for next in units {
        if left < 1_024.0 {
            break;
        }
        (left, unit) = (left / 1_024.0, next);
    }
    if unit == "B" { format!("{bytes} B") } else { format!("{left:.1} {unit}") }
}

#[cfg(test)]
mod tests {
    use super::size;

    #[test]
    fn sizes_have_the_unit_that_reads_best() {
        let sizes = [0, 1_023, 1_024, 1_536, 5 << 20, 3 << 40].map(size);
        assert_eq!(sizes, ["0 B", "1023 B", "1.0 KiB", "1.5 KiB", "5.0 MiB", "3072.0 GiB"]);
    }
}
