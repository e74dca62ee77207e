//! What an expression may give: the kinds of value, and what is known of its words, items and fields.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// A set of kinds of value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Kinds(u16);

impl Kinds {
    pub(super) const NONE: Self = Self(0);
    pub(super) const BOOL: Self = Self(1);
    pub(super) const INT: Self = Self(1 << 1);
    pub(super) const UINT: Self = Self(1 << 2);
    pub(super) const DOUBLE: Self = Self(1 << 3);
    pub(super) const STRING: Self = Self(1 << 4);
    pub(super) const BYTES: Self = Self(1 << 5);
    pub(super) const LIST: Self = Self(1 << 6);
    pub(super) const MAP: Self = Self(1 << 7);
    pub(super) const NULL: Self = Self(1 << 8);
    pub(super) const TYPE: Self = Self(1 << 9);
    pub(super) const ANY: Self = Self((1 << 10) - 1);
    /// What JSON has.
    pub(super) const JSON: Self = Self::BOOL
        .or(Self::INT)
        .or(Self::DOUBLE)
        .or(Self::STRING)
        .or(Self::LIST)
        .or(Self::MAP)
        .or(Self::NULL);
    /// What compares with each other, whatever it is of these.
    pub(super) const NUMBERS: Self = Self::INT.or(Self::UINT).or(Self::DOUBLE);
    /// What a map can be asked for.
    pub(super) const KEYS: Self = Self::NUMBERS.or(Self::BOOL).or(Self::STRING);

    const NAMES: [(Self, &'static str); 10] = [
        (Self::BOOL, "a bool"),
        (Self::INT, "an int"),
        (Self::UINT, "a uint"),
        (Self::DOUBLE, "a double"),
        (Self::STRING, "a string"),
        (Self::BYTES, "bytes"),
        (Self::LIST, "a list"),
        (Self::MAP, "a map"),
        (Self::NULL, "null"),
        (Self::TYPE, "a type"),
    ];

    pub(super) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(super) const fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    pub(super) const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    pub(super) fn is_empty(self) -> bool {
        self == Self::NONE
    }

    /// Whether some of these are among the others.
    pub(super) fn meets(self, other: Self) -> bool {
        !self.and(other).is_empty()
    }

    /// Whether all of these are among the others.
    pub(super) fn within(self, other: Self) -> bool {
        self.and(other) == self
    }

    /// Each of them alone.
    pub(super) fn each(self) -> impl Iterator<Item = Self> {
        Self::NAMES.into_iter().map(|(kind, _)| kind).filter(move |kind| self.meets(*kind))
    }
}

impl std::fmt::Display for Kinds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if Self::JSON.within(*self) {
            return f.write_str("any value");
        }
        let names: Vec<&str> = Self::NAMES
            .iter()
            .filter(|(kind, _)| self.meets(*kind))
            .map(|(_, name)| *name)
            .collect();
        f.write_str(&names.join(" or "))
    }
}

/// What is known of a value before it exists.
#[derive(Debug, Clone)]
pub struct Type {
    /// What it may be. Nothing, if there never is one: an item of the empty list.
    pub(super) kinds: Kinds,
    /// Whether it is a JSON number, of which nobody can say whether it is whole.
    pub(super) number: bool,
    /// If it is a string, one of these; any, if not given.
    pub(super) words: Option<Rc<BTreeSet<String>>>,
    /// If it is a list or a map, its items' or values' type; any JSON, if not given.
    pub(super) item: Option<Rc<Type>>,
    /// If it is a map, its keys' type; strings, if not given.
    pub(super) key: Option<Rc<Type>>,
    /// If it is a map, all the fields it may have, if they are known.
    pub(super) fields: Option<Rc<BTreeMap<String, Type>>>,
}

impl Type {
    pub(super) fn of(kinds: Kinds) -> Self {
        Self { kinds, number: false, words: None, item: None, key: None, fields: None }
    }

    /// `true` or `false`.
    pub fn bool() -> Self {
        Self::of(Kinds::BOOL)
    }

    /// A whole number.
    pub fn int() -> Self {
        Self::of(Kinds::INT)
    }

    /// A number with a fraction.
    pub fn double() -> Self {
        Self::of(Kinds::DOUBLE)
    }

    /// A JSON number: an int if it is whole, else a double.
    pub fn number() -> Self {
        Self { number: true, ..Self::of(Kinds::INT.or(Kinds::DOUBLE)) }
    }

    /// Any text.
    pub fn text() -> Self {
        Self::of(Kinds::STRING)
    }

    /// Any JSON value.
    pub fn json() -> Self {
        Self::of(Kinds::JSON)
    }

    /// One of some texts.
    pub fn words<'w>(words: impl IntoIterator<Item = &'w str>) -> Self {
        let words = words.into_iter().map(str::to_owned).collect();
        Self { words: Some(Rc::new(words)), ..Self::text() }
    }

    /// A list.
    pub fn list(item: Self) -> Self {
        Self { item: Some(Rc::new(item)), ..Self::of(Kinds::LIST) }
    }

    /// A map of which all fields are known.
    pub fn record(fields: impl IntoIterator<Item = (String, Self)>) -> Self {
        Self { fields: Some(Rc::new(fields.into_iter().collect())), ..Self::of(Kinds::MAP) }
    }

    /// The same, or null.
    #[must_use]
    pub fn or_null(self) -> Self {
        Self { kinds: self.kinds.or(Kinds::NULL), ..self }
    }

    /// A type of which nothing is known, which fits everywhere.
    pub(super) fn any() -> Self {
        Self::of(Kinds::ANY)
    }

    /// The type of a list's items or a map's values.
    pub(super) fn item(&self) -> Self {
        let known = self.items(true).as_deref().cloned();
        known.unwrap_or_else(|| if self.kinds == Kinds::ANY { Self::any() } else { Self::json() })
    }

    /// The type of a map's keys.
    pub(super) fn key(&self) -> Self {
        let known = self.keys(true).as_deref().cloned();
        known.unwrap_or_else(|| if self.kinds == Kinds::ANY { Self::any() } else { Self::text() })
    }

    /// The type of items as far as it is known; `loose` if the fields are not to be told apart.
    fn items(&self, loose: bool) -> Option<Rc<Self>> {
        let fields = self.fields.as_ref().filter(|_| loose);
        fields.map(|_| Rc::new(Self::any())).or_else(|| self.item.clone())
    }

    fn keys(&self, loose: bool) -> Option<Rc<Self>> {
        let fields = self.fields.as_ref().filter(|_| loose);
        let words = fields.map(|f| Rc::new(Self::words(f.keys().map(String::as_str))));
        words.or_else(|| self.key.clone())
    }

    /// The type of what is one or the other.
    #[expect(clippy::needless_pass_by_value, reason = "types are folded with it")]
    pub(super) fn join(self, other: Self) -> Self {
        let (list, map) = (Kinds::LIST.or(Kinds::MAP), Kinds::MAP);
        let has = |kinds: Kinds| (self.kinds.meets(kinds), other.kinds.meets(kinds));
        let words = match has(Kinds::STRING) {
            (true, true) => match (&self.words, &other.words) {
                (Some(a), Some(b)) if Rc::ptr_eq(a, b) => Some(a.clone()),
                (Some(a), Some(b)) => Some(Rc::new(a.union(b).cloned().collect())),
                _ => None,
            },
            (true, false) => self.words.clone(),
            _ => other.words.clone(),
        };
        // Not by `item`, which unfolds JSON without end.
        let part =
            |own: Option<Rc<Self>>, its: Option<Rc<Self>>, kinds: Kinds, none: Self| match has(
                kinds,
            ) {
                (true, true) => match (own, its) {
                    (None, None) => None,
                    (Some(a), Some(b)) if Rc::ptr_eq(&a, &b) => Some(a),
                    (Some(known), None) | (None, Some(known)) => {
                        Some(Rc::new(none.join((*known).clone())))
                    }
                    (Some(a), Some(b)) => Some(Rc::new((*a).clone().join((*b).clone()))),
                },
                (true, false) => own,
                (false, _) => its,
            };
        let fields = match (&self.fields, &other.fields) {
            (Some(a), Some(b)) if Rc::ptr_eq(a, b) => Some(a.clone()),
            (Some(a), None) if !other.kinds.meets(list) => Some(a.clone()),
            (None, Some(b)) if !self.kinds.meets(list) => Some(b.clone()),
            _ => None,
        };
        let kinds = self.kinds.or(other.kinds);
        let (none, no_key) = match kinds {
            Kinds::ANY => (Self::any(), Self::any()),
            _ => (Self::json(), Self::text()),
        };
        let loose = fields.is_none();
        let item = part(self.items(loose), other.items(loose), list, none);
        let key = part(self.keys(loose), other.keys(loose), map, no_key);
        let number = self.number || other.number;
        Self { kinds, number, words, item, key, fields }
    }

    /// Whether no value of this type equals one of the other.
    pub(super) fn never_equals(&self, other: &Self) -> bool {
        if self.kinds.is_empty() || other.kinds.is_empty() {
            return false;
        }
        let numbers = |kinds: Kinds| {
            if kinds.meets(Kinds::NUMBERS) { kinds.or(Kinds::NUMBERS) } else { kinds }
        };
        let common = numbers(self.kinds).and(numbers(other.kinds));
        match (&self.words, &other.words) {
            (Some(a), Some(b)) if common == Kinds::STRING => a.is_disjoint(b),
            _ => common.is_empty(),
        }
    }
}
