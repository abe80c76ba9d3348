//! What is random or late in the kernel: settings that hold it still, and what is masked.

use std::collections::{BTreeMap, BTreeSet};

use fingerpost_net::wire::{Ethernet, Header, Ipv4, checksum, ethertype};

use crate::packets::case::{Bytes, Seen, Step};

/// Settings at the head of each script, with the reason.
pub const HELD4: [(&str, &str, &str); 8] = [
    ("net.ipv6.conf.all.disable_ipv6", "1", "no router solicitations and reports in cases of IPv4"),
    ("net.ipv6.conf.default.disable_ipv6", "1", "the same for devices that are still to come"),
    ("net.ipv4.icmp_msgs_per_sec", "100000", "the global limit takes random amounts"),
    ("net.ipv4.icmp_msgs_burst", "100000", "the same"),
    ("net.ipv4.icmp_ratelimit", "0", "a limit per host turns on the time between steps"),
    ("net.ipv4.neigh.default.proxy_delay", "0", "answers for others wait for a random time"),
    ("net.ipv4.neigh.default.retrans_time_ms", "200", "a case does not take seconds"),
    ("net.ipv4.fib_multipath_hash_seed", "4660", "the hash of legs has a random seed"),
];

/// What is masked, for people.
pub const MASKED: [(&str, &str); 3] = [
    ("ids of IPv4 packets that the host makes", "hashed and random; the header's checksum follows"),
    ("the order of frames on different devices", "each is read by itself"),
    ("the order of drop reasons within a step", "processors' work may be done in another order"),
];

/// Packets that arrived in a case so far: only their ids are kept when they leave again.
#[derive(Clone, Debug, Default)]
pub struct Arrived(BTreeSet<([u8; 4], u16)>);

impl Arrived {
    /// Notes a step.
    pub fn note(&mut self, step: &Step, taps: &Links) {
        if let Step::Inject { dev, frame } = step
            && let Some(header) = taps.packet(dev, &frame.0).and_then(Ipv4::read)
        {
            self.0.insert((header.src, header.id.get()));
        }
    }
}

/// Which devices have link headers.
#[derive(Clone, Debug, Default)]
pub struct Links {
    tuns: BTreeSet<String>,
}

impl Links {
    /// Reads a script.
    pub fn of(script: &[String]) -> Self {
        let mut tuns = BTreeSet::new();
        for line in script {
            if let ["ip", "tuntap", "add", name, "mode", "tun", ..] =
                line.split_whitespace().collect::<Vec<_>>()[..]
            {
                tuns.insert(name.to_owned());
            }
        }
        Links { tuns }
    }

    /// Whether the device's frames begin with a link header.
    pub fn has_header(&self, dev: &str) -> bool {
        !self.tuns.contains(dev)
    }

    /// The IPv4 packet in a frame.
    pub fn packet<'a>(&self, dev: &str, frame: &'a [u8]) -> Option<&'a [u8]> {
        frame.get(self.start(dev, frame)?..)
    }

    fn start(&self, dev: &str, frame: &[u8]) -> Option<usize> {
        if !self.has_header(dev) {
            return (frame.first()? >> 4 == 4).then_some(0);
        }
        (Ethernet::read(frame)?.ethertype.get() == ethertype::IPV4).then_some(Ethernet::LEN)
    }
}

/// A step's outcome in a form that two runs of the kernel share.
pub fn masked(seen: &Seen, arrived: &Arrived, links: &Links) -> Seen {
    let mut ids = BTreeMap::new();
    let mut masked = seen.clone();
    masked.at_us = 0;
    masked.emitted.sort_by(|(a, _), (b, _)| a.cmp(b));
    for (dev, frame) in &mut masked.emitted {
        if let Some(start) = links.start(dev, &frame.0) {
            mask_id(&mut frame.0[start..], arrived, &mut ids);
        }
    }
    masked.reasons.sort();
    masked
}

/// Numbers ids of the host's own from 1; zero means that there is none and stays.
fn mask_id(packet: &mut [u8], arrived: &Arrived, ids: &mut BTreeMap<u16, u16>) {
    let Some(header) = Ipv4::edit(packet) else { return };
    let id = header.id.get();
    if id == 0 || arrived.0.contains(&(header.src, id)) {
        return;
    }
    let next = ids.len() as u16 + 1;
    header.id.set(*ids.entry(id).or_insert(next));
    let len = header.header_len();
    header.checksum.set(0);
    if let Some(whole) = packet.get(..len) {
        let sum = checksum(whole);
        if let Some(header) = Ipv4::edit(packet) {
            header.checksum.set(sum);
        }
    }
}

/// A frame for a message.
pub fn shown(dev: &str, frame: &Bytes, links: &Links) -> String {
    format!("{dev}: {}\n      {frame}", crate::packets::decode::line(&frame.0, links.has_header(dev)))
}
