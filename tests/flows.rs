//! What `flows` answers is what `explain` says.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};

use fingerpost::explain::{Asked, Question, add_alternatives, explain};
use fingerpost::flows::{Answerer, Row, Verdict};
use fingerpost::script::{Runner, Script};
use fingerpost_engine::lookup::hash::Asker;
use fingerpost_engine::{Behaviour, Namespace, World};
use fingerpost_iproute::Names;
use fingerpost_model::NsId;
use fingerpost_model::snapshot::Netns;
use fingerpost_net::{Family, IpPrefix, Prefix, Rng};
use fingerpost_testkit::generate::{self, Devices, Shape};
use serde_json::Value;

/// Configurations of random scripts for each family, each as it is at the end.
const CONFIGURATIONS: u64 = 150;
/// Questions to each.
const QUESTIONS: usize = 60;

/// The host that a random script leaves; lines that are refused, or that are for a
/// kernel alone, change nothing. Of every third the multipath seed is not known.
fn host(family: Family, index: u64) -> World {
    let mut world = World::new(1, Behaviour::default());
    let names = Names::default();
    let shape = Shape { questions: 0, theme: None, devices: Devices::All, family };
    for line in generate::scenario(20_261_123, index, shape) {
        let Ok(script) = Script::parse(&line) else { continue };
        let mut runner = Runner { world: &mut world, ns: NsId(0), names: &names };
        script.commands().iter().for_each(|command| drop(runner.run(&command.words)));
    }
    world.pass(3_000);
    if index.is_multiple_of(3) {
        let (space, _) = world.ns_mut(NsId(0)).expect("the first namespace");
        space.config.sysctl.fib_multipath_hash_seed = 0;
    }
    world
}

/// What was found out about a namespace: everything, or nothing; `None` where there
/// was nothing to find out, since the configuration was made here.
fn found_out(index: u64) -> Option<Netns> {
    match index % 4 {
        0 => Some(Netns::default()),
        1 => Some(Netns {
            custom_rules: Some(true),
            custom_rules6: Some(true),
            custom_local_routes: Some(true),
            realm_users: Some(true),
            ..Netns::default()
        }),
        _ => None,
    }
}

/// Addresses and devices that questions are about.
struct Picture {
    random: Rng,
    prefixes: Vec<IpPrefix>,
    addrs: Vec<String>,
    devices: Vec<String>,
}

impl Picture {
    fn of(space: &Namespace, family: Family, seed: u64) -> Self {
        let config = &space.config;
        let mut prefixes: Vec<IpPrefix> = Vec::new();
        for table in &config.fib.tables {
            for (addr, entries) in config.fib.trie(table).leaves() {
                let own = entries.iter().filter_map(|entry| Prefix::containing(addr, entry.alias.len).ok());
                prefixes.extend(own.map(IpPrefix::from));
            }
        }
        let routes6 = config.fib6.tables.iter().flat_map(|table| table.routes());
        prefixes.extend(routes6.map(|route| IpPrefix::from(route.dst)));
        prefixes.retain(|prefix| prefix.family() == family);
        let mut addrs = Vec::new();
        for link in config.links.in_order() {
            addrs.extend(link.ipv4.iter().flat_map(|ipv4| &ipv4.addrs).map(|addr| addr.local.to_string()));
            addrs.extend(link.ipv6.iter().flat_map(|ipv6| &ipv6.addrs).map(|addr| addr.addr.to_string()));
        }
        addrs.retain(|addr| addr.contains(':') == (family == Family::V6));
        let devices = config.links.in_order().map(|link| link.name().to_string()).collect();
        Picture { random: Rng::new(seed), prefixes, addrs, devices }
    }

    fn one_in(&mut self, n: u64) -> bool {
        self.random.chance(1, n)
    }

    /// An address of some route, or any.
    fn address(&mut self, family: Family) -> String {
        let any = u128::from(self.random.next_u64()) << 64 | u128::from(self.random.next_u64());
        let prefix = self.random.pick(&self.prefixes).copied().filter(|_| !self.random.chance(1, 8));
        let ones = |width: u32, len: u8| {
            u128::MAX >> (128 - width) & !(u128::MAX << (width - u32::from(len)).min(127))
        };
        let pick = [0, 1, any, u128::MAX][self.random.below(4) as usize];
        match (family, prefix.map(|prefix| (prefix.addr, prefix.len))) {
            (Family::V4, Some((std::net::IpAddr::V4(addr), len))) => {
                Ipv4Addr::from_bits(addr.to_bits() | (pick & ones(32, len)) as u32).to_string()
            }
            (Family::V6, Some((std::net::IpAddr::V6(addr), len))) => {
                Ipv6Addr::from_bits(addr.to_bits() | pick & ones(128, len)).to_string()
            }
            (Family::V4, _) => Ipv4Addr::from_bits(any as u32).to_string(),
            (Family::V6, _) => Ipv6Addr::from_bits(any).to_string(),
        }
    }

    fn question(&mut self, family: Family) -> Question {
        let mut question = Question { to: self.address(family), ..Question::default() };
        if self.one_in(2) {
            question.iif = self.random.pick(&self.devices).cloned();
        } else if self.one_in(4) {
            question.oif = self.random.pick(&self.devices).cloned();
        }
        if question.iif.is_some() || self.one_in(4) {
            let own = self.random.pick(&self.addrs).cloned().filter(|_| self.random.chance(1, 3));
            question.from = Some(own.unwrap_or_else(|| self.address(family)));
            // Of IPv4, of which packets of IPv6 are not.
            if family == Family::V6 && self.one_in(8) {
                question.from = Some("::ffff:10.0.0.1".into());
            }
        }
        question.mark =
            self.random.pick(&[None, None, Some(1), Some(2), Some(0x10), Some(0xff)]).copied().flatten();
        question.tos = self.random.pick(&[None, None, Some(0x10), Some(0x08), Some(0xb8)]).copied().flatten();
        question.uid = self.random.pick(&[None, Some(0), Some(1000)]).copied().flatten();
        if self.one_in(2) {
            question.ipproto = self.random.pick(&[1, 6, 17]).copied();
            question.dport = self.random.pick(&[53, 443]).copied();
        }
        if family == Family::V6 && self.one_in(8) {
            question.flowlabel = Some(5);
        }
        question
    }
}

/// A row as text.
fn told(space: &Namespace, row: &Row) -> BTreeMap<&'static str, String> {
    let verdict = format!("{:?}", row.verdict).to_lowercase();
    let device = row.device.map(|index| space.config.links.get(index).expect("a device").name().to_string());
    let columns = [
        ("verdict", Some(verdict)),
        ("device", device),
        ("gateway", row.gateway.map(|addr| addr.to_string())),
        ("source", row.source.map(|addr| addr.to_string())),
        ("table", row.table.map(|table| table.0.to_string())),
        ("rule", row.rule.map(|rule| rule.to_string())),
        ("route", row.route.map(|route| format!("{}/{}", route.addr, route.len))),
    ];
    columns.into_iter().filter_map(|(name, text)| Some((name, text?))).collect()
}

/// The columns as `explain --json` has them.
fn explained(asked: Asked<'_>, netns: Option<&Netns>, question: &Question) -> BTreeMap<&'static str, String> {
    let mut explanation = explain(asked, question).expect("a question");
    if let Some(netns) = netns {
        add_alternatives(asked, netns, question, &mut explanation).expect("alternatives");
    }
    let json = serde_json::to_value(&explanation).expect("JSON");
    if json["unknown"].as_array().is_some_and(|unknown| !unknown.is_empty())
        || json.get("otherwise").is_some()
    {
        return BTreeMap::from([("verdict", "unknown".to_string())]);
    }
    let text = |value: &Value| match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    };
    let outcome = &json["outcome"];
    let lookups = json["lookups"].as_array().expect("lookups");
    let own = lookups.iter().rfind(|lookup| lookup["purpose"] == "output" || lookup["purpose"] == "input");
    let own = own.unwrap_or(&Value::Null);
    let overridden =
        own["steps"].as_array().is_some_and(|steps| steps.iter().any(|step| step["about"] == "on-link"));
    let own = if overridden { &Value::Null } else { own };
    let rule = own["deciding_rule"].as_u64().map(|at| &own["rules"][at as usize]);
    let route = match own["rules_evaluated"].as_bool() {
        Some(true) => {
            rule.and_then(|rule| rule["table"].as_u64()).map(|at| &own["tables"][at as usize]["route"])
        }
        _ => own["tables"].as_array().and_then(|tables| tables.last()).map(|table| &table["route"]),
    };
    let route = route.filter(|route| route["error"] != "EAGAIN");
    let columns = [
        ("verdict", text(&outcome["verdict"])),
        ("device", text(&outcome["dev"])),
        ("gateway", text(&outcome["gateway"])),
        ("source", text(&outcome["source"])),
        ("table", text(&outcome["table"])),
        ("rule", rule.and_then(|rule| text(&rule["pref"]))),
        ("route", route.and_then(|route| text(&route["prefix"]))),
    ];
    columns.into_iter().filter_map(|(name, text)| Some((name, text?))).collect()
}

/// How often something was so.
type Counts = BTreeMap<String, usize>;

/// Compares the answers to questions, asked together; counts the verdicts, and as `looked
/// up` the answers that needed no explanation.
fn compare(world: &World, netns: Option<&Netns>, questions: &[Question], place: &str, counts: &mut Counts) {
    let mut count = |what: &str| *counts.entry(what.to_string()).or_insert(0) += 1;
    let names = Names::default();
    let space = world.ns(NsId(0)).expect("the first namespace");
    let asked = Asked {
        ns: space,
        behaviour: &world.behaviour,
        now: world.now,
        uid: world.uid,
        names: &names,
        asker: Asker::Socket,
        assumed_choice: None,
        assumed_cached: None,
    };
    let answerer = Answerer::new(asked, netns);
    let resolve = |question: &Question| question.resolve(&space.config, world.uid).expect("a question");
    let resolved: Vec<_> = questions.iter().map(resolve).collect();
    let mut rows = Vec::new();
    answerer.answer(&resolved, &mut rows);
    assert_eq!(rows.len(), questions.len());
    answerer.compile();
    let mut compiled = Vec::new();
    answerer.answer(&resolved, &mut compiled);
    for ((question, row), compiled) in questions.iter().zip(&rows).zip(&compiled) {
        assert_eq!(row, compiled, "{place}, compiled: {}", question.words());
    }
    for ((question, resolved), row) in questions.iter().zip(&resolved).zip(&rows) {
        let expected = explained(asked, netns, question);
        assert_eq!(told(space, row), expected, "{place}: {}", question.words());
        let alone = answerer.looked_up(resolved);
        assert!(alone.is_none_or(|alone| alone == *row), "a question leaves nothing behind");
        assert_eq!(answerer.why_unknown(resolved).is_some(), row.verdict == Verdict::Unknown);
        count(&expected["verdict"]);
        count(if alone.is_some() { "looked up" } else { "explained" });
        count(if row.rule.is_some() { "by a rule" } else { "without rules" });
    }
}

/// Compares many answers on random configurations.
fn compare_random(family: Family) -> Counts {
    let mut counts = Counts::new();
    for index in 0..CONFIGURATIONS {
        let (world, netns) = (host(family, index), found_out(index));
        let mut picture = Picture::of(world.ns(NsId(0)).expect("the first namespace"), family, index);
        let questions: Vec<Question> = (0..QUESTIONS).map(|_| picture.question(family)).collect();
        compare(&world, netns.as_ref(), &questions, &format!("configuration {index}"), &mut counts);
    }
    counts
}

/// Compares the answers of a host that a script makes, captured with all that can be
/// found out or made here.
fn compare_on(script: &str, captured: bool, questions: &[&str]) -> Counts {
    let mut world = World::new(1, Behaviour::default());
    let names = Names::default();
    for command in Script::parse(script).expect("a script").commands() {
        let outcome = Runner { world: &mut world, ns: NsId(0), names: &names }.run(&command.words);
        assert_eq!(outcome.status, 0, "{}: {}", command.text, outcome.stderr);
    }
    world.pass(3_000);
    let parse = |text: &&str| {
        let words: Vec<String> = text.split(' ').map(String::from).collect();
        Question::parse(&words, &names).expect("a question")
    };
    let questions: Vec<Question> = questions.iter().map(parse).collect();
    let mut counts = Counts::new();
    compare(&world, found_out(1).filter(|_| captured).as_ref(), &questions, "the script", &mut counts);
    counts
}

const TWO_DEFAULTS: &str = "
    ip link add e0 type veth peer name p0
    ip link set e0 up
    ip link set p0 up
    ip addr add 10.0.0.1/24 dev e0
    ip route add default via 10.0.0.2
    ip route append default via 10.0.0.3
";

#[test]
fn which_default_route_was_used_last_is_not_known() {
    let questions = ["8.8.8.8", "10.0.0.9", "9.9.9.9", "8.8.8.8 oif e0", "10.0.0.1 from 8.8.8.8 iif e0"];
    let counts = compare_on(TWO_DEFAULTS, true, &questions);
    assert_eq!((counts.get("unknown"), counts["looked up"]), (None, 5));
    let silent = "ip neigh add 10.0.0.2 dev e0 nud failed\nip neigh add 10.0.0.3 dev e0 nud failed\n";
    let counts = compare_on(&format!("{TWO_DEFAULTS}{silent}"), true, &questions);
    assert_eq!((counts["unknown"], counts["looked up"]), (2, 3));
}

#[test]
fn what_is_cached_with_a_nexthop_object_is_not_known_and_not_left_behind() {
    let script = "
        ip link add e0 type veth peer name p0
        ip link set e0 up
        ip link set p0 up
        ip addr add 2001:db8::1/64 dev e0 nodad
        ip addr add 2001:db8::2/64 dev e0 nodad
        ip nexthop add id 1 via 2001:db8::9 dev e0
        ip -6 route add 2001:db8:1::/48 nhid 1 src 2001:db8::1
        ip -6 route add 2001:db8:2::/48 nhid 1 src 2001:db8::2
        ip -6 route add 2001:db8:3::/48 via 2001:db8::9";
    let to = ["2001:db8:1::1", "2001:db8:2::1", "2001:db8:3::1", "2001:db8:1::1", "2001:db8:3::1"];
    let counts = compare_on(script, true, &to);
    assert_eq!((counts["unknown"], counts["sent"], counts["looked up"]), (3, 2, 2));
    let counts = compare_on(script, false, &to);
    assert_eq!((counts["sent"], counts["looked up"]), (5, 5));
}

#[test]
fn addresses_made_at_random_are_not_known() {
    let script = "
        ip link add e0 type veth peer name p0
        ip link set e0 up
        ip link set p0 up
        sysctl -w net.ipv6.conf.e0.use_tempaddr=2
        ip addr add 2001:db8::1/64 dev e0 mngtmpaddr
        ip -6 route add default via 2001:db8::9";
    let to = ["2001:db8:1::1", "2001:db8:1::1 from 2001:db8::1", "8.8.8.8"];
    let counts = compare_on(script, true, &to);
    assert_eq!((counts["unknown"], counts["sent"], counts["refused"]), (1, 1, 1));
}

#[test]
fn rows_of_ipv4_are_what_explain_says() {
    let counts = compare_random(Family::V4);
    for what in ["sent", "forwarded", "delivered", "dropped", "refused", "unknown", "by a rule"] {
        assert!(counts.get(what).is_some_and(|&n| n > 50), "{what}: {counts:?}");
    }
    assert!(counts["looked up"] > 2 * counts["explained"], "{counts:?}");
}

#[test]
fn rows_of_ipv6_are_what_explain_says() {
    let counts = compare_random(Family::V6);
    for what in ["sent", "forwarded", "delivered", "dropped", "refused", "unknown", "by a rule"] {
        assert!(counts.get(what).is_some_and(|&n| n > 20), "{what}: {counts:?}");
    }
    assert!(counts["looked up"] > counts["explained"], "{counts:?}");
}
