//! The two little languages inside a workflow: placeholders and CEL conditions. Pure.
#![deny(clippy::disallowed_methods)]

pub mod condition;
mod kinds;
mod operations;
mod spans;
pub mod template;
mod types;

pub use condition::Condition;
pub use kinds::Type;
pub use operations::TYPE_NAMES;
pub use template::{Ref, Template};

#[cfg(test)]
mod tests;
