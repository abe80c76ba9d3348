//! Snapshots without what identifies a network, and with the same decisions.
//!
//! *Replaced*, consistently within a snapshot and for equal [`Key`]s:
//! addresses (prefixes keep what they contain, ranges with a meaning and the
//! broadcast addresses of subnets stay what they are, see [`Redactor::address`]),
//! hardware addresses, names of namespaces, and hardware addresses inside
//! names of devices (`enx…`).
//!
//! *Left out*: texts, descriptions and alternative names of devices,
//! undecoded attributes, parameters of tunnels, and the seed of the multipath
//! hash, which with other addresses would choose otherwise.
//!
//! *Kept*: everything else: the shape of the network, names of devices, numbers
//! of tables, marks, user ids, ports, metrics. The first bits of an address
//! that lies close to a range with a meaning are those of the range.
//!
//! A question about the redacted snapshot has the answer of the question about
//! the original, both replaced. The only exception is the choice between legs
//! of a multipath route, which hashes addresses.

mod family_settings;
mod key;
mod tree;

use std::collections::HashMap;
use std::io::{self, BufRead, Seek, SeekFrom, Write};
use std::mem;
use std::net::{IpAddr, Ipv6Addr};

use fingerpost_model::snapshot::{Error, Header, Line, Reader, Writer};
use fingerpost_model::{
    AddrLabelMsg, AddrMsg, Encap, LinkInfo, LinkMsg, LlAddr, MrouteMsg, MrouteTableMsg, NeighMsg, NetconfMsg,
    NexthopMsg, RouteMsg, RuleMsg,
};
use fingerpost_net::IpPrefix;

pub use key::Key;
use tree::Forest;

/// What is said of what was left out.
const LEFT_OUT: &str = "redacted: texts, descriptions, alternative names, undecoded attributes, parameters of \
                        tunnels and the multipath hash seed are left out";

/// Settings that a redacted snapshot does not hold: secrets, and what addresses decide with.
const DROPPED_SETTINGS: [&str; 3] = ["tcp_fastopen_key", "stable_secret", "fib_multipath_hash_seed"];

/// Why a snapshot cannot be redacted.
#[derive(Debug, thiserror::Error)]
pub enum RedactError {
    /// It cannot be read.
    #[error(transparent)]
    Read(#[from] Error),
    /// The result cannot be written, or the input not be read twice.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Redacts a snapshot. It is read twice: first for the subnets, then for all.
pub fn redact<R: BufRead + Seek, W: Write>(mut input: R, output: W, key: &Key) -> Result<W, RedactError> {
    let mut redactor = Redactor::new(key.clone());
    let start = input.stream_position()?;
    let mut reader = Reader::new(&mut input)?;
    while let Some(line) = reader.next_line()? {
        redactor.learn(&line);
    }
    input.seek(SeekFrom::Start(start))?;
    let mut reader = Reader::new(&mut input)?;
    let mut writer = Writer::new(output, &redactor.header(reader.header()))?;
    while let Some(line) = reader.next_line()? {
        if let Some(line) = redactor.line(line) {
            writer.write(&line)?;
        }
    }
    Ok(writer.finish()?)
}

/// Replaces what identifies, line by line.
pub struct Redactor {
    key: Key,
    forest: Forest,
    namespaces: HashMap<String, String>,
}

impl Redactor {
    /// Nothing learned yet.
    pub fn new(key: Key) -> Self {
        Redactor { forest: Forest::new(key.clone()), key, namespaces: HashMap::new() }
    }

    /// Learns subnets and names of namespaces. Every line must be learned
    /// before the first is replaced.
    pub fn learn(&mut self, line: &Line) {
        match line {
            Line::Netns(netns) if !netns.name.is_empty() => {
                let next = format!("ns{}", self.namespaces.len() + 1);
                self.namespaces.entry(netns.name.clone()).or_insert(next);
            }
            Line::Address(m) => {
                for addr in [m.address, m.local].into_iter().flatten() {
                    self.forest.learn(IpPrefix { addr, len: m.prefix_len });
                }
            }
            _ => {}
        }
    }

    /// The replacement of an address, to ask the same question of a redacted snapshot.
    pub fn address(&self, addr: IpAddr) -> IpAddr {
        self.forest.address(addr)
    }

    /// The header: sentences on what was not seen keep their subject only.
    pub fn header(&self, header: &Header) -> Header {
        let subject = |sentence: &String| {
            let (space, rest) = match sentence.strip_prefix("namespace ").and_then(|s| s.split_once(": ")) {
                Some((name, rest)) => (self.namespaces.get(name).cloned(), rest),
                None => (None, sentence.as_str()),
            };
            let subject = rest.split_once(": ").map_or(rest, |(subject, _)| subject);
            // A subject of several words may be a path or a name.
            let subject = if subject.contains('/') { "files or settings" } else { subject };
            match space {
                Some(name) => format!("namespace {name}: {subject}"),
                None => subject.to_string(),
            }
        };
        let mut not_seen: Vec<String> = header.not_seen.iter().map(subject).collect();
        not_seen.push(LEFT_OUT.into());
        Header { redacted: true, not_seen, ..header.clone() }
    }

    /// The line with everything replaced, or `None` for one that is left out.
    pub fn line(&self, line: Line) -> Option<Line> {
        Some(match line {
            Line::Netns(mut m) => {
                m.name = self.namespaces.get(&m.name).cloned().unwrap_or_default();
                m.hash_seed = None;
                Line::Netns(m)
            }
            Line::Link(m) => Line::Link(self.link(m)),
            Line::Address(m) => Line::Address(self.interface_address(m)),
            Line::Route(m) => Line::Route(self.route(m)),
            Line::Rule(m) => Line::Rule(self.rule(m)),
            Line::Nexthop(m) => Line::Nexthop(self.nexthop(m)),
            Line::Bucket(m) => Line::Bucket(m),
            Line::Neighbour(m) => Line::Neighbour(self.neighbour(m)),
            Line::Netconf(m) => Line::Netconf(NetconfMsg { other: Vec::new(), ..m }),
            Line::Sysctl(path, _) if DROPPED_SETTINGS.iter().any(|name| path.ends_with(name)) => return None,
            Line::Sysctl(path, value) => Line::Sysctl(self.setting(&path), value),
            Line::AddressLabel(mut m) => {
                self.prefix(&mut m.prefix);
                Line::AddressLabel(AddrLabelMsg { other: Vec::new(), ..m })
            }
            Line::MulticastTable(m) => Line::MulticastTable(self.multicast_table(m)),
            Line::MulticastRoute(mut m) => {
                self.ip(&mut m.src);
                self.ip(&mut m.dst);
                Line::MulticastRoute(MrouteMsg { stats: None, age: None, other: Vec::new(), ..m })
            }
            // A group made from a network's prefix (RFC 3306) names it; others are
            // well-known numbers and name nobody.
            Line::Group(_, IpAddr::V6(group)) if has_prefix(group) => return None,
            Line::Group(..) => line,
            Line::Text(..) | Line::End(_) => return None,
        })
    }

    fn ip(&self, addr: &mut Option<IpAddr>) {
        *addr = addr.map(|addr| self.forest.address(addr));
    }

    fn prefix(&self, prefix: &mut Option<IpPrefix>) {
        *prefix = prefix.map(|prefix| self.forest.prefix(prefix));
    }

    /// A table without the ends of tunnels.
    fn multicast_table(&self, mut m: MrouteTableMsg) -> MrouteTableMsg {
        for vif in &mut m.vifs {
            (vif.counts, vif.local, vif.remote) = ([0; 4], 0, 0);
        }
        MrouteTableMsg { other: Vec::new(), ..m }
    }

    fn link(&self, mut m: LinkMsg) -> LinkMsg {
        self.device(&mut m.name);
        for addr in [&mut m.address, &mut m.broadcast, &mut m.perm_address].into_iter().flatten() {
            self.hardware(addr);
        }
        if let Some(LinkInfo { peer, data, slave_data, .. }) = &mut m.info {
            data.clear();
            slave_data.clear();
            *peer = peer.take().map(|peer| Box::new(self.link(*peer)));
        }
        let other = family_settings::kept(&m.other);
        LinkMsg { alias: None, altnames: Vec::new(), stats: None, other, netns: None, ..m }
    }

    fn interface_address(&self, mut m: AddrMsg) -> AddrMsg {
        self.ip(&mut m.local);
        self.ip(&mut m.address);
        if let Some(broadcast) = m.broadcast
            && let IpAddr::V4(replaced) = self.forest.address(broadcast.into())
        {
            m.broadcast = Some(replaced);
        }
        m.label = m.label.map(|label| self.label(&label));
        AddrMsg { other: Vec::new(), ..m }
    }

    fn route(&self, mut m: RouteMsg) -> RouteMsg {
        self.prefix(&mut m.dst);
        self.prefix(&mut m.looked_at);
        self.prefix(&mut m.src);
        for addr in [&mut m.gateway, &mut m.via, &mut m.prefsrc] {
            self.ip(addr);
        }
        for leg in &mut m.multipath {
            self.ip(&mut leg.gateway);
            if let Some(own) = &mut leg.own {
                self.ip(&mut own.prefsrc);
            }
            leg.behind = mem::take(&mut leg.behind).into_iter().map(|route| self.route(route)).collect();
            leg.other.clear();
            empty(&mut leg.encap);
        }
        empty(&mut m.encap);
        RouteMsg { other: Vec::new(), ..m }
    }

    fn rule(&self, mut m: RuleMsg) -> RuleMsg {
        self.prefix(&mut m.dst);
        self.prefix(&mut m.src);
        self.device(&mut m.iifname);
        self.device(&mut m.oifname);
        RuleMsg { other: Vec::new(), ..m }
    }

    fn nexthop(&self, mut m: NexthopMsg) -> NexthopMsg {
        self.ip(&mut m.gateway);
        empty(&mut m.encap);
        NexthopMsg { other: Vec::new(), ..m }
    }

    fn neighbour(&self, mut m: NeighMsg) -> NeighMsg {
        self.ip(&mut m.dst);
        if let Some(addr) = &mut m.lladdr {
            self.hardware(addr);
        }
        NeighMsg { other: Vec::new(), ..m }
    }

    /// A hardware address of the same length and kind. Tunnels have IP addresses there.
    fn hardware(&self, addr: &mut LlAddr) {
        let bytes = &mut addr.0;
        if bytes.iter().all(|&b| b == 0) || bytes.iter().all(|&b| b == 0xff) {
            return;
        }
        if let Ok(four) = <[u8; 4]>::try_from(bytes.as_slice()) {
            if let IpAddr::V4(replaced) = self.forest.address(IpAddr::from(four)) {
                *bytes = replaced.octets().to_vec();
            }
            return;
        }
        if let Ok(sixteen) = <[u8; 16]>::try_from(bytes.as_slice()) {
            if let IpAddr::V6(replaced) = self.forest.address(IpAddr::from(sixteen)) {
                *bytes = replaced.octets().to_vec();
            }
            return;
        }
        let multicast = bytes.len() == 6 && bytes[0] & 1 == 1;
        // Of the multicast addresses only the solicited-node ones tell who asks.
        let keep = match bytes.as_slice() {
            [0x33, 0x33, 0xff, ..] if multicast => 3,
            _ if multicast => return,
            _ => 0,
        };
        let mut input = b"hardware".to_vec();
        input.extend_from_slice(bytes);
        for (at, byte) in bytes.iter_mut().enumerate().skip(keep) {
            input.push(at as u8);
            *byte = self.key.hash(&input) as u8;
        }
        if keep == 0 && bytes.len() == 6 {
            bytes[0] = bytes[0] & 0xfc | 0x02;
        }
    }

    fn device(&self, name: &mut Option<String>) {
        *name = name.take().map(|name| self.device_name(&name));
    }

    /// A device's name, with a hardware address at its end replaced (`enx` and twelve digits).
    fn device_name(&self, name: &str) -> String {
        let split = name.len().checked_sub(12).and_then(|at| name.split_at_checked(at));
        let Some((kind, digits)) = split.filter(|(kind, _)| kind.ends_with('x')) else {
            return name.to_string();
        };
        let pairs: Option<Vec<u8>> =
            (0..6).map(|i| u8::from_str_radix(digits.get(i * 2..i * 2 + 2)?, 16).ok()).collect();
        let Some(bytes) = pairs else { return name.to_string() };
        let mut addr = LlAddr(bytes);
        self.hardware(&mut addr);
        format!("{kind}{}", addr.to_string().replace(':', ""))
    }

    /// A label: the device's name, and after a colon something that people chose.
    fn label(&self, label: &str) -> String {
        match label.split_once(':') {
            None => self.device_name(label),
            Some((device, rest)) if rest.bytes().all(|b| b.is_ascii_digit()) => {
                format!("{}:{rest}", self.device_name(device))
            }
            Some((device, rest)) => {
                let rest = self.key.hash(rest.as_bytes()) & 0xff;
                format!("{}:{rest:02x}", self.device_name(device))
            }
        }
    }

    fn setting(&self, path: &str) -> String {
        let parts: Vec<String> = path.split('/').map(|part| self.device_name(part)).collect();
        parts.join("/")
    }
}

/// Whether a group's address holds a prefix: `ff3S:00LL:` and the prefix itself.
fn has_prefix(group: Ipv6Addr) -> bool {
    let bits = group.to_bits();
    bits >> 116 == 0xff3 && (bits >> 32) as u64 != 0
}

/// Of a tunnel only the type stays.
fn empty(encap: &mut Option<Encap>) {
    if let Some(encap) = encap {
        encap.data.clear();
    }
}

#[cfg(test)]
mod tests;
