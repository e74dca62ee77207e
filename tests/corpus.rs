//! Files on which contract, schema and checker agree, but for the table in `docs/schemas.md`, which says where not.
#![expect(clippy::unwrap_used, clippy::case_sensitive_file_extension_comparisons, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use ostler::diagnostic::Sources;
use ostler::source::{Loader, Roots};
use serde_json::Value;

/// What each of the three says of a file: schema, contract, checker. `true` accepts it.
type Verdicts = BTreeMap<String, [bool; 3]>;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The files of the corpus, as `good/x.toml`, with their texts.
fn corpus() -> Vec<(String, String)> {
    let mut all = Vec::new();
    for kind in ["good", "bad"] {
        let dir = root().join("tests/corpus").join(kind);
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            let name = format!("{kind}/{}", path.file_name().unwrap().to_str().unwrap());
            all.push((name, std::fs::read_to_string(path).unwrap()));
        }
    }
    all.sort();
    assert!(all.len() > 200, "the corpus was not found");
    all
}

/// A workspace with these workflows.
fn workspace(files: &[(String, String)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let workflows = dir.path().join("workflows");
    std::fs::create_dir(&workflows).unwrap();
    // What goes to the level above finds something there.
    let above = dir.path().join("above/workflows");
    std::fs::create_dir_all(&above).unwrap();
    std::fs::write(dir.path().join("ostler.toml"), "parent = 'above'\n").unwrap();
    for id in ["compose", "delegate"] {
        let verb = format!("id = '{id}'\n[[steps]]\nid = 'build'\ncmd = 'true'\n");
        std::fs::write(above.join(format!("{id}.toml")), verb).unwrap();
    }
    let called = "id = 'called'\noutputs = { of = '{of}' }\nparams = [{ name = 'of', type = '[string]' }]\n\
                  [[steps]]\nid = 'a'\ncmd = 'true'\n";
    std::fs::write(above.join("called.toml"), called).unwrap();
    let fleet = dir.path().join("fleet");
    std::fs::create_dir(&fleet).unwrap();
    std::fs::write(fleet.join("web.toml"), "groups = ['web']\nlabels = { os = 'linux' }\n")
        .unwrap();
    std::fs::write(fleet.join("db.toml"), "").unwrap();
    for (name, text) in files {
        std::fs::write(workflows.join(name), text).unwrap();
    }
    dir
}

/// The codes of the errors that `check` finds in each workflow of a workspace, by the file's name.
fn errors(dir: &Path) -> BTreeMap<String, BTreeSet<String>> {
    let output = Command::new(env!("CARGO_BIN_EXE_ostler"))
        .args(["check", "--format", "json"])
        .current_dir(dir)
        .output()
        .unwrap();
    let said: Value = serde_json::from_slice(&output.stdout).unwrap();
    let files = said["files"].as_array().unwrap();
    let of = |file: &Value| {
        let problems = file["problems"].as_array().unwrap().iter();
        let errors = problems.filter(|p| p["severity"] == "error");
        errors.map(|p| p["code"].as_str().unwrap().to_owned()).collect()
    };
    let name = |file: &Value| file["file"].as_str().unwrap().replace("workflows/", "");
    files.iter().map(|file| (name(file), of(file))).collect()
}

/// Data as a Nickel program.
fn nickel(value: &Value) -> String {
    match value {
        Value::Object(all) => {
            let fields = all.iter().map(|(k, v)| format!("{} = {}", nickel_text(k), nickel(v)));
            format!("{{ {} }}", fields.collect::<Vec<_>>().join(", "))
        }
        Value::Array(all) => {
            format!("[{}]", all.iter().map(nickel).collect::<Vec<_>>().join(", "))
        }
        Value::String(text) => nickel_text(text),
        other => other.to_string(),
    }
}

fn nickel_text(text: &str) -> String {
    let json = Value::from(text).to_string();
    json.replace("%{", "\\%{").replace("\\u0000", "\\u{0}")
}

/// A file of the corpus under the contract, as a Nickel program.
fn under_contract(name: &str, text: &str) -> String {
    let program = match name.strip_suffix(".toml") {
        Some(_) => nickel(&from_toml(text)),
        None => text.to_owned(),
    };
    format!("({program}) | (import \"schemas/workflow.ncl\").File\n")
}

fn from_toml(text: &str) -> Value {
    toml::from_str(text).unwrap()
}

/// What Nickel programs evaluate to, by their paths. Evaluation takes more stack than a test's thread has.
fn evaluated(workspace: &Path, names: Vec<String>) -> BTreeMap<String, Value> {
    let roots = Roots { workspace: workspace.to_owned(), ..Roots::default() };
    let work = move || {
        let dir = roots.workspace.join("workflows");
        let mut loader = Loader::new(roots);
        let mut data = |name: &String| {
            let path: PathBuf = dir.join(name);
            loader.tree(&path, name, &mut Sources::default()).unwrap().to_json()
        };
        names.iter().map(|name| (name.clone(), data(name))).collect()
    };
    std::thread::Builder::new().stack_size(256 << 20).spawn(work).unwrap().join().unwrap()
}

fn plain(name: &str) -> String {
    name.split_once('/').unwrap().1.to_owned()
}

fn verdicts() -> Verdicts {
    let all = corpus();
    let is = |ending: &'static str| move |(name, _): &&(String, String)| name.ends_with(ending);
    let part = |ending| -> Vec<(String, String)> {
        all.iter().filter(is(ending)).map(|(name, text)| (plain(name), text.clone())).collect()
    };
    let (tomls, ncls) = (workspace(&part(".toml")), workspace(&part(".ncl")));
    let checked: BTreeMap<_, _> =
        errors(tomls.path()).into_iter().chain(errors(ncls.path())).collect();
    let wrapped = |name: &str| plain(name).replace('.', "-") + ".ncl";
    let wrappers: Vec<(String, String)> =
        all.iter().map(|(name, text)| (wrapped(name), under_contract(name, text))).collect();
    let contract = errors(workspace(&wrappers).path());
    let data = evaluated(ncls.path(), part(".ncl").into_iter().map(|(name, _)| name).collect());
    let validator = jsonschema::validator_for(&ostler::source::schema()).unwrap();
    let verdict = |(name, text): &(String, String)| {
        let data = data.get(&plain(name)).cloned().unwrap_or_else(|| from_toml(text));
        let broken = &contract[&wrapped(name)];
        let contract = !broken.iter().any(|code| code == "E0111" || code == "E0112");
        assert!(!broken.contains("E0102") && !broken.contains("E0114"), "{name} {broken:?}");
        [validator.is_valid(&data), contract, checked[&plain(name)].is_empty()]
    };
    all.iter().map(|one| (one.0.clone(), verdict(one))).collect()
}

fn documented() -> String {
    std::fs::read_to_string(root().join("docs/schemas.md")).unwrap()
}

/// The blocks of a language in a document.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let start = format!("```{language}\n");
    text.split(&start).skip(1).map(|rest| rest.split("```").next().unwrap().to_owned()).collect()
}

#[test]
fn all_three_agree_but_where_the_table_says() {
    let mut expected = Verdicts::new();
    for (name, _) in corpus() {
        let good = name.starts_with("good/");
        expected.insert(name, [good; 3]);
    }
    for row in documented().lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let [_, file, schema, contract, checker, _, _] = cells.as_slice() else {
            continue;
        };
        let accepts = [schema, contract, checker].map(|cell| *cell == "accepts");
        let listed = expected.insert(file.trim_matches('`').to_owned(), accepts);
        let listed = listed.unwrap_or_else(|| unreachable!("{file} is not in the corpus"));
        assert_ne!(listed, accepts, "{file} is no difference");
    }
    let mut wrong = String::new();
    for (name, found) in verdicts() {
        if expected[&name] != found {
            let [schema, contract, checker] =
                found.map(|yes| if yes { "accepts" } else { "refuses" });
            writeln!(wrong, "| `{name}` | {schema} | {contract} | {checker} |").unwrap();
        }
    }
    assert!(wrong.is_empty(), "not as docs/schemas.md says:\n{wrong}");
}

#[test]
fn the_contract_changes_nothing_and_both_languages_say_the_same() {
    let good: Vec<(String, String)> =
        corpus().into_iter().filter(|(name, _)| name.starts_with("good/")).collect();
    let ncls = good.iter().filter(|(name, _)| name.ends_with(".ncl"));
    // What stands in the table may be refused by the contract.
    let table = documented();
    let ncls: Vec<&(String, String)> =
        ncls.filter(|(name, _)| !table.contains(&format!("`{name}`"))).collect();
    let mut files = Vec::new();
    for (name, text) in &ncls {
        files.push((plain(name), text.clone()));
        files.push((format!("contract-{}", plain(name)), under_contract(name, text)));
    }
    let dir = workspace(&files);
    let data = evaluated(dir.path(), files.iter().map(|(name, _)| name.clone()).collect());
    for (name, _) in &ncls {
        let (bare, under) = (&data[&plain(name)], &data[&format!("contract-{}", plain(name))]);
        assert_eq!(bare, under, "{name}");
    }
    let twin = good.iter().find(|(name, _)| name == "good/every-field.toml").unwrap();
    assert_eq!(from_toml(&twin.1), data["every-field.ncl"]);
}

#[test]
fn the_documents_examples_are_sound() {
    let text = documented();
    let mut files = Vec::new();
    for language in ["toml", "nickel"] {
        for block in blocks(&text, language) {
            let id = block.split("id = \"").nth(1).unwrap().split('"').next().unwrap();
            let ending = if language == "toml" { "toml" } else { "ncl" };
            files.push((format!("{id}.{ending}"), block.clone()));
        }
    }
    assert_eq!(files.len(), 3);
    let found = errors(workspace(&files).path());
    assert!(found.values().all(BTreeSet::is_empty), "{found:?}");
}
