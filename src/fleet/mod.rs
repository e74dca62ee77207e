//! The machines that steps run on, as `fleet/` says: one file a host. No I/O.
#![deny(clippy::disallowed_methods)]

mod address;
mod select;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

pub use address::{BadAddress, address, host_key, jump, user};
pub use select::Selector;

use crate::diagnostic::{Place, closest, did_you_mean, printable};
use crate::ids::HostName;
use crate::workflow::Shell;

/// One machine and how it is reached.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    /// What it is called here.
    pub name: HostName,
    /// The name or address that is connected to. It may also be an alias of the user's own SSH configuration.
    pub address: String,
    /// The port; none leaves it to the user's configuration, else 22.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// Who logs in; none leaves it to the user's configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The hosts in between, in the order of the way, each `[user@]address[:port]`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub jump: Vec<String>,
    /// The public key it must show (`ssh-ed25519 AAAA…`); none leaves it to the known hosts of the user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_key: Option<String>,
    /// What shell text is run by there where neither step nor workflow says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shell: Option<Shell>,
    /// What selectors may ask for by name and value.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// The groups it belongs to.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub groups: BTreeSet<String>,
    /// What it is, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// A host as its file says it, and where it says what other files may contradict.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Written {
    /// The host.
    pub host: Host,
    /// Where each of its jumps is written.
    pub jumps: Vec<Place>,
}

/// All hosts of a workspace, by their names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fleet {
    /// The hosts. A jump that was written as the name of another host is the way to that one here.
    pub hosts: BTreeMap<HostName, Host>,
}

impl Fleet {
    /// The fleet of these hosts.
    pub fn new(hosts: impl IntoIterator<Item = Host>) -> Self {
        let written: BTreeMap<HostName, Host> =
            hosts.into_iter().map(|host| (host.name.clone(), host)).collect();
        let resolved = written.values().map(|host| {
            let jump = way(&written, host, &mut vec![&host.name]);
            (host.name.clone(), Host { jump, ..host.clone() })
        });
        Self { hosts: resolved.collect() }
    }

    /// The host of this name; else that there is none, and a way out.
    pub fn find(&self, name: &str) -> Result<&Host, NoHost> {
        self.hosts.get(name).ok_or_else(|| {
            let describe = || format!("describe it in fleet/{}.toml", printable(name));
            NoHost::new(not_called(name)).hint(self.near(name).map_or_else(describe, did_you_mean))
        })
    }

    /// The name of a host that may be meant by another one.
    fn near(&self, name: &str) -> Option<&str> {
        closest(name, self.hosts.keys().map(HostName::as_str))
    }

    /// The hosts that any of these selectors selects, in order of their names; or all that is wrong with the selectors.
    pub fn select(&self, selectors: &[String]) -> Result<Vec<HostName>, Vec<NoHost>> {
        let mut chosen = BTreeSet::new();
        let mut problems = Vec::new();
        for text in selectors {
            match Selector::parse(text).and_then(|selector| selector.select(self)) {
                Ok(hosts) => chosen.extend(hosts),
                Err(problem) => problems.push(problem),
            }
        }
        if problems.is_empty() { Ok(chosen.into_iter().collect()) } else { Err(problems) }
    }
}

/// That no host is meant by what was written, and what might have been.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct NoHost {
    /// What is wrong.
    pub message: String,
    /// A way out, if there is one to name.
    pub hint: Option<String>,
}

impl NoHost {
    fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None }
    }

    fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

fn not_called(name: &str) -> String {
    format!("no host is called `{}`", printable(name))
}

/// The hosts between us and this one: a jump that is the name of a host of the fleet stands for the way to it.
/// One that leads back to a host in `passed` is left out: `check` refuses such circles.
fn way<'h>(
    hosts: &'h BTreeMap<HostName, Host>,
    host: &'h Host,
    passed: &mut Vec<&'h HostName>,
) -> Vec<String> {
    let mut way = Vec::new();
    for jump in &host.jump {
        match hosts.get(jump.as_str()) {
            Some(next) if passed.contains(&&next.name) => {}
            Some(next) => {
                passed.push(&next.name);
                way.extend(self::way(hosts, next, passed));
                passed.pop();
                way.push(address::as_jump(next));
            }
            None => way.push(jump.clone()),
        }
    }
    way
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A host of which nothing is said but its jumps.
    pub(super) fn host(name: &str, jump: &[&str]) -> Host {
        Host {
            name: HostName::parse(name).unwrap(),
            address: format!("{name}.example"),
            port: None,
            user: None,
            jump: jump.iter().map(|&one| one.to_owned()).collect(),
            host_key: None,
            shell: None,
            labels: BTreeMap::new(),
            groups: BTreeSet::new(),
            description: None,
        }
    }

    #[test]
    fn a_jump_over_a_host_is_the_way_to_it() {
        let outer = Host { user: Some("root".into()), port: Some(2222), ..host("outer", &[]) };
        let six = Host { address: "2001:db8::1".into(), ..host("inner", &["outer", "me@else:23"]) };
        let fleet = Fleet::new([outer, six, host("web", &["inner"])]);
        let jumps = |name: &str| fleet.hosts[name].jump.clone();
        assert_eq!(jumps("outer"), [""; 0]);
        assert_eq!(jumps("inner"), ["root@outer.example:2222", "me@else:23"]);
        assert_eq!(jumps("web"), ["root@outer.example:2222", "me@else:23", "[2001:db8::1]"]);
    }

    #[test]
    fn a_circle_of_jumps_has_an_end() {
        let fleet = Fleet::new([host("a", &["b"]), host("b", &["a"]), host("c", &["c"])]);
        assert_eq!(fleet.hosts["a"].jump, ["b.example"]);
        assert_eq!(fleet.hosts["c"].jump, [""; 0]);
    }
}
