//! Steps that take their time: what else can be asked meanwhile, and how they end with the session.

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

use crate::client::Client;
use crate::support::{Test, status, wait_until};

/// A step that runs until a file is there, and a `finally` step.
const SLOW: &str = "
[[steps]]
id = \"a\"
cmd = \"touch started; while [ ! -e go ]; do sleep 0.02; done\"

[[finally]]
id = \"clean\"
cmd = \"touch cleaned\"
";

/// A step that kills what watches over it.
const KILLS: &str = "[[steps]]\nid = \"a\"\ncmd = \"kill -9 $PPID; sleep 1000\"\n";

fn slow() -> Test {
    Test::with("slow", SLOW).verb("kills", KILLS)
}

/// A session in which the slow step runs, and the request for it.
fn running(test: &Test, meta: &Value) -> (Client, i64) {
    let mut client = Client::new(test);
    client.call("start", &json!({ "verb": "slow" })).done();
    let arguments = json!({ "run": "slow", "step": "a" });
    let call = json!({ "name": "run_step", "arguments": arguments, "_meta": meta });
    let id = client.request("tools/call", &call);
    test.wait_for("started");
    (client, id)
}

fn go(test: &Test) {
    std::fs::write(test.path().join("go"), "").unwrap();
}

#[test]
fn others_are_answered_while_a_step_runs() {
    let test = slow();
    let (mut client, id) = running(&test, &json!({}));
    assert!(client.call("status", &json!({ "run": "slow" })).done().contains("▸ a"));
    assert!(
        client.call("next", &json!({ "run": "slow" })).done().contains("which the engine runs")
    );
    // Another run, whose step kills its keeper: what that leaves is ended, and nothing else.
    client.call("start", &json!({ "verb": "kills" })).done();
    client.call("run_step", &json!({ "run": "kills", "step": "a" })).done();
    assert_eq!(status(&test.report(), "a"), "failed");
    go(&test);
    assert!(client.said(id).done().contains("a passed"));
}

#[test]
fn who_wants_to_know_is_told_that_it_goes_on() {
    let test = slow();
    let (mut client, id) = running(&test, &json!({ "progressToken": "mine" }));
    let told = client.next();
    assert_eq!(told["method"], "notifications/progress");
    assert_eq!(told["params"]["progressToken"], "mine");
    go(&test);
    client.said(id).done();
}

/// A client gives a request up after a time of its own; that is no reason to end a step.
#[test]
fn a_request_that_is_given_up_leaves_its_step_running() {
    let test = slow();
    let (mut client, id) = running(&test, &json!({}));
    let given_up = json!({
        "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": id },
    });
    client.line(given_up.to_string());
    client.call("verbs", &json!({})).done();
    go(&test);
    wait_until("the run has ended", || test.report()["status"] == "passed");
}

#[test]
fn the_end_of_the_session_ends_what_runs() {
    for signal in [None, Some(Signal::TERM), Some(Signal::INT)] {
        let test = slow();
        let (mut client, id) = running(&test, &json!({}));
        match signal {
            Some(signal) => kill_process(Pid::from_child(&client.child), signal).unwrap(),
            None => client.close(),
        }
        // Whether the signal or the end of the session is heard first, the step is ended, and nobody takes it for done.
        let said = client.said(id);
        let told = ["it may have run", "what became of it is asked"];
        assert!(told.iter().any(|words| said.text.contains(words)), "{said:?}");
        let (status, errors) = client.wait();
        assert!(status.success() && errors.is_empty(), "{status}: {errors}");
        // The run is not over: the step is asked about, and can be run again.
        assert!(!test.path().join("cleaned").exists());
        test.ostler(&["step", "next", "slow"]).code(0).says("step a");
        go(&test);
        test.ostler(&["step", "run", "slow", "a"]).code(0).says("slow passed");
        assert!(test.path().join("cleaned").exists(), "`finally` was run");
    }
}
