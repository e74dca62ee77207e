//! Nickel programs to trees: evaluated to data in which every value keeps the place its author wrote it at.
//!
//! The rule for places, from trial 0002: a value's own place; else, where that is the standard library's or our
//! contracts' or there is none, its key's; else its parent's.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use nickel_lang_core::cache::{CacheHub, InputFormat, SourcePath};
use nickel_lang_core::error::{Error, IntoDiagnostics, NullReporter};
use nickel_lang_core::eval::cache::CacheImpl;
use nickel_lang_core::eval::value::{Container, NickelValue, ValueContentRef};
use nickel_lang_core::eval::{VirtualMachine, VmContext};
use nickel_lang_core::files::{FileId, Files};
use nickel_lang_core::position::TermPos;
use serde::Deserialize;

use super::tree::{Entry, Kind, MAX_DEPTH, Node};
use crate::diagnostic::{Code, Diagnostic, Place, Sources, printable};

/// Where the contracts inside the binary seem to lie: the last of the import paths.
const BUILT_IN: &str = "/built-in";

/// The contracts inside the binary, by the path they are imported with.
const CONTRACTS: &[(&str, &str)] =
    &[("schemas/workflow.ncl", include_str!("../../schemas/workflow.ncl"))];

/// The prepared standard library and all that was imported, shared by the files of a batch.
pub(super) struct Nickel {
    context: VmContext<CacheHub, CacheImpl>,
    /// The folder that names of files are shown from.
    root: PathBuf,
}

impl Nickel {
    /// Prepares for files of the workspace `root`; imports are also looked for in `import_paths`.
    pub(super) fn new(root: &Path, import_paths: &[PathBuf]) -> Self {
        let mut hub = CacheHub::new();
        let own = [root.to_owned(), root.join("schemas")];
        let paths = own.iter().chain(import_paths).cloned();
        hub.sources.add_import_paths(paths.chain([PathBuf::from(BUILT_IN)]));
        for (name, text) in CONTRACTS {
            let path = SourcePath::Path(Path::new(BUILT_IN).join(name), InputFormat::Nickel);
            hub.sources.add_string(path, (*text).to_owned());
        }
        let context = VmContext::new(hub, std::io::sink(), NullReporter {});
        Self { context, root: root.to_owned() }
    }

    /// Evaluates a program that was added to `sources` as `file`; files it imports are added as they are met.
    pub(super) fn read(
        &mut self,
        path: &Path,
        text: &str,
        file: u16,
        sources: &mut Sources,
    ) -> Result<Node, Vec<Diagnostic>> {
        let name = SourcePath::Path(path.to_owned(), InputFormat::Nickel);
        let id = self.context.import_resolver.sources.add_string(name, text.to_owned());
        let mut numbers = HashMap::from([(id, Some(file))]);
        let whole = Place { file, start: 0, end: u32::try_from(text.len()).unwrap_or(u32::MAX) };
        let value = self.evaluate(id);
        let cache = &self.context.import_resolver.sources;
        let contracts = CONTRACTS.iter().flat_map(|(name, _)| {
            [self.root.join(name), Path::new(BUILT_IN).join(name)]
                .map(|path| cache.id_of(&SourcePath::Path(path, InputFormat::Nickel)))
        });
        let contracts = contracts.flatten().collect();
        let files = cache.files().clone();
        let mut shown =
            Shown { files, contracts, numbers: &mut numbers, sources, root: &self.root };
        match value {
            Ok(value) => {
                let mut walk = Walk { context: &self.context, shown: &mut shown };
                Ok(walk.node(&value, TermPos::None, whole, 0))
            }
            Err(error) => Err(shown.problems(error, whole)),
        }
    }

    fn evaluate(&mut self, id: FileId) -> Result<NickelValue, Error> {
        let prepared = self.context.prepare_eval(id)?;
        Ok(VirtualMachine::new(&mut self.context).eval_full_for_export(prepared)?)
    }
}

/// Nickel's files as ours.
struct Shown<'a> {
    files: Files,
    /// The contracts' files: what their constructors make, the author has written elsewhere.
    contracts: Vec<FileId>,
    /// Our number of each of Nickel's files; none for those that no author wrote.
    numbers: &'a mut HashMap<FileId, Option<u16>>,
    sources: &'a mut Sources,
    root: &'a Path,
}

impl Shown<'_> {
    fn place(&mut self, id: FileId, start: usize, end: usize) -> Option<Place> {
        let known = self.numbers.get(&id).copied();
        let file = known.unwrap_or_else(|| {
            let number = self.add(id);
            self.numbers.insert(id, number);
            number
        })?;
        let clamp = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        Some(Place { file, start: clamp(start), end: clamp(end) })
    }

    /// Adds a file an author wrote; the standard library and snippets made for a message are not.
    fn add(&mut self, id: FileId) -> Option<u16> {
        let path = Path::new(self.files.name(id)).to_owned();
        if self.files.is_stdlib(id) || !path.is_absolute() {
            return None;
        }
        let own = path.strip_prefix(self.root).map(|p| p.display().to_string());
        let name = own.unwrap_or_else(|_| match path.strip_prefix(BUILT_IN) {
            Ok(contract) => format!("{} (built in)", contract.display()),
            Err(_) => path.display().to_string(),
        });
        Some(self.sources.add(name, self.files.source(id).to_owned()))
    }

    fn of(&mut self, at: TermPos) -> Option<Place> {
        let span = at.into_opt()?;
        self.place(span.src_id, span.start.to_usize(), span.end.to_usize())
    }

    /// Where the author wrote it, if that is told.
    fn written(&mut self, at: TermPos) -> Option<Place> {
        let span = at.into_opt()?;
        if self.contracts.contains(&span.src_id) { None } else { self.of(at) }
    }

    /// What Nickel found wrong. It stops at the first fault, syntax aside, of which it tells all.
    fn problems(&mut self, error: Error, whole: Place) -> Vec<Diagnostic> {
        let code = match &error {
            Error::ParseErrors(_) => Code::Syntax,
            Error::TypecheckError(_) => Code::NickelType,
            Error::ImportError(_) | Error::IOError(_) => Code::Import,
            Error::EvalError(_) | Error::ExportError(_) | Error::ReplError(_) => Code::NickelValue,
        };
        // Nickel adds the snippets it made up for its message.
        let told = error.into_diagnostics(&mut self.files);
        // A syntax error is told once for each fault, any other with its call stack after it.
        let several = if code == Code::Syntax { told.len() } else { 1 };
        told.into_iter().take(several).map(|one| self.problem(code, &one, whole)).collect()
    }

    fn problem(
        &mut self,
        code: Code,
        told: &codespan_reporting::diagnostic::Diagnostic<FileId>,
        whole: Place,
    ) -> Diagnostic {
        use codespan_reporting::diagnostic::LabelStyle;
        // An import that fails is told as whatever was being done when it was met.
        let import = told.message.strip_prefix("import of ").and_then(|m| m.split_once(" failed:"));
        let mut problem = match import {
            Some((what, _)) => cannot_import(what),
            None => headed(code, &told.message),
        };
        let mut labels: Vec<_> = told.labels.iter().collect();
        // The fault is in the author's record, not in the contract that asks for the field.
        let missing = told.message.starts_with("missing definition");
        labels.sort_by_key(|label| (label.style == LabelStyle::Primary) == missing);
        for label in labels {
            let place = self.place(label.file_id, label.range.start, label.range.end);
            let says = printable(&label.message);
            problem = match (place, problem.place) {
                (Some(at), None) if says.is_empty() => problem.at(at, "here"),
                (Some(at), None) => problem.at(at, says),
                (Some(at), Some(_)) => problem.with(at, says),
                (None, _) => problem,
            };
        }
        for note in told.notes.iter().filter(|_| import.is_none()).take(4) {
            problem = problem.hint(printable(note.trim()));
        }
        if problem.place.is_none() {
            problem = problem.at(Place { end: whole.start, ..whole }, "in this file");
        }
        problem
    }
}

/// A problem by Nickel's words: the first line, without the file's path, is the message.
fn headed(code: Code, message: &str) -> Diagnostic {
    let mut lines = message.lines().map(str::trim).filter(|line| !line.is_empty());
    let head = lines.next().unwrap_or_default();
    let head = head.split(" when parsing ").next().unwrap_or_default();
    lines.fold(Diagnostic::new(code, printable(head)), |one, line| one.hint(printable(line)))
}

fn cannot_import(what: &str) -> Diagnostic {
    Diagnostic::new(Code::Import, format!("`{}` cannot be imported", printable(what)))
        .hint("imports are looked for beside the file, in the workspace, in its `schemas/`, and where --import-path says")
        .hint("what is not a file there, or leads out of there, is not read")
}

/// The walk over an evaluated value.
struct Walk<'a, 'b> {
    context: &'a VmContext<CacheHub, CacheImpl>,
    shown: &'a mut Shown<'b>,
}

impl Walk<'_, '_> {
    fn node(&mut self, value: &NickelValue, key: TermPos, parent: Place, depth: usize) -> Node {
        let own = self.context.pos_table.get(value.pos_idx());
        let place = self.shown.written(own).or_else(|| self.shown.written(key)).unwrap_or(parent);
        let kind = match value.content_ref() {
            _ if depth > MAX_DEPTH => Kind::Other("a value nested too deeply"),
            ValueContentRef::Null => Kind::Other("null"),
            ValueContentRef::Bool(b) => Kind::Bool(b),
            ValueContentRef::Number(exact) => {
                i64::try_from(exact).map_or_else(|_| float(value), Kind::Int)
            }
            ValueContentRef::String(text) => Kind::String(text.as_str().to_owned()),
            ValueContentRef::EnumVariant(tag) if tag.arg.is_none() => {
                Kind::String(tag.tag.label().to_owned())
            }
            ValueContentRef::EnumVariant(_) => Kind::Other("a tag with an argument"),
            ValueContentRef::Array(Container::Empty) => Kind::Array(Vec::new()),
            ValueContentRef::Array(Container::Alloc(data)) => {
                let each = data.array.iter();
                Kind::Array(each.map(|v| self.node(v, TermPos::None, place, depth + 1)).collect())
            }
            ValueContentRef::Record(Container::Empty) => Kind::Table(Vec::new()),
            ValueContentRef::Record(Container::Alloc(record)) => {
                let exported = record.fields.iter().filter(|(_, f)| !f.metadata.not_exported());
                let fields = exported.filter_map(|(key, f)| Some((key, f.value.as_ref()?)));
                let entries = fields.map(|(key, value)| Entry {
                    key: key.label().to_owned(),
                    key_place: self.shown.written(key.pos).unwrap_or(place),
                    value: self.node(value, key.pos, place, depth + 1),
                });
                Kind::Table(entries.collect())
            }
            ValueContentRef::Term(_) | ValueContentRef::Thunk(_) => Kind::Other("a function"),
            ValueContentRef::Type(_) | ValueContentRef::CustomContract(_) => {
                Kind::Other("a contract")
            }
            ValueContentRef::Label(_)
            | ValueContentRef::ForeignId(_)
            | ValueContentRef::SealingKey(_) => Kind::Other("an internal value"),
        };
        Node { place, kind }
    }
}

/// A number that is not a whole one of 64 bits: the nearest float. Nickel itself has one kind of numbers only.
fn float(value: &NickelValue) -> Kind {
    match f64::deserialize(value.clone()) {
        Ok(float) if float.is_finite() => Kind::Float(float),
        _ => Kind::Other("a number beyond 64 bits"),
    }
}
