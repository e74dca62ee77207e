//! What a plan says of secrets: their names and where they come from, never what they are.

use std::collections::{BTreeMap, BTreeSet};

use super::Plan;
use crate::expr::Template;
use crate::workflow::SecretSource;

/// Secrets by the variable that hands them over: where each comes from, in order.
pub type Secrets = BTreeMap<String, Vec<SecretSource<Template>>>;

impl Plan {
    /// The variables of ours that a secret may come from: no step gets them otherwise.
    pub fn secret_variables(&self) -> BTreeSet<&str> {
        let steps = self.steps.iter().chain(&self.finally).map(|step| &step.secrets);
        let sources = steps.chain([&self.secrets]).flat_map(BTreeMap::values).flatten();
        let variables = sources.filter_map(|source| match source {
            SecretSource::Env(name) => Some(name.as_str()),
            _ => None,
        });
        variables.collect()
    }
}

/// Where a secret comes from, for people.
pub fn shown(sources: &[SecretSource<Template>]) -> String {
    let texts = |source: &SecretSource<Template>| {
        source.map(|text| Ok::<_, std::convert::Infallible>(text.shown()))
    };
    let all = sources.iter().flat_map(texts).map(|source| source.to_string());
    all.collect::<Vec<_>>().join(", or ")
}
