//! The hosts that a workflow asks for by name, and whether the fleet has them. A file alone cannot tell.

use serde::{Deserialize, Serialize};

use super::all_steps;
use crate::diagnostic::{At, Code, Diagnostic, Place};
use crate::fleet::Fleet;
use crate::workflow::{HostRef, LOCAL, Names, ValueType, Workflow};

/// Something that a workflow says of the fleet, without a placeholder in it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Mention {
    /// What was written.
    pub text: String,
    /// Where.
    pub place: Place,
    /// Whether it is a selector of hosts, and not the name of one.
    pub selects: bool,
}

/// All that a workflow says of the fleet.
pub fn mentions(workflow: &Workflow) -> Vec<Mention> {
    let names = Names::of(workflow);
    let literal = |text: &str| names.template(text).ok()?.as_literal().map(str::to_owned);
    let steps = all_steps(workflow).filter_map(|step| step.host.as_ref());
    let guards = workflow.guards.iter().filter_map(|guard| guard.host.as_ref());
    let hosts = steps.chain(guards).chain(&workflow.host).filter_map(|host| match &host.value {
        HostRef::Named(name) => Some(At { value: literal(name)?, place: host.place }),
        HostRef::Lease(_) => None,
    });
    let params = workflow.params.iter().filter(|p| p.kind.of == ValueType::Host && !p.kind.list);
    let defaults = params.filter_map(|param| {
        let default = param.default.as_ref()?;
        Some(At { value: default.value.as_str()?.to_owned(), place: default.place })
    });
    let mention = |At { value: text, place }, selects| Mention { text, place, selects };
    let hosts = hosts.chain(defaults).filter(|name| name.value != LOCAL);
    let selectors = all_steps(workflow).flat_map(|step| &step.hosts);
    let selectors = selectors
        .filter_map(|text| Some(At { value: literal(text)?, place: text.place }))
        .map(|text| mention(text, true));
    hosts.map(|name| mention(name, false)).chain(selectors).collect()
}

/// What the fleet does not have of what was asked for.
pub fn unknown_hosts(mentions: &[Mention], fleet: &Fleet) -> Vec<Diagnostic> {
    mentions.iter().filter_map(|mention| unknown(mention, fleet)).collect()
}

fn unknown(mention: &Mention, fleet: &Fleet) -> Option<Diagnostic> {
    let Mention { text, place, selects } = mention;
    let (none, label) = if *selects {
        let first = fleet.select(std::slice::from_ref(text)).err()?.into_iter().next()?;
        (first, "selects nothing")
    } else {
        (fleet.find(text).err()?, "not in the fleet")
    };
    let problem = Diagnostic::new(Code::UnknownHost, none.message).at(*place, label);
    Some(none.hint.into_iter().fold(problem, Diagnostic::hint))
}
