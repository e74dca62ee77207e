//! Whatever is written in a workflow file, reading, checking and planning it ends, and never panics.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::path::Path;

use ostler::expr::template::Named;
use ostler::expr::{Condition, Template};
use ostler::plan::{Facts, Given, resolve};
use ostler::shell::{has_pipeline, simple_command};
use ostler::{check, source};
use proptest::prelude::*;

/// Reads, checks and, if it is sound, plans.
fn swallow(text: String) {
    let loaded = source::from_text("w.toml", text);
    for workflow in &loaded.workflows {
        let check::Findings { problems, scripts } = check::check(workflow, &loaded.sources);
        for problem in loaded.problems.iter().chain(&problems) {
            for place in problem.place.iter().chain(problem.related.iter().map(|(p, _)| p)) {
                let (line, column) = loaded.sources.line_column(*place);
                assert!(line > 0 && column > 0);
            }
        }
        if !problems.iter().chain(&loaded.problems).any(ostler::diagnostic::Diagnostic::is_error)
            && let Ok(plan) = resolve(workflow, &scripts, &Given::new(), &Facts::default())
        {
            let again: ostler::plan::Plan = serde_json::from_str(&plan.to_json()).unwrap();
            assert_eq!(again.digest(), plan.digest());
            let run = ostler::run::Run::new(std::sync::Arc::new(plan));
            assert_eq!(run.decide(&ostler::run::Room::default()), []);
        }
    }
}

/// The golden files and the project's own workflows, to mutate.
fn seeds() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let dirs = [root.join("tests/golden/check"), root.join("workflows")];
    let files = dirs.iter().flat_map(|dir| std::fs::read_dir(dir).unwrap());
    let paths = files
        .map(|entry| entry.unwrap().path())
        .filter(|p| p.extension().is_some_and(|e| e == "toml"));
    let texts = paths.map(|path| std::fs::read_to_string(path).unwrap());
    texts.filter(|text| text.len() < 20_000).collect()
}

fn mutated() -> impl Strategy<Value = String> {
    let edits =
        prop::collection::vec((any::<prop::sample::Index>(), 0_usize..12, "\\PC{0,6}"), 1..6);
    (prop::sample::select(seeds()), prop::sample::select(seeds()), edits).prop_map(
        |(one, other, edits)| {
            let mut text: Vec<char> = one.chars().collect();
            for (at, length, new) in edits {
                let at = at.index(text.len().max(1));
                let end = (at + length).min(text.len());
                text.splice(at.min(end)..end, new.chars());
            }
            let mut text: String = text.into_iter().collect();
            if let Some((_, steps)) = other.split_once("[[steps]]") {
                text.push_str("\n[[steps]]");
                text.push_str(steps);
            }
            text
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, ..ProptestConfig::default() })]

    #[test]
    fn mutated_files_are_swallowed(text in mutated()) {
        swallow(text);
    }

    #[test]
    fn any_text_is_swallowed(text in "\\PC{0,200}") {
        swallow(text);
    }

    #[test]
    fn placeholders_and_conditions_never_panic(text in "[{}$a-z.:\\-()\\[\\]!?'\" 0-9\\\\é]{0,60}") {
        if let Ok(template) = Template::parse(&text, |name| (name.len() < 3).then_some(Named::Param)) {
            let _ = Template::parse(&template.shown(), |name| (name.len() < 3).then_some(Named::Param));
        }
        // With nothing declared, only the fixed names are ours: all else stays as it is.
        if let Ok(template) = Template::parse(&text, |_| None) {
            prop_assert!(template.placeholders().next().is_some() || template.shown() == text);
        }
        let _ = Condition::parse(&text).map(|c| (c.names(), c.holds(&serde_json::Map::new())));
        let _ = (has_pipeline(&text), simple_command(&text));
    }
}
