//! What bare names in braces stand for in a workflow's texts.

use std::collections::BTreeMap;

use super::Workflow;
use crate::expr::Template;
use crate::expr::template::{BadRef, Named};

/// The names that a workflow declares, looked up once for all of its texts.
#[derive(Debug)]
pub struct Names<'w>(BTreeMap<&'w str, Named>);

impl<'w> Names<'w> {
    /// Those of a workflow. Where one name is declared as two things, a param comes before an item.
    pub fn of(workflow: &'w Workflow) -> Self {
        let host = workflow.asks_for_hosts().then_some(("host", Named::Host));
        let items = workflow.all_steps().filter_map(|step| step.for_each.as_ref());
        let items = items.map(|each| (each.name.as_str(), Named::Item));
        let params = workflow.params.iter().map(|param| (param.name.as_str(), Named::Param));
        Self(host.into_iter().chain(items).chain(params).collect())
    }

    /// Finds the placeholders of one of its texts.
    pub fn template(&self, text: &str) -> Result<Template, Vec<BadRef>> {
        Template::parse(text, |name| self.0.get(name).copied())
    }
}
