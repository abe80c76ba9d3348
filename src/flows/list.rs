//! A block of lines: its questions read, answered and written.

use super::answer::{Answerer, Row, Verdict};
use super::csv::Columns;
use super::fields::{Key, Reader};
use super::ndjson::{self, Value};
use super::out::Out;
use super::row::{self, Writer};
use super::{MAX_LINE, Options, scan};
use crate::explain::ResolvedQuestion;

/// How the lines of a list are read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// As CSV with these columns.
    Csv(Columns),
    /// As an object or string each.
    Ndjson,
}

/// Questions that are answered at once.
const BATCH: usize = 512;

/// Unknown answers of a block whose reasons are told, at most.
pub const MAX_REASONS: usize = 10;

/// What happened to a block.
#[derive(Debug, Default)]
pub struct Done {
    /// Lines that were read, blank ones among them.
    pub lines: usize,
    /// Questions that were answered.
    pub questions: usize,
    /// The first answers that are unknown: the line, from 1, and the reason.
    pub reasons: Vec<(usize, String)>,
    /// How many are.
    pub unknown: usize,
    /// What is wrong with the line after those answered, which is the last one in `lines`.
    pub wrong: Option<String>,
}

/// Works on blocks; each thread has its own.
pub struct Worker<'a> {
    kind: &'a Kind,
    options: Options,
    answerer: &'a Answerer<'a>,
    reader: Reader<'a>,
    writer: Writer<'a>,
    questions: Vec<ResolvedQuestion>,
    /// Where the questions' lines begin and end, and their numbers.
    places: Vec<Place>,
    rows: Vec<Row>,
}

#[derive(Clone, Copy)]
struct Place {
    start: usize,
    end: usize,
    line: usize,
}

impl<'a> Worker<'a> {
    /// Reads lines as `kind` says.
    pub fn new(kind: &'a Kind, options: Options, answerer: &'a Answerer<'a>) -> Self {
        let asked = answerer.asked();
        Worker {
            kind,
            options,
            answerer,
            reader: Reader::new(asked),
            writer: Writer::new(asked, options.json),
            questions: Vec::with_capacity(BATCH),
            places: Vec::with_capacity(BATCH),
            rows: Vec::with_capacity(BATCH),
        }
    }

    /// Answers a block of whole lines; the rows are added to `out`.
    pub fn work(&mut self, block: &[u8], out: &mut Out) -> Done {
        let mut done = Done::default();
        let mut parts: Vec<(Key, Value<'_>)> = Vec::new();
        let mut start = 0;
        while start < block.len() {
            let rest = &block[start..];
            let length = scan::find(rest, 0, rest.len(), b'\n');
            let line = without_return(&rest[..length]);
            let place = Place { start, end: start + line.len(), line: done.lines };
            start += length + 1;
            done.lines += 1;
            if line.first().is_none_or(u8::is_ascii_whitespace) && line.trim_ascii().is_empty() {
                continue;
            }
            let question = match self.kind {
                _ if line.len() > MAX_LINE => Err(too_long()),
                Kind::Csv(columns) => columns.question(rest, line.len(), &mut self.reader),
                Kind::Ndjson => ndjson::question(line, &mut parts, &mut self.reader),
            };
            match question {
                Ok(question) => {
                    self.questions.push(question);
                    self.places.push(place);
                }
                Err(why) => {
                    done.wrong = Some(why);
                    break;
                }
            }
            if self.questions.len() == BATCH {
                self.answer(block, out, &mut done);
            }
        }
        self.answer(block, out, &mut done);
        done
    }

    /// Answers the questions that were read, and writes their rows.
    fn answer(&mut self, block: &[u8], out: &mut Out, done: &mut Done) {
        self.rows.clear();
        self.answerer.answer(&self.questions, &mut self.rows);
        for (n, row) in self.rows.iter().enumerate() {
            let place = self.places[n];
            if self.options.with_input {
                put_input(self.kind, self.options.json, &block[place.start..place.end], out);
            } else if self.options.json {
                out.byte(b'{');
            }
            self.writer.put(out, row);
            if row.verdict == Verdict::Unknown {
                done.unknown += 1;
                if done.reasons.len() < MAX_REASONS {
                    let why = self.answerer.why_unknown(&self.questions[n]);
                    done.reasons.push((place.line + 1, why.unwrap_or_else(|| "no reason".into())));
                }
            }
        }
        done.questions += self.questions.len();
        self.questions.clear();
        self.places.clear();
    }
}

/// What is wrong with a line that does not end.
pub fn too_long() -> String {
    format!("the line is longer than {} MiB", MAX_LINE >> 20)
}

/// A line that ends in CRLF, without its end.
pub fn without_return(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// The first line of the output, if it has one.
pub fn header(kind: &Kind, options: Options) -> Out {
    let mut out = Out::default();
    if options.json {
        return out;
    }
    if let (true, Kind::Csv(columns)) = (options.with_input, kind) {
        match columns.header.is_empty() {
            true => out.put(Key::To.name().as_bytes()),
            false => out.put(&columns.header),
        }
        out.byte(b',');
    }
    out.put(row::COLUMNS.as_bytes());
    out.byte(b'\n');
    out
}

/// The question as it was written, before its answer.
fn put_input(kind: &Kind, json: bool, line: &[u8], out: &mut Out) {
    match kind {
        Kind::Csv(_) if !json => {
            out.put(line);
            out.byte(b',');
        }
        Kind::Csv(columns) => {
            out.byte(b'{');
            for (name, field) in columns.named(line).filter(|(_, field)| !field.is_empty()) {
                row::put_string(out, name.as_bytes());
                out.byte(b':');
                row::put_string(out, &field);
                out.byte(b',');
            }
        }
        Kind::Ndjson => {
            let line = line.trim_ascii();
            match line.strip_prefix(b"{").and_then(|line| line.strip_suffix(b"}")) {
                Some(members) => {
                    out.byte(b'{');
                    out.put(members.trim_ascii());
                }
                None => {
                    out.put(b"{\"question\":");
                    out.put(line);
                }
            }
            out.byte(b',');
        }
    }
}
