//! IPv4: packets made here and packets received.

use std::net::Ipv4Addr;
use std::sync::Arc;

use fingerpost_fib as fib;
use fingerpost_model::{RouteType, Scope, TableId};

use super::answer::{ASK, Answer, Answer4, Answers, Code, Failure, Named, Source};
use super::chunked::Chunked;
use super::classes::Packets;
use super::place::{self, PASS};
use super::program::{BATCH, Group, Hit, Program, Search};
use super::search::{Longest, Searched};
use crate::config::LOOPBACK;
use crate::lookup::input4::Received;
use crate::lookup::validate::{self, Check, Packet, judge};
use crate::lookup::{Decision, DropReason, Flow4, is_limited_broadcast};

/// Compiled decisions about IPv4 packets, with the tables that they are looked up in.
pub struct View4<'a, T> {
    pub(super) shape: &'a Shape4,
    pub(super) tables: Searched<'a, Ipv4Addr, T>,
}

/// Everything but the tables; a clone shares what it is made of.
#[derive(Clone)]
pub struct Shape4 {
    pub(super) program: Arc<Program<Ipv4Addr>>,
    /// Devices by index, ascending.
    pub(super) ingress: Arc<[Ingress]>,
    /// The addresses of all devices.
    pub(super) addresses: Arc<fib::Table<Ipv4Addr>>,
    /// Where the local table is searched, which knows of other own addresses.
    pub(super) local: (Group, TableId),
    /// Routes demand a type of service, so that one that a flow has is not known here.
    pub(super) has_tos: bool,
    /// Protocol and ports of received packets are looked at.
    pub(super) dissects: bool,
    pub(super) places: Places4,
}

/// What is known of a device that packets come in on.
pub(super) struct Ingress {
    pub check: Check,
    /// Whether sources are looked up.
    pub is_full: bool,
    pub use_mark: bool,
    pub forwarding: bool,
}

/// What becomes of packets for which the lookup ends at one place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fate {
    /// Made here, the source open.
    pub open: Code,
    /// Made here, the source given.
    pub given: Code,
    pub received: Fated,
    pub back: Back,
}

/// A received packet whose lookup is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fated {
    Ask,
    /// For this host, if the source is accepted.
    Local(Code),
    /// To be forwarded by a device, if that is on and the source is accepted.
    Forward {
        dev: u32,
        code: Code,
    },
    /// An error, if forwarding is on.
    Failed(Code),
}

/// The way back to a source, as the source check sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Back {
    Ask,
    None,
    Way { kind: RouteType, dev: u32 },
}

/// Numbered places, as values of the tables, and the answers that they lead to.
#[derive(Clone)]
pub(super) struct Places4 {
    pub fates: Chunked<Fate>,
    /// The table of each.
    pub tables: Chunked<TableId>,
    /// The code of each of [`REASONS`].
    pub drops: [Code; REASONS.len()],
    pub answers: Answers<Decision>,
}

pub(super) const TO_ASK: Fate = Fate { open: ASK, given: ASK, received: Fated::Ask, back: Back::Ask };
/// Reasons to drop a packet that have a code of their own.
pub(super) const REASONS: [DropReason; 3] =
    [DropReason::IpInvalidSource, DropReason::IpLocalSource, DropReason::IpRpfilter];

impl Shape4 {
    #[inline]
    fn ingress(&self, dev: u32) -> Option<&Ingress> {
        let at = self.ingress.binary_search_by_key(&dev, |ingress| ingress.check.dev).ok()?;
        Some(&self.ingress[at])
    }
}

impl Places4 {
    #[inline]
    fn fate_of(&self, place: u32) -> Fate {
        self.fates.get(place as usize).copied().unwrap_or(TO_ASK)
    }

    #[inline]
    fn dropped(&self, reason: DropReason) -> Code {
        REASONS.iter().position(|&known| known == reason).map_or(ASK, |at| self.drops[at])
    }
}

/// Whether an address is routed by the tables alone.
#[inline]
fn is_ordinary(addr: Ipv4Addr) -> bool {
    !addr.is_unspecified() && !addr.is_multicast() && !is_limited_broadcast(addr)
}

impl<T: Longest<Ipv4Addr>> View4<'_, T> {
    /// The answer that a code stands for.
    pub fn answer(&self, code: Code) -> &Answer4 {
        self.shape.places.answers.get(code)
    }

    /// How many answers there are, the one to ask included.
    pub fn answers(&self) -> usize {
        self.shape.places.answers.len()
    }

    /// The decision of a code for a packet, or why there is none; `None` where one has to ask.
    pub fn decision(&self, code: Code, src: Ipv4Addr, dst: Ipv4Addr) -> Option<Result<Decision, Failure>> {
        match self.answer(code) {
            Answer::Ask => None,
            Answer::Failed(failure) => Some(Err(*failure)),
            Answer::Decided { decision, source } => {
                let source = match source {
                    Source::Decision | Source::Selected(_) => decision.source,
                    Source::Destination => dst,
                    Source::Given => src,
                };
                Some(Ok(Decision { source, destination: dst, ..(**decision).clone() }))
            }
        }
    }

    /// What becomes of a packet made here; with an egress device, one has to ask.
    pub fn output(&self, flow: &Flow4) -> Code {
        self.sent(flow).0
    }

    /// The same, with what the lookup has ended by, where tables name it.
    pub fn output_by(&self, flow: &Flow4) -> (Code, Named<Ipv4Addr>) {
        let (code, hit) = self.sent(flow);
        (code, self.named(hit))
    }

    /// [`View4::output`] for many.
    ///
    /// # Panics
    ///
    /// If the slices differ in length.
    pub fn output_batch(&self, flows: &[Flow4], codes: &mut [Code]) {
        assert_eq!(flows.len(), codes.len(), "one code for each flow");
        for (flows, codes) in flows.chunks(BATCH).zip(codes.chunks_mut(BATCH)) {
            self.sent_batch(flows, codes, &mut [Hit::ASK; BATCH]);
        }
    }

    /// [`View4::output_by`] for many.
    ///
    /// # Panics
    ///
    /// If the slices differ in length.
    pub fn output_batch_by(&self, flows: &[Flow4], answers: &mut [(Code, Named<Ipv4Addr>)]) {
        self.batch_by(flows, answers, |flows, codes, hits| self.sent_batch(flows, codes, hits));
    }

    /// What becomes of a received packet.
    pub fn input(&self, packet: &Received) -> Code {
        self.received(packet).0
    }

    /// The same, with what the lookup has ended by, where tables name it.
    pub fn input_by(&self, packet: &Received) -> (Code, Named<Ipv4Addr>) {
        let (code, hit) = self.received(packet);
        (code, self.named(hit))
    }

    /// [`View4::input`] for many.
    ///
    /// # Panics
    ///
    /// If the slices differ in length.
    pub fn input_batch(&self, packets: &[Received], codes: &mut [Code]) {
        assert_eq!(packets.len(), codes.len(), "one code for each packet");
        for (packets, codes) in packets.chunks(BATCH).zip(codes.chunks_mut(BATCH)) {
            self.received_batch(packets, codes, &mut [Hit::ASK; BATCH]);
        }
    }

    /// [`View4::input_by`] for many.
    ///
    /// # Panics
    ///
    /// If the slices differ in length.
    pub fn input_batch_by(&self, packets: &[Received], answers: &mut [(Code, Named<Ipv4Addr>)]) {
        self.batch_by(packets, answers, |packets, codes, hits| self.received_batch(packets, codes, hits));
    }

    fn batch_by<P>(
        &self,
        packets: &[P],
        answers: &mut [(Code, Named<Ipv4Addr>)],
        decide: impl Fn(&[P], &mut [Code], &mut [Hit; BATCH]),
    ) {
        assert_eq!(packets.len(), answers.len(), "one answer for each packet");
        let (mut codes, mut hits) = ([ASK; BATCH], [Hit::ASK; BATCH]);
        for (packets, answers) in packets.chunks(BATCH).zip(answers.chunks_mut(BATCH)) {
            decide(packets, &mut codes[..packets.len()], &mut hits);
            for ((answer, &code), &hit) in answers.iter_mut().zip(&codes).zip(&hits) {
                *answer = (code, self.named(hit));
            }
        }
    }

    fn named(&self, hit: Hit) -> Named<Ipv4Addr> {
        match self.tables.names() {
            true => self.shape.program.named(hit, self.tables.composed(hit)),
            false => Named::NOTHING,
        }
    }

    #[inline]
    fn fate(&self, hit: Hit) -> Fate {
        self.shape.places.fate_of(self.tables.place_of(hit))
    }

    fn sent(&self, flow: &Flow4) -> (Code, Hit) {
        match self.may_output(flow) {
            Err(code) => (code, Hit::ASK),
            Ok(()) => {
                let hit = self.shape.program.walk(flow, &self.tables);
                (sent_code(self.fate(hit), flow), hit)
            }
        }
    }

    fn sent_batch(&self, flows: &[Flow4], codes: &mut [Code], hits: &mut [Hit; BATCH]) {
        let hits = &mut hits[..flows.len()];
        self.shape.program.walk_batch(&Flows(flows), &self.tables, hits);
        for ((flow, code), hit) in flows.iter().zip(codes).zip(hits) {
            *code = match self.may_output(flow) {
                // It was not looked up at all.
                Err(code) => {
                    *hit = Hit::ASK;
                    code
                }
                Ok(()) => sent_code(self.fate(*hit), flow),
            };
        }
    }

    /// Whether a flow made here is looked up; a code, where it is not, or not here.
    #[inline]
    fn may_output(&self, flow: &Flow4) -> Result<(), Code> {
        if !is_ordinary(flow.dst) || flow.oif != 0 || flow.iif != LOOPBACK || flow.l3mdev != 0 {
            return Err(ASK);
        }
        if flow.scope != Scope::UNIVERSE || self.has_unknown_tos(flow.dscp) {
            return Err(ASK);
        }
        if flow.src.is_unspecified() {
            return Ok(());
        }
        if !is_ordinary(flow.src) || flow.src.is_loopback() {
            return Err(ASK);
        }
        if flow.any_source || self.shape.addresses.lookup(flow.src).is_some() {
            return Ok(());
        }
        // C-128: otherwise the local table has to know the source.
        let (group, local) = self.shape.local;
        let places = &self.shape.places;
        let value = self.tables.value(group, flow.src);
        let place = value.map_or(PASS, |value| self.tables.number(group, value));
        match (places.fate_of(place).back, places.tables.get(place as usize)) {
            (Back::Way { kind: RouteType::LOCAL, .. }, Some(&table)) if table == local => Ok(()),
            (Back::Ask, _) if place != PASS => Err(ASK),
            _ => Err(places.fate_of(place::UNREACHABLE).open),
        }
    }

    fn has_unknown_tos(&self, dscp: u8) -> bool {
        self.shape.has_tos && dscp & 0x1c != 0
    }

    fn received(&self, packet: &Received) -> (Code, Hit) {
        let ingress = match self.may_input(packet) {
            Err(code) => return (code, Hit::ASK),
            Ok(ingress) => ingress,
        };
        let program = &self.shape.program;
        let hit = program.walk(&self.flow(packet), &self.tables);
        let code = match self.routed(hit, ingress) {
            Routed::Over(code) => code,
            Routed::Checked { code, .. } if !ingress.is_full => self.own_source(packet, ingress, code),
            Routed::Checked { code, oif } => {
                let back = program.walk(&self.way_back(packet, oif, ingress.use_mark), &self.tables);
                self.judged(back, ingress, code)
            }
        };
        (code, hit)
    }

    fn received_batch(&self, packets: &[Received], codes: &mut [Code], hits: &mut [Hit; BATCH]) {
        let program = &self.shape.program;
        program.walk_batch(&Arrivals { view: self, packets }, &self.tables, &mut hits[..packets.len()]);
        // Those whose source has to be looked up, and those for which it is enough that
        // it is no own address.
        let mut checked = [Checked { n: 0, use_mark: false, oif: 0 }; BATCH];
        let mut others = [0; BATCH];
        let (mut count, mut other_count) = (0, 0);
        let mut last = None;
        for (n, packet) in packets.iter().enumerate() {
            // Packets of a batch often came in by one device.
            let ingress = match last {
                Some(ingress) if self.has_known_addresses(packet) && is_of(ingress, packet) => Ok(ingress),
                _ => self.may_input(packet),
            };
            last = ingress.ok().or(last);
            codes[n] = match ingress {
                Err(code) => {
                    hits[n] = Hit::ASK;
                    code
                }
                Ok(ingress) => match self.routed(hits[n], ingress) {
                    Routed::Over(code) => code,
                    Routed::Checked { code, .. } if !ingress.is_full => {
                        if !ingress.check.accept_local {
                            others[other_count] = n as u16;
                            other_count += 1;
                        }
                        code
                    }
                    Routed::Checked { code, oif } => {
                        checked[count] = Checked { n: n as u16, use_mark: ingress.use_mark, oif };
                        count += 1;
                        code
                    }
                },
            };
        }
        self.drop_own(packets, &others[..other_count], codes);
        if count == 0 {
            return;
        }
        let checked = &checked[..count];
        let mut backs = [Hit::ASK; BATCH];
        program.walk_batch(&WaysBack { view: self, packets, checked }, &self.tables, &mut backs[..count]);
        for (checked, &back) in checked.iter().zip(&backs) {
            let n = usize::from(checked.n);
            let ingress = match last {
                Some(ingress) if is_of(ingress, &packets[n]) => Some(ingress),
                _ => self.shape.ingress(packets[n].dev),
            };
            codes[n] = ingress.map_or(ASK, |ingress| self.judged(back, ingress, codes[n]));
        }
    }

    /// Drops those packets, of these by number, whose sources are own addresses.
    fn drop_own(&self, packets: &[Received], which: &[u16], codes: &mut [Code]) {
        let mut sources = [Ipv4Addr::UNSPECIFIED; BATCH];
        let mut owned = [fib::NONE; BATCH];
        for (source, &n) in sources.iter_mut().zip(which) {
            *source = packets[usize::from(n)].src;
        }
        let owned = &mut owned[..which.len()];
        self.shape.addresses.lookup_batch(&sources[..which.len()], owned);
        for (&n, &owned) in which.iter().zip(&*owned) {
            if owned != fib::NONE {
                codes[usize::from(n)] = self.shape.places.dropped(DropReason::IpLocalSource);
            }
        }
    }

    /// Whether a received packet is looked up; a code, where it is not, or not here.
    #[inline]
    fn may_input(&self, packet: &Received) -> Result<&Ingress, Code> {
        match self.has_known_addresses(packet) {
            true => self.shape.ingress(packet.dev).ok_or(ASK),
            false => Err(ASK),
        }
    }

    #[inline]
    fn has_known_addresses(&self, packet: &Received) -> bool {
        let is_plain = |addr: Ipv4Addr| is_ordinary(addr) && !addr.is_loopback();
        is_plain(packet.dst) && is_plain(packet.src) && !self.has_unknown_tos(packet.tos)
    }

    /// What the lookup of a destination makes of a packet.
    #[inline]
    fn routed(&self, hit: Hit, ingress: &Ingress) -> Routed {
        let places = &self.shape.places;
        match self.fate(hit).received {
            Fated::Ask => Routed::Over(ASK),
            Fated::Local(code) => Routed::Checked { code, oif: 0 },
            _ if !ingress.forwarding => match places.fate_of(place::NOT_FORWARDED).received {
                Fated::Failed(code) => Routed::Over(code),
                _ => Routed::Over(ASK),
            },
            Fated::Failed(code) => Routed::Over(code),
            // One that turns back may be answered with a redirect.
            Fated::Forward { dev, .. } if dev == ingress.check.dev => Routed::Over(ASK),
            Fated::Forward { dev, code } => Routed::Checked { code, oif: dev },
        }
    }

    /// The source check without a lookup.
    #[inline]
    fn own_source(&self, packet: &Received, ingress: &Ingress, code: Code) -> Code {
        let is_own = || self.shape.addresses.lookup(packet.src).is_some();
        match !ingress.check.accept_local && is_own() {
            true => self.shape.places.dropped(DropReason::IpLocalSource),
            false => code,
        }
    }

    /// The source check by what its lookup has found.
    #[inline]
    fn judged(&self, back: Hit, ingress: &Ingress, code: Code) -> Code {
        let back = match self.fate(back).back {
            Back::Ask => return ASK,
            Back::None => None,
            Back::Way { kind, dev } => Some((kind, dev == ingress.check.dev)),
        };
        match judge(&ingress.check, back) {
            Ok(_) => code,
            Err(validation) => self.shape.places.dropped(validate::reason(validation)),
        }
    }

    fn transport(&self, packet: &Received) -> (u8, u16, u16) {
        if self.shape.dissects { (packet.proto, packet.sport, packet.dport) } else { (0, 0, 0) }
    }

    fn flow(&self, packet: &Received) -> Flow4 {
        let (proto, sport, dport) = self.transport(packet);
        let &Received { dst, src, dev: iif, mark, tos, .. } = packet;
        Flow4 { src, iif, mark, dscp: tos & 0xfc, proto, sport, dport, ..Flow4::to(dst) }
    }

    fn way_back(&self, packet: &Received, oif: u32, use_mark: bool) -> Flow4 {
        let &Received { dst, src, dev, mark, tos, .. } = packet;
        let dscp = tos & 0xfc;
        let packet = Packet { src, dst, dev, oif, mark, dscp, transport: self.transport(packet) };
        packet.way_back(use_mark, 0)
    }
}

/// Flows made here.
struct Flows<'a>(&'a [Flow4]);

impl Packets<Ipv4Addr> for Flows<'_> {
    fn dst(&self, n: usize) -> Ipv4Addr {
        self.0[n].dst
    }

    fn src(&self, n: usize) -> Ipv4Addr {
        self.0[n].src
    }

    fn iif(&self, n: usize) -> u32 {
        self.0[n].iif
    }

    fn mark(&self, n: usize) -> u32 {
        self.0[n].mark
    }

    fn flow(&self, n: usize) -> Flow4 {
        self.0[n].clone()
    }
}

/// Received packets, on their way to their destinations.
struct Arrivals<'a, 'b, T> {
    view: &'a View4<'b, T>,
    packets: &'a [Received],
}

impl<T: Longest<Ipv4Addr>> Packets<Ipv4Addr> for Arrivals<'_, '_, T> {
    fn dst(&self, n: usize) -> Ipv4Addr {
        self.packets[n].dst
    }

    fn src(&self, n: usize) -> Ipv4Addr {
        self.packets[n].src
    }

    fn iif(&self, n: usize) -> u32 {
        self.packets[n].dev
    }

    fn mark(&self, n: usize) -> u32 {
        self.packets[n].mark
    }

    fn flow(&self, n: usize) -> Flow4 {
        self.view.flow(&self.packets[n])
    }
}

/// A packet whose source is looked up.
#[derive(Clone, Copy)]
struct Checked {
    /// Which of the batch.
    n: u16,
    /// Whether the lookup takes its mark.
    use_mark: bool,
    oif: u32,
}

/// The ways back to the sources of received packets.
struct WaysBack<'a, 'b, T> {
    view: &'a View4<'b, T>,
    packets: &'a [Received],
    checked: &'a [Checked],
}

impl<T> WaysBack<'_, '_, T> {
    fn packet(&self, at: usize) -> &Received {
        &self.packets[usize::from(self.checked[at].n)]
    }
}

impl<T: Longest<Ipv4Addr>> Packets<Ipv4Addr> for WaysBack<'_, '_, T> {
    fn dst(&self, at: usize) -> Ipv4Addr {
        self.packet(at).src
    }

    fn src(&self, at: usize) -> Ipv4Addr {
        self.packet(at).dst
    }

    fn iif(&self, at: usize) -> u32 {
        if self.checked[at].oif == 0 { LOOPBACK } else { self.checked[at].oif }
    }

    fn mark(&self, at: usize) -> u32 {
        if self.checked[at].use_mark { self.packet(at).mark } else { 0 }
    }

    fn flow(&self, at: usize) -> Flow4 {
        let Checked { oif, use_mark, .. } = self.checked[at];
        self.view.way_back(self.packet(at), oif, use_mark)
    }
}

/// A received packet after the lookup of its destination.
enum Routed {
    Over(Code),
    /// Its source is looked at first.
    Checked {
        code: Code,
        oif: u32,
    },
}

#[inline]
fn is_of(ingress: &Ingress, packet: &Received) -> bool {
    ingress.check.dev == packet.dev
}

#[inline]
fn sent_code(fate: Fate, flow: &Flow4) -> Code {
    if flow.src.is_unspecified() { fate.open } else { fate.given }
}
