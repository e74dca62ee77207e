//! The tables inside a step: what comes before it, what follows its failure, what is expected of it.

use schemars::{JsonSchema, Schema};
use serde_json::json;

use super::scalars::{
    BareError, Base64, Cel, Credential, Data, Escalate, Expected, Key, Later, Name, Outcome,
    OutputType, ParamTable, Regex, Sha256, ShellName, Shown, Span, Text, Truth, Variable,
};
use crate::workflow::{EdgeKind, Interrupt, Retry as Plain};

/// One, or a list of such.
#[derive(JsonSchema)]
#[schemars(untagged)]
pub(super) enum OneOrMany<T> {
    /// One.
    One(T),
    /// Several.
    Many(Vec<T>),
}

/// What runs shell text: a shell known by name, or any program and arguments to which the text is added.
#[derive(JsonSchema)]
#[schemars(untagged)]
pub(super) enum Shell {
    /// By name.
    Name(ShellName),
    /// By its words.
    Words(#[schemars(length(min = 1))] Vec<Text>),
}

/// One of several commands of a step.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Check {
    /// Its name in the report.
    name: Text,
    /// Shell text.
    cmd: Text,
    /// What a pass is; without it, exit 0.
    expect: Option<Expect>,
}

/// Another verb, in a run of its own.
#[derive(JsonSchema)]
#[schemars(untagged)]
pub(super) enum Call {
    /// With its params' defaults.
    Verb(Name),
    /// With params.
    Table(CallTable),
}

/// A verb and what it is given.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct CallTable {
    /// The verb's name.
    verb: Name,
    /// Its params, by name: values, and texts with placeholders, of which a lone one keeps its type.
    #[schemars(extend("default" = {}))]
    params: Option<ParamTable>,
    /// Whether a run that passed with failures is a pass of the step.
    #[schemars(extend("default" = false))]
    lenient: Option<bool>,
}

/// What a command reads.
#[derive(JsonSchema)]
#[schemars(untagged, deny_unknown_fields)]
pub(super) enum Stdin {
    /// A text, which may hold placeholders.
    Text(Text),
    /// Another kind of input.
    Json {
        /// A value given as JSON; a placeholder in a text of it is encoded, and one that is a whole text keeps its type.
        json: Data,
    },
    /// Bytes.
    Bytes {
        /// Bytes, in base64.
        b64: Base64,
    },
}

/// Where a secret comes from.
#[derive(JsonSchema)]
#[schemars(untagged)]
pub(super) enum Sources {
    /// One source.
    One(Source),
    /// Several in order: the first that has it wins.
    Several(#[schemars(length(min = 1))] Vec<Source>),
}

/// A source of a secret, by its kind.
#[derive(JsonSchema)]
#[schemars(untagged, deny_unknown_fields)]
pub(super) enum Source {
    /// A variable of whoever starts Ostler.
    Env {
        /// The variable; no step gets it otherwise.
        env: Variable,
    },
    /// A file that is ours, or root's, and that nobody else can read.
    File {
        /// Its path, from the workspace; `~/` is your home.
        file: Shown,
    },
    /// What a program writes to its standard output.
    Command {
        /// Its words; no shell reads them.
        #[schemars(length(min = 1))]
        command: Vec<Text>,
    },
    /// A credential that systemd hands over.
    Credential {
        /// Its name in `$CREDENTIALS_DIRECTORY`.
        credential: Credential,
    },
    /// A file that `age` decrypts.
    Age {
        /// The file's path.
        age: Shown,
        /// The path of the file with the key, which nobody else can read.
        identity: Shown,
    },
    /// A file that `sops` decrypts.
    Sops {
        /// The file's path.
        sops: Shown,
        /// Which value in it; all of it unless given.
        key: Option<Key>,
    },
}

/// A step that comes before: its id, or a table.
#[derive(JsonSchema)]
#[schemars(untagged)]
pub(super) enum Dependency {
    /// However that step ends.
    Step(Name),
    /// More precisely.
    Edge(Edge),
}

/// A step that comes before, and when that is enough.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Edge {
    /// The step before.
    step: Name,
    /// When the edge holds.
    #[schemars(extend("default" = EdgeKind::Always))]
    kind: Option<EdgeKind>,
    /// What must be true as well.
    condition: Option<Cel>,
}

/// Conditions under which a step runs at all.
#[derive(JsonSchema)]
#[schemars(untagged)]
pub(super) enum When {
    /// One.
    One(Cel),
    /// Several, each with a reason.
    Several(Vec<Condition>),
}

/// A condition, and why the step is skipped if it is false.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct Condition {
    /// What must be true.
    #[schemars(rename = "if")]
    condition: Cel,
    /// Why the step is skipped if it is not.
    reason: Option<Text>,
}

/// What follows a failure: a word, or a table with `strategy`.
#[derive(JsonSchema)]
#[schemars(untagged)]
pub(super) enum OnError {
    /// By name; `Retry` with its defaults.
    Word(BareError),
    /// By its strategy, with what it needs to know.
    Table(OnErrorTable),
}

/// What follows a failure, with what it needs to know.
#[derive(JsonSchema)]
#[schemars(tag = "strategy", deny_unknown_fields, transform = say_what_the_tag_is)]
pub(super) enum OnErrorTable {
    /// Nothing new starts; the run fails.
    Stop {
        /// An obstacle that is opened.
        block: Option<Later>,
    },
    /// It is recorded, and the run goes on.
    Continue {
        /// An obstacle that is opened.
        block: Option<Later>,
    },
    /// The step is tried again.
    Retry {
        /// How many retries there are; 1 means two tries.
        #[schemars(range(min = 1, max = 1_000), extend("default" = Plain::default().max))]
        max: Option<u32>,
        /// Seconds before the first retry.
        #[schemars(range(min = 0, max = 1e7), extend("default" = Plain::default().backoff_s))]
        backoff_s: Option<f64>,
        /// By how much the wait grows each time.
        #[schemars(range(min = 0, max = 1e7), extend("default" = Plain::default().factor))]
        factor: Option<f64>,
        /// The longest wait, in seconds; none unless given.
        #[schemars(range(min = 0, max = 1e7))]
        max_backoff_s: Option<f64>,
        /// The share of the wait that is left to chance.
        #[schemars(range(min = 0, max = 1), extend("default" = Plain::default().jitter))]
        jitter: Option<f64>,
        /// The exit codes and outcomes that are worth another try; where there are none, all are.
        #[schemars(extend("default" = []))]
        on: Option<Vec<Cause>>,
        /// Params that change with each try, by name: the value after the current one is taken.
        #[schemars(extend("default" = {}))]
        escalate: Option<Escalate>,
        /// What follows when no retry is left; anything but `Retry`.
        #[schemars(extend("default" = crate::workflow::ErrorTag::Stop, "not" = another_retry()))]
        then: Option<Box<OnError>>,
        /// An obstacle that is opened.
        block: Option<Later>,
    },
    /// Another step stands in for it.
    Fallback {
        /// The step that stands in.
        target: Name,
        /// An obstacle that is opened.
        block: Option<Later>,
    },
    /// Another road is taken.
    Branch {
        /// The road on failure.
        target: Name,
        /// The road on success.
        on_success: Option<Name>,
        /// An obstacle that is opened.
        block: Option<Later>,
    },
}

/// The tag is no field of these types, so it has no comment to take its description from.
fn say_what_the_tag_is(schema: &mut Schema) {
    let variants = schema.get_mut("oneOf").and_then(|all| all.as_array_mut());
    for variant in variants.into_iter().flatten() {
        variant["properties"]["strategy"]["description"] = "What follows the failure.".into();
    }
}

/// `Retry` as a word or as a table.
fn another_retry() -> serde_json::Value {
    let retry = json!({ "const": crate::workflow::ErrorTag::Retry });
    json!({ "anyOf": [retry, { "properties": { "strategy": retry }, "required": ["strategy"] }] })
}

/// A cause that is worth another try.
#[derive(JsonSchema)]
#[schemars(untagged)]
pub(super) enum Cause {
    /// An outcome.
    Outcome(Outcome),
    /// An exit code.
    Exit(i32),
}

/// What a pass is beyond the exit code; every given part must hold.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields, extend("minProperties" = 1))]
pub(super) struct Expect {
    /// The exit codes that pass; a non-zero one needs a second expectation or a single simple command.
    #[schemars(extend("default" = 0))]
    exit: Option<OneOrMany<i32>>,
    /// What standard output must be.
    stdout: Option<TextExpect>,
    /// What standard error must be.
    stderr: Option<TextExpect>,
    /// What files must be.
    #[schemars(extend("default" = []))]
    file: Option<OneOrMany<FileExpect>>,
    /// How many lines that are not blank standard output has.
    count: Option<u64>,
    /// Paths of files and folders that are the same before and after.
    #[schemars(extend("default" = []))]
    unchanged: Option<OneOrMany<Text>>,
    /// How long what `file` expects may take to come true.
    within: Option<Span>,
}

/// What a text must be; every given part must hold. What it is compared with may hold placeholders.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct TextExpect {
    /// The whole of it; one newline at its end is ignored.
    equals: Option<Text>,
    /// Parts of it.
    #[schemars(extend("default" = []))]
    contains: Option<OneOrMany<Text>>,
    /// A regular expression that is found in it; without placeholders.
    matches: Option<Regex>,
    /// Whether it is empty.
    empty: Option<bool>,
    /// What it is as JSON: `true` for any, or values by JSON Pointer.
    json: Option<Json>,
}

/// What a text is as JSON.
#[derive(JsonSchema)]
#[schemars(untagged)]
pub(super) enum Json {
    /// Any JSON.
    Any(Truth),
    /// Values by JSON Pointer, such as `"/a/b"`.
    At(std::collections::BTreeMap<String, Expected>),
}

/// What a file must be.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
pub(super) struct FileExpect {
    /// Where it is, from the step's folder; it may hold placeholders, as what it `contains` may.
    path: Text,
    /// Whether it is there.
    #[schemars(extend("default" = true))]
    exists: Option<bool>,
    /// Whether it is not there: the contrary of `exists`, which wins.
    #[schemars(extend("default" = false))]
    absent: Option<bool>,
    /// Parts of it.
    #[schemars(extend("default" = []))]
    contains: Option<OneOrMany<Text>>,
    /// Its SHA-256.
    sha256: Option<Sha256>,
}

/// A claim about a step's result.
#[derive(JsonSchema)]
#[schemars(untagged, deny_unknown_fields)]
pub(super) enum Verify {
    /// In words.
    Prose(Text),
    /// As a command.
    Cmd {
        /// Shell text, checked once the step has passed.
        cmd: Text,
        /// What a pass is; without it, exit 0.
        expect: Option<Expect>,
    },
}

/// What becomes of a step that ran when the engine died: a word, or a command that decides.
#[derive(JsonSchema)]
#[schemars(untagged, deny_unknown_fields)]
pub(super) enum OnInterrupt {
    /// By name.
    Word(Interrupt),
    /// A command.
    Probe {
        /// Shell text; exit 0 means that the step was done.
        probe: Text,
    },
}

/// An output's type, or a table with it.
#[derive(JsonSchema)]
#[schemars(untagged, deny_unknown_fields)]
pub(super) enum Output {
    /// The type alone.
    Type(OutputType),
    /// The type, and more about it.
    Table {
        /// The type.
        #[schemars(rename = "type")]
        kind: OutputType,
        /// Whether it may be empty.
        #[schemars(extend("default" = false))]
        allow_empty: Option<bool>,
    },
}
