//! IPv6 routes: metrics, what stands beside what, and what is refused
//! (C-290 to C-294, C-296, C-297, T-42, T-43, T-46).

use crate::support::{SIX, point};

point!(
    "C-290",
    routes_of_ipv6_have_a_metric_and_show_it,
    SIX,
    "
    $ ip -6 route show table all
    2001:db8:1::/64 dev e0 proto kernel metric 256 pref medium
    2001:db8:2::/64 dev e1 proto kernel metric 256 pref medium
    fe80::/64 dev e0 proto kernel metric 256 pref medium
    fe80::/64 dev p0 proto kernel metric 256 pref medium
    fe80::/64 dev e1 proto kernel metric 256 pref medium
    fe80::/64 dev p1 proto kernel metric 256 pref medium
    local ::1 dev lo table local proto kernel metric 0 pref medium
    local 2001:db8:1::1 dev e0 table local proto kernel metric 0 pref medium
    local 2001:db8:2::1 dev e1 table local proto kernel metric 0 pref medium
    local fe80::ff:fe00:1 dev e0 table local proto kernel metric 0 pref medium
    local fe80::ff:fe00:2 dev p0 table local proto kernel metric 0 pref medium
    local fe80::ff:fe00:3 dev e1 table local proto kernel metric 0 pref medium
    local fe80::ff:fe00:4 dev p1 table local proto kernel metric 0 pref medium
    multicast ff00::/8 dev e0 table local proto kernel metric 256 pref medium
    multicast ff00::/8 dev p0 table local proto kernel metric 256 pref medium
    multicast ff00::/8 dev e1 table local proto kernel metric 256 pref medium
    multicast ff00::/8 dev p1 table local proto kernel metric 256 pref medium
    $ ip -6 route add 2001:db8:a::/48 dev e0
    $ ip -6 route add 2001:db8:a::/48 dev e1 metric 5
    $ ip -6 route add 2001:db8:a::/48 dev e0 metric 0
    ! RTNETLINK answers: File exists
    [2]
    $ ip -6 route show 2001:db8:a::/48
    2001:db8:a::/48 dev e1 metric 5 pref medium
    2001:db8:a::/48 dev e0 metric 1024 pref medium
    $ ip -6 route get 2001:db8:a::1
    2001:db8:a::1 from :: dev e1 src 2001:db8:2::1 metric 5 pref medium
    $ ip -6 route del 2001:db8:a::/48 metric 5
    $ ip -6 route get 2001:db8:a::1
    2001:db8:a::1 from :: dev e0 src 2001:db8:1::1 metric 1024 pref medium
    "
);

point!(
    "C-291",
    host_bits_of_ipv6_are_masked_and_a_tos_is_refused,
    SIX,
    "
    $ ip -6 route add 2001:db8:a::77/48 dev e0
    $ ip -6 route show 2001:db8:a::/48
    2001:db8:a::/48 dev e0 metric 1024 pref medium
    $ ip -6 route add 2001:db8:a::/48 dev e1 tos 0x10
    ! Error: Invalid dsfield (tos): option not available for IPv6.
    [2]
    $ ip -6 route add 2001:db8:b::/48 dev e1 scope link
    $ ip -6 route show 2001:db8:b::/48
    2001:db8:b::/48 dev e1 metric 1024 pref medium
    "
);

point!(
    "C-292, T-42",
    add_refuses_append_joins_and_replace_takes_all_hops,
    SIX,
    "
    $ ip -6 route add 2001:db8:a::/48 via 2001:db8:1::2
    $ ip -6 route add 2001:db8:a::/48 via 2001:db8:2::2
    ! RTNETLINK answers: File exists
    [2]
    $ ip -6 route append 2001:db8:a::/48 via 2001:db8:2::2
    $ ip -6 route append 2001:db8:a::/48 via 2001:db8:2::2
    ! RTNETLINK answers: File exists
    [2]
    $ ip -6 route append 2001:db8:a::/48 via 2001:db8:2::3 metric 7
    $ ip -6 route show
    2001:db8:1::/64 dev e0 proto kernel metric 256 pref medium
    2001:db8:2::/64 dev e1 proto kernel metric 256 pref medium
    2001:db8:a::/48 via 2001:db8:2::3 dev e1 metric 7 pref medium
    2001:db8:a::/48 metric 1024 pref medium
        nexthop via 2001:db8:1::2 dev e0 weight 1
        nexthop via 2001:db8:2::2 dev e1 weight 1
    fe80::/64 dev e0 proto kernel metric 256 pref medium
    fe80::/64 dev p0 proto kernel metric 256 pref medium
    fe80::/64 dev e1 proto kernel metric 256 pref medium
    fe80::/64 dev p1 proto kernel metric 256 pref medium
    $ ip -6 route replace 2001:db8:a::/48 via 2001:db8:1::9
    $ ip -6 route show 2001:db8:a::/48
    2001:db8:a::/48 via 2001:db8:2::3 dev e1 metric 7 pref medium
    2001:db8:a::/48 via 2001:db8:1::9 dev e0 metric 1024 pref medium
    $ ip -6 route change 2001:db8:b::/48 via 2001:db8:1::9
    ! Error: Can not replace route - no match found.
    [2]
    $ ip -6 route change 2001:db8:a::/48 dev e1 metric 3
    ! RTNETLINK answers: No such file or directory
    [2]
    $ ip -6 route replace 2001:db8:b::/48 via 2001:db8:1::9
    $ ip -6 route show
    2001:db8:1::/64 dev e0 proto kernel metric 256 pref medium
    2001:db8:2::/64 dev e1 proto kernel metric 256 pref medium
    2001:db8:a::/48 via 2001:db8:2::3 dev e1 metric 7 pref medium
    2001:db8:a::/48 via 2001:db8:1::9 dev e0 metric 1024 pref medium
    2001:db8:b::/48 via 2001:db8:1::9 dev e0 metric 1024 pref medium
    fe80::/64 dev e0 proto kernel metric 256 pref medium
    fe80::/64 dev p0 proto kernel metric 256 pref medium
    fe80::/64 dev e1 proto kernel metric 256 pref medium
    fe80::/64 dev p1 proto kernel metric 256 pref medium
    "
);

point!(
    "C-292, C-294",
    a_route_by_device_alone_joins_no_others,
    SIX,
    "
    $ ip -6 route add 2001:db8:a::/48 via 2001:db8:1::2
    $ ip -6 route append 2001:db8:a::/48 dev e1
    $ ip -6 route append 2001:db8:a::/48 dev e0
    $ ip -6 route append 2001:db8:a::/48 via 2001:db8:2::3
    $ ip -6 route show 2001:db8:a::/48
    2001:db8:a::/48 metric 1024 pref medium
        nexthop via 2001:db8:1::2 dev e0 weight 1
        nexthop via 2001:db8:2::3 dev e1 weight 1
    $ ip -6 route replace 2001:db8:a::/48 dev e0
    $ ip -6 route show 2001:db8:a::/48
    2001:db8:a::/48 metric 1024 pref medium
        nexthop via 2001:db8:1::2 dev e0 weight 1
        nexthop via 2001:db8:2::3 dev e1 weight 1
    "
);

point!(
    "C-293",
    what_deleting_ipv6_routes_says,
    SIX,
    "
    $ ip -6 route del 2001:db8:a::/48
    ! RTNETLINK answers: No such process
    [2]
    $ ip -6 route del 2001:db8:a::/48 table 77
    ! Error: FIB table does not exist.
    [2]
    $ ip -6 route show table 77
    ! Error: ipv6: FIB table does not exist.
    ! Dump terminated
    [2]
    $ ip -6 route add 2001:db8:a::/48 nexthop via 2001:db8:1::2 nexthop via 2001:db8:1::3 nexthop via 2001:db8:2::2
    $ ip -6 route del 2001:db8:a::/48 via 2001:db8:1::3
    $ ip -6 route show 2001:db8:a::/48
    2001:db8:a::/48 metric 1024 pref medium
        nexthop via 2001:db8:1::2 dev e0 weight 1
        nexthop via 2001:db8:2::2 dev e1 weight 1
    $ ip -6 route del 2001:db8:a::/48 via 2001:db8:1::3
    ! RTNETLINK answers: No such process
    [2]
    $ ip -6 route del 2001:db8:a::/48 nexthop via 2001:db8:2::2 nexthop via 2001:db8:1::7
    ! RTNETLINK answers: No such process
    [2]
    $ ip -6 route show 2001:db8:a::/48
    2001:db8:a::/48 via 2001:db8:1::2 dev e0 metric 1024 pref medium
    $ ip -6 route append 2001:db8:a::/48 via 2001:db8:1::3
    $ ip -6 route del 2001:db8:a::/48
    $ ip -6 route show
    2001:db8:1::/64 dev e0 proto kernel metric 256 pref medium
    2001:db8:2::/64 dev e1 proto kernel metric 256 pref medium
    fe80::/64 dev e0 proto kernel metric 256 pref medium
    fe80::/64 dev p0 proto kernel metric 256 pref medium
    fe80::/64 dev e1 proto kernel metric 256 pref medium
    fe80::/64 dev p1 proto kernel metric 256 pref medium
    "
);

point!(
    "C-293",
    of_several_routes_the_first_that_fits_is_deleted,
    SIX,
    "
    $ ip -6 route add 2001:db8:a::/48 dev e0 metric 5 proto static
    $ ip -6 route add 2001:db8:a::/48 dev e1 metric 6
    $ ip -6 route add blackhole 2001:db8:a::/48 metric 7
    $ ip -6 route del 2001:db8:a::/48 dev e0 proto bird
    ! RTNETLINK answers: No such process
    [2]
    $ ip -6 route del 2001:db8:a::/48 dev e0 metric 6
    ! RTNETLINK answers: No such process
    [2]
    $ ip -6 route del 2001:db8:a::/48 dev e1
    $ ip -6 route del blackhole 2001:db8:a::/48
    $ ip -6 route show 2001:db8:a::/48
    blackhole 2001:db8:a::/48 dev lo metric 7 pref medium
    "
);

point!(
    "C-294",
    hops_of_a_multipath_route_are_listed_as_one,
    SIX,
    "
    $ ip -6 route add 2001:db8:a::/48 nexthop via 2001:db8:1::2 weight 3 nexthop via 2001:db8:2::2
    $ ip -6 route append 2001:db8:a::/48 via 2001:db8:1::3
    $ ip -6 route show 2001:db8:a::/48
    2001:db8:a::/48 metric 1024 pref medium
        nexthop via 2001:db8:1::2 dev e0 weight 3
        nexthop via 2001:db8:2::2 dev e1 weight 1
        nexthop via 2001:db8:1::3 dev e0 weight 1
    $ ip -6 -o route show 2001:db8:a::/48
    2001:db8:a::/48 metric 1024 pref medium\\    nexthop via 2001:db8:1::2 dev e0 weight 3 \\    nexthop via 2001:db8:2::2 dev e1 weight 1 \\    nexthop via 2001:db8:1::3 dev e0 weight 1
    $ ip -6 route add 2001:db8:b::/48 nexthop dev e0 nexthop dev e1
    ! Error: Device only routes can not be added for IPv6 using the multipath API.
    [2]
    $ ip -6 route add 2001:db8:b::/48 nexthop via 2001:db8:1::2
    $ ip -6 route show 2001:db8:b::/48
    2001:db8:b::/48 via 2001:db8:1::2 dev e0 metric 1024 pref medium
    $ ip -6 route add 2001:db8:c::/48 nexthop via 2001:db8:1::2 nexthop via 2001:db8:1::2
    ! RTNETLINK answers: File exists
    [2]
    $ ip -6 route show 2001:db8:c::/48
    "
);

point!(
    "C-296, T-43",
    gateways_of_ipv6_that_are_refused,
    SIX,
    "
    $ ip -6 route add 2001:db8:a::/48 via 2001:db8:77::1
    ! RTNETLINK answers: No route to host
    [2]
    $ ip -6 route add 2001:db8:a::/48 via 2001:db8:1::1
    ! Error: Gateway can not be a local address.
    [2]
    $ ip -6 route add 2001:db8:a::/48 via ::1
    ! Error: Egress device can not be loopback device for this route.
    [2]
    $ ip -6 route add 2001:db8:a::/48 via fe80::2
    ! Error: Egress device not specified.
    [2]
    $ ip -6 route add 2001:db8:a::/48 via fe80::ff:fe00:1 dev e0
    ! Error: Gateway can not be a local address.
    [2]
    $ ip -6 route add 2001:db8:a::/48 via fe80::ff:fe00:1 dev e1
    $ ip -6 route add 2001:db8:b::/48 via ff02::1 dev e0
    ! Error: Invalid gateway address.
    [2]
    $ ip -6 route add 2001:db8:b::/48 via 2001:db8:1::2 dev e1
    ! RTNETLINK answers: No route to host
    [2]
    $ ip -6 route add 2001:db8:b::/48 via 2001:db8:1::2 dev e1 onlink
    ! Error: Nexthop has invalid gateway or device mismatch.
    [2]
    $ ip -6 route add 2001:db8:b::/48 via 2001:db8:77::1 onlink
    ! Error: Nexthop device required for onlink.
    [2]
    $ ip -6 route add 2001:db8:b::/48 via 2001:db8:77::1 dev e1 onlink
    $ ip -6 route add 2001:db8:c::/48 via fe80::2 dev e0
    $ ip -6 route show 2001:db8::/32
    $ ip -6 route show root 2001:db8:a::/47
    2001:db8:a::/48 via fe80::ff:fe00:1 dev e1 metric 1024 pref medium
    2001:db8:b::/48 via 2001:db8:77::1 dev e1 metric 1024 onlink pref medium
    "
);

point!(
    "C-296",
    a_gateway_behind_a_gateway_or_without_device_is_refused,
    SIX,
    "
    $ ip -6 route add 2001:db8:a::/48 via 2001:db8:1::2
    $ ip -6 route add 2001:db8:b::/48 via 2001:db8:a::1
    ! RTNETLINK answers: No route to host
    [2]
    $ ip -6 route add 2001:db8:c::/48 table 5
    ! RTNETLINK answers: No such device
    [2]
    $ ip -6 route add unreachable 2001:db8:d::/48
    $ ip -6 route add 2001:db8:e::/48 via 2001:db8:d::1
    ! RTNETLINK answers: No route to host
    [2]
    $ ip link set e1 down
    $ ip -6 route add 2001:db8:e::/48 dev e1
    ! Error: Nexthop device is not up.
    [2]
    $ ip -6 route add 2001:db8:e::/48 via 2001:db8:2::2 dev e1
    ! RTNETLINK answers: No route to host
    [2]
    "
);

point!(
    "C-297, T-46",
    each_error_type_of_ipv6_has_its_own_error,
    SIX,
    "
    $ ip -6 route add blackhole 2001:db8:a::/48
    $ ip -6 route add unreachable 2001:db8:b::/48
    $ ip -6 route add prohibit 2001:db8:c::/48
    $ ip -6 route add throw 2001:db8:d::/48
    $ ip -6 route show type blackhole
    blackhole 2001:db8:a::/48 dev lo metric 1024 pref medium
    $ ip -6 route show type throw
    throw 2001:db8:d::/48 dev lo metric 1024 pref medium
    $ ip -6 route get 2001:db8:a::1
    ! RTNETLINK answers: Invalid argument
    [2]
    $ ip -6 route get 2001:db8:b::1
    ! RTNETLINK answers: No route to host
    [2]
    $ ip -6 route get 2001:db8:c::1
    ! RTNETLINK answers: Permission denied
    [2]
    $ ip -6 route get 2001:db8:d::1
    ! RTNETLINK answers: Network is unreachable
    [2]
    $ ip -6 route get 2001:db8:e::1
    ! RTNETLINK answers: Network is unreachable
    [2]
    $ ip -6 route get fibmatch 2001:db8:a::1
    ! RTNETLINK answers: Invalid argument
    [2]
    "
);

point!(
    "C-297, T-46",
    actions_of_ipv6_rules_have_their_errors,
    SIX,
    "
    $ ip -6 rule add to 2001:db8:a::/48 unreachable
    $ ip -6 rule add to 2001:db8:b::/48 prohibit
    $ ip -6 rule add to 2001:db8:c::/48 blackhole
    $ ip -6 route get 2001:db8:a::1
    ! RTNETLINK answers: Network is unreachable
    [2]
    $ ip -6 route get 2001:db8:b::1
    ! RTNETLINK answers: Permission denied
    [2]
    $ ip -6 route get 2001:db8:c::1
    ! RTNETLINK answers: Invalid argument
    [2]
    "
);

point!(
    "C-290, C-297",
    routes_of_the_types_local_anycast_and_multicast,
    SIX,
    "
    $ ip -6 route add local 2001:db8:a::/48 dev e0
    $ ip -6 route add anycast 2001:db8:b::/48 dev e0
    $ ip -6 route add multicast ff0e::/16 dev e1 table local
    $ ip -6 route add local 2001:db8:c::/48 dev lo table local
    $ ip -6 route show table all 2001:db8:a::/48
    local 2001:db8:a::/48 dev e0 table local metric 1024 pref medium
    $ ip -6 route show 2001:db8:b::/48
    $ ip -6 route show table local ff0e::/16
    multicast ff0e::/16 dev e1 metric 1024 pref medium
    $ ip -6 route get 2001:db8:a::5
    local 2001:db8:a::5 from :: dev lo table local src 2001:db8:1::1 metric 1024 pref medium
    $ ip -6 route get 2001:db8:b::5
    anycast 2001:db8:b::5 from :: dev e0 table local src 2001:db8:1::1 metric 1024 pref medium
    $ ip -6 route get ff0e::5
    multicast ff0e::5 from :: dev e1 table local src 2001:db8:2::1 metric 1024 pref medium
    $ ip -6 route get 2001:db8:c::5
    local 2001:db8:c::5 from :: dev lo table local src 2001:db8:1::1 metric 1024 pref medium
    $ ip -6 route add nat 2001:db8:d::/48 dev e0
    $ ip -6 route add broadcast 2001:db8:d::/48 dev e0
    ! RTNETLINK answers: File exists
    [2]
    "
);

point!(
    "C-293",
    ipv6_tables_come_with_a_route_and_stay,
    SIX,
    "
    $ ip -6 route show table 77
    ! Error: ipv6: FIB table does not exist.
    ! Dump terminated
    [2]
    $ ip -6 route add 2001:db8:a::/48 dev e0 table 77
    $ ip -6 route del 2001:db8:a::/48 table 77
    $ ip -6 route show table 77
    $ ip -6 route del 2001:db8:a::/48 table 77
    ! RTNETLINK answers: No such process
    [2]
    $ ip -6 route add 2001:db8:a::/48 via 2001:db8:77::1 table 78
    ! RTNETLINK answers: No route to host
    [2]
    $ ip -6 route show table 78
    $ ip -6 route flush table 79
    ! Error: ipv6: FIB table does not exist.
    ! Flush terminated
    [2]
    "
);

point!(
    "C-292",
    times_metrics_preferences_and_protocols_of_ipv6_routes,
    SIX,
    "
    $ ip -6 route add 2001:db8:a::/48 dev e0 pref high mtu 1400 hoplimit 5 proto static src 2001:db8:2::1
    $ ip -6 route add 2001:db8:b::/48 via 2001:db8:1::2 pref low advmss 1000 features ecn
    $ ip -6 route add 2001:db8:c::/48 dev e0 mtu lock 1400
    $ ip -6 route add 2001:db8:d::/48 dev e0 src 2001:db8:9::1
    ! Error: Invalid source address.
    [2]
    $ ip -6 route add 2001:db8:d::/48 dev e0 hoplimit 300
    ! Error: argument \"300\" is wrong: \"hoplimit\" value is invalid
    [255]
    $ ip -6 route show
    2001:db8:1::/64 dev e0 proto kernel metric 256 pref medium
    2001:db8:2::/64 dev e1 proto kernel metric 256 pref medium
    2001:db8:a::/48 dev e0 proto static src 2001:db8:2::1 metric 1024 mtu 1400 hoplimit 5 pref high
    2001:db8:b::/48 via 2001:db8:1::2 dev e0 metric 1024 advmss 1000 features ecn pref low
    2001:db8:c::/48 dev e0 metric 1024 mtu lock 1400 pref medium
    fe80::/64 dev e0 proto kernel metric 256 pref medium
    fe80::/64 dev p0 proto kernel metric 256 pref medium
    fe80::/64 dev e1 proto kernel metric 256 pref medium
    fe80::/64 dev p1 proto kernel metric 256 pref medium
    $ ip -6 route get 2001:db8:a::1
    2001:db8:a::1 from :: dev e0 proto static src 2001:db8:2::1 metric 1024 mtu 1400 hoplimit 5 pref high
    $ ip -6 route get 2001:db8:b::1
    2001:db8:b::1 from :: via 2001:db8:1::2 dev e0 src 2001:db8:1::1 metric 1024 advmss 1000 features ecn pref low
    "
);
