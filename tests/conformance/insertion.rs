//! Insertion, replacement, deletion, refusals, metrics (C-023 to C-038).

use crate::support::{BARE, TWO, point};

point!(
    "C-023",
    add_refuses_a_key_that_exists_whatever_else_differs,
    TWO,
    "
    $ ip route add 20.0.0.0/8 dev e0
    $ ip route add 20.0.0.0/8 dev e1
    ! RTNETLINK answers: File exists
    [2]
    $ ip route add unreachable 20.0.0.0/8
    ! RTNETLINK answers: File exists
    [2]
    $ ip route add 20.0.0.0/8 via 10.1.0.9 proto static
    ! RTNETLINK answers: File exists
    [2]
    $ ip route add 20.0.0.0/8 dev e1 tos 0x10
    $ ip route add 20.0.0.0/8 dev e1 metric 1
    $ ip route add 20.0.0.0/9 dev e1
    $ ip route add 20.0.0.0/8 dev e1 table 100
    $ ip route show 20.0.0.0/8
    20.0.0.0/8 tos 0x10 dev e1 scope link
    20.0.0.0/8 dev e0 scope link
    20.0.0.0/8 dev e1 scope link metric 1
    "
);

// The hop is looked at first.
point!(
    "C-023",
    a_bad_hop_is_said_before_a_key_that_exists,
    TWO,
    "
    $ ip route add 20.0.0.0/8 dev e0
    $ ip route add 20.0.0.0/8 via 77.0.0.1
    ! Error: Nexthop has invalid gateway.
    [2]
    "
);

point!(
    "C-024, T-9",
    append_goes_behind_its_equals_and_refuses_an_exact_copy,
    TWO,
    "
    $ ip route add 20.0.0.0/8 via 10.0.0.3
    $ ip route append 20.0.0.0/8 via 10.0.0.2
    $ ip route append 20.0.0.0/8 via 10.0.0.1 dev e0 onlink
    ! Error: Nexthop has invalid gateway.
    [2]
    $ ip route append unreachable 20.0.0.0/8
    $ ip route append 20.0.0.0/8 via 10.0.0.3
    ! RTNETLINK answers: File exists
    [2]
    $ ip route append 20.0.0.0/8 via 10.0.0.3 proto static
    $ ip route show 20.0.0.0/8
    20.0.0.0/8 via 10.0.0.3 dev e0
    20.0.0.0/8 via 10.0.0.2 dev e0
    unreachable 20.0.0.0/8
    20.0.0.0/8 via 10.0.0.3 dev e0 proto static
    "
);

point!(
    "C-025, T-9",
    prepend_goes_before_its_equals_and_refuses_an_exact_copy,
    TWO,
    "
    $ ip route add 20.0.0.0/8 via 10.0.0.3
    $ ip route prepend 20.0.0.0/8 via 10.0.0.2
    $ ip route prepend 20.0.0.0/8 via 10.0.0.4
    $ ip route prepend 20.0.0.0/8 via 10.0.0.3
    ! RTNETLINK answers: File exists
    [2]
    $ ip route prepend 20.0.0.0/8 via 10.0.0.3 metric 5
    $ ip route show 20.0.0.0/8
    20.0.0.0/8 via 10.0.0.4 dev e0
    20.0.0.0/8 via 10.0.0.2 dev e0
    20.0.0.0/8 via 10.0.0.3 dev e0
    20.0.0.0/8 via 10.0.0.3 dev e0 metric 5
    "
);

point!(
    "C-026, T-9",
    replace_and_change_take_the_place_of_the_first_equal,
    TWO,
    "
    $ ip route change 20.0.0.0/8 via 10.0.0.3
    ! RTNETLINK answers: No such file or directory
    [2]
    $ ip route replace 20.0.0.0/8 via 10.0.0.3
    $ ip route append 20.0.0.0/8 via 10.0.0.4
    $ ip route append 20.0.0.0/8 via 10.0.0.5
    $ ip route change 20.0.0.0/8 via 10.0.0.6
    $ ip route replace 20.0.0.0/8 via 10.0.0.6
    $ ip route replace 20.0.0.0/8 via 10.0.0.5
    ! RTNETLINK answers: File exists
    [2]
    $ ip route show 20.0.0.0/8
    20.0.0.0/8 via 10.0.0.6 dev e0
    20.0.0.0/8 via 10.0.0.4 dev e0
    20.0.0.0/8 via 10.0.0.5 dev e0
    $ ip route replace 20.0.0.0/8 via 10.0.0.7 metric 5
    $ ip route show 20.0.0.0/8 metric 5
    20.0.0.0/8 via 10.0.0.7 dev e0
    "
);

point!(
    "C-027",
    test_changes_nothing_and_says_whether_the_key_exists,
    TWO,
    "
    $ ip route test 20.0.0.0/8 via 10.0.0.3
    ! RTNETLINK answers: No such file or directory
    [2]
    $ ip route add 20.0.0.0/8 via 10.0.0.3
    $ ip route test 20.0.0.0/8 via 10.0.0.3
    ! RTNETLINK answers: File exists
    [2]
    $ ip route test 20.0.0.0/8 via 10.0.0.4
    ! RTNETLINK answers: File exists
    [2]
    $ ip route show 20.0.0.0/8
    20.0.0.0/8 via 10.0.0.3 dev e0
    "
);

point!(
    "C-028",
    replace_changes_type_scope_and_protocol,
    TWO,
    "
    $ ip route add 20.0.0.0/8 via 10.0.0.3
    $ ip route replace unreachable 20.0.0.0/8 proto static
    $ ip route show 20.0.0.0/8
    unreachable 20.0.0.0/8 proto static
    $ ip route replace 20.0.0.0/8 dev e0 scope site
    $ ip route show 20.0.0.0/8
    20.0.0.0/8 dev e0 scope site
    "
);

// With one default route its dead neighbour does not matter; a second one makes it matter.
point!(
    "C-029",
    only_a_second_default_route_makes_a_dead_gateway_matter,
    TWO,
    "
    $ ip route add default via 10.0.0.9
    $ ip neigh add 10.0.0.9 dev e0 nud failed
    $ ip route get 8.8.8.8
    8.8.8.8 via 10.0.0.9 dev e0 src 10.0.0.1 uid 0
        cache
    $ ip route append default via 10.1.0.9
    $ ip route get 8.8.8.8
    8.8.8.8 via 10.1.0.9 dev e1 src 10.1.0.1 uid 0
        cache
    $ ip route del default via 10.1.0.9
    $ ip route get 8.8.8.8
    8.8.8.8 via 10.0.0.9 dev e0 src 10.0.0.1 uid 0
        cache
    "
);

point!(
    "C-030, T-9",
    delete_takes_the_first_that_has_everything_named,
    TWO,
    "
    $ ip route add 20.0.0.0/8 via 10.0.0.3 metric 1 proto static
    $ ip route add 20.0.0.0/8 via 10.1.0.3 metric 2
    $ ip route add 20.0.0.0/8 via 10.0.0.4 metric 3 src 10.1.0.1 mtu 1400
    $ ip route add unreachable 20.0.0.0/8 metric 4
    $ ip route add 20.0.0.0/8 via 10.0.0.3 tos 0x10
    $ ip route del 20.0.0.0/8 via 10.0.0.5
    ! RTNETLINK answers: No such process
    [2]
    $ ip route del 20.0.0.0/8 dev e1
    $ ip route del 20.0.0.0/8 proto boot metric 1
    ! RTNETLINK answers: No such process
    [2]
    $ ip route del 20.0.0.0/8 src 10.0.0.1
    ! RTNETLINK answers: No such process
    [2]
    $ ip route del 20.0.0.0/8 mtu 1401
    ! RTNETLINK answers: No such process
    [2]
    $ ip route del 20.0.0.0/8 mtu 1400
    $ ip route del unreachable 20.0.0.0/8
    $ ip route del 20.0.0.0/8
    $ ip route del 20.0.0.0/8
    ! RTNETLINK answers: No such process
    [2]
    $ ip route show 20.0.0.0/8
    20.0.0.0/8 tos 0x10 via 10.0.0.3 dev e0
    $ ip route del 20.0.0.0/9 tos 0x10
    ! RTNETLINK answers: No such process
    [2]
    $ ip route del 20.0.0.0/8 tos 0x10
    "
);

point!(
    "C-031",
    a_multipath_route_is_named_by_its_first_hop_or_all_of_them,
    TWO,
    "
    $ ip route add 20.0.0.0/8 nexthop via 10.0.0.3 nexthop via 10.1.0.3 nexthop via 10.1.0.4
    $ ip route del 20.0.0.0/8 via 10.1.0.3
    ! RTNETLINK answers: No such process
    [2]
    $ ip route del 20.0.0.0/8 nexthop via 10.0.0.3 nexthop via 10.1.0.3
    ! RTNETLINK answers: No such process
    [2]
    $ ip route del 20.0.0.0/8 nexthop via 10.0.0.3 nexthop via 10.1.0.3 nexthop via 10.1.0.4
    $ ip route add 20.0.0.0/8 nexthop via 10.0.0.3 nexthop via 10.1.0.3
    $ ip route del 20.0.0.0/8 via 10.0.0.3
    $ ip route show 20.0.0.0/8
    "
);

// Seen by what the cached decision of the hop says of multicast: an unused route
// goes without a trace, an inserted one or a used one ends what is cached.
point!(
    "C-032",
    a_deletion_ends_cached_decisions_only_if_the_route_was_used,
    TWO,
    "
    $ ip route add 224.0.0.0/4 via 10.0.0.3
    $ ip route add 20.0.0.0/8 via 10.0.0.3
    $ ip route add 21.0.0.0/8 via 10.1.0.3
    $ ip route add 22.0.0.0/8 via 10.1.0.3
    $ ip route get 226.5.5.5
    multicast 226.5.5.5 via 10.0.0.3 dev e0 src 10.0.0.1 rt_offload_failed uid 0
        cache <mc>
    $ ip route get 20.0.0.1
    multicast 20.0.0.1 via 10.0.0.3 dev e0 src 10.0.0.1 rt_offload_failed uid 0
        cache <mc>
    $ ip route get 22.0.0.1
    22.0.0.1 via 10.1.0.3 dev e1 src 10.1.0.1 uid 0
        cache
    $ ip route del 21.0.0.0/8
    $ ip route get 20.0.0.1
    multicast 20.0.0.1 via 10.0.0.3 dev e0 src 10.0.0.1 rt_offload_failed uid 0
        cache <mc>
    $ ip route del 22.0.0.0/8
    $ ip route get 20.0.0.1
    20.0.0.1 via 10.0.0.3 dev e0 src 10.0.0.1 uid 0
        cache
    "
);

// A subnet broadcast as source passes the fast check, and not the full one.
point!(
    "C-033",
    a_local_route_turns_the_full_source_check_on_for_good,
    TWO,
    "
    $ sysctl -qw net.ipv4.ip_forward=1
    $ sysctl -qw net.ipv4.conf.all.rp_filter=0
    $ sysctl -qw net.ipv4.conf.e0.rp_filter=0
    $ ip route get 10.1.0.9 from 10.1.0.255 iif e0
    10.1.0.9 from 10.1.0.255 dev e1
        cache iif e0
    $ ip route add local 99.9.9.9 dev lo
    $ ip route del local 99.9.9.9 dev lo
    $ ip route get 10.1.0.9 from 10.1.0.255 iif e0
    ! RTNETLINK answers: Invalid argument
    [2]
    "
);

point!(
    "C-034",
    what_is_said_of_bad_prefixes_and_scopes,
    TWO,
    "
    $ ip route add 20.0.0.1/8 dev e0
    ! Error: Invalid prefix for given prefix length.
    [2]
    $ ip route add 20.0.0.0/8 dev e0 scope nowhere
    ! Error: Invalid scope.
    [2]
    $ ip route add nat 20.0.0.0/8 dev e0
    ! Error: Invalid scope.
    [2]
    $ ip route add xresolve 20.0.0.0/8 dev e0
    ! Error: Invalid scope.
    [2]
    "
);

point!(
    "C-034",
    what_is_said_of_types_and_hops_that_do_not_go_together,
    TWO,
    "
    $ ip route add unreachable 20.0.0.0/8 via 10.0.0.9
    ! Error: Gateway, device and multipath can not be specified for this route type.
    [2]
    $ ip route add blackhole 20.0.0.0/8 dev e0
    ! Error: Gateway, device and multipath can not be specified for this route type.
    [2]
    $ ip route add prohibit 20.0.0.0/8 nexthop via 10.0.0.9 nexthop via 10.1.0.9
    ! Error: Gateway, device and multipath can not be specified for this route type.
    [2]
    $ ip route add 20.0.0.0/8 via 10.0.0.9 scope host
    ! Error: Route with host scope can not have a gateway.
    [2]
    $ ip route add 20.0.0.0/8 scope host nexthop dev e0 nexthop dev e1
    ! Error: Route with host scope can not have multiple nexthops.
    [2]
    $ ip route add 20.0.0.0/8 dev e0 src 10.0.0.77
    ! Error: Invalid prefsrc address.
    [2]
    $ ip route add 20.0.0.0/8 nhid 77
    ! Error: Nexthop id does not exist.
    [2]
    $ ip nexthop add id 1 dev e0
    $ ip route add 20.0.0.0/8 nhid 1 dev e0
    ! Error: Nexthop specification and nexthop id are mutually exclusive.
    [2]
    $ ip route add 20.0.0.0/8 dev e1 nexthop dev e0 nexthop dev e1
    ! Error: Nexthop device index does not match RTA_OIF.
    [2]
    $ ip route add 20.0.0.0/8 via 10.1.0.9 nexthop via 10.0.0.9 nexthop via 10.1.0.9
    ! Error: Nexthop gateway does not match RTA_GATEWAY or RTA_VIA.
    [2]
    $ ip route add 20.0.0.0/8 realm 3 nexthop via 10.0.0.9 realm 4 nexthop via 10.1.0.9
    ! Error: Nexthop class id does not match RTA_FLOW.
    [2]
    $ ip route add 20.0.0.0/8 dev e0 congctl nosuch
    ! Error: Unknown tcp congestion algorithm.
    [2]
    "
);

point!(
    "C-035",
    each_type_has_a_lowest_scope,
    TWO,
    "
    $ ip route add 20.0.0.0/8 dev e0 scope global
    $ ip route add local 21.0.0.0/8 dev e0 scope link
    ! Error: Invalid scope.
    [2]
    $ ip route add local 21.0.0.0/8 dev e0 scope host
    $ ip route add broadcast 22.0.0.0/8 dev e0 scope 252
    ! Error: Invalid scope.
    [2]
    $ ip route add broadcast 22.0.0.0/8 dev e0 scope link
    $ ip route add anycast 23.0.0.0/8 dev e0 scope site
    ! Error: Invalid scope.
    [2]
    $ ip route add anycast 23.0.0.0/8 dev e0 scope host
    $ ip route add multicast 24.0.0.0/8 dev e0 scope global
    $ ip route add unreachable 25.0.0.0/8 scope global
    $ ip route add throw 26.0.0.0/8 scope global
    "
);

point!(
    "C-036",
    the_scope_and_table_that_ip_chooses,
    TWO,
    "
    $ ip route add 20.0.0.0/8 dev e0
    $ ip route add 21.0.0.0/8 via 10.0.0.9
    $ ip route add 22.0.0.0/8 nexthop dev e0 nexthop dev e1
    $ ip route add multicast 23.0.0.0/8 dev e0
    $ ip route add unreachable 24.0.0.0/8
    $ ip route add local 25.0.0.0/8 dev e0
    $ ip route add broadcast 26.0.0.0/8 dev e0
    $ ip route add anycast 27.0.0.0/8 dev e0
    $ ip route add local 28.0.0.0/8 dev e0 table main
    $ ip route show proto boot
    20.0.0.0/8 dev e0 scope link
    21.0.0.0/8 via 10.0.0.9 dev e0
    22.0.0.0/8
        nexthop dev e0 weight 1
        nexthop dev e1 weight 1
    multicast 23.0.0.0/8 dev e0 scope link
    unreachable 24.0.0.0/8
    local 28.0.0.0/8 dev e0 scope host
    $ ip route show table local proto boot
    local 25.0.0.0/8 dev e0 scope host
    broadcast 26.0.0.0/8 dev e0 scope link
    anycast 27.0.0.0/8 dev e0 scope link
    "
);

point!(
    "C-037",
    metrics_are_capped,
    BARE,
    "
    $ ip route add 20.0.0.0/8 dev e0 mtu 70000 advmss 70000 window 70000
    $ ip route show
    20.0.0.0/8 dev e0 scope link mtu 65520 window 70000 advmss 65495
    "
);

point!(
    "C-038",
    a_locked_mtu_is_shown_as_locked,
    TWO,
    "
    $ ip route add 20.0.0.0/8 via 10.0.0.9 mtu lock 1400
    $ ip route add 21.0.0.0/8 via 10.0.0.9 mtu 1400
    $ ip route show proto boot
    20.0.0.0/8 via 10.0.0.9 dev e0 mtu lock 1400
    21.0.0.0/8 via 10.0.0.9 dev e0 mtu 1400
    $ ip route get 20.0.0.1
    20.0.0.1 via 10.0.0.9 dev e0 src 10.0.0.1 uid 0
        cache mtu lock 1400
    $ ip route get 21.0.0.1
    21.0.0.1 via 10.0.0.9 dev e0 src 10.0.0.1 uid 0
        cache mtu 1400
    $ ip route del 20.0.0.0/8 mtu 1400
    "
);
