//! Values on their way to an attempt on a host, and from it: files beside its claim.

use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::hosts::Hosts;
use super::remote::Remote;
use crate::run::{NoConnection, Outcome};
use crate::value::Bytes;

/// One byte more than outputs may have, which tells that there are too many.
const OUTPUTS: u64 = 16 * 1024 * 1024 + 1;

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
        let said =
            hosts.ask(&on.host, script, &[file.as_bytes()], &value.0).await.map_err(|error| {
                match error {
                    super::AskError::Unreached(why) => {
                        Outcome::NoConnection { why: why.why, said: why.said }
                    }
                    super::AskError::Dropped(why) => Outcome::NoConnection {
                        why: NoConnection::Unreachable,
                        said: why.to_string(),
                    },
                }
            })?;
        if said.code != 0 {
            let said = "a value's file cannot be written there".to_owned();
            return Err(Outcome::NoConnection { why: NoConnection::DiskFull, said });
        }
        names.push((path.as_os_str().as_bytes().to_vec(), said.stdout));
    }
    Ok(names)
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
    fn every_place_of_a_name_is_changed() {
        let names = vec![(b"/run/a.value".to_vec(), b"/h/v".to_vec())];
        let mut word = Bytes::from("@/run/a.value:/run/a.value,/run/a.valu");
        rename(&mut word, &names);
        assert_eq!(word.shown(), "@/h/v:/h/v,/run/a.valu");
    }
}
