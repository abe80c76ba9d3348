//! Situations that several tests start from, beside those of `support`.

/// A router without source checks: `e0` 10.0.0.1/24, `e1` 10.1.0.1/24, a default route by `e1`.
pub const ROUTER: &str = "
$ sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0 net.ipv4.conf.lo.rp_filter=0
$ sysctl -qw net.ipv4.conf.all.forwarding=1
$ ip link set lo up
$ ip link add e0 address 02:00:00:00:00:01 type veth peer name p0 address 02:00:00:00:00:02
$ ip link add e1 address 02:00:00:00:00:03 type veth peer name p1 address 02:00:00:00:00:04
$ ip link set p0 up
$ ip link set p1 up
$ ip link set e0 up
$ ip link set e1 up
$ ip addr add 10.0.0.1/24 dev e0
$ ip addr add 10.1.0.1/24 dev e1
$ ip route add default via 10.1.0.9
";

/// A host that does not forward, without source checks: `e0` 10.0.0.1/24, `e1` 10.1.0.1/24, a default route by `e1`.
pub const HOST: &str = "
$ sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0 net.ipv4.conf.lo.rp_filter=0
$ sysctl -qw net.ipv4.conf.all.forwarding=0
$ ip link set lo up
$ ip link add e0 address 02:00:00:00:00:01 type veth peer name p0 address 02:00:00:00:00:02
$ ip link add e1 address 02:00:00:00:00:03 type veth peer name p1 address 02:00:00:00:00:04
$ ip link set p0 up
$ ip link set p1 up
$ ip link set e0 up
$ ip link set e1 up
$ ip addr add 10.0.0.1/24 dev e0
$ ip addr add 10.1.0.1/24 dev e1
$ ip route add default via 10.1.0.9
";
