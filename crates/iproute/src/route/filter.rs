//! Which routes of a dump are meant: the words of `ip route show` and `flush`,
//! and the choice that iproute2 makes by itself of what the kernel sends.

use std::net::IpAddr;

use fingerpost_model::{RouteFilter, RouteFlags, RouteMsg, RouteType, TableId};
use fingerpost_net::{Family, IpPrefix};

use super::{parse_realms, parse_rtype, usage};
use crate::Ctx;
use crate::error::{Done, Failure};
use crate::lex::{Addr, Af, Args, get_prefix, get_u32, matches};

/// A prefix of a selector. The default means that none was given.
#[derive(Clone, Copy, Debug)]
pub(super) struct Selected {
    pub family: Af,
    /// The length; −1 if none was given.
    pub bits: i32,
    specified: bool,
    key: u128,
}

impl Selected {
    const NONE: Selected = Selected { family: Af::Unspec, bits: 0, specified: false, key: 0 };
    const OPEN: Selected = Selected { bits: -1, ..Selected::NONE };

    fn given(&self) -> bool {
        self.family != Af::Unspec || self.specified
    }

    fn parse(word: &str, family: Af) -> Done<Self> {
        let Addr { family, bits, specified, ip } = get_prefix(word, family)?;
        Ok(Selected { family, bits, specified, key: ip.map_or(0, key) })
    }
}

/// An address as a number, left-aligned in 128 bits.
fn key(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(ip) => u128::from(ip.to_bits()) << 96,
        IpAddr::V6(ip) => ip.to_bits(),
    }
}

/// Whether the first `bits` bits differ.
fn differ(a: u128, b: u128, bits: i32) -> bool {
    bits > 0 && (a ^ b) >> (128 - bits.min(128)) != 0
}

/// What to show, flush or (for `get`) print.
#[derive(Clone, Debug)]
pub(super) struct Filter {
    /// The table; 0 for all.
    pub table: u32,
    /// `Some(true)` only cached routes, `Some(false)` none of them, `None` both.
    pub cloned: Option<bool>,
    pub protocol: Option<u8>,
    pub scope: Option<u8>,
    /// A bit for each route type; 0 for all.
    pub types: u64,
    pub tos: Option<u8>,
    pub iif: Option<u32>,
    pub oif: Option<u32>,
    mark: Option<u32>,
    realms: u32,
    pub realms_mask: u32,
    pub metric: Option<u32>,
    pub via: Selected,
    pub prefsrc: Selected,
    root_dst: Selected,
    match_dst: Selected,
    root_src: Selected,
    match_src: Selected,
}

impl Filter {
    /// Takes everything that is not cached, of all tables.
    pub fn all() -> Self {
        Filter {
            table: 0,
            cloned: Some(false),
            protocol: None,
            scope: None,
            types: 0,
            tos: None,
            iif: None,
            oif: None,
            mark: None,
            realms: 0,
            realms_mask: 0,
            metric: None,
            via: Selected::NONE,
            prefsrc: Selected::NONE,
            root_dst: Selected::NONE,
            match_dst: Selected::OPEN,
            root_src: Selected::NONE,
            match_src: Selected::OPEN,
        }
    }

    /// Takes everything, cached or not.
    pub fn any() -> Self {
        Filter { cloned: None, ..Filter::all() }
    }

    /// Whether the type is one of those asked for.
    pub fn takes_type(&self, kind: RouteType) -> bool {
        self.types == 0 || self.types & 1u64.checked_shl(kind.0.into()).unwrap_or(0) != 0
    }

    /// Reads the selector; gives the family to dump.
    pub fn parse(ctx: &mut Ctx<'_>, mut args: Args<'_>) -> Done<(Filter, Af)> {
        let family = ctx.p.opt.family;
        let mut filter = Filter { table: TableId::MAIN.0, ..Filter::all() };
        let (mut iif, mut oif) = (None, None);
        while let Some(word) = args.take() {
            let is = |full: &str| matches(word, full);
            if word == "dev" || word == "oif" {
                oif = Some(args.value()?);
            } else if word == "iif" {
                iif = Some(args.value()?);
            } else {
                // The order of these matters to abbreviations.
                let names = &ctx.p.names;
                if is("table") {
                    filter.table_word(names, args.value()?)?;
                } else if is("vrf") {
                    let name = args.value()?;
                    let table = crate::vrf::table_of(ctx, name);
                    filter.table = table.ok_or_else(|| Failure::invalid("Invalid VRF\n", name))?;
                    filter.types = !(1 << RouteType::LOCAL.0 | 1 << RouteType::BROADCAST.0);
                } else if is("cached") || is("cloned") {
                    filter.cloned = Some(true);
                } else if word == "tos" || is("dsfield") {
                    let text = args.value()?;
                    let tos = names.parse_dsfield(text);
                    filter.tos = Some(tos.ok_or_else(|| Failure::invalid("TOS value is invalid\n", text))?);
                } else if is("protocol") {
                    filter.protocol = any_or(args.value()?, "protocol", |t| names.parse_proto(t))?;
                } else if is("scope") {
                    filter.scope = any_or(args.value()?, "scope", |t| names.parse_scope(t))?;
                } else if is("type") {
                    let text = args.value()?;
                    let kind = parse_rtype(text)
                        .ok_or_else(|| Failure::invalid("node type value is invalid\n", text))?;
                    // The mask is made of a C int.
                    filter.types = (1i32.wrapping_shl(kind.0.into())) as i64 as u64;
                } else if word == "mark" {
                    let text = args.value()?;
                    let mark = get_u32(text, 0);
                    filter.mark = Some(mark.ok_or_else(|| Failure::invalid("invalid mark value", text))?);
                } else if is("metric") || is("priority") || word == "preference" {
                    let text = args.value()?;
                    let metric = get_u32(text, 0);
                    filter.metric = Some(metric.ok_or_else(|| super::modify::wrong("metric", text))?);
                } else if word == "via" {
                    let word = args.value()?;
                    let (of, word) = match Af::from_name(word) {
                        Some(named) => (named, args.value()?),
                        None => (family, word),
                    };
                    filter.via = Selected::parse(word, of)?;
                } else if word == "src" {
                    filter.prefsrc = Selected::parse(args.value()?, family)?;
                } else if is("realms") {
                    let text = args.value()?;
                    let realms = parse_realms(names, text)
                        .ok_or_else(|| Failure::invalid("invalid realms\n", text))?;
                    filter.realms_word(realms, text);
                } else if is("from") {
                    let word = args.value()?;
                    let (root, covering) = prefixes(word, &mut args, family)?;
                    filter.root_src = root.unwrap_or(filter.root_src);
                    filter.match_src = covering.unwrap_or(filter.match_src);
                } else {
                    let word = if is("to") { args.value()? } else { word };
                    let (root, covering) = prefixes(word, &mut args, family)?;
                    filter.root_dst = root.unwrap_or(filter.root_dst);
                    filter.match_dst = covering.unwrap_or(filter.match_dst);
                }
            }
        }
        let family = if family == Af::Unspec && filter.table != 0 { Af::Inet } else { family };
        if let Some(name) = iif {
            filter.iif = Some(ctx.index_of(name)?);
        }
        if let Some(name) = oif {
            filter.oif = Some(ctx.index_of(name)?);
        }
        Ok((filter, family))
    }

    fn table_word(&mut self, names: &crate::names::View<'_>, text: &str) -> Done {
        match names.parse_table(text) {
            Some(table) => self.table = table,
            None if text == "all" => self.table = 0,
            None if text == "cache" => self.cloned = Some(true),
            None if text == "help" => return Err(usage()),
            None => return Err(Failure::invalid("table id value is invalid\n", text)),
        }
        Ok(())
    }

    fn realms_word(&mut self, realms: u32, text: &str) {
        self.realms = realms;
        self.realms_mask = u32::MAX;
        if realms & 0xffff == 0 && text.ends_with('/') {
            self.realms_mask &= 0xffff_0000;
        }
        if realms & 0xffff_0000 == 0 && (!text.contains('/') || text.starts_with('/')) {
            self.realms_mask &= 0xffff;
        }
    }

    /// What the kernel is asked to leave out. Without a strict request it
    /// only knows the family and whether cached routes are meant.
    pub fn for_kernel(&self, family: Option<Family>, strict: bool) -> RouteFilter {
        let cached = self.cloned == Some(true);
        if !strict {
            return RouteFilter { family, cached, ..RouteFilter::default() };
        }
        RouteFilter {
            family,
            table: (self.table != 0).then_some(TableId(self.table)),
            protocol: self.protocol.filter(|&p| p != 0),
            kind: None,
            oif: self.oif,
            cached,
        }
    }

    /// Whether this route is meant (`filter_nlmsg`). `tables6` remembers
    /// whether an IPv6 route of another table than main was seen.
    pub fn takes(&self, r: &RouteMsg, asked: Af, tables6: &mut bool) -> bool {
        let family = Af::from(r.family);
        if asked != Af::Unspec && asked != family {
            return false;
        }
        let table = r.table.0;
        if family == Af::Inet6 && table != TableId::MAIN.0 {
            *tables6 = true;
        }
        if self.cloned == Some(!r.flags.has(RouteFlags::CLONED)) {
            return false;
        }
        if family == Af::Inet6 && !*tables6 {
            let local = r.kind == RouteType::LOCAL;
            let belongs = match TableId(self.table) {
                TableId::UNSPEC => true,
                TableId::LOCAL => local,
                TableId::MAIN => !local,
                _ => false,
            };
            if !belongs {
                return false;
            }
        } else if self.table != 0 && self.table != table {
            return false;
        }
        self.takes_fields(r) && self.takes_prefixes(r, family)
    }

    fn takes_fields(&self, r: &RouteMsg) -> bool {
        fn is<T: PartialEq + Default>(asked: Option<T>, found: T) -> bool {
            asked.is_none_or(|asked| asked == found)
        }
        is(self.protocol, r.protocol)
            && is(self.scope, r.scope.0)
            && self.takes_type(r.kind)
            && is(self.tos, r.tos)
            && (r.realms.unwrap_or(0) ^ self.realms) & self.realms_mask == 0
            && is(self.iif, r.iif.unwrap_or(0))
            && is(self.oif, r.oif.unwrap_or(0))
            && is(self.mark, r.mark.unwrap_or(0))
            && is(self.metric, r.priority.unwrap_or(0))
    }

    fn takes_prefixes(&self, r: &RouteMsg, family: Af) -> bool {
        let parts = |p: Option<IpPrefix>| p.map_or((0, 0), |p| (key(p.addr), i32::from(p.len)));
        let root = |asked: &Selected, (key, len): (u128, i32)| {
            !asked.given()
                || (asked.family == Af::Unspec || asked.family == family)
                    && asked.bits <= len
                    && !differ(key, asked.key, asked.bits)
        };
        let covering = |asked: &Selected, (key, len): (u128, i32)| {
            !asked.given()
                || (asked.family == Af::Unspec || asked.family == family)
                    && (asked.bits < 0 || asked.bits >= len)
                    && !differ(key, asked.key, len)
        };
        let hop = |asked: &Selected, found: Option<IpAddr>| {
            asked.family == Af::Unspec
                || found.map_or(family, |ip| Family::of(ip).into()) == asked.family
                    && !differ(found.map_or(0, key), asked.key, asked.bits)
        };
        let dst = parts(r.dst);
        let src = parts(r.src);
        root(&self.root_dst, dst)
            && covering(&self.match_dst, dst)
            && root(&self.root_src, src)
            && covering(&self.match_src, src)
            && hop(&self.via, r.via.or(r.gateway))
            && (self.prefsrc.family == Af::Unspec
                || family == self.prefsrc.family
                    && !differ(r.prefsrc.map_or(0, key), self.prefsrc.key, self.prefsrc.bits))
    }
}

/// A value that may also be `all`, which is no restriction.
fn any_or(text: &str, key: &str, parse: impl Fn(&str) -> Option<u8>) -> Done<Option<u8>> {
    match parse(text) {
        Some(value) => Ok(Some(value)),
        None if text == "all" => Ok(None),
        None => Err(Failure::invalid(&format!("invalid \"{key}\"\n"), text)),
    }
}

/// Takes `root P`, `match P` or `[exact] P`: the bounds from above and below.
fn prefixes(word: &str, args: &mut Args<'_>, family: Af) -> Done<(Option<Selected>, Option<Selected>)> {
    if matches(word, "root") {
        return Ok((Some(Selected::parse(args.value()?, family)?), None));
    }
    if matches(word, "match") {
        return Ok((None, Some(Selected::parse(args.value()?, family)?)));
    }
    let word = if matches(word, "exact") { args.value()? } else { word };
    let both = Selected::parse(word, family)?;
    Ok((Some(both), Some(both)))
}
