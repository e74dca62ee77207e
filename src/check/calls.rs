//! Calls: the verb exists and can run, is given what it takes, hands on what is expected, and does not call its caller.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::{all_steps, params, types, values};
use crate::diagnostic::{At, Code, Diagnostic, Place, printable};
use crate::expr::template::{Form, Part, Placeholder};
use crate::expr::{Ref, Template};
use crate::ids::{Name, WorkflowId};
use crate::workflow::{
    Action, Call, Names, OnInterrupt, Param, ParamType, Step, ValueType, Workflow,
};

/// How many verbs may call each other in a row.
const DEEPEST: usize = 8;

/// A verb that another one calls.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Called {
    /// The verb.
    pub workflow: Workflow,
    /// How many errors it has by itself.
    pub errors: usize,
    /// The file it is in, as it is shown.
    pub file: String,
}

/// The verbs that can be called, as far as they are reached from those that are checked.
pub type Known = BTreeMap<WorkflowId, Called>;

/// What is wrong with the calls of a workflow. `verbs` are all that there are.
pub fn calls(workflow: &Workflow, known: &Known, verbs: &[String]) -> Vec<Diagnostic> {
    let mut problems = Vec::new();
    let names = Names::of(workflow);
    for (step, call) in steps(workflow) {
        options(step, call, &mut problems);
        let Some(called) = known.get(&call.verb.value) else {
            problems.push(
                Diagnostic::new(
                    Code::UnknownVerb,
                    format!("no verb is called `{}`", call.verb.value),
                )
                .at(call.verb.place, "not a verb of this workspace")
                .suggest(call.verb.as_str(), verbs.iter().map(String::as_str)),
            );
            continue;
        };
        if let Some(problem) = circle(workflow, call, known) {
            problems.push(problem);
            continue;
        }
        let (names, callee) = (&names, &called.workflow);
        Fit { workflow, names, call, callee, problems: &mut problems }.check(step);
        locks(workflow, step, call, known, &mut problems);
        if called.errors > 0 {
            let many = if called.errors == 1 { "an error" } else { "errors" };
            let message = format!("`{}` has {many}, and so cannot be called", call.verb.value);
            let hint = format!("see `ostler check {}`", call.verb.value);
            problems.push(bad(call.verb.place, message, "cannot run").hint(hint));
        }
    }
    problems
}

fn bad(place: Place, message: impl Into<String>, label: &str) -> Diagnostic {
    Diagnostic::new(Code::BadCall, message).at(place, label)
}

/// The steps that call a verb.
fn steps(workflow: &Workflow) -> impl Iterator<Item = (&Step, &Call)> {
    all_steps(workflow).filter_map(|step| match step.run.as_ref().map(|run| &run.value) {
        Some(Action::Call(call)) => Some((step, call)),
        _ => None,
    })
}

/// What a step that runs a command may say, and one that calls may not.
fn options(step: &Step, call: &Call, problems: &mut Vec<Diagnostic>) {
    let mut no = |place: Place, what: &str, hint: &str| {
        let message = format!("`{what}` says nothing to the verb `{}`", call.verb.value);
        let problem = Diagnostic::new(Code::Contradiction, message).at(place, "on a call");
        problems.push(problem.hint(hint));
    };
    let params = "what a verb is given are its params: call = { verb = \"…\", params = { … } }";
    step.shell.iter().for_each(|shell| no(shell.place, "shell", "it has its own"));
    step.env.iter().take(1).for_each(|(name, _)| no(name.place, "env", params));
    step.stdin.iter().for_each(|stdin| no(stdin.place, "stdin", params));
    step.secrets.iter().take(1).for_each(|one| no(one.name.place, "secrets", "it names its own"));
    step.host.iter().for_each(|host| no(host.place, "host", "its steps say where they run"));
    step.cwd.iter().for_each(|cwd| no(cwd.place, "cwd", "its steps have their own"));
    if let Some(expect) = &step.expect {
        let of = &expect.value;
        if !of.exit.is_empty() || of.stdout.is_some() || of.stderr.is_some() || of.count.is_some() {
            let hint = "it passes when its run does; of files, something can still be expected";
            no(expect.place, "expect", hint);
        }
    }
    if let Some(At { value: OnInterrupt::Fail | OnInterrupt::Probe(_), place }) = &step.on_interrupt
    {
        let hint = "its run goes on where it stood: \"Rerun\", as without this, or \"Ask\" first";
        no(*place, "on_interrupt", hint);
    }
}

/// The way by which calls come back to where they began, or go too deep.
fn circle(workflow: &Workflow, call: &Call, known: &Known) -> Option<Diagnostic> {
    let mut way = vec![&workflow.id.value];
    let deep = follow(call, known, &mut way)?;
    let shown: Vec<&str> = way.iter().map(|verb| verb.as_str()).collect();
    let (message, label) = if deep {
        (format!("more than {DEEPEST} verbs call each other in a row"), "goes too deep")
    } else {
        ("verbs call each other in a circle".to_owned(), "comes back to where it began")
    };
    let problem = Diagnostic::new(Code::CallCycle, message).at(call.verb.place, label);
    Some(problem.hint(format!("the way is {}", shown.join(" → "))))
}

/// Whether the calls go too deep, if they do that or come back; `way` is then the way there.
fn follow<'k>(call: &'k Call, known: &'k Known, way: &mut Vec<&'k WorkflowId>) -> Option<bool> {
    let verb = &call.verb.value;
    let again = way.contains(&verb);
    way.push(verb);
    if again || way.len() > DEEPEST {
        return Some(!again);
    }
    let callee = &known.get(verb).map(|called| &called.workflow);
    for (_, next) in callee.iter().flat_map(|callee| steps(callee)) {
        if let Some(found) = follow(next, known, way) {
            return Some(found);
        }
    }
    way.pop();
    None
}

/// The locks that a verb needs at any time, and those that it calls.
fn needed<'k>(verb: &'k WorkflowId, known: &'k Known, found: &mut BTreeSet<&'k Name>) {
    let Some(called) = known.get(verb) else { return };
    let own = all_steps(&called.workflow).flat_map(|step| &step.locks);
    found.extend(called.workflow.locks.iter().chain(own).map(|lock| &lock.value));
    for (_, next) in steps(&called.workflow) {
        needed(&next.verb.value, known, found);
    }
}

/// A lock that the caller holds while the verb waits for it is waited for in vain.
fn locks(
    workflow: &Workflow,
    step: &Step,
    call: &Call,
    known: &Known,
    problems: &mut Vec<Diagnostic>,
) {
    let mut all = BTreeSet::new();
    needed(&call.verb.value, known, &mut all);
    for held in workflow.locks.iter().chain(&step.locks).filter(|lock| all.contains(&lock.value)) {
        let message = format!("`{}` needs the lock `{}`", call.verb.value, held.value);
        let problem = bad(call.verb.place, message, "would wait for its caller");
        problems
            .push(problem.with(held.place, "held here").hint("one of the two takes it, not both"));
    }
}

/// A call beside the verb that it calls.
struct Fit<'c> {
    workflow: &'c Workflow,
    names: &'c Names<'c>,
    call: &'c Call,
    callee: &'c Workflow,
    problems: &'c mut Vec<Diagnostic>,
}

impl Fit<'_> {
    fn check(&mut self, step: &Step) {
        self.params();
        self.outputs(step);
        let (theirs, ours) = (self.callee.effect, self.workflow.effect);
        if theirs as u8 > ours as u8 {
            let message =
                format!("`{}` may {theirs}, its caller promises at most {ours}", self.verb());
            let hint = format!("if it may, write effect = \"{theirs}\" at the top of the caller");
            self.problems.push(bad(self.call.verb.place, message, "more than that").hint(hint));
        }
    }

    fn verb(&self) -> &str {
        self.call.verb.as_str()
    }

    fn params(&mut self) {
        let place = self.call.verb.place;
        let names = || self.callee.params.iter().map(|p| p.name.as_str());
        for (name, value) in &self.call.params {
            let found = self.callee.params.iter().find(|p| p.name.value == name.value);
            if let Some(param) = found {
                self.param(param, name, &value.value, value.place);
                continue;
            }
            let message = format!("`{}` has no param `{}`", self.verb(), name.value);
            let problem = bad(name.place, message, "not a param of it");
            self.problems.push(problem.suggest(name.as_str(), names()));
        }
        let given = |name: &Name| self.call.params.iter().any(|(given, _)| given.value == *name);
        let params = self.callee.params.iter();
        for param in params.filter(|p| p.is_required() && !given(&p.name)) {
            let (name, kind) = (&param.name.value, param.kind);
            let message = format!("`{}` needs the param `{name}`", self.verb());
            let hint = format!("give it {}: params = {{ {name} = … }}", values::article(kind));
            self.problems.push(bad(place, message, "not given").hint(hint));
        }
        let broken = self.callee.param_groups.iter().filter_map(|g| params::broken(g, &given));
        let broken: Vec<String> = broken.collect();
        for why in broken {
            let message = format!("`{}`: {why}", self.verb());
            self.problems.push(bad(place, message, "called here"));
        }
    }

    /// One param: a literal by its value, a placeholder by its type. What is made of several texts only the run knows.
    fn param(&mut self, param: &Param, name: &At<Name>, value: &serde_json::Value, place: Place) {
        let one = ParamType { list: false, ..param.kind };
        let whole = match value {
            serde_json::Value::String(text) => self.text(text, place),
            serde_json::Value::Array(all) if param.kind.list => {
                for item in all {
                    match item.as_str().map(|text| self.text(text, place)) {
                        Some(Given::Typed(kind)) => self.typed(param, one, &kind, name),
                        Some(Given::Unknown) => {}
                        _ => self.literal(param, item, name, one),
                    }
                }
                return;
            }
            _ => Given::Literal,
        };
        match whole {
            Given::Typed(kind) => self.typed(param, param.kind, &kind, name),
            Given::Literal => self.literal(param, value, name, param.kind),
            Given::Unknown if param.kind.list => {
                let message = format!("a text is not {}", values::article(param.kind));
                self.problems.push(bad(place, message, "one text").hint("write a list: [\"…\"]"));
            }
            Given::Unknown => {}
        }
    }

    fn text(&mut self, text: &str, place: Place) -> Given {
        let Ok(template) = self.names.template(text) else { return Given::Unknown };
        if let Some(found) = template.placeholders().find(|found| found.form != Form::Plain) {
            let message =
                format!("`{}`: a verb is given a value itself", printable(&found.braced()));
            let hint =
                "without `.file` and `...`: a value may have any length, and a list stays one";
            let problem = Diagnostic::new(Code::NoPlaceholder, message);
            self.problems.push(problem.at(place, "here").hint(hint));
        }
        match template {
            Template(parts) if parts.iter().all(|part| matches!(part, Part::Text(_))) => {
                Given::Literal
            }
            Template(parts) => match parts.as_slice() {
                [Part::Ref(found)] => Given::Typed(found.clone()),
                _ => Given::Unknown,
            },
        }
    }

    fn literal(
        &mut self,
        param: &Param,
        value: &serde_json::Value,
        name: &At<Name>,
        kind: ParamType,
    ) {
        // A doubled brace is undone only when it runs.
        if let Err(why) = values::suits(param, kind, value) {
            let message = format!("param `{}` of `{}`: {why}", name.value, self.verb());
            self.problems.push(bad(name.place, message, "does not fit"));
        }
    }

    fn typed(&mut self, param: &Param, to: ParamType, found: &Placeholder, name: &At<Name>) {
        let Some(from) = types::of(self.workflow, found) else { return };
        let words = match &found.to {
            Ref::Param(source) => {
                self.workflow.params.iter().find(|p| p.name.value == *source).map(|p| &p.values)
            }
            _ => None,
        };
        let enums = from.of == ValueType::Enum && to.of == ValueType::Enum;
        let other = words.filter(|_| enums).and_then(|words| {
            words.iter().find(|word| !param.values.iter().any(|known| known.value == word.value))
        });
        if types::is_given(from, to) && other.is_none() {
            return;
        }
        let (shown, from) = (printable(&found.braced()), values::article(from));
        let (verb, to) = (self.verb(), values::article(to));
        let message = match other {
            Some(word) => {
                format!("`{shown}` may be `{}`, which `{verb}` does not know", word.value)
            }
            None => format!("`{shown}` is {from}, and `{}` of `{verb}` is {to}", name.value),
        };
        self.problems.push(bad(name.place, message, "another type"));
    }

    fn outputs(&mut self, step: &Step) {
        let names = Names::of(self.callee);
        for (name, spec) in &step.outputs {
            let known = || self.callee.outputs.iter().map(|(name, _)| name.as_str());
            let Some((_, text)) = self.callee.outputs.iter().find(|(n, _)| n.value == name.value)
            else {
                let message = format!("`{}` hands on no `{}`", self.verb(), name.value);
                let hint = format!(
                    "a verb says what it hands on: outputs = {{ {} = \"{{steps.…}}\" }}",
                    name.value
                );
                let problem = bad(name.place, message, "not an output of it");
                self.problems.push(problem.suggest(name.as_str(), known()).hint(hint));
                continue;
            };
            let from = types::of_text(self.callee, &names, text);
            if !types::is_taken(from, spec.kind) {
                let (from, to) = (values::article(from), values::article(spec.kind));
                let message = format!("`{}` of `{}` is {from}, not {to}", name.value, self.verb());
                self.problems.push(bad(name.place, message, "another type"));
            }
        }
    }
}

/// What is known of a text that a verb is given.
enum Given {
    Literal,
    Typed(Placeholder),
    Unknown,
}
