//! The tools: a small fixed set, whatever verbs there are.

use std::fmt::Write as _;
use std::sync::Arc;

use rmcp::model::{JsonObject, Tool as Described, ToolAnnotations};

use super::args::{Args, Field, Kind, schema};
use super::caller::Caller;
use super::failure::Failure;
use super::{runs, steps, verbs};

/// What a tool says.
pub(super) type Said = Result<String, Failure>;

/// The most that one answer says, in bytes.
const MOST: usize = 48 * 1024;

/// A tool.
pub(super) struct Tool {
    /// Its name.
    pub(super) name: &'static str,
    about: &'static str,
    fields: &'static [Field],
    /// Whether it changes anything.
    pub(super) acts: bool,
    does: fn(&Caller<'_>, &Args) -> Said,
}

const VERB: Field = Field::new("verb", Kind::Text, "").needed();
const PARAMS: Field = Field::new("params", Kind::Values, "Params by name.");
const RUN: Field = Field::new("run", Kind::Text, "Id, or verb if only one of its runs is open.");
const STEP: Field = Field::new("step", Kind::Text, "").needed();

/// All of them.
pub(super) const TOOLS: &[Tool] = &[
    Tool {
        name: "verbs",
        about: "List this workspace's verbs with their params, or say all of one.",
        fields: &[Field::new("verb", Kind::Text, "")],
        acts: false,
        does: verbs::list,
    },
    Tool {
        name: "check",
        about: "Check workflow files: every problem with its code, file:line:column and a way out.",
        fields: &[Field::new("names", Kind::Texts, "Verbs or files; all if left out.")],
        acts: false,
        does: verbs::check,
    },
    Tool {
        name: "plan",
        about: "Say what a run of a verb would do, and run nothing.",
        fields: &[VERB, PARAMS],
        acts: false,
        does: verbs::plan,
    },
    Tool {
        name: "start",
        about: "Open a run of a verb; hands you its first step.",
        fields: &[VERB, PARAMS, Field::new("task", Kind::Text, "What it is for.")],
        acts: true,
        does: steps::start,
    },
    Tool {
        name: "next",
        about: "Say what comes next in a run. Takes nothing.",
        fields: &[RUN],
        // What the engine has to do first, such as a guard, it does.
        acts: true,
        does: steps::next,
    },
    Tool {
        name: "take",
        about: "Take a step to do it, or renew your lease on it.",
        fields: &[
            RUN,
            Field::new("step", Kind::Text, "The next one if left out."),
            Field::new("lease_s", Kind::Whole(1, 86_400), "Seconds you need."),
        ],
        acts: true,
        does: steps::take,
    },
    Tool {
        name: "run_step",
        about: "Have the engine do a step, and wait for it; hands you the next.",
        fields: &[RUN, STEP],
        acts: true,
        does: steps::run_step,
    },
    Tool {
        name: "report",
        about: "Report a step you hold; a pass is looked at. Hands you the next.",
        fields: &[
            RUN,
            STEP,
            Field::new("status", Kind::Word(&["pass", "fail", "skip"]), "").needed(),
            Field::new("note", Kind::Text, "What was done, or why not."),
            Field::new("outputs", Kind::Values, "Outputs by name."),
            Field::new("token", Kind::Whole(0, i64::MAX), "As `take` gave it."),
            Field::new("id", Kind::Text, "Yours; the same id again changes nothing."),
            Field::new("exit", Kind::Whole(0, 255), "Exit code you saw."),
            Field::new("stdout", Kind::Long, "What you saw."),
            Field::new("stderr", Kind::Long, "What you saw."),
        ],
        acts: true,
        does: steps::report,
    },
    Tool {
        name: "release",
        about: "Give back a step you hold.",
        fields: &[RUN, STEP, Field::new("note", Kind::Text, "Why.")],
        acts: true,
        does: steps::release,
    },
    Tool {
        name: "attest",
        about: "Say that pre- or postconditions hold, once you made sure.",
        fields: &[
            RUN,
            Field::new("conditions", Kind::Texts, "As pre-1.").needed(),
            Field::new("note", Kind::Text, ""),
        ],
        acts: true,
        does: steps::attest,
    },
    Tool {
        name: "status",
        about: "Say how a run goes; without `run`, list the latest runs.",
        fields: &[Field::new("run", Kind::Text, "Id, or verb for its latest run.")],
        acts: false,
        does: runs::status,
    },
    Tool {
        name: "log",
        about: "Read what a step wrote, or without `step` a run's events, in pieces.",
        fields: &[
            Field::new("run", Kind::Text, "Id, or verb for its latest run.").needed(),
            Field::new("step", Kind::Text, ""),
            Field::new("attempt", Kind::Whole(1, 1_000_000), "The last if left out."),
            Field::new("stream", Kind::Word(&["stdout", "stderr"]), "stdout if left out."),
            Field::new(
                "offset",
                Kind::Whole(0, i64::MAX),
                "Where to go on, as the last piece says.",
            ),
            Field::new("limit", Kind::Whole(1, 32_768), "Bytes; 8192 if left out."),
        ],
        acts: false,
        does: runs::log,
    },
];

impl Tool {
    /// The tool of a name.
    pub(super) fn named(name: &str) -> Result<&'static Self, Failure> {
        TOOLS.iter().find(|tool| tool.name == name).ok_or_else(|| {
            let all: Vec<&str> = TOOLS.iter().map(|tool| tool.name).collect();
            let name: String = name.chars().take(40).collect();
            Failure::new(format!("there is no tool `{name}`"))
                .hint(format!("there are {}", all.join(", ")))
        })
    }

    /// As it is told to clients.
    pub(super) fn described(&self) -> Described {
        let told = Described::new(self.name, self.about, Arc::new(schema(self.fields)));
        told.annotate(ToolAnnotations::new().read_only(!self.acts))
    }

    /// Does what it does.
    pub(super) fn call(&self, caller: &Caller<'_>, given: JsonObject) -> Said {
        (self.does)(caller, &Args::read(self.fields, given)?)
    }
}

/// An answer that is not too long.
pub(super) fn bounded(mut text: String) -> String {
    let left_out = text.len().saturating_sub(MOST);
    if left_out > 0 {
        text.truncate(text.floor_char_boundary(MOST));
        let _ = write!(text, "\n… and {left_out} more bytes, which are left out");
    }
    text
}
