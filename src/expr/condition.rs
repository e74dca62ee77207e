//! CEL conditions: `when`, an edge's `condition`. Parsing, the names they use, and their value.
//!
//! The language is the Common Expression Language (<https://cel.dev>), as the `cel` crate has it.

use std::collections::BTreeSet;

use cel::common::ast::{EntryExpr, Expr, IdedExpr};
use serde_json::{Map, Value};

use super::kinds::Type;
use super::types::{Findings, Pass};

/// The longest expression, in bytes.
pub const MAX_LENGTH: usize = 2_000;
/// How deep brackets may nest in one, and how many prefix operators may follow each other: the parser takes 150 KB of
/// stack for each when it is not optimised.
const MAX_DEPTH: usize = 10;

/// How many parts of one may lie within each other, so that whoever goes through them does not run out of stack.
const MAX_PARTS: usize = 200;

/// How many steps of a loop a condition may take: what would take more is refused, not tried.
const MAX_STEPS: u128 = 1_000_000;

/// A parsed condition.
pub struct Condition(cel::Program);

impl std::fmt::Debug for Condition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Condition")
    }
}

impl Condition {
    /// Parses an expression; the error says what is wrong with it in one line.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.len() > MAX_LENGTH {
            return Err(format!("longer than {MAX_LENGTH} bytes"));
        }
        if too_deep(text) {
            return Err(format!("nested deeper than {MAX_DEPTH} levels"));
        }
        let program = cel::Program::compile(text).map_err(|errors| {
            let first = errors.errors.first().map(|e| e.msg.clone());
            first.unwrap_or_else(|| "not a CEL expression".to_owned()).replace('\n', " ")
        })?;
        let mut todo = vec![(program.expression(), 1)];
        while let Some((part, depth)) = todo.pop() {
            if depth > MAX_PARTS {
                return Err(format!("more than {MAX_PARTS} parts lie within each other"));
            }
            todo.extend(super::spans::parts(part).into_iter().map(|inner| (inner, depth + 1)));
        }
        Ok(Self(program))
    }

    /// The dotted names it uses, such as `params.size` or `steps.build.status`; a subscript by a literal counts as a dot.
    pub fn names(&self) -> BTreeSet<Vec<String>> {
        let mut found = BTreeSet::new();
        names(self.0.expression(), &mut Vec::new(), &mut found);
        found
    }

    /// What can be said of it before it is evaluated, over variables of these types: `root` has them as fields.
    pub fn check(&self, root: &Type) -> Findings {
        let source = self.0.source_info();
        let mut pass = Pass { source, root, bound: Vec::new(), found: Findings::default() };
        pass.condition(self.0.expression());
        pass.found
    }

    /// Its value over `variables`; an error if it cannot be evaluated or is not a boolean.
    pub fn holds(&self, variables: &Map<String, Value>) -> Result<bool, String> {
        let (depth, longest) = loops(self.0.expression());
        let longest = variables.values().map(longest_list).fold(longest, usize::max) as u128;
        if longest.checked_pow(depth).is_none_or(|steps| steps > MAX_STEPS) {
            return Err(format!(
                "{depth} loops in each other over up to {longest} items are too many"
            ));
        }
        let mut context = cel::Context::default();
        for (name, value) in variables {
            context.add_variable_from_value(name.as_str(), to_cel(value));
        }
        match self.0.execute(&context) {
            Ok(cel::Value::Bool(holds)) => Ok(holds),
            Ok(other) => Err(format!("it gave {other:?}, not true or false")),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// Whether brackets or prefix operators nest deeper than the parser may follow.
fn too_deep(text: &str) -> bool {
    let mut brackets = 0_usize;
    let mut prefixes = 0_usize;
    for c in text.chars() {
        match c {
            '(' | '[' | '{' => brackets += 1,
            ')' | ']' | '}' => brackets = brackets.saturating_sub(1),
            '!' | '-' | '?' => prefixes += 1,
            c if c.is_whitespace() || c == ':' => {}
            _ => prefixes = if text.contains('?') { prefixes } else { 0 },
        }
        if brackets > MAX_DEPTH || prefixes > MAX_DEPTH {
            return true;
        }
    }
    false
}

/// A JSON value in CEL, in which every whole number is an `int`.
pub(super) fn to_cel(value: &Value) -> cel::Value {
    match value {
        Value::Null => cel::Value::Null,
        Value::Bool(b) => cel::Value::Bool(*b),
        Value::Number(n) => match n.as_i64() {
            Some(n) => cel::Value::Int(n),
            None => cel::Value::Float(n.as_f64().unwrap_or(f64::NAN)),
        },
        Value::String(text) => cel::Value::String(text.clone().into()),
        Value::Array(all) => cel::Value::List(all.iter().map(to_cel).collect::<Vec<_>>().into()),
        Value::Object(all) => {
            let pairs = all.iter().map(|(name, value)| (name.clone(), to_cel(value)));
            pairs.collect::<std::collections::HashMap<String, cel::Value>>().into()
        }
    }
}

/// The length of the longest list or table in a value.
fn longest_list(value: &Value) -> usize {
    let inside = |all: &mut dyn Iterator<Item = &Value>| all.map(longest_list).max().unwrap_or(0);
    match value {
        Value::Array(all) => all.len().max(inside(&mut all.iter())),
        Value::Object(all) => all.len().max(inside(&mut all.values())),
        _ => 0,
    }
}

/// How deep loops are nested in an expression, and the length of its longest literal list.
fn loops(expr: &IdedExpr) -> (u32, usize) {
    let most = |parts: &mut dyn Iterator<Item = &IdedExpr>| {
        parts.map(loops).fold((0, 0), |a, b| (a.0.max(b.0), a.1.max(b.1)))
    };
    match &expr.expr {
        Expr::Call(call) => most(&mut call.target.iter().map(AsRef::as_ref).chain(&call.args)),
        Expr::Select(select) => loops(&select.operand),
        Expr::List(list) => {
            let (depth, longest) = most(&mut list.elements.iter());
            (depth, longest.max(list.elements.len()))
        }
        Expr::Map(map) => (map.entries.len().min(1).try_into().unwrap_or(0), map.entries.len()),
        Expr::Comprehension(of) => {
            let over = loops(&of.iter_range);
            let inner = most(&mut [&of.loop_step, &of.loop_cond, &of.result].into_iter());
            (over.0.max(inner.0 + 1), over.1.max(inner.1))
        }
        Expr::Struct(_) | Expr::Unspecified | Expr::Ident(_) | Expr::Literal(_) => (0, 0),
    }
}

/// Collects the dotted names under `expr`. `bound` are the variables of enclosing comprehensions.
fn names(expr: &IdedExpr, bound: &mut Vec<String>, found: &mut BTreeSet<Vec<String>>) {
    if let Some(path) = dotted(expr) {
        if !bound.contains(&path[0]) && !path[0].starts_with('@') {
            found.insert(path);
        }
        return;
    }
    match &expr.expr {
        Expr::Call(call) => {
            let parts = call.target.iter().map(AsRef::as_ref).chain(&call.args);
            parts.for_each(|part| names(part, bound, found));
        }
        Expr::Select(select) => names(&select.operand, bound, found),
        Expr::List(list) => list.elements.iter().for_each(|e| names(e, bound, found)),
        Expr::Map(map) => entries(map.entries.iter().map(|e| &e.expr), bound, found),
        Expr::Struct(made) => entries(made.entries.iter().map(|e| &e.expr), bound, found),
        Expr::Comprehension(of) => {
            names(&of.iter_range, bound, found);
            let outer = bound.len();
            bound.extend([of.iter_var.clone(), of.accu_var.clone()]);
            bound.extend(of.iter_var2.clone());
            for part in [&of.accu_init, &of.loop_cond, &of.loop_step, &of.result] {
                names(part, bound, found);
            }
            bound.truncate(outer);
        }
        Expr::Unspecified | Expr::Ident(_) | Expr::Literal(_) => {}
    }
}

fn entries<'e>(
    all: impl Iterator<Item = &'e EntryExpr>,
    bound: &mut Vec<String>,
    found: &mut BTreeSet<Vec<String>>,
) {
    for entry in all {
        match entry {
            EntryExpr::StructField(field) => names(&field.value, bound, found),
            EntryExpr::MapEntry(entry) => {
                names(&entry.key, bound, found);
                names(&entry.value, bound, found);
            }
        }
    }
}

/// The dotted name an expression spells, if it does.
pub(super) fn dotted(expr: &IdedExpr) -> Option<Vec<String>> {
    match &expr.expr {
        Expr::Ident(name) => Some(vec![name.clone()]),
        Expr::Select(select) => {
            let mut path = dotted(&select.operand)?;
            path.push(select.field.clone());
            Some(path)
        }
        Expr::Call(call) if call.func_name == "_[_]" => {
            let [of, at] = call.args.as_slice() else { return None };
            let Expr::Literal(cel::common::ast::LiteralValue::String(key)) = &at.expr else {
                return None;
            };
            let mut path = dotted(of)?;
            path.push(key.inner().to_owned());
            Some(path)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vars() -> Map<String, Value> {
        let all = serde_json::json!({
            "params": { "size": "cx22", "n": 3, "keep-as": true },
            "steps": { "a": { "status": "passed", "outputs": { "x": 1 } } },
        });
        all.as_object().unwrap().clone()
    }

    #[test]
    fn conditions_are_evaluated_over_params_and_steps() {
        let holds = |text: &str| Condition::parse(text).unwrap().holds(&vars());
        assert_eq!(holds("params.n > 2 && steps.a.status == 'passed'"), Ok(true));
        assert_eq!(holds("params['keep-as']"), Ok(true));
        assert_eq!(holds("steps.a.outputs.x == 2"), Ok(false));
        assert_eq!(holds("params.n + 1 == 4 && -params.n % 2 == -1"), Ok(true));
        assert_eq!(holds("params.size.matches('^cx')"), Ok(true));
        assert!(holds("params.n").unwrap_err().contains("not true or false"));
        assert!(holds("steps.b.status == 'passed'").is_err());
    }

    #[test]
    fn names_are_found_and_bound_variables_are_not() {
        let of = |text: &str| -> Vec<String> {
            Condition::parse(text).unwrap().names().iter().map(|p| p.join(".")).collect()
        };
        assert_eq!(
            of("params.n > 2 || steps['a'].status == x"),
            ["params.n", "steps.a.status", "x"]
        );
        assert_eq!(of("[1, n].all(i, i > m)"), ["m", "n"]);
        assert_eq!(of("size(params.size) > 1"), ["params.size"]);
    }

    #[test]
    fn loops_that_would_never_end_are_refused() {
        let nest = |depth: usize| {
            let one = |n| format!("[1,2,3,4,5,6,7,8,9].all(v{n}, ");
            let open = (0..depth).map(one).collect::<Vec<_>>().concat();
            format!("{open}true{}", ")".repeat(depth))
        };
        assert_eq!(Condition::parse(&nest(3)).unwrap().holds(&vars()), Ok(true));
        assert!(
            Condition::parse(&nest(8)).unwrap().holds(&vars()).unwrap_err().contains("too many")
        );
    }

    #[test]
    fn hostile_expressions_are_refused_not_followed() {
        for text in [
            "(".repeat(1_000),
            "!".repeat(1_900) + "true",
            "-".repeat(1_900) + "1",
            "a".repeat(3_000),
            "[".repeat(40),
            "a ? ".repeat(200),
            String::new(),
            "1 +".into(),
            "\u{0}".into(),
            "'".into(),
        ] {
            assert!(Condition::parse(&text).is_err(), "{text:.40}");
        }
    }
}
