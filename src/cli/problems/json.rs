//! Problems for programs: the form is in `docs/json.md`.

use serde_json::{Value, json};

use crate::diagnostic::{Diagnostic, Place, Sources};
use crate::ops::Checked;

/// All problems as JSON.
pub(in crate::cli) fn json(checked: &[Checked]) -> String {
    let files: Vec<Value> = checked
        .iter()
        .map(|one| {
            let problems: Vec<Value> =
                one.problems.iter().map(|p| problem_json(p, &one.sources)).collect();
            let ids: Vec<&str> = one.verbs.iter().map(|verb| verb.id.as_str()).collect();
            json!({ "file": one.file, "workflows": ids, "problems": problems })
        })
        .collect();
    format!("{:#}\n", json!({ "files": files }))
}

fn problem_json(problem: &Diagnostic, sources: &Sources) -> Value {
    let place = |place: Place| {
        let (line, column) = sources.line_column(place);
        let file = sources.get(place.file).map(|s| s.name.as_str());
        json!({ "file": file, "line": line, "column": column })
    };
    let related: Vec<Value> = problem
        .related
        .iter()
        .map(|(p, says)| json!({ "place": place(*p), "says": says }))
        .collect();
    let severity = super::level(problem);
    json!({
        "code": problem.code,
        "severity": severity,
        "message": problem.message,
        "place": problem.place.map(place),
        "expected": problem.label,
        "related": related,
        "hints": problem.hints,
    })
}
