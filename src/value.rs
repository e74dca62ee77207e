//! Values that reach a command: any bytes but NUL, and how they are written in JSON.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Number, Value};

/// The largest value that fits one environment string or argument, in bytes (Linux: 128 KiB with name and NUL).
pub const MAX_VALUE: usize = 131_000;

/// Bytes that are a string in JSON where they are UTF-8, and `{"b64": …}` where they are not.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Bytes(pub Vec<u8>);

impl Bytes {
    /// The bytes as text, with what is not UTF-8 replaced: for showing only.
    pub fn shown(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.0)
    }
}

impl std::fmt::Debug for Bytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?}", self.shown())
    }
}

impl<T: Into<Vec<u8>>> From<T> for Bytes {
    fn from(from: T) -> Self {
        Self(from.into())
    }
}

#[derive(Serialize, Deserialize)]
struct B64 {
    b64: String,
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match std::str::from_utf8(&self.0) {
            Ok(text) => to.serialize_str(text),
            Err(_) => B64 { b64: STANDARD.encode(&self.0) }.serialize(to),
        }
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(from)?;
        match &value {
            Value::String(_) | Value::Object(_) => Ok(Self(to_bytes(&value))),
            _ => Err(serde::de::Error::custom("expected a string or {\"b64\": …}")),
        }
    }
}

/// A value for `bytes`: a string where they are UTF-8, else `{"b64": …}`.
pub fn from_bytes(bytes: &[u8]) -> Value {
    match std::str::from_utf8(bytes) {
        Ok(text) => Value::String(text.to_owned()),
        Err(_) => serde_json::json!({ "b64": STANDARD.encode(bytes) }),
    }
}

/// What a command receives for a typed value: strings as they are, the rest as JSON writes it.
pub fn to_bytes(value: &Value) -> Vec<u8> {
    match value {
        Value::String(text) => text.clone().into_bytes(),
        Value::Object(map) if map.len() == 1 => {
            let b64 = map.get("b64").and_then(Value::as_str);
            match b64.and_then(|text| STANDARD.decode(text).ok()) {
                Some(bytes) => bytes,
                None => value.to_string().into_bytes(),
            }
        }
        Value::Null => Vec::new(),
        other => other.to_string().into_bytes(),
    }
}

/// A typed value as text: what a command receives for it, with what is not UTF-8 replaced.
pub fn to_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => String::from_utf8_lossy(&to_bytes(other)).into_owned(),
    }
}

/// How many bytes of what is no text are shown.
const SHOWN: usize = 16;

/// A value as JSON writes it, for people: bytes that are no text are counted, and the first of them shown.
pub fn readable(value: &Value) -> String {
    let bytes = match value {
        Value::Object(map) if map.len() == 1 && map.contains_key("b64") => to_bytes(value),
        Value::Array(all) => {
            return format!("[{}]", all.iter().map(readable).collect::<Vec<_>>().join(","));
        }
        _ => return value.to_string(),
    };
    if std::str::from_utf8(&bytes).is_ok() {
        return value.to_string();
    }
    let first: Vec<String> = bytes.iter().take(SHOWN).map(|byte| format!("{byte:02x}")).collect();
    let count = if bytes.len() == 1 {
        "1 byte that is".into()
    } else {
        format!("{} bytes that are", bytes.len())
    };
    let more = if bytes.len() > SHOWN { " …" } else { "" };
    format!("{count} no text: {}{more}", first.join(" "))
}

/// Whether two JSON values are the same, numbers by what they are worth, exactly and at every depth: `1` is `1.0`.
pub fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => match (whole(one), whole(other)) {
            (None, None) => one.as_f64() == other.as_f64(),
            (one, other) => one == other,
        },
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            let has = |(name, value)| other.get(name).is_some_and(|there| same(value, there));
            one.len() == other.len() && one.iter().all(has)
        }
        _ => one == other,
    }
}

/// A number without a fraction, unless it is larger than any integer of JSON here: then it is only ever a float.
fn whole(number: &Number) -> Option<i128> {
    const BEYOND: f64 = 1e30;
    #[expect(clippy::cast_possible_truncation, reason = "it has no fraction and fits")]
    let exactly =
        |float: f64| (float.fract() == 0.0 && float.abs() < BEYOND).then_some(float as i128);
    number.as_i128().or_else(|| number.as_f64().and_then(exactly))
}

/// Calls `each` with every string in a JSON value, but for the names of its fields.
pub fn strings<'v>(json: &'v Value, each: &mut impl FnMut(&'v str)) {
    match json {
        Value::String(text) => each(text),
        Value::Array(all) => all.iter().for_each(|v| strings(v, each)),
        Value::Object(all) => all.values().for_each(|v| strings(v, each)),
        _ => {}
    }
}

/// A JSON value in which every such string became another value.
pub fn with_strings<E>(
    json: &Value,
    each: &mut impl FnMut(&str) -> Result<Value, E>,
) -> Result<Value, E> {
    Ok(match json {
        Value::String(text) => each(text)?,
        Value::Array(all) => all.iter().map(|v| with_strings(v, each)).collect::<Result<_, _>>()?,
        Value::Object(all) => {
            let field = |(k, v): (&String, &Value)| Ok((k.clone(), with_strings(v, each)?));
            Value::Object(all.iter().map(field).collect::<Result<_, E>>()?)
        }
        other => other.clone(),
    })
}

/// A moment: milliseconds since 1970 in UTC; in JSON as RFC 3339.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Time(pub i64);

impl Time {
    /// This moment and some milliseconds.
    #[must_use]
    pub fn plus(self, ms: u64) -> Self {
        Self(self.0.saturating_add(i64::try_from(ms).unwrap_or(i64::MAX)))
    }

    /// How many milliseconds lie between `earlier` and this; none if it is not earlier.
    pub fn since(self, earlier: Self) -> u64 {
        u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0)
    }
}

impl std::fmt::Display for Time {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let moment = jiff::Timestamp::from_millisecond(self.0).unwrap_or_default();
        write!(f, "{moment:.3}")
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let moment: jiff::Timestamp = text.parse().map_err(serde::de::Error::custom)?;
        Ok(Self(moment.as_millisecond()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_bytes_survive_json() {
        for bytes in [&b"plain"[..], b"", b"\xff\xfe", "é\n".as_bytes()] {
            let text = serde_json::to_string(&Bytes::from(bytes)).unwrap();
            assert_eq!(serde_json::from_str::<Bytes>(&text).unwrap().0, bytes, "{text}");
            assert_eq!(to_bytes(&from_bytes(bytes)), bytes);
        }
    }

    #[test]
    fn a_moment_reads_back_to_the_millisecond() {
        let text = serde_json::to_string(&Time(1_763_726_400_120)).unwrap();
        assert_eq!(text, "\"2025-11-21T12:00:00.120Z\"");
        assert_eq!(serde_json::from_str::<Time>(&text).unwrap(), Time(1_763_726_400_120));
    }

    #[test]
    fn typed_values_reach_a_command_as_json_writes_them() {
        assert_eq!(to_bytes(&serde_json::json!(3)), b"3");
        assert_eq!(to_bytes(&serde_json::json!(true)), b"true");
        assert_eq!(to_bytes(&serde_json::json!(["a"])), b"[\"a\"]");
        assert_eq!(
            to_bytes(&serde_json::json!({"b64": "not base64!"})),
            b"{\"b64\":\"not base64!\"}"
        );
    }

    #[test]
    fn what_is_no_text_is_shown_to_people_byte_by_byte() {
        let shown = |bytes: &[u8]| readable(&from_bytes(bytes));
        assert_eq!(shown(b"\xff\xfe"), "2 bytes that are no text: ff fe");
        assert_eq!(shown(b"\xff"), "1 byte that is no text: ff");
        assert_eq!(shown(b"plain"), "\"plain\"");
        assert!(shown(&[0xff; 40]).starts_with("40 bytes") && shown(&[0xff; 40]).ends_with("ff …"));
        let all = serde_json::json!(["a", from_bytes(b"\xff"), { "b64": "x y" }, 1]);
        assert_eq!(readable(&all), "[\"a\",1 byte that is no text: ff,{\"b64\":\"x y\"},1]");
    }

    fn is_same(one: &str, other: &str) -> bool {
        let read = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        let (one, other) = (read(one), read(other));
        assert_eq!(same(&one, &other), same(&other, &one), "{one} and {other}");
        same(&one, &other)
    }

    #[test]
    fn numbers_are_the_same_only_exactly() {
        assert!(is_same("1234567890123456789", "1234567890123456789"));
        assert!(!is_same("1234567890123456789", "1234567890123457000"));
        // The float nearest to the first is the second.
        assert!(!is_same("9007199254740993", "9007199254740992.0"));
        assert!(is_same("9007199254740992", "9007199254740992.0"));
        assert!(!is_same("18446744073709551615", "-1"));
        assert!(!is_same("18446744073709551615", "18446744073709551616.0"));
        assert!(is_same("18446744073709551616", "18446744073709551616.0"));
        assert!(is_same("-0.0", "0") && is_same("1e3", "1000") && is_same("1e300", "1.0e300"));
        assert!(!is_same("1.0000000000000002", "1") && !is_same("0.1", "0.10000000000000002"));
        assert!(!is_same("1", "true") && !is_same("1", "\"1\""));
    }

    proptest::proptest! {
        #[test]
        fn integers_are_the_same_if_they_are_equal_at_any_depth(
            one: i64, other: u64, near in -2_i128..3, depth in 0_usize..4,
        ) {
            let nest = |text: String| (0..depth).fold(text, |t, n| match n % 2 {
                0 => format!("[{t}]"),
                _ => format!("{{\"v\":{t}}}"),
            });
            let pairs = [(i128::from(one), i128::from(other)), (one.into(), i128::from(one) + near)];
            for (one, other) in pairs {
                let fits = i64::try_from(other).is_ok() || u64::try_from(other).is_ok();
                let seen = is_same(&nest(one.to_string()), &nest(other.to_string()));
                proptest::prop_assert!(!fits || seen == (one == other), "{one} {other}");
            }
            #[expect(clippy::cast_precision_loss, reason = "it shall be a float")]
            let float = one as f64;
            let exact = format!("{float:.0}").parse() == Ok(one);
            proptest::prop_assert_eq!(is_same(&nest(one.to_string()), &nest(format!("{float:.1}"))), exact);
        }
    }
}
