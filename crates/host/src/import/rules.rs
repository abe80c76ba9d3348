//! `rule.json`: policy rules of one family.

use std::net::IpAddr;

use fingerpost_model::{PortRange, RuleAction, RuleFlags, RuleMsg, TableId, UidRange, proto};
use fingerpost_net::{Family, IpPrefix};

use super::ImportError;
use super::json::{Object, Source};
use super::names::{self, Names};

/// Rules with their entries in the file, from 1.
pub(super) fn rules(
    source: &Source<'_>,
    family: Family,
    names: &Names,
) -> Result<Vec<(usize, RuleMsg)>, ImportError> {
    let objects = source.objects()?;
    let entries = (1..).zip(&objects).filter(|(_, object)| !object.is_empty());
    entries.map(|(entry, object)| Ok((entry, rule(object, family, names)?))).collect()
}

/// The rules that a namespace starts with (C-090).
pub(super) fn default_rules(family: Family) -> Vec<RuleMsg> {
    let mut all = vec![(0, TableId::LOCAL), (32766, TableId::MAIN)];
    if family == Family::V4 {
        all.push((32767, TableId::DEFAULT));
    }
    let rule = |(priority, table)| {
        let mut m = RuleMsg::new(family);
        m.priority = (priority != 0).then_some(priority);
        m.action = RuleAction::TO_TABLE;
        m.table = table;
        m.suppress_prefixlen = Some(-1);
        m.protocol = Some(proto::KERNEL);
        m
    };
    all.into_iter().map(rule).collect()
}

/// Whether the rules are the ones that a namespace starts with, for all that is known of them.
pub(super) fn are_default(rules: &[RuleMsg], family: Family) -> bool {
    let default = default_rules(family);
    rules.len() == default.len()
        && rules.iter().zip(default).all(|(rule, expected)| {
            let mut rule = rule.clone();
            rule.protocol = rule.protocol.or(expected.protocol);
            rule == expected
        })
}

fn rule(object: &Object<'_>, family: Family, names: &Names) -> Result<RuleMsg, ImportError> {
    let mut m = RuleMsg::new(family);
    m.priority = Some(object.need("priority")?).filter(|&priority| priority != 0);
    m.src = selector(object, "src", "srclen", family)?;
    m.dst = selector(object, "dst", "dstlen", family)?;
    if object.has("not") {
        m.flags = m.flags | RuleFlags::INVERT;
    }
    m.tos = object.parse("tos", "a number", names::tos)?.unwrap_or(0);
    m.fwmark = object.parse("fwmark", "a number", names::number)?;
    m.fwmask = object.parse("fwmask", "a number", names::number)?;
    if m.fwmark.is_some() && m.fwmask.is_none() {
        m.fwmask = Some(u32::MAX);
    }
    m.iifname = object.get("iif")?;
    m.oifname = object.get("oif")?;
    for (key, flag) in [("iif_detached", RuleFlags::IIF_DETACHED), ("oif_detached", RuleFlags::OIF_DETACHED)]
    {
        if object.has(key) {
            m.flags = m.flags | flag;
        }
    }
    m.l3mdev = object.has("l3mdev").then_some(1);
    if let (Some(start), Some(end)) = (object.get("uid_start")?, object.get("uid_end")?) {
        m.uid_range = Some(UidRange { start, end });
    }
    m.ip_proto = object.parse("ipproto", "a protocol", names::ip_protocol)?;
    m.sport = ports(object, "sport", "sport_start", "sport_end")?;
    m.dport = ports(object, "dport", "dport_start", "dport_end")?;
    m.tun_id = object.get("tun_id")?;
    m.suppress_prefixlen = Some(object.get("suppress_prefixlen")?.unwrap_or(-1));
    m.suppress_ifgroup = object
        .parse("suppress_ifgroup", "`default` or a number", names::group)?
        .and_then(|group| i32::try_from(group).ok());
    let half = |key| object.parse(key, "a realm's number", names::realm);
    m.realms = match (half("flow_from")?, half("flow_to")?) {
        (None, None) => None,
        (from, to) => Some(from.unwrap_or(0) << 16 | to.unwrap_or(0)),
    };
    m.protocol = object.parse("protocol", names::PROTOCOL, names::protocol)?;
    action(object, names, &mut m)?;
    Ok(m)
}

fn action(object: &Object<'_>, names: &Names, m: &mut RuleMsg) -> Result<(), ImportError> {
    m.table = object.parse("table", "a table", |text| names.table(text))?.unwrap_or(TableId::UNSPEC);
    m.action = RuleAction::TO_TABLE;
    if object.has("goto") {
        m.action = RuleAction::GOTO;
        m.goto =
            object.get::<u32>("goto").or_else(|error| match object.get::<String>("goto")?.as_deref() {
                Some("none") => Ok(None),
                _ => Err(error),
            })?;
        if object.has("unresolved") {
            m.flags = m.flags | RuleFlags::UNRESOLVED;
        }
    } else if object.has("nop") {
        m.action = RuleAction::NOP;
    } else if let Some(action) = object.parse("action", "an action", |text| match text {
        "none" => Some(RuleAction::UNSPEC),
        text => RuleAction::from_name(text),
    })? {
        m.action = action;
    }
    Ok(())
}

fn selector(
    object: &Object<'_>,
    key: &str,
    len_key: &str,
    family: Family,
) -> Result<Option<IpPrefix>, ImportError> {
    let addr = object.parse(key, "`all` or an address of the rule's family", |text| match text {
        "all" => Some(None),
        "0" => Some(Some(family.unspecified())),
        text => text.parse::<IpAddr>().ok().filter(|&addr| Family::of(addr) == family).map(Some),
    })?;
    let len: Option<u8> = object.get(len_key)?;
    if len.is_some_and(|len| len > family.width()) {
        return Err(object.error(len_key, "exceeds the address width"));
    }
    Ok(addr.flatten().map(|addr| IpPrefix { addr, len: len.unwrap_or(family.width()) }))
}

fn ports(object: &Object<'_>, one: &str, first: &str, last: &str) -> Result<Option<PortRange>, ImportError> {
    if let Some(port) = object.get(one)? {
        return Ok(Some(PortRange { start: port, end: port }));
    }
    match (object.get(first)?, object.get(last)?) {
        (Some(start), Some(end)) => Ok(Some(PortRange { start, end })),
        _ => Ok(None),
    }
}
