//! The kinds of devices: what a new one looks like and what it can do.

use fingerpost_model::{LinkFlags, LinkInfo, LinkMsg, LinkStats, LlAddr};

use super::carrier;
use crate::config::Link;

/// `ARPHRD_ETHER`.
pub(super) const ETHER: u16 = 1;
/// `ARPHRD_LOOPBACK`.
const LOOPBACK: u16 = 772;
/// `ARPHRD_NONE`.
pub(super) const NONE: u16 = 0xfffe;

/// Queues of a device that has one for each processor, on a machine of two.
const PROCESSORS: u32 = 2;
/// `ETH_MAX_MTU`.
const MAX_MTU: u32 = 65535;
/// Largest GSO packet by default, `GSO_LEGACY_MAX_SIZE`.
const GSO_SIZE: u32 = 65536;
/// Largest GSO packet of software that has no limit, `GSO_MAX_SIZE`.
pub(super) const GSO_UNLIMITED: u32 = 524_280;

/// What a device is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Loopback,
    Dummy,
    Ifb,
    Veth,
    Tun,
    Tap,
    Bridge,
    Vlan,
    Macvlan,
    Macvtap,
    Ipvlan,
    Ipvtap,
    Vrf,
    Wireguard,
    /// Physical, or of a kind that only snapshots hold.
    Other,
}

impl Kind {
    /// The kind by the name that rtnetlink knows it under; `None` is `Unknown device type`.
    pub(super) fn from_name(name: &str) -> Option<Kind> {
        Some(match name {
            "dummy" => Kind::Dummy,
            "ifb" => Kind::Ifb,
            "veth" => Kind::Veth,
            "tun" => Kind::Tun,
            "bridge" => Kind::Bridge,
            "vlan" => Kind::Vlan,
            "macvlan" => Kind::Macvlan,
            "macvtap" => Kind::Macvtap,
            "ipvlan" => Kind::Ipvlan,
            "ipvtap" => Kind::Ipvtap,
            "vrf" => Kind::Vrf,
            "wireguard" => Kind::Wireguard,
            _ => return None,
        })
    }

    /// The kind of an existing device.
    pub(super) fn of(link: &Link) -> Kind {
        if link.is_loopback() {
            return Kind::Loopback;
        }
        match Kind::from_name(link.kind()) {
            Some(Kind::Tun) if link.msg.arp_type == ETHER => Kind::Tap,
            Some(kind) => kind,
            None => Kind::Other,
        }
    }

    /// rtnetlink's name, empty for those that it does not make.
    pub(super) fn name(self) -> &'static str {
        match self {
            Kind::Loopback | Kind::Other => "",
            Kind::Dummy => "dummy",
            Kind::Ifb => "ifb",
            Kind::Veth => "veth",
            Kind::Tun | Kind::Tap => "tun",
            Kind::Bridge => "bridge",
            Kind::Vlan => "vlan",
            Kind::Macvlan => "macvlan",
            Kind::Macvtap => "macvtap",
            Kind::Ipvlan => "ipvlan",
            Kind::Ipvtap => "ipvtap",
            Kind::Vrf => "vrf",
            Kind::Wireguard => "wireguard",
        }
    }

    /// Whether it stands on a lower device and goes when that one goes.
    pub(super) fn is_stacked(self) -> bool {
        matches!(self, Kind::Vlan | Kind::Macvlan | Kind::Macvtap | Kind::Ipvlan | Kind::Ipvtap)
    }

    /// A macvlan or macvtap device.
    pub(super) fn is_macvlan(self) -> bool {
        matches!(self, Kind::Macvlan | Kind::Macvtap)
    }

    /// An ipvlan or ipvtap device.
    pub(super) fn is_ipvlan(self) -> bool {
        matches!(self, Kind::Ipvlan | Kind::Ipvtap)
    }

    /// Whether it stays in the namespace that it was made in (`netns_immutable`).
    pub(super) fn stays(self) -> bool {
        matches!(self, Kind::Loopback | Kind::Bridge | Kind::Vrf)
    }

    /// Whether its driver lets users set the carrier (`ndo_change_carrier`).
    pub(super) fn has_settable_carrier(self) -> bool {
        matches!(self, Kind::Dummy | Kind::Tun | Kind::Tap)
    }

    /// The queueing discipline that it gets when it first comes up (`attach_default_qdiscs`).
    /// A queue of length 0 is none.
    pub(super) fn qdisc(self, tx_queues: u32, tx_len: u32) -> &'static str {
        match self {
            _ if tx_len == 0 => "noqueue",
            Kind::Ifb | Kind::Tun | Kind::Tap | Kind::Macvtap | Kind::Ipvtap | Kind::Other => {
                if tx_queues > 1 { "mq" } else { "pfifo_fast" }
            }
            _ => "noqueue",
        }
    }

    /// The operational state of one that has carrier and did not change it
    /// since it was made, as far as the kind tells.
    pub(super) fn oper_with_carrier(self) -> u8 {
        match self {
            Kind::Veth | Kind::Vlan | Kind::Macvlan | Kind::Macvtap | Kind::Vrf | Kind::Other => carrier::UP,
            _ => carrier::UNKNOWN,
        }
    }

    fn flags(self) -> LinkFlags {
        let ethernet = LinkFlags::BROADCAST | LinkFlags::MULTICAST;
        match self {
            Kind::Loopback => LinkFlags::LOOPBACK,
            Kind::Dummy | Kind::Ifb => LinkFlags::BROADCAST | LinkFlags::NOARP,
            Kind::Tun => LinkFlags::POINTOPOINT | LinkFlags::NOARP | LinkFlags::MULTICAST,
            Kind::Vrf => LinkFlags::NOARP | LinkFlags::MASTER,
            Kind::Wireguard => LinkFlags::POINTOPOINT | LinkFlags::NOARP,
            _ => ethernet,
        }
    }

    /// (MTU, smallest, largest).
    fn mtu(self) -> (u32, u32, u32) {
        match self {
            Kind::Loopback => (65536, 0, 0),
            Kind::Dummy | Kind::Ifb => (1500, 0, 0),
            Kind::Vlan => (1500, 0, MAX_MTU),
            Kind::Tap => (1500, 68, MAX_MTU - 14),
            Kind::Vrf => (65575, 1280, 65575),
            Kind::Wireguard => (1420, 0, 2_147_483_552),
            _ => (1500, 68, MAX_MTU),
        }
    }

    /// A new device of this kind, before any attribute of the request.
    pub(super) fn template(self) -> Link {
        let (mtu, min_mtu, max_mtu) = self.mtu();
        let arp_type = match self {
            Kind::Loopback => LOOPBACK,
            Kind::Tun | Kind::Wireguard => NONE,
            _ => ETHER,
        };
        let (address, broadcast) = match self {
            Kind::Loopback => (vec![0; 6], vec![0; 6]),
            Kind::Tun | Kind::Wireguard => (Vec::new(), Vec::new()),
            _ => (vec![0; 6], vec![0xff; 6]),
        };
        let queues = if self == Kind::Veth { PROCESSORS } else { 1 };
        let tso = match self {
            Kind::Loopback | Kind::Ifb | Kind::Veth | Kind::Wireguard => GSO_UNLIMITED,
            _ => GSO_SIZE,
        };
        let info =
            (!self.name().is_empty()).then(|| LinkInfo { kind: self.name().into(), ..LinkInfo::default() });
        let bytes = |bytes: Vec<u8>| (!bytes.is_empty()).then_some(LlAddr(bytes));
        let msg = LinkMsg {
            arp_type,
            // Nothing is ever sent here.
            stats: Some(LinkStats::default()),
            flags: self.flags(),
            mtu: Some(mtu),
            address: bytes(address),
            broadcast: bytes(broadcast),
            txqlen: Some(match self {
                Kind::Ifb => 32,
                Kind::Tun | Kind::Macvtap | Kind::Ipvtap => 500,
                _ => 1000,
            }),
            operstate: Some(carrier::DOWN),
            linkmode: Some(0),
            group: Some(0),
            carrier: Some(1),
            qdisc: Some("noop".into()),
            info,
            promiscuity: Some(0),
            allmulti: Some(0),
            min_mtu: Some(min_mtu),
            max_mtu: Some(max_mtu),
            num_tx_queues: Some(queues),
            num_rx_queues: Some(queues),
            gso_max_size: Some(GSO_SIZE),
            gso_max_segs: Some(65535),
            tso_max_size: Some(tso),
            tso_max_segs: Some(65535),
            gro_max_size: Some(65536),
            gso_ipv4_max_size: Some(GSO_SIZE),
            gro_ipv4_max_size: Some(65536),
            ..LinkMsg::default()
        };
        let oper = if self == Kind::Vrf { carrier::UP } else { carrier::UNKNOWN };
        Link { msg, oper, ..Link::default() }
    }
}
