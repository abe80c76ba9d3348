//! Policy rules as data.

use fingerpost_model::{RuleAction, TableId, UidRange};
use fingerpost_net::{Family, Ip};

use super::LOOPBACK;

/// Ports that a rule takes: a range, or one value under a mask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ports {
    /// From start to end, both included.
    Range(u16, u16),
    /// `(port ^ value) & mask == 0`.
    Masked(u16, u16),
}

/// One rule (`struct fib4_rule`, `struct fib6_rule`). A selector that is not set takes anything.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule<I> {
    /// Preference; rules are tried in ascending order.
    pub priority: u32,
    /// What it does.
    pub action: RuleAction,
    /// The table of [`RuleAction::TO_TABLE`]; ignored with `l3mdev`.
    pub table: TableId,
    /// Target preference of [`RuleAction::GOTO`].
    pub goto: u32,
    /// Whether the target exists now.
    pub goto_resolved: bool,
    /// Source: address (host bits kept, C-099) and length.
    pub src: (I, u8),
    /// Destination: address (host bits kept, C-099) and length.
    pub dst: (I, u8),
    /// Type of service or DSCP.
    pub dscp: DscpSelector,
    /// Flow label under a mask, of IPv6; a mask of 0 takes any.
    pub flowlabel: (u32, u32),
    /// Ingress device's name.
    pub iifname: Option<String>,
    /// Its index now, 0 when there is none (`[detached]`).
    pub iif: u32,
    /// Egress device's name.
    pub oifname: Option<String>,
    /// Its index now, 0 when there is none.
    pub oif: u32,
    /// Mark.
    pub mark: u32,
    /// Mask of the mark.
    pub mark_mask: u32,
    /// Tunnel id, 0 any.
    pub tun_id: u64,
    /// The table is that of the flow's VRF.
    pub l3mdev: bool,
    /// User ids; the full range takes any.
    pub uid_range: UidRange,
    /// Transport protocol, 0 any.
    pub ip_proto: u8,
    /// Source ports.
    pub sport: Option<Ports>,
    /// Destination ports.
    pub dport: Option<Ports>,
    /// `not`: the selectors together are negated.
    pub invert: bool,
    /// `from` is compared with the source that a packet would get, where it has
    /// none yet (`FIB_RULE_FIND_SADDR`, C-301); of IPv6.
    pub find_source: bool,
    /// Cannot be deleted (C-125).
    pub permanent: bool,
    /// Discard results with a prefix this long or shorter; −1 none.
    pub suppress_prefixlen: i32,
    /// Discard results through devices of this group; −1 none.
    pub suppress_ifgroup: i32,
    /// Realms to attach: source in the upper 16 bits, destination in the lower.
    pub realms: u32,
    /// Who made it.
    pub protocol: u8,
}

/// How a rule looks at the type-of-service byte.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DscpSelector {
    /// Not at all.
    #[default]
    Any,
    /// `tos`: compared under 0x1c (C-107), of IPv6 as a whole (T-57).
    Tos(u8),
    /// `dscp`: the 6-bit value under a mask (C-108).
    Dscp {
        /// The value, 0 to 63.
        value: u8,
        /// The mask, 0 to 63.
        mask: u8,
    },
}

impl<I: Ip> Rule<I> {
    /// Whether received packets are dissected for it: it looks at protocol or
    /// ports, and not at packets made here alone (`fib_rule_requires_fldissect`, C-110).
    pub fn needs_dissection(&self) -> bool {
        self.iif != LOOPBACK && (self.ip_proto != 0 || self.sport.is_some() || self.dport.is_some())
    }

    /// A rule that takes everything and looks up in `table`.
    pub fn lookup(priority: u32, table: TableId) -> Self {
        Rule {
            priority,
            action: RuleAction::TO_TABLE,
            table,
            goto: 0,
            goto_resolved: false,
            src: (I::ZERO, 0),
            dst: (I::ZERO, 0),
            dscp: DscpSelector::Any,
            flowlabel: (0, 0),
            iifname: None,
            iif: 0,
            oifname: None,
            oif: 0,
            mark: 0,
            mark_mask: 0,
            tun_id: 0,
            l3mdev: false,
            uid_range: UidRange { start: 0, end: u32::MAX },
            ip_proto: 0,
            sport: None,
            dport: None,
            invert: false,
            find_source: false,
            permanent: false,
            suppress_prefixlen: -1,
            suppress_ifgroup: -1,
            realms: 0,
            protocol: 0,
        }
    }
}

/// The rule list of one family.
#[derive(Clone, Debug, PartialEq)]
pub struct Rules<I> {
    /// In evaluation order.
    pub list: Vec<Rule<I>>,
}

impl<I: Ip> Default for Rules<I> {
    /// The rules of a new namespace: local, main and, of IPv4, default (C-091, C-289).
    fn default() -> Self {
        let kernel = |priority, table| Rule {
            protocol: fingerpost_model::proto::KERNEL,
            ..Rule::lookup(priority, table)
        };
        let mut list = vec![kernel(0, TableId::LOCAL), kernel(0x7ffe, TableId::MAIN)];
        if I::FAMILY == Family::V4 {
            list.push(kernel(0x7fff, TableId::DEFAULT));
        }
        Rules { list }
    }
}
