//! A rule as `ip rule` prints it, text and JSON.
//!
//! Port masks and DSCP are newer than iproute2 6.1, which does not print them.

use fingerpost_model::{PortRange, RuleAction, RuleFlags, RuleMsg, TableId, proto};
use fingerpost_net::IpPrefix;

use super::modify::NAT;
use crate::Printer;
use crate::output::Text;

/// Prints a rule.
pub(super) fn rule(p: &mut Printer<'_>, r: &RuleMsg) {
    p.out.open_object(None);
    p.out.num("priority", "", r.priority.unwrap_or(0), ":\t");
    if r.flags.has(RuleFlags::INVERT) {
        p.out.null("not", "not ");
    }
    match r.src.filter(|src| src.len != 0) {
        Some(src) => prefix(p, ["src", "srclen", "from "], src),
        None => p.out.string("src", "from ", "all", ""),
    }
    if let Some(dst) = r.dst.filter(|dst| dst.len != 0) {
        prefix(p, ["dst", "dstlen", " to "], dst);
    }
    if r.tos != 0 {
        let name = p.names.dsfield(r.tos);
        p.out.string("tos", " tos ", &name, "");
    }
    if r.fwmark.is_some() || r.fwmask.is_some() {
        p.out.hex("fwmark", " fwmark ", r.fwmark.unwrap_or(0).into(), "");
        if let Some(mask) = r.fwmask.filter(|&mask| mask != u32::MAX) {
            p.out.hex("fwmask", "/", mask.into(), "");
        }
    }
    if let Some(name) = &r.iifname {
        p.out.string("iif", " iif ", name, "");
        if r.flags.has(RuleFlags::IIF_DETACHED) {
            p.out.null("iif_detached", " [detached]");
        }
    }
    if let Some(name) = &r.oifname {
        p.out.string("oif", " oif ", name, "");
        if r.flags.has(RuleFlags::OIF_DETACHED) {
            p.out.null("oif_detached", " [detached]");
        }
    }
    if r.l3mdev.is_some_and(|on| on != 0) {
        p.out.null("l3mdev", " lookup [l3mdev-table]");
    }
    if let Some(range) = r.uid_range {
        p.out.num("uid_start", " uidrange ", range.start, "");
        p.out.num("uid_end", "-", range.end, "");
    }
    if let Some(number) = r.ip_proto {
        let name = p.names.ip_proto(number);
        p.out.string("ipproto", " ipproto ", &name, "");
    }
    if let Some(range) = r.sport {
        ports(p, ["sport", "sport_start", "sport_end"], " sport ", range);
    }
    if let Some(range) = r.dport {
        ports(p, ["dport", "dport_start", "dport_end"], " dport ", range);
    }
    if let Some(id) = r.tun_id {
        p.out.num("tun_id", " tun_id ", id, "");
    }
    if r.table != TableId::UNSPEC {
        table(p, r);
    }
    if let Some(realms) = r.realms {
        flow(p, realms);
    }
    action(p, r);
    if let Some(number) = r.protocol
        && ((number != proto::UNSPEC && number != proto::KERNEL) || p.opt.details > 0)
    {
        let name = p.names.proto(number);
        p.out.string("protocol", " proto ", &name, "");
    }
    p.out.fp("\n");
    p.out.close_object();
}

fn prefix(p: &mut Printer<'_>, [key, len_key, before]: [&str; 3], prefix: IpPrefix) {
    p.out.shown(key, before, Text(prefix.addr), "");
    if prefix.len != prefix.family().width() {
        p.out.num(len_key, "/", prefix.len, "");
    }
}

fn ports(p: &mut Printer<'_>, [one, start, end]: [&str; 3], before: &str, range: PortRange) {
    if range.start == range.end {
        p.out.num(one, before, range.start, "");
    } else {
        p.out.num(start, before, range.start, "");
        p.out.num(end, "-", range.end, "");
    }
}

fn table(p: &mut Printer<'_>, r: &RuleMsg) {
    let name = p.names.table(r.table.0);
    p.out.string("table", " lookup ", &name, "");
    if let Some(len) = r.suppress_prefixlen.filter(|&len| len != -1) {
        p.out.num("suppress_prefixlen", " suppress_prefixlength ", len, "");
    }
    if let Some(group) = r.suppress_ifgroup.filter(|&group| group != -1) {
        let name = p.names.group(group as u32);
        p.out.string("suppress_ifgroup", " suppress_ifgroup ", &name, "");
    }
}

fn flow(p: &mut Printer<'_>, realms: u32) {
    let (from, to) = ((realms >> 16) as u16, realms as u16);
    if from != 0 {
        let name = p.names.realm(from);
        p.out.string("flow_from", " realms ", &name, "/");
    } else {
        p.out.fp(" realms ");
    }
    let name = p.names.realm(to);
    p.out.string("flow_to", "", &name, "");
}

fn action(p: &mut Printer<'_>, r: &RuleMsg) {
    match r.action {
        NAT => p.out.null("masquerade", " masquerade"),
        RuleAction::GOTO => {
            match r.goto {
                Some(target) => p.out.num("goto", " goto ", target, ""),
                None => p.out.string("goto", " goto ", "none", ""),
            }
            if r.flags.has(RuleFlags::UNRESOLVED) {
                p.out.null("unresolved", " [unresolved]");
            }
        }
        RuleAction::NOP => p.out.null("nop", " nop"),
        RuleAction::TO_TABLE => {}
        other => {
            let name = crate::route::rtype_name(p, other.0);
            p.out.string("action", " ", &name, "");
        }
    }
}
