//! A snapshot's objects stand in the restored world as the dump showed them.

use fingerpost_engine::{Restored, Restoring};
use fingerpost_model::snapshot::{FORMAT, Header, Line, Netns};
use fingerpost_model::{
    AddrMsg, Change, Kernel, LinkFlags, LinkInfo, LinkMsg, MetricKind, NextHopMsg, NexthopGroupEntry,
    NexthopMsg, NlFlags, NsId, Op, RouteCacheInfo, RouteFilter, RouteFlags, RouteMsg, RouteType, RuleAction,
    RuleMsg, Scope, TableId,
};
use fingerpost_net::Family;

fn lines(routes: &[RouteMsg]) -> Vec<Line> {
    let mut device = LinkMsg { index: 2, name: Some("e0".into()), mtu: Some(1500), ..LinkMsg::default() };
    device.flags = LinkFlags::UP;
    let mut lines =
        vec![Line::Netns(Netns { custom_rules: Some(false), ..Netns::default() }), Line::Link(device)];
    lines.extend(routes.iter().cloned().map(Line::Route));
    lines
}

fn route(metric: u32, kind: RouteType, scope: Scope) -> RouteMsg {
    let mut msg = RouteMsg::new(Family::V4);
    msg.dst = Some("198.0.0.0/8".parse().expect("a prefix"));
    msg.table = TableId::MAIN;
    msg.kind = kind;
    msg.scope = scope;
    msg.oif = Some(2);
    msg.priority = Some(metric);
    msg
}

fn restored(lines: Vec<Line>) -> Restored {
    let header = Header { fingerpost: FORMAT, release: "6.18.0".into(), ..Header::default() };
    let mut restoring = Restoring::new(header, 1);
    for line in lines {
        restoring.push(line).expect("is a snapshot");
    }
    restoring.finish().expect("is a snapshot")
}

#[test]
fn routes_of_equal_key_keep_their_order_whatever_their_metric() {
    // C-010: the order of equal metrics is that of the dump; the largest metric too.
    for metric in [0, 7, u32::MAX] {
        let routes = [
            route(metric, RouteType::UNICAST, Scope::LINK),
            route(metric, RouteType::LOCAL, Scope::HOST),
            route(metric, RouteType::UNREACHABLE, Scope::UNIVERSE),
        ];
        let mut world = restored(lines(&routes)).world;
        let mut kinds = Vec::new();
        world.routes(NsId(0), &RouteFilter::default(), &mut |msg| kinds.push(msg.kind)).expect("a dump");
        assert_eq!(kinds, [RouteType::UNICAST, RouteType::LOCAL, RouteType::UNREACHABLE], "metric {metric}");
    }
}

#[test]
fn of_devices_with_one_address_the_stamps_tell_the_last() {
    let restored_by = |stamps: [u32; 2]| {
        let mut all = lines(&[]);
        let other = LinkMsg { index: 3, name: Some("e1".into()), mtu: Some(1500), ..LinkMsg::default() };
        all.push(Line::Link(LinkMsg { flags: LinkFlags::UP, ..other }));
        for (index, created) in [2, 3].into_iter().zip(stamps) {
            for (family, addr, prefix_len) in [(Family::V4, "10.9.9.9", 32), (Family::V6, "2001:db8::9", 128)]
            {
                let mut msg = AddrMsg::new(family, index);
                (msg.prefix_len, msg.stamps) = (prefix_len, Some([created, created]));
                (msg.local, msg.address) = (addr.parse().ok(), addr.parse().ok());
                all.push(Line::Address(msg));
            }
        }
        let world = restored(all).world;
        let links = &world.ns(NsId(0)).expect("is there").config.links;
        let six = "2001:db8::9".parse().expect("an address");
        (links.owner("10.9.9.9".parse().expect("an address")), links.owner6(six))
    };
    assert_eq!(restored_by([7, 9]), (Some(3), Some(3)));
    assert_eq!(restored_by([9, 7]), (Some(2), Some(2)));
}

#[test]
fn tables_without_routes_exist_and_all_stand_in_the_kernels_order() {
    // C-005: a table that exists is searched and listed, even when it is empty.
    let mut of_511 = route(0, RouteType::UNICAST, Scope::LINK);
    of_511.table = TableId(511);
    let of_local = RouteMsg { table: TableId::LOCAL, ..of_511.clone() };
    let mut all = lines(&[of_511, of_local]);
    let order = |lines: Vec<Line>| -> Vec<u32> {
        let world = restored(lines).world;
        world.ns(NsId(0)).expect("is there").config.fib.tables.iter().map(|table| table.id.0).collect()
    };
    assert_eq!(order(all.clone()), [254, 511, 255]);
    let stats = "Basic info: …\nId 10:\n\tLeaves: 0\nMain:\nId 511:\nId -1:\nLocal:\n";
    all.push(Line::Text("/proc/net/fib_triestat".into(), stats.into()));
    assert_eq!(order(all), [10, 254, 511, u32::MAX, 255]);
}

#[test]
fn f043_a_vrf_device_of_a_snapshot_has_its_ipv6_table() {
    let info = LinkInfo { kind: "vrf".into(), vrf_table: Some(10), ..LinkInfo::default() };
    let vrf = LinkMsg {
        index: 3,
        name: Some("red".into()),
        mtu: Some(1500),
        info: Some(info),
        ..LinkMsg::default()
    };
    let mut all = lines(&[]);
    all.push(Line::Link(vrf));
    let mut world = restored(all).world;
    let mut dump = |table| {
        let filter =
            RouteFilter { family: Some(Family::V6), table: Some(TableId(table)), ..RouteFilter::default() };
        world.routes(NsId(0), &filter, &mut |_| ()).map_err(|error| error.to_string())
    };
    assert_eq!(dump(10), Ok(()));
    assert!(dump(11).expect_err("no such table").contains("FIB table does not exist"));
}

#[test]
fn a_gateway_s_scope_is_the_one_recorded_or_else_what_the_tables_tell() {
    let to = |prefix: &str, scope: Option<Scope>| RouteMsg {
        dst: Some(prefix.parse().expect("a prefix")),
        gateway: Some("10.0.0.7".parse().expect("an address")),
        gateway_scope: scope,
        ..route(0, RouteType::UNICAST, Scope::UNIVERSE)
    };
    let subnet = RouteMsg {
        dst: Some("10.0.0.0/24".parse().expect("a prefix")),
        ..route(0, RouteType::UNICAST, Scope::LINK)
    };
    let routes = [subnet, to("1.0.0.0/8", None), to("2.0.0.0/8", Some(Scope::HOST)), to("3.0.0.0/8", None)];
    let mut world = restored(lines(&routes)).world;
    let mut gateway = |dst: &str| {
        let mut question = RouteMsg::new(Family::V4);
        question.dst = Some(dst.parse().expect("an address"));
        world.get_route(NsId(0), &question).expect("a route").gateway.map(|addr| addr.to_string())
    };
    assert_eq!(gateway("1.1.1.1/32").as_deref(), Some("10.0.0.7"));
    assert_eq!(gateway("2.1.1.1/32"), None, "it was an own address when the route was made");
    assert_eq!(gateway("3.1.1.1/32").as_deref(), Some("10.0.0.7"));
    let fib = &world.ns(NsId(0)).expect("is there").config.fib;
    assert_eq!(fib.infos.iter().flatten().map(|info| info.refs).collect::<Vec<_>>(), [1, 2, 1]);
}

fn refusal(extra: Vec<Line>) -> String {
    let mut restoring =
        Restoring::new(Header { fingerpost: FORMAT, release: "6.18.0".into(), ..Header::default() }, 1);
    let pushed = lines(&[]).into_iter().chain(extra).try_for_each(|line| restoring.push(line));
    match pushed.and_then(|()| restoring.finish().map(drop)) {
        Ok(()) => "accepted".into(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn what_refers_to_nothing_is_refused_with_its_line() {
    let device = |index, master| {
        let name = Some(format!("e{index}"));
        Line::Link(LinkMsg { index, name, mtu: Some(1500), master, ..LinkMsg::default() })
    };
    let through = |oif, nh_id| {
        let oif = (oif != 0).then_some(oif);
        Line::Route(RouteMsg { oif, nh_id, ..route(0, RouteType::UNICAST, Scope::UNIVERSE) })
    };
    let object = |id, oif| Line::Nexthop(NexthopMsg { id, oif: Some(oif), ..NexthopMsg::default() });
    let group = |id, member| {
        let entry = NexthopGroupEntry { id: member, weight: 1 };
        Line::Nexthop(NexthopMsg { id, group: vec![entry], ..NexthopMsg::default() })
    };
    // The header is line 1, the namespace 2, device 2 line 3.
    assert_eq!(refusal(vec![device(3, Some(4)), device(4, None), through(4, None)]), "accepted");
    assert_eq!(refusal(vec![object(1, 2), group(7, 1), through(0, Some(7))]), "accepted");
    assert_eq!(refusal(vec![group(7, 8), object(8, 2)]), "accepted");
    let cases = [
        (vec![through(9, None)], "line 4: a route through link 9, which does not stand before it"),
        (vec![through(0, Some(5))], "line 4: a route by nexthop 5, which does not stand before it"),
        (vec![device(3, Some(9))], "line 4: a link whose master is 9, and there is no such link"),
        (vec![device(3, Some(3))], "line 4: link 3 is its own master"),
        (vec![object(1, 9)], "line 4: a nexthop through link 9, which does not stand before it"),
        (vec![object(1, 2), object(1, 2)], "line 5: a second nexthop with id 1"),
        (vec![group(7, 7)], "line 4: a nexthop group with the group 7 as a member"),
        (vec![group(7, 1)], "line 4: a nexthop group with 1 as a member, which does not exist"),
    ];
    for (extra, expected) in cases {
        assert_eq!(refusal(extra), expected);
    }
}

#[test]
fn f002_only_what_is_no_leg_stands_behind_one() {
    let six = |gateway: Option<&str>, metric| RouteMsg {
        table: TableId::MAIN,
        kind: RouteType::UNICAST,
        dst: "2001:db8:a::/48".parse().ok(),
        priority: Some(metric),
        oif: Some(2),
        gateway: gateway.and_then(|gateway| gateway.parse().ok()),
        ..RouteMsg::new(Family::V6)
    };
    let with = |behind: RouteMsg| {
        let leg =
            |behind| NextHopMsg { oif: 2, gateway: "fe80::1".parse().ok(), behind, ..Default::default() };
        let multipath = vec![leg(vec![behind]), leg(Vec::new())];
        vec![Line::Route(RouteMsg { oif: None, multipath, ..six(None, 1024) })]
    };
    assert_eq!(refusal(with(six(None, 1024))), "accepted");
    let elsewhere = "line 4: a route behind a leg of another destination, table or metric";
    assert_eq!(refusal(with(six(None, 5))), elsewhere);
    assert_eq!(refusal(with(RouteMsg::new(Family::V4))), elsewhere);
    let a_leg = "line 4: a route behind a leg that would be a leg itself";
    assert_eq!(refusal(with(six(Some("fe80::2"), 1024))), a_leg);
    assert_eq!(refusal(with(six(Some("10.0.0.1"), 1024))), a_leg);
    assert_eq!(refusal(with(RouteMsg { multipath: vec![NextHopMsg::default()], ..six(None, 1024) })), a_leg);
    let away = RouteMsg { oif: Some(9), ..six(None, 1024) };
    assert_eq!(refusal(with(away)), "line 4: a route through link 9, which does not stand before it");
}

/// A cached route of IPv6: to one destination through a gateway, with a path MTU.
fn learned(dst: &str, gateway: &str, mtu: Option<u32>, expires: i32) -> RouteMsg {
    let mut msg = RouteMsg { dst: Some(dst.parse().expect("a prefix")), ..default_route("fe80::1", 1024) };
    msg.gateway = Some(gateway.parse().expect("an address"));
    msg.flags = RouteFlags::CLONED;
    if let Some(mtu) = mtu {
        msg.metrics.set(MetricKind::MTU, mtu);
    }
    msg.cacheinfo = Some(RouteCacheInfo { expires, ..RouteCacheInfo::default() });
    msg
}

fn default_route(gateway: &str, metric: u32) -> RouteMsg {
    RouteMsg {
        table: TableId::MAIN,
        kind: RouteType::UNICAST,
        protocol: 3,
        oif: Some(2),
        gateway: Some(gateway.parse().expect("an address")),
        priority: Some(metric),
        pref: Some(0),
        ..RouteMsg::new(Family::V6)
    }
}

#[test]
fn c299_what_was_learned_of_ipv6_destinations_stands_with_their_route() {
    let routes = [
        default_route("fe80::1", 1024),
        learned("2001:db8::1/128", "fe80::1", Some(1300), 100),
        learned("2001:db8::2/128", "fe80::7", None, 0),
        // Of a route that is not there.
        RouteMsg { protocol: 9, ..learned("2001:db8::3/128", "fe80::1", Some(1300), 0) },
    ];
    let mut lines = lines(&routes);
    for (priority, table) in [(0, TableId::LOCAL), (0x7ffe, TableId::MAIN)] {
        let action = RuleAction::TO_TABLE;
        let rule = RuleMsg { priority: Some(priority), action, table, ..RuleMsg::new(Family::V6) };
        lines.insert(2, Line::Rule(rule));
    }
    let restored = restored(lines);
    assert_eq!(restored.not_used, ["what was learned about 2001:db8::3/128: no route leads there"]);
    let mut world = restored.world;
    let get = |world: &mut fingerpost_engine::World, to: &str| {
        let question = RouteMsg { dst: Some(to.parse().expect("an address")), ..RouteMsg::new(Family::V6) };
        let answer = world.get_route(NsId(0), &question).expect("an answer");
        (answer.gateway.map(|gateway| gateway.to_string()), answer.metrics.get(MetricKind::MTU))
    };
    let through = |gateway: &str| Some(gateway.to_string());
    assert_eq!(get(&mut world, "2001:db8::1/128"), (through("fe80::1"), Some(1300)));
    assert_eq!(get(&mut world, "2001:db8::2/128"), (through("fe80::7"), None));
    assert_eq!(get(&mut world, "2001:db8::3/128"), (through("fe80::1"), None));
    let cached = |world: &mut fingerpost_engine::World| {
        let filter = RouteFilter { family: Some(Family::V6), cached: true, ..RouteFilter::default() };
        let mut all = Vec::new();
        world.routes(NsId(0), &filter, &mut |msg| all.push(msg.clone())).expect("a dump");
        all
    };
    assert_eq!(cached(&mut world), routes[1..3]);
    // A path MTU ends, a redirect stays; it can be deleted.
    world.pass(2_000);
    assert_eq!(get(&mut world, "2001:db8::1/128"), (through("fe80::1"), None));
    let redirect = cached(&mut world).remove(0);
    let op = |change| Op { flags: NlFlags(0), change };
    world.apply(NsId(0), op(Change::DelRoute(redirect))).expect("is there");
    assert_eq!(get(&mut world, "2001:db8::2/128"), (through("fe80::1"), None));
    assert!(cached(&mut world).is_empty());
}

#[test]
fn an_interval_that_is_not_followed_is_named() {
    let not_used = |interval: &str| {
        let path = "ipv6/neigh/default/interval_probe_time_ms";
        let setting = Line::Sysctl(path.into(), interval.into());
        restored(lines(&[]).into_iter().chain([setting]).collect()).not_used
    };
    assert_eq!(not_used("5000\n"), [] as [&str; 0]);
    let named = "setting ipv6/neigh/default/interval_probe_time_ms: neighbours that are kept up are used every 5000 ms";
    assert_eq!(not_used("1000\n"), [named]);
}
