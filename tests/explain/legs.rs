//! Where a hash chooses and its seed is not known: what is possible, and how likely.

use crate::host::{Host, steps};

const TWO_WAYS: &str = "
ip link add eth0 type dummy
ip link add eth1 type dummy
ip link set eth0 up
ip link set eth1 up
ip addr add 10.0.0.1/24 dev eth0
ip addr add 10.1.0.1/24 dev eth1
";

/// Each leg's device, gateway, source and share in percent.
fn legs(host: &Host, question: &str) -> Vec<(String, String, String, u32)> {
    let legs = host.ask(question).outcome.legs.into_iter();
    let word = |word: Option<String>| word.unwrap_or_default();
    legs.map(|leg| (leg.dev, word(leg.gateway), word(leg.source), (leg.share * 100.0).round() as u32))
        .collect()
}

fn leg(dev: &str, gateway: &str, source: &str, share: u32) -> (String, String, String, u32) {
    (dev.into(), gateway.into(), source.into(), share)
}

#[test]
fn c051_c053_each_leg_has_its_share_and_its_source() {
    let mut host = Host::new(TWO_WAYS);
    host.run("ip route add 20.0.0.0/8 nexthop via 10.0.0.2 weight 3 nexthop via 10.1.0.2");
    let both = [leg("eth0", "10.0.0.2", "10.0.0.1", 75), leg("eth1", "10.1.0.2", "10.1.0.1", 25)];
    assert_eq!(legs(&host, "20.1.1.1"), both);
    assert_eq!(host.ask("20.1.1.1").outcome.source, None, "it depends on the leg");
    host.run("ip route replace 20.0.0.0/8 src 10.0.0.1 nexthop via 10.0.0.2 nexthop via 10.1.0.2");
    assert_eq!(host.ask("20.1.1.1").outcome.source.as_deref(), Some("10.0.0.1"), "the route's");
    // T-19: a leg whose own source is the packet's goes before the hash.
    let outcome = host.ask("20.1.1.1 from 10.1.0.1").outcome;
    assert_eq!((outcome.legs.len(), outcome.dev.as_deref()), (0, Some("eth1")));
    // C-134: a demanded device leaves no choice.
    let outcome = host.ask("20.1.1.1 oif eth1").outcome;
    assert_eq!((outcome.legs.len(), outcome.gateway.as_deref()), (0, Some("10.1.0.2")));
}

#[test]
fn c055_c068_legs_whose_neighbours_failed_are_not_possible() {
    let mut host = Host::new(TWO_WAYS);
    host.run("ip route add 20.0.0.0/8 nexthop via 10.0.0.2 weight 3 nexthop via 10.1.0.2");
    host.run("ip neigh add 10.0.0.2 dev eth0 nud failed");
    assert_eq!(legs(&host, "20.1.1.1").len(), 2);
    host.run("sysctl -qw net.ipv4.fib_multipath_use_neigh=1");
    let outcome = host.ask("20.1.1.1").outcome;
    assert_eq!((outcome.legs.len(), outcome.dev.as_deref()), (0, Some("eth1")));
    // Groups look at neighbours whatever the setting says.
    host.run("sysctl -qw net.ipv4.fib_multipath_use_neigh=0");
    host.run("ip nexthop add id 1 via 10.0.0.2 dev eth0");
    host.run("ip nexthop add id 2 via 10.1.0.2 dev eth1");
    host.run("ip nexthop add id 10 group 1,3/2");
    host.run("ip route add 21.0.0.0/8 nhid 10");
    let outcome = host.ask("21.1.1.1").outcome;
    assert_eq!((outcome.legs.len(), outcome.dev.as_deref()), (0, Some("eth1")));
    // With both failed, the first is what is left.
    host.run("ip neigh add 10.1.0.2 dev eth1 nud failed");
    let explanation = host.ask("21.1.1.1");
    assert_eq!((explanation.outcome.legs.len(), explanation.outcome.dev.as_deref()), (0, Some("eth0")));
    assert!(steps(&explanation, "path")[0].contains("no hop counts"), "{:?}", steps(&explanation, "path"));
    // And a valid one is the only way on for every hash.
    host.run("ip neigh replace 10.0.0.2 dev eth0 lladdr 02:00:00:00:00:09 nud stale");
    assert_eq!(host.ask("21.1.1.1").outcome.dev.as_deref(), Some("eth0"));
}

#[test]
fn c068_c069_members_of_groups_share_by_weight_and_by_bucket() {
    let mut host = Host::new(TWO_WAYS);
    host.run("ip nexthop add id 1 via 10.0.0.2 dev eth0");
    host.run("ip nexthop add id 2 via 10.1.0.2 dev eth1");
    host.run("ip nexthop add id 10 group 1,3/2");
    host.run("ip nexthop add id 11 group 1,3/2 type resilient buckets 8");
    host.run("ip route add 20.0.0.0/8 nhid 10");
    host.run("ip route add 21.0.0.0/8 nhid 11");
    for question in ["20.1.1.1", "21.1.1.1"] {
        let mut both = legs(&host, question);
        both.sort();
        let due = [leg("eth0", "10.0.0.2", "10.0.0.1", 75), leg("eth1", "10.1.0.2", "10.1.0.1", 25)];
        assert_eq!(both, due, "{question}");
    }
}
