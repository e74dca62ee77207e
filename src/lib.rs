//! Ostler runs verbs: declarative workflow files, checked before they run, recorded as they run.

pub mod action;
pub mod check;
pub mod cli;
pub mod diagnostic;
pub mod exec;
pub mod expr;
pub mod ids;
pub mod ops;
pub mod plan;
pub mod report;
pub mod run;
pub mod shell;
pub mod source;
pub mod store;
pub mod value;
pub mod workflow;
