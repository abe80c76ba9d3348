//! `ip rule add` and `del`: words to a request.

use fingerpost_model::{Attr, Change, NlFlags, Op, PortRange, RuleAction, RuleFlags, RuleMsg, TableId};
use fingerpost_net::{Family, IpPrefix};

use super::{parse_fwmark, parse_masked_port, parse_ports, parse_uids, usage};
use crate::Ctx;
use crate::error::{Done, Failure};
use crate::lex::{Af, Args, get_addr32, get_prefix, get_s32, get_u8, get_u32, get_u64, is_ifname, matches};
use crate::route::{parse_realms, parse_rtype};

/// The gateway attribute of the long gone NAT rules.
const NAT_GATEWAY: u16 = 5;
/// `RTN_NAT` as an action.
pub(super) const NAT: RuleAction = RuleAction(10);

/// Runs `ip rule add`.
pub(super) fn add(ctx: &mut Ctx<'_>, args: Args<'_>) -> Done {
    if args.is_empty() {
        return Err(Failure::returned(1, "\"ip rule add\" requires arguments."));
    }
    let rule = parse(ctx, args, RuleAction::TO_TABLE)?;
    ctx.apply(Op { flags: NlFlags::CREATE | NlFlags::EXCL, change: Change::NewRule(rule) })
}

/// Runs `ip rule del`.
pub(super) fn delete(ctx: &mut Ctx<'_>, args: Args<'_>) -> Done {
    if args.is_empty() {
        return Err(Failure::returned(1, "\"ip rule del\" requires arguments."));
    }
    let rule = parse(ctx, args, RuleAction::UNSPEC)?;
    ctx.apply(Op { flags: NlFlags(0), change: Change::DelRule(rule) })
}

fn parse(ctx: &mut Ctx<'_>, mut args: Args<'_>, action: RuleAction) -> Done<RuleMsg> {
    let family = ctx.p.opt.family;
    let adding = action == RuleAction::TO_TABLE;
    // A prefix does not decide the family here, unlike in `ip route`.
    let mut rule = RuleMsg::new(match family {
        Af::Unspec | Af::Inet => Family::V4,
        Af::Inet6 => Family::V6,
        other => {
            let what = format!("family {} in \"ip rule\"", other.name());
            return Err(Failure::unsupported(&what));
        }
    });
    rule.action = action;
    let (mut table_given, mut table) = (false, 0);
    while let Some(word) = args.take() {
        let is = |full: &str| matches(word, full);
        let names = &ctx.p.names;
        if word == "not" {
            rule.flags = rule.flags | RuleFlags::INVERT;
        } else if word == "from" {
            rule.src = selector(args.value()?, family)?;
        } else if word == "to" {
            rule.dst = selector(args.value()?, family)?;
        } else if is("preference") || is("order") || is("priority") {
            rule.priority = Some(value(args.value()?, "preference value is invalid\n", |t| get_u32(t, 0))?);
        } else if word == "tos" || is("dsfield") {
            rule.tos = value(args.value()?, "TOS value is invalid\n", |t| names.parse_dsfield(t))?;
        } else if word == "fwmark" {
            let (mark, mask) = parse_fwmark(args.value()?)?;
            rule.fwmark = Some(mark);
            rule.fwmask = mask.or(rule.fwmask);
        } else if is("realms") {
            rule.realms = Some(value(args.value()?, "invalid realms\n", |t| parse_realms(names, t))?);
        } else if is("protocol") {
            let why = "\"protocol\" value is invalid\n";
            rule.protocol = Some(value(args.value()?, why, |t| names.parse_proto(t))?);
        } else if is("tun_id") {
            rule.tun_id = Some(value(args.value()?, "\"tun_id\" value is invalid\n", |t| get_u64(t, 0))?);
        } else if is("table") || word == "lookup" {
            table = value(args.value()?, "invalid table ID\n", |t| names.parse_table(t))?;
            rule.table = TableId(table);
            table_given = true;
        } else if is("suppress_prefixlength") || word == "sup_pl" {
            let why = "suppress_prefixlength value is invalid\n";
            let len = value(args.value()?, why, |t| get_s32(t, 0).filter(|&n| n >= 0))?;
            rule.suppress_prefixlen = Some(len);
        } else if is("suppress_ifgroup") || word == "sup_group" {
            let why = "Invalid \"suppress_ifgroup\" value\n";
            let group = value(args.value()?, why, |t| names.parse_group(t))?;
            rule.suppress_ifgroup = Some(group as i32);
        } else if word == "dev" || word == "iif" {
            let why = "\"iif\"/\"dev\" not a valid ifname";
            rule.iifname = Some(value(args.value()?, why, ifname)?);
        } else if word == "oif" {
            rule.oifname = Some(value(args.value()?, "\"oif\" not a valid ifname", ifname)?);
        } else if word == "l3mdev" {
            rule.l3mdev = Some(1);
            table_given = true;
        } else if word == "uidrange" {
            rule.uid_range = Some(value(args.value()?, "invalid UID range\n", parse_uids)?);
        } else if word == "nat" || is("map-to") {
            let text = args.value()?;
            ctx.p.out.err("Warning: route NAT is deprecated\n");
            let data = get_addr32(text)?.octets().to_vec();
            rule.other.push(Attr { kind: NAT_GATEWAY, data });
            rule.action = NAT;
        } else if word == "ipproto" {
            let why = "Invalid \"ipproto\" value\n";
            rule.ip_proto = Some(value(args.value()?, why, |t| names.parse_ip_proto(t))?);
        } else if word == "sport" {
            (rule.sport, rule.sport_mask) = ports(args.value()?, "invalid port range\n")?;
        } else if word == "dport" {
            (rule.dport, rule.dport_mask) = ports(args.value()?, "invalid dport range\n")?;
        } else if word == "dscp" {
            let text = args.value()?;
            let (dscp, mask) = match text.split_once('/') {
                Some((dscp, mask)) => {
                    let mask = value(mask, "invalid dscp mask\n", |t| get_u8(t, 0).filter(|&m| m < 64))?;
                    (dscp, Some(mask))
                }
                None => (text, None),
            };
            let parse = |t: &str| match get_u8(t, 0) {
                Some(n) => (n < 64).then_some(n),
                None => names.parse_dscp_name(t),
            };
            rule.dscp = Some(value(dscp, "invalid dscp\n", parse)?);
            rule.dscp_mask = mask;
        } else {
            let word = if word == "type" { args.value()? } else { word };
            if matches(word, "help") {
                return Err(usage());
            }
            rule.action = if matches(word, "goto") {
                rule.goto = Some(value(args.value()?, "invalid target\n", |t| get_u32(t, 0))?);
                RuleAction::GOTO
            } else if matches(word, "nop") {
                RuleAction::NOP
            } else {
                RuleAction(value(word, "Failed to parse rule type", parse_rtype)?.0)
            };
            table_given = true;
        }
    }
    if rule.l3mdev.is_some() && table != 0 {
        // iproute2 returns −EINVAL here.
        return Err(Failure::returned(22, "table can not be specified for l3mdev rules"));
    }
    if !table_given && adding {
        rule.table = TableId::MAIN;
    }
    Ok(rule)
}

/// A value, or the failure `argument "TEXT" is wrong: WHY`.
pub(super) fn value<T>(text: &str, why: &str, parse: impl FnOnce(&str) -> Option<T>) -> Done<T> {
    parse(text).ok_or_else(|| Failure::invalid(why, text))
}

/// A selector; that of length zero is none.
fn selector(text: &str, family: Af) -> Done<Option<IpPrefix>> {
    Ok(get_prefix(text, family)?.prefix().filter(|p| p.len != 0))
}

fn ifname(text: &str) -> Option<String> {
    is_ifname(text).then(|| text.to_string())
}

fn ports(text: &str, why: &str) -> Done<(Option<PortRange>, Option<u16>)> {
    if text.contains('/') {
        let (port, mask) = value(text, why, parse_masked_port)?;
        return Ok((Some(PortRange { start: port, end: port }), Some(mask)));
    }
    Ok((Some(value(text, why, parse_ports)?), None))
}
