//! The shape of a host's file.

use schemars::JsonSchema;
use serde_json::Value;

use super::parts::{OneOrMany, Shell};
use super::scalars::{Address, HostKey, Jump, LabelTable, Name, Text, User, tidy};

/// The JSON Schema of the files in `fleet/`.
pub fn host_schema() -> Value {
    let settings = schemars::generate::SchemaSettings::draft2020_12().with_transform(tidy);
    settings.into_generator().into_root_schema_for::<Host>().to_value()
}

/// One machine of the fleet, and how it is reached. Its name is the file's.
#[derive(JsonSchema)]
#[schemars(title = "Ostler host", deny_unknown_fields)]
struct Host {
    /// The name or number that is connected to, or an alias of ssh's own configuration; without one, the host's name.
    address: Option<Address>,
    /// The port; without one, what ssh's own configuration says, else 22.
    #[schemars(range(min = 1, max = 65_535))]
    port: Option<u16>,
    /// Who logs in; without one, what ssh's own configuration says, else you.
    user: Option<User>,
    /// The hosts in between, in the order of the way: names of the fleet, or `[user@]address[:port]`.
    #[schemars(extend("default" = []))]
    jump: Option<OneOrMany<Jump>>,
    /// The public key that it must show; without one, it must be among your known hosts.
    host_key: Option<HostKey>,
    /// What runs shell text there, where neither step nor workflow says.
    shell: Option<Shell>,
    /// What selectors ask for as `name=value`.
    #[schemars(extend("default" = {}))]
    labels: Option<LabelTable>,
    /// The groups it belongs to, for selectors as `@name`.
    #[schemars(extend("default" = []))]
    groups: Option<OneOrMany<Name>>,
    /// What it is, for people.
    description: Option<Text>,
}
