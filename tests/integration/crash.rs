//! The engine is killed, the disk is full, the machine reboots: nothing is lost, and nothing runs twice.
//!
//! Behaviours shown here (`docs/behaviours.md`): O10.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rusqlite::{Connection, params};
use serde_json::Value;

use crate::history::{History, check_six, cut_at, finish, journaled, kill_at, six, sum};
use crate::support::{Ran, Test};

/// A workspace with the beginning of a run that ended: its first `n` records, under another boot if one is given.
fn cut(whole: &Test, history: &History, n: usize, boot: Option<&str>) -> Test {
    let test = six();
    std::fs::create_dir_all(test.path().join(".ostler/runs")).unwrap();
    let path = test.path().join(".ostler/state.db");
    std::fs::copy(whole.path().join(".ostler/state.db"), &path).unwrap();
    let db = cut_at(&path, n);
    if let Some(boot) = boot {
        let mut records = history.records[..n].to_vec();
        for record in &mut records {
            if record["event"]["type"] == "driver_took" {
                record["event"]["boot_id"] = boot.into();
            }
        }
        rewrite(&db, &mut records);
    }
    test
}

/// Puts records in place of the ones that are there, chained anew.
pub(crate) fn rewrite(db: &Connection, records: &mut [Value]) {
    let mut prev = records[0]["prev"].as_str().unwrap().to_owned();
    for (seq, record) in records.iter_mut().enumerate() {
        record["prev"] = prev.into();
        let line = format!("{record}\n");
        prev = sum(line.as_bytes());
        let update = "UPDATE events SET line = ? WHERE seq = ?";
        assert_eq!(db.execute(update, params![line.as_bytes(), seq.cast_signed()]).unwrap(), 1);
    }
}

#[test]
fn a_log_that_ends_after_any_record_is_resumed() {
    let whole = six();
    whole.ostler(&["run", "six"]).code(0);
    let history = check_six(&whole, 0);
    for n in 1..history.records.len() {
        for (done, answer) in [(true, "passed"), (false, "rerun")] {
            let test = cut(&whole, &history, n, None);
            if done {
                std::fs::write(test.path().join("probed.done"), "").unwrap();
            }
            let before = history.tried("step_started", 0);
            let kept = before.len() - history.tried("step_started", n).len();
            assert!(finish(&test, answer));
            let resumed = check_six(&test, n);
            let again = resumed.tried("step_started", n);
            assert!(before[..kept].iter().all(|one| !again.contains(one)), "cut at {n}");
        }
    }
}

#[test]
fn after_a_reboot_what_may_have_run_is_not_run_again_unasked() {
    let whole = six();
    whole.ostler(&["run", "six"]).code(0);
    let history = check_six(&whole, 0);
    let took = history.all("driver_took").next().unwrap().0;
    let finally = history.all("finally_started").next().unwrap().0;
    for n in took + 1..history.records.len() {
        let mut test = cut(&whole, &history, n, Some("an earlier boot"));
        if n % 2 == 0 {
            // What is set now says nothing of what the dead engine forced to disk.
            test = test.file("ostler.toml", "durability = 'full'\n");
        }
        let ran = test.ostler(&["runs", "resume"]);
        let resumed = History::of(&test, &[]);
        // The whole log tells what may have run by the time of the power cut: `finally` begins with a forced record.
        let until = if n <= finally { finally } else { history.records.len() };
        for (seq, event) in history.all("step_started").filter(|(seq, _)| (n..until).contains(seq))
        {
            let said = resumed.all("step_interrupted").any(|(_, e)| {
                (&e["step"], &e["attempt"], &e["cause"])
                    == (&event["step"], &event["attempt"], &"rebooted".into())
            });
            assert!(said, "cut at {n}: {event} of record {seq} may have run: {resumed:#?}");
        }
        let asks = |kind: &str| history.all(kind).find(|(_, e)| e["step"] == "asks").unwrap().0;
        let unsure = n <= asks("step_finished");
        assert_eq!(ran.code == 5, unsure, "cut at {n}: {ran:?}");
        assert!(!(unsure && test.read("journal").contains("asks")), "cut at {n}");
        finish(&test, "rerun");
        check_six(&test, n);
    }
}

#[test]
fn killed_at_any_write_to_the_database() {
    kill_at("pwrite64", 1.., six);
}

#[test]
fn killed_at_any_other_call_that_matters() {
    for call in ["fsync,fdatasync", "unlink,rename", "sendto", "write", "clone3,clone,vfork"] {
        kill_at(call, 1.., six);
    }
}

/// A small generator of chance, whose seed can be printed.
pub(crate) struct Chance(u64);

impl Chance {
    pub(crate) fn new() -> Self {
        let now = || u64::from(std::time::UNIX_EPOCH.elapsed().unwrap().subsec_nanos()) | 1;
        let seed = std::env::var("OSTLER_TEST_SEED").map_or_else(|_| now(), |s| s.parse().unwrap());
        println!("OSTLER_TEST_SEED={seed}");
        Self(seed)
    }

    pub(crate) fn below(&mut self, limit: Duration) -> Duration {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        limit * u32::try_from(self.0 >> 48).unwrap() / (1 << 16)
    }
}

/// Starts the program and kills it after a time, unless it ends before.
pub(crate) fn kill_after(test: &Test, args: &[&str], after: Duration) {
    let mut command = test.command(args);
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let start = Instant::now();
    while start.elapsed() < after && child.try_wait().unwrap().is_none() {
        std::thread::sleep(Duration::from_micros(200));
    }
    let _ = child.kill();
    child.wait().unwrap();
}

#[test]
fn killed_at_random_times() {
    let mut chance = Chance::new();
    let start = Instant::now();
    six().ostler(&["run", "six"]).code(0);
    let whole = start.elapsed();
    let mut interrupted = 0;
    for n in 0..200 {
        let test = six();
        kill_after(&test, &["run", "six"], chance.below(whole));
        if finish(&test, if n % 2 == 0 { "passed" } else { "rerun" }) {
            interrupted += check_six(&test, 0).all("step_interrupted").count();
        } else {
            assert_eq!(test.read("journal"), "");
        }
    }
    println!("{interrupted} attempts interrupted");
    assert!(interrupted > 5, "only {interrupted} attempts were interrupted");
}

#[test]
fn killed_twenty_times_in_a_row() {
    let mut chance = Chance::new();
    for _ in 0..4 {
        let test = six();
        kill_after(&test, &["run", "six"], Duration::from_millis(25));
        for _ in 0..20 {
            kill_after(&test, &["runs", "resume"], chance.below(Duration::from_millis(25)));
            kill_after(
                &test,
                &["step", "answer", "asks", "rerun"],
                chance.below(Duration::from_millis(25)),
            );
        }
        if finish(&test, "passed") {
            let history = check_six(&test, 0);
            println!("{} interrupted", history.all("step_interrupted").count());
        }
    }
}

/// A program that only root may run, by `sudo` where we are somebody else.
fn as_root(program: &str) -> Command {
    if rustix::process::getuid().is_root() {
        return Command::new(program);
    }
    let mut sudo = Command::new("sudo");
    sudo.args(["-n", program]);
    sudo
}

/// A disk of its own for the workspace's state; gone with it.
struct SmallDisk(std::path::PathBuf);

impl SmallDisk {
    fn mount(test: &Test, size: &str) -> Self {
        let path = test.path().join(".ostler");
        std::fs::create_dir(&path).unwrap();
        let mut mount = as_root("mount");
        let options = format!("size={size},mode=0777");
        mount.args(["-t", "tmpfs", "-o", &options, "none"]).arg(&path);
        let mounted = mount.output().unwrap();
        assert!(mounted.status.success(), "a small disk needs the right to mount: {mounted:?}");
        Self(path)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = as_root("umount").arg("-l").arg(&self.0).status();
    }
}

/// A step that passes, one that runs for long, and one in whose time the disk fills up.
fn filling() -> Test {
    let first = journaled("first", "");
    let long = journaled("long", "touch long.runs; exec sleep 600");
    let fill = journaled(
        "fill",
        "until test -e long.runs; do :; done; cat /dev/zero > .ostler/ballast || true",
    );
    let then = journaled("then", "");
    let last = journaled("last", "");
    Test::with(
        "filling",
        &format!(
            "[[steps]]\nid = 'first'\n{first}[[steps]]\nid = 'long'\nneeds = ['first']\n{long}\
             [[steps]]\nid = 'fill'\nneeds = ['first']\n{fill}[[steps]]\nid = 'then'\nneeds = ['fill']\n{then}\
             [[finally]]\nid = 'last'\n{last}"
        ),
    )
}

/// After the record could not be written: nothing runs, nothing is lost, and with room it goes on.
fn check_filled(test: &Test) {
    let in_it = |entry: std::fs::DirEntry| {
        std::fs::read_link(entry.path().join("cwd")).is_ok_and(|cwd| cwd == test.path())
    };
    let runs = || std::fs::read_dir("/proc").unwrap().flatten().any(in_it);
    assert!(!runs(), "something still runs");
    let _ = std::fs::remove_file(test.path().join(".ostler/ballast"));
    test.ostler(&["runs", "list"]).code(0).says("owes its `finally`");
    test.ostler(&["runs", "resume"]).code(5);
    test.ostler(&["step", "answer", "long", "passed"]).code(5);
    test.ostler(&["step", "answer", "fill", "passed"]).code(0);
    let history = History::of(test, &[]);
    history.check_attempts();
    assert_eq!(history.end(), "passed");
    let expected = ["start first 1", "end first 1", "start fill 1", "start then 1", "end last 1"];
    let journal = test.read("journal");
    for line in expected {
        assert_eq!(journal.lines().filter(|l| *l == line).count(), 1, "{line} in\n{journal}");
    }
    assert!(!journal.contains("end long"));
}

#[test]
fn a_full_disk_is_said_and_survived() {
    let test = filling();
    let _disk = SmallDisk::mount(&test, "1m");
    test.ostler(&["run", "-j", "4", "filling"]).code(8).complains("full").complains("resume");
    check_filled(&test);
}

#[test]
fn a_full_disk_from_the_start_is_said() {
    let test = filling();
    let _disk = SmallDisk::mount(&test, "16k");
    let ran = test.ostler(&["run", "filling"]).code(8);
    assert!(!ran.stderr.contains("panicked"), "{ran:?}");
    assert_eq!(test.read("journal"), "");
}

#[test]
fn a_limit_on_file_sizes_is_like_a_full_disk() {
    // The step waits until the test has set the limit of the engine, whose next record then has no room.
    let test = filling();
    std::fs::create_dir(test.path().join(".ostler")).unwrap();
    let fifo = test.path().join(".ostler/ballast");
    assert!(Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let engine = test.start(&["run", "-j", "4", "filling"]);
    test.wait_for("long.runs");
    let mut prlimit = Command::new("prlimit");
    prlimit.args(["--pid", &engine.id().to_string(), "--fsize=1024:1024"]);
    assert!(prlimit.status().unwrap().success());
    // Reading a little and going away ends what writes to it.
    drop(std::io::Read::read(&mut std::fs::File::open(&fifo).unwrap(), &mut [0; 16]));
    let ran = Ran::new(&engine.wait_with_output().unwrap()).code(8);
    assert!(ran.stderr.contains("disk") && !ran.stderr.contains("panicked"), "{ran:?}");
    println!("{}", ran.stderr);
    check_filled(&test);
}
