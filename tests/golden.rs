//! Golden files: what `check` says of each kind of mistake, word for word. Accept changes with `INSTA_UPDATE=always`.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::process::Command;

use ostler::diagnostic::Code;

/// What the program says of one file, from the folder it is in.
fn check(path: &std::path::Path) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_ostler"))
        .args(["check", path.file_name().unwrap().to_str().unwrap()])
        .current_dir(path.parent().unwrap())
        .output()
        .unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    format!(
        "{said}{}exit {}\n",
        String::from_utf8(output.stderr).unwrap(),
        output.status.code().unwrap()
    )
}

#[test]
fn every_mistake_is_described() {
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::glob!("golden/check/*.{toml,ncl}", |path| {
            insta::assert_snapshot!(check(path));
        });
    });
}

#[test]
fn every_code_has_an_example() {
    let dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/check");
    let said: String = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| e == "toml" || e == "ncl"))
        .map(|path| check(&path))
        .collect();
    // Unreadable and misnamed files and those of hosts cannot lie beside the others, a workspace above is none, and
    // what a reader's limits stop takes its time: the integration tests have them.
    let elsewhere = [
        Code::File,
        Code::FileName,
        Code::NoStrategy,
        Code::Limit,
        Code::BadAddress,
        Code::JumpCircle,
    ];
    let missing: Vec<&str> = Code::ALL
        .iter()
        .filter(|code| !elsewhere.contains(code) && !said.contains(&format!("[{}]", code.as_str())))
        .map(|code| code.as_str())
        .collect();
    assert!(missing.is_empty(), "no example for {missing:?}");
}
