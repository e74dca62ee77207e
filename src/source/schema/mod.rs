//! The shape of a workflow file as a JSON Schema: one type for each table, whose comments are its fields' one-line rules.
//!
//! The decoder beside it is written by hand, for its messages; `tests.rs` proves that both have the same fields,
//! the same required ones, the same words and the same defaults.
#![expect(
    dead_code,
    clippy::large_enum_variant,
    clippy::zero_sized_map_values,
    reason = "these types are shapes: no value of them is ever made"
)]

mod copy;
mod fan;
mod host;
mod parts;
mod scalars;
mod wait;

use schemars::JsonSchema;
use serde_json::{Map, Value, json};

use super::step::ACTIONS;
use crate::workflow::{
    Actor, ConvergeStrategy, Effect, ErrorTag, Join, OnDisconnect, Order, Severity, Strategy,
    ValueType,
};
use copy::{Copy, Reboot};
use fan::{ForEach, HostRef};
pub use host::host_schema;
use parts::{
    Call, Check, Dependency, Expect, OnError, OnInterrupt, OneOrMany, Shell, Stdin, Verify, When,
};
use scalars::{
    Data, EnvTable, Later, Name, OutputTable, ParamType, SecretTable, ShellName, Shown, Span, Text,
    TextTable, tidy,
};
use wait::Wait;

/// The JSON Schema of workflow files as data: what TOML and Nickel evaluate to, tags as texts.
pub fn schema() -> Value {
    let settings = schemars::generate::SchemaSettings::draft2020_12().with_transform(tidy);
    let mut root = settings.into_generator().into_root_schema_for::<Several>().to_value();
    // One workflow is by far the commonest file. Its fields stand at the top, and not in one branch of a choice,
    // so that an editor completes them and says precisely what is wrong.
    let workflow = root["$defs"]["Workflow"].clone();
    let all: Map<String, Value> = properties(&workflow)
        .chain(properties(&root))
        .map(|(n, s)| (n.clone(), s.clone()))
        .collect();
    let own: Vec<&String> = properties(&workflow).map(|(name, _)| name).collect();
    // Beside `modes` stands what is for others. A verb that goes to the level above may leave the steps to it.
    root["if"] = json!({ "required": ["modes"] });
    root["else"] = json!({
        "if": { "required": ["workflows"] },
        "then": { "propertyNames": { "const": "workflows" } },
        "else": { "propertyNames": { "enum": own }, "$ref": "#/$defs/Workflow" },
    });
    root["properties"] = Value::Object(all);
    if let Some(root) = root.as_object_mut() {
        root.remove("additionalProperties");
    }
    let upwards = [Strategy::Delegate, Strategy::Merge, Strategy::Compose];
    root["$defs"]["Workflow"]["required"] = json!(["id"]);
    root["$defs"]["Workflow"]["if"] =
        json!({ "required": ["strategy"], "properties": { "strategy": { "enum": upwards } } });
    root["$defs"]["Workflow"]["else"] = json!({ "required": ["steps"] });
    root
}

/// The properties of an object's schema.
fn properties(schema: &Value) -> impl Iterator<Item = (&String, &Value)> {
    schema["properties"].as_object().into_iter().flatten()
}

/// A workflow file of Ostler: one workflow, or several under `workflows` or `modes`.
#[derive(JsonSchema)]
#[schemars(title = "Ostler workflow", deny_unknown_fields)]
struct Several {
    /// The workflows of a file that holds several.
    #[schemars(length(min = 1))]
    workflows: Option<Vec<Workflow>>,
    /// The same, by the word that reflection modes use.
    #[schemars(length(min = 1))]
    modes: Option<Vec<Workflow>>,
}

/// One verb: a graph of steps, and what belongs to all of them.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Workflow {
    /// The verb's name; the file's name too, unless several share a file.
    id: Name,
    /// Why and when one runs it, in prose; shown where there is no `description`.
    trigger: Option<Text>,
    /// What it does, in a line.
    description: Option<Text>,
    /// How it goes together with the one of the same name in the workspace above.
    #[schemars(extend("default" = Strategy::Override))]
    strategy: Option<Strategy>,
    /// The steps taken over from the level above; goes with strategy `Compose`.
    #[schemars(extend("default" = []))]
    extends: Option<Vec<Name>>,
    /// What should hold before, in prose: shown, attested under a name, never executed.
    #[schemars(extend("default" = []))]
    preconditions: Option<Vec<Text>>,
    /// What should hold after, in prose: shown, attested under a name, never executed.
    #[schemars(extend("default" = []))]
    postconditions: Option<Vec<Text>>,
    /// What the caller gives; positional ones are given in this order.
    #[schemars(extend("default" = []))]
    params: Option<Vec<Param>>,
    /// Which params go together; a call that breaks one is refused before any step.
    #[schemars(extend("default" = []))]
    param_groups: Option<Vec<ParamGroup>>,
    /// Commands that are run in order before any step, and may block the run.
    #[schemars(extend("default" = []))]
    guards: Option<Vec<Guard>>,
    /// What the machine must have; unmet, the steps end `unproven` and the run cannot be `passed`.
    requires: Option<Requires>,
    /// `Sequential`: each step also needs the one before it.
    #[schemars(extend("default" = Order::Graph))]
    order: Option<Order>,
    /// The steps; a verb that goes to the level above may leave them to it.
    #[schemars(length(min = 1))]
    steps: Vec<Step>,
    /// The steps that run whatever happened, if any step started.
    #[schemars(extend("default" = []))]
    finally: Option<Vec<Step>>,
    /// What a run of it hands to its caller, by name: texts with placeholders, of which a lone one keeps its type.
    #[schemars(extend("default" = {}))]
    outputs: Option<TextTable>,
    /// Steps are run again until a condition holds.
    converge: Option<Converge>,
    /// The most that any step may say it does to the world.
    #[schemars(extend("default" = Effect::Write))]
    effect: Option<Effect>,
    /// Where steps and guards run that do not say it themselves; without one, here.
    host: Option<HostRef>,
    /// What runs shell text: a shell known by name, or a program and its arguments, to which the text is added.
    #[schemars(extend("default" = ShellName::DEFAULT))]
    shell: Option<Shell>,
    /// Variables that every step gets; a step's own win.
    #[schemars(extend("default" = {}))]
    env: Option<EnvTable>,
    /// Secrets that every command gets as variables; a step's own win.
    #[schemars(extend("default" = {}))]
    secrets: Option<SecretTable>,
    /// The steps' default folder; without one, the workspace.
    cwd: Option<Text>,
    /// The whole run's deadline, `finally` aside; none unless given.
    timeout: Option<Span>,
    /// The steps' default limit of silence; none unless given.
    stall_timeout: Option<Span>,
    /// Held by the run from its start to its end, also while it waits; a second run is refused and told who holds them.
    #[schemars(extend("default" = [], "uniqueItems" = true))]
    locks: Option<Vec<Name>>,
    /// Machine triggers.
    on: Option<Later>,
    /// Open blocks that refuse this verb.
    halted_by: Option<Later>,
}

/// Something the caller gives.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Param {
    /// Its name: the placeholder's, and the flag's.
    name: Name,
    /// Its type, or `[type]` for a list that is given value by value.
    #[schemars(rename = "type", extend("default" = ValueType::String))]
    kind: Option<ParamType>,
    /// One line for `--help`.
    help: Option<Text>,
    /// The value where the caller gives none; without one, the param is required, and a `bool` is false.
    default: Option<Data>,
    /// Whether it is given by position and not by flag.
    #[schemars(extend("default" = false))]
    positional: Option<bool>,
    /// How its value is named in `--help`.
    metavar: Option<Text>,
    /// Whether an empty text or list is accepted.
    #[schemars(extend("default" = false))]
    allow_empty: Option<bool>,
    /// The words of an `enum`, which must have some.
    #[schemars(extend("default" = []))]
    values: Option<Vec<Text>>,
    /// How a `version` compares, which it must say: `semver`, `alpm`, `deb` or `coopcloud`.
    scheme: Option<Text>,
}

/// Params that go together, by exactly one rule.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, extend("minProperties" = 1, "maxProperties" = 1))]
struct ParamGroup {
    /// One of these params is given, and no second one.
    #[schemars(length(min = 2))]
    exactly_one: Option<Vec<Name>>,
    /// None of these params is given, or one.
    #[schemars(length(min = 2))]
    at_most_one: Option<Vec<Name>>,
    /// All of these params are given, or none.
    #[schemars(length(min = 2))]
    all_or_none: Option<Vec<Name>>,
}

/// A command that must pass before any step starts.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Guard {
    /// Its name in the report.
    id: Name,
    /// Shell text; exit 0 is a pass.
    cmd: Text,
    /// Shown when it fails.
    #[schemars(extend("default" = ""))]
    reason: Option<Text>,
    /// Whether its failure blocks the run or is only said.
    #[schemars(extend("default" = Severity::Block))]
    severity: Option<Severity>,
    /// Its deadline; none unless given.
    timeout: Option<Span>,
    /// Where it runs; without one, where the workflow says.
    host: Option<HostRef>,
}

/// What is repeated, after all steps, until a condition holds.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Converge {
    /// Shell text; exit 0 means converged.
    condition: Text,
    /// How often steps may be reset.
    #[schemars(range(min = 1), extend("default" = super::workflow::ITERATIONS))]
    max_iterations: Option<u32>,
    /// Which steps are reset.
    #[schemars(extend("default" = ConvergeStrategy::RetryFailed))]
    strategy: Option<ConvergeStrategy>,
}

/// What the machine must have.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Requires {
    /// Operating systems, one of which it must be, such as `linux`.
    #[schemars(extend("default" = []))]
    os: Option<OneOrMany<Text>>,
    /// Architectures, one of which it must be, such as `x86_64`.
    #[schemars(extend("default" = []))]
    arch: Option<OneOrMany<Text>>,
    /// Programs, all of which must be found.
    #[schemars(extend("default" = []))]
    tools: Option<OneOrMany<Text>>,
}

/// One node of the graph. At most one of `cmd`, `script`, `argv`, `checks`, `wait`, `copy`, `reboot` and `call` says what it
/// does.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, transform = one_action)]
struct Step {
    /// Its name, unique in the workflow.
    id: Name,
    /// What it is about, in prose, for whoever reads or does it.
    action: Option<Text>,
    /// More about it, in prose.
    note: Option<Text>,
    /// Who does it; a `Human` step is asked, and so is one with nothing to run.
    #[schemars(extend("default" = Actor::Agent))]
    actor: Option<Actor>,
    /// Shell text; a placeholder in it is one value, never code.
    cmd: Option<Shown>,
    /// A script file, started itself, or by `shell` if one is given; params arrive as `OSTLER_PARAM_NAME`.
    script: Option<Shown>,
    /// A program and its arguments, without a shell; a placeholder is part of one argument.
    #[schemars(length(min = 1))]
    argv: Option<Vec<Text>>,
    /// Commands that are all made, each with a result of its own; the step fails if one does.
    #[schemars(length(min = 1))]
    checks: Option<Vec<Check>>,
    /// Another verb, in a run of its own: its name, or a table with what it is given.
    call: Option<Call>,
    /// What is waited for: shell text that passes, a port that answers, or a time.
    wait: Option<Wait>,
    /// A file or folder brought to a place, whole or not at all.
    copy: Option<Copy>,
    /// The host is restarted, once, and is back.
    reboot: Option<Reboot>,
    /// The machine it runs on: a host of the fleet, `local`, or a table that says how it is reached.
    host: Option<HostRef>,
    /// Selectors of the hosts it runs on, one instance each: `all`, a name, `@group`, `label=value`.
    #[schemars(extend("default" = []))]
    hosts: Option<OneOrMany<Text>>,
    /// One instance for each item: the items, or a table that also says how many at once.
    for_each: Option<ForEach>,
    /// What becomes of its command when the connection to its host ends.
    #[schemars(extend("default" = OnDisconnect::Kill))]
    on_disconnect: Option<OnDisconnect>,
    /// As on the workflow, whose it is without one.
    shell: Option<Shell>,
    /// Variables the command gets; values may hold placeholders.
    #[schemars(extend("default" = {}))]
    env: Option<EnvTable>,
    /// Variables whose values are secret: where each comes from; masked wherever they turn up.
    #[schemars(extend("default" = {}))]
    secrets: Option<SecretTable>,
    /// The folder it runs in; without one, the workflow's.
    cwd: Option<Text>,
    /// What it reads; nothing unless given.
    stdin: Option<Stdin>,
    /// The steps that must have passed: short for `OnSuccess` edges.
    #[schemars(extend("default" = []))]
    needs: Option<Vec<Name>>,
    /// The steps that come before it: ids, or tables with a kind and a condition.
    #[schemars(extend("default" = []))]
    depends_on: Option<Vec<Dependency>>,
    /// Whether every edge must hold, or one of them.
    #[schemars(extend("default" = Join::All))]
    join: Option<Join>,
    /// What must be true, or the step is skipped, with the reason.
    when: Option<When>,
    /// What follows its failure.
    #[schemars(extend("default" = ErrorTag::Stop))]
    on_error: Option<OnError>,
    /// The attempt's deadline; none unless given.
    timeout: Option<Span>,
    /// How long it may write nothing; without one, the workflow's.
    stall_timeout: Option<Span>,
    /// What a pass is beyond the exit code.
    expect: Option<Expect>,
    /// A claim about its result: prose, or a command that is checked once it has passed.
    verify: Option<Verify>,
    /// What it hands on, by name: a type, or a table with one.
    #[schemars(extend("default" = {}))]
    outputs: Option<OutputTable>,
    /// What it may do to the world; without one, the workflow's.
    effect: Option<Effect>,
    /// Held while it runs, across runs; it waits for them.
    #[schemars(extend("default" = [], "uniqueItems" = true))]
    locks: Option<Vec<Name>>,
    /// The `finally` step that gives back what this one acquires.
    release: Option<Name>,
    /// What becomes of it if the engine died while it ran; without one, `Ask`, and `Rerun` for what only reads and in `finally`.
    on_interrupt: Option<OnInterrupt>,
    /// What the machine must have for it to be tried at all.
    requires: Option<Requires>,
    /// An agent started by the engine.
    agent: Option<Later>,
    /// A yes that must be recorded first.
    consent: Option<Later>,
}

/// Refuses every pair of things to run.
fn one_action(step: &mut schemars::Schema) {
    let pairs = ACTIONS.iter().enumerate().flat_map(|(nth, first)| {
        ACTIONS[nth + 1..].iter().map(move |second| json!({ "required": [first, second] }))
    });
    step.insert("not".to_owned(), json!({ "anyOf": pairs.collect::<Vec<_>>() }));
}

#[cfg(test)]
mod tests;
