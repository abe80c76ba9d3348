//! What is configured of bridges and ports, as frames meet it.

use fingerpost_model::Attr;
use fingerpost_net::wire::Mac;

use super::is_bridge;
use crate::config::{Config, Link};
use crate::path::ethernet::mac_of;

/// `BR_STATE_LEARNING`.
pub(super) const LEARNING: u8 = 2;
/// `BR_STATE_FORWARDING`.
pub(super) const FORWARDING: u8 = 3;

/// A bridge.
pub(super) struct Bridge {
    pub dev: u32,
    pub mac: Mac,
    /// Milliseconds for which an address is remembered; 0 if none is learned.
    pub ageing: u64,
    /// Groups of the link that are forwarded all the same.
    pub group_mask: u16,
    /// Whether it looks at who wants which multicast.
    pub snoops: bool,
    /// Whether senders to groups of the link are learned.
    pub learns_of_the_link: bool,
    unknown: Option<&'static str>,
}

/// A port of a bridge.
pub(super) struct Port {
    pub dev: u32,
    /// The bridge that it is of.
    pub bridge: u32,
    pub mac: Mac,
    /// State of spanning tree.
    pub state: u8,
    /// Whether frames may leave by the port that they came by.
    pub is_hairpin: bool,
    /// Whether senders are learned.
    pub learns: bool,
    pub floods: bool,
    pub floods_multicast: bool,
    pub floods_broadcast: bool,
    /// Whether it talks only with ports that are not isolated.
    pub is_isolated: bool,
    pub group_mask: u16,
    unknown: Option<&'static str>,
}

/// Settings of bridges that change what they do to frames, where they are not zero.
const OTHERS: [(u16, &str); 6] = [
    (5, "spanning tree"),
    (7, "VLAN filtering of bridges"),
    (25, "a bridge that asks for multicast listeners"),
    (36, "bridged packets in iptables"),
    (37, "bridged packets in ip6tables"),
    (38, "bridged packets in arptables"),
];
/// The same of ports.
const OTHERS_OF_PORT: [(u16, &str); 8] = [
    (10, "proxy ARP of bridges"),
    (12, "proxy ARP of bridges"),
    (28, "multicast sent to each listener"),
    (29, "VLAN tunnels of bridges"),
    (32, "suppressed neighbour discovery of bridges"),
    (34, "backup ports of bridges"),
    (39, "locked ports of bridges"),
    (43, "suppressed neighbour discovery of bridges"),
];
/// Switches that are either known, or change nothing: no learning from groups of the link.
const NO_LEARNING_OF_THE_LINK: u64 = 1;

impl Bridge {
    pub fn find(config: &Config, dev: u32) -> Option<Bridge> {
        let link = config.links.get(dev).filter(|link| is_bridge(link))?;
        let data = link.msg.info.as_ref().map_or(&[][..], |info| &info.data);
        let switches = number(data, 46).unwrap_or(0) & 0xffff_ffff;
        let other = (switches & !NO_LEARNING_OF_THE_LINK != 0).then_some("VLAN filtering of bridges");
        Some(Bridge {
            dev,
            mac: mac_of(link),
            ageing: number(data, 4).unwrap_or(30_000) * 10,
            group_mask: number(data, 9).unwrap_or(0) as u16,
            snoops: number(data, 23) != Some(0),
            learns_of_the_link: switches & NO_LEARNING_OF_THE_LINK == 0,
            unknown: first_set(data, &OTHERS).or(other),
        })
    }

    /// What of it is not modelled.
    pub fn unknown(&self) -> Option<&'static str> {
        self.unknown
    }
}

impl Port {
    /// A port, with its bridge.
    pub fn find(config: &Config, dev: u32) -> Option<(Bridge, Port)> {
        let link = config.links.get(dev)?;
        Some((Bridge::find(config, link.master()?)?, Port::of(link)))
    }

    /// The ports of a bridge, the one that joined last first.
    pub fn all(config: &Config, bridge: &Bridge) -> Vec<Port> {
        let mut ports: Vec<&Link> =
            config.links.iter().filter(|link| link.master() == Some(bridge.dev)).collect();
        ports.sort_by_key(|link| std::cmp::Reverse((link.joined, link.index())));
        ports.into_iter().map(Port::of).collect()
    }

    fn of(link: &Link) -> Port {
        let data = link.msg.info.as_ref().map_or(&[][..], |info| &info.slave_data);
        let is_off = |kind| number(data, kind) == Some(0);
        let is_on = |kind| number(data, kind).is_some_and(|value| value != 0);
        Port {
            dev: link.index(),
            bridge: link.master().unwrap_or(0),
            mac: mac_of(link),
            state: link.msg.bridge_port.as_ref().map_or(0, |port| port.state),
            is_hairpin: is_on(4),
            learns: !is_off(8),
            floods: !is_off(9),
            floods_multicast: !is_off(27),
            floods_broadcast: !is_off(30),
            is_isolated: is_on(33),
            group_mask: number(data, 31).unwrap_or(0) as u16,
            unknown: first_set(data, &OTHERS_OF_PORT),
        }
    }

    /// What of it is not modelled.
    pub fn unknown(&self) -> Option<&'static str> {
        self.unknown
    }
}

fn first_set(data: &[Attr], named: &[(u16, &'static str)]) -> Option<&'static str> {
    let mut set = named.iter().filter(|&&(kind, _)| number(data, kind).is_some_and(|value| value != 0));
    set.next().map(|&(_, name)| name)
}

/// The number in an attribute.
fn number(data: &[Attr], kind: u16) -> Option<u64> {
    let bytes = &data.iter().find(|attr| attr.kind == kind)?.data;
    let mut value = [0; 8];
    let len = bytes.len().min(8);
    value[..len].copy_from_slice(&bytes[..len]);
    Some(u64::from_ne_bytes(value))
}
