//! `link.json` and `addr.json`: devices and their addresses.

use std::net::IpAddr;

use fingerpost_model::{AddrMsg, BridgePort, IfaFlags, LinkFlags, LinkInfo, LinkMsg, LlAddr, Scope};
use fingerpost_net::Family;

use super::ImportError;
use super::json::{Object, Source};
use super::names::{self, Names};

/// Keys that tell nothing that is needed, or repeat what others tell.
const IGNORED: [&str; 8] = [
    "inet6_addr_gen_mode",
    "addr_info",
    "link_pointtopoint",
    "stats64",
    "stats",
    "link_netnsid",
    "link_index",
    "operstate_index",
];

/// Devices, by index. References between them are by name and resolved last.
pub(super) fn links(source: &Source<'_>, names: &mut Names) -> Result<Vec<LinkMsg>, ImportError> {
    let objects = source.objects()?;
    let mut links = Vec::new();
    for object in objects.iter().filter(|object| !object.is_empty()) {
        let link = link(object)?;
        names.add_device(link.name.as_deref().unwrap_or(""), link.index);
        for other in &link.altnames {
            names.add_device(other, link.index);
        }
        links.push(link);
    }
    for (link, object) in links.iter_mut().zip(objects.iter().filter(|object| !object.is_empty())) {
        let device = |key| object.parse(key, "a device of this file", |name| names.device(name));
        link.master = device("master")?;
        link.link_netnsid = object.get("link_netnsid")?;
        link.link = match object.get("link_index")? {
            Some(index) => Some(index),
            None => device("link")?,
        };
    }
    links.sort_by_key(|link| link.index);
    Ok(links)
}

fn link(object: &Object<'_>) -> Result<LinkMsg, ImportError> {
    let hardware = |key| object.parse(key, "a link-layer address", |text| text.parse::<LlAddr>().ok());
    let words: Vec<String> = object.need("flags")?;
    let flags = names::bits(&words, &names::LINK_FLAGS)
        .map_err(|word| object.error("flags", format!("`{word}` is not a device flag")))?;
    // RUNNING is not printed; its absence is, for devices that are up.
    let running = flags & LinkFlags::UP.0 != 0 && !words.iter().any(|word| word == "NO-CARRIER");
    let mut link = LinkMsg {
        index: object.need("ifindex")?,
        name: Some(object.need("ifname")?),
        flags: LinkFlags(flags | if running { LinkFlags::RUNNING.0 } else { 0 }),
        carrier: Some(u8::from(flags & LinkFlags::LOWER_UP.0 != 0)),
        arp_type: object.parse("link_type", "a hardware type", names::arp_type)?.unwrap_or(0),
        mtu: object.get("mtu")?,
        qdisc: object.get("qdisc")?,
        operstate: object.parse("operstate", "an operational state", names::operstate)?,
        linkmode: object.parse("linkmode", "DEFAULT or DORMANT", |text| match text {
            "DEFAULT" => Some(0),
            "DORMANT" => Some(1),
            _ => None,
        })?,
        group: object.parse("group", "`default` or a number", names::group)?,
        txqlen: object.get("txqlen")?,
        address: hardware("address")?,
        broadcast: hardware("broadcast")?,
        perm_address: hardware("permaddr")?,
        promiscuity: object.get("promiscuity")?,
        allmulti: object.get("allmulti")?,
        min_mtu: object.get("min_mtu")?,
        max_mtu: object.get("max_mtu")?,
        num_tx_queues: object.get("num_tx_queues")?,
        num_rx_queues: object.get("num_rx_queues")?,
        gso_max_size: object.get("gso_max_size")?,
        gso_max_segs: object.get("gso_max_segs")?,
        tso_max_size: object.get("tso_max_size")?,
        tso_max_segs: object.get("tso_max_segs")?,
        gro_max_size: object.get("gro_max_size")?,
        gso_ipv4_max_size: object.get("gso_ipv4_max_size")?,
        gro_ipv4_max_size: object.get("gro_ipv4_max_size")?,
        alias: object.get("ifalias")?,
        altnames: object.get("altnames")?.unwrap_or_default(),
        ..LinkMsg::default()
    };
    if let Some(info) = object.inner("linkinfo")? {
        read_info(&info, &mut link)?;
    }
    object.ignore(&IGNORED);
    Ok(link)
}

fn read_info(object: &Object<'_>, link: &mut LinkMsg) -> Result<(), ImportError> {
    let kind: String = object.get("info_kind")?.unwrap_or_default();
    let mut info = LinkInfo { slave_kind: object.get("info_slave_kind")?, ..LinkInfo::default() };
    if let Some(data) = object.inner("info_data")? {
        match kind.as_str() {
            "vrf" => info.vrf_table = data.get("table")?,
            "vlan" => {
                info.vlan_id = data.get("id")?;
                info.vlan_protocol = data.parse("protocol", "802.1Q or 802.1ad", |text| match text {
                    "802.1Q" => Some(0x8100),
                    "802.1ad" => Some(0x88a8),
                    _ => None,
                })?;
            }
            "macvlan" | "macvtap" => {
                info.mode = data.parse("mode", "a macvlan mode", |text| match text {
                    "private" => Some(1),
                    "vepa" => Some(2),
                    "bridge" => Some(4),
                    "passthru" => Some(8),
                    "source" => Some(16),
                    _ => None,
                })?;
            }
            "tun" => {
                info.tun_type = data.parse("type", "tun or tap", |text| match text {
                    "tun" => Some(1),
                    "tap" => Some(2),
                    _ => None,
                })?;
                info.tun_pi = data.get("pi")?;
                info.tun_vnet_hdr = data.get("vnet_hdr")?;
                info.tun_multi_queue = data.get("multi_queue")?;
                info.tun_persist = data.get("persist")?;
            }
            _ => {}
        }
    }
    if let Some(data) = object.inner("info_slave_data")?
        && info.slave_kind.as_deref() == Some("bridge")
    {
        let states = ["disabled", "listening", "learning", "forwarding", "blocking"];
        let state =
            data.parse("state", "a bridge port's state", |text| states.iter().position(|s| *s == text))?;
        link.bridge_port = state.map(|state| BridgePort { state: state as u8 });
    }
    info.kind = kind;
    link.info = Some(info);
    Ok(())
}

const ADDRESS_FLAGS: [(&str, IfaFlags); 12] = [
    ("secondary", IfaFlags::SECONDARY),
    ("temporary", IfaFlags::SECONDARY),
    ("nodad", IfaFlags::NODAD),
    ("optimistic", IfaFlags::OPTIMISTIC),
    ("dadfailed", IfaFlags::DADFAILED),
    ("home", IfaFlags::HOMEADDRESS),
    ("deprecated", IfaFlags::DEPRECATED),
    ("tentative", IfaFlags::TENTATIVE),
    ("mngtmpaddr", IfaFlags::MANAGETEMPADDR),
    ("noprefixroute", IfaFlags::NOPREFIXROUTE),
    ("autojoin", IfaFlags::MCAUTOJOIN),
    ("stable-privacy", IfaFlags::STABLE_PRIVACY),
];

/// Addresses of all devices: IPv4, then IPv6, as a dump gives them.
pub(super) fn addresses(source: &Source<'_>) -> Result<Vec<AddrMsg>, ImportError> {
    let mut all = Vec::new();
    for object in source.objects()?.iter().filter(|object| !object.is_empty()) {
        let index = object.need("ifindex")?;
        for info in object.inner_list("addr_info")?.iter().filter(|info| !info.is_empty()) {
            all.extend(address(info, index)?);
        }
        // The rest was read as a device.
        object.ignore_all();
    }
    all.sort_by_key(|address| (address.family, address.index));
    Ok(all)
}

fn address(object: &Object<'_>, index: u32) -> Result<Option<AddrMsg>, ImportError> {
    let family = match object.need::<String>("family")?.as_str() {
        "inet" => Family::V4,
        "inet6" => Family::V6,
        _ => return Ok(None),
    };
    let mut m = AddrMsg::new(family, index);
    m.prefix_len = object.need("prefixlen")?;
    if m.prefix_len > family.width() {
        return Err(object.error("prefixlen", "exceeds the address width"));
    }
    let local: IpAddr = object.need("local")?;
    let peer: Option<IpAddr> = object.get("address")?;
    if Family::of(local) != family || peer.is_some_and(|peer| Family::of(peer) != family) {
        return Err(object.error("local", "is not of the family that `family` tells"));
    }
    (m.local, m.address) = match (family, peer) {
        (_, Some(peer)) => (Some(local), Some(peer)),
        (Family::V4, None) => (Some(local), Some(local)),
        (Family::V6, None) => (None, Some(local)),
    };
    m.broadcast = object.get("broadcast")?;
    m.label = object.get("label")?;
    m.scope = object.parse("scope", "a scope", names::scope)?.unwrap_or(Scope::UNIVERSE);
    for (key, flag) in ADDRESS_FLAGS {
        if object.has(key) {
            m.flags = m.flags | flag;
        }
    }
    if !object.has("dynamic") {
        m.flags = m.flags | IfaFlags::PERMANENT;
    }
    m.valid = object.get("valid_life_time")?;
    m.preferred = object.get("preferred_life_time")?;
    m.metric = object.get("metric")?;
    m.protocol = object.parse("protocol", "an address protocol", names::address_protocol)?;
    Ok(Some(m))
}
