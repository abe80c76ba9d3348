# The same before wg0 has its address: the handshake comes from the LAN's.
# Ask: 2001:db8:f::1 ipproto udp dport 51820
ip link set lo up
ip link add wan type dummy
ip link add lan type dummy
ip link add wg0 type wireguard
ip link set wan up
ip link set lan up
ip addr add 2001:db8:1::1/64 dev lan
ip -6 route add default via fe80::1 dev wan
