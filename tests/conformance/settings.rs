//! Settings: what they begin with and what changes along (C-287, C-288).

use crate::support::{EMPTY, TWO, point};

point!(
    "C-287",
    settings_of_a_fresh_namespace,
    EMPTY,
    "
    $ sysctl net.ipv4.ip_forward
    net.ipv4.ip_forward = 0
    $ sysctl net.ipv4.conf.all.rp_filter
    net.ipv4.conf.all.rp_filter = 0
    $ sysctl net.ipv4.conf.default.rp_filter
    net.ipv4.conf.default.rp_filter = 0
    $ sysctl net.ipv4.conf.all.accept_local
    net.ipv4.conf.all.accept_local = 0
    $ sysctl net.ipv4.conf.all.src_valid_mark
    net.ipv4.conf.all.src_valid_mark = 0
    $ sysctl net.ipv4.conf.all.route_localnet
    net.ipv4.conf.all.route_localnet = 0
    $ sysctl net.ipv4.conf.all.log_martians
    net.ipv4.conf.all.log_martians = 0
    $ sysctl net.ipv4.conf.all.accept_redirects
    net.ipv4.conf.all.accept_redirects = 1
    $ sysctl net.ipv4.conf.default.accept_redirects
    net.ipv4.conf.default.accept_redirects = 1
    $ sysctl net.ipv4.conf.all.secure_redirects
    net.ipv4.conf.all.secure_redirects = 1
    $ sysctl net.ipv4.conf.all.shared_media
    net.ipv4.conf.all.shared_media = 1
    $ sysctl net.ipv4.conf.all.send_redirects
    net.ipv4.conf.all.send_redirects = 1
    $ sysctl net.ipv4.conf.all.accept_source_route
    net.ipv4.conf.all.accept_source_route = 0
    $ sysctl net.ipv4.conf.default.accept_source_route
    net.ipv4.conf.default.accept_source_route = 1
    $ sysctl net.ipv4.conf.all.bc_forwarding
    net.ipv4.conf.all.bc_forwarding = 0
    $ sysctl net.ipv4.conf.all.mc_forwarding
    net.ipv4.conf.all.mc_forwarding = 0
    $ sysctl net.ipv4.conf.all.promote_secondaries
    net.ipv4.conf.all.promote_secondaries = 0
    $ sysctl net.ipv4.conf.all.ignore_routes_with_linkdown
    net.ipv4.conf.all.ignore_routes_with_linkdown = 0
    $ sysctl net.ipv4.conf.lo.disable_policy
    net.ipv4.conf.lo.disable_policy = 1
    $ sysctl net.ipv4.conf.lo.disable_xfrm
    net.ipv4.conf.lo.disable_xfrm = 1
    $ sysctl net.ipv4.conf.default.disable_policy
    net.ipv4.conf.default.disable_policy = 0
    $ sysctl net.ipv4.ip_default_ttl
    net.ipv4.ip_default_ttl = 64
    $ sysctl net.ipv4.ip_no_pmtu_disc
    net.ipv4.ip_no_pmtu_disc = 0
    $ sysctl net.ipv4.ip_forward_use_pmtu
    net.ipv4.ip_forward_use_pmtu = 0
    $ sysctl net.ipv4.ip_forward_update_priority
    net.ipv4.ip_forward_update_priority = 1
    $ sysctl net.ipv4.ip_nonlocal_bind
    net.ipv4.ip_nonlocal_bind = 0
    $ sysctl net.ipv4.ip_early_demux
    net.ipv4.ip_early_demux = 1
    $ sysctl net.ipv4.tcp_early_demux
    net.ipv4.tcp_early_demux = 1
    $ sysctl net.ipv4.udp_early_demux
    net.ipv4.udp_early_demux = 1
    $ sysctl net.ipv4.fwmark_reflect
    net.ipv4.fwmark_reflect = 0
    $ sysctl net.ipv4.tcp_fwmark_accept
    net.ipv4.tcp_fwmark_accept = 0
    $ sysctl net.ipv4.fib_multipath_hash_policy
    net.ipv4.fib_multipath_hash_policy = 0
    $ sysctl net.ipv4.fib_multipath_hash_fields
    net.ipv4.fib_multipath_hash_fields = 7
    $ sysctl net.ipv4.fib_multipath_hash_seed
    net.ipv4.fib_multipath_hash_seed = 0
    $ sysctl net.ipv4.fib_multipath_use_neigh
    net.ipv4.fib_multipath_use_neigh = 0
    $ sysctl net.ipv4.nexthop_compat_mode
    net.ipv4.nexthop_compat_mode = 1
    $ sysctl net.ipv4.icmp_ratelimit
    net.ipv4.icmp_ratelimit = 1000
    $ sysctl net.ipv4.icmp_ratemask
    net.ipv4.icmp_ratemask = 6168
    $ sysctl net.ipv4.icmp_msgs_per_sec
    net.ipv4.icmp_msgs_per_sec = 1000
    $ sysctl net.ipv4.icmp_msgs_burst
    net.ipv4.icmp_msgs_burst = 50
    $ sysctl net.ipv4.icmp_errors_use_inbound_ifaddr
    net.ipv4.icmp_errors_use_inbound_ifaddr = 0
    $ sysctl net.ipv4.icmp_echo_ignore_all
    net.ipv4.icmp_echo_ignore_all = 0
    $ sysctl net.ipv4.icmp_echo_ignore_broadcasts
    net.ipv4.icmp_echo_ignore_broadcasts = 1
    $ sysctl net.ipv4.icmp_ignore_bogus_error_responses
    net.ipv4.icmp_ignore_bogus_error_responses = 1
    $ sysctl net.ipv4.route.min_pmtu
    net.ipv4.route.min_pmtu = 552
    $ sysctl net.ipv4.route.mtu_expires
    net.ipv4.route.mtu_expires = 600
    $ sysctl net.ipv4.route.min_adv_mss
    net.ipv4.route.min_adv_mss = 256
    "
);

point!(
    "C-288",
    ip_forward_changes_the_devices_and_all_accept_redirects,
    TWO,
    "
    $ sysctl -w net.ipv4.ip_forward=1
    net.ipv4.ip_forward = 1
    $ sysctl net.ipv4.conf.all.forwarding net.ipv4.conf.default.forwarding net.ipv4.conf.e0.forwarding
    net.ipv4.conf.all.forwarding = 1
    net.ipv4.conf.default.forwarding = 1
    net.ipv4.conf.e0.forwarding = 1
    $ sysctl net.ipv4.conf.all.accept_redirects net.ipv4.conf.default.accept_redirects net.ipv4.conf.e0.accept_redirects
    net.ipv4.conf.all.accept_redirects = 0
    net.ipv4.conf.default.accept_redirects = 1
    net.ipv4.conf.e0.accept_redirects = 1
    $ sysctl -qw net.ipv4.conf.e0.forwarding=0
    $ sysctl net.ipv4.ip_forward net.ipv4.conf.default.forwarding net.ipv4.conf.e1.forwarding
    net.ipv4.ip_forward = 1
    net.ipv4.conf.default.forwarding = 1
    net.ipv4.conf.e1.forwarding = 1
    $ sysctl -qw net.ipv4.conf.all.forwarding=0
    $ sysctl net.ipv4.ip_forward net.ipv4.conf.e1.forwarding net.ipv4.conf.all.accept_redirects
    net.ipv4.ip_forward = 0
    net.ipv4.conf.e1.forwarding = 0
    net.ipv4.conf.all.accept_redirects = 1
    "
);

point!(
    "C-078, C-287",
    the_unspecified_address_is_taken_and_does_nothing_not_even_end_following_default,
    EMPTY,
    "
    $ ip link add e0 type veth peer name p0
    $ ip addr add 0.0.0.0/24 dev e0
    $ ip addr add 0.0.0.0 dev if99
    $ ip addr add 10.0.0.1 dev p0
    $ sysctl -qw net.ipv4.conf.default.accept_local=1
    $ sysctl net.ipv4.conf.e0.accept_local
    net.ipv4.conf.e0.accept_local = 1
    $ sysctl net.ipv4.conf.p0.accept_local
    net.ipv4.conf.p0.accept_local = 0
    "
);

point!(
    "C-287",
    no_device_has_the_name_of_a_place_of_settings,
    EMPTY,
    "
    $ ip link add all type ifb
    ! RTNETLINK answers: Invalid argument
    [2]
    $ ip link add e0 type veth peer name default
    ! RTNETLINK answers: Invalid argument
    [2]
    $ ip link add e1 address 02:00:00:00:00:01 type ifb
    $ ip link set e1 name default
    ! RTNETLINK answers: Invalid argument
    [2]
    $ ip -br link show e1
    e1               DOWN           02:00:00:00:00:01 <BROADCAST,NOARP>
    $ ip link set e1 protodown on
    ! Error: Protodown not supported by device.
    [2]
    $ ip link set lo mtu 60
    $ ip link set lo mtu 1500
    $ sysctl net.ipv4.conf.lo.disable_xfrm
    net.ipv4.conf.lo.disable_xfrm = 0
    $ sysctl net.ipv4.conf.lo.disable_policy
    net.ipv4.conf.lo.disable_policy = 0
    "
);

point!(
    "C-045, C-287",
    ipv6_settings_of_a_device_are_those_of_default_when_it_came,
    EMPTY,
    "
    $ ip link add e0 type veth peer name p0
    $ ip link set p0 up
    $ ip link set e0 up
    $ ip addr add 10.0.0.1/24 dev e0
    $ sysctl -qw net.ipv6.conf.default.hop_limit=5
    $ sysctl net.ipv6.conf.e0.hop_limit
    net.ipv6.conf.e0.hop_limit = 64
    $ sysctl -qw net.ipv6.conf.all.disable_ipv6=1
    $ ip route add 20.0.0.0/8 via inet6 fe80::2 dev e0 onlink
    ! Error: IPv6 is disabled on nexthop device.
    [2]
    $ sysctl -qw net.ipv6.conf.e0.disable_ipv6=0
    $ ip route add 20.0.0.0/8 via inet6 fe80::2 dev e0 onlink
    $ sysctl -qw net.ipv6.conf.e0.disable_ipv6=2
    $ ip route add 21.0.0.0/8 via inet6 fe80::2 dev e0 onlink
    ! Error: IPv6 is disabled on nexthop device.
    [2]
    $ ip link add e1 type veth peer name p1
    $ sysctl net.ipv6.conf.e1.hop_limit
    net.ipv6.conf.e1.hop_limit = 5
    $ ip link set p1 up
    $ ip link set e1 up
    $ ip route add 22.0.0.0/8 via inet6 fe80::2 dev e1 onlink
    ! Error: IPv6 is disabled on nexthop device.
    [2]
    "
);
