//! Which addresses were seen behind which ports (`net/bridge/br_fdb.c`).

use std::collections::HashMap;

use fingerpost_net::wire::Mac;

use crate::state::Time;

/// How many more there may be before those that are too old are looked for.
const BATCH: usize = 1024;

/// What the bridges of a namespace learned.
#[derive(Clone, Debug, Default)]
pub struct Learned {
    /// By bridge and address: the port, and when it was last seen there.
    entries: HashMap<(u32, Mac), (u32, Time)>,
    /// At how many the old ones are looked for again.
    limit: usize,
}

impl Learned {
    /// An address was seen behind a port of a bridge, which forgets it after `ageing`
    /// milliseconds.
    pub fn learn(&mut self, bridge: u32, mac: Mac, port: u32, now: Time, ageing: u64) {
        if self.entries.len() >= self.limit.max(BATCH) {
            self.entries.retain(|&(of, _), &mut (_, seen)| of != bridge || !is_over(seen, now, ageing));
            self.limit = self.entries.len() + self.entries.len().max(BATCH);
        }
        self.entries.insert((bridge, mac), (port, now));
    }

    /// Behind which port an address is.
    pub fn port(&self, bridge: u32, mac: Mac, now: Time, ageing: u64) -> Option<u32> {
        let &(port, seen) = self.entries.get(&(bridge, mac))?;
        (!is_over(seen, now, ageing)).then_some(port)
    }

    /// Forgets what is behind a port (`br_fdb_delete_by_port`).
    pub fn forget_port(&mut self, port: u32) {
        self.entries.retain(|_, &mut (of, _)| of != port);
    }
}

fn is_over(seen: Time, now: Time, ageing: u64) -> bool {
    now.0 >= seen.0.saturating_add(ageing)
}
