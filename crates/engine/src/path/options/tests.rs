//! Packets that a Linux 6.18 router got, and what it sent for them.
//!
//! It had 10.0.0.1/24 towards the sender and 10.1.0.1/24, a route for 10.9.0.0/16 by
//! 10.1.0.2, and accepted source routes. `forward` cases ask for forwarding, `ttl` cases
//! too, but with a TTL of 1; `echo` cases are echo requests to the router. A line of
//! `vectors.txt`: name, kind, the clock if it is in the packet, packet in, packet out.

use super::*;

const OWN: [Ipv4Addr; 2] = [Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(10, 1, 0, 1)];

fn kind(addr: Ipv4Addr) -> Option<RouteType> {
    match addr.octets() {
        _ if OWN.contains(&addr) => Some(RouteType::LOCAL),
        [10, 0 | 1, 0, 255] => Some(RouteType::BROADCAST),
        [10, 0 | 1, 0, _] | [10, 9, _, _] => Some(RouteType::UNICAST),
        _ => None,
    }
}

fn source_towards(addr: Ipv4Addr) -> Ipv4Addr {
    if addr.octets()[1] == 0 { OWN[0] } else { OWN[1] }
}

/// The router, with a packet to it or through it.
struct Router {
    source: Ipv4Addr,
    destination: Ipv4Addr,
    /// Where the packet goes next, which tells the egress device.
    next: Ipv4Addr,
    /// The type of the decision that holds.
    decided: RouteType,
    time: u32,
}

impl Host for Router {
    fn specific_destination(&mut self) -> Ipv4Addr {
        match kind(self.destination) {
            Some(RouteType::LOCAL) => self.destination,
            _ => source_towards(self.source),
        }
    }

    /// An address of the egress device, even towards a destination that lies elsewhere.
    fn egress_source(&mut self, _destination: Ipv4Addr) -> Ipv4Addr {
        source_towards(self.next)
    }

    fn is_unicast(&mut self, addr: Ipv4Addr) -> bool {
        !addr.is_unspecified() && !matches!(kind(addr), Some(RouteType::LOCAL | RouteType::BROADCAST))
    }

    fn time(&mut self) -> u32 {
        self.time
    }
}

impl Router {
    /// What the router sends for a packet.
    fn take(&mut self, mut packet: Vec<u8>) -> Option<Vec<u8>> {
        self.decided = kind(self.destination)?;
        let mut options = match Options::compile(&mut packet, self) {
            Ok(options) => options,
            Err(fault) => return self.error(&packet, &fault.options, [12, 0, fault.pointer]),
        };
        if options.source_route.is_some() {
            let mut decided = self.decided;
            let lookup = |addr| kind(addr).inspect(|kind| decided = *kind);
            match options.receive_source_route(&mut packet, self.decided, true, lookup) {
                Ok(()) => self.decided = decided,
                Err(Refused::ParameterProblem(pointer)) => {
                    return self.error(&packet, &options, [12, 0, pointer]);
                }
                Err(Refused::Silently) => return None,
            }
        }
        if self.decided == RouteType::LOCAL {
            let body = &packet[header_len(&packet)..];
            let echo = [[0, 0, 0, 0].as_slice(), &body[4..]].concat();
            return self.answer(&packet, &options, address(&packet, DESTINATION), 0, echo);
        }
        self.next = options.next_hop.unwrap_or(self.destination);
        if packet[8] == 1 {
            return self.error(&packet, &options, [11, 0, 0]);
        }
        if options.is_strict && self.next.octets()[1] == 9 {
            return self.error(&packet, &options, [3, 5, 0]); // by the gateway
        }
        packet[8] -= 1;
        let sum = u16::from_be_bytes([packet[10], packet[11]]);
        packet[10..12].copy_from_slice(&sum.wrapping_add(0x100).to_be_bytes());
        options.forward(&mut packet, self);
        Some(packet)
    }

    fn error(&mut self, packet: &[u8], options: &Options, [a, b, c]: [u8; 3]) -> Option<Vec<u8>> {
        let body = [[a, b, 0, 0, c, 0, 0, 0].as_slice(), packet].concat();
        let to_here = self.decided == RouteType::LOCAL;
        let source = if to_here { address(packet, DESTINATION) } else { Ipv4Addr::UNSPECIFIED };
        self.answer(packet, options, source, 0xc0, body)
    }

    fn answer(
        &mut self,
        packet: &[u8],
        options: &Options,
        source: Ipv4Addr,
        tos: u8,
        mut body: Vec<u8>,
    ) -> Option<Vec<u8>> {
        let answer = options.echo(packet, self).ok()?;
        let last = address(packet, SOURCE);
        let to = answer.first_hop.unwrap_or(last);
        kind(to).filter(|kind| *kind != RouteType::LOCAL)?; // no wire shows what goes to itself
        let source = if source.is_unspecified() { source_towards(to) } else { source };
        let end = FIXED + answer.data().len();
        let mut out = vec![0; end];
        out[0] = 0x40 | (end / 4) as u8;
        out[1] = tos;
        put(&mut out, 2, ((end + body.len()) as u16).to_be_bytes());
        put(&mut out, 8, [64, 1]);
        put(&mut out, SOURCE, source.octets());
        put(&mut out, DESTINATION, to.octets());
        answer.build(&mut out, last, self.time);
        let sum = checksum(&body);
        put(&mut body, 2, sum.to_be_bytes());
        out.extend(body);
        Some(out)
    }
}

/// The bytes that hexadecimal digits stand for.
pub(in crate::path) fn bytes(hex: &str) -> Vec<u8> {
    let digits = hex.as_bytes().chunks(2);
    digits.map(|pair| u8::from_str_radix(str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

/// C-255, T-35, T-39.
#[test]
fn c253_c254_c256_as_the_router_did() {
    let mut tried = 0;
    for line in include_str!("vectors.txt").lines() {
        let fields: Vec<&str> = line.split('|').collect();
        let [name, kind, time, packet, expected] = fields[..] else { panic!("{line}") };
        let packet = bytes(packet);
        let mut router = Router {
            source: address(&packet, SOURCE),
            destination: address(&packet, DESTINATION),
            next: Ipv4Addr::UNSPECIFIED,
            decided: RouteType::LOCAL,
            time: time.parse().unwrap_or(0),
        };
        let mut expected = (expected != "-").then(|| bytes(expected));
        let sent = router.take(packet);
        let made_here = |packet: &&mut Vec<u8>| address(packet, SOURCE) != Ipv4Addr::new(10, 0, 0, 2);
        if let Some(answer) = expected.as_mut().filter(made_here) {
            put(answer, 4, [0, 0]); // an id of Linux's own
            put(answer, CHECKSUM, [0, 0]);
        }
        assert_eq!(sent, expected, "{name}, {kind}");
        tried += 1;
    }
    assert!(tried > 150);
}

/// What the first fragment and the second carried.
#[test]
fn c246_only_copied_options_stay_in_later_fragments() {
    let later = |first: &str| {
        let mut header = [vec![0; FIXED], bytes(first)].concat();
        let mut options = Options { len: (header.len() - FIXED) as u8, ..Options::default() };
        options.timestamp_needs_time = true;
        options.of_fragments(&mut header);
        (header.split_off(FIXED), options.timestamp_needs_time)
    };
    let (all, needs_time) = later("940400000707080a010001440c0d010a0000010315aba801");
    assert_eq!(all, bytes("940400000101010101010101010101010101010101010101"));
    assert!(!needs_time);
    let (ended, needs_time) = later("070708000000000000000000");
    assert_eq!(ended, bytes("010101010101010000000000"));
    assert!(needs_time);
}

/// Any header does, whatever its options say, and whatever was done to it since.
#[test]
fn no_bytes_are_too_bad() {
    let mut state = 1_u64;
    let mut byte = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    for _ in 0..200_000 {
        let mut packet: Vec<u8> = (0..60).map(|_| byte()).collect();
        packet[0] = 0x46 + byte() % 10;
        for place in &mut packet[20..] {
            if byte() < 128 {
                *place = [7, 68, 131, 137, 148, 134, 3, 4, 5, 8, 11, 15, 19, 1, 0][usize::from(byte()) % 15];
            }
        }
        let mut router =
            Router { source: OWN[0], destination: OWN[1], next: OWN[1], decided: RouteType::LOCAL, time: 1 };
        let options = Options::compile(&mut packet, &mut router);
        let mut options = options.unwrap_or_else(|fault| fault.options);
        let _ =
            options.receive_source_route(&mut packet, RouteType::LOCAL, true, |_| Some(RouteType::UNICAST));
        if byte() < 64 {
            packet[usize::from(byte()) % 60] = byte();
        }
        if let Ok(answer) = options.echo(&packet, &mut router) {
            answer.build(&mut packet.clone(), OWN[0], 7);
            assert!(answer.data().len() <= 40 && answer.data().len() % 4 == 0);
        }
        options.forward(&mut packet, &mut router);
        options.of_fragments(&mut packet);
    }
}
