//! Lists as CSV (RFC 4180): a header that names the columns, then a question a line.

use std::borrow::Cow;

use super::fields::{Draft, Key, Reader};
use super::scan;
use crate::explain::{Question, ResolvedQuestion, check_key, text_of};

/// What the columns are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Columns {
    keys: Vec<Key>,
    /// The header as it was written; empty where there was none.
    pub header: Vec<u8>,
}

impl Columns {
    /// Of a list without header: addresses alone.
    pub fn bare() -> Self {
        Columns { keys: vec![Key::To], header: Vec::new() }
    }

    /// Reads the header.
    pub fn read(line: &[u8]) -> Result<Columns, String> {
        text_of(line)?;
        plain(line)?;
        let names = Split::new(line).collect::<Result<Vec<_>, _>>()?;
        if !names.iter().any(|name| column(name).is_ok()) {
            return Err(format!(
                "the first line should name the columns, as in: to,from,iif,mark; it is \"{}\"",
                String::from_utf8_lossy(line)
            ));
        }
        let mut keys = Vec::with_capacity(names.len());
        for name in &names {
            let key = column(name)?;
            if keys.contains(&key) {
                let name = String::from_utf8_lossy(name);
                return Err(match name == key.name() {
                    true => format!("column {name} is given twice"),
                    false => format!("columns {} and {name} mean the same; give one of them", key.name()),
                });
            }
            keys.push(key);
        }
        if !keys.contains(&Key::To) {
            return Err("no column is named \"to\", the destination".into());
        }
        Ok(Columns { keys, header: line.to_vec() })
    }

    /// The question on the line with which `rest` begins, up to `end`.
    ///
    /// # Errors
    ///
    /// What is wrong with it, with the column where one is to blame.
    #[inline]
    pub fn question(
        &self,
        rest: &[u8],
        end: usize,
        reader: &mut Reader<'_>,
    ) -> Result<ResolvedQuestion, String> {
        match self.plain(rest, end, reader) {
            Some(question) => Ok(question),
            None => self.slowly(&rest[..end], reader),
        }
    }

    /// A question of plain fields, which may be in quotes.
    #[inline]
    fn plain(&self, rest: &[u8], end: usize, reader: &Reader<'_>) -> Option<ResolvedQuestion> {
        let mut draft = Draft::default();
        let mut at = 0;
        for &key in &self.keys {
            let quoted = usize::from(rest.get(at) == Some(&b'"') && at < end);
            let start = at + quoted;
            let stop = scan::find(rest, start, end, if quoted == 1 { b'"' } else { b',' });
            at = stop + quoted + 1;
            let closed = at > end || rest[at - 1] == b',';
            if start > end || at > end + 1 || !closed {
                return None;
            }
            if stop > start && !reader.put(&mut draft, key, &rest[start..], stop - start) {
                return None;
            }
        }
        if at == end + 1 { reader.finish(&draft) } else { None }
    }

    fn slowly(&self, line: &[u8], reader: &mut Reader<'_>) -> Result<ResolvedQuestion, String> {
        text_of(line)?;
        plain(line)?;
        let fields = Split::new(line).collect::<Result<Vec<_>, _>>()?;
        if fields.len() != self.keys.len() {
            let count = |n: usize| if n == 1 { "1 field".into() } else { format!("{n} fields") };
            return Err(format!("{}, where the header has {}", count(fields.len()), self.keys.len()));
        }
        let parts = || self.keys.iter().copied().zip(fields.iter().map(|field| &**field));
        let given: Vec<(Key, &[u8])> = parts().filter(|(_, field)| !field.is_empty()).collect();
        let result = ask(&given, reader).and_then(|question| reader.take(&question, given.iter().copied()));
        result.map_err(|why| match self.blamed(&given, &why, reader) {
            Some(key) => format!("column {}: {why}", self.name_of(key)),
            None => why,
        })
    }

    /// The part that is as wrong beside the destination alone.
    fn blamed(&self, given: &[(Key, &[u8])], why: &str, reader: &mut Reader<'_>) -> Option<Key> {
        let (to, others): (Vec<_>, Vec<_>) = given.iter().copied().partition(|(key, _)| *key == Key::To);
        let mut is_wrong = |parts: &[(Key, &[u8])]| {
            let result = ask(parts, reader).and_then(|question| reader.take(&question, []));
            result.is_err_and(|other| other == why)
        };
        if is_wrong(&to) {
            return Some(Key::To);
        }
        let found = others.into_iter().find(|&part| is_wrong(&[&to[..], &[part]].concat()));
        found.map(|(key, _)| key)
    }

    /// What the header calls a part.
    fn name_of(&self, key: Key) -> String {
        let names = Split::new(&self.header).flatten();
        let mut named = self.keys.iter().zip(names);
        let name = named.find(|(own, _)| **own == key).map(|(_, name)| name);
        name.map_or_else(|| key.name().into(), |name| String::from_utf8_lossy(&name).into_owned())
    }

    /// The fields of a line that has been understood, with their columns' names.
    pub fn named<'l>(&'l self, line: &'l [u8]) -> impl Iterator<Item = (&'static str, Cow<'l, [u8]>)> {
        self.keys.iter().map(|key| key.name()).zip(Split::new(line).flatten())
    }
}

/// The question that fields make, in the words of `explain`.
fn ask(parts: &[(Key, &[u8])], reader: &Reader<'_>) -> Result<Question, String> {
    let text = |text: &[u8]| String::from_utf8_lossy(text).into_owned();
    let fields: Vec<(String, Option<String>)> =
        parts.iter().map(|(key, field)| (key.name().into(), Some(text(field)))).collect();
    Question::of_fields(&fields, reader.names())
}

/// The part that a column holds, by its name or an alias of that.
fn column(name: &[u8]) -> Result<Key, String> {
    match name {
        b"dst" => Ok(Key::To),
        b"src" => Ok(Key::From),
        name => Key::named(name).ok_or_else(|| {
            let name = String::from_utf8_lossy(name);
            check_key(&name).err().unwrap_or_else(|| format!("\"{name}\" is no column"))
        }),
    }
}

/// Refuses what is no text to look at.
fn plain(line: &[u8]) -> Result<(), String> {
    match line.iter().position(|&byte| byte < b' ' && byte != b'\t' || byte == 0x7f) {
        None => Ok(()),
        Some(at) => {
            let column = String::from_utf8_lossy(&line[..at]).chars().count() + 1;
            Err(format!("column {column}: a control character (0x{:02x})", line[at]))
        }
    }
}

/// The fields of a line.
struct Split<'l> {
    line: &'l [u8],
    /// Where the next field begins; past the end when there is none.
    at: usize,
}

impl<'l> Split<'l> {
    fn new(line: &'l [u8]) -> Self {
        Split { line, at: 0 }
    }

    /// A field in quotes, in which two quotes stand for one.
    fn quoted(&mut self) -> Result<Cow<'l, [u8]>, String> {
        let start = self.at + 1;
        let mut text = Cow::Borrowed(&self.line[start..start]);
        let mut from = start;
        loop {
            let Some(length) = self.line[from..].iter().position(|&byte| byte == b'"') else {
                let column = String::from_utf8_lossy(&self.line[..start]).chars().count();
                return Err(format!(
                    "character {column}: a quote that is not closed; a field ends on its line"
                ));
            };
            let end = from + length;
            match text {
                Cow::Borrowed(_) => text = Cow::Borrowed(&self.line[start..end]),
                Cow::Owned(ref mut text) => text.extend_from_slice(&self.line[from..end]),
            }
            match self.line.get(end + 1) {
                Some(b'"') => {
                    text.to_mut().push(b'"');
                    from = end + 2;
                }
                None | Some(b',') => {
                    self.at = end + 2;
                    return Ok(text);
                }
                Some(_) => {
                    let column = String::from_utf8_lossy(&self.line[..=end]).chars().count() + 1;
                    return Err(format!("character {column}: a comma should follow the closing quote"));
                }
            }
        }
    }
}

impl<'l> Iterator for Split<'l> {
    type Item = Result<Cow<'l, [u8]>, String>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.line.get(self.at..)?;
        if rest.first() == Some(&b'"') {
            let field = self.quoted();
            if field.is_err() {
                self.at = usize::MAX;
            }
            return Some(field);
        }
        let length = rest.iter().position(|&byte| byte == b',').unwrap_or(rest.len());
        self.at += length + 1;
        Some(Ok(Cow::Borrowed(&rest[..length])))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(line: &str) -> Result<Vec<String>, String> {
        Split::new(line.as_bytes())
            .map(|field| field.map(|field| String::from_utf8_lossy(&field).into_owned()))
            .collect()
    }

    #[test]
    fn fields_are_split_as_rfc_4180_says() {
        for (line, fields) in [
            ("a,b,c", vec!["a", "b", "c"]),
            ("", vec![""]),
            (",", vec!["", ""]),
            ("a,", vec!["a", ""]),
            ("\"a\",b", vec!["a", "b"]),
            ("\"a,b\",\"\"", vec!["a,b", ""]),
            ("\"a\"\"b\",c\"d", vec!["a\"b", "c\"d"]),
            ("\"\"\"\"", vec!["\""]),
            ("\"a\"\"\"\"b\"", vec!["a\"\"b"]),
        ] {
            assert_eq!(split(line), Ok(fields.into_iter().map(String::from).collect()), "{line}");
        }
        for (line, part) in
            [("a,\"b", "character 3: a quote"), ("\"a\"b", "character 4: a comma"), ("\"a\"\"", "not closed")]
        {
            assert!(split(line).is_err_and(|why| why.contains(part)), "{line}");
        }
    }

    #[test]
    fn a_header_names_known_columns_once() {
        let keys = |line: &str| Columns::read(line.as_bytes()).map(|columns| columns.keys);
        assert_eq!(keys("dst,src,iif"), Ok(vec![Key::To, Key::From, Key::Iif]));
        assert_eq!(keys("\"mark\",\"to\""), Ok(vec![Key::Mark, Key::To]));
        for (line, part) in [
            ("8.8.8.8,1.1.1.1", "should name the columns"),
            ("to,colour", "\"colour\" is not part of a question; it knows to, from"),
            ("to,", "\"\" is not part of a question"),
            ("to,mark,to", "column to is given twice"),
            ("to,dst", "columns to and dst mean the same"),
            ("from,mark", "no column is named \"to\""),
            ("to,\u{1}", "a control character (0x01)"),
        ] {
            assert!(keys(line).is_err_and(|why| why.contains(part)), "{line}");
        }
    }
}
