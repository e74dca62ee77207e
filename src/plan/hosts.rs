//! Where steps run and over what they fan out: selectors and names looked up in the fleet.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{BadParam, Facts, Param};
use crate::diagnostic::At;
use crate::expr::template::{Part, Ref};
use crate::expr::{Template, template::Placeholder};
use crate::fleet::{Host, NoHost};
use crate::ids::{HostName, Name};
use crate::value::to_text;
use crate::workflow::{self, Batch, HostRef, LOCAL, Names, OnError, Workflow};

/// The machine that a step runs on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum On {
    /// A host of the plan, by its name.
    Host(Template),
    /// A machine that is in no fleet.
    Lease(Box<Lease>),
    /// The host that the instance is for.
    Item,
}

impl On {
    /// The placeholders in it.
    pub fn placeholders(&self) -> Vec<&Placeholder> {
        match self {
            Self::Host(name) => name.placeholders().collect(),
            Self::Lease(lease) => lease.templates().flat_map(Template::placeholders).collect(),
            Self::Item => Vec::new(),
        }
    }

    /// How its author would write it.
    pub fn shown(&self) -> String {
        match self {
            Self::Host(name) => name.shown(),
            Self::Lease(lease) => lease.address.shown(),
            Self::Item => "{host.name}".to_owned(),
        }
    }
}

/// How a machine is reached that is in no fleet.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Lease {
    /// Its address.
    pub address: Template,
    /// Its port.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<Template>,
    /// Who logs in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<Template>,
    /// The public key it must show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_key: Option<Template>,
}

impl Lease {
    /// Its texts.
    pub fn templates(&self) -> impl Iterator<Item = &Template> {
        [Some(&self.address), self.port.as_ref(), self.user.as_ref(), self.host_key.as_ref()]
            .into_iter()
            .flatten()
    }
}

/// Over what a step fans out, and how.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fan {
    /// The items.
    pub items: Items,
    /// What the item is called.
    #[serde(rename = "as", default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Name>,
    /// How many instances may be under way at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<u32>,
    /// How many instances must pass before the others start.
    pub canary: u32,
    /// How many instances start together and end before the next ones start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<Batch>,
    /// How many failures there may be before no further instance starts; none for any number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_failures: Option<u32>,
    /// Whether having no items is a pass.
    pub allow_empty: bool,
}

/// What is fanned out over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Items {
    /// These.
    Each(Vec<Template>),
    /// The items of a list.
    Of(Placeholder),
    /// These hosts of the plan.
    Hosts(Vec<HostName>),
}

/// Where the steps and guards of a workflow run, looked up.
pub(super) struct Places<'w> {
    workflow: &'w Workflow,
    names: Names<'w>,
    /// The params that a retry may change.
    escalated: BTreeSet<&'w Name>,
    params: &'w BTreeMap<Name, Param>,
    facts: &'w Facts,
    /// The hosts that steps may run on.
    pub(super) hosts: BTreeMap<HostName, Host>,
    /// What cannot be looked up.
    pub(super) refused: Vec<BadParam>,
}

impl<'w> Places<'w> {
    pub(super) fn new(
        workflow: &'w Workflow,
        params: &'w BTreeMap<Name, Param>,
        facts: &'w Facts,
    ) -> Self {
        let names = Names::of(workflow);
        let escalated = escalated(workflow);
        let (hosts, refused) = (BTreeMap::new(), Vec::new());
        let mut places = Self { workflow, names, escalated, params, facts, hosts, refused };
        for param in workflow.params.iter().filter(|p| p.kind.of == workflow::ValueType::Host) {
            let value = params.get(&param.name.value).map(|p| &p.value);
            let one = value.and_then(Value::as_str).into_iter();
            let many = value.and_then(Value::as_array).into_iter().flatten();
            for name in one.chain(many.filter_map(Value::as_str)) {
                places.named(name, &format!("`{}`", param.name.value));
            }
        }
        places
    }

    /// Where something runs: as it says itself, else as the workflow says; none for here.
    pub(super) fn on(&mut self, own: Option<&At<HostRef>>, what: &str) -> Option<On> {
        match &own.or(self.workflow.host.as_ref())?.value {
            HostRef::Named(name) if name == LOCAL => None,
            HostRef::Named(text) => {
                let template = self.template(text);
                match self.known(&template) {
                    Some(name) if name == LOCAL => return None,
                    Some(name) => self.named(&name, what),
                    // Only the run knows it: it may be any of them.
                    None => self.hosts.extend(self.facts.fleet.hosts.clone()),
                }
                Some(On::Host(template))
            }
            HostRef::Lease(lease) => Some(On::Lease(Box::new(Lease {
                address: self.template(&lease.address),
                port: lease.port.as_ref().map(|text| self.template(text)),
                user: lease.user.as_ref().map(|text| self.template(text)),
                host_key: lease.host_key.as_ref().map(|text| self.template(text)),
            }))),
        }
    }

    /// Where a step runs, and over what it fans out.
    pub(super) fn of_step(&mut self, step: &workflow::Step) -> (Option<On>, Option<Fan>) {
        let what = format!("step `{}`", step.id.value);
        if step.hosts.is_empty() {
            let fan = step.for_each.as_ref().and_then(|each| {
                let items = match &each.items.as_ref()?.value {
                    workflow::Items::Each(all) => {
                        Items::Each(all.iter().map(|text| self.template(text)).collect())
                    }
                    workflow::Items::Of(text) => {
                        Items::Of(self.template(text).placeholders().next()?.clone())
                    }
                };
                Some(fan(items, Some(each)))
            });
            return (self.on(step.host.as_ref(), &what), fan);
        }
        let selected = self.select(step, &what);
        let each = step.for_each.as_ref();
        (Some(On::Item), Some(fan(Items::Hosts(selected), each)))
    }

    /// The hosts that a step's selectors select.
    fn select(&mut self, step: &workflow::Step, what: &str) -> Vec<HostName> {
        let allow_empty = step.for_each.as_ref().is_some_and(|each| each.value.allow_empty);
        let mut selectors = Vec::new();
        for text in &step.hosts {
            let template = self.template(text);
            match template.0.as_slice() {
                // A param that is a list of hosts stands for all of them.
                [Part::Ref(Placeholder { to: Ref::Param(name), default: None, .. })] => {
                    let value = self.params.get(name).map(|p| &p.value);
                    match value {
                        Some(Value::Array(all)) => selectors.extend(all.iter().map(to_text)),
                        Some(one) => selectors.push(to_text(one)),
                        None => {}
                    }
                }
                _ => selectors.extend(self.known(&template)),
            }
        }
        match self.facts.fleet.select(&selectors) {
            Ok(names) => {
                let hosts = &self.facts.fleet.hosts;
                let known =
                    names.iter().filter_map(|n| hosts.get(n).map(|h| (n.clone(), h.clone())));
                self.hosts.extend(known);
                names
            }
            Err(_) if allow_empty && selectors.is_empty() => Vec::new(),
            Err(none) => {
                self.refused.extend(none.into_iter().map(|none| refused(what, none)));
                Vec::new()
            }
        }
    }

    /// Adds a host by its name, or says that there is none.
    fn named(&mut self, name: &str, what: &str) {
        match self.facts.fleet.find(name).map_err(|none| refused(what, none)) {
            Ok(host) => drop(self.hosts.insert(host.name.clone(), host.clone())),
            Err(refused) if self.refused.contains(&refused) => {}
            Err(refused) => self.refused.push(refused),
        }
    }

    /// The text of a template that depends on nothing but params that stay as they are.
    fn known(&self, template: &Template) -> Option<String> {
        template
            .0
            .iter()
            .map(|part| match part {
                Part::Text(text) => Some(text.clone()),
                Part::Ref(Placeholder { to: Ref::Param(name), default, .. }) => {
                    if self.escalated.contains(name) {
                        return None;
                    }
                    let value = self.params.get(name).map(|param| to_text(&param.value));
                    value.or_else(|| default.clone())
                }
                Part::Ref(_) => None,
            })
            .collect()
    }

    /// A text of the workflow with its placeholders found.
    pub(super) fn template(&self, text: &str) -> Template {
        self.names.template(text).unwrap_or_else(|_| Template::literal(text))
    }
}

/// Why something cannot run where it should.
fn refused(what: &str, none: NoHost) -> BadParam {
    BadParam { message: format!("{what}: {none}"), hint: none.hint }
}

/// The params that a retry may change.
fn escalated(workflow: &Workflow) -> BTreeSet<&Name> {
    let retries = workflow.all_steps().filter_map(|step| match &step.on_error.value {
        OnError::Retry(retry) => Some(retry),
        _ => None,
    });
    retries.flat_map(|retry| &retry.escalate).map(|(name, _)| &name.value).collect()
}

/// How a step fans out over items: as its `for_each` says.
fn fan(items: Items, each: Option<&At<workflow::ForEach>>) -> Fan {
    let each = each.map(|each| &each.value);
    Fan {
        items,
        name: each.map(|each| each.name.value.clone()),
        concurrency: each.and_then(|each| each.concurrency),
        canary: each.map_or(0, |each| each.canary),
        batch: each.and_then(|each| each.batch),
        max_failures: each.map_or(Some(0), |each| each.max_failures),
        allow_empty: each.is_some_and(|each| each.allow_empty),
    }
}
