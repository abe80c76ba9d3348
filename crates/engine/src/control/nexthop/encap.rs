//! Tunnels on routes and nexthop objects (`net/core/lwtunnel.c`,
//! `net/ipv4/ip_tunnel_core.c`): which types there are, and the form in which
//! the kernel keeps and shows what a request gives.
//!
//! IP tunnels belong to the kernel itself; the others are modules, of which
//! none is loaded here, but for segment routing, which many kernels have and
//! which is refused by name. Packets are not encapsulated.

use fingerpost_model::{Encap, Refusal};
use fingerpost_net::Errno;

use super::invalid;

/// `LWTUNNEL_ENCAP_IP`.
const IP: u16 = 2;
/// `LWTUNNEL_ENCAP_IP6`.
const IP6: u16 = 4;
/// `LWTUNNEL_ENCAP_SEG6` and `LWTUNNEL_ENCAP_SEG6_LOCAL`.
const SEG6: u16 = 5;
const SEG6_LOCAL: u16 = 7;
/// `LWTUNNEL_IP_FLAGS`: `TUNNEL_OPTIONS_PRESENT` of them is the kernel's own.
const OPTIONS_PRESENT: u16 = 0x0800 | 0x1000 | 0x2000 | 0x4000;

/// Checks a tunnel's type (`lwtunnel_valid_encap_type`).
pub fn check_type(encap: &Encap) -> Result<(), Refusal> {
    match encap.kind {
        IP | IP6 => Ok(()),
        SEG6 | SEG6_LOCAL => {
            Err(Refusal::with(Errno::EOPNOTSUPP, "segment routing is not modelled by Fingerpost"))
        }
        1..=10 => Err(Refusal::with(Errno::EOPNOTSUPP, "lwt encapsulation type not supported")),
        _ => Err(invalid("Unknown lwt encapsulation type")),
    }
}

/// A tunnel as the kernel keeps it: every property, those not given as zeros
/// (`ip_tun_build_state`, `ip_tun_fill_encap_info`).
pub fn build(encap: &Encap) -> Result<Encap, Refusal> {
    let address = if encap.kind == IP { 4 } else { 16 };
    // Id, destination, source, type of service, lifetime, flags: in the order
    // in which they are shown, with their lengths.
    let mut properties =
        [(1, 8), (2, address), (3, address), (5, 1), (4, 1), (6, 2)].map(|(kind, len)| (kind, vec![0; len]));
    let mut data = encap.data.as_slice();
    while let [len0, len1, kind0, kind1, ..] = *data {
        let len = usize::from(u16::from_ne_bytes([len0, len1]));
        let kind = u16::from_ne_bytes([kind0, kind1]) & 0x3fff;
        let Some(value) = data.get(4..len) else { break };
        if let Some((_, property)) = properties.iter_mut().find(|(known, _)| *known == kind) {
            match value.get(..property.len()) {
                Some(value) => property.copy_from_slice(value),
                None => return Err(Refusal::with(Errno::ERANGE, "Attribute failed policy validation")),
            }
        }
        data = data.get(len.next_multiple_of(4)..).unwrap_or_default();
    }
    let [.., (_, flags)] = &mut properties;
    let kept = u16::from_be_bytes([flags[0], flags[1]]) & !OPTIONS_PRESENT;
    flags.copy_from_slice(&kept.to_be_bytes());
    let mut data = Vec::new();
    for (kind, value) in properties {
        data.extend_from_slice(&(4 + value.len() as u16).to_ne_bytes());
        data.extend_from_slice(&u16::to_ne_bytes(kind));
        data.extend_from_slice(&value);
        data.resize(data.len().next_multiple_of(4), 0);
    }
    Ok(Encap { kind: encap.kind, data })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_given_is_zero_and_the_order_is_the_kernel_s() {
        let destination = [8, 0, 2, 0, 1, 1, 1, 1];
        let built = build(&Encap { kind: IP, data: destination.to_vec() }).expect("it is right");
        assert_eq!(built.data.len(), 12 + 8 + 8 + 8 + 8 + 8);
        assert_eq!(built.data[12..20], destination);
        assert_eq!(build(&built).expect("it is right"), built);
        let short = build(&Encap { kind: IP, data: vec![6, 0, 2, 0, 1, 1, 0, 0] });
        assert_eq!(short.expect_err("too short").errno, Errno::ERANGE);
    }

    #[test]
    fn other_types_are_modules_that_are_not_loaded() {
        let check = |kind| check_type(&Encap { kind, data: Vec::new() }).map_err(|refusal| refusal.errno);
        assert_eq!(check(IP), Ok(()));
        assert_eq!(check(1), Err(Errno::EOPNOTSUPP));
        assert_eq!(check(99), Err(Errno::EINVAL));
    }
}
