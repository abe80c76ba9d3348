//! Where there is no Linux kernel to read: opening is an error, and nothing else can be reached.

use std::io;
use std::net::IpAddr;
use std::path::PathBuf;

use fingerpost_model::snapshot::{FORMAT, Header, Line, Writer};
use fingerpost_model::{
    AddrLabelMsg, AddrMsg, BucketFilter, Kernel, LinkMsg, NeighMsg, NetconfMsg, NexthopMsg, NsId, Op,
    Refusal, RouteFilter, RouteMsg, RuleMsg,
};
use fingerpost_net::{Errno, Family};

use crate::{Error, GatewayScope, LegProperties, LookedAt, Unlisted};

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
    /// The text of `/proc/net/fib_trie`, unless the tables are very large.
    pub trie: bool,
}

/// A network namespace of this machine: there is none here.
#[derive(Debug)]
pub enum Live {}

/// Everything read from namespaces: there is nothing here.
#[derive(Debug)]
pub struct Capture {
    header: Header,
}

impl Target {
    /// The namespace's name: `ip netns`'s, or empty.
    pub fn name(&self) -> String {
        match self {
            Target::Name(name) => name.clone(),
            _ => String::new(),
        }
    }
}

impl Live {
    /// Fails: this is not Linux.
    pub fn open(_: &Target) -> Result<Self, Error> {
        Err(Error::Unsupported)
    }

    /// The kernel's release.
    pub fn release(&self) -> String {
        match *self {}
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
    /// Nothing.
    #[allow(clippy::new_without_default)]
    pub fn new() -> Self {
        Capture { header: Header { fingerpost: FORMAT, ..Header::default() } }
    }

    /// Reads one more namespace.
    pub fn add(&mut self, live: &mut Live, _: &CaptureOptions) -> Result<(), Error> {
        match *live {}
    }

    /// Adds what was found out about gateways: nothing.
    pub fn know_gateways(&mut self, _: usize, _: &[GatewayScope]) {}

    /// Adds what was found out about routes by source: nothing.
    pub fn know_looked_at(&mut self, _: usize, _: &[LookedAt]) {}

    /// Whether a rule of IPv6 was ever added: not known.
    pub fn custom_rules6(&self, _: usize) -> Option<bool> {
        None
    }

    /// Adds whether a rule of IPv6 was ever added: nothing.
    pub fn know_custom_rules6(&mut self, _: usize, _: bool) {}

    /// Adds what was found out about legs: nothing.
    pub fn know_legs(&mut self, _: usize, _: &[LegProperties]) {}

    /// The IPv6 routes that no dump shows: none.
    pub fn unlisted(&self, _: usize) -> &[Unlisted] {
        &[]
    }

    /// Adds what was found out about one of them: nothing.
    pub fn know_unlisted(&mut self, _: usize, _: usize, _: Unlisted) {}

    /// Adds a sentence on what could not be seen.
    pub fn note(&mut self, sentence: String) {
        self.header.not_seen.push(sentence);
    }

    /// The header that the snapshot will have.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Writes the whole snapshot: a header alone.
    pub fn write(&self, output: impl io::Write) -> io::Result<()> {
        Writer::new(output, &self.header)?.finish().map(drop)
    }

    /// Hands on every line after the header: none.
    pub fn lines(&self, _: &mut dyn FnMut(Line) -> io::Result<()>) -> io::Result<()> {
        Ok(())
    }
}

type Each<'a, M> = &'a mut dyn FnMut(&M);

impl Kernel for Live {
    fn apply(&mut self, _: NsId, _: Op) -> Result<(), Refusal> {
        match *self {}
    }
    fn get_route(&mut self, _: NsId, _: &RouteMsg) -> Result<RouteMsg, Refusal> {
        match *self {}
    }
    fn get_nexthop(&mut self, _: NsId, _: u32) -> Result<NexthopMsg, Refusal> {
        match *self {}
    }
    fn get_link(&mut self, _: NsId, _: u32, _: Option<&str>) -> Result<LinkMsg, Refusal> {
        match *self {}
    }
    fn links(&mut self, _: NsId, _: Each<'_, LinkMsg>) -> Result<(), Refusal> {
        match *self {}
    }
    fn addresses(&mut self, _: NsId, _: Option<Family>, _: Each<'_, AddrMsg>) -> Result<(), Refusal> {
        match *self {}
    }
    fn routes(&mut self, _: NsId, _: &RouteFilter, _: Each<'_, RouteMsg>) -> Result<(), Refusal> {
        match *self {}
    }
    fn rules(&mut self, _: NsId, _: Option<Family>, _: Each<'_, RuleMsg>) -> Result<(), Refusal> {
        match *self {}
    }
    fn nexthops(&mut self, _: NsId, _: Each<'_, NexthopMsg>) -> Result<(), Refusal> {
        match *self {}
    }
    fn get_nexthop_bucket(&mut self, _: NsId, _: u32, _: u16) -> Result<NexthopMsg, Refusal> {
        match *self {}
    }
    fn nexthop_buckets(&mut self, _: NsId, _: &BucketFilter, _: Each<'_, NexthopMsg>) -> Result<(), Refusal> {
        match *self {}
    }
    fn neighbours(
        &mut self,
        _: NsId,
        _: Option<Family>,
        _: bool,
        _: Each<'_, NeighMsg>,
    ) -> Result<(), Refusal> {
        match *self {}
    }
    fn address_labels(&mut self, _: NsId, _: Each<'_, AddrLabelMsg>) -> Result<(), Refusal> {
        match *self {}
    }
    fn get_address_label(&mut self, _: NsId, _: IpAddr, _: u32) -> Result<AddrLabelMsg, Refusal> {
        match *self {}
    }
    fn netconf(&mut self, _: NsId, _: Option<Family>, _: Each<'_, NetconfMsg>) -> Result<(), Refusal> {
        match *self {}
    }
    fn read_file(&mut self, _: NsId, _: &str) -> Result<String, Errno> {
        match *self {}
    }
    fn write_file(&mut self, _: NsId, _: &str, _: &str) -> Result<(), Errno> {
        match *self {}
    }
    fn find_netns(&mut self, _: &str) -> Option<NsId> {
        match *self {}
    }
    fn netns_name(&mut self, _: NsId) -> Option<String> {
        match *self {}
    }
    fn netns_id(&mut self, _: NsId, _: NsId) -> Option<i32> {
        match *self {}
    }
    fn netns_names(&mut self) -> Option<Vec<String>> {
        match *self {}
    }
    fn add_netns(&mut self, _: &str) -> Result<NsId, Errno> {
        match *self {}
    }
    fn del_netns(&mut self, _: &str) -> Result<(), Errno> {
        match *self {}
    }
}
