//! What ICMP tells others, and what it teaches this host.

use fingerpost_net::wire::{Header, Icmp, Ipv4, checksum, proto};
use zerocopy::IntoBytes;

use crate::both::Both;
use crate::commands;
use crate::host::{Host, ROUTER, edited, framed, icmp, ipv4, mac, udp, unframed};

/// A message about a packet.
pub fn about(src: &str, dst: &str, (kind, code): (u8, u8), rest: [u8; 4], quoted: &[u8]) -> Vec<u8> {
    let header = Icmp { kind, code, checksum: 0.into(), rest };
    let mut message = [header.as_bytes(), quoted].concat();
    let sum = checksum(&message);
    message[2..4].copy_from_slice(&sum.to_be_bytes());
    ipv4(src, dst, proto::ICMP, &message)
}

#[test]
fn c269_c270_who_could_go_directly_is_told_again_and_again_less_often() {
    let mut host = Host::new(ROUTER);
    host.run("ip route add 50.0.0.0/8 via 10.0.0.3\nip neigh add 10.0.0.3 lladdr 02:00:00:00:00:07 dev e0");
    let packet = udp("10.0.0.2", "50.0.0.1", b"data");
    let handled = host.packet("e0", &packet);
    let [redirect, forwarded] = &handled.emitted[..] else { panic!("{handled:?}") };
    let (_, header, message) = unframed(&redirect.bytes);
    assert_eq!(message[..8], [5, 1, message[2], message[3], 10, 0, 0, 3]);
    assert_eq!(header.source().to_string(), "10.0.0.1");
    // It quotes the packet as it is about to leave.
    assert_eq!(Ipv4::read(&message[8..]).unwrap().ttl, 63);
    assert_eq!(unframed(&forwarded.bytes).1.ttl, 63);
    let mut times = vec![0];
    for now in (5..3_000).step_by(5) {
        host.pass(5);
        if host.packet("e0", &packet).emitted.len() == 2 {
            times.push(now);
        }
    }
    let gaps: Vec<u64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert_eq!(gaps, [45, 85, 165, 325, 645, 1_285]);
}

#[test]
fn c147_c274_t41_a_path_mtu_is_believed_where_a_reply_is_quoted() {
    let mut host = Host::new(ROUTER);
    let reply = icmp("10.0.0.1", "20.0.0.9", 0, b"pong");
    host.packet("e1", &about("10.1.0.2", "10.0.0.1", (3, 4), [0, 0, 0x03, 0xe8], &reply));
    let echo = icmp("20.0.0.9", "10.0.0.1", 8, &[1; 1200]);
    let handled = host.packet("e1", &echo);
    // Longer than the path takes: it would be cut up.
    assert_eq!(host.learned("20.0.0.9"), Some(1000));
    assert!(handled.emitted.iter().all(|frame| frame.bytes.len() <= 14 + 1000));
    host.packet("e1", &about("10.1.0.2", "10.0.0.1", (3, 4), [0, 0, 0, 100], &reply));
    assert_eq!(host.learned("20.0.0.9"), Some(552));
    // A quote of what no socket sent teaches nothing.
    let quoted = udp("10.0.0.1", "20.0.0.8", b"data");
    host.packet("e1", &about("10.1.0.2", "10.0.0.1", (3, 4), [0, 0, 0x03, 0xe8], &quoted));
    assert_eq!((host.learned("20.0.0.8"), host.counted("IcmpInErrors")), (None, 1));
}

#[test]
fn c272_c273_another_gateway_is_taken_from_the_present_one_alone() {
    let reply = icmp("10.0.0.1", "20.0.0.9", 0, b"pong");
    let redirected = |host: &mut Host, from: &str, to: [u8; 4]| {
        host.packet("e1", &about(from, "10.0.0.1", (5, 1), to, &reply));
        let handled = host.packet("e1", &icmp("20.0.0.9", "10.0.0.1", 8, b"ping"));
        handled.emitted.last().map(|frame| frame.bytes[5])
    };
    let script = "sysctl -w net.ipv4.conf.e1.accept_redirects=1\nsysctl -w net.ipv4.ip_forward=0
ip neigh add 10.1.0.4 lladdr 02:00:00:00:00:04 dev e1";
    let mut host = Host::new(ROUTER);
    host.run(script);
    assert_eq!(redirected(&mut host, "10.1.0.5", [10, 1, 0, 4]), Some(3), "not from the gateway");
    assert_eq!(redirected(&mut host, "10.1.0.2", [224, 0, 0, 1]), Some(3), "no host");
    assert_eq!(redirected(&mut host, "10.1.0.2", [10, 1, 0, 1]), Some(3), "an own address");
    assert_eq!(redirected(&mut host, "10.1.0.2", [10, 1, 0, 4]), Some(4));
    host.run("ip route flush cache");
    assert_eq!(redirected(&mut host, "10.1.0.2", [10, 1, 0, 2]), Some(3), "the same");
}

#[test]
fn c272_c273_who_is_on_the_link_and_whose_path_is_known_is_its_own_gateway() {
    let mut host = Host::new(ROUTER);
    let setup = "sysctl -w net.ipv4.conf.e1.accept_redirects=1\nsysctl -w net.ipv4.ip_forward=0
ip neigh add 10.1.0.4 lladdr 02:00:00:00:00:04 dev e1";
    host.run(setup);
    let reply = icmp("10.1.0.1", "10.1.0.2", 0, b"pong");
    let answered = |host: &mut Host| {
        let handled = host.packet("e1", &icmp("10.1.0.2", "10.1.0.1", 8, b"ping"));
        handled.emitted.last().map(|frame| frame.bytes[5])
    };
    let redirect = about("10.1.0.2", "10.1.0.1", (5, 1), [10, 1, 0, 4], &reply);
    host.packet("e1", &redirect);
    assert_eq!(answered(&mut host), Some(3), "it goes to no gateway");
    host.packet("e1", &about("10.1.0.2", "10.1.0.1", (3, 4), [0, 0, 0x03, 0xe8], &reply));
    host.packet("e1", &redirect);
    assert_eq!(answered(&mut host), Some(4));
}

#[test]
fn c273_of_several_legs_the_redirect_itself_chooses_the_one_that_remembers() {
    let mut took = Vec::new();
    for seed in 1..=8 {
        let script = format!(
            "sysctl -w net.ipv6.conf.all.disable_ipv6=1
sysctl -w net.ipv6.conf.default.disable_ipv6=1
ip link set lo up
ip tuntap add e0 mode tap
ip link set e0 address 02:00:00:00:00:10 up
ip addr add 10.0.0.1/24 dev e0
ip neigh add 10.0.0.2 lladdr 02:00:00:00:00:02 dev e0
ip neigh add 10.0.0.3 lladdr 02:00:00:00:00:03 dev e0
ip neigh add 10.0.0.4 lladdr 02:00:00:00:00:04 dev e0
sysctl -w net.ipv4.fib_multipath_hash_seed={seed}
ip route add 20.0.0.0/8 nexthop via 10.0.0.2 nexthop via 10.0.0.4
"
        );
        let mut both = Both::new(&script);
        // Without options the quoted reply's type is looked at; with some, the number behind it.
        for (dst, padding, number) in [("20.0.0.1", 0, 0), ("20.0.0.2", 0, 0), ("20.0.0.3", 4, 5)] {
            let about_others = udp("1.2.3.4", "5.6.7.8", &[0; 20]);
            let mut reply = icmp("10.0.0.1", dst, 0, &[&[0; 4][..], &about_others].concat());
            reply[24] = number;
            let plain = about("10.0.0.2", "10.0.0.1", (5, 1), [10, 0, 0, 3], &reply);
            let redirect = with_noops(&plain, padding);
            both.frame("e0", &framed(mac(0x10), mac(2), &redirect));
            let echo = icmp(dst, "10.0.0.1", 8, b"ping");
            let handled = both.frame("e0", &framed(mac(0x10), mac(2), &echo));
            took.push(handled.emitted[0].bytes[5] == 3);
        }
        both.agree(commands::is_default_release());
    }
    assert!(took.contains(&true) && took.contains(&false), "{took:?}");
}

/// A packet with so many bytes of options that say nothing.
fn with_noops(packet: &[u8], count: usize) -> Vec<u8> {
    let mut packet = packet.to_vec();
    packet.splice(20..20, std::iter::repeat_n(1, count));
    edited(packet, |header| {
        header.version_ihl += (count / 4) as u8;
        header.total_len.set(header.total_len.get() + count as u16);
    })
}
