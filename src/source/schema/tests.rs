//! Schema and decoder agree on fields, required ones, words and defaults.

mod random;

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use super::super::decode::{ASKED, Decode, Problems};
use super::super::host::HostFile;
use super::super::tree::{Entry, Kind, Node};
use super::super::workflow::nodes;
use super::{host_schema, properties, schema};
use crate::diagnostic::{At, Code, Place};
use crate::workflow as typed;
use crate::workflow::{
    Actor, ConvergeStrategy, EdgeKind, Effect, ErrorTag, Interrupt, Join, Order, Severity, Tag,
};

/// Data as a tree without places.
pub(super) fn tree(value: &Value) -> Node {
    let kind = match value {
        Value::Null => Kind::Other("null"),
        Value::Bool(b) => Kind::Bool(*b),
        Value::Number(n) => n.as_i64().map_or_else(|| Kind::Float(n.as_f64().unwrap()), Kind::Int),
        Value::String(text) => Kind::String(text.clone()),
        Value::Array(all) => Kind::Array(all.iter().map(tree).collect()),
        Value::Object(all) => Kind::Table(
            all.iter()
                .map(|(key, value)| Entry {
                    key: key.clone(),
                    key_place: Place::default(),
                    value: tree(value),
                })
                .collect(),
        ),
    };
    Node { place: Place::default(), kind }
}

/// The object schemas behind a name or a reference: itself, or those among its choices.
pub(super) fn objects<'s>(root: &'s Value, schema: &'s Value) -> Vec<&'s Value> {
    if let Some(name) = schema["$ref"].as_str() {
        return objects(root, root.pointer(&name[1..]).unwrap());
    }
    let choices = ["anyOf", "oneOf"].iter().filter_map(|word| schema[word].as_array()).flatten();
    let own = schema.get("properties").map(|_| schema);
    own.into_iter().chain(choices.flat_map(|one| objects(root, one))).collect()
}

pub(super) fn names(schema: &Value) -> BTreeSet<String> {
    properties(schema).map(|(name, _)| name.clone()).collect()
}

pub(super) fn required(schema: &Value) -> BTreeSet<String> {
    // What is required is so at once, or unless something else is there.
    let usual = schema["else"]["required"].as_array().into_iter().flatten();
    let all = schema["required"].as_array().into_iter().flatten().chain(usual);
    all.map(|name| name.as_str().unwrap().to_owned()).collect()
}

/// Decodes a table, and says which fields were asked for and which were missed.
fn decoded<T: Decode>(value: &Value) -> (BTreeSet<String>, BTreeSet<String>) {
    ASKED.take();
    let mut problems = Problems::new();
    T::decode(&tree(value), &mut problems);
    let asked = ASKED.take().pop().unwrap_or_default();
    let missed = problems.iter().filter(|p| p.code == Code::MissingField);
    let missed = missed.map(|p| p.message.split('`').rev().nth(1).unwrap().to_owned());
    (asked.into_iter().map(str::to_owned).collect(), missed.collect())
}

/// Compares a table of the decoder with the objects of the schema that describe it.
fn same_fields<T: Decode>(value: &Value, all: &[&Value]) {
    let (asked, missed) = decoded::<T>(value);
    let fields: BTreeSet<String> = all.iter().flat_map(|one| names(one)).collect();
    assert_eq!(asked, fields, "{}", std::any::type_name::<T>());
    let given: BTreeSet<String> = value.as_object().unwrap().keys().cloned().collect();
    let needed = all.iter().map(|one| required(one)).reduce(|a, b| &a & &b).unwrap();
    assert_eq!(missed, &needed - &given, "{}", std::any::type_name::<T>());
}

#[test]
fn every_table_has_the_same_fields_in_both() {
    fn table<T: Decode>(root: &Value, name: &str) {
        same_fields::<T>(&json!({}), &objects(root, &root["$defs"][name]));
    }
    let root = schema();
    table::<typed::Workflow>(&root, "Workflow");
    table::<typed::Param>(&root, "Param");
    table::<typed::ParamGroup>(&root, "ParamGroup");
    table::<typed::Guard>(&root, "Guard");
    table::<typed::Converge>(&root, "Converge");
    table::<typed::Requires>(&root, "Requires");
    table::<typed::Step>(&root, "Step");
    table::<typed::Check>(&root, "Check");
    table::<typed::Call>(&root, "CallTable");
    table::<typed::Stdin>(&root, "Stdin");
    table::<typed::SecretSource<At<String>>>(&root, "Source");
    table::<typed::Edge>(&root, "Edge");
    table::<typed::When>(&root, "Condition");
    table::<typed::Expect>(&root, "Expect");
    table::<typed::TextExpect>(&root, "TextExpect");
    table::<typed::FileExpect>(&root, "FileExpect");
    table::<typed::Verify>(&root, "Verify");
    table::<typed::OnInterrupt>(&root, "OnInterrupt");
    table::<typed::OutputSpec>(&root, "Output");
    table::<typed::Wait>(&root, "Wait");
    table::<typed::Copy>(&root, "Copy");
    table::<typed::Reboot>(&root, "Reboot");
    same_fields::<HostFile>(&json!({}), &[&host_schema()]);
    let roads = objects(&root, &root["$defs"]["OnErrorTable"]);
    let tags: Vec<&str> =
        roads.iter().map(|r| r["properties"]["strategy"]["const"].as_str().unwrap()).collect();
    assert_eq!(tags, ErrorTag::WORDS.iter().map(|(word, _)| *word).collect::<Vec<_>>());
    for (tag, road) in tags.iter().zip(&roads) {
        same_fields::<typed::OnError>(&json!({ "strategy": tag }), &[road]);
    }
    ASKED.take();
    nodes(&tree(&json!({ "workflows": [] })), &mut Problems::new());
    let several: Vec<&str> = ASKED.take().pop().unwrap();
    assert_eq!(several, [root["else"]["then"]["propertyNames"]["const"].as_str().unwrap()]);
    let either = BTreeSet::from(["workflows".to_owned(), "modes".to_owned()]);
    assert_eq!(names(&root), &names(&root["$defs"]["Workflow"]) | &either);
}

#[test]
fn words_are_the_same_in_both() {
    fn tag<T: Tag + JsonSchema>(root: &Value) {
        let all = root["$defs"][T::schema_name().as_ref()]["oneOf"].as_array().unwrap();
        let words: Vec<&str> = all.iter().map(|one| one["const"].as_str().unwrap()).collect();
        assert_eq!(words, T::WORDS.iter().map(|(word, _)| *word).collect::<Vec<_>>());
    }
    let root = schema();
    tag::<Actor>(&root);
    tag::<EdgeKind>(&root);
    tag::<Join>(&root);
    tag::<Effect>(&root);
    tag::<Order>(&root);
    tag::<typed::Strategy>(&root);
    tag::<ConvergeStrategy>(&root);
    tag::<Severity>(&root);
    tag::<Interrupt>(&root);
    for types in ["ParamType", "OutputType"] {
        for word in root["$defs"][types]["enum"].as_array().unwrap() {
            assert!(typed::ParamType::parse(word.as_str().unwrap()).is_some(), "{word}");
        }
    }
}

#[test]
fn defaults_are_the_same_in_both() {
    fn table<T: Decode + Serialize>(all: &[&Value], least: &Value) {
        let read = |value: &Value| {
            let mut problems = Problems::new();
            let read = T::decode(&tree(value), &mut problems);
            assert!(problems.is_empty(), "{value} {problems:?}");
            serde_json::to_value(read.unwrap()).unwrap()
        };
        for (name, property) in all.iter().flat_map(|one| properties(one)) {
            // These are resolved where the step is planned: an absent one is told from a given one.
            let later = ["shell", "exit"].contains(&name.as_str());
            let Some(default) = property.get("default").filter(|_| !later) else { continue };
            let mut said = least.clone();
            said[name] = default.clone();
            assert_eq!(read(&said), read(least), "{name}");
        }
    }
    let root = schema();
    let defs = |name: &str| objects(&root, &root["$defs"][name]);
    let step = json!({ "id": "a" });
    table::<typed::Workflow>(&defs("Workflow"), &json!({ "id": "w", "steps": [step] }));
    table::<typed::Step>(&defs("Step"), &step);
    table::<typed::Param>(&defs("Param"), &json!({ "name": "a" }));
    table::<typed::Call>(&defs("CallTable"), &json!({ "verb": "a" }));
    table::<typed::Guard>(&defs("Guard"), &json!({ "id": "a", "cmd": "true" }));
    table::<typed::Converge>(&defs("Converge"), &json!({ "condition": "true" }));
    table::<typed::Requires>(&defs("Requires"), &json!({}));
    table::<typed::Edge>(&defs("Edge"), &json!({ "step": "a" }));
    table::<typed::Expect>(&defs("Expect"), &json!({}));
    table::<typed::TextExpect>(&defs("TextExpect"), &json!({}));
    table::<typed::FileExpect>(&defs("FileExpect"), &json!({ "path": "a" }));
    table::<typed::OutputSpec>(&defs("Output"), &json!({ "type": "int" }));
    table::<typed::OnError>(&defs("OnErrorTable")[2..3], &json!({ "strategy": "Retry" }));
}

#[test]
fn every_field_is_described_and_every_table_closed() {
    fn walk(at: &str, schema: &Value) {
        if let Some(all) = schema["properties"].as_object() {
            for (name, property) in all {
                // In a condition, properties only tell what it is about.
                let (false, false) = (at.ends_with("/not/anyOf/1"), at.ends_with("/if")) else {
                    continue;
                };
                let says = property["description"].as_str().unwrap_or_default();
                assert!(says.ends_with('.') && !says.contains('\n'), "{at}/{name}: {says}");
                // The file itself is closed by the form it has.
                let closed =
                    if at.is_empty() { &json!(false) } else { &schema["additionalProperties"] };
                assert_eq!(*closed, false, "{at}");
            }
        }
        match schema {
            Value::Object(all) => {
                all.iter().for_each(|(key, one)| walk(&format!("{at}/{key}"), one));
            }
            Value::Array(all) => {
                all.iter().enumerate().for_each(|(nth, one)| walk(&format!("{at}/{nth}"), one));
            }
            _ => {}
        }
    }
    walk("", &schema());
    walk("", &host_schema());
}
