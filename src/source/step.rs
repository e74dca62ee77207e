//! Tree to step: the fields of `docs/reference.md` at the step's level.

use super::call::by_name;
use super::decode::{Decode, Fields, Problems, bad_value, mismatch, wrong_type};
use super::tree::{Kind, Node};
use crate::diagnostic::{At, Code, Diagnostic, Place};
use crate::ids::StepId;
use crate::workflow::{
    Action, Actor, Call, Check, Copy, Edge, EdgeKind, Interrupt, Join, OnDisconnect, OnError,
    OnInterrupt, OutputSpec, ParamType, Reboot, Shell, Stdin, Step, Verify, Wait, When,
};

/// Keys of a step that come with a later version.
const LATER: &[&str] = &["agent", "consent"];

/// What a step may run, at most one of them.
pub(super) const ACTIONS: &[&str] =
    &["cmd", "script", "argv", "checks", "wait", "copy", "reboot", "call"];

/// Keys of the workflow that TOML is easily made to give to a step.
const WORKFLOWS: &[&str] = &[
    "trigger",
    "description",
    "strategy",
    "extends",
    "preconditions",
    "postconditions",
    "params",
    "param_groups",
    "guards",
    "order",
    "finally",
    "converge",
];

impl Decode for Step {
    fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
        let mut t = Fields::of(node, "a step", problems)?;
        let keys = t.keys();
        let id = t.need("id", problems);
        let needs: Vec<At<StepId>> = t.list("needs", problems);
        let mut depends_on: Vec<Edge> = t.list("depends_on", problems);
        depends_on.extend(needs.into_iter().map(|step| Edge {
            step,
            kind: EdgeKind::OnSuccess,
            condition: None,
        }));
        let on_error = t.get("on_error", problems);
        let step = Self {
            action: t.get("action", problems),
            note: t.get("note", problems),
            actor: t.get("actor", problems).unwrap_or(Actor::Agent),
            run: action(&mut t, problems),
            host: t.get("host", problems),
            hosts: t.node("hosts").and_then(|n| one_or_many(n, problems)).unwrap_or_default(),
            for_each: t.get("for_each", problems),
            on_disconnect: t.get("on_disconnect", problems).unwrap_or(OnDisconnect::Kill),
            shell: t.get("shell", problems),
            env: env(&mut t, problems),
            secrets: super::secrets::secrets(&mut t, problems),
            cwd: t.get("cwd", problems),
            stdin: t.get("stdin", problems),
            depends_on,
            join: t.get("join", problems).unwrap_or(Join::All),
            when: t.node("when").and_then(|n| when(n, problems)).unwrap_or_default(),
            on_error: on_error.unwrap_or(At { value: OnError::Stop, place: node.place }),
            timeout: t.get("timeout", problems),
            stall_timeout: t.get("stall_timeout", problems),
            expect: t.get("expect", problems),
            verify: t.get("verify", problems),
            outputs: outputs(&mut t, problems),
            effect: t.get("effect", problems),
            locks: t.list("locks", problems),
            release: t.get("release", problems),
            on_interrupt: t.get("on_interrupt", problems),
            requires: t.get("requires", problems).unwrap_or_default(),
            place: t.place,
            keys,
            id: {
                t.not_yet(LATER, problems);
                t.misplaced(WORKFLOWS, problems);
                t.done(problems);
                id?
            },
        };
        Some(step)
    }
}

/// What the step runs; more than one thing is a problem.
fn action(t: &mut Fields<'_>, problems: &mut Problems) -> Option<At<Action>> {
    let mut found: Vec<At<Action>> = Vec::new();
    let mut said = Vec::new();
    for name in ACTIONS.iter().copied() {
        let Some(node) = t.node(name) else { continue };
        said.push((name, node.place));
        let action = match name {
            "cmd" => String::decode(node, problems).map(Action::Cmd),
            "script" => String::decode(node, problems).map(Action::Script),
            "argv" => Vec::decode(node, problems).map(Action::Argv),
            "call" => Call::decode(node, problems).map(Action::Call),
            "wait" => Wait::decode(node, problems).map(Action::Wait),
            "copy" => Copy::decode(node, problems).map(Action::Copy),
            "reboot" => Reboot::decode(node, problems).map(Action::Reboot),
            _ => Vec::decode(node, problems).map(Action::Checks),
        };
        let empty = match &action {
            Some(Action::Argv(all)) => all.is_empty(),
            Some(Action::Checks(all)) => all.is_empty(),
            Some(Action::Cmd(text) | Action::Script(text)) => text.trim().is_empty(),
            Some(Action::Wait(_) | Action::Copy(_) | Action::Reboot(_) | Action::Call(_))
            | None => false,
        };
        if empty {
            bad_value::<()>(node, format!("`{name}` is empty"), problems);
        }
        found.extend(action.map(|value| At { value, place: node.place }));
    }
    said.sort_by_key(|(_, place)| place.start);
    if let [(first, place), (second, other), ..] = said.as_slice() {
        problems.push(
            Diagnostic::new(Code::TwoActions, format!("a step with both `{first}` and `{second}`"))
                .at(*other, "the second")
                .with(*place, "the first")
                .hint("keep one of them, or make two steps, the second with `needs = [\"first\"]`"),
        );
    }
    (said.len() == 1).then(|| found.pop()).flatten()
}

/// `env`: names and texts; numbers and booleans are taken as their text.
pub(super) fn env(t: &mut Fields<'_>, problems: &mut Problems) -> Vec<(At<String>, At<String>)> {
    let Some(node) = t.node("env") else { return Vec::new() };
    let Some(table) = Fields::of(node, "`env`", problems) else { return Vec::new() };
    let mut all = Vec::new();
    for entry in table.entries() {
        let key = &entry.key;
        variable(key, entry.key_place, problems);
        let value = match &entry.value.kind {
            Kind::Int(n) => Some(n.to_string()),
            Kind::Bool(b) => Some(b.to_string()),
            _ => String::decode(&entry.value, problems),
        };
        all.extend(value.map(|value| {
            let at = At { value: key.clone(), place: entry.key_place };
            (at, At { value, place: entry.value.place })
        }));
    }
    all
}

/// Whether a text names an environment variable.
pub(super) fn variable(name: &str, place: Place, problems: &mut Problems) {
    let fits = !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if !fits {
        problems.push(
            Diagnostic::new(Code::BadName, "not a name of an environment variable")
                .at(place, "letters, digits and `_`, no digit first"),
        );
    }
}

/// A text or a list of texts.
pub(super) fn one_or_many<T: Decode>(node: &Node, problems: &mut Problems) -> Option<Vec<T>> {
    match &node.kind {
        Kind::Array(_) => Vec::decode(node, problems),
        _ => T::decode(node, problems).map(|one| vec![one]),
    }
}

fn when(node: &Node, problems: &mut Problems) -> Option<Vec<When>> {
    match &node.kind {
        Kind::String(_) => {
            let condition = At::decode(node, problems)?;
            Some(vec![When { condition, reason: None }])
        }
        _ => Vec::decode(node, problems),
    }
}

impl Decode for When {
    fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
        let mut t = Fields::of(node, "a condition", problems)?;
        let condition = t.need("if", problems);
        let reason = t.get("reason", problems);
        t.done(problems);
        Some(Self { condition: condition?, reason })
    }
}

fn outputs(t: &mut Fields<'_>, problems: &mut Problems) -> Vec<(At<crate::ids::Name>, OutputSpec)> {
    let Some(node) = t.node("outputs") else { return Vec::new() };
    if let Kind::Array(_) | Kind::String(_) = node.kind {
        let example = "write each with its type: outputs = { name = \"string\" }";
        problems.push(mismatch(node, "a table").hint(example));
        return Vec::new();
    }
    by_name(node, "`outputs`", problems).unwrap_or_default()
}

impl Decode for OutputSpec {
    fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
        if let Kind::String(_) = node.kind {
            let kind = ParamType::decode(node, problems)?;
            return Some(Self { kind, allow_empty: false });
        }
        let mut t = Fields::of(node, "an output", problems)?;
        let kind = t.need("type", problems);
        let allow_empty = t.get("allow_empty", problems).unwrap_or(false);
        t.done(problems);
        Some(Self { kind: kind?, allow_empty })
    }
}

impl Decode for Edge {
    fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
        if let Kind::String(_) = node.kind {
            let step = At::decode(node, problems)?;
            return Some(Self { step, kind: EdgeKind::Always, condition: None });
        }
        let mut t = Fields::of(node, "a dependency", problems)?;
        let step = t.need("step", problems);
        let kind = t.get("kind", problems).unwrap_or(EdgeKind::Always);
        let condition = t.get("condition", problems);
        t.done(problems);
        Some(Self { step: step?, kind, condition })
    }
}

impl Decode for Shell {
    fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
        if let Kind::Array(all) = &node.kind {
            if all.is_empty() {
                return bad_value(node, "a shell needs a program", problems);
            }
            return Vec::decode(node, problems).map(Self::Prefix);
        }
        let text = String::decode(node, problems)?;
        if let Some((_, shell)) = Self::NAMES.into_iter().find(|(name, _)| *name == text) {
            Some(shell)
        } else {
            let names = Self::NAMES.map(|(name, _)| name);
            problems.push(
                Diagnostic::new(Code::WrongTag, format!("`{text}` is not a shell known by name"))
                    .at(node.place, "one of bash, sh, nu, python3, or a list of words")
                    .suggest(&text, names)
                    .hint(format!("for any other program write its words: [\"{text}\", \"-c\"]")),
            );
            None
        }
    }
}

impl Decode for Stdin {
    fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
        if let Kind::String(_) = node.kind {
            return String::decode(node, problems).map(Self::Text);
        }
        let mut t = Fields::of(node, "`stdin`", problems)?;
        let json = t.get::<serde_json::Value>("json", problems);
        let b64 = t.get::<String>("b64", problems);
        t.done(problems);
        match (json, b64) {
            (Some(json), None) => Some(Self::Json(json)),
            (None, Some(b64)) => {
                let bytes = crate::value::to_bytes(&serde_json::json!({ "b64": b64 }));
                if bytes.starts_with(b"{\"b64\":") {
                    return bad_value(node, "not base64", problems);
                }
                Some(Self::Bytes(bytes.into()))
            }
            _ => wrong_type(node, "a text, { json = … } or { b64 = … }", problems),
        }
    }
}

impl Decode for Check {
    fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
        let mut t = Fields::of(node, "a check", problems)?;
        let (name, cmd) = (t.need("name", problems), t.need("cmd", problems));
        let expect = t.get("expect", problems);
        t.done(problems);
        Some(Self { name: name?, cmd: cmd?, expect })
    }
}

impl Decode for Verify {
    fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
        if let Kind::String(_) = node.kind {
            return String::decode(node, problems).map(Self::Prose);
        }
        let mut t = Fields::of(node, "`verify`", problems)?;
        let cmd = t.need("cmd", problems);
        let expect = t.get("expect", problems).map(Box::new);
        t.done(problems);
        Some(Self::Cmd { cmd: cmd?, expect })
    }
}

impl Decode for OnInterrupt {
    fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
        if let Kind::Table(_) = node.kind {
            let mut t = Fields::of(node, "`on_interrupt`", problems)?;
            let probe = t.need("probe", problems);
            t.done(problems);
            return probe.map(Self::Probe);
        }
        Some(match Interrupt::decode(node, problems)? {
            Interrupt::Ask => Self::Ask,
            Interrupt::Rerun => Self::Rerun,
            Interrupt::Fail => Self::Fail,
        })
    }
}
