//! What tests of rules and nexthops share: a world to change, devices in it,
//! and what a refusal must be.

#![allow(dead_code)]

pub mod random;
pub mod random6;

use fingerpost_engine::{Behaviour, World};
use fingerpost_model::{AddrMsg, Change, Kernel, LinkFlags, LinkInfo, LinkMsg, NlFlags, NsId, Op, Refusal};
use fingerpost_net::{Errno, Family};

/// The namespace that all tests use.
pub const NS: NsId = NsId(0);

/// A world like Linux 6.18 with one fresh namespace.
pub fn kernel() -> World {
    World::new(1, Behaviour::of_release("6.18"))
}

/// Makes a change as `ip … add` does.
pub fn add(world: &mut World, change: Change) -> Result<(), Refusal> {
    world.apply(NS, Op { flags: NlFlags::CREATE | NlFlags::EXCL, change })
}

/// Makes a change without CREATE or EXCL, as deletions and `ip link set` do.
pub fn change(world: &mut World, change: Change) -> Result<(), Refusal> {
    world.apply(NS, Op { flags: NlFlags(0), change })
}

/// Makes an `ifb` device, down, and returns its index.
pub fn with_link(world: &mut World, name: &str) -> u32 {
    let info = LinkInfo { kind: "ifb".into(), ..LinkInfo::default() };
    let msg = LinkMsg { name: Some(name.into()), info: Some(info), ..LinkMsg::default() };
    add(world, Change::NewLink(msg)).unwrap();
    world.get_link(NS, 0, Some(name)).unwrap().index
}

/// Sets a device up.
pub fn up(world: &mut World, index: u32) {
    set_flags(world, index, LinkFlags::UP);
}

/// Sets a device down.
pub fn down(world: &mut World, index: u32) {
    set_flags(world, index, LinkFlags(0));
}

fn set_flags(world: &mut World, index: u32, flags: LinkFlags) {
    let msg = LinkMsg { index, flags, change: LinkFlags::UP, ..LinkMsg::default() };
    change(world, Change::NewLink(msg)).unwrap();
}

/// Gives a device an IPv4 address with prefix length 24.
pub fn address(world: &mut World, index: u32, addr: &str) {
    let addr = addr.parse().unwrap();
    let msg =
        AddrMsg { prefix_len: 24, local: Some(addr), address: Some(addr), ..AddrMsg::new(Family::V4, index) };
    add(world, Change::NewAddress(msg)).unwrap();
}

/// The only element.
pub fn lone<T: std::fmt::Debug>(mut list: Vec<T>) -> T {
    assert_eq!(list.len(), 1, "{list:?}");
    list.remove(0)
}

/// Demands a refusal with this errno and text.
#[track_caller]
pub fn refused(result: Result<(), Refusal>, errno: Errno, text: Option<&str>) {
    let expected = Refusal { errno, text: text.map(str::to_string) };
    assert_eq!(result, Err(expected));
}
