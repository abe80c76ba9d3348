//! Netconf dumps: the settings of devices, `all` and `default` that
//! `ip netconf` shows.

use fingerpost_model::{NetconfMsg, Refusal};
use fingerpost_net::Family;

use crate::config::DevConf;
use crate::namespace::Namespace;

/// `NETCONFA_IFINDEX_ALL`.
const ALL: i32 = -1;
/// `NETCONFA_IFINDEX_DEFAULT`.
const DEFAULT: i32 = -2;

/// Devices ascending by index, then `all`, then `default` (`inet_netconf_dump_devconf`).
pub fn dump(
    ns: &Namespace,
    family: Option<Family>,
    each: &mut dyn FnMut(&NetconfMsg),
) -> Result<(), Refusal> {
    if family == Some(Family::V6) {
        return Ok(());
    }
    for link in ns.config.links.iter() {
        if let Some(ipv4) = &link.ipv4 {
            each(&message(link.index() as i32, &ipv4.conf));
        }
    }
    each(&message(ALL, &ns.config.sysctl.all));
    each(&message(DEFAULT, &ns.config.sysctl.default));
    Ok(())
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
