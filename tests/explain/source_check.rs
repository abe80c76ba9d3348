//! Received packets: which check refuses them, and what is noticed of it.

use fingerpost::explain::{Explanation, RuleVerdict, Verdict};

use crate::host::{Host, decision, lookup, steps};

const ROUTER: &str = "
sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0
sysctl -qw net.ipv4.conf.all.forwarding=1
ip link set lo up
ip link add eth0 type dummy
ip link add eth1 type dummy
ip link set eth0 up
ip link set eth1 up
ip addr add 10.0.0.1/24 dev eth0
ip addr add 10.1.0.1/24 dev eth1
ip route add default via 10.1.0.9
";

fn dropped(explanation: &Explanation) -> Option<&'static str> {
    assert_eq!(explanation.outcome.verdict, Verdict::Dropped, "{}", explanation.outcome.text);
    explanation.outcome.drop_reason
}

#[test]
fn c192_c194_c195_c200_what_can_never_be_an_address_is_named() {
    let mut host = Host::new(ROUTER);
    host.run("ip route add anycast 6.0.0.0/8 dev eth1");
    let reason = |question: &str| dropped(&host.ask(question));
    assert_eq!(reason("10.0.0.1 from 224.0.0.9 iif eth0"), Some("IP_INVALID_SOURCE"));
    assert_eq!(reason("8.8.8.8 from 255.255.255.255 iif eth0"), Some("IP_INVALID_SOURCE"));
    assert_eq!(reason("10.0.0.1 iif eth0"), Some("IP_INVALID_SOURCE"));
    assert_eq!(reason("0.0.0.0 from 10.0.0.7 iif eth0"), Some("IP_INVALID_DEST"));
    assert_eq!(reason("6.1.1.1 from 10.0.0.7 iif eth0"), Some("IP_INVALID_DEST"));
    assert_eq!(reason("127.0.0.1 from 10.0.0.7 iif eth0"), Some("IP_LOCALNET"));
    assert_eq!(reason("10.0.0.1 from 127.0.0.1 iif eth0"), Some("IP_LOCALNET"));
    assert_eq!(reason("239.1.1.1 from 10.0.0.7 iif eth0"), Some("NOT_SPECIFIED"));
    assert_eq!(reason("239.1.1.1 from 224.0.0.7 iif eth0"), Some("NOT_SPECIFIED"));
}

#[test]
fn c206_c211_c216_c220_each_mode_of_the_filter_has_its_reasons() {
    let mut host = Host::new(ROUTER);
    host.run("ip route add unreachable 20.0.0.0/8");
    let own = host.ask("8.8.8.8 from 10.1.0.1 iif eth0");
    assert_eq!(dropped(&own), Some("IP_LOCAL_SOURCE"));
    assert!(own.outcome.counters.is_empty());
    host.run("sysctl -qw net.ipv4.conf.eth0.rp_filter=2");
    let nowhere = host.ask("8.8.8.8 from 20.1.1.1 iif eth0");
    assert_eq!(dropped(&nowhere), Some("IP_RPFILTER"));
    assert_eq!(nowhere.outcome.counters, ["TcpExtIPReversePathFilter"]);
    assert_eq!(nowhere.outcome.icmp, None);
    assert_eq!(lookup(&nowhere, "reverse path").result.as_deref(), Some("EHOSTUNREACH"));
    assert!(steps(&nowhere, "reverse path").iter().any(|text| text.contains("no way back")));
    let own = host.ask("8.8.8.8 from 10.1.0.1 iif eth0");
    assert_eq!(dropped(&own), Some("IP_LOCAL_SOURCE"));
    assert_eq!(own.outcome.icmp, None);
    host.run("sysctl -qw net.ipv4.conf.eth0.rp_filter=1");
    let elsewhere = host.ask("8.8.8.8 from 10.1.0.7 iif eth0");
    assert_eq!(dropped(&elsewhere), Some("IP_RPFILTER"));
    assert!(steps(&elsewhere, "reverse path").iter().any(|text| text.contains("another device")));
}

#[test]
fn c207_c215_t22_what_makes_the_check_full_is_said() {
    let question = "8.8.8.8 from 10.0.0.255 iif eth0";
    let fast = Host::new(ROUTER).ask(question);
    assert_eq!(fast.outcome.verdict, Verdict::Forwarded);
    assert_eq!(fast.lookups.len(), 1);
    let cases = [
        ("ip rule add pref 10 table 5", "rules were changed"),
        ("ip route add local 20.0.0.1 dev eth0", "a local route was added by hand"),
        ("ip route add 30.0.0.0/8 dev eth0 realms 1/2", "has realms"),
    ];
    for (change, cause) in cases {
        let mut host = Host::new(ROUTER);
        host.run(change);
        let full = host.ask(question);
        assert_eq!(dropped(&full), Some("IP_INVALID_SOURCE"), "{change}");
        let texts = steps(&full, "reverse path");
        assert!(texts.iter().any(|text| text.contains(cause)), "{change}: {texts:?}");
        assert!(texts.iter().any(|text| text.contains("of type broadcast")), "{change}: {texts:?}");
    }
}

#[test]
fn c213_the_way_back_s_key_carries_the_mark_only_where_it_counts() {
    let mut host = Host::new(ROUTER);
    host.run("sysctl -qw net.ipv4.conf.eth0.rp_filter=1");
    host.run("sysctl -qw net.ipv4.conf.all.src_valid_mark=0 net.ipv4.conf.eth0.src_valid_mark=0");
    host.run("ip rule add pref 10 fwmark 1 lookup 80");
    host.run("ip route add local default dev lo table 80");
    let question = "10.0.0.1 from 10.0.0.7 iif eth0 mark 1";
    let without = host.ask(question);
    let key = &lookup(&without, "reverse path").key;
    assert_eq!((key.mark, key.to.as_str(), key.from.as_deref()), (0, "10.0.0.7", Some("10.0.0.1")));
    assert_eq!(without.outcome.verdict, Verdict::Delivered);
    // With it the way back is local, and so the source an own address.
    host.run("sysctl -qw net.ipv4.conf.all.src_valid_mark=1");
    let with = host.ask(question);
    let back = lookup(&with, "reverse path");
    assert_eq!(back.key.mark, 1);
    assert_eq!(decision(back), (10, RuleVerdict::Found, Some("local default dev lo")));
    assert_eq!(dropped(&with), Some("IP_LOCAL_SOURCE"));
}

#[test]
fn c198_c199_what_the_sender_of_an_unroutable_packet_hears() {
    let mut host = Host::new(ROUTER);
    host.run("ip route del default");
    host.run("ip route add unreachable 1.0.0.0/8");
    host.run("ip route add prohibit 2.0.0.0/8");
    host.run("ip route add blackhole 3.0.0.0/8");
    let heard = |host: &Host, to: &str| {
        let outcome = host.ask(&format!("{to} from 10.0.0.7 iif eth0")).outcome;
        (outcome.errno_name, outcome.drop_reason, outcome.icmp.map(|text| text.contains("(3/")))
    };
    assert_eq!(heard(&host, "1.1.1.1"), (Some("EHOSTUNREACH"), Some("NOT_SPECIFIED"), Some(true)));
    assert_eq!(heard(&host, "2.1.1.1"), (Some("EACCES"), Some("NOT_SPECIFIED"), Some(true)));
    assert_eq!(heard(&host, "3.1.1.1"), (Some("EINVAL"), Some("NOT_SPECIFIED"), None));
    assert_eq!(heard(&host, "4.1.1.1"), (Some("ENETUNREACH"), Some("IP_INNOROUTES"), Some(true)));
    host.run("sysctl -qw net.ipv4.conf.eth0.forwarding=0");
    for to in ["1.1.1.1", "2.1.1.1", "3.1.1.1", "4.1.1.1"] {
        assert_eq!(heard(&host, to), (Some("EHOSTUNREACH"), Some("IP_INADDRERRORS"), None), "{to}");
    }
}

#[test]
fn c133_c134_a_route_that_leaves_elsewhere_is_said_to_be_passed_over() {
    let host = Host::new(ROUTER);
    let explanation = host.ask("10.1.0.7 oif eth0");
    let output = lookup(&explanation, "output");
    let passed: Vec<&str> = output
        .tables
        .iter()
        .flat_map(|table| &table.passed_over)
        .map(|passed| passed.reason.as_str())
        .collect();
    assert!(passed.len() == 2 && passed.iter().all(|reason| reason.contains("eth0")), "{passed:?}");
    assert_eq!(explanation.outcome.dev.as_deref(), Some("eth0"));
    assert_eq!(explanation.outcome.gateway, None);
    assert!(steps(&explanation, "on-link").iter().any(|text| text.contains("ENETUNREACH")));
}

#[test]
fn c154_c155_c157_why_a_source_was_chosen() {
    let mut host = Host::new(ROUTER);
    host.run("ip link add eth2 type dummy");
    host.run("ip link set eth2 up");
    host.run("ip route add 8.0.0.0/8 dev eth2");
    host.run("ip route add 7.0.0.0/8 dev eth1");
    host.run("ip route add 6.0.0.0/8 dev eth1 src 10.0.0.1");
    let why = |to: &str| {
        let explanation = host.ask(to);
        steps(&explanation, "source").join("; ")
    };
    assert!(why("9.9.9.9").starts_with("10.1.0.1: the device's address in whose subnet"));
    assert!(why("8.8.8.8").starts_with("10.0.0.1: borrowed"));
    assert!(why("7.7.7.7").starts_with("10.1.0.1: the device's first address"));
    assert!(why("6.6.6.6").starts_with("10.0.0.1: the route names it"));
    assert_eq!(why("9.9.9.9 from 10.0.0.1"), "");
}

#[test]
fn t32_a_gateway_that_was_an_own_address_is_said_to_be_unused() {
    let mut host = Host::new(ROUTER);
    host.run("ip addr add 10.1.0.77/24 dev eth1");
    host.run("ip route add 5.0.0.0/8 via 10.1.0.77 dev eth1");
    host.run("ip addr del 10.1.0.77/24 dev eth1");
    let explanation = host.ask("5.5.5.5");
    assert_eq!(explanation.outcome.gateway, None);
    let [why] = steps(&explanation, "gateway")[..] else { panic!("{:#?}", explanation.lookups) };
    assert!(why.starts_with("10.1.0.77 is not used") && why.contains("scope host"), "{why}");
    assert!(steps(&host.ask("9.9.9.9"), "gateway").is_empty());
}

#[test]
fn c189_a_group_that_the_vrf_joined_takes_a_packet_received_in_it() {
    let mut host = Host::new(ROUTER);
    host.run("ip link add red type vrf table 10");
    host.run("ip link set red up");
    host.run("ip link set eth1 master red");
    assert_eq!(host.ask("224.1.1.1 from 10.1.0.9 iif eth1").outcome.verdict, Verdict::Dropped);
    host.run("ip addr add 224.1.1.1/32 autojoin dev red");
    assert_eq!(host.ask("224.1.1.1 from 10.1.0.9 iif eth1").outcome.verdict, Verdict::Delivered);
    assert_eq!(host.ask("224.1.1.1 from 10.0.0.9 iif eth0").outcome.verdict, Verdict::Dropped);
}

#[test]
fn a_source_that_is_no_own_address_is_the_reason_of_the_refusal() {
    let host = Host::of_example("plain");
    let refused = host.ask("8.8.8.8 from 2.2.2.2");
    assert_eq!(refused.outcome.errno_name, Some("ENETUNREACH"));
    assert!(
        refused.outcome.text.ends_with(": 2.2.2.2 is no address of this host"),
        "{}",
        refused.outcome.text
    );
    assert_eq!(steps(&refused, "source"), ["2.2.2.2 is no address of this host"]);
    assert_eq!(steps(&host.ask("224.0.0.5 from 2.2.2.2"), "source"), ["2.2.2.2 is no address of this host"]);
    assert_eq!(steps(&host.ask("8.8.8.8 from 224.0.0.1"), "source"), ["224.0.0.1 can be no packet's source"]);
    let looped = host.ask("8.8.8.8 from 127.0.0.1");
    assert_eq!(steps(&looped, "source"), ["127.0.0.1 does not leave this host (route_localnet is off)"]);
    assert!(steps(&host.ask("8.8.8.8 from 192.0.2.10"), "source").is_empty());
}

#[test]
fn a_demanded_device_that_is_down_is_the_reason_of_the_refusal() {
    let mut host = Host::of_example("plain");
    host.run("ip link add e9 type dummy");
    assert_eq!(steps(&host.ask("8.8.8.8 oif e9"), "device"), ["e9 is down"]);
}

#[test]
fn who_lends_a_source_to_whom_is_named() {
    let why = |host: &Host, question| steps(&host.ask(question), "source")[0].to_string();
    let vrf = Host::of_example("vrf-fallthrough");
    assert_eq!(why(&vrf, "8.8.8.8 vrf blue"), "10.1.1.1: borrowed from eth1, since blue has none");
    let mut host = Host::of_example("plain");
    host.run(
        "ip link set lo up\nip link add e9 type dummy\nip link set e9 up\nip route add 9.0.0.0/8 dev e9",
    );
    assert_eq!(why(&host, "9.9.9.9"), "192.0.2.10: borrowed from eth0, since e9 has none");
    assert_eq!(why(&host, "8.8.8.8 oif e9"), "192.0.2.10: borrowed from eth0, since e9 has none");
    assert_eq!(why(&host, "8.8.8.8 oif lo"), "192.0.2.10: borrowed from eth0, since lo has none that fits");
}
