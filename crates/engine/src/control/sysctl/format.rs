//! What texts the entries take, and what they make of them: the number
//! formats of the kernel's `proc_do…vec` functions.

use std::collections::BTreeSet;

use fingerpost_net::Errno;

/// Clock ticks a second (`CONFIG_HZ`): settings in ticks are rounded to them.
const HZ: i64 = 250;
/// Clock ticks a second as users see them (`USER_HZ`).
const USER_HZ: i64 = 100;

/// The form of an entry's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// `proc_dointvec_minmax`: a signed number in a range.
    Int(i64, i64),
    /// `proc_douintvec_minmax`, `proc_dou8vec_minmax`, `proc_doulongvec_minmax`: without sign.
    Unsigned(i64, i64),
    /// `brnf_sysctl_call_tables`: off at 0, else 1.
    Switch,
    /// `proc_dointvec_jiffies`: seconds.
    Seconds,
    /// `proc_dointvec_ms_jiffies`: milliseconds, rounded up to ticks.
    Millis,
    /// `ipv4_local_port_range`: two ports.
    PortRange,
    /// `ipv4_ping_group_range`: two group ids.
    GroupRange,
    /// `proc_do_large_bitmap`: ports and ranges, joined by commas.
    PortSet,
    /// The same of message types, of which there are 256.
    TypeSet,
    /// `ipv4_privileged_ports`: below the local port range.
    FirstPort,
    /// The lower limit of memory for fragments, at most the higher.
    FragLow,
    /// The higher limit.
    FragHigh,
    /// Three numbers of at least one.
    Triple,
    /// `proc_tcp_congestion_control`: one of those available.
    CongestionControl,
    /// `proc_tcp_fastopen_key`: one or two keys.
    FastopenKey,
    /// Not writable.
    ReadOnly,
}

/// Settings that limit others.
pub(super) struct Limits {
    pub(super) frag_low: i64,
    pub(super) frag_high: i64,
    pub(super) first_unprivileged: i64,
    pub(super) first_local_port: i64,
}

impl Form {
    /// The number that a text means to an entry of one number.
    pub(super) fn number(self, text: &str) -> Result<i64, Errno> {
        match self {
            Form::Int(min, max) => {
                let number = int(text)?.into();
                if (min..=max).contains(&number) { Ok(number) } else { Err(Errno::EINVAL) }
            }
            Form::Unsigned(min, max) => {
                let number = unsigned(text)?;
                if (min..=max).contains(&number) { Ok(number) } else { Err(Errno::EINVAL) }
            }
            Form::Switch => Ok(i64::from(int(text)? != 0)),
            Form::Seconds => {
                let number: i64 = int(text)?.into();
                if number.abs() <= i64::from(i32::MAX) / HZ { Ok(number) } else { Err(Errno::EINVAL) }
            }
            Form::Millis => Ok(shown_millis(ticks_of_millis(text)?)),
            _ => Err(Errno::EINVAL),
        }
    }

    /// The text that an entry shows after `text` was written over `old`.
    pub(super) fn text(self, old: &str, text: &str, limits: &Limits) -> Result<String, Errno> {
        let in_range = |number: i64, ok: bool| if ok { Ok(number.to_string()) } else { Err(Errno::EINVAL) };
        match self {
            Form::PortRange => {
                let [low, high] = overwrite(old, text)?;
                let valid = low >= 1 && high <= 65535 && low <= high && low >= limits.first_unprivileged;
                if valid { Ok(format!("{low}\t{high}")) } else { Err(Errno::EINVAL) }
            }
            Form::GroupRange => {
                let [low, high] = overwrite(old, text)?;
                if low.max(high) >= i64::from(u32::MAX) {
                    return Err(Errno::EINVAL);
                }
                // An empty range is shown as the one that is empty by default.
                Ok(if high < low { "1\t0".into() } else { format!("{low}\t{high}") })
            }
            Form::PortSet => number_set(text, u16::MAX),
            Form::TypeSet => number_set(text, 255),
            Form::FirstPort => {
                let number: i64 = int(text)?.into();
                in_range(number, (0..=65535).contains(&number) && number <= limits.first_local_port)
            }
            Form::FragLow => {
                let number = unsigned(text)?;
                in_range(number, number <= limits.frag_high)
            }
            Form::FragHigh => {
                let number = unsigned(text)?;
                in_range(number, number >= limits.frag_low)
            }
            Form::Triple => {
                let [a, b, c] = overwrite(old, text)?;
                let valid = [a, b, c].iter().all(|n| (1..=i64::from(i32::MAX)).contains(n));
                if valid { Ok(format!("{a}\t{b}\t{c}")) } else { Err(Errno::EINVAL) }
            }
            Form::CongestionControl => match text.trim() {
                name @ ("reno" | "cubic" | "bbr") => Ok(name.to_string()),
                _ => Err(Errno::ENOENT),
            },
            Form::FastopenKey => fastopen_key(text.trim()),
            Form::ReadOnly => Err(Errno::EACCES),
            _ => self.number(text).map(|number| number.to_string()),
        }
    }
}

/// The first number of a text for `proc_dointvec`: further ones are ignored.
pub(super) fn int(text: &str) -> Result<i32, Errno> {
    let (negative, magnitude, _) = first_number(text)?;
    let number = i128::from(magnitude) * if negative { -1 } else { 1 };
    i32::try_from(number).map_err(|_| Errno::EINVAL)
}

/// The first number of a text for the unsigned functions, which know no sign.
fn unsigned(text: &str) -> Result<i64, Errno> {
    match first_number(text)? {
        (false, magnitude, _) => i64::try_from(magnitude).map_err(|_| Errno::EINVAL),
        _ => Err(Errno::EINVAL),
    }
}

/// `proc_get_long`: sign, magnitude and the rest of the text. Decimal,
/// hexadecimal after `0x`, octal after `0`; white space must follow.
fn first_number(text: &str) -> Result<(bool, u64, &str), Errno> {
    let text = text.trim_start_matches([' ', '\t', '\n', '\r', '\x0b', '\x0c']);
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let end = digits.find([' ', '\t', '\n']).unwrap_or(digits.len());
    let (word, rest) = digits.split_at(end);
    let lower = word.to_ascii_lowercase();
    let parsed = match lower.strip_prefix("0x") {
        Some(hex) if !hex.starts_with('+') => u64::from_str_radix(hex, 16),
        _ if !lower.starts_with(|c: char| c.is_ascii_digit()) => return Err(Errno::EINVAL),
        _ if lower.len() > 1 && lower.starts_with('0') => u64::from_str_radix(&lower[1..], 8),
        _ => lower.parse(),
    };
    parsed.map(|magnitude| (negative, magnitude, rest)).map_err(|_| Errno::EINVAL)
}

/// Unsigned numbers written over the first of some old ones.
fn overwrite<const N: usize>(old: &str, text: &str) -> Result<[i64; N], Errno> {
    let mut numbers = [0; N];
    for (number, word) in numbers.iter_mut().zip(old.split_whitespace()) {
        *number = word.parse().map_err(|_| Errno::EINVAL)?;
    }
    let mut rest = text;
    for (i, number) in numbers.iter_mut().enumerate() {
        if i > 0 && rest.trim().is_empty() {
            break;
        }
        let (negative, magnitude, after) = first_number(rest)?;
        if negative {
            return Err(Errno::EINVAL);
        }
        *number = i64::try_from(magnitude).map_err(|_| Errno::EINVAL)?;
        rest = after;
    }
    Ok(numbers)
}

/// Ticks from a text in milliseconds, which Linux cuts to 32 bits first.
pub(super) fn ticks_of_millis(text: &str) -> Result<i64, Errno> {
    let (negative, magnitude, _) = first_number(text)?;
    let cut = if negative { magnitude.wrapping_neg() } else { magnitude } as u32;
    if cut > i32::MAX as u32 {
        return Err(Errno::EINVAL);
    }
    let tick = 1000 / HZ;
    Ok((i64::from(cut) + tick - 1) / tick)
}

/// Milliseconds from ticks.
pub(super) fn shown_millis(ticks: i64) -> i64 {
    ticks * 1000 / HZ
}

/// Ticks from a text in users' ticks (`proc_dointvec_userhz_jiffies`), cut to 32 bits.
pub(super) fn ticks_of_user(text: &str) -> Result<i64, Errno> {
    let (negative, magnitude, _) = first_number(text)?;
    if magnitude > (i64::MAX / HZ * USER_HZ) as u64 {
        return Err(Errno::EINVAL);
    }
    let ticks = match negative {
        // A negative number is a very large one, which means for ever.
        true if magnitude != 0 => -1,
        _ => (u128::from(magnitude) * HZ as u128 / USER_HZ as u128) as i64,
    };
    Ok(i64::from(ticks as i32))
}

/// How a number in users' ticks is shown; a negative one can be `-0`.
pub(super) fn shown_user(ticks: i64) -> String {
    let magnitude = ticks.unsigned_abs() * USER_HZ as u64 / HZ as u64;
    format!("{}{magnitude}", if ticks < 0 { "-" } else { "" })
}

/// Numbers up to `max` and ranges in ascending order, joined where they touch.
fn number_set(text: &str, max: u16) -> Result<String, Errno> {
    let mut ports = BTreeSet::new();
    for part in text.trim().split(',').filter(|part| !part.is_empty()) {
        let (low, high) = part.split_once('-').unwrap_or((part, part));
        let port = |text: &str| text.parse::<u16>().map_err(|_| Errno::EINVAL);
        let (low, high) = (port(low)?, port(high)?);
        if low > high || high > max {
            return Err(Errno::EINVAL);
        }
        ports.extend(low..=high);
    }
    let mut ranges: Vec<(u16, u16)> = Vec::new();
    for port in ports {
        match ranges.last_mut() {
            Some((_, high)) if u32::from(*high) + 1 == u32::from(port) => *high = port,
            _ => ranges.push((port, port)),
        }
    }
    let shown = ranges.iter().map(|&(low, high)| match low == high {
        true => low.to_string(),
        false => format!("{low}-{high}"),
    });
    Ok(shown.collect::<Vec<_>>().join(","))
}

/// Four words of hexadecimal digits, or two such keys joined by a comma.
fn fastopen_key(text: &str) -> Result<String, Errno> {
    let keys: Vec<&str> = text.split(',').collect();
    let key = |text: &str| {
        let words: Vec<u32> =
            text.split('-').map(|word| u32::from_str_radix(word, 16)).collect::<Result<_, _>>().ok()?;
        (words.len() == 4).then(|| words.iter().map(|w| format!("{w:08x}")).collect::<Vec<_>>().join("-"))
    };
    let parsed: Option<Vec<String>> = keys.iter().map(|text| key(text)).collect();
    parsed.filter(|keys| keys.len() <= 2).map(|keys| keys.join(",")).ok_or(Errno::EINVAL)
}
