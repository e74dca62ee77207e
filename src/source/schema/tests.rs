//! Schema and decoder agree: on fields, required ones, words and defaults, and on random files.

use std::collections::BTreeSet;

use proptest::prelude::*;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::super::decode::{ASKED, Decode, Problems};
use super::super::tree::{Entry, Kind, Node};
use super::super::workflow::workflows;
use super::{ACTIONS, properties, schema};
use crate::diagnostic::{Code, Place};
use crate::workflow as typed;
use crate::workflow::{
    Actor, ConvergeStrategy, EdgeKind, Effect, ErrorTag, Interrupt, Join, Order, Severity, Tag,
};

/// Data as a tree without places.
fn tree(value: &Value) -> Node {
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
fn objects<'s>(root: &'s Value, schema: &'s Value) -> Vec<&'s Value> {
    if let Some(name) = schema["$ref"].as_str() {
        return objects(root, root.pointer(&name[1..]).unwrap());
    }
    let choices = ["anyOf", "oneOf"].iter().filter_map(|word| schema[word].as_array()).flatten();
    let own = schema.get("properties").map(|_| schema);
    own.into_iter().chain(choices.flat_map(|one| objects(root, one))).collect()
}

fn names(schema: &Value) -> BTreeSet<String> {
    properties(schema).map(|(name, _)| name.clone()).collect()
}

fn required(schema: &Value) -> BTreeSet<String> {
    let all = schema["required"].as_array().into_iter().flatten();
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
    table::<typed::Stdin>(&root, "Stdin");
    table::<typed::Edge>(&root, "Edge");
    table::<typed::When>(&root, "Condition");
    table::<typed::Expect>(&root, "Expect");
    table::<typed::TextExpect>(&root, "TextExpect");
    table::<typed::FileExpect>(&root, "FileExpect");
    table::<typed::Verify>(&root, "Verify");
    table::<typed::OnInterrupt>(&root, "OnInterrupt");
    table::<typed::OutputSpec>(&root, "Output");
    let roads = objects(&root, &root["$defs"]["OnErrorTable"]);
    let tags: Vec<&str> =
        roads.iter().map(|r| r["properties"]["strategy"]["const"].as_str().unwrap()).collect();
    assert_eq!(tags, ErrorTag::WORDS.iter().map(|(word, _)| *word).collect::<Vec<_>>());
    for (tag, road) in tags.iter().zip(&roads) {
        same_fields::<typed::OnError>(&json!({ "strategy": tag }), &[road]);
    }
    ASKED.take();
    workflows(&tree(&json!({ "modes": [] })), &mut Problems::new());
    let several: Vec<&str> = ASKED.take().pop().unwrap();
    assert_eq!(root["then"]["propertyNames"]["enum"], json!(several));
    let either: BTreeSet<String> = several.iter().map(|name| (*name).to_owned()).collect();
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
                let false = at.ends_with("/not/anyOf/1") else { continue };
                let says = property["description"].as_str().unwrap_or_default();
                assert!(says.ends_with('.') && !says.contains('\n'), "{at}/{name}: {says}");
                assert_eq!(schema["additionalProperties"], false, "{at}");
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
}

/// Values that fit a schema, made from the schema itself.
fn fitting(root: &Value, schema: &Value, depth: u32) -> BoxedStrategy<Value> {
    let text = |word: &str| schema[word].as_str();
    if let Some(not) = schema.get("not").filter(|_| schema.get("$ref").is_some()) {
        let mut rest = schema.clone();
        rest.as_object_mut().unwrap().remove("not");
        let not = jsonschema::validator_for(not).unwrap();
        return fitting(root, &rest, depth).prop_filter("not", move |v| !not.is_valid(v)).boxed();
    }
    if let Some(name) = text("$ref") {
        return fitting(root, root.pointer(&name[1..]).unwrap(), depth + 1);
    }
    if let Some(only) = schema.get("const") {
        return Just(only.clone()).boxed();
    }
    let several = ["enum", "examples"].iter().find_map(|word| schema[word].as_array());
    if let Some(several) = several {
        return prop::sample::select(several.clone()).boxed();
    }
    if let Some(choices) = ["anyOf", "oneOf"].iter().find_map(|word| schema[word].as_array()) {
        let each = choices.iter().map(|one| fitting(root, one, depth));
        return proptest::strategy::Union::new(each).boxed();
    }
    let number = |word: &str, other: i32| schema[word].as_f64().unwrap_or(other.into());
    match text("type") {
        Some("object") => object(root, schema, depth),
        Some("array") => {
            let least = usize::try_from(schema["minItems"].as_u64().unwrap_or(0)).unwrap();
            let unique = schema["uniqueItems"] == true;
            prop::collection::vec(fitting(root, &schema["items"], depth), least..least + 3)
                .prop_filter("unique", move |all| {
                    !unique || all.iter().enumerate().all(|(n, one)| !all[..n].contains(one))
                })
                .prop_map(Value::Array)
                .boxed()
        }
        Some("string") => match text("pattern") {
            Some(pattern) => {
                let inner = pattern.trim_start_matches('^').trim_end_matches('$');
                proptest::string::string_regex(inner).unwrap().prop_map(Value::String).boxed()
            }
            None => "\\PC{0,9}".prop_map(Value::String).boxed(),
        },
        #[expect(clippy::cast_possible_truncation, reason = "the bounds are small")]
        Some("integer") => (number("minimum", -9) as i64..=number("maximum", 9) as i64)
            .prop_map(Value::from)
            .boxed(),
        Some("number") => {
            (number("minimum", -9)..=number("maximum", 9)).prop_map(Value::from).boxed()
        }
        Some("boolean") => any::<bool>().prop_map(Value::from).boxed(),
        _ => several_types(root, schema, depth),
    }
}

/// A value of one of several types. Where even a list is one, it is any data at all.
fn several_types(root: &Value, schema: &Value, depth: u32) -> BoxedStrategy<Value> {
    let types: Vec<&str> =
        schema["type"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if types.contains(&"array") {
        let data = [json!("x"), json!(1), json!([{ "a": [true] }, 0.5])];
        return prop::sample::select(data.to_vec()).boxed();
    }
    let each = types.iter().map(|one| fitting(root, &json!({ "type": one }), depth));
    proptest::strategy::Union::new(each).boxed()
}

fn object(root: &Value, schema: &Value, depth: u32) -> BoxedStrategy<Value> {
    if let Some(value) = schema.get("additionalProperties").filter(|one| one.is_object()) {
        let name = schema["propertyNames"]["pattern"].as_str().unwrap_or("^/[a-z]$");
        let name = name.trim_start_matches('^').trim_end_matches('$').to_owned();
        let name = proptest::string::string_regex(&name).unwrap();
        let entry = (name, fitting(root, value, depth));
        let all = prop::collection::vec(entry, 0..3);
        return all.prop_map(|all| Value::Object(all.into_iter().collect())).boxed();
    }
    let needed = required(schema);
    let single = schema["maxProperties"] == 1;
    let mut all = Just(Map::new()).boxed();
    for (name, property) in properties(schema) {
        let later = property["$ref"] == "#/$defs/Later";
        let optional = !needed.contains(name);
        if later || optional && depth > 12 {
            continue;
        }
        let value = fitting(root, property, depth);
        let value = if optional {
            prop::option::weighted(0.2, value).boxed()
        } else {
            value.prop_map(Some).boxed()
        };
        let name = name.clone();
        all = (all, value)
            .prop_map(move |(mut all, value)| {
                all.extend(value.map(|value| (name.clone(), value)));
                all
            })
            .boxed();
    }
    let least = usize::from(schema.get("minProperties").is_some());
    let actions: Vec<&str> =
        if schema.get("not").is_some() { ACTIONS.to_vec() } else { Vec::new() };
    all.prop_map(move |mut all| {
        let said: Vec<&str> = actions.iter().copied().filter(|a| all.contains_key(*a)).collect();
        said.iter().skip(1).for_each(|name| {
            all.shift_remove(*name);
        });
        all
    })
    .prop_filter("size", move |all| all.len() >= least && (!single || all.len() == 1))
    .prop_map(Value::Object)
    .boxed()
}

fn a_workflow() -> BoxedStrategy<Value> {
    fitting(&schema(), &schema()["$defs"]["Workflow"], 0)
}

fn problems_of(value: &Value) -> Problems {
    let mut problems = Problems::new();
    workflows(&tree(value), &mut problems);
    problems
}

/// Every field in a document that a table declares: where the table is, the field, whether it is required, and
/// whether it may hold any data.
fn fields(root: &Value, schema: &Value, value: &Value, at: &str, found: &mut Vec<Spot>) {
    if let Some(all) = value.as_array() {
        let mut items = &schema["items"];
        let many = schema["anyOf"].as_array().and_then(|c| c.iter().find(|o| o["type"] == "array"));
        if let Some(many) = many {
            items = &many["items"];
        }
        if let Some(name) = schema["$ref"].as_str() {
            return fields(root, root.pointer(&name[1..]).unwrap(), value, at, found);
        }
        for (nth, one) in all.iter().enumerate() {
            fields(root, items, one, &format!("{at}/{nth}"), found);
        }
    }
    let Some(all) = value.as_object() else { return };
    let fits = |one: &&Value| {
        let tag = one["properties"]["strategy"].get("const");
        all.keys().all(|key| names(one).contains(key))
            && tag.is_none_or(|tag| all.get("strategy") == Some(tag))
    };
    let Some(table) = objects(root, schema).into_iter().find(fits) else { return };
    for (key, value) in all {
        let property = &table["properties"][key];
        found.push(Spot {
            table: at.to_owned(),
            key: key.clone(),
            needed: required(table).contains(key),
            free: property["$ref"] == "#/$defs/Data",
        });
        fields(root, property, value, &format!("{at}/{key}"), found);
    }
}

#[derive(Debug, Clone)]
struct Spot {
    table: String,
    key: String,
    needed: bool,
    free: bool,
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, ..ProptestConfig::default() })]

    #[test]
    fn what_fits_the_schema_is_read(value in a_workflow()) {
        prop_assert!(jsonschema::is_valid(&schema(), &value), "{value}");
        let problems = problems_of(&value);
        prop_assert!(problems.is_empty(), "{value} {problems:?}");
    }

    #[test]
    fn one_fault_is_refused_by_both(value in a_workflow(), at in any::<prop::sample::Index>(), how in 0..3) {
        let root = schema();
        let mut spots = Vec::new();
        fields(&root, &root["$defs"]["Workflow"], &value, "", &mut spots);
        let spot = spots[at.index(spots.len())].clone();
        let mut wrong = value.clone();
        let table = wrong.pointer_mut(&spot.table).unwrap().as_object_mut().unwrap();
        match how {
            0 if spot.needed => drop(table.remove(&spot.key)),
            1 if !spot.free => drop(table.insert(spot.key.clone(), json!([[[]]]))),
            _ => {
                let value = table.remove(&spot.key).unwrap();
                table.insert(format!("{}_x", spot.key), value);
            }
        }
        prop_assert!(!jsonschema::is_valid(&root, &wrong), "schema: {spot:?} {wrong}");
        prop_assert!(!problems_of(&wrong).is_empty(), "decoder: {spot:?} {wrong}");
    }
}
