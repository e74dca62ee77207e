//! Spans of time: how they are written, kept and shown.

use serde::{Deserialize, Serialize};

use crate::diagnostic::printable;

/// A span of time in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Millis(pub u64);

impl Millis {
    /// Parses `90s`, `5m`, `1h30m`, `500ms`, `2d`; at most a year, more than nothing.
    pub fn parse(text: &str) -> Result<Self, String> {
        Self::within(text, 366, "a year")
    }

    /// Parses how long something is kept; at most a century.
    pub fn parse_age(text: &str) -> Result<Self, String> {
        Self::within(text, 36_525, "100 years")
    }

    fn within(text: &str, days: u64, most: &str) -> Result<Self, String> {
        let bad =
            || format!("`{}` is not a duration such as `90s`, `5m` or `1h30m`", printable(text));
        let span: jiff::Span = text.parse().map_err(|_| bad())?;
        let length =
            span.to_duration(jiff::SpanRelativeTo::days_are_24_hours()).map_err(|_| bad())?;
        match u64::try_from(length.as_millis()) {
            Ok(0) | Err(_) => Err("a duration must be longer than nothing".to_owned()),
            Ok(ms) if ms > days * 86_400_000 => Err(format!("a duration may be {most} at most")),
            Ok(ms) => Ok(Self(ms)),
        }
    }

    /// The span as the standard library has it.
    pub fn duration(self) -> std::time::Duration {
        std::time::Duration::from_millis(self.0)
    }
}

impl std::fmt::Display for Millis {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (ms, s) = (self.0 % 1_000, self.0 / 1_000);
        match (s / 3_600, s / 60 % 60, s % 60, ms) {
            (0, 0, 0, ms) => write!(f, "{ms}ms"),
            (0, 0, s, 0) => write!(f, "{s}s"),
            (0, 0, s, ms) => write!(f, "{s}.{}s", ms / 100),
            (0, m, 0, _) => write!(f, "{m}m"),
            (0, m, s, _) => write!(f, "{m}m{s}s"),
            (h, 0, 0, 0) if h % 24 == 0 => write!(f, "{}d", h / 24),
            (h, 0, 0, _) => write!(f, "{h}h"),
            (h, m, _, _) => write!(f, "{h}h{m}m"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_units_and_limits() {
        for (text, ms) in
            [("90s", 90_000), ("1h30m", 5_400_000), ("500ms", 500), ("2d", 172_800_000)]
        {
            assert_eq!(Millis::parse(text).unwrap().0, ms, "{text}");
        }
        for bad in ["", "90", "0s", "-5s", "1000d", "soon"] {
            assert!(Millis::parse(bad).is_err(), "{bad}");
        }
        assert_eq!(Millis::parse_age("1000d").unwrap().to_string(), "1000d");
        assert!(Millis::parse_age("40000d").is_err());
    }
}
