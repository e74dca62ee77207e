//! The engine is killed at any instant of a run on a host: nothing runs twice, and no end is made up.
//!
//! Behaviours shown here (`docs/behaviours.md`): O10.

use std::time::{Duration, Instant};

use crate::history::{check_six, cut_at, finish, kill_at, six_on};
use crate::sshd::{Sshd, is_carried};
use crate::support::{Test, found, status, wait_until};
use crate::there::{Fleet, end, known, manifest};

/// The six steps of the tests of this machine, all on a host.
fn six_there(sshd: &Sshd) -> Test {
    let test = known(std::slice::from_ref(sshd)).file("fleet/box.toml", &manifest(sshd, 0));
    let more = format!("host = 'box'\ncwd = '{}'\n", test.path().display());
    six_on(&more, test)
}

#[test]
fn a_log_that_ends_after_any_record_is_resumed_on_a_host() {
    let sshd = Sshd::new();
    // All in one workspace, whose folder the plan names.
    let test = six_there(&sshd);
    test.ostler(&["run", "six"]).code(0);
    let history = check_six(&test, 0);
    let state = test.path().join(".ostler");
    std::fs::copy(state.join("state.db"), test.path().join("whole.db")).unwrap();
    for n in 1..history.records.len() {
        std::fs::remove_dir_all(&state).unwrap();
        std::fs::create_dir_all(state.join("runs")).unwrap();
        for left in ["journal", "probed.done"] {
            let _ = std::fs::remove_file(test.path().join(left));
        }
        // The host knows nothing of attempts, so that those whose end is not in the log have never started.
        let _ = std::fs::remove_dir_all(sshd.at("state/ostler"));
        std::fs::copy(test.path().join("whole.db"), state.join("state.db")).unwrap();
        drop(cut_at(&state.join("state.db"), n));
        assert!(finish(&test, if n % 2 == 0 { "rerun" } else { "passed" }), "cut at {n}");
        check_six(&test, n);
    }
}

/// Kills at the calls from the `first` on, `step` by `step`.
fn kill_there(call: &str, first: usize, step: usize) {
    let sshd = Sshd::new();
    kill_at(call, (first..).step_by(step), || six_there(&sshd));
}

#[test]
fn killed_at_writes_to_the_database() {
    kill_there("pwrite64", 3, every(31));
}

#[test]
fn killed_at_words_to_the_host() {
    kill_there("write", 2, every(7));
}

#[test]
fn killed_at_words_from_the_host() {
    kill_there("read,readv", 5, every(41));
}

/// How many calls are left out between two; `OSTLER_TEST_EVERY` says otherwise, for those who have the time.
fn every(usual: usize) -> usize {
    std::env::var("OSTLER_TEST_EVERY").map_or(usual, |n| n.parse().unwrap())
}

#[test]
fn nothing_of_a_dead_engine_is_left_on_a_host_after_five_seconds() {
    let fleet = Fleet::one().verb(
        "v",
        "host = 'box'\ncwd = 'WS'\n[[steps]]\nid = 's'\n\
         cmd = \"trap '' TERM; echo x >> ran; setsid sleep 1000 & sleep 1000 & wait; sleep 1000\"\n\
         [[finally]]\nid = 'last'\ncmd = 'echo {steps.s.status} > last'\n",
    );
    let engine = fleet.start(&["run", "v"]);
    fleet.test.wait_for("ran");
    let mark = format!("OSTLER_RUN={}", fleet.test.run());
    assert!(is_carried(&mark));
    end(engine);
    let start = Instant::now();
    wait_until("nothing of it is left", || !is_carried(&mark));
    let took = start.elapsed();
    assert!(took < Duration::from_secs(5), "it took {took:?}");
    fleet.ostler(&["runs", "resume"]).code(5);
    assert_eq!(status(&fleet.test.report(), "s"), "asked");
    fleet.ostler(&["step", "answer", "s", "failed"]).code(4);
    assert_eq!(fleet.test.read("ran"), "x\n");
    assert_eq!(fleet.test.read("last"), "failed\n");
}

#[test]
fn a_kept_step_goes_on_through_many_engines_and_all_it_wrote_is_there() {
    let fleet = Fleet::one().verb(
        "v",
        r#"
host = "box"
cwd = "WS"
[[steps]]
id = "s"
on_disconnect = "Keep"
outputs = { n = "int" }
expect = { exit = 3, stdout = { matches = "^0\n1\n" }, count = 400, file = { path = "made", exists = true } }
verify = { cmd = "echo v >> verified" }
cmd = '''
echo x >> ran
for i in {0..399}; do echo $i; echo e$i >&2; test $((i % 50)) != 0 || { touch at.$i; until test -e go.$i; do sleep 0.01; done; }; done
echo n=$i >> "$OSTLER_OUTPUT"
touch made
exit 3
'''
[[steps]]
id = "next"
needs = ["s"]
cmd = "echo {steps.s.outputs.n} > next"
"#,
    );
    let mut engine = fleet.start(&["run", "v"]);
    for at in (0..400).step_by(50) {
        fleet.test.wait_for(&format!("at.{at}"));
        end(engine);
        let go = || std::fs::write(fleet.at(&format!("go.{at}")), "").unwrap();
        // The last end of it is written with no engine there.
        if at == 350 {
            go();
            fleet.test.wait_for("made");
        }
        engine = fleet.start(&["runs", "resume"]);
        go();
    }
    assert_eq!(engine.wait().unwrap().code(), Some(0), "{:#}", fleet.test.report());
    assert_eq!(fleet.test.read("ran"), "x\n");
    assert_eq!(fleet.test.read("verified"), "v\n");
    assert_eq!(fleet.test.read("next"), "399\n");
    let out: String = (0..400).map(|i| format!("{i}\n")).collect();
    let err: String = (0..400).map(|i| format!("e{i}\n")).collect();
    let log = |more: &[&str]| fleet.ostler(&[&["runs", "log", "s"], more].concat()).code(0).stdout;
    assert!(log(&[]) == format!("{out}{err}"), "not all it wrote");
    assert!(log(&["--stderr"]) == err, "not all it wrote");
    assert_eq!(found(&fleet.test.report(), "s")["attempts"].as_array().unwrap().len(), 1);
}

#[test]
fn checks_whose_engine_died_between_two_are_each_made_once() {
    for keep in ["Kill", "Keep"] {
        let fleet = Fleet::one().verb(
            "v",
            &format!(
                "host = 'box'\ncwd = 'WS'\n[[steps]]\nid = 's'\non_disconnect = '{keep}'\nchecks = [\
                 {{ name = 'one', cmd = 'echo 1 >> ran' }}, \
                 {{ name = 'two', cmd = 'echo 2 >> ran; until test -e go; do sleep 0.01; done' }}, \
                 {{ name = 'three', cmd = 'echo 3 >> ran' }}]\n"
            ),
        );
        let engine = fleet.start(&["run", "v"]);
        wait_until("the second one runs", || fleet.lines("ran").len() == 2);
        end(engine);
        if keep == "Keep" {
            std::fs::write(fleet.at("go"), "").unwrap();
        }
        let code = fleet.ostler(&["runs", "resume"]).code;
        let report = fleet.test.report();
        // What was cut off is never taken for done.
        if keep == "Keep" {
            assert_eq!(code, 0, "{report:#}");
            assert_eq!(fleet.lines("ran"), ["1", "2", "3"]);
        } else {
            assert!(code == 5 && status(&report, "s") == "asked", "{report:#}");
            assert_eq!(fleet.lines("ran"), ["1", "2"]);
        }
    }
}

#[test]
fn an_interrupted_step_is_probed_on_its_host() {
    for (done, ran) in [(true, "x\n"), (false, "x\nx\n")] {
        let sshds = ["a", "b"];
        let fleet = Fleet::new(&sshds, 2).verb(
            "v",
            "[[steps]]\nid = 's'\nhost = 'b'\ncwd = 'WS'\n\
             on_interrupt = { probe = 'test -e \"$XDG_STATE_HOME/done\"' }\n\
             cmd = 'echo x >> ran; test \"$(wc -l < ran)\" = 2 || sleep 1000'\n",
        );
        let engine = fleet.start(&["run", "v"]);
        fleet.test.wait_for("ran");
        end(engine);
        let there = usize::from(done);
        std::fs::write(fleet.sshds[there].at("state/done"), "").unwrap();
        fleet.ostler(&["runs", "resume"]).code(0);
        assert_eq!(fleet.test.read("ran"), ran);
    }
}
