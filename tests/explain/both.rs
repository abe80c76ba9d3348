//! `--both`: the rule of RFC 6724 that decides between two destinations.

use crate::host::Host;

const HOST: &str = "
ip link set lo up
ip link add eth0 type dummy
ip link set eth0 up
ip addr add 192.0.2.10/24 dev eth0
ip route add default via 192.0.2.1
";

/// Which comes first, and the number of the rule that decides.
fn first(host: &Host, four: &str, six: &str) -> (String, Option<u8>) {
    let answers = [host.ask_both(four, six), host.ask_both(six, four)];
    let rule = |n: usize| answers[n].rules.iter().find(|rule| rule.decides).map(|rule| rule.rule);
    assert_eq!((&answers[0].first, rule(0)), (&answers[1].first, rule(1)), "the order given does not matter");
    (answers[0].first.clone(), rule(0))
}

#[test]
fn rfc6724_each_rule_decides_in_its_turn() {
    let mut host = Host::new(HOST);
    let (four, six) = ("198.51.100.1", "2001:db8:9::1");
    assert_eq!(first(&host, four, six), (four.into(), Some(1)), "there is no way to the other");
    host.run("ip -6 route add default via fe80::1 dev eth0");
    assert_eq!(first(&host, four, six), (four.into(), Some(2)), "a link-local source");
    host.run("ip addr add fd00::10/64 dev eth0");
    assert_eq!(first(&host, four, six), (four.into(), Some(5)), "a local source for a public destination");
    host.run("ip addr add 2001:db8:1::10/64 dev eth0 preferred_lft 0");
    // The kernel prefers what is not deprecated, by its rule 3.
    assert_eq!(first(&host, four, six), (four.into(), Some(5)));
    host.run("ip addr del fd00::10/64 dev eth0");
    assert_eq!(first(&host, four, six), (four.into(), Some(3)), "a deprecated source");
    host.run("ip addr add 2001:db8:1::11/64 dev eth0");
    assert_eq!(first(&host, four, six), (six.into(), Some(6)), "precedence");
    assert_eq!(first(&host, "127.0.0.1", "::1"), ("::1".into(), Some(6)));
}

#[test]
fn both_journeys_and_the_values_compared_are_told() {
    let mut host = Host::new(HOST);
    host.run("ip addr add 2001:db8:1::10/64 dev eth0");
    let both = host.ask_both("198.51.100.1", "2001:db8:1::1");
    assert!(both.text.contains("by rule 6 (prefer higher precedence)"), "{}", both.text);
    assert_eq!(both.destinations[0].source.as_deref(), Some("192.0.2.10"));
    assert_eq!(both.destinations[1].source.as_deref(), Some("2001:db8:1::10"));
    assert_eq!(both.destinations[1].explanation.outcome.dev.as_deref(), Some("eth0"));
}
