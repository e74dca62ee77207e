//! What a step's pass requires, in words.

use super::people::filled;
use crate::plan::{Action, Expectation, Step};
use crate::run::{Node, Run};
use crate::workflow::{Json, TextExpect};

/// What it takes for a step to pass.
pub(super) fn requirements(run: &Run, node: &Node, step: &Step) -> Vec<String> {
    let mut all = Vec::new();
    if let Some(expect) = &step.expect {
        all.extend(expected(run, node, expect));
    } else if step.run.is_some() {
        all.push("exit 0".to_owned());
    }
    if let Some(Action::Checks(_)) = &step.run {
        all.push("every check passes".to_owned());
    }
    all.extend(step.verify.iter().map(|check| format!("`{}` passes", check.run.shown())));
    all.extend(step.verify_prose.clone());
    all.extend(step.outputs.iter().map(|(name, spec)| format!("output {name}: {}", spec.kind)));
    all
}

fn expected(run: &Run, node: &Node, expect: &Expectation) -> Vec<String> {
    let that = &expect.that;
    let codes: Vec<String> = that.exit.iter().map(ToString::to_string).collect();
    let mut all = Vec::new();
    if !codes.is_empty() || run.step(node).run.is_some() {
        let codes = if codes.is_empty() { "0".to_owned() } else { codes.join(" or ") };
        all.push(format!("exit {codes}"));
    }
    for (name, text) in [("stdout", &that.stdout), ("stderr", &that.stderr)] {
        all.extend(text.iter().flat_map(texts).map(|what| format!("{name} {what}")));
    }
    all.extend(that.count.map(|count| format!("{count} lines of stdout")));
    for file in &that.file {
        let path = filled(run, node, &file.path.value);
        all.push(format!("file {path} {}", if file.exists { "exists" } else { "does not exist" }));
        all.extend(file.contains.iter().map(|part| format!("file {path} contains `{part}`")));
        all.extend(file.sha256.iter().map(|sum| format!("file {path} has the SHA-256 {sum}")));
    }
    let same = |path: &crate::diagnostic::At<String>| {
        format!("{} is unchanged", filled(run, node, &path.value))
    };
    all.extend(that.unchanged.iter().map(same));
    all
}

fn texts(expect: &TextExpect) -> Vec<String> {
    let mut all = Vec::new();
    all.extend(expect.equals.iter().map(|text| format!("equals `{text}`")));
    all.extend(expect.contains.iter().map(|text| format!("contains `{text}`")));
    all.extend(expect.matches.iter().map(|regex| format!("matches `{}`", regex.value)));
    all.extend(
        expect.empty.map(|empty| if empty { "is empty" } else { "is not empty" }.to_owned()),
    );
    match &expect.json {
        Some(Json::Valid) => all.push("is JSON".to_owned()),
        Some(Json::At(pointers)) => {
            all.extend(pointers.iter().map(|(at, value)| format!("is JSON with {at} = {value}")));
        }
        None => {}
    }
    all
}
