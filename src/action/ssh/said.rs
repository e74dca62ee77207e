//! What `ssh` said when there was no connection, sorted.

use crate::run::NoConnection;

/// Why there is no line to a host, and what would tell a person more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreached {
    /// What kind of obstacle it was.
    pub why: NoConnection,
    /// The line that says most.
    pub said: String,
}

/// What is looked for, the surest first: a word of ssh and what it means. More than one may be there.
const WORDS: &[(&str, NoConnection)] = &[
    ("REMOTE HOST IDENTIFICATION HAS CHANGED", NoConnection::HostKeyChanged),
    ("has changed and you have requested strict checking", NoConnection::HostKeyChanged),
    ("differs from the key for the IP address", NoConnection::HostKeyChanged),
    ("host key is known for", NoConnection::HostKeyUnknown),
    ("Host key verification failed", NoConnection::HostKeyUnknown),
    ("Permission denied (", NoConnection::AuthFailed),
    ("Too many authentication failures", NoConnection::AuthFailed),
    ("no more authentication methods", NoConnection::AuthFailed),
    ("Connection refused", NoConnection::Refused),
    ("Could not resolve hostname", NoConnection::Unreachable),
    ("onnection timed out", NoConnection::Unreachable),
    ("Operation timed out", NoConnection::Unreachable),
    ("No route to host", NoConnection::Unreachable),
    ("Network is unreachable", NoConnection::Unreachable),
    ("kex_exchange_identification", NoConnection::Unreachable),
    ("onnection reset", NoConnection::Unreachable),
    ("onnection closed", NoConnection::Unreachable),
    ("Unable to negotiate", NoConnection::Unreachable),
    ("Bad configuration option", NoConnection::Unreachable),
];

/// Sorts what was said before there was a guard: by `ssh` itself, and by whatever answered in the guard's place.
pub(super) fn classify(ssh: &str, host: &str, code: Option<i32>) -> Unreached {
    for (words, why) in WORDS {
        if let Some(line) = ssh.lines().find(|line| line.contains(words)) {
            // The shouted line is one of a frame; a later one names the host.
            let line = match why {
                NoConnection::HostKeyChanged => {
                    ssh.lines().find(|l| l.starts_with("Host key for ")).unwrap_or(line)
                }
                _ => line,
            };
            return Unreached { why: *why, said: tidy(line) };
        }
    }
    let last = |text: &str| text.lines().rev().map(tidy).find(|line| !line.is_empty());
    // 255 is ssh's own code: nothing was said by which we know it. Any other is the login shell's.
    if code.is_none_or(|code| code == 255) {
        let said = last(ssh)
            .or_else(|| last(host))
            .unwrap_or_else(|| "ssh ended without a word".to_owned());
        return Unreached { why: NoConnection::Unreachable, said };
    }
    let said = last(host).or_else(|| last(ssh));
    let said = said.unwrap_or_else(|| {
        format!("its login shell did not start `sh` (exit {})", code.unwrap_or(0))
    });
    Unreached { why: NoConnection::NoShell, said }
}

/// Whether the host only had too many connections at once, so that it is worth to come again at once.
pub(super) fn is_crowded(ssh: &str) -> bool {
    ["kex_exchange_identification", "onnection closed by", "onnection reset by"]
        .iter()
        .any(|words| ssh.contains(words))
        && ![
            "Permission denied",
            "Host key",
            "Could not resolve",
            "Connection refused",
            "timed out",
        ]
        .iter()
        .any(|words| ssh.contains(words))
}

/// Whether a connection that is open takes no more sessions.
pub(super) fn is_full(ssh: &str) -> bool {
    [
        "Session open refused by peer",
        "open failed: administratively prohibited",
        "session request failed",
    ]
    .iter()
    .any(|words| ssh.contains(words))
}

fn tidy(line: &str) -> String {
    let line = crate::diagnostic::printable(line.trim().trim_start_matches('@').trim());
    line.trim_end_matches('\r').chars().take(300).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_ssh_are_known() {
        use NoConnection as N;
        let changed = "@@@@@@@\n@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\n@@@@@@@\nIT IS POSSIBLE\n\
             Host key for [127.0.0.1]:2222 has changed and you have requested strict checking.\nHost key verification failed.";
        let unknown = "No ED25519 host key is known for h and you have requested strict checking.\nHost key verification failed.";
        for (ssh, why, said) in [
            (changed, N::HostKeyChanged, "Host key for [127.0.0.1]:2222 has changed"),
            (unknown, N::HostKeyUnknown, "No ED25519 host key is known for h"),
            ("root@h: Permission denied (publickey).", N::AuthFailed, "root@h: Permission denied"),
            (
                "ssh: connect to host h port 22: Connection refused\r",
                N::Refused,
                "connect to host h",
            ),
            (
                "ssh: Could not resolve hostname h: Name or service not known",
                N::Unreachable,
                "h: Name or service",
            ),
            ("ssh: connect to host h port 22: Connection timed out", N::Unreachable, "timed out"),
            (
                "kex_exchange_identification: Connection closed by remote host\nConnection closed by h",
                N::Unreachable,
                "kex",
            ),
            (
                "channel 0: open failed: connect failed: Connection refused\nstdio forwarding failed",
                N::Refused,
                "open failed",
            ),
            ("", N::Unreachable, "without a word"),
            ("x: strange", N::Unreachable, "x: strange"),
        ] {
            let found = classify(ssh, "", Some(255));
            assert_eq!(found.why, why, "{ssh}");
            assert!(found.said.contains(said), "{} of {ssh}", found.said);
        }
    }

    #[test]
    fn who_has_no_shell_says_so_in_his_own_words() {
        let found = classify("", "This account is currently not available.\n", Some(1));
        assert_eq!(
            (found.why, &*found.said),
            (NoConnection::NoShell, "This account is currently not available.")
        );
        let found = classify("", "bash: line 1: exec: sh: not found", Some(127));
        assert_eq!(found.why, NoConnection::NoShell);
        assert!(classify("", "", Some(1)).said.contains("did not start `sh`"));
    }

    #[test]
    fn a_crowd_is_no_refusal() {
        assert!(is_crowded("kex_exchange_identification: Connection closed by remote host"));
        assert!(!is_crowded("ssh: connect to host h port 22: Connection refused"));
        assert!(is_full(
            "mux_client_request_session: session request failed: Session open refused by peer"
        ));
    }
}
