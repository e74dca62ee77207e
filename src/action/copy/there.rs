//! The end of a copy that is on a host, by its `sh` and the common tools; and the choice between the two ends.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::tree::{Entry, Kind, Tree};
use super::{Make, PIECE, here};
use crate::action::place::Place;
use crate::action::ssh::Hosts;
use crate::fleet::Host;

/// Says of each path what it is: `kind mode size sum`, its path and where it leads, each ended by a NUL.
const TREE: &str = r#"
[ -e "$1" ] || [ -h "$1" ] || exit 0
[ "$2" = 0 ] || [ -e "$1" ] || exit 0
echo there
top=$1; [ "$2" = 0 ] || ! [ -h "$1" ] || top=$1/.
[ -d "$top" ] || top=$1
find "$top" -exec sh -c '
  follow=$1; top=$2; shift 2
  for path; do
    if [ -h "$path" ] && { [ "$path" != "$top" ] || [ "$follow" = 0 ]; }; then
      to=$(readlink -n "$path" && echo .) || exit 9
      printf "l 0 0 0\0%s\0%s\0" "$path" "${to%.}"
      continue
    fi
    mode=$(stat -L -c %a "$path" 2>/dev/null || stat -L -f %Lp "$path") || exit 9
    if [ -d "$path" ]; then printf "d %s 0 0\0%s\0\0" "$mode" "$path"
    elif [ -f "$path" ]; then
      sum=$(sha256sum <"$path" 2>/dev/null || shasum -a 256 <"$path" 2>/dev/null || openssl dgst -sha256 -r <"$path") || {
        printf "%s cannot be read\n" "$path" >&2; exit 9
      }
      size=$(wc -c <"$path") || exit 9
      printf "f %s %s %s\0%s\0\0" "$mode" "$((size))" "${sum%% *}" "$path"
    else printf "%s is neither a file nor a folder nor a link\n" "$path" >&2; exit 9
    fi
  done' sh "$2" "$top" {} +
"#;

/// Makes folders, links and more of files: `d PATH`, `l PATH TO`, `f PATH BYTES`.
const MAKE: &str = r#"
umask 077
while [ $# -gt 0 ]; do
  case $1 in
    d) mkdir -- "$2" || exit; shift 2 ;;
    l) ln -s -- "$3" "$2" || exit; shift 3 ;;
    f) take "$3" >>"$2" || exit; shift 3 ;;
  esac
done
"#;

const MODES: &str = r#"while [ $# -gt 0 ]; do chmod "$1" "$2" || exit; shift 2; done"#;

/// Puts `$1` in the place of `$2`: at once where the system can exchange folders, else in two steps.
const PUT: &str = r#"
sync -f "$1" 2>/dev/null || sync
if [ "$3" = 1 ] && { [ -e "$2" ] || [ -h "$2" ]; }; then
  mv --exchange -T -- "$1" "$2" 2>/dev/null || { mv -- "$2" "$1.old" && mv -- "$1" "$2"; } || exit
else
  mv -fT -- "$1" "$2" 2>/dev/null || { [ ! -d "$2" ] && mv -f -- "$1" "$2"; } || exit
fi
sync -f "${2%/*}/" 2>/dev/null || sync
chmod -R u+rwX "$1" "$1.old" 2>/dev/null
rm -rf -- "$1" "$1.old"
"#;

/// What is left of a copy whose engine was killed: what was in the place comes back, the rest goes.
const MEND: &str = r#"
if { [ -e "$1.old" ] || [ -h "$1.old" ]; } && ! { [ -e "$2" ] || [ -h "$2" ]; }; then
  mv -- "$1.old" "$2" || exit
fi
chmod -R u+rwX "$1" "$1.old" 2>/dev/null
rm -rf -- "$1" "$1.old"
"#;

const FOLDER: &str = r#"[ "$2" = 0 ] || mkdir -p -- "$1" || exit 9; [ -d "$1" ]"#;

/// A piece of a file: its size, and how many such pieces lie before it.
const READ: &str = r#"dd if="$1" bs="$2" skip="$3" count=1 2>/dev/null"#;

impl Place<'_> {
    /// What is at a path; a link there is followed if `follow` says so. None if there is nothing.
    pub(super) async fn tree(self, path: &Path, follow: bool) -> Result<Option<Tree>, String> {
        let Self::There(hosts, host) = self else {
            let path = path.to_owned();
            return blocking(move || here::tree(&path, follow)).await;
        };
        let flag: &[u8] = if follow { b"1" } else { b"0" };
        let said = ask(hosts, host, TREE, &[bytes(path), flag], b"").await?;
        let Some(list) = said.strip_prefix(b"there\n") else { return Ok(None) };
        let mut parts = list.split(|byte| *byte == 0);
        let mut entries = Vec::new();
        while let (Some(facts), Some(name), Some(to)) = (parts.next(), parts.next(), parts.next()) {
            let unclear =
                || format!("what the host says is not clear: {}", String::from_utf8_lossy(facts));
            entries.push(entry(path, facts, name, to).ok_or_else(unclear)?);
        }
        Ok(Some(Tree::new(entries)))
    }

    /// A piece of a file from so many bytes on, which are whole pieces; an empty one at its end.
    pub(super) async fn read(self, path: &Path, at: u64) -> Result<Vec<u8>, String> {
        let Self::There(hosts, host) = self else {
            let path = path.to_owned();
            return system(move || here::read(&path, at)).await;
        };
        let (size, skip) = (PIECE.to_string(), (at / PIECE as u64).to_string());
        ask(hosts, host, READ, &[bytes(path), size.as_bytes(), skip.as_bytes()], b"").await
    }

    /// Makes pieces of a copy.
    pub(super) async fn make(self, made: Vec<Make>) -> Result<(), String> {
        let Self::There(hosts, host) = self else { return system(move || here::make(made)).await };
        let (mut words, mut data): (Vec<Vec<u8>>, Vec<u8>) = (Vec::new(), Vec::new());
        for one in made {
            match one {
                Make::Folder(path) => words.extend([b"d".to_vec(), bytes(&path).to_vec()]),
                Make::Link(path, to) => {
                    words.extend([b"l".to_vec(), bytes(&path).to_vec(), bytes(&to).to_vec()]);
                }
                Make::More(path, piece) => {
                    let size = piece.len().to_string().into_bytes();
                    words.extend([b"f".to_vec(), bytes(&path).to_vec(), size]);
                    data.extend(piece);
                }
            }
        }
        let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
        ask(hosts, host, MAKE, &words, &data).await.map(drop)
    }

    /// Sets modes.
    pub(super) async fn modes(self, modes: &[(PathBuf, u32)]) -> Result<(), String> {
        let Self::There(hosts, host) = self else {
            let modes = modes.to_vec();
            return system(move || here::modes(&modes)).await;
        };
        let words = modes
            .iter()
            .flat_map(|(path, mode)| [format!("{mode:o}").into_bytes(), bytes(path).to_vec()]);
        let words: Vec<Vec<u8>> = words.collect();
        let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
        ask(hosts, host, MODES, &words, b"").await.map(drop)
    }

    /// Puts a copy in its place.
    pub(super) async fn put(self, beside: &Path, to: &Path, is_folder: bool) -> Result<(), String> {
        let Self::There(hosts, host) = self else {
            let (beside, to) = (beside.to_owned(), to.to_owned());
            return system(move || here::put(&beside, &to, is_folder)).await;
        };
        let flag: &[u8] = if is_folder { b"1" } else { b"0" };
        ask(hosts, host, PUT, &[bytes(beside), bytes(to), flag], b"").await.map(drop)
    }

    /// Undoes what a killed engine left.
    pub(super) async fn mend(self, beside: &Path, to: &Path) -> Result<(), String> {
        let Self::There(hosts, host) = self else {
            let (beside, to) = (beside.to_owned(), to.to_owned());
            return system(move || here::mend(&beside, &to)).await;
        };
        ask(hosts, host, MEND, &[bytes(beside), bytes(to)], b"").await.map(drop)
    }

    /// Removes what was made beside the place.
    pub(super) async fn clear(self, beside: &Path) -> Result<(), String> {
        let Self::There(hosts, host) = self else {
            let beside = beside.to_owned();
            return system(move || here::clear(&beside)).await;
        };
        // The place is named too: in the middle of two steps, what was there comes back.
        let script = r#"chmod -R u+rwX "$1" 2>/dev/null; rm -rf -- "$1""#;
        ask(hosts, host, script, &[bytes(beside)], b"").await.map(drop)
    }

    /// Whether there is a folder, which is made if it may be.
    pub(super) async fn folder(self, path: &Path, make: bool) -> Result<bool, String> {
        let Self::There(hosts, host) = self else {
            let path = path.to_owned();
            return system(move || here::folder(&path, make)).await;
        };
        let flag: &[u8] = if make { b"1" } else { b"0" };
        let said = hosts.ask(host, FOLDER, &[bytes(path), flag], b"").await;
        let said = said.map_err(|error| error.to_string())?;
        match said.code {
            0 => Ok(true),
            1 => Ok(false),
            _ => Err(last_line(&said.stderr)),
        }
    }
}

/// Asks a host; what it says where that went well.
async fn ask(
    hosts: &Hosts,
    host: &Host,
    script: &str,
    words: &[&[u8]],
    data: &[u8],
) -> Result<Vec<u8>, String> {
    let said = hosts.ask(host, script, words, data).await.map_err(|error| error.to_string())?;
    if said.code == 0 { Ok(said.stdout) } else { Err(last_line(&said.stderr)) }
}

fn last_line(said: &[u8]) -> String {
    let text = String::from_utf8_lossy(said);
    let last = text.lines().rfind(|line| !line.trim().is_empty());
    last.unwrap_or("it failed there, and nothing was said").to_owned()
}

/// What a host said of one path.
fn entry(top: &Path, facts: &[u8], name: &[u8], to: &[u8]) -> Option<Entry> {
    let facts = std::str::from_utf8(facts).ok()?;
    let mut words = facts.split(' ');
    let (kind, mode) = (words.next()?, words.next()?);
    let (size, sum) = (words.next()?.parse().ok()?, words.next()?.to_owned());
    let name = Path::new(OsStr::from_bytes(name));
    let path = name.strip_prefix(top).ok()?.to_owned();
    let path: PathBuf = path.components().filter(|c| *c != std::path::Component::CurDir).collect();
    Some(Entry {
        path,
        mode: (kind != "l").then(|| u32::from_str_radix(mode, 8)).transpose().ok()?,
        kind: match kind {
            "d" => Kind::Folder,
            "l" => Kind::Link(PathBuf::from(OsStr::from_bytes(to))),
            _ => Kind::File { size, sum },
        },
    })
}

fn bytes(path: &Path) -> &[u8] {
    path.as_os_str().as_bytes()
}

/// Does what may take a while beside the engine's thread.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, String> + Send + 'static,
) -> Result<T, String> {
    tokio::task::spawn_blocking(work).await.map_err(|error| error.to_string())?
}

async fn system<T: Send + 'static>(
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> Result<T, String> {
    blocking(move || work().map_err(|error| here::plain(&error))).await
}
