# rp_filter is the larger of conf.all and conf.eth0: (all, eth0) = (1, 0) drops a source whose way back is eth1.
# Ask: 192.0.2.10 from 203.0.113.9 iif eth0
ip link set lo up
ip link add eth0 type dummy
ip link add eth1 type dummy
ip link set eth0 up
ip link set eth1 up
ip addr add 192.0.2.10/24 dev eth0
ip addr add 203.0.113.2/24 dev eth1
sysctl -qw net.ipv4.conf.all.rp_filter=1
sysctl -qw net.ipv4.conf.eth0.rp_filter=0
