//! The fleet: hosts' files that are read and checked, selected and listed.

use crate::support::Test;

#[test]
fn check_checks_the_fleet_with_the_verbs() {
    let test = Test::with("v", "[[steps]]\nid = 'a'\ncmd = 'true'\n")
        .file("fleet/web-1.toml", "address = '10.0.0.7'\nlabels = { rack = 7 }\ngroups = ['web']\n")
        .file("fleet/db.ncl", "{ user = \"root\", jump = [\"web-1\"] }")
        .file("fleet/empty.toml", "");
    test.ostler(&["check"]).code(0).says("4 files checked");
    test.ostler(&["check", "fleet/db.ncl"]).code(0).says("1 file checked");
}

#[test]
fn all_that_is_wrong_with_hosts_is_said_with_its_place() {
    let test = Test::new()
        .file("fleet/Web.toml", "")
        .file("fleet/all.toml", "")
        .file("fleet/a.toml", "adress = 'x'\nport = 70_000\nuser = '-l'\nshell = 'bsh'\n")
        .file(
            "fleet/b.toml",
            "hostname = 'b'\n\njump = ['a', '-oProxyCommand=x']\nhost_key = 'ssh-rsa x'\n",
        )
        .file("fleet/c.ncl", "{ labels = { Rack = \"x\" }, groups = \"no no\" }");
    let ran = test.ostler(&["check"]).code(3);
    for said in [
        "fleet/Web.toml:1:1",
        "fleet/all.toml:1:1",
        "`all` selects every host",
        "fleet/a.toml:1:1",
        "did you mean `address`?",
        "fleet/a.toml:2:8",
        "fleet/a.toml:3:8",
        "a user cannot start with `-`: ssh would take it for an option",
        "fleet/a.toml:4:9",
        "here it is called `address`",
        "fleet/b.toml:3:14",
        "fleet/b.toml:4:12",
        "fleet/c.ncl:1:14",
        "fleet/c.ncl:1:37",
    ] {
        assert!(ran.stdout.contains(said), "{said}: {}", ran.stdout);
    }
}

#[test]
fn what_several_hosts_contradict_is_said_too() {
    let test = Test::new()
        .file("fleet/a.toml", "jump = 'b'\n")
        .file("fleet/b.toml", "jump = ['gate.example.org', 'c']\n")
        .file("fleet/c.toml", "")
        .file("fleet/c.ncl", "{ jump = \"a\" }");
    let ran = test.ostler(&["check"]).code(3);
    let ran = ran.says("jumps in a circle: a → b → c → a").says("fleet/c.ncl:1:10");
    ran.says("fleet/c.toml: the host `c` is in fleet/c.ncl too");
}
