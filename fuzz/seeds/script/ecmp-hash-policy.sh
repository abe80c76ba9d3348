# Two equal paths, hash policy 0: every stream between two hosts takes the same one.
# Ask: 203.0.113.9 ipproto tcp sport 40000 dport 443
ip link set lo up
ip link add eth0 type dummy
ip link add eth1 type dummy
ip link set eth0 up
ip link set eth1 up
ip addr add 192.0.2.10/24 dev eth0
ip addr add 198.51.100.10/24 dev eth1
sysctl -qw net.ipv4.fib_multipath_hash_seed=12345
sysctl -qw net.ipv4.fib_multipath_hash_policy=0
ip route add default nexthop via 192.0.2.1 nexthop via 198.51.100.1
