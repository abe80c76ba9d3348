//! The stages of packets' ways.

use std::net::{IpAddr, Ipv4Addr};

use fingerpost_model::NeighState;
use fingerpost_net::Errno;

/// Netfilter's hook points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hook {
    /// Before the input lookup.
    Prerouting,
    /// Before local delivery.
    Input,
    /// Between input and output of a forwarded packet.
    Forward,
    /// After the output lookup of a packet made here.
    Output,
    /// Before a packet leaves.
    Postrouting,
}

/// Where a packet is on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// It is received (`ip_rcv`, `ipv6_rcv`, `arp_rcv`).
    Receive {
        /// By this device.
        dev: u32,
    },
    /// It passes a hook (`nf_hook_slow`).
    Hook {
        /// Which.
        hook: Hook,
        /// The device that it came in by, as the hook is told; 0 for none.
        input: u32,
        /// The device that it leaves by, likewise.
        output: u32,
    },
    /// It is for this host (`ip_local_deliver`).
    Deliver,
    /// It is forwarded (`ip_forward`).
    Forward,
    /// It is answered with an error (`ip_error`).
    Error {
        /// Which.
        errno: Errno,
    },
    /// It is made here (`ip_local_out`).
    LocalOut,
    /// It leaves (`ip_output`).
    Output {
        /// By this device.
        dev: u32,
    },
    /// It is cut up (`ip_fragment`, `ip6_fragment`); its pieces go on, one after the other.
    Cut,
    /// It goes to its next step (`ip_finish_output2`).
    Next {
        /// The device.
        dev: u32,
        /// A gateway, or the destination.
        addr: IpAddr,
    },
    /// An ICMP message is made about it, or in reply (`__icmp_send`, `icmp_reply`).
    IcmpSend {
        /// Type.
        kind: u8,
        /// Code.
        code: u8,
    },
    /// A neighbour's entry changes its state.
    Neighbour {
        /// The device.
        dev: u32,
        /// The neighbour.
        addr: IpAddr,
        /// The new state.
        state: NeighState,
    },
    /// An ARP message is sent (`arp_send_dst`).
    Arp {
        /// By this device.
        dev: u32,
        /// Request or reply.
        op: u16,
        /// For whom.
        target: Ipv4Addr,
    },
    /// A device takes the frame (`dev_queue_xmit`).
    Transmit {
        /// Which.
        dev: u32,
    },
    /// Loopback gives it back (`loopback_xmit`).
    Loop,
    /// This host gets a copy of what it sends to many (`dev_loopback_xmit`).
    LoopCopy,
}
