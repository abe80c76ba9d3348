//! What is known about single destinations: limits, flushes, ends, devices
//! whose MTU changes.

use std::net::Ipv4Addr;

use fingerpost_engine::Time;
use fingerpost_engine::config::{FibInfoId, Ipv4Sysctls};
use fingerpost_engine::lookup::cache::HopId;
use fingerpost_engine::lookup::exception::Exceptions;

const HOP: HopId = HopId::Route(FibInfoId(1), 0);
const OTHER: HopId = HopId::Route(FibInfoId(2), 0);
const DST: Ipv4Addr = Ipv4Addr::new(20, 1, 1, 1);
const GATEWAY: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 3);

fn learn(all: &mut Exceptions, mtu: u32, current: u32, now: Time) -> bool {
    all.learn_pmtu(HOP, DST, mtu, current, &Ipv4Sysctls::default(), now)
}

/// The path MTU in bytes and whether it is locked.
fn mtu(all: &Exceptions, now: Time) -> Option<(u32, bool)> {
    all.find(HOP, DST, now).map(|exception| (exception.pmtu, exception.locked))
}

#[test]
fn c147_the_same_mtu_begins_a_new_life_late_and_a_locked_one_never() {
    let mut all = Exceptions::default();
    assert!(all.is_empty());
    assert!(learn(&mut all, 1500, 1500, Time(0)));
    assert!(!all.is_empty());
    // Within the first half of its 600 seconds the same value changes nothing.
    assert!(!learn(&mut all, 1500, 1500, Time(299_000)));
    assert_eq!(mtu(&all, Time(599_000)), Some((1500, false)));
    assert_eq!(mtu(&all, Time(600_000)), None);
    assert!(learn(&mut all, 1500, 1500, Time(500_000)));
    assert_eq!(mtu(&all, Time(700_000)), Some((1500, false)));
    assert!(learn(&mut all, 552, 1500, Time(500_000)), "another value is taken at once");
    assert_eq!(mtu(&all, Time(500_001)), Some((552, false)), "the minimum itself is not locked");
    assert!(learn(&mut all, 551, 552, Time(500_002)));
    assert_eq!(mtu(&all, Time(500_003)), Some((552, true)));
    assert!(!learn(&mut all, 540, 552, Time(900_000)), "a locked one takes nothing");
    assert_eq!(mtu(&all, Time(1_100_001)), Some((552, true)));
    assert_eq!(mtu(&all, Time(1_100_002)), None);
    // Where the route's own MTU is below the minimum, that stays.
    assert!(learn(&mut all, 300, 400, Time(1_200_000)));
    assert_eq!(mtu(&all, Time(1_200_001)), Some((400, true)));
}

#[test]
fn c146_c151_what_was_flushed_does_not_come_back_with_what_is_learned_later() {
    let mut all = Exceptions::default();
    all.learn_redirect(HOP, DST, GATEWAY, 300, Time(0));
    assert!(learn(&mut all, 1400, 1500, Time(0)));
    let both = all.find(HOP, DST, Time(1)).copied().unwrap();
    assert_eq!((both.gateway, both.pmtu), (Some(GATEWAY), 1400));
    all.flush();
    assert!(learn(&mut all, 1300, 1500, Time(0)));
    let later = all.find(HOP, DST, Time(1)).copied().unwrap();
    assert_eq!((later.gateway, later.pmtu), (None, 1300));
    all.flush();
    all.learn_redirect(HOP, DST, GATEWAY, 300, Time(0));
    let later = all.find(HOP, DST, Time(1)).copied().unwrap();
    assert_eq!((later.gateway, later.pmtu), (Some(GATEWAY), 0));
    assert!(later.path_mtu(Time(1), false).is_none());
}

#[test]
fn c146_exceptions_end_are_listed_in_order_and_go_with_their_hops() {
    let mut all = Exceptions::default();
    let late = Ipv4Addr::new(20, 1, 1, 2);
    all.learn_redirect(OTHER, DST, GATEWAY, 10, Time(0));
    all.learn_redirect(HOP, late, GATEWAY, 20, Time(0));
    all.learn_redirect(HOP, DST, GATEWAY, 10, Time(0));
    let listed = |all: &Exceptions, now| all.iter(now).map(|(hop, dst, _)| (hop, dst)).collect::<Vec<_>>();
    assert_eq!(listed(&all, Time(9_999)), [(HOP, DST), (HOP, late), (OTHER, DST)]);
    assert_eq!(listed(&all, Time(10_000)), [(HOP, late)]);
    assert!(all.find(HOP, DST, Time(10_000)).is_none());
    all.retain(|hop| hop == OTHER);
    assert_eq!(listed(&all, Time(0)), [(OTHER, DST)]);
}

#[test]
fn c090_path_mtus_of_a_device_whose_mtu_changes() {
    let after = |learned: u32, current: u32, old: u32, new: u32| {
        let mut all = Exceptions::default();
        assert!(learn(&mut all, learned, current, Time(0)));
        all.device_mtu_changed(|hop| hop == HOP, old, new);
        mtu(&all, Time(1)).unwrap()
    };
    // Neither above the new MTU nor equal to the old one: stays.
    assert_eq!(after(700, 1500, 1500, 1400), (700, false));
    assert_eq!(after(700, 1500, 1500, 700), (700, false));
    assert_eq!(after(700, 1500, 1500, 650), (650, false));
    assert_eq!(after(1500, 1500, 1500, 9000), (9000, false));
    // A locked one gives way only to an MTU that is no larger.
    assert_eq!(after(100, 1500, 1500, 1400), (552, true));
    assert_eq!(after(100, 1500, 1500, 552), (552, false));
    assert_eq!(after(100, 1500, 1500, 500), (500, false));
    // Another device's hops and redirects without an MTU are left alone.
    let mut all = Exceptions::default();
    all.learn_redirect(HOP, DST, GATEWAY, 10, Time(0));
    all.learn_pmtu(OTHER, DST, 700, 1500, &Ipv4Sysctls::default(), Time(0));
    all.device_mtu_changed(|hop| hop == HOP, 0, 600);
    assert_eq!(all.find(HOP, DST, Time(1)).map(|exception| exception.pmtu), Some(0));
    assert_eq!(all.find(OTHER, DST, Time(1)).map(|exception| exception.pmtu), Some(700));
}
