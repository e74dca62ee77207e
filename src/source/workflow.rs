//! Tree to workflow: the fields of `docs/format.md` at the workflow's level.

use super::decode::{Decode, Fields, Problems, bad_value, wrong_type};
use super::tree::{Kind, Node};
use crate::diagnostic::{At, Code, Diagnostic};
use crate::workflow::{
    Converge, ConvergeStrategy, Effect, Group, Guard, Order, Param, ParamGroup, ParamType,
    Requires, Severity, Step, Strategy, ValueType, Workflow,
};

/// Keys of the workflow that come with a later version.
const LATER: &[&str] = &["on", "halted_by"];

/// The workflows of a file: one, or a list under `workflows` or `modes`.
pub(super) fn nodes(tree: &Node) -> Vec<&Node> {
    if let Kind::Table(entries) = &tree.kind
        && let Some(entry) = entries.iter().find(|e| e.key == "workflows" || e.key == "modes")
        && let Kind::Array(all) = &entry.value.kind
    {
        return all.iter().collect();
    }
    vec![tree]
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
            converge: t.get("converge", problems),
            effect: t.get("effect", problems).unwrap_or(Effect::Write),
            shell: t.get("shell", problems),
            env: super::step::env(&mut t, problems),
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
            return wrong_type(node, "a list of steps", problems);
        };
        if all.is_empty() {
            return bad_value(node, "a workflow needs at least one step", problems);
        }
        Some(Self(all.iter().filter_map(|n| Step::decode(n, problems)).collect()))
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
        problems.push(
            Diagnostic::new(Code::WrongTag, format!("`{text}` is not a type"))
                .at(
                    node.place,
                    format!("one of {}, or a list of one such as [string]", words.join(", ")),
                )
                .suggest(&text, words),
        );
        None
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
        t.not_yet(&["host"], problems);
        t.done(problems);
        Some(Self { id: id?, cmd: cmd?, reason, severity, timeout })
    }
}

impl Decode for Converge {
    fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
        let mut t = Fields::of(node, "`converge`", problems)?;
        let condition = t.need("condition", problems);
        let max_iterations = t.get("max_iterations", problems).unwrap_or(3);
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
