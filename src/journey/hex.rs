//! Bytes as people paste them: hexadecimal digits, with blanks, colons and the offsets that
//! `tcpdump -x` prints before its lines.

/// The bytes that a text stands for.
///
/// # Errors
///
/// The place of what is no digit, or a digit without its second half.
pub fn bytes_of(text: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::with_capacity(text.len() / 2);
    let mut half: Option<(u8, Place)> = None;
    for (number, line) in text.lines().enumerate() {
        // `0x0010:` says where the line's bytes stand.
        let offset = line.trim_start().strip_prefix("0x").and_then(|rest| rest.split_once(':'));
        let is_offset = offset.is_some_and(|(digits, _)| digits.bytes().all(|c| c.is_ascii_hexdigit()));
        let start = if is_offset { line.find(':').map_or(0, |at| at + 1) } else { 0 };
        for (column, c) in line.char_indices().filter(|&(at, _)| at >= start) {
            let place = Place { line: number + 1, column: line[..column].chars().count() + 1 };
            let digit = match c.to_digit(16) {
                Some(digit) => digit as u8,
                None if c.is_whitespace() || c == ':' => continue,
                None => return Err(format!("{place}: '{c}' is no hexadecimal digit")),
            };
            match half.take() {
                None => half = Some((digit, place)),
                Some((high, _)) => bytes.push(high << 4 | digit),
            }
        }
    }
    match half {
        Some((_, place)) => Err(format!("{place}: the last digit is half a byte; bytes have two")),
        None => Ok(bytes),
    }
}

/// Where a character stands, from 1.
#[derive(Clone, Copy)]
struct Place {
    line: usize,
    column: usize,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.line {
            1 => write!(f, "character {}", self.column),
            line => write!(f, "line {line}, character {}", self.column),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_in_every_dress() {
        let wanted = Ok(vec![0x45, 0x00, 0xab, 0xcd]);
        for text in ["4500abcd", "45 00 AB cd\n", "45:00:ab:cd", "4500\n  abcd", " 0x0000:  4500 abcd"] {
            assert_eq!(bytes_of(text), wanted, "{text}");
        }
        assert_eq!(bytes_of("0x0000:  4500\n\t0x0002:  abcd"), wanted);
        assert_eq!(bytes_of(""), Ok(Vec::new()));
    }

    #[test]
    fn what_is_no_byte_has_a_place() {
        assert_eq!(bytes_of("45 0g"), Err("character 5: 'g' is no hexadecimal digit".into()));
        assert_eq!(bytes_of("4500\n45é0"), Err("line 2, character 3: 'é' is no hexadecimal digit".into()));
        assert_eq!(bytes_of("0x45"), Err("character 2: 'x' is no hexadecimal digit".into()));
        assert!(bytes_of("450").is_err_and(|why| why.starts_with("character 3: the last digit is half")));
    }
}
