//! Secrets: fetched from the first source that has them, handed over by environment, and found nowhere else.
//!
//! Behaviours shown here (`docs/behaviours.md`): K32, H24.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use aho_corasick::AhoCorasick;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};

use crate::support::{Ran, Test, found, status, wait_until};

const TOKEN: &str = "tok/en'7 f&Kz\"9";

/// Runs the program with variables of its own.
fn ostler(test: &Test, args: &[&str], env: &[(&str, &str)]) -> Ran {
    Ran::new(&test.command(args).envs(env.iter().copied()).output().unwrap())
}

fn private(test: &Test, file: &str, text: &str, mode: u32) {
    let path = test.path().join(file);
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// A program on a PATH of its own.
fn program(test: &Test, name: &str, text: &str) -> String {
    let bin = test.path().join("bin");
    std::fs::create_dir_all(&bin).unwrap();
    private(test, &format!("bin/{name}"), &format!("#!/bin/bash\n{text}"), 0o700);
    format!("{}:{}", bin.display(), std::env::var("PATH").unwrap())
}

/// What would show a secret: as it is, and in the usual encodings.
pub(crate) fn forms(secret: &str) -> Vec<String> {
    let each = |f: &dyn Fn(u8) -> String| secret.bytes().map(f).collect::<String>();
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.~".contains(&b);
    let json = serde_json::to_string(secret).unwrap();
    let mut all = vec![
        secret.to_owned(),
        each(&|b| format!("{b:02x}")),
        each(&|b| format!("{b:02X}")),
        each(&|b| if plain(b) { (b as char).to_string() } else { format!("%{b:02X}") }),
        json[1..json.len() - 1].to_owned(),
        secret.replace('\'', r"'\''"),
        secret.replace('\'', r#"'"'"'"#),
    ];
    for engine in [&STANDARD, &URL_SAFE] {
        for before in 0..3 {
            let around = format!("{}{secret}", &"xxx"[..before]);
            let whole = (8 * before).div_ceil(6)..8 * around.len() / 6;
            all.push(engine.encode(&around)[whole].to_owned());
        }
    }
    all
}

/// Every byte of every file below a folder.
fn everything(dir: &Path, each: &mut dyn FnMut(&Path, &[u8])) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            everything(&path, each);
        } else if path.is_file() {
            each(&path, &std::fs::read(&path).unwrap());
        }
    }
}

/// Fails if one of these is in anything that is stored, shown or handed on of the latest run.
#[track_caller]
pub(crate) fn nowhere(test: &Test, ran: &Ran, needles: &[String]) {
    let finder = AhoCorasick::new(needles).unwrap();
    let look = |what: &str, bytes: &[u8]| {
        if let Some(at) = finder.find(bytes) {
            panic!("{:?} is in {what}", needles[at.pattern().as_usize()]);
        }
    };
    look("stdout", ran.stdout.as_bytes());
    look("stderr", ran.stderr.as_bytes());
    everything(&test.path().join(".ostler"), &mut |path, bytes| {
        look(&path.display().to_string(), bytes);
    });
    let export = test.path().join("exported");
    let _ = std::fs::remove_dir_all(&export);
    let said = test.ostler(&["runs", "export", &test.run(), "--to", export.to_str().unwrap()]);
    assert_eq!(said.code, 0, "{said:?}");
    everything(&export, &mut |path, bytes| look(&path.display().to_string(), bytes));
    let report = test.report();
    let mut shows = vec![
        vec!["runs", "show", "--format", "json"],
        vec!["runs", "show", "--verbose"],
        vec!["runs", "show", "--format", "junit"],
        vec!["runs", "show", "--format", "markdown"],
        vec!["runs", "log"],
    ];
    for step in report["steps"].as_array().unwrap() {
        shows.push(vec!["runs", "log", step["id"].as_str().unwrap()]);
    }
    for args in shows {
        let said = test.ostler(&args);
        look(&args.join(" "), format!("{}{}", said.stdout, said.stderr).as_bytes());
    }
}

#[test]
fn the_first_source_that_has_it_wins() {
    let text = r#"
[[steps]]
id = "a"
secrets = { TOKEN = [{ env = "NO_SUCH" }, { file = "none" }, { command = ["false"] }, { credential = "token" }, { file = "token" }] }
cmd = 'test "$TOKEN" = "$(cat token)" && test -z "${NO_SUCH+x}" && echo "it is $TOKEN"'
"#;
    let test = Test::with("v", text);
    private(&test, "token", "correct horse\n", 0o600);
    let ran = ostler(&test, &["run", "v", "--verbose"], &[]).code(0);
    test.ostler(&["runs", "log", "a"]).says("it is [secret TOKEN]\n");
    nowhere(&test, &ran, &forms("correct horse"));
    // Credentials and variables come before the file, and a variable does not get there by its own name.
    std::fs::create_dir(test.path().join("cred")).unwrap();
    private(&test, "cred/token", "from systemd", 0o440);
    let dir = test.path().join("cred");
    let ran = ostler(&test, &["run", "v"], &[("CREDENTIALS_DIRECTORY", dir.to_str().unwrap())]);
    ran.code(4);
    ostler(&test, &["run", "v"], &[("NO_SUCH", "correct horse")]).code(0);
    // Not even where the workspace lets every step inherit it.
    let test = test.file("ostler.toml", "inherit_env = ['NO_SUCH']\n");
    let ran = ostler(&test, &["run", "v"], &[("NO_SUCH", "correct horse")]).code(0);
    nowhere(&test, &ran, &forms("correct horse"));
}

#[test]
fn without_a_source_the_command_does_not_start() {
    let text = r#"
[[steps]]
id = "a"
secrets = { TOKEN = [{ env = "NO_SUCH" }, { file = "none" }, { command = ["bash", "-c", "echo sorry >&2; exit 3"] }, { credential = "t" }, { command = ["no-such-program"] }] }
cmd = "touch ran"
"#;
    let test = Test::with("v", text);
    ostler(&test, &["run", "v"], &[("NO_SUCH", "")]).code(4);
    let report = test.report();
    let said = found(&report, "a").to_string();
    for part in [
        "no source has the secret TOKEN",
        "env NO_SUCH: empty",
        "none: No such file",
        "exit 3: sorry",
        "credential t: no $CREDENTIALS_DIRECTORY",
        "`no-such-program` was not found",
    ] {
        assert!(said.contains(part), "no {part:?} in {said}");
    }
    assert!(!test.path().join("ran").exists());
}

#[test]
fn what_cannot_be_kept_is_refused() {
    let step = |source: &str| {
        format!(
            "[[steps]]\nid = 'a'\nsecrets = {{ TOKEN = [{source}, {{ env = 'GOOD' }}] }}\ncmd = 'touch ran'\n"
        )
    };
    for (source, why) in [
        ("{ file = 'open' }", "others can get at it (mode 0644): chmod 600 "),
        ("{ file = 'workflows' }", "is not a regular file"),
        ("{ file = 'short' }", "too short to be masked: a secret has at least 6 bytes"),
        ("{ command = ['echo', 'Password'] }", "too common to be masked"),
        ("{ command = ['head', '-c', '20000', '/dev/zero'] }", "too many to be masked"),
        ("{ command = ['printf', 'correct\\0horse'] }", "holds a NUL byte"),
        ("{ age = 'x.age', identity = 'open' }", "others can get at it"),
    ] {
        let test = Test::with("v", &step(source));
        private(&test, "open", "correct horse", 0o644);
        private(&test, "short", "12345\n", 0o600);
        ostler(&test, &["run", "v"], &[("GOOD", "correct horse")]).code(4);
        let said = found(&test.report(), "a").to_string();
        assert!(said.contains(why) && said.contains("the secret TOKEN from "), "{said}");
        assert!(!test.path().join("ran").exists());
    }
}

#[test]
fn age_and_sops_decrypt() {
    let text = r#"
[[params]]
name = "stage"
default = "my stage"
[[steps]]
id = "a"
secrets = { A = { age = "a.age", identity = "key.txt" }, S = { sops = "{stage}.yaml", key = "db.0.pass" }, W = { sops = "w.yaml" } }
cmd = 'test "$A $S $W" = "age-secret sops-secret whole-secret"'
"#;
    let test = Test::with("v", text);
    private(&test, "key.txt", "AGE-SECRET-KEY", 0o600);
    let here = test.path().display();
    program(
        &test,
        "age",
        &format!("[ \"$*\" = '-d -i {here}/key.txt {here}/a.age' ] && echo age-secret"),
    );
    let path = program(
        &test,
        "sops",
        &format!(
            "[ \"$*\" = '-d --extract [\"db\"][0][\"pass\"] {here}/my stage.yaml' ] && echo sops-secret\n\
             [ \"$*\" = '-d {here}/w.yaml' ] && echo whole-secret; true"
        ),
    );
    ostler(&test, &["run", "v"], &[("PATH", &path)]).code(0);
}

#[test]
fn a_secret_shows_in_nothing_that_is_kept_of_a_step() {
    let text = r#"
secrets = { TOKEN = { env = "SOURCE" } }
[[guards]]
id = "there"
cmd = 'test -n "$TOKEN"; echo "$TOKEN"'
reason = "no token"
[[steps]]
id = "shows"
cmd = '''
set -x
echo "$TOKEN"; echo "$TOKEN" >&2; env | sort
printf '%s' "$TOKEN" | base64; printf 'x:%s' "$TOKEN" | base64 -w 9; printf 'xy:%s' "$TOKEN" | base64
printf '%s' "$TOKEN" | xxd -p; printf '%s' "$TOKEN" | od -An -tx1; printf '%s' "$TOKEN" | openssl base64
printf '%q\n' "$TOKEN"; echo "${TOKEN@Q}"; printf '%s' "$TOKEN" | fold -w 4; echo
jq -n '$ENV.TOKEN | ., @json, @uri, @html, @sh, @base64, @csv "\([.])", (explode | implode), tojson'
jq -nr '$ENV.TOKEN | ., @json, @uri, @html, @sh, @base64'
python3 -c 'import os, urllib.parse as u, json, shlex, html; t = os.environ["TOKEN"]; print(u.quote(t), u.quote_plus(t), json.dumps([t]), shlex.quote(t), html.escape(t), repr(t), t.encode())'
perl -e 'print quotemeta($ENV{TOKEN}), "\n"; for (split //, $ENV{TOKEN}) { $| = 1; print; select undef, undef, undef, 0.01 }'
awk 'BEGIN { for (i = 0; i < 20000; i++) print ENVIRON["TOKEN"] }' 
'''
[[steps]]
id = "fails"
cmd = 'echo "$TOKEN"; printf %s "$TOKEN" > file; exit 3'
expect = { stdout = { equals = "other", contains = ["more"], matches = "^x" }, file = { path = "file", contains = ["thing"] } }
on_error = { strategy = "Retry", max = 1, backoff_s = 0, then = "Continue" }
[[steps]]
id = "hands-on"
outputs = { good = "string", bad = "string", worse = "json" }
cmd = '''printf 'good=fine\nbad=%s\n' "$TOKEN" >> "$OSTLER_OUTPUT"; jq -nc '{worse: [1, {a: ($ENV.TOKEN | @base64)}]}' >> "$OSTLER_OUTPUT"'''
on_error = "Continue"
[[steps]]
id = "hands-on-stdout"
outputs = { stdout = "json" }
argv = ["jq", "-n", "[$ENV.TOKEN]"]
on_error = "Continue"
[[steps]]
id = "wrong"
outputs = { n = "int" }
cmd = 'echo "n=$TOKEN" >> "$OSTLER_OUTPUT"; echo "$TOKEN" >> "$OSTLER_OUTPUT"; echo "$TOKEN=1" >> "$OSTLER_OUTPUT"'
on_error = "Continue"
[[steps]]
id = "leaks"
cmd = '(exec -a "x $TOKEN" sleep 100) & sleep 0.1'
on_error = "Continue"
[[steps]]
id = "checks"
checks = [{ name = "c", cmd = 'echo "$TOKEN"', expect = { stdout = { equals = "x" } } }]
verify = { cmd = 'echo "$TOKEN"; false' }
on_error = "Continue"
[[steps]]
id = "masked"
cmd = 'echo "it is $TOKEN."'
expect = { stdout = { equals = "it is [secret TOKEN]." } }
"#;
    let test = Test::with("v", text);
    let ran = ostler(&test, &["run", "v", "--verbose"], &[("SOURCE", TOKEN)]).code(9);
    let report = test.report();
    let failed = ["fails", "hands-on", "hands-on-stdout", "wrong", "checks"];
    for step in failed {
        assert_eq!(status(&report, step), "failed", "{step}");
    }
    let leaked = found(&report, "leaks").to_string();
    assert!(leaked.contains("x [secret TOKEN] 100"), "{leaked}");
    for step in ["shows", "leaks", "masked"] {
        assert_eq!(status(&report, step), "passed", "{step}");
    }
    let handed = found(&report, "hands-on").to_string();
    assert!(
        handed.contains("output `bad` holds the secret TOKEN")
            && handed.contains("\"good\":\"fine\""),
        "{handed}"
    );
    let log = test.ostler(&["runs", "log", "shows"]).stdout;
    assert!(log.matches("[secret TOKEN]").count() > 20_030, "{log}");
    let needles: Vec<String> = forms(TOKEN).into_iter().chain([TOKEN[..6].to_owned()]).collect();
    nowhere(&test, &ran, &needles);
}

#[test]
fn the_plan_has_names_and_sources_only() {
    let text = r#"
[[steps]]
id = "a"
secrets = { TOKEN = [{ env = "SOURCE" }, { command = ["pass", "show", "x"] }] }
cmd = 'echo "$TOKEN"'
"#;
    let test = Test::with("v", text);
    let with = ostler(&test, &["plan", "v"], &[("SOURCE", TOKEN)]).code(0);
    with.says("secret TOKEN from env SOURCE, or command pass show x");
    let json =
        |value: &str| ostler(&test, &["plan", "v", "--format", "json"], &[("SOURCE", value)]);
    // Another value is not another plan.
    assert_eq!(json(TOKEN).stdout, json("correct horse").stdout);
}

#[test]
fn a_source_is_asked_anew_each_time_and_ends_with_the_run() {
    let text = r#"
[[steps]]
id = "a"
secrets = { TOKEN = { command = ["bash", "-c", "echo x >> asked; echo correct-horse-$(wc -l < asked)"] } }
cmd = 'echo "$TOKEN"; test "$(wc -l < asked)" = 2'
on_error = { strategy = "Retry", max = 1, backoff_s = 0 }
[[steps]]
id = "b"
needs = ["a"]
timeout = "2s"
secrets = { TOKEN = { command = ["bash", "-c", "echo $$ > pid; exec sleep 1000"] } }
cmd = "touch ran"
"#;
    let test = Test::with("v", text);
    let ran = test.ostler(&["run", "v"]).code(4);
    let report = test.report();
    assert_eq!(found(&report, "a")["attempts"].as_array().unwrap().len(), 2);
    assert!(found(&report, "b").to_string().contains("timed out after 2s"));
    assert!(!test.path().join("ran").exists());
    let pid = test.read("pid");
    assert!(!Path::new(&format!("/proc/{}", pid.trim())).exists());
    nowhere(&test, &ran, &["correct-horse-1".to_owned(), "correct-horse-2".to_owned()]);
}

#[test]
fn a_killed_engine_leaves_none_behind() {
    let text = r#"
[[steps]]
id = "a"
secrets = { TOKEN = { env = "SOURCE" } }
outputs = { o = "string" }
cmd = 'echo "o=$TOKEN" >> "$OSTLER_OUTPUT"; echo "$TOKEN"; touch begun; sleep 1000'
on_interrupt = "Fail"
"#;
    let test = Test::with("v", text);
    let mut engine = test.command(&["run", "v"]).env("SOURCE", TOKEN).spawn().unwrap();
    test.wait_for("begun");
    engine.kill().unwrap();
    engine.wait().unwrap();
    // Its keeper removes what nobody will collect.
    let left = test.path().join(format!(".ostler/runs/{}/a.1.out", test.run()));
    wait_until("the outputs are gone", || !left.exists());
    let resumed = ostler(&test, &["runs", "resume"], &[("SOURCE", TOKEN)]).code(4);
    nowhere(&test, &resumed, &forms(TOKEN));
}
