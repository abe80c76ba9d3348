//! The words of a `ping` command (iputils 20221126).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use fingerpost_net::{Errno, Family};

/// More probes than this are not sent: a script is to end.
const MOST_PROBES: i64 = 100_000;
/// More bytes than this are not sent, far more than a packet holds: memory is to be bounded.
const MOST_BYTES: usize = 1 << 20;
/// Options, with a colon behind those that take a value.
const KNOWN: &str = "h?4bRT:6F:N:aABc:CdDe:fi:I:l:Lm:M:nOp:qQ:rs:S:t:UvVw:W:";
/// Options that ping has and that are not modelled.
const NOT_MODELLED: &str = "TNFaABCdflLSvVh?";
/// The largest number of C's `int`.
const INT_MAX: i64 = i32::MAX as i64;

/// What is asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// The destination as it was written, and its address.
    pub target: String,
    pub address: IpAddr,
    /// The device that an IPv6 address names behind `%`.
    pub scope: Option<String>,
    /// How many probes; 0 for no bound.
    pub count: i64,
    /// Milliseconds between two.
    pub interval: i64,
    /// Seconds until it ends; 0 for no bound.
    pub deadline: i64,
    /// Milliseconds to wait for the last answer while there was none.
    pub linger: i64,
    /// Bytes behind the ICMP header.
    pub size: usize,
    /// Bytes that fill the probes.
    pub pattern: Vec<u8>,
    pub ttl: Option<u8>,
    pub discovery: Option<Discovery>,
    pub device: Option<String>,
    pub source: Option<IpAddr>,
    /// Whether a source was demanded: the socket is bound to that which it has, even if the one
    /// that was named is of the other family and counts for nothing.
    pub is_bound: bool,
    pub mark: Option<u32>,
    pub tos: u8,
    pub ident: Option<u16>,
    pub quiet: bool,
    pub outstanding: bool,
    pub stamps: bool,
    pub broadcast: bool,
    pub record_route: bool,
    pub dont_route: bool,
}

/// What a packet that is too long meets (`IP_MTU_DISCOVER`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Discovery {
    /// It may be cut up (`-M dont`).
    Dont,
    /// It is cut up here alone (`-M want`).
    Want,
    /// It is refused (`-M do`).
    Do,
}

/// Why no probe is sent: what is printed behind `ping: `, and the exit status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    pub message: String,
    pub status: i32,
}

/// Ends with a message.
pub fn refuse<T>(status: i32, message: impl Into<String>) -> Result<T, Refused> {
    Err(Refused { message: message.into(), status })
}

/// Reads the words behind `ping`.
pub fn parse(args: &[String]) -> Result<Options, Refused> {
    let (mut family, mut target) = (None, None);
    let mut options = Options {
        target: String::new(),
        address: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        scope: None,
        count: 0,
        interval: 1000,
        deadline: 0,
        linger: 10_000,
        size: 56,
        pattern: Vec::new(),
        ttl: None,
        discovery: None,
        device: None,
        source: None,
        is_bound: false,
        mark: None,
        tos: 0,
        ident: None,
        quiet: false,
        outstanding: false,
        stamps: false,
        broadcast: false,
        record_route: false,
        dont_route: false,
    };
    let mut words = args.iter();
    while let Some(word) = words.next() {
        let letters = match word.strip_prefix('-') {
            Some("-") => {
                target = words.next_back().or(target);
                if words.next().is_some() {
                    return several();
                }
                break;
            }
            Some(letters) if !letters.is_empty() => letters,
            _ if target.is_some() => return several(),
            _ => {
                target = Some(word);
                continue;
            }
        };
        for (at, letter) in letters.char_indices() {
            let Some(known) = KNOWN.find(letter).filter(|_| letter != ':') else {
                return refuse(2, format!("invalid option -- '{letter}'"));
            };
            let takes_value = KNOWN[known + 1..].starts_with(':');
            let behind = &letters[at + letter.len_utf8()..];
            let value = match (takes_value, behind.is_empty()) {
                (false, _) => "",
                (true, false) => behind,
                (true, true) => match words.next() {
                    Some(value) => value,
                    None => return refuse(2, format!("option requires an argument -- '{letter}'")),
                },
            };
            match letter {
                '4' | '6' => {
                    let asked = if letter == '4' { Family::V4 } else { Family::V6 };
                    if family.is_some_and(|family| family != asked) {
                        return refuse(2, "only one -4 or -6 option may be specified");
                    }
                    family = Some(asked);
                }
                letter => options.set(letter, value)?,
            }
            if takes_value {
                break;
            }
        }
    }
    let Some(target) = target else {
        return refuse(1, "usage error: Destination address required");
    };
    options.aim(target, family)?;
    options.check()?;
    Ok(options)
}

fn several<T>() -> Result<T, Refused> {
    refuse(2, "source routes, and so several destinations, are not supported here")
}

impl Options {
    fn set(&mut self, letter: char, value: &str) -> Result<(), Refused> {
        match letter {
            'b' => self.broadcast = true,
            'R' => self.record_route = true,
            'c' => self.count = number(value, 1, i64::MAX)?,
            'D' => self.stamps = true,
            'e' => self.ident = Some(number(value, 0, 0xffff)? as u16),
            'i' => self.interval = millis(value, "bad timing interval", f64::MIN)?,
            'I' => self.set_source(value)?,
            'm' => self.mark = Some(number(value, 0, u32::MAX.into())? as u32),
            'M' => {
                self.discovery = Some(match value {
                    "do" => Discovery::Do,
                    "dont" => Discovery::Dont,
                    "want" => Discovery::Want,
                    _ => return refuse(2, format!("invalid -M argument: {value}")),
                });
            }
            // Names are not looked up, and the time is always the virtual one.
            'n' | 'U' => {}
            'O' => self.outstanding = true,
            'p' => self.pattern = pattern(value)?,
            'q' => self.quiet = true,
            'Q' => self.tos = tos(value)?,
            'r' => self.dont_route = true,
            's' => self.size = number(value, 0, INT_MAX)? as usize,
            't' => self.ttl = Some(number(value, 0, 255)? as u8),
            'w' => self.deadline = number(value, 0, INT_MAX)?,
            'W' => self.linger = millis(value, "bad linger time", 0.0)?,
            _ => {
                debug_assert!(NOT_MODELLED.contains(letter), "{letter}");
                return refuse(2, format!("option -{letter} is not supported here"));
            }
        }
        Ok(())
    }

    fn set_source(&mut self, value: &str) -> Result<(), Refused> {
        if value.contains(':') {
            let (addr, device) = match value.split_once('%') {
                Some((addr, device)) => (addr, Some(device)),
                None => (value, None),
            };
            let Ok(addr) = addr.parse::<Ipv6Addr>() else {
                return refuse(2, format!("invalid source address: {value}"));
            };
            (self.source, self.is_bound) = (Some(IpAddr::V6(addr)), true);
            self.device = device.map(str::to_owned).or(self.device.take());
        } else if let Ok(addr) = value.parse::<Ipv4Addr>() {
            (self.source, self.is_bound) = (Some(IpAddr::V4(addr)), true);
        } else {
            self.device = Some(value.to_owned());
        }
        Ok(())
    }

    /// Reads the destination.
    fn aim(&mut self, target: &str, family: Option<Family>) -> Result<(), Refused> {
        let (addr, scope) = match target.split_once('%') {
            Some((addr, scope)) => (addr, Some(scope.to_owned())),
            None => (target, None),
        };
        let address = match (inet_aton(target), addr.parse::<Ipv6Addr>()) {
            (Some(addr), _) => IpAddr::V4(addr),
            (None, Ok(addr)) => IpAddr::V6(addr),
            _ => return refuse(2, format!("{target}: names are not looked up here; give an address")),
        };
        if family.is_some_and(|family| family != Family::of(address)) {
            return refuse(2, format!("{target}: Address family for hostname not supported"));
        }
        // A source of the other family counts for nothing.
        self.source = self.source.filter(|source| source.is_ipv4() == address.is_ipv4());
        (self.target, self.address, self.scope) = (target.to_owned(), address, scope);
        Ok(())
    }

    fn check(&self) -> Result<(), Refused> {
        if self.interval <= 0 {
            return refuse(2, "an interval of no time is not supported here");
        }
        if self.linger <= 0 {
            return refuse(2, "waiting for no time is not supported here");
        }
        if self.size > MOST_BYTES {
            return refuse(2, format!("more than {MOST_BYTES} bytes are not supported here"));
        }
        let in_time = match self.deadline {
            0 => i64::MAX,
            seconds => seconds * 1000 / self.interval,
        };
        let bound = if self.count == 0 || self.deadline != 0 { in_time } else { self.count };
        if bound == i64::MAX && self.count == 0 {
            return refuse(2, "without -c or -w it would not end, which is not supported here");
        }
        if bound > MOST_PROBES {
            return refuse(2, format!("more than {MOST_PROBES} probes are not supported here"));
        }
        Ok(())
    }
}

/// A decimal number (`strtol_or_err`).
fn number(text: &str, least: i64, most: i64) -> Result<i64, Refused> {
    let digits = text.trim_start();
    let digits = digits.strip_prefix('+').unwrap_or(digits);
    let is_number = digits.strip_prefix('-').unwrap_or(digits).bytes().all(|byte| byte.is_ascii_digit());
    match digits.parse::<i64>() {
        Ok(number) if (least..=most).contains(&number) => Ok(number),
        Ok(_) => refuse(1, format!("invalid argument: '{text}': out of range: {least} <= value <= {most}")),
        Err(_) if is_number && !digits.is_empty() && digits != "-" => {
            refuse(1, format!("invalid argument: '{text}': Numerical result out of range"))
        }
        Err(_) => refuse(1, format!("invalid argument: '{text}'")),
    }
}

/// Seconds, in milliseconds (`ping_strtod`); ping itself complains of fewer than `least`.
fn millis(text: &str, what: &str, least: f64) -> Result<i64, Refused> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit() || b".+-".contains(&byte));
    let Some(seconds) = text.parse::<f64>().ok().filter(|_| plain) else {
        return refuse(2, format!("{what}: {text}: this form is not supported here"));
    };
    if seconds > (INT_MAX as f64) / 1000.0 || seconds < least {
        return refuse(2, format!("{what}: {text}"));
    }
    Ok((seconds * 1000.0) as i64)
}

fn tos(text: &str) -> Result<u8, Refused> {
    let hex = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    let value = match hex {
        Some(digits) => i64::from_str_radix(digits, 16),
        None => text.parse::<i64>(),
    };
    match value {
        Ok(value @ 0..=255) => Ok(value as u8),
        Ok(value @ 256..) => {
            refuse(2, format!("the decimal value of TOS bits must be in range 0-255: {value}"))
        }
        Ok(_) => refuse(2, format!("a TOS of {text} is not supported here")),
        Err(_) => refuse(2, format!("bad TOS value: {text}")),
    }
}

/// At most sixteen bytes, each of two digits but the last, which may have one.
fn pattern(text: &str) -> Result<Vec<u8>, Refused> {
    if let Some(at) = text.find(|c: char| !c.is_ascii_hexdigit()) {
        return refuse(2, format!("patterns must be specified as hex digits: {}", &text[at..]));
    }
    let bytes = text.as_bytes().chunks(2).take(16);
    Ok(bytes.filter_map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect())
}

/// An IPv4 address in one to four parts, decimal, octal or hexadecimal (`inet_aton`).
fn inet_aton(text: &str) -> Option<Ipv4Addr> {
    let parts: Vec<u32> = text.split('.').map(part).collect::<Option<_>>()?;
    let (&last, bytes) = parts.split_last()?;
    if bytes.len() > 3 || bytes.iter().any(|&byte| byte > 255) {
        return None;
    }
    let shift = 8 * (4 - bytes.len() as u32);
    if shift < 32 && last >> shift != 0 {
        return None;
    }
    let high = bytes.iter().enumerate().map(|(at, &byte)| byte << (24 - 8 * at)).sum::<u32>();
    Some(Ipv4Addr::from_bits(high | last))
}

fn part(text: &str) -> Option<u32> {
    let (digits, radix) = match text.as_bytes() {
        [b'0', b'x' | b'X', ..] => (&text[2..], 16),
        [b'0', _, ..] => (&text[1..], 8),
        _ => (text, 10),
    };
    let is_plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    u32::from_str_radix(digits, radix).ok().filter(|_| is_plain)
}

/// The message of a refused call, as ping prints it.
pub fn failed<T>(call: &str, errno: Errno) -> Result<T, Refused> {
    refuse(2, format!("{call}: {errno}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<Options, Refused> {
        parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn letters_stand_together_and_values_behind_them() {
        let options = read("-qc3 127.1 -i0.2 -s 8 -M do -I e0").unwrap();
        assert_eq!((options.quiet, options.count, options.interval, options.size), (true, 3, 200, 8));
        assert_eq!((options.address, options.target.as_str()), (IpAddr::from([127, 0, 0, 1]), "127.1"));
        assert_eq!((options.discovery, options.device.as_deref()), (Some(Discovery::Do), Some("e0")));
        let options = read("-6 -w2 fe80::1%e0 -I fe80::2%e1").unwrap();
        assert_eq!((options.scope.as_deref(), options.device.as_deref()), (Some("e0"), Some("e1")));
    }

    #[test]
    fn what_is_wrong_is_said_as_ping_says_it() {
        let says = |line: &str| read(line).unwrap_err();
        let told = |status: i32, message: &str| Refused { message: message.to_owned(), status };
        assert_eq!(says("-c1"), told(1, "usage error: Destination address required"));
        assert_eq!(says("-c x 1.1"), told(1, "invalid argument: 'x'"));
        let range = "invalid argument: '256': out of range: 0 <= value <= 255";
        assert_eq!(says("-t 256 1.1"), told(1, range));
        assert_eq!(says("-M xx 1.1"), told(2, "invalid -M argument: xx"));
        assert_eq!(says("-c1 -4 ::1"), told(2, "::1: Address family for hostname not supported"));
        assert_eq!(says("-c1 -Z ::1"), told(2, "invalid option -- 'Z'"));
        assert_eq!(says("-pz1 -c1 ::1"), told(2, "patterns must be specified as hex digits: z1"));
        for line in [
            "1.1",
            "-f -c1 1.1",
            "-c1 host",
            "-c1 -i0 1.1",
            "-c1 -i-1 1.1",
            "-c1000001 1.1",
            "-c1 1.1 1.2",
            "-c1 -s 2147483647 ::1",
        ] {
            let refused = says(line);
            assert!(refused.status == 2 && refused.message.contains(" here"), "{line}: {refused:?}");
        }
    }

    #[test]
    fn addresses_have_one_to_four_parts() {
        for (text, addr) in
            [("10.1", "10.0.0.1"), ("0x7f.1", "127.0.0.1"), ("010.0.0.1", "8.0.0.1"), ("0", "0.0.0.0")]
        {
            assert_eq!(inet_aton(text).map(|addr| addr.to_string()).as_deref(), Some(addr), "{text}");
        }
        for text in ["", "1.2.3.4.5", "256.1", "1.2.3.256", "a", "1..2", "+1.2"] {
            assert_eq!(inet_aton(text), None, "{text}");
        }
    }
}
