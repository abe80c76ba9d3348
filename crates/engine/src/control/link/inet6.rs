//! What a device's messages say of IPv6 on it (`IFLA_AF_SPEC`): how it makes
//! addresses, and the token in those that it makes of router advertisements.

use std::net::Ipv6Addr;

use fingerpost_model::{Attr, LinkFlags, LinkMsg, Refusal, attr};
use fingerpost_net::Errno;

use super::attributes::nest;
use crate::config::{In6Dev, Link};

/// `IFLA_AF_SPEC`, in it `AF_INET6`, and in that `IFLA_INET6_TOKEN` and
/// `IFLA_INET6_ADDR_GEN_MODE`.
const AF_SPEC: u16 = 26;
const INET6: u16 = 10;
const TOKEN: u16 = 7;
const MODE: u16 = 8;

/// What messages say of IPv6, if anything.
fn settings(msg: &LinkMsg) -> Option<&[u8]> {
    let families = msg.other.iter().find(|attr| attr.kind & attr::TYPE == AF_SPEC)?;
    attr::find(&families.data, INET6)
}

/// The token of which a message tells.
pub(crate) fn token(msg: &LinkMsg) -> Option<Ipv6Addr> {
    let octets = attr::find(settings(msg)?, TOKEN)?.first_chunk::<16>()?;
    Some(Ipv6Addr::from(*octets))
}

/// Makes the device as the message asks (`inet6_set_link_af`).
pub(super) fn set(link: &mut Link, msg: &LinkMsg) -> Result<(), Refusal> {
    let Some(asked) = settings(msg) else { return Ok(()) };
    let flags = link.msg.flags;
    let Some(ipv6) = &mut link.ipv6 else { return Err(Refusal::new(Errno::EAFNOSUPPORT)) };
    if let Some(token) = token(msg) {
        set_token(ipv6, flags, token)?;
    }
    if let Some(mode) = attr::find(asked, MODE).and_then(<[u8]>::first) {
        ipv6.conf.addr_gen_mode = (*mode).into();
    }
    Ok(())
}

/// `inet6_set_iftoken`: only its lower half counts.
fn set_token(ipv6: &mut In6Dev, flags: LinkFlags, token: Ipv6Addr) -> Result<(), Refusal> {
    let refused = |reason: &str| Err(Refusal::with(Errno::EINVAL, reason));
    let conf = &ipv6.conf;
    if flags.has(LinkFlags::LOOPBACK) {
        return refused("ipv6: Device is loopback");
    }
    if flags.has(LinkFlags::NOARP) {
        return refused("ipv6: Device does not do neighbour discovery");
    }
    // A router hears others only when it is asked to twice (`ipv6_accept_ra`).
    if conf.accept_ra < if conf.forwarding != 0 { 2 } else { 1 } {
        return refused("ipv6: Router advertisement is disabled on device");
    }
    if conf.router_solicitations == 0 {
        return refused("Router solicitation is disabled on device");
    }
    ipv6.token = Ipv6Addr::from(token.to_bits() & u128::from(u64::MAX));
    Ok(())
}

/// The device's message with what IPv6 has set; of one without IPv6, nothing.
pub(crate) fn show(link: &Link) -> LinkMsg {
    let mut msg = link.msg.clone();
    let Some(ipv6) = &link.ipv6 else { return msg };
    let (token, mode) = (ipv6.token.octets(), [ipv6.conf.addr_gen_mode as u8]);
    let ours: [(u16, &[u8]); 2] = [(TOKEN, &token), (MODE, &mode)];
    // A snapshot's device tells more than these two.
    let known = settings(&msg).unwrap_or_default();
    let kept = attr::nested(known).filter(|(kind, _)| ![TOKEN, MODE].contains(&(kind & attr::TYPE)));
    let inet6 = nest(&kept.chain(ours).collect::<Vec<_>>());
    match msg.other.iter_mut().find(|attr| attr.kind & attr::TYPE == AF_SPEC) {
        Some(families) => {
            let rest = attr::nested(&families.data).filter(|(kind, _)| kind & attr::TYPE != INET6);
            families.data = nest(&rest.chain([(INET6, &inet6[..])]).collect::<Vec<_>>());
        }
        None => msg.other.push(Attr { kind: AF_SPEC, data: nest(&[(INET6, &inet6)]) }),
    }
    msg
}
