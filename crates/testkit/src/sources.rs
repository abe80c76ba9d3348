//! Which source address Linux chooses, asked as programs do: connect a UDP
//! socket, look at its own address. Nothing is sent.
//!
//! A script may hold lines `connect ADDRESS [dev DEVICE]`, which the kernel's
//! side answers in this way. The other side is asked `ip -6 -j route get`
//! instead, whose answer names the source it would choose.

use std::io;
use std::net::{Ipv6Addr, SocketAddr, SocketAddrV6, UdpSocket};
use std::process::Command;

use serde::Deserialize;

use crate::script::Answer;

/// The word that such a line begins with.
pub const CONNECT: &str = "connect";

/// Any port will do: nothing is sent.
const PORT: u16 = 9;
const EADDRNOTAVAIL: i32 = 99;
const EAFNOSUPPORT: i32 = 97;

/// What came of one question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// This address.
    Address(Ipv6Addr),
    /// A refusal, with its errno where one is known.
    Refused(Option<i32>),
}

impl Source {
    /// Whether two sides mean the same. A destination that can be reached from
    /// no own address is refused to a socket, and shown without source by `ip`;
    /// an errno that is not known may be any.
    pub fn agrees(self, other: Source) -> bool {
        let vague = |source| [NOWHERE, Source::Refused(None)].contains(&source);
        match (self, other) {
            (Source::Refused(_), Source::Refused(_)) => self == other || vague(self) || vague(other),
            _ => self == other,
        }
    }
}

/// No own address will do.
pub const NOWHERE: Source = Source::Refused(Some(EADDRNOTAVAIL));

/// Answers `connect ADDRESS [dev DEVICE]` in the calling thread's namespace,
/// its words but for the first.
pub fn connect(words: &[String]) -> Answer {
    match destination(words).and_then(chosen) {
        Ok(address) => Answer { stdout: format!("{address}\n"), ..Answer::default() },
        Err(error) => Answer {
            status: 2,
            errno: error.raw_os_error(),
            stderr: format!("{CONNECT}: {error}\n"),
            ..Answer::default()
        },
    }
}

/// The source address that the kernel chooses for a destination.
///
/// # Errors
///
/// What the kernel refuses the connection with.
pub fn chosen(destination: SocketAddrV6) -> io::Result<Ipv6Addr> {
    let socket = UdpSocket::bind(SocketAddrV6::new(Ipv6Addr::UNSPECIFIED, 0, 0, 0))?;
    socket.connect(destination)?;
    match socket.local_addr()? {
        SocketAddr::V6(own) => Ok(*own.ip()),
        SocketAddr::V4(_) => Err(io::Error::other("an IPv4 address")),
    }
}

fn destination(words: &[String]) -> io::Result<SocketAddrV6> {
    let wrong = || io::Error::new(io::ErrorKind::InvalidInput, "expected ADDRESS [dev DEVICE]");
    let (address, device) = match words {
        [address] => (address, None),
        [address, dev, device] if dev == "dev" => (address, Some(device)),
        _ => return Err(wrong()),
    };
    let scope = match device {
        Some(device) => index_of(device)?,
        None => 0,
    };
    Ok(SocketAddrV6::new(address.parse().map_err(|_| wrong())?, PORT, 0, scope))
}

/// A device's number.
fn index_of(device: &str) -> io::Result<u32> {
    const ENODEV: i32 = 19;
    let link = Command::new("ip").args(["-o", "link", "show", "dev", device]).output()?;
    let text = String::from_utf8_lossy(&link.stdout);
    let number = text.split_once(':').and_then(|(number, _)| number.parse().ok());
    number.ok_or_else(|| io::Error::from_raw_os_error(ENODEV))
}

/// The question of `ip` that a `connect` line stands for; others as they are.
pub fn as_route_get(line: &str) -> String {
    match line.strip_prefix(CONNECT) {
        Some(rest) => format!("ip -6 -j route get{}", rest.replace(" dev ", " oif ")),
        None => line.to_owned(),
    }
}

/// What the kernel's side answered to a `connect` line.
pub fn of_connect(answer: &Answer) -> Source {
    match answer.stdout.trim().parse() {
        Ok(address) => Source::Address(address),
        Err(_) => Source::Refused(answer.errno),
    }
}

/// What `ip -6 -j route get` answered.
pub fn of_route_get(answer: &Answer) -> Source {
    #[derive(Deserialize)]
    struct Route {
        prefsrc: Option<Ipv6Addr>,
    }
    if answer.status != 0 {
        return Source::Refused(answer.errno);
    }
    let routes: Vec<Route> = serde_json::from_str(&answer.stdout).unwrap_or_default();
    match routes.first() {
        // A socket refuses an IPv4 source for an IPv6 destination.
        Some(Route { prefsrc: Some(address) }) if address.to_ipv4_mapped().is_some() => {
            Source::Refused(Some(EAFNOSUPPORT))
        }
        Some(Route { prefsrc: Some(address) }) => Source::Address(*address),
        _ => NOWHERE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_become_questions() {
        assert_eq!(as_route_get("connect fe80::1 dev e1"), "ip -6 -j route get fe80::1 oif e1");
        assert_eq!(as_route_get("connect 2001:db8::1"), "ip -6 -j route get 2001:db8::1");
        assert_eq!(as_route_get("ip link"), "ip link");
    }

    #[test]
    fn answers_are_understood() {
        let told = |stdout: &str| Answer { stdout: stdout.into(), ..Answer::default() };
        let one = Source::Address("2001:db8::1".parse().expect("an address"));
        assert_eq!(of_connect(&told("2001:db8::1\n")), one);
        assert_eq!(of_route_get(&told("[{\"dst\":\"::2\",\"prefsrc\":\"2001:db8::1\"}]\n")), one);
        assert_eq!(of_route_get(&told("[{\"dst\":\"::2\"}]\n")), NOWHERE);
        let refused = Answer { status: 2, errno: Some(101), ..Answer::default() };
        assert_eq!(of_connect(&refused), Source::Refused(Some(101)));
        assert!(of_connect(&refused).agrees(of_route_get(&refused)));
        assert!(NOWHERE.agrees(of_route_get(&refused)));
        assert!(!one.agrees(NOWHERE));
    }
}
