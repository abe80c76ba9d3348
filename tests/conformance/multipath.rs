//! Several hops: weights, bounds, hashes (C-050 to C-062).
//!
//! Which hop a hash chooses was computed for these transcripts by a program of
//! its own from the published SipHash, with the seed 12345.

use crate::support::{TWO, point};

point!(
    "C-050",
    weights_are_1_to_256,
    TWO,
    "
    $ ip route add 20.0.0.0/8 nexthop via 10.0.0.2 weight 256 nexthop via 10.1.0.2 weight 1
    $ ip route add 21.0.0.0/8 nexthop via 10.0.0.2 weight 257 nexthop via 10.1.0.2
    ! Error: argument \"257\" is wrong: \"weight\" is invalid
    [255]
    $ ip route add 21.0.0.0/8 nexthop via 10.0.0.2 weight 0 nexthop via 10.1.0.2
    ! Error: argument \"0\" is wrong: \"weight\" is invalid
    [255]
    $ ip route show 20.0.0.0/8
    20.0.0.0/8
        nexthop via 10.0.0.2 dev e0 weight 256
        nexthop via 10.1.0.2 dev e1 weight 1
    "
);

point!(
    "C-051, C-061, C-062, T-20",
    weights_divide_the_hash,
    TWO,
    "
    $ sysctl -qw net.ipv4.fib_multipath_hash_seed=12345
    $ ip route add 20.0.0.0/8 nexthop via 10.0.0.2 nexthop via 10.1.0.2 weight 3 nexthop via 10.1.0.3 weight 6
    $ ip route get 20.0.0.1
    20.0.0.1 via 10.1.0.2 dev e1 src 10.1.0.1 uid 0
        cache
    $ ip route get 20.0.0.2
    20.0.0.2 via 10.1.0.3 dev e1 src 10.1.0.1 uid 0
        cache
    $ ip route get 20.0.0.3
    20.0.0.3 via 10.1.0.3 dev e1 src 10.1.0.1 uid 0
        cache
    $ ip route get 20.0.0.4
    20.0.0.4 via 10.1.0.3 dev e1 src 10.1.0.1 uid 0
        cache
    $ ip route get 20.0.0.5
    20.0.0.5 via 10.1.0.3 dev e1 src 10.1.0.1 uid 0
        cache
    $ ip route get 20.0.0.6
    20.0.0.6 via 10.1.0.3 dev e1 src 10.1.0.1 uid 0
        cache
    $ ip route get 20.0.0.8
    20.0.0.8 via 10.0.0.2 dev e0 src 10.0.0.1 uid 0
        cache
    $ ip route get 20.0.0.9
    20.0.0.9 via 10.1.0.3 dev e1 src 10.1.0.1 uid 0
        cache
    $ ip route get 20.0.0.11
    20.0.0.11 via 10.1.0.3 dev e1 src 10.1.0.1 uid 0
        cache
    $ ip route get 20.0.0.13
    20.0.0.13 via 10.1.0.3 dev e1 src 10.1.0.1 uid 0
        cache
    $ ip route get 20.0.0.17
    20.0.0.17 via 10.1.0.3 dev e1 src 10.1.0.1 uid 0
        cache
    "
);

point!(
    "C-051, C-088",
    a_dead_hop_takes_no_part_in_the_division,
    TWO,
    "
    $ sysctl -qw net.ipv4.fib_multipath_hash_seed=12345
    $ ip route add 20.0.0.0/8 nexthop via 10.0.0.2 nexthop via 10.1.0.2
    $ ip route get 20.0.0.1
    20.0.0.1 via 10.0.0.2 dev e0 src 10.0.0.1 uid 0
        cache
    $ ip route get 20.0.0.2
    20.0.0.2 via 10.1.0.2 dev e1 src 10.1.0.1 uid 0
        cache
    $ ip route get 20.0.0.3
    20.0.0.3 via 10.1.0.2 dev e1 src 10.1.0.1 uid 0
        cache
    $ ip route get 20.0.0.4
    20.0.0.4 via 10.1.0.2 dev e1 src 10.1.0.1 uid 0
        cache
    $ ip route get 20.0.0.5
    20.0.0.5 via 10.1.0.2 dev e1 src 10.1.0.1 uid 0
        cache
    $ ip route get 20.0.0.6
    20.0.0.6 via 10.1.0.2 dev e1 src 10.1.0.1 uid 0
        cache
    $ ip route get 20.0.0.7
    20.0.0.7 via 10.1.0.2 dev e1 src 10.1.0.1 uid 0
        cache
    $ ip route get 20.0.0.8
    20.0.0.8 via 10.0.0.2 dev e0 src 10.0.0.1 uid 0
        cache
    $ ip link set e0 down
    $ ip route get 20.0.0.1
    20.0.0.1 via 10.1.0.2 dev e1 src 10.1.0.1 uid 0
        cache
    $ ip route get 20.0.0.2
    20.0.0.2 via 10.1.0.2 dev e1 src 10.1.0.1 uid 0
        cache
    $ ip route get 20.0.0.3
    20.0.0.3 via 10.1.0.2 dev e1 src 10.1.0.1 uid 0
        cache
    $ ip route get 20.0.0.4
    20.0.0.4 via 10.1.0.2 dev e1 src 10.1.0.1 uid 0
        cache
    "
);

point!(
    "C-052, T-11",
    a_setting_after_the_carrier_loss_leaves_the_dead_hop_chosen,
    TWO,
    "
    $ sysctl -qw net.ipv4.fib_multipath_hash_seed=12345
    $ ip route add 20.0.0.0/8 nexthop via 10.0.0.2 nexthop via 10.1.0.2
    $ ip link set p0 down
    $ sysctl -qw net.ipv4.conf.e0.ignore_routes_with_linkdown=1
    $ ip route get 20.0.0.1
    20.0.0.1 via 10.0.0.2 dev e0 src 10.0.0.1 uid 0
        cache
    $ ip route get 20.0.0.2
    20.0.0.2 via 10.1.0.2 dev e1 src 10.1.0.1 uid 0
        cache
    $ ip route get 20.0.0.3
    20.0.0.3 via 10.1.0.2 dev e1 src 10.1.0.1 uid 0
        cache
    $ ip route show 20.0.0.0/8
    20.0.0.0/8
        nexthop via 10.0.0.2 dev e0 weight 1 dead linkdown
        nexthop via 10.1.0.2 dev e1 weight 1
    # The next event of the device makes the division anew.
    $ ip link set p1 down
    $ ip link set p1 up
    $ ip route get 20.0.0.1
    20.0.0.1 via 10.1.0.2 dev e1 src 10.1.0.1 uid 0
        cache
    $ ip route get 20.0.0.2
    20.0.0.2 via 10.1.0.2 dev e1 src 10.1.0.1 uid 0
        cache
    $ ip route get 20.0.0.3
    20.0.0.3 via 10.1.0.2 dev e1 src 10.1.0.1 uid 0
        cache
    "
);

point!(
    "C-053, T-19",
    a_hop_whose_own_source_is_the_flow_s_goes_before_the_hash,
    TWO,
    "
    $ sysctl -qw net.ipv4.fib_multipath_hash_seed=12345
    $ ip addr add 10.2.0.1/24 dev lo
    $ ip route add 20.0.0.0/8 nexthop via 10.0.0.2 nexthop via 10.1.0.2
    $ ip route get 20.0.0.1 from 10.0.0.1
    20.0.0.1 from 10.0.0.1 via 10.0.0.2 dev e0 uid 0
        cache
    $ ip route get 20.0.0.2 from 10.0.0.1
    20.0.0.2 from 10.0.0.1 via 10.0.0.2 dev e0 uid 0
        cache
    $ ip route get 20.0.0.3 from 10.0.0.1
    20.0.0.3 from 10.0.0.1 via 10.0.0.2 dev e0 uid 0
        cache
    $ ip route get 20.0.0.1 from 10.1.0.1
    20.0.0.1 from 10.1.0.1 via 10.1.0.2 dev e1 uid 0
        cache
    $ ip route get 20.0.0.2 from 10.1.0.1
    20.0.0.2 from 10.1.0.1 via 10.1.0.2 dev e1 uid 0
        cache
    $ ip route get 20.0.0.3 from 10.1.0.1
    20.0.0.3 from 10.1.0.1 via 10.1.0.2 dev e1 uid 0
        cache
    # No hop would choose this one: the hash decides.
    $ ip route get 20.0.0.1 from 10.2.0.1
    20.0.0.1 from 10.2.0.1 via 10.0.0.2 dev e0 uid 0
        cache
    $ ip route get 20.0.0.2 from 10.2.0.1
    20.0.0.2 from 10.2.0.1 via 10.0.0.2 dev e0 uid 0
        cache
    $ ip route get 20.0.0.3 from 10.2.0.1
    20.0.0.3 from 10.2.0.1 via 10.1.0.2 dev e1 uid 0
        cache
    "
);

point!(
    "C-054, C-055",
    failed_neighbours_are_passed_over_where_the_setting_says_so,
    TWO,
    "
    $ sysctl -qw net.ipv4.fib_multipath_hash_seed=12345
    $ ip route add 20.0.0.0/8 nexthop via 10.0.0.2 nexthop via 10.1.0.2
    $ ip neigh add 10.1.0.2 dev e1 nud failed
    $ ip route get 20.0.0.1
    20.0.0.1 via 10.0.0.2 dev e0 src 10.0.0.1 uid 0
        cache
    $ ip route get 20.0.0.2
    20.0.0.2 via 10.1.0.2 dev e1 src 10.1.0.1 uid 0
        cache
    $ ip route get 20.0.0.3
    20.0.0.3 via 10.1.0.2 dev e1 src 10.1.0.1 uid 0
        cache
    $ ip route get 20.0.0.4
    20.0.0.4 via 10.1.0.2 dev e1 src 10.1.0.1 uid 0
        cache
    $ sysctl -qw net.ipv4.fib_multipath_use_neigh=1
    $ ip route get 20.0.0.1
    20.0.0.1 via 10.0.0.2 dev e0 src 10.0.0.1 uid 0
        cache
    $ ip route get 20.0.0.2
    20.0.0.2 via 10.0.0.2 dev e0 src 10.0.0.1 uid 0
        cache
    $ ip route get 20.0.0.3
    20.0.0.3 via 10.0.0.2 dev e0 src 10.0.0.1 uid 0
        cache
    $ ip route get 20.0.0.4
    20.0.0.4 via 10.0.0.2 dev e0 src 10.0.0.1 uid 0
        cache
    # With every hop passed over the table's choice stays: the first.
    $ ip neigh add 10.0.0.2 dev e0 nud failed
    $ ip route get 20.0.0.1
    20.0.0.1 via 10.0.0.2 dev e0 src 10.0.0.1 uid 0
        cache
    $ ip route get 20.0.0.2
    20.0.0.2 via 10.0.0.2 dev e0 src 10.0.0.1 uid 0
        cache
    $ ip route get 20.0.0.3
    20.0.0.3 via 10.0.0.2 dev e0 src 10.0.0.1 uid 0
        cache
    $ ip route get 20.0.0.4
    20.0.0.4 via 10.0.0.2 dev e0 src 10.0.0.1 uid 0
        cache
    "
);

point!(
    "C-056, T-20",
    policy_0_hashes_addresses_and_no_ports,
    TWO,
    "
    $ sysctl -qw net.ipv4.fib_multipath_hash_seed=12345
    $ sysctl -qw net.ipv4.ip_forward=1
    $ ip route add 20.0.0.0/8 nexthop via 10.0.0.2 nexthop via 10.1.0.2
    $ ip route get 20.0.0.1 from 10.0.0.21 iif e0
    20.0.0.1 from 10.0.0.21 via 10.1.0.2 dev e1
        cache iif e0
    $ ip route get 20.0.0.1 from 10.0.0.22 iif e0
    20.0.0.1 from 10.0.0.22 via 10.0.0.2 dev e0
        cache <redirect> iif e0
    $ ip route get 20.0.0.1 from 10.0.0.23 iif e0
    20.0.0.1 from 10.0.0.23 via 10.0.0.2 dev e0
        cache <redirect> iif e0
    $ ip route get 20.0.0.1 from 10.0.0.24 iif e0
    20.0.0.1 from 10.0.0.24 via 10.0.0.2 dev e0
        cache <redirect> iif e0
    $ ip route get 20.0.0.1 from 10.0.0.25 iif e0
    20.0.0.1 from 10.0.0.25 via 10.1.0.2 dev e1
        cache iif e0
    $ ip route get 20.0.0.1 from 10.0.0.26 iif e0
    20.0.0.1 from 10.0.0.26 via 10.0.0.2 dev e0
        cache <redirect> iif e0
    $ ip route get 20.0.0.1 ipproto tcp sport 1000 dport 80
    20.0.0.1 via 10.0.0.2 dev e0 src 10.0.0.1 uid 0
        cache
    $ ip route get 20.0.0.1 ipproto tcp sport 1000 dport 81
    20.0.0.1 via 10.0.0.2 dev e0 src 10.0.0.1 uid 0
        cache
    $ ip route get 20.0.0.1 ipproto udp sport 1000 dport 82
    20.0.0.1 via 10.0.0.2 dev e0 src 10.0.0.1 uid 0
        cache
    "
);

point!(
    "C-057, C-061, T-20",
    policy_1_hashes_ports_and_protocol_too,
    TWO,
    "
    $ sysctl -qw net.ipv4.fib_multipath_hash_seed=12345
    $ sysctl -qw net.ipv4.fib_multipath_hash_policy=1
    $ ip route add 20.0.0.0/8 nexthop via 10.0.0.2 nexthop via 10.1.0.2
    $ ip route get 20.0.0.1 ipproto tcp sport 1000 dport 80
    20.0.0.1 via 10.1.0.2 dev e1 src 10.1.0.1 uid 0
        cache
    $ ip route get 20.0.0.1 ipproto tcp sport 1000 dport 81
    20.0.0.1 via 10.1.0.2 dev e1 src 10.1.0.1 uid 0
        cache
    $ ip route get 20.0.0.1 ipproto tcp sport 1000 dport 82
    20.0.0.1 via 10.0.0.2 dev e0 src 10.0.0.1 uid 0
        cache
    $ ip route get 20.0.0.1 ipproto tcp sport 1000 dport 83
    20.0.0.1 via 10.1.0.2 dev e1 src 10.1.0.1 uid 0
        cache
    $ ip route get 20.0.0.1 ipproto tcp sport 1000 dport 84
    20.0.0.1 via 10.0.0.2 dev e0 src 10.0.0.1 uid 0
        cache
    $ ip route get 20.0.0.1 ipproto tcp sport 1000 dport 85
    20.0.0.1 via 10.1.0.2 dev e1 src 10.1.0.1 uid 0
        cache
    $ ip route get 20.0.0.1 ipproto tcp sport 1000 dport 86
    20.0.0.1 via 10.0.0.2 dev e0 src 10.0.0.1 uid 0
        cache
    $ ip route get 20.0.0.1 ipproto tcp sport 1000 dport 87
    20.0.0.1 via 10.0.0.2 dev e0 src 10.0.0.1 uid 0
        cache
    "
);

point!(
    "C-058",
    policy_2_without_a_tunnel_is_policy_0,
    TWO,
    "
    $ sysctl -qw net.ipv4.fib_multipath_hash_seed=12345
    $ sysctl -qw net.ipv4.fib_multipath_hash_policy=2
    $ ip route add 20.0.0.0/8 nexthop via 10.0.0.2 nexthop via 10.1.0.2
    $ ip route get 20.0.0.1
    20.0.0.1 via 10.0.0.2 dev e0 src 10.0.0.1 uid 0
        cache
    $ ip route get 20.0.0.2
    20.0.0.2 via 10.1.0.2 dev e1 src 10.1.0.1 uid 0
        cache
    $ ip route get 20.0.0.3
    20.0.0.3 via 10.1.0.2 dev e1 src 10.1.0.1 uid 0
        cache
    $ ip route get 20.0.0.4
    20.0.0.4 via 10.1.0.2 dev e1 src 10.1.0.1 uid 0
        cache
    $ ip route get 20.0.0.5
    20.0.0.5 via 10.1.0.2 dev e1 src 10.1.0.1 uid 0
        cache
    $ ip route get 20.0.0.6
    20.0.0.6 via 10.1.0.2 dev e1 src 10.1.0.1 uid 0
        cache
    $ ip route get 20.0.0.7
    20.0.0.7 via 10.1.0.2 dev e1 src 10.1.0.1 uid 0
        cache
    $ ip route get 20.0.0.8
    20.0.0.8 via 10.0.0.2 dev e0 src 10.0.0.1 uid 0
        cache
    "
);

point!(
    "C-059",
    policy_3_hashes_the_fields_that_are_named,
    TWO,
    "
    $ sysctl -qw net.ipv4.fib_multipath_hash_seed=12345
    $ sysctl -qw net.ipv4.ip_forward=1
    $ sysctl net.ipv4.fib_multipath_hash_fields
    net.ipv4.fib_multipath_hash_fields = 7
    $ sysctl -qw net.ipv4.fib_multipath_hash_policy=3
    $ ip route add 20.0.0.0/8 nexthop via 10.0.0.2 nexthop via 10.1.0.2
    # Only the destination port.
    $ sysctl -qw net.ipv4.fib_multipath_hash_fields=0x20
    $ ip route get 20.0.0.1 ipproto tcp sport 1000 dport 80
    20.0.0.1 via 10.0.0.2 dev e0 src 10.0.0.1 uid 0
        cache
    $ ip route get 20.0.0.2 ipproto tcp sport 1001 dport 80
    20.0.0.2 via 10.0.0.2 dev e0 src 10.0.0.1 uid 0
        cache
    $ ip route get 20.0.0.3 ipproto udp sport 1002 dport 80
    20.0.0.3 via 10.0.0.2 dev e0 src 10.0.0.1 uid 0
        cache
    $ ip route get 20.0.0.1 ipproto tcp sport 1000 dport 81
    20.0.0.1 via 10.0.0.2 dev e0 src 10.0.0.1 uid 0
        cache
    $ ip route get 20.0.0.1 ipproto tcp sport 1000 dport 82
    20.0.0.1 via 10.1.0.2 dev e1 src 10.1.0.1 uid 0
        cache
    $ ip route get 20.0.0.1 ipproto tcp sport 1000 dport 83
    20.0.0.1 via 10.1.0.2 dev e1 src 10.1.0.1 uid 0
        cache
    # Only the source.
    $ sysctl -qw net.ipv4.fib_multipath_hash_fields=1
    $ ip route get 20.0.0.1 from 10.0.0.21 iif e0
    20.0.0.1 from 10.0.0.21 via 10.1.0.2 dev e1
        cache iif e0
    $ ip route get 20.0.0.9 from 10.0.0.21 iif e0
    20.0.0.9 from 10.0.0.21 via 10.1.0.2 dev e1
        cache iif e0
    $ ip route get 20.0.0.1 from 10.0.0.22 iif e0
    20.0.0.1 from 10.0.0.22 via 10.0.0.2 dev e0
        cache <redirect> iif e0
    $ ip route get 20.0.0.1 from 10.0.0.23 iif e0
    20.0.0.1 from 10.0.0.23 via 10.0.0.2 dev e0
        cache <redirect> iif e0
    $ ip route get 20.0.0.1 from 10.0.0.24 iif e0
    20.0.0.1 from 10.0.0.24 via 10.0.0.2 dev e0
        cache <redirect> iif e0
    "
);

point!(
    "C-060",
    which_values_the_hash_settings_take,
    TWO,
    "
    $ sysctl -w net.ipv4.fib_multipath_hash_policy=3
    net.ipv4.fib_multipath_hash_policy = 3
    $ sysctl -w net.ipv4.fib_multipath_hash_policy=4
    ! sysctl: setting key \"net.ipv4.fib_multipath_hash_policy\": Invalid argument
    [1]
    $ sysctl -w net.ipv4.fib_multipath_hash_fields=0
    ! sysctl: setting key \"net.ipv4.fib_multipath_hash_fields\": Invalid argument
    [1]
    $ sysctl -w net.ipv4.fib_multipath_hash_fields=4095
    net.ipv4.fib_multipath_hash_fields = 4095
    $ sysctl -w net.ipv4.fib_multipath_hash_fields=4096
    ! sysctl: setting key \"net.ipv4.fib_multipath_hash_fields\": Invalid argument
    [1]
    "
);

// The source is chosen after the hop: naming one in the route changes no choice.
point!(
    "C-062",
    a_question_without_source_hashes_as_source_0,
    TWO,
    "
    $ sysctl -qw net.ipv4.fib_multipath_hash_seed=12345
    $ ip route add 20.0.0.0/8 src 10.1.0.1 nexthop via 10.0.0.2 nexthop via 10.1.0.2
    $ ip route get 20.0.0.1
    20.0.0.1 via 10.0.0.2 dev e0 src 10.1.0.1 uid 0
        cache
    $ ip route get 20.0.0.2
    20.0.0.2 via 10.1.0.2 dev e1 src 10.1.0.1 uid 0
        cache
    $ ip route get 20.0.0.3
    20.0.0.3 via 10.1.0.2 dev e1 src 10.1.0.1 uid 0
        cache
    $ ip route get 20.0.0.4
    20.0.0.4 via 10.1.0.2 dev e1 src 10.1.0.1 uid 0
        cache
    $ ip route get 20.0.0.5
    20.0.0.5 via 10.1.0.2 dev e1 src 10.1.0.1 uid 0
        cache
    $ ip route get 20.0.0.6
    20.0.0.6 via 10.1.0.2 dev e1 src 10.1.0.1 uid 0
        cache
    $ ip route get 20.0.0.7
    20.0.0.7 via 10.1.0.2 dev e1 src 10.1.0.1 uid 0
        cache
    $ ip route get 20.0.0.8
    20.0.0.8 via 10.0.0.2 dev e0 src 10.1.0.1 uid 0
        cache
    "
);

point!(
    "C-068",
    on_a_device_with_one_neighbour_its_state_is_that_of_every_gateway,
    TWO,
    "
    $ sysctl -qw net.ipv4.fib_multipath_hash_seed=12345
    $ sysctl -qw net.ipv4.fib_multipath_use_neigh=1
    $ ip tuntap add tun0 mode tun
    $ ip link set tun0 up
    $ ip addr add 10.9.0.1/24 dev tun0
    $ ip route add 20.0.0.0/8 nexthop via 10.9.0.2 nexthop via 10.0.0.2
    $ ip route get 20.0.0.1
    20.0.0.1 via 10.9.0.2 dev tun0 src 10.9.0.1 uid 0
        cache
    $ ip neigh add 10.9.0.77 dev tun0 nud failed
    $ ip route get 20.0.0.1
    20.0.0.1 via 10.0.0.2 dev e0 src 10.0.0.1 uid 0
        cache
    "
);

point!(
    "C-069",
    a_resilient_group_picks_the_bucket_that_the_hash_falls_into,
    TWO,
    "
    $ sysctl -qw net.ipv4.fib_multipath_hash_seed=12345
    $ ip nexthop add id 1 via 10.0.0.2 dev e0
    $ ip nexthop add id 2 via 10.1.0.2 dev e1
    $ ip nexthop add id 10 group 1,3/2 type resilient buckets 8
    $ ip route add 20.0.0.0/8 nhid 10
    $ ip route get 20.0.0.1
    20.0.0.1 via 10.0.0.2 dev e0 src 10.0.0.1 uid 0
        cache
    $ ip route get 20.0.0.2
    20.0.0.2 via 10.0.0.2 dev e0 src 10.0.0.1 uid 0
        cache
    $ ip route get 20.0.0.3
    20.0.0.3 via 10.0.0.2 dev e0 src 10.0.0.1 uid 0
        cache
    $ ip route get 20.0.0.4
    20.0.0.4 via 10.0.0.2 dev e0 src 10.0.0.1 uid 0
        cache
    $ ip route get 20.0.0.5
    20.0.0.5 via 10.1.0.2 dev e1 src 10.1.0.1 uid 0
        cache
    $ ip route get 20.0.0.6
    20.0.0.6 via 10.0.0.2 dev e0 src 10.0.0.1 uid 0
        cache
    "
);

point!(
    "C-059",
    with_inner_fields_alone_an_unwrapped_packet_s_hash_is_of_nothing,
    TWO,
    "
    $ sysctl -qw net.ipv4.fib_multipath_hash_seed=1
    $ sysctl -qw net.ipv4.fib_multipath_hash_policy=3
    $ sysctl -qw net.ipv4.fib_multipath_hash_fields=0x0300
    $ ip route add 20.0.0.0/8 nexthop via 10.0.0.2 nexthop via 10.1.0.2
    $ ip route get 20.0.0.1
    20.0.0.1 via 10.0.0.2 dev e0 src 10.0.0.1 uid 0
        cache
    $ ip route get 20.0.0.2
    20.0.0.2 via 10.0.0.2 dev e0 src 10.0.0.1 uid 0
        cache
    $ ip route get 20.0.0.3
    20.0.0.3 via 10.0.0.2 dev e0 src 10.0.0.1 uid 0
        cache
    $ ip route get 20.0.0.4
    20.0.0.4 via 10.0.0.2 dev e0 src 10.0.0.1 uid 0
        cache
    "
);

point!(
    "C-057",
    ports_of_forwarded_packets_are_hashed_too,
    TWO,
    "
    $ sysctl -qw net.ipv4.ip_forward=1
    $ sysctl -qw net.ipv4.fib_multipath_hash_seed=12345
    $ sysctl -qw net.ipv4.fib_multipath_hash_policy=1
    $ ip route add 20.0.0.0/8 nexthop via 10.1.0.2 nexthop via 10.1.0.3
    $ ip route get 20.0.0.1 from 10.0.0.9 iif e0 ipproto udp sport 1 dport 53
    20.0.0.1 from 10.0.0.9 via 10.1.0.3 dev e1
        cache iif e0
    $ ip route get 20.0.0.1 from 10.0.0.9 iif e0 ipproto udp sport 2 dport 53
    20.0.0.1 from 10.0.0.9 via 10.1.0.2 dev e1
        cache iif e0
    $ ip route get 20.0.0.1 from 10.0.0.9 iif e0 ipproto udp sport 3 dport 53
    20.0.0.1 from 10.0.0.9 via 10.1.0.2 dev e1
        cache iif e0
    $ ip route get 20.0.0.1 from 10.0.0.9 iif e0 ipproto udp sport 4 dport 53
    20.0.0.1 from 10.0.0.9 via 10.1.0.2 dev e1
        cache iif e0
    $ ip route get 20.0.0.1 from 10.0.0.9 iif e0 ipproto udp sport 1 dport 54
    20.0.0.1 from 10.0.0.9 via 10.1.0.3 dev e1
        cache iif e0
    $ ip route get 20.0.0.1 from 10.0.0.9 iif e0 ipproto udp sport 1 dport 55
    20.0.0.1 from 10.0.0.9 via 10.1.0.2 dev e1
        cache iif e0
    $ ip route get 20.0.0.1 from 10.0.0.9 iif e0 ipproto udp sport 1 dport 56
    20.0.0.1 from 10.0.0.9 via 10.1.0.2 dev e1
        cache iif e0
    $ ip route get 20.0.0.1 from 10.0.0.9 iif e0 ipproto tcp sport 1 dport 53
    20.0.0.1 from 10.0.0.9 via 10.1.0.3 dev e1
        cache iif e0
    $ ip route get 20.0.0.1 from 10.0.0.9 iif e0 ipproto tcp sport 2 dport 53
    20.0.0.1 from 10.0.0.9 via 10.1.0.2 dev e1
        cache iif e0
    $ ip route get 20.0.0.1 from 10.0.0.9 iif e0 ipproto tcp sport 3 dport 53
    20.0.0.1 from 10.0.0.9 via 10.1.0.2 dev e1
        cache iif e0
    "
);
