//! An explanation as data: the schema of `explain --json`.

use std::collections::BTreeSet;
use std::net::IpAddr;

use fingerpost_engine::trace::Purpose;
use serde::Serialize;

use super::Question;

/// The schema's version.
pub const SCHEMA: u32 = 1;

/// The whole answer to one question.
#[derive(Clone, Debug, Serialize)]
pub struct Explanation {
    /// Version of this schema.
    pub schema: u32,
    /// The kernel release whose behaviour is described.
    pub release: String,
    /// The question in `ip route get`'s grammar.
    pub question: String,
    /// The question's parts.
    pub asked: Question,
    /// What a firewall's rule asks about the packet, when that is the question.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fib: Option<String>,
    /// The lookups in the order in which the kernel makes them.
    pub lookups: Vec<LookupReport>,
    /// What becomes of the packet.
    pub outcome: Outcome,
    /// What `ip route get` can answer, for families where a packet can fare
    /// otherwise; empty where its answers are the outcome and the others.
    #[serde(skip)]
    pub route_get: Vec<Outcome>,
    /// Nexthop objects of IPv6 whose cached decisions counted.
    #[serde(skip)]
    pub objects: BTreeSet<u32>,
    /// What could not be read from the host.
    pub not_seen: Vec<String>,
    /// What is not modelled and could change the answer.
    pub unknown: Vec<String>,
    /// Points in which releases differ, that this answer turns on, and that were
    /// not compared with a running kernel of this release.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unverified: Vec<&'static str>,
    /// Other answers that are possible because something could not be found out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub otherwise: Vec<Alternative>,
}

/// Another possible answer.
#[derive(Clone, Debug, Serialize)]
pub struct Alternative {
    /// Under which assumption.
    pub when: String,
    /// The answer then.
    pub outcome: Outcome,
}

/// One lookup: its purpose and key, what it tried, what it found.
#[derive(Clone, Debug, Serialize)]
pub struct LookupReport {
    /// Why it is made.
    pub purpose: &'static str,
    /// The kernel function that makes it.
    pub function: &'static str,
    /// What is looked up.
    pub key: Key,
    /// Whether the rules are evaluated: until a rule is first changed, main and default are searched directly,
    /// and so is a VRF's table for what is of one link.
    pub rules_evaluated: bool,
    /// Rules in order, those after the deciding one included.
    pub rules: Vec<RuleReport>,
    /// Tables in the order in which they are searched.
    pub tables: Vec<TableReport>,
    /// What it found: a route, or an error's name.
    pub result: Option<String>,
    /// Position in `rules` of the rule that decides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deciding_rule: Option<usize>,
    /// The error's name, where it ended with one.
    #[serde(skip)]
    pub error: Option<&'static str>,
    /// The hop of the route that it found; none where several are possible.
    #[serde(skip)]
    pub hop: Option<Hop>,
    /// Remarks in order: choice of path, source, reverse path.
    pub steps: Vec<Step>,
}

/// A route's next step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hop {
    /// Its device.
    pub dev: String,
    /// Its gateway.
    pub gateway: Option<IpAddr>,
}

/// Something that a lookup settled besides rules and tables.
#[derive(Clone, Debug, Serialize)]
pub struct Step {
    /// What it is about: `path`, `default`, `gateway`, `source`, `candidate`, `device`, `on-link`, `scope`,
    /// `subtree`, `reverse path`, `receive`, `forward`, `learned`, `cache`, `icmp`.
    pub about: &'static str,
    /// In plain words.
    pub text: String,
    /// The kernel function.
    pub function: &'static str,
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// What a lookup looks at. Absent fields are unset.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Key {
    /// Destination.
    pub to: String,
    /// Source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Ingress device.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub iif: Option<String>,
    /// Egress device demanded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oif: Option<String>,
    /// VRF.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vrf: Option<String>,
    /// Mark.
    pub mark: u32,
    /// Type of service without ECN bits.
    pub tos: u8,
    /// User id.
    pub uid: u32,
    /// Transport protocol, 0 when not looked at.
    pub ipproto: u8,
    /// Source port.
    pub sport: u16,
    /// Destination port.
    pub dport: u16,
    /// Flow label; absent when 0.
    #[serde(skip_serializing_if = "is_zero")]
    pub flowlabel: u32,
}

/// What became of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleVerdict {
    /// A selector does not fit.
    Skipped,
    /// It matched; its table does not exist.
    NoTable,
    /// It matched; nothing in its table fits.
    NoMatch,
    /// It matched; its result was discarded.
    Suppressed,
    /// It matched and decides.
    Found,
    /// It matched and jumps.
    Goto,
    /// It matched; its target does not exist.
    Unresolved,
    /// It matched and does nothing.
    Nop,
    /// It matched and ends the lookup with an error.
    Error,
    /// The lookup was over before it.
    NotReached,
}

/// One rule.
#[derive(Clone, Debug, Serialize)]
pub struct RuleReport {
    /// Preference.
    pub pref: u32,
    /// The rule as `ip rule` writes it.
    pub rule: String,
    /// What became of it.
    pub verdict: RuleVerdict,
    /// For a skipped one: the first selector that fails; `not` for one that matches but is negated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub selector: Option<&'static str>,
    /// What the rule demands there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule_value: Option<String>,
    /// What the flow has there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub flow_value: Option<String>,
    /// All selectors that fail.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub failing: Vec<&'static str>,
    /// More in plain words: what was discarded and why, where a jump leads, what it would have given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Position in `tables` of the table that it searched.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table: Option<usize>,
}

/// One search of one table.
#[derive(Clone, Debug, Serialize)]
pub struct TableReport {
    /// Its id.
    pub id: u32,
    /// Its name.
    pub name: String,
    /// The kernel function that searches it.
    pub function: &'static str,
    /// The route that it gave, or that ended the search with an error.
    pub route: Option<RouteReport>,
    /// More specific routes, and equal ones before it, that were passed over.
    pub passed_over: Vec<PassedOverReport>,
    /// For IPv6, the next shorter prefix that fits, when that one's route was not
    /// looked at since the longer one goes before any metric.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shorter: Option<String>,
}

/// A route.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RouteReport {
    /// Its prefix.
    pub prefix: String,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: String,
    /// The route in words, as `ip route` writes it.
    pub text: String,
    /// The error it answers with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// A route that contains the destination but was not taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PassedOverReport {
    /// The route in words.
    pub route: String,
    /// Why, in words.
    pub reason: String,
}

/// The kind of ending.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// A packet made here leaves by a device.
    Sent,
    /// It is for this host.
    Delivered,
    /// A received packet leaves by another device.
    Forwarded,
    /// A received packet is dropped.
    Dropped,
    /// A packet made here cannot be sent.
    Refused,
    /// It waits: for its neighbour's address, or for the rest of its datagram.
    Queued,
    /// A socket is connected, for which no packet is sent.
    Connected,
    /// It meets what is not modelled.
    Unknown,
    /// A firewall is given something: a device, a type.
    Found,
    /// A firewall is given nothing: the route back is missing.
    Missing,
}

/// One leg of a multipath route whose choice cannot be told.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Leg {
    /// Device.
    pub dev: String,
    /// Gateway.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gateway: Option<String>,
    /// The source that packets made here get, if the question leaves it open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Its share of all flows, 0 to 1.
    pub share: f64,
}

/// What becomes of the packet.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Outcome {
    /// The kind of ending.
    pub verdict: Verdict,
    /// The answer in one sentence.
    pub text: String,
    /// The device that it leaves by, or loopback.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dev: Option<String>,
    /// The gateway.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gateway: Option<String>,
    /// The source address that it gets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// The table that decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table: Option<u32>,
    /// Type of the decision.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// MTU in bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mtu: Option<u32>,
    /// What happens on receive: the kernel function.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input: Option<&'static str>,
    /// What happens on transmit: the kernel function.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output: Option<&'static str>,
    /// Whether an ICMP redirect goes back to the sender.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub redirect: bool,
    /// The error number of a refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub errno: Option<i32>,
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub errno_name: Option<&'static str>,
    /// The kernel's drop reason, `SKB_DROP_REASON_…` without that prefix.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drop_reason: Option<&'static str>,
    /// Counters that move on the real machine, as `nstat` names them.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub counters: Vec<&'static str>,
    /// The ICMP message that the sender gets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub icmp: Option<&'static str>,
    /// Whether the firewall's rule matches, where it compares what it is given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub matches: Option<bool>,
    /// The legs among which a hash with an unknown seed chooses.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub legs: Vec<Leg>,
}

/// Purpose and kernel function of an IPv4 lookup.
pub fn purpose(purpose: Purpose) -> (&'static str, &'static str) {
    match purpose {
        Purpose::Output => ("output", "ip_route_output_key_hash_rcu"),
        Purpose::Input => ("input", "ip_route_input_slow"),
        Purpose::ReversePath => ("reverse path", "__fib_validate_source"),
        Purpose::ReversePathOnDevice => ("reverse path on the ingress device", "__fib_validate_source"),
        Purpose::OwnAddress => ("own address", "__ip_dev_find"),
        Purpose::Gateway => ("gateway", "fib_check_nh"),
        Purpose::Fib => ("fib", "nft_fib4_eval"),
        Purpose::Rpfilter => ("rpfilter", "rpfilter_lookup_reverse"),
        Purpose::AddressType => ("address type", "inet_dev_addr_type"),
    }
}

/// Purpose and kernel function of an IPv6 lookup.
pub fn purpose6(why: Purpose) -> (&'static str, &'static str) {
    let (name, _) = purpose(why);
    match why {
        Purpose::Input => (name, "ip6_route_input_lookup"),
        Purpose::Fib => (name, "nft_fib6_eval"),
        Purpose::Rpfilter => (name, "rpfilter_lookup_reverse6"),
        _ => (name, "ip6_route_output_flags"),
    }
}
