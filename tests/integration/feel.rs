//! What a newcomer meets: lists, help, names that are nearly right, beginnings, completion.

use std::os::unix::fs::symlink;
use std::process::Command;

use crate::support::{Ran, Test};

const GREET: &str = r#"
description = "Builds a greeting"
[[params]]
name = "name"
help = "Whom to greet"
positional = true
[[params]]
name = "tone"
type = "enum"
values = ["warm", "cool"]
default = "warm"
[[params]]
name = "loud"
type = "bool"
[[steps]]
id = "say"
argv = ["echo", "{tone}", "{name}"]
"#;

#[test]
fn alone_it_lists_the_verbs_and_what_they_take() {
    let test = Test::with("greet", GREET).verb("broken", "[[steps]]\nid = 'x'\nneeds = ['y']\n");
    let ran = test.ostler(&[]).code(0);
    assert_eq!(
        ran.stdout,
        "  broken      1 error: ostler check broken\n  greet NAME  Builds a greeting\n"
    );
    let list = test.ostler(&["list", "--format", "json"]).code(0).json();
    assert_eq!(list["verbs"][1]["verb"], "greet");
    assert_eq!(list["verbs"][1]["params"][0]["required"], true);
    assert_eq!(list["verbs"][1]["params"][1]["values"][1], "cool");
    assert_eq!(list["verbs"][0]["errors"], 1);
}

#[test]
fn a_folder_without_verbs_says_how_to_begin() {
    let test = Test::new();
    test.ostler(&[]).code(0).says("ostler init").says("ostler new");
}

#[test]
fn the_list_says_which_runs_wait_and_how_to_go_on() {
    let test = Test::with("ask", "[[steps]]\nid = 'sign'\nactor = 'Human'\n");
    test.ostler(&["ask"]).code(5);
    let run = test.run();
    let ran = test.ostler(&[]).code(0);
    let ran = ran.says("ask waits for somebody: sign");
    ran.says(&format!("ostler step show {run} sign"));
    let json = test.ostler(&["list", "--format", "json"]).json();
    assert_eq!(json["waiting"][0]["asked"][0], "sign");
    test.ostler(&["step", "answer", "sign", "passed"]).code(0);
    assert!(!test.ostler(&[]).stdout.contains("waits"));
}

#[test]
fn a_list_of_runs_says_what_was_given() {
    let test = Test::with("greet", GREET);
    test.ostler(&["greet", "Ada"]).code(0);
    test.ostler(&["runs"]).code(0).says("  name=Ada\n");
    let list = test.ostler(&["runs", "list", "--format", "json"]).code(0).json();
    assert_eq!(list["runs"][0]["given"], serde_json::json!({ "name": "Ada" }));
}

#[test]
fn a_verb_is_a_command_and_so_is_its_file() {
    let test = Test::with("greet", GREET);
    test.ostler(&["greet", "Ada", "--loud"]).code(0).says("│ warm Ada");
    test.ostler(&["workflows/greet.toml", "Ada", "--tone=cool"]).code(0).says("│ cool Ada");
}

#[test]
fn a_verb_with_a_commands_name_is_reached_by_run() {
    let test = Test::with("check", "[[steps]]\nid = 'a'\nargv = ['echo', 'mine']\n");
    test.ostler(&["run", "check"]).code(0).says("│ mine");
    test.ostler(&["check"]).code(0).says("W0601");
}

#[test]
fn a_link_named_after_a_verb_is_that_verb() {
    let test = Test::with("greet", GREET);
    let link = test.path().join("greet");
    symlink(env!("CARGO_BIN_EXE_ostler"), &link).unwrap();
    let mut command = Command::new(&link);
    let ran = command.arg("Ada").current_dir(test.path()).env("NO_COLOR", "1").output().unwrap();
    Ran::new(&ran).code(0).says("│ warm Ada").says("greet passed");
}

#[test]
fn a_file_with_a_first_line_for_it_is_a_program() {
    use std::os::unix::fs::PermissionsExt;
    let test = Test::new();
    let text = format!("#!{}\nid = \"greet\"\n{GREET}", env!("CARGO_BIN_EXE_ostler"));
    let test = test.file("greet.toml", &text);
    let file = test.path().join("greet.toml");
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
    let ran = Command::new(&file).arg("Ada").current_dir(test.path()).output().unwrap();
    Ran::new(&ran).code(0).says("│ warm Ada");
}

#[test]
fn nearly_right_names_are_recognised() {
    let test = Test::with("greet", GREET);
    test.ostler(&["gret"]).code(2).complains("did you mean `greet`?");
    test.ostler(&["chekc"]).code(2).complains("did you mean `check`?");
    test.ostler(&["greet", "Ada", "--tonne", "warm"]).code(2).complains("'--tone'");
    test.ostler(&["greet", "Ada", "--tone", "wram"]).code(2).complains("warm");
    test.ostler(&["greet"]).code(2).complains("<NAME>");
}

#[test]
fn a_params_name_comes_before_our_options_of_that_name() {
    let text = "[[params]]\nname = 'quiet'\ntype = 'bool'\n[[params]]\nname = 'verbose'\n\
                [[steps]]\nid = 'a'\nargv = ['echo', 'is {quiet} {verbose}']\n";
    let test = Test::with("w", text);
    test.ostler(&["w", "--quiet", "--verbose", "much"]).code(0).says("is true much");
    test.ostler(&["run", "-j2", "-q", "w", "--verbose", "x"]).code(0);
    let ran = test.ostler(&["run", "--quiet", "w", "--verbose", "x"]).code(0);
    assert!(!ran.stdout.contains("is false x"), "{ran:?}");
    let help = test.ostler(&["w", "--help"]).code(0);
    assert_eq!(help.stdout.matches("--quiet").count(), 1, "{help:?}");
}

#[test]
fn help_is_made_from_the_params() {
    let test = Test::with("greet", GREET);
    for words in [&["greet", "--help"][..], &["help", "greet"], &["greet", "-h"]] {
        let ran = test.ostler(words).code(0).says("Builds a greeting");
        let ran = ran.says("Usage: ostler greet [OPTIONS] <NAME>");
        ran.says("Whom to greet").says("[default: warm]").says("[possible values: warm, cool]");
    }
    test.ostler(&["help", "check"]).code(0).says("Usage: ostler check");
    test.ostler(&["help"]).code(0).says("Commands:");
}

#[test]
fn init_begins_a_workspace_with_a_verb_that_runs() {
    let test = Test::new();
    test.ostler(&["init", "there"]).code(0).says("wrote there/ostler.toml");
    test.ostler(&["-C", "there", "check"]).code(0);
    test.ostler(&["-C", "there", "hello", "Ada"]).code(0).says("│ Hello, Ada, from ");
    let before = test.read("there/workflows/hello.toml");
    test.ostler(&["init", "there"]).code(0).says("already");
    assert_eq!(test.read("there/workflows/hello.toml"), before);
}

#[test]
fn a_new_verb_checks_and_runs_in_both_languages() {
    let test = Test::new();
    test.ostler(&["new", "one"]).code(0).says("wrote workflows/one.toml");
    test.ostler(&["new", "two", "--nickel"]).code(0).says("wrote workflows/two.ncl");
    let checked = test.ostler(&["check"]).code(0);
    assert!(!checked.stdout.contains("warning"), "{checked:?}");
    test.ostler(&["one", "Ada"]).code(0).says("│ Hello, Ada");
    test.ostler(&["two", "Ada"]).code(0).says("│ Hello, Ada");
    test.ostler(&["new", "one"]).code(2).complains("workflows/one.toml");
    test.ostler(&["new", "One"]).code(2).complains("`One`");
    test.ostler(&["new", "plan"]).code(0).says("ostler run plan");
}

/// What bash offers after these words.
pub(crate) fn offered(test: &Test, words: &[&str]) -> Vec<String> {
    let script = "source <(\"$0\" completion bash); COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); \
                  COMP_TYPE=9; _clap_complete_ostler ostler \"${!#}\"; printf '%s\\n' \"${COMPREPLY[@]}\"";
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_ostler"));
    let path = std::env::join_paths(
        std::iter::once(program.parent().unwrap().to_owned())
            .chain(std::env::split_paths(&std::env::var_os("PATH").unwrap())),
    );
    let mut bash = Command::new("bash");
    bash.args(["--norc", "-c", script]).arg(program).args(words);
    let done = bash.current_dir(test.path()).env("PATH", path.unwrap()).output().unwrap();
    let ran = Ran::new(&done).code(0);
    ran.stdout.lines().map(str::to_owned).collect()
}

#[test]
fn bash_completes_verbs_params_values_and_runs() {
    let test = Test::with("greet", GREET);
    test.ostler(&["greet", "Ada"]).code(0);
    let run = test.run();
    assert_eq!(offered(&test, &["ostler", "gre"]), ["greet"]);
    assert_eq!(offered(&test, &["ostler", "run", "gr"]), ["greet"]);
    assert_eq!(offered(&test, &["ostler", "greet", "--to"]), ["--tone"]);
    assert_eq!(offered(&test, &["ostler", "greet", "--tone", ""]), ["warm", "cool"]);
    assert_eq!(offered(&test, &["ostler", "runs", "show", &run[..3]]), [run]);
    assert_eq!(offered(&test, &["ostler", "check", "g"]), ["greet"]);
}

#[test]
fn fish_completes_verbs_with_what_they_do() {
    let test = Test::with("greet", GREET);
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_ostler"));
    let script = format!(
        "set -x PATH {} $PATH; ostler completion fish | source; complete -C 'ostler gre'",
        program.parent().unwrap().display()
    );
    let mut fish = Command::new("fish");
    fish.args(["--no-config", "-c", &script]).current_dir(test.path());
    let done = fish.env("HOME", test.path()).output().unwrap();
    Ran::new(&done).code(0).says("greet\tBuilds a greeting");
}

#[test]
fn zsh_takes_the_script() {
    let test = Test::new();
    let program = env!("CARGO_BIN_EXE_ostler");
    let script = format!(
        "autoload -U compinit; compinit -u -d ./dump; source <({program} completion zsh); print -r -- $_comps[ostler]"
    );
    let mut zsh = Command::new("zsh");
    zsh.args(["-f", "-c", &script]).current_dir(test.path()).env("HOME", test.path());
    Ran::new(&zsh.output().unwrap()).code(0).says("_clap_dynamic_completer_ostler");
}

#[test]
fn names_that_people_try_are_known() {
    let test = Test::with("hello", "[[steps]]\nid = 'a'\ncmd = 'true'\n");
    for (name, meant) in [
        ("cancel", "runs cancel"),
        ("resume", "runs resume"),
        ("logs", "runs log"),
        ("status", "runs show"),
        ("rerun", "runs retry"),
        ("answer", "step answer"),
        ("cancle", "runs cancel"),
        ("helo", "hello"),
    ] {
        let meant = if name == "helo" { meant.to_owned() } else { format!("ostler {meant}") };
        test.ostler(&[name]).code(2).complains(&format!("did you mean `{meant}`?"));
    }
    for command in ["plan", "run"] {
        let ran = test.ostler(&[command]).code(2).complains("which verb?");
        ran.complains(&format!("Usage: ostler {command} [OPTIONS] <VERB>")).complains("  hello");
    }
    test.ostler(&["hello"]).code(0);
    let list = test.ostler(&["runs", "list"]).code(0).stdout;
    assert_eq!(test.ostler(&["runs"]).code(0).stdout, list);
    assert_eq!(test.ostler(&["runs", "-n", "0"]).code(0).stdout, "");
    test.ostler(&["-C", "/nonexistent", "list"]).code(2).complains("/nonexistent cannot be used");
}

#[test]
fn where_no_workspace_is_that_is_said() {
    let test = Test::new();
    std::fs::remove_dir(test.path().join("workflows")).unwrap();
    let nowhere = "no workspace here: `ostler init` begins one";
    test.ostler(&[]).code(0).says(nowhere);
    test.ostler(&["hello"]).code(2).complains(nowhere);
    test.ostler(&["runs", "show"]).code(2).complains(nowhere);
}

#[test]
fn wrong_options_get_tips_that_help() {
    let more =
        "[[params]]\nname = 'to'\n[[params]]\nname = 'tags'\ntype = '[string]'\ndefault = []\n";
    let text = GREET.replacen("[[params]]", &format!("{more}[[params]]"), 1);
    let test = Test::with("greet", &text);
    let ran = test.ostler(&["greet", "Ada", "--to=x", "--xyz"]).code(2).complains("'--xyz'");
    assert!(!ran.stderr.contains("as a value"), "{}", ran.stderr);
    let ran = test.ostler(&["greet", "--name", "Ada"]).code(2);
    ran.complains("`name` is given by its place: ostler greet NAME");
    let ran = test.ostler(&["greet", "Ada", "--dry-run"]).code(2);
    ran.complains("`ostler plan greet` says what it would do");
    let ran = test.ostler(&["greet", "Ada"]).code(2).complains("--to <STRING>");
    ran.complains("Usage: ostler greet --to <STRING> <NAME>");
    let help = test.ostler(&["greet", "--help"]).code(0).says("--loud[=<true|false>]");
    help.says("[required]").says("[may be given again]");
    let ran = test.ostler(&["greet", "name=Ada", "--to=x"]).code(0).says("warm name=Ada");
    ran.complains("its value is `name=Ada`, not `Ada`");
}

#[test]
fn warnings_are_a_line_where_a_verb_runs() {
    let text =
        "[[params]]\nname = 'target'\ndefault = 'x'\n[[steps]]\nid = 'a'\ncmd = 'echo {traget}'\n";
    let test = Test::with("w", text);
    test.ostler(&["check", "w"]).code(0).says("W06");
    let ran =
        test.ostler(&["w"]).code(0).complains("1 warning in workflows/w.toml: ostler check w\n");
    assert!(!ran.stderr.contains("W06"), "{}", ran.stderr);
    assert!(!test.ostler(&["w", "-q"]).stderr.contains("warning"));
    assert!(!test.ostler(&["w", "--nope"]).code(2).stderr.contains("warning"));
    test.ostler(&["plan", "w"]).code(0).complains("W06");
}

#[test]
fn bash_completes_codes_commands_and_what_is_asked() {
    let test = Test::with("ask", "[[steps]]\nid = 'sign'\nactor = 'Human'\n");
    test.ostler(&["ask"]).code(5);
    let run = test.run();
    assert_eq!(offered(&test, &["ostler", "explain", "E020"])[0], "E0201");
    assert_eq!(offered(&test, &["ostler", "help", "as"]), ["ask"]);
    assert_eq!(offered(&test, &["ostler", "help", "comp"]), ["completion"]);
    assert_eq!(offered(&test, &["ostler", "step", "answer", "si"]), ["sign"]);
    assert_eq!(offered(&test, &["ostler", "step", "show", &run[..4]]), [run]);
}

#[test]
fn lists_say_what_runs_what_was_given_and_how_long() {
    let test = Test::with(
        "held",
        "[[params]]\nname = 'to'\npositional = true\n[[steps]]\nid = 'a'\n\
        cmd = 'echo {to}; touch on; until test -e go; do sleep 0.02; done'\n",
    );
    let mut engine = test.start(&["held", "prod"]);
    test.wait_for("on");
    let run = test.run();
    test.ostler(&[]).code(0).says(&format!("▸ held runs\n      ostler runs watch {run}\n"));
    assert_eq!(test.ostler(&["list", "--format", "json"]).json()["running"][0]["run"], *run);
    let row = test.ostler(&["runs"]).stdout;
    assert!(!row.contains("owes"), "{row}");
    std::fs::write(test.path().join("go"), "").unwrap();
    assert!(engine.wait().unwrap().success());
    let row = test.ostler(&["runs"]).stdout;
    assert!(row.contains("ms") || row.contains("s "), "{row}");
    assert!(row.ends_with("  to=prod\n"), "{row}");
}

#[test]
fn go_templates_of_other_programs_are_left_to_them() {
    let fields = "[[params]]\nname = 'name'\n[[steps]]\nid = 'a'\n\
                  argv = ['docker', 'inspect', '-f', '{{.Name}}', '--', '{name}']\n";
    let checked = Test::with("w", fields).ostler(&["check"]).code(0);
    assert!(!checked.stdout.contains("E0305"), "{checked:?}");
    Test::with("w", &fields.replace(".Name", ".NAME")).ostler(&["check"]).code(3).says("E0305");
}
