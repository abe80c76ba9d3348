//! Neighbour discovery received (`ndisc_rcv`; T-63, T-64, T-66, T-67).

use std::net::{IpAddr, Ipv6Addr};

use fingerpost_model::{IfaFlags, NeighFlags, NeighState};
use fingerpost_net::wire::{Header, Icmp, Ipv6, Mac, nd};

use super::super::ethernet::{has_header, mac_of};
use super::super::neighbour::Update;
use super::super::timers::{Due, Timer};
use super::super::{Addressed, Outcome, Packet, Stack};
use super::solicit::{ALL_NODES, Advert};
use crate::addrtype::AddrType;
use crate::config::In6Dev;
use crate::lookup::DropReason;
use crate::state::Time;

/// A solicitation or advertisement without options.
const FIXED: usize = 24;
/// The same of a router solicitation, and of a redirect.
const FIXED_ROUTER_SOLICIT: usize = 8;
pub(super) const FIXED_REDIRECT: usize = 40;

pub(super) const IGNORED: Outcome = Outcome::Dropped(DropReason::NotSpecified);
pub(super) const TOO_SMALL: Outcome = Outcome::Dropped(DropReason::PktTooSmall);
pub(super) const BAD_OPTIONS: Outcome = Outcome::Dropped(DropReason::Ipv6NdiscBadOptions);

/// The options of a message, each the first of its kind (`ndisc_parse_options`).
#[derive(Clone, Copy, Default)]
pub(super) struct Options<'a> {
    pub source: Option<&'a [u8]>,
    pub target: Option<&'a [u8]>,
    pub redirected: Option<&'a [u8]>,
    pub mtu: Option<&'a [u8]>,
    all: &'a [u8],
}

impl<'a> Options<'a> {
    /// `None` where they are not well formed.
    pub fn read(bytes: &'a [u8]) -> Option<Self> {
        let mut options = Options { all: bytes, ..Options::default() };
        let mut rest = bytes;
        while let [kind, units, ..] = rest {
            let len = usize::from(*units) * 8;
            let option = rest.get(..len).filter(|_| len != 0)?;
            let place = match *kind {
                nd::SOURCE_ADDRESS => Some(&mut options.source),
                nd::TARGET_ADDRESS => Some(&mut options.target),
                nd::REDIRECTED => Some(&mut options.redirected),
                nd::MTU => Some(&mut options.mtu),
                _ => None,
            };
            if let Some(place) = place {
                place.get_or_insert(option);
            }
            rest = &rest[len..];
        }
        rest.is_empty().then_some(options)
    }

    /// All options of a kind, in order.
    pub fn of_kind(self, kind: u8) -> impl Iterator<Item = &'a [u8]> {
        let mut rest = self.all;
        std::iter::from_fn(move || {
            while let [this, units, ..] = rest {
                let (option, behind) = rest.split_at_checked(usize::from(*units) * 8)?;
                rest = behind;
                if *this == kind {
                    return Some(option);
                }
            }
            None
        })
    }
}

/// The link-layer address of an option; an error where its length is another's.
pub(super) fn mac_in(option: Option<&[u8]>) -> Result<Option<Mac>, Outcome> {
    match option {
        None => Ok(None),
        Some(&[_, _, a, b, c, d, e, f]) => Ok(Some([a, b, c, d, e, f])),
        Some(_) => Err(IGNORED),
    }
}

/// Who asks for whom.
#[derive(Clone, Copy)]
struct Question {
    dev: u32,
    src: Ipv6Addr,
    target: Ipv6Addr,
    mac: Option<Mac>,
    to_group: bool,
    /// Whether it has waited already.
    has_waited: bool,
    addressed: Addressed,
}

impl Stack<'_, '_> {
    /// `ndisc_rcv`; `message` is the packet's from the ICMPv6 header on.
    pub(super) fn nd_receive(&mut self, packet: &Packet, message: &[u8]) -> Outcome {
        let dev = packet.dev;
        let Some(&header) = Ipv6::read(&packet.bytes) else { return IGNORED };
        let Some(ipv6) = self.config.links.ipv6(dev) else { return IGNORED };
        if packet.six.was_fragment && ipv6.conf.suppress_frag_ndisc != 0 {
            return Outcome::Dropped(DropReason::Ipv6NdiscFrag);
        }
        if header.hop_limit != 255 {
            return Outcome::Dropped(DropReason::Ipv6NdiscHopLimit);
        }
        let &[kind, code, ..] = message else { return IGNORED };
        if code != 0 {
            return Outcome::Dropped(DropReason::Ipv6NdiscBadCode);
        }
        let taken = match kind {
            nd::SOLICIT => self.solicited(packet, &header, message),
            nd::ADVERT => self.advertised(packet, &header, message),
            nd::ROUTER_SOLICIT => self.router_solicited(packet, &header, message),
            nd::ROUTER_ADVERT => self.router_advertised(packet, &header, message),
            _ => self.redirected(packet, &header, message),
        };
        taken.unwrap_or_else(|outcome| outcome)
    }

    /// `ndisc_recv_ns` (T-63).
    fn solicited(&mut self, packet: &Packet, header: &Ipv6, message: &[u8]) -> Result<Outcome, Outcome> {
        let (src, dst) = (header.source(), header.destination());
        let target = target_in(message).ok_or(TOO_SMALL)?;
        let is_dad = src.is_unspecified();
        if target.is_multicast() || is_dad && !is_solicited_group(dst) {
            return Err(IGNORED);
        }
        let options = Options::read(&message[FIXED..]).ok_or(BAD_OPTIONS)?;
        let mac = mac_in(options.source)?;
        if is_dad && mac.is_some() {
            return Err(IGNORED);
        }
        self.answer_question(Question {
            dev: packet.dev,
            src,
            target,
            mac,
            to_group: dst.is_multicast(),
            has_waited: false,
            addressed: packet.addressed,
        })
    }

    /// An answer for another that was delayed (`pndisc_redo`).
    pub(in crate::path) fn proxy_nd(&mut self, dev: u32, src: Ipv6Addr, mac: Option<Mac>, target: Ipv6Addr) {
        let addressed = Addressed::Multicast;
        let question = Question { dev, src, target, mac, to_group: true, has_waited: true, addressed };
        // What becomes of the question was told when it came.
        let _ = self.answer_question(question);
    }

    fn answer_question(&mut self, question: Question) -> Result<Outcome, Outcome> {
        let Question { dev, src, target, mac, to_group, .. } = question;
        let is_dad = src.is_unspecified();
        let ipv6 = self.config.links.ipv6(dev).ok_or(IGNORED)?;
        let own = ipv6.addrs.iter().find(|have| have.addr == target);
        let is_own = own.is_some();
        let mut is_router = ipv6.conf.forwarding != 0;
        if let Some(own) = own {
            if own.flags.any(IfaFlags::TENTATIVE | IfaFlags::OPTIMISTIC) && is_dad {
                return Err(self.duplicate(dev, target));
            }
            if own.effective_flags().has(IfaFlags::TENTATIVE) {
                return Err(IGNORED);
            }
        } else {
            let is_anycast = ipv6.anycast.iter().any(|anycast| anycast.addr == target);
            if !is_anycast {
                is_router = self.stands_in(ipv6, dev, target).ok_or({
                    Outcome::Dropped(DropReason::Ipv6NdiscNsOtherhost) // T-63
                })?;
            }
            let delay = self.neighbour_setting((dev, IpAddr::V6(target)), "proxy_delay");
            let waits = !question.has_waited && question.addressed != Addressed::Host && to_group;
            if waits && delay != 0 {
                let at = Time(self.now().0 + self.rng.below(delay * 10));
                let timer = Timer::ProxyNd { dev, sender: src, mac, target };
                self.state.timers.set(timer, None, Some(Due::exactly(at)));
                return Err(IGNORED);
            }
        }
        let mut advert =
            Advert { target, is_router, is_solicited: false, overrides: is_own, has_address: true };
        if is_dad {
            self.send_advert(dev, ALL_NODES, &advert);
            return Err(IGNORED);
        }
        let key = (dev, IpAddr::V6(src));
        // Asked by unicast, an entry is made though no link-layer address is told, and so it
        // is where there are none.
        let tells = mac.is_some() || self.config.links.get(dev).is_some_and(|link| !has_header(link));
        if !self.knows(key) && to_group && !tells {
            return Err(IGNORED);
        }
        self.learn_neighbour(key, told(mac, None));
        advert =
            Advert { is_solicited: true, overrides: is_own && to_group, has_address: to_group, ..advert };
        self.send_advert(dev, src, &advert);
        Ok(Outcome::Delivered)
    }

    /// Whether this host answers for another, and then whether as a router (T-66).
    fn stands_in(&self, ipv6: &In6Dev, dev: u32, target: Ipv6Addr) -> Option<bool> {
        let is_on = self.config.sysctl6.all.proxy_ndp != 0 || ipv6.conf.proxy_ndp != 0;
        if ipv6.conf.forwarding == 0 || !is_on {
            return None;
        }
        let proxies = &self.config.neighbours.proxies;
        let entry = [dev, 0].iter().find_map(|&dev| proxies.get(&(dev, IpAddr::V6(target))))?;
        Some(entry.flags.has(NeighFlags::ROUTER))
    }

    /// `ndisc_recv_na` (T-64).
    fn advertised(&mut self, packet: &Packet, header: &Ipv6, message: &[u8]) -> Result<Outcome, Outcome> {
        let dev = packet.dev;
        let target = target_in(message).ok_or(TOO_SMALL)?;
        let has = |flag: u8| message[4] & flag != 0;
        let to_group = header.destination().is_multicast();
        if target.is_multicast() || to_group && has(nd::SOLICITED) {
            return Err(IGNORED);
        }
        let ipv6 = self.config.links.ipv6(dev).ok_or(IGNORED)?;
        if !has(nd::SOLICITED) && ipv6.conf.drop_unsolicited_na != 0 {
            return Err(IGNORED);
        }
        let options = Options::read(&message[FIXED..]).ok_or(BAD_OPTIONS)?;
        let mac = mac_in(options.target)?;
        if let Some(own) = ipv6.addrs.iter().find(|have| have.addr == target) {
            let is_tentative = own.flags.has(IfaFlags::TENTATIVE) && packet.addressed != Addressed::Loopback;
            return Err(if is_tentative { self.duplicate(dev, target) } else { IGNORED });
        }
        let key = (dev, IpAddr::V6(target));
        let mut state = if has(nd::SOLICITED) { NeighState::REACHABLE } else { NeighState::STALE };
        if !self.knows(key) {
            if self.state.unresolved.contains(&(dev, target)) {
                return Ok(Outcome::Delivered);
            }
            let accepts = match ipv6.conf.accept_untracked_na {
                1 => true,
                2 => ipv6.addrs.iter().any(|have| have.prefix().contains(header.source())),
                _ => false,
            };
            if mac.is_none() || ipv6.conf.forwarding == 0 || !accepts {
                return Err(IGNORED);
            }
            state = NeighState::STALE;
        }
        if self.config.neighbours.state(key.0, key.1).is_some_and(|state| state.any(NeighState::FAILED)) {
            return Err(IGNORED);
        }
        let all = &self.config.sysctl6.all;
        let own_mac = self.config.links.get(dev).map(mac_of);
        if mac.is_some()
            && mac == own_mac
            && all.forwarding != 0
            && all.proxy_ndp != 0
            && self.is_proxied(key)
        {
            return Err(IGNORED);
        }
        let was_router = self.is_router(key);
        let is_router = Some(has(nd::ROUTER));
        self.learn_neighbour(
            key,
            Update { mac, state, overrides: has(nd::OVERRIDE), is_weak: true, is_router },
        );
        if was_router && !self.is_router(key) {
            self.forget_router(header.source());
        }
        Ok(Outcome::Delivered)
    }

    /// Whether a neighbour is known as a router.
    fn is_router(&self, key: (u32, IpAddr)) -> bool {
        let entry = self.config.neighbours.entries.get(&key);
        entry.is_some_and(|entry| entry.flags.has(NeighFlags::ROUTER))
    }

    /// `ndisc_recv_rs` (T-67).
    fn router_solicited(
        &mut self,
        packet: &Packet,
        header: &Ipv6,
        message: &[u8],
    ) -> Result<Outcome, Outcome> {
        let (dev, src) = (packet.dev, header.source());
        let ipv6 = self.config.links.ipv6(dev).ok_or(IGNORED)?;
        if ipv6.conf.forwarding == 0 || src.is_unspecified() {
            return Err(IGNORED);
        }
        let options = Options::read(&message[FIXED_ROUTER_SOLICIT..]).ok_or(BAD_OPTIONS)?;
        let mac = mac_in(options.source)?;
        let key = (dev, IpAddr::V6(src));
        self.learn_neighbour(key, told(mac, Some(false)));
        Ok(Outcome::Delivered)
    }

    /// `ndisc_redirect_rcv`.
    fn redirected(&mut self, packet: &Packet, header: &Ipv6, message: &[u8]) -> Result<Outcome, Outcome> {
        if !AddrType::of(header.source()).any(AddrType::LINK_LOCAL) {
            return Err(IGNORED);
        }
        let options = message.get(FIXED_REDIRECT..).ok_or(BAD_OPTIONS)?;
        let options = Options::read(options).ok_or(BAD_OPTIONS)?;
        match options.redirected {
            None => {
                self.learn_redirect6(packet, None);
                Err(IGNORED)
            }
            Some(option) => {
                let at = option.as_ptr() as usize - message.as_ptr() as usize + 8;
                let head = Icmp { kind: nd::REDIRECT, code: 0, checksum: 0.into(), rest: [0; 4] };
                Ok(self.hand_error_over(packet, &head, &message[at..]))
            }
        }
    }
}

/// What a sender tells of itself.
pub(super) fn told(mac: Option<Mac>, is_router: Option<bool>) -> Update {
    Update { mac, state: NeighState::STALE, overrides: true, is_weak: true, is_router }
}

/// The target of a solicitation or advertisement.
fn target_in(message: &[u8]) -> Option<Ipv6Addr> {
    let target: [u8; 16] = message.get(8..FIXED)?.try_into().ok()?;
    Some(target.into())
}

/// `ipv6_addr_is_solict_mult`.
fn is_solicited_group(addr: Ipv6Addr) -> bool {
    let group = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xff00, 0).to_bits();
    addr.to_bits() >> 24 == group >> 24
}
