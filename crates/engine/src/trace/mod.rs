//! The observer that explanations and tests listen to.
//!
//! Events carry ids and values, never text; rendering happens outside the
//! engine. A decision is the same whether or not somebody listens.

mod reasons;
mod stage;
mod v6;

use std::net::Ipv4Addr;

use fingerpost_model::{RouteType, TableId};
use fingerpost_net::{Errno, Prefix};

pub use reasons::{FullCheckCause, PassedOver, PathReason, Purpose, RuleOutcome, SourceReason, Validation};
pub use stage::{Hook, Stage};
pub use v6::{Event6, PassedOver6, Path6, Source6Reason};

use crate::config::{Alias, FibInfoId};
use crate::lookup::rules::SelectorSet;
use crate::lookup::{DropReason, Flow4};
use crate::path::{Logged, Outcome};

/// Receives events.
pub trait Sink {
    /// One event, in the order of the lookup.
    fn event(&mut self, event: Event);
}

impl Sink for Vec<Event> {
    fn event(&mut self, event: Event) {
        self.push(event);
    }
}

/// A sink, or none.
pub struct Tracer<'a> {
    sink: Option<&'a mut dyn Sink>,
    /// Whether it is told of packets' ways too.
    follows: bool,
}

impl<'a> Tracer<'a> {
    /// Nobody listens.
    pub fn off() -> Self {
        Tracer { sink: None, follows: false }
    }

    /// `sink` listens.
    pub fn on(sink: &'a mut dyn Sink) -> Self {
        Tracer { sink: Some(sink), follows: true }
    }

    /// `sink` listens, but not to the ways of packets ([`Event::Packet`], [`Event::Stage`],
    /// [`Event::Ended`]): to their lookups and to what is logged.
    pub fn on_lookups(sink: &'a mut dyn Sink) -> Self {
        Tracer { sink: Some(sink), follows: false }
    }

    /// Reports an event, which is made only if somebody listens.
    #[inline]
    pub fn event(&mut self, make: impl FnOnce() -> Event) {
        if let Some(sink) = &mut self.sink {
            sink.event(make());
        }
    }

    /// The same of an event of a packet's way, which is made only if somebody follows it.
    #[inline]
    pub(crate) fn event_of_way(&mut self, make: impl FnOnce() -> Event) {
        if self.follows {
            self.event(make);
        }
    }

    /// Whether somebody listens.
    pub fn is_on(&self) -> bool {
        self.sink.is_some()
    }
}

/// Something that a lookup did, or a packet met.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A packet begins its way, or loopback gives it back: what follows is about it, until it
    /// ends or loopback takes it.
    Packet {
        /// Its number, by which it is told from others.
        number: u64,
        /// Its bytes, from the link header's end on.
        bytes: Vec<u8>,
    },
    /// A packet comes to a stage of its way.
    Stage {
        /// Which.
        stage: Stage,
    },
    /// Linux writes something to its log (C-203).
    Logged {
        /// What.
        what: Logged,
    },
    /// A packet's way ends; that of a piece or copy of it too.
    Ended {
        /// Its number; 0 for one that could not be made.
        packet: u64,
        /// How.
        outcome: Outcome,
    },
    /// A lookup begins.
    Begin {
        /// Why.
        purpose: Purpose,
        /// Its key.
        flow: Flow4,
    },
    /// No rule was ever changed: main (merged with local) and default are searched directly (C-121).
    NoCustomRules,
    /// A rule does not match.
    RuleSkipped {
        /// Position in the list.
        index: usize,
        /// Which selectors fail; empty for a rule that matches but is negated.
        failing: SelectorSet,
    },
    /// A rule matches.
    RuleTaken {
        /// Position in the list.
        index: usize,
    },
    /// What the rule that matched last led to.
    RuleDone {
        /// Position in the list.
        index: usize,
        /// What.
        outcome: RuleOutcome,
    },
    /// A table is searched (`fib_table_lookup`).
    Table {
        /// Its id.
        id: TableId,
    },
    /// A route contains the destination but is passed over.
    RoutePassed {
        /// Its prefix.
        prefix: Prefix<Ipv4Addr>,
        /// The route.
        alias: Alias,
        /// Why.
        why: PassedOver,
    },
    /// A route is the table's answer.
    RouteTaken {
        /// Its prefix.
        prefix: Prefix<Ipv4Addr>,
        /// The route.
        alias: Alias,
        /// The hop that the table chose.
        hop: usize,
    },
    /// A route ends the search of the table with an error.
    RouteError {
        /// Its prefix.
        prefix: Prefix<Ipv4Addr>,
        /// The route.
        alias: Alias,
        /// `EAGAIN` for throw.
        errno: Errno,
    },
    /// Nothing in the table fits.
    TableMiss {
        /// Its id.
        id: TableId,
    },
    /// One of several hops is chosen.
    Path {
        /// The route.
        info: FibInfoId,
        /// The hop.
        hop: usize,
        /// The 31-bit hash; `None` when its seed is not known.
        hash: Option<u32>,
        /// Why.
        why: PathReason,
        /// With an unknown hash, the hops that are possible, and how many of
        /// all 2³¹ hashes select each.
        shares: Vec<(usize, u64)>,
    },
    /// Of several default routes, the one whose gateway's neighbour is not dead is chosen (C-152).
    DefaultChosen {
        /// The route that the table gave.
        from: FibInfoId,
        /// The route that is used.
        to: FibInfoId,
    },
    /// A source address is chosen.
    Source {
        /// The address.
        addr: Ipv4Addr,
        /// Why.
        why: SourceReason,
    },
    /// No route, but a device was demanded: the destination counts as on its link (C-133).
    AssumedOnLink {
        /// The device.
        dev: u32,
        /// The error that is overridden.
        errno: Errno,
    },
    /// The reverse-path check needs no lookup (C-206).
    ValidateFast {
        /// Whether the source is an own address and `accept_local` is off.
        own: bool,
        /// Whether `accept_local` let it pass unchecked.
        accept_local: bool,
    },
    /// The reverse-path check begins a full lookup.
    ValidateFull {
        /// Effective `rp_filter`: 0, 1 or 2.
        rp_filter: i32,
        /// What made it necessary.
        cause: FullCheckCause,
    },
    /// The reverse-path check's result.
    ValidateDone(Validation),
    /// The packet is refused.
    Dropped {
        /// The kernel's reason.
        reason: DropReason,
    },
    /// A decision of this type was cached in the next hop and is used again (T-17).
    Cached {
        /// Type of the cached decision.
        kind: RouteType,
    },
    /// The lookup ends.
    End {
        /// Its error, if any.
        errno: Option<Errno>,
    },
    /// Something that only IPv6's lookups do.
    V6(Event6),
}
