//! Where one would expect something else: rules, tables, lookups (T-1 to T-12).

use crate::situations::ROUTER;
use crate::support::{BARE, EMPTY, TWO, point};

point!(
    "T-1",
    own_addresses_are_shown_in_main_until_rules_change,
    TWO,
    "
    $ ip -d route get 10.0.0.1
    local 10.0.0.1 dev lo table main src 10.0.0.1 uid 0
        cache <local>
    $ ip -d route get 10.0.0.255
    broadcast 10.0.0.255 dev e0 table main src 10.0.0.1 uid 0
        cache <local,brd>
    $ ip rule add pref 10 table 5
    $ ip rule del pref 10
    $ ip route get 10.0.0.255
    broadcast 10.0.0.255 dev e0 table local src 10.0.0.1 uid 0
        cache <local,brd>
    "
);

point!(
    "T-1",
    deleting_the_first_rule_cuts_off_own_addresses,
    TWO,
    "
    $ ip rule del pref 0
    $ ip route get 10.0.0.1
    10.0.0.1 dev e0 src 10.0.0.1 uid 0
        cache
    $ ip route get 127.0.0.1
    ! RTNETLINK answers: Network is unreachable
    [2]
    "
);

point!(
    "T-2",
    automatic_preferences_run_downwards_and_equal_ones_queue,
    EMPTY,
    "
    $ ip rule add pref 100 table 5
    $ ip rule add table 6
    $ ip rule add table 7
    $ ip rule add pref 99 table 8
    $ ip rule add pref 99 table 6
    ! RTNETLINK answers: File exists
    [2]
    $ ip rule show
    0:    from all lookup local
    98:    from all lookup 7
    99:    from all lookup 6
    99:    from all lookup 8
    100:    from all lookup 5
    32766:    from all lookup main
    32767:    from all lookup default
    $ ip rule del pref 97
    ! RTNETLINK answers: No such file or directory
    [2]
    "
);

point!(
    "T-3",
    goto_nowhere_is_accepted_and_skipped,
    TWO,
    "
    $ ip route add default via 10.0.0.9
    $ ip rule add pref 10 goto 4000000000
    $ ip route get 8.8.8.8
    8.8.8.8 via 10.0.0.9 dev e0 src 10.0.0.1 uid 0
        cache
    $ ip rule add pref 4000000000 prohibit
    $ ip route get 8.8.8.8
    ! RTNETLINK answers: Permission denied
    [2]
    $ ip rule add pref 20 goto 20
    ! Error: Backward goto not supported.
    [2]
    "
);

point!(
    "T-4",
    an_unreachable_rule_and_an_unreachable_route_answer_differently,
    TWO,
    "
    $ ip rule add pref 10 to 1.0.0.0/8 unreachable
    $ ip route add unreachable 2.0.0.0/8
    $ ip route get 1.1.1.1
    ! RTNETLINK answers: Network is unreachable
    [2]
    $ ip route get 2.1.1.1
    ! RTNETLINK answers: No route to host
    [2]
    $ ip route get fibmatch 2.1.1.1
    ! RTNETLINK answers: No route to host
    [2]
    $ ip route get fibmatch 1.1.1.1
    ! RTNETLINK answers: Network is unreachable
    [2]
    "
);

point!(
    "T-5",
    tos_of_routes_is_compared_through_0x1c_as_well,
    TWO,
    "
    $ ip route add default via 10.0.0.9
    $ ip route add 8.0.0.0/8 via 10.1.0.9 tos 0x10
    $ ip route get 8.8.8.8 tos 0x11
    8.8.8.8 tos 0x10 via 10.1.0.9 dev e1 src 10.1.0.1 uid 0
        cache
    $ ip route get 8.8.8.8 tos 0xf0
    8.8.8.8 tos 0x10 via 10.1.0.9 dev e1 src 10.1.0.1 uid 0
        cache
    $ ip route get 8.8.8.8 tos 0x14
    8.8.8.8 via 10.0.0.9 dev e0 src 10.0.0.1 uid 0
        cache
    $ ip route add 9.0.0.0/8 via 10.1.0.9 tos 0x13
    ! Error: Invalid dsfield (tos): ECN bits must be 0.
    [2]
    $ ip rule add pref 10 tos 0x12 table 5
    ! Error: Invalid dsfield (tos): ECN bits must be 0.
    [2]
    $ ip rule add pref 10 tos 0x30 table 5
    ! Error: Invalid tos.
    [2]
    "
);

point!(
    "T-7",
    forwarding_never_matches_a_rule_with_oif,
    ROUTER,
    "
    $ ip rule add pref 10 oif e1 prohibit
    $ ip route get 8.8.8.8 from 10.0.0.7 iif e0
    8.8.8.8 from 10.0.0.7 via 10.1.0.9 dev e1
        cache iif e0
    $ ip route get 8.8.8.8
    8.8.8.8 via 10.1.0.9 dev e1 src 10.1.0.1 uid 0
        cache
    "
);

point!(
    "T-8",
    a_blackhole_is_not_suppressed,
    TWO,
    "
    $ ip route add blackhole default
    $ ip route add default via 10.0.0.9 table 5
    $ ip rule add pref 10 table main suppress_prefixlength 0
    $ ip rule add pref 11 table 5
    $ ip route get 8.8.8.8
    ! RTNETLINK answers: Invalid argument
    [2]
    "
);

point!(
    "T-9",
    routes_of_one_prefix_stand_by_tos_then_metric_and_each_verb_has_its_place,
    TWO,
    "
    $ ip route add 20.0.0.0/8 via 10.0.0.2 metric 5
    $ ip route add 20.0.0.0/8 via 10.0.0.3 metric 5 proto static
    ! RTNETLINK answers: File exists
    [2]
    $ ip route append 20.0.0.0/8 via 10.0.0.4 metric 5
    $ ip route append 20.0.0.0/8 via 10.0.0.4 metric 5
    ! RTNETLINK answers: File exists
    [2]
    $ ip route prepend 20.0.0.0/8 via 10.0.0.5 metric 5
    $ ip route add 20.0.0.0/8 via 10.0.0.6 metric 1
    $ ip route add 20.0.0.0/8 via 10.0.0.7 metric 9 tos 0x04
    $ ip route add 20.0.0.0/8 via 10.0.0.8 metric 9 tos 0x10
    $ ip route show
    10.0.0.0/24 dev e0 proto kernel scope link src 10.0.0.1
    10.1.0.0/24 dev e1 proto kernel scope link src 10.1.0.1
    20.0.0.0/8 tos 0x10 via 10.0.0.8 dev e0 metric 9
    20.0.0.0/8 tos 0x04 via 10.0.0.7 dev e0 metric 9
    20.0.0.0/8 via 10.0.0.6 dev e0 metric 1
    20.0.0.0/8 via 10.0.0.5 dev e0 metric 5
    20.0.0.0/8 via 10.0.0.2 dev e0 metric 5
    20.0.0.0/8 via 10.0.0.4 dev e0 metric 5
    $ ip route replace 20.0.0.0/8 via 10.0.0.10 metric 5
    $ ip route change 20.0.0.0/8 via 10.0.0.11 metric 7
    ! RTNETLINK answers: No such file or directory
    [2]
    $ ip route del 20.0.0.0/8
    $ ip route del 20.0.0.0/8 via 10.0.0.4
    $ ip route del 20.0.0.0/8 via 10.0.0.77
    ! RTNETLINK answers: No such process
    [2]
    $ ip route show 20.0.0.0/8
    20.0.0.0/8 tos 0x10 via 10.0.0.8 dev e0 metric 9
    20.0.0.0/8 tos 0x04 via 10.0.0.7 dev e0 metric 9
    20.0.0.0/8 via 10.0.0.10 dev e0 metric 5
    20.0.0.0/8 via 10.0.0.2 dev e0 metric 5
    "
);

point!(
    "T-10",
    a_failed_neighbour_changes_only_the_answer_for_defaults,
    TWO,
    "
    $ ip route add default via 10.0.0.2
    $ ip route append default via 10.0.0.3
    $ ip route add 20.0.0.0/8 via 10.0.0.2
    $ ip route append 20.0.0.0/8 via 10.0.0.3
    $ ip neigh add 10.0.0.2 dev e0 nud failed
    $ ip route get 8.8.8.8
    8.8.8.8 via 10.0.0.3 dev e0 src 10.0.0.1 uid 0
        cache
    $ ip route get 20.1.1.1
    20.1.1.1 via 10.0.0.2 dev e0 src 10.0.0.1 uid 0
        cache
    $ ip route del default
    $ ip route del default
    $ ip route add default via 10.0.0.2
    $ ip route get 8.8.8.8
    8.8.8.8 via 10.0.0.2 dev e0 src 10.0.0.1 uid 0
        cache
    "
);

point!(
    "T-11",
    routes_without_carrier_go_at_once_where_wished_but_not_own_addresses,
    TWO,
    "
    $ ip route add 20.0.0.0/8 via 10.0.0.9
    $ ip route add default via 10.1.0.9
    $ sysctl -qw net.ipv4.conf.e0.ignore_routes_with_linkdown=0
    $ ip link set p0 down
    $ ip route get 20.1.1.1
    20.1.1.1 via 10.0.0.9 dev e0 src 10.0.0.1 uid 0
        cache
    $ sysctl -qw net.ipv4.conf.e0.ignore_routes_with_linkdown=1
    $ ip route show 20.0.0.0/8
    20.0.0.0/8 via 10.0.0.9 dev e0 dead linkdown
    $ ip route get 20.1.1.1
    20.1.1.1 via 10.1.0.9 dev e1 src 10.1.0.1 uid 0
        cache
    $ ip route get 10.0.0.1
    local 10.0.0.1 dev lo src 10.0.0.1 uid 0
        cache <local>
    $ ip route get 10.0.0.255
    10.0.0.255 via 10.1.0.9 dev e1 src 10.1.0.1 uid 0
        cache
    $ ip link set e0 down
    $ ip route get 10.0.0.1
    local 10.0.0.1 dev lo src 10.0.0.1 uid 0
        cache <local>
    "
);

point!(
    "T-11",
    the_weights_of_multipath_follow_only_with_the_next_event,
    TWO,
    "
    $ sysctl -qw net.ipv4.fib_multipath_hash_seed=1
    $ ip route add 20.0.0.0/8 nexthop via 10.0.0.9 weight 255 nexthop via 10.1.0.9
    $ ip link set p0 down
    $ ip route get 20.1.1.1
    20.1.1.1 via 10.0.0.9 dev e0 src 10.0.0.1 uid 0
        cache
    $ sysctl -qw net.ipv4.conf.e0.ignore_routes_with_linkdown=1
    $ ip route get 20.1.1.1
    20.1.1.1 via 10.0.0.9 dev e0 src 10.0.0.1 uid 0
        cache
    $ ip link set p0 up
    $ ip link set p0 down
    $ ip route get 20.1.1.1
    20.1.1.1 via 10.1.0.9 dev e1 src 10.1.0.1 uid 0
        cache
    "
);

point!(
    "T-12",
    an_address_on_a_device_that_is_down_is_local_without_a_subnet,
    BARE,
    "
    $ ip link set e0 down
    $ ip addr add 10.0.0.1/24 dev e0
    $ ip route get 10.0.0.1
    local 10.0.0.1 dev lo src 10.0.0.1 uid 0
        cache <local>
    $ ip route get 10.0.0.2
    ! RTNETLINK answers: Network is unreachable
    [2]
    $ ip route show
    "
);
