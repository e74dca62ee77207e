//! Where an attempt runs: the host of its step, with what params, outputs and items say put in place.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::node::Node;
use super::state::Run;
use super::variables::Reader;
use crate::expr::Template;
use crate::expr::template::HostField;
use crate::fleet::{self, Host};
use crate::ids::{HostName, Name};
use crate::plan::{Lease, On};
use crate::value::to_text;
use crate::workflow::LOCAL;

impl Run {
    /// The host that an attempt at a node runs on, none for this machine; or why it cannot be said.
    pub fn host(
        &self,
        node: &Node,
        attempt: u32,
        params: &BTreeMap<Name, Value>,
    ) -> Result<Option<Host>, String> {
        let reader = Reader { node: Some(node), attempt, params };
        self.step(node).on.as_ref().map_or(Ok(None), |on| self.place(on, &reader))
    }

    /// The host that a guard runs on, none for this machine; or why it cannot be said.
    pub fn host_of_guard(&self, on: &On) -> Result<Option<Host>, String> {
        let params = BTreeMap::new();
        self.place(on, &Reader { node: None, attempt: 0, params: &params })
    }

    fn place(&self, on: &On, reader: &Reader<'_>) -> Result<Option<Host>, String> {
        let name = match on {
            On::Lease(lease) => return self.leased(lease, reader).map(Some),
            On::Host(name) => self.text(name, reader)?,
            On::Item => {
                let item = reader.node.and_then(|node| node.item.as_ref());
                item.map(|item| to_text(&item.value)).ok_or("it has no item")?
            }
        };
        if name == LOCAL {
            return Ok(None);
        }
        let host = self.plan.hosts.get(name.as_str()).cloned();
        host.map(Some).ok_or_else(|| format!("no host is called `{name}`"))
    }

    fn leased(&self, lease: &Lease, reader: &Reader<'_>) -> Result<Host, String> {
        let optional = |template: &Option<Template>| {
            let text = template.as_ref().map(|t| self.text(t, reader)).transpose();
            text.map(|text| text.filter(|text| !text.is_empty()))
        };
        let address = self.text(&lease.address, reader)?;
        fleet::address(&address).map_err(|why| format!("the host's address: {why}"))?;
        let port = match optional(&lease.port)? {
            Some(text) => Some(text.parse().map_err(|_| format!("`{text}` is no port"))?),
            None => None,
        };
        let user = optional(&lease.user)?;
        user.as_deref()
            .map_or(Ok(()), fleet::user)
            .map_err(|why| format!("the host's user: {why}"))?;
        let host_key = optional(&lease.host_key)?.map(|key| fleet::host_key(&key)).transpose();
        let plain = address.to_lowercase().replace(|c: char| !c.is_ascii_alphanumeric(), "-");
        let name = HostName::parse(plain.trim_matches('-'))
            .or_else(|_| HostName::parse("leased"))
            .map_err(|why| why.to_string())?;
        Ok(Host {
            name,
            address,
            port,
            user,
            jump: Vec::new(),
            host_key: host_key.map_err(|why| format!("the host's key: {why}"))?,
            shell: None,
            labels: BTreeMap::new(),
            groups: std::collections::BTreeSet::new(),
            description: None,
        })
    }
}

/// One field of a host; none where it leaves it to the user's configuration, or has no such label.
pub fn host_field(host: &Host, field: &HostField) -> Option<Value> {
    match field {
        HostField::Name => Some(Value::from(host.name.as_str())),
        HostField::Address => Some(Value::from(host.address.as_str())),
        HostField::Port => host.port.map(Value::from),
        HostField::User => host.user.as_deref().map(Value::from),
        HostField::Label(name) => host.labels.get(name).map(|value| Value::from(value.as_str())),
    }
}

/// A host as conditions see it.
pub(super) fn seen(host: &Host) -> Value {
    json!({
        "name": host.name,
        "address": host.address,
        "labels": host.labels,
        "groups": host.groups,
    })
}
