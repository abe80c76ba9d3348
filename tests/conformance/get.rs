//! `ip route get`: what it prints and refuses (C-159 to C-162, C-218, C-219).

use crate::situations::ROUTER;
use crate::support::{TWO, point};

point!(
    "C-159",
    errors_are_printed_with_the_kernel_s_words_and_end_with_2,
    TWO,
    "
    $ ip route add unreachable 1.0.0.0/8
    $ ip route add prohibit 2.0.0.0/8
    $ ip route add blackhole 3.0.0.0/8
    $ ip route add throw 4.0.0.0/8
    $ ip route get 1.1.1.1
    ! RTNETLINK answers: No route to host
    [2]
    $ ip route get 2.1.1.1
    ! RTNETLINK answers: Permission denied
    [2]
    $ ip route get 3.1.1.1
    ! RTNETLINK answers: Invalid argument
    [2]
    $ ip route get 4.1.1.1
    ! RTNETLINK answers: Network is unreachable
    [2]
    $ ip route get 5.1.1.1
    ! RTNETLINK answers: Network is unreachable
    [2]
    "
);

point!(
    "C-160",
    an_answer_names_type_gateway_device_table_source_realms_mark_and_user,
    TWO,
    r#"
    $ ip route add 8.0.0.0/8 via 10.0.0.9 table 5 realms 3/4 mtu 1300
    $ ip route add 9.0.0.0/8 via inet6 fe80::9 dev e1 mtu lock 1200
    $ ip rule add pref 10 table 5
    $ ip route get 8.8.8.8 mark 0x12 uid 77 tos 0x10
    8.8.8.8 via 10.0.0.9 dev e0 table 5 src 10.0.0.1 mark 0x12 realms 3/4 uid 77
        cache mtu 1300
    $ ip route get 9.9.9.9
    9.9.9.9 via inet6 fe80::9 dev e1 src 10.1.0.1 uid 0
        cache mtu lock 1200
    $ ip route get 10.0.0.255 from 10.0.0.1
    broadcast 10.0.0.255 from 10.0.0.1 dev e0 table local uid 0
        cache <local,brd>
    $ ip -j route get 8.8.8.8 from 10.1.0.1
    [{"dst":"8.8.8.8","from":"10.1.0.1","gateway":"10.0.0.9","dev":"e0","table":"5","flags":[],"flow":{"from":"3","to":"4"},"uid":0,"cache":[],"metrics":[{"mtu":1300}]}]
    "#
);

point!(
    "C-160",
    the_answer_s_tos_is_the_route_s,
    TWO,
    "
    $ ip route add 8.0.0.0/8 via 10.0.0.9 tos 0x10
    $ ip route add 8.0.0.0/8 via 10.1.0.9
    $ ip route get 8.8.8.8 tos 0x30
    8.8.8.8 tos 0x10 via 10.0.0.9 dev e0 src 10.0.0.1 uid 0
        cache
    $ ip route get 8.8.8.8 tos 0x08
    8.8.8.8 via 10.1.0.9 dev e1 src 10.1.0.1 uid 0
        cache
    "
);

point!(
    "C-160",
    multicast_prints_a_flag_that_means_something_else,
    TWO,
    "
    $ ip route get 239.1.1.1 oif e0
    multicast 239.1.1.1 dev e0 src 10.0.0.1 rt_offload_failed uid 0
        cache <mc>
    $ ip route get 224.0.0.1 oif e0
    multicast 224.0.0.1 dev e0 src 10.0.0.1 rt_offload_failed uid 0
        cache <local,mc>
    "
);

point!(
    "C-161",
    fibmatch_shows_the_entry_instead_of_the_answer,
    TWO,
    "
    $ ip route add 8.0.0.0/8 via 10.0.0.9 mtu 1300
    $ ip route add 9.0.0.0/8 nexthop via 10.0.0.9 weight 2 nexthop via 10.1.0.9
    $ ip route add unreachable 1.0.0.0/8
    $ ip route get fibmatch 8.8.8.8
    8.0.0.0/8 via 10.0.0.9 dev e0 mtu 1300
    $ ip route get fibmatch 9.9.9.9
    9.0.0.0/8
        nexthop via 10.0.0.9 dev e0 weight 2
        nexthop via 10.1.0.9 dev e1 weight 1
    $ ip route get fibmatch 10.0.0.1
    local 10.0.0.1 dev e0 proto kernel scope host src 10.0.0.1
    $ ip route get fibmatch 1.1.1.1
    ! RTNETLINK answers: No route to host
    [2]
    $ ip route get fibmatch 7.7.7.7
    ! RTNETLINK answers: Network is unreachable
    [2]
    $ ip route get fibmatch 7.7.7.7 oif e0
    ! RTNETLINK answers: No route to host
    [2]
    $ ip route get fibmatch 0.0.0.0
    ! RTNETLINK answers: No route to host
    [2]
    "
);

point!(
    "C-162",
    questions_take_one_address_and_no_prefix,
    TWO,
    "
    $ ip route get 10.0.0.0/24
    10.0.0.0 dev e0 src 10.0.0.1 uid 0
        cache
    ! Warning: /24 as prefix is invalid, only /32 (or none) is supported.
    $ ip route get 10.0.0.7 ipproto sctp
    ! Error: Unsupported ip proto.
    [2]
    "
);

point!(
    "C-218",
    refusals_of_received_packets_are_invalid_arguments,
    ROUTER,
    r#"
    $ ip route get 8.8.8.8 from 224.0.0.1 iif e0
    ! RTNETLINK answers: Invalid argument
    [2]
    $ ip route get 8.8.8.8 from 10.0.0.1 iif e0
    ! RTNETLINK answers: Invalid argument
    [2]
    $ ip route get 8.8.8.8 iif e0
    ! RTNETLINK answers: Invalid argument
    [2]
    $ sysctl -qw net.ipv4.conf.e0.rp_filter=1
    $ ip route get 8.8.8.8 from 10.1.0.7 iif e0
    ! RTNETLINK answers: Invalid argument
    [2]
    $ ip route del default
    $ ip route get 8.8.8.8 from 10.0.0.7 iif e0
    ! RTNETLINK answers: Network is unreachable
    [2]
    $ sysctl -qw net.ipv4.conf.e0.forwarding=0
    $ ip route get 8.8.8.8 from 10.0.0.7 iif e0
    ! RTNETLINK answers: No route to host
    [2]
    $ ip route get 8.8.8.8 from 10.0.0.7 iif e9
    ! Cannot find device "e9"
    [1]
    "#
);

point!(
    "C-219",
    answers_for_received_packets_name_the_ingress_device,
    ROUTER,
    "
    $ ip route get 10.0.0.1 from 10.0.0.7 iif e0
    local 10.0.0.1 from 10.0.0.7 dev lo
        cache <local> iif e0
    $ ip route get 10.0.0.255 from 10.0.0.7 iif e0
    broadcast 10.0.0.255 from 10.0.0.7 dev lo
        cache <local,brd> iif e0
    $ ip route get 224.0.0.1 from 10.0.0.7 iif e0
    multicast 224.0.0.1 from 10.0.0.7 dev lo rt_offload_failed
        cache <local,mc> iif e0
    $ ip route get 8.8.8.8 from 10.0.0.7 iif e0
    8.8.8.8 from 10.0.0.7 via 10.1.0.9 dev e1
        cache iif e0
    $ ip route get 8.8.8.8 from 10.1.0.7 iif e1
    8.8.8.8 from 10.1.0.7 via 10.1.0.9 dev e1
        cache <redirect> iif e1
    $ ip route get 10.1.0.5 from 10.0.0.7 iif e0
    10.1.0.5 from 10.0.0.7 dev e1
        cache iif e0
    $ ip route get 10.0.0.1 from 9.9.9.9 iif lo
    local 10.0.0.1 from 9.9.9.9 dev lo
        cache <local> iif lo
    "
);

point!(
    "C-219",
    metrics_of_routes_show_for_forwarded_packets_only,
    ROUTER,
    "
    $ ip route add 20.0.0.0/8 via 10.1.0.9 mtu 1000
    $ ip route add local 21.0.0.0/8 dev e0 mtu 1000
    $ ip route get 20.1.1.1 from 10.0.0.7 iif e0
    20.1.1.1 from 10.0.0.7 via 10.1.0.9 dev e1
        cache mtu 1000 iif e0
    $ ip route get 21.1.1.1 from 10.0.0.7 iif e0
    local 21.1.1.1 from 10.0.0.7 dev lo
        cache <local> iif e0
    $ ip route get 21.1.1.1
    local 21.1.1.1 dev lo src 21.1.1.1 uid 0
        cache <local> mtu 1000
    "
);

point!(
    "C-160",
    the_largest_uid_is_none,
    TWO,
    "
    $ ip route add 30.0.0.0/8 via 10.0.0.2
    $ ip route get 30.0.0.1 uid 4294967295
    30.0.0.1 via 10.0.0.2 dev e0 src 10.0.0.1
        cache
    "
);
