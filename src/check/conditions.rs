//! CEL conditions: that they parse, that the names in them exist, and that their types fit.

use std::cell::LazyCell;
use std::collections::BTreeSet;
use std::ops::Range;

use super::ended::Ends;
use super::{all_steps, fan};
use crate::diagnostic::{At, Code, Diagnostic, Place, Sources};
use crate::expr::template::StepField;
use crate::expr::{Condition, TYPE_NAMES, Type};
use crate::ids::StepId;
use crate::workflow::{Names, OUTCOMES, Param, ParamType, Step, ValueType, Workflow};

/// The states in which a step may have ended.
const STATUSES: [&str; 6] = ["passed", "recovered", "failed", "skipped", "unproven", "cancelled"];

/// What a condition sees of a host.
const HOST: &[&str] = &["name", "address", "labels", "groups"];

/// Outcomes that are no failure by themselves: a condition can ask for them, and `on_error.on` has no use for them.
const NO_FAILURES: [&str; 4] = ["done", "cancelled", "answered", "probed"];

/// Failures of an attempt whose outcome is another.
const BESIDE: [&str; 2] = ["check_failed", "bad_output"];

pub(super) fn check(
    workflow: &Workflow,
    names: &Names<'_>,
    sources: &Sources,
    problems: &mut Vec<Diagnostic>,
) {
    let ends = LazyCell::new(|| Ends::of(workflow));
    // Most workflows know neither hosts nor items, and need not be searched for them step by step.
    let more = workflow.asks_for_hosts() || all_steps(workflow).any(fan::fans_out);
    let common = LazyCell::new(|| Type::record(common(workflow)));
    for step in all_steps(workflow) {
        let own = LazyCell::new(|| Type::record(common_and_own(workflow, names, step)));
        for when in &step.when {
            let (text, ended) = (&when.condition, &|| ends.before(step));
            let root = if more && fan::sees_more(workflow, step) { &*own } else { &*common };
            let check = Check { workflow, sources, root, step, on_edge: false, ended, text };
            check.run(problems);
        }
        for edge in &step.depends_on {
            let Some(text) = &edge.condition else { continue };
            let ended = &|| ends.before_edge(step, edge);
            let root = &common;
            let check = Check { workflow, sources, root, step, on_edge: true, ended, text };
            check.run(problems);
        }
    }
}

/// One condition, and what there is when it is evaluated.
struct Check<'c> {
    workflow: &'c Workflow,
    sources: &'c Sources,
    root: &'c Type,
    step: &'c Step,
    /// Whether it stands on an edge, and so is evaluated as soon as the step before has ended.
    on_edge: bool,
    ended: &'c dyn Fn() -> BTreeSet<StepId>,
    text: &'c At<String>,
}

impl Check<'_> {
    fn run(&self, problems: &mut Vec<Diagnostic>) {
        let condition = match Condition::parse(self.text) {
            Ok(condition) => condition,
            Err(why) => {
                let problem = Diagnostic::new(Code::BadExpression, why);
                problems.push(problem.at(self.text.place, "not a CEL expression"));
                return;
            }
        };
        let found = condition.check(self.root);
        let mut said = BTreeSet::new();
        let ended = LazyCell::new(self.ended);
        let mut here = Vec::new();
        for (name, span) in found.names {
            let path: Vec<&str> = name.iter().map(String::as_str).collect();
            if self.is_own(&path) {
                continue;
            }
            let unknown = unknown(self.workflow, &path).or_else(|| self.not_ended(&path, &ended));
            // Once for each name: it is the same mistake.
            if let Some(problem) = unknown.filter(|p| said.insert(p.message.clone())) {
                here.push((problem, span));
            }
        }
        for (pattern, span) in found.patterns {
            if let Err(error) = regex::Regex::new(&pattern) {
                let why = error.to_string();
                let why = why.lines().last().unwrap_or_default().trim_start_matches("error: ");
                let what = format!("not a regular expression: {why}");
                here.push((Diagnostic::new(Code::BadRegex, what), span));
            }
        }
        here.extend(found.problems);
        here.sort_by_key(|(_, span)| span.start);
        let placed = |(problem, span): (Diagnostic, Range<usize>)| {
            let place = self.place(&span);
            problem.at(place, "in this condition")
        };
        problems.extend(here.into_iter().map(placed));
    }

    /// Whether a name asks for the step's own item or host.
    fn is_own(&self, path: &[&str]) -> bool {
        let item = fan::item_name(self.workflow, self.step).map(crate::ids::Name::as_str);
        match path {
            _ if self.on_edge => false,
            ["host", field, ..] if !HOST.contains(field) => false,
            ["host", ..] => fan::may_have_host(self.workflow, Some(self.step)),
            [name, ..] => Some(*name) == item,
            [] => false,
        }
    }

    /// Whether a name asks for a step that may still run.
    fn not_ended(&self, path: &[&str], ended: &BTreeSet<StepId>) -> Option<Diagnostic> {
        let problem =
            |what: String, hint: String| Some(Diagnostic::new(Code::NotEnded, what).hint(hint));
        let ["steps", rest @ ..] = path else { return None };
        let [step, ..] = rest else {
            let what = "`steps` as a whole has steps that have not ended".to_owned();
            return problem(what, "write the step's name: steps.STEP".to_owned());
        };
        if ended.iter().any(|e| e.as_str() == *step) {
            return None;
        }
        if self.step.id.as_str() == *step {
            let what = format!("`{step}` has not ended before it starts");
            return problem(what, "what a pass is stands in `expect`".to_owned());
        }
        let what = format!("`{step}` may not have ended by then");
        let comes_before = self.step.depends_on.iter().any(|e| e.step.as_str() == *step);
        if self.on_edge && comes_before {
            return problem(what, "write it in `when`, which waits for all edges".to_owned());
        }
        problem(what, format!("come after it: depends_on = [\"{step}\"]"))
    }

    /// The place of a part of the text, where the text was written without escapes; else of the whole text.
    fn place(&self, span: &Range<usize>) -> Place {
        let Place { file, start, .. } = self.text.place;
        let written = self.sources.text(self.text.place);
        let Some(at) = written.find(self.text.value.as_str()) else { return self.text.place };
        let clamp = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Place { file, start: start + clamp(at + span.start), end: start + clamp(at + span.end) }
    }
}

/// What a condition on a step sees that runs on a host or is for an item, as `Run::variables` makes it.
fn common_and_own(workflow: &Workflow, names: &Names<'_>, step: &Step) -> Vec<(String, Type)> {
    let mut all = common(workflow);
    if let Some(name) = fan::item_name(workflow, step) {
        let words = fan::words(workflow, names, name);
        let one =
            words.map_or_else(Type::json, |words| Type::words(words.iter().map(String::as_str)));
        all.push((name.to_string(), one));
    }
    if fan::may_have_host(workflow, Some(step)) {
        let text = |name: &str| (name.to_owned(), Type::text());
        let labels = ("labels".to_owned(), Type::json());
        let groups = ("groups".to_owned(), Type::list(Type::text()));
        let host = [text("name"), text("address"), labels, groups];
        all.push(("host".to_owned(), Type::record(host)));
    }
    all
}

/// What every condition sees, as `Run::variables` makes it.
fn common(workflow: &Workflow) -> Vec<(String, Type)> {
    let params = workflow.params.iter().map(|p| (p.name.value.to_string(), of_param(p)));
    let status = Type::words(STATUSES);
    // How its last attempt may have ended, if there was one.
    let failures = OUTCOMES.iter().filter(|outcome| !BESIDE.contains(outcome));
    let outcome = Type::words(failures.chain(&NO_FAILURES).copied()).or_null();
    let step = |step: &Step| {
        let fans = fan::fans_out(step);
        let output = |kind| if fans { Type::json() } else { of_value(kind) };
        let outputs = step.outputs.iter().map(|(name, o)| (name.value.to_string(), output(o.kind)));
        let field = |(name, field): (&str, StepField)| {
            let of = match field {
                StepField::Status => status.clone(),
                StepField::Outcome => outcome.clone(),
                StepField::Exit => Type::int().or_null(),
                StepField::DurationS => Type::double().or_null(),
            };
            (name.to_owned(), of)
        };
        let outputs = ("outputs".to_owned(), Type::record(outputs));
        let fields = StepField::NAMES.into_iter().map(field).chain([outputs]);
        (step.id.value.to_string(), Type::record(fields))
    };
    let run = Type::record([("id".to_owned(), Type::text())]);
    vec![
        ("params".to_owned(), Type::record(params)),
        ("steps".to_owned(), Type::record(all_steps(workflow).map(step))),
        ("run".to_owned(), run),
    ]
}

fn of_param(param: &Param) -> Type {
    let words = param.values.iter().map(|v| v.as_str());
    match (param.kind.of, param.kind.list) {
        (ValueType::Enum, false) => Type::words(words),
        (ValueType::Enum, true) => Type::list(Type::words(words)),
        (ValueType::Glob, _) => Type::list(Type::text()),
        _ => of_value(param.kind),
    }
}

/// The type of a value as an expression has it: what has no kind of its own there is text.
fn of_value(kind: ParamType) -> Type {
    let one = match kind.of {
        ValueType::Int => Type::int(),
        ValueType::Number => Type::number(),
        ValueType::Bool => Type::bool(),
        ValueType::Json => Type::json(),
        ValueType::String
        | ValueType::Enum
        | ValueType::Path
        | ValueType::Glob
        | ValueType::Duration
        | ValueType::Version
        | ValueType::Host
        | ValueType::Scope
        | ValueType::Run => Type::text(),
    };
    if kind.list { Type::list(one) } else { one }
}

/// What is wrong with a name, if anything.
fn unknown(workflow: &Workflow, path: &[&str]) -> Option<Diagnostic> {
    let problem = |what: String| Diagnostic::new(Code::UnknownVariable, what);
    let params = || workflow.params.iter().map(|p| p.name.as_str());
    match path {
        ["params" | "steps" | "run"] | ["run", "id", ..] => None,
        [name] if TYPE_NAMES.contains(name) => None,
        ["params", name, ..] => {
            let missing = !params().any(|p| p == *name);
            missing.then(|| problem(format!("no param is called `{name}`")).suggest(name, params()))
        }
        ["steps", step, rest @ ..] => {
            let steps = || all_steps(workflow).map(|s| s.id.as_str());
            match all_steps(workflow).find(|s| s.id.as_str() == *step) {
                None => Some(problem(format!("no step is called `{step}`")).suggest(step, steps())),
                Some(found) if all_steps(workflow).any(|s| releases(s, found)) => {
                    Some(problem(format!(
                        "`{step}` runs once for each attempt that it releases: it has no one state"
                    )))
                }
                Some(found) => unknown_of_step(found, rest),
            }
        }
        ["host", field, ..] if !HOST.contains(field) => {
            Some(problem(format!("a host has no `{field}`")).hint(
                "a condition sees its `name`, `address`, `labels` and `groups`, where the step runs on one",
            ))
        }
        [name, ..] => {
            let hint = if params().any(|p| p == *name) {
                format!("a param is written params.{name}")
            } else {
                "a condition sees `params`, `steps` and `run.id`; in `when` also the item and `host`".to_owned()
            };
            Some(problem(format!("`{name}` does not exist here")).hint(hint))
        }
        [] => None,
    }
}

fn releases(step: &Step, releaser: &Step) -> bool {
    step.release.as_ref().is_some_and(|r| r.value == releaser.id.value)
}

fn unknown_of_step(step: &Step, rest: &[&str]) -> Option<Diagnostic> {
    let outputs = || step.outputs.iter().map(|(name, _)| name.as_str());
    let problem = |what: String| Diagnostic::new(Code::UnknownVariable, what);
    match rest {
        [] | ["outputs"] => None,
        ["outputs", name, ..] => {
            let missing = !outputs().any(|o| o == *name);
            let what = format!("step `{}` has no output `{name}`", step.id.value);
            missing.then(|| problem(what).suggest(name, outputs()))
        }
        [field, ..] => {
            let known = StepField::NAMES.iter().any(|(name, _)| name == field);
            let what = format!("a step has no `{field}`");
            (!known)
                .then(|| problem(what).hint("it has outputs, status, outcome, exit and duration_s"))
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::diagnostic::Code;

    /// Everything that is wrong with a workflow.
    fn codes(text: &str) -> Vec<Code> {
        let loaded = crate::source::from_text("w.toml", format!("id = 'w'\n{text}"));
        let problems =
            loaded.workflows.iter().flat_map(|w| crate::check::check(w, &loaded.sources).problems);
        loaded.problems.iter().map(|p| p.code).chain(problems.map(|p| p.code)).collect()
    }

    /// Steps as name, edges and `when`; an edge is `STEP`, `STEP+` for `OnSuccess` or `STEP-` for `OnFailure`.
    fn steps(of: &[(&str, &str, &str)]) -> String {
        let edge = |e: &str| {
            let kind = match e.as_bytes().last() {
                Some(b'+') => "OnSuccess",
                Some(b'-') => "OnFailure",
                _ => "Always",
            };
            format!("{{ step = '{}', kind = '{kind}' }}", e.trim_end_matches(['+', '-']))
        };
        let one = |(name, edges, when): &(&str, &str, &str)| {
            let edges: Vec<String> = edges.split_whitespace().map(edge).collect();
            let when = if when.is_empty() { String::new() } else { format!("when = '{when}'\n") };
            format!(
                "[[steps]]\nid = '{name}'\ncmd = 'true'\non_error = 'Continue'\n{when}depends_on = [{}]\n",
                edges.join(", ")
            )
        };
        of.iter().map(one).collect()
    }

    #[test]
    fn a_condition_may_ask_only_for_steps_that_surely_ended() {
        let a = "steps.a.exit == 0";
        for (fine, all) in [
            (true, vec![("a", "", ""), ("b", "a", a)]),
            (false, vec![("a", "", ""), ("b", "", a)]),
            (false, vec![("a", "", a)]),
            (false, vec![("b", "", a), ("a", "b", "")]),
            // Through a step that waits for all before it, or surely ran.
            (true, vec![("a", "", ""), ("m", "a", ""), ("b", "m", a)]),
            (true, vec![("a", "", ""), ("m", "a+", ""), ("b", "m", a)]),
            (true, vec![("a", "", ""), ("z", "", ""), ("m", "a z+", ""), ("b", "m+", a)]),
            (true, vec![("a", "", ""), ("z", "", ""), ("m", "a z", ""), ("b", "m", a)]),
            // `m` is skipped as soon as `z` fails, while `a` may still run.
            (false, vec![("a", "", ""), ("z", "", ""), ("m", "a z+", ""), ("b", "m", a)]),
            // A stop skips `m`, and `b` may run after it.
            (false, vec![("a", "", ""), ("z", "", ""), ("m", "a", ""), ("b", "m z-", a)]),
        ] {
            let found = codes(&steps(&all));
            assert_eq!(found.is_empty(), fine, "{all:?}: {found:?}");
            assert!(found.iter().all(|code| *code == Code::NotEnded), "{all:?}: {found:?}");
        }
    }

    #[test]
    fn conditions_on_edges_do_not_wait_for_the_other_edges() {
        let with = |condition: &str| {
            steps(&[("a", "", ""), ("z", "", ""), ("m", "a", "")])
                + &format!(
                    "[[steps]]\nid = 'b'\ncmd = 'true'\n\
                     depends_on = ['z', {{ step = 'm', condition = '{condition}' }}]\n"
                )
        };
        assert_eq!(codes(&with("steps.m.exit == 0 && steps.a.exit == 0")), []);
        assert_eq!(codes(&with("steps.z.exit == 0")), [Code::NotEnded]);
    }

    #[test]
    fn targets_come_after_their_step_and_finally_after_all() {
        let text = "[[steps]]\nid = 'a'\ncmd = 'x'\n[[steps]]\nid = 's'\ncmd = 'x'\nneeds = ['a']\n\
             on_error = { strategy = 'Fallback', target = 't' }\n\
             [[steps]]\nid = 't'\ncmd = 'x'\nwhen = 'steps.s.exit == 3 && steps.a.exit == 0'\n\
             [[finally]]\nid = 'f'\ncmd = 'x'\nwhen = 'steps.t.exit == 1'\n";
        assert_eq!(codes(text), []);
        let other = "[[finally]]\nid = 'g'\ncmd = 'x'\nwhen = 'steps.f.exit == 1'\n";
        assert_eq!(codes(&format!("{text}{other}")), [Code::NotEnded]);
    }

    /// The workflow that the examples in the documents are about.
    const EXAMPLE: &str = "[[params]]\nname = 'count'\ntype = 'int'\n\
        [[params]]\nname = 'ratio'\ntype = 'number'\n\
        [[params]]\nname = 'size'\ntype = 'enum'\nvalues = ['small', 'big']\n\
        [[params]]\nname = 'dry-run'\ntype = 'bool'\n\
        [[params]]\nname = 'hosts'\ntype = '[host]'\n\
        [[params]]\nname = 'wait'\ntype = 'duration'\n\
        [[steps]]\nid = 'build'\ncmd = 'true'\non_error = 'Continue'\n\
        outputs = { sha = 'string', facts = 'json' }\n\
        [[steps]]\nid = 'b'\ncmd = 'true'\ndepends_on = ['build']\n";

    #[test]
    fn the_examples_in_the_documents_are_what_they_say() {
        let docs = include_str!("../../docs/format.md");
        let section = docs.split("\n## Conditions\n").nth(1).unwrap();
        let section = section.split("\n## ").next().unwrap();
        let mut seen = 0;
        for line in section.lines().filter(|l| l.starts_with("| `")) {
            let (condition, says) = line[3..].split_once("` | ").unwrap();
            let condition = condition.replace("\\|", "|");
            seen += 1;
            let found = codes(&format!("{EXAMPLE}when = '''{condition}'''\n"));
            let shown: Vec<&str> = found.iter().map(|c| c.as_str()).collect();
            let code = says.split([':', ' ']).next().filter(|w| w.starts_with("E0"));
            assert_eq!(shown, code.into_iter().collect::<Vec<_>>(), "{line}");
        }
        assert!(seen > 20, "{seen}");
    }
}
