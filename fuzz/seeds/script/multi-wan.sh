# Two providers: answers leave by the line whose address they carry, the rest by the first line.
# Ask: 8.8.8.8 from 203.0.113.2
ip link set lo up
ip link add eth0 type dummy
ip link add eth1 type dummy
ip link set eth0 up
ip link set eth1 up
ip addr add 198.51.100.2/24 dev eth0
ip addr add 203.0.113.2/24 dev eth1
ip route add default via 198.51.100.1
ip route add default via 198.51.100.1 table 101
ip route add default via 203.0.113.1 table 102
ip rule add pref 101 from 198.51.100.2 lookup 101
ip rule add pref 102 from 203.0.113.2 lookup 102
