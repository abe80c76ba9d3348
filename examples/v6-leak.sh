# A VPN's split routes are IPv4's alone: IPv6 leaves beside the tunnel, by the router's default route.
# Ask: 2001:4860:4860::8888
ip link set lo up
ip link add eth0 type dummy
ip tuntap add dev tun0 mode tun
ip link set eth0 up
ip link set tun0 up
ip addr add 192.0.2.10/24 dev eth0
ip addr add 2001:db8:1::10/64 dev eth0
ip addr add 10.8.0.2/24 dev tun0
ip route add default via 192.0.2.1
ip route add 0.0.0.0/1 dev tun0
ip route add 128.0.0.0/1 dev tun0
ip -6 route add default via fe80::1 dev eth0
