//! A build on a machine that is leased for it: acquire, copy, build there, once more at the next size, give back,
//! metrics; whoever dies.
//!
//! Behaviours shown here (`docs/behaviours.md`): O18, O20, O21, O22, O23.

use std::time::Duration;

use crate::given_back::{GIVING_BACK, check_given_back};
use crate::sshd::Sshd;
use crate::support::wait_until;
use crate::there::{Fleet, end};

/// Machines are files in `machines`, and behind each is one of two servers, which is in no fleet and known by the key
/// that its lease says.
struct Leased {
    fleet: Fleet,
    machines: [Sshd; 2],
}

const COMPILE: &str = "
[[params]]
name = 'address'
[[params]]
name = 'port'
type = 'int'
[[params]]
name = 'user'
[[params]]
name = 'key'
[[params]]
name = 'size'
type = 'enum'
values = ['small', 'large', 'huge']
[[steps]]
id = 'compile'
host = { address = '{address}', port = '{port}', user = '{user}', host_key = '{key}' }
on_interrupt = 'Rerun'
cmd = '''
cd \"$XDG_STATE_HOME\"
test \"$(cat source/main)\" = words
echo x >> WS/compiled
test {size} != small || exit 137
echo {size} > image
'''
[[steps]]
id = 'fetch'
needs = ['compile']
host = { address = '{address}', port = '{port}', user = '{user}', host_key = '{key}' }
on_interrupt = 'Rerun'
cmd = 'cat \"$XDG_STATE_HOME/image\" > WS/image'
";

const IMAGE: &str = "
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
touch machines/m-{attempt}
nth=$(( {attempt} % 2 ))
{ echo machine=m-{attempt}; cat offers/$nth; } >> \"$OSTLER_OUTPUT\"
'''
outputs = { machine = 'string', address = 'string', port = 'int', user = 'string', key = 'string', dir = 'string' }
[[steps]]
id = 'answers'
needs = ['acquire']
on_interrupt = 'Rerun'
wait = { port = '{steps.acquire.outputs.address}:{steps.acquire.outputs.port}', deadline = '1m' }
[[steps]]
id = 'copy'
needs = ['answers', 'acquire']
host = { address = '{steps.acquire.outputs.address}', port = '{steps.acquire.outputs.port}', user = '{steps.acquire.outputs.user}', host_key = '{steps.acquire.outputs.key}' }
on_interrupt = 'Rerun'
copy = { from = 'source', to = 'host:{steps.acquire.outputs.dir}/source' }
[[steps]]
id = 'build'
needs = ['copy', 'acquire']
call = { verb = 'compile', params = { address = '{steps.acquire.outputs.address}', port = '{steps.acquire.outputs.port}', user = '{steps.acquire.outputs.user}', key = '{steps.acquire.outputs.key}', size = '{size}' } }
on_error = { strategy = 'Retry', max = 1, backoff_s = 0, on = [137], escalate = { size = ['small', 'large', 'huge'] } }
";

impl Leased {
    fn new() -> Self {
        // The user has the key that lets in, and knows no host.
        let machines = [Sshd::new(), Sshd::new()];
        let fleet = Fleet { test: crate::there::known(&machines), sshds: Vec::new() };
        let config = fleet.test.read("ssh_config");
        let config = config.split("UserKnownHostsFile").next().unwrap().to_owned();
        let mut fleet = fleet
            .file("ssh_config", &format!("{config}UserKnownHostsFile /dev/null\n"))
            .verb("compile", COMPILE)
            .verb("image", &format!("{IMAGE}{GIVING_BACK}"))
            .file("source/main", "words\n");
        for (nth, sshd) in machines.iter().enumerate() {
            let key = std::fs::read_to_string(sshd.at("host.pub")).unwrap();
            let user = std::env::var("USER").unwrap_or_else(|_| "root".to_owned());
            let offer = format!(
                "address=127.0.0.1\nport={}\nuser={user}\nkey={}\ndir={}\n",
                sshd.port(),
                key.trim(),
                sshd.at("state").display()
            );
            fleet = fleet.file(&format!("offers/{nth}"), &offer);
        }
        Self { fleet, machines }
    }

    /// What must hold once it has ended: also that the build was on the machine that its lease named.
    #[track_caller]
    fn check(&self, what: &str) {
        let test = &self.fleet.test;
        check_given_back(test, what);
        let tries = test.report()["steps"][0]["attempts"].as_array().unwrap().len();
        let on_it = self.machines[tries % 2].at("state/source/main");
        assert!(on_it.exists(), "{what}: it was copied to another machine");
    }
}

#[test]
fn a_build_on_a_leased_host_is_tried_once_more_and_given_back() {
    let leased = Leased::new();
    leased.fleet.ostler(&["run", "image"]).code(0);
    leased.check("without a death");
    assert_eq!(leased.fleet.test.read("destroyed"), "m-1\n");
    assert_eq!(leased.fleet.lines("compiled").len(), 2, "one at each size");
    // Another key than the one that the lease says is not let through, and the machine is given back all the same.
    let key = std::fs::read_to_string(leased.machines[0].at("host.pub")).unwrap();
    let offer = leased.fleet.test.read("offers/1");
    let lie = offer.lines().map(|line| match line.strip_prefix("key=") {
        Some(_) => format!("key={}\n", key.trim()),
        None => format!("{line}\n"),
    });
    std::fs::write(leased.fleet.at("offers/1"), lie.collect::<String>()).unwrap();
    let said = leased.fleet.ostler(&["run", "image"]).code(4);
    assert!(said.stdout.contains("key"), "{said:?}");
    assert_eq!(leased.fleet.test.read("destroyed"), "m-1\nm-1\n");
    assert_eq!(leased.fleet.lines("compiled").len(), 2);
}

#[test]
fn a_build_on_a_leased_host_whose_engine_is_killed_is_given_back_on_resume() {
    // By what there is to be seen of it.
    let seen = ["machines/m-1", "compiled", "image", "destroyed"];
    for (nth, at) in seen.iter().enumerate() {
        let leased = Leased::new();
        let engine = leased.fleet.start(&["run", "image"]);
        leased.fleet.test.wait_for(at);
        std::thread::sleep(Duration::from_millis(17 * nth as u64));
        end(engine);
        let resumed = || leased.fleet.ostler(&["runs", "resume"]);
        wait_until("it has come to its end", || {
            // A run that its engine called goes on by itself, or is resumed by the one that called.
            matches!(resumed().code, 0 | 2)
        });
        leased.check(at);
        let compiled = leased.fleet.lines("compiled").len();
        assert!((2..=3).contains(&compiled), "{at}: compiled {compiled} times");
    }
}
