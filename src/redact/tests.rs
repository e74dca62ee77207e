//! No form of a secret survives, wherever the stream is cut; everything else does, to the byte.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use proptest::prelude::*;

use super::*;

fn masks(values: &[&str]) -> Masks {
    let secrets = values.iter().enumerate();
    let secrets: Vec<Secret> =
        secrets.map(|(n, v)| Secret { name: format!("S{n}"), value: (*v).into() }).collect();
    Masks::new(&secrets).unwrap()
}

/// The text after the filter, cut at these places.
fn filtered(masks: &Masks, text: &[u8], cuts: &[usize]) -> Vec<u8> {
    let mut redactor = Redactor::new(masks.clone());
    let mut out = Vec::new();
    let mut rest = text;
    for cut in cuts {
        if rest.is_empty() {
            break;
        }
        let (piece, more) = rest.split_at(cut % (rest.len() + 1));
        out.extend(redactor.push(piece));
        rest = more;
    }
    out.extend(redactor.push(rest));
    out.extend(redactor.finish());
    out
}

fn has(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}

/// The usual encodings, written another way than in the code.
fn encoded(secret: &str) -> Vec<String> {
    let each = |f: &dyn Fn(u8) -> String| secret.bytes().map(f).collect::<Vec<_>>().concat();
    let percent = |kept: &str, byte: u8| {
        let plain = byte.is_ascii_alphanumeric() || kept.as_bytes().contains(&byte);
        if plain { (byte as char).to_string() } else { format!("%{byte:02X}") }
    };
    let json = serde_json::to_string(secret).unwrap();
    let json = json[1..json.len() - 1].to_owned();
    let twice = serde_json::to_string(&json).unwrap();
    let wrapped = |width: usize, text: &str| {
        let letters: Vec<char> = text.chars().collect();
        letters.chunks(width).map(|c| c.iter().collect::<String>()).collect::<Vec<_>>().join("\n")
    };
    vec![
        secret.to_owned(),
        STANDARD.encode(secret),
        wrapped(7, &STANDARD.encode(secret)),
        wrapped(60, &each(&|b| format!("{b:02x}"))),
        each(&|b| format!("{b:02X}")),
        secret.bytes().map(|b| format!("{b:02x}")).collect::<Vec<_>>().join(":"),
        each(&|b| percent("-_.~", b)),
        each(&|b| if b.is_ascii_alphanumeric() { percent("", b) } else { format!("%{b:02x}") }),
        each(&|b| percent("-_.!~*'()", b)),
        each(&|b| format!("%{b:02x}")),
        each(&|b| percent("*-._ ", b)).replace(' ', "+"),
        json.clone(),
        json.replace('/', "\\/"),
        twice[1..twice.len() - 1].to_owned(),
        secret.encode_utf16().map(|u| format!("\\u{u:04x}")).collect::<Vec<_>>().concat(),
        secret.replace('\'', r"'\''"),
        secret.replace('\\', r"\\").replace('\'', r"\'").replace('\n', "\\n").replace('\t', "\\t"),
        secret.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;"),
    ]
}

/// Secrets as they are in the world: tokens, passwords with anything in them, several lines.
fn a_secret() -> impl Strategy<Value = String> {
    let any = prop_oneof![
        "[A-Za-z0-9_-]{6,40}",
        "[ -~]{8,24}",
        "[a-z0-9!-/]{6,12}\n[A-Za-z0-9+/=]{8,70}\n[ -~]{6,20}",
        "[a-zé€😀]{6,12}",
    ];
    any.prop_filter("fit", |value| {
        unfit(value.as_bytes()).is_none() && !value.contains("secret") && value.trim() == value
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    // Ten at once, five thousand in all.
    #[test]
    fn no_form_survives(
        secrets in prop::collection::vec(a_secret(), 10),
        around in ("[ -~]{0,5}", "[ -~]{0,5}"),
        cuts in prop::collection::vec(0_usize..60, 0..60),
    ) {
        let masks = masks(&secrets.iter().map(String::as_str).collect::<Vec<_>>());
        for secret in &secrets {
            for form in encoded(secret) {
                let text = format!("\u{1}{form}\u{2}");
                let out = String::from_utf8(filtered(&masks, text.as_bytes(), &cuts)).unwrap();
                prop_assert!(out.starts_with("\u{1}[secret S") && out.ends_with('\u{2}'), "{text:?} {out:?}");
                prop_assert!(!out.contains(&form) && !out.contains(secret), "{text:?} {out:?}");
            }
            let whole = format!("{}{secret}{}", around.0, around.1);
            let before = around.0.len() % 3;
            let form = STANDARD.encode(&whole);
            let url = URL_SAFE_NO_PAD.encode(&whole);
            // What no neighbour has a bit of.
            let core = STANDARD.encode(&whole.as_bytes()[around.0.len() - before..]);
            let core = &core[(8 * before).div_ceil(6)..8 * (before + secret.len()) / 6];
            for text in [form, url] {
                let out = filtered(&masks, text.as_bytes(), &cuts);
                prop_assert!(!has(&out, core.as_bytes()) && has(&out, b"[secret S"), "{text} {secret:?}");
            }
        }
    }

    #[test]
    fn all_else_stays_to_the_byte(
        bytes in prop::collection::vec(any::<u8>(), 0..300),
        text in "([ -~]{0,60}\n{0,7}){0,9}",
        secrets in prop::collection::vec("[\u{4e00}-\u{4e2d}]{9,12}", 1..4),
        cuts in prop::collection::vec(0_usize..90, 0..9),
    ) {
        let masks = masks(&secrets.iter().map(String::as_str).collect::<Vec<_>>());
        for text in [bytes, text.into_bytes()] {
            prop_assert_eq!(filtered(&masks, &text, &cuts), text);
        }
    }

    #[test]
    fn what_overlaps_is_one(
        secrets in prop::collection::vec("[ab]{2,5}", 1..4),
        text in "([ab]{1,9}(\r?\n){0,2}){0,12}",
        cuts in prop::collection::vec(0_usize..9, 0..20),
    ) {
        let same: Vec<Secret> = secrets.iter()
            .map(|value| Secret { name: "S".to_owned(), value: value.as_str().into() })
            .collect();
        let masks = Masks::new(&same).unwrap();
        let out = filtered(&masks, text.as_bytes(), &cuts);
        prop_assert_eq!(String::from_utf8(out).unwrap(), naively(&secrets, &text));
    }
}

/// The same without a stream: every place of every value is marked, and each stretch of marks is one mask.
fn naively(secrets: &[String], text: &str) -> String {
    let seen: Vec<usize> = (0..text.len()).filter(|at| !is_break(text.as_bytes()[*at])).collect();
    let plain: String = seen.iter().map(|at| text.as_bytes()[*at] as char).collect();
    let mut places = Vec::new();
    for secret in secrets {
        let all = (0..plain.len()).filter(|at| plain[*at..].starts_with(secret.as_str()));
        places.extend(all.map(|at| (seen[at], seen[at + secret.len() - 1] + 1)));
    }
    places.sort_unstable();
    let mut merged: Vec<(usize, usize)> = Vec::new();
    for (start, end) in places {
        match merged.last_mut() {
            Some(last) if start < last.1 => last.1 = last.1.max(end),
            _ => merged.push((start, end)),
        }
    }
    let mut out = String::new();
    let mut at = 0;
    for (start, end) in merged {
        out.push_str(&text[at..start]);
        out.push_str("[secret S]");
        at = end;
    }
    out + &text[at..]
}

#[test]
fn only_what_may_be_the_beginning_waits() {
    let mut redactor = Redactor::new(masks(&["hunter-22"]));
    assert_eq!(redactor.push(b"password: hunt"), b"password: ");
    assert_eq!(redactor.push(b"ing"), b"hunting");
    assert_eq!(redactor.push(b"\nhunter-2"), b"\n");
    assert_eq!(redactor.push(b"2 ok"), b"[secret S0] ok");
    assert_eq!(redactor.push(b"hunter"), b"");
    assert_eq!(redactor.finish(), b"hunter");
}

#[test]
fn what_is_masked_goes_on_without_end_in_little_memory() {
    let mut redactor = Redactor::new(masks(&["abababab"]));
    let mut out = Vec::new();
    for _ in 0..1_000 {
        out.extend(redactor.push(&b"ab".repeat(100)));
        assert!(redactor.held() < 100);
    }
    out.extend(redactor.push(&b"a".repeat(3)));
    out.extend(redactor.push(&b"\n".repeat(10_000)));
    assert!(redactor.held() < 100);
    out.extend(redactor.finish());
    assert_eq!(out.strip_suffix(&b"\n".repeat(10_000)[..]), Some(&b"[secret S0]aaa"[..]));
}

#[test]
fn a_mask_is_known_for_what_it_was() {
    let masks = masks(&["correct horse"]);
    assert_eq!(masks.hide(b"[secret S0] correct horse"), b"[secret S0] [secret S0]");
    assert_eq!(masks.find(b"a [secret S0]"), Some("S0"));
    assert_eq!(masks.find(b"Y29ycmVjdCBob3JzZQ=="), Some("S0"));
    assert_eq!(masks.find(b"a \"correct horse\" b"), Some("S0"));
    assert_eq!(masks.find(b"correct ones, and horses"), None);
}

#[test]
fn a_secret_does_not_show_itself() {
    let secret = Secret { name: "TOKEN".to_owned(), value: "correct horse".into() };
    assert_eq!(format!("{secret:?}"), "[secret TOKEN]");
    assert!(!format!("{:?}", Masks::new(&[secret]).unwrap()).contains("correct"));
}
