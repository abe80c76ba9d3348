//! What the senders of dropped packets hear.

use crate::host::{Host, steps};
use crate::kernel::apart;

const ROUTER: &str = "
ip link set lo up
ip link add eth0 type dummy
ip link set eth0 up
ip addr add 2001:db8:1::1/64 dev eth0
sysctl -w net.ipv6.conf.all.forwarding=1
";

fn heard(host: &Host, question: &str) -> (Option<&'static str>, Vec<String>) {
    let explanation = host.ask(question);
    let said = steps(&explanation, "icmp").into_iter().map(str::to_string).collect();
    (explanation.outcome.icmp, said)
}

#[test]
fn c316_c317_how_much_and_how_often_the_sender_hears() {
    let mut host = Host::new(ROUTER);
    let question = "3fff::1 from 2001:db8:1::2 iif eth0";
    let said = |often: &str| {
        vec![format!("2001:db8:1::2 hears of it {often}, with at most 1232 bytes of the packet")]
    };
    let none = Some("no route to destination (1/0)");
    assert_eq!(heard(&host, question), (none, said("at most 6 times at once, then every 100 ms")));
    host.run("sysctl -w net.ipv6.icmp.ratelimit=1000");
    assert_eq!(heard(&host, question), (none, said("at most 6 times at once, then every 1000 ms")));
    host.run("sysctl -w net.ipv6.icmp.ratemask=0,3-127");
    assert_eq!(heard(&host, question), (none, said("each time")));
}

#[test]
fn c315_senders_that_cannot_be_told_hear_nothing() {
    let host = Host::new(ROUTER);
    let nothing = |why: &str| (None, vec![format!("the sender hears nothing: {why}")]);
    let far = heard(&host, "3fff::1 from 2001:db8:77::2 iif eth0");
    assert_eq!(far, nothing("no way leads back to it (ENETUNREACH)"));
    let nobody = heard(&host, "3fff::1 from :: iif eth0");
    assert_eq!(nobody, nothing(":: is nobody's address"));
}

/// Sends 100 packets of 1400 bytes within half a second from a host behind a
/// router that has no way on; how many errors came, and how many bytes in all.
const SENDER: &str = "
unshare --net sleep 20 & there=$!
for n in 1 2 3 4 5 6 7 8 9 10; do
    if [ \"$(readlink /proc/$there/ns/net)\" != \"$(readlink /proc/self/ns/net)\" ]; then break; fi
    sleep 0.1
done
ip link add e0 address 02:00:00:00:00:01 type veth peer name p0 address 02:00:00:00:00:02 netns $there
ip link set e0 up
ip addr add 2001:db8:1::1/64 dev e0 nodad
sysctl -qw net.ipv6.conf.all.forwarding=1 net.ipv6.icmp.ratelimit=10000
inside=\"nsenter -t $there -n\"
$inside ip link set p0 up
$inside ip addr add 2001:db8:1::2/64 dev p0 nodad
$inside ip addr add 2001:db8:77::2/128 dev p0 nodad
$inside ip addr add 2001:db8:1::/64 dev p0 nodad
MORE
$inside ip route add default via 2001:db8:1::1 src FROM
ip neigh add 2001:db8:1::2 lladdr 02:00:00:00:00:02 dev e0
$inside ip neigh add 2001:db8:1::1 lladdr 02:00:00:00:00:01 dev p0
sleep 1.5
count() { $inside awk -v name=$1 '$1 == name { print $2 }' /proc/net/snmp6; }
errors=$(count Icmp6InDestUnreachs) octets=$(count Ip6InOctets)
$inside bash -c 'packet=$(head -c 1400 /dev/zero | tr \"\\0\" x)
    for n in $(seq 100); do printf %s $packet > /dev/udp/3fff::1/9; done' 2>/dev/null || true
sleep 0.2
echo $(($(count Icmp6InDestUnreachs) - errors)) $(($(count Ip6InOctets) - octets))
$F explain --json 3fff::1 from FROM iif e0
kill $there
";

#[test]
fn c316_c317_the_kernel_agrees_on_what_is_heard() {
    let near = "2001:db8:1::2";
    let far = "2001:db8:77::2";
    let by_source = "ip -6 rule add from 2001:db8:1::1 lookup 100
        ip -6 route add 2001:db8:77::/64 via 2001:db8:1::2 table 100";
    let refused = "ip -6 rule add from 2001:db8:1::1 to 2001:db8:1::2 prohibit";
    // Errors are sent from an address of the device that the packet came by, and not to anycast addresses.
    let (group, unicast) = ("2001:db8:1::", "sysctl -qw net.ipv6.icmp.error_anycast_as_unicast=1");
    // A source that the way back prefers is not looked up with.
    let preferred = "ip addr add 2001:db8:9::1/128 dev e0 nodad
        ip -6 route add 2001:db8:77::/64 via 2001:db8:1::2 src 2001:db8:9::1
        ip -6 rule add from 2001:db8:9::1 prohibit
        ip -6 rule add from 2001:db8:1::1 prohibit";
    let cases = [
        (near, "", 6),
        (far, "", 0),
        (far, by_source, 6),
        (near, refused, 0),
        (group, "", 0),
        (group, unicast, 0),
        (far, preferred, 6),
    ];
    for (from, more, errors) in cases {
        let script = SENDER.replace("FROM", from).replace("MORE", more);
        let Some(told) = apart(&["awk", "bash"], &[], &script) else { return };
        let mut lines = told.lines();
        let counts: Vec<u64> =
            lines.next().expect("counts").split(' ').map(|n| n.parse().expect("a number")).collect();
        let explanation: serde_json::Value = serde_json::from_str(lines.next().expect("JSON")).expect("JSON");
        assert_eq!(counts[0], errors, "{told}");
        assert_eq!(explanation["outcome"]["icmp"].is_null(), errors == 0, "{told}");
        // 40 bytes of IPv6 and 8 of ICMPv6 besides what is quoted; a few more packets are neighbours'.
        let quoted = counts[0] * (40 + 8 + 1232);
        assert!((quoted..quoted + 1280).contains(&counts[1]), "{told}");
    }
}
