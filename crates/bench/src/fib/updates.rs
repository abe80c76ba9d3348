//! Changes to a table while it stands: routes that go, come back, and take another hop.

use std::collections::HashMap;

use fingerpost_net::{Family, Ip, Prefix, Rng};

use super::structure::Change;
use crate::table::{Route, Seen, draw};

/// Draws changes to a table's own routes, in order: a third of them takes a
/// route away, a third brings one back, a third changes a hop, as far as chance has it.
pub fn churn<I: Ip>(routes: &[Route<I>], count: usize, seed: u64) -> Vec<Change<I>> {
    let mut rng = Rng::new(seed);
    let mut gone: Vec<Prefix<I>> = Vec::new();
    let mut is_gone = Seen::default();
    let mut changes = Vec::with_capacity(count);
    while changes.len() < count && !routes.is_empty() {
        let hop = Some(draw(&mut rng));
        if rng.chance(1, 3) && !gone.is_empty() {
            let prefix = gone.swap_remove(rng.below(gone.len() as u64) as usize);
            is_gone.remove(&prefix);
            changes.push(Change { prefix, hop });
            continue;
        }
        let prefix = routes[rng.below(routes.len() as u64) as usize].prefix;
        if rng.chance(1, 2) && is_gone.insert(prefix) {
            gone.push(prefix);
            changes.push(Change { prefix, hop: None });
        } else if !is_gone.contains(&prefix) {
            changes.push(Change { prefix, hop });
        }
    }
    changes
}

/// As [`churn`] of a sorted table, and then all that it has touched put back:
/// the changes can be made again and again.
pub fn round<I: Ip>(routes: &[Route<I>], count: usize, seed: u64) -> Vec<Change<I>> {
    let mut changes = churn(routes, count, seed);
    let mut seen = Seen::default();
    let back: Vec<Change<I>> = changes
        .iter()
        .filter(|change| seen.insert(change.prefix))
        .filter_map(|change| {
            let at = routes.binary_search_by_key(&change.prefix, |route| route.prefix).ok()?;
            Some(Change { prefix: change.prefix, hop: Some(routes[at].hop) })
        })
        .collect();
    changes.extend(back);
    changes
}

/// A route that takes one hop and another in turn.
pub fn flaps<I: Ip>(prefix: Prefix<I>, count: usize) -> Vec<Change<I>> {
    (0..count).map(|n| Change { prefix, hop: Some(1 + (n % 2) as u16) }).collect()
}

/// The prefix that most of any table lies in, short of the default route: a
/// compiled form may have to go through all that it covers when it changes.
pub fn wide<I: Ip>() -> Prefix<I> {
    let (key, len) = match I::FAMILY {
        Family::V4 => (0, 1),
        Family::V6 => (1 << 125, 3),
    };
    Prefix::containing(I::from_key(key), len).unwrap_or(Prefix::DEFAULT)
}

/// The table after changes, sorted.
pub fn after<I: Ip>(routes: &[Route<I>], changes: &[Change<I>]) -> Vec<Route<I>> {
    let last: HashMap<Prefix<I>, Option<u16>> = changes.iter().map(|c| (c.prefix, c.hop)).collect();
    let untouched = routes.iter().filter(|route| !last.contains_key(&route.prefix)).copied();
    let changed = last.iter().filter_map(|(&prefix, &hop)| Some(Route { prefix, hop: hop? }));
    let mut routes: Vec<Route<I>> = untouched.chain(changed).collect();
    routes.sort();
    routes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::synthetic;
    use std::collections::HashSet;
    use std::net::Ipv4Addr;

    #[test]
    fn what_goes_is_there_and_what_comes_is_not() {
        let routes = synthetic::<Ipv4Addr>(1, 300);
        let changes = churn(&routes, 2000, 4);
        let mut there: HashSet<_> = routes.iter().map(|route| route.prefix).collect();
        let (mut went, mut came) = (0, 0);
        for Change { prefix, hop } in &changes {
            match hop {
                None => {
                    assert!(there.remove(prefix), "{prefix} is there");
                    went += 1;
                }
                Some(_) => came += usize::from(there.insert(*prefix)),
            }
        }
        assert!(went > 400 && came > 400, "{went} {came}");
        let after: HashSet<_> = after(&routes, &changes).iter().map(|route| route.prefix).collect();
        assert_eq!(after, there);
    }

    #[test]
    fn a_round_leads_back() {
        let routes = synthetic::<Ipv4Addr>(1, 300);
        let round = round(&routes, 2000, 4);
        assert!(round.len() > 2100, "{}", round.len());
        assert_eq!(after(&routes, &round), routes);
        assert_ne!(after(&routes, &round[..2000]), routes);
    }
}
