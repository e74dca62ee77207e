//! The values inside the tables: names, spans, words; and what makes a generated schema plainer.

use std::borrow::Cow;

use schemars::transform::{RecursiveTransform, Transform};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

use super::parts::{Output, Sources};
use crate::ids::MAX_NAME;
use crate::workflow::{ErrorTag, OUTCOMES, Shell, ValueType};

/// What a name looks like; its length is said beside it.
const NAME: &str = "^[a-z][a-z0-9_-]*$";

macro_rules! shapes {
    ($($(#[doc = $doc:literal])* $type:ident $shape:expr;)*) => {$(
        $(#[doc = $doc])*
        pub(super) struct $type;

        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(generator: &mut SchemaGenerator) -> Schema {
                let shape: fn(&mut SchemaGenerator) -> Schema = $shape;
                let mut schema = shape(generator);
                schema.insert("description".to_owned(), concat!($($doc),*).trim().into());
                schema
            }
        }
    )*};
}

shapes! {
    /// Text.
    Text |_| json_schema!({ "type": "string" });
    /// Text that is not blank.
    Shown |_| json_schema!({ "type": "string", "pattern": "\\S", "examples": ["true"] });
    /// A name: `a-z`, `0-9`, `_` and `-`, a letter first, at most 64.
    Name |_| json_schema!({ "type": "string", "pattern": NAME, "maxLength": MAX_NAME });
    /// A span of time with a unit, longer than nothing and at most a year.
    Span |_| json_schema!({
        "type": "string",
        "pattern": "^[^-]*[0-9].*[A-Za-zµμ:]|^[^-]*:",
        "examples": ["90s", "1h30m", "500ms", "2d"],
    });
    /// A CEL expression.
    Cel |_| json_schema!({ "type": "string", "examples": ["true"] });
    /// A regular expression.
    Regex |_| json_schema!({ "type": "string", "format": "regex", "examples": ["^ok"] });
    /// A SHA-256: 64 hexadecimal digits.
    Sha256 |_| json_schema!({ "type": "string", "pattern": "^[0-9a-fA-F]{64}$" });
    /// Bytes in base64.
    Base64 |_| json_schema!({
        "type": "string",
        "contentEncoding": "base64",
        "pattern": "^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$",
        "examples": ["AAEC"],
    });
    /// A value of JSON, but for `null`.
    Data |_| json_schema!({ "type": ["string", "number", "boolean", "array", "object"] });
    /// A value of JSON.
    Expected |_| json_schema!({ "type": ["null", "string", "number", "boolean", "array", "object"] });
    /// `true`.
    Truth |_| json_schema!({ "const": true });
    /// One placeholder whose value is a list.
    Items |_| json_schema!({ "type": "string", "pattern": "^\\{(.|\\n)*\\}$", "examples": ["{names}"] });
    /// A share of all, such as `25%`.
    Share |_| json_schema!({ "type": "string", "pattern": "^([1-9][0-9]?|100) *%$", "examples": ["25%"] });
    /// The word `all`.
    AllWord |_| json_schema!({ "const": "all" });
    /// Not run by this version yet.
    Later |_| json_schema!({ "not": {} });
    /// A shell known by name.
    ShellName |_| json_schema!({ "enum": Shell::NAMES.map(|(name, _)| name) });
    /// A word that says what follows a failure; `Fallback` and `Branch` are tables, as they need a target.
    BareError |_| json_schema!({ "enum": [ErrorTag::Stop, ErrorTag::Continue, ErrorTag::Retry] });
    /// What an attempt can end with.
    Outcome |_| json_schema!({ "enum": OUTCOMES });
    /// A type, or a list of it as `[type]`; in Nickel also by a tag, such as `'String`.
    ParamType |_| types(|of| of != ValueType::Json);
    /// A type, or a list of it as `[type]`; in Nickel also by a tag, such as `'String`.
    OutputType |_| types(|_| true);
    /// Variables and their values.
    EnvTable |_| json_schema!({
        "type": "object",
        "propertyNames": { "pattern": "^[A-Za-z_][A-Za-z0-9_]*$" },
        "additionalProperties": { "type": ["string", "integer", "boolean"] },
    });
    /// An address for ssh: one word, without user and port, that does not start with `-`.
    Address |_| json_schema!({ "type": "string", "pattern": "^[^\\s@-][^\\s@]*$", "examples": ["web-1.example.org"] });
    /// A user for ssh: one word that does not start with `-`.
    User |_| json_schema!({ "type": "string", "pattern": "^[^\\s@-][^\\s@]*$", "examples": ["root"] });
    /// A host of the fleet, or `[user@]address[:port]`.
    Jump |_| json_schema!({ "type": "string", "pattern": "^[^\\s-]\\S*$", "examples": ["me@gate.example.org:22"] });
    /// A host's public key, as in its `.pub` file.
    HostKey |_| json_schema!({ "type": "string", "pattern": "^\\S+\\s+\\S+", "examples": [EXAMPLE_KEY] });
    /// The number of a port.
    PortNumber |_| json_schema!({ "type": "integer", "minimum": 1, "maximum": 65_535 });
    /// Labels and their values.
    LabelTable |_| json_schema!({
        "type": "object",
        "propertyNames": { "pattern": NAME, "maxLength": MAX_NAME },
        "additionalProperties": { "type": ["string", "integer", "boolean"] },
    });
    /// Variables and where their values come from: a source, or several in order.
    SecretTable |generator| {
        let sources = generator.subschema_for::<Sources>();
        json_schema!({
            "type": "object",
            "propertyNames": { "pattern": "^[A-Za-z_][A-Za-z0-9_]*$" },
            "additionalProperties": sources,
        })
    };
    /// A variable's name: letters, digits and `_`, no digit first.
    Variable |_| json_schema!({ "type": "string", "pattern": "^[A-Za-z_][A-Za-z0-9_]*$" });
    /// A credential's name: a plain file name.
    Credential |_| json_schema!({ "type": "string", "pattern": "^[A-Za-z0-9_-][A-Za-z0-9_.-]*$" });
    /// A value's place in a file: names with dots between them.
    Key |_| json_schema!({
        "type": "string",
        "pattern": "^[A-Za-z0-9_-]+(\\.[A-Za-z0-9_-]+)*$",
        "examples": ["token", "a.b"],
    });
    /// Outputs and their types.
    OutputTable |generator| {
        let output = generator.subschema_for::<Output>();
        by_name(&output)
    };
    /// Params and what each is given.
    ParamTable |generator| {
        let value = generator.subschema_for::<Data>();
        by_name(&value)
    };
    /// Names and texts.
    TextTable |generator| {
        let text = generator.subschema_for::<Text>();
        by_name(&text)
    };
    /// Params and the values they take.
    Escalate |generator| {
        let value = generator.subschema_for::<Data>();
        by_name(&json_schema!({ "type": "array", "items": value }))
    };
}

/// A key that nobody has the other half of.
const EXAMPLE_KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0n2oP3hYkJp3m0tqkz9Yf9bVqS1b0mBz0m4m3YhX1k";

impl ShellName {
    /// The shell where none is chosen.
    pub(super) const DEFAULT: &'static str = Shell::NAMES[0].0;
}

/// A table whose keys are the author's names.
fn by_name(value: &Schema) -> Schema {
    let name = json!({ "pattern": NAME, "maxLength": MAX_NAME });
    json_schema!({ "type": "object", "propertyNames": name, "additionalProperties": value })
}

/// The spellings of types, those first that an editor should offer.
fn types(fits: fn(ValueType) -> bool) -> Schema {
    let names: Vec<&str> =
        ValueType::NAMES.iter().filter(|(_, of)| fits(*of)).map(|(name, _)| *name).collect();
    let lists = names.iter().map(|name| format!("[{name}]"));
    let plain: Vec<String> = names.iter().map(|name| (*name).to_owned()).chain(lists).collect();
    let capital = |name: &String| {
        let at = name.find(|c: char| c.is_ascii_lowercase()).unwrap_or_default();
        format!("{}{}{}", &name[..at], name[at..=at].to_ascii_uppercase(), &name[at + 1..])
    };
    let capitals: Vec<String> = plain.iter().map(capital).collect();
    let all = [plain, capitals].concat();
    json_schema!({ "enum": all })
}

/// Makes a generated schema plainer: a field may be missing but is never null, and numbers have their ranges.
pub(super) fn tidy(schema: &mut Schema) {
    RecursiveTransform(|schema: &mut Schema| {
        not_null(schema);
        range(schema);
    })
    .transform(schema);
}

fn not_null(schema: &mut Schema) {
    let Some(Value::Array(types)) = schema.get_mut("type") else {
        // A choice between something and null is that something.
        if let Some(Value::Array(choice)) = schema.get("anyOf")
            && let [one, null] = choice.as_slice()
            && *null == json!({ "type": "null" })
            && let Value::Object(one) = one.clone()
        {
            schema.remove("anyOf");
            one.into_iter().for_each(|(key, value)| {
                schema.insert(key, value);
            });
        }
        return;
    };
    if let [one, null] = types.as_slice()
        && null == "null"
    {
        let one = one.clone();
        schema.insert("type".to_owned(), one);
    }
}

/// `format` says how wide a number is; a range says so to everybody.
fn range(schema: &mut Schema) {
    let (least, most) = match schema.get("format").and_then(Value::as_str) {
        Some("int32") => (Some(Value::from(i32::MIN)), Some(Value::from(i32::MAX))),
        Some("uint32") => (None, Some(Value::from(u32::MAX))),
        Some("uint64" | "double") => (None, None),
        _ => return,
    };
    schema.remove("format");
    for (key, bound) in [("minimum", least), ("maximum", most)] {
        if let Some(bound) = bound
            && schema.get(key).is_none()
        {
            schema.insert(key.to_owned(), bound);
        }
    }
}
