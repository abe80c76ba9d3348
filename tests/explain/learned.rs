//! What was learned about single IPv6 destinations, path MTUs and redirects, with
//! the running kernel as judge. Nothing here teaches the model: it reads captures.

use serde_json::Value;

use crate::kernel::apart;

/// Three hosts: `a` behind the router `r`, `b` beyond it.
const HOSTS: &str = "
mkdir /run/netns
for n in a r b s; do ip netns add $n; ip -n $n link set lo up; done
inside() { n=$1; shift; ip netns exec $n \"$@\"; }
send() {
    inside a python3 -c \"
import socket, time
sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b'e0')
sock.sendto(bytes($2), ('$1', 9))
time.sleep(0.3)
\"
}
explain() { inside a $F explain --json --verify \"$@\" || true; }
";

fn answers(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

fn learned(answer: &Value) -> Option<&str> {
    let steps = answer["lookups"].as_array()?.iter().flat_map(|lookup| lookup["steps"].as_array());
    steps.flatten().find(|step| step["about"] == "learned")?["text"].as_str()
}

#[test]
fn c299_path_mtus_are_taken_along_and_used_as_the_kernel_uses_them() {
    let script = "
link() { ip link add $1 type veth peer name $2; ip link set $1 netns $3; ip link set $2 netns $4; }
link e0 ea a r
link e0 eb b r
inside r sysctl -qw net.ipv6.conf.all.forwarding=1
for at in 'a e0' 'r ea' 'r eb' 'b e0'; do set -- $at; ip -n $1 link set $2 up; done
ip -n r link set eb mtu 1300
ip -n a addr add 2001:db8:1::1/64 dev e0 nodad
ip -n r addr add 2001:db8:1::ff/64 dev ea nodad
ip -n r addr add 2001:db8:2::ff/64 dev eb nodad
ip -n b addr add 2001:db8:2::1/64 dev e0 nodad
ip -n b addr add 2001:db8:3::1/64 dev e0 nodad
ip -n b -6 route add default via 2001:db8:2::ff
ip -n r -6 route add 2001:db8:3::/64 via 2001:db8:2::1
ip -n a -6 route add default via 2001:db8:1::ff dev e0
ip -n a nexthop add id 5 via 2001:db8:1::ff dev e0
ip -n a -6 route add 2001:db8:3::/64 nhid 5
ip -n a -6 route add 2001:db8:2::/64 from 2001:db8:1::/64 via 2001:db8:1::ff dev e0 metric 7
sleep 2
send 2001:db8:2::1 1400
send 2001:db8:3::1 1400
explain 2001:db8:2::1 from 2001:db8:1::1
explain 2001:db8:3::1
explain 2001:db8:3::2
ip -n a -6 rule add pref 100 lookup main suppress_prefixlength 64
ip -n a -6 rule add pref 200 unreachable
explain 2001:db8:3::1
explain 2001:db8:3::2
inside a $F capture -o /run/a.fp
plain() { sed 's/expires [0-9]*sec/expires N/' | sort; }
ip -n a -6 route show cache | plain > /run/kernel
$F --snapshot /run/a.fp ip -6 route show cache | plain > /run/ours
diff /run/kernel /run/ours >&2
$F ip --snapshot /run/a.fp -6 route get 2001:db8:3::1 > /run/get
grep -q 'expires .* mtu 1300' /run/get || { cat /run/get >&2; false; }
";
    let Some(text) = apart(&["python3", "ip"], &[], &format!("{HOSTS}{script}")) else { return };
    let answers = answers(&text);
    let [by_source, by_object, other, kept, discarded] = &answers[..] else { panic!("{text}") };
    for answer in &answers {
        assert_eq!(answer["verified"], "agrees", "{answer}");
    }
    assert_eq!(by_source["outcome"]["mtu"], 1300);
    assert!(learned(by_source).is_some_and(|text| text.contains("path MTU is 1300")), "{by_source}");
    assert_eq!(by_object["outcome"]["mtu"], 1300);
    assert_eq!((other["outcome"]["mtu"].clone(), learned(other)), (1500.into(), None));
    // F-060: what was learned counts as a /128, which nothing here suppresses.
    assert_eq!(kept["outcome"]["verdict"], "sent");
    let rule = kept["lookups"][0]["rules"].as_array().and_then(|rules| {
        rules.iter().find(|rule| rule["pref"] == 100).and_then(|rule| rule["detail"].as_str())
    });
    assert!(rule.is_some_and(|detail| detail.contains("counts as a /128")), "{kept}");
    assert_eq!(discarded["outcome"]["errno_name"], "ENETUNREACH");
}

#[test]
fn c299_redirects_are_taken_along_and_used_as_the_kernel_uses_them() {
    let script = "
ip -n s link add br0 type bridge
ip -n s link set br0 up
for n in a r b; do
    ip link add e$n type veth peer name e0
    ip link set e0 netns $n
    ip link set e$n netns s
    ip -n s link set e$n addrgenmode none
    ip -n s link set e$n master br0
    ip -n s link set e$n up
    ip -n $n link set e0 addrgenmode none
    ip -n $n link set e0 up
done
inside r sysctl -qw net.ipv6.conf.all.forwarding=1
ip -n a addr add fe80::a/64 dev e0 nodad
ip -n r addr add fe80::1/64 dev e0 nodad
ip -n b addr add fe80::b/64 dev e0 nodad
ip -n a addr add 2001:db8:1::1/64 dev e0 nodad
ip -n r addr add 2001:db8:1::ff/64 dev e0 nodad
ip -n b addr add 2001:db8:7::5/64 dev e0 nodad
ip -n b -6 route add default via fe80::1 dev e0
ip -n a -6 route add default via fe80::1 dev e0
ip -n r -6 route add 2001:db8:7::/64 via fe80::b dev e0
sleep 2
send 2001:db8:7::5 100
sleep 1
send 2001:db8:7::5 100
explain 2001:db8:7::5
explain 2001:db8:7::6
ip -n a -6 rule add pref 100 lookup main suppress_prefixlength 0
ip -n a -6 rule add pref 200 unreachable
explain 2001:db8:7::5
explain 2001:db8:7::6
";
    let Some(text) = apart(&["python3", "ip"], &[], &format!("{HOSTS}{script}")) else { return };
    let answers = answers(&text);
    let [redirected, other, kept, discarded] = &answers[..] else { panic!("{text}") };
    for answer in &answers {
        assert_eq!(answer["verified"], "agrees", "{answer}");
    }
    assert_eq!(redirected["outcome"]["gateway"], "fe80::b");
    assert!(learned(redirected).is_some_and(|text| text.contains("redirect names the gateway fe80::b")));
    assert_eq!(other["outcome"]["gateway"], "fe80::1");
    // F-060: the default route is suppressed, what a redirect made of it is not.
    assert_eq!(kept["outcome"]["gateway"], "fe80::b");
    assert_eq!(discarded["outcome"]["errno_name"], "ENETUNREACH");
}

#[test]
fn f001_routes_by_source_that_linux_overlooks_are_asked_for_and_kept_in_captures() {
    let script = "
ip link set lo up
ip link add e0 type veth peer name p0
ip link add e1 type veth peer name p1
for dev in e0 p0 e1 p1; do ip link set $dev addrgenmode none; ip link set $dev up; done
ip addr add fe80::1/64 dev e0 nodad
ip addr add fe80::1/64 dev e1 nodad
explain() { $F explain --json --verify \"$@\" || true; }
ip -6 route add ::/1 dev e0
ip -6 route add 2001:db8:1::/64 dev e0
ip -6 route append 2001:db8::/32 from 2001:db8::/64 via fe80::2 dev e1
ip -6 route append throw 2001:db8::/32 from fd00::/8 dev lo
explain 2001:db8:2::4 from 2001:db8::6
explain 2001:db8:2::4 from fd00:3::6
ip -6 route append prohibit 2001:db8::/32 from fd00::/8 dev lo 2> /dev/null || true
explain 2001:db8:2::4 from 2001:db8::6
explain 2001:db8:2::4 from fd00:3::6
ip -6 rule add pref 100 fwmark 7 lookup 100
ip -6 route add default dev e0 table 100
ip -6 route add 2001:db8:4:1::/64 dev e0 table 100
ip -6 route add 2001:db8:4::/48 from 2001:db8::/64 via fe80::4 dev e1 table 100
ip -6 route append 2001:db8:4::/48 from 2001:db8::/64 dev e1 metric 1024 table 100
ip -6 route append 2001:db8:4::/48 from 2001:db8::/64 dev e1 metric 1024 table 100 2> /dev/null || true
explain 2001:db8:4:2::1 from 2001:db8::6 mark 7
explain 2001:db8:4:1::1 from 2001:db8::6 mark 7
$F capture -o /run/a.fp
$F explain --snapshot /run/a.fp --json 2001:db8:2::4 from 2001:db8::6
";
    let Some(text) = apart(&["ip"], &[], script) else { return };
    let answers = answers(&text);
    for answer in answers.iter().take(6) {
        assert_eq!(answer["verified"], "agrees", "{answer}");
    }
    let devices: Vec<&str> = answers.iter().filter_map(|answer| answer["outcome"]["dev"].as_str()).collect();
    assert_eq!(devices, ["e1", "e0", "e0", "e0", "e0", "e0"], "{text}");
    assert_eq!(answers[1]["outcome"]["errno_name"], "ENETUNREACH", "{}", answers[1]);
}
