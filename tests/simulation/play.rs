//! What a row of `docs/runs.md` plays: its sentences, the verb they change, and the run that comes of it.

use std::collections::BTreeMap;

use ostler::check::check;
use ostler::plan::{Facts, Plan, resolve};
use ostler::run::{Answer, Ending, Event, NoConnection, Outcome};
use ostler::source::from_text;

use crate::driver::Case;
use crate::dsl::exit;
use crate::held::lift;

/// A verb's text, with lines more behind the `id` of a step, or of the verb where it is called so.
pub(crate) fn with(verb: &str, of: &str, lines: &[&str]) -> String {
    let (head, steps) = verb.split_at(verb.find("\n[[").unwrap());
    let more = lines.iter().flat_map(|line| [*line, "\n"]).collect::<String>();
    if of == "the verb" {
        return format!("{head}{more}{steps}");
    }
    let id = format!("\nid = \"{of}\"\n");
    let at = head.len() + steps.find(&id).unwrap_or_else(|| panic!("no step {of}")) + id.len();
    format!("{}{more}{}", &verb[..at], &verb[at..])
}

/// The plan of a verb in which a check finds no error.
pub(crate) fn planned(text: &str) -> Plan {
    let loaded = from_text("workflows/row.toml", text.to_owned());
    assert!(loaded.problems.is_empty(), "{:?}\n{text}", loaded.problems);
    let found = check(&loaded.workflows[0], &loaded.sources);
    let errors: Vec<_> = found.problems.iter().filter(|p| p.is_error()).collect();
    assert!(errors.is_empty(), "{errors:?}\n{text}");
    let tools = BTreeMap::from([("no-such-tool".to_owned(), false)]);
    let facts = Facts { tools, ..Facts::default() };
    resolve(&loaded.workflows[0], &found.scripts, &BTreeMap::new(), &facts).unwrap()
}

/// What is done once everything has come as far as it can.
enum Act {
    Dies { rebooted: bool },
    Answered(String, Answer),
    Cancelled(String),
    Late(String),
    Vetoed(String),
    Lifted,
}

/// What a row plays.
#[derive(Default)]
pub(crate) struct Play {
    /// Lines for steps.
    lines: Vec<(String, &'static str)>,
    /// How attempts end, by step and attempt; none while it goes on.
    endings: Vec<(String, Option<Ending>)>,
    /// The exit codes of guards, conditions and probes.
    says: Vec<(String, Vec<i32>)>,
    acts: Vec<Act>,
}

impl Play {
    pub(crate) fn of(cell: &str, guards: &[&str]) -> Self {
        let mut play = Self::default();
        for item in cell.split("; ") {
            play.item(&item.replace(['`', ','], ""), guards);
        }
        play
    }

    fn item(&mut self, item: &str, guards: &[&str]) {
        let words: Vec<&str> = item.split(' ').collect();
        let numbers = || -> Vec<i32> { words.iter().filter_map(|w| w.parse().ok()).collect() };
        let lasts = Ending::of(Outcome::TimedOut { after_ms: 1 }, false);
        match words.as_slice() {
            ["all", "passes"] => {}
            ["the", "condition", "exits", ..] => self.says.push(("converge".to_owned(), numbers())),
            ["the", "probe", "of", step, "exits", ..] => {
                self.says.push(((*step).to_owned(), numbers()));
            }
            ["the", "probe", "of", step, "is", "killed"] => {
                self.says.push(((*step).to_owned(), vec![-9]));
            }
            [guard, "exits", ..] if guards.contains(guard) => {
                self.says.push(((*guard).to_owned(), numbers()));
            }
            [step, "exits", ..] => {
                let codes = numbers();
                for attempt in 1..10 {
                    let code = codes.get(attempt - 1).or(codes.last()).unwrap();
                    self.ends(&format!("{step}#{attempt}"), Some(exit(*code)));
                }
            }
            [step, "times", "out", "once"] => self.ends(&format!("{step}#1"), Some(lasts)),
            [step, "is", "lost", "once"] => {
                let lost = Ending::of(Outcome::Lost { reason: String::new() }, false);
                self.ends(&format!("{step}#1"), Some(lost));
            }
            [step, "is", "unreachable"] => {
                let (why, said) = (NoConnection::Unreachable, String::new());
                let ending = Ending::of(Outcome::NoConnection { why, said }, false);
                self.ends(&format!("{step}#1"), Some(ending));
            }
            [step, "is", "false"] => self.lines.push(((*step).to_owned(), "when = \"false\"")),
            [step, "is", "unproven"] => {
                self.lines.push(((*step).to_owned(), "requires = { tools = \"no-such-tool\" }"));
            }
            ["the", who, does, "in", step] => {
                self.ends(&format!("{step}#1"), None);
                self.acts.push(match (*who, *does) {
                    ("engine", "dies") => Act::Dies { rebooted: false },
                    ("machine", "restarts") => Act::Dies { rebooted: true },
                    ("deadline", "passes") => Act::Late((*step).to_owned()),
                    _ => panic!("{item}"),
                });
            }
            ["somebody", "vetoes", "in", step] => {
                self.ends(&format!("{step}#1"), None);
                self.acts.push(Act::Vetoed((*step).to_owned()));
            }
            ["the", "veto", "is", "lifted"] => self.acts.push(Act::Lifted),
            ["somebody", "cancels"] => self.acts.push(Act::Cancelled(String::new())),
            ["somebody", "cancels", "in", step] => {
                self.ends(&format!("{step}#1"), None);
                self.acts.push(Act::Cancelled((*step).to_owned()));
            }
            [step, "is", "answered", answer] => {
                let answer = match *answer {
                    "passed" => Answer::Passed,
                    "failed" => Answer::Failed,
                    "rerun" => Answer::Rerun,
                    _ => panic!("{item}"),
                };
                self.acts.push(Act::Answered((*step).to_owned(), answer));
            }
            _ => panic!("the page says what no test knows: {item}"),
        }
    }

    fn ends(&mut self, attempt: &str, ending: Option<Ending>) {
        self.endings.push((attempt.to_owned(), ending));
    }

    /// The verb with the play's lines.
    pub(crate) fn verb(&self, verb: &str) -> String {
        let added = |text: String, (step, line): &(String, &str)| with(&text, step, &[line]);
        self.lines.iter().fold(verb.to_owned(), added)
    }

    pub(crate) fn run(self, plan: Plan) -> Case {
        let mut case = Case::new(plan);
        for (attempt, ending) in self.endings {
            case = match ending {
                Some(ending) => case.ends(&attempt, ending),
                None => case.runs(&attempt),
            };
        }
        for (what, codes) in self.says {
            case = case.says(&what, &codes);
        }
        let ended = || Ending::of(Outcome::Cancelled, false);
        self.acts.into_iter().fold(case.go(), |mut case, act| match act {
            Act::Dies { rebooted } => case.dies(rebooted),
            Act::Answered(step, answer) => case.answer(&step, answer),
            Act::Cancelled(step) if step.is_empty() => case.cancel(),
            Act::Cancelled(step) => case.cancel().end(&step, ended()),
            // What runs ends by itself.
            Act::Vetoed(step) => {
                case.put(Event::Vetoed { note: "no".to_owned() });
                case.go().end(&step, exit(0))
            }
            Act::Lifted => {
                case.put(lift(&case.log.run));
                case.go()
            }
            Act::Late(step) => {
                case.put(Event::DeadlinePassed { after_ms: 60_000 });
                case.go().end(&step, ended())
            }
        })
    }
}
