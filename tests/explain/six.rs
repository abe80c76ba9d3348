//! IPv6: what an explanation shows of its lookups, and what befalls received packets.

use fingerpost::explain::{RuleVerdict, Verdict};

use crate::host::{Host, decision, lookup, steps};

const TWO_WAYS: &str = "
ip link set lo up
ip link add eth0 type dummy
ip link add eth1 type dummy
ip link set eth0 up
ip link set eth1 up
ip addr add 2001:db8:1::10/64 dev eth0
ip addr add 2001:db8:2::10/64 dev eth1
";

fn passed(explanation: &fingerpost::explain::Explanation) -> Vec<(String, String)> {
    let tables = explanation.lookups.iter().flat_map(|lookup| &lookup.tables);
    tables.flat_map(|table| &table.passed_over).map(|p| (p.route.clone(), p.reason.clone())).collect()
}

#[test]
fn c295_routes_by_source_are_shown_and_that_they_hide_others() {
    let mut host = Host::new(TWO_WAYS);
    host.run("ip -6 route add 2001:db8:77::/48 via fe80::9 dev eth0 from 2001:db8:1::/64");
    host.run("ip -6 route add 2001:db8:77::/48 via fe80::8 dev eth1");
    host.run("ip -6 route add default via fe80::1 dev eth1");
    let taken = host.ask("2001:db8:77::1 from 2001:db8:1::10");
    let text = "2001:db8:77::/48 from 2001:db8:1::/64 via fe80::9 dev eth0 metric 1024";
    assert_eq!(lookup(&taken, "output").result.as_deref(), Some(text));
    let other = host.ask("2001:db8:77::1 from 2001:db8:2::10");
    assert_eq!(other.outcome.gateway.as_deref(), Some("fe80::1"));
    let [(route, reason)] = &passed(&other)[..] else { panic!("{:?}", passed(&other)) };
    assert_eq!(route, "the routes of 2001:db8:77::/48");
    assert!(reason.contains("2001:db8:2::10 is not among them"), "{reason}");
}

#[test]
fn a_socket_s_source_is_chosen_before_a_route_by_source_is_found() {
    let mut host = Host::new(TWO_WAYS);
    host.run("ip -6 route add default via fe80::9 dev eth0 from 2001:db8:1::/64");
    let explanation = host.ask("2001:4860::1");
    assert_eq!(explanation.outcome.gateway.as_deref(), Some("fe80::9"));
    let results: Vec<&str> =
        explanation.lookups.iter().map(|l| l.result.as_deref().unwrap_or_default()).collect();
    let second = "default from 2001:db8:1::/64 via fe80::9 dev eth0 metric 1024";
    assert_eq!(results, ["ENETUNREACH", second]);
    assert_eq!(explanation.lookups[0].key.from, None);
    assert_eq!(explanation.lookups[1].key.from.as_deref(), Some("2001:db8:1::10"));
}

#[test]
fn c298_a_gateway_that_does_not_answer_loses_and_is_used_when_none_does() {
    let mut host = Host::new(TWO_WAYS);
    host.run("ip -6 route add default via fe80::1 dev eth0 metric 100");
    host.run("ip -6 route add default via fe80::2 dev eth1 metric 200");
    host.run("ip -6 neigh add fe80::1 dev eth0 nud failed");
    let other = host.ask("2001:4860::1");
    assert_eq!(other.outcome.gateway.as_deref(), Some("fe80::2"));
    let [(route, reason)] = &passed(&other)[..] else { panic!("{:?}", passed(&other)) };
    assert_eq!(route, "default via fe80::1 dev eth0 metric 100");
    assert!(reason.contains("does not answer (FAILED)"), "{reason}");
    host.run("ip -6 neigh add fe80::2 dev eth1 nud failed");
    let none = host.ask("2001:4860::1");
    assert_eq!(none.outcome.gateway.as_deref(), Some("fe80::1"));
    assert!(steps(&none, "gateway")[0].contains("no gateway answers"), "{:?}", steps(&none, "gateway"));
    // A router looks at no neighbour.
    host.run("ip -6 neigh del fe80::2 dev eth1\nsysctl -qw net.ipv6.conf.all.forwarding=1");
    assert_eq!(host.ask("2001:4860::1").outcome.gateway.as_deref(), Some("fe80::1"));
}

#[test]
fn c300_legs_have_their_shares_and_sources() {
    let mut host = Host::new(TWO_WAYS);
    let legs = "nexthop via fe80::5 dev eth0 weight 3 nexthop via fe80::6 dev eth1";
    host.run(&format!("ip -6 route add 2001:db8:88::/48 {legs}"));
    let explanation = host.ask("2001:db8:88::1");
    let shown: Vec<(&str, Option<&str>, Option<&str>, f64)> = explanation
        .outcome
        .legs
        .iter()
        .map(|leg| (leg.dev.as_str(), leg.gateway.as_deref(), leg.source.as_deref(), leg.share))
        .collect();
    let due = [
        ("eth0", Some("fe80::5"), Some("2001:db8:1::10"), 0.75),
        ("eth1", Some("fe80::6"), Some("2001:db8:2::10"), 0.25),
    ];
    assert_eq!(shown.len(), 2, "{shown:?}");
    for (shown, due) in shown.iter().zip(due) {
        assert_eq!((shown.0, shown.1, shown.2), (due.0, due.1, due.2));
        assert!((shown.3 - due.3).abs() < 1e-6, "{shown:?}");
    }
    assert_eq!(explanation.outcome.source, None, "it depends on the leg");
    assert_eq!(host.ask("2001:db8:88::1 oif eth1").outcome.dev.as_deref(), Some("eth1"));
}

#[test]
fn rfc6724_each_pair_of_candidates_has_its_rule() {
    let mut host = Host::new(TWO_WAYS);
    host.run("ip addr add fd00:1::10/64 dev eth0");
    host.run("ip addr add 2001:db8:1::77/64 dev eth0 preferred_lft 0");
    host.run("ip -6 route add default via fe80::1 dev eth0");
    let explanation = host.ask("2001:db8:1::aaaa");
    let candidates = steps(&explanation, "candidate");
    for due in [
        "2001:db8:1::10 before fd00:1::10, rule 6 (label): label 1, not 5, for the destination's 1",
        "2001:db8:1::10 before 2001:db8:1::77, rule 3 (deprecated): the other is deprecated",
        "2001:db8:1::10 before 2001:db8:2::10, rule 5 (outgoing device): on eth0, where the packet leaves, not on eth1",
    ] {
        let pair = due.split(", rule").next().unwrap_or_default();
        let found: Vec<&&str> = candidates.iter().filter(|text| text.starts_with(pair)).collect();
        let other = pair.rsplit(' ').next().unwrap_or_default();
        // Which two are compared follows from the order of the list; a loser is compared once.
        if found.is_empty() {
            assert!(
                candidates.iter().any(|text| text.contains(&format!("before {other},"))),
                "{candidates:?}"
            );
        } else {
            assert_eq!(*found[0], due);
        }
    }
    assert!(steps(&explanation, "source")[0].starts_with("2001:db8:1::10: the best of"));
    host.run("ip -6 route add 2001:db8:5::/48 dev eth1 src 2001:db8:1::10");
    assert_eq!(steps(&host.ask("2001:db8:5::1"), "source"), ["2001:db8:1::10: the route names it"]);
}

#[test]
fn c307_c308_c309_what_befalls_a_received_packet_around_its_lookup() {
    let mut host = Host::new(TWO_WAYS);
    let ask = |host: &Host, question: &str| {
        let outcome = host.ask(question).outcome;
        (outcome.verdict, outcome.drop_reason, outcome.icmp.map(|text| text.contains("(1/")))
    };
    let header = (Verdict::Dropped, Some("IP_INHDR"), None);
    assert_eq!(ask(&host, "2001:db8:1::10 from ::1 iif eth0"), header);
    assert_eq!(ask(&host, "::1 from 2001:db8:1::5 iif eth0"), header);
    assert_eq!(ask(&host, "2001:db8:1::10 from ff02::9 iif eth0"), header);
    assert_eq!(ask(&host, "ff01::9 from fe80::5 iif eth0"), header);
    // Neither an own address nor an unroutable one is refused as source.
    for source in ["2001:db8:1::10", "2001:4860::1"] {
        let question = format!("2001:db8:1::10 from {source} iif eth1");
        assert_eq!(ask(&host, &question), (Verdict::Delivered, None, None));
    }
    let on = "2001:db8:2::7 from 2001:db8:1::5 iif eth0";
    assert_eq!(ask(&host, on), (Verdict::Dropped, Some("NOT_SPECIFIED"), None));
    host.run("sysctl -qw net.ipv6.conf.eth0.force_forwarding=1");
    assert_eq!(ask(&host, on), (Verdict::Forwarded, None, None));
    host.run("sysctl -qw net.ipv6.conf.all.forwarding=1");
    assert_eq!(ask(&host, on), (Verdict::Forwarded, None, None));
    let question = "2001:db8:2::7 from fe80::5 iif eth0";
    assert_eq!(ask(&host, question), (Verdict::Dropped, Some("NOT_SPECIFIED"), Some(true)));
    assert_eq!(ask(&host, "2001:db8:2:: from 2001:db8:1::5 iif eth0").0, Verdict::Delivered, "anycast");
    host.run("sysctl -qw net.ipv6.conf.eth0.disable_ipv6=1");
    assert_eq!(ask(&host, on), (Verdict::Dropped, Some("IPV6DISABLED"), None));
}

#[test]
fn c315_what_the_sender_of_an_unroutable_packet_hears() {
    let mut host = Host::new(TWO_WAYS);
    host.run("ip -6 route add unreachable 2001:db8:a1::/48\nip -6 route add prohibit 2001:db8:a2::/48");
    host.run("ip -6 route add blackhole 2001:db8:a3::/48");
    let heard = |to: &str| {
        let outcome = host.ask(&format!("{to} from 2001:db8:1::5 iif eth0")).outcome;
        (outcome.errno_name, outcome.drop_reason, outcome.icmp)
    };
    let (none, prohibited) =
        ("no route to destination (1/0)", "communication administratively prohibited (1/1)");
    assert_eq!(heard("2001:db8:a1::1"), (Some("EHOSTUNREACH"), Some("IP_INNOROUTES"), Some(none)));
    assert_eq!(heard("2001:db8:a2::1"), (Some("EACCES"), Some("IP_INNOROUTES"), Some(prohibited)));
    assert_eq!(heard("2001:db8:a3::1"), (Some("EINVAL"), Some("NOT_SPECIFIED"), None));
    assert_eq!(heard("2001:db8:a4::1"), (Some("ENETUNREACH"), Some("IP_INNOROUTES"), Some(none)));
}

#[test]
fn c304_a_destination_of_a_link_asks_for_its_scope() {
    let host = Host::new(TWO_WAYS);
    let on = host.ask("fe80::7%eth1");
    assert_eq!((on.outcome.dev.as_deref(), steps(&on, "scope").len()), (Some("eth1"), 0));
    let without = host.ask("fe80::7");
    assert!(steps(&without, "scope")[0].contains("fe80::7%eth"), "{:?}", steps(&without, "scope"));
}

#[test]
fn c289_c297_rules_decide_as_ipv4_s_do() {
    let mut host = Host::new(TWO_WAYS);
    host.run("ip -6 rule add pref 10 fwmark 1 lookup 100\nip -6 route add throw default table 100");
    host.run("ip -6 rule add pref 20 to 2001:db8:60::/48 prohibit");
    host.run("ip -6 route add default via fe80::1 dev eth1");
    let on = host.ask("2001:4860::1 mark 1");
    let output = lookup(&on, "output");
    assert_eq!(decision(output).0, 32766);
    assert_eq!(output.rules[1].verdict, RuleVerdict::NoMatch);
    let refused = host.ask("2001:db8:60::1").outcome;
    assert_eq!((refused.verdict, refused.errno_name), (Verdict::Refused, Some("EACCES")));
    assert!(refused.text.contains("by rule 20 itself"), "{}", refused.text);
}

#[test]
fn a_group_of_the_interface_s_scope_does_not_leave() {
    let host = Host::new(TWO_WAYS);
    let stays = host.ask("ff01::5%eth0");
    assert_eq!(stays.outcome.verdict, Verdict::Dropped, "{}", stays.outcome.text);
    assert!(stays.outcome.text.contains("the scope of the group ends at eth0"), "{}", stays.outcome.text);
    assert_eq!(host.ask("ff02::5%eth0").outcome.verdict, Verdict::Sent);
}

#[test]
fn c305_where_sockets_mean_another_destination_that_is_said() {
    let mut host = Host::new(TWO_WAYS);
    host.run("ip -6 route add default via fe80::1 dev eth0");
    assert!(steps(&host.ask("::"), "scope")[0].contains("gets ::1"));
    let mapped = host.ask("::ffff:192.0.2.1");
    assert!(steps(&mapped, "scope")[0].contains("sends IPv4, to 192.0.2.1"), "{:?}", steps(&mapped, "scope"));
}

#[test]
fn what_linux_makes_at_random_is_named_where_it_decides() {
    let mut host = Host::new(TWO_WAYS);
    host.run("sysctl -w net.ipv6.conf.eth1.use_tempaddr=2");
    assert!(host.ask("2001:db8:2::5").unknown.is_empty());
    host.run("ip addr add 2001:db8:3::10/64 dev eth1 mngtmpaddr");
    let temporary = host.ask("2001:db8:3::5").unknown;
    assert!(temporary[0].contains("temporary address") && temporary[0].contains("2001:db8:3::/64"));
    assert!(host.ask("2001:db8:3::5 from 2001:db8:3::10").unknown.is_empty());
    let mut host = Host::new("ip tuntap add dev tun0 mode tun\nip link set tun0 up");
    host.run("ip -6 route add 2001:db8::/32 dev tun0");
    let random = host.ask("2001:db8::1").unknown;
    assert!(random[0].contains("at random on tun0"), "{random:?}");
    host.run("ip addr add 2001:db8::9/128 dev tun0");
    assert!(host.ask("2001:db8::1").unknown.is_empty());
}
