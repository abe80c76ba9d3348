# CVE-2024-3661: a DHCP server adds a route more specific than the default route that wg-quick suppresses.
# Ask: 8.8.8.8
ip link set lo up
ip link add eth0 type dummy
ip link add wg0 type wireguard
ip link set eth0 up
ip link set wg0 up
ip addr add 192.168.1.20/24 dev eth0
ip addr add 10.100.0.2/32 dev wg0
ip route add default via 192.168.1.1
ip route add default dev wg0 table 51820
ip rule add not fwmark 51820 lookup 51820
ip rule add lookup main suppress_prefixlength 0
sysctl -qw net.ipv4.conf.all.src_valid_mark=1
ip route add 0.0.0.0/1 via 192.168.1.66 dev eth0
