//! `ip rule show` and `flush`: which rules of a dump are meant.

use fingerpost_model::{Change, NlFlags, Op, PortRange, RuleFlags, RuleMsg, UidRange};
use fingerpost_net::{Family, IpPrefix};

use super::modify::value;
use super::{parse_fwmark, parse_ports, parse_uids, print};
use crate::Ctx;
use crate::error::{Done, Failure};
use crate::lex::{Addr, Af, Args, get_prefix, get_u32, get_u64, is_ifname, matches};

/// A selector. Zero and absent mean any, as in iproute2.
#[derive(Clone, Debug, Default)]
struct Filter {
    not: bool,
    l3mdev: bool,
    table: u32,
    tos: Option<u8>,
    priority: Option<u32>,
    fwmark: u32,
    fwmask: u32,
    tun_id: u64,
    iif: Option<String>,
    oif: Option<String>,
    uids: Option<UidRange>,
    src: Option<Addr>,
    dst: Option<Addr>,
    protocol: Option<u8>,
    sport: PortRange,
    dport: PortRange,
    ip_proto: u8,
}

/// Runs `ip rule list SELECTOR`.
pub(super) fn list(ctx: &mut Ctx<'_>, args: Args<'_>) -> Done {
    let (filter, family) = Filter::parse(ctx, args)?;
    ctx.p.open_document();
    let Ctx { kernel, p, ns, .. } = ctx;
    kernel
        .rules(*ns, Some(family), &mut |rule| {
            if filter.takes(rule) {
                print::rule(p, rule);
            }
        })
        .map_err(|refusal| Failure::dump(&refusal, 255, "Dump terminated"))?;
    ctx.p.out.close_document();
    Ok(())
}

/// Runs `ip rule flush SELECTOR`: deletes all but those of preference 0.
pub(super) fn flush(ctx: &mut Ctx<'_>, args: Args<'_>) -> Done {
    let (filter, family) = Filter::parse(ctx, args)?;
    ctx.p.open_document();
    let mut found = Vec::new();
    ctx.kernel
        .rules(ctx.ns, Some(family), &mut |rule| {
            let by = |asked: u8| rule.protocol.is_none_or(|protocol| protocol == asked);
            if filter.takes(rule) && filter.protocol.is_none_or(by) && rule.priority.unwrap_or(0) != 0 {
                found.push(rule.clone());
            }
        })
        .map_err(|refusal| Failure::dump(&refusal, 255, "Dump terminated"))?;
    for rule in found {
        ctx.apply(Op { flags: NlFlags(0), change: Change::DelRule(rule) }).map_err(|failure| {
            let message = format!("{}Dump terminated\n", failure.message);
            Failure { status: 255, message, ..failure }
        })?;
    }
    ctx.p.out.close_document();
    Ok(())
}

impl Filter {
    fn parse(ctx: &mut Ctx<'_>, mut args: Args<'_>) -> Done<(Filter, Family)> {
        let family = match ctx.p.opt.family {
            Af::Unspec | Af::Inet => Family::V4,
            Af::Inet6 => Family::V6,
            other => {
                let what = format!("family {} in \"ip rule\"", other.name());
                return Err(Failure::unsupported(&what));
            }
        };
        let mut filter = Filter::default();
        while let Some(word) = args.take() {
            let is = |full: &str| matches(word, full);
            let names = &ctx.p.names;
            if is("preference") || is("order") || is("priority") {
                let why = "preference value is invalid\n";
                filter.priority = Some(value(args.value()?, why, |t| get_u32(t, 0))?);
            } else if word == "not" {
                filter.not = true;
            } else if word == "tos" || word == "dsfield" {
                let why = "TOS value is invalid\n";
                filter.tos = Some(value(args.value()?, why, |t| names.parse_dsfield(t))?);
            } else if word == "fwmark" {
                let (mark, mask) = parse_fwmark(args.value()?)?;
                filter.fwmark = mark;
                filter.fwmask = mask.unwrap_or(filter.fwmask);
            } else if word == "dev" || word == "iif" {
                let why = "\"iif\"/\"dev\" not a valid ifname";
                filter.iif = Some(value(args.value()?, why, ifname)?);
            } else if word == "oif" {
                filter.oif = Some(value(args.value()?, "\"oif\" not a valid ifname", ifname)?);
            } else if word == "l3mdev" {
                filter.l3mdev = true;
            } else if word == "uidrange" {
                filter.uids = Some(value(args.value()?, "invalid UID range\n", parse_uids)?);
            } else if is("tun_id") {
                let why = "\"tun_id\" value is invalid\n";
                filter.tun_id = value(args.value()?, why, |t| get_u64(t, 0))?;
            } else if is("lookup") || is("table") {
                let why = "table id value is invalid\n";
                filter.table = value(args.value()?, why, |t| names.parse_table(t))?;
            } else if is("from") || is("src") {
                filter.src = Some(get_prefix(args.value()?, family.into())?);
            } else if is("protocol") {
                let text = args.value()?;
                filter.protocol = match names.parse_proto(text) {
                    None if text == "all" => None,
                    parsed => Some(value(text, "invalid \"protocol\"\n", |_| parsed)?),
                };
            } else if word == "ipproto" {
                let why = "Invalid \"ipproto\" value\n";
                filter.ip_proto = value(args.value()?, why, |t| names.parse_ip_proto(t))?;
            } else if word == "sport" {
                filter.sport = value(args.value()?, "invalid port range\n", parse_ports)?;
            } else if word == "dport" {
                filter.dport = value(args.value()?, "invalid dport range\n", parse_ports)?;
            } else {
                let word = if is("dst") || is("to") { args.value()? } else { word };
                filter.dst = Some(get_prefix(word, family.into())?);
            }
        }
        Ok((filter, family))
    }

    fn takes(&self, rule: &RuleMsg) -> bool {
        let none = PortRange::default();
        self.priority.is_none_or(|p| p == rule.priority.unwrap_or(0))
            && (!self.not || rule.flags.has(RuleFlags::INVERT))
            && within(self.src, rule.src)
            && within(self.dst, rule.dst)
            && self.tos.is_none_or(|tos| tos == rule.tos)
            && (self.fwmark == 0 || self.fwmark == rule.fwmark.unwrap_or(0))
            && (self.fwmask == 0 || self.fwmask == rule.fwmask.unwrap_or(0))
            && (self.iif.is_none() || self.iif == rule.iifname)
            && (self.oif.is_none() || self.oif == rule.oifname)
            && (!self.l3mdev || rule.l3mdev.unwrap_or(0) != 0)
            && (self.uids.is_none() || self.uids == rule.uid_range)
            && (self.ip_proto == 0 || self.ip_proto == rule.ip_proto.unwrap_or(0))
            && (self.sport.start == none.start || rule.sport == Some(self.sport))
            && (self.dport.start == none.start || rule.dport == Some(self.dport))
            && (self.tun_id == 0 || rule.tun_id == Some(self.tun_id))
            && (self.table == 0 || self.table == rule.table.0)
    }
}

/// Whether the rule's selector lies in the prefix asked for.
fn within(asked: Option<Addr>, found: Option<IpPrefix>) -> bool {
    let Some(asked) = asked else { return true };
    let len = found.map_or(0, |p| i32::from(p.len));
    if asked.bits > len {
        return false;
    }
    match (asked.prefix(), found) {
        (Some(asked), Some(found)) if asked.len != 0 => key(asked, asked.len) == key(found, asked.len),
        _ => true,
    }
}

/// The first `bits` bits of a prefix's address.
fn key(prefix: IpPrefix, bits: u8) -> u128 {
    let key = match prefix.addr {
        std::net::IpAddr::V4(ip) => u128::from(ip.to_bits()) << 96,
        std::net::IpAddr::V6(ip) => ip.to_bits(),
    };
    key >> (128 - u32::from(bits.clamp(1, 128)))
}

fn ifname(text: &str) -> Option<String> {
    is_ifname(text).then(|| text.to_string())
}
