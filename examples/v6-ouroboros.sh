# A WAN without a global address: once wg0 is up, the handshake with its endpoint comes from inside the tunnel.
# Ask: 2001:db8:f::1 ipproto udp dport 51820
ip link set lo up
ip link add wan type dummy
ip link add lan type dummy
ip link add wg0 type wireguard
ip link set wan up
ip link set lan up
ip addr add 2001:db8:1::1/64 dev lan
ip -6 route add default via fe80::1 dev wan
ip addr add 2001:db8:f:2::2/64 dev wg0
ip link set wg0 up
