//! What a code means, at some length: its page in `codes/`, taken apart.
//!
//! A page is a text, then under `## Wrong` and `## Right` one fenced block each: what yields the code, and the right
//! form of the same. Behind the fence stand the language and the file it is meant for; what one file cannot show is
//! made by commands, as `sh` without a file.

use super::Code;

/// What a code means.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Explanation {
    /// What it says, why that matters and what to do: paragraphs, each in one line.
    pub paragraphs: Vec<String>,
    /// What yields the code.
    pub wrong: Example,
    /// The right form of the same.
    pub right: Example,
}

/// A file, or the commands that make one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Example {
    /// `toml`, `nickel`, or `sh` for commands.
    pub language: &'static str,
    /// The file it is, from the workspace; none for commands.
    pub file: Option<&'static str>,
    /// The file's text, or the commands.
    pub text: &'static str,
}

impl Code {
    /// What the code means. That every page has its form is tested.
    pub fn explanation(self) -> Explanation {
        parse(self.page()).unwrap_or_default()
    }
}

fn parse(page: &'static str) -> Option<Explanation> {
    let (text, examples) = page.split_once("\n## Wrong\n")?;
    let (wrong, right) = examples.split_once("\n## Right\n")?;
    let in_one_line = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    Some(Explanation {
        paragraphs: text.split("\n\n").map(in_one_line).collect(),
        wrong: example(wrong)?,
        right: example(right)?,
    })
}

fn example(section: &'static str) -> Option<Example> {
    let block = section.trim().strip_prefix("```")?.strip_suffix("```")?;
    let (info, text) = block.split_once('\n')?;
    let (language, file) = match info.split_once(' ') {
        Some((language, file)) => (language, Some(file)),
        None => (info, None),
    };
    Some(Example { language, file, text })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_has_its_form() {
        for code in Code::ALL {
            let page = code.page();
            let code = code.as_str();
            let explained = parse(page).unwrap_or_else(|| panic!("{code}: Wrong, then Right"));
            let lines = page.lines().take_while(|line| !line.starts_with('#')).count();
            assert!((2..=7).contains(&lines), "{code}: 2 to 6 lines, and an empty one");
            for line in page.lines() {
                assert!(line.chars().count() <= 76, "{code}: {line:?} is longer than 76 columns");
            }
            for example in [explained.wrong, explained.right] {
                let fits = match (example.language, example.file) {
                    ("sh", None) => true,
                    ("toml", Some(file)) => file.rsplit('.').next() == Some("toml"),
                    ("nickel", Some(file)) => file.rsplit('.').next() == Some("ncl"),
                    _ => false,
                };
                assert!(fits && !example.text.contains("```"), "{code}: {example:?}");
            }
        }
    }

    #[test]
    fn a_page_is_taken_apart() {
        let page = "One\ntwo.\n\nThree.\n\n## Wrong\n\n```toml a.toml\nid = 1\n```\n\n## Right\n\n```sh\ntrue\n```\n";
        let wrong = Example { language: "toml", file: Some("a.toml"), text: "id = 1\n" };
        let right = Example { language: "sh", file: None, text: "true\n" };
        let paragraphs = vec!["One two.".to_owned(), "Three.".to_owned()];
        assert_eq!(parse(page), Some(Explanation { paragraphs, wrong, right }));
        assert_eq!(parse("One.\n\n## Right\n"), None);
    }
}
