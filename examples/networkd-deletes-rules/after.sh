# After a network daemon restarted: it deleted the rules it did not make, even 32766 and 32767.
# Ask: 8.8.8.8 mark 0x1
ip link set lo up
ip link add eth0 type dummy
ip link add eth1 type dummy
ip link set eth0 up
ip link set eth1 up
ip addr add 192.0.2.10/24 dev eth0
ip addr add 198.51.100.10/24 dev eth1
ip route add default via 192.0.2.1
ip route add default via 198.51.100.1 table 100
ip rule add pref 1000 fwmark 1 lookup 100
ip rule del pref 1000
ip rule del pref 32766
ip rule del pref 32767
