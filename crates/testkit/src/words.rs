//! Splitting a script line into words with the quoting of `sh`.
//!
//! Quotes and backslashes only: no expansion, no pipes, no lists. A line that
//! holds an unquoted character with a meaning of its own to `sh` is an error,
//! so that a script means the same here, in Fingerpost and in a shell.

use std::fmt;

/// Why a line could not be split.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WordError {
    /// A quote was opened at this column (from 1) and never closed.
    OpenQuote(usize),
    /// An unquoted character at this column (from 1) that `sh` would act upon.
    Special(usize, char),
    /// The line ends with a backslash.
    TrailingBackslash,
}

impl fmt::Display for WordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            WordError::OpenQuote(column) => write!(f, "column {column}: quote is never closed"),
            WordError::Special(column, c) => write!(f, "column {column}: `{c}` is not supported"),
            WordError::TrailingBackslash => f.write_str("the line ends with a backslash"),
        }
    }
}

impl std::error::Error for WordError {}

/// The words of one line; empty for a blank line or a comment.
///
/// # Errors
///
/// See [`WordError`].
pub fn split(line: &str) -> Result<Vec<String>, WordError> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = line.chars().enumerate();
    while let Some((at, c)) = chars.next() {
        match c {
            ' ' | '\t' | '\r' | '\n' => words.extend(word.take()),
            '#' if word.is_none() => break,
            '\'' => {
                let open = word.get_or_insert_default();
                loop {
                    match chars.next() {
                        Some((_, '\'')) => break,
                        Some((_, inner)) => open.push(inner),
                        None => return Err(WordError::OpenQuote(at + 1)),
                    }
                }
            }
            '"' => double_quoted(&mut chars, word.get_or_insert_default(), at)?,
            '\\' => match chars.next() {
                Some((_, next)) => word.get_or_insert_default().push(next),
                None => return Err(WordError::TrailingBackslash),
            },
            '|' | '&' | ';' | '<' | '>' | '(' | ')' | '$' | '`' | '*' | '?' | '{' | '}' | '~' => {
                return Err(WordError::Special(at + 1, c));
            }
            _ => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Ok(words)
}

/// Reads up to the closing `"`; a backslash escapes only what it escapes in `sh`.
fn double_quoted(
    chars: &mut impl Iterator<Item = (usize, char)>,
    word: &mut String,
    opened: usize,
) -> Result<(), WordError> {
    loop {
        match chars.next() {
            Some((_, '"')) => return Ok(()),
            Some((at, c @ ('$' | '`'))) => return Err(WordError::Special(at + 1, c)),
            Some((_, '\\')) => match chars.next() {
                Some((_, c @ ('"' | '\\' | '$' | '`'))) => word.push(c),
                Some((_, c)) => word.extend(['\\', c]),
                None => return Err(WordError::OpenQuote(opened + 1)),
            },
            Some((_, c)) => word.push(c),
            None => return Err(WordError::OpenQuote(opened + 1)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ok(line: &str) -> Vec<String> {
        split(line).expect("splits")
    }

    #[test]
    fn plain_words_and_comments() {
        assert_eq!(ok("ip  route\tget 1.1.1.1 # why"), ["ip", "route", "get", "1.1.1.1"]);
        assert!(ok("  # only a comment").is_empty());
        assert_eq!(ok("ip a#b"), ["ip", "a#b"]);
    }

    #[test]
    fn quotes_join_and_may_be_empty() {
        assert_eq!(ok(r#"ip link set e0 alias "a b"'c d'"#), ["ip", "link", "set", "e0", "alias", "a bc d"]);
        assert_eq!(ok("ip route add '' \"\""), ["ip", "route", "add", "", ""]);
        assert_eq!(ok(r#"x "a\"b\n" \ y\#"#), ["x", "a\"b\\n", " y#"]);
    }

    #[test]
    fn what_a_shell_would_act_upon_is_refused() {
        assert_eq!(split("ip route | cat"), Err(WordError::Special(10, '|')));
        assert_eq!(split("ip \"$x\""), Err(WordError::Special(5, '$')));
        assert_eq!(ok("ip '$x|*'"), ["ip", "$x|*"]);
        assert_eq!(split("ip 'x"), Err(WordError::OpenQuote(4)));
        assert_eq!(split("ip x\\"), Err(WordError::TrailingBackslash));
    }
}
