//! A plan in the form that is asked for.

use serde_json::{Value, json};

use super::args::PlanArgs;
use super::formats::{PlanFormat, Planning};
use super::{Context, Exit, verb};
use crate::ops::{self, Error};
use crate::plan::Plan;
use crate::report::graph::{self, Graph};
use crate::report::{self, Outlook};

impl Context {
    pub(super) fn plan(&self, args: &PlanArgs) -> Result<Exit, Error> {
        let Some(words) = &args.words else { return self.which_verb("plan") };
        let (verb, words) = words.split();
        let (workflow, checked) = ops::check_verb(&self.workspace, &verb, &self.cwd)?;
        let (given, after) = match verb::parse(&workflow, words, "ostler plan") {
            Ok(parsed) => parsed,
            Err(error) => return Ok(self.usage(&error)),
        };
        let planning = Planning::merged(&args.planning, after);
        let plan = ops::plan(&self.workspace, &workflow, &checked, &given)?;
        self.named_by_mistake(&workflow, &given);
        let warnings: Vec<_> = checked.problems.iter().filter(|p| !p.is_error()).cloned().collect();
        super::write_err(&super::problems::text(&warnings, &checked.sources, &self.err));
        let failing = plan.steps_named(&planning.fail).map_err(Error::NotNow)?;
        let graph = Graph::of(&plan);
        let outlook = |failing| Ok::<_, Error>(ops::outlook(&plan, &graph, failing)?);
        let said = match planning.format.unwrap_or(PlanFormat::Text) {
            PlanFormat::Text => {
                // Where nothing is to fail, what would become of each step is not said.
                let outlook = outlook(Some(&failing).filter(|failing| !failing.is_empty()))?;
                let exit = exit(&outlook);
                report::plan(&plan, &graph, &outlook, exit, &self.out, self.out.width)
            }
            PlanFormat::Json => format!("{:#}\n", whole(&plan, &outlook(Some(&failing))?)),
            PlanFormat::Dot => graph::dot(&graph),
            PlanFormat::Mermaid => graph::mermaid(&graph),
            PlanFormat::Svg => graph::svg(&graph),
        };
        self.print(&said);
        // The process is at its end, which frees all of this at once.
        std::mem::forget((workflow, checked, plan, graph));
        Ok(Exit::Passed)
    }
}

/// The code with which the run would end, as far as it was rehearsed.
fn exit(outlook: &Outlook) -> Option<u8> {
    let rehearsed = outlook.rehearsal.as_ref()?;
    Some(Exit::of_status(rehearsed.status, false) as u8)
}

fn whole(plan: &Plan, outlook: &Outlook) -> Value {
    let body: Value = serde_json::from_str(&plan.to_json()).unwrap_or_default();
    let mut whole = json!({ "digest": plan.digest(), "plan": body });
    if let (Value::Object(whole), Value::Object(ahead)) = (&mut whole, json!(outlook)) {
        whole.extend(ahead);
    }
    whole["rehearsal"]["exit"] = json!(exit(outlook));
    whole
}
