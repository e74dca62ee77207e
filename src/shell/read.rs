//! Shell text read by `brush-parser`, and refused where that parser is known to misread in silence.
//!
//! The rules are those of docs/decisions/0001-shell-parser.md; their numbers are given where they are kept.

use brush_parser::ast::Program;
use brush_parser::word::{self, WordPiece, WordPieceWithSource};
use brush_parser::{ParserOptions, Token, parse_tokens, uncached_tokenize_str};

use super::compile::Dialect;
use super::marks::has_mark;

/// The digits of the largest file descriptor; the parser panics on more.
const FD_DIGITS: usize = 9;

/// Reads programs and words of one dialect. Errors say what was not understood.
pub(super) struct Reader {
    dialect: Dialect,
}

impl Reader {
    pub(super) fn new(dialect: Dialect) -> Self {
        Self { dialect }
    }

    /// A program. Rule 5: a text with `!(` may use it as a negated subshell or as a pattern.
    pub(super) fn program(&self, text: &str) -> Result<Program, String> {
        let order = if text.contains("!(") { [false, true] } else { [true, false] };
        let first = self.attempt(text, order[0]);
        if first.is_ok() { first } else { self.attempt(text, order[1]).or(first) }
    }

    fn attempt(&self, text: &str, extended: bool) -> Result<Program, String> {
        let options = self.options(extended);
        let tokens = uncached_tokenize_str(text, &options.tokenizer_options())
            .map_err(|error| error.to_string())?;
        spans_are_sound(text, &tokens)?;
        parse_tokens(&tokens, &options).map_err(|error| error.to_string())
    }

    /// A word's pieces.
    pub(super) fn word(&self, text: &str) -> Result<Vec<WordPieceWithSource>, String> {
        let pieces = word::parse(text, &self.options(true));
        understood(text, pieces.map_err(|_| unread(text))?)
    }

    /// The pieces of a text in which quotes are ordinary characters: a here-document, or what `"${x:-…}"` holds.
    pub(super) fn unquoted(&self, text: &str) -> Result<Vec<WordPieceWithSource>, String> {
        let pieces = word::parse_heredoc(text, &self.options(true));
        understood(text, pieces.map_err(|_| unread(text))?)
    }

    fn options(&self, extended: bool) -> ParserOptions {
        ParserOptions {
            enable_extended_globbing: extended,
            sh_mode: self.dialect == Dialect::Sh,
            // A tilde before anything but a plain name is text, and the parser panics on `~` and many digits.
            tilde_expansion_at_word_start: false,
            ..ParserOptions::default()
        }
    }
}

fn unread(text: &str) -> String {
    let short: String = text
        .chars()
        .take(40)
        .map(|c| if has_mark(c.encode_utf8(&mut [0; 4])) { '…' } else { c })
        .collect();
    format!("the word `{short}`")
}

/// Rule 3: the text `$` before a bracket is an expansion that was not read.
fn understood(
    text: &str,
    pieces: Vec<WordPieceWithSource>,
) -> Result<Vec<WordPieceWithSource>, String> {
    fn fine(text: &str, pieces: &[WordPieceWithSource]) -> bool {
        pieces.iter().all(|p| match &p.piece {
            WordPiece::Text(t) if t.ends_with('$') => {
                !text.get(p.end_index..).unwrap_or("{").starts_with(['{', '(', '['])
            }
            WordPiece::DoubleQuotedSequence(inner)
            | WordPiece::GettextDoubleQuotedSequence(inner) => fine(text, inner),
            _ => true,
        })
    }
    if fine(text, &pieces) { Ok(pieces) } else { Err(unread(text)) }
}

/// Rule 1: no two tokens share a character, and a token with a placeholder is what stands in the source.
fn spans_are_sound(text: &str, tokens: &[Token]) -> Result<(), String> {
    let mut spans: Vec<(usize, usize)> = tokens
        .iter()
        .map(|t| (t.location().start.index, t.location().end.index))
        .filter(|(start, end)| start < end)
        .collect();
    spans.sort_unstable();
    if spans.windows(2).any(|pair| pair[0].1 > pair[1].0) {
        return Err("an expansion after a here-document's tag, on the same line".to_owned());
    }
    for pair in tokens.windows(2) {
        let [Token::Word(word, _), Token::Operator(operator, _)] = pair else { continue };
        let digits = word.bytes().all(|b| b.is_ascii_digit());
        if digits && (word.is_empty() || word.len() > FD_DIGITS) && operator.starts_with(['<', '>'])
        {
            return Err(format!("the file descriptor before `{operator}`"));
        }
    }
    if !has_mark(text) {
        return Ok(());
    }
    let chars: Vec<char> = text.chars().collect();
    for (at, token) in tokens.iter().enumerate() {
        let written = token.to_str();
        if !has_mark(written) {
            continue;
        }
        let (start, end) = (token.location().start.index, token.location().end.index);
        let slice: String = chars.get(start..end).unwrap_or_default().iter().collect();
        let body = at >= 2
            && tokens[at - 2].to_str().starts_with("<<")
            && tokens[at - 2].to_str() != "<<<";
        let same = if body {
            plain_lines(&slice).starts_with(&plain_lines(written))
        } else {
            slice.replace("\\\n", "").trim_start() == written.replace("\\\n", "").trim_start()
        };
        if !same {
            return Err("a word with a comment, or a here-document, inside its `$( )`".to_owned());
        }
    }
    Ok(())
}

/// A here-document's text without line continuations and leading tabs.
fn plain_lines(text: &str) -> String {
    let joined = text.replace("\\\n", "");
    joined.split('\n').map(|line| line.trim_start_matches('\t')).collect::<Vec<_>>().join("\n")
}
