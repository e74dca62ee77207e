//! Listing runs.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};

use super::args::Format;
use super::{Context, Exit};
use crate::ops::{self, Engine, Error, Hands, Listed, Wanted};
use crate::report::lines::{cut, one_line};
use crate::report::{Paint, Tone};
use crate::run::RunStatus;
use crate::store::Summary;
use crate::value::{Time, readable};
use crate::workflow::Millis;

/// What `--status` takes beside the statuses of runs.
const DEAD: &str = "dead";
/// What is said of a run whose engine died.
pub(super) const ITS_ENGINE_DIED: &str = "its engine died";

#[derive(Debug, clap::Args)]
pub(super) struct ListArgs {
    /// How many
    #[arg(short = 'n', long, default_value_t = 20)]
    limit: u32,
    /// Only runs of this verb
    #[arg(long)]
    verb: Option<String>,
    /// Only runs of this status; `dead`: the engine is, though the run has not ended
    #[arg(long, value_parser = statuses())]
    status: Vec<String>,
    /// How they are printed
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

fn statuses() -> Vec<&'static str> {
    RunStatus::ALL.iter().map(|status| status.name()).chain([DEAD]).collect()
}

impl Context {
    pub(super) fn list(&self, args: &ListArgs) -> Result<Exit, Error> {
        let wanted = Wanted {
            workflow: args.verb.clone(),
            statuses: args.status.iter().filter_map(|name| RunStatus::named(name)).collect(),
            dead: args.status.iter().any(|name| name == DEAD),
            limit: args.limit,
        };
        let runs = ops::list(&self.workspace, &wanted)?;
        if args.format == Format::Json {
            let rows: Vec<Value> = runs.iter().map(row).collect();
            self.print(&format!("{:#}\n", json!({ "runs": rows })));
            return Ok(Exit::Passed);
        }
        let width = runs.iter().map(|listed| listed.summary.workflow.len()).max().unwrap_or(0);
        for Listed { summary: run, engine, hands, given } in &runs {
            let (tone, word) = match (run.status, engine) {
                (_, Some(Engine::Dead)) => (Tone::Bad, ITS_ENGINE_DIED.to_owned()),
                (status, _) => (tone(status), status.name().replace('_', " ")),
            };
            let status = self.out.paint(tone, &format!("{word:20}"));
            let at = self.out.paint(Tone::Faint, &when(run.opened_at));
            let took = run.ended_at.map(|end| Millis(end.since(run.opened_at)).to_string());
            let took = took.unwrap_or_default();
            let (id, verb) = (&run.id, &run.workflow);
            let line = format!("{id}  {verb:width$}  {status}  {at}  {took:6}");
            let hands = hands.iter().flat_map(Hands::short).map(|what| format!("  {what}"));
            let hands: String = hands.collect();
            let more = format!("{}{hands}{}", more(run, *engine), shown(given));
            let room = self.out.room().map_or(usize::MAX, |all| all.saturating_sub(width + 61));
            let line = format!("{line}{}", cut(&more, room));
            self.print(&format!("{}\n", line.trim_end()));
        }
        Ok(Exit::Passed)
    }
}

/// The params that a run was given, in short.
fn shown(given: &BTreeMap<String, Value>) -> String {
    let one = |(name, value): (&String, &Value)| {
        let text = value.as_str().map_or_else(|| readable(value), str::to_owned);
        format!("  {name}={}", one_line(&text))
    };
    given.iter().map(one).collect()
}

fn row(listed: &Listed) -> Value {
    let Listed { summary: run, engine, hands, given } = listed;
    json!({
        "run": run.id, "workflow": run.workflow, "status": run.status, "actor": run.actor,
        "started_at": run.opened_at, "ended_at": run.ended_at, "owes_finally": run.owes_finally,
        "engine": engine, "kept": run.kept, "given": given, "parent": run.parent,
        "vetoes": run.vetoes, "hands": hands,
    })
}

/// Who called a run, who vetoed it, what it owes, and that it is kept.
fn more(run: &Summary, engine: Option<Engine>) -> String {
    let parent = run.parent.as_ref();
    let mut more = parent.map(|p| format!("  called by {}", p.run)).unwrap_or_default();
    for veto in &run.vetoes {
        let _ = write!(more, "  vetoed by {}: {}", veto.by, one_line(&veto.note));
    }
    if run.owes_finally && engine != Some(Engine::Alive) {
        more.push_str("  owes its `finally`");
    }
    if let Some(kept) = run.kept.as_ref().filter(|kept| kept.counts(crate::exec::now())) {
        let until = kept.until.map(|at| format!(" until {}", when(at))).unwrap_or_default();
        let _ = write!(more, "  kept{until}");
    }
    more
}

/// The tone of a run's status.
pub(super) fn tone(status: RunStatus) -> Tone {
    match status {
        RunStatus::Passed => Tone::Good,
        RunStatus::Failed | RunStatus::Blocked | RunStatus::Refused => Tone::Bad,
        _ => Tone::Warn,
    }
}

/// A moment to the second.
pub(super) fn when(at: Time) -> String {
    let at = at.to_string();
    at.get(..19).unwrap_or(&at).replace('T', " ")
}
