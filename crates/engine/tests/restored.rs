//! A snapshot's objects stand in the restored world as the dump showed them.

use fingerpost_engine::restore_lines;
use fingerpost_model::snapshot::{FORMAT, Header, Line, Netns};
use fingerpost_model::{Kernel, LinkFlags, LinkMsg, NsId, RouteFilter, RouteMsg, RouteType, Scope, TableId};
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

#[test]
fn routes_of_equal_key_keep_their_order_whatever_their_metric() {
    // C-010: the order of equal metrics is that of the dump; the largest metric too.
    for metric in [0, 7, u32::MAX] {
        let routes = [
            route(metric, RouteType::UNICAST, Scope::LINK),
            route(metric, RouteType::LOCAL, Scope::HOST),
            route(metric, RouteType::UNREACHABLE, Scope::UNIVERSE),
        ];
        let header = Header { fingerpost: FORMAT, release: "6.18.0".into(), ..Header::default() };
        let mut world = restore_lines(header, lines(&routes), 1).expect("is a snapshot").world;
        let mut kinds = Vec::new();
        world.routes(NsId(0), &RouteFilter::default(), &mut |msg| kinds.push(msg.kind)).expect("a dump");
        assert_eq!(kinds, [RouteType::UNICAST, RouteType::LOCAL, RouteType::UNREACHABLE], "metric {metric}");
    }
}

#[test]
fn tables_without_routes_exist_and_all_stand_in_the_kernels_order() {
    // C-005: a table that exists is searched and listed, even when it is empty.
    let header = Header { fingerpost: FORMAT, release: "6.18.0".into(), ..Header::default() };
    let mut of_511 = route(0, RouteType::UNICAST, Scope::LINK);
    of_511.table = TableId(511);
    let of_local = RouteMsg { table: TableId::LOCAL, ..of_511.clone() };
    let mut all = lines(&[of_511, of_local]);
    let order = |lines: Vec<Line>| -> Vec<u32> {
        let world = restore_lines(header.clone(), lines, 1).expect("is a snapshot").world;
        world.ns(NsId(0)).expect("is there").config.fib.tables.iter().map(|table| table.id.0).collect()
    };
    assert_eq!(order(all.clone()), [254, 511, 255]);
    let stats = "Basic info: …\nId 10:\n\tLeaves: 0\nMain:\nId 511:\nId -1:\nLocal:\n";
    all.push(Line::Text("/proc/net/fib_triestat".into(), stats.into()));
    assert_eq!(order(all), [10, 254, 511, u32::MAX, 255]);
}
