//! Which flows a rule matches, selector by selector, held against a second and
//! simpler reading of the rules over random rules and flows.

use std::net::Ipv4Addr;

use fingerpost_engine::config::{DscpSelector, Ports, Rule};
use fingerpost_engine::lookup::Flow4;
use fingerpost_engine::lookup::rules::{Selector, failing};
use fingerpost_model::{TableId, UidRange};
use fingerpost_net::Rng;

/// The only device that is an l3 master.
const VRF: u32 = 9;

fn is_l3_master(dev: u32) -> bool {
    dev == VRF
}

fn rule() -> Rule<Ipv4Addr> {
    Rule::lookup(10, TableId(5))
}

/// The selectors of a rule that a flow fails.
fn fails(rule: &Rule<Ipv4Addr>, flow: &Flow4) -> Vec<Selector> {
    failing(rule, flow, is_l3_master).iter().collect()
}

fn to(last: u8) -> Flow4 {
    Flow4::to(Ipv4Addr::new(20, 0, 0, last))
}

#[test]
fn c103_prefixes_ignore_host_bits_and_an_unset_source_is_0_0_0_0() {
    let from = Rule { src: (Ipv4Addr::new(10, 0, 0, 77), 24), ..rule() };
    let flow = |src: [u8; 4]| Flow4 { src: src.into(), ..to(1) };
    assert_eq!(fails(&from, &flow([10, 0, 0, 1])), []);
    assert_eq!(fails(&from, &flow([10, 0, 1, 77])), [Selector::From]);
    assert_eq!(fails(&from, &to(1)), [Selector::From]);
    let half = Rule { src: (Ipv4Addr::UNSPECIFIED, 1), ..rule() };
    assert_eq!(fails(&half, &to(1)), []);
    let exact = Rule { dst: (Ipv4Addr::new(20, 0, 0, 1), 32), ..rule() };
    assert_eq!(fails(&exact, &to(1)), []);
    assert_eq!(fails(&exact, &to(2)), [Selector::To]);
}

#[test]
fn c104_c105_devices_and_l3_masters_of_a_flow() {
    let iif = |iif| Rule { iifname: Some("x".into()), iif, ..rule() };
    let oif = |oif| Rule { oifname: Some("x".into()), oif, ..rule() };
    let flow = Flow4 { iif: 3, oif: 4, ..to(1) };
    assert_eq!(fails(&iif(3), &flow), []);
    assert_eq!(fails(&iif(4), &flow), [Selector::Iif]);
    assert_eq!(fails(&oif(4), &flow), []);
    assert_eq!(fails(&oif(3), &flow), [Selector::Oif]);
    // Detached: no device of that name.
    let nowhere = Flow4 { iif: 0, oif: 0, ..to(1) };
    assert_eq!(fails(&iif(0), &nowhere), [Selector::Iif]);
    assert_eq!(fails(&oif(0), &nowhere), [Selector::Oif]);
    // Through a VRF: its ingress side and its egress side are told apart.
    let into = Flow4 { l3mdev: VRF, ..to(1) };
    let out = Flow4 { l3mdev: VRF, l3mdev_of_oif: true, ..to(1) };
    assert_eq!(fails(&iif(VRF), &into), []);
    assert_eq!(fails(&iif(VRF), &out), [Selector::Iif]);
    assert_eq!(fails(&oif(VRF), &out), []);
    assert_eq!(fails(&oif(VRF), &into), [Selector::Oif]);
    assert_eq!(fails(&iif(VRF), &Flow4 { iif: VRF, ..to(1) }), [Selector::Iif]);
}

#[test]
fn c106_marks_are_compared_under_the_mask() {
    let marked = |mark, mark_mask| Rule { mark, mark_mask, ..rule() };
    let flow = |mark| Flow4 { mark, ..to(1) };
    assert_eq!(fails(&marked(0x10, 0xf0), &flow(0xf1f)), []);
    assert_eq!(fails(&marked(0x10, 0xf0), &flow(0x21)), [Selector::Mark]);
    assert_eq!(fails(&marked(0, 0xff), &flow(0x100)), []);
    assert_eq!(fails(&marked(0, 0xff), &flow(0x101)), [Selector::Mark]);
    assert_eq!(fails(&marked(0, 0), &flow(7)), []);
}

#[test]
fn c107_c108_tos_is_three_bits_and_dscp_six() {
    let flow = |dscp| Flow4 { dscp, ..to(1) };
    let tos = |tos| Rule { dscp: DscpSelector::Tos(tos), ..rule() };
    assert_eq!(fails(&tos(0x10), &flow(0xf0)), []);
    assert_eq!(fails(&tos(0x10), &flow(0x14)), [Selector::Dscp]);
    assert_eq!(fails(&tos(0x04), &flow(0)), [Selector::Dscp]);
    let dscp = |value, mask| Rule { dscp: DscpSelector::Dscp { value, mask }, ..rule() };
    assert_eq!(fails(&dscp(8, 0x3f), &flow(0x20)), []);
    assert_eq!(fails(&dscp(8, 0x3f), &flow(0x24)), [Selector::Dscp]);
    assert_eq!(fails(&dscp(8, 0x3f), &flow(0xa0)), [Selector::Dscp]);
    assert_eq!(fails(&dscp(0, 0x3f), &flow(0)), []);
    assert_eq!(fails(&dscp(0, 0x3f), &flow(0x10)), [Selector::Dscp]);
    assert_eq!(fails(&dscp(8, 0x38), &flow(0x3c)), []);
}

#[test]
fn c109_c110_c111_c112_ranges_protocols_tunnels_and_vrfs() {
    let uids = Rule { uid_range: UidRange { start: 10, end: 20 }, ..rule() };
    let uid = |uid| fails(&uids, &Flow4 { uid, ..to(1) });
    assert_eq!(
        [uid(9), uid(10), uid(20), uid(21)],
        [vec![Selector::Uid], vec![], vec![], vec![Selector::Uid]]
    );
    let tcp = Rule { ip_proto: 6, ..rule() };
    assert_eq!(fails(&tcp, &Flow4 { proto: 6, ..to(1) }), []);
    assert_eq!(fails(&tcp, &Flow4 { proto: 17, ..to(1) }), [Selector::Proto]);
    let ports = Rule { sport: Some(Ports::Range(5, 7)), dport: Some(Ports::Masked(0x50, 0xf0)), ..rule() };
    let port = |sport, dport| fails(&ports, &Flow4 { sport, dport, ..to(1) });
    assert_eq!(port(5, 0x5f), []);
    assert_eq!(port(7, 0x50), []);
    assert_eq!(port(4, 0x50), [Selector::Sport]);
    assert_eq!(port(8, 0x60), [Selector::Sport, Selector::Dport]);
    // A fragment has no ports.
    assert_eq!(port(0, 0), [Selector::Sport, Selector::Dport]);
    let tunnel = Rule { tun_id: 5, ..rule() };
    assert_eq!(fails(&tunnel, &Flow4 { tun_id: 5, ..to(1) }), []);
    assert_eq!(fails(&tunnel, &to(1)), [Selector::TunId]);
    let vrf = Rule { l3mdev: true, ..rule() };
    assert_eq!(fails(&vrf, &Flow4 { l3mdev: VRF, ..to(1) }), []);
    assert_eq!(fails(&vrf, &to(1)), [Selector::L3mdev]);
}

/// A rule with few values, so that flows meet it often.
fn random_rule(rng: &mut Rng) -> Rule<Ipv4Addr> {
    let mut rule = rule();
    let some = |rng: &mut Rng| rng.chance(1, 3);
    if some(rng) {
        rule.src = (random_address(rng), rng.below(33) as u8);
    }
    if some(rng) {
        rule.dst = (random_address(rng), rng.below(33) as u8);
    }
    if some(rng) {
        rule.iif = rng.below(3) as u32;
        rule.iifname = Some("in".into());
    }
    if some(rng) {
        rule.oif = rng.below(3) as u32;
        rule.oifname = Some("out".into());
    }
    if some(rng) {
        (rule.mark, rule.mark_mask) = (rng.below(4) as u32, rng.below(4) as u32);
        rule.mark &= rule.mark_mask;
    }
    if some(rng) {
        rule.uid_range = UidRange { start: rng.below(3) as u32, end: 2 + rng.below(3) as u32 };
    }
    if some(rng) {
        rule.dscp = match rng.below(2) {
            0 => DscpSelector::Tos(4 << rng.below(3)),
            _ => DscpSelector::Dscp { value: rng.below(64) as u8 & 0x19, mask: 0x19 },
        };
    }
    if some(rng) {
        rule.flowlabel = (rng.below(4) as u32 & 2, 2);
    }
    if some(rng) {
        rule.ip_proto = rng.below(3) as u8;
    }
    if some(rng) {
        rule.sport = Some(Ports::Range(1 + rng.below(2) as u16, 2 + rng.below(2) as u16));
    }
    if some(rng) {
        rule.dport = Some(Ports::Masked(rng.below(2) as u16, 1));
    }
    if some(rng) {
        rule.tun_id = rng.below(3);
    }
    rule
}

fn random_address(rng: &mut Rng) -> Ipv4Addr {
    Ipv4Addr::from_bits((10 + rng.below(2) as u32) << 24 | rng.below(4) as u32)
}

fn random_flow(rng: &mut Rng) -> Flow4 {
    Flow4 {
        src: if rng.chance(1, 4) { Ipv4Addr::UNSPECIFIED } else { random_address(rng) },
        iif: 1 + rng.below(2) as u32,
        oif: rng.below(3) as u32,
        mark: rng.below(8) as u32,
        uid: rng.below(6) as u32,
        dscp: rng.next_u32() as u8 & 0xfc,
        flowlabel: rng.below(4) as u32,
        proto: rng.below(3) as u8,
        sport: rng.below(4) as u16,
        dport: rng.below(4) as u16,
        tun_id: rng.below(3),
        ..Flow4::to(random_address(rng))
    }
}

/// A flow like this one that a selector of the rule accepts; nothing else is changed.
fn satisfying(rule: &Rule<Ipv4Addr>, selector: Selector, flow: &Flow4) -> Option<Flow4> {
    let mut flow = flow.clone();
    match selector {
        Selector::Iif => flow.iif = (rule.iif != 0).then_some(rule.iif)?,
        Selector::Oif => flow.oif = (rule.oif != 0).then_some(rule.oif)?,
        Selector::Mark => flow.mark = flow.mark & !rule.mark_mask | rule.mark,
        Selector::TunId => flow.tun_id = rule.tun_id,
        Selector::L3mdev => flow.l3mdev = VRF,
        Selector::Uid => flow.uid = rule.uid_range.end,
        Selector::From => flow.src = rule.src.0,
        Selector::To => flow.dst = rule.dst.0,
        Selector::Dscp => match rule.dscp {
            DscpSelector::Any => return None,
            DscpSelector::Tos(tos) => flow.dscp = flow.dscp & !0x1c | tos,
            DscpSelector::Dscp { value, mask } => flow.dscp = flow.dscp & !(mask << 2) | value << 2,
        },
        Selector::FlowLabel => flow.flowlabel = flow.flowlabel & !rule.flowlabel.1 | rule.flowlabel.0,
        Selector::Proto => flow.proto = rule.ip_proto,
        Selector::Sport | Selector::Dport => {
            let (ports, port) = match selector {
                Selector::Sport => (rule.sport, &mut flow.sport),
                _ => (rule.dport, &mut flow.dport),
            };
            *port = match ports? {
                Ports::Range(start, _) => start,
                Ports::Masked(value, mask) => *port & !mask | value,
            };
        }
    }
    Some(flow)
}

#[test]
fn c114_satisfying_one_failing_selector_leaves_exactly_the_others() {
    let mut rng = Rng::new(91);
    let mut seen = [0u32; 13];
    for _ in 0..20_000 {
        let (rule, flow) = (random_rule(&mut rng), random_flow(&mut rng));
        if rule.sport.is_some_and(|ports| matches!(ports, Ports::Range(start, end) if start > end)) {
            continue;
        }
        let failing = fails(&rule, &flow);
        for selector in &failing {
            let Some(better) = satisfying(&rule, *selector, &flow) else { continue };
            let others: Vec<Selector> = failing.iter().copied().filter(|other| other != selector).collect();
            assert_eq!(fails(&rule, &better), others, "{selector:?} of {rule:?} for {flow:?}");
            seen[*selector as usize] += 1;
        }
    }
    let rare: Vec<Selector> =
        Selector::ALL.into_iter().filter(|&s| s != Selector::L3mdev && seen[s as usize] < 100).collect();
    assert!(rare.is_empty(), "{rare:?} {seen:?}");
}
