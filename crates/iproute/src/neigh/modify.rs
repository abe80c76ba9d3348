//! The words of `ip neigh add`, `change`, `replace` and `delete` (`ipneigh_modify`).

use fingerpost_model::{Change, NeighFlags, NeighMsg, NeighState, NlFlags, Op};

use super::{parse_state, usage};
use crate::Ctx;
use crate::error::{Done, Failure};
use crate::lex::{Addr, Args, get_addr, matches};
use crate::link::lladdr;

/// Adds or changes (`flags` as netlink has them), or deletes a neighbour.
pub(crate) fn run(ctx: &mut Ctx<'_>, flags: Option<NlFlags>, mut args: Args<'_>) -> Done {
    let family = ctx.p.opt.family;
    let mut state = NeighState::PERMANENT;
    let (mut entry_flags, mut protocol) = (NeighFlags(0), None);
    let (mut dst, mut dev, mut lladdr): (Option<Addr>, Option<&str>, Option<&str>) = (None, None, None);
    let mut proxy = false;
    while let Some(word) = args.take() {
        let is = |full: &str| matches(word, full);
        if is("lladdr") {
            let text = args.value()?;
            if lladdr.is_some() {
                return Err(Failure::duplicate("lladdr", text));
            }
            lladdr = Some(text);
        } else if word == "nud" {
            let text = args.value()?;
            state = parse_state(text).ok_or_else(|| Failure::invalid("nud state is bad", text))?;
        } else if is("proxy") {
            let text = args.value()?;
            if matches(text, "help") {
                return Err(usage());
            }
            if dst.is_some() {
                return Err(Failure::duplicate("address", text));
            }
            dst = Some(get_addr(text, family)?);
            proxy = true;
            entry_flags = entry_flags | NeighFlags::PROXY;
        } else if word == "router" {
            entry_flags = entry_flags | NeighFlags::ROUTER;
        } else if word == "use" {
            entry_flags = entry_flags | NeighFlags::USE;
        } else if word == "managed" {
            entry_flags = entry_flags | NeighFlags::MANAGED;
            state = NeighState(0);
        } else if is("extern_learn") {
            entry_flags = entry_flags | NeighFlags::EXT_LEARNED;
        } else if word == "dev" {
            dev = Some(args.value()?);
        } else if is("protocol") {
            let text = args.value()?;
            let number = ctx.p.names.parse_proto(text);
            protocol = Some(number.ok_or_else(|| Failure::invalid("\"protocol\" value is invalid\n", text))?);
        } else {
            let mut text = if word == "to" { args.value()? } else { word };
            if matches(text, "help") {
                // iproute2 takes the next word for the address.
                text = args.value()?;
            }
            if dst.is_some() {
                return Err(Failure::garbage("to", text));
            }
            dst = Some(get_addr(text, family)?);
        }
    }
    let target = dst.filter(|_| dev.is_some() || proxy).and_then(|dst| Some((dst.family.ip()?, dst.ip)));
    let Some((family, ip)) = target else {
        return Err(Failure::exit(255, "Device and destination are required arguments."));
    };
    let lladdr = match lladdr {
        Some(text) if text != "null" => Some(lladdr::parse(text, 20)?),
        _ => None,
    };
    ctx.p.links.load_all(ctx.kernel, ctx.ns);
    let index = match dev {
        Some(dev) => ctx.index_of(dev)?,
        None => 0,
    };
    let msg =
        NeighMsg { state, flags: entry_flags, dst: ip, lladdr, protocol, ..NeighMsg::new(family, index) };
    let change = match flags {
        Some(_) => Change::NewNeighbour(msg),
        None => Change::DelNeighbour(msg),
    };
    // A refusal ends a batch, too.
    ctx.apply(Op { flags: flags.unwrap_or_default(), change }).map_err(|f| Failure { ends: true, ..f })
}
