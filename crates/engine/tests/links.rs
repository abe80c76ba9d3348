//! Devices, their neighbours and their settings, as `ip link`, `ip neigh` and
//! `sysctl` change them. Expected values were seen on a 6.18 kernel.

mod support;

use fingerpost_engine::World;
use fingerpost_model::{
    AddrMsg, Change, Kernel, LinkFlags, LinkInfo, LinkMsg, LlAddr, NeighFlags, NeighMsg, NeighState, NlFlags,
    NsId, NsRef, Op, Refusal, RouteFilter, RouteFlags, TableId, TunMode,
};
use fingerpost_net::{Errno, Family};
use support::{NS, add, address, change, down, kernel, refused, up, with_link};

/// `IF_OPER_*`.
const UNKNOWN: Option<u8> = Some(0);
const DOWN: Option<u8> = Some(2);
const LOWER_LAYER_DOWN: Option<u8> = Some(3);
const UP: Option<u8> = Some(6);

fn kind(name: &str, kind: &str) -> LinkMsg {
    let info = LinkInfo { kind: kind.into(), ..LinkInfo::default() };
    LinkMsg { name: Some(name.into()), info: Some(info), ..LinkMsg::default() }
}

fn make(world: &mut World, msg: LinkMsg) -> Result<(), Refusal> {
    add(world, Change::NewLink(msg))
}

fn set(world: &mut World, msg: LinkMsg) -> Result<(), Refusal> {
    change(world, Change::NewLink(msg))
}

fn pair(world: &mut World, name: &str, peer: &str) {
    let mut msg = kind(name, "veth");
    let peer = LinkMsg { name: Some(peer.into()), ..LinkMsg::default() };
    msg.info.as_mut().unwrap().peer = Some(Box::new(peer));
    make(world, msg).unwrap();
}

#[track_caller]
fn link(world: &mut World, name: &str) -> LinkMsg {
    world.get_link(NS, 0, Some(name)).unwrap()
}

#[track_caller]
fn index(world: &mut World, name: &str) -> u32 {
    link(world, name).index
}

fn flags(world: &mut World, name: &str) -> LinkFlags {
    link(world, name).flags
}

fn names(world: &mut World, ns: NsId) -> Vec<String> {
    let mut names = Vec::new();
    world.links(ns, &mut |link| names.push(link.name.clone().unwrap_or_default())).unwrap();
    names
}

fn sysctl(world: &mut World, path: &str, value: &str) {
    world.write_file(NS, &format!("/proc/sys/net/ipv4/{path}"), value).unwrap();
}

#[test]
fn new_devices_look_as_linux_makes_them() {
    let mut w = kernel();
    let ethernet = LinkFlags::BROADCAST | LinkFlags::MULTICAST;
    let silent = LinkFlags::BROADCAST | LinkFlags::NOARP;
    make(&mut w, kind("d", "dummy")).unwrap();
    make(&mut w, kind("i", "ifb")).unwrap();
    make(&mut w, kind("b", "bridge")).unwrap();
    make(&mut w, kind("w", "wireguard")).unwrap();
    let mut vrf = kind("r", "vrf");
    vrf.info.as_mut().unwrap().vrf_table = Some(10);
    make(&mut w, vrf).unwrap();
    pair(&mut w, "v", "p");
    w.apply(
        NS,
        Op {
            flags: NlFlags(0),
            change: Change::NewTun { name: "t".into(), mode: TunMode::Tun, multi_queue: false },
        },
    )
    .unwrap();
    let tun = LinkFlags::POINTOPOINT | LinkFlags::NOARP | LinkFlags::MULTICAST;
    let wireguard = LinkFlags::POINTOPOINT | LinkFlags::NOARP;
    // name, flags, mtu, smallest, largest, queue length, hardware type, carrier
    for (name, flags, mtu, min, max, queue, arp, carrier) in [
        ("lo", LinkFlags::LOOPBACK, 65536, 0, 0, 1000, 772, 1),
        ("d", silent, 1500, 0, 0, 1000, 1, 1),
        ("i", silent, 1500, 0, 0, 32, 1, 1),
        ("b", ethernet, 1500, 68, 65535, 1000, 1, 1),
        ("w", wireguard, 1420, 0, 2_147_483_552, 1000, 65534, 1),
        ("r", LinkFlags::NOARP | LinkFlags::MASTER, 65575, 1280, 65575, 1000, 1, 1),
        ("v", ethernet, 1500, 68, 65535, 1000, 1, 0),
        ("p", ethernet, 1500, 68, 65535, 1000, 1, 0),
        ("t", tun, 1500, 68, 65535, 500, 65534, 1),
    ] {
        let link = link(&mut w, name);
        let seen =
            (link.flags, link.mtu, link.min_mtu, link.max_mtu, link.txqlen, link.arp_type, link.carrier);
        assert_eq!(seen, (flags, Some(mtu), Some(min), Some(max), Some(queue), arp, Some(carrier)), "{name}");
        assert_eq!((link.operstate, link.qdisc.as_deref()), (DOWN, Some("noop")), "{name}");
    }
}

#[test]
fn addresses_come_from_the_seed_unless_given() {
    let address_of = |seed| {
        let mut w = World::new(seed, fingerpost_engine::Behaviour::default());
        make(&mut w, kind("d", "dummy")).unwrap();
        link(&mut w, "d").address.unwrap()
    };
    assert_eq!(address_of(7), address_of(7));
    assert_ne!(address_of(7), address_of(8));
    // Locally administered, unicast.
    assert_eq!(address_of(7).0[0] & 3, 2);
    let mut w = kernel();
    let given = LlAddr(vec![2, 0, 0, 0, 0, 9]);
    make(&mut w, LinkMsg { address: Some(given.clone()), ..kind("d", "dummy") }).unwrap();
    assert_eq!(link(&mut w, "d").address, Some(given));
}

#[test]
fn a_veth_has_carrier_while_both_ends_are_up() {
    let mut w = kernel();
    pair(&mut w, "v0", "v1");
    // The peer is made first.
    let (v0, v1) = (index(&mut w, "v0"), index(&mut w, "v1"));
    assert_eq!((v1, v0), (2, 3));
    assert_eq!((link(&mut w, "v0").link, link(&mut w, "v1").link), (Some(v1), Some(v0)));
    up(&mut w, v0);
    assert!(!flags(&mut w, "v0").any(LinkFlags::RUNNING | LinkFlags::LOWER_UP));
    assert_eq!(link(&mut w, "v0").operstate, LOWER_LAYER_DOWN);
    up(&mut w, v1);
    for name in ["v0", "v1"] {
        assert!(flags(&mut w, name).has(LinkFlags::UP | LinkFlags::RUNNING | LinkFlags::LOWER_UP));
        assert_eq!(link(&mut w, name).operstate, UP);
        assert_eq!(link(&mut w, name).qdisc.as_deref(), Some("noqueue"));
    }
    down(&mut w, v1);
    assert_eq!((link(&mut w, "v0").operstate, link(&mut w, "v1").operstate), (LOWER_LAYER_DOWN, DOWN));
    change(&mut w, Change::DelLink(LinkMsg { index: v0, ..LinkMsg::default() })).unwrap();
    assert_eq!(names(&mut w, NS), ["lo"]);
}

#[test]
fn indexes_ascend_and_are_used_up_by_what_fails() {
    let mut w = kernel();
    // A peer cannot come up before it has another end.
    let mut msg = kind("v0", "veth");
    let up = LinkFlags::UP;
    msg.info.as_mut().unwrap().peer =
        Some(Box::new(LinkMsg { name: Some("v1".into()), flags: up, change: up, ..LinkMsg::default() }));
    refused(make(&mut w, msg), Errno(107), None);
    make(&mut w, kind("d0", "dummy")).unwrap();
    assert_eq!(index(&mut w, "d0"), 3);
    // A chosen index does not move the counter.
    make(&mut w, LinkMsg { index: 77, ..kind("d1", "dummy") }).unwrap();
    make(&mut w, kind("d2", "dummy")).unwrap();
    assert_eq!((index(&mut w, "d1"), index(&mut w, "d2")), (77, 4));
    let d2 = LinkMsg { index: 4, ..LinkMsg::default() };
    change(&mut w, Change::DelLink(d2)).unwrap();
    make(&mut w, kind("d3", "dummy")).unwrap();
    assert_eq!(index(&mut w, "d3"), 5);
}

#[test]
fn names_are_checked_counted_and_taken() {
    let mut w = kernel();
    let unnamed = |k: &str| LinkMsg { name: None, ..kind("", k) };
    for _ in 0..2 {
        make(&mut w, unnamed("dummy")).unwrap();
    }
    make(&mut w, unnamed("veth")).unwrap();
    make(&mut w, kind("x%dy", "dummy")).unwrap();
    assert_eq!(names(&mut w, NS), ["lo", "dummy0", "dummy1", "veth0", "veth1", "x0y"]);
    refused(make(&mut w, kind("dummy0", "dummy")), Errno::EEXIST, None);
    for bad in ["a/b", "a b", "a:b", ".", "..", "%s", "%d%d"] {
        refused(make(&mut w, kind(bad, "dummy")), Errno::EINVAL, None);
    }
    let too_long = make(&mut w, kind("sixteen-bytes-ab", "dummy"));
    refused(too_long, Errno::ERANGE, Some("Attribute failed policy validation"));
    // An up device can be renamed.
    let dummy0 = index(&mut w, "dummy0");
    up(&mut w, dummy0);
    let rename = |to: &str| LinkMsg { index: dummy0, name: Some(to.into()), ..LinkMsg::default() };
    refused(set(&mut w, rename("dummy1")), Errno::EEXIST, None);
    set(&mut w, rename("free")).unwrap();
    assert_eq!(index(&mut w, "free"), dummy0);
}

#[test]
fn what_cannot_be_made_is_refused_with_the_kernels_texts() {
    let mut w = kernel();
    refused(make(&mut w, kind("x", "nosuch")), Errno::EOPNOTSUPP, Some("Unknown device type"));
    refused(
        make(&mut w, kind("x", "tun")),
        Errno::EOPNOTSUPP,
        Some("tun/tap creation via rtnetlink is not supported."),
    );
    let with = |k: &str, change: &dyn Fn(&mut LinkMsg)| {
        let mut msg = kind("x", k);
        change(&mut msg);
        msg
    };
    fn id(m: &mut LinkMsg, id: u16) {
        m.info.as_mut().unwrap().vlan_id = Some(id);
    }
    make(&mut w, kind("d", "dummy")).unwrap();
    let d = index(&mut w, "d");
    let text = Some("8021q: VLAN properties not specified");
    refused(make(&mut w, kind("x", "vlan")), Errno::EINVAL, text);
    refused(make(&mut w, with("vlan", &|m| id(m, 4095))), Errno::ERANGE, Some("8021q: Invalid VLAN id"));
    refused(make(&mut w, with("vlan", &|m| id(m, 5))), Errno::EINVAL, Some("8021q: link not specified"));
    let on = |dev: u32| {
        move |m: &mut LinkMsg| {
            id(m, 5);
            m.link = Some(dev);
        }
    };
    let text = Some("8021q: link does not exist");
    refused(make(&mut w, with("vlan", &on(99))), Errno::ENODEV, text);
    let text = Some("8021q: VLANs not supported on device");
    refused(make(&mut w, with("vlan", &on(1))), Errno::EOPNOTSUPP, text);
    make(&mut w, with("vlan", &on(d))).unwrap();
    let text = Some("8021q: VLAN device already exists");
    refused(make(&mut w, LinkMsg { name: Some("y".into()), ..with("vlan", &on(d)) }), Errno::EEXIST, text);
    refused(make(&mut w, kind("m", "macvlan")), Errno::EINVAL, None);
    refused(make(&mut w, LinkMsg { link: Some(99), ..kind("m", "macvlan") }), Errno::ENODEV, None);
    refused(make(&mut w, LinkMsg { link: Some(1), ..kind("m", "macvlan") }), Errno::EINVAL, None);
    refused(make(&mut w, kind("r", "vrf")), Errno::EINVAL, Some("VRF table id is missing"));
    let group = LlAddr(vec![1, 0, 0, 0, 0, 0]);
    refused(make(&mut w, LinkMsg { address: Some(group), ..kind("e", "dummy") }), Errno::EADDRNOTAVAIL, None);
    let short = Some("mtu less than device minimum");
    refused(make(&mut w, LinkMsg { mtu: Some(60), ..kind("b", "bridge") }), Errno::EINVAL, short);
    // veth looks at its MTU before anyone can say why.
    refused(make(&mut w, LinkMsg { mtu: Some(60), ..kind("v", "veth") }), Errno::EINVAL, None);
    assert_eq!(names(&mut w, NS), ["lo", "d", "x"]);
}

#[test]
fn mtu_and_address_have_limits() {
    let mut w = kernel();
    pair(&mut w, "v0", "v1");
    let v0 = index(&mut w, "v0");
    let mtu = |mtu| LinkMsg { index: v0, mtu: Some(mtu), ..LinkMsg::default() };
    refused(set(&mut w, mtu(67)), Errno::EINVAL, Some("mtu less than device minimum"));
    refused(set(&mut w, mtu(65536)), Errno::EINVAL, Some("mtu greater than device maximum"));
    refused(set(&mut w, mtu(0x8000_0000)), Errno::EINVAL, Some("mtu less than device minimum"));
    set(&mut w, mtu(68)).unwrap();
    // IPv6 needs more.
    assert!(link(&mut w, "v0").other.is_empty());
    set(&mut w, mtu(1280)).unwrap();
    assert_eq!(link(&mut w, "v0").other.len(), 1);
    let mac = |mac: &[u8]| LinkMsg { index: v0, address: Some(LlAddr(mac.to_vec())), ..LinkMsg::default() };
    refused(set(&mut w, mac(&[0; 6])), Errno::EADDRNOTAVAIL, None);
    refused(set(&mut w, mac(&[2, 0])), Errno::EINVAL, None);
    set(&mut w, mac(&[2, 0, 0, 0, 0, 1])).unwrap();
    // IPv4 ends below 68 bytes and comes back.
    let ifb = with_link(&mut w, "i0");
    address(&mut w, ifb, "10.0.0.1");
    let mtu = |mtu| LinkMsg { index: ifb, mtu: Some(mtu), ..LinkMsg::default() };
    set(&mut w, mtu(67)).unwrap();
    assert_eq!(w.read_file(NS, "/proc/sys/net/ipv4/conf/i0/forwarding"), Err(Errno::ENOENT));
    set(&mut w, mtu(68)).unwrap();
    assert_eq!(w.read_file(NS, "/proc/sys/net/ipv4/conf/i0/forwarding"), Ok("0\n".into()));
}

#[test]
fn carrier_is_set_only_where_the_driver_lets_it() {
    let mut w = kernel();
    let op = |name: &str, mode| Op {
        flags: NlFlags(0),
        change: Change::NewTun { name: name.into(), mode, multi_queue: false },
    };
    w.apply(NS, op("t0", TunMode::Tun)).unwrap();
    refused(w.apply(NS, op("t0", TunMode::Tun)), Errno::EBUSY, None);
    let tun = index(&mut w, "t0");
    up(&mut w, tun);
    // Nothing has happened to its carrier yet.
    assert_eq!(link(&mut w, "t0").operstate, UNKNOWN);
    assert!(flags(&mut w, "t0").has(LinkFlags::RUNNING | LinkFlags::LOWER_UP));
    let carrier = |index, on| LinkMsg { index, carrier: Some(on), ..LinkMsg::default() };
    set(&mut w, carrier(tun, 0)).unwrap();
    assert_eq!(link(&mut w, "t0").operstate, DOWN);
    assert!(!flags(&mut w, "t0").any(LinkFlags::RUNNING | LinkFlags::LOWER_UP));
    set(&mut w, carrier(tun, 1)).unwrap();
    assert_eq!(link(&mut w, "t0").operstate, UP);
    let ifb = with_link(&mut w, "i0");
    for index in [1, ifb] {
        refused(set(&mut w, carrier(index, 0)), Errno::EOPNOTSUPP, None);
    }
    let del = |mode| Op { flags: NlFlags(0), change: Change::DelTun { name: "t0".into(), mode } };
    refused(w.apply(NS, del(TunMode::Tap)), Errno::EINVAL, None);
    w.apply(NS, del(TunMode::Tun)).unwrap();
    assert_eq!(names(&mut w, NS), ["lo", "i0"]);
}

#[test]
fn a_bridge_follows_its_ports() {
    let mut w = kernel();
    make(&mut w, kind("br0", "bridge")).unwrap();
    let bridge = index(&mut w, "br0");
    up(&mut w, bridge);
    assert_eq!(link(&mut w, "br0").operstate, UNKNOWN);
    pair(&mut w, "v0", "v1");
    let (v0, v1) = (index(&mut w, "v0"), index(&mut w, "v1"));
    let master = |index, master| LinkMsg { index, master: Some(master), ..LinkMsg::default() };
    set(&mut w, master(v0, bridge)).unwrap();
    // It takes the port's address, and looks for a port that forwards.
    assert_eq!(link(&mut w, "br0").address, link(&mut w, "v0").address);
    assert_eq!((link(&mut w, "br0").operstate, link(&mut w, "br0").carrier), (DOWN, Some(0)));
    assert_eq!((link(&mut w, "v0").promiscuity, link(&mut w, "v0").allmulti), (Some(1), Some(1)));
    up(&mut w, v0);
    up(&mut w, v1);
    assert_eq!(link(&mut w, "br0").operstate, UP);
    assert_eq!(link(&mut w, "v0").bridge_port.unwrap().state, 3);
    set(&mut w, LinkMsg { index: v0, mtu: Some(1400), ..LinkMsg::default() }).unwrap();
    assert_eq!(link(&mut w, "br0").mtu, Some(1400));
    down(&mut w, v1);
    assert_eq!(link(&mut w, "br0").operstate, DOWN);
    set(&mut w, master(v0, 0)).unwrap();
    assert_eq!(link(&mut w, "br0").address, Some(LlAddr(vec![0; 6])));
    assert_eq!(link(&mut w, "br0").mtu, Some(1500));
    assert_eq!(link(&mut w, "v0").info.unwrap().slave_kind, None);

    refused(set(&mut w, master(1, bridge)), Errno::EINVAL, None);
    refused(set(&mut w, master(v0, v1)), Errno::EOPNOTSUPP, None);
    refused(set(&mut w, master(v0, 99)), Errno::EINVAL, None);
    make(&mut w, kind("br1", "bridge")).unwrap();
    let other = index(&mut w, "br1");
    let text = Some("Can not enslave a bridge to a bridge");
    refused(set(&mut w, master(other, bridge)), Errno::ELOOP, text);
}

#[test]
fn a_vrf_brings_its_rule_and_cycles_its_devices() {
    let mut w = kernel();
    let vrf = |name: &str, table| {
        let mut msg = kind(name, "vrf");
        msg.info.as_mut().unwrap().vrf_table = Some(table);
        msg
    };
    refused(make(&mut w, vrf("r", 0)), Errno::EINVAL, Some("Invalid VRF table id"));
    make(&mut w, vrf("r0", 10)).unwrap();
    let mut rules = Vec::new();
    w.rules(NS, Some(Family::V4), &mut |rule| rules.push((rule.priority, rule.l3mdev))).unwrap();
    assert_eq!(rules[1], (Some(1000), Some(1)));
    assert_eq!(rules.len(), 4);
    make(&mut w, vrf("r1", 11)).unwrap();
    let mut count = 0;
    w.rules(NS, Some(Family::V4), &mut |_| count += 1).unwrap();
    assert_eq!(count, 4);

    let (r0, r1, dev) = (index(&mut w, "r0"), index(&mut w, "r1"), with_link(&mut w, "i0"));
    up(&mut w, dev);
    address(&mut w, dev, "10.0.0.1");
    let master = |index, master| LinkMsg { index, master: Some(master), ..LinkMsg::default() };
    let loopback = Some("Can not enslave loopback device to a VRF");
    refused(set(&mut w, master(1, r0)), Errno::EOPNOTSUPP, loopback);
    let l3 = Some("Can not enslave an L3 master device to a VRF");
    refused(set(&mut w, master(r1, r0)), Errno::EINVAL, l3);
    set(&mut w, master(dev, r0)).unwrap();
    assert!(flags(&mut w, "i0").has(LinkFlags::UP));
    assert_eq!(link(&mut w, "i0").info.unwrap().slave_kind.as_deref(), Some("vrf"));
    let connected = |w: &mut World, table| {
        let filter =
            RouteFilter { family: Some(Family::V4), table: Some(TableId(table)), ..RouteFilter::default() };
        let mut prefixes = Vec::new();
        let dumped = w.routes(NS, &filter, &mut |route| prefixes.extend(route.dst));
        dumped.map(|()| prefixes.iter().filter(|p| p.to_string() == "10.0.0.0/24").count()).unwrap_or(0)
    };
    assert_eq!((connected(&mut w, 254), connected(&mut w, 10)), (0, 1));
    set(&mut w, master(dev, 0)).unwrap();
    assert_eq!((connected(&mut w, 254), connected(&mut w, 10)), (1, 0));
}

#[test]
fn devices_on_top_follow_and_go() {
    let mut w = kernel();
    make(&mut w, kind("d0", "dummy")).unwrap();
    let d0 = index(&mut w, "d0");
    let mut vlan = LinkMsg { link: Some(d0), ..kind("d0.5", "vlan") };
    vlan.info.as_mut().unwrap().vlan_id = Some(5);
    make(&mut w, vlan).unwrap();
    make(&mut w, LinkMsg { link: Some(d0), ..kind("m0", "macvlan") }).unwrap();
    let (vlan, macvlan) = (index(&mut w, "d0.5"), index(&mut w, "m0"));
    assert_eq!(link(&mut w, "d0.5").address, link(&mut w, "d0").address);
    let raise = |index| LinkMsg { index, flags: LinkFlags::UP, change: LinkFlags::UP, ..LinkMsg::default() };
    refused(set(&mut w, raise(vlan)), Errno::ENETDOWN, None);
    // The VLAN device comes up and goes down with it, the macvlan does not.
    up(&mut w, d0);
    assert_eq!(link(&mut w, "d0.5").operstate, UP);
    assert!(!flags(&mut w, "m0").has(LinkFlags::UP));
    up(&mut w, macvlan);
    // It receives for another address now.
    assert_eq!(link(&mut w, "d0").promiscuity, Some(1));
    down(&mut w, d0);
    assert!(!flags(&mut w, "d0.5").has(LinkFlags::UP));
    assert!(flags(&mut w, "m0").has(LinkFlags::UP));
    let mtu = |index, mtu| LinkMsg { index, mtu: Some(mtu), ..LinkMsg::default() };
    refused(set(&mut w, mtu(vlan, 1600)), Errno::ERANGE, None);
    refused(set(&mut w, mtu(macvlan, 1600)), Errno::EINVAL, None);
    set(&mut w, mtu(d0, 1300)).unwrap();
    assert_eq!((link(&mut w, "d0.5").mtu, link(&mut w, "m0").mtu), (Some(1300), Some(1300)));
    change(&mut w, Change::DelLink(LinkMsg { index: d0, ..LinkMsg::default() })).unwrap();
    assert_eq!(names(&mut w, NS), ["lo"]);
}

#[test]
fn devices_move_between_namespaces() {
    let mut w = kernel();
    let other = w.add_netns("x").unwrap();
    pair(&mut w, "v0", "v1");
    let (v0, v1) = (index(&mut w, "v0"), index(&mut w, "v1"));
    up(&mut w, v0);
    up(&mut w, v1);
    address(&mut w, v1, "10.0.0.1");
    let to = |index| LinkMsg { index, netns: Some(NsRef::Name("x".into())), ..LinkMsg::default() };
    set(&mut w, to(v1)).unwrap();
    assert_eq!(
        (names(&mut w, NS), names(&mut w, other)),
        (vec!["lo".into(), "v0".into()], vec!["lo".into(), "v1".into()])
    );
    let moved = w.get_link(other, 0, Some("v1")).unwrap();
    // It keeps its index, is down, and has forgotten its queueing discipline.
    assert_eq!((moved.index, moved.qdisc.as_deref()), (v1, Some("noop")));
    assert!(!moved.flags.has(LinkFlags::UP));
    assert_eq!((moved.link, moved.link_netnsid), (Some(v0), Some(0)));
    assert_eq!(link(&mut w, "v0").link_netnsid, Some(0));
    assert!(!flags(&mut w, "v0").has(LinkFlags::LOWER_UP));
    let mut addresses = 0;
    w.addresses(other, Some(Family::V4), &mut |_: &AddrMsg| addresses += 1).unwrap();
    assert_eq!(addresses, 0);
    w.apply(
        other,
        Op {
            flags: NlFlags(0),
            change: Change::NewLink(LinkMsg {
                index: v1,
                flags: LinkFlags::UP,
                change: LinkFlags::UP,
                ..LinkMsg::default()
            }),
        },
    )
    .unwrap();
    assert_eq!(link(&mut w, "v0").operstate, UP);

    let immutable = Some("The interface netns is immutable");
    refused(set(&mut w, to(1)), Errno::EINVAL, immutable);
    make(&mut w, kind("br0", "bridge")).unwrap();
    let bridge = index(&mut w, "br0");
    refused(set(&mut w, to(bridge)), Errno::EINVAL, immutable);
    make(&mut w, kind("v1", "dummy")).unwrap();
    let same = index(&mut w, "v1");
    let taken = Some("An interface with the same name exists in the target netns");
    refused(set(&mut w, to(same)), Errno::EEXIST, taken);
    // A taken index is replaced by a new one.
    make(&mut w, LinkMsg { index: 1000, ..kind("a", "dummy") }).unwrap();
    make(&mut w, LinkMsg { index: 1000, netns: Some(NsRef::Name("x".into())), ..kind("b", "dummy") })
        .unwrap();
    set(&mut w, to(1000)).unwrap();
    assert_eq!(w.get_link(other, 0, Some("b")).unwrap().index, 1000);
    assert_eq!(w.get_link(other, 0, Some("a")).unwrap().index, 3);
    // With its namespace, a veth's other end goes too.
    w.del_netns("x").unwrap();
    assert_eq!(names(&mut w, NS), ["lo", "br0", "v1"]);
}

#[test]
fn what_can_be_removed() {
    let mut w = kernel();
    let by_index = |index| Change::DelLink(LinkMsg { index, ..LinkMsg::default() });
    let by_group = |group| Change::DelLink(LinkMsg { group: Some(group), ..LinkMsg::default() });
    refused(change(&mut w, by_index(1)), Errno::EOPNOTSUPP, None);
    refused(change(&mut w, by_index(99)), Errno::ENODEV, None);
    refused(change(&mut w, by_group(0)), Errno::EPERM, None);
    refused(change(&mut w, by_group(7)), Errno::ENODEV, None);
    let (a, _) = (with_link(&mut w, "a"), with_link(&mut w, "b"));
    for index in [a, 1] {
        set(&mut w, LinkMsg { index, group: Some(7), ..LinkMsg::default() }).unwrap();
    }
    refused(change(&mut w, by_group(7)), Errno::EOPNOTSUPP, None);
    set(&mut w, LinkMsg { index: 1, group: Some(0), ..LinkMsg::default() }).unwrap();
    change(&mut w, by_group(7)).unwrap();
    assert_eq!(names(&mut w, NS), ["lo", "b"]);
}

#[test]
fn carrier_reaches_the_routes_at_once() {
    // T-34, C-086
    let mut w = kernel();
    pair(&mut w, "v0", "v1");
    let (v0, v1) = (index(&mut w, "v0"), index(&mut w, "v1"));
    // T-12: an address on a down device makes no subnet route.
    address(&mut w, v0, "10.0.0.1");
    let connected = |w: &mut World| {
        let filter =
            RouteFilter { family: Some(Family::V4), table: Some(TableId::MAIN), ..RouteFilter::default() };
        let mut flags = Vec::new();
        w.routes(NS, &filter, &mut |route| flags.push(route.flags)).unwrap();
        flags
    };
    assert!(connected(&mut w).is_empty());
    up(&mut w, v0);
    assert_eq!(connected(&mut w).len(), 1);
    up(&mut w, v1);
    assert!(!connected(&mut w)[0].has(RouteFlags::LINKDOWN));
    down(&mut w, v1);
    assert!(connected(&mut w)[0].has(RouteFlags::LINKDOWN));
    // T-11: the setting shows at once.
    assert!(!connected(&mut w)[0].has(RouteFlags::DEAD));
    sysctl(&mut w, "conf/v0/ignore_routes_with_linkdown", "1");
    assert!(connected(&mut w)[0].has(RouteFlags::DEAD));
    // T-33
    down(&mut w, v0);
    assert!(connected(&mut w).is_empty());
    up(&mut w, v0);
    assert_eq!(connected(&mut w).len(), 1);
}

#[test]
fn settings_follow_the_device() {
    let mut w = kernel();
    sysctl(&mut w, "conf/default/rp_filter", "1");
    let dev = with_link(&mut w, "i0");
    let read = |w: &mut World, path: &str| w.read_file(NS, &format!("/proc/sys/net/ipv4/{path}"));
    assert_eq!(read(&mut w, "conf/i0/rp_filter"), Ok("1\n".into()));
    // What `default` had set for itself no longer follows it.
    sysctl(&mut w, "conf/default/rp_filter", "2");
    assert_eq!(read(&mut w, "conf/i0/rp_filter"), Ok("1\n".into()));
    assert_eq!(read(&mut w, "conf/lo/rp_filter"), Ok("2\n".into()));
    sysctl(&mut w, "neigh/i0/gc_stale_time", "5");
    set(&mut w, LinkMsg { index: dev, name: Some("j0".into()), ..LinkMsg::default() }).unwrap();
    assert_eq!(read(&mut w, "neigh/j0/gc_stale_time"), Ok("5\n".into()));
    assert_eq!(read(&mut w, "neigh/i0/gc_stale_time"), Err(Errno::ENOENT));
    change(&mut w, Change::DelLink(LinkMsg { index: dev, ..LinkMsg::default() })).unwrap();
    with_link(&mut w, "j0");
    assert_eq!(read(&mut w, "neigh/j0/gc_stale_time"), Ok("60\n".into()));
    let mut shown = Vec::new();
    w.netconf(NS, Some(Family::V4), &mut |m| shown.push((m.index, m.rp_filter))).unwrap();
    assert_eq!(shown, [(1, Some(2)), (3, Some(2)), (-1, Some(0)), (-2, Some(2))]);
}

fn neighbour(index: u32, dst: &str, state: NeighState, lladdr: Option<u8>) -> NeighMsg {
    NeighMsg {
        dst: Some(dst.parse().unwrap()),
        state,
        lladdr: lladdr.map(|last| LlAddr(vec![2, 0, 0, 0, 0, last])),
        ..NeighMsg::new(Family::V4, index)
    }
}

fn neighbours(world: &mut World, proxy: bool) -> Vec<(String, NeighState, Option<u8>)> {
    let mut found = Vec::new();
    world
        .neighbours(NS, Some(Family::V4), proxy, &mut |n| {
            let last = n.lladdr.as_ref().and_then(|address| address.0.last().copied());
            found.push((n.dst.unwrap().to_string(), n.state, last));
        })
        .unwrap();
    found
}

#[test]
fn neighbours_are_added_altered_and_removed() {
    let mut w = kernel();
    pair(&mut w, "v0", "v1");
    let v0 = index(&mut w, "v0");
    // Without a local table every address is taken for a broadcast one.
    let bare = |dst| neighbour(v0, dst, NeighState::REACHABLE, None);
    add(&mut w, Change::NewNeighbour(bare("10.0.0.8"))).unwrap();
    assert_eq!(neighbours(&mut w, false), [("10.0.0.8".into(), NeighState::REACHABLE, Some(0xff))]);
    change(&mut w, Change::DelNeighbour(bare("10.0.0.8"))).unwrap();
    up(&mut w, 1);
    let replace = NlFlags::CREATE | NlFlags::REPLACE;
    let apply = |w: &mut World, flags, msg| w.apply(NS, Op { flags, change: Change::NewNeighbour(msg) });
    let permanent = |dst, last| neighbour(v0, dst, NeighState::PERMANENT, Some(last));
    add(&mut w, Change::NewNeighbour(permanent("10.0.0.2", 2))).unwrap();
    refused(add(&mut w, Change::NewNeighbour(permanent("10.0.0.2", 3))), Errno::EEXIST, None);
    refused(apply(&mut w, NlFlags::REPLACE, permanent("10.0.0.3", 3)), Errno::ENOENT, None);
    let stale = neighbour(v0, "10.0.0.2", NeighState::STALE, Some(4));
    apply(&mut w, replace, stale).unwrap();
    let text = Some("No link layer address given");
    refused(add(&mut w, Change::NewNeighbour(bare("10.0.0.4"))), Errno::EINVAL, text);
    let mut short = permanent("10.0.0.5", 5);
    short.lladdr = Some(LlAddr(vec![2, 0]));
    refused(add(&mut w, Change::NewNeighbour(short)), Errno::EINVAL, Some("Invalid link address"));
    // What was made for the refused one stays.
    let expected =
        [("10.0.0.2".to_string(), NeighState::STALE, Some(4)), ("10.0.0.4".to_string(), NeighState(0), None)];
    assert_eq!(neighbours(&mut w, false), expected);
    let multicast = neighbour(v0, "224.0.0.6", NeighState::NOARP, None);
    add(&mut w, Change::NewNeighbour(multicast)).unwrap();
    assert_eq!(neighbours(&mut w, false)[2].2, Some(6));
    let gone = |dst| Change::DelNeighbour(neighbour(v0, dst, NeighState(0), None));
    change(&mut w, gone("10.0.0.2")).unwrap();
    refused(change(&mut w, gone("10.0.0.2")), Errno::ENOENT, None);
    // A device with one neighbour has one entry, for any address.
    let any = NeighMsg { index: 1, ..permanent("127.0.0.2", 9) };
    add(&mut w, Change::NewNeighbour(any)).unwrap();
    assert_eq!(neighbours(&mut w, false)[0], ("0.0.0.0".into(), NeighState::PERMANENT, Some(9)));
    // Proxy entries need no device and may be added again.
    let proxy = |index| {
        let flags = NeighFlags::PROXY;
        NeighMsg { flags, ..neighbour(index, "10.0.0.9", NeighState(0), None) }
    };
    for index in [v0, v0, 0] {
        add(&mut w, Change::NewNeighbour(proxy(index))).unwrap();
    }
    assert_eq!(neighbours(&mut w, true).len(), 2);
    change(&mut w, Change::DelNeighbour(proxy(0))).unwrap();
    refused(change(&mut w, Change::DelNeighbour(proxy(0))), Errno::ENOENT, None);
}

#[test]
fn device_events_take_neighbours_away() {
    let mut w = kernel();
    pair(&mut w, "v0", "v1");
    let (v0, v1) = (index(&mut w, "v0"), index(&mut w, "v1"));
    let fill = |w: &mut World| {
        up(w, v0);
        up(w, v1);
        let proxy = NeighMsg { flags: NeighFlags::PROXY, ..neighbour(v0, "10.0.0.9", NeighState(0), None) };
        for msg in [
            neighbour(v0, "10.0.0.2", NeighState::PERMANENT, Some(2)),
            neighbour(v0, "10.0.0.3", NeighState::REACHABLE, Some(3)),
            proxy,
        ] {
            let flags = NlFlags::CREATE | NlFlags::REPLACE;
            w.apply(NS, Op { flags, change: Change::NewNeighbour(msg) }).unwrap();
        }
    };
    let count = |w: &mut World| (neighbours(w, false).len(), neighbours(w, true).len());
    fill(&mut w);
    assert_eq!(count(&mut w), (2, 1));
    // Without carrier, permanent and proxy entries stay.
    down(&mut w, v1);
    assert_eq!(count(&mut w), (1, 1));
    fill(&mut w);
    sysctl(&mut w, "conf/v0/arp_evict_nocarrier", "0");
    down(&mut w, v1);
    assert_eq!(count(&mut w), (2, 1));
    // Another address, or no resolution: proxy entries stay.
    fill(&mut w);
    let address = Some(LlAddr(vec![2, 0, 0, 0, 0, 1]));
    set(&mut w, LinkMsg { index: v0, address, ..LinkMsg::default() }).unwrap();
    assert_eq!(count(&mut w), (0, 1));
    fill(&mut w);
    let (flags, change) = (LinkFlags::NOARP, LinkFlags::NOARP);
    set(&mut w, LinkMsg { index: v0, flags, change, ..LinkMsg::default() }).unwrap();
    assert_eq!(count(&mut w), (0, 1));
    fill(&mut w);
    down(&mut w, v0);
    assert_eq!(count(&mut w), (0, 0));
}
