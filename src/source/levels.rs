//! Level resolution: how a verb goes together with the one of the same name in the workspaces above.
//!
//! The strategies are ontoref's (its ADR-018): `Override` stops here, `Delegate` goes to the parent, `Merge` joins all
//! levels and the lower one wins, `Compose` takes over the steps that `extends` names. It works on trees, before they
//! are decoded, because only they know what an author wrote and what he left out.

use serde::{Deserialize, Serialize};

use super::tree::{Entry, Kind, Node};
use super::{ENDINGS, Loaded, Loader};
use crate::diagnostic::{Code, Diagnostic, Place};

/// One level's part in a verb.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Level {
    /// The verb.
    pub verb: String,
    /// The file, as it is shown.
    pub file: String,
    /// The strategy it declares, if any.
    pub strategy: Option<String>,
    /// What comes of that.
    pub does: String,
}

/// The fields of a workflow that its steps stand on where they have none of their own.
const DEFAULTS: [&str; 3] = ["shell", "cwd", "stall_timeout"];

/// What a verb is once its levels are taken together.
pub(super) enum Effective {
    /// What the lowest level says.
    Own,
    /// Something that several levels made.
    Made(Node),
    /// Nothing: the level that would say it is not there.
    Nothing,
}

impl Loader {
    /// The workflow that `own`, of `file`, and the levels above it make. `above` is the first parent to look in.
    pub(super) fn effective(
        &mut self,
        own: &Node,
        file: &str,
        above: usize,
        loaded: &mut Loaded,
    ) -> Effective {
        let strategy = text(own, "strategy").map(|(word, place)| (word.to_owned(), place));
        let parent = text(own, "id").and_then(|(id, _)| self.parent(id, above, loaded));
        let (word, place) = match &strategy {
            Some((word, place)) => (word.as_str(), *place),
            None => ("", own.place),
        };
        extends_fits(own, word, &mut loaded.problems);
        let does = match (word, &parent) {
            ("Delegate", Some(_)) => "goes to the parent".to_owned(),
            ("Merge", Some(_)) => "adds to the parent's, and wins where they differ".to_owned(),
            ("Compose", Some(_)) => {
                format!("takes over the parent's {}", list(&names(own, "extends")))
            }
            ("Delegate" | "Compose", None) => {
                loaded.problems.push(no_parent(word, place));
                "has no parent to go to".to_owned()
            }
            ("", Some(theirs)) => {
                loaded.problems.push(undeclared(own, &theirs.file));
                "stands alone, as if it said Override".to_owned()
            }
            _ => "stands alone".to_owned(),
        };
        let declared = strategy.as_ref().map(|(word, _)| word.clone());
        let verb = text(own, "id").map_or_else(String::new, |(id, _)| id.to_owned());
        loaded.levels.push(Level { verb, file: file.to_owned(), strategy: declared, does });
        let upwards = matches!(word, "Delegate" | "Merge" | "Compose");
        let Some(parent) = parent.filter(|_| upwards) else {
            return if word == "Delegate" { Effective::Nothing } else { Effective::Own };
        };
        let theirs = match self.effective(&parent.node, &parent.file, parent.level + 1, loaded) {
            Effective::Own => parent.node,
            Effective::Made(node) => node,
            Effective::Nothing => return Effective::Nothing,
        };
        Effective::Made(match word {
            "Delegate" => theirs,
            "Merge" => merge(own, &theirs),
            _ => compose(own, &theirs, &mut loaded.problems),
        })
    }

    /// The workflow of this id in the nearest parent that has one, and the name of its file.
    fn parent(&mut self, id: &str, above: usize, loaded: &mut Loaded) -> Option<Theirs> {
        let parents = self.roots.parents.clone();
        for (level, parent) in parents.iter().enumerate().skip(above) {
            for ending in ENDINGS {
                let path = parent.folder.join("workflows").join(format!("{id}.{ending}"));
                if !path.exists() {
                    continue;
                }
                let file = format!("{}/workflows/{id}.{ending}", parent.shown);
                let tree = self.tree(&path, &file, &mut loaded.sources);
                let tree = tree.map_err(|problems| loaded.problems.extend(problems)).ok()?;
                let is_it = |node: &&Node| text(node, "id").is_none_or(|(theirs, _)| theirs == id);
                let nodes = super::workflow::nodes(&tree, &mut loaded.problems);
                let theirs = nodes.into_iter().find(is_it);
                return theirs.cloned().map(|node| Theirs { node, file, level });
            }
        }
        None
    }
}

/// A parent's workflow.
struct Theirs {
    node: Node,
    /// Its file, as it is shown.
    file: String,
    /// Which of the parents has it.
    level: usize,
}

/// A text field and its place.
fn text<'n>(node: &'n Node, key: &str) -> Option<(&'n str, Place)> {
    let value = &entry(node, key)?.value;
    let Kind::String(text) = &value.kind else { return None };
    Some((text, value.place))
}

fn entry<'n>(node: &'n Node, key: &str) -> Option<&'n Entry> {
    let Kind::Table(entries) = &node.kind else { return None };
    entries.iter().find(|entry| entry.key == key)
}

/// The elements of a list field.
fn items<'n>(node: &'n Node, key: &str) -> &'n [Node] {
    match entry(node, key).map(|entry| &entry.value.kind) {
        Some(Kind::Array(all)) => all,
        _ => &[],
    }
}

/// The texts in a list field, with their places.
fn names<'n>(node: &'n Node, key: &str) -> Vec<(&'n str, Place)> {
    let each = items(node, key).iter();
    each.filter_map(|node| match &node.kind {
        Kind::String(text) => Some((text.as_str(), node.place)),
        _ => None,
    })
    .collect()
}

fn list(names: &[(&str, Place)]) -> String {
    names.iter().map(|(name, _)| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

fn extends_fits(own: &Node, strategy: &str, problems: &mut Vec<Diagnostic>) {
    let Some(extends) = entry(own, "extends") else {
        if strategy == "Compose" {
            let place = text(own, "strategy").map_or(own.place, |(_, place)| place);
            problems.push(
                Diagnostic::new(Code::MissingField, "Compose needs `extends`")
                    .at(place, "takes over the parent's steps that `extends` names"),
            );
        }
        return;
    };
    if strategy != "Compose" && !items(own, "extends").is_empty() {
        problems.push(
            Diagnostic::new(Code::Contradiction, "`extends` without the strategy Compose")
                .at(extends.key_place, "nothing is taken over")
                .hint("write strategy = \"Compose\", or Merge to take over everything"),
        );
    }
}

fn no_parent(strategy: &str, place: Place) -> Diagnostic {
    Diagnostic::new(Code::NoParent, format!("{strategy} without a verb of this name above"))
        .at(place, "no workspace above has it")
        .hint("the workspace above is declared in ostler.toml: parent = \"../base\"")
}

fn undeclared(own: &Node, theirs: &str) -> Diagnostic {
    let place = text(own, "id").map_or(own.place, |(_, place)| place);
    Diagnostic::new(Code::NoStrategy, format!("{theirs} has this verb too"))
        .at(place, "stands alone, as with strategy = \"Override\"")
        .hint("say how they go together: strategy = Override, Delegate, Merge or Compose")
}

/// What tells the elements of a list apart, where it is a list of named things.
fn key_of(field: &str) -> Option<&'static str> {
    match field {
        "steps" | "finally" | "guards" => Some("id"),
        "params" => Some("name"),
        _ => None,
    }
}

/// Both levels' fields; where they differ, the lower one's.
fn merge(own: &Node, theirs: &Node) -> Node {
    let (Kind::Table(lower), Kind::Table(upper)) = (&own.kind, &theirs.kind) else {
        return own.clone();
    };
    let mut entries = lower.clone();
    for above in upper.iter().filter(|entry| entry.key != "extends") {
        match entries.iter_mut().find(|entry| entry.key == above.key) {
            None => entries.push(above.clone()),
            Some(below) => below.value.kind = joined(&below.key, &below.value, &above.value),
        }
    }
    Node { place: own.place, kind: Kind::Table(entries) }
}

/// One field of both levels.
fn joined(field: &str, lower: &Node, upper: &Node) -> Kind {
    match (&lower.kind, &upper.kind) {
        (Kind::Array(low), Kind::Array(up)) => Kind::Array(match key_of(field) {
            Some(key) => by_key(key, low, up),
            None if matches!(
                field,
                "preconditions" | "postconditions" | "param_groups" | "locks"
            ) =>
            {
                let known = |node: &Node| low.iter().any(|own| own.to_json() == node.to_json());
                up.iter().filter(|node| !known(node)).chain(low).cloned().collect()
            }
            None => low.clone(),
        }),
        (Kind::Table(low), Kind::Table(up)) if matches!(field, "env" | "outputs") => {
            let known = |entry: &&Entry| !low.iter().any(|own| own.key == entry.key);
            Kind::Table(up.iter().filter(known).chain(low).cloned().collect())
        }
        (own, _) => own.clone(),
    }
}

/// The upper list with the lower's elements in place of those of the same name, and the lower's others after it.
fn by_key(key: &str, lower: &[Node], upper: &[Node]) -> Vec<Node> {
    let name = |node: &Node| text(node, key).map(|(name, _)| name.to_owned());
    let same = |a: &Node, b: &Node| name(a).is_some() && name(a) == name(b);
    let replaced = upper.iter().map(|up| lower.iter().find(|low| same(low, up)).unwrap_or(up));
    let added = lower.iter().filter(|low| !upper.iter().any(|up| same(low, up)));
    replaced.chain(added).cloned().collect()
}

/// The lower level's workflow with the upper's steps that it names, and the params that those stand on.
fn compose(own: &Node, theirs: &Node, problems: &mut Vec<Diagnostic>) -> Node {
    let mut whole = own.clone();
    let Kind::Table(entries) = &mut whole.kind else { return whole };
    let wanted = names(own, "extends");
    let is_wanted =
        |step: &&Node| text(step, "id").is_some_and(|(id, _)| wanted.iter().any(|(w, _)| *w == id));
    let mut found = Vec::new();
    for field in ["steps", "finally"] {
        let taken: Vec<&Node> = items(theirs, field).iter().filter(is_wanted).collect();
        found.extend(taken.iter().filter_map(|step| text(step, "id")));
        let taken = taken.into_iter().map(|step| with_defaults(step, theirs)).collect();
        append(entries, field, taken, theirs.place);
    }
    let params = items(theirs, "params").iter();
    let own_names: Vec<&str> =
        items(own, "params").iter().filter_map(|p| text(p, "name")).map(|(name, _)| name).collect();
    let added =
        params.filter(|p| text(p, "name").is_none_or(|(name, _)| !own_names.contains(&name)));
    append(entries, "params", added.cloned().collect(), theirs.place);
    for (name, place) in &wanted {
        if !found.iter().any(|(id, _)| id == name) {
            let all = items(theirs, "steps").iter().chain(items(theirs, "finally"));
            let ids: Vec<&str> = all.filter_map(|s| text(s, "id")).map(|(id, _)| id).collect();
            problems.push(
                Diagnostic::new(Code::UnknownStep, format!("the parent has no step `{name}`"))
                    .at(*place, "to be taken over")
                    .suggest(name, ids),
            );
        }
    }
    whole
}

/// A parent's step that no longer needs its workflow: the defaults it stands on become its own.
fn with_defaults(step: &Node, workflow: &Node) -> Node {
    let mut step = step.clone();
    // Only shell text stands on the workflow's shell.
    let unused = entry(&step, "cmd").or(entry(&step, "checks")).map_or("shell", |_| "");
    if let Kind::Table(entries) = &mut step.kind {
        let defaults = DEFAULTS.iter().filter(|field| **field != unused);
        for field in defaults.filter_map(|field| entry(workflow, field)) {
            if !entries.iter().any(|own| own.key == field.key) {
                entries.push(field.clone());
            }
        }
        if let Some(env) = entry(workflow, "env") {
            match entries.iter_mut().find(|own| own.key == "env") {
                Some(own) => own.value.kind = joined("env", &own.value, &env.value),
                None => entries.push(env.clone()),
            }
        }
    }
    step
}

/// Puts elements at the end of a list field, which is made if it is not there.
fn append(entries: &mut Vec<Entry>, field: &str, more: Vec<Node>, place: Place) {
    match entries.iter_mut().find(|entry| entry.key == field) {
        _ if more.is_empty() => {}
        Some(Entry { value: Node { kind: Kind::Array(all), .. }, .. }) => all.extend(more),
        Some(_) => {}
        None => {
            let value = Node { place, kind: Kind::Array(more) };
            entries.push(Entry { key: field.to_owned(), key_place: place, value });
        }
    }
}
