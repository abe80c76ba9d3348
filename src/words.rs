//! Lines of a script into words, with sh quoting and nothing else of sh.
//!
//! Expansion, pipes, lists and redirections are refused with their place, so
//! that a script never means something else here than in a shell.

use std::fmt;

/// One command of a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// Line on which it begins, from 1.
    pub line: usize,
    /// Its text, continued lines joined, white space at the ends removed.
    pub text: String,
    /// Its words, quotes removed.
    pub words: Vec<String>,
}

/// Something that is not a plain command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxError {
    /// Line, from 1.
    pub line: usize,
    /// Column in characters, from 1.
    pub column: usize,
    /// What is wrong, and the remedy.
    pub problem: String,
}

impl fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.line, self.column, self.problem)
    }
}

impl std::error::Error for SyntaxError {}

/// Splits a script into commands. Comments and blank lines are left out.
pub fn commands(script: &str) -> Result<Vec<Command>, SyntaxError> {
    let mut lexer = Lexer { chars: script.chars().peekable(), line: 1, column: 0 };
    let mut all = Vec::new();
    while let Some(command) = lexer.command()? {
        if !command.words.is_empty() {
            all.push(command);
        }
    }
    Ok(all)
}

struct Lexer<'a> {
    chars: std::iter::Peekable<std::str::Chars<'a>>,
    line: usize,
    column: usize,
}

impl Lexer<'_> {
    fn next(&mut self) -> Option<char> {
        let c = self.chars.next()?;
        if c == '\n' {
            self.line += 1;
            self.column = 0;
        } else {
            self.column += 1;
        }
        Some(c)
    }

    fn error<T>(&self, problem: impl Into<String>) -> Result<T, SyntaxError> {
        Err(SyntaxError { line: self.line, column: self.column.max(1), problem: problem.into() })
    }

    /// The next line as a command; `None` at the end of the script.
    fn command(&mut self) -> Result<Option<Command>, SyntaxError> {
        if self.chars.peek().is_none() {
            return Ok(None);
        }
        let mut command = Command { line: self.line, text: String::new(), words: Vec::new() };
        let mut word: Option<String> = None;
        while let Some(c) = self.next() {
            if c == '\n' {
                break;
            }
            command.text.push(c);
            match c {
                ' ' | '\t' | '\r' => command.words.extend(word.take()),
                '#' if word.is_none() => {
                    command.text.pop();
                    while self.chars.peek().is_some_and(|&c| c != '\n') {
                        self.next();
                    }
                }
                '\\' => match self.next() {
                    Some('\n') => {
                        command.text.pop();
                        if command.words.is_empty() && word.is_none() {
                            command.line = self.line;
                        }
                    }
                    Some(c) => {
                        command.text.push(c);
                        word.get_or_insert_default().push(c);
                    }
                    None => return self.error("a backslash at the end of the script continues nothing"),
                },
                '\'' => self.single_quoted(&mut command.text, word.get_or_insert_default())?,
                '"' => self.double_quoted(&mut command.text, word.get_or_insert_default())?,
                '$' | '`' => {
                    return self
                        .error("variables and command substitution are not expanded; write the value");
                }
                '|' | '&' | ';' | '<' | '>' | '(' | ')' => {
                    return self.error(format!(
                        "'{c}' (pipes, lists, redirection) is not supported; one command a line"
                    ));
                }
                '*' | '?' | '[' => {
                    return self.error(format!("'{c}' is not expanded; quote it if it is meant literally"));
                }
                '~' | '{' | '}' | '!' if word.is_none() => {
                    return self.error(format!("'{c}' is not expanded; quote it if it is meant literally"));
                }
                '\0' => return self.error("a NUL character"),
                c => word.get_or_insert_default().push(c),
            }
        }
        command.words.extend(word);
        command.text = command.text.trim().to_string();
        Ok(Some(command))
    }

    fn single_quoted(&mut self, text: &mut String, word: &mut String) -> Result<(), SyntaxError> {
        let start = (self.line, self.column);
        while let Some(c) = self.next() {
            text.push(c);
            if c == '\'' {
                return Ok(());
            }
            word.push(c);
        }
        self.unclosed(start, '\'')
    }

    fn double_quoted(&mut self, text: &mut String, word: &mut String) -> Result<(), SyntaxError> {
        let start = (self.line, self.column);
        while let Some(c) = self.next() {
            text.push(c);
            match c {
                '"' => return Ok(()),
                '$' | '`' => {
                    return self
                        .error("variables and command substitution are not expanded; write the value");
                }
                '\\' => match self.next() {
                    Some('\n') => {
                        text.pop();
                    }
                    Some(c) => {
                        text.push(c);
                        if !matches!(c, '$' | '`' | '"' | '\\') {
                            word.push('\\');
                        }
                        word.push(c);
                    }
                    None => break,
                },
                c => word.push(c),
            }
        }
        self.unclosed(start, '"')
    }

    fn unclosed<T>(&self, (line, column): (usize, usize), quote: char) -> Result<T, SyntaxError> {
        Err(SyntaxError { line, column: column.max(1), problem: format!("this {quote} is never closed") })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(script: &str) -> Vec<Vec<String>> {
        commands(script).unwrap().into_iter().map(|c| c.words).collect()
    }

    #[test]
    fn words_are_split_as_sh_does() {
        assert_eq!(words("ip  route\tget 1.1.1.1 # why\n\n# note\n"), [["ip", "route", "get", "1.1.1.1"]]);
        assert_eq!(words("a 'b c' \"d \\\" e\" f\\ g ''"), [["a", "b c", "d \" e", "f g", ""]]);
        assert_eq!(words("ip route \\\n  get x#y"), [["ip", "route", "get", "x#y"]]);
    }

    #[test]
    fn lines_are_counted_over_continuations() {
        let all = commands("ip a \\\n b\n\nip c").unwrap();
        assert_eq!(all.iter().map(|c| c.line).collect::<Vec<_>>(), [1, 4]);
        assert_eq!(all[0].text, "ip a  b");
    }

    #[test]
    fn what_a_shell_would_expand_is_refused_with_its_place() {
        let place = |script| commands(script).map_err(|e| (e.line, e.column)).unwrap_err();
        assert_eq!(place("ip a\nip $X"), (2, 4));
        assert_eq!(place("ip a | cat"), (1, 6));
        assert_eq!(place("ip a; ip b"), (1, 5));
        assert_eq!(place("ip 'a"), (1, 4));
        assert_eq!(place("ip a \\"), (1, 6));
        assert_eq!(place("ip *"), (1, 4));
        assert_eq!(place("ip \"`x`\""), (1, 5));
    }
}
