//! Ostler runs verbs: declarative workflow files, checked before they run, recorded as they run.
//!
//! The way of the data, row by row; a module uses earlier rows only (`tests/tidy.rs`):
//!
//! | row | module | what it is | invariant |
//! | --- | --- | --- | --- |
//! | 1 | [`ids`] [`value`] | names, values and times, parsed once | a value of these types is valid |
//! | 2 | [`diagnostic`] [`redact`] | one problem in what somebody wrote; secrets masked in a stream | codes are never reused; pure |
//! | 3 | [`expr`], then [`shell`] | placeholders and CEL; shell text, in which placeholders are compiled | pure; no value is ever spliced |
//! | 4 | [`workflow`], then [`fleet`] | what was written, typed: verbs; the machines they run on | no I/O |
//! | 5 | [`source`] [`check`] | files to workflows with places; workflows to all their problems | `check` is pure |
//! | 6 | [`plan`] | workflow, params and facts to a plan with its digest | pure |
//! | 7 | [`run`] | a run as the fold of its events: `apply`, `decide` | reads no clock; only `apply` changes it |
//! | 8 | [`retention`] | which runs may be let go, and why the others stay | pure; the time is given |
//! | 9 | [`reader`] [`action`] [`store`] [`report`] | the confined child that reads and checks; keeper, lines to hosts, attempts; the database; runs to reports, plans to pictures | nothing a file holds is parsed elsewhere; the store never rewrites a record |
//! | 10 | [`exec`] | the loop: decide, record, do, record | nothing is done that was not recorded first |
//! | 11 | [`ops`] | one function for each thing a user can do | surfaces call nothing below it to act |
//! | 12 | [`mcp`] | the same for agents, by the Model Context Protocol | who speaks there is an agent; nothing there approves |
//! | 13 | [`cli`] | the command line | only it prints; it decides nothing |
//!
//! A step's way: `reader::read` → `source::Loader` → [`workflow::Workflow`] → `check::check` → `plan::resolve` → [`plan::Plan`] →
//! `ops::start` → `Run::decide` → `Event::StepStarted` in the [`store`] → `action::Attempt` under the keeper →
//! `Event::StepFinished` → `Run::apply` → [`report::Report`].

pub mod action;
pub mod check;
pub mod cli;
pub mod diagnostic;
pub mod exec;
pub mod expr;
pub mod fleet;
pub mod ids;
pub mod mcp;
pub mod ops;
pub mod plan;
pub mod reader;
pub mod redact;
pub mod report;
pub mod retention;
pub mod run;
pub mod shell;
pub mod source;
pub mod store;
pub mod value;
pub mod workflow;
