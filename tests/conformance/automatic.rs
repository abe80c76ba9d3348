//! Routes that addresses make and take along (C-070 to C-085, T-32).

use crate::support::{BARE, EMPTY, TWO, point};

/// One veth pair that is up, `lo` that is not, so that there are no addresses at all.
const QUIET: &str = "
$ ip link add e0 address 02:00:00:00:00:01 type veth peer name p0 address 02:00:00:00:00:02
$ ip link set p0 up
$ ip link set e0 up
";

point!(
    "C-070, C-072, C-073",
    a_primary_address_brings_three_routes,
    QUIET,
    "
    $ ip addr add 10.0.0.1/24 dev e0
    $ ip -4 route show table all
    10.0.0.0/24 dev e0 proto kernel scope link src 10.0.0.1
    local 10.0.0.1 dev e0 table local proto kernel scope host src 10.0.0.1
    broadcast 10.0.0.255 dev e0 table local proto kernel scope link src 10.0.0.1
    "
);

point!(
    "C-070, T-12",
    on_a_device_that_is_down_only_the_local_route_comes,
    EMPTY,
    "
    $ ip link add e0 address 02:00:00:00:00:01 type veth peer name p0 address 02:00:00:00:00:02
    $ ip addr add 10.0.0.1/24 dev e0
    $ ip -4 route show table all
    local 10.0.0.1 dev e0 table local proto kernel scope host src 10.0.0.1
    $ ip route get 10.0.0.1
    local 10.0.0.1 dev lo src 10.0.0.1 uid 0
        cache <local>
    $ ip link set e0 up
    $ ip -4 route show
    10.0.0.0/24 dev e0 proto kernel scope link src 10.0.0.1 linkdown
    "
);

point!(
    "C-070, C-078",
    a_secondary_address_brings_its_local_route_with_the_primary_as_source,
    QUIET,
    "
    $ ip addr add 10.0.0.1/24 dev e0
    $ ip addr add 10.0.0.2/24 dev e0
    $ ip addr add 10.0.0.3/25 dev e0
    $ ip -4 route show table all
    10.0.0.0/25 dev e0 proto kernel scope link src 10.0.0.3
    10.0.0.0/24 dev e0 proto kernel scope link src 10.0.0.1
    local 10.0.0.1 dev e0 table local proto kernel scope host src 10.0.0.1
    local 10.0.0.2 dev e0 table local proto kernel scope host src 10.0.0.1
    local 10.0.0.3 dev e0 table local proto kernel scope host src 10.0.0.3
    broadcast 10.0.0.127 dev e0 table local proto kernel scope link src 10.0.0.3
    broadcast 10.0.0.255 dev e0 table local proto kernel scope link src 10.0.0.1
    $ ip -4 -o addr show dev e0
    3: e0    inet 10.0.0.1/24 scope global e0\\       valid_lft forever preferred_lft forever
    3: e0    inet 10.0.0.3/25 scope global e0\\       valid_lft forever preferred_lft forever
    3: e0    inet 10.0.0.2/24 scope global secondary e0\\       valid_lft forever preferred_lft forever
    "
);

point!(
    "C-078",
    copies_and_other_scopes_in_a_subnet_are_refused,
    QUIET,
    "
    $ ip addr add 10.0.0.1/24 dev e0
    $ ip addr add 10.0.0.1/24 dev e0
    ! Error: ipv4: Address already assigned.
    [2]
    $ ip addr add 10.0.0.2/24 dev e0 scope link
    ! Error: ipv4: Invalid scope value.
    [2]
    "
);

point!(
    "C-071",
    a_broadcast_address_that_is_named_has_a_route,
    QUIET,
    "
    $ ip addr add 10.0.0.1/24 brd 10.0.0.77 dev e0
    $ ip addr add 10.0.1.1/24 brd 255.255.255.255 dev e0
    $ ip addr add 10.0.2.1/31 brd 10.0.2.9 dev e0
    $ ip -4 route show table local
    local 10.0.0.1 dev e0 proto kernel scope host src 10.0.0.1
    broadcast 10.0.0.77 dev e0 proto kernel scope link src 10.0.0.1
    broadcast 10.0.0.255 dev e0 proto kernel scope link src 10.0.0.1
    local 10.0.1.1 dev e0 proto kernel scope host src 10.0.1.1
    broadcast 10.0.1.255 dev e0 proto kernel scope link src 10.0.1.1
    local 10.0.2.1 dev e0 proto kernel scope host src 10.0.2.1
    broadcast 10.0.2.9 dev e0 proto kernel scope link src 10.0.2.1
    "
);

point!(
    "C-072, C-073",
    noprefixroute_leaves_out_the_route_and_keeps_the_broadcast,
    QUIET,
    "
    $ ip addr add 10.0.0.1/24 dev e0 noprefixroute
    $ ip addr add 10.1.0.1/24 dev e0 metric 50
    $ ip addr add 10.2.0.1/24 dev lo
    $ ip link set lo up
    $ ip -4 route show
    10.1.0.0/24 dev e0 proto kernel scope link src 10.1.0.1 metric 50
    $ ip -4 route show table local
    local 10.0.0.1 dev e0 proto kernel scope host src 10.0.0.1
    broadcast 10.0.0.255 dev e0 proto kernel scope link src 10.0.0.1
    local 10.1.0.1 dev e0 proto kernel scope host src 10.1.0.1
    broadcast 10.1.0.255 dev e0 proto kernel scope link src 10.1.0.1
    local 10.2.0.0/24 dev lo proto kernel scope host src 10.2.0.1
    local 10.2.0.1 dev lo proto kernel scope host src 10.2.0.1
    broadcast 10.2.0.255 dev lo proto kernel scope link src 10.2.0.1
    local 127.0.0.0/8 dev lo proto kernel scope host src 127.0.0.1
    local 127.0.0.1 dev lo proto kernel scope host src 127.0.0.1
    broadcast 127.255.255.255 dev lo proto kernel scope link src 127.0.0.1
    "
);

point!(
    "C-073, T-16",
    the_first_address_of_a_subnet_is_an_ordinary_host,
    QUIET,
    "
    $ ip addr add 10.0.0.1/24 dev e0
    $ ip route get 10.0.0.0
    10.0.0.0 dev e0 src 10.0.0.1 uid 0
        cache
    $ ip route get 10.0.0.255
    broadcast 10.0.0.255 dev e0 src 10.0.0.1 uid 0
        cache <local,brd>
    "
);

point!(
    "C-074",
    what_31_32_and_peer_addresses_bring,
    QUIET,
    "
    $ ip addr add 10.0.0.2/31 dev e0
    $ ip addr add 10.0.1.1/32 dev e0
    $ ip addr add 10.0.2.1 peer 10.0.3.1/32 dev e0
    $ ip addr add 10.0.4.1 peer 10.0.5.1/24 dev e0
    $ ip -4 route show table all
    10.0.0.2/31 dev e0 proto kernel scope link src 10.0.0.2
    10.0.3.1 dev e0 proto kernel scope link src 10.0.2.1
    10.0.5.0/24 dev e0 proto kernel scope link src 10.0.4.1
    local 10.0.0.2 dev e0 table local proto kernel scope host src 10.0.0.2
    local 10.0.1.1 dev e0 table local proto kernel scope host src 10.0.1.1
    local 10.0.2.1 dev e0 table local proto kernel scope host src 10.0.2.1
    local 10.0.4.1 dev e0 table local proto kernel scope host src 10.0.4.1
    broadcast 10.0.5.255 dev e0 table local proto kernel scope link src 10.0.4.1
    "
);

point!(
    "C-075",
    an_address_in_network_0_brings_its_local_route_only,
    QUIET,
    "
    $ ip addr add 0.1.2.3/8 dev e0
    $ ip addr add 10.0.0.1/0 dev e0
    $ ip addr add 0.2.2.3/16 dev e0
    $ ip -4 route show table all
    0.2.0.0/16 dev e0 proto kernel scope link src 0.2.2.3
    local 0.1.2.3 dev e0 table local proto kernel scope host src 0.1.2.3
    local 0.2.2.3 dev e0 table local proto kernel scope host src 0.2.2.3
    broadcast 0.2.255.255 dev e0 table local proto kernel scope link src 0.2.2.3
    local 10.0.0.1 dev e0 table local proto kernel scope host src 10.0.0.1
    "
);

point!(
    "C-076",
    the_scope_of_an_address_does_not_change_its_routes,
    QUIET,
    "
    $ ip addr add 10.0.0.1/24 dev e0 scope host
    $ ip addr add 10.1.0.1/24 dev e0 scope link
    $ ip addr add 127.1.0.1/16 dev e0
    $ ip -4 route show table all
    10.0.0.0/24 dev e0 proto kernel scope link src 10.0.0.1
    10.1.0.0/24 dev e0 proto kernel scope link src 10.1.0.1
    127.1.0.0/16 dev e0 proto kernel scope link src 127.1.0.1
    local 10.0.0.1 dev e0 table local proto kernel scope host src 10.0.0.1
    broadcast 10.0.0.255 dev e0 table local proto kernel scope link src 10.0.0.1
    local 10.1.0.1 dev e0 table local proto kernel scope host src 10.1.0.1
    broadcast 10.1.0.255 dev e0 table local proto kernel scope link src 10.1.0.1
    local 127.1.0.1 dev e0 table local proto kernel scope host src 127.1.0.1
    broadcast 127.1.255.255 dev e0 table local proto kernel scope link src 127.1.0.1
    $ ip -4 -o addr show dev e0
    3: e0    inet 10.0.0.1/24 scope host e0\\       valid_lft forever preferred_lft forever
    3: e0    inet 127.1.0.1/16 scope host e0\\       valid_lft forever preferred_lft forever
    3: e0    inet 10.1.0.1/24 scope link e0\\       valid_lft forever preferred_lft forever
    "
);

point!(
    "C-077",
    multicast_addresses_bring_their_local_route_only_class_e_all,
    QUIET,
    "
    $ ip addr add 224.1.1.1/24 dev e0
    $ ip addr add 255.255.255.255/24 dev e0
    $ ip addr add 240.0.0.1/8 dev e0
    $ ip -4 route show table all
    240.0.0.0/8 dev e0 proto kernel scope link src 240.0.0.1
    local 224.1.1.1 dev e0 table local proto kernel scope host src 224.1.1.1
    local 240.0.0.1 dev e0 table local proto kernel scope host src 240.0.0.1
    broadcast 240.255.255.255 dev e0 table local proto kernel scope link src 240.0.0.1
    local 255.255.255.255 dev e0 table local proto kernel scope host src 255.255.255.255
    "
);

point!(
    "C-079",
    one_address_on_two_devices_has_both_sets_and_the_first_answers,
    TWO,
    "
    $ ip addr add 10.0.0.1/24 dev e1
    $ ip -4 route show 10.0.0.0/24
    10.0.0.0/24 dev e0 proto kernel scope link src 10.0.0.1
    10.0.0.0/24 dev e1 proto kernel scope link src 10.0.0.1
    $ ip -4 route show table local 10.0.0.1
    local 10.0.0.1 dev e0 proto kernel scope host src 10.0.0.1
    local 10.0.0.1 dev e1 proto kernel scope host src 10.0.0.1
    $ ip route get 10.0.0.9
    10.0.0.9 dev e0 src 10.0.0.1 uid 0
        cache
    $ ip addr del 10.0.0.1/24 dev e0
    $ ip route get 10.0.0.9
    10.0.0.9 dev e1 src 10.0.0.1 uid 0
        cache
    "
);

point!(
    "C-080",
    loopback_going_up_brings_its_address,
    EMPTY,
    "
    $ ip -4 addr
    $ ip link set lo up
    $ ip -4 -o addr
    1: lo    inet 127.0.0.1/8 scope host lo\\       valid_lft forever preferred_lft forever
    $ ip -4 route show table all
    local 127.0.0.0/8 dev lo table local proto kernel scope host src 127.0.0.1
    local 127.0.0.1 dev lo table local proto kernel scope host src 127.0.0.1
    broadcast 127.255.255.255 dev lo table local proto kernel scope link src 127.0.0.1
    "
);

// Whatever other addresses there are; a second one of 127/8 becomes a secondary.
point!(
    "C-080",
    loopback_with_addresses_gets_its_own_all_the_same,
    EMPTY,
    "
    $ ip addr add 127.0.0.2/8 dev lo
    $ ip addr add 10.0.0.1/24 dev lo
    $ ip link set lo up
    $ ip -4 -o addr
    1: lo    inet 127.0.0.2/8 scope host lo\\       valid_lft forever preferred_lft forever
    1: lo    inet 10.0.0.1/24 scope global lo\\       valid_lft forever preferred_lft forever
    1: lo    inet 127.0.0.1/8 scope host secondary lo\\       valid_lft forever preferred_lft forever
    $ ip link set lo down
    $ ip addr del 127.0.0.1/8 dev lo
    $ ip link set lo up
    $ ip -4 -br addr
    lo               UNKNOWN        127.0.0.2/8 10.0.0.1/24 127.0.0.1/8
    "
);

point!(
    "C-081",
    addresses_stand_by_scope_then_age_then_secondaries,
    QUIET,
    "
    $ ip addr add 10.0.0.1/24 dev e0
    $ ip addr add 10.0.0.2/24 dev e0
    $ ip addr add 10.1.0.1/24 dev e0 scope link
    $ ip addr add 10.2.0.1/24 dev e0
    $ ip addr add 10.2.0.2/24 dev e0
    $ ip addr add 10.3.0.1/24 dev e0 scope host
    $ ip addr add 10.4.0.1/24 dev e0 scope link
    $ ip -4 -o addr show dev e0
    3: e0    inet 10.3.0.1/24 scope host e0\\       valid_lft forever preferred_lft forever
    3: e0    inet 10.1.0.1/24 scope link e0\\       valid_lft forever preferred_lft forever
    3: e0    inet 10.4.0.1/24 scope link e0\\       valid_lft forever preferred_lft forever
    3: e0    inet 10.0.0.1/24 scope global e0\\       valid_lft forever preferred_lft forever
    3: e0    inet 10.2.0.1/24 scope global e0\\       valid_lft forever preferred_lft forever
    3: e0    inet 10.0.0.2/24 scope global secondary e0\\       valid_lft forever preferred_lft forever
    3: e0    inet 10.2.0.2/24 scope global secondary e0\\       valid_lft forever preferred_lft forever
    "
);

const FOUR: &str = "
$ ip link set lo up
$ ip link add e0 address 02:00:00:00:00:01 type veth peer name p0 address 02:00:00:00:00:02
$ ip link set p0 up
$ ip link set e0 up
$ ip addr add 10.0.0.1/24 dev e0
$ ip addr add 10.0.0.2/24 dev e0
$ ip addr add 10.0.0.3/24 dev e0
$ ip addr add 10.1.0.1/24 dev e0
";

point!(
    "C-082, T-32",
    deleting_a_primary_deletes_its_secondaries,
    FOUR,
    "
    $ ip addr del 10.0.0.1/24 dev e0
    $ ip -4 -o addr show dev e0
    3: e0    inet 10.1.0.1/24 scope global e0\\       valid_lft forever preferred_lft forever
    $ ip -4 route show
    10.1.0.0/24 dev e0 proto kernel scope link src 10.1.0.1
    "
);

point!(
    "C-083",
    with_promotion_the_first_secondary_takes_the_place,
    FOUR,
    "
    $ sysctl -qw net.ipv4.conf.e0.promote_secondaries=1
    $ ip addr del 10.0.0.1/24 dev e0
    $ ip -4 -o addr show dev e0
    3: e0    inet 10.1.0.1/24 scope global e0\\       valid_lft forever preferred_lft forever
    3: e0    inet 10.0.0.2/24 scope global e0\\       valid_lft forever preferred_lft forever
    3: e0    inet 10.0.0.3/24 scope global secondary e0\\       valid_lft forever preferred_lft forever
    $ ip -4 route show
    10.0.0.0/24 dev e0 proto kernel scope link src 10.0.0.2
    10.1.0.0/24 dev e0 proto kernel scope link src 10.1.0.1
    $ ip -4 route show table local dev e0
    local 10.0.0.2 proto kernel scope host src 10.0.0.2
    local 10.0.0.3 proto kernel scope host src 10.0.0.2
    broadcast 10.0.0.255 proto kernel scope link src 10.0.0.2
    local 10.1.0.1 proto kernel scope host src 10.1.0.1
    broadcast 10.1.0.255 proto kernel scope link src 10.1.0.1
    $ sysctl -qw net.ipv4.conf.e0.promote_secondaries=0
    $ sysctl -qw net.ipv4.conf.all.promote_secondaries=1
    $ ip addr del 10.0.0.2/24 dev e0
    $ ip -4 route show
    10.0.0.0/24 dev e0 proto kernel scope link src 10.0.0.3
    10.1.0.0/24 dev e0 proto kernel scope link src 10.1.0.1
    "
);

point!(
    "C-084, T-32",
    routes_of_main_with_the_deleted_source_go,
    TWO,
    "
    $ ip addr add 10.2.0.1/24 dev e0
    $ ip route add 20.0.0.0/8 via 10.1.0.9 src 10.2.0.1
    $ ip route add 21.0.0.0/8 via 10.1.0.9 src 10.2.0.1 table 100
    $ ip route add 22.0.0.0/8 via 10.1.0.9
    $ ip route add 23.0.0.0/8 via 10.2.0.9
    $ ip addr del 10.2.0.1/24 dev e0
    $ ip -4 route show proto boot
    22.0.0.0/8 via 10.1.0.9 dev e1
    23.0.0.0/8 via 10.2.0.9 dev e0
    $ ip -4 route show table 100
    21.0.0.0/8 via 10.1.0.9 dev e1 src 10.2.0.1
    "
);

point!(
    "C-085",
    the_last_address_takes_the_device_s_routes_along,
    TWO,
    "
    $ ip route add 20.0.0.0/8 dev e0
    $ ip route add 21.0.0.0/8 nexthop via 10.0.0.9 nexthop via 10.1.0.9
    $ ip route add 22.0.0.0/8 dev e0 scope host
    $ ip route add 23.0.0.0/8 dev e0 table 100
    $ ip addr del 10.0.0.9/24 dev e0
    ! Error: ipv4: Address not found.
    [2]
    $ ip addr del 10.0.0.1/24 dev e0
    $ ip -4 route show
    10.1.0.0/24 dev e1 proto kernel scope link src 10.1.0.1
    21.0.0.0/8
        nexthop via 10.0.0.9 dev e0 weight 1 dead linkdown
        nexthop via 10.1.0.9 dev e1 weight 1
    $ ip -4 route show table 100
    $ ip addr add 10.0.0.1/24 dev e0
    $ ip -4 route show
    10.0.0.0/24 dev e0 proto kernel scope link src 10.0.0.1
    10.1.0.0/24 dev e1 proto kernel scope link src 10.1.0.1
    21.0.0.0/8
        nexthop via 10.0.0.9 dev e0 weight 1
        nexthop via 10.1.0.9 dev e1 weight 1
    "
);

point!(
    "T-32",
    gateways_of_a_vanished_subnet_stay,
    BARE,
    "
    $ ip addr add 10.0.0.1/24 dev e0
    $ ip addr add 10.1.0.1/24 dev e0
    $ ip route add 20.0.0.0/8 via 10.0.0.9
    $ ip addr del 10.0.0.1/24 dev e0
    $ ip -4 route show
    10.1.0.0/24 dev e0 proto kernel scope link src 10.1.0.1
    20.0.0.0/8 via 10.0.0.9 dev e0
    "
);
