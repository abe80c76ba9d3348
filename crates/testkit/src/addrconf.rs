//! Waiting until Linux has done what it puts off about IPv6 addresses.
//!
//! The local route of an address, the anycast routes beside it, and the
//! link-local address of a device that has come up are made by a work queue
//! (`addrconf_dad_work`), a moment after the command that causes them (T-47).
//! Nothing tells when it is done, so its effects are looked for: every
//! address that is past duplicate detection has a local route, none is still
//! tentative, and a second look a little later sees the same.
//!
//! On a device that is down nothing is put off: only those are waited for that
//! have their route for multicast groups, which tells that IPv6 is at work. A
//! local route can be missing for good, since it was removed: then waiting ends
//! after a while, and is shorter the next time for the same addresses.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::thread::sleep;
use std::time::Duration;

const ADDRESSES: &str = "/proc/net/if_inet6";
const ROUTES: &str = "/proc/net/ipv6_route";
const DEFAULTS: &str = "/proc/sys/net/ipv6/conf/default";

/// Between two looks. The queue's thread runs as soon as this one sleeps.
const PAUSE: Duration = Duration::from_millis(1);
/// Looks before it is believed that nothing more comes: on a busy machine the
/// queue has been seen to take more than a hundred.
const LOOKS: usize = 1500;
/// Equal looks in a row that are believed: when everything is there, and when
/// what is missing was waited for before.
const EQUAL: usize = 2;
const EQUAL_MISSING: usize = 10;

/// Bytes that are read of a file: the list of routes has been seen not to end.
const MOST: u64 = 1 << 20;

/// `IFA_F_DADFAILED`, `IFA_F_TENTATIVE`.
const DADFAILED: u32 = 0x08;
const TENTATIVE: u32 = 0x40;
/// `RTF_LOCAL`.
const LOCAL: u32 = 0x8000_0000;

/// What was waited for in vain, from one wait to the next.
#[derive(Debug, Default)]
pub struct Addrconf {
    given_up: BTreeSet<String>,
}

impl Addrconf {
    /// Waits in the namespace of the calling thread. Where duplicate detection
    /// takes its time, nothing is waited for.
    pub fn settle(&mut self) {
        if !is_at_once() {
            return;
        }
        let (mut before, mut equal, mut missing) = (None, 0, BTreeSet::new());
        for _ in 0..LOOKS {
            let now = (read(ADDRESSES), read(ROUTES));
            missing = unfinished(&now.0, &now.1);
            equal = if before.as_ref() == Some(&now) { equal + 1 } else { 1 };
            let enough = if missing.is_empty() { EQUAL } else { EQUAL_MISSING };
            if equal >= enough && missing.is_subset(&self.given_up) {
                break;
            }
            before = Some(now);
            sleep(PAUSE);
        }
        self.given_up = missing;
    }
}

/// What the file has, up to [`MOST`]; a last line that is cut off says nothing.
fn read(path: &str) -> String {
    let mut text = Vec::new();
    // What was read before an error counts.
    let _ = File::open(path).and_then(|file| file.take(MOST).read_to_end(&mut text));
    String::from_utf8_lossy(&text).into_owned()
}

/// Whether duplicate detection ends at once, as scenarios of IPv6 begin by asking.
pub fn is_at_once() -> bool {
    let setting = |name: &str| read(&format!("{DEFAULTS}/{name}"));
    ["accept_dad", "dad_transmits"].iter().any(|name| setting(name).trim() == "0")
}

/// The addresses, with their devices, of which something is still to come.
fn unfinished(addresses: &str, routes: &str) -> BTreeSet<String> {
    let words = |line: &'_ str| -> Vec<String> { line.split_whitespace().map(str::to_owned).collect() };
    let hex = |word: &str| u32::from_str_radix(word, 16).unwrap_or(0);
    let local: BTreeSet<(String, String)> = routes
        .lines()
        .map(words)
        .filter(|w| w.len() == 10 && w[1] == "80" && hex(&w[8]) & LOCAL != 0)
        .map(|w| (w[0].clone(), w[9].clone()))
        .collect();
    // `ff00::/8`, and the local route of `::1`.
    let at_work = |w: &[String]| {
        w[0].starts_with("ff00000000000000") && w[1] == "08"
            || w[0].ends_with("00000000000000000001") && w[9] == "lo"
    };
    let working: BTreeSet<String> =
        routes.lines().map(words).filter(|w| w.len() == 10 && at_work(w)).map(|w| w[9].clone()).collect();
    let waiting =
        addresses.lines().map(words).filter(|w| w.len() == 6 && working.contains(&w[5])).filter(|w| {
            let flags = hex(&w[4]);
            let has_route = local.contains(&(w[0].clone(), w[5].clone()));
            flags & DADFAILED == 0 && (flags & TENTATIVE != 0 || !has_route)
        });
    waiting.map(|w| format!("{} {}", w[0], w[5])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_waits_for_its_local_route() {
        let address = "20010db8000000000000000000000001 02 40 00 80       e1\n";
        let tentative = address.replace(" 80 ", " c0 ");
        let local = "20010db8000000000000000000000001 80 00000000000000000000000000000000 00 \
                     00000000000000000000000000000000 00000000 00000001 00000000 80200001       e1\n";
        let groups = "ff000000000000000000000000000000 08 00000000000000000000000000000000 00 \
                      00000000000000000000000000000000 00000100 00000001 00000000 00000001       e1\n";
        let name = "20010db8000000000000000000000001 e1".to_owned();
        let unfinished = |addresses: &str, routes: &str| unfinished(addresses, &format!("{routes}{groups}"));
        assert_eq!(unfinished(address, local), BTreeSet::new());
        assert_eq!(unfinished(address, ""), BTreeSet::from([name.clone()]));
        assert_eq!(unfinished(address, &local.replace("e1", "e2")), BTreeSet::from([name.clone()]));
        assert_eq!(unfinished(address, &local.replace(" 8020", " 0020")), BTreeSet::from([name.clone()]));
        assert_eq!(unfinished(&tentative, local), BTreeSet::from([name]));
        assert_eq!(unfinished(&tentative.replace(" c0 ", " c8 "), local), BTreeSet::new());
        assert_eq!(super::unfinished(&tentative, local), BTreeSet::new(), "the device is down");
    }
}
