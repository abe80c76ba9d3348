//! What is random or late in the kernel: settings that hold it still, and what is masked.

mod six;

pub use six::HELD6;

use std::collections::{BTreeMap, BTreeSet};

use fingerpost_net::wire::{Ethernet, Header, Icmp, Ipv4, checksum, ethertype, proto};

use crate::packets::call::{Answer, Call};
use crate::packets::case::{Bytes, Seen, Step};
use crate::packets::decode;

/// Settings at the head of each script, with the reason.
pub const HELD4: [(&str, &str, &str); 7] = [
    ("net.ipv6.conf.all.disable_ipv6", "1", "no router solicitations and reports in cases of IPv4"),
    ("net.ipv6.conf.default.disable_ipv6", "1", "the same for devices that are still to come"),
    ("net.ipv4.icmp_msgs_per_sec", "100000", "the global limit takes random amounts"),
    ("net.ipv4.icmp_msgs_burst", "100000", "the same"),
    ("net.ipv4.icmp_ratelimit", "0", "a limit per host turns on the time between steps"),
    ("net.ipv4.fib_multipath_hash_seed", "4660", "the hash of legs has a random seed"),
    ("net.ipv4.ip_local_port_range", ONLY_PORT, "sockets that ask for no port get one by chance"),
];

/// A range of ports with one in it.
const ONLY_PORT: &str = "\"40000 40000\"";

/// How many lines at a script's head are settings held still.
pub fn held_lines(script: &[String]) -> usize {
    let is_held = |line: &&String| {
        let held = HELD4.iter().chain(&HELD6);
        held.into_iter().any(|(name, value, _)| **line == format!("sysctl -w {name}={value}"))
    };
    script.iter().take_while(is_held).count()
}

/// What is masked, for people.
pub const MASKED: [(&str, &str); 11] = [
    ("ids of IPv4 packets that the host makes", "hashed and random; the header's checksum follows"),
    ("ids of IPv6 fragments that the host makes", "hashed with a random seed"),
    ("times in timestamp options and timestamp replies", "the time of day"),
    ("nonces of solicitations for own addresses", "random"),
    ("seconds that are left of routes and addresses, to ten of them", "time passes between steps"),
    ("the order of frames on different devices", "each is read by itself"),
    (
        "NOT_SPECIFIED where fragments arrive, leave or are read, and how often other reasons are given",
        "the pieces of a datagram are freed one by one, or together where their memory could be joined",
    ),
    (
        "NOT_SPECIFIED where the host leaves a group of MLDv1",
        "a router hears itself, maybe in the name of another process",
    ),
    (
        "drop reasons, and the order of frames, while only time passes or the host is changed",
        "timers of one tick have no order, and may run in the name of another process",
    ),
    (
        "where in a tick the kernel's clock was, of which each millisecond is tried, and where slots of timers begin",
        "the tick is the machine's",
    ),
    ("the order of drop reasons within a step", "processors' work may be done in another order"),
];

/// Packets that arrived in a case so far: only their ids are kept when they leave again.
#[derive(Clone, Debug, Default)]
pub struct Arrived {
    four: BTreeSet<([u8; 4], u16)>,
    six: six::Arrived,
}

impl Arrived {
    /// Notes a step.
    pub fn note(&mut self, step: &Step, taps: &Links) {
        // A header that a program wrote keeps its id.
        if let Step::Call { call: Call::Send { data, .. }, .. } = step
            && let Some(header) = Ipv4::read(&data.0)
        {
            self.four.insert((header.src, header.id.get()));
        }
        let Step::Inject { dev, frame, .. } = step else { return };
        if let Some(header) = taps.packet(dev, &frame.0).and_then(Ipv4::read) {
            self.four.insert((header.src, header.id.get()));
        }
        if let Some(start) = taps.start6(dev, &frame.0) {
            six::note(&frame.0[start..], &mut self.six);
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

    /// Where the network header of a frame stands, of either protocol.
    pub fn network(&self, dev: &str, frame: &[u8]) -> Option<usize> {
        self.start(dev, frame).or_else(|| self.start6(dev, frame))
    }

    fn start6(&self, dev: &str, frame: &[u8]) -> Option<usize> {
        self.start_of(dev, frame, 6, ethertype::IPV6)
    }

    fn start(&self, dev: &str, frame: &[u8]) -> Option<usize> {
        self.start_of(dev, frame, 4, ethertype::IPV4)
    }

    fn start_of(&self, dev: &str, frame: &[u8], version: u8, kind: u16) -> Option<usize> {
        if !self.has_header(dev) {
            return (frame.first()? >> 4 == version).then_some(0);
        }
        (Ethernet::read(frame)?.ethertype.get() == kind).then_some(Ethernet::LEN)
    }
}

/// A step's outcome in a form that two runs of the kernel share.
pub fn masked(step: &Step, seen: &Seen, arrived: &Arrived, links: &Links) -> Seen {
    let (mut ids, mut ids6) = (BTreeMap::new(), BTreeMap::new());
    let mut masked = seen.clone();
    (masked.at_us, masked.end_us) = (0, 0);
    masked.emitted.sort_by(|(a, _), (b, _)| a.cmp(b));
    for (dev, frame) in &mut masked.emitted {
        if let Some(start) = links.start(dev, &frame.0) {
            mask_packet(&mut frame.0[start..], arrived, &mut ids);
        }
        if let Some(start) = links.start6(dev, &frame.0) {
            six::mask_packet(&mut frame.0[start..], &arrived.six, &mut ids6);
        }
    }
    masked.answer.iter_mut().for_each(|line| *line = six::mask_times(line));
    masked.answer.sort();
    if let Some(Answer { data: Some(data), is_packet, .. }) = &mut masked.returned
        && (*is_packet || has_header(&data.0))
    {
        mask_packet(&mut data.0, arrived, &mut ids);
    }
    masked.reasons.sort();
    if let Step::Inject { ms: 1.., .. } = step {
        masked.emitted.sort();
    }
    if let Step::Wait { .. } | Step::Change { .. } = step {
        masked.emitted.sort();
        masked.reasons.clear();
    }
    let is_piece = |dev: &str, frame: &Bytes| {
        links.packet(dev, &frame.0).and_then(Ipv4::read).is_some_and(Ipv4::is_fragment)
            || links.start6(dev, &frame.0).is_some_and(|start| six::is_piece(&frame.0[start..]))
    };
    let of_pieces = match step {
        Step::Inject { dev, frame, .. } => is_piece(dev, frame),
        // What is read may have come in pieces, at whatever step.
        Step::Call { call, .. } => matches!(call, Call::Read),
        Step::Wait { .. } | Step::Change { .. } | Step::Ask { .. } => false,
    };
    let made = |name: &str| masked.counters.contains_key(name);
    let is_cut = made("IpFragCreates") || made("Ip6FragCreates");
    if of_pieces || is_cut || masked.emitted.iter().any(|(dev, frame)| is_piece(dev, frame)) {
        masked.reasons.dedup();
        masked.reasons.retain(|reason| reason != "NOT_SPECIFIED");
    }
    if made("Icmp6OutGroupMembReductions") {
        masked.reasons.retain(|reason| reason != "NOT_SPECIFIED");
    }
    masked
}

/// Whether bytes begin with a header of IPv4: errors are about whole packets where a socket
/// writes headers itself.
fn has_header(bytes: &[u8]) -> bool {
    let len = Ipv4::read(bytes).filter(|header| header.version_ihl >> 4 == 4).map_or(0, Ipv4::header_len);
    len >= Ipv4::LEN && bytes.get(..len).is_some_and(|header| checksum(header) == 0)
}

/// Masks a packet, and the one that it quotes if it is an ICMP error.
fn mask_packet(packet: &mut [u8], arrived: &Arrived, ids: &mut BTreeMap<u16, u16>) {
    // Of a quoted header the end may be cut off.
    let Some(len) = Ipv4::read(packet).map(|header| header.header_len().min(packet.len())) else { return };
    if len < Ipv4::LEN {
        return;
    }
    let (header, payload) = packet.split_at_mut(len);
    with_checksum(header, 10, |header| {
        mask_id(header, arrived, ids);
        mask_timestamps(&mut header[Ipv4::LEN..]);
    });
    let is_whole_icmp =
        Ipv4::read(header).is_some_and(|header| header.proto == proto::ICMP && !header.is_fragment());
    match payload.first() {
        Some(3..=5 | 11 | 12) if is_whole_icmp && payload.len() > Icmp::LEN => {
            with_checksum(payload, 2, |payload| mask_packet(&mut payload[Icmp::LEN..], arrived, ids));
        }
        // The times of receiving and sending a timestamp.
        Some(14) if is_whole_icmp && payload.len() >= 20 => {
            with_checksum(payload, 2, |payload| payload[12..20].fill(0));
        }
        _ => {}
    }
}

/// Changes bytes whose checksum stands at a place; it stays right or wrong.
fn with_checksum(bytes: &mut [u8], at: usize, change: impl FnOnce(&mut [u8])) {
    let was_right = checksum(bytes) == 0;
    let before = bytes.to_vec();
    change(bytes);
    if was_right && bytes != before {
        bytes[at..at + 2].fill(0);
        let sum = checksum(bytes);
        bytes[at..at + 2].copy_from_slice(&sum.to_be_bytes());
    }
}

/// Numbers ids of the host's own from 1; zero means that there is none and stays.
fn mask_id(header: &mut [u8], arrived: &Arrived, ids: &mut BTreeMap<u16, u16>) {
    let Some(header) = Ipv4::edit(header) else { return };
    let id = header.id.get();
    if id != 0 && !arrived.four.contains(&(header.src, id)) {
        let next = ids.len() as u16 + 1;
        header.id.set(*ids.entry(id).or_insert(next));
    }
}

/// Clears the times that a timestamp option has taken so far.
fn mask_timestamps(options: &mut [u8]) {
    const TIMESTAMP: u8 = 68;
    let mut at = 0;
    while let Some(&kind) = options.get(at) {
        let len = match (kind, options.get(at + 1)) {
            (0, _) => return,
            (1, _) => 1,
            (_, Some(&len)) if len >= 2 => usize::from(len),
            _ => return,
        };
        if kind == TIMESTAMP
            && let end = (at + len).min(options.len())
            && let Some(option) = options.get_mut(at..end)
            && option.len() > 4
        {
            let len = option.len();
            let with_addresses = option[3] & 15 != 0;
            let (first, width) = if with_addresses { (8, 8) } else { (4, 4) };
            let end = usize::from(option[2]).saturating_sub(1).min(len);
            let mut time = first;
            while time + 4 <= end {
                option[time..time + 4].fill(0);
                time += width;
            }
            // The last one taken, wherever the pointer was when the packet came.
            if end >= first + 4 {
                option[end - 4..end].fill(0);
            }
        }
        at += len;
    }
}

/// A frame for a message; of a long one its start.
pub fn shown(dev: &str, frame: &Bytes, links: &Links) -> String {
    const LONGEST: usize = 160;
    let line = decode::line(&frame.0, links.has_header(dev));
    let start = Bytes(frame.0.iter().take(LONGEST).copied().collect());
    let more = if frame.0.len() > LONGEST { "…" } else { "" };
    format!("{dev}: {line}\n      {start}{more}")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A masked packet that left by a tun device while time passed.
    fn leaving(packet: &str) -> String {
        let frame = Bytes::parse(packet).expect("hexadecimal");
        let seen = Seen { emitted: vec![("u0".into(), frame)], ..Seen::default() };
        let links = Links::of(&["ip tuntap add u0 mode tun".to_owned()]);
        masked(&Step::Wait { ms: 1 }, &seen, &Arrived::default(), &links).emitted[0].1.to_string()
    }

    #[test]
    fn times_are_cleared_and_checksums_follow() {
        // One time, with an address, in a packet whose id is the host's.
        let packet = |id: &str, sum: &str, time: &str| {
            format!("48000020{id}00004001{sum}0a0000010a000002440c0d01c0a80101{time}")
        };
        let sum = |text: &str| {
            let zero = Bytes::parse(text).expect("hexadecimal");
            format!("{:04x}", checksum(&zero.0))
        };
        let right = |id: &str, time: &str| packet(id, &sum(&packet(id, "0000", time)), time);
        assert_eq!(leaving(&right("1234", "0317492a")), right("0001", "00000000"));
        // What was wrong stays wrong.
        assert_eq!(leaving(&packet("1234", "0001", "0317492a")), packet("0001", "0001", "00000000"));
    }

    #[test]
    fn reasons_of_pieces_are_compared_once_each() {
        let piece =
            Bytes::parse("4500001c9dc120004001a2210a0003000a0003ffff00578b2ddc7b97").expect("hexadecimal");
        let links = Links::of(&["ip tuntap add u0 mode tun".to_owned()]);
        let reasons = ["NO_SOCKET", "NOT_SPECIFIED", "NO_SOCKET"].map(str::to_owned).to_vec();
        let seen = Seen { reasons, ..Seen::default() };
        let step = Step::Inject { dev: "u0".into(), frame: piece, ms: 0 };
        assert_eq!(masked(&step, &seen, &Arrived::default(), &links).reasons, ["NO_SOCKET"]);
        let other = Step::Inject { dev: "u0".into(), frame: Bytes(vec![0x45]), ms: 0 };
        let whole = masked(&other, &seen, &Arrived::default(), &links);
        assert_eq!(whole.reasons, ["NOT_SPECIFIED", "NO_SOCKET", "NO_SOCKET"]);
    }
}
