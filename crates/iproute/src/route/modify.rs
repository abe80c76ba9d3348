//! `ip route add`, `del` and their kin: words to a request.

use std::net::IpAddr;

use fingerpost_model::{
    Attr, Change, MetricKind, NlFlags, Op, Refusal, RouteFlags, RouteMsg, RouteType, Scope, TableId,
};
use fingerpost_net::{Errno, Family};

use super::{hops, parse_realms, parse_rtype, usage};
use crate::Ctx;
use crate::error::{Done, Failure};
use crate::lex::{self, Addr, Af, Args, get_addr, get_prefix, get_u32, matches, time_rtt};

/// `RTA_NEWDST`, which the model keeps undecoded.
pub(super) const RTA_NEWDST: u16 = 19;
/// `RTA_TTL_PROPAGATE`, which the model keeps undecoded.
pub(super) const RTA_TTL_PROPAGATE: u16 = 26;

/// What the kernel says of an address of no bytes.
const EMPTY: (Errno, &str) = (Errno::ERANGE, "Attribute failed policy validation");

/// Adds, replaces or tests for a route, as the flags say.
pub(super) fn add(ctx: &mut Ctx<'_>, flags: NlFlags, args: Args<'_>) -> Done {
    let route = parse(ctx, args, false)?;
    ctx.apply(Op { flags, change: Change::NewRoute(route) })
}

/// Deletes a route.
pub(super) fn delete(ctx: &mut Ctx<'_>, args: Args<'_>) -> Done {
    let route = parse(ctx, args, true)?;
    ctx.apply(Op { flags: NlFlags(0), change: Change::DelRoute(route) })
}

/// The request under construction. The family stays open until a word decides it.
struct Request<'a> {
    family: Af,
    route: RouteMsg,
    lock: u32,
    device: Option<&'a str>,
    gateway_given: bool,
    target_given: bool,
    scope_given: bool,
    table_given: bool,
    /// What the kernel says, before it looks at anything else, of an address
    /// attribute without an address (`via any`).
    empty: Option<(Errno, &'static str)>,
}

fn parse(ctx: &mut Ctx<'_>, mut args: Args<'_>, delete: bool) -> Done<RouteMsg> {
    let mut request = Request {
        family: ctx.p.opt.family,
        route: RouteMsg::new(Family::V4),
        lock: 0,
        device: None,
        gateway_given: false,
        target_given: false,
        scope_given: false,
        table_given: false,
        empty: None,
    };
    request.route.table = TableId::MAIN;
    if delete {
        request.route.scope = Scope::NOWHERE;
    } else {
        request.route.protocol = fingerpost_model::proto::BOOT;
        request.route.kind = RouteType::UNICAST;
    }
    let mut hops_follow = false;
    while let Some(word) = args.take() {
        if word == "nexthop" {
            hops_follow = true;
            break;
        }
        // No keyword begins with a digit, and most routes have few keywords.
        let digit = word.as_bytes().first().is_some_and(u8::is_ascii_digit);
        if digit || !request.keyword(ctx, word, &mut args)? {
            request.target(word, &mut args)?;
        }
    }
    if !request.target_given {
        return Err(usage());
    }
    if let Some(name) = request.device {
        request.route.oif = Some(ctx.index_of(name)?);
    }
    if request.lock != 0 && !request.route.metrics.is_empty() {
        request.route.metrics.push(MetricKind::LOCK, request.lock);
    }
    let mut empty_hop = false;
    if hops_follow {
        empty_hop = hops::parse(ctx, &mut request.family, &mut request.route, args)?;
    }
    // The model has no empty attributes; what the kernel says of them is said here.
    let refused = |errno, text: &str| Err(Failure::refused(&Refusal::with(errno, text)));
    if let Some((errno, text)) = request.empty {
        return refused(errno, text);
    }
    // Of a deletion the kernel says so only when a route is there to compare with.
    if empty_hop {
        return refused(Errno::EINVAL, "Invalid IPv4 address in RTA_GATEWAY");
    }
    request.finish(delete, hops_follow)
}

impl<'a> Request<'a> {
    /// Takes a keyword with its values; false if the word is none.
    fn keyword(&mut self, ctx: &mut Ctx<'_>, word: &str, args: &mut Args<'a>) -> Done<bool> {
        let is = |full: &str| matches(word, full);
        let route = &mut self.route;
        // The commonest first: no abbreviation of others looks like them.
        if word == "via" {
            if self.gateway_given {
                return Err(Failure::invalid("use nexthop syntax to specify multiple via\n", word));
            }
            self.gateway_given = true;
            let (addr, foreign) = hops::via(args, &mut self.family)?;
            if addr.is_none() {
                self.empty = Some(if !foreign {
                    EMPTY
                } else if self.family == Af::Inet {
                    (Errno::EINVAL, "Invalid IPv6 address in RTA_VIA")
                } else {
                    (Errno::EINVAL, "Invalid IPv4 address in RTA_VIA")
                });
            }
            if foreign {
                self.route.via = addr;
            } else {
                self.route.gateway = addr;
            }
        } else if word == "dev" || word == "oif" {
            self.device = Some(args.value()?);
        } else if word == "src" {
            let addr = get_addr(args.value()?, self.family)?;
            self.adopt(addr);
            if addr.ip.is_none() {
                self.empty = Some(EMPTY);
            }
            self.route.prefsrc = addr.ip;
        } else if word == "as" {
            let addr = get_addr(after_to(args)?, self.family)?;
            self.adopt(addr);
            self.route.other.push(new_destination(addr));
        } else if word == "from" {
            let addr = get_prefix(args.value()?, self.family)?;
            self.adopt(addr);
            self.route.src = addr.prefix();
        } else if word == "tos" || is("dsfield") {
            let text = args.value()?;
            route.tos = ctx.p.names.parse_dsfield(text).ok_or_else(|| wrong("tos", text))?;
        } else if word == "expires" {
            route.expires = Some(number("expires", args.value()?)?);
        } else if is("metric") || is("priority") || word == "preference" {
            route.priority = Some(number("metric", args.value()?)?);
        } else if word == "scope" {
            let text = args.value()?;
            let invalid = || Failure::invalid("invalid \"scope\" value\n", text);
            route.scope = Scope(ctx.p.names.parse_scope(text).ok_or_else(invalid)?);
            self.scope_given = true;
        } else if self.metric(word, args)? {
        } else if is("realms") {
            let text = args.value()?;
            self.route.realms = Some(parse_realms(&ctx.p.names, text).ok_or_else(|| wrong("realm", text))?);
        } else if word == "onlink" {
            self.route.flags = self.route.flags | RouteFlags::ONLINK;
        } else if word == "nhid" {
            self.route.nh_id = Some(number("id", args.value()?)?);
        } else if is("protocol") {
            let text = args.value()?;
            self.route.protocol = ctx.p.names.parse_proto(text).ok_or_else(|| wrong("protocol", text))?;
        } else if is("table") {
            let text = args.value()?;
            let table = ctx.p.names.parse_table(text).ok_or_else(|| wrong("table", text))?;
            self.set_table(table);
        } else if is("vrf") {
            let name = args.value()?;
            let table = crate::vrf::table_of(ctx, name);
            self.set_table(table.ok_or_else(|| Failure::invalid("Invalid VRF\n", name))?);
        } else if is("pref") {
            let text = args.value()?;
            self.route.pref = Some(match text {
                "low" => 3,
                "medium" => 0,
                "high" => 1,
                _ => lex::get_u8(text, 0).ok_or_else(|| wrong("pref", text))?,
            });
        } else if word == "encap" {
            self.route.encap = super::encap::parse(ctx, args)?;
        } else if word == "ttl-propagate" {
            let text = args.value()?;
            let on = match text {
                _ if matches(text, "enabled") => 1,
                _ if matches(text, "disabled") => 0,
                _ => return Err(wrong("ttl-propagate", text)),
            };
            self.route.other.push(Attr { kind: RTA_TTL_PROPAGATE, data: vec![on] });
        } else if is("fastopen_no_cookie") {
            let value = boolean("fastopen_no_cookie", args.value()?)?;
            self.route.metrics.push(MetricKind::FASTOPEN_NO_COOKIE, value);
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    /// Takes a metric with its value; false if the word is none.
    /// Small numbers go to the header, large ones to an attribute, which counts
    /// whatever the header says after it.
    fn set_table(&mut self, table: u32) {
        if table > 255 || self.route.table.0 <= 255 {
            self.route.table = TableId(table);
        }
        self.table_given = true;
    }

    fn metric(&mut self, word: &str, args: &mut Args<'a>) -> Done<bool> {
        let is = |full: &str| matches(word, full);
        let (kind, name) = if word == "mtu" {
            (MetricKind::MTU, "mtu")
        } else if word == "hoplimit" {
            (MetricKind::HOPLIMIT, "hoplimit")
        } else if word == "advmss" {
            (MetricKind::ADVMSS, "mss")
        } else if is("reordering") {
            (MetricKind::REORDERING, "reordering")
        } else if word == "rtt" {
            (MetricKind::RTT, "rtt")
        } else if word == "rto_min" {
            (MetricKind::RTO_MIN, "rto_min")
        } else if is("window") {
            (MetricKind::WINDOW, "window")
        } else if is("cwnd") {
            (MetricKind::CWND, "cwnd")
        } else if is("initcwnd") {
            (MetricKind::INITCWND, "initcwnd")
        } else if is("initrwnd") {
            (MetricKind::INITRWND, "initrwnd")
        } else if is("features") {
            let text = args.value()?;
            if text != "ecn" {
                return Err(Failure::invalid("\"features\" value not valid\n", text));
            }
            self.route.metrics.push(MetricKind::FEATURES, 1);
            return Ok(true);
        } else if is("quickack") {
            let value = boolean("quickack", args.value()?)?;
            self.route.metrics.push(MetricKind::QUICKACK, value);
            return Ok(true);
        } else if is("congctl") {
            let text = self.locked(MetricKind::CC_ALGO, args)?;
            self.route.metrics.congctl = Some(text.to_string());
            return Ok(true);
        } else if is("rttvar") {
            (MetricKind::RTTVAR, "rttvar")
        } else if is("ssthresh") {
            (MetricKind::SSTHRESH, "ssthresh")
        } else {
            return Ok(false);
        };
        let text = if kind == MetricKind::RTO_MIN {
            self.lock |= 1 << kind.0;
            args.value()?
        } else {
            self.locked(kind, args)?
        };
        let time = |unit: u32| -> Done<u32> {
            let (value, raw) = time_rtt(text).ok_or_else(|| wrong(name, text))?;
            Ok(if raw { value } else { value.wrapping_mul(unit) })
        };
        let value = match kind {
            MetricKind::RTT => time(8)?,
            MetricKind::RTTVAR => time(4)?,
            MetricKind::RTO_MIN => time(1)?,
            // iproute2 calls these two `win` and complains of "window" for all of them.
            _ if matches!(name, "cwnd" | "initcwnd" | "initrwnd" | "ssthresh") => number(name, text)?,
            MetricKind::HOPLIMIT => match get_u32(text, 0) {
                Some(value @ ..=255) => value,
                _ => return Err(wrong(name, text)),
            },
            _ => number(name, text)?,
        };
        self.route.metrics.push(kind, value);
        Ok(true)
    }

    /// The value of a metric, after an optional `lock`.
    fn locked(&mut self, kind: MetricKind, args: &mut Args<'a>) -> Done<&'a str> {
        let text = args.value()?;
        if text != "lock" {
            return Ok(text);
        }
        self.lock |= 1 << kind.0;
        args.value()
    }

    /// Takes `[to] [TYPE] PREFIX`.
    fn target(&mut self, word: &'a str, args: &mut Args<'a>) -> Done {
        let mut word = if word == "to" { args.value()? } else { word };
        let digit = word.as_bytes().first().is_some_and(u8::is_ascii_digit);
        if !digit && let Some(kind) = parse_rtype(word) {
            word = args.value()?;
            self.route.kind = kind;
        }
        if matches(word, "help") {
            return Err(usage());
        }
        if self.target_given {
            return Err(Failure::garbage("to", word));
        }
        let addr = get_prefix(word, self.family)?;
        self.adopt(addr);
        self.route.dst = addr.prefix();
        self.target_given = true;
        Ok(())
    }

    /// Takes over the family of the first address.
    fn adopt(&mut self, addr: Addr) {
        if self.family == Af::Unspec {
            self.family = addr.family;
        }
    }

    /// Fills in what follows from the rest.
    fn finish(self, delete: bool, hops_follow: bool) -> Done<RouteMsg> {
        let mut route = self.route;
        route.family = match self.family {
            Af::Unspec | Af::Inet => Family::V4,
            Af::Inet6 => Family::V6,
            other => {
                return Err(Failure::unsupported(&format!("family {} in \"ip route\"", other.name())));
            }
        };
        let kind = route.kind;
        let local = matches!(kind, RouteType::LOCAL | RouteType::NAT);
        if !self.table_given && (local || matches!(kind, RouteType::BROADCAST | RouteType::ANYCAST)) {
            route.table = TableId::LOCAL;
        }
        if !self.scope_given {
            if route.family == Family::V6 {
                route.scope = Scope::UNIVERSE;
            } else if local {
                route.scope = Scope::HOST;
            } else if matches!(kind, RouteType::BROADCAST | RouteType::MULTICAST | RouteType::ANYCAST) {
                route.scope = Scope::LINK;
            } else if matches!(kind, RouteType::UNICAST | RouteType::UNSPEC) {
                if delete {
                    route.scope = Scope::NOWHERE;
                } else if !self.gateway_given && !hops_follow && route.nh_id.unwrap_or(0) == 0 {
                    route.scope = Scope::LINK;
                }
            }
        }
        Ok(route)
    }
}

/// The next value, after an optional `to`.
pub(super) fn after_to<'a>(args: &mut Args<'a>) -> Done<&'a str> {
    match args.value()? {
        "to" => args.value(),
        word => Ok(word),
    }
}

/// `RTA_NEWDST` with an address.
pub(super) fn new_destination(addr: Addr) -> Attr {
    let data = match addr.ip {
        Some(IpAddr::V4(ip)) => ip.octets().to_vec(),
        Some(IpAddr::V6(ip)) => ip.octets().to_vec(),
        None => Vec::new(),
    };
    Attr { kind: RTA_NEWDST, data }
}

/// The failure `"key" value is invalid`.
pub(super) fn wrong(key: &str, text: &str) -> Failure {
    Failure::invalid(&format!("\"{key}\" value is invalid\n"), text)
}

fn number(key: &str, text: &str) -> Done<u32> {
    get_u32(text, 0).ok_or_else(|| wrong(key, text))
}

fn boolean(key: &str, text: &str) -> Done<u32> {
    match number(key, text)? {
        value @ 0..=1 => Ok(value),
        _ => Err(Failure::invalid(&format!("\"{key}\" value should be 0 or 1\n"), text)),
    }
}
