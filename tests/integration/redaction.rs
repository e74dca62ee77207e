//! Random secrets in every encoding and in pieces that end anywhere: none is stored, shown or on a command line.

use std::fmt::Write as _;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};

use aho_corasick::AhoCorasick;

use crate::secrets::{forms, nowhere};
use crate::support::{Ran, Test};

/// Every form of some secrets, written in pieces that end anywhere.
const WRITES: &str = r#"
import base64, html, json, os, random, shlex, sys, urllib.parse as u
rng = random.Random(os.environ["SEED"])
out = ""
for name in os.environ["NAMES"].split():
    t = os.environ[name]
    b = t.encode()
    forms = [t, b.hex(), b.hex().upper(), b.hex(":"), u.quote(t), u.quote(t, safe=""), u.quote_plus(t), json.dumps(t),
        json.dumps(json.dumps(t)), t.replace("'", "'\\''"), shlex.quote(t), html.escape(t), base64.encodebytes(b * 9).decode()]
    forms += [f(b"xyz"[:n] + b + b"xyz"[:m]).decode() for f in (base64.b64encode, base64.urlsafe_b64encode) for n in range(3) for m in range(3)]
    forms += ["".join("%%%02x" % x for x in b), "".join("\\u%04x" % x for x in b), "".join("\\x%02x" % x for x in b)]
    rng.shuffle(forms)
    out += "\n<" + ">\n<".join(forms) + ">"
data = out.encode()
while data:
    n = rng.choice([1, 2, 3, 7, 40, 1000, 5000])
    os.write(rng.choice([1, 2]) if n > 40 else 1, data[:n])
    data = data[n:]
"#;

/// So many steps with so many secrets each: `OSTLER_SECRETS=100` makes it five thousand in all.
#[test]
fn random_secrets_are_nowhere_to_be_seen() {
    const EACH: usize = 50;
    let steps: usize = std::env::var("OSTLER_SECRETS").map_or(4, |n| n.parse().unwrap());
    let mut seed = 0x2545_f491_4f6c_dd1d_u64;
    let mut random = move |below: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        usize::try_from(seed >> 33).unwrap() % below
    };
    let mut letters = |all: &[u8], length: usize| -> String {
        (0..length).map(|_| all[random(all.len())] as char).collect()
    };
    let printed: Vec<u8> = (b'!'..=b'~').collect();
    let mut text = String::new();
    let mut secrets = Vec::new();
    for step in 0..steps {
        let first = secrets.len();
        for n in 0..EACH {
            let plain = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
            let value = match n % 3 {
                0 => letters(plain, 8 + n),
                1 => letters(&printed, 8 + n / 2),
                _ => format!("{} {}", letters(&printed, 8), letters(plain, 8)),
            };
            secrets.push(value);
        }
        let names: Vec<String> = (first..secrets.len()).map(|n| format!("S{n}")).collect();
        let sources: Vec<String> =
            names.iter().map(|n| format!("{n} = {{ env = 'SRC_{n}' }}")).collect();
        write!(
            text,
            "[[steps]]\nid = 's{step}'\nenv = {{ NAMES = '{}', SEED = '{step}' }}\nsecrets = {{ {} }}\nargv = ['python3', 'writes.py']\n",
            names.join(" "),
            sources.join(", ")
        )
        .unwrap();
    }
    let test = Test::with("v", &text).file("writes.py", WRITES);
    let mut command: Command = test.command(&["run", "v", "--verbose"]);
    command.envs(secrets.iter().enumerate().map(|(n, value)| (format!("SRC_S{n}"), value)));
    let needles: Vec<String> = secrets.iter().flat_map(|secret| forms(secret)).collect();
    let finder = AhoCorasick::new(&secrets).unwrap();
    let over = AtomicBool::new(false);
    let ran = std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                for entry in std::fs::read_dir("/proc").unwrap().flatten() {
                    let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
                    assert!(finder.find(&line).is_none(), "a secret is in {:?}", entry.path());
                }
            }
        });
        let ran = Ran::new(&command.output().unwrap());
        over.store(true, Ordering::Relaxed);
        ran
    });
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    nowhere(&test, &ran, &needles);
}
