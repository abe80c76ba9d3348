//! Multicast forwarding by the cache that a routing daemon fills (`ip_mr_input`), beside the
//! running kernel.

use std::net::Ipv4Addr;

use fingerpost_engine::config::{MAX_VIFS, Mfc, MulticastRouting, NEVER, Vif};
use fingerpost_engine::control::mroute;
use fingerpost_engine::path::{Handled, Outcome};
use fingerpost_engine::trace::Tracer;
use fingerpost_model::NsId;
use fingerpost_net::wire::{DF, Header, Ipv4, proto};

use crate::both::Both;
use crate::commands;
use crate::host::{edited, framed, ipv4, mac, reason, udp, unframed};

const TABLE: fingerpost_model::TableId = MulticastRouting::DEFAULT;

/// Three devices, and a fourth that no daemon uses; IPv6 is off, so that nothing is sent by itself.
const ROUTER: &str = "
sysctl -w net.ipv6.conf.all.disable_ipv6=1
sysctl -w net.ipv6.conf.default.disable_ipv6=1
sysctl -w net.ipv4.conf.all.rp_filter=0
sysctl -w net.ipv4.conf.default.rp_filter=0
ip link set lo up
ip tuntap add e0 mode tap
ip tuntap add e1 mode tap
ip tuntap add e2 mode tap
ip tuntap add e3 mode tap
ip link set e0 address 02:00:00:00:00:10 up
ip link set e1 address 02:00:00:00:00:11 up
ip link set e2 address 02:00:00:00:00:12 up
ip link set e3 address 02:00:00:00:00:13 up
ip addr add 10.0.0.1/24 dev e0
ip addr add 10.1.0.1/24 dev e1
ip addr add 10.2.0.1/24 dev e2
ip addr add 10.3.0.1/24 dev e3
";

/// A host with a daemon that has made e0, e1 and e2 its interfaces 0, 1 and 2.
fn routing() -> Both {
    let mut both = Both::new(ROUTER);
    both.script += "perl socket our $mrt, 2, 3, 2 or die $!\n";
    both.script += "perl setsockopt $mrt, 0, 200, pack('i', 1) or die \"init: $!\"\n";
    mroute::init(both.host.world.ns_mut(NsId(0)).unwrap().0, TABLE).unwrap();
    (0..3).for_each(|number| vif(&mut both, number, &format!("e{number}")));
    both
}

fn vif(both: &mut Both, number: u16, dev: &str) {
    let index = both.host.device(dev);
    let vif = Vif { dev: index, flags: Vif::BY_INDEX, local: index };
    mroute::add_vif(both.host.world.ns_mut(NsId(0)).unwrap().0, TABLE, number, vif).unwrap();
    both.script += &format!(
        "perl my ($i) = `ip -o link show {dev}` =~ /^(\\d+)/; \
         setsockopt $mrt, 0, 202, pack('SCCIIN', {number}, 8, 1, 0, $i, 0) or die \"vif: $!\"\n"
    );
}

/// An entry by which packets go on that came in by one interface, by others with these
/// thresholds; what waited for it.
fn entry(both: &mut Both, (origin, group): (&str, &str), parent: u16, ways: &[(usize, u8)]) -> Vec<String> {
    let addr = |text: &str| text.parse::<Ipv4Addr>().unwrap();
    let mut ttls = [NEVER; MAX_VIFS];
    ways.iter().for_each(|&(vif, ttl)| ttls[vif] = ttl);
    let entry = Mfc { origin: addr(origin), group: addr(group), parent, ttls };
    let frames = both.host.world.add_mfc(NsId(0), TABLE, entry, &mut Tracer::off()).unwrap();
    let ttls: Vec<String> = ttls.iter().map(u8::to_string).collect();
    both.script += &format!(
        "perl setsockopt $mrt, 0, 204, pack('a4 a4 S C32 x2 x16', inet_aton('{origin}'), inet_aton('{group}'), \
         {parent}, {}) or die \"mfc: $!\"\n",
        ttls.join(", ")
    );
    frames.iter().map(|frame| both.told(frame.dev, &frame.bytes)).collect()
}

/// A packet to a group arrives.
fn arrives(both: &mut Both, dev: &str, packet: &[u8]) -> Handled {
    both.frame(dev, &framed(group_mac(packet), mac(2), packet))
}

/// The link-layer group of a packet's destination.
fn group_mac(packet: &[u8]) -> [u8; 6] {
    let [_, b, c, d] = Ipv4::read(packet).unwrap().dst;
    [1, 0, 0x5e, b & 0x7f, c, d]
}

const GROUP: (&str, &str) = ("10.0.0.2", "239.1.1.1");

fn data(ttl: u8) -> Vec<u8> {
    edited(udp(GROUP.0, GROUP.1, b"data"), |header| header.ttl = ttl)
}

#[test]
fn a_copy_leaves_by_each_interface_whose_threshold_is_passed() {
    let mut both = routing();
    entry(&mut both, GROUP, 0, &[(1, 1), (2, 10)]);
    let handled = arrives(&mut both, "e0", &data(64));
    assert_eq!(handled.outcome, Outcome::Sent);
    assert_eq!(both.left_by(&handled), ["e2", "e1"]);
    let (link, header, _) = unframed(&handled.emitted[0].bytes);
    assert_eq!((link.dst, link.src, header.ttl), ([1, 0, 0x5e, 1, 1, 1], mac(0x12), 63));
    let handled = arrives(&mut both, "e0", &data(10));
    assert_eq!(both.left_by(&handled), ["e1"]);
    let handled = arrives(&mut both, "e0", &data(1));
    assert_eq!(reason(&handled), "NOT_SPECIFIED");
    assert_eq!((both.host.counted("IpForwDatagrams"), both.host.counted("IpExtOutMcastPkts")), (3, 3));
    both.agree(commands::is_default_release());
}

#[test]
fn a_packet_that_came_in_elsewhere_goes_nowhere() {
    let mut both = routing();
    entry(&mut both, GROUP, 0, &[(1, 1), (2, 1)]);
    for dev in ["e1", "e2", "e3"] {
        arrives(&mut both, dev, &data(64));
    }
    assert_eq!(both.host.counted("IpForwDatagrams"), 0);
    both.agree(commands::is_default_release());
}

#[test]
fn an_entry_for_any_source_goes_everywhere_but_back() {
    let mut both = routing();
    entry(&mut both, ("0.0.0.0", GROUP.1), 0, &[(0, 1), (1, 1), (2, 1)]);
    let handled = arrives(&mut both, "e0", &data(64));
    assert_eq!(both.left_by(&handled), ["e2", "e1"]);
    // Not the parent, and no tree for all has it.
    assert!(arrives(&mut both, "e1", &data(64)).emitted.is_empty());
    entry(&mut both, ("0.0.0.0", "0.0.0.0"), 0, &[(0, 1), (1, 1)]);
    let handled = arrives(&mut both, "e1", &data(64));
    assert_eq!(both.left_by(&handled), ["e2", "e0"]);
    // Another group goes upstream alone.
    let other = udp("10.1.0.2", "239.9.9.9", b"data");
    let handled = arrives(&mut both, "e1", &other);
    assert_eq!(both.left_by(&handled), ["e0"]);
    assert!(arrives(&mut both, "e0", &udp("10.0.0.2", "239.9.9.9", b"data")).emitted.is_empty());
    both.agree(commands::is_default_release());
}

#[test]
fn too_long_and_not_to_be_cut_up() {
    let mut both = routing();
    entry(&mut both, GROUP, 0, &[(1, 1), (2, 1)]);
    both.host.run("ip link set e1 mtu 600");
    both.script += "ip link set e1 mtu 600\n";
    let long = edited(udp(GROUP.0, GROUP.1, &[7; 800]), |header| header.fragment.set(DF));
    let handled = arrives(&mut both, "e0", &long);
    assert_eq!(both.left_by(&handled), ["e2"]);
    assert_eq!(both.host.counted("IpFragFails"), 1);
    let pieces = arrives(&mut both, "e0", &udp(GROUP.0, GROUP.1, &[7; 800]));
    assert_eq!(both.left_by(&pieces), ["e2", "e1", "e1"]);
    both.agree(commands::is_default_release());
}

#[test]
fn nothing_known_waits_for_the_daemon() {
    let mut both = routing();
    for _ in 0..4 {
        assert_eq!(arrives(&mut both, "e0", &data(64)).outcome, Outcome::Queued);
    }
    assert_eq!(reason(&arrives(&mut both, "e0", &data(64))), "NOT_SPECIFIED");
    // Where the daemon has no interface nothing waits.
    assert_eq!(reason(&arrives(&mut both, "e3", &udp("10.3.0.2", GROUP.1, b"data"))), "NOT_SPECIFIED");
    // Once it is known they leave; the kernel's side has its frames told with the next packet's.
    let left = entry(&mut both, GROUP, 0, &[(1, 1)]);
    assert_eq!(left.len(), 4);
    both.script += "perl emitted()\n";
    both.ours += &left.concat();
    arrives(&mut both, "e0", &data(3));
    both.agree(commands::is_default_release());
}

#[test]
fn what_waits_is_given_up_after_ten_seconds() {
    let mut both = routing();
    assert_eq!(arrives(&mut both, "e0", &data(64)).outcome, Outcome::Queued);
    assert_eq!(both.host.world.next_timer().map(|at| at.0 - both.host.world.now.0), Some(10_240));
    assert!(both.host.pass(11_000).is_empty());
    assert!(entry(&mut both, GROUP, 0, &[(1, 1)]).is_empty());
}

#[test]
fn a_group_that_was_joined_is_delivered_beside() {
    let mut both = routing();
    entry(&mut both, ("10.0.0.2", "239.1.1.2"), 0, &[(1, 1)]);
    let join = "ip addr add 239.1.1.2/32 dev e0 autojoin\n";
    both.host.run(join);
    both.script += join;
    both.script += "perl drained()\n";
    let handled = arrives(&mut both, "e0", &udp("10.0.0.2", "239.1.1.2", b"data"));
    assert_eq!(both.left_by(&handled), ["e1"]);
    assert_eq!((both.host.counted("IpInDelivers"), both.host.counted("IpForwDatagrams")), (1, 1));
}

#[test]
fn igmp_and_groups_of_the_link_are_not_forwarded() {
    let mut both = routing();
    entry(&mut both, ("10.0.0.2", "239.1.1.1"), 0, &[(1, 1)]);
    // A report of version 2, for the daemon.
    let report = [0x16, 0, 0xf8, 0xfc, 239, 1, 1, 1];
    let handled = arrives(&mut both, "e0", &ipv4("10.0.0.2", "239.1.1.1", proto::IGMP, &report));
    assert_eq!((handled.outcome, handled.emitted.len()), (Outcome::Delivered, 0));
    let handled = arrives(&mut both, "e0", &udp("10.0.0.2", "224.0.0.77", b"data"));
    assert_eq!(reason(&handled), "NOT_SPECIFIED");
    both.agree(commands::is_default_release());
}

#[test]
fn without_a_daemon_there_is_no_forwarding() {
    let mut both = routing();
    entry(&mut both, GROUP, 0, &[(1, 1)]);
    mroute::done(both.host.world.ns_mut(NsId(0)).unwrap().0, TABLE);
    both.script += "perl close $mrt\n";
    assert_eq!(reason(&arrives(&mut both, "e0", &data(64))), "NOT_SPECIFIED");
    both.agree(commands::is_default_release());
}

/// A cache with entries of all kinds.
fn filled() -> Both {
    let mut both = routing();
    entry(&mut both, GROUP, 0, &[(1, 1), (2, 10)]);
    entry(&mut both, ("0.0.0.0", "239.1.1.2"), 1, &[(0, 1)]);
    entry(&mut both, ("10.0.0.3", "239.1.1.3"), 2, &[]);
    arrives(&mut both, "e0", &data(64));
    arrives(&mut both, "e0", &udp("10.0.0.9", "239.7.7.7", b"waits"));
    arrives(&mut both, "e0", &udp("10.0.0.9", "239.7.7.8", b"waits"));
    both
}

#[test]
fn entries_are_shown_as_iproute2_shows_them() {
    let mut both = filled();
    for command in [
        "ip mroute show",
        "ip mroute show table all",
        "ip -d mroute list table default iif e0",
        "ip -j -p mroute show table all",
        "ip mroute show table 7",
        "ip mroute show iif nope",
        "ip mroute show from 10.0.0.2",
        "ip mroute show to default",
        "ip -6 mroute show",
        "ip -6 mroute show table 9",
        "ip -0 mroute",
        "ip mroute add",
        "ip netconf show dev e0",
        "cat /proc/net/ip_mr_cache",
        "cat /proc/net/ip_mr_vif",
    ] {
        both.shows(command);
    }
    let lines: Vec<&str> = both.ours.lines().filter(|line| line.starts_with('(')).take(5).collect();
    assert_eq!(
        lines,
        [
            "(10.0.0.2,239.1.1.1)             Iif: e0         Oifs: e1 e2(ttl 10)  State: resolved",
            "(0.0.0.0,239.1.1.2)              Iif: e1         Oifs: e0  State: resolved",
            "(10.0.0.3,239.1.1.3)             Iif: e2          State: resolved",
            "(10.0.0.9,239.7.7.8)             Iif: unresolved  State: unresolved",
            "(10.0.0.9,239.7.7.7)             Iif: unresolved  State: unresolved",
        ]
    );
    both.agree(commands::is_default_release());
}

#[test]
fn a_capture_takes_multicast_routing_along() {
    let mut both = filled();
    let file = std::env::temp_dir().join(format!("fingerpost-mroute-{}.fp", std::process::id()));
    let (program, path) = (env!("CARGO_BIN_EXE_fingerpost"), file.display());
    let live = format!("show {program} ip -d mroute show table all\nshow ip -d mroute show table all\n");
    let kept = format!(
        "show {program} capture -o {path}\nshow echo --\nshow {program} ip --snapshot {path} mroute show table all\n\
         show ip mroute show table all\n"
    );
    both.script += &format!("show echo --\n{live}show echo --\n{kept}");
    let said = commands::said(&both.script);
    let text = std::fs::read(&file);
    let _ = std::fs::remove_file(&file);
    let Some(said) = said else { return };
    let parts: Vec<&str> = said.split("--\n").collect();
    let [.., shown, _, kept] = parts[..] else { panic!("{said}") };
    let lines: Vec<&str> = shown.lines().collect();
    assert_eq!(lines[..5], lines[5..], "{said}");
    // Nothing waits in a snapshot.
    let lines: Vec<&str> = kept.lines().collect();
    assert_eq!(lines[..3], lines[3..6], "{said}");
    // And it forwards: as the host that was captured.
    let text = text.unwrap();
    let reader = fingerpost_model::snapshot::Reader::new(&text[..]).unwrap();
    let restored = fingerpost_engine::restore(reader, 1).unwrap();
    both.host.world = restored.world;
    let frame = framed([1, 0, 0x5e, 1, 1, 1], mac(2), &data(64));
    let handled = both.host.frame("e0", &frame);
    assert_eq!(both.left_by(&handled), ["e2", "e1"]);
}
