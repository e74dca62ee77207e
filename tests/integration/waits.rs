//! Steps that wait: what is tried again until it holds, and what is said where it does not.

use std::net::TcpListener;

use crate::support::{Test, found, status, wait_until};

/// A verb with one step that waits.
fn waiting(wait: &str) -> Test {
    Test::with("v", &format!("[[steps]]\nid = 'a'\nwait = {wait}\n"))
}

#[test]
fn a_wait_passes_as_soon_as_it_holds() {
    let text = "[[params]]\nname = 'file'\ndefault = 'a b'\n\
        [[steps]]\nid = 'make'\ncmd = \"until test -e tried; do sleep 0.05; done; touch 'a b'\"\n\
        [[steps]]\nid = 'a'\noutputs = { size = 'int' }\n\
        wait = { until = 'touch tried; wc -c < {file}; echo size=7 >> \"$OSTLER_OUTPUT\"', every = '20ms', deadline = '1m' }\n\
        [[steps]]\nid = 'b'\nneeds = ['a']\ncmd = 'echo {steps.a.outputs.size}'\n";
    let test = Test::with("v", text);
    test.ostler(&["v"]).code(0);
    let report = test.report();
    let step = found(&report, "a");
    assert_eq!(step["checks"][0]["what"], "wait");
    assert_eq!(step["checks"][0]["status"], "passed");
    assert_eq!(step["outputs"]["size"], 7);
    test.ostler(&["runs", "log", &test.run(), "a"]).code(0).says("0\n");
    test.ostler(&["runs", "verify"]).code(0);
}

#[test]
fn at_the_deadline_the_report_says_how_often_it_was_tried_and_what_came_last() {
    let test = waiting(
        "{ until = 'echo x >> tries; echo not yet; exit 3', every = '100ms', deadline = '2s' }",
    );
    let ran = test.ostler(&["v"]).code(4);
    assert!(ran.stdout.contains("timed out after 2s"), "{}", ran.stdout);
    let tries = test.read("tries").lines().count();
    let report = test.report();
    let step = found(&report, "a");
    assert_eq!(step["attempts"][0]["outcome"], "timed_out");
    let observed = step["checks"][0]["observed"].as_str().unwrap();
    // The last try may have been ended in its midst.
    assert!(
        (tries..=tries + 1).any(|n| observed == format!("tried {n} times, last exit 3")),
        "{observed} {tries}"
    );
    test.ostler(&["runs", "log", &test.run(), "a"]).code(0).says("not yet");
}

#[test]
fn a_wait_ends_what_hangs_at_its_deadline() {
    let test = waiting("{ until = 'sleep 600', deadline = '300ms' }");
    test.ostler(&["v"]).code(4).says("timed out after 300ms");
    let test = waiting("{ until = 'sleep 600' }\ntimeout = '300ms'");
    test.ostler(&["v"]).code(4).says("timed out after 300ms");
}

#[test]
fn what_shall_stay_true_is_watched_from_the_start_when_it_breaks() {
    // False at the third try: what held before does not count.
    let until = "echo x >> tries; test $(wc -l < tries) != 3";
    let test = waiting(&format!(
        "{{ until = '{until}', every = '40ms', stays = '150ms', deadline = '1m' }}"
    ));
    test.ostler(&["v"]).code(0);
    assert!(test.read("tries").lines().count() > 3);
    let until = "echo x >> tries; exit $(( $(wc -l < tries) % 2 ))";
    let by_turns =
        format!("{{ until = '{until}', every = '20ms', stays = '400ms', deadline = '2s' }}");
    waiting(&by_turns).ostler(&["v"]).code(4).says("timed out after 2s");
}

#[test]
fn a_wait_for_a_port_ends_when_somebody_listens() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let text = "[[params]]\nname = 'p'\ntype = 'int'\n\
        [[steps]]\nid = 'a'\nwait = { port = '127.0.0.1:{p}', every = '20ms', deadline = '1m' }\n";
    let test = Test::with("v", text);
    test.ostler(&["v", "--p", &port.to_string()]).code(0);
    drop(listener);
    let test = waiting(&format!("{{ port = {port}, every = '20ms', deadline = '200ms' }}"));
    test.ostler(&["v"]).code(4).says("last connection refused");
    let bad = Test::with("v", text.replace("{ port = '127.0.0.1:{p}'", "{ port = 'x{p}'").as_str());
    bad.ostler(&["v", "--p", "1"]).code(4).says("neither a port nor host:port");
}

#[test]
fn a_time_is_over_when_it_is_over() {
    let test = waiting("{ duration = '200ms' }");
    test.ostler(&["v"]).code(0);
    let report = test.report();
    assert!(found(&report, "a")["attempts"][0]["duration_ms"].as_u64().unwrap() >= 200);
    assert_eq!(found(&report, "a")["attempts"][0]["outcome"], "done");
}

#[test]
fn a_wait_that_was_interrupted_waits_again_and_asks_nobody() {
    let test =
        waiting("{ until = 'touch tried; test -e ready', every = '20ms', deadline = '10m' }");
    let mut engine = test.start(&["v"]);
    test.wait_for("tried");
    engine.kill().unwrap();
    engine.wait().unwrap();
    let test = test.file("ready", "");
    test.ostler(&["runs", "resume"]).code(0);
    assert_eq!(status(&test.report(), "a"), "passed");
}

#[test]
fn a_wait_is_cancelled_between_two_tries() {
    let test = waiting("{ until = 'touch tried; false', every = '1h', deadline = '2h' }");
    let mut engine = test.start(&["v"]);
    test.wait_for("tried");
    test.ostler(&["runs", "cancel"]).code(0);
    wait_until("the engine has ended", || test.report()["status"] == "cancelled");
    assert_eq!(engine.wait().unwrap().code(), Some(7));
}
