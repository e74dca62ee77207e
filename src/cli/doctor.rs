//! What the doctor says: a line a finding, and a way out below it.

use serde_json::json;

use super::args::Format;
use super::{Context, Exit};
use crate::ops::{self, Finding, Health};
use crate::report::{Paint, Tone};

#[derive(Debug, clap::Args)]
pub(super) struct DoctorArgs {
    /// How it is printed
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    format: Format,
}

impl Context {
    pub(super) fn doctor(&self, args: &DoctorArgs) -> Exit {
        let findings = ops::doctor(&self.workspace, crate::exec::now());
        let sound = findings.iter().all(|finding| finding.state != Health::Problem);
        if args.format == Format::Json {
            self.print(&format!("{:#}\n", json!({ "sound": sound, "findings": findings })));
        } else {
            let width = findings.iter().map(|f| f.about.chars().count()).max().unwrap_or(0);
            findings.iter().for_each(|finding| self.found(finding, width));
        }
        if sound { Exit::Passed } else { Exit::State }
    }

    fn found(&self, finding: &Finding, width: usize) {
        let (sign, tone) = match finding.state {
            Health::Good => ("✓", Tone::Good),
            Health::Warning => ("!", Tone::Warn),
            Health::Problem => ("✗", Tone::Bad),
        };
        let sign = self.out.paint(tone, sign);
        self.print(&format!("{sign} {:width$}  {}\n", finding.about, finding.says));
        if let Some(hint) = &finding.hint {
            let hint = self.out.paint(Tone::Faint, hint);
            self.print(&format!("  {:width$}  {hint}\n", ""));
        }
    }
}
