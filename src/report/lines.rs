//! Lines of text: several made one, cut to a width, broken between words.

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use crate::diagnostic::printable;

/// A text in one line: other lines follow a sign.
pub(crate) fn one_line(text: &str) -> String {
    let lines: Vec<&str> = text.trim().lines().map(str::trim).collect();
    printable(&lines.join("⏎").replace('\t', " "))
}

/// How many lines of a command are shown.
const COMMAND: usize = 6;

/// The first lines of a command, and how many are left out.
pub(crate) fn command(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = text.trim().lines().map(printable).collect();
    let left_out = lines.len().saturating_sub(COMMAND);
    if left_out > 0 {
        lines.truncate(COMMAND);
        lines.push(format!("… and {left_out} more"));
    }
    lines
}

/// A text without what is no character: XML cannot hold it, nor say what it was.
pub(crate) fn in_xml(text: &str) -> String {
    text.replace(['\u{fffe}', '\u{ffff}'], "\u{fffd}")
}

/// How many columns a text takes.
pub(crate) fn columns(text: &str) -> usize {
    text.width()
}

/// A text cut to so many columns, with a sign where something is left out.
pub(crate) fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut left = width.saturating_sub(1);
    let fits = |c: &char| {
        let wide = c.width().unwrap_or(0);
        let fits = wide <= left;
        left = left.saturating_sub(wide);
        fits
    };
    let kept: String = text.chars().take_while(fits).collect();
    if width == 0 { String::new() } else { format!("{kept}…") }
}

/// A text in lines of at most so many columns. A longer word has a line of its own.
pub(crate) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.width() + 1 + word.width() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_by_columns_not_by_letters() {
        assert_eq!(cut("short", 5), "short");
        assert_eq!(cut("longer", 5), "long…");
        assert_eq!(cut("世界世界", 5), "世界…");
        assert_eq!(cut("世界世界", 4), "世…");
        assert_eq!(cut("x", 0), "");
    }

    #[test]
    fn several_lines_become_one() {
        assert_eq!(one_line("a\n  b\tc\u{202e}\n"), "a⏎b c\\u{202e}");
    }

    #[test]
    fn lines_end_between_words() {
        assert_eq!(wrapped("one two three", 7), ["one two", "three"]);
        assert_eq!(wrapped("a remarkable d", 3), ["a", "remarkable", "d"]);
        assert!(wrapped("", 10).is_empty());
    }
}
