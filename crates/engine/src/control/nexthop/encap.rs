//! Tunnels on routes and nexthop objects (`net/core/lwtunnel.c`,
//! `net/ipv4/ip_tunnel_core.c`): which types there are, and the form in which
//! the kernel keeps and shows what a request gives.
//!
//! IP tunnels belong to the kernel itself; the others are modules, of which
//! at most MPLS's is there, by release; segment routing, which many kernels have, is
//! refused by name. Packets are not encapsulated.

use fingerpost_model::{Encap, Refusal};
use fingerpost_net::Errno;

use super::invalid;
use crate::namespace::Env;

/// `LWTUNNEL_ENCAP_MPLS`.
const MPLS: u16 = 1;
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
pub fn check_type(env: Env<'_>, encap: &Encap) -> Result<(), Refusal> {
    match encap.kind {
        IP | IP6 => Ok(()),
        MPLS if env.behaviour.mpls_encap => Ok(()),
        SEG6 | SEG6_LOCAL => {
            Err(Refusal::with(Errno::EOPNOTSUPP, "segment routing is not modelled by Fingerpost"))
        }
        1..=10 => Err(Refusal::with(Errno::EOPNOTSUPP, "lwt encapsulation type not supported")),
        _ => Err(invalid("Unknown lwt encapsulation type")),
    }
}

/// A tunnel as the kernel keeps it.
pub fn build(encap: &Encap) -> Result<Encap, Refusal> {
    match encap.kind {
        MPLS => mpls(&encap.data),
        kind => ip(kind, &encap.data),
    }
}

/// The attributes of a tunnel, in the order in which they are given.
fn attributes(mut data: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    std::iter::from_fn(move || {
        let [len0, len1, kind0, kind1, ..] = *data else { return None };
        let len = usize::from(u16::from_ne_bytes([len0, len1]));
        let value = data.get(4..len)?;
        data = data.get(len.next_multiple_of(4)..).unwrap_or_default();
        Some((u16::from_ne_bytes([kind0, kind1]) & 0x3fff, value))
    })
}

/// Appends an attribute.
fn put(data: &mut Vec<u8>, kind: u16, value: &[u8]) {
    data.extend_from_slice(&(4 + value.len() as u16).to_ne_bytes());
    data.extend_from_slice(&u16::to_ne_bytes(kind));
    data.extend_from_slice(value);
    data.resize(data.len().next_multiple_of(4), 0);
}

/// Labels, and a lifetime if one is given (`mpls_build_state`,
/// `mpls_fill_encap_info`).
fn mpls(given: &[u8]) -> Result<Encap, Refusal> {
    const LABELS: u16 = 1;
    const TTL: u16 = 2;
    const MOST: usize = 30;
    const IMPLICIT_NULL: u32 = 3;
    let find = |wanted| attributes(given).filter(|(kind, _)| *kind == wanted).last().map(|(_, value)| value);
    let labels = find(LABELS).ok_or_else(|| invalid("MPLS_IPTUNNEL_DST attribute is missing"))?;
    if labels.is_empty() || labels.len() % 4 != 0 {
        return Err(Errno::EINVAL.into());
    }
    if labels.len() / 4 > MOST {
        return Err(invalid("Too many labels"));
    }
    for (at, entry) in labels.chunks_exact(4).enumerate().rev() {
        let entry = entry.iter().fold(0, |sum, &byte| sum << 8 | u32::from(byte));
        // The last one, and no other, ends the stack; lifetime and class are the packet's.
        if entry & 0xfff != u32::from(at + 1 == labels.len() / 4) << 8 {
            return Err(Errno::EINVAL.into());
        }
        if entry >> 12 == IMPLICIT_NULL {
            return Err(invalid("Implicit NULL Label (3) can not be used in encapsulation"));
        }
    }
    let mut data = Vec::new();
    put(&mut data, LABELS, labels);
    if let Some(ttl) = find(TTL) {
        put(&mut data, TTL, ttl.get(..1).ok_or(Errno::ERANGE)?);
    }
    Ok(Encap { kind: MPLS, data })
}

/// Every property of an IP tunnel, those not given as zeros (`ip_tun_build_state`,
/// `ip_tun_fill_encap_info`).
fn ip(tunnel: u16, given: &[u8]) -> Result<Encap, Refusal> {
    let address = if tunnel == IP { 4 } else { 16 };
    // Id, destination, source, type of service, lifetime, flags: in the order
    // in which they are shown, with their lengths.
    let mut properties =
        [(1, 8), (2, address), (3, address), (5, 1), (4, 1), (6, 2)].map(|(kind, len)| (kind, vec![0; len]));
    for (kind, value) in attributes(given) {
        if let Some((_, property)) = properties.iter_mut().find(|(known, _)| *known == kind) {
            match value.get(..property.len()) {
                Some(value) => property.copy_from_slice(value),
                None => return Err(Refusal::with(Errno::ERANGE, "Attribute failed policy validation")),
            }
        }
    }
    let [.., (_, flags)] = &mut properties;
    let kept = u16::from_be_bytes([flags[0], flags[1]]) & !OPTIONS_PRESENT;
    flags.copy_from_slice(&kept.to_be_bytes());
    let mut data = Vec::new();
    for (kind, value) in properties {
        put(&mut data, kind, &value);
    }
    Ok(Encap { kind: tunnel, data })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::behaviour::Behaviour;
    use crate::state::Time;

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
        let check = |release: &str, kind| {
            let env = Env { behaviour: &Behaviour::of_release(release), now: Time(0) };
            check_type(env, &Encap { kind, data: Vec::new() }).map_err(|refusal| refusal.errno)
        };
        assert_eq!(check("6.18", IP), Ok(()));
        assert_eq!(check("6.18", MPLS), Err(Errno::EOPNOTSUPP));
        assert_eq!(check("7.2", MPLS), Ok(()));
        assert_eq!(check("7.2", 5), Err(Errno::EOPNOTSUPP));
        assert_eq!(check("6.18", 99), Err(Errno::EINVAL));
    }

    #[test]
    fn labels_end_with_the_last() {
        let stack = |entries: &[u32]| {
            let labels: Vec<u8> = entries.iter().flat_map(|entry| entry.to_be_bytes()).collect();
            let mut data = Vec::new();
            put(&mut data, 1, &labels);
            build(&Encap { kind: MPLS, data })
        };
        assert!(stack(&[100 << 12, 200 << 12 | 0x100]).is_ok());
        for wrong in [&[][..], &[100 << 12], &[100 << 12 | 0x100, 200 << 12 | 0x100], &[100 << 12 | 0x1ff]] {
            assert_eq!(stack(wrong).expect_err("no stack of labels").errno, Errno::EINVAL);
        }
        let none = build(&Encap { kind: MPLS, data: Vec::new() });
        assert!(none.expect_err("none").text.is_some_and(|text| text.contains("missing")));
    }
}
