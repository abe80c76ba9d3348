//! Labels of IPv6 addresses: adding and removing them (`ip6addrlbl_newdel`).

use std::net::{IpAddr, Ipv6Addr};

use fingerpost_model::{AddrLabelMsg, NlFlags, Refusal};
use fingerpost_net::{Errno, IpPrefix, Prefix};

use crate::addrtype::AddrType;
use crate::config::{AddrLabel, NO_LABEL};
use crate::namespace::Namespace;

/// What a request says, checked: address, length, label.
fn checked(msg: &AddrLabelMsg) -> Result<(Ipv6Addr, u8, u32), Refusal> {
    let invalid = || Refusal::new(Errno::EINVAL);
    let Some(IpPrefix { addr: IpAddr::V6(addr), len }) = msg.prefix else { return Err(invalid()) };
    match msg.label {
        Some(label) if len <= 128 && label != NO_LABEL => Ok((addr, len, label)),
        _ => Err(invalid()),
    }
}

/// `RTM_NEWADDRLABEL`.
pub fn new_label(ns: &mut Namespace, flags: NlFlags, msg: &AddrLabelMsg) -> Result<(), Refusal> {
    let (addr, len, label) = checked(msg)?;
    if msg.index != 0 && ns.config.links.get(msg.index).is_none() {
        return Err(Errno::EINVAL.into());
    }
    let class = match AddrType::of(addr).label_class() {
        AddrType::MAPPED if len > 96 => return Err(Errno::EINVAL.into()),
        class @ AddrType::MAPPED if len == 96 => class,
        class @ AddrType::COMPATIBLE if len == 96 => class,
        class @ AddrType::LOOPBACK if len == 128 => class,
        _ => 0,
    };
    let prefix = Prefix::containing(addr, len).unwrap_or(Prefix::DEFAULT);
    let new = AddrLabel { prefix, dev: msg.index, class, label };
    let labels = &mut ns.config.labels;
    let mut at = labels.list.len();
    for (n, have) in labels.list.iter_mut().enumerate() {
        if have.prefix == prefix && have.dev == new.dev {
            if !flags.has(NlFlags::REPLACE) {
                return Err(Errno::EEXIST.into());
            }
            *have = new;
            labels.sequence += 1;
            return Ok(());
        }
        if have.prefix.len() == len && have.dev == 0 || have.prefix.len() < len {
            at = n;
            break;
        }
    }
    labels.list.insert(at, new);
    labels.sequence += 1;
    Ok(())
}

/// `RTM_DELADDRLABEL`.
pub fn del_label(ns: &mut Namespace, msg: &AddrLabelMsg) -> Result<(), Refusal> {
    let (addr, len, _) = checked(msg)?;
    let prefix = Prefix::containing(addr, len).unwrap_or(Prefix::DEFAULT);
    let labels = &mut ns.config.labels.list;
    let at = labels.iter().position(|have| have.prefix == prefix && have.dev == msg.index);
    match at {
        Some(at) => {
            labels.remove(at);
            Ok(())
        }
        None => Err(Errno::ESRCH.into()),
    }
}
