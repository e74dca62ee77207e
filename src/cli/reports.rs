//! A run's report: printed in the form that is asked for, and kept in files.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;

use super::Context;
use super::args::Showing;
use super::formats::ReportFormat;
use super::runs::pretty;
use crate::ids::RunId;
use crate::ops;
use crate::report::{self, Look, StepReport};
use crate::run::Run;
use crate::store::Store;

impl Context {
    /// Prints a run's report, and writes those that were asked for. Of steps in these states the reader knows.
    pub(super) fn report(
        &self,
        store: &Store,
        run: &Run,
        showing: &Showing,
        said: &BTreeMap<String, String>,
    ) {
        let format = showing.format.unwrap_or(ReportFormat::Text);
        match self.rendered(store, run, format, showing, said) {
            Ok(text) => self.print(&text),
            Err(error) => self.unwritten("the report", &error),
        }
        for file in &showing.report {
            let written = self
                .rendered(store, run, file.format, showing, &BTreeMap::new())
                .and_then(|text| {
                    replace(&self.cwd.join(&file.path), text.as_bytes()).map_err(|e| e.to_string())
                });
            if let Err(error) = written {
                let path = crate::diagnostic::printable(&file.path.to_string_lossy());
                self.unwritten(&format!("the report {path}"), &error);
            }
        }
    }

    fn unwritten(&self, what: &str, error: &str) {
        self.lost.set(true);
        super::say(&format!("{}: {what} could not be written: {error}", self.err.bad("error")));
    }

    /// The report in a form.
    fn rendered(
        &self,
        store: &Store,
        run: &Run,
        format: ReportFormat,
        showing: &Showing,
        said: &BTreeMap<String, String>,
    ) -> Result<String, String> {
        let id = RunId::parse(run.id());
        let output = |step: &StepReport, attempt: u32, stream: &str| {
            let found = |id| ops::output_end(store, id, &step.id, attempt, stream);
            id.as_ref().map(found).unwrap_or_default()
        };
        Ok(match format {
            ReportFormat::Text => {
                let (paint, width) = (&self.out, self.out.room());
                let look = Look { paint, width, detail: showing.detail(), output: &output };
                report::text(run, &look, said)
            }
            ReportFormat::Json => format!("{}\n", pretty(&report::report(run))),
            ReportFormat::Markdown => report::markdown(&report::report(run), &output),
            ReportFormat::Junit => report::junit(&report::report(run), &output)?,
        })
    }
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
