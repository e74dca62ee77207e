//! Values on their way to an attempt on a host, and from it: files beside its claim.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::ask::AskError;
use super::hosts::Hosts;
use super::remote::Remote;
use crate::plan::hex;
use crate::redact::Secret;
use crate::run::{NoConnection, Outcome};
use crate::value::Bytes;

/// One byte more than outputs may have, which tells that there are too many.
const OUTPUTS: u64 = 16 * 1024 * 1024 + 1;

/// How often the sum of secrets is summed up again.
const ROUNDS: u32 = 10_000;

/// What a file is called here, and what there.
type Names = Vec<(Vec<u8>, Vec<u8>)>;

/// Writes values to files of the host.
pub(in crate::action) async fn hand_over(
    hosts: &Hosts,
    on: &Remote,
    values: &[(PathBuf, Bytes)],
) -> Result<Names, Outcome> {
    let mut names = Vec::new();
    for (nth, (path, value)) in values.iter().enumerate() {
        let file = format!("{}.value-{nth}", on.file_name());
        let script = "take \"$bytes\" >\"$S/$1\" && printf %s \"$S/$1\"";
        let said = hosts.ask(&on.host, script, &[file.as_bytes()], &value.0).await;
        let said = said.map_err(unreached)?;
        if said.code != 0 {
            let said = "a value's file cannot be written there".to_owned();
            return Err(Outcome::NoConnection { why: NoConnection::DiskFull, said });
        }
        names.push((path.as_os_str().as_bytes().to_vec(), said.stdout));
    }
    Ok(names)
}

/// The end of an attempt that could not be prepared on its host.
fn unreached(error: AskError) -> Outcome {
    match error {
        AskError::Unreached(why) => Outcome::NoConnection { why: why.why, said: why.said },
        AskError::Dropped(why) => {
            Outcome::NoConnection { why: NoConnection::Unreachable, said: why.to_string() }
        }
    }
}

/// Writes down beside an attempt's claim which secrets it is given: a sum that tells others from them.
pub(in crate::action) async fn seal(
    hosts: &Hosts,
    on: &Remote,
    secrets: &[Secret],
) -> Result<(), Outcome> {
    let file = format!("{}.secrets", on.file_name());
    let sum = sum(on, secrets);
    let script = "printf %s \"$2\" >\"$S/$1\"";
    match hosts.ask(&on.host, script, &[file.as_bytes(), sum.as_bytes()], &[]).await {
        Ok(said) if said.code == 0 => Ok(()),
        Ok(_) => {
            let said = "what tells its secrets from others cannot be written there".to_owned();
            Err(Outcome::NoConnection { why: NoConnection::DiskFull, said })
        }
        Err(error) => Err(unreached(error)),
    }
}

/// Whether these are the secrets that an attempt was given, or it was given none at all.
pub(in crate::action) async fn is_sealed(
    hosts: &Hosts,
    on: &Remote,
    secrets: &[Secret],
) -> Result<bool, AskError> {
    let file = format!("{}.secrets", on.file_name());
    let script = "[ -e \"$S/$1\" ] || exit 3; head -c 100 <\"$S/$1\"";
    let said = hosts.ask(&on.host, script, &[file.as_bytes()], &[]).await?;
    Ok(said.code == 3 || (said.code == 0 && said.stdout == sum(on, secrets).as_bytes()))
}

/// A sum of secrets, another one for each attempt, and slow enough that nobody guesses them by it.
fn sum(on: &Remote, secrets: &[Secret]) -> String {
    let mut sum = Sha256::digest(on.file_name());
    for secret in secrets {
        let value = Sha256::digest(&secret.value.0);
        sum = Sha256::new()
            .chain_update(sum)
            .chain_update(&secret.name)
            .chain_update(value)
            .finalize();
    }
    for _ in 0..ROUNDS {
        sum = Sha256::digest(sum);
    }
    hex(&sum)
}

/// Puts the host's names of files into a word for ours, which are long and of this attempt only.
pub(in crate::action) fn rename(word: &mut Bytes, names: &Names) {
    for (ours, theirs) in names {
        let mut from = 0;
        while let Some(at) = word.0[from..].windows(ours.len()).position(|part| part == ours) {
            word.0.splice(from + at..from + at + ours.len(), theirs.iter().copied());
            from += at + theirs.len();
        }
    }
}

/// Copies what an attempt wrote to `$OSTLER_OUTPUT` to a file here. The error is for the report.
pub(in crate::action) async fn fetch_outputs(
    hosts: &Hosts,
    on: &Remote,
    to: &Path,
) -> Result<(), String> {
    let script = format!(
        "[ -e \"$S/$1.values\" ] || exit 3; [ -f \"$S/$1.values\" ] && [ ! -h \"$S/$1.values\" ] || exit 4; \
         head -c {OUTPUTS} <\"$S/$1.values\""
    );
    let said = hosts.ask(&on.host, &script, &[on.file_name().as_bytes()], &[]).await;
    let said = said.map_err(|error| format!("the outputs cannot be read: {error}"))?;
    match said.code {
        0 => std::fs::write(to, said.stdout)
            .map_err(|error| format!("the outputs cannot be kept: {error}")),
        3 => Ok(()),
        4 => Err("$OSTLER_OUTPUT is no longer a file".to_owned()),
        _ => Err("the outputs cannot be read".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_secrets_have_another_sum() {
        let host = serde_json::json!({ "name": "box", "address": "box" });
        let on = |id: &str| Remote {
            host: serde_json::from_value(host.clone()).unwrap(),
            id: id.to_owned(),
            keep: false,
        };
        let one = |name: &str, value: &str| Secret { name: name.to_owned(), value: value.into() };
        let sums = [
            sum(&on("a"), &[one("A", "correct"), one("B", "horse")]),
            sum(&on("b"), &[one("A", "correct"), one("B", "horse")]),
            sum(&on("a"), &[one("A", "correct"), one("B", "horses")]),
            sum(&on("a"), &[one("A", "horse"), one("B", "correct")]),
            sum(&on("a"), &[one("A", "correcthorse"), one("B", "")]),
            sum(&on("a"), &[one("A", "correct")]),
        ];
        let different: std::collections::BTreeSet<&String> = sums.iter().collect();
        assert_eq!(different.len(), sums.len());
        assert_eq!(sums[0], sum(&on("a"), &[one("A", "correct"), one("B", "horse")]));
    }

    #[test]
    fn every_place_of_a_name_is_changed() {
        let names = vec![(b"/run/a.value".to_vec(), b"/h/v".to_vec())];
        let mut word = Bytes::from("@/run/a.value:/run/a.value,/run/a.valu");
        rename(&mut word, &names);
        assert_eq!(word.shown(), "@/h/v:/h/v,/run/a.valu");
    }
}
