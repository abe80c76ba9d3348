//! The kernel's tracing file system.

use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

const TRACING: &str = "/sys/kernel/tracing";

/// Makes an instance of one's own, with a buffer and events that nobody else sees.
/// Mounts the file system when it is not there.
///
/// # Errors
///
/// Not root, or a kernel without tracing.
pub(crate) fn instance(name: &str) -> io::Result<PathBuf> {
    let instances = Path::new(TRACING).join("instances");
    if !instances.is_dir() {
        let done = Command::new("mount").args(["-t", "tracefs", "none", TRACING]).output()?;
        // Whoever else starts at the same moment may have been quicker.
        if !done.status.success() && !instances.is_dir() {
            let said = String::from_utf8_lossy(&done.stderr).trim().to_owned();
            return Err(io::Error::other(format!("tracefs cannot be mounted: {said}")));
        }
    }
    let dir = instances.join(format!("fingerpost-{}{name}", std::process::id()));
    std::fs::create_dir(&dir)?;
    Ok(dir)
}
