//! How `ssh` is started: the options that are always the same, and what a host's manifest adds.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::fleet::Host;

/// What is the same for all connections.
#[derive(Debug, Clone)]
pub struct Reach {
    /// The program that connects.
    pub ssh: OsString,
    /// A configuration instead of the user's and the system's.
    pub config: Option<PathBuf>,
    /// How many sessions one host is given at most.
    pub sessions: usize,
    /// How many connections are opened at once.
    pub opening: usize,
    /// How many hosts keep a connection that nobody uses.
    pub idle: usize,
}

impl Reach {
    /// As the environment says: `OSTLER_SSH` is the program, `OSTLER_SSH_CONFIG` its configuration.
    pub fn from_env() -> Self {
        let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        Self {
            ssh: set("OSTLER_SSH").unwrap_or_else(|| "ssh".into()),
            config: set("OSTLER_SSH_CONFIG").map(PathBuf::from),
            sessions: 8,
            opening: 24,
            idle: 256,
        }
    }
}

/// Whose connection a line uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// Its own, which others may share.
    Own,
    /// One that is there, or none.
    Shared,
}

/// What is never left to anybody's configuration.
const FIXED: &[&str] = &[
    "BatchMode=yes",
    "StrictHostKeyChecking=yes",
    "UpdateHostKeys=no",
    "ForwardAgent=no",
    "ForwardX11=no",
    "ClearAllForwardings=yes",
    "PermitLocalCommand=no",
    "RemoteCommand=none",
    "RequestTTY=no",
    "SessionType=default",
    "StdinNull=no",
    "ForkAfterAuthentication=no",
    "EscapeChar=none",
    "LogLevel=ERROR",
    "ConnectTimeout=15",
    "ServerAliveInterval=5",
    "ServerAliveCountMax=3",
    "ControlPersist=no",
];

/// What the login shell there is asked to do, in words that every shell reads alike: to let a shell of ours read on.
const BOOTSTRAP: &str = "exec sh -c 'IFS= read -r g && eval \"$g\"'";

/// The words that start `ssh`, the program first. `log` receives what it has to say, `socket` is where sharers meet.
pub(super) fn words(
    reach: &Reach,
    host: &Host,
    way: Way,
    socket: &Path,
    log: &Path,
    known: Option<&Path>,
) -> Vec<OsString> {
    let mut words: Vec<OsString> = vec![reach.ssh.clone()];
    if let Some(config) = &reach.config {
        words.extend(["-F".into(), config.into()]);
    }
    words.extend(["-T".into(), "-E".into(), log.into(), "-S".into(), socket.into()]);
    let mut option = |text: OsString| words.extend(["-o".into(), text]);
    FIXED.iter().for_each(|fixed| option(fixed.into()));
    match way {
        Way::Own => option("ControlMaster=yes".into()),
        Way::Shared => {
            option("ControlMaster=no".into());
            // Else ssh would make a connection of its own where the shared one is gone or takes no more sessions.
            option("ProxyCommand=exit 1".into());
        }
    }
    if let Some(known) = known {
        option(format!("HostKeyAlias={}", alias(host)).into());
        option("GlobalKnownHostsFile=/dev/null".into());
        option("KnownHostsCommand=none".into());
        option("VerifyHostKeyDNS=no".into());
        let mut file = OsString::from("UserKnownHostsFile=");
        file.push(known);
        option(file);
    }
    if !host.jump.is_empty() && way == Way::Own {
        words.extend(["-J".into(), host.jump.join(",").into()]);
    }
    if let Some(port) = host.port {
        words.extend(["-p".into(), port.to_string().into()]);
    }
    if let Some(user) = &host.user {
        words.extend(["-l".into(), user.into()]);
    }
    words.extend(["--".into(), host.address.as_str().into(), BOOTSTRAP.into()]);
    words
}

/// The line of a known hosts file that vouches for one key and no other.
pub(super) fn known(host: &Host) -> Option<String> {
    host.host_key.as_ref().map(|key| format!("{} {}\n", alias(host), key.trim()))
}

fn alias(host: &Host) -> String {
    format!("ostler-{}", host.name)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::ids::HostName;

    fn host() -> Host {
        Host {
            name: HostName::parse("rpi").unwrap(),
            address: "-oProxyCommand=evil".to_owned(),
            port: Some(2222),
            user: Some("root".to_owned()),
            jump: vec!["a@j1:22".to_owned(), "j2".to_owned()],
            host_key: Some("ssh-ed25519 AAAA".to_owned()),
            shell: None,
            labels: BTreeMap::new(),
            groups: BTreeSet::new(),
            description: None,
        }
    }

    fn text(way: Way) -> String {
        let mut reach = Reach::from_env();
        reach.config = Some("/c".into());
        let all =
            words(&reach, &host(), way, Path::new("/s"), Path::new("/l"), Some(Path::new("/k")));
        all.iter().map(|w| w.to_string_lossy()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn an_address_is_never_an_option() {
        let own = text(Way::Own);
        let end = format!("-J a@j1:22,j2 -p 2222 -l root -- -oProxyCommand=evil {BOOTSTRAP}");
        assert!(own.ends_with(&end), "{own}");
        assert!(
            own.contains("-F /c -T -E /l -S /s -o BatchMode=yes -o StrictHostKeyChecking=yes"),
            "{own}"
        );
        assert!(
            own.contains("-o HostKeyAlias=ostler-rpi") && own.contains("-o UserKnownHostsFile=/k"),
            "{own}"
        );
    }

    #[test]
    fn who_shares_makes_no_connection() {
        let shared = text(Way::Shared);
        assert!(shared.contains("-o ProxyCommand=exit 1") && !shared.contains(" -J "), "{shared}");
        assert_eq!(known(&host()).unwrap(), "ostler-rpi ssh-ed25519 AAAA\n");
    }
}
