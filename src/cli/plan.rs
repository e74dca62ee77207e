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
        if args.words.is_empty() {
            return self.which_verb("plan");
        }
        let (verb, words) = verb::split(&args.words);
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
        let outlook = || Ok::<_, Error>(ops::outlook(&plan, &graph, &failing)?);
        let said = match planning.format.unwrap_or(PlanFormat::Text) {
            PlanFormat::Text => {
                let outlook = outlook()?;
                let exit = exit(&outlook) as u8;
                report::plan(&plan, &graph, &outlook, exit, &self.out, self.out.width)
            }
            PlanFormat::Json => format!("{:#}\n", whole(&plan, &outlook()?)),
            PlanFormat::Dot => graph::dot(&graph),
            PlanFormat::Mermaid => graph::mermaid(&graph),
            PlanFormat::Svg => graph::svg(&graph),
        };
        self.print(&said);
        Ok(Exit::Passed)
    }
}

/// The code with which the run would end.
fn exit(outlook: &Outlook) -> Exit {
    Exit::of_status(outlook.rehearsal.status, false)
}

fn whole(plan: &Plan, outlook: &Outlook) -> Value {
    let body: Value = serde_json::from_str(&plan.to_json()).unwrap_or_default();
    let mut whole = json!({ "digest": plan.digest(), "plan": body });
    if let (Value::Object(whole), Value::Object(ahead)) = (&mut whole, json!(outlook)) {
        whole.extend(ahead);
    }
    whole["rehearsal"]["exit"] = json!(exit(outlook) as u8);
    whole
}
