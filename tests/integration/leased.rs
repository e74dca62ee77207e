//! A leased build from end to end: acquire, copy, build, once more at the next size, release, metrics; whoever dies.
//!
//! Behaviours shown here (`docs/behaviours.md`): O18, O20, O21, O23, with local steps in the place of hosts.

use std::time::Duration;

use crate::crash::{Chance, kill_after};
use crate::given_back::{GIVING_BACK, check_given_back};
use crate::linked::runs;
use crate::support::Test;

/// Machines are files in `machines`; one is made, used and removed. Its build is killed unless it is large.
fn leased() -> Test {
    let compile = "
[[params]]
name = 'machine'
[[params]]
name = 'size'
type = 'enum'
values = ['small', 'large', 'huge']
[[steps]]
id = 'compile'
on_interrupt = 'Rerun'
cmd = '''
test -e machines/{machine} && test -e machines/{machine}.source
test {size} != small || exit 137
echo {size} > image
'''
";
    let image = "
[[params]]
name = 'size'
type = 'enum'
values = ['small', 'large', 'huge']
default = 'small'
[[steps]]
id = 'acquire'
release = 'destroy'
on_interrupt = 'Rerun'
cmd = '''
mkdir -p machines
echo {run.id}-{attempt} >> acquired
touch machines/m-{attempt}
echo machine=m-{attempt} >> \"$OSTLER_OUTPUT\"
'''
outputs = { machine = 'string' }
[[steps]]
id = 'copy'
needs = ['acquire']
on_interrupt = 'Rerun'
cmd = 'touch machines/{steps.acquire.outputs.machine}.source'
[[steps]]
id = 'build'
needs = ['copy', 'acquire']
call = { verb = 'compile', params = { machine = '{steps.acquire.outputs.machine}', size = '{size}' } }
on_error = { strategy = 'Retry', max = 1, backoff_s = 0, on = [137], escalate = { size = ['small', 'large', 'huge'] } }
";
    Test::with("image", &format!("{image}{GIVING_BACK}")).verb("compile", compile)
}

#[test]
fn a_leased_build_is_tried_once_more_at_the_next_size_and_always_given_back() {
    let test = leased();
    test.ostler(&["run", "image"]).code(0);
    check_given_back(&test, "without a death");
    assert_eq!(test.read("destroyed"), "m-1\n");
    assert_eq!(runs(&test, "compile"), 2, "one at each size");
    // At the largest there is no next size.
    let test = leased();
    test.ostler(&["run", "image", "--size", "huge"]).code(0);
    assert_eq!(runs(&test, "compile"), 1);
}

#[test]
fn a_leased_build_whose_engine_is_killed_is_given_back_on_resume() {
    let mut chance = Chance::new();
    for round in 0..8 {
        let test = leased();
        let most = Duration::from_millis(250);
        kill_after(&test, &["run", "image"], chance.below(most));
        for _ in 0..3 {
            if test.ostler(&["runs", "show"]).code == 0 && test.report()["status"] != "passed" {
                kill_after(&test, &["runs", "resume", &test.run()], chance.below(most));
            }
        }
        if test.ostler(&["runs", "show"]).code == 0 {
            if test.report()["status"] != "passed" {
                test.ostler(&["runs", "resume", &test.run()]).code(0);
            }
            check_given_back(&test, &format!("round {round}"));
            assert_eq!(runs(&test, "compile"), 2, "round {round}");
        }
    }
}
