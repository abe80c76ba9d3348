//! Everything of one or more namespaces at once.
//!
//! Reading comes first and writing after it, since the header of a snapshot
//! says what could not be seen. What is kept in between are the kernel's own
//! bytes, some 60 for each route.

use std::collections::HashMap;
use std::io::{self, BufWriter, Write};
use std::net::IpAddr;
use std::time::{SystemTime, UNIX_EPOCH};

use fingerpost_model::snapshot::{FORMAT, Header, Line, Netns, Writer};
use fingerpost_model::{BucketFilter, LinkMsg, RouteFilter, RouteMsg};
use fingerpost_net::Family;
use fingerpost_netlink::request::Dump;
use fingerpost_netlink::{Message, ext_mask};

use super::files::{self, Settings};
use super::hidden::{self, Facts};
use super::socket::Dumped;
use super::{Live, Space, order, tools, unlisted};
use crate::{Error, GatewayScope, LegProperties, LookedAt, Unlisted};

/// The tries as text.
const TRIE: &str = "/proc/net/fib_trie";
/// Which tables there are, as text.
const TRIE_STATS: &str = "/proc/net/fib_triestat";
/// Routes beyond which the tries are not read: the kernel walks them anew for
/// each page, which takes half a second for each MB.
const MAX_ROUTES_OF_TRIE: usize = 100_000;
/// Settings named in one sentence on what could not be read, at most.
const MAX_NAMED: usize = 3;

/// What to read.
#[derive(Clone, Debug)]
pub struct CaptureOptions {
    /// Ask `nft`, `iptables-save` and `tc` for their texts.
    pub tools: bool,
    /// Neighbours, which change all the time.
    pub neighbours: bool,
    /// The text of `/proc/net/fib_trie`, unless the tables are very large.
    pub trie: bool,
}

impl Default for CaptureOptions {
    fn default() -> Self {
        CaptureOptions { tools: true, neighbours: true, trie: true }
    }
}

/// Everything read from one or more namespaces, to be written as a snapshot.
#[derive(Debug)]
pub struct Capture {
    header: Header,
    spaces: Vec<Captured>,
}

#[derive(Debug, Default)]
struct Captured {
    netns: Netns,
    /// What was found out about gateways of routes, by the route's number.
    gateways: HashMap<usize, Vec<GatewayScope>>,
    /// What was found out about routes by source, by the route's number.
    looked_at: HashMap<usize, LookedAt>,
    /// What was found out about legs of IPv6 routes, by the route's number.
    legs: HashMap<usize, Vec<LegProperties>>,
    /// IPv6 routes that stand among the legs of others.
    unlisted: Vec<Unlisted>,
    /// Devices, in the order in which they came.
    links: Vec<LinkMsg>,
    /// Multicast groups that devices have joined.
    groups: Vec<(u32, IpAddr)>,
    /// Addresses and netconf.
    first: Vec<Dumped>,
    settings: Vec<(String, String)>,
    /// Rules, nexthops, routes and neighbours.
    last: Vec<Dumped>,
    texts: Vec<(String, String)>,
}

impl Capture {
    /// Nothing yet.
    #[allow(clippy::new_without_default)]
    pub fn new() -> Self {
        let header = Header {
            fingerpost: FORMAT,
            release: files::release(),
            taken: utc(SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs())),
            ..Header::default()
        };
        Capture { header, spaces: Vec::new() }
    }

    /// Reads one more namespace: that in which `live` was opened.
    pub fn add(&mut self, live: &mut Live, options: &CaptureOptions) -> Result<(), Error> {
        let space = &mut live.spaces[0];
        let mut not_seen = Vec::new();
        let captured = read(space, options, &mut not_seen)?;
        let name = &captured.netns.name;
        self.header.not_seen.extend(not_seen.into_iter().map(|sentence| match name.is_empty() {
            true => sentence,
            false => format!("namespace {name}: {sentence}"),
        }));
        self.spaces.push(captured);
        Ok(())
    }

    /// Adds what was found out about the gateways of routes of one namespace,
    /// by its number.
    pub fn know_gateways(&mut self, namespace: usize, found: &[GatewayScope]) {
        let Some(space) = self.spaces.get_mut(namespace) else { return };
        for fact in found {
            space.gateways.entry(fact.route).or_default().push(*fact);
        }
    }

    /// Adds what was found out about the routes by source of one namespace.
    pub fn know_looked_at(&mut self, namespace: usize, found: &[LookedAt]) {
        if let Some(space) = self.spaces.get_mut(namespace) {
            space.looked_at.extend(found.iter().map(|fact| (fact.route, *fact)));
        }
    }

    /// Whether a rule of IPv6 was ever added in one namespace, if that is known.
    pub fn custom_rules6(&self, namespace: usize) -> Option<bool> {
        self.spaces.get(namespace)?.netns.custom_rules6
    }

    /// Adds whether a rule of IPv6 was ever added in one namespace.
    pub fn know_custom_rules6(&mut self, namespace: usize, custom: bool) {
        if let Some(space) = self.spaces.get_mut(namespace) {
            space.netns.custom_rules6 = Some(custom);
        }
    }

    /// Adds what was found out about the legs of IPv6 routes of one namespace.
    pub fn know_legs(&mut self, namespace: usize, found: &[LegProperties]) {
        let Some(space) = self.spaces.get_mut(namespace) else { return };
        for fact in found {
            space.legs.entry(fact.route).or_default().push(fact.clone());
        }
    }

    /// The IPv6 routes of one namespace that no dump shows.
    pub fn unlisted(&self, namespace: usize) -> &[Unlisted] {
        self.spaces.get(namespace).map_or(&[], |space| &space.unlisted)
    }

    /// Adds what was found out about one of them, by its position.
    pub fn know_unlisted(&mut self, namespace: usize, position: usize, found: Unlisted) {
        let place = self.spaces.get_mut(namespace).and_then(|space| space.unlisted.get_mut(position));
        if let Some(place) = place {
            *place = found;
        }
    }

    /// Adds a sentence on what could not be seen.
    pub fn note(&mut self, sentence: String) {
        self.header.not_seen.push(sentence);
    }

    /// The header that the snapshot will have.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Writes the whole snapshot.
    pub fn write(&self, output: impl Write) -> io::Result<()> {
        let mut writer = Writer::new(BufWriter::new(output), &self.header)?;
        self.lines(&mut |line| writer.write(&line))?;
        writer.finish().map(drop)
    }

    /// Hands on every line after the header, in the snapshot's order.
    pub fn lines(&self, each: &mut dyn FnMut(Line) -> io::Result<()>) -> io::Result<()> {
        for space in &self.spaces {
            space.lines(each)?;
        }
        Ok(())
    }
}

impl Captured {
    fn lines(&self, each: &mut dyn FnMut(Line) -> io::Result<()>) -> io::Result<()> {
        each(Line::Netns(self.netns.clone()))?;
        for link in &self.links {
            each(Line::Link(link.clone()))?;
        }
        for &(device, group) in &self.groups {
            each(Line::Group(device, group))?;
        }
        objects(&self.first, each)?;
        for (path, value) in &self.settings {
            each(Line::Sysctl(path.clone(), value.clone()))?;
        }
        let mut routes = 0;
        objects(&self.last, &mut |mut line| {
            if let Line::Route(route) = &mut line {
                for fact in self.gateways.get(&routes).into_iter().flatten() {
                    fact.note_in(route);
                }
                for fact in self.legs.get(&routes).into_iter().flatten() {
                    if let Some(leg) = route.multipath.get_mut(fact.leg) {
                        leg.own = Some(Box::new(fact.own.clone()));
                    }
                }
                let begin = self.unlisted.partition_point(|unlisted| unlisted.route < routes);
                for unlisted in self.unlisted[begin..].iter().take_while(|unlisted| unlisted.route == routes)
                {
                    if let Some(leg) = route.multipath.get_mut(unlisted.leg).filter(|_| unlisted.is_told()) {
                        leg.behind.push(unlisted.msg.clone());
                    }
                }
                route.looked_at = self.looked_at.get(&routes).map(|fact| fact.prefix);
                routes += 1;
            }
            each(line)
        })?;
        for (name, text) in &self.texts {
            each(Line::Text(name.clone(), text.clone()))?;
        }
        Ok(())
    }
}

impl GatewayScope {
    fn note_in(&self, route: &mut RouteMsg) {
        let place = match self.leg {
            None => Some(&mut route.gateway_scope),
            Some(leg) => route.multipath.get_mut(leg).map(|leg| &mut leg.gateway_scope),
        };
        if let Some(place) = place {
            *place = Some(self.scope);
        }
    }
}

fn objects(dumps: &[Dumped], each: &mut dyn FnMut(Line) -> io::Result<()>) -> io::Result<()> {
    for dumped in dumps {
        let mut result = Ok(());
        dumped
            .each(|message| {
                if result.is_ok() {
                    result = each(line(message));
                }
            })
            .map_err(io::Error::other)?;
        result?;
    }
    Ok(())
}

fn line(message: Message) -> Line {
    match message {
        Message::Link(m) => Line::Link(m),
        Message::Address(m) => Line::Address(m),
        Message::Route(m) => Line::Route(m),
        Message::Rule(m) => Line::Rule(m),
        Message::Nexthop(m) if m.bucket.is_some() => Line::Bucket(m),
        Message::Nexthop(m) => Line::Nexthop(m),
        Message::Neighbour(m) => Line::Neighbour(m),
        Message::Netconf(m) => Line::Netconf(m),
        Message::AddrLabel(m) => Line::AddressLabel(m),
        Message::Mroute(m) => Line::MulticastRoute(m),
        Message::MrouteTable(m) => Line::MulticastTable(m),
    }
}

const FAMILIES: [Family; 2] = [Family::V4, Family::V6];

fn read(space: &mut Space, options: &CaptureOptions, not_seen: &mut Vec<String>) -> Result<Captured, Error> {
    let mut captured =
        Captured { netns: Netns { name: space.name.clone(), ..Netns::default() }, ..Captured::default() };
    let links = must(space, &Dump::Links { ext_mask: ext_mask::SKIP_STATS }, not_seen)?;
    let igmp = space.place.run(|| files::read(order::FILE))?;
    captured.netns.groups_read = igmp.is_ok();
    let igmp = igmp.unwrap_or_default();
    captured.groups = order::groups(&igmp);
    let igmp6 = space.place.run(|| files::read(order::FILE6))?;
    captured.groups.extend(igmp6.iter().flat_map(|text| order::groups6(text)));
    let mut sorted = Vec::new();
    links.each(|message| {
        if let Message::Link(link) = message {
            sorted.push(link);
        }
    })?;
    captured.links = order::arrange(sorted, &order::listed(&igmp));
    for family in FAMILIES {
        captured.first.push(must(space, &Dump::Addresses(family), not_seen)?);
    }
    for family in FAMILIES {
        captured.first.extend(may(space, &Dump::Netconf(family), not_seen)?);
    }
    let settings = space.place.run(files::settings)?;
    for family in FAMILIES {
        captured.last.push(must(space, &Dump::Rules(family), not_seen)?);
    }
    captured.last.extend(may(space, &Dump::Nexthops, not_seen)?);
    if has_resilient_group(&captured.last)? {
        captured.last.extend(may(space, &Dump::NexthopBuckets(BucketFilter::default()), not_seen)?);
    }
    for family in FAMILIES {
        let filter = RouteFilter { family: Some(family), ..RouteFilter::default() };
        captured.last.push(must(space, &Dump::Routes(filter), not_seen)?);
    }
    for family in FAMILIES {
        let exceptions = RouteFilter { family: Some(family), cached: true, ..RouteFilter::default() };
        captured.last.extend(may(space, &Dump::Routes(exceptions), not_seen)?);
    }
    let labels = may(space, &Dump::AddrLabels, not_seen)?;
    captured.netns.labels_read = labels.is_some();
    captured.last.extend(labels);
    if routes_multicast(&settings) {
        captured.last.extend(may(space, &Dump::MrouteTables, not_seen)?);
        captured.last.extend(may(space, &Dump::Mroutes(Family::V4, None), not_seen)?);
    }
    if options.neighbours {
        for (family, proxy) in
            [(Family::V4, false), (Family::V4, true), (Family::V6, false), (Family::V6, true)]
        {
            captured.last.extend(may(space, &Dump::Neighbours { family, proxy }, not_seen)?);
        }
    }
    if let Some(lines) = unlisted::lines_to_read(&captured.last)? {
        match space.place.run(|| files::read_at_most(unlisted::FILE, lines * unlisted::LINE))? {
            Ok(text) => {
                let (found, apart) = unlisted::find(&text, &captured.last, &captured.links)?;
                captured.unlisted = found;
                if apart > 0 {
                    not_seen.push(format!(
                        "IPv6 routes among the legs of others: of {apart} destinations, which changed meanwhile"
                    ));
                }
            }
            Err(error) => {
                not_seen.push(format!("IPv6 routes that no dump shows: {}: {error}", unlisted::FILE))
            }
        }
    }
    let mut facts = facts(&captured, &settings)?;
    let large = facts.routes > MAX_ROUTES_OF_TRIE;
    if options.trie && large {
        not_seen.push(format!("{TRIE}: not read, since {} routes make it very long", facts.routes));
    }
    let mut wanted = vec![TRIE_STATS];
    if !large && (options.trie || facts.needs_trie()) {
        wanted.push(TRIE);
    }
    for path in wanted {
        match space.place.run(|| files::read(path))? {
            Ok(text) => captured.texts.push((path.to_string(), text)),
            Err(error) => not_seen.push(format!("{path}: {error}")),
        }
    }
    facts.fib_trie = captured.texts.iter().find(|(name, _)| name == TRIE).map(|(_, text)| text.clone());
    if options.tools {
        let texts = space.place.run(tools::texts)?;
        captured.texts.extend(texts.texts);
        not_seen.extend(texts.not_seen);
    }
    hidden::find(space, &facts, &mut captured.netns);
    not_seen.extend(unreadable(&settings));
    captured.settings = settings.values;
    Ok(captured)
}

/// Whether a daemon routes IPv4 multicast.
fn routes_multicast(settings: &Settings) -> bool {
    let routes = |(path, value): &(String, String)| {
        path.ends_with("ipv4/conf/all/mc_forwarding") && value.trim() != "0"
    };
    settings.values.iter().any(routes)
}

fn has_resilient_group(dumps: &[Dumped]) -> Result<bool, Error> {
    let mut found = false;
    for dumped in dumps {
        dumped.each(|message| {
            found |= matches!(message, Message::Nexthop(object) if object.resilient.is_some())
        })?;
    }
    Ok(found)
}

/// A dump without which there is no snapshot.
fn must(space: &mut Space, what: &Dump, not_seen: &mut Vec<String>) -> Result<Dumped, Error> {
    let dumped = space.socket.dump(what)?;
    if dumped.interrupted {
        not_seen.push(format!(
            "{}: they changed while they were read, each time; the list may be inconsistent",
            dumped.what()
        ));
    }
    Ok(dumped)
}

/// A dump that old kernels do not have.
fn may(space: &mut Space, what: &Dump, not_seen: &mut Vec<String>) -> Result<Option<Dumped>, Error> {
    match must(space, what, not_seen) {
        Ok(dumped) => Ok(Some(dumped)),
        Err(Error::Refused { what, refusal }) => {
            not_seen.push(format!("{what}: {refusal}"));
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

fn facts(captured: &Captured, settings: &Settings) -> Result<Facts, Error> {
    let settings: HashMap<_, _> = settings.values.iter().cloned().collect();
    let mut facts = Facts::new(settings);
    facts.links = captured.links.iter().map(|link| (link.index, link.clone())).collect();
    for dumped in &captured.last {
        dumped.each(|message| match message {
            Message::Rule(rule) if rule.family == Family::V4 => facts.rules.push(rule),
            Message::Route(route) if route.family == Family::V4 => facts.learn_route(&route),
            _ => {}
        })?;
    }
    Ok(facts)
}

fn unreadable(settings: &Settings) -> Option<String> {
    let (first, error) = settings.unreadable.first()?;
    let named: Vec<&str> =
        settings.unreadable.iter().take(MAX_NAMED).map(|(path, _)| path.as_str()).collect();
    let more = settings.unreadable.len().saturating_sub(MAX_NAMED);
    Some(match more {
        0 if named.len() == 1 => format!("setting {first}: {error}"),
        0 => format!("settings {}: {error}", named.join(", ")),
        _ => format!("settings {} and {more} more: {error}", named.join(", ")),
    })
}

/// Seconds since 1970 in RFC 3339 form.
fn utc(seconds: u64) -> String {
    let (days, second) = (seconds / 86400, seconds % 86400);
    // Years that start in March, in eras of 400 years.
    let shifted = days + 719_468;
    let (era, day) = (shifted / 146_097, shifted % 146_097);
    let year = (day - day / 1460 + day / 36524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, carry) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    let year = era * 400 + year + carry;
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", second / 3600, second / 60 % 60, second % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_rfc_3339() {
        assert_eq!(utc(0), "1970-01-01T00:00:00Z");
        assert_eq!(utc(951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(utc(1_767_225_599), "2025-12-31T23:59:59Z");
    }
}
