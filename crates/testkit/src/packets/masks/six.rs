//! What is random in IPv6: the settings that hold it still, and the ids of datagrams cut by the host.

use std::collections::{BTreeMap, BTreeSet};

use fingerpost_net::wire::{Checksum, Fragment6, Header, Icmp, Ipv6, nd, next};

/// Settings at the head of each script of IPv6, with the reason.
pub const HELD6: [(&str, &str, &str); 15] = [
    ("net.ipv6.conf.all.accept_dad", "0", "addresses are there at once"),
    ("net.ipv6.conf.default.accept_dad", "0", "the same"),
    ("net.ipv6.conf.default.dad_transmits", "0", "the same"),
    ("net.ipv6.conf.all.router_solicitations", "0", "nothing is sent when a device comes up"),
    ("net.ipv6.conf.default.router_solicitations", "0", "the same"),
    ("net.ipv6.conf.all.accept_ra", "0", "advertisements are another matter"),
    ("net.ipv6.conf.default.accept_ra", "0", "the same"),
    (
        "net.ipv6.conf.default.mldv2_unsolicited_report_interval",
        "1",
        "reports are over before the first step",
    ),
    ("net.ipv6.conf.default.mldv1_unsolicited_report_interval", "1", "the same"),
    ("net.ipv4.icmp_msgs_per_sec", "100000", "the global limit takes random amounts"),
    ("net.ipv4.icmp_msgs_burst", "100000", "the same"),
    ("net.ipv6.icmp.ratelimit", "0", "a limit per host turns on the time between steps"),
    ("net.ipv6.auto_flowlabels", "0", "labels that the host makes are hashes with a random seed"),
    ("net.ipv4.fib_multipath_hash_seed", "4660", "the hash of legs has a random seed"),
    ("net.ipv4.ip_local_port_range", super::ONLY_PORT, "sockets that ask for no port get one by chance"),
];

/// Ids of fragments that arrived in a case so far, with their sources.
pub type Arrived = BTreeSet<([u8; 16], u32)>;

/// Where a packet's fragment header stands.
fn fragment_at(packet: &[u8]) -> Option<usize> {
    let header = Ipv6::read(packet)?;
    let (mut number, mut at) = (header.next, Ipv6::LEN);
    while matches!(number, next::HOP | next::ROUTING | next::DESTINATION) {
        let (following, len) = (*packet.get(at)?, *packet.get(at + 1)?);
        (number, at) = (following, at + (usize::from(len) + 1) * 8);
    }
    (number == next::FRAGMENT && packet.len() >= at + Fragment6::LEN).then_some(at)
}

/// Whether the packet has a fragment header.
pub fn is_piece(packet: &[u8]) -> bool {
    fragment_at(packet).is_some()
}

/// Notes a packet that arrives.
pub fn note(packet: &[u8], arrived: &mut Arrived) {
    if let (Some(header), Some(at)) = (Ipv6::read(packet), fragment_at(packet))
        && let Some(fragment) = Fragment6::read(&packet[at..])
    {
        arrived.insert((header.src, fragment.id.get()));
    }
}

/// Numbers ids of the host's own from 1, in a packet and in what an ICMPv6 error in it quotes.
pub fn mask_packet(packet: &mut [u8], arrived: &Arrived, ids: &mut BTreeMap<u32, u32>) {
    let Some(&header) = Ipv6::read(packet) else { return };
    if let Some(at) = fragment_at(packet) {
        if let Some(fragment) = Fragment6::edit(&mut packet[at..])
            && !arrived.contains(&(header.src, fragment.id.get()))
        {
            let following = ids.len() as u32 + 1;
            fragment.id.set(*ids.entry(fragment.id.get()).or_insert(following));
        }
        return;
    }
    let payload = &mut packet[Ipv6::LEN..];
    let sum = |payload: &[u8]| {
        let whole = Checksum::ZERO.pseudo6(header.source(), header.destination(), header.next, payload.len());
        whole.bytes(payload).finish()
    };
    if header.next == next::ICMPV6
        && header.source().is_unspecified()
        && let Some([nd::SOLICIT, .., nd::NONCE, 1, _, _, _, _, _, _]) = payload.get(..32)
    {
        payload[26..32].fill(0);
        payload[2..4].fill(0);
        let right = sum(payload);
        payload[2..4].copy_from_slice(&right.to_be_bytes());
    }
    if header.next == next::ICMPV6 && payload.len() > Icmp::LEN && payload[0] < 128 {
        let (was_right, before) = (sum(payload) == 0, payload.to_vec());
        mask_packet(&mut payload[Icmp::LEN..], arrived, ids);
        if was_right && payload[..] != before[..] {
            payload[2..4].fill(0);
            let right = sum(payload);
            payload[2..4].copy_from_slice(&right.to_be_bytes());
        }
    }
}

/// Rounds the seconds that a listing says are left.
pub fn mask_times(line: &str) -> String {
    let mut is_time = false;
    let round = |word: &str| {
        let number = word.strip_suffix("sec").and_then(|number| number.parse::<i64>().ok());
        let masked = match number.filter(|_| is_time) {
            Some(seconds) => format!("{}0sec", (seconds + 4).div_euclid(10)),
            None => word.to_owned(),
        };
        is_time = matches!(word, "expires" | "valid_lft" | "preferred_lft");
        masked
    };
    line.split_whitespace().map(round).collect::<Vec<_>>().join(" ")
}
