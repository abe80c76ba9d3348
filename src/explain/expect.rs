//! Expectations: `--expect 'dev wg0'`.

use std::net::IpAddr;

use fingerpost_engine::lookup::DropReason;
use fingerpost_iproute::Names;
use fingerpost_model::RouteType;
use fingerpost_net::Errno;

use super::report::{Explanation, Outcome, Verdict};

/// What an answer should be, in pairs such as `dev wg0` and words such as `dropped`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expectation {
    text: String,
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Dev(String),
    Via(IpAddr),
    Source(IpAddr),
    Table(u32),
    Kind(String),
    Errno(String),
    Reason(String),
    Verdict(Verdict),
}

/// Words that an expectation knows, for messages.
const KNOWN: &str = "dev D, via G, src A, table N, type T, errno NAME, reason NAME, \
sent, delivered, forwarded, queued, connected, dropped, refused, found, missing, or a drop reason's name";

/// Drop reasons that an answer can have.
const REASONS: [DropReason; 51] = [
    DropReason::QdiscDrop,
    DropReason::NotSpecified,
    DropReason::IpInvalidSource,
    DropReason::IpInvalidDest,
    DropReason::IpLocalnet,
    DropReason::IpLocalSource,
    DropReason::IpRpfilter,
    DropReason::IpInAddrErrors,
    DropReason::IpInNoRoutes,
    DropReason::IpOutNoRoutes,
    DropReason::InvalidProto,
    DropReason::IpInHdr,
    DropReason::Ipv6Disabled,
    DropReason::Consumed,
    DropReason::OtherHost,
    DropReason::IpCsum,
    DropReason::PktTooSmall,
    DropReason::UnicastInL2Multicast,
    DropReason::PktTooBig,
    DropReason::IpNoProto,
    DropReason::NoSocket,
    DropReason::SocketRcvbuff,
    DropReason::UdpCsum,
    DropReason::SkbCsum,
    DropReason::TcpCsum,
    DropReason::TcpAuthHdr,
    DropReason::TcpMd5Unexpected,
    DropReason::TcpFlags,
    DropReason::TcpReset,
    DropReason::TcpInvalidAckSequence,
    DropReason::IcmpCsum,
    DropReason::UnhandledProto,
    DropReason::NeighFailed,
    DropReason::NeighCreatefail,
    DropReason::QueuePurge,
    DropReason::NeighQueuefull,
    DropReason::DevReady,
    DropReason::NetfilterDrop,
    DropReason::DupFrag,
    DropReason::FragTooFar,
    DropReason::FragReasmTimeout,
    DropReason::Ipv6BadExthdr,
    DropReason::Ipv6NdiscFrag,
    DropReason::Ipv6NdiscHopLimit,
    DropReason::Ipv6NdiscBadCode,
    DropReason::Ipv6NdiscBadOptions,
    DropReason::Ipv6NdiscNsOtherhost,
    DropReason::MacInvalidSource,
    DropReason::MacIeeeMacControl,
    DropReason::BridgeIngressStpState,
    DropReason::NoTxTarget,
];

impl Expectation {
    /// Reads an expectation.
    pub fn parse(text: &str, names: &Names) -> Result<Expectation, String> {
        let mut words = text.split_whitespace();
        let mut parts = Vec::new();
        while let Some(word) = words.next() {
            let verdict = match word {
                "sent" => Some(Verdict::Sent),
                "delivered" => Some(Verdict::Delivered),
                "forwarded" => Some(Verdict::Forwarded),
                "dropped" => Some(Verdict::Dropped),
                "refused" => Some(Verdict::Refused),
                "queued" => Some(Verdict::Queued),
                "connected" => Some(Verdict::Connected),
                "found" => Some(Verdict::Found),
                "missing" => Some(Verdict::Missing),
                _ => None,
            };
            if let Some(verdict) = verdict {
                parts.push(Part::Verdict(verdict));
                continue;
            }
            let value = |words: &mut dyn Iterator<Item = &'_ str>| {
                words.next().map(str::to_string).ok_or(format!("'{word}' needs a value"))
            };
            parts.push(match word {
                "dev" => Part::Dev(value(&mut words)?),
                "via" | "gateway" => Part::Via(address(word, &value(&mut words)?)?),
                "src" | "from" => Part::Source(address(word, &value(&mut words)?)?),
                "table" => {
                    let id = value(&mut words)?;
                    let table = names.table_id(&id);
                    Part::Table(table.ok_or(format!("'table {id}': expected a table's number or name"))?)
                }
                "type" => {
                    let kind = value(&mut words)?;
                    let known = || (0..=u8::MAX).filter_map(|kind| RouteType(kind).name());
                    one_of(word, kind, "a type", known().collect()).map(Part::Kind)?
                }
                "errno" => {
                    let name = value(&mut words)?;
                    let known = || (1..=133).filter_map(|number| Errno(number).name());
                    one_of(word, name, "an error", known().collect()).map(Part::Errno)?
                }
                "reason" => {
                    let name = value(&mut words)?;
                    one_of(word, name, "a drop reason", REASONS.map(DropReason::name).to_vec())
                        .map(Part::Reason)?
                }
                other if REASONS.iter().any(|reason| reason.name() == other) => Part::Reason(other.into()),
                other => return Err(format!("'{other}' is not part of an expectation; it knows {KNOWN}")),
            });
        }
        if parts.is_empty() {
            return Err(format!("an expectation is empty; it knows {KNOWN}"));
        }
        Ok(Expectation { text: text.to_string(), parts })
    }

    /// Compares an answer: `Some` says what is otherwise than expected.
    pub fn violated_by(&self, explanation: &Explanation) -> Option<String> {
        self.violated(&explanation.outcome, !explanation.otherwise.is_empty())
    }

    /// Compares what becomes of a packet, beside which something else may be possible.
    pub fn violated(&self, outcome: &Outcome, is_open: bool) -> Option<String> {
        let holds = |part: &Part| match part {
            Part::Dev(dev) => outcome.dev.as_ref() == Some(dev) || on_every_leg(outcome, |leg| leg == dev),
            Part::Via(gateway) => same(outcome.gateway.as_ref(), gateway),
            Part::Source(source) => same(outcome.source.as_ref(), source),
            Part::Table(id) => outcome.table == Some(*id),
            Part::Kind(kind) => outcome.kind.as_ref() == Some(kind),
            Part::Errno(name) => outcome.errno_name == Some(name.as_str()),
            Part::Reason(name) => outcome.drop_reason == Some(name.as_str()),
            Part::Verdict(verdict) => outcome.verdict == *verdict,
        };
        let all = self.parts.iter().all(holds) && !is_open;
        (!all).then(|| format!("expected {}, but {}", self.text, outcome.text))
    }
}

fn same(text: Option<&String>, address: &IpAddr) -> bool {
    text.is_some_and(|text| text.parse() == Ok(*address))
}

fn address(key: &str, text: &str) -> Result<IpAddr, String> {
    text.parse().map_err(|_| format!("'{key} {text}': expected an address"))
}

/// A name that can be right; others would never be, whatever the answer.
fn one_of(key: &str, name: String, what: &str, known: Vec<&'static str>) -> Result<String, String> {
    match known.contains(&name.as_str()) {
        true => Ok(name),
        false => Err(format!("'{key} {name}': expected {what}: {}", known.join(", "))),
    }
}

fn on_every_leg(outcome: &Outcome, holds: impl Fn(&String) -> bool) -> bool {
    let legs = &outcome.legs;
    !legs.is_empty() && legs.iter().all(|leg| holds(&leg.dev))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Expectation, String> {
        Expectation::parse(text, &Names::default())
    }

    #[test]
    fn unknown_words_are_refused() {
        assert!(parse("dev").unwrap_err().contains("needs a value"));
        assert!(parse("colour red").unwrap_err().contains("'colour'"));
        assert!(parse("").unwrap_err().contains("empty"));
        assert!(parse("sent dev eth0 via 10.0.0.1 table 254").is_ok());
    }

    #[test]
    fn what_no_answer_can_be_is_refused() {
        assert!(parse("reason BOGUS").unwrap_err().contains("IP_RPFILTER"));
        assert!(parse("errno EBOGUS").unwrap_err().contains("ENETUNREACH"));
        assert!(parse("type bogus").unwrap_err().contains("unicast"));
        assert!(parse("via nonsense").unwrap_err().contains("an address"));
        assert!(parse("src 1.2.3").unwrap_err().contains("an address"));
        assert!(parse("table bogus").unwrap_err().contains("number or name"));
        assert_eq!(parse("table main").unwrap().parts, parse("table 0xfe").unwrap().parts);
        assert!(parse("dropped reason IP_INNOROUTES errno EXDEV type blackhole").is_ok());
    }
}
