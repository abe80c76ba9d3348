//! nft's fib in other hooks than prerouting, with the running kernel as judge.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::kernel::apart;

/// Two links, routes of both ways, and rules that look at devices.
const ROUTER: &str = "
ip link set lo up
ip link add eth0 type veth peer name p0
ip link add eth1 type veth peer name p1
for dev in eth0 p0 eth1 p1; do ip link set $dev addrgenmode none; ip link set $dev up; done
sysctl -qw net.ipv6.conf.all.forwarding=1
ip addr add fe80::10/64 dev eth0 nodad
ip addr add fe80::20/64 dev eth1 nodad
ip addr add 2001:db8:1::10/64 dev eth0 nodad
ip addr add 2001:db8:2::10/64 dev eth1 nodad
ip -6 route add 2001:db8:99::/48 via fe80::9 dev eth1
ip -6 route add 2001:db8:98::/48 via fe80::8 dev eth0
ip -6 route add unreachable 2001:db8:50::/48
ip -6 rule add pref 100 iif eth1 to 2001:db8:98::/48 lookup 100
ip -6 rule add pref 101 iif eth0 to 2001:db8:99::/48 lookup 100
ip -6 rule add pref 102 iif lo to 2001:db8:97::/48 lookup 100
ip -6 rule add pref 103 fwmark 1 to 2001:db8:1::/64 lookup 100
ip -6 route add default dev eth0 table 100
ip -6 neigh add fe80::9 lladdr 02:00:00:00:00:99 dev eth1
ip -6 neigh add fe80::8 lladdr 02:00:00:00:00:98 dev eth0
ip -6 neigh add 2001:db8:1::5 lladdr 02:00:00:00:00:15 dev eth0
ip -6 neigh add 2001:db8:2::5 lladdr 02:00:00:00:00:25 dev eth1
sleep 1
export PYTHONDONTWRITEBYTECODE=1
";

const PLACES: [&str; 6] = [
    "2001:db8:1::5",
    "2001:db8:2::5",
    "2001:db8:99::5",
    "2001:db8:98::5",
    "2001:db8:97::5",
    "2001:db8:50::5",
];
const OWN: [&str; 2] = ["2001:db8:1::10", "2001:db8:2::10"];
const KINDS: [&str; 5] = ["local", "unicast", "anycast", "unreachable", "multicast"];

fn of_kinds(keys: &[&str]) -> Vec<String> {
    keys.iter().flat_map(|key| KINDS.map(|kind| format!("{key} type {kind}"))).collect()
}

#[test]
fn fib_of_forwarded_packets_is_what_nft_sees() {
    // F-063: the way back of a forwarded packet is looked up as received on its egress device.
    let mut expressions: Vec<String> = [
        "saddr . iif oif missing",
        "saddr oif missing",
        "saddr . mark . iif oif missing",
        "daddr . iif oif exists",
    ]
    .map(String::from)
    .to_vec();
    expressions.extend(of_kinds(&["daddr", "daddr . oif", "saddr . iif", "saddr . oif"]));
    compare("forward", &PLACES, &expressions, 20);
}

#[test]
fn fib_of_packets_made_here_is_what_nft_sees() {
    let expressions = of_kinds(&["daddr", "daddr . oif", "saddr", "saddr . oif", "saddr . mark . oif"]);
    compare("output", &OWN, &expressions, 10);
    compare("postrouting", &OWN, &expressions, 10);
}

/// Sends packets from these places to all others, and compares what rules of a hook
/// match with what explanations say of the packets that came to it.
fn compare(hook: &str, from: &[&str], expressions: &[String], least: usize) {
    let pairs = from.iter().flat_map(|from| PLACES.map(|to| (*from, to)));
    let cases: Vec<(&str, &str, u32)> = pairs
        .filter(|(from, to)| from != to)
        .flat_map(|(from, to)| [0, 1].map(|mark| (from, to, mark)))
        .collect();
    let ask = json!({"hook": hook, "device": "eth0", "peer": "p0", "devices": ["eth0", "eth1"],
        "cases": cases, "expressions": expressions});
    let mut script = format!("{ROUTER}python3 $PY/hooks.py < /run/ask.json > /run/judged\ncat /run/judged\n");
    script += "python3 -c 'import json, sys
for line in sys.stdin: print(json.dumps(json.loads(line)[0]))' < /run/judged > /run/questions\n";
    for (n, expression) in expressions.iter().enumerate() {
        let _ = writeln!(script, "$F explain - --fib '{expression}' < /run/questions | sed 's/^/{n} /'");
    }
    let Some(told) = apart(&["nft", "python3", "ip"], &[("ask.json", ask.to_string())], &script) else {
        return;
    };
    let judged: Vec<Value> = told
        .lines()
        .filter(|line| line.starts_with('['))
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert!(judged.len() >= least, "{} packets came to the hook", judged.len());
    for (n, expression) in expressions.iter().enumerate() {
        let prefix = format!("{n} ");
        let ours: Vec<Value> = told
            .lines()
            .filter_map(|line| line.strip_prefix(&prefix))
            .map(|line| serde_json::from_str(line).expect("JSON"))
            .collect();
        assert_eq!(ours.len(), judged.len());
        for (ours, judged) in ours.iter().zip(&judged) {
            let matched = judged[1][n] != 0;
            let (question, text) = (&ours["question"], &ours["outcome"]["text"]);
            assert_eq!(ours["outcome"]["matches"], matched, "{hook}: {question}, {expression}: {text}");
        }
    }
}
