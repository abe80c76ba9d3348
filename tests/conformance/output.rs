//! The way of packets made here, up to the decision and its cache (C-127 to C-151).

use crate::situations::ROUTER;
use crate::support::{TWO, point};

point!(
    "C-127",
    a_source_that_no_host_can_have_is_invalid,
    TWO,
    "
    $ ip route add default via 10.0.0.9
    $ ip route get 8.8.8.8 from 224.0.0.1
    ! RTNETLINK answers: Invalid argument
    [2]
    $ ip route get 8.8.8.8 from 255.255.255.255
    ! RTNETLINK answers: Invalid argument
    [2]
    $ ip route get 8.8.8.8 from 239.255.255.255 oif e0
    ! RTNETLINK answers: Invalid argument
    [2]
    "
);

point!(
    "C-128",
    a_source_that_is_not_an_own_address_finds_no_network,
    TWO,
    "
    $ ip route add default via 10.0.0.9
    $ ip route get 8.8.8.8 from 10.0.0.2
    ! RTNETLINK answers: Network is unreachable
    [2]
    $ ip route get 8.8.8.8 from 10.0.0.255
    ! RTNETLINK answers: Network is unreachable
    [2]
    $ ip route get 8.8.8.8 from 10.0.0.2 oif e0
    ! RTNETLINK answers: Network is unreachable
    [2]
    $ ip route add local 20.0.0.0/8 dev e0
    $ ip route get 8.8.8.8 from 20.1.2.3
    8.8.8.8 from 20.1.2.3 via 10.0.0.9 dev e0 uid 0
        cache
    "
);

point!(
    "C-129",
    any_own_address_will_do_whatever_device_it_is_on,
    TWO,
    "
    $ ip route add default via 10.0.0.9
    $ ip route get 8.8.8.8 from 10.1.0.1
    8.8.8.8 from 10.1.0.1 via 10.0.0.9 dev e0 uid 0
        cache
    $ ip route get 10.1.0.7 from 10.0.0.1
    10.1.0.7 from 10.0.0.1 dev e1 uid 0
        cache
    $ ip link set e1 down
    $ ip route get 8.8.8.8 from 10.1.0.1
    8.8.8.8 from 10.1.0.1 via 10.0.0.9 dev e0 uid 0
        cache
    "
);

point!(
    "C-130",
    broadcast_and_multicast_leave_by_the_device_of_their_source,
    TWO,
    "
    $ ip route get 255.255.255.255 from 10.1.0.1
    broadcast 255.255.255.255 from 10.1.0.1 dev e1 uid 0
        cache <local,brd>
    $ ip route get 239.1.1.1 from 10.0.0.1
    multicast 239.1.1.1 from 10.0.0.1 dev e0 rt_offload_failed uid 0
        cache <mc>
    $ ip route add unreachable 239.0.0.0/8
    $ ip route get 239.1.1.1 from 10.1.0.1
    multicast 239.1.1.1 from 10.1.0.1 dev e1 rt_offload_failed uid 0
        cache <mc>
    $ ip route get 239.1.1.1 from 10.1.0.2
    ! RTNETLINK answers: Network is unreachable
    [2]
    "
);

point!(
    "C-131",
    broadcast_and_multicast_without_source_and_device_need_a_route,
    TWO,
    "
    $ ip route get 255.255.255.255
    ! RTNETLINK answers: Network is unreachable
    [2]
    $ ip route get 239.1.1.1
    ! RTNETLINK answers: Network is unreachable
    [2]
    $ ip route add default via 10.0.0.9
    $ ip route get 255.255.255.255
    broadcast 255.255.255.255 dev e0 src 10.0.0.1 uid 0
        cache <local,brd>
    $ ip route get 239.1.1.1
    multicast 239.1.1.1 dev e0 src 10.0.0.1 rt_offload_failed uid 0
        cache <mc>
    $ ip route get 224.0.0.9
    multicast 224.0.0.9 dev e0 src 10.0.0.1 rt_offload_failed uid 0
        cache <mc>
    $ ip route add 239.0.0.0/8 via 10.1.0.9
    $ ip route get 239.1.1.1
    multicast 239.1.1.1 via 10.1.0.9 dev e1 src 10.1.0.1 rt_offload_failed uid 0
        cache <mc>
    $ ip route add 224.0.0.0/4 via 10.1.0.9
    $ ip route get 238.1.1.1
    multicast 238.1.1.1 via 10.1.0.9 dev e1 src 10.1.0.1 rt_offload_failed uid 0
        cache <mc>
    "
);

point!(
    "C-132",
    a_demanded_device_has_to_be_up,
    TWO,
    r#"
    $ ip route add default via 10.0.0.9
    $ ip link set e1 down
    $ ip route get 8.8.8.8 oif e1
    ! RTNETLINK answers: Network is unreachable
    [2]
    $ ip route get 8.8.8.8 oif e9
    ! Cannot find device "e9"
    [1]
    "#
);

point!(
    "C-133",
    a_demanded_device_overrides_every_lookup_error,
    TWO,
    "
    $ ip route get 8.8.8.8 oif e0
    8.8.8.8 dev e0 src 10.0.0.1 uid 0
        cache
    $ ip route add unreachable 1.0.0.0/8
    $ ip route add prohibit 2.0.0.0/8
    $ ip route add blackhole 3.0.0.0/8
    $ ip route add throw 4.0.0.0/8
    $ ip rule add pref 10 to 5.0.0.0/8 prohibit
    $ ip route get 1.1.1.1 oif e0
    1.1.1.1 dev e0 src 10.0.0.1 uid 0
        cache
    $ ip route get 2.1.1.1 oif e1
    2.1.1.1 dev e1 src 10.1.0.1 uid 0
        cache
    $ ip route get 3.1.1.1 oif e0
    3.1.1.1 dev e0 src 10.0.0.1 uid 0
        cache
    $ ip route get 4.1.1.1 oif e0
    4.1.1.1 dev e0 src 10.0.0.1 uid 0
        cache
    $ ip route get 5.1.1.1 oif e0
    5.1.1.1 dev e0 src 10.0.0.1 uid 0
        cache
    $ ip route get 5.1.1.1 oif e0 from 10.1.0.1
    5.1.1.1 from 10.1.0.1 dev e0 uid 0
        cache
    "
);

point!(
    "C-134",
    a_demanded_device_hides_local_addresses_of_others,
    TWO,
    "
    $ ip route get 10.0.0.1 oif e0
    local 10.0.0.1 dev lo src 10.0.0.1 uid 0
        cache <local>
    $ ip route get 10.0.0.1 oif e1
    10.0.0.1 dev e1 src 10.1.0.1 uid 0
        cache
    $ ip route add default via 10.0.0.9
    $ ip route get 127.0.0.1 oif e0
    127.0.0.1 via 10.0.0.9 dev e0 src 10.0.0.1 uid 0
        cache
    $ ip route get 10.1.0.255 oif e0
    10.1.0.255 via 10.0.0.9 dev e0 src 10.0.0.1 uid 0
        cache
    "
);

point!(
    "C-135",
    the_unspecified_destination_is_this_host,
    TWO,
    "
    $ ip route get 0.0.0.0
    local 0.0.0.0 dev lo src 127.0.0.1 uid 0
        cache <local>
    $ ip route get 0.0.0.0 from 10.1.0.1
    local 0.0.0.0 from 10.1.0.1 dev lo uid 0
        cache <local>
    $ ip route get 0.0.0.0 oif e0
    local 0.0.0.0 dev lo src 10.0.0.1 uid 0
        cache <local>
    "
);

point!(
    "C-136",
    a_local_destination_gives_its_route_s_source_or_itself,
    TWO,
    "
    $ ip addr add 10.0.0.5/24 dev e0
    $ ip route get 10.0.0.5
    local 10.0.0.5 dev lo src 10.0.0.1 uid 0
        cache <local>
    $ ip route get 127.9.9.9
    local 127.9.9.9 dev lo src 127.0.0.1 uid 0
        cache <local>
    $ ip route add local 20.0.0.0/8 dev lo
    $ ip route get 20.1.1.1
    local 20.1.1.1 dev lo src 20.1.1.1 uid 0
        cache <local>
    $ ip route get 20.1.1.1 from 10.1.0.1
    local 20.1.1.1 from 10.1.0.1 dev lo uid 0
        cache <local>
    "
);

point!(
    "C-137",
    only_0_0_0_0_itself_is_special_in_its_network,
    TWO,
    "
    $ ip route add default via 10.0.0.9
    $ ip route get 0.1.2.3
    0.1.2.3 via 10.0.0.9 dev e0 src 10.0.0.1 uid 0
        cache
    $ ip route get 240.1.2.3
    240.1.2.3 via 10.0.0.9 dev e0 src 10.0.0.1 uid 0
        cache
    $ ip route get 255.255.255.254
    255.255.255.254 via 10.0.0.9 dev e0 src 10.0.0.1 uid 0
        cache
    "
);

point!(
    "C-138",
    a_loopback_source_does_not_leave_the_host,
    TWO,
    "
    $ sysctl -qw net.ipv4.conf.e0.route_localnet=0
    $ ip route add default via 10.0.0.9
    $ ip route get 8.8.8.8 from 127.0.0.1
    ! RTNETLINK answers: Invalid argument
    [2]
    $ ip route get 10.0.0.1 from 127.0.0.1
    local 10.0.0.1 from 127.0.0.1 dev lo uid 0
        cache <local>
    $ sysctl -qw net.ipv4.conf.e0.route_localnet=1
    $ ip route get 8.8.8.8 from 127.0.0.1
    8.8.8.8 from 127.0.0.1 via 10.0.0.9 dev e0 uid 0
        cache
    "
);

point!(
    "C-139",
    a_subnet_s_broadcast_address_is_a_broadcast,
    TWO,
    "
    $ ip route get 10.0.0.255
    broadcast 10.0.0.255 dev e0 src 10.0.0.1 uid 0
        cache <local,brd>
    $ ip route get 10.0.0.255 from 10.1.0.1
    broadcast 10.0.0.255 from 10.1.0.1 dev e0 uid 0
        cache <local,brd>
    $ ip route add broadcast 30.0.0.0/8 dev e1
    $ ip route get 30.1.1.1
    broadcast 30.1.1.1 dev e1 src 10.1.0.1 uid 0
        cache <local,brd>
    "
);

point!(
    "C-140",
    an_anycast_route_sends_like_a_unicast_one,
    TWO,
    "
    $ ip route add anycast 30.0.0.0/8 dev e1
    $ ip route get 30.1.1.1
    anycast 30.1.1.1 dev e1 src 10.1.0.1 uid 0
        cache
    "
);

point!(
    "C-143",
    the_cached_decision_of_a_next_hop_is_of_whoever_asked_first,
    TWO,
    "
    $ ip route add 226.0.0.0/8 via 10.0.0.9
    $ ip route add 7.0.0.0/8 via 10.0.0.9
    $ ip route add 6.0.0.0/8 via 10.0.0.9 metric 5
    $ ip route get 226.5.5.5
    multicast 226.5.5.5 via 10.0.0.9 dev e0 src 10.0.0.1 rt_offload_failed uid 0
        cache <mc>
    $ ip route get 7.1.1.1
    multicast 7.1.1.1 via 10.0.0.9 dev e0 src 10.0.0.1 rt_offload_failed uid 0
        cache <mc>
    $ ip route get 6.1.1.1
    6.1.1.1 via 10.0.0.9 dev e0 src 10.0.0.1 uid 0
        cache
    $ ip route get 7.1.1.1 oif e0
    multicast 7.1.1.1 via 10.0.0.9 dev e0 src 10.0.0.1 rt_offload_failed uid 0
        cache <mc>
    "
);

point!(
    "C-144, C-145",
    what_changes_routes_addresses_or_devices_outdates_cached_decisions,
    TWO,
    "
    $ ip route add 226.0.0.0/8 via 10.0.0.9
    $ ip route add 7.0.0.0/8 via 10.0.0.9
    $ ip route get 226.5.5.5
    multicast 226.5.5.5 via 10.0.0.9 dev e0 src 10.0.0.1 rt_offload_failed uid 0
        cache <mc>
    $ ip route add 5.0.0.0/8 dev e1
    $ ip route get 7.1.1.1
    7.1.1.1 via 10.0.0.9 dev e0 src 10.0.0.1 uid 0
        cache
    $ ip route get 226.5.5.5
    226.5.5.5 via 10.0.0.9 dev e0 src 10.0.0.1 uid 0
        cache
    $ ip addr add 10.9.0.1/24 dev e1
    $ ip route get 226.5.5.5
    multicast 226.5.5.5 via 10.0.0.9 dev e0 src 10.0.0.1 rt_offload_failed uid 0
        cache <mc>
    $ ip link set e1 down
    $ ip route get 7.1.1.1
    7.1.1.1 via 10.0.0.9 dev e0 src 10.0.0.1 uid 0
        cache
    $ ip link set e1 mtu 1400
    $ ip route get 226.5.5.5
    multicast 226.5.5.5 via 10.0.0.9 dev e0 src 10.0.0.1 rt_offload_failed uid 0
        cache <mc>
    $ sysctl -qw net.ipv4.conf.e0.forwarding=1
    $ ip route get 7.1.1.1
    7.1.1.1 via 10.0.0.9 dev e0 src 10.0.0.1 uid 0
        cache
    $ sysctl -qw net.ipv4.route.flush=1
    $ ip route get 226.5.5.5
    multicast 226.5.5.5 via 10.0.0.9 dev e0 src 10.0.0.1 rt_offload_failed uid 0
        cache <mc>
    "
);

point!(
    "C-145",
    a_setting_outdates_cached_decisions_only_where_the_kernel_flushes,
    TWO,
    "
    $ sysctl -qw net.ipv4.conf.e0.accept_local=1
    $ sysctl -qw net.ipv4.conf.e0.rp_filter=0
    $ ip route add 226.0.0.0/8 via 10.0.0.9
    $ ip route add 7.0.0.0/8 via 10.0.0.9
    $ ip route get 226.5.5.5
    multicast 226.5.5.5 via 10.0.0.9 dev e0 src 10.0.0.1 rt_offload_failed uid 0
        cache <mc>
    $ sysctl -qw net.ipv4.conf.e0.rp_filter=1
    $ ip route get 7.1.1.1
    multicast 7.1.1.1 via 10.0.0.9 dev e0 src 10.0.0.1 rt_offload_failed uid 0
        cache <mc>
    $ sysctl -qw net.ipv4.conf.e0.accept_local=0
    $ ip route get 7.1.1.1
    7.1.1.1 via 10.0.0.9 dev e0 src 10.0.0.1 uid 0
        cache
    "
);

point!(
    "C-151",
    flushing_the_cache_ends_what_next_hops_remember,
    TWO,
    "
    $ ip route add 226.0.0.0/8 via 10.0.0.9
    $ ip route add 7.0.0.0/8 via 10.0.0.9
    $ ip route get 226.5.5.5
    multicast 226.5.5.5 via 10.0.0.9 dev e0 src 10.0.0.1 rt_offload_failed uid 0
        cache <mc>
    $ ip route flush cache
    $ ip route get 7.1.1.1
    7.1.1.1 via 10.0.0.9 dev e0 src 10.0.0.1 uid 0
        cache
    "
);

point!(
    "C-143, T-17",
    the_wish_for_notifications_stays_with_a_cached_decision,
    ROUTER,
    "
    $ ip route add 7.0.0.0/8 via 10.0.0.9
    $ ip route get 7.1.1.1 notify
    7.1.1.1 via 10.0.0.9 dev e0 src 10.0.0.1 notify uid 0
        cache <notify>
    $ ip route get 7.1.1.2
    7.1.1.2 via 10.0.0.9 dev e0 src 10.0.0.1 notify uid 0
        cache <notify>
    $ ip route get 8.8.8.8 from 10.0.0.7 iif e0 notify
    8.8.8.8 from 10.0.0.7 via 10.1.0.9 dev e1 notify
        cache <notify> iif e0
    $ ip route get 8.8.8.9 from 10.0.0.7 iif e0
    8.8.8.9 from 10.0.0.7 via 10.1.0.9 dev e1 notify
        cache <notify> iif e0
    $ ip route get 10.0.0.1 from 10.0.0.7 iif e0 notify
    local 10.0.0.1 from 10.0.0.7 dev lo notify
        cache <local,notify> iif e0
    $ ip route get 10.0.0.1 from 10.0.0.8 iif e0
    local 10.0.0.1 from 10.0.0.8 dev lo notify
        cache <local,notify> iif e0
    $ sysctl -qw net.ipv4.route.flush=1
    $ ip route get 7.1.1.2
    7.1.1.2 via 10.0.0.9 dev e0 src 10.0.0.1 uid 0
        cache
    $ ip route get 8.8.8.9 from 10.0.0.7 iif e0
    8.8.8.9 from 10.0.0.7 via 10.1.0.9 dev e1
        cache iif e0
    "
);

point!(
    "C-131, C-160",
    a_short_route_s_metrics_do_not_go_to_groups_and_to_all,
    TWO,
    "
    $ ip route add default via 10.0.0.9 mtu 1300
    $ ip route get 8.8.8.8
    8.8.8.8 via 10.0.0.9 dev e0 src 10.0.0.1 uid 0
        cache mtu 1300
    $ ip route get 239.1.1.1
    multicast 239.1.1.1 dev e0 src 10.0.0.1 rt_offload_failed uid 0
        cache <mc>
    $ ip route get 255.255.255.255
    broadcast 255.255.255.255 dev e0 src 10.0.0.1 uid 0
        cache <local,brd>
    $ ip route add 224.0.0.0/4 via 10.0.0.9 mtu 1200
    $ ip route get 239.1.1.1
    multicast 239.1.1.1 via 10.0.0.9 dev e0 src 10.0.0.1 rt_offload_failed uid 0
        cache <mc> mtu 1200
    $ ip route add 255.0.0.0/8 via 10.0.0.9 mtu 1100
    $ ip route get 255.255.255.254
    255.255.255.254 via 10.0.0.9 dev e0 src 10.0.0.1 uid 0
        cache mtu 1100
    $ ip route get 255.255.255.255
    broadcast 255.255.255.255 dev e0 src 10.0.0.1 uid 0
        cache <local,brd>
    "
);

point!(
    "C-129",
    a_source_that_is_given_stays_whatever_device_is_demanded,
    TWO,
    "
    $ ip route get 239.1.1.1 from 10.1.0.1 oif e0
    multicast 239.1.1.1 from 10.1.0.1 dev e0 rt_offload_failed uid 0
        cache <mc>
    $ ip route get 224.0.0.5 from 10.1.0.1 oif e0
    multicast 224.0.0.5 from 10.1.0.1 dev e0 rt_offload_failed uid 0
        cache <mc>
    $ ip route get 8.8.8.8 from 10.1.0.1 oif e0
    8.8.8.8 from 10.1.0.1 dev e0 uid 0
        cache
    $ ip route get 10.0.0.255 from 10.1.0.1 oif e0
    broadcast 10.0.0.255 from 10.1.0.1 dev e0 uid 0
        cache <local,brd>
    "
);
