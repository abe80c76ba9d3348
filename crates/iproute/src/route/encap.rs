//! Tunnels on routes: `encap mpls | ip | ip6 | seg6 | xfrm …`, to the raw
//! attributes that the model keeps, and back to text.
//!
//! Types with rarely used grammars (bpf, ila, seg6local, rpl, ioam6, tunnel
//! options) are refused when parsed, and printed by name only.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use fingerpost_model::Encap;
use fingerpost_model::attr::{self, put};

use super::modify::wrong;
use crate::error::{Done, Failure};
use crate::lex::{Af, Args, get_addr, get_u8, get_u32, get_u64, strtoul};
use crate::output::Text;
use crate::{Ctx, Printer};

const TYPES: [&str; 10] = ["mpls", "ip", "ila", "ip6", "seg6", "bpf", "seg6local", "rpl", "ioam6", "xfrm"];
const MPLS: u16 = 1;
const IP: u16 = 2;
const IP6: u16 = 4;
const SEG6: u16 = 5;
const XFRM: u16 = 10;

/// Flags of the ip and ip6 types, in network order on the wire.
const FLAGS: [(&str, u16); 3] = [("key", 4), ("csum", 1), ("seq", 8)];
const SEG6_MODES: [&str; 5] = ["inline", "encap", "l2encap", "encap.red", "l2encap.red"];

/// Takes what follows the word `encap`.
pub(crate) fn parse(ctx: &mut Ctx<'_>, args: &mut Args<'_>) -> Done<Option<Encap>> {
    let name = args.value()?;
    if name == "help" {
        return Err(Failure::usage("ip route ... encap TYPE [ OPTIONS ] [...]"));
    }
    let Some(at) = TYPES.iter().position(|t| *t == name) else {
        return Err(Failure::invalid("\"encap type\" value is invalid\n", name));
    };
    let kind = at as u16 + 1;
    if args.is_empty() {
        return Err(Failure::incomplete());
    }
    if args.len() == 1 {
        return Err(Failure::exit(255, "Error: unexpected end of line after \"encap\""));
    }
    let data = match kind {
        MPLS => mpls(args)?,
        IP => ip(ctx, args, Af::Inet)?,
        IP6 => ip(ctx, args, Af::Inet6)?,
        SEG6 => seg6(args)?,
        XFRM => xfrm(ctx, args)?,
        _ => return Err(Failure::unsupported(&format!("\"encap {name}\""))),
    };
    Ok(Some(Encap { kind, data }))
}

fn mpls(args: &mut Args<'_>) -> Done<Vec<u8>> {
    let text = args.value()?;
    let expected = || Failure::exit(1, format!("Error: mpls address is expected rather than \"{text}\"."));
    let mut labels = Vec::new();
    let mut rest = text;
    loop {
        let (label, _, after) = strtoul(rest, 0).ok_or_else(expected)?;
        if label >= 1 << 20 {
            return Err(expected());
        }
        let bottom = after.is_empty();
        labels.extend_from_slice(&((label as u32) << 12 | u32::from(bottom) << 8).to_be_bytes());
        match after.strip_prefix('/') {
            _ if bottom => break,
            Some(next) if labels.len() < 256 => rest = next,
            _ => return Err(expected()),
        }
    }
    let mut data = Vec::new();
    put(&mut data, 1, &labels);
    let mut seen = Seen::default();
    while args.peek() == Some("ttl") {
        args.take();
        let text = args.value()?;
        seen.once("ttl", text)?;
        put(&mut data, 2, &[get_u8(text, 0).ok_or_else(|| wrong("ttl", text))?]);
    }
    Ok(data)
}

/// Keywords that may stand once.
#[derive(Default)]
struct Seen(Vec<&'static str>);

impl Seen {
    fn once(&mut self, key: &'static str, text: &str) -> Done {
        if self.0.contains(&key) {
            return Err(Failure::garbage(key, text));
        }
        self.0.push(key);
        Ok(())
    }
}

fn ip(ctx: &mut Ctx<'_>, args: &mut Args<'_>, family: Af) -> Done<Vec<u8>> {
    let (tos_key, ttl_key) = if family == Af::Inet { ("tos", "ttl") } else { ("tc", "hoplimit") };
    let mut data = Vec::new();
    let mut seen = Seen::default();
    let mut flags = 0u16;
    while let Some(word) = args.peek() {
        let mut after = *args;
        after.take();
        if let Some(&(key, flag)) = FLAGS.iter().find(|f| f.0 == word) {
            seen.once(key, word)?;
            flags |= flag;
        } else if word == "id" {
            let text = after.value()?;
            seen.once("id", text)?;
            put(&mut data, 1, &get_u64(text, 0).ok_or_else(|| wrong("id", text))?.to_be_bytes());
        } else if word == "dst" || word == "src" {
            let text = after.value()?;
            let (key, kind) = if word == "dst" { ("dst", 2) } else { ("src", 3) };
            seen.once(key, text)?;
            match get_addr(text, family)?.ip {
                Some(IpAddr::V4(ip)) => put(&mut data, kind, &ip.octets()),
                Some(IpAddr::V6(ip)) => put(&mut data, kind, &ip.octets()),
                None => put(&mut data, kind, &[]),
            }
        } else if word == tos_key {
            let text = after.value()?;
            seen.once(tos_key, text)?;
            put(&mut data, 5, &[ctx.p.names.parse_dsfield(text).ok_or_else(|| wrong(tos_key, text))?]);
        } else if word == ttl_key {
            let text = after.value()?;
            seen.once(ttl_key, text)?;
            put(&mut data, 4, &[get_u8(text, 0).ok_or_else(|| wrong(ttl_key, text))?]);
        } else if matches!(word, "geneve_opts" | "vxlan_opts" | "erspan_opts") {
            return Err(Failure::unsupported(&format!("\"{word}\" in \"encap\"")));
        } else {
            break;
        }
        *args = after;
    }
    if flags != 0 {
        put(&mut data, 6, &flags.to_be_bytes());
    }
    Ok(data)
}

fn seg6(args: &mut Args<'_>) -> Done<Vec<u8>> {
    let mut seen = Seen::default();
    let (mut mode, mut segments) = (None, "");
    while let Some(word) = args.peek() {
        let mut after = *args;
        after.take();
        if word == "mode" {
            let text = after.value()?;
            seen.once("mode", text)?;
            let at = SEG6_MODES.iter().position(|m| *m == text);
            mode = Some(at.ok_or_else(|| wrong("mode", text))? as u32);
        } else if word == "segs" {
            let text = after.value()?;
            seen.once("segs", text)?;
            if mode.is_none() {
                return Err(Failure::invalid("\"segs\" provided before \"mode\"\n", text));
            }
            segments = text;
        } else if word == "hmac" {
            return Err(Failure::unsupported("\"hmac\" in \"encap seg6\""));
        } else {
            break;
        }
        *args = after;
    }
    let inline = mode == Some(0);
    let mut list = Vec::new();
    for text in segments.split(',').filter(|s| !s.is_empty()) {
        match get_addr(text, Af::Inet6)?.ip {
            Some(IpAddr::V6(ip)) => list.push(ip),
            _ => list.push(Ipv6Addr::UNSPECIFIED),
        }
    }
    // The header counts commas, not addresses; inline mode leaves the last place free.
    let count = segments.matches(',').count() + 1 + usize::from(inline);
    let mut srh = vec![0u8; 8 + 16 * count];
    srh[1] = (srh.len() / 8 - 1) as u8;
    srh[2] = 4;
    srh[3] = (count - 1) as u8;
    srh[4] = (count - 1) as u8;
    for (i, ip) in list.iter().enumerate() {
        let at = 8 + 16 * (count - 1 - i);
        srh[at..at + 16].copy_from_slice(&ip.octets());
    }
    let mut value = mode.unwrap_or(u32::MAX).to_ne_bytes().to_vec();
    value.extend_from_slice(&srh);
    let mut data = Vec::new();
    put(&mut data, 1, &value);
    Ok(data)
}

fn xfrm(ctx: &mut Ctx<'_>, args: &mut Args<'_>) -> Done<Vec<u8>> {
    let usage = || Failure::usage("ip route ... encap xfrm if_id IF_ID [ link_dev LINK ]");
    let mut seen = Seen::default();
    let mut data = Vec::new();
    // Words that mean nothing here are skipped to the end of the line, as iproute2 does.
    while let Some(word) = args.take() {
        if word == "if_id" {
            let text = args.value()?;
            seen.once("if_id", text)?;
            let id = get_u32(text, 0).filter(|&id| id != 0).ok_or_else(|| wrong("if_id", text))?;
            put(&mut data, 1, &id.to_ne_bytes());
        } else if word == "link_dev" {
            let text = args.value()?;
            seen.once("link_dev", text)?;
            let link = ctx.index_of(text).map_err(|f| Failure { ends: true, status: 255, ..f })?;
            put(&mut data, 2, &link.to_ne_bytes());
        } else if word == "help" {
            return Err(usage());
        }
    }
    if !seen.0.contains(&"if_id") {
        return Err(usage());
    }
    Ok(data)
}

/// Prints a tunnel (`lwt_print_encap`).
pub(crate) fn print(p: &mut Printer<'_>, encap: &Encap) {
    let name = usize::from(encap.kind).checked_sub(1).and_then(|i| TYPES.get(i));
    p.out.string("encap", " encap ", name.unwrap_or(&"unknown"), " ");
    let attrs: Vec<_> = attr::nested(&encap.data).map(|(kind, data)| (kind & attr::TYPE, data)).collect();
    let find = |kind: u16| attrs.iter().rev().find(|a| a.0 == kind).map(|a| a.1);
    match encap.kind {
        MPLS => print_mpls(p, find(1), find(2)),
        IP | IP6 => print_ip(p, encap.kind == IP, &find),
        SEG6 => print_seg6(p, find(1)),
        XFRM => {
            if let Some(id) = find(1).and_then(u32_of) {
                p.out.num("if_id", "if_id ", id, " ");
            }
            if let Some(link) = find(2).and_then(u32_of) {
                let name = p.links.name(link);
                p.out.string("link_dev", "link_dev ", &name, " ");
            }
        }
        _ => {}
    }
}

fn u32_of(data: &[u8]) -> Option<u32> {
    data.try_into().ok().map(u32::from_ne_bytes)
}

fn print_mpls(p: &mut Printer<'_>, labels: Option<&[u8]>, ttl: Option<&[u8]>) {
    if let Some(labels) = labels {
        let mut text = String::new();
        for entry in labels.chunks_exact(4) {
            let entry = u32::from_be_bytes([entry[0], entry[1], entry[2], entry[3]]);
            text.push_str(&(entry >> 12).to_string());
            if entry & 0x100 != 0 {
                break;
            }
            text.push('/');
        }
        p.out.string("dst", " ", &text, " ");
    }
    if let Some(&[ttl, ..]) = ttl {
        p.out.num("ttl", "ttl ", ttl, " ");
    }
}

fn print_ip<'d>(p: &mut Printer<'_>, v4: bool, find: &dyn Fn(u16) -> Option<&'d [u8]>) {
    if let Some(id) = find(1).and_then(|d| <[u8; 8]>::try_from(d).ok()) {
        p.out.num("id", "id ", u64::from_be_bytes(id), " ");
    }
    for (kind, key, before) in [(3, "src", "src "), (2, "dst", "dst ")] {
        let Some(data) = find(kind) else { continue };
        let ip: Option<IpAddr> = if v4 {
            <[u8; 4]>::try_from(data).ok().map(|o| Ipv4Addr::from(o).into())
        } else {
            <[u8; 16]>::try_from(data).ok().map(|o| Ipv6Addr::from(o).into())
        };
        if let Some(ip) = ip {
            p.out.shown(key, before, Text(ip), " ");
        }
    }
    let (ttl, tos) = if v4 { ("ttl", "tos") } else { ("hoplimit", "tc") };
    for (kind, key) in [(4, ttl), (5, tos)] {
        if let Some(&[value, ..]) = find(kind) {
            p.out.num(key, &format!("{key} "), value, " ");
        }
    }
    if let Some(flags) = find(6).and_then(|d| <[u8; 2]>::try_from(d).ok()) {
        for (key, flag) in FLAGS {
            if u16::from_be_bytes(flags) & flag != 0 {
                p.out.flag(key, true, &format!("{key} "));
            }
        }
    }
}

fn print_seg6(p: &mut Printer<'_>, value: Option<&[u8]>) {
    let Some((mode, srh)) = value.and_then(|v| v.split_at_checked(4)) else { return };
    let mode = u32_of(mode).unwrap_or(u32::MAX) as usize;
    p.out.string("mode", "mode ", SEG6_MODES.get(mode).unwrap_or(&"<unknown>"), " ");
    let Some(&first) = srh.get(4) else { return };
    p.out.open_array(Some("segs"));
    p.out.fp_fmt(format_args!("segs {} [ ", u32::from(first) + 1));
    for i in (0..=usize::from(first)).rev() {
        let Some(octets) = srh.get(8 + 16 * i..24 + 16 * i) else { continue };
        if let Ok(octets) = <[u8; 16]>::try_from(octets) {
            p.out.item("", &Text(Ipv6Addr::from(octets).into()).to_string(), " ");
        }
    }
    p.out.close_array();
    p.out.fp("] ");
}
