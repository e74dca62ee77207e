//! Tree to workflow: the fields of `docs/reference.md` at the workflow's level.

use super::call::by_name;
use super::decode::{Decode, Fields, Problems, bad_value, no_list, wrong_type};
use super::habits;
use super::tree::{Kind, Node};
use crate::diagnostic::{At, Code, Diagnostic, closest, did_you_mean, printable};
use crate::workflow::{
    Converge, ConvergeStrategy, Effect, Group, Guard, Order, Param, ParamGroup, ParamType,
    Requires, Severity, Step, Strategy, ValueType, Workflow,
};

/// Keys of the workflow that come with a later version.
const LATER: &[&str] = &["on", "halted_by"];

/// How often `converge` resets steps where its author does not say.
pub(super) const ITERATIONS: u32 = 3;

/// The workflows of a file: one, or those in a list under `workflows` or `modes`.
///
/// What stands beside `modes` is not looked at: ontoref's files keep other things there.
pub(super) fn nodes<'n>(tree: &'n Node, problems: &mut Problems) -> Vec<&'n Node> {
    let Kind::Table(entries) = &tree.kind else { return vec![tree] };
    let list = |name: &str| entries.iter().find(|entry| entry.key == name);
    let Some(entry) = list("workflows").or(list("modes")) else { return vec![tree] };
    if entry.key == "workflows"
        && let Some(mut fields) = Fields::of(tree, "a file of several workflows", problems)
    {
        fields.node("workflows");
        fields.done(problems);
    }
    let Kind::Array(all) = &entry.value.kind else {
        wrong_type::<()>(&entry.value, "a list", problems);
        return Vec::new();
    };
    if all.is_empty() {
        bad_value::<()>(&entry.value, format!("`{}` holds no workflow", entry.key), problems);
    }
    all.iter().collect()
}

impl Decode for Workflow {
    fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
        let mut t = Fields::of(node, "a workflow", problems)?;
        let id = t.need("id", problems);
        let workflow = Self {
            trigger: t.get("trigger", problems),
            description: t.get("description", problems),
            strategy: t.get("strategy", problems).unwrap_or(Strategy::Override),
            extends: t.list("extends", problems),
            preconditions: t.list("preconditions", problems),
            postconditions: t.list("postconditions", problems),
            params: t.list("params", problems),
            param_groups: t.list("param_groups", problems),
            guards: t.list("guards", problems),
            requires: t.get("requires", problems).unwrap_or_default(),
            order: t.get("order", problems).unwrap_or(Order::Graph),
            steps: t.need::<Steps>("steps", problems).unwrap_or_default().0,
            finally: t.list("finally", problems),
            outputs: t
                .node("outputs")
                .and_then(|node| by_name(node, "`outputs`", problems))
                .unwrap_or_default(),
            converge: t.get("converge", problems),
            effect: t.get("effect", problems).unwrap_or(Effect::Write),
            host: t.get("host", problems),
            shell: t.get("shell", problems),
            env: super::step::env(&mut t, problems),
            secrets: super::secrets::secrets(&mut t, problems),
            cwd: t.get("cwd", problems),
            timeout: t.get("timeout", problems),
            stall_timeout: t.get("stall_timeout", problems),
            locks: t.list("locks", problems),
            place: t.place,
            id: {
                t.not_yet(LATER, problems);
                t.done(problems);
                id?
            },
        };
        Some(workflow)
    }
}

/// The steps of a workflow; at least one.
#[derive(Default)]
struct Steps(Vec<Step>);

impl Decode for Steps {
    fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
        let Kind::Array(all) = &node.kind else {
            return no_list(node, "steps", problems);
        };
        if all.is_empty() {
            return bad_value(node, "a workflow needs at least one step", problems);
        }
        // A step is large: growing a list of many would move each of them several times.
        let mut steps = Vec::with_capacity(all.len());
        steps.extend(all.iter().filter_map(|n| Step::decode(n, problems)));
        Some(Self(steps))
    }
}

impl Decode for Param {
    fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
        let mut t = Fields::of(node, "a param", problems)?;
        let name = t.need("name", problems);
        let kind = t.get::<ParamType>("type", problems);
        let param = Self {
            kind: kind.unwrap_or(ParamType { of: ValueType::String, list: false }),
            help: t.get("help", problems),
            default: t.get("default", problems),
            positional: t.get("positional", problems).unwrap_or(false),
            metavar: t.get("metavar", problems),
            allow_empty: t.get("allow_empty", problems).unwrap_or(false),
            values: t.list("values", problems),
            scheme: t.get("scheme", problems),
            name: {
                t.done(problems);
                name?
            },
        };
        Some(param)
    }
}

impl Decode for ParamType {
    fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
        let text = String::decode(node, problems)?;
        if let Some(kind) = Self::parse(&text) {
            return Some(kind);
        }
        let words = ValueType::NAMES.map(|(name, _)| name);
        let meant = habits::kind(&text).or_else(|| closest(&text, words));
        let mut problem = Diagnostic::new(
            Code::WrongTag,
            format!("`{}` is not a type", printable(&text)),
        )
        .at(node.place, format!("one of {}, or a list of one such as [string]", words.join(", ")));
        problem.hints.extend(meant.map(did_you_mean));
        problems.push(problem);
        // What was probably meant is read: one mistake is one problem.
        meant.and_then(Self::parse)
    }
}

impl Decode for ParamGroup {
    fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
        let mut t = Fields::of(node, "a param group", problems)?;
        let mut found = Vec::new();
        for (word, group) in Group::NAMES {
            if let Some(list) = t.node(word)
                && let Some(names) = Vec::decode(list, problems)
            {
                found.push(Self { group: At { value: group, place: list.place }, names });
            }
        }
        let place = t.place;
        t.done(problems);
        if found.len() != 1 {
            problems.push(
                Diagnostic::new(Code::Contradiction, "a param group has exactly one rule")
                    .at(place, "one of exactly_one, at_most_one, all_or_none"),
            );
        }
        found.pop()
    }
}

impl Decode for Guard {
    fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
        let mut t = Fields::of(node, "a guard", problems)?;
        let (id, cmd) = (t.need("id", problems), t.need("cmd", problems));
        let reason = t.get("reason", problems).unwrap_or_default();
        let severity = t.get("severity", problems).unwrap_or(Severity::Block);
        let timeout = t.get("timeout", problems);
        let host = t.get("host", problems);
        t.done(problems);
        Some(Self { id: id?, cmd: cmd?, host, reason, severity, timeout })
    }
}

impl Decode for Converge {
    fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
        let mut t = Fields::of(node, "`converge`", problems)?;
        let condition = t.need("condition", problems);
        let max_iterations = t.get("max_iterations", problems).unwrap_or(ITERATIONS);
        let strategy = t.get("strategy", problems).unwrap_or(ConvergeStrategy::RetryFailed);
        t.done(problems);
        Some(Self { condition: condition?, max_iterations, strategy })
    }
}

impl Decode for Requires {
    fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
        let mut t = Fields::of(node, "`requires`", problems)?;
        let one_or_many = |t: &mut Fields<'_>, name, problems: &mut Problems| match t.node(name) {
            Some(node) => super::step::one_or_many(node, problems).unwrap_or_default(),
            None => Vec::new(),
        };
        let requires = Self {
            os: one_or_many(&mut t, "os", problems),
            arch: one_or_many(&mut t, "arch", problems),
            tools: one_or_many(&mut t, "tools", problems),
        };
        t.done(problems);
        Some(requires)
    }
}
