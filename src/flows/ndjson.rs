//! Lists as NDJSON: the lines that `explain -` takes, an object (or string) each.

use super::fields::{Draft, Key, Reader};
use crate::explain::{Question, ResolvedQuestion, text_of};

/// The question on a line.
///
/// # Errors
///
/// What `explain -` says of it.
#[inline]
pub fn question<'l>(
    line: &'l [u8],
    parts: &mut Vec<(Key, Value<'l>)>,
    reader: &mut Reader<'_>,
) -> Result<ResolvedQuestion, String> {
    parts.clear();
    let is_flat = flat(line, parts).is_some();
    match is_flat.then(|| plain(parts, reader)).flatten() {
        Some(question) => Ok(question),
        None => {
            let question = Question::from_json(text_of(line)?.trim_end(), reader.names())?;
            let mut number = Vec::new();
            let parts: &[(Key, Value<'l>)] = if is_flat { parts } else { &[] };
            let tos = parts.iter().find_map(|(key, value)| match (key, value) {
                (Key::Tos, Value::Number(digits)) => Some(*digits),
                _ => None,
            });
            if let Some(digits) = tos {
                hexadecimal(digits, &mut number);
            }
            let texts = parts.iter().filter_map(|&(key, value)| match value {
                Value::Text(text) => Some((key, text)),
                Value::Number(_) if key == Key::Tos => Some((key, &number[..])),
                Value::Number(digits) => Some((key, digits)),
                Value::Null => None,
            });
            reader.take(&question, texts)
        }
    }
}

/// A value of an object without nesting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value<'l> {
    /// A string without escapes.
    Text(&'l [u8]),
    /// A number that is a row of digits.
    Number(&'l [u8]),
    /// Nothing is given.
    Null,
}

fn plain(parts: &[(Key, Value<'_>)], reader: &Reader<'_>) -> Option<ResolvedQuestion> {
    let mut draft = Draft::default();
    let mut seen = 0u16;
    for &(key, value) in parts {
        seen |= 1 << key as u8;
        let is_plain = match (value, key) {
            (Value::Null, _) => true,
            (Value::Text(text), _) => reader.put(&mut draft, key, text, text.len()),
            (Value::Number(digits), Key::Tos) => {
                let mut text = Vec::new();
                hexadecimal(digits, &mut text);
                reader.put(&mut draft, key, &text, text.len())
            }
            (Value::Number(digits), _) => reader.put(&mut draft, key, digits, digits.len()),
        };
        if !is_plain {
            return None;
        }
    }
    let both = 1 << Key::Oif as u8 | 1 << Key::Vrf as u8;
    let each_once = seen.count_ones() as usize == parts.len();
    (each_once && seen & both != both).then(|| reader.finish(&draft))?
}

/// A type of service given as a number, as it is written in words.
fn hexadecimal(digits: &[u8], text: &mut Vec<u8>) {
    let number = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse::<u64>().ok());
    text.extend(number.map_or(String::new(), |number| format!("{number:#x}")).bytes());
}

/// The members of an object on one line; `None` where it is anything but flat.
fn flat<'l>(line: &'l [u8], parts: &mut Vec<(Key, Value<'l>)>) -> Option<()> {
    let mut rest = Rest(line);
    rest.byte(b'{')?;
    loop {
        let key = Key::named(rest.string()?)?;
        rest.byte(b':')?;
        parts.push((key, rest.value()?));
        if rest.byte(b',').is_none() {
            break;
        }
    }
    rest.byte(b'}')?;
    rest.blanks();
    rest.0.is_empty().then_some(())
}

/// What is left of a line.
struct Rest<'l>(&'l [u8]);

impl<'l> Rest<'l> {
    fn blanks(&mut self) {
        while let [b' ' | b'\t' | b'\r', rest @ ..] = self.0 {
            self.0 = rest;
        }
    }

    /// Takes this byte, after blanks.
    fn byte(&mut self, wanted: u8) -> Option<()> {
        self.blanks();
        self.0 = self.0.strip_prefix(&[wanted])?;
        Some(())
    }

    /// Takes a string without escapes; what is no text is found later, since no name is.
    fn string(&mut self) -> Option<&'l [u8]> {
        self.byte(b'"')?;
        let end = self.0.iter().position(|&byte| matches!(byte, b'"' | b'\\' | 0..0x20))?;
        let (text, rest) = self.0.split_at(end);
        self.0 = rest.strip_prefix(b"\"")?;
        Some(text)
    }

    fn value(&mut self) -> Option<Value<'l>> {
        self.blanks();
        if self.0.first() == Some(&b'"') {
            return self.string().map(Value::Text);
        }
        if let Some(rest) = self.0.strip_prefix(b"null") {
            self.0 = rest;
            return Some(Value::Null);
        }
        let length = self.0.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (digits, rest) = self.0.split_at(length);
        match (digits, rest) {
            ([], _) | ([b'0', _, ..], _) | (_, [b'.' | b'e' | b'E', ..]) => None,
            _ => {
                self.0 = rest;
                Some(Value::Number(digits))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(line: &str) -> Option<Vec<(Key, Value<'_>)>> {
        let mut parts = Vec::new();
        flat(line.as_bytes(), &mut parts).map(|()| parts)
    }

    #[test]
    fn flat_objects_are_taken_apart() {
        let to = (Key::To, Value::Text(b"1.1.1.1"));
        assert_eq!(members(r#"{"to":"1.1.1.1"}"#), Some(vec![to]));
        assert_eq!(
            members(" { \"to\" : \"1.1.1.1\" , \"mark\" : 16 , \"oif\": null } \t"),
            Some(vec![to, (Key::Mark, Value::Number(b"16")), (Key::Oif, Value::Null)])
        );
        for line in [
            "",
            "{}",
            "{",
            "\"1.1.1.1\"",
            r#"{"to":"1.1.1.1",}"#,
            r#"{"to":"1.1.1.1"} {}"#,
            r#"{"to":"1.1.1.1","colour":1}"#,
            r#"{"to":"1\u002e1.1.1"}"#,
            r#"{"to":"1.1.1.1","mark":01}"#,
            r#"{"to":"1.1.1.1","mark":-1}"#,
            r#"{"to":"1.1.1.1","mark":1.0}"#,
            r#"{"to":"1.1.1.1","mark":[1]}"#,
            r#"{"to":"1.1.1.1","mark":true}"#,
        ] {
            assert_eq!(members(line), None, "{line}");
        }
    }
}
