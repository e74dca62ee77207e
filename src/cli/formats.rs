//! The forms in which things are printed, and the options that choose them.

use std::path::PathBuf;

use clap::ValueEnum;

/// How a plan is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum PlanFormat {
    /// For people, with a picture of the graph
    Text,
    /// For programs
    Json,
    /// The graph, for Graphviz
    Dot,
    /// The graph, for Markdown
    Mermaid,
    /// The graph, for browsers
    Svg,
}

/// What of a plan is shown, and how.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct Planning {
    /// How the plan is printed [default: text]
    #[arg(long, value_name = "FORMAT")]
    pub(super) format: Option<PlanFormat>,
    /// Say what would follow if this step failed; may be given again
    #[arg(long, value_name = "STEP")]
    pub(super) fail: Vec<String>,
}

impl Planning {
    /// Options may stand before the verb or after it.
    pub(super) fn merged(before: &Self, after: Self) -> Self {
        let fail = before.fail.iter().cloned().chain(after.fail).collect();
        Self { format: after.format.or(before.format), fail }
    }
}

/// How a run's report is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ReportFormat {
    /// For people
    Text,
    /// For programs
    Json,
    /// For pages such as GitHub's step summary
    Markdown,
    /// For CI servers
    Junit,
}

/// A file that gets a run's report, in the form that its name's ending says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ReportFile {
    pub(super) path: PathBuf,
    pub(super) format: ReportFormat,
}

impl std::str::FromStr for ReportFile {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let path = PathBuf::from(text);
        let format = match path.extension().and_then(|ending| ending.to_str()) {
            Some("md") => ReportFormat::Markdown,
            Some("xml") => ReportFormat::Junit,
            Some("json") => ReportFormat::Json,
            _ => return Err("the name of a report ends in .md, .xml or .json".to_owned()),
        };
        Ok(Self { path, format })
    }
}

/// How the problems of files are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum CheckFormat {
    /// For people
    Text,
    /// For programs
    Json,
    /// As annotations of GitHub Actions
    Github,
    /// As SARIF 2.1.0, for code scanning
    Sarif,
}
