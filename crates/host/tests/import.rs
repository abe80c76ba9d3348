//! Folders with outputs of `ip -j`: what is read, what is said not to be, and
//! errors that name file, line, column and field.

use std::collections::BTreeMap;

use fingerpost_host::import::{self, Imported};
use fingerpost_model::snapshot::{Line, Reader};
use fingerpost_model::{LinkFlags, MetricKind, RouteMsg, RuleMsg, TableId};
use fingerpost_net::Family;

const ADDR: &str = r#"[{"ifindex":1,"ifname":"lo","flags":["LOOPBACK","UP","LOWER_UP"],"mtu":65536,"operstate":"UNKNOWN","group":"default","link_type":"loopback","address":"00:00:00:00:00:00","addr_info":[{"family":"inet","local":"127.0.0.1","prefixlen":8,"scope":"host","label":"lo","valid_life_time":4294967295,"preferred_life_time":4294967295}]},
{"ifindex":3,"ifname":"blue","flags":["NO-CARRIER","BROADCAST","MULTICAST","UP"],"mtu":1500,"link_type":"ether","linkinfo":{"info_kind":"vrf","info_data":{"table":77}},"addr_info":[]},{},
{"ifindex":2,"ifname":"eth0","flags":["BROADCAST","MULTICAST","UP","LOWER_UP"],"mtu":1500,"master":"blue","operstate":"UP","link_type":"ether","address":"02:00:00:00:00:01","parentbus":"pci","altnames":["enp1s0"],"addr_info":[{"family":"inet","local":"10.1.0.1","address":"10.1.0.2","prefixlen":32,"scope":"global","dynamic":true,"secondary":true},{"family":"inet6","local":"fe80::1","prefixlen":64,"scope":"link"}]}]
"#;

const ROUTE: &str = r#"[{"dst":"default","gateway":"10.1.0.2","dev":"enp1s0","protocol":"dhcp","metric":100,"flags":[]},
{"type":"local","dst":"10.1.0.1","dev":"eth0","table":"local","protocol":"kernel","scope":"host","prefsrc":"10.1.0.1","flags":["linkdown"]},
{"dst":"10.5.0.0/16","table":"blue","flags":[],"metrics":[{"mtu":1400,"rtt":20,"ecn":null}],"nexthops":[{"gateway":"10.1.0.2","dev":"eth0","weight":3,"flags":["onlink"]},{"via":{"family":"inet6","host":"fe80::9"},"dev":"eth0","weight":1,"flags":[]}]},
{"dst":"default","dev":"eth0","metric":1024,"flags":[],"pref":"medium"},
{"dst":"10.9.0.0/16","encap":"ip","id":7,"src":"0.0.0.0","dst":"10.1.0.3","ttl":0,"tos":0,"gateway":"10.1.0.2","dev":"eth0","flags":[],"novelty":1}]
"#;

fn folder(changes: &[(&str, &str)]) -> BTreeMap<String, String> {
    let mut texts =
        BTreeMap::from([("addr.json".to_string(), ADDR.to_string()), ("route.json".into(), ROUTE.into())]);
    texts.extend(changes.iter().map(|(file, text)| (file.to_string(), text.to_string())));
    texts.insert("rt_tables".into(), "# names\n300\tblue\n0x7  seven # and a comment\n".into());
    texts.retain(|_, text| text != "gone");
    texts
}

fn read(changes: &[(&str, &str)]) -> Imported {
    import::texts_by_name(&folder(changes)).expect("a good folder")
}

fn complaint(changes: &[(&str, &str)]) -> String {
    import::texts_by_name(&folder(changes)).expect_err("a bad folder").to_string()
}

fn routes(imported: &Imported) -> Vec<&RouteMsg> {
    imported.lines.iter().filter_map(|l| if let Line::Route(m) = l { Some(m) } else { None }).collect()
}

fn rules(imported: &Imported) -> Vec<&RuleMsg> {
    imported.lines.iter().filter_map(|l| if let Line::Rule(m) = l { Some(m) } else { None }).collect()
}

#[test]
fn devices_and_addresses() {
    let imported = read(&[]);
    let links: Vec<_> =
        imported.lines.iter().filter_map(|l| if let Line::Link(m) = l { Some(m) } else { None }).collect();
    assert_eq!(links.iter().map(|m| m.index).collect::<Vec<_>>(), [1, 2, 3], "by index");
    assert_eq!((links[1].master, links[1].carrier), (Some(3), Some(1)));
    assert!(links[1].flags.has(LinkFlags::RUNNING) && !links[2].flags.has(LinkFlags::RUNNING));
    assert_eq!(links[2].info.as_ref().and_then(|info| info.vrf_table), Some(77));
    let addresses: Vec<_> =
        imported.lines.iter().filter_map(|l| if let Line::Address(m) = l { Some(m) } else { None }).collect();
    let text = |m: &fingerpost_model::AddrMsg| format!("{:?} {:?} {}", m.local, m.address, m.flags.0);
    let told: Vec<String> = addresses.iter().map(|m| text(m)).collect();
    assert_eq!(
        told,
        ["Some(127.0.0.1) Some(127.0.0.1) 128", "Some(10.1.0.1) Some(10.1.0.2) 1", "None Some(fe80::1) 128"],
        "IPv4 first; a peer is the address; IPv6 has no local one; permanent unless dynamic"
    );
}

#[test]
fn each_line_has_its_place_and_what_is_left_out_is_said_in_few_words() {
    let keys: Vec<String> = (10..40).map(|n| format!("\"key{n}\":1")).collect();
    let local = r#"{"priority":0,"src":"all","table":"local"},{}"#;
    let rules = format!(r#"[{local},{{"priority":5,"src":"all","table":"main",{}}}]"#, keys.join(","));
    let imported = read(&[("rule.json", rules.as_str())]);
    assert_eq!(imported.lines.len(), imported.places.len());
    let place = |wanted: fn(&Line) -> bool| {
        let at = imported.lines.iter().rposition(wanted).expect("a line");
        imported.places[at].to_string()
    };
    assert_eq!(place(|l| matches!(l, Line::Rule(m) if m.family == Family::V4)), "rule.json, entry 3");
    assert_eq!(place(|l| matches!(l, Line::Route(m) if m.family == Family::V4)), "route.json, entry 5");
    assert_eq!(place(|l| matches!(l, Line::Address(_))), "addr.json");
    let not_seen = &imported.header.not_seen;
    let keys = "rule.json: these keys are not imported: key10, key11, key12, key13, key14, key15 and 24 more";
    assert!(not_seen.iter().any(|sentence| sentence == keys), "{not_seen:?}");
}

#[test]
fn routes_of_all_forms() {
    let imported = read(&[]);
    let routes = routes(&imported);
    let families: Vec<Family> = routes.iter().map(|m| m.family).collect();
    assert_eq!(families, [Family::V4, Family::V4, Family::V4, Family::V4, Family::V6]);
    assert_eq!(
        (routes[0].dst, routes[0].oif, routes[0].protocol),
        (None, Some(2), 16),
        "by alternative name"
    );
    assert_eq!((routes[1].table, routes[1].kind.0, routes[1].flags.0), (TableId::LOCAL, 2, 16));
    assert_eq!(routes[2].table, TableId(300), "by rt_tables");
    assert_eq!(routes[2].metrics.get(MetricKind::RTT), Some(160), "eighths of a millisecond");
    assert_eq!(routes[2].metrics.get(MetricKind::FEATURES), Some(1));
    assert_eq!((routes[2].multipath[0].hops, routes[2].multipath[0].flags.0), (2, 4));
    assert_eq!(routes[2].multipath[1].gateway, "fe80::9".parse().ok());
    assert_eq!(routes[3].dst, "10.9.0.0/16".parse().ok(), "the first of two equal keys");
    assert_eq!(routes[3].encap.as_ref().map(|encap| encap.kind), Some(2));
    assert_eq!((routes[4].dst, routes[4].priority), (None, Some(1024)));
}

#[test]
fn address_labels_are_imported() {
    let json = r#"[{"address":"::1","prefixlen":128,"label":0},
        {"address":"2001:db8::","prefixlen":32,"ifname":"lo","label":7}]"#;
    let imported = read(&[("addrlabel.json", json)]);
    let labels: Vec<_> = imported
        .lines
        .iter()
        .filter_map(|line| match line {
            Line::AddressLabel(m) => Some((m.prefix.expect("given").to_string(), m.index, m.label)),
            _ => None,
        })
        .collect();
    assert_eq!(labels, [("::1/128".to_owned(), 0, Some(0)), ("2001:db8::/32".to_owned(), 1, Some(7))]);
    let long = r#"[{"address":"::1","prefixlen":129,"label":0}]"#;
    let error = complaint(&[("addrlabel.json", long)]);
    assert!(error.starts_with("addrlabel.json, line 1") && error.contains("longer than an IPv6"), "{error}");
}

#[test]
fn what_is_not_seen_is_said() {
    let imported = read(&[]);
    let said = |part: &str| {
        let all = &imported.header.not_seen;
        assert!(all.iter().any(|sentence| sentence.contains(part)), "{part} in {all:?}");
    };
    said("addr.json: these keys are not imported: parentbus");
    said("route.json: these keys are not imported: novelty");
    said("route.json: ip -j does not tell which metrics are locked");
    said("of tunnels on 1 routes only the type is imported");
    said("rule.json is missing: the rules are taken to be the default ones");
    said("sysctl.txt is missing");
    said("rule6.json is missing: the rules of IPv6 are taken to be the default ones");
    said("addrlabel.json is missing: address labels are taken to be Linux's own");
    said("there is no release.txt");
    assert_eq!(rules(&imported).len(), 5, "three for IPv4, two for IPv6");
}

#[test]
fn rules_settings_and_what_follows_from_them() {
    let rule = r#"[{"priority":0,"src":"all","table":"local"},
        {"priority":9,"not":null,"src":"10.0.0.1","srclen":8,"fwmark":"0x10","iif":"eth0","sport_start":1,"sport_end":9,
         "dport":53,"ipproto":"udp","table":"seven","suppress_prefixlen":0,"flow_from":"1","flow_to":"2"},
        {"priority":10,"src":"all","goto":32766},{"priority":11,"src":"all","action":"prohibit"},
        {"priority":32766,"src":"all","table":"main"},{"priority":32767,"src":"all","table":"default"}]"#;
    let sysctl = "net.ipv4.ip_forward = 1\nkernel.hostname = x\nnet.ipv4.conf.eth0/7.rp_filter = 2\n\
                  net.ipv6.conf.all.stable_secret = dead::beef\nnet.ipv4.tcp_fastopen_key = 1-2-3-4\n";
    let imported = read(&[("rule.json", rule), ("sysctl.txt", sysctl), ("release.txt", "6.1.0-9\n")]);
    let all = rules(&imported);
    assert_eq!(all[1].src, "10.0.0.1/8".parse().ok(), "C-099: bits below the length stay");
    assert_eq!((all[1].table, all[1].fwmask, all[1].realms), (TableId(7), Some(u32::MAX), Some(0x1_0002)));
    assert_eq!((all[1].flags.0, all[1].ip_proto, all[1].dport.map(|d| d.end)), (2, Some(17), Some(53)));
    assert_eq!((all[2].action.0, all[2].goto, all[3].action.0), (2, Some(32766), 8));
    let settings: Vec<_> = imported
        .lines
        .iter()
        .filter_map(
            |l| if let Line::Sysctl(path, value) = l { Some(format!("{path}={value}")) } else { None },
        )
        .collect();
    assert_eq!(
        settings,
        ["ipv4/conf/eth0.7/rp_filter=2", "ipv4/ip_forward=1"],
        "no secrets, nothing but net"
    );
    assert_eq!(imported.header.release, "6.1.0-9");
    let Some(Line::Netns(netns)) = imported.lines.first() else { panic!("the namespace comes first") };
    assert_eq!((netns.custom_rules, netns.realm_users), (Some(true), Some(true)));
    let Some(Line::Netns(netns)) = read(&[]).lines.into_iter().next() else {
        panic!("the namespace comes first")
    };
    assert_eq!((netns.custom_rules, netns.realm_users), (None, Some(false)), "default rules tell nothing");

    let mut bytes = Vec::new();
    imported.write(&mut bytes).expect("memory");
    let mut reader = Reader::new(&bytes[..]).expect("a snapshot");
    for line in &imported.lines {
        assert_eq!(reader.next_line().expect("good").as_ref(), Some(line));
    }
}

#[test]
fn errors_name_the_place() {
    assert_eq!(
        complaint(&[(
            "route.json",
            "[{\"dst\":\"10.0.0.0/8\"},\n {\"dst\":\"10.0.0.0/8\",\"dev\":\"eth9\"}]"
        )]),
        "route.json, line 2, column 28, field dev: `eth9`: expected a device of link.json"
    );
    assert_eq!(
        complaint(&[("route.json", "[{\"dst\":\"10.0.0.0/33\"}]")]),
        "route.json, line 1, column 9, field dst: `10.0.0.0/33`: expected `default` or a prefix"
    );
    assert_eq!(
        complaint(&[("route.json", "[{\"dst\":\"default\",\"nexthops\":[{\"weight\":\n 300}]}]")]),
        "route.json, line 2, column 2, field nexthops.weight: expected 1 to 256"
    );
    assert_eq!(
        complaint(&[("route.json", "[{\"gateway\":\"10.0.0.1\"}]")]),
        "route.json, line 1, column 2, field dst: this field is missing"
    );
    assert_eq!(
        complaint(&[("rule.json", "[{\"priority\":\"high\",\"src\":\"all\"}]")]),
        "rule.json, line 1, column 14, field priority: string \"high\", expected a number in range"
    );
    assert_eq!(
        complaint(&[("rule.json", "[{\"priority\":1,\"src\":\"::1\",\"table\":\"main\"}]")]),
        "rule.json, line 1, column 22, field src: `::1`: expected `all` or an address of the rule's family"
    );
    assert_eq!(
        complaint(&[("route.json", "[{\"dst\":\"default\",\"table\":\"green\"}]")]),
        "route.json, line 1, column 27, field table: `green`: expected a table"
    );
    assert!(complaint(&[("neigh.json", "[\n{]")]).starts_with("neigh.json, line 2, column 2: "));
    assert!(complaint(&[("nexthop.json", "{}")]).starts_with("nexthop.json, line 1, column"));
    assert_eq!(
        complaint(&[("addr.json", "gone")]),
        "addr.json is missing; make it with `ip -d -j addr > addr.json`"
    );
    assert!(complaint(&[("route.json", "gone")]).starts_with("route.json is missing"));
    assert_eq!(
        complaint(&[("sysctl.txt", "a = 1\nwhat")]),
        "sysctl.txt, line 2, column 1: expected NAME = VALUE"
    );
}

#[test]
fn a_folder_of_files() {
    let path = std::env::temp_dir().join(format!("fingerpost-import-{}", std::process::id()));
    std::fs::create_dir_all(&path).expect("a folder");
    for (file, text) in folder(&[]) {
        std::fs::write(path.join(file), text).expect("written");
    }
    let imported = import::folder(&path);
    std::fs::remove_dir_all(&path).expect("removed");
    assert_eq!(imported.expect("a good folder"), read(&[]));
    assert!(import::folder(&path).expect_err("it is gone").to_string().contains("addr.json is missing"));
}

mod arbitrary {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Damaged files give errors or less, never a panic.
        #[test]
        fn damaged_files(
            file in prop_oneof![Just("addr.json"), Just("route.json"), Just("rule.json"), Just("nexthop.json"),
                                Just("neigh.json"), Just("rt_tables"), Just("sysctl.txt")],
            source in prop_oneof![Just(ADDR), Just(ROUTE)],
            at in any::<proptest::sample::Index>(),
            with in prop_oneof![".{0,4}", Just("null".to_string()), Just("-1".into()), Just("[]".into())],
        ) {
            let mut text = source.to_string();
            let place = (0..=at.index(text.len())).rev().find(|&i| text.is_char_boundary(i)).unwrap_or(0);
            let end = (place + with.len()).min(text.len());
            if text.is_char_boundary(end) {
                text.replace_range(place..end, &with);
            }
            let _ = import::texts_by_name(&folder(&[(file, &text)]));
        }
    }
}

#[test]
fn routes_of_table_main_alone_are_refused() {
    // What `ip -j route` prints without `show table all`.
    let main = r#"[{"dst":"default","gateway":"10.1.0.2","dev":"eth0","flags":[]}]"#;
    for routes in [main, "", "[{}]"] {
        let told = complaint(&[("route.json", routes)]);
        assert!(told.starts_with("route.json holds no route of table local"), "{told}");
        assert!(told.contains("ip -j route show table all > route.json"), "{told}");
    }
}
