//! The confined child: it reads and checks one file after the other, and says after each what it found.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::path::Path;

use sha2::{Digest, Sha256};

use super::calls::{self, Verbs};
use super::confine::confine;
use super::protocol::{Answer, Checked, File, Request, Verb, to_path};
use crate::check::{self, Mention};
use crate::diagnostic::{Diagnostic, Source, Sources};
use crate::plan::hex;
use crate::source::{self, Loaded, Loader, Parent, Roots};
use crate::workflow::Workflow;

/// How much stack deeply nested text may take.
const STACK: usize = 256 * 1024 * 1024;

/// The child's life. Its exit code only says whether it came to the end of its list.
pub fn main() -> u8 {
    let mut text = Vec::new();
    if std::io::stdin().read_to_end(&mut text).is_err() {
        return 1;
    }
    let Ok(request) = serde_json::from_slice::<Request>(&text) else { return 1 };
    let roots = Roots {
        workspace: to_path(&request.workspace),
        imports: request.imports.iter().map(to_path).collect(),
        parents: request
            .parents
            .iter()
            .map(|(folder, shown)| Parent { folder: to_path(folder), shown: shown.clone() })
            .collect(),
        files: request.named.iter().map(to_path).collect(),
    };
    if let Err(why) = confine(&roots.readable(), request.untrusted) {
        return u8::from(!say(&Answer::Refused(why)));
    }
    let work = move || {
        let verbs = Verbs::new(&roots);
        let mut reader = Reader { loader: Loader::new(roots), verbs, spent: Vec::new(), request };
        let files = reader.request.files.clone();
        let done = files.iter().all(|file| say(&Answer::Checked(Box::new(reader.check(file)))));
        // The process is at its end, which frees all of this at once.
        std::mem::forget(reader);
        done
    };
    let done = std::thread::Builder::new()
        .stack_size(STACK)
        .spawn(work)
        .map(std::thread::JoinHandle::join);
    u8::from(!matches!(done, Ok(Ok(true))))
}

/// One line on standard output; `false` if nobody reads it any more.
fn say(answer: &Answer) -> bool {
    let Ok(mut line) = serde_json::to_vec(answer) else { return false };
    line.push(b'\n');
    let mut out = std::io::stdout().lock();
    out.write_all(&line).and_then(|()| out.flush()).is_ok()
}

/// What reads one file after the other.
struct Reader {
    loader: Loader,
    /// The verbs that others call.
    verbs: Verbs,
    /// The last file's workflows, which are freed with the next.
    spent: Vec<Workflow>,
    request: Request,
}

impl Reader {
    fn check(&mut self, file: &File) -> Checked {
        let path = to_path(&file.path);
        if source::is_host(&path) {
            return self.host(&path, &file.shown);
        }
        let Loaded { workflows, mut problems, sources, levels } =
            self.loader.load(&path, &file.shown);
        let mut scripts = BTreeMap::new();
        let known = self.verbs.called(&mut self.loader, &workflows, &file.shown);
        for workflow in &workflows {
            let findings = check::check(workflow, &sources);
            problems.extend(findings.problems);
            problems.extend(check::calls(workflow, &known, self.verbs.names()));
            if self.request.workflows {
                scripts.insert(workflow.id.value.clone(), findings.scripts);
            }
        }
        if let ([only], Some(stem)) = (workflows.as_slice(), path.file_stem()) {
            problems.extend(check::file_name(only, &stem.to_string_lossy()));
        }
        problems.sort_by_cached_key(|p| {
            (p.place.map(|place| (place.file, place.start)), p.code, p.message.clone())
        });
        // What a function makes twice has its place only once.
        problems.dedup();
        let mentions: Vec<Mention> = workflows.iter().flat_map(check::mentions).collect();
        let text = sources.get(0).map(|s| s.text.as_str()).unwrap_or_default();
        Checked {
            file: file.shown.clone(),
            sha256: hex(&Sha256::digest(text)),
            levels,
            scripts,
            called: calls::callees(&known),
            verbs: workflows.iter().map(Verb::of).collect(),
            workflows: if self.request.workflows {
                workflows
            } else {
                self.spent = workflows;
                Vec::new()
            },
            host: None,
            sources: pointed_at(sources, &problems, &mentions),
            mentions,
            problems,
        }
    }

    /// Reads a host's file. All of its text is handed on: whether it is sound is seen beside the other hosts.
    fn host(&mut self, path: &Path, shown: &str) -> Checked {
        let (host, Loaded { mut problems, sources, .. }) = self.loader.load_host(path, shown);
        problems.sort_by_key(|p| p.place.map(|place| (place.file, place.start)));
        Checked { file: shown.to_owned(), host, problems, sources, ..Checked::default() }
    }
}

/// The sources with only the texts that a problem points into, or may point into once the fleet is read.
fn pointed_at(sources: Sources, problems: &[Diagnostic], mentions: &[Mention]) -> Sources {
    let places = problems.iter().flat_map(|p| p.place.iter().chain(p.related.iter().map(|r| &r.0)));
    let places = places.chain(mentions.iter().map(|mention| &mention.place));
    let used: BTreeSet<u16> = places.map(|place| place.file).collect();
    let kept = |(file, source): (u16, Source)| {
        if used.contains(&file) { source } else { Source { text: String::new(), ..source } }
    };
    (0..).zip(sources).map(kept).collect()
}
