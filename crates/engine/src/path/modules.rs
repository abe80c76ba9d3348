//! Protocols that modules of the kernel bring, of which nothing is modelled.
//!
//! A host that a script makes has none of these modules, and answers such packets as any of an
//! unknown protocol. Of a host that was captured nobody knows: what becomes of them is unknown
//! then, by name.

use super::Stack;

/// Those of either family, by number: the name where IPv4 carries it, and where IPv6 does.
const MODULES: &[(u8, [&str; 2])] = &[
    (4, ["IPv4 in IPv4", "IPv4 in IPv6"]),
    (41, ["IPv6 in IPv4", "IPv6 in IPv6"]),
    (47, ["GRE"; 2]),
    (50, ["ESP"; 2]),
    (51, ["AH"; 2]),
    (108, ["IPComp"; 2]),
    (115, ["L2TP"; 2]),
    (132, ["SCTP"; 2]),
    (137, ["MPLS in IPv4", "MPLS in IPv6"]),
];

impl Stack<'_, '_> {
    /// The name of a protocol that a module of this host may serve.
    pub(super) fn of_module(&self, number: u8, is_six: bool) -> Option<&'static str> {
        let (_, names) = MODULES.iter().find(|(known, _)| *known == number)?;
        self.config.may_have_modules.then_some(names[usize::from(is_six)])
    }
}
