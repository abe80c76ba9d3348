# A kill switch contains what goes out, and keeps a listener from answering.
# Ask: 198.51.100.9 from 192.0.2.10
ip link set lo up
ip link add eth0 type dummy
ip link add wg0 type wireguard
ip link set eth0 up
ip addr add 192.0.2.10/24 dev eth0
ip addr add 10.100.0.2/32 dev wg0
ip route add default via 192.0.2.1
ip rule add pref 75 lookup 75
ip rule add pref 76 unreachable
