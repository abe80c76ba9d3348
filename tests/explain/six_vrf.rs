//! IPv6 in a VRF: what an explanation shows of its lookups, and what befalls
//! packets that a VRF received. What packets do was seen on Linux 7.2.7.

use fingerpost::explain::Verdict;
use fingerpost_engine::Behaviour;

use crate::host::{Host, lookup, steps};

const RED: &str = "
sysctl -w net.ipv6.conf.default.accept_dad=0
sysctl -w net.ipv6.conf.all.forwarding=1
ip link set lo up
ip link add red type vrf table 10
ip link set red up
ip link add e1 address 02:00:00:00:00:01 type dummy
ip link add d3 address 02:00:00:00:00:03 type dummy
ip link set e1 master red
ip link set d3 master red
ip link set e1 up
ip link set d3 up
ip addr add 2001:db8:1::1/64 dev e1
ip addr add 2001:db8:3::1/64 dev d3
";

#[test]
fn f042_what_is_of_one_link_of_a_vrf_is_said_to_ask_no_rule() {
    let host = Host::new(RED);
    let explanation = host.ask("fe80::9 dev e1");
    let output = lookup(&explanation, "output");
    assert_eq!((output.rules.len(), output.rules_evaluated), (0, false));
    assert_eq!(output.result.as_deref(), Some("fe80::/64 dev e1 metric 256"));
    let said = "fe80::9 is of one link: the table of VRF red alone is searched, no rule is asked";
    assert_eq!(steps(&explanation, "vrf"), [said]);
    let by_vrf = host.ask("ff0e::9 dev red");
    let said = "ff0e::9 is a group, and VRF red is no link: name one of its devices";
    assert_eq!(steps(&by_vrf, "vrf")[0], said);
    assert_eq!(by_vrf.outcome.errno_name, Some("ENETUNREACH"));
}

#[test]
fn f045_rules_see_a_packet_come_in_by_its_vrf() {
    let question = "2001:db8:3::9 from 2001:db8:1::9 iif e1";
    let mut host = Host::new(RED);
    host.run("ip -6 rule add iif e1 prohibit pref 500");
    let explanation = host.ask(question);
    assert_eq!(explanation.outcome.verdict, Verdict::Forwarded);
    let input = lookup(&explanation, "input");
    assert_eq!(input.key.iif.as_deref(), Some("red"));
    assert_eq!(steps(&explanation, "vrf"), ["e1 is in VRF red: the packet is routed as received on red"]);
    assert_eq!(host.ask("2001:db8:1::1 from 2001:db8:1::9 iif e1").outcome.verdict, Verdict::Delivered);
    host.run("ip -6 rule del pref 500\nip -6 rule add iif red prohibit pref 500");
    assert_eq!(host.ask(question).outcome.errno_name, Some("EACCES"));
}

#[test]
fn f045_of_equal_routes_the_ingress_device_s_is_not_preferred_in_a_vrf() {
    let mut host = Host::new(RED);
    host.run("ip addr add 2001:db8:7::1/64 dev d3\nip addr add 2001:db8:7::2/64 dev e1");
    let explanation = host.ask("2001:db8:7::9 from 2001:db8:1::9 iif e1");
    assert_eq!(explanation.outcome.dev.as_deref(), Some("d3"));
}

#[test]
fn f045_a_packet_of_one_link_asks_no_rule_in_a_vrf() {
    let mut host = Host::new(RED);
    host.run("ip -6 rule add prohibit pref 1");
    let own = host.ask("fe80::ff:fe00:1 from fe80::9 iif e1");
    assert_eq!(own.outcome.verdict, Verdict::Delivered);
    assert!(!lookup(&own, "input").rules_evaluated);
    let other = host.ask("2001:db8:3::9 from 2001:db8:1::9 iif e1");
    assert_eq!(other.outcome.errno_name, Some("EACCES"));
}

#[test]
fn f041_a_source_that_linux_chooses_by_chance_is_said_to_be_unknown() {
    let mut host = Host::new(&RED.replace("ip addr add 2001:db8:1::1/64 dev e1\n", ""));
    host.run("ip -6 route add default via fe80::9 dev e1 table 10");
    let explanation = host.ask("3000::1 dev red");
    assert_eq!(explanation.outcome.source.as_deref(), Some("fe80::ff:fe00:1"));
    let [unknown] = &explanation.unknown[..] else { panic!("{:?}", explanation.unknown) };
    assert!(unknown.contains("2001:db8:3::1 as well as fe80::ff:fe00:1"), "{unknown}");
    host.run("ip addr add 2001:db8:1::1/64 dev e1");
    assert_eq!(host.ask("3000::1 dev red").unknown, Vec::<String>::new());
}

#[test]
fn t47_switches_of_releases_that_were_not_compared_with_are_named() {
    let mut host = Host::new(RED);
    host.run(
        "ip -6 route add 2001:db8:9::/48 table 10 nexthop via fe80::5 dev e1 nexthop via fe80::6 dev d3",
    );
    let question = "2001:db8:9::1 from 2001:db8:1::1 dev e1";
    assert!(host.ask(question).unverified.is_empty());
    host.world.behaviour = Behaviour::of_release("7.1");
    assert_eq!(host.ask(question).unverified, ["multipath6_keeps_device"]);
    assert!(host.ask("2001:db8:9::1 from 2001:db8:1::1").unverified.is_empty());
}
