//! Next hops as objects (C-063 to C-069, T-30, T-31).

use crate::support::{TWO, point};

point!(
    "C-063",
    what_a_single_hop_needs,
    TWO,
    "
    $ ip nexthop add id 1 via 10.0.0.9
    ! Error: Device attribute required for non-blackhole and non-fdb nexthops.
    [2]
    $ ip nexthop add id 1 dev e0 onlink
    ! Error: ONLINK flag can not be set for nexthop without a gateway.
    [2]
    $ ip nexthop add id 1 via 77.0.0.1 dev e0
    ! Error: Nexthop has invalid gateway.
    [2]
    $ ip nexthop add id 1 via 77.0.0.1 dev e0 onlink
    $ ip nexthop add id 1 dev e0
    ! RTNETLINK answers: File exists
    [2]
    $ ip nexthop add id 2 blackhole
    $ ip nexthop add id 3 dev e0
    $ ip nexthop del id 9
    ! RTNETLINK answers: No such file or directory
    [2]
    $ ip nexthop get id 9
    ! RTNETLINK answers: No such file or directory
    [2]
    $ ip nexthop
    id 1 via 77.0.0.1 dev e0 scope link onlink
    id 2 blackhole
    id 3 dev e0 scope host
    $ ip link set e1 down
    $ ip nexthop add id 4 dev e1
    ! Error: Nexthop device is not up.
    [2]
    $ ip link set e1 up
    $ ip link set p1 down
    $ ip nexthop add id 4 dev e1
    ! Error: Carrier for nexthop device is down.
    [2]
    "
);

point!(
    "C-064, T-30",
    what_a_group_may_hold,
    TWO,
    "
    $ ip nexthop add id 1 via 10.0.0.2 dev e0
    $ ip nexthop add id 2 via 10.1.0.2 dev e1
    $ ip nexthop add id 3 blackhole
    $ ip nexthop add id 4 via 10.0.0.7 fdb
    $ ip nexthop add id 10 group 1/9
    ! Error: Invalid nexthop id.
    [2]
    $ ip nexthop add id 10 group 1/1
    ! Error: Nexthop id can not be used twice in a group.
    [2]
    $ ip nexthop add id 10 group 1/3
    ! Error: Blackhole nexthop can not be used in a group with more than 1 path.
    [2]
    $ ip nexthop add id 10 group 1/4
    ! Error: Non FDB nexthop group cannot have fdb nexthops.
    [2]
    $ ip nexthop add id 10 group 1,3/2
    $ ip nexthop add id 11 group 10
    ! Error: Hash-threshold group can not be a nexthop within a group.
    [2]
    $ ip nexthop add id 12 group 1/2 type resilient buckets 4
    $ ip nexthop add id 13 group 12
    ! Error: Resilient group can not be a nexthop within a group.
    [2]
    $ ip nexthop add id 14 group 3
    $ ip -4 nexthop add id 15 group 1/2
    ! Error: Invalid family for group.
    [2]
    $ ip nexthop show groups
    id 10 group 1,3/2
    id 12 group 1/2 type resilient buckets 4 idle_timer 120 unbalanced_timer 0 unbalanced_time 0
    id 14 group 3
    "
);

point!(
    "T-30",
    copies_of_a_leg_are_fine_in_a_route,
    TWO,
    "
    $ ip route add 20.0.0.0/8 nexthop via 10.0.0.2 nexthop via 10.0.0.2
    $ ip route show 20.0.0.0/8
    20.0.0.0/8
        nexthop via 10.0.0.2 dev e0 weight 1
        nexthop via 10.0.0.2 dev e0 weight 1
    "
);

point!(
    "C-065",
    routes_by_object_as_they_are_listed,
    TWO,
    "
    $ ip nexthop add id 1 via 10.0.0.2 dev e0
    $ ip nexthop add id 2 via 10.1.0.2 dev e1
    $ ip nexthop add id 3 blackhole
    $ ip nexthop add id 4 via 10.0.0.7 fdb
    $ ip nexthop add id 10 group 1,3/2
    $ ip route add 20.0.0.0/8 nhid 77
    ! Error: Nexthop id does not exist.
    [2]
    $ ip route add 20.0.0.0/8 nhid 4
    ! Error: Route cannot point to a fdb nexthop.
    [2]
    $ ip route add 20.0.0.0/8 nhid 10
    $ ip route add 21.0.0.0/8 nhid 1
    $ ip route add 22.0.0.0/8 nhid 3
    $ ip route show proto boot
    20.0.0.0/8 nhid 10
        nexthop via 10.0.0.2 dev e0 weight 3
        nexthop via 10.1.0.2 dev e1 weight 1
    21.0.0.0/8 nhid 1 via 10.0.0.2 dev e0
    blackhole 22.0.0.0/8 nhid 3 dev lo
    $ sysctl -qw net.ipv4.nexthop_compat_mode=0
    $ ip route show proto boot
    20.0.0.0/8 nhid 10
    21.0.0.0/8 nhid 1
    blackhole 22.0.0.0/8 nhid 3
    "
);

point!(
    "C-030, C-065",
    a_route_by_object_is_deleted_by_its_number_only,
    TWO,
    "
    $ ip nexthop add id 1 via 10.0.0.2 dev e0
    $ ip nexthop add id 2 via 10.0.0.3 dev e0
    $ ip route add 20.0.0.0/8 nhid 1
    $ ip route del 20.0.0.0/8 via 10.0.0.2
    ! RTNETLINK answers: No such process
    [2]
    $ ip route del 20.0.0.0/8 dev e0
    ! RTNETLINK answers: No such process
    [2]
    $ ip route del 20.0.0.0/8 nhid 2
    ! RTNETLINK answers: No such process
    [2]
    $ ip route del 20.0.0.0/8 nhid 1
    $ ip route show 20.0.0.0/8
    "
);

point!(
    "C-066, T-31",
    replacing_changes_routes_and_deleting_takes_them,
    TWO,
    "
    $ ip nexthop add id 1 via 10.0.0.2 dev e0
    $ ip nexthop add id 2 via 10.1.0.2 dev e1
    $ ip nexthop add id 10 group 1/2
    $ ip nexthop add id 11 group 1
    $ ip route add 20.0.0.0/8 nhid 1
    $ ip route add 21.0.0.0/8 nhid 10
    $ ip route add 22.0.0.0/8 nhid 11
    $ ip route get 20.0.0.1
    20.0.0.1 via 10.0.0.2 dev e0 src 10.0.0.1 uid 0
        cache
    $ ip nexthop replace id 1 via 10.1.0.7 dev e1
    $ ip route get 20.0.0.1
    20.0.0.1 via 10.1.0.7 dev e1 src 10.1.0.1 uid 0
        cache
    $ ip route show proto boot
    20.0.0.0/8 nhid 1 via 10.1.0.7 dev e1
    21.0.0.0/8 nhid 10
        nexthop via 10.1.0.7 dev e1 weight 1
        nexthop via 10.1.0.2 dev e1 weight 1
    22.0.0.0/8 nhid 11 via 10.1.0.7 dev e1
    $ ip nexthop del id 1
    $ ip nexthop
    id 2 via 10.1.0.2 dev e1 scope link
    id 10 group 2
    $ ip route show proto boot
    21.0.0.0/8 nhid 10 via 10.1.0.2 dev e1
    "
);

point!(
    "C-067",
    a_device_down_or_without_carrier_takes_its_objects_for_good,
    TWO,
    "
    $ ip nexthop add id 1 via 10.0.0.2 dev e0
    $ ip nexthop add id 2 via 10.1.0.2 dev e1
    $ ip nexthop add id 3 blackhole
    $ ip nexthop add id 10 group 1/2
    $ ip route add 20.0.0.0/8 nhid 1
    $ ip route add 21.0.0.0/8 nhid 10
    $ ip route add 22.0.0.0/8 nhid 3
    $ ip link set p0 down
    $ ip nexthop
    id 2 via 10.1.0.2 dev e1 scope link
    id 3 blackhole
    id 10 group 2
    $ ip link set e1 down
    $ ip nexthop
    id 3 blackhole
    $ ip link set p0 up
    $ ip link set e1 up
    $ ip nexthop
    id 3 blackhole
    $ ip route show proto boot
    blackhole 22.0.0.0/8 nhid 3 dev lo
    "
);

point!(
    "C-068",
    a_group_passes_members_with_failed_neighbours_over,
    TWO,
    "
    $ sysctl -qw net.ipv4.fib_multipath_hash_seed=12345
    $ ip nexthop add id 1 via 10.0.0.2 dev e0
    $ ip nexthop add id 2 via 10.1.0.2 dev e1
    $ ip nexthop add id 10 group 1/2
    $ ip route add 20.0.0.0/8 nhid 10
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
    $ ip neigh add 10.1.0.2 dev e1 nud failed
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
    # No good member at all: the first.
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
    "C-069",
    buckets_are_filled_from_the_last_member_on_and_moved_with_weights,
    TWO,
    "
    $ ip nexthop add id 1 via 10.0.0.2 dev e0
    $ ip nexthop add id 2 via 10.0.0.3 dev e0
    $ ip nexthop add id 3 via 10.1.0.2 dev e1
    $ ip nexthop add id 10 group 1/2 type resilient
    ! Error: Number of buckets not specified for nexthop group insertion.
    [2]
    $ ip nexthop add id 10 group 1/2 type resilient buckets 0
    ! Error: Number of buckets needs to be non-0.
    [2]
    $ ip nexthop add id 10 group 1,3/3,1 type resilient buckets 8
    $ ip nexthop bucket show id 10
    id 10 index 0 idle_time 0 nhid 3
    id 10 index 1 idle_time 0 nhid 3
    id 10 index 2 idle_time 0 nhid 1
    id 10 index 3 idle_time 0 nhid 1
    id 10 index 4 idle_time 0 nhid 1
    id 10 index 5 idle_time 0 nhid 1
    id 10 index 6 idle_time 0 nhid 1
    id 10 index 7 idle_time 0 nhid 1
    $ ip nexthop replace id 10 group 1/2/3 type resilient
    $ ip nexthop bucket show id 10
    id 10 index 0 idle_time 0 nhid 3
    id 10 index 1 idle_time 0 nhid 3
    id 10 index 2 idle_time 0 nhid 3
    id 10 index 3 idle_time 0 nhid 2
    id 10 index 4 idle_time 0 nhid 2
    id 10 index 5 idle_time 0 nhid 1
    id 10 index 6 idle_time 0 nhid 1
    id 10 index 7 idle_time 0 nhid 1
    $ ip nexthop del id 3
    $ ip nexthop bucket show id 10
    id 10 index 0 idle_time 0 nhid 2
    id 10 index 1 idle_time 0 nhid 2
    id 10 index 2 idle_time 0 nhid 1
    id 10 index 3 idle_time 0 nhid 2
    id 10 index 4 idle_time 0 nhid 2
    id 10 index 5 idle_time 0 nhid 1
    id 10 index 6 idle_time 0 nhid 1
    id 10 index 7 idle_time 0 nhid 1
    "
);

point!(
    "C-065",
    with_more_and_more_routes_another_one_of_equals_is_shared,
    TWO,
    "
    $ ip nexthop add id 1 via 10.0.0.2 dev e0
    $ ip route add 20.0.0.0/8 nhid 1
    $ ip route add 21.0.0.0/8 nhid 1 ssthresh 100
    # The newest of those like it, whatever its metrics.
    $ ip route add 22.0.0.0/8 nhid 1
    $ ip route add 30.0.0.0/8 via 10.0.0.3
    $ ip route add 31.0.0.0/8 via 10.0.0.4
    $ ip route add 32.0.0.0/8 via 10.0.0.5
    $ ip route add 33.0.0.0/8 via 10.0.0.6
    $ ip route add 34.0.0.0/8 via 10.0.0.7
    $ ip route add 35.0.0.0/8 via 10.0.0.8
    $ ip route add 36.0.0.0/8 via 10.0.0.9
    $ ip route add 37.0.0.0/8 via 10.0.0.10
    $ ip route add 38.0.0.0/8 via 10.0.0.11
    $ ip route add 39.0.0.0/8 via 10.0.0.12
    # With as many as there are buckets the order inside them is turned around.
    $ ip route add 23.0.0.0/8 nhid 1
    $ ip route show root 20.0.0.0/6
    20.0.0.0/8 nhid 1 via 10.0.0.2 dev e0
    21.0.0.0/8 nhid 1 via 10.0.0.2 dev e0 ssthresh 100
    22.0.0.0/8 nhid 1 via 10.0.0.2 dev e0 ssthresh 100
    23.0.0.0/8 nhid 1 via 10.0.0.2 dev e0
    "
);
