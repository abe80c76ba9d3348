# Two VPNs add half of a default route each: the longest prefix goes before any metric, so one half decides.
# Ask: 2001:4860:4860::8888
ip link set lo up
ip tuntap add dev tun mode tun
ip tuntap add dev tun2 mode tun
ip tuntap add dev he6 mode tun
ip link set tun up
ip link set tun2 up
ip link set he6 up
ip addr add 2001:db8:a::2/64 dev tun
ip addr add 2001:db8:b::2/64 dev tun2
ip addr add 2001:db8:c::2/64 dev he6
ip -6 route add ::/1 dev tun2 metric 849
ip -6 route add 8000::/1 dev tun metric 848
ip -6 route add default dev he6 metric 1024
