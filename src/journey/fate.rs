//! What becomes of the packet: the answer in one line.

use std::fmt::Write as _;
use std::net::SocketAddr;

use fingerpost_engine::lookup::DropReason;
use fingerpost_engine::path;
use fingerpost_engine::path::sockets::Kind;
use fingerpost_net::Errno;

use super::build::{Fate, Memory, waits_for};
use super::decode::{Seen, mac_text};
use super::deed::{Refused, Sending};
use super::report::{Journey, Moment, Side, Step};
use crate::explain::{Alternative, Asked, LookupReport, Outcome, Verdict, device_name, why_dropped};

/// The answer: the packet's own end, and what goes to its sender.
pub(super) fn outcome(
    asked: Asked<'_>,
    memory: &Memory,
    received: &str,
    seen: &Seen,
    steps: &[Step],
    later: &[Moment],
) -> Outcome {
    let fate = &memory.fate;
    let sides = || steps.iter().chain(later.iter().flat_map(|moment| &moment.steps)).filter_map(side_of);
    let (verdict, mut text) = own_end(asked, fate, received, seen);
    if fate.outcome == path::Outcome::Queued && fate.next.is_some() {
        if sides().any(is_request) {
            text.push_str(", which is asked for");
        }
        if let Some(last) = later.last() {
            // A text takes everything.
            let _ = write!(text, "; it still does after {} s", seconds(last.after));
        }
    }
    let mut told = Vec::new();
    for side in sides().filter(|side| !is_request(side) && side.function != "process_backlog") {
        let beside = beside(side, seen);
        // What is sent again is told once.
        if !told.contains(&beside) {
            text.push_str(&beside);
            told.push(beside);
        }
    }
    if let (Some(from), false, true) = (seen.from, received.is_empty(), told.is_empty())
        && let Some(error) = no_way_back(steps)
    {
        let _ = write!(text, "; nothing goes back: no way leads to {from} ({error})");
    }
    let mut outcome = Outcome::new(verdict, text);
    if matches!(verdict, Verdict::Sent | Verdict::Forwarded) {
        outcome.dev =
            fate.left.first().or(fate.switched.first()).map(|&(dev, _)| device_name(&asked.ns.config, dev));
        let gateway = fate.next.filter(|&(_, addr)| seen.to != Some(addr));
        outcome.gateway = gateway.map(|(_, addr)| addr.to_string());
    }
    if let path::Outcome::Dropped(reason) = fate.outcome
        && verdict == Verdict::Dropped
    {
        outcome.drop_reason = Some(reason.name());
    }
    if received.is_empty() {
        outcome.source = seen.from.map(|from| from.to_string());
    }
    if let Some(lookup) = own_lookups(steps).next() {
        tell_table(&mut outcome, lookup);
    }
    outcome
}

/// The table that decided, and the type of its route.
fn tell_table(outcome: &mut Outcome, lookup: &LookupReport) {
    let table = lookup.tables.last().filter(|table| table.route.is_some());
    outcome.table = table.map(|table| table.id);
    outcome.kind = table.and_then(|table| table.route.as_ref()).map(|route| route.kind.clone());
}

/// What a program is told that could not send.
pub(super) fn refused(refused: Refused) -> Outcome {
    let Refused { call, errno } = refused;
    let name = errno.name().unwrap_or("error");
    let mut outcome = Outcome::new(Verdict::Refused, format!("refused: {call} fails: {errno} ({name})"));
    (outcome.errno, outcome.errno_name) = (Some(errno.0), errno.name());
    outcome
}

/// A socket that is connected without a packet.
pub(super) fn connected(sending: &Sending, local: Option<SocketAddr>, steps: &[Step]) -> Outcome {
    let named = |addr: SocketAddr| match sending.kind {
        Kind::Raw(_) => addr.ip().to_string(),
        Kind::Udp | Kind::Tcp => addr.to_string(),
    };
    let mut text = format!("connected to {}", named(sending.to));
    if let Some(local) = local {
        let _ = write!(text, " from {}", named(local));
    }
    let mut outcome = Outcome::new(Verdict::Connected, String::new());
    outcome.source = local.map(|local| local.ip().to_string());
    if let Some(lookup) = own_lookups(steps).last() {
        if let Some(hop) = &lookup.hop {
            let _ = write!(text, ", out of {}", hop.dev);
            if let Some(gateway) = hop.gateway {
                let _ = write!(text, " to {gateway}");
            }
            (outcome.dev, outcome.gateway) =
                (Some(hop.dev.clone()), hop.gateway.map(|addr| addr.to_string()));
        }
        tell_table(&mut outcome, lookup);
    }
    outcome.text = text;
    outcome
}

/// What is not modelled and decides.
pub(super) fn unknown(memory: &Memory) -> Vec<String> {
    match memory.fate.outcome {
        path::Outcome::Unknown(what) => vec![what.to_string()],
        _ => Vec::new(),
    }
}

impl Journey {
    /// Adds another outcome that is possible, unless it is known.
    pub(super) fn or(&mut self, when: &str, other: Journey) {
        let known = self.otherwise.iter().map(|alternative| &alternative.outcome);
        if known.chain([&self.outcome]).all(|known| *known != other.outcome) {
            self.otherwise.push(Alternative { when: when.to_string(), outcome: other.outcome });
        }
    }
}

fn side_of(step: &Step) -> Option<&Side> {
    match step {
        Step::Side(side) => Some(side),
        _ => None,
    }
}

/// The lookups of the packet's own way.
fn own_lookups(steps: &[Step]) -> impl Iterator<Item = &LookupReport> {
    let lookups = steps.iter().filter_map(|step| match step {
        Step::Lookup(lookup) => Some(&**lookup),
        _ => None,
    });
    lookups.filter(|lookup| ["input", "output"].contains(&lookup.purpose) && lookup.result.is_some())
}

/// The error with which the lookup for an answer ended.
fn no_way_back(steps: &[Step]) -> Option<&'static str> {
    own_lookups(steps).filter(|lookup| lookup.purpose == "output").find_map(|lookup| lookup.error)
}

/// Whether a neighbour's link-layer address is asked for.
fn is_request(side: &Side) -> bool {
    side.name == "ARP" || side.name.starts_with("neighbour solicitation")
}

/// The packet's own end.
fn own_end(asked: Asked<'_>, fate: &Fate, received: &str, seen: &Seen) -> (Verdict, String) {
    let config = &asked.ns.config;
    let after = fate.after.map_or(String::new(), |after| format!(" after {} s", seconds(after)));
    match fate.outcome {
        path::Outcome::Sent => {
            let (verdict, mut text) = match (fate.is_forwarded, fate.left.is_empty()) {
                (true, _) => (Verdict::Forwarded, "forwarded".to_string()),
                (false, true) if !fate.switched.is_empty() => {
                    (Verdict::Forwarded, "passed on by the bridge".to_string())
                }
                (false, _) => (Verdict::Sent, "sent".to_string()),
            };
            text.push_str(&after);
            let left = if fate.left.is_empty() { &fate.switched } else { &fate.left };
            if let Some((dev, mac)) = left.first() {
                let _ = write!(text, " out of {}", device_name(config, *dev));
                if let Some((_, addr)) = fate.next {
                    let _ = write!(text, " to {addr}");
                }
                if let Some(mac) = mac {
                    let _ = write!(text, " ({})", mac_text(mac));
                }
            }
            if fate.is_cut {
                let _ = write!(text, " in {} pieces", fate.left.len());
            }
            // What is sent to many can leave by several devices.
            let mut devices: Vec<u32> = left.iter().map(|&(dev, _)| dev).collect();
            devices.dedup();
            for &dev in devices.iter().skip(1) {
                let _ = write!(text, ", and out of {}", device_name(config, dev));
            }
            (verdict, text)
        }
        path::Outcome::Delivered => (Verdict::Delivered, format!("delivered to this host{after}")),
        path::Outcome::Queued => (Verdict::Queued, format!("waits {}", waits_for(config, fate.next))),
        path::Outcome::Dropped(DropReason::Consumed) => {
            (Verdict::Delivered, format!("taken by this host{after}"))
        }
        path::Outcome::Dropped(reason) => {
            let mut text = format!("dropped{after}: {}", reason.name());
            let by = fate.next.map_or_else(|| received.to_string(), |(dev, _)| device_name(config, dev));
            if !by.is_empty() {
                let _ = write!(text, " on {by}");
            }
            match why(reason, fate, seen) {
                Some(why) => {
                    let _ = write!(text, ", {why}");
                }
                None if fate.place.is_empty() => {}
                None => {
                    let _ = write!(text, ", by {}", fate.place);
                }
            }
            (Verdict::Dropped, text)
        }
        path::Outcome::Unknown(what) => (Verdict::Unknown, format!("unknown: {what}")),
    }
}

/// What a packet beside means for the answer.
fn beside(side: &Side, subject: &Seen) -> String {
    let Side { name, outcome, .. } = side;
    let to = side.to.as_ref().map_or(String::new(), |to| format!(" to {to}"));
    let is_back = side.to.is_some() && side.to == subject.from.map(|from| from.to_string());
    let article = if name.starts_with(['I', 'A', 'n']) { "an" } else { "a" };
    let name = format!("{article} {name}");
    match *outcome {
        "sent" if is_back => format!(", and {name} goes back{to}"),
        "sent" => format!(", and {name} goes{to}"),
        "looped" | "delivered" => format!(", and {name} goes{to}, which is this host"),
        "queued" => format!(", and {name}{to} waits for a link-layer address"),
        "not made" => format!(", and {name} is not sent: there is no way back, or too many were sent"),
        _ => format!(
            ", and {name}{to} is {outcome}{}",
            side.reason.map_or(String::new(), |r| format!(" ({r})"))
        ),
    }
}

/// Why a packet was dropped, where the kernel's reason and the place tell.
fn why(reason: DropReason, fate: &Fate, seen: &Seen) -> Option<&'static str> {
    if let Some(why) = why_dropped(reason) {
        return Some(why);
    }
    Some(match reason {
        DropReason::IpInHdr if fate.place == "ip_forward" => "its time to live is used up",
        DropReason::IpInHdr if fate.place == "ip6_forward" => "its hop limit is used up",
        DropReason::IpInHdr if fate.place == "ipv6_rcv" => {
            "no packet from a wire has such a header or addresses"
        }
        DropReason::IpInHdr => "its header cannot be one",
        DropReason::IpInAddrErrors => "it is not for this host, which does not forward it",
        DropReason::IpInNoRoutes | DropReason::IpOutNoRoutes => match fate.errno {
            Some(Errno::EACCES) => "a prohibit route or rule",
            Some(Errno::EHOSTUNREACH) => "an unreachable route or rule",
            _ => "no route",
        },
        DropReason::Ipv6Disabled => "IPv6 is off on the device",
        DropReason::OtherHost => "its frame is for another host",
        DropReason::IpCsum => "the checksum of its header is wrong",
        DropReason::PktTooSmall => "it is shorter than it claims",
        DropReason::UnicastInL2Multicast => "it is for one host, in a frame for many",
        DropReason::PktTooBig => "too long for its way and not to be cut up",
        DropReason::IpNoProto => "nobody speaks its protocol",
        DropReason::NoSocket => "nobody listens",
        DropReason::UdpCsum | DropReason::TcpCsum | DropReason::IcmpCsum | DropReason::SkbCsum => {
            "its checksum is wrong"
        }
        DropReason::UnhandledProto => "its protocol is not known",
        DropReason::NeighFailed => "the neighbour does not answer",
        DropReason::NeighCreatefail => "there are too many neighbours",
        DropReason::NeighQueuefull | DropReason::QueuePurge => "others wait for the neighbour",
        DropReason::DevReady => "the device is not up",
        DropReason::QdiscDrop => "the device is down or has no carrier",
        DropReason::NetfilterDrop => "a hook dropped it",
        DropReason::DupFrag => "the fragment is there already",
        DropReason::FragReasmTimeout => "its datagram did not become whole in time",
        DropReason::TcpFlags => "its flags do not belong to the state of the socket",
        DropReason::TcpReset => "it resets a connection",
        DropReason::TcpInvalidAckSequence => "it acknowledges what was not sent",
        DropReason::NotSpecified => return not_specified(fate, seen),
        _ => return None,
    })
}

/// The same where the kernel has no reason of its own.
fn not_specified(fate: &Fate, seen: &Seen) -> Option<&'static str> {
    let in_group_frame = seen.macs.is_some_and(|(_, to)| to[0] & 1 != 0);
    let to_group = seen.to.is_some_and(|to| to.is_multicast());
    Some(match (fate.place, fate.errno) {
        (_, Some(Errno::EHOSTUNREACH)) => "an unreachable route or rule",
        (_, Some(Errno::EACCES)) => "a prohibit route or rule",
        (_, Some(Errno::EINVAL)) => "a blackhole route or rule",
        ("ip_local_deliver" | "ip6_input", _) => "no protocol of this host takes it",
        ("ip_forward" | "ip6_forward", _) if in_group_frame => {
            "its frame is for many, and such are not forwarded"
        }
        ("ip_rcv" | "ipv6_rcv", _) if to_group => "nobody joined the group on this device",
        ("ip_finish_output2" | "ip6_finish_output2", _) if fate.after.is_some() => {
            "the neighbour does not answer"
        }
        _ => return None,
    })
}

/// Milliseconds as seconds.
pub(super) fn seconds(millis: u64) -> String {
    let text = format!("{}.{:03}", millis / 1000, millis % 1000);
    text.trim_end_matches('0').trim_end_matches('.').to_string()
}
