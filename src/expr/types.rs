//! The pass over names and types: what an expression gives, and all that is wrong with it before it is evaluated.
//!
//! It goes by the kinds that a value may have and refuses an operation that is an error for all of them. What is an
//! error for some of them only (a null, a JSON value, an index out of range) it leaves to the evaluation.

use std::ops::Range;

use cel::common::ast::{
    CallExpr, ComprehensionExpr, EntryExpr, Expr, IdedExpr, LiteralValue, MapExpr, SelectExpr,
    SourceInfo,
};

use super::condition::dotted;
use super::kinds::{Kinds, Type};
use super::operations::{self, Applied, FUNCTIONS, Form, MACROS, TYPE_NAMES};
use crate::diagnostic::{Code, Diagnostic, closest};

/// What the pass found; each with the bytes of the expression it is about.
#[derive(Debug, Default)]
pub struct Findings {
    /// What is wrong.
    pub problems: Vec<(Diagnostic, Range<usize>)>,
    /// The dotted names it uses, but for those it binds itself.
    pub names: Vec<(Vec<String>, Range<usize>)>,
    /// The regular expressions in it.
    pub patterns: Vec<(String, Range<usize>)>,
    /// Whether some operation may still be an error, for what is not known of its operands.
    pub unsure: bool,
}

pub(super) struct Pass<'p> {
    pub(super) source: &'p SourceInfo,
    pub(super) root: &'p Type,
    pub(super) bound: Vec<(String, Type)>,
    pub(super) found: Findings,
}

impl Pass<'_> {
    /// Checks a whole condition.
    pub(super) fn condition(&mut self, expr: &IdedExpr) {
        let given = self.of(expr);
        self.unsure(!given.kinds.within(Kinds::BOOL));
        if !given.kinds.is_empty() && !given.kinds.meets(Kinds::BOOL) {
            let what = format!("it gives {}, not true or false", given.kinds);
            self.wrong(expr, what, vec!["compare it with something: x == y".to_owned()]);
        }
    }

    /// The type of an expression.
    fn of(&mut self, expr: &IdedExpr) -> Type {
        let path = dotted(expr).filter(|path| self.own(&path[0]).is_none());
        let named = path.is_some();
        if let Some(path) = path {
            self.found.names.push((path, self.span(expr)));
        }
        self.part(expr, named)
    }

    /// The type of an expression, or of a part of a name that is already noted.
    fn part(&mut self, expr: &IdedExpr, named: bool) -> Type {
        match &expr.expr {
            Expr::Literal(literal) => of_literal(literal),
            Expr::Ident(name) => self.ident(name),
            Expr::Select(select) => self.select(expr, select, named),
            Expr::Call(call) => self.call(expr, call, named),
            Expr::List(list) => {
                let items = list.elements.iter().map(|e| self.of(e));
                Type::list(items.fold(Type::of(Kinds::NONE), Type::join))
            }
            Expr::Map(map) => self.map(map),
            Expr::Comprehension(of) => self.comprehension(of),
            Expr::Struct(made) => {
                let what = format!("`{}` is no type whose values can be written", made.type_name);
                self.wrong(expr, what, vec!["a map is written {'key': value}".to_owned()])
            }
            Expr::Unspecified => Type::any(),
        }
    }

    /// The type of a variable that the expression binds itself.
    fn own(&self, name: &str) -> Option<&Type> {
        self.bound.iter().rev().find(|(bound, _)| bound == name).map(|(_, of)| of)
    }

    fn ident(&self, name: &str) -> Type {
        let global = || self.root.fields.as_ref()?.get(name).cloned();
        let a_type = || TYPE_NAMES.contains(&name).then(|| Type::of(Kinds::TYPE));
        self.own(name).cloned().or_else(global).or_else(a_type).unwrap_or_else(Type::any)
    }

    fn select(&mut self, expr: &IdedExpr, select: &SelectExpr, named: bool) -> Type {
        let of = if named { self.part(&select.operand, true) } else { self.of(&select.operand) };
        if of.kinds.is_empty() {
            return of;
        }
        if !of.kinds.meets(Kinds::MAP) {
            let what = format!("{} has no fields, so no `{}`", of.kinds, select.field);
            return self.wrong(expr, what, Vec::new());
        }
        self.unsure(!of.kinds.within(Kinds::MAP));
        if select.test { Type::bool() } else { self.field(expr, &of, &select.field, named) }
    }

    /// The type of a field. Unknown fields of a name are found by whoever knows what the names mean.
    fn field(&mut self, expr: &IdedExpr, of: &Type, field: &str, named: bool) -> Type {
        let Some(fields) = &of.fields else { return of.item() };
        if let Some(known) = fields.get(field) {
            return known.clone();
        }
        if !named {
            let near = closest(field, fields.keys().map(String::as_str));
            let hint = near.map(|near| format!("did you mean `{near}`?"));
            return self.wrong(expr, format!("there is no `{field}`"), hint.into_iter().collect());
        }
        Type::any()
    }

    fn map(&mut self, map: &MapExpr) -> Type {
        let (mut key, mut item) = (Type::of(Kinds::NONE), Type::of(Kinds::NONE));
        for entry in &map.entries {
            let EntryExpr::MapEntry(entry) = &entry.expr else { continue };
            let mut of = self.of(&entry.key);
            if !of.kinds.is_empty() && !of.kinds.meets(Kinds::KEYS.without(Kinds::DOUBLE)) {
                let what = format!("{} cannot be a key", of.kinds);
                of = self.wrong(&entry.key, what, Vec::new());
            }
            self.unsure(!of.kinds.within(Kinds::KEYS.without(Kinds::DOUBLE)));
            key = key.join(of);
            item = item.join(self.of(&entry.value));
        }
        Type { item: Some(item.into()), key: Some(key.into()), ..Type::of(Kinds::MAP) }
    }

    /// A loop, as the macros write it: what it starts with tells which.
    fn comprehension(&mut self, of: &ComprehensionExpr) -> Type {
        let over = self.of(&of.iter_range);
        let mut item = Type::of(Kinds::NONE);
        if over.kinds.meets(Kinds::LIST) {
            item = item.join(over.item());
        }
        if over.kinds.meets(Kinds::MAP) {
            item = item.join(over.key());
        }
        if !over.kinds.is_empty() && item.kinds.is_empty() && !over.kinds.meets(LOOPED) {
            let what = format!("{} has no items", over.kinds);
            item = self.wrong(&of.iter_range, what, Vec::new());
        }
        self.unsure(!over.kinds.within(LOOPED));
        let start = self.of(&of.accu_init);
        let outer = self.bound.len();
        self.bound.push((of.accu_var.clone(), start.clone()));
        self.bound.push((of.iter_var.clone(), item));
        let step = self.of(&of.loop_step);
        // A step only adds to what there is, so that going through it once is enough.
        self.bound.truncate(outer);
        self.bound.push((of.accu_var.clone(), start.join(step)));
        let result = self.of(&of.result);
        self.bound.truncate(outer);
        result
    }

    fn call(&mut self, expr: &IdedExpr, call: &CallExpr, named: bool) -> Type {
        let plain = call.target.is_none();
        match (call.func_name.as_str(), call.args.as_slice()) {
            ("_?_:_", [asked, yes, no]) if plain => {
                self.truth(asked, "`? :` asks for true or false");
                self.of(yes).join(self.of(no))
            }
            (name @ ("_&&_" | "_||_"), [left, right]) if plain => {
                let what =
                    format!("`{}` takes true or false", if name == "_&&_" { "&&" } else { "||" });
                self.truth(left, &what);
                self.truth(right, &what);
                Type::bool()
            }
            ("!_", [of]) if plain => {
                self.truth(of, "`!` takes true or false");
                Type::bool()
            }
            ("@not_strictly_false", _) => Type::bool(),
            ("-_", [of]) if plain => {
                let of = self.of(of);
                let takes = Kinds::INT.or(Kinds::DOUBLE);
                self.unsure(!of.kinds.within(takes));
                if of.kinds.is_empty() || of.kinds.meets(takes) {
                    return Type { number: of.number, ..Type::of(of.kinds.and(takes)) };
                }
                self.wrong(expr, format!("`-` does not take {}", of.kinds), Vec::new())
            }
            ("_==_" | "_!=_", [left, right]) if plain => {
                let (a, b) = (self.of(left), self.of(right));
                self.comparable(expr, &a, &b);
                Type::bool()
            }
            (name, [left, right]) if plain && operations::symbol(name).is_some() => {
                self.binary(expr, operations::symbol(name).unwrap_or(name), left, right, named)
            }
            _ => self.function(expr, call),
        }
    }

    fn binary(
        &mut self,
        expr: &IdedExpr,
        symbol: &str,
        left: &IdedExpr,
        right: &IdedExpr,
        named: bool,
    ) -> Type {
        let a = if named { self.part(left, true) } else { self.of(left) };
        let b = self.of(right);
        if symbol == "[ ]"
            && a.fields.is_some()
            && let Some(key) = text(right)
        {
            return self.field(expr, &a, key, named);
        }
        let gives = match operations::binary(symbol, &a, &b) {
            Applied::Gives(gives) => gives,
            Applied::Perhaps(gives) => {
                self.unsure(true);
                gives
            }
            Applied::Never => {
                let what = match symbol {
                    "[ ]" => format!("{} cannot be asked for {}", a.kinds, b.kinds),
                    _ => format!("`{symbol}` does not take {} and {}", a.kinds, b.kinds),
                };
                let numbers = a.kinds.or(b.kinds).within(Kinds::NUMBERS);
                let hint =
                    numbers.then(|| "make both one kind: double(x) + 1.5, int(x) + 1".to_owned());
                return self.wrong(expr, what, hint.into_iter().collect());
            }
        };
        if symbol == "in" && b.kinds == Kinds::LIST {
            match &right.expr {
                Expr::List(list) => {
                    for element in &list.elements {
                        // Its names and problems are noted already.
                        if let Expr::Literal(literal) = &element.expr {
                            self.comparable(element, &a, &of_literal(literal));
                        }
                    }
                }
                _ => self.comparable(expr, &a, &b.item()),
            }
        }
        gives
    }

    /// An operand that must be true or false.
    fn truth(&mut self, expr: &IdedExpr, says: &str) {
        let of = self.of(expr);
        self.unsure(!of.kinds.within(Kinds::BOOL));
        if !of.kinds.is_empty() && !of.kinds.meets(Kinds::BOOL) {
            self.wrong(expr, format!("{says}, not {}", of.kinds), Vec::new());
        }
    }

    /// Two values that are asked whether they are equal, and could be.
    fn comparable(&mut self, expr: &IdedExpr, a: &Type, b: &Type) {
        if !a.never_equals(b) {
            return;
        }
        let problem = if let (Some(a), Some(b)) = (&a.words, &b.words) {
            let (written, known) = if a.len() == 1 { (a, b) } else { (b, a) };
            let word = written.first().map_or("", String::as_str);
            let list: Vec<&str> = known.iter().map(String::as_str).collect();
            let what = format!("it is never `{word}`: it is one of {}", list.join(", "));
            Diagnostic::new(Code::NeverEqual, what).suggest(word, list)
        } else {
            Diagnostic::new(Code::NeverEqual, format!("{} never equals {}", a.kinds, b.kinds))
        };
        self.found.problems.push((problem, self.span(expr)));
    }

    fn function(&mut self, expr: &IdedExpr, call: &CallExpr) -> Type {
        let name = call.func_name.as_str();
        let member = call.target.is_some();
        let all: Vec<&IdedExpr> = call.target.as_deref().into_iter().chain(&call.args).collect();
        let Some(function) = FUNCTIONS.iter().find(|f| f.name == name) else {
            return self.unknown_function(expr, call);
        };
        let operands: Vec<Type> = all.iter().map(|e| self.of(e)).collect();
        let wrong_form = if member { Form::Plain } else { Form::Member };
        if function.form == wrong_form {
            let right = if member { format!("{name}(x)") } else { format!("x.{name}(…)") };
            let what = format!("`{name}` is not written like this");
            return self.wrong(expr, what, vec![format!("write {right}")]);
        }
        if operands.len() != function.takes.len() {
            let own = usize::from(member);
            let (takes, given) = (function.takes.len() - own, operands.len() - own);
            let what = format!("`{name}` takes {takes} operand{}, not {given}", plural(takes));
            return self.wrong(expr, what, Vec::new());
        }
        if name == "matches"
            && let Some(pattern) = all.get(1)
            && let Some(regex) = text(pattern)
        {
            self.found.patterns.push((regex.to_owned(), self.span(pattern)));
        }
        match operations::call(function, &operands) {
            Applied::Gives(gives) => gives,
            Applied::Perhaps(gives) => {
                self.unsure(true);
                gives
            }
            Applied::Never => {
                let given: Vec<String> = operands.iter().map(|o| o.kinds.to_string()).collect();
                let what = format!("`{name}` does not take {}", given.join(" and "));
                self.wrong(expr, what, Vec::new())
            }
        }
    }

    fn unknown_function(&mut self, expr: &IdedExpr, call: &CallExpr) -> Type {
        let name = call.func_name.as_str();
        let used = MACROS.iter().find(|(known, _)| *known == name);
        let problem = if let Some((_, usage)) = used {
            // Its operands are not looked at: a name that it would bind is unknown here.
            let what = format!("`{name}` is not written like this");
            Diagnostic::new(Code::BadTypes, what).hint(format!("write {usage}"))
        } else {
            call.target.as_deref().into_iter().chain(&call.args).for_each(|e| drop(self.of(e)));
            let known = FUNCTIONS.iter().map(|f| f.name).chain(MACROS.iter().map(|(n, _)| *n));
            let what = format!("no function is called `{name}`");
            Diagnostic::new(Code::BadTypes, what).suggest(name, known)
        };
        self.found.problems.push((problem, self.span(expr)));
        Type::any()
    }

    /// Notes an error, and goes on as if anything could come of it.
    fn wrong(&mut self, expr: &IdedExpr, what: String, hints: Vec<String>) -> Type {
        let problem = Diagnostic::new(Code::BadTypes, what);
        let problem = hints.into_iter().fold(problem, Diagnostic::hint);
        self.found.problems.push((problem, self.span(expr)));
        Type::any()
    }

    fn unsure(&mut self, is: bool) {
        self.found.unsure |= is;
    }

    fn span(&self, expr: &IdedExpr) -> Range<usize> {
        super::spans::of(self.source, expr)
    }
}

const LOOPED: Kinds = Kinds::LIST.or(Kinds::MAP);

fn plural(n: usize) -> &'static str {
    if n == 1 { "" } else { "s" }
}

fn of_literal(literal: &LiteralValue) -> Type {
    match literal {
        LiteralValue::Boolean(_) => Type::bool(),
        LiteralValue::Int(_) => Type::int(),
        LiteralValue::UInt(_) => Type::of(Kinds::UINT),
        LiteralValue::Double(_) => Type::double(),
        LiteralValue::String(text) => Type::words([text.inner()]),
        LiteralValue::Bytes(_) => Type::of(Kinds::BYTES),
        LiteralValue::Null => Type::of(Kinds::NULL),
    }
}

/// The text of a literal.
fn text(expr: &IdedExpr) -> Option<&str> {
    match &expr.expr {
        Expr::Literal(LiteralValue::String(text)) => Some(text.inner()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::expr::{Condition, Type};

    /// Expressions as long as may be, each of which is bad for somebody.
    fn hostile() -> Vec<String> {
        let fill = |one: &str, end: &str| one.repeat((1_990 - end.len()) / one.len()) + end;
        let loops = |n: usize| {
            let open: Vec<String> = (0..n).map(|i| format!("[1].map(v{i}, ")).collect();
            format!("{}1{} == []", open.concat(), ")".repeat(n))
        };
        let words: Vec<String> = (0..240).map(|i| format!("'{i}', ")).collect();
        let words = words.concat();
        vec![
            fill("1 + ", "1 == 1"),
            "1 + 'a' + ".repeat(98) + "1 == 1",
            "p".to_owned() + &".f()".repeat(190),
            fill("p.x && ", "true"),
            "p".to_owned() + &fill(".p", " == 1"),
            "p".to_owned() + &fill("['p']", " == 1"),
            "p".to_owned() + &fill(".f()", " == 1"),
            fill("[[1]] + ", "[[1]] == []"),
            fill("p.x ? 'a' : ", "'b'"),
            fill("{'a': 1} == ", "1"),
            format!("p.x in [{words}'x']"),
            "[".repeat(10) + "1" + &"]".repeat(10) + " == " + &"[".repeat(10) + &"]".repeat(10),
            loops(10),
        ]
    }

    #[test]
    fn hostile_expressions_are_checked_or_refused_at_once() {
        let root = Type::record([("p".to_owned(), Type::json())]);
        let condition = |text: &String| Condition::parse(text).ok();
        let parsed: Vec<Condition> = hostile().iter().filter_map(condition).collect();
        assert!(parsed.len() > 4, "{}", parsed.len());
        parsed.iter().for_each(|condition| drop(condition.check(&root)));
    }
}
