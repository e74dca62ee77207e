//! Which values cannot be masked: too short, or so common that ordinary text would go with them.

use super::is_break;

/// The least bytes of a secret, line breaks aside. Five letters or digits occur by chance: in dates, sizes, words.
const LEAST: usize = 6;

/// The most bytes of a secret: every form of it is looked for.
pub const MAX_SECRET: usize = 16 * 1024;

/// Texts that people and tools write every day.
const COMMON: &[&str] = &[
    "000000",
    "012345",
    "0123456789",
    "111111",
    "123123",
    "123456",
    "1234567",
    "12345678",
    "123456789",
    "1234567890",
    "abc123",
    "abcdef",
    "admin123",
    "administrator",
    "changeit",
    "changeme",
    "default",
    "disabled",
    "enabled",
    "example",
    "failed",
    "foobar",
    "hunter2",
    "letmein",
    "localhost",
    "master",
    "passed",
    "passphrase",
    "passw0rd",
    "password",
    "password1",
    "placeholder",
    "private",
    "production",
    "public",
    "qwerty",
    "qwertyuiop",
    "replaceme",
    "secret",
    "secrets",
    "staging",
    "string",
    "undefined",
    "unknown",
    "username",
    "welcome",
];

/// Why a value cannot serve as a secret, if so.
pub fn unfit(value: &[u8]) -> Option<String> {
    if value.len() > MAX_SECRET {
        let size = value.len();
        return Some(format!("{size} bytes are too many to be masked: at most {MAX_SECRET}"));
    }
    if value.contains(&0) {
        return Some("it holds a NUL byte, which no variable can".to_owned());
    }
    let seen: Vec<u8> = value.iter().copied().filter(|byte| !is_break(*byte)).collect();
    if seen.len() < LEAST {
        return Some(format!("too short to be masked: a secret has at least {LEAST} bytes"));
    }
    is_ordinary(&seen).then(|| {
        "too common to be masked: ordinary output would be blanked; choose another value".to_owned()
    })
}

/// Whether a text of some length is one that ordinary output holds.
pub(super) fn is_ordinary(text: &[u8]) -> bool {
    let same = text.windows(2).all(|pair| pair[0] == pair[1]);
    same || COMMON.iter().any(|word| text.eq_ignore_ascii_case(word.as_bytes()))
}

/// Whether one line of a secret is looked for by itself.
pub(super) fn is_fit(line: &[u8]) -> bool {
    line.len() >= LEAST && !is_ordinary(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ordinary_output_holds_is_no_secret() {
        for value in
            ["", "12345", "Password", "TRUE", "null", "aaaaaaaaaaaa", "123456", "a\nb\nc\nd"]
        {
            assert!(unfit(value.as_bytes()).is_some(), "{value}");
        }
        for value in ["x7f-q2", "482913", "correct horse", "Password!"] {
            assert_eq!(unfit(value.as_bytes()), None, "{value}");
        }
        assert!(unfit(b"abc\0defgh").unwrap().contains("NUL"));
        assert!(unfit(&vec![b'x'; MAX_SECRET + 1]).unwrap().contains("too many"));
    }
}
