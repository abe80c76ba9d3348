//! The trie: order inside a leaf, matching, its text (C-010 to C-022).

use crate::support::{BARE, TWO, point};

point!(
    "C-010",
    longer_first_then_higher_tos_then_lower_metric,
    TWO,
    "
    $ ip route add 20.0.0.0/8 dev e0 metric 9
    $ ip route add 20.0.0.0/8 dev e0 metric 3
    $ ip route add 20.0.0.0/8 dev e0 tos 0x10 metric 7
    $ ip route add 20.0.0.0/8 dev e0 tos 0x04
    $ ip route add 20.0.0.0/24 dev e1
    $ ip route add 20.0.0.0/16 dev e1 metric 50
    $ ip route show root 20.0.0.0/8
    20.0.0.0/24 dev e1 scope link
    20.0.0.0/16 dev e1 scope link metric 50
    20.0.0.0/8 tos 0x10 dev e0 scope link metric 7
    20.0.0.0/8 tos 0x04 dev e0 scope link
    20.0.0.0/8 dev e0 scope link metric 3
    20.0.0.0/8 dev e0 scope link metric 9
    "
);

point!(
    "C-011",
    the_first_of_equals_that_will_do_decides,
    TWO,
    "
    $ ip route append 20.0.0.0/8 via 10.0.0.9
    $ ip route append 20.0.0.0/8 via 10.1.0.9
    $ ip route append unreachable 20.0.0.0/8
    $ ip route get 20.0.0.1
    20.0.0.1 via 10.0.0.9 dev e0 src 10.0.0.1 uid 0
        cache
    $ ip route get 20.0.0.1 oif e1
    20.0.0.1 via 10.1.0.9 dev e1 src 10.1.0.1 uid 0
        cache
    $ ip route prepend prohibit 20.0.0.0/8
    $ ip route get 20.0.0.1
    ! RTNETLINK answers: Permission denied
    [2]
    "
);

point!(
    "C-012",
    no_metric_is_metric_0_and_the_most_preferred,
    TWO,
    "
    $ ip route add 20.0.0.0/8 via 10.0.0.9 metric 1
    $ ip route add 20.0.0.0/8 via 10.1.0.9
    $ ip route show 20.0.0.0/8
    20.0.0.0/8 via 10.1.0.9 dev e1
    20.0.0.0/8 via 10.0.0.9 dev e0 metric 1
    $ ip route get 20.0.0.1
    20.0.0.1 via 10.1.0.9 dev e1 src 10.1.0.1 uid 0
        cache
    $ ip route add 20.0.0.0/8 via 10.0.0.8 metric 0
    ! RTNETLINK answers: File exists
    [2]
    "
);

point!(
    "C-013",
    a_tos_with_ecn_bits_is_refused,
    TWO,
    "
    $ ip route add 20.0.0.0/8 dev e0 tos 0x01
    ! Error: Invalid dsfield (tos): ECN bits must be 0.
    [2]
    $ ip route add 20.0.0.0/8 dev e0 tos 0x12
    ! Error: Invalid dsfield (tos): ECN bits must be 0.
    [2]
    $ ip route add 20.0.0.0/8 dev e0 tos 0xfc
    "
);

point!(
    "C-014, C-020",
    a_device_in_the_question_leads_back_to_a_shorter_route,
    TWO,
    "
    $ ip route add default via 10.0.0.2
    $ ip route add 10.1.0.64/26 via 10.1.0.2
    $ ip route get 10.1.0.77
    10.1.0.77 via 10.1.0.2 dev e1 src 10.1.0.1 uid 0
        cache
    $ ip route get 10.1.0.77 oif e0
    10.1.0.77 via 10.0.0.2 dev e0 src 10.0.0.1 uid 0
        cache
    $ ip route get 10.1.0.78 oif e1 fibmatch
    10.1.0.64/26 via 10.1.0.2 dev e1
    "
);

point!(
    "C-014",
    a_table_without_a_match_leads_to_the_next_rule,
    TWO,
    "
    $ ip route add 20.0.0.0/8 via 10.0.0.9 table 100
    $ ip route add 20.0.0.0/7 via 10.1.0.9
    $ ip rule add pref 10 table 100
    $ ip route get 20.0.0.1
    20.0.0.1 via 10.0.0.9 dev e0 table 100 src 10.0.0.1 uid 0
        cache
    $ ip route get 21.0.0.1
    21.0.0.1 via 10.1.0.9 dev e1 src 10.1.0.1 uid 0
        cache
    "
);

point!(
    "C-015",
    an_error_type_ends_the_search_before_its_equals_and_shorter_ones,
    TWO,
    "
    $ ip route add 20.0.0.0/8 via 10.0.0.9
    $ ip route add unreachable 20.1.0.0/16 tos 0x10
    $ ip route add 20.1.0.0/16 via 10.1.0.9
    $ ip route get 20.1.0.1 tos 0x10
    ! RTNETLINK answers: No route to host
    [2]
    $ ip route get 20.1.0.1 tos 0x04
    20.1.0.1 via 10.1.0.9 dev e1 src 10.1.0.1 uid 0
        cache
    "
);

point!(
    "C-016",
    only_three_bits_of_a_tos_meet_a_route_s,
    TWO,
    "
    $ ip route add 20.0.0.0/8 via 10.0.0.8
    $ ip route add 20.0.0.0/8 via 10.0.0.9 tos 0x1c
    $ ip route add 21.0.0.0/8 via 10.0.0.8
    $ ip route add 21.0.0.0/8 via 10.0.0.9 tos 0xb8
    $ ip route get 20.0.0.1 tos 0x3c
    20.0.0.1 tos 0x1c via 10.0.0.9 dev e0 src 10.0.0.1 uid 0
        cache
    $ ip route get 20.0.0.1 tos 0x18
    20.0.0.1 via 10.0.0.8 dev e0 src 10.0.0.1 uid 0
        cache
    $ ip route get 21.0.0.1 tos 0xb8
    21.0.0.1 via 10.0.0.8 dev e0 src 10.0.0.1 uid 0
        cache
    "
);

point!(
    "C-017",
    each_error_type_has_its_own_error,
    TWO,
    "
    $ ip route add default via 10.0.0.9
    $ ip route add blackhole 20.0.0.0/8
    $ ip route add unreachable 21.0.0.0/8
    $ ip route add prohibit 22.0.0.0/8
    $ ip route add throw 23.0.0.0/8
    $ ip route add throw 24.0.0.0/8 table 100
    $ ip rule add pref 10 table 100
    $ ip route get 20.0.0.1
    ! RTNETLINK answers: Invalid argument
    [2]
    $ ip route get 21.0.0.1
    ! RTNETLINK answers: No route to host
    [2]
    $ ip route get 22.0.0.1
    ! RTNETLINK answers: Permission denied
    [2]
    $ ip route get 23.0.0.1
    ! RTNETLINK answers: Network is unreachable
    [2]
    $ ip route get 24.0.0.1
    24.0.0.1 via 10.0.0.9 dev e0 src 10.0.0.1 uid 0
        cache
    "
);

point!(
    "C-018",
    a_device_in_the_question_picks_the_hop,
    TWO,
    "
    $ sysctl -qw net.ipv4.fib_multipath_hash_seed=1
    $ ip route add 20.0.0.0/8 nexthop via 10.0.0.9 nexthop via 10.1.0.9
    $ ip route get 20.0.0.1 oif e1
    20.0.0.1 via 10.1.0.9 dev e1 src 10.1.0.1 uid 0
        cache
    $ ip route get 20.0.0.1 oif e0
    20.0.0.1 via 10.0.0.9 dev e0 src 10.0.0.1 uid 0
        cache
    "
);

// Without carrier a hop counts as any other, until the setting says otherwise.
point!(
    "C-018",
    a_hop_without_carrier_is_passed_over_where_the_setting_says_so,
    TWO,
    "
    $ ip route add 20.0.0.0/8 via 10.1.0.9
    $ ip route add 20.0.0.0/16 via 10.0.0.9
    $ ip link set p0 down
    $ ip route get 20.0.0.1
    20.0.0.1 via 10.0.0.9 dev e0 src 10.0.0.1 uid 0
        cache
    $ sysctl -qw net.ipv4.conf.e0.ignore_routes_with_linkdown=1
    $ ip route get 20.0.0.1
    20.0.0.1 via 10.1.0.9 dev e1 src 10.1.0.1 uid 0
        cache
    $ sysctl -qw net.ipv4.conf.e0.ignore_routes_with_linkdown=0
    $ sysctl -qw net.ipv4.conf.all.ignore_routes_with_linkdown=1
    $ ip route get 20.0.0.1
    20.0.0.1 via 10.1.0.9 dev e1 src 10.1.0.1 uid 0
        cache
    "
);

point!(
    "C-019",
    a_blackhole_object_answers_as_a_blackhole_route,
    TWO,
    "
    $ ip route add 20.0.0.0/7 via 10.0.0.9
    $ ip nexthop add id 1 blackhole
    $ ip route add 20.0.0.0/8 nhid 1
    $ ip route get 20.0.0.1
    ! RTNETLINK answers: Invalid argument
    [2]
    "
);

point!(
    "C-021, C-022",
    the_trie_s_text_of_two_neighbours,
    BARE,
    "
    $ ip route add 20.0.0.0/24 dev e0
    $ cat /proc/net/fib_trie
    Main:
      +-- 0.0.0.0/1 2 0 2
         |-- 20.0.0.0
            /24 link UNICAST
         +-- 127.0.0.0/8 2 0 2
            +-- 127.0.0.0/31 1 0 0
               |-- 127.0.0.0
                  /8 host LOCAL
               |-- 127.0.0.1
                  /32 host LOCAL
            |-- 127.255.255.255
               /32 link BROADCAST
    Local:
      +-- 0.0.0.0/1 2 0 2
         |-- 20.0.0.0
            /24 link UNICAST
         +-- 127.0.0.0/8 2 0 2
            +-- 127.0.0.0/31 1 0 0
               |-- 127.0.0.0
                  /8 host LOCAL
               |-- 127.0.0.1
                  /32 host LOCAL
            |-- 127.255.255.255
               /32 link BROADCAST
    $ ip route add 20.0.1.0/24 dev e0
    $ cat /proc/net/fib_trie
    Main:
      +-- 0.0.0.0/1 2 0 2
         +-- 20.0.0.0/23 2 0 2
            |-- 20.0.0.0
               /24 link UNICAST
            |-- 20.0.1.0
               /24 link UNICAST
         +-- 127.0.0.0/8 2 0 2
            +-- 127.0.0.0/31 1 0 0
               |-- 127.0.0.0
                  /8 host LOCAL
               |-- 127.0.0.1
                  /32 host LOCAL
            |-- 127.255.255.255
               /32 link BROADCAST
    Local:
      +-- 0.0.0.0/1 2 0 2
         +-- 20.0.0.0/23 2 0 2
            |-- 20.0.0.0
               /24 link UNICAST
            |-- 20.0.1.0
               /24 link UNICAST
         +-- 127.0.0.0/8 2 0 2
            +-- 127.0.0.0/31 1 0 0
               |-- 127.0.0.0
                  /8 host LOCAL
               |-- 127.0.0.1
                  /32 host LOCAL
            |-- 127.255.255.255
               /32 link BROADCAST
    $ cat /proc/net/fib_triestat
    Basic info: size of leaf: 48 bytes, size of tnode: 40 bytes.
    Main:
        Aver depth:     2.40
        Max depth:      3
        Leaves:         5
        Prefixes:       5
        Internal nodes: 4
          1: 1  2: 3
        Pointers: 14
    Null ptrs: 6
    Total size: 1  kB
    Local:
        Aver depth:     2.40
        Max depth:      3
        Leaves:         5
        Prefixes:       5
        Internal nodes: 4
          1: 1  2: 3
        Pointers: 14
    Null ptrs: 6
    Total size: 1  kB
    "
);

point!(
    "C-022",
    the_trie_s_text_of_types_scopes_and_large_tables,
    EMPTY_OF_TABLES,
    "
    $ ip route add 20.0.0.0/8 dev e0 table 4294967295 tos 0x10 scope 77
    $ ip route add unreachable 20.0.0.0/8 table 4294967295 scope site
    $ ip route add blackhole 20.0.0.0/9 table 1000
    $ ip route add local 20.0.0.0/9 dev e0 table 1000 scope host metric 7
    $ ip route add multicast 30.0.0.0/9 dev e0 table 1000
    $ cat /proc/net/fib_trie
    Id 1000:
      +-- 16.0.0.0/4 2 0 2
         |-- 20.0.0.0
            /9 universe BLACKHOLE
            /9 host LOCAL
         |-- 30.0.0.0
            /9 link MULTICAST
    Id -1:
      |-- 20.0.0.0
         /8 scope=77 UNICAST tos=16
         /8 site UNREACHABLE
    "
);

/// A device that is up; `lo` is not, so that there are no tables.
const EMPTY_OF_TABLES: &str = "
$ ip link add e0 address 02:00:00:00:00:01 type veth peer name p0 address 02:00:00:00:00:02
$ ip link set p0 up
$ ip link set e0 up
";

point!(
    "C-022",
    proc_net_route_lists_main,
    TWO,
    "
    $ ip route add default via 10.0.0.9 metric 5
    $ ip route add unreachable 20.0.0.0/8
    $ ip route add 21.0.0.1 dev e1 advmss 1000
    $ cat /proc/net/route
    Iface    Destination    Gateway     Flags    RefCnt    Use    Metric    Mask        MTU    Window    IRTT
    e0    00000000    0900000A    0003    0    0    5    00000000    0    0    0
    e0    0000000A    00000000    0001    0    0    0    00FFFFFF    0    0    0
    e1    0000010A    00000000    0001    0    0    0    00FFFFFF    0    0    0
    *    00000014    00000000    0201    0    0    0    000000FF    0    0    0
    e1    01000015    00000000    0005    0    0    0    FFFFFFFF    1040    0    0
    "
);
