//! IPv6 in a VRF.

use super::both;

/// A veth pair, both ends up, and a VRF with table 10.
const START: &str = "
sysctl -q -w net.ipv6.conf.default.accept_dad=0
ip link set lo up
ip link add e1 address 02:00:00:00:00:01 type veth peer name e2 address 02:00:00:00:00:02
ip link set e1 up
ip link set e2 up
ip link add red address 02:00:00:00:00:03 type vrf table 10
ip link set red up
";

/// What the last line prints after the start.
#[track_caller]
fn at_start(lines: &str, expected: &str) {
    both(&format!("{START}{lines}"), expected);
}

/// The same where `e1` is in the VRF and has an address.
#[track_caller]
fn in_red(lines: &str, expected: &str) {
    at_start(&format!("ip link set e1 master red\nip addr add 2001:db8:1::1/64 dev e1\n{lines}"), expected);
}

const UNREACHABLE: &str = "RTNETLINK answers: Network is unreachable";

#[test]
fn f043_a_vrf_device_makes_its_ipv6_table() {
    at_start("ip -6 route show table 10", "");
    at_start("ip -6 route show table 11", "Error: ipv6: FIB table does not exist.\nDump terminated");
}

#[test]
fn c112_the_first_vrf_brings_its_rule_for_ipv6_too() {
    let rules =
        "0:\tfrom all lookup local\n1000:\tfrom all lookup [l3mdev-table]\n32766:\tfrom all lookup main";
    at_start("ip -6 rule", rules);
    in_red("ip -6 rule del pref 1000\nip -6 route get 2001:db8:1::9 vrf red", UNREACHABLE);
}

#[test]
fn a_vrf_device_has_no_link_local_address() {
    at_start("ip -6 addr show dev red", "");
}

#[test]
fn joining_a_vrf_moves_what_the_device_has_by_itself() {
    let table = "\
local fe80::ff:fe00:1 dev e1 proto kernel metric 0 pref medium
fe80::/64 dev e1 proto kernel metric 256 pref medium
multicast ff00::/8 dev e1 proto kernel metric 256 pref medium";
    at_start("ip link set e1 master red\nip -6 route show table 10", table);
    // The addresses that it was given, and routes through it, are gone.
    let lines = "
ip addr add 2001:db8:1::1/64 dev e1
ip -6 route add 2001:db8:5::/48 via 2001:db8:1::9
ip link set e1 master red
ip -6 route show table ";
    at_start(&format!("{lines}10"), table);
    at_start(&format!("{lines}main"), "fe80::/64 dev e2 proto kernel metric 256 pref medium");
    at_start(
        "ip link add d3 type dummy\nip addr add 2001:db8:1::1/64 dev d3\nip link set d3 master red\n\
         ip -6 addr show dev d3",
        "",
    );
}

const KEPT: &str = "\
local 2001:db8:1::1 dev e1 proto kernel metric 0 pref medium
2001:db8:1::/64 dev e1 proto kernel metric 256 pref medium
local fe80::ff:fe00:1 dev e1 proto kernel metric 0 pref medium
fe80::/64 dev e1 proto kernel metric 256 pref medium
multicast ff00::/8 dev e1 proto kernel metric 256 pref medium";

#[test]
fn addresses_that_are_kept_follow_their_device_into_a_vrf_and_out_of_it() {
    let keep = "sysctl -q -w net.ipv6.conf.e1.keep_addr_on_down=1\nip addr add 2001:db8:1::1/64 dev e1\n";
    at_start(&format!("{keep}ip link set e1 master red\nip -6 route show table 10"), KEPT);
    for left in ["ip link set e1 nomaster", "ip link del red"] {
        let lines = format!("{keep}ip link set e1 master red\n{left}\nip -6 route show table local dev e1");
        let local = "\
local 2001:db8:1::1 proto kernel metric 0 pref medium
local fe80::ff:fe00:1 proto kernel metric 0 pref medium
multicast ff00::/8 proto kernel metric 256 pref medium";
        at_start(&lines, local);
    }
}

#[test]
fn a_link_local_destination_is_looked_up_in_the_vrf_of_its_device() {
    let by_e1 = "fe80::9 from :: dev e1 table 10 proto kernel src fe80::ff:fe00:1 metric 256 pref medium";
    in_red("ip -6 route get fe80::9 oif e1", by_e1);
    let own =
        "local fe80::ff:fe00:1 from :: dev lo table 10 proto kernel src fe80::ff:fe00:1 metric 0 pref medium";
    in_red("ip -6 route get fe80::ff:fe00:1 oif e1", own);
}

#[test]
fn f042_rules_are_not_asked_for_what_is_of_one_link_of_a_vrf() {
    let group = |dst: &str, dev: &str, table: &str, src: &str| {
        format!(
            "multicast {dst} from :: dev {dev} table {table} proto kernel src {src} metric 256 pref medium"
        )
    };
    let in_table = |dst| group(dst, "e1", "10", "fe80::ff:fe00:1");
    in_red("ip -6 route get ff02::9 oif e1", &in_table("ff02::9"));
    in_red(
        "ip -6 route get ff0e::9 oif e1",
        &in_table("ff0e::9").replace("fe80::ff:fe00:1", "2001:db8:1::1"),
    );
    in_red("ip -6 rule add prohibit pref 1\nip -6 route get ff02::9 oif e1", &in_table("ff02::9"));
    // Outside of a VRF they are, after what table local has.
    let local = group("ff02::9", "e2", "local", "fe80::ff:fe00:2");
    in_red("ip -6 rule add prohibit pref 1\nip -6 route get ff02::9 oif e2", &local);
    in_red(
        "ip -6 rule del pref 0\nip -6 rule add prohibit pref 1\nip -6 route get ff02::9 oif e2",
        "RTNETLINK answers: Permission denied",
    );
    // No other table is looked at.
    let in_main = "
ip -6 route del ff00::/8 dev e1 table 10
ip -6 route add ff00::/8 dev e1 table main
ip -6 route get ff02::9 oif e1";
    in_red(in_main, UNREACHABLE);
}

#[test]
fn f042_a_vrf_device_is_no_link() {
    in_red("ip -6 route get fe80::9 vrf red", UNREACHABLE);
    in_red("ip -6 route get ff0e::9 vrf red", UNREACHABLE);
    in_red("ip -6 route get fe80::9 from fe80::8 iif red", UNREACHABLE);
}

#[test]
fn own_addresses_of_a_vrf_are_reached_through_its_device() {
    let own =
        "local 2001:db8:1::1 from :: dev red table 10 proto kernel src 2001:db8:1::1 metric 0 pref medium";
    in_red("ip -6 route get 2001:db8:1::1 vrf red", own);
    in_red("ip -6 route get 2001:db8:1::1 oif e1", own);
    in_red("ip -6 route get 2001:db8:1::1", UNREACHABLE);
    let received =
        "local 2001:db8:1::1 from 2001:db8:1::9 dev red table 10 proto kernel metric 0 iif e1 pref medium";
    in_red("ip -6 route get 2001:db8:1::1 from 2001:db8:1::9 iif e1", received);
    let anycast =
        "anycast 2001:db8:1:: from :: dev red table 10 proto kernel src 2001:db8:1::1 metric 0 pref medium";
    in_red("sysctl -q -w net.ipv6.conf.all.forwarding=1\nip -6 route get 2001:db8:1:: vrf red", anycast);
    let loopback = "local ::1 from :: dev lo table local proto kernel src ::1 metric 0 pref medium";
    in_red("ip addr add ::1/128 dev red\nip -6 route get ::1 vrf red", loopback);
    in_red("ip addr add ::1/128 dev e1", "Error: ipv6: Cannot assign loopback address on this device.");
}

#[test]
fn a_vrf_without_a_default_route_goes_on_to_main() {
    let leak = "ip -6 route add default dev e2\n";
    let main = "2001:db8:9::9 from :: dev e2 src fe80::ff:fe00:2 metric 1024 pref medium";
    in_red(&format!("{leak}ip -6 route get 2001:db8:9::9 vrf red"), main);
    // Not where the question names a device of the VRF.
    in_red(&format!("{leak}ip -6 route get 2001:db8:9::9 oif e1"), UNREACHABLE);
    let end = "ip -6 route add unreachable default metric 4278198272 table 10\n";
    let ended = "RTNETLINK answers: No route to host";
    in_red(&format!("{leak}{end}ip -6 route get 2001:db8:9::9 vrf red"), ended);
    let received = "2001:db8:9::9 from 2001:db8:1::9 dev e2 metric 1024 iif e1 pref medium";
    in_red(&format!("{leak}ip -6 route get 2001:db8:9::9 from 2001:db8:1::9 iif e1"), received);
}

#[test]
fn gateways_are_looked_for_in_the_vrf() {
    let by_table = "2001:db8:5::/48 via 2001:db8:1::9 dev e1 metric 1024 pref medium";
    for whose in ["table 10", "vrf red"] {
        let add = format!("ip -6 route add 2001:db8:5::/48 via 2001:db8:1::9 {whose}\n");
        in_red(&format!("{add}ip -6 route show table 10 2001:db8:5::/48"), by_table);
    }
    let add = "ip -6 route add 2001:db8:5::/48 via 2001:db8:1::9";
    in_red(add, "RTNETLINK answers: No route to host");
    in_red(&format!("{add} dev e1\nip -6 route show 2001:db8:5::/48"), by_table);
    let local = "Error: Gateway can not be a local address.";
    in_red("ip -6 route add 2001:db8:5::/48 via 2001:db8:1::1 dev e1", local);
    // An own address of another domain is none here.
    let lines = "
ip addr add 2001:db8:1::8/64 dev e2
ip -6 route add 2001:db8:5::/48 via 2001:db8:1::8 dev e1 table 10
ip -6 route show table 10 2001:db8:5::/48";
    in_red(lines, "2001:db8:5::/48 via 2001:db8:1::8 dev e1 metric 1024 pref medium");
    let lines = "
ip addr add 2001:db8:2::1/64 dev e2
ip -6 route add 2001:db8:5::/48 dev e1 src 2001:db8:2::1 table 10";
    in_red(lines, "Error: Invalid source address.");
}

/// The answer through the default route of the VRF, with this source.
fn by_default(src: &str) -> String {
    format!("3000::1 from :: via fe80::9 dev e1 table 10 src {src} metric 1024 pref medium")
}

const ASK: &str = "ip -6 route add default via fe80::9 dev e1 table 10\nip -6 route get 3000::1 vrf red";

#[test]
fn sources_of_a_vrf_are_those_of_its_devices() {
    in_red(&format!("ip addr add 2001:db8:2::1/64 dev red\n{ASK}"), &by_default("2001:db8:1::1"));
    let lines = format!("ip link set e1 master red\nip addr add 2001:db8:2::1/64 dev red\n{ASK}");
    at_start(&lines, &by_default("2001:db8:2::1"));
    // Another domain's better one is none.
    in_red(&format!("ip addr add 3000::9/64 dev e2\n{ASK}"), &by_default("2001:db8:1::1"));
}

#[test]
fn f041_the_only_source_of_a_device_and_its_vrf_is_enough() {
    let third = "
ip link add d3 address 02:00:00:00:00:05 type dummy
ip link set d3 master red
ip link set d3 up
ip link set e1 master red
ip addr add 2001:db8:3::1/64 dev d3
";
    at_start(&format!("{third}{ASK}"), &by_default("fe80::ff:fe00:1"));
    // Of two the scopes are compared, and what is too narrow sends on to the others.
    at_start(&format!("{third}ip addr add fe80::77/64 dev e1\n{ASK}"), &by_default("2001:db8:3::1"));
}

#[test]
fn questions_about_received_packets_of_a_vrf() {
    let route =
        "2001:db8:1::9 from 2001:db8:1::8 dev e1 table 10 proto kernel metric 256 iif red pref medium";
    in_red("ip -6 route get 2001:db8:1::9 from 2001:db8:1::8 iif red", route);
    let of_link = "fe80::9 from fe80::8 dev e1 table 10 proto kernel metric 256 iif e1 pref medium";
    in_red("ip -6 route get fe80::9 from fe80::8 iif e1", of_link);
}

#[test]
fn legs_of_a_link_local_destination_are_those_of_the_device() {
    let lines = "
ip link add d3 address 02:00:00:00:00:05 type dummy
ip link set d3 master red
ip link set d3 up
ip -6 route add fe80:5::/32 table 10 nexthop via fe80::5 dev e1 nexthop via fe80::6 dev d3
ip -6 route get fe80:5::1 oif ";
    let by = |dev: &str, gateway: &str, src: &str| {
        format!("fe80:5::1 from :: via {gateway} dev {dev} table 10 src {src} metric 1024 pref medium")
    };
    in_red(&format!("{lines}e1"), &by("e1", "fe80::5", "fe80::ff:fe00:1"));
    in_red(&format!("{lines}d3"), &by("d3", "fe80::6", "fe80::ff:fe00:5"));
}
