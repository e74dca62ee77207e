//! The forms in which a value may turn up: as it is, and as the usual encodings write it.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};

use super::strength::is_fit;

/// How a byte is written where it does not stand for itself.
type Escape<'e> = &'e dyn Fn(u8) -> Option<String>;

/// Every form of a value, and of each of its lines.
pub(super) fn forms(value: &[u8]) -> BTreeSet<Vec<u8>> {
    let mut all = BTreeSet::new();
    let lines = value.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    for text in lines.filter(|line| is_fit(line)).chain([value]) {
        let mut own = BTreeSet::from([text.to_vec()]);
        base64(text, &mut own);
        hex(text, &mut own);
        percent(text, &mut own);
        json(text, &mut own);
        shell(text, &mut own);
        markup(text, &mut own);
        doubled(text, &mut own);
        // One in the other: a log in JSON of what a shell says it runs.
        let outer: Vec<Vec<u8>> = own.iter().flat_map(|form| quoted_again(form)).collect();
        all.extend(own.into_iter().chain(outer));
    }
    all
}

/// What quoting makes of a form that is quoted already.
fn quoted_again(form: &[u8]) -> Vec<Vec<u8>> {
    if !form.iter().any(|byte| b"'\"\\".contains(byte)) {
        return Vec::new();
    }
    let json = std::str::from_utf8(form).map(|text| json_text(text, "", false, false).into_bytes());
    json.into_iter().chain([escaped(form, &|byte| single(byte, r"'\''"))]).collect()
}

/// A single quote written in another way.
fn single(byte: u8, written: &str) -> Option<String> {
    (byte == b'\'').then(|| written.to_owned())
}

/// Quotes that are doubled, as in CSV and SQL.
fn doubled(text: &[u8], all: &mut BTreeSet<Vec<u8>>) {
    all.insert(escaped(text, &|byte| (byte == b'"').then(|| "\"\"".to_owned())));
    all.insert(escaped(text, &|byte| single(byte, "''")));
}

fn escaped(text: &[u8], escape: Escape<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for byte in text {
        match escape(*byte) {
            Some(written) => out.extend_from_slice(written.as_bytes()),
            None => out.push(*byte),
        }
    }
    out
}

/// Base64 by itself, and in the three ways in which it can lie in something larger.
fn base64(text: &[u8], all: &mut BTreeSet<Vec<u8>>) {
    for engine in [&STANDARD, &URL_SAFE] {
        let line = [text, b"\n"].concat();
        all.extend([text, &line].map(|whole| engine.encode(whole).into_bytes()));
        for before in 0..3 {
            let around = [&[0; 3][..before], text].concat();
            // Only those characters that no neighbour has a bit of.
            let whole = (8 * before).div_ceil(6)..8 * around.len() / 6;
            all.extend(engine.encode(&around).as_bytes().get(whole).map(<[u8]>::to_vec));
        }
    }
}

/// Hexadecimal, in one or with something between the bytes.
fn hex(text: &[u8], all: &mut BTreeSet<Vec<u8>>) {
    for (first, between) in
        [("", ""), ("", ":"), ("", " "), ("%", "%"), ("\\x", "\\x"), ("0x", ", 0x")]
    {
        let lower: Vec<String> = text.iter().map(|byte| format!("{byte:02x}")).collect();
        let upper: Vec<String> = lower.iter().map(|digits| digits.to_uppercase()).collect();
        all.extend(
            [lower, upper].map(|digits| (first.to_owned() + &digits.join(between)).into_bytes()),
        );
    }
}

/// Percent-encoding, by the sets of characters that different programs leave as they are.
fn percent(text: &[u8], all: &mut BTreeSet<Vec<u8>>) {
    // RFC 3986; Python's `quote`; JavaScript's `encodeURIComponent` and `encodeURI`; forms; curl's paths.
    for kept in
        ["", "-_.~", "-_.~/", "-_.!~*'()", "-_.!~*'();,/?:@&=+$#", "*-._ ", "-_.~!$&'()*+,;=:@"]
    {
        for upper in [true, false] {
            let escape = |byte: u8| {
                let plain = byte.is_ascii_alphanumeric() || kept.as_bytes().contains(&byte);
                let written = if upper { format!("%{byte:02X}") } else { format!("%{byte:02x}") };
                (!plain).then_some(written)
            };
            let written = escaped(text, &escape);
            // A form writes a space as `+`.
            all.insert(escaped(&written, &|byte| (byte == b' ').then(|| "+".to_owned())));
        }
    }
}

/// The texts of JSON.
fn json(text: &[u8], all: &mut BTreeSet<Vec<u8>>) {
    let Ok(text) = std::str::from_utf8(text) else { return };
    for plain in ["", "/", "<>&", "<>&'", "<>&'\"/"] {
        for (ascii, upper) in [(false, false), (true, false), (true, true)] {
            all.insert(json_text(text, plain, ascii, upper).into_bytes());
        }
    }
    for upper in [false, true] {
        all.insert(
            text.encode_utf16().map(|unit| unicode(unit, upper)).collect::<String>().into_bytes(),
        );
    }
}

fn unicode(unit: u16, upper: bool) -> String {
    if upper { format!("\\u{unit:04X}") } else { format!("\\u{unit:04x}") }
}

/// A text as JSON writes it; `also` are escaped as well: `/` by a backslash, others by number.
fn json_text(text: &str, also: &str, ascii: bool, upper: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '/' if also.contains('/') => out.push_str("\\/"),
            letter if also.contains(letter) => out.push_str(&unicode(letter as u16, upper)),
            '"' | '\\' => out.extend(['\\', letter]),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\x08' => out.push_str("\\b"),
            '\x0c' => out.push_str("\\f"),
            letter
                if letter < ' ' || (ascii && !letter.is_ascii()) || letter == '\x7f' && ascii =>
            {
                let mut units = [0; 2];
                letter
                    .encode_utf16(&mut units)
                    .iter()
                    .for_each(|unit| out.push_str(&unicode(*unit, upper)));
            }
            letter => out.push(letter),
        }
    }
    out
}

/// The quotings of shells and of programs that write for them.
fn shell(text: &[u8], all: &mut BTreeSet<Vec<u8>>) {
    let backslash = |these: &'static str| {
        move |byte: u8| these.as_bytes().contains(&byte).then(|| format!("\\{}", byte as char))
    };
    all.insert(escaped(text, &|byte| single(byte, r"'\''")));
    all.insert(escaped(text, &|byte| single(byte, r#"'"'"'"#)));
    for these in ["\"$`\\", "\"$`\\!", "\"\\", "'\\"] {
        all.insert(escaped(text, &backslash(these)));
    }
    // `printf %q` of bash, Ruby's Shellwords, Perl's quotemeta.
    for plain in ["#%+-./:=@_~", "%+,-./:=@^_~#", "_-.,:+/@", "_"] {
        let escape = |byte: u8| {
            let plain = byte.is_ascii_alphanumeric() || plain.as_bytes().contains(&byte);
            (!plain && byte.is_ascii()).then(|| format!("\\{}", byte as char))
        };
        all.insert(escaped(text, &escape));
    }
    for (quoted, octal) in
        [("'\\", true), ("'\\", false), ("'\"\\", true), ("\"\\", false), ("\\", false)]
    {
        all.insert(escaped(text, &|byte| c_escape(byte, quoted, octal)));
    }
}

/// The escapes of C, as `$'…'` has them; bytes that do not print in octal or in hexadecimal.
fn c_escape(byte: u8, quoted: &str, octal: bool) -> Option<String> {
    let named = match byte {
        b'\n' => "\\n",
        b'\t' => "\\t",
        b'\r' => "\\r",
        0x07 if octal => "\\a",
        0x08 if octal => "\\b",
        0x0b if octal => "\\v",
        0x0c if octal => "\\f",
        0x1b if octal => "\\E",
        byte if quoted.as_bytes().contains(&byte) => return Some(format!("\\{}", byte as char)),
        b' '..=b'~' => return None,
        byte if octal => return Some(format!("\\{byte:03o}")),
        byte => return Some(format!("\\x{byte:02x}")),
    };
    Some(named.to_owned())
}

/// HTML and XML.
fn markup(text: &[u8], all: &mut BTreeSet<Vec<u8>>) {
    for (double, single) in [
        ("", ""),
        ("&quot;", ""),
        ("&quot;", "&#39;"),
        ("&quot;", "&#x27;"),
        ("&quot;", "&apos;"),
        ("&#34;", "&#39;"),
    ] {
        let escape = |byte: u8| {
            let mut written = String::new();
            let _ = match byte {
                b'&' => write!(written, "&amp;"),
                b'<' => write!(written, "&lt;"),
                b'>' => write!(written, "&gt;"),
                b'"' => write!(written, "{double}"),
                b'\'' => write!(written, "{single}"),
                _ => Ok(()),
            };
            (!written.is_empty()).then_some(written)
        };
        all.insert(escaped(text, &escape));
    }
}
