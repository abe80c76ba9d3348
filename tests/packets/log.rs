//! What Linux writes to its log about packets (`log_martians`).

use std::sync::{Mutex, PoisonError};

use fingerpost_engine::Behaviour;
use fingerpost_engine::path::Logged;
use fingerpost_engine::trace::{Event, Tracer};
use fingerpost_model::NsId;
use fingerpost_net::wire::{Arp, Ethernet, Header, Ipv4, ethertype, icmp};
use zerocopy::IntoBytes;

use crate::host::{Host, ROUTER, framed, mac, udp};
use crate::kernel::{Asked, Step, ask};

const WATCHED: &str = "
sysctl -w net.ipv6.conf.default.disable_ipv6=1
sysctl -w net.ipv4.conf.e0.log_martians=1
sysctl -w net.ipv4.conf.e0.rp_filter=1
ip route add 198.51.100.0/24 via 10.0.0.2
";

/// The texts of what a frame has logged.
fn logged(host: &mut Host, frame: &[u8]) -> Vec<String> {
    let (dev, mut events) = (host.device("e0"), Vec::<Event>::new());
    host.world.receive(NsId(0), dev, frame, &mut Tracer::on(&mut events)).unwrap();
    let ns = host.world.ns(NsId(0)).unwrap();
    let name = |dev: u32| ns.config.links.get(dev).map_or(String::new(), |link| link.name().to_owned());
    let texts = events.iter().filter_map(|event| match event {
        Event::Logged { what } => Some(what.text(&host.world.behaviour, name)),
        _ => None,
    });
    texts.collect()
}

/// What the kernel logs, without time, level and what is not about packets. Others may use
/// up what it logs in five seconds: then it is asked again.
fn kernel_logs(setup: &str, frames: &[Vec<u8>], expected: &[String]) -> Option<Vec<String>> {
    let steps: Vec<Step> = frames.iter().map(|frame| Step::Frame("e0", frame.clone())).collect();
    let tell = "dmesg --notime | tac | sed '/^packets from here/q' | tac | (grep -A1 '^IPv4: ' || :)";
    let rules = "echo packets from here > /dev/kmsg";
    let mut lines = Vec::new();
    // The log is the machine's, and limits how much is written to it within a time.
    static ALONE: Mutex<()> = Mutex::new(());
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    for _ in 0..5 {
        let did = ask(&Asked { rules, tell, ..Asked::of(setup, &steps) })?;
        let about =
            |line: &&str| ["IPv4: ", "ll header: ", "  Advised"].iter().any(|it| line.starts_with(it));
        lines = did.said.lines().filter(about).map(str::to_owned).collect();
        if lines == expected {
            break;
        }
        std::thread::sleep(std::time::Duration::from_secs(6));
    }
    Some(lines)
}

/// An ARP request as from somebody with this address.
fn arp(sender: &str, target: &str) -> Vec<u8> {
    let arp = Arp::new(Arp::REQUEST, (mac(2), sender.parse().unwrap()), ([0; 6], target.parse().unwrap()));
    let header = Ethernet { dst: [0xff; 6], src: mac(2), ethertype: ethertype::ARP.into() };
    [header.as_bytes(), arp.as_bytes()].concat()
}

#[test]
fn c203_martians_are_logged_with_their_link_header() {
    let to = |src: &str, dst: &str| framed(mac(0x10), mac(2), &udp(src, dst, b"data"));
    let frames = [
        to("127.0.0.1", "10.1.0.9"),
        to("10.1.0.7", "10.1.0.9"),
        to("0.0.0.0", "10.0.0.1"),
        to("224.0.0.1", "20.0.0.1"),
        to("203.0.113.9", "10.0.0.255"),
        to("10.0.0.2", "0.0.0.0"),
        to("127.0.0.1", "127.0.0.2"),
        arp("10.1.0.7", "10.0.0.1"),
        // Nothing is said of these.
        to("20.9.9.9", "224.0.0.1"),
        to("10.0.0.2", "40.0.0.1"),
    ];
    let setup = format!("{ROUTER}{WATCHED}");
    let mut host = Host::new(&setup);
    let texts: Vec<String> = frames.iter().flat_map(|frame| logged(&mut host, frame)).collect();
    let lines: Vec<String> = texts.iter().flat_map(|text| text.lines()).map(str::to_owned).collect();
    assert_eq!(
        lines[..4],
        [
            "IPv4: martian source 10.1.0.9 from 127.0.0.1, on dev e0",
            "ll header: 00000000: 02 00 00 00 00 10 02 00 00 00 00 02 08 00",
            "IPv4: martian source 10.1.0.9 from 10.1.0.7, on dev e0",
            "ll header: 00000000: 02 00 00 00 00 10 02 00 00 00 00 02 08 00",
        ]
    );
    assert_eq!(texts.len(), 8);
    if let Some(theirs) = kernel_logs(&setup, &frames, &lines) {
        assert_eq!(lines, theirs, "here, and in the kernel");
    }
}

#[test]
fn c203_source_routes_and_redirects_are_logged_too() {
    let routed = {
        let packet = udp("10.0.0.2", "20.0.0.1", b"data");
        let whole = [&packet[..20], &[131, 7, 4, 20, 0, 0, 1, 0], &packet[20..]].concat();
        crate::host::edited(whole, |header| {
            header.version_ihl = 0x47;
            header.total_len.set(header.total_len.get() + 8);
        })
    };
    // A redirect by the gateway, to itself.
    let quoted = crate::host::icmp("10.0.0.1", "198.51.100.7", 0, b"pong");
    let mut message = vec![icmp::REDIRECT, 1, 0, 0, 10, 0, 0, 2];
    message.extend_from_slice(&quoted[..28]);
    let sum = fingerpost_net::wire::checksum(&message);
    message[2..4].copy_from_slice(&sum.to_be_bytes());
    let redirect = crate::host::ipv4("10.0.0.2", "10.0.0.1", 1, &message);
    let frames = [routed, redirect].map(|packet| framed(mac(0x10), mac(2), &packet));
    let setup = format!("{ROUTER}{WATCHED}");
    let mut host = Host::new(&setup);
    let texts: Vec<String> = frames.iter().flat_map(|frame| logged(&mut host, frame)).collect();
    let lines: Vec<String> = texts.iter().flat_map(|text| text.lines()).map(str::to_owned).collect();
    assert_eq!(
        lines,
        [
            "IPv4: source route option 10.0.0.2 -> 20.0.0.1",
            "IPv4: Redirect from 10.0.0.2 on e0 about 10.0.0.2 ignored",
            "  Advised path = 10.0.0.1 -> 198.51.100.7",
        ]
    );
    if let Some(theirs) = kernel_logs(&setup, &frames, &lines) {
        assert_eq!(lines, theirs, "here, and in the kernel");
    }
}

#[test]
fn c203_nothing_is_logged_where_nobody_asks_and_devices_without_header_have_none() {
    let martian = udp("10.1.0.7", "10.1.0.9", b"data");
    let mut host = Host::new(ROUTER);
    host.run("sysctl -w net.ipv4.conf.e0.rp_filter=1");
    assert!(logged(&mut host, &framed(mac(0x10), mac(2), &martian)).is_empty());
    host.run("sysctl -w net.ipv4.conf.all.log_martians=1");
    assert_eq!(logged(&mut host, &framed(mac(0x10), mac(2), &martian)).len(), 1);
    let header = Ipv4::read(&martian).unwrap();
    let (dst, src) = (header.destination(), header.source());
    let bare = Logged::MartianSource { dst, src, dev: 4, link_header: None };
    let text = |release: &str| bare.text(&Behaviour::of_release(release), |dev| format!("tun{dev}"));
    assert_eq!(text("6.18"), "IPv4: martian source 10.1.0.9 from 10.1.0.7, on dev tun4");
    assert_eq!(text("7.2.7"), "IPv4: martian source (src=10.1.0.7, dst=10.1.0.9, dev=tun4)");
}
