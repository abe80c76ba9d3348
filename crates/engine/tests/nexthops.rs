//! Nexthop objects: adding, replacing, deleting, groups and their buckets, and
//! what becomes of routes. Every expected value was seen on Linux 6.18.

mod support;

use fingerpost_engine::config::NexthopKind;
use fingerpost_engine::{Time, World};
use fingerpost_model::{
    BucketFilter, Change, Encap, Kernel, NexthopGroupEntry, NexthopMsg, NlFlags, Op, Refusal, ResilientGroup,
    RouteFilter, RouteFlags, RouteMsg, RouteType, Scope, TableId,
};
use fingerpost_net::{Errno, Family, IpPrefix};

use support::{NS, add, address, change, down, kernel, refused, up, with_link};

const REPLACE: NlFlags = NlFlags(NlFlags::CREATE.0 | NlFlags::REPLACE.0);

/// A world with `e0` (index 2, 10.0.0.1/24) and `e1` (index 3, 10.0.1.1/24), all
/// devices up.
fn two_devices() -> World {
    let mut world = kernel();
    up(&mut world, 1);
    for (name, addr) in [("e0", "10.0.0.1"), ("e1", "10.0.1.1")] {
        let index = with_link(&mut world, name);
        address(&mut world, index, addr);
        up(&mut world, index);
    }
    world
}

fn via(id: u32, gateway: &str, oif: u32) -> NexthopMsg {
    let gateway = gateway.parse().unwrap();
    NexthopMsg {
        id,
        family: Some(Family::of(gateway)),
        oif: Some(oif),
        gateway: Some(gateway),
        ..NexthopMsg::default()
    }
}

fn device(id: u32, oif: u32) -> NexthopMsg {
    NexthopMsg { id, family: Some(Family::V4), oif: Some(oif), ..NexthopMsg::default() }
}

fn blackhole(id: u32) -> NexthopMsg {
    NexthopMsg { id, family: Some(Family::V4), blackhole: true, ..NexthopMsg::default() }
}

fn fdb(id: u32, gateway: &str) -> NexthopMsg {
    NexthopMsg { oif: None, fdb: true, ..via(id, gateway, 0) }
}

fn group(id: u32, members: &[(u32, u32)]) -> NexthopMsg {
    let group = members.iter().map(|&(id, weight)| NexthopGroupEntry { id, weight }).collect();
    NexthopMsg { id, group, ..NexthopMsg::default() }
}

fn resilient(id: u32, members: &[(u32, u32)], buckets: Option<u16>) -> NexthopMsg {
    let parameters = ResilientGroup { buckets, ..ResilientGroup::default() };
    NexthopMsg { group_type: Some(1), resilient: Some(parameters), ..group(id, members) }
}

fn new(world: &mut World, msg: NexthopMsg) -> Result<(), Refusal> {
    add(world, Change::NewNexthop(msg))
}

fn replace(world: &mut World, msg: NexthopMsg) -> Result<(), Refusal> {
    world.apply(NS, Op { flags: REPLACE, change: Change::NewNexthop(msg) })
}

fn delete(world: &mut World, id: u32) -> Result<(), Refusal> {
    change(world, Change::DelNexthop(NexthopMsg { id, ..NexthopMsg::default() }))
}

fn route(world: &mut World, last: u8, nh_id: u32, scope: Scope) -> Result<(), Refusal> {
    let dst = IpPrefix { addr: [1, 0, 0, last].into(), len: 32 };
    let msg = RouteMsg {
        dst: Some(dst),
        nh_id: Some(nh_id),
        scope,
        table: TableId::MAIN,
        protocol: 3,
        kind: RouteType::UNICAST,
        ..RouteMsg::new(Family::V4)
    };
    add(world, Change::NewRoute(msg))
}

/// Objects as dumped.
fn objects(world: &mut World) -> Vec<NexthopMsg> {
    let mut list = Vec::new();
    world.nexthops(NS, &mut |msg| list.push(msg.clone())).unwrap();
    list
}

fn ids(world: &mut World) -> Vec<u32> {
    objects(world).iter().map(|msg| msg.id).collect()
}

/// The objects that routes use.
fn used_by_routes(world: &mut World) -> Vec<u32> {
    let mut list = Vec::new();
    let filter = RouteFilter { family: Some(Family::V4), ..RouteFilter::default() };
    world.routes(NS, &filter, &mut |msg| list.extend(msg.nh_id)).unwrap();
    list
}

/// The member ids and weights of a group.
fn members(world: &mut World, id: u32) -> Vec<(u32, u32)> {
    world.get_nexthop(NS, id).unwrap().group.iter().map(|entry| (entry.id, entry.weight)).collect()
}

fn buckets(world: &World, id: u32) -> Vec<u32> {
    match &world.namespaces[&NS].config.nexthops.get(id).unwrap().kind {
        NexthopKind::Group { buckets, .. } => buckets.clone(),
        NexthopKind::Single(_) => Vec::new(),
    }
}

fn bounds(world: &World, id: u32) -> Vec<i32> {
    match &world.namespaces[&NS].config.nexthops.get(id).unwrap().kind {
        NexthopKind::Group { members, .. } => members.iter().map(|member| member.upper_bound).collect(),
        NexthopKind::Single(_) => Vec::new(),
    }
}

#[test]
fn c063_what_a_dump_shows_of_single_hops() {
    let mut world = two_devices();
    let onlink = NexthopMsg { flags: RouteFlags::ONLINK, protocol: 4, ..via(3, "9.9.9.9", 2) };
    let zeros = via(6, "0.0.0.0", 2);
    for msg in [device(1, 2), via(2, "10.0.0.2", 2), onlink.clone(), blackhole(4), fdb(5, "9.9.9.9"), zeros] {
        new(&mut world, msg).unwrap();
    }
    let expected = [
        NexthopMsg { scope: Scope::HOST, ..device(1, 2) },
        NexthopMsg { scope: Scope::LINK, ..via(2, "10.0.0.2", 2) },
        NexthopMsg { scope: Scope::LINK, ..onlink },
        blackhole(4),
        NexthopMsg { scope: Scope::LINK, ..fdb(5, "9.9.9.9") },
        NexthopMsg { scope: Scope::HOST, ..device(6, 2) }, // C-047
    ];
    assert_eq!(objects(&mut world), expected);
    assert_eq!(world.get_nexthop(NS, 2).unwrap(), expected[1]);
    assert_eq!(world.get_nexthop(NS, 99), Err(Refusal::new(Errno::ENOENT)));
}

#[test]
fn c063_refusals_of_a_single_hop() {
    let v4 = NexthopMsg { id: 1, family: Some(Family::V4), ..NexthopMsg::default() };
    let onlink = |msg: NexthopMsg| NexthopMsg { flags: RouteFlags::ONLINK, ..msg };
    let encap = |kind| Some(Encap { kind, data: Vec::new() });
    let ethernet_gone = "Invalid device index";
    let cases: Vec<(&str, Errno, NexthopMsg)> = vec![
        (
            "Invalid values in ancillary header",
            Errno::EINVAL,
            NexthopMsg { scope: Scope::LINK, ..device(1, 2) },
        ),
        (
            "Invalid nexthop flags in ancillary header",
            Errno::EINVAL,
            NexthopMsg { flags: RouteFlags::DEAD, ..device(1, 2) },
        ),
        ("Invalid address family", Errno::EINVAL, NexthopMsg { family: None, ..device(1, 2) }),
        (
            "Fdb attribute can not be used with encap, oif or blackhole",
            Errno::EINVAL,
            NexthopMsg { fdb: true, ..device(1, 2) },
        ),
        ("Unsupported nexthop flags in ancillary header", Errno::EINVAL, onlink(fdb(1, "9.9.9.9"))),
        (
            "Blackhole attribute can not be used with gateway, oif, encap or fdb",
            Errno::EINVAL,
            NexthopMsg { blackhole: true, ..device(1, 2) },
        ),
        ("Device attribute required for non-blackhole and non-fdb nexthops", Errno::EINVAL, v4.clone()),
        ("Invalid gateway", Errno::EINVAL, NexthopMsg { family: Some(Family::V6), ..via(1, "10.0.0.2", 2) }),
        ("ONLINK flag can not be set for nexthop without a gateway", Errno::EINVAL, onlink(device(1, 2))),
        (
            "Invalid flags for nexthop - PERVASIVE and ONLINK can not be set",
            Errno::EINVAL,
            onlink(blackhole(1)),
        ),
        ("Unknown lwt encapsulation type", Errno::EINVAL, NexthopMsg { encap: encap(11), ..device(1, 2) }),
        (
            "lwt encapsulation type not supported",
            Errno::EOPNOTSUPP,
            NexthopMsg { encap: encap(1), ..device(1, 77) },
        ),
        (ethernet_gone, Errno::EINVAL, device(1, 77)),
        (ethernet_gone, Errno::EINVAL, device(1, 0)),
        ("Nexthop has invalid gateway", Errno::ENETUNREACH, via(1, "10.0.1.2", 2)), // C-042
        ("Nexthop has invalid gateway", Errno::ENETUNREACH, via(1, "9.9.9.9", 2)),
        ("Nexthop has invalid gateway", Errno::EINVAL, via(1, "10.0.0.255", 2)), // T-27
        ("Nexthop has invalid gateway", Errno::EINVAL, onlink(via(1, "10.0.0.1", 2))),
    ];
    for (text, errno, msg) in cases {
        let mut world = two_devices();
        refused(new(&mut world, msg), errno, Some(text));
        assert_eq!(objects(&mut world), []);
    }
}

#[test]
fn t29_the_device_must_be_up() {
    let mut world = two_devices();
    down(&mut world, 2);
    refused(new(&mut world, via(1, "10.0.0.2", 2)), Errno::ENETDOWN, Some("Nexthop device is not up"));
    down(&mut world, 1);
    refused(new(&mut world, blackhole(1)), Errno::ENETDOWN, Some("Device for nexthop is not up"));
}

#[test]
fn t29_the_device_must_have_carrier() {
    let mut world = two_devices();
    // A veth without its peer up has none.
    let peer = fingerpost_model::LinkMsg { name: Some("v1".into()), ..Default::default() };
    let info =
        fingerpost_model::LinkInfo { kind: "veth".into(), peer: Some(Box::new(peer)), ..Default::default() };
    let veth = fingerpost_model::LinkMsg { name: Some("v0".into()), info: Some(info), ..Default::default() };
    add(&mut world, Change::NewLink(veth)).unwrap();
    let index = world.get_link(NS, 0, Some("v0")).unwrap().index;
    up(&mut world, index);
    let text = "Carrier for nexthop device is down";
    refused(new(&mut world, device(1, index)), Errno::ENETDOWN, Some(text));
}

#[test]
fn c063_ids_are_unique_and_found_when_not_given() {
    let mut world = two_devices();
    new(&mut world, device(1, 2)).unwrap();
    refused(new(&mut world, device(1, 3)), Errno::EEXIST, None);
    new(&mut world, device(0, 2)).unwrap();
    assert_eq!(ids(&mut world), [1, 2]);
    refused(new(&mut world, via(0, "9.9.9.9", 2)), Errno::ENETUNREACH, Some("Nexthop has invalid gateway"));
    new(&mut world, device(0, 2)).unwrap();
    assert_eq!(ids(&mut world), [1, 2, 4], "the id of the refused one is used up");
    delete(&mut world, 4).unwrap();
    new(&mut world, device(0, 2)).unwrap();
    assert_eq!(ids(&mut world), [1, 2, 5], "the counter goes on");
}

#[test]
fn c064_refusals_of_a_group() {
    let mut world = two_devices();
    for msg in [
        device(1, 2),
        device(2, 3),
        blackhole(3),
        fdb(4, "9.9.9.9"),
        fdb(5, "fe80::1"),
        group(10, &[(1, 1)]),
        resilient(11, &[(1, 1)], Some(4)),
    ] {
        new(&mut world, msg).unwrap();
    }
    let one = || group(20, &[(1, 1)]);
    let fdb_group = |members| NexthopMsg { fdb: true, ..group(20, members) };
    let cases: Vec<(&str, NexthopMsg)> = vec![
        ("Invalid family for group", NexthopMsg { family: Some(Family::V4), ..one() }), // T-30
        ("Invalid group type", NexthopMsg { group_type: Some(2), ..one() }),
        ("Invalid value for weight", group(20, &[(1, 65536)])),
        ("Nexthop id can not be used twice in a group", group(20, &[(1, 1), (1, 2)])), // T-30
        ("No other attributes can be set in nexthop groups", NexthopMsg { oif: Some(2), ..one() }),
        (
            "No other attributes can be set in nexthop groups",
            NexthopMsg { group_type: Some(0), ..resilient(20, &[(1, 1)], Some(4)) },
        ),
        ("Number of buckets needs to be non-0", resilient(20, &[(1, 1)], Some(0))),
        ("Number of buckets not specified for nexthop group insertion", resilient(20, &[(1, 1)], None)), // C-069
        ("Invalid nexthop id", group(20, &[(1, 1), (99, 1)])),
        ("Hash-threshold group can not be a nexthop within a group", group(20, &[(10, 1)])),
        ("Resilient group can not be a nexthop within a group", group(20, &[(11, 1)])),
        ("Blackhole nexthop can not be used in a group with more than 1 path", group(20, &[(3, 1), (1, 1)])),
        ("Non FDB nexthop group cannot have fdb nexthops", group(20, &[(4, 1)])),
        ("FDB nexthop group can only have fdb nexthops", fdb_group(&[(1, 1)])),
        ("FDB nexthop group cannot have mixed family nexthops", fdb_group(&[(4, 1), (5, 1)])),
    ];
    for (text, msg) in cases {
        refused(new(&mut world, msg), Errno::EINVAL, Some(text));
    }
    new(&mut world, group(20, &[(3, 1)])).unwrap();
}

#[test]
fn c064_what_a_dump_shows_of_groups() {
    let mut world = two_devices();
    new(&mut world, device(1, 2)).unwrap();
    new(&mut world, device(2, 3)).unwrap();
    new(&mut world, NexthopMsg { protocol: 4, ..group(10, &[(1, 300), (2, 1)]) }).unwrap();
    new(&mut world, resilient(11, &[(2, 1)], Some(8))).unwrap();
    assert_eq!(
        world.get_nexthop(NS, 10).unwrap(),
        NexthopMsg { protocol: 4, group_type: Some(0), ..group(10, &[(1, 300), (2, 1)]) }
    );
    let parameters = ResilientGroup {
        buckets: Some(8),
        idle_timer: Some(12000),
        unbalanced_timer: Some(0),
        unbalanced_time: Some(0),
    };
    assert_eq!(
        world.get_nexthop(NS, 11).unwrap(),
        NexthopMsg { group_type: Some(1), resilient: Some(parameters), ..group(11, &[(2, 1)]) }
    );
}

#[test]
fn c065_what_routes_may_use() {
    let mut world = two_devices();
    for msg in [
        device(1, 2),
        via(2, "10.0.0.2", 2),
        NexthopMsg { flags: RouteFlags::ONLINK, ..via(3, "9.9.9.9", 2) },
        fdb(4, "9.9.9.9"),
        group(10, &[(2, 1), (1, 1)]),
        group(11, &[(3, 1), (1, 1)]),
    ] {
        new(&mut world, msg).unwrap();
    }
    new(&mut world, NexthopMsg { fdb: true, ..group(12, &[(4, 1)]) }).unwrap();
    let host = Scope::HOST;
    let cases = [
        (99, Scope::UNIVERSE, "Nexthop id does not exist"),
        (4, Scope::UNIVERSE, "Route cannot point to a fdb nexthop"),
        (12, Scope::UNIVERSE, "Route cannot point to a fdb nexthop"),
        (2, host, "Route with host scope can not have a gateway"),
        (10, host, "Route with host scope can not have multiple nexthops"),
        (3, Scope::LINK, "Scope mismatch with nexthop"),
        (11, Scope::LINK, "Scope mismatch with nexthop"),
    ];
    for (id, scope, text) in cases {
        refused(route(&mut world, 1, id, scope), Errno::EINVAL, Some(text));
    }
    route(&mut world, 1, 1, host).unwrap();
    route(&mut world, 2, 11, Scope::UNIVERSE).unwrap();
    assert_eq!(used_by_routes(&mut world), [1, 11]);
}

#[test]
fn c066_replacement_is_held_to_what_routes_and_groups_need() {
    let mut world = two_devices();
    for msg in [device(1, 2), via(2, "10.0.0.2", 2), fdb(4, "9.9.9.9"), group(10, &[(1, 1), (2, 1)])] {
        new(&mut world, msg).unwrap();
    }
    new(&mut world, NexthopMsg { fdb: true, ..group(12, &[(4, 1)]) }).unwrap();
    new(&mut world, resilient(13, &[(1, 1)], Some(4))).unwrap();
    route(&mut world, 1, 1, Scope::HOST).unwrap();
    route(&mut world, 2, 10, Scope::UNIVERSE).unwrap();
    let cases = [
        ("Route with host scope can not have a gateway", via(1, "10.0.0.3", 2)),
        ("Blackhole nexthop can not be a member of a group with more than one path", blackhole(2)),
        ("Route cannot point to a fdb nexthop", fdb(2, "9.9.9.9")),
        ("Cannot change nexthop FDB status while in a group", device(4, 2)),
        ("Can not replace a nexthop group with a nexthop.", device(13, 2)),
        ("Can not replace a nexthop with a nexthop group.", group(2, &[(1, 1)])),
        ("Can not replace a nexthop group with one of a different type.", resilient(10, &[(1, 1)], Some(4))),
        ("Can not change number of buckets of a resilient nexthop group.", resilient(13, &[(1, 1)], Some(8))),
    ];
    let before = objects(&mut world);
    for (text, msg) in cases {
        refused(replace(&mut world, msg), Errno::EINVAL, Some(text));
    }
    refused(replace(&mut world, device(0, 2)), Errno::EINVAL, Some("Replace requires nexthop id"));
    let text = "Replace specified without create and no entry exists";
    let only_replace = Op { flags: NlFlags::REPLACE, change: Change::NewNexthop(device(99, 2)) };
    refused(world.apply(NS, only_replace), Errno::ENOENT, Some(text));
    assert_eq!(objects(&mut world), before);
}

#[test]
fn c066_t31_replacement_changes_routes_in_place() {
    let mut world = two_devices();
    new(&mut world, NexthopMsg { protocol: 4, ..via(1, "10.0.0.2", 2) }).unwrap();
    new(&mut world, NexthopMsg { protocol: 4, ..group(10, &[(1, 1)]) }).unwrap();
    route(&mut world, 1, 1, Scope::UNIVERSE).unwrap();
    let generation = world.namespaces[&NS].config.fib.generation;
    replace(&mut world, via(1, "10.0.1.2", 3)).unwrap();
    assert!(world.namespaces[&NS].config.fib.generation > generation);
    assert_eq!(used_by_routes(&mut world), [1]);
    assert_eq!(world.get_nexthop(NS, 1).unwrap(), NexthopMsg { scope: Scope::LINK, ..via(1, "10.0.1.2", 3) });
    new(&mut world, device(2, 2)).unwrap();
    replace(&mut world, group(10, &[(2, 5)])).unwrap();
    let shown = world.get_nexthop(NS, 10).unwrap();
    assert_eq!(
        shown,
        NexthopMsg { protocol: 4, group_type: Some(0), ..group(10, &[(2, 5)]) },
        "protocol stays"
    );
}

#[test]
fn c066_t31_deletion_takes_routes_and_places_in_groups() {
    let mut world = two_devices();
    for msg in [device(1, 2), device(2, 2), group(10, &[(1, 1), (2, 3)]), group(11, &[(1, 1)])] {
        new(&mut world, msg).unwrap();
    }
    for (last, id) in [(1, 1), (2, 10), (3, 11), (4, 2)] {
        route(&mut world, last, id, Scope::UNIVERSE).unwrap();
    }
    delete(&mut world, 1).unwrap();
    assert_eq!(ids(&mut world), [2, 10], "the group left empty is gone");
    assert_eq!(members(&mut world, 10), [(2, 3)]);
    assert_eq!(used_by_routes(&mut world), [10, 2]);
    refused(delete(&mut world, 1), Errno::ENOENT, None);
    delete(&mut world, 10).unwrap();
    assert_eq!(ids(&mut world), [2]);
}

#[test]
fn deletion_looks_at_nothing_but_the_id() {
    let mut world = two_devices();
    new(&mut world, device(1, 2)).unwrap();
    let header = NexthopMsg { id: 1, protocol: 4, ..NexthopMsg::default() };
    let cases = [
        ("Unknown attribute type", device(1, 2)),
        ("Invalid values in header", header),
        ("Invalid nexthop id", NexthopMsg::default()),
    ];
    for (text, msg) in cases {
        refused(change(&mut world, Change::DelNexthop(msg)), Errno::EINVAL, Some(text));
    }
    delete(&mut world, 1).unwrap();
}

#[test]
fn c067_a_device_going_down_takes_its_hops_for_good() {
    let mut world = two_devices();
    for msg in [device(1, 2), device(2, 3), blackhole(3), fdb(4, "9.9.9.9"), group(10, &[(1, 1), (2, 1)])] {
        new(&mut world, msg).unwrap();
    }
    new(&mut world, group(11, &[(1, 1)])).unwrap();
    for (last, id) in [(1, 1), (2, 2), (3, 10), (4, 11)] {
        route(&mut world, last, id, Scope::UNIVERSE).unwrap();
    }
    down(&mut world, 2);
    assert_eq!(ids(&mut world), [2, 3, 4, 10]);
    assert_eq!(used_by_routes(&mut world), [2, 10]);
    up(&mut world, 2);
    assert_eq!(ids(&mut world), [2, 3, 4, 10]);
    down(&mut world, 1);
    assert_eq!(ids(&mut world), [2, 3, 4, 10], "blackholes survive");
}

#[test]
fn c068_bounds_of_a_group_count_every_member() {
    let mut world = two_devices();
    new(&mut world, device(1, 2)).unwrap();
    new(&mut world, device(2, 3)).unwrap();
    new(&mut world, group(10, &[(1, 1), (2, 3)])).unwrap();
    assert_eq!(bounds(&world, 10), [(1 << 29) - 1, i32::MAX]);
    delete(&mut world, 1).unwrap();
    assert_eq!(bounds(&world, 10), [i32::MAX]);
}

#[test]
fn c069_buckets_follow_members_and_weights() {
    let mut world = two_devices();
    for msg in [device(1, 2), device(2, 2), device(3, 3)] {
        new(&mut world, msg).unwrap();
    }
    new(&mut world, resilient(10, &[(1, 3), (3, 1)], Some(8))).unwrap();
    assert_eq!(buckets(&world, 10), [3, 3, 1, 1, 1, 1, 1, 1]);
    let timers = ResilientGroup { idle_timer: Some(500), ..ResilientGroup::default() };
    replace(&mut world, NexthopMsg { resilient: Some(timers), ..resilient(10, &[(1, 1), (2, 1)], None) })
        .unwrap();
    assert_eq!(buckets(&world, 10), [2, 2, 2, 2, 1, 1, 1, 1]);
    let shown = world.get_nexthop(NS, 10).unwrap().resilient.unwrap();
    assert_eq!((shown.buckets, shown.idle_timer), (Some(8), Some(500)));
    delete(&mut world, 2).unwrap();
    assert_eq!(buckets(&world, 10), [1; 8]);
}

#[test]
fn c045_ipv6_hops() {
    let v6 = |msg: NexthopMsg| NexthopMsg { family: Some(Family::V6), ..msg };
    let mut world = two_devices();
    new(&mut world, v6(device(1, 2))).unwrap();
    new(&mut world, via(2, "fe80::1", 2)).unwrap();
    new(&mut world, NexthopMsg { flags: RouteFlags::ONLINK, ..via(3, "2001:db8::1", 2) }).unwrap();
    new(&mut world, v6(blackhole(4))).unwrap();
    new(&mut world, v6(NexthopMsg { gateway: None, ..fdb(5, "::") })).unwrap();
    new(&mut world, via(6, "::", 2)).unwrap();
    refused(new(&mut world, via(7, "2001:db8::1", 2)), Errno::EHOSTUNREACH, None);
    refused(new(&mut world, via(7, "ff02::1", 2)), Errno::EINVAL, Some("Invalid gateway address"));
    refused(new(&mut world, via(7, "::1", 2)), Errno::EINVAL, Some("Gateway can not be a local address"));
    let text = "Egress device can not be loopback device for this route";
    refused(new(&mut world, via(7, "fe80::1", 1)), Errno::EINVAL, Some(text));
    let expected = [
        NexthopMsg { scope: Scope::LINK, ..v6(device(1, 2)) },
        NexthopMsg { scope: Scope::LINK, ..via(2, "fe80::1", 2) },
        NexthopMsg { scope: Scope::LINK, flags: RouteFlags::ONLINK, ..via(3, "2001:db8::1", 2) },
        v6(blackhole(4)),
        NexthopMsg { scope: Scope::LINK, ..fdb(5, "::") },
        NexthopMsg { scope: Scope::LINK, ..v6(device(6, 2)) },
    ];
    assert_eq!(objects(&mut world), expected);
    route(&mut world, 1, 2, Scope::UNIVERSE).unwrap();
}

#[test]
fn c069_the_bucket_that_carried_a_packet_is_not_idle() {
    let mut world = two_devices();
    world.namespaces.get_mut(&NS).unwrap().config.sysctl.fib_multipath_hash_seed = 12345;
    new(&mut world, device(1, 2)).unwrap();
    new(&mut world, device(2, 3)).unwrap();
    new(&mut world, resilient(10, &[(1, 1), (2, 1)], Some(8))).unwrap();
    route(&mut world, 1, 10, Scope::UNIVERSE).unwrap();
    world.now = Time(5000);
    let mut question = RouteMsg::new(Family::V4);
    question.dst = Some("1.0.0.1/32".parse().unwrap());
    world.get_route(NS, &question).unwrap();
    let mut idle = Vec::new();
    world
        .nexthop_buckets(NS, &BucketFilter::default(), &mut |msg| idle.extend(msg.bucket.unwrap().idle_time))
        .unwrap();
    idle.sort_unstable();
    assert_eq!(idle, [0, 500, 500, 500, 500, 500, 500, 500]);
}
