//! What 6.18 and 7.2 do differently with IPv6, and with MPLS labels.

use super::{both, last};

/// A veth pair with addresses, both ends up.
const START: &str = "
sysctl -q -w net.ipv6.conf.default.accept_dad=0
sysctl -q -w net.ipv4.fib_multipath_hash_seed=7
ip link set lo up
ip link add e1 address 02:00:00:00:00:01 type veth peer name e2 address 02:00:00:00:00:02
ip link set e1 up
ip link set e2 up
ip addr add 2001:db8:1::1/64 dev e1
ip addr add 2001:db8:2::1/64 dev e2
";

#[track_caller]
fn by_release(lines: &str, of_6_18: &str, of_7_2: &str) {
    let lines = format!("{START}{lines}");
    assert_eq!(last("6.18", &lines), of_6_18, "6.18");
    assert_eq!(last("7.2.7", &lines), of_7_2, "7.2.7");
}

#[track_caller]
fn alike(lines: &str, expected: &str) {
    both(&format!("{START}{lines}"), expected);
}

#[test]
fn t43_an_onlink_gateway_of_another_device_by_release() {
    let mismatch = "Error: Nexthop has invalid gateway or device mismatch.";
    by_release("ip -6 route add 3000::/16 via 2001:db8:2::5 dev e1 onlink", mismatch, "");
    let lines = "
ip -6 route add multicast 3334::/16 dev e1
ip -6 route add 3000::/16 via 3334::1 dev e1 onlink";
    by_release(lines, mismatch, "Error: Nexthop has invalid gateway.");
    let lines = "
ip -6 route add unreachable 3335::/16
ip -6 route add 3000::/16 via 3335::1 dev e1 onlink
ip -6 route show 3000::/16";
    alike(lines, "3000::/16 via 3335::1 dev e1 metric 1024 onlink pref medium");
    // A default route is passed over where devices are compared, and only there.
    let lines = "
ip -6 route add anycast default dev e1 table main
ip -6 route add 3000::/16 via 4000::1 dev e1 onlink";
    by_release(lines, "", "Error: Nexthop has invalid gateway.");
    alike(
        "ip -6 route add 3000::/16 via 2001:db8:1::1 dev e1 onlink",
        "Error: Gateway can not be a local address.",
    );
}

#[test]
fn t44_input_questions_about_groups_by_release() {
    let too_long = "RTNETLINK answers: Message too long";
    let group =
        "multicast ff0e::9 from 2001:db8::9 dev e1 table local proto kernel metric 256 iif e1 pref medium";
    by_release("ip -6 route get ff0e::9 from 2001:db8::9 iif e1", too_long, group);
    let route = "multicast ff00::/8 dev e1 table local proto kernel metric 256 iif e1 pref medium";
    by_release("ip -6 route get fibmatch ff0e::9 from 2001:db8::9 iif e1", too_long, route);
}

/// By which devices destinations of a route go, in the order of [`HOSTS`].
fn devices(release: &str, setup: &str, prefix: &str, question: &str) -> String {
    let dev = |host: &str| {
        let ask = format!("{START}{setup}\nip -6 route get {prefix}::{host} {question}");
        let answer = last(release, &ask);
        answer.split(" dev e").nth(1).and_then(|rest| rest.chars().next()).unwrap_or('?')
    };
    HOSTS.into_iter().map(dev).collect()
}

const HOSTS: [&str; 6] = ["1", "22", "333", "4444", "5a", "6b"];

#[test]
fn t47_the_leg_by_the_device_asked_for_by_release() {
    let setup = "
sysctl -q -w net.ipv6.conf.all.forwarding=1
ip -6 route add 2001:db8:10::/64 nexthop via 2001:db8:1::5 dev e1 nexthop via 2001:db8:2::5 dev e2";
    let ask = |release: &str, question: &str| devices(release, setup, "2001:db8:10", question);
    for release in ["6.18", "7.2.7"] {
        assert_eq!(ask(release, ""), "221221");
        assert_eq!(ask(release, "oif e1"), "111111", "no other leg is by e1");
        assert_eq!(ask(release, "from 2001:db8:2::1"), "121222");
        assert_eq!(ask(release, "from 2001:db8:2::1 iif e1"), "121222", "received ones are hashed");
    }
    assert_eq!(ask("6.18", "from 2001:db8:2::1 oif e1"), "121222");
    assert_eq!(ask("7.2.7", "from 2001:db8:2::1 oif e1"), "111111");
    assert_eq!(ask("7.2.7", "from 2001:db8:2::1 oif e2"), "222222");
}

#[test]
fn t47_the_member_of_a_group_by_the_device_asked_for_by_release() {
    let setup = "
sysctl -q -w net.ipv6.conf.all.forwarding=1
ip nexthop add id 1 via 2001:db8:1::5 dev e1
ip nexthop add id 2 via 2001:db8:2::5 dev e2
ip nexthop add id 3 group 1/2
ip -6 route add 2001:db8:11::/64 nhid 3";
    let ask = |release: &str, question: &str| devices(release, setup, "2001:db8:11", question);
    assert_eq!(ask("6.18", ""), "212111");
    assert_eq!(ask("7.2.7", ""), "212111");
    for (dev, all) in [("e1", "111111"), ("e2", "222222")] {
        let question = format!("oif {dev}");
        assert_eq!(ask("6.18", &question), "212111");
        assert_eq!(ask("7.2.7", &question), all);
        assert_eq!(ask("7.2.7", &format!("from 2001:db8:2::1 oif {dev}")), all);
    }
}

#[test]
fn f040_the_prefix_route_of_an_address_with_a_lifetime_by_release() {
    let finite = "ip addr add 2001:db8:3::1/64 valid_lft 5000 preferred_lft 4000 dev e1\n";
    let route = "2001:db8:3::/64 dev e1 proto kernel metric 256 expires 5000sec pref medium";
    let gone = format!("{finite}ip addr del 2001:db8:3::1/64 dev e1\nip -6 route show 2001:db8:3::/64");
    by_release(&gone, route, "");
    // Others of the prefix, with and without end, decide as before.
    let permanent = "ip addr add 2001:db8:3::2/64 dev e1\n";
    let stays = "2001:db8:3::/64 dev e1 proto kernel metric 256 pref medium";
    let lines =
        format!("{finite}{permanent}ip addr del 2001:db8:3::1/64 dev e1\nip -6 route show 2001:db8:3::/64");
    alike(&lines, stays);
    let lines = lines.replace("del 2001:db8:3::1", "del 2001:db8:3::2");
    alike(&lines, route);
}

#[test]
fn f044_mpls_labels_by_release() {
    let start = "ip addr add 10.0.0.1/24 dev e1\n";
    let unknown = "Error: lwt encapsulation type not supported.";
    let routes = format!(
        "{start}ip route add 10.5.0.0/16 encap mpls 100/200 via 10.0.0.9
ip route add 10.6.0.0/16 encap mpls 300 ttl 9 dev e1
"
    );
    let all = "10.0.0.0/24 dev e1 proto kernel scope link src 10.0.0.1
10.5.0.0/16  encap mpls  100/200 via 10.0.0.9 dev e1
10.6.0.0/16  encap mpls  300 ttl 9 dev e1 scope link";
    assert_eq!(last("7.2.7", &format!("{START}{routes}ip route")), all);
    let get = "10.5.0.1  encap mpls  100/200 via 10.0.0.9 dev e1 src 10.0.0.1 uid 0\n    cache";
    assert_eq!(last("7.2.7", &format!("{START}{routes}ip route get 10.5.0.1")), get);
    by_release(&format!("{start}ip route add 10.5.0.0/16 encap mpls 100/200 via 10.0.0.9"), unknown, "");
    let null = "Error: Implicit NULL Label (3) can not be used in encapsulation.";
    by_release(&format!("{start}ip route add 10.5.0.0/16 encap mpls 100/3 via 10.0.0.9"), unknown, null);
    let labels = |count: u32| {
        let labels: Vec<String> = (100..100 + count).map(|label| label.to_string()).collect();
        format!("{start}ip route add 10.5.0.0/16 encap mpls {} via 10.0.0.9", labels.join("/"))
    };
    by_release(&labels(30), unknown, "");
    by_release(&labels(31), unknown, "Error: Too many labels.");
    let six = "ip -6 route add 2001:db8:5::/48 encap mpls 100/200 via 2001:db8:1::9";
    by_release(six, unknown, "");
    let get = "2001:db8:5::1 from ::  encap mpls  100/200 via 2001:db8:1::9 dev e1 src 2001:db8:1::1 metric 1024 pref medium";
    assert_eq!(last("7.2.7", &format!("{START}{six}\nip -6 route get 2001:db8:5::1")), get);
    let object = format!("{start}ip nexthop add id 1 encap mpls 100 via 10.0.0.9 dev e1");
    by_release(&object, unknown, "");
    let shown = last("7.2.7", &format!("{START}{object}\nip nexthop show"));
    assert_eq!(shown, "id 1  encap mpls  100 via 10.0.0.9 dev e1 scope link");
}
