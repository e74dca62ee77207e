//! A run's report: printed in the form that is asked for, and kept in files.

use std::io::Write as _;
use std::path::Path;

use super::args::Driving;
use super::formats::ReportFormat;
use super::runs::pretty;
use super::{Context, Exit};
use crate::ids::RunId;
use crate::ops::Session;
use crate::report::{self, AttemptReport, StepReport};
use crate::run::Run;
use crate::store::Store;

/// How many lines of a failed step's output are shown.
const TAIL: usize = 15;
/// The most letters of such a line in a file.
const LETTERS: usize = 500;

impl Context {
    /// Prints the report of a run that was driven, and writes those that were asked for.
    pub(super) fn ended(&self, session: &Session, driving: &Driving) -> Exit {
        let run = session.journal.run();
        self.report(&session.store, run, driving.format.unwrap_or(ReportFormat::Text));
        for file in &driving.report {
            let path = self.cwd.join(&file.path);
            let written = self
                .rendered(&session.store, run, file.format, LETTERS)
                .map_err(std::io::Error::other)
                .and_then(|text| replace(&path, text.as_bytes()));
            if let Err(error) = written {
                self.lost.set(true);
                let path = crate::diagnostic::printable(&file.path.to_string_lossy());
                let word = self.err.bad("error");
                super::say(&format!("{word}: the report {path} could not be written: {error}"));
            }
        }
        Exit::of(session.left, driving.lenient)
    }

    pub(super) fn report(&self, store: &Store, run: &Run, format: ReportFormat) {
        let letters = match format {
            ReportFormat::Text => self.out.width.saturating_sub(6),
            _ => LETTERS,
        };
        match self.rendered(store, run, format, letters) {
            Ok(text) => self.print(&text),
            Err(error) => {
                self.lost.set(true);
                super::say(&format!("error: the report could not be written: {error}"));
            }
        }
    }

    /// The report in a form. Lines of output are cut to so many letters.
    fn rendered(
        &self,
        store: &Store,
        run: &Run,
        format: ReportFormat,
        letters: usize,
    ) -> Result<String, String> {
        let whole = report::report(run);
        let id = RunId::parse(run.id());
        let tail = |step: &StepReport, attempt: &AttemptReport| {
            id.as_ref().map(|id| tail(store, id, step, attempt, letters)).unwrap_or_default()
        };
        Ok(match format {
            ReportFormat::Text => report::text(&whole, &self.out, &tail),
            ReportFormat::Json => format!("{}\n", pretty(&whole)),
            ReportFormat::Markdown => report::markdown(&whole, &tail),
            ReportFormat::Junit => report::junit(&whole, &tail)?,
        })
    }
}

/// The last lines that an attempt wrote, standard error before standard output.
fn tail(
    store: &Store,
    id: &RunId,
    step: &StepReport,
    attempt: &AttemptReport,
    letters: usize,
) -> Vec<String> {
    for ending in ["stderr", "stdout"] {
        let bytes = output(store, id, &step.id, attempt.n, ending).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes[bytes.len().saturating_sub(64 * 1024)..]);
        let lines: Vec<&str> = text.lines().collect();
        if !lines.is_empty() {
            let last = lines[lines.len().saturating_sub(TAIL)..].iter();
            return last.map(|line| line.chars().take(letters).collect()).collect();
        }
    }
    Vec::new()
}

/// What an attempt wrote: from the database, or from its file.
pub(super) fn output(
    store: &Store,
    id: &RunId,
    step: &str,
    n: u32,
    ending: &str,
) -> Option<Vec<u8>> {
    let stem = crate::ids::Instance::parse(step)?.file_stem();
    let name = format!("{stem}.{n}.{ending}");
    if let Ok(Some(bytes)) = store.output(id, &name) {
        return Some(bytes);
    }
    std::fs::read(store.run_dir(id).ok()?.join(name)).ok()
}

/// Puts a file in another's place: whoever reads it sees the one or the other, whole.
fn replace(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let name = path.file_name().ok_or(std::io::ErrorKind::InvalidFilename)?;
    let mut beside = std::ffi::OsString::from(".");
    beside.push(name);
    beside.push(format!(".{}", std::process::id()));
    let beside = path.with_file_name(beside);
    let written = std::fs::File::create_new(&beside).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&beside, path)
    });
    if written.is_err() {
        let _ = std::fs::remove_file(&beside);
    }
    written
}
