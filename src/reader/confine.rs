//! What a process that reads strangers' files gives up first: time, memory, and every file but those it is to read.

use std::path::PathBuf;

use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, Ruleset, RulesetAttr,
    RulesetCreatedAttr, RulesetStatus, Scope, path_beneath_rules,
};
use rustix::process::{Resource, Rlimit, Signal, set_parent_process_death_signal, setrlimit};

/// The most memory it may have, in bytes.
pub(super) const MEMORY: u64 = 2 * 1024 * 1024 * 1024;

/// The most processor time it may take, in seconds: a net below the limit that who started it keeps.
const PROCESSOR: u64 = 600;

/// Gives up all that reading does not need, for good. Must come before any thread is started.
///
/// Below `readable` files may be read; nothing may be written, connected to or signalled. With `required`, an error
/// if the kernel cannot hold us to that; else it is held to as much as it can.
pub(super) fn confine(readable: &[PathBuf], required: bool) -> Result<(), String> {
    set_parent_process_death_signal(Some(Signal::KILL)).map_err(|e| e.to_string())?;
    for (resource, most) in
        [(Resource::As, MEMORY), (Resource::Cpu, PROCESSOR), (Resource::Core, 0)]
    {
        let limit = Rlimit { current: Some(most), maximum: Some(most) };
        setrlimit(resource, limit).map_err(|e| e.to_string())?;
    }
    let status = landlock(readable).map_err(|e| e.to_string())?;
    if required && status == RulesetStatus::NotEnforced {
        return Err("this kernel has no Landlock, which --untrusted needs".to_owned());
    }
    Ok(())
}

/// The newest version of Landlock, of those this program knows, that the kernel has; 0 if none. Confines nothing.
pub fn confinement() -> u8 {
    let must = || Ruleset::default().set_compatibility(CompatLevel::HardRequirement);
    let files = |abi| must().handle_access(AccessFs::from_all(abi)).is_ok();
    let has = [
        (6, must().scope(Scope::from_all(ABI::V6)).is_ok()),
        (5, files(ABI::V5)),
        (4, must().handle_access(AccessNet::from_all(ABI::V4)).is_ok()),
        (3, files(ABI::V3)),
        (2, files(ABI::V2)),
        (1, files(ABI::V1)),
    ];
    has.into_iter().find(|(_, has)| *has).map_or(0, |(version, _)| version)
}

/// Applies the kernel's strongest rules that this program knows.
fn landlock(readable: &[PathBuf]) -> Result<RulesetStatus, landlock::RulesetError> {
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    let rules = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(ABI::V5))?
        .handle_access(AccessNet::from_all(ABI::V4))?
        .scope(Scope::from_all(ABI::V6))?
        .create()?
        .add_rules(path_beneath_rules(readable, read))?;
    Ok(rules.restrict_self()?.ruleset)
}
