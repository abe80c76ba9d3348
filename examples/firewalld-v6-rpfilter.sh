# firewalld's IPv6 reverse-path rule looks up with the packet's mark: what the tunnel itself receives has none yet.
# Ask: 2001:db8:1::10 from 2001:db8:99::1 iif eth0 ipproto udp sport 51820
# Fib: saddr . mark . iif oif missing
ip link set lo up
ip link add eth0 type dummy
ip link add wg0 type wireguard
ip link set eth0 up
ip link set wg0 up
ip addr add 2001:db8:1::10/64 dev eth0
ip addr add fd00:99::2/128 dev wg0
ip -6 route add default via fe80::1 dev eth0
ip -6 route add default dev wg0 table 51820
ip -6 rule add not fwmark 51820 lookup 51820
ip -6 rule add lookup main suppress_prefixlength 0
