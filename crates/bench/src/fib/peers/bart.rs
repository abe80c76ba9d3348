//! The crate `ts_bart`.

use std::net::IpAddr;

use fingerpost_net::{Ip, Prefix};
use ipnet::IpNet;
use ts_bart::{RoutingTable, SimpleTable};

use crate::fib::structure::{Change, Limit, Structure, TooSlow};
use crate::table::Route;

/// The structure: its table for one family.
pub struct Bart(SimpleTable<u32>);

impl<I: Ip> Structure<I> for Bart {
    const NAME: &'static str = "ts_bart";

    fn build(routes: &[Route<I>], limit: &Limit) -> Result<Self, TooSlow> {
        let mut table = SimpleTable::default();
        for (done, Route { prefix, hop }) in routes.iter().enumerate() {
            limit.check(done)?;
            table.insert(net(*prefix), u32::from(*hop));
        }
        Ok(Bart(table))
    }

    fn lookup(&self, key: I) -> u32 {
        self.0.lookup(key.into()).map_or(0, |&hop| hop)
    }

    fn apply(&mut self, changes: &[Change<I>]) {
        for Change { prefix, hop } in changes {
            match hop {
                Some(hop) => self.0.insert(net(*prefix), u32::from(*hop)),
                None => self.0.remove(net(*prefix)),
            };
        }
    }
}

fn net<I: Ip>(prefix: Prefix<I>) -> IpNet {
    let addr: IpAddr = prefix.addr().into();
    IpNet::new_assert(addr, prefix.len())
}
