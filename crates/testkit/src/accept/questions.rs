//! Questions about a configuration, taken from its scenario.

use std::net::IpAddr;

use crate::words;

/// The plain form of a scenario's question: the words after `ip route get`
/// without what only changes how the answer is printed; `None` for one that
/// the namespace cannot be asked, such as one about a device that is not there.
pub fn plain(line: &str, devices: &[String]) -> Option<Vec<String>> {
    let words = words::split(line).ok()?;
    let get = words.iter().position(|word| word == "get" || word == "g")?;
    let mut kept = Vec::new();
    let mut destinations = 0;
    let mut rest = words[get + 1..].iter().map(String::as_str);
    while let Some(word) = rest.next() {
        match word {
            "fibmatch" | "connected" | "notify" => {}
            "from" | "to" => {
                let address: IpAddr = rest.next()?.parse().ok()?;
                match word {
                    "from" => kept.push(word.to_owned()),
                    _ => destinations += 1,
                }
                kept.push(address.to_string());
            }
            "iif" | "oif" | "dev" => {
                let device = rest.next().filter(|&name| devices.iter().any(|device| device == name))?;
                kept.extend([word.to_owned(), device.to_owned()]);
            }
            "tos" | "dsfield" => {
                let value = rest.next()?;
                u8::from_str_radix(value.strip_prefix("0x")?, 16).ok()?;
                kept.extend([word.to_owned(), value.to_owned()]);
            }
            "mark" | "uid" | "sport" | "dport" | "ipproto" => {
                let value = rest.next()?;
                let number = match value.strip_prefix("0x") {
                    Some(digits) => u32::from_str_radix(digits, 16).ok(),
                    None => value.parse().ok(),
                };
                let fits = match word {
                    "ipproto" => {
                        ["tcp", "udp", "icmp", "ipv6-icmp"].contains(&value)
                            || number.is_some_and(|n| n < 256)
                    }
                    "sport" | "dport" => number.is_some_and(|n| n < 65536),
                    _ => number.is_some(),
                };
                if !fits {
                    return None;
                }
                kept.extend([word.to_owned(), value.to_owned()]);
            }
            address => {
                destinations += 1;
                kept.push(address.parse::<IpAddr>().ok()?.to_string());
            }
        }
    }
    // A packet that comes in does not leave by a demanded device.
    let families: Vec<bool> =
        kept.iter().filter_map(|w| w.parse::<IpAddr>().ok()).map(|a| a.is_ipv6()).collect();
    if families.windows(2).any(|pair| pair[0] != pair[1]) {
        return None;
    }
    let both = kept.iter().any(|w| w == "iif") && kept.iter().any(|w| w == "oif" || w == "dev");
    (!both && destinations == 1).then_some(kept)
}

/// Whether `ip route get` takes the question's protocol.
pub fn can_be_asked(words: &[String]) -> bool {
    let protocol = words.iter().position(|word| word == "ipproto").and_then(|at| words.get(at + 1));
    let icmp = if words.iter().any(|word| word.contains(':')) { "ipv6-icmp" } else { "icmp" };
    protocol.is_none_or(|name| ["tcp", "udp", icmp].contains(&name.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_decides_is_kept() {
        let devices = ["e0".to_owned()];
        let plain = |line: &str| plain(line, &devices).map(|words| words.join(" "));
        assert_eq!(
            plain("ip -j route get fibmatch 10.0.0.1 from 10.0.0.2 iif e0 tos 0x10 notify").as_deref(),
            Some("10.0.0.1 from 10.0.0.2 iif e0 tos 0x10")
        );
        assert_eq!(
            plain("ip -6 -j route get 2001:db8::1 from fe80::1 oif e0").as_deref(),
            Some("2001:db8::1 from fe80::1 oif e0")
        );
        assert_eq!(plain("ip route get 10.0.0.1 oif nosuch"), None);
        assert_eq!(plain("ip route get 10.0.0.1 iif e0 oif e0"), None);
        assert_eq!(plain("ip route get nonsense"), None);
        assert_eq!(plain("ip route get 2001:db8::1 from 10.0.0.1"), None);
        assert_eq!(plain("ip route get 10.0.0.1 uid x"), None);
        assert_eq!(plain("ip route get 10.0.0.1 10.0.0.2"), None);
    }

    #[test]
    fn the_kernel_takes_three_protocols() {
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        assert!(can_be_asked(&words("10.0.0.1 ipproto tcp")));
        assert!(!can_be_asked(&words("10.0.0.1 ipproto 47")));
        assert!(!can_be_asked(&words("2001:db8::1 ipproto icmp")));
        assert!(can_be_asked(&words("2001:db8::1 ipproto ipv6-icmp")));
    }
}
