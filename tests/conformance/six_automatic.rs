//! What devices and addresses of IPv6 bring and take along (C-309 to C-314, T-45).

use crate::support::{EMPTY, QUIET6, SIX, point};

point!(
    "C-310, C-311",
    what_links_bring_by_going_up,
    QUIET6,
    "
    $ ip -6 route show table all
    $ ip link set lo up
    $ ip -6 route show table all
    local ::1 dev lo table local proto kernel metric 0 pref medium
    $ ip link set e0 up
    $ ip -6 route show table all
    fe80::/64 dev e0 proto kernel metric 256 pref medium
    fe80::/64 dev p0 proto kernel metric 256 pref medium
    local ::1 dev lo table local proto kernel metric 0 pref medium
    local fe80::ff:fe00:1 dev e0 table local proto kernel metric 0 pref medium
    local fe80::ff:fe00:2 dev p0 table local proto kernel metric 0 pref medium
    multicast ff00::/8 dev e0 table local proto kernel metric 256 pref medium
    multicast ff00::/8 dev p0 table local proto kernel metric 256 pref medium
    $ ip -6 addr show
    1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 state UNKNOWN qlen 1000
        inet6 ::1/128 scope host
           valid_lft forever preferred_lft forever
    2: p0@e0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 state UP qlen 1000
        inet6 fe80::ff:fe00:2/64 scope link
           valid_lft forever preferred_lft forever
    3: e0@p0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 state UP qlen 1000
        inet6 fe80::ff:fe00:1/64 scope link
           valid_lft forever preferred_lft forever
    "
);

point!(
    "C-310",
    which_link_local_address_a_device_makes,
    QUIET6,
    "
    $ ip link set e0 address 02:11:22:33:44:55
    $ ip link set e0 addrgenmode none
    $ ip link set e0 up
    $ ip -6 addr show dev e0
    $ ip link set e0 addrgenmode eui64
    $ ip -6 addr show dev e0
    $ ip link set e0 addrgenmode none
    $ ip -6 addr show dev e0
    $ ip link set e0 down
    $ ip link set e0 address 02:11:22:33:44:66
    $ ip link set e0 up
    $ ip -6 route show table all dev e0
    multicast ff00::/8 table local proto kernel metric 256 pref medium
    "
);

point!(
    "C-310",
    a_device_without_carrier_has_no_addresses_of_its_own_yet,
    EMPTY,
    "
    $ sysctl -qw net.ipv6.conf.default.accept_dad=0
    $ ip link add e0 address 02:00:00:00:00:01 type veth peer name p0 address 02:00:00:00:00:02
    $ ip link set e0 up
    $ ip -6 addr show
    $ ip -6 route show table all
    $ ip addr add 2001:db8:1::1/64 dev e0
    $ ip -6 addr show dev e0
    3: e0@p0: <NO-CARRIER,BROADCAST,MULTICAST,UP,M-DOWN> mtu 1500 qdisc noqueue state LOWERLAYERDOWN group default qlen 1000
        inet6 2001:db8:1::1/64 scope global
           valid_lft forever preferred_lft forever
    $ ip -6 route show table all
    2001:db8:1::/64 dev e0 proto kernel metric 256 linkdown pref medium
    local 2001:db8:1::1 dev e0 table local proto kernel metric 0 pref medium
    multicast ff00::/8 dev e0 table local proto kernel metric 256 linkdown pref medium
    $ ip -6 route add 2001:db8:a::/48 via 2001:db8:1::2
    $ ip link set p0 up
    $ ip -6 addr show dev e0
    3: e0@p0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP group default qlen 1000
        inet6 2001:db8:1::1/64 scope global
           valid_lft forever preferred_lft forever
        inet6 fe80::ff:fe00:1/64 scope link
           valid_lft forever preferred_lft forever
    $ ip -6 route show table all dev e0
    2001:db8:1::/64 proto kernel metric 256 pref medium
    2001:db8:a::/48 via 2001:db8:1::2 metric 1024 pref medium
    fe80::/64 proto kernel metric 256 pref medium
    local 2001:db8:1::1 table local proto kernel metric 0 pref medium
    local fe80::ff:fe00:1 table local proto kernel metric 0 pref medium
    multicast ff00::/8 table local proto kernel metric 256 pref medium
    "
);

point!(
    "C-311",
    an_ipv6_address_brings_two_routes,
    SIX,
    "
    $ ip addr add 2001:db8:3::1/64 dev e0
    $ ip addr add 2001:db8:3::2/64 dev e0
    $ ip addr add 2001:db8:4::1/128 dev e0
    $ ip addr add 2001:db8:5::1/64 dev e0 noprefixroute
    $ ip addr add 2001:db8:6::1/64 dev e0 metric 77
    $ ip addr add 2001:db8:7::1 peer 2001:db8:8::1/80 dev e0
    $ ip -6 route show table all dev e0
    2001:db8:1::/64 proto kernel metric 256 pref medium
    2001:db8:3::/64 proto kernel metric 256 pref medium
    2001:db8:4::1 proto kernel metric 256 pref medium
    2001:db8:6::/64 proto kernel metric 77 pref medium
    2001:db8:7::/80 proto kernel metric 256 pref medium
    2001:db8:8::1 proto kernel metric 256 pref medium
    fe80::/64 proto kernel metric 256 pref medium
    local 2001:db8:1::1 table local proto kernel metric 0 pref medium
    local 2001:db8:3::1 table local proto kernel metric 0 pref medium
    local 2001:db8:3::2 table local proto kernel metric 0 pref medium
    local 2001:db8:4::1 table local proto kernel metric 0 pref medium
    local 2001:db8:5::1 table local proto kernel metric 0 pref medium
    local 2001:db8:6::1 table local proto kernel metric 0 pref medium
    local 2001:db8:7::1 table local proto kernel metric 0 pref medium
    local fe80::ff:fe00:1 table local proto kernel metric 0 pref medium
    multicast ff00::/8 table local proto kernel metric 256 pref medium
    $ ip addr del 2001:db8:3::1/64 dev e0
    $ ip -6 route show 2001:db8:3::/64
    2001:db8:3::/64 dev e0 proto kernel metric 256 pref medium
    $ ip addr del 2001:db8:3::2/64 dev e0
    $ ip addr del 2001:db8:7::1 peer 2001:db8:8::1/80 dev e0
    $ ip -6 route show dev e0
    2001:db8:1::/64 proto kernel metric 256 pref medium
    2001:db8:4::1 proto kernel metric 256 pref medium
    2001:db8:6::/64 proto kernel metric 77 pref medium
    fe80::/64 proto kernel metric 256 pref medium
    "
);

point!(
    "C-311",
    addresses_of_ipv6_that_are_refused,
    SIX,
    "
    $ ip addr add 2001:db8:1::1/64 dev e0
    ! Error: ipv6: address already assigned.
    [2]
    $ ip addr add 2001:db8:1::1/48 dev e0
    ! Error: ipv6: address already assigned.
    [2]
    $ ip addr add 2001:db8:1::1/64 dev e1
    $ ip addr add ff02::5/64 dev e0
    ! Error: ipv6: Cannot assign multicast address without \"IFA_F_MCAUTOJOIN\" flag.
    [2]
    $ ip addr add ::/64 dev e0
    ! Error: ipv6: Invalid address.
    [2]
    $ ip addr add ::1/128 dev e0
    ! Error: ipv6: Cannot assign loopback address on this device.
    [2]
    $ ip addr add 2001:db8:5::1/64 dev e0 valid_lft 0
    ! valid_lft is zero
    [1]
    $ ip addr add 2001:db8:5::1/64 dev e0 valid_lft 10 preferred_lft 20
    ! preferred_lft is greater than valid_lft
    [1]
    $ ip addr add 2001:db8:5::1/64 dev e0 broadcast 2001:db8:5::ff
    $ ip addr del 2001:db8:1::1/48 dev e0
    ! Error: ipv6: address not found.
    [2]
    $ ip addr del 2001:db8:1::1/64 dev e1
    $ ip addr change 2001:db8:1::1/64 dev e0 nodad
    $ ip addr replace 2001:db8:1::7/64 dev e0
    $ ip addr change 2001:db8:1::8/64 dev e0
    $ ip -6 addr show dev e0
    3: e0@p0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP group default qlen 1000
        inet6 2001:db8:1::8/64 scope global
           valid_lft forever preferred_lft forever
        inet6 2001:db8:1::7/64 scope global
           valid_lft forever preferred_lft forever
        inet6 2001:db8:5::1/64 scope global
           valid_lft forever preferred_lft forever
        inet6 2001:db8:1::1/64 scope global nodad
           valid_lft forever preferred_lft forever
        inet6 fe80::ff:fe00:1/64 scope link
           valid_lft forever preferred_lft forever
    "
);

point!(
    "C-309, C-312, T-45",
    forwarding_brings_anycast_addresses,
    SIX,
    "
    $ ip -6 route get 2001:db8:1::
    2001:db8:1:: from :: dev e0 proto kernel src 2001:db8:1::1 metric 256 pref medium
    $ sysctl -qw net.ipv6.conf.all.forwarding=1
    $ ip -6 route show table local type anycast
    anycast 2001:db8:1:: dev e0 proto kernel metric 0 pref medium
    anycast 2001:db8:2:: dev e1 proto kernel metric 0 pref medium
    anycast fe80:: dev p0 proto kernel metric 0 pref medium
    anycast fe80:: dev e0 proto kernel metric 0 pref medium
    anycast fe80:: dev p1 proto kernel metric 0 pref medium
    anycast fe80:: dev e1 proto kernel metric 0 pref medium
    $ ip -6 route get 2001:db8:1::
    anycast 2001:db8:1:: from :: dev lo table local proto kernel src 2001:db8:1::1 metric 0 pref medium
    $ ip -6 route get 2001:db8:1:: from 2001:db8:9::1 iif e1
    anycast 2001:db8:1:: from 2001:db8:9::1 dev lo table local proto kernel metric 0 iif e1 pref medium
    $ ip addr add 2001:db8:5::1/64 dev e0
    $ ip addr add 2001:db8:5::2/64 dev e1
    $ ip addr add 2001:db8:6::1/128 dev e0
    $ ip addr add 2001:db8:7::1/127 dev e0
    $ ip -6 route show table local type anycast
    anycast 2001:db8:1:: dev e0 proto kernel metric 0 pref medium
    anycast 2001:db8:2:: dev e1 proto kernel metric 0 pref medium
    anycast 2001:db8:5:: dev e0 proto kernel metric 0 pref medium
    anycast 2001:db8:5:: dev e1 proto kernel metric 0 pref medium
    anycast fe80:: dev p0 proto kernel metric 0 pref medium
    anycast fe80:: dev e0 proto kernel metric 0 pref medium
    anycast fe80:: dev p1 proto kernel metric 0 pref medium
    anycast fe80:: dev e1 proto kernel metric 0 pref medium
    $ ip addr del 2001:db8:5::1/64 dev e0
    $ ip -6 route show table local type anycast
    anycast 2001:db8:1:: dev e0 proto kernel metric 0 pref medium
    anycast 2001:db8:2:: dev e1 proto kernel metric 0 pref medium
    anycast 2001:db8:5:: dev e1 proto kernel metric 0 pref medium
    anycast fe80:: dev p0 proto kernel metric 0 pref medium
    anycast fe80:: dev e0 proto kernel metric 0 pref medium
    anycast fe80:: dev p1 proto kernel metric 0 pref medium
    anycast fe80:: dev e1 proto kernel metric 0 pref medium
    $ sysctl -qw net.ipv6.conf.e1.forwarding=0
    $ ip -6 route show table local type anycast
    anycast 2001:db8:1:: dev e0 proto kernel metric 0 pref medium
    anycast fe80:: dev p0 proto kernel metric 0 pref medium
    anycast fe80:: dev e0 proto kernel metric 0 pref medium
    anycast fe80:: dev p1 proto kernel metric 0 pref medium
    $ sysctl -qw net.ipv6.conf.all.forwarding=0
    $ ip -6 route show table local type anycast
    "
);

point!(
    "C-313, T-45",
    a_device_that_goes_down_takes_its_addresses,
    SIX,
    "
    $ ip -6 route add 2001:db8:a::/48 via 2001:db8:1::2
    $ ip link set e0 down
    $ ip -6 addr show dev e0
    $ ip -6 route show
    2001:db8:2::/64 dev e1 proto kernel metric 256 pref medium
    fe80::/64 dev p0 proto kernel metric 256 linkdown pref medium
    fe80::/64 dev e1 proto kernel metric 256 pref medium
    fe80::/64 dev p1 proto kernel metric 256 pref medium
    $ ip -6 route get 2001:db8:1::1
    ! RTNETLINK answers: Network is unreachable
    [2]
    $ ip link set e0 up
    $ ip -6 addr show dev e0
    3: e0@p0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP group default qlen 1000
        inet6 fe80::ff:fe00:1/64 scope link
           valid_lft forever preferred_lft forever
    $ ip -6 route show table all dev e0
    fe80::/64 proto kernel metric 256 pref medium
    local fe80::ff:fe00:1 table local proto kernel metric 0 pref medium
    multicast ff00::/8 table local proto kernel metric 256 pref medium
    "
);

point!(
    "C-313",
    addresses_stay_where_the_setting_says_so,
    SIX,
    "
    $ sysctl -qw net.ipv6.conf.all.keep_addr_on_down=1
    $ ip addr add 2001:db8:5::1/64 dev e0 valid_lft 5000 preferred_lft 4000
    $ ip -6 route add 2001:db8:a::/48 via 2001:db8:1::2
    $ ip link set e0 down
    $ ip -6 addr show dev e0
    3: e0@p0: <BROADCAST,MULTICAST> mtu 1500 qdisc noqueue state DOWN group default qlen 1000
        inet6 2001:db8:1::1/64 scope global tentative
           valid_lft forever preferred_lft forever
    $ ip -6 route show table all dev e0
    $ ip link set e0 up
    $ ip -6 addr show dev e0
    3: e0@p0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP group default qlen 1000
        inet6 2001:db8:1::1/64 scope global
           valid_lft forever preferred_lft forever
        inet6 fe80::ff:fe00:1/64 scope link
           valid_lft forever preferred_lft forever
    $ ip -6 route show table all dev e0
    2001:db8:1::/64 proto kernel metric 256 pref medium
    fe80::/64 proto kernel metric 256 pref medium
    local 2001:db8:1::1 table local proto kernel metric 0 pref medium
    local fe80::ff:fe00:1 table local proto kernel metric 0 pref medium
    multicast ff00::/8 table local proto kernel metric 256 pref medium
    "
);

point!(
    "C-313",
    ipv6_can_be_disabled_on_a_device,
    SIX,
    "
    $ sysctl -qw net.ipv6.conf.e0.disable_ipv6=1
    $ ip -6 addr show dev e0
    $ ip -6 route show table all dev e0
    $ ip addr add 2001:db8:5::1/64 dev e0
    ! Error: ipv6: IPv6 is disabled on this device.
    [2]
    $ ip -6 route add 2001:db8:a::/48 dev e0
    ! Error: IPv6 is disabled on nexthop device.
    [2]
    $ ip neigh add 2001:db8:1::2 lladdr 02:00:00:00:00:99 dev e0
    ! Error: IPv6 is disabled on this device.
    [2]
    $ sysctl -qw net.ipv6.conf.e0.disable_ipv6=0
    $ ip -6 addr show dev e0
    3: e0@p0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP group default qlen 1000
        inet6 fe80::ff:fe00:1/64 scope link
           valid_lft forever preferred_lft forever
    $ ip -6 route show table all dev e0
    fe80::/64 proto kernel metric 256 pref medium
    local fe80::ff:fe00:1 table local proto kernel metric 0 pref medium
    multicast ff00::/8 table local proto kernel metric 256 pref medium
    "
);

point!(
    "C-313",
    routes_of_other_devices_lose_only_the_hop_of_the_one_that_goes,
    SIX,
    "
    $ ip -6 route add 2001:db8:a::/48 nexthop via 2001:db8:1::2 nexthop via 2001:db8:2::2
    $ ip link set e0 down
    $ ip -6 route show 2001:db8:a::/48
    2001:db8:a::/48 metric 1024 pref medium
        nexthop via 2001:db8:1::2 dev e0 weight 1 dead linkdown
        nexthop via 2001:db8:2::2 dev e1 weight 1
    $ ip link set e0 up
    $ ip -6 route show 2001:db8:a::/48
    2001:db8:a::/48 metric 1024 pref medium
        nexthop via 2001:db8:1::2 dev e0 weight 1
        nexthop via 2001:db8:2::2 dev e1 weight 1
    $ ip link set e1 down
    $ ip -6 route show 2001:db8:a::/48
    2001:db8:a::/48 metric 1024 pref medium
        nexthop via 2001:db8:1::2 dev e0 weight 1
        nexthop via 2001:db8:2::2 dev e1 weight 1 dead linkdown
    "
);

point!(
    "C-314",
    carrier_loss_marks_ipv6_routes,
    SIX,
    "
    $ ip -6 route add 2001:db8:a::/48 nexthop via 2001:db8:1::2 nexthop via 2001:db8:2::2
    $ ip link set p0 down
    $ ip -6 route show
    2001:db8:1::/64 dev e0 proto kernel metric 256 linkdown pref medium
    2001:db8:2::/64 dev e1 proto kernel metric 256 pref medium
    2001:db8:a::/48 metric 1024 pref medium
        nexthop via 2001:db8:1::2 dev e0 weight 1 linkdown
        nexthop via 2001:db8:2::2 dev e1 weight 1
    fe80::/64 dev e0 proto kernel metric 256 linkdown pref medium
    fe80::/64 dev e1 proto kernel metric 256 pref medium
    fe80::/64 dev p1 proto kernel metric 256 pref medium
    $ ip -6 route show table local
    local ::1 dev lo proto kernel metric 0 pref medium
    local 2001:db8:1::1 dev e0 proto kernel metric 0 pref medium
    local 2001:db8:2::1 dev e1 proto kernel metric 0 pref medium
    local fe80::ff:fe00:1 dev e0 proto kernel metric 0 pref medium
    local fe80::ff:fe00:3 dev e1 proto kernel metric 0 pref medium
    local fe80::ff:fe00:4 dev p1 proto kernel metric 0 pref medium
    multicast ff00::/8 dev e0 proto kernel metric 256 linkdown pref medium
    multicast ff00::/8 dev e1 proto kernel metric 256 pref medium
    multicast ff00::/8 dev p1 proto kernel metric 256 pref medium
    $ ip -6 addr show dev e0
    3: e0@p0: <NO-CARRIER,BROADCAST,MULTICAST,UP,M-DOWN> mtu 1500 qdisc noqueue state LOWERLAYERDOWN group default qlen 1000
        inet6 2001:db8:1::1/64 scope global
           valid_lft forever preferred_lft forever
        inet6 fe80::ff:fe00:1/64 scope link
           valid_lft forever preferred_lft forever
    $ ip link set p0 up
    $ ip -6 route show
    2001:db8:1::/64 dev e0 proto kernel metric 256 pref medium
    2001:db8:2::/64 dev e1 proto kernel metric 256 pref medium
    2001:db8:a::/48 metric 1024 pref medium
        nexthop via 2001:db8:1::2 dev e0 weight 1
        nexthop via 2001:db8:2::2 dev e1 weight 1
    fe80::/64 dev e0 proto kernel metric 256 pref medium
    fe80::/64 dev e1 proto kernel metric 256 pref medium
    fe80::/64 dev p1 proto kernel metric 256 pref medium
    fe80::/64 dev p0 proto kernel metric 256 pref medium
    "
);

point!(
    "C-310",
    an_mtu_below_1280_ends_ipv6_on_a_device,
    SIX,
    "
    $ ip -6 route add 2001:db8:a::/48 via 2001:db8:1::2 mtu 1400
    $ ip link set e0 mtu 1300
    $ ip -6 route show
    2001:db8:1::/64 dev e0 proto kernel metric 256 pref medium
    2001:db8:2::/64 dev e1 proto kernel metric 256 pref medium
    2001:db8:a::/48 via 2001:db8:1::2 dev e0 metric 1024 mtu 1300 pref medium
    fe80::/64 dev e0 proto kernel metric 256 pref medium
    fe80::/64 dev p0 proto kernel metric 256 pref medium
    fe80::/64 dev e1 proto kernel metric 256 pref medium
    fe80::/64 dev p1 proto kernel metric 256 pref medium
    $ ip link set e0 mtu 1279
    $ ip -6 addr show dev e0
    $ ip -6 route show
    2001:db8:2::/64 dev e1 proto kernel metric 256 pref medium
    fe80::/64 dev p0 proto kernel metric 256 pref medium
    fe80::/64 dev e1 proto kernel metric 256 pref medium
    fe80::/64 dev p1 proto kernel metric 256 pref medium
    $ ip addr add 2001:db8:1::1/64 dev e0
    ! RTNETLINK answers: Invalid argument
    [2]
    $ ip link set e0 mtu 1280
    $ ip -6 addr show dev e0
    3: e0@p0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1280 qdisc noqueue state UP group default qlen 1000
        inet6 fe80::ff:fe00:1/64 scope link
           valid_lft forever preferred_lft forever
    "
);

point!(
    "F-061",
    the_unspecified_address_is_no_peer,
    QUIET6,
    "
    $ ip link set e0 addrgenmode none
    $ ip link set e0 up
    $ ip addr add 2001:db8:7::1 peer 2001:db8:8::1/128 dev e0 nodad
    $ ip -6 route show dev e0
    2001:db8:7::1 proto kernel metric 256 pref medium
    2001:db8:8::1 proto kernel metric 256 pref medium
    $ ip addr replace 2001:db8:7::1 peer ::/64 dev e0 nodad
    $ ip -6 route show dev e0
    2001:db8:7::1 proto kernel metric 256 pref medium
    $ ip addr add 2001:db8:9::1 peer ::/64 dev e0 nodad
    $ ip -6 addr show dev e0
    3: e0@p0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP group default qlen 1000
        inet6 2001:db8:9::1/64 scope global nodad
           valid_lft forever preferred_lft forever
        inet6 2001:db8:7::1/128 scope global nodad
           valid_lft forever preferred_lft forever
    $ ip -6 route show dev e0
    2001:db8:7::1 proto kernel metric 256 pref medium
    2001:db8:9::/64 proto kernel metric 256 pref medium
    "
);

point!(
    "F-064",
    stable_addresses_are_made_of_a_secret,
    EMPTY,
    "
    $ ip link add e0 address 02:00:00:00:00:01 type veth peer name p0 address 02:00:00:00:00:02
    $ ip link set p0 up
    $ ip link set e0 addrgenmode stable_secret
    ! RTNETLINK answers: Invalid argument
    [2]
    $ sysctl -w net.ipv6.conf.e0.addr_gen_mode=2
    ! sysctl: setting key \"net.ipv6.conf.e0.addr_gen_mode\": Invalid argument
    [1]
    $ sysctl -w net.ipv6.conf.e0.stable_secret=2001:db8::1
    net.ipv6.conf.e0.stable_secret = 2001:db8::1
    $ sysctl net.ipv6.conf.e0.stable_secret net.ipv6.conf.e0.addr_gen_mode
    net.ipv6.conf.e0.stable_secret = 2001:0db8:0000:0000:0000:0000:0000:0001
    net.ipv6.conf.e0.addr_gen_mode = 2
    $ sysctl -qw net.ipv6.conf.e0.accept_dad=0
    $ ip link set e0 up
    $ ip -6 addr show dev e0
    3: e0@p0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP group default qlen 1000
        inet6 fe80::88cf:4891:a68c:e03f/64 scope link stable-privacy
           valid_lft forever preferred_lft forever
    $ sysctl -w net.ipv6.conf.default.stable_secret=2001:db8::2
    net.ipv6.conf.default.stable_secret = 2001:db8::2
    $ sysctl net.ipv6.conf.p0.addr_gen_mode
    net.ipv6.conf.p0.addr_gen_mode = 2
    $ sysctl -w net.ipv6.conf.all.stable_secret=2001:db8::2
    ! sysctl: setting key \"net.ipv6.conf.all.stable_secret\": Input/output error
    [1]
    "
);

// Opened before its carrier is looked at, a device shows as running; its queue takes nothing.
point!(
    "F-046",
    a_device_opened_without_carrier_makes_no_address_until_it_has_it,
    QUIET6,
    "
    $ ip link add v1 address 02:00:00:00:00:11 up type veth peer name v2 address 02:00:00:00:00:12
    $ ip -6 route show table local dev v1
    $ ip link set v2 up
    $ ip -6 route show table local dev v1
    local fe80::ff:fe00:11 proto kernel metric 0 pref medium
    multicast ff00::/8 proto kernel metric 256 pref medium
    "
);
