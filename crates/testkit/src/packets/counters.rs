//! The kernel's counters of a network namespace, by the names that `nstat` gives them.

use std::collections::BTreeMap;
use std::io;

/// Values by name.
pub type Counters = BTreeMap<String, u64>;

/// Files with a line of names before a line of values.
const PAIRED: [&str; 2] = ["/proc/net/snmp", "/proc/net/netstat"];

/// Files with a name and a value a line.
const LISTED: &str = "/proc/net/snmp6";

/// Lines that hold settings rather than counts.
const SETTINGS: [&str; 6] =
    ["IpForwarding", "IpDefaultTTL", "TcpRtoAlgorithm", "TcpRtoMin", "TcpRtoMax", "TcpMaxConn"];

/// All counters of this process's namespace.
///
/// # Errors
///
/// A file cannot be read.
pub fn read() -> io::Result<Counters> {
    let mut all = Counters::new();
    for path in PAIRED {
        paired(&std::fs::read_to_string(path)?, &mut all);
    }
    // Absent where IPv6 is.
    if let Ok(text) = std::fs::read_to_string(LISTED) {
        listed(&text, &mut all);
    }
    Ok(all)
}

/// What has been counted between two readings; zeros left out.
pub fn between(before: &Counters, after: &Counters) -> Counters {
    let changed = after.iter().filter_map(|(name, &value)| {
        let delta = value.wrapping_sub(before.get(name).copied().unwrap_or(0));
        (delta != 0).then(|| (name.clone(), delta))
    });
    changed.collect()
}

fn paired(text: &str, all: &mut Counters) {
    let mut lines = text.lines();
    while let (Some(names), Some(values)) = (lines.next(), lines.next()) {
        let mut names = names.split_whitespace();
        let group = names.next().unwrap_or_default().trim_end_matches(':');
        for (name, value) in names.zip(values.split_whitespace().skip(1)) {
            let name = format!("{group}{name}");
            if let (Ok(value), false) = (value.parse(), SETTINGS.contains(&name.as_str())) {
                all.insert(name, value);
            }
        }
    }
}

fn listed(text: &str, all: &mut Counters) {
    for line in text.lines() {
        if let Some((name, value)) = line.split_once(char::is_whitespace)
            && let Ok(value) = value.trim().parse()
        {
            all.insert(name.to_owned(), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_nstat() {
        let mut all = Counters::new();
        paired("Ip: Forwarding InReceives\nIp: 1 7\nIcmpMsg: OutType3\nIcmpMsg: 2\n", &mut all);
        listed("Ip6InReceives   \t5\n", &mut all);
        let expected = [("IcmpMsgOutType3", 2), ("Ip6InReceives", 5), ("IpInReceives", 7)];
        assert_eq!(all, expected.map(|(name, value)| (name.to_owned(), value)).into());
        let mut later = all.clone();
        later.insert("IpInReceives".into(), 9);
        assert_eq!(between(&all, &later), [("IpInReceives".to_owned(), 2)].into());
    }
}
