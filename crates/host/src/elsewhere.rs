//! Where there is no Linux kernel to read: opening is an error, and nothing else can be reached.

use std::io;
use std::path::PathBuf;

use fingerpost_model::{Refusal, RouteMsg};

use crate::Error;

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
}

/// What to read.
#[derive(Clone, Debug, Default)]
pub struct CaptureOptions {
    /// Ask `nft`, `iptables-save` and `tc` for their texts.
    pub tools: bool,
    /// Neighbours, which change all the time.
    pub neighbours: bool,
    /// Files below `/proc/net` as text.
    pub texts: bool,
}

/// A network namespace of this machine: there is none here.
#[derive(Debug)]
pub enum Live {}

/// Everything read from namespaces: there is nothing here.
#[derive(Debug)]
pub enum Capture {}

impl Live {
    /// Fails: this is not Linux.
    pub fn open(_: &Target) -> Result<Self, Error> {
        Err(Error::Unsupported)
    }

    /// Asks the kernel for one decision.
    pub fn route_get(&mut self, _: &RouteMsg) -> Result<RouteMsg, Refusal> {
        match *self {}
    }

    /// Asks for many decisions.
    pub fn route_get_all(&mut self, _: &[RouteMsg]) -> io::Result<Vec<Result<RouteMsg, Refusal>>> {
        match *self {}
    }

    /// Reads everything of this namespace.
    pub fn capture(&mut self, _: &CaptureOptions) -> Result<Capture, Error> {
        match *self {}
    }
}

impl Capture {
    /// Writes the whole snapshot.
    pub fn write(&self, _: impl io::Write) -> io::Result<()> {
        match *self {}
    }
}
