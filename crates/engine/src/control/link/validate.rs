//! What drivers check of every request that names their kind, before anything
//! else is looked at (`rtnl_link_ops.validate`).

use fingerpost_model::{LinkMsg, Refusal};
use fingerpost_net::Errno;

use super::address;
use super::kind::Kind;

/// `ETH_P_8021Q` and `ETH_P_8021AD`.
pub(super) const VLAN_PROTOCOLS: [u16; 2] = [0x8100, 0x88a8];
/// The first number that is no VLAN id.
const VLAN_IDS: u16 = 4095;
/// MTUs that a veth device can have.
const VETH_MTUS: std::ops::RangeInclusive<u32> = 68..=65535;
/// `MACVLAN_MODE_PRIVATE`, `_VEPA`, `_BRIDGE`, `_PASSTHRU`, `_SOURCE`.
const MACVLAN_MODES: [u32; 5] = [1, 2, 4, 8, 16];

/// The checks of one kind.
pub(super) fn request(kind: Kind, msg: &LinkMsg) -> Result<(), Refusal> {
    match kind {
        Kind::Tun | Kind::Tap => {
            return Err(Refusal::with(Errno::EOPNOTSUPP, "tun/tap creation via rtnetlink is not supported."));
        }
        Kind::Wireguard | Kind::Ipvlan | Kind::Ipvtap => {}
        Kind::Vlan => check_address(msg, Some("8021q: Invalid link address"))?,
        Kind::Vrf => check_address(msg, Some("Invalid hardware address"))?,
        _ => check_address(msg, None)?,
    }
    let info = msg.info.as_ref();
    match kind {
        Kind::Veth if msg.mtu.is_some_and(|mtu| !VETH_MTUS.contains(&mtu)) => {
            Err(Refusal::new(Errno::EINVAL))
        }
        Kind::Macvlan | Kind::Macvtap => match info.and_then(|info| info.mode) {
            Some(mode) if !MACVLAN_MODES.contains(&mode) => Err(Refusal::new(Errno::EINVAL)),
            _ => Ok(()),
        },
        Kind::Vlan => {
            let properties =
                info.filter(|i| i.vlan_id.is_some() || i.vlan_protocol.is_some() || !i.data.is_empty());
            let Some(info) = properties else {
                return Err(Refusal::with(Errno::EINVAL, "8021q: VLAN properties not specified"));
            };
            if info.vlan_protocol.is_some_and(|p| !VLAN_PROTOCOLS.contains(&p)) {
                return Err(Refusal::with(Errno::EPROTONOSUPPORT, "8021q: Invalid VLAN protocol"));
            }
            if info.vlan_id.is_some_and(|id| id >= VLAN_IDS) {
                return Err(Refusal::with(Errno::ERANGE, "8021q: Invalid VLAN id"));
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

fn check_address(msg: &LinkMsg, text: Option<&str>) -> Result<(), Refusal> {
    let refuse = |errno| match text {
        Some(text) => Refusal::with(errno, text),
        None => Refusal::new(errno),
    };
    match &msg.address {
        Some(address) if address.0.len() != 6 => Err(refuse(Errno::EINVAL)),
        Some(address) if !address::is_valid_ether(&address.0) => Err(refuse(Errno::EADDRNOTAVAIL)),
        _ => Ok(()),
    }
}
