//! The way of received packets (C-189 to C-205), as `ip route get … iif` tells it.

use crate::situations::{HOST, ROUTER};

use crate::support::{TWO, point};

point!(
    "C-190",
    only_the_group_of_all_hosts_is_joined_without_a_socket,
    ROUTER,
    "
    $ ip route get 224.0.0.1 from 10.0.0.7 iif e0
    multicast 224.0.0.1 from 10.0.0.7 dev lo rt_offload_failed
        cache <local,mc> iif e0
    $ ip route get 224.0.0.1 from 10.1.0.7 iif p0
    multicast 224.0.0.1 from 10.1.0.7 dev lo rt_offload_failed
        cache <local,mc> iif p0
    $ ip route get 239.1.1.1 from 10.0.0.7 iif e0
    ! RTNETLINK answers: Invalid argument
    [2]
    "
);

point!(
    "C-189",
    a_group_that_nobody_joined_is_refused_even_where_a_route_leads_to_it,
    ROUTER,
    "
    $ ip route add 239.0.0.0/8 dev e1
    $ ip route get 239.1.1.1 from 10.0.0.7 iif e0
    ! RTNETLINK answers: Invalid argument
    [2]
    $ ip route get 224.0.0.5 from 10.0.0.7 iif e0
    ! RTNETLINK answers: Invalid argument
    [2]
    "
);

point!(
    "C-191",
    the_sources_of_multicast_are_checked_too,
    ROUTER,
    "
    $ ip route get 224.0.0.1 from 9.9.9.9 iif e0
    multicast 224.0.0.1 from 9.9.9.9 dev lo rt_offload_failed
        cache <local,mc> iif e0
    $ ip route get 224.0.0.1 iif e0
    multicast 224.0.0.1 dev lo rt_offload_failed
        cache <local,mc> iif e0
    $ ip route get 224.0.0.1 from 10.0.0.1 iif e0
    ! RTNETLINK answers: Invalid argument
    [2]
    $ ip route get 224.0.0.1 from 224.0.0.9 iif e0
    ! RTNETLINK answers: Invalid argument
    [2]
    $ ip route get 224.0.0.1 from 127.0.0.9 iif e0
    ! RTNETLINK answers: Invalid argument
    [2]
    $ sysctl -qw net.ipv4.conf.e0.rp_filter=1
    $ ip route get 224.0.0.1 from 9.9.9.9 iif e0
    ! RTNETLINK answers: Invalid argument
    [2]
    $ ip route get 224.0.0.1 from 10.0.0.7 iif e0
    multicast 224.0.0.1 from 10.0.0.7 dev lo rt_offload_failed
        cache <local,mc> iif e0
    "
);

point!(
    "C-192",
    multicast_broadcast_and_zero_sources_are_invalid,
    ROUTER,
    "
    $ ip route get 10.0.0.1 from 224.1.1.1 iif e0
    ! RTNETLINK answers: Invalid argument
    [2]
    $ ip route get 8.8.8.8 from 239.255.255.255 iif e0
    ! RTNETLINK answers: Invalid argument
    [2]
    $ ip route get 10.0.0.1 from 255.255.255.255 iif e0
    ! RTNETLINK answers: Invalid argument
    [2]
    $ ip route get 10.0.0.1 iif e0
    ! RTNETLINK answers: Invalid argument
    [2]
    $ ip route get 10.0.0.255 from 0.0.0.0 iif e0
    ! RTNETLINK answers: Invalid argument
    [2]
    $ ip route get 10.0.0.1 from 10.0.0.7 iif e0
    local 10.0.0.1 from 10.0.0.7 dev lo
        cache <local> iif e0
    "
);

point!(
    "C-193",
    the_zero_source_reaches_only_the_limited_broadcast,
    ROUTER,
    "
    $ ip route get 255.255.255.255 from 0.0.0.0 iif e0
    broadcast 255.255.255.255 dev lo
        cache <local,brd> iif e0
    $ ip route get 0.0.0.0 from 0.0.0.0 iif e0
    broadcast 0.0.0.0 dev lo
        cache <local,brd> iif e0
    $ ip route get 255.255.255.255 from 10.0.0.7 iif e0
    broadcast 255.255.255.255 from 10.0.0.7 dev lo
        cache <local,brd> iif e0
    "
);

point!(
    "C-194",
    zero_is_one_address_not_a_network,
    ROUTER,
    "
    $ ip route get 0.0.0.0 from 10.0.0.7 iif e0
    ! RTNETLINK answers: Invalid argument
    [2]
    $ ip route get 0.1.2.3 from 10.0.0.7 iif e0
    0.1.2.3 from 10.0.0.7 via 10.1.0.9 dev e1
        cache iif e0
    $ ip route get 8.8.8.8 from 0.1.2.3 iif e0
    8.8.8.8 from 0.1.2.3 via 10.1.0.9 dev e1
        cache iif e0
    $ ip route get 10.0.0.1 from 0.1.2.3 iif e0
    local 10.0.0.1 from 0.1.2.3 dev lo
        cache <local> iif e0
    "
);

point!(
    "C-195",
    loopback_addresses_come_from_the_wire_only_with_route_localnet,
    ROUTER,
    "
    $ sysctl -qw net.ipv4.conf.e0.route_localnet=0
    $ ip route get 127.0.0.5 from 10.0.0.7 iif e0
    ! RTNETLINK answers: Invalid argument
    [2]
    $ ip route get 8.8.8.8 from 127.0.0.5 iif e0
    ! RTNETLINK answers: Invalid argument
    [2]
    $ ip route get 127.0.0.5 from 127.0.0.6 iif e0
    ! RTNETLINK answers: Invalid argument
    [2]
    $ sysctl -qw net.ipv4.conf.e0.route_localnet=1
    $ ip route get 127.0.0.5 from 10.0.0.7 iif e0
    local 127.0.0.5 from 10.0.0.7 dev lo
        cache <local> iif e0
    $ ip route get 8.8.8.8 from 127.0.0.5 iif e0
    8.8.8.8 from 127.0.0.5 via 10.1.0.9 dev e1
        cache iif e0
    $ ip route get 127.0.0.5 from 10.1.0.7 iif e1
    ! RTNETLINK answers: Invalid argument
    [2]
    $ sysctl -qw net.ipv4.conf.all.route_localnet=1
    $ ip route get 127.0.0.5 from 10.1.0.7 iif e1
    local 127.0.0.5 from 10.1.0.7 dev lo
        cache <local> iif e1
    "
);

point!(
    "C-196",
    own_addresses_are_local_on_every_device,
    HOST,
    "
    $ ip route get 10.1.0.1 from 10.0.0.7 iif e0
    local 10.1.0.1 from 10.0.0.7 dev lo
        cache <local> iif e0
    $ ip link set e1 down
    $ ip route get 10.1.0.1 from 10.0.0.7 iif e0
    local 10.1.0.1 from 10.0.0.7 dev lo
        cache <local> iif e0
    $ ip route add local 20.0.0.0/8 dev e0
    $ ip route get 20.1.1.1 from 10.0.0.7 iif p0
    local 20.1.1.1 from 10.0.0.7 dev lo
        cache <local> iif p0
    "
);

point!(
    "C-197",
    another_device_s_subnet_broadcast_is_delivered,
    HOST,
    "
    $ ip route get 10.1.0.255 from 10.0.0.7 iif e0
    broadcast 10.1.0.255 from 10.0.0.7 dev lo
        cache <local,brd> iif e0
    $ ip route get 10.0.0.255 from 10.0.0.7 iif e0
    broadcast 10.0.0.255 from 10.0.0.7 dev lo
        cache <local,brd> iif e0
    "
);

point!(
    "C-198",
    without_forwarding_a_stranger_s_destination_is_no_host_whatever_the_routes,
    HOST,
    "
    $ ip route add unreachable 1.0.0.0/8
    $ ip route add prohibit 2.0.0.0/8
    $ ip route add blackhole 3.0.0.0/8
    $ ip route add throw 4.0.0.0/8
    $ ip route add anycast 6.0.0.0/8 dev e0
    $ ip route get 1.1.1.1 from 10.0.0.7 iif e0
    ! RTNETLINK answers: No route to host
    [2]
    $ ip route get 2.1.1.1 from 10.0.0.7 iif e0
    ! RTNETLINK answers: No route to host
    [2]
    $ ip route get 3.1.1.1 from 10.0.0.7 iif e0
    ! RTNETLINK answers: No route to host
    [2]
    $ ip route get 4.1.1.1 from 10.0.0.7 iif e0
    ! RTNETLINK answers: No route to host
    [2]
    $ ip route get 5.1.1.1 from 10.0.0.7 iif e0
    ! RTNETLINK answers: No route to host
    [2]
    $ ip route get 6.1.1.1 from 10.0.0.7 iif e0
    ! RTNETLINK answers: No route to host
    [2]
    $ ip route get 5.1.1.1 from 10.0.0.1 iif e0
    ! RTNETLINK answers: No route to host
    [2]
    "
);

point!(
    "C-199",
    a_router_answers_with_the_route_s_error,
    ROUTER,
    "
    $ ip route add unreachable 1.0.0.0/8
    $ ip route add prohibit 2.0.0.0/8
    $ ip route add blackhole 3.0.0.0/8
    $ ip route add throw 4.0.0.0/8
    $ ip route del default
    $ ip route get 1.1.1.1 from 10.0.0.7 iif e0
    ! RTNETLINK answers: No route to host
    [2]
    $ ip route get 2.1.1.1 from 10.0.0.7 iif e0
    ! RTNETLINK answers: Permission denied
    [2]
    $ ip route get 3.1.1.1 from 10.0.0.7 iif e0
    ! RTNETLINK answers: Invalid argument
    [2]
    $ ip route get 4.1.1.1 from 10.0.0.7 iif e0
    ! RTNETLINK answers: Network is unreachable
    [2]
    $ ip route get 5.1.1.1 from 10.0.0.7 iif e0
    ! RTNETLINK answers: Network is unreachable
    [2]
    "
);

point!(
    "C-200",
    anycast_and_multicast_routes_lead_nowhere_for_received_packets,
    ROUTER,
    "
    $ ip route add anycast 6.0.0.0/8 dev e1
    $ ip route add multicast 7.0.0.0/8 dev e1
    $ ip route get 6.1.1.1 from 10.0.0.7 iif e0
    ! RTNETLINK answers: Invalid argument
    [2]
    $ ip route get 7.1.1.1 from 10.0.0.7 iif e0
    ! RTNETLINK answers: Invalid argument
    [2]
    "
);

point!(
    "C-201",
    class_e_is_routed_like_any_other,
    ROUTER,
    "
    $ ip route get 240.1.2.3 from 10.0.0.7 iif e0
    240.1.2.3 from 10.0.0.7 via 10.1.0.9 dev e1
        cache iif e0
    $ ip route get 8.8.8.8 from 240.1.2.3 iif e0
    8.8.8.8 from 240.1.2.3 via 10.1.0.9 dev e1
        cache iif e0
    "
);

point!(
    "C-202",
    a_directed_broadcast_is_forwarded_only_if_all_and_the_device_say_so,
    ROUTER,
    "
    $ sysctl -qw net.ipv4.conf.e0.bc_forwarding=1
    $ ip route get 10.1.0.255 from 10.0.0.7 iif e0
    broadcast 10.1.0.255 from 10.0.0.7 dev lo
        cache <local,brd> iif e0
    $ sysctl -qw net.ipv4.conf.all.bc_forwarding=1
    $ ip route get 10.1.0.255 from 10.0.0.7 iif e0
    broadcast 10.1.0.255 from 10.0.0.7 dev e1
        cache iif e0
    $ sysctl -qw net.ipv4.conf.e0.bc_forwarding=0
    $ ip route get 10.1.0.255 from 10.0.0.7 iif e0
    broadcast 10.1.0.255 from 10.0.0.7 dev lo
        cache <local,brd> iif e0
    $ ip route get 255.255.255.255 from 10.0.0.7 iif e0
    broadcast 255.255.255.255 from 10.0.0.7 dev lo
        cache <local,brd> iif e0
    "
);

point!(
    "C-205",
    a_redirect_needs_a_neighbour_sent_back_by_its_own_device,
    ROUTER,
    "
    $ sysctl -qw net.ipv4.conf.all.send_redirects=1
    $ ip route get 8.8.8.8 from 10.1.0.7 iif e1
    8.8.8.8 from 10.1.0.7 via 10.1.0.9 dev e1
        cache <redirect> iif e1
    $ ip route get 8.8.8.8 from 9.9.9.9 iif e1
    8.8.8.8 from 9.9.9.9 via 10.1.0.9 dev e1
        cache iif e1
    $ ip route get 10.1.0.5 from 10.1.0.7 iif e1
    10.1.0.5 from 10.1.0.7 dev e1
        cache <redirect> iif e1
    $ ip route get 8.8.8.8 from 10.0.0.7 iif e0
    8.8.8.8 from 10.0.0.7 via 10.1.0.9 dev e1
        cache iif e0
    $ sysctl -qw net.ipv4.conf.e1.send_redirects=0
    $ ip route get 8.8.8.8 from 10.1.0.7 iif e1
    8.8.8.8 from 10.1.0.7 via 10.1.0.9 dev e1
        cache <redirect> iif e1
    $ sysctl -qw net.ipv4.conf.all.send_redirects=0
    $ ip route get 8.8.8.8 from 10.1.0.7 iif e1
    8.8.8.8 from 10.1.0.7 via 10.1.0.9 dev e1
        cache iif e1
    "
);

point!(
    "C-205",
    without_shared_media_the_gateway_has_to_be_in_the_neighbour_s_subnet,
    ROUTER,
    "
    $ sysctl -qw net.ipv4.conf.all.send_redirects=1
    $ ip addr add 10.2.0.1/24 dev e1
    $ ip route get 8.8.8.8 from 10.2.0.7 iif e1
    8.8.8.8 from 10.2.0.7 via 10.1.0.9 dev e1
        cache <redirect> iif e1
    $ sysctl -qw net.ipv4.conf.all.shared_media=0 net.ipv4.conf.e1.shared_media=0
    $ ip route get 8.8.8.8 from 10.2.0.7 iif e1
    8.8.8.8 from 10.2.0.7 via 10.1.0.9 dev e1
        cache iif e1
    $ ip route get 8.8.8.8 from 10.1.0.7 iif e1
    8.8.8.8 from 10.1.0.7 via 10.1.0.9 dev e1
        cache <redirect> iif e1
    $ ip route get 10.1.0.5 from 10.2.0.7 iif e1
    10.1.0.5 from 10.2.0.7 dev e1
        cache <redirect> iif e1
    "
);

point!(
    "C-202",
    where_all_forwards_broadcasts_a_delivered_one_is_not_cached,
    ROUTER,
    "
    $ sysctl -qw net.ipv4.conf.all.bc_forwarding=1 net.ipv4.conf.e0.bc_forwarding=0 net.ipv4.conf.e1.bc_forwarding=1
    $ ip route get 10.1.0.255 from 10.0.0.7 iif e0
    broadcast 10.1.0.255 from 10.0.0.7 dev lo
        cache <local,brd> iif e0
    $ ip route get 10.1.0.255 from 10.1.0.7 iif e1
    broadcast 10.1.0.255 from 10.1.0.7 dev e1
        cache <redirect> iif e1
    $ ip route get 10.1.0.255 from 10.0.0.7 iif e0
    broadcast 10.1.0.255 from 10.0.0.7 dev lo
        cache <local,brd> iif e0
    "
);

point!(
    "C-205",
    either_shared_media_setting_is_enough_for_a_redirect,
    ROUTER,
    "
    $ ip addr add 10.2.0.1/24 dev e1
    $ sysctl -qw net.ipv4.conf.all.shared_media=1 net.ipv4.conf.e1.shared_media=0
    $ ip route get 8.8.8.8 from 10.2.0.7 iif e1
    8.8.8.8 from 10.2.0.7 via 10.1.0.9 dev e1
        cache <redirect> iif e1
    $ sysctl -qw net.ipv4.conf.all.shared_media=0 net.ipv4.conf.e1.shared_media=1
    $ ip route get 8.8.8.8 from 10.2.0.7 iif e1
    8.8.8.8 from 10.2.0.7 via 10.1.0.9 dev e1
        cache <redirect> iif e1
    $ sysctl -qw net.ipv4.conf.e1.shared_media=0
    $ ip route get 8.8.8.8 from 10.2.0.7 iif e1
    8.8.8.8 from 10.2.0.7 via 10.1.0.9 dev e1
        cache iif e1
    "
);

point!(
    "C-190",
    a_device_that_is_down_has_left_the_group_of_all_hosts,
    ROUTER,
    "
    $ ip route get 224.0.0.1 from 10.1.0.7 iif e1
    multicast 224.0.0.1 from 10.1.0.7 dev lo rt_offload_failed
        cache <local,mc> iif e1
    $ ip link set e1 down
    $ ip route get 224.0.0.1 from 10.1.0.7 iif e1
    ! RTNETLINK answers: Invalid argument
    [2]
    $ ip link set e1 up
    $ ip route get 224.0.0.1 from 10.1.0.7 iif e1
    multicast 224.0.0.1 from 10.1.0.7 dev lo rt_offload_failed
        cache <local,mc> iif e1
    "
);

point!(
    "C-191, C-195",
    route_localnet_lets_loopback_sources_send_to_groups,
    ROUTER,
    "
    $ sysctl -qw net.ipv4.conf.all.route_localnet=0
    $ ip route get 224.0.0.1 from 127.0.0.9 iif e0
    ! RTNETLINK answers: Invalid argument
    [2]
    $ sysctl -qw net.ipv4.conf.e0.route_localnet=1
    $ ip route get 224.0.0.1 from 127.0.0.9 iif e0
    multicast 224.0.0.1 from 127.0.0.9 dev lo rt_offload_failed
        cache <local,mc> iif e0
    $ ip route get 224.0.0.1 from 127.0.0.9 iif e1
    ! RTNETLINK answers: Invalid argument
    [2]
    $ sysctl -qw net.ipv4.conf.e0.route_localnet=0 net.ipv4.conf.all.route_localnet=1
    $ ip route get 224.0.0.1 from 127.0.0.9 iif e1
    multicast 224.0.0.1 from 127.0.0.9 dev lo rt_offload_failed
        cache <local,mc> iif e1
    $ ip route get 8.8.8.8 from 127.0.0.9 iif e1
    ! RTNETLINK answers: Invalid argument
    [2]
    $ ip route get 10.0.0.1 from 10.1.0.7 iif e0
    local 10.0.0.1 from 10.1.0.7 dev lo
        cache <local> iif e0
    "
);

point!(
    "C-205",
    a_second_way_back_by_the_ingress_device_makes_a_neighbour,
    ROUTER,
    "
    $ sysctl -qw net.ipv4.conf.all.send_redirects=1
    $ ip route add 30.0.0.0/8 dev e0
    $ ip route add 30.0.0.0/8 dev e1 metric 10
    $ ip route add 31.0.0.0/8 dev e0
    $ ip route add 31.0.0.0/8 via 10.1.0.8 metric 10
    $ ip route add 32.0.0.0/8 dev e0
    $ ip route get 8.8.8.8 from 30.1.1.1 iif e1
    8.8.8.8 from 30.1.1.1 via 10.1.0.9 dev e1
        cache <redirect> iif e1
    $ ip route get 8.8.8.8 from 31.1.1.1 iif e1
    8.8.8.8 from 31.1.1.1 via 10.1.0.9 dev e1
        cache iif e1
    $ ip route get 8.8.8.8 from 32.1.1.1 iif e1
    8.8.8.8 from 32.1.1.1 via 10.1.0.9 dev e1
        cache iif e1
    "
);

point!(
    "C-045",
    an_ipv6_gateway_that_begins_with_zeros_is_none_to_a_decision_that_is_not_cached,
    TWO,
    "
    $ sysctl -qw net.ipv4.ip_forward=1
    $ sysctl -qw net.ipv6.conf.all.disable_ipv6=0
    $ ip route add 21.0.0.0/8 via inet6 0:0:1::2 dev e1 onlink realms 4
    $ ip route add 30.0.0.0/8 via 10.0.0.2 realms 7/9
    $ ip route get 21.0.0.1 from 30.0.0.1 iif e1
    21.0.0.1 from 30.0.0.1 via 21.0.0.1 dev e1 realms 9/4
        cache iif e1
    $ ip route get 21.0.0.1 from 10.1.0.7 iif e1
    21.0.0.1 from 10.1.0.7 via inet6 0:0:1::2 dev e1 realm 4
        cache <redirect> iif e1
    $ ip route get 21.0.0.1
    21.0.0.1 via inet6 0:0:1::2 dev e1 src 10.1.0.1 realm 4 uid 0
        cache
    "
);
