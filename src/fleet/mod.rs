//! The machines that steps run on, as `fleet/` says: one file a host. No I/O.
#![deny(clippy::disallowed_methods)]

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

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
}
