//! Policy rules: which flows a rule matches (C-103 to C-113).

use crate::situations::ROUTER;
use crate::support::{BARE, TWO, point, point_in_memory};

point!(
    "C-103",
    before_a_source_is_chosen_only_from_all_matches,
    TWO,
    "
    $ ip route add default via 10.0.0.9
    $ ip route add default via 10.1.0.9 table 5
    $ ip rule add pref 10 from 10.0.0.0/8 table 5
    $ ip route get 8.8.8.8
    8.8.8.8 via 10.0.0.9 dev e0 src 10.0.0.1 uid 0
        cache
    $ ip route get 8.8.8.8 from 10.0.0.1
    8.8.8.8 from 10.0.0.1 via 10.1.0.9 dev e1 table 5 uid 0
        cache
    $ ip rule del pref 10
    $ ip rule add pref 10 not from 10.0.0.0/8 table 5
    $ ip route get 8.8.8.8
    8.8.8.8 via 10.1.0.9 dev e1 table 5 src 10.1.0.1 uid 0
        cache
    $ ip route get 8.8.8.8 from 10.0.0.1
    8.8.8.8 from 10.0.0.1 via 10.0.0.9 dev e0 uid 0
        cache
    $ ip rule add pref 9 from 0.0.0.0/1 to 9.0.0.0/8 unreachable
    $ ip route get 9.9.9.9
    ! RTNETLINK answers: Network is unreachable
    [2]
    $ ip route get 8.9.9.9
    8.9.9.9 via 10.1.0.9 dev e1 table 5 src 10.1.0.1 uid 0
        cache
    "
);

point!(
    "C-104",
    iif_names_the_device_that_received_the_packet_and_lo_means_made_here,
    ROUTER,
    "
    $ ip rule add pref 10 iif e0 to 8.0.0.0/8 prohibit
    $ ip rule add pref 11 iif lo to 9.0.0.0/8 prohibit
    $ ip route get 8.8.8.8 from 10.0.0.5 iif e0
    ! RTNETLINK answers: Permission denied
    [2]
    $ ip route get 8.8.8.8 from 10.1.0.5 iif e1
    8.8.8.8 from 10.1.0.5 via 10.1.0.9 dev e1
        cache <redirect> iif e1
    $ ip route get 8.8.8.8
    8.8.8.8 via 10.1.0.9 dev e1 src 10.1.0.1 uid 0
        cache
    $ ip route get 9.9.9.9
    ! RTNETLINK answers: Permission denied
    [2]
    $ ip route get 9.9.9.9 from 10.0.0.5 iif e0
    9.9.9.9 from 10.0.0.5 via 10.1.0.9 dev e1
        cache iif e0
    "
);

point!(
    "C-104",
    a_name_without_device_is_detached_until_such_a_device_comes,
    TWO,
    "
    $ ip rule add pref 10 iif x0 prohibit
    $ ip rule add pref 11 oif x0 prohibit
    $ ip rule show pref 10
    10:    from all iif x0 [detached] prohibit
    $ ip link set p1 down
    $ ip link set p1 name x0
    $ ip rule show pref 10
    10:    from all iif x0 prohibit
    $ ip link set x0 name x1
    $ ip rule show pref 11
    11:    from all oif x0 [detached] prohibit
    $ ip link add x0 address 02:00:00:00:00:07 type veth peer name y0 address 02:00:00:00:00:08
    $ ip rule show pref 11
    11:    from all oif x0 prohibit
    $ ip link del x0
    $ ip rule show pref 11
    11:    from all oif x0 [detached] prohibit
    "
);

point!(
    "C-105",
    oif_matches_only_who_asks_for_the_device,
    TWO,
    "
    $ ip route add default via 10.0.0.9
    $ ip rule add pref 10 oif e0 to 8.0.0.0/8 prohibit
    $ ip route get 8.8.8.8
    8.8.8.8 via 10.0.0.9 dev e0 src 10.0.0.1 uid 0
        cache
    $ ip route add default via 10.1.0.9 table 5
    $ ip rule add pref 11 oif e1 to 9.0.0.0/8 table 5
    $ ip route get 9.9.9.9 oif e1
    9.9.9.9 via 10.1.0.9 dev e1 table 5 src 10.1.0.1 uid 0
        cache
    $ ip route get 9.9.9.9 oif e0
    9.9.9.9 via 10.0.0.9 dev e0 src 10.0.0.1 uid 0
        cache
    "
);

point!(
    "C-106",
    fwmark_is_compared_under_its_mask,
    TWO,
    "
    $ ip route add default via 10.0.0.9
    $ ip route add default via 10.1.0.9 table 5
    $ ip rule add pref 10 fwmark 0x10/0xf0 table 5
    $ ip route get 8.8.8.8 mark 0x13
    8.8.8.8 via 10.1.0.9 dev e1 table 5 src 10.1.0.1 mark 0x13 uid 0
        cache
    $ ip route get 8.8.8.8 mark 0x110
    8.8.8.8 via 10.1.0.9 dev e1 table 5 src 10.1.0.1 mark 0x110 uid 0
        cache
    $ ip route get 8.8.8.8 mark 0x33
    8.8.8.8 via 10.0.0.9 dev e0 src 10.0.0.1 mark 0x33 uid 0
        cache
    $ ip route get 8.8.8.8
    8.8.8.8 via 10.0.0.9 dev e0 src 10.0.0.1 uid 0
        cache
    "
);

point!(
    "C-106",
    a_mark_without_mask_is_whole_and_mark_0_is_no_mark,
    TWO,
    "
    $ ip route add default via 10.0.0.9
    $ ip route add default via 10.1.0.9 table 5
    $ ip rule add pref 10 fwmark 7 to 8.0.0.0/8 table 5
    $ ip rule add pref 11 fwmark 0 to 9.0.0.0/8 table 5
    $ ip rule add pref 12 fwmark 0/0xff to 7.0.0.0/8 table 5
    $ ip rule show table 5
    10:    from all to 8.0.0.0/8 fwmark 0x7 lookup 5
    11:    from all to 9.0.0.0/8 lookup 5
    12:    from all to 7.0.0.0/8 fwmark 0/0xff lookup 5
    $ ip route get 8.8.8.8 mark 7
    8.8.8.8 via 10.1.0.9 dev e1 table 5 src 10.1.0.1 mark 7 uid 0
        cache
    $ ip route get 8.8.8.8 mark 0x107
    8.8.8.8 via 10.0.0.9 dev e0 src 10.0.0.1 mark 0x107 uid 0
        cache
    $ ip route get 9.9.9.9 mark 5
    9.9.9.9 via 10.1.0.9 dev e1 table 5 src 10.1.0.1 mark 5 uid 0
        cache
    $ ip route get 7.7.7.7 mark 0x100
    7.7.7.7 via 10.1.0.9 dev e1 table 5 src 10.1.0.1 mark 0x100 uid 0
        cache
    $ ip route get 7.7.7.7 mark 0x101
    7.7.7.7 via 10.0.0.9 dev e0 src 10.0.0.1 mark 0x101 uid 0
        cache
    "
);

point!(
    "C-107",
    tos_of_a_rule_is_compared_through_0x1c,
    TWO,
    "
    $ ip route add default via 10.0.0.9
    $ ip route add default via 10.1.0.9 table 5
    $ ip rule add pref 10 tos 0x10 table 5
    $ ip route get 8.8.8.8 tos 0x10
    8.8.8.8 via 10.1.0.9 dev e1 table 5 src 10.1.0.1 uid 0
        cache
    $ ip route get 8.8.8.8 tos 0x30
    8.8.8.8 via 10.1.0.9 dev e1 table 5 src 10.1.0.1 uid 0
        cache
    $ ip route get 8.8.8.8 tos 0xf0
    8.8.8.8 via 10.1.0.9 dev e1 table 5 src 10.1.0.1 uid 0
        cache
    $ ip route get 8.8.8.8 tos 0x14
    8.8.8.8 via 10.0.0.9 dev e0 src 10.0.0.1 uid 0
        cache
    $ ip route get 8.8.8.8
    8.8.8.8 via 10.0.0.9 dev e0 src 10.0.0.1 uid 0
        cache
    "
);

point!(
    "C-109",
    uidrange_takes_both_its_ends,
    TWO,
    "
    $ ip route add default via 10.0.0.9
    $ ip route add default via 10.1.0.9 table 5
    $ ip rule add pref 10 uidrange 1000-2000 table 5
    $ ip route get 8.8.8.8 uid 999
    8.8.8.8 via 10.0.0.9 dev e0 src 10.0.0.1 uid 999
        cache
    $ ip route get 8.8.8.8 uid 1000
    8.8.8.8 via 10.1.0.9 dev e1 table 5 src 10.1.0.1 uid 1000
        cache
    $ ip route get 8.8.8.8 uid 2000
    8.8.8.8 via 10.1.0.9 dev e1 table 5 src 10.1.0.1 uid 2000
        cache
    $ ip route get 8.8.8.8 uid 2001
    8.8.8.8 via 10.0.0.9 dev e0 src 10.0.0.1 uid 2001
        cache
    $ ip route get 8.8.8.8
    8.8.8.8 via 10.0.0.9 dev e0 src 10.0.0.1 uid 0
        cache
    "
);

point!(
    "C-109",
    received_packets_are_of_user_0,
    ROUTER,
    "
    $ ip rule add pref 10 uidrange 0-0 to 8.0.0.0/8 prohibit
    $ ip rule add pref 11 uidrange 1-4000000000 to 9.0.0.0/8 prohibit
    $ ip route get 8.8.8.8 from 10.0.0.5 iif e0
    ! RTNETLINK answers: Permission denied
    [2]
    $ ip route get 9.9.9.9 from 10.0.0.5 iif e0
    9.9.9.9 from 10.0.0.5 via 10.1.0.9 dev e1
        cache iif e0
    "
);

point!(
    "C-110",
    protocol_and_ports_of_a_question_are_compared,
    TWO,
    "
    $ ip route add default via 10.0.0.9
    $ ip rule add pref 10 ipproto tcp dport 80 prohibit
    $ ip rule add pref 11 sport 1000-1002 blackhole
    $ ip rule add pref 12 ipproto icmp unreachable
    $ ip route get 8.8.8.8 ipproto tcp dport 80
    ! RTNETLINK answers: Permission denied
    [2]
    $ ip route get 8.8.8.8 ipproto udp dport 80
    8.8.8.8 via 10.0.0.9 dev e0 src 10.0.0.1 uid 0
        cache
    $ ip route get 8.8.8.8 ipproto tcp dport 81
    8.8.8.8 via 10.0.0.9 dev e0 src 10.0.0.1 uid 0
        cache
    $ ip route get 8.8.8.8 sport 999
    8.8.8.8 via 10.0.0.9 dev e0 src 10.0.0.1 uid 0
        cache
    $ ip route get 8.8.8.8 sport 1000
    ! RTNETLINK answers: Invalid argument
    [2]
    $ ip route get 8.8.8.8 sport 1002
    ! RTNETLINK answers: Invalid argument
    [2]
    $ ip route get 8.8.8.8 sport 1003
    8.8.8.8 via 10.0.0.9 dev e0 src 10.0.0.1 uid 0
        cache
    $ ip route get 8.8.8.8 ipproto icmp
    ! RTNETLINK answers: Network is unreachable
    [2]
    "
);

point!(
    "C-110",
    ports_of_received_packets_are_looked_at_too,
    ROUTER,
    "
    $ ip rule add pref 10 ipproto tcp dport 80 prohibit
    $ ip rule add pref 11 ipproto udp sport 53 blackhole
    $ ip route get 8.8.8.8 from 10.0.0.5 iif e0 ipproto tcp dport 80
    ! RTNETLINK answers: Permission denied
    [2]
    $ ip route get 8.8.8.8 from 10.0.0.5 iif e0 ipproto tcp dport 81
    8.8.8.8 from 10.0.0.5 via 10.1.0.9 dev e1
        cache iif e0
    $ ip route get 8.8.8.8 from 10.0.0.5 iif e0 sport 53
    ! RTNETLINK answers: Invalid argument
    [2]
    $ ip route get 8.8.8.8 from 10.0.0.5 iif e0 sport 54
    8.8.8.8 from 10.0.0.5 via 10.1.0.9 dev e1
        cache iif e0
    "
);

point!(
    "C-111",
    tun_id_does_not_match_what_came_through_no_tunnel,
    ROUTER,
    "
    $ ip rule add pref 10 tun_id 5 prohibit
    $ ip rule show pref 10
    10:    from all tun_id 5 prohibit
    $ ip route get 8.8.8.8
    8.8.8.8 via 10.1.0.9 dev e1 src 10.1.0.1 uid 0
        cache
    $ ip route get 8.8.8.8 from 10.0.0.5 iif e0
    8.8.8.8 from 10.0.0.5 via 10.1.0.9 dev e1
        cache iif e0
    "
);

point!(
    "C-112",
    l3mdev_matches_nothing_without_a_vrf,
    ROUTER,
    "
    $ ip rule add pref 10 l3mdev
    $ ip rule add pref 11 l3mdev prohibit
    $ ip rule show
    0:    from all lookup local
    10:    from all lookup [l3mdev-table]
    11:    from all lookup [l3mdev-table] prohibit
    32766:    from all lookup main
    32767:    from all lookup default
    $ ip route get 8.8.8.8
    8.8.8.8 via 10.1.0.9 dev e1 src 10.1.0.1 uid 0
        cache
    $ ip route get 8.8.8.8 from 10.0.0.5 iif e0
    8.8.8.8 from 10.0.0.5 via 10.1.0.9 dev e1
        cache iif e0
    "
);

point_in_memory!(
    "C-112",
    a_flow_of_a_vrf_uses_the_vrf_s_table,
    BARE,
    "not every kernel has VRF devices",
    "
    $ ip addr add 10.0.0.1/24 dev e0
    $ ip route add default via 10.0.0.9
    $ ip rule show
    0:    from all lookup local
    32766:    from all lookup main
    32767:    from all lookup default
    $ ip link add blue type vrf table 10
    $ ip link set blue up
    $ ip rule show
    0:    from all lookup local
    1000:    from all lookup [l3mdev-table]
    32766:    from all lookup main
    32767:    from all lookup default
    $ ip link add d0 type dummy
    $ ip link set d0 master blue
    $ ip link set d0 up
    $ ip addr add 10.5.0.1/24 dev d0
    $ ip route add 8.0.0.0/8 via 10.5.0.9 table 10
    $ ip route get 8.8.8.8
    8.8.8.8 via 10.0.0.9 dev e0 src 10.0.0.1 uid 0
        cache
    $ ip route get 8.8.8.8 vrf blue
    8.8.8.8 via 10.5.0.9 dev d0 table 10 src 10.5.0.1 uid 0
        cache
    $ ip route get 8.8.8.8 oif d0
    8.8.8.8 via 10.5.0.9 dev d0 table 10 src 10.5.0.1 uid 0
        cache
    "
);

point!(
    "C-113",
    not_turns_all_selectors_together,
    TWO,
    "
    $ ip route add default via 10.0.0.9
    $ ip rule add pref 10 not to 8.0.0.0/8 fwmark 1 prohibit
    $ ip route get 8.8.8.8 mark 1
    8.8.8.8 via 10.0.0.9 dev e0 src 10.0.0.1 mark 1 uid 0
        cache
    $ ip route get 8.8.8.8
    ! RTNETLINK answers: Permission denied
    [2]
    $ ip route get 9.9.9.9 mark 1
    ! RTNETLINK answers: Permission denied
    [2]
    $ ip route get 9.9.9.9
    ! RTNETLINK answers: Permission denied
    [2]
    $ ip rule del pref 10
    $ ip rule add pref 10 not table 5
    $ ip route add default via 10.1.0.9 table 5
    $ ip route get 9.9.9.9
    9.9.9.9 via 10.0.0.9 dev e0 src 10.0.0.1 uid 0
        cache
    "
);
