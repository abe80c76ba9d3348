//! Recordings: scripts with the kernel's answers, one JSON object a line, so
//! that they can be replayed where there is no root.

use std::io::{self, BufRead, Write};

use crate::script::Recording;

/// Writes one recording as a line.
///
/// # Errors
///
/// The output cannot be written.
pub fn write(output: &mut impl Write, recording: &Recording) -> io::Result<()> {
    serde_json::to_writer(&mut *output, recording)?;
    output.write_all(b"\n")
}

/// Reads recordings one by one.
///
/// # Errors
///
/// Each item: the input cannot be read, or a line is no recording with an
/// answer for each of its lines; the message names the line.
pub fn read(input: impl BufRead) -> impl Iterator<Item = io::Result<Recording>> {
    input.lines().enumerate().map(|(at, line)| {
        let wrong = |message: String| {
            io::Error::new(io::ErrorKind::InvalidData, format!("line {}: {message}", at + 1))
        };
        let recording: Recording = serde_json::from_str(&line?).map_err(|error| wrong(error.to_string()))?;
        if recording.answers.len() != recording.lines.len() {
            let (answers, lines) = (recording.answers.len(), recording.lines.len());
            return Err(wrong(format!("{answers} answers to {lines} lines")));
        }
        Ok(recording)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::Answer;

    #[test]
    fn what_is_written_is_read_again() {
        let recording = Recording {
            seed: 3,
            scenario: 4,
            release: Some("6.18.1".into()),
            lines: vec!["ip route".into()],
            answers: vec![Answer::default()],
        };
        let mut bytes = Vec::new();
        write(&mut bytes, &recording).expect("writes");
        let read: Vec<_> = read(&bytes[..]).collect::<io::Result<_>>().expect("reads");
        assert_eq!(read, [recording]);
    }

    #[test]
    fn a_bad_recording_is_named_by_its_line() {
        let text = "{\"seed\":1,\"scenario\":1,\"lines\":[\"a\"],\"answers\":[]}\n";
        let error = read(text.as_bytes()).next().expect("one item").expect_err("is refused");
        assert_eq!(error.to_string(), "line 1: 0 answers to 1 lines");
        assert!(read(&b"{"[..]).next().expect("one item").is_err());
    }
}
