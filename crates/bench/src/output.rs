//! Standard output and standard error, either of which may be closed by whoever reads it.

use std::io::{self, Write};
use std::process::ExitCode;

/// Writes text to standard output.
///
/// # Errors
///
/// The output is closed.
pub fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// Writes a line to standard error. That nobody reads it is no error.
pub fn note(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// The exit status of what was done; what is wrong goes to standard error.
pub fn status(done: io::Result<bool>) -> ExitCode {
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        // Who reads no further has what it wanted.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            note(&format!("fingerpost-bench: {error}"));
            ExitCode::from(1)
        }
    }
}
