//! The source check of received packets (C-204 to C-215).

use crate::situations::{HOST, ROUTER};
use crate::support::point;

point!(
    "C-204",
    a_cached_decision_does_not_spare_the_source_check,
    ROUTER,
    "
    $ ip route get 8.8.8.8 from 9.9.9.9 iif e0
    8.8.8.8 from 9.9.9.9 via 10.1.0.9 dev e1
        cache iif e0
    $ sysctl -qw net.ipv4.conf.e0.rp_filter=1
    $ ip route get 8.8.8.8 from 9.9.9.9 iif e0
    ! RTNETLINK answers: Invalid argument
    [2]
    $ ip route get 8.8.8.8 from 10.0.0.7 iif e0
    8.8.8.8 from 10.0.0.7 via 10.1.0.9 dev e1
        cache iif e0
    "
);

point!(
    "C-206",
    with_rp_filter_off_any_source_passes_but_an_own_one,
    ROUTER,
    "
    $ ip route add unreachable 20.0.0.0/8
    $ ip route add blackhole 21.0.0.0/8
    $ ip route get 8.8.8.8 from 10.1.0.7 iif e0
    8.8.8.8 from 10.1.0.7 via 10.1.0.9 dev e1
        cache iif e0
    $ ip route get 8.8.8.8 from 20.1.1.1 iif e0
    8.8.8.8 from 20.1.1.1 via 10.1.0.9 dev e1
        cache iif e0
    $ ip route get 8.8.8.8 from 21.1.1.1 iif e0
    8.8.8.8 from 21.1.1.1 via 10.1.0.9 dev e1
        cache iif e0
    $ ip route get 8.8.8.8 from 10.0.0.1 iif e0
    ! RTNETLINK answers: Invalid argument
    [2]
    $ ip route get 10.0.0.1 from 10.1.0.1 iif e0
    ! RTNETLINK answers: Invalid argument
    [2]
    "
);

point!(
    "C-207",
    a_broadcast_source_passes_until_rules_were_ever_changed,
    ROUTER,
    "
    $ ip route get 8.8.8.8 from 10.0.0.255 iif e0
    8.8.8.8 from 10.0.0.255 via 10.1.0.9 dev e1
        cache iif e0
    $ ip route get 10.0.0.1 from 10.0.0.255 iif e0
    local 10.0.0.1 from 10.0.0.255 dev lo
        cache <local> iif e0
    $ ip rule add pref 10 table 5
    $ ip rule del pref 10
    $ ip route get 8.8.8.8 from 10.0.0.255 iif e0
    ! RTNETLINK answers: Invalid argument
    [2]
    $ ip route get 10.0.0.1 from 10.0.0.255 iif e0
    ! RTNETLINK answers: Invalid argument
    [2]
    "
);

point!(
    "C-208",
    strict_accepts_only_what_the_best_way_back_gives,
    ROUTER,
    "
    $ sysctl -qw net.ipv4.conf.e0.rp_filter=1
    $ ip route add unreachable 20.0.0.0/8
    $ ip route add blackhole 21.0.0.0/8
    $ ip route add 22.0.0.0/8 via 10.1.0.9
    $ ip route add 22.0.0.0/8 via 10.0.0.9 metric 10
    $ ip route add 23.0.0.0/8 nexthop via 10.1.0.9 nexthop via 10.0.0.9
    $ ip route get 8.8.8.8 from 10.0.0.7 iif e0
    8.8.8.8 from 10.0.0.7 via 10.1.0.9 dev e1
        cache iif e0
    $ ip route get 8.8.8.8 from 10.1.0.7 iif e0
    ! RTNETLINK answers: Invalid argument
    [2]
    $ ip route get 8.8.8.8 from 20.1.1.1 iif e0
    ! RTNETLINK answers: Invalid argument
    [2]
    $ ip route get 8.8.8.8 from 21.1.1.1 iif e0
    ! RTNETLINK answers: Invalid argument
    [2]
    $ ip route get 8.8.8.8 from 22.1.1.1 iif e0
    ! RTNETLINK answers: Invalid argument
    [2]
    $ ip route get 8.8.8.8 from 23.1.1.1 iif e0
    8.8.8.8 from 23.1.1.1 via 10.1.0.9 dev e1
        cache iif e0
    $ ip route del default
    $ ip route get 10.0.0.1 from 30.1.1.1 iif e0
    ! RTNETLINK answers: Invalid argument
    [2]
    "
);

point!(
    "C-209",
    loose_wants_some_way_back,
    ROUTER,
    "
    $ sysctl -qw net.ipv4.conf.e0.rp_filter=2
    $ ip route add unreachable 20.0.0.0/8
    $ ip route add blackhole 21.0.0.0/8
    $ ip route add anycast 22.0.0.0/8 dev e0
    $ ip route get 8.8.8.8 from 10.1.0.7 iif e0
    8.8.8.8 from 10.1.0.7 via 10.1.0.9 dev e1
        cache iif e0
    $ ip route get 8.8.8.8 from 20.1.1.1 iif e0
    ! RTNETLINK answers: Invalid argument
    [2]
    $ ip route get 8.8.8.8 from 21.1.1.1 iif e0
    ! RTNETLINK answers: Invalid argument
    [2]
    $ ip route get 8.8.8.8 from 22.1.1.1 iif e0
    ! RTNETLINK answers: Invalid argument
    [2]
    $ ip route del default
    $ ip route get 10.0.0.1 from 30.1.1.1 iif e0
    ! RTNETLINK answers: Invalid argument
    [2]
    $ ip route get 10.0.0.1 from 10.1.0.7 iif e0
    local 10.0.0.1 from 10.1.0.7 dev lo
        cache <local> iif e0
    "
);

point!(
    "C-210",
    a_device_without_address_is_no_way_in_for_a_filter_even_a_loose_one,
    ROUTER,
    "
    $ sysctl -qw net.ipv4.conf.p0.rp_filter=2
    $ ip route get 8.8.8.8 from 10.1.0.7 iif p0
    ! RTNETLINK answers: Invalid argument
    [2]
    $ sysctl -qw net.ipv4.conf.p0.rp_filter=1
    $ ip route get 8.8.8.8 from 10.1.0.7 iif p0
    ! RTNETLINK answers: Invalid argument
    [2]
    $ ip route add 30.0.0.0/8 dev p0
    $ ip route get 8.8.8.8 from 30.1.1.1 iif p0
    8.8.8.8 from 30.1.1.1 via 10.1.0.9 dev e1
        cache iif p0
    $ sysctl -qw net.ipv4.conf.p0.rp_filter=0
    $ ip route get 8.8.8.8 from 10.1.0.7 iif p0
    8.8.8.8 from 10.1.0.7 via 10.1.0.9 dev e1
        cache iif p0
    "
);

point!(
    "C-211",
    an_own_source_passes_only_with_accept_local,
    ROUTER,
    "
    $ sysctl -qw net.ipv4.conf.e0.rp_filter=2
    $ ip route get 8.8.8.8 from 10.1.0.1 iif e0
    ! RTNETLINK answers: Invalid argument
    [2]
    $ sysctl -qw net.ipv4.conf.e0.rp_filter=0
    $ ip route get 8.8.8.8 from 10.1.0.1 iif e0
    ! RTNETLINK answers: Invalid argument
    [2]
    $ sysctl -qw net.ipv4.conf.e0.accept_local=1
    $ ip route get 8.8.8.8 from 10.1.0.1 iif e0
    8.8.8.8 from 10.1.0.1 via 10.1.0.9 dev e1
        cache iif e0
    $ ip route get 8.8.8.8 from 10.1.0.255 iif e0
    8.8.8.8 from 10.1.0.255 via 10.1.0.9 dev e1
        cache iif e0
    $ sysctl -qw net.ipv4.conf.e0.rp_filter=2
    $ ip route get 8.8.8.8 from 10.1.0.1 iif e0
    8.8.8.8 from 10.1.0.1 via 10.1.0.9 dev e1
        cache iif e0
    $ ip route get 8.8.8.8 from 10.1.0.255 iif e0
    ! RTNETLINK answers: Invalid argument
    [2]
    $ sysctl -qw net.ipv4.conf.e0.rp_filter=1
    $ ip route get 8.8.8.8 from 10.1.0.1 iif e0
    ! RTNETLINK answers: Invalid argument
    [2]
    $ ip route get 8.8.8.8 from 10.0.0.1 iif e0
    8.8.8.8 from 10.0.0.1 via 10.1.0.9 dev e1
        cache iif e0
    "
);

point!(
    "C-212",
    the_larger_of_all_and_the_device_counts,
    ROUTER,
    "
    $ sysctl -qw net.ipv4.conf.all.rp_filter=1
    $ ip route get 8.8.8.8 from 10.1.0.7 iif e0
    ! RTNETLINK answers: Invalid argument
    [2]
    $ sysctl -qw net.ipv4.conf.e0.rp_filter=2
    $ ip route get 8.8.8.8 from 10.1.0.7 iif e0
    8.8.8.8 from 10.1.0.7 via 10.1.0.9 dev e1
        cache iif e0
    $ sysctl -qw net.ipv4.conf.all.rp_filter=2 net.ipv4.conf.e0.rp_filter=1
    $ ip route get 8.8.8.8 from 10.1.0.7 iif e0
    8.8.8.8 from 10.1.0.7 via 10.1.0.9 dev e1
        cache iif e0
    $ sysctl -qw net.ipv4.conf.all.rp_filter=0
    $ ip route get 8.8.8.8 from 10.1.0.7 iif e0
    ! RTNETLINK answers: Invalid argument
    [2]
    "
);

point!(
    "C-213",
    the_way_back_sees_the_mark_only_with_src_valid_mark,
    ROUTER,
    "
    $ sysctl -qw net.ipv4.conf.e0.rp_filter=1
    $ sysctl -qw net.ipv4.conf.all.src_valid_mark=0 net.ipv4.conf.e0.src_valid_mark=0
    $ ip route add default via 10.0.0.9 table 5
    $ ip rule add pref 10 fwmark 1 to 30.0.0.0/8 table 5
    $ ip route get 8.8.8.8 from 30.1.1.1 iif e0 mark 1
    ! RTNETLINK answers: Invalid argument
    [2]
    $ sysctl -qw net.ipv4.conf.e0.src_valid_mark=1
    $ ip route get 8.8.8.8 from 30.1.1.1 iif e0 mark 1
    8.8.8.8 from 30.1.1.1 via 10.1.0.9 dev e1 mark 1
        cache iif e0
    $ ip route get 8.8.8.8 from 30.1.1.1 iif e0 mark 2
    ! RTNETLINK answers: Invalid argument
    [2]
    $ sysctl -qw net.ipv4.conf.e0.src_valid_mark=0 net.ipv4.conf.all.src_valid_mark=1
    $ ip route get 8.8.8.8 from 30.1.1.1 iif e0 mark 1
    8.8.8.8 from 30.1.1.1 via 10.1.0.9 dev e1 mark 1
        cache iif e0
    "
);

point!(
    "C-214",
    the_sources_of_broadcasts_are_checked_too,
    ROUTER,
    "
    $ sysctl -qw net.ipv4.conf.e0.rp_filter=1
    $ ip route get 10.0.0.255 from 10.1.0.7 iif e0
    ! RTNETLINK answers: Invalid argument
    [2]
    $ ip route get 255.255.255.255 from 10.1.0.7 iif e0
    ! RTNETLINK answers: Invalid argument
    [2]
    $ ip route get 255.255.255.255 from 10.0.0.7 iif e0
    broadcast 255.255.255.255 from 10.0.0.7 dev lo
        cache <local,brd> iif e0
    $ ip rule add pref 10 from 255.255.255.255 to 10.0.0.7 prohibit
    $ ip route get 255.255.255.255 from 10.0.0.7 iif e0
    broadcast 255.255.255.255 from 10.0.0.7 dev lo
        cache <local,brd> iif e0
    $ ip rule add pref 11 from 0.0.0.0 to 10.0.0.7 prohibit
    $ ip route get 255.255.255.255 from 10.0.0.7 iif e0
    ! RTNETLINK answers: Invalid argument
    [2]
    "
);

point!(
    "C-215",
    custom_rules_make_the_check_full_but_not_a_filter,
    ROUTER,
    "
    $ ip route add anycast 22.0.0.0/8 dev e0
    $ ip rule add pref 10 table 5
    $ ip route get 8.8.8.8 from 10.1.0.7 iif e0
    8.8.8.8 from 10.1.0.7 via 10.1.0.9 dev e1
        cache iif e0
    $ ip route get 8.8.8.8 from 10.0.0.255 iif e0
    ! RTNETLINK answers: Invalid argument
    [2]
    $ ip route get 8.8.8.8 from 22.1.1.1 iif e0
    ! RTNETLINK answers: Invalid argument
    [2]
    $ ip route del default
    $ ip route get 10.0.0.1 from 30.1.1.1 iif e0
    local 10.0.0.1 from 30.1.1.1 dev lo table local
        cache <local> iif e0
    "
);

point!(
    "C-208",
    the_way_back_comes_in_by_the_egress_device_or_is_made_here,
    ROUTER,
    "
    $ sysctl -qw net.ipv4.conf.e0.rp_filter=1
    $ ip route add 30.0.0.0/8 via 10.0.0.9
    $ ip rule add pref 10 iif lo to 30.1.0.0/16 prohibit
    $ ip rule add pref 11 iif e1 to 30.2.0.0/16 prohibit
    $ ip route get 10.0.0.1 from 30.1.1.1 iif e0
    ! RTNETLINK answers: Invalid argument
    [2]
    $ ip route get 8.8.8.8 from 30.1.1.1 iif e0
    8.8.8.8 from 30.1.1.1 via 10.1.0.9 dev e1
        cache iif e0
    $ ip route get 10.0.0.1 from 30.2.1.1 iif e0
    local 10.0.0.1 from 30.2.1.1 dev lo table local
        cache <local> iif e0
    $ ip route get 8.8.8.8 from 30.2.1.1 iif e0
    ! RTNETLINK answers: Invalid argument
    [2]
    "
);

point!(
    "C-211",
    on_loopback_an_own_source_satisfies_even_strict_once_accepted,
    HOST,
    "
    $ sysctl -qw net.ipv4.conf.lo.rp_filter=1 net.ipv4.conf.lo.accept_local=1
    $ ip route get 10.0.0.1 from 10.1.0.1 iif lo
    local 10.0.0.1 from 10.1.0.1 dev lo
        cache <local> iif lo
    $ ip route get 10.0.0.1 from 10.1.0.7 iif lo
    ! RTNETLINK answers: Invalid argument
    [2]
    $ sysctl -qw net.ipv4.conf.e0.rp_filter=1 net.ipv4.conf.e0.accept_local=1
    $ ip route get 10.0.0.1 from 10.1.0.1 iif e0
    ! RTNETLINK answers: Invalid argument
    [2]
    "
);
