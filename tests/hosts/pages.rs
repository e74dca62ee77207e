//! The pages on hosts: their commands are run against a server that stands for all of the page's machines.

use std::fmt::Write as _;

use crate::page::Page;
use crate::sshd::{Sshd, With};

/// The hosts of the pages that answer: `ADDRESS` or, where it is another, the name they go by.
const MACHINES: [&str; 4] = ["web-1", "web-2", "web-3", "db"];

/// Runs a page whose hosts are all this machine, each with a home of its own; nobody listens at `gone`.
fn run(name: &'static str) {
    let homes = tempfile::tempdir().unwrap();
    let login = format!(
        "HOME={}/$PAGE_HOST; XDG_STATE_HOME=; export HOME XDG_STATE_HOME\nmkdir -p \"$HOME\"; cd\nexec sh -c \"$SSH_ORIGINAL_COMMAND\"",
        homes.path().display()
    );
    let config = "AcceptEnv PAGE_HOST\n";
    let sshd = Sshd::with(&With { login: &login, config, ..With::default() });
    let mut client = String::new();
    for host in MACHINES {
        let alias = format!("HostName 127.0.0.1\nPort {}\nSetEnv PAGE_HOST={host}", sshd.port());
        writeln!(client, "Host {host}.example.org {host}.local\n{alias}").unwrap();
    }
    writeln!(client, "Host *.gone.example.org\nHostName 127.0.0.1\nPort 1\nHost *").unwrap();
    client += &std::fs::read_to_string(sshd.at("config")).unwrap();
    std::fs::write(sshd.at("config"), client).unwrap();
    let mut page = Page::open(name);
    page.env.push(("OSTLER_SSH_CONFIG", sshd.at("config").display().to_string()));
    page.run();
}

#[test]
fn the_page_on_hosts_does_what_it_says() {
    run("hosts.md");
}

#[test]
fn the_recipes_for_hosts_do_what_they_say() {
    run("recipes-hosts.md");
}
