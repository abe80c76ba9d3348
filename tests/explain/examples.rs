//! The built-in examples: the outcome of each, and what decides.

use fingerpost::examples::{ALL, Example};
use fingerpost::explain::{
    Asked, Expectation, Explanation, Question, RuleVerdict, Verdict, add_alternatives, explain,
};
use fingerpost_engine::lookup::hash::Asker;
use fingerpost_model::NsId;
use fingerpost_model::snapshot::Netns;

use crate::host::{Host, decision, lookup, rule, steps};

/// Each example's own question and its due outcome, as `--expect` takes it.
const DUE: &[(&str, &str)] = &[
    ("ecmp-hash-policy", "sent dev eth0 via 192.0.2.1 src 192.0.2.10 table 254"),
    ("ecmp-hash-policy/l4", "sent table 254"),
    ("firewalld-v6-rpfilter", "missing"),
    ("half-defaults", "sent dev tun2 src 2001:db8:b::2 table 254"),
    ("killswitch-inbound", "refused errno ENETUNREACH"),
    ("multi-wan", "sent dev eth1 via 203.0.113.1 src 203.0.113.2 table 102"),
    ("networkd-deletes-rules/after", "refused errno ENETUNREACH"),
    ("networkd-deletes-rules/before", "sent dev eth1 via 198.51.100.1 src 198.51.100.10 table 100"),
    ("plain", "sent dev eth0 via 192.0.2.1 src 192.0.2.10 table 254"),
    ("rp-filter-max", "dropped reason IP_RPFILTER"),
    ("rp-filter-max/all-loose", "delivered dev lo"),
    ("rp-filter-max/device-loose", "delivered dev lo"),
    ("rp-filter-max/device-strict", "dropped reason IP_RPFILTER"),
    ("rp-filter-max/off", "delivered dev lo"),
    ("strict-rpf-exit-node", "dropped reason IP_RPFILTER"),
    ("tunnelvision", "sent dev eth0 via 192.168.1.66 src 192.168.1.20 table 254"),
    ("v6-leak", "sent dev eth0 via fe80::1 src 2001:db8:1::10 table 254"),
    ("v6-ouroboros", "sent dev wan via fe80::1 src 2001:db8:f:2::2 table 254"),
    ("v6-ouroboros/before", "sent dev wan via fe80::1 src 2001:db8:1::1 table 254"),
    ("vrf-fallthrough", "sent dev eth0 via 192.0.2.1 src 10.1.1.1 table 254"),
    ("vrf-fallthrough/route", "refused errno EHOSTUNREACH"),
    ("vrf-fallthrough/rule", "refused errno ENETUNREACH"),
    ("wg-quick", "sent dev wg0 src 10.100.0.2 table 51820"),
];

#[test]
fn every_example_has_its_due_outcome() {
    let names: Vec<&str> = ALL.iter().map(|example| example.name).collect();
    let due: Vec<&str> = DUE.iter().map(|(name, _)| *name).collect();
    assert_eq!(names, due);
    for (name, outcome) in DUE {
        let (host, example) = (Host::of_example(name), Example::find(name).expect("an example"));
        let explanation = match example.fib() {
            Some(expression) => host.ask_fib(expression, example.question()).expect("an answer"),
            None => host.ask(example.question()),
        };
        let expectation =
            Expectation::parse(outcome, &fingerpost_iproute::Names::default()).expect("an expectation");
        assert_eq!(expectation.violated_by(&explanation), None, "{name}");
        assert!(explanation.unknown.is_empty(), "{name}: {:?}", explanation.unknown);
    }
}

#[test]
fn a_plain_host_is_decided_by_main_before_any_rule_was_changed() {
    let explanation = Host::of_example("plain").ask("8.8.8.8");
    let lookup = lookup(&explanation, "output");
    assert!(!lookup.rules_evaluated && lookup.rules.is_empty());
    assert_eq!(lookup.tables.len(), 1);
    assert_eq!(lookup.result.as_deref(), Some("default via 192.0.2.1 dev eth0"));
}

#[test]
fn a_kill_switch_refuses_the_reply_of_a_listener_that_hears() {
    let host = Host::of_example("killswitch-inbound");
    let heard = host.ask("192.0.2.10 from 198.51.100.9 iif eth0 ipproto tcp dport 22");
    assert_eq!(heard.outcome.verdict, Verdict::Delivered);
    let reply = host.ask("198.51.100.9 from 192.0.2.10 ipproto tcp sport 22");
    let lookup = lookup(&reply, "output");
    assert_eq!(rule(lookup, 75).verdict, RuleVerdict::NoTable);
    assert_eq!(decision(lookup), (76, RuleVerdict::Error, None));
    let main = rule(lookup, 32766);
    assert_eq!(main.verdict, RuleVerdict::NotReached);
    assert!(main.detail.as_deref().is_some_and(|text| text.contains("via 192.0.2.1 dev eth0")));
}

#[test]
fn an_exit_node_s_route_turns_strict_filtering_against_every_reply() {
    let host = Host::of_example("strict-rpf-exit-node");
    for sender in ["169.254.169.254", "8.8.8.8"] {
        let explanation = host.ask(&format!("192.0.2.10 from {sender} iif eth0"));
        assert_eq!(explanation.outcome.drop_reason, Some("IP_RPFILTER"));
        assert_eq!(explanation.outcome.counters, ["TcpExtIPReversePathFilter"]);
        assert_eq!(decision(lookup(&explanation, "input")).0, 0);
        let back = lookup(&explanation, "reverse path");
        assert_eq!(back.key.to, sender);
        assert_eq!(decision(back), (5270, RuleVerdict::Found, Some("default dev tailscale0")));
    }
    // What the tunnel delivers comes from where the way back leads.
    let inner = host.ask("100.64.0.5 from 8.8.8.8 iif tailscale0");
    assert_eq!(inner.outcome.verdict, Verdict::Delivered);
}

#[test]
fn the_larger_of_two_filters_decides() {
    let question = "192.0.2.10 from 203.0.113.9 iif eth0";
    let cases = [
        ("rp-filter-max", true, "strict"),
        ("rp-filter-max/device-strict", true, "strict"),
        ("rp-filter-max/device-loose", false, "loose"),
        ("rp-filter-max/all-loose", false, "loose"),
    ];
    for (name, dropped, mode) in cases {
        let explanation = Host::of_example(name).ask(question);
        assert_eq!(explanation.outcome.verdict == Verdict::Dropped, dropped, "{name}");
        let texts = steps(&explanation, "reverse path").join("; ");
        assert!(texts.contains(mode), "{name}: {texts}");
        let back = lookup(&explanation, "reverse path");
        assert_eq!(back.result.as_deref(), Some("203.0.113.0/24 dev eth1 src 203.0.113.2"), "{name}");
    }
    // Off needs no lookup at all.
    let off = Host::of_example("rp-filter-max/off").ask(question);
    assert_eq!(off.outcome.verdict, Verdict::Delivered);
    assert!(off.lookups.iter().all(|lookup| lookup.purpose != "reverse path"));
}

#[test]
fn a_route_longer_than_the_suppressed_default_leads_past_the_tunnel() {
    let explanation = Host::of_example("tunnelvision").ask("8.8.8.8");
    let output = lookup(&explanation, "output");
    let kept = (32764, RuleVerdict::Found, Some("0.0.0.0/1 via 192.168.1.66 dev eth0"));
    assert_eq!(decision(output), kept);
    let detail = rule(output, 32764).detail.as_deref().unwrap_or_default();
    assert!(detail.contains("/1") && detail.contains("/0"), "{detail}");
    let tunnel = rule(output, 32765);
    assert_eq!(tunnel.verdict, RuleVerdict::NotReached);
    assert!(tunnel.detail.as_deref().is_some_and(|text| text.contains("dev wg0")));
    // Half of the addresses only: the other half still goes through the tunnel.
    let other = Host::of_example("tunnelvision").ask("200.1.1.1");
    assert_eq!(other.outcome.dev.as_deref(), Some("wg0"));
}

#[test]
fn wg_quick_suppresses_the_default_and_lets_marked_packets_out() {
    let host = Host::of_example("wg-quick");
    let explanation = host.ask("8.8.8.8");
    let output = lookup(&explanation, "output");
    assert_eq!(rule(output, 32764).verdict, RuleVerdict::Suppressed);
    assert_eq!(decision(output), (32765, RuleVerdict::Found, Some("default dev wg0")));
    let marked = host.ask("8.8.8.8 mark 51820");
    let output = lookup(&marked, "output");
    let passed = rule(output, 32765);
    assert_eq!((passed.verdict, passed.selector), (RuleVerdict::Skipped, Some("not")));
    assert_eq!(decision(output).0, 32766);
    assert_eq!(marked.outcome.dev.as_deref(), Some("eth0"));
    // What main knows more exactly than by its default route stays outside.
    assert_eq!(host.ask("192.168.1.7").outcome.dev.as_deref(), Some("eth0"));
}

#[test]
fn a_miss_in_a_vrf_s_table_goes_on_to_main_unless_something_ends_it() {
    let leak = Host::of_example("vrf-fallthrough").ask("8.8.8.8 vrf blue");
    let output = lookup(&leak, "output");
    assert_eq!(rule(output, 1000).verdict, RuleVerdict::NoMatch);
    assert_eq!(rule(output, 1000).table.map(|at| output.tables[at].id), Some(10));
    assert_eq!(decision(output), (32766, RuleVerdict::Found, Some("default via 192.0.2.1 dev eth0")));

    let route = Host::of_example("vrf-fallthrough/route").ask("8.8.8.8 vrf blue");
    let route = lookup(&route, "output");
    let unreachable = Some("unreachable default metric 4278198272");
    assert_eq!(decision(route), (1000, RuleVerdict::Error, unreachable));

    let by_rule = Host::of_example("vrf-fallthrough/rule").ask("8.8.8.8 vrf blue");
    let output = lookup(&by_rule, "output");
    assert_eq!(rule(output, 1000).verdict, RuleVerdict::NoMatch);
    assert_eq!(decision(output), (2000, RuleVerdict::Error, None));

    // Both fixes leave the rest of the host alone.
    for name in ["vrf-fallthrough/route", "vrf-fallthrough/rule"] {
        let host = Host::of_example(name);
        assert_eq!(host.ask("8.8.8.8").outcome.dev.as_deref(), Some("eth0"), "{name}");
        assert_eq!(host.ask("10.1.1.7 vrf blue").outcome.dev.as_deref(), Some("eth1"), "{name}");
    }
}

#[test]
fn deleted_rules_take_even_the_ordinary_way_with_them() {
    let before = Host::of_example("networkd-deletes-rules/before").ask("8.8.8.8 mark 1");
    assert_eq!(decision(lookup(&before, "output")).0, 1000);
    let host = Host::of_example("networkd-deletes-rules/after");
    for question in ["8.8.8.8 mark 1", "8.8.8.8", "192.0.2.7"] {
        let after = host.ask(question);
        assert_eq!(after.outcome.errno_name, Some("ENETUNREACH"), "{question}");
        let output = lookup(&after, "output");
        assert_eq!((output.rules.len(), output.deciding_rule), (1, None), "{question}");
        assert_eq!(rule(output, 0).verdict, RuleVerdict::NoMatch, "{question}");
    }
}

#[test]
fn hash_policy_0_pins_two_hosts_to_one_path_and_policy_1_spreads_their_streams() {
    let devices = |name: &str| {
        let host = Host::of_example(name);
        let ask = |port| host.ask(&format!("203.0.113.9 ipproto tcp sport {port} dport 443"));
        let mut devices: Vec<String> = (40000..40016).filter_map(|port| ask(port).outcome.dev).collect();
        assert_eq!(devices.len(), 16);
        devices.sort();
        devices.dedup();
        devices
    };
    assert_eq!(devices("ecmp-hash-policy"), ["eth0"]);
    assert_eq!(devices("ecmp-hash-policy/l4"), ["eth0", "eth1"]);
}

#[test]
fn with_an_unknown_seed_every_leg_is_possible() {
    let mut host = Host::of_example("ecmp-hash-policy");
    host.run("sysctl -qw net.ipv4.fib_multipath_hash_seed=0");
    let explanation = host.ask("203.0.113.9");
    assert_eq!(explanation.outcome.dev, None);
    let legs: Vec<(&str, f64)> =
        explanation.outcome.legs.iter().map(|leg| (leg.dev.as_str(), leg.share)).collect();
    assert_eq!(legs, [("eth0", 0.5), ("eth1", 0.5)]);
}

#[test]
fn the_selector_that_keeps_a_rule_from_matching_is_named_with_both_values() {
    let explanation = Host::of_example("multi-wan").ask("8.8.8.8 from 203.0.113.2");
    let output = lookup(&explanation, "output");
    let first = rule(output, 101);
    assert_eq!((first.verdict, first.selector), (RuleVerdict::Skipped, Some("from")));
    assert_eq!(first.rule_value.as_deref(), Some("198.51.100.2"));
    assert_eq!(first.flow_value.as_deref(), Some("203.0.113.2"));
    assert_eq!(decision(output), (102, RuleVerdict::Found, Some("default via 203.0.113.1 dev eth1")));
}

/// The answer to a question with those that may be instead, as far as `known` leaves them open.
fn with_alternatives(host: &Host, known: &Netns, question: &str) -> Explanation {
    let names = fingerpost_iproute::Names::default();
    let asked = Asked {
        ns: host.world.ns(NsId(0)).expect("the first namespace"),
        behaviour: &host.world.behaviour,
        now: host.world.now,
        uid: 0,
        names: &names,
        asker: Asker::Socket,
        assumed_choice: None,
        assumed_cached: None,
    };
    let question = Question::parse(&[question.to_string()], &names).expect("a question");
    let mut explanation = explain(asked, &question).expect("an answer");
    add_alternatives(asked, known, &question, &mut explanation).expect("answers");
    explanation
}

#[test]
fn c152_without_a_memory_of_the_last_choice_each_default_route_is_possible() {
    let mut host = Host::of_example("plain");
    host.run("ip route append default via 192.0.2.2");
    host.run("ip neigh replace 192.0.2.1 dev eth0 lladdr 02:00:00:00:00:09 nud stale");
    host.run("ip neigh replace 192.0.2.2 dev eth0 lladdr 02:00:00:00:00:0a nud stale");
    let known = Netns {
        custom_rules: Some(false),
        custom_local_routes: Some(false),
        realm_users: Some(false),
        ..Netns::default()
    };
    let explanation = with_alternatives(&host, &known, "8.8.8.8");
    assert_eq!(explanation.outcome.gateway.as_deref(), Some("192.0.2.1"));
    let [other] = &explanation.otherwise[..] else { panic!("{:?}", explanation.otherwise) };
    assert_eq!(other.outcome.gateway.as_deref(), Some("192.0.2.2"));
}

#[test]
fn f086_where_rules_of_ipv6_are_missing_it_may_be_that_none_was_ever_added() {
    let mut host = Host::of_example("v6-leak");
    host.run("ip -6 rule add pref 5 lookup main");
    let answers = |host: &Host| {
        let explanation = with_alternatives(host, &Netns::default(), "2001:4860:4860::8888");
        let others: Vec<_> = explanation.otherwise.into_iter().map(|other| other.outcome.gateway).collect();
        (explanation.outcome.gateway, others)
    };
    let by_main = Some("fe80::1".to_string());
    assert_eq!(answers(&host), (by_main.clone(), vec![]), "another rule is there");
    host.run("ip -6 rule del pref 5");
    assert_eq!(answers(&host), (by_main.clone(), vec![]), "both ways lead to it");
    host.run("ip -6 rule del pref 32766");
    assert_eq!(answers(&host), (None, vec![by_main]));
    host.run("ip -6 rule add pref 7 fwmark 9 lookup 9");
    assert_eq!(answers(&host), (None, vec![]), "one was added");
}

#[test]
fn split_routes_of_one_family_leave_the_other_beside_the_tunnel() {
    let host = Host::of_example("v6-leak");
    assert_eq!(host.ask("8.8.8.8").outcome.dev.as_deref(), Some("tun0"));
    let leak = host.ask("2001:4860:4860::8888");
    let output = lookup(&leak, "output");
    let tables: Vec<&str> = output.tables.iter().map(|table| table.name.as_str()).collect();
    assert_eq!(tables, ["local", "main"], "local and main are never merged");
    assert_eq!(output.result.as_deref(), Some("default via fe80::1 dev eth0 metric 1024"));
}

#[test]
fn the_longest_prefix_goes_before_any_metric() {
    let host = Host::of_example("half-defaults");
    let explanation = host.ask("2001:4860:4860::8888");
    let main = &lookup(&explanation, "output").tables[1];
    assert_eq!(main.route.as_ref().map(|route| route.text.as_str()), Some("::/1 dev tun2 metric 849"));
    assert_eq!(main.shorter.as_deref(), Some("default dev he6 metric 1024"));
    assert_eq!(host.ask("fd00::1").outcome.dev.as_deref(), Some("tun"));
}

#[test]
fn the_tunnel_s_own_address_wins_the_handshake_s_source() {
    let explanation = Host::of_example("v6-ouroboros").ask("2001:db8:f::1 ipproto udp dport 51820");
    let reason = "2001:db8:f:2::2 before 2001:db8:1::1, rule 8 (longest prefix): 62 bits in common with the \
                  destination, not 44";
    assert!(steps(&explanation, "candidate").contains(&reason), "{:?}", steps(&explanation, "candidate"));
}

#[test]
fn firewalld_s_rule_drops_what_the_tunnel_itself_receives_unless_it_is_marked_before() {
    let host = Host::of_example("firewalld-v6-rpfilter");
    let ask = |question: &str| host.ask_fib("saddr . mark . iif oif missing", question).expect("an answer");
    let question = "2001:db8:1::10 from 2001:db8:99::1 iif eth0 ipproto udp sport 51820";
    let dropped = ask(question);
    assert_eq!((dropped.outcome.verdict, dropped.outcome.matches), (Verdict::Missing, Some(true)));
    assert!(dropped.outcome.text.ends_with("leaves by wg0, not by eth0"), "{}", dropped.outcome.text);
    let back = lookup(&dropped, "fib");
    assert_eq!(decision(back), (32765, RuleVerdict::Found, Some("default dev wg0 metric 1024")));
    let marked = ask(&format!("{question} mark 51820"));
    assert_eq!((marked.outcome.verdict, marked.outcome.matches), (Verdict::Found, Some(false)));
    // The kernel itself delivers the packet: IPv6 has no filter of its own (C-307).
    assert_eq!(host.ask(question).outcome.verdict, Verdict::Delivered);
}
