//! Resources: the report of each run, as JSON.

use rmcp::model::{ErrorData, ReadResourceResult, Resource, ResourceContents, ResourceTemplate};

use super::caller::Caller;
use super::failure::Failure;
use super::runs::LATEST;
use crate::ids::RunId;
use crate::ops::{self, Wanted};
use crate::report;

const BEFORE: &str = "ostler://runs/";
const AFTER: &str = "/report";
const JSON: &str = "application/json";

/// The reports of the latest runs.
pub(super) fn latest(caller: &Caller<'_>) -> Result<Vec<Resource>, Failure> {
    let runs = ops::list(&caller.workspace, &Wanted { limit: LATEST, ..Wanted::default() })?;
    let resource = |run: &ops::Listed| {
        let run = &run.summary;
        let status = run.status.name().replace('_', " ");
        Resource::new(format!("{BEFORE}{}{AFTER}", run.id), format!("{} {}", run.workflow, run.id))
            .with_description(format!("{status}, opened {}", run.opened_at))
            .with_mime_type(JSON)
    };
    Ok(runs.iter().map(resource).collect())
}

/// How the resource of any run is named.
pub(super) fn template() -> ResourceTemplate {
    ResourceTemplate::new(format!("{BEFORE}{{run}}{AFTER}"), "report")
        .with_description("A run's report, as `ostler runs show --format json` has it")
        .with_mime_type(JSON)
}

/// The report that is named.
pub(super) fn read(caller: &Caller<'_>, uri: &str) -> Result<ReadResourceResult, ErrorData> {
    let gone = |why: Failure| ErrorData::resource_not_found(why.text(), None);
    let run = uri.strip_prefix(BEFORE).and_then(|rest| rest.strip_suffix(AFTER));
    let run = run.and_then(RunId::parse).ok_or_else(|| {
        gone(Failure::new("there is no such resource").hint(format!("there is {BEFORE}RUN{AFTER}")))
    })?;
    let load = || Ok(caller.workspace.existing_store()?.load(&run)?);
    let journal = load().map_err(gone)?;
    let text = serde_json::to_string(&report::report(journal.run())).unwrap_or_default();
    let contents = ResourceContents::text(text, uri).with_mime_type(JSON);
    Ok(ReadResourceResult::new(vec![contents]))
}
