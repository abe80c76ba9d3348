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
    "
);
