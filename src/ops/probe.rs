//! Asking hosts how they are: each is connected to, and asked a few things that change nothing.

use std::fs::File;
use std::time::{Duration, Instant};

use serde::Serialize;
use tokio::task::JoinSet;

use super::workspace::runtime;
use super::{Error, Workspace, facts};
use crate::action::ssh::{Answered, AskError, Hosts, Reach};
use crate::action::{Calls, Pool, Setting};
use crate::fleet::Host;
use crate::ids::HostName;
use crate::run::NoConnection;

/// How long a host may take for all of it.
const LIMIT: Duration = Duration::from_secs(45);

/// What is asked: a line `name value` for each thing that is known there.
const SCRIPT: &str = r#"
echo "kernel $(uname -r)"
echo "arch $(uname -m)"
system=$(uname -s)
[ ! -r /etc/os-release ] || system=$(. /etc/os-release; echo "${PRETTY_NAME:-$ID}")
echo "system $system"
[ ! -r /proc/sys/kernel/random/boot_id ] || echo "boot_id $(cat /proc/sys/kernel/random/boot_id)"
[ ! -r /proc/uptime ] || { read -r up _ </proc/uptime; echo "uptime ${up%%.*}"; }
"#;

/// A host that was asked.
#[derive(Debug, Serialize)]
pub struct Probed {
    /// The host.
    pub name: HostName,
    /// Whether it answered.
    pub reachable: bool,
    /// What kept it from that, by the name that `on_error.on` has for it.
    pub why: Option<String>,
    /// What was said of that.
    pub said: Option<String>,
    /// How long it took to connect and to be answered.
    pub connect_ms: Option<u64>,
    /// How long a question takes once there is a connection.
    pub latency_ms: Option<f64>,
    /// The operating system.
    pub system: Option<String>,
    /// The kernel's version.
    pub kernel: Option<String>,
    /// The architecture.
    pub arch: Option<String>,
    /// What tells this boot from others.
    pub boot_id: Option<String>,
    /// For how many seconds it has been running.
    pub uptime_s: Option<u64>,
}

/// Asks all of these hosts at once, in the order of their names; `each` is told of every one that is done.
pub fn probe(
    workspace: &Workspace,
    hosts: &[&Host],
    each: &mut dyn FnMut(&Probed),
) -> Result<Vec<Probed>, Error> {
    let io = |error| Error::Io { what: "the hosts could not be asked".to_owned(), error };
    let (env, _) =
        facts::inherited(&workspace.config.inherit_env, &std::collections::BTreeSet::new());
    let pool = Pool::new(Setting {
        env,
        workspace: workspace.root.clone(),
        dir: workspace.root.clone(),
        grace_ms: 0,
        lock: File::open(&workspace.root).map_err(io)?,
        calls: Calls::default(),
    });
    let lines = Hosts::new(Reach::from_env(), &pool);
    let mut all = runtime()?.block_on(async {
        let mut asked = JoinSet::new();
        for host in hosts {
            let (lines, host) = (lines.clone(), (*host).clone());
            asked.spawn(async move { one(&lines, &host).await });
        }
        let mut all = Vec::new();
        while let Some(done) = asked.join_next().await {
            // One that ended otherwise is a bug of ours, and is missed below.
            if let Ok(probed) = done {
                each(&probed);
                all.push(probed);
            }
        }
        all
    });
    all.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(all)
}

async fn one(lines: &Hosts, host: &Host) -> Probed {
    let mut probed = Probed {
        name: host.name.clone(),
        reachable: false,
        why: None,
        said: None,
        connect_ms: None,
        latency_ms: None,
        system: None,
        kernel: None,
        arch: None,
        boot_id: None,
        uptime_s: None,
    };
    let began = Instant::now();
    let obstacle = match tokio::time::timeout(LIMIT, lines.ask(host, SCRIPT, &[], b"")).await {
        Ok(Ok(answer)) => {
            probed.reachable = true;
            probed.connect_ms = u64::try_from(began.elapsed().as_millis()).ok();
            probed.learn(&answer);
            let again = Instant::now();
            if let Ok(Ok(_)) = tokio::time::timeout(LIMIT, lines.ask(host, ":", &[], b"")).await {
                let ms = again.elapsed().as_secs_f64() * 1_000.0;
                probed.latency_ms = Some((ms * 10.0).round() / 10.0);
            }
            return probed;
        }
        Ok(Err(AskError::Unreached(why))) => (why.why, why.said),
        Ok(Err(AskError::Dropped(why))) => (NoConnection::Unreachable, why.to_string()),
        Err(_) => (NoConnection::Unreachable, format!("no answer in {} seconds", LIMIT.as_secs())),
    };
    probed.why = Some(obstacle.0.name().to_owned());
    probed.said = Some(obstacle.1).filter(|said| !said.is_empty());
    probed
}

impl Probed {
    fn learn(&mut self, answer: &Answered) {
        for line in String::from_utf8_lossy(&answer.stdout).lines() {
            let Some((name, value)) = line.split_once(' ').filter(|(_, v)| !v.is_empty()) else {
                continue;
            };
            let value = Some(value.to_owned());
            match name {
                "kernel" => self.kernel = value,
                "arch" => self.arch = value,
                "system" => self.system = value,
                "boot_id" => self.boot_id = value,
                "uptime" => self.uptime_s = value.and_then(|seconds| seconds.parse().ok()),
                _ => {}
            }
        }
    }

    /// What kept it from answering, in words.
    pub fn obstacle(&self) -> Option<&'static str> {
        let why = self.why.as_deref()?;
        NoConnection::ALL.iter().find(|one| one.name() == why).map(|one| one.words())
    }
}
