//! Steps that copy on this machine: whole or not at all, exact, and left alone where nothing differs.

use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;

use crate::support::{Test, found, wait_until};

/// A verb with one step that copies.
fn copying(copy: &str) -> Test {
    Test::with("v", &format!("[[steps]]\nid = 'a'\ncopy = {copy}\n"))
}

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// What lies in a folder beside the workflow and the state.
fn names(test: &Test) -> Vec<String> {
    let all = std::fs::read_dir(test.path()).unwrap();
    let mut all: Vec<String> = all.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
    all.retain(|name| name != "workflows" && name != ".ostler");
    all.sort();
    all
}

#[test]
fn a_folder_is_copied_whole_with_modes_and_links() {
    let test = copying("{ from = 'dist', to = 'out/app', parents = true }")
        .file("dist/bin/run", "#!/bin/sh\n")
        .file("dist/a b\n\u{e4}'\"", "odd name")
        .file("dist/empty", "")
        .file("dist/closed/x", "y");
    set_mode(&test.path().join("dist/bin/run"), 0o4755);
    set_mode(&test.path().join("dist/closed"), 0o550);
    symlink("../nowhere", test.path().join("dist/link")).unwrap();
    let big: Vec<u8> = (0..9_000_000_u32).map(|n| (n * 31 % 253) as u8).collect();
    std::fs::write(test.path().join("dist/big"), &big).unwrap();
    test.ostler(&["v"]).code(0).says("copied 5 files");
    let out = test.path().join("out/app");
    assert_eq!(test.read("out/app/a b\n\u{e4}'\""), "odd name");
    assert!(std::fs::read(out.join("big")).unwrap() == big);
    assert_eq!(
        std::fs::metadata(out.join("bin/run")).unwrap().permissions().mode() & 0o7777,
        0o4755
    );
    assert_eq!(std::fs::metadata(out.join("closed")).unwrap().permissions().mode() & 0o7777, 0o550);
    assert_eq!(std::fs::read_link(out.join("link")).unwrap(), Path::new("../nowhere"));
    assert_eq!(std::fs::read_dir(test.path().join("out")).unwrap().count(), 1);
    // Nothing differs: it is left alone, down to the very files.
    let before = std::fs::metadata(out.join("big")).unwrap().ino();
    test.ostler(&["v"]).code(0).says("unchanged, 5 files");
    assert_eq!(found(&test.report(), "a")["checks"][0]["status"], "passed");
    assert_eq!(std::fs::metadata(out.join("big")).unwrap().ino(), before);
    // What is no longer there goes, what differs is replaced.
    std::fs::remove_file(test.path().join("dist/empty")).unwrap();
    let test = test.file("dist/bin/run", "#!/bin/bash\n");
    test.ostler(&["v"]).code(0).says("copied 4 files");
    assert_eq!(test.read("out/app/bin/run"), "#!/bin/bash\n");
    assert!(!out.join("empty").exists());
    assert_eq!(std::fs::read_dir(test.path().join("out")).unwrap().count(), 1);
    set_mode(&test.path().join("dist/closed"), 0o750);
    set_mode(&out.join("closed"), 0o750);
}

#[test]
fn a_file_is_replaced_and_a_link_in_its_place_is_not_followed() {
    let text = "[[params]]\nname = 'f'\ndefault = 'a b'\n[[steps]]\nid = 'a'\ncopy = { from = '{f}.txt', to = '{f}.out' }\n";
    let test = Test::with("v", text).file("a b.txt", "new").file("elsewhere", "kept");
    symlink("elsewhere", test.path().join("a b.out")).unwrap();
    test.ostler(&["v"]).code(0).says("copied 3 bytes, sha256 ");
    assert_eq!(test.read("a b.out"), "new");
    assert_eq!(test.read("elsewhere"), "kept");
    set_mode(&test.path().join("a b.txt"), 0o600);
    test.ostler(&["v"]).code(0).says("copied");
    assert_eq!(
        std::fs::metadata(test.path().join("a b.out")).unwrap().permissions().mode() & 0o777,
        0o600
    );
    test.ostler(&["runs", "verify"]).code(0);
}

#[test]
fn what_cannot_be_copied_is_said_and_nothing_is_left() {
    let none = copying("{ from = 'dist', to = 'out' }");
    none.ostler(&["v"]).code(4).says("dist does not exist");
    let nowhere = copying("{ from = 'x', to = 'no/such/x' }").file("x", "");
    nowhere.ostler(&["v"]).code(4).says("`parents = true` makes it");
    let onto = copying("{ from = 'x', to = 'd' }").file("x", "").file("d/y", "kept");
    onto.ostler(&["v"]).code(4).says("is a folder, and the copy is a file");
    assert_eq!(onto.read("d/y"), "kept");
    let pipe = copying("{ from = 'd', to = 'out' }").file("d/x", "");
    let made = std::process::Command::new("mkfifo").arg(pipe.path().join("d/p")).status();
    assert!(made.unwrap().success());
    pipe.ostler(&["v"]).code(4).says("neither a file nor a folder nor a link");
    assert_eq!(names(&pipe), ["d"]);
}

#[test]
fn where_there_is_no_space_the_place_stays_as_it_was() {
    let test = copying("{ from = 'x', to = 'out' }").file("out", "kept");
    std::fs::write(test.path().join("x"), vec![7; 4 << 20]).unwrap();
    let mut command = test.command(&["v"]);
    let limited = format!("ulimit -f 2048; exec {} v", command.get_program().to_str().unwrap());
    command = std::process::Command::new("bash");
    let ran = command.args(["-c", &limited]).current_dir(test.path()).output().unwrap();
    assert_eq!(ran.status.code(), Some(4), "{ran:?}");
    assert_eq!(test.read("out"), "kept");
    assert_eq!(names(&test), ["out", "x"]);
}

#[test]
fn whenever_the_engine_is_killed_the_place_holds_the_old_or_the_new_and_in_the_end_the_new() {
    let test =
        copying("{ from = 'x', to = 'out' }").file("x/small", "new").file("out/small", "old");
    let new: Vec<u8> = (0..48_000_000_u32).map(|n| (n % 251) as u8).collect();
    std::fs::write(test.path().join("x/large"), &new).unwrap();
    let mut engine = test.start(&["v"]);
    let began = || names(&test).len() > 2 || test.path().join("out/large").exists();
    wait_until("the copy has begun", began);
    engine.kill().unwrap();
    engine.wait().unwrap();
    match test.read("out/small").as_str() {
        "old" => assert!(!test.path().join("out/large").exists()),
        _ => assert!(std::fs::read(test.path().join("out/large")).unwrap() == new),
    }
    test.ostler(&["runs", "resume"]);
    assert_eq!(test.report()["status"], "passed");
    assert_eq!(test.read("out/small"), "new");
    assert!(std::fs::read(test.path().join("out/large")).unwrap() == new);
    assert_eq!(names(&test), ["out", "x"]);
}

#[test]
fn check_refuses_copies_that_could_not_be() {
    let said = |copy: &str, part: &str| {
        let ran = copying(copy).ostler(&["check"]).code(3);
        assert!(ran.stdout.contains(part), "{part}: {}", ran.stdout);
    };
    said("{ from = 'x', to = 'host:/y' }", "in a step that has none");
    said("{ from = 'x', to = 'y/' }", "what the copy is called");
    said("{ from = 'x', to = 'x' }", "onto itself");
    said("{ from = 'x' }", "`copy` needs `to`");
    said("{ from = 'x', to = 'y' }\nexpect = { exit = 0 }", "has no use for `expect`");
    said("{ from = 'x', to = 'y' }\neffect = 'Read'", "a copy writes");
    let reboot = |text: &str, part: &str| {
        let ran = Test::with("v", &format!("effect = 'Reboot'\n[[steps]]\nid = 'a'\n{text}\n"));
        let ran = ran.file("fleet/web.toml", "").ostler(&["check"]).code(3);
        assert!(ran.stdout.contains(part), "{part}: {}", ran.stdout);
    };
    reboot("reboot = true\neffect = 'Reboot'", "this machine is not rebooted");
    reboot("reboot = true\nhost = 'web'", "says so by its effect");
    reboot("reboot = false\nhost = 'web'", "has no `reboot` at all");
    reboot("reboot = 3\nhost = 'web'", "expected true, or a table");
}
