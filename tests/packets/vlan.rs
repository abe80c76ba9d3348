//! VLAN tags on frames.

use fingerpost_engine::path::{Handled, Outcome};

use crate::both::Both;
use crate::commands;
use crate::host::{framed, icmp, mac, reason, udp, unframed};

/// A device without a VLAN, one with.
const PLAIN: &str = "
sysctl -w net.ipv6.conf.all.disable_ipv6=1
sysctl -w net.ipv6.conf.default.disable_ipv6=1
ip link set lo up
ip tuntap add e0 mode tap
ip link set e0 address 02:00:00:00:00:10 up
ip addr add 10.0.0.1/24 dev e0
ip neigh add 10.0.0.2 lladdr 02:00:00:00:00:02 dev e0
sysctl -w net.ipv4.ip_forward=1
";

const VLAN: &str = "
ip link add link e0 name v5 address 02:00:00:00:00:15 type vlan id 5
ip link set v5 up
ip addr add 10.5.0.1/24 dev v5
ip neigh add 10.5.0.2 lladdr 02:00:00:00:00:05 dev v5
";

fn has_vlans() -> bool {
    commands::has("ip tuntap add e0 mode tap; ip link add link e0 name v5 type vlan id 5")
}

/// A packet in a frame with a tag before its type.
fn tagged(dst: u8, tag: u16, packet: &[u8]) -> Vec<u8> {
    let mut frame = framed(mac(dst), mac(2), packet);
    let [a, b] = tag.to_be_bytes();
    frame.splice(12..12, [0x81, 0, a, b]);
    frame
}

fn took(handled: &Handled) -> bool {
    handled.outcome == Outcome::Delivered
}

#[test]
fn a_tag_without_a_device_is_another_host_s() {
    let mut both = Both::new(PLAIN);
    let echo = icmp("10.0.0.2", "10.0.0.1", 8, b"ping");
    assert_eq!(reason(&both.frame("e0", &tagged(0x10, 5, &echo))), "OTHERHOST");
    // The number 0 tells a priority; behind another tag as well.
    let handled = both.frame("e0", &tagged(0x10, 0xe000, &echo));
    assert!(took(&handled));
    // The answer has none.
    assert_eq!(unframed(&handled.emitted[0].bytes).0.ethertype.get(), 0x800);
    let mut twice = tagged(0x10, 0, &echo);
    twice.splice(12..12, [0x81, 0, 0, 0]);
    assert!(took(&both.frame("e0", &twice)));
    let mut inner = tagged(0x10, 7, &echo);
    inner.splice(12..12, [0x81, 0, 0, 0]);
    assert_eq!(reason(&both.frame("e0", &inner)), "OTHERHOST");
    // The tag of another host's frame within that of one.
    let mut other = tagged(0x10, 7, &echo);
    other.splice(12..12, [0x81, 0, 0, 6]);
    assert_eq!(reason(&both.frame("e0", &other)), "UNHANDLED_PROTO");
    let cut = tagged(0x10, 0, &[])[..17].to_vec();
    assert_eq!(reason(&both.frame("e0", &cut)), "NOT_SPECIFIED");
    both.agree(commands::is_default_release());
}

#[test]
fn a_vlan_device_takes_and_sends_its_frames() {
    let mut both = Both::new(&format!("{PLAIN}{VLAN}"));
    for address in [0x10, 0x15] {
        let handled = both.frame("e0", &tagged(address, 5, &icmp("10.5.0.2", "10.5.0.1", 8, b"ping")));
        assert!(took(&handled), "{address:#x}");
        // It leaves by the device below, tagged.
        let [frame] = &handled.emitted[..] else { panic!("{handled:?}") };
        assert_eq!(frame.dev, both.host.device("e0"));
        assert_eq!(frame.bytes[..12], [mac(5), mac(0x15)].concat());
        assert_eq!(frame.bytes[12..18], [0x81, 0, 0, 5, 8, 0]);
    }
    assert_eq!(
        reason(&both.frame("e0", &tagged(0x10, 6, &udp("10.5.0.2", "10.5.0.1", b"data")))),
        "OTHERHOST"
    );
    // From one network to the other.
    let handled = both.frame("e0", &tagged(0x15, 5, &udp("10.5.0.2", "10.0.0.2", b"data")));
    assert_eq!((handled.outcome, handled.emitted[0].bytes.len()), (Outcome::Sent, 14 + 32));
    // Asking for a neighbour is tagged too.
    let handled = both.frame("e0", &framed(mac(0x10), mac(2), &udp("10.0.0.2", "10.5.0.9", b"data")));
    assert_eq!(handled.outcome, Outcome::Queued);
    assert_eq!(handled.emitted[0].bytes[12..18], [0x81, 0, 0, 5, 8, 6]);
    both.agree(has_vlans());
}

#[test]
fn a_vlan_device_that_is_down_takes_nothing() {
    let mut both = Both::new(&format!("{PLAIN}{VLAN}"));
    both.host.run("ip link set v5 down");
    both.script += "ip link set v5 down\n";
    let handled = both.frame("e0", &tagged(0x15, 5, &icmp("10.5.0.2", "10.5.0.1", 8, b"ping")));
    assert_eq!(reason(&handled), "NOT_SPECIFIED");
    both.agree(has_vlans());
}

#[test]
fn devices_that_share_another_are_unknown_by_name() {
    let mut both = Both::new(PLAIN);
    both.host.run("ip link add link e0 name m0 type macvlan mode bridge");
    let handled = both.frame("e0", &framed(mac(0x10), mac(2), &icmp("10.0.0.2", "10.0.0.1", 8, b"ping")));
    assert_eq!(handled.outcome, Outcome::Unknown("a device with macvlans or ipvlans on it"));
}

#[test]
fn tags_on_a_bridge_are_unknown_by_name() {
    let bridge = "ip link add br0 type bridge\nip link set e0 master br0\nip link set br0 up\n";
    let mut both = Both::new(&format!("{PLAIN}{bridge}"));
    let handled = both.frame("e0", &tagged(0x10, 5, &icmp("10.0.0.2", "10.0.0.1", 8, b"ping")));
    assert_eq!(handled.outcome, Outcome::Unknown("VLAN tags on a bridge"));
    // A VLAN device on the port goes before the bridge.
    both.host.run(VLAN);
    assert!(took(&both.frame("e0", &tagged(0x15, 5, &icmp("10.5.0.2", "10.5.0.1", 8, b"ping")))));
}
