# A host with one card and a default gateway.
# Ask: 8.8.8.8
sysctl -qw net.ipv4.conf.all.forwarding=0
ip link set lo up
ip link add eth0 type dummy
ip link set eth0 up
ip addr add 192.0.2.10/24 dev eth0
ip route add default via 192.0.2.1
