//! Selectors: which hosts are meant. One is terms that must all hold; several are their union.

use super::{Fleet, Host, NoHost, not_called};
use crate::diagnostic::{closest, did_you_mean, printable};
use crate::ids::HostName;

/// Terms that must all hold of a host: `all`, a name or pattern, `@group`, `label=value`; `!` before one negates it.
#[derive(Debug, Clone)]
pub struct Selector {
    text: String,
    terms: Vec<Term>,
}

/// One term of a selector.
#[derive(Debug, Clone)]
struct Term {
    /// As it was written, without its `!`.
    text: String,
    negated: bool,
    test: Test,
}

#[derive(Debug, Clone)]
enum Test {
    All,
    Name(glob::Pattern),
    Group(String),
    Label(String, glob::Pattern),
}

impl Selector {
    /// Parses a selector. Whether its names exist, [`Selector::select`] says.
    pub fn parse(text: &str) -> Result<Self, NoHost> {
        let terms = text.split_whitespace().map(Term::parse).collect::<Result<Vec<_>, _>>()?;
        if terms.is_empty() {
            return Err(NoHost::new("a selector is empty").hint("`all` selects every host"));
        }
        Ok(Self { text: text.to_owned(), terms })
    }

    /// Whether it selects this host.
    pub fn matches(&self, host: &Host) -> bool {
        self.terms.iter().all(|term| term.test.holds(host) != term.negated)
    }

    /// The hosts it selects, at least one. A term that no host of the fleet answers to is taken for a slip, also
    /// under a `!`: `!wbe-*` would otherwise select what was to be left out.
    pub(super) fn select(&self, fleet: &Fleet) -> Result<Vec<HostName>, NoHost> {
        if fleet.hosts.is_empty() {
            let how = "a file such as fleet/web.toml with `address = \"web.example.org\"` adds one";
            return Err(NoHost::new("the fleet has no hosts").hint(how));
        }
        let unknown = |term: &&Term| !fleet.hosts.values().any(|host| term.test.holds(host));
        if let Some(term) = self.terms.iter().find(unknown) {
            return Err(term.unknown(fleet));
        }
        let chosen = fleet.hosts.values().filter(|host| self.matches(host));
        let chosen: Vec<HostName> = chosen.map(|host| host.name.clone()).collect();
        if chosen.is_empty() {
            let message = format!("no host answers to all of `{}`", printable(&self.text));
            let how = "each of its terms must hold; selectors of which one must are a list";
            return Err(NoHost::new(message).hint(how));
        }
        Ok(chosen)
    }
}

impl Term {
    fn parse(written: &str) -> Result<Self, NoHost> {
        let (negated, text) =
            written.strip_prefix('!').map_or((false, written), |rest| (true, rest));
        let pattern = |text: &str| {
            glob::Pattern::new(text).map_err(|why| {
                NoHost::new(format!("`{}` is not a pattern: {}", printable(text), why.msg))
            })
        };
        if text.is_empty() {
            let how = "write it before a term, without a space: `!web-1`";
            return Err(NoHost::new("a `!` negates nothing").hint(how));
        }
        let test = if text == "all" {
            Test::All
        } else if let Some(group) = text.strip_prefix('@') {
            Test::Group(group.to_owned())
        } else if let Some((label, value)) = text.split_once('=') {
            Test::Label(label.to_owned(), pattern(value)?)
        } else if text.contains(',') {
            let message = format!("`{}` is not one name", printable(text));
            let how = "several selectors are a list, each a text of its own";
            return Err(NoHost::new(message).hint(how));
        } else {
            Test::Name(pattern(text)?)
        };
        Ok(Self { text: text.to_owned(), negated, test })
    }

    /// What is said where no host answers to it.
    fn unknown(&self, fleet: &Fleet) -> NoHost {
        let hosts = || fleet.hosts.values();
        let near = |written: &str, known: Vec<&str>| closest(written, known).map(str::to_owned);
        let (message, meant) = match &self.test {
            Test::All => ("the fleet has no hosts".to_owned(), None),
            Test::Name(_) => {
                let groups = hosts().any(|host| host.groups.contains(&self.text));
                let meant = fleet.near(&self.text).map(str::to_owned);
                let meant = meant.or_else(|| groups.then(|| format!("@{}", self.text)));
                (not_called(&self.text), meant)
            }
            Test::Group(group) => {
                let known = hosts().flat_map(|host| &host.groups).map(String::as_str).collect();
                let meant = near(group, known).map(|name| format!("@{name}"));
                (format!("no host is of a group `{}`", printable(group)), meant)
            }
            Test::Label(label, value) => {
                let all = || hosts().flat_map(|host| &host.labels);
                let values: Vec<&str> = all()
                    .filter(|(key, _)| *key == label)
                    .map(|(_, value)| value.as_str())
                    .collect();
                if values.is_empty() {
                    let meant = near(label, all().map(|(key, _)| key.as_str()).collect());
                    let meant = meant.map(|name| format!("{name}={value}"));
                    (format!("no host has a label `{}`", printable(label)), meant)
                } else {
                    let meant =
                        near(value.as_str(), values).map(|found| format!("{label}={found}"));
                    (format!("no host has the label `{}`", printable(&self.text)), meant)
                }
            }
        };
        NoHost { message, hint: meant.as_deref().map(did_you_mean) }
    }
}

impl Test {
    fn holds(&self, host: &Host) -> bool {
        match self {
            Self::All => true,
            Self::Name(pattern) => pattern.matches(host.name.as_str()),
            Self::Group(group) => host.groups.contains(group),
            Self::Label(label, value) => host.labels.get(label).is_some_and(|v| value.matches(v)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fleet() -> Fleet {
        let host = |name: &str, role: &str, groups: &[&str]| Host {
            labels: [("role".to_owned(), role.to_owned())].into(),
            groups: groups.iter().map(|&group| group.to_owned()).collect(),
            ..crate::fleet::tests::host(name, &[])
        };
        Fleet::new([
            host("web-1", "front", &["eu", "web"]),
            host("web-2", "front", &["us", "web"]),
            host("db-1", "back", &["eu"]),
        ])
    }

    fn chosen(selectors: &[&str]) -> String {
        let selectors: Vec<String> = selectors.iter().map(|&one| one.to_owned()).collect();
        match fleet().select(&selectors) {
            Ok(hosts) => hosts.iter().map(HostName::as_str).collect::<Vec<_>>().join(" "),
            Err(problems) => problems
                .iter()
                .map(|p| format!("{p}; {}", p.hint.as_deref().unwrap_or("-")))
                .collect::<Vec<_>>()
                .join("\n"),
        }
    }

    #[test]
    fn terms_must_all_hold_and_selectors_add_up() {
        assert_eq!(chosen(&["all"]), "db-1 web-1 web-2");
        assert_eq!(chosen(&["web-*"]), "web-1 web-2");
        assert_eq!(chosen(&["web-?  !web-1"]), "web-2");
        assert_eq!(chosen(&["@eu role=front"]), "web-1");
        assert_eq!(chosen(&["!role=front"]), "db-1");
        assert_eq!(chosen(&["role=f*"]), "web-1 web-2");
        assert_eq!(chosen(&["web-2", "@eu", "web-2"]), "db-1 web-1 web-2");
        assert_eq!(chosen(&[]), "");
    }

    #[test]
    fn a_slip_is_said_with_what_is_near() {
        assert_eq!(chosen(&["wbe-1"]), "no host is called `wbe-1`; did you mean `web-1`?");
        assert_eq!(chosen(&["eu"]), "no host is called `eu`; did you mean `@eu`?");
        assert_eq!(chosen(&["!@wbe"]), "no host is of a group `wbe`; did you mean `@web`?");
        assert_eq!(chosen(&["roel=back"]), "no host has a label `roel`; did you mean `role=back`?");
        assert_eq!(
            chosen(&["all !role=bakc"]),
            "no host has the label `role=bakc`; did you mean `role=back`?"
        );
        assert_eq!(
            chosen(&["web-1,web-2"]),
            "`web-1,web-2` is not one name; several selectors are a list, each a text of its own"
        );
    }

    #[test]
    fn a_selector_that_selects_nothing_is_said_so() {
        assert!(chosen(&["@eu @us"]).starts_with("no host answers to all of `@eu @us`"));
        assert!(chosen(&["!all"]).starts_with("no host answers to all of `!all`"));
        assert!(chosen(&[" "]).starts_with("a selector is empty"));
        assert!(chosen(&["web-["]).starts_with("`web-[` is not a pattern"));
        let none = Fleet::default().select(&["all".to_owned()]).unwrap_err();
        assert_eq!(none[0].message, "the fleet has no hosts");
    }
}
