//! Bridges between taps, judged by the kernel.

use fingerpost_engine::path::Outcome;

use crate::both::Both;
use crate::commands;
use crate::host::{framed, mac, reason, udp};

/// A bridge with an address and two ports, which groups of its own do not disturb.
const BRIDGE: &str = "
sysctl -w net.ipv6.conf.all.disable_ipv6=1
sysctl -w net.ipv6.conf.default.disable_ipv6=1
ip link set lo up
ip link add br0 type bridge mcast_snooping 0
ip link set br0 address 02:00:00:00:00:b0
ip tuntap add e0 mode tap
ip tuntap add e1 mode tap
ip link set e0 address 02:00:00:00:00:10 master br0 up
ip link set e1 address 02:00:00:00:00:11 master br0 up
ip link set br0 up
ip addr add 10.0.0.1/24 dev br0
ip neigh add 10.0.0.2 lladdr 02:00:00:00:00:02 dev br0
";

/// The kernel is one that has the same bridges.
fn can_be_asked() -> bool {
    commands::is_default_release() && commands::has("ip link add br0 type bridge")
}

#[test]
fn a_frame_that_no_port_may_send_has_no_target() {
    let frame = framed(mac(3), mac(2), &udp("10.0.0.2", "10.0.0.3", b"data"));
    for (closed, why) in [
        ("ip link set e1 down", "NO_TX_TARGET"),
        ("ip link set e1 type bridge_slave flood off", "NO_TX_TARGET"),
        ("ip link set e1 nomaster", "NO_TX_TARGET"),
    ] {
        let mut both = Both::new(&format!("{BRIDGE}{closed}\n"));
        assert_eq!(reason(&both.frame("e0", &frame)), why, "{closed}");
        both.agree(can_be_asked());
    }
    // One that is known, but where it came from.
    let mut both = Both::new(BRIDGE);
    let back = framed(mac(2), mac(3), &udp("10.0.0.3", "10.0.0.2", b"data"));
    assert_eq!(both.frame("e0", &frame).outcome, Outcome::Sent);
    assert_eq!(reason(&both.frame("e0", &back)), "NOT_SPECIFIED");
    both.agree(can_be_asked());
}
