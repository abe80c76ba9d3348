//! Files below `/proc`, of the namespace of the thread that reads them.

use std::fs;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Longest file that is read, in bytes.
pub(super) const MAX_FILE: u64 = 16 << 20;
/// Longest setting.
const MAX_SETTING: u64 = 64 << 10;
/// Where settings are.
const SYSCTL: &str = "/proc/sys/net";
/// Deepest directory below it: `ipv4/conf/DEV`.
const MAX_DEPTH: u32 = 4;

/// Directories of settings that a snapshot holds.
const DIRECTORIES: [&str; 7] = ["ipv4", "ipv6", "core", "bridge", "netfilter", "vrf", "mpls"];

/// Settings that are secrets: whoever knows them can forge.
const SECRETS: [&str; 2] = ["tcp_fastopen_key", "stable_secret"];

/// Of the settings of the transport protocols, those that touch routing.
const TRANSPORT: [&str; 6] = [
    "tcp_early_demux",
    "tcp_fwmark_accept",
    "tcp_l3mdev_accept",
    "udp_early_demux",
    "udp_l3mdev_accept",
    "tcp_reflect_tos",
];

/// Of `net/core`, those that touch packets on their way.
const CORE: [&str; 5] = ["default_qdisc", "netdev_max_backlog", "rmem_default", "wmem_default", "somaxconn"];

/// Settings, by path below `/proc/sys/net`, and those that could not be read.
#[derive(Debug, Default)]
pub(super) struct Settings {
    pub values: Vec<(String, String)>,
    pub unreadable: Vec<(String, io::Error)>,
}

/// The kernel's release.
pub(super) fn release() -> String {
    fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default().trim().to_string()
}

/// A file below `/proc/sys` or `/proc/net`.
pub(super) fn read(path: &str) -> io::Result<String> {
    read_at_most(path, MAX_FILE)
}

/// The same, where one below `/proc/net` may have at most `limit` bytes.
pub(super) fn read_at_most(path: &str, limit: u64) -> io::Result<String> {
    let inside = path.starts_with("/proc/sys/") || path.starts_with("/proc/net/");
    if !inside || path.split('/').any(|part| part == "..") {
        return Err(io::ErrorKind::NotFound.into());
    }
    match path.strip_prefix("/proc/net/") {
        // `/proc/net` is that of the process's first thread.
        Some(file) => read_up_to(Path::new("/proc/thread-self/net").join(file).as_path(), limit),
        None => read_up_to(Path::new(path), MAX_SETTING),
    }
}

/// A whole text file of at most `limit` bytes; a longer one is an error.
fn read_up_to(path: &Path, limit: u64) -> io::Result<String> {
    let mut bytes = Vec::new();
    fs::File::open(path)?.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("longer than {limit} bytes")));
    }
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// All settings that matter, sorted by path.
pub(super) fn settings() -> Settings {
    let mut settings = Settings::default();
    for directory in DIRECTORIES {
        walk(directory, 1, &mut settings);
    }
    settings.values.sort();
    settings.unreadable.sort_by(|a, b| a.0.cmp(&b.0));
    settings
}

fn walk(below: &str, depth: u32, settings: &mut Settings) {
    let Ok(directory) = fs::read_dir(Path::new(SYSCTL).join(below)) else { return };
    for entry in directory.flatten() {
        let Ok(name) = entry.file_name().into_string() else { continue };
        let path = format!("{below}/{name}");
        let Ok(metadata) = entry.metadata() else { continue };
        if metadata.is_dir() {
            if depth < MAX_DEPTH {
                walk(&path, depth + 1, settings);
            }
        } else if wanted(below, &name) && metadata.permissions().mode() & 0o444 != 0 {
            match read_up_to(&entry.path(), MAX_SETTING) {
                Ok(text) => settings.values.push((path, text.trim_end_matches('\n').to_string())),
                Err(error) => settings.unreadable.push((path, error)),
            }
        }
    }
}

fn wanted(below: &str, name: &str) -> bool {
    if SECRETS.contains(&name) {
        return false;
    }
    match below {
        "core" => CORE.contains(&name),
        "ipv4" if name.starts_with("tcp_") || name.starts_with("udp_") => TRANSPORT.contains(&name),
        _ => true,
    }
}
