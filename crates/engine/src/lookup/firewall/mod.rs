//! Routing as firewalls ask it: nft's `fib` expression, and iptables' `rpfilter`
//! match. Both look up what a received packet's route back would be, or what type
//! an address is; neither is the lookup that routes the packet.

mod v4;
mod v6;

pub use v4::{fib as fib4, rpfilter as rpfilter4};
pub use v6::{fib as fib6, rpfilter as rpfilter6};

use fingerpost_model::RouteType;

/// What the packet is like that a firewall looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet<I> {
    /// Its source.
    pub src: I,
    /// Its destination.
    pub dst: I,
    /// The device that it came in on; 0 for one that was made here.
    pub iif: u32,
    /// The device that it leaves by, once it is routed; else 0.
    pub oif: u32,
    /// Its mark.
    pub mark: u32,
    /// Its type-of-service byte without ECN bits.
    pub dscp: u8,
    /// Its transport protocol.
    pub proto: u8,
}

impl<I> Packet<I> {
    /// The device on which the way back counts as received, where `fib` takes the
    /// ingress device along and the packet is being forwarded (F-063).
    fn comes_back_by(&self, device: Option<Device>) -> Option<u32> {
        (device == Some(Device::In) && self.iif != 0 && self.oif != 0).then_some(self.oif)
    }
}

/// The address that is looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Address {
    /// The source: the route back.
    Source,
    /// The destination.
    Destination,
}

/// The device that takes part in a `fib` lookup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Device {
    /// The one that the packet came in on.
    In,
    /// The one that it leaves by.
    Out,
}

/// What a `fib` expression gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// The device of the route; that of the expression if the route uses it.
    Device,
    /// The type of the address.
    Type,
}

/// nft's `fib` expression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fib {
    /// `saddr` or `daddr`.
    pub address: Address,
    /// `mark`: the lookup has the packet's mark.
    pub mark: bool,
    /// `iif` or `oif`.
    pub device: Option<Device>,
    /// `oif`, `oifname` or `type`.
    pub wanted: Wanted,
}

/// Options of the `rpfilter` match.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rpfilter {
    /// `--loose`: any device will do.
    pub loose: bool,
    /// `--validmark`: the lookup has the packet's mark.
    pub mark: bool,
    /// `--accept-local`: own addresses are sources too.
    pub accept_local: bool,
}

/// What a firewall is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// The device, or that there is none.
    Device(Option<u32>, Why),
    /// The type.
    Type(RouteType),
}

/// Why a device is given, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Packets of loopback are not looked up.
    Loopback,
    /// Nor are those of hosts that have no address yet, to all or to groups of the link.
    NoAddressYet,
    /// The route leaves by it.
    Route,
    /// The route leaves by this other device.
    OtherDevice(u32),
    /// The route is of a type that leads nowhere, or to this host.
    NotUnicast(RouteType),
    /// There is no route, or one that answers with an error.
    NoRoute,
}

impl Told {
    /// Whether `fib` gives something, `rpfilter` matches.
    pub fn is_found(self) -> bool {
        !matches!(self, Told::Device(None, _))
    }
}
