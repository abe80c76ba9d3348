//! The words of `ip neigh show`, `flush` and `get`.

use fingerpost_model::{Change, NeighFlags, NeighMsg, NeighState, NlFlags, Op, Refusal};
use fingerpost_net::Errno;

use super::print::neighbour;
use super::{parse_state, usage};
use crate::address::filter::{Master, in_prefix};
use crate::error::{Done, Failure};
use crate::lex::{Addr, Af, Args, get_addr, get_prefix, matches};
use crate::{Ctx, vrf};

/// The bit that stands for entries without a state.
const NONE: u32 = 0x100;

/// The most rounds of a flush.
const MAX_ROUNDS: u32 = 10;

/// What to list.
#[derive(Debug, Default)]
struct Filter {
    family: Af,
    index: u32,
    /// Bits of states, and [`NONE`].
    states: u32,
    unused: bool,
    to: Option<Addr>,
    master: Master,
    protocol: u8,
    proxy: bool,
}

/// Lists, or deletes in rounds.
pub(crate) fn run(ctx: &mut Ctx<'_>, args: Args<'_>, flush: bool) -> Done {
    if flush && args.is_empty() {
        return Err(Failure::returned(1, "Flush requires arguments."));
    }
    let filter = parse(ctx, args, flush)?;
    if flush {
        return self::flush(ctx, filter);
    }
    let found = find(ctx, &filter, "Dump terminated")?;
    ctx.p.open_document();
    for m in &found {
        neighbour(ctx, m, filter.index == 0);
    }
    ctx.p.out.close_document();
    Ok(())
}

fn parse(ctx: &mut Ctx<'_>, mut args: Args<'_>, flush: bool) -> Done<Filter> {
    let states = if flush {
        !u32::from((NeighState::PERMANENT | NeighState::NOARP).0)
    } else {
        0xff & !u32::from(NeighState::NOARP.0)
    };
    let mut f = Filter { family: ctx.p.opt.family, states, ..Filter::default() };
    let (mut dev, mut states_given) = (None, false);
    while let Some(word) = args.take() {
        if word == "dev" {
            let text = args.value()?;
            if dev.is_some() {
                return Err(Failure::duplicate("dev", text));
            }
            dev = Some(text);
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
        } else if word == "unused" {
            f.unused = true;
        } else if word == "nud" {
            let text = args.value()?;
            if !states_given {
                states_given = true;
                f.states = 0;
            }
            f.states |= match parse_state(text) {
                Some(NeighState(0)) => NONE,
                Some(state) => state.0.into(),
                None if text == "all" && flush => !u32::from(NeighState::NOARP.0),
                None if text == "all" => !0,
                None => return Err(Failure::invalid("nud state is bad", text)),
            };
        } else if word == "proxy" {
            f.proxy = true;
        } else if matches(word, "protocol") {
            let text = args.value()?;
            f.protocol = match ctx.p.names.parse_proto(text) {
                Some(number) => number,
                None if text == "all" => 0,
                None => return Err(Failure::invalid("invalid \"protocol\"\n", text)),
            };
        } else {
            let text = if word == "to" { args.value()? } else { word };
            if matches(text, "help") {
                return Err(usage());
            }
            let to = get_prefix(text, f.family)?;
            if f.family == Af::Unspec {
                f.family = to.family;
            }
            f.to = Some(to);
        }
    }
    ctx.p.links.load_all(ctx.kernel, ctx.ns);
    if let Some(dev) = dev {
        f.index = ctx.index_of(dev)?;
    }
    Ok(f)
}

impl Filter {
    /// Whether iproute2 shows what the kernel has sent.
    fn wants(&self, m: &NeighMsg) -> bool {
        if self.family != Af::Unspec && self.family != Af::from(m.family) {
            return false;
        }
        let state = u32::from(m.state.0);
        let by_state = self.states & state != 0
            || m.flags.any(NeighFlags::PROXY)
            || m.flags.any(NeighFlags::EXT_LEARNED)
            || (state == 0 && self.states & NONE != 0);
        let prefix = match (self.to, m.dst) {
            (Some(Addr { ip: Some(prefix), bits: bits @ 1.., .. }), Some(dst)) => {
                in_prefix(dst, prefix, bits as u32)
            }
            _ => true,
        };
        let protocol = self.protocol == 0 || self.protocol == m.protocol.unwrap_or(0);
        let unused = !self.unused || m.cacheinfo.is_none_or(|[_, _, _, references]| references == 0);
        by_state && prefix && protocol && unused
    }
}

/// The entries that the kernel and iproute2 let through; `last` is said when
/// the kernel refuses.
fn find(ctx: &mut Ctx<'_>, filter: &Filter, last: &str) -> Done<Vec<NeighMsg>> {
    let masters = masters(ctx, filter.master);
    let mut found = Vec::new();
    let mut each = |m: &NeighMsg| {
        // The kernel looks at the device and its master itself.
        let device = filter.index == 0 || filter.index == m.index;
        let master = masters.as_ref().is_none_or(|wanted| wanted(m.index));
        if device && master && filter.wants(m) {
            found.push(m.clone());
        }
    };
    match ctx.kernel.neighbours(ctx.ns, filter.family.ip(), filter.proxy, &mut each) {
        Ok(()) => Ok(found),
        Err(refusal) => Err(Failure { ends: true, ..Failure::dump(&refusal, 1, last) }),
    }
}

/// Which devices have the wanted master.
type Wanted = Box<dyn Fn(u32) -> bool>;

/// Which devices the kernel's dump is limited to; `None` for all.
fn masters(ctx: &mut Ctx<'_>, master: Master) -> Option<Wanted> {
    if master == Master::Any {
        return None;
    }
    let mut ports = Vec::new();
    let mut each = |m: &fingerpost_model::LinkMsg| {
        if let Some(master) = m.master.filter(|&master| master != 0) {
            ports.push((m.index, master));
        }
    };
    // A refusal leaves no ports.
    let _ = ctx.kernel.links(ctx.ns, &mut each);
    let master_of = move |index: u32| ports.iter().find(|p| p.0 == index).map(|p| p.1);
    Some(Box::new(move |index| match master {
        Master::Is(wanted) => master_of(index) == Some(wanted),
        _ => master_of(index).is_none(),
    }))
}

/// Deletes until nothing is left to delete.
fn flush(ctx: &mut Ctx<'_>, mut filter: Filter) -> Done {
    let stats = ctx.p.opt.stats;
    for round in 0..MAX_ROUNDS {
        let found = find(ctx, &filter, "Flush terminated")?;
        if found.is_empty() {
            match (stats, round) {
                (0, _) => {}
                (_, 0) => ctx.p.out.raw("Nothing to flush.\n"),
                (_, 1) => ctx.p.out.raw("*** Flush is complete after 1 round ***\n"),
                (_, n) => ctx.p.out.raw_fmt(format_args!("*** Flush is complete after {n} rounds ***\n")),
            }
            return Ok(());
        }
        let count = found.len();
        let mut first_error = None;
        for m in found {
            if stats > 1 {
                neighbour(ctx, &m, filter.index == 0);
            }
            let op = Op { flags: NlFlags(0), change: Change::DelNeighbour(m) };
            if let Err(refusal) = ctx.kernel.apply(ctx.ns, op) {
                first_error.get_or_insert(refusal.errno);
            }
        }
        if let Some(errno) = first_error {
            let message = format!("Failed to send flush request: {errno}");
            return Err(Failure { errno: Some(errno), ..Failure::exit(1, message) });
        }
        if stats > 0 {
            let round = round + 1;
            ctx.p.out.raw_fmt(format_args!("\n*** Round {round}, deleting {count} entries ***\n"));
        }
        filter.states &= !u32::from(NeighState::FAILED.0);
    }
    ctx.p.out.raw_fmt(format_args!("*** Flush not complete bailing out after {MAX_ROUNDS} rounds\n"));
    Err(Failure::returned(255, ""))
}

/// Asks for one entry. What the kernel looks up by itself is found in its dump here.
pub(crate) fn get(ctx: &mut Ctx<'_>, mut args: Args<'_>) -> Done {
    let family = ctx.p.opt.family;
    let (mut dev, mut dst, mut proxy) = (None, None, false);
    while let Some(word) = args.take() {
        if word == "dev" {
            dev = Some(args.value()?);
            continue;
        }
        let by_proxy = matches(word, "proxy");
        let text = if by_proxy || word == "to" { args.value()? } else { word };
        if matches(text, "help") {
            return Err(usage());
        }
        if dst.is_some() {
            return Err(match by_proxy {
                true => Failure::duplicate("address", text),
                false => Failure::garbage("to", text),
            });
        }
        dst = Some(get_addr(text, family)?);
        proxy |= by_proxy;
    }
    let Some(Addr { family, ip, .. }) = dst.filter(|_| dev.is_some() || proxy) else {
        return Err(Failure::returned(1, "Device and address are required arguments."));
    };
    let Some(family) = family.ip() else {
        return Err(Failure::returned(1, "Device and address are required arguments."));
    };
    let index = match dev {
        Some(dev) => ctx.index_of(dev)?,
        None => 0,
    };
    let mut found = None;
    let asked = ctx.kernel.neighbours(ctx.ns, Some(family), proxy, &mut |m| {
        if m.index == index && m.dst == ip && found.is_none() {
            found = Some(m.clone());
        }
    });
    asked.map_err(|refusal| Failure::refused(&refusal))?;
    let Some(m) = found else {
        let what = if proxy { "Proxy neighbour entry not found" } else { "Neighbour entry not found" };
        return Err(Failure::refused(&Refusal::with(Errno::ENOENT, what)));
    };
    neighbour(ctx, &m, true);
    Ok(())
}
