//! `neigh.DEV` of both families: settings of neighbour resolution, kept as text.
//! Some can be read and written in two units.

use fingerpost_net::Errno;

use super::format::{self, Form};
use crate::config::Config;

/// Bytes that a full-sized frame counts for in queues (`SKB_TRUESIZE(ETH_FRAME_LEN)`).
const FRAME: i64 = 2090;
const MAX: i64 = i32::MAX as i64;

/// One entry.
pub(super) struct Entry {
    name: &'static str,
    /// The entry whose text is kept, if it is another one.
    kept_as: Option<&'static str>,
    default: &'static str,
    unit: Unit,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Unit {
    Number,
    Seconds,
    /// Seconds of an entry that is kept in milliseconds.
    SecondsOfMillis,
    Millis,
    /// Milliseconds, at least one tick.
    SomeMillis,
    UserTicks,
    /// Users' ticks of an entry that is kept in milliseconds.
    UserTicksOfMillis,
    /// The kernel's ticks of an entry that is kept in milliseconds.
    TicksOfMillis,
    /// Frames of an entry that is kept in bytes.
    Frames,
}

const fn entry(name: &'static str, default: &'static str, unit: Unit) -> Entry {
    Entry { name, kept_as: None, default, unit }
}

const fn alias(name: &'static str, kept_as: &'static str, default: &'static str, unit: Unit) -> Entry {
    Entry { name, kept_as: Some(kept_as), default, unit }
}

/// In the order of `/proc/sys`; `default` is that of the kept entry.
const ENTRIES: &[Entry] = &[
    entry("anycast_delay", "100", Unit::UserTicks),
    entry("app_solicit", "0", Unit::Number),
    alias("base_reachable_time", "base_reachable_time_ms", "30000", Unit::SecondsOfMillis),
    entry("base_reachable_time_ms", "30000", Unit::Millis),
    entry("delay_first_probe_time", "5", Unit::Seconds),
    entry("gc_stale_time", "60", Unit::Seconds),
    entry("interval_probe_time_ms", "5000", Unit::SomeMillis),
    entry("locktime", "100", Unit::UserTicks),
    entry("mcast_resolicit", "0", Unit::Number),
    entry("mcast_solicit", "3", Unit::Number),
    entry("proxy_delay", "80", Unit::UserTicks),
    entry("proxy_qlen", "64", Unit::Number),
    alias("retrans_time", "retrans_time_ms", "1000", Unit::UserTicksOfMillis),
    entry("retrans_time_ms", "1000", Unit::Millis),
    entry("ucast_solicit", "3", Unit::Number),
    alias("unres_qlen", "unres_qlen_bytes", "212992", Unit::Frames),
    entry("unres_qlen_bytes", "212992", Unit::Number),
];

/// Where IPv6 differs: in a default, and in a unit, which is the kernel's own tick.
const IPV6_ENTRIES: &[Entry] = &[
    entry("locktime", "0", Unit::UserTicks),
    alias("retrans_time", "retrans_time_ms", "1000", Unit::TicksOfMillis),
];

/// The entry with this name.
pub(super) fn entry_named(name: &str) -> Option<&'static Entry> {
    ENTRIES.iter().find(|entry| entry.name == name)
}

/// The same of IPv6.
pub(super) fn ipv6_entry_named(name: &str) -> Option<&'static Entry> {
    IPV6_ENTRIES.iter().find(|entry| entry.name == name).or_else(|| entry_named(name))
}

/// A setting of IPv6's `route` that can be read and written in two units.
pub(super) fn route_entry_named(name: &str) -> Option<&'static Entry> {
    const ENTRIES: &[Entry] = &[
        alias("gc_min_interval", "gc_min_interval_ms", "500", Unit::SecondsOfMillis),
        entry("gc_min_interval_ms", "500", Unit::Millis),
    ];
    ENTRIES.iter().find(|entry| entry.name == name)
}

/// Whether a device has such a directory: those with IPv4 do.
pub(super) fn exists(config: &Config, dev: &str) -> bool {
    config.links.find(dev).is_some_and(|link| link.ipv4.is_some())
}

fn key(directory: &str, entry: &Entry) -> String {
    format!("{directory}/{}", entry.kept_as.unwrap_or(entry.name))
}

/// The text of an entry below a directory such as `ipv4/neigh/eth0`.
pub(super) fn read(config: &Config, directory: &str, entry: &Entry) -> String {
    let kept = config.sysctl.other.get(&key(directory, entry));
    let kept = kept.map_or(entry.default, String::as_str);
    let number: i64 = kept.parse().unwrap_or(0);
    match entry.unit {
        Unit::SecondsOfMillis => (number / 1000).to_string(),
        Unit::UserTicksOfMillis => format::shown_user(number * 250 / 1000),
        Unit::TicksOfMillis => (number * 250 / 1000).to_string(),
        Unit::Frames => (number / FRAME).to_string(),
        _ => kept.to_string(),
    }
}

/// Writes an entry below a directory.
pub(super) fn write(config: &mut Config, directory: &str, entry: &Entry, value: &str) -> Result<(), Errno> {
    let text = match entry.unit {
        Unit::Number => Form::Int(0, MAX).number(value)?.to_string(),
        Unit::Seconds => Form::Seconds.number(value)?.to_string(),
        Unit::SecondsOfMillis => (Form::Seconds.number(value)? * 1000).to_string(),
        Unit::Millis => Form::Millis.number(value)?.to_string(),
        Unit::SomeMillis => match Form::Millis.number(value)? {
            0 => return Err(Errno::EINVAL),
            some => some.to_string(),
        },
        Unit::UserTicks => format::shown_user(format::ticks_of_user(value)?),
        Unit::UserTicksOfMillis => format::shown_millis(format::ticks_of_user(value)?).to_string(),
        Unit::TicksOfMillis => format::shown_millis(format::int(value)?.into()).to_string(),
        Unit::Frames => (Form::Int(0, MAX / FRAME).number(value)? * FRAME).to_string(),
    };
    config.sysctl.other.insert(key(directory, entry), text);
    Ok(())
}
