//! What operators and functions take and give, as the `cel` crate evaluates them.

use std::rc::Rc;

use super::kinds::{Kinds, Type};

/// What came of an operation on types.
pub(super) enum Applied {
    /// It gives this, for all that is known.
    Gives(Type),
    /// It gives this for some kinds of its operands, and is an error for others.
    Perhaps(Type),
    /// It is an error whatever its operands are.
    Never,
}

/// An operator of two operands: how authors write it; none if it is no such operator.
pub(super) fn symbol(name: &str) -> Option<&'static str> {
    Some(match name {
        "_+_" => "+",
        "_-_" => "-",
        "_*_" => "*",
        "_/_" => "/",
        "_%_" => "%",
        "_<_" => "<",
        "_<=_" => "<=",
        "_>_" => ">",
        "_>=_" => ">=",
        "@in" => "in",
        "_[_]" => "[ ]",
        _ => return None,
    })
}

/// Applies an operator by its symbol, kind by kind.
pub(super) fn binary(symbol: &str, left: &Type, right: &Type) -> Applied {
    let mut kinds = Kinds::NONE;
    let (mut item, mut fails) = (Type::of(Kinds::NONE), false);
    for a in left.kinds.each() {
        for b in right.kinds.each() {
            match rule(symbol, a, b) {
                None => fails = true,
                Some(_) if symbol == "[ ]" => kinds = Kinds::ANY,
                Some(Kinds::LIST) => {
                    let more = if b == Kinds::MAP { right.key() } else { right.item() };
                    item = item.join(left.item()).join(more);
                    kinds = kinds.or(Kinds::LIST);
                }
                Some(kind) => kinds = kinds.or(kind),
            }
        }
    }
    let gives = match symbol {
        "[ ]" => left.item(),
        _ => Type { item: Some(Rc::new(item)), ..Type::of(kinds) },
    };
    match (kinds.is_empty(), fails) {
        (true, true) => Applied::Never,
        (_, false) => Applied::Gives(gives),
        // A declared number does not mix with ints or doubles, for it may be either: said now, not when it happens.
        _ if (left.number || right.number) && left.kinds.or(right.kinds).within(Kinds::NUMBERS) => {
            Applied::Never
        }
        _ => Applied::Perhaps(gives),
    }
}

/// What an operator gives for one kind on each side; none if it is an error.
fn rule(symbol: &str, a: Kinds, b: Kinds) -> Option<Kinds> {
    let same = a == b;
    let number = same && a.within(Kinds::NUMBERS);
    let text = same && a.within(Kinds::STRING.or(Kinds::BYTES));
    match symbol {
        "+" if a == Kinds::LIST && b.within(Kinds::LIST.or(Kinds::MAP)) => Some(Kinds::LIST),
        "+" => (number || text).then_some(a),
        "-" | "*" | "/" => number.then_some(a),
        "%" => (number && a != Kinds::DOUBLE).then_some(a),
        "in" if b == Kinds::LIST => Some(Kinds::BOOL),
        "in" => (b == Kinds::MAP && a.within(Kinds::KEYS)).then_some(Kinds::BOOL),
        "[ ]" if a == Kinds::LIST => b.within(Kinds::NUMBERS).then_some(Kinds::ANY),
        "[ ]" => (a == Kinds::MAP && b.within(Kinds::KEYS)).then_some(Kinds::ANY),
        _ => {
            let numbers = a.or(b).within(Kinds::NUMBERS);
            (numbers || text || (same && a == Kinds::BOOL)).then_some(Kinds::BOOL)
        }
    }
}

/// How a function may be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// `f(x)`.
    Plain,
    /// `x.f()`.
    Member,
    /// Both.
    Either,
}

/// A function: for a member, the first operand is what stands before the dot.
pub(super) struct Function {
    pub(super) name: &'static str,
    pub(super) form: Form,
    pub(super) takes: &'static [Kinds],
    pub(super) gives: Kinds,
}

const SIZED: Kinds = Kinds::STRING.or(Kinds::BYTES).or(Kinds::LIST).or(Kinds::MAP);
const NUMERIC: Kinds = Kinds::NUMBERS.or(Kinds::STRING);
const TEXTS: &[Kinds] = &[Kinds::STRING, Kinds::STRING];

macro_rules! functions {
    ($($name:literal $form:ident $takes:expr => $gives:ident;)*) => {
        /// The functions there are.
        pub(super) const FUNCTIONS: &[Function] = &[
            $(Function { name: $name, form: Form::$form, takes: $takes, gives: Kinds::$gives }),*
        ];
    };
}

functions! {
    "size" Either &[SIZED] => INT;
    "contains" Member TEXTS => BOOL;
    "startsWith" Member TEXTS => BOOL;
    "endsWith" Member TEXTS => BOOL;
    "matches" Either TEXTS => BOOL;
    "string" Plain &[Kinds::KEYS.or(Kinds::BYTES)] => STRING;
    "int" Plain &[NUMERIC] => INT;
    "uint" Plain &[NUMERIC] => UINT;
    "double" Plain &[NUMERIC] => DOUBLE;
    "bool" Plain &[Kinds::BOOL.or(Kinds::STRING)] => BOOL;
    "bytes" Plain &[Kinds::STRING.or(Kinds::BYTES)] => BYTES;
    "type" Plain &[Kinds::ANY] => TYPE;
    "dyn" Plain &[Kinds::ANY] => ANY;
}

/// The names of types, as `type(x)` is compared with them.
pub const TYPE_NAMES: [&str; 10] =
    ["bool", "bytes", "double", "int", "list", "map", "null_type", "string", "type", "uint"];

/// What is written like a function and is none: how each is used.
pub(super) const MACROS: [(&str, &str); 7] = [
    ("has", "has(a.b)"),
    ("all", "list.all(x, condition)"),
    ("exists", "list.exists(x, condition)"),
    ("exists_one", "list.exists_one(x, condition)"),
    ("existsOne", "list.existsOne(x, condition)"),
    ("map", "list.map(x, value)"),
    ("filter", "list.filter(x, condition)"),
];

/// Applies a function to operands of the right number.
pub(super) fn call(function: &Function, operands: &[Type]) -> Applied {
    if operands.iter().any(|o| o.kinds.is_empty()) {
        return Applied::Gives(Type::of(Kinds::NONE));
    }
    let pairs = || operands.iter().zip(function.takes);
    if !pairs().all(|(operand, takes)| operand.kinds.meets(*takes)) {
        return Applied::Never;
    }
    let gives = match function.gives {
        Kinds::ANY => Type::any(),
        kinds => Type::of(kinds),
    };
    let sure = pairs().all(|(operand, takes)| operand.kinds.within(*takes));
    if sure { Applied::Gives(gives) } else { Applied::Perhaps(gives) }
}
