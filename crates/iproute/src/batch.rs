//! `-batch`: commands from a file, one a line.
//!
//! A `#` starts a comment anywhere, a backslash before the line's end
//! continues it, and a word may stand in quotes if it begins with one.

use std::io::{BufRead, Read};

use crate::error::{Done, Failure};
use crate::{Ctx, command};

/// The most words on a line.
const MAX_WORDS: usize = 511;

/// Longest command that is read, with its continuations, in bytes.
const MAX_COMMAND: usize = 1 << 20;

/// Runs a batch file and gives the exit status.
pub(crate) fn run(ctx: &mut Ctx<'_>, name: &str) -> Done<i32> {
    let mut input = match (ctx.env.open)(name) {
        Ok(input) => input,
        Err(errno) => {
            let message = format!("Cannot open file \"{name}\" for reading: {errno}");
            return Err(Failure::returned(1, message));
        }
    };
    let family = ctx.p.opt.family;
    let (mut status, mut number) = (0, 0usize);
    let mut buffer = Vec::new();
    while let Some(read) = read_command(&mut *input, &mut buffer, &mut number) {
        if let Err(message) = read {
            ctx.p.out.err_line(format_args!("{message}"));
            break;
        }
        if buffer.len() > MAX_COMMAND {
            let what = format!("{name}:{number}: a command of more than {} MiB", MAX_COMMAND >> 20);
            return Err(Failure::unsupported(&what));
        }
        let line = String::from_utf8_lossy(&buffer);
        let words = split(&line)?;
        let Some((&object, rest)) = words.split_first() else { continue };
        ctx.p.opt.family = family;
        let Err(failure) = command(ctx, object, rest) else { continue };
        ctx.report(&failure);
        if failure.ends {
            return Ok(i32::from(failure.status));
        }
        ctx.p.out.err_line(format_args!("Command failed {name}:{number}"));
        status = 1;
        if !ctx.p.opt.force {
            break;
        }
    }
    Ok(status)
}

/// Reads a line with its continuations into `buffer`, without comments.
fn read_command(
    input: &mut dyn BufRead,
    buffer: &mut Vec<u8>,
    number: &mut usize,
) -> Option<Result<(), &'static str>> {
    buffer.clear();
    if !read_line(input, buffer, number) {
        return None;
    }
    while buffer.ends_with(b"\\\n") {
        buffer.truncate(buffer.len() - 2);
        if !read_line(input, buffer, number) {
            return Some(Err("Missing continuation line"));
        }
    }
    Some(Ok(()))
}

/// Appends a line up to its comment; false at the end of the input.
fn read_line(input: &mut dyn BufRead, buffer: &mut Vec<u8>, number: &mut usize) -> bool {
    let start = buffer.len();
    // An unreadable file ends the batch, as the end of the file does.
    let mut limited = input.take((MAX_COMMAND + 1 - start) as u64);
    if !matches!(limited.read_until(b'\n', buffer), Ok(1..)) {
        return false;
    }
    *number += 1;
    if buffer.len() > MAX_COMMAND {
        // What follows is not read: the caller ends.
        return true;
    }
    if let Some(end) = buffer[start..].iter().position(|&b| b == b'#' || b == 0) {
        buffer.truncate(start + end);
    }
    true
}

/// Splits a line into words (`makeargs`).
fn split(line: &str) -> Done<Vec<&str>> {
    let space = |b: &u8| matches!(b, b' ' | b'\t' | b'\r' | b'\n');
    let bytes = line.as_bytes();
    let find = |from: usize, is: &dyn Fn(&u8) -> bool| bytes[from..].iter().position(is).map(|n| from + n);
    let mut words = Vec::with_capacity(16);
    let mut at = 0;
    while let Some(start) = find(at, &|b| !space(b)) {
        if words.len() >= MAX_WORDS {
            return Err(Failure::exit(1, "Too many arguments to command"));
        }
        let quote = bytes[start];
        if quote == b'\'' || quote == b'"' {
            let end = find(start + 1, &|&b| b == quote)
                .ok_or_else(|| Failure::exit(1, "Unterminated quoted string"))?;
            words.push(&line[start + 1..end]);
            at = end + 1;
        } else {
            let end = find(start, &space).unwrap_or(bytes.len());
            words.push(&line[start..end]);
            at = (end + 1).min(bytes.len());
        }
    }
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_without_end_is_not_read_to_its_end() {
        let read = |text: Vec<u8>| {
            let (mut buffer, mut number) = (Vec::new(), 0);
            let read = read_command(&mut std::io::Cursor::new(text), &mut buffer, &mut number);
            (read, buffer.len(), number)
        };
        assert_eq!(read(vec![0; 3 << 20]), (Some(Ok(())), MAX_COMMAND + 1, 1));
        let continued = b"ip link \\\n".repeat(1 << 20);
        assert_eq!(read(continued).1, MAX_COMMAND + 1);
        assert_eq!(read(b"link # show\nx".to_vec()), (Some(Ok(())), 5, 1));
    }
}
