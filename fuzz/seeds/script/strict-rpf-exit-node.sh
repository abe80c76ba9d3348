# An exit node's route for all traffic, and strict reverse-path filtering: unmarked replies on eth0 are dropped.
# Ask: 192.0.2.10 from 169.254.169.254 iif eth0
ip link set lo up
ip link add eth0 type dummy
ip tuntap add dev tailscale0 mode tun
ip link set eth0 up
ip link set tailscale0 up
ip addr add 192.0.2.10/24 dev eth0
ip addr add 100.64.0.5/32 dev tailscale0
ip route add default via 192.0.2.1
ip route add default dev tailscale0 table 52
ip rule add pref 5270 lookup 52
sysctl -qw net.ipv4.conf.all.rp_filter=1
