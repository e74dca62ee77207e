//! What may stand for a machine, a user and a key, so that ssh takes it for nothing else.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::Host;

/// Why a text cannot be given to ssh.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadAddress(String);

/// What neither an address nor a user can have in it: shells and ssh's own configuration read more into these.
const SIGNS: &str = "'\"`$\\;&<>|(){},@/*?!#=";

/// Whether ssh takes a text for the one plain word that it is.
fn plain(text: &str, what: &str) -> Result<(), BadAddress> {
    let bad = |why: String| Err(BadAddress(format!("{what} {why}")));
    if text.is_empty() {
        return bad("cannot be empty".to_owned());
    }
    if text.starts_with('-') {
        return bad("cannot start with `-`: ssh would take it for an option".to_owned());
    }
    let odd = |c: &char| c.is_whitespace() || c.is_control() || SIGNS.contains(*c);
    match text.chars().find(odd) {
        Some(c) if c.is_whitespace() => bad("cannot hold spaces".to_owned()),
        Some(c) if c.is_control() => bad("cannot hold control characters".to_owned()),
        Some(c) => bad(format!("cannot hold `{c}`")),
        None => Ok(()),
    }
}

/// Checks an address: a name of the DNS, an alias of ssh's configuration, or a number of IPv4 or IPv6.
pub fn address(text: &str) -> Result<(), BadAddress> {
    if text.contains('@') {
        return Err(BadAddress(
            "an address has no user in it: that is the field `user`".to_owned(),
        ));
    }
    // Only numbers of IPv6 have colons, and these have several.
    if text.matches(':').count() == 1 {
        return Err(BadAddress(
            "an address has no port in it: that is the field `port`".to_owned(),
        ));
    }
    plain(text, "an address")
}

/// Checks a user's name.
pub fn user(text: &str) -> Result<(), BadAddress> {
    plain(text, "a user")
}

/// Checks `[user@]address[:port]`, where an address with colons stands in brackets.
pub fn jump(text: &str) -> Result<(), BadAddress> {
    let (who, rest) = text.rsplit_once('@').map_or((None, text), |(who, rest)| (Some(who), rest));
    who.map_or(Ok(()), user)?;
    let (host, port) = match rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, "")) => (host, None),
        Some((host, rest)) => (host, Some(rest.strip_prefix(':').unwrap_or(rest))),
        None => rest.split_once(':').map_or((rest, None), |(host, port)| (host, Some(port))),
    };
    let is_port = |text: &str| text.parse::<u16>().is_ok_and(|port| port > 0);
    if port.is_some_and(|port| !is_port(port)) {
        let why = "a jump is [user@]address[:port]; an address with colons stands in brackets";
        return Err(BadAddress(why.to_owned()));
    }
    plain(host, "a jump")
}

/// A host as others jump over it.
pub(super) fn as_jump(host: &Host) -> String {
    let who = host.user.as_ref().map(|user| format!("{user}@")).unwrap_or_default();
    let port = host.port.map(|port| format!(":{port}")).unwrap_or_default();
    match &host.address {
        six if six.contains(':') => format!("{who}[{six}]{port}"),
        plain => format!("{who}{plain}{port}"),
    }
}

/// Checks a public key as it stands in `known_hosts` or in a `.pub` file; a comment behind it is left out of the result.
pub fn host_key(text: &str) -> Result<String, BadAddress> {
    let bad = |why: &str| {
        let form = "a host's key is written as in its .pub file: ssh-ed25519 AAAA…";
        Err(BadAddress(format!("{why}; {form}")))
    };
    if text.chars().any(|c| c.is_control() && c != '\t') {
        return bad("a key is one line");
    }
    let mut words = text.split_whitespace();
    let (Some(kind), Some(key)) = (words.next(), words.next()) else {
        return bad("a key has two words");
    };
    let Ok(bytes) = STANDARD.decode(key) else { return bad("its second word is not base64") };
    // The key itself says again what kind it is: four bytes of length, then the name.
    let said = bytes.get(4..).and_then(|rest| rest.get(..kind.len()));
    let length = bytes.get(..4).map(|four| four.iter().fold(0, |n, b| n * 256 + usize::from(*b)));
    if said != Some(kind.as_bytes()) || length != Some(kind.len()) {
        return bad("its two words are not of one key");
    }
    Ok(format!("{kind} {key}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_one_plain_word() {
        for good in ["web-1", "web-1.example.org", "10.0.0.7", "2001:db8::7", "fe80::1%eth0", "a_b"]
        {
            assert_eq!(address(good), Ok(()), "{good}");
        }
        for bad in [
            "",
            "-oProxyCommand=x",
            "a b",
            "a\nb",
            "a\u{7}",
            "me@web",
            "web:22",
            "$(x)",
            "a,b",
            "ssh://a",
        ] {
            assert!(address(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn jumps_have_a_user_and_a_port_if_any() {
        for good in ["web", "me@web", "web:22", "me@web:22", "[2001:db8::7]:22", "me@[::1]"] {
            assert_eq!(jump(good), Ok(()), "{good}");
        }
        for bad in [
            "",
            "me@",
            "@web",
            "web:",
            "web:0",
            "web:x",
            "2001:db8::7",
            "-J",
            "me@-x",
            "a,b",
            "-l@x",
        ] {
            assert!(jump(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_key_is_what_it_says_it_is() {
        let key =
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0n2oP3hYkJp3m0tqkz9Yf9bVqS1b0mBz0m4m3YhX1k";
        assert_eq!(host_key(&format!("{key} root@web")).as_deref(), Ok(key));
        for bad in ["", "ssh-ed25519", "ssh-ed25519 x", "ssh-rsa AAAAC3NzaC1lZDI1NTE5", "a\nb"] {
            assert!(host_key(bad).is_err(), "{bad}");
        }
    }
}
