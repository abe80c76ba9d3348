//! `ip mroute`: entries of multicast forwarding caches.

use fingerpost_model::{MrouteMsg, TableId};
use fingerpost_net::Family;

use crate::error::{Done, Failure};
use crate::lex::{Af, Args, matches};
use crate::output::Text;
use crate::{Ctx, Printer};

const USAGE: &str = "ip mroute show [ [ to ] PREFIX ] [ from PREFIX ] [ iif DEVICE ] [ table TABLE_ID ]";
/// The table that is shown where none is named.
const DEFAULT: u32 = 253;

/// Runs the command.
pub(crate) fn run(ctx: &mut Ctx<'_>, mut args: Args<'_>) -> Done {
    let Some(verb) = args.take() else { return list(ctx, args) };
    let is = |full: &str| matches(verb, full);
    if is("list") || is("show") || is("lst") {
        list(ctx, args)
    } else if is("help") {
        Err(Failure::usage(USAGE))
    } else {
        Err(Failure::exit(255, format!("Command \"{verb}\" is unknown, try \"ip mroute help\".")))
    }
}

/// What is asked for; a table of 0 stands for all.
struct Filter {
    table: u32,
    iif: u32,
}

fn list(ctx: &mut Ctx<'_>, mut args: Args<'_>) -> Done {
    let (family, table) = match ctx.p.opt.family {
        Af::Unspec | Af::Inet => (Family::V4, DEFAULT),
        Af::Inet6 => (Family::V6, 0),
        _ => return Ok(()),
    };
    let (mut filter, mut iif) = (Filter { table, iif: 0 }, None);
    while let Some(word) = args.take() {
        if matches(word, "table") {
            let text = args.value()?;
            filter.table = match ctx.p.names.parse_table(text) {
                Some(id) => id,
                None if text == "all" => 0,
                None if text == "help" => return Err(Failure::usage(USAGE)),
                None => return Err(Failure::invalid("table id value is invalid\n", text)),
            };
        } else if word == "iif" {
            iif = Some(args.value()?);
        } else if matches(word, "from") {
            prefix(args.value()?)?;
        } else {
            let text = if word == "to" { args.value()? } else { word };
            if matches(text, "help") {
                return Err(Failure::usage(USAGE));
            }
            prefix(text)?;
        }
    }
    ctx.refresh_links();
    if let Some(name) = iif {
        let index = ctx.p.links.index(ctx.kernel, ctx.ns, name);
        filter.iif = index.ok_or_else(|| Failure::no_device(name))?;
    }
    let asked = (filter.table != 0).then_some(TableId(filter.table));
    let Ctx { kernel, p, ns, .. } = ctx;
    let mut entries = Vec::new();
    let dumped = kernel.mroutes(*ns, family, asked, &mut |entry| entries.push(entry.clone()));
    p.open_document();
    if let Err(refusal) = dumped {
        return Err(Failure::dump(&refusal, 1, "Dump terminated"));
    }
    let takes = |entry: &&MrouteMsg| {
        (filter.table == 0 || entry.table.0 == filter.table)
            && (filter.iif == 0 || entry.iif == Some(filter.iif))
    };
    entries.iter().filter(takes).for_each(|entry| print(p, entry, &filter));
    p.out.close_document();
    Ok(())
}

/// iproute2 reads prefixes here as of a family that has none: but for those without an
/// address, all are refused.
fn prefix(text: &str) -> Done {
    match text {
        "default" | "any" | "all" => Ok(()),
        _ => Err(Failure::returned(1, format!("Error: ??? prefix is expected rather than \"{text}\"."))),
    }
}

fn print(p: &mut Printer<'_>, entry: &MrouteMsg, filter: &Filter) {
    let shown = |addr: Option<std::net::IpAddr>| {
        addr.map_or_else(|| "unknown".to_owned(), |addr| Text(addr).to_string())
    };
    let (src, dst) = (shown(entry.src), shown(entry.dst));
    p.out.open_object(None);
    p.out.json_str("src", &src);
    p.out.json_str("dst", &dst);
    p.out.fp(&format!("{:<32} Iif: ", format!("({src},{dst})")));
    match entry.iif {
        Some(iif) => {
            let name = p.links.name(iif).to_string();
            p.out.json_str("iif", &name);
            p.out.fp(&format!("{name:<10} "));
        }
        None => p.out.string("iif", "", "unresolved", " "),
    }
    if let Some(oifs) = &entry.oifs {
        p.out.open_array(Some("multipath"));
        for (at, oif) in oifs.iter().enumerate() {
            p.out.open_object(None);
            if at == 0 {
                p.out.fp("Oifs: ");
            }
            let name = p.links.name(oif.dev).to_string();
            p.out.string("oif", "", &name, "");
            match oif.ttl {
                0 | 1 => p.out.fp(" "),
                ttl => p.out.num("ttl", "(ttl ", ttl, ") "),
            }
            p.out.close_object();
        }
        p.out.close_array();
    }
    p.out.string("state", " State: ", if entry.unresolved { "unresolved" } else { "resolved" }, "");
    if p.opt.stats > 0 {
        stats(p, entry);
    }
    let table = entry.table.0;
    let is_shown = table != 0 && (table != TableId::MAIN.0 || p.opt.details > 0) && filter.table == 0;
    if is_shown {
        let name = p.names.table(table);
        p.out.string("table", " Table: ", &name, "");
    }
    p.out.fp("\n");
    p.out.close_object();
}

fn stats(p: &mut Printer<'_>, entry: &MrouteMsg) {
    if let Some([packets, bytes, wrong_if]) = entry.stats {
        let line = p.out.sl().to_owned();
        p.out.fp(&line);
        p.out.num("packets", "  ", packets, " packets,");
        p.out.num("bytes", " ", bytes, " bytes");
        if wrong_if != 0 {
            p.out.num("wrong_if", ", ", wrong_if, " arrived on wrong iif.");
        }
    }
    if let Some(age) = entry.age {
        let seconds = age as f64 / 100.0;
        p.out.fp(&format!(", Age {seconds:.2}"));
        p.out.json_num("expires", seconds);
    }
}
