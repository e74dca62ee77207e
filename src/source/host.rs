//! Tree to host: the fields of a file in `fleet/`. Its name is the file's.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::decode::{Decode, Fields, Problems, bad_value};
use super::step::one_or_many;
use super::tree::{Kind, Node};
use crate::diagnostic::{At, Code, Diagnostic, Place, printable};
use crate::fleet::{self, BadAddress, Host, Written};
use crate::ids::{HostName, Name};
use crate::workflow::Shell;

/// The folder of a workspace whose files are hosts.
pub const FLEET: &str = "fleet";

/// Whether a file is a host's: it lies in a folder called `fleet`.
pub fn is_host(path: &Path) -> bool {
    path.parent().and_then(Path::file_name).is_some_and(|folder| folder == FLEET)
}

/// The name of a file's host, or why it can be none; the place is the file's beginning.
pub(super) fn name(path: &Path, problems: &mut Problems) -> Option<HostName> {
    let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned());
    let stem = stem.unwrap_or_default();
    let why = match HostName::parse(&stem) {
        Ok(name) if name.as_str() == "all" => {
            "`all` selects every host: no host can be called so".to_owned()
        }
        Ok(name) => return Some(name),
        Err(bad) => bad.to_string(),
    };
    problems.push(
        Diagnostic::new(Code::BadName, why)
            .at(Place::default(), "the file's name is the host's")
            .hint("rename the file: a-z, 0-9, `.`, `_`, `-`, at most 64, a letter or digit first"),
    );
    None
}

/// What a host's file says.
pub(super) struct HostFile {
    address: Option<String>,
    port: Option<u16>,
    user: Option<String>,
    jump: Vec<At<String>>,
    host_key: Option<String>,
    shell: Option<Shell>,
    labels: BTreeMap<String, String>,
    groups: BTreeSet<String>,
    description: Option<String>,
}

impl HostFile {
    /// The host of this name; its address is its name where the file has none.
    pub(super) fn named(self, name: HostName) -> Written {
        Written {
            jumps: self.jump.iter().map(|jump| jump.place).collect(),
            host: Host {
                address: self.address.unwrap_or_else(|| name.to_string()),
                name,
                port: self.port,
                user: self.user,
                jump: self.jump.into_iter().map(|jump| jump.value).collect(),
                host_key: self.host_key,
                shell: self.shell,
                labels: self.labels,
                groups: self.groups,
                description: self.description,
            },
        }
    }
}

impl Decode for HostFile {
    fn decode(node: &Node, problems: &mut Problems) -> Option<Self> {
        let mut t = Fields::of(node, "a host", problems)?;
        let jumps = t.node("jump").and_then(|node| one_or_many::<At<String>>(node, problems));
        let jumps = jumps.unwrap_or_default();
        for jump in &jumps {
            refused(fleet::jump(jump), jump.place, problems);
        }
        let groups = t.node("groups").and_then(|node| one_or_many::<Name>(node, problems));
        let host = Self {
            address: text(&mut t, "address", fleet::address, problems),
            port: port(&mut t, problems),
            user: text(&mut t, "user", fleet::user, problems),
            jump: jumps,
            host_key: key(&mut t, problems),
            shell: t.get("shell", problems),
            labels: labels(&mut t, problems),
            groups: groups.into_iter().flatten().map(|name| name.to_string()).collect(),
            description: t.get("description", problems),
        };
        t.done(problems);
        Some(host)
    }
}

/// Records why something cannot be given to ssh.
fn refused(checked: Result<(), BadAddress>, place: Place, problems: &mut Problems) {
    if let Err(why) = checked {
        let problem = Diagnostic::new(Code::BadAddress, printable(&why.to_string()));
        problems.push(problem.at(place, "this cannot be connected to"));
    }
}

/// A text that is given to ssh.
fn text(
    t: &mut Fields<'_>,
    name: &'static str,
    check: fn(&str) -> Result<(), BadAddress>,
    problems: &mut Problems,
) -> Option<String> {
    let text: At<String> = t.get(name, problems)?;
    refused(check(&text), text.place, problems);
    Some(text.value)
}

fn port(t: &mut Fields<'_>, problems: &mut Problems) -> Option<u16> {
    let node = t.node("port")?;
    match u16::decode(node, problems)? {
        0 => bad_value(node, "a port is between 1 and 65535", problems),
        port => Some(port),
    }
}

fn key(t: &mut Fields<'_>, problems: &mut Problems) -> Option<String> {
    let node = t.node("host_key")?;
    match fleet::host_key(&String::decode(node, problems)?) {
        Ok(key) => Some(key),
        Err(why) => bad_value(node, why.to_string(), problems),
    }
}

/// `labels`: names and texts; numbers and booleans are taken as their text.
fn labels(t: &mut Fields<'_>, problems: &mut Problems) -> BTreeMap<String, String> {
    let Some(node) = t.node("labels") else { return BTreeMap::new() };
    let Some(table) = Fields::of(node, "`labels`", problems) else { return BTreeMap::new() };
    let mut all = BTreeMap::new();
    for entry in table.entries() {
        let key = Node { place: entry.key_place, kind: Kind::String(entry.key.clone()) };
        let name = Name::decode(&key, problems);
        let value = match &entry.value.kind {
            Kind::Int(n) => Some(n.to_string()),
            Kind::Bool(b) => Some(b.to_string()),
            _ => String::decode(&entry.value, problems),
        };
        all.extend(name.map(|name| name.to_string()).zip(value));
    }
    all
}
