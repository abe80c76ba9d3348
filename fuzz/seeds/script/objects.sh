ip link add e0 type veth peer name e1
ip link set e0 up
ip addr add 10.0.0.1/24 brd + dev e0 label e0:x metric 5
ip -batch x
ip nexthop add id 1 via 10.0.0.7 dev e0
ip nexthop add id 2 group 1,3 type resilient buckets 8
ip route add 20.0.0.0/8 nexthop via 10.0.0.3 dev e0 weight 3 nexthop via 10.0.0.4 weight 2
ip route replace default via 10.0.0.9 metric 100 mtu lock 1400 realms 1/2 src 10.0.0.1 onlink
ip rule add pref 10 not from 10.0.0.0/8 fwmark 1/0xff uidrange 1-2 ipproto tcp sport 1-5 iif e0 suppress_prefixlength 0 goto 30
ip neigh add 10.0.0.3 lladdr 02:00:00:00:00:03 nud permanent dev e0
ip -j -d -p route get fibmatch 20.1.1.1 from 10.0.0.1 mark 7 tos 0x10
ip -br -o addr show up
ip netns add a
ip netns exec a ip link
ip -n a -j link
ip route flush table all proto static
sysctl -w net.ipv4.conf.e0.rp_filter=2
cat /proc/net/fib_trie /proc/net/route
