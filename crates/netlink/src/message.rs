//! Messages by type.

use fingerpost_model::{
    AddrLabelMsg, AddrMsg, LinkMsg, MrouteMsg, MrouteTableMsg, NeighMsg, NetconfMsg, NexthopMsg, RouteMsg,
    RuleMsg,
};
use fingerpost_net::Family;

use crate::attr::Builder;
use crate::attr::{Attrs, Names};
use crate::error::{DecodeError, EncodeError, Problem};
use crate::frame::{Frame, HEADER};
use crate::{addr_label, address, link, mroute, neighbour, netconf, nexthop, route, rule};

/// Message types, `RTM_*`.
#[allow(missing_docs)]
pub mod kind {
    pub const NEW_LINK: u16 = 16;
    pub const DEL_LINK: u16 = 17;
    pub const GET_LINK: u16 = 18;
    pub const NEW_ADDR: u16 = 20;
    pub const DEL_ADDR: u16 = 21;
    pub const GET_ADDR: u16 = 22;
    pub const NEW_ROUTE: u16 = 24;
    pub const DEL_ROUTE: u16 = 25;
    pub const GET_ROUTE: u16 = 26;
    pub const NEW_NEIGH: u16 = 28;
    pub const DEL_NEIGH: u16 = 29;
    pub const GET_NEIGH: u16 = 30;
    pub const NEW_RULE: u16 = 32;
    pub const DEL_RULE: u16 = 33;
    pub const GET_RULE: u16 = 34;
    pub const NEW_ADDR_LABEL: u16 = 72;
    pub const DEL_ADDR_LABEL: u16 = 73;
    pub const GET_ADDR_LABEL: u16 = 74;
    pub const NEW_NSID: u16 = 88;
    pub const GET_NSID: u16 = 90;
    pub const NEW_NETCONF: u16 = 80;
    pub const DEL_NETCONF: u16 = 81;
    pub const GET_NETCONF: u16 = 82;
    pub const NEW_NEXTHOP: u16 = 104;
    pub const DEL_NEXTHOP: u16 = 105;
    pub const GET_NEXTHOP: u16 = 106;
    pub const NEW_NEXTHOP_BUCKET: u16 = 116;
    pub const DEL_NEXTHOP_BUCKET: u16 = 117;
    pub const GET_NEXTHOP_BUCKET: u16 = 118;
}

pub(crate) fn name(kind: u16) -> &'static str {
    match kind {
        kind::NEW_LINK => "RTM_NEWLINK",
        kind::DEL_LINK => "RTM_DELLINK",
        kind::GET_LINK => "RTM_GETLINK",
        kind::NEW_ADDR => "RTM_NEWADDR",
        kind::DEL_ADDR => "RTM_DELADDR",
        kind::GET_ADDR => "RTM_GETADDR",
        kind::NEW_ROUTE => "RTM_NEWROUTE",
        kind::DEL_ROUTE => "RTM_DELROUTE",
        kind::GET_ROUTE => "RTM_GETROUTE",
        kind::NEW_NEIGH => "RTM_NEWNEIGH",
        kind::DEL_NEIGH => "RTM_DELNEIGH",
        kind::GET_NEIGH => "RTM_GETNEIGH",
        kind::NEW_RULE => "RTM_NEWRULE",
        kind::DEL_RULE => "RTM_DELRULE",
        kind::GET_RULE => "RTM_GETRULE",
        kind::NEW_ADDR_LABEL => "RTM_NEWADDRLABEL",
        kind::DEL_ADDR_LABEL => "RTM_DELADDRLABEL",
        kind::GET_ADDR_LABEL => "RTM_GETADDRLABEL",
        kind::NEW_NSID => "RTM_NEWNSID",
        kind::GET_NSID => "RTM_GETNSID",
        kind::NEW_NETCONF => "RTM_NEWNETCONF",
        kind::DEL_NETCONF => "RTM_DELNETCONF",
        kind::GET_NETCONF => "RTM_GETNETCONF",
        kind::NEW_NEXTHOP => "RTM_NEWNEXTHOP",
        kind::DEL_NEXTHOP => "RTM_DELNEXTHOP",
        kind::GET_NEXTHOP => "RTM_GETNEXTHOP",
        kind::NEW_NEXTHOP_BUCKET => "RTM_NEWNEXTHOPBUCKET",
        kind::DEL_NEXTHOP_BUCKET => "RTM_DELNEXTHOPBUCKET",
        kind::GET_NEXTHOP_BUCKET => "RTM_GETNEXTHOPBUCKET",
        _ => "netlink message",
    }
}

/// A configuration object, as a dump tells it.
#[derive(Clone, Debug, PartialEq)]
#[allow(clippy::large_enum_variant)]
pub enum Message {
    /// A device.
    Link(LinkMsg),
    /// An address.
    Address(AddrMsg),
    /// A route, or a lookup's answer.
    Route(RouteMsg),
    /// A policy rule.
    Rule(RuleMsg),
    /// A nexthop object, or a bucket of a group.
    Nexthop(NexthopMsg),
    /// A neighbour.
    Neighbour(NeighMsg),
    /// A device's settings.
    Netconf(NetconfMsg),
    /// An address label.
    AddrLabel(AddrLabelMsg),
    /// An entry of a multicast forwarding cache.
    Mroute(MrouteMsg),
    /// A multicast routing table.
    MrouteTable(MrouteTableMsg),
}

impl Message {
    /// Decodes a frame of a `NEW`, `DEL` or `GET` type; all three have one form.
    pub fn decode(frame: &Frame<'_>) -> Result<Self, DecodeError> {
        let body = Body { name: name(frame.kind), bytes: frame.payload };
        Ok(match frame.kind {
            kind::NEW_ROUTE..=kind::GET_ROUTE if mroute::is_one(body) => {
                Message::Mroute(mroute::decode(body)?)
            }
            kind::NEW_LINK..=kind::GET_LINK if mroute::is_one(body) => {
                Message::MrouteTable(mroute::decode_table(body)?)
            }
            kind::NEW_LINK..=kind::GET_LINK => Message::Link(link::decode(body)?),
            kind::NEW_ADDR..=kind::GET_ADDR => Message::Address(address::decode(body)?),
            kind::NEW_ROUTE..=kind::GET_ROUTE => Message::Route(route::decode(body)?),
            kind::NEW_NEIGH..=kind::GET_NEIGH => Message::Neighbour(neighbour::decode(body)?),
            kind::NEW_RULE..=kind::GET_RULE => Message::Rule(rule::decode(body)?),
            kind::NEW_NETCONF..=kind::GET_NETCONF => Message::Netconf(netconf::decode(body)?),
            kind::NEW_NEXTHOP..=kind::GET_NEXTHOP => Message::Nexthop(nexthop::decode(body)?),
            kind::NEW_NEXTHOP_BUCKET..=kind::GET_NEXTHOP_BUCKET => Message::Nexthop(nexthop::decode(body)?),
            kind::NEW_ADDR_LABEL..=kind::GET_ADDR_LABEL => Message::AddrLabel(addr_label::decode(body)?),
            other => return Err(body.error(0, Problem::Kind(other))),
        })
    }

    /// The `NEW` type of this object.
    pub fn new_kind(&self) -> u16 {
        match self {
            Message::Link(_) => kind::NEW_LINK,
            Message::Address(_) => kind::NEW_ADDR,
            Message::Route(_) => kind::NEW_ROUTE,
            Message::Rule(_) => kind::NEW_RULE,
            Message::Nexthop(m) if m.bucket.is_some() => kind::NEW_NEXTHOP_BUCKET,
            Message::Nexthop(_) => kind::NEW_NEXTHOP,
            Message::Neighbour(_) => kind::NEW_NEIGH,
            Message::Netconf(_) => kind::NEW_NETCONF,
            Message::AddrLabel(_) => kind::NEW_ADDR_LABEL,
            Message::Mroute(_) => kind::NEW_ROUTE,
            Message::MrouteTable(_) => kind::NEW_LINK,
        }
    }

    /// The bytes after the netlink header.
    pub fn encode(&self) -> Result<Vec<u8>, EncodeError> {
        let mut b = Builder::new();
        match self {
            Message::Link(m) => link::encode(m, &mut b),
            Message::Address(m) => address::encode(m, &mut b),
            Message::Route(m) => route::encode(m, &mut b),
            Message::Rule(m) => rule::encode(m, &mut b),
            Message::Nexthop(m) => nexthop::encode(m, &mut b),
            Message::Neighbour(m) => neighbour::encode(m, &mut b),
            Message::Netconf(m) => netconf::encode(m, &mut b),
            Message::AddrLabel(m) => addr_label::encode(m, &mut b),
            Message::Mroute(m) => mroute::encode(m, &mut b),
            Message::MrouteTable(m) => mroute::encode_table(m, &mut b),
        }
        b.finish()
    }
}

/// A message's bytes after the netlink header, and its name for errors.
#[derive(Clone, Copy)]
pub(crate) struct Body<'a> {
    pub name: &'static str,
    pub bytes: &'a [u8],
}

impl<'a> Body<'a> {
    /// The fixed part of `N` bytes, and the attributes after it.
    pub fn split<const N: usize>(self, names: Names) -> Result<([u8; N], Attrs<'a>), DecodeError> {
        let Some((fixed, rest)) = self.bytes.split_first_chunk::<N>() else {
            return Err(self.error(0, Problem::Short { found: self.bytes.len(), expected: N }));
        };
        Ok((*fixed, Attrs::new(self.name, names, rest, HEADER + N)))
    }

    /// The family with this number.
    pub fn family(self, number: u8) -> Result<Family, DecodeError> {
        Family::from_number(number).ok_or_else(|| self.error(0, Problem::Family(number)))
    }

    /// Checks a prefix length that stands at byte `at` of the fixed part.
    pub fn prefix_len(self, at: usize, len: u8, family: Family) -> Result<u8, DecodeError> {
        if len > family.width() { Err(self.error(at, Problem::PrefixLength(len))) } else { Ok(len) }
    }

    pub fn error(self, at: usize, problem: Problem) -> DecodeError {
        DecodeError { message: self.name, attribute: None, offset: HEADER + at, problem }
    }
}

/// Four bytes of a fixed part as a number.
pub(crate) fn word<const N: usize>(fixed: &[u8; N], at: usize) -> u32 {
    u32::from_ne_bytes([fixed[at], fixed[at + 1], fixed[at + 2], fixed[at + 3]])
}
