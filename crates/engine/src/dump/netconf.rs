//! Netconf dumps: the settings of devices, `all` and `default` that
//! `ip netconf` shows.

use fingerpost_model::{NetconfMsg, Refusal};
use fingerpost_net::Family;

use crate::config::{DevConf, DevConf6};
use crate::namespace::Namespace;

/// `NETCONFA_IFINDEX_ALL`.
const ALL: i32 = -1;
/// `NETCONFA_IFINDEX_DEFAULT`.
const DEFAULT: i32 = -2;

/// Devices ascending by index, then `all`, then `default`, of IPv4, then of IPv6
/// (`inet_netconf_dump_devconf`, `inet6_netconf_dump_devconf`).
pub fn dump(
    ns: &Namespace,
    family: Option<Family>,
    each: &mut dyn FnMut(&NetconfMsg),
) -> Result<(), Refusal> {
    if family != Some(Family::V6) {
        for link in ns.config.links.iter() {
            if let Some(ipv4) = &link.ipv4 {
                each(&message(link.index() as i32, &ipv4.conf));
            }
        }
        each(&message(ALL, &ns.config.sysctl.all));
        each(&message(DEFAULT, &ns.config.sysctl.default));
    }
    if family != Some(Family::V4) {
        for link in ns.config.links.iter() {
            if let Some(ipv6) = &link.ipv6 {
                each(&message6(link.index() as i32, &ipv6.conf));
            }
        }
        each(&message6(ALL, &ns.config.sysctl6.all));
        each(&message6(DEFAULT, &ns.config.sysctl6.default));
    }
    Ok(())
}

/// `inet6_netconf_fill_devconf`; IPv6 has no reverse-path filter.
fn message6(index: i32, conf: &DevConf6) -> NetconfMsg {
    NetconfMsg {
        family: Family::V6,
        index,
        forwarding: Some(conf.forwarding as i32),
        rp_filter: None,
        mc_forwarding: Some(conf.mc_forwarding as i32),
        bc_forwarding: None,
        proxy_neigh: Some(conf.proxy_ndp as i32),
        ignore_routes_with_linkdown: Some(conf.ignore_routes_with_linkdown as i32),
        other: Vec::new(),
    }
}

fn message(index: i32, conf: &DevConf) -> NetconfMsg {
    NetconfMsg {
        family: Family::V4,
        index,
        forwarding: Some(conf.forwarding),
        rp_filter: Some(conf.rp_filter),
        mc_forwarding: Some(conf.mc_forwarding),
        bc_forwarding: Some(conf.bc_forwarding),
        proxy_neigh: Some(conf.proxy_arp),
        ignore_routes_with_linkdown: Some(conf.ignore_routes_with_linkdown),
        other: Vec::new(),
    }
}
