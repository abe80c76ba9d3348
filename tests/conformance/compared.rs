//! What comparing random scenarios with the kernel has shown and no numbered
//! point says.

use crate::support::{BARE, EMPTY, TWO, check};

#[test]
fn an_address_on_two_devices_belongs_to_the_one_that_got_it_last() {
    let transcript = "
    $ ip addr add 10.9.0.1/24 dev e1
    $ ip addr add 10.9.0.1/24 dev e0
    $ ip route get 255.255.255.255 from 10.9.0.1
    broadcast 255.255.255.255 from 10.9.0.1 dev e0 uid 0
        cache <local,brd>
    $ ip addr del 10.9.0.1/24 dev e0
    $ ip route get 255.255.255.255 from 10.9.0.1
    broadcast 255.255.255.255 from 10.9.0.1 dev e1 uid 0
        cache <local,brd>
    ";
    check("C-130", "an_address_on_two_devices_belongs_to_the_one_that_got_it_last", TWO, transcript, None);
}

#[test]
fn ipv4_neighbours_go_with_the_last_address_and_others_stay() {
    let transcript = "
    $ ip neigh add 10.0.0.9 lladdr 02:00:00:00:00:99 dev e0
    $ ip neigh add fe80::9 lladdr 02:00:00:00:00:99 dev e0
    $ ip addr del 10.0.0.1/24 dev e0
    $ ip neigh show dev e0
    fe80::9 lladdr 02:00:00:00:00:99 PERMANENT
    ";
    check("C-085", "ipv4_neighbours_go_with_the_last_address_and_others_stay", TWO, transcript, None);
}

#[test]
fn a_neighbour_that_leads_nowhere_goes_when_its_address_becomes_broadcast() {
    let transcript = "
    $ ip neigh add 10.2.0.3 dev e0 nud failed
    $ ip neigh add 10.2.0.7 dev e0 lladdr 02:00:00:00:00:99 nud stale
    $ ip neigh add 10.2.0.2 dev e0 nud failed
    $ ip addr add 10.2.0.1/30 dev e0
    $ ip addr add 10.2.0.5/30 dev e0
    $ ip -4 neigh show dev e0
    10.2.0.2 FAILED
    10.2.0.7 lladdr 02:00:00:00:00:99 STALE
    ";
    let name = "a_neighbour_that_leads_nowhere_goes_when_its_address_becomes_broadcast";
    check("arp_invalidate", name, BARE, transcript, None);
}

#[test]
fn buckets_of_resilient_groups_are_shown() {
    let transcript = "
    $ ip nexthop add id 1 via 10.0.0.2 dev e0
    $ ip nexthop add id 2 via 10.1.0.2 dev e1
    $ ip nexthop add id 10 group 1/2,3 type resilient buckets 4
    $ ip nexthop add id 12 group 1/2
    $ ip nexthop bucket
    id 10 index 0 idle_time 0 nhid 2
    id 10 index 1 idle_time 0 nhid 2
    id 10 index 2 idle_time 0 nhid 2
    id 10 index 3 idle_time 0 nhid 1
    $ ip -j nexthop bucket show nhid 1
    [{\"id\":10,\"bucket\":{\"index\":3,\"idle_time\":0,\"nhid\":1},\"flags\":[]}]
    $ ip nexthop bucket show dev e1
    id 10 index 0 idle_time 0 nhid 2
    id 10 index 1 idle_time 0 nhid 2
    id 10 index 2 idle_time 0 nhid 2
    $ ip nexthop bucket get id 10 index 3
    id 10 index 3 idle_time 0 nhid 1
    $ ip nexthop bucket get id 10 index 4
    ! Error: Bucket index out of bounds.
    [2]
    $ ip nexthop bucket show id 12
    ! Error: Nexthop group not of type resilient.
    ! Dump terminated
    [2]
    $ ip nexthop bucket show id 1
    ! Error: Not a nexthop group.
    ! Dump terminated
    [2]
    $ ip nexthop bucket show id 99
    ! Dump terminated
    [2]
    $ ip nexthop bucket get id 99 index 0
    ! RTNETLINK answers: No such file or directory
    [2]
    ";
    check("C-069", "buckets_of_resilient_groups_are_shown", TWO, transcript, None);
}

#[test]
fn the_kernel_leaves_devices_out_of_a_dump_where_ip_would_print_empty_objects() {
    let transcript = "
    $ ip -j -br link show master lo
    []
    $ ip -j -br link show type bridge
    []
    $ ip -j -br link show group 7
    [{},{},{},{},{}]
    ";
    let name = "the_kernel_leaves_devices_out_of_a_dump_where_ip_would_print_empty_objects";
    check("link_dump_filtered", name, TWO, transcript, None);
}

#[test]
fn attributes_that_are_announced_refresh_carrier_marks() {
    let transcript = "
    $ ip link set p0 down
    $ ip route add 20.0.0.0/8 via inet6 fe80::1 dev e0
    $ ip link set e0 address 02:00:00:00:00:77
    $ ip route show 20.0.0.0/8
    20.0.0.0/8 via inet6 fe80::1 dev e0
    $ ip link set e0 group 0
    $ ip route show 20.0.0.0/8
    20.0.0.0/8 via inet6 fe80::1 dev e0 linkdown
    ";
    check("DO_SETLINK_NOTIFY", "attributes_that_are_announced_refresh_carrier_marks", BARE, transcript, None);
}

#[test]
fn a_route_by_object_without_metrics_takes_those_of_one_like_it() {
    let transcript = "
    $ ip nexthop add id 1 dev e0
    $ ip route add 20.0.0.0/8 nhid 1 mtu 1400
    $ ip route add 30.0.0.0/8 nhid 1
    $ ip route add 40.0.0.0/8 nhid 1 proto static
    $ ip route show
    10.0.0.0/24 dev e0 proto kernel scope link src 10.0.0.1
    10.1.0.0/24 dev e1 proto kernel scope link src 10.1.0.1
    20.0.0.0/8 nhid 1 dev e0 mtu 1400
    30.0.0.0/8 nhid 1 dev e0 mtu 1400
    40.0.0.0/8 nhid 1 dev e0 proto static
    ";
    let name = "a_route_by_object_without_metrics_takes_those_of_one_like_it";
    check("fib_find_info_nh", name, TWO, transcript, None);
}

#[test]
fn a_decision_cached_in_an_object_brings_its_metrics() {
    let transcript = "
    $ ip nexthop add id 1 dev e0
    $ ip route add 20.0.0.0/8 nhid 1 advmss 1000
    $ ip route add 30.0.0.0/8 nhid 1 advmss 1200
    $ ip route get 20.0.0.1
    20.0.0.1 dev e0 src 10.0.0.1 uid 0
        cache advmss 1000
    $ ip route get 30.0.0.1
    30.0.0.1 dev e0 src 10.0.0.1 uid 0
        cache advmss 1000
    ";
    check("T-17", "a_decision_cached_in_an_object_brings_its_metrics", TWO, transcript, None);
}

#[test]
fn an_object_keeps_the_source_that_it_chose_in_its_own_scope() {
    let transcript = "
    $ ip addr add 10.2.0.1/24 scope site dev e0
    $ ip addr add 10.3.0.1/24 dev p0
    $ ip nexthop add id 1 via 10.2.0.9 dev e0
    $ ip route add default nhid 1
    $ ip route get 20.0.0.1
    20.0.0.1 via 10.2.0.9 dev e0 src 10.2.0.1 uid 0
        cache
    $ ip addr add 10.4.0.1/24 dev p0
    $ ip route get 20.0.0.1
    20.0.0.1 via 10.2.0.9 dev e0 src 10.3.0.1 uid 0
        cache
    $ ip route del default
    $ ip nexthop add id 2 via 10.4.0.9 dev p0
    $ ip addr add 10.6.0.1/24 scope link dev e0
    $ ip nexthop add id 3 via 10.6.0.9 dev e0
    $ ip route add default nhid 3
    $ ip route get 20.0.0.1
    20.0.0.1 via 10.6.0.9 dev e0 src 10.2.0.1 uid 0
        cache
    ";
    check("C-154", "an_object_keeps_the_source_that_it_chose_in_its_own_scope", BARE, transcript, None);
}

#[test]
fn a_hop_keeps_its_source_until_addresses_change() {
    let transcript = "
    $ ip addr add 10.2.0.1/24 dev e0 scope host
    $ ip route add 20.0.0.0/8 dev e0
    $ sysctl -qw net.ipv4.conf.e0.route_localnet=1
    $ ip route get 20.0.0.1
    20.0.0.1 dev e0 uid 0
        cache
    $ ip addr add 10.3.0.1/24 dev p0 scope host
    $ ip route get 20.0.0.1
    20.0.0.1 dev e0 src 10.2.0.1 uid 0
        cache
    ";
    check("C-154", "a_hop_keeps_its_source_until_addresses_change", BARE, transcript, None);
}

#[test]
fn a_veth_end_that_moved_to_its_peer_keeps_the_state_that_it_had() {
    let transcript = "
    $ ip netns add blue
    $ ip link add e7 address 02:00:00:00:00:17 type veth peer name p7 address 02:00:00:00:00:18 netns blue
    $ ip link set e7 netns blue
    $ ip -n blue link set e7 up
    $ ip -n blue -br link show dev e7
    e7@p7            DOWN           02:00:00:00:00:17 <NO-CARRIER,BROADCAST,MULTICAST,UP,M-DOWN>
    ";
    let name = "a_veth_end_that_moved_to_its_peer_keeps_the_state_that_it_had";
    check("default_operstate", name, EMPTY, transcript, None);
}

#[test]
fn an_address_with_autojoin_joins_its_group() {
    let transcript = "
    $ ip addr add 224.1.1.1/24 autojoin dev e0
    $ ip route get 224.1.1.1 from 10.0.0.9 iif e0
    multicast 224.1.1.1 from 10.0.0.9 dev lo rt_offload_failed
        cache <local,mc> iif e0
    $ ip addr add 224.1.1.1/25 autojoin dev e0
    ! Error: ipv4: Multicast auto join failed.
    [2]
    $ ip addr del 224.1.1.1/24 dev e0
    $ ip route get 224.1.1.1 from 10.0.0.9 iif e0
    ! RTNETLINK answers: Invalid argument
    [2]
    ";
    check("C-189", "an_address_with_autojoin_joins_its_group", TWO, transcript, None);
}

#[test]
fn names_that_are_too_long_break_the_policy() {
    let transcript = "
    $ ip link add averyveryverylongname type veth peer name p7
    ! Error: Attribute failed policy validation.
    [2]
    $ ip addr add 10.5.0.1/24 dev e0 label e0:averyveryverylongname
    ! Error: Attribute failed policy validation.
    [2]
    $ ip addr del 10.0.0.1/24 dev e0 label e0:averyveryverylongname
    ! Error: Attribute failed policy validation.
    [2]
    ";
    check("nla_policy", "names_that_are_too_long_break_the_policy", TWO, transcript, None);
}

#[test]
fn a_deletion_compares_a_metric_as_often_as_it_is_named() {
    let transcript = "
    $ ip route add 20.0.0.0/8 dev e0 mtu 600 mtu 1400
    $ ip route show 20.0.0.0/8
    20.0.0.0/8 dev e0 scope link mtu 1400
    $ ip route del 20.0.0.0/8 mtu 600 mtu 1400
    ! RTNETLINK answers: No such process
    [2]
    $ ip route del 20.0.0.0/8 mtu 1400 mtu 1400
    ";
    check("fib_metrics_match", "a_deletion_compares_a_metric_as_often_as_it_is_named", TWO, transcript, None);
}

#[test]
fn ip_tunnels_on_routes_are_kept_and_shown() {
    let transcript = "
    $ ip route add 20.0.0.0/8 encap ip id 5 dst 1.1.1.1 dev e0
    $ ip route show 20.0.0.0/8
    20.0.0.0/8  encap ip id 5 src 0.0.0.0 dst 1.1.1.1 ttl 0 tos 0 dev e0 scope link
    $ ip route get 20.0.0.1
    20.0.0.1  encap ip id 5 src 0.0.0.0 dst 1.1.1.1 ttl 0 tos 0 dev e0 src 10.0.0.1 uid 0
        cache
    $ ip route del 20.0.0.0/8 encap ip id 6 dst 1.1.1.1 dev e0
    ! RTNETLINK answers: No such process
    [2]
    $ ip route del 20.0.0.0/8 encap ip id 5 dst 1.1.1.1 dev e0
    $ ip route show 20.0.0.0/8
    ";
    check("lwtunnel", "ip_tunnels_on_routes_are_kept_and_shown", TWO, transcript, None);
}

#[test]
fn an_empty_setting_is_a_line_without_a_number() {
    let transcript = "
    $ sysctl -w net.ipv4.ip_forward=
    ! sysctl: setting key \"net.ipv4.ip_forward\": Invalid argument
    [1]
    ";
    check("procps", "an_empty_setting_is_a_line_without_a_number", EMPTY, transcript, None);
}

#[test]
fn namespaces_are_listed_newest_first_with_the_ids_that_moves_gave_them() {
    let transcript = "
    $ ip netns add red
    $ ip netns add blue
    $ ip netns list
    blue
    red
    $ ip link add i0 type ifb
    $ ip link set i0 netns red
    $ ip netns list
    blue
    red (id: 0)
    $ ip netns exec red sysctl net.ipv4.fib_multipath_hash_fields=0
    ! sysctl: setting key \"net.ipv4.fib_multipath_hash_fields\": Invalid argument
    [1]
    ";
    let name = "namespaces_are_listed_newest_first_with_the_ids_that_moves_gave_them";
    check("peernet2id_alloc", name, EMPTY, transcript, None);
}

#[test]
fn a_name_up_to_a_colon_names_a_device_too() {
    let transcript = "
    $ ip route add 20.0.0.0/8 dev e0:1
    $ ip route show dev e0:x
    10.0.0.0/24 proto kernel scope link src 10.0.0.1
    20.0.0.0/8 scope link
    $ ip link show e0:1
    ! RTNETLINK answers: No such device
    ! Cannot send link get request: No such device
    [1]
    $ ip route add 30.0.0.0/8 dev e7:1
    ! Cannot find device \"e7:1\"
    [1]
    ";
    check("if_nametoindex", "a_name_up_to_a_colon_names_a_device_too", TWO, transcript, None);
}

#[test]
fn object_zero_is_no_object() {
    let transcript = "
    $ ip nexthop del id 0
    ! Error: Invalid nexthop id.
    [2]
    ";
    check("C-063", "object_zero_is_no_object", EMPTY, transcript, None);
}

#[test]
fn devices_that_carried_nothing_have_zero_statistics() {
    let transcript = "
    $ ip -s link show lo
    1: lo: <LOOPBACK> mtu 65536 qdisc noop state DOWN mode DEFAULT group default qlen 1000
        link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00
        RX:  bytes packets errors dropped  missed   mcast
                 0       0      0       0       0       0
        TX:  bytes packets errors dropped carrier collsns
                 0       0      0       0       0       0
    ";
    check("stats64", "devices_that_carried_nothing_have_zero_statistics", EMPTY, transcript, None);
}

#[test]
fn a_suppressed_route_leaves_its_type_of_service_behind() {
    let transcript = "
    $ ip route add 0.0.0.0/3 tos 0x10 dev e0 table 12
    $ ip rule add pref 5 table 12 suppress_prefixlength 16
    $ ip route get 20.0.0.1 oif e0 tos 0x10
    20.0.0.1 tos 0x10 dev e0 src 10.0.0.1 uid 0
        cache
    ";
    check("C-118", "a_suppressed_route_leaves_its_type_of_service_behind", TWO, transcript, None);
}

#[test]
fn a_port_of_a_bridge_with_spanning_tree_listens_before_it_forwards() {
    let transcript = "
    $ ip link add b0 address 02:00:00:00:00:11 type bridge stp_state 1
    $ ip link set e0 master b0
    $ ip link set b0 up
    $ ip addr add 10.5.0.1/24 dev b0
    $ ip route show dev b0
    10.5.0.0/24 proto kernel scope link src 10.5.0.1 linkdown
    $ ip link add b1 address 02:00:00:00:00:12 type bridge
    $ ip link set e1 master b1
    $ ip link set b1 up
    $ ip addr add 10.6.0.1/24 dev b1
    $ ip route show dev b1
    10.6.0.0/24 proto kernel scope link src 10.6.0.1
    ";
    let name = "a_port_of_a_bridge_with_spanning_tree_listens_before_it_forwards";
    check("bridge_ports", name, TWO, transcript, None);
}

#[test]
fn a_blackhole_object_is_one_of_loopback() {
    let transcript = "
    $ ip nexthop add id 7 blackhole
    $ ip nexthop show dev lo
    id 7 blackhole
    $ ip nexthop flush dev lo
    Flushed 1 nexthops
    ";
    check("blackhole_dev", "a_blackhole_object_is_one_of_loopback", TWO, transcript, None);
}
