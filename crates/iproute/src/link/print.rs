//! How one device is printed (`print_linkinfo`), for `ip link` and `ip address`.

use fingerpost_model::{LinkFlags, LinkMsg, LlAddr};

use super::wire::{find, nested, text_of, u8_of, u32_of};
use super::{details, lladdr, name_of, stats, xdp};
use crate::address::filter::Filter;
use crate::lex::Af;
use crate::{Ctx, netns};

/// Attributes that the model does not decode.
mod ifla {
    pub const NUM_VF: u16 = 21;
    pub const AF_SPEC: u16 = 26;
    pub const PHYS_PORT_ID: u16 = 34;
    pub const PHYS_SWITCH_ID: u16 = 36;
    pub const PHYS_PORT_NAME: u16 = 38;
    pub const PROTO_DOWN: u16 = 39;
    pub const PARENT_DEV_NAME: u16 = 56;
    pub const PARENT_DEV_BUS_NAME: u16 = 57;
}

/// What became of a device in a listing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Printed {
    /// A filter left it out, its addresses too.
    Not,
    /// Nothing, or only the brief line's beginning; its addresses may follow.
    Brief,
    /// The whole.
    Fully,
}

/// Prints a device unless the filter leaves it out. `do_link`: for `ip link`.
pub(crate) fn link(ctx: &mut Ctx<'_>, filter: &Filter<'_>, do_link: bool, m: &LinkMsg) -> Printed {
    if !filter.wants_link(m) {
        return Printed::Not;
    }
    if filter.label.is_some() {
        return Printed::Brief;
    }
    if !filter.wants_place(m) {
        return Printed::Not;
    }
    if ctx.p.opt.brief {
        brief(ctx, filter, m);
        return Printed::Brief;
    }
    let details = ctx.p.opt.details > 0;
    ctx.p.out.num("ifindex", "", m.index, ": ");
    let lower_down = name_and_lower(ctx, m, Width::Plain);
    flags(ctx, m.flags, lower_down);
    first_line(ctx, do_link, m);
    if matches!(filter.family, Af::Unspec | Af::Packet) || details {
        hardware(ctx, m);
    }
    if let Some(id) = m.link_netnsid {
        link_netns(ctx, id);
    }
    if find(&m.other, ifla::PROTO_DOWN).and_then(u8_of).is_some_and(|on| on != 0) {
        ctx.p.out.flag("proto_down", true, " protodown on ");
    }
    if details {
        detailed(ctx, do_link, m);
    }
    if (do_link || details)
        && let Some(alias) = &m.alias
    {
        let sl = ctx.p.out.sl();
        ctx.p.out.fp_fmt(format_args!("{sl}    "));
        ctx.p.out.string("ifalias", "alias ", alias, "");
    }
    if do_link || details {
        xdp::details(ctx, m);
    }
    if do_link && ctx.p.opt.stats > 0 {
        if m.stats.is_some() {
            let sl = ctx.p.out.sl();
            ctx.p.out.fp(sl);
        }
        stats::print(ctx, m);
    }
    if !m.altnames.is_empty() {
        ctx.p.out.open_array(Some("altnames"));
        let sl = ctx.p.out.sl();
        for name in &m.altnames {
            ctx.p.out.fp_fmt(format_args!("{sl}    altname "));
            ctx.p.out.item("", name, "");
        }
        ctx.p.out.close_array();
    }
    ctx.p.out.fp("\n");
    if (do_link || details) && find(&m.other, ifla::NUM_VF).and_then(u32_of).is_some_and(|n| n > 0) {
        ctx.p.out.err("fingerpost: virtual functions are not supported and not shown\n");
    }
    Printed::Fully
}

/// The line of `-br`, without addresses (`print_linkinfo_brief`).
fn brief(ctx: &mut Ctx<'_>, filter: &Filter<'_>, m: &LinkMsg) {
    let lower_down = name_and_lower(ctx, m, Width::Column);
    operstate(ctx, m);
    if filter.family == Af::Packet {
        if let Some(addr) = shown(m, m.address.as_ref()) {
            ctx.p.out.string("address", "", &addr, " ");
        }
        flags(ctx, m.flags, lower_down);
        ctx.p.out.fp("\n");
    }
}

/// How a name is laid out in text.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Width {
    Plain,
    Column,
}

/// Prints the name with its lower device, and gives whether that one is down
/// (`print_name_and_link`).
fn name_and_lower(ctx: &mut Ctx<'_>, m: &LinkMsg, width: Width) -> bool {
    let json = ctx.p.out.is_json();
    let mut down = false;
    let mut name = m.name.clone().unwrap_or_else(|| format!("if{}", m.index));
    let lower = match m.link {
        None => None,
        Some(0) => {
            ctx.p.out.null("link", "");
            Some("NONE".to_string())
        }
        Some(index) if m.link_netnsid.is_some() => {
            if json {
                ctx.p.out.json_num("link_index", index as i32);
            }
            Some(format!("if{index}"))
        }
        Some(index) => {
            let lower = name_of(ctx, index);
            if json {
                ctx.p.out.json_str("link", &lower);
            }
            // Of an unknown device all flags count as set.
            down = ctx.p.links.get(index).is_some_and(|known| !known.flags.has(LinkFlags::UP));
            Some(lower)
        }
    };
    if let (false, Some(lower)) = (json, lower) {
        name = format!("{name}@{lower}");
    }
    match width {
        Width::Plain => ctx.p.out.string("ifname", "", &name, ": "),
        Width::Column if json => ctx.p.out.json_str("ifname", &name),
        Width::Column => ctx.p.out.fp_fmt(format_args!("{name:<16} ")),
    }
    down
}

/// Flags in the order in which they are printed.
const FLAGS: [(LinkFlags, &str); 18] = [
    (LinkFlags::LOOPBACK, "LOOPBACK"),
    (LinkFlags::BROADCAST, "BROADCAST"),
    (LinkFlags::POINTOPOINT, "POINTOPOINT"),
    (LinkFlags::MULTICAST, "MULTICAST"),
    (LinkFlags::NOARP, "NOARP"),
    (LinkFlags::ALLMULTI, "ALLMULTI"),
    (LinkFlags::PROMISC, "PROMISC"),
    (LinkFlags::MASTER, "MASTER"),
    (LinkFlags::SLAVE, "SLAVE"),
    (LinkFlags::DEBUG, "DEBUG"),
    (LinkFlags::DYNAMIC, "DYNAMIC"),
    (LinkFlags::AUTOMEDIA, "AUTOMEDIA"),
    (LinkFlags::PORTSEL, "PORTSEL"),
    (LinkFlags::NOTRAILERS, "NOTRAILERS"),
    (LinkFlags::UP, "UP"),
    (LinkFlags::LOWER_UP, "LOWER_UP"),
    (LinkFlags::DORMANT, "DORMANT"),
    (LinkFlags::ECHO, "ECHO"),
];

/// The flags in angle brackets (`print_link_flags`).
fn flags(ctx: &mut Ctx<'_>, flags: LinkFlags, lower_down: bool) {
    let out = &mut ctx.p.out;
    out.open_array(Some("flags"));
    out.fp("<");
    if flags.has(LinkFlags::UP) && !flags.has(LinkFlags::RUNNING) {
        out.item("", "NO-CARRIER", ",");
    }
    let mut left = flags.without(LinkFlags::RUNNING);
    for (flag, name) in FLAGS {
        if left.has(flag) {
            left = left.without(flag);
            out.item("", name, if left.0 != 0 { "," } else { "" });
        }
    }
    if left.0 != 0 {
        out.item("", &format!("{:x}", left.0), "");
    }
    if lower_down {
        out.item(",", "M-DOWN", "");
    }
    out.close_array();
    out.fp("> ");
}

/// MTU, queueing, master, state, group.
fn first_line(ctx: &mut Ctx<'_>, do_link: bool, m: &LinkMsg) {
    if let Some(mtu) = m.mtu {
        if ctx.p.out.is_json() {
            ctx.p.out.json_num("mtu", mtu as i32);
        } else {
            ctx.p.out.fp_fmt(format_args!("mtu {mtu} "));
        }
    }
    xdp::mode(ctx, m, do_link);
    if let Some(qdisc) = &m.qdisc {
        ctx.p.out.string("qdisc", "qdisc ", qdisc, " ");
    }
    if let Some(master) = m.master {
        let name = name_of(ctx, master);
        ctx.p.out.string("master", "master ", &name, " ");
    }
    operstate(ctx, m);
    if let (true, Some(mode)) = (do_link, m.linkmode) {
        match ["DEFAULT", "DORMANT"].get(usize::from(mode)) {
            Some(name) => ctx.p.out.string("linkmode", "mode ", name, " "),
            None => ctx.p.out.num("linkmode_index", "mode ", mode, " "),
        }
    }
    if let Some(group) = m.group {
        let name = ctx.p.names.group(group);
        ctx.p.out.string("group", "group ", &name, " ");
    }
    if let Some(len) = m.txqlen.filter(|&len| len != 0) {
        ctx.p.out.num("txqlen", "qlen ", len as i32, "");
    }
}

const OPERSTATES: [&str; 7] = ["UNKNOWN", "NOTPRESENT", "DOWN", "LOWERLAYERDOWN", "TESTING", "DORMANT", "UP"];

/// The number of an operational state, in any case.
pub(crate) fn parse_operstate(name: &str) -> Option<u8> {
    OPERSTATES.iter().position(|s| s.eq_ignore_ascii_case(name)).map(|i| i as u8)
}

fn operstate(ctx: &mut Ctx<'_>, m: &LinkMsg) {
    let Some(state) = m.operstate else { return };
    let out = &mut ctx.p.out;
    match OPERSTATES.get(usize::from(state)) {
        None if out.is_json() => out.json_num("operstate_index", state),
        None => out.fp_fmt(format_args!("state {state:#x}")),
        Some(name) if out.is_json() => out.json_str("operstate", name),
        Some(name) if ctx.p.opt.brief => out.fp_fmt(format_args!("{name:<14} ")),
        Some(name) => out.fp_fmt(format_args!("state {name} ")),
    }
}

/// An address as text; `None` when there is none or it is empty.
fn shown(m: &LinkMsg, addr: Option<&LlAddr>) -> Option<String> {
    addr.filter(|a| !a.0.is_empty()).map(|a| lladdr::show(a, m.arp_type))
}

/// The line with hardware type and addresses.
fn hardware(ctx: &mut Ctx<'_>, m: &LinkMsg) {
    let kind = lladdr::type_name(m.arp_type, ctx.p.names.numeric());
    let out = &mut ctx.p.out;
    let sl = out.sl();
    out.fp(sl);
    out.string("link_type", "    link/", &kind, " ");
    if let Some(addr) = shown(m, m.address.as_ref()) {
        out.string("address", "", &addr, "");
    }
    if let Some(addr) = shown(m, m.broadcast.as_ref()) {
        if m.flags.has(LinkFlags::POINTOPOINT) {
            out.flag("link_pointtopoint", true, " peer ");
        } else {
            out.fp(" brd ");
        }
        out.string("broadcast", "", &addr, "");
    }
    if m.perm_address != m.address
        && let Some(addr) = shown(m, m.perm_address.as_ref())
    {
        out.string("permaddr", " permaddr ", &addr, "");
    }
}

/// In which namespace the lower device or peer lies.
fn link_netns(ctx: &mut Ctx<'_>, id: i32) {
    if ctx.p.out.is_json() {
        ctx.p.out.json_num("link_netnsid", id);
    } else if id < 0 {
        ctx.p.out.fp(" link-netnsid unknown");
    } else if let Some(name) = netns::name_of_id(ctx, id) {
        ctx.p.out.fp_fmt(format_args!(" link-netns {name}"));
    } else {
        ctx.p.out.fp_fmt(format_args!(" link-netnsid {id}"));
    }
}

/// What `-d` adds.
fn detailed(ctx: &mut Ctx<'_>, do_link: bool, m: &LinkMsg) {
    let counts = [
        ("promiscuity", " promiscuity ", m.promiscuity),
        ("allmulti", " allmulti ", m.allmulti),
        ("min_mtu", "minmtu ", m.min_mtu),
        ("max_mtu", "maxmtu ", m.max_mtu),
    ];
    numbers(ctx, &counts);
    if let Some(info) = &m.info {
        details::print(ctx, m, info);
    }
    if do_link && let Some(spec) = find(&m.other, ifla::AF_SPEC) {
        address_generation(ctx, spec);
    }
    let counts = [
        ("num_tx_queues", "numtxqueues ", m.num_tx_queues),
        ("num_rx_queues", "numrxqueues ", m.num_rx_queues),
        ("gso_max_size", "gso_max_size ", m.gso_max_size),
        ("gso_max_segs", "gso_max_segs ", m.gso_max_segs),
        ("tso_max_size", "tso_max_size ", m.tso_max_size),
        ("tso_max_segs", "tso_max_segs ", m.tso_max_segs),
        ("gro_max_size", "gro_max_size ", m.gro_max_size),
    ];
    numbers(ctx, &counts);
    let hex = |data: &[u8]| data.iter().map(|b| format!("{b:02x}")).collect::<String>();
    let texts = [
        ("phys_port_name", "portname ", find(&m.other, ifla::PHYS_PORT_NAME).map(text_of)),
        ("phys_port_id", "portid ", find(&m.other, ifla::PHYS_PORT_ID).map(hex)),
        ("phys_switch_id", "switchid ", find(&m.other, ifla::PHYS_SWITCH_ID).map(hex)),
        ("parentbus", "parentbus ", find(&m.other, ifla::PARENT_DEV_BUS_NAME).map(text_of)),
        ("parentdev", "parentdev ", find(&m.other, ifla::PARENT_DEV_NAME).map(text_of)),
    ];
    for (key, before, text) in texts {
        if let Some(text) = text {
            ctx.p.out.string(key, before, &text, " ");
        }
    }
}

fn numbers(ctx: &mut Ctx<'_>, list: &[(&str, &str, Option<u32>)]) {
    for &(key, before, value) in list {
        if let Some(value) = value {
            ctx.p.out.num(key, before, value, " ");
        }
    }
}

/// How IPv6 makes its addresses on the device (`print_af_spec`).
fn address_generation(ctx: &mut Ctx<'_>, spec: &[u8]) {
    const AF_INET6: u16 = 10;
    const ADDR_GEN_MODE: u16 = 8;
    let families = nested(spec);
    let Some(inet6) = find(&families, AF_INET6) else { return };
    let Some(mode) = find(&nested(inet6), ADDR_GEN_MODE).and_then(u8_of) else { return };
    let name = match mode {
        0 => "eui64".to_string(),
        1 => "none".to_string(),
        2 => "stable_secret".to_string(),
        3 => "random".to_string(),
        other => format!("{other:#04x}"),
    };
    ctx.p.out.string("inet6_addr_gen_mode", "addrgenmode ", &name, " ");
}
