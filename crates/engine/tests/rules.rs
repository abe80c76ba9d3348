//! Policy rules: adding, deleting, dumping; and what that does to tables and
//! devices. Every expected value was seen on Linux 6.18.

mod support;

use fingerpost_engine::{Behaviour, World};
use fingerpost_model::{
    Change, Kernel, LinkMsg, NlFlags, Op, PortRange, Refusal, RuleAction, RuleFlags, RuleMsg, TableId,
    UidRange,
};
use fingerpost_net::{Errno, Family, IpPrefix};

use support::{NS, add, change, kernel, lone, refused, up, with_link};

fn rule(priority: u32) -> RuleMsg {
    RuleMsg {
        priority: Some(priority),
        action: RuleAction::TO_TABLE,
        table: TableId(5),
        ..RuleMsg::new(Family::V4)
    }
}

fn prefix(addr: &str, len: u8) -> Option<IpPrefix> {
    Some(IpPrefix { addr: addr.parse().unwrap(), len })
}

fn goto(priority: u32, target: u32) -> RuleMsg {
    RuleMsg { action: RuleAction::GOTO, goto: Some(target), table: TableId::UNSPEC, ..rule(priority) }
}

fn add_rule(world: &mut World, msg: RuleMsg) -> Result<(), Refusal> {
    add(world, Change::NewRule(msg))
}

fn del_rule(world: &mut World, msg: RuleMsg) -> Result<(), Refusal> {
    change(world, Change::DelRule(msg))
}

fn rules(world: &mut World) -> Vec<RuleMsg> {
    let mut list = Vec::new();
    world.rules(NS, Some(Family::V4), &mut |msg| list.push(msg.clone())).unwrap();
    list
}

/// The rules with this priority.
fn at(world: &mut World, priority: u32) -> Vec<RuleMsg> {
    rules(world).into_iter().filter(|msg| msg.priority.unwrap_or(0) == priority).collect()
}

fn priorities(world: &mut World) -> Vec<u32> {
    rules(world).iter().map(|msg| msg.priority.unwrap_or(0)).collect()
}

#[test]
fn c091_a_fresh_namespace_has_three_rules_and_all_can_go() {
    let mut world = kernel();
    let expect = |priority, table| RuleMsg {
        priority,
        table,
        action: RuleAction::TO_TABLE,
        suppress_prefixlen: Some(-1),
        protocol: Some(2), // C-092
        ..RuleMsg::new(Family::V4)
    };
    let defaults = [
        expect(None, TableId::LOCAL),
        expect(Some(32766), TableId::MAIN),
        expect(Some(32767), TableId::DEFAULT),
    ];
    assert_eq!(rules(&mut world), defaults);
    for priority in [0, 32766, 32767] {
        let any = RuleMsg { priority: Some(priority), ..RuleMsg::new(Family::V4) };
        del_rule(&mut world, any).unwrap();
    }
    assert_eq!(rules(&mut world), []);
}

#[test]
fn c093_a_rule_without_priority_goes_before_the_second_one() {
    let mut world = kernel();
    let automatic = RuleMsg { priority: None, ..rule(0) };
    let next = |world: &mut World, table| {
        let before = priorities(world);
        add_rule(world, RuleMsg { table: TableId(table), ..automatic.clone() }).unwrap();
        let after = priorities(world);
        after.into_iter().find(|priority| !before.contains(priority))
    };
    assert_eq!(next(&mut world, 11), Some(32765));
    assert_eq!(next(&mut world, 12), Some(32764));
    add_rule(&mut world, rule(100)).unwrap();
    assert_eq!(next(&mut world, 13), Some(99));
    add_rule(&mut world, RuleMsg { table: TableId(14), ..rule(0) }).unwrap();
    assert_eq!(next(&mut world, 15), None, "the second rule has priority 0, and so has the new one");
    assert_eq!(at(&mut world, 0).len(), 3);
}

#[test]
fn c094_equal_priorities_stay_in_the_order_of_addition() {
    let mut world = kernel();
    for table in [9, 7, 8] {
        add_rule(&mut world, RuleMsg { table: TableId(table), ..rule(100) }).unwrap();
    }
    let tables: Vec<u32> = at(&mut world, 100).iter().map(|msg| msg.table.0).collect();
    assert_eq!(tables, [9, 7, 8]);
}

#[test]
fn c095_without_excl_duplicates_are_accepted() {
    let mut world = kernel();
    add_rule(&mut world, rule(100)).unwrap();
    refused(add_rule(&mut world, rule(100)), Errno::EEXIST, None);
    world.apply(NS, Op { flags: NlFlags::CREATE, change: Change::NewRule(rule(100)) }).unwrap();
    assert_eq!(at(&mut world, 100).len(), 2);
}

#[test]
fn c096_selectors_not_given_match_any_existing_rule() {
    let with_source = || RuleMsg { src: prefix("3.3.3.3", 32), ..rule(100) };
    let mut world = kernel();
    add_rule(&mut world, with_source()).unwrap();
    refused(add_rule(&mut world, rule(100)), Errno::EEXIST, None);

    let mut world = kernel();
    add_rule(&mut world, rule(100)).unwrap();
    add_rule(&mut world, with_source()).unwrap();
}

#[test]
fn c096_goto_targets_and_masks_of_dscp_are_not_compared_when_not_given() {
    let mut world = kernel();
    add_rule(&mut world, goto(100, 5000)).unwrap();
    refused(add_rule(&mut world, goto(100, 6000)), Errno::EEXIST, None);

    let dscp = |dscp, mask| RuleMsg { dscp: Some(dscp), dscp_mask: mask, ..rule(200) };
    add_rule(&mut world, dscp(8, Some(0x18))).unwrap();
    add_rule(&mut world, dscp(8, Some(0x3f))).unwrap();
    refused(add_rule(&mut world, dscp(8, None)), Errno::EEXIST, None);
    add_rule(&mut world, RuleMsg { tos: 0x10, ..rule(200) }).unwrap();
    add_rule(&mut world, dscp(4, None)).unwrap();
}

#[test]
fn c096_port_masks_are_compared() {
    let ports = PortRange { start: 80, end: 80 };
    let mut world = kernel();
    add_rule(&mut world, RuleMsg { sport: Some(ports), ..rule(100) }).unwrap();
    add_rule(&mut world, RuleMsg { sport: Some(ports), sport_mask: Some(0xff), ..rule(100) }).unwrap();
    let whole = RuleMsg { sport: Some(ports), sport_mask: Some(0xffff), ..rule(100) };
    refused(add_rule(&mut world, whole), Errno::EEXIST, None);
}

#[test]
fn c097_inversion_does_not_make_a_rule_different() {
    let mut world = kernel();
    let source = RuleMsg { src: prefix("3.3.3.3", 32), ..rule(100) };
    add_rule(&mut world, source.clone()).unwrap();
    let inverted = RuleMsg { flags: RuleFlags::INVERT, ..source };
    refused(add_rule(&mut world, inverted), Errno::EEXIST, None);
}

#[test]
fn c098_table_0_becomes_a_new_empty_table() {
    let mut world = kernel();
    let zero = RuleMsg { table: TableId::UNSPEC, ..rule(901) };
    add_rule(&mut world, zero.clone()).unwrap();
    add_rule(&mut world, zero).unwrap();
    let tables: Vec<u32> = at(&mut world, 901).iter().map(|msg| msg.table.0).collect();
    assert_eq!(tables, [1, 2]);
    assert!(world.namespaces[&NS].config.fib.table(TableId(2)).is_some());

    let l3mdev = RuleMsg { table: TableId::UNSPEC, l3mdev: Some(1), ..rule(902) };
    add_rule(&mut world, l3mdev).unwrap();
    assert_eq!(lone(at(&mut world, 902)).table, TableId::UNSPEC);
}

#[test]
fn c099_host_bits_are_kept() {
    let mut world = kernel();
    add_rule(&mut world, RuleMsg { src: prefix("10.1.2.3", 8), dst: prefix("10.9.9.9", 16), ..rule(100) })
        .unwrap();
    let shown = lone(at(&mut world, 100));
    assert_eq!((shown.src, shown.dst), (prefix("10.1.2.3", 8), prefix("10.9.9.9", 16)));
}

#[test]
fn c101_refusals_of_an_addition() {
    let cases: Vec<(&str, Errno, RuleMsg)> = vec![
        ("Invalid source address", Errno::EINVAL, RuleMsg { src: prefix("1.2.3.4", 33), ..rule(100) }),
        ("Invalid source address", Errno::EINVAL, RuleMsg { src: prefix("::1", 8), ..rule(100) }),
        ("Invalid dst address", Errno::EINVAL, RuleMsg { dst: prefix("1.2.3.4", 33), ..rule(100) }),
        ("Missing goto target for action goto", Errno::EINVAL, RuleMsg { goto: None, ..goto(100, 1) }),
        ("Unexpected goto", Errno::EINVAL, RuleMsg { goto: Some(300), ..rule(100) }),
        ("Backward goto not supported", Errno::EINVAL, goto(100, 100)), // T-3
        ("Backward goto not supported", Errno::EINVAL, goto(100, 0)),
        ("Invalid l3mdev attribute", Errno::EINVAL, RuleMsg { l3mdev: Some(2), ..rule(100) }),
        ("l3mdev and table are mutually exclusive", Errno::EINVAL, RuleMsg { l3mdev: Some(1), ..rule(100) }),
        ("Invalid uid range", Errno::EINVAL, RuleMsg { uid_range: uids(5, 4), ..rule(100) }),
        ("Invalid uid range", Errno::EINVAL, RuleMsg { uid_range: uids(5, u32::MAX), ..rule(100) }),
        // C-100
        ("Invalid sport range", Errno::EINVAL, RuleMsg { sport: ports(0, 80), ..rule(100) }),
        ("Invalid dport range", Errno::EINVAL, RuleMsg { dport: ports(90, 80), ..rule(100) }),
        ("Invalid dport range", Errno::EINVAL, RuleMsg { dport: ports(65535, 65535), ..rule(100) }),
        (
            "Cannot specify port mask without port value",
            Errno::EINVAL,
            RuleMsg { sport_mask: Some(0xff), ..rule(100) },
        ),
        (
            "Cannot specify port mask for port range",
            Errno::EINVAL,
            RuleMsg { sport: ports(80, 90), sport_mask: Some(0xff), ..rule(100) },
        ),
        (
            "Invalid port mask",
            Errno::EINVAL,
            RuleMsg { dport: ports(80, 80), dport_mask: Some(0xf), ..rule(100) },
        ),
        ("Invalid dsfield (tos): ECN bits must be 0", Errno::EINVAL, RuleMsg { tos: 3, ..rule(100) }), // T-5
        ("Invalid tos", Errno::EINVAL, RuleMsg { tos: 0x20, ..rule(100) }),
        ("Cannot specify both TOS and DSCP", Errno::EINVAL, RuleMsg { tos: 16, dscp: Some(4), ..rule(100) }),
        (
            "Cannot specify DSCP mask without DSCP value",
            Errno::EINVAL,
            RuleMsg { tos: 16, dscp_mask: Some(4), ..rule(100) },
        ),
        ("Invalid DSCP mask", Errno::EINVAL, RuleMsg { dscp: Some(8), dscp_mask: Some(4), ..rule(100) }),
        (
            "Flow label cannot be specified for IPv4 FIB rules",
            Errno::EINVAL,
            RuleMsg { flowlabel: Some(5), tos: 3, ..rule(100) },
        ),
        ("Error parsing msg", Errno::ERANGE, RuleMsg { dscp: Some(64), ..rule(100) }),
        ("Error parsing msg", Errno::EINVAL, RuleMsg { dscp: Some(8), dscp_mask: Some(0x48), ..rule(100) }),
        ("Error parsing msg", Errno::ERANGE, RuleMsg { iifname: Some("a".repeat(16)), ..rule(100) }),
    ];
    for (text, errno, msg) in cases {
        let mut world = kernel();
        refused(add_rule(&mut world, msg), errno, Some(text));
        assert!(
            !world.namespaces[&NS].config.fib.has_custom_rules,
            "{text}: refused before the tables are split"
        );
        assert_eq!(priorities(&mut world), [0, 32766, 32767]);
    }
}

fn ports(start: u16, end: u16) -> Option<PortRange> {
    Some(PortRange { start, end })
}

fn uids(start: u32, end: u32) -> Option<UidRange> {
    Some(UidRange { start, end })
}

#[test]
fn c289_rules_of_ipv6_are_two_and_stand_apart() {
    let mut world = kernel();
    let six = |world: &mut World| {
        let mut seen = Vec::new();
        let mut each = |msg: &RuleMsg| seen.push(msg.priority.unwrap_or(0));
        world.rules(NS, Some(Family::V6), &mut each).unwrap();
        seen
    };
    assert_eq!(six(&mut world), [0, 32766]);
    add_rule(&mut world, RuleMsg { family: Family::V6, ..rule(100) }).unwrap();
    assert_eq!(six(&mut world), [0, 100, 32766]);
    assert_eq!(priorities(&mut world), [0, 32766, 32767]);
    let config = &world.namespaces[&NS].config;
    assert!(config.fib6.has_custom_rules && !config.fib.has_custom_rules);
    del_rule(&mut world, RuleMsg { family: Family::V6, ..rule(100) }).unwrap();
    assert_eq!(six(&mut world), [0, 32766]);
}

#[test]
fn c102_unknown_actions_are_stored() {
    let mut world = kernel();
    for action in [0, 99] {
        add_rule(&mut world, RuleMsg { action: RuleAction(action), ..rule(100) }).unwrap();
    }
    let actions: Vec<u8> = at(&mut world, 100).iter().map(|msg| msg.action.0).collect();
    assert_eq!(actions, [0, 99]);
}

#[test]
fn c104_c105_names_attach_to_devices_and_detach() {
    let both = RuleFlags::IIF_DETACHED | RuleFlags::OIF_DETACHED;
    let mut world = kernel();
    add_rule(&mut world, RuleMsg { iifname: Some("e0".into()), oifname: Some("e0".into()), ..rule(100) })
        .unwrap();
    let flags = |world: &mut World| lone(at(world, 100)).flags;
    assert_eq!(flags(&mut world), both);
    let index = with_link(&mut world, "e0");
    assert_eq!(flags(&mut world), RuleFlags(0));
    let stored = world.namespaces[&NS].config.rules.list[1].clone();
    assert_eq!((stored.iif, stored.oif), (index, index));

    let named = |name: &str| LinkMsg { index, name: Some(name.into()), ..LinkMsg::default() };
    change(&mut world, Change::NewLink(named("e1"))).unwrap();
    assert_eq!(flags(&mut world), both);
    change(&mut world, Change::NewLink(named("e0"))).unwrap();
    assert_eq!(flags(&mut world), RuleFlags(0));
    let gone = LinkMsg { index, ..LinkMsg::default() };
    change(&mut world, Change::DelLink(gone)).unwrap();
    assert_eq!(flags(&mut world), both);
}

#[test]
fn c106_the_mark_and_its_mask_as_shown() {
    let cases = [
        ((Some(0), None), (None, None)),
        ((Some(0), Some(0xff)), (None, Some(0xff))),
        ((Some(5), None), (Some(5), Some(u32::MAX))),
        ((Some(5), Some(0)), (Some(5), Some(0))),
        ((None, Some(0xf0)), (None, Some(0xf0))),
    ];
    for ((fwmark, fwmask), shown) in cases {
        let mut world = kernel();
        add_rule(&mut world, RuleMsg { fwmark, fwmask, ..rule(100) }).unwrap();
        let msg = lone(at(&mut world, 100));
        assert_eq!((msg.fwmark, msg.fwmask), shown);
    }
}

#[test]
fn every_selector_is_shown_as_given() {
    let mut world = kernel();
    let full = RuleMsg {
        src: prefix("10.0.0.0", 8),
        dst: prefix("10.1.0.0", 16),
        dscp: Some(0),
        dscp_mask: Some(0x3f),
        table: TableId(70_000),
        flags: RuleFlags::INVERT,
        iifname: Some("lo".into()),
        fwmark: Some(1),
        fwmask: Some(u32::MAX),
        realms: Some(0x10002),
        suppress_prefixlen: Some(0),
        suppress_ifgroup: Some(0),
        tun_id: Some(7),
        uid_range: uids(5, 6),
        protocol: Some(4),
        ip_proto: Some(6),
        sport: ports(80, 80),
        sport_mask: Some(0xffff),
        dport: ports(1, 65534),
        ..rule(100)
    };
    add_rule(&mut world, full.clone()).unwrap();
    assert_eq!(lone(at(&mut world, 100)), full);
}

#[test]
fn c117_goto_resolves_and_unresolves() {
    let mut world = kernel();
    let is_unresolved = |world: &mut World| lone(at(world, 100)).flags == RuleFlags::UNRESOLVED;
    add_rule(&mut world, goto(100, 200)).unwrap();
    assert!(is_unresolved(&mut world)); // T-3
    add_rule(&mut world, rule(200)).unwrap();
    assert!(!is_unresolved(&mut world));
    add_rule(&mut world, RuleMsg { table: TableId(6), ..rule(200) }).unwrap();
    del_rule(&mut world, rule(200)).unwrap();
    assert!(!is_unresolved(&mut world), "the next rule of that priority is the target now");
    del_rule(&mut world, RuleMsg { priority: Some(200), ..RuleMsg::new(Family::V4) }).unwrap();
    assert!(is_unresolved(&mut world));

    add_rule(&mut world, goto(150, 32767)).unwrap();
    assert_eq!(lone(at(&mut world, 150)).flags, RuleFlags(0));
}

#[test]
fn c124_a_deletion_takes_the_first_rule_that_agrees_with_all_given() {
    let mut world = kernel();
    let any = || RuleMsg::new(Family::V4);
    add_rule(&mut world, RuleMsg { src: prefix("3.3.3.3", 32), ..rule(100) }).unwrap();
    add_rule(&mut world, RuleMsg { tos: 16, fwmark: Some(5), ..rule(100) }).unwrap();
    refused(del_rule(&mut world, RuleMsg { table: TableId(9), ..any() }), Errno::ENOENT, None); // T-2
    refused(del_rule(&mut world, RuleMsg { src: prefix("3.3.3.3", 24), ..any() }), Errno::ENOENT, None);
    refused(del_rule(&mut world, RuleMsg { dscp: Some(4), ..any() }), Errno::ENOENT, None);
    refused(del_rule(&mut world, RuleMsg { uid_range: uids(0, 1), ..any() }), Errno::ENOENT, None);
    del_rule(&mut world, RuleMsg { tos: 16, ..any() }).unwrap();
    assert_eq!(lone(at(&mut world, 100)).src, prefix("3.3.3.3", 32));
    del_rule(&mut world, RuleMsg { table: TableId(5), ..any() }).unwrap();
    assert_eq!(priorities(&mut world), [0, 32766, 32767]);
}

#[test]
fn c124_a_deletion_is_checked_as_an_addition_is() {
    let mut world = kernel();
    add_rule(&mut world, goto(100, 5000)).unwrap();
    let msg = RuleMsg { priority: None, ..goto(100, 50) };
    refused(del_rule(&mut world, msg), Errno::EINVAL, Some("Backward goto not supported"));
    let msg = RuleMsg { dscp: Some(70), ..rule(100) };
    refused(del_rule(&mut world, msg), Errno::ERANGE, Some("Error parsing msg"));
    refused(del_rule(&mut world, RuleMsg { tos: 3, ..rule(100) }), Errno::ENOENT, None);
    del_rule(&mut world, goto(100, 7000)).unwrap();
    assert_eq!(at(&mut world, 100), [], "the target is not compared");
}

#[test]
fn c125_a_permanent_rule_stays() {
    let mut world = kernel();
    add_rule(&mut world, RuleMsg { flags: RuleFlags::PERMANENT, ..rule(100) }).unwrap();
    refused(del_rule(&mut world, rule(100)), Errno::EPERM, None);
    assert_eq!(lone(at(&mut world, 100)).flags, RuleFlags::PERMANENT);
}

#[test]
fn c126_every_change_ends_cached_decisions() {
    let mut world = kernel();
    let generation = |world: &World| world.namespaces[&NS].config.fib.generation;
    let start = generation(&world);
    add_rule(&mut world, rule(100)).unwrap();
    let added = generation(&world);
    assert!(added > start);
    refused(add_rule(&mut world, rule(100)), Errno::EEXIST, None);
    assert_eq!(generation(&world), added);
    del_rule(&mut world, rule(100)).unwrap();
    assert!(generation(&world) > added);
}

#[test]
fn c009_c123_a_change_of_rules_splits_local_from_main_for_good() {
    let mut world = kernel();
    up(&mut world, 1);
    let is_merged = |world: &World| world.namespaces[&NS].config.fib.is_merged();
    assert!(is_merged(&world));
    let duplicate = RuleMsg { table: TableId::MAIN, protocol: Some(2), ..rule(32766) };
    refused(add_rule(&mut world, duplicate), Errno::EEXIST, None);
    assert!(is_merged(&world), "a duplicate is refused before the split");
    add_rule(&mut world, rule(100)).unwrap();
    assert!(!is_merged(&world));
    del_rule(&mut world, rule(100)).unwrap();
    assert!(!is_merged(&world));
    assert!(world.namespaces[&NS].config.fib.has_custom_rules);
}

#[test]
fn t1_a_deletion_splits_too_or_not_by_release() {
    for (release, splits) in [("6.18", true), ("7.2", false)] {
        let mut world = World::new(1, Behaviour::of_release(release));
        up(&mut world, 1);
        del_rule(&mut world, RuleMsg { priority: Some(0), ..RuleMsg::new(Family::V4) }).unwrap();
        let fib = &world.namespaces[&NS].config.fib;
        assert_eq!(!fib.is_merged(), splits, "{release}");
        // On 7.2 the rules count as never changed.
        assert_eq!(fib.has_custom_rules, splits, "{release}");
    }
}

#[test]
fn t22_rules_with_realms_are_counted() {
    let mut world = kernel();
    let users = |world: &World| world.namespaces[&NS].config.fib.realm_users;
    add_rule(&mut world, RuleMsg { realms: Some(7), ..rule(100) }).unwrap();
    add_rule(&mut world, RuleMsg { realms: Some(0), ..rule(101) }).unwrap();
    assert_eq!(users(&world), 1);
    del_rule(&mut world, RuleMsg { priority: Some(101), ..RuleMsg::new(Family::V4) }).unwrap();
    assert_eq!(users(&world), 1);
    del_rule(&mut world, RuleMsg { realms: Some(7), ..RuleMsg::new(Family::V4) }).unwrap();
    assert_eq!(users(&world), 0);
}
