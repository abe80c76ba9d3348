//! Forwarding many packets at once, in their own buffers, without allocating.
//!
//! Only the plain case is done here: an IPv4 packet without options or fragments, for
//! which compiled decisions know the way, that fits, whose neighbour is known, and which no
//! function at a hook wants to see. All
//! else is given back untouched, for [`World::receive`](crate::World::receive). So both
//! ways give the same bytes and the same counts.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, Ipv4Addr};

use fingerpost_model::{NeighState, RouteFlags, RouteType};
use fingerpost_net::Family;
use fingerpost_net::wire::{Ethernet, Header, Ipv4, Mac, checksum, ethertype};

use super::ethernet::{has_header, mac_of};
use super::forward::decrease_ttl;
use super::neighbour::mac_in;
use super::output::forwarding_mtu;
use super::receive::ports;
use crate::config::{Config, Link};
use crate::counters::Counter;
use crate::fast::{Code, Compiled4};
use crate::lookup::input4::Received;
use crate::lookup::{Input, Output};
use crate::namespace::{Env, Namespace};
use crate::state::{State, Time};

/// Packets at once.
const BATCH: usize = 256;
/// An Ethernet header's two addresses.
const ADDRESSES: usize = 12;
/// The addresses of a packet that no lookup knows.
const NOBODY: Ipv4Addr = Ipv4Addr::UNSPECIFIED;
/// Neighbours that are used as they are.
const FIXED: NeighState = NeighState(NeighState::PERMANENT.0 | NeighState::NOARP.0);

/// A frame that has arrived, in a buffer that may be longer.
#[derive(Clone, Debug)]
pub struct Arrived<B> {
    /// The device.
    pub dev: u32,
    /// The frame's bytes, and perhaps more.
    pub buffer: B,
    /// How long the frame is, bytes.
    pub len: usize,
}

/// What became of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forwarded {
    /// The buffer holds what leaves by this device.
    By(u32),
    /// The frame is as it came; its way has to be asked for.
    Ask,
}

/// Forwards for a namespace as it was when it was made: its configuration, its neighbours
/// and what was learned of destinations. After a change another one has to be made, or
/// [`Forwarder::refresh`] is enough, where only neighbours and devices have changed.
pub struct Forwarder {
    compiled: Compiled4,
    devices: HashMap<u32, Mac>,
    /// By the answer's code.
    ways: Vec<Option<Way>>,
    neighbours: Neighbours,
    /// Destinations about which something was learned.
    learned: HashSet<Ipv4Addr>,
    asks_ports: bool,
}

/// What packets with one answer have in common.
#[derive(Clone, Copy)]
struct Way {
    dev: u32,
    source: Mac,
    mtu: usize,
    /// The gateway, as a place in the list of neighbours; else each destination is one.
    gateway: Option<usize>,
}

#[derive(Default)]
struct Neighbours {
    places: HashMap<(u32, Ipv4Addr), usize>,
    list: Vec<Mac>,
}

impl Forwarder {
    /// Compiles what a namespace does.
    pub fn new(space: &Namespace, env: Env<'_>) -> Self {
        let compiled = Compiled4::new(&space.config, env);
        let mut forwarder = Forwarder {
            compiled,
            devices: HashMap::new(),
            ways: Vec::new(),
            neighbours: Neighbours::default(),
            learned: HashSet::new(),
            asks_ports: space.config.fib.dissecting_rules > 0,
        };
        forwarder.refresh(space, env.now);
        forwarder
    }

    /// Looks again at devices, neighbours and what was learned of destinations.
    pub fn refresh(&mut self, space: &Namespace, now: Time) {
        let config = &space.config;
        // Hooks see packets one by one.
        let is_free = config.hooks.is_empty(Family::V4);
        let links = config.links.in_order().filter(|link| is_free && takes(config, link));
        self.devices = links.map(key_of).collect();
        self.neighbours = Neighbours::default();
        for (&(dev, addr), entry) in &config.neighbours.entries {
            // The first use of one that is reachable is noted.
            let was_used = space.state.resolutions.get(&(dev, addr)).is_some_and(|known| known.has_header);
            let is_steady = entry.state.any(FIXED) || entry.state == NeighState::REACHABLE && was_used;
            if let (IpAddr::V4(addr), true, Some(mac)) = (addr, is_steady, mac_in(entry)) {
                self.neighbours.places.insert((dev, addr), self.neighbours.list.len());
                self.neighbours.list.push(mac);
            }
        }
        self.learned = space.state.exceptions.iter(now).map(|(_, dst, _)| dst).collect();
        let view = self.compiled.view();
        self.ways = (0..view.answers() as Code).map(|code| self.way(config, code)).collect();
    }

    /// The way of packets with an answer, if they are forwarded without further ado.
    fn way(&self, config: &Config, code: Code) -> Option<Way> {
        let view = self.compiled.view();
        let decision = view.decision(code, Ipv4Addr::UNSPECIFIED, Ipv4Addr::UNSPECIFIED)?.ok()?;
        let is_odd = decision.flags.has(RouteFlags::DOREDIRECT) || decision.kind != RouteType::UNICAST;
        if decision.input != Input::Forward || decision.output != Output::Ip || is_odd {
            return None;
        }
        let link = config.links.get(decision.dev)?;
        if !takes(config, link) || !link.has_carrier() {
            return None;
        }
        let gateway = match decision.gateway {
            Some(IpAddr::V4(gateway)) => Some(*self.neighbours.places.get(&(decision.dev, gateway))?),
            Some(IpAddr::V6(_)) => return None,
            None => None,
        };
        Some(Way { dev: decision.dev, source: mac_of(link), mtu: forwarding_mtu(config, &decision), gateway })
    }

    /// Forwards what it can; the rest is as it came.
    ///
    /// # Panics
    ///
    /// If the slices differ in length.
    pub fn forward<B: AsRef<[u8]> + AsMut<[u8]>>(
        &self,
        frames: &mut [Arrived<B>],
        fates: &mut [Forwarded],
        state: &mut State,
    ) {
        assert_eq!(frames.len(), fates.len(), "one fate for each frame");
        for (frames, fates) in frames.chunks_mut(BATCH).zip(fates.chunks_mut(BATCH)) {
            self.batch(frames, fates, state);
        }
    }

    fn batch<B: AsRef<[u8]> + AsMut<[u8]>>(
        &self,
        frames: &mut [Arrived<B>],
        fates: &mut [Forwarded],
        state: &mut State,
    ) {
        let mut packets: [Received; BATCH] = std::array::from_fn(|_| Received::between(0, NOBODY, NOBODY));
        let mut codes = [0; BATCH];
        let (packets, codes) = (&mut packets[..frames.len()], &mut codes[..frames.len()]);
        let mut last = (0, None);
        for (packet, frame) in packets.iter_mut().zip(&*frames) {
            if last.0 != frame.dev {
                last = (frame.dev, self.devices.get(&frame.dev).copied());
            }
            let bytes = frame.buffer.as_ref().get(..frame.len).unwrap_or_default();
            if let Some(received) = last.1.and_then(|own| self.plain(frame.dev, own, bytes)) {
                *packet = received;
            }
        }
        self.compiled.view().input_batch(packets, codes);
        let mut tally = Tally::default();
        for (((frame, fate), packet), &code) in frames.iter_mut().zip(fates).zip(&*packets).zip(&*codes) {
            let way = self.ways.get(code as usize).copied().flatten();
            let rewritten = way.and_then(|way| self.rewrite(way, frame, packet, &mut tally));
            *fate = rewritten.map_or(Forwarded::Ask, Forwarded::By);
        }
        tally.count(state);
    }

    /// What the lookup wants to know of a packet that is nothing special.
    #[inline]
    fn plain(&self, dev: u32, own: Mac, bytes: &[u8]) -> Option<Received> {
        let link = Ethernet::read(bytes)?;
        let packet = &bytes[Ethernet::LEN..];
        let header = Ipv4::read(packet)?;
        let total = usize::from(header.total_len.get());
        let is_plain = link.dst == own
            && link.ethertype.get() == ethertype::IPV4
            && header.version_ihl == 0x45
            && (Ipv4::LEN..=packet.len()).contains(&total)
            && !header.is_fragment()
            && header.ttl > 1
            && checksum(&packet[..Ipv4::LEN]) == 0;
        if !is_plain || !self.learned.is_empty() && self.learned.contains(&header.destination()) {
            return None;
        }
        let (sport, dport) = if self.asks_ports { ports(&packet[..total], header) } else { (0, 0) };
        let received = Received::between(dev, header.source(), header.destination());
        Some(Received { tos: header.tos, proto: header.proto, sport, dport, ..received })
    }

    /// Makes of a frame what leaves, if its neighbour is known and it fits.
    #[inline]
    fn rewrite<B: AsRef<[u8]> + AsMut<[u8]>>(
        &self,
        way: Way,
        frame: &mut Arrived<B>,
        packet: &Received,
        tally: &mut Tally,
    ) -> Option<u32> {
        let place = match way.gateway {
            Some(place) => place,
            None => *self.neighbours.places.get(&(way.dev, packet.dst))?,
        };
        let mac = self.neighbours.list[place];
        let bytes = frame.buffer.as_mut();
        let header = Ipv4::edit(&mut bytes[Ethernet::LEN..])?;
        let (total, tos) = (usize::from(header.total_len.get()), header.tos);
        if total > way.mtu {
            return None;
        }
        tally.add(frame.len - Ethernet::LEN, total, tos);
        bytes[..6].copy_from_slice(&mac);
        bytes[6..ADDRESSES].copy_from_slice(&way.source);
        decrease_ttl(&mut bytes[Ethernet::LEN..]);
        frame.len = Ethernet::LEN + total;
        Some(way.dev)
    }
}

/// Whether frames of a device are plain: Ethernet, up, no port of anything.
fn takes(config: &Config, link: &Link) -> bool {
    let is_bound = link.master().is_some() || config.links.l3_master(link.index()) != 0;
    has_header(link) && !link.is_loopback() && link.is_up() && !is_bound
}

fn key_of(link: &Link) -> (u32, Mac) {
    (link.index(), mac_of(link))
}

/// What a batch adds to the counters.
#[derive(Default)]
struct Tally {
    packets: u64,
    octets_in: u64,
    octets_out: u64,
    by_ecn: [u64; 4],
}

impl Tally {
    #[inline]
    fn add(&mut self, octets_in: usize, octets_out: usize, tos: u8) {
        self.packets += 1;
        self.octets_in += octets_in as u64;
        self.octets_out += octets_out as u64;
        self.by_ecn[usize::from(tos & 3)] += 1;
    }

    fn count(&self, state: &mut State) {
        let counters = &mut state.counters;
        for counter in [Counter::IpInReceives, Counter::IpForwDatagrams, Counter::IpOutTransmits] {
            counters.add(counter, self.packets);
        }
        counters.add(Counter::IpExtInOctets, self.octets_in);
        counters.add(Counter::IpExtOutOctets, self.octets_out);
        let kinds = [
            Counter::IpExtInNoECTPkts,
            Counter::IpExtInECT1Pkts,
            Counter::IpExtInECT0Pkts,
            Counter::IpExtInCEPkts,
        ];
        kinds.iter().zip(self.by_ecn).for_each(|(&kind, count)| counters.add(kind, count));
    }
}
