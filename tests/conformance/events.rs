//! Devices that go down, lose their carrier or vanish (C-086 to C-090, T-33, T-34).

use crate::support::{TWO, point};

point!(
    "C-086",
    carrier_loss_marks_hops_and_matters_only_where_dead_links_are_ignored,
    TWO,
    "
    $ ip route add 20.0.0.0/8 via 10.0.0.9
    $ ip route add 20.0.0.0/7 via 10.1.0.9
    $ ip link set p0 down
    $ ip -4 route show
    10.0.0.0/24 dev e0 proto kernel scope link src 10.0.0.1 linkdown
    10.1.0.0/24 dev e1 proto kernel scope link src 10.1.0.1
    20.0.0.0/8 via 10.0.0.9 dev e0 linkdown
    20.0.0.0/7 via 10.1.0.9 dev e1
    $ ip -4 route show table local dev e0
    local 10.0.0.1 proto kernel scope host src 10.0.0.1
    broadcast 10.0.0.255 proto kernel scope link src 10.0.0.1 linkdown
    $ ip route get 20.0.0.1
    20.0.0.1 via 10.0.0.9 dev e0 src 10.0.0.1 uid 0
        cache
    $ sysctl -qw net.ipv4.conf.all.ignore_routes_with_linkdown=1
    $ ip route get 20.0.0.1
    20.0.0.1 via 10.1.0.9 dev e1 src 10.1.0.1 uid 0
        cache
    $ ip link set p0 up
    $ ip route get 20.0.0.1
    20.0.0.1 via 10.0.0.9 dev e0 src 10.0.0.1 uid 0
        cache
    $ ip -4 route show proto boot
    20.0.0.0/8 via 10.0.0.9 dev e0
    20.0.0.0/7 via 10.1.0.9 dev e1
    "
);

point!(
    "C-087, T-33",
    a_device_down_and_up_loses_its_static_routes_in_every_table,
    TWO,
    "
    $ ip route add 20.0.0.0/8 via 10.0.0.9
    $ ip route add 21.0.0.0/8 dev e0
    $ ip route add 22.0.0.0/8 dev e0 table 100
    $ ip link set e0 down
    $ ip -4 route show
    10.1.0.0/24 dev e1 proto kernel scope link src 10.1.0.1
    $ ip -4 route show table 100
    $ ip -4 route show table local dev e0
    local 10.0.0.1 proto kernel scope host src 10.0.0.1
    $ ip link set e0 up
    $ ip -4 route show
    10.0.0.0/24 dev e0 proto kernel scope link src 10.0.0.1
    10.1.0.0/24 dev e1 proto kernel scope link src 10.1.0.1
    $ ip -4 route show table 100
    $ ip -4 route show table local dev e0
    local 10.0.0.1 proto kernel scope host src 10.0.0.1
    broadcast 10.0.0.255 proto kernel scope link src 10.0.0.1
    "
);

point!(
    "C-088, T-33",
    a_multipath_route_outlives_one_of_its_hops,
    TWO,
    "
    $ sysctl -qw net.ipv4.fib_multipath_hash_seed=12345
    $ ip route add 20.0.0.0/8 nexthop via 10.0.0.9 nexthop via 10.1.0.9
    $ ip route get 20.0.0.1
    20.0.0.1 via 10.0.0.9 dev e0 src 10.0.0.1 uid 0
        cache
    $ ip link set e0 down
    $ ip -4 route show proto boot
    20.0.0.0/8
        nexthop via 10.0.0.9 dev e0 weight 1 dead linkdown
        nexthop via 10.1.0.9 dev e1 weight 1
    $ ip route get 20.0.0.1
    20.0.0.1 via 10.1.0.9 dev e1 src 10.1.0.1 uid 0
        cache
    $ ip link set e0 up
    $ ip -4 route show proto boot
    20.0.0.0/8
        nexthop via 10.0.0.9 dev e0 weight 1
        nexthop via 10.1.0.9 dev e1 weight 1
    $ ip route get 20.0.0.1
    20.0.0.1 via 10.0.0.9 dev e0 src 10.0.0.1 uid 0
        cache
    $ ip link set e0 down
    $ ip link set e1 down
    $ ip -4 route show proto boot
    $ ip link set e0 up
    $ ip -4 route show proto boot
    "
);

point!(
    "C-089",
    a_removed_device_takes_every_multipath_route_that_used_it,
    TWO,
    "
    $ ip route add 20.0.0.0/8 nexthop via 10.0.0.9 nexthop via 10.1.0.9
    $ ip route add 21.0.0.0/8 via 10.1.0.9
    $ ip link del e0
    $ ip -4 route show
    10.1.0.0/24 dev e1 proto kernel scope link src 10.1.0.1
    21.0.0.0/8 via 10.1.0.9 dev e1
    $ ip -4 route show table local 10.0.0.1
    $ ip route get 10.0.0.1
    ! RTNETLINK answers: Network is unreachable
    [2]
    "
);

point!(
    "T-34",
    carrier_loss_shows_in_the_flags_and_in_the_routes,
    TWO,
    "
    $ ip -br link show dev e0
    e0@p0            UP             02:00:00:00:00:01 <BROADCAST,MULTICAST,UP,LOWER_UP>
    $ ip link set p0 down
    $ ip -br link show dev e0
    e0@p0            LOWERLAYERDOWN 02:00:00:00:00:01 <NO-CARRIER,BROADCAST,MULTICAST,UP,M-DOWN>
    $ ip -4 route show dev e0
    10.0.0.0/24 proto kernel scope link src 10.0.0.1 linkdown
    $ ip link set p0 up
    $ ip -br link show dev e0
    e0@p0            UP             02:00:00:00:00:01 <BROADCAST,MULTICAST,UP,LOWER_UP>
    $ ip -4 route show dev e0
    10.0.0.0/24 proto kernel scope link src 10.0.0.1
    "
);
