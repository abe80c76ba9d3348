//! IPv6: packets made here and packets received.

use std::net::Ipv6Addr;
use std::sync::Arc;

use fingerpost_model::Scope;

use super::answer::{ASK, Answer, Answer6, Answers, Code, Failure, Named, Source};
use super::chunked::Chunked;
use super::classes::Packets;
use super::program::{BATCH, Hit, Program};
use super::search::{Longest, Searched};
use super::source6::Sources;
use crate::addrtype::AddrType;
use crate::config::LOOPBACK;
use crate::lookup::{Decision6, Flow6};

/// Compiled decisions about IPv6 packets, with the tables that they are looked up in.
pub struct View6<'a, T> {
    pub(super) shape: &'a Shape6,
    pub(super) tables: Searched<'a, Ipv6Addr, T>,
}

/// Everything but the tables; a clone shares what it is made of.
#[derive(Clone)]
pub struct Shape6 {
    pub(super) program: Arc<Program<Ipv6Addr>>,
    /// Devices that packets come in on, ascending; those in VRFs are not among them.
    pub(super) ingress: Arc<[u32]>,
    /// Some rule waits for the source that a packet would get (C-301).
    pub(super) finds_sources: bool,
    pub(super) places: Places6,
    pub(super) sources: Sources,
}

/// What becomes of packets for which the lookup ends at one place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fate6 {
    /// Made here, the source open.
    pub open: Code,
    /// Made here, the source given.
    pub given: Code,
    pub received: Code,
}

pub(super) const TO_ASK: Fate6 = Fate6 { open: ASK, given: ASK, received: ASK };

/// Numbered places, as values of the tables, and the answers that they lead to.
#[derive(Clone)]
pub(super) struct Places6 {
    pub fates: Chunked<Fate6>,
    pub answers: Answers<Decision6>,
}

impl Places6 {
    #[inline]
    fn fate_of(&self, place: u32) -> Fate6 {
        self.fates.get(place as usize).copied().unwrap_or(TO_ASK)
    }
}

/// Whether a destination is routed by the tables alone, whatever the device.
#[inline]
fn is_ordinary(addr: Ipv6Addr) -> bool {
    let kind = AddrType::of(addr);
    !kind.is_any() && !kind.needs_device()
}

impl<T: Longest<Ipv6Addr>> View6<'_, T> {
    /// The answer that a code stands for.
    pub fn answer(&self, code: Code) -> &Answer6 {
        self.shape.places.answers.get(code)
    }

    /// How many answers there are, the one to ask included.
    pub fn answers(&self) -> usize {
        self.shape.places.answers.len()
    }

    /// The source of a packet with a code's answer; `None` where one has to ask, or
    /// there is no answer.
    pub fn source(&self, code: Code, src: Ipv6Addr, dst: Ipv6Addr) -> Option<Ipv6Addr> {
        match self.answer(code) {
            Answer::Decided { decision, source } => match source {
                Source::Decision => Some(decision.source),
                Source::Destination => Some(dst),
                Source::Given => Some(src),
                Source::Selected(dev) => self.shape.sources.select(*dev, dst),
            },
            _ => None,
        }
    }

    /// The decision of a code for a packet, or why there is none; `None` where one has to ask.
    pub fn decision(&self, code: Code, src: Ipv6Addr, dst: Ipv6Addr) -> Option<Result<Decision6, Failure>> {
        match self.answer(code) {
            Answer::Ask => None,
            Answer::Failed(failure) => Some(Err(*failure)),
            Answer::Decided { decision, .. } => {
                let source = self.source(code, src, dst)?;
                Some(Ok(Decision6 { source, destination: dst, ..(**decision).clone() }))
            }
        }
    }

    /// What becomes of a packet made here; with an egress device, one has to ask.
    pub fn output(&self, flow: &Flow6) -> Code {
        self.sent(flow).0
    }

    /// The same, with what the lookup has ended by, where tables name it.
    pub fn output_by(&self, flow: &Flow6) -> (Code, Named<Ipv6Addr>) {
        let (code, hit) = self.sent(flow);
        (code, self.named(hit))
    }

    /// [`View6::output`] for many.
    ///
    /// # Panics
    ///
    /// If the slices differ in length.
    pub fn output_batch(&self, flows: &[Flow6], codes: &mut [Code]) {
        assert_eq!(flows.len(), codes.len(), "one code for each flow");
        for (flows, codes) in flows.chunks(BATCH).zip(codes.chunks_mut(BATCH)) {
            self.batch(flows, codes, &mut [Hit::ASK; BATCH], View6::may_output, sent_code);
        }
    }

    /// [`View6::output_by`] for many.
    ///
    /// # Panics
    ///
    /// If the slices differ in length.
    pub fn output_batch_by(&self, flows: &[Flow6], answers: &mut [(Code, Named<Ipv6Addr>)]) {
        self.batch_by(flows, answers, View6::may_output, sent_code);
    }

    /// What becomes of a received packet, of which the ingress device and the source
    /// have to be known ([`Flow6::has_source`]).
    pub fn input(&self, flow: &Flow6) -> Code {
        self.received(flow).0
    }

    /// The same, with what the lookup has ended by, where tables name it.
    pub fn input_by(&self, flow: &Flow6) -> (Code, Named<Ipv6Addr>) {
        let (code, hit) = self.received(flow);
        (code, self.named(hit))
    }

    /// [`View6::input`] for many.
    ///
    /// # Panics
    ///
    /// If the slices differ in length.
    pub fn input_batch(&self, flows: &[Flow6], codes: &mut [Code]) {
        assert_eq!(flows.len(), codes.len(), "one code for each flow");
        for (flows, codes) in flows.chunks(BATCH).zip(codes.chunks_mut(BATCH)) {
            self.batch(flows, codes, &mut [Hit::ASK; BATCH], View6::may_input, received_code);
        }
    }

    /// [`View6::input_by`] for many.
    ///
    /// # Panics
    ///
    /// If the slices differ in length.
    pub fn input_batch_by(&self, flows: &[Flow6], answers: &mut [(Code, Named<Ipv6Addr>)]) {
        self.batch_by(flows, answers, View6::may_input, received_code);
    }

    fn named(&self, hit: Hit) -> Named<Ipv6Addr> {
        match self.tables.names() {
            true => self.shape.program.named(hit, self.tables.composed(hit)),
            false => Named::NOTHING,
        }
    }

    #[inline]
    fn fate(&self, hit: Hit) -> Fate6 {
        self.shape.places.fate_of(self.tables.place_of(hit))
    }

    fn sent(&self, flow: &Flow6) -> (Code, Hit) {
        self.single(flow, View6::may_output, sent_code)
    }

    fn received(&self, flow: &Flow6) -> (Code, Hit) {
        self.single(flow, View6::may_input, received_code)
    }

    fn batch_by(
        &self,
        flows: &[Flow6],
        answers: &mut [(Code, Named<Ipv6Addr>)],
        may: impl Fn(&Self, &Flow6) -> bool + Copy,
        code: impl Fn(Fate6, &Flow6) -> Code + Copy,
    ) {
        assert_eq!(flows.len(), answers.len(), "one answer for each flow");
        let (mut codes, mut hits) = ([ASK; BATCH], [Hit::ASK; BATCH]);
        for (flows, answers) in flows.chunks(BATCH).zip(answers.chunks_mut(BATCH)) {
            self.batch(flows, &mut codes[..flows.len()], &mut hits, may, code);
            for ((answer, &code), &hit) in answers.iter_mut().zip(&codes).zip(&hits) {
                *answer = (code, self.named(hit));
            }
        }
    }

    fn single(
        &self,
        flow: &Flow6,
        may: impl Fn(&Self, &Flow6) -> bool,
        code: impl Fn(Fate6, &Flow6) -> Code,
    ) -> (Code, Hit) {
        if !may(self, flow) {
            return (ASK, Hit::ASK);
        }
        let hit = self.shape.program.walk(&known(flow), &self.tables);
        (code(self.fate(hit), flow), hit)
    }

    fn batch(
        &self,
        flows: &[Flow6],
        codes: &mut [Code],
        hits: &mut [Hit; BATCH],
        may: impl Fn(&Self, &Flow6) -> bool,
        code: impl Fn(Fate6, &Flow6) -> Code,
    ) {
        let hits = &mut hits[..flows.len()];
        self.shape.program.walk_batch(&Flows(flows), &self.tables, hits);
        for ((flow, answer), hit) in flows.iter().zip(codes).zip(hits) {
            *answer = match may(self, flow) {
                true => code(self.fate(*hit), flow),
                false => {
                    *hit = Hit::ASK;
                    ASK
                }
            };
        }
    }

    /// Whether what becomes of a flow made here is known.
    fn may_output(&self, flow: &Flow6) -> bool {
        let no_source = flow.src.is_unspecified();
        flow.oif == 0 && flow.iif == LOOPBACK && !(no_source && self.shape.finds_sources) && is_plain(flow)
    }

    /// Whether what becomes of a received one is known.
    fn may_input(&self, flow: &Flow6) -> bool {
        flow.oif == 0
            && flow.has_source
            && !flow.src.is_unspecified()
            && self.shape.ingress.binary_search(&flow.iif).is_ok()
            && is_plain(flow)
    }
}

#[inline]
fn is_plain(flow: &Flow6) -> bool {
    is_ordinary(flow.dst) && flow.l3mdev == 0 && flow.scope == Scope::UNIVERSE
}

/// A flow as rules see it.
#[inline]
fn known(flow: &Flow6) -> Flow6 {
    Flow6 { has_source: !flow.src.is_unspecified(), ..flow.clone() }
}

#[inline]
fn sent_code(fate: Fate6, flow: &Flow6) -> Code {
    if flow.src.is_unspecified() { fate.open } else { fate.given }
}

#[inline]
fn received_code(fate: Fate6, _: &Flow6) -> Code {
    fate.received
}

/// Packets, wherever they come from.
struct Flows<'a>(&'a [Flow6]);

impl Packets<Ipv6Addr> for Flows<'_> {
    fn dst(&self, n: usize) -> Ipv6Addr {
        self.0[n].dst
    }

    fn src(&self, n: usize) -> Ipv6Addr {
        self.0[n].src
    }

    fn iif(&self, n: usize) -> u32 {
        self.0[n].iif
    }

    fn mark(&self, n: usize) -> u32 {
        self.0[n].mark
    }

    fn flow(&self, n: usize) -> Flow6 {
        known(&self.0[n])
    }
}
