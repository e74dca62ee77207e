//! A workspace whose fleet is real servers on loopback, and the engine ended in the middle of its runs.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::{Child, Stdio};

use crate::sshd::Sshd;
use crate::support::{Ran, Test};

/// Hosts, each a server of its own, and a workspace that knows them.
pub(crate) struct Fleet {
    pub(crate) sshds: Vec<Sshd>,
    pub(crate) test: Test,
}

impl Fleet {
    /// A workspace whose hosts are called `names`, all in the group `every`, each with a label `nth`, over so many
    /// servers.
    pub(crate) fn new(names: &[&str], servers: usize) -> Self {
        let sshds: Vec<Sshd> = (0..servers).map(|_| Sshd::new()).collect();
        let mut test = known(&sshds);
        for (nth, name) in names.iter().enumerate() {
            let manifest = manifest(&sshds[nth % servers], nth);
            test = test.file(&format!("fleet/{name}.toml"), &manifest);
        }
        Self { sshds, test }
    }

    /// A workspace with one host, called `box`.
    pub(crate) fn one() -> Self {
        Self::new(&["box"], 1)
    }

    /// Adds a verb, in whose text `WS` is the workspace's folder.
    pub(crate) fn verb(mut self, id: &str, text: &str) -> Self {
        let text = text.replace("WS", self.test.path().to_str().unwrap());
        self.test = self.test.verb(id, &text);
        self
    }

    /// Adds a file.
    pub(crate) fn file(mut self, path: &str, text: &str) -> Self {
        self.test = self.test.file(path, text);
        self
    }

    /// Runs the program to its end.
    pub(crate) fn ostler(&self, args: &[&str]) -> Ran {
        self.test.ostler(args)
    }

    /// Starts the program, whose words nobody hears.
    pub(crate) fn start(&self, args: &[&str]) -> Child {
        let mut command = self.test.command(args);
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    /// A file of the workspace, which commands on hosts reach by its whole path.
    pub(crate) fn at(&self, path: &str) -> PathBuf {
        self.test.path().join(path)
    }

    /// The lines of a file of the workspace, sorted.
    pub(crate) fn lines(&self, path: &str) -> Vec<String> {
        let mut lines: Vec<String> = self.test.read(path).lines().map(str::to_owned).collect();
        lines.sort();
        lines
    }
}

/// An empty workspace whose program can log in to servers.
pub(crate) fn known(sshds: &[Sshd]) -> Test {
    let mut config = String::new();
    for sshd in sshds {
        let _ = writeln!(config, "IdentityFile {}", sshd.at("client").display());
    }
    config.push_str("IdentitiesOnly yes\nIdentityAgent none\nGlobalKnownHostsFile /dev/null\n");
    config.push_str("KexAlgorithms curve25519-sha256\nUserKnownHostsFile");
    for sshd in sshds {
        let _ = write!(config, " {}", sshd.at("known").display());
    }
    config.push('\n');
    let mut test = Test::new().file("ssh_config", &config);
    let path = test.path().join("ssh_config");
    test.env.push(("OSTLER_SSH_CONFIG".to_owned(), path));
    test
}

/// A host's file.
pub(crate) fn manifest(sshd: &Sshd, nth: usize) -> String {
    format!(
        "address = '127.0.0.1'\nport = {}\ngroups = ['every']\nlabels = {{ nth = '{nth}' }}\n",
        sshd.port()
    )
}

/// Ends the engine without a word.
pub(crate) fn end(mut engine: Child) {
    engine.kill().unwrap();
    engine.wait().unwrap();
}
