//! Schema and decoder agree on random files, and on random faults in them.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::super::super::decode::{Decode, Problems};
use super::super::super::host::HostFile;
use super::super::super::workflow::nodes;
use super::super::{ACTIONS, host_schema, properties, schema};
use super::{names, objects, required, tree};
use crate::workflow as typed;

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
    for node in nodes(&tree(value), &mut problems.clone()) {
        typed::Workflow::decode(node, &mut problems);
    }
    problems
}

fn left_to_the_level_above(key: &str, table: &Value) -> bool {
    let upwards = ["Delegate", "Merge", "Compose"].map(Value::from);
    key == "steps" && upwards.contains(&table["strategy"])
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
    for (key, inner) in all {
        let property = &table["properties"][key];
        found.push(Spot {
            table: at.to_owned(),
            key: key.clone(),
            needed: required(table).contains(key) && !left_to_the_level_above(key, value),
            free: property["$ref"] == "#/$defs/Data",
        });
        fields(root, property, inner, &format!("{at}/{key}"), found);
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
    fn a_host_that_fits_the_schema_is_read(value in fitting(&host_schema(), &host_schema(), 0)) {
        prop_assert!(jsonschema::is_valid(&host_schema(), &value), "{value}");
        let mut problems = Problems::new();
        HostFile::decode(&tree(&value), &mut problems);
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
