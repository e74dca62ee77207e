//! A plan in the form that is asked for.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::args::PlanArgs;
use super::formats::{PlanFormat, Planning};
use super::{Context, Exit, verb};
use crate::diagnostic::{closest, printable};
use crate::ids::StepId;
use crate::ops::{self, Error};
use crate::plan::Plan;
use crate::report::graph::{self, Graph};
use crate::report::{self, Outlook};

impl Context {
    pub(super) fn plan(&self, args: &PlanArgs) -> Result<Exit, Error> {
        let (verb, words) = args.words.split();
        let (workflow, checked) = ops::check_verb(&self.workspace, &verb, &self.cwd)?;
        let (given, after) = match verb::parse(&workflow, words, "ostler plan") {
            Ok(parsed) => parsed,
            Err(error) => return Ok(self.usage(&error)),
        };
        let planning = Planning::merged(&args.planning, after);
        let plan = ops::plan(&self.workspace, &workflow, &checked, &given)?;
        let failing = failing(&plan, &planning.fail)?;
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

/// The steps that are to fail, if the plan has them.
fn failing(plan: &Plan, names: &[String]) -> Result<BTreeSet<StepId>, Error> {
    let ids = || plan.steps.iter().chain(&plan.finally).map(|step| &step.id);
    let find = |name: &String| {
        ids().find(|id| id.as_str() == name).cloned().ok_or_else(|| {
            let near = closest(name, ids().map(StepId::as_str));
            let near = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
            Error::NotNow(format!("`{}` has no step `{}`{near}", plan.workflow, printable(name)))
        })
    };
    names.iter().map(find).collect()
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
