//! Tests inside a network namespace of their own.
//!
//! A test starts this same program again below `unshare --net`, for itself
//! alone; the second one runs the body. Without the privilege it says so and
//! passes, unless `FINGERPOST_REQUIRE_KERNEL=1` asks for a failure.
#![cfg(target_os = "linux")]
#![allow(dead_code)]

pub mod hand;

use std::process::{Command, Stdio};

const INSIDE: &str = "FINGERPOST_TEST_INSIDE";

/// Runs `body` in a fresh namespace. `test` is the calling test's name.
pub fn in_namespace(test: &str, body: impl FnOnce()) {
    if std::env::var_os(INSIDE).is_some() {
        return body();
    }
    let can = Command::new("unshare")
        .args(["--net", "ip", "link", "set", "lo", "up"])
        .stderr(Stdio::null())
        .status();
    if !can.is_ok_and(|status| status.success()) {
        let reason = "no network namespace can be made here (it takes root, unshare and ip)";
        assert!(std::env::var_os("FINGERPOST_REQUIRE_KERNEL").is_none_or(|v| v != "1"), "{reason}");
        eprintln!("{test}: skipped: {reason}");
        return;
    }
    let own = std::env::current_exe().expect("this program has a path");
    let status = Command::new("unshare")
        .args(["--net", "--mount"])
        .arg(own)
        .args([test, "--exact", "--nocapture", "--test-threads=1"])
        .env(INSIDE, "1")
        .status()
        .expect("unshare was there before");
    assert!(status.success(), "{test} failed inside its namespace");
}

/// Runs a shell script, each line of which must succeed.
pub fn sh(script: &str) {
    let output = Command::new("sh").args(["-ec", script]).output().expect("a shell");
    assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
}

/// What a command prints.
pub fn printed(command: &str) -> String {
    let output = Command::new("sh").args(["-ec", command]).output().expect("a shell");
    assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

/// Two devices with a wire between them, up and with addresses.
pub const WIRE: &str = "
    ip link set lo up
    ip link add v0 type veth peer name v1
    ip link set v0 up; ip link set v1 up
    ip addr add 10.1.0.1/24 brd + dev v0
    ip addr add 10.2.0.1/24 dev v1
    ip -6 addr add 2001:db8::1/64 dev v0 nodad
    ip -6 addr add 2001:db8:2::1/64 dev v1 nodad
";

/// One of everything that `ip` can configure and this kernel takes.
pub const EVERYTHING: &str = "
    ip link add br0 type bridge
    ip link set br0 up
    ip link add v2 type veth peer name v3
    ip link set v2 master br0 up
    ip link set v0 alias 'a link'
    ip link property add dev v1 altname wire
    ip link set v1 group 7
    ip addr add 10.3.0.1 peer 10.3.0.2/32 dev v0
    ip addr add 10.4.0.1/24 dev v0 valid_lft 1000 preferred_lft 500 label v0:x metric 50
    ip addr add 10.4.0.2/24 dev v0 noprefixroute
    ip nexthop add id 1 via 10.1.0.9 dev v0
    ip nexthop add id 2 via 10.2.0.9 dev v1
    ip nexthop add id 3 blackhole
    ip nexthop add id 4 via 2001:db8::9 dev v0 onlink
    ip nexthop add id 10 group 1,200/2
    ip nexthop add id 11 group 1/2 type resilient buckets 8 idle_timer 60
    ip route add 10.9.0.0/16 nhid 10
    ip route add 10.10.0.0/16 nhid 4
    ip route add 10.8.0.0/16 nexthop via 10.1.0.3 weight 3 nexthop via 10.2.0.3 dev v1
    ip route add 10.7.0.0/16 via inet6 2001:db8::9 dev v0 mtu 1400 congctl reno
    ip route add 10.20.0.0/16 via 10.1.0.3 dev v0 onlink table 100 metric 5 tos 0x10 initcwnd 10 rto_min 200ms
    ip route add 10.27.0.0/16 via 10.1.0.3 dev v0 realms 3/4 hoplimit 9 rtt 20ms
    ip route add blackhole 10.21.0.0/16
    ip route add unreachable 10.22.0.0/16 metric 9
    ip route add throw 10.23.0.0/16 table 4294967295
    ip route add 10.24.0.0/16 proto static scope link dev v1 src 10.2.0.1 features ecn
    ip route add 10.25.0.0/16 nexthop via inet6 2001:db8::7 dev v0 onlink nexthop via 10.2.0.7 dev v1 weight 9 realms 7
    ip route add default via 10.1.0.254 metric 100
    ip -6 route add 2001:db8:5::/48 via 2001:db8::3 dev v0 metric 10 pref high
    ip -6 route add 2001:db8:6::/48 nexthop via 2001:db8::3 dev v0 nexthop via 2001:db8::4 dev v0 weight 3
    ip -6 route add default via 2001:db8::3 dev v0
    ip rule add pref 100 from 10.0.0.0/8 to 192.168.0.0/16 fwmark 0x10/0xff iif v0 tos 0x10 table 300
    ip rule add pref 101 not oif v1 uidrange 1000-2000 ipproto tcp sport 1-100 dport 443 lookup 100 suppress_prefixlength 8 suppress_ifgroup 7
    ip rule add pref 102 goto 32766
    ip rule add pref 103 blackhole
    ip rule add pref 104 from 10.9.9.9/24 nop
    ip rule add pref 105 l3mdev
    ip rule add pref 106 tun_id 77 prohibit
    ip rule add pref 107 to 10.99.0.0/16 iif gone realms 1/2 lookup 100
    ip -6 rule add pref 200 from 2001:db8::/32 lookup 70000
    ip neigh add 10.1.0.9 lladdr 02:00:00:00:00:09 dev v0
    ip neigh add 10.1.0.10 lladdr 02:00:00:00:00:0a dev v0 nud reachable
    ip -6 neigh add 2001:db8::99 lladdr 02:00:00:00:00:99 dev v0 router
";
