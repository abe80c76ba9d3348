//! Finding and entering network namespaces.
//!
//! A socket belongs for good to the namespace in which it was opened, so
//! opening one needs only a short visit; files below `/proc` and tools show
//! the namespace of the thread that reads or starts them, so those need one
//! each. Visits happen in threads of their own: a thread that fails to come
//! back would otherwise stay in the wrong place.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::Error;

/// Where `ip netns` keeps its names.
pub(super) const NAMED: &str = "/run/netns";

/// Which network namespace to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// The one this process is in.
    Current,
    /// `ip netns`'s name for one.
    Name(String),
    /// A file that is one, such as `/proc/1/ns/net`.
    Path(PathBuf),
    /// That of a process.
    Pid(u32),
}

impl Target {
    /// What `-n` is given: a name, or a path if it holds a slash.
    pub fn named(text: &str) -> Self {
        if text.contains('/') { Target::Path(text.into()) } else { Target::Name(text.into()) }
    }

    /// The namespace's name: `ip netns`'s, or empty.
    pub fn name(&self) -> String {
        match self {
            Target::Current => String::new(),
            Target::Name(name) => name.clone(),
            Target::Path(path) => {
                path.file_name().map_or(String::new(), |n| n.to_string_lossy().into_owned())
            }
            Target::Pid(pid) => format!("pid-{pid}"),
        }
    }

    fn describe(&self) -> String {
        match self {
            Target::Current => "the current network namespace".into(),
            Target::Name(name) => format!("network namespace `{name}`"),
            Target::Path(path) => format!("network namespace {}", path.display()),
            Target::Pid(pid) => format!("the network namespace of process {pid}"),
        }
    }
}

/// A namespace that was opened; `None` is the one that this process is in.
#[derive(Debug)]
pub(super) struct Place {
    file: Option<File>,
    what: String,
}

const NEEDS_ROOT: &str =
    "another namespace needs root (CAP_SYS_ADMIN): run it with sudo, or inside the namespace";
const NOT_ONE: &str =
    "it is not a network namespace; expected a file such as /run/netns/NAME or /proc/PID/ns/net";
const TRY_PATH: &str = "check that it exists and may be read";

impl Place {
    /// Opens the namespace. No privilege is needed for the current one by whatever name.
    pub fn open(target: &Target) -> Result<Self, Error> {
        let what = target.describe();
        let path = match target {
            Target::Current => return Ok(Place { file: None, what }),
            Target::Name(name) if name.is_empty() || name.contains('/') || name.starts_with('.') => {
                return Err(Error::NoNamespace(name.clone()));
            }
            Target::Name(name) => Path::new(NAMED).join(name),
            Target::Path(path) => path.clone(),
            Target::Pid(pid) => format!("/proc/{pid}/ns/net").into(),
        };
        let file = File::open(&path).map_err(|error| match (error.kind(), target) {
            (io::ErrorKind::NotFound, Target::Name(name)) => Error::NoNamespace(name.clone()),
            (io::ErrorKind::NotFound, Target::Pid(pid)) => Error::NoProcess(*pid),
            (io::ErrorKind::PermissionDenied, _) => {
                Error::Enter { what: what.clone(), error, remedy: NEEDS_ROOT }
            }
            _ => Error::Enter { what: what.clone(), error, remedy: TRY_PATH },
        })?;
        let same =
            File::open("/proc/thread-self/ns/net").and_then(|own| Ok((own.metadata()?, file.metadata()?)));
        if let Ok((own, other)) = same
            && (own.dev(), own.ino()) == (other.dev(), other.ino())
        {
            return Ok(Place { file: None, what });
        }
        Ok(Place { file: Some(file), what })
    }

    /// The namespace as a file; that of this process is opened anew.
    pub fn file(&self) -> io::Result<File> {
        match &self.file {
            Some(file) => file.try_clone(),
            None => File::open("/proc/thread-self/ns/net"),
        }
    }

    /// Runs `visit` inside the namespace.
    pub fn run<T: Send>(&self, visit: impl FnOnce() -> T + Send) -> Result<T, Error> {
        let Some(file) = &self.file else { return Ok(visit()) };
        let inside =
            || move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network)).map(|()| visit());
        let done = std::thread::scope(|scope| {
            scope.spawn(inside).join().map_err(|_| io::Error::other("the reading thread failed"))
        })?;
        done.map_err(|errno| {
            let error = io::Error::from(errno);
            let remedy = if error.kind() == io::ErrorKind::PermissionDenied { NEEDS_ROOT } else { NOT_ONE };
            Error::Enter { what: self.what.clone(), error, remedy }
        })
    }
}

/// The named namespaces, in the order in which `ip netns list` shows them;
/// `None` without a directory of names.
pub(super) fn names() -> Option<Vec<String>> {
    let directory = std::fs::read_dir(NAMED).ok()?;
    Some(directory.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect())
}
