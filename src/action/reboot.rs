//! Rebooting a host: ordered once, and passed when another boot of it answers.
//!
//! Which boot is to end is written down on the host before anything is ordered, and it is that boot only that an order
//! ends. So however often this is interrupted and begun again, the host is rebooted once.

use std::time::Duration;

use super::attempt::Doing;
use super::ssh::AskError;
use crate::fleet::Host;
use crate::run::{Check, NoConnection, Outcome};
use crate::value::Bytes;

/// How long a host may take for one answer.
const ANSWER: Duration = Duration::from_secs(30);
/// The time between two looks whether it is back.
const EVERY: Duration = Duration::from_secs(2);

/// A restart of the host.
#[derive(Debug, Clone)]
pub struct Reboot {
    /// What the boot that is to end is written down under: the same for each attempt at the same reboot.
    pub mark: String,
    /// The words of the command that orders it; none for what the host has for that.
    pub order: Option<Vec<Bytes>>,
}

/// Says the boot that answers and the one that is to end, the first time the same.
const BOOTS: &str = r#"
boot() { cat /proc/sys/kernel/random/boot_id 2>/dev/null || sysctl -n kern.boottime; }
now=$(boot) && [ -n "$now" ] || { echo "it does not say which boot this is" >&2; exit 9; }
[ -s "$S/reboot-$1" ] || {
  printf '%s\n' "$now" >"$S/reboot-$1.new" && mv "$S/reboot-$1.new" "$S/reboot-$1" || exit 9
  sync -f "$S/reboot-$1" 2>/dev/null || sync
}
printf '%s\n%s\n' "$(cat "$S/reboot-$1")" "$now"
"#;

/// Ends the boot `$1`, if it is still that one.
const ORDER: &str = r#"
boot() { cat /proc/sys/kernel/random/boot_id 2>/dev/null || sysctl -n kern.boottime; }
[ "$(boot)" = "$1" ] || exit 0
shift
if [ $# -gt 0 ]; then "$@"; exit; fi
as=; [ "$(id -u)" = 0 ] || as="sudo -n"
$as systemctl reboot || $as shutdown -r now || $as reboot
"#;

/// What the host says of itself.
enum Said {
    /// The boot that is to end still answers.
    Same(String),
    /// Another one does.
    Other,
    /// None does, and why.
    Nothing(NoConnection, String),
    /// It cannot be done there.
    Impossible(String),
}

impl Doing<'_> {
    /// A step that reboots its host.
    pub(super) async fn reboot(&mut self, reboot: &Reboot) {
        let mut last = None;
        let outcome = tokio::select! {
            biased;
            outcome = self.cut_short() => outcome,
            ended = self.ordered(reboot, &mut last) => ended,
        };
        let passed = outcome == Outcome::Done;
        let observed = match (&outcome, last) {
            (Outcome::Done, _) => "another boot answers".to_owned(),
            (_, Some(last)) => last,
            (outcome, None) => outcome.to_string(),
        };
        let expected = "another boot of the host answers".to_owned();
        self.ending.checks.push(Check { what: "reboot".to_owned(), expected, observed, passed });
        self.ending.passed = passed;
        self.ending.outcome = outcome;
    }

    /// Orders it, and waits until another boot answers. `last` is what was seen last.
    async fn ordered(&self, reboot: &Reboot, last: &mut Option<String>) -> Outcome {
        let Some(on) = &self.attempt.on else {
            return Outcome::Failed { reason: "a reboot needs a host".to_owned() };
        };
        let boot = match self.boots(&on.host, &reboot.mark).await {
            Said::Same(boot) => boot,
            Said::Other => return Outcome::Done,
            Said::Nothing(why, said) => return Outcome::NoConnection { why, said },
            Said::Impossible(reason) => return Outcome::Failed { reason },
        };
        if let Err(reason) = self.order(&on.host, &boot, reboot).await {
            return Outcome::Failed {
                reason: format!("the reboot could not be ordered: {reason}"),
            };
        }
        loop {
            tokio::time::sleep(EVERY).await;
            match self.boots(&on.host, &reboot.mark).await {
                Said::Other => return Outcome::Done,
                Said::Same(_) => *last = Some("the same boot still answers".to_owned()),
                Said::Nothing(why, said) => *last = Some(format!("{}: {said}", why.words())),
                Said::Impossible(why) => *last = Some(why),
            }
        }
    }

    async fn boots(&self, host: &Host, mark: &str) -> Said {
        let words = [mark.as_bytes()];
        let asked = self.hosts.ask(host, BOOTS, &words, b"");
        let answer = match tokio::time::timeout(ANSWER, asked).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(AskError::Unreached(why))) => return Said::Nothing(why.why, why.said),
            Ok(Err(AskError::Dropped(why))) => {
                return Said::Nothing(NoConnection::Unreachable, why.to_string());
            }
            Err(_) => return Said::Nothing(NoConnection::Unreachable, "no answer".to_owned()),
        };
        let text = String::from_utf8_lossy(&answer.stdout).into_owned();
        match text.lines().collect::<Vec<_>>().as_slice() {
            [ends, now] if answer.code == 0 && ends == now => Said::Same((*now).to_owned()),
            [_, _] if answer.code == 0 => Said::Other,
            _ => Said::Impossible(String::from_utf8_lossy(&answer.stderr).trim().to_owned()),
        }
    }

    /// Orders the end of a boot. That the connection ends with it is no failure.
    async fn order(&self, host: &Host, boot: &str, reboot: &Reboot) -> Result<(), String> {
        let own = reboot.order.iter().flatten().map(|word| word.0.as_slice());
        let words: Vec<&[u8]> = std::iter::once(boot.as_bytes()).chain(own).collect();
        match tokio::time::timeout(ANSWER, self.hosts.ask(host, ORDER, &words, b"")).await {
            Ok(Ok(answer)) if answer.code != 0 => Err(format!(
                "exit {}: {}",
                answer.code,
                String::from_utf8_lossy(&answer.stderr).trim()
            )),
            Ok(Err(AskError::Unreached(why))) => Err(why.said),
            _ => Ok(()),
        }
    }
}
