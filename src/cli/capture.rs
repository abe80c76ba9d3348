//! `capture`: a live host's configuration into one file.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use fingerpost_host::{Capture, CaptureOptions, Live};

use super::{OK, print};
use crate::settle::settle;
use crate::source::SourceArgs;

pub(super) fn run(
    args: &SourceArgs,
    output: Option<&Path>,
    redact: bool,
    also: &[String],
) -> anyhow::Result<u8> {
    let namespace = SourceArgs { netns: args.netns.clone(), pid: args.pid, ..SourceArgs::default() };
    if *args != namespace {
        bail!("capture reads a live host; it takes -n and --pid only");
    }
    let mut capture = Capture::new();
    let targets =
        std::iter::once(args.target()).chain(also.iter().map(|name| fingerpost_host::Target::named(name)));
    let mut lives = Vec::new();
    for target in targets {
        let mut live = Live::open(&target)?;
        capture.add(&mut live, &CaptureOptions::default())?;
        lives.push(live);
    }
    settle(&mut capture, &mut lives)?;
    let mut bytes = Vec::new();
    capture.write(&mut bytes)?;
    if redact {
        let key = fingerpost_host::redact::Key::from_seed(random_seed()?);
        bytes = fingerpost_host::redact::redact(io::Cursor::new(bytes), Vec::new(), &key)?;
    }
    match output {
        None => print(&bytes)?,
        Some(path) if path == Path::new("-") => print(&bytes)?,
        Some(path) => write_whole(path, &bytes).with_context(|| path.display().to_string())?,
    }
    for sentence in &capture.header().not_seen {
        complain!("fingerpost: not seen: {sentence}");
    }
    Ok(OK)
}

/// Writes a file whole or not at all. A link stays: what it leads to is written.
fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let path = &target_of(path)?;
    let old = fs::metadata(path);
    if path.is_symlink() || old.as_ref().is_ok_and(|old| !old.is_file()) {
        // A device or pipe has nothing to be replaced, and /dev/stdout must not be.
        return fs::write(path, bytes);
    }
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}", std::process::id()));
    let unfinished = PathBuf::from(name);
    let write = || {
        fs::write(&unfinished, bytes)?;
        if let Ok(old) = &old {
            fs::set_permissions(&unfinished, old.permissions())?;
        }
        fs::rename(&unfinished, path)
    };
    write().inspect_err(|_| {
        let _ = fs::remove_file(&unfinished);
    })
}

/// Where symbolic links lead, whether or not a file is there.
fn target_of(path: &Path) -> io::Result<PathBuf> {
    const MOST_LINKS: usize = 40;
    let mut path = path.to_path_buf();
    for _ in 0..MOST_LINKS {
        match fs::read_link(&path) {
            // /proc/self/fd leads to names that are no paths; such a link is opened as it is.
            Ok(_) if path.starts_with("/proc") || path.starts_with("/dev") => return Ok(path),
            Ok(target) => path = path.parent().unwrap_or(Path::new("")).join(target),
            Err(_) => return Ok(path),
        }
    }
    Err(io::Error::from_raw_os_error(fingerpost_net::Errno::ELOOP.0))
}

/// A key that nobody can guess, so that redacted addresses cannot be found by trying.
fn random_seed() -> anyhow::Result<u64> {
    let mut bytes = [0u8; 8];
    let mut file = fs::File::open("/dev/urandom").context("/dev/urandom")?;
    io::Read::read_exact(&mut file, &mut bytes)?;
    Ok(u64::from_ne_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_stays_and_what_it_leads_to_is_replaced() {
        let folder = std::env::temp_dir().join(format!("fingerpost-links-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder");
        let (file, link, other) = (folder.join("file"), folder.join("link"), folder.join("other"));
        for link in [&link, &other] {
            let _ = fs::remove_file(link);
        }
        std::os::unix::fs::symlink("file", &link).expect("a link");
        std::os::unix::fs::symlink(&link, &other).expect("a link");
        for text in ["one", "two"] {
            write_whole(&other, text.as_bytes()).expect("written");
            assert_eq!(fs::read_to_string(&file).expect("a file"), text);
        }
        assert!(link.is_symlink() && other.is_symlink() && !file.is_symlink());
        assert_eq!(fs::read_dir(&folder).expect("a folder").count(), 3, "nothing is left behind");
        fs::remove_file(&file).expect("a file");
        std::os::unix::fs::symlink("other", &file).expect("a link");
        assert!(write_whole(&file, b"x").is_err(), "links in a circle");
        fs::remove_dir_all(&folder).expect("a folder");
    }
}
