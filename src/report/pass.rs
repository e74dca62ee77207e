//! What a step's pass requires, in words.

use serde_json::Value;

use super::people::filled_in;
use crate::expr::template::{Form, Part, Placeholder};
use crate::plan::{Action, Expectation, Step};
use crate::value::with_strings;
use crate::workflow::{Json, TextExpect};

/// The value of a placeholder, where it is known.
type ValueOf<'a> = &'a dyn Fn(&Placeholder) -> Option<Value>;

/// What it takes for a step to pass, with these values in its texts.
pub(super) fn requirements(step: &Step, value: ValueOf<'_>) -> Vec<String> {
    let mut all = Vec::new();
    if let Some(expect) = &step.expect {
        all.extend(expected(step, &Told { expect, value }));
    } else if let Some(Action::Checks(_)) = &step.run {
        all.push("every check passes".to_owned());
    } else if step.run.is_some() && step.only_engine().is_none() {
        all.push("exit 0".to_owned());
    }
    all.extend(step.verify.iter().map(|check| format!("`{}` passes", check.run.shown())));
    all.extend(step.verify_prose.clone());
    all
}

/// An expectation as it is told.
struct Told<'a> {
    expect: &'a Expectation,
    value: ValueOf<'a>,
}

fn expected(step: &Step, told: &Told<'_>) -> Vec<String> {
    let expect = told.expect;
    let that = &expect.that;
    let codes: Vec<String> = that.exit.iter().map(ToString::to_string).collect();
    let mut all = Vec::new();
    if !codes.is_empty() || step.run.is_some() {
        let codes = if codes.is_empty() { "0".to_owned() } else { codes.join(" or ") };
        all.push(format!("exit {codes}"));
    }
    for (name, text) in [("stdout", &that.stdout), ("stderr", &that.stderr)] {
        let texts = text.iter().flat_map(|text| told.texts(text));
        all.extend(texts.map(|what| format!("{name} {what}")));
    }
    all.extend(that.count.map(|count| format!("{count} lines of stdout")));
    for (path, file) in expect.files.iter().zip(&that.file) {
        let path = filled_in(told.value, path);
        let says_more = !file.contains.is_empty() || file.sha256.is_some();
        if !file.exists {
            all.push(format!("file {path} does not exist"));
        } else if !says_more {
            all.push(format!("file {path} exists"));
        }
        let contains = file.contains.iter().map(|part| told.text(part));
        all.extend(contains.map(|part| format!("file {path} contains `{part}`")));
        all.extend(file.sha256.iter().map(|sum| format!("file {path} has the SHA-256 {sum}")));
    }
    let same = expect.unchanged.iter().map(|path| filled_in(told.value, path));
    all.extend(same.map(|path| format!("{path} is unchanged")));
    all
}

impl Told<'_> {
    fn texts(&self, expect: &TextExpect) -> Vec<String> {
        let mut all = Vec::new();
        all.extend(expect.equals.iter().map(|text| format!("equals `{}`", self.text(text))));
        all.extend(expect.contains.iter().map(|text| format!("contains `{}`", self.text(text))));
        all.extend(expect.matches.iter().map(|regex| format!("matches `{}`", regex.value)));
        all.extend(
            expect.empty.map(|empty| if empty { "is empty" } else { "is not empty" }.to_owned()),
        );
        match &expect.json {
            Some(Json::Valid) => all.push("is JSON".to_owned()),
            Some(Json::At(pointers)) => {
                let pointers = pointers.iter().map(|(at, value)| (at, self.json(value)));
                all.extend(pointers.map(|(at, value)| format!("is JSON with {at} = {value}")));
            }
            None => {}
        }
        all
    }

    /// A text that something is compared with.
    fn text(&self, text: &str) -> String {
        let template = self.expect.texts.get(text);
        template.map_or_else(|| text.to_owned(), |template| filled_in(self.value, template))
    }

    /// A JSON value; a string in it that is one placeholder keeps the type of its value.
    fn json(&self, json: &Value) -> Value {
        let mut each = |text: &str| {
            let parts = self.expect.texts.get(text).map(|template| template.0.as_slice());
            let typed = match parts {
                Some([Part::Ref(found)]) if found.form == Form::Plain => (self.value)(found),
                _ => None,
            };
            Ok::<_, std::convert::Infallible>(typed.unwrap_or_else(|| self.text(text).into()))
        };
        with_strings(json, &mut each).unwrap_or_default()
    }
}
