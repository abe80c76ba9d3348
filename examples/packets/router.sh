ip link add eth0 type veth peer name p0
ip link add eth1 type veth peer name p1
ip link set eth0 address 02:00:00:00:00:01
ip link set eth1 address 02:00:00:00:00:02
ip link set eth0 up
ip link set eth1 up
ip link set p0 up
ip link set p1 up
ip addr add 10.0.0.1/24 dev eth0
ip addr add 10.1.0.1/24 dev eth1
sysctl -w net.ipv4.ip_forward=1
ip neigh add 10.0.0.9 lladdr 02:00:00:00:00:99 dev eth0
