//! The words of `ip address add`, `change`, `replace` and `delete`, with what
//! iproute2 fills in by itself (`ipaddr_modify`).

use std::net::{IpAddr, Ipv4Addr};

use fingerpost_model::{AddrMsg, Attr, Change, IfaFlags, NlFlags, Op, Refusal, Scope};
use fingerpost_net::Errno;

use super::flags;
use crate::Ctx;
use crate::error::{Done, Failure};
use crate::lex::{Addr, Af, Args, get_addr, get_prefix, get_u32, matches};

/// `IFA_ANYCAST`, which the model does not decode.
const ANYCAST: u16 = 5;

/// A lifetime without end.
const FOREVER: u32 = u32::MAX;

/// The broadcast address as it was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Broadcast {
    Address,
    /// `+`: host bits one.
    Ones,
    /// `-`: host bits zero.
    Zeros,
}

/// The words, read.
#[derive(Default)]
struct Words<'a> {
    family: Af,
    dev: Option<&'a str>,
    local: Option<(Addr, &'a str)>,
    peer: Option<Addr>,
    broadcast: Option<Broadcast>,
    broadcast_addr: Option<Ipv4Addr>,
    anycast: Option<IpAddr>,
    label: Option<&'a str>,
    scope: Option<u8>,
    metric: Option<u32>,
    valid: Option<u32>,
    preferred: Option<u32>,
    flags: IfaFlags,
}

/// Adds or changes (`flags` as netlink has them), or deletes an address.
pub(crate) fn run(ctx: &mut Ctx<'_>, flags: Option<NlFlags>, args: Args<'_>) -> Done {
    let words = parse(ctx, args)?;
    let delete = flags.is_none();
    let Some(dev) = words.dev else {
        let message = "Not enough information: \"dev\" argument is required.";
        return Err(Failure::returned(1, message));
    };
    let peer = peer(ctx, &words, delete);
    let prefix_len = prefix_len(&words);
    let broadcast = broadcast(&words, peer, delete)?;
    let index = ctx.index_of(dev)?;
    if words.valid.is_some() || words.preferred.is_some() {
        if words.valid == Some(0) {
            return Err(Failure::returned(1, "valid_lft is zero"));
        }
        if words.valid.unwrap_or(FOREVER) < words.preferred.unwrap_or(FOREVER) {
            return Err(Failure::returned(1, "preferred_lft is greater than valid_lft"));
        }
    }
    let multicast = words.local.is_some_and(|(local, _)| local.is_multicast());
    if words.flags.has(IfaFlags::MCAUTOJOIN) && !multicast {
        return Err(Failure::returned(1, "autojoin needs multicast address"));
    }
    // The kernel has no handler for addresses of no family.
    let Some(family) = words.family.ip() else {
        return Err(Failure::refused(&Refusal::new(Errno::EOPNOTSUPP)));
    };
    let lifetimes = words.valid.is_some() || words.preferred.is_some();
    let msg = AddrMsg {
        prefix_len,
        local: words.local.and_then(|(local, _)| local.ip),
        address: peer.and_then(|peer| peer.ip),
        broadcast,
        label: words.label.map(str::to_string),
        scope: Scope(words.scope.unwrap_or(if delete { 0 } else { default_scope(&words) })),
        flags: words.flags,
        preferred: lifetimes.then(|| words.preferred.unwrap_or(FOREVER)),
        valid: lifetimes.then(|| words.valid.unwrap_or(FOREVER)),
        metric: words.metric,
        other: words.anycast.map(anycast).into_iter().collect(),
        ..AddrMsg::new(family, index)
    };
    let change = if delete { Change::DelAddress(msg) } else { Change::NewAddress(msg) };
    ctx.apply(Op { flags: flags.unwrap_or_default(), change })
}

fn parse<'a>(ctx: &mut Ctx<'_>, mut args: Args<'a>) -> Done<Words<'a>> {
    let mut w = Words { family: ctx.p.opt.family, ..Words::default() };
    while let Some(word) = args.take() {
        let is = |full: &str| matches(word, full);
        if word == "peer" || word == "remote" {
            let text = args.value()?;
            if w.peer.is_some_and(|peer| peer.ip.is_some()) {
                return Err(Failure::duplicate("peer", text));
            }
            let peer = get_prefix(text, w.family)?;
            w.peer = Some(peer);
            w.adopt(peer.family);
        } else if is("broadcast") || word == "brd" {
            let text = args.value()?;
            if w.broadcast.is_some() {
                return Err(Failure::duplicate("broadcast", text));
            }
            w.broadcast = Some(match text {
                "+" => Broadcast::Ones,
                "-" => Broadcast::Zeros,
                _ => {
                    let addr = get_addr(text, w.family)?;
                    w.adopt(addr.family);
                    if let Some(IpAddr::V4(addr)) = addr.ip {
                        w.broadcast_addr = Some(addr);
                    }
                    Broadcast::Address
                }
            });
        } else if word == "anycast" {
            let text = args.value()?;
            if w.anycast.is_some() {
                return Err(Failure::duplicate("anycast", text));
            }
            let addr = get_addr(text, w.family)?;
            w.adopt(addr.family);
            w.anycast = addr.ip;
        } else if word == "scope" {
            let text = args.value()?;
            let scope = ctx.p.names.parse_scope(text);
            w.scope = Some(scope.ok_or_else(|| Failure::invalid("invalid scope value.", text))?);
        } else if word == "dev" {
            w.dev = Some(args.value()?);
        } else if word == "label" {
            w.label = Some(args.value()?);
        } else if is("metric") || is("priority") || is("preference") {
            let text = args.value()?;
            let metric = get_u32(text, 0);
            w.metric = Some(metric.ok_or_else(|| Failure::invalid("\"metric\" value is invalid\n", text))?);
        } else if is("valid_lft") {
            if w.valid.is_some() {
                return Err(Failure::duplicate("valid_lft", word));
            }
            w.valid = Some(lifetime(args.value()?, "valid_lft value")?);
        } else if is("preferred_lft") {
            if w.preferred.is_some() {
                return Err(Failure::duplicate("preferred_lft", word));
            }
            w.preferred = Some(lifetime(args.value()?, "preferred_lft value")?);
        } else if let Some(flag) = flags::find(word) {
            let name = flag.name;
            if flag.read_only {
                ctx.p.out.err_line(format_args!("Warning: {name} option is not mutable from userspace"));
            } else if flag.v6_only && w.family != Af::Inet6 {
                ctx.p.out.err_line(format_args!("Warning: {name} option can be set only for IPv6 addresses"));
            } else {
                w.flags = w.flags.with(flag.flag);
            }
        } else {
            let text = if word == "local" { args.value()? } else { word };
            if matches(text, "help") {
                return Err(super::usage());
            }
            if w.local.is_some_and(|(local, _)| local.ip.is_some()) {
                return Err(Failure::garbage("local", text));
            }
            let local = get_prefix(text, w.family)?;
            w.local = Some((local, text));
            w.adopt(local.family);
        }
    }
    Ok(w)
}

impl Words<'_> {
    /// The first address decides the family.
    fn adopt(&mut self, family: Af) {
        if self.family == Af::Unspec {
            self.family = family;
        }
    }
}

fn lifetime(text: &str, why: &str) -> Done<u32> {
    match text {
        "forever" => Ok(FOREVER),
        _ => get_u32(text, 0).ok_or_else(|| Failure::invalid(why, text)),
    }
}

/// The address of the prefix: the peer, or else the local address itself, but
/// for an IPv4 deletion without a length.
fn peer(ctx: &mut Ctx<'_>, words: &Words<'_>, delete: bool) -> Option<Addr> {
    let given = words.peer.filter(|peer| peer.ip.is_some());
    let Some((local, text)) = words.local.filter(|(local, _)| local.ip.is_some()) else { return given };
    if given.is_some() {
        return given;
    }
    if delete && local.family == Af::Inet && !local.specified {
        ctx.p.out.err_line(format_args!(
            "Warning: Executing wildcard deletion to stay compatible with old scripts.\n         \
             Explicitly specify the prefix length ({text}/32) to avoid this warning.\n         \
             This special behaviour is likely to disappear in further releases,\n         \
             fix your scripts!"
        ));
        return None;
    }
    Some(local)
}

/// The peer's length, or the local address's where that is 0.
fn prefix_len(words: &Words<'_>) -> u8 {
    let bits = |addr: Addr| u8::try_from(addr.bits).unwrap_or(0);
    match words.peer.map_or(0, bits) {
        0 => words.local.map_or(0, |(local, _)| bits(local)),
        len => len,
    }
}

/// The broadcast address, computed for `+` and `-` unless there is no room for one.
fn broadcast(words: &Words<'_>, peer: Option<Addr>, delete: bool) -> Done<Option<Ipv4Addr>> {
    let ones = match words.broadcast {
        Some(Broadcast::Ones) if !delete => true,
        Some(Broadcast::Zeros) if !delete => false,
        _ => return Ok(words.broadcast_addr),
    };
    if words.family != Af::Inet {
        return Err(Failure::returned(1, "Broadcast can be set only for IPv4 addresses"));
    }
    let Some(Addr { ip: Some(IpAddr::V4(addr)), bits: bits @ ..=30, .. }) = peer else { return Ok(None) };
    let host = u32::MAX.checked_shr(u32::try_from(bits).unwrap_or(0)).unwrap_or(0);
    let addr = addr.to_bits();
    Ok(Some(Ipv4Addr::from_bits(if ones { addr | host } else { addr & !host })))
}

/// Loopback addresses have host scope.
fn default_scope(words: &Words<'_>) -> u8 {
    match words.local {
        Some((Addr { ip: Some(IpAddr::V4(addr)), .. }, _)) if addr.is_loopback() => Scope::HOST.0,
        _ => Scope::UNIVERSE.0,
    }
}

fn anycast(addr: IpAddr) -> Attr {
    let data = match addr {
        IpAddr::V4(addr) => addr.octets().to_vec(),
        IpAddr::V6(addr) => addr.octets().to_vec(),
    };
    Attr { kind: ANYCAST, data }
}
