//! What `ip -d link` shows of bridges and their ports, as raw attributes with
//! the values that a 6.18 kernel gives new ones. Running timers are zero.

use fingerpost_model::{Attr, Refusal};
use fingerpost_net::Errno;

use super::attributes::{u8, u16, u32, u64};

/// `IFLA_BR_ROOT_ID` and `IFLA_BR_BRIDGE_ID`.
const BRIDGE_IDS: [u16; 2] = [10, 11];
/// `IFLA_BRPORT_ROOT_ID` and `IFLA_BRPORT_BRIDGE_ID`.
const PORT_IDS: [u16; 2] = [13, 14];
/// `IFLA_BRPORT_NO`.
const PORT_NO: u16 = 18;
/// A bridge's priority in its id.
const PRIORITY: [u8; 2] = [0x80, 0];

/// A new bridge's data, with what the request gives in place of the defaults.
pub(super) fn new_bridge(given: &[Attr]) -> Vec<Attr> {
    let raw = |kind, data: &[u8]| Attr { kind, data: data.to_vec() };
    let id = [PRIORITY[0], PRIORITY[1], 0, 0, 0, 0, 0, 0];
    let defaults = vec![
        // Timers: hello, topology change, garbage collection.
        u64(16, 0),
        u64(17, 0),
        u64(18, 0),
        u64(19, 0),
        // Forward delay, hello time, maximal age, ageing time, in hundredths of a second.
        u32(1, 1500),
        u32(2, 200),
        u32(3, 2000),
        u32(4, 30000),
        // Spanning tree, priority, VLAN filtering, group forwarding mask.
        u32(5, 0),
        u16(6, 0x8000),
        u8(7, 0),
        u16(9, 0),
        raw(11, &id),
        raw(10, &id),
        // Root port and cost, topology change, and whether it was detected.
        u16(12, 0),
        u32(13, 0),
        u8(14, 0),
        u8(15, 0),
        raw(20, &[0x01, 0x80, 0xc2, 0, 0, 0]),
        // Switches and which of them are known; learned entries and their limit.
        raw(46, &[0u32.to_ne_bytes(), 0x1f_u32.to_ne_bytes()].concat()),
        u32(48, 0),
        u32(49, 0),
        // Multicast.
        u8(22, 1),
        u8(23, 1),
        u8(24, 0),
        u8(25, 0),
        u8(42, 0),
        u32(26, 16),
        u32(27, 4096),
        u32(28, 2),
        u32(29, 2),
        u8(43, 2),
        u8(44, 1),
        u64(30, 100),
        u64(31, 26000),
        u64(32, 25500),
        u64(33, 12500),
        u64(34, 1000),
        u64(35, 3124),
        // Calls to packet filters.
        u8(36, 0),
        u8(37, 0),
        u8(38, 0),
    ];
    merge(&defaults, given)
}

/// A new port's data; the state is not part of it.
pub(super) fn new_port(number: u16, cost: u32, bridge: &[Attr]) -> Vec<Attr> {
    let id = bridge_id(bridge);
    let identity = |kind| Attr { kind, data: id.clone() };
    let port = 0x8000 | number;
    let mut data = vec![u16(2, 32), u32(3, cost)];
    data.extend([4, 5, 6, 7, 28].map(|kind| u8(kind, 0)));
    data.extend([8, 9, 27, 30].map(|kind| u8(kind, 1)));
    data.extend([10, 12].map(|kind| u8(kind, 0)));
    data.extend(PORT_IDS.map(identity));
    data.extend([u16(15, port), u16(16, 0), u16(17, port), u16(PORT_NO, number)]);
    data.extend([19, 20, 29].map(|kind| u8(kind, 0)));
    data.push(u16(31, 0));
    data.extend([32, 35, 36, 33, 39, 40, 43].map(|kind| u8(kind, 0)));
    data.extend([21, 22, 23].map(|kind| u64(kind, 0)));
    data.extend([u8(25, 1), u32(37, 512), u32(38, 0), u32(41, 0), u32(42, 0)]);
    data
}

/// `IFLA_BRPORT_STATE` and `IFLA_BRPORT_FLUSH`, which are asked for and not kept.
pub(super) const PORT_STATE: u16 = 1;
pub(super) const PORT_FLUSH: u16 = 24;
/// `IFLA_BR_STP_STATE`.
pub(super) const STP_STATE: u16 = 5;

/// A port's data with those attributes changed that a request gives, unless one is out of
/// its range.
pub(super) fn change_port(old: &[Attr], given: &[Attr]) -> Result<Vec<Attr>, Refusal> {
    const PRIORITY: u16 = 2;
    const COST: u16 = 3;
    const GROUP_MASK: u16 = 31;
    /// Designated port, and own id.
    const IDS: [u16; 2] = [15, 17];
    let mut kept: Vec<Attr> = Vec::new();
    for attr in given {
        let value = number(given, attr.kind).unwrap_or(0);
        match attr.kind {
            PORT_STATE | PORT_FLUSH => continue,
            PRIORITY if value > 63 => return Err(Refusal::new(Errno::ERANGE)),
            COST if !(1..=65_535_000).contains(&value) => return Err(Refusal::new(Errno::ERANGE)),
            // Pause frames and those of spanning tree are never forwarded.
            GROUP_MASK if value & 7 != 0 => return Err(Refusal::new(Errno::EINVAL)),
            PRIORITY => {
                let id = (value as u16) << 10 | port_number(old).unwrap_or(0);
                kept.extend(IDS.map(|kind| u16(kind, id)));
            }
            _ => {}
        }
        kept.push(attr.clone());
    }
    Ok(merge(old, &kept))
}

/// The number in an attribute; 0 of one without data.
pub(super) fn number(data: &[Attr], kind: u16) -> Option<u64> {
    let bytes = &data.iter().find(|attr| attr.kind == kind)?.data;
    let mut value = [0; 8];
    let len = bytes.len().min(8);
    value[..len].copy_from_slice(&bytes[..len]);
    Some(u64::from_ne_bytes(value))
}

/// The number of a port.
pub(super) fn port_number(port: &[Attr]) -> Option<u16> {
    let attr = port.iter().find(|attr| attr.kind == PORT_NO)?;
    Some(u16::from_ne_bytes(attr.data.as_slice().try_into().ok()?))
}

/// The address in a bridge's id; zeros until it is first chosen.
pub(super) fn id_address(bridge: &[Attr]) -> Vec<u8> {
    bridge_id(bridge)[2..].to_vec()
}

/// Whether a port has to wait before it forwards: spanning tree is on, and the
/// forward delay is not zero (`br_make_forwarding`).
pub(super) fn has_spanning_tree(bridge: &[Attr]) -> bool {
    const FORWARD_DELAY: u16 = 1;
    const STP_STATE: u16 = 5;
    let is_set =
        |kind| bridge.iter().any(|attr| attr.kind == kind && attr.data.iter().any(|&byte| byte != 0));
    is_set(STP_STATE) && is_set(FORWARD_DELAY)
}

fn bridge_id(bridge: &[Attr]) -> Vec<u8> {
    let attr = bridge.iter().find(|attr| attr.kind == BRIDGE_IDS[1]);
    attr.map(|attr| attr.data.clone()).filter(|data| data.len() == 8).unwrap_or_else(|| vec![0; 8])
}

/// Writes the address into a bridge's id.
pub(super) fn set_id(bridge: &mut [Attr], address: &[u8]) {
    set(bridge, BRIDGE_IDS, address);
}

/// Writes the address into the ids that a port knows.
pub(super) fn set_port_id(port: &mut [Attr], address: &[u8]) {
    set(port, PORT_IDS, address);
}

fn set(data: &mut [Attr], kinds: [u16; 2], address: &[u8]) {
    for attr in data.iter_mut().filter(|attr| kinds.contains(&attr.kind)) {
        attr.data.truncate(2);
        attr.data.extend_from_slice(address);
    }
}

/// Data with some attributes replaced.
pub(super) fn merge(old: &[Attr], given: &[Attr]) -> Vec<Attr> {
    let mut merged = old.to_vec();
    for attr in given {
        match merged.iter_mut().find(|known| known.kind == attr.kind) {
            Some(known) => *known = attr.clone(),
            None => merged.push(attr.clone()),
        }
    }
    merged
}
