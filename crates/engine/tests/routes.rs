//! Route requests that `ip` does not send. Every expected value was seen on
//! Linux 6.18, asked with messages made by hand.

mod support;

use fingerpost_engine::World;
use fingerpost_model::{
    Change, Kernel, MetricKind, Metrics, NextHopMsg, Refusal, RouteFilter, RouteFlags, RouteMsg, RouteType,
    Scope, TableId,
};
use fingerpost_net::{Errno, Family, IpPrefix};

use support::{NS, add, address, kernel, refused, up, with_link};

/// A world with one device that is up and holds 10.0.0.1/24, and its index.
fn one_device() -> (World, u32) {
    let mut world = kernel();
    let dev = with_link(&mut world, "e0");
    up(&mut world, dev);
    address(&mut world, dev, "10.0.0.1");
    (world, dev)
}

/// 20.0.0.0/8 by a device, as `ip` would ask for it.
fn by_device(dev: u32) -> RouteMsg {
    RouteMsg {
        dst: Some(IpPrefix { addr: [20, 0, 0, 0].into(), len: 8 }),
        table: TableId::MAIN,
        kind: RouteType::UNICAST,
        scope: Scope::LINK,
        protocol: 3,
        oif: Some(dev),
        ..RouteMsg::new(Family::V4)
    }
}

fn new_route(world: &mut World, msg: RouteMsg) -> Result<(), Refusal> {
    add(world, Change::NewRoute(msg))
}

fn metric(kind: u8, value: u32) -> Metrics {
    let mut metrics = Metrics::default();
    metrics.set(MetricKind(kind), value);
    metrics
}

#[test]
fn c034_requests_that_ip_does_not_send_are_refused() {
    let (mut world, dev) = one_device();
    let gateway = Some([10, 0, 0, 9].into());
    let mut refuses = |msg, text| refused(new_route(&mut world, msg), Errno::EINVAL, Some(text));
    refuses(RouteMsg { kind: RouteType(12), ..by_device(dev) }, "Invalid route type");
    let long = Some(IpPrefix { addr: [20, 0, 0, 0].into(), len: 33 });
    refuses(RouteMsg { dst: long, ..by_device(dev) }, "Invalid prefix length");
    let both = RouteMsg { gateway, via: gateway, scope: Scope::UNIVERSE, ..by_device(dev) };
    refuses(both, "Nexthop configuration can not contain both GATEWAY and VIA");
    for flags in [RouteFlags::DEAD, RouteFlags::LINKDOWN] {
        let text = "Invalid rtm_flags - can not contain DEAD or LINKDOWN";
        refuses(RouteMsg { flags, ..by_device(dev) }, text);
        let leg = |flags| NextHopMsg { oif: dev, gateway, flags, ..NextHopMsg::default() };
        let multipath = vec![leg(flags), leg(RouteFlags(0))];
        let msg = RouteMsg { multipath, oif: None, scope: Scope::UNIVERSE, ..by_device(dev) };
        refuses(msg, "Invalid flags for nexthop - can not contain DEAD or LINKDOWN");
    }
    refuses(RouteMsg { metrics: metric(18, 1), ..by_device(dev) }, "Invalid metric type");
    let text = "Unknown flag set in feature mask in metrics attribute";
    refuses(RouteMsg { metrics: metric(MetricKind::FEATURES.0, 0x8000), ..by_device(dev) }, text);
    assert!(routes(&mut world).is_empty());
}

#[test]
fn c035_type_unspec_needs_scope_nowhere_and_is_no_type_then() {
    let (mut world, dev) = one_device();
    let unspec = |scope| RouteMsg { kind: RouteType::UNSPEC, scope, ..by_device(dev) };
    refused(new_route(&mut world, unspec(Scope::HOST)), Errno::EINVAL, Some("Invalid scope"));
    refused(new_route(&mut world, unspec(Scope::NOWHERE)), Errno::EINVAL, Some("Invalid route type"));
}

#[test]
fn c037_hoplimit_is_capped() {
    let (mut world, dev) = one_device();
    let msg = RouteMsg { metrics: metric(MetricKind::HOPLIMIT.0, 300), ..by_device(dev) };
    new_route(&mut world, msg).unwrap();
    let stored: Vec<_> = routes(&mut world).iter().map(|msg| msg.metrics.get(MetricKind::HOPLIMIT)).collect();
    assert_eq!(stored, [Some(255)]);
}

#[test]
fn c039_pervasive_is_refused_for_a_device() {
    let (mut world, dev) = one_device();
    let msg = RouteMsg { flags: RouteFlags::PERVASIVE, ..by_device(dev) };
    let text = "Invalid flags for nexthop - PERVASIVE and ONLINK can not be set";
    refused(new_route(&mut world, msg), Errno::EINVAL, Some(text));
}

/// The routes of main that were not made by the kernel.
fn routes(world: &mut World) -> Vec<RouteMsg> {
    let mut list = Vec::new();
    let filter = RouteFilter { table: Some(TableId::MAIN), protocol: Some(3), ..RouteFilter::default() };
    world.routes(NS, &filter, &mut |msg| list.push(msg.clone())).unwrap();
    list
}
