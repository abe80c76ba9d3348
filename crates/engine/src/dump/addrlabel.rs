//! Address labels as the kernel shows them (`ip6addrlbl_fill`).

use std::net::{IpAddr, Ipv6Addr};

use fingerpost_model::{AddrLabelMsg, Refusal};
use fingerpost_net::{Errno, Family};

use crate::addrtype::AddrType;
use crate::config::{AddrLabel, AddrLabels};
use crate::namespace::Namespace;

/// All labels in order.
pub fn dump(ns: &Namespace, each: &mut dyn FnMut(&AddrLabelMsg)) -> Result<(), Refusal> {
    let labels = &ns.config.labels;
    labels.list.iter().for_each(|label| each(&message(labels, label)));
    Ok(())
}

/// The entry that gives an address its label (`ip6addrlbl_get`).
pub fn get(ns: &Namespace, address: IpAddr, dev: u32) -> Result<AddrLabelMsg, Refusal> {
    let IpAddr::V6(addr) = address else { return Err(Errno::EINVAL.into()) };
    if dev != 0 && ns.config.links.get(dev).is_none() {
        return Err(Errno::EINVAL.into());
    }
    let labels = &ns.config.labels;
    match find(labels, addr, dev) {
        Some(label) => Ok(message(labels, label)),
        None => Err(Errno::ESRCH.into()),
    }
}

/// The whole type of the address is compared here, so that entries that demand a
/// class are never found.
fn find(labels: &AddrLabels, addr: Ipv6Addr, dev: u32) -> Option<&AddrLabel> {
    let bits = AddrType::of(addr).bits_with_scope();
    labels.list.iter().find(|label| {
        (label.dev == 0 || label.dev == dev)
            && (label.class == 0 || u32::from(label.class) == bits)
            && label.prefix.contains(addr)
    })
}

fn message(labels: &AddrLabels, label: &AddrLabel) -> AddrLabelMsg {
    AddrLabelMsg {
        prefix: Some(label.prefix.into()),
        index: label.dev,
        label: Some(label.label),
        sequence: labels.sequence,
        ..AddrLabelMsg::new(Family::V6)
    }
}
