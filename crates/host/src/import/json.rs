//! JSON whose errors say where: file, line, column and field.
//!
//! Fields are kept in order and with their duplicates, since `ip` prints some
//! keys twice in one object.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt;

use serde::de::{DeserializeOwned, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::ImportError;

/// A file's text, and the keys in it that nobody asked for.
pub(super) struct Source<'a> {
    pub file: &'a str,
    pub text: &'a str,
    unknown: RefCell<BTreeSet<String>>,
}

impl<'a> Source<'a> {
    pub fn new(file: &'a str, text: &'a str) -> Self {
        Source { file, text, unknown: RefCell::default() }
    }

    /// The objects of the array that the file holds. An empty file holds none.
    pub fn objects(&self) -> Result<Vec<Object<'_>>, ImportError> {
        if self.text.trim().is_empty() {
            return Ok(Vec::new());
        }
        let elements: Vec<&RawValue> = serde_json::from_str(self.text).map_err(|e| self.syntax(0, &e, ""))?;
        elements.into_iter().map(|raw| self.object(raw, "")).collect()
    }

    fn object<'s>(&'s self, raw: &'s RawValue, path: &str) -> Result<Object<'s>, ImportError> {
        let Pairs(fields) =
            serde_json::from_str(raw.get()).map_err(|e| self.syntax(self.offset(raw), &e, path))?;
        Ok(Object { source: self, raw, path: path.to_string(), fields, asked: RefCell::default() })
    }

    /// Where a value stands in the file, in bytes.
    fn offset(&self, raw: &RawValue) -> usize {
        (raw.get().as_ptr() as usize).saturating_sub(self.text.as_ptr() as usize).min(self.text.len())
    }

    fn error(&self, offset: usize, field: &str, problem: String) -> ImportError {
        let before = &self.text.as_bytes()[..offset];
        let line = before.iter().filter(|&&b| b == b'\n').count() + 1;
        let column = before.iter().rev().take_while(|&&b| b != b'\n').count() + 1;
        ImportError::Content { file: self.file.into(), line, column, field: field.into(), problem }
    }

    /// An error of the JSON reader's, `start` bytes into the file.
    fn syntax(&self, start: usize, error: &serde_json::Error, field: &str) -> ImportError {
        let text = error.to_string();
        let problem = text.rfind(" at line ").map_or(text.as_str(), |end| &text[..end]).to_string();
        if error.is_data() {
            // A value of the wrong type: its beginning is more use than its end.
            let problem = in_words(&problem);
            return self.error(start.min(self.text.len()), field, problem);
        }
        let rest = self.text.get(start..).unwrap_or("");
        let lines = rest.split_inclusive('\n').take(error.line().saturating_sub(1));
        let offset = start + lines.map(str::len).sum::<usize>() + error.column().saturating_sub(1);
        self.error(offset.min(self.text.len()), field, problem)
    }

    /// A sentence on the keys that were not imported, if there are any: the first
    /// few and how many more.
    pub fn not_imported(&self) -> Option<String> {
        const NAMED: usize = 6;
        let unknown = self.unknown.borrow();
        let keys: Vec<&str> = unknown.iter().map(String::as_str).take(NAMED).collect();
        let more = match unknown.len().saturating_sub(NAMED) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let file = self.file;
        (!keys.is_empty()).then(|| format!("{file}: these keys are not imported: {}{more}", keys.join(", ")))
    }
}

/// A complaint about a value's type, without names of types that only programs have.
fn in_words(problem: &str) -> String {
    let Some((found, expected)) = problem.rsplit_once("expected ") else { return problem.into() };
    let found = found.trim_start_matches("invalid type: ").trim_start_matches("invalid value: ");
    let expected = match expected {
        "u8" | "u16" | "u32" | "u64" | "i32" | "usize" => "a number in range",
        "a sequence" => "an array",
        other => other,
    };
    format!("{found}expected {expected}")
}

/// An object's fields in order.
struct Pairs<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Pairs<'de> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Fields;
        impl<'de> Visitor<'de> for Fields {
            type Value = Pairs<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs<'de>, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Pairs(fields))
            }
        }
        d.deserialize_map(Fields)
    }
}

/// One object. Keys that were not asked for when it is dropped count as unknown.
pub(super) struct Object<'a> {
    source: &'a Source<'a>,
    raw: &'a RawValue,
    path: String,
    fields: Vec<(String, &'a RawValue)>,
    asked: RefCell<BTreeSet<String>>,
}

impl Drop for Object<'_> {
    fn drop(&mut self) {
        let asked = self.asked.borrow();
        for (key, _) in self.fields.iter().filter(|(key, _)| !asked.contains(key)) {
            self.source.unknown.borrow_mut().insert(self.field(key));
        }
    }
}

impl<'a> Object<'a> {
    fn field(&self, key: &str) -> String {
        if self.path.is_empty() { key.to_string() } else { format!("{}.{key}", self.path) }
    }

    /// Whether it has no fields: `ip` prints such for what a filter left out.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    fn raw(&self, key: &str) -> Option<&'a RawValue> {
        self.asked.borrow_mut().insert(key.to_string());
        self.fields.iter().find(|(k, _)| k == key).map(|&(_, raw)| raw)
    }

    /// Whether the key is there, whatever its value.
    pub fn has(&self, key: &str) -> bool {
        self.raw(key).is_some()
    }

    /// Says that these keys are known and need no importing.
    pub fn ignore(&self, keys: &[&str]) {
        self.asked.borrow_mut().extend(keys.iter().map(|key| key.to_string()));
    }

    /// Says that all keys are known.
    pub fn ignore_all(&self) {
        self.asked.borrow_mut().extend(self.fields.iter().map(|(key, _)| key.clone()));
    }

    /// An error at this field, or at the object if it lacks the field.
    pub fn error(&self, key: &str, problem: impl Into<String>) -> ImportError {
        let raw = self.raw(key).unwrap_or(self.raw);
        self.source.error(self.source.offset(raw), &self.field(key), problem.into())
    }

    /// The field's value.
    pub fn get<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, ImportError> {
        let Some(raw) = self.raw(key) else { return Ok(None) };
        let read = serde_json::from_str(raw.get());
        read.map(Some).map_err(|e| self.source.syntax(self.source.offset(raw), &e, &self.field(key)))
    }

    /// The field's value, which must be there.
    pub fn need<T: DeserializeOwned>(&self, key: &str) -> Result<T, ImportError> {
        self.get(key)?.ok_or_else(|| self.error(key, "this field is missing"))
    }

    /// A field's text, read as something else. `expected` tells what that is.
    pub fn parse<T>(
        &self,
        key: &str,
        expected: &str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, ImportError> {
        let Some(text) = self.get::<String>(key)? else { return Ok(None) };
        match read(&text) {
            Some(value) => Ok(Some(value)),
            None => Err(self.error(key, format!("`{text}`: expected {expected}"))),
        }
    }

    /// The object in a field.
    pub fn inner(&self, key: &str) -> Result<Option<Object<'a>>, ImportError> {
        self.raw(key).map(|raw| self.source.object(raw, &self.field(key))).transpose()
    }

    /// The objects of the array in a field.
    pub fn inner_list(&self, key: &str) -> Result<Vec<Object<'a>>, ImportError> {
        let Some(raw) = self.raw(key) else { return Ok(Vec::new()) };
        let path = self.field(key);
        let elements: Vec<&'a RawValue> = serde_json::from_str(raw.get())
            .map_err(|e| self.source.syntax(self.source.offset(raw), &e, &path))?;
        elements.into_iter().map(|raw| self.source.object(raw, &path)).collect()
    }
}
