//! Fuzz targets: workflow files, shell text, conditions and graphs, each by mutation of what is in this repository.
//!
//! `cargo test --release --test fuzz` makes a few thousand inputs of each; `OSTLER_FUZZ_SECONDS=600` goes on for ten
//! minutes a target. An input that breaks something is printed with the panic.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::format_push_string,
    reason = "tests, which say what they measured"
)]

use std::path::Path;
use std::time::{Duration, Instant};

use ostler::plan::{Facts, Given, Plan, resolve};
use ostler::run::{Room, Run};
use ostler::{check, source};

/// How many inputs each target gets where no time is given.
const CASES: u64 = 2_000;

/// A small generator of numbers (xorshift64*): the same inputs for the same seed.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % u64::try_from(end.max(1)).unwrap()).unwrap()
    }

    fn of<'a, T: ?Sized>(&mut self, all: &[&'a T]) -> &'a T {
        all[self.below(all.len())]
    }
}

/// Reads, checks and, if it is sound, plans; every place must lie in its text.
fn swallow(text: &str) {
    let loaded = source::from_text("w.toml", text.to_owned());
    let mut problems = loaded.problems.clone();
    for workflow in &loaded.workflows {
        let found = check::check(workflow, &loaded.sources);
        problems.extend(found.problems);
        if problems.iter().any(ostler::diagnostic::Diagnostic::is_error) {
            continue;
        }
        let Ok(plan) = resolve(workflow, &found.scripts, &Given::new(), &Facts::default()) else {
            continue;
        };
        let again: Plan = serde_json::from_str(&plan.to_json()).unwrap();
        assert_eq!(again.digest(), plan.digest());
        let run = Run::new(std::sync::Arc::new(plan));
        assert_eq!(run.decide(&Room::default()), []);
    }
    for problem in &problems {
        let places = problem.place.iter().chain(problem.related.iter().map(|(place, _)| place));
        for place in places.filter(|place| place.start < place.end) {
            assert!(!loaded.sources.text(*place).is_empty(), "{problem:?}");
        }
    }
}

/// Makes inputs and swallows them, for as many or as long as is asked.
fn fuzz(name: &'static str, seed: u64, make: impl Fn(&mut Random) -> String + Send + 'static) {
    let seconds = std::env::var("OSTLER_FUZZ_SECONDS").ok().map(|s| s.parse().unwrap());
    let work = move || {
        let start = Instant::now();
        let mut random = Random(seed.wrapping_add(seconds.unwrap_or(0)).max(1));
        let mut cases = 0;
        let mut slowest = (Duration::ZERO, String::new());
        loop {
            let goes_on = match seconds {
                Some(seconds) => start.elapsed() < Duration::from_secs(seconds),
                None => cases < CASES,
            };
            if !goes_on {
                break;
            }
            let text = make(&mut random);
            let begun = Instant::now();
            let done = std::panic::catch_unwind(|| swallow(&text));
            assert!(done.is_ok(), "{name}: this input breaks it: {text:?}");
            if begun.elapsed() > slowest.0 {
                slowest = (begun.elapsed(), text);
            }
            cases += 1;
        }
        println!("{name}: {cases} inputs in {:?}, the slowest {:?}", start.elapsed(), slowest.0);
        if slowest.0 > Duration::from_secs(1) {
            println!("{name}: slow: {:.2000}", slowest.1);
        }
    };
    // As much stack as the reader has.
    std::thread::Builder::new().stack_size(256 << 20).spawn(work).unwrap().join().unwrap();
}

/// The files of some folders with one of the endings.
fn files(dirs: &[&str], endings: &[&str]) -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let all = dirs.iter().flat_map(|dir| std::fs::read_dir(root.join(dir)).unwrap());
    let paths = all
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|e| endings.iter().any(|ending| e == *ending)));
    let mut texts: Vec<(std::path::PathBuf, String)> =
        paths.filter_map(|p| Some((p.clone(), std::fs::read_to_string(p).ok()?))).collect();
    texts.sort();
    texts.into_iter().map(|(_, text)| text).filter(|text| text.len() < 20_000).collect()
}

/// The words of a language, one JSON string a line.
fn words(language: &str) -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/words");
    let text = std::fs::read_to_string(root.join(format!("{language}.txt"))).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// A text with a few stretches taken out, doubled, or replaced by words or stretches of another.
fn mutated(random: &mut Random, seeds: &[String], words: &[String]) -> String {
    let mut text: Vec<char> = seeds[random.below(seeds.len())].chars().collect();
    for _ in 0..=random.below(4) {
        let at = random.below(text.len() + 1);
        let end = (at + random.below(12)).min(text.len());
        let new: Vec<char> = match random.below(4) {
            0 => Vec::new(),
            1 => words[random.below(words.len())].chars().collect(),
            2 => [&text[at..end], &text[at..end]].concat(),
            _ => {
                let other: Vec<char> = seeds[random.below(seeds.len())].chars().collect();
                let from = random.below(other.len() + 1);
                let to = (from + random.below(60)).min(other.len());
                other[from..to].to_vec()
            }
        };
        text.splice(at..end, new);
    }
    text.into_iter().collect()
}

fn quoted(text: &str) -> String {
    // A JSON string is a TOML string, but for DEL, which JSON leaves as it is.
    serde_json::to_string(text).unwrap().replace('\u{7f}', "\\u007f")
}

#[test]
fn workflow_files() {
    let seeds = files(
        &["tests/golden/check", "tests/corpus/good", "tests/corpus/bad", "workflows"],
        &["toml"],
    );
    assert!(seeds.len() > 100);
    let words = words("toml");
    fuzz("workflow files", 11, move |random| mutated(random, &seeds, &words));
}

#[test]
fn shell_text() {
    let scripts: Vec<String> =
        files(&["tests/golden/check", "tests/corpus/good", "workflows"], &["toml", "ncl"])
            .iter()
            .flat_map(|text| {
                text.lines().filter(|l| l.contains("cmd")).map(str::to_owned).collect::<Vec<_>>()
            })
            .chain([
                "cat <<E > \"$out\"\n{x} $y\nE\n".to_owned(),
                "for f in {x} *; do [[ $f == {n} ]] && echo \"${f%.*}\" || true; done | sort -u"
                    .to_owned(),
                "f() { local a=({x} b); printf '%s\\n' \"${a[@]}\" > {x}; }; f 2>&1".to_owned(),
                "case {x} in a|'{n}') x=$(( {n} + 1 )) ;; *) diff <(a {x}) <(b) ;; esac # {x}"
                    .to_owned(),
                "jq --arg v {x} '.a[$v] | {b: .c}' <<< \"$(curl -H 'A: {x}' {n})\"".to_owned(),
                "while read -r l; do n=$((n+1)); declare -i m={n}; done < {x}; eval \"$z\""
                    .to_owned(),
            ])
            .collect();
    let words = words("shell");
    fuzz("shell text", 12, move |random| {
        let mut text = mutated(random, &scripts, &words);
        // What is known to take all memory is the reader's to stop; here it would stop the test.
        for bad in ["$[", "${", "$(", "`"] {
            text = without_in_tags(&text, bad);
        }
        let shell = random.of(&["bash", "sh"]);
        let env = random.of(&["{ A = 'b' }", "{ y = '{x}' }"]);
        format!(
            "id = 'w'\nparams = [{{ name = 'x', default = 'a' }}, {{ name = 'n', type = 'int', default = 1 }}]\n\
             [[steps]]\nid = 'a'\nshell = '{shell}'\nenv = {env}\ncmd = {}\n",
            quoted(&text)
        )
    });
}

/// A text without an expansion in the rest of a line that has a here-document's tag.
fn without_in_tags(text: &str, expansion: &str) -> String {
    let line = |line: &str| match line.split_once("<<") {
        Some((before, after)) => format!("{before}<<{}", after.replace(expansion, "")),
        None => line.to_owned(),
    };
    text.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn conditions() {
    let seeds: Vec<String> = [
        "params.n > 2 && steps.a.status == 'passed'",
        "params['x'].matches('^cx[0-9]+$') || !params.b",
        "[1, 2, params.n].exists(i, i > size(params.x)) ? has(steps.a.outputs.o) : params.l.all(s, s != '')",
        "steps.a.exit in [0, 1] && steps.a.duration_s < 3.5 && run.id.startsWith('r')",
        "params.l.map(s, s + 'x').filter(s, s.contains('y')).size() == int('3') - 1",
    ]
    .map(str::to_owned)
    .to_vec();
    let words = words("cel");
    fuzz("conditions", 13, move |random| {
        let text = mutated(random, &seeds, &words);
        format!(
            "id = 'w'\nparams = [{{ name = 'x', default = 'a' }}, {{ name = 'n', type = 'int', default = 1 }}, \
             {{ name = 'b', type = 'bool' }}, {{ name = 'l', type = '[string]', default = ['y'] }}]\n\
             [[steps]]\nid = 'a'\ncmd = 'true'\noutputs = {{ o = 'number' }}\n\
             [[steps]]\nid = 'b'\nneeds = ['a']\ncmd = 'true'\nwhen = {}\n",
            quoted(&text)
        )
    });
}

#[test]
fn graphs() {
    fuzz("graphs", 14, |random| {
        let count = 1 + random.below(14);
        let mut text = String::from("id = 'w'\n");
        if random.below(4) == 0 {
            text.push_str("order = 'Sequential'\n");
        }
        for n in 0..count {
            let table = if random.below(7) == 0 { "finally" } else { "steps" };
            text.push_str(&format!("[[{table}]]\nid = 's{n}'\ncmd = 'true'\n"));
            let other = |random: &mut Random| format!("s{}", random.below(count + 1));
            let edges: Vec<String> = (0..random.below(4))
                .map(|_| {
                    let kind = random.of(&["Always", "OnSuccess", "OnFailure"]);
                    let condition = random.of(&[
                        "",
                        ", condition = 'true'",
                        ", condition = \"steps.s0.status == 'passed'\"",
                    ]);
                    format!("{{ step = '{}', kind = '{kind}'{condition} }}", other(random))
                })
                .collect();
            text.push_str(&format!("depends_on = [{}]\n", edges.join(", ")));
            text.push_str(random.of(&[
                "",
                "",
                "join = 'Any'\n",
                "effect = 'Read'\n",
                "actor = 'Human'\n",
            ]));
            let target = other(random);
            text.push_str(&match random.below(7) {
                0 => format!("on_error = {{ strategy = 'Fallback', target = '{target}' }}\n"),
                1 => format!("on_error = {{ strategy = 'Branch', target = '{target}', on_success = '{}' }}\n", other(random)),
                2 => "on_error = 'Continue'\n".to_owned(),
                3 => format!("on_error = {{ strategy = 'Retry', max = 2, then = {{ strategy = 'Fallback', target = '{target}' }} }}\n"),
                4 => format!("release = '{target}'\n"),
                5 => format!("outputs = {{ o = 'int' }}\nenv = {{ E = '{{steps.{target}.outputs.o}}' }}\n"),
                _ => String::new(),
            });
        }
        text
    });
}
