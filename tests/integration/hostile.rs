//! Hostile files: each is a diagnostic within ten seconds and the reader's memory, reads nothing outside of the
//! workspace, and shows nothing of what it may not read.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::support::{Ran, Test};

/// What must never be shown.
const SECRET: &str = "correct-horse-battery-staple";

/// How long an answer may take: ten seconds, and what a busy machine adds to starting and ending.
const ANSWER: Duration = Duration::from_secs(20);

/// Has a workspace's files checked, under limits that the program itself must not need.
fn check(test: &Test, args: &[&str]) -> Ran {
    let start = Instant::now();
    let ran = test.ostler(args);
    assert!(start.elapsed() < ANSWER, "{args:?} took {:?}", start.elapsed());
    assert!(matches!(ran.code, 0 | 2 | 3), "{ran:?}");
    let all = format!("{}{}", ran.stdout, ran.stderr);
    assert!(!all.contains(SECRET), "the secret is shown: {all}");
    assert!(!all.contains("panicked"), "{all}");
    ran
}

/// A verb in Nickel whose steps are what `text` says.
fn steps(text: &str) -> Test {
    let verb = format!("{{ id = \"v\", steps = {text} }}");
    Test::new().file("workflows/v.ncl", &verb)
}

#[test]
fn what_never_ends_or_takes_everything_is_stopped() {
    let step = "{ id = \"a\", cmd = \"true\" }";
    let bombs = [
        ("let rec f = fun n => f (n + 1) in f 0", "10 seconds"),
        ("let rec f = fun n => { id = \"a\", next = f (n + 1) } in [f 0]", "E0114"),
        ("std.array.generate (fun n => %step%) 50000000", "E0114"),
        ("let rec f = fun n => 1 + f n in f 0", "E0114"),
        (
            "let a = std.array.generate (fun n => n) 1000000 in \
             std.array.generate (fun n => a @ [n]) 100000",
            "E0114",
        ),
    ];
    std::thread::scope(|scope| {
        for (text, says) in bombs {
            scope.spawn(move || {
                let test = steps(&text.replace("%step%", step));
                check(&test, &["check"]).code(3).says("E0114").says(says);
            });
        }
    });
}

#[test]
fn depth_and_size_are_diagnostics() {
    let (open, close) = ("[".repeat(10_000), "]".repeat(10_000));
    let braces = |n: usize| format!("{}1{}", "{a=".repeat(n), "}".repeat(n));
    for test in [
        steps(&format!("{open}{close}")),
        steps(&braces(10_000)),
        steps(&format!("{}1{}", "(".repeat(50_000), ")".repeat(50_000))),
        steps("import \"deep.json\"").file("workflows/deep.json", &format!("{open}{close}")),
        steps("import \"deep.yaml\"").file("workflows/deep.yaml", &format!("{open}{close}")),
        steps("import \"deep.toml\"").file("workflows/deep.toml", &format!("a={open}{close}")),
        Test::with("v", &format!("steps = {open}{close}\n")),
        Test::with("v", &format!("steps = {}\n", braces(10_000))),
        Test::with("v", &format!("a{} = 1\n", ".a".repeat(10_000))),
        Test::with("v", &format!("[[steps]]\nid = 'a'\nstdin = {{ json = {} }}\n", braces(70))),
    ] {
        check(&test, &["check"]).code(3);
    }
    // Data that a step may hold is as deep as its reader allows, and not a level deeper.
    let json = |n: usize| {
        let nested = format!("{}1{}", "[".repeat(n), "]".repeat(n));
        steps(&format!("[{{ id = \"a\", cmd = \"cat\", stdin = {{ json = {nested} }} }}]"))
    };
    check(&json(50), &["plan", "v"]).code(0);
    check(&json(80), &["plan", "v"]).code(3).complains("nested too deeply");
}

#[test]
fn shell_text_that_its_reader_chokes_on_is_a_diagnostic() {
    let nested =
        |open: &str, close: &str, n: usize| format!("{}true{}", open.repeat(n), close.repeat(n));
    for text in [
        "<<E$[\t\t".to_owned(),
        "cat <<E$[\t\t {x}".to_owned(),
        nested("if true; then ", "; fi", 2_000),
        nested("case x in x) ", "\nesac", 30),
        nested("$(echo ", ")", 2_000),
        nested("\"$(echo ", ")\"", 200),
        "(".repeat(50_000),
        "`".repeat(20_000),
        "a=".repeat(60_000),
    ] {
        let quoted = text
            .replace('\\', "\\\\")
            .replace('"', "\\\"")
            .replace('\t', "\\t")
            .replace('\n', "\\n");
        let verb = format!(
            "params = [{{ name = 'x', default = 'y' }}]\n[[steps]]\nid = 'a'\ncmd = \"{quoted}\"\n"
        );
        let ran = check(&Test::with("v", &verb), &["check"]);
        // Sound or not is the shell's to say; what takes everything is stopped.
        let told = ["E0303", "E0114"].iter().any(|code| ran.stdout.contains(code));
        assert!(ran.code == 0 || told, "{text:.40}: {ran:?}");
    }
}

#[test]
fn an_alias_bomb_is_stopped() {
    let mut yaml = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for n in 1..12 {
        let alias = vec![format!("*a{}", n - 1); 10].join(", ");
        yaml.push_str(&format!("a{n}: &a{n} [{alias}]\n"));
    }
    let test = steps("(import \"bomb.yaml\").a11").file("workflows/bomb.yaml", &yaml);
    check(&test, &["check"]).code(3);
}

#[test]
fn what_is_not_a_file_is_not_waited_for() {
    let test = steps("import \"fifo.ncl\"");
    let fifo = |path: &str| {
        let made = Command::new("mkfifo").arg(test.path().join(path)).status().unwrap();
        assert!(made.success());
    };
    fifo("workflows/fifo.ncl");
    check(&test, &["check", "v"]).code(3).says("E0114");
    // As a workflow of its own it is refused at once.
    let start = Instant::now();
    check(&test, &["check", "fifo"]).code(3).says("is not a regular file");
    assert!(start.elapsed() < Duration::from_secs(5));
    for target in ["/dev/zero", "/dev/stdin", "/proc/self/mem", "."] {
        let import = steps(&format!("import \"{target}\""));
        check(&import, &["check"]).code(3);
        let link = Test::new();
        std::os::unix::fs::symlink(target, link.path().join("workflows/v.toml")).unwrap();
        check(&link, &["check"]).code(3).says("E0101");
        check(&link, &["check", "workflows/v.toml"]).code(3);
    }
    let own = steps("(import \"v.ncl\").steps");
    check(&own, &["check"]).code(3);
    let each_other = steps("import \"w.ncl\"").file("workflows/w.ncl", "import \"v.ncl\"");
    check(&each_other, &["check", "v"]).code(3);
}

/// The paths a command and its children opened, by their own account.
fn opened(test: &Test, args: &[&str]) -> (Ran, String) {
    let engine = test.command(args);
    let mut strace = Command::new("strace");
    strace.args(["-f", "-qq", "-o", "strace.log", "-e", "trace=open,openat,openat2"]);
    strace.arg(engine.get_program()).args(engine.get_args()).current_dir(test.path());
    let ran = Ran::new(&strace.output().expect("strace is needed"));
    (ran, test.read("strace.log"))
}

#[test]
fn nothing_outside_of_the_workspace_is_read() {
    let outside = Test::new()
        .file("secret.txt", SECRET)
        .file("secret.ncl", &format!("\"{SECRET}\""))
        .file("secret.json", &format!("{{ \"{SECRET}\": "))
        .file("secret.toml", &format!("id = '{SECRET}'\n"));
    let there = outside.path().to_str().unwrap();
    let up = format!("{}{there}", "../".repeat(12));
    let texts = [
        format!("import \"{there}/secret.txt\" as 'Text"),
        format!("import \"{there}/secret.ncl\""),
        format!("import \"{up}/secret.ncl\""),
        format!("import \"{there}/secret.json\""),
        "import \"link.ncl\"".to_owned(),
        "import \"folder/secret.ncl\"".to_owned(),
        "import \"folder/secret.txt\" as 'Text".to_owned(),
        "import \"/etc/passwd\" as 'Text".to_owned(),
    ];
    for text in &texts {
        let verb = format!(
            "{{ id = \"v\", trigger = {text}, steps = [{{ id = \"a\", cmd = \"true\" }}] }}"
        );
        let test = Test::new().file("workflows/v.ncl", &verb);
        let link = |target: &str, name: &str| {
            std::os::unix::fs::symlink(
                format!("{there}/{target}"),
                test.path().join("workflows").join(name),
            )
            .unwrap();
        };
        link("secret.ncl", "link.ncl");
        link("", "folder");
        link("secret.toml", "leads-out.toml");
        link("secret.ncl", "leads-out-too.ncl");
        let (ran, log) = opened(&test, &["--untrusted", "check"]);
        let all = format!("{}{}", ran.stdout, ran.stderr);
        ran.code(3).says("E0113").says("leads out of the workspace");
        assert!(!all.contains(SECRET) && !all.contains("root:x:"), "{all}");
        for line in log.lines().filter(|l| l.contains("secret") || l.contains("/etc/passwd")) {
            assert!(line.contains("= -1 "), "it was opened: {line}");
        }
    }
}

#[test]
fn a_strangers_patterns_stay_in_the_workspace() {
    let outside = Test::new().file("secret-name.txt", SECRET);
    let pattern = format!("{}/*", outside.path().display());
    let param = |default: &str| {
        format!(
            "params = [{{ name = 'f', type = 'glob', default = '{default}' }}]\n[[steps]]\nid = 'a'\nargv = ['ls', '--', '{{f...}}']\n"
        )
    };
    let test = Test::with("v", &param(&pattern));
    test.ostler(&["plan", "v"]).code(0).says("secret-name");
    let ran = check(&test, &["--untrusted", "plan", "v"]).code(2).complains("nothing matches");
    assert!(!ran.stderr.contains("secret-name"), "{ran:?}");
    std::os::unix::fs::symlink(outside.path(), test.path().join("link")).unwrap();
    let test = test.verb("w", &param("link/*")).verb("x", &param("workflows/*"));
    check(&test, &["--untrusted", "plan", "w"]).code(2).complains("nothing matches");
    check(&test, &["--untrusted", "plan", "x"]).code(0).says("workflows/v.toml");
}

#[test]
fn without_landlock_strangers_files_are_refused() {
    let test = Test::with("v", "[[steps]]\nid = 'a'\ncmd = 'true'\n");
    let without = |args: &[&str]| {
        let engine = test.command(args);
        let mut strace = Command::new("strace");
        strace.args(["-f", "-qq", "-o", "strace.log", "-e", "trace=landlock_create_ruleset"]);
        strace.args(["-e", "inject=landlock_create_ruleset:error=ENOSYS"]);
        strace.arg(engine.get_program()).args(engine.get_args()).current_dir(test.path());
        Ran::new(&strace.output().expect("strace is needed"))
    };
    without(&["--untrusted", "check"]).code(6).complains("Landlock");
    without(&["check"]).code(0);
    assert!(test.read("strace.log").contains("ENOSYS"));
}

#[test]
fn settings_and_their_links_are_not_shown_either() {
    let outside = Test::new().file("secret.txt", SECRET);
    let test = Test::with("v", "[[steps]]\nid = 'a'\ncmd = 'true'\n");
    let link = test.path().join("ostler.toml");
    std::os::unix::fs::symlink(outside.path().join("secret.txt"), link).unwrap();
    check(&test, &["check"]).code(3).complains("ostler.toml");
}

#[test]
fn large_graphs_are_checked_or_refused_in_time() {
    let chain: String = (0..100_000)
        .map(|n| match n {
            0 => "[[steps]]\nid = 's0'\ncmd = '/bin/true'\n".to_owned(),
            _ => format!("[[steps]]\nid = 's{n}'\nneeds = ['s{}']\ncmd = '/bin/true'\n", n - 1),
        })
        .collect();
    check(&Test::with("v", &chain), &["check"]);
    let edges: String = (0..1_500)
        .map(|n| {
            let needs: Vec<String> = (0..n).map(|m| format!("'s{m}'")).collect();
            format!("[[steps]]\nid = 's{n}'\nneeds = [{}]\ncmd = '/bin/true'\n", needs.join(","))
        })
        .collect();
    check(&Test::with("v", &edges), &["check"]);
    let circle = chain.replacen("id = 's0'\n", "id = 's0'\nneeds = ['s99999']\n", 1);
    let ran = check(&Test::with("v", &circle), &["check"]).code(3);
    assert!(
        ran.stdout.len() < 20_000,
        "a circle of 100,000 steps is told in {} bytes",
        ran.stdout.len()
    );
}

#[test]
fn names_cannot_be_paths_or_act_on_a_terminal() {
    let long = "a".repeat(10_000);
    for id in
        ["../x", "/etc/passwd", "..", "a/b", "-rf", "a b", "A", "", &long, "\\u202Ex", "\\u001b[2J"]
    {
        let text = format!("[[steps]]\nid = \"{id}\"\ncmd = \"true\"\n");
        let ran = check(&Test::with("v", &text), &["check"]).code(3).says("E0107");
        assert!(!ran.stdout.contains(['\u{1b}', '\u{202e}']), "{ran:?}");
        let ncl = steps(&format!(
            "[{{ id = \"{}\", cmd = \"true\" }}]",
            id.replace("\\u202E", "\u{202e}").replace("\\u001b", "\u{1b}")
        ));
        let ran = check(&ncl, &["check"]).code(3);
        assert!(!ran.stdout.contains(['\u{1b}', '\u{202e}']), "{ran:?}");
    }
    for text in ["\u{202e}", "\u{1b}[2J", "\u{9b}2J", "\u{feff}"] {
        let verb =
            format!("# {text}\n[[steps]]\nid = 'a'\ncmd = 'true'\nfoo{text} = 1\nbar = '{text}'\n");
        let ran = check(&Test::with("v", &verb), &["check"]).code(3);
        assert!(!ran.stdout.contains(['\u{1b}', '\u{202e}', '\u{9b}']), "{ran:?}");
    }
    let verb = "[[steps]]\nid = 'a'\ncmd = 'true'\nnote = 5\n";
    let odd = Test::new().file("workflows/\u{1b}[2Jx.toml", &format!("id = 'x'\n{verb}"));
    let ran = check(&odd, &["check"]).code(3);
    assert!(!ran.stdout.contains('\u{1b}'), "{ran:?}");
}
