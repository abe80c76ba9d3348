//! The words of `ip link add`, `set` and `delete` (`iplink_parse`).

use fingerpost_model::{LinkFlags, LinkMsg, NsRef};

use super::wire::{attr, encode};
use super::{kinds, lladdr, print};
use crate::error::{Done, Failure};
use crate::lex::{Args, get_s32, get_u32, is_altname, is_ifname, matches, one_of, strtol};
use crate::{Ctx, vrf};

/// Attributes that the model does not decode.
mod ifla {
    pub const AF_SPEC: u16 = 26;
    pub const PROTO_DOWN: u16 = 39;
    pub const NEW_IFINDEX: u16 = 49;
    pub const PARENT_DEV_NAME: u16 = 56;
}

/// A request under construction.
#[derive(Debug, Default)]
pub(crate) struct Request<'a> {
    /// The message so far.
    pub msg: LinkMsg,
    /// The word after `type`; the words after it are still to be read.
    pub kind: Option<&'a str>,
}

/// A word together with its place, so that a name given twice can be told
/// from one that was only taken over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Word<'a> {
    place: usize,
    text: &'a str,
}

/// Values that may be given once only.
#[derive(Debug, Default)]
struct Once {
    seen: Vec<&'static str>,
}

impl Once {
    fn check(&mut self, key: &'static str, text: &str) -> Done {
        if self.seen.contains(&key) {
            return Err(Failure::duplicate(key, text));
        }
        self.seen.push(key);
        Ok(())
    }
}

/// Reads a device's words up to `type KIND` or the end. `create`: the device
/// is to be made, and named rather than looked up.
pub(crate) fn parse<'a>(ctx: &mut Ctx<'_>, args: &mut Args<'a>, create: bool) -> Done<Request<'a>> {
    let mut request = Request::default();
    let (mut name, mut dev): (Option<Word<'a>>, Option<Word<'a>>) = (None, None);
    let (mut link, mut index, mut once) = (None, 0u32, Once::default());
    while let Some(word) = args.take() {
        let msg = &mut request.msg;
        let is = |full: &str| matches(word, full);
        if let Some(&(flag, key)) = FLAG_WORDS.iter().find(|(_, key)| word == *key) {
            flag_word(msg, flag, key, args.value()?)?;
        } else if word == "up" || word == "down" {
            set_flag(msg, LinkFlags::UP, word == "up");
        } else if word == "name" {
            let word = next(args)?;
            if name.is_some() {
                return Err(Failure::duplicate("name", word.text));
            }
            if !is_ifname(word.text) {
                return Err(Failure::invalid("\"name\" not a valid ifname", word.text));
            }
            name = Some(word);
            dev = dev.or(name);
        } else if word == "index" {
            let text = args.value()?;
            if index != 0 {
                return Err(Failure::duplicate("index", text));
            }
            let number = strtol(text, 10).map_or(0, |(n, _)| n as i32);
            index = u32::try_from(number).unwrap_or(0);
            if index == 0 {
                return Err(Failure::invalid("Invalid \"index\" value", text));
            }
        } else if is("link") {
            link = Some(args.value()?);
        } else if is("address") {
            msg.address = Some(lladdr::parse(args.value()?, 32)?);
        } else if is("broadcast") || word == "brd" {
            msg.broadcast = Some(lladdr::parse(args.value()?, 32)?);
        } else if is("txqueuelen") || word == "qlen" || is("txqlen") {
            let value = once_integer(args, &mut once, "txqueuelen")?;
            msg.txqlen = Some(value);
        } else if word == "mtu" {
            msg.mtu = Some(once_integer(args, &mut once, "mtu")?);
        } else if matches!(word, "xdp" | "xdpgeneric" | "xdpdrv" | "xdpoffload" | "vf") {
            return Err(Failure::unsupported(&format!("\"ip link set ... {word}\"")));
        } else if word == "netns" {
            let text = args.value()?;
            once.check("netns", text)?;
            msg.netns = Some(namespace(ctx, text)?);
        } else if word == "carrier" {
            msg.carrier = Some(switch("carrier", args.value()?)?);
        } else if is("master") {
            let text = args.value()?;
            msg.master = Some(device(ctx, text, "Device does not exist\n")?);
        } else if word == "vrf" {
            let text = args.value()?;
            let master = device(ctx, text, "Not a valid VRF name\n")?;
            if !vrf::is_vrf(ctx, text) {
                return Err(Failure::invalid("Not a valid VRF name\n", text));
            }
            request.msg.master = Some(master);
        } else if is("nomaster") {
            msg.master = Some(0);
        } else if is("dynamic") {
            flag_word(msg, LinkFlags::DYNAMIC, "dynamic", args.value()?)?;
        } else if is("type") {
            request.kind = Some(args.value()?);
            break;
        } else if is("alias") {
            let text = args.value()?;
            if text.len() >= 256 {
                return Err(Failure::invalid("alias too long\n", text));
            }
            msg.alias = Some(text.to_string());
        } else if word == "group" {
            let text = args.value()?;
            once.check("group", text)?;
            let group = ctx.p.names.parse_group(text);
            msg.group = Some(group.ok_or_else(|| Failure::invalid("Invalid \"group\" value\n", text))?);
        } else if word == "mode" {
            let text = args.value()?;
            let modes = ["default", "dormant"];
            let mode = modes.iter().position(|m| m.eq_ignore_ascii_case(text));
            msg.linkmode = Some(mode.ok_or_else(|| Failure::invalid("Invalid link mode\n", text))? as u8);
        } else if word == "state" {
            let text = args.value()?;
            let state = print::parse_operstate(text);
            msg.operstate = Some(state.ok_or_else(|| Failure::invalid("Invalid operstate\n", text))?);
        } else if is("numtxqueues") {
            msg.num_tx_queues = Some(once_integer(args, &mut once, "numtxqueues")?);
        } else if is("numrxqueues") {
            msg.num_rx_queues = Some(once_integer(args, &mut once, "numrxqueues")?);
        } else if is("addrgenmode") {
            let text = args.value()?;
            let modes = ["eui64", "none", "stable_secret", "random"];
            let mode = modes.iter().position(|m| m.eq_ignore_ascii_case(text));
            let mode = mode.ok_or_else(|| Failure::invalid("Invalid address generation mode\n", text))?;
            let inet6 = encode(10, &encode(8, &[mode as u8]));
            msg.other.push(attr(ifla::AF_SPEC, inet6));
        } else if is("link-netns") {
            return Err(Failure::unsupported("\"ip link ... link-netns\""));
        } else if is("link-netnsid") {
            let text = args.value()?;
            once.check("link-netns/link-netnsid", text)?;
            let id = get_s32(text, 0);
            msg.link_netnsid =
                Some(id.ok_or_else(|| Failure::invalid("Invalid \"link-netnsid\" value\n", text))?);
        } else if word == "protodown" {
            let on = switch("protodown", args.value()?)?;
            msg.other.push(attr(ifla::PROTO_DOWN, [on]));
        } else if word == "protodown_reason" {
            return Err(Failure::unsupported("\"ip link set ... protodown_reason\""));
        } else if word == "gso_max_size" {
            msg.gso_max_size = Some(limit(args, "gso_max_size", u32::MAX)?);
        } else if word == "gso_max_segs" {
            msg.gso_max_segs = Some(limit(args, "gso_max_segs", 65535)?);
        } else if word == "gro_max_size" {
            msg.gro_max_size = Some(limit(args, "gro_max_size", u32::MAX)?);
        } else if word == "parentdev" {
            let mut name = args.value()?.as_bytes().to_vec();
            name.push(0);
            msg.other.push(attr(ifla::PARENT_DEV_NAME, name));
        } else if is("help") {
            return Err(super::usage());
        } else {
            let word = if word == "dev" { next(args)? } else { Word { place: args.len(), text: word } };
            if dev != name {
                return Err(Failure::garbage("dev", word.text));
            }
            if !is_altname(word.text) {
                return Err(Failure::invalid("\"dev\" not a valid ifname", word.text));
            }
            dev = Some(word);
        }
    }
    // "add dev X" and "add name X" are the same.
    match (name, dev) {
        (None, _) => name = dev,
        (Some(n), Some(d)) if n.text == d.text => name = dev,
        (_, None) => dev = name,
        _ => {}
    }
    let names = Names { name, dev, link, index };
    settle(ctx, &mut request, names, args, create)?;
    Ok(request)
}

/// The device as it was named.
struct Names<'a> {
    name: Option<Word<'a>>,
    dev: Option<Word<'a>>,
    link: Option<&'a str>,
    index: u32,
}

/// What can only be said once all words are read.
fn settle(
    ctx: &mut Ctx<'_>,
    request: &mut Request<'_>,
    names: Names<'_>,
    args: &Args<'_>,
    create: bool,
) -> Done {
    let Names { name, dev, link, index } = names;
    if let (false, Some(dev), Some(addr)) = (create, dev, &request.msg.address) {
        let len = addr.0.len();
        check_length(ctx, dev.text, len)?;
    }
    if index != 0 && !create && request.msg.netns.is_none() {
        let message = "index can be used only when creating devices or when moving device to another netns.";
        return Err(Failure::exit(255, message));
    }
    if request.msg.group.is_some() && dev.is_none() {
        if let Some(word) = args.peek() {
            let message = format!("Garbage instead of arguments \"{word} ...\". Try \"ip link help\".");
            return Err(Failure::exit(255, message));
        }
        if create {
            return Err(Failure::exit(255, "group cannot be used when creating devices."));
        }
        request.kind = None;
        return Ok(());
    }
    let mut new_name = name;
    if create {
        if name != dev {
            let message = "both \"name\" and \"dev\" cannot be used when creating devices.";
            return Err(Failure::exit(255, message));
        }
        if let Some(link) = link {
            request.msg.link = Some(ctx.index_of(link)?);
        }
        request.msg.index = index;
    } else {
        let Some(dev) = dev else {
            let message = "Not enough information: \"dev\" argument is required.";
            return Err(Failure::exit(255, message));
        };
        request.msg.index = ctx.index_of(dev.text)?;
        if name == Some(dev) {
            new_name = None;
        }
        if index != 0 {
            request.msg.other.push(attr(ifla::NEW_IFINDEX, index.to_ne_bytes()));
        }
    }
    request.msg.name = new_name.map(|n| n.text.to_string());
    Ok(())
}

/// Refuses an address of another length than the device's.
fn check_length(ctx: &mut Ctx<'_>, dev: &str, len: usize) -> Done {
    let Some(index) = ctx.p.links.index(ctx.kernel, ctx.ns, dev) else { return Ok(()) };
    match ctx.kernel.get_link(ctx.ns, index, None) {
        Ok(link) => match link.address.map(|a| a.0.len()) {
            Some(expected) if expected != 0 && expected != len => {
                let message = format!("Invalid address length {len} - must be {expected} bytes");
                Err(Failure::returned(1, message))
            }
            _ => Ok(()),
        },
        Err(refusal) => {
            ctx.report(&Failure::refused(&refusal));
            Ok(())
        }
    }
}

/// Words that are followed by on or off, with their flag; `arp` and
/// `trailers` switch the opposite flag.
const FLAG_WORDS: [(LinkFlags, &str); 5] = [
    (LinkFlags::MULTICAST, "multicast"),
    (LinkFlags::ALLMULTI, "allmulticast"),
    (LinkFlags::PROMISC, "promisc"),
    (LinkFlags::NOTRAILERS, "trailers"),
    (LinkFlags::NOARP, "arp"),
];

fn set_flag(msg: &mut LinkMsg, flag: LinkFlags, on: bool) {
    msg.change = msg.change.with(flag);
    msg.flags = if on { msg.flags.with(flag) } else { msg.flags.without(flag) };
}

fn flag_word(msg: &mut LinkMsg, flag: LinkFlags, key: &str, value: &str) -> Done {
    let on = match value {
        "on" => true,
        "off" => false,
        other => return Err(kinds::on_off(key, other)),
    };
    let opposite = matches!(key, "arp" | "trailers");
    set_flag(msg, flag, on != opposite);
    Ok(())
}

fn next<'a>(args: &mut Args<'a>) -> Done<Word<'a>> {
    let text = args.value()?;
    Ok(Word { place: args.len(), text })
}

/// A number that may be given once; a negative one goes to the kernel as it is.
fn once_integer(args: &mut Args<'_>, once: &mut Once, key: &'static str) -> Done<u32> {
    let text = args.value()?;
    // -1 does not count as given.
    once.check(key, text)?;
    let value = get_s32(text, 0);
    let value = value.ok_or_else(|| Failure::invalid(&format!("Invalid \"{key}\" value\n"), text))?;
    if value == -1 {
        once.seen.retain(|seen| *seen != key);
    }
    Ok(value as u32)
}

fn limit(args: &mut Args<'_>, key: &str, max: u32) -> Done<u32> {
    let text = args.value()?;
    get_u32(text, 0)
        .filter(|&v| v <= max)
        .ok_or_else(|| Failure::invalid(&format!("Invalid \"{key}\" value\n"), text))
}

/// On or off, abbreviated or not; iproute2 ends with status 22 otherwise.
fn switch(key: &str, value: &str) -> Done<u8> {
    one_of(key, value, &["off", "on"]).map(|i| i as u8).map_err(|m| Failure::returned(22, m))
}

/// The device with this name, for words that call its lack a wrong value.
fn device(ctx: &mut Ctx<'_>, text: &str, why: &str) -> Done<u32> {
    ctx.p.links.index(ctx.kernel, ctx.ns, text).ok_or_else(|| Failure::invalid(why, text))
}

/// A namespace by name, by path of its name, or by a process in it.
fn namespace(ctx: &mut Ctx<'_>, text: &str) -> Done<NsRef> {
    let name = ["/run/netns/", "/var/run/netns/"].iter().find_map(|dir| text.strip_prefix(dir));
    let name = name.unwrap_or(text);
    if !name.contains('/') && ctx.kernel.find_netns(name).is_some() {
        return Ok(NsRef::Name(name.to_string()));
    }
    match get_s32(text, 0) {
        Some(pid) => Ok(NsRef::Pid(pid as u32)),
        None => Err(Failure::invalid("Invalid \"netns\" value\n", text)),
    }
}
