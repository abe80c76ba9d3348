//! What is taught about destinations, and taught to others: path MTUs and redirects.

use fingerpost_engine::path::Outcome;
use fingerpost_engine::path::sockets::{Kind, Setting};
use fingerpost_model::NsId;
use fingerpost_net::Family;
use fingerpost_net::wire::{icmp6, nd};

use super::{FAR, OWN, PEER, ROUTER6, addr, echo, edited, message, option, parts, udp};
use crate::host::{Host, mac};

#[test]
fn t55_a_long_reply_leaves_in_pieces() {
    let mut host = Host::new(ROUTER6);
    let handled = host.enter(&echo(PEER, OWN, &[1; 1460]));
    let [first, second] = &handled.emitted[..] else { panic!("{handled:?}") };
    let word = |frame: &[u8]| u16::from_be_bytes([frame[56], frame[57]]);
    assert_eq!((first.bytes.len() - 14, word(&first.bytes)), (1496, 1));
    assert_eq!((second.bytes.len() - 14, word(&second.bytes)), (68, 1448));
    assert_eq!(first.bytes[58..62], second.bytes[58..62]);
    assert_eq!((host.counted("Ip6FragCreates"), host.counted("Ip6FragOKs")), (2, 1));
}

#[test]
fn t56_a_redirect_comes_before_the_packet() {
    let mut host = Host::new(ROUTER6);
    host.run("ip route add 2001:db8:65::/48 via fe80::2 dev e0");
    host.run("ip route add 2001:db8:30::/48 via 2001:db8::2");
    let handled = host.enter(&udp(PEER, "2001:db8:65::1", b"data"));
    let [redirect, forwarded] = &handled.emitted[..] else { panic!("{handled:?}") };
    let (_, header, message) = parts(&redirect.bytes);
    assert_eq!((header.source().to_string(), header.hop_limit), ("fe80::ff:fe00:10".into(), 255));
    assert_eq!(message[0], nd::REDIRECT);
    assert_eq!(message[8..24], addr("fe80::2").octets());
    assert_eq!(message[24..40], addr("2001:db8:65::1").octets());
    assert_eq!(message[40..48], option(nd::TARGET_ADDRESS, 2));
    assert_eq!(message[48..50], [nd::REDIRECTED, 7]); // 48 of the packet's 52 bytes.
    assert_eq!(parts(&forwarded.bytes).1.hop_limit, 63);
    // A gateway that is no neighbour by its link-local address is none to be told of.
    assert_eq!(host.enter(&udp(PEER, "2001:db8:30::1", b"")).emitted.len(), 1);
}

#[test]
fn t55_a_path_mtu_is_believed_of_anybody_who_quotes_icmpv6() {
    let mut host = Host::new(ROUTER6);
    let too_big =
        |mtu: u32, quoted: &[u8]| message("3000::99", OWN, icmp6::TOO_BIG, mtu.to_be_bytes(), quoted);
    let quote = message(OWN, PEER, icmp6::ECHO_REPLY, [0; 4], b"");
    // Neither smaller than IPv6 allows nor a datagram that nobody sent.
    host.enter(&too_big(1279, &quote));
    assert_eq!(host.enter(&too_big(1300, &udp(OWN, PEER, b""))).outcome, Outcome::Delivered);
    assert_eq!(
        (host.enter(&echo(PEER, OWN, &[1; 1400])).emitted.len(), host.counted("Icmp6InErrors")),
        (1, 1)
    );
    host.enter(&too_big(1300, &quote));
    assert_eq!(host.enter(&echo(PEER, OWN, &[1; 1400])).emitted.len(), 2);
    host.pass(600_000);
    assert_eq!(host.enter(&echo(PEER, OWN, &[1; 1400])).emitted.len(), 1);
}

/// Unlike one of IPv4 (`rawv6_err`, `raw_err`).
#[test]
fn t55_a_raw_socket_that_is_told_of_no_errors_learns_no_path_mtu() {
    const NS: NsId = NsId(0);
    let quote = edited(udp(OWN, PEER, b"12345678"), |header| header.next = 99);
    let sends = |settings: &[Setting], peer: Option<&str>| {
        let mut host = Host::new(ROUTER6);
        let id = host.world.socket(NS, Family::V6, Kind::Raw(99), 0).unwrap();
        settings.iter().for_each(|&setting| host.set(id, setting));
        if let Some(peer) = peer {
            host.connect(id, peer).unwrap();
        }
        host.enter(&message("3000::99", OWN, icmp6::TOO_BIG, 1300_u32.to_be_bytes(), &quote));
        let _ = host.world.socket_error(NS, id);
        host.send(id, Some("[2001:db8::2]:0"), &[0; 1400]).map(|frames| frames.len())
    };
    assert_eq!(sends(&[], None), Ok(1));
    assert_eq!(sends(&[], Some("[2001:db8::2]:0")), Ok(2));
    assert_eq!(sends(&[Setting::ReportsErrors(true)], None), Ok(2));
}

#[test]
fn t56_another_router_is_taken_from_the_present_one_alone() {
    const HOST6: &str = "
        sysctl -w net.ipv6.auto_flowlabels=0
        sysctl -w net.ipv6.conf.default.accept_dad=0
        ip link set lo up
        ip tuntap add e0 mode tap
        ip link set e0 address 02:00:00:00:00:10 up
        ip addr add 2001:db8::1/64 dev e0 nodad
        ip neigh add fe80::2 lladdr 02:00:00:00:00:02 dev e0
        ip route add default via fe80::2 dev e0";
    let redirect = |src: &str, target: &str, dst: &str, quoted: Option<&[u8]>| {
        let mut data = [addr(target).octets(), addr(dst).octets()].concat();
        data.extend(option(nd::TARGET_ADDRESS, 3));
        if let Some(quoted) = quoted {
            data.extend([nd::REDIRECTED, (quoted.len() / 8 + 1) as u8, 0, 0, 0, 0, 0, 0]);
            data.extend(quoted);
        }
        edited(message(src, OWN, nd::REDIRECT, [0; 4], &data), |header| header.hop_limit = 255)
    };
    let quote = message(OWN, FAR, icmp6::ECHO_REPLY, [0; 4], &[0; 8]);
    let way = |settings: &str, packet: &[u8]| {
        let mut host = Host::new(HOST6);
        host.run(settings);
        host.enter(packet);
        let handled = host.enter(&echo(FAR, OWN, b""));
        parts(&handled.emitted[0].bytes).0.dst[5]
    };
    assert_eq!(way("", &redirect("fe80::2", "fe80::3", FAR, None)), 3);
    assert_eq!(way("", &redirect("fe80::2", "fe80::3", FAR, Some(&quote))), 3);
    assert_eq!(way("", &redirect("fe80::2", FAR, FAR, Some(&quote))), 3);
    // From another, towards a far address, about another packet, where it is forbidden, by a route with an MTU.
    assert_eq!(way("", &redirect("fe80::4", "fe80::3", FAR, Some(&quote))), 2);
    assert_eq!(way("", &redirect("fe80::2", "2001:db8::3", FAR, Some(&quote))), 2);
    assert_eq!(way("", &redirect("fe80::2", "fe80::3", "2001:db8:20::2", Some(&quote))), 2);
    let packet = redirect("fe80::2", "fe80::3", FAR, Some(&quote));
    assert_eq!(way("sysctl -w net.ipv6.conf.e0.accept_redirects=0", &packet), 2);
    assert_eq!(way("sysctl -w net.ipv6.conf.e0.forwarding=1", &packet), 2);
    assert_eq!(way("ip route replace default via fe80::2 dev e0 mtu 1400", &packet), 2);
    // The packet that is quoted names the present router, whoever has been told of.
    let mut host = Host::new(HOST6);
    host.enter(&packet);
    host.enter(&redirect("fe80::3", "fe80::4", FAR, Some(&quote)));
    let handled = host.enter(&echo(FAR, OWN, b""));
    assert_eq!(parts(&handled.emitted[0].bytes).0.dst, mac(3));
}

#[test]
fn redirects_are_forgotten_after_half_a_minute() {
    let mut host = Host::new(ROUTER6);
    host.run("sysctl -w net.ipv6.conf.all.forwarding=0\nip route add default via fe80::2 dev e0");
    let mut data = [addr("fe80::3").octets(), addr("2600::1").octets()].concat();
    data.extend(option(nd::TARGET_ADDRESS, 3));
    let packet = message("fe80::2", OWN, nd::REDIRECT, [0; 4], &data);
    host.enter(&edited(packet, |header| header.hop_limit = 255));
    let by = |host: &mut Host| parts(&host.enter(&echo("2600::1", OWN, b"")).emitted[0].bytes).0.dst;
    host.pass(29_000);
    assert_eq!(by(&mut host), mac(3));
    host.pass(2_000);
    assert_eq!(by(&mut host), mac(2));
}
