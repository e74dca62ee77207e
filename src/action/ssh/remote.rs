//! A command on a host, from the claim to its end, whatever happens to the connection meanwhile.

use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::sync::watch;
use tokio::time::Instant;

use super::hosts::{Hosts, Lease};
use super::line::{Answer, Dropped, Hello, nonce};
use super::quote::{Order, can_be_exported};
use super::said::Unreached;
use super::watch::{Due, Watch};
use super::words;
use crate::action::pool::Urge;
use crate::action::protocol::{Report, Start};
use crate::fleet::Host;
use crate::plan::hex;
use crate::run::Outcome;

/// How often a guard is told that we are alive.
const BEAT: Duration = Duration::from_secs(5);
/// How long a lost connection is tried again before it is given up: that of a command that ended with it,
pub(super) const LOST: Duration = Duration::from_secs(30);
/// and that of one that goes on without it.
const AWAY: Duration = Duration::from_mins(5);
/// The pauses between looks at a command that goes on by itself.
const LOOKS: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));
/// So much of a stream comes at one look, at most.
const PIECE: usize = 4 * 1024 * 1024;

/// Where an attempt is made, and what becomes of it there without a connection.
#[derive(Debug, Clone)]
pub struct Remote {
    /// The host.
    pub host: Host,
    /// The attempt's id, which no other attempt of any run has: the host starts it at most once.
    pub id: String,
    /// Whether it goes on without a connection; else it is ended when that ends.
    pub keep: bool,
}

impl Remote {
    /// One part of the attempt, which has a claim of its own.
    pub(in crate::action) fn part(&self, name: &str) -> Self {
        let id = if name.is_empty() { self.id.clone() } else { format!("{}.{name}", self.id) };
        Self { id, ..self.clone() }
    }

    /// Its id as the name of a file.
    pub(super) fn file_name(&self) -> String {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        if self.id.len() <= 150 && self.id.chars().all(is_plain) && !self.id.starts_with(['.', '-'])
        {
            return self.id.clone();
        }
        // Its beginning tells people what it is, the sum tells it from all others.
        let plain: String =
            self.id.chars().filter(|c| is_plain(*c) && *c != '.').take(60).collect();
        format!("{plain}~{}", hex(&Sha256::digest(&self.id)))
    }
}

/// One command on a host.
pub(in crate::action) struct Command<'a> {
    pub(in crate::action) hosts: &'a Hosts,
    pub(in crate::action) on: Remote,
    pub(in crate::action) start: Start,
}

impl Command<'_> {
    /// Runs it to its end.
    pub(in crate::action) async fn run(&self, urge: &mut watch::Receiver<Urge>) -> Report {
        let watch = match Watch::new(&self.start) {
            Ok(watch) => watch,
            Err(reason) => return Report::of(Outcome::CouldNotStart { reason }),
        };
        let lease = match self.lease(urge, Urge::None).await {
            Ok(Some(lease)) => lease,
            Ok(None) => return Report::of(Outcome::Cancelled),
            Err(why) => return Report::of(Outcome::NoConnection { why: why.why, said: why.said }),
        };
        if self.on.keep {
            self.detached(lease, watch, urge).await
        } else {
            self.attached(lease, watch, urge).await
        }
    }

    /// A line; none once the command is to end more urgently than `urged`. A connection that is being made is left to
    /// end by itself.
    async fn lease(
        &self,
        urge: &mut watch::Receiver<Urge>,
        urged: Urge,
    ) -> Result<Option<Lease>, Unreached> {
        let (hosts, host) = (self.hosts.clone(), self.on.host.clone());
        let opening = tokio::spawn(async move { hosts.line(&host).await });
        tokio::select! {
            lease = opening => lease.unwrap_or_else(|error| Err(Unreached {
                why: crate::run::NoConnection::Unreachable,
                said: error.to_string(),
            })).map(Some),
            _ = urge.wait_for(|urge| *urge > urged) => Ok(None),
        }
    }

    /// A command whose output comes over the line, and which ends with it.
    async fn attached(
        &self,
        mut lease: Lease,
        mut watch: Watch,
        urge: &mut watch::Receiver<Urge>,
    ) -> Report {
        let boot = lease.line().map(|line| line.hello.boot.clone()).unwrap_or_default();
        if let Ok(mut answer) = self.over_the_line(&mut lease, &mut watch, urge).await {
            let end = answer.end();
            watch.note(answer.notes());
            // What it was to read may still be under way.
            let is_clean =
                end.starts_with("exit") || end.starts_with("signal") || end.starts_with("start");
            if is_clean && !watch.has_survivors() {
                lease.give_back();
            }
            let outcome = words::outcome(&end, &self.start);
            watch.ended(&end, outcome)
        } else {
            drop(lease);
            let outcome = match self.settle(urge).await {
                // A host that crashed may have lost what it had recorded last.
                Some((words, hello)) if words == "never" && hello.boot != boot => words::lost(),
                Some((words, _)) => words::outcome(&words, &self.start),
                None => words::lost(),
            };
            watch.cut_off(outcome != words::never());
            watch.report(outcome)
        }
    }

    async fn over_the_line(
        &self,
        lease: &mut Lease,
        watch: &mut Watch,
        urge: &mut watch::Receiver<Urge>,
    ) -> Result<Answer, Dropped> {
        let line = lease.line().ok_or(Dropped)?;
        let nonce = nonce().map_err(|_| Dropped)?;
        let stdin = self.start.stdin.as_ref().map_or(&[][..], |bytes| &bytes.0);
        line.say(self.order("run", &nonce, stdin.len())).await?;
        // Who refuses the order takes nothing more, but says why.
        let _ = line.give(stdin).await;
        watch.begin();
        let mut answer = Answer::new(&nonce);
        let mut beat = Instant::now() + BEAT;
        while !answer.is_over() {
            let urged = *urge.borrow_and_update();
            match watch.due(urged) {
                Some(Due::Ask) => line.say(Order::new("term").word(self.id())).await?,
                Some(Due::Kill) => line.say(Order::new("strike").word(self.id())).await?,
                Some(Due::GiveUp) => return Err(Dropped),
                None => {}
            }
            if Instant::now() >= beat {
                line.say(Order::new("beat")).await?;
                beat = Instant::now() + BEAT;
            }
            tokio::select! {
                (out, err) = line.hear(&mut answer) => {
                    watch.heard(&out, &err);
                    if answer.is_cut_off() {
                        return Err(Dropped);
                    }
                }
                Ok(()) = urge.changed() => {}
                () = tokio::time::sleep_until(beat.min(watch.next_look())) => {}
            }
        }
        Ok(answer)
    }

    /// A command whose output goes to files there, so that it needs no connection.
    async fn detached(
        &self,
        mut lease: Lease,
        mut watch: Watch,
        urge: &mut watch::Receiver<Urge>,
    ) -> Report {
        let stdin = self.start.stdin.as_ref().map_or(&[][..], |bytes| &bytes.0);
        let Ok(nonce) = nonce() else { return watch.report(words::never()) };
        let Some(line) = lease.line() else { return watch.report(words::never()) };
        let boot = line.hello.boot.clone();
        let crashed = |hello: &Hello| hello.boot != boot;
        let accepted =
            line.exchange(self.order("keep", &nonce, stdin.len()), stdin, &nonce, |_, _| {}).await;
        match accepted {
            Ok(words) if words == "kept" => {
                watch.begin();
                self.follow(Some(lease), watch, &crashed, urge).await
            }
            Ok(words) => watch.report(words::outcome(&words, &self.start)),
            Err(Dropped) => {
                drop(lease);
                watch.begin();
                self.follow(None, watch, &crashed, urge).await
            }
        }
    }

    /// Follows a command that needs no connection to its end, over as many connections as it takes. A host that
    /// crashed meanwhile may have lost what it had recorded last.
    pub(super) async fn follow(
        &self,
        mut lease: Option<Lease>,
        mut watch: Watch,
        crashed: &(dyn Fn(&Hello) -> bool + Sync),
        urge: &mut watch::Receiver<Urge>,
    ) -> Report {
        let mut seen = (0, 0);
        let mut pause = LOOKS.0;
        let mut away = Instant::now();
        let mut is_told = false;
        loop {
            let urged = *urge.borrow_and_update();
            let due = watch.due(urged);
            // Who does not want it any more does not wait for a way to say so.
            let is_given_up = lease.is_none() && urged > Urge::None && !is_told;
            if due == Some(Due::GiveUp) || away.elapsed() >= AWAY || is_given_up {
                watch.cut_off(true);
                // For all that is known it still runs there.
                return Report { outcome: words::lost(), ..watch.report(words::lost()) };
            }
            if lease.is_none() {
                lease = self.lease(urge, urged).await.ok().flatten();
                if lease.is_none() && *urge.borrow() > urged {
                    continue;
                }
            }
            let looked = match &mut lease {
                Some(lease) => self.look(lease, due, &mut seen, &mut watch).await,
                None => Err(Dropped),
            };
            if let Ok((words, new)) = looked {
                is_told = urged > Urge::None;
                away = Instant::now();
                pause = if new > 0 { LOOKS.0 } else { (pause * 2).min(LOOKS.1) };
                let is_over = words != "running";
                if is_over && new < PIECE {
                    let crashed =
                        lease.as_mut().and_then(Lease::line).is_some_and(|l| crashed(&l.hello));
                    let outcome = if words == "never" && crashed {
                        words::lost()
                    } else {
                        words::outcome(&words, &self.start)
                    };
                    lease.into_iter().for_each(Lease::give_back);
                    return watch.ended(&words, outcome);
                }
                if new >= PIECE {
                    continue;
                }
            } else {
                lease = None;
                pause = LOOKS.1;
            }
            tokio::select! {
                Ok(()) = urge.changed() => {}
                () = tokio::time::sleep_until((Instant::now() + pause).min(watch.next_look())) => {}
            }
        }
    }

    /// One look at a command that goes on by itself: what is due is said, what is new is taken.
    async fn look(
        &self,
        lease: &mut Lease,
        due: Option<Due>,
        seen: &mut (u64, u64),
        watch: &mut Watch,
    ) -> Result<(String, usize), Dropped> {
        let line = lease.line().ok_or(Dropped)?;
        match due {
            Some(Due::Ask) => line.say(Order::new("term").word(self.id())).await?,
            Some(Due::Kill) => line.say(Order::new("strike").word(self.id())).await?,
            _ => {}
        }
        let nonce = nonce().map_err(|_| Dropped)?;
        let order = Order::new("follow")
            .word(&nonce)
            .word(self.id())
            .word(seen.0.to_string())
            .word(seen.1.to_string());
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let hear = |more_out, more_err| {
            out.extend::<Vec<u8>>(more_out);
            err.extend::<Vec<u8>>(more_err);
        };
        // Only as a whole: where the connection ends, ssh's last words come as if they were the command's.
        let words = line.exchange(order, &[], &nonce, hear).await?;
        watch.heard(&out, &err);
        *seen = (seen.0 + out.len() as u64, seen.1 + err.len() as u64);
        Ok((words, out.len().max(err.len())))
    }

    /// What became of an attempt whose connection was lost; whatever it does, it is ended.
    pub(super) async fn settle(&self, urge: &mut watch::Receiver<Urge>) -> Option<(String, Hello)> {
        let until = Instant::now() + LOST;
        let mut pause = Duration::from_millis(100);
        loop {
            if let Ok(found) = self.ask_state().await {
                return Some(found);
            }
            let urged = *urge.borrow_and_update();
            if Instant::now() + pause >= until || urged > Urge::None {
                return None;
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(5));
        }
    }

    async fn ask_state(&self) -> Result<(String, Hello), Dropped> {
        let mut lease = self.hosts.line(&self.on.host).await.map_err(|_| Dropped)?;
        let line = lease.line().ok_or(Dropped)?;
        let nonce = nonce().map_err(|_| Dropped)?;
        let order = Order::new("state").word(&nonce).word(self.id()).word("20");
        let words = line.exchange(order, &[], &nonce, |_, _| {}).await?;
        let hello = line.hello.clone();
        lease.give_back();
        Ok((words, hello))
    }

    fn id(&self) -> String {
        self.on.file_name()
    }

    /// The order that runs the command. What the shell has its own meaning for is set by `env`.
    fn order(&self, name: &str, nonce: &str, bytes: usize) -> Order {
        let start = &self.start;
        let tenths = start.limits.grace_ms.div_ceil(100);
        let mut order = Order::new(name)
            .word(nonce)
            .word(self.id())
            .word(tenths.to_string())
            .word(bytes.to_string())
            .word(folder(&start.cwd.0));
        let assignment = |(name, value): &(String, crate::value::Bytes)| {
            [name.as_bytes(), b"=", &value.0].concat()
        };
        // The folder is what `cd` there makes of it, and outputs are written to a file there.
        let env = start.env.iter().filter(|(name, _)| name != "PWD" && name != "OSTLER_OUTPUT");
        let (exported, special): (Vec<_>, Vec<_>) =
            env.partition(|(name, _)| can_be_exported(name));
        for pair in exported {
            order = order.word(assignment(pair));
        }
        // Never among the special ones, whose values are arguments for all to see.
        for secret in start.secrets.iter().filter(|secret| can_be_exported(&secret.name)) {
            order = order.word([secret.name.as_bytes(), b"=", &secret.value.0].concat());
        }
        order = order.word("--");
        if !special.is_empty() {
            order = order.word("env");
        }
        let special = special.into_iter().map(assignment);
        special.chain(start.argv.iter().map(|word| word.0.clone())).fold(order, Order::word)
    }
}

/// A folder as `cd` takes it for one: `-` is the last one, and a name could be looked for elsewhere.
fn folder(path: &[u8]) -> Vec<u8> {
    if path.is_empty() || path.starts_with(b"/") { path.to_vec() } else { [b"./", path].concat() }
}
