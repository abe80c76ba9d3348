//! What IPv6 questions are answered (C-298, C-300, C-302 to C-308, T-44, T-47, T-59).

use crate::support::{SIX, point};

point!(
    "C-302",
    foreign_sources_are_no_error,
    SIX,
    "
    $ ip -6 route add default via 2001:db8:1::2
    $ ip -6 route get 2001:db8:a::1 from 2001:db8:77::7
    2001:db8:a::1 from 2001:db8:77::7 via 2001:db8:1::2 dev e0 src 2001:db8:1::1 metric 1024 pref medium
    $ ip -6 route get 2001:db8:a::1 from ff02::1
    2001:db8:a::1 from ff02::1 via 2001:db8:1::2 dev e0 src 2001:db8:1::1 metric 1024 pref medium
    $ ip -6 route get 2001:db8:a::1 from ::1
    2001:db8:a::1 from ::1 via 2001:db8:1::2 dev e0 src 2001:db8:1::1 metric 1024 pref medium
    $ ip -6 route get 2001:db8:a::1 from fe80::77
    2001:db8:a::1 from fe80::77 via 2001:db8:1::2 dev e0 src 2001:db8:1::1 metric 1024 pref medium
    "
);

point!(
    "C-303",
    nothing_is_assumed_to_be_on_the_link,
    SIX,
    "
    $ ip -6 route get 2001:db8:a::1 oif e0
    ! RTNETLINK answers: Network is unreachable
    [2]
    $ ip -6 route get 2001:db8:1::1 oif e1
    ! RTNETLINK answers: Network is unreachable
    [2]
    $ ip -6 route get 2001:db8:1::77 oif e1
    ! RTNETLINK answers: Network is unreachable
    [2]
    $ ip -6 route add default via 2001:db8:1::2
    $ ip -6 route get 2001:db8:a::1 oif e1
    ! RTNETLINK answers: Network is unreachable
    [2]
    $ ip -6 route get 2001:db8:1::1 oif e0
    local 2001:db8:1::1 from :: dev lo table local proto kernel src 2001:db8:1::1 metric 0 pref medium
    $ ip -6 route get 2001:db8:1::1 oif lo
    ! RTNETLINK answers: Network is unreachable
    [2]
    $ ip -6 route add default via 2001:db8:2::2 metric 2000
    $ ip -6 route get 2001:db8:a::1 oif e1
    2001:db8:a::1 from :: via 2001:db8:2::2 dev e1 src 2001:db8:2::1 metric 2000 pref medium
    "
);

point!(
    "C-304",
    link_local_and_multicast_destinations,
    SIX,
    "
    $ ip -6 route get fe80::77
    fe80::77 from :: dev e0 proto kernel src fe80::ff:fe00:1 metric 256 pref medium
    $ ip -6 route get fe80::77 oif e1
    fe80::77 from :: dev e1 proto kernel src fe80::ff:fe00:3 metric 256 pref medium
    $ ip -6 route get ff02::1
    multicast ff02::1 from :: dev e0 table local proto kernel src fe80::ff:fe00:1 metric 256 pref medium
    $ ip -6 route get ff02::1 oif e1
    multicast ff02::1 from :: dev e1 table local proto kernel src fe80::ff:fe00:3 metric 256 pref medium
    $ ip -6 route get ff0e::1 oif p1
    multicast ff0e::1 from :: dev p1 table local proto kernel src fe80::ff:fe00:4 metric 256 pref medium
    $ ip -6 route get fe80::77 oif lo
    ! RTNETLINK answers: Network is unreachable
    [2]
    $ ip -6 route get ff02::1 oif lo
    ! RTNETLINK answers: Network is unreachable
    [2]
    $ ip link set e0 down
    $ ip -6 route get fe80::77
    fe80::77 from :: dev p0 proto kernel src fe80::ff:fe00:2 metric 256 pref medium
    $ ip -6 route get ff02::1
    multicast ff02::1 from :: dev p0 table local proto kernel src fe80::ff:fe00:2 metric 256 pref medium
    "
);

point!(
    "C-305",
    the_unspecified_destination_has_no_route,
    SIX,
    "
    $ ip -6 route get ::
    ! RTNETLINK answers: Network is unreachable
    [2]
    $ ip -6 route add default via 2001:db8:1::2
    $ ip -6 route get ::
    :: from :: via 2001:db8:1::2 dev e0 src fe80::ff:fe00:1 metric 1024 pref medium
    $ ip -6 route get fibmatch ::
    default via 2001:db8:1::2 dev e0 metric 1024 pref medium
    "
);

point!(
    "C-306",
    local_destinations_of_ipv6_leave_by_loopback,
    SIX,
    "
    $ ip -6 route get ::1
    local ::1 from :: dev lo table local proto kernel src ::1 metric 0 pref medium
    $ ip -6 route get 2001:db8:1::1
    local 2001:db8:1::1 from :: dev lo table local proto kernel src 2001:db8:1::1 metric 0 pref medium
    $ ip -6 route get fe80::ff:fe00:1
    local fe80::ff:fe00:1 from :: dev lo table local proto kernel src fe80::ff:fe00:1 metric 0 pref medium
    $ ip -6 route get 2001:db8:1::1 from 2001:db8:2::1
    local 2001:db8:1::1 from 2001:db8:2::1 dev lo table local proto kernel src 2001:db8:1::1 metric 0 pref medium
    $ ip -6 route get fibmatch 2001:db8:1::1
    local 2001:db8:1::1 dev e0 table local proto kernel metric 0 pref medium
    $ ip -6 route get ::1 from 2001:db8:1::1
    local ::1 from 2001:db8:1::1 dev lo table local proto kernel src ::1 metric 0 pref medium
    "
);

point!(
    "C-307, C-308, T-44",
    input_questions_check_neither_forwarding_nor_sources,
    SIX,
    "
    $ ip -6 route get 2001:db8:1::77 from 2001:db8:99::1 iif e1
    2001:db8:1::77 from 2001:db8:99::1 dev e0 proto kernel metric 256 iif e1 pref medium
    $ ip -6 route get 2001:db8:1::77 from ff02::1 iif e1
    2001:db8:1::77 from ff02::1 dev e0 proto kernel metric 256 iif e1 pref medium
    $ ip -6 route get 2001:db8:1::77 from ::1 iif e1
    2001:db8:1::77 from ::1 dev e0 proto kernel metric 256 iif e1 pref medium
    $ ip -6 route get 2001:db8:1::77 from :: iif e1
    2001:db8:1::77 from :: dev e0 proto kernel metric 256 iif e1 pref medium
    $ ip -6 route get 2001:db8:1::77 from 2001:db8:1::1 iif e1
    2001:db8:1::77 from 2001:db8:1::1 dev e0 proto kernel metric 256 iif e1 pref medium
    $ ip -6 route get 2001:db8:1::1 from 2001:db8:99::1 iif e1
    local 2001:db8:1::1 from 2001:db8:99::1 dev lo table local proto kernel metric 0 iif e1 pref medium
    $ ip -6 route get ::1 from 2001:db8:99::1 iif e1
    ! RTNETLINK answers: Network is unreachable
    [2]
    $ ip -6 route get 2001:db8:b::1 from 2001:db8:99::1 iif e1
    ! RTNETLINK answers: Network is unreachable
    [2]
    $ ip -6 route get ff02::1 from fe80::5 iif e1
    ! RTNETLINK answers: Message too long
    [2]
    $ ip -6 route get fe80::ff:fe00:3 from fe80::5 iif e1
    local fe80::ff:fe00:3 from fe80::5 dev lo table local proto kernel metric 0 iif e1 pref medium
    $ ip -6 route get fe80::ff:fe00:1 from fe80::5 iif e1
    fe80::ff:fe00:1 from fe80::5 dev e1 proto kernel metric 256 iif e1 pref medium
    $ ip -6 route get fe80::77 from fe80::5 iif e1
    fe80::77 from fe80::5 dev e1 proto kernel metric 256 iif e1 pref medium
    $ ip -6 route get 2001:db8:1::77 iif e9
    ! Cannot find device \"e9\"
    [1]
    "
);

point!(
    "C-308",
    error_routes_answer_input_questions_as_output_ones,
    SIX,
    "
    $ ip -6 route add blackhole 2001:db8:a::/48
    $ ip -6 route add unreachable 2001:db8:b::/48
    $ ip -6 route add prohibit 2001:db8:c::/48
    $ ip -6 route get 2001:db8:a::1 from 2001:db8:99::1 iif e1
    ! RTNETLINK answers: Invalid argument
    [2]
    $ ip -6 route get 2001:db8:b::1 from 2001:db8:99::1 iif e1
    ! RTNETLINK answers: No route to host
    [2]
    $ ip -6 route get 2001:db8:c::1 from 2001:db8:99::1 iif e1
    ! RTNETLINK answers: Permission denied
    [2]
    "
);

point!(
    "C-298",
    a_hop_whose_neighbour_failed_is_passed_over_while_not_forwarding,
    SIX,
    "
    $ sysctl -qw net.ipv4.fib_multipath_hash_seed=7
    $ ip -6 route add default nexthop via 2001:db8:1::2 nexthop via 2001:db8:2::2
    $ ip -6 route get 2001:db8:a::1
    2001:db8:a::1 from :: via 2001:db8:2::2 dev e1 src 2001:db8:2::1 metric 1024 pref medium
    $ ip -6 route get 2001:db8:a::3
    2001:db8:a::3 from :: via 2001:db8:2::2 dev e1 src 2001:db8:2::1 metric 1024 pref medium
    $ ip -6 neigh add 2001:db8:2::2 dev e1 nud failed
    $ ip -6 route get 2001:db8:a::1
    2001:db8:a::1 from :: via 2001:db8:1::2 dev e0 src 2001:db8:1::1 metric 1024 pref medium
    $ ip -6 route get 2001:db8:a::3
    2001:db8:a::3 from :: via 2001:db8:1::2 dev e0 src 2001:db8:1::1 metric 1024 pref medium
    $ sysctl -qw net.ipv6.conf.all.forwarding=1
    $ ip -6 route get 2001:db8:a::1
    2001:db8:a::1 from :: via 2001:db8:2::2 dev e1 src 2001:db8:2::1 metric 1024 pref medium
    $ ip -6 route get 2001:db8:a::3
    2001:db8:a::3 from :: via 2001:db8:2::2 dev e1 src 2001:db8:2::1 metric 1024 pref medium
    "
);

point!(
    "C-298, T-59",
    a_lower_metric_is_left_for_a_failed_gateway_only_while_not_forwarding,
    SIX,
    "
    $ ip -6 route add default via 2001:db8:1::2 metric 10
    $ ip -6 route add default via 2001:db8:2::2
    $ ip -6 neigh add 2001:db8:1::2 dev e0 nud failed
    $ ip -6 route get 2001:db8:a::1
    2001:db8:a::1 from :: via 2001:db8:2::2 dev e1 src 2001:db8:2::1 metric 1024 pref medium
    $ sysctl -qw net.ipv6.conf.all.forwarding=1
    $ ip -6 route get 2001:db8:a::1
    2001:db8:a::1 from :: via 2001:db8:1::2 dev e0 src 2001:db8:1::1 metric 10 pref medium
    $ sysctl -qw net.ipv6.conf.all.forwarding=0
    $ ip -6 neigh del 2001:db8:1::2 dev e0
    $ ip -6 route get 2001:db8:a::1
    2001:db8:a::1 from :: via 2001:db8:1::2 dev e0 src 2001:db8:1::1 metric 10 pref medium
    "
);

point!(
    "C-298",
    routers_of_one_metric_are_measured_by_preference,
    SIX,
    "
    $ ip -6 route add 2001:db8:a::/48 dev e0 pref low
    $ ip -6 route append 2001:db8:a::/48 dev e1 pref high
    $ ip -6 route add 2001:db8:b::/48 dev e0 pref low metric 5
    $ ip -6 route append 2001:db8:b::/48 dev e1 pref high metric 6
    $ ip -6 route show root 2001:db8:a::/47
    2001:db8:a::/48 dev e0 metric 1024 pref low
    2001:db8:a::/48 dev e1 metric 1024 pref high
    2001:db8:b::/48 dev e0 metric 5 pref low
    2001:db8:b::/48 dev e1 metric 6 pref high
    $ ip -6 route get 2001:db8:a::1
    2001:db8:a::1 from :: dev e1 src 2001:db8:2::1 metric 1024 pref high
    $ ip -6 route get 2001:db8:b::1
    2001:db8:b::1 from :: dev e0 src 2001:db8:1::1 metric 5 pref low
    "
);

point!(
    "C-300, T-59",
    which_hop_a_flow_takes,
    SIX,
    "
    $ sysctl -qw net.ipv4.fib_multipath_hash_seed=7
    $ ip -6 route add 2001:db8:a::/48 nexthop via 2001:db8:1::2 nexthop via 2001:db8:2::2
    $ ip -6 route get 2001:db8:a::1 from 2001:db8:1::1
    2001:db8:a::1 from 2001:db8:1::1 via 2001:db8:1::2 dev e0 src 2001:db8:1::1 metric 1024 pref medium
    $ ip -6 route get 2001:db8:a::2 from 2001:db8:1::1
    2001:db8:a::2 from 2001:db8:1::1 via 2001:db8:2::2 dev e1 src 2001:db8:2::1 metric 1024 pref medium
    $ ip -6 route get 2001:db8:a::3 from 2001:db8:1::1
    2001:db8:a::3 from 2001:db8:1::1 via 2001:db8:2::2 dev e1 src 2001:db8:2::1 metric 1024 pref medium
    $ ip -6 route get 2001:db8:a::4 from 2001:db8:1::1
    2001:db8:a::4 from 2001:db8:1::1 via 2001:db8:2::2 dev e1 src 2001:db8:2::1 metric 1024 pref medium
    $ ip -6 route get 2001:db8:a::5 from 2001:db8:1::1
    2001:db8:a::5 from 2001:db8:1::1 via 2001:db8:2::2 dev e1 src 2001:db8:2::1 metric 1024 pref medium
    $ ip -6 route get 2001:db8:a::6 from 2001:db8:1::1
    2001:db8:a::6 from 2001:db8:1::1 via 2001:db8:2::2 dev e1 src 2001:db8:2::1 metric 1024 pref medium
    $ ip -6 route get 2001:db8:a::1 from 2001:db8:1::1 ipproto udp sport 1 dport 2
    2001:db8:a::1 from 2001:db8:1::1 via 2001:db8:2::2 dev e1 src 2001:db8:2::1 metric 1024 pref medium
    $ ip -6 route get 2001:db8:a::1 from 2001:db8:1::1 ipproto udp sport 1 dport 3
    2001:db8:a::1 from 2001:db8:1::1 via 2001:db8:2::2 dev e1 src 2001:db8:2::1 metric 1024 pref medium
    $ ip -6 route get 2001:db8:a::1 from 2001:db8:1::1 ipproto tcp sport 1 dport 3
    2001:db8:a::1 from 2001:db8:1::1 via 2001:db8:2::2 dev e1 src 2001:db8:2::1 metric 1024 pref medium
    "
);

point!(
    "C-300, T-59",
    which_hop_a_flow_takes_by_its_ports,
    SIX,
    "
    $ sysctl -qw net.ipv4.fib_multipath_hash_seed=7
    $ sysctl -qw net.ipv6.fib_multipath_hash_policy=1
    $ ip -6 route add 2001:db8:a::/48 nexthop via 2001:db8:1::2 weight 2 nexthop via 2001:db8:2::2 nexthop via fe80::5 dev p0
    $ ip -6 route get 2001:db8:a::1 from 2001:db8:1::1 ipproto udp sport 1 dport 2
    2001:db8:a::1 from 2001:db8:1::1 via fe80::5 dev p0 src 2001:db8:1::1 metric 1024 pref medium
    $ ip -6 route get 2001:db8:a::1 from 2001:db8:1::1 ipproto udp sport 1 dport 3
    2001:db8:a::1 from 2001:db8:1::1 via 2001:db8:1::2 dev e0 src 2001:db8:1::1 metric 1024 pref medium
    $ ip -6 route get 2001:db8:a::1 from 2001:db8:1::1 ipproto udp sport 1 dport 4
    2001:db8:a::1 from 2001:db8:1::1 via 2001:db8:2::2 dev e1 src 2001:db8:2::1 metric 1024 pref medium
    $ ip -6 route get 2001:db8:a::1 from 2001:db8:1::1 ipproto udp sport 1 dport 5
    2001:db8:a::1 from 2001:db8:1::1 via fe80::5 dev p0 src 2001:db8:1::1 metric 1024 pref medium
    $ ip -6 route get 2001:db8:a::1 from 2001:db8:1::1 ipproto tcp sport 1 dport 5
    2001:db8:a::1 from 2001:db8:1::1 via fe80::5 dev p0 src 2001:db8:1::1 metric 1024 pref medium
    $ ip -6 route get 2001:db8:a::1 from 2001:db8:1::1 ipproto tcp sport 1 dport 6
    2001:db8:a::1 from 2001:db8:1::1 via 2001:db8:1::2 dev e0 src 2001:db8:1::1 metric 1024 pref medium
    $ ip -6 route get 2001:db8:a::1 from 2001:db8:1::1 ipproto tcp sport 1 dport 7
    2001:db8:a::1 from 2001:db8:1::1 via fe80::5 dev p0 src 2001:db8:1::1 metric 1024 pref medium
    $ sysctl -qw net.ipv6.fib_multipath_hash_policy=3
    $ sysctl -qw net.ipv6.fib_multipath_hash_fields=2
    $ ip -6 route get 2001:db8:a::1 from 2001:db8:1::1
    2001:db8:a::1 from 2001:db8:1::1 via 2001:db8:2::2 dev e1 src 2001:db8:2::1 metric 1024 pref medium
    $ ip -6 route get 2001:db8:a::2 from 2001:db8:2::1
    2001:db8:a::2 from 2001:db8:2::1 via 2001:db8:1::2 dev e0 src 2001:db8:1::1 metric 1024 pref medium
    $ ip -6 route get 2001:db8:a::3 from 2001:db8:1::1
    2001:db8:a::3 from 2001:db8:1::1 via fe80::5 dev p0 src 2001:db8:1::1 metric 1024 pref medium
    $ ip -6 route get 2001:db8:a::4 from 2001:db8:2::1
    2001:db8:a::4 from 2001:db8:2::1 via 2001:db8:2::2 dev e1 src 2001:db8:2::1 metric 1024 pref medium
    "
);

point!(
    "C-300",
    a_multipath_route_without_source_is_hashed_with_none,
    SIX,
    "
    $ sysctl -qw net.ipv4.fib_multipath_hash_seed=7
    $ ip -6 route add 2001:db8:a::/48 nexthop via 2001:db8:1::2 nexthop via 2001:db8:2::2
    $ ip -6 route get 2001:db8:a::1
    2001:db8:a::1 from :: via 2001:db8:2::2 dev e1 src 2001:db8:2::1 metric 1024 pref medium
    $ ip -6 route get 2001:db8:a::2
    2001:db8:a::2 from :: via 2001:db8:1::2 dev e0 src 2001:db8:1::1 metric 1024 pref medium
    $ ip -6 route get 2001:db8:a::3
    2001:db8:a::3 from :: via 2001:db8:2::2 dev e1 src 2001:db8:2::1 metric 1024 pref medium
    $ ip -6 route get 2001:db8:a::4
    2001:db8:a::4 from :: via 2001:db8:2::2 dev e1 src 2001:db8:2::1 metric 1024 pref medium
    $ ip -6 route get 2001:db8:a::5
    2001:db8:a::5 from :: via 2001:db8:1::2 dev e0 src 2001:db8:1::1 metric 1024 pref medium
    $ ip -6 route get fibmatch 2001:db8:a::5
    2001:db8:a::/48 metric 1024 pref medium
        nexthop via 2001:db8:1::2 dev e0 weight 1
        nexthop via 2001:db8:2::2 dev e1 weight 1
    "
);

point!(
    "C-314",
    a_hop_without_carrier_is_passed_over_where_ipv6_says_so,
    SIX,
    "
    $ ip -6 route add 2001:db8:a::/48 via 2001:db8:1::2 metric 5
    $ ip -6 route add 2001:db8:a::/48 via 2001:db8:2::2 metric 6
    $ ip link set p0 down
    $ ip -6 route show
    2001:db8:1::/64 dev e0 proto kernel metric 256 linkdown pref medium
    2001:db8:2::/64 dev e1 proto kernel metric 256 pref medium
    2001:db8:a::/48 via 2001:db8:1::2 dev e0 metric 5 linkdown pref medium
    2001:db8:a::/48 via 2001:db8:2::2 dev e1 metric 6 pref medium
    fe80::/64 dev e0 proto kernel metric 256 linkdown pref medium
    fe80::/64 dev e1 proto kernel metric 256 pref medium
    fe80::/64 dev p1 proto kernel metric 256 pref medium
    $ ip -6 route get 2001:db8:a::1
    2001:db8:a::1 from :: via 2001:db8:1::2 dev e0 src 2001:db8:1::1 metric 5 pref medium
    $ sysctl -qw net.ipv6.conf.all.ignore_routes_with_linkdown=1
    $ sysctl net.ipv6.conf.e0.ignore_routes_with_linkdown
    net.ipv6.conf.e0.ignore_routes_with_linkdown = 1
    $ ip -6 route get 2001:db8:a::1
    2001:db8:a::1 from :: via 2001:db8:2::2 dev e1 src 2001:db8:2::1 metric 6 pref medium
    $ ip -6 route show 2001:db8:a::/48
    2001:db8:a::/48 via 2001:db8:1::2 dev e0 metric 5 dead linkdown pref medium
    2001:db8:a::/48 via 2001:db8:2::2 dev e1 metric 6 pref medium
    $ sysctl -qw net.ipv6.conf.e0.ignore_routes_with_linkdown=1
    $ ip -6 route get 2001:db8:a::1
    2001:db8:a::1 from :: via 2001:db8:2::2 dev e1 src 2001:db8:2::1 metric 6 pref medium
    $ ip -6 addr show dev e0
    3: e0@p0: <NO-CARRIER,BROADCAST,MULTICAST,UP,M-DOWN> mtu 1500 qdisc noqueue state LOWERLAYERDOWN group default qlen 1000
        inet6 2001:db8:1::1/64 scope global
           valid_lft forever preferred_lft forever
        inet6 fe80::ff:fe00:1/64 scope link
           valid_lft forever preferred_lft forever
    $ ip link set p0 up
    $ ip -6 route get 2001:db8:a::1
    2001:db8:a::1 from :: via 2001:db8:1::2 dev e0 src 2001:db8:1::1 metric 5 pref medium
    "
);

point!(
    "T-47",
    a_device_in_the_question_and_the_hops_of_a_route,
    SIX,
    "
    $ sysctl -qw net.ipv4.fib_multipath_hash_seed=7
    $ ip -6 route add 2001:db8:a::/48 nexthop via 2001:db8:1::2 nexthop via 2001:db8:2::2
    $ ip -6 route get 2001:db8:a::1 oif e0
    2001:db8:a::1 from :: via 2001:db8:1::2 dev e0 src 2001:db8:1::1 metric 1024 pref medium
    $ ip -6 route get 2001:db8:a::2 oif e0
    2001:db8:a::2 from :: via 2001:db8:1::2 dev e0 src 2001:db8:1::1 metric 1024 pref medium
    $ ip -6 route get 2001:db8:a::3 oif e1
    2001:db8:a::3 from :: via 2001:db8:2::2 dev e1 src 2001:db8:2::1 metric 1024 pref medium
    $ ip -6 route get 2001:db8:a::5 oif e1
    2001:db8:a::5 from :: via 2001:db8:2::2 dev e1 src 2001:db8:2::1 metric 1024 pref medium
    $ ip -6 route get 2001:db8:a::3 oif p1
    ! RTNETLINK answers: Network is unreachable
    [2]
    "
);

point!(
    "T-47",
    a_device_in_the_question_does_not_choose_the_hop_of_a_group,
    SIX,
    "
    $ sysctl -qw net.ipv4.fib_multipath_hash_seed=7
    $ ip nexthop add id 1 via 2001:db8:1::2 dev e0
    $ ip nexthop add id 2 via 2001:db8:2::2 dev e1
    $ ip nexthop add id 3 group 1/2
    $ ip -6 route add 2001:db8:a::/48 nhid 3
    $ ip -6 route get 2001:db8:a::1 oif e0
    2001:db8:a::1 from :: via 2001:db8:2::2 dev e1 src 2001:db8:1::1 metric 1024 pref medium
    $ ip -6 route get 2001:db8:a::2 oif e0
    2001:db8:a::2 from :: via 2001:db8:1::2 dev e0 src 2001:db8:1::1 metric 1024 pref medium
    $ ip -6 route get 2001:db8:a::3 oif e1
    2001:db8:a::3 from :: via 2001:db8:2::2 dev e1 src 2001:db8:1::1 metric 1024 pref medium
    $ ip -6 route get 2001:db8:a::5 oif e1
    2001:db8:a::5 from :: via 2001:db8:1::2 dev e0 src 2001:db8:1::1 metric 1024 pref medium
    $ ip -6 route get 2001:db8:a::3 oif p1
    ! RTNETLINK answers: Network is unreachable
    [2]
    $ ip -6 route show 2001:db8:a::/48
    2001:db8:a::/48 nhid 3 metric 1024 pref medium
        nexthop via 2001:db8:1::2 dev e0 weight 1
        nexthop via 2001:db8:2::2 dev e1 weight 1
    "
);

point!(
    "T-17",
    routes_by_one_object_share_its_decision_about_ipv6,
    SIX,
    "
    $ ip nexthop add id 1 via 2001:db8:1::2 dev e0
    $ ip -6 route add 2001:db8:a::/48 nhid 1 metric 5 proto bird mtu 1400
    $ ip -6 route add 2001:db8:b::/48 nhid 1 metric 6
    $ ip -6 route get 2001:db8:a::1
    2001:db8:a::1 from :: via 2001:db8:1::2 dev e0 proto bird src 2001:db8:1::1 metric 5 mtu 1400 pref medium
    $ ip -6 route get 2001:db8:b::1
    2001:db8:b::1 from :: via 2001:db8:1::2 dev e0 proto bird src 2001:db8:1::1 metric 5 mtu 1400 pref medium
    $ ip -6 route get 2001:db8:b::1 from 2001:db8:9::1 iif e1
    2001:db8:b::1 from 2001:db8:9::1 via 2001:db8:1::2 dev e0 proto bird metric 5 mtu 1400 iif e1 pref medium
    $ ip -6 route get fibmatch 2001:db8:b::1
    2001:db8:a::/48 nhid 1 via 2001:db8:1::2 dev e0 proto bird metric 5 mtu 1400 pref medium
    # The decision outlives its route, until something is added.
    $ ip -6 route del 2001:db8:a::/48 metric 5
    $ ip -6 route get 2001:db8:b::1
    ! RTNETLINK answers: Network is unreachable
    [2]
    $ ip -6 route add 2001:db8:c::/48 dev e1
    $ ip -6 route get 2001:db8:b::1
    2001:db8:b::1 from :: via 2001:db8:1::2 dev e0 src 2001:db8:1::1 metric 6 pref medium
    "
);
