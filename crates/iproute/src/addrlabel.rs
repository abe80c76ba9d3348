//! `ip addrlabel`: labels of prefixes, by which IPv6 chooses source addresses.

use fingerpost_model::{AddrLabelMsg, Change, NlFlags, Op, Refusal};
use fingerpost_net::{Errno, Family, IpPrefix};

use crate::error::{Done, Failure};
use crate::lex::{Addr, Af, Args, get_prefix, get_u32, matches};
use crate::output::Text;
use crate::{Ctx, Printer};

/// Runs the command.
pub(crate) fn run(ctx: &mut Ctx<'_>, mut args: Args<'_>) -> Done {
    let Some(verb) = args.take() else { return list(ctx, args) };
    let is = |full: &str| matches(verb, full);
    if is("list") || is("lst") || is("show") {
        list(ctx, args)
    } else if is("add") {
        let label = parse(ctx, args)?;
        ctx.apply(Op { flags: NlFlags::CREATE | NlFlags::EXCL, change: Change::NewAddrLabel(label) })
    } else if is("delete") {
        let label = parse(ctx, args)?;
        ctx.apply(Op { flags: NlFlags(0), change: Change::DelAddrLabel(label) })
    } else if is("flush") {
        flush(ctx, args)
    } else if is("help") {
        let usage = "ip addrlabel { add | del } prefix PREFIX [ dev DEV ] label LABEL | list | flush";
        Err(Failure::usage(usage))
    } else {
        Err(Failure::exit(255, format!("Command \"{verb}\" is unknown, try \"ip addrlabel help\".")))
    }
}

/// The labels; families other than IPv6 have none, and the kernel says so.
fn dump(ctx: &mut Ctx<'_>, status: u8, last: &str) -> Done<Vec<AddrLabelMsg>> {
    if !matches!(ctx.p.opt.family, Af::Unspec | Af::Inet6) {
        let errno = Errno::EOPNOTSUPP;
        let message = format!("RTNETLINK answers: {errno}\n{last}");
        return Err(Failure { errno: Some(errno), ..Failure::returned(status, message) });
    }
    let mut labels = Vec::new();
    let dumped = ctx.kernel.address_labels(ctx.ns, &mut |label| labels.push(label.clone()));
    dumped.map(|()| labels).map_err(|refusal| Failure::dump(&refusal, status, last))
}

fn list(ctx: &mut Ctx<'_>, args: Args<'_>) -> Done {
    if !args.is_empty() {
        return Err(Failure::returned(1, "\"ip addrlabel show\" does not take any arguments."));
    }
    ctx.refresh_links();
    ctx.p.open_document();
    for label in dump(ctx, 255, "Dump terminated")? {
        print(&mut ctx.p, &label);
    }
    ctx.p.out.close_document();
    Ok(())
}

fn print(p: &mut Printer<'_>, label: &AddrLabelMsg) {
    p.out.open_object(None);
    if let Some(prefix) = label.prefix {
        p.out.shown("address", "prefix ", Text(prefix.addr), "");
        p.out.num("prefixlen", "/", prefix.len, " ");
    }
    if label.index != 0 {
        let name = p.links.name(label.index);
        p.out.string("ifname", "dev ", &name, " ");
    }
    if let Some(label) = label.label {
        p.out.num("label", "label ", label, " ");
    }
    p.out.fp("\n");
    p.out.close_object();
}

/// Reads the words of a change; those that mean nothing are skipped, as iproute2 does.
fn parse(ctx: &mut Ctx<'_>, mut args: Args<'_>) -> Done<AddrLabelMsg> {
    let family = ctx.p.opt.family;
    let (mut prefix, mut label): (Option<Addr>, _) = (None, None);
    let mut message = AddrLabelMsg::new(Family::V6);
    while let Some(word) = args.take() {
        match word {
            "prefix" => prefix = Some(get_prefix(args.value()?, family)?),
            "dev" => {
                let name = args.value()?;
                let index = ctx.p.links.index(ctx.kernel, ctx.ns, name);
                message.index = index.ok_or_else(|| Failure::invalid("dev is invalid\n", name))?;
            }
            "label" => {
                let text = args.value()?;
                let number = get_u32(text, 0).filter(|&number| number != u32::MAX);
                label = Some(number.ok_or_else(|| Failure::invalid("label is invalid\n", text))?);
            }
            _ => {}
        }
    }
    let missing =
        |key| Failure::returned(1, format!("Not enough information: \"{key}\" argument is required."));
    let prefix = prefix.ok_or_else(|| missing("prefix"))?;
    message.label = Some(label.ok_or_else(|| missing("label"))?);
    // What the kernel says of an attribute that is shorter than an IPv6 address,
    // and of a family that it has no labels for.
    let refused = |refusal| Err(Failure::refused(&refusal));
    match prefix.prefix() {
        _ if !matches!(family, Af::Unspec | Af::Inet6) => {
            return refused(Refusal::new(Errno::EOPNOTSUPP));
        }
        Some(IpPrefix { addr: std::net::IpAddr::V6(_), .. }) => message.prefix = prefix.prefix(),
        _ => return refused(Refusal::with(Errno::ERANGE, "Attribute failed policy validation")),
    }
    Ok(message)
}

/// Removes all labels, those of the kernel too; the first that it refuses ends the flush.
fn flush(ctx: &mut Ctx<'_>, args: Args<'_>) -> Done {
    if !args.is_empty() {
        return Err(Failure::returned(1, "\"ip addrlabel flush\" does not allow extra arguments"));
    }
    for label in dump(ctx, 1, "Flush terminated")? {
        let gone = ctx.apply(Op { flags: NlFlags(0), change: Change::DelAddrLabel(label) });
        if let Err(failure) = gone {
            let message = format!("{}Flush terminated\n", failure.message);
            return Err(Failure { status: 1, message, ..failure });
        }
    }
    Ok(())
}
