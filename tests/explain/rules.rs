//! A reason is more than words: where one selector alone is said to keep a rule
//! from matching, a packet that satisfies it matches.

use fingerpost::explain::{LookupReport, RuleVerdict};
use fingerpost_net::Rng;

use crate::host::{Host, lookup};

/// A device that receives and one that sends.
const HOST: &str = "
sysctl -qw net.ipv4.conf.all.forwarding=1
ip link set lo up
ip link add e0 type dummy
ip link add e1 type dummy
ip link set e0 up
ip link set e1 up
ip addr add 10.0.0.1/24 dev e0
ip addr add 10.1.0.1/24 dev e1
ip addr add 10.1.0.2/24 dev e1
ip route add default via 10.1.0.9
";

/// The parts of a question that rules look at; an index into `VALUES` each.
#[derive(Clone, Copy, Debug, Default)]
struct Parts {
    to: usize,
    from: usize,
    iif: usize,
    mark: usize,
    uid: usize,
    tos: usize,
    proto: usize,
    sport: usize,
    dport: usize,
}

const TO: [&str; 3] = ["20.0.0.1", "20.9.0.1", "30.0.0.1"];
const FROM_HERE: [&str; 3] = ["", "10.0.0.1", "10.1.0.2"];
const FROM_THERE: [&str; 3] = ["10.0.0.7", "10.0.0.8", "10.0.0.99"];
const MARK: [u32; 4] = [0, 1, 0x11, 0x12];
const UID: [u32; 3] = [0, 1000, 2000];
const TOS: [u32; 4] = [0, 0x10, 0x30, 0x08];
const PROTO: [&str; 3] = ["udp", "tcp", "icmp"];
const PORT: [u32; 4] = [0, 80, 443, 65534];

impl Parts {
    fn random(rng: &mut Rng) -> Parts {
        let mut any = |n: usize| rng.below(n as u64) as usize;
        Parts {
            to: any(3),
            from: any(3),
            iif: any(2),
            mark: any(4),
            uid: any(3),
            tos: any(4),
            proto: any(3),
            sport: any(4),
            dport: any(4),
        }
    }

    fn received(&self) -> bool {
        self.iif == 1
    }

    fn question(&self) -> String {
        let from = if self.received() { FROM_THERE[self.from] } else { FROM_HERE[self.from] };
        let mut text = TO[self.to].to_owned();
        if !from.is_empty() {
            text.push_str(&format!(" from {from}"));
        }
        text.push_str(if self.received() { " iif e0" } else { "" });
        text.push_str(&format!(" mark {:#x} tos {:#x}", MARK[self.mark], TOS[self.tos]));
        if !self.received() {
            text.push_str(&format!(" uid {}", UID[self.uid]));
        }
        text.push_str(&format!(" ipproto {}", PROTO[self.proto]));
        text.push_str(&format!(" sport {} dport {}", PORT[self.sport], PORT[self.dport]));
        text
    }
}

/// A random rule that looks up a table that does not exist, so that the search goes on.
fn random_rule(rng: &mut Rng, pref: u32) -> String {
    let mut text = format!("ip rule add pref {pref}");
    let mut add = |rng: &mut Rng, words: &[&str]| {
        if rng.chance(1, 4) {
            text.push_str(&format!(" {}", rng.pick(words).expect("words")));
        }
    };
    add(rng, &["not"]);
    add(rng, &["from 10.0.0.0/29", "from 10.1.0.2", "from 10.0.0.0/24", "from 0.0.0.0/1"]);
    add(rng, &["to 20.0.0.0/16", "to 20.0.0.77/8", "to 30.0.0.1"]);
    add(rng, &["iif e0", "iif lo"]);
    add(rng, &["fwmark 1", "fwmark 0x10/0xf0", "fwmark 0/0xf", "fwmark 0x12"]);
    add(rng, &["uidrange 0-999", "uidrange 1000-1000", "uidrange 1000-2000"]);
    add(rng, &["tos 0x10", "tos 0x08"]);
    add(rng, &["ipproto tcp", "ipproto udp", "ipproto icmp"]);
    add(rng, &["sport 80", "sport 80-443", "sport 65534"]);
    add(rng, &["dport 80", "dport 1-442", "dport 443-65534"]);
    text.push_str(&format!(" table {}", 1000 + pref));
    text
}

/// The ways in which one part of a question can be changed, so that nothing else changes.
fn changed(parts: Parts, selector: &str) -> Vec<Parts> {
    let each = |n: usize, set: fn(&mut Parts, usize)| -> Vec<Parts> {
        (0..n)
            .map(|value| {
                let mut parts = parts;
                set(&mut parts, value);
                parts
            })
            .collect()
    };
    match selector {
        "from" => each(3, |parts, value| parts.from = value),
        "to" => each(3, |parts, value| parts.to = value),
        "fwmark" => each(4, |parts, value| parts.mark = value),
        "uidrange" => each(3, |parts, value| parts.uid = value),
        "tos" => each(4, |parts, value| parts.tos = value),
        "ipproto" => each(3, |parts, value| parts.proto = value),
        "sport" => each(4, |parts, value| parts.sport = value),
        "dport" => each(4, |parts, value| parts.dport = value),
        _ => Vec::new(),
    }
}

/// Whether a part of a question satisfies what a rule is reported to demand.
fn satisfies(parts: Parts, selector: &str, demanded: &str) -> bool {
    let prefix = |addr: &str| {
        let (network, len) = demanded.split_once('/').unwrap_or((demanded, "32"));
        let bits = |text: &str| text.parse::<std::net::Ipv4Addr>().map_or(0, std::net::Ipv4Addr::to_bits);
        let len: u32 = len.parse().expect("a length");
        (bits(network) ^ bits(addr)).checked_shr(32 - len).unwrap_or(0) == 0
    };
    let hex = |text: &str| u32::from_str_radix(text.trim_start_matches("0x"), 16).expect("a number");
    let range = |value: u32| {
        let (from, to) = demanded.split_once('-').unwrap_or((demanded, demanded));
        (from.parse().expect("a number")..=to.parse().expect("a number")).contains(&value)
    };
    let port = |value: u32| match demanded.split_once('/') {
        Some((port, mask)) => (hex(port) ^ value) & hex(mask) == 0,
        None => range(value),
    };
    match selector {
        "from" if parts.received() => prefix(FROM_THERE[parts.from]),
        "from" => prefix(FROM_HERE[parts.from]),
        "to" => prefix(TO[parts.to]),
        "fwmark" => {
            let (mark, mask) = demanded.split_once('/').unwrap_or((demanded, "ffffffff"));
            (hex(mark) ^ MARK[parts.mark]) & hex(mask) == 0
        }
        // Received packets are of user 0.
        "uidrange" if parts.received() => false,
        "uidrange" => range(UID[parts.uid]),
        "tos" => hex(demanded) == TOS[parts.tos] & 0x1c,
        // ICMP has no ports, whatever the question says of a received packet.
        "ipproto" | "sport" | "dport" if parts.received() && PROTO[parts.proto] == "icmp" => false,
        "ipproto" => demanded.parse::<usize>().expect("a number") == [17, 6, 1][parts.proto],
        "sport" => port(PORT[parts.sport]),
        "dport" => port(PORT[parts.dport]),
        _ => false,
    }
}

fn skipped(lookup: &LookupReport, pref: u32) -> bool {
    let rule = lookup.rules.iter().find(|rule| rule.pref == pref).expect("every rule is reported");
    rule.verdict == RuleVerdict::Skipped
}

#[test]
fn c113_c114_a_packet_that_satisfies_the_only_failing_selector_changes_the_verdict() {
    let mut rng = Rng::new(20261121);
    let mut tried = std::collections::BTreeMap::new();
    for round in 0..60 {
        let mut host = Host::new(HOST);
        let script: Vec<String> = (1..=12).map(|pref| random_rule(&mut rng, pref)).collect();
        host.run(&script.join("\n"));
        for _ in 0..8 {
            let parts = Parts::random(&mut rng);
            let purpose = if parts.received() { "input" } else { "output" };
            let explanation = host.ask(&parts.question());
            let before = lookup(&explanation, purpose);
            for rule in before.rules.iter().filter(|rule| (1..=12).contains(&rule.pref)) {
                let ([selector], Some(demanded)) = (&rule.failing[..], &rule.rule_value) else { continue };
                assert_eq!(rule.selector, Some(*selector));
                for other in
                    changed(parts, selector).into_iter().filter(|p| satisfies(*p, selector, demanded))
                {
                    let answer = host.ask(&other.question());
                    let shown = || format!("round {round}: {}\n{}", rule.rule, other.question());
                    assert!(!skipped(lookup(&answer, purpose), rule.pref), "{}", shown());
                    *tried.entry(*selector).or_insert(0) += 1;
                }
            }
        }
    }
    for selector in ["from", "to", "fwmark", "uidrange", "tos", "ipproto", "sport", "dport"] {
        assert!(tried.get(selector).is_some_and(|&times| times >= 10), "{tried:?}");
    }
}

#[test]
fn rules_are_written_as_ip_rule_writes_them() {
    let mut host = Host::new("");
    let rules = [
        "from all ipproto tcp lookup main",
        "from all tos 0x10 lookup main",
        "from all ipproto ipproto-200 dport 53 lookup main",
    ];
    host.run("ip rule add pref 1 ipproto tcp lookup main\nip rule add pref 2 tos 0x10 lookup main");
    host.run("ip rule add pref 3 ipproto 200 dport 53 lookup main");
    let explanation = host.ask("8.8.8.8");
    let texts: Vec<&str> =
        lookup(&explanation, "output").rules[1..4].iter().map(|rule| rule.rule.as_str()).collect();
    assert_eq!(texts, rules);
}
