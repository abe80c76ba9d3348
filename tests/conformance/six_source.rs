//! Which source an IPv6 packet gets and the labels of addresses (T-45, C-302; RFC 6724).

use crate::support::{QUIET6, SIX, point};

point!(
    "C-302",
    a_source_of_the_destination_s_scope_and_device_comes_first,
    SIX,
    "
    $ ip -6 route add 2001:db8:a::/48 dev e0
    $ ip -6 route get 2001:db8:a::1
    2001:db8:a::1 from :: dev e0 src 2001:db8:1::1 metric 1024 pref medium
    $ ip addr add 2001:db8:a::77/128 dev e1
    $ ip -6 route get 2001:db8:a::1
    2001:db8:a::1 from :: dev e0 src 2001:db8:1::1 metric 1024 pref medium
    $ ip addr add 2001:db8:7::1/64 dev e0
    $ ip -6 route get 2001:db8:a::1
    2001:db8:a::1 from :: dev e0 src 2001:db8:7::1 metric 1024 pref medium
    $ ip -6 route get 2001:db8:7::2
    2001:db8:7::2 from :: dev e0 proto kernel src 2001:db8:7::1 metric 256 pref medium
    $ ip -6 route get 2001:db8:1::2
    2001:db8:1::2 from :: dev e0 proto kernel src 2001:db8:1::1 metric 256 pref medium
    $ ip -6 route get fe80::5 oif e0
    fe80::5 from :: dev e0 proto kernel src fe80::ff:fe00:1 metric 256 pref medium
    $ ip -6 route get ff05::5 oif e0
    multicast ff05::5 from :: dev e0 table local proto kernel src 2001:db8:7::1 metric 256 pref medium
    $ ip -6 route get ff02::5 oif e0
    multicast ff02::5 from :: dev e0 table local proto kernel src fe80::ff:fe00:1 metric 256 pref medium
    "
);

point!(
    "C-302",
    the_longest_common_prefix_is_no_longer_than_the_address_s_own,
    SIX,
    "
    $ ip -6 route add 2001:db8:a::/48 dev e0
    $ ip addr add 2001:db8:a:0:8000::1/32 dev e0
    $ ip addr add 2001:db8:a:5::1/40 dev e0
    $ ip -6 route get 2001:db8:a:5::9
    2001:db8:a:5::9 from :: dev e0 src 2001:db8:1::1 metric 1024 pref medium
    $ ip -6 route get 2001:db8:a::9
    2001:db8:a::9 from :: dev e0 src 2001:db8:1::1 metric 1024 pref medium
    "
);

point!(
    "C-302",
    deprecated_addresses_come_last_of_their_scope,
    SIX,
    "
    $ ip -6 route add 2001:db8:a::/48 dev e0
    $ ip addr add 2001:db8:a::1/128 dev e0 preferred_lft 0
    $ ip -6 route get 2001:db8:a::9
    2001:db8:a::9 from :: dev e0 src 2001:db8:1::1 metric 1024 pref medium
    $ ip addr change 2001:db8:1::1/64 dev e0 preferred_lft 0
    $ ip -6 route get 2001:db8:a::9
    2001:db8:a::9 from :: dev e0 src 2001:db8:2::1 metric 1024 pref medium
    $ ip addr del 2001:db8:1::1/64 dev e0
    $ ip -6 route get 2001:db8:a::9
    2001:db8:a::9 from :: dev e0 src 2001:db8:2::1 metric 1024 pref medium
    "
);

point!(
    "C-302",
    labels_of_addresses_come_before_the_longest_prefix,
    SIX,
    "
    $ ip addr add fd00:1::1/64 dev e0
    $ ip -6 route add default dev e0
    $ ip -6 route get 2001:db8:a::1
    2001:db8:a::1 from :: dev e0 src 2001:db8:1::1 metric 1024 pref medium
    $ ip -6 route get fd00:2::1
    fd00:2::1 from :: dev e0 src fd00:1::1 metric 1024 pref medium
    $ ip -6 route get 2002::1
    2002::1 from :: dev e0 src 2001:db8:1::1 metric 1024 pref medium
    $ ip -6 route get 2001::1
    2001::1 from :: dev e0 src 2001:db8:1::1 metric 1024 pref medium
    $ ip addr add 2002:1::1/64 dev e0
    $ ip -6 route get 2002::1
    2002::1 from :: dev e0 src 2002:1::1 metric 1024 pref medium
    $ ip addrlabel list
    prefix ::1/128 label 0
    prefix ::/96 label 3
    prefix ::ffff:0.0.0.0/96 label 4
    prefix 2001::/32 label 6
    prefix 2001:10::/28 label 7
    prefix 3ffe::/16 label 12
    prefix 2002::/16 label 2
    prefix fec0::/10 label 11
    prefix fc00::/7 label 5
    prefix ::/0 label 1
    $ ip addrlabel add prefix 2001:db8:a::/48 label 6
    $ ip -6 route get 2001:db8:a::1
    2001:db8:a::1 from :: dev e0 src 2001:db8:1::1 metric 1024 pref medium
    $ ip addrlabel del prefix fc00::/7
    ! Not enough information: \"label\" argument is required.
    [1]
    $ ip -6 route get fd00:2::1
    fd00:2::1 from :: dev e0 src fd00:1::1 metric 1024 pref medium
    "
);

point!(
    "C-302",
    labels_are_kept_by_their_prefix_and_device,
    SIX,
    "
    $ ip addrlabel add prefix 2001:db8::/32 label 99
    $ ip addrlabel add prefix 2001:db8::/32 label 98
    ! RTNETLINK answers: File exists
    [2]
    $ ip addrlabel add prefix 2001:db8::/32 label 97 dev e0
    $ ip addrlabel add prefix 2001:db8:1::/48 label 4294967295
    ! Error: argument \"4294967295\" is wrong: label is invalid
    [255]
    $ ip addrlabel add prefix ::/0 label 7
    ! RTNETLINK answers: File exists
    [2]
    $ ip addrlabel list
    prefix ::1/128 label 0
    prefix ::/96 label 3
    prefix ::ffff:0.0.0.0/96 label 4
    prefix 2001:db8::/32 dev e0 label 97
    prefix 2001:db8::/32 label 99
    prefix 2001::/32 label 6
    prefix 2001:10::/28 label 7
    prefix 3ffe::/16 label 12
    prefix 2002::/16 label 2
    prefix fec0::/10 label 11
    prefix fc00::/7 label 5
    prefix ::/0 label 1
    $ ip addrlabel get prefix 2001:db8:1::1
    ! Command \"get\" is unknown, try \"ip addrlabel help\".
    [255]
    $ ip addrlabel get prefix fd00::1
    ! Command \"get\" is unknown, try \"ip addrlabel help\".
    [255]
    $ ip addrlabel get prefix 2002::1
    ! Command \"get\" is unknown, try \"ip addrlabel help\".
    [255]
    $ ip addrlabel get prefix ::1
    ! Command \"get\" is unknown, try \"ip addrlabel help\".
    [255]
    $ ip addrlabel del prefix 2001:db8::/32 label 4
    $ ip addrlabel del prefix 2001:db8::/32
    ! Not enough information: \"label\" argument is required.
    [1]
    $ ip addrlabel list
    prefix ::1/128 label 0
    prefix ::/96 label 3
    prefix ::ffff:0.0.0.0/96 label 4
    prefix 2001:db8::/32 dev e0 label 97
    prefix 2001::/32 label 6
    prefix 2001:10::/28 label 7
    prefix 3ffe::/16 label 12
    prefix 2002::/16 label 2
    prefix fec0::/10 label 11
    prefix fc00::/7 label 5
    prefix ::/0 label 1
    $ ip addrlabel flush
    $ ip addrlabel list
    "
);

point!(
    "C-302",
    a_route_s_own_source_wins_while_it_is_here,
    SIX,
    "
    $ ip -6 route add 2001:db8:a::/48 dev e0 src 2001:db8:2::1
    $ ip -6 route get 2001:db8:a::1
    2001:db8:a::1 from :: dev e0 src 2001:db8:2::1 metric 1024 pref medium
    $ ip -6 route get 2001:db8:a::1 from 2001:db8:1::1
    2001:db8:a::1 from 2001:db8:1::1 dev e0 src 2001:db8:2::1 metric 1024 pref medium
    $ ip addr del 2001:db8:2::1/64 dev e1
    $ ip -6 route get 2001:db8:a::1
    2001:db8:a::1 from :: dev e0 src 2001:db8:1::1 metric 1024 pref medium
    $ ip -6 route show 2001:db8:a::/48
    2001:db8:a::/48 dev e0 metric 1024 pref medium
    "
);

point!(
    "C-302",
    only_the_device_s_own_addresses_where_the_setting_says_so,
    SIX,
    "
    $ ip link add e2 type veth peer name p2
    $ ip link set p2 up
    $ ip link set e2 up
    $ ip addr flush dev e2
    $ ip -6 route add 2001:db8:a::/48 dev e2
    $ ip -6 route get 2001:db8:a::1
    2001:db8:a::1 from :: dev e2 src 2001:db8:1::1 metric 1024 pref medium
    $ sysctl -qw net.ipv6.conf.e2.use_oif_addrs_only=1
    $ ip -6 route get 2001:db8:a::1
    2001:db8:a::1 from :: dev e2 metric 1024 pref medium
    $ ip addr add fd00::1/64 dev e2
    $ ip -6 route get 2001:db8:a::1
    2001:db8:a::1 from :: dev e2 src fd00::1 metric 1024 pref medium
    "
);

point!(
    "C-302",
    without_addresses_the_unspecified_one_stays,
    QUIET6,
    "
    $ sysctl -qw net.ipv6.conf.e0.addr_gen_mode=1
    $ ip addr flush dev p0
    $ ip link set e0 up
    $ ip -6 route add 2001:db8:a::/48 dev e0
    $ ip -6 route get 2001:db8:a::1
    2001:db8:a::1 from :: dev e0 src fe80::ff:fe00:2 metric 1024 pref medium
    $ ip addr add fe80::1/64 dev e0
    $ ip -6 route get 2001:db8:a::1
    2001:db8:a::1 from :: dev e0 src fe80::1 metric 1024 pref medium
    $ ip addr add ::5/96 dev p0
    $ ip -6 route get 2001:db8:a::1
    2001:db8:a::1 from :: dev e0 src ::5 metric 1024 pref medium
    "
);

point!(
    "C-302",
    tentative_addresses_are_no_sources_until_they_are_proven,
    SIX,
    "
    $ sysctl -qw net.ipv6.conf.e0.accept_dad=1
    $ ip -6 route add 2001:db8:a::/48 dev e0
    $ ip addr add 2001:db8:a::1/128 dev e0
    $ ip -6 route get 2001:db8:a::9
    2001:db8:a::9 from :: dev e0 src 2001:db8:1::1 metric 1024 pref medium
    $ ip -6 addr show dev e0 tentative
    3: e0@p0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP group default qlen 1000
        inet6 2001:db8:a::1/128 scope global tentative
           valid_lft forever preferred_lft forever
    $ ip -6 route show table local 2001:db8:a::1
    $ ip addr add 2001:db8:a::2/128 dev e0 nodad
    $ ip -6 route get 2001:db8:a::9
    2001:db8:a::9 from :: dev e0 src 2001:db8:a::2 metric 1024 pref medium
    "
);
