//! What is replaced, left out and kept.

use std::io::Cursor;

use fingerpost_model::snapshot::{FORMAT, Netns};
use fingerpost_model::{Attr, NextHopMsg};
use fingerpost_net::Family;

use super::*;

const MAC: &str = "00:1b:21:aa:bb:cc";

fn link() -> LinkMsg {
    LinkMsg {
        index: 2,
        name: Some("enx001b21aabbcc".into()),
        address: MAC.parse().ok(),
        broadcast: "ff:ff:ff:ff:ff:ff".parse().ok(),
        alias: Some("to the customer Acme".into()),
        altnames: vec!["acme".into()],
        other: vec![Attr { kind: 26, data: vec![1] }],
        ..LinkMsg::default()
    }
}

fn lines() -> Vec<Line> {
    let mut address = AddrMsg::new(Family::V4, 2);
    address.prefix_len = 24;
    (address.local, address.address) = ("84.22.96.7".parse().ok(), "84.22.96.7".parse().ok());
    address.broadcast = "84.22.96.255".parse().ok();
    address.label = Some("enx001b21aabbcc:acme".into());
    let mut route = RouteMsg::new(Family::V4);
    route.gateway = "84.22.96.1".parse().ok();
    route.encap = Some(Encap { kind: 2, data: vec![84, 22, 96, 1] });
    let behind = RouteMsg { gateway: "84.22.96.3".parse().ok(), ..RouteMsg::new(Family::V4) };
    let leg =
        NextHopMsg { gateway: "84.22.96.2".parse().ok(), behind: vec![behind], ..NextHopMsg::default() };
    route.multipath = vec![leg];
    let mut rule = RuleMsg::new(Family::V4);
    rule.src = "84.22.96.0/24".parse().ok();
    rule.iifname = Some("enx001b21aabbcc".into());
    let mut neighbour = NeighMsg::new(Family::V4, 2);
    neighbour.dst = "84.22.96.1".parse().ok();
    neighbour.lladdr = MAC.parse().ok();
    vec![
        Line::Netns(Netns { name: "acme".into(), hash_seed: Some(5), ..Netns::default() }),
        Line::Link(link()),
        Line::Address(address),
        Line::Sysctl("ipv4/conf/enx001b21aabbcc/rp_filter".into(), "1".into()),
        Line::Sysctl("ipv4/fib_multipath_hash_seed".into(), "5".into()),
        Line::Rule(rule),
        Line::Route(route),
        Line::Neighbour(neighbour),
        Line::Text("nft list ruleset".into(), "ip saddr 84.22.96.7 accept".into()),
    ]
}

fn snapshot() -> Vec<u8> {
    let not_seen = vec!["namespace acme: nftables rules: /home/acme/nft: not allowed".into()];
    let header = Header { fingerpost: FORMAT, release: "6.18.0".into(), not_seen, ..Header::default() };
    let mut writer = Writer::new(Vec::new(), &header).expect("memory");
    lines().iter().for_each(|line| writer.write(line).expect("memory"));
    writer.finish().expect("memory")
}

fn redacted(seed: u64) -> String {
    let bytes = redact(Cursor::new(snapshot()), Vec::new(), &Key::from_seed(seed)).expect("good");
    String::from_utf8(bytes).expect("text")
}

#[test]
fn nothing_that_identifies_is_left() {
    let text = redacted(1);
    for word in
        ["84.22.", "acme", "Acme", "aa:bb:cc", "001b21", "aabbcc", "nft list", "hash_seed\":5", "54166001"]
    {
        assert!(!text.contains(word), "{word} in {text}");
    }
    let mut reader = Reader::new(text.as_bytes()).expect("a snapshot");
    assert!(reader.header().redacted);
    assert_eq!(reader.header().not_seen[0], "namespace ns1: nftables rules");
    let mut count = 0;
    while reader.next_line().expect("good lines").is_some() {
        count += 1;
    }
    assert_eq!(count, lines().len() - 2, "the text and the seed are left out");
}

#[test]
fn what_was_equal_is_equal() {
    let mut redactor = Redactor::new(Key::from_seed(1));
    lines().iter().for_each(|line| redactor.learn(line));
    let new: Vec<Line> = lines().into_iter().filter_map(|line| redactor.line(line)).collect();
    let [
        Line::Netns(netns),
        Line::Link(link),
        Line::Address(address),
        Line::Sysctl(path, _),
        Line::Rule(rule),
        Line::Route(route),
        Line::Neighbour(neighbour),
    ] = &new[..]
    else {
        panic!("{new:?}")
    };
    assert_eq!((netns.name.as_str(), netns.hash_seed), ("ns1", None));
    assert_eq!(link.address, neighbour.lladdr);
    assert_eq!(link.address.as_ref().map(|a| a.0[0] & 3), Some(2), "unicast, made up");
    let name = link.name.clone().expect("a name");
    assert_eq!(name, format!("enx{}", link.address.clone().expect("one").to_string().replace(':', "")));
    assert_eq!(rule.iifname.as_ref(), Some(&name));
    assert_eq!(*path, format!("ipv4/conf/{name}/rp_filter"));
    assert!(address.label.as_ref().is_some_and(|label| label.starts_with(&format!("{name}:"))));

    let subnet = rule.src.expect("a prefix").to_prefix::<std::net::Ipv4Addr>().expect("no bits below it");
    assert_eq!(address.broadcast, Some(subnet.last()), "the subnet's broadcast address");
    let Some(IpAddr::V4(gateway)) = route.gateway else { panic!("an IPv4 gateway") };
    assert!(subnet.contains(gateway), "the gateway is in the subnet");
    assert_eq!(route.gateway, neighbour.dst);
    assert_eq!(route.encap, Some(Encap { kind: 2, data: Vec::new() }));
    assert_eq!(Some(redactor.address("84.22.96.7".parse().expect("one"))), address.local);
}

#[test]
fn equal_keys_give_equal_snapshots() {
    assert_eq!(redacted(1), redacted(1));
    assert_ne!(redacted(1), redacted(2));
}

#[test]
fn hardware_addresses_that_everybody_has_stay() {
    let redactor = Redactor::new(Key::from_seed(3));
    let to = |text: &str| {
        let mut addr: LlAddr = text.parse().expect("an address");
        redactor.hardware(&mut addr);
        addr.to_string()
    };
    for same in ["00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff", "01:00:5e:00:00:16", "33:33:00:00:00:01"] {
        assert_eq!(to(same), same);
    }
    assert!(
        to("33:33:ff:12:34:56").starts_with("33:33:ff:") && to("33:33:ff:12:34:56") != "33:33:ff:12:34:56"
    );
    let tunnel: IpAddr = "84.22.96.7".parse().expect("an address");
    let IpAddr::V4(replaced) = redactor.address(tunnel) else { panic!("IPv4") };
    let mut addr = LlAddr(vec![84, 22, 96, 7]);
    redactor.hardware(&mut addr);
    assert_eq!(addr.0, replaced.octets(), "a tunnel's is an IP address");
}

#[test]
fn bad_snapshots_are_refused_with_their_place() {
    let error = redact(Cursor::new(b"{}".to_vec()), Vec::new(), &Key::from_seed(1)).expect_err("no header");
    assert!(error.to_string().starts_with("line 1, column"), "{error}");
}
