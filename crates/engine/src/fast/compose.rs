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
pub enum Place<F> {
    /// It turns on more than the destination.
    Ask,
    /// Nothing: the next table is searched.
    Pass,
    /// An error.
    Refused(Errno),
    /// A route.
    Found(F),
}

/// Tables as they are configured.
pub trait Lists<I: Ip> {
    /// A route that was found.
    type Found: Copy;

    /// Each prefix of a table with what its own routes say, where they say anything.
    fn each(&self, member: &Member, take: impl FnMut(Prefix<I>, Place<Self::Found>));

    /// What a prefix's own routes say.
    fn own(&self, member: &Member, prefix: Prefix<I>) -> Option<Place<Self::Found>>;

    /// What a table says of those destinations of a prefix for which it has nothing longer.
    fn covering(&self, member: &Member, prefix: Prefix<I>) -> Option<Place<Self::Found>>;
}

/// Each prefix of the tables with the number of its place.
pub(super) fn compose<I: Ip, L: Lists<I>>(
    lists: &L,
    members: &[Member],
    mut number: impl FnMut(Place<L::Found>) -> u32,
) -> Vec<(Prefix<I>, u32)> {
    let mut routes = Vec::new();
    for (n, member) in members.iter().enumerate() {
        let (before, after) = (&members[..n], &members[n + 1..]);
        lists.each(member, |prefix, own| {
            if matches!(covering(lists, before, prefix), None | Some(Place::Pass)) {
                let place = match own {
                    Place::Pass => covering(lists, after, prefix).unwrap_or(Place::Pass),
                    own => own,
                };
                routes.push((prefix, number(place)));
            }
        });
    }
    routes
}

/// The place of a prefix when tables have changed; `None` where none of them has
/// anything of that length to say.
pub(super) fn place_at<I: Ip, L: Lists<I>>(
    lists: &L,
    members: &[Member],
    prefix: Prefix<I>,
) -> Option<Place<L::Found>> {
    let has_own = |member: &Member| lists.own(member, prefix).is_some();
    members.iter().any(has_own).then(|| covering(lists, members, prefix).unwrap_or(Place::Pass))
}

/// What the tables say of those destinations of a prefix for which they have nothing longer.
fn covering<I: Ip, L: Lists<I>>(lists: &L, members: &[Member], prefix: Prefix<I>) -> Option<Place<L::Found>> {
    let mut passed = None;
    for member in members {
        match lists.covering(member, prefix) {
            Some(Place::Pass) => passed = Some(Place::Pass),
            Some(place) => return Some(place),
            None => {}
        }
    }
    passed
}
