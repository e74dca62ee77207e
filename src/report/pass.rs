//! What a step's pass requires, in words.

use crate::plan::{Action, Expectation, Step};
use crate::workflow::{Json, TextExpect};

/// What it takes for a step to pass; `fill` puts the values into a text.
pub(super) fn requirements(step: &Step, fill: &dyn Fn(&str) -> String) -> Vec<String> {
    let mut all = Vec::new();
    if let Some(expect) = &step.expect {
        all.extend(expected(step, expect, fill));
    } else if let Some(Action::Checks(_)) = &step.run {
        all.push("every check passes".to_owned());
    } else if step.run.is_some() && step.only_engine().is_none() {
        all.push("exit 0".to_owned());
    }
    all.extend(step.verify.iter().map(|check| format!("`{}` passes", check.run.shown())));
    all.extend(step.verify_prose.clone());
    all
}

fn expected(step: &Step, expect: &Expectation, fill: &dyn Fn(&str) -> String) -> Vec<String> {
    let that = &expect.that;
    let codes: Vec<String> = that.exit.iter().map(ToString::to_string).collect();
    let mut all = Vec::new();
    if !codes.is_empty() || step.run.is_some() {
        let codes = if codes.is_empty() { "0".to_owned() } else { codes.join(" or ") };
        all.push(format!("exit {codes}"));
    }
    for (name, text) in [("stdout", &that.stdout), ("stderr", &that.stderr)] {
        all.extend(text.iter().flat_map(texts).map(|what| format!("{name} {what}")));
    }
    all.extend(that.count.map(|count| format!("{count} lines of stdout")));
    for file in &that.file {
        let path = fill(&file.path.value);
        let says_more = !file.contains.is_empty() || file.sha256.is_some();
        if !file.exists {
            all.push(format!("file {path} does not exist"));
        } else if !says_more {
            all.push(format!("file {path} exists"));
        }
        all.extend(file.contains.iter().map(|part| format!("file {path} contains `{part}`")));
        all.extend(file.sha256.iter().map(|sum| format!("file {path} has the SHA-256 {sum}")));
    }
    let same = |path: &crate::diagnostic::At<String>| format!("{} is unchanged", fill(&path.value));
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
