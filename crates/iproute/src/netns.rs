//! `ip netns`: named namespaces, and commands run in them.

use fingerpost_model::NsId;
use fingerpost_net::Errno;

use crate::error::{Done, Failure};
use crate::lex::{Args, get_s32, matches};
use crate::{Ctx, Sinks, program};

/// Where names stand on a real host.
const RUN_DIR: &str = "/run/netns";

/// Runs the command.
pub(crate) fn run(ctx: &mut Ctx<'_>, mut args: Args<'_>) -> Done {
    let Some(verb) = args.take() else { return list(ctx) };
    let is = |full: &str| matches(verb, full);
    if let (false, Some(name)) = (ctx.p.opt.all, args.peek())
        && !is_name(name)
    {
        return Err(Failure::exit(255, format!("Invalid netns name \"{name}\"")));
    }
    if is("list") || is("show") || is("lst") {
        list(ctx)
    } else if is("list-id") {
        match args.peek() {
            None | Some("target-nsid" | "nsid") => Err(Failure::unsupported("\"ip netns list-id\"")),
            Some(_) => Err(usage()),
        }
    } else if is("help") {
        Err(usage())
    } else if is("add") {
        add(ctx, args)
    } else if is("set") {
        set(args)
    } else if is("delete") {
        delete(ctx, args)
    } else if is("identify") {
        match args.rest() {
            [_, _, ..] => Err(Failure::returned(1, "extra arguments specified")),
            [pid] if !pid.bytes().all(|b| b.is_ascii_digit()) => {
                Err(Failure::returned(1, format!("Specified string '{pid}' is not a pid")))
            }
            _ => Err(Failure::unsupported("\"ip netns identify\"")),
        }
    } else if is("pids") {
        match args.rest() {
            [] => Err(Failure::returned(1, "No netns name specified")),
            [_, _, ..] => Err(Failure::returned(1, "extra arguments specified")),
            [name] if ctx.kernel.find_netns(name).is_none() => {
                Err(Failure::returned(1, format!("Cannot open network namespace: {}", Errno::ENOENT)))
            }
            [_] => Err(Failure::unsupported("\"ip netns pids\"")),
        }
    } else if is("exec") {
        exec(ctx, args)
    } else if is("monitor") {
        Err(Failure::unsupported("\"ip netns monitor\""))
    } else if is("attach") {
        match args.rest() {
            [] | [_] => Err(Failure::returned(1, "No netns name and PID specified")),
            [_, pid, ..] if get_s32(pid, 0).is_none_or(|pid| pid == 0) => {
                Err(Failure::returned(1, format!("Invalid PID: {pid}")))
            }
            _ => Err(Failure::unsupported("\"ip netns attach\"")),
        }
    } else {
        Err(Failure::exit(255, format!("Command \"{verb}\" is unknown, try \"ip netns help\".")))
    }
}

fn usage() -> Failure {
    Failure::usage("ip netns { list | add NAME | delete NAME | exec NAME COMMAND... }")
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= 255 && !name.contains('/') && name != "." && name != ".."
}

fn list(ctx: &mut Ctx<'_>) -> Done {
    // Without their directory iproute2 prints no document either.
    let Some(names) = ctx.kernel.netns_names() else { return Ok(()) };
    ctx.p.open_document();
    for name in &names {
        let id = id_of_name(ctx, name);
        let out = &mut ctx.p.out;
        out.open_object(None);
        out.string("name", "", name, "");
        if let Some(id) = id {
            out.num("id", " (id: ", id, ")");
        }
        out.fp("\n");
        out.close_object();
    }
    ctx.p.out.close_document();
    Ok(())
}

fn add(ctx: &mut Ctx<'_>, mut args: Args<'_>) -> Done {
    let Some(name) = args.take() else {
        return Err(Failure::returned(1, "No netns name specified"));
    };
    match ctx.kernel.add_netns(name) {
        Ok(_) => Ok(()),
        Err(errno) => {
            let message = format!("Cannot create namespace file \"{RUN_DIR}/{name}\": {errno}");
            Err(Failure { errno: Some(errno), ..Failure::returned(1, message) })
        }
    }
}

fn delete(ctx: &mut Ctx<'_>, mut args: Args<'_>) -> Done {
    let names = match args.take() {
        _ if ctx.p.opt.all => ctx.kernel.netns_names().unwrap_or_default(),
        Some(name) => vec![name.to_string()],
        None => return Err(Failure::returned(1, "No netns name specified")),
    };
    for name in names {
        if let Err(errno) = ctx.kernel.del_netns(&name) {
            let message = format!("Cannot remove namespace file \"{RUN_DIR}/{name}\": {errno}");
            let failure = Failure { errno: Some(errno), ..Failure::returned(1, message) };
            if !ctx.p.opt.all {
                return Err(failure);
            }
            // The first that fails ends the round, without a status.
            ctx.report(&failure);
            break;
        }
    }
    Ok(())
}

fn set(args: Args<'_>) -> Done {
    match args.rest() {
        [] => Err(Failure::returned(1, "No netns name specified")),
        [_] => Err(Failure::returned(1, "No nsid specified")),
        [_, id, ..] if *id != "auto" && get_s32(id, 0).is_none() => {
            Err(Failure::invalid("Invalid \"netnsid\" value", id))
        }
        [_, id, ..] if *id != "auto" && get_s32(id, 0).is_some_and(|id| id < 0) => {
            Err(Failure::invalid("\"netnsid\" value should be >= 0", id))
        }
        _ => Err(Failure::unsupported("\"ip netns set\"")),
    }
}

/// How deep `ip netns exec … ip` may nest: a batch file can run itself.
const MAX_DEPTH: usize = 8;

/// Runs a command in one namespace, or in all of them.
fn exec(ctx: &mut Ctx<'_>, mut args: Args<'_>) -> Done {
    let all = ctx.p.opt.all;
    let name = if all { None } else { args.take() };
    if name.is_none() && !all {
        return Err(Failure::returned(1, "No netns name specified"));
    }
    if args.is_empty() {
        return Err(Failure::returned(1, "No command specified"));
    }
    let Some(name) = name else {
        for name in ctx.kernel.netns_names().unwrap_or_default() {
            ctx.p.out.raw_fmt(format_args!("\nnetns: {name}\n"));
            if let Some(ns) = ctx.kernel.find_netns(&name) {
                command(ctx, ns, args)?;
            }
        }
        return Ok(());
    };
    let Some(ns) = ctx.kernel.find_netns(name) else { return Err(cannot_enter(ctx, name)) };
    match command(ctx, ns, args)? {
        0 => Ok(()),
        status => Err(Failure::returned(status as u8, "")),
    }
}

/// Why a namespace cannot be entered: there is none with this name, or the
/// privilege for that is missing.
pub(crate) fn cannot_enter(ctx: &mut Ctx<'_>, name: &str) -> Failure {
    let known = ctx.kernel.netns_names().is_some_and(|names| names.iter().any(|known| known == name));
    let message = match known {
        true => format!("setting the network namespace \"{name}\" failed: {}", Errno::EPERM),
        false => format!("Cannot open network namespace \"{name}\": {}", Errno::ENOENT),
    };
    Failure::exit(255, message)
}

/// Runs `ip` itself here, and anything else where the caller can.
fn command(ctx: &mut Ctx<'_>, ns: NsId, mut args: Args<'_>) -> Done<i32> {
    if args.peek() == Some("ip") {
        if ctx.depth == MAX_DEPTH {
            let message = format!("\"ip netns exec\" within itself, more than {MAX_DEPTH} deep");
            return Err(Failure::unsupported(&message));
        }
        args.take();
        ctx.depth += 1;
        let status = ip(ctx, ns, args);
        ctx.depth -= 1;
        return Ok(status);
    }
    let Some(exec) = ctx.env.exec else {
        let what = args.peek().unwrap_or_default();
        return Err(Failure::unsupported(&format!("\"ip netns exec ... {what}\"")));
    };
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    let mut sinks = Sinks { stdout: &mut stdout, stderr: &mut stderr };
    let (status, errno) = exec(ctx.kernel, ns, args.rest(), &mut sinks);
    ctx.errno = errno.or(ctx.errno);
    ctx.p.out.raw(&String::from_utf8_lossy(&stdout));
    ctx.p.out.err(&String::from_utf8_lossy(&stderr));
    Ok(status)
}

/// Runs `ip` anew in another namespace: nothing is remembered, and options are
/// those given to it.
fn ip(ctx: &mut Ctx<'_>, ns: NsId, args: Args<'_>) -> i32 {
    let numeric = ctx.p.names.numeric();
    let outer_ns = std::mem::replace(&mut ctx.ns, ns);
    let outer_opt = std::mem::take(&mut ctx.p.opt);
    let outer_links = std::mem::take(&mut ctx.p.links);
    let outer_nexthops = std::mem::take(&mut ctx.p.nexthops);
    let outer_tables6 = std::mem::take(&mut ctx.p.tables6);
    let outer_listed = std::mem::take(&mut ctx.p.link_listed);
    ctx.p.names.set_numeric(false);
    let status = match program(ctx, args) {
        Ok(status) => status,
        Err(failure) => {
            ctx.report(&failure);
            failure.status.into()
        }
    };
    ctx.ns = outer_ns;
    ctx.p.opt = outer_opt;
    ctx.p.links = outer_links;
    ctx.p.nexthops = outer_nexthops;
    ctx.p.tables6 = outer_tables6;
    ctx.p.link_listed = outer_listed;
    ctx.p.names.set_numeric(numeric);
    let oneline = ctx.p.opt.oneline;
    ctx.p.out.set_oneline(oneline);
    status
}

/// The name of the namespace that has this id here.
pub(crate) fn name_of_id(ctx: &mut Ctx<'_>, id: i32) -> Option<String> {
    ctx.kernel.netns_names()?.into_iter().find(|name| id_of_name(ctx, name) == Some(id))
}

/// The id that a named namespace has here (`get_netnsid_from_name`).
fn id_of_name(ctx: &mut Ctx<'_>, name: &str) -> Option<i32> {
    let other = ctx.kernel.find_netns(name)?;
    ctx.kernel.netns_id(ctx.ns, other)
}
