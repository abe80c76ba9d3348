//! Rules of IPv6 (C-289, C-297, C-301, T-57).

use crate::support::{EMPTY, SIX, point};

point!(
    "C-289",
    ipv6_begins_with_two_rules,
    EMPTY,
    "
    $ ip -6 rule show
    0:    from all lookup local
    32766:    from all lookup main
    $ ip -6 rule del pref 0
    $ ip -6 rule del pref 32766
    $ ip -6 rule show
    "
);

point!(
    "C-289",
    rules_of_ipv6_stand_before_its_tables,
    SIX,
    "
    $ ip -6 route add 2001:db8:a::/48 via 2001:db8:2::2 table 7
    $ ip -6 route get 2001:db8:a::1
    ! RTNETLINK answers: Network is unreachable
    [2]
    $ ip -6 rule add from 2001:db8:5::/64 table 7
    $ ip -6 rule add iif p0 table 7 pref 9
    $ ip -6 rule add fwmark 5/7 table 7
    $ ip -6 rule show
    0:    from all lookup local
    8:    from all fwmark 0x5/0x7 lookup 7
    9:    from all iif p0 lookup 7
    32765:    from 2001:db8:5::/64 lookup 7
    32766:    from all lookup main
    $ ip -6 route get 2001:db8:a::1 from 2001:db8:5::9
    2001:db8:a::1 from 2001:db8:5::9 via 2001:db8:2::2 dev e1 table 7 src 2001:db8:2::1 metric 1024 pref medium
    $ ip -6 route get 2001:db8:a::1 from 2001:db8:6::9
    ! RTNETLINK answers: Network is unreachable
    [2]
    $ ip -6 route get 2001:db8:a::1 from 2001:db8:6::9 iif p0
    2001:db8:a::1 from 2001:db8:6::9 via 2001:db8:2::2 dev e1 table 7 metric 1024 iif p0 pref medium
    $ ip -6 route get 2001:db8:a::1 mark 0xd
    2001:db8:a::1 from :: via 2001:db8:2::2 dev e1 table 7 src 2001:db8:2::1 metric 1024 pref medium
    $ ip -6 rule del from 2001:db8:5::/64
    $ ip -6 rule del from 2001:db8:5::/64
    ! RTNETLINK answers: No such file or directory
    [2]
    $ ip -6 route get 2001:db8:a::1 from 2001:db8:5::9
    ! RTNETLINK answers: Network is unreachable
    [2]
    "
);

point!(
    "C-301",
    a_rule_by_source_does_not_meet_a_question_without,
    SIX,
    "
    $ ip -6 route add 2001:db8:a::/48 via 2001:db8:2::2 table 7
    $ ip -6 rule add from 2001:db8:2::/64 table 7
    $ ip -6 route get 2001:db8:a::1
    ! RTNETLINK answers: Network is unreachable
    [2]
    $ ip -6 route get 2001:db8:a::1 from ::
    ! RTNETLINK answers: Network is unreachable
    [2]
    $ ip -6 route get 2001:db8:a::1 from 2001:db8:2::1
    2001:db8:a::1 from 2001:db8:2::1 via 2001:db8:2::2 dev e1 table 7 src 2001:db8:2::1 metric 1024 pref medium
    $ ip -6 rule add from ::/0 to 2001:db8:a::/48 table 7
    $ ip -6 route get 2001:db8:a::1
    2001:db8:a::1 from :: via 2001:db8:2::2 dev e1 table 7 src 2001:db8:2::1 metric 1024 pref medium
    "
);

point!(
    "T-57",
    a_rule_s_tos_is_the_whole_dscp,
    SIX,
    "
    $ ip -6 route add 2001:db8:a::/48 via 2001:db8:2::2 table 7
    $ ip -6 rule add tos 0x10 table 7
    $ ip -6 rule add dsfield 0x30 table 8
    $ ip -6 rule add tos 0x11 table 8
    ! Error: Invalid dsfield (tos): ECN bits must be 0.
    [2]
    $ ip -6 route get 2001:db8:a::1 tos 0x10
    2001:db8:a::1 from :: via 2001:db8:2::2 dev e1 table 7 src 2001:db8:2::1 metric 1024 pref medium
    $ ip -6 route get 2001:db8:a::1 tos 0x30
    ! RTNETLINK answers: Network is unreachable
    [2]
    $ ip -6 route get 2001:db8:a::1 tos 0x13
    2001:db8:a::1 from :: via 2001:db8:2::2 dev e1 table 7 src 2001:db8:2::1 metric 1024 pref medium
    $ ip -6 rule show
    0:    from all lookup local
    32764:    from all tos AF12 lookup 8
    32765:    from all tos 0x10 lookup 7
    32766:    from all lookup main
    "
);

point!(
    "T-57",
    rules_by_protocol_and_ports,
    SIX,
    "
    $ ip -6 route add 2001:db8:a::/48 via 2001:db8:2::2 table 7
    $ ip -6 rule add ipproto udp dport 53 table 7
    $ ip -6 rule add sport 1000-1009 table 7
    $ ip -6 route get 2001:db8:a::1 ipproto udp dport 53
    2001:db8:a::1 from :: via 2001:db8:2::2 dev e1 table 7 src 2001:db8:2::1 metric 1024 pref medium
    $ ip -6 route get 2001:db8:a::1 ipproto tcp dport 53
    ! RTNETLINK answers: Network is unreachable
    [2]
    $ ip -6 route get 2001:db8:a::1 ipproto tcp sport 1004
    2001:db8:a::1 from :: via 2001:db8:2::2 dev e1 table 7 src 2001:db8:2::1 metric 1024 pref medium
    $ ip -6 route get 2001:db8:a::1
    ! RTNETLINK answers: Network is unreachable
    [2]
    $ ip -6 rule show
    0:    from all lookup local
    32764:    from all sport 1000-1009 lookup 7
    32765:    from all ipproto udp dport 53 lookup 7
    32766:    from all lookup main
    "
);

point!(
    "C-297",
    actions_and_gotos_of_ipv6_rules,
    SIX,
    "
    $ ip -6 route add 2001:db8:a::/48 via 2001:db8:2::2 table 7
    $ ip -6 route add throw 2001:db8:a::/48 table 6
    $ ip -6 rule add pref 10 goto 20
    $ ip -6 rule add pref 11 to 2001:db8:a::/48 prohibit
    $ ip -6 rule add pref 20 table 6
    $ ip -6 rule add pref 21 nop
    $ ip -6 rule add pref 22 table 5
    $ ip -6 rule add pref 23 table 7
    $ ip -6 rule add pref 24 to 2001:db8:a::/48 blackhole
    $ ip -6 rule show
    0:    from all lookup local
    10:    from all goto 20
    11:    from all to 2001:db8:a::/48 prohibit
    20:    from all lookup 6
    21:    from all nop
    22:    from all lookup 5
    23:    from all lookup 7
    24:    from all to 2001:db8:a::/48 blackhole
    32766:    from all lookup main
    $ ip -6 route get 2001:db8:a::1
    2001:db8:a::1 from :: via 2001:db8:2::2 dev e1 table 7 src 2001:db8:2::1 metric 1024 pref medium
    $ ip -6 rule del pref 23
    $ ip -6 route get 2001:db8:a::1
    ! RTNETLINK answers: Invalid argument
    [2]
    $ ip -6 rule del pref 20
    $ ip -6 rule show
    0:    from all lookup local
    10:    from all goto 20 [unresolved]
    11:    from all to 2001:db8:a::/48 prohibit
    21:    from all nop
    22:    from all lookup 5
    24:    from all to 2001:db8:a::/48 blackhole
    32766:    from all lookup main
    $ ip -6 route get 2001:db8:a::1
    ! RTNETLINK answers: Permission denied
    [2]
    "
);

point!(
    "C-301",
    rules_that_discard_routes_they_find,
    SIX,
    "
    $ ip -6 route add 2001:db8:a::/48 via 2001:db8:2::2 table 7
    $ ip -6 route add default via 2001:db8:1::9 table 7
    $ ip -6 route add default via 2001:db8:2::9 table 8
    $ ip -6 rule add pref 10 table 7 suppress_prefixlength 0
    $ ip -6 rule add pref 11 table 8
    $ ip -6 route get 2001:db8:a::1
    2001:db8:a::1 from :: via 2001:db8:2::2 dev e1 table 7 src 2001:db8:2::1 metric 1024 pref medium
    $ ip -6 route get 2001:db8:b::1
    2001:db8:b::1 from :: via 2001:db8:2::9 dev e1 table 8 src 2001:db8:2::1 metric 1024 pref medium
    $ ip link set e1 group 5
    $ ip -6 rule add pref 9 table 8 suppress_ifgroup 5
    $ ip -6 route get 2001:db8:b::1
    2001:db8:b::1 from :: via 2001:db8:2::9 dev e1 table 8 src 2001:db8:2::1 metric 1024 pref medium
    $ ip -6 rule add pref 8 table 7 suppress_ifgroup 5
    $ ip -6 route get 2001:db8:a::1
    2001:db8:a::1 from :: via 2001:db8:2::2 dev e1 table 7 src 2001:db8:2::1 metric 1024 pref medium
    $ ip -6 route get 2001:db8:b::1
    2001:db8:b::1 from :: via 2001:db8:1::9 dev e0 table 7 src 2001:db8:1::1 metric 1024 pref medium
    $ ip -6 rule show
    0:    from all lookup local
    8:    from all lookup 7 suppress_ifgroup 5
    9:    from all lookup 8 suppress_ifgroup 5
    10:    from all lookup 7 suppress_prefixlength 0
    11:    from all lookup 8
    32766:    from all lookup main
    "
);

point!(
    "C-297",
    a_table_whose_route_is_an_error_ends_the_search_of_rules,
    SIX,
    "
    $ ip -6 route add unreachable 2001:db8:a::/48 table 7
    $ ip -6 route add 2001:db8:a::/48 via 2001:db8:2::2 table 8
    $ ip -6 rule add pref 10 table 7
    $ ip -6 rule add pref 11 table 8
    $ ip -6 route get 2001:db8:a::1
    ! RTNETLINK answers: No route to host
    [2]
    $ ip -6 route add unreachable default metric 4294967295 table 6
    $ ip -6 rule add pref 9 table 6
    $ ip -6 route get 2001:db8:a::1
    ! RTNETLINK answers: No route to host
    [2]
    "
);

point!(
    "C-289",
    what_adding_and_deleting_rules_of_ipv6_says,
    SIX,
    "
    $ ip -6 rule add from 2001:db8:5::/64 table 7
    $ ip -6 rule add from 2001:db8:5::/64 table 7
    $ ip -6 rule add pref 5 from 2001:db8:5::/64 table 7
    $ ip -6 rule add pref 5 from 2001:db8:5::/64 table 7
    ! RTNETLINK answers: File exists
    [2]
    $ ip -6 rule add pref 6 from 2001:db8:5::7/64 table 7
    $ ip -6 rule add pref 7 from 10.0.0.0/8 table 7
    ! Error: inet6 prefix is expected rather than \"10.0.0.0/8\".
    [1]
    $ ip -6 rule add pref 8 table 0
    ! Error: Invalid table.
    [2]
    $ ip -6 rule add pref 8 goto 8
    ! Error: Backward goto not supported.
    [2]
    $ ip -6 rule add pref 8 goto 100
    $ ip -6 rule add pref 9 not from all table 9
    $ ip -6 rule add pref 10 iif e7 oif e8 table 9
    $ ip -6 rule add pref 11 uidrange 5-9 table 9 realms 5
    $ ip -6 rule add pref 11 uidrange 5-9 table 9
    ! RTNETLINK answers: File exists
    [2]
    $ ip -6 rule show
    0:    from all lookup local
    5:    from 2001:db8:5::/64 lookup 7
    6:    from 2001:db8:5::7/64 lookup 7
    8:    from all goto 100 [unresolved]
    9:    not from all lookup 9
    10:    from all iif e7 [detached] oif e8 [detached] lookup 9
    11:    from all uidrange 5-9 lookup 9
    32764:    from 2001:db8:5::/64 lookup 7
    32765:    from 2001:db8:5::/64 lookup 7
    32766:    from all lookup main
    $ ip -6 rule del pref 77
    ! RTNETLINK answers: No such file or directory
    [2]
    $ ip -6 rule del from 2001:db8:5::/64 table 8
    ! RTNETLINK answers: No such file or directory
    [2]
    $ ip -4 rule show
    0:    from all lookup local
    32766:    from all lookup main
    32767:    from all lookup default
    "
);
