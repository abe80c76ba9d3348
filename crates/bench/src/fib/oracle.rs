//! What the answers should be, found in a way that none of the structures
//! uses: the space cut into segments by a sweep over the sorted routes.

use fingerpost_net::Ip;

use crate::table::Route;

/// The segments of a table: where each begins, and which route answers there.
pub struct Oracle<I> {
    starts: Vec<I>,
    /// The route's place in the table; `None` where no route matches.
    routes: Vec<Option<u32>>,
}

impl<I: Ip> Oracle<I> {
    /// Of routes sorted by prefix, each once.
    pub fn new(routes: &[Route<I>]) -> Self {
        let mut oracle = Oracle { starts: vec![I::ZERO], routes: vec![None] };
        // The routes that contain the current address, each with its last address, the longest on top.
        let mut open: Vec<(I, u32)> = Vec::new();
        for (at, route) in (0..).zip(routes) {
            oracle.close(&mut open, Some(route.prefix.addr()));
            oracle.begin(route.prefix.addr(), Some(at));
            open.push((route.prefix.last(), at));
        }
        oracle.close(&mut open, None);
        oracle
    }

    /// Ends the open routes that end before an address.
    fn close(&mut self, open: &mut Vec<(I, u32)>, before: Option<I>) {
        while let Some(&(last, _)) = open.last().filter(|(last, _)| before.is_none_or(|addr| *last < addr)) {
            open.pop();
            let step = 1u128 << (128 - u32::from(I::WIDTH));
            if let Some(next) = last.to_key().checked_add(step) {
                self.begin(I::from_key(next), open.last().map(|&(_, at)| at));
            }
        }
    }

    fn begin(&mut self, start: I, route: Option<u32>) {
        if self.starts.last() == Some(&start) {
            self.starts.pop();
            self.routes.pop();
        }
        self.starts.push(start);
        self.routes.push(route);
    }

    /// The place in the table of the route that answers.
    pub fn route(&self, key: I) -> Option<u32> {
        self.routes[self.starts.partition_point(|&start| start <= key) - 1]
    }

    /// The hop for each key; `routes` are those that the segments were made of, with any hops.
    pub fn hops(&self, routes: &[Route<I>], keys: &[I]) -> Vec<u32> {
        keys.iter().map(|&key| hop(routes, self.route(key))).collect()
    }

    /// How many segments there are when neighbours with one hop are one.
    pub fn segments(&self, routes: &[Route<I>]) -> usize {
        let hops: Vec<u32> = self.routes.iter().map(|&route| hop(routes, route)).collect();
        1 + hops.windows(2).filter(|pair| pair[0] != pair[1]).count()
    }
}

fn hop<I: Ip>(routes: &[Route<I>], at: Option<u32>) -> u32 {
    at.map_or(0, |at| routes[at as usize].hop.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{Hostile, hostile, synthetic};
    use fingerpost_net::{Prefix, Rng};
    use std::net::{Ipv4Addr, Ipv6Addr};

    fn agrees<I: Ip>(routes: &[Route<I>]) {
        let oracle = Oracle::new(routes);
        let mut rng = Rng::new(3);
        for _ in 0..2000 {
            let addr = crate::table::destination(routes, &mut rng).unwrap_or(I::ZERO);
            let key = if rng.chance(1, 4) { I::from_key(!addr.to_key()) } else { addr };
            let longest = routes.iter().filter(|r| r.prefix.contains(key)).max_by_key(|r| r.prefix.len());
            assert_eq!(oracle.hops(routes, &[key]), [longest.map_or(0, |r| r.hop.into())], "{key}");
        }
    }

    #[test]
    fn segments_answer_as_the_obvious_search() {
        agrees(&synthetic::<Ipv4Addr>(1, 500));
        agrees(&synthetic::<Ipv6Addr>(1, 500));
        agrees(&hostile::<Ipv4Addr>(Hostile::Chains, 1, 300));
        agrees(&hostile::<Ipv6Addr>(Hostile::Chains, 1, 300));
        agrees::<Ipv4Addr>(&[]);
    }

    #[test]
    fn segments_are_counted_by_hop() {
        let route =
            |text: &str, hop| Route { prefix: text.parse::<Prefix<Ipv4Addr>>().expect("is one"), hop };
        let routes = [route("10.0.0.0/8", 1), route("10.1.0.0/16", 1), route("10.2.0.0/16", 2)];
        // Nothing, 1, 2, 1, nothing.
        assert_eq!(Oracle::new(&routes).segments(&routes), 5);
        let routes = [route("0.0.0.0/0", 1), route("255.255.255.255/32", 2)];
        assert_eq!(Oracle::new(&routes).segments(&routes), 2);
    }
}
