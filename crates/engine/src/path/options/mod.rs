//! Options of IPv4 headers (RFC 791; `net/ipv4/ip_options.c`, C-253 to C-256).
//!
//! A received packet's options are read once, after its route is known
//! ([`Options::compile`]): faults are found, own addresses and times written. What was
//! found where goes with the packet, to whoever forwards it ([`Options::forward`]), cuts
//! it up ([`Options::of_fragments`]) or answers it ([`Options::echo`], [`Answer::build`]).
//!
//! Not here: the lookups that options cause ([`Host`] and a callback are asked), whether
//! source routes are accepted at all, ICMP messages and counters. Functions say what is
//! due.

#[cfg(test)]
pub(super) mod tests;

use std::net::Ipv4Addr;

use fingerpost_model::RouteType;
use fingerpost_net::wire::checksum;

/// Bytes of a header before its options.
const FIXED: usize = 20;
/// Most bytes that options can take.
const MAX: usize = 40;

const END: u8 = 0;
const NOOP: u8 = 1;
const RECORD_ROUTE: u8 = 7;
const TIMESTAMP: u8 = 68;
const LOOSE: u8 = 131;
const CIPSO: u8 = 134;
const STRICT: u8 = 137;
const ROUTER_ALERT: u8 = 148;
/// In an option's type: it stands in every fragment.
const COPIED: u8 = 0x80;

/// Times alone.
const TIMES: u8 = 0;
/// Addresses, each with a time.
const ADDRESSES: u8 = 1;
/// The sender names who is to write a time.
const NAMED: u8 = 3;

/// The addresses of a packet in the header's first twenty bytes.
const CHECKSUM: usize = 10;
const SOURCE: usize = 12;
const DESTINATION: usize = 16;

/// What options ask of the host, for the packet and the decision at hand.
pub trait Host {
    /// The address that the packet came to (`fib_compute_spec_dst`): its destination if
    /// the decision is of a local type, neither broadcast nor multicast; else the
    /// preferred source of the route back to its source, looked up as if sent from here;
    /// without one, an address of the ingress device.
    fn specific_destination(&mut self) -> Ipv4Addr;

    /// The address that the packet leaves with on its way to `destination`
    /// (`ip_rt_get_source` of an input decision): preferred source of the route out of
    /// the egress device, else an address of that device.
    fn egress_source(&mut self, destination: Ipv4Addr) -> Ipv4Addr;

    /// Whether the address is of type unicast (`inet_addr_type`): not this host's, no
    /// broadcast, no group.
    fn is_unicast(&mut self, addr: Ipv4Addr) -> bool;

    /// Milliseconds since midnight UT (`inet_current_timestamp`).
    fn time(&mut self) -> u32;
}

/// What the options of a packet say (`ip_options`). Places count from the header's start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Length in bytes.
    pub len: u8,
    /// Where the record route stands.
    pub record_route: Option<u8>,
    /// Where the timestamp stands.
    pub timestamp: Option<u8>,
    /// Where the source route stands. With one no redirect is sent.
    pub source_route: Option<u8>,
    /// Where the (last) router alert of value 0 stands.
    pub router_alert: Option<u8>,
    /// Where the commercial security label stands.
    pub cipso: Option<u8>,
    /// The source route is strict: a gateway on the way is ICMP 3/5 (C-235).
    pub is_strict: bool,
    /// This host is the source route's current destination, and the packet goes on.
    pub is_hit: bool,
    /// The header is to get a new checksum.
    pub is_changed: bool,
    /// The slot before the record route's pointer is this host's.
    pub record_needs_address: bool,
    /// The slot before the timestamp's pointer has an address of this host.
    pub timestamp_needs_address: bool,
    /// The slot before the timestamp's pointer has a time of this host.
    pub timestamp_needs_time: bool,
    /// Where the source route leads next, when it is hit.
    pub next_hop: Option<Ipv4Addr>,
}

/// Options at fault: ICMP 12/0 with the pointer, `IpInHdrErrors`, and a drop without a
/// reason of its own (C-253).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed {
    /// Place of the fault, from the header's start.
    pub pointer: u8,
    /// What was read before. The ICMP message echoes these, and quotes a header that they
    /// have changed already.
    pub options: Options,
}

/// Why a source route is not followed: the packet is dropped, and nothing counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// ICMP 12/0 with this pointer is due, on the decision that held before.
    ParameterProblem(u8),
    /// Nothing is sent.
    Silently,
}

/// A slot of the options is cut off, so that nothing is answered, neither a reply nor an
/// error; nothing is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unanswerable;

impl Options {
    /// Reads the options of a received packet (`ip_options_compile`), and writes into
    /// record route and timestamp as they are met. The header's checksum stays as it was.
    ///
    /// `packet` begins with a header that is all there. When no neighbour answers, Linux
    /// reads the options of the packet as it stands once more, and so fills another slot,
    /// before it sends ICMP 3/1 (`ipv4_send_dest_unreach`); if that fails, it sends nothing.
    pub fn compile(packet: &mut [u8], host: &mut impl Host) -> Result<Options, Malformed> {
        let end = header_len(packet);
        let mut options = Options { len: end.saturating_sub(FIXED) as u8, ..Options::default() };
        match options.read(&mut packet[..end], host) {
            Ok(()) => Ok(options),
            Err(pointer) => Err(Malformed { pointer: pointer as u8, options }),
        }
    }

    /// Follows the source route of a received packet (`ip_options_rcv_srr`); only to be
    /// asked if there is one and the device accepts them (C-255).
    ///
    /// `kind` is the type of the packet's decision, `to_host` whether its frame was for
    /// this host. `lookup` makes the input decision of the packet for another
    /// destination, and gives its type; the last one that it made is the packet's from
    /// then on, unless this fails.
    pub fn receive_source_route(
        &mut self,
        packet: &mut [u8],
        kind: RouteType,
        to_host: bool,
        mut lookup: impl FnMut(Ipv4Addr) -> Option<RouteType>,
    ) -> Result<(), Refused> {
        let Some(place) = self.source_route else { return Ok(()) };
        match kind {
            _ if !to_host => return Err(Refused::Silently),
            RouteType::UNICAST if self.is_strict => {
                return Err(Refused::ParameterProblem(DESTINATION as u8));
            }
            RouteType::UNICAST => return Ok(()),
            RouteType::LOCAL => {}
            _ => return Err(Refused::Silently),
        }
        let [mut pointer, len] = [2, 1].map(|byte| self.byte(packet, place, byte));
        while pointer <= len {
            if pointer + 3 > len {
                return Err(Refused::ParameterProblem(place + 2));
            }
            let next = address(packet, usize::from(place) + pointer - 1);
            match lookup(next) {
                Some(RouteType::LOCAL) => put(packet, DESTINATION, next.octets()),
                Some(RouteType::UNICAST) => {
                    self.is_hit = true;
                    self.next_hop = Some(next);
                    self.is_changed = true;
                    break;
                }
                _ => return Err(Refused::Silently),
            }
            self.is_changed = true;
            pointer += 4;
        }
        Ok(())
    }

    /// What a forwarded packet's options get on the way out (`ip_forward_options`): the
    /// address that it leaves with, the source route's next destination, and a checksum
    /// if anything was changed since it came (C-254). After the hook FORWARD; only to be
    /// asked if there are options.
    ///
    /// A timestamp's address is the one that the packet came to, unless there is a source
    /// route that is hit.
    pub fn forward(&mut self, packet: &mut [u8], host: &mut impl Host) {
        if let Some(place) = self.record_route.filter(|_| self.record_needs_address) {
            let source = host.egress_source(address(packet, DESTINATION));
            self.fill(packet, place, 5, source);
        }
        if self.is_hit {
            self.advance(packet, host);
            if let Some(place) = self.timestamp.filter(|_| self.timestamp_needs_address) {
                let source = host.egress_source(address(packet, DESTINATION));
                self.fill(packet, place, 9, source);
            }
        }
        if self.is_changed {
            self.is_changed = false;
            set_checksum(packet);
        }
    }

    /// The options with which a received packet is answered, by a reply or an error
    /// (`__ip_options_echo`, C-256): source routes turned round, record route and
    /// timestamp with a slot for this host if they had room; options that are not
    /// understood, and the router alert, are left out.
    pub fn echo(&self, packet: &[u8], host: &mut impl Host) -> Result<Answer, Unanswerable> {
        let mut answer = Answer::default();
        if let Some(place) = self.record_route {
            let option = self.bytes(packet, place);
            let at = answer.push(option);
            answer.options.record_route = Some(at);
            let [pointer, len] = [option.get(2), option.get(1)].map(|b| usize::from(*b.unwrap_or(&0)));
            if self.record_needs_address && pointer <= len {
                answer.set(at, 2, past_slot(pointer, len, 4).ok_or(Unanswerable)?);
                answer.options.record_needs_address = true;
            }
        }
        if let Some(place) = self.timestamp {
            let option = self.bytes(packet, place);
            let at = answer.push(option);
            answer.options.timestamp = Some(at);
            self.echo_timestamp(option, at, &mut answer, host)?;
        }
        if let Some(place) = self.source_route {
            answer.turn_round(self.bytes(packet, place), address(packet, SOURCE), self.is_strict);
        }
        if let Some(place) = self.cipso {
            answer.options.cipso = Some(answer.push(self.bytes(packet, place)));
        }
        answer.options.len = answer.options.len.next_multiple_of(4);
        Ok(answer)
    }

    /// Makes the options of a datagram's first fragment those of its later ones
    /// (`ip_options_fragment`, C-246): what is not copied becomes no-ops, up to the end
    /// of the list. Of another checksum the caller takes care.
    pub fn of_fragments(&mut self, packet: &mut [u8]) {
        let end = (FIXED + usize::from(self.len)).min(packet.len());
        let mut at = FIXED;
        while at < end {
            let len = match packet[at] {
                END => return,
                NOOP => 1,
                _ => match packet.get(at + 1) {
                    Some(len) if *len >= 2 && usize::from(*len) <= end - at => usize::from(*len),
                    _ => return,
                },
            };
            if packet[at] & COPIED == 0 {
                packet[at..at + len].fill(NOOP);
            }
            at += len;
        }
        self.timestamp = None;
        self.record_route = None;
        self.record_needs_address = false;
        self.timestamp_needs_address = false;
        self.timestamp_needs_time = false;
    }

    /// Reads the options of a whole header; `Err` is the place of a fault.
    fn read(&mut self, header: &mut [u8], host: &mut impl Host) -> Result<(), usize> {
        let mut at = FIXED;
        while at < header.len() {
            match header[at] {
                END => {
                    let rest = &mut header[at + 1..];
                    self.is_changed |= rest.iter().any(|byte| *byte != END);
                    rest.fill(END);
                    return Ok(());
                }
                NOOP => {
                    at += 1;
                    continue;
                }
                _ => {}
            }
            let len = match header.get(at + 1) {
                Some(len) if *len >= 2 && usize::from(*len) <= header.len() - at => usize::from(*len),
                _ => return Err(at),
            };
            self.read_option(&mut header[at..at + len], at as u8, host).map_err(|place| at + place)?;
            at += len;
        }
        Ok(())
    }

    /// Reads one option, which is as long as it says; `Err` is a fault's place in it.
    fn read_option(&mut self, option: &mut [u8], at: u8, host: &mut impl Host) -> Result<(), usize> {
        match option[0] {
            STRICT | LOOSE => {
                if option.len() < 3 {
                    return Err(1);
                }
                if option[2] < 4 {
                    return Err(2);
                }
                if self.source_route.is_some() {
                    return Err(0);
                }
                self.is_strict = option[0] == STRICT;
                self.source_route = Some(at);
            }
            RECORD_ROUTE => {
                if self.record_route.is_some() {
                    return Err(0);
                }
                if option.len() < 3 {
                    return Err(1);
                }
                let pointer = usize::from(option[2]);
                if pointer < 4 {
                    return Err(2);
                }
                if pointer <= option.len() {
                    option[2] = past_slot(pointer, option.len(), 4).ok_or(2_usize)?;
                    put(option, pointer - 1, host.specific_destination().octets());
                    self.is_changed = true;
                    self.record_needs_address = true;
                }
                self.record_route = Some(at);
            }
            TIMESTAMP => {
                self.read_timestamp(option, host)?;
                self.timestamp = Some(at);
            }
            ROUTER_ALERT => {
                if option.len() < 4 {
                    return Err(1);
                }
                if option[2..4] == [0, 0] {
                    self.router_alert = Some(at);
                }
            }
            CIPSO => {
                if self.cipso.is_some() {
                    return Err(0);
                }
                self.cipso = Some(at);
                // No domain of interpretation is ever configured here, so none is known.
                return Err(if option.len() < 8 { 1 } else { 2 });
            }
            _ => {}
        }
        Ok(())
    }

    fn read_timestamp(&mut self, option: &mut [u8], host: &mut impl Host) -> Result<(), usize> {
        if self.timestamp.is_some() {
            return Err(0);
        }
        if option.len() < 4 {
            return Err(1);
        }
        let (pointer, kind) = (usize::from(option[2]), option[3] & 0xf);
        if pointer < 5 {
            return Err(2);
        }
        if pointer > option.len() {
            // Full: how many hosts found it so is counted, but for a list of named ones.
            if kind != NAMED {
                let overflow = option[3] >> 4;
                if overflow == 15 {
                    return Err(3);
                }
                option[3] = kind | (overflow + 1) << 4;
                self.is_changed = true;
            }
            return Ok(());
        }
        let slot = |size| past_slot(pointer, option.len(), size).ok_or(2_usize);
        slot(4)?;
        let time_at = match kind {
            TIMES => {
                option[2] = slot(4)?;
                pointer - 1
            }
            ADDRESSES => {
                option[2] = slot(8)?;
                put(option, pointer - 1, host.specific_destination().octets());
                self.timestamp_needs_address = true;
                pointer + 3
            }
            NAMED => {
                let next = slot(8)?;
                if host.is_unicast(address(option, pointer - 1)) {
                    return Ok(());
                }
                option[2] = next;
                pointer + 3
            }
            _ => return Ok(()),
        };
        put(option, time_at, host.time().to_be_bytes());
        self.timestamp_needs_time = true;
        self.is_changed = true;
        Ok(())
    }

    /// Writes the egress address over the source route's hop that the packet goes to
    /// next, which becomes its destination.
    fn advance(&mut self, packet: &mut [u8], host: &mut impl Host) {
        let (Some(place), Some(next)) = (self.source_route, self.next_hop) else { return };
        let [mut pointer, len] = [2, 1].map(|byte| self.byte(packet, place, byte));
        while pointer + 3 <= len {
            let at = usize::from(place) + pointer - 1;
            if address(packet, at) == next {
                self.is_changed = true;
                put(packet, DESTINATION, next.octets());
                put(packet, at, host.egress_source(next).octets());
                put(packet, usize::from(place) + 2, [(pointer + 4) as u8]);
                return;
            }
            pointer += 4;
        }
    }

    fn echo_timestamp(
        &self,
        option: &[u8],
        at: u8,
        answer: &mut Answer,
        host: &mut impl Host,
    ) -> Result<(), Unanswerable> {
        let &[_, len, pointer, kind, ..] = option else { return Ok(()) };
        let (len, mut pointer) = (usize::from(len), usize::from(pointer));
        if pointer > len {
            return Ok(());
        }
        if self.timestamp_needs_address {
            pointer = past_slot(pointer, len, 4).ok_or(Unanswerable)?.into();
            answer.options.timestamp_needs_address = true;
        }
        if self.timestamp_needs_time {
            let next = past_slot(pointer, len, 4).ok_or(Unanswerable)?.into();
            if kind & 0xf != NAMED {
                answer.options.timestamp_needs_time = true;
                pointer = next;
            } else if pointer + 7 <= len && !host.is_unicast(address(option, pointer - 1)) {
                answer.options.timestamp_needs_time = true;
                pointer += 8;
            }
        }
        answer.set(at, 2, pointer as u8);
        Ok(())
    }

    /// Writes an address as far before an option's pointer as told.
    fn fill(&mut self, packet: &mut [u8], place: u8, before: usize, addr: Ipv4Addr) {
        let pointer = self.byte(packet, place, 2);
        if let Some(at) = (usize::from(place) + pointer).checked_sub(before) {
            put(packet, at, addr.octets());
        }
        self.is_changed = true;
    }

    fn byte(&self, packet: &[u8], place: u8, byte: usize) -> usize {
        packet.get(usize::from(place) + byte).map_or(0, |byte| usize::from(*byte))
    }

    /// The bytes of the option at a place.
    fn bytes<'a>(&self, packet: &'a [u8], place: u8) -> &'a [u8] {
        let len = self.byte(packet, place, 1);
        packet[..header_len(packet)].get(usize::from(place)..usize::from(place) + len).unwrap_or(&[])
    }
}

/// Options for a packet that answers another, with their bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// What they say; the places are those in the packet to be made.
    pub options: Options,
    /// The first hop of the source route: where the packet is routed to, and what its
    /// header names as its destination.
    pub first_hop: Option<Ipv4Addr>,
    data: [u8; MAX],
}

impl Default for Answer {
    fn default() -> Answer {
        Answer { options: Options::default(), first_hop: None, data: [END; MAX] }
    }
}

impl Answer {
    /// Writes them behind the first twenty bytes of a packet made here
    /// (`ip_options_build`), whose header has its source already and is as long as it
    /// will be: that source and the time go into the slots grabbed for this host, the
    /// packet's last destination into the source route. The checksum comes after.
    pub fn build(&self, packet: &mut [u8], destination: Ipv4Addr, time: u32) {
        let Some(place) = packet.get_mut(FIXED..FIXED + self.data().len()) else { return };
        place.copy_from_slice(self.data());
        let source = address(packet, SOURCE).octets();
        let options = &self.options;
        let mut put_before = |place: Option<u8>, byte: usize, before: usize, what: [u8; 4]| {
            let Some(place) = place.map(usize::from) else { return };
            let last = packet.get(place + byte).map_or(0, |byte| usize::from(*byte));
            if let Some(at) = (place + last).checked_sub(before) {
                put(packet, at, what);
            }
        };
        put_before(options.source_route, 1, 4, destination.octets());
        put_before(options.record_route.filter(|_| options.record_needs_address), 2, 5, source);
        put_before(options.timestamp.filter(|_| options.timestamp_needs_address), 2, 9, source);
        put_before(options.timestamp.filter(|_| options.timestamp_needs_time), 2, 5, time.to_be_bytes());
    }

    /// Their bytes, with what only [`Answer::build`] knows left open.
    pub fn data(&self) -> &[u8] {
        &self.data[..usize::from(self.options.len)]
    }

    /// Appends an option, and tells its place in the header.
    fn push(&mut self, option: &[u8]) -> u8 {
        let at = usize::from(self.options.len);
        let place = self.options.len + FIXED as u8;
        if let Some(free) = self.data.get_mut(at..at + option.len()) {
            free.copy_from_slice(option);
            self.options.len += option.len() as u8;
        }
        place
    }

    fn set(&mut self, place: u8, byte: usize, value: u8) {
        put(&mut self.data, usize::from(place) - FIXED + byte, [value]);
    }

    /// Appends a source route the other way round, without its last hop, which becomes
    /// the first to go to; the sender's own address at its end is left out (RFC 1812).
    fn turn_round(&mut self, option: &[u8], sender: Ipv4Addr, is_strict: bool) {
        let &[kind, len, pointer, ..] = option else { return };
        let past = usize::from(pointer).min(usize::from(len) + 1);
        // Hops that were passed, the last first; addresses begin where the pointer says.
        let mut hops = (1..).map_while(|back| past.checked_sub(4 * back).filter(|at| *at > 3));
        let Some(first) = hops.next() else { return };
        let mut route = [0; MAX];
        // With a slot at the end, for where the packet goes in the end.
        let mut end = 7;
        for hop in hops {
            put(&mut route, end - 4, address(option, hop - 1).octets());
            end += 4;
        }
        if sender == address(option, past % 4 + 3) {
            end -= 4;
        }
        if end <= 3 {
            return;
        }
        route[..3].copy_from_slice(&[kind, end as u8, 4]);
        self.first_hop = Some(address(option, first - 1));
        self.options.is_strict = is_strict;
        self.options.source_route = Some(self.push(&route[..end]));
    }
}

/// The pointer past a slot of so many bytes, unless the option of this length cuts it off.
fn past_slot(pointer: usize, len: usize, size: usize) -> Option<u8> {
    (pointer + size - 1 <= len).then_some((pointer + size) as u8)
}

fn header_len(packet: &[u8]) -> usize {
    packet.first().map_or(0, |byte| usize::from(byte & 0xf) * 4).min(packet.len())
}

fn address(bytes: &[u8], at: usize) -> Ipv4Addr {
    bytes.get(at..).and_then(|bytes| bytes.first_chunk::<4>()).map_or(Ipv4Addr::UNSPECIFIED, |b| (*b).into())
}

fn put<const N: usize>(bytes: &mut [u8], at: usize, what: [u8; N]) {
    if let Some(place) = bytes.get_mut(at..).and_then(|bytes| bytes.first_chunk_mut()) {
        *place = what;
    }
}

/// Gives the header its checksum (`ip_send_check`).
pub(super) fn set_checksum(packet: &mut [u8]) {
    let end = header_len(packet);
    put(packet, CHECKSUM, [0, 0]);
    let sum = checksum(&packet[..end]);
    put(packet, CHECKSUM, sum.to_be_bytes());
}
