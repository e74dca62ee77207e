//! What was read of a file is given again while the file is the same, and never after.

use crate::support::Test;

const SAYS: &str = "[[steps]]\nid = 'a'\ncmd = 'echo one'\n";

fn entries(test: &Test) -> Vec<std::path::PathBuf> {
    let dir = std::fs::read_dir(test.path().join(".ostler/cache"));
    dir.into_iter().flatten().map(|entry| entry.unwrap().path()).collect()
}

fn said(test: &Test) -> String {
    test.ostler(&["run", "v"]).code(0);
    test.ostler(&["runs", "log", "a"]).code(0).stdout
}

#[test]
fn a_changed_file_is_read_anew() {
    let test = Test::with("v", SAYS);
    for _ in 0..3 {
        assert_eq!(said(&test), "one\n");
    }
    assert_eq!(entries(&test).len(), 1);
    let test = test.verb("v", &SAYS.replace("one", "two"));
    assert_eq!(said(&test), "two\n");
    assert_eq!(entries(&test).len(), 1, "one entry for each file");
    let test = test.verb("v", "[[steps]]\nid = 'a'\ncmmd = 'echo three'\n");
    test.ostler(&["run", "v"]).code(3).complains("did you mean `cmd`?");
    let test = test.verb("v", &SAYS.replace("one", "two"));
    assert_eq!(said(&test), "two\n");
}

#[test]
fn looking_keeps_nothing_where_there_is_no_state() {
    let test = Test::with("v", SAYS);
    test.ostler(&["plan", "v"]).code(0);
    test.ostler(&["check"]).code(0);
    assert!(!test.path().join(".ostler").exists());
}

#[test]
fn warnings_are_said_each_time() {
    let test = Test::with("v", "[[steps]]\nid = 'a'\nshell = 'sh'\ncmd = 'echo a | cat'\n");
    for _ in 0..3 {
        test.ostler(&["run", "v"]).code(0).complains("1 warning in");
    }
    assert_eq!(entries(&test).len(), 1);
}

#[test]
fn a_broken_entry_counts_as_none() {
    let test = Test::with("v", SAYS);
    said(&test);
    said(&test);
    let entry = entries(&test).remove(0);
    let text = std::fs::read_to_string(&entry).unwrap();
    std::fs::write(&entry, text.replace("echo one", "echo bad")).unwrap();
    assert_eq!(said(&test), "one\n");
    std::fs::write(&entry, "").unwrap();
    assert_eq!(said(&test), "one\n");
    // Where nothing can be kept, nothing is.
    std::fs::remove_dir_all(test.path().join(".ostler/cache")).unwrap();
    std::fs::write(test.path().join(".ostler/cache"), "").unwrap();
    assert_eq!(said(&test), "one\n");
}

#[test]
fn nothing_is_kept_of_untrusted_files_and_of_those_with_a_parent() {
    let test = Test::with("v", SAYS);
    for _ in 0..2 {
        test.ostler(&["--untrusted", "run", "v"]).code(0);
    }
    assert!(entries(&test).is_empty());
    let test =
        test.file("up/workflows/x.toml", "id = 'x'\n").file("ostler.toml", "parent = 'up'\n");
    said(&test);
    said(&test);
    assert!(entries(&test).is_empty());
}
