//! `explain --send`, `--connect` and `--listen`: what a program of the host does.

use serde_json::Value;

use crate::packet::{check, router};
use crate::{Told, fingerpost, told};

/// Explains what a program does, on the router.
fn program(name: &str, more: &str, words: &str) -> Told {
    let script = router(name, &["ip link set lo up\n", more].concat());
    let mut command = fingerpost();
    command.args(["explain", "--script", &script.path()]).args(words.split(' '));
    told(command.env("COLUMNS", "100").output().expect("the command runs"))
}

#[test]
fn a_datagram_of_this_host_is_sent() {
    check(
        program("send", "", "--send --udp 53 --to 10.1.0.9"),
        0,
        "\
sent out of eth1 to 10.1.0.9 (02:00:00:00:00:aa)

packet       UDP 10.1.0.1:40000 > 10.1.0.9:53, 28 bytes, TTL 64, DF

output lookup  to 10.1.0.9, mark 0x0, udp, sport 40000, dport 53        ip_route_output_key_hash_rcu
  no rule was ever changed: main, merged with local, and default are searched directly
  table main      10.1.0.0/24 dev eth1 src 10.1.0.1                                 fib_table_lookup
source       10.1.0.1: the route names it                                           inet_select_addr

local out                                                                               ip_local_out
hook         OUTPUT, out eth1                                                           nf_hook_slow
output       by eth1                                                                       ip_output
hook         POSTROUTING, out eth1                                                      nf_hook_slow
next         10.1.0.9 on eth1                                                      ip_finish_output2
transmit     by eth1 to 02:00:00:00:00:aa, 28 bytes, TTL 64, DF                     __dev_queue_xmit

counters     IpOutRequests 1, IpOutTransmits 1, UdpOutDatagrams 1, IpExtOutOctets 28
",
    );
}

#[test]
fn what_becomes_of_a_program() {
    for (n, (more, words, becomes)) in [
        ("", "--send --to 10.1.0.9", "sent out of eth1 to 10.1.0.9 (02:00:00:00:00:aa)"),
        ("", "--send --udp 53 --to 10.1.0.9 --len 2000", "sent out of eth1 to 10.1.0.9 (02:00:00:00:00:aa) in 2 pieces"),
        ("", "--send --udp 53 --to 10.1.0.9 --len 2000 --df", "refused: sendmsg fails: Message too long (EMSGSIZE)"),
        ("", "--send --udp 53 --to 8.8.8.8", "refused: sendmsg fails: Network is unreachable (ENETUNREACH)"),
        ("", "--send --udp 53 --to 10.1.0.9 --from 10.9.9.9", "refused: bind fails: Cannot assign requested address (EADDRNOTAVAIL)"),
        ("", "--send --udp 53 --to 10.1.0.7 --until 4", "dropped after 3.072 s: NEIGH_FAILED on eth1, the neighbour does not answer, and an ICMP destination host unreachable (3/1) goes to 10.1.0.1, which is this host"),
        ("", "--send --udp 53 --to 10.0.0.1", "dropped: NO_SOCKET on lo, nobody listens, and an ICMP port unreachable (3/3) goes to 10.0.0.1, which is this host"),
        ("ip link set lo down\n", "--send --udp 53 --to 10.0.0.1", "dropped: QDISC_DROP on lo, the device is down or has no carrier"),
        ("ip rule add fwmark 7 prohibit\n", "--send --udp 53 --to 10.1.0.9 --mark 7", "refused: sendmsg fails: Permission denied (EACCES)"),
        ("", "--send --udp 53 --to 8.8.8.8 --bind-dev eth0", "waits for the link-layer address of 8.8.8.8 on eth0, which is asked for"),
        ("", "--send --udp 53 --to 2001:db8:1::9", "sent out of eth1 to 2001:db8:1::9 (02:00:00:00:00:aa)"),
        ("", "--send --icmp echo --to 2001:db8:1::9", "sent out of eth1 to 2001:db8:1::9 (02:00:00:00:00:aa)"),
        ("", "--connect --udp 53 --to 10.1.0.9", "connected to 10.1.0.9:53 from 10.1.0.1:40000, out of eth1"),
        ("", "--connect --udp 53 --to 8.8.8.8", "refused: connect fails: Network is unreachable (ENETUNREACH)"),
        ("", "--connect --udp 53 --to 2001:db8:1::9", "connected to [2001:db8:1::9]:53 from [2001:db8:1::1]:40000, out of eth1"),
        ("", "--connect --tcp 443 --to 10.1.0.9", "sent out of eth1 to 10.1.0.9 (02:00:00:00:00:aa)"),
        ("", "--connect --tcp 443 --to 2001:db8:1::9", "sent out of eth1 to 2001:db8:1::9 (02:00:00:00:00:aa)"),
        ("", "--connect --tcp 443 --to 8.8.8.8", "refused: connect fails: Network is unreachable (ENETUNREACH)"),
        (
            "",
            "--packet --in eth0 --from 10.0.0.9 --to 10.0.0.1 --tcp-syn 443 --listen --until 2",
            "taken by this host, and a TCP SYN+ACK goes back to 10.0.0.9",
        ),
        (
            "",
            "--packet --in eth0 --from 10.0.0.9 --to 10.0.0.1 --tcp-syn 443 --listen --bind-dev eth1",
            "dropped: NO_SOCKET on eth0, nobody listens, and a TCP RST+ACK goes back to 10.0.0.9",
        ),
        ("", "--packet --in eth0 --from 10.0.0.9 --to 10.0.0.1 --udp 53 --listen", "delivered to this host"),
        ("", "--packet --in eth0 --from 2001:db8::9 --to 2001:db8::1 --udp 53 --listen", "delivered to this host"),
    ]
    .iter()
    .enumerate()
    {
        let (status, out, err) = program(&format!("program{n}"), more, words);
        let first = out.lines().next().unwrap_or_default();
        assert_eq!((status, first, err.as_str()), (0, *becomes, ""), "{words}");
    }
}

/// C-170.
#[test]
fn a_connect_with_an_open_source_takes_two_lookups() {
    let (_, out, _) = program("lookups", "", "--connect --udp 53 --to 10.1.0.9 --json");
    let journey: Value = serde_json::from_str(&out).expect("an object");
    let keys: Vec<&Value> =
        journey["steps"].as_array().expect("steps").iter().map(|step| &step["lookup"]["key"]).collect();
    assert_eq!(keys.iter().map(|key| key["from"].as_str()).collect::<Vec<_>>(), [None, Some("10.1.0.1")]);
    assert_eq!(journey["outcome"]["verdict"], "connected");
    assert_eq!(journey["outcome"]["source"], "10.1.0.1");
}

#[test]
fn what_a_program_cannot_be_asked_for() {
    for (words, complaint) in [
        ("--send", "--to ADDRESS says where the packet goes"),
        ("--send --to 10.1.0.9 --in eth0", "what a program of this host sends comes by no device"),
        ("--send --to 10.1.0.9 --bind-dev eth9", "--bind-dev: the host has no device eth9; it has lo, p0"),
        ("--send --connect --to 10.1.0.9", "cannot be used with"),
        ("--send 10.1.0.9 iif eth0", "what a program of this host sends comes by no device"),
        ("--packet --bind-dev eth0", "--to ADDRESS says where the packet goes"),
        ("--send --tcp 5 --to 10.1.0.9", "--connect shows how one begins"),
        ("--udp 53", "--packet"),
    ] {
        let (status, out, err) = program("wrong", "", words);
        assert_eq!((status, out.as_str()), (2, ""), "{words}");
        assert!(err.contains(complaint), "{words}: {err}");
    }
}

/// C-177: the request has the packet's mark where that is accepted.
#[test]
fn an_answer_to_a_marked_segment_is_routed_by_its_mark() {
    let table = "ip rule add fwmark 7 lookup 100\nip route add default via 10.1.0.9 table 100\n";
    let words = "--packet --in eth0 --from 10.0.0.9 --to 10.0.0.1 --tcp-syn 443 --listen --mark 7 --json";
    for (setting, dev) in [("0", "eth0"), ("1", "eth1")] {
        let more = format!("{table}sysctl -w net.ipv4.tcp_fwmark_accept={setting}\n");
        let (_, out, _) = program("mark", &more, words);
        let journey: Value = serde_json::from_str(&out).expect("an object");
        let sides = journey["steps"].as_array().expect("steps").iter().filter_map(|step| step.get("side"));
        let devices: Vec<&Value> = sides.map(|side| &side["dev"]).collect();
        assert_eq!(devices, [dev], "{out}");
    }
}

#[test]
fn a_frame_of_a_vlan_leaves_over_the_device_below() {
    let more = "\
ip link add link eth1 name eth1.5 type vlan id 5
ip link set eth1.5 up
ip addr add 10.5.0.1/24 dev eth1.5
ip neigh add 10.5.0.9 lladdr 02:00:00:00:00:55 dev eth1.5
";
    let (status, out, _) = program("vlan", more, "--send --udp 53 --to 10.5.0.9");
    assert_eq!(status, 0);
    assert!(out.starts_with("sent out of eth1.5 to 10.5.0.9 (02:00:00:00:00:55)\n"), "{out}");
    let transmit = out.lines().find(|line| line.starts_with("transmit")).expect("a frame");
    assert!(transmit.contains("by eth1.5 over eth1 to 02:00:00:00:00:55, VLAN 5, 28 bytes"), "{transmit}");
}
