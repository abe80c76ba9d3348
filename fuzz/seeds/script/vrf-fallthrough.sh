# A VRF's table without a default route: a miss falls through to main, a leak.
# Ask: 8.8.8.8 vrf blue
ip link set lo up
ip link add eth0 type dummy
ip link add blue type vrf table 10
ip link add eth1 type dummy
ip link set blue up
ip link set eth1 master blue
ip link set eth0 up
ip link set eth1 up
ip addr add 192.0.2.10/24 dev eth0
ip addr add 10.1.1.1/24 dev eth1
ip route add default via 192.0.2.1
