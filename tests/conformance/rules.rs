//! Policy rules as a list: the first three, insertion, refusals (C-091 to C-102).

use crate::support::{EMPTY, TWO, point};

point!(
    "C-091",
    a_fresh_namespace_has_three_rules_and_a_flush_leaves_the_first,
    EMPTY,
    "
    $ ip rule show
    0:    from all lookup local
    32766:    from all lookup main
    32767:    from all lookup default
    $ ip rule flush
    $ ip rule show
    0:    from all lookup local
    $ ip rule del pref 0
    $ ip rule show
    "
);

point!(
    "C-091",
    each_of_the_three_rules_can_be_deleted_by_its_preference,
    EMPTY,
    "
    $ ip rule del pref 32766
    $ ip rule del pref 32767
    $ ip rule del pref 0
    $ ip rule del pref 0
    ! RTNETLINK answers: No such file or directory
    [2]
    $ ip rule show
    "
);

point!(
    "C-092",
    rules_remember_who_made_them_and_deletion_can_ask_for_it,
    EMPTY,
    "
    $ ip rule add pref 10 table 5
    $ ip rule add pref 11 table 5 protocol bird
    $ ip -d rule show
    0:    from all lookup local proto kernel
    10:    from all lookup 5 proto unspec
    11:    from all lookup 5 proto bird
    32766:    from all lookup main proto kernel
    32767:    from all lookup default proto kernel
    $ ip rule del pref 11 protocol static
    ! RTNETLINK answers: No such file or directory
    [2]
    $ ip rule del pref 11 protocol bird
    $ ip rule del pref 32766 protocol boot
    ! RTNETLINK answers: No such file or directory
    [2]
    $ ip rule del pref 32766 protocol kernel
    $ ip rule del pref 10
    $ ip rule show
    0:    from all lookup local
    32767:    from all lookup default
    "
);

point!(
    "C-093",
    an_omitted_preference_is_one_below_the_second_rule_of_the_list,
    EMPTY,
    "
    $ ip rule add table 5
    $ ip rule add table 6
    $ ip rule add pref 100 table 7
    $ ip rule add table 8
    $ ip rule show
    0:    from all lookup local
    99:    from all lookup 8
    100:    from all lookup 7
    32764:    from all lookup 6
    32765:    from all lookup 5
    32766:    from all lookup main
    32767:    from all lookup default
    "
);

point!(
    "C-093",
    an_omitted_preference_is_0_when_there_is_no_second_rule_or_it_has_0,
    EMPTY,
    "
    $ ip rule flush
    $ ip rule add table 5
    $ ip rule add table 6
    $ ip rule show
    0:    from all lookup local
    0:    from all lookup 5
    0:    from all lookup 6
    "
);

point!(
    "C-094",
    a_new_rule_goes_behind_those_of_the_same_preference,
    EMPTY,
    "
    $ ip rule add pref 7 table 5
    $ ip rule add pref 7 table 3
    $ ip rule add pref 7 table 4
    $ ip rule add pref 32766 table 9
    $ ip rule show
    0:    from all lookup local
    7:    from all lookup 5
    7:    from all lookup 3
    7:    from all lookup 4
    32766:    from all lookup main
    32766:    from all lookup 9
    32767:    from all lookup default
    "
);

point!(
    "C-095",
    an_identical_rule_is_refused,
    EMPTY,
    "
    $ ip rule add pref 7 from 3.0.0.0/8 fwmark 1 table 5
    $ ip rule add pref 7 from 3.0.0.0/8 fwmark 1 table 5
    ! RTNETLINK answers: File exists
    [2]
    $ ip rule add pref 8 from 3.0.0.0/8 fwmark 1 table 5
    $ ip rule add pref 7 from 3.0.0.0/8 fwmark 2 table 5
    $ ip rule show table 5
    7:    from 3.0.0.0/8 fwmark 0x1 lookup 5
    7:    from 3.0.0.0/8 fwmark 0x2 lookup 5
    8:    from 3.0.0.0/8 fwmark 0x1 lookup 5
    "
);

point!(
    "C-096",
    a_wider_rule_is_a_duplicate_of_a_narrower_one_but_not_the_reverse,
    EMPTY,
    "
    $ ip rule add pref 100 from 3.3.3.3 table 12
    $ ip rule add pref 100 table 12
    ! RTNETLINK answers: File exists
    [2]
    $ ip rule add pref 101 table 12
    $ ip rule add pref 101 from 3.3.3.3 table 12
    $ ip rule add pref 102 to 4.4.4.4 tos 0x10 table 12
    $ ip rule add pref 102 tos 0x10 table 12
    ! RTNETLINK answers: File exists
    [2]
    $ ip rule add pref 102 table 12
    ! RTNETLINK answers: File exists
    [2]
    $ ip rule add pref 103 iif e9 table 12
    $ ip rule add pref 103 table 12
    $ ip rule show
    0:    from all lookup local
    100:    from 3.3.3.3 lookup 12
    101:    from all lookup 12
    101:    from 3.3.3.3 lookup 12
    102:    from all to 4.4.4.4 tos 0x10 lookup 12
    103:    from all iif e9 [detached] lookup 12
    103:    from all lookup 12
    32766:    from all lookup main
    32767:    from all lookup default
    "
);

point!(
    "C-097",
    not_makes_no_other_rule_in_the_test_for_duplicates,
    EMPTY,
    "
    $ ip rule add pref 7 from 3.3.3.3 table 5
    $ ip rule add pref 7 not from 3.3.3.3 table 5
    ! RTNETLINK answers: File exists
    [2]
    $ ip rule add pref 8 not from 3.3.3.3 table 5
    $ ip rule add pref 8 from 3.3.3.3 table 5
    ! RTNETLINK answers: File exists
    [2]
    "
);

point!(
    "C-098",
    table_0_becomes_the_lowest_table_that_does_not_exist,
    EMPTY,
    "
    $ ip rule add pref 901 table 0
    $ ip rule add pref 902 table 0
    $ ip rule add pref 903
    $ ip rule show
    0:    from all lookup local
    901:    from all lookup 1
    902:    from all lookup 2
    903:    from all lookup main
    32766:    from all lookup main
    32767:    from all lookup default
    "
);

point!(
    "C-099",
    host_bits_of_prefixes_are_shown_and_do_not_count,
    TWO,
    "
    $ ip route add 20.0.0.0/8 dev e1 table 5
    $ ip rule add pref 10 from 10.0.0.77/24 to 20.1.2.3/16 table 5
    $ ip rule show pref 10
    10:    from 10.0.0.77/24 to 20.1.2.3/16 lookup 5
    $ ip route get 20.1.9.9 from 10.0.0.1
    20.1.9.9 from 10.0.0.1 dev e1 table 5 uid 0
        cache
    $ ip route get 20.2.9.9 from 10.0.0.1
    ! RTNETLINK answers: Network is unreachable
    [2]
    "
);

point!(
    "C-100",
    ports_are_1_to_65534_and_ranges_go_upwards,
    EMPTY,
    "
    $ ip rule add pref 1 sport 1-65534 table 5
    $ ip rule add pref 2 dport 65534 table 5
    $ ip rule add pref 3 dport 65535 table 5
    ! Error: Invalid dport range.
    [2]
    $ ip rule add pref 3 sport 1-65535 table 5
    ! Error: Invalid sport range.
    [2]
    $ ip rule add pref 3 dport 0 table 5
    ! Error: Invalid dport range.
    [2]
    $ ip rule add pref 3 sport 20-10 table 5
    ! Error: Invalid sport range.
    [2]
    $ ip rule show table 5
    1:    from all sport 1-65534 lookup 5
    2:    from all dport 65534 lookup 5
    "
);

point!(
    "C-101",
    what_no_rule_may_be_is_refused_with_a_text,
    EMPTY,
    "
    $ ip rule add pref 50 goto 50
    ! Error: Backward goto not supported.
    [2]
    $ ip rule add pref 50 goto 40
    ! Error: Backward goto not supported.
    [2]
    $ ip rule add pref 50 tos 0x11 table 5
    ! Error: Invalid dsfield (tos): ECN bits must be 0.
    [2]
    $ ip rule add pref 50 tos 0x20 table 5
    ! Error: Invalid tos.
    [2]
    $ ip rule add pref 50 uidrange 5-4 table 5
    ! Error: Invalid uid range.
    [2]
    $ ip rule show
    0:    from all lookup local
    32766:    from all lookup main
    32767:    from all lookup default
    "
);

point!(
    "C-102",
    an_unknown_action_is_kept_and_ends_a_lookup_like_a_blackhole,
    TWO,
    "
    $ ip route add default via 10.0.0.9
    $ ip rule add pref 5 type 5
    $ ip rule show pref 5
    5:    from all multicast
    $ ip route get 8.8.8.8
    ! RTNETLINK answers: Invalid argument
    [2]
    $ ip rule del pref 5
    $ ip route get 8.8.8.8
    8.8.8.8 via 10.0.0.9 dev e0 src 10.0.0.1 uid 0
        cache
    "
);

point!(
    "C-110",
    rules_for_packets_made_here_do_not_make_received_ones_be_dissected,
    TWO,
    "
    $ sysctl -qw net.ipv4.ip_forward=1
    $ sysctl -qw net.ipv4.conf.e0.rp_filter=1
    $ ip route add 30.0.0.0/8 via 10.0.0.2 table 100
    $ ip rule add pref 10 iif lo ipproto tcp table 100
    $ ip route get 10.0.0.1 from 30.0.0.1 iif e0 ipproto tcp
    ! RTNETLINK answers: Invalid argument
    [2]
    $ ip rule add pref 11 ipproto udp table 100
    $ ip route get 10.0.0.1 from 30.0.0.1 iif e0 ipproto tcp
    local 10.0.0.1 from 30.0.0.1 dev lo table local
        cache <local> iif e0
    "
);

point!(
    "C-110",
    rules_that_need_dissection_are_counted_as_they_come_and_go,
    TWO,
    "
    $ sysctl -qw net.ipv4.ip_forward=1
    $ ip route add 30.0.0.0/8 via 10.1.0.2 table 100
    $ ip rule add pref 10 iif lo ipproto tcp table 100
    $ ip rule add pref 11 ipproto tcp table 100
    $ ip route get 30.0.0.1 from 10.0.0.5 iif e0 ipproto tcp
    30.0.0.1 from 10.0.0.5 via 10.1.0.2 dev e1 table 100
        cache iif e0
    # Detached, the first rule counts as one for any device, and its end ends dissection.
    $ ip link set lo down
    $ ip link set lo name loop
    $ ip rule del pref 10
    $ ip route get 30.0.0.1 from 10.0.0.5 iif e0 ipproto tcp
    ! RTNETLINK answers: Network is unreachable
    [2]
    "
);
