//! What no dump shows, found out by asking.
//!
//! A kernel forgets nothing of three things: that a policy rule was ever added
//! or deleted, that a `local` route was ever added by hand, and that realms are
//! in use. Each changes answers; none is listed anywhere.
//!
//! - *Rules.* Before the first change the tables local and main are one trie,
//!   and an answer from it names main even for a local address (C-006 to
//!   C-009). `/proc/net/fib_trie` shows the same, for hosts without addresses.
//! - *Local routes and realms.* Either turns the quick source check off. A
//!   packet from a subnet's broadcast address to one of our own passes the
//!   quick check and fails the full one (C-207, C-033, T-22). The question
//!   tells only where reverse-path filter and accept_local are off.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::thread::sleep;
use std::time::Duration;

use fingerpost_model::snapshot::Netns;
use fingerpost_model::{
    LinkFlags, LinkMsg, RouteFilter, RouteFlags, RouteMsg, RouteType, RuleAction, RuleMsg, TableId, proto,
};
use fingerpost_net::{Errno, Family, IpPrefix};
use fingerpost_netlink::request::Dump;

use super::Space;

/// Longer than freed realms are still counted (T-22).
const GRACE: Duration = Duration::from_millis(60);
/// Subnets that are tried, at most.
const MAX_CANDIDATES: usize = 16;

/// What the dumps tell.
#[derive(Debug, Default)]
pub(super) struct Facts {
    /// IPv4 rules.
    pub rules: Vec<RuleMsg>,
    /// Devices by index.
    pub links: HashMap<u32, LinkMsg>,
    /// Settings by path below `/proc/sys/net`.
    settings: HashMap<String, String>,
    /// The text of `/proc/net/fib_trie`.
    pub fib_trie: Option<String>,
    /// How many IPv4 routes there are.
    pub routes: usize,
    local_by_hand: bool,
    realms: bool,
    in_main: usize,
    in_local: usize,
    own: Vec<Ipv4Addr>,
    broadcasts: Vec<(Ipv4Addr, u32)>,
}

impl Facts {
    /// Facts that do not come from a dump; the rest is to be learned.
    pub fn new(settings: HashMap<String, String>) -> Self {
        Facts { settings, ..Facts::default() }
    }

    /// Whether only the tries can tell if rules were ever changed.
    pub fn needs_trie(&self) -> bool {
        self.own.is_empty() && are_default(&self.rules)
    }

    /// Learns from an IPv4 route.
    pub fn learn_route(&mut self, route: &RouteMsg) {
        self.routes += 1;
        self.realms |= route.realms.is_some() || route.multipath.iter().any(|leg| leg.realms.is_some());
        self.local_by_hand |= route.kind == RouteType::LOCAL && route.protocol != proto::KERNEL;
        match route.table {
            TableId::MAIN => self.in_main += 1,
            TableId::LOCAL => self.in_local += 1,
            _ => {}
        }
        let (Some(IpPrefix { addr: IpAddr::V4(addr), len: 32 }), TableId::LOCAL) = (route.dst, route.table)
        else {
            return;
        };
        let dead = route.flags.any(RouteFlags::DEAD | RouteFlags::LINKDOWN);
        match (route.kind, route.oif) {
            (RouteType::LOCAL, _) => self.own.push(addr),
            (RouteType::BROADCAST, Some(oif)) if !dead => self.broadcasts.push((addr, oif)),
            _ => {}
        }
    }

    fn setting(&self, path: &str) -> Option<u32> {
        self.settings.get(path)?.trim().parse().ok()
    }

    /// Whether a question through this device tells the quick check from the full one.
    fn tells(&self, device: u32) -> bool {
        let Some(link) = self.links.get(&device) else { return false };
        let Some(name) = &link.name else { return false };
        let off = |setting: &str| {
            let of = |which: &str| self.setting(&format!("ipv4/conf/{which}/{setting}")) == Some(0);
            of("all") && of(name)
        };
        link.flags.has(LinkFlags::UP | LinkFlags::LOWER_UP)
            && !link.flags.has(LinkFlags::LOOPBACK)
            && link.master.is_none()
            && off("rp_filter")
            && off("accept_local")
    }
}

/// Fills in what can be found out.
pub(super) fn find(space: &mut Space, facts: &Facts, netns: &mut Netns) {
    netns.hash_seed = facts.setting("ipv4/fib_multipath_hash_seed").filter(|&seed| seed != 0);
    netns.custom_rules = custom_rules(space, facts);
    let realms = facts.realms || facts.rules.iter().any(|rule| rule.realms.is_some());
    netns.realm_users = Some(realms);
    netns.custom_local_routes = facts.local_by_hand.then_some(true);
    match full_check(space, facts) {
        Some(false) => {
            netns.custom_rules = Some(false);
            netns.custom_local_routes = Some(false);
            netns.realm_users = Some(false);
        }
        // One of the three it must be.
        Some(true) if netns.custom_rules == Some(false) && !realms => netns.custom_local_routes = Some(true),
        _ => {}
    }
}

fn custom_rules(space: &mut Space, facts: &Facts) -> Option<bool> {
    if !are_default(&facts.rules) {
        return Some(true);
    }
    if let Some(&own) = facts.own.first() {
        let mut question = host_question(own);
        question.flags = RouteFlags::LOOKUP_TABLE;
        if let Ok(answer) = space.get_route(&question) {
            match answer.table {
                TableId::MAIN => return Some(false),
                TableId::LOCAL => return Some(true),
                _ => {}
            }
        }
    }
    let tries = Tries::read(facts.fib_trie.as_deref()?);
    tries.merged(facts.in_main, facts.in_local, || local_exists(space)).map(|merged| !merged)
}

/// The three rules that a namespace starts with (C-090), and nothing else.
fn are_default(rules: &[RuleMsg]) -> bool {
    let expected = [(0, TableId::LOCAL), (32766, TableId::MAIN), (32767, TableId::DEFAULT)];
    rules.len() == expected.len()
        && rules.iter().zip(expected).all(|(rule, (priority, table))| {
            let mut plain = RuleMsg::new(Family::V4);
            plain.priority = rule.priority;
            plain.action = RuleAction::TO_TABLE;
            plain.table = table;
            plain.protocol = rule.protocol;
            plain.suppress_prefixlen = rule.suppress_prefixlen;
            *rule == plain
                && rule.priority.unwrap_or(0) == priority
                && rule.protocol.is_none_or(|by| by == proto::KERNEL)
                && rule.suppress_prefixlen.is_none_or(|len| len == -1)
        })
}

fn local_exists(space: &mut Space) -> bool {
    let filter =
        RouteFilter { family: Some(Family::V4), table: Some(TableId::LOCAL), ..RouteFilter::default() };
    space.socket.dump(&Dump::Routes(filter)).is_ok()
}

fn host_question(to: Ipv4Addr) -> RouteMsg {
    let mut question = RouteMsg::new(Family::V4);
    question.dst = Some(IpPrefix::host(to.into()));
    question
}

/// How many entries each trie has, as `/proc/net/fib_trie` prints them; `None` for one that is not printed.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tries {
    main: Option<usize>,
    local: Option<usize>,
}

impl Tries {
    fn read(text: &str) -> Self {
        let mut tries = Tries::default();
        let mut other = None;
        let mut current = &mut other;
        for line in text.lines() {
            if line.starts_with("Main:") {
                current = &mut tries.main;
            } else if line.starts_with("Local:") {
                current = &mut tries.local;
            } else if line.starts_with("Id ") {
                current = &mut other;
            } else if line.trim_start().starts_with('/') {
                *current.get_or_insert(0) += 1;
            }
        }
        tries
    }

    /// Whether main and local are one trie, given how many routes the tables have.
    fn merged(&self, in_main: usize, in_local: usize, local_exists: impl FnOnce() -> bool) -> Option<bool> {
        let main = self.main.unwrap_or(0);
        match (in_main, in_local) {
            (0, 0) => None,
            (_, 0) if self.local == Some(in_main) && main == in_main => Some(true),
            // A table that was split off and is empty prints nothing, nor does one that never was.
            (_, 0) if self.local.is_none() && main == in_main => local_exists().then_some(false),
            (_, 0) => None,
            _ if main == in_main + in_local && self.local == self.main => Some(true),
            _ if main == in_main && self.local == Some(in_local) => Some(false),
            _ => None,
        }
    }
}

/// Whether the full source check is on; `None` where no question can tell.
fn full_check(space: &mut Space, facts: &Facts) -> Option<bool> {
    let own = *facts.own.iter().find(|addr| !addr.is_loopback())?;
    let candidates = facts.broadcasts.iter().filter(|(_, device)| facts.tells(*device));
    for &(broadcast, device) in candidates.take(MAX_CANDIDATES) {
        if let Some(full) = ask(space, own, broadcast, device) {
            return Some(full);
        }
    }
    None
}

fn ask(space: &mut Space, own: Ipv4Addr, broadcast: Ipv4Addr, device: u32) -> Option<bool> {
    // The full check must find the broadcast route, or it would pass as well.
    if space.get_route(&host_question(broadcast)).ok()?.kind != RouteType::BROADCAST {
        return None;
    }
    let mut question = host_question(own);
    question.src = Some(IpPrefix::host(broadcast.into()));
    question.iif = Some(device);
    for _ in 0..3 {
        match space.get_route(&question) {
            Ok(answer) if answer.kind == RouteType::LOCAL => return Some(false),
            Err(refusal) if refusal.errno == Errno::EINVAL => sleep(GRACE),
            _ => return None,
        }
    }
    Some(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "  +-- 0.0.0.0/0 2 0 2\n     |-- 10.0.0.0\n        /24 link UNICAST\n";

    #[test]
    fn equal_tries_are_merged_ones() {
        let both = format!("Main:\n{ONE}        /32 host LOCAL\nLocal:\n{ONE}        /32 host LOCAL\n");
        assert_eq!(Tries::read(&both), Tries { main: Some(2), local: Some(2) });
        assert_eq!(Tries::read(&both).merged(1, 1, || true), Some(true), "C-006");
        assert_eq!(Tries::read(&both).merged(2, 2, || true), Some(false), "equal by chance, but two");
        assert_eq!(Tries::read(&both).merged(7, 1, || true), None, "changed meanwhile");
    }

    #[test]
    fn an_empty_local_table_is_ambiguous_unless_it_is_printed() {
        let one = Tries::read(&format!("Id 7:\n{ONE}Main:\n{ONE}"));
        assert_eq!(one, Tries { main: Some(1), local: None });
        assert_eq!(one.merged(1, 0, || true), Some(false));
        assert_eq!(one.merged(1, 0, || false), None);
        let two = Tries::read(&format!("Main:\n{ONE}Local:\n{ONE}"));
        assert_eq!(two.merged(1, 0, || true), Some(true));
        assert_eq!(Tries::read("").merged(0, 0, || true), None);
    }
}
