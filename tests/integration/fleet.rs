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

const HOST_PARAMS: &str = "[[params]]\nname = 'on'\ntype = 'host'\npositional = true\n\
    [[params]]\nname = 'also'\ntype = '[host]'\ndefault = []\n\
    [[steps]]\nid = 'a'\nargv = ['echo', '{on}', '{also...}']\n";

#[test]
fn a_host_param_takes_hosts_of_the_fleet() {
    let test = Test::with("v", HOST_PARAMS)
        .file("fleet/web-1.toml", "")
        .file("fleet/web-2.toml", "description = 'the second'");
    test.ostler(&["v", "web-1", "--also", "web-2", "--also", "web-1"]).code(0);
    test.ostler(&["runs", "log", &test.run(), "a"]).code(0).says("web-1 web-2 web-1");
    let ran = test.ostler(&["v", "wbe-1", "--also", "x.y"]).code(2);
    for said in [
        "--on: no host is called `wbe-1`",
        "did you mean `web-1`?",
        "describe it in fleet/x.y.toml",
    ] {
        assert!(ran.stderr.contains(said), "{said}: {}", ran.stderr);
    }
    let ran = test.file("fleet/broken.toml", "port = 'x'").ostler(&["plan", "v", "web-1"]).code(3);
    assert!(ran.stderr.contains("fleet/broken.toml:1:8"), "{}", ran.stderr);
}

#[test]
fn completion_offers_hosts_where_one_is_meant() {
    let test = Test::with("v", HOST_PARAMS)
        .file("fleet/web-1.toml", "groups = ['front']")
        .file("fleet/web-2.toml", "description = 'the second'");
    let offered = |words: &[&str]| {
        let at = (words.len() - 1).to_string();
        let mut command = test.command(&[]);
        command.arg("--").args(words).env("OSTLER_COMPLETE", "bash").env("_CLAP_IFS", "\n");
        command.env("_CLAP_COMPLETE_INDEX", at).env("_CLAP_COMPLETE_SPACE", "true");
        String::from_utf8(command.output().unwrap().stdout).unwrap()
    };
    assert_eq!(offered(&["ostler", "v", "we"]), "web-1\nweb-2");
    assert_eq!(offered(&["ostler", "fleet", "show", "web-2"]), "web-2");
    assert_eq!(offered(&["ostler", "fleet", "list", "@"]), "@front");
}

#[test]
fn the_list_is_a_table_or_json() {
    let test = Test::new()
        .file("fleet/web-1.toml", "user = 'me'\nlabels = { role = 'a b' }")
        .file("fleet/db.toml", "port = 23");
    let table = test.ostler(&["fleet", "list"]).code(0).stdout;
    assert_eq!(
        table,
        "host   address  user  port  labels\ndb     db             23\nweb-1  web-1    me          role=a b\n"
    );
    let hosts = test.ostler(&["fleet", "list", "all !db", "--format", "json"]).code(0).stdout;
    let hosts: serde_json::Value = serde_json::from_str(&hosts).unwrap();
    assert_eq!(hosts["hosts"][0]["labels"]["role"], "a b");
    assert_eq!(hosts["hosts"].as_array().unwrap().len(), 1);
    test.ostler(&["fleet", "show", "wbe-1"]).code(2);
    test.ostler(&["fleet", "check"]).code(0).says("2 files checked");
    Test::new().ostler(&["fleet", "list"]).code(0).says("fleet/web.toml");
}
