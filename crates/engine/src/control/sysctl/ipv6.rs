//! `net.ipv6`: devices' settings with their side effects, and the rest as texts.

use fingerpost_net::Errno;

use super::Place;
use super::Target;
use super::format::{self, Form};
use crate::config::{ConfEntry6, Config, DevConf6};
use crate::control::{addrconf, stable_privacy};
use crate::namespace::{Env, Namespace};

/// The entry below `net/ipv6`, if there is one.
pub(super) fn find(config: &Config, path: &str) -> Option<Target> {
    let lookup = |table: &[(&str, &'static str)], name: &str| {
        table.iter().find(|(known, _)| *known == name).map(|&(_, default)| default)
    };
    let parts: Vec<&str> = path.split('/').collect();
    let default = match parts[..] {
        [""] | ["conf" | "neigh" | "route" | "icmp"] => return Some(Target::Directory),
        ["conf", place] => return find_place(config, place).map(|_| Target::Directory),
        ["neigh", dev] => return has_ipv6(config, dev).then_some(Target::Directory),
        ["conf", place, "stable_secret"] => {
            find_place(config, place)?;
            ""
        }
        ["conf", place, name] => {
            let place = find_place(config, place)?;
            let entry = DevConf6::ENTRIES.iter().position(|entry: &ConfEntry6| entry.name == name)?;
            return Some(Target::Conf6(place, entry));
        }
        ["neigh", dev, name] if has_ipv6(config, dev) => lookup(NEIGHBOUR, name)?,
        _ => lookup(GLOBAL, path)?,
    };
    Some(Target::Ipv6(format!("ipv6/{path}"), default))
}

fn has_ipv6(config: &Config, name: &str) -> bool {
    config.links.find(name).is_some_and(|link| link.ipv6.is_some())
}

fn find_place(config: &Config, name: &str) -> Option<Place> {
    match name {
        "all" => Some(Place::All),
        "default" => Some(Place::Default),
        dev => {
            config.links.find(dev).filter(|link| link.ipv6.is_some()).map(|link| Place::Device(link.index()))
        }
    }
}

/// The settings of a place.
pub(super) fn conf(config: &Config, place: Place) -> Option<&DevConf6> {
    match place {
        Place::All => Some(&config.sysctl6.all),
        Place::Default => Some(&config.sysctl6.default),
        Place::Device(dev) => config.links.ipv6(dev).map(|ipv6| &ipv6.conf),
    }
}

fn conf_mut(config: &mut Config, place: Place) -> Option<&mut DevConf6> {
    match place {
        Place::All => Some(&mut config.sysctl6.all),
        Place::Default => Some(&mut config.sysctl6.default),
        Place::Device(dev) => config.links.ipv6_mut(dev).map(|ipv6| &mut ipv6.conf),
    }
}

/// What a device does about a setting that changed.
type React = fn(&mut Namespace, Env<'_>, u32);

/// Writes a device's, all devices' or new devices' setting, with what it brings.
pub(super) fn write_conf(
    ns: &mut Namespace,
    env: Env<'_>,
    place: Place,
    index: usize,
    value: &str,
) -> Result<(), Errno> {
    let entry = &DevConf6::ENTRIES[index];
    let mtu = match place {
        Place::Device(dev) => ns.config.links.get(dev).map_or(i32::MAX as i64, |link| link.mtu().into()),
        _ => i32::MAX as i64,
    };
    let new: i64 = match entry.name {
        "addr_gen_mode" => match Form::Unsigned(0, u32::MAX.into()).number(value)? {
            mode @ (0 | 1 | 3) => mode,
            2 if has_secret(&ns.config, place) => 2,
            _ => return Err(Errno::EINVAL),
        },
        "mtu" => match format::int(value)?.into() {
            number if (1280..=mtu).contains(&number) => number,
            _ => return Err(Errno::EINVAL),
        },
        name => form(name).number(value)?,
    };
    let Some(conf) = conf_mut(&mut ns.config, place) else { return Err(Errno::ENOENT) };
    let old = (entry.get)(conf);
    (entry.set)(conf, new);
    let devices: Vec<u32> = ns.config.links.in_order().map(|link| link.index()).collect();
    let (changed, react): (fn(i64, i64) -> bool, Option<React>) = match entry.name {
        "forwarding" => (turned, Some(addrconf::forwarding_changed)),
        "disable_ipv6" => (turned, Some(addrconf::disable_changed)),
        "addr_gen_mode" => (differs, Some(addrconf::make_automatic)),
        "ignore_routes_with_linkdown" | "force_forwarding" => (turned, None),
        _ => return Ok(()),
    };
    match place {
        Place::Default => {}
        Place::Device(dev) if changed(old, new) => {
            if let Some(react) = react {
                react(ns, env, dev);
            }
        }
        Place::Device(_) => {}
        Place::All => {
            (entry.set)(&mut ns.config.sysctl6.default, new);
            for dev in devices {
                let Some(ipv6) = ns.config.links.ipv6_mut(dev) else { continue };
                let old = (entry.get)(&ipv6.conf);
                (entry.set)(&mut ipv6.conf, new);
                if entry.name == "forwarding" && new == 0 {
                    ipv6.conf.force_forwarding = 0;
                }
                if changed(old, new)
                    && let Some(react) = react
                {
                    react(ns, env, dev);
                }
            }
        }
    }
    Ok(())
}

/// The numbers that a setting takes.
fn form(name: &str) -> Form {
    match name {
        "accept_untracked_na" => Form::Int(0, 2),
        "force_forwarding" | "rpl_seg_enabled" => Form::Int(0, 1),
        "hop_limit" => Form::Int(1, 255),
        "ioam6_enabled" | "ndisc_evict_nocarrier" | "ra_honor_pio_life" | "ra_honor_pio_pflag" => {
            Form::Unsigned(0, 1)
        }
        "ioam6_id" => Form::Unsigned(0, 65535),
        "ioam6_id_wide" => Form::Unsigned(0, u32::MAX.into()),
        "mldv1_unsolicited_report_interval" | "mldv2_unsolicited_report_interval" => Form::Millis,
        "ndisc_tclass" => Form::Int(0, 255),
        "ra_defrtr_metric" => Form::Unsigned(1, u32::MAX.into()),
        "router_probe_interval"
        | "router_solicitation_delay"
        | "router_solicitation_interval"
        | "router_solicitation_max_interval" => Form::Seconds,
        "router_solicitations" => Form::Int(-1, i32::MAX.into()),
        _ => Form::Int(i32::MIN.into(), i32::MAX.into()),
    }
}

/// Whether a switch was turned.
fn turned(old: i64, new: i64) -> bool {
    (old == 0) != (new == 0)
}

fn differs(old: i64, new: i64) -> bool {
    old != new
}

/// Whether addresses can be made of a secret: the device's or, without one, that
/// of new devices.
fn has_secret(config: &Config, place: Place) -> bool {
    match place {
        Place::Device(dev) => {
            config.links.get(dev).is_some_and(|link| stable_privacy::secret(config, link.name()).is_some())
        }
        Place::All | Place::Default => true,
    }
}

/// A new secret, as it is shown; devices that have it make addresses of it from now
/// on (`addrconf_sysctl_stable_secret`).
fn stable_secret(config: &mut Config, place: &str, value: &str) -> Result<String, Errno> {
    const STABLE_PRIVACY: i64 = 2;
    let secret: std::net::Ipv6Addr = value.trim().parse().map_err(|_| Errno::EIO)?;
    if place == "all" {
        return Err(Errno::EIO);
    }
    for link in config.links.by_index.values_mut() {
        if let Some(ipv6) =
            link.ipv6.as_mut().filter(|_| place == "default" || link.msg.name.as_deref() == Some(place))
        {
            ipv6.conf.addr_gen_mode = STABLE_PRIVACY;
        }
    }
    Ok(secret.segments().map(|part| format!("{part:04x}")).join(":"))
}

/// Writes an entry that is kept as text: a number, or any text where it is none.
pub(super) fn write(config: &mut Config, key: &str, value: &str) -> Result<(), Errno> {
    let parts: Vec<&str> = key.split('/').collect();
    let text = match parts[..] {
        ["ipv6", "conf", place, "stable_secret"] => stable_secret(config, place, value)?,
        [.., "ratemask"] => value.trim_end().to_string(),
        [.., "ioam6_id" | "ioam6_id_wide" | "ip6frag_high_thresh" | "ip6frag_low_thresh"] => {
            Form::Unsigned(0, i64::MAX).number(value)?.to_string()
        }
        ["ipv6", "fib_multipath_hash_policy"] => {
            let policy = Form::Unsigned(0, 3).number(value)?;
            config.sysctl6.fib_multipath_hash_policy = policy as u8;
            policy.to_string()
        }
        ["ipv6", "fib_multipath_hash_fields"] => {
            let fields = Form::Unsigned(1, 4095).number(value)?;
            config.sysctl6.fib_multipath_hash_fields = fields as u32;
            fields.to_string()
        }
        _ => format::int(value)?.to_string(),
    };
    config.sysctl.other.insert(key.to_string(), text);
    Ok(())
}

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
