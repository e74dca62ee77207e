//! The project's own rules, kept by machine: layers, purity, headers, sizes, one home for each big dependency.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::path::{Path, PathBuf};

/// The modules by row: one uses earlier rows only.
const ROWS: &[&[&str]] = &[
    &["ids", "value"],
    &["diagnostic", "redact"],
    &["expr"],
    &["shell"],
    &["workflow"],
    &["fleet"],
    &["source", "check"],
    &["plan"],
    &["run"],
    &["retention"],
    &["reader", "action", "store", "report"],
    &["exec"],
    &["ops"],
    &["mcp"],
    &["cli"],
];

/// Modules that use no clock, file, process, environment or async.
const PURE: &[&str] = &[
    "diagnostic",
    "redact",
    "expr",
    "shell",
    "workflow",
    "fleet",
    "check",
    "plan",
    "run",
    "retention",
    "report",
];

/// Big dependencies and the only modules that may name them.
const HOMES: &[(&str, &[&str])] = &[
    ("rusqlite", &["store"]),
    ("nickel_lang_core", &["source"]),
    ("codespan_reporting", &["source"]),
    ("landlock", &["reader"]),
    ("duct", &["reader", "ops"]),
    ("petgraph", &["check"]),
    ("aho_corasick", &["redact"]),
    ("cel::", &["expr"]),
    ("brush_parser", &["shell"]),
    ("rmcp", &["mcp"]),
    ("clap", &["cli"]),
    ("indicatif", &["cli"]),
    ("annotate_snippets", &["cli"]),
    ("tokio", &["action", "exec", "ops", "mcp"]),
    ("regex::", &["action", "check"]),
    ("toml::", &["source", "ops"]),
    ("quick_junit", &["report"]),
    ("unicode_width", &["report"]),
];

/// The most lines of a file, its tests aside.
const MAX_LINES: usize = 400;

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
    found
}

/// Each source file with its module and its text before any tests.
fn sources() -> Vec<(PathBuf, String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut all = Vec::new();
    for path in files(&root) {
        let inside = path.strip_prefix(&root).unwrap().to_owned();
        let first = inside.components().next().unwrap().as_os_str().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&path).unwrap();
        let text = text.split("#[cfg(test)]").next().unwrap().to_owned();
        all.push((inside, first.trim_end_matches(".rs").to_owned(), text));
    }
    assert!(all.len() > 40, "the sources were not found");
    all
}

/// The text without comments.
fn code(text: &str) -> String {
    text.lines().filter(|l| !l.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

#[test]
fn rows_only_point_up() {
    let row = |module: &str| ROWS.iter().position(|r| r.contains(&module));
    let mut broken = Vec::new();
    for (path, module, text) in sources() {
        let Some(own) = row(&module) else { continue };
        for used in code(&text).split("crate::").skip(1) {
            let used: String =
                used.chars().take_while(|c| c.is_ascii_lowercase() || *c == '_').collect();
            let Some(other) = row(&used) else { continue };
            let allowed = other < own || used == module;
            if !allowed {
                broken.push(format!("{}: {module} uses {used}", path.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn every_module_has_a_row() {
    let known: Vec<&str> = ROWS.iter().flat_map(|r| r.iter().copied()).collect();
    for (_, module, _) in sources() {
        assert!(
            known.contains(&module.as_str()) || module == "lib" || module == "main",
            "{module}"
        );
    }
}

#[test]
fn pure_modules_touch_nothing() {
    let words = [
        "std::fs",
        "std::env",
        "std::process",
        "std::net",
        "Instant",
        "SystemTime",
        "tokio",
        "async ",
        "rustix",
    ];
    let mut broken = Vec::new();
    for (path, module, text) in sources().into_iter().filter(|(_, m, _)| PURE.contains(&m.as_str()))
    {
        let is_root = path.ends_with("mod.rs") && path.components().count() == 2;
        if is_root && !text.contains("#![deny(clippy::disallowed_methods)]") {
            broken.push(format!("{module} does not deny clippy::disallowed_methods"));
        }
        for word in words.iter().filter(|w| code(&text).contains(**w)) {
            broken.push(format!("{}: {word}", path.display()));
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn big_dependencies_have_one_home() {
    let mut broken = Vec::new();
    for (path, module, text) in sources() {
        for (name, homes) in HOMES {
            let named = code(&text).lines().any(|line| {
                let at = line.find(name);
                at.is_some_and(|i| {
                    !line[..i].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':')
                })
            });
            if named && !homes.contains(&module.as_str()) {
                broken.push(format!("{}: {name}", path.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn every_file_says_what_it_is_for_and_stays_small() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for path in files(&root.join("src")).into_iter().chain(files(&root.join("tests"))) {
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("//! "), "{} has no header", path.display());
        let own = text.split("#[cfg(test)]").next().unwrap().lines().count();
        assert!(own <= MAX_LINES, "{} has {own} lines", path.display());
    }
}

#[test]
fn no_test_file_is_forgotten() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/integration");
    let main = std::fs::read_to_string(dir.join("main.rs")).unwrap();
    for path in files(&dir) {
        let stem = path.file_stem().unwrap().to_string_lossy().into_owned();
        assert!(
            stem == "main" || main.contains(&format!("mod {stem};")),
            "{stem} is not in main.rs"
        );
    }
}

#[test]
fn only_the_surface_prints() {
    for (path, module, text) in sources() {
        let prints = ["println!", "eprintln!", "print!(", "eprint!("]
            .iter()
            .any(|w| code(&text).contains(w));
        assert!(!prints || module == "cli", "{} prints", path.display());
    }
}

/// The text of a page outside of its fenced blocks.
fn prose(text: &str) -> String {
    let mut fence = None;
    let mut kept = String::new();
    for line in text.lines() {
        let ticks = line.len() - line.trim_start_matches('`').len();
        match fence {
            None if ticks >= 3 => fence = Some(ticks),
            Some(open) if ticks == open && line.trim_end().len() == ticks => fence = None,
            None => kept.extend([line, "\n"]),
            Some(_) => {}
        }
    }
    kept
}

/// What the headings of a page are called in links.
fn anchors(text: &str) -> Vec<String> {
    let headings = text.lines().filter(|line| line.starts_with('#'));
    let slug = |line: &str| -> String {
        let plain = line.trim_start_matches('#').trim().to_lowercase();
        let kept = plain.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    };
    headings.map(slug).collect()
}

#[test]
fn every_link_of_the_pages_leads_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut pages = vec![root.join("README.md")];
    for entry in std::fs::read_dir(root.join("docs")).unwrap() {
        pages.push(entry.unwrap().path());
    }
    let mut broken = Vec::new();
    let mut seen = 0;
    for page in pages.iter().filter(|p| p.extension().is_some_and(|e| e == "md")) {
        let text = prose(&std::fs::read_to_string(page).unwrap());
        for link in text.split("](").skip(1).filter_map(|rest| rest.split_once(')')) {
            let (file, anchor) = link.0.split_once('#').unwrap_or((link.0, ""));
            if file.contains("://") {
                continue;
            }
            seen += 1;
            let target =
                if file.is_empty() { page.clone() } else { page.parent().unwrap().join(file) };
            let there = std::fs::read_to_string(&target).unwrap_or_default();
            let found = target.exists()
                && (anchor.is_empty() || anchors(&prose(&there)).iter().any(|a| a == anchor));
            if !found {
                broken.push(format!("{}: {}", page.display(), link.0));
            }
        }
    }
    assert!(broken.is_empty() && seen > 60, "{seen} links, of which broken: {broken:#?}");
}

#[test]
fn every_page_is_in_the_index() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let index = std::fs::read_to_string(docs.join("README.md")).unwrap();
    for entry in std::fs::read_dir(&docs).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(name == "README.md" || index.contains(&format!("({name}")), "{name} is not in it");
    }
}
