//! Shell text: what can be said of it without running it, and its placeholders compiled. Pure.
#![deny(clippy::disallowed_methods)]

mod argv;
mod calls;
mod compile;
mod contexts;
mod evaluating;
mod facts;
mod files;
mod interpreters;
mod marks;
mod operands;
mod programs;
mod read;
mod readers;
mod simple;
mod taint;
mod words;
mod wrappers;

pub use argv::{Words, words};
pub use compile::{Compiled, Dialect, Kind, Refusal, Scripts, Surroundings, compile};
pub use evaluating::is_run;
pub use marks::{shown, variable};
pub use simple::simple_command;

/// Whether the text holds a pipe outside quotes and comments.
pub fn has_pipeline(text: &str) -> bool {
    let mut quote = None;
    let mut before = ' ';
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (Some('\''), '\'') | (Some('"'), '"') => quote = None,
            (Some('\''), _) => {}
            (_, '\\') => {
                chars.next();
            }
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(c),
            (None, '#') if before.is_whitespace() => {
                while chars.next_if(|c| *c != '\n').is_some() {}
            }
            (None, '|') if before != '|' && before != '>' && chars.peek() != Some(&'|') => {
                return true;
            }
            (None, _) => {}
        }
        before = c;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipeline_is_told_from_its_likes() {
        for yes in ["a | b", "a|b", "a \"$x\" |& b", "x; y 2>&1 | z"] {
            assert!(has_pipeline(yes), "{yes}");
        }
        for no in ["a || b", "echo 'a | b'", "echo \"|\"", "echo \\|", "a # | b", "a >| b"] {
            assert!(!has_pipeline(no), "{no}");
        }
    }
}
