//! Devices.

use serde::{Deserialize, Serialize};

use super::attr::Attr;
use super::common::{LlAddr, is_default};
use crate::number::LinkFlags;

/// A device (`RTM_NEWLINK`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LinkMsg {
    /// The interface index; 0 in requests that name the device or leave the choice to the kernel.
    #[serde(skip_serializing_if = "is_default")]
    pub index: u32,
    /// The name, at most 15 bytes.
    #[serde(skip_serializing_if = "is_default")]
    pub name: Option<String>,
    /// Hardware type, `ARPHRD_*`.
    #[serde(skip_serializing_if = "is_default")]
    pub arp_type: u16,
    /// Device flags.
    #[serde(skip_serializing_if = "is_default")]
    pub flags: LinkFlags,
    /// In requests: which flags to change.
    #[serde(skip_serializing_if = "is_default")]
    pub change: LinkFlags,
    /// MTU in bytes.
    #[serde(skip_serializing_if = "is_default")]
    pub mtu: Option<u32>,
    /// The device's address.
    #[serde(skip_serializing_if = "is_default")]
    pub address: Option<LlAddr>,
    /// Its broadcast (or peer) address.
    #[serde(skip_serializing_if = "is_default")]
    pub broadcast: Option<LlAddr>,
    /// The permanent address, when it differs.
    #[serde(skip_serializing_if = "is_default")]
    pub perm_address: Option<LlAddr>,
    /// Transmit queue length in packets.
    #[serde(skip_serializing_if = "is_default")]
    pub txqlen: Option<u32>,
    /// RFC 2863 operational state: 0 unknown, 2 down, 3 lower layer down, 5 dormant, 6 up.
    #[serde(skip_serializing_if = "is_default")]
    pub operstate: Option<u8>,
    /// Link mode: 0 default, 1 dormant.
    #[serde(skip_serializing_if = "is_default")]
    pub linkmode: Option<u8>,
    /// Group number (`ip link set group`).
    #[serde(skip_serializing_if = "is_default")]
    pub group: Option<u32>,
    /// Index of the master device (bridge, VRF); 0 in requests releases it.
    #[serde(skip_serializing_if = "is_default")]
    pub master: Option<u32>,
    /// Index of the lower device or peer (`IFLA_LINK`).
    #[serde(skip_serializing_if = "is_default")]
    pub link: Option<u32>,
    /// Id of the namespace that `link` lies in, when it is another one.
    #[serde(skip_serializing_if = "is_default")]
    pub link_netnsid: Option<i32>,
    /// 1 with carrier, 0 without.
    #[serde(skip_serializing_if = "is_default")]
    pub carrier: Option<u8>,
    /// The queueing discipline's name.
    #[serde(skip_serializing_if = "is_default")]
    pub qdisc: Option<String>,
    /// Kind and its data.
    #[serde(skip_serializing_if = "is_default")]
    pub info: Option<LinkInfo>,
    /// A description (`ip link set alias`).
    #[serde(skip_serializing_if = "is_default")]
    pub alias: Option<String>,
    /// Alternative names.
    #[serde(skip_serializing_if = "is_default")]
    pub altnames: Vec<String>,
    /// In requests: the namespace to make the device in or move it to.
    #[serde(skip_serializing_if = "is_default")]
    pub netns: Option<NsRef>,
    /// Promiscuity count.
    #[serde(skip_serializing_if = "is_default")]
    pub promiscuity: Option<u32>,
    /// All-multicast count.
    #[serde(skip_serializing_if = "is_default")]
    pub allmulti: Option<u32>,
    /// Smallest MTU that the device takes.
    #[serde(skip_serializing_if = "is_default")]
    pub min_mtu: Option<u32>,
    /// Largest MTU that the device takes; 0 for no limit.
    #[serde(skip_serializing_if = "is_default")]
    pub max_mtu: Option<u32>,
    /// Transmit queues.
    #[serde(skip_serializing_if = "is_default")]
    pub num_tx_queues: Option<u32>,
    /// Receive queues.
    #[serde(skip_serializing_if = "is_default")]
    pub num_rx_queues: Option<u32>,
    /// GSO, TSO and GRO limits, by attribute name, as `ip -d` shows them.
    #[serde(skip_serializing_if = "is_default")]
    pub gso_max_size: Option<u32>,
    /// Most segments of a GSO packet.
    #[serde(skip_serializing_if = "is_default")]
    pub gso_max_segs: Option<u32>,
    /// Largest TSO packet.
    #[serde(skip_serializing_if = "is_default")]
    pub tso_max_size: Option<u32>,
    /// Most segments of a TSO packet.
    #[serde(skip_serializing_if = "is_default")]
    pub tso_max_segs: Option<u32>,
    /// Largest GRO packet.
    #[serde(skip_serializing_if = "is_default")]
    pub gro_max_size: Option<u32>,
    /// Largest GSO packet of IPv4.
    #[serde(skip_serializing_if = "is_default")]
    pub gso_ipv4_max_size: Option<u32>,
    /// Largest GRO packet of IPv4.
    #[serde(skip_serializing_if = "is_default")]
    pub gro_ipv4_max_size: Option<u32>,
    /// Counters (`ip -s link`), when they were read.
    #[serde(skip_serializing_if = "is_default")]
    pub stats: Option<LinkStats>,
    /// Bridge port settings of a slave, when decoded.
    #[serde(skip_serializing_if = "is_default")]
    pub bridge_port: Option<BridgePort>,
    /// What is not decoded.
    #[serde(skip_serializing_if = "is_default")]
    pub other: Vec<Attr>,
}

/// Device counters (`IFLA_STATS64`), the ones that `ip -s` prints.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LinkStats {
    /// Received: bytes, packets, errors, dropped, overruns (missed), multicast.
    pub rx: [u64; 6],
    /// Sent: bytes, packets, errors, dropped, carrier errors, collisions.
    pub tx: [u64; 6],
}

/// Settings of a bridge's port.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BridgePort {
    /// Spanning tree state: 0 disabled, 1 listening, 2 learning, 3 forwarding, 4 blocking.
    pub state: u8,
}

/// A namespace named in a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NsRef {
    /// `/run/netns/NAME`.
    Name(String),
    /// The namespace of a process.
    Pid(u32),
}

/// What kind of device it is (`IFLA_LINKINFO`).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LinkInfo {
    /// The kind, such as `veth`, `bridge`, `vrf`; empty for slaves of unknown kind.
    pub kind: String,
    /// The master's kind, for a slave device.
    #[serde(skip_serializing_if = "is_default")]
    pub slave_kind: Option<String>,
    /// VRF: the table.
    #[serde(skip_serializing_if = "is_default")]
    pub vrf_table: Option<u32>,
    /// VLAN: the id.
    #[serde(skip_serializing_if = "is_default")]
    pub vlan_id: Option<u16>,
    /// VLAN: the ethertype (0x8100, 0x88a8).
    #[serde(skip_serializing_if = "is_default")]
    pub vlan_protocol: Option<u16>,
    /// macvlan, macvtap, ipvlan: the mode number.
    #[serde(skip_serializing_if = "is_default")]
    pub mode: Option<u32>,
    /// tun: 1 tun, 2 tap.
    #[serde(skip_serializing_if = "is_default")]
    pub tun_type: Option<u8>,
    /// tun: packet information is prepended.
    #[serde(skip_serializing_if = "is_default")]
    pub tun_pi: Option<bool>,
    /// tun: virtio network headers are prepended.
    #[serde(skip_serializing_if = "is_default")]
    pub tun_vnet_hdr: Option<bool>,
    /// tun: multiple queues.
    #[serde(skip_serializing_if = "is_default")]
    pub tun_multi_queue: Option<bool>,
    /// tun: stays without a program.
    #[serde(skip_serializing_if = "is_default")]
    pub tun_persist: Option<bool>,
    /// tun: owner's user id.
    #[serde(skip_serializing_if = "is_default")]
    pub tun_owner: Option<u32>,
    /// tun: group id.
    #[serde(skip_serializing_if = "is_default")]
    pub tun_group: Option<u32>,
    /// veth, in requests: the peer to make.
    #[serde(skip_serializing_if = "is_default")]
    pub peer: Option<Box<LinkMsg>>,
    /// What is not decoded of the kind's data.
    #[serde(skip_serializing_if = "is_default")]
    pub data: Vec<Attr>,
    /// What is not decoded of the slave's data.
    #[serde(skip_serializing_if = "is_default")]
    pub slave_data: Vec<Attr>,
}
