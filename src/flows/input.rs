//! The list: where it comes from, what it is, and its blocks of whole lines.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use anyhow::{Context, bail};

use super::MAX_LINE;
use super::csv::Columns;
use super::list::{Kind, too_long, without_return};
use crate::explain::text_of;
use crate::source::label;

/// A form of lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// A header that names columns, then a question a line.
    Csv,
    /// An object a line.
    Ndjson,
}

/// A list that is open: its form is known, and its questions are to be read.
pub struct Input {
    /// What messages call it.
    pub name: String,
    /// Its length in bytes, where that is known.
    pub size: Option<u64>,
    /// How its lines are read.
    pub kind: Kind,
    /// Lines that were read already.
    pub lines: usize,
    /// Where blocks come from.
    pub blocks: Blocks,
}

impl Input {
    /// Opens a file, or standard input for `-`, and finds out its form: by `format`, by its
    /// extension, or by the first byte.
    ///
    /// # Errors
    ///
    /// It cannot be read, or its header names no columns.
    pub fn open(path: &Path, format: Option<Format>) -> anyhow::Result<Input> {
        let name = label(path);
        let (source, size): (Box<dyn Read + Send>, _) = match path == Path::new("-") {
            true => (Box::new(io::stdin()), None),
            false => {
                let file = File::open(path).with_context(|| name.clone())?;
                let about = file.metadata().with_context(|| name.clone())?;
                (Box::new(file), about.is_file().then_some(about.len()))
            }
        };
        let mut blocks = Blocks { source, held: Vec::new(), from: 0, ended: false };
        let (first, lines) = first_line(&mut blocks).map_err(|why| why.context(name.clone()))?;
        let format = format.or_else(|| of_extension(path)).unwrap_or(match first.trim_ascii_start() {
            [b'{', ..] => Format::Ndjson,
            _ => Format::Csv,
        });
        let mut input = Input { name, size, kind: Kind::Ndjson, lines: lines.saturating_sub(1), blocks };
        if format == Format::Csv {
            let is_address =
                std::str::from_utf8(&first).is_ok_and(|line| line.parse::<std::net::IpAddr>().is_ok());
            let columns = match first.is_empty() || is_address {
                true => Columns::bare(),
                false => {
                    let columns = Columns::read(&first);
                    let columns =
                        columns.map_err(|why| anyhow::anyhow!("{}: line {lines}: {why}", input.name))?;
                    input.blocks.skip_line();
                    input.lines = lines;
                    columns
                }
            };
            input.kind = Kind::Csv(columns);
        }
        Ok(input)
    }
}

impl Input {
    /// Whether the list is CSV.
    pub fn is_csv(&self) -> bool {
        self.kind != Kind::Ndjson
    }
}

/// The first line that is not blank, empty if there is none, and how many lines were
/// read with it; it is still to be read.
fn first_line(blocks: &mut Blocks) -> anyhow::Result<(Vec<u8>, usize)> {
    let mut lines = 0;
    loop {
        let line = blocks.peek_line()?;
        let Some(line) = line else { return Ok((Vec::new(), lines)) };
        lines += 1;
        let line = without_return(line);
        if line.len() > MAX_LINE {
            bail!("line {lines}: {}", too_long());
        }
        if lines == 1 && line.starts_with("\u{feff}".as_bytes()) {
            let why = text_of("\u{feff}".as_bytes()).err().unwrap_or_default();
            bail!("line 1: {why}");
        }
        if !line.trim_ascii().is_empty() {
            return Ok((line.to_vec(), lines));
        }
        blocks.skip_line();
    }
}

fn of_extension(path: &Path) -> Option<Format> {
    match path.extension()?.to_str()? {
        "csv" => Some(Format::Csv),
        "ndjson" | "jsonl" => Some(Format::Ndjson),
        _ => None,
    }
}

/// Blocks are about this long, in bytes.
const BLOCK: usize = 256 << 10;

/// Reads whole lines.
pub struct Blocks {
    source: Box<dyn Read + Send>,
    /// What was read and belongs to no block yet.
    held: Vec<u8>,
    /// Where in `held` that begins.
    from: usize,
    /// Whether the source has no more.
    ended: bool,
}

/// What a block is.
#[derive(Debug, PartialEq, Eq)]
pub enum Next {
    /// Whole lines.
    Lines,
    /// The list is at its end.
    End,
    /// A line that does not end follows.
    TooLong,
}

impl Blocks {
    /// The line that is next, without its end.
    fn peek_line(&mut self) -> anyhow::Result<Option<&[u8]>> {
        let mut seen = self.from;
        loop {
            if let Some(length) = self.held[seen..].iter().position(|&byte| byte == b'\n') {
                return Ok(Some(&self.held[self.from..seen + length]));
            }
            seen = self.held.len();
            if self.ended || seen - self.from > MAX_LINE + 1 {
                return Ok((seen > self.from).then(|| &self.held[self.from..]));
            }
            let room = seen + (64 << 10);
            self.held.resize(room, 0);
            let read = retried(&mut self.source, &mut self.held[seen..]);
            self.held.truncate(seen + read.as_ref().map_or(0, |read| *read));
            self.ended = read? == 0;
        }
    }

    /// Leaves the line out that is next.
    fn skip_line(&mut self) {
        let rest = &self.held[self.from..];
        self.from += rest.iter().position(|&byte| byte == b'\n').map_or(rest.len(), |length| length + 1);
    }

    /// Fills `block` with whole lines: as many as there are, up to the usual length, or
    /// one that is longer. Its bytes before count for nothing.
    ///
    /// # Errors
    ///
    /// The source cannot be read.
    pub fn next(&mut self, block: &mut Vec<u8>) -> io::Result<Next> {
        let mut filled = self.held.len() - self.from;
        block.resize(block.len().max(BLOCK).max(filled), 0);
        block[..filled].copy_from_slice(&self.held[self.from..]);
        self.held.clear();
        self.from = 0;
        let mut searched = 0;
        loop {
            let whole = block[searched..filled].iter().rposition(|&byte| byte == b'\n');
            let end = match whole {
                Some(at) => searched + at + 1,
                None if self.ended => filled,
                None => 0,
            };
            // A line that is no longer than it may be can have two bytes of an end.
            let is_long = end == 0 && filled > MAX_LINE + 1;
            if end > 0 || self.ended || is_long {
                self.held.extend_from_slice(&block[end..filled]);
                block.truncate(end);
                return Ok(match (end, is_long) {
                    (0, true) => Next::TooLong,
                    (0, false) => Next::End,
                    _ => Next::Lines,
                });
            }
            searched = filled;
            if filled == block.len() {
                block.resize(filled * 2, 0);
            }
            let read = retried(&mut self.source, &mut block[filled..])?;
            self.ended = read == 0;
            filled += read;
        }
    }
}

/// Reads what there is, however often a signal comes between.
pub(crate) fn retried(source: &mut dyn Read, into: &mut [u8]) -> io::Result<usize> {
    loop {
        match source.read(into) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}
