//! Routes by destination and source (C-295, T-58).

use crate::support::{SIX, point};

point!(
    "C-295, T-58",
    a_route_by_source_hides_the_plain_one_of_its_prefix,
    SIX,
    "
    $ ip -6 route add 2001:db8:a::/48 via 2001:db8:1::2
    $ ip -6 route get 2001:db8:a::1
    2001:db8:a::1 from :: via 2001:db8:1::2 dev e0 src 2001:db8:1::1 metric 1024 pref medium
    $ ip -6 route add 2001:db8:a::/48 from 2001:db8:5::/64 via 2001:db8:2::2
    $ ip -6 route get 2001:db8:a::1
    ! RTNETLINK answers: Network is unreachable
    [2]
    $ ip -6 route get 2001:db8:a::1 from 2001:db8:5::1
    2001:db8:a::1 from 2001:db8:5::1 via 2001:db8:2::2 dev e1 src 2001:db8:2::1 metric 1024 pref medium
    $ ip -6 route get 2001:db8:a::1 from 2001:db8:6::1
    ! RTNETLINK answers: Network is unreachable
    [2]
    $ ip -6 route add default via 2001:db8:1::9
    $ ip -6 route get 2001:db8:a::1 from 2001:db8:6::1
    2001:db8:a::1 from 2001:db8:6::1 via 2001:db8:1::9 dev e0 src 2001:db8:1::1 metric 1024 pref medium
    $ ip -6 route del 2001:db8:a::/48 from 2001:db8:5::/64
    $ ip -6 route get 2001:db8:a::1 from 2001:db8:6::1
    2001:db8:a::1 from 2001:db8:6::1 via 2001:db8:1::2 dev e0 src 2001:db8:1::1 metric 1024 pref medium
    "
);

point!(
    "C-295, T-58",
    the_order_of_adding_does_not_matter_and_other_prefixes_stay,
    SIX,
    "
    $ ip -6 route add 2001:db8:a::/48 from 2001:db8:5::/64 via 2001:db8:2::2
    $ ip -6 route add 2001:db8:a::/48 via 2001:db8:1::2
    $ ip -6 route add 2001:db8:a:1::/64 via 2001:db8:1::3
    $ ip -6 route add 2001:db8::/40 via 2001:db8:1::4
    $ ip -6 route get 2001:db8:a::1 from 2001:db8:6::1
    2001:db8:a::1 from 2001:db8:6::1 via 2001:db8:1::4 dev e0 src 2001:db8:1::1 metric 1024 pref medium
    $ ip -6 route get 2001:db8:a::1 from 2001:db8:5::1
    2001:db8:a::1 from 2001:db8:5::1 via 2001:db8:2::2 dev e1 src 2001:db8:2::1 metric 1024 pref medium
    $ ip -6 route get 2001:db8:a:1::1 from 2001:db8:5::1
    2001:db8:a:1::1 from 2001:db8:5::1 via 2001:db8:1::3 dev e0 src 2001:db8:1::1 metric 1024 pref medium
    "
);

point!(
    "C-295",
    the_longest_source_decides_below_the_longest_destination,
    SIX,
    "
    $ ip -6 route add 2001:db8:a::/48 from 2001:db8:5::/48 via 2001:db8:2::2
    $ ip -6 route add 2001:db8:a::/48 from 2001:db8:5:5::/64 via 2001:db8:2::3
    $ ip -6 route add 2001:db8:a:1::/64 from 2001:db8:5::/48 via 2001:db8:2::4
    $ ip -6 route get 2001:db8:a::1 from 2001:db8:5:5::1
    2001:db8:a::1 from 2001:db8:5:5::1 via 2001:db8:2::3 dev e1 src 2001:db8:2::1 metric 1024 pref medium
    $ ip -6 route get 2001:db8:a::1 from 2001:db8:5:6::1
    2001:db8:a::1 from 2001:db8:5:6::1 via 2001:db8:2::2 dev e1 src 2001:db8:2::1 metric 1024 pref medium
    $ ip -6 route get 2001:db8:a:1::1 from 2001:db8:5:5::1
    2001:db8:a:1::1 from 2001:db8:5:5::1 via 2001:db8:2::4 dev e1 src 2001:db8:2::1 metric 1024 pref medium
    $ ip -6 route get fibmatch 2001:db8:a:1::1 from 2001:db8:5:5::1
    2001:db8:a:1::/64 from 2001:db8:5::/48 via 2001:db8:2::4 dev e1 metric 1024 pref medium
    $ ip -6 route show
    2001:db8:1::/64 dev e0 proto kernel metric 256 pref medium
    2001:db8:2::/64 dev e1 proto kernel metric 256 pref medium
    2001:db8:a::/48 from 2001:db8:5:5::/64 via 2001:db8:2::3 dev e1 metric 1024 pref medium
    2001:db8:a::/48 from 2001:db8:5::/48 via 2001:db8:2::2 dev e1 metric 1024 pref medium
    2001:db8:a:1::/64 from 2001:db8:5::/48 via 2001:db8:2::4 dev e1 metric 1024 pref medium
    fe80::/64 dev e0 proto kernel metric 256 pref medium
    fe80::/64 dev p0 proto kernel metric 256 pref medium
    fe80::/64 dev e1 proto kernel metric 256 pref medium
    fe80::/64 dev p1 proto kernel metric 256 pref medium
    "
);

point!(
    "C-295",
    the_unspecified_source_and_no_source_are_one_question,
    SIX,
    "
    $ ip -6 route add 2001:db8:a::/48 from 2001:db8:5::/64 via 2001:db8:2::2
    $ ip -6 route get 2001:db8:a::1
    ! RTNETLINK answers: Network is unreachable
    [2]
    $ ip -6 route get 2001:db8:a::1 from ::
    ! RTNETLINK answers: Network is unreachable
    [2]
    $ ip -6 route add default from 2001:db8:1::/64 via 2001:db8:1::2
    $ ip -6 route get 2001:db8:b::1
    ! RTNETLINK answers: Network is unreachable
    [2]
    $ ip -6 route get 2001:db8:b::1 from 2001:db8:1::1
    2001:db8:b::1 from 2001:db8:1::1 via 2001:db8:1::2 dev e0 src 2001:db8:1::1 metric 1024 pref medium
    "
);

point!(
    "C-295",
    default_routes_by_source_stand_beside_a_plain_one,
    SIX,
    "
    $ ip -6 route add default via 2001:db8:1::9
    $ ip -6 route add default from 2001:db8:2::/64 via 2001:db8:2::9
    $ ip -6 route get 2001:db8:b::1
    2001:db8:b::1 from :: via 2001:db8:1::9 dev e0 src 2001:db8:1::1 metric 1024 pref medium
    $ ip -6 route get 2001:db8:b::1 from 2001:db8:2::1
    2001:db8:b::1 from 2001:db8:2::1 via 2001:db8:2::9 dev e1 src 2001:db8:2::1 metric 1024 pref medium
    $ ip -6 route get 2001:db8:b::1 from 2001:db8:1::1
    2001:db8:b::1 from 2001:db8:1::1 via 2001:db8:1::9 dev e0 src 2001:db8:1::1 metric 1024 pref medium
    $ ip -6 route show
    default from 2001:db8:2::/64 via 2001:db8:2::9 dev e1 metric 1024 pref medium
    2001:db8:1::/64 dev e0 proto kernel metric 256 pref medium
    2001:db8:2::/64 dev e1 proto kernel metric 256 pref medium
    fe80::/64 dev e0 proto kernel metric 256 pref medium
    fe80::/64 dev p0 proto kernel metric 256 pref medium
    fe80::/64 dev e1 proto kernel metric 256 pref medium
    fe80::/64 dev p1 proto kernel metric 256 pref medium
    default via 2001:db8:1::9 dev e0 metric 1024 pref medium
    $ ip -6 route del default from 2001:db8:2::/64
    $ ip -6 route show default
    default via 2001:db8:1::9 dev e0 metric 1024 pref medium
    "
);

point!(
    "C-295",
    routes_by_source_are_listed_and_picked_by_source,
    SIX,
    "
    $ ip -6 route add 2001:db8:a::/48 from 2001:db8:5::/64 via 2001:db8:2::2
    $ ip -6 route add 2001:db8:a::/48 from 2001:db8:6::77/64 via 2001:db8:2::3
    $ ip -6 route add 2001:db8:a::/48 via 2001:db8:1::2
    $ ip -6 route show 2001:db8:a::/48
    2001:db8:a::/48 from 2001:db8:5::/64 via 2001:db8:2::2 dev e1 metric 1024 pref medium
    2001:db8:a::/48 from 2001:db8:6::/64 via 2001:db8:2::3 dev e1 metric 1024 pref medium
    2001:db8:a::/48 via 2001:db8:1::2 dev e0 metric 1024 pref medium
    $ ip -6 route show from 2001:db8:6::/64
    2001:db8:a::/48 from 2001:db8:6::/64 via 2001:db8:2::3 dev e1 metric 1024 pref medium
    $ ip -6 route show root from 2001:db8:6::/64
    ! Error: inet6 prefix is expected rather than \"from\".
    [1]
    $ ip -6 route add 2001:db8:a::/48 from 2001:db8:5::/64 via 2001:db8:1::3
    ! RTNETLINK answers: File exists
    [2]
    $ ip -6 route append 2001:db8:a::/48 from 2001:db8:5::/64 via 2001:db8:1::3
    $ ip -6 route show 2001:db8:a::/48
    2001:db8:a::/48 from 2001:db8:5::/64 metric 1024 pref medium
        nexthop via 2001:db8:2::2 dev e1 weight 1
        nexthop via 2001:db8:1::3 dev e0 weight 1
    2001:db8:a::/48 from 2001:db8:6::/64 via 2001:db8:2::3 dev e1 metric 1024 pref medium
    2001:db8:a::/48 via 2001:db8:1::2 dev e0 metric 1024 pref medium
    $ ip -6 route del 2001:db8:a::/48 from 2001:db8:7::/64
    ! RTNETLINK answers: No such process
    [2]
    $ ip -6 route flush from 2001:db8:6::/64
    $ ip -6 route show 2001:db8:a::/48
    2001:db8:a::/48 from 2001:db8:5::/64 metric 1024 pref medium
        nexthop via 2001:db8:2::2 dev e1 weight 1
        nexthop via 2001:db8:1::3 dev e0 weight 1
    2001:db8:a::/48 via 2001:db8:1::2 dev e0 metric 1024 pref medium
    "
);

point!(
    "C-295",
    objects_and_sources_do_not_go_together,
    SIX,
    "
    $ ip nexthop add id 1 via 2001:db8:1::2 dev e0
    $ ip -6 route add 2001:db8:a::/48 from 2001:db8:5::/64 nhid 1
    ! Error: Nexthops can not be used with source routing.
    [2]
    $ ip -6 route add 2001:db8:a::/48 from 2001:db8:5::/64 nexthop via 2001:db8:1::2 nexthop via 2001:db8:2::2
    $ ip -6 route get 2001:db8:a::1 from 2001:db8:5::1
    2001:db8:a::1 from 2001:db8:5::1 via 2001:db8:1::2 dev e0 src 2001:db8:1::1 metric 1024 pref medium
    "
);
