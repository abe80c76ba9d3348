//! What `ping` prints of ICMP messages and figures (iputils 20221126).

use std::net::Ipv4Addr;

use fingerpost_net::Family;
use fingerpost_net::wire::{icmp, icmp6};

/// An error, by type, code and the number that comes with it: an MTU, a place, a gateway.
pub fn fault(family: Family, kind: u8, code: u8, info: u32) -> String {
    match family {
        Family::V4 => fault4(kind, code, info),
        Family::V6 => fault6(kind, code, info),
    }
}

fn fault4(kind: u8, code: u8, info: u32) -> String {
    let text = match (kind, code) {
        (icmp::UNREACHABLE, 0) => "Destination Net Unreachable",
        (icmp::UNREACHABLE, 1) => "Destination Host Unreachable",
        (icmp::UNREACHABLE, 2) => "Destination Protocol Unreachable",
        (icmp::UNREACHABLE, 3) => "Destination Port Unreachable",
        (icmp::UNREACHABLE, 4) => return format!("Frag needed and DF set (mtu = {info})"),
        (icmp::UNREACHABLE, 5) => "Source Route Failed",
        (icmp::UNREACHABLE, 6) => "Destination Net Unknown",
        (icmp::UNREACHABLE, 7) => "Destination Host Unknown",
        (icmp::UNREACHABLE, 8) => "Source Host Isolated",
        (icmp::UNREACHABLE, 9) => "Destination Net Prohibited",
        (icmp::UNREACHABLE, 10) => "Destination Host Prohibited",
        (icmp::UNREACHABLE, 11) => "Destination Net Unreachable for Type of Service",
        (icmp::UNREACHABLE, 12) => "Destination Host Unreachable for Type of Service",
        (icmp::UNREACHABLE, 13) => "Packet filtered",
        (icmp::UNREACHABLE, 14) => "Precedence Violation",
        (icmp::UNREACHABLE, 15) => "Precedence Cutoff",
        (icmp::UNREACHABLE, _) => return format!("Dest Unreachable, Bad Code: {code}"),
        (4, _) => "Source Quench",
        (icmp::REDIRECT, _) => return redirect(code, Ipv4Addr::from_bits(info)),
        (icmp::TIME_EXCEEDED, 0) => "Time to live exceeded",
        (icmp::TIME_EXCEEDED, 1) => "Frag reassembly time exceeded",
        (icmp::TIME_EXCEEDED, _) => return format!("Time exceeded, Bad Code: {code}"),
        (icmp::PARAMETER, _) => return format!("Parameter problem: pointer = {info}"),
        _ => return format!("Bad ICMP type: {kind}"),
    };
    text.to_owned()
}

fn redirect(code: u8, gateway: Ipv4Addr) -> String {
    let what = match code {
        0 => "Redirect Network",
        1 => "Redirect Host",
        2 => "Redirect Type of Service and Network",
        3 => "Redirect Type of Service and Host",
        _ => return format!("Redirect, Bad Code: {code}(New nexthop: {gateway})"),
    };
    format!("{what}(New nexthop: {gateway})")
}

fn fault6(kind: u8, code: u8, info: u32) -> String {
    match (kind, code) {
        (icmp6::UNREACHABLE, code) => {
            let why = match code {
                0 => "No route",
                1 => "Administratively prohibited",
                2 => "Beyond scope of source address",
                3 => "Address unreachable",
                4 => "Port unreachable",
                _ => return format!("Destination unreachable: Unknown code {code}"),
            };
            format!("Destination unreachable: {why}")
        }
        (icmp6::TOO_BIG, 0) => format!("Packet too big: mtu={info}"),
        (icmp6::TOO_BIG, _) => format!("Packet too big: mtu={info}, code={code}"),
        (icmp6::TIME_EXCEEDED, 0) => "Time exceeded: Hop limit".to_owned(),
        (icmp6::TIME_EXCEEDED, 1) => "Time exceeded: Defragmentation failure".to_owned(),
        (icmp6::TIME_EXCEEDED, _) => format!("Time exceeded: code {code}"),
        (icmp6::PARAMETER, 0) => format!("Parameter problem: Wrong header field at {info}"),
        (icmp6::PARAMETER, 1) => format!("Parameter problem: Unknown header at {info}"),
        (icmp6::PARAMETER, 2) => format!("Parameter problem: Unknown option at {info}"),
        (icmp6::PARAMETER, _) => format!("Parameter problem: code {code} at {info}"),
        _ => format!("unknown icmp type: {kind}"),
    }
}

/// A round trip in microseconds, with fewer decimals the longer it is.
pub fn round_trip(micros: i64) -> String {
    match micros {
        99_950.. => format!("{}", (micros + 500) / 1000),
        9_995.. => format!("{}.{}", (micros + 50) / 1000, (micros + 50) % 1000 / 100),
        1_000.. => format!("{}.{:02}", (micros + 5) / 1000, (micros + 5) % 1000 / 10),
        _ => format!("{}.{:03}", micros / 1000, micros % 1000),
    }
}

/// Milliseconds with three decimals.
pub fn millis(micros: i64) -> String {
    format!("{}.{:03}", micros / 1000, micros % 1000)
}

/// A share in per cent with six digits at most (`%g`).
pub fn share(part: i64, of: i64) -> String {
    let percent = (part as f64 * 100.0 / of as f64) as f32;
    let whole_digits = if percent >= 100.0 {
        3
    } else if percent >= 10.0 {
        2
    } else {
        1
    };
    // Below one there are more zeros before six digits are shown.
    let leading =
        if percent > 0.0 && percent < 1.0 { -(f64::from(percent).log10().floor()) as usize - 1 } else { 0 };
    if percent > 0.0 && percent < 1e-4 {
        let text = format!("{percent:.5e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let exponent = exponent.trim_start_matches('-');
        return format!("{}e-{exponent:0>2}", digits.trim_end_matches('0').trim_end_matches('.'));
    }
    let decimals = if percent < 1.0 { 6 + leading } else { 6 - whole_digits };
    let text = format!("{percent:.decimals$}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_pings_digits() {
        let shown = [0, 21, 1_000, 1_236, 9_994, 9_995, 20_449, 99_949, 99_950, 1_000_000].map(round_trip);
        let expected = ["0.000", "0.021", "1.00", "1.24", "9.99", "10.0", "20.4", "99.9", "100", "1000"];
        assert_eq!(shown, expected);
        let shares = [(0, 3), (3, 3), (1, 3), (2, 3), (1, 7), (1, 16), (1, 200), (1, 30_000)];
        let shown = shares.map(|(part, of)| share(part, of));
        let expected = ["0", "100", "33.3333", "66.6667", "14.2857", "6.25", "0.5", "0.00333333"];
        assert_eq!(shown, expected);
    }
}
