//! Several default routes and the neighbours of their gateways (C-152, C-153).

use crate::support::{TWO, point};

point!(
    "C-152",
    among_equal_defaults_the_first_whose_gateway_is_not_dead_is_used,
    TWO,
    "
    $ ip route add default via 10.0.0.2
    $ ip route append default via 10.0.0.3
    $ ip route append default via 10.1.0.2
    $ ip route get 8.8.8.8
    8.8.8.8 via 10.0.0.2 dev e0 src 10.0.0.1 uid 0
        cache
    $ ip neigh add 10.0.0.2 dev e0 nud failed
    $ ip route get 8.8.8.8
    8.8.8.8 via 10.0.0.3 dev e0 src 10.0.0.1 uid 0
        cache
    $ ip neigh add 10.0.0.3 dev e0 nud failed
    $ ip neigh add 10.1.0.2 dev e1 lladdr 02:00:00:00:00:09 nud reachable
    $ ip route get 8.8.8.8
    8.8.8.8 via 10.1.0.2 dev e1 src 10.1.0.1 uid 0
        cache
    $ ip route get 8.8.8.8 oif e0
    8.8.8.8 via 10.0.0.2 dev e0 src 10.0.0.1 uid 0
        cache
    $ ip neigh replace 10.0.0.2 dev e0 lladdr 02:00:00:00:00:0a nud permanent
    $ ip route get 8.8.8.8
    8.8.8.8 via 10.0.0.2 dev e0 src 10.0.0.1 uid 0
        cache
    "
);

point!(
    "C-152",
    a_valid_gateway_that_is_not_reachable_loses_only_while_it_is_the_choice,
    TWO,
    "
    # A stale entry is valid; it counts as dead while it is the current choice.
    $ ip route add default via 10.0.0.2
    $ ip route append default via 10.0.0.3
    $ ip neigh add 10.0.0.2 dev e0 lladdr 02:00:00:00:00:0a nud permanent
    $ ip neigh add 10.0.0.3 dev e0 lladdr 02:00:00:00:00:0b nud permanent
    $ ip route get 8.8.8.8
    8.8.8.8 via 10.0.0.2 dev e0 src 10.0.0.1 uid 0
        cache
    $ ip route get 8.8.8.8
    8.8.8.8 via 10.0.0.3 dev e0 src 10.0.0.1 uid 0
        cache
    $ ip route get 8.8.8.8
    8.8.8.8 via 10.0.0.2 dev e0 src 10.0.0.1 uid 0
        cache
    "
);

point!(
    "C-152",
    when_all_gateways_are_dead_a_last_resort_is_kept,
    TWO,
    "
    $ ip route add default via 10.0.0.2
    $ ip route append default via 10.0.0.3
    $ ip neigh add 10.0.0.2 dev e0 nud failed
    $ ip neigh add 10.0.0.3 dev e0 nud failed
    $ ip route get 8.8.8.8
    8.8.8.8 via 10.0.0.2 dev e0 src 10.0.0.1 uid 0
        cache
    $ ip route get 8.8.8.8
    8.8.8.8 via 10.0.0.3 dev e0 src 10.0.0.1 uid 0
        cache
    "
);

point!(
    "C-152",
    a_default_of_another_scope_or_with_a_device_only_does_not_stand_in,
    TWO,
    "
    $ ip route add default via 10.0.0.2
    $ ip route append default dev e1
    $ ip neigh add 10.0.0.2 dev e0 nud failed
    $ ip route get 8.8.8.8
    8.8.8.8 via 10.0.0.2 dev e0 src 10.0.0.1 uid 0
        cache
    "
);

point!(
    "C-152",
    defaults_with_another_tos_are_another_class,
    TWO,
    "
    $ ip route add default via 10.0.0.2 tos 0x10
    $ ip route append default via 10.0.0.3 tos 0x10
    $ ip route add default via 10.1.0.2
    $ ip neigh add 10.0.0.2 dev e0 nud failed
    $ ip route get 8.8.8.8 tos 0x10
    8.8.8.8 tos 0x10 via 10.0.0.3 dev e0 src 10.0.0.1 uid 0
        cache
    $ ip route get 8.8.8.8
    8.8.8.8 via 10.1.0.2 dev e1 src 10.1.0.1 uid 0
        cache
    "
);

point!(
    "C-153",
    a_worse_metric_is_no_fallback,
    TWO,
    "
    $ ip route add default via 10.0.0.2
    $ ip route add default via 10.1.0.2 metric 10
    $ ip neigh add 10.0.0.2 dev e0 nud failed
    $ ip neigh add 10.1.0.2 dev e1 lladdr 02:00:00:00:00:09 nud reachable
    $ ip route get 8.8.8.8
    8.8.8.8 via 10.0.0.2 dev e0 src 10.0.0.1 uid 0
        cache
    $ ip route get 8.8.8.8
    8.8.8.8 via 10.0.0.2 dev e0 src 10.0.0.1 uid 0
        cache
    "
);

point!(
    "C-152",
    equal_defaults_in_another_table_or_of_another_metric_do_not_mix,
    TWO,
    "
    $ ip route add default via 10.0.0.2 metric 5
    $ ip route append default via 10.0.0.3 metric 5
    $ ip route append default via 10.1.0.2 metric 7
    $ ip route add default via 10.1.0.3 table 5
    $ ip neigh add 10.0.0.2 dev e0 nud failed
    $ ip neigh add 10.0.0.3 dev e0 lladdr 02:00:00:00:00:0b nud reachable
    $ ip route get 8.8.8.8
    8.8.8.8 via 10.0.0.3 dev e0 src 10.0.0.1 uid 0
        cache
    $ ip neigh replace 10.0.0.3 dev e0 nud failed
    $ ip neigh add 10.1.0.2 dev e1 lladdr 02:00:00:00:00:0c nud reachable
    $ ip route get 8.8.8.8
    8.8.8.8 via 10.0.0.2 dev e0 src 10.0.0.1 uid 0
        cache
    $ ip route get 8.8.8.8
    8.8.8.8 via 10.0.0.2 dev e0 src 10.0.0.1 uid 0
        cache
    "
);

point!(
    "C-152",
    a_default_that_is_dead_or_not_unicast_or_onlink_stands_aside,
    TWO,
    "
    $ ip route add default via 10.0.0.2
    $ ip route append unreachable default
    $ ip route append default via 10.1.0.2
    $ ip neigh add 10.0.0.2 dev e0 nud failed
    $ ip route get 8.8.8.8
    8.8.8.8 via 10.1.0.2 dev e1 src 10.1.0.1 uid 0
        cache
    $ ip route append default via 10.0.0.4
    $ ip route get 8.8.8.8
    8.8.8.8 via 10.1.0.2 dev e1 src 10.1.0.1 uid 0
        cache
    $ ip link set e1 down
    $ ip route get 8.8.8.8
    8.8.8.8 via 10.0.0.4 dev e0 src 10.0.0.1 uid 0
        cache
    "
);

point!(
    "C-152",
    longer_routes_from_0_0_0_0_and_those_of_the_shared_trie_are_no_defaults,
    TWO,
    "
    $ ip route add default via 10.0.0.2
    $ ip route append default via 10.0.0.3
    $ ip route add 0.0.0.0/8 via 10.1.0.7
    $ ip route add 0.0.0.0/1 via 10.1.0.8
    $ ip neigh add 10.0.0.2 dev e0 nud failed
    $ ip route get 200.1.1.1
    200.1.1.1 via 10.0.0.3 dev e0 src 10.0.0.1 uid 0
        cache
    $ ip route del 0.0.0.0/1
    $ ip neigh add 10.0.0.3 dev e0 nud failed
    $ ip route get 200.1.1.1
    200.1.1.1 via 10.0.0.2 dev e0 src 10.0.0.1 uid 0
        cache
    $ ip neigh add 10.1.0.7 dev e1 nud failed
    $ ip route add default via 10.1.0.7 table local
    $ ip route get 200.1.1.1
    200.1.1.1 via 10.1.0.7 dev e1 src 10.1.0.1 uid 0
        cache
    $ ip route get 200.1.1.1
    200.1.1.1 via 10.1.0.7 dev e1 src 10.1.0.1 uid 0
        cache
    "
);

point!(
    "C-152",
    two_classes_of_tos_choose_apart,
    TWO,
    "
    $ ip route add default via 10.0.0.2 tos 0x10 metric 3
    $ ip route append default via 10.0.0.3 tos 0x10 metric 3
    $ ip route add default via 10.1.0.2 tos 0x08
    $ ip route add default via 10.1.0.3 metric 1
    $ ip route append default via 10.1.0.4 metric 1
    $ ip neigh add 10.0.0.2 dev e0 nud failed
    $ ip neigh add 10.0.0.3 dev e0 nud failed
    $ ip neigh add 10.1.0.3 dev e1 nud failed
    $ ip route get 8.8.8.8 tos 0x10
    8.8.8.8 tos 0x10 via 10.1.0.4 dev e1 src 10.1.0.1 uid 0
        cache
    $ ip route get 8.8.8.8 tos 0x10
    8.8.8.8 tos 0x10 via 10.1.0.4 dev e1 src 10.1.0.1 uid 0
        cache
    $ ip route get 8.8.8.8 tos 0x08
    8.8.8.8 tos 0x08 via 10.1.0.2 dev e1 src 10.1.0.1 uid 0
        cache
    $ ip route get 8.8.8.8
    8.8.8.8 via 10.1.0.4 dev e1 src 10.1.0.1 uid 0
        cache
    $ ip route get 8.8.8.8 tos 0x04
    8.8.8.8 via 10.1.0.4 dev e1 src 10.1.0.1 uid 0
        cache
    "
);

point!(
    "C-153",
    a_choice_among_one_is_forgotten_when_others_come,
    TWO,
    "
    $ ip route add default via 10.0.0.2
    $ ip route append default dev e1
    $ ip route get 8.8.8.8
    8.8.8.8 via 10.0.0.2 dev e0 src 10.0.0.1 uid 0
        cache
    $ ip neigh add 10.0.0.2 dev e0 nud failed
    $ ip neigh add 10.0.0.3 dev e0 lladdr 02:00:00:00:00:09 nud stale
    $ ip neigh add 10.1.0.2 dev e1 lladdr 02:00:00:00:00:0a nud stale
    $ ip route append default via 10.0.0.3
    $ ip route append default via 10.1.0.2
    $ ip route get 8.8.8.8
    8.8.8.8 via 10.0.0.3 dev e0 src 10.0.0.1 uid 0
        cache
    $ ip route get 8.8.8.8
    8.8.8.8 via 10.1.0.2 dev e1 src 10.1.0.1 uid 0
        cache
    "
);

point!(
    "C-152",
    each_default_route_remembers_its_own_choice,
    TWO,
    "
    $ ip route add default via 10.0.0.2
    $ ip route append default via 10.0.0.3
    $ ip route add default via 10.0.0.2 tos 0x10
    $ ip route append default via 10.0.0.3 tos 0x10
    $ ip neigh add 10.0.0.2 dev e0 lladdr 02:00:00:00:00:09 nud stale
    $ ip neigh add 10.0.0.3 dev e0 lladdr 02:00:00:00:00:0a nud stale
    $ ip route get 8.8.8.8
    8.8.8.8 via 10.0.0.2 dev e0 src 10.0.0.1 uid 0
        cache
    $ ip route get 8.8.8.8 tos 0x10
    8.8.8.8 tos 0x10 via 10.0.0.2 dev e0 src 10.0.0.1 uid 0
        cache
    $ ip route get 8.8.8.8
    8.8.8.8 via 10.0.0.3 dev e0 src 10.0.0.1 uid 0
        cache
    $ ip route get 8.8.8.8 tos 0x10
    8.8.8.8 tos 0x10 via 10.0.0.3 dev e0 src 10.0.0.1 uid 0
        cache
    $ ip route del default via 10.0.0.2 tos 0
    $ ip route prepend default via 10.0.0.2
    $ ip route get 8.8.8.8
    8.8.8.8 via 10.0.0.2 dev e0 src 10.0.0.1 uid 0
        cache
    "
);

point!(
    "C-153",
    when_all_gateways_fail_the_last_choice_is_forgotten,
    TWO,
    "
    $ ip route add default via 10.0.0.2
    $ ip route append default via 10.0.0.3
    $ ip route append default via 10.1.0.2
    $ ip neigh add 10.0.0.2 dev e0 nud failed
    $ ip neigh add 10.0.0.3 dev e0 nud failed
    $ ip neigh add 10.1.0.2 dev e1 lladdr 02:00:00:00:00:0a nud reachable
    $ ip route get 8.8.8.8
    8.8.8.8 via 10.1.0.2 dev e1 src 10.1.0.1 uid 0
        cache
    $ ip neigh replace 10.1.0.2 dev e1 nud failed
    $ ip route get 8.8.8.8
    8.8.8.8 via 10.0.0.2 dev e0 src 10.0.0.1 uid 0
        cache
    $ ip neigh replace 10.0.0.3 dev e0 lladdr 02:00:00:00:00:0b nud stale
    $ ip neigh replace 10.1.0.2 dev e1 lladdr 02:00:00:00:00:0a nud stale
    $ ip route get 8.8.8.8
    8.8.8.8 via 10.0.0.3 dev e0 src 10.0.0.1 uid 0
        cache
    "
);
