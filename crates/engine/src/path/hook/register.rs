//! Who is called at which hook, in which order (`nf_register_net_hook`, C-224).

use std::fmt;
use std::sync::Arc;

use fingerpost_net::{Errno, Family};

use super::AtHook;
use crate::trace::Hook;

/// A function that is called with each packet of a family at a hook.
pub type HookFn = Arc<dyn Fn(&mut AtHook<'_>) -> Verdict + Send + Sync>;

/// What a function says about a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The next function is asked (`NF_ACCEPT`).
    Accept,
    /// It is dropped; its sender gets `EPERM` (`NF_DROP`).
    Drop,
    /// It is dropped; its sender gets this error (`NF_DROP_ERR`).
    DropWith(Errno),
    /// What is done with it is not modelled: its name (`NF_STOLEN`, `NF_QUEUE`).
    Unknown(&'static str),
}

/// Which changes at OUTPUT have a packet looked up again. Elsewhere there is only one
/// difference: a packet whose destination a function of kind [`Kind::Nat`] changed at
/// PREROUTING has its way decided anew, be it decided already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// None (chains of type `filter`, C-243).
    Filter,
    /// Those of addresses, type of service and mark; of IPv6 of the hop limit too (chains
    /// of type `route`, C-242).
    Route,
    /// That of the destination (chains of type `nat`, C-244).
    Nat,
}

/// A registered function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HookId(u64);

/// Of each family and hook the functions in the order of their calls.
#[derive(Clone, Debug, Default)]
pub struct Hooks {
    lists: [[Vec<Registered>; 5]; 2],
    last: u64,
}

#[derive(Clone)]
pub(super) struct Registered {
    id: HookId,
    priority: i32,
    pub kind: Kind,
    pub function: HookFn,
}

impl fmt::Debug for Registered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Registered { id, priority, kind, .. } = self;
        write!(f, "{id:?} {kind:?} at {priority}")
    }
}

impl Hooks {
    /// Has a function called at a hook. Lower priorities are called earlier; among equal
    /// ones, who was registered last.
    pub fn register(
        &mut self,
        family: Family,
        hook: Hook,
        priority: i32,
        kind: Kind,
        function: HookFn,
    ) -> HookId {
        self.last += 1;
        let id = HookId(self.last);
        let list = &mut self.lists[of_family(family)][hook as usize];
        let at = list.partition_point(|entry| entry.priority < priority);
        list.insert(at, Registered { id, priority, kind, function });
        id
    }

    /// Has a function called no longer; `false` if there is none of this id.
    pub fn unregister(&mut self, id: HookId) -> bool {
        let mut found = false;
        for list in self.lists.iter_mut().flatten() {
            list.retain(|entry| {
                found |= entry.id == id;
                entry.id != id
            });
        }
        found
    }

    /// Whether nothing is called for packets of a family.
    pub fn is_empty(&self, family: Family) -> bool {
        self.lists[of_family(family)].iter().all(Vec::is_empty)
    }

    /// Whether anything is called at a hook for packets of a family.
    pub fn has(&self, family: Family, hook: Hook) -> bool {
        !self.at(family, hook).is_empty()
    }

    pub(super) fn at(&self, family: Family, hook: Hook) -> &[Registered] {
        &self.lists[of_family(family)][hook as usize]
    }
}

fn of_family(family: Family) -> usize {
    match family {
        Family::V4 => 0,
        Family::V6 => 1,
    }
}
