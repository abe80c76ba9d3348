//! What next hops have to be (C-039 to C-049, T-27 to T-29).

use crate::support::{BARE, TWO, point};

point!(
    "C-039",
    a_hop_that_is_only_a_device_needs_no_address,
    BARE,
    "
    $ ip route add 20.0.0.0/8 dev e0
    $ ip route add 21.0.0.0/8 dev lo
    $ ip route show
    20.0.0.0/8 dev e0 scope link
    21.0.0.0/8 dev lo scope link
    "
);

point!(
    "C-039, T-29",
    a_hop_that_is_only_a_device_needs_one_that_is_up,
    TWO,
    "
    $ ip link set e1 down
    $ ip route add 20.0.0.0/8 dev e1
    ! Error: Device for nexthop is not up.
    [2]
    $ ip route add 20.0.0.0/8 dev e0 onlink
    ! Error: Invalid flags for nexthop - PERVASIVE and ONLINK can not be set.
    [2]
    $ ip route add 20.0.0.0/8 dev nosuch
    ! Cannot find device \"nosuch\"
    [1]
    "
);

point!(
    "C-040",
    a_gateway_is_looked_up_in_the_route_s_own_table_first,
    TWO,
    "
    $ ip route add 30.0.0.0/24 dev e1 table 100
    $ ip route add 20.0.0.0/8 via 30.0.0.9
    ! Error: Nexthop has invalid gateway.
    [2]
    $ ip route add 20.0.0.0/8 via 30.0.0.9 table 100
    $ ip route add 10.0.0.0/24 dev e1 table 100
    $ ip route add 21.0.0.0/8 via 10.0.0.9 table 100
    $ ip route add 22.0.0.0/8 via 10.1.0.9 table 100
    $ ip route show table 100
    10.0.0.0/24 dev e1 scope link
    20.0.0.0/8 via 30.0.0.9 dev e1
    21.0.0.0/8 via 10.0.0.9 dev e1
    22.0.0.0/8 via 10.1.0.9 dev e1
    30.0.0.0/24 dev e1 scope link
    $ ip route add 22.0.0.0/8 via 10.0.0.9
    $ ip route show 22.0.0.0/8
    22.0.0.0/8 via 10.0.0.9 dev e0
    "
);

point!(
    "C-040",
    the_errors_of_a_gateway_s_lookup_are_passed_on,
    TWO,
    "
    $ ip route add prohibit 30.0.0.0/24
    $ ip route add unreachable 31.0.0.0/24
    $ ip route add blackhole 32.0.0.0/24
    $ ip -j route add 20.0.0.0/8 via 30.0.0.9
    ! Error: Nexthop has invalid gateway.
    [2]
    $ ip route add 20.0.0.0/8 via 31.0.0.9
    ! Error: Nexthop has invalid gateway.
    [2]
    $ ip route add 20.0.0.0/8 via 32.0.0.9
    ! Error: Nexthop has invalid gateway.
    [2]
    $ ip route add 20.0.0.0/8 via 33.0.0.9
    ! Error: Nexthop has invalid gateway.
    [2]
    $ ip link set e1 down
    $ ip route add 20.0.0.0/8 via 10.1.0.9
    ! Error: Nexthop has invalid gateway.
    [2]
    "
);

point!(
    "C-041, T-27, T-28",
    gateways_behind_gateways_broadcast_and_multicast_are_refused_own_addresses_are_not,
    TWO,
    "
    $ ip route add 30.0.0.0/24 via 10.0.0.9
    $ ip route add 20.0.0.0/8 via 30.0.0.9
    ! Error: Nexthop has invalid gateway.
    [2]
    $ ip route add 20.0.0.0/8 via 10.0.0.255
    ! Error: Nexthop has invalid gateway.
    [2]
    $ ip route add 20.0.0.0/8 via 224.0.0.1 dev e0
    ! Error: Nexthop has invalid gateway.
    [2]
    $ ip route add 20.0.0.0/8 via 255.255.255.255 dev e0
    ! Error: Nexthop has invalid gateway.
    [2]
    $ ip route add 21.0.0.0/8 via 10.1.0.1
    $ ip route add 22.0.0.0/8 via 127.0.0.1
    $ ip route show proto boot
    21.0.0.0/8 via 10.1.0.1 dev e1
    22.0.0.0/8 via 127.0.0.1 dev lo
    30.0.0.0/24 via 10.0.0.9 dev e0
    $ ip route add 23.0.0.0/8 via 10.1.0.1 dev e1 onlink
    ! Error: Nexthop has invalid gateway.
    [2]
    $ ip route get 21.0.0.1
    21.0.0.1 dev e1 src 10.1.0.1 uid 0
        cache
    "
);

// A default route through a gateway is too wide for a gateway's lookup; one by device is not.
point!(
    "C-041",
    custom_rules_count_in_a_gateway_s_lookup,
    TWO,
    "
    $ ip route add default via 10.0.0.9 table 100
    $ ip rule add pref 10 table 100
    $ ip route add 20.0.0.0/8 via 10.0.0.8
    $ ip route replace default dev e1 table 100
    $ ip route add 21.0.0.0/8 via 10.0.0.8
    $ ip route add 22.0.0.0/8 via 10.0.0.8 dev e0
    $ ip route show proto boot
    20.0.0.0/8 via 10.0.0.8 dev e0
    21.0.0.0/8 via 10.0.0.8 dev e1
    22.0.0.0/8 via 10.0.0.8 dev e0
    $ ip rule add pref 9 prohibit
    $ ip route add 23.0.0.0/8 via 10.0.0.8
    ! Error: Nexthop has invalid gateway.
    [2]
    "
);

point!(
    "T-28",
    the_scope_of_a_gateway_s_own_route_decides,
    TWO,
    "
    $ ip route add 5.0.0.0/8 dev e1
    $ ip route add 6.0.0.0/8 dev e1 scope global
    $ ip route add 20.0.0.0/8 via 5.0.0.1
    $ ip route add 21.0.0.0/8 via 6.0.0.1
    ! Error: Nexthop has invalid gateway.
    [2]
    $ ip route show 20.0.0.0/8
    20.0.0.0/8 via 5.0.0.1 dev e1
    "
);

point!(
    "C-042, T-27",
    a_gateway_on_another_device_s_link_is_refused,
    TWO,
    "
    $ ip route add 20.0.0.0/8 via 10.0.0.9 dev e1
    ! Error: Nexthop has invalid gateway.
    [2]
    $ ip route add 20.0.0.0/8 via 10.0.0.9 dev e0
    "
);

point!(
    "C-043",
    scope_link_allows_a_gateway_only_if_it_is_an_own_address,
    TWO,
    "
    $ ip route add 20.0.0.0/8 via 10.0.0.9 scope link
    ! Error: Nexthop has invalid gateway.
    [2]
    $ ip route add 20.0.0.0/8 via 10.0.0.1 scope link
    $ ip route add 21.0.0.0/8 via 10.0.0.9 scope site
    $ ip route show proto boot
    20.0.0.0/8 via 10.0.0.1 dev e0 scope link
    21.0.0.0/8 via 10.0.0.9 dev e0 scope site
    "
);

point!(
    "C-044, T-29",
    what_onlink_needs,
    TWO,
    "
    $ ip route add 20.0.0.0/8 via 77.0.0.1 dev e0 onlink scope link
    ! Error: Nexthop has invalid scope.
    [2]
    $ ip route add 20.0.0.0/8 via 77.0.0.1 onlink
    ! Error: Nexthop device required for onlink.
    [2]
    $ ip route add 20.0.0.0/8 via 10.1.0.1 dev e0 onlink
    ! Error: Nexthop has invalid gateway.
    [2]
    $ ip route add 20.0.0.0/8 via 10.1.0.255 dev e0 onlink
    ! Error: Nexthop has invalid gateway.
    [2]
    $ ip route add 20.0.0.0/8 via 224.0.0.1 dev e0 onlink
    ! Error: Nexthop has invalid gateway.
    [2]
    $ ip route add 20.0.0.0/8 via 77.0.0.1 dev e0 onlink
    $ ip route show 20.0.0.0/8
    20.0.0.0/8 via 77.0.0.1 dev e0 onlink
    $ ip link set e1 down
    $ ip route add 21.0.0.0/8 via 77.0.0.1 dev e1 onlink
    ! Error: Nexthop device is not up.
    [2]
    "
);

point!(
    "T-29",
    the_refusals_of_a_device_that_is_down_or_without_carrier,
    TWO,
    "
    $ ip link set e1 down
    $ ip route add 20.0.0.0/8 via 10.1.0.9 dev e1
    ! Error: Nexthop has invalid gateway.
    [2]
    $ ip nexthop add id 1 via 10.1.0.9 dev e1
    ! Error: Nexthop device is not up.
    [2]
    $ ip link set e1 up
    $ ip link set p1 down
    $ ip nexthop add id 1 via 10.1.0.9 dev e1
    ! Error: Carrier for nexthop device is down.
    [2]
    $ ip route add 20.0.0.0/8 via 10.1.0.9 dev e1
    $ ip route show 20.0.0.0/8
    20.0.0.0/8 via 10.1.0.9 dev e1 linkdown
    "
);

point!(
    "C-045",
    an_ipv4_route_by_an_ipv6_gateway,
    TWO,
    "
    $ ip route add 20.0.0.0/8 via inet6 fe80::1
    ! Error: Egress device not specified.
    [2]
    $ ip route add 20.0.0.0/8 via inet6 fe80::1 dev e0
    $ ip route show 20.0.0.0/8
    20.0.0.0/8 via inet6 fe80::1 dev e0
    $ ip route get 20.0.0.1
    20.0.0.1 via inet6 fe80::1 dev e0 src 10.0.0.1 uid 0
        cache
    "
);

point!(
    "C-046",
    a_route_with_neither_device_nor_gateway_has_no_device,
    TWO,
    "
    $ ip route add 20.0.0.0/8
    ! RTNETLINK answers: No such device
    [2]
    "
);

point!(
    "C-047, T-27",
    gateway_0_is_no_gateway,
    TWO,
    "
    $ ip route add 20.0.0.0/8 via 0.0.0.0 dev e0
    $ ip route show 20.0.0.0/8
    20.0.0.0/8 dev e0
    "
);

point!(
    "C-048",
    a_preferred_source_has_to_be_an_own_address,
    TWO,
    "
    $ ip route add 20.0.0.0/8 dev e0 src 10.1.0.1
    $ ip route add 21.0.0.0/8 dev e0 src 10.0.0.9
    ! Error: Invalid prefsrc address.
    [2]
    $ ip route add 21.0.0.0/8 dev e0 src 10.0.0.255
    ! Error: Invalid prefsrc address.
    [2]
    $ ip route add local 77.0.0.1 dev e0 table 100
    $ ip route add 21.0.0.0/8 dev e0 src 77.0.0.1
    ! Error: Invalid prefsrc address.
    [2]
    $ ip route add 21.0.0.0/8 dev e0 src 77.0.0.1 table 100
    $ ip route add 22.0.0.0/8 dev e0 src 10.0.0.1 table 100
    # A local route may name its own destination.
    $ ip route add local 78.0.0.1 dev e0 src 78.0.0.1
    "
);

point!(
    "C-049",
    a_route_over_a_device_without_carrier_is_made_and_marked,
    TWO,
    "
    $ ip link set p1 down
    $ ip route add 20.0.0.0/8 dev e1
    $ ip route add 21.0.0.0/8 nexthop via 10.0.0.9 nexthop via 10.1.0.9
    $ ip route show proto boot
    20.0.0.0/8 dev e1 scope link linkdown
    21.0.0.0/8
        nexthop via 10.0.0.9 dev e0 weight 1
        nexthop via 10.1.0.9 dev e1 weight 1 linkdown
    $ sysctl -qw net.ipv4.conf.e1.ignore_routes_with_linkdown=1
    $ ip route show proto boot
    20.0.0.0/8 dev e1 scope link dead linkdown
    21.0.0.0/8
        nexthop via 10.0.0.9 dev e0 weight 1
        nexthop via 10.1.0.9 dev e1 weight 1 dead linkdown
    "
);
