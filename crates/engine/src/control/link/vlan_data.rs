//! What a VLAN device keeps beside its number: flags, and the maps between
//! priorities of packets and of frames. Nothing of it matters to routing.

use fingerpost_model::Attr;

use super::attributes::nest;

/// `IFLA_VLAN_FLAGS`.
const FLAGS: u16 = 2;
/// `IFLA_VLAN_EGRESS_QOS`.
const EGRESS: u16 = 3;
/// `IFLA_VLAN_INGRESS_QOS`.
const INGRESS: u16 = 4;
/// `IFLA_VLAN_QOS_MAPPING`.
const MAPPING: u16 = 1;
/// `VLAN_FLAG_REORDER_HDR`, the default.
const REORDER_HEADER: u32 = 1;
/// Priorities of frames.
const PRIORITIES: u32 = 8;
/// Buckets that a packet's priority is found by.
const BUCKETS: u32 = 16;

/// The attributes of a new device (`vlan_newlink`).
pub(super) fn first(given: &[Attr]) -> Vec<Attr> {
    change(&[flags(REORDER_HEADER)], given)
}

/// Whether the device does not follow its lower device up and down
/// (`VLAN_FLAG_LOOSE_BINDING`).
pub(super) fn is_loose(attrs: &[Attr]) -> bool {
    const LOOSE_BINDING: u32 = 4;
    find(attrs, FLAGS).is_some_and(|attr| word(&attr.data, 0) & LOOSE_BINDING != 0)
}

/// The attributes of a device that had `old` after a request (`vlan_changelink`).
pub(super) fn change(old: &[Attr], given: &[Attr]) -> Vec<Attr> {
    let mut ingress = mappings(old, INGRESS);
    for (from, to) in mappings(given, INGRESS) {
        let from = from % PRIORITIES;
        ingress.retain(|&(known, _)| known != from);
        ingress.push((from, to));
    }
    ingress.retain(|&(_, to)| to != 0);
    ingress.sort_unstable();
    let mut egress = mappings(old, EGRESS);
    for (from, to) in mappings(given, EGRESS) {
        let to = to % PRIORITIES;
        match egress.iter_mut().find(|(known, _)| *known == from) {
            Some(mapping) => mapping.1 = to,
            // A new one heads its bucket.
            None => egress.insert(0, (from, to)),
        }
        egress.retain(|&(_, to)| to != 0);
    }
    egress.sort_by_key(|&(from, _)| from % BUCKETS);
    let mut attrs = changed_flags(old, given);
    for (kind, map) in [(INGRESS, ingress), (EGRESS, egress)] {
        if !map.is_empty() {
            attrs.push(Attr { kind, data: map.iter().flat_map(|&mapping| encode(mapping)).collect() });
        }
    }
    attrs
}

/// Only the flags in a request's mask change; without any, none are told.
fn changed_flags(old: &[Attr], given: &[Attr]) -> Vec<Attr> {
    let mut value = find(old, FLAGS).map_or(0, |attr| word(&attr.data, 0));
    if let Some(attr) = find(given, FLAGS) {
        let mask = word(&attr.data, 4);
        value = value & !mask | word(&attr.data, 0) & mask;
    }
    if value == 0 { Vec::new() } else { vec![flags(value)] }
}

/// Flags and mask, as the kernel tells them.
fn flags(value: u32) -> Attr {
    Attr { kind: FLAGS, data: [value.to_ne_bytes(), u32::MAX.to_ne_bytes()].concat() }
}

fn find(attrs: &[Attr], kind: u16) -> Option<&Attr> {
    attrs.iter().find(|attr| attr.kind == kind)
}

/// The pairs of a map: each is an attribute of its own, 12 bytes long.
fn mappings(attrs: &[Attr], kind: u16) -> Vec<(u32, u32)> {
    let entries = find(attrs, kind).map(|attr| attr.data.chunks_exact(12)).into_iter().flatten();
    entries.map(|entry| (word(entry, 4), word(entry, 8))).collect()
}

fn encode((from, to): (u32, u32)) -> Vec<u8> {
    let pair = [from.to_ne_bytes(), to.to_ne_bytes()].concat();
    nest(&[(MAPPING, &pair)])
}

fn word(data: &[u8], at: usize) -> u32 {
    data.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).map_or(0, u32::from_ne_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(kind: u16, pairs: &[(u32, u32)]) -> Attr {
        Attr { kind, data: pairs.iter().flat_map(|&pair| encode(pair)).collect() }
    }

    #[test]
    fn maps_are_kept_as_the_kernel_keeps_them() {
        let given = [
            map(INGRESS, &[(1, 2), (9, 4), (3, 0)]),
            map(EGRESS, &[(2, 3), (18, 5), (34, 1), (4, 0), (5, 9)]),
        ];
        let first = first(&given);
        assert_eq!(mappings(&first, INGRESS), [(1, 4)]);
        assert_eq!(mappings(&first, EGRESS), [(34, 1), (18, 5), (2, 3), (5, 1)]);
        let then = change(&first, &[map(INGRESS, &[(1, 0), (2, 7)]), map(EGRESS, &[(18, 0), (2, 4)])]);
        assert_eq!(mappings(&then, INGRESS), [(2, 7)]);
        assert_eq!(mappings(&then, EGRESS), [(34, 1), (2, 4), (5, 1)]);
        let last = change(&then, &[map(EGRESS, &[(18, 2), (0, 1)])]);
        assert_eq!(mappings(&last, EGRESS), [(0, 1), (18, 2), (34, 1), (2, 4), (5, 1)]);
    }

    #[test]
    fn flags_change_under_their_mask_alone() {
        let asked = |flags: u32, mask: u32| {
            [Attr { kind: FLAGS, data: [flags.to_ne_bytes(), mask.to_ne_bytes()].concat() }]
        };
        let first = first(&asked(2, 2));
        assert_eq!(word(&first[0].data, 0), 3);
        assert_eq!(word(&change(&first, &asked(0, 1))[0].data, 0), 2);
        assert_eq!(word(&change(&first, &[])[0].data, 0), 3);
        assert!(change(&first, &asked(0, 3)).is_empty());
        assert!(!is_loose(&first) && is_loose(&change(&[], &asked(4, 4))));
    }
}
