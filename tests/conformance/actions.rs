//! Policy rules: what a rule that matches does, how the search goes on, and
//! how rules are deleted (C-115 to C-126).

use crate::situations::ROUTER;
use crate::support::{EMPTY, TWO, point};

point!(
    "C-115",
    rules_end_a_lookup_with_errors_of_their_own,
    TWO,
    "
    $ ip route add default via 10.0.0.9
    $ ip rule add pref 10 to 1.0.0.0/8 unreachable
    $ ip rule add pref 11 to 2.0.0.0/8 prohibit
    $ ip rule add pref 12 to 3.0.0.0/8 blackhole
    $ ip route add unreachable 4.0.0.0/8
    $ ip route get 1.1.1.1
    ! RTNETLINK answers: Network is unreachable
    [2]
    $ ip route get 2.1.1.1
    ! RTNETLINK answers: Permission denied
    [2]
    $ ip route get 3.1.1.1
    ! RTNETLINK answers: Invalid argument
    [2]
    $ ip route get 4.1.1.1
    ! RTNETLINK answers: No route to host
    [2]
    "
);

point!(
    "C-116",
    only_no_match_and_throw_lead_to_the_next_rule,
    TWO,
    "
    $ ip route add default via 10.0.0.9
    $ ip route add 1.0.0.0/8 via 10.1.0.9 table 5
    $ ip route add throw 2.0.0.0/8 table 5
    $ ip route add unreachable 3.0.0.0/8 table 5
    $ ip route add prohibit 4.0.0.0/8 table 5
    $ ip route add blackhole 5.0.0.0/8 table 5
    $ ip rule add pref 10 table 5
    $ ip route get 1.1.1.1
    1.1.1.1 via 10.1.0.9 dev e1 table 5 src 10.1.0.1 uid 0
        cache
    $ ip route get 2.1.1.1
    2.1.1.1 via 10.0.0.9 dev e0 src 10.0.0.1 uid 0
        cache
    $ ip route get 3.1.1.1
    ! RTNETLINK answers: No route to host
    [2]
    $ ip route get 4.1.1.1
    ! RTNETLINK answers: Permission denied
    [2]
    $ ip route get 5.1.1.1
    ! RTNETLINK answers: Invalid argument
    [2]
    $ ip route get 6.1.1.1
    6.1.1.1 via 10.0.0.9 dev e0 src 10.0.0.1 uid 0
        cache
    $ ip route del default
    $ ip route get 6.1.1.1
    ! RTNETLINK answers: Network is unreachable
    [2]
    $ ip route get 2.1.1.1
    ! RTNETLINK answers: Network is unreachable
    [2]
    "
);

point!(
    "C-116",
    without_any_rule_there_is_no_route,
    TWO,
    "
    $ ip route add default via 10.0.0.9
    $ ip rule flush
    $ ip route get 8.8.8.8
    ! RTNETLINK answers: Network is unreachable
    [2]
    $ ip route get 10.0.0.1
    local 10.0.0.1 dev lo table local src 10.0.0.1 uid 0
        cache <local>
    "
);

point!(
    "C-117",
    goto_continues_at_its_target_whose_selectors_count,
    TWO,
    "
    $ ip route add default via 10.0.0.9
    $ ip rule add pref 10 to 8.0.0.0/8 goto 20
    $ ip rule add pref 15 prohibit
    $ ip rule add pref 20 fwmark 1 blackhole
    $ ip rule add pref 21 nop
    $ ip route get 8.8.8.8
    8.8.8.8 via 10.0.0.9 dev e0 src 10.0.0.1 uid 0
        cache
    $ ip route get 8.8.8.8 mark 1
    ! RTNETLINK answers: Invalid argument
    [2]
    $ ip route get 9.9.9.9
    ! RTNETLINK answers: Permission denied
    [2]
    "
);

point!(
    "C-117",
    goto_is_passed_over_until_its_target_exists_and_takes_the_next_when_it_goes,
    TWO,
    "
    $ ip route add default via 10.0.0.9
    $ ip rule add pref 10 goto 20
    $ ip rule add pref 15 prohibit
    $ ip rule show pref 10
    10:    from all goto 20 [unresolved]
    $ ip route get 8.8.8.8
    ! RTNETLINK answers: Permission denied
    [2]
    $ ip rule add pref 20 to 8.0.0.0/8 blackhole
    $ ip rule add pref 20 to 8.0.0.0/8 unreachable
    $ ip rule show pref 10
    10:    from all goto 20
    $ ip route get 8.8.8.8
    ! RTNETLINK answers: Invalid argument
    [2]
    $ ip rule del pref 20 blackhole
    $ ip rule show pref 10
    10:    from all goto 20
    $ ip route get 8.8.8.8
    ! RTNETLINK answers: Network is unreachable
    [2]
    $ ip rule del pref 20
    $ ip rule show pref 10
    10:    from all goto 20 [unresolved]
    $ ip route get 8.8.8.8
    ! RTNETLINK answers: Permission denied
    [2]
    "
);

point!(
    "C-118",
    suppress_prefixlength_discards_results_that_are_no_longer,
    TWO,
    "
    $ ip route add default via 10.0.0.9
    $ ip route add 8.0.0.0/8 via 10.0.0.9
    $ ip route add default via 10.1.0.9 table 5
    $ ip rule add pref 10 table main suppress_prefixlength 0
    $ ip rule add pref 11 table 5
    $ ip rule show pref 10
    10:    from all lookup main suppress_prefixlength 0
    $ ip route get 8.8.8.8
    8.8.8.8 via 10.0.0.9 dev e0 src 10.0.0.1 uid 0
        cache
    $ ip route get 9.9.9.9
    9.9.9.9 via 10.1.0.9 dev e1 table 5 src 10.1.0.1 uid 0
        cache
    $ ip rule del pref 10
    $ ip rule add pref 10 table main suppress_prefixlength 8
    $ ip route get 8.8.8.8
    8.8.8.8 via 10.1.0.9 dev e1 table 5 src 10.1.0.1 uid 0
        cache
    $ ip route get 10.0.0.7
    10.0.0.7 dev e0 src 10.0.0.1 uid 0
        cache
    "
);

point!(
    "C-119",
    suppress_ifgroup_discards_results_whose_first_hop_is_in_the_group,
    TWO,
    "
    $ ip link set e0 group 7
    $ ip link set p1 group 7
    $ ip route add 8.0.0.0/8 via 10.0.0.9
    $ ip route add 9.0.0.0/8 via 10.1.0.9
    $ ip route add 7.0.0.0/8 nexthop via 10.1.0.9 nexthop via 10.0.0.9
    $ ip route add 6.0.0.0/8 nexthop via 10.0.0.9 nexthop via 10.1.0.9
    $ ip rule add pref 10 table main suppress_ifgroup 7
    $ ip rule add pref 11 prohibit
    $ ip rule show pref 10
    10:    from all lookup main suppress_ifgroup 7
    $ ip route get 8.8.8.8
    ! RTNETLINK answers: Permission denied
    [2]
    $ ip route get 9.9.9.9
    9.9.9.9 via 10.1.0.9 dev e1 src 10.1.0.1 uid 0
        cache
    $ ip route get 6.6.6.6
    ! RTNETLINK answers: Permission denied
    [2]
    $ ip route get 7.7.7.7 oif e1
    7.7.7.7 via 10.1.0.9 dev e1 src 10.1.0.1 uid 0
        cache
    $ ip route get 7.7.7.7 oif e0
    7.7.7.7 via 10.0.0.9 dev e0 src 10.0.0.1 uid 0
        cache
    "
);

point!(
    "C-120",
    realms_of_route_and_rule_fill_each_other_s_gaps,
    TWO,
    "
    $ ip route add 8.0.0.0/8 via 10.0.0.9 realms 3/4
    $ ip route add 9.0.0.0/8 via 10.0.0.9 realms 5
    $ ip route add 7.0.0.0/8 via 10.1.0.9
    $ ip rule add pref 10 table main realms 1/2
    $ ip route get 8.8.8.8
    8.8.8.8 via 10.0.0.9 dev e0 src 10.0.0.1 realms 3/4 uid 0
        cache
    $ ip route get 9.9.9.9
    9.9.9.9 via 10.0.0.9 dev e0 src 10.0.0.1 realms 1/5 uid 0
        cache
    $ ip route get 7.7.7.7
    7.7.7.7 via 10.1.0.9 dev e1 src 10.1.0.1 realms 1/2 uid 0
        cache
    $ ip rule del pref 10
    $ ip route get 9.9.9.9
    9.9.9.9 via 10.0.0.9 dev e0 src 10.0.0.1 realm 5 uid 0
        cache
    "
);

point!(
    "C-121",
    before_the_first_change_of_rules_an_error_in_main_is_final,
    TWO,
    "
    $ ip route add unreachable 8.0.0.0/8
    $ ip route add throw 9.0.0.0/8
    $ ip route add default via 10.0.0.9 table default
    $ ip route get 8.8.8.8
    ! RTNETLINK answers: No route to host
    [2]
    $ ip route get 9.9.9.9
    9.9.9.9 via 10.0.0.9 dev e0 table default src 10.0.0.1 uid 0
        cache
    $ ip route get 7.7.7.7
    7.7.7.7 via 10.0.0.9 dev e0 table default src 10.0.0.1 uid 0
        cache
    "
);

point!(
    "C-122",
    without_a_main_table_only_default_is_searched,
    EMPTY,
    "
    # No address was ever given, so that no table but this one exists.
    $ ip link add e0 address 02:00:00:00:00:01 type veth peer name p0 address 02:00:00:00:00:02
    $ ip link set p0 up
    $ ip link set e0 up
    $ ip route get 8.8.8.8
    ! RTNETLINK answers: Network is unreachable
    [2]
    $ ip route add 8.0.0.0/8 dev e0 table default
    $ ip route get 8.8.8.8
    8.8.8.8 dev e0 table default uid 0
        cache
    $ ip route get 9.9.9.9
    ! RTNETLINK answers: Network is unreachable
    [2]
    "
);

point!(
    "C-123",
    any_change_of_rules_separates_local_from_main_for_good,
    TWO,
    "
    $ ip route get 10.0.0.1
    local 10.0.0.1 dev lo src 10.0.0.1 uid 0
        cache <local>
    $ ip rule add pref 10 table 5
    $ ip rule del pref 10
    $ ip route get 10.0.0.1
    local 10.0.0.1 dev lo table local src 10.0.0.1 uid 0
        cache <local>
    "
);

point!(
    "C-123",
    after_a_change_a_rule_s_absence_counts,
    TWO,
    "
    $ ip route add default via 10.0.0.9
    $ ip rule del pref 32766
    $ ip route get 8.8.8.8
    ! RTNETLINK answers: Network is unreachable
    [2]
    $ ip route get 10.0.0.1
    local 10.0.0.1 dev lo table local src 10.0.0.1 uid 0
        cache <local>
    "
);

point!(
    "C-124",
    deletion_takes_the_first_rule_that_agrees_with_all_that_is_given,
    EMPTY,
    "
    $ ip rule add pref 10 from 1.0.0.0/8 table 5
    $ ip rule add pref 10 from 2.0.0.0/8 fwmark 1 table 5
    $ ip rule add pref 11 from 2.0.0.0/8 table 6
    $ ip rule del from 2.0.0.0/8 table 6
    $ ip rule del pref 10 from 3.0.0.0/8
    ! RTNETLINK answers: No such file or directory
    [2]
    $ ip rule del pref 10 fwmark 2
    ! RTNETLINK answers: No such file or directory
    [2]
    $ ip rule del table 5
    $ ip rule show
    0:    from all lookup local
    10:    from 2.0.0.0/8 fwmark 0x1 lookup 5
    32766:    from all lookup main
    32767:    from all lookup default
    $ ip rule del fwmark 1
    $ ip rule del pref 77
    ! RTNETLINK answers: No such file or directory
    [2]
    "
);

point!(
    "C-126",
    changes_of_rules_outdate_cached_decisions,
    TWO,
    "
    $ ip route add 226.0.0.0/8 via 10.0.0.9
    $ ip route add 7.0.0.0/8 via 10.0.0.9
    $ ip route get 226.5.5.5
    multicast 226.5.5.5 via 10.0.0.9 dev e0 src 10.0.0.1 rt_offload_failed uid 0
        cache <mc>
    $ ip route get 7.1.1.1
    multicast 7.1.1.1 via 10.0.0.9 dev e0 src 10.0.0.1 rt_offload_failed uid 0
        cache <mc>
    $ ip rule add pref 77 table 5
    $ ip route get 7.1.1.1
    7.1.1.1 via 10.0.0.9 dev e0 src 10.0.0.1 uid 0
        cache
    $ ip route get 226.5.5.5
    226.5.5.5 via 10.0.0.9 dev e0 src 10.0.0.1 uid 0
        cache
    $ ip rule del pref 77
    $ ip route get 226.5.5.5
    multicast 226.5.5.5 via 10.0.0.9 dev e0 src 10.0.0.1 rt_offload_failed uid 0
        cache <mc>
    "
);

point!(
    "C-120",
    realms_of_the_way_back_are_exchanged_and_not_cached,
    ROUTER,
    "
    $ ip route add 30.0.0.0/8 via 10.0.0.9 realms 3/4
    $ ip route add 31.0.0.0/8 via 10.0.0.9 realms 4
    $ ip route add 32.0.0.0/8 via 10.0.0.9
    $ ip route add 40.0.0.0/8 via 10.1.0.9 realms 7/8
    $ ip route get 10.0.0.1 from 30.1.1.1 iif e0
    local 10.0.0.1 from 30.1.1.1 dev lo realms 4/cosmos
        cache <local> iif e0
    $ ip route get 10.0.0.1 from 31.1.1.1 iif e0
    local 10.0.0.1 from 31.1.1.1 dev lo realms 4/cosmos
        cache <local> iif e0
    $ ip route get 10.0.0.1 from 32.1.1.1 iif e0
    local 10.0.0.1 from 32.1.1.1 dev lo
        cache <local> iif e0
    $ ip route get 8.8.8.8 from 30.1.1.1 iif e0
    8.8.8.8 from 30.1.1.1 via 10.1.0.9 dev e1 realms 4/cosmos
        cache iif e0
    $ ip route get 8.8.8.8 from 32.1.1.1 iif e0
    8.8.8.8 from 32.1.1.1 via 10.1.0.9 dev e1
        cache iif e0
    $ ip route get 40.1.1.1 from 30.1.1.1 iif e0
    40.1.1.1 from 30.1.1.1 via 10.1.0.9 dev e1 realms 7/8
        cache iif e0
    $ ip route get 40.1.1.1 from 32.1.1.1 iif e0
    40.1.1.1 from 32.1.1.1 via 10.1.0.9 dev e1 realms 7/8
        cache iif e0
    $ ip route get 224.0.0.1 from 30.1.1.1 iif e0
    multicast 224.0.0.1 from 30.1.1.1 dev lo rt_offload_failed realms 4/cosmos
        cache <local,mc> iif e0
    $ ip route get 10.0.0.255 from 30.1.1.1 iif e0
    broadcast 10.0.0.255 from 30.1.1.1 dev lo realms 4/cosmos
        cache <local,brd> iif e0
    $ ip rule add pref 10 to 32.0.0.0/8 table main realms 1/2
    $ ip route get 10.0.0.1 from 32.1.1.1 iif e0
    local 10.0.0.1 from 32.1.1.1 dev lo table local realms 2/1
        cache <local> iif e0
    $ ip route get 8.8.8.8 from 32.1.1.1 iif e0
    8.8.8.8 from 32.1.1.1 via 10.1.0.9 dev e1 realms 2/1
        cache iif e0
    $ ip route get 10.0.0.1 from 30.1.1.1 iif e0
    local 10.0.0.1 from 30.1.1.1 dev lo table local realms 4/cosmos
        cache <local> iif e0
    $ ip rule add pref 11 to 30.0.0.0/8 table main realms 5/6
    $ ip route get 10.0.0.1 from 30.1.1.1 iif e0
    local 10.0.0.1 from 30.1.1.1 dev lo table local realms 4/5
        cache <local> iif e0
    $ ip route get 8.8.8.8 from 30.1.1.1 iif e0
    8.8.8.8 from 30.1.1.1 via 10.1.0.9 dev e1 realms 4/5
        cache iif e0
    "
);
