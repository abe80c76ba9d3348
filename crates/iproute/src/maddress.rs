//! `ip maddress`: multicast addresses that devices have joined, from files below `/proc/net`.

use std::net::{Ipv4Addr, Ipv6Addr};

use fingerpost_model::LlAddr;
use fingerpost_net::Errno;

use crate::Ctx;
use crate::error::{Done, Failure};
use crate::lex::{Af, Args, matches};
use crate::link::lladdr;
use crate::output::Text;

/// One that was joined.
struct Joined {
    index: i32,
    device: String,
    address: Address,
    users: i32,
    is_static: bool,
}

enum Address {
    Link(Vec<u8>),
    Inet(Ipv4Addr),
    Inet6(Ipv6Addr),
}

/// Runs the command.
pub(crate) fn run(ctx: &mut Ctx<'_>, mut args: Args<'_>) -> Done {
    let Some(verb) = args.take() else { return list(ctx, args) };
    let is = |full: &str| matches(verb, full);
    if is("add") || is("delete") {
        Err(Failure::unsupported(&format!("\"ip maddress {verb}\"")))
    } else if is("list") || is("show") || is("lst") {
        list(ctx, args)
    } else if is("help") {
        Err(usage())
    } else {
        Err(Failure::exit(255, format!("Command \"{verb}\" is unknown, try \"ip maddr help\".")))
    }
}

fn usage() -> Failure {
    Failure::usage("ip maddress show [ dev DEV ]")
}

fn list(ctx: &mut Ctx<'_>, mut args: Args<'_>) -> Done {
    let mut only = None;
    while let Some(word) = args.take() {
        let name = if word == "dev" { args.value()? } else { word };
        if word != "dev" && matches(word, "help") {
            return Err(usage());
        }
        if only.is_some() {
            return Err(Failure::garbage("dev", name));
        }
        only = Some(name);
    }
    let family = ctx.p.opt.family;
    let mut joined = Vec::new();
    for (of, file, read) in [
        (Af::Packet, "dev_mcast", of_link as fn(&str) -> Vec<Joined>),
        (Af::Inet, "igmp", of_inet),
        (Af::Inet6, "igmp6", of_inet6),
    ] {
        if family != Af::Unspec && family != of {
            continue;
        }
        match ctx.kernel.read_file(ctx.ns, &format!("/proc/net/{file}")) {
            Ok(text) => joined.extend(read(&text)),
            // A world in memory has no such file, which says nothing about what was joined.
            Err(Errno::ENOENT) => return Err(Failure::unsupported("\"ip maddress\" here")),
            Err(_) => {}
        }
    }
    joined.retain(|entry| only.is_none_or(|name| name == entry.device));
    joined.sort_by_key(|entry| entry.index);
    print(ctx, &joined);
    Ok(())
}

fn print(ctx: &mut Ctx<'_>, joined: &[Joined]) {
    let oneline = ctx.p.opt.oneline;
    ctx.p.open_document();
    let out = &mut ctx.p.out;
    let mut current = 0;
    for entry in joined {
        if entry.index != current || oneline {
            if current != 0 {
                out.close_array();
                out.close_object();
            }
            out.open_object(None);
            out.num("ifindex", "", entry.index, ":");
            out.string("ifname", "\t", &entry.device, "");
            let sl = out.sl();
            out.fp(sl);
            current = entry.index;
            out.open_array(Some("maddr"));
        }
        out.fp("\t");
        out.open_object(None);
        match &entry.address {
            Address::Link(bytes) => {
                out.string("link", "link  ", &lladdr::show(&LlAddr(bytes.clone()), 0), "");
            }
            Address::Inet(address) => {
                out.string("family", "", "inet", if out.is_json() { "" } else { "  " });
                out.shown("address", "", Text((*address).into()), "");
            }
            Address::Inet6(address) => {
                out.string("family", "", "inet6", " ");
                out.shown("address", "", Text((*address).into()), "");
            }
        }
        if entry.users != 1 {
            out.num("users", " users ", entry.users as u32, "");
        }
        if entry.is_static {
            out.string("features", " ", "static", "");
        }
        out.fp("\n");
        out.close_object();
    }
    if current != 0 {
        out.close_array();
        out.close_object();
    }
    out.close_document();
}

/// Lines such as `3    e1              1     0     333300000001`.
fn of_link(text: &str) -> Vec<Joined> {
    let line = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let &[index, device, users, is_static, address] = words.first_chunk()?;
        Some(Joined {
            index: index.parse().ok()?,
            device: device.into(),
            address: Address::Link(octets(address)?),
            users: users.parse().ok()?,
            is_static: is_static != "0",
        })
    };
    text.lines().filter_map(line).collect()
}

/// A line for each device, and below it one for each group, as the number lies in memory.
fn of_inet(text: &str) -> Vec<Joined> {
    let (mut index, mut device) = (0, String::new());
    let mut joined = Vec::new();
    for line in text.lines().skip(1) {
        let mut words = line.split_whitespace();
        let (Some(first), Some(second)) = (words.next(), words.next()) else { continue };
        if !line.starts_with('\t') {
            index = first.parse().unwrap_or(0);
            device = second.strip_suffix(':').unwrap_or(second).into();
        } else if let (Ok(group), Ok(users)) = (u32::from_str_radix(first, 16), second.parse()) {
            let address = Address::Inet(group.to_ne_bytes().into());
            joined.push(Joined { index, device: device.clone(), address, users, is_static: false });
        }
    }
    joined
}

/// Lines such as `3    e1              ff020000000000000000000000000001     1 0000000C 0`.
fn of_inet6(text: &str) -> Vec<Joined> {
    let line = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let &[index, device, address, users] = words.first_chunk()?;
        let octets: [u8; 16] = octets(address)?.try_into().ok()?;
        Some(Joined {
            index: index.parse().ok()?,
            device: device.into(),
            address: Address::Inet6(octets.into()),
            users: users.parse().ok()?,
            is_static: false,
        })
    };
    text.lines().filter_map(line).collect()
}

/// Bytes from hexadecimal digits.
fn octets(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}
