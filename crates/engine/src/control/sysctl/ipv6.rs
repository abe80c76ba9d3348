//! `net.ipv6`: devices' settings with their side effects, and the rest as texts.

use std::net::Ipv6Addr;

use fingerpost_net::Errno;

use super::format::{self, Form};
use super::{Place, Target, neighbour};
use crate::config::{ConfEntry6, Config, DevConf6};
use crate::control::{addrconf, advert6, host6, stable_privacy};
use crate::namespace::{Env, Namespace};

/// `IN6_ADDR_GEN_MODE_STABLE_PRIVACY`.
const STABLE_PRIVACY: i64 = 2;

/// The entry below `net/ipv6`, if there is one.
pub(super) fn find(config: &Config, path: &str) -> Option<Target> {
    let parts: Vec<&str> = path.split('/').collect();
    match parts[..] {
        [""] | ["conf" | "neigh" | "route" | "icmp"] => Some(Target::Directory),
        ["conf", place] => find_place(config, place).map(|_| Target::Directory),
        ["neigh", dev] => has_ipv6(config, dev).then_some(Target::Directory),
        ["conf", place, "stable_secret"] => find_place(config, place).map(Target::Secret),
        ["conf", place, name] => {
            let place = find_place(config, place)?;
            let entry = DevConf6::ENTRIES.iter().position(|entry: &ConfEntry6| entry.name == name)?;
            Some(Target::Conf6(place, entry))
        }
        ["neigh", dev, name] if has_ipv6(config, dev) => {
            Some(Target::Neighbour(format!("ipv6/neigh/{dev}"), neighbour::ipv6_entry_named(name)?))
        }
        ["route", "flush"] => Some(Target::Flush6),
        ["route", name] if let Some(entry) = neighbour::route_entry_named(name) => {
            Some(Target::Neighbour("ipv6/route".into(), entry))
        }
        _ => Some(Target::Ipv6(format!("ipv6/{path}"), entry_named(path)?)),
    }
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
        "forwarding" => (turned, Some(host6::forwarding_changed)),
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
    if entry.name == "forwarding" && new != 0 && !matches!(place, Place::Default) {
        advert6::purge_defaults(ns);
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

/// Whether addresses can be made of a secret, as far as Linux asks: of devices only.
fn has_secret(config: &Config, place: Place) -> bool {
    match place {
        Place::Device(dev) => {
            config.links.get(dev).is_some_and(|link| stable_privacy::secret(config, link.name()).is_some())
        }
        Place::All | Place::Default => true,
    }
}

/// A secret as it is shown.
pub(super) fn secret(config: &Config, place: Place) -> Option<String> {
    stable_privacy::written(config, &secret_place(config, place)?).map(stable_privacy::shown)
}

fn secret_place(config: &Config, place: Place) -> Option<String> {
    match place {
        Place::All => None,
        Place::Default => Some("default".into()),
        Place::Device(dev) => config.links.get(dev).map(|link| link.name().to_string()),
    }
}

/// Sets a secret, of which addresses are then made (`addrconf_sysctl_stable_secret`).
pub(super) fn write_secret(config: &mut Config, place: Place, value: &str) -> Result<(), Errno> {
    let name = secret_place(config, place).ok_or(Errno::EIO)?;
    let secret: Ipv6Addr = value.trim_end_matches('\n').parse().map_err(|_| Errno::EIO)?;
    config.sysctl.other.insert(stable_privacy::key(&name), stable_privacy::shown(secret));
    let all: Vec<u32> = config.links.in_order().map(|link| link.index()).collect();
    let devices = if let Place::Device(dev) = place { vec![dev] } else { all };
    for dev in devices {
        if let Some(ipv6) = config.links.ipv6_mut(dev) {
            ipv6.conf.addr_gen_mode = STABLE_PRIVACY;
        }
    }
    Ok(())
}

/// Writes an entry that is kept as text.
pub(super) fn write(config: &mut Config, key: &str, entry: &Entry, value: &str) -> Result<(), Errno> {
    let number_of = |name: &str| {
        let stored = config.sysctl.other.get(&format!("ipv6/{name}")).map(String::as_str);
        let text = stored.or_else(|| entry_named(name).map(|entry| entry.default)).unwrap_or_default();
        text.parse().unwrap_or(0)
    };
    let limits = format::Limits {
        frag_low: number_of("ip6frag_low_thresh"),
        frag_high: number_of("ip6frag_high_thresh"),
        first_unprivileged: 0,
        first_local_port: 0,
    };
    let text = entry.form.text(entry.default, value, &limits)?;
    let number = text.parse::<u32>().ok();
    match (key, number) {
        ("ipv6/fib_multipath_hash_policy", Some(policy)) => {
            config.sysctl6.fib_multipath_hash_policy = policy as u8;
        }
        ("ipv6/fib_multipath_hash_fields", Some(fields)) => config.sysctl6.fib_multipath_hash_fields = fields,
        _ => {}
    }
    config.sysctl.other.insert(key.to_string(), text);
    Ok(())
}

/// A setting that is kept as text.
pub(super) struct Entry {
    name: &'static str,
    pub(super) default: &'static str,
    form: Form,
}

const fn e(name: &'static str, default: &'static str, form: Form) -> Entry {
    Entry { name, default, form }
}

/// The text of a setting that was never written.
pub(super) fn default_of(name: &str) -> Option<&'static str> {
    entry_named(name).map(|entry| entry.default)
}

fn entry_named(name: &str) -> Option<&'static Entry> {
    GLOBAL.iter().find(|entry| entry.name == name)
}

/// `proc_dou8vec_minmax` without limits of its own.
const BYTE: Form = Form::Unsigned(0, 255);
/// `proc_dointvec`.
const INT: Form = Form::Int(i32::MIN as i64, i32::MAX as i64);

/// Those that are of no device.
const GLOBAL: &[Entry] = &[
    e("anycast_src_echo_reply", "0", BYTE),
    e("auto_flowlabels", "1", Form::Unsigned(0, 3)),
    e("bindv6only", "0", BYTE),
    e("fib_multipath_hash_fields", "7", Form::Unsigned(1, 4095)),
    e("fib_multipath_hash_policy", "0", Form::Unsigned(0, 3)),
    e("fib_notify_on_flag_change", "0", Form::Unsigned(0, 2)),
    e("flowlabel_consistency", "1", BYTE),
    e("flowlabel_reflect", "0", Form::Unsigned(0, 7)),
    e("flowlabel_state_ranges", "0", BYTE),
    e("fwmark_reflect", "0", BYTE),
    e("icmp/echo_ignore_all", "0", BYTE),
    e("icmp/echo_ignore_anycast", "0", BYTE),
    e("icmp/echo_ignore_multicast", "0", BYTE),
    e("icmp/error_anycast_as_unicast", "0", Form::Unsigned(0, 1)),
    e("icmp/ratelimit", "100", Form::Millis),
    e("icmp/ratemask", "0-1,3-127", Form::TypeSet),
    e("idgen_delay", "1", Form::Seconds),
    e("idgen_retries", "3", INT),
    e("ioam6_id", "16777215", Form::Unsigned(0, (1 << 24) - 1)),
    e("ioam6_id_wide", "72057594037927935", Form::Unsigned(0, (1 << 56) - 1)),
    e("ip6frag_high_thresh", "4194304", Form::FragHigh),
    e("ip6frag_low_thresh", "3145728", Form::FragLow),
    e("ip6frag_time", "60", Form::Seconds),
    e("ip_nonlocal_bind", "0", BYTE),
    e("max_dst_opts_length", "2147483647", INT),
    e("max_dst_opts_number", "8", INT),
    e("max_hbh_length", "2147483647", INT),
    e("max_hbh_opts_number", "8", INT),
    e("route/gc_elasticity", "9", INT),
    e("route/gc_interval", "30", Form::Seconds),
    e("route/gc_thresh", "1024", INT),
    e("route/gc_timeout", "60", Form::Seconds),
    e("route/max_size", "2147483647", INT),
    e("route/min_adv_mss", "1220", INT),
    e("route/mtu_expires", "600", Form::Seconds),
    e("route/skip_notify_on_dev_down", "0", Form::Int(0, 1)),
    e("seg6_flowlabel", "0", INT),
    e("xfrm6_gc_thresh", "32768", INT),
];
