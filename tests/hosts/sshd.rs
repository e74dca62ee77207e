//! An `sshd` for one test: its own keys, port, configuration and place for what Ostler records.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use ostler::action::ssh::{Hosts, Reach, Remote};
use ostler::action::{Attempt, Done, Limits, Part, Pool, Setting, Urge, Work};
use ostler::fleet::Host;
use ostler::ids::HostName;
use ostler::value::Bytes;

/// A server and what a client needs to know of it.
pub(crate) struct Sshd {
    dir: tempfile::TempDir,
    server: Child,
    port: u16,
}

/// How a server differs from the usual one.
#[derive(Default)]
pub(crate) struct With<'a> {
    /// More lines of its configuration.
    pub(crate) config: &'a str,
    /// The text of the script that stands in for the login shell; the command is `$SSH_ORIGINAL_COMMAND`.
    pub(crate) login: &'a str,
    /// What `XDG_STATE_HOME` is there, instead of a folder of the test.
    pub(crate) state: Option<&'a Path>,
}

impl Sshd {
    /// The usual one.
    pub(crate) fn new() -> Self {
        Self::with(&With::default())
    }

    /// One whose commands are run by this shell.
    pub(crate) fn login(shell: &str) -> Self {
        let login = format!("exec {shell} -c \"$SSH_ORIGINAL_COMMAND\"");
        Self::with(&With { login: &login, ..With::default() })
    }

    /// One that differs.
    pub(crate) fn with(with: &With<'_>) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        for key in ["host", "client"] {
            key_pair(&at(key));
        }
        std::fs::copy(at("client.pub"), at("authorized")).unwrap();
        std::fs::create_dir(at("state")).unwrap();
        let mut config = format!(
            "HostKey {host}\nAuthorizedKeysFile {authorized}\nPidFile none\nUsePAM no\nStrictModes no\n\
             PasswordAuthentication no\nKbdInteractiveAuthentication no\nPermitRootLogin yes\nPrintMotd no\n\
             AcceptEnv none\nLogLevel VERBOSE\n",
            host = at("host").display(),
            authorized = at("authorized").display(),
        );
        let state = with.state.map_or_else(|| at("state"), Path::to_owned);
        let _ = writeln!(config, "SetEnv XDG_STATE_HOME={}", state.display());
        if !with.login.is_empty() {
            script(&at("login"), with.login);
            let _ = writeln!(config, "ForceCommand {}", at("login").display());
        }
        config.push_str(with.config);
        let (server, port) = serve(dir.path(), &config);
        let sshd = Self { dir, server, port };
        let public = std::fs::read_to_string(sshd.at("host.pub")).unwrap();
        std::fs::write(sshd.at("known"), format!("[127.0.0.1]:{port} {public}")).unwrap();
        let client = format!(
            "IdentityFile {}\nIdentitiesOnly yes\nIdentityAgent none\nUserKnownHostsFile {}\n\
             GlobalKnownHostsFile /dev/null\nKexAlgorithms curve25519-sha256\n",
            sshd.at("client").display(),
            sshd.at("known").display()
        );
        std::fs::write(sshd.at("config"), client).unwrap();
        sshd
    }

    /// A file of the test's folder.
    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// The host it is.
    pub(crate) fn host(&self) -> Host {
        Host {
            name: HostName::parse("box").unwrap(),
            address: "127.0.0.1".to_owned(),
            port: Some(self.port),
            user: None,
            jump: Vec::new(),
            host_key: None,
            shell: None,
            labels: BTreeMap::new(),
            groups: BTreeSet::new(),
            description: None,
        }
    }

    /// Its port.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The process of the server that listens.
    pub(crate) fn pid(&self) -> i32 {
        i32::try_from(self.server.id()).unwrap()
    }

    /// An engine that can log in to it.
    pub(crate) fn engine(&self) -> Engine {
        Engine::new(&self.at("config"), |_| {})
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        for child in children(self.pid()) {
            kill(child, rustix::process::Signal::KILL);
        }
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// What a run has: keepers, hosts, a folder for output.
pub(crate) struct Engine {
    pub(crate) pool: Pool,
    pub(crate) hosts: Hosts,
    pub(crate) dir: tempfile::TempDir,
}

impl Engine {
    /// One with a configuration of `ssh`.
    pub(crate) fn new(config: &Path, change: impl FnOnce(&mut Reach)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let pool = Pool::new(Setting {
            calls: ostler::action::Calls::default(),
            env: Vec::new(),
            workspace: dir.path().to_owned(),
            dir: dir.path().to_owned(),
            grace_ms: 500,
            lock: std::fs::File::create(dir.path().join("lock")).unwrap(),
        });
        let mut reach = Reach::from_env();
        reach.config = Some(config.to_owned());
        change(&mut reach);
        let hosts = Hosts::new(reach, &pool);
        Self { pool, hosts, dir }
    }

    /// An attempt at a command on a host.
    pub(crate) fn attempt(&self, host: &Host, id: &str, argv: &[&str]) -> Attempt {
        let part = Part {
            engine: false,
            name: id.to_owned(),
            argv: argv.iter().map(|word| Bytes::from(*word)).collect(),
            env: Vec::new(),
            stdin: None,
            expect: None,
        };
        Attempt {
            secrets: Vec::new(),
            name: id.to_owned(),
            work: Work::One(Box::new(part)),
            env: Vec::new(),
            cwd: PathBuf::new(),
            limits: Limits { deadline_ms: None, stall_ms: None, grace_ms: 500 },
            output_file: self.dir.path().join(format!("{id}.out")),
            outputs: BTreeMap::new(),
            verify: None,
            value_files: Vec::new(),
            on: Some(Remote { host: host.clone(), id: id.to_owned(), keep: false }),
        }
    }

    /// Makes an attempt, with nobody to end it.
    pub(crate) async fn make(&self, attempt: Attempt) -> Done {
        let (_urge, heard) = tokio::sync::watch::channel(Urge::None);
        attempt.make(&self.pool, &self.hosts, heard).await
    }

    /// Runs a command on a host: how it ended, and what it wrote.
    pub(crate) async fn run(
        &self,
        host: &Host,
        id: &str,
        argv: &[&str],
    ) -> (String, String, String) {
        let done = self.make(self.attempt(host, id, argv)).await;
        (
            done.ending.outcome.to_string(),
            self.text(&done, id, "stdout"),
            self.text(&done, id, "stderr"),
        )
    }

    /// What an attempt wrote to a stream.
    pub(crate) fn text(&self, done: &Done, id: &str, stream: &str) -> String {
        String::from_utf8_lossy(&self.bytes(done, id, stream)).into_owned()
    }

    /// What an attempt wrote to a stream, byte for byte.
    pub(crate) fn bytes(&self, done: &Done, id: &str, stream: &str) -> Vec<u8> {
        let name = format!("{id}.{stream}");
        let inline = done.inline.iter().find(|(known, _)| *known == name);
        inline.map_or_else(
            || std::fs::read(self.dir.path().join(name)).unwrap_or_default(),
            |(_, bytes)| bytes.0.clone(),
        )
    }
}

/// The second word of an attempt that is a command.
pub(crate) fn part(attempt: &mut Attempt) -> &mut Part {
    match &mut attempt.work {
        Work::One(part) => part,
        _ => panic!("none or several"),
    }
}

/// Runs something to its end, as the engine does: in one thread.
pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// Whether any process carries a mark in its environment.
pub(crate) fn is_carried(mark: &str) -> bool {
    std::fs::read_dir("/proc").unwrap().flatten().any(|entry| {
        let environ = std::fs::read(entry.path().join("environ")).unwrap_or_default();
        environ.windows(mark.len()).any(|part| part == mark.as_bytes())
    })
}

/// The processes directly below one.
pub(crate) fn children(pid: i32) -> Vec<i32> {
    let all = std::fs::read_dir("/proc").unwrap().flatten();
    let pids = all.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    pids.filter(|child| {
        let stat = std::fs::read_to_string(format!("/proc/{child}/stat")).unwrap_or_default();
        let after = stat.rsplit_once(')').map_or("", |(_, after)| after);
        after.split_whitespace().nth(1) == Some(&pid.to_string())
    })
    .collect()
}

/// Everything below a process.
pub(crate) fn below(pid: i32) -> Vec<i32> {
    children(pid).into_iter().flat_map(|child| std::iter::once(child).chain(below(child))).collect()
}

/// Sends a signal to one process.
pub(crate) fn kill(pid: i32, signal: rustix::process::Signal) {
    if let Some(pid) = rustix::process::Pid::from_raw(pid) {
        let _ = rustix::process::kill_process(pid, signal);
    }
}

/// Makes a pair of keys.
pub(crate) fn key_pair(path: &Path) {
    let made =
        Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(path).status();
    assert!(made.expect("ssh-keygen").success());
}

/// Writes a script that can be executed.
pub(crate) fn script(path: &Path, text: &str) {
    std::fs::write(path, format!("#!/bin/sh\n{text}\n")).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// Starts a server on a port that is free, and waits until it listens.
fn serve(dir: &Path, config: &str) -> (Child, u16) {
    if rustix::process::geteuid().is_root() {
        std::fs::create_dir_all("/run/sshd").unwrap();
    }
    for _ in 0..20 {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let file = dir.join("sshd_config");
        std::fs::write(&file, format!("ListenAddress 127.0.0.1\nPort {port}\n{config}")).unwrap();
        let mut server = Command::new("/usr/sbin/sshd")
            .args(["-D", "-e", "-f"])
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("sshd is needed: apt-get install openssh-server");
        let mut said = BufReader::new(server.stderr.take().unwrap());
        let mut line = String::new();
        while said.read_line(&mut line).unwrap_or(0) > 0 && !line.contains("Server listening on") {}
        if line.contains("Server listening on") {
            // It goes on writing what it does, which a test that failed shows.
            let log = dir.join("log");
            std::thread::spawn(move || {
                let mut file = std::fs::File::create(log).unwrap();
                let _ = std::io::copy(&mut said, &mut file);
            });
            return (server, port);
        }
        let _ = server.wait();
        assert!(line.contains("Address already in use") || line.contains("Cannot bind"), "{line}");
    }
    panic!("no port for sshd");
}
