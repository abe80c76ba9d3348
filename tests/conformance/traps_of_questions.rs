//! Where one would expect something else: questions about packets made here and
//! received (T-13 to T-26).

use crate::situations::{HOST, ROUTER};
use crate::support::{TWO, point};

point!(
    "T-13",
    a_demanded_device_makes_every_destination_a_neighbour,
    TWO,
    "
    $ ip -d route get 8.8.8.8 oif e0
    unicast 8.8.8.8 dev e0 src 10.0.0.1 uid 0
        cache
    $ ip route get 127.0.0.1 oif e0
    127.0.0.1 dev e0 src 10.0.0.1 uid 0
        cache
    $ ip route get 10.0.0.1 oif e1
    10.0.0.1 dev e1 src 10.1.0.1 uid 0
        cache
    $ ip route get 10.0.0.255 oif e1
    10.0.0.255 dev e1 src 10.1.0.1 uid 0
        cache
    $ ip link set e0 down
    $ ip route get 8.8.8.8 oif e0
    ! RTNETLINK answers: Network is unreachable
    [2]
    "
);

point!(
    "T-14",
    this_host_and_groups_without_a_route,
    TWO,
    "
    $ ip route get 0.0.0.0
    local 0.0.0.0 dev lo src 127.0.0.1 uid 0
        cache <local>
    $ ip route get 224.1.1.1
    ! RTNETLINK answers: Network is unreachable
    [2]
    $ ip route get 224.1.1.1 oif e1
    multicast 224.1.1.1 dev e1 src 10.1.0.1 rt_offload_failed uid 0
        cache <mc>
    $ ip route get 255.255.255.255 oif e1
    broadcast 255.255.255.255 dev e1 src 10.1.0.1 uid 0
        cache <local,brd>
    $ ip route get 224.1.1.1 from 10.0.0.1
    multicast 224.1.1.1 from 10.0.0.1 dev e0 rt_offload_failed uid 0
        cache <mc>
    "
);

point!(
    "T-15",
    sources_of_questions,
    TWO,
    "
    $ sysctl -qw net.ipv4.conf.all.route_localnet=0
    $ ip route add default via 10.0.0.9
    $ ip route get 8.8.8.8 from 9.9.9.9
    ! RTNETLINK answers: Network is unreachable
    [2]
    $ ip route get 8.8.8.8 from 241.0.0.1
    ! RTNETLINK answers: Network is unreachable
    [2]
    $ ip route get 8.8.8.8 from 10.0.0.255
    ! RTNETLINK answers: Network is unreachable
    [2]
    $ ip route get 8.8.8.8 from 224.0.0.1
    ! RTNETLINK answers: Invalid argument
    [2]
    $ ip route get 8.8.8.8 from 127.0.0.1
    ! RTNETLINK answers: Invalid argument
    [2]
    $ ip route get 127.0.0.1 from 10.0.0.1
    local 127.0.0.1 from 10.0.0.1 dev lo uid 0
        cache <local>
    $ ip route get 10.0.0.1 from 127.0.0.1
    local 10.0.0.1 from 127.0.0.1 dev lo uid 0
        cache <local>
    "
);

point!(
    "T-16",
    networks_that_others_reserve_are_ordinary,
    TWO,
    "
    $ ip route add default via 10.1.0.9
    $ ip route get 0.0.0.1
    0.0.0.1 via 10.1.0.9 dev e1 src 10.1.0.1 uid 0
        cache
    $ ip route get 250.0.0.1
    250.0.0.1 via 10.1.0.9 dev e1 src 10.1.0.1 uid 0
        cache
    $ ip route get 10.0.0.0
    10.0.0.0 dev e0 src 10.0.0.1 uid 0
        cache
    "
);

point!(
    "T-17",
    an_earlier_answer_through_the_same_next_hop_shows_in_a_later_one,
    TWO,
    "
    $ ip route add 7.0.0.0/8 via 10.0.0.3
    $ ip route add 224.0.0.0/4 via 10.0.0.3
    $ ip route get 224.5.5.5
    multicast 224.5.5.5 via 10.0.0.3 dev e0 src 10.0.0.1 rt_offload_failed uid 0
        cache <mc>
    $ ip route get 7.1.1.1
    multicast 7.1.1.1 via 10.0.0.3 dev e0 src 10.0.0.1 rt_offload_failed uid 0
        cache <mc>
    $ ip route get fibmatch 7.1.1.1
    multicast 7.0.0.0/8 via 10.0.0.3 dev e0
    $ ip route add 5.0.0.0/8 dev e1
    $ ip route get 7.1.1.1
    7.1.1.1 via 10.0.0.3 dev e0 src 10.0.0.1 uid 0
        cache
    $ ip route get 224.5.5.5
    224.5.5.5 via 10.0.0.3 dev e0 src 10.0.0.1 uid 0
        cache
    "
);

point!(
    "T-17, T-18",
    a_default_route_s_decisions_on_groups_are_not_cached,
    TWO,
    "
    $ ip route add default via 10.0.0.3
    $ ip route get 224.5.5.5
    multicast 224.5.5.5 dev e0 src 10.0.0.1 rt_offload_failed uid 0
        cache <mc>
    $ ip route get 7.1.1.1
    7.1.1.1 via 10.0.0.3 dev e0 src 10.0.0.1 uid 0
        cache
    $ ip route get 224.5.5.5
    multicast 224.5.5.5 dev e0 src 10.0.0.1 rt_offload_failed uid 0
        cache <mc>
    "
);

point!(
    "T-19",
    a_leg_with_the_packet_s_own_source_is_preferred,
    TWO,
    "
    $ sysctl -qw net.ipv4.fib_multipath_hash_seed=1
    $ ip route add 20.0.0.0/8 nexthop via 10.0.0.9 nexthop via 10.1.0.9
    $ ip route get 20.1.1.1 from 10.0.0.1
    20.1.1.1 from 10.0.0.1 via 10.0.0.9 dev e0 uid 0
        cache
    $ ip route get 20.1.1.2 from 10.0.0.1
    20.1.1.2 from 10.0.0.1 via 10.0.0.9 dev e0 uid 0
        cache
    $ ip route get 20.1.1.3 from 10.0.0.1
    20.1.1.3 from 10.0.0.1 via 10.0.0.9 dev e0 uid 0
        cache
    $ ip route get 20.1.1.1 from 10.1.0.1
    20.1.1.1 from 10.1.0.1 via 10.1.0.9 dev e1 uid 0
        cache
    $ ip route get 20.1.1.2 from 10.1.0.1
    20.1.1.2 from 10.1.0.1 via 10.1.0.9 dev e1 uid 0
        cache
    $ ip route get 20.1.1.3 from 10.1.0.1
    20.1.1.3 from 10.1.0.1 via 10.1.0.9 dev e1 uid 0
        cache
    "
);

point!(
    "T-20",
    the_hash_takes_addresses_or_with_policy_1_protocol_and_ports_too,
    TWO,
    "
    $ sysctl -qw net.ipv4.fib_multipath_hash_seed=12345
    $ sysctl -qw net.ipv4.fib_multipath_hash_policy=0
    $ ip route add 20.0.0.0/8 nexthop via 10.0.0.9 nexthop via 10.1.0.9
    $ ip route get 20.1.1.1
    20.1.1.1 via 10.1.0.9 dev e1 src 10.1.0.1 uid 0
        cache
    $ ip route get 20.1.1.2
    20.1.1.2 via 10.0.0.9 dev e0 src 10.0.0.1 uid 0
        cache
    $ ip route get 20.1.1.3
    20.1.1.3 via 10.1.0.9 dev e1 src 10.1.0.1 uid 0
        cache
    $ ip route get 20.1.1.4
    20.1.1.4 via 10.0.0.9 dev e0 src 10.0.0.1 uid 0
        cache
    $ ip route get 20.1.1.1 ipproto tcp sport 1000 dport 80
    20.1.1.1 via 10.1.0.9 dev e1 src 10.1.0.1 uid 0
        cache
    $ sysctl -qw net.ipv4.fib_multipath_hash_policy=1
    $ ip route get 20.1.1.1 ipproto tcp sport 1000 dport 80
    20.1.1.1 via 10.1.0.9 dev e1 src 10.1.0.1 uid 0
        cache
    $ ip route get 20.1.1.1 ipproto tcp sport 1001 dport 80
    20.1.1.1 via 10.1.0.9 dev e1 src 10.1.0.1 uid 0
        cache
    $ ip route get 20.1.1.1 ipproto tcp sport 1002 dport 80
    20.1.1.1 via 10.0.0.9 dev e0 src 10.0.0.1 uid 0
        cache
    $ ip route get 20.1.1.1 ipproto tcp sport 1003 dport 80
    20.1.1.1 via 10.0.0.9 dev e0 src 10.0.0.1 uid 0
        cache
    $ ip route get 20.1.1.1 ipproto udp sport 1000 dport 80
    20.1.1.1 via 10.1.0.9 dev e1 src 10.1.0.1 uid 0
        cache
    "
);

point!(
    "T-21",
    a_router_s_refusals_of_sources_are_all_invalid_arguments,
    ROUTER,
    "
    $ sysctl -qw net.ipv4.conf.e0.rp_filter=1
    $ ip route get 8.8.8.8 from 10.1.0.7 iif e0
    ! RTNETLINK answers: Invalid argument
    [2]
    $ ip route get 8.8.8.8 from 255.255.255.255 iif e0
    ! RTNETLINK answers: Invalid argument
    [2]
    $ ip route get 127.0.0.1 from 10.0.0.7 iif e0
    ! RTNETLINK answers: Invalid argument
    [2]
    $ ip route get 0.0.0.0 from 10.0.0.7 iif e0
    ! RTNETLINK answers: Invalid argument
    [2]
    "
);

point!(
    "T-22",
    a_local_route_by_hand_makes_the_source_check_full,
    ROUTER,
    "
    $ ip route get 8.8.8.8 from 10.0.0.255 iif e0
    8.8.8.8 from 10.0.0.255 via 10.1.0.9 dev e1
        cache iif e0
    $ ip route add local 20.0.0.1 dev e0
    $ ip route del local 20.0.0.1 dev e0
    $ ip route get 8.8.8.8 from 10.0.0.255 iif e0
    ! RTNETLINK answers: Invalid argument
    [2]
    "
);

point!(
    "T-22",
    a_user_of_realms_makes_the_source_check_full_while_it_lasts,
    ROUTER,
    "
    $ ip route add 30.0.0.0/8 dev e0 realms 1/2
    $ ip route get 8.8.8.8 from 10.0.0.255 iif e0
    ! RTNETLINK answers: Invalid argument
    [2]
    $ ip route del 30.0.0.0/8
    $ ip route get 8.8.8.8 from 10.0.0.255 iif e0
    8.8.8.8 from 10.0.0.255 via 10.1.0.9 dev e1
        cache iif e0
    "
);

point!(
    "T-23",
    the_way_back_uses_tos,
    ROUTER,
    "
    $ sysctl -qw net.ipv4.conf.e0.rp_filter=1
    $ ip route add 30.0.0.0/8 via 10.0.0.9 tos 0x10
    $ ip route get 8.8.8.8 from 30.1.1.1 iif e0
    ! RTNETLINK answers: Invalid argument
    [2]
    $ ip route get 8.8.8.8 from 30.1.1.1 iif e0 tos 0x10
    8.8.8.8 from 30.1.1.1 via 10.1.0.9 dev e1
        cache iif e0
    $ ip route get 10.1.0.1 from 30.1.1.1 iif e0
    ! RTNETLINK answers: Invalid argument
    [2]
    $ ip route get 224.0.0.1 from 30.1.1.1 iif e0
    ! RTNETLINK answers: Invalid argument
    [2]
    "
);

point!(
    "T-24",
    only_the_ingress_device_has_to_forward,
    HOST,
    "
    $ sysctl -qw net.ipv4.conf.e0.forwarding=1
    $ ip route get 8.8.8.8 from 10.0.0.7 iif e0
    8.8.8.8 from 10.0.0.7 via 10.1.0.9 dev e1
        cache iif e0
    $ ip route get 10.0.0.7 from 10.1.0.7 iif e1
    ! RTNETLINK answers: No route to host
    [2]
    "
);

point!(
    "T-25",
    a_loopback_source_is_an_own_address_even_with_route_localnet,
    ROUTER,
    "
    $ sysctl -qw net.ipv4.conf.e0.route_localnet=1
    $ ip route get 8.8.8.8 from 127.0.0.1 iif e0
    ! RTNETLINK answers: Invalid argument
    [2]
    $ ip route get 8.8.8.8 from 127.0.0.2 iif e0
    8.8.8.8 from 127.0.0.2 via 10.1.0.9 dev e1
        cache iif e0
    $ sysctl -qw net.ipv4.conf.e0.accept_local=1
    $ ip route get 8.8.8.8 from 127.0.0.1 iif e0
    8.8.8.8 from 127.0.0.1 via 10.1.0.9 dev e1
        cache iif e0
    $ ip route get 224.0.0.1 iif e0
    multicast 224.0.0.1 dev lo rt_offload_failed
        cache <local,mc> iif e0
    $ ip route get 10.0.0.255 iif e0
    ! RTNETLINK answers: Invalid argument
    [2]
    "
);

point!(
    "T-26",
    a_redirect_is_sent_though_the_gateway_is_the_sender,
    ROUTER,
    "
    $ sysctl -qw net.ipv4.conf.all.send_redirects=0 net.ipv4.conf.e1.send_redirects=1
    $ ip route get 8.8.8.8 from 10.1.0.9 iif e1
    8.8.8.8 from 10.1.0.9 via 10.1.0.9 dev e1
        cache <redirect> iif e1
    "
);
