//! `explain --packet`: a packet's whole way.

use serde_json::Value;

use crate::replay::{NEIGHBOUR, Pcapng, ROUTER, udp};
use crate::{Scratch, Told, fingerpost, told};

/// The router of captures, with IPv6 too.
fn router(name: &str, more: &str) -> Scratch {
    let six = "\
ip -6 addr add 2001:db8::1/64 dev eth0 nodad
ip -6 addr add 2001:db8:1::1/64 dev eth1 nodad
sysctl -w net.ipv6.conf.all.forwarding=1
ip -6 neigh add 2001:db8::9 lladdr 02:00:00:00:00:99 dev eth0
ip -6 neigh add 2001:db8:1::9 lladdr 02:00:00:00:00:aa dev eth1
ip link set tun0 up
ip addr add 10.2.0.1/24 dev tun0
";
    Scratch::new(&format!("{name}.sh"), [ROUTER, six, more].concat().as_bytes())
}

/// Explains a packet, given by words that are separated by blanks.
fn packet_on(name: &str, more: &str, words: &str) -> Told {
    let script = router(name, more);
    let mut command = fingerpost();
    command.args(["explain", "--packet", "--script", &script.path()]).args(words.split(' '));
    told(command.env("COLUMNS", "100").output().expect("the command runs"))
}

fn packet(name: &str, words: &str) -> Told {
    packet_on(name, "", words)
}

/// The answer alone, with the exit status.
fn answer(name: &str, more: &str, words: &str) -> (i32, String) {
    let (status, out, err) = packet_on(name, more, words);
    assert_eq!(err, "", "{words}");
    (status, out.lines().next().unwrap_or_default().to_string())
}

fn json(name: &str, more: &str, words: &str) -> Value {
    let (_, out, err) = packet_on(name, more, &format!("{words} --json"));
    assert_eq!(err, "");
    serde_json::from_str(&out).expect("an object")
}

#[track_caller]
fn check(told: Told, status: i32, text: &str) {
    assert_eq!(told, (status, text.to_string(), String::new()), "{}", told.1);
}
