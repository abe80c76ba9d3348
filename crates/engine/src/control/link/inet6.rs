//! What a request about a device sets of IPv6 (`inet6_set_link_af`): its token
//! and how it makes addresses.

use std::net::Ipv6Addr;

use fingerpost_model::{LinkFlags, LinkMsg, Refusal};
use fingerpost_net::Errno;

use super::attributes;
use crate::config::Config;
use crate::control::stable;

/// `IN6_ADDR_GEN_MODE_STABLE_PRIVACY`, and the last mode.
const STABLE_PRIVACY: u8 = 2;
const LAST_MODE: u8 = 3;

/// Sets what the request has of it.
pub(super) fn set(config: &mut Config, dev: u32, msg: &LinkMsg) -> Result<(), Refusal> {
    if let Some(token) = attributes::asked_token(msg) {
        set_token(config, dev, token)?;
        attributes::forget_shown(config, dev);
    }
    let Some(mode) = attributes::asked_generation(msg) else { return Ok(()) };
    let has_secret = stable::secret_for(config, dev).is_some();
    let Some(ipv6) = config.links.ipv6_mut(dev) else { return Err(Errno::EAFNOSUPPORT.into()) };
    if mode > LAST_MODE || (mode == STABLE_PRIVACY && !has_secret) {
        return Err(Errno::EINVAL.into());
    }
    ipv6.conf.addr_gen_mode = mode.into();
    attributes::forget_shown(config, dev);
    Ok(())
}

/// `inet6_set_iftoken`. Only the host part counts.
fn set_token(config: &mut Config, dev: u32, token: Ipv6Addr) -> Result<(), Refusal> {
    let flags = config.links.get(dev).map_or(LinkFlags(0), |link| link.msg.flags);
    let Some(ipv6) = config.links.ipv6_mut(dev) else { return Err(Errno::EAFNOSUPPORT.into()) };
    let conf = &ipv6.conf;
    let listens = if conf.forwarding != 0 { conf.accept_ra == 2 } else { conf.accept_ra != 0 };
    let why_not = if flags.has(LinkFlags::LOOPBACK) {
        "ipv6: Device is loopback"
    } else if flags.has(LinkFlags::NOARP) {
        "ipv6: Device does not do neighbour discovery"
    } else if !listens {
        "ipv6: Router advertisement is disabled on device"
    } else if conf.router_solicitations == 0 {
        "Router solicitation is disabled on device"
    } else {
        ipv6.token = Ipv6Addr::from_bits(token.to_bits() & u128::from(u64::MAX));
        return Ok(());
    };
    Err(Refusal::with(Errno::EINVAL, why_not))
}
