//! Routers that ask who listens to groups, and what they hear.

use fingerpost_net::wire::{Checksum, Header, Ipv6, icmp6, next};

use super::{ROUTER6, addr, edited, message, packet};
use crate::host::Host;

const ROUTER: &str = "fe80::2";
const ALERT: [u8; 8] = [next::ICMPV6, 0, 5, 2, 0, 0, 1, 0];

/// A message behind the router alert.
fn alert(src: &str, dst: &str, kind: u8, rest: [u8; 4], data: &[u8]) -> Vec<u8> {
    let inner = message(src, dst, kind, rest, data);
    let packet = packet(src, dst, next::HOP, &[&ALERT, &inner[Ipv6::LEN..]].concat());
    edited(packet, |header| header.hop_limit = 1)
}

fn query_1(about: &str) -> Vec<u8> {
    alert(ROUTER, "ff02::1", icmp6::LISTENER_QUERY, [0, 100, 0, 0], &addr(about).octets())
}

fn query_2(src: &str, about: &str) -> Vec<u8> {
    let data = [&addr(about).octets()[..], &[2, 125, 0, 0]].concat();
    alert(src, "ff02::1", icmp6::LISTENER_QUERY, [0, 100, 0, 0], &data)
}

/// Destination and message of what was sent.
fn heard(frame: &[u8]) -> (String, Vec<u8>) {
    let packet = &frame[14..];
    let header = Ipv6::read(packet).unwrap();
    assert_eq!((header.hop_limit, header.next, &packet[40..48]), (1, next::HOP, &ALERT[..]));
    let (src, dst) = (header.source(), header.destination());
    assert_eq!(src, addr("fe80::ff:fe00:10"));
    let sum = Checksum::ZERO.pseudo6(src, dst, next::ICMPV6, packet.len() - 48).bytes(&packet[48..]);
    assert_eq!(sum.finish(), 0);
    (dst.to_string(), packet[48..].to_vec())
}

fn records(message: &[u8]) -> Vec<(u8, String)> {
    let record = |record: &[u8]| {
        let group = <[u8; 16]>::try_from(&record[4..20]).unwrap();
        (record[0], std::net::Ipv6Addr::from(group).to_string())
    };
    message[8..].chunks(20).map(record).collect()
}

#[test]
fn t68_a_query_for_all_is_answered_with_all_groups_the_newest_first() {
    let mut host = Host::new(ROUTER6);
    assert_eq!(host.enter(&query_2(ROUTER, "::")).emitted.len(), 0);
    let emitted = host.pass(200);
    assert!(emitted.len() == 1 && emitted[0].0 <= 108, "{emitted:?}");
    let (to, message) = heard(&emitted[0].1);
    assert_eq!((to.as_str(), message[0], message[7]), ("ff02::16", icmp6::LISTENER_REPORT_2, 5));
    let groups = ["ff02::1:ff00:0", "ff05::2", "ff02::2", "ff02::1:ff00:1", "ff02::1:ff00:10"];
    let told = records(&message);
    assert!(told.iter().all(|(kind, _)| *kind == 2), "{told:?}");
    let told: Vec<&str> = told.iter().map(|(_, group)| group.as_str()).collect();
    assert!(groups.iter().all(|group| told.contains(group)), "{told:?}");
    assert_eq!(told[0], groups[0]);
    assert_eq!((host.counted("Icmp6OutMLDv2Reports"), host.counted("Icmp6InGroupMembQueries")), (1, 1));
}

#[test]
fn t68_version_1_is_answered_group_by_group_and_comes_back() {
    let mut host = Host::new(ROUTER6);
    host.enter(&query_1("ff02::1:ff00:1"));
    let emitted = host.pass(200);
    let (to, message) = heard(&emitted[0].1);
    assert_eq!((emitted.len(), to.as_str(), message[0]), (1, "ff02::1:ff00:1", icmp6::LISTENER_REPORT));
    assert_eq!(host.counted("Icmp6InGroupMembResponses"), 1);
    // Who heard another's report need not tell; a query of version 2 is taken for one of version 1 now.
    host.enter(&query_2(ROUTER, "ff02::1:ff00:1"));
    let report = addr("ff02::1:ff00:1").octets();
    let other = alert("fe80::9", "ff02::1:ff00:1", icmp6::LISTENER_REPORT, [0; 4], &report);
    host.enter(&other);
    assert_eq!(host.pass(200).len(), 0);
    host.run("sysctl -w net.ipv6.conf.e0.force_mld_version=2");
    host.enter(&query_1("ff02::1:ff00:1"));
    assert_eq!(host.pass(200).len(), 0);
}

#[test]
fn t68_which_queries_are_heard() {
    let answers = |packet: &[u8]| {
        let mut host = Host::new(ROUTER6);
        host.enter(packet);
        host.pass(200).len()
    };
    assert_eq!(answers(&query_2(ROUTER, "::")), 1);
    assert_eq!(answers(&query_2("2001:db8::2", "::")), 0);
    assert_eq!(answers(&edited(query_2(ROUTER, "::"), |header| header.hop_limit = 2)), 0);
    assert_eq!(answers(&query_2(ROUTER, "2001:db8::1")), 0);
    assert_eq!(answers(&query_2(ROUTER, "ff02::77")), 0);
    assert_eq!(answers(&query_2(ROUTER, "ff02::1")), 0);
    let mut other = query_2(ROUTER, "::");
    other[45] = 1;
    assert_eq!(answers(&other), 0);
    // Sent to an address of the host, it is heard as well.
    let data = [&addr("::").octets()[..], &[2, 125, 0, 0]].concat();
    assert_eq!(answers(&alert(ROUTER, "2001:db8::1", icmp6::LISTENER_QUERY, [0, 100, 0, 0], &data)), 1);
}

#[test]
fn a_group_that_is_left_is_told_of_as_it_was_joined() {
    let left_with = |version: u32| {
        let mut host = Host::new(ROUTER6);
        host.run(&format!("sysctl -w net.ipv6.conf.e0.force_mld_version={version}"));
        host.run("ip addr add 2001:db8::44/64 dev e0 nodad valid_lft 10 preferred_lft 10");
        let mut emitted = host.pass(10_000);
        emitted.extend(host.pass(10_000));
        emitted.iter().map(|(_, frame)| heard(frame)).collect::<Vec<_>>()
    };
    let told = left_with(1);
    assert_eq!((told.len(), told[0].0.as_str(), told[0].1[0]), (1, "ff02::2", icmp6::LISTENER_DONE));
    // Of version 2 twice, the second time after a while.
    let told = left_with(2);
    assert_eq!((told.len(), told[0].0.as_str()), (2, "ff02::16"));
    assert_eq!(records(&told[0].1), [(3, "ff02::1:ff00:44".to_owned())]);
}
