//! Requests as bytes: dumps, lookups and changes, and changes back from bytes.
//!
//! Dumps carry what strict checking wants (`NETLINK_GET_STRICT_CHK`): a whole
//! header whose unused fields are zero. Kernels without it ignore the filters,
//! so that who asks has to look at what comes.

use std::net::IpAddr;

use fingerpost_model::{
    AddrLabelMsg, BucketFilter, Change, LinkMsg, NeighFlags, NexthopBucket, NexthopMsg, NlFlags, Op,
    RouteFilter, RouteFlags, RouteMsg, TableId,
};
use fingerpost_net::{Family, IpPrefix};

use crate::attr::Builder;
use crate::error::{DecodeError, EncodeError};
use crate::frame::{Frame, HEADER, flag};
use crate::link::{self, ifla};
use crate::message::{Message, kind};
use crate::mroute;
use crate::nexthop::{self, nha};
use crate::route::rta;

/// What to dump.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Dump {
    /// Devices; the mask is [`crate::ext_mask`]'s.
    Links {
        /// What to add or leave out.
        ext_mask: u32,
    },
    /// Addresses.
    Addresses(Family),
    /// Routes of the filter's family (IPv4 if it names none).
    Routes(RouteFilter),
    /// Policy rules.
    Rules(Family),
    /// Nexthop objects.
    Nexthops,
    /// Buckets of resilient groups.
    NexthopBuckets(BucketFilter),
    /// Neighbours, or proxy entries.
    Neighbours {
        /// The family.
        family: Family,
        /// Proxy entries rather than neighbours.
        proxy: bool,
    },
    /// Per-device settings.
    Netconf(Family),
    /// Address labels.
    AddrLabels,
    /// Entries of multicast forwarding caches, of a table or of all.
    Mroutes(Family, Option<TableId>),
    /// Multicast routing tables of IPv4.
    MrouteTables,
}

/// The bytes of a dump request with this sequence number.
pub fn dump(what: &Dump, seq: u32) -> Result<Vec<u8>, EncodeError> {
    let (kind, body) = match what {
        Dump::Links { ext_mask } => {
            let mut b = Builder::new();
            b.raw(&[0; link::FIXED]);
            b.u32(ifla::EXT_MASK, *ext_mask);
            (kind::GET_LINK, b.finish()?)
        }
        Dump::Addresses(family) => (kind::GET_ADDR, fixed::<8>(*family)),
        Dump::Routes(filter) => (kind::GET_ROUTE, routes(filter)?),
        Dump::Rules(family) => (kind::GET_RULE, fixed::<12>(*family)),
        Dump::Nexthops => (kind::GET_NEXTHOP, vec![0; 8]),
        Dump::NexthopBuckets(filter) => (kind::GET_NEXTHOP_BUCKET, buckets(filter)?),
        Dump::Neighbours { family, proxy } => {
            let mut body = fixed::<12>(*family);
            if *proxy {
                body[10] = NeighFlags::PROXY.0 as u8;
            }
            (kind::GET_NEIGH, body)
        }
        Dump::Netconf(family) => (kind::GET_NETCONF, fixed::<4>(*family)),
        Dump::AddrLabels => (kind::GET_ADDR_LABEL, fixed::<12>(Family::V6)),
        Dump::Mroutes(family, table) => {
            let mut b = Builder::new();
            b.raw(&[mroute::number_of(*family), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
            if let Some(table) = table {
                b.u32(rta::TABLE, table.0);
            }
            (kind::GET_ROUTE, b.finish()?)
        }
        Dump::MrouteTables => {
            let mut body = vec![0; link::FIXED];
            body[0] = mroute::IPMR;
            (kind::GET_LINK, body)
        }
    };
    Ok(message(kind, flag::REQUEST | flag::DUMP, seq, &body))
}

/// The number that stands for a family's multicast routing in headers (`RTNL_FAMILY_IPMR`, `IP6MR`).
pub fn multicast_family(family: Family) -> u8 {
    mroute::number_of(family)
}

/// A header of `N` bytes with nothing but the family.
fn fixed<const N: usize>(family: Family) -> Vec<u8> {
    let mut body = vec![0; N];
    if let Some(first) = body.first_mut() {
        *first = family.number();
    }
    body
}

fn routes(filter: &RouteFilter) -> Result<Vec<u8>, EncodeError> {
    let mut b = Builder::new();
    b.raw(&[filter.family.unwrap_or(Family::V4).number(), 0, 0, 0]);
    b.raw(&[0, filter.protocol.unwrap_or(0), 0, filter.kind.unwrap_or(0)]);
    let flags = if filter.cached { RouteFlags::CLONED } else { RouteFlags(0) };
    b.raw(&flags.0.to_ne_bytes());
    if let Some(table) = filter.table {
        b.u32(rta::TABLE, table.0);
    }
    if let Some(oif) = filter.oif {
        b.u32(rta::OIF, oif);
    }
    b.finish()
}

fn buckets(filter: &BucketFilter) -> Result<Vec<u8>, EncodeError> {
    let bucket = filter.member.map(|id| NexthopBucket { nh_id: Some(id), ..NexthopBucket::default() });
    let question = NexthopMsg {
        id: filter.group.unwrap_or(0),
        family: filter.family,
        oif: filter.dev,
        bucket,
        ..NexthopMsg::default()
    };
    let mut b = Builder::new();
    nexthop::encode(&question, &mut b);
    if let Some(master) = filter.master {
        b.u32(nha::MASTER, master);
    }
    b.finish()
}

/// The bytes of a lookup (`ip route get`): `RTM_GETROUTE` without dump.
pub fn lookup(question: &RouteMsg, seq: u32) -> Result<Vec<u8>, EncodeError> {
    let body = Message::Route(question.clone()).encode()?;
    Ok(message(kind::GET_ROUTE, flag::REQUEST, seq, &body))
}

/// The bytes of a question for one device, by index, or by name when the index is 0.
pub fn link(index: u32, name: Option<&str>, ext_mask: u32, seq: u32) -> Result<Vec<u8>, EncodeError> {
    let mut b = Builder::new();
    let question = LinkMsg { index, name: name.map(str::to_string), ..LinkMsg::default() };
    link::encode(&question, &mut b);
    b.u32(ifla::EXT_MASK, ext_mask);
    Ok(message(kind::GET_LINK, flag::REQUEST, seq, &b.finish()?))
}

/// The bytes of a question for one bucket of a resilient group.
pub fn nexthop_bucket(group: u32, index: u16, seq: u32) -> Result<Vec<u8>, EncodeError> {
    let bucket = NexthopBucket { index: Some(index), ..NexthopBucket::default() };
    let mut b = Builder::new();
    nexthop::encode(&NexthopMsg { id: group, bucket: Some(bucket), ..NexthopMsg::default() }, &mut b);
    Ok(message(kind::GET_NEXTHOP_BUCKET, flag::REQUEST, seq, &b.finish()?))
}

/// The bytes of a question for one nexthop object.
pub fn nexthop(id: u32, seq: u32) -> Result<Vec<u8>, EncodeError> {
    let mut b = Builder::new();
    b.raw(&[0; 8]);
    b.u32(nha::ID, id);
    Ok(message(kind::GET_NEXTHOP, flag::REQUEST, seq, &b.finish()?))
}

/// The bytes of a question for the label of an address, on a device or on any (0).
pub fn addr_label(address: IpAddr, index: u32, seq: u32) -> Result<Vec<u8>, EncodeError> {
    let prefix = IpPrefix::host(address);
    let question = AddrLabelMsg { prefix: Some(prefix), index, ..AddrLabelMsg::new(Family::of(address)) };
    Ok(message(kind::GET_ADDR_LABEL, flag::REQUEST, seq, &Message::AddrLabel(question).encode()?))
}

/// The bytes of a change, with an acknowledgement asked for.
pub fn change(op: &Op, seq: u32) -> Result<Vec<u8>, EncodeError> {
    let (kind, object) = match &op.change {
        Change::NewLink(m) => (kind::NEW_LINK, Message::Link(m.clone())),
        Change::DelLink(m) => (kind::DEL_LINK, Message::Link(m.clone())),
        Change::NewAddress(m) => (kind::NEW_ADDR, Message::Address(m.clone())),
        Change::DelAddress(m) => (kind::DEL_ADDR, Message::Address(m.clone())),
        Change::NewRoute(m) => (kind::NEW_ROUTE, Message::Route(m.clone())),
        Change::DelRoute(m) => (kind::DEL_ROUTE, Message::Route(m.clone())),
        Change::NewRule(m) => (kind::NEW_RULE, Message::Rule(m.clone())),
        Change::DelRule(m) => (kind::DEL_RULE, Message::Rule(m.clone())),
        Change::NewNexthop(m) => (kind::NEW_NEXTHOP, Message::Nexthop(m.clone())),
        Change::DelNexthop(m) => (kind::DEL_NEXTHOP, Message::Nexthop(m.clone())),
        Change::NewNeighbour(m) => (kind::NEW_NEIGH, Message::Neighbour(m.clone())),
        Change::DelNeighbour(m) => (kind::DEL_NEIGH, Message::Neighbour(m.clone())),
        Change::NewAddrLabel(m) => (kind::NEW_ADDR_LABEL, Message::AddrLabel(m.clone())),
        Change::DelAddrLabel(m) => (kind::DEL_ADDR_LABEL, Message::AddrLabel(m.clone())),
        Change::NewTun { .. } | Change::DelTun { .. } => return Err(EncodeError::NotNetlink),
    };
    Ok(message(kind, flag::REQUEST | flag::ACK | op.flags.0, seq, &object.encode()?))
}

/// The header flags that make up an [`Op`]'s.
const OP_FLAGS: u16 = NlFlags::REPLACE.0 | NlFlags::EXCL.0 | NlFlags::CREATE.0 | NlFlags::APPEND.0;

/// The change that a frame asks for; `None` if it is of a type that asks for none.
pub fn to_op(frame: &Frame<'_>) -> Result<Option<Op>, DecodeError> {
    let new = match frame.kind {
        kind::NEW_LINK
        | kind::NEW_ADDR
        | kind::NEW_ROUTE
        | kind::NEW_RULE
        | kind::NEW_NEXTHOP
        | kind::NEW_NEIGH
        | kind::NEW_ADDR_LABEL => true,
        kind::DEL_LINK
        | kind::DEL_ADDR
        | kind::DEL_ROUTE
        | kind::DEL_RULE
        | kind::DEL_NEXTHOP
        | kind::DEL_NEIGH
        | kind::DEL_ADDR_LABEL => false,
        _ => return Ok(None),
    };
    let change = match (Message::decode(frame)?, new) {
        (Message::Link(m), true) => Change::NewLink(m),
        (Message::Link(m), false) => Change::DelLink(m),
        (Message::Address(m), true) => Change::NewAddress(m),
        (Message::Address(m), false) => Change::DelAddress(m),
        (Message::Route(m), true) => Change::NewRoute(m),
        (Message::Route(m), false) => Change::DelRoute(m),
        (Message::Rule(m), true) => Change::NewRule(m),
        (Message::Rule(m), false) => Change::DelRule(m),
        (Message::Nexthop(m), true) => Change::NewNexthop(m),
        (Message::Nexthop(m), false) => Change::DelNexthop(m),
        (Message::Neighbour(m), true) => Change::NewNeighbour(m),
        (Message::Neighbour(m), false) => Change::DelNeighbour(m),
        (Message::AddrLabel(m), true) => Change::NewAddrLabel(m),
        (Message::AddrLabel(m), false) => Change::DelAddrLabel(m),
        (Message::Netconf(_) | Message::Mroute(_) | Message::MrouteTable(_), _) => return Ok(None),
    };
    Ok(Some(Op { flags: NlFlags(frame.flags & OP_FLAGS), change }))
}

/// A whole message: a netlink header, and a body that is padded already.
pub fn message(kind: u16, flags: u16, seq: u32, body: &[u8]) -> Vec<u8> {
    let len = u32::try_from(HEADER + body.len()).unwrap_or(u32::MAX);
    let mut bytes = Vec::with_capacity(HEADER + body.len());
    bytes.extend_from_slice(&len.to_ne_bytes());
    bytes.extend_from_slice(&kind.to_ne_bytes());
    bytes.extend_from_slice(&flags.to_ne_bytes());
    bytes.extend_from_slice(&seq.to_ne_bytes());
    bytes.extend_from_slice(&[0; 4]);
    bytes.extend_from_slice(body);
    bytes
}
