//! IPv4, and the devices themselves.

use super::{both, last};

/// A veth pair, both ends up, and a VRF with table 10.
const START: &str = "
ip link set lo up
ip link add e1 address 02:00:00:00:00:01 type veth peer name e2 address 02:00:00:00:00:02
ip link set e1 up
ip link set e2 up
ip link add red address 02:00:00:00:00:03 type vrf table 10
ip link set red up
";

fn after(lines: &str) -> String {
    format!("{START}{lines}")
}

#[test]
fn a_vrf_device_makes_its_table() {
    both(&after("ip -4 route show table 10"), "");
    let none = "Error: ipv4: FIB table does not exist.\nDump terminated";
    both(&after("ip -4 route show table 11"), none);
}

#[test]
fn a_question_in_a_vrf_without_a_route_is_not_assumed_on_link() {
    let refused = "RTNETLINK answers: Network is unreachable";
    both(&after("ip route get 224.1.2.3 vrf red"), refused);
    both(&after("ip route get 192.0.2.1 oif red"), refused);
}

#[test]
fn a_source_is_checked_in_the_vrf_that_the_packet_came_from() {
    let own = "
sysctl -q -w net.ipv4.ip_forward=1
ip link add d6 type dummy
ip link set d6 master red
ip link set d6 up
ip addr add 10.0.2.1/24 dev d6
ip addr add 172.16.5.1/28 dev e1
ip route get 172.16.5.5 from 10.0.2.1 iif d6";
    both(&after(own), "RTNETLINK answers: Invalid argument");
    let strict = "
ip addr add 203.0.113.65/26 dev e1
ip addr add 10.0.0.1/24 dev red
sysctl -q -w net.ipv4.conf.all.rp_filter=1
ip route get 203.0.113.65 from 10.0.0.2 iif red";
    let local = "local 203.0.113.65 from 10.0.0.2 dev lo table local\n    cache <local> iif red";
    both(&after(strict), local);
}

#[test]
fn a_rule_that_asks_for_no_vrf_looks_in_main() {
    let lines = "
ip addr add 10.0.1.1/24 dev e1
ip route add default via 10.0.1.6
ip route add prohibit default table 100
ip rule add not l3mdev pref 1
ip rule add table 100 pref 2
ip route get 203.0.113.71";
    both(&after(lines), "203.0.113.71 via 10.0.1.6 dev e1 src 10.0.1.1 uid 0\n    cache");
}

#[test]
fn a_vrf_lets_its_devices_go_in_the_order_they_came() {
    let lines = "
ip link set e1 master red
ip link set e2 master red
ip addr add 172.16.5.1/28 dev e1
ip addr add 172.16.5.1/28 dev e2
ip link del red
ip route";
    let routes =
        ["e1", "e2"].map(|dev| format!("172.16.5.0/28 dev {dev} proto kernel scope link src 172.16.5.1"));
    both(&after(lines), &routes.join("\n"));
}

#[test]
fn what_made_a_device_promiscuous_stays_when_it_joins_a_vrf() {
    let lines = "
ip link add link e2 name v5 address 02:00:00:00:00:06 type vlan id 5
ip link set v5 up
ip link set e2 master red
ip -br link show e2";
    let shown = "e2@e1            UP             02:00:00:00:00:02 <BROADCAST,MULTICAST,PROMISC,UP,LOWER_UP>";
    both(&after(lines), shown);
}

const ON_A_VLAN: &str = "
ip link add link e2 name v5 type vlan id 5
ip link set v5 up
ip addr add 1.0.0.1/8 dev v5
ip route add 20.0.0.0/8 via 1.0.0.2
ip link set e2 master red
ip route";

#[test]
fn routes_on_a_vlan_survive_its_device_joining_a_vrf_by_release() {
    let connected = "1.0.0.0/8 dev v5 proto kernel scope link src 1.0.0.1";
    let kept = format!("{connected}\n20.0.0.0/8 via 1.0.0.2 dev v5");
    assert_eq!(last("7.2.7", &after(ON_A_VLAN)), kept);
    assert_eq!(last("6.18", &after(ON_A_VLAN)), connected);
}

#[test]
fn a_loosely_bound_vlan_stays_up() {
    let lines = "
ip link add link e2 name v6 type vlan id 6 loose_binding on
ip link set v6 address 02:00:00:00:00:07
ip link set v6 up
ip link set e2 down
ip -br link show v6";
    let shown = "v6@e2            UP             02:00:00:00:00:07 <BROADCAST,MULTICAST,UP,LOWER_UP,M-DOWN>";
    both(&after(lines), shown);
}

#[test]
fn a_passthru_macvlan_has_its_device_s_address_and_keeps_its_mode() {
    let macvlan = "ip link add link e2 name mv address 02:00:00:00:00:08 type macvlan mode passthru\n";
    let shown = "mv@e2            DOWN           02:00:00:00:00:0e <BROADCAST,MULTICAST>";
    for whose in ["e2", "mv"] {
        let lines = format!("{macvlan}ip link set {whose} address 02:00:00:00:00:0e\nip -br link show mv");
        both(&after(&lines), shown);
    }
    let lines = format!("{macvlan}ip link set mv type macvlan mode bridge");
    both(&after(&lines), "RTNETLINK answers: Invalid argument");
}

#[test]
fn what_stands_on_a_device_goes_before_its_peer() {
    // The address is gone with `v5` while its peer's route still makes it a local one.
    let lines = "
ip link add link e1 name v5 type vlan id 5
ip addr add 169.254.0.1/16 dev v5
ip link set e2 down
ip route add local default dev e2
ip route add blackhole 192.0.0.0/3 src 169.254.0.1
ip link del e1
ip route";
    both(&after(lines), "blackhole 192.0.0.0/3 src 169.254.0.1");
    both(&after(&lines.replace("ip route add local default dev e2\n", "")), "");
}

#[test]
fn a_removed_device_takes_its_addresses_from_its_vrf() {
    let lines = "
ip link add d6 type dummy
ip addr add 10.0.0.129/25 dev d6
ip route add blackhole 20.0.0.0/8 src 10.0.0.129
ip link set d6 master red
ip link del d6
ip route";
    // A route of the main table is another domain's.
    both(&after(lines), "blackhole 20.0.0.0/8 src 10.0.0.129");
    both(&after(&lines.replace("ip link set d6 master red\n", "")), "");
}

#[test]
fn a_vlan_stands_on_ethernet_alone() {
    let lines = "
ip tuntap add dev t1 mode tun
ip link add link t1 name t1.5 type vlan id 5";
    both(&after(lines), "Error: 8021q: VLANs not supported on device.");
}

#[test]
fn a_rule_that_refuses_leaves_its_realms_to_what_is_assumed_on_link() {
    let lines = "
ip rule add table 100 realms 4
ip route add prohibit 8.0.0.0/8 table 100
ip route get 8.0.0.5 oif e1";
    both(&after(lines), "8.0.0.5 dev e1 realm 4 uid 0\n    cache");
}

#[test]
fn route_localnet_by_release() {
    let lines =
        after("sysctl -w net.ipv4.conf.default.route_localnet=1\nsysctl -n net.ipv4.conf.e1.route_localnet");
    assert_eq!(last("7.2.7", &lines), "1");
    assert_eq!(last("6.18", &lines), "0");
    let lines = after(
        "
ip addr add 10.0.0.1/24 dev e1
ip route get 10.0.0.9 notify
sysctl -w net.ipv4.conf.e1.route_localnet=1
ip route get 10.0.0.9",
    );
    assert_eq!(last("7.2.7", &lines), "10.0.0.9 dev e1 src 10.0.0.1 notify uid 0\n    cache <notify>");
    assert_eq!(last("6.18", &lines), "10.0.0.9 dev e1 src 10.0.0.1 uid 0\n    cache");
}

#[test]
fn rules_deleted_by_release() {
    let lines = "
ip link set lo up
ip link add e1 type dummy
ip link set e1 up
ip addr add 10.0.0.1/24 dev e1
ip rule del pref 0
ip rule del pref 32766
ip rule del pref 32767
ip route get 10.0.0.1";
    let found = "local 10.0.0.1 dev lo src 10.0.0.1 uid 0\n    cache <local>";
    assert_eq!(last("7.2.7", lines), found);
    assert_eq!(last("6.18", lines), "RTNETLINK answers: Network is unreachable");
}

const IN_RED: &str = "
ip link set e1 master red
ip addr add 10.0.1.1/24 dev e1
ip route add 203.0.113.0/24 dev e1 table main
ip route add prohibit default table 10
ip rule add not fwmark 7 l3mdev pref 1
";

#[test]
fn a_negated_l3mdev_rule_whose_mark_fails_looks_in_main() {
    // The VRF's table is found only where the test for a VRF is reached.
    let main = "203.0.113.71 dev e1 src 10.0.1.1 uid 0\n    cache";
    both(&after(&format!("{IN_RED}ip route get 203.0.113.71 vrf red")), main);
    let prohibited = "RTNETLINK answers: Permission denied";
    both(&after(&format!("{IN_RED}ip route get 203.0.113.71 vrf red mark 7")), prohibited);
}

#[test]
fn a_group_that_the_vrf_joined_does_not_count_for_the_pseudo_packet_of_route_get() {
    let refused = "RTNETLINK answers: Invalid argument";
    let asked = "ip route get 224.1.1.1 from 10.0.1.9 iif e1";
    both(&after(&format!("{IN_RED}ip addr add 224.1.1.1/32 autojoin dev e2\n{asked}")), refused);
    both(&after(&format!("{IN_RED}ip addr add 224.1.1.1/32 autojoin dev red\n{asked}")), refused);
}
