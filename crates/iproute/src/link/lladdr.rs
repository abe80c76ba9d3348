//! Link-layer addresses and types, as iproute2 reads and writes them
//! (`ll_addr_a2n`, `ll_addr_n2a`, `ll_type_n2a`, `ll_proto_a2n`).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use fingerpost_model::LlAddr;

use crate::error::{Done, Failure};
use crate::lex::{Af, addr_1, get_u16, strtoul};
use crate::output::Text;

/// Reads a link-layer address of at most `room` bytes: an IPv4 address, or
/// bytes in hexadecimal joined by colons, each read as `sscanf("%x")` does
/// (what follows the digits is ignored); a longer one comes back one byte too
/// long. Returns with status 1 otherwise.
pub(crate) fn parse(text: &str, room: usize) -> Done<LlAddr> {
    let invalid = |part: &str| Failure::returned(1, format!("\"{part}\" is invalid lladdr."));
    if text.contains('.') {
        return match addr_1(text, Af::Inet).and_then(|a| a.ip) {
            Some(IpAddr::V4(ip)) => Ok(LlAddr(ip.octets().to_vec())),
            _ => Err(invalid(text)),
        };
    }
    let mut bytes = Vec::new();
    let mut rest = Some(text);
    while let Some(part) = rest.filter(|_| bytes.len() < room) {
        let (part, after) = match part.split_once(':') {
            Some((part, after)) => (part, Some(after)),
            None => (part, None),
        };
        // "%x" stores the low 32 bits; negative ones are out of range.
        let value =
            strtoul(part, 16).map(|(value, overflow, _)| if overflow { u32::MAX } else { value as u32 });
        let byte = value.and_then(|v| u8::try_from(v).ok()).ok_or_else(|| invalid(part))?;
        bytes.push(byte);
        rest = after;
    }
    if rest.is_some() {
        // iproute2 counts one byte more than there is room for.
        bytes.push(0);
    }
    Ok(LlAddr(bytes))
}

const ARPHRD_AX25: u16 = 3;
const ARPHRD_NETROM: u16 = 0;
const ARPHRD_ROSE: u16 = 270;
const ARPHRD_TUNNEL: u16 = 768;
const ARPHRD_TUNNEL6: u16 = 769;
const ARPHRD_SIT: u16 = 776;
const ARPHRD_IPGRE: u16 = 778;
const ARPHRD_IP6GRE: u16 = 823;

/// A link-layer address as the hardware type has it written: IP addresses for
/// tunnels, bytes otherwise.
pub(crate) fn show(addr: &LlAddr, arp_type: u16) -> String {
    let bytes = addr.0.as_slice();
    match arp_type {
        ARPHRD_TUNNEL | ARPHRD_SIT | ARPHRD_IPGRE => {
            if let Ok(octets) = <[u8; 4]>::try_from(bytes) {
                return Ipv4Addr::from(octets).to_string();
            }
        }
        ARPHRD_TUNNEL6 | ARPHRD_IP6GRE => {
            if let Ok(octets) = <[u8; 16]>::try_from(bytes) {
                return Text(Ipv6Addr::from(octets).into()).to_string();
            }
        }
        ARPHRD_AX25 | ARPHRD_NETROM if bytes.len() == 7 => return amateur(bytes),
        ARPHRD_ROSE if bytes.len() == 5 => {
            return bytes.iter().map(|b| format!("{b:02x}")).collect();
        }
        _ => {}
    }
    addr.to_string()
}

/// An AX.25 address: six shifted characters and a secondary station number.
fn amateur(bytes: &[u8]) -> String {
    let call: String =
        bytes[..6].iter().map(|b| char::from((b >> 1) & 0x7f)).take_while(|&c| c != ' ').collect();
    match (bytes[6] >> 1) & 0x0f {
        0 => call,
        ssid => format!("{call}-{ssid}"),
    }
}

/// The name of a hardware type (`ARPHRD_*`); its number in brackets when it
/// has none or with `-N`.
pub(crate) fn type_name(arp_type: u16, numeric: bool) -> String {
    let name = match arp_type {
        _ if numeric => None,
        0 => Some("netrom"),
        1 => Some("ether"),
        2 => Some("eether"),
        3 => Some("ax25"),
        4 => Some("pronet"),
        5 => Some("chaos"),
        6 => Some("ieee802"),
        7 => Some("arcnet"),
        8 => Some("atalk"),
        15 => Some("dlci"),
        19 => Some("atm"),
        23 => Some("metricom"),
        24 => Some("ieee1394"),
        32 => Some("infiniband"),
        256 => Some("slip"),
        257 => Some("cslip"),
        258 => Some("slip6"),
        259 => Some("cslip6"),
        260 => Some("rsrvd"),
        264 => Some("adapt"),
        270 => Some("rose"),
        271 => Some("x25"),
        272 => Some("hwx25"),
        280 => Some("can"),
        512 => Some("ppp"),
        513 => Some("hdlc"),
        516 => Some("lapb"),
        517 => Some("ddcmp"),
        518 => Some("rawhdlc"),
        768 => Some("ipip"),
        769 => Some("tunnel6"),
        770 => Some("frad"),
        771 => Some("skip"),
        772 => Some("loopback"),
        773 => Some("ltalk"),
        774 => Some("fddi"),
        775 => Some("bif"),
        776 => Some("sit"),
        777 => Some("ip/ddp"),
        778 => Some("gre"),
        779 => Some("pimreg"),
        780 => Some("hippi"),
        781 => Some("ash"),
        782 => Some("econet"),
        783 => Some("irda"),
        784 => Some("fcpp"),
        785 => Some("fcal"),
        786 => Some("fcpl"),
        787..=799 => return format!("fcfb{}", arp_type - 787),
        800 => Some("tr"),
        801 => Some("ieee802.11"),
        802 => Some("ieee802.11/prism"),
        803 => Some("ieee802.11/radiotap"),
        804 => Some("ieee802.15.4"),
        805 => Some("ieee802.15.4/monitor"),
        820 => Some("phonet"),
        821 => Some("phonet_pipe"),
        822 => Some("caif"),
        823 => Some("gre6"),
        824 => Some("netlink"),
        825 => Some("6lowpan"),
        0xfffe => Some("none"),
        0xffff => Some("void"),
        _ => None,
    };
    name.map_or_else(|| format!("[{arp_type}]"), str::to_string)
}

/// Names of Ethernet protocols.
const PROTOCOLS: [(u16, &str); 50] = [
    (0x0060, "loop"),
    (0x0200, "pup"),
    (0x0201, "pupat"),
    (0x0800, "ip"),
    (0x0805, "x25"),
    (0x0806, "arp"),
    (0x08ff, "bpq"),
    (0x0a00, "ieeepup"),
    (0x0a01, "ieeepupat"),
    (0x6000, "dec"),
    (0x6001, "dna_dl"),
    (0x6002, "dna_rc"),
    (0x6003, "dna_rt"),
    (0x6004, "lat"),
    (0x6005, "diag"),
    (0x6006, "cust"),
    (0x6007, "sca"),
    (0x8035, "rarp"),
    (0x809b, "atalk"),
    (0x80f3, "aarp"),
    (0x8137, "ipx"),
    (0x86dd, "ipv6"),
    (0x8863, "ppp_disc"),
    (0x8864, "ppp_ses"),
    (0x884c, "atmmpoa"),
    (0x8884, "atmfate"),
    (0x0001, "802_3"),
    (0x0002, "ax25"),
    (0x0003, "all"),
    (0x0004, "802_2"),
    (0x0005, "snap"),
    (0x0006, "ddcmp"),
    (0x0007, "wan_ppp"),
    (0x0008, "ppp_mp"),
    (0x0009, "localtalk"),
    (0x000c, "can"),
    (0x0010, "ppptalk"),
    (0x0011, "tr_802_2"),
    (0x0015, "mobitex"),
    (0x0016, "control"),
    (0x0017, "irda"),
    (0x0018, "econet"),
    (0x88ca, "tipc"),
    (0x8892, "profinet"),
    (0x88a2, "aoe"),
    (0x88a4, "ethercat"),
    (0x8100, "802.1Q"),
    (0x88a8, "802.1ad"),
    (0x8847, "mpls_uc"),
    (0x8848, "mpls_mc"),
];

/// The Ethernet protocol with this name (in any case) or number.
pub(crate) fn protocol(text: &str) -> Option<u16> {
    let named = PROTOCOLS
        .iter()
        .chain(&[(0x6558, "teb"), (0x88cc, "LLDP"), (0x0800, "ipv4")])
        .find(|(_, name)| name.eq_ignore_ascii_case(text));
    named.map(|(id, _)| *id).or_else(|| get_u16(text, 0))
}

/// The name of an Ethernet protocol; its number in brackets when it has none
/// or with `-N`.
pub(crate) fn protocol_name(id: u16, numeric: bool) -> String {
    let named = PROTOCOLS.iter().chain(&[(0x6558, "teb"), (0x88cc, "LLDP")]).find(|(n, _)| *n == id);
    match named {
        Some((_, name)) if !numeric => name.to_string(),
        _ => format!("[{id}]"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_as_sscanf_reads_them() {
        let bytes = |text: &str| parse(text, 32).map(|a| a.0).ok();
        assert_eq!(bytes("2:0:0:0:0:1"), Some(vec![2, 0, 0, 0, 0, 1]));
        assert_eq!(bytes("foo"), Some(vec![0x0f]));
        assert_eq!(bytes("0x1f: 2z"), Some(vec![0x1f, 2]));
        assert_eq!(bytes("1.2.3.4"), Some(vec![1, 2, 3, 4]));
        assert_eq!(bytes("1.2.3.400"), None);
        assert_eq!(bytes("xx"), None);
        assert_eq!(bytes("100"), None);
        assert_eq!(bytes("-1"), None);
        assert_eq!(bytes("1::2"), None);
        assert_eq!(parse("1:2:3", 2).map(|a| a.0).ok(), Some(vec![1, 2, 0]));
    }

    #[test]
    fn addresses_are_shown_by_type() {
        let four = LlAddr(vec![10, 0, 0, 1]);
        assert_eq!(show(&four, ARPHRD_SIT), "10.0.0.1");
        assert_eq!(show(&four, 1), "0a:00:00:01");
        assert_eq!(show(&LlAddr(vec![0; 16]), ARPHRD_IP6GRE), "::");
    }
}
