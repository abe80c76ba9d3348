//! Which own address a packet gets (C-154 to C-158).

use crate::support::{BARE, EMPTY, TWO, point};

point!(
    "C-154",
    the_route_s_own_source_comes_before_any_choice,
    TWO,
    "
    $ ip addr add 10.0.0.5/24 dev e0
    $ ip route add 8.0.0.0/8 via 10.0.0.9
    $ ip route add 9.0.0.0/8 via 10.0.0.9 src 10.0.0.5
    $ ip route add 7.0.0.0/8 via 10.0.0.9 src 10.1.0.1
    $ ip route get 8.8.8.8
    8.8.8.8 via 10.0.0.9 dev e0 src 10.0.0.1 uid 0
        cache
    $ ip route get 9.9.9.9
    9.9.9.9 via 10.0.0.9 dev e0 src 10.0.0.5 uid 0
        cache
    $ ip route get 7.7.7.7
    7.7.7.7 via 10.0.0.9 dev e0 src 10.1.0.1 uid 0
        cache
    $ ip route get 7.7.7.7 from 10.0.0.5
    7.7.7.7 from 10.0.0.5 via 10.0.0.9 dev e0 uid 0
        cache
    "
);

point!(
    "C-154",
    a_change_of_addresses_changes_the_choice,
    TWO,
    "
    $ ip route add 8.0.0.0/8 dev e0
    $ ip route get 8.8.8.8
    8.8.8.8 dev e0 src 10.0.0.1 uid 0
        cache
    $ ip addr add 10.7.0.1/24 dev e0
    $ ip addr del 10.0.0.1/24 dev e0
    $ ip route get 8.8.8.8
    8.8.8.8 dev e0 src 10.7.0.1 uid 0
        cache
    "
);

point!(
    "C-155",
    the_address_whose_subnet_holds_the_gateway_is_preferred,
    BARE,
    "
    $ ip addr add 10.0.0.1/24 dev e0
    $ ip addr add 10.0.1.1/24 dev e0
    $ ip route add 8.0.0.0/8 via 10.0.1.9
    $ ip route add 9.0.0.0/8 via 10.0.0.9
    $ ip route add 7.0.0.0/8 dev e0
    $ ip route get 8.8.8.8
    8.8.8.8 via 10.0.1.9 dev e0 src 10.0.1.1 uid 0
        cache
    $ ip route get 9.9.9.9
    9.9.9.9 via 10.0.0.9 dev e0 src 10.0.0.1 uid 0
        cache
    $ ip route get 7.7.7.7
    7.7.7.7 dev e0 src 10.0.0.1 uid 0
        cache
    $ ip route add 6.0.0.0/8 via 10.5.5.5 dev e0 onlink
    $ ip route get 6.6.6.6
    6.6.6.6 via 10.5.5.5 dev e0 src 10.0.0.1 uid 0
        cache
    "
);

point!(
    "C-156",
    addresses_of_a_narrower_scope_than_the_route_s_are_not_used,
    BARE,
    r#"
    $ ip addr add 10.0.0.1/24 dev e0 scope link
    $ ip addr add 10.2.0.1/24 dev e0 scope host
    $ ip route add 8.0.0.0/8 dev e0
    $ ip route add 9.0.0.0/8 dev e0 scope global
    $ ip route add 7.0.0.0/8 dev e0 scope host
    $ ip route get 8.8.8.8
    8.8.8.8 dev e0 src 10.0.0.1 uid 0
        cache
    $ ip route get 9.9.9.9
    9.9.9.9 dev e0 uid 0
        cache
    $ ip route get 7.7.7.7
    7.7.7.7 dev e0 src 10.2.0.1 uid 0
        cache
    $ ip addr add 10.3.0.1/24 dev e0
    $ ip route get 9.9.9.9
    9.9.9.9 dev e0 src 10.3.0.1 uid 0
        cache
    $ ip -4 -o addr show dev e0
    3: e0    inet 10.2.0.1/24 scope host e0\       valid_lft forever preferred_lft forever
    3: e0    inet 10.0.0.1/24 scope link e0\       valid_lft forever preferred_lft forever
    3: e0    inet 10.3.0.1/24 scope global e0\       valid_lft forever preferred_lft forever
    $ ip route get 8.8.8.8
    8.8.8.8 dev e0 src 10.0.0.1 uid 0
        cache
    "#
);

point!(
    "C-157",
    a_device_without_address_borrows_one,
    TWO,
    "
    $ ip link add e2 address 02:00:00:00:00:05 type veth peer name p2 address 02:00:00:00:00:06
    $ ip link set p2 up
    $ ip link set e2 up
    $ ip route add 8.0.0.0/8 dev e2
    $ ip route get 8.8.8.8
    8.8.8.8 dev e2 src 10.0.0.1 uid 0
        cache
    $ ip route get 9.9.9.9 oif e2
    9.9.9.9 dev e2 src 10.0.0.1 uid 0
        cache
    $ ip addr add 10.8.0.1/32 dev lo
    $ ip route get 8.8.8.8
    8.8.8.8 dev e2 src 10.8.0.1 uid 0
        cache
    "
);

point!(
    "C-157",
    link_scope_addresses_are_not_lent,
    BARE,
    "
    $ ip addr add 10.0.0.1/24 dev e0 scope link
    $ ip route add 8.0.0.0/8 dev p0
    $ ip route get 8.8.8.8
    8.8.8.8 dev p0 uid 0
        cache
    $ ip addr add 10.4.0.1/24 dev e0
    $ ip route get 8.8.8.8
    8.8.8.8 dev p0 src 10.4.0.1 uid 0
        cache
    "
);

point!(
    "C-158",
    secondary_addresses_are_used_only_by_name,
    BARE,
    "
    $ ip addr add 10.0.0.1/24 dev e0
    $ ip addr add 10.0.0.5/24 dev e0
    $ ip addr add 10.0.0.5/16 dev e0
    $ ip route add 8.0.0.0/8 via 10.0.0.9
    $ ip route add 9.0.0.0/8 via 10.0.0.9 src 10.0.0.5
    $ ip route get 8.8.8.8
    8.8.8.8 via 10.0.0.9 dev e0 src 10.0.0.1 uid 0
        cache
    $ ip route get 9.9.9.9
    9.9.9.9 via 10.0.0.9 dev e0 src 10.0.0.5 uid 0
        cache
    $ ip route get 8.8.8.8 from 10.0.0.5
    8.8.8.8 from 10.0.0.5 via 10.0.0.9 dev e0 uid 0
        cache
    $ ip addr del 10.0.0.5/16 dev e0
    $ ip addr del 10.0.0.1/24 dev e0
    $ ip route add 8.0.0.0/8 dev e0
    $ ip route get 8.8.8.8
    8.8.8.8 dev e0 uid 0
        cache
    "
);

point!(
    "C-157",
    a_borrowed_address_may_have_the_route_s_own_scope,
    TWO,
    "
    $ ip link add e2 address 02:00:00:00:00:05 type veth peer name p2 address 02:00:00:00:00:06
    $ ip link set p2 up
    $ ip link set e2 up
    $ ip route add 8.0.0.0/8 via 10.9.9.9 dev e2 onlink
    $ ip route get 8.8.8.8
    8.8.8.8 via 10.9.9.9 dev e2 src 10.0.0.1 uid 0
        cache
    "
);

point!(
    "C-156",
    host_scope_addresses_count_as_link_scope_with_route_localnet,
    BARE,
    "
    $ sysctl -qw net.ipv4.conf.all.route_localnet=0 net.ipv4.conf.e0.route_localnet=0
    $ ip addr add 10.2.0.1/24 dev e0 scope host
    $ ip route add 8.0.0.0/8 dev e0
    $ ip route get 8.8.8.8
    8.8.8.8 dev e0 uid 0
        cache
    $ ip route del 8.0.0.0/8
    $ sysctl -qw net.ipv4.conf.e0.route_localnet=1
    $ ip route add 8.0.0.0/8 dev e0
    $ ip route get 8.8.8.8
    8.8.8.8 dev e0 src 10.2.0.1 uid 0
        cache
    $ ip route del 8.0.0.0/8
    $ sysctl -qw net.ipv4.conf.e0.route_localnet=0 net.ipv4.conf.all.route_localnet=1
    $ ip route add 8.0.0.0/8 dev e0
    $ ip route get 8.8.8.8
    8.8.8.8 dev e0 src 10.2.0.1 uid 0
        cache
    "
);

point!(
    "C-154",
    a_next_hop_keeps_its_choice_until_an_address_changes,
    BARE,
    "
    $ sysctl -qw net.ipv4.conf.all.route_localnet=0 net.ipv4.conf.e0.route_localnet=0
    $ ip addr add 10.2.0.1/24 dev e0 scope host
    $ ip route add 8.0.0.0/8 dev e0
    $ sysctl -qw net.ipv4.conf.e0.route_localnet=1
    $ ip route get 8.8.8.8
    8.8.8.8 dev e0 uid 0
        cache
    $ ip addr add 10.3.0.1/24 dev p0
    $ ip route get 8.8.8.8
    8.8.8.8 dev e0 src 10.2.0.1 uid 0
        cache
    "
);

point!(
    "C-154",
    the_source_of_a_hop_with_an_ipv6_gateway_is_chosen_by_its_first_four_bytes,
    BARE,
    "
    $ ip addr add 10.2.0.1/24 dev e0
    $ ip addr add 254.128.0.1/24 dev e0
    $ ip route add 8.0.0.0/8 via inet6 fe80::1 dev e0
    $ ip route get 8.8.8.8
    8.8.8.8 via inet6 fe80::1 dev e0 src 254.128.0.1 uid 0
        cache
    "
);

point!(
    "C-157",
    an_unnumbered_device_borrows_from_the_device_that_came_first,
    EMPTY,
    "
    $ ip netns add blue
    $ ip netns add red
    $ ip -n red link add e9 type veth peer name e10
    $ ip -n blue link add e1 index 7 type veth peer name e2 index 8
    $ ip -n blue addr add 10.0.7.1/24 dev e1
    $ ip -n blue link add br9 index 9 type bridge
    $ ip -n blue link set br9 up
    $ ip -n red link set e10 netns blue
    # It keeps its index, 2, and comes last all the same.
    $ ip -n blue addr add 198.51.100.3/29 dev e10
    $ ip -n blue route get 10.0.0.5 oif br9
    10.0.0.5 dev br9 src 10.0.7.1 uid 0
        cache
    "
);
