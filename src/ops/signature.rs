//! Signatures over the end of a record, by the system's `ssh-keygen`: so anybody can check them without us.

use std::ffi::OsString;
use std::path::Path;

use super::Error;
use super::verify::{Signature, Signers};

/// What our signatures are for: one made for another purpose does not count.
const NAMESPACE: &str = "ostler";

/// What is signed: the sum of the last line, as a line.
fn message(head: &str) -> String {
    format!("{head}\n")
}

fn ssh_keygen(words: &[OsString], message: String) -> Result<std::process::Output, Error> {
    let command = duct::cmd("ssh-keygen", words).stdin_bytes(message);
    command.stdout_capture().stderr_capture().unchecked().run().map_err(|error| {
        Error::NotNow(format!("ssh-keygen (package openssh-client) could not be started: {error}"))
    })
}

/// The first line of what it said.
fn words_of(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).lines().next().unwrap_or_default().trim().to_owned()
}

/// Signs a head with a key: the signature's text.
pub(super) fn sign(key: &Path, head: &str) -> Result<Vec<u8>, Error> {
    let words = ["-Y", "sign", "-n", NAMESPACE, "-f"].map(OsString::from);
    let words = [&words[..], &[key.into()]].concat();
    let output = ssh_keygen(&words, message(head))?;
    if !output.status.success() {
        let why = words_of(&output.stderr);
        return Err(Error::NotNow(format!("the head could not be signed: {why}")));
    }
    Ok(output.stdout)
}

/// Whether one of the signers signed a head.
pub(super) fn check(signature: &Path, signers: &Signers, head: &str) -> Result<Signature, Error> {
    let words = ["-Y", "verify", "-n", NAMESPACE, "-f"].map(OsString::from);
    let more: [OsString; 5] = [
        (&signers.file).into(),
        "-I".into(),
        (&signers.identity).into(),
        "-s".into(),
        signature.into(),
    ];
    let output = ssh_keygen(&[&words[..], &more].concat(), message(head))?;
    Ok(if output.status.success() {
        Signature::Good(words_of(&output.stdout))
    } else {
        let said = [output.stderr, output.stdout].map(|bytes| words_of(&bytes));
        let why = said.into_iter().find(|words| !words.is_empty()).unwrap_or_default();
        Signature::Bad(why)
    })
}
