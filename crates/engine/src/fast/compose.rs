//! Several tables, searched one after the other, as one.
//!
//! A table's answer hides whatever later tables hold for its destinations, longer
//! prefixes included. Where a table passes (a `throw` route, a result that the rule
//! discards), the answer is that of the tables after it. What a table itself says is
//! in [`super::tables4`] and [`super::tables6`].

use fingerpost_net::{Errno, Ip, Prefix};

use super::program::Member;

/// What a table, or several, say of the destinations of a prefix.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Place<I: Ip, F> {
    /// It turns on more than the destination.
    Ask,
    /// Nothing: the next table is searched.
    Pass,
    /// An error, of the route to a prefix.
    Refused(Errno, Prefix<I>),
    /// A route to a prefix.
    Found(F, Prefix<I>),
}

/// Tables as they are configured.
pub trait Lists<I: Ip> {
    /// A route that was found.
    type Found: Copy;

    /// Each prefix of a table with what its own routes say, where they say anything.
    fn each(&self, member: &Member, take: impl FnMut(Prefix<I>, Place<I, Self::Found>));

    /// What a prefix's own routes say.
    fn own(&self, member: &Member, prefix: Prefix<I>) -> Option<Place<I, Self::Found>>;

    /// What a table says of those destinations of a prefix for which it has nothing longer.
    fn covering(&self, member: &Member, prefix: Prefix<I>) -> Option<Place<I, Self::Found>>;
}

/// What tables that are searched together say of the destinations of a prefix.
#[derive(Clone, Copy, Debug)]
pub struct Composed<I: Ip> {
    /// The destinations; those of longer prefixes are not among them.
    pub prefix: Prefix<I>,
    /// The number of the place.
    pub place: u32,
    /// The prefix of the route that says so; none if no route does.
    pub route: Option<Prefix<I>>,
    /// Which of the tables it is in.
    pub member: u32,
}

impl<I: Ip, F> Place<I, F> {
    /// The prefix of the route.
    fn route(&self) -> Option<Prefix<I>> {
        match self {
            Place::Ask | Place::Pass => None,
            Place::Refused(_, prefix) | Place::Found(_, prefix) => Some(*prefix),
        }
    }
}

/// What tables that are searched together say of each of their prefixes.
pub fn compose<I: Ip, L: Lists<I>>(
    lists: &L,
    members: &[Member],
    mut number: impl FnMut(Place<I, L::Found>) -> u32,
) -> Vec<Composed<I>> {
    let mut routes = Vec::new();
    for (n, member) in members.iter().enumerate() {
        let (before, after) = (&members[..n], &members[n + 1..]);
        lists.each(member, |prefix, own| {
            if matches!(covering(lists, before, prefix), None | Some((_, Place::Pass))) {
                let (at, place) = match own {
                    Place::Pass => match covering(lists, after, prefix) {
                        Some((at, place)) => (n + 1 + at, place),
                        None => (n, Place::Pass),
                    },
                    own => (n, own),
                };
                let route = place.route();
                routes.push(Composed { prefix, place: number(place), route, member: at as u32 });
            }
        });
    }
    routes
}

/// The place of a prefix when tables have changed; `None` where none of them has
/// anything of that length to say.
pub fn place_at<I: Ip, L: Lists<I>>(
    lists: &L,
    members: &[Member],
    prefix: Prefix<I>,
) -> Option<Place<I, L::Found>> {
    let mut has_own = false;
    for (n, member) in members.iter().enumerate() {
        match lists.own(member, prefix) {
            None => {}
            // Nothing stands before the first table.
            Some(own) if n == 0 && !matches!(own, Place::Pass) => return Some(own),
            Some(_) => has_own = true,
        }
    }
    has_own.then(|| covering(lists, members, prefix).map_or(Place::Pass, |(_, place)| place))
}

/// What the tables say of those destinations of a prefix for which they have nothing
/// longer, and which of them does.
fn covering<I: Ip, L: Lists<I>>(
    lists: &L,
    members: &[Member],
    prefix: Prefix<I>,
) -> Option<(usize, Place<I, L::Found>)> {
    let mut passed = None;
    for (n, member) in members.iter().enumerate() {
        match lists.covering(member, prefix) {
            Some(Place::Pass) => passed = Some((n, Place::Pass)),
            Some(place) => return Some((n, place)),
            None => {}
        }
    }
    passed
}
