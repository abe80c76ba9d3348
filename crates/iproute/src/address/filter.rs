//! What to list: the words of `ip address show` and `flush` and of `ip link show`.

use std::net::IpAddr;

use fingerpost_model::{AddrMsg, IfaFlags, LinkFlags, LinkMsg};

use super::flags;
use crate::error::{Done, Failure};
use crate::lex::{Addr, Af, Args, get_prefix, matches};
use crate::link::{self, glob};
use crate::{Ctx, vrf};

/// Which master a device must have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Master {
    /// Any or none.
    #[default]
    Any,
    /// None; only the kernel's dump leaves the others out.
    No,
    /// This device.
    Is(u32),
}

/// What to list.
#[derive(Clone, Debug, Default)]
pub(crate) struct Filter<'a> {
    /// The family; `Packet` for devices alone.
    pub family: Af,
    /// The word for the device, if there was one.
    pub dev: Option<&'a str>,
    /// The device; 0 for all.
    pub index: u32,
    /// Only devices that are up.
    pub up: bool,
    /// Only addresses whose label matches this pattern.
    pub label: Option<&'a str>,
    /// Only this group.
    pub group: Option<u32>,
    /// Only ports of this device.
    pub master: Master,
    /// Only devices of this kind.
    pub kind: Option<&'a str>,
    /// Only ports whose master is of this kind.
    pub slave_kind: Option<&'a str>,
    /// Only addresses in this prefix.
    to: Option<Addr>,
    /// Only addresses of this scope.
    scope: Option<u8>,
    /// What the flags must be, where the mask has them.
    pub flags: IfaFlags,
    /// Which flags are looked at.
    pub mask: IfaFlags,
}

impl<'a> Filter<'a> {
    /// Reads the words.
    pub fn parse(ctx: &mut Ctx<'_>, mut args: Args<'a>, family: Af) -> Done<Filter<'a>> {
        let mut f = Filter { family, ..Filter::default() };
        while let Some(word) = args.take() {
            if word == "to" {
                let text = args.value()?;
                let to = get_prefix(text, f.family)?;
                if f.family == Af::Unspec {
                    f.family = to.family;
                }
                f.to = Some(to);
            } else if word == "scope" {
                let text = args.value()?;
                let scope = ctx.p.names.parse_scope(text);
                if scope.is_none() && text != "all" {
                    return Err(Failure::invalid("invalid \"scope\"\n", text));
                }
                f.scope = scope;
            } else if word == "up" {
                f.up = true;
            } else if let Some((flag, wanted)) = flags::filter(word) {
                f.flags = if wanted { f.flags.with(flag) } else { f.flags.without(flag) };
                f.mask = f.mask.with(flag);
            } else if word == "label" {
                f.label = Some(args.value()?);
            } else if word == "group" {
                let text = args.value()?;
                let group = ctx.p.names.parse_group(text);
                f.group = Some(group.ok_or_else(|| Failure::invalid("Invalid \"group\" value\n", text))?);
            } else if word == "master" || word == "vrf" {
                let text = args.value()?;
                let why = if word == "vrf" { "Not a valid VRF name\n" } else { "Device does not exist\n" };
                let index = ctx.p.links.index(ctx.kernel, ctx.ns, text);
                let index = index.ok_or_else(|| Failure::invalid(why, text))?;
                if word == "vrf" && !vrf::is_vrf(ctx, text) {
                    return Err(Failure::invalid(why, text));
                }
                f.master = Master::Is(index);
            } else if word == "nomaster" {
                f.master = Master::No;
            } else if word == "type" {
                let text = args.value()?;
                match text.strip_suffix("_slave") {
                    Some(kind) => f.slave_kind = Some(kind),
                    None => f.kind = Some(text),
                }
            } else {
                let text = if word == "dev" { args.value()? } else { word };
                if word != "dev" && matches(word, "help") {
                    return Err(if ctx.p.link_listed { link::usage() } else { super::usage() });
                }
                if f.dev.is_some() {
                    return Err(Failure::garbage("dev", text));
                }
                f.dev = Some(text);
            }
        }
        if let Some(dev) = f.dev {
            let index = ctx.p.links.index(ctx.kernel, ctx.ns, dev);
            let missing = || Failure::returned(1, format!("Device \"{dev}\" does not exist."));
            f.index = index.ok_or_else(missing)?;
        }
        Ok(f)
    }

    /// Whether the kernel's dump has the device at all: it looks at master and
    /// kind where no IP family is asked for (`link_dump_filtered`). Of a kind
    /// that it does not know it thinks nothing.
    pub fn is_dumped(&self, m: &LinkMsg) -> bool {
        let master = match self.master {
            Master::Any => true,
            Master::No => m.master.is_none_or(|master| master == 0),
            Master::Is(index) => m.master == Some(index),
        };
        let kind = self
            .kind
            .is_none_or(|kind| !link::is_kind(kind) || m.info.as_ref().is_some_and(|info| info.kind == kind));
        master && kind
    }

    /// Whether the device's number and state fit.
    pub fn wants_link(&self, m: &LinkMsg) -> bool {
        (self.index == 0 || self.index == m.index) && (!self.up || m.flags.has(LinkFlags::UP))
    }

    /// Whether the device's group, master and kind fit.
    pub fn wants_place(&self, m: &LinkMsg) -> bool {
        let group = match (self.group, m.group) {
            (Some(wanted), Some(group)) => wanted == group,
            _ => true,
        };
        let master = match self.master {
            Master::Is(index) => m.master == Some(index),
            Master::Any | Master::No => true,
        };
        let info = m.info.as_ref();
        let kind = |wanted: Option<&str>, slave: bool| match (wanted, info) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(wanted), Some(info)) if slave => info.slave_kind.as_deref().unwrap_or("") == wanted,
            (Some(wanted), Some(info)) => info.kind == wanted,
        };
        group && master && kind(self.kind, false) && kind(self.slave_kind, true)
    }

    /// Whether the address is of this device, if one was named.
    pub fn wants_device_of(&self, m: &AddrMsg) -> bool {
        self.index == 0 || self.index == m.index
    }

    /// Whether the address's family, scope, flags, label and prefix fit; its
    /// device is not looked at.
    pub fn wants_address(&self, ctx: &mut Ctx<'_>, m: &AddrMsg) -> bool {
        let family = self.family == Af::Unspec || self.family == Af::from(m.family);
        let scope = self.scope.is_none_or(|scope| scope == m.scope.0);
        let flags = (self.flags.0 ^ m.flags.0) & self.mask.0 == 0;
        family && scope && flags && self.wants_label(ctx, m) && self.wants_prefix(m)
    }

    fn wants_label(&self, ctx: &mut Ctx<'_>, m: &AddrMsg) -> bool {
        let Some(pattern) = self.label else { return true };
        match &m.label {
            Some(label) => glob::matches(pattern, label),
            None => glob::matches(pattern, &link::name_of(ctx, m.index)),
        }
    }

    fn wants_prefix(&self, m: &AddrMsg) -> bool {
        let Some(Addr { ip: Some(prefix), bits: 1.., .. }) = self.to else { return true };
        let bits = self.to.map_or(0, |to| to.bits);
        match m.local.or(m.address) {
            Some(addr) => in_prefix(addr, prefix, bits as u32),
            None => true,
        }
    }
}

/// Whether an address is of the prefix's family and in it (`inet_addr_match`).
pub(crate) fn in_prefix(addr: IpAddr, prefix: IpAddr, bits: u32) -> bool {
    match (addr, prefix) {
        (IpAddr::V4(a), IpAddr::V4(p)) => {
            let mask = u32::MAX.checked_shl(32 - bits.min(32)).unwrap_or(0);
            (a.to_bits() ^ p.to_bits()) & mask == 0
        }
        (IpAddr::V6(a), IpAddr::V6(p)) => {
            let mask = u128::MAX.checked_shl(128 - bits.min(128)).unwrap_or(0);
            (a.to_bits() ^ p.to_bits()) & mask == 0
        }
        _ => false,
    }
}
