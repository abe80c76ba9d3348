//! Listing devices and their addresses, for `ip link show` and `ip address show`.

use fingerpost_model::{AddrMsg, LinkMsg, Refusal};

use super::filter::Filter;
use super::print::address;
use crate::Ctx;
use crate::error::{Done, Failure};
use crate::lex::{Af, Args};
use crate::link::print::{Printed, link};
use crate::link::stats;

/// Runs the listing. `links`: for `ip link`. iproute2 remembers that to the end
/// of a batch, so that `ip address show` changes after `ip link show`.
pub(crate) fn run(ctx: &mut Ctx<'_>, args: Args<'_>, links: bool) -> Done {
    ctx.p.link_listed |= links;
    let do_link = ctx.p.link_listed;
    let family = if links { Af::Packet } else { ctx.p.opt.family };
    let filter = Filter::parse(ctx, args, family)?;
    if matches!(filter.family, Af::Mpls | Af::Bridge) {
        return Err(Failure::unsupported("listing with option \"-M\" or \"-B\""));
    }
    ctx.p.open_document();
    if let (true, Some(dev), None) = (do_link, filter.dev, filter.group) {
        let done = one_link(ctx, &filter, dev);
        ctx.p.out.close_document();
        return done;
    }
    let done = list(ctx, &filter, family, do_link);
    ctx.p.out.close_document();
    if let Err(message) = done {
        // iproute2 ends with status 0 all the same.
        ctx.p.out.err(&message);
    }
    Ok(())
}

/// `ip link show dev X`: asked for by name.
fn one_link(ctx: &mut Ctx<'_>, filter: &Filter<'_>, dev: &str) -> Done {
    match ctx.kernel.get_link(ctx.ns, 0, Some(dev)) {
        Ok(m) => {
            ctx.p.out.open_object(None);
            link(ctx, filter, true, &m);
            ctx.p.out.close_object();
            Ok(())
        }
        Err(refusal) => Err(request_failed(&refusal, "Cannot send link get request")),
    }
}

/// A refused request for one device, with its second line.
fn request_failed(refusal: &Refusal, what: &str) -> Failure {
    let mut failure = Failure::refused(refusal);
    failure.message.push_str(&format!("{what}: {}\n", refusal.errno));
    Failure { ends: true, status: 1, ..failure }
}

/// Lists all that the filter wants; the error is what goes to standard error.
fn list(ctx: &mut Ctx<'_>, filter: &Filter<'_>, family: Af, do_link: bool) -> Result<(), String> {
    let dump_failed = |refusal: Refusal| Failure::dump(&refusal, 0, "Dump terminated").message;
    let mut links = Vec::new();
    if filter.index != 0 {
        let m = ctx.kernel.get_link(ctx.ns, filter.index, None);
        links.push(m.map_err(|refusal| request_failed(&refusal, "Cannot send link request").message)?);
    } else {
        let filters = matches!(family, Af::Unspec | Af::Packet);
        ctx.kernel
            .links(ctx.ns, &mut |m| {
                if !filters || filter.is_dumped(m) {
                    links.push(m.clone());
                }
            })
            .map_err(dump_failed)?;
        if family == Af::Inet6 {
            links = inet6_links(links);
        }
    }
    for m in &links {
        ctx.p.links.remember(m);
    }
    let mut addresses = Vec::new();
    if filter.family != Af::Packet {
        let wanted = |m: &AddrMsg| filter.wants_device_of(m);
        ctx.kernel
            .addresses(ctx.ns, filter.family.ip(), &mut |m| {
                if wanted(m) {
                    addresses.push(m.clone());
                }
            })
            .map_err(dump_failed)?;
        let mut kept = Vec::with_capacity(links.len());
        for m in links {
            if has_wanted_address(ctx, filter, &m, &addresses) {
                kept.push(m);
            }
        }
        links = kept;
    }
    for m in &links {
        ctx.p.out.open_object(None);
        one(ctx, filter, do_link, m, &addresses);
        ctx.p.out.close_object();
    }
    Ok(())
}

/// Whether a device is listed for its addresses: one of them is wanted, or
/// there is none at all and no family was asked for (`ipaddr_filter`).
fn has_wanted_address(ctx: &mut Ctx<'_>, filter: &Filter<'_>, link: &LinkMsg, addresses: &[AddrMsg]) -> bool {
    let mut own = addresses.iter().filter(|a| a.index == link.index).peekable();
    if own.peek().is_none() {
        return filter.family == Af::Unspec;
    }
    own.any(|a| filter.wants_address(ctx, a))
}

/// Prints a device with its addresses.
fn one(ctx: &mut Ctx<'_>, filter: &Filter<'_>, do_link: bool, m: &LinkMsg, addresses: &[AddrMsg]) {
    let (brief, oneline) = (ctx.p.opt.brief, ctx.p.opt.oneline);
    let with_addresses = filter.family != Af::Packet;
    // With -o each address has its device before it instead.
    let printed =
        if brief || !(oneline && with_addresses) { link(ctx, filter, do_link, m) } else { Printed::Brief };
    if printed != Printed::Not && with_addresses {
        ctx.p.out.open_array(Some("addr_info"));
        for a in addresses.iter().filter(|a| a.index == m.index) {
            if filter.up && !filter.wants_link(m) {
                continue;
            }
            ctx.p.out.open_object(None);
            if filter.wants_address(ctx, a) {
                address(ctx, a, oneline);
            }
            ctx.p.out.close_object();
        }
        ctx.p.out.close_array();
        if brief {
            ctx.p.out.fp("\n");
        }
    }
    if printed == Printed::Fully && !do_link && ctx.p.opt.stats > 0 {
        stats::print(ctx, m);
        let sl = ctx.p.out.sl();
        ctx.p.out.fp(sl);
    }
}

/// What the kernel tells of devices when asked for IPv6 (`inet6_fill_ifinfo`):
/// only those with IPv6 settings, and little of them. The queue length is
/// asked for apart and stays.
fn inet6_links(links: Vec<LinkMsg>) -> Vec<LinkMsg> {
    const AF_SPEC: u16 = 26;
    const MIN_MTU: u32 = 1280;
    let has_spec = |m: &LinkMsg| m.other.iter().any(|a| a.kind & 0x3fff == AF_SPEC);
    // The settings say which devices IPv6 is on; without any, the MTU does.
    let specs = links.iter().any(has_spec);
    links
        .into_iter()
        .filter(|m| if specs { has_spec(m) } else { m.mtu.is_none_or(|mtu| mtu >= MIN_MTU) })
        .map(|m| LinkMsg {
            index: m.index,
            name: m.name,
            arp_type: m.arp_type,
            flags: m.flags,
            address: m.address,
            mtu: m.mtu,
            link: m.link.filter(|&link| link != m.index),
            operstate: m.operstate,
            txqlen: m.txqlen,
            ..LinkMsg::default()
        })
        .collect()
}
