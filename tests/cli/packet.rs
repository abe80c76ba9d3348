//! `explain --packet`: a packet's whole way.

use serde_json::Value;

use crate::replay::{NEIGHBOUR, Pcapng, ROUTER, udp};
use crate::{Scratch, Told, fingerpost, told};

/// The router of captures, with IPv6 too.
pub fn router(name: &str, more: &str) -> Scratch {
    let six = "\
ip -6 addr add 2001:db8::1/64 dev eth0 nodad
ip -6 addr add 2001:db8:1::1/64 dev eth1 nodad
sysctl -w net.ipv6.conf.all.forwarding=1
ip -6 neigh add 2001:db8::9 lladdr 02:00:00:00:00:99 dev eth0
ip -6 neigh add 2001:db8:1::9 lladdr 02:00:00:00:00:aa dev eth1
ip link set tun0 up
ip addr add 10.2.0.1/24 dev tun0
";
    Scratch::new(&format!("{name}.sh"), [ROUTER, six, more].concat().as_bytes())
}

/// Explains a packet, given by words that are separated by blanks.
fn packet_on(name: &str, more: &str, words: &str) -> Told {
    let script = router(name, more);
    let mut command = fingerpost();
    command.args(["explain", "--packet", "--script", &script.path()]).args(words.split(' '));
    told(command.env("COLUMNS", "100").output().expect("the command runs"))
}

pub fn packet(name: &str, words: &str) -> Told {
    packet_on(name, "", words)
}

/// The answer alone, with the exit status.
pub fn answer(name: &str, more: &str, words: &str) -> (i32, String) {
    let (status, out, err) = packet_on(name, more, words);
    assert_eq!(err, "", "{words}");
    (status, out.lines().next().unwrap_or_default().to_string())
}

fn json(name: &str, more: &str, words: &str) -> Value {
    let (_, out, err) = packet_on(name, more, &format!("{words} --json"));
    assert_eq!(err, "");
    serde_json::from_str(&out).expect("an object")
}

#[track_caller]
pub fn check(told: Told, status: i32, text: &str) {
    assert_eq!(told, (status, text.to_string(), String::new()), "{}", told.1);
}
#[test]
fn a_forwarded_packet_passes_every_stage() {
    let told =
        packet("a_forwarded_packet_passes_every_stage", "--in eth0 --from 10.0.0.9 --to 10.1.0.9 --udp 53");
    check(
        told,
        0,
        "\
forwarded out of eth1 to 10.1.0.9 (02:00:00:00:00:aa)

packet       UDP 10.0.0.9:40000 > 10.1.0.9:53, 28 bytes, TTL 64
frame        from 02:00:00:00:00:99 to 02:00:00:00:00:01
receive      by eth0                                                                          ip_rcv
hook         PREROUTING, in eth0                                                        nf_hook_slow

input lookup  to 10.1.0.9, from 10.0.0.9, iif eth0, mark 0x0                     ip_route_input_slow
  no rule was ever changed: main, merged with local, and default are searched directly
  table main      10.1.0.0/24 dev eth1 src 10.1.0.1                                 fib_table_lookup
reverse path rp_filter is off and the source is no own address                   fib_validate_source

forward      it is for another host                                                       ip_forward
hook         FORWARD, in eth0, out eth1                                                 nf_hook_slow
output       by eth1                                                                       ip_output
hook         POSTROUTING, in eth0, out eth1                                             nf_hook_slow
next         10.1.0.9 on eth1                                                      ip_finish_output2
transmit     by eth1 to 02:00:00:00:00:aa, 28 bytes, TTL 63                         __dev_queue_xmit

counters     IpInReceives 1, IpForwDatagrams 1, IpOutTransmits 1, IpExtInOctets 28,
             IpExtOutOctets 28, IpExtInNoECTPkts 1
",
    );
}

/// C-230.
#[test]
fn without_a_hop_left_it_is_dropped_and_its_sender_told() {
    let told = packet(
        "without_a_hop_left_it_is_dropped_and_its_sender_told",
        "--in eth0 --from 10.0.0.9 --to 10.1.0.9 --udp 53 --ttl 1",
    );
    check(
        told,
        0,
        "\
dropped: IP_INHDR on eth0, its time to live is used up, and an ICMP time exceeded in transit (11/0) goes back to 10.0.0.9

packet       UDP 10.0.0.9:40000 > 10.1.0.9:53, 28 bytes, TTL 1
frame        from 02:00:00:00:00:99 to 02:00:00:00:00:01
receive      by eth0                                                                          ip_rcv
hook         PREROUTING, in eth0                                                        nf_hook_slow

input lookup  to 10.1.0.9, from 10.0.0.9, iif eth0, mark 0x0                     ip_route_input_slow
  no rule was ever changed: main, merged with local, and default are searched directly
  table main      10.1.0.0/24 dev eth1 src 10.1.0.1                                 fib_table_lookup
reverse path rp_filter is off and the source is no own address                   fib_validate_source

forward      it is for another host                                                       ip_forward
sends        ICMP time exceeded in transit (11/0) 10.0.0.1 > 10.0.0.9, by eth0           __icmp_send
  output lookup  to 10.0.0.9, mark 0x0, tos 0xc0, icmp 11/0: 10.0.0.0/24 dev eth0 src 10.0.0.1
dropped      IP_INHDR                                                             sk_skb_reason_drop

counters     IpInReceives 1, IpInHdrErrors 1, IpOutRequests 1, IpOutTransmits 1, IcmpOutMsgs 1,
             IcmpOutTimeExcds 1, IpExtInOctets 28, IpExtOutOctets 56, IpExtInNoECTPkts 1,
             IcmpMsgOutType11 1
",
    );
}

#[test]
fn what_the_reverse_path_filter_drops_shows_the_way_back() {
    let told = packet_on(
        "what_the_reverse_path_filter_drops_shows_the_way_back",
        "sysctl -w net.ipv4.conf.eth0.rp_filter=1\nip rule add from 10.2.0.0/24 lookup 100\n",
        "--in eth0 --from 10.2.0.9 --to 10.1.0.9 --tcp-syn 443",
    );
    check(
        told,
        0,
        "\
dropped: IP_RPFILTER on eth0, reverse-path filter: the way back does not satisfy it

packet       TCP SYN 10.2.0.9:40000 > 10.1.0.9:443, 40 bytes, TTL 64
frame        from 00:00:5e:00:53:01 to 02:00:00:00:00:01
receive      by eth0                                                                          ip_rcv
hook         PREROUTING, in eth0                                                        nf_hook_slow

input lookup  to 10.1.0.9, from 10.2.0.9, iif eth0, mark 0x0                     ip_route_input_slow
  rule 0      from all lookup local        no match                                 fib_table_lookup
  rule 32765  from 10.2.0.0/24 lookup 100  no match: the table does not exist
  rule 32766  from all lookup main         10.1.0.0/24 dev eth1 src 10.1.0.1  ◀ decides
  rule 32767  from all lookup default      not reached
reverse path full check: rp_filter is strict (the larger of all and the device)  fib_validate_source

reverse path lookup  to 10.2.0.9, from 10.1.0.9, iif eth1, mark 0x0            __fib_validate_source
  rule 0      from all lookup local        no match                                 fib_table_lookup
  rule 32765  from 10.2.0.0/24 lookup 100  does not match: from is 10.1.0.9, not 10.2.0.0/24
  rule 32766  from all lookup main         10.2.0.0/24 dev tun0 src 10.2.0.1  ◀ decides
  rule 32767  from all lookup default      not reached
reverse path refused: the way back leaves by another device                    __fib_validate_source

dropped      IP_RPFILTER                                                          sk_skb_reason_drop

counters     IpInReceives 1, TcpExtIPReversePathFilter 1, IpExtInOctets 40, IpExtInNoECTPkts 1
",
    );
}

#[test]
fn a_datagram_that_nobody_takes_is_answered() {
    let told = packet(
        "a_datagram_that_nobody_takes_is_answered",
        "--in eth0 --from 10.0.0.9 --to 10.0.0.1 --udp 53",
    );
    check(
        told,
        0,
        "\
dropped: NO_SOCKET on eth0, nobody listens, and an ICMP port unreachable (3/3) goes back to 10.0.0.9

packet       UDP 10.0.0.9:40000 > 10.0.0.1:53, 28 bytes, TTL 64
frame        from 02:00:00:00:00:99 to 02:00:00:00:00:01
receive      by eth0                                                                          ip_rcv
hook         PREROUTING, in eth0                                                        nf_hook_slow

input lookup  to 10.0.0.1, from 10.0.0.9, iif eth0, mark 0x0                     ip_route_input_slow
  no rule was ever changed: main, merged with local, and default are searched directly
  table main      local 10.0.0.1 dev eth0 src 10.0.0.1                              fib_table_lookup
reverse path rp_filter is off and the source is no own address                   fib_validate_source

deliver      to this host                                                           ip_local_deliver
hook         INPUT, in eth0                                                             nf_hook_slow
sends        ICMP port unreachable (3/3) 10.0.0.1 > 10.0.0.9, by eth0                    __icmp_send
  output lookup  to 10.0.0.9, from 10.0.0.1, mark 0x0, tos 0xc0, icmp 3/3: 10.0.0.0/24 dev eth0 src 10.0.0.1
dropped      NO_SOCKET                                                            sk_skb_reason_drop

counters     IpInReceives 1, IpInDelivers 1, IpOutRequests 1, IpOutTransmits 1, IcmpOutMsgs 1,
             IcmpOutDestUnreachs 1, UdpNoPorts 1, IpExtInOctets 28, IpExtOutOctets 56,
             IpExtInNoECTPkts 1, IcmpMsgOutType3 1
",
    );
}

#[test]
fn a_packet_waits_for_its_neighbour_and_time_tells_that_it_fails() {
    let told = packet(
        "a_packet_waits_for_its_neighbour_and_time_tells_that_it_fails",
        "--in eth0 --from 10.0.0.9 --to 10.1.0.7 --until 5",
    );
    check(
        told,
        0,
        "\
dropped after 3.072 s: NEIGH_FAILED on eth1, the neighbour does not answer, and an ICMP destination host unreachable (3/1) goes back to 10.0.0.9

packet       ICMP echo request (8/0) 10.0.0.9 > 10.1.0.7, 28 bytes, TTL 64
frame        from 02:00:00:00:00:99 to 02:00:00:00:00:01
receive      by eth0                                                                          ip_rcv
hook         PREROUTING, in eth0                                                        nf_hook_slow

input lookup  to 10.1.0.7, from 10.0.0.9, iif eth0, mark 0x0                     ip_route_input_slow
  no rule was ever changed: main, merged with local, and default are searched directly
  table main      10.1.0.0/24 dev eth1 src 10.1.0.1                                 fib_table_lookup
reverse path rp_filter is off and the source is no own address                   fib_validate_source

forward      it is for another host                                                       ip_forward
hook         FORWARD, in eth0, out eth1                                                 nf_hook_slow
output       by eth1                                                                       ip_output
hook         POSTROUTING, in eth0, out eth1                                             nf_hook_slow
next         10.1.0.7 on eth1                                                      ip_finish_output2
neighbour    10.1.0.7 on eth1 becomes INCOMPLETE                                  __neigh_event_send
waits        for the link-layer address of 10.1.0.7 on eth1
sends        ARP who has 10.1.0.7 tell 10.1.0.1, to everybody, by eth1                  arp_send_dst

time         1.024 s after the packet came
sends        ARP who has 10.1.0.7 tell 10.1.0.1, to everybody, by eth1                  arp_send_dst

time         2.048 s after the packet came
sends        ARP who has 10.1.0.7 tell 10.1.0.1, to everybody, by eth1                  arp_send_dst

time         3.072 s after the packet came
neighbour    10.1.0.7 on eth1 becomes FAILED                                     neigh_timer_handler
sends        ICMP destination host unreachable (3/1) 10.0.0.1 > 10.0.0.9, by eth0        __icmp_send
  output lookup  to 10.0.0.9, mark 0x0, tos 0xc0, icmp 3/1: 10.0.0.0/24 dev eth0 src 10.0.0.1
dropped      NEIGH_FAILED                                                         sk_skb_reason_drop

counters     IpInReceives 1, IpForwDatagrams 1, IpOutRequests 1, IpOutTransmits 2, IcmpOutMsgs 1,
             IcmpOutDestUnreachs 1, IpExtInOctets 28, IpExtOutOctets 84, IpExtInNoECTPkts 1,
             IcmpMsgOutType3 1
",
    );
}

#[test]
fn a_forwarded_packet_of_ipv6() {
    let told =
        packet("a_forwarded_packet_of_ipv6", "--in eth0 --from 2001:db8::9 --to 2001:db8:1::9 --tcp-syn 443");
    check(
        told,
        0,
        "\
forwarded out of eth1 to 2001:db8:1::9 (02:00:00:00:00:aa)

packet       TCP SYN [2001:db8::9]:40000 > [2001:db8:1::9]:443, 60 bytes, hop limit 64
frame        from 02:00:00:00:00:99 to 02:00:00:00:00:01
receive      by eth0                                                                        ipv6_rcv
hook         PREROUTING, in eth0                                                        nf_hook_slow

input lookup  to 2001:db8:1::9, from 2001:db8::9, iif eth0, mark 0x0, tcp, sport 40000, dport 443
  no rule was ever added: local, then main are searched directly
  table local     no match                                                         fib6_table_lookup
  table main      2001:db8:1::/64 dev eth1 metric 256                              fib6_table_lookup

forward      it is for another host                                                      ip6_forward
hook         FORWARD, in eth0, out eth1                                                 nf_hook_slow
output       by eth1                                                                      ip6_output
hook         POSTROUTING, in eth0, out eth1                                             nf_hook_slow
next         2001:db8:1::9 on eth1                                                ip6_finish_output2
transmit     by eth1 to 02:00:00:00:00:aa, 60 bytes, hop limit 63                   __dev_queue_xmit

counters     Ip6InReceives 1, Ip6OutForwDatagrams 1, Ip6InOctets 60, Ip6OutOctets 60,
             Ip6InNoECTPkts 1, Ip6OutTransmits 1
",
    );
}

#[test]
fn ipv6_neighbours_are_solicited_and_fail() {
    let told = packet(
        "ipv6_neighbours_are_solicited_and_fail",
        "--in eth0 --from 2001:db8::9 --to 2001:db8:1::7 --until 3.5",
    );
    check(
        told,
        0,
        "\
dropped after 3.072 s: NOT_SPECIFIED on eth1, the neighbour does not answer, and an ICMPv6 address unreachable (1/3) goes back to 2001:db8::9

packet       ICMPv6 echo request (128/0) 2001:db8::9 > 2001:db8:1::7, 48 bytes, hop limit 64
frame        from 02:00:00:00:00:99 to 02:00:00:00:00:01
receive      by eth0                                                                        ipv6_rcv
hook         PREROUTING, in eth0                                                        nf_hook_slow

input lookup  to 2001:db8:1::7, from 2001:db8::9, iif eth0, mark 0x0, icmpv6  ip6_route_input_lookup
  no rule was ever added: local, then main are searched directly
  table local     no match                                                         fib6_table_lookup
  table main      2001:db8:1::/64 dev eth1 metric 256                              fib6_table_lookup

forward      it is for another host                                                      ip6_forward
hook         FORWARD, in eth0, out eth1                                                 nf_hook_slow
output       by eth1                                                                      ip6_output
hook         POSTROUTING, in eth0, out eth1                                             nf_hook_slow
next         2001:db8:1::7 on eth1                                                ip6_finish_output2
neighbour    2001:db8:1::7 on eth1 becomes INCOMPLETE                             __neigh_event_send
waits        for the link-layer address of 2001:db8:1::7 on eth1
sends        neighbour solicitation, who has 2001:db8:1::7: fe80::ff:fe00:2 > ff02::1:ff00:7, by eth1

time         1.024 s after the packet came
sends        neighbour solicitation, who has 2001:db8:1::7: fe80::ff:fe00:2 > ff02::1:ff00:7, by eth1

time         2.048 s after the packet came
sends        neighbour solicitation, who has 2001:db8:1::7: fe80::ff:fe00:2 > ff02::1:ff00:7, by eth1

time         3.072 s after the packet came
neighbour    2001:db8:1::7 on eth1 becomes FAILED                                neigh_timer_handler
sends        ICMPv6 address unreachable (1/3) 2001:db8::1 > 2001:db8::9, by eth0          icmp6_send
  output lookup  to 2001:db8::9, from 2001:db8::1, mark 0x0, icmpv6 1/3: 2001:db8::/64 dev eth0 metric 256
  output lookup  to 2001:db8::9, from 2001:db8::1, mark 0x0, icmpv6 1/3: 2001:db8::/64 dev eth0 metric 256
  output lookup  to 2001:db8::9, from 2001:db8:1::7, oif eth0, mark 0x0, icmpv6: 2001:db8::/64 dev eth0 metric 256
dropped      NOT_SPECIFIED                                                        sk_skb_reason_drop

counters     Ip6InReceives 1, Ip6OutForwDatagrams 1, Ip6OutRequests 4, Ip6OutMcastPkts 3,
             Ip6InOctets 48, Ip6OutOctets 360, Ip6OutMcastOctets 216, Ip6InNoECTPkts 1,
             Ip6OutTransmits 5, Icmp6OutMsgs 4, Icmp6OutDestUnreachs 1, Icmp6OutNeighborSolicits 3,
             Icmp6OutType1 1, Icmp6OutType135 3
",
    );
}

/// What a host is changed by, a packet, and what becomes of it.
const ANSWERS: &[(&str, &str, &str)] = &[
    (
        "ip link set eth1 mtu 1400\n",
        "--in eth0 --from 10.0.0.9 --to 10.1.0.9 --udp 53 --len 1500 --df",
        "dropped: PKT_TOO_BIG on eth0, too long for its way and not to be cut up, and an ICMP fragmentation needed (3/4) goes back to 10.0.0.9",
    ),
    (
        "ip link set eth1 mtu 1400\n",
        "--in eth0 --from 10.0.0.9 --to 10.1.0.9 --udp 53 --len 1500",
        "forwarded out of eth1 to 10.1.0.9 (02:00:00:00:00:aa) in 2 pieces",
    ),
    (
        "ip link set eth1 mtu 1400\n",
        "--in eth0 --from 2001:db8::9 --to 2001:db8:1::9 --udp 53 --len 1500",
        "dropped: PKT_TOO_BIG on eth0, too long for its way and not to be cut up, and an ICMPv6 packet too big (2/0) goes back to 2001:db8::9",
    ),
    (
        "",
        "--in eth0 --from 2001:db8::9 --to 2001:db8:1::9 --ttl 1",
        "dropped: IP_INHDR on eth0, its hop limit is used up, and an ICMPv6 hop limit exceeded in transit (3/0) goes back to 2001:db8::9",
    ),
    (
        "",
        "--in eth0 --from 2001:db8::9 --to 2001:db8::1 --udp 53",
        "dropped: NO_SOCKET on eth0, nobody listens, and an ICMPv6 port unreachable (1/4) goes back to 2001:db8::9",
    ),
    (
        "",
        "--in eth0 --from 10.0.0.9 --to 10.0.0.1",
        "delivered to this host, and an ICMP echo reply (0/0) goes back to 10.0.0.9",
    ),
    (
        "",
        "--in eth0 --from 2001:db8::9 --to 2001:db8::1 --icmp echo",
        "delivered to this host, and an ICMPv6 echo reply (129/0) goes back to 2001:db8::9",
    ),
    (
        "",
        "--in eth0 --from 10.0.0.9 --to 10.0.0.1 --tcp-syn 22",
        "dropped: NO_SOCKET on eth0, nobody listens, and a TCP RST+ACK goes back to 10.0.0.9",
    ),
    (
        "",
        "--in eth0 --from 2001:db8::9 --to 2001:db8::1 --tcp 22",
        "dropped: NO_SOCKET on eth0, nobody listens, and a TCP RST goes back to 2001:db8::9",
    ),
    (
        "",
        "--in eth0 --from 127.0.0.1 --to 10.0.0.1",
        "dropped: IP_LOCALNET on eth0, 127/8 does not cross the wire (route_localnet is off)",
    ),
    (
        "",
        "--in eth0 --from 10.1.0.1 --to 10.0.0.1",
        "dropped: IP_LOCAL_SOURCE on eth0, its source is an own address (accept_local is off)",
    ),
    (
        "",
        "--in eth0 --from 224.0.0.1 --to 10.0.0.1",
        "dropped: IP_INVALID_SOURCE on eth0, its source can never be one here",
    ),
    (
        "",
        "--in eth0 --from ::1 --to 2001:db8::1",
        "dropped: IP_INHDR on eth0, no packet from a wire has such a header or addresses",
    ),
    (
        "",
        "--in eth0 --from 10.0.0.9 --to 8.8.8.8",
        "dropped: IP_INNOROUTES on eth0, no route, and an ICMP destination network unreachable (3/0) goes back to 10.0.0.9",
    ),
    (
        "",
        "--in eth0 --from 2001:db8::9 --to 2001:db9::1",
        "dropped: IP_INNOROUTES on eth0, no route, and an ICMPv6 no route to destination (1/0) goes back to 2001:db8::9",
    ),
    (
        "ip route add prohibit 8.8.8.8\n",
        "--in eth0 --from 10.0.0.9 --to 8.8.8.8",
        "dropped: NOT_SPECIFIED on eth0, a prohibit route or rule, and an ICMP communication administratively prohibited (3/13) goes back to 10.0.0.9",
    ),
    (
        "ip route add blackhole 8.8.8.8\n",
        "--in eth0 --from 10.0.0.9 --to 8.8.8.8",
        "dropped: NOT_SPECIFIED on eth0, a blackhole route or rule",
    ),
    (
        "sysctl -w net.ipv4.ip_forward=0\n",
        "--in eth0 --from 10.0.0.9 --to 10.1.0.9",
        "dropped: IP_INADDRERRORS on eth0, it is not for this host, which does not forward it",
    ),
    (
        "",
        "--in eth0 --from 10.0.0.9 --to 10.0.0.7",
        "waits for the link-layer address of 10.0.0.7 on eth0, which is asked for, and an ICMP redirect (5/1) goes back to 10.0.0.9",
    ),
    (
        "",
        "--in eth0 --from 10.0.0.9 --to 10.0.0.1 --arp",
        "delivered to this host, and an ARP reply goes back to 10.0.0.9",
    ),
    (
        "",
        "--in eth0 --from 10.0.0.9 --to 10.1.0.9 --to-mac 02:00:00:00:00:77",
        "dropped: OTHERHOST on eth0, its frame is for another host",
    ),
    (
        "",
        "--in eth0 --from 10.0.0.9 --to 10.0.0.255 --udp 9",
        "dropped: NOT_SPECIFIED on eth0, no protocol of this host takes it",
    ),
    (
        "",
        "--in eth0 --from 10.0.0.9 --to 239.1.1.1 --udp 9",
        "dropped: NOT_SPECIFIED on eth0, nobody joined the group on this device",
    ),
    (
        "",
        "--in eth0 --from 10.0.0.9 --to 10.0.0.1 --proto 200",
        "dropped: IP_NOPROTO on eth0, nobody speaks its protocol, and an ICMP protocol unreachable (3/2) goes back to 10.0.0.9",
    ),
    (
        "",
        "--in tun0 --from 10.2.0.9 --to 10.1.0.9 --udp 53",
        "forwarded out of eth1 to 10.1.0.9 (02:00:00:00:00:aa)",
    ),
    ("", "--in eth0 --from 10.0.0.9 --to 10.2.0.9 --udp 53", "forwarded out of tun0 to 10.2.0.9"),
    (
        "ip rule add fwmark 7 blackhole\n",
        "--in eth0 --from 10.0.0.9 --to 10.1.0.9 --mark 7",
        "dropped: NOT_SPECIFIED on eth0, a blackhole route or rule",
    ),
];

#[test]
fn what_becomes_of_packets() {
    for (n, (more, words, becomes)) in ANSWERS.iter().enumerate() {
        assert_eq!(answer(&format!("answer{n}"), more, words), (0, becomes.to_string()), "{words}");
    }
}

#[test]
fn a_choice_by_an_unknown_seed_is_unknown() {
    let more = "ip route add 20.0.0.0/8 nexthop via 10.1.0.9 nexthop via 10.0.0.9\n";
    let (status, out, _) = packet_on("open", more, "--in eth0 --from 10.0.0.9 --to 20.0.0.1");
    assert_eq!(status, 3);
    assert!(out.starts_with("unknown: a choice among hops by a hash"), "{out}");
    assert!(!out.contains("transmit") && !out.contains("counters"), "{out}");
}

#[test]
fn bad_input_has_a_place_and_a_remedy() {
    let ends = "--in eth0 --from 10.0.0.9 --to 10.0.0.1";
    for (words, complaint) in [
        ("--in eth0", "--to ADDRESS says where the packet goes; or give it with --hex or --pcap"),
        ("--in eth0 --to 10.0.0.1", "--from ADDRESS says where the packet comes from"),
        (
            "--from 10.0.0.9 --to 10.0.0.1",
            "--in DEV says by which device the packet comes; the host has lo, p0, eth0",
        ),
        ("--in eth9 --from 10.0.0.9 --to 10.0.0.1", "--in: the host has no device eth9; it has lo, p0, eth0"),
        ("--in eth0 --from 2001:db8::9 --to 10.0.0.1", "a packet's addresses are of one family"),
        (&format!("{ends} --udp x"), "'the port x': expected a port from 0 to 65535"),
        (&format!("{ends} --udp 1 --tcp 2"), "cannot be used with"),
        (&format!("{ends} --len 9"), "--len 9: expected 28 (the headers alone) to 65535 bytes"),
        (&format!("{ends} --icmp 3/4"), "an error quotes a packet; give it with --hex or --pcap"),
        (&format!("{ends} --mac 2"), "expected a link-layer address such as"),
        (&format!("{ends} --expect BOGUS"), "'BOGUS' is not part of an expectation"),
        (&format!("{ends} --verify"), "cannot be used with"),
        (&format!("{ends} --until soon"), "expected seconds, such as 3 or 0.5"),
        ("--in eth0 --from 2001:db8::9 --to 2001:db8::1 --df", "packets of IPv6 are never cut up"),
        ("--in eth0 --from 2001:db8::9 --to 2001:db8::1 --arp", "IPv6 has neighbour solicitations instead"),
        ("--in tun0 --from 10.2.0.9 --to 10.2.0.1 --arp", "no ARP comes by tun0"),
        ("--in eth0 --hex 450g", "--hex: character 4: 'g' is no hexadecimal digit"),
        ("--in eth0 --hex 450", "--hex: character 3: the last digit is half a byte"),
        ("--hex 45", "--in DEV says by which device"),
        ("--in eth0 --hex 45 10.0.0.1", "10.0.0.1: with --hex nothing else says what the packet is"),
        ("--in tun0 --hex 45 --frame", "what comes by tun0 has no link header"),
        ("--nth 2", "--pcap"),
        ("-", "there is one packet at a time"),
    ] {
        let (status, out, err) = packet("bad", words);
        assert_eq!((status, out.as_str()), (2, ""), "{words}");
        assert!(err.contains(complaint), "{words}: {err}");
    }
}

#[test]
fn any_bytes_are_a_packet() {
    for (words, becomes) in [
        ("--in eth0 --hex 4500", "dropped: IP_INHDR on eth0, its header cannot be one"),
        ("--in eth0 --frame --hex 0200", "dropped: PKT_TOO_SMALL on eth0, it is shorter than it claims"),
        ("--in tun0 --hex 00", "dropped: NOT_SPECIFIED on tun0"),
        ("--in eth0 --frame --hex 020000000001020000000099ffff00", "dropped: UNHANDLED_PROTO on eth0"),
    ] {
        let (status, becomes_really) = answer("bytes", "", words);
        assert_eq!(status, 0);
        assert!(becomes_really.starts_with(becomes), "{words}: {becomes_really}");
    }
}

#[test]
fn a_packet_is_the_same_in_words_digits_and_a_capture() {
    let words = json("words", "", "--in eth0 --from 10.0.0.9 --to 10.1.0.9 --udp 9 --sport 7 --len 32");
    let frame = words["packet"]["frame"].as_str().expect("a frame");
    let digits = json("digits", "", &format!("--in eth0 --frame --hex {frame}"));
    assert_eq!(words, digits);
    let packet = &frame[28..];
    assert_eq!(words, json("packet", "", &format!("--in eth0 --mac 02:00:00:00:00:99 --hex {packet}")));
    let bytes: Vec<u8> =
        (0..frame.len()).step_by(2).map(|at| u8::from_str_radix(&frame[at..at + 2], 16).unwrap()).collect();
    let capture = Pcapng::of(&[("eth0", 1), ("other", 1)])
        .packet(0, 0, &udp(NEIGHBOUR, [10, 0, 0, 1]))
        .packet(0, 9, &bytes)
        .packet(1, 9, &bytes)
        .long_packet(0, 9, &bytes, 99);
    let capture = Scratch::new("journey.pcapng", &capture.0);
    let path = capture.path();
    assert_eq!(words, json("second", "", &format!("--pcap {path} --nth 2")));
    assert_eq!(words, json("third", "", &format!("--pcap {path} --nth 3 --on eth0")));
    for (words, complaint) in [
        ("--nth 3", "it was captured on other, which the host does not have"),
        ("--nth 4", "only the first 46 of its 99 bytes were captured"),
        ("--nth 5", "there is no packet 5; it has 4"),
        ("--nth 0", "the first packet is 1"),
    ] {
        let (status, _, err) = crate::packet::packet("capture", &format!("--pcap {path} {words}"));
        assert!(status == 2 && err.contains(complaint), "{words}: {err}");
    }
}

#[test]
fn what_is_emitted_and_counted_is_what_replay_tells() {
    let journey = json("told", "", "--in eth0 --from 10.0.0.9 --to 10.1.0.9 --udp 9 --ttl 1");
    let side = &journey["steps"].as_array().expect("steps").iter().find_map(|step| step.get("side")).unwrap();
    assert_eq!(
        (&side["dev"], &side["outcome"], &side["to"]),
        (&"eth0".into(), &"sent".into(), &"10.0.0.9".into())
    );
    assert_eq!(side["function"], "__icmp_send");
    let frame = side["frame"].as_str().expect("a frame");
    assert!(frame.starts_with("02000000009902000000000108004"), "{frame}");
    assert_eq!(journey["outcome"]["drop_reason"], "IP_INHDR");
    assert_eq!(journey["outcome"]["verdict"], "dropped");
    assert_eq!(journey["counters"]["IcmpOutTimeExcds"], 1);
    assert_eq!(journey["packet"]["link"][1], "02:00:00:00:00:01");
}

#[test]
fn an_expectation_holds_or_is_violated() {
    let ends = "--in eth0 --from 10.0.0.9 --to 10.1.0.9";
    let expect = |words: &str, what: &str| {
        let script = router("expect", "ip route add 20.0.0.0/8 via 10.1.0.9\n");
        let mut command = fingerpost();
        command.args(["explain", "--packet", "--script", &script.path()]).args(words.split(' '));
        told(command.args(["--expect", what]).output().expect("the command runs"))
    };
    assert_eq!(expect(ends, "dev eth1").0, 0);
    assert_eq!(expect(ends, "forwarded dev eth1 table main type unicast").0, 0);
    assert_eq!(expect("--in eth0 --from 10.0.0.9 --to 20.0.0.1", "via 10.1.0.9").0, 0);
    assert_eq!(expect("--in eth0 --from 10.0.0.9 --to 10.1.0.7", "queued").0, 0);
    assert_eq!(expect("--in eth0 --from 10.0.0.9 --to 10.1.0.7 --until 9", "NEIGH_FAILED").0, 0);
    assert_eq!(expect("--in eth0 --from 127.0.0.1 --to 10.1.0.9", "dropped reason IP_LOCALNET").0, 0);
    let (status, _, err) = expect(ends, "dropped");
    let violation =
        "fingerpost: expected dropped, but forwarded out of eth1 to 10.1.0.9 (02:00:00:00:00:aa)\n";
    assert_eq!((status, err.as_str()), (1, violation));
}

/// C-203.
#[test]
fn a_martian_is_logged() {
    let words = "--in eth0 --from 127.0.0.1 --to 10.0.0.1";
    let (_, out, _) = packet_on("martian", "sysctl -w net.ipv4.conf.all.log_martians=1\n", words);
    let line = out.lines().find(|line| line.starts_with("log ")).expect("a line of the log");
    assert!(line.contains("IPv4: martian source 10.0.0.1 from 127.0.0.1, on dev eth0; ll header:"), "{line}");
}

#[test]
fn a_bridge_passes_frames_on() {
    let bridge = "\
ip link add br0 type bridge
ip link set br0 address 02:00:00:00:00:10
ip link set br0 up
ip link add eth0 type veth peer name p0
ip link add eth1 type veth peer name p1
ip link set eth0 master br0
ip link set eth1 master br0
ip link set eth0 up
ip link set eth1 up
ip link set p0 up
ip link set p1 up
ip addr add 10.0.0.1/24 dev br0
ip neigh add 10.0.0.9 lladdr 02:00:00:00:00:99 dev br0
";
    let script = Scratch::new("bridge.sh", bridge.as_bytes());
    let answer = |words: &str| {
        let mut command = fingerpost();
        command.args(["explain", "--packet", "--script", &script.path()]).args(words.split(' '));
        let (status, out, err) = told(command.output().expect("the command runs"));
        assert_eq!((status, err.as_str()), (0, ""), "{words}");
        out.lines().next().unwrap_or_default().to_string()
    };
    assert_eq!(
        answer("--in eth0 --from 10.0.0.9 --to 10.0.0.5 --to-mac 02:00:00:00:00:55"),
        "passed on by the bridge out of eth1 (02:00:00:00:00:55)"
    );
    assert_eq!(
        answer("--in eth0 --from 10.0.0.9 --to 10.0.0.1"),
        "delivered to this host, and an ICMP echo reply (0/0) goes back to 10.0.0.9"
    );
}
