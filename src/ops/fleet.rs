//! The fleet: finding the hosts' files, and checking them together.

use std::path::PathBuf;

use super::{Error, Workspace, verbs};
use crate::check;
use crate::diagnostic::{Code, Diagnostic, Sources};
use crate::fleet::Fleet;
use crate::reader::Checked;
use crate::source;

/// The files of a workspace's hosts, in order of their names.
pub(super) fn hosts(workspace: &Workspace) -> Vec<PathBuf> {
    verbs::files(&workspace.root.join(source::FLEET))
}

/// Reads all hosts of a workspace, and what is wrong with any of their files.
pub fn read_fleet(workspace: &Workspace) -> Result<(Fleet, Vec<Checked>), Error> {
    let files = hosts(workspace);
    if files.is_empty() {
        return Ok((Fleet::default(), Vec::new()));
    }
    let mut checked = verbs::read(workspace, &files, false)?;
    beside_each_other(&mut checked);
    Ok((of(&checked), checked))
}

/// The fleet of the hosts among these files.
fn of(checked: &[Checked]) -> Fleet {
    let hosts = checked.iter().filter_map(|one| one.host.as_ref());
    Fleet::new(hosts.map(|written| written.host.clone()))
}

/// The fleet of a workspace; the problems of its files, if there are any that keep it from being used.
pub fn fleet(workspace: &Workspace) -> Result<Fleet, Error> {
    let (fleet, checked) = read_fleet(workspace)?;
    let mut problems = Vec::new();
    let mut sources = Sources::default();
    for one in checked.into_iter().filter(|one| !one.is_sound()) {
        let first = sources.append(one.sources);
        problems.extend(one.problems.into_iter().map(|problem| problem.moved(first)));
    }
    if problems.is_empty() { Ok(fleet) } else { Err(Error::Problems(problems, sources)) }
}

/// What verbs ask of the fleet that it does not have. `whole` says that all hosts are among what was checked.
pub(super) fn beside_the_verbs(
    workspace: &Workspace,
    checked: &mut [Checked],
    whole: bool,
) -> Result<(), Error> {
    if checked.iter().all(|one| one.mentions.is_empty()) {
        return Ok(());
    }
    let fleet = if whole { of(checked) } else { read_fleet(workspace)?.0 };
    for one in checked {
        one.problems.extend(check::unknown_hosts(&one.mentions, &fleet));
    }
    Ok(())
}

/// What only several hosts' files together show: one name for two of them, jumps in a circle.
pub(super) fn beside_each_other(checked: &mut [Checked]) {
    let mut found = Vec::new();
    for (nth, one) in checked.iter().enumerate() {
        let Some(own) = &one.host else { continue };
        let others = checked[..nth].iter().filter(|o| o.host.is_some());
        let name = &own.host.name;
        let mut same = others.filter(|o| o.host.as_ref().is_some_and(|w| w.host.name == *name));
        if let Some(first) = same.next() {
            let message = format!("{}: the host `{name}` is in {} too", one.file, first.file);
            found.push((
                nth,
                Diagnostic::new(Code::DuplicateId, message).hint("keep one of the files"),
            ));
        }
    }
    let own = checked.iter().enumerate().filter_map(|(nth, one)| Some((nth, one.host.as_ref()?)));
    let (places, written): (Vec<_>, Vec<_>) = own.unzip();
    let circles = check::circles(&written).into_iter();
    found.extend(circles.map(|(nth, problem)| (places[nth], problem)));
    found.into_iter().for_each(|(nth, problem)| checked[nth].problems.push(problem));
}
