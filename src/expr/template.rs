//! Texts with placeholders: which braces are ours, and what they become.

use serde::{Deserialize, Serialize};

use crate::ids::{Name, StepId};

/// A text whose placeholders were found. Everything else in it is literal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
#[serde(transparent)]
pub struct Template(pub Vec<Part>);

/// A literal stretch or a placeholder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Text as it stands.
    Text(String),
    /// Something to be put in.
    Ref(Placeholder),
}

/// One placeholder: what it refers to and how it is put in.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Placeholder {
    /// What it refers to.
    pub to: Ref,
    /// The literal after `:-`, used where the value does not exist.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<String>,
    /// How the value is put in.
    #[serde(default, skip_serializing_if = "Form::is_plain")]
    pub form: Form,
}

/// How a value is put in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum Form {
    /// `{x}`: as part of one value.
    #[default]
    Plain,
    /// `{x...}`: a list as several arguments, in `argv` only.
    Spread,
    /// `{x.file}`: the path of a file that holds the value.
    File,
}

impl Form {
    fn is_plain(&self) -> bool {
        *self == Self::Plain
    }
}

/// What a placeholder refers to.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ref {
    /// A param of the workflow.
    Param(Name),
    /// `{steps.S.outputs.O}`.
    Output(StepId, Name),
    /// `{steps.S.status}` and its like, in `finally` only.
    Field(StepId, StepField),
    /// `{run.id}`.
    RunId,
    /// `{attempt}`: the number of this attempt of the step.
    Attempt,
    /// What this instance of a step is for, by the name it has in `for_each`.
    Item(Name),
    /// `{host.F}`: something of the step's host.
    Host(HostField),
    /// `{params.P.F}`: something of the host that a param names.
    ParamHost(Name, HostField),
}

/// What can be asked of a host.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HostField {
    /// What it is called.
    Name,
    /// Its address.
    Address,
    /// Its port.
    Port,
    /// Who logs in there.
    User,
    /// One of its labels.
    Label(String),
}

impl HostField {
    fn parse(segments: &[&str]) -> Result<Self, String> {
        match segments {
            ["name"] => Ok(Self::Name),
            ["address"] => Ok(Self::Address),
            ["port"] => Ok(Self::Port),
            ["user"] => Ok(Self::User),
            ["labels", label] => Ok(Self::Label((*label).to_owned())),
            _ => Err("a host has `name`, `address`, `port`, `user` and `labels.NAME`".to_owned()),
        }
    }
}

impl std::fmt::Display for HostField {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Name => f.write_str("name"),
            Self::Address => f.write_str("address"),
            Self::Port => f.write_str("port"),
            Self::User => f.write_str("user"),
            Self::Label(name) => write!(f, "labels.{name}"),
        }
    }
}

/// What a bare name in braces stands for, where it stands for anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named {
    /// A param.
    Param,
    /// What an instance of a fanned-out step is for.
    Item,
    /// The step's host.
    Host,
}

/// What can be asked of a step that ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepField {
    /// Its state, as in the report.
    Status,
    /// How its last attempt ended.
    Outcome,
    /// The exit code of its last attempt.
    Exit,
    /// How long its last attempt took, in seconds.
    DurationS,
}

impl StepField {
    /// The names by which they are asked for.
    pub const NAMES: [(&'static str, Self); 4] = [
        ("status", Self::Status),
        ("outcome", Self::Outcome),
        ("exit", Self::Exit),
        ("duration_s", Self::DurationS),
    ];
}

/// Braces that are ours by their form but refer to nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadRef {
    /// The braces as written.
    pub text: String,
    /// What is wrong with them.
    pub why: String,
}

impl Template {
    /// Finds the placeholders in a text. `declared` says what bare names stand for.
    ///
    /// Ours are `{name}` for a declared name, `{host.…}` where there are hosts, `{params.P.F}` for a declared param,
    /// `{steps.…}`, `{run.id}` and `{attempt}`; all other braces stay as they are, `${…}` always does, and `{{name}` is
    /// a literal `{name}`.
    pub fn parse(
        text: &str,
        declared: impl Fn(&str) -> Option<Named>,
    ) -> Result<Self, Vec<BadRef>> {
        let mut parts = Vec::new();
        let mut bad = Vec::new();
        let mut literal = String::new();
        let mut rest = text;
        while let Some(open) = rest.find('{') {
            let (before, from) = rest.split_at(open);
            literal.push_str(before);
            if before.ends_with('$') || (before.is_empty() && literal.ends_with('$')) {
                let inside = from.trim_start_matches('{');
                literal.push_str(&from[..from.len() - inside.len()]);
                rest = inside;
                continue;
            }
            if let Some(inner) = from.strip_prefix("{{")
                && let Some((_, end)) = braces(inner).filter(|(body, _)| ours(body, &declared))
            {
                literal.push('{');
                literal.push_str(&inner[..end]);
                rest = &inner[end..];
                continue;
            }
            let Some((body, end)) = braces(&from[1..]).filter(|(b, _)| ours(b, &declared)) else {
                literal.push('{');
                rest = &from[1..];
                continue;
            };
            match placeholder(body, &declared) {
                Ok(found) => {
                    if !literal.is_empty() {
                        parts.push(Part::Text(std::mem::take(&mut literal)));
                    }
                    parts.push(Part::Ref(found));
                }
                Err(why) => bad.push(BadRef { text: format!("{{{body}}}"), why }),
            }
            rest = &from[1 + end..];
        }
        literal.push_str(rest);
        if !literal.is_empty() || parts.is_empty() {
            parts.push(Part::Text(literal));
        }
        if bad.is_empty() { Ok(Self(parts)) } else { Err(bad) }
    }

    /// A text without placeholders.
    pub fn literal(text: impl Into<String>) -> Self {
        Self(vec![Part::Text(text.into())])
    }

    /// The placeholders in it.
    pub fn placeholders(&self) -> impl Iterator<Item = &Placeholder> {
        self.0.iter().filter_map(|part| match part {
            Part::Text(_) => None,
            Part::Ref(found) => Some(found),
        })
    }

    /// The text, if it holds no placeholder.
    pub fn as_literal(&self) -> Option<&str> {
        match self.0.as_slice() {
            [] => Some(""),
            [Part::Text(text)] => Some(text),
            _ => None,
        }
    }

    /// The template as its author would write it.
    pub fn shown(&self) -> String {
        self.0
            .iter()
            .map(|part| match part {
                Part::Text(text) => text.clone(),
                Part::Ref(found) => found.braced(),
            })
            .collect()
    }
}

impl Placeholder {
    /// The placeholder as its author would write it.
    pub fn braced(&self) -> String {
        format!("{{{}}}", self.shown())
    }

    fn shown(&self) -> String {
        let mut text = match &self.to {
            Ref::Param(name) => name.to_string(),
            Ref::Output(step, output) => format!("steps.{step}.outputs.{output}"),
            Ref::Field(step, field) => {
                let name = StepField::NAMES.iter().find(|(_, f)| f == field).map_or("", |(n, _)| n);
                format!("steps.{step}.{name}")
            }
            Ref::RunId => "run.id".to_owned(),
            Ref::Attempt => "attempt".to_owned(),
            Ref::Item(name) => name.to_string(),
            Ref::Host(field) => format!("host.{field}"),
            Ref::ParamHost(name, field) => format!("params.{name}.{field}"),
        };
        match self.form {
            Form::Plain => {}
            Form::Spread => text.push_str("..."),
            Form::File => text.push_str(".file"),
        }
        if let Some(default) = &self.default {
            text.push_str(":-");
            text.push_str(default);
        }
        text
    }
}

/// The inside of braces that just opened, and where the text after them starts.
fn braces(after_open: &str) -> Option<(&str, usize)> {
    let end = after_open.find(['{', '}', '\n'])?;
    after_open[end..].starts_with('}').then(|| (&after_open[..end], end + 1))
}

/// The dotted path at the start of a brace's inside, without default and ending.
fn path(body: &str) -> &str {
    let path = body.split_once(":-").map_or(body, |(path, _)| path);
    path.strip_suffix("...").unwrap_or(path)
}

fn ours(body: &str, declared: &impl Fn(&str) -> Option<Named>) -> bool {
    let path = path(body);
    let mut segments = path.split('.');
    let root = segments.next().unwrap_or_default();
    let plain = |s: &str| {
        !s.is_empty() && s.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
    };
    if !path.split('.').all(plain) {
        return false;
    }
    match root {
        "steps" => segments.next().is_some(),
        "run" => segments.next() == Some("id"),
        "attempt" => segments.next().is_none(),
        "params" => {
            let param = segments.next().is_some_and(|name| declared(name) == Some(Named::Param));
            param && segments.next().is_some()
        }
        name => match declared(name) {
            Some(Named::Host) => segments.next().is_some(),
            other => other.is_some(),
        },
    }
}

fn placeholder(
    body: &str,
    declared: &impl Fn(&str) -> Option<Named>,
) -> Result<Placeholder, String> {
    let (path, default) = match body.split_once(":-") {
        Some((path, default)) => (path, Some(default.to_owned())),
        None => (body, None),
    };
    let (path, form) = if let Some(path) = path.strip_suffix("...") {
        (path, Form::Spread)
    } else if let Some(path) = path.strip_suffix(".file") {
        (path, Form::File)
    } else {
        (path, Form::Plain)
    };
    let segments: Vec<&str> = path.split('.').collect();
    let to = match segments.as_slice() {
        ["run", "id"] => Ref::RunId,
        ["attempt"] => Ref::Attempt,
        ["steps", step, "outputs", output] => {
            Ref::Output(parse_step(step)?, Name::parse(output).map_err(|e| e.to_string())?)
        }
        ["steps", step, field] => match StepField::NAMES.iter().find(|(name, _)| name == field) {
            Some((_, field)) => Ref::Field(parse_step(step)?, *field),
            None => {
                return Err(format!(
                    "a step has `outputs.NAME`, `status`, `outcome`, `exit` and `duration_s`, not `{field}`"
                ));
            }
        },
        ["steps", ..] => return Err("write `{steps.STEP.outputs.NAME}`".to_owned()),
        ["params", name, field @ ..] => {
            Ref::ParamHost(Name::parse(name).map_err(|e| e.to_string())?, HostField::parse(field)?)
        }
        ["host", field @ ..] if declared("host") == Some(Named::Host) => {
            Ref::Host(HostField::parse(field)?)
        }
        [name] => {
            let parsed = Name::parse(name).map_err(|e| e.to_string())?;
            if declared(name) == Some(Named::Item) { Ref::Item(parsed) } else { Ref::Param(parsed) }
        }
        [name, ..] if declared(name) == Some(Named::Item) => {
            return Err(format!("`{name}` is an item; it has no fields but `file`"));
        }
        [name, ..] => return Err(format!("`{name}` is a param; it has no fields but `file`")),
        [] => return Err("empty".to_owned()),
    };
    Ok(Placeholder { to, default, form })
}

fn parse_step(text: &str) -> Result<StepId, String> {
    StepId::parse(text).map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Template {
        let params = |name: &str| matches!(name, "host" | "keep-as").then_some(Named::Param);
        Template::parse(text, params).unwrap()
    }

    #[test]
    fn only_declared_names_are_placeholders() {
        for literal in [
            "{\"planes\": 3}",
            "xargs -I{} echo {}",
            "awk '{print $1}'",
            "${host}",
            "{other}",
            "{a,b}",
            "${{host}}",
            "{",
            "}",
            "{host",
            "{ host }",
            "{run}",
            "{run.name}",
            "{host\n}",
        ] {
            assert_eq!(parse(literal).as_literal(), Some(literal), "{literal}");
        }
        assert_eq!(parse("{{host}").as_literal(), Some("{host}"));
        assert_eq!(parse("{{other}").as_literal(), Some("{{other}"));
    }

    #[test]
    fn placeholders_are_found_with_their_forms() {
        let one =
            parse("-x={host:-none}{keep-as...}{steps.a.outputs.b}{run.id}-{attempt}{host.file}");
        let shown: Vec<String> = one.placeholders().map(Placeholder::shown).collect();
        assert_eq!(
            shown,
            ["host:-none", "keep-as...", "steps.a.outputs.b", "run.id", "attempt", "host.file"]
        );
        assert_eq!(one.placeholders().next().unwrap().default.as_deref(), Some("none"));
    }

    #[test]
    fn showing_gives_back_what_was_written() {
        for text in ["a{host}b", "{steps.x.exit}", "{keep-as...}", "{host.file:-}", "plain"] {
            assert_eq!(parse(text).shown(), text);
        }
    }

    #[test]
    fn items_and_hosts_are_found_where_there_are_any() {
        let declared = |name: &str| match name {
            "target" => Some(Named::Param),
            "region" => Some(Named::Item),
            "host" => Some(Named::Host),
            _ => None,
        };
        let text =
            "{region} {host.address} {host.labels.arch} {params.target.port:-22} {item} {host}";
        let found = Template::parse(text, declared).unwrap();
        assert_eq!(found.shown(), text);
        let refs: Vec<&Ref> = found.placeholders().map(|found| &found.to).collect();
        let name = |text| Name::parse(text).unwrap();
        let expected = [
            Ref::Item(name("region")),
            Ref::Host(HostField::Address),
            Ref::Host(HostField::Label("arch".to_owned())),
            Ref::ParamHost(name("target"), HostField::Port),
        ];
        assert_eq!(refs, expected.iter().collect::<Vec<_>>());
        let bad = Template::parse("{host.cpu} {params.target.x.y}", declared).unwrap_err();
        assert_eq!(bad.len(), 2);
        assert_eq!(
            Template::parse("{host.name}", |_| None).unwrap().as_literal(),
            Some("{host.name}")
        );
    }

    #[test]
    fn a_wrong_step_field_is_named() {
        let param = |name: &str| (name == "host").then_some(Named::Param);
        let bad = Template::parse("{steps.a.nope} {steps.a} {host.port}", param).unwrap_err();
        assert_eq!(bad.len(), 3);
        assert!(bad[0].why.contains("not `nope`"), "{}", bad[0].why);
    }
}
