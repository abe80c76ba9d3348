//! Tables: numbers, creation, the trie that local and main share (C-001 to C-009).

use crate::support::{BARE, EMPTY, TWO, point};

point!(
    "C-001",
    any_number_from_1_to_4294967295_is_a_table_of_its_own,
    TWO,
    "
    $ ip route add 20.0.0.0/8 dev e0 table 4294967295
    $ ip route add 20.0.0.0/8 dev e1 table 252
    $ ip route add 20.0.0.0/8 via 10.0.0.9 table 1
    $ ip route show table 4294967295
    20.0.0.0/8 dev e0 scope link
    $ ip route show table 252
    20.0.0.0/8 dev e1 scope link
    $ ip route show table 1
    20.0.0.0/8 via 10.0.0.9 dev e0
    $ ip route get 20.0.0.1
    ! RTNETLINK answers: Network is unreachable
    [2]
    $ ip rule add pref 10 table 4294967295
    $ ip route get 20.0.0.1
    20.0.0.1 dev e0 table 4294967295 src 10.0.0.1 uid 0
        cache
    "
);

point!(
    "C-002",
    table_0_and_no_table_are_main,
    TWO,
    "
    $ ip route add 20.0.0.0/8 dev e0 table 0
    $ ip route add 20.0.0.0/8 dev e1
    ! RTNETLINK answers: File exists
    [2]
    $ ip route show 20.0.0.0/8 table main
    20.0.0.0/8 dev e0 scope link
    $ ip route del 20.0.0.0/8 table 0
    $ ip route show 20.0.0.0/8
    "
);

// 300 does not fit the message's old field of 8 bits, where 252 stands then.
point!(
    "C-003",
    table_252_is_not_where_large_numbers_go,
    TWO,
    "
    $ ip route add 20.0.0.0/8 dev e0 table 300
    $ ip route add 21.0.0.0/8 dev e0 table 252
    $ ip route show table 252
    21.0.0.0/8 dev e0 scope link
    $ ip route show table 300
    20.0.0.0/8 dev e0 scope link
    $ ip rule add pref 10 table 252
    $ ip route get 20.0.0.1
    ! RTNETLINK answers: Network is unreachable
    [2]
    $ ip route get 21.0.0.1
    21.0.0.1 dev e0 table 252 src 10.0.0.1 uid 0
        cache
    "
);

point!(
    "C-004, C-005",
    a_table_comes_with_its_first_route_and_stays,
    BARE,
    "
    $ ip -4 route show table 100
    ! Error: ipv4: FIB table does not exist.
    ! Dump terminated
    [2]
    $ ip route del 20.0.0.0/8 table 100
    ! Error: FIB table does not exist.
    [2]
    $ ip route add 20.0.0.0/8 dev e0 table 100
    $ ip route del 20.0.0.0/8 table 100
    $ ip -4 route show table 100
    $ ip route del 20.0.0.0/8 table 100
    ! RTNETLINK answers: No such process
    [2]
    "
);

point!(
    "C-004, C-005",
    an_empty_namespace_has_no_tables,
    EMPTY,
    "
    $ ip -4 route show table local
    ! Error: ipv4: FIB table does not exist.
    ! Dump terminated
    [2]
    $ ip -4 route show
    $ ip -4 route show table main
    $ cat /proc/net/fib_trie
    $ ip link set lo up
    $ ip -4 route show
    $ ip -4 route show table local
    local 127.0.0.0/8 dev lo proto kernel scope host src 127.0.0.1
    local 127.0.0.1 dev lo proto kernel scope host src 127.0.0.1
    broadcast 127.255.255.255 dev lo proto kernel scope link src 127.0.0.1
    $ ip -4 route show table default
    ! Error: ipv4: FIB table does not exist.
    ! Dump terminated
    [2]
    "
);

const SHARED: &str = "
    $ ip route add 127.1.0.0/16 via 10.0.0.9
    $ ip route get 127.1.2.3
    127.1.2.3 via 10.0.0.9 dev e0 src 10.0.0.1 uid 0
        cache
    $ ip route get 10.0.0.1
    local 10.0.0.1 dev lo src 10.0.0.1 uid 0
        cache <local>
    $ ip rule add pref 5 to 99.9.9.9 table 7
    $ ip route get 127.1.2.3
    local 127.1.2.3 dev lo table local src 127.0.0.1 uid 0
        cache <local>
    $ ip route get 10.0.0.1
    local 10.0.0.1 dev lo table local src 10.0.0.1 uid 0
        cache <local>
    ";

point!("C-007, C-008", a_longer_route_of_main_beats_local_until_a_rule_comes, TWO, SHARED);

point!(
    "C-006, C-009",
    both_headings_print_the_shared_trie_until_a_rule_comes_for_good,
    BARE,
    "
    $ ip route add 20.0.0.0/8 dev e0
    $ cat /proc/net/fib_trie
    Main:
      +-- 0.0.0.0/1 2 0 2
         |-- 20.0.0.0
            /8 link UNICAST
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
            /8 link UNICAST
         +-- 127.0.0.0/8 2 0 2
            +-- 127.0.0.0/31 1 0 0
               |-- 127.0.0.0
                  /8 host LOCAL
               |-- 127.0.0.1
                  /32 host LOCAL
            |-- 127.255.255.255
               /32 link BROADCAST
    $ ip route show
    20.0.0.0/8 dev e0 scope link
    $ ip rule add pref 5 table 7
    $ ip rule del pref 5
    $ cat /proc/net/fib_trie
    Main:
      |-- 20.0.0.0
         /8 link UNICAST
    Local:
      +-- 127.0.0.0/8 2 0 2
         +-- 127.0.0.0/31 1 0 0
            |-- 127.0.0.0
               /8 host LOCAL
            |-- 127.0.0.1
               /32 host LOCAL
         |-- 127.255.255.255
            /32 link BROADCAST
    "
);

point!(
    "C-009",
    a_deleted_rule_splits_the_trie_too,
    TWO,
    "
    $ ip route get 10.0.0.1
    local 10.0.0.1 dev lo src 10.0.0.1 uid 0
        cache <local>
    $ ip rule del pref 32767
    $ ip route get 10.0.0.1
    local 10.0.0.1 dev lo table local src 10.0.0.1 uid 0
        cache <local>
    "
);

point!(
    "C-009",
    a_refused_rule_does_not_split_the_trie,
    TWO,
    "
    $ ip rule add pref 5 tos 0x01 table 7
    ! Error: Invalid dsfield (tos): ECN bits must be 0.
    [2]
    $ ip route get 10.0.0.1
    local 10.0.0.1 dev lo src 10.0.0.1 uid 0
        cache <local>
    $ ip rule add pref 32766 table main proto kernel
    ! RTNETLINK answers: File exists
    [2]
    $ ip route get 10.0.0.1
    local 10.0.0.1 dev lo src 10.0.0.1 uid 0
        cache <local>
    "
);
