//! What a decision holds besides what `ip route get` prints: functions, MTU,
//! exceptions; and questions that `ip` cannot put.

mod support;

use std::net::{IpAddr, Ipv4Addr};

use fingerpost_engine::lookup::cache::HopId;
use fingerpost_engine::lookup::hash::Asker;
use fingerpost_engine::lookup::input4::{self, Received};
use fingerpost_engine::lookup::{Decision, DropReason, Flow4, Input, Output, output4};
use fingerpost_engine::trace::Tracer;
use fingerpost_engine::{Env, Namespace, Time, World};
use fingerpost_model::{
    Change, Kernel, MetricKind, Refusal, RouteFlags, RouteMsg, RouteType, Scope, TableId,
};
use fingerpost_net::{Errno, Family, IpPrefix};

use support::{NS, add, address, kernel, up, with_link};

/// A router with `e0` (index 2, 10.0.0.1/24) and `e1` (index 3, 10.1.0.1/24).
fn router() -> World {
    let mut world = kernel();
    up(&mut world, 1);
    for (name, addr) in [("e0", "10.0.0.1"), ("e1", "10.1.0.1")] {
        let index = with_link(&mut world, name);
        up(&mut world, index);
        address(&mut world, index, addr);
    }
    write(&mut world, "conf/all/forwarding", "1");
    for name in ["all", "e0", "e1"] {
        write(&mut world, &format!("conf/{name}/rp_filter"), "0");
    }
    world
}

fn write(world: &mut World, name: &str, value: &str) {
    world.write_file(NS, &format!("/proc/sys/net/ipv4/{name}"), value).unwrap();
}

fn ip(text: &str) -> Ipv4Addr {
    text.parse().unwrap()
}

/// A route to a /8 through a gateway, with a change to it.
fn route(world: &mut World, first: u8, gateway: &str, edit: impl FnOnce(&mut RouteMsg)) {
    let mut msg = RouteMsg {
        dst: Some(IpPrefix { addr: IpAddr::V4(Ipv4Addr::new(first, 0, 0, 0)), len: 8 }),
        gateway: Some(gateway.parse().unwrap()),
        table: TableId::MAIN,
        protocol: 3,
        kind: RouteType::UNICAST,
        ..RouteMsg::new(Family::V4)
    };
    edit(&mut msg);
    add(world, Change::NewRoute(msg)).unwrap();
}

fn with_namespace<T>(world: &mut World, ask: impl FnOnce(&mut Namespace, Env<'_>) -> T) -> T {
    let (ns, env) = world.ns_mut(NS).unwrap();
    ask(ns, env)
}

fn output(world: &mut World, flow: Flow4) -> Result<Decision, Errno> {
    with_namespace(world, |ns, env| {
        let Namespace { config, state } = ns;
        output4::resolve(config, state, env, &mut flow.clone(), Asker::Socket, &mut Tracer::off())
    })
}

fn input(world: &mut World, dst: &str, src: &str, dev: u32) -> Result<Decision, DropReason> {
    let packet = Received {
        dst: ip(dst),
        src: ip(src),
        dev,
        mark: 0,
        tos: 0,
        proto: 17,
        sport: 0,
        dport: 0,
        pseudo: false,
        quoted: None,
        header_dst: None,
        inside: None,
    };
    with_namespace(world, |ns, env| {
        let Namespace { config, state } = ns;
        input4::resolve(config, state, env, &packet, &mut Tracer::off())
    })
}

fn to(text: &str) -> Flow4 {
    Flow4::to(ip(text))
}

#[test]
fn c142_the_functions_of_decisions_on_packets_made_here() {
    let mut world = router();
    let mut functions = |flow: Flow4| {
        let decision = output(&mut world, flow).unwrap();
        (decision.dev, decision.input, decision.output)
    };
    assert_eq!(functions(to("10.0.0.7")), (2, Input::Discard, Output::Ip));
    assert_eq!(functions(to("10.0.0.1")), (1, Input::LocalDeliver, Output::Ip));
    // Without a device in between, what loops back is delivered by the same decision.
    assert_eq!(functions(to("127.0.0.1")), (1, Input::LocalDeliver, Output::Ip));
    let group = |group: &str| Flow4 { oif: 2, ..to(group) };
    assert_eq!(functions(group("239.1.1.1")), (2, Input::Discard, Output::Ip));
}

#[test]
fn c141_broadcasts_and_joined_groups_are_sent_with_a_copy_for_this_host() {
    let mut world = router();
    for flow in
        [to("10.0.0.255"), Flow4 { oif: 2, ..to("255.255.255.255") }, Flow4 { oif: 2, ..to("224.0.0.1") }]
    {
        let decision = output(&mut world, flow).unwrap();
        assert_eq!((decision.dev, decision.output), (2, Output::Multicast));
        assert_eq!(decision.input, Input::LocalDeliver);
    }
    // On loopback there is nobody else to send to.
    let decision = output(&mut world, Flow4 { oif: 1, ..to("255.255.255.255") }).unwrap();
    assert_eq!((decision.dev, decision.output), (1, Output::Ip));
}

#[test]
fn functions_of_decisions_on_received_packets() {
    let mut world = router();
    route(&mut world, 20, "10.1.0.9", |_| ());
    let decision = input(&mut world, "20.1.1.1", "10.0.0.7", 2).unwrap();
    assert_eq!((decision.dev, decision.input, decision.output), (3, Input::Forward, Output::Ip));
    assert_eq!(decision.gateway, Some("10.1.0.9".parse().unwrap()));
    let decision = input(&mut world, "10.1.0.1", "10.0.0.7", 2).unwrap();
    assert_eq!((decision.dev, decision.input, decision.output), (1, Input::LocalDeliver, Output::Bug));
    let decision = input(&mut world, "30.1.1.1", "10.0.0.7", 2).unwrap();
    assert_eq!(decision.input, Input::Error(Errno::ENETUNREACH));
    assert_eq!((decision.error, decision.cached_in), (Some(Errno::ENETUNREACH), None));
}

#[test]
fn c143_what_is_cached_and_what_is_not() {
    let mut world = router();
    route(&mut world, 20, "10.1.0.9", |_| ());
    route(&mut world, 224, "10.1.0.9", |_| ());
    let mut cached = |flow: Flow4| output(&mut world, flow).unwrap().cached_in.is_some();
    assert!(cached(to("20.1.1.1")));
    assert!(cached(to("10.0.0.7")));
    // A joined group, an assumed neighbour, this host by another device: none.
    assert!(cached(to("224.0.0.2")));
    assert!(!cached(to("224.0.0.1")));
    assert!(!cached(Flow4 { oif: 2, ..to("50.1.1.1") }));
    assert!(!cached(Flow4 { src: ip("10.0.0.1"), ..to("255.255.255.255") }));
    assert!(!cached(to("10.0.0.1")));
}

/// The hop that a destination's decision is cached in.
fn hop(world: &mut World, text: &str) -> HopId {
    output(world, to(text)).unwrap().cached_in.unwrap()
}

#[test]
fn c146_an_exception_is_about_one_destination_through_one_hop() {
    let mut world = router();
    route(&mut world, 20, "10.1.0.9", |_| ());
    route(&mut world, 21, "10.1.0.8", |_| ());
    let through = hop(&mut world, "20.1.1.1");
    with_namespace(&mut world, |ns, env| {
        ns.state.exceptions.learn_redirect(through, ip("20.1.1.1"), ip("10.1.0.7"), 300, env.now);
    });
    let redirected = output(&mut world, to("20.1.1.1")).unwrap();
    assert_eq!(redirected.gateway, Some("10.1.0.7".parse().unwrap()));
    assert!(redirected.flags.has(RouteFlags::REDIRECTED));
    for other in ["20.1.1.2", "21.1.1.1"] {
        let decision = output(&mut world, to(other)).unwrap();
        assert_ne!(decision.gateway, Some("10.1.0.7".parse().unwrap()), "{other}");
        assert!(!decision.flags.has(RouteFlags::REDIRECTED), "{other}");
    }
    // Forwarded packets follow it too.
    let forwarded = input(&mut world, "20.1.1.1", "10.0.0.7", 2).unwrap();
    assert_eq!(forwarded.gateway, Some("10.1.0.7".parse().unwrap()));
    // It ends.
    world.now = Time(300_000);
    assert_eq!(output(&mut world, to("20.1.1.1")).unwrap().gateway, Some("10.1.0.9".parse().unwrap()));
}

#[test]
fn c147_c150_c151_a_learned_mtu_is_shown_with_its_end_and_counts_before_the_route_s() {
    let mut world = router();
    route(&mut world, 20, "10.1.0.9", |msg| msg.metrics.set(MetricKind::MTU, 1450));
    let through = hop(&mut world, "20.1.1.1");
    assert_eq!(output(&mut world, to("20.1.1.1")).unwrap().mtu, 1450);
    let learn = |world: &mut World, mtu| {
        with_namespace(world, |ns, env| {
            let current = 1450;
            let sysctl = &ns.config.sysctl;
            ns.state.exceptions.learn_pmtu(through, ip("20.1.1.1"), mtu, current, sysctl, env.now)
        })
    };
    assert!(!learn(&mut world, 1451));
    assert_eq!(output(&mut world, to("20.1.1.1")).unwrap().mtu, 1450);
    assert!(learn(&mut world, 1400));
    assert_eq!(output(&mut world, to("20.1.1.1")).unwrap().mtu, 1400);
    assert_eq!(output(&mut world, to("20.1.1.2")).unwrap().mtu, 1450);
    let reply = world.get_route(NS, &question("20.1.1.1")).unwrap();
    assert_eq!(reply.metrics.get(MetricKind::MTU), Some(1400));
    assert_eq!(reply.metrics.get(MetricKind::LOCK), None);
    assert_eq!(reply.cacheinfo.unwrap().expires, 60_000);
    world.now = Time(1_000);
    assert_eq!(world.get_route(NS, &question("20.1.1.1")).unwrap().cacheinfo.unwrap().expires, 59_900);
    assert!(learn(&mut world, 100));
    let reply = world.get_route(NS, &question("20.1.1.1")).unwrap();
    assert_eq!(reply.metrics.get(MetricKind::MTU), Some(552));
    assert_eq!(reply.metrics.get(MetricKind::LOCK), Some(1 << MetricKind::MTU.0));
    with_namespace(&mut world, |ns, _| ns.state.exceptions.flush());
    assert_eq!(output(&mut world, to("20.1.1.1")).unwrap().mtu, 1450);
}

#[test]
fn c150_the_mtu_is_the_route_s_or_the_device_s_and_576_where_it_is_only_locked() {
    let mut world = router();
    route(&mut world, 20, "10.1.0.9", |_| ());
    route(&mut world, 21, "10.1.0.9", |msg| msg.metrics.set(MetricKind::LOCK, 1 << MetricKind::MTU.0));
    route(&mut world, 22, "10.1.0.9", |msg| {
        msg.gateway = None;
        msg.oif = Some(3);
        msg.scope = Scope::LINK;
        msg.metrics.set(MetricKind::LOCK, 1 << MetricKind::MTU.0);
    });
    let mut mtu = |text: &str| output(&mut world, to(text)).unwrap().mtu;
    assert_eq!(mtu("20.1.1.1"), 1500);
    assert_eq!(mtu("21.1.1.1"), 576);
    assert_eq!(mtu("22.1.1.1"), 1500);
    // Loopback's is 65536; no packet is longer than 65535.
    assert_eq!(mtu("127.0.0.1"), 65535);
}

/// What `ip route get ADDRESS` sends.
fn question(text: &str) -> RouteMsg {
    RouteMsg { dst: Some(IpPrefix::host(text.parse().unwrap())), ..RouteMsg::new(Family::V4) }
}

#[test]
fn c162_fields_that_a_question_does_not_have_are_refused() {
    let mut world = router();
    let mut refusal = |edit: &dyn Fn(&mut RouteMsg)| {
        let mut msg = question("10.0.0.7");
        edit(&mut msg);
        world.get_route(NS, &msg).err()
    };
    let header = Refusal::with(Errno::EINVAL, "ipv4: Invalid values in header for route get request");
    let flags = Refusal::with(Errno::EINVAL, "ipv4: Unsupported rtm_flags for route get request");
    let prefix = |len| Some(IpPrefix { addr: "10.0.0.7".parse().unwrap(), len });
    assert_eq!(refusal(&|msg| msg.dst = prefix(24)), Some(header.clone()));
    assert_eq!(refusal(&|msg| msg.src = prefix(31)), Some(header.clone()));
    assert_eq!(refusal(&|msg| msg.table = TableId::MAIN), Some(header.clone()));
    assert_eq!(refusal(&|msg| msg.protocol = 3), Some(header.clone()));
    assert_eq!(refusal(&|msg| msg.scope = Scope::LINK), Some(header.clone()));
    assert_eq!(refusal(&|msg| msg.kind = RouteType::UNICAST), Some(header));
    assert_eq!(refusal(&|msg| msg.flags = RouteFlags::DEAD), Some(flags.clone()));
    assert_eq!(refusal(&|msg| msg.flags = RouteFlags::LOOKUP_TABLE | RouteFlags::CLONED), Some(flags));
    assert_eq!(refusal(&|msg| msg.flags = RouteFlags::LOOKUP_TABLE), None);
    let length = Refusal::with(Errno::EINVAL, "ipv4: rtm_src_len and rtm_dst_len must be 32 for IPv4");
    assert_eq!(refusal(&|msg| msg.dst = prefix(0)), Some(length.clone()));
    assert_eq!(refusal(&|msg| msg.src = prefix(0)), Some(length));
    assert_eq!(refusal(&|_| ()), None);
    let unsupported = Refusal::with(Errno::EOPNOTSUPP, "Unsupported ip proto");
    assert_eq!(refusal(&|msg| msg.ip_proto = Some(132)), Some(unsupported));
    assert_eq!(refusal(&|msg| msg.iif = Some(77)), Some(Errno::ENODEV.into()));
    assert_eq!(refusal(&|msg| msg.oif = Some(77)), Some(Errno::ENODEV.into()));
}

/// What the next hops remember of decisions.
fn remembered(world: &World) -> usize {
    let cache = &world.ns(NS).unwrap().state.cache;
    cache.output.len() + cache.input.len() + cache.sources.len()
}

#[test]
fn what_a_deleted_route_s_hops_remember_goes_with_it() {
    let mut world = router();
    route(&mut world, 20, "10.1.0.9", |_| ());
    route(&mut world, 21, "10.1.0.8", |_| ());
    // Each hop has its own source.
    let made = remembered(&world);
    let through = hop(&mut world, "20.1.1.1");
    input(&mut world, "20.1.1.1", "10.0.0.7", 2).unwrap();
    let one = remembered(&world);
    output(&mut world, to("21.1.1.1")).unwrap();
    input(&mut world, "21.1.1.1", "10.0.0.7", 2).unwrap();
    let all = remembered(&world);
    assert_eq!((one - made, all - made), (2, 4));
    with_namespace(&mut world, |ns, env| {
        ns.state.exceptions.learn_redirect(through, ip("20.1.1.1"), ip("10.1.0.7"), 300, env.now);
    });
    let gone = RouteMsg {
        dst: Some(IpPrefix { addr: IpAddr::V4(ip("20.0.0.0")), len: 8 }),
        table: TableId::MAIN,
        scope: Scope::NOWHERE,
        ..RouteMsg::new(Family::V4)
    };
    support::change(&mut world, Change::DelRoute(gone)).unwrap();
    assert_eq!(remembered(&world), all - 3);
    assert!(world.ns(NS).unwrap().state.exceptions.is_empty());
}

#[test]
fn c131_igmp_leaves_by_the_demanded_device_without_a_lookup() {
    let mut world = router();
    route(&mut world, 20, "10.1.0.9", |_| ());
    let flow = |proto| Flow4 { proto, oif: 3, ..to("20.1.1.1") };
    let igmp = output(&mut world, flow(2)).unwrap();
    assert_eq!((igmp.dev, igmp.gateway, igmp.source), (3, None, ip("10.1.0.1")));
    assert!(igmp.result.is_none());
    assert_eq!(igmp.kind, RouteType::UNSPEC);
    assert!(output(&mut world, flow(17)).unwrap().result.is_some());
    let given = output(&mut world, Flow4 { src: ip("10.0.0.1"), ..flow(2) }).unwrap();
    assert_eq!(given.source, ip("10.0.0.1"));
}

#[test]
fn c189_multicast_routing_needs_all_and_the_device_and_takes_no_local_group() {
    let asked = |all: i32, device: i32, dst: &str, src: &str| {
        let mut world = router();
        with_namespace(&mut world, |ns, _| {
            ns.config.sysctl.all.mc_forwarding = all;
            let link = ns.config.links.get_mut(2).unwrap();
            link.ipv4.as_mut().unwrap().conf.mc_forwarding = device;
        });
        input(&mut world, dst, src, 2).map(|decision| decision.input)
    };
    let refused = Err(DropReason::NotSpecified);
    assert_eq!(asked(0, 0, "239.1.1.1", "10.0.0.7"), refused);
    assert_eq!(asked(1, 0, "239.1.1.1", "10.0.0.7"), refused);
    assert_eq!(asked(0, 1, "239.1.1.1", "10.0.0.7"), refused);
    assert_eq!(asked(1, 1, "239.1.1.1", "10.0.0.7"), Ok(Input::MulticastRoute));
    assert_eq!(asked(1, 1, "224.0.0.9", "10.0.0.7"), refused);
    assert_eq!(asked(1, 1, "224.0.0.1", "10.0.0.7"), Ok(Input::LocalDeliver));
    // An unset source only towards a local group, or for IGMP.
    assert_eq!(asked(1, 1, "239.1.1.1", "0.0.0.0"), Err(DropReason::IpInvalidSource));
    assert_eq!(asked(1, 1, "224.0.0.1", "0.0.0.0"), Ok(Input::LocalDeliver));
    assert_eq!(asked(1, 1, "239.1.1.1", "255.255.255.255"), Err(DropReason::IpInvalidSource));
}
