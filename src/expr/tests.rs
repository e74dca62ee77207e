//! Tests that the pass over types and the evaluation say the same of random expressions.

use serde_json::{Map, Value, json};

use super::condition::{Condition, to_cel};
use super::kinds::Type;
use crate::diagnostic::Code;

/// How many expressions are tried; ten times as many take half a minute.
const CASES: u64 = 1_500;
/// Over how many sets of values each.
const WORLDS: u64 = 6;

struct Rng(u64);

impl Rng {
    fn next(&mut self) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }

    fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.next()).unwrap() % n
    }

    fn pick<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }
}

const SIZES: [&str; 3] = ["small", "big", "huge"];

fn root() -> Type {
    let record = |fields: Vec<(&str, Type)>| {
        Type::record(fields.into_iter().map(|(name, of)| (name.to_owned(), of)))
    };
    record(vec![
        (
            "p",
            record(vec![
                ("n", Type::int()),
                ("b", Type::bool()),
                ("s", Type::text()),
                ("e", Type::words(SIZES)),
                ("x", Type::number()),
                ("l", Type::list(Type::int())),
                ("t", Type::list(Type::text())),
            ]),
        ),
        (
            "q",
            record(vec![
                ("exit", Type::int().or_null()),
                ("took", Type::double()),
                ("j", Type::json()),
                ("o", record(vec![("m", Type::text())])),
            ]),
        ),
    ])
}

/// Values of those types.
fn world(rng: &mut Rng) -> Map<String, Value> {
    let json = [
        json!(null),
        json!(1),
        json!(2.5),
        json!("small"),
        json!([1, "a"]),
        json!({"k": 1}),
        json!(true),
    ];
    let number = [json!(2), json!(2.5), json!(-1)];
    let ints: Vec<i64> = (0..rng.below(3)).map(|_| i64::try_from(rng.below(4)).unwrap()).collect();
    let texts: Vec<&str> = (0..rng.below(3)).map(|_| rng.pick(&["a", "7", "small"])).collect();
    let exit = if rng.below(3) == 0 { Value::Null } else { json!(rng.below(3)) };
    let o = if rng.below(3) == 0 { json!({}) } else { json!({"m": "a"}) };
    json!({
        "p": {
            "n": rng.below(5), "b": rng.below(2) == 0, "s": rng.pick(&["a", "7", "", "x y"]),
            "e": rng.pick(&SIZES), "x": number[rng.below(3)], "l": ints, "t": texts,
        },
        "q": { "exit": exit, "took": 1.5, "j": json[rng.below(json.len())], "o": o },
    })
    .as_object()
    .unwrap()
    .clone()
}

const KINDS: [&str; 9] =
    ["bool", "int", "double", "string", "ints", "texts", "map", "bytes", "any"];

/// A random expression that mostly gives a kind of value.
#[expect(clippy::too_many_lines, reason = "one arm for each form of expression")]
fn expression(rng: &mut Rng, kind: &str, depth: usize, bound: usize) -> String {
    let kind = if rng.below(14) == 0 { rng.pick(&KINDS) } else { kind };
    let leaf = depth == 0 || rng.below(5) == 0;
    let of = |rng: &mut Rng, kind: &str| expression(rng, kind, depth.saturating_sub(1), bound);
    let same = |rng: &mut Rng| rng.pick(&["int", "double", "string", "bool", "bytes", "any"]);
    if !leaf && rng.below(12) == 0 {
        let asked = of(rng, "bool");
        return format!("({asked} ? {} : {})", of(rng, kind), of(rng, kind));
    }
    match (kind, leaf) {
        ("bool", true) => rng.pick(&["true", "false", "p.b", "p['b']", "has(q.o.m)"]).to_owned(),
        ("int", true) => rng.pick(&["0", "1", "7", "p.n", "q.exit", "p.x"]).to_owned(),
        ("double", true) => rng.pick(&["1.5", "2.0", "q.took", "p.x"]).to_owned(),
        ("string", true) => rng
            .pick(&["'a'", "'small'", "'smal'", "'7'", "p.s", "p.e", "q.o.m", "p.t[0]"])
            .to_owned(),
        ("ints", true) => rng.pick(&["p.l", "[1, 2]", "[]"]).to_owned(),
        ("texts", true) => rng.pick(&["p.t", "['a', 'big']", "p.t"]).to_owned(),
        ("map", true) => rng.pick(&["p", "q.o", "{'a': 1}", "{1: 'x', 2: 'y'}", "{}"]).to_owned(),
        ("bytes", true) => rng.pick(&["b'a'", "bytes('x')"]).to_owned(),
        (_, true) => {
            let name = format!("v{}", rng.below(bound.max(1)));
            let name = if bound == 0 { "q.j" } else { name.as_str() };
            rng.pick(&["q.j", "null", "1u", name, name, "q.j.k", "type(1)"]).to_owned()
        }
        ("bool", false) => match rng.below(10) {
            0 => format!("({} {} {})", of(rng, "bool"), rng.pick(&["&&", "||"]), of(rng, "bool")),
            1 => format!("!({})", of(rng, "bool")),
            2 | 3 => {
                let kind = same(rng);
                let sign = rng.pick(&["<", "<=", ">", ">="]);
                format!("({} {sign} {})", of(rng, kind), of(rng, kind))
            }
            4 | 5 => {
                let kind = same(rng);
                format!("({} {} {})", of(rng, kind), rng.pick(&["==", "!="]), of(rng, kind))
            }
            6 => {
                let (one, list) =
                    [("int", "ints"), ("string", "texts"), ("string", "map")][rng.below(3)];
                format!("({} in {})", of(rng, one), of(rng, list))
            }
            7 => {
                let name =
                    rng.pick(&["contains", "startsWith", "endsWith", "matches", "startWith"]);
                format!("{}.{name}({})", of(rng, "string"), of(rng, "string"))
            }
            8 => {
                let name = rng.pick(&["all", "exists", "exists_one"]);
                let over = rng.pick(&["ints", "texts", "map"]);
                let over = of(rng, over);
                let inner = expression(rng, "bool", depth - 1, bound + 1);
                format!("{over}.{name}(v{bound}, {inner})")
            }
            _ => format!("bool({})", of(rng, "string")),
        },
        ("int", false) => match rng.below(5) {
            0 => {
                let kind = rng.pick(&["string", "ints", "texts", "map", "bytes"]);
                format!("size({})", of(rng, kind))
            }
            1 => format!("(-({}))", of(rng, "int")),
            2 => format!("{}[{}]", of(rng, "ints"), of(rng, "int")),
            3 => {
                let kind = same(rng);
                format!("int({})", of(rng, kind))
            }
            _ => format!(
                "({} {} {})",
                of(rng, "int"),
                rng.pick(&["+", "-", "*", "/", "%"]),
                of(rng, "int")
            ),
        },
        ("double", false) => match rng.below(3) {
            0 => format!("double({})", of(rng, "int")),
            _ => format!(
                "({} {} {})",
                of(rng, "double"),
                rng.pick(&["+", "-", "*"]),
                of(rng, "double")
            ),
        },
        ("string", false) => match rng.below(4) {
            0 => {
                let kind = same(rng);
                format!("string({})", of(rng, kind))
            }
            1 => format!("{}[{}]", of(rng, "texts"), of(rng, "int")),
            2 => format!("{}.a", of(rng, "map")),
            _ => format!("({} + {})", of(rng, "string"), of(rng, "string")),
        },
        ("ints" | "texts", false) => match rng.below(4) {
            0 => format!("({} + {})", of(rng, kind), of(rng, kind)),
            1 => {
                let one = if kind == "ints" { "int" } else { "string" };
                format!("[{}, {}]", of(rng, one), of(rng, one))
            }
            2 => {
                let inner = expression(rng, "bool", depth - 1, bound + 1);
                format!("{}.filter(v{bound}, {inner})", of(rng, kind))
            }
            _ => {
                let one = if kind == "ints" { "int" } else { "string" };
                let inner = expression(rng, one, depth - 1, bound + 1);
                format!("{}.map(v{bound}, {inner})", of(rng, "ints"))
            }
        },
        ("map", false) => format!("{{{}: {}}}", of(rng, "string"), of(rng, "int")),
        ("bytes", false) => format!("({} + {})", of(rng, "bytes"), of(rng, "bytes")),
        _ => {
            let kind = same(rng);
            format!("dyn({})", of(rng, kind))
        }
    }
}

/// What an expression gives over some values, and whether an error is one of types.
fn evaluate(text: &str, world: &Map<String, Value>) -> Result<cel::Value, (bool, String)> {
    let mut context = cel::Context::default();
    for (name, value) in world {
        context.add_variable_from_value(name.as_str(), to_cel(value));
    }
    let program = cel::Program::compile(text).map_err(|e| (true, format!("{e:?}")))?;
    program.execute(&context).map_err(|error| {
        use cel::ExecutionError as E;
        let by_value = matches!(
            error,
            E::NoSuchKey(_)
                | E::FunctionError { .. }
                | E::DivisionByZero(_)
                | E::RemainderByZero(_)
                | E::Overflow(..)
                | E::IndexOutOfBounds(_)
                | E::UnsupportedIndex(..)
                | E::DuplicateKey(_)
        );
        (!by_value, error.to_string())
    })
}

/// An expression that is an error if what is said of its part is true; none if the part cannot stand alone.
fn alone(part: &str, message: &str) -> Option<String> {
    let balanced = part.matches(['(', '[', '{']).count() == part.matches([')', ']', '}']).count();
    let number = message.contains("an int or a double") && message.starts_with('`');
    if part.contains("v0") || !balanced || number {
        return None;
    }
    Some(if message.contains("true or false") {
        format!("({part}) ? 1 : 1")
    } else if message.contains("cannot be a key") {
        format!("{{{part}: 1}}")
    } else if message.contains("has no items") {
        format!("({part}).all(z, true)")
    } else {
        part.to_owned()
    })
}

#[derive(Debug, Default)]
struct Seen {
    accepted: u64,
    sure: u64,
    refused: u64,
    refused_alone: u64,
    never_equal: u64,
}

fn compare(text: &str, rng: &mut Rng, seen: &mut Seen) {
    let condition = Condition::parse(text).unwrap_or_else(|why| panic!("{why}: {text}"));
    let found = condition.check(&root());
    let worlds: Vec<Map<String, Value>> = (0..WORLDS).map(|_| world(rng)).collect();
    let bad = || found.problems.iter().filter(|(p, _)| p.code == Code::BadTypes);
    if bad().next().is_none() {
        seen.accepted += 1;
    }
    if bad().next().is_none() && !found.unsure {
        seen.sure += 1;
        for world in &worlds {
            match evaluate(text, world) {
                Ok(cel::Value::Bool(_)) | Err((false, _)) => {}
                other => panic!("accepted, but {other:?}: {text}\n{}", json!(world)),
            }
        }
    }
    for (problem, span) in bad() {
        seen.refused += 1;
        let part = &text[span.clone()];
        let Some(part) = alone(part, &problem.message) else { continue };
        seen.refused_alone += 1;
        for world in &worlds {
            let given = evaluate(&part, world);
            assert!(given.is_err(), "{}: {part}: {given:?}\n{}", problem.message, json!(world));
        }
    }
    for (_, span) in found.problems.iter().filter(|(p, _)| p.code == Code::NeverEqual) {
        let part = &text[span.clone()];
        if alone(part, "").is_none() || !part.contains('=') {
            continue;
        }
        seen.never_equal += 1;
        let given: Vec<_> = worlds.iter().filter_map(|w| evaluate(part, w).ok()).collect();
        assert!(given.windows(2).all(|pair| pair[0] == pair[1]), "not always the same: {part}");
    }
}

#[test]
fn what_the_pass_says_is_what_happens() {
    let mut seen = Seen::default();
    for case in 0..CASES {
        let mut rng = Rng(case.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        rng.next();
        let depth = 1 + rng.below(4);
        let text = expression(&mut rng, "bool", depth, 0);
        if text.len() < 1_500 {
            compare(&text, &mut rng, &mut seen);
        }
    }
    let tenth = CASES / 20;
    assert!(seen.sure > tenth && seen.refused_alone > tenth && seen.never_equal > 0, "{seen:?}");
}
