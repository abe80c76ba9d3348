//! What one would not expect of IPv6, found by comparison: tokens, secrets, neighbours, and routes above all.

use crate::support::{EMPTY, SIX, point};

point!(
    "F-001",
    a_failed_addition_makes_linux_overlook_routes_by_source,
    SIX,
    "
    $ ip -6 route add 2001:db8:a::/48 from 2001:db8:5::/64 via 2001:db8:1::2
    $ ip -6 route add 2001:db8:a:8000::/52 via 2001:db8:1::3
    $ ip -6 route get 2001:db8:a::1 from 2001:db8:5::1
    2001:db8:a::1 from 2001:db8:5::1 via 2001:db8:1::2 dev e0 src 2001:db8:1::1 metric 1024 pref medium
    $ ip -6 route add 2001:db8:a::/48 from 2001:db8:5::/64 via 2001:db8:1::4
    ! RTNETLINK answers: File exists
    [2]
    # Only what the longer prefix contains is looked for among them now.
    $ ip -6 route get 2001:db8:a::1 from 2001:db8:5::1
    ! RTNETLINK answers: Network is unreachable
    [2]
    $ ip -6 route append 2001:db8:a::/48 from 2001:db8:6::/64 via 2001:db8:1::4
    $ ip -6 route get 2001:db8:a::1 from 2001:db8:5::1
    2001:db8:a::1 from 2001:db8:5::1 via 2001:db8:1::2 dev e0 src 2001:db8:1::1 metric 1024 pref medium
    $ ip -6 route del 2001:db8:a::/48 from 2001:db8:6::/64
    $ ip -6 route get 2001:db8:a::1 from 2001:db8:5::1
    ! RTNETLINK answers: Network is unreachable
    [2]
    $ ip -6 route del 2001:db8:a:8000::/52
    $ ip -6 route get 2001:db8:a::1 from 2001:db8:5::1
    2001:db8:a::1 from 2001:db8:5::1 via 2001:db8:1::2 dev e0 src 2001:db8:1::1 metric 1024 pref medium
    "
);

point!(
    "F-002",
    routes_between_the_legs_of_another_are_not_listed_and_outlive_their_device,
    SIX,
    "
    $ ip -6 route add 2001:db8:a::/48 via 2001:db8:1::2
    $ ip -6 route append 2001:db8:a::/48 dev e1
    $ ip -6 route append 2001:db8:a::/48 via 2001:db8:1::3
    $ ip -6 route show 2001:db8:a::/48
    2001:db8:a::/48 metric 1024 pref medium
        nexthop via 2001:db8:1::2 dev e0 weight 1
        nexthop via 2001:db8:1::3 dev e0 weight 1
    $ ip link set e1 down
    $ ip link set e1 up
    $ ip -6 route add 2001:db8:a::/48 dev e1
    ! RTNETLINK answers: File exists
    [2]
    $ ip -6 route del 2001:db8:a::/48 via 2001:db8:1::3
    $ ip -6 route show 2001:db8:a::/48
    2001:db8:a::/48 via 2001:db8:1::2 dev e0 metric 1024 pref medium
    2001:db8:a::/48 dev e1 metric 1024 pref medium
    "
);

point!(
    "F-003",
    a_default_route_is_not_hidden_by_routes_by_source,
    SIX,
    "
    $ ip -6 route add default via 2001:db8:1::2
    $ ip -6 route add default from 2001:db8:5::/64 via 2001:db8:2::2
    $ ip -6 route get 2001:db8:a::1 from 2001:db8:6::1
    2001:db8:a::1 from 2001:db8:6::1 via 2001:db8:1::2 dev e0 src 2001:db8:1::1 metric 1024 pref medium
    $ ip -6 route get 2001:db8:a::1 from 2001:db8:5::1
    2001:db8:a::1 from 2001:db8:5::1 via 2001:db8:2::2 dev e1 src 2001:db8:2::1 metric 1024 pref medium
    "
);

point!(
    "F-004",
    routes_by_source_are_listed_before_what_lies_below_their_destination,
    SIX,
    "
    $ ip -6 route add 2001:db8:a::/48 via 2001:db8:1::2
    $ ip -6 route add 2001:db8:a::/48 from 2001:db8:5::/64 via 2001:db8:1::2
    $ ip -6 route add 2001:db8:a:1::/64 via 2001:db8:1::2
    $ ip -6 route show root 2001:db8:a::/48
    2001:db8:a::/48 from 2001:db8:5::/64 via 2001:db8:1::2 dev e0 metric 1024 pref medium
    2001:db8:a:1::/64 via 2001:db8:1::2 dev e0 metric 1024 pref medium
    2001:db8:a::/48 via 2001:db8:1::2 dev e0 metric 1024 pref medium
    "
);

point!(
    "F-005",
    a_source_is_disregarded_in_deletions_where_no_route_has_one,
    SIX,
    "
    $ ip -6 route add 2001:db8:a::/48 via 2001:db8:1::2
    $ ip -6 route del 2001:db8:a::/48 from 2001:db8:5::/64
    $ ip -6 route show 2001:db8:a::/48
    "
);

point!(
    "F-006",
    beyond_the_smallest_metric_metrics_count_no_more,
    SIX,
    "
    $ ip link add e2 address 02:00:00:00:00:05 type veth peer name p2 address 02:00:00:00:00:06
    $ ip link set p2 up
    $ ip link set e2 up
    $ ip -6 route add 2001:db8:a::/48 dev e0 metric 5
    $ ip -6 route add 2001:db8:a::/48 dev e1 metric 6 pref low
    $ ip -6 route add 2001:db8:a::/48 dev e2 metric 7 pref high
    $ sysctl -qw net.ipv6.conf.all.ignore_routes_with_linkdown=1
    $ ip link set p0 down
    $ ip -6 route get 2001:db8:a::1
    2001:db8:a::1 from :: dev e2 src 2001:db8:1::1 metric 7 pref high
    "
);

point!(
    "F-007",
    a_route_by_a_group_of_one_is_listed_as_multipath,
    SIX,
    "
    $ ip nexthop add id 1 via 2001:db8:1::2 dev e0
    $ ip nexthop add id 3 group 1
    $ ip -6 route add 2001:db8:a::/48 nhid 3
    $ ip -6 route show 2001:db8:a::/48
    2001:db8:a::/48 nhid 3 metric 1024 pref medium
        nexthop via 2001:db8:1::2 dev e0 weight 1
    "
);

point!(
    "F-008",
    what_change_says_depends_on_the_routes_around,
    SIX,
    "
    $ ip -6 route change 2001:db8::/44 dev e0
    ! Error: Can not replace route - no match found.
    [2]
    $ ip -6 route change 2001:db8::/46 dev e0
    ! RTNETLINK answers: No such file or directory
    [2]
    $ ip -6 route show 2001:db8:1::/64
    2001:db8:1::/64 dev e0 proto kernel metric 256 pref medium
    "
);

point!(
    "F-009",
    a_refused_route_leaves_its_table,
    SIX,
    "
    $ ip -6 route show table 77
    ! Error: ipv6: FIB table does not exist.
    ! Dump terminated
    [2]
    $ ip -6 route add 2001:db8:a::/48 via 2001:db8:99::1 table 77
    ! RTNETLINK answers: No route to host
    [2]
    $ ip -6 route show table 77
    "
);

point!(
    "F-010",
    the_mtu_of_a_device_moves_those_of_routes,
    SIX,
    "
    $ ip -6 route add 2001:db8:a::/48 dev e0 mtu 1500
    $ ip -6 route add 2001:db8:b::/48 dev e0 mtu 1400
    $ ip -6 route add 2001:db8:c::/48 dev e0 mtu lock 1500
    $ ip link set e0 mtu 1450
    $ ip -6 route show root 2001:db8:8::/45
    2001:db8:a::/48 dev e0 metric 1024 mtu 1450 pref medium
    2001:db8:b::/48 dev e0 metric 1024 mtu 1400 pref medium
    2001:db8:c::/48 dev e0 metric 1024 mtu lock 1500 pref medium
    $ ip link set e0 mtu 1600
    $ ip -6 route show root 2001:db8:8::/45
    2001:db8:a::/48 dev e0 metric 1024 mtu 1600 pref medium
    2001:db8:b::/48 dev e0 metric 1024 mtu 1400 pref medium
    2001:db8:c::/48 dev e0 metric 1024 mtu lock 1500 pref medium
    "
);

point!(
    "F-011",
    routes_forget_a_source_that_goes,
    SIX,
    "
    $ ip -6 route add 2001:db8:a::/48 dev e0 src 2001:db8:2::1
    $ ip -6 route add 2001:db8:b::/48 dev e1 src 2001:db8:2::1
    $ ip addr del 2001:db8:2::1/64 dev e1
    $ ip -6 route show root 2001:db8:8::/45
    2001:db8:a::/48 dev e0 metric 1024 pref medium
    2001:db8:b::/48 dev e1 metric 1024 pref medium
    "
);

point!(
    "F-012",
    an_address_that_gets_a_lifetime_later_loses_its_prefix_route,
    SIX,
    "
    $ ip addr change 2001:db8:1::1/64 dev e0 valid_lft 5000 preferred_lft 4000
    $ ip -6 route get 2001:db8:1::2
    ! RTNETLINK answers: Network is unreachable
    [2]
    $ ip -6 route add 2001:db8:a::/48 via 2001:db8:1::2
    ! RTNETLINK answers: No route to host
    [2]
    $ ip link set p1 down
    $ ip link set p1 up
    $ ip -6 route show 2001:db8:1::/64
    "
);

point!(
    "F-013",
    a_decision_by_hash_carries_the_preference_of_the_best_leg,
    SIX,
    "
    $ sysctl -qw net.ipv4.fib_multipath_hash_seed=7
    $ ip -6 route add 2001:db8:a::/48 via 2001:db8:1::2 pref low
    $ ip -6 route append 2001:db8:a::/48 via 2001:db8:2::2 pref high
    $ ip -6 route get 2001:db8:a::1
    2001:db8:a::1 from :: via 2001:db8:2::2 dev e1 src 2001:db8:2::1 metric 1024 pref high
    $ ip -6 route get 2001:db8:a::2
    2001:db8:a::2 from :: via 2001:db8:1::2 dev e0 src 2001:db8:1::1 metric 1024 pref high
    $ ip -6 route get 2001:db8:a::5
    2001:db8:a::5 from :: via 2001:db8:1::2 dev e0 src 2001:db8:1::1 metric 1024 pref high
    "
);

point!(
    "F-014",
    a_gateway_object_of_an_error_route_makes_errors_of_others,
    SIX,
    "
    $ ip nexthop add id 1 via 2001:db8:1::2 dev e0
    $ ip -6 route add 2001:db8:a::/48 nhid 1
    $ ip -6 route add prohibit 2001:db8:b::/48 nhid 1
    $ ip -6 route get 2001:db8:b::1
    ! RTNETLINK answers: Permission denied
    [2]
    $ ip -6 route get 2001:db8:a::1
    ! RTNETLINK answers: Permission denied
    [2]
    "
);

point!(
    "F-014",
    what_is_kept_with_an_object_ends_when_any_carrier_returns,
    SIX,
    "
    $ sysctl -qw net.ipv6.conf.p1.disable_ipv6=1
    $ ip nexthop add id 1 via 2001:db8:1::2 dev e0
    $ ip -6 route add 2001:db8:a::/48 nhid 1 pref high
    $ ip -6 route add 2001:db8:b::/48 nhid 1 pref low
    $ ip -6 route get 2001:db8:a::1
    2001:db8:a::1 from :: via 2001:db8:1::2 dev e0 src 2001:db8:1::1 metric 1024 pref high
    $ ip -6 route get 2001:db8:b::1
    2001:db8:b::1 from :: via 2001:db8:1::2 dev e0 src 2001:db8:1::1 metric 1024 pref high
    $ ip link set p1 down
    $ ip -6 route get 2001:db8:b::1
    2001:db8:b::1 from :: via 2001:db8:1::2 dev e0 src 2001:db8:1::1 metric 1024 pref high
    $ ip link set p1 up
    $ ip -6 route get 2001:db8:b::1
    2001:db8:b::1 from :: via 2001:db8:1::2 dev e0 src 2001:db8:1::1 metric 1024 pref low
    "
);

// The half that a host chooses itself, of addresses made of router advertisements.
point!(
    "F-019",
    a_token_is_kept_where_advertisements_are_heard,
    SIX,
    "
    $ sysctl -w net.ipv6.conf.e0.router_solicitations=3
    net.ipv6.conf.e0.router_solicitations = 3
    $ ip token set 2001:db8::5 dev e0
    $ ip token set ::9 dev lo
    ! Error: ipv6: Device is loopback.
    [2]
    $ ip token set ::9 dev e1
    ! Error: Router solicitation is disabled on device.
    [2]
    $ ip token list
    token :: dev p0
    token ::5 dev e0
    token :: dev p1
    token :: dev e1
    $ ip token del dev e0
    $ ip token get dev e0
    token :: dev e0
    $ sysctl -w net.ipv6.conf.e0.accept_ra=0
    net.ipv6.conf.e0.accept_ra = 0
    $ ip token set ::5 dev e0
    ! Error: ipv6: Router advertisement is disabled on device.
    [2]
    $ sysctl -w net.ipv6.conf.e0.accept_ra=1
    net.ipv6.conf.e0.accept_ra = 1
    $ sysctl -w net.ipv6.conf.e0.forwarding=1
    net.ipv6.conf.e0.forwarding = 1
    $ ip token set ::5 dev e0
    ! Error: ipv6: Router advertisement is disabled on device.
    [2]
    $ sysctl -w net.ipv6.conf.e0.accept_ra=2
    net.ipv6.conf.e0.accept_ra = 2
    $ ip token set ::6 dev e0
    $ sysctl -w net.ipv6.conf.e0.router_solicitations=0
    net.ipv6.conf.e0.router_solicitations = 0
    $ ip token set ::7 dev e0
    ! Error: Router solicitation is disabled on device.
    [2]
    $ ip token list dev e0
    token ::6 dev e0
    $ ip link set e0 mtu 1000
    $ ip token set ::7 dev e0
    ! RTNETLINK answers: Address family not supported by protocol
    [2]
    $ ip token list dev e0
    "
);

point!(
    "F-080",
    rules_pass_over_routes_whose_device_has_lost_ipv6,
    SIX,
    "
    $ ip -6 nexthop add id 1 dev e0
    $ ip -6 route add 2001:db8:a::/48 nhid 1
    $ ip link set e0 mtu 1279
    $ ip -6 route show 2001:db8:a::/48
    2001:db8:a::/48 nhid 1 dev e0 metric 1024 pref medium
    $ ip -6 rule add pref 10 lookup main
    $ ip -6 route get 2001:db8:a::1
    ! RTNETLINK answers: Network is unreachable
    [2]
    $ ip -6 rule add pref 20 lookup 100
    $ ip -6 route add default via 2001:db8:2::2 table 100
    $ ip -6 route get 2001:db8:a::1
    2001:db8:a::1 from :: via 2001:db8:2::2 dev e1 table 100 src 2001:db8:2::1 metric 1024 pref medium
    "
);

point!(
    "F-064",
    addresses_of_a_secret_depend_on_it_and_the_prefix_alone,
    SIX,
    "
    $ ip link set e0 addrgenmode stable_secret
    ! RTNETLINK answers: Invalid argument
    [2]
    $ sysctl net.ipv6.conf.e0.stable_secret
    [1]
    $ sysctl -w net.ipv6.conf.all.stable_secret=::1
    ! sysctl: setting key \"net.ipv6.conf.all.stable_secret\": Input/output error
    [1]
    $ sysctl -w net.ipv6.conf.e0.stable_secret=2001:db8::6
    net.ipv6.conf.e0.stable_secret = 2001:db8::6
    $ sysctl net.ipv6.conf.e0.stable_secret net.ipv6.conf.e0.addr_gen_mode
    net.ipv6.conf.e0.stable_secret = 2001:0db8:0000:0000:0000:0000:0000:0006
    net.ipv6.conf.e0.addr_gen_mode = 2
    $ ip link set e0 down
    $ ip link set e0 up
    $ ip -6 addr show e0
    3: e0@p0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP group default qlen 1000
        inet6 fe80::1579:9546:d00:2571/64 scope link stable-privacy 
           valid_lft forever preferred_lft forever
    # New devices get that of `default`.
    $ sysctl -qw net.ipv6.conf.default.stable_secret=2001:db8::7
    $ ip link add e2 type veth peer name p2
    $ sysctl net.ipv6.conf.e2.stable_secret net.ipv6.conf.e2.addr_gen_mode net.ipv6.conf.p0.addr_gen_mode
    net.ipv6.conf.e2.stable_secret = 2001:0db8:0000:0000:0000:0000:0000:0007
    net.ipv6.conf.e2.addr_gen_mode = 2
    net.ipv6.conf.p0.addr_gen_mode = 2
    "
);

point!(
    "F-085",
    route_flush_removes_routes_whose_time_is_over,
    SIX,
    "
    $ ip addr change 2001:db8:1::1/64 dev e0 valid_lft 5000 preferred_lft 4000
    $ sysctl net.ipv6.route.flush
    $ sysctl -qw net.ipv6.route.flush=1
    $ ip -6 route show 2001:db8:1::/64
    $ ip -6 route show 2001:db8:2::/64
    2001:db8:2::/64 dev e1 proto kernel metric 256 pref medium
    "
);

point!(
    "F-087",
    a_proxy_entry_of_ipv6_needs_a_device_with_ipv6,
    SIX,
    "
    $ ip neigh add proxy 2001:db8:1::9
    ! RTNETLINK answers: No buffer space available
    [2]
    $ ip neigh add proxy 2001:db8:1::9 dev e0
    $ ip link set e1 mtu 1279
    $ ip neigh add proxy 2001:db8:2::9 dev e1
    ! RTNETLINK answers: No buffer space available
    [2]
    "
);

// An announced change has the neighbours of a device without carrier forgotten.
point!(
    "F-088",
    a_refused_way_to_make_addresses_is_not_announced,
    EMPTY,
    "
    $ ip link add br0 address 02:00:00:00:00:07 type bridge
    $ ip link set br0 up
    $ ip neigh add 2001:db8::1 dev br0 nud failed
    $ ip link set br0 addrgenmode stable_secret
    ! RTNETLINK answers: Invalid argument
    [2]
    $ ip neigh show 2001:db8::1
    2001:db8::1 dev br0 FAILED
    $ ip link set br0 addrgenmode none
    $ ip neigh show 2001:db8::1
    "
);

point!(
    "F-089",
    detections_that_take_no_time_are_over_after_those_that_are_not_made,
    EMPTY,
    "
    $ sysctl -w net.ipv6.conf.default.dad_transmits=0
    net.ipv6.conf.default.dad_transmits = 0
    $ sysctl -w net.ipv6.conf.default.router_solicitation_delay=0
    net.ipv6.conf.default.router_solicitation_delay = 0
    $ sysctl -w net.ipv6.conf.all.forwarding=1
    net.ipv6.conf.all.forwarding = 1
    $ ip link add e0 address 02:00:00:00:00:01 type veth peer name e1 address 02:00:00:00:00:02
    $ ip link set e0 up
    $ ip link set e1 up
    $ ip link add i0 address 02:00:00:00:00:03 type ifb
    $ ip link set i0 up
    $ ip -6 route show table local type anycast
    anycast fe80:: dev e1 proto kernel metric 0 pref medium
    anycast fe80:: dev e0 proto kernel metric 0 pref medium
    anycast fe80:: dev i0 proto kernel metric 0 pref medium
    $ sysctl -w net.ipv6.conf.all.disable_ipv6=1
    net.ipv6.conf.all.disable_ipv6 = 1
    $ sysctl -w net.ipv6.conf.all.disable_ipv6=0
    net.ipv6.conf.all.disable_ipv6 = 0
    $ ip -6 route show table local type anycast
    anycast fe80:: dev i0 proto kernel metric 0 pref medium
    anycast fe80:: dev e1 proto kernel metric 0 pref medium
    anycast fe80:: dev e0 proto kernel metric 0 pref medium
    "
);
