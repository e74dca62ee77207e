//! The reference of the workflow file, in Markdown, from its JSON Schema alone.

use std::fmt::Write as _;

use ostler::workflow::Shell;
use serde_json::{Map, Value};

/// The tables of the format in the order of the page: the schema's name, the heading, and where one writes it.
const TABLES: &[(&str, &str, &str)] = &[
    ("Workflow", "Workflow", "The top of the file"),
    ("Param", "Param", "`[[params]]`"),
    ("ParamGroup", "Param group", "`[[param_groups]]`"),
    ("Guard", "Guard", "`[[guards]]`"),
    ("Requires", "Requires", "`[requires]`, or `requires = { … }` of a step"),
    ("Converge", "Converge", "`[converge]`"),
    ("Step", "Step", "`[[steps]]` and `[[finally]]`"),
    ("Edge", "Edge", "`depends_on = [{ … }]` of a step"),
    ("ForEachTable", "For each", "`for_each = { … }` of a step"),
    ("Lease", "Machine in no fleet", "`host = { … }` of a step, a guard or the workflow"),
    ("Condition", "When condition", "`when = [{ … }]` of a step"),
    ("OnError", "On error", "`on_error` of a step"),
    ("CallTable", "Call", "`call = { … }` of a step"),
    ("Check", "Check", "`checks = [{ … }]` of a step"),
    ("Wait", "Wait", "`wait = { … }` of a step"),
    ("Copy", "Copy", "`copy = { … }` of a step"),
    ("Reboot", "Reboot", "`reboot` of a step"),
    ("Expect", "Expect", "`expect = { … }` of a step, a check or `verify`"),
    ("TextExpect", "Expected text", "`stdout` and `stderr` of `expect`"),
    ("FileExpect", "Expected file", "`file` of `expect`"),
    ("Verify", "Verify", "`verify` of a step"),
    ("Stdin", "Standard input", "`stdin` of a step"),
    ("Source", "Secret source", "`secrets = { NAME = … }` of a step or the workflow"),
    ("Output", "Output", "`outputs = { name = … }` of a step"),
    ("OnInterrupt", "On interrupt", "`on_interrupt` of a step"),
];

/// Values that have a description of their own, and how a field's form names them.
const VALUES: &[(&str, &str)] = &[
    ("Text", "text"),
    ("Shown", "text, not blank"),
    ("Name", "name"),
    ("Span", "duration"),
    ("Cel", "[condition](format.md#conditions)"),
    ("Regex", "regular expression"),
    ("Sha256", "SHA-256"),
    ("Base64", "base64"),
    ("Data", "value"),
    ("Expected", "value or null"),
    ("ParamType", "[type](format.md#params)"),
    ("OutputType", "[type](format.md#params) or `json`"),
    ("EnvTable", "name = value"),
    ("SecretTable", "name = [source](#secret-source) or a list of them"),
    ("Variable", "variable"),
    ("Credential", "credential"),
    ("Key", "key"),
    ("OutputTable", "name = [output](#output)"),
    ("ParamTable", "param = value"),
    ("TextTable", "name = text"),
    ("Escalate", "param = list of values"),
    ("Address", "address"),
    ("User", "user"),
    ("Jump", "jump"),
    ("HostKey", "public key"),
    ("LabelTable", "label = value"),
    ("NumberOrText", "text or number"),
    ("Items", "placeholder of a list"),
    ("Share", "share"),
];

pub(crate) fn page(root: &Value, host: &Value) -> String {
    let page = Page { root };
    let mut text = String::from(
        "# The workflow file: reference\n\n\
         Generated from the schema that the program checks files by; `ostler check` knows the same fields.\n\
         What a table cannot say (placeholders, conditions, what a command sees) is in [format.md](format.md), what a run\n\
         makes of it in [runs.md](runs.md).\n\n\
         A *default* of `–` means: nothing, unless given. Words such as `Stop` are texts in TOML and tags in Nickel. An unknown field is an error.\n",
    );
    for (name, title, place) in TABLES {
        let def = &root["$defs"][name];
        write!(text, "\n## {title}\n\n{place}. {}\n", said(def)).unwrap();
        text.push_str(&page.table(def));
    }
    write!(text, "\n## Host\n\nThe top of a file `fleet/NAME.toml`. {}\n", said(host)).unwrap();
    text.push_str("More about it is in [fleet.md](fleet.md).\n");
    text.push_str(&Page { root: host }.table(host));
    text.push_str("\n## Words\n\n| field | word | meaning |\n| --- | --- | --- |\n");
    for (field, word, meaning) in page.words() {
        writeln!(text, "| {field} | `{word}` | {meaning} |").unwrap();
    }
    text.push_str("\n## Shells\n\n| `shell` | shell text is run by |\n| --- | --- |\n");
    for (name, shell) in Shell::NAMES {
        writeln!(text, "| `{name}` | `{}` |", shell.argv().join(" ")).unwrap();
    }
    text.push_str("| a list of words | these, and the text as the last one |\n");
    text.push_str("\n## Values\n\n| form | what it is | such as |\n| --- | --- | --- |\n");
    for (name, form) in VALUES {
        let def = [root, host].into_iter().find_map(|root| root["$defs"].get(name)).unwrap();
        // Of these, nothing is to be said but their name.
        if form.starts_with("text") {
            continue;
        }
        let examples = list(&def["examples"]).into_iter().filter(|e| e != "true");
        let such = examples.map(|e| code(&e)).collect::<Vec<_>>().join(" ");
        let such = if def["enum"].is_array() { types(def) } else { such };
        writeln!(text, "| {form} | {} | {such} |", said(def)).unwrap();
    }
    text.push_str(
        "\n## Not in this version\n\nThese fields are known, and refused with [E0109](codes.md#e0109).\n\n\
         | of | field | what it will be |\n| --- | --- | --- |\n",
    );
    for (title, def) in page.objects() {
        for (field, schema) in fields(def).filter(|(_, schema)| is_later(schema)) {
            writeln!(text, "| {title} | `{field}` | {} |", said(schema)).unwrap();
        }
    }
    text
}

struct Page<'s> {
    root: &'s Value,
}

impl Page<'_> {
    /// Every object of the format with its heading; what is in no table of the page fails.
    fn objects(&self) -> Vec<(String, &Value)> {
        let defs = self.root["$defs"].as_object().unwrap();
        let mut all = Vec::new();
        for (name, def) in defs {
            let heading = |name: &str| TABLES.iter().find(|(def, ..)| *def == name).map(|t| t.1);
            let own = if name == "OnErrorTable" { heading("OnError") } else { heading(name) };
            for object in choices(def).into_iter().filter(|c| c["properties"].is_object()) {
                let tag = object["properties"]["strategy"]["const"].as_str();
                let tag = tag.map(|tag| format!(", `{tag}`")).unwrap_or_default();
                let own = own.unwrap_or_else(|| panic!("{name} has no heading"));
                all.push((format!("{own}{tag}"), object));
            }
        }
        all
    }

    /// What a definition's table is made of: its fields, or its forms.
    fn table(&self, def: &Value) -> String {
        if def["properties"].is_object() {
            return format!("\n{HEAD}{}", self.rows(def));
        }
        let mut text = String::from("\n| form | meaning |\n| --- | --- |\n");
        let mut more = String::new();
        for choice in choices(def) {
            if let Some(all) = named(choice, "OnErrorTable") {
                for road in choices(&self.root["$defs"][all]) {
                    let tag = road["properties"]["strategy"]["const"].as_str().unwrap();
                    writeln!(text, "| `{{ strategy = \"{tag}\", … }}` | {} |", said(road)).unwrap();
                    let rows = self.rows(road);
                    if !rows.is_empty() {
                        write!(more, "\n`{tag}`:\n\n{HEAD}{rows}").unwrap();
                    }
                }
            } else if choice["properties"].is_object() {
                let all: Vec<_> = fields(choice).collect();
                if let [(name, schema)] = all.as_slice() {
                    writeln!(text, "| `{{ {name} = … }}` | {} |", said(schema)).unwrap();
                    continue;
                }
                let names: Vec<String> = all.iter().map(|(n, _)| format!("{n} = …")).collect();
                writeln!(text, "| `{{ {} }}` | {} |", names.join(", "), said(choice)).unwrap();
                write!(more, "\n{HEAD}{}", self.rows(choice)).unwrap();
            } else {
                writeln!(text, "| {} | {} |", self.form(choice), said(choice)).unwrap();
            }
        }
        text + &more
    }

    fn rows(&self, object: &Value) -> String {
        let required: Vec<Value> = list(&object["required"]);
        let mut text = String::new();
        for (name, schema) in fields(object) {
            if is_later(schema) || schema["const"].is_string() {
                continue;
            }
            let usual = match &schema["default"] {
                _ if required.contains(&Value::from(name.as_str())) => "required".to_owned(),
                // What of it may be left out is a condition in the schema.
                _ if name == "steps" => "required".to_owned(),
                Value::Null => "–".to_owned(),
                value => code(value),
            };
            writeln!(text, "| `{name}` | {} | {usual} | {} |", self.form(schema), said(schema))
                .unwrap();
        }
        text
    }

    /// How a value is written.
    fn form(&self, schema: &Value) -> String {
        if let Some(name) = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
            if let Some((_, form)) = VALUES.iter().find(|(def, _)| *def == name) {
                return (*form).to_owned();
            }
            let def = &self.root["$defs"][name];
            let table = TABLES.iter().find(|(def, ..)| *def == name);
            let link = table.map(|(_, title, _)| {
                format!("[{}](#{})", title.to_lowercase(), title.to_lowercase().replace(' ', "-"))
            });
            return match link {
                // A choice that begins with a plain form says that first.
                Some(link) if def["properties"].is_object() => link,
                Some(link) => match self.plain(def) {
                    Some(plain) => format!("{plain}, or a table: {link}"),
                    None => link,
                },
                None => self.form(def),
            };
        }
        let words = list(&schema["oneOf"]);
        if words.iter().any(|w| w["const"].is_string()) {
            return words.iter().map(|w| code(&w["const"])).collect::<Vec<_>>().join(" ");
        }
        if schema["enum"].is_array() {
            return list(&schema["enum"]).iter().map(bare).collect::<Vec<_>>().join(" ");
        }
        if !schema["const"].is_null() {
            return code(&schema["const"]);
        }
        if let [one, others @ ..] = list(&schema["anyOf"]).as_slice() {
            let one = self.form(one);
            let other = |other: &Value| match &other["items"] {
                items if items.is_object() && self.form(items) == one => "a list".to_owned(),
                _ => self.form(other),
            };
            return others
                .iter()
                .fold(one.clone(), |all, next| format!("{all}, or {}", other(next)));
        }
        match schema["type"].as_str() {
            Some("array") => {
                let least = schema["minItems"].as_u64();
                let least = least.map(|n| format!(", at least {n}")).unwrap_or_default();
                let once = if schema["uniqueItems"] == true { ", each once" } else { "" };
                format!("list of {}{least}{once}", several(&self.form(&schema["items"])))
            }
            Some("string") => "text, not blank".to_owned(),
            Some("boolean") => "`true` or `false`".to_owned(),
            Some(number @ ("integer" | "number")) => {
                let word = if number == "integer" { "whole number" } else { "number" };
                let bound = |key: &str| schema[key].as_f64();
                match (bound("minimum"), bound("maximum")) {
                    (Some(least), Some(most)) if most < 2e9 => format!("{word}, {least} to {most}"),
                    (Some(least), _) if least >= 0.0 => format!("{word}, at least {least}"),
                    _ => word.to_owned(),
                }
            }
            Some("object") => "pointer = value".to_owned(),
            _ => panic!("a form that the reference does not know: {schema}"),
        }
    }

    /// The first form of a choice, if it is no table.
    fn plain(&self, def: &Value) -> Option<String> {
        let first = choices(def).into_iter().next()?;
        let table = first["properties"].is_object();
        (!table).then(|| self.form(first))
    }

    /// The words of the fields that take words, with their meanings.
    fn words(&self) -> Vec<(String, String, String)> {
        let mut all: Vec<(String, String, String)> = Vec::new();
        for (title, object) in self.objects() {
            for (name, schema) in fields(object) {
                let def = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next());
                let mut def = def.map_or(schema, |name| &self.root["$defs"][name]);
                if let Some(inner) = choices(def).first().and_then(|c| c["$ref"].as_str()) {
                    def = &self.root["$defs"][inner.rsplit('/').next().unwrap()];
                }
                for word in list(&def["oneOf"]).iter().filter(|w| w["const"].is_string()) {
                    let name = match title.as_str() {
                        "Workflow" | "Step" => format!("`{name}`"),
                        _ => format!("`{name}` of {}", title.to_lowercase()),
                    };
                    let row = (name, word["const"].as_str().unwrap().to_owned(), said(word));
                    if !all.contains(&row) {
                        all.push(row);
                    }
                }
            }
        }
        all
    }
}

/// The names of types, lists and capital letters left out.
fn types(def: &Value) -> String {
    let all = list(&def["enum"]);
    let small = |t: &&Value| t.as_str().is_some_and(|t| t.starts_with(char::is_lowercase));
    all.iter().filter(small).map(bare).collect::<Vec<_>>().join(" ")
}

const HEAD: &str = "| field | form | default | rule |\n| --- | --- | --- | --- |\n";

/// The choices of a definition, or itself.
fn choices(def: &Value) -> Vec<&Value> {
    let all = ["anyOf", "oneOf"].iter().filter_map(|word| def[word].as_array()).flatten();
    let all: Vec<&Value> = all.collect();
    if all.is_empty() || def["properties"].is_object() { vec![def] } else { all }
}

fn fields(object: &Value) -> impl Iterator<Item = (&String, &Value)> {
    object["properties"].as_object().into_iter().flat_map(Map::iter)
}

fn named<'s>(schema: &'s Value, name: &str) -> Option<&'s str> {
    let last = schema["$ref"].as_str()?.rsplit('/').next()?;
    (last == name).then_some(last)
}

fn is_later(schema: &Value) -> bool {
    named(schema, "Later").is_some()
}

fn list(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_default()
}

/// A form in the plural, where it is one word or link.
fn several(form: &str) -> String {
    match form.split_once("](") {
        Some((word, link)) if !word.contains(' ') => format!("{word}s]({link}"),
        None if !form.contains([' ', '`']) => format!("{form}s"),
        _ => form.to_owned(),
    }
}

/// A description, fit for a cell.
fn said(schema: &Value) -> String {
    schema["description"].as_str().unwrap_or_default().replace('|', "\\|")
}

fn code(value: &Value) -> String {
    let text = match value {
        Value::String(text) if !text.is_empty() => text.clone(),
        // 5.0 is written as 5.
        Value::Number(number) if number.as_f64().is_some_and(|n| n.fract() == 0.0) => {
            format!("{:.0}", number.as_f64().unwrap())
        }
        other => other.to_string(),
    };
    format!("`{text}`")
}

fn bare(value: &Value) -> String {
    format!("`{}`", value.as_str().unwrap())
}
