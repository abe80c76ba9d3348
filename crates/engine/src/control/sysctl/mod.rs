//! Reading and writing `/proc/sys/net`: the settings of a namespace with their
//! ranges and side effects; those that steer nothing here as texts.
//!
//! Paths are those below `/proc/sys`, such as `net/ipv4/conf/eth0/rp_filter`.

mod entries;
mod format;
mod ipv6;
mod neighbour;

use fingerpost_net::{Errno, Family};

pub(crate) use entries::AVAILABLE_CONGESTION_CONTROL;

use super::{sync6, table};
use crate::config::{ConfEntry, Config, DevConf, DevConf6};
use crate::namespace::{Env, Namespace};
use entries::{Entry, Typed};

/// What a path leads to.
enum Target {
    /// `conf/{all,default,DEV}/NAME`.
    Conf(Place, usize),
    /// A setting with a field of its own.
    Typed(&'static Typed),
    /// A setting that is kept as text.
    Text(&'static Entry),
    /// `neigh/DEV/NAME`.
    Neighbour(String, &'static neighbour::Entry),
    /// `conf/{all,default,DEV}/NAME` of IPv6.
    Conf6(Place, usize),
    /// Another IPv6 setting, which is kept as text.
    Ipv6(String, &'static ipv6::Entry),
    /// The secret of a device's addresses, or that of new devices; `all` has none.
    Secret(Place),
    /// `route/flush`, which is only written.
    Flush,
    /// The same of IPv6.
    Flush6,
    /// A directory.
    Directory,
}

/// Whose `conf` it is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    All,
    Default,
    Device(u32),
}

/// Reads an entry; the text ends with a newline.
pub fn read(ns: &Namespace, path: &str) -> Result<String, Errno> {
    let config = &ns.config;
    let text = match find(config, path).ok_or(Errno::ENOENT)? {
        Target::Conf(place, entry) => {
            let conf = conf(config, place).ok_or(Errno::ENOENT)?;
            (DevConf::ENTRIES[entry].get)(conf).to_string()
        }
        Target::Typed(typed) => match config.sysctl.other.get(&key(path)) {
            Some(text) => text.clone(),
            None => (typed.get)(&config.sysctl).to_string(),
        },
        Target::Text(entry) => match config.sysctl.other.get(&key(path)) {
            Some(text) => text.clone(),
            None => entry.default.to_string(),
        },
        Target::Neighbour(directory, entry) => neighbour::read(config, &directory, entry),
        Target::Conf6(place, entry) => {
            let conf = ipv6::conf(config, place).ok_or(Errno::ENOENT)?;
            (DevConf6::ENTRIES[entry].get)(conf).to_string()
        }
        Target::Ipv6(stored, entry) => match config.sysctl.other.get(&stored) {
            Some(text) => text.clone(),
            None => entry.default.to_string(),
        },
        Target::Secret(place) => ipv6::secret(config, place).ok_or(Errno::EIO)?,
        Target::Flush | Target::Flush6 => return Err(Errno::EACCES),
        Target::Directory => return Err(Errno::EISDIR),
    };
    Ok(text + "\n")
}

/// Writes an entry, with its side effects. Nothing is written by an empty text.
pub fn write(ns: &mut Namespace, env: Env, path: &str, value: &str) -> Result<(), Errno> {
    let target = find(&ns.config, path).ok_or(Errno::ENOENT)?;
    if matches!(target, Target::Directory) {
        return Err(Errno::EISDIR);
    }
    if is_read_only(&target) {
        return Err(Errno::EACCES);
    }
    if value.is_empty() {
        return Ok(());
    }
    let config = &mut ns.config;
    match target {
        Target::Conf(place, entry) => write_conf(config, env, place, entry, format::int(value)?),
        Target::Typed(typed) => {
            let number = typed.form.number(value)?;
            (typed.set)(&mut config.sysctl, number);
            // Fields that hold less than the kernel's keep the number as text too.
            match (typed.get)(&config.sysctl) == number {
                true => config.sysctl.other.remove(&key(path)),
                false => config.sysctl.other.insert(key(path), number.to_string()),
            };
            Ok(())
        }
        Target::Text(entry) => {
            let key = key(path);
            let old = config.sysctl.other.get(&key).map_or(entry.default, String::as_str);
            let limits = format::Limits {
                frag_low: number_of(config, "ipfrag_low_thresh"),
                frag_high: number_of(config, "ipfrag_high_thresh"),
                first_unprivileged: number_of(config, "ip_unprivileged_port_start"),
                first_local_port: number_of(config, "ip_local_port_range"),
            };
            let new = entry.form.text(old, value, &limits)?;
            config.sysctl.other.insert(key, new);
            Ok(())
        }
        Target::Neighbour(directory, entry) => neighbour::write(config, &directory, entry, value),
        Target::Conf6(place, entry) => ipv6::write_conf(ns, env, place, entry, value),
        Target::Ipv6(stored, entry) => ipv6::write(config, &stored, entry, value),
        Target::Secret(place) => ipv6::write_secret(config, place, value),
        Target::Flush6 => {
            format::int(value)?;
            sync6::collect(ns, env.now);
            Ok(())
        }
        Target::Flush => {
            table::bump(&mut config.fib);
            ns.state.exceptions.flush(); // C-151
            Ok(())
        }
        Target::Directory => Err(Errno::EISDIR),
    }
}

/// Carries settings that are kept by the device's name over to its new name.
pub(crate) fn rename_device(config: &mut Config, old: &str, new: &str) {
    for part in ["ipv4/neigh", "ipv6/neigh", "ipv6/conf"] {
        let (old, new) = (format!("{part}/{old}/"), format!("{part}/{new}/"));
        for key in keys_below(config, &old) {
            if let Some(text) = config.sysctl.other.remove(&key) {
                config.sysctl.other.insert(key.replacen(&old, &new, 1), text);
            }
        }
    }
}

/// Forgets the settings that are kept by a device's name.
pub(crate) fn forget_device(config: &mut Config, name: &str) {
    for part in ["ipv4/neigh", "ipv6/neigh", "ipv6/conf"] {
        for key in keys_below(config, &format!("{part}/{name}/")) {
            config.sysctl.other.remove(&key);
        }
    }
}

fn keys_below(config: &Config, directory: &str) -> Vec<String> {
    let start = directory.to_string();
    config
        .sysctl
        .other
        .range(start..)
        .map(|(key, _)| key)
        .take_while(|k| k.starts_with(directory))
        .cloned()
        .collect()
}

/// The key of [`crate::config::Ipv4Sysctls::other`]: the path below `net`.
fn key(path: &str) -> String {
    path.strip_prefix("net/").unwrap_or(path).to_string()
}

/// A setting of `net.ipv4` that is kept as text.
pub(crate) fn text_of<'a>(config: &'a Config, name: &str) -> &'a str {
    let stored = config.sysctl.other.get(&format!("ipv4/{name}")).map(String::as_str);
    stored.or_else(|| entries::text(name).map(|entry| entry.default)).unwrap_or("")
}

/// The first number of such a setting.
pub(crate) fn number_of(config: &Config, name: &str) -> i64 {
    text_of(config, name).split_whitespace().next().and_then(|word| word.parse().ok()).unwrap_or(0)
}

/// Whether a setting of `net.bridge` is on. A host that a script makes has them where its
/// release is one that was seen with them (`is_usual`); a captured one if it showed them.
pub(crate) fn is_on_for_bridges(config: &Config, name: &str, is_usual: bool) -> bool {
    let stored = config.sysctl.other.get(&format!("bridge/{name}")).map(String::as_str);
    let set = match config.may_have_modules {
        true => stored,
        false if is_usual => stored.or_else(|| entries::of_bridges(name).map(|entry| entry.default)),
        false => None,
    };
    set.is_some_and(|value| value.trim() != "0")
}

/// Whether a host has the settings of `net.bridge`, as [`is_on_for_bridges`] knows them.
pub(crate) fn are_there_for_bridges(config: &Config, is_usual: bool) -> bool {
    match config.may_have_modules {
        true => config.sysctl.other.keys().any(|key| key.starts_with("bridge/")),
        false => is_usual,
    }
}

/// A setting of `net.ipv6` that is of no device, as text.
pub(crate) fn text6_of<'a>(config: &'a Config, name: &str) -> &'a str {
    let stored = config.sysctl.other.get(&format!("ipv6/{name}")).map(String::as_str);
    stored.or_else(|| ipv6::default_of(name)).unwrap_or("")
}

/// The same as a number.
pub(crate) fn number6_of(config: &Config, name: &str) -> i64 {
    text6_of(config, name).trim().parse().unwrap_or(0)
}

/// A setting of `neigh.DEV` of a family, in its own unit.
pub(crate) fn neighbour_number(config: &Config, family: Family, dev: &str, name: &str) -> i64 {
    let (part, entry) = match family {
        Family::V4 => ("ipv4", neighbour::entry_named(name)),
        Family::V6 => ("ipv6", neighbour::ipv6_entry_named(name)),
    };
    let text = entry.map(|entry| neighbour::read(config, &format!("{part}/neigh/{dev}"), entry));
    text.and_then(|text| text.parse().ok()).unwrap_or(0)
}

/// Sets a setting of a device's neighbours of IPv6, as a packet demands.
pub(super) fn set_neighbour6(config: &mut Config, dev: &str, name: &str, value: u64) {
    if let Some(entry) = neighbour::ipv6_entry_named(name) {
        // The numbers of packets are within what it takes.
        let _ = neighbour::write(config, &format!("ipv6/neigh/{dev}"), entry, &value.to_string());
    }
}

fn find(config: &Config, path: &str) -> Option<Target> {
    let below = path.strip_prefix("net/")?;
    if let Some(path) = below.strip_prefix("ipv6/") {
        return ipv6::find(config, path);
    }
    if below == "bridge" {
        return Some(Target::Directory);
    }
    if let Some(name) = below.strip_prefix("bridge/") {
        return entries::of_bridges(name).map(Target::Text);
    }
    let path = below.strip_prefix("ipv4/").or((below == "ipv4").then_some(""))?;
    let parts: Vec<&str> = path.split('/').collect();
    match parts[..] {
        [""] | ["conf" | "neigh" | "route"] => Some(Target::Directory),
        ["conf", place] => find_place(config, place).map(|_| Target::Directory),
        ["conf", place, name] => {
            let place = find_place(config, place)?;
            let entry = DevConf::ENTRIES.iter().position(|entry: &ConfEntry| entry.name == name)?;
            Some(Target::Conf(place, entry))
        }
        ["neigh", dev] => neighbour::exists(config, dev).then_some(Target::Directory),
        ["neigh", dev, name] if neighbour::exists(config, dev) => {
            Some(Target::Neighbour(format!("ipv4/neigh/{dev}"), neighbour::entry_named(name)?))
        }
        ["route", "flush"] => Some(Target::Flush),
        ["ip_forward"] => {
            let forwarding = DevConf::ENTRIES.iter().position(|entry| entry.name == "forwarding")?;
            Some(Target::Conf(Place::All, forwarding))
        }
        _ => match entries::typed(path) {
            Some(typed) => Some(Target::Typed(typed)),
            None => entries::text(path).map(Target::Text),
        },
    }
}

fn find_place(config: &Config, name: &str) -> Option<Place> {
    match name {
        "all" => Some(Place::All),
        "default" => Some(Place::Default),
        dev => {
            config.links.find(dev).filter(|link| link.ipv4.is_some()).map(|link| Place::Device(link.index()))
        }
    }
}

fn conf(config: &Config, place: Place) -> Option<&DevConf> {
    match place {
        Place::All => Some(&config.sysctl.all),
        Place::Default => Some(&config.sysctl.default),
        Place::Device(dev) => config.links.ipv4(dev).map(|ipv4| &ipv4.conf),
    }
}

fn conf_mut(config: &mut Config, place: Place) -> Option<&mut DevConf> {
    match place {
        Place::All => Some(&mut config.sysctl.all),
        Place::Default => Some(&mut config.sysctl.default),
        Place::Device(dev) => Some(&mut config.links.get_mut(dev)?.ipv4.as_mut()?.conf),
    }
}

fn is_read_only(target: &Target) -> bool {
    match target {
        Target::Conf(_, entry) => DevConf::ENTRIES[*entry].name == "mc_forwarding",
        Target::Text(entry) => entry.form == format::Form::ReadOnly,
        Target::Conf6(_, entry) => DevConf6::ENTRIES[*entry].name == "mc_forwarding",
        _ => false,
    }
}

/// `devinet_conf_proc`, `devinet_sysctl_forward` and `ipv4_doint_and_flush`.
fn write_conf(config: &mut Config, env: Env, place: Place, index: usize, new: i32) -> Result<(), Errno> {
    let entry = &DevConf::ENTRIES[index];
    let conf = conf_mut(config, place).ok_or(Errno::ENOENT)?;
    let old = (entry.get)(conf);
    (entry.set)(conf, new);
    let flushes = match entry.name {
        "forwarding" => {
            if place == Place::All && new != old {
                forward_all(config, new);
            }
            place != Place::Default && new != old
        }
        // These go by their own handler, which neither marks nor copies.
        "disable_xfrm" | "disable_policy" | "promote_secondaries" | "drop_unicast_in_l2_multicast" => {
            new != old
        }
        "route_localnet" if !env.behaviour.route_localnet_is_ordinary => new != old,
        name => {
            conf.explicit |= 1 << index;
            if place == Place::Default {
                copy_default(config, index, new);
            }
            match name {
                "accept_local" | "route_localnet" => new == 0 && old != 0,
                "bc_forwarding" => new != old,
                _ => false,
            }
        }
    };
    if flushes {
        table::bump(&mut config.fib);
    }
    Ok(())
}

/// Devices whose entry was never set for itself follow `default` (`devinet_copy_dflt_conf`).
fn copy_default(config: &mut Config, index: usize, new: i32) {
    let devices = config.links.by_index.values_mut().filter_map(|link| link.ipv4.as_mut());
    for ipv4 in devices.filter(|ipv4| ipv4.conf.explicit & 1 << index == 0) {
        (DevConf::ENTRIES[index].set)(&mut ipv4.conf, new);
    }
}

/// `ip_forward` sets every device and `default`, and turns the belief in
/// redirects round (C-288, `inet_forward_change`).
fn forward_all(config: &mut Config, on: i32) {
    config.sysctl.all.accept_redirects = (on == 0).into();
    config.sysctl.default.forwarding = on;
    for ipv4 in config.links.by_index.values_mut().filter_map(|link| link.ipv4.as_mut()) {
        ipv4.conf.forwarding = on;
    }
}

#[cfg(test)]
mod tests;
