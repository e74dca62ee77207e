//! What the program says of hosts that it asks.

use std::path::Path;
use std::process::{Command, Output};

use crate::sshd::Sshd;

/// A workspace with a fleet of this server, of a port where nobody listens, and of the server under a wrong key.
pub(crate) fn workspace(sshd: &Sshd) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let host = format!("address = '127.0.0.1'\nport = {}\n", sshd.port());
    write(dir.path(), "fleet/box.toml", &host);
    write(dir.path(), "fleet/gone.toml", "address = '127.0.0.1'\nport = 1\n");
    let other = std::fs::read_to_string(sshd.at("client.pub")).unwrap();
    let key = format!("{host}host_key = '{}'\n", other.trim());
    write(dir.path(), "fleet/liar.toml", &key);
    dir
}

pub(crate) fn write(dir: &Path, path: &str, text: &str) {
    let path = dir.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

/// Runs the program, which logs in as the server's client.
pub(crate) fn ostler(sshd: &Sshd, dir: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ostler"));
    command.args(args).current_dir(dir).env("NO_COLOR", "1").env_remove("OSTLER_LOG");
    command.env("OSTLER_SSH_CONFIG", sshd.at("config")).output().unwrap()
}

#[test]
fn a_probe_says_of_each_host_whether_it_answers_and_what_it_is() {
    let sshd = Sshd::new();
    let dir = workspace(&sshd);
    let said = ostler(&sshd, dir.path(), &["fleet", "probe", "--format", "json"]);
    assert_eq!(said.status.code(), Some(4), "{said:?}");
    let said: serde_json::Value = serde_json::from_slice(&said.stdout).unwrap();
    let hosts = said["hosts"].as_array().unwrap();
    let why: Vec<_> = hosts.iter().map(|h| (h["name"].as_str(), h["why"].as_str())).collect();
    let expected = [
        (Some("box"), None),
        (Some("gone"), Some("refused")),
        (Some("liar"), Some("host_key_changed")),
    ];
    assert_eq!(why, expected);
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    assert_eq!(hosts[0]["boot_id"], boot.trim());
    assert_eq!(hosts[0]["arch"], std::env::consts::ARCH);
    let table = ostler(&sshd, dir.path(), &["fleet", "probe"]);
    let table = String::from_utf8(table.stdout).unwrap();
    assert!(table.contains("\ngone") && table.contains("connection refused"), "{table}");
    assert_eq!(ostler(&sshd, dir.path(), &["fleet", "probe", "box"]).status.code(), Some(0));
    assert_eq!(ostler(&sshd, dir.path(), &["fleet", "probe", "bx"]).status.code(), Some(2));
}

#[test]
fn a_verb_copies_waits_and_fetches_on_hosts_of_the_fleet() {
    let sshd = Sshd::new();
    let dir = workspace(&sshd);
    let there = sshd.at("srv");
    let verb = "id = 'ship'\n[[params]]\nname = 'to'\ntype = 'path'\n\
        [[steps]]\nid = 'deploy'\nhost = 'box'\ncopy = { from = 'dist', to = 'host:{to}/app', parents = true }\n\
        [[steps]]\nid = 'start'\nhost = 'box'\nneeds = ['deploy']\ncmd = 'touch {to}/ready'\n\
        [[steps]]\nid = 'ready'\nhost = 'box'\nneeds = ['deploy']\n\
        wait = { until = 'echo try >> {to}/tries; test -e {to}/ready', every = '50ms', stays = '200ms', deadline = '1m' }\n\
        [[steps]]\nid = 'fetch'\nhost = 'box'\nneeds = ['ready']\ncopy = { from = 'host:{to}/app/x', to = 'fetched' }\n";
    write(dir.path(), "workflows/ship.toml", verb);
    write(dir.path(), "dist/x", "content");
    let there = there.to_str().unwrap();
    let said = ostler(&sshd, dir.path(), &["ship", "--to", there]);
    assert_eq!(said.status.code(), Some(0), "{said:?}");
    assert_eq!(std::fs::read_to_string(sshd.at("srv/app/x")).unwrap(), "content");
    assert_eq!(std::fs::read_to_string(dir.path().join("fetched")).unwrap(), "content");
    assert!(std::fs::read_to_string(sshd.at("srv/tries")).unwrap().lines().count() > 1);
    let again = ostler(&sshd, dir.path(), &["ship", "--to", there, "--format", "json"]);
    let again = String::from_utf8(again.stdout).unwrap();
    assert_eq!(again.matches("\"observed\": \"unchanged").count(), 2, "{again}");
}
