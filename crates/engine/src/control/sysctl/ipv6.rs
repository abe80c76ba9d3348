//! `net.ipv6` as texts: IPv6 itself is not modelled, but what is written can
//! be read again, and the two switches that act on every device do.

use fingerpost_net::Errno;

use super::Target;
use super::format::{self, Form};
use crate::config::{Config, Link};

/// The entry below `net/ipv6`, if there is one.
pub(super) fn find(config: &Config, path: &str) -> Option<Target> {
    let lookup = |table: &[(&str, &'static str)], name: &str| {
        table.iter().find(|(known, _)| *known == name).map(|&(_, default)| default)
    };
    let parts: Vec<&str> = path.split('/').collect();
    let default = match parts[..] {
        [""] | ["conf" | "neigh" | "route" | "icmp"] => return Some(Target::Directory),
        ["conf", place] => return exists(config, place).then_some(Target::Directory),
        ["neigh", dev] => return find_device(config, dev).map(|_| Target::Directory),
        ["conf", place, name] if exists(config, place) => lookup(CONF, name)?,
        ["neigh", dev, name] if find_device(config, dev).is_some() => lookup(NEIGHBOUR, name)?,
        _ => lookup(GLOBAL, path)?,
    };
    Some(Target::Ipv6(format!("ipv6/{path}"), default))
}

fn find_device<'a>(config: &'a Config, name: &str) -> Option<&'a Link> {
    config.links.find(name)
}

fn exists(config: &Config, place: &str) -> bool {
    matches!(place, "all" | "default") || find_device(config, place).is_some()
}

/// The text of an entry that was never written.
pub(super) fn fresh(config: &Config, key: &str, default: &str) -> String {
    let parts: Vec<&str> = key.split('/').collect();
    let ["ipv6", "conf", place, name] = parts[..] else { return default.to_string() };
    match (name, find_device(config, place)) {
        ("mtu", Some(link)) => link.mtu().to_string(),
        ("accept_dad" | "use_tempaddr", Some(link)) if link.is_loopback() => "-1".into(),
        ("accept_dad", None) if place == "all" => "0".into(),
        _ => default.to_string(),
    }
}

/// A new device starts with what `default` has then.
pub(super) fn inherit(config: &mut Config, device: &str) {
    const DEFAULT: &str = "ipv6/conf/default/";
    let other = &config.sysctl.other;
    let inherited: Vec<(String, String)> = other
        .range(DEFAULT.to_string()..)
        .map_while(|(key, value)| Some((key.strip_prefix(DEFAULT)?, value)))
        .map(|(name, value)| (format!("ipv6/conf/{device}/{name}"), value.clone()))
        .collect();
    config.sysctl.other.extend(inherited);
}

/// Writes an entry: a number, or any text where the entry is none.
pub(super) fn write(config: &mut Config, key: &str, value: &str) -> Result<(), Errno> {
    let parts: Vec<&str> = key.split('/').collect();
    let text = match parts[..] {
        [.., "stable_secret" | "ratemask"] => value.trim_end().to_string(),
        [.., "ioam6_id" | "ioam6_id_wide" | "ip6frag_high_thresh" | "ip6frag_low_thresh"] => {
            Form::Unsigned(0, i64::MAX).number(value)?.to_string()
        }
        _ => format::int(value)?.to_string(),
    };
    if let ["ipv6", "conf", "all", name @ ("disable_ipv6" | "forwarding")] = parts[..] {
        let mut places: Vec<String> = config.links.iter().map(|link| link.name().to_string()).collect();
        places.push("default".into());
        for place in places {
            config.sysctl.other.insert(format!("ipv6/conf/{place}/{name}"), text.clone());
        }
    }
    config.sysctl.other.insert(key.to_string(), text);
    Ok(())
}

/// `conf`: name and what `default` has in a new namespace.
const CONF: &[(&str, &str)] = &[
    ("accept_dad", "1"),
    ("accept_ra", "1"),
    ("accept_ra_defrtr", "1"),
    ("accept_ra_from_local", "0"),
    ("accept_ra_min_hop_limit", "1"),
    ("accept_ra_min_lft", "0"),
    ("accept_ra_mtu", "1"),
    ("accept_ra_pinfo", "1"),
    ("accept_ra_rt_info_max_plen", "0"),
    ("accept_ra_rt_info_min_plen", "0"),
    ("accept_ra_rtr_pref", "1"),
    ("accept_redirects", "1"),
    ("accept_source_route", "0"),
    ("accept_untracked_na", "0"),
    ("addr_gen_mode", "0"),
    ("autoconf", "1"),
    ("dad_transmits", "1"),
    ("disable_ipv6", "0"),
    ("disable_policy", "0"),
    ("drop_unicast_in_l2_multicast", "0"),
    ("drop_unsolicited_na", "0"),
    ("enhanced_dad", "1"),
    ("force_forwarding", "0"),
    ("force_mld_version", "0"),
    ("force_tllao", "0"),
    ("forwarding", "0"),
    ("hop_limit", "64"),
    ("ignore_routes_with_linkdown", "0"),
    ("ioam6_enabled", "0"),
    ("ioam6_id", "65535"),
    ("ioam6_id_wide", "4294967295"),
    ("keep_addr_on_down", "0"),
    ("max_addresses", "16"),
    ("max_desync_factor", "600"),
    ("mc_forwarding", "0"),
    ("mldv1_unsolicited_report_interval", "10000"),
    ("mldv2_unsolicited_report_interval", "1000"),
    ("mtu", "1280"),
    ("ndisc_evict_nocarrier", "1"),
    ("ndisc_notify", "0"),
    ("ndisc_tclass", "0"),
    ("optimistic_dad", "0"),
    ("proxy_ndp", "0"),
    ("ra_defrtr_metric", "1024"),
    ("ra_honor_pio_life", "0"),
    ("ra_honor_pio_pflag", "0"),
    ("regen_max_retry", "3"),
    ("regen_min_advance", "2"),
    ("router_probe_interval", "60"),
    ("router_solicitation_delay", "1"),
    ("router_solicitation_interval", "4"),
    ("router_solicitation_max_interval", "3600"),
    ("router_solicitations", "-1"),
    ("rpl_seg_enabled", "0"),
    ("seg6_enabled", "0"),
    ("seg6_require_hmac", "0"),
    ("stable_secret", ""),
    ("suppress_frag_ndisc", "1"),
    ("temp_prefered_lft", "86400"),
    ("temp_valid_lft", "604800"),
    ("use_oif_addrs_only", "0"),
    ("use_optimistic", "0"),
    ("use_tempaddr", "0"),
];

/// `neigh`.
const NEIGHBOUR: &[(&str, &str)] = &[
    ("anycast_delay", "100"),
    ("app_solicit", "0"),
    ("base_reachable_time", "30"),
    ("base_reachable_time_ms", "30000"),
    ("delay_first_probe_time", "5"),
    ("gc_stale_time", "60"),
    ("interval_probe_time_ms", "5000"),
    ("locktime", "0"),
    ("mcast_resolicit", "0"),
    ("mcast_solicit", "3"),
    ("proxy_delay", "80"),
    ("proxy_qlen", "64"),
    ("retrans_time", "250"),
    ("retrans_time_ms", "1000"),
    ("ucast_solicit", "3"),
    ("unres_qlen", "101"),
    ("unres_qlen_bytes", "212992"),
];

/// The rest.
const GLOBAL: &[(&str, &str)] = &[
    ("anycast_src_echo_reply", "0"),
    ("auto_flowlabels", "1"),
    ("bindv6only", "0"),
    ("fib_multipath_hash_fields", "7"),
    ("fib_multipath_hash_policy", "0"),
    ("fib_notify_on_flag_change", "0"),
    ("flowlabel_consistency", "1"),
    ("flowlabel_reflect", "0"),
    ("flowlabel_state_ranges", "0"),
    ("fwmark_reflect", "0"),
    ("icmp/echo_ignore_all", "0"),
    ("icmp/echo_ignore_anycast", "0"),
    ("icmp/echo_ignore_multicast", "0"),
    ("icmp/error_anycast_as_unicast", "0"),
    ("icmp/ratelimit", "100"),
    ("icmp/ratemask", "0-1,3-127"),
    ("idgen_delay", "1"),
    ("idgen_retries", "3"),
    ("ioam6_id", "16777215"),
    ("ioam6_id_wide", "72057594037927935"),
    ("ip6frag_high_thresh", "4194304"),
    ("ip6frag_low_thresh", "3145728"),
    ("ip6frag_time", "60"),
    ("ip_nonlocal_bind", "0"),
    ("max_dst_opts_length", "2147483647"),
    ("max_dst_opts_number", "8"),
    ("max_hbh_length", "2147483647"),
    ("max_hbh_opts_number", "8"),
    ("route/flush", ""),
    ("route/gc_elasticity", "9"),
    ("route/gc_interval", "30"),
    ("route/gc_min_interval", "0"),
    ("route/gc_min_interval_ms", "500"),
    ("route/gc_thresh", "1024"),
    ("route/gc_timeout", "60"),
    ("route/max_size", "2147483647"),
    ("route/min_adv_mss", "1220"),
    ("route/mtu_expires", "600"),
    ("route/skip_notify_on_dev_down", "0"),
    ("seg6_flowlabel", "0"),
    ("xfrm6_gc_thresh", "32768"),
];
