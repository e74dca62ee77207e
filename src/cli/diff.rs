//! What differs between two runs, in a table.

use std::fmt::Write as _;

use super::args::Format;
use super::list::tone;
use super::{Context, Exit};
use crate::diagnostic::printable;
use crate::ops::{self, Error};
use crate::report::{Both, Changed, Diff, Paint, StepDiff, Tone};
use crate::workflow::Millis;

#[derive(Debug, clap::Args)]
pub(super) struct DiffArgs {
    /// The first run [default: the one of the same verb before the second]
    a: Option<String>,
    /// The second run [default: the latest; with only one named, that one]
    b: Option<String>,
    /// How it is printed
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

impl Context {
    pub(super) fn diff(&self, args: &DiffArgs) -> Result<Exit, Error> {
        let diff = ops::diff(&self.workspace, args.a.as_deref(), args.b.as_deref())?;
        if args.format == Format::Json {
            self.print(&format!("{}\n", super::runs::pretty(&diff)));
        } else {
            self.print(&text(&diff, &self.out));
        }
        Ok(Exit::Passed)
    }
}

fn text(diff: &Diff, to: &dyn Paint) -> String {
    let mut out = String::new();
    let verbs = diff.runs.iter().map(|side| side.workflow.len()).max().unwrap_or(0);
    for (name, side) in ["a", "b"].iter().zip(&diff.runs) {
        let status = format!("{:20}", side.status.name().replace('_', " "));
        let status = to.paint(tone(side.status), &status);
        let at = side.started_at.get(..19).unwrap_or(&side.started_at).replace('T', " ");
        let at = to.paint(Tone::Faint, &at);
        let _ = writeln!(out, "{name}  {}  {:verbs$}  {status} {at}", side.run, side.workflow);
    }
    plan(&mut out, diff, to);
    steps(&mut out, diff, to);
    out
}

fn plan(out: &mut String, diff: &Diff, to: &dyn Paint) {
    let plan = &diff.plan;
    let same = if plan.same { "the same plan" } else { "the plans differ" };
    let _ = writeln!(out, "\n{}", to.paint(Tone::Strong, same));
    if plan.file.is_some() {
        let _ = writeln!(out, "  the file has changed");
    }
    for (name, values) in &plan.params {
        let _ = writeln!(out, "  param {name}  {}", printable(&arrow(values)));
    }
    for (id, changed) in &plan.steps {
        let how = match changed {
            Changed::Removed => "only in a".to_owned(),
            Changed::Added => "only in b".to_owned(),
            Changed::Fields(fields) => format!("changed: {}", fields.join(", ")),
        };
        let _ = writeln!(out, "  step {id}  {how}");
    }
}

fn steps(out: &mut String, diff: &Diff, to: &dyn Paint) {
    let differs = |step: &&StepDiff| !step.same;
    let count = diff.steps.iter().filter(differs).count();
    let said = match count {
        0 => "no step differs".to_owned(),
        1 => "1 step differs".to_owned(),
        n => format!("{n} steps differ"),
    };
    let _ = writeln!(out, "\n{}", to.paint(Tone::Strong, &said));
    let ids = diff.steps.iter().map(|step| step.id.chars().count()).max().unwrap_or(0).min(40);
    for step in &diff.steps {
        let [a, b] = &step.status;
        let word = |status: &Option<String>| status.clone().unwrap_or_else(|| "–".to_owned());
        let sign = if step.same { " " } else { "≠" };
        let status = if a == b { word(a) } else { format!("{} → {}", word(a), word(b)) };
        let took =
            step.duration_ms.map(|ms| ms.map_or("–".to_owned(), |ms| Millis(ms).to_string()));
        let took = to.paint(Tone::Faint, &took.join(" → "));
        let sign = to.paint(Tone::Warn, sign);
        let _ = writeln!(out, "{sign} {:ids$}  {status:20}  {took}", step.id);
        for (name, values) in &step.outputs {
            let _ = writeln!(out, "    output {name}  {}", printable(&arrow(values)));
        }
        for check in &step.checks {
            // Where one run has no such check, only what was seen differs.
            let both = check.expected.iter().all(Option::is_some);
            if both && check.expected[0] != check.expected[1] {
                let _ = writeln!(out, "    {} expected  {}", check.what, said_of(&check.expected));
            }
            if check.observed[0] != check.observed[1] {
                let _ = writeln!(out, "    {} observed  {}", check.what, said_of(&check.observed));
            }
        }
    }
}

fn arrow<T: ToString>(both: &Both<T>) -> String {
    let word = |one: &Option<T>| one.as_ref().map_or("–".to_owned(), ToString::to_string);
    format!("{} → {}", word(&both[0]), word(&both[1]))
}

fn said_of(both: &Both<String>) -> String {
    printable(&arrow(both).replace('\n', " "))
}
