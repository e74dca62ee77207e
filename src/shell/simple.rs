//! Shell text that is one simple command of literal words, which can be started without a shell.

/// The words of `text`, if bash would do nothing with it but start that program with those words.
///
/// Only an absolute path is taken: for a bare name, what bash finds and what it says when it finds
/// nothing would have to be imitated, and its builtins be known.
pub fn simple_command(text: &str) -> Option<Vec<&str>> {
    let text = text.trim_matches([' ', '\t', '\n']);
    let plain = |b: u8| b.is_ascii_alphanumeric() || b" /._-+,:@%".contains(&b);
    let mut words = text.split(' ').filter(|w| !w.is_empty());
    let simple = text.starts_with('/') && text.bytes().all(|b| plain(b) || b == b'=');
    let first = words.next().filter(|w| simple && !w.contains('='))?;
    Some(std::iter::once(first).chain(words).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_literal_words_after_an_absolute_path_are_simple() {
        assert_eq!(simple_command("/bin/true").unwrap(), ["/bin/true"]);
        assert_eq!(simple_command(" /bin/ls -l  a=b \n").unwrap(), ["/bin/ls", "-l", "a=b"]);
        for no in [
            "true",
            "ls",
            "",
            "/bin/echo $x",
            "/bin/echo 'a b'",
            "/bin/a; /bin/b",
            "A=1 /bin/env",
            "/bin/a &",
            "/bin/ls *",
            "/bin/ls ~",
            "/bin/a\n/bin/b",
            "/bin/e {a,b}",
            "/bin/e a#b",
            "! /bin/true",
            "/a=b c",
        ] {
            assert_eq!(simple_command(no), None, "{no}");
        }
    }
}
