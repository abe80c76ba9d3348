//! What becomes of the packet: the answer, and what its sender and the
//! machine's counters notice. What the families have in common.

use std::fmt::Display;
use std::net::IpAddr;

use fingerpost_engine::Config;
use fingerpost_model::{LinkFlags, RouteType};
use fingerpost_net::Errno;

use super::report::{Leg, LookupReport, Outcome, Verdict};

impl Outcome {
    pub(crate) fn new(verdict: Verdict, text: String) -> Self {
        Outcome {
            verdict,
            text,
            dev: None,
            gateway: None,
            source: None,
            table: None,
            kind: None,
            mtu: None,
            input: None,
            output: None,
            redirect: false,
            errno: None,
            errno_name: None,
            drop_reason: None,
            counters: Vec::new(),
            icmp: None,
            matches: None,
            legs: Vec::new(),
        }
    }
}

/// The way of a packet that is neither refused nor dropped.
pub(super) struct Way<'a> {
    pub verdict: Verdict,
    /// The question's destination.
    pub dst: &'a dyn Display,
    /// The question's source.
    pub src: &'a dyn Display,
    /// The ingress device.
    pub received: Option<&'a str>,
    /// The egress device.
    pub dev: &'a str,
    pub gateway: Option<IpAddr>,
    pub kind: RouteType,
    /// The neighbour that the packet goes to without a gateway, if there are neighbours.
    pub neighbour: Option<IpAddr>,
    /// How many legs are possible, when the choice is not known.
    pub legs: usize,
    /// The source that it gets, unless that depends on the leg.
    pub source: Option<String>,
}

impl Way<'_> {
    /// The answer in one sentence.
    pub fn text(&self) -> String {
        let Way { dst, src, dev, kind, .. } = self;
        let to = match (self.gateway, self.neighbour) {
            _ if self.legs > 0 => {
                format!("by one of {} legs, chosen by a hash whose seed is not known", self.legs)
            }
            (Some(gateway), _) => format!("by {dev} to {gateway}"),
            _ if *kind == RouteType::BROADCAST => format!("by {dev} as a broadcast"),
            _ if *kind == RouteType::MULTICAST => format!("by {dev} as multicast"),
            (None, Some(neighbour)) => format!("by {dev}, straight to its neighbour {neighbour}"),
            (None, None) => format!("by {dev}"),
        };
        match (self.verdict, self.received, &self.source) {
            (Verdict::Sent, _, Some(source)) => format!("{dst} leaves {to}, from {source}"),
            (Verdict::Sent, _, None) => format!("{dst} leaves {to}, from that leg's address"),
            (Verdict::Delivered, None, source) => {
                let from = source.as_deref().unwrap_or("that leg's address");
                format!("{dst} is this host: delivered through {dev}, from {from}")
            }
            (Verdict::Delivered, Some(iif), _) => {
                let how = match *kind {
                    RouteType::BROADCAST => " as a broadcast",
                    RouteType::MULTICAST => " as multicast",
                    _ => "",
                };
                format!("{dst} from {src}, received on {iif}, is delivered to this host{how}")
            }
            (_, iif, _) => {
                format!("{dst} from {src}, received on {}, is forwarded {to}", iif.unwrap_or_default())
            }
        }
    }
}

/// Whether a device has neighbours to resolve, rather than one other end.
pub(super) fn resolves(config: &Config, dev: u32) -> bool {
    let without = LinkFlags::NOARP | LinkFlags::POINTOPOINT | LinkFlags::LOOPBACK;
    config.links.get(dev).is_none_or(|link| !link.msg.flags.any(without))
}

/// The source of a packet made here, unless it depends on the leg.
pub(super) fn common_source(iif: u32, source: impl Display, legs: &[Leg]) -> Option<String> {
    if iif != 0 {
        return None;
    }
    let first = legs.first().and_then(|leg| leg.source.clone());
    legs.iter().all(|leg| leg.source == first).then(|| source.to_string())
}

/// A packet made here that cannot be sent; `counter` counts that there is no route.
pub(super) fn refused(
    dst: &dyn Display,
    errno: Errno,
    lookups: &[LookupReport],
    refused_for: Option<String>,
    counter: &'static str,
) -> Outcome {
    let by = lookups.iter().rev().find_map(|lookup| {
        let rule = &lookup.rules[lookup.deciding_rule?];
        let route = rule.table.and_then(|at| lookup.tables[at].route.as_ref());
        Some(match route {
            Some(route) => format!(", by the route \"{}\" of rule {}", route.text, rule.pref),
            None => format!(", by rule {} itself", rule.pref),
        })
    });
    let name = errno.name().unwrap_or("error");
    let why = match refused_for {
        Some(why) => format!(": {why}"),
        None => by.unwrap_or_default(),
    };
    let text = format!("{dst} cannot be sent: {errno} ({name}){why}");
    let mut outcome = Outcome::new(Verdict::Refused, text);
    outcome.errno = Some(errno.0);
    outcome.errno_name = errno.name();
    if errno == Errno::ENETUNREACH {
        outcome.counters.push(counter);
    }
    outcome
}
