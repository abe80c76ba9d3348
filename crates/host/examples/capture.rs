//! Prints a snapshot of this machine: `capture [NAMESPACE]`.

use fingerpost_host::{CaptureOptions, Live, Target};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let target = match std::env::args().nth(1) {
        Some(name) => Target::named(&name),
        None => Target::Current,
    };
    let capture = Live::open(&target)?.capture(&CaptureOptions::default())?;
    capture.write(std::io::stdout().lock())?;
    Ok(())
}
